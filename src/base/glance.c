/*-------------------------------------------------------------------------
 *
 * glance.c
 *	  Which blocks of one of our tables have changed since they were read?
 *
 *		before		block 0 settled at 0/17A0	block 1 at 0/1910
 *		now			block 0 still at 0/17A0		block 1 at 0/1910
 *
 *		block 0		has the same rows as before
 *		block 1		an inserter was still at work: it has to be read
 *
 * Whatever adds, removes or locks a row of a table that is logged moves the
 * LSN of its block.  Only that a transaction ends does not.  So a block is
 * settled if no transaction that has written on it is in progress; and from
 * then on it has the same rows for all snapshots to come, as long as its LSN
 * stays.  The snapshot of the reader is taken afterwards.
 *
 * A table of ten thousand definitions is looked through in a fraction of the
 * time that it takes to see which of its rows are visible.  Mostly a block is
 * still in the buffer where it was met before, and is not searched for.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xlog.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/bufpage.h"
#include "storage/procarray.h"
#include "utils/rel.h"

#include "base/base.h"
#include "base/base_private.h"

static Buffer read_block(Relation relation, BlockNumber block,
						 const BlockGlance *before);
static void look_at(Buffer buffer, BlockGlance *now,
					const BlockGlance *before);
static bool is_settled(Page page);
static bool has_ended(HeapTupleHeader row);

void
glance_take(Relation relation, const Glance *before, Glance *now)
{
	bool		logged = RelationNeedsWAL(relation) && !RecoveryInProgress();
	BlockNumber known;

	now->file = relation->rd_rel->relfilenode;
	known = now->file == before->file ? before->count : 0;
	now->count = RelationGetNumberOfBlocks(relation);
	now->blocks = palloc0(sizeof(BlockGlance) * Max(now->count, 1));
	for (BlockNumber block = 0; block < now->count; block++)
	{
		const BlockGlance *known_as = block < known ?
			&before->blocks[block] : NULL;
		BlockGlance *one = &now->blocks[block];
		Buffer		buffer;

		CHECK_FOR_INTERRUPTS();
		one->changed = true;
		if (!logged)
			continue;
		buffer = read_block(relation, block, known_as);
		LockBuffer(buffer, BUFFER_LOCK_SHARE);
		look_at(buffer, one, known_as);
		UnlockReleaseBuffer(buffer);
	}
}

/* read_block() pins a block, whose buffer was perhaps noted before. */
static Buffer
read_block(Relation relation, BlockNumber block, const BlockGlance *before)
{
	if (before != NULL && BufferIsValid(before->buffer) &&
		ReadRecentBuffer(relation->rd_locator, MAIN_FORKNUM, block,
						 before->buffer))
		return before->buffer;
	return ReadBuffer(relation, block);
}

bool
glance_changed(const Glance *glance, BlockNumber block)
{
	return block >= glance->count || glance->blocks[block].changed;
}

/* look_at() compares a block, which is locked, with what it was, if it was. */
static void
look_at(Buffer buffer, BlockGlance *now, const BlockGlance *before)
{
	Page		page = BufferGetPage(buffer);

	now->buffer = buffer;
	now->lsn = PageGetLSN(page);
	now->changed = before == NULL || !before->settled ||
		before->lsn != now->lsn;
	now->settled = !now->changed || is_settled(page);
}

/* is_settled() tells whether all who have written on a page have ended. */
static bool
is_settled(Page page)
{
	OffsetNumber last = PageGetMaxOffsetNumber(page);

	for (OffsetNumber i = FirstOffsetNumber; i <= last; i++)
	{
		ItemId		item = PageGetItemId(page, i);

		if (ItemIdIsNormal(item) &&
			!has_ended((HeapTupleHeader) PageGetItem(page, item)))
			return false;
	}
	return true;
}

/*
 * has_ended() tells whether who made a version of a row and who removed it
 * have ended.
 */
static bool
has_ended(HeapTupleHeader row)
{
	if (!HeapTupleHeaderXminCommitted(row) &&
		!HeapTupleHeaderXminInvalid(row) &&
		TransactionIdIsInProgress(HeapTupleHeaderGetRawXmin(row)))
		return false;
	if ((row->t_infomask & (HEAP_XMAX_INVALID | HEAP_XMAX_COMMITTED)) != 0)
		return true;
	return (row->t_infomask & HEAP_XMAX_IS_MULTI) == 0 &&
		!TransactionIdIsInProgress(HeapTupleHeaderGetRawXmax(row));
}
