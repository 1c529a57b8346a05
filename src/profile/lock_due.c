/*-------------------------------------------------------------------------
 *
 * lock_due.c
 *	  Lock the profiles that are due, one after the other.
 *
 * The index on wake_at returns them in an order in which each is on another
 * page of the base table.  Whoever writes them in that order reads, dirties
 * and logs every page many times.  So they are found in portions, and each
 * portion is locked in the order of pages:
 *
 *		found	09:30 page 7	09:31 page 2	09:35 page 7	09:40 page 4
 *		locked	09:31 page 2	09:40 page 4	09:30 page 7	09:35 page 7
 *		from	09:30			09:30			09:35			09:40
 *
 * A portion is found by the index alone, and of each profile the row is read
 * when it is locked: most are on the page of the one before.  The row may be
 * gone by then, or not be due any more; it is passed over then.
 *
 * A caller that stops in the middle is told the earliest wake_at of those that
 * are left: 'from'.  If the same session goes on there in another transaction,
 * it goes on with the rest of the portion: a worker sweeps a portion in many
 * short transactions.  If the place of such a row has been taken by another
 * profile meanwhile, it is that profile's wake_at that is looked at.
 *
 * After the rest of a portion the index is scanned from the latest wake_at in
 * it.  Where many are due at that instant, such as a midnight, those that the
 * command has written by then are found again, and passed over, too.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "profile/table.h"

/*
 * The most profiles of a portion; but who asks for less than MANY gets no more
 * than that, in which there would be few of a page.
 */
#define PORTION		65536
#define MANY		100

/* A profile that is due, as the scan has found it. */
typedef struct DueProfile
{
	ItemPointerData tid;
	TimestampTz wake_at;
	TimestampTz from;			/* where to go on after it */
} DueProfile;

struct DuePortion
{
	DueScan    *scan;			/* in the order of wake_at; NULL before it is
								 * needed */
	TimestampTz from;			/* where that begins */
	bool		scanned;		/* has it come to its end? */
	int			count;
	int			next;			/* the profile to be locked next */
	int			room;
	DueProfile *profiles;		/* in the order of pages */
	IndexFetchTableData *fetch;
};

/* What is left of the last portion of this session. */
typedef struct KeptPortion
{
	Oid			base;			/* the population's base table */
	TimestampTz from;			/* the earliest wake_at of it */
	int			count;			/* 0: nothing */
	DueProfile *profiles;		/* in the order of pages */
} KeptPortion;

static KeptPortion kept;

static DuePortion *portion_create(ProfileTable *table, TimestampTz from);
static void portion_take_kept(DuePortion *portion, Relation base);
static void portion_fill(ProfileTable *table, TimestampTz at, int64 most);
static bool fetch_row(IndexFetchTableData *fetch, const DueProfile *profile,
					  Snapshot snapshot, TupleTableSlot *row);

/* row_position() is what the order of pages is the order of. */
static inline uint64
row_position(const ItemPointerData *tid)
{
	return (uint64) tid->ip_blkid.bi_hi << 32 |
		(uint64) tid->ip_blkid.bi_lo << 16 | tid->ip_posid;
}

/* sort_profiles() sorts by page: much of what it takes to find a portion. */
#define ST_SORT sort_profiles
#define ST_ELEMENT_TYPE DueProfile
#define ST_COMPARE(a, b) \
	(row_position(&(a)->tid) < row_position(&(b)->tid) ? -1 : \
	 row_position(&(a)->tid) > row_position(&(b)->tid))
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

/*
 * The index shows a row as it was when the table was opened, or the portion
 * was found.  The locked row is as it is now, and may be due no more.
 */
TupleTableSlot *
profile_lock_due(ProfileTable *table, TimestampTz *from, TimestampTz at,
				 int64 most, bool wait)
{
	MemoryContext old = MemoryContextSwitchTo(table->context);
	DuePortion *portion;
	bool		found = false;

	if (table->due == NULL)
		table->due = portion_create(table, *from);
	portion = table->due;
	while (!found)
	{
		DueProfile *profile;
		TM_FailureData failure;
		TM_Result	result;

		CHECK_FOR_INTERRUPTS();
		if (portion->next == portion->count)
			portion_fill(table, at, most);
		if (portion->count == 0)
			break;
		profile = &portion->profiles[portion->next++];
		*from = profile->from;
		if (!fetch_row(portion->fetch, profile, table->snapshot,
					   table->found))
			continue;
		result = table_tuple_lock(table->relation, &table->found->tts_tid,
								  table->snapshot, table->found,
								  GetCurrentCommandId(false),
								  LockTupleNoKeyExclusive,
								  wait ? LockWaitBlock : LockWaitSkip,
								  TUPLE_LOCK_FLAG_FIND_LAST_VERSION, &failure);
		if (result == TM_Ok)
		{
			slot_getallattrs(table->found);
			found = profile_wake_at(table->population, table->found) <= at;
		}
		else if (result != TM_WouldBlock && result != TM_Deleted &&
				 result != TM_SelfModified)
			elog(ERROR, "could not lock the row of a profile");
	}
	MemoryContextSwitchTo(old);
	return found ? table->found : NULL;
}

/*
 * fetch_row() reads the row to which an entry of the index leads; false if the
 * snapshot shows none there.
 */
static bool
fetch_row(IndexFetchTableData *fetch, const DueProfile *profile,
		  Snapshot snapshot, TupleTableSlot *row)
{
	ItemPointerData tid = profile->tid;
	bool		again = false;

	return table_index_fetch_tuple(fetch, &tid, snapshot, row, &again, NULL);
}

/* portion_create() begins to find profiles that are due. */
static DuePortion *
portion_create(ProfileTable *table, TimestampTz from)
{
	DuePortion *portion = palloc0(sizeof(DuePortion));

	portion->from = from;
	portion->fetch = table_index_fetch_begin(table->relation);
	portion_take_kept(portion, table->relation);
	return portion;
}

/*
 * portion_take_kept() goes on with what is kept, if that begins at 'from'.  A
 * vacuum may have cut pages off the end of the table meanwhile.
 */
static void
portion_take_kept(DuePortion *portion, Relation base)
{
	BlockNumber pages;

	if (kept.count == 0 || kept.base != RelationGetRelid(base) ||
		kept.from != portion->from)
		return;
	pages = RelationGetNumberOfBlocks(base);
	portion->from = kept.profiles[kept.count - 1].from;
	while (kept.count > 0 &&
		   ItemPointerGetBlockNumber(&kept.profiles[kept.count - 1].tid) >=
		   pages)
		kept.count--;
	portion->count = portion->room = kept.count;
	portion->profiles = palloc(sizeof(DueProfile) * Max(kept.count, 1));
	memcpy(portion->profiles, kept.profiles,
		   sizeof(DueProfile) * kept.count);
	kept.count = 0;
}

void
due_portion_end(ProfileTable *table)
{
	DuePortion *portion = table->due;
	int			left = portion->count - portion->next;

	if (left > 0)
	{
		if (kept.profiles == NULL)
			kept.profiles = MemoryContextAlloc(TopMemoryContext,
											   sizeof(DueProfile) * PORTION);
		memcpy(kept.profiles, portion->profiles + portion->next,
			   sizeof(DueProfile) * left);
		kept.base = RelationGetRelid(table->relation);
		kept.from = portion->profiles[portion->next - 1].from;
		kept.count = left;
	}
	if (portion->scan != NULL)
		profile_due_end(portion->scan);
	table_index_fetch_end(portion->fetch);
	if (portion->profiles != NULL)
		pfree(portion->profiles);
	pfree(portion);
}

int64
profile_count_kept(const Population *population, Snapshot snapshot,
				   TimestampTz at, int64 most)
{
	Oid			base = population_store(population)->base;
	Relation	relation;
	IndexFetchTableData *fetch;
	TupleTableSlot *row;
	BlockNumber pages;
	int64		count = 0;

	if (kept.base != base || kept.count == 0)
		return 0;
	relation = table_open(base, AccessShareLock);
	fetch = table_index_fetch_begin(relation);
	row = table_slot_create(relation, NULL);
	pages = RelationGetNumberOfBlocks(relation);
	for (int i = 0; i < kept.count && count < most; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (ItemPointerGetBlockNumber(&kept.profiles[i].tid) < pages &&
			fetch_row(fetch, &kept.profiles[i], snapshot, row) &&
			profile_wake_at(population, row) <= at)
			count++;
	}
	ExecDropSingleTupleTableSlot(row);
	table_index_fetch_end(fetch);
	table_close(relation, AccessShareLock);
	return count;
}

/*
 * portion_fill() finds the next portion in the place of the last one, for a
 * caller that goes on with 'most' profiles.  It is empty if there are no more.
 */
static void
portion_fill(ProfileTable *table, TimestampTz at, int64 most)
{
	DuePortion *portion = table->due;
	int			wanted = most < MANY ? (int) most : PORTION;
	TimestampTz from;

	if (portion->scan == NULL)
		portion->scan = profile_due_begin(table->population, portion->from, at,
										  table->snapshot);
	if (portion->room < wanted)
	{
		if (portion->profiles != NULL)
			pfree(portion->profiles);
		portion->profiles = palloc(sizeof(DueProfile) * wanted);
		portion->room = wanted;
	}
	portion->count = portion->next = 0;
	while (portion->count < wanted && !portion->scanned)
	{
		DueProfile *profile = &portion->profiles[portion->count];

		CHECK_FOR_INTERRUPTS();
		if (profile_due_next_tid(portion->scan, &profile->tid,
								 &profile->wake_at))
			portion->count++;
		else
			portion->scanned = true;
	}
	if (portion->count == 0)
		return;

	/* after the last one the scan goes on where it has stopped */
	from = portion->profiles[portion->count - 1].wake_at;
	sort_profiles(portion->profiles, portion->count);
	for (int i = portion->count - 1; i >= 0; i--)
	{
		portion->profiles[i].from = from;
		from = Min(from, portion->profiles[i].wake_at);
	}
}
