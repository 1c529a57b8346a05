/*-------------------------------------------------------------------------
 *
 * sizes.c
 *	  How many members have definitions, without reading a bitmap?
 *
 *		chunk table		(3, -1, 0)  (3, 0, 2)  (3, 1, 1)
 *		toggle table	(entered 3, left 8)
 *
 *		membership_size(3)		2 + 1 + 1 = 4
 *
 * membership_sizes() answers for many definitions by one reading of each
 * table, and looks each row's definition up among those that were asked for.
 *
 * membership_estimate() reads the first pages of the toggle table alone: if
 * there are more, it takes them to be alike.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/relscan.h"
#include "access/table.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/rel.h"

#include "membership/membership_private.h"

/* The size of one definition, as far as it is added up. */
typedef struct Sum
{
	int32		definition_id;	/* sorted by that */
	int			position;		/* in the caller's arrays */
	bool		stored;			/* its marker was met */
	int64		size;
} Sum;

typedef struct Sums
{
	Sum		   *list;
	int			count;
} Sums;

/* How many pages of toggles an estimate is made of. */
#define ESTIMATE_PAGES	64

static void add_chunks(Relation relation, SysScanDesc scan, Sums *sums);
static double estimate_toggles(Relation toggles, int32 definition_id,
							   Snapshot snapshot);
static void add_toggles(Relation relation, SysScanDesc scan, Sums *sums);
static Sum *find_sum(Sums *sums, int32 definition_id);
static int	compare_sums(const void *a, const void *b);

int64
membership_size(const Population *population, int32 definition_id,
				Snapshot snapshot)
{
	Sum			sum = {definition_id};
	Sums		sums = {&sum, 1};
	Relation	relation;
	SysScanDesc scan;

	if (!OidIsValid(membership_tables(population)->chunks))
		return -1;
	relation = chunks_open(population, AccessShareLock);
	scan = chunks_scan(relation, definition_id, snapshot);
	add_chunks(relation, scan, &sums);
	systable_endscan(scan);
	table_close(relation, AccessShareLock);
	if (!sum.stored)
		return -1;

	relation = toggles_open(population, AccessShareLock);
	scan = toggles_scan(relation, snapshot);
	add_toggles(relation, scan, &sums);
	systable_endscan(scan);
	table_close(relation, AccessShareLock);
	return sum.size;
}

void
membership_sizes(const Population *population, const int32 *definition_ids,
				 int count, Snapshot snapshot, int64 *sizes)
{
	Sums		sums = {palloc0(sizeof(Sum) * Max(count, 1)), count};
	Relation	relation;
	SysScanDesc scan;

	for (int i = 0; i < count; i++)
	{
		sums.list[i].definition_id = definition_ids[i];
		sums.list[i].position = i;
	}
	qsort(sums.list, count, sizeof(Sum), compare_sums);
	if (OidIsValid(membership_tables(population)->chunks))
	{
		relation = chunks_open(population, AccessShareLock);
		scan = systable_beginscan(relation, InvalidOid, false, snapshot, 0,
								  NULL);
		add_chunks(relation, scan, &sums);
		systable_endscan(scan);
		table_close(relation, AccessShareLock);

		relation = toggles_open(population, AccessShareLock);
		scan = toggles_scan(relation, snapshot);
		add_toggles(relation, scan, &sums);
		systable_endscan(scan);
		table_close(relation, AccessShareLock);
	}
	for (int i = 0; i < count; i++)
		sizes[sums.list[i].position] =
			sums.list[i].stored ? sums.list[i].size : -1;
	pfree(sums.list);
}

double
membership_estimate(const Population *population, int32 definition_id,
					Snapshot snapshot)
{
	Sum			sum = {definition_id};
	Sums		sums = {&sum, 1};
	Relation	chunks;
	Relation	toggles;
	SysScanDesc scan;
	double		estimate = -1;

	if (!membership_try_open(population, &chunks, &toggles))
		return -1;
	scan = chunks_scan(chunks, definition_id, snapshot);
	add_chunks(chunks, scan, &sums);
	systable_endscan(scan);
	if (sum.stored)
		estimate = sum.size + estimate_toggles(toggles, definition_id,
											   snapshot);
	relation_close(chunks, AccessShareLock);
	relation_close(toggles, AccessShareLock);
	return sum.stored ? Max(estimate, 0) : -1;
}

/*
 * estimate_toggles() returns about how many more have entered a definition
 * than left it.
 */
static double
estimate_toggles(Relation toggles, int32 definition_id, Snapshot snapshot)
{
	Sum			sum = {definition_id};
	Sums		sums = {&sum, 1};
	BlockNumber pages = RelationGetNumberOfBlocks(toggles);
	SysScanDesc scan = toggles_scan(toggles, snapshot);

	if (pages > ESTIMATE_PAGES)
		heap_setscanlimits((TableScanDesc) scan->scan, 0, ESTIMATE_PAGES);
	add_toggles(toggles, scan, &sums);
	systable_endscan(scan);
	if (pages > ESTIMATE_PAGES)
		return (double) sum.size / ESTIMATE_PAGES * pages;
	return sum.size;
}

/* add_chunks() adds the sizes of the chunks that a scan returns. */
static void
add_chunks(Relation relation, SysScanDesc scan, Sums *sums)
{
	TupleDesc	desc = RelationGetDescr(relation);
	HeapTuple	row;
	bool		isnull;

	while (HeapTupleIsValid(row = systable_getnext(scan)))
	{
		Datum		number = heap_getattr(row, CHUNK_NUMBER, desc, &isnull);
		Datum		size = heap_getattr(row, CHUNK_SIZE, desc, &isnull);
		Sum		   *sum;

		CHECK_FOR_INTERRUPTS();
		sum = find_sum(sums,
					   DatumGetInt32(heap_getattr(row, CHUNK_DEFINITION, desc,
												  &isnull)));
		if (sum == NULL)
			continue;
		sum->size += DatumGetInt32(size);
		sum->stored |= DatumGetInt64(number) == CHUNK_MARKER;
	}
}

/*
 * add_toggles() adds 1 for each profile that entered, and -1 for each that
 * left.
 */
static void
add_toggles(Relation relation, SysScanDesc scan, Sums *sums)
{
	PackedToggles packed = {0};
	Toggle		toggle;
	HeapTuple	row;

	while (HeapTupleIsValid(row = systable_getnext(scan)))
	{
		CHECK_FOR_INTERRUPTS();
		toggles_of_row(&packed, row, relation);
		while (toggles_next(&packed, &toggle))
		{
			Sum		   *sum = find_sum(sums, toggle.definition_id);

			if (sum != NULL)
				sum->size += toggle.entered ? 1 : -1;
		}
	}
}

/* find_sum() finds the sum of a definition; NULL if it is not asked for. */
static Sum *
find_sum(Sums *sums, int32 definition_id)
{
	Sum			sought = {definition_id};

	return bsearch(&sought, sums->list, sums->count, sizeof(Sum),
				   compare_sums);
}

static int
compare_sums(const void *a, const void *b)
{
	int32		left = ((const Sum *) a)->definition_id;
	int32		right = ((const Sum *) b)->definition_id;

	return left < right ? -1 : left > right;
}
