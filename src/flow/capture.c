/*-------------------------------------------------------------------------
 *
 * capture.c
 *	  Which statements are one batch, and when is it applied?
 *
 * One INSERT of a thousand orders by ten customers is ten visits:
 *
 *		BEFORE STATEMENT	count in
 *		... the server inserts the rows ...
 *		AFTER STATEMENT		contribution.c: for each row its profile's delta
 *							count out; the counts meet:
 *							apply_batch.c: profiles in the order of keys
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
 * Lifetimes.  A batch lives from the first count-in to the meeting of the
 * counts, within one transaction.  What a subtransaction contributed to it
 * goes when the subtransaction is rolled back: each contribution has a memory
 * context of its own, below that of the batch.  While a batch is applied its
 * memory belongs to the current subtransaction, so that an error that is
 * caught frees it, too.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/xact.h"
#include "commands/trigger.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "base/base.h"
#include "flow/batch.h"
#include "flow/flow_private.h"

SEGMENT_FUNCTION(segment_capture_before);
SEGMENT_FUNCTION(segment_capture_after);
SEGMENT_FUNCTION(segment_capture_row);

/* AFTER triggers still to come, counted in by one subtransaction. */
typedef struct Awaited
{
	SubTransactionId subid;
	int			count;
} Awaited;

/* A table whose rows a TRUNCATE that is on its way has counted. */
typedef struct Truncating
{
	SubTransactionId subid;
	Oid			relid;
} Truncating;

typedef struct Batch
{
	MemoryContext context;		/* of the lists, and of all contributions */
	List	   *awaited;		/* Awaited *, innermost last */
	List	   *contributions;	/* Contribution *, in their order */
	List	   *truncating;		/* Truncating *, until AFTER TRUNCATE */
} Batch;

/* NULL while no statement is on its way: see Lifetimes. */
static Batch *batch = NULL;

static const SourceTable *trigger_sources(FunctionCallInfo fcinfo,
										  TriggerEvent when);
static void batch_truncate(const SourceTable *table, Relation relation);
static bool is_truncating(Oid relid);
static void truncate_one(List *contributions, Oid relid, Oid top,
						 bool emptied);
static void batch_truncated(Oid relid);
static void batch_await(int count);
static int	batch_awaited(void);
static bool batch_is_alone(void);
static List *batch_contributions(List *sources);
static Contribution *batch_contribution(const Source *source);
static void batch_apply(void);

/*
 * BEFORE STATEMENT: an AFTER trigger will follow.
 *
 * TRUNCATE shows no rows afterwards, so they are counted now: the table is
 * locked and still full.
 */
Datum
segment_capture_before(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	const SourceTable *table;

	/* where data is restored the definitions may not be there yet */
	if (!segment_capture)
		return PointerGetDatum(NULL);

	table = trigger_sources(fcinfo, TRIGGER_EVENT_BEFORE);
	batch_await(+1);
	if (TRIGGER_FIRED_BY_TRUNCATE(trigger->tg_event))
		batch_truncate(table, trigger->tg_relation);
	return PointerGetDatum(NULL);
}

/*
 * AFTER STATEMENT: fold the rows, and apply the batch when it is whole.
 */
Datum
segment_capture_after(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	const SourceTable *table;

	if (!segment_capture)
		return PointerGetDatum(NULL);

	table = trigger_sources(fcinfo, TRIGGER_EVENT_AFTER);
	if (batch_awaited() <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("capture of source \"%s\" is incomplete",
						((const Source *) linitial(table->sources))->name),
				 errdetail("Trigger \"%s\" fired, but the one before the statement did not.",
						   trigger->tg_trigger->tgname),
				 errhint("Enable all triggers of table \"%s\" whose names begin with \"segment_\", or none of them.",
						 RelationGetRelationName(trigger->tg_relation))));

	if (trigger->tg_oldtable != NULL || trigger->tg_newtable != NULL)
		contributions_add_rows(batch_contributions(table->sources),
							   trigger->tg_relation, table,
							   trigger->tg_oldtable, trigger->tg_newtable,
							   batch_is_alone());
	else
		batch_truncated(RelationGetRelid(trigger->tg_relation));

	batch_await(-1);
	if (batch_awaited() == 0)
		batch_apply();
	return PointerGetDatum(NULL);
}

/*
 * AFTER ROW: fold one row of a table whose rows arrive by logical replication.
 *
 * That fires no triggers of statements, so a row that was not announced is a
 * batch of its own.
 */
Datum
segment_capture_row(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	TupleTableSlot *went = NULL;
	TupleTableSlot *came = NULL;
	const SourceTable *table;

	if (!segment_capture)
		return PointerGetDatum(NULL);

	table = trigger_sources(fcinfo, TRIGGER_EVENT_ROW);
	if (TRIGGER_FIRED_BY_INSERT(trigger->tg_event))
		came = trigger->tg_trigslot;
	else
		went = trigger->tg_trigslot;
	if (TRIGGER_FIRED_BY_UPDATE(trigger->tg_event))
		came = trigger->tg_newslot;
	batch_await(+1);
	contributions_add_row(batch_contributions(table->sources), table, went,
						  came, batch_is_alone());
	batch_await(-1);
	if (batch_awaited() == 0)
		batch_apply();
	return PointerGetDatum(NULL);
}

void
capture_await(int count)
{
	if (segment_capture)
		batch_await(count);
}

void
capture_check_complete(void)
{
	int			awaited = batch_awaited();

	if (awaited != 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg_plural("capture is incomplete: %d statement was announced and not reported",
							   "capture is incomplete: %d statements were announced and not reported",
							   awaited, awaited),
				 errhint("Enable all triggers whose names begin with \"segment_\" on the tables written, or none of them.")));
}

void
capture_end(void)
{
	/* its memory goes with the transaction */
	batch = NULL;
}

void
capture_merge(SubTransactionId subid, SubTransactionId parent)
{
	Awaited    *awaited;
	ListCell   *lc;

	if (batch == NULL)
		return;
	awaited = batch->awaited == NIL ? NULL : llast(batch->awaited);
	if (awaited != NULL && awaited->subid == subid)
	{
		int			length = list_length(batch->awaited);
		Awaited    *before = length < 2 ? NULL :
			list_nth(batch->awaited, length - 2);

		if (before != NULL && before->subid == parent)
		{
			before->count += awaited->count;
			batch->awaited = list_delete_last(batch->awaited);
			pfree(awaited);
		}
		else
			awaited->subid = parent;
	}
	foreach(lc, batch->contributions)
	{
		Contribution *contribution = lfirst(lc);

		if (contribution->subid == subid)
			contribution->subid = parent;
	}
}

void
capture_discard(SubTransactionId subid)
{
	Awaited    *awaited;
	ListCell   *lc;

	if (batch == NULL)
		return;
	awaited = batch->awaited == NIL ? NULL : llast(batch->awaited);
	if (awaited != NULL && awaited->subid == subid)
	{
		batch->awaited = list_delete_last(batch->awaited);
		pfree(awaited);
	}
	foreach(lc, batch->contributions)
	{
		Contribution *contribution = lfirst(lc);

		if (contribution->subid != subid)
			continue;
		batch->contributions = foreach_delete_current(batch->contributions,
													  lc);
		contribution_end(contribution);
	}
	foreach(lc, batch->truncating)
		if (((Truncating *) lfirst(lc))->subid == subid)
			batch->truncating = foreach_delete_current(batch->truncating, lc);
	if (batch->awaited == NIL)
	{
		MemoryContextDelete(batch->context);
		batch = NULL;
	}
}

/*
 * trigger_sources() finds the sources whose capture trigger fired; an error if
 * the function was called in another way.  It expects a trigger of a statement
 * that fires before or after it, or one that fires after a row.
 */
static const SourceTable *
trigger_sources(FunctionCallInfo fcinfo, TriggerEvent when)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	TriggerEvent fired;
	bool		has_rows;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("capture functions can only be called as triggers"),
				 errhint("Attach a table with segment.attach_source().")));
	fired = trigger->tg_event & (TRIGGER_EVENT_ROW |
								 TRIGGER_EVENT_TIMINGMASK);
	has_rows = trigger->tg_oldtable != NULL || trigger->tg_newtable != NULL;
	if (fired != when ||
		(when == TRIGGER_EVENT_AFTER &&
		 !TRIGGER_FIRED_BY_TRUNCATE(trigger->tg_event) &&
		 has_rows == (trigger->tg_trigger->tgnargs > 1)))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("trigger \"%s\" was not made by segment.attach_source()",
						trigger->tg_trigger->tgname),
				 errhint("Drop the trigger and attach the table with segment.attach_source().")));
	return sources_of_trigger(trigger->tg_trigger, trigger->tg_relation);
}

/*
 * batch_truncate() counts the rows of a table that is about to be truncated.
 *
 * TRUNCATE of a table at the top of a tree of partitions takes all of these
 * along, and so leaves no row, which nobody can say of another table of a
 * tree: TRUNCATE ONLY looks the same here.  Each table is locked already, and
 * its own trigger fires, too, sooner or later; whichever is first counts.
 */
static void
batch_truncate(const SourceTable *table, Relation relation)
{
	List	   *contributions = batch_contributions(table->sources);
	Oid			relid = RelationGetRelid(relation);
	bool		emptied = relid == table->relid &&
		!source_is_inherited(relid);
	List	   *tree = emptied ? source_tree(relid, NoLock) :
		list_make1_oid(relid);
	List	   *plain = NIL;	/* without links */
	ListCell   *lc;

	if (is_truncating(relid))
		return;
	foreach(lc, contributions)
		if (((Contribution *) lfirst(lc))->source->nlinks == 0)
			plain = lappend(plain, lfirst(lc));
	if (emptied)
		contributions_empty(plain);
	foreach(lc, tree)
		truncate_one(plain, lfirst_oid(lc), table->relid, emptied);
	foreach(lc, contributions)
		linked_note_truncated(lfirst(lc));
}

/* is_truncating() says whether a table's rows are counted already. */
static bool
is_truncating(Oid relid)
{
	ListCell   *lc;

	foreach(lc, batch->truncating)
		if (((Truncating *) lfirst(lc))->relid == relid)
			return true;
	return false;
}

/* truncate_one() counts the rows of one table, if they are not yet counted. */
static void
truncate_one(List *contributions, Oid relid, Oid top, bool emptied)
{
	Relation	relation;
	Truncating *truncating;
	MemoryContext old;

	if (is_truncating(relid))
		return;
	old = MemoryContextSwitchTo(batch->context);
	truncating = palloc(sizeof(Truncating));
	truncating->subid = GetCurrentSubTransactionId();
	truncating->relid = relid;
	batch->truncating = lappend(batch->truncating, truncating);
	MemoryContextSwitchTo(old);

	relation = relation_open(relid, AccessShareLock);
	if (contributions != NIL && emptied)
		contributions_add_emptied(contributions, relation, top);
	else if (contributions != NIL)
		contributions_add_table(contributions, relation, top, -1, false);
	relation_close(relation, NoLock);
}

/* batch_truncated() notes that a table has been truncated. */
static void
batch_truncated(Oid relid)
{
	ListCell   *lc;

	foreach(lc, batch->truncating)
		if (((Truncating *) lfirst(lc))->relid == relid)
			batch->truncating = foreach_delete_current(batch->truncating, lc);
}

/*
 * batch_await() counts AFTER triggers in (+1) or out (-1) for the current
 * subtransaction.  The first count begins a batch.
 */
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

/*
 * batch_awaited() counts the AFTER triggers of the batch that have not fired
 * yet.
 */
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

/*
 * batch_is_alone() says whether the trigger that fires is the last one of the
 * batch, and no row of a source with links waits for its end.
 */
static bool
batch_is_alone(void)
{
	return batch_awaited() == 1 && !linked_is_noted(batch->contributions);
}

/* batch_contributions() is batch_contribution() of each of some sources. */
static List *
batch_contributions(List *sources)
{
	List	   *contributions = NIL;
	ListCell   *lc;

	foreach(lc, sources)
		contributions = lappend(contributions,
								batch_contribution(lfirst(lc)));
	return contributions;
}

/*
 * batch_contribution() finds or adds what a source contributes in the current
 * subtransaction.
 *
 * It is the last one of the source that is continued: what was contributed
 * before a TRUNCATE in a subtransaction that has ended stands before it, and
 * what comes now stands after it.  A source that was loaded again since is
 * still the same source, and runs the same program until the batch is applied:
 * what that program reads again must not have the deltas of another program
 * added to it.
 */
static Contribution *
batch_contribution(const Source *source)
{
	SubTransactionId subid = GetCurrentSubTransactionId();
	Contribution *last = NULL;
	Contribution *contribution;
	MemoryContext old;
	ListCell   *lc;

	foreach(lc, batch->contributions)
	{
		const Source *other;

		contribution = lfirst(lc);
		other = contribution->source;
		if (other->relid == source->relid &&
			other->population->oid == source->population->oid &&
			strcmp(other->name, source->name) == 0)
			last = contribution;
	}
	if (last != NULL && last->subid == subid)
		return last;

	contribution = last == NULL ?
		contribution_create(batch->context, source, trait_program(source)) :
		contribution_create(batch->context, last->source, last->program);
	old = MemoryContextSwitchTo(batch->context);
	batch->contributions = lappend(batch->contributions, contribution);
	MemoryContextSwitchTo(old);
	return contribution;
}

/*
 * batch_apply() applies the batch, now that its counts have met.
 *
 * Whatever happens meanwhile belongs to another batch: what is written fires
 * no trigger of ours, but a user's trigger on a base table may.
 */
static void
batch_apply(void)
{
	Batch	   *whole = batch;
	ListCell   *lc;

	batch = NULL;
	MemoryContextSetParent(whole->context, CurTransactionContext);
	PG_TRY();
	{
		linked_settle(whole->contributions);
		apply_batch(whole->contributions);
	}
	PG_FINALLY();
	{
		foreach(lc, whole->contributions)
			contribution_end(lfirst(lc));
	}
	PG_END_TRY();
	MemoryContextDelete(whole->context);
}
