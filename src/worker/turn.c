/*-------------------------------------------------------------------------
 *
 * turn.c
 *	  A turn of the worker: sweep and fold every population.
 *
 *		transaction 1		which populations are there?
 *		transaction 2, 3	"profile": 4000 due profiles swept, then 230
 *		transaction 4		"profile": 70000 toggles folded, and a portion of
 *							old transitions removed from the feed
 *		transaction 5		"profile": when is the next profile due?
 *		transaction 6 ...	the next population
 *
 * A sweep goes in short transactions, as events wait for the rows that it has
 * locked.  No event waits for a fold: so it takes all that is pending, which
 * costs least and needs no more memory than a part.  If there is more to
 * remove from the feed, the next turn comes soon.  A population that fails is
 * noted in the server's log and passed over for a while (trouble.c); the
 * others go on.  All is done as the population's owner: see flow.h.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "commands/extension.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "base/base.h"
#include "flow/flow.h"
#include "profile/profile.h"
#include "worker/worker_private.h"

#define EXTENSION		"segment"

/* Transitions that are removed from the feed in one transaction. */
#define TRIM_BATCH		50000

/*
 * Profiles that are swept in one transaction at the most, and for how many
 * milliseconds: their rows are locked meanwhile.  The next one goes on with
 * what the index said (profile/lock_due.c).
 */
#define SWEEP_BATCH		65536
#define SWEEP_TIME		40

/* What is found out about the database. */
typedef struct Database
{
	bool		installed;		/* the extension */
	List	   *populations;	/* names (char *) */
} Database;

/* The work on one population, and what its steps are given and return. */
typedef struct Task
{
	const char *population;
	void		(*step) (struct Task *);	/* the one that is taken */
	const char *doing;			/* its name */
	TimestampTz from;			/* where the sweep goes on */
	bool		folding;		/* did we fold? else another session does */
	int64		folded;			/* toggles */
	int64		trimmed;		/* transitions */
	TimestampTz next_due;
} Task;

typedef void (*Work) (void *argument);

/* Memory of one turn, for the life of the worker. */
static MemoryContext turn_context;

/* The earliest wake_at of all populations, found by the last turn. */
static TimestampTz next_due = 0;

static void read_database(void *database);
static int64 work_on(const char *population);
static bool sweep_in_batches(Task *task);
static void sweep_batch(Task *task);
static void fold(Task *task);
static void find_due(Task *task);
static bool take_step(void (*step) (Task *), Task *task, const char *doing);
static void run_step(void *task);
static void name_step(void *task);
static bool in_transaction(Work work, void *argument);

void
turn_init(void)
{
	turn_context = AllocSetContextCreate(TopMemoryContext, "segment turn",
										 ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(turn_context);
}

TimestampTz
turn_next_due(void)
{
	return next_due;
}

bool
turn(void)
{
	Database	database = {true, NIL};
	int64		folded = 0;
	ListCell   *lc;

	MemoryContextReset(turn_context);
	worker_shmem_take_pending();
	next_due = DT_NOEND;
	if (!in_transaction(read_database, &database))
		return true;
	if (!database.installed)
		return false;
	worker_shmem_set_running();

	trouble_forget_others(database.populations);
	foreach(lc, database.populations)
		if (!trouble_pauses(lfirst(lc), GetCurrentTimestamp()))
			folded += work_on(lfirst(lc));
	worker_shmem_note_tick(GetCurrentTimestamp(), folded);
	pgstat_report_activity(STATE_IDLE, NULL);
	pgstat_report_stat(true);
	return true;
}

/* read_database() fills a Database. */
static void
read_database(void *argument)
{
	Database   *database = argument;
	MemoryContext old;

	database->installed = OidIsValid(get_extension_oid(EXTENSION, true));
	if (!database->installed)
		return;
	old = MemoryContextSwitchTo(turn_context);
	database->populations = population_names();
	MemoryContextSwitchTo(old);
}

/*
 * work_on() sweeps what is due and folds what is pending in a population.
 * Returns how many toggles were folded.
 */
static int64
work_on(const char *population)
{
	Task		task = {population, .from = DT_NOBEGIN};

	if (sweep_in_batches(&task) && take_step(fold, &task, "fold") &&
		task.folding && take_step(find_due, &task, "sweep"))
	{
		next_due = Min(next_due, task.trimmed < TRIM_BATCH ? task.next_due :
					   GetCurrentTimestamp());
		trouble_forget(population);
	}
	else
		trouble_note(population, GetCurrentTimestamp());
	return task.folded;
}

/* sweep_in_batches() returns false if a batch failed. */
static bool
sweep_in_batches(Task *task)
{
	while (!TIMESTAMP_IS_NOEND(task->from) && !worker_shmem_must_stop())
	{
		CHECK_FOR_INTERRUPTS();
		if (!take_step(sweep_batch, task, "sweep"))
			return false;
	}
	return true;
}

static void
sweep_batch(Task *task)
{
	(void) flow_sweep_population(task->population, SWEEP_BATCH, SWEEP_TIME,
								 &task->from);
}

static void
fold(Task *task)
{
	task->folding = flow_fold_population(task->population, 0, TRIM_BATCH,
										 &task->folded, &task->trimmed);
}

static void
find_due(Task *task)
{
	task->next_due = flow_next_due(task->population);
}

/*
 * take_step() takes one step of a task in a transaction of its own; 'doing' is
 * what it is called in pg_stat_activity and in an error.  False if it failed.
 */
static bool
take_step(void (*step) (Task *), Task *task, const char *doing)
{
	task->step = step;
	task->doing = doing;
	pgstat_report_activity(STATE_RUNNING,
						   psprintf("%s population %s", doing,
									task->population));
	return in_transaction(run_step, task);
}

/* run_step() runs the step of a Task, connected to SPI. */
static void
run_step(void *argument)
{
	Task	   *task = argument;
	ErrorContextCallback context = {
		.previous = error_context_stack,
		.callback = name_step,
		.arg = task,
	};

	error_context_stack = &context;
	SPI_connect();
	task->step(task);
	SPI_finish();
	error_context_stack = context.previous;
}

static void
name_step(void *argument)
{
	const Task *task = argument;

	errcontext("%s of population \"%s\"", task->doing, task->population);
}

/*
 * in_transaction() runs work(argument) in a transaction of its own.  If it
 * fails the error is noted, in shared memory and in the server's log, and the
 * answer is false.
 */
static bool
in_transaction(Work work, void *argument)
{
	volatile bool done = false;

	PG_TRY();
	{
		SetCurrentStatementStartTimestamp();
		StartTransactionCommand();
		PushActiveSnapshot(GetTransactionSnapshot());
		work(argument);
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
		worker_shmem_note_error(GetCurrentTimestamp(), error->message);
		RESUME_INTERRUPTS();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(turn_context);
	return done;
}
