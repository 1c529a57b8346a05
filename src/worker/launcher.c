/*-------------------------------------------------------------------------
 *
 * launcher.c
 *	  Which databases get a worker?
 *
 *		pg_database			shop, blog, template1, cafe (connections refused)
 *		to be looked at		shop, blog			or those of segment.databases
 *		wanted				shop				written on the board
 *		started				shop
 *
 * Whether a database has the extension can only be seen from inside: a worker
 * is started, looks, and leaves if there is nothing for it.  All databases are
 * looked at when the server starts and when its settings are loaded again; a
 * single one when a session says so (watch.c).
 *
 * A worker that ends leaves its slot on the board, and is started again after a
 * pause that doubles while it keeps failing.  The launcher itself is started
 * again by the server, and finds on the board what is running.
 *
 * It is connected to no database, so it stands in nobody's way, and it sleeps
 * until it is woken.
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

/* What is still to be looked at, and did not fit on the board (OIDs). */
static List *waiting = NIL;

/* The worker that was started last, until it is seen to live. */
static BackgroundWorkerHandle *started = NULL;
static Oid	started_database = InvalidOid;

static List *read_candidates(bool complain);
static void review(List *candidates, bool look);
static TimestampTz start_wanted(List *candidates);
static void start(const Candidate *candidate);
static const Candidate *find_candidate(List *candidates, Oid database);

void
segment_launcher_main(Datum arg)
{
	MemoryContext turn;
	bool		look = true;

	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);
	SetConfigOption("application_name", LAUNCHER_TYPE, PGC_SUSET, PGC_S_OVERRIDE);
	board_begin_launcher();
	turn = AllocSetContextCreate(TopMemoryContext, "segment launcher",
								 ALLOCSET_DEFAULT_SIZES);

	for (;;)
	{
		List	   *candidates;
		TimestampTz next;
		long		timeout = -1;
		int			events = WL_LATCH_SET | WL_EXIT_ON_PM_DEATH;

		/* as in loop.c: quietly, and with an exit status other than 0 */
		if (ProcDiePending)
			proc_exit(1);
		CHECK_FOR_INTERRUPTS();
		ProcessCatchupInterrupt();
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
			look = true;
		}
		look |= board_take_look();

		MemoryContextReset(turn);
		MemoryContextSwitchTo(turn);
		candidates = read_candidates(look);
		review(candidates, look);
		next = start_wanted(candidates);
		look = false;

		if (next != DT_NOEND)
		{
			timeout = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), next);
			events |= WL_TIMEOUT;
		}
		(void) WaitLatch(MyLatch, events, timeout, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
	}
}

/*
 * Databases (Candidate *) that take connections and are nobody's template, and
 * are listed if any are.  'complain' of listed ones that are not there.
 */
static List *
read_candidates(bool complain)
{
	MemoryContext context = CurrentMemoryContext;
	List	   *candidates = NIL;
	List	   *listed;
	ListCell   *lc;
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
		bool		found = (listed == NIL);

		foreach(lc, listed)
			if (strcmp(lfirst(lc), NameStr(database->datname)) == 0)
				found = true;
		/* a template is copied, and whoever is connected to it prevents that */
		if (found && database->datallowconn && !database->datistemplate)
		{
			MemoryContext old = MemoryContextSwitchTo(context);
			Candidate  *candidate = palloc(sizeof(Candidate));

			candidate->database = database->oid;
			candidate->name = pstrdup(NameStr(database->datname));
			candidates = lappend(candidates, candidate);
			MemoryContextSwitchTo(old);
		}
	}
	table_endscan(scan);
	table_close(relation, AccessShareLock);
	CommitTransactionCommand();
	MemoryContextSwitchTo(context);

	foreach(lc, listed)
	{
		bool		found = false;
		ListCell   *other;

		foreach(other, candidates)
			if (strcmp(((Candidate *) lfirst(other))->name, lfirst(lc)) == 0)
				found = true;
		if (!found && complain)
			ereport(WARNING,
					(errcode(ERRCODE_UNDEFINED_DATABASE),
					 errmsg("database \"%s\" cannot have a worker of segment",
							(char *) lfirst(lc)),
					 errdetail("It does not exist, is a template, or takes no connections."),
					 errhint("Correct the setting \"%s\" and reload it.", "segment.databases")));
	}
	return candidates;
}

/* Bring the board up to date with what there is. */
static void
review(List *candidates, bool look)
{
	List	   *known = board_databases();
	List	   *still = NIL;
	MemoryContext old;
	ListCell   *lc;

	foreach(lc, known)
		if (find_candidate(candidates, lfirst_oid(lc)) == NULL)
			board_dismiss(lfirst_oid(lc));

	foreach(lc, candidates)
	{
		Oid			database = ((Candidate *) lfirst(lc))->database;

		if ((look || list_member_oid(waiting, database)) &&
			!list_member_oid(known, database) && !board_want(database))
			still = lappend_oid(still, database);
	}
	old = MemoryContextSwitchTo(TopMemoryContext);
	list_free(waiting);
	waiting = list_copy(still);
	MemoryContextSwitchTo(old);
}

/* Start what is wanted and due; returns when to come again. */
static TimestampTz
start_wanted(List *candidates)
{
	TimestampTz next;
	Oid			database;
	pid_t		pid;

	/* did the one before come to life? */
	if (started != NULL)
	{
		BgwHandleStatus status = GetBackgroundWorkerPid(started, &pid);

		if (status == BGWH_STOPPED)
			board_not_started(started_database, GetCurrentTimestamp(), NULL);
		if (status != BGWH_NOT_YET_STARTED)
		{
			pfree(started);
			started = NULL;
		}
	}

	while (OidIsValid(database = board_next(GetCurrentTimestamp(), &next)))
	{
		const Candidate *candidate = find_candidate(candidates, database);

		if (candidate != NULL)
			start(candidate);
		else
			/* it came since we looked, or went: look again after the pause */
			board_not_started(database, GetCurrentTimestamp(), NULL);
	}
	return next;
}

static void
start(const Candidate *candidate)
{
	BackgroundWorker worker = {
		.bgw_type = WORKER_TYPE,
		.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION,
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
		static const char *const none = "all background workers of the server are taken";

		board_not_started(candidate->database, GetCurrentTimestamp(), none);
		ereport(WARNING,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("%s", none),
				 errdetail("Nobody folds what changes in database \"%s\".",
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
