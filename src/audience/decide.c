/*-------------------------------------------------------------------------
 *
 * decide.c
 *	  Who is a member, of the whole population?
 *
 *		create_audience		nobody was, now those for whom the filter holds are
 *		alter_audience		those of the old filter, those of the new one
 *		attach, rebuild		the same filters, but the profiles have changed
 *
 * The base table is read once, however many audiences are asked about; each
 * row is put to each filter.  What comes out replaces what was stored, and
 * every difference is told to the caller, with the key that the row has.
 *
 * It is decided as of one instant for all, which is noted, and profiles are woken
 * when time changes one of these filters for them.
 *
 * This is also how it is verified: the same scan, and nothing is replaced.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "audience/definitions.h"
#include "audience/index.h"
#include "base/base.h"

/* What is found out about one audience. */
typedef struct Decision
{
	const Audience *audience;
	int			place;			/* in the index of the scan; -1: nobody is a
								 * member */
	MemberSet  *before;			/* empty: they were not stored */
	MemberSet  *after;
	int64		met;			/* profiles that were members */
	bool		damaged;		/* what was stored cannot be read */
	bool		suspended;		/* only profiles that end are no members */
} Decision;

/* One reading of the base table. */
typedef struct DecisionScan
{
	const Population *population;
	List	   *all;			/* Decision * */
	AudienceIndex *index;		/* of those who may have members */
	Snapshot	snapshot;
	TimestampTz at;				/* as of when, at least */
	bool		wake;			/* write when time changes it? */
	bool		all_of_them;	/* nothing else wakes anybody */
	bool		anew;			/* whatever the clock showed before */
	Transition change;		/* what is told, but for its cause */
	TransitionSink sink;
	void	   *context;
} DecisionScan;

static void each_member(const Population *population, const char *name,
						TimestampTz at, const char *cause,
						TransitionSink sink, void *context);
static void decide(DecisionScan *scan, const Audience *audience, bool empty);
static void read_base(DecisionScan *scan);
static TimestampTz instant_of(const DecisionScan *scan, TupleTableSlot *row);
static void wake(const DecisionScan *scan, ProfileTable *table,
				 TupleTableSlot *row, bool exists, TimestampTz at);

void
audience_decide(const Population *population, List *names, TimestampTz at,
				const char *cause, TransitionSink sink, void *context)
{
	MemoryContext memory;
	MemoryContext old;
	DecisionScan scan = {
		.population = population,
		.wake = true,
		.all_of_them = names == NIL,
		.anew = strcmp(cause, CAUSE_REBUILD) == 0,
		.change.cause = cause,
		.sink = sink,
		.context = context,
	};
	ListCell   *lc;

	if (!OidIsValid(membership_tables(population)->chunks))
		return;
	scan.at = scan.anew ? at : Max(at, membership_tables(population)->decided_at);
	memory = AllocSetContextCreate(CurrentMemoryContext, "segment decision",
								   ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(memory);
	scan.snapshot = RegisterSnapshot(GetLatestSnapshot());
	if (names == NIL)
	{
		foreach(lc, audience_list(population))
		{
			const Audience *audience = lfirst(lc);

			if (audience->stored)
				decide(&scan, audience, false);
			else if (membership_suspended(population, audience->definition_id))
			{
				decide(&scan, audience, true);
				((Decision *) llast(scan.all))->suspended = true;
			}
		}
	}
	else
		foreach(lc, names)
			decide(&scan, audience_by_name(population, lfirst(lc)), false);
	read_base(&scan);
	UnregisterSnapshot(scan.snapshot);
	foreach(lc, scan.all)
	{
		Decision   *one = lfirst(lc);

		if (one->suspended)
		{
			if (!one->damaged &&
				members_count(one->after) < members_count(one->before))
				membership_write_suspended(population, one->audience->definition_id,
										one->after);
		}
		else if (one->audience->stored)
			membership_write(population, one->audience->definition_id, one->after);
		else
			membership_forget(population, one->audience->definition_id);
	}
	membership_decided(population, scan.at);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(memory);
}

void
audience_empty(const Population *population, const char *name, TimestampTz at,
			   TransitionSink sink, void *context)
{
	each_member(population, name, at, CAUSE_DROP, sink, context);
	membership_forget(population, audience_by_name(population, name)->definition_id);
}

void
audience_each_member(const Population *population, const char *name,
					 TimestampTz at, TransitionSink sink, void *context)
{
	each_member(population, name, at, CAUSE_RENAME, sink, context);
}

/* Tell of each member as if it left. */
static void
each_member(const Population *population, const char *name, TimestampTz at,
			const char *cause, TransitionSink sink, void *context)
{
	MemoryContext memory = AllocSetContextCreate(CurrentMemoryContext,
												 "segment decision",
												 ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(memory);
	DecisionScan scan = {
		.population = population,
		.snapshot = RegisterSnapshot(GetLatestSnapshot()),
		.at = Max(at, membership_tables(population)->decided_at),
		.change.cause = cause,
		.sink = sink,
		.context = context,
	};

	decide(&scan, audience_by_name(population, name), true);
	if (members_count(((Decision *) linitial(scan.all))->before) > 0)
		read_base(&scan);
	UnregisterSnapshot(scan.snapshot);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(memory);
}

void
audience_verify(const Population *population, TransitionSink differ,
				AudienceBroken broken, void *context)
{
	MemoryContext memory;
	MemoryContext old;
	DecisionScan scan = {
		.population = population,
		.at = membership_tables(population)->decided_at,
		.sink = differ,
		.context = context,
	};
	ListCell   *lc;

	if (audience_list(population) == NIL)
		return;
	memory = AllocSetContextCreate(CurrentMemoryContext, "segment decision",
								   ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(memory);
	scan.snapshot = RegisterSnapshot(GetLatestSnapshot());
	foreach(lc, audience_list(population))
	{
		const Audience *audience = lfirst(lc);
		char	   *reason = audience_unbound(population, audience);

		if (reason != NULL)
			broken(audience->name, reason, context);
		if (!audience->stored || reason != NULL)
			continue;
		decide(&scan, audience, false);
		/* damage is an error, which says how it is mended */
		if (((Decision *) llast(scan.all))->damaged)
			(void) membership_read(population, audience->definition_id, scan.snapshot, NULL);
	}
	read_base(&scan);

	/* members who are no profiles: the scan has not met them */
	foreach(lc, scan.all)
	{
		Decision   *one = lfirst(lc);

		scan.change.audience = one->audience->name;
		scan.change.key = NULL;
		scan.change.entered = false;
		for (int64 i = members_count(one->before) - one->met; i > 0; i--)
			differ(&scan.change, context);
	}
	UnregisterSnapshot(scan.snapshot);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(memory);
}

static void
decide(DecisionScan *scan, const Audience *audience, bool empty)
{
	Decision   *one = palloc0(sizeof(Decision));

	/* what was last told is what the feed is to be told the difference from */
	one->audience = audience;
	one->before = membership_read_last(scan->population, audience->definition_id,
									scan->snapshot, &one->damaged);
	one->after = members_create();
	one->place = audience->stored && !empty ? 0 : -1;
	scan->all = lappend(scan->all, one);
}

static void
read_base(DecisionScan *scan)
{
	const Population *population = scan->population;
	Transition *change = &scan->change;
	List	   *audiences = NIL;
	Relation	relation;
	ProfileTable *table = NULL;
	TupleTableSlot *row;
	TableScanDesc rows;
	MemoryContext per_row;
	Actor		before;
	Oid			output;
	bool		varlena;
	ListCell   *lc;

	foreach(lc, scan->all)
	{
		Decision   *one = lfirst(lc);

		if (one->place < 0)
			continue;
		one->place = list_length(audiences);
		audiences = lappend(audiences, unconstify(Audience *, one->audience));
	}
	if (scan->all == NIL)
		return;

	before = act_as_owner(population->base);
	scan->index = audience_index_of(population, audiences);
	relation = table_open(population->base, AccessShareLock);
	if (scan->wake)
		table = profile_open(population);
	row = table_slot_create(relation, NULL);
	rows = table_beginscan(relation, scan->snapshot, 0, NULL);
	per_row = AllocSetContextCreate(CurrentMemoryContext, "segment profile",
									ALLOCSET_SMALL_SIZES);
	getTypeOutputInfo(population->key_type, &output, &varlena);
	while (table_scan_getnextslot(rows, ForwardScanDirection, row))
	{
		MemoryContext old = MemoryContextSwitchTo(per_row);
		int64		ord;
		bool		exists;

		CHECK_FOR_INTERRUPTS();
		slot_getallattrs(row);
		ord = DatumGetInt64(row->tts_values[population->ord_attno - 1]);
		exists = DatumGetInt64(row->tts_values[population->rows_attno - 1]) > 0;
		change->key = NULL;
		change->at = instant_of(scan, row);
		index_set_row(scan->index, row, change->at);
		foreach(lc, scan->all)
		{
			Decision   *one = lfirst(lc);
			bool		was = members_contain(one->before, ord);
			bool		is;

			one->met += was;
			is = exists && (one->suspended ? was : one->place >= 0 &&
							index_holds(scan->index, one->place));
			if (is)
				members_add(one->after, ord);
			/* of what cannot be read nobody knows how it was */
			if (was == is || one->damaged)
				continue;
			if (change->key == NULL)
				change->key = OidOutputFunctionCall(output,
													row->tts_values[population->key_attno - 1]);
			change->audience = one->audience->name;
			change->entered = is;
			scan->sink(change, scan->context);
		}
		if (table != NULL)
			wake(scan, table, row, exists, change->at);
		MemoryContextSwitchTo(old);
		MemoryContextReset(per_row);
	}
	table_endscan(rows);
	MemoryContextDelete(per_row);
	ExecDropSingleTupleTableSlot(row);
	if (table != NULL)
	{
		profile_close(table);
		CommandCounterIncrement();
	}
	table_close(relation, NoLock);
	act_as_before(before);
}

/*
 * instant_of() returns the instant as of which membership of a row is decided.
 *
 * A rebuild begins anew, whatever was decided before.  audience_verify()
 * decides as of now, but before the profile's wake_at: changes by time that
 * nobody has swept are not stored yet.
 */
static TimestampTz
instant_of(const DecisionScan *scan, TupleTableSlot *row)
{
	const Population *population = scan->population;
	Datum		evaluated_at = row->tts_values[population->evaluated_attno - 1];
	TimestampTz now = scan->at;

	if (scan->anew)
		return scan->at;
	if (scan->change.cause == NULL)
		now = Min(clock_now(), profile_wake_at(population, row) - 1);
	return decision_instant(now, DatumGetTimestampTz(evaluated_at), scan->at);
}

/*
 * The profile is to be woken for these audiences, too; or for these alone.
 */
static void
wake(const DecisionScan *scan, ProfileTable *table, TupleTableSlot *row,
	 bool exists, TimestampTz at)
{
	TimestampTz before = profile_wake_at(scan->population, row);
	TimestampTz wake_at = exists ? index_wake_at(scan->index, row, at, DT_NOEND,
														false) : DT_NOEND;

	if (!scan->all_of_them)
		wake_at = Min(wake_at, before);
	if (wake_at != before)
		profile_set_wake(table, row, wake_at);
}
