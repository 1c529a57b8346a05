/*-------------------------------------------------------------------------
 *
 * net.c
 *	  What is the net change of the toggles of many events?
 *
 * What one transaction has undone is not emitted.  Loading a table again
 * makes every customer leave and enter:
 *
 *		ord 17, key Ada		left vip		12:00	transaction 9
 *		ord 81, key Ada		entered vip		12:00	transaction 9
 *
 * Profile 17 goes out of the bitmap and 81 comes in, and the feed says nothing
 * of Ada.  The toggles that events of one transaction made at one instant, for
 * one customer in one definition, come to one flip that is emitted, or to
 * none.  The changes of several transactions are emitted one by one, even at
 * the same instant, so that it does not matter when a fold runs.  What time
 * has changed is emitted, too: it was so until the event came.
 *
 * The order of a profile's toggles is that of their times, which never run
 * backwards for one profile.  A customer whose profile ended and began anew is
 * another profile, with a higher ord, and the clock of the transaction that
 * made it may lag behind.  So a toggle happened no earlier than those before
 * it in the order of ord and time:
 *
 *		ord 17	left	12:00:05		happened 12:00:05
 *		ord 81	entered	12:00:04		happened 12:00:05, the same instant
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/typcache.h"

#include "membership/membership_private.h"

/*
 * Kilobytes of each of two sorts.  With half of work_mem for the flips that
 * are collected for the chunks they take twice work_mem (chunk_flips.c).
 */
#define SORT_MEMORY		(work_mem / 4 * 3)

/* A toggle, as it is read from the table, or a net change. */
typedef struct StoredToggle
{
	int64		ord;
	TimestampTz at;
	int64		transaction;
	Toggle		toggle;
	bool		by_event;		/* else by time */
	bool		emitted;		/* a net change goes to the feed, too */
} StoredToggle;

/* The toggles of one customer that happened at the same instant. */
typedef struct Instant
{
	Datum		key;
	TimestampTz at;				/* the latest time of the customer's so far */
	int			rows;			/* from which the toggles come */
	int			count;
	int			space;
	StoredToggle *toggles;
	int			net_count;		/* net changes, which replace the first of
								 * the toggles */
	MemoryContext memory;		/* of the key */
	bool		skip_damaged;	/* see MembershipFold */
	ChunkFlips *chunks;			/* where its flips go */
	FlipSort   *flips;
} Instant;

static Tuplesortstate *sort_by_customer(const Population *population,
										Relation relation);
static int64 take_toggles(const MembershipFold *fold, Relation relation,
						  Tuplesortstate *sort);
static int64 take_all(Relation relation, Snapshot snapshot,
					  TupleTableSlot *slot, Tuplesortstate *sort);
static int	take_row(TupleTableSlot *slot, Tuplesortstate *sort);
static void sort_by_time(const Population *population, FlipSort *sort);
static void net_toggles(const MembershipFold *fold, Relation relation,
						Tuplesortstate *toggles, FlipSort *flips);
static void instant_add(Instant *instant, TupleTableSlot *slot);
static void instant_end(Instant *instant);
static void net_instant(Instant *instant);
static void net_transaction(Instant *instant, int first, int next);
static void add_net(Instant *instant, const StoredToggle *toggle,
					bool entered, bool emitted);
static bool flip_together(const StoredToggle *a, const StoredToggle *b);
static bool has_ties(Instant *instant);
static bool is_tie(const StoredToggle *a, const StoredToggle *b);
static void order_ties(Instant *instant);
static void order_tie(const ChunkFlips *chunks, StoredToggle *toggles,
					  int count);
static void put_flips(const Instant *instant, int first, int next);
static int	compare_origins(const StoredToggle *a, const StoredToggle *b);
static int	compare_for_netting(const void *a, const void *b);
static int	compare_for_ties(const void *a, const void *b);
static int	compare_for_flips(const void *a, const void *b);

int64
toggles_net(const MembershipFold *fold, FlipSort *flips)
{
	const Population *population = fold->population;
	Relation	relation = toggles_open(population, RowExclusiveLock);
	Tuplesortstate *toggles = sort_by_customer(population, relation);
	int64		count = take_toggles(fold, relation, toggles);

	sort_by_time(population, flips);
	net_toggles(fold, relation, toggles, flips);
	tuplesort_end(toggles);
	table_close(relation, NoLock);
	return count;
}

/* ---- toggles ---- */

/*
 * sort_by_customer() begins a sort of rows by key; those of one key are
 * sorted by ord, then by time, which is the order in which they happened.
 */
static Tuplesortstate *
sort_by_customer(const Population *population, Relation relation)
{
	AttrNumber	columns[] = {TOGGLE_KEY, TOGGLE_ORD, TOGGLE_AT};
	Oid			types[] = {population->key_type, INT8OID, TIMESTAMPTZOID};
	/* keys differ if their bytes do */
	Oid			collations[] = {C_COLLATION_OID, InvalidOid, InvalidOid};
	bool		nulls_first[lengthof(columns)] = {false};
	Oid			operators[lengthof(columns)];

	for (int i = 0; i < lengthof(columns); i++)
		operators[i] = lookup_type_cache(types[i],
										 TYPECACHE_LT_OPR)->lt_opr;
	return tuplesort_begin_heap(RelationGetDescr(relation), lengthof(columns),
								columns, operators, collations, nulls_first,
								SORT_MEMORY, NULL, TUPLESORT_NONE);
}

/*
 * take_toggles() moves rows from the table into the sort: all that are
 * visible, or those of 'most' toggles and what goes with them.  Returns how
 * many toggles these are.
 */
static int64
take_toggles(const MembershipFold *fold, Relation relation,
			 Tuplesortstate *sort)
{
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	TupleTableSlot *slot = table_slot_create(relation, NULL);
	ItemPointerData *picked = NULL;
	int64		rows = 0;
	int64		count = 0;

	/* most rows of the table may be dead: all are read once, if possible */
	if (fold->most > 0)
		picked = toggles_pick(fold->population, relation, snapshot,
							  fold->most, &rows);
	else
		count = take_all(relation, snapshot, slot, sort);
	for (int64 i = 0; i < rows; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (!table_tuple_fetch_row_version(relation, &picked[i], snapshot,
										   slot))
			elog(ERROR, "a toggle is gone while it is folded");
		count += take_row(slot, sort);
		simple_heap_delete(relation, &picked[i]);
	}
	ExecDropSingleTupleTableSlot(slot);
	UnregisterSnapshot(snapshot);
	return count;
}

/*
 * take_all() moves all visible rows into the sort; returns how many toggles
 * they have.
 */
static int64
take_all(Relation relation, Snapshot snapshot, TupleTableSlot *slot,
		 Tuplesortstate *sort)
{
	TableScanDesc scan = table_beginscan(relation, snapshot, 0, NULL);
	int64		count = 0;

	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		CHECK_FOR_INTERRUPTS();
		count += take_row(slot, sort);
		simple_heap_delete(relation, &slot->tts_tid);
	}
	table_endscan(scan);
	return count;
}

/* take_row() puts a row into the sort; returns how many toggles it has. */
static int
take_row(TupleTableSlot *slot, Tuplesortstate *sort)
{
	slot_getsomeattrs(slot, TOGGLE_LIST);
	tuplesort_puttupleslot(sort, slot);
	return toggles_count(slot->tts_values[TOGGLE_LIST - 1]);
}

/* ---- from toggles to flips ---- */

/* sort_by_time() begins the sort of flips that fold.c reads. */
static void
sort_by_time(const Population *population, FlipSort *sort)
{
	AttrNumber	columns[] = {FLIP_AT, FLIP_ORD, FLIP_RANK};
	Oid			types[] = {TIMESTAMPTZOID, INT8OID, INT4OID};
	Oid			collations[lengthof(columns)] = {InvalidOid};
	bool		nulls_first[lengthof(columns)] = {false};
	Oid			operators[lengthof(columns)];
	TupleDesc	desc = CreateTemplateTupleDesc(FLIP_COLUMNS);

	TupleDescInitEntry(desc, FLIP_BY_EVENT, "by_event", BOOLOID, -1, 0);
	TupleDescInitEntry(desc, FLIP_LIST, "toggles", BYTEAOID, -1, 0);
	TupleDescInitEntry(desc, FLIP_KEY, "key", population->key_type, -1, 0);
	for (int i = 0; i < lengthof(columns); i++)
	{
		TupleDescInitEntry(desc, columns[i], NULL, types[i], -1, 0);
		operators[i] = lookup_type_cache(types[i],
										 TYPECACHE_LT_OPR)->lt_opr;
	}
	sort->slot = MakeSingleTupleTableSlot(desc, &TTSOpsVirtual);
	sort->state = tuplesort_begin_heap(desc, lengthof(columns), columns,
									   operators, collations, nulls_first,
									   SORT_MEMORY, NULL, TUPLESORT_NONE);
}

/* net_toggles() goes through the toggles, instant by instant of each key. */
static void
net_toggles(const MembershipFold *fold, Relation relation,
			Tuplesortstate *toggles, FlipSort *flips)
{
	const Population *population = fold->population;
	TupleTableSlot *slot = MakeSingleTupleTableSlot(RelationGetDescr(relation),
													&TTSOpsMinimalTuple);
	Instant		instant = {
		.space = 16,
		.skip_damaged = fold->skip_damaged,
		.chunks = chunk_flips_begin(fold),
		.flips = flips,
	};

	instant.toggles = palloc(sizeof(StoredToggle) * instant.space);
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
		same_key = instant.rows > 0 &&
			profile_key_compare(population, instant.key, key) == 0;
		if (!same_key || at > instant.at)
		{
			instant_end(&instant);
			instant.at = at;
		}
		if (!same_key)
		{
			MemoryContext old;

			chunk_flips_next_customer(instant.chunks);
			MemoryContextReset(instant.memory);
			old = MemoryContextSwitchTo(instant.memory);
			instant.key = profile_key_copy(population, key);
			MemoryContextSwitchTo(old);
		}
		instant_add(&instant, slot);
	}
	instant_end(&instant);
	chunk_flips_end(instant.chunks);
	MemoryContextDelete(instant.memory);
	ExecDropSingleTupleTableSlot(slot);
}

/* instant_add() adds the toggles of a row to those of the instant. */
static void
instant_add(Instant *instant, TupleTableSlot *slot)
{
	const Datum *values = slot->tts_values;
	PackedToggles packed = {.skip_damaged = instant->skip_damaged};
	StoredToggle one = {
		.ord = DatumGetInt64(values[TOGGLE_ORD - 1]),
		.at = DatumGetTimestampTz(values[TOGGLE_AT - 1]),
		.transaction = DatumGetInt64(values[TOGGLE_TRANSACTION - 1]),
		.by_event = !DatumGetBool(values[TOGGLE_BY_TIME - 1]),
		.emitted = true,
	};

	instant->rows++;
	toggles_read(&packed, values[TOGGLE_LIST - 1]);
	while (toggles_next(&packed, &one.toggle))
	{
		if (instant->count == instant->space)
		{
			instant->space *= 2;
			instant->toggles = repalloc_huge(instant->toggles,
											 sizeof(StoredToggle) *
											 instant->space);
		}
		instant->toggles[instant->count++] = one;
	}
}

/*
 * instant_end() puts the flips of an instant whose toggles are all known, and
 * makes the instant empty.  There is nothing to net in one row.
 */
static void
instant_end(Instant *instant)
{
	bool		ties = false;

	instant->net_count = instant->count;
	if (instant->rows > 1)
	{
		net_instant(instant);
		ties = has_ties(instant);
		if (ties)
			order_ties(instant);
		else
			qsort(instant->toggles, instant->net_count, sizeof(StoredToggle),
				  compare_for_flips);
	}
	for (int i = 0, next; i < instant->net_count; i = next)
	{
		for (next = i + 1; !ties && next < instant->net_count; next++)
			if (!flip_together(&instant->toggles[i], &instant->toggles[next]))
				break;
		put_flips(instant, i, next);
	}
	instant->rows = instant->count = 0;
}

/* net_instant() replaces the toggles of an instant by its net changes. */
static void
net_instant(Instant *instant)
{
	const StoredToggle *toggles = instant->toggles;

	qsort(instant->toggles, instant->count, sizeof(StoredToggle),
		  compare_for_netting);
	instant->net_count = 0;
	for (int i = 0, next; i < instant->count; i = next)
	{
		next = i + 1;
		if (!toggles[i].by_event)
		{
			add_net(instant, &toggles[i], toggles[i].toggle.entered, true);
			continue;
		}
		while (next < instant->count && toggles[next].by_event &&
			   toggles[next].toggle.definition_id ==
			   toggles[i].toggle.definition_id &&
			   toggles[next].transaction == toggles[i].transaction)
			next++;
		net_transaction(instant, i, next);
	}
}

/*
 * net_transaction() nets what one transaction's events did to one customer in
 * one definition, sorted by profile: the toggles from 'first' to 'next' - 1.
 *
 * A profile that left as often as it entered is as it was.  If two profiles
 * changed, the first was a member when the transaction began and the last is
 * one now: so the customer was and is a member, and nothing is emitted.
 */
static void
net_transaction(Instant *instant, int first, int next)
{
	const StoredToggle *toggles = instant->toggles;
	int			all = 0;

	for (int i = first; i < next; i++)
		all += toggles[i].toggle.entered ? 1 : -1;
	for (int i = first, other; i < next; i = other)
	{
		int			sum = 0;

		for (other = i; other < next; other++)
		{
			if (toggles[other].ord != toggles[i].ord)
				break;
			sum += toggles[other].toggle.entered ? 1 : -1;
		}
		if (sum != 0)
			add_net(instant, &toggles[other - 1], sum > 0, all != 0);
	}
}

/*
 * add_net() adds a net change.  There are no more of these than toggles that
 * were read, so it replaces one of them.
 */
static void
add_net(Instant *instant, const StoredToggle *toggle, bool entered,
		bool emitted)
{
	StoredToggle net = *toggle;

	net.toggle.entered = entered;
	net.emitted = emitted;
	instant->toggles[instant->net_count++] = net;
}

/* flip_together() tells whether two net changes go into one row of flips. */
static bool
flip_together(const StoredToggle *a, const StoredToggle *b)
{
	return a->ord == b->ord && a->by_event == b->by_event &&
		a->transaction == b->transaction && a->emitted == b->emitted;
}

/*
 * has_ties() sorts net changes by definition and profile, and tells whether
 * several are of the same.
 */
static bool
has_ties(Instant *instant)
{
	StoredToggle *toggles = instant->toggles;

	qsort(toggles, instant->net_count, sizeof(StoredToggle), compare_for_ties);
	for (int i = 1; i < instant->net_count; i++)
		if (is_tie(&toggles[i - 1], &toggles[i]))
			return true;
	return false;
}

/* is_tie() tells whether two are of the same definition and profile. */
static bool
is_tie(const StoredToggle *a, const StoredToggle *b)
{
	return a->toggle.definition_id == b->toggle.definition_id &&
		a->ord == b->ord;
}

/* order_ties() puts ties into their order, in net changes so sorted. */
static void
order_ties(Instant *instant)
{
	StoredToggle *toggles = instant->toggles;

	for (int i = 0, next; i < instant->net_count; i = next)
	{
		for (next = i + 1; next < instant->net_count; next++)
			if (!is_tie(&toggles[i], &toggles[next]))
				break;
		if (next - i > 1)
			order_tie(instant->chunks, &toggles[i], next - i);
	}
}

/*
 * order_tie() makes entering and leaving alternate.  If the chunk cannot be
 * read, they are as if the first of them were right.
 */
static void
order_tie(const ChunkFlips *chunks, StoredToggle *toggles, int count)
{
	bool		member;

	if (!chunk_flips_is_member(chunks, toggles[0].toggle.definition_id,
							   toggles[0].ord, &member))
		member = !toggles[0].toggle.entered;
	for (int i = 0; i < count; i++)
	{
		for (int j = i; j < count; j++)
		{
			StoredToggle swap = toggles[i];

			if (toggles[j].toggle.entered == member)
				continue;
			toggles[i] = toggles[j];
			toggles[j] = swap;
			break;
		}
		member = toggles[i].toggle.entered;
	}
}

/*
 * put_flips() collects net changes that go together for the chunks, and puts
 * those that are emitted into the sort.
 */
static void
put_flips(const Instant *instant, int first, int next)
{
	const StoredToggle *toggles = &instant->toggles[first];
	int			count = next - first;
	Toggle	   *list;
	bytea	   *packed;
	TupleTableSlot *slot = instant->flips->slot;
	Datum	   *values = slot->tts_values;

	for (int i = 0; i < count; i++)
		chunk_flips_add(instant->chunks, toggles[i].toggle.definition_id,
						toggles[i].ord);
	if (!toggles->emitted)
		return;
	list = palloc(sizeof(Toggle) * count);
	for (int i = 0; i < count; i++)
		list[i] = toggles[i].toggle;
	packed = toggles_pack(list, count);
	ExecClearTuple(slot);
	memset(slot->tts_isnull, false, sizeof(bool) * FLIP_COLUMNS);
	values[FLIP_AT - 1] = TimestampTzGetDatum(instant->at);
	values[FLIP_ORD - 1] = Int64GetDatum(toggles->ord);
	values[FLIP_RANK - 1] = Int32GetDatum(first);
	values[FLIP_BY_EVENT - 1] = BoolGetDatum(toggles->by_event);
	values[FLIP_LIST - 1] = PointerGetDatum(packed);
	values[FLIP_KEY - 1] = instant->key;
	ExecStoreVirtualTuple(slot);
	tuplesort_puttupleslot(instant->flips->state, slot);
	pfree(list);
	pfree(packed);
}

/*
 * compare_origins() orders what time did before what events did, these by
 * transaction, and what one of them did by profile.
 */
static int
compare_origins(const StoredToggle *a, const StoredToggle *b)
{
	if (a->by_event != b->by_event)
		return a->by_event ? 1 : -1;
	if (a->transaction != b->transaction)
		return a->transaction < b->transaction ? -1 : 1;
	return a->ord < b->ord ? -1 : a->ord > b->ord;
}

/*
 * compare_for_netting() orders toggles of one instant: by definition, and
 * those of one definition by their origins.
 */
static int
compare_for_netting(const void *a, const void *b)
{
	const StoredToggle *left = a;
	const StoredToggle *right = b;
	int			order = compare_origins(left, right);

	if (left->toggle.definition_id != right->toggle.definition_id)
		return left->toggle.definition_id < right->toggle.definition_id ? -1 :
			1;
	if (order != 0)
		return order;
	return left->at < right->at ? -1 : left->at > right->at;
}

/*
 * compare_for_ties() orders net changes of one instant: by definition, then by
 * profile, then by their origins.
 */
static int
compare_for_ties(const void *a, const void *b)
{
	const StoredToggle *left = a;
	const StoredToggle *right = b;

	if (left->toggle.definition_id == right->toggle.definition_id &&
		left->ord != right->ord)
		return left->ord < right->ord ? -1 : 1;
	return compare_for_netting(a, b);
}

/*
 * compare_for_flips() orders net changes of one instant by their origins, and
 * so that those that go together stand together.
 */
static int
compare_for_flips(const void *a, const void *b)
{
	const StoredToggle *left = a;
	const StoredToggle *right = b;
	int			order = compare_origins(left, right);

	if (order != 0)
		return order;
	if (left->emitted != right->emitted)
		return left->emitted ? 1 : -1;
	if (left->toggle.definition_id != right->toggle.definition_id)
		return left->toggle.definition_id < right->toggle.definition_id ? -1 :
			1;
	return left->at < right->at ? -1 : left->at > right->at;
}
