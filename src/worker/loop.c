/*-------------------------------------------------------------------------
 *
 * loop.c
 *	  The worker of one database: what is due or pending, and when is it done?
 *
 *		12:00:00.000	Ada buys		latch ─► fold: 1 change
 *		12:00:00.100	Ben buys		latch ─► wait for segment.naptime
 *		12:00:00.400	Cleo buys
 *		12:00:01.000					fold: 2 changes
 *		12:01:01.000					look once more, then every minute
 *		12:01:30.000	Ada is due		sweep, and fold: 1 change
 *
 * Sessions set the latch at commit, and it is known when the next profile is due;
 * so an idle database costs one wake-up a minute, which removes from the feed what
 * has become too old for it.
 *
 * Each population is swept and folded in transactions of its own, the sweep in
 * short ones, as events wait for the rows that it has locked.  A population that
 * fails is noted in the log and passed over, for a pause that doubles each time;
 * the others go on.  It is done as the population's owner: see flow.h.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_database.h"
#include "commands/extension.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/sinval.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "base/base.h"
#include "flow/flow.h"
#include "profile/profile.h"
#include "worker/worker_private.h"

extern PGDLLEXPORT void segment_worker_main(Datum arg);

#define EXTENSION		"segment"

/*
 * Changes that are folded in one transaction.  A fold reads all that are
 * pending; so if more are left, the next folds twice as many, up to the most.
 */
#define BATCH			50000
#define MOST_BATCH		(16 * BATCH)

/*
 * Profiles that are swept in one transaction, and for how many milliseconds:
 * their rows are locked meanwhile.
 */
#define SWEEP_BATCH		1000
#define SWEEP_TIME		40

/* The longest sleep, and the longest pause after failures. */
#define LONGEST_SLEEP	USECS_PER_MINUTE
#define SHORTEST_PAUSE	USECS_PER_SEC

/* A population that could not be swept or folded. */
typedef struct Trouble
{
	char		population[NAMEDATALEN];
	int			failures;
	TimestampTz next;			/* not before */
} Trouble;

/* What the steps of a turn, each in a transaction, are given and return. */
typedef struct Look
{
	bool		installed;
	List	   *populations;
} Look;

typedef struct Tick
{
	const char *population;
	void		(*step) (struct Tick *);	/* what is done */
	const char *doing;			/* its name */
	TimestampTz from;			/* where the sweep goes on */
	bool		done;			/* was there a fold? else somebody else is at it */
	int64		most;			/* changes that it may fold */
	int64		batch;			/* changes that it folded */
	int64		folded;			/* and all together */
	TimestampTz next_due;
} Tick;

typedef void (*Step) (void *argument);

static List *troubles = NIL;
static TimestampTz next_due = 0;	/* when time changes something */
static MemoryContext turn_context;
static WorkerLeave leaving = LEAVE_FAILED;

static void begin(Oid database);
static void leave_board(int code, Datum arg);
static void leave(WorkerLeave how);
static TimestampTz next_turn(TimestampTz last);
static bool turn(void);
static void look(void *argument);
static int64 tick_population(const char *population);
static bool sweep_population(Tick *tick);
static bool fold_population(Tick *tick);
static void sweep_batch(Tick *tick);
static void fold_batch(Tick *tick);
static void find_due(Tick *tick);
static bool in_population(void (*step) (Tick *), Tick *tick, const char *doing);
static void step_of_tick(void *argument);
static void name_step(void *argument);
static bool in_transaction(Step step, void *argument);
static Trouble *find_trouble(const char *population);
static void note_trouble(const char *population);
static void forget_trouble(const char *population);

void
segment_worker_main(Datum arg)
{
	TimestampTz last = 0;

	begin(DatumGetObjectId(arg));
	for (;;)
	{
		TimestampTz now = GetCurrentTimestamp();
		TimestampTz next = next_turn(last);

		/* a server that is shut down does not hear of it from each of us */
		if (ProcDiePending)
			proc_exit(1);
		CHECK_FOR_INTERRUPTS();
		ProcessCatchupInterrupt();
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
			continue;
		}
		if (board_stop())
			leave(LEAVE_STOPPED);
		if (board_take_asked() || now >= next)
		{
			last = now;
			if (!turn())
				leave(LEAVE_FOR_GOOD);
			continue;
		}

		/* a clock that was set back must not make it sleep longer */
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 TimestampDifferenceMilliseconds(now, Min(next, now + LONGEST_SLEEP)),
						 PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		board_note_wakeup();
	}
}

static void
begin(Oid database)
{
	/* what somebody has set for a database or for all is not meant for us */
	static const char *const settings[][2] = {
		{"search_path", "pg_catalog, pg_temp"},
		{"default_transaction_isolation", "read committed"},
		{"default_transaction_read_only", "off"},
		{"default_transaction_deferrable", "off"},
		{"statement_timeout", "0"},
		{"idle_in_transaction_session_timeout", "0"},
		/* whoever holds up one population does not hold up the others */
		{"lock_timeout", "10s"},
	};

	if (!board_attach(database))
		proc_exit(0);
	before_shmem_exit(leave_board, (Datum) 0);
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	/* at any time, and with an exit status other than 0 */
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnectionByOid(database, InvalidOid, 0);

	SetConfigOption("application_name", MyBgworkerEntry->bgw_name,
					PGC_SUSET, PGC_S_OVERRIDE);
	for (int i = 0; i < lengthof(settings); i++)
		SetConfigOption(settings[i][0], settings[i][1], PGC_SUSET, PGC_S_OVERRIDE);
	turn_context = AllocSetContextCreate(TopMemoryContext, "segment turn",
										 ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(turn_context);
}

static void
leave(WorkerLeave how)
{
	leaving = how;
	proc_exit(0);
}

static void
leave_board(int code, Datum arg)
{
	board_leave(leaving, GetCurrentTimestamp());
}

/* When is there something to do, as far as we know? */
static TimestampTz
next_turn(TimestampTz last)
{
	TimestampTz soonest = last + segment_naptime * INT64CONST(1000);
	TimestampTz next = last + LONGEST_SLEEP;
	ListCell   *lc;

	if (board_pending())
		next = soonest;
	next = Min(next, next_due);
	foreach(lc, troubles)
		next = Min(next, ((Trouble *) lfirst(lc))->next);
	return Max(next, soonest);
}

/*
 * Sweep and fold every population that is not in trouble.  False if the extension
 * is not there.
 */
static bool
turn(void)
{
	Look		found = {true, NIL};
	int64		folded = 0;
	ListCell   *lc;

	MemoryContextReset(turn_context);
	board_take_pending();
	next_due = DT_NOEND;
	if (!in_transaction(look, &found))
		return true;
	if (!found.installed)
		return false;
	board_settle();

	foreach(lc, troubles)
	{
		Trouble    *trouble = lfirst(lc);
		bool		exists = false;
		ListCell   *name;

		foreach(name, found.populations)
			exists |= strcmp(lfirst(name), trouble->population) == 0;
		if (!exists)
		{
			pfree(trouble);
			troubles = foreach_delete_current(troubles, lc);
		}
	}
	foreach(lc, found.populations)
	{
		Trouble    *trouble = find_trouble(lfirst(lc));

		if (trouble == NULL || trouble->next <= GetCurrentTimestamp())
			folded += tick_population(lfirst(lc));
	}
	board_note_tick(GetCurrentTimestamp(), folded);
	pgstat_report_activity(STATE_IDLE, NULL);
	pgstat_report_stat(true);
	return true;
}

/* Is the extension there, and which populations? */
static void
look(void *argument)
{
	Look	   *found = argument;
	MemoryContext old;

	found->installed = OidIsValid(get_extension_oid(EXTENSION, true));
	if (!found->installed)
		return;
	old = MemoryContextSwitchTo(turn_context);
	found->populations = population_names();
	MemoryContextSwitchTo(old);
}

/* All that is due or pending in it; returns how much was folded. */
static int64
tick_population(const char *population)
{
	Tick		tick = {population, .from = DT_NOBEGIN};

	if (sweep_population(&tick) && fold_population(&tick) &&
		in_population(find_due, &tick, "sweep"))
	{
		next_due = Min(next_due, tick.next_due);
		forget_trouble(population);
	}
	else
		note_trouble(population);
	return tick.folded;
}

/* In short transactions; false if one failed. */
static bool
sweep_population(Tick *tick)
{
	while (!TIMESTAMP_IS_NOEND(tick->from) && !board_stop())
	{
		CHECK_FOR_INTERRUPTS();
		if (!in_population(sweep_batch, tick, "sweep"))
			return false;
	}
	return true;
}

/* Also false if somebody else is at it. */
static bool
fold_population(Tick *tick)
{
	for (tick->most = BATCH;; tick->most = Min(tick->most * 2, MOST_BATCH))
	{
		CHECK_FOR_INTERRUPTS();
		if (!in_population(fold_batch, tick, "fold") || !tick->done)
			return false;
		tick->folded += tick->batch;
		if (tick->batch < tick->most || board_stop())
			return true;
	}
}

static void
sweep_batch(Tick *tick)
{
	(void) flow_sweep_population(tick->population, SWEEP_BATCH, SWEEP_TIME,
								 &tick->from);
}

static void
fold_batch(Tick *tick)
{
	tick->done = flow_fold_population(tick->population, tick->most,
									  &tick->batch);
}

static void
find_due(Tick *tick)
{
	tick->next_due = flow_next_due(tick->population);
}

/* One step of it in a transaction of its own, as it is shown and as an error says. */
static bool
in_population(void (*step) (Tick *), Tick *tick, const char *doing)
{
	tick->step = step;
	tick->doing = doing;
	pgstat_report_activity(STATE_RUNNING,
						   psprintf("%s population %s", doing, tick->population));
	return in_transaction(step_of_tick, tick);
}

static void
step_of_tick(void *argument)
{
	Tick	   *tick = argument;
	ErrorContextCallback context = {
		.previous = error_context_stack,
		.callback = name_step,
		.arg = tick,
	};

	error_context_stack = &context;
	SPI_connect();
	tick->step(tick);
	SPI_finish();
	error_context_stack = context.previous;
}

static void
name_step(void *argument)
{
	const Tick *tick = argument;

	errcontext("%s of population \"%s\"", tick->doing, tick->population);
}

/*
 * One step in a transaction of its own.  If it fails the error is noted, here
 * and in the server's log, and the answer is false.
 */
static bool
in_transaction(Step step, void *argument)
{
	volatile bool done = false;

	PG_TRY();
	{
		SetCurrentStatementStartTimestamp();
		StartTransactionCommand();
		PushActiveSnapshot(GetTransactionSnapshot());
		step(argument);
		PopActiveSnapshot();
		CommitTransactionCommand();
		done = true;
	}
	PG_CATCH();
	{
		ErrorData  *error;

		HOLD_INTERRUPTS();
		MemoryContextSwitchTo(turn_context);
		error = CopyErrorData();
		EmitErrorReport();
		FlushErrorState();
		AbortCurrentTransaction();
		QueryCancelPending = false;
		board_note_error(GetCurrentTimestamp(), error->message);
		RESUME_INTERRUPTS();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(turn_context);
	return done;
}

/* ---- populations that could not be swept or folded ---- */

static Trouble *
find_trouble(const char *population)
{
	ListCell   *lc;

	foreach(lc, troubles)
		if (strcmp(((Trouble *) lfirst(lc))->population, population) == 0)
			return lfirst(lc);
	return NULL;
}

static void
note_trouble(const char *population)
{
	Trouble    *trouble = find_trouble(population);

	if (trouble == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);

		trouble = palloc0(sizeof(Trouble));
		strlcpy(trouble->population, population, NAMEDATALEN);
		troubles = lappend(troubles, trouble);
		MemoryContextSwitchTo(old);
	}
	trouble->next = GetCurrentTimestamp() +
		Min(LONGEST_SLEEP, SHORTEST_PAUSE << Min(trouble->failures, 10));
	trouble->failures++;
}

static void
forget_trouble(const char *population)
{
	Trouble    *trouble = find_trouble(population);

	if (trouble != NULL)
	{
		troubles = list_delete_ptr(troubles, trouble);
		pfree(trouble);
	}
}
