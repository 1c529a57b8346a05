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
 * Who locks what.  One spinlock guards the board; whoever holds it assigns and
 * compares, and no more.  Two numbers of a slot are read without it, so that a
 * commit costs next to nothing: which database it is for, and whether something
 * is pending.  Only the first commit after a fold began takes the spinlock, to
 * find the latch.
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
#include "storage/spin.h"

#include "base/base.h"
#include "worker/worker_private.h"

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
	slock_t		mutex;
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
static void note_error(Slot *slot, TimestampTz at, const char *message);
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
	SpinLockAcquire(&board->mutex);
	latch = my_slot->latch;
	SpinLockRelease(&board->mutex);
	wake(latch);
}

void
board_ask(Oid database)
{
	Latch	   *worker = NULL;
	Latch	   *launcher;
	Slot	   *slot;

	SpinLockAcquire(&board->mutex);
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
	SpinLockRelease(&board->mutex);
	wake(worker);
	wake(launcher);
}

void
board_hold(Oid database)
{
	TimestampTz since = GetCurrentTimestamp();
	Latch	   *latch;
	Slot	   *slot;

	SpinLockAcquire(&board->mutex);
	slot = find_slot(database);
	latch = slot != NULL ? slot->latch : NULL;
	if (slot != NULL)
	{
		slot->held++;
		slot->stop = (slot->state != SLOT_WANTED);
	}
	SpinLockRelease(&board->mutex);
	wake(latch);

	/* as it is held, nobody else gets its slot */
	while (slot != NULL)
	{
		bool		left;

		SpinLockAcquire(&board->mutex);
		left = (slot->state == SLOT_WANTED);
		SpinLockRelease(&board->mutex);
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

	SpinLockAcquire(&board->mutex);
	slot = find_slot(database);
	if (slot != NULL && slot->held > 0)
		slot->held--;
	launcher = board->launcher;
	SpinLockRelease(&board->mutex);
	wake(launcher);
}

List *
board_status(void)
{
	List	   *result = NIL;

	for (int i = 0; board != NULL && i < board->nslots; i++)
	{
		WorkerStatus *status = palloc(sizeof(WorkerStatus));

		SpinLockAcquire(&board->mutex);
		*status = board->slots[i].status;
		status->database = pg_atomic_read_u32(&board->slots[i].database);
		SpinLockRelease(&board->mutex);
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
	SpinLockAcquire(&board->mutex);
	board->launcher = MyLatch;
	SpinLockRelease(&board->mutex);
}

static void
forget_launcher(int code, Datum arg)
{
	SpinLockAcquire(&board->mutex);
	board->launcher = NULL;
	SpinLockRelease(&board->mutex);
}

bool
board_take_look(void)
{
	bool		look;

	SpinLockAcquire(&board->mutex);
	look = board->look;
	board->look = false;
	SpinLockRelease(&board->mutex);
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

	SpinLockAcquire(&board->mutex);
	written = (take_slot(database) != NULL);
	SpinLockRelease(&board->mutex);
	return written;
}

void
board_dismiss(Oid database)
{
	Latch	   *latch = NULL;
	Slot	   *slot;

	SpinLockAcquire(&board->mutex);
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
	SpinLockRelease(&board->mutex);
	wake(latch);
}

Oid
board_next(TimestampTz now, TimestampTz *ask_again)
{
	Oid			next = InvalidOid;
	bool		busy = false;

	*ask_again = DT_NOEND;
	SpinLockAcquire(&board->mutex);
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
	SpinLockRelease(&board->mutex);
	return next;
}

void
board_not_started(Oid database, TimestampTz now, const char *why)
{
	Slot	   *slot;

	SpinLockAcquire(&board->mutex);
	slot = find_slot(database);
	if (slot != NULL && slot->state == SLOT_STARTING && slot->latch == NULL)
	{
		fail_slot(slot, now);
		if (why != NULL)
			note_error(slot, now, why);
	}
	SpinLockRelease(&board->mutex);
	ConditionVariableBroadcast(&board->left);
}

/* ---- for the worker ---- */

bool
board_attach(Oid database)
{
	SpinLockAcquire(&board->mutex);
	my_slot = find_slot(database);
	if (my_slot != NULL &&
		(my_slot->state != SLOT_STARTING || my_slot->latch != NULL))
		my_slot = NULL;
	if (my_slot != NULL)
	{
		my_slot->latch = MyLatch;
		my_slot->status.pid = MyProcPid;
	}
	SpinLockRelease(&board->mutex);
	return my_slot != NULL;
}

void
board_leave(WorkerLeave how, TimestampTz now)
{
	Latch	   *launcher;

	SpinLockAcquire(&board->mutex);
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
	SpinLockRelease(&board->mutex);
	wake(launcher);
	ConditionVariableBroadcast(&board->left);
}

void
board_settle(void)
{
	Latch	   *launcher;
	bool		news;

	SpinLockAcquire(&board->mutex);
	news = (my_slot->state != SLOT_RUNNING);
	my_slot->state = SLOT_RUNNING;
	launcher = board->launcher;
	SpinLockRelease(&board->mutex);
	if (news)
		wake(launcher);
}

bool
board_stop(void)
{
	bool		stop;

	SpinLockAcquire(&board->mutex);
	stop = my_slot->stop;
	SpinLockRelease(&board->mutex);
	return stop;
}

bool
board_take_asked(void)
{
	bool		asked;

	SpinLockAcquire(&board->mutex);
	asked = my_slot->asked;
	my_slot->asked = false;
	SpinLockRelease(&board->mutex);
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
	SpinLockAcquire(&board->mutex);
	my_slot->status.wakeups++;
	SpinLockRelease(&board->mutex);
}

void
board_note_tick(TimestampTz at, int64 folded)
{
	SpinLockAcquire(&board->mutex);
	my_slot->failures = 0;
	my_slot->status.last_tick = at;
	my_slot->status.folded += folded;
	SpinLockRelease(&board->mutex);
}

void
board_note_error(TimestampTz at, const char *message)
{
	SpinLockAcquire(&board->mutex);
	note_error(my_slot, at, message);
	SpinLockRelease(&board->mutex);
}

/* ---- the memory ---- */

static void
request_memory(void)
{
	if (previous_request != NULL)
		previous_request();
	RequestAddinShmemSpace(board_size());
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
		SpinLockInit(&board->mutex);
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

/* ---- slots; all but find_slot() are called with the spinlock held ---- */

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

static void
note_error(Slot *slot, TimestampTz at, const char *message)
{
	int			length = pg_mbcliplen(message, strlen(message),
									  sizeof(slot->status.last_error) - 1);

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
