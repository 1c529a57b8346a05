/*-------------------------------------------------------------------------
 *
 * toggles.c
 *	  Who entered or left since the last fold?
 *
 *		ord		at			transaction		by_time		toggles
 *		17		12:00:05	841				f			entered 3, left 8
 *		40		12:00:05	841				f			left 3
 *		17		1 June		842				t			left 3
 *
 * A row has all that one visit of a profile toggles at one instant, packed:
 * one event may make a profile enter and leave hundreds of audiences.
 *
 * The rows of a statement are collected and inserted together when it has
 * visited all its profiles.  Nobody else sees them before its transaction
 * commits.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "common/hashfn.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "base/base.h"
#include "membership/membership_private.h"

/* Rows that are collected before they are inserted. */
#define MOST_COLLECTED	500

/* Toggles in one row: a row that is not longer than this needs no TOAST. */
#define MOST_IN_ROW		300

struct ToggleWriter
{
	const Population *population;
	Relation	relation;		/* NULL until the first toggle */
	CatalogIndexState indexes;
	MemoryContext values;		/* of the rows that are collected */
	Datum		transaction;	/* number of this one */
	TupleTableSlot **collected;
	int			ncollected;
	int			nslots;
};

/*
 * A set of members of which toggles are read.  They are collected, since into
 * a long array each one is a copy of what is behind it.
 */
typedef struct Flipped
{
	int32		definition_id;	/* sorted by that */
	MemberSet  *set;
	MemberSet  *by;				/* those of which the toggles are odd */
} Flipped;

static void flip_where(const Flipped *flipped, int count, int32 definition_id,
					   int64 ord);
static void flip_collected(const Flipped *flipped);
static int	compare_flipped(const void *a, const void *b);
static void open_table(ToggleWriter *writer);
static void put_row(ToggleWriter *writer, const ProfileToggles *toggles);
static TupleTableSlot *next_slot(ToggleWriter *writer);
static void insert_collected(ToggleWriter *writer);
static int64 transaction_number(void);

/* ---- writing ---- */

ToggleWriter *
toggle_writer_create(const Population *population)
{
	ToggleWriter *writer = palloc0(sizeof(ToggleWriter));

	writer->population = population;
	return writer;
}

void
toggles_put(ToggleWriter *writer, const ProfileToggles *toggles)
{
	ProfileToggles part = *toggles;

	if (writer->relation == NULL)
		open_table(writer);
	while (part.count > 0)
	{
		int			count = part.count;

		part.count = Min(count, MOST_IN_ROW);
		put_row(writer, &part);
		part.list += part.count;
		part.count = count - part.count;
	}
}

bool
toggle_writer_close(ToggleWriter *writer)
{
	bool		any = (writer->relation != NULL);

	insert_collected(writer);
	for (int i = 0; i < writer->nslots; i++)
		ExecDropSingleTupleTableSlot(writer->collected[i]);
	if (any)
	{
		CatalogCloseIndexes(writer->indexes);
		table_close(writer->relation, NoLock);
		MemoryContextDelete(writer->values);
	}
	pfree(writer);
	return any;
}

/* open_table() opens the toggle table, in the writer's memory context. */
static void
open_table(ToggleWriter *writer)
{
	MemoryContext old = MemoryContextSwitchTo(GetMemoryChunkContext(writer));

	writer->relation = toggles_open(writer->population, RowExclusiveLock);
	writer->indexes = CatalogOpenIndexes(writer->relation);
	writer->values = AllocSetContextCreate(CurrentMemoryContext,
										   "segment toggles",
										   ALLOCSET_SMALL_SIZES);
	writer->transaction = Int64GetDatum(transaction_number());
	writer->collected = palloc(sizeof(TupleTableSlot *) * MOST_COLLECTED);
	MemoryContextSwitchTo(old);
}

/* put_row() collects one row. */
static void
put_row(ToggleWriter *writer, const ProfileToggles *toggles)
{
	TupleTableSlot *slot = next_slot(writer);
	Datum	   *values = slot->tts_values;
	MemoryContext old;

	ExecClearTuple(slot);
	memset(slot->tts_isnull, false, sizeof(bool) * TOGGLE_COLUMNS);
	values[TOGGLE_ORD - 1] = toggles->ord;
	values[TOGGLE_AT - 1] = TimestampTzGetDatum(toggles->at);
	values[TOGGLE_TRANSACTION - 1] = writer->transaction;
	values[TOGGLE_BY_TIME - 1] = BoolGetDatum(toggles->by_time);
	old = MemoryContextSwitchTo(writer->values);
	values[TOGGLE_LIST - 1] = PointerGetDatum(toggles_pack(toggles->list,
														   toggles->count));
	values[TOGGLE_KEY - 1] = profile_key_copy(writer->population,
											  toggles->key);
	MemoryContextSwitchTo(old);
	ExecStoreVirtualTuple(slot);
}

/* next_slot() returns the slot of the next row that is collected. */
static TupleTableSlot *
next_slot(ToggleWriter *writer)
{
	if (writer->ncollected == MOST_COLLECTED)
		insert_collected(writer);
	if (writer->ncollected == writer->nslots)
	{
		MemoryContext context = GetMemoryChunkContext(writer);
		MemoryContext old = MemoryContextSwitchTo(context);

		writer->collected[writer->nslots++] =
			MakeSingleTupleTableSlot(RelationGetDescr(writer->relation),
									 &TTSOpsHeapTuple);
		MemoryContextSwitchTo(old);
	}
	return writer->collected[writer->ncollected++];
}

static void
insert_collected(ToggleWriter *writer)
{
	if (writer->ncollected == 0)
		return;
	CatalogTuplesMultiInsertWithInfo(writer->relation, writer->collected,
									 writer->ncollected, writer->indexes);
	writer->ncollected = 0;
	MemoryContextReset(writer->values);
}

/*
 * transaction_number() returns a number for the top-level transaction, by
 * which a fold knows what one transaction did.
 *
 * Toggles may be folded after a dump was restored, or after pg_upgrade, where
 * the server's numbers of transactions begin anew.  So the cluster is part of
 * what is hashed, and two transactions have the same number only by a chance
 * of 2^-64.
 */
static int64
transaction_number(void)
{
	uint64		parts[2] = {
		GetSystemIdentifier(),
		U64FromFullTransactionId(GetTopFullTransactionId()),
	};

	return (int64) hash_bytes_extended((const unsigned char *) parts,
									   sizeof(parts), 0);
}

/* ---- reading ---- */

SysScanDesc
toggles_scan(Relation relation, Snapshot snapshot)
{
	return systable_beginscan(relation, InvalidOid, false, snapshot, 0, NULL);
}

void
toggles_of_row(PackedToggles *packed, HeapTuple row, Relation relation)
{
	bool		isnull;

	toggles_read(packed, heap_getattr(row, TOGGLE_LIST,
									  RelationGetDescr(relation), &isnull));
}

void
toggles_flip(const Population *population, int32 definition_id,
			 Snapshot snapshot, MemberSet *set)
{
	toggles_flip_several(population, &definition_id, 1, snapshot, &set);
}

void
toggles_flip_several(const Population *population, const int32 *definition_ids,
					 int count, Snapshot snapshot, MemberSet **sets)
{
	Flipped    *flipped = palloc(sizeof(Flipped) * Max(count, 1));
	int			nflipped = 0;
	PackedToggles packed = {0};
	Toggle		toggle;
	Relation	relation;
	TupleDesc	desc;
	SysScanDesc scan;
	HeapTuple	row;

	for (int i = 0; i < count; i++)
		if (sets[i] != NULL)
			flipped[nflipped++] = (Flipped) {definition_ids[i], sets[i],
											 members_create()};
	if (nflipped > 0 && OidIsValid(membership_tables(population)->toggles))
	{
		qsort(flipped, nflipped, sizeof(Flipped), compare_flipped);
		relation = toggles_open(population, AccessShareLock);
		desc = RelationGetDescr(relation);
		scan = toggles_scan(relation, snapshot);
		while (HeapTupleIsValid(row = systable_getnext(scan)))
		{
			bool		isnull;
			int64		ord = DatumGetInt64(heap_getattr(row, TOGGLE_ORD,
														 desc, &isnull));

			CHECK_FOR_INTERRUPTS();
			toggles_of_row(&packed, row, relation);
			while (toggles_next(&packed, &toggle))
				flip_where(flipped, nflipped, toggle.definition_id, ord);
		}
		systable_endscan(scan);
		table_close(relation, AccessShareLock);
	}
	for (int i = 0; i < nflipped; i++)
		flip_collected(&flipped[i]);
	pfree(flipped);
}

/* flip_collected() flips the members that were collected. */
static void
flip_collected(const Flipped *flipped)
{
	for (int i = 0; i < members_chunks(flipped->by); i++)
		members_flip_chunk(flipped->set, flipped->by, i);
}

/* flip_where() collects an ord for the sets of a definition (sorted). */
static void
flip_where(const Flipped *flipped, int count, int32 definition_id, int64 ord)
{
	int			low = 0;
	int			high = count;

	while (low < high)
	{
		int			middle = (low + high) / 2;

		if (flipped[middle].definition_id < definition_id)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < count && flipped[low].definition_id == definition_id; low++)
		members_flip(flipped[low].by, ord);
}

static int
compare_flipped(const void *a, const void *b)
{
	int32		left = ((const Flipped *) a)->definition_id;
	int32		right = ((const Flipped *) b)->definition_id;

	return left < right ? -1 : left > right;
}

int64
membership_pending(const Population *population, int64 most)
{
	Relation	relation;
	Snapshot	snapshot;
	TableScanDesc scan;
	TupleTableSlot *slot;
	int64		count = 0;

	if (!OidIsValid(membership_tables(population)->toggles))
		return 0;
	relation = toggles_open(population, AccessShareLock);
	snapshot = RegisterSnapshot(GetLatestSnapshot());
	slot = table_slot_create(relation, NULL);
	scan = table_beginscan(relation, snapshot, 0, NULL);
	/* the newest first: before them are those that a fold has deleted */
	while (count < most &&
		   table_scan_getnextslot(scan, BackwardScanDirection, slot))
	{
		slot_getsomeattrs(slot, TOGGLE_LIST);
		count += toggles_count(slot->tts_values[TOGGLE_LIST - 1]);
	}
	count = Min(count, most);
	table_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	UnregisterSnapshot(snapshot);
	table_close(relation, AccessShareLock);
	return count;
}
