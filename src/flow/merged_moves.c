/*-------------------------------------------------------------------------
 *
 * merged_moves.c
 *	  What does MERGE not say of rows that move between partitions?
 *
 *		MERGE INTO visits ... WHEN MATCHED THEN UPDATE SET at = ...
 *
 *		the row stays in its partition		AFTER UPDATE shows it
 *		it moves to another one				it is in the transition tables of
 *											DELETE and INSERT, but the triggers
 *											of these fire only if MERGE has
 *											such actions, too
 *
 * An UPDATE of the partition key shows moved rows as updated; MERGE, in all
 * releases so far, shows them to nobody.  So where MERGE updates a partitioned
 * table that we capture, our triggers AFTER DELETE and AFTER INSERT, and no
 * one else's, are made to fire all the same.
 *
 * The executor has a hook for its last step, before triggers fire.  The
 * library is loaded by then, as the trigger BEFORE the statement is ours.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "nodes/execnodes.h"
#include "utils/rel.h"

#include "flow/flow_private.h"
#include "source/source.h"

static ExecutorFinish_hook_type finish_before = NULL;

static void at_finish(QueryDesc *query);
static void add_all_moved(QueryDesc *query);
static bool moves_rows(const ModifyTableState *node);
static bool shows(List *all, List *done, const ModifyTableState *merge,
				  CmdType type, int action);
static void add_moved(EState *estate, ModifyTableState *merge, CmdType type);
static TriggerDesc *our_triggers(const ResultRelInfo *table, int16 event,
								 int *count);

void
merged_moves_init(void)
{
	finish_before = ExecutorFinish_hook;
	ExecutorFinish_hook = at_finish;
}

/* at_finish() is called when all rows of a query have been written. */
static void
at_finish(QueryDesc *query)
{
	bool		moves = query->operation == CMD_MERGE;
	ListCell   *lc;

	/* those of WITH; the list is empty for nearly all queries */
	foreach(lc, query->estate->es_auxmodifytables)
		moves |= moves_rows(lfirst(lc));
	if (moves)
		add_all_moved(query);
	if (finish_before != NULL)
		finish_before(query);
	else
		standard_ExecutorFinish(query);
}

/* add_all_moved() looks at all nodes of a query that write. */
static void
add_all_moved(QueryDesc *query)
{
	List	   *nodes = list_copy(query->estate->es_auxmodifytables);
	ListCell   *lc;

	if (IsA(query->planstate, ModifyTableState))
		nodes = lappend(nodes, query->planstate);
	foreach(lc, nodes)
	{
		ModifyTableState *node = lfirst(lc);
		List	   *others = list_copy_head(nodes, foreach_current_index(lc));

		if (!moves_rows(node))
			continue;
		if (!shows(nodes, others, node, CMD_DELETE, MERGE_DELETE))
			add_moved(query->estate, node, CMD_DELETE);
		if (!shows(nodes, others, node, CMD_INSERT, MERGE_INSERT))
			add_moved(query->estate, node, CMD_INSERT);
	}
	list_free(nodes);
}

/* moves_rows() says whether a node is a MERGE that may move rows. */
static bool
moves_rows(const ModifyTableState *node)
{
	return node->operation == CMD_MERGE &&
		(node->mt_merge_subcommands & MERGE_UPDATE) != 0 &&
		node->mt_transition_capture != NULL &&
		node->rootResultRelInfo->ri_RelationDesc->rd_rel->relkind ==
		RELKIND_PARTITIONED_TABLE;
}

/*
 * shows() says whether triggers of one kind of statement fire anyway on the
 * table that a node writes: because of the node, or of another one of the
 * query, 'all' of which share the transition tables of a table; or because of
 * one of those that we have been through.
 */
static bool
shows(List *all, List *done, const ModifyTableState *merge, CmdType type,
	  int action)
{
	ListCell   *lc;

	foreach(lc, all)
	{
		const ModifyTableState *node = lfirst(lc);

		if (RelationGetRelid(node->rootResultRelInfo->ri_RelationDesc) !=
			RelationGetRelid(merge->rootResultRelInfo->ri_RelationDesc))
			continue;
		if (node->operation == type ||
			(node->operation == CMD_MERGE &&
			 (node->mt_merge_subcommands & action) != 0) ||
			(moves_rows(node) && list_member_ptr(done, node)))
			return true;
	}
	return false;
}

/* add_moved() lets our triggers AFTER DELETE or INSERT fire, if any are. */
static void
add_moved(EState *estate, ModifyTableState *merge, CmdType type)
{
	bool		deletes = type == CMD_DELETE;
	ResultRelInfo table = *merge->rootResultRelInfo;
	int			count;

	table.ri_TrigDesc = our_triggers(&table,
									 deletes ? TRIGGER_TYPE_DELETE :
									 TRIGGER_TYPE_INSERT, &count);
	if (count == 0)
		return;
	if (deletes)
		ExecASDeleteTriggers(estate, &table, merge->mt_transition_capture);
	else
		ExecASInsertTriggers(estate, &table, merge->mt_transition_capture);
	capture_await(count);
}

/*
 * our_triggers() describes the capture triggers of a table that fire after a
 * statement of one kind, and says how many these are.
 */
static TriggerDesc *
our_triggers(const ResultRelInfo *table, int16 event, int *count)
{
	const TriggerDesc *all = table->ri_TrigDesc;
	TriggerDesc *ours = palloc0(sizeof(TriggerDesc));

	ours->triggers = palloc(sizeof(Trigger) * Max(all->numtriggers, 1));
	for (int i = 0; i < all->numtriggers; i++)
	{
		const Trigger *trigger = &all->triggers[i];

		if (TRIGGER_TYPE_MATCHES(trigger->tgtype, TRIGGER_TYPE_STATEMENT,
								 TRIGGER_TYPE_AFTER, event) &&
			capture_fires(trigger))
			ours->triggers[ours->numtriggers++] = *trigger;
	}
	ours->trig_delete_after_statement = event == TRIGGER_TYPE_DELETE;
	ours->trig_insert_after_statement = event == TRIGGER_TYPE_INSERT;
	*count = ours->numtriggers;
	return ours;
}

bool
capture_fires(const Trigger *trigger)
{
	char		unless = SessionReplicationRole ==
		SESSION_REPLICATION_ROLE_REPLICA ? TRIGGER_FIRES_ON_ORIGIN :
		TRIGGER_FIRES_ON_REPLICA;

	return trigger->tgenabled != TRIGGER_DISABLED &&
		trigger->tgenabled != unless && trigger_is_capture(trigger);
}
