/*-------------------------------------------------------------------------
 *
 * fold.c
 *	  From the toggles of many events to bitmaps, and to what is to be told.
 *
 *		toggles		vip		17 entered 12:00	40 entered 12:01	17 left 12:02
 *		chunk		vip		{}
 *
 *		chunk		vip		{40}
 *		told		17 entered vip, 40 entered vip, 17 left vip
 *
 * The toggles that are visible are deleted, flipped in the chunks and handed to
 * the caller in the order in which they happened, in one transaction: whoever
 * reads sees it all before or all after.  What a transaction that is still
 * open has toggled waits for the next fold.
 *
 * They go through two sorts, which spill to disk if they are many:
 *
 *		toggles ─► by customer ─► what is to be flipped ─► by time ─► batches
 *
 * By customer, because what one transaction has undone is not told.  Loading a
 * table again makes every customer leave and enter:
 *
 *		ord 17, key Ada		left vip		12:00	transaction 9
 *		ord 81, key Ada		entered vip		12:00	transaction 9
 *
 * Profile 17 goes out of the bitmap and 81 comes in, and the feed says nothing
 * of Ada.  The toggles that events of one transaction made at one instant, for
 * one customer in one audience, come to one change, or to none.  What several
 * transactions did is told of each, even at the same instant, so that it does
 * not matter when somebody folds.  What time has changed is told, too: it was
 * so until the event came.
 *
 * The order of a profile's toggles is that of their times, which never run
 * backwards for one profile.  A customer whose profile ended and began anew is
 * another profile, with a higher ord, and the clock of the transaction that
 * made it may lag behind: nothing of it happened before the end of the other.
 * Where several transactions let a profile enter and leave at one instant,
 * entering and leaving alternate, and the chunk tells which of them is first.
 *
 * The caller holds the storage lock.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/tuplesort.h"
#include "utils/typcache.h"

#include "audience/audience_private.h"
#include "base/base.h"

/* Changes that are told at a time, which bounds the memory it takes. */
#define BATCH			50000

/* A toggle, as it was read. */
typedef struct Toggle
{
	int64		ord;
	TimestampTz at;
	int64		transaction;
	int32		audience;
	bool		entered;
	bool		by_event;		/* else by time */
} Toggle;

/* The toggles of one customer that happened at the same instant. */
typedef struct Instant
{
	Datum		key;
	TimestampTz passed;			/* latest time of the customer's so far */
	int			count;
	int			space;
	Toggle	   *toggles;
	MemoryContext memory;		/* of the key */
} Instant;

/* What is to be flipped, as columns for the sort by time. */
enum
{
	FLIP_PASSED = 1,
	FLIP_ORD,
	FLIP_AUDIENCE,
	FLIP_PLACE,
	FLIP_ENTERED,
	FLIP_BY_EVENT,
	FLIP_KEY,
	FLIP_COLUMNS = FLIP_KEY
};

/* A profile that enters or leaves the stored members of an audience. */
typedef struct Flip
{
	TimestampTz passed;			/* when: see Instant */
	int64		ord;
	int32		audience;
	int64		place;			/* among those of the same instant */
	bool		entered;
	bool		by_event;
	const char *key;			/* NULL: nobody is told */
} Flip;

/* A sort of flips by time, and the row in which each is put there. */
typedef struct FlipSort
{
	Tuplesortstate *state;
	TupleTableSlot *slot;
} FlipSort;

/* What it takes to fold. */
typedef struct Fold
{
	const Population *population;
	bool		passing;
	TransitionSink sink;
	void	   *context;
} Fold;

static Tuplesortstate *sort_by_customer(const Population *population,
										Relation relation);
static int64 take_toggles(const Population *population, Relation relation,
						  int64 most, Tuplesortstate *sort);
static void sort_by_time(const Population *population, FlipSort *sort);
static void net_toggles(const Population *population, Relation relation,
						Tuplesortstate *toggles, FlipSort *flips);
static void instant_add(Instant *instant, TupleTableSlot *slot);
static void instant_end(Instant *instant, FlipSort *flips);
static void net_transaction(const Instant *instant, const Toggle *toggles,
							int count, FlipSort *flips);
static void put_flip(FlipSort *flips, const Instant *instant,
					 const Toggle *toggle, bool entered, bool told);
static void fold_flips(const Fold *fold, FlipSort *flips);
static bool goes_with(TupleTableSlot *slot, const Flip *flip);
static Flip read_flip(TupleTableSlot *slot, const Population *population);
static void fold_batch(const Fold *fold, Flip *flips, int count);
static void fold_chunks(const Fold *fold, Flip *flips, int count);
static void guess_members(MemberSet *before, const Flip *flips, int count);
static void order_ties(const MemberSet *before, Flip *flips, int count);
static int	compare_for_netting(const void *a, const void *b);
static int	compare_by_time(const void *a, const void *b);
static int	compare_by_chunk(const void *a, const void *b);

int64
audience_fold(const Population *population, int64 most, bool passing,
			  TransitionSink sink, void *context)
{
	const Fold	fold = {population, passing, sink, context};
	MemoryContext memory;
	MemoryContext old;
	Relation	relation;
	Tuplesortstate *toggles;
	FlipSort	flips;
	int64		count;

	if (!OidIsValid(audience_tables(population)->toggles))
		return 0;
	memory = AllocSetContextCreate(CurrentMemoryContext, "segment fold",
								   ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(memory);
	relation = storage_open(population, true, RowExclusiveLock);
	toggles = sort_by_customer(population, relation);
	count = take_toggles(population, relation, most, toggles);
	sort_by_time(population, &flips);
	net_toggles(population, relation, toggles, &flips);
	tuplesort_end(toggles);
	fold_flips(&fold, &flips);
	tuplesort_end(flips.state);
	ExecDropSingleTupleTableSlot(flips.slot);
	table_close(relation, NoLock);
	CommandCounterIncrement();
	MemoryContextSwitchTo(old);
	MemoryContextDelete(memory);
	return count;
}

int64
audience_pending(const Population *population, int64 most)
{
	Relation	relation;
	Snapshot	snapshot;
	TableScanDesc scan;
	TupleTableSlot *slot;
	int64		count = 0;

	if (!OidIsValid(audience_tables(population)->toggles))
		return 0;
	relation = storage_open(population, true, AccessShareLock);
	snapshot = RegisterSnapshot(GetLatestSnapshot());
	slot = table_slot_create(relation, NULL);
	scan = table_beginscan(relation, snapshot, 0, NULL);
	while (count < most && table_scan_getnextslot(scan, ForwardScanDirection, slot))
		count++;
	table_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	UnregisterSnapshot(snapshot);
	table_close(relation, AccessShareLock);
	return count;
}

/* ---- toggles ---- */

/* Toggles by key, and those of one key as it was: by ord, then by time. */
static Tuplesortstate *
sort_by_customer(const Population *population, Relation relation)
{
	AttrNumber	columns[] = {TOGGLE_KEY, TOGGLE_ORD, TOGGLE_AT};
	Oid			types[] = {population->key_type, INT8OID, TIMESTAMPTZOID};
	/* keys are told apart by their bytes */
	Oid			collations[] = {C_COLLATION_OID, InvalidOid, InvalidOid};
	bool		nulls_first[lengthof(columns)] = {false};
	Oid			operators[lengthof(columns)];

	for (int i = 0; i < lengthof(columns); i++)
		operators[i] = lookup_type_cache(types[i], TYPECACHE_LT_OPR)->lt_opr;
	return tuplesort_begin_heap(RelationGetDescr(relation), lengthof(columns),
								columns, operators, collations, nulls_first,
								work_mem, NULL, TUPLESORT_NONE);
}

/*
 * Move toggles from the table into the sort: all that are visible, or 'most'
 * and those that go with them.  Returns how many.
 */
static int64
take_toggles(const Population *population, Relation relation, int64 most,
			 Tuplesortstate *sort)
{
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	TupleTableSlot *slot = table_slot_create(relation, NULL);
	ItemPointerData *picked = NULL;
	int64		count = 0;

	if (most > 0)
		picked = toggles_pick(population, relation, snapshot, most, &count);
	if (picked != NULL)
		for (int64 i = 0; i < count; i++)
		{
			CHECK_FOR_INTERRUPTS();
			if (!table_tuple_fetch_row_version(relation, &picked[i], snapshot,
											   slot))
				elog(ERROR, "a toggle is gone while it is folded");
			tuplesort_puttupleslot(sort, slot);
			simple_heap_delete(relation, &picked[i]);
		}
	else
	{
		TableScanDesc scan = table_beginscan(relation, snapshot, 0, NULL);

		while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
		{
			CHECK_FOR_INTERRUPTS();
			tuplesort_puttupleslot(sort, slot);
			simple_heap_delete(relation, &slot->tts_tid);
			count++;
		}
		table_endscan(scan);
	}
	ExecDropSingleTupleTableSlot(slot);
	UnregisterSnapshot(snapshot);
	return count;
}

/* ---- from toggles to flips ---- */

static void
sort_by_time(const Population *population, FlipSort *sort)
{
	AttrNumber	columns[] = {FLIP_PASSED, FLIP_ORD, FLIP_AUDIENCE, FLIP_PLACE};
	Oid			types[] = {TIMESTAMPTZOID, INT8OID, INT4OID, INT8OID};
	Oid			collations[lengthof(columns)] = {InvalidOid};
	bool		nulls_first[lengthof(columns)] = {false};
	Oid			operators[lengthof(columns)];
	TupleDesc	desc = CreateTemplateTupleDesc(FLIP_COLUMNS);

	TupleDescInitEntry(desc, FLIP_ENTERED, "entered", BOOLOID, -1, 0);
	TupleDescInitEntry(desc, FLIP_BY_EVENT, "by_event", BOOLOID, -1, 0);
	TupleDescInitEntry(desc, FLIP_KEY, "key", population->key_type, -1, 0);
	for (int i = 0; i < lengthof(columns); i++)
	{
		TupleDescInitEntry(desc, columns[i], NULL, types[i], -1, 0);
		operators[i] = lookup_type_cache(types[i], TYPECACHE_LT_OPR)->lt_opr;
	}
	sort->slot = MakeSingleTupleTableSlot(desc, &TTSOpsVirtual);
	sort->state = tuplesort_begin_heap(desc, lengthof(columns), columns,
									   operators, collations, nulls_first,
									   work_mem, NULL, TUPLESORT_NONE);
}

/* Go through the toggles, instant by instant of each customer. */
static void
net_toggles(const Population *population, Relation relation,
			Tuplesortstate *toggles, FlipSort *flips)
{
	TupleTableSlot *slot = MakeSingleTupleTableSlot(RelationGetDescr(relation),
													&TTSOpsMinimalTuple);
	Instant		instant = {.space = 16};

	instant.toggles = palloc(sizeof(Toggle) * instant.space);
	instant.memory = AllocSetContextCreate(CurrentMemoryContext,
										   "segment instant",
										   ALLOCSET_SMALL_SIZES);
	tuplesort_performsort(toggles);
	while (tuplesort_gettupleslot(toggles, true, false, slot, NULL))
	{
		Datum		key;
		TimestampTz at;
		bool		same_key;

		CHECK_FOR_INTERRUPTS();
		slot_getallattrs(slot);
		key = slot->tts_values[TOGGLE_KEY - 1];
		at = DatumGetTimestampTz(slot->tts_values[TOGGLE_AT - 1]);
		same_key = instant.count > 0 &&
			profile_key_compare(population, instant.key, key) == 0;
		if (!same_key || at > instant.passed)
		{
			instant_end(&instant, flips);
			instant.passed = at;
		}
		if (!same_key)
		{
			MemoryContext old;

			MemoryContextReset(instant.memory);
			old = MemoryContextSwitchTo(instant.memory);
			instant.key = profile_key_copy(population, key);
			MemoryContextSwitchTo(old);
		}
		instant_add(&instant, slot);
	}
	instant_end(&instant, flips);
	MemoryContextDelete(instant.memory);
	ExecDropSingleTupleTableSlot(slot);
}

static void
instant_add(Instant *instant, TupleTableSlot *slot)
{
	const Datum *values = slot->tts_values;
	text	   *cause = DatumGetTextPP(values[TOGGLE_CAUSE - 1]);
	Size		length = VARSIZE_ANY_EXHDR(cause);
	Toggle	   *toggle;

	if (instant->count == instant->space)
	{
		instant->space *= 2;
		instant->toggles = repalloc_huge(instant->toggles,
										 sizeof(Toggle) * instant->space);
	}
	toggle = &instant->toggles[instant->count++];
	toggle->ord = DatumGetInt64(values[TOGGLE_ORD - 1]);
	toggle->at = DatumGetTimestampTz(values[TOGGLE_AT - 1]);
	toggle->transaction = DatumGetInt64(values[TOGGLE_TRANSACTION - 1]);
	toggle->audience = DatumGetInt32(values[TOGGLE_AUDIENCE - 1]);
	toggle->entered = DatumGetBool(values[TOGGLE_ENTERED - 1]);
	toggle->by_event = length == strlen(CAUSE_EVENT) &&
		memcmp(VARDATA_ANY(cause), CAUSE_EVENT, length) == 0;
}

/* All toggles of the instant are known: what is to be flipped, and told? */
static void
instant_end(Instant *instant, FlipSort *flips)
{
	const Toggle *toggles = instant->toggles;

	if (instant->count > 1)
		qsort(instant->toggles, instant->count, sizeof(Toggle),
			  compare_for_netting);
	for (int i = 0, next; i < instant->count; i = next)
	{
		next = i + 1;
		if (!toggles[i].by_event)
		{
			put_flip(flips, instant, &toggles[i], toggles[i].entered, true);
			continue;
		}
		while (next < instant->count && toggles[next].by_event &&
			   toggles[next].audience == toggles[i].audience &&
			   toggles[next].transaction == toggles[i].transaction)
			next++;
		net_transaction(instant, &toggles[i], next - i, flips);
	}
	instant->count = 0;
}

/*
 * Net what one transaction's events did to one customer in one audience,
 * sorted by profile.  A profile that left as often as it entered is as it was.
 * If two changed, the first was a member when the transaction began and the
 * last is one now: so the customer was and is a member, and nobody is told.
 */
static void
net_transaction(const Instant *instant, const Toggle *toggles, int count,
				FlipSort *flips)
{
	int			all = 0;

	for (int i = 0; i < count; i++)
		all += toggles[i].entered ? 1 : -1;
	for (int i = 0, next; i < count; i = next)
	{
		int			sum = 0;

		for (next = i; next < count; next++)
		{
			if (toggles[next].ord != toggles[i].ord)
				break;
			sum += toggles[next].entered ? 1 : -1;
		}
		if (sum != 0)
			put_flip(flips, instant, &toggles[next - 1], sum > 0, all != 0);
	}
}

static void
put_flip(FlipSort *flips, const Instant *instant, const Toggle *toggle,
		 bool entered, bool told)
{
	TupleTableSlot *slot = flips->slot;
	Datum	   *values = slot->tts_values;

	ExecClearTuple(slot);
	memset(slot->tts_isnull, false, sizeof(bool) * FLIP_COLUMNS);
	values[FLIP_PASSED - 1] = TimestampTzGetDatum(instant->passed);
	values[FLIP_ORD - 1] = Int64GetDatum(toggle->ord);
	values[FLIP_AUDIENCE - 1] = Int32GetDatum(toggle->audience);
	values[FLIP_PLACE - 1] = Int64GetDatum(toggle - instant->toggles);
	values[FLIP_ENTERED - 1] = BoolGetDatum(entered);
	values[FLIP_BY_EVENT - 1] = BoolGetDatum(toggle->by_event);
	values[FLIP_KEY - 1] = instant->key;
	slot->tts_isnull[FLIP_KEY - 1] = !told;
	ExecStoreVirtualTuple(slot);
	tuplesort_puttupleslot(flips->state, slot);
}

/* ---- from flips to chunks and the feed ---- */

/*
 * Batch by batch in the order of time.  What happened to a profile at one
 * instant stays together: see order_ties().
 */
static void
fold_flips(const Fold *fold, FlipSort *sort)
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

		CHECK_FOR_INTERRUPTS();
		slot_getallattrs(slot);
		if (count >= BATCH && !goes_with(slot, &flips[count - 1]))
		{
			fold_batch(fold, flips, count);
			MemoryContextReset(memory);
			count = 0;
		}
		if (count == space)
		{
			space *= 2;
			flips = repalloc_huge(flips, sizeof(Flip) * space);
		}
		flips[count++] = read_flip(slot, fold->population);
		MemoryContextSwitchTo(old);
	}
	if (count > 0)
		fold_batch(fold, flips, count);
	pfree(flips);
	MemoryContextDelete(memory);
	ExecDropSingleTupleTableSlot(slot);
}

/* Is it of the same profile and instant? */
static bool
goes_with(TupleTableSlot *slot, const Flip *flip)
{
	const Datum *values = slot->tts_values;

	return DatumGetTimestampTz(values[FLIP_PASSED - 1]) == flip->passed &&
		DatumGetInt64(values[FLIP_ORD - 1]) == flip->ord;
}

static Flip
read_flip(TupleTableSlot *slot, const Population *population)
{
	Flip		flip = {
		.passed = DatumGetTimestampTz(slot->tts_values[FLIP_PASSED - 1]),
		.ord = DatumGetInt64(slot->tts_values[FLIP_ORD - 1]),
		.audience = DatumGetInt32(slot->tts_values[FLIP_AUDIENCE - 1]),
		.place = DatumGetInt64(slot->tts_values[FLIP_PLACE - 1]),
		.entered = DatumGetBool(slot->tts_values[FLIP_ENTERED - 1]),
		.by_event = DatumGetBool(slot->tts_values[FLIP_BY_EVENT - 1]),
	};

	if (!slot->tts_isnull[FLIP_KEY - 1])
		flip.key = profile_key_text(population,
									slot->tts_values[FLIP_KEY - 1]);
	return flip;
}

/* Flip these in their chunks, and tell of them in their order. */
static void
fold_batch(const Fold *fold, Flip *flips, int count)
{
	qsort(flips, count, sizeof(Flip), compare_by_chunk);
	fold_chunks(fold, flips, count);
	qsort(flips, count, sizeof(Flip), compare_by_time);
	for (int i = 0; i < count; i++)
	{
		const Audience *audience = audience_by_definition(fold->population,
													  flips[i].audience);
		Transition change;

		if (audience == NULL || flips[i].key == NULL)
			continue;
		change.audience = audience->name;
		change.key = flips[i].key;
		change.entered = flips[i].entered;
		change.at = flips[i].passed;
		change.cause = flips[i].by_event ?
			CAUSE_EVENT : CAUSE_TIME;
		fold->sink(&change, fold->context);
	}
	CommandCounterIncrement();
}

/* Flips sorted by chunk, and by time within it: write the chunks. */
static void
fold_chunks(const Fold *fold, Flip *flips, int count)
{
	const Population *population = fold->population;
	Relation	relation = storage_open(population, false, RowExclusiveLock);
	CatalogIndexState indexes = CatalogOpenIndexes(relation);
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	MemoryContext memory = AllocSetContextCreate(CurrentMemoryContext,
												 "segment chunk",
												 ALLOCSET_DEFAULT_SIZES);

	for (int i = 0, next; i < count; i = next)
	{
		int64		chunk = CHUNK_OF(flips[i].ord);
		MemoryContext old;
		MemberSet  *before;
		int64	   *ords;

		CHECK_FOR_INTERRUPTS();
		for (next = i + 1; next < count; next++)
			if (flips[next].audience != flips[i].audience ||
				CHUNK_OF(flips[next].ord) != chunk)
				break;
		if (audience_by_definition(population, flips[i].audience) == NULL)
			continue;

		old = MemoryContextSwitchTo(memory);
		ords = palloc(sizeof(int64) * (next - i));
		for (int j = i; j < next; j++)
			ords[j - i] = flips[j].ord;
		before = members_create();
		if (!storage_flip(relation, indexes, snapshot, flips[i].audience,
						  chunk, before, ords, next - i, fold->passing))
			guess_members(before, &flips[i], next - i);
		order_ties(before, &flips[i], next - i);
		for (int j = i; j < next; j++)
			flips[j].place = j;
		MemoryContextSwitchTo(old);
		MemoryContextReset(memory);
	}
	MemoryContextDelete(memory);
	UnregisterSnapshot(snapshot);
	CatalogCloseIndexes(indexes);
	table_close(relation, NoLock);
}

/*
 * A chunk that cannot be read: who must have been a member, for these flips
 * to have come?
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
 * Flips of one chunk, sorted by profile and time: make entering and leaving
 * alternate.
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

				if (flips[j].ord != swap.ord || flips[j].passed != swap.passed)
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

/*
 * Toggles of one instant: by audience, and then what time did before what
 * events did, these by transaction, and what one did by profile.
 */
static int
compare_for_netting(const void *a, const void *b)
{
	const Toggle *left = a;
	const Toggle *right = b;

	if (left->audience != right->audience)
		return left->audience < right->audience ? -1 : 1;
	if (left->by_event != right->by_event)
		return left->by_event ? 1 : -1;
	if (left->transaction != right->transaction)
		return left->transaction < right->transaction ? -1 : 1;
	if (left->ord != right->ord)
		return left->ord < right->ord ? -1 : 1;
	return left->at < right->at ? -1 : left->at > right->at;
}

/* As they are told: by time, then by profile, then by audience. */
static int
compare_by_time(const void *a, const void *b)
{
	const Flip *left = a;
	const Flip *right = b;

	if (left->passed != right->passed)
		return left->passed < right->passed ? -1 : 1;
	if (left->ord != right->ord)
		return left->ord < right->ord ? -1 : 1;
	if (left->audience != right->audience)
		return left->audience < right->audience ? -1 : 1;
	return left->place < right->place ? -1 : left->place > right->place;
}

static int
compare_by_chunk(const void *a, const void *b)
{
	const Flip *left = a;
	const Flip *right = b;

	if (left->audience != right->audience)
		return left->audience < right->audience ? -1 : 1;
	if (left->ord != right->ord)
		return left->ord < right->ord ? -1 : 1;
	if (left->passed != right->passed)
		return left->passed < right->passed ? -1 : 1;
	return left->place < right->place ? -1 : left->place > right->place;
}
