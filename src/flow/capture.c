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
 * What a room to the right writes by the table API fires no trigger.  It says
 * itself which rows have come, and is one statement to the counting.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "utils/rel.h"

#include "base/base.h"
#include "flow/batch.h"
#include "flow/flow.h"
#include "flow/flow_private.h"

SEGMENT_FUNCTION(segment_capture_before);
SEGMENT_FUNCTION(segment_capture_after);
SEGMENT_FUNCTION(segment_capture_row);

struct FlowArrival
{
	List	   *tables;			/* SourceTable *, one for each population */
};

static TriggerDesc *after_insert(const TriggerDesc *all);
static const SourceTable *trigger_sources(FunctionCallInfo fcinfo,
										  TriggerEvent when);
static void truncate_tables(const SourceTable *table, Relation relation);
static const Population *population_of_table(const SourceTable *table);
static void truncate_one(const Population *population, List *contributions,
						 Oid relid, Oid top, bool emptied);

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
		truncate_tables(table, trigger->tg_relation);
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
		batch_truncated(population_of_table(table),
						RelationGetRelid(trigger->tg_relation));

	batch_complete();
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
	batch_complete();
	return PointerGetDatum(NULL);
}

/* ---- rows that a room to the right has written ---- */

FlowArrival *
flow_arrival_begin(Relation relation)
{
	FlowArrival *arrival = palloc0(sizeof(FlowArrival));
	TriggerDesc *triggers = segment_capture ?
		after_insert(relation->trigdesc) : NULL;

	for (int i = 0; triggers != NULL && i < triggers->numtriggers; i++)
	{
		const Trigger *trigger = &triggers->triggers[i];

		if (!capture_fires(trigger))
			continue;
		arrival->tables =
			lappend(arrival->tables,
					unconstify(SourceTable *,
							   sources_of_trigger(trigger, relation)));
		batch_await(+1);
	}
	return arrival;
}

/*
 * after_insert() copies the triggers that fire after an INSERT: looking for
 * sources may make the server forget the relation's own.
 */
static TriggerDesc *
after_insert(const TriggerDesc *all)
{
	TriggerDesc some = {NULL};

	if (all == NULL)
		return NULL;
	some.triggers = palloc(sizeof(Trigger) * all->numtriggers);
	for (int i = 0; i < all->numtriggers; i++)
	{
		int16		type = all->triggers[i].tgtype;

		if (TRIGGER_FOR_AFTER(type) && TRIGGER_FOR_INSERT(type))
			some.triggers[some.numtriggers++] = all->triggers[i];
	}
	return CopyTriggerDesc(&some);
}

void
flow_arrival_row(FlowArrival *arrival, TupleTableSlot *row)
{
	ListCell   *lc;

	foreach(lc, arrival->tables)
	{
		const SourceTable *table = lfirst(lc);

		contributions_add_row(batch_contributions(table->sources), table, NULL,
							  row, batch_is_alone());
	}
}

void
flow_arrival_end(FlowArrival *arrival)
{
	for (int i = 0; i < list_length(arrival->tables); i++)
		batch_complete();
	list_free(arrival->tables);
	pfree(arrival);
}

/* ---- triggers ---- */

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

/* population_of_table() returns the population of a table's sources. */
static const Population *
population_of_table(const SourceTable *table)
{
	return ((const Source *) linitial(table->sources))->population;
}

/*
 * truncate_tables() counts the rows of a table that is about to be truncated.
 *
 * TRUNCATE of a table at the top of a tree of partitions takes all of these
 * along, and so leaves no row, which nobody can say of another table of a
 * tree: TRUNCATE ONLY looks the same here.  Each table is locked already, and
 * its own trigger fires, too, sooner or later; whichever is first counts.
 *
 * Where that leaves a population no row at all its profiles say how many each
 * of them loses, and there are fewer of them.
 */
static void
truncate_tables(const SourceTable *table, Relation relation)
{
	const Population *population = population_of_table(table);
	List	   *contributions = batch_contributions(table->sources);
	Oid			relid = RelationGetRelid(relation);
	bool		emptied = relid == table->relid &&
		!source_is_inherited(relid);
	List	   *tree = emptied ? source_tree(relid, NoLock) :
		list_make1_oid(relid);
	List	   *plain = NIL;	/* without links */
	bool		ends_all;
	ListCell   *lc;

	if (batch_truncates(population, relid))
		return;
	foreach(lc, contributions)
		if (((Contribution *) lfirst(lc))->source->nlinks == 0)
			plain = lappend(plain, lfirst(lc));
	if (emptied)
		contributions_empty(plain);
	ends_all = emptied && batch_is_only() && list_length(plain) == 1 &&
		contribution_ends_all(linitial(plain));
	if (ends_all)
		contribution_end_all(linitial(plain));
	foreach(lc, tree)
		truncate_one(population, ends_all ? NIL : plain, lfirst_oid(lc),
					 table->relid, emptied);
	foreach(lc, contributions)
		linked_note_truncated(lfirst(lc));
}

/* truncate_one() counts the rows of one table, if they are not yet counted. */
static void
truncate_one(const Population *population, List *contributions, Oid relid,
			 Oid top, bool emptied)
{
	Relation	relation;

	if (!batch_truncate(population, relid))
		return;
	relation = relation_open(relid, AccessShareLock);
	if (contributions != NIL && emptied)
		contributions_add_emptied(contributions, relation, top);
	else if (contributions != NIL)
		contributions_add_table(contributions, relation, top, -1, false);
	relation_close(relation, NoLock);
}
