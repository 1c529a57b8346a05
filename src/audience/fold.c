/*-------------------------------------------------------------------------
 *
 * fold.c
 *	  From the toggles of many events to bitmaps, and to what is to be told.
 *
 *		toggles		vip		17 entered 12:00	40 entered 12:01	17 left 12:02
 *		chunk		vip		{}
 *
 *		chunk		vip		{40}
 *		told		17 entered vip, 40 entered vip, 17 left vip
 *
 * The toggles that are visible are deleted, flipped in the chunks and handed to
 * the caller in the order in which they happened, in one transaction: whoever
 * reads sees it all before or all after.  What a transaction that is still
 * open has toggled waits for the next fold.
 *
 * The order of a profile's toggles is that of their times, which never run
 * backwards for one profile.  Where one transaction, or a clock that stands
 * still, let it enter and leave at the same instant, entering and leaving
 * alternate, and the chunk tells with which of them it begins.
 *
 * The caller holds the storage lock.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "audience/audience_private.h"
#include "base/base.h"

/* A toggle, as it was read. */
typedef struct Toggle
{
	ItemPointerData tid;
	int64		ord;
	TimestampTz at;
	int32		audience;
	bool		entered;
	const char *cause;
	char	   *key;
	int64		place;			/* among those of the same instant */
} Toggle;

static Toggle *read_toggles(Relation relation, const Population *population,
							Snapshot snapshot, int64 *count);
static void mend_times(Toggle *toggles, int64 count);
static int64 cut(Toggle *toggles, int64 count, int64 most);
static void fold_chunks(const Population *population, Snapshot snapshot,
						Toggle *toggles, int64 count, bool passing);
static void guess_members(MemberSet *before, const Toggle *toggles, int count);
static void order_ties(const MemberSet *before, Toggle *toggles, int count);
static int	compare_by_key(const void *a, const void *b);
static int	compare_by_time(const void *a, const void *b);
static int	compare_by_chunk(const void *a, const void *b);

int64
audience_fold(const Population *population, int64 most, bool passing,
			  AudienceSink sink, void *context)
{
	MemoryContext memory;
	MemoryContext old;
	Relation	relation;
	Snapshot	snapshot;
	Toggle	   *toggles;
	int64		count;

	if (!OidIsValid(audience_tables(population)->toggles))
		return 0;
	memory = AllocSetContextCreate(CurrentMemoryContext, "segment fold",
								   ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(memory);
	relation = storage_open(population, true, RowExclusiveLock);
	snapshot = RegisterSnapshot(GetLatestSnapshot());
	toggles = read_toggles(relation, population, snapshot, &count);
	mend_times(toggles, count);
	count = cut(toggles, count, most);
	for (int64 i = 0; i < count; i++)
		simple_heap_delete(relation, &toggles[i].tid);
	if (count > 0)
	{
		qsort(toggles, count, sizeof(Toggle), compare_by_chunk);
		fold_chunks(population, snapshot, toggles, count, passing);
		qsort(toggles, count, sizeof(Toggle), compare_by_time);
	}
	for (int64 i = 0; i < count; i++)
	{
		const Audience *audience = audience_by_number(population,
													  toggles[i].audience);
		AudienceChange change;

		if (audience == NULL)
			continue;
		change.audience = audience->name;
		change.key = toggles[i].key;
		change.entered = toggles[i].entered;
		change.at = toggles[i].at;
		change.cause = toggles[i].cause;
		sink(&change, context);
	}
	UnregisterSnapshot(snapshot);
	table_close(relation, NoLock);
	CommandCounterIncrement();
	MemoryContextSwitchTo(old);
	MemoryContextDelete(memory);
	return count;
}

int64
audience_pending(const Population *population, int64 most)
{
	Relation	relation;
	Snapshot	snapshot;
	TableScanDesc scan;
	TupleTableSlot *slot;
	int64		count = 0;

	if (!OidIsValid(audience_tables(population)->toggles))
		return 0;
	relation = storage_open(population, true, AccessShareLock);
	snapshot = RegisterSnapshot(GetLatestSnapshot());
	slot = table_slot_create(relation, NULL);
	scan = table_beginscan(relation, snapshot, 0, NULL);
	while (count < most && table_scan_getnextslot(scan, ForwardScanDirection, slot))
		count++;
	table_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	UnregisterSnapshot(snapshot);
	table_close(relation, AccessShareLock);
	return count;
}

static Toggle *
read_toggles(Relation relation, const Population *population,
			 Snapshot snapshot, int64 *count)
{
	TupleTableSlot *slot = table_slot_create(relation, NULL);
	TableScanDesc scan = table_beginscan(relation, snapshot, 0, NULL);
	int64		space = 1024;
	Toggle	   *toggles = palloc(sizeof(Toggle) * space);
	Oid			output;
	bool		varlena;

	getTypeOutputInfo(population->key_type, &output, &varlena);
	*count = 0;
	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		Toggle	   *toggle;

		CHECK_FOR_INTERRUPTS();
		if (*count == space)
		{
			space *= 2;
			toggles = repalloc_huge(toggles, sizeof(Toggle) * space);
		}
		toggle = &toggles[(*count)++];
		slot_getallattrs(slot);
		toggle->tid = slot->tts_tid;
		toggle->ord = DatumGetInt64(slot->tts_values[TOGGLE_ORD - 1]);
		toggle->at = DatumGetTimestampTz(slot->tts_values[TOGGLE_AT - 1]);
		toggle->audience = DatumGetInt32(slot->tts_values[TOGGLE_AUDIENCE - 1]);
		toggle->entered = DatumGetBool(slot->tts_values[TOGGLE_ENTERED - 1]);
		toggle->cause = TextDatumGetCString(slot->tts_values[TOGGLE_CAUSE - 1]);
		toggle->key = OidOutputFunctionCall(output,
											slot->tts_values[TOGGLE_KEY - 1]);
		toggle->place = 0;
	}
	table_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	return toggles;
}

/*
 * A customer whose profile ended and began anew is another profile, with a
 * higher ord, and the clock of the transaction that made it may lag behind:
 * nothing of it happened before the end of the other.
 */
static void
mend_times(Toggle *toggles, int64 count)
{
	if (count > 1)
		qsort(toggles, count, sizeof(Toggle), compare_by_key);
	for (int64 i = 1; i < count; i++)
		if (toggles[i].at < toggles[i - 1].at &&
			strcmp(toggles[i].key, toggles[i - 1].key) == 0)
			toggles[i].at = toggles[i - 1].at;
}

/*
 * The first 'most' of them by time (all if 0), and those that happened at the
 * same time as the last: sorted, how many they are.
 */
static int64
cut(Toggle *toggles, int64 count, int64 most)
{
	if (most <= 0 || count <= most)
		return count;
	qsort(toggles, count, sizeof(Toggle), compare_by_time);
	while (most < count && toggles[most].at == toggles[most - 1].at &&
		   toggles[most].ord == toggles[most - 1].ord)
		most++;
	return most;
}

/* Toggles sorted by chunk, and by time within it: flip them. */
static void
fold_chunks(const Population *population, Snapshot snapshot,
			Toggle *toggles, int64 count, bool passing)
{
	Relation	relation = storage_open(population, false, RowExclusiveLock);
	CatalogIndexState indexes = CatalogOpenIndexes(relation);
	MemoryContext memory = AllocSetContextCreate(CurrentMemoryContext,
												 "segment chunk",
												 ALLOCSET_DEFAULT_SIZES);

	for (int64 i = 0, next; i < count; i = next)
	{
		int64		chunk = CHUNK_OF(toggles[i].ord);
		MemoryContext old;
		MemberSet  *before;
		int64	   *ords;

		CHECK_FOR_INTERRUPTS();
		for (next = i + 1; next < count; next++)
			if (toggles[next].audience != toggles[i].audience ||
				CHUNK_OF(toggles[next].ord) != chunk)
				break;
		if (audience_by_number(population, toggles[i].audience) == NULL)
			continue;

		old = MemoryContextSwitchTo(memory);
		ords = palloc(sizeof(int64) * (next - i));
		for (int64 j = i; j < next; j++)
			ords[j - i] = toggles[j].ord;
		before = members_create();
		if (!storage_flip(relation, indexes, snapshot, toggles[i].audience, chunk,
						  before, ords, next - i, passing))
			guess_members(before, &toggles[i], next - i);
		order_ties(before, &toggles[i], next - i);
		for (int64 j = i; j < next; j++)
			toggles[j].place = j;
		MemoryContextSwitchTo(old);
		MemoryContextReset(memory);
	}
	MemoryContextDelete(memory);
	CatalogCloseIndexes(indexes);
	table_close(relation, NoLock);
}

/*
 * A chunk that cannot be read: who must have been a member, for these toggles
 * to have come?
 */
static void
guess_members(MemberSet *before, const Toggle *toggles, int count)
{
	for (int i = 0, next; i < count; i = next)
	{
		int			sum = 0;

		for (next = i; next < count && toggles[next].ord == toggles[i].ord; next++)
			sum += toggles[next].entered ? 1 : -1;
		if (sum < 0 || (sum == 0 && !toggles[i].entered))
			members_add(before, toggles[i].ord);
	}
}

/*
 * Toggles of one chunk, sorted by profile and time: make entering and leaving
 * alternate.
 */
static void
order_ties(const MemberSet *before, Toggle *toggles, int count)
{
	bool		member = false;

	for (int i = 0; i < count; i++)
	{
		if (i == 0 || toggles[i].ord != toggles[i - 1].ord)
			member = members_contain(before, toggles[i].ord);
		if (toggles[i].entered == member)
			for (int j = i + 1; j < count; j++)
			{
				Toggle		swap = toggles[i];

				if (toggles[j].ord != swap.ord || toggles[j].at != swap.at)
					break;
				if (toggles[j].entered == member)
					continue;
				toggles[i] = toggles[j];
				toggles[j] = swap;
				break;
			}
		member = toggles[i].entered;
	}
}

static int
compare_by_key(const void *a, const void *b)
{
	const Toggle *left = a;
	const Toggle *right = b;
	int			order = strcmp(left->key, right->key);

	if (order != 0)
		return order;
	if (left->ord != right->ord)
		return left->ord < right->ord ? -1 : 1;
	return left->at < right->at ? -1 : left->at > right->at;
}

/* As they are told: by time, then by profile, then by audience. */
static int
compare_by_time(const void *a, const void *b)
{
	const Toggle *left = a;
	const Toggle *right = b;

	if (left->at != right->at)
		return left->at < right->at ? -1 : 1;
	if (left->ord != right->ord)
		return left->ord < right->ord ? -1 : 1;
	if (left->audience != right->audience)
		return left->audience < right->audience ? -1 : 1;
	return left->place < right->place ? -1 : left->place > right->place;
}

static int
compare_by_chunk(const void *a, const void *b)
{
	const Toggle *left = a;
	const Toggle *right = b;

	if (left->audience != right->audience)
		return left->audience < right->audience ? -1 : 1;
	if (left->ord != right->ord)
		return left->ord < right->ord ? -1 : 1;
	return left->at < right->at ? -1 : left->at > right->at;
}
