/*-------------------------------------------------------------------------
 *
 * profile_scan.c
 *	  Which profiles are there, and which of them are due?
 *
 *		ord		wake_at
 *		17		2 May 09:30			due from then on
 *		40		1 June 00:00
 *		41		never (NULL)		not even in the index
 *
 * A profile scan returns all three, as they stand in the base table, or few
 * of them, which it finds by their numbers.  A due
 * scan of 1 May to 3 May returns 17 alone: the index on wake_at holds those
 * that are ever due, in that order.
 *
 * Where a million profiles have just been written with another wake_at, the
 * index still holds a million dead entries before the first live one.  So a
 * caller that takes due profiles in portions continues at the wake_at at which
 * the last portion ended.
 *
 * In the order of wake_at each profile is on another page of the base table.
 * Who reads all that are due reads them page by page: the index alone finds
 * many, and their rows are read in the order of pages (pages_ahead.c).  Who
 * writes them does much the same (lock_due.c).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/tableam.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "profile/profile_private.h"

/* The rows that are sorted at a time: work_mem has room for them. */
#define PORTION \
	(work_mem * INT64CONST(1024) / (2 * sizeof(ItemPointerData)))
#define FIRST_PORTION	64

struct ProfileScan
{
	Relation	relation;
	TableScanDesc scan;			/* NULL: one by one */
	TupleTableSlot *row;
	AttrNumber	needed;			/* up to this column each row is deformed */

	/* one by one */
	Relation	index;
	IndexScanDesc by_ord;
	const int64 *ords;
	int64		count;
	int64		at;				/* the next of them */
};

struct DueScan
{
	Relation	relation;
	Relation	index;
	IndexScanDesc scan;
	TupleTableSlot *row;

	/* page by page: those that the index has found */
	ItemPointerData *tids;		/* in the order of pages */
	ItemPointerData *spare;		/* as many, to sort them */
	int64		room;
	PagesAhead	ahead;
	bool		scanned;		/* has the index come to its end? */
};

static ProfileScan *scan_create(const Population *population);
static bool next_some(ProfileScan *scan);
static bool find_portion(DueScan *scan);

ProfileScan *
profile_scan_begin(const Population *population, Snapshot snapshot)
{
	ProfileScan *scan = scan_create(population);

	scan->scan = table_beginscan(scan->relation, snapshot, 0, NULL);
	return scan;
}

ProfileScan *
profile_scan_begin_some(const Population *population, Snapshot snapshot,
						const int64 *ords, int64 count)
{
	ProfileScan *scan = scan_create(population);

	scan->index = index_open(population_store(population)->ord_index,
							 AccessShareLock);
	scan->by_ord = index_beginscan(scan->relation, scan->index, snapshot, NULL,
								   1, 0);
	scan->ords = ords;
	scan->count = count;
	return scan;
}

/*
 * To find one reads a page or two of the index, and one of the table, here and
 * there.
 */
bool
profile_scan_finds(const Population *population, int64 count)
{
	const ProfileStore *store = population_store(population);
	Relation	base;
	BlockNumber pages;

	if (!OidIsValid(store->ord_index))
		return false;
	base = table_open(store->base, AccessShareLock);
	pages = RelationGetNumberOfBlocks(base);
	table_close(base, AccessShareLock);
	return count < pages / 4;
}

/* scan_create() makes a scan that has not begun. */
static ProfileScan *
scan_create(const Population *population)
{
	const ProfileStore *store = population_store(population);
	ProfileScan *scan = palloc0(sizeof(ProfileScan));

	scan->relation = table_open(store->base, AccessShareLock);
	scan->needed = Max(Max(store->ord, store->source_rows),
					   Max(store->evaluated_at, store->wake_at));
	scan->row = table_slot_create(scan->relation, NULL);
	return scan;
}

TupleTableSlot *
profile_scan_next(ProfileScan *scan)
{
	if (scan->scan == NULL ? !next_some(scan) :
		!table_scan_getnextslot(scan->scan, ForwardScanDirection, scan->row))
		return NULL;
	slot_getsomeattrs(scan->row, scan->needed);
	return scan->row;
}

/* next_some() finds the next row by its number; false if there is none. */
static bool
next_some(ProfileScan *scan)
{
	while (scan->at < scan->count)
	{
		ScanKeyData key;

		ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_INT8EQ,
					Int64GetDatum(scan->ords[scan->at++]));
		index_rescan(scan->by_ord, &key, 1, NULL, 0);
		if (index_getnext_slot(scan->by_ord, ForwardScanDirection, scan->row))
			return true;
	}
	return false;
}

void
profile_scan_end(ProfileScan *scan)
{
	if (scan->scan != NULL)
		table_endscan(scan->scan);
	else
	{
		index_endscan(scan->by_ord);
		index_close(scan->index, AccessShareLock);
	}
	ExecDropSingleTupleTableSlot(scan->row);
	table_close(scan->relation, NoLock);
	pfree(scan);
}

DueScan *
profile_due_begin(const Population *population, TimestampTz from,
				  TimestampTz at, Snapshot snapshot)
{
	const ProfileStore *store = population_store(population);
	DueScan    *scan = palloc0(sizeof(DueScan));
	ScanKeyData keys[2];
	int			count = 0;

	scan->relation = table_open(store->base, AccessShareLock);
	scan->index = index_open(store->wake_index, AccessShareLock);
	scan->row = table_slot_create(scan->relation, NULL);
	ScanKeyInit(&keys[count++], 1, BTLessEqualStrategyNumber,
				F_TIMESTAMPTZ_LE, TimestampTzGetDatum(at));
	/* each key is compared with each entry */
	if (from != DT_NOBEGIN)
		ScanKeyInit(&keys[count++], 1, BTGreaterEqualStrategyNumber,
					F_TIMESTAMPTZ_GE, TimestampTzGetDatum(from));
	scan->scan = index_beginscan(scan->relation, scan->index, snapshot,
								 NULL, count, 0);
	index_rescan(scan->scan, keys, count, NULL, 0);
	return scan;
}

TupleTableSlot *
profile_due_next(DueScan *scan)
{
	return index_getnext_slot(scan->scan, ForwardScanDirection, scan->row) ?
		scan->row : NULL;
}

TupleTableSlot *
profile_due_next_by_page(DueScan *scan)
{
	while (!pages_ahead_next(&scan->ahead, scan->row))
		if (!find_portion(scan))
			return NULL;
	return scan->row;
}

/* find_portion() finds the next rows by the index; false if there are none. */
static bool
find_portion(DueScan *scan)
{
	ItemPointerData tid;
	TimestampTz wake_at;
	int64		count = 0;

	while (count < PORTION && !scan->scanned)
	{
		CHECK_FOR_INTERRUPTS();
		scan->scanned = !profile_due_next_tid(scan, &tid, &wake_at);
		if (scan->scanned)
			break;
		if (count == scan->room)
		{
			scan->room = Max(scan->room * 2, FIRST_PORTION);
			scan->tids = scan->tids == NULL ?
				palloc(sizeof(ItemPointerData) * scan->room) :
				repalloc_huge(scan->tids,
							  sizeof(ItemPointerData) * scan->room);
			if (scan->spare != NULL)
				pfree(scan->spare);
			scan->spare = NULL;
		}
		scan->tids[count++] = tid;
	}
	if (count == 0)
		return false;
	if (scan->spare == NULL)
		scan->spare = palloc_extended(sizeof(ItemPointerData) * scan->room,
									  MCXT_ALLOC_HUGE);
	sort_by_page(&scan->tids, &scan->spare, count);
	pages_ahead_begin(&scan->ahead, scan->relation,
					  scan->scan->xs_snapshot, scan->tids, count);
	return true;
}

bool
profile_due_next_tid(DueScan *scan, ItemPointer tid, TimestampTz *wake_at)
{
	IndexScanDesc index = scan->scan;
	ItemPointer next;
	bool		isnull;

	if (!index->xs_want_itup)
	{
		/* the keys stay */
		index->xs_want_itup = true;
		index_rescan(index, NULL, index->numberOfKeys, NULL, 0);
	}
	next = index_getnext_tid(index, ForwardScanDirection);
	if (next == NULL)
		return false;
	*tid = *next;
	*wake_at = DatumGetTimestampTz(index_getattr(index->xs_itup, 1,
												 index->xs_itupdesc,
												 &isnull));
	return true;
}

void
profile_due_end(DueScan *scan)
{
	if (scan->tids != NULL)
		pfree(scan->tids);
	if (scan->spare != NULL)
		pfree(scan->spare);
	pages_ahead_end(&scan->ahead);
	index_endscan(scan->scan);
	ExecDropSingleTupleTableSlot(scan->row);
	index_close(scan->index, AccessShareLock);
	table_close(scan->relation, AccessShareLock);
	pfree(scan);
}

TimestampTz
profile_next_due(const Population *population, Snapshot snapshot)
{
	DueScan    *scan = profile_due_begin(population, DT_NOBEGIN, DT_NOEND,
										 snapshot);
	TupleTableSlot *row = profile_due_next(scan);
	TimestampTz wake_at = row == NULL ? DT_NOEND :
		profile_wake_at(population, row);

	profile_due_end(scan);
	return wake_at;
}
