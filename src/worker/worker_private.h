/*-------------------------------------------------------------------------
 *
 * worker_private.h
 *	  What the files of this room share with each other only.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_WORKER_PRIVATE_H
#define SEGMENT_WORKER_PRIVATE_H

#include "nodes/pg_list.h"
#include "utils/timestamp.h"

/* What the processes call themselves in pg_stat_activity. */
#define WORKER_TYPE		"segment worker"
#define LAUNCHER_TYPE	"segment launcher"

/* Where the server enters the processes, in launcher.c and loop.c. */
#define LAUNCHER_MAIN	"segment_launcher_main"
#define WORKER_MAIN		"segment_worker_main"

/* worker_shmem.c: what the processes tell each other ---------------------- */

/*
 * worker_shmem_init() asks the server for the memory, while the library is
 * being preloaded.
 */
extern void worker_shmem_init(void);

/* For any session ---- */

/*
 * worker_shmem_wake() wakes the worker of this database: something is pending.
 * It cannot fail.
 */
extern void worker_shmem_wake(void);

/*
 * worker_shmem_request_check() has a database checked: the extension, or the
 * database itself, may have come or gone.  It cannot fail.
 */
extern void worker_shmem_request_check(Oid database);

/*
 * worker_shmem_block() sends the worker of a database away until
 * worker_shmem_unblock().  It waits until the worker has left, but not for
 * ever.
 */
extern void worker_shmem_block(Oid database);
extern void worker_shmem_unblock(Oid database);

/* How a worker is doing. */
typedef struct WorkerStatus
{
	Oid			database;
	int			pid;			/* 0 if it is not running */
	TimestampTz last_tick;		/* 0 before the first */
	int64		wakeups;
	int64		folded;
	TimestampTz last_error_at;	/* 0 if there was none */
	char		last_error[256];
} WorkerStatus;

/*
 * worker_shmem_status() lists how the workers of all databases are doing
 * (WorkerStatus *), in the current context; NIL where the library is not
 * preloaded.
 */
extern List *worker_shmem_status(void);

/* For the launcher ---- */

/* worker_shmem_attach_launcher() lets others wake this process. */
extern void worker_shmem_attach_launcher(void);

/*
 * worker_shmem_take_check_all() says, once, whether all databases are to be
 * checked, because there was no slot for some.
 */
extern bool worker_shmem_take_check_all(void);

/* worker_shmem_databases() lists the databases (OIDs) that have a slot. */
extern List *worker_shmem_databases(void);

/*
 * worker_shmem_want() says that a worker is wanted for a database; false if
 * there is no slot for it.  worker_shmem_dismiss() says that none is wanted
 * any more: the one that is there leaves.
 */
extern bool worker_shmem_want(Oid database);
extern void worker_shmem_dismiss(Oid database);

/*
 * worker_shmem_next_start() is the database whose worker is to be started now.
 * InvalidOid: none, and *retry is when to ask again (DT_NOEND: not before
 * something happens).
 */
extern Oid	worker_shmem_next_start(TimestampTz now, TimestampTz *retry);

/*
 * worker_shmem_start_failed() says that the worker could not be started, and
 * 'why' (or NULL): it is tried again after a pause.
 */
extern void worker_shmem_start_failed(Oid database, TimestampTz now,
									  const char *why);

/* For the worker ---- */

/*
 * worker_shmem_attach() takes the slot of a database; false if no worker of it
 * is awaited: exit.
 */
extern bool worker_shmem_attach(Oid database);

typedef enum WorkerLeave
{
	LEAVE_FAILED,				/* it is started again, after a pause */
	LEAVE_STOPPED,				/* it was asked to leave */
	LEAVE_FOR_GOOD				/* there is no extension in the database */
} WorkerLeave;

/* worker_shmem_detach() leaves the slot. */
extern void worker_shmem_detach(WorkerLeave how, TimestampTz now);

/* worker_shmem_set_running() says that there is an extension to work for. */
extern void worker_shmem_set_running(void);

/* worker_shmem_must_stop() says whether the worker is to leave. */
extern bool worker_shmem_must_stop(void);

/*
 * worker_shmem_take_check() says, once, whether the database is to be checked.
 */
extern bool worker_shmem_take_check(void);

/*
 * worker_shmem_is_pending() says whether toggles wait to be folded.
 * worker_shmem_take_pending() clears that, before they are looked for.
 */
extern bool worker_shmem_is_pending(void);
extern void worker_shmem_take_pending(void);

/*
 * worker_shmem_note_wakeup() and the like note what segment.stat_worker shows.
 */
extern void worker_shmem_note_wakeup(void);
extern void worker_shmem_note_tick(TimestampTz at, int64 folded);
extern void worker_shmem_note_error(TimestampTz at, const char *message);

/* turn.c: what the worker does when it is woken --------------------------- */

/* turn_init() makes the memory of turns the current context. */
extern void turn_init(void);

/*
 * turn() sweeps and folds every population that is not in trouble.  False if
 * the extension is not there.
 */
extern bool turn(void);

/*
 * turn_next_due() is when time changes something next: the earliest wake_at.
 */
extern TimestampTz turn_next_due(void);

/* trouble.c: populations that failed -------------------------------------- */

/*
 * trouble_note() notes that a population failed, and trouble_forget() that it
 * went well.  trouble_forget_others() forgets all populations but these (char
 * *), which are all that exist.
 */
extern void trouble_note(const char *population, TimestampTz now);
extern void trouble_forget(const char *population);
extern void trouble_forget_others(List *populations);

/*
 * trouble_pauses() says whether a population is passed over for now, and
 * trouble_next() when the first such pause ends (DT_NOEND: there is none).
 */
extern bool trouble_pauses(const char *population, TimestampTz now);
extern TimestampTz trouble_next(void);

/* watch.c: what sessions do that concerns the workers --------------------- */

/* watch_init() installs the hooks, while the library is being preloaded. */
extern void watch_init(void);

#endif							/* SEGMENT_WORKER_PRIVATE_H */
