/*-------------------------------------------------------------------------
 *
 * board.c
 *	  Which databases have a worker, and what do the processes tell each other?
 *
 * A board in shared memory, with a slot for each database that has a worker:
 *
 *		shop		running		pid 4711	pending		12 wake-ups
 *		restaurant	wanted		not before 12:00:03
 *		(free)
 *
 *		session		commits toggles		board_wake: pending, the worker's latch
 *					CREATE EXTENSION	board_ask: wanted, the launcher's latch
 *		launcher	starts what is wanted, one after the other
 *		worker		attaches, works, and leaves its slot to be started again,
 *					or free if there is no extension in its database
 *
 * Only the slots' states are kept here, not the processes: a worker that ends
 * in whatever way leaves its slot, and if it could not, then the server
 * restarts everybody with an empty board.
 *
 * Who locks what.  One lightweight lock guards the board: shared for whoever
 * only reads it, exclusive for whoever writes.  Nothing that can fail or wait is
 * done while it is held.  Two numbers of a slot are read without it, so that a
 * commit costs next to nothing: which database it is for, and whether something
 * is pending.  Only the first commit after a fold began takes the lock, to find
 * the latch.
 *
 * Nothing is lost: toggles are committed before 'pending' is set, and it is
 * cleared before they are looked for.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "port/atomics.h"
#include "storage/condition_variable.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"

#include "base/base.h"
#include "worker/worker_private.h"

/* The tranche of the board's lock, as pg_stat_activity names it. */
#define BOARD_LOCK		"segment workers"

/* How long a worker may take from being started to its first look. */
#define START_PATIENCE	(10 * USECS_PER_SEC)

/* How long whoever wants it away waits for it. */
#define HOLD_PATIENCE	5000	/* milliseconds */

/* After a failure: doubled with each that follows it. */
#define SHORTEST_PAUSE	USECS_PER_SEC
#define LONGEST_PAUSE	USECS_PER_MINUTE

typedef enum SlotState
{
	SLOT_WANTED,
	SLOT_STARTING,
	SLOT_RUNNING
} SlotState;

typedef struct Slot
{
	pg_atomic_uint32 database;	/* InvalidOid: the slot is free */
	pg_atomic_uint32 pending;
	SlotState	state;
	TimestampTz due;			/* wanted: not before; starting: given up then */
	int			failures;		/* one after the other */
	int			held;			/* by so many sessions */
	bool		asked;
	bool		stop;
	Latch	   *latch;			/* of the worker, NULL if there is none */
	WorkerStatus status;
} Slot;

typedef struct Board
{
	LWLock	   *lock;			/* the only one of tranche BOARD_LOCK */
	ConditionVariable left;		/* somebody left */
	Latch	   *launcher;		/* NULL if there is none */
	bool		look;
	int			nslots;
	Slot		slots[FLEXIBLE_ARRAY_MEMBER];
} Board;

/* NULL where the library is not preloaded: then only board_status() is called. */
static Board *board = NULL;

/* The worker's own; of a session, the one it found last. */
static Slot *my_slot = NULL;

static shmem_request_hook_type previous_request = NULL;
static shmem_startup_hook_type previous_startup = NULL;

static void request_memory(void);
static void make_board(void);
static Size board_size(void);
static void forget_launcher(int code, Datum arg);
static Slot *find_slot(Oid database);
static Slot *take_slot(Oid database);
static void free_slot(Slot *slot);
static void fail_slot(Slot *slot, TimestampTz now);
static int	clip_error(const char *message);
static void note_error(Slot *slot, TimestampTz at, const char *message,
					   int length);
static void wake(Latch *latch);

void
board_init(void)
{
	previous_request = shmem_request_hook;
	shmem_request_hook = request_memory;
	previous_startup = shmem_startup_hook;
	shmem_startup_hook = make_board;
}

/* ---- for any session ---- */

void
board_wake(void)
{
	Latch	   *latch;

	if (my_slot == NULL ||
		pg_atomic_read_u32(&my_slot->database) != MyDatabaseId)
		my_slot = find_slot(MyDatabaseId);
	if (my_slot == NULL || pg_atomic_exchange_u32(&my_slot->pending, 1) != 0)
		return;
	LWLockAcquire(board->lock, LW_SHARED);
	latch = my_slot->latch;
	LWLockRelease(board->lock);
	wake(latch);
}

void
board_ask(Oid database)
{
	Latch	   *worker = NULL;
	Latch	   *launcher;
	Slot	   *slot;

	LWLockAcquire(board->lock, LW_EXCLUSIVE);
	slot = take_slot(database);
	if (slot != NULL)
	{
		slot->asked = true;
		worker = slot->latch;
		if (slot->state == SLOT_WANTED)
			slot->due = 0;
	}
	else
		board->look = true;
	launcher = board->launcher;
	LWLockRelease(board->lock);
	wake(worker);
	wake(launcher);
}

void
board_hold(Oid database)
{
	TimestampTz since = GetCurrentTimestamp();
	Latch	   *latch;
	Slot	   *slot;

	LWLockAcquire(board->lock, LW_EXCLUSIVE);
	slot = find_slot(database);
	latch = slot != NULL ? slot->latch : NULL;
	if (slot != NULL)
	{
		slot->held++;
		slot->stop = (slot->state != SLOT_WANTED);
	}
	LWLockRelease(board->lock);
	wake(latch);

	/* as it is held, nobody else gets its slot */
	while (slot != NULL)
	{
		bool		left;

		LWLockAcquire(board->lock, LW_SHARED);
		left = (slot->state == SLOT_WANTED);
		LWLockRelease(board->lock);
		if (left || TimestampDifferenceExceeds(since, GetCurrentTimestamp(),
											   HOLD_PATIENCE))
			break;
		(void) ConditionVariableTimedSleep(&board->left, HOLD_PATIENCE,
										   PG_WAIT_EXTENSION);
	}
	ConditionVariableCancelSleep();
}

void
board_release(Oid database)
{
	Latch	   *launcher;
	Slot	   *slot;

	LWLockAcquire(board->lock, LW_EXCLUSIVE);
	slot = find_slot(database);
	if (slot != NULL && slot->held > 0)
		slot->held--;
	launcher = board->launcher;
	LWLockRelease(board->lock);
	wake(launcher);
}

List *
board_status(void)
{
	List	   *result = NIL;

	for (int i = 0; board != NULL && i < board->nslots; i++)
	{
		WorkerStatus *status = palloc(sizeof(WorkerStatus));

		LWLockAcquire(board->lock, LW_SHARED);
		*status = board->slots[i].status;
		status->database = pg_atomic_read_u32(&board->slots[i].database);
		LWLockRelease(board->lock);
		if (OidIsValid(status->database))
			result = lappend(result, status);
	}
	return result;
}

/* ---- for the launcher ---- */

void
board_begin_launcher(void)
{
	before_shmem_exit(forget_launcher, (Datum) 0);
	LWLockAcquire(board->lock, LW_EXCLUSIVE);
	board->launcher = MyLatch;
	LWLockRelease(board->lock);
}

static void
forget_launcher(int code, Datum arg)
{
	LWLockAcquire(board->lock, LW_EXCLUSIVE);
	board->launcher = NULL;
	LWLockRelease(board->lock);
}

bool
board_take_look(void)
{
	bool		look;

	LWLockAcquire(board->lock, LW_EXCLUSIVE);
	look = board->look;
	board->look = false;
	LWLockRelease(board->lock);
	return look;
}

List *
board_databases(void)
{
	List	   *result = NIL;

	for (int i = 0; i < board->nslots; i++)
	{
		Oid			database = pg_atomic_read_u32(&board->slots[i].database);

		if (OidIsValid(database))
			result = lappend_oid(result, database);
	}
	return result;
}

bool
board_want(Oid database)
{
	bool		written;

	LWLockAcquire(board->lock, LW_EXCLUSIVE);
	written = (take_slot(database) != NULL);
	LWLockRelease(board->lock);
	return written;
}

void
board_dismiss(Oid database)
{
	Latch	   *latch = NULL;
	Slot	   *slot;

	LWLockAcquire(board->lock, LW_EXCLUSIVE);
	slot = find_slot(database);
	if (slot != NULL && slot->state == SLOT_WANTED)
	{
		if (slot->held == 0)
			free_slot(slot);
	}
	else if (slot != NULL)
	{
		slot->stop = true;
		latch = slot->latch;
	}
	LWLockRelease(board->lock);
	wake(latch);
}

Oid
board_next(TimestampTz now, TimestampTz *ask_again)
{
	Oid			next = InvalidOid;
	bool		busy = false;

	*ask_again = DT_NOEND;
	LWLockAcquire(board->lock, LW_EXCLUSIVE);
	for (int i = 0; i < board->nslots; i++)
	{
		Slot	   *slot = &board->slots[i];

		if (!OidIsValid(pg_atomic_read_u32(&slot->database)) ||
			slot->state != SLOT_STARTING)
			continue;
		if (now < slot->due)
		{
			busy = true;
			*ask_again = Min(*ask_again, slot->due);
		}
		else if (slot->latch == NULL)
			fail_slot(slot, now);
	}

	/*
	 * One after the other: a server with many databases is not to be filled
	 * with workers that only find out that they have nothing to do.
	 */
	for (int i = 0; i < board->nslots && !busy && !OidIsValid(next); i++)
	{
		Slot	   *slot = &board->slots[i];

		if (!OidIsValid(pg_atomic_read_u32(&slot->database)) ||
			slot->state != SLOT_WANTED || slot->held > 0)
			continue;
		if (now < slot->due)
		{
			*ask_again = Min(*ask_again, slot->due);
			continue;
		}
		next = pg_atomic_read_u32(&slot->database);
		slot->state = SLOT_STARTING;
		slot->due = now + START_PATIENCE;
		slot->asked = false;
		slot->stop = false;
	}
	LWLockRelease(board->lock);
	return next;
}

void
board_not_started(Oid database, TimestampTz now, const char *why)
{
	int			length = why != NULL ? clip_error(why) : 0;
	Slot	   *slot;

	LWLockAcquire(board->lock, LW_EXCLUSIVE);
	slot = find_slot(database);
	if (slot != NULL && slot->state == SLOT_STARTING && slot->latch == NULL)
	{
		fail_slot(slot, now);
		if (why != NULL)
			note_error(slot, now, why, length);
	}
	LWLockRelease(board->lock);
	ConditionVariableBroadcast(&board->left);
}

/* ---- for the worker ---- */

bool
board_attach(Oid database)
{
	LWLockAcquire(board->lock, LW_EXCLUSIVE);
	my_slot = find_slot(database);
	if (my_slot != NULL &&
		(my_slot->state != SLOT_STARTING || my_slot->latch != NULL))
		my_slot = NULL;
	if (my_slot != NULL)
	{
		my_slot->latch = MyLatch;
		my_slot->status.pid = MyProcPid;
	}
	LWLockRelease(board->lock);
	return my_slot != NULL;
}

void
board_leave(WorkerLeave how, TimestampTz now)
{
	Latch	   *launcher;

	LWLockAcquire(board->lock, LW_EXCLUSIVE);
	if (how == LEAVE_FOR_GOOD && !my_slot->asked && my_slot->held == 0)
		free_slot(my_slot);
	else if (how == LEAVE_FAILED)
		fail_slot(my_slot, now);
	else
	{
		my_slot->state = SLOT_WANTED;
		my_slot->due = now;
	}
	my_slot->latch = NULL;
	my_slot->status.pid = 0;
	launcher = board->launcher;
	LWLockRelease(board->lock);
	wake(launcher);
	ConditionVariableBroadcast(&board->left);
}

void
board_settle(void)
{
	Latch	   *launcher;
	bool		news;

	LWLockAcquire(board->lock, LW_EXCLUSIVE);
	news = (my_slot->state != SLOT_RUNNING);
	my_slot->state = SLOT_RUNNING;
	launcher = board->launcher;
	LWLockRelease(board->lock);
	if (news)
		wake(launcher);
}

bool
board_stop(void)
{
	bool		stop;

	LWLockAcquire(board->lock, LW_SHARED);
	stop = my_slot->stop;
	LWLockRelease(board->lock);
	return stop;
}

bool
board_take_asked(void)
{
	bool		asked;

	LWLockAcquire(board->lock, LW_EXCLUSIVE);
	asked = my_slot->asked;
	my_slot->asked = false;
	LWLockRelease(board->lock);
	return asked;
}

bool
board_pending(void)
{
	return pg_atomic_read_u32(&my_slot->pending) != 0;
}

void
board_take_pending(void)
{
	/* an exchange, because what is read next must not be read before it */
	(void) pg_atomic_exchange_u32(&my_slot->pending, 0);
}

void
board_note_wakeup(void)
{
	LWLockAcquire(board->lock, LW_EXCLUSIVE);
	my_slot->status.wakeups++;
	LWLockRelease(board->lock);
}

void
board_note_tick(TimestampTz at, int64 folded)
{
	LWLockAcquire(board->lock, LW_EXCLUSIVE);
	my_slot->failures = 0;
	my_slot->status.last_tick = at;
	my_slot->status.folded += folded;
	LWLockRelease(board->lock);
}

void
board_note_error(TimestampTz at, const char *message)
{
	int			length = clip_error(message);

	LWLockAcquire(board->lock, LW_EXCLUSIVE);
	note_error(my_slot, at, message, length);
	LWLockRelease(board->lock);
}

/* ---- the memory ---- */

static void
request_memory(void)
{
	if (previous_request != NULL)
		previous_request();
	RequestAddinShmemSpace(board_size());
	RequestNamedLWLockTranche(BOARD_LOCK, 1);
}

static void
make_board(void)
{
	bool		found;

	if (previous_startup != NULL)
		previous_startup();
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	board = ShmemInitStruct("segment workers", board_size(), &found);
	if (!found)
	{
		memset(board, 0, board_size());
		board->lock = &GetNamedLWLockTranche(BOARD_LOCK)->lock;
		ConditionVariableInit(&board->left);
		board->nslots = max_worker_processes;
		for (int i = 0; i < board->nslots; i++)
		{
			pg_atomic_init_u32(&board->slots[i].database, InvalidOid);
			pg_atomic_init_u32(&board->slots[i].pending, 0);
		}
	}
	LWLockRelease(AddinShmemInitLock);
}

/* More workers than the server has processes for are never needed. */
static Size
board_size(void)
{
	return add_size(offsetof(Board, slots),
					mul_size(max_worker_processes, sizeof(Slot)));
}

/* ---- slots; all but find_slot() are called with the lock held ---- */

static Slot *
find_slot(Oid database)
{
	for (int i = 0; i < board->nslots; i++)
		if (pg_atomic_read_u32(&board->slots[i].database) == database)
			return &board->slots[i];
	return NULL;
}

/* Find it, or take a free one; NULL if there is none. */
static Slot *
take_slot(Oid database)
{
	Slot	   *slot = find_slot(database);

	if (slot != NULL)
		return slot;
	slot = find_slot(InvalidOid);
	if (slot == NULL)
		return NULL;
	slot->state = SLOT_WANTED;
	slot->due = 0;
	slot->failures = 0;
	slot->held = 0;
	slot->asked = false;
	slot->stop = false;
	slot->latch = NULL;
	memset(&slot->status, 0, sizeof(WorkerStatus));
	pg_atomic_write_u32(&slot->pending, 0);
	pg_atomic_write_u32(&slot->database, database);
	return slot;
}

static void
free_slot(Slot *slot)
{
	pg_atomic_write_u32(&slot->database, InvalidOid);
}

static void
fail_slot(Slot *slot, TimestampTz now)
{
	slot->state = SLOT_WANTED;
	slot->due = now + Min(LONGEST_PAUSE,
						  SHORTEST_PAUSE << Min(slot->failures, 10));
	slot->failures++;
}

/* How many bytes of an error's message a slot has room for. */
static int
clip_error(const char *message)
{
	return pg_mbcliplen(message, strlen(message),
						sizeof(((WorkerStatus *) NULL)->last_error) - 1);
}

static void
note_error(Slot *slot, TimestampTz at, const char *message, int length)
{
	memcpy(slot->status.last_error, message, length);
	slot->status.last_error[length] = '\0';
	slot->status.last_error_at = at;
}

static void
wake(Latch *latch)
{
	if (latch != NULL)
		SetLatch(latch);
}
