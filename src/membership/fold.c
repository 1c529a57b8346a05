/*-------------------------------------------------------------------------
 *
 * fold.c
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
 *		toggles ─► by customer ─► flips (net.c) ─► by time ─► emitted
 *								    └─► chunks (chunk_flips.c)
 *
 * The sorts and the flips that are collected take twice work_mem together, or
 * where that is little some megabytes more, and what happened to one customer
 * at one instant must fit into memory.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "membership/membership_private.h"

/* A profile that enters or leaves the stored members of a definition. */
typedef struct Flip
{
	int32		definition_id;
	int			rank;			/* among those of the same instant */
	bool		entered;
	bool		by_event;
} Flip;

/* What is emitted of one profile and one instant. */
typedef struct Moment
{
	TimestampTz at;
	int64		ord;
	int			count;
	int			space;
	Flip	   *flips;
	MemoryContext memory;		/* of the key */
	const char *key;			/* as text */
} Moment;

static void emit_flips(const MembershipFold *fold, FlipSort *flips);
static void moment_add(Moment *moment, const MembershipFold *fold,
					   TupleTableSlot *slot);
static void moment_emit(Moment *moment, const MembershipFold *fold);
static int	compare_flips(const void *a, const void *b);

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
	emit_flips(fold, &flips);
	tuplesort_end(flips.state);
	ExecDropSingleTupleTableSlot(flips.slot);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(memory);
	return count;
}

/* emit_flips() emits flips by time, then by profile, then by definition. */
static void
emit_flips(const MembershipFold *fold, FlipSort *sort)
{
	TupleDesc	desc = sort->slot->tts_tupleDescriptor;
	TupleTableSlot *slot = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);
	Moment		moment = {.space = 16};

	moment.flips = palloc(sizeof(Flip) * moment.space);
	moment.memory = AllocSetContextCreate(CurrentMemoryContext,
										  "segment moment",
										  ALLOCSET_SMALL_SIZES);
	tuplesort_performsort(sort->state);
	while (tuplesort_gettupleslot(sort->state, true, false, slot, NULL))
	{
		CHECK_FOR_INTERRUPTS();
		slot_getallattrs(slot);
		moment_add(&moment, fold, slot);
	}
	moment_emit(&moment, fold);
	MemoryContextDelete(moment.memory);
	pfree(moment.flips);
	ExecDropSingleTupleTableSlot(slot);
}

/*
 * moment_add() adds a row of the sort to a moment, which is emitted first if
 * the row is of another one.
 */
static void
moment_add(Moment *moment, const MembershipFold *fold, TupleTableSlot *slot)
{
	const Datum *values = slot->tts_values;
	TimestampTz at = DatumGetTimestampTz(values[FLIP_AT - 1]);
	int64		ord = DatumGetInt64(values[FLIP_ORD - 1]);
	PackedToggles packed = {0};
	Toggle		toggle;
	Flip		flip = {
		.rank = DatumGetInt32(values[FLIP_RANK - 1]),
		.by_event = DatumGetBool(values[FLIP_BY_EVENT - 1]),
	};

	if (moment->count > 0 && (moment->at != at || moment->ord != ord))
		moment_emit(moment, fold);
	if (moment->count == 0)
	{
		MemoryContext old = MemoryContextSwitchTo(moment->memory);

		moment->at = at;
		moment->ord = ord;
		moment->key = profile_key_text(fold->population,
									   values[FLIP_KEY - 1]);
		MemoryContextSwitchTo(old);
	}
	toggles_read(&packed, values[FLIP_LIST - 1]);
	for (; toggles_next(&packed, &toggle); flip.rank++)
	{
		if (moment->count == moment->space)
		{
			moment->space *= 2;
			moment->flips = repalloc_huge(moment->flips,
										  sizeof(Flip) * moment->space);
		}
		flip.definition_id = toggle.definition_id;
		flip.entered = toggle.entered;
		moment->flips[moment->count++] = flip;
	}
}

/* moment_emit() emits a moment, and makes it empty. */
static void
moment_emit(Moment *moment, const MembershipFold *fold)
{
	qsort(moment->flips, moment->count, sizeof(Flip), compare_flips);
	for (int i = 0; i < moment->count; i++)
	{
		const Flip *flip = &moment->flips[i];
		MemberChange change = {
			.definition_id = flip->definition_id,
			.key = moment->key,
			.entered = flip->entered,
			.at = moment->at,
			.cause = flip->by_event ? CAUSE_EVENT : CAUSE_TIME,
		};

		fold->emit(fold, &change);
	}
	moment->count = 0;
	MemoryContextReset(moment->memory);
}

/* By definition; what happened in one of them stays in its order. */
static int
compare_flips(const void *a, const void *b)
{
	const Flip *left = a;
	const Flip *right = b;

	if (left->definition_id != right->definition_id)
		return left->definition_id < right->definition_id ? -1 : 1;
	return left->rank < right->rank ? -1 : left->rank > right->rank;
}
