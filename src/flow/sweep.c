/*-------------------------------------------------------------------------
 *
 * sweep.c
 *	  Time has passed: which profiles did it make enter or leave?
 *
 *		wake_at <= now ─► row locked ─► led through its due instants in order
 *			─► toggles, each at its instant ─► the next wake_at, row written
 *
 * Nothing is wrong if no sweep ever runs: a question evaluates the profiles
 * that are due, and an event of a due profile catches up with time before it
 * applies itself.  Questions only get slower, and the feed gets these
 * transitions later.
 *
 * The result does not depend on when a sweep runs.  A definition sweeps first,
 * so that earlier changes are decided by the earlier definition.
 *
 * Those that are due first are swept first, but within a batch they are taken
 * in the order of their pages (profile/lock_due.c): toggles carry their
 * instants, and a fold puts them in order.
 *
 * A tick and the worker pass over rows that others have locked, and come to
 * them next time: they wait for no session, and as their transactions are
 * short, no session waits long for them.
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

#include "base/base.h"
#include "flow/flow_private.h"
#include "flow/visit.h"

/* Where the next sweep with a budget of a population continues. */
typedef struct Resume
{
	Oid			base;			/* hash key: the population's base table */
	TimestampTz from;
} Resume;

/* For the life of the session; NULL before the first. */
static HTAB *resume_points = NULL;

static void sweep_profile(const Visitor *visitor, TupleTableSlot *row);

int64
sweep(const Population *population, int64 most, int milliseconds, bool wait,
	  TimestampTz *from)
{
	TimestampTz begun = GetCurrentTimestamp();
	int64		swept = 0;
	Visitor		visitor;

	visit_begin(&visitor, population);
	while ((most <= 0 || swept < most) &&
		   (milliseconds <= 0 ||
			!TimestampDifferenceExceeds(begun, GetCurrentTimestamp(),
										milliseconds)))
	{
		TupleTableSlot *row = profile_lock_due(visitor.table, from,
											   visitor.now, most <= 0 ?
											   PG_INT64_MAX : most - swept,
											   wait);

		if (row == NULL)
		{
			*from = DT_NOEND;
			break;
		}
		visit_enter(&visitor, profile_key(population, row));
		sweep_profile(&visitor, row);
		visit_leave(&visitor);
		swept++;
	}
	(void) visit_end(&visitor);
	return swept;
}

/* sweep_profile() leads a due profile up to now, and writes its row. */
static void
sweep_profile(const Visitor *visitor, TupleTableSlot *row)
{
	TupleTableSlot *after = profile_edit(visitor->table);
	TimestampTz wake_at = DT_NOEND;
	TimestampTz at;

	at = visit_instant(visitor, after);
	if (visitor->audiences != NULL)
		wake_at = visit_catch_up(visitor, row, at);
	profile_set_wake_at(visitor->population, after, wake_at);
	profile_update(visitor->table);
}

void
sweep_all(const Population *population)
{
	TimestampTz from = DT_NOBEGIN;

	(void) sweep(population, 0, 0, true, &from);
}

void
sweep_all_or_warn(const Population *population)
{
	MemoryContext memory = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;

	BeginInternalSubTransaction(NULL);
	PG_TRY();
	{
		sweep_all(population);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(memory);
		error = CopyErrorData();
		FlushErrorState();
		/* end our subtransaction before a caller ends the next one */
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(memory);
		CurrentResourceOwner = owner;
		if (!error_is_of_data(error->sqlerrcode))
			ReThrowError(error);
		ereport(WARNING,
				(errmsg("changes by time in population \"%s\" are recorded as "
						"if they had happened now",
						population->name),
				 errdetail("Profiles that are due could not be read: %s.",
						   error->message)));
	}
	PG_END_TRY();
	MemoryContextSwitchTo(memory);
	CurrentResourceOwner = owner;
}

TimestampTz *
sweep_resume(const Population *population)
{
	Resume	   *resume;
	bool		found;

	if (resume_points == NULL)
	{
		HASHCTL		ctl = {
			.keysize = sizeof(Oid),
			.entrysize = sizeof(Resume),
		};

		resume_points = hash_create("segment resume points of sweeps", 8, &ctl,
									HASH_ELEM | HASH_BLOBS);
	}
	resume = hash_search(resume_points, &population->oid, HASH_ENTER, &found);
	if (!found)
		resume->from = DT_NOBEGIN;
	return &resume->from;
}

void
sweep_forget_resume(void)
{
	HASH_SEQ_STATUS scan;
	Resume	   *resume;

	if (resume_points == NULL)
		return;
	hash_seq_init(&scan, resume_points);
	while ((resume = hash_seq_search(&scan)) != NULL)
		resume->from = DT_NOBEGIN;
}

int64
count_due(const Population *population, TimestampTz from)
{
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	TimestampTz now = clock_now();
	DueScan    *scan;
	int64		count;

	/* many are most often found already, and lie beside each other */
	count = profile_count_kept(population, snapshot, now, MOST_COUNTED);
	if (count < MOST_COUNTED)
	{
		count = 0;
		scan = profile_due_begin(population, from, now, snapshot);
		while (count < MOST_COUNTED && profile_due_next(scan) != NULL)
		{
			CHECK_FOR_INTERRUPTS();
			count++;
		}
		profile_due_end(scan);
	}
	UnregisterSnapshot(snapshot);
	return count;
}
