/*-------------------------------------------------------------------------
 *
 * lock.c
 *	  Take several locks together, without a deadlock.
 *
 * A definition has to exclude readers of a view and of a table, writers of
 * several tables, and a fold.  Other sessions lock these in any order: a
 * reader of two views in the order in which the query names them, a writer of
 * two sources in the order of the statements.  There is no order for our locks
 * that would be the order of all sessions.  So no order is kept: while we wait
 * for one of the locks without a limit, we hold none of the others.
 *
 *		locks wanted		source, view, base table
 *		source				granted
 *		view				granted
 *		base table			another session has it, and wants the view: we
 *							let go of both, and wait
 *		base table			granted: now for the source and the view
 *
 * Granted locks are held for half of deadlock_timeout at most before all are
 * granted.  So a session that comes to wait for one of them, and for which we
 * wait, hears of no deadlock.  At first the time is much shorter, as most
 * transactions are short and those that wait for each other are not.  A
 * session that queued behind us while we waited may have waited for longer
 * than we have time; so we never begin to wait for a session that waits for us
 * already.  Each attempt is a subtransaction, which is rolled back to let go.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "storage/proc.h"
#include "utils/array.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "base/base.h"

/* Milliseconds for which locks are held before all are: at first, at most. */
#define SHORTEST_ATTEMPT	20
#define LONGEST_ATTEMPT		500

/*
 * Milliseconds for which locks are taken gently at most, and for which others
 * may have them before the next attempt.
 */
#define GENTLE_ATTEMPT	40
#define GENTLE_PAUSE	80

/*
 * How often waiting for a single lock may end in a deadlock.  It may be one
 * among other definers, one of which lets go of its locks at once, as we do;
 * or a real one, on locks that our transaction held before.
 */
#define MOST_DEADLOCKS		3

typedef struct LockRequest
{
	LockTake	take;
	void	   *argument;
	Oid			relid;			/* without 'take': this relation's lock */
	LOCKMODE	mode;
} LockRequest;

static int	take_all(List *requests, int first, int milliseconds,
					 int *deadlocks);
static void take_within(const LockRequest *request, TimestampTz deadline);
static void take(const LockRequest *request);
static bool holder_waits_for_us(const LockRequest *request);
static bool waits_for_us(int pid, List **seen);

List *
locks_add_relation(List *requests, Oid relid, LOCKMODE mode)
{
	LockRequest *request = palloc0(sizeof(LockRequest));

	request->relid = relid;
	request->mode = mode;
	return lappend(requests, request);
}

List *
locks_add(List *requests, LockTake take, void *argument)
{
	LockRequest *request = palloc0(sizeof(LockRequest));

	request->take = take;
	request->argument = argument;
	return lappend(requests, request);
}

void
locks_take(List *requests)
{
	int			most = Max(Min(DeadlockTimeout / 2, LONGEST_ATTEMPT), 1);
	int			milliseconds = SHORTEST_ATTEMPT;
	int			first = -1;
	int			deadlocks = 0;

	if (requests == NIL)
		return;
	do
	{
		first = take_all(requests, first, Min(milliseconds, most), &deadlocks);
		milliseconds = Min(milliseconds * 2, LONGEST_ATTEMPT);
	} while (first >= 0);
}

/*
 * Between attempts we wait without a lock that others could see: a deadlock
 * with a session that waits for one that we have from before is found here.
 */
void
locks_take_gently(List *requests)
{
	TimestampTz since = DT_NOBEGIN; /* when has it been stuck? */
	int			deadlocks = 0;
	int			waiting;

	while (requests != NIL &&
		   (waiting = take_all(requests, -1, GENTLE_ATTEMPT,
							   &deadlocks)) >= 0)
	{
		TimestampTz now = GetCurrentTimestamp();

		if (!holder_waits_for_us(list_nth(requests, waiting)))
			since = DT_NOBEGIN;
		else if (TIMESTAMP_IS_NOBEGIN(since))
			since = now;
		else if (TimestampDifferenceExceeds(since, now, DeadlockTimeout))
			ereport(ERROR,
					(errcode(ERRCODE_T_R_DEADLOCK_DETECTED),
					 errmsg("deadlock detected"),
					 errdetail("A session that has a lock for which this one waits, waits for this one.")));
		(void) WaitLatch(MyLatch,
						 WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 GENTLE_PAUSE, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
}

/*
 * take_all() takes all locks: that of 'first' (-1: none), however long it
 * takes, and the others within the time.  Returns -1 if all are taken.
 * Otherwise lets go of all and returns the number of the one that was not
 * granted.
 */
static int
take_all(List *requests, int first, int milliseconds, int *deadlocks)
{
	MemoryContext memory = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	volatile int waiting = -1;	/* for which of them, within the time */
	volatile bool alone = false;	/* for the first, with no other in hand */

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(memory);
	PG_TRY();
	{
		TimestampTz deadline;

		if (first >= 0)
		{
			alone = true;
			take(list_nth(requests, first));
			alone = false;
		}
		deadline = TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
											   milliseconds);
		for (int i = 0; i < list_length(requests); i++)
			if (i != first)
			{
				waiting = i;
				take_within(list_nth(requests, i), deadline);
			}
		waiting = -1;
		ReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(memory);
		CurrentResourceOwner = owner;
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(memory);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(memory);
		CurrentResourceOwner = owner;

		if (alone && error->sqlerrcode == ERRCODE_T_R_DEADLOCK_DETECTED &&
			++*deadlocks < MOST_DEADLOCKS)
			waiting = first;
		else if (waiting < 0 ||
				 error->sqlerrcode != ERRCODE_LOCK_NOT_AVAILABLE)
		{
			/* our subtransaction has ended: the error is the caller's */
			ReThrowError(error);
		}
		FreeErrorData(error);
	}
	PG_END_TRY();
	return waiting;
}

/*
 * take_within() takes a lock, or raises ERRCODE_LOCK_NOT_AVAILABLE if it is
 * not granted before the deadline.
 */
static void
take_within(const LockRequest *request, TimestampTz deadline)
{
	int			level = NewGUCNestLevel();
	long		left;
	char		timeout[32];

	if (request->take == NULL)
	{
		if (ConditionalLockRelationOid(request->relid, request->mode))
			return;
		if (holder_waits_for_us(request))
			ereport(ERROR,
					(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
					 errmsg("the lock is held by a session that waits for this one")));
	}

	left = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), deadline);
	left = Max(left, 1);
	if (LockTimeout > 0)
		left = Min(left, LockTimeout);
	snprintf(timeout, sizeof(timeout), "%ldms", left);
	setting_save("lock_timeout", timeout);
	take(request);
	AtEOXact_GUC(true, level);
}

static void
take(const LockRequest *request)
{
	if (request->take != NULL)
		request->take(request->argument);
	else
		LockRelationOid(request->relid, request->mode);
}

/*
 * holder_waits_for_us() says whether a session that holds the lock waits for
 * one of ours: it would not let go before we do.
 */
static bool
holder_waits_for_us(const LockRequest *request)
{
	LockData   *locks = GetLockStatusData();
	List	   *seen = list_make1_int(MyProcPid);

	if (request->take != NULL)
		return false;			/* what it locks is not known here */
	for (int i = 0; i < locks->nelements; i++)
	{
		const LockInstanceData *lock = &locks->locks[i];
		bool		conflicts = false;

		if (lock->locktag.locktag_type != LOCKTAG_RELATION ||
			lock->locktag.locktag_field1 != MyDatabaseId ||
			lock->locktag.locktag_field2 != request->relid)
			continue;
		for (LOCKMODE mode = 1; mode <= MaxLockMode; mode++)
			conflicts |= (lock->holdMask & LOCKBIT_ON(mode)) != 0 &&
				DoLockModesConflict(mode, request->mode);
		if (conflicts && waits_for_us(lock->leaderPid, &seen))
			return true;
	}
	return false;
}

/*
 * waits_for_us() says whether a session waits for us, or for one that does.
 * 'seen' are the sessions that have been asked already.
 */
static bool
waits_for_us(int pid, List **seen)
{
	ArrayType  *blockers;
	int			count;

	/* a prepared transaction has no session, and waits for none */
	if (pid == 0 || list_member_int(*seen, pid))
		return false;
	*seen = lappend_int(*seen, pid);
	blockers = DatumGetArrayTypeP(DirectFunctionCall1(pg_blocking_pids,
													  Int32GetDatum(pid)));
	count = ArrayGetNItems(ARR_NDIM(blockers), ARR_DIMS(blockers));
	for (int i = 0; i < count; i++)
	{
		int			blocker = ((int32 *) ARR_DATA_PTR(blockers))[i];

		if (blocker == MyProcPid || waits_for_us(blocker, seen))
			return true;
	}
	return false;
}
