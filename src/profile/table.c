/*-------------------------------------------------------------------------
 *
 * table.c
 *	  Open a population's base table for writing rows, and close it.
 *
 *		table = profile_open(population);
 *		... row.c: lock, edit and write one row after another ...
 *		profile_close(table);
 *
 * In between we act as the owner of the base table (base/actor.c), because the
 * table may carry code of the owner's: triggers, checks, defaults, expressions
 * of indexes.  profile_close() fires the AFTER triggers that the written rows
 * have queued, while we still act as the owner.  Triggers of statements do not
 * fire, as nothing here is a statement.
 *
 * Who locks a profile, and decides what its rows of a source are to be, does
 * not know who writes it then: the table is left open for the next one, who
 * finds the row locked (profile_leave_open).
 *
 * Lifetimes.  A ProfileTable lives in the context in which it was opened, with
 * its scans and snapshots; rows are read and written in shorter-lived ones.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/transam.h"
#include "access/xact.h"
#include "catalog/dependency.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "optimizer/optimizer.h"
#include "rewrite/rewriteHandler.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "base/base.h"
#include "profile/profile_private.h"
#include "profile/table.h"

/* A table that was left open, until it is opened next; NULL: none. */
static struct
{
	ProfileTable *table;
	SubTransactionId subid;
}			left;

static ProfileTable *take_left(const Population *population);
static void check_snapshot(Oid key_index);
static void init_result(ProfileTable *table);
static void find_unused(ProfileTable *table);
static void evaluate_defaults(ProfileTable *table);
static void snapshot_take(ProfileTable *table);
static void snapshot_release(ProfileTable *table);
static void name_triggers(void *population);

ProfileTable *
profile_open(const Population *population)
{
	ProfileTable *table = take_left(population);
	const ProfileStore *store = population_store(population);
	const Population *current;

	if (table != NULL)
		return table;
	table = palloc0(sizeof(ProfileTable));
	table->population = population;
	table->store = store;
	table->context = CurrentMemoryContext;
	table->relation = table_open(store->base, RowExclusiveLock);
	check_snapshot(store->key_index);

	/*
	 * Act as the owner before any index is opened, now or later: opening it
	 * evaluates what is constant in its expressions.
	 */
	current = population_lookup(population->oid);
	table->before =
		current == NULL || population_store(current)->owners_code ?
		act_as_owner(store->base) : act_as_owner_unpinned(store->base);
	table->index = index_open(store->key_index, RowExclusiveLock);
	init_result(table);
	AfterTriggerBeginQuery();

	table->found = table_slot_create(table->relation, NULL);
	table->edited = MakeSingleTupleTableSlot(RelationGetDescr(table->relation),
											 &TTSOpsVirtual);
	find_unused(table);
	snapshot_take(table);
	return table;
}

/*
 * check_snapshot() raises an error if the transaction keeps a snapshot that is
 * older than a definition which has written the base table anew (rewrite.c).
 * That leaves no newer version of a row by which one would notice; but what is
 * stored now has events in it that the snapshot lacks.  It has made the index
 * anew, too, and nothing else does that often.
 */
static void
check_snapshot(Oid key_index)
{
	HeapTuple	tuple;
	TransactionId definer;

	if (!IsolationUsesXactSnapshot())
		return;
	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(key_index));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "relation %u does not exist", key_index);
	definer = HeapTupleHeaderGetXmin(tuple->t_data);
	ReleaseSysCache(tuple);
	if (TransactionIdIsNormal(definer) &&
		!TransactionIdIsCurrentTransactionId(definer) &&
		XidInMVCCSnapshot(definer, GetTransactionSnapshot()))
		could_not_serialize();
}

void
could_not_serialize(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
			 errmsg("could not serialize access due to concurrent update")));
}

/* init_result() makes what the server's executor needs to write rows. */
static void
init_result(ProfileTable *table)
{
	table->result = writer_open(table->relation, &table->estate);
	triggers_at_once(table->result);
	if (table->result->ri_TrigDesc != NULL)
	{
		/* rows are locked before they are written, so it has nothing to do */
		table->recheck = palloc(sizeof(EPQState));
		EvalPlanQualInit(table->recheck, table->estate, NULL, NIL, -1
						 EVALPLANQUAL_NO_RELATIONS);
	}
}

/* find_unused() lists the columns of dropped traits: columns.c. */
static void
find_unused(ProfileTable *table)
{
	TupleDesc	desc = RelationGetDescr(table->relation);

	table->unused = palloc(sizeof(int) * desc->natts);
	for (int i = 0; i < desc->natts; i++)
		if (profile_column_is_unused(TupleDescAttr(desc, i)))
			table->unused[table->nunused++] = i;
}

void
profile_finish(ProfileTable *table)
{
	ErrorContextCallback callback = {
		.previous = error_context_stack,
		.callback = name_triggers,
		.arg = unconstify(Population *, table->population),
	};

	/* needs 'estate', and must happen before we act as the caller again */
	error_context_stack = &callback;
	AfterTriggerEndQuery(table->estate);
	error_context_stack = callback.previous;

	if (table->due != NULL)
		due_portion_end(table);
	snapshot_release(table);
	if (table->blank != NULL)
		ExecDropSingleTupleTableSlot(table->blank);
	ExecDropSingleTupleTableSlot(table->found);
	ExecDropSingleTupleTableSlot(table->edited);
	if (table->recheck != NULL)
		EvalPlanQualEnd(table->recheck);
	writer_close(table->result, table->estate);
	index_close(table->index, NoLock);
	table_close(table->relation, NoLock);
	table->relation = NULL;
}

void
profile_close(ProfileTable *table)
{
	if (table->relation != NULL)
		profile_finish(table);
	act_as_before(table->before);
	pfree(table);
}

/* ---- left open ---- */

void
profile_leave_open(ProfileTable *table)
{
	/* the owner's code is not left unfinished */
	if (table->before.settings != 0)
	{
		profile_close(table);
		return;
	}
	/* not to keep others from tidying up the page */
	ExecMaterializeSlot(table->found);
	table->left = true;
	AfterTriggerEndQuery(table->estate);
	act_as_before(table->before);
	left.table = table;
	left.subid = GetCurrentSubTransactionId();
}

/*
 * take_left() opens a table of the population again that was left open, or
 * returns NULL.
 */
static ProfileTable *
take_left(const Population *population)
{
	ProfileTable *table = left.table;

	if (table == NULL || table->population->oid != population->oid)
		return NULL;
	if (left.subid != GetCurrentSubTransactionId())
	{
		/* who writes the row now makes it another one */
		table->left = false;
		return NULL;
	}
	left.table = NULL;
	table->before = act_as_owner_unpinned(table->store->base);
	AfterTriggerBeginQuery();
	table->estate->es_output_cid = GetCurrentCommandId(true);
	if (!table->left)
		table_new_snapshot(table);
	return table;
}

void
profile_close_left(void)
{
	ProfileTable *table = left.table;

	if (table == NULL)
		return;
	left.table = NULL;
	table->before = act_as_owner_unpinned(table->store->base);
	AfterTriggerBeginQuery();
	profile_close(table);
}

void
profile_forget_left(void)
{
	left.table = NULL;
}

void
profile_discard_left(SubTransactionId subid)
{
	if (is_within(left.subid, subid))
		left.table = NULL;
}

/*
 * name_triggers() says in an error's context whose triggers fired: the
 * application that wrote to a source may never have heard of them.
 */
static void
name_triggers(void *population)
{
	errcontext("triggers that the owner of population \"%s\" has put on its base table",
			   ((const Population *) population)->name);
}

void
table_new_snapshot(ProfileTable *table)
{
	snapshot_release(table);
	snapshot_take(table);
}

/*
 * Begin an index scan under the latest snapshot, or under the transaction's
 * own where that is the same for all statements.
 */
static void
snapshot_take(ProfileTable *table)
{
	/* the caller may be in a shorter-lived context than the scan */
	MemoryContext old = MemoryContextSwitchTo(table->context);

	table->snapshot = RegisterSnapshot(IsolationUsesXactSnapshot() ?
									   GetTransactionSnapshot() :
									   GetLatestSnapshot());
	table->estate->es_snapshot = table->snapshot;
	find_begin(table);
	MemoryContextSwitchTo(old);
}

static void
snapshot_release(ProfileTable *table)
{
	find_end(table);
	UnregisterSnapshot(table->snapshot);
}

/* ---- a profile of which nothing is known ---- */

void
table_initial_values(ProfileTable *table, Datum **values, bool **isnull)
{
	if (table->initial == NULL)
		evaluate_defaults(table);
	*values = table->initial;
	*isnull = table->initial_isnull;
}

/*
 * evaluate_defaults() fills 'initial' with the defaults of the base table's
 * columns, which may be the owner's code.  Those that are to be evaluated for
 * each row are noted in 'each'; nextval(), say, which an identity column has.
 */
static void
evaluate_defaults(ProfileTable *table)
{
	TupleDesc	desc = RelationGetDescr(table->relation);
	MemoryContext old = MemoryContextSwitchTo(table->estate->es_query_cxt);
	Datum	   *values = palloc0(sizeof(Datum) * desc->natts);

	table->ord_sequence = getIdentitySequence(table->relation,
											  table->store->ord, false);
	table->initial_isnull = palloc(sizeof(bool) * desc->natts);
	table->each = NIL;
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);
		bool	   *isnull = &table->initial_isnull[i];
		Node	   *value = NULL;

		if (!att->attisdropped && i + 1 != table->store->ord &&
			att->attgenerated == '\0')
			value = build_column_default(table->relation, i + 1);
		*isnull = true;
		if (value == NULL)
			continue;
		if (contain_volatile_functions(value))
		{
			EachDefault *each = palloc(sizeof(EachDefault));

			each->attno = i + 1;
			each->value = ExecPrepareExpr((Expr *) value, table->estate);
			table->each = lappend(table->each, each);
			continue;
		}
		values[i] =
			ExecEvalExpr(ExecPrepareExpr((Expr *) value, table->estate),
						 GetPerTupleExprContext(table->estate), isnull);

		/* by-reference results belong to the per-tuple context */
		if (!*isnull)
			values[i] = datumCopy(values[i], att->attbyval, att->attlen);
	}
	table->initial = values;
	MemoryContextSwitchTo(old);
}

TupleTableSlot *
profile_blank(ProfileTable *table)
{
	if (table->blank == NULL)
	{
		TupleDesc	desc = RelationGetDescr(table->relation);
		MemoryContext old = MemoryContextSwitchTo(table->context);
		Datum	   *values;
		bool	   *isnull;

		table->blank = MakeSingleTupleTableSlot(desc, &TTSOpsVirtual);
		MemoryContextSwitchTo(old);
		table_initial_values(table, &values, &isnull);
		memcpy(table->blank->tts_values, values, sizeof(Datum) * desc->natts);
		memcpy(table->blank->tts_isnull, isnull, sizeof(bool) * desc->natts);
		table->blank->tts_isnull[table->store->ord - 1] = true;
		table->blank->tts_isnull[table->store->key - 1] = true;
		ExecStoreVirtualTuple(table->blank);
	}
	return table->blank;
}
