/*-------------------------------------------------------------------------
 *
 * probe.c
 *	  Which rows have this value, whoever is writing them?
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

struct SourceProbe
{
	Relation	table;
	Relation	index;			/* on the column; NULL: none is */
	AttrNumber	attno;
	TupleTableSlot *row;
	TupleTableSlot *held;		/* a row that a transaction changes */
	AlikeRows	alike;
	void	   *alike_context;
	FmgrInfo	equal;
	Oid			collation;
};

static Relation find_index(Relation table, AttrNumber attno);
static TransactionId probe_once(SourceProbe *probe, Datum value,
								ProbedRow found, void *context);
static bool has_value(const SourceProbe *probe, Datum value);
static void check_snapshot(const SourceProbe *probe, TupleTableSlot *row);

SourceProbe *
source_probe_begin(Oid relid, AttrNumber attno)
{
	SourceProbe *probe = palloc0(sizeof(SourceProbe));
	Oid			type;
	int32		typmod;

	probe->table = table_open(relid, AccessShareLock);
	probe->attno = attno;
	probe->row = table_slot_create(probe->table, NULL);
	probe->held = table_slot_create(probe->table, NULL);
	probe->index = find_index(probe->table, attno);
	get_atttypetypmodcoll(relid, attno, &type, &typmod, &probe->collation);
	fmgr_info(get_opcode(lookup_type_cache(getBaseType(type),
										   TYPECACHE_EQ_OPR)->eq_opr),
			  &probe->equal);
	return probe;
}

void
source_probe_alike(SourceProbe *probe, AlikeRows alike, void *context)
{
	probe->alike = alike;
	probe->alike_context = context;
}

/* find_index() opens an index that finds rows by a column; NULL: none does. */
static Relation
find_index(Relation table, AttrNumber attno)
{
	ListCell   *lc;

	foreach(lc, RelationGetIndexList(table))
	{
		Relation	index = index_open(lfirst_oid(lc), AccessShareLock);

		if (index->rd_rel->relam == BTREE_AM_OID && index_finds(index, attno))
			return index;
		index_close(index, AccessShareLock);
	}
	return NULL;
}

void
source_probe(SourceProbe *probe, Datum value, ProbedRow found, void *context)
{
	TransactionId writer;

	while (TransactionIdIsValid(writer = probe_once(probe, value, found,
													context)))
		XactLockTableWait(writer, NULL, NULL, XLTW_None);
}

/*
 * probe_once() looks for rows, and returns the first transaction to be waited
 * for, if one is.
 */
static TransactionId
probe_once(SourceProbe *probe, Datum value, ProbedRow found, void *context)
{
	SnapshotData snapshot;
	ScanKeyData key;
	IndexScanDesc by_index = NULL;
	TableScanDesc scan = NULL;
	TransactionId writer = InvalidTransactionId;
	TransactionId changing = InvalidTransactionId;	/* the row that is held */

	InitDirtySnapshot(snapshot);
	if (probe->index != NULL)
	{
		ScanKeyEntryInitializeWithInfo(&key, 0, 1, BTEqualStrategyNumber,
									   InvalidOid,
									   probe->index->rd_indcollation[0],
									   &probe->equal, value);
		by_index = index_beginscan(probe->table, probe->index, &snapshot, NULL,
								   1, 0);
		index_rescan(by_index, &key, 1, NULL, 0);
	}
	else
		scan = table_beginscan(probe->table, &snapshot, 0, NULL);
	while (by_index != NULL ?
		   index_getnext_slot(by_index, ForwardScanDirection, probe->row) :
		   table_scan_getnextslot(scan, ForwardScanDirection, probe->row))
	{
		CHECK_FOR_INTERRUPTS();
		if (by_index == NULL && !has_value(probe, value))
			continue;
		if (TransactionIdIsValid(snapshot.xmin))
		{
			writer = snapshot.xmin;
			if (TTS_EMPTY(probe->held) ||
				!probe->alike(probe->held, probe->row, probe->alike_context))
				break;
			changing = writer = InvalidTransactionId;
		}
		else if (TransactionIdIsValid(snapshot.xmax))
		{
			if (probe->alike == NULL)
			{
				writer = snapshot.xmax;
				break;
			}
			changing = snapshot.xmax;
			ExecCopySlot(probe->held, probe->row);
		}
		else
		{
			check_snapshot(probe, probe->row);
			if (!found(probe->row, context))
				break;
		}
	}
	if (!TransactionIdIsValid(writer))
		writer = changing;
	if (!TransactionIdIsValid(writer) && !TTS_EMPTY(probe->held))
	{
		check_snapshot(probe, probe->held);
		(void) found(probe->held, context);
	}
	ExecClearTuple(probe->row);
	ExecClearTuple(probe->held);
	if (by_index != NULL)
		index_endscan(by_index);
	else
		table_endscan(scan);
	return writer;
}

/* has_value() says whether the row that is scanned has the value. */
static bool
has_value(const SourceProbe *probe, Datum value)
{
	bool		isnull;
	Datum		there = slot_getattr(probe->row, probe->attno, &isnull);

	return !isnull &&
		DatumGetBool(FunctionCall2Coll(unconstify(FmgrInfo *, &probe->equal),
									   probe->collation, there, value));
}

/*
 * check_snapshot() raises an error if the transaction's snapshot has to show
 * the row, and does not.  What it has written itself is shown later.
 */
static void
check_snapshot(const SourceProbe *probe, TupleTableSlot *row)
{
	bool		isnull;
	Datum		writer;
	TransactionId xmin;

	if (!IsolationUsesXactSnapshot())
		return;
	writer = slot_getsysattr(row, MinTransactionIdAttributeNumber, &isnull);
	xmin = DatumGetTransactionId(writer);
	if (!TransactionIdIsCurrentTransactionId(xmin) &&
		!table_tuple_satisfies_snapshot(probe->table, row,
										GetTransactionSnapshot()))
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("could not serialize access due to concurrent update")));
}

void
source_probe_end(SourceProbe *probe)
{
	ExecDropSingleTupleTableSlot(probe->row);
	ExecDropSingleTupleTableSlot(probe->held);
	if (probe->index != NULL)
		index_close(probe->index, NoLock);
	table_close(probe->table, NoLock);
	pfree(probe);
}
