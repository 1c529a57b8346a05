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

/* What all of this calls itself in pg_stat_activity. */
#define WORKER_TYPE		"segment worker"
#define LAUNCHER_TYPE	"segment launcher"

/* Where the server enters the processes, in launcher.c and loop.c. */
#define LAUNCHER_MAIN	"segment_launcher_main"
#define WORKER_MAIN		"segment_worker_main"

/* board.c: what the processes tell each other -------------------------------- */

/* Ask the server for the memory; only while the library is being preloaded. */
extern void board_init(void);

/* For any session ---- */

/* Something is pending in this database.  Cannot fail. */
extern void board_wake(void);

/*
 * Look at this database: the extension, or the database itself, may have come
 * or gone.  Cannot fail.
 */
extern void board_ask(Oid database);

/*
 * Send the worker of a database away, until board_release().  Waits until it
 * has left, but not for ever.
 */
extern void board_hold(Oid database);
extern void board_release(Oid database);

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
 * Of all databases that have one: WorkerStatus *, in the current context.  None
 * where the library is not preloaded.
 */
extern List *board_status(void);

/* For the launcher ---- */

extern void board_begin_launcher(void);

/* Is it to look at all databases, because some could not be written down? */
extern bool board_take_look(void);

/* The databases on the board (OIDs), in the current context. */
extern List *board_databases(void);

/* A worker is wanted.  False if the board is full. */
extern bool board_want(Oid database);

/* None is wanted any more: the one that is there leaves. */
extern void board_dismiss(Oid database);

/*
 * The database whose worker is to be started now, or InvalidOid and when to
 * ask again: DT_NOEND if not before something happens.
 */
extern Oid	board_next(TimestampTz now, TimestampTz *ask_again);

/* It could not be started: not again for a while. */
extern void board_not_started(Oid database, TimestampTz now, const char *why);

/* For the worker ---- */

typedef enum WorkerLeave
{
	LEAVE_FAILED,				/* it is started again, after a pause */
	LEAVE_STOPPED,				/* somebody wanted it to go */
	LEAVE_FOR_GOOD				/* there is no extension in the database */
} WorkerLeave;

/* False if nobody waits for a worker of this database: exit. */
extern bool board_attach(Oid database);
extern void board_leave(WorkerLeave how, TimestampTz now);

/* There is something to do for it here. */
extern void board_settle(void);

/* Is it to go? */
extern bool board_stop(void);

/* Has somebody asked to look at the database?  Taken once. */
extern bool board_take_asked(void);

/* Is something pending?  To be taken before it is looked at. */
extern bool board_pending(void);
extern void board_take_pending(void);

extern void board_note_wakeup(void);
extern void board_note_tick(TimestampTz at, int64 folded);
extern void board_note_error(TimestampTz at, const char *message);

/* watch.c: what sessions do that concerns the workers ------------------------- */

extern void watch_init(void);

#endif							/* SEGMENT_WORKER_PRIVATE_H */
