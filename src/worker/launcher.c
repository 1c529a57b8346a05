/*-------------------------------------------------------------------------
 *
 * launcher.c
 *	  Which databases get a worker?
 *
 *		pg_database			shop, blog, template1, cafe (connections refused)
 *		candidates			shop, blog			or those of segment.databases
 *		wanted				shop, blog			slots in shared memory
 *		started, and stays	shop				has the extension
 *
 * Whether a database has the extension can only be seen from inside: a worker
 * is started, checks, and leaves if there is nothing for it.  All databases
 * are checked when the server starts and when its settings are loaded again; a
 * single one when a session requests it (watch.c).
 *
 * A worker that ends leaves its slot, and is started again after a pause that
 * doubles while it keeps failing.  The launcher itself is started again by the
 * server, and finds in shared memory what is running.
 *
 * The launcher is connected to no database, so it does not hold up DROP
 * DATABASE, and it sleeps until it is woken.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_database.h"
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
#include "utils/varlena.h"

#include "base/base.h"
#include "worker/worker_private.h"

extern PGDLLEXPORT void segment_launcher_main(Datum arg);

/* A database that may have a worker. */
typedef struct Candidate
{
	Oid			database;
	char	   *name;
} Candidate;

/*
 * Databases (OIDs) that are to be checked and got no slot.  For the life of
 * the launcher.
 */
static List *waiting = NIL;

/* The worker that was started last, until the server has started it. */
static BackgroundWorkerHandle *started = NULL;
static Oid	started_database = InvalidOid;

static bool handle_interrupts(void);
static void wait_until(TimestampTz next);
static List *read_candidates(bool warn);
static void warn_of_missing(List *listed, List *candidates);
static void update_slots(List *candidates, bool check_all);
static TimestampTz start_wanted(List *candidates);
static void note_start(void);
static void start(const Candidate *candidate);
static const Candidate *find_candidate(List *candidates, Oid database);

void
segment_launcher_main(Datum arg)
{
	MemoryContext turn;
	bool		check_all = true;

	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);
	SetConfigOption("application_name", LAUNCHER_TYPE, PGC_SUSET,
					PGC_S_OVERRIDE);
	worker_shmem_attach_launcher();
	turn = AllocSetContextCreate(TopMemoryContext, "segment launcher",
								 ALLOCSET_DEFAULT_SIZES);

	for (;;)
	{
		List	   *candidates;
		TimestampTz next;

		check_all |= handle_interrupts();
		check_all |= worker_shmem_take_check_all();

		MemoryContextReset(turn);
		MemoryContextSwitchTo(turn);
		candidates = read_candidates(check_all);
		update_slots(candidates, check_all);
		next = start_wanted(candidates);
		check_all = false;
		wait_until(next);
	}
}

/*
 * handle_interrupts() does what signals ask for.  Returns whether settings
 * were loaded again.
 */
static bool
handle_interrupts(void)
{
	/* as in loop.c: quietly, and with an exit status other than 0 */
	if (ProcDiePending)
		proc_exit(1);
	CHECK_FOR_INTERRUPTS();
	ProcessCatchupInterrupt();
	if (!ConfigReloadPending)
		return false;
	ConfigReloadPending = false;
	ProcessConfigFile(PGC_SIGHUP);
	return true;
}

/* wait_until() sleeps until an instant (DT_NOEND: for ever), or woken. */
static void
wait_until(TimestampTz next)
{
	long		timeout = -1;
	int			events = WL_LATCH_SET | WL_EXIT_ON_PM_DEATH;

	if (next != DT_NOEND)
	{
		timeout = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), next);
		events |= WL_TIMEOUT;
	}
	(void) WaitLatch(MyLatch, events, timeout, PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
}

/*
 * read_candidates() lists the databases (Candidate *) that take connections
 * and are no templates, and are listed in segment.databases if any are.  With
 * 'warn' it warns of listed ones that are not among them.
 */
static List *
read_candidates(bool warn)
{
	MemoryContext context = CurrentMemoryContext;
	List	   *candidates = NIL;
	List	   *listed;
	Relation	relation;
	TableScanDesc scan;
	HeapTuple	tuple;

	/* it was checked when it was set */
	(void) SplitIdentifierString(pstrdup(segment_databases), ',', &listed);

	StartTransactionCommand();
	relation = table_open(DatabaseRelationId, AccessShareLock);
	scan = table_beginscan_catalog(relation, 0, NULL);
	while ((tuple = heap_getnext(scan, ForwardScanDirection)) != NULL)
	{
		Form_pg_database database = (Form_pg_database) GETSTRUCT(tuple);
		MemoryContext old;
		Candidate  *candidate;

		/*
		 * a template is copied, and a worker in it would prevent that
		 */
		if (!database->datallowconn || database->datistemplate ||
			(listed != NIL &&
			 !names_contain(listed, NameStr(database->datname))))
			continue;
		old = MemoryContextSwitchTo(context);
		candidate = palloc(sizeof(Candidate));
		candidate->database = database->oid;
		candidate->name = pstrdup(NameStr(database->datname));
		candidates = lappend(candidates, candidate);
		MemoryContextSwitchTo(old);
	}
	table_endscan(scan);
	table_close(relation, AccessShareLock);
	CommitTransactionCommand();
	MemoryContextSwitchTo(context);
	if (warn)
		warn_of_missing(listed, candidates);
	return candidates;
}

/* warn_of_missing() warns of listed databases that are no candidates. */
static void
warn_of_missing(List *listed, List *candidates)
{
	ListCell   *lc;
	ListCell   *other;

	foreach(lc, listed)
	{
		bool		found = false;

		foreach(other, candidates)
			found |= strcmp(((Candidate *) lfirst(other))->name,
							lfirst(lc)) == 0;
		if (!found)
			ereport(WARNING,
					(errcode(ERRCODE_UNDEFINED_DATABASE),
					 errmsg("database \"%s\" cannot have a worker of segment",
							(char *) lfirst(lc)),
					 errdetail("It does not exist, is a template, or takes no connections."),
					 errhint("Correct the setting \"%s\" and reload it.",
							 "segment.databases")));
	}
}

/*
 * update_slots() dismisses the workers of databases that are no candidates any
 * more, and wants workers for candidates that are to be checked: all of them,
 * or those that found no slot before.
 */
static void
update_slots(List *candidates, bool check_all)
{
	List	   *known = worker_shmem_databases();
	List	   *still = NIL;
	MemoryContext old;
	ListCell   *lc;

	foreach(lc, known)
		if (find_candidate(candidates, lfirst_oid(lc)) == NULL)
			worker_shmem_dismiss(lfirst_oid(lc));

	foreach(lc, candidates)
	{
		Oid			database = ((Candidate *) lfirst(lc))->database;

		if ((check_all || list_member_oid(waiting, database)) &&
			!list_member_oid(known, database) && !worker_shmem_want(database))
			still = lappend_oid(still, database);
	}
	old = MemoryContextSwitchTo(TopMemoryContext);
	list_free(waiting);
	waiting = list_copy(still);
	MemoryContextSwitchTo(old);
}

/*
 * start_wanted() starts the workers that are wanted and due; returns when to
 * come again.
 */
static TimestampTz
start_wanted(List *candidates)
{
	note_start();
	for (;;)
	{
		TimestampTz now = GetCurrentTimestamp();
		TimestampTz next;
		Oid			database = worker_shmem_next_start(now, &next);
		const Candidate *candidate = find_candidate(candidates, database);

		if (!OidIsValid(database))
			return next;
		if (candidate != NULL)
			start(candidate);
		else
			/* it came since we read them, or went: again after the pause */
			worker_shmem_start_failed(database, now, NULL);
	}
}

/* note_start() finds out what became of the worker that was started last. */
static void
note_start(void)
{
	BgwHandleStatus status;
	pid_t		pid;

	if (started == NULL)
		return;
	status = GetBackgroundWorkerPid(started, &pid);
	if (status == BGWH_STOPPED)
		worker_shmem_start_failed(started_database, GetCurrentTimestamp(),
								  NULL);
	if (status != BGWH_NOT_YET_STARTED)
	{
		pfree(started);
		started = NULL;
	}
}

/* start() has the server start the worker of a database. */
static void
start(const Candidate *candidate)
{
	BackgroundWorker worker = {
		.bgw_type = WORKER_TYPE,
		.bgw_flags = BGWORKER_SHMEM_ACCESS |
			BGWORKER_BACKEND_DATABASE_CONNECTION,
		.bgw_start_time = BgWorkerStart_RecoveryFinished,
		/* we start it again, if its database is still there */
		.bgw_restart_time = BGW_NEVER_RESTART,
		.bgw_library_name = "segment",
		.bgw_function_name = WORKER_MAIN,
		.bgw_main_arg = ObjectIdGetDatum(candidate->database),
		.bgw_notify_pid = MyProcPid,
	};
	MemoryContext old;
	bool		registered;

	snprintf(worker.bgw_name, BGW_MAXLEN, WORKER_TYPE ": %s", candidate->name);
	if (started != NULL)
		pfree(started);
	started = NULL;
	old = MemoryContextSwitchTo(TopMemoryContext);
	registered = RegisterDynamicBackgroundWorker(&worker, &started);
	MemoryContextSwitchTo(old);
	started_database = candidate->database;
	if (!registered)
	{
		static const char *const none =
			"all background workers of the server are taken";

		worker_shmem_start_failed(candidate->database, GetCurrentTimestamp(),
								  none);
		ereport(WARNING,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("%s", none),
				 errdetail("Changes in database \"%s\" are not folded.",
						   candidate->name),
				 errhint("Increase \"%s\", or call segment.tick() from a scheduler.",
						 "max_worker_processes")));
	}
}

static const Candidate *
find_candidate(List *candidates, Oid database)
{
	ListCell   *lc;

	foreach(lc, candidates)
		if (((Candidate *) lfirst(lc))->database == database)
			return lfirst(lc);
	return NULL;
}
