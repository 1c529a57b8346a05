/*-------------------------------------------------------------------------
 *
 * toggles.c
 *	  Who entered or left since the last fold?
 *
 *		ord		at			transaction		definition_id	entered		cause
 *		17		12:00:05	841				3				t			event
 *		40		12:00:05	841				3				f			event
 *		17		1 June		842				3				f			time
 *
 * The toggles of a statement are collected and inserted together when it has
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
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "base/base.h"
#include "membership/membership_private.h"

/* Toggles that are collected before they are inserted. */
#define MOST_COLLECTED	500

struct ToggleWriter
{
	const Population *population;
	Relation	relation;		/* NULL until the first toggle */
	CatalogIndexState indexes;
	MemoryContext keys;			/* of the toggles that are collected */
	Datum		event;			/* causes */
	Datum		time;
	Datum		transaction;	/* number of this one */
	TupleTableSlot **collected;
	int			ncollected;
	int			nslots;
};

static void open_table(ToggleWriter *writer);
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
toggle_put(ToggleWriter *writer, const Toggle *toggle)
{
	TupleTableSlot *slot;
	Datum	   *values;
	MemoryContext old;

	if (writer->relation == NULL)
		open_table(writer);
	slot = next_slot(writer);
	values = slot->tts_values;
	ExecClearTuple(slot);
	memset(slot->tts_isnull, false, sizeof(bool) * TOGGLE_COLUMNS);
	values[TOGGLE_ORD - 1] = toggle->ord;
	values[TOGGLE_AT - 1] = TimestampTzGetDatum(toggle->at);
	values[TOGGLE_TRANSACTION - 1] = writer->transaction;
	values[TOGGLE_DEFINITION - 1] = Int32GetDatum(toggle->definition_id);
	values[TOGGLE_ENTERED - 1] = BoolGetDatum(toggle->entered);
	values[TOGGLE_CAUSE - 1] = toggle->by_time ? writer->time : writer->event;
	old = MemoryContextSwitchTo(writer->keys);
	values[TOGGLE_KEY - 1] = profile_key_copy(writer->population,
											  toggle->key);
	MemoryContextSwitchTo(old);
	ExecStoreVirtualTuple(slot);
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
		MemoryContextDelete(writer->keys);
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
	writer->keys = AllocSetContextCreate(CurrentMemoryContext,
										 "segment toggles",
										 ALLOCSET_SMALL_SIZES);
	writer->event = CStringGetTextDatum(CAUSE_EVENT);
	writer->time = CStringGetTextDatum(CAUSE_TIME);
	writer->transaction = Int64GetDatum(transaction_number());
	writer->collected = palloc(sizeof(TupleTableSlot *) * MOST_COLLECTED);
	MemoryContextSwitchTo(old);
}

/* next_slot() returns the slot of the next toggle that is collected. */
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
	MemoryContextReset(writer->keys);
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
toggles_scan(Relation relation, int32 definition_id, Snapshot snapshot)
{
	ScanKeyData key;

	ScanKeyInit(&key, TOGGLE_DEFINITION, BTEqualStrategyNumber, F_INT4EQ,
				Int32GetDatum(definition_id));
	return systable_beginscan(relation, InvalidOid, false, snapshot, 1, &key);
}

void
toggles_flip(const Population *population, int32 definition_id,
			 Snapshot snapshot, MemberSet *set)
{
	Relation	relation = toggles_open(population, AccessShareLock);
	TupleDesc	desc = RelationGetDescr(relation);
	SysScanDesc scan = toggles_scan(relation, definition_id, snapshot);
	HeapTuple	row;

	while (HeapTupleIsValid(row = systable_getnext(scan)))
	{
		bool		isnull;
		Datum		ord = heap_getattr(row, TOGGLE_ORD, desc, &isnull);

		members_flip(set, DatumGetInt64(ord));
	}
	systable_endscan(scan);
	table_close(relation, AccessShareLock);
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
	while (count < most &&
		   table_scan_getnextslot(scan, ForwardScanDirection, slot))
		count++;
	table_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	UnregisterSnapshot(snapshot);
	table_close(relation, AccessShareLock);
	return count;
}
