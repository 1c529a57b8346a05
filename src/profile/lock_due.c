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
 * A caller that stops in the middle is told the earliest wake_at of those that
 * are left: 'from'.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/tableam.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "utils/rel.h"

#include "profile/table.h"

/* The most profiles of a portion. */
#define PORTION		65536

/* A profile that is due, as the scan has found it. */
typedef struct DueProfile
{
	ItemPointerData tid;
	TimestampTz wake_at;
	TimestampTz from;			/* where to go on after it */
} DueProfile;

struct DuePortion
{
	DueScan    *scan;			/* in the order of wake_at */
	bool		scanned;		/* has it come to its end? */
	int			count;
	int			next;			/* the profile to be locked next */
	int			room;
	DueProfile *profiles;		/* in the order of pages */
};

static DuePortion *portion_create(ProfileTable *table, TimestampTz from,
								  TimestampTz at);
static void portion_fill(ProfileTable *table, int64 most);
static int	compare_tids(const void *a, const void *b);

/*
 * The scan shows a row as it was when the table was opened.  The locked row is
 * as it is now, and may be due no more.  No row that the scan has shown is
 * removed meanwhile, as the table's snapshot still shows it.
 */
TupleTableSlot *
profile_lock_due(ProfileTable *table, TimestampTz *from, TimestampTz at,
				 int64 most, bool wait)
{
	MemoryContext old = MemoryContextSwitchTo(table->context);
	DuePortion *portion;
	bool		found = false;

	if (table->due == NULL)
		table->due = portion_create(table, *from, at);
	portion = table->due;
	while (!found)
	{
		DueProfile *profile;
		TM_FailureData failure;
		TM_Result	result;

		CHECK_FOR_INTERRUPTS();
		if (portion->next == portion->count)
			portion_fill(table, most);
		if (portion->count == 0)
			break;
		profile = &portion->profiles[portion->next++];
		*from = profile->from;
		result = table_tuple_lock(table->relation, &profile->tid,
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
		else if (result != TM_WouldBlock && result != TM_Deleted)
			elog(ERROR, "could not lock the row of a profile");
	}
	MemoryContextSwitchTo(old);
	return found ? table->found : NULL;
}

/* portion_create() begins to find profiles that are due. */
static DuePortion *
portion_create(ProfileTable *table, TimestampTz from, TimestampTz at)
{
	DuePortion *portion = palloc0(sizeof(DuePortion));

	portion->scan = profile_due_begin(table->population, from, at,
									  table->snapshot);
	return portion;
}

void
due_portion_end(DuePortion *portion)
{
	profile_due_end(portion->scan);
	if (portion->profiles != NULL)
		pfree(portion->profiles);
	pfree(portion);
}

/*
 * portion_fill() finds the next portion, of 'most' profiles or less, in the
 * place of the last one.  It is empty if there are no more.
 */
static void
portion_fill(ProfileTable *table, int64 most)
{
	DuePortion *portion = table->due;
	int			wanted = (int) Min(most, PORTION);
	TimestampTz from;

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
		TupleTableSlot *row = profile_due_next(portion->scan);
		DueProfile *profile = &portion->profiles[portion->count];

		CHECK_FOR_INTERRUPTS();
		portion->scanned = row == NULL;
		if (row == NULL)
			break;
		profile->tid = row->tts_tid;
		profile->wake_at = profile_wake_at(table->population, row);
		portion->count++;
	}
	if (portion->count == 0)
		return;

	/* after the last one the scan goes on where it has stopped */
	from = portion->profiles[portion->count - 1].wake_at;
	qsort(portion->profiles, portion->count, sizeof(DueProfile), compare_tids);
	for (int i = portion->count - 1; i >= 0; i--)
	{
		portion->profiles[i].from = from;
		from = Min(from, portion->profiles[i].wake_at);
	}
}

/* compare_tids() is the order of pages, for qsort(). */
static int
compare_tids(const void *a, const void *b)
{
	return ItemPointerCompare(&((DueProfile *) unconstify(void *, a))->tid,
							  &((DueProfile *) unconstify(void *, b))->tid);
}
