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
 * Rights.  The base table belongs to the population's owner, who may have hung
 * code on it: triggers, checks, defaults, expressions of indexes.  From
 * profile_open() to profile_close() we act as that owner (base/actor.c), and
 * what AFTER triggers the rows have queued is fired before that ends.  A
 * trigger may look at what is written, and write what is its owner's; it may
 * not change what is written, which others rely on:
 *
 *		BEFORE UPDATE	new.s4 := 0		an error that names the trigger
 *		BEFORE UPDATE	RETURN NULL		the same
 *		AFTER UPDATE	INSERT INTO audit ...
 *
 * Triggers of statements do not fire, as nothing here is a statement.
 *
 * What the fast gear does not do, and who sees to it: a row may be written
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
#include "catalog/pg_trigger.h"
#include "commands/sequence.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "executor/nodeModifyTable.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "parser/parse_relation.h"
#include "rewrite/rewriteHandler.h"
#include "storage/lmgr.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "base/base.h"
#include "profile/profile_private.h"

struct ProfileTable
{
	const Population *population;
	Actor		before;			/* who opened it */
	MemoryContext context;		/* holds it all, scan and snapshot included */
	Relation	relation;
	Relation	index;
	IndexScanDesc scan;
	ScanKeyData key;
	Snapshot	snapshot;		/* registered, what 'scan' sees */
	EState	   *estate;
	ResultRelInfo *result;
	EPQState   *recheck;		/* triggers want one; NULL without triggers */
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
static void update_row(ProfileTable *table, TupleTableSlot *row);
static bool row_is_there(ProfileTable *table, ItemPointer tid);
static void check_written(ProfileTable *table, const Datum *values,
						  const bool *isnull, int16 event);
pg_noreturn static void trigger_interfered(ProfileTable *table, int16 event,
										   const char *column);
static void name_triggers(void *population);
pg_noreturn static void could_not_serialize(void);

ProfileTable *
profile_open(const Population *population)
{
	ProfileTable *table = palloc0(sizeof(ProfileTable));
	RangeTblEntry *rte = makeNode(RangeTblEntry);
	List	   *permissions = NIL;
	Oid			opclass_type;
	RegProcedure equal;
	const Population *current;

	table->population = population;
	table->context = CurrentMemoryContext;
	table->relation = table_open(population->base, RowExclusiveLock);

	/*
	 * Switch before any index is opened: opening it evaluates what is constant
	 * in its expressions.
	 */
	current = population_lookup(population->base);
	table->before = current == NULL || current->owners_code ?
		act_as_owner(population->base) :
		act_as_owner_unpinned(population->base);
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
	addRTEPermissionInfo(&permissions, rte);
	ExecInitRangeTable(table->estate, list_make1(rte), permissions,
					   bms_make_singleton(1));
	table->estate->es_output_cid = GetCurrentCommandId(true);
	table->result = makeNode(ResultRelInfo);
	InitResultRelInfo(table->result, table->relation, 1, NULL, 0);
	triggers_at_once(table->result);
	table->estate->es_opened_result_relations = list_make1(table->result);
	if (table->result->ri_TrigDesc != NULL)
	{
		/* rows are locked before they are written, so it has nothing to do */
		table->recheck = palloc(sizeof(EPQState));
		EvalPlanQualInit(table->recheck, table->estate, NULL, NIL, -1
						 EVALPLANQUAL_NO_RELATIONS);
	}
	ExecOpenIndices(table->result, true);
	AfterTriggerBeginQuery();

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
	update_row(table, table->found);
	check_written(table, values, isnull, TRIGGER_TYPE_UPDATE);
	ResetPerTupleExprContext(table->estate);
}

/* update_row() writes a new version of a row, as it is in 'written'. */
static void
update_row(ProfileTable *table, TupleTableSlot *row)
{
	ExecSimpleRelationUpdate(table->result, table->estate, table->recheck, row,
							 table->written);
	/* where a BEFORE trigger returned NULL, the slot was given no position */
	if (!ItemPointerIsValid(&table->written->tts_tid))
		trigger_interfered(table, TRIGGER_TYPE_UPDATE, NULL);
}

void
profile_delete(ProfileTable *table)
{
	ExecSimpleRelationDelete(table->result, table->estate, table->recheck,
							 table->found);
	if (table->result->ri_TrigDesc != NULL &&
		table->result->ri_TrigDesc->trig_delete_before_row &&
		row_is_there(table, &table->found->tts_tid))
		trigger_interfered(table, TRIGGER_TYPE_DELETE, NULL);
}

/* Does our own transaction still see that version of a row? */
static bool
row_is_there(ProfileTable *table, ItemPointer tid)
{
	TupleTableSlot *slot = table_slot_create(table->relation, NULL);
	bool		found = table_tuple_fetch_row_version(table->relation, tid,
													  SnapshotSelf, slot);

	ExecDropSingleTupleTableSlot(slot);
	return found;
}

bool
profile_insert(ProfileTable *table, Datum *values, bool *isnull)
{
	TriggerDesc *triggers = table->result->ri_TrigDesc;
	TupleConstr *constraints = table->relation->rd_att->constr;
	List	   *arbiters = list_make1_oid(RelationGetRelid(table->index));
	List	   *recheck = NIL;
	bool		inserted = false;
	AttrNumber	ord = table->population->ord_attno;

	values[ord - 1] = Int64GetDatum(nextval_internal(table->ord_sequence, false));
	isnull[ord - 1] = false;
	slot_fill(table, values, isnull);
	if (triggers != NULL && triggers->trig_insert_before_row)
	{
		if (!ExecBRInsertTriggers(table->estate, table->result,
								  table->written))
			trigger_interfered(table, TRIGGER_TYPE_INSERT, NULL);
		check_written(table, values, isnull, TRIGGER_TYPE_INSERT);
		/* what the trigger has filled in lies in the tuple's memory */
		ExecMaterializeSlot(table->written);
	}
	if (constraints != NULL && constraints->has_generated_stored)
		ExecComputeStoredGenerated(table->result, table->estate,
								   table->written, CMD_INSERT);
	if (constraints != NULL)
		ExecConstraints(table->result, table->written, table->estate);

	/*
	 * profile_lock() has just found no such key, so we insert without asking
	 * once more.  Who loses the race takes the row back, waits until the other
	 * transaction has ended, and looks what came of it.
	 */
	for (;;)
	{
		ItemPointerData conflict;
		ItemPointerData itself;
		bool		raced = false;
		uint32		token;

		CHECK_FOR_INTERRUPTS();

		token = SpeculativeInsertionLockAcquire(GetCurrentTransactionId());
		table_tuple_insert_speculative(table->relation, table->written,
									   GetCurrentCommandId(true), 0, NULL,
									   token);
		recheck = ExecInsertIndexTuples(table->result, table->written,
										table->estate, false, true, &raced,
										arbiters, false);
		table_tuple_complete_speculative(table->relation, table->written,
										 token, !raced);
		SpeculativeInsertionLockRelease(GetCurrentTransactionId());

		inserted = !raced;
		ItemPointerSetInvalid(&itself);
		if (inserted ||
			!ExecCheckIndexConstraints(table->result, table->written,
									   table->estate, &conflict, &itself,
									   arbiters))
			break;
		list_free(recheck);
	}

	if (inserted)
		ExecARInsertTriggers(table->estate, table->result, table->written,
							 recheck, NULL);
	list_free(recheck);
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

/*
 * check_written() compares the row in 'written', which BEFORE triggers may have
 * changed, with the values that it was made from.  A difference is an error,
 * except in columns that the owner has added.
 */
static void
check_written(ProfileTable *table, const Datum *values, const bool *isnull,
			  int16 event)
{
	const TupleTableSlot *written = table->written;
	TriggerDesc *triggers = table->result->ri_TrigDesc;
	TupleDesc	desc = RelationGetDescr(table->relation);

	if (triggers == NULL ||
		!(event == TRIGGER_TYPE_UPDATE ? triggers->trig_update_before_row :
		  triggers->trig_insert_before_row))
		return;
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);
		const char *name = NameStr(att->attname);

		if (att->attisdropped ||
			!(i + 1 == table->population->key_attno || column_is_reserved(name)))
			continue;
		if (written->tts_isnull[i] != isnull[i] ||
			(!isnull[i] && !datum_image_eq(written->tts_values[i], values[i],
										   att->attbyval, att->attlen)))
			trigger_interfered(table, event, name);
	}
}

/*
 * trigger_interfered() raises the error of a BEFORE trigger that has changed a
 * column of ours, or (NULL) kept the row from being written.  The server does
 * not say which trigger it was, so the error names all candidates.
 */
static void
trigger_interfered(ProfileTable *table, int16 event, const char *column)
{
	TriggerDesc *triggers = table->result->ri_TrigDesc;
	StringInfoData names;
	int			count = 0;

	initStringInfo(&names);
	for (int i = 0; i < triggers->numtriggers; i++)
	{
		const Trigger *trigger = &triggers->triggers[i];

		if (!TRIGGER_TYPE_MATCHES(trigger->tgtype, TRIGGER_TYPE_ROW,
								  TRIGGER_TYPE_BEFORE, event))
			continue;
		appendStringInfo(&names, "%s\"%s\"", count++ > 0 ? ", " : "",
						 trigger->tgname);
	}
	ereport(ERROR,
			(errcode(ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION),
			 column != NULL ?
			 errmsg("a trigger changed column \"%s\" of table %s", column,
					relation_name(table->population->base)) :
			 errmsg("a trigger kept a profile of table %s from being written",
					relation_name(table->population->base)),
			 errdetail_plural("Trigger %s fires before the row is written. What is kept of a profile is computed from its sources.",
							  "Triggers %s fire before the row is written. What is kept of a profile is computed from its sources.",
							  count, names.data),
			 errhint("Return the row unchanged, except for columns that you have added, or use an AFTER trigger.")));
}

void
triggers_at_once(ResultRelInfo *result)
{
	/* this is the result relation's own copy */
	for (int i = 0; result->ri_TrigDesc != NULL &&
		 i < result->ri_TrigDesc->numtriggers; i++)
	{
		result->ri_TrigDesc->triggers[i].tgdeferrable = false;
		result->ri_TrigDesc->triggers[i].tginitdeferred = false;
	}
}

void
profile_initial(ProfileTable *table, Datum *values, bool *isnull)
{
	TupleDesc	desc = RelationGetDescr(table->relation);

	if (table->initial == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(table->estate->es_query_cxt);

		table->ord_sequence = getIdentitySequence(table->relation,
												  table->population->ord_attno,
												  false);
		table->initial_isnull = palloc(sizeof(bool) * desc->natts);
		table->initial = palloc0(sizeof(Datum) * desc->natts);
		for (int i = 0; i < desc->natts; i++)
		{
			Node	   *value = NULL;

			if (!TupleDescAttr(desc, i)->attisdropped &&
				TupleDescAttr(desc, i)->attidentity == '\0' &&
				TupleDescAttr(desc, i)->attgenerated == '\0')
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
	int			natts = RelationGetDescr(table->relation)->natts;
	Datum	   *values = palloc(sizeof(Datum) * natts);
	bool	   *isnull = palloc(sizeof(bool) * natts);

	slot_getallattrs(row);
	memcpy(values, row->tts_values, sizeof(Datum) * natts);
	memcpy(isnull, row->tts_isnull, sizeof(bool) * natts);
	profile_put_wake_at(table->population, wake_at, values, isnull);
	slot_fill(table, values, isnull);
	update_row(table, row);
	check_written(table, values, isnull, TRIGGER_TYPE_UPDATE);
	ResetPerTupleExprContext(table->estate);
	pfree(values);
	pfree(isnull);
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
	ErrorContextCallback callback = {
		.previous = error_context_stack,
		.callback = name_triggers,
		.arg = unconstify(Population *, table->population),
	};

	/* this needs 'estate', and must happen before we act as the caller again */
	error_context_stack = &callback;
	AfterTriggerEndQuery(table->estate);
	error_context_stack = callback.previous;

	if (table->due != NULL)
		profile_due_end(table->due);
	snapshot_release(table);
	if (table->blank != NULL)
		ExecDropSingleTupleTableSlot(table->blank);
	ExecDropSingleTupleTableSlot(table->found);
	ExecDropSingleTupleTableSlot(table->written);
	if (table->recheck != NULL)
		EvalPlanQualEnd(table->recheck);
	ExecCloseIndices(table->result);
	/* slots of the owner's triggers on the base table, if there are any */
	ExecResetTupleTable(table->estate->es_tupleTable, false);
	FreeExecutorState(table->estate);
	index_close(table->index, NoLock);
	table_close(table->relation, NoLock);
	act_as_before(table->before);
	pfree(table);
}

/* The application that wrote to a source may never have heard of the trigger. */
static void
name_triggers(void *population)
{
	errcontext("triggers that the owner of population \"%s\" has put on its base table",
			   ((const Population *) population)->name);
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
								  table->snapshot, NULL, 1, 0);
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

	for (int i = 0; i < table->nunused; i++)
		isnull[table->unused[i]] = true;
	ExecClearTuple(table->written);
	memcpy(table->written->tts_values, values, sizeof(Datum) * natts);
	memcpy(table->written->tts_isnull, isnull, sizeof(bool) * natts);
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
