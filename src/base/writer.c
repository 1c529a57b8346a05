/*-------------------------------------------------------------------------
 *
 * writer.c
 *	  What the server's executor needs, to write rows of one table.
 *
 *		writer_open(relation, ...)	its indexes and constraints
 *			ExecConstraints, table_tuple_insert, ExecInsertIndexTuples ...
 *		writer_close
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
#include "miscadmin.h"
#include "parser/parse_relation.h"
#include "storage/lmgr.h"
#include "utils/rel.h"

#include "base/base.h"

ResultRelInfo *
writer_open(Relation relation, bool speculative, EState **estate)
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
	ExecOpenIndices(result, speculative);
	return result;
}

void
writer_close(ResultRelInfo *result, EState *estate)
{
	ExecCloseIndices(result);
	/* slots of the owner's triggers on the table, if there are any */
	ExecResetTupleTable(estate->es_tupleTable, false);
	FreeExecutorState(estate);
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
