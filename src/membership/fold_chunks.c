/*-------------------------------------------------------------------------
 *
 * fold_chunks.c
 *	  From the toggles of many events to bitmaps, and to what is emitted.
 *
 *		toggles		17 entered 3, 12:00	40 entered 3, 12:01	17 left 3, 12:02
 *		chunk		3	{}
 *
 *		chunk		3	{40}
 *		emitted		17 entered 3, 40 entered 3, 17 left 3
 *
 * The toggles that are visible are deleted, flipped in the chunks and emitted
 * in the order in which they happened, in one transaction: a reader sees all
 * of it or nothing.  What a transaction that is still open has toggled waits
 * for the next fold.
 *
 * Toggles go through two sorts, which spill to disk if there are many:
 *
 *		toggles ─► by customer ─► flips (net.c) ─► by time ─► batches
 *
 * If several transactions let a profile enter and leave at one instant,
 * entering and leaving alternate, and the chunk tells which of them is first.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "membership/membership_private.h"

/* Changes that are emitted at a time, which bounds the memory it takes. */
#define BATCH			50000

/* A profile that enters or leaves the stored members of a definition. */
typedef struct Flip
{
	TimestampTz at;				/* when: see net.c */
	int64		ord;
	int32		definition_id;
	int			rank;			/* among those of the same instant */
	bool		entered;
	bool		by_event;
	const char *key;			/* NULL: it is not emitted */
} Flip;

static void fold_flips(const MembershipFold *fold, FlipSort *flips);
static bool goes_with(TupleTableSlot *slot, const Flip *flip);
static Flip first_flip(TupleTableSlot *slot, const Population *population);
static void fold_batch(const MembershipFold *fold, Flip *flips, int count);
static void fold_chunks(const MembershipFold *fold, Flip *flips, int count);
static void fold_chunk(ChunkWriter *writer, Flip *flips, int count);
static void guess_members(MemberSet *before, const Flip *flips, int count);
static void order_ties(const MemberSet *before, Flip *flips, int count);
static int	compare_by_time(const void *a, const void *b);
static int	compare_by_chunk(const void *a, const void *b);

int64
membership_fold(const MembershipFold *fold)
{
	MemoryContext memory;
	MemoryContext old;
	FlipSort	flips;
	int64		count;

	if (!OidIsValid(membership_tables(fold->population)->toggles))
		return 0;
	memory = AllocSetContextCreate(CurrentMemoryContext, "segment fold",
								   ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(memory);
	count = toggles_net(fold, &flips);
	fold_flips(fold, &flips);
	tuplesort_end(flips.state);
	ExecDropSingleTupleTableSlot(flips.slot);
	CommandCounterIncrement();
	MemoryContextSwitchTo(old);
	MemoryContextDelete(memory);
	return count;
}

/*
 * fold_flips() folds batch by batch in the order of time.  What happened to a
 * profile at one instant stays together: see order_ties().
 */
static void
fold_flips(const MembershipFold *fold, FlipSort *sort)
{
	TupleDesc	desc = sort->slot->tts_tupleDescriptor;
	TupleTableSlot *slot = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);
	MemoryContext memory = AllocSetContextCreate(CurrentMemoryContext,
												 "segment fold batch",
												 ALLOCSET_DEFAULT_SIZES);
	int			space = 256;
	Flip	   *flips = palloc(sizeof(Flip) * space);
	int			count = 0;

	tuplesort_performsort(sort->state);
	while (tuplesort_gettupleslot(sort->state, true, false, slot, NULL))
	{
		MemoryContext old = MemoryContextSwitchTo(memory);
		PackedToggles packed = {0};
		Toggle		toggle;
		Flip		flip;

		CHECK_FOR_INTERRUPTS();
		slot_getallattrs(slot);
		if (count >= BATCH && !goes_with(slot, &flips[count - 1]))
		{
			fold_batch(fold, flips, count);
			MemoryContextReset(memory);
			count = 0;
		}
		flip = first_flip(slot, fold->population);
		toggles_read(&packed, slot->tts_values[FLIP_LIST - 1]);
		for (; toggles_next(&packed, &toggle); flip.rank++)
		{
			if (count == space)
			{
				space *= 2;
				flips = repalloc_huge(flips, sizeof(Flip) * space);
			}
			flip.definition_id = toggle.definition_id;
			flip.entered = toggle.entered;
			flips[count++] = flip;
		}
		MemoryContextSwitchTo(old);
	}
	if (count > 0)
		fold_batch(fold, flips, count);
	pfree(flips);
	MemoryContextDelete(memory);
	ExecDropSingleTupleTableSlot(slot);
}

/* goes_with() tells whether both are of one profile and one instant. */
static bool
goes_with(TupleTableSlot *slot, const Flip *flip)
{
	const Datum *values = slot->tts_values;

	return DatumGetTimestampTz(values[FLIP_AT - 1]) == flip->at &&
		DatumGetInt64(values[FLIP_ORD - 1]) == flip->ord;
}

/*
 * first_flip() reads what the flips of a row of the sort share, with the rank
 * of the first of them; the key is printed.
 */
static Flip
first_flip(TupleTableSlot *slot, const Population *population)
{
	const Datum *values = slot->tts_values;
	Flip		flip = {
		.at = DatumGetTimestampTz(values[FLIP_AT - 1]),
		.ord = DatumGetInt64(values[FLIP_ORD - 1]),
		.rank = DatumGetInt32(values[FLIP_RANK - 1]),
		.by_event = DatumGetBool(values[FLIP_BY_EVENT - 1]),
	};

	if (!slot->tts_isnull[FLIP_KEY - 1])
		flip.key = profile_key_text(population, values[FLIP_KEY - 1]);
	return flip;
}

/* fold_batch() flips in the chunks, and then emits in the order of time. */
static void
fold_batch(const MembershipFold *fold, Flip *flips, int count)
{
	qsort(flips, count, sizeof(Flip), compare_by_chunk);
	fold_chunks(fold, flips, count);
	qsort(flips, count, sizeof(Flip), compare_by_time);
	for (int i = 0; i < count; i++)
	{
		MemberChange change = {
			.definition_id = flips[i].definition_id,
			.key = flips[i].key,
			.entered = flips[i].entered,
			.at = flips[i].at,
			.cause = flips[i].by_event ? CAUSE_EVENT : CAUSE_TIME,
		};

		if (change.key != NULL)
			fold->emit(fold, &change);
	}
	CommandCounterIncrement();
}

/* fold_chunks() writes the chunks of flips that are sorted by chunk. */
static void
fold_chunks(const MembershipFold *fold, Flip *flips, int count)
{
	ChunkWriter writer;
	MemoryContext memory = AllocSetContextCreate(CurrentMemoryContext,
												 "segment chunk",
												 ALLOCSET_DEFAULT_SIZES);

	chunk_writer_open(&writer, fold->population);
	writer.skip_damaged = fold->skip_damaged;
	for (int i = 0, next; i < count; i = next)
	{
		MemoryContext old;

		CHECK_FOR_INTERRUPTS();
		for (next = i + 1; next < count; next++)
			if (flips[next].definition_id != flips[i].definition_id ||
				CHUNK_OF(flips[next].ord) != CHUNK_OF(flips[i].ord))
				break;
		if (!fold->is_defined(fold, flips[i].definition_id))
			continue;

		old = MemoryContextSwitchTo(memory);
		fold_chunk(&writer, &flips[i], next - i);
		for (int j = i; j < next; j++)
			flips[j].rank = j;
		MemoryContextSwitchTo(old);
		MemoryContextReset(memory);
	}
	chunk_writer_close(&writer);
	MemoryContextDelete(memory);
}

/* fold_chunk() writes one chunk, and puts ties into their order. */
static void
fold_chunk(ChunkWriter *writer, Flip *flips, int count)
{
	MemberSet  *before = members_create();
	int64	   *ords = palloc(sizeof(int64) * count);
	ChunkFlip	chunk = {
		.definition_id = flips[0].definition_id,
		.number = CHUNK_OF(flips[0].ord),
		.ords = ords,
		.count = count,
	};

	for (int i = 0; i < count; i++)
		ords[i] = flips[i].ord;
	if (!chunk_flip(writer, &chunk, before))
		guess_members(before, flips, count);
	order_ties(before, flips, count);
}

/*
 * guess_members() adds the profiles that must have been members for these
 * flips to have come, where the chunk cannot be read.
 */
static void
guess_members(MemberSet *before, const Flip *flips, int count)
{
	for (int i = 0, next; i < count; i = next)
	{
		int			sum = 0;

		for (next = i; next < count && flips[next].ord == flips[i].ord; next++)
			sum += flips[next].entered ? 1 : -1;
		if (sum < 0 || (sum == 0 && !flips[i].entered))
			members_add(before, flips[i].ord);
	}
}

/*
 * order_ties() makes entering and leaving alternate among flips of one chunk,
 * which are sorted by profile and time.
 */
static void
order_ties(const MemberSet *before, Flip *flips, int count)
{
	bool		member = false;

	for (int i = 0; i < count; i++)
	{
		if (i == 0 || flips[i].ord != flips[i - 1].ord)
			member = members_contain(before, flips[i].ord);
		if (flips[i].entered == member)
			for (int j = i + 1; j < count; j++)
			{
				Flip		swap = flips[i];

				if (flips[j].ord != swap.ord || flips[j].at != swap.at)
					break;
				if (flips[j].entered == member)
					continue;
				flips[i] = flips[j];
				flips[j] = swap;
				break;
			}
		member = flips[i].entered;
	}
}

/* The order in which flips are emitted: by time, profile, definition. */
static int
compare_by_time(const void *a, const void *b)
{
	const Flip *left = a;
	const Flip *right = b;

	if (left->at != right->at)
		return left->at < right->at ? -1 : 1;
	if (left->ord != right->ord)
		return left->ord < right->ord ? -1 : 1;
	if (left->definition_id != right->definition_id)
		return left->definition_id < right->definition_id ? -1 : 1;
	return left->rank < right->rank ? -1 : left->rank > right->rank;
}

/* The order in which chunks are written: by definition, profile, time. */
static int
compare_by_chunk(const void *a, const void *b)
{
	const Flip *left = a;
	const Flip *right = b;

	if (left->definition_id != right->definition_id)
		return left->definition_id < right->definition_id ? -1 : 1;
	if (left->ord != right->ord)
		return left->ord < right->ord ? -1 : 1;
	if (left->at != right->at)
		return left->at < right->at ? -1 : 1;
	return left->rank < right->rank ? -1 : left->rank > right->rank;
}
