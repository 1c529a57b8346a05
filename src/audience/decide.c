/*-------------------------------------------------------------------------
 *
 * decide.c
 *	  Who is a member, of the whole population?
 *
 *		create_audience		no profile before; now those that match the filter
 *		alter_audience		those that matched the old filter; now the new one
 *		attach, rebuild		the same filters, but the profiles have changed
 *
 * The base table is read once, however many audiences are asked about; each
 * filter is evaluated on each row.  The result replaces what was stored, and
 * the difference is emitted to the caller: the set of those that left each
 * audience, and of those that entered it.
 *
 * Membership is decided as of one instant for all profiles, which is stored as
 * the population's decided_at, and wake_at of the profiles is set.
 *
 * audience_verify() does the same scan, and replaces nothing.
 *
 * audience_decide_beside() lets events go on: whoever changes a profile after
 * the snapshot of the scan writes a toggle, and what is stored is
 *
 *		the filter on the rows of the snapshot XOR the toggles that it shows
 *
 * so that, with these toggles and with all later ones, members are what the
 * filter says at any time.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/executor.h"
#include "miscadmin.h"
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
	int			place;			/* in the scan's index; -1: nobody is a
								 * member */
	MemberSet  *before;			/* empty if members were not stored */
	bool		had_members;	/* it is not empty */
	MemberSet  *after;
	MemberSet  *left;			/* those of 'before' that are none any more;
								 * beside writers: those that were met */
	MemberSet  *emitted;		/* those decided as of another instant */
	int64		met;			/* members whose profiles the scan has met */
	bool		damaged;		/* what was stored cannot be read */
	bool		suspended;		/* members stay, but for profiles that end */
} Decision;

/* One reading of the base table. */
typedef struct DecisionScan
{
	const Population *population;
	List	   *all;			/* Decision * */
	AudienceIndex *index;		/* of audiences that may have members */
	Snapshot	snapshot;
	TimestampTz at;				/* the instant, or later for a profile */
	bool		wake;			/* set wake_at? */
	bool		all_of_them;	/* no other audience needs wake_at */
	bool		beside;			/* audience_decide_beside() */
	bool		anew;			/* ignore earlier decisions: a rebuild */
	int64	   *some;			/* only profiles of these numbers; NULL: all */
	int64		count;
	Transition	change;			/* the transition to emit */
	TransitionSink sink;
	void	   *context;

	/* while the base table is read */
	ProfileTable *table;		/* to set wake_at; NULL if it stays */
} DecisionScan;

static void ignore(const Transition *transition, void *context);
static void decide_beside(const Population *population, const char *name,
						  TransitionSink sink, void *context);
static MemoryContext decision_memory(void);
static void each_member(const Population *population, const char *name,
						TimestampTz at, const char *cause,
						TransitionSink sink, void *context);
static void add_audiences(DecisionScan *scan, List *names);
static Decision *add_decision(DecisionScan *scan, const Audience *audience,
							  bool empty);
static void emit_differences(const DecisionScan *scan, const Decision *one);
static void store(const Population *population, const Decision *one);
static void read_base(DecisionScan *scan);
static void read_rows(DecisionScan *scan);
static void decide_row(DecisionScan *scan, TupleTableSlot *row);
static TimestampTz instant_of(const DecisionScan *scan, TupleTableSlot *row);
static void wake(const DecisionScan *scan, TupleTableSlot *row, bool exists,
				 TimestampTz at);

void
audience_decide(const Population *population, List *names, TimestampTz at,
				const char *cause, TransitionSink sink, void *context)
{
	const MembershipTables *tables = membership_tables(population);
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

	if (!OidIsValid(tables->chunks))
		return;
	scan.at = scan.anew ? at : Max(at, tables->decided_at);
	memory = decision_memory();
	old = MemoryContextSwitchTo(memory);
	scan.snapshot = RegisterSnapshot(GetLatestSnapshot());
	add_audiences(&scan, names);
	read_base(&scan);
	UnregisterSnapshot(scan.snapshot);
	foreach(lc, scan.all)
	{
		emit_differences(&scan, lfirst(lc));
		store(population, lfirst(lc));
	}
	membership_decided(population, scan.at);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(memory);
}

void
audience_decide_beside(const Population *population, const char *name,
					   TransitionSink sink, void *context)
{
	decide_beside(population, name, sink, context);
	audience_set_building(population, name, false);
}

void
audience_decide_twin(const Population *population, const char *name)
{
	decide_beside(population, name, ignore, NULL);
}

/* ignore() lets nobody hear of a twin's members: a TransitionSink. */
static void
ignore(const Transition *transition, void *context)
{
}

/*
 * decide_beside() decides the members of an audience that is being built, and
 * emits that they entered.
 */
static void
decide_beside(const Population *population, const char *name,
			  TransitionSink sink, void *context)
{
	const Audience *audience = audience_by_name(population, name);
	MemoryContext memory = decision_memory();
	MemoryContext old = MemoryContextSwitchTo(memory);
	DecisionScan scan = {
		.population = population,
		.at = membership_tables(population)->decided_at,
		.beside = true,
		.change.cause = CAUSE_CREATE,
		.sink = sink,
		.context = context,
	};
	Decision   *one;
	MemberSet  *ended;

	/* what was folded before is in what the rows say */
	membership_forget(population, audience->definition_id);
	scan.snapshot = RegisterSnapshot(GetLatestSnapshot());
	one = add_decision(&scan, audience, false);
	read_base(&scan);
	UnregisterSnapshot(scan.snapshot);
	/* toggles of profiles that the scan has not met, as they have ended */
	ended = members_only(one->before, one->left);
	one->before = members_create();
	one->left = members_create();
	emit_differences(&scan, one);
	one->after = members_either(one->after, ended);
	store(population, one);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(memory);
}

void
audience_empty(const Population *population, const char *name, TimestampTz at,
			   TransitionSink sink, void *context)
{
	const Audience *audience = audience_by_name(population, name);

	each_member(population, name, at, CAUSE_DROP, sink, context);
	membership_forget(population, audience->definition_id);
}

void
audience_each_member(const Population *population, const char *name,
					 TimestampTz at, TransitionSink sink, void *context)
{
	each_member(population, name, at, CAUSE_RENAME, sink, context);
}

/* each_member() emits that the members left. */
static void
each_member(const Population *population, const char *name, TimestampTz at,
			const char *cause, TransitionSink sink, void *context)
{
	MemoryContext memory = decision_memory();
	MemoryContext old = MemoryContextSwitchTo(memory);
	DecisionScan scan = {
		.population = population,
		.snapshot = RegisterSnapshot(GetLatestSnapshot()),
		.at = Max(at, membership_tables(population)->decided_at),
		.change.cause = cause,
		.sink = sink,
		.context = context,
	};
	Decision   *one = add_decision(&scan, audience_by_name(population, name),
								   true);

	/* as of when has each member left? */
	scan.count = members_count(one->before);
	if (profile_scan_finds(population, scan.count))
		scan.some = members_list(one->before, &scan.count);
	if (scan.count > 0)
		read_base(&scan);
	emit_differences(&scan, one);
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
	memory = decision_memory();
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
		/* damage is an error, which says how it is mended */
		if (add_decision(&scan, audience, false)->damaged)
			(void) membership_read(population, audience->definition_id,
								   scan.snapshot, NULL);
	}
	read_base(&scan);

	/* members that are no profiles: the scan has not met them */
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

/* ---- which audiences ---- */

static MemoryContext
decision_memory(void)
{
	return AllocSetContextCreate(CurrentMemoryContext, "segment decision",
								 ALLOCSET_DEFAULT_SIZES);
}

/* add_audiences() adds the named audiences; without names, all of them. */
static void
add_audiences(DecisionScan *scan, List *names)
{
	const Population *population = scan->population;
	ListCell   *lc;

	foreach(lc, names)
		add_decision(scan, audience_by_name(population, lfirst(lc)), false);
	if (names != NIL)
		return;
	foreach(lc, audience_list(population))
	{
		const Audience *audience = lfirst(lc);

		if (audience->stored)
			add_decision(scan, audience, false);
		else if (membership_suspended(population, audience->definition_id))
			add_decision(scan, audience, true)->suspended = true;
	}
}

/*
 * add_decision() adds an audience to be decided; 'empty': no profile is to be
 * a member.  Differences are those from the members that were stored last,
 * even if they are not kept, as these are what the feed has emitted.
 */
static Decision *
add_decision(DecisionScan *scan, const Audience *audience, bool empty)
{
	Decision   *one = palloc0(sizeof(Decision));

	one->audience = audience;
	one->before = membership_read_last(scan->population,
									   audience->definition_id,
									   scan->snapshot, &one->damaged);
	one->had_members = members_count(one->before) > 0;
	one->after = members_create();
	one->left = members_create();
	one->emitted = members_create();
	one->place = audience->stored && !empty ? 0 : -1;
	scan->all = lappend(scan->all, one);
	return one;
}

/*
 * emit_differences() emits which members left an audience and which entered
 * it, but for those that have been emitted one by one.  Without the members
 * that were stored the differences are not known.
 */
static void
emit_differences(const DecisionScan *scan, const Decision *one)
{
	Transition	change = {
		.audience = one->audience->name,
		.at = scan->at,
		.cause = scan->change.cause,
	};

	if (one->damaged)
		return;
	change.members = one->left;
	if (members_count(one->left) > 0)
		scan->sink(&change, scan->context);
	change.members = one->after;
	if (members_count(one->before) > 0)
		change.members = members_only(change.members, one->before);
	if (members_count(one->emitted) > 0)
		change.members = members_only(change.members, one->emitted);
	change.entered = true;
	if (members_count(change.members) > 0)
		scan->sink(&change, scan->context);
}

/* store() writes the members that were decided. */
static void
store(const Population *population, const Decision *one)
{
	int32		definition_id = one->audience->definition_id;

	if (one->suspended)
	{
		if (!one->damaged &&
			members_count(one->after) < members_count(one->before))
			membership_write_suspended(population, definition_id, one->after);
	}
	else if (one->audience->stored)
		membership_write(population, definition_id, one->after);
	else
		membership_forget(population, definition_id);
}

/* ---- reading the base table ---- */

/* read_base() decides each row, as the population's owner. */
static void
read_base(DecisionScan *scan)
{
	const Population *population = scan->population;
	List	   *audiences = NIL;
	Actor		before;
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

	before = act_as_owner(population->oid);
	scan->index = audience_index_of(population, audiences);
	if (scan->wake && (scan->all_of_them || index_has_time(scan->index)))
		scan->table = profile_open(population);
	read_rows(scan);
	if (scan->table != NULL)
	{
		profile_close(scan->table);
		CommandCounterIncrement();
	}
	act_as_before(before);
}

/* read_rows() goes through the base table, or some of its rows. */
static void
read_rows(DecisionScan *scan)
{
	ProfileScan *rows = scan->some == NULL ?
		profile_scan_begin(scan->population, scan->snapshot) :
		profile_scan_begin_some(scan->population, scan->snapshot,
								scan->some, scan->count);
	TupleTableSlot *row;
	MemoryContext per_row = AllocSetContextCreate(CurrentMemoryContext,
												  "segment profile",
												  ALLOCSET_SMALL_SIZES);

	while ((row = profile_scan_next(rows)) != NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(per_row);

		CHECK_FOR_INTERRUPTS();
		decide_row(scan, row);
		MemoryContextSwitchTo(old);
		MemoryContextReset(per_row);
	}
	profile_scan_end(rows);
	MemoryContextDelete(per_row);
}

/*
 * decide_row() decides one profile for each audience.  A difference is noted
 * to be emitted with others, but for a profile that is decided as of another
 * instant, or where stored members are verified.
 */
static void
decide_row(DecisionScan *scan, TupleTableSlot *row)
{
	const Population *population = scan->population;
	int64		ord = profile_ord(population, row);
	bool		exists = profile_source_rows(population, row) > 0;
	Transition *change = &scan->change;
	ListCell   *lc;

	change->key = NULL;
	change->at = instant_of(scan, row);
	index_set_row(scan->index, row, change->at);
	foreach(lc, scan->all)
	{
		Decision   *one = lfirst(lc);
		bool		was = one->had_members &&
			members_contain(one->before, ord);
		bool		is;

		one->met += was;
		is = exists && (one->suspended ? was : one->place >= 0 &&
						index_holds(scan->index, one->place));
		if (scan->beside)
		{
			/* a toggle that waits is emitted by itself, after this */
			if (was)
				members_add(one->left, ord);
			is = (is != was);
			was = false;
		}
		if (is)
			members_add(one->after, ord);
		if (was == is || one->damaged)
			continue;
		if (change->cause != NULL && change->at == scan->at)
		{
			if (was)
				members_add(one->left, ord);
			continue;
		}
		members_add(one->emitted, ord);
		if (change->key == NULL)
			change->key = profile_key_text(population,
										   profile_key(population, row));
		change->audience = one->audience->name;
		change->entered = is;
		scan->sink(change, scan->context);
	}
	if (scan->table != NULL)
		wake(scan, row, exists, change->at);
}

/*
 * instant_of() returns the instant as of which membership of a row is decided.
 *
 * A rebuild begins anew, whatever was decided before.  audience_verify()
 * decides as of now, but before the profile's wake_at: later changes by time
 * are not stored before a sweep.
 */
static TimestampTz
instant_of(const DecisionScan *scan, TupleTableSlot *row)
{
	const Population *population = scan->population;
	TimestampTz evaluated_at = profile_evaluated_at(population, row);
	TimestampTz now = scan->at;

	if (scan->anew)
		return scan->at;
	if (scan->change.cause == NULL)
		now = Min(clock_now(), profile_wake_at(population, row) - 1);
	return decision_instant(now, evaluated_at, scan->at);
}

/*
 * wake() sets the wake_at that the audiences of the scan need; an earlier one
 * that other audiences need stays.
 */
static void
wake(const DecisionScan *scan, TupleTableSlot *row, bool exists,
	 TimestampTz at)
{
	TimestampTz before = profile_wake_at(scan->population, row);
	TimestampTz wake_at = exists ?
		index_wake_at(scan->index, row, at, DT_NOEND, false) : DT_NOEND;

	if (!scan->all_of_them)
		wake_at = Min(wake_at, before);
	if (wake_at != before)
		profile_write_wake_at(scan->table, row, wake_at);
}
