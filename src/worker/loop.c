/*-------------------------------------------------------------------------
 *
 * loop.c
 *	  The worker of one database: when does it take a turn?
 *
 *		12:00:00.000	Ada buys		latch ─► a turn: 1 change folded
 *		12:00:00.100	Ben buys		latch ─► wait for segment.naptime
 *		12:00:00.400	Cleo buys
 *		12:00:01.000					a turn: 2 changes folded
 *		12:01:01.000					a turn once more, then every minute
 *		12:01:30.000	Ada is due		a turn: she is swept, 1 change folded
 *
 * Sessions set the latch at commit, and the worker knows when the next profile
 * is due; so an idle database costs one wake-up a minute, which removes from
 * the feed what has become too old for it.  turn.c is what a turn does.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/sinval.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"

#include "base/base.h"
#include "worker/worker_private.h"

extern PGDLLEXPORT void segment_worker_main(Datum arg);

/*
 * The longest time without a turn, even if nothing is known to be due or
 * pending.
 */
#define LONGEST_SLEEP	USECS_PER_MINUTE

/* How it ends unless end() says otherwise: by an error. */
static WorkerLeave leaving = LEAVE_FAILED;

static void begin(Oid database);
static void detach(int code, Datum arg);
static void end(WorkerLeave how);
static void handle_interrupts(void);
static TimestampTz next_turn(TimestampTz last);

void
segment_worker_main(Datum arg)
{
	TimestampTz last = 0;

	begin(DatumGetObjectId(arg));
	for (;;)
	{
		TimestampTz now = GetCurrentTimestamp();
		TimestampTz next;

		handle_interrupts();
		next = next_turn(last);
		if (worker_shmem_must_stop())
			end(LEAVE_STOPPED);
		if (worker_shmem_take_check() || now >= next)
		{
			last = now;
			if (!turn())
				end(LEAVE_FOR_GOOD);
			continue;
		}

		/* a clock that was set back must not make it sleep longer */
		next = Min(next, now + LONGEST_SLEEP);
		(void) WaitLatch(MyLatch,
						 WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 TimestampDifferenceMilliseconds(now, next),
						 PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		worker_shmem_note_wakeup();
	}
}

/*
 * begin() takes the slot of the database, connects to it, and pins the
 * settings that a database or a server has for its users.
 */
static void
begin(Oid database)
{
	static const char *const settings[][2] = {
		{"search_path", "pg_catalog, pg_temp"},
		{"default_transaction_isolation", "read committed"},
		{"default_transaction_read_only", "off"},
		{"default_transaction_deferrable", "off"},
		{"statement_timeout", "0"},
		{"idle_in_transaction_session_timeout", "0"},
		/* a lock on one population does not hold up the others */
		{"lock_timeout", "10s"},
	};

	if (!worker_shmem_attach(database))
		proc_exit(0);
	before_shmem_exit(detach, (Datum) 0);
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	/* at any time, and with an exit status other than 0 */
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnectionByOid(database, InvalidOid, 0);

	SetConfigOption("application_name", MyBgworkerEntry->bgw_name,
					PGC_SUSET, PGC_S_OVERRIDE);
	for (int i = 0; i < lengthof(settings); i++)
		SetConfigOption(settings[i][0], settings[i][1], PGC_SUSET,
						PGC_S_OVERRIDE);
	turn_init();
}

/* end() ends the worker, and says how. */
static void
end(WorkerLeave how)
{
	leaving = how;
	proc_exit(0);
}

static void
detach(int code, Datum arg)
{
	worker_shmem_detach(leaving, GetCurrentTimestamp());
}

/* handle_interrupts() does what signals ask for. */
static void
handle_interrupts(void)
{
	/* a server that is shut down does not hear of it from each of us */
	if (ProcDiePending)
		proc_exit(1);
	CHECK_FOR_INTERRUPTS();
	ProcessCatchupInterrupt();
	if (ConfigReloadPending)
	{
		ConfigReloadPending = false;
		ProcessConfigFile(PGC_SIGHUP);
	}
}

/*
 * next_turn() is when there is something to do as far as the worker knows: a
 * session has committed toggles, a profile is due, or the pause of a
 * population that failed is over; at most LONGEST_SLEEP and at least
 * segment.naptime after the last turn.
 */
static TimestampTz
next_turn(TimestampTz last)
{
	TimestampTz soonest = last + segment_naptime * INT64CONST(1000);
	TimestampTz next = last + LONGEST_SLEEP;

	if (worker_shmem_is_pending())
		next = soonest;
	next = Min(next, turn_next_due());
	next = Min(next, trouble_next());
	return Max(next, soonest);
}
