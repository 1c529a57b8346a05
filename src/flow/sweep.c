/*-------------------------------------------------------------------------
 *
 * sweep.c
 *	  Time has passed: write down whom it made enter or leave.
 *
 *		wake_at <= now ─► row locked ─► led through its due instants in order
 *			─► toggles, each at its instant ─► the next wake_at, row written
 *
 * Nothing is wrong if nobody ever sweeps: whoever asks evaluates the profiles that
 * are due, and an event on one of them does what is done here before it applies
 * itself.  It only gets slower, and the feed is not told.
 *
 * What is written does not depend on when it is done.  A definition sweeps first,
 * so that what happened before it is decided by what was defined then.
 *
 * Rows that somebody has locked are passed over, they come next time: a sweep
 * waits for nobody, and as long as its transactions are short nobody waits for it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"

#include "audience/audience.h"
#include "base/base.h"
#include "flow/flow.h"
#include "flow/flow_private.h"

/* What it takes to sweep the profiles of a population. */
typedef struct Sweep
{
	const Population *population;
	ProfileTable *table;
	AudienceWriter *audiences;	/* NULL if there are none to be told */
	TimestampTz now;
} Sweep;

/* How far one has come with the profiles of a table. */
typedef struct Place
{
	Oid			base;
	TimestampTz from;
} Place;

static HTAB *places = NULL;

static void sweep_profile(const Sweep *sweep, TupleTableSlot *row);

int64
sweep(const Population *population, int64 most, int milliseconds, bool wait,
	  TimestampTz *from)
{
	Sweep		sweep = {population};
	MemoryContext per_profile;
	MemoryContext old;
	TupleTableSlot *row;
	TimestampTz begun = GetCurrentTimestamp();
	int64		swept = 0;
	Visited		visited;
	ErrorContextCallback callback = {
		.previous = error_context_stack,
		.callback = name_visited,
		.arg = &visited,
	};

	sweep.now = clock_now();
	sweep.table = profile_open(population);
	sweep.audiences = audience_open(population);
	begin_visits(&visited, population, sweep.audiences);
	per_profile = AllocSetContextCreate(CurrentMemoryContext, "segment profile",
										ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(per_profile);
	while ((most <= 0 || swept < most) &&
		   (milliseconds <= 0 ||
			!TimestampDifferenceExceeds(begun, GetCurrentTimestamp(), milliseconds)))
	{
		row = profile_lock_due(sweep.table, from, sweep.now, wait);
		if (row == NULL)
		{
			*from = DT_NOEND;
			break;
		}
		visited.key = profile_key(population, row);
		error_context_stack = &callback;
		sweep_profile(&sweep, row);
		error_context_stack = callback.previous;
		swept++;
		MemoryContextReset(per_profile);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(per_profile);
	if (sweep.audiences != NULL)
		(void) audience_close(sweep.audiences);
	profile_close(sweep.table);
	CommandCounterIncrement();
	return swept;
}

static void
sweep_profile(const Sweep *sweep, TupleTableSlot *row)
{
	const Population *population = sweep->population;
	TupleTableSlot *after = profile_edit(sweep->table);
	TimestampTz wake_at = DT_NOEND;
	TimestampTz at;

	at = instant_of_change(population, sweep->audiences, sweep->now, after);
	if (sweep->audiences != NULL)
		wake_at = audience_catch_up(sweep->audiences, row, at);
	profile_set_wake_at(population, after, wake_at);
	profile_update(sweep->table);
}

void
sweep_all(const Population *population, bool passing)
{
	MemoryContext memory = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	TimestampTz from = DT_NOBEGIN;

	if (!passing)
		(void) sweep(population, 0, 0, true, &from);
	else
	{
		BeginInternalSubTransaction(NULL);
		PG_TRY();
		{
			(void) sweep(population, 0, 0, true, &from);
			ReleaseCurrentSubTransaction();
		}
		PG_CATCH();
		{
			ErrorData  *error;

			MemoryContextSwitchTo(memory);
			error = CopyErrorData();
			FlushErrorState();
			/* end our subtransaction before anybody above ends the next one */
			RollbackAndReleaseCurrentSubTransaction();
			MemoryContextSwitchTo(memory);
			CurrentResourceOwner = owner;
			if (!error_is_of_data(error->sqlerrcode))
				ReThrowError(error);
			ereport(WARNING,
					(errmsg("what time has changed in population \"%s\" is told as if it had happened now",
							population->name),
					 errdetail("Profiles that are due could not be read: %s.",
							   error->message)));
		}
		PG_END_TRY();
		MemoryContextSwitchTo(memory);
		CurrentResourceOwner = owner;
	}
}

TimestampTz *
sweep_place(const Population *population)
{
	Place	   *place;
	bool		found;

	if (places == NULL)
	{
		HASHCTL		ctl = {.keysize = sizeof(Oid), .entrysize = sizeof(Place)};

		places = hash_create("segment places of sweeps", 8, &ctl,
							 HASH_ELEM | HASH_BLOBS);
	}
	place = hash_search(places, &population->oid, HASH_ENTER, &found);
	if (!found)
		place->from = DT_NOBEGIN;
	return &place->from;
}

void
sweep_aborted(void)
{
	HASH_SEQ_STATUS scan;
	Place	   *place;

	if (places == NULL)
		return;
	hash_seq_init(&scan, places);
	while ((place = hash_seq_search(&scan)) != NULL)
		place->from = DT_NOBEGIN;
}

int64
count_due(const Population *population, TimestampTz from)
{
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	DueScan    *scan = profile_due_begin(population, from, clock_now(), snapshot);
	int64		count = 0;

	while (count < MOST_COUNTED && profile_due_next(scan) != NULL)
	{
		CHECK_FOR_INTERRUPTS();
		count++;
	}
	profile_due_end(scan);
	UnregisterSnapshot(snapshot);
	return count;
}
