/*-------------------------------------------------------------------------
 *
 * stream.c
 *	  How much do two definitions share, without holding either in memory?
 *
 *		a	chunk 0 {3, 17}		chunk 2 {300000}
 *		b	chunk 0 {17}		chunk 1 {140000}
 *
 *		0	2 and 1 members, 1 in both
 *		1	only in b: 1
 *		2	only in a: 1
 *
 * Both are read in the order of chunks, one of each at a time, and a chunk is
 * forgotten when it is counted.  Of a million profiles that is 32 kB at any
 * time instead of 256: it stays in the processor's cache, and the allocator
 * does not give memory back to the system only to ask for it again.
 *
 * The planner is content with the chunks, as they are.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "miscadmin.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "membership/membership_private.h"

/* The chunks of one definition, one after the other. */
typedef struct Stream
{
	Relation	relation;
	Relation	index;
	SysScanDesc scan;
	HeapTuple	row;			/* of the chunk that comes next, or NULL */
	MemoryContext memory;		/* of 'members' */
	MemberSet  *toggled;		/* those pending, of all chunks */
	int			next_toggled;	/* which of its chunks is next */
	bool		stored;			/* the marker was met */
	int64		chunk;			/* the current one; PG_INT64_MAX at the end */
	MemberSet  *members;		/* of that chunk */
} Stream;

static void stream_open(Stream *stream, const Population *population,
						int32 definition_id, Snapshot snapshot);
static void stream_next(Stream *stream);
static HeapTuple next_row(Stream *stream);
static int64 row_chunk(Stream *stream);
static void stream_close(Stream *stream);

bool
membership_share(const Population *population, int32 a, int32 b,
			  Snapshot snapshot, MembershipShare *share)
{
	Stream		left;
	Stream		right;
	bool		stored;

	memset(share, 0, sizeof(MembershipShare));
	if (!OidIsValid(membership_tables(population)->chunks))
		return false;
	stream_open(&left, population, a, snapshot);
	stream_open(&right, population, b, snapshot);
	stored = left.stored && right.stored;
	while (stored)
	{
		int64		chunk = Min(left.chunk, right.chunk);
		bool		in_left = left.chunk == chunk;
		bool		in_right = right.chunk == chunk;

		CHECK_FOR_INTERRUPTS();
		if (chunk == PG_INT64_MAX)
			break;
		if (in_left)
			share->size_a += members_count(left.members);
		if (in_right)
			share->size_b += members_count(right.members);
		if (in_left && in_right)
			share->in_both += members_count_both(left.members, right.members);
		if (in_left)
			stream_next(&left);
		if (in_right)
			stream_next(&right);
	}
	stream_close(&left);
	stream_close(&right);
	return stored;
}

double
membership_estimate_share(const Population *population, List *definition_ids,
						  Snapshot snapshot)
{
	MemoryContext memory = AllocSetContextCreate(CurrentMemoryContext,
												 "segment share",
												 ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(memory);
	Relation	chunks;
	Relation	toggles;
	double		share = -1;

	if (membership_try_open(population, &chunks, &toggles))
	{
		MemberSet  *in_all = NULL;
		ListCell   *lc;

		foreach(lc, definition_ids)
		{
			MemberSet  *one = chunks_try_read(chunks, lfirst_int(lc),
											  snapshot);

			if (one == NULL || in_all == NULL)
				in_all = one;
			else
				in_all = members_both(in_all, one);
			if (in_all == NULL)
				break;
		}
		if (in_all != NULL)
			share = members_count(in_all);
		table_close(chunks, AccessShareLock);
		table_close(toggles, AccessShareLock);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(memory);
	return share;
}

/*
 * stream_open() opens the tables and goes to the first chunk, if the members
 * of the definition are stored.
 */
static void
stream_open(Stream *stream, const Population *population, int32 definition_id,
			Snapshot snapshot)
{
	ScanKeyData key;
	Oid			primary_key;

	memset(stream, 0, sizeof(Stream));
	stream->memory = AllocSetContextCreate(CurrentMemoryContext,
										   "segment stream",
										   ALLOCSET_DEFAULT_SIZES);
	stream->toggled = members_create();
	toggles_flip(population, definition_id, snapshot, stream->toggled);
	stream->relation = chunks_open(population, AccessShareLock);
	primary_key = RelationGetPrimaryKeyIndex(stream->relation, false);
	stream->index = index_open(primary_key, AccessShareLock);
	ScanKeyInit(&key, CHUNK_DEFINITION, BTEqualStrategyNumber, F_INT4EQ,
				Int32GetDatum(definition_id));
	stream->scan = systable_beginscan_ordered(stream->relation, stream->index,
											  snapshot, 1, &key);
	stream->row = next_row(stream);
	/* the marker comes first */
	if (HeapTupleIsValid(stream->row) && row_chunk(stream) < 0)
	{
		stream->stored = (row_chunk(stream) == CHUNK_MARKER);
		stream->row = next_row(stream);
	}
	stream_next(stream);
}

/*
 * stream_next() goes to the next chunk that is stored, or that has toggles, or
 * both.
 */
static void
stream_next(Stream *stream)
{
	int64		stored = row_chunk(stream);
	int64		toggled = members_chunk_number(stream->toggled,
											   stream->next_toggled);
	MemoryContext old;

	MemoryContextReset(stream->memory);
	stream->chunk = Min(stored, toggled);
	if (stream->chunk == PG_INT64_MAX)
		return;

	old = MemoryContextSwitchTo(stream->memory);
	stream->members = members_create();
	if (stored == stream->chunk)
	{
		chunk_read(stream->relation, stream->row, stream->members);
		stream->row = next_row(stream);
	}
	if (toggled == stream->chunk)
		members_flip_chunk(stream->members, stream->toggled,
						   stream->next_toggled++);
	MemoryContextSwitchTo(old);
}

static HeapTuple
next_row(Stream *stream)
{
	return systable_getnext_ordered(stream->scan, ForwardScanDirection);
}

/* row_chunk() returns the number of a chunk; PG_INT64_MAX without a row. */
static int64
row_chunk(Stream *stream)
{
	bool		isnull;

	if (!HeapTupleIsValid(stream->row))
		return PG_INT64_MAX;
	return DatumGetInt64(heap_getattr(stream->row, CHUNK_NUMBER,
									  RelationGetDescr(stream->relation),
									  &isnull));
}

static void
stream_close(Stream *stream)
{
	systable_endscan_ordered(stream->scan);
	index_close(stream->index, AccessShareLock);
	table_close(stream->relation, AccessShareLock);
	MemoryContextDelete(stream->memory);
}
