/*-------------------------------------------------------------------------
 *
 * probe.c
 *	  Which rows have these values, whoever is writing them?
 *
 *		we		INSERT INTO order_lines (order_id) VALUES (7)
 *		they	UPDATE orders SET customer_id = 9 WHERE id = 7
 *
 * Whose line is it?  Neither transaction sees what the other has written and
 * not committed, and if each went on by what it sees, the line would be
 * counted for a customer who does not have it.  So both write first, and look
 * then with a snapshot that shows what others have not committed: at least one
 * of them finds the other's row, waits for the end of that transaction, and
 * looks again.  (Exclusion constraints do the same.)  If both find each
 * other's, one of them is the victim of a deadlock.
 *
 * A tree of tables (tree.c) is looked through one table after the other, and
 * what is found are rows of the table at the top.
 *
 * Nobody waits for a change that does not count, such as that of a product's
 * stock: if the row is there twice, as it was and as a transaction has written
 * it, and both are alike in all columns that count, that is what it is.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_am.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/typcache.h"

#include "base/base.h"
#include "source/source_private.h"

/* One of the tables in which rows are. */
typedef struct ProbedTable
{
	Relation	table;
	Relation	index;			/* on one of the columns; NULL: none is */
	int			indexed;		/* on which of them */
	AttrNumber	columns[MOST_PAIRS];
	SourceTable above;			/* how rows of the table at the top look */
	TupleTableSlot *row;
	TupleTableSlot *held;		/* a row that a transaction changes */
	TupleTableSlot *row_above;	/* both, as rows of the table at the top */
	TupleTableSlot *held_above;
} ProbedTable;

struct SourceProbe
{
	List	   *tables;			/* ProbedTable * */
	AlikeRows	alike;
	void	   *alike_context;
	int			ncolumns;
	FmgrInfo	equal[MOST_PAIRS];
	Oid			collations[MOST_PAIRS];
};

/* A search by a probe. */
typedef struct ProbeSearch
{
	SourceProbe *probe;
	const Datum *values;
	ProbedRow	found;
	void	   *context;
	ProbedTable *holds;			/* the table whose 'held' is full */
	TransactionId changing;		/* who changes that row */
	bool		ended;			/* 'found' has seen enough */
} ProbeSearch;

static ProbedTable *open_table(Oid relid, Oid top, const AttrNumber *columns,
							   int ncolumns);
static void find_index(ProbedTable *table, int ncolumns);
static TransactionId probe_once(ProbeSearch *search);
static TransactionId probe_table(ProbeSearch *search, ProbedTable *table);
static TransactionId look_at(ProbeSearch *search, ProbedTable *table,
							 TransactionId inserting, TransactionId changing);
static TupleTableSlot *row_of(ProbedTable *table);
static TupleTableSlot *held_of(ProbeSearch *search);
static bool has_values(const ProbeSearch *search, const ProbedTable *table);
static void check_snapshot(const ProbedTable *table, TupleTableSlot *row);

SourceProbe *
source_probe_begin(Oid relid, const AttrNumber *columns, int ncolumns)
{
	SourceProbe *probe = palloc0(sizeof(SourceProbe));
	ListCell   *lc;

	probe->ncolumns = ncolumns;
	/* all are locked, so that none is gone when it is opened */
	foreach(lc, source_tree(relid, AccessShareLock))
		if (RELKIND_HAS_TABLE_AM(get_rel_relkind(lfirst_oid(lc))))
			probe->tables = lappend(probe->tables,
									open_table(lfirst_oid(lc), relid, columns,
											   ncolumns));
	for (int i = 0; i < ncolumns; i++)
	{
		Oid			type;
		int32		typmod;

		get_atttypetypmodcoll(relid, columns[i], &type, &typmod,
							  &probe->collations[i]);
		fmgr_info(get_opcode(lookup_type_cache(getBaseType(type),
											   TYPECACHE_EQ_OPR)->eq_opr),
				  &probe->equal[i]);
	}
	return probe;
}

/* open_table() opens a table below 'top', whose columns these are. */
static ProbedTable *
open_table(Oid relid, Oid top, const AttrNumber *columns, int ncolumns)
{
	ProbedTable *table = palloc0(sizeof(ProbedTable));

	table->table = table_open(relid, AccessShareLock);
	for (int i = 0; i < ncolumns; i++)
		table->columns[i] = get_attnum(relid,
									   get_attname(top, columns[i], false));
	find_index(table, ncolumns);
	table->row = table_slot_create(table->table, NULL);
	table->held = table_slot_create(table->table, NULL);
	source_table_describe(&table->above, table->table, top);
	table->row_above = source_table_slot(&table->above);
	table->held_above = source_table_slot(&table->above);
	return table;
}

void
source_probe_alike(SourceProbe *probe, AlikeRows alike, void *context)
{
	probe->alike = alike;
	probe->alike_context = context;
}

/* find_index() opens an index that finds rows by a column, if there is one. */
static void
find_index(ProbedTable *table, int ncolumns)
{
	ListCell   *lc;

	foreach(lc, RelationGetIndexList(table->table))
	{
		Relation	index = index_open(lfirst_oid(lc), AccessShareLock);

		for (int i = 0; i < ncolumns; i++)
			if (index->rd_rel->relam == BTREE_AM_OID &&
				index_finds(index, table->columns[i]))
			{
				table->index = index;
				table->indexed = i;
				return;
			}
		index_close(index, AccessShareLock);
	}
}

void
source_probe(SourceProbe *probe, const Datum *values, ProbedRow found,
			 void *context)
{
	ProbeSearch search = {
		.probe = probe,
		.values = values,
		.found = found,
		.context = context,
	};
	TransactionId writer;

	while (TransactionIdIsValid(writer = probe_once(&search)))
		XactLockTableWait(writer, NULL, NULL, XLTW_None);
}

/*
 * probe_once() looks for rows in all tables, and returns the first transaction
 * to be waited for, if one is.
 */
static TransactionId
probe_once(ProbeSearch *search)
{
	TransactionId writer = InvalidTransactionId;
	ListCell   *lc;

	search->holds = NULL;
	search->changing = InvalidTransactionId;
	search->ended = false;
	foreach(lc, search->probe->tables)
	{
		writer = probe_table(search, lfirst(lc));
		if (TransactionIdIsValid(writer) || search->ended)
			break;
	}
	if (!TransactionIdIsValid(writer))
		writer = search->changing;
	if (search->holds != NULL)
	{
		if (!TransactionIdIsValid(writer))
		{
			check_snapshot(search->holds, search->holds->held);
			(void) search->found(held_of(search), search->context);
		}
		ExecClearTuple(search->holds->held);
	}
	return writer;
}

/* probe_table() does so in one table. */
static TransactionId
probe_table(ProbeSearch *search, ProbedTable *table)
{
	SnapshotData snapshot;
	ScanKeyData key;
	IndexScanDesc by_index = NULL;
	TableScanDesc scan = NULL;
	TransactionId writer = InvalidTransactionId;

	InitDirtySnapshot(snapshot);
	if (table->index != NULL)
	{
		ScanKeyEntryInitializeWithInfo(&key, 0, 1, BTEqualStrategyNumber,
									   InvalidOid,
									   table->index->rd_indcollation[0],
									   &search->probe->equal[table->indexed],
									   search->values[table->indexed]);
		by_index = index_beginscan(table->table, table->index, &snapshot, NULL,
								   1, 0);
		index_rescan(by_index, &key, 1, NULL, 0);
	}
	else
		scan = table_beginscan(table->table, &snapshot, 0, NULL);
	while (!TransactionIdIsValid(writer) && !search->ended &&
		   (by_index != NULL ?
			index_getnext_slot(by_index, ForwardScanDirection, table->row) :
			table_scan_getnextslot(scan, ForwardScanDirection, table->row)))
	{
		CHECK_FOR_INTERRUPTS();
		if (has_values(search, table))
			writer = look_at(search, table, snapshot.xmin, snapshot.xmax);
	}
	ExecClearTuple(table->row);
	if (by_index != NULL)
		index_endscan(by_index);
	else
		table_endscan(scan);
	return writer;
}

/*
 * look_at() looks at a row, which one transaction may be inserting and another
 * one changing.  Returns the one that is to be waited for at once.
 */
static TransactionId
look_at(ProbeSearch *search, ProbedTable *table, TransactionId inserting,
		TransactionId changing)
{
	SourceProbe *probe = search->probe;

	if (TransactionIdIsValid(inserting))
	{
		if (search->holds == NULL ||
			!probe->alike(held_of(search), row_of(table),
						  probe->alike_context))
			return inserting;
		search->changing = InvalidTransactionId;
		return InvalidTransactionId;
	}
	if (TransactionIdIsValid(changing))
	{
		if (probe->alike == NULL)
			return changing;
		if (search->holds != NULL)
			ExecClearTuple(search->holds->held);
		search->holds = table;
		search->changing = changing;
		ExecCopySlot(table->held, table->row);
		return InvalidTransactionId;
	}
	check_snapshot(table, table->row);
	search->ended = !search->found(row_of(table), search->context);
	return InvalidTransactionId;
}

/* row_of() and held_of() are the rows as those of the table at the top. */
static TupleTableSlot *
row_of(ProbedTable *table)
{
	return source_table_row(&table->above, table->row, table->row_above);
}

static TupleTableSlot *
held_of(ProbeSearch *search)
{
	return source_table_row(&search->holds->above, search->holds->held,
							search->holds->held_above);
}

/* has_values() says whether the row that is scanned has the values. */
static bool
has_values(const ProbeSearch *search, const ProbedTable *table)
{
	SourceProbe *probe = search->probe;

	for (int i = 0; i < probe->ncolumns; i++)
	{
		bool		isnull;
		Datum		there;

		/* the index has found it by this one */
		if (table->index != NULL && i == table->indexed)
			continue;
		there = slot_getattr(table->row, table->columns[i], &isnull);
		if (isnull ||
			!DatumGetBool(FunctionCall2Coll(&probe->equal[i],
											probe->collations[i], there,
											search->values[i])))
			return false;
	}
	return true;
}

/*
 * check_snapshot() raises an error if the transaction's snapshot has to show
 * the row, and does not.  What it has written itself is shown later.
 */
static void
check_snapshot(const ProbedTable *table, TupleTableSlot *row)
{
	bool		isnull;
	Datum		writer;
	TransactionId xmin;

	if (!IsolationUsesXactSnapshot())
		return;
	writer = slot_getsysattr(row, MinTransactionIdAttributeNumber, &isnull);
	xmin = DatumGetTransactionId(writer);
	if (!TransactionIdIsCurrentTransactionId(xmin) &&
		!table_tuple_satisfies_snapshot(table->table, row,
										GetTransactionSnapshot()))
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("could not serialize access due to concurrent update")));
}

void
source_probe_end(SourceProbe *probe)
{
	ListCell   *lc;

	foreach(lc, probe->tables)
	{
		ProbedTable *table = lfirst(lc);

		ExecDropSingleTupleTableSlot(table->row);
		ExecDropSingleTupleTableSlot(table->held);
		if (table->row_above != NULL)
		{
			ExecDropSingleTupleTableSlot(table->row_above);
			ExecDropSingleTupleTableSlot(table->held_above);
		}
		if (table->index != NULL)
			index_close(table->index, NoLock);
		table_close(table->table, NoLock);
	}
	pfree(probe);
}
