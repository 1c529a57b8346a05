/*-------------------------------------------------------------------------
 *
 * writer.c
 *	  What the server's executor needs, to write rows of one table.
 *
 *		writer_open(relation, ...)	its constraints and triggers
 *			writer_index				and indexes
 *			ExecConstraints, table_tuple_insert, ExecInsertIndexTuples ...
 *		writer_close
 *
 * A row that is updated mostly leaves its indexes as they are (HOT), and to
 * open them takes as long as to write it: so that is left until it is needed.
 *
 * The table API fires no trigger of a statement, and of rows only those that
 * the caller fires.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/tableam.h"
#include "access/xact.h"
#include "executor/executor.h"
#include "executor/nodeModifyTable.h"
#include "miscadmin.h"
#include "parser/parse_relation.h"
#include "storage/lmgr.h"
#include "utils/rel.h"
#include "utils/resowner.h"

#include "base/base.h"

static void insert_entries(ResultRelInfo *result, EState *estate,
						   TupleTableSlot *row, TU_UpdateIndexes indexes);

ResultRelInfo *
writer_open(Relation relation, EState **estate)
{
	RangeTblEntry *rte = makeNode(RangeTblEntry);
	ResultRelInfo *result = makeNode(ResultRelInfo);
	List	   *permissions = NIL;

	rte->rtekind = RTE_RELATION;
	rte->relid = RelationGetRelid(relation);
	rte->relkind = relation->rd_rel->relkind;
	rte->rellockmode = RowExclusiveLock;

	*estate = CreateExecutorState();
	addRTEPermissionInfo(&permissions, rte);
	ExecInitRangeTable(*estate, list_make1(rte), permissions,
					   bms_make_singleton(1));
	(*estate)->es_output_cid = GetCurrentCommandId(true);
	InitResultRelInfo(result, relation, 1, NULL, 0);
	(*estate)->es_opened_result_relations = list_make1(result);
	return result;
}

void
writer_index(ResultRelInfo *result, EState *estate, bool speculative)
{
	MemoryContext old;

	if (result->ri_IndexRelationDescs != NULL)
		return;
	old = MemoryContextSwitchTo(estate->es_query_cxt);
	ExecOpenIndices(result, speculative);
	MemoryContextSwitchTo(old);
}

void
writer_close(ResultRelInfo *result, EState *estate)
{
	ExecCloseIndices(result);
	/* slots of the owner's triggers on the table, if there are any */
	ExecResetTupleTable(estate->es_tupleTable, false);
	FreeExecutorState(estate);
}

void
writer_update(ResultRelInfo *result, EState *estate, EPQState *recheck,
			  TupleTableSlot *there, TupleTableSlot *row)
{
	Relation	relation = result->ri_RelationDesc;
	const TriggerDesc *triggers = result->ri_TrigDesc;
	TU_UpdateIndexes indexes;

	if (relation->rd_rel->relispartition ||
		(triggers != NULL && (triggers->trig_update_before_row ||
							  triggers->trig_update_after_row)))
	{
		writer_index(result, estate, true);
		ExecSimpleRelationUpdate(result, estate, recheck, there, row);
		return;
	}
	CheckCmdReplicaIdentity(relation, CMD_UPDATE);
	if (relation->rd_att->constr != NULL &&
		relation->rd_att->constr->has_generated_stored)
		ExecComputeStoredGenerated(result, estate, row, CMD_UPDATE);
	if (relation->rd_att->constr != NULL)
		ExecConstraints(result, row, estate);
	simple_table_tuple_update(relation, &there->tts_tid, row,
							  estate->es_snapshot, &indexes);
	if (indexes == TU_None)
		return;
	/* rows may be inserted, too */
	writer_index(result, estate, true);
	if (result->ri_NumIndices > 0)
		insert_entries(result, estate, row, indexes);
}

/*
 * insert_entries() makes the entries of a row's new version in the indexes.
 *
 * To find in a unique one that only the version before has the key, the server
 * makes a slot, and notes whose it is among all slots of the statement.  COPY
 * has one for each of a thousand rows, and where they are noted is a matter of
 * luck: the new one may be looked for behind all of them, which takes longer
 * than the entry.  The transaction itself has few.  Where expressions are
 * evaluated, it is the statement that owns what these use.
 */
static void
insert_entries(ResultRelInfo *result, EState *estate, TupleTableSlot *row,
			   TU_UpdateIndexes indexes)
{
	ResourceOwner old = CurrentResourceOwner;
	bool		plain = true;

	for (int i = 0; i < result->ri_NumIndices; i++)
		plain &= result->ri_IndexRelationInfo[i]->ii_Expressions == NIL;
	if (plain)
		CurrentResourceOwner = CurTransactionResourceOwner;
	(void) ExecInsertIndexTuples(result, row, estate, true, false, NULL, NIL,
								 indexes == TU_Summarizing);
	CurrentResourceOwner = old;
}

/*
 * As the caller has just found no such row, it is inserted without asking once
 * more.  If another transaction inserts one at the same time, the one that
 * comes second takes its row back, waits until the other has ended, and looks
 * whether the row is there now.
 */
bool
writer_insert_first(ResultRelInfo *result, EState *estate,
					TupleTableSlot *row, Oid unique, List **recheck)
{
	Relation	relation = result->ri_RelationDesc;
	List	   *arbiters = list_make1_oid(unique);
	bool		inserted = false;

	for (;;)
	{
		ItemPointerData conflict;
		ItemPointerData itself;
		bool		raced = false;
		uint32		token;

		CHECK_FOR_INTERRUPTS();

		token = SpeculativeInsertionLockAcquire(GetCurrentTransactionId());
		table_tuple_insert_speculative(relation, row,
									   GetCurrentCommandId(true), 0, NULL,
									   token);
		*recheck = ExecInsertIndexTuples(result, row, estate, false, true,
										 &raced, arbiters, false);
		table_tuple_complete_speculative(relation, row, token, !raced);
		SpeculativeInsertionLockRelease(GetCurrentTransactionId());

		inserted = !raced;
		ItemPointerSetInvalid(&itself);
		if (inserted ||
			!ExecCheckIndexConstraints(result, row, estate, &conflict,
									   &itself, arbiters))
			break;
		list_free(*recheck);
	}
	list_free(arbiters);
	return inserted;
}
