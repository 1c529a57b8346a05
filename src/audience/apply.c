/*-------------------------------------------------------------------------
 *
 * apply.c
 *	  Which audiences does a profile enter or leave when its row changes?
 *
 *		before	total_spend 480, city Aarhus
 *		after	total_spend 540, city Aarhus
 *
 *		index	{vip, lapsed_vip} have a condition that differs
 *		filter	vip: false -> true				lapsed_vip: false -> false
 *		toggle	(audience vip, ord 17, entered)
 *
 * And by time alone, when it finds that the profile was due:
 *
 *		wake_at 1 June	1 June 12:30	frequent leaves	(at 12:30, cause time)
 *						27 July 09:15	lapsed enters	(at 09:15)
 *						3 August		nothing yet: that is the next wake_at
 *
 * The toggles of a statement are collected and inserted together, when it has
 * visited all its profiles; nobody else sees them before its transaction
 * commits.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/indexing.h"
#include "common/hashfn.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "audience/audience_private.h"
#include "base/base.h"

SEGMENT_FUNCTION(segment_filters_evaluated);

/* Toggles that are collected before they are inserted. */
#define MOST_COLLECTED	500

struct AudienceWriter
{
	const Population *population;
	AudienceIndex *index;
	Relation	toggles;		/* NULL until the first toggle */
	CatalogIndexState indexes;
	MemoryContext keys;			/* of the toggles that are collected */
	Datum		event;			/* causes */
	Datum		time;
	Datum		transaction;	/* number of this one */
	TupleTableSlot **collected;
	int			ncollected;
	int			nslots;

	/* of audiences whose members nobody keeps, if that is known */
	bool		suspended_known;
	List	   *suspended;		/* their numbers */
	List	   *ended;			/* Change *: profiles that ended */
};

/* What happens to a profile. */
typedef struct Change
{
	Datum		ord;
	Datum		key;
	bool		existed;
	bool		exists;
	TimestampTz at;
	bool		by_time;		/* else by an event */
} Change;

static uint64 filters_evaluated = 0;

static void put_toggles(AudienceWriter *writer, const Change *change,
						const int *touched, int count);
static void put_toggle(AudienceWriter *writer, const Change *change,
					   int32 definition_id, bool entered);
static Change change_of(const AudienceWriter *writer, TupleTableSlot *row);
static List *suspended_of(const Population *population);
static void note_ended(AudienceWriter *writer, const Change *change);
static void leave_suspended(AudienceWriter *writer);
static int64 transaction_number(void);
static void insert_collected(AudienceWriter *writer);

/* filters_evaluated(): by this session, for captured events and time that passes */
Datum
segment_filters_evaluated(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64((int64) filters_evaluated);
}

AudienceWriter *
audience_open(const Population *population)
{
	AudienceWriter *writer;
	List	   *suspended = NIL;

	audience_suspend(population, NIL);
	if (!audience_any_stored(population))
	{
		suspended = suspended_of(population);
		if (suspended == NIL)
			return NULL;
	}
	writer = palloc0(sizeof(AudienceWriter));
	writer->population = population;
	writer->index = audience_index(population);
	writer->suspended = suspended;
	writer->suspended_known = (suspended != NIL);
	return writer;
}

const char *
audience_asked(const AudienceWriter *writer)
{
	return audience_asked_of(writer->index);
}

TimestampTz
audience_decided_at(const AudienceWriter *writer)
{
	return audience_tables(writer->population)->decided_at;
}

/*
 * The row is the same, the instant is not.  Until the profile was due all filters
 * were as they are just before.
 */
TimestampTz
audience_catch_up(AudienceWriter *writer, TupleTableSlot *row, TimestampTz until)
{
	Change		change = change_of(writer, row);
	const int  *touched;
	TimestampTz at;
	int			count;

	change.existed = change.exists = change.by_time = true;
	audience_watch(writer->index, row,
				   profile_wake_at(writer->population, row) - 1);
	while ((count = audience_turned(writer->index, row, until, &at, &touched)) >= 0)
	{
		change.at = at;
		put_toggles(writer, &change, touched, count);
	}
	return at;
}

void
audience_apply(AudienceWriter *writer, TupleTableSlot *before, bool existed,
			   TupleTableSlot *after, bool exists, TimestampTz at)
{
	Change		change = change_of(writer, exists ? after : before);
	const int  *touched;
	int			count;

	change.existed = existed;
	change.exists = exists;
	change.at = at;
	count = audience_touched(writer->index, before, after, existed != exists,
							 at, &touched);
	put_toggles(writer, &change, touched, count);
	if (!exists)
		note_ended(writer, &change);
}

static Change
change_of(const AudienceWriter *writer, TupleTableSlot *row)
{
	const Population *population = writer->population;
	Change		change = {0};

	change.ord = Int64GetDatum(profile_ord(population, row));
	change.key = profile_key(population, row);
	return change;
}

TimestampTz
audience_wake_at(AudienceWriter *writer, TupleTableSlot *row, TimestampTz at,
				 TimestampTz wake_at, bool changed)
{
	return audience_wakes(writer->index, row, at, wake_at, changed);
}

bool
audience_close(AudienceWriter *writer)
{
	bool		toggled;

	leave_suspended(writer);
	toggled = (writer->toggles != NULL);
	insert_collected(writer);
	for (int i = 0; i < writer->nslots; i++)
		ExecDropSingleTupleTableSlot(writer->collected[i]);
	if (writer->toggles != NULL)
	{
		CatalogCloseIndexes(writer->indexes);
		table_close(writer->toggles, NoLock);
		MemoryContextDelete(writer->keys);
	}
	pfree(writer);
	return toggled;
}

/* Of the filters that the change may touch, those that it does. */
static void
put_toggles(AudienceWriter *writer, const Change *change, const int *touched,
			int count)
{
	for (int i = 0; i < count; i++)
	{
		bool		was = change->existed && audience_held(writer->index, touched[i]);
		bool		is = change->exists && audience_holds(writer->index, touched[i]);

		if (was != is)
			put_toggle(writer, change,
					   audience_definition(writer->index, touched[i]), is);
	}
	filters_evaluated += count * (change->existed + change->exists);
}

static void
put_toggle(AudienceWriter *writer, const Change *change, int32 definition_id,
		   bool entered)
{
	const Population *population = writer->population;
	TupleTableSlot *slot;
	MemoryContext old;

	if (writer->toggles == NULL)
	{
		/* the caller is in a context that goes with each profile */
		old = MemoryContextSwitchTo(GetMemoryChunkContext(writer));
		writer->toggles = storage_open(population, true, RowExclusiveLock);
		writer->indexes = CatalogOpenIndexes(writer->toggles);
		writer->keys = AllocSetContextCreate(CurrentMemoryContext,
											 "segment toggles",
											 ALLOCSET_SMALL_SIZES);
		writer->event = CStringGetTextDatum(CAUSE_EVENT);
		writer->time = CStringGetTextDatum(CAUSE_TIME);
		writer->transaction = Int64GetDatum(transaction_number());
		writer->collected = palloc(sizeof(TupleTableSlot *) * MOST_COLLECTED);
		MemoryContextSwitchTo(old);
	}
	if (writer->ncollected == MOST_COLLECTED)
		insert_collected(writer);
	if (writer->ncollected == writer->nslots)
	{
		old = MemoryContextSwitchTo(GetMemoryChunkContext(writer));
		writer->collected[writer->nslots++] =
			MakeSingleTupleTableSlot(RelationGetDescr(writer->toggles),
									 &TTSOpsHeapTuple);
		MemoryContextSwitchTo(old);
	}

	slot = writer->collected[writer->ncollected++];
	ExecClearTuple(slot);
	memset(slot->tts_isnull, false, sizeof(bool) * TOGGLE_COLUMNS);
	slot->tts_values[TOGGLE_ORD - 1] = change->ord;
	slot->tts_values[TOGGLE_AT - 1] = TimestampTzGetDatum(change->at);
	slot->tts_values[TOGGLE_TRANSACTION - 1] = writer->transaction;
	slot->tts_values[TOGGLE_AUDIENCE - 1] = Int32GetDatum(definition_id);
	slot->tts_values[TOGGLE_ENTERED - 1] = BoolGetDatum(entered);
	slot->tts_values[TOGGLE_CAUSE - 1] =
		change->by_time ? writer->time : writer->event;
	old = MemoryContextSwitchTo(writer->keys);
	slot->tts_values[TOGGLE_KEY - 1] =
		profile_key_copy(population, change->key);
	MemoryContextSwitchTo(old);
	ExecStoreVirtualTuple(slot);
}

/* ---- audiences whose members nobody keeps ---- */

static List *
suspended_of(const Population *population)
{
	List	   *suspended = NIL;
	ListCell   *lc;

	foreach(lc, audience_list(population))
	{
		const Audience *audience = lfirst(lc);

		if (!audience->stored &&
			storage_suspended(population, audience->definition_id))
			suspended = lappend_int(suspended, audience->definition_id);
	}
	return suspended;
}

/* Of which of them it was a member is asked for all that ended together. */
static void
note_ended(AudienceWriter *writer, const Change *change)
{
	MemoryContext old = MemoryContextSwitchTo(GetMemoryChunkContext(writer));

	if (!writer->suspended_known)
		writer->suspended = suspended_of(writer->population);
	writer->suspended_known = true;
	if (writer->suspended != NIL)
	{
		Change	   *ended = palloc(sizeof(Change));

		*ended = *change;
		ended->key = profile_key_copy(writer->population, change->key);
		writer->ended = lappend(writer->ended, ended);
	}
	MemoryContextSwitchTo(old);
}

/*
 * Who was told to be a member has left, whatever the filter would say.  All
 * profiles that ended are locked by now, so that nobody else toggles them.
 */
static void
leave_suspended(AudienceWriter *writer)
{
	Snapshot	snapshot;
	ListCell   *definition_id;
	ListCell   *lc;

	if (writer->ended == NIL)
		return;
	snapshot = RegisterSnapshot(GetLatestSnapshot());
	foreach(definition_id, writer->suspended)
	{
		bool		damaged = false;
		MemberSet  *told = storage_read_last(writer->population,
											 lfirst_int(definition_id), snapshot,
											 &damaged);

		foreach(lc, writer->ended)
		{
			const Change *ended = lfirst(lc);

			CHECK_FOR_INTERRUPTS();
			if (members_contain(told, DatumGetInt64(ended->ord)))
				put_toggle(writer, ended, lfirst_int(definition_id), false);
		}
	}
	UnregisterSnapshot(snapshot);
}

/*
 * A number for the top-level transaction, by which the fold knows what one
 * transaction did.  Toggles may be folded after a dump was restored, or after
 * pg_upgrade, where the server's numbers of transactions begin anew.  So the
 * cluster is part of what is hashed, and two transactions have the same number
 * only by a chance of 2^-64.
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

static void
insert_collected(AudienceWriter *writer)
{
	if (writer->ncollected == 0)
		return;
	CatalogTuplesMultiInsertWithInfo(writer->toggles, writer->collected,
									 writer->ncollected, writer->indexes);
	writer->ncollected = 0;
	MemoryContextReset(writer->keys);
}
