/*-------------------------------------------------------------------------
 *
 * stream.c
 *	  How much do two stored audiences share, without holding either?
 *
 *		a	chunk 0 {3, 17}		chunk 2 {300000}
 *		b	chunk 0 {17}		chunk 1 {140000}
 *
 *		0	2 and 1 members, 1 in both
 *		1	only in b: 1
 *		2	only in a: 1
 *
 * Both are read in the order of chunks, one of each at a time, and forgotten
 * when they are counted.  Of a million profiles that is 32 kB at any time
 * instead of 256: it stays in the processor's cache, and the allocator does
 * not give memory back to the system only to ask for it again.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "miscadmin.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "audience/audience_private.h"

/* The chunks of one definition, one after the other. */
typedef struct Stream
{
	Relation	relation;
	Relation	index;
	SysScanDesc scan;
	HeapTuple	row;			/* of the chunk that comes next, or NULL */
	MemoryContext memory;		/* of 'members' */
	MemberSet  *toggled;		/* those pending, of all chunks */
	int			next_toggled;	/* place of a chunk in it */
	bool		stored;			/* the marker was seen */
	int64		chunk;			/* where it is; PG_INT64_MAX at the end */
	MemberSet  *members;		/* of that chunk */
} Stream;

static void stream_open(Stream *stream, const Population *population,
						int32 definition_id, Snapshot snapshot);
static void stream_next(Stream *stream);
static HeapTuple next_row(Stream *stream);
static int64 row_chunk(Stream *stream);
static void stream_close(Stream *stream);

bool
storage_share(const Population *population, int32 a, int32 b,
			  Snapshot snapshot, StorageShare *share)
{
	Stream		left;
	Stream		right;
	bool		stored;

	memset(share, 0, sizeof(StorageShare));
	if (!OidIsValid(audience_tables(population)->chunks))
		return false;
	stream_open(&left, population, a, snapshot);
	stream_open(&right, population, b, snapshot);
	stored = left.stored && right.stored;
	while (stored && (left.chunk != PG_INT64_MAX || right.chunk != PG_INT64_MAX))
	{
		int64		chunk = Min(left.chunk, right.chunk);
		bool		in_left = left.chunk == chunk;
		bool		in_right = right.chunk == chunk;

		CHECK_FOR_INTERRUPTS();
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

static void
stream_open(Stream *stream, const Population *population, int32 definition_id,
			Snapshot snapshot)
{
	ScanKeyData key;

	memset(stream, 0, sizeof(Stream));
	stream->memory = AllocSetContextCreate(CurrentMemoryContext, "segment stream",
										   ALLOCSET_DEFAULT_SIZES);
	stream->toggled = storage_read_toggles(population, definition_id, snapshot);
	stream->relation = storage_open(population, false, AccessShareLock);
	stream->index = index_open(RelationGetPrimaryKeyIndex(stream->relation, false),
							   AccessShareLock);
	ScanKeyInit(&key, CHUNK_AUDIENCE, BTEqualStrategyNumber, F_INT4EQ,
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

/* The next chunk that is stored, or that somebody toggled in, or both. */
static void
stream_next(Stream *stream)
{
	int64		stored = row_chunk(stream);
	int64		toggled = members_chunk_number(stream->toggled, stream->next_toggled);
	MemoryContext old;

	MemoryContextReset(stream->memory);
	stream->chunk = Min(stored, toggled);
	if (stream->chunk == PG_INT64_MAX)
		return;

	old = MemoryContextSwitchTo(stream->memory);
	stream->members = members_create();
	if (stored == stream->chunk)
	{
		storage_read_row(stream->relation, stream->row, stream->members);
		stream->row = next_row(stream);
	}
	if (toggled == stream->chunk)
		members_flip_chunk(stream->members, stream->toggled, stream->next_toggled++);
	MemoryContextSwitchTo(old);
}

static HeapTuple
next_row(Stream *stream)
{
	return systable_getnext_ordered(stream->scan, ForwardScanDirection);
}

static int64
row_chunk(Stream *stream)
{
	bool		isnull;

	if (!HeapTupleIsValid(stream->row))
		return PG_INT64_MAX;
	return DatumGetInt64(heap_getattr(stream->row, CHUNK_NUMBER,
									  RelationGetDescr(stream->relation), &isnull));
}

static void
stream_close(Stream *stream)
{
	systable_endscan_ordered(stream->scan);
	index_close(stream->index, AccessShareLock);
	table_close(stream->relation, AccessShareLock);
	MemoryContextDelete(stream->memory);
}
