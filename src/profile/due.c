/*-------------------------------------------------------------------------
 *
 * due.c
 *	  Whose time has come?
 *
 *		ord		wake_at
 *		17		2 May 09:30			due from then on
 *		40		1 June 00:00
 *		41		never (NULL)		not even in the index
 *
 * The index on wake_at shows them in that order.  Where a million profiles have
 * just been written with another wake_at, it still holds a million dead entries
 * before the first that lives; so whoever takes them in portions begins where he
 * left off.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/tableam.h"
#include "executor/tuptable.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "profile/profile.h"

struct DueScan
{
	Relation	relation;
	Relation	index;
	IndexScanDesc scan;
	TupleTableSlot *row;
};

TimestampTz
profile_wake_at(const Population *population, TupleTableSlot *row)
{
	bool		isnull;
	Datum		wake_at = slot_getattr(row, population->wake_attno, &isnull);

	return isnull ? DT_NOEND : DatumGetTimestampTz(wake_at);
}

void
profile_put_wake_at(const Population *population, TimestampTz wake_at,
					Datum *values, bool *isnull)
{
	values[population->wake_attno - 1] = TimestampTzGetDatum(wake_at);
	isnull[population->wake_attno - 1] = TIMESTAMP_IS_NOEND(wake_at);
}

DueScan *
profile_due_begin(const Population *population, TimestampTz from,
				  TimestampTz at, Snapshot snapshot)
{
	DueScan    *scan = palloc(sizeof(DueScan));
	ScanKeyData keys[2];

	scan->relation = table_open(population->base, AccessShareLock);
	scan->index = index_open(population->wake_index, AccessShareLock);
	scan->row = table_slot_create(scan->relation, NULL);
	scan->scan = index_beginscan(scan->relation, scan->index, snapshot,
								 NULL, lengthof(keys), 0);
	ScanKeyInit(&keys[0], 1, BTGreaterEqualStrategyNumber, F_TIMESTAMPTZ_GE,
				TimestampTzGetDatum(from));
	ScanKeyInit(&keys[1], 1, BTLessEqualStrategyNumber, F_TIMESTAMPTZ_LE,
				TimestampTzGetDatum(at));
	index_rescan(scan->scan, keys, lengthof(keys), NULL, 0);
	return scan;
}

TupleTableSlot *
profile_due_next(DueScan *scan)
{
	if (!index_getnext_slot(scan->scan, ForwardScanDirection, scan->row))
		return NULL;
	slot_getallattrs(scan->row);
	return scan->row;
}

void
profile_due_end(DueScan *scan)
{
	index_endscan(scan->scan);
	ExecDropSingleTupleTableSlot(scan->row);
	index_close(scan->index, AccessShareLock);
	table_close(scan->relation, AccessShareLock);
	pfree(scan);
}

TimestampTz
profile_next_due(const Population *population, Snapshot snapshot)
{
	DueScan    *scan = profile_due_begin(population, DT_NOBEGIN, DT_NOEND, snapshot);
	TupleTableSlot *row = profile_due_next(scan);
	TimestampTz wake_at = row == NULL ? DT_NOEND : profile_wake_at(population, row);

	profile_due_end(scan);
	return wake_at;
}
