/*-------------------------------------------------------------------------
 *
 * row.c
 *	  Find, lock, create and write one profile's row.
 *
 * This is the hot path: every event of every source ends here.  So it goes
 * through the table API, not through SQL:
 *
 *		profile_lock(42)		index scan, then table_tuple_lock
 *		profile_update(values)	the same row, new version, HOT if there is room
 *
 * and when profile 42 is new,
 *
 *		profile_insert(values)	as INSERT ... ON CONFLICT DO NOTHING does it
 *
 * Where only time has passed, profile_lock_due() hands out one profile after the
 * other whose time has come.
 *
 * Which version is locked.  READ COMMITTED looks with the latest snapshot and
 * follows the row to its last version, so concurrent events of one profile
 * queue on the row lock and none is lost.  In the other levels we look with
 * the transaction's snapshot and must not follow: a row that somebody changed
 * since is the standard serialization failure.  (The function that logical
 * replication uses for this purpose always locks under the latest snapshot;
 * a REPEATABLE READ transaction would then see two versions of one key.)
 *
 * What the fast gear does not do, and who sees to it: permissions and row
 * security (the caller runs as the population's owner); a row may be written
 * once per command, so the caller increments the command counter between
 * batches.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/dependency.h"
#include "commands/sequence.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "rewrite/rewriteHandler.h"
#include "storage/lmgr.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "base/base.h"
#include "profile/profile.h"

struct ProfileTable
{
	const Population *population;
	MemoryContext context;		/* holds it all, scan and snapshot included */
	Relation	relation;
	Relation	index;
	IndexScanDesc scan;
	ScanKeyData key;
	Snapshot	snapshot;		/* registered, what 'scan' sees */
	EState	   *estate;
	ResultRelInfo *result;
	TupleTableSlot *found;		/* the locked row */
	TupleTableSlot *written;	/* the row to write */
	int			nunused;		/* columns that are written as NULL */
	int		   *unused;
	Oid			ord_sequence;
	Datum	   *initial;		/* values of an empty profile, made when first
								 * needed */
	bool	   *initial_isnull;
	TupleTableSlot *blank;		/* NULL until it is first needed */
	DueScan    *due;			/* NULL until it is first needed */
};

static void snapshot_take(ProfileTable *table);
static void snapshot_release(ProfileTable *table);
static void find_unused(ProfileTable *table);
static void slot_fill(ProfileTable *table, Datum *values, bool *isnull);
static void could_not_serialize(void) pg_attribute_noreturn();

ProfileTable *
profile_open(const Population *population)
{
	ProfileTable *table = palloc0(sizeof(ProfileTable));
	RangeTblEntry *rte = makeNode(RangeTblEntry);
	Oid			opclass_type;
	RegProcedure equal;

	table->population = population;
	table->context = CurrentMemoryContext;
	table->relation = table_open(population->base, RowExclusiveLock);
	table->index = index_open(population->key_index, RowExclusiveLock);

	opclass_type = table->index->rd_opcintype[0];
	equal = get_opcode(get_opfamily_member(table->index->rd_opfamily[0],
										   opclass_type, opclass_type,
										   BTEqualStrategyNumber));
	ScanKeyEntryInitialize(&table->key, 0, 1, BTEqualStrategyNumber,
						   InvalidOid, table->index->rd_indcollation[0],
						   equal, (Datum) 0);

	rte->rtekind = RTE_RELATION;
	rte->relid = population->base;
	rte->relkind = table->relation->rd_rel->relkind;
	rte->rellockmode = RowExclusiveLock;

	table->estate = CreateExecutorState();
	ExecInitRangeTable(table->estate, list_make1(rte));
	table->estate->es_output_cid = GetCurrentCommandId(true);
	table->result = makeNode(ResultRelInfo);
	InitResultRelInfo(table->result, table->relation, 1, NULL, 0);
	ExecOpenIndices(table->result, true);

	table->found = table_slot_create(table->relation, NULL);
	table->written = MakeSingleTupleTableSlot(RelationGetDescr(table->relation),
											  &TTSOpsVirtual);
	find_unused(table);
	snapshot_take(table);
	return table;
}

TupleDesc
profile_columns(ProfileTable *table)
{
	return RelationGetDescr(table->relation);
}

TupleTableSlot *
profile_lock(ProfileTable *table, Datum key)
{
	for (;;)
	{
		TM_FailureData failure;
		MemoryContext old;
		bool		found;

		CHECK_FOR_INTERRUPTS();

		/* the scan keeps what it allocates on the way: dead entries it met */
		old = MemoryContextSwitchTo(table->context);
		table->key.sk_argument = key;
		index_rescan(table->scan, &table->key, 1, NULL, 0);
		found = index_getnext_slot(table->scan, ForwardScanDirection, table->found);
		MemoryContextSwitchTo(old);
		if (!found)
			return NULL;

		switch (table_tuple_lock(table->relation, &table->found->tts_tid,
								 table->snapshot, table->found,
								 GetCurrentCommandId(false),
								 LockTupleNoKeyExclusive, LockWaitBlock,
								 IsolationUsesXactSnapshot() ? 0 :
								 TUPLE_LOCK_FLAG_FIND_LAST_VERSION,
								 &failure))
		{
			case TM_Ok:
				return table->found;

			case TM_Updated:
			case TM_Deleted:
				if (IsolationUsesXactSnapshot())
					could_not_serialize();

				/* gone since our snapshot: somebody may have made a new one */
				snapshot_release(table);
				snapshot_take(table);
				break;

			case TM_SelfModified:
				elog(ERROR, "profile is written twice in one command");
				break;

			default:
				elog(ERROR, "could not lock the row of a profile");
		}
	}
}

void
profile_update(ProfileTable *table, Datum *values, bool *isnull)
{
	slot_fill(table, values, isnull);
	ExecSimpleRelationUpdate(table->result, table->estate, NULL,
							 table->found, table->written);
	ResetPerTupleExprContext(table->estate);
}

void
profile_delete(ProfileTable *table)
{
	ExecSimpleRelationDelete(table->result, table->estate, NULL, table->found);
}

bool
profile_insert(ProfileTable *table, Datum *values, bool *isnull)
{
	List	   *arbiters = list_make1_oid(RelationGetRelid(table->index));
	bool		inserted = false;
	AttrNumber	ord = table->population->ord_attno;

	values[ord - 1] = Int64GetDatum(nextval_internal(table->ord_sequence, false));
	isnull[ord - 1] = false;
	slot_fill(table, values, isnull);
	if (table->relation->rd_att->constr)
		ExecConstraints(table->result, table->written, table->estate);

	/*
	 * profile_lock() has just found no such key, so we insert without asking
	 * once more.  Who loses the race takes the row back, waits until the other
	 * transaction has ended, and looks what came of it.
	 */
	for (;;)
	{
		ItemPointerData conflict;
		bool		raced = false;
		uint32		token;
		List	   *recheck;

		CHECK_FOR_INTERRUPTS();

		token = SpeculativeInsertionLockAcquire(GetCurrentTransactionId());
		table_tuple_insert_speculative(table->relation, table->written,
									   GetCurrentCommandId(true), 0, NULL,
									   token);
		recheck = ExecInsertIndexTuples(table->result, table->written,
										table->estate, false, true, &raced,
										arbiters);
		table_tuple_complete_speculative(table->relation, table->written,
										 token, !raced);
		SpeculativeInsertionLockRelease(GetCurrentTransactionId());
		list_free(recheck);

		inserted = !raced;
		if (inserted ||
			!ExecCheckIndexConstraints(table->result, table->written,
									   table->estate, &conflict, arbiters))
			break;
	}

	list_free(arbiters);
	ResetPerTupleExprContext(table->estate);

	if (!inserted)
	{
		if (IsolationUsesXactSnapshot())
			could_not_serialize();
		snapshot_release(table);
		snapshot_take(table);
	}
	return inserted;
}

void
profile_initial(ProfileTable *table, Datum *values, bool *isnull)
{
	TupleDesc	desc = RelationGetDescr(table->relation);

	if (table->initial == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(table->estate->es_query_cxt);

		table->ord_sequence = getIdentitySequence(RelationGetRelid(table->relation),
												  table->population->ord_attno,
												  false);
		table->initial_isnull = palloc(sizeof(bool) * desc->natts);
		table->initial = palloc0(sizeof(Datum) * desc->natts);
		for (int i = 0; i < desc->natts; i++)
		{
			Node	   *value = NULL;

			if (!TupleDescAttr(desc, i)->attisdropped &&
				TupleDescAttr(desc, i)->attidentity == '\0')
				value = build_column_default(table->relation, i + 1);
			table->initial_isnull[i] = true;
			if (value != NULL)
				table->initial[i] =
					ExecEvalExpr(ExecPrepareExpr((Expr *) value, table->estate),
								 GetPerTupleExprContext(table->estate),
								 &table->initial_isnull[i]);

			/* by-reference results belong to the per-tuple context */
			if (!table->initial_isnull[i])
				table->initial[i] = datumCopy(table->initial[i],
											  TupleDescAttr(desc, i)->attbyval,
											  TupleDescAttr(desc, i)->attlen);
		}
		MemoryContextSwitchTo(old);
	}

	memcpy(values, table->initial, sizeof(Datum) * desc->natts);
	memcpy(isnull, table->initial_isnull, sizeof(bool) * desc->natts);
}

TupleTableSlot *
profile_of_values(ProfileTable *table, Datum *values, bool *isnull)
{
	slot_fill(table, values, isnull);
	return table->written;
}

TupleTableSlot *
profile_written(ProfileTable *table)
{
	return table->written;
}

TupleTableSlot *
profile_blank(ProfileTable *table)
{
	if (table->blank == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(table->context);
		const Population *population = table->population;

		table->blank = MakeSingleTupleTableSlot(RelationGetDescr(table->relation),
												&TTSOpsVirtual);
		MemoryContextSwitchTo(old);
		profile_initial(table, table->blank->tts_values, table->blank->tts_isnull);
		table->blank->tts_isnull[population->ord_attno - 1] = true;
		table->blank->tts_isnull[population->key_attno - 1] = true;
		ExecStoreVirtualTuple(table->blank);
	}
	return table->blank;
}

void
profile_set_wake(ProfileTable *table, TupleTableSlot *row, TimestampTz wake_at)
{
	slot_getallattrs(row);
	slot_fill(table, row->tts_values, row->tts_isnull);
	profile_put_wake_at(table->population, wake_at,
						table->written->tts_values, table->written->tts_isnull);
	ExecSimpleRelationUpdate(table->result, table->estate, NULL, row, table->written);
	ResetPerTupleExprContext(table->estate);
}

/*
 * The scan shows the row as it was when the table was opened; what is locked is
 * as it is now, and may be due no more.
 */
TupleTableSlot *
profile_lock_due(ProfileTable *table, TimestampTz *from, TimestampTz at, bool wait)
{
	TupleTableSlot *row;
	MemoryContext old = MemoryContextSwitchTo(table->context);

	if (table->due == NULL)
		table->due = profile_due_begin(table->population, *from, at, table->snapshot);
	while ((row = profile_due_next(table->due)) != NULL)
	{
		TM_FailureData failure;

		CHECK_FOR_INTERRUPTS();
		switch (table_tuple_lock(table->relation, &row->tts_tid, table->snapshot,
								 table->found, GetCurrentCommandId(false),
								 LockTupleNoKeyExclusive,
								 wait ? LockWaitBlock : LockWaitSkip,
								 TUPLE_LOCK_FLAG_FIND_LAST_VERSION, &failure))
		{
			case TM_Ok:
				slot_getallattrs(table->found);
				if (profile_wake_at(table->population, table->found) > at)
					continue;
				*from = profile_wake_at(table->population, row);
				MemoryContextSwitchTo(old);
				return table->found;

			case TM_WouldBlock:
			case TM_Deleted:
				continue;

			default:
				elog(ERROR, "could not lock the row of a profile");
		}
	}
	MemoryContextSwitchTo(old);
	return NULL;
}

void
profile_close(ProfileTable *table)
{
	if (table->due != NULL)
		profile_due_end(table->due);
	snapshot_release(table);
	if (table->blank != NULL)
		ExecDropSingleTupleTableSlot(table->blank);
	ExecDropSingleTupleTableSlot(table->found);
	ExecDropSingleTupleTableSlot(table->written);
	ExecCloseIndices(table->result);
	/* slots of the owner's triggers on the base table, if there are any */
	ExecResetTupleTable(table->estate->es_tupleTable, false);
	FreeExecutorState(table->estate);
	index_close(table->index, NoLock);
	table_close(table->relation, NoLock);
	pfree(table);
}

static void
snapshot_take(ProfileTable *table)
{
	/* the caller may be in a shorter-lived context than the scan */
	MemoryContext old = MemoryContextSwitchTo(table->context);

	table->snapshot = RegisterSnapshot(IsolationUsesXactSnapshot() ?
									   GetTransactionSnapshot() :
									   GetLatestSnapshot());
	table->estate->es_snapshot = table->snapshot;
	table->scan = index_beginscan(table->relation, table->index,
								  table->snapshot, 1, 0);
	MemoryContextSwitchTo(old);
}

static void
snapshot_release(ProfileTable *table)
{
	index_endscan(table->scan);
	UnregisterSnapshot(table->snapshot);
}

/* What dropped traits have left in a row is not written again: columns.c. */
static void
find_unused(ProfileTable *table)
{
	TupleDesc	desc = RelationGetDescr(table->relation);

	table->unused = palloc(sizeof(int) * desc->natts);
	for (int i = 0; i < desc->natts; i++)
		if (profile_column_is_unused(TupleDescAttr(desc, i)))
			table->unused[table->nunused++] = i;
}

static void
slot_fill(ProfileTable *table, Datum *values, bool *isnull)
{
	int			natts = RelationGetDescr(table->relation)->natts;

	ExecClearTuple(table->written);
	memcpy(table->written->tts_values, values, sizeof(Datum) * natts);
	memcpy(table->written->tts_isnull, isnull, sizeof(bool) * natts);
	for (int i = 0; i < table->nunused; i++)
		table->written->tts_isnull[table->unused[i]] = true;
	ExecStoreVirtualTuple(table->written);
	table->written->tts_tableOid = RelationGetRelid(table->relation);
}

static void
could_not_serialize(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
			 errmsg("could not serialize access due to concurrent update")));
}
