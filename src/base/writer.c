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

#include "access/genam.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/index.h"
#include "executor/executor.h"
#include "executor/nodeModifyTable.h"
#include "miscadmin.h"
#include "parser/parse_relation.h"
#include "storage/lmgr.h"
#include "utils/datum.h"
#include "utils/rel.h"

#include "base/base.h"

/* So many rows are written before the server no longer looks for dead ones. */
#define MANY_ROWS	1000

static void insert_entries(ResultRelInfo *result, EState *estate,
						   TupleTableSlot *there, TupleTableSlot *row,
						   TU_UpdateIndexes indexes);
static bool are_plain(const ResultRelInfo *result);
static bool has_same_key(const IndexInfo *info, TupleTableSlot *one,
						 TupleTableSlot *other);
static bool index_wants(IndexInfo *info, ExprContext *econtext,
						EState *estate);

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
		insert_entries(result, estate, there, row, indexes);
}

/*
 * insert_entries() makes the entries of a row's new version in the indexes.
 *
 * Where the version before has the same key, the server would look at all
 * entries of it in a unique index, and at their rows.  But the row is locked,
 * and as long as it is there nobody else can have one of that key.  Only while
 * an index is being built others may, who wrote before it was begun.
 *
 * When a page of an index is full the server looks for entries whose rows are
 * dead, if it is told that the key is the same: a row that is written often
 * leaves them.  A statement that writes most rows leaves one of each, and none
 * of these is dead before it ends.
 */
static void
insert_entries(ResultRelInfo *result, EState *estate, TupleTableSlot *there,
			   TupleTableSlot *row, TU_UpdateIndexes indexes)
{
	ExprContext *econtext = GetPerTupleExprContext(estate);
	bool		many = ++estate->es_processed > MANY_ROWS;
	Datum		values[INDEX_MAX_KEYS];
	bool		isnull[INDEX_MAX_KEYS];

	if (!are_plain(result))
	{
		(void) ExecInsertIndexTuples(result, row, estate, true, false, NULL,
									 NIL, indexes == TU_Summarizing);
		return;
	}
	econtext->ecxt_scantuple = row;
	for (int i = 0; i < result->ri_NumIndices; i++)
	{
		Relation	index = result->ri_IndexRelationDescs[i];
		IndexInfo  *info = result->ri_IndexRelationInfo[i];
		bool		same = has_same_key(info, there, row);
		bool		known = same && index->rd_index->indisvalid;

		if (!info->ii_ReadyForInserts || index_is_left(info, indexes) ||
			!index_wants(info, econtext, estate))
			continue;
		FormIndexDatum(info, row, estate, values, isnull);
		(void) index_insert(index, values, isnull, &row->tts_tid,
							result->ri_RelationDesc,
							!info->ii_Unique || known ? UNIQUE_CHECK_NO :
							UNIQUE_CHECK_YES, same && !many, info);
	}
}

/*
 * are_plain() says whether the indexes have columns of the table alone, and
 * whether what they require is to hold at once.
 */
static bool
are_plain(const ResultRelInfo *result)
{
	for (int i = 0; i < result->ri_NumIndices; i++)
		if (result->ri_IndexRelationInfo[i]->ii_Expressions != NIL ||
			result->ri_IndexRelationInfo[i]->ii_ExclusionOps != NULL ||
			!result->ri_IndexRelationDescs[i]->rd_index->indimmediate)
			return false;
	return true;
}

/* has_same_key() says whether an index has the same key for two rows. */
static bool
has_same_key(const IndexInfo *info, TupleTableSlot *one, TupleTableSlot *other)
{
	for (int i = 0; i < info->ii_NumIndexKeyAttrs; i++)
	{
		AttrNumber	attno = info->ii_IndexAttrNumbers[i];
		Form_pg_attribute att = TupleDescAttr(one->tts_tupleDescriptor,
											  attno - 1);
		bool		isnull;
		bool		other_isnull;
		Datum		value = slot_getattr(one, attno, &isnull);
		Datum		other_value = slot_getattr(other, attno, &other_isnull);

		if (isnull != other_isnull ||
			(!isnull && !datum_image_eq(value, other_value, att->attbyval,
										att->attlen)))
			return false;
	}
	return true;
}

/* index_wants() says whether a row, which is in 'econtext', is in an index. */
static bool
index_wants(IndexInfo *info, ExprContext *econtext, EState *estate)
{
	if (info->ii_Predicate == NIL)
		return true;
	if (info->ii_PredicateState == NULL)
		info->ii_PredicateState = ExecPrepareQual(info->ii_Predicate, estate);
	return ExecQual(info->ii_PredicateState, econtext);
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
