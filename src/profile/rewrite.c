/*-------------------------------------------------------------------------
 *
 * rewrite.c
 *	  Write the base table anew, with other values in some columns.
 *
 *		population_rewrite(population, "SELECT profile.ctid, q.s7 ...")
 *
 *		what a query says of the rows	ctid	s7
 *										(0,1)	40
 *										(0,2)	12
 *										NULL	7
 *		the table that is scanned		(0,1)	a row that is seen: s7 = 40
 *										(0,2)	a row that is seen: s7 = 12
 *										(0,3)	another version: as it is
 *		behind it						a new row: s7 = 7
 *
 * An UPDATE of all rows leaves a table of twice the size, and writes what it
 * leaves to all indexes and to the log.  Where most rows change, a new table
 * takes less time than that, and there is nothing left to be cleaned up: as
 * CLUSTER does, the rows are put into new storage, and the indexes are made
 * anew.
 *
 * Old snapshots.  Versions that somebody's snapshot may still show are taken
 * along, and all bear the transactions that they bore: who saw a row before
 * sees it afterwards.  A new row bears our transaction, as if by an INSERT.
 *
 * The query may run in parallel.  What a new row has by default must not be
 * computed then: nextval() refuses.  So new rows wait until it has ended.
 *
 * It is no UPDATE to anybody: no trigger fires, and those who decode the log
 * get no rows.  So population_may_rewrite() is false where somebody is to hear
 * of it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/multixact.h"
#include "access/rewriteheap.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_am.h"
#include "catalog/pg_publication.h"
#include "commands/cluster.h"
#include "commands/tablecmds.h"
#include "executor/executor.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "rewrite/rewriteHandler.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "storage/predicate.h"
#include "storage/procarray.h"
#include "tcop/dest.h"
#include "utils/memutils.h"
#include "utils/plancache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/tuplestore.h"

#include "base/base.h"
#include "profile/profile_private.h"

/* Takes the rows of the query, and writes the new table up to each. */
typedef struct Rewriter
{
	DestReceiver receiver;		/* first, as this is one */
	const Population *population;
	Relation	old;
	Relation	new;
	RewriteState state;
	TransactionId oldest;		/* what is dead to it is dead to all */
	TableScanDesc scan;
	TupleTableSlot *row;		/* of the old table */
	Datum	   *values;			/* of one row */
	bool	   *isnull;
	bool	   *unused;			/* columns that are written as NULL */
	AttrNumber *columns;		/* where those of the query are put */
	EState	   *estate;			/* for defaults */
	ExprState **defaults;		/* of the columns of a new row; NULL: NULL */
	HeapTupleData fresh;		/* its header: who has inserted it */
	Tuplestorestate *waiting;	/* new rows of a parallel query; or NULL */
	MemoryContext lasting;		/* of what lasts as long as this */
	MemoryContext memory;		/* of one row */
	int64		written;		/* rows that are seen */
} Rewriter;

static void rewriter_open(Rewriter *rewriter, Oid base, Oid anew);
static void rewriter_close(Rewriter *rewriter);
static void read_query(Rewriter *rewriter, const char *sql);
static void start(DestReceiver *self, int operation, TupleDesc desc);
static bool receive(TupleTableSlot *slot, DestReceiver *self);
static void nothing(DestReceiver *self);
static bool next_row(Rewriter *rewriter);
static bool is_dead(Rewriter *rewriter, HeapTuple tuple);
static void write_row(Rewriter *rewriter, TupleTableSlot *values);
static void keep_new(Rewriter *rewriter, TupleTableSlot *values);
static void write_kept(Rewriter *rewriter, TupleDesc desc);
static void write_new(Rewriter *rewriter, TupleTableSlot *values);
static void prepare_new(Rewriter *rewriter);
static void take_values(Rewriter *rewriter, TupleTableSlot *values);

bool
population_may_rewrite(const Population *population)
{
	const ProfileStore *store = population_store(population);
	PublicationDesc published;
	Relation	base;
	bool		allowed;

	if (store->owners_code ||
		!CheckRelationOidLockedByMe(store->base, AccessExclusiveLock, false))
		return false;
	base = table_open(store->base, NoLock);
	RelationBuildPublicationDesc(base, &published);
	allowed = !base->rd_rel->relhasrules && !published.pubactions.pubupdate &&
		base->rd_rel->relam == HEAP_TABLE_AM_OID;
	table_close(base, NoLock);
	return allowed;
}

int64
population_rewrite(const Population *population, const char *sql)
{
	Oid			base = population_store(population)->base;
	Actor		before = act_as_owner(base);
	Rewriter	rewriter = {
		.receiver = {
			.receiveSlot = receive,
			.rStartup = start,
			.rShutdown = nothing,
			.rDestroy = nothing,
			.mydest = DestNone,
		},
		.population = population,
	};
	TransactionId frozen;
	MultiXactId multis;
	Oid			anew;
	char		persistence;
	Relation	relation = table_open(base, NoLock);

	(void) settings_pin_uncompiled();
	CheckTableNotInUse(relation, "ALTER TABLE");
	frozen = relation->rd_rel->relfrozenxid;
	multis = relation->rd_rel->relminmxid;
	persistence = relation->rd_rel->relpersistence;
	/* rows are about to be elsewhere */
	TransferPredicateLocksToHeapRelation(relation);
	anew = make_new_heap(base, relation->rd_rel->reltablespace,
						 relation->rd_rel->relam, persistence,
						 AccessExclusiveLock);
	table_close(relation, NoLock);

	rewriter_open(&rewriter, base, anew);
	read_query(&rewriter, sql);
	while (next_row(&rewriter))
		write_row(&rewriter, NULL);
	rewriter_close(&rewriter);
	finish_heap_swap(base, anew, false, false, false, true, frozen, multis,
					 persistence);
	act_as_before(before);
	CommandCounterIncrement();
	population_changed(population);
	return rewriter.written;
}

/* rewriter_open() opens the old table and the new one. */
static void
rewriter_open(Rewriter *rewriter, Oid base, Oid anew)
{
	TupleDesc	desc;

	rewriter->old = table_open(base, NoLock);
	rewriter->new = table_open(anew, NoLock);
	desc = RelationGetDescr(rewriter->old);
	rewriter->oldest = GetOldestNonRemovableTransactionId(rewriter->old);
	/* nothing is frozen that was not before */
	rewriter->state = begin_heap_rewrite(rewriter->old, rewriter->new,
										 rewriter->oldest,
										 rewriter->old->rd_rel->relfrozenxid,
										 rewriter->old->rd_rel->relminmxid);
	/* in the order of ctid: another scan's place is no place to begin */
	rewriter->scan = table_beginscan_strat(rewriter->old, SnapshotAny, 0, NULL,
										   true, false);
	rewriter->row = table_slot_create(rewriter->old, NULL);
	rewriter->values = palloc_array(Datum, desc->natts);
	rewriter->isnull = palloc_array(bool, desc->natts);
	rewriter->unused = palloc_array(bool, desc->natts);
	for (int i = 0; i < desc->natts; i++)
		rewriter->unused[i] =
			profile_column_is_unused(TupleDescAttr(desc, i));
	rewriter->lasting = CurrentMemoryContext;
	rewriter->memory = AllocSetContextCreate(CurrentMemoryContext,
											 "segment rewritten row",
											 ALLOCSET_DEFAULT_SIZES);
}

/* rewriter_close() closes them, and tells what was written to ANALYZE. */
static void
rewriter_close(Rewriter *rewriter)
{
	end_heap_rewrite(rewriter->state);
	if (rewriter->estate != NULL)
		FreeExecutorState(rewriter->estate);
	ExecDropSingleTupleTableSlot(rewriter->row);
	table_endscan(rewriter->scan);
	MemoryContextDelete(rewriter->memory);
	pgstat_count_truncate(rewriter->old);
	pgstat_count_heap_insert(rewriter->old, rewriter->written);
	table_close(rewriter->old, NoLock);
	table_close(rewriter->new, NoLock);
}

/* read_query() runs the query, and writes rows as it returns theirs. */
static void
read_query(Rewriter *rewriter, const char *sql)
{
	SPIPlanPtr	plan = SPI_prepare_cursor(sql, 0, NULL,
										  CURSOR_OPT_PARALLEL_OK);
	CachedPlan *statements = plan == NULL ? NULL :
		SPI_plan_get_cached_plan(plan);
	QueryDesc  *query;

	if (statements == NULL)
		elog(ERROR, "could not prepare \"%s\": %s",
			 sql, SPI_result_code_string(SPI_result));
	/* not for the planner: it prefers hashing to a sorted index then */
	settings_take_memory();
	PushActiveSnapshot(GetTransactionSnapshot());
	CommandCounterIncrement();
	UpdateActiveSnapshotCommandId();
	query = CreateQueryDesc(linitial_node(PlannedStmt, statements->stmt_list),
							sql, GetActiveSnapshot(), InvalidSnapshot,
							&rewriter->receiver, NULL, NULL, 0);
	ExecutorStart(query, 0);
	ExecutorRun(query, ForwardScanDirection, 0 EXECUTOR_RUN_ONCE);
	ExecutorFinish(query);
	if (rewriter->waiting != NULL)
		write_kept(rewriter, query->tupDesc);
	ExecutorEnd(query);
	FreeQueryDesc(query);
	PopActiveSnapshot();
	ReleaseCachedPlan(statements, NULL);
	SPI_freeplan(plan);
}

/* start() finds out which columns the query returns: those behind the ctid. */
static void
start(DestReceiver *self, int operation, TupleDesc desc)
{
	Rewriter   *rewriter = (Rewriter *) self;

	rewriter->columns = palloc_array(AttrNumber, desc->natts);
	for (int i = 1; i < desc->natts; i++)
	{
		Form_pg_attribute column = TupleDescAttr(desc, i);
		AttrNumber	attno = population_column(rewriter->population,
											  NameStr(column->attname));

		/* a value of another type would corrupt the row */
		if (attno == InvalidAttrNumber ||
			TupleDescAttr(RelationGetDescr(rewriter->old),
						  attno - 1)->atttypid != column->atttypid)
			elog(ERROR, "column \"%s\" cannot be written anew",
				 NameStr(column->attname));
		rewriter->columns[i] = attno;
	}
}

/*
 * receive() takes a row of the query, and writes the table up to it; or a new
 * row, if that is none of the table's.
 */
static bool
receive(TupleTableSlot *slot, DestReceiver *self)
{
	Rewriter   *rewriter = (Rewriter *) self;
	ItemPointer tid;
	bool		isnull;

	slot_getallattrs(slot);
	tid = (ItemPointer) DatumGetPointer(slot_getattr(slot, 1, &isnull));
	if (isnull)
	{
		if (IsInParallelMode())
			keep_new(rewriter, slot);
		else
			write_new(rewriter, slot);
		return true;
	}
	for (;;)
	{
		bool		found;

		if (!next_row(rewriter))
			elog(ERROR, "row (%u,%u) is not where the query has found it",
				 ItemPointerGetBlockNumber(tid),
				 ItemPointerGetOffsetNumber(tid));
		found = ItemPointerEquals(&rewriter->row->tts_tid, tid);
		write_row(rewriter, found ? slot : NULL);
		if (found)
			return true;
	}
}

static void
nothing(DestReceiver *self)
{
}

/*
 * next_row() goes to the next version of a row that somebody may see; false at
 * the end.
 */
static bool
next_row(Rewriter *rewriter)
{
	for (;;)
	{
		HeapTuple	tuple;

		CHECK_FOR_INTERRUPTS();
		if (!table_scan_getnextslot(rewriter->scan, ForwardScanDirection,
									rewriter->row))
			return false;
		tuple = ExecFetchSlotHeapTuple(rewriter->row, false, NULL);
		if (!is_dead(rewriter, tuple))
			return true;
		/* it may be what a version that is kept was linked to */
		(void) rewrite_heap_dead_tuple(rewriter->state, tuple);
	}
}

/* is_dead() says whether nobody sees this version of a row any more. */
static bool
is_dead(Rewriter *rewriter, HeapTuple tuple)
{
	Buffer		buffer = ((BufferHeapTupleTableSlot *) rewriter->row)->buffer;
	bool		dead;

	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	dead = HeapTupleSatisfiesVacuum(tuple, rewriter->oldest, buffer) ==
		HEAPTUPLE_DEAD;
	LockBuffer(buffer, BUFFER_LOCK_UNLOCK);
	return dead;
}

/*
 * write_row() writes the version that was scanned, as it is, or with what the
 * query returned of it.  What is in dropped columns is left away.
 */
static void
write_row(Rewriter *rewriter, TupleTableSlot *values)
{
	TupleDesc	desc = RelationGetDescr(rewriter->new);
	HeapTuple	tuple = ExecFetchSlotHeapTuple(rewriter->row, false, NULL);
	MemoryContext before = MemoryContextSwitchTo(rewriter->memory);

	heap_deform_tuple(tuple, RelationGetDescr(rewriter->old),
					  rewriter->values, rewriter->isnull);
	for (int i = 0; i < desc->natts; i++)
		rewriter->isnull[i] |= rewriter->unused[i];
	if (values != NULL)
		take_values(rewriter, values);
	rewrite_heap_tuple(rewriter->state, tuple,
					   heap_form_tuple(desc, rewriter->values,
									   rewriter->isnull));
	MemoryContextSwitchTo(before);
	MemoryContextReset(rewriter->memory);
}

/* keep_new() keeps a new row until the query has ended. */
static void
keep_new(Rewriter *rewriter, TupleTableSlot *values)
{
	if (rewriter->waiting == NULL)
	{
		MemoryContext before = MemoryContextSwitchTo(rewriter->lasting);

		rewriter->waiting = tuplestore_begin_heap(false, false, work_mem);
		MemoryContextSwitchTo(before);
	}
	tuplestore_puttupleslot(rewriter->waiting, values);
}

/* write_kept() writes the new rows that were kept, in their order. */
static void
write_kept(Rewriter *rewriter, TupleDesc desc)
{
	TupleTableSlot *values = MakeSingleTupleTableSlot(desc,
													  &TTSOpsMinimalTuple);

	while (tuplestore_gettupleslot(rewriter->waiting, true, false, values))
	{
		CHECK_FOR_INTERRUPTS();
		slot_getallattrs(values);
		write_new(rewriter, values);
	}
	ExecDropSingleTupleTableSlot(values);
	tuplestore_end(rewriter->waiting);
}

/*
 * write_new() writes a row that the table does not have, with what the query
 * returned of it, and defaults.
 */
static void
write_new(Rewriter *rewriter, TupleTableSlot *values)
{
	TupleDesc	desc = RelationGetDescr(rewriter->new);
	MemoryContext before = MemoryContextSwitchTo(rewriter->memory);
	ExprContext *context;

	if (rewriter->estate == NULL)
		prepare_new(rewriter);
	context = GetPerTupleExprContext(rewriter->estate);
	for (int i = 0; i < desc->natts; i++)
	{
		rewriter->isnull[i] = rewriter->defaults[i] == NULL;
		if (!rewriter->isnull[i])
			rewriter->values[i] =
				ExecEvalExprSwitchContext(rewriter->defaults[i], context,
										  &rewriter->isnull[i]);
	}
	take_values(rewriter, values);
	for (int i = 0; i < desc->natts; i++)
		if (rewriter->isnull[i] && TupleDescAttr(desc, i)->attnotnull)
			base_refuse_required(rewriter->old, i + 1);
	rewrite_heap_tuple(rewriter->state, &rewriter->fresh,
					   heap_form_tuple(desc, rewriter->values,
									   rewriter->isnull));
	ResetPerTupleExprContext(rewriter->estate);
	MemoryContextSwitchTo(before);
	MemoryContextReset(rewriter->memory);
}

/* prepare_new() prepares what all new rows have: defaults, and a header. */
static void
prepare_new(Rewriter *rewriter)
{
	TupleDesc	desc = RelationGetDescr(rewriter->old);
	HeapTupleHeader header;

	/* until rewriter_close() */
	MemoryContextSwitchTo(rewriter->lasting);
	rewriter->estate = CreateExecutorState();
	rewriter->defaults = palloc0_array(ExprState *, desc->natts);
	for (int i = 0; i < desc->natts; i++)
	{
		Node	   *value = TupleDescAttr(desc, i)->attisdropped ? NULL :
			build_column_default(rewriter->old, i + 1);

		if (value != NULL)
			rewriter->defaults[i] = ExecPrepareExpr((Expr *) value,
													rewriter->estate);
	}
	header = palloc0(SizeofHeapTupleHeader);
	HeapTupleHeaderSetXmin(header, GetCurrentTransactionId());
	HeapTupleHeaderSetCmin(header, GetCurrentCommandId(true));
	header->t_infomask |= HEAP_XMAX_INVALID;
	rewriter->fresh.t_len = SizeofHeapTupleHeader;
	rewriter->fresh.t_data = header;
	ItemPointerSetInvalid(&rewriter->fresh.t_self);
	MemoryContextSwitchTo(rewriter->memory);
}

/* take_values() puts what the query returned into a row's columns. */
static void
take_values(Rewriter *rewriter, TupleTableSlot *values)
{
	for (int i = 1; i < values->tts_nvalid; i++)
	{
		AttrNumber	attno = rewriter->columns[i];

		rewriter->values[attno - 1] = values->tts_values[i];
		rewriter->isnull[attno - 1] = values->tts_isnull[i];
	}
	rewriter->written++;
}
