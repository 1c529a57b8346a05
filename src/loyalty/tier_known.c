/*-------------------------------------------------------------------------
 *
 * tier_known.c
 *	  What is known of customers, from which their steps follow?
 *
 *		standings	are they members, which tiers were kept, and which steps
 *					are there, now and to come?
 *		events		what do they qualify by?
 *
 * Standings are looked for by the table API, as every order asks for them;
 * events by one statement for many customers.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "loyalty/search.h"
#include "loyalty/shape.h"
#include "loyalty/tables.h"
#include "loyalty/tier_private.h"

/* The columns of a table of steps, from 0 on; of tiers kept the first four. */
enum
{
	STEP_KEY,
	STEP_AT,
	STEP_TIER,
	STEP_UNTIL,
	STEP_NEXT,
	STEP_AHEAD,
};

/* A table that is looked into. */
typedef struct Looked
{
	Oid			relid;
	const ColumnShape *shape;
	Relation	relation;
	Relation	index;			/* its primary key, or NULL */
	Search	   *search;
} Looked;

static void read_events(Tiering *tiering, const TierCustomer *customers,
						int count, TierKnown *known);
static void look_begin(Looked *looked, const Tiering *tiering,
					   Snapshot snapshot);
static void look_end(Looked *looked);
static TierStep step_of_row(const Tiering *tiering, TupleTableSlot *row);
static void add_kept(const Tiering *tiering, TierKnown *one,
					 TupleTableSlot *row);
static void add_step(const Tiering *tiering, TierKnown *one,
					 TupleTableSlot *row);
static void order_steps(TierKnown *known);
static void swap_steps(TierKnown *known, int a, int b);
static void split_steps(TierKnown *known, TimestampTz now);
static void add_event(const Tiering *tiering, TierKnown *known,
					  TimestampTz at, Datum value);

TierKnown *
tier_known(Tiering *tiering, const TierCustomer *customers, int count)
{
	TierKnown  *known = tier_standings(tiering, customers, count);
	Datum	   *keys = palloc(sizeof(Datum) * count);
	Datum		value;

	for (int i = 0; i < count; i++)
		keys[i] = customers[i].key;
	value = array_datum(keys, count, tiering->population->key_type);
	source_check_readable(tiering->source);
	(void) tiering_execute(tiering, TIER_EVENTS, &value);
	read_events(tiering, customers, count, known);
	return known;
}

TierKnown *
tier_standings(Tiering *tiering, const TierCustomer *customers, int count)
{
	TierKnown  *known = palloc0(sizeof(TierKnown) * count);
	Snapshot	snapshot;
	Looked		looked[] = {
		{tiering->member, program_shapes[MEMBER_TABLE]},
		{tiering->kept, tiering_shapes[1]},
		{tiering->step, tiering_shapes[0]},
	};

	/* to see what this transaction has written */
	CommandCounterIncrement();
	snapshot = search_snapshot();
	for (int i = 0; i < lengthof(looked); i++)
		look_begin(&looked[i], tiering, snapshot);
	for (int i = 0; i < count; i++)
	{
		TierKnown  *one = &known[i];
		TupleTableSlot *row;
		int			past = 0;

		CHECK_FOR_INTERRUPTS();
		for (int k = 0; k < lengthof(looked); k++)
			search_for(looked[k].search, customers[i].key, (Datum) 0);
		row = search_next(looked[0].search, ForwardScanDirection);
		one->member = row != NULL && row->tts_isnull[MEMBER_LEFT_AT - 1];
		while ((row = search_next(looked[1].search,
								  ForwardScanDirection)) != NULL)
			add_kept(tiering, one, row);

		/* those to come, and two of those that are there */
		while ((past < 2 || looked[2].index == NULL) &&
			   (row = search_next(looked[2].search,
								  looked[2].index == NULL ?
								  ForwardScanDirection :
								  BackwardScanDirection)) != NULL)
		{
			add_step(tiering, one, row);
			past += step_of_row(tiering, row).at <= customers[i].at;
		}
		one->last = DT_NOBEGIN;
		order_steps(one);
		split_steps(one, customers[i].at);
	}
	for (int i = 0; i < lengthof(looked); i++)
		look_end(&looked[i]);
	UnregisterSnapshot(snapshot);
	return known;
}

/* look_begin() prepares to look for rows by the first column, the key. */
static void
look_begin(Looked *looked, const Tiering *tiering, Snapshot snapshot)
{
	static const SearchForm by_key = {{1}};
	Oid			index;

	looked->relation = shape_open(looked->relid, AccessShareLock,
								  tiering->program);
	shape_check(looked->relation, looked->shape,
				tiering->population->key_type);
	index = RelationGetPrimaryKeyIndex(looked->relation, false);
	if (OidIsValid(index))
		looked->index = index_open(index, AccessShareLock);
	looked->search = search_begin(looked->relation, looked->index, snapshot,
								  &by_key);
}

/* look_end() ends that. */
static void
look_end(Looked *looked)
{
	search_end(looked->search);
	if (looked->index != NULL)
		index_close(looked->index, NoLock);
	table_close(looked->relation, NoLock);
}

/* step_of_row() is what a row of steps says, or of tiers kept. */
static TierStep
step_of_row(const Tiering *tiering, TupleTableSlot *row)
{
	char	   *tier = TextDatumGetCString(row->tts_values[STEP_TIER]);
	TierStep	step = {
		.at = DatumGetTimestampTz(row->tts_values[STEP_AT]),
		.tier = tier_number(tiering, tier),
		.until = DatumGetTimestampTz(row->tts_values[STEP_UNTIL]),
	};

	/* a tier that is no more is none of ours */
	if (step.tier == 0 && tier[0] != '\0')
		step.tier = -1;
	pfree(tier);
	return step;
}

/* add_kept() adds a tier that is kept. */
static void
add_kept(const Tiering *tiering, TierKnown *one, TupleTableSlot *row)
{
	if (one->nkept == one->room_kept)
	{
		one->room_kept = Max(one->room_kept * 2, 4);
		one->kept = one->kept == NULL ?
			palloc_array(TierStep, one->room_kept) :
			repalloc(one->kept, sizeof(TierStep) * one->room_kept);
	}
	one->kept[one->nkept] = step_of_row(tiering, row);
	one->kept[one->nkept].tier = Max(one->kept[one->nkept].tier, 0);
	one->nkept++;
}

/* add_step() adds a step, behind the others. */
static void
add_step(const Tiering *tiering, TierKnown *one, TupleTableSlot *row)
{
	if (one->nsteps == one->room_steps)
	{
		one->room_steps = Max(one->room_steps * 2, 4);
		if (one->steps == NULL)
		{
			one->steps = palloc_array(TierStep, one->room_steps);
			one->nexts = palloc_array(Datum, one->room_steps);
			one->aheads = palloc_array(TimestampTz, one->room_steps);
		}
		else
		{
			one->steps = repalloc(one->steps,
								  sizeof(TierStep) * one->room_steps);
			one->nexts = repalloc(one->nexts,
								  sizeof(Datum) * one->room_steps);
			one->aheads = repalloc(one->aheads,
								   sizeof(TimestampTz) * one->room_steps);
		}
	}
	one->nexts[one->nsteps] = datumCopy(row->tts_values[STEP_NEXT], false, -1);
	one->steps[one->nsteps] = step_of_row(tiering, row);
	one->aheads[one->nsteps] =
		DatumGetTimestampTz(row->tts_values[STEP_AHEAD]);
	one->nsteps++;
}

/*
 * order_steps() puts steps in the order of time.  The index has given the last
 * one first, so that they are in order when they are turned round; a table
 * without one gives them in any order.
 */
static void
order_steps(TierKnown *known)
{
	for (int i = 0, j = known->nsteps - 1; i < j; i++, j--)
		swap_steps(known, i, j);
	for (int i = 1; i < known->nsteps; i++)
		for (int j = i; j > 0 &&
			 known->steps[j - 1].at > known->steps[j].at; j--)
			swap_steps(known, j - 1, j);
}

/* swap_steps() lets two steps change places. */
static void
swap_steps(TierKnown *known, int a, int b)
{
	TierStep	step = known->steps[a];
	Datum		next = known->nexts[a];
	TimestampTz ahead = known->aheads[a];

	known->steps[a] = known->steps[b];
	known->nexts[a] = known->nexts[b];
	known->aheads[a] = known->aheads[b];
	known->steps[b] = step;
	known->nexts[b] = next;
	known->aheads[b] = ahead;
}

/*
 * split_steps() finds the step that counted before an instant, and leaves the
 * one that counts then, and those to come.
 */
static void
split_steps(TierKnown *known, TimestampTz now)
{
	int			due = 0;

	while (due < known->nsteps && known->steps[due].at <= now)
		due++;
	for (int i = 0; i < due; i++)
		if (known->steps[i].at < now)
		{
			known->had = true;
			known->before = known->steps[i];
		}
	known->ahead = due == 0 ? DT_NOEND : known->aheads[due - 1];
	if (due < 2)
		return;
	known->steps += due - 1;
	known->nexts += due - 1;
	known->aheads += due - 1;
	known->nsteps -= due - 1;
}

/* read_events() takes what the source says. */
static void
read_events(Tiering *tiering, const TierCustomer *customers, int count,
			TierKnown *known)
{
	SPITupleTable *table = SPI_tuptable;

	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HeapTuple	row = table->vals[i];
		TupleDesc	desc = table->tupdesc;
		bool		no_key;
		bool		no_time;
		bool		no_value;
		TierCustomer asked = {SPI_getbinval(row, desc, 1, &no_key)};
		Datum		at = SPI_getbinval(row, desc, 2, &no_time);
		Datum		value = SPI_getbinval(row, desc, 3, &no_value);
		const TierCustomer *found;

		if (no_key || no_time || no_value)
			continue;
		found = bsearch_arg(&asked, customers, count, sizeof(TierCustomer),
							tier_compare_customers,
							unconstify(Population *, tiering->population));
		if (found == NULL)
			elog(ERROR, "events were read of a customer who was not asked for");
		add_event(tiering, &known[found - customers],
				  DatumGetTimestampTz(at), value);
	}
	SPI_freetuptable(table);
}

int
tier_compare_customers(const void *a, const void *b, void *population)
{
	return profile_key_compare(population, ((const TierCustomer *) a)->key,
							   ((const TierCustomer *) b)->key);
}

/* add_event() adds an event, if it counts at any instant. */
static void
add_event(const Tiering *tiering, TierKnown *known, TimestampTz at,
		  Datum value)
{
	Numeric		number = DatumGetNumeric(value);
	TimestampTz leaves = window_leaves(tiering->window, at);

	if (leaves <= at || TIMESTAMP_IS_NOEND(at) || numeric_is_nan(number) ||
		numeric_is_inf(number))
		return;
	known->last = Max(known->last, at);
	if (known->nevents == known->room_events)
	{
		known->room_events = Max(known->room_events * 2, 8);
		known->events = known->events == NULL ?
			palloc_array(TierEvent, known->room_events) :
			repalloc_huge(known->events,
						  sizeof(TierEvent) * known->room_events);
	}
	known->events[known->nevents++] = (TierEvent) {
		at, leaves, datumCopy(value, false, -1)
	};
}

TierCustomer *
tier_all_customers(const Tiering *tiering, int *count)
{
	const Population *population = tiering->population;
	TimestampTz now = clock_now();
	int			room = 256;
	TierCustomer *customers = palloc_array(TierCustomer, room);
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	ProfileScan *scan = profile_scan_begin(population, snapshot);
	TupleTableSlot *row;

	*count = 0;
	while ((row = profile_scan_next(scan)) != NULL)
	{
		TierCustomer *one;

		if (*count == room)
		{
			room *= 2;
			customers = repalloc_huge(customers, sizeof(TierCustomer) * room);
		}
		one = &customers[(*count)++];
		one->key = profile_key_copy(population, profile_key(population, row));
		one->at = Max(now, profile_evaluated_at(population, row));
	}
	profile_scan_end(scan);
	UnregisterSnapshot(snapshot);
	return customers;
}
