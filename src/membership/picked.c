/*-------------------------------------------------------------------------
 *
 * picked.c
 *	  What is left of the toggles that were picked for folds with a budget?
 *
 * To find the toggles that happened first all that are pending are read
 * (pick.c).  So more are picked than a fold with a budget may take, and the
 * session keeps the others, in the order in which they are to be folded:
 *
 *		17 at 12:00		40 at 12:01		41 at 12:02		17 at 12:03		...
 *		folded			|					kept
 *
 * That order stays right.  What is toggled later, or becomes visible later,
 * happens to the same customer after what was visible before, because both
 * transactions lock the customer's profile.
 *
 * Another session may have folded some of them, or all, and others may stand
 * in their places.  Then the others are forgotten, and toggles picked anew; so
 * they are after a rollback, which brings back what was folded.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/tableam.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "membership/membership.h"
#include "membership/membership_private.h"

/* What the session keeps. */
typedef struct KeptRows
{
	Oid			relation;		/* the toggle table */
	Oid			file;			/* its file then: VACUUM FULL moves rows */
	int64		count;			/* 0: nothing */
	int64		next;
	PickedRow  *rows;			/* NULL: nothing */
} KeptRows;

static KeptRows kept;

static int64 find_end(int64 most);
static bool are_there(Relation relation, Snapshot snapshot, int64 end);
static int	compare_tids(const void *a, const void *b);

void
picked_keep(Relation relation, const PickedRow *rows, int64 count)
{
	Size		size = sizeof(PickedRow) * count;

	membership_forget_picked();
	if (kept.rows != NULL)
		pfree(kept.rows);
	kept.rows = NULL;
	kept.rows = MemoryContextAllocHuge(TopMemoryContext, Max(size, 1));
	memcpy(kept.rows, rows, size);
	kept.relation = RelationGetRelid(relation);
	kept.file = relation->rd_rel->relfilenode;
	kept.count = count;
	kept.next = 0;
}

void
membership_forget_picked(void)
{
	kept.count = kept.next = 0;
}

ItemPointerData *
picked_take(Relation relation, Snapshot snapshot, int64 most, int64 *count)
{
	ItemPointerData *picked;
	int64		end;

	if (kept.count == 0 || kept.relation != RelationGetRelid(relation))
		return NULL;
	end = find_end(most);
	if (end < 0 || kept.file != relation->rd_rel->relfilenode ||
		!are_there(relation, snapshot, end))
	{
		membership_forget_picked();
		return NULL;
	}
	*count = end - kept.next;
	picked = palloc_extended(sizeof(ItemPointerData) * *count,
							 MCXT_ALLOC_HUGE);
	for (int64 i = 0; i < *count; i++)
		picked[i] = kept.rows[kept.next + i].tid;
	qsort(picked, *count, sizeof(ItemPointerData), compare_tids);
	kept.next = end;
	return picked;
}

/*
 * find_end() returns where the rows end that have so many toggles, with those
 * that must not be separated from them; -1 if that many are not left.
 */
static int64
find_end(int64 most)
{
	int64		toggles = 0;

	for (int64 i = kept.next; i < kept.count; i++)
	{
		toggles += kept.rows[i].toggles;
		if (toggles >= most && kept.rows[i].may_be_last)
			return i + 1;
	}
	return -1;
}

/* are_there() tells whether the snapshot shows the rows up to 'end'. */
static bool
are_there(Relation relation, Snapshot snapshot, int64 end)
{
	TupleTableSlot *slot = table_slot_create(relation, NULL);
	BlockNumber pages = RelationGetNumberOfBlocks(relation);
	bool		there = true;

	for (int64 i = kept.next; there && i < end; i++)
	{
		const PickedRow *row = &kept.rows[i];
		ItemPointerData tid = row->tid;

		CHECK_FOR_INTERRUPTS();
		there = ItemPointerGetBlockNumber(&tid) < pages &&
			table_tuple_fetch_row_version(relation, &tid, snapshot, slot);
		if (!there)
			break;
		slot_getsomeattrs(slot, TOGGLE_TRANSACTION);
		there = row->transaction ==
			DatumGetInt64(slot->tts_values[TOGGLE_TRANSACTION - 1]);
	}
	ExecDropSingleTupleTableSlot(slot);
	return there;
}

static int
compare_tids(const void *a, const void *b)
{
	ItemPointerData left = *(const ItemPointerData *) a;
	ItemPointerData right = *(const ItemPointerData *) b;

	return ItemPointerCompare(&left, &right);
}
