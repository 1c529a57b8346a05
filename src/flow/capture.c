/*-------------------------------------------------------------------------
 *
 * capture.c
 *	  What did this statement do to whom?
 *
 * One INSERT of a thousand orders by ten customers is ten visits:
 *
 *		BEFORE STATEMENT	count in
 *		... the server inserts the rows ...
 *		AFTER STATEMENT		for each row: key ─► that profile's delta
 *							count out; the counts meet:
 *		apply				profiles in key order: lock the row, apply the
 *							deltas, let the time pass that has passed, write
 *							the row if anything changed, and which audiences
 *							it entered or left
 *
 * Why count.  One statement can fire our AFTER triggers several times: INSERT
 * ... ON CONFLICT DO UPDATE, MERGE, several writes in one WITH, a foreign key
 * that cascades, a user's trigger that writes again.  When the first of them
 * fires, the source already holds rows that the others have not yet reported;
 * a trait read again from the source now would have them counted twice.  So
 * BEFORE triggers count in, AFTER triggers fold their rows and count out, and
 * only when the counts meet is the net change applied, once.  A trait that is
 * read again is then the truth, and ignores the batch's deltas.
 *
 * Why key order.  Two statements that touch the same profiles in different
 * order would wait for each other.  In key order one of them simply waits.
 * (Two statements per transaction can still deadlock, as two UPDATEs can.)
 *
 * Lifetimes.  A batch lives from the first count-in to the meeting of the
 * counts, within one transaction.  What a subtransaction contributed to it
 * goes when the subtransaction is rolled back: each part has a memory context
 * of its own, below that of the batch.  While a batch is applied its memory
 * belongs to the current subtransaction, so that an error that somebody
 * catches frees it, too.
 *
 * Rights.  Rows are folded as the user who wrote them: that takes no right on
 * any table, and runs no code but the server's and ours (filter/compile.c).
 * Profiles are read and written as the population's owner (profile/row.c).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "common/hashfn.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/tuplestore.h"
#include "utils/uuid.h"

#include "audience/audience.h"
#include "base/base.h"
#include "flow/flow.h"
#include "flow/flow_private.h"
#include "trait/trait.h"

SEGMENT_FUNCTION(segment_capture_before);
SEGMENT_FUNCTION(segment_capture_after);

/* A profile that the rows of one source touch. */
typedef struct Touched
{
	Datum		key;
	TraitDelta *delta;
	uint32		hash;
	char		status;			/* for simplehash */
} Touched;

static uint32 key_hash(Oid type, Datum key);
static int	key_compare(Oid type, Datum a, Datum b);

#define SH_PREFIX touched
#define SH_ELEMENT_TYPE Touched
#define SH_KEY_TYPE Datum
#define SH_KEY key
#define SH_HASH_KEY(table, key) key_hash(*(Oid *) (table)->private_data, key)
#define SH_EQUAL(table, a, b) (key_compare(*(Oid *) (table)->private_data, a, b) == 0)
#define SH_STORE_HASH
#define SH_GET_HASH(table, element) (element)->hash
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"
#include "utils/builtins.h"

/* What one source contributed within one subtransaction. */
typedef struct Part
{
	MemoryContext context;		/* holds all of it */
	const Source *source;
	const TraitProgram *program;
	Oid			key_type;
	SubTransactionId subid;
	touched_hash *profiles;
} Part;

/* AFTER triggers still to come, counted in by one subtransaction. */
typedef struct Awaited
{
	SubTransactionId subid;
	int			count;
} Awaited;

typedef struct Batch
{
	MemoryContext context;		/* holds the lists, and the parts' contexts */
	List	   *awaited;		/* Awaited *, innermost last */
	List	   *parts;			/* Part *, in order of contribution */
} Batch;

static Batch *batch = NULL;

/*
 * Has this transaction written toggles, or is somebody to be woken earlier than
 * was known?  And who is to be told of it at commit?
 */
static bool pending = false;
static FlowPending tell_pending = NULL;

static const Source *trigger_source(FunctionCallInfo fcinfo, bool before);
static void batch_await(int count);
static int	batch_awaited(void);
static Part *batch_part(const Source *source);
static void fold_rows(Part *part, Relation relation, Tuplestorestate *rows, int sign);
static void fold_update(Part *part, Relation relation,
						Tuplestorestate *went, Tuplestorestate *came);
static void fold_table(Part *part, Relation relation);
static void fold_row(Part *part, TupleTableSlot *row, int sign);
static void batch_apply(void);
static void apply_population(List *parts);
static void capture_xact(XactEvent event, void *arg);
static void capture_subxact(SubXactEvent event, SubTransactionId subid,
							SubTransactionId parent, void *arg);

void
flow_init(void)
{
	RegisterXactCallback(capture_xact, NULL);
	RegisterSubXactCallback(capture_subxact, NULL);
}

void
flow_on_pending(FlowPending tell)
{
	tell_pending = tell;
}

/*
 * BEFORE STATEMENT: an AFTER trigger will follow.
 *
 * TRUNCATE shows no rows afterwards, so they are folded now: the table is
 * locked and still full.
 */
Datum
segment_capture_before(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	const Source *source;

	/* where data is restored the definitions may not be there yet */
	if (!segment_capture)
		return PointerGetDatum(NULL);

	source = trigger_source(fcinfo, true);
	batch_await(+1);
	if (TRIGGER_FIRED_BY_TRUNCATE(trigger->tg_event))
		fold_table(batch_part(source), trigger->tg_relation);
	return PointerGetDatum(NULL);
}

/*
 * AFTER STATEMENT: fold the rows, and apply the batch when it is whole.
 */
Datum
segment_capture_after(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	const Source *source;

	if (!segment_capture)
		return PointerGetDatum(NULL);

	source = trigger_source(fcinfo, false);
	if (batch_awaited() <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("capture of source \"%s\" is incomplete", source->name),
				 errdetail("Trigger \"%s\" fired, but the one before the statement did not.",
						   trigger->tg_trigger->tgname),
				 errhint("Enable all triggers of table \"%s\" whose names begin with \"segment_\", or none of them.",
						 RelationGetRelationName(trigger->tg_relation))));

	if (TRIGGER_FIRED_BY_UPDATE(trigger->tg_event))
		fold_update(batch_part(source), trigger->tg_relation,
					trigger->tg_oldtable, trigger->tg_newtable);
	else if (TRIGGER_FIRED_BY_INSERT(trigger->tg_event))
		fold_rows(batch_part(source), trigger->tg_relation, trigger->tg_newtable, +1);
	else if (TRIGGER_FIRED_BY_DELETE(trigger->tg_event))
		fold_rows(batch_part(source), trigger->tg_relation, trigger->tg_oldtable, -1);

	batch_await(-1);
	if (batch_awaited() == 0)
		batch_apply();
	return PointerGetDatum(NULL);
}

static const Source *
trigger_source(FunctionCallInfo fcinfo, bool before)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("capture functions can only be called as triggers"),
				 errhint("Attach a table with segment.attach_source().")));
	if (!TRIGGER_FIRED_FOR_STATEMENT(trigger->tg_event) ||
		(before ? !TRIGGER_FIRED_BEFORE(trigger->tg_event) :
		 !TRIGGER_FIRED_AFTER(trigger->tg_event)) ||
		(!before && !TRIGGER_FIRED_BY_TRUNCATE(trigger->tg_event) &&
		 trigger->tg_oldtable == NULL && trigger->tg_newtable == NULL))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("trigger \"%s\" was not made by segment.attach_source()",
						trigger->tg_trigger->tgname),
				 errhint("Drop the trigger and attach the table with segment.attach_source().")));
	return source_of_trigger(trigger->tg_trigger,
							 RelationGetRelid(trigger->tg_relation));
}

/* Count in or out, for the current subtransaction. */
static void
batch_await(int count)
{
	SubTransactionId subid = GetCurrentSubTransactionId();
	Awaited    *awaited;
	MemoryContext old;

	if (batch == NULL)
	{
		MemoryContext context = AllocSetContextCreate(TopTransactionContext,
													  "segment batch",
													  ALLOCSET_DEFAULT_SIZES);

		batch = MemoryContextAllocZero(context, sizeof(Batch));
		batch->context = context;
	}

	awaited = batch->awaited == NIL ? NULL : llast(batch->awaited);
	if (awaited == NULL || awaited->subid != subid)
	{
		old = MemoryContextSwitchTo(batch->context);
		awaited = palloc(sizeof(Awaited));
		awaited->subid = subid;
		awaited->count = 0;
		batch->awaited = lappend(batch->awaited, awaited);
		MemoryContextSwitchTo(old);
	}
	awaited->count += count;
}

static int
batch_awaited(void)
{
	int			count = 0;
	ListCell   *lc;

	if (batch == NULL)
		return 0;
	foreach(lc, batch->awaited)
		count += ((Awaited *) lfirst(lc))->count;
	return count;
}

/* Where the current subtransaction's rows of this source are folded. */
static Part *
batch_part(const Source *source)
{
	SubTransactionId subid = GetCurrentSubTransactionId();
	const TraitProgram *program = NULL;
	Part	   *part;
	MemoryContext context;
	MemoryContext old;
	ListCell   *lc;

	/*
	 * One delta holds all that happened to a profile: order does not matter.
	 * A source that was loaded again since is still the same source, and runs
	 * the same program until the batch is applied: what that program reads
	 * again must not have another's deltas added to it.
	 */
	foreach(lc, batch->parts)
	{
		part = lfirst(lc);
		if (part->source->relid != source->relid ||
			part->source->population->base != source->population->base ||
			strcmp(part->source->name, source->name) != 0)
			continue;
		if (part->subid == subid)
			return part;
		source = part->source;
		program = part->program;
	}
	if (program == NULL)
		program = trait_program(source);

	context = AllocSetContextCreate(batch->context, "segment batch part",
									ALLOCSET_DEFAULT_SIZES);
	part = MemoryContextAllocZero(context, sizeof(Part));
	part->context = context;
	part->source = source;
	part->program = program;
	part->key_type = source->population->key_type;
	part->subid = subid;
	part->profiles = touched_create(context, 16, &part->key_type);
	old = MemoryContextSwitchTo(batch->context);
	batch->parts = lappend(batch->parts, part);
	MemoryContextSwitchTo(old);
	return part;
}

static void
fold_rows(Part *part, Relation relation, Tuplestorestate *rows, int sign)
{
	TupleTableSlot *slot = MakeSingleTupleTableSlot(RelationGetDescr(relation),
													&TTSOpsMinimalTuple);

	tuplestore_rescan(rows);
	while (tuplestore_gettupleslot(rows, true, false, slot))
	{
		CHECK_FOR_INTERRUPTS();
		fold_row(part, slot, sign);
	}
	ExecDropSingleTupleTableSlot(slot);
}

/*
 * An update that no trait looks at is nothing at all.  Old and new rows come
 * in the same order, but that is not relied on: two rows that mean the same
 * cancel out, whichever became which.
 */
static void
fold_update(Part *part, Relation relation,
			Tuplestorestate *went, Tuplestorestate *came)
{
	TupleTableSlot *old_row = MakeSingleTupleTableSlot(RelationGetDescr(relation),
													   &TTSOpsMinimalTuple);
	TupleTableSlot *new_row = MakeSingleTupleTableSlot(RelationGetDescr(relation),
													   &TTSOpsMinimalTuple);

	tuplestore_rescan(went);
	tuplestore_rescan(came);
	for (;;)
	{
		bool		more_old = tuplestore_gettupleslot(went, true, false, old_row);
		bool		more_new = tuplestore_gettupleslot(came, true, false, new_row);

		CHECK_FOR_INTERRUPTS();
		if (!more_old && !more_new)
			break;
		if (more_old && more_new && trait_same(part->program, old_row, new_row))
			continue;
		if (more_old)
			fold_row(part, old_row, -1);
		if (more_new)
			fold_row(part, new_row, +1);
	}
	ExecDropSingleTupleTableSlot(old_row);
	ExecDropSingleTupleTableSlot(new_row);
}

/*
 * All rows of a table that is about to be truncated.  TRUNCATE removes what is
 * committed, seen by our snapshot or not, so it is read with the latest.
 */
static void
fold_table(Part *part, Relation relation)
{
	TupleTableSlot *slot = table_slot_create(relation, NULL);
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	TableScanDesc scan = table_beginscan(relation, snapshot, 0, NULL);

	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		CHECK_FOR_INTERRUPTS();
		fold_row(part, slot, -1);
	}
	table_endscan(scan);
	UnregisterSnapshot(snapshot);
	ExecDropSingleTupleTableSlot(slot);
}

static void
fold_row(Part *part, TupleTableSlot *row, int sign)
{
	Datum		key;
	Touched    *touched;
	bool		found;

	if (!source_key(part->source, row, &key))
		return;

	touched = touched_insert(part->profiles, key, &found);
	if (!found)
	{
		MemoryContext old = MemoryContextSwitchTo(part->context);

		if (part->key_type == TEXTOID)
			touched->key = PointerGetDatum(PG_DETOAST_DATUM_COPY(key));
		else if (part->key_type == UUIDOID)
			touched->key = datumCopy(key, false, UUID_LEN);
		touched->delta = palloc0(trait_delta_size(part->program));
		MemoryContextSwitchTo(old);
	}
	trait_accumulate(part->program, touched->delta, row, sign, part->context);
}

/*
 * The counts have met: apply what the batch came to.
 */
static void
batch_apply(void)
{
	Batch	   *whole = batch;
	List	   *todo = whole->parts;

	/*
	 * Whatever happens next belongs to another batch: the writes below fire
	 * no trigger of ours, but a user's own trigger on a base table may.
	 */
	batch = NULL;
	MemoryContextSetParent(whole->context, CurTransactionContext);

	while (todo != NIL)
	{
		Oid			lowest = InvalidOid;
		List	   *parts = NIL;
		List	   *rest = NIL;
		ListCell   *lc;

		/* populations in one order too, for the same reason as keys */
		foreach(lc, todo)
		{
			Oid			base = ((Part *) lfirst(lc))->source->population->base;

			if (!OidIsValid(lowest) || base < lowest)
				lowest = base;
		}
		foreach(lc, todo)
		{
			Part	   *part = lfirst(lc);

			if (part->source->population->base == lowest)
				parts = lappend(parts, part);
			else
				rest = lappend(rest, part);
		}
		apply_population(parts);
		todo = rest;
	}
	MemoryContextDelete(whole->context);
}

/* One profile's delta from one part, for sorting. */
typedef struct Visit
{
	Datum		key;
	int			part;			/* its place among the parts */
	TraitDelta *delta;
} Visit;

static int
compare_visits(const void *a, const void *b, void *arg)
{
	const Visit *left = a;
	const Visit *right = b;
	int			order = key_compare(*(Oid *) arg, left->key, right->key);

	return order != 0 ? order : left->part - right->part;
}

/* What it takes to apply deltas to the profiles of a population. */
typedef struct Application
{
	const Population *population;
	List	   *parts;
	ProfileTable *table;
	AudienceWriter *audiences;	/* NULL if there are none to be told */
	TimestampTz now;
} Application;

static void change_profile(const Application *application, TupleTableSlot *row,
						   Datum *values, bool *isnull);
static void end_profile(const Application *application, TupleTableSlot *row,
						Datum *values);
static bool begin_profile(const Application *application, Datum *values,
						  bool *isnull);

/*
 * Apply the deltas of one profile, which follow each other in 'visits': traits,
 * row, audiences.
 */
static void
apply_profile(const Application *application, Visit *visits, int nvisits)
{
	ProfileTable *table = application->table;
	const Population *population = application->population;
	TupleDesc	desc = profile_columns(table);
	Datum	   *values = palloc(sizeof(Datum) * desc->natts);
	bool	   *isnull = palloc(sizeof(bool) * desc->natts);
	AttrNumber	rows = population->rows_attno;

	for (;;)
	{
		TupleTableSlot *row = profile_lock(table, visits[0].key);
		bool		changed = false;
		List	   *reread = NIL;	/* programs whose traits are the source's */
		int64		count;

		if (row != NULL)
		{
			slot_getallattrs(row);
			memcpy(values, row->tts_values, sizeof(Datum) * desc->natts);
			memcpy(isnull, row->tts_isnull, sizeof(bool) * desc->natts);
		}
		else
		{
			profile_initial(table, values, isnull);
			values[population->key_attno - 1] = visits[0].key;
			isnull[population->key_attno - 1] = false;
		}

		count = DatumGetInt64(values[rows - 1]);
		for (int i = 0; i < nvisits; i++)
		{
			const Part *part = list_nth(application->parts, visits[i].part);

			count += visits[i].delta->rows;
			changed |= visits[i].delta->rows != 0;
			if (list_member_ptr(reread, part->program))
				continue;
			switch (trait_apply(part->program, visits[i].delta,
								application->now, values, isnull))
			{
				case TRAIT_UNCHANGED:
					break;
				case TRAIT_CHANGED:
					changed = true;
					break;
				case TRAIT_REREAD:
					/* that is the truth at the end of the batch */
					trait_reread(part->program, visits[i].key,
								 application->now, values, isnull);
					reread = lappend(reread, unconstify(TraitProgram *, part->program));
					changed = true;
					break;
			}
		}
		if (!changed)
			return;
		if (count < 0)
			ereport(ERROR,
					(errcode(ERRCODE_DATA_CORRUPTED),
					 errmsg("population \"%s\" does not know of rows that are now removed",
							population->name),
					 errdetail("They were written while capture was off or its triggers were disabled."),
					 errhint("Run SELECT segment.rebuild(%s).",
							 quote_literal_cstr(population->name))));
		values[rows - 1] = Int64GetDatum(count);
		if (row != NULL && count > 0)
			change_profile(application, row, values, isnull);
		else if (row != NULL)
			end_profile(application, row, values);
		else if (count > 0 && !begin_profile(application, values, isnull))
			continue;			/* somebody was first: that row, then */
		return;
	}
}

TimestampTz
instant_of_change(const Population *population, const AudienceWriter *audiences,
				  TimestampTz now, Datum *values)
{
	Datum	   *evaluated_at = &values[population->evaluated_attno - 1];
	TimestampTz at = decision_instant(now, DatumGetTimestampTz(*evaluated_at),
									  audience_decided_at(audiences));

	*evaluated_at = TimestampTzGetDatum(at);
	return at;
}

static TimestampTz
instant_of(const Application *application, Datum *values)
{
	return instant_of_change(application->population, application->audiences,
							 application->now, values);
}

/* Up to then, if it is due; returns when to wake it next. */
static TimestampTz
pass_time(const Application *application, TupleTableSlot *row, TimestampTz at)
{
	TimestampTz wake_at = profile_wake_at(application->population, row);

	return wake_at <= at ?
		audience_catch_up(application->audiences, row, at) : wake_at;
}

static void
change_profile(const Application *application, TupleTableSlot *row,
			   Datum *values, bool *isnull)
{
	const Population *population = application->population;
	TimestampTz at = instant_of(application, values);

	if (application->audiences != NULL)
	{
		TupleTableSlot *after = profile_of_values(application->table, values, isnull);
		TimestampTz before = profile_wake_at(population, row);
		TimestampTz wake_at = pass_time(application, row, at);

		audience_apply(application->audiences, row, true, after, true, at);
		wake_at = audience_wake_at(application->audiences, after, at, wake_at, true);
		pending |= wake_at < before;
		profile_put_wake_at(population, wake_at, values, isnull);
	}
	profile_update(application->table, values, isnull);
}

static void
end_profile(const Application *application, TupleTableSlot *row, Datum *values)
{
	TimestampTz at = instant_of(application, values);

	profile_delete(application->table);
	if (application->audiences != NULL)
	{
		(void) pass_time(application, row, at);
		audience_apply(application->audiences, row, true,
					   profile_blank(application->table), false, at);
	}
}

/* False if another transaction was first. */
static bool
begin_profile(const Application *application, Datum *values, bool *isnull)
{
	TimestampTz at = instant_of(application, values);
	TimestampTz wake_at = DT_NOEND;

	if (application->audiences != NULL)
		wake_at = audience_wake_at(application->audiences,
								   profile_of_values(application->table, values, isnull),
								   at, DT_NOEND, false);
	profile_put_wake_at(application->population, wake_at, values, isnull);
	if (!profile_insert(application->table, values, isnull))
		return false;
	pending |= !TIMESTAMP_IS_NOEND(wake_at);
	if (application->audiences != NULL)
		audience_apply(application->audiences, profile_blank(application->table),
					   false, profile_written(application->table), true, at);
	return true;
}

void
begin_visits(Visited *visited, const Population *population,
			 const AudienceWriter *audiences)
{
	Oid			output;
	bool		varlena;

	visited->population = population;
	visited->audiences = audiences;
	getTypeOutputInfo(population->key_type, &output, &varlena);
	fmgr_info(output, &visited->output);
}

void
name_visited(void *arg)
{
	Visited    *visited = arg;
	const char *audience = visited->audiences == NULL ? NULL :
		audience_evaluating(visited->audiences);

	if (audience != NULL)
		errcontext("filter of audience \"%s\"", audience);
	errcontext("traits and audiences of profile \"%s\" in population \"%s\"",
			   OutputFunctionCall(&visited->output, visited->key),
			   visited->population->name);
}

static void
apply_population(List *parts)
{
	const Population *population = ((Part *) linitial(parts))->source->population;
	Oid			key_type = population->key_type;
	MemoryContext per_profile;
	MemoryContext old;
	Application application = {population, parts};
	Visited		visited;
	ErrorContextCallback callback = {
		.callback = name_visited,
		.arg = &visited,
	};
	Visit	   *visits;
	int64		nvisits = 0;
	ListCell   *lc;

	foreach(lc, parts)
		nvisits += ((Part *) lfirst(lc))->profiles->members;
	if (nvisits == 0)
		return;

	visits = palloc_extended(sizeof(Visit) * nvisits, MCXT_ALLOC_HUGE);
	nvisits = 0;
	foreach(lc, parts)
	{
		Part	   *part = lfirst(lc);
		touched_iterator iterator;
		Touched    *touched;

		touched_start_iterate(part->profiles, &iterator);
		while ((touched = touched_iterate(part->profiles, &iterator)) != NULL)
		{
			visits[nvisits].key = touched->key;
			visits[nvisits].part = foreach_current_index(lc);
			visits[nvisits].delta = touched->delta;
			nvisits++;
		}
	}
	qsort_arg(visits, nvisits, sizeof(Visit), compare_visits, &key_type);

	SPI_connect();
	application.table = profile_open(population);
	application.audiences = audience_open(population);
	begin_visits(&visited, population, application.audiences);
	application.now = clock_now();
	per_profile = AllocSetContextCreate(CurrentMemoryContext, "segment profile",
										ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(per_profile);
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	for (int64 i = 0, next; i < nvisits; i = next)
	{
		visited.key = visits[i].key;
		for (next = i + 1; next < nvisits; next++)
			if (key_compare(key_type, visits[i].key, visits[next].key) != 0)
				break;
		apply_profile(&application, &visits[i], next - i);
		MemoryContextReset(per_profile);
	}
	error_context_stack = callback.previous;
	MemoryContextSwitchTo(old);
	if (application.audiences != NULL && audience_close(application.audiences))
		pending = true;
	profile_close(application.table);
	SPI_finish();
	pfree(visits);

	/* a later batch of this transaction sees these rows */
	CommandCounterIncrement();
}

/*
 * At the end of a transaction nothing may be left waiting: a trigger that
 * never fired would mean rows that were never counted.
 */
static void
capture_xact(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
		case XACT_EVENT_PRE_PREPARE:
			if (batch_awaited() != 0)
				ereport(ERROR,
						(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						 errmsg_plural("capture is incomplete: %d statement was announced and not reported",
									   "capture is incomplete: %d statements were announced and not reported",
									   batch_awaited(), batch_awaited()),
						 errhint("Enable all triggers whose names begin with \"segment_\" on the tables written, or none of them.")));
			batch = NULL;
			break;
		case XACT_EVENT_COMMIT:
			if (pending && tell_pending != NULL)
				tell_pending();
			/* FALLTHROUGH */
		default:
			if (event == XACT_EVENT_ABORT)
				sweep_aborted();
			/* the memory goes with the transaction */
			batch = NULL;
			pending = false;
			break;
	}
}

/*
 * What a subtransaction contributed becomes its parent's, or goes.
 */
static void
capture_subxact(SubXactEvent event, SubTransactionId subid,
				SubTransactionId parent, void *arg)
{
	ListCell   *lc;

	if (event == SUBXACT_EVENT_ABORT_SUB)
		sweep_aborted();
	if (batch == NULL ||
		(event != SUBXACT_EVENT_COMMIT_SUB && event != SUBXACT_EVENT_ABORT_SUB))
		return;

	foreach(lc, batch->awaited)
	{
		Awaited    *awaited = lfirst(lc);
		Awaited    *of_parent;

		if (awaited->subid != subid)
			continue;
		/* the innermost is last, so its parent's is just before it */
		of_parent = foreach_current_index(lc) == 0 ? NULL :
			list_nth(batch->awaited, foreach_current_index(lc) - 1);
		if (event == SUBXACT_EVENT_COMMIT_SUB &&
			(of_parent == NULL || of_parent->subid != parent))
		{
			awaited->subid = parent;
			continue;
		}
		if (event == SUBXACT_EVENT_COMMIT_SUB)
			of_parent->count += awaited->count;
		batch->awaited = foreach_delete_current(batch->awaited, lc);
		pfree(awaited);
	}
	foreach(lc, batch->parts)
	{
		Part	   *part = lfirst(lc);

		if (part->subid != subid)
			continue;
		if (event == SUBXACT_EVENT_COMMIT_SUB)
			part->subid = parent;
		else
		{
			batch->parts = foreach_delete_current(batch->parts, lc);
			MemoryContextDelete(part->context);
		}
	}

	if (event == SUBXACT_EVENT_ABORT_SUB && batch->awaited == NIL)
	{
		MemoryContextDelete(batch->context);
		batch = NULL;
	}
}

static uint32
key_hash(Oid type, Datum key)
{
	switch (type)
	{
		case INT4OID:
			return murmurhash32((uint32) DatumGetInt32(key));
		case INT8OID:
			{
				uint64		number = (uint64) DatumGetInt64(key);

				return hash_combine(murmurhash32((uint32) number),
									murmurhash32((uint32) (number >> 32)));
			}
		case UUIDOID:
			return hash_bytes((const unsigned char *) DatumGetUUIDP(key), UUID_LEN);
		default:
			{
				text	   *characters = DatumGetTextPP(key);

				return hash_bytes((const unsigned char *) VARDATA_ANY(characters),
								  VARSIZE_ANY_EXHDR(characters));
			}
	}
}

/*
 * One order of keys for all writers; it need not be the index's.
 */
static int
key_compare(Oid type, Datum a, Datum b)
{
	switch (type)
	{
		case INT4OID:
			return DatumGetInt32(a) < DatumGetInt32(b) ? -1 :
				DatumGetInt32(a) > DatumGetInt32(b);
		case INT8OID:
			return DatumGetInt64(a) < DatumGetInt64(b) ? -1 :
				DatumGetInt64(a) > DatumGetInt64(b);
		case UUIDOID:
			return memcmp(DatumGetUUIDP(a), DatumGetUUIDP(b), UUID_LEN);
		default:
			{
				text	   *left = DatumGetTextPP(a);
				text	   *right = DatumGetTextPP(b);
				int			left_length = VARSIZE_ANY_EXHDR(left);
				int			right_length = VARSIZE_ANY_EXHDR(right);
				int			order = memcmp(VARDATA_ANY(left), VARDATA_ANY(right),
										   Min(left_length, right_length));

				return order != 0 ? order : left_length - right_length;
			}
	}
}
