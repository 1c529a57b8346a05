/*-------------------------------------------------------------------------
 *
 * worker_shmem.c
 *	  Which databases have a worker, and what do the processes tell each other?
 *
 * Shared memory has a slot for each database that has a worker:
 *
 *		shop		running		pid 4711	pending		12 wake-ups
 *		restaurant	wanted		not before 12:00:03
 *		(free)
 *
 *		session		commits toggles		worker_shmem_wake: pending, and the
 *										worker's latch
 *					CREATE EXTENSION	worker_shmem_request_check: wanted, and
 *										the launcher's latch
 *		launcher	starts what is wanted, one after the other
 *		worker		attaches, works, and leaves its slot to be started again,
 *					or free if there is no extension in its database
 *
 * Only the states of slots are kept here, not the processes: a worker that
 * ends in whatever way leaves its slot; if it could not, then the server
 * restarts all processes, with all slots free.
 *
 * Locks.  One lightweight lock guards the slots: shared to read them,
 * exclusive to write.  Nothing that can fail or wait is done while it is held.
 * Two numbers of a slot are read without it, so that a commit costs next to
 * nothing: which database the slot is for, and whether something is pending.
 * Only the first commit after a fold began takes the lock, to find the latch.
 *
 * Nothing is lost: toggles are committed before 'pending' is set, and
 * 'pending' is cleared before a worker looks for toggles.
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

/* The tranche of the lock, as pg_stat_activity names it. */
#define SHMEM_LOCK		"segment workers"

/* How long a worker may take from being started to attaching. */
#define START_PATIENCE	(10 * USECS_PER_SEC)

/* How long a session that blocks a worker waits until it has left, in ms. */
#define BLOCK_PATIENCE	5000

/* The pause after a failure, doubled with each that follows it. */
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
	TimestampTz due;			/* wanted: not before; starting: until then */
	int			failures;		/* one after the other */
	int			blocked;		/* by so many sessions: no worker is started */
	bool		check;			/* is the extension there?  Look again */
	bool		stop;			/* the worker is to leave */
	Latch	   *latch;			/* of the worker, NULL if there is none */
	WorkerStatus status;
} Slot;

typedef struct WorkerShmem
{
	LWLock	   *lock;			/* the only one of tranche SHMEM_LOCK */
	ConditionVariable left;		/* a worker left */
	Latch	   *launcher;		/* NULL if there is none */
	bool		check_all;		/* databases: some found no free slot */
	int			nslots;
	Slot		slots[FLEXIBLE_ARRAY_MEMBER];
} WorkerShmem;

/*
 * NULL where the library is not preloaded: then only worker_shmem_status() is
 * called.
 */
static WorkerShmem *shmem = NULL;

/* The slot of the worker itself; in a session, the one that it found last. */
static Slot *my_slot = NULL;

static shmem_request_hook_type previous_request = NULL;
static shmem_startup_hook_type previous_startup = NULL;

static void request_memory(void);
static void create_shmem(void);
static Size shmem_size(void);
static void forget_launcher(int code, Datum arg);
static bool is_starting(TimestampTz now, TimestampTz *until);
static Oid	start_wanted(TimestampTz now, TimestampTz *retry);
static Slot *find_slot(Oid database);
static Slot *take_slot(Oid database);
static void free_slot(Slot *slot);
static bool slot_is_used(const Slot *slot);
static void fail_slot(Slot *slot, TimestampTz now);
static int	clip_error(const char *message);
static void note_error(Slot *slot, TimestampTz at, const char *message,
					   int length);
static void wake(Latch *latch);

void
worker_shmem_init(void)
{
	previous_request = shmem_request_hook;
	shmem_request_hook = request_memory;
	previous_startup = shmem_startup_hook;
	shmem_startup_hook = create_shmem;
}

/* ---- for any session ---- */

void
worker_shmem_wake(void)
{
	Latch	   *latch;

	if (my_slot == NULL ||
		pg_atomic_read_u32(&my_slot->database) != MyDatabaseId)
		my_slot = find_slot(MyDatabaseId);
	if (my_slot == NULL || pg_atomic_exchange_u32(&my_slot->pending, 1) != 0)
		return;
	LWLockAcquire(shmem->lock, LW_SHARED);
	latch = my_slot->latch;
	LWLockRelease(shmem->lock);
	wake(latch);
}

void
worker_shmem_request_check(Oid database)
{
	Latch	   *worker = NULL;
	Latch	   *launcher;
	Slot	   *slot;

	LWLockAcquire(shmem->lock, LW_EXCLUSIVE);
	slot = take_slot(database);
	if (slot != NULL)
	{
		slot->check = true;
		worker = slot->latch;
		if (slot->state == SLOT_WANTED)
			slot->due = 0;
	}
	else
		shmem->check_all = true;
	launcher = shmem->launcher;
	LWLockRelease(shmem->lock);
	wake(worker);
	wake(launcher);
}

void
worker_shmem_block(Oid database)
{
	TimestampTz since = GetCurrentTimestamp();
	Latch	   *latch;
	Slot	   *slot;

	LWLockAcquire(shmem->lock, LW_EXCLUSIVE);
	slot = find_slot(database);
	latch = slot != NULL ? slot->latch : NULL;
	if (slot != NULL)
	{
		slot->blocked++;
		slot->stop = (slot->state != SLOT_WANTED);
	}
	LWLockRelease(shmem->lock);
	wake(latch);

	/* no other database gets a slot that is blocked */
	while (slot != NULL)
	{
		bool		left;

		LWLockAcquire(shmem->lock, LW_SHARED);
		left = (slot->state == SLOT_WANTED);
		LWLockRelease(shmem->lock);
		if (left || TimestampDifferenceExceeds(since, GetCurrentTimestamp(),
											   BLOCK_PATIENCE))
			break;
		(void) ConditionVariableTimedSleep(&shmem->left, BLOCK_PATIENCE,
										   PG_WAIT_EXTENSION);
	}
	ConditionVariableCancelSleep();
}

void
worker_shmem_unblock(Oid database)
{
	Latch	   *launcher;
	Slot	   *slot;

	LWLockAcquire(shmem->lock, LW_EXCLUSIVE);
	slot = find_slot(database);
	if (slot != NULL && slot->blocked > 0)
		slot->blocked--;
	launcher = shmem->launcher;
	LWLockRelease(shmem->lock);
	wake(launcher);
}

List *
worker_shmem_status(void)
{
	List	   *result = NIL;

	for (int i = 0; shmem != NULL && i < shmem->nslots; i++)
	{
		WorkerStatus *status = palloc(sizeof(WorkerStatus));

		LWLockAcquire(shmem->lock, LW_SHARED);
		*status = shmem->slots[i].status;
		status->database = pg_atomic_read_u32(&shmem->slots[i].database);
		LWLockRelease(shmem->lock);
		if (OidIsValid(status->database))
			result = lappend(result, status);
	}
	return result;
}

/* ---- for the launcher ---- */

void
worker_shmem_attach_launcher(void)
{
	before_shmem_exit(forget_launcher, (Datum) 0);
	LWLockAcquire(shmem->lock, LW_EXCLUSIVE);
	shmem->launcher = MyLatch;
	LWLockRelease(shmem->lock);
}

static void
forget_launcher(int code, Datum arg)
{
	LWLockAcquire(shmem->lock, LW_EXCLUSIVE);
	shmem->launcher = NULL;
	LWLockRelease(shmem->lock);
}

bool
worker_shmem_take_check_all(void)
{
	bool		check_all;

	LWLockAcquire(shmem->lock, LW_EXCLUSIVE);
	check_all = shmem->check_all;
	shmem->check_all = false;
	LWLockRelease(shmem->lock);
	return check_all;
}

List *
worker_shmem_databases(void)
{
	List	   *result = NIL;

	for (int i = 0; i < shmem->nslots; i++)
	{
		Oid			database = pg_atomic_read_u32(&shmem->slots[i].database);

		if (OidIsValid(database))
			result = lappend_oid(result, database);
	}
	return result;
}

bool
worker_shmem_want(Oid database)
{
	bool		written;

	LWLockAcquire(shmem->lock, LW_EXCLUSIVE);
	written = (take_slot(database) != NULL);
	LWLockRelease(shmem->lock);
	return written;
}

void
worker_shmem_dismiss(Oid database)
{
	Latch	   *latch = NULL;
	Slot	   *slot;

	LWLockAcquire(shmem->lock, LW_EXCLUSIVE);
	slot = find_slot(database);
	if (slot != NULL && slot->state == SLOT_WANTED)
	{
		if (slot->blocked == 0)
			free_slot(slot);
	}
	else if (slot != NULL)
	{
		slot->stop = true;
		latch = slot->latch;
	}
	LWLockRelease(shmem->lock);
	wake(latch);
}

Oid
worker_shmem_next_start(TimestampTz now, TimestampTz *retry)
{
	Oid			next = InvalidOid;

	*retry = DT_NOEND;
	LWLockAcquire(shmem->lock, LW_EXCLUSIVE);
	if (!is_starting(now, retry))
		next = start_wanted(now, retry);
	LWLockRelease(shmem->lock);
	return next;
}

/*
 * is_starting() says whether a worker is being started, and until when that
 * may take.  One that has taken too long is given up.
 */
static bool
is_starting(TimestampTz now, TimestampTz *until)
{
	bool		starting = false;

	for (int i = 0; i < shmem->nslots; i++)
	{
		Slot	   *slot = &shmem->slots[i];

		if (!slot_is_used(slot) || slot->state != SLOT_STARTING)
			continue;
		if (now < slot->due)
		{
			starting = true;
			*until = Min(*until, slot->due);
		}
		else if (slot->latch == NULL)
			fail_slot(slot, now);
	}
	return starting;
}

/*
 * start_wanted() marks one wanted worker as starting, and returns its
 * database.  One after the other: a server with many databases is not to be
 * filled with workers that only find out that they have nothing to do.  If
 * none is to be started yet, *retry is when.
 */
static Oid
start_wanted(TimestampTz now, TimestampTz *retry)
{
	for (int i = 0; i < shmem->nslots; i++)
	{
		Slot	   *slot = &shmem->slots[i];

		if (!slot_is_used(slot) || slot->state != SLOT_WANTED ||
			slot->blocked > 0)
			continue;
		if (now < slot->due)
		{
			*retry = Min(*retry, slot->due);
			continue;
		}
		slot->state = SLOT_STARTING;
		slot->due = now + START_PATIENCE;
		slot->check = false;
		slot->stop = false;
		return pg_atomic_read_u32(&slot->database);
	}
	return InvalidOid;
}

void
worker_shmem_start_failed(Oid database, TimestampTz now, const char *why)
{
	int			length = why != NULL ? clip_error(why) : 0;
	Slot	   *slot;

	LWLockAcquire(shmem->lock, LW_EXCLUSIVE);
	slot = find_slot(database);
	if (slot != NULL && slot->state == SLOT_STARTING && slot->latch == NULL)
	{
		fail_slot(slot, now);
		if (why != NULL)
			note_error(slot, now, why, length);
	}
	LWLockRelease(shmem->lock);
	ConditionVariableBroadcast(&shmem->left);
}

/* ---- for the worker ---- */

bool
worker_shmem_attach(Oid database)
{
	LWLockAcquire(shmem->lock, LW_EXCLUSIVE);
	my_slot = find_slot(database);
	if (my_slot != NULL &&
		(my_slot->state != SLOT_STARTING || my_slot->latch != NULL))
		my_slot = NULL;
	if (my_slot != NULL)
	{
		my_slot->latch = MyLatch;
		my_slot->status.pid = MyProcPid;
	}
	LWLockRelease(shmem->lock);
	return my_slot != NULL;
}

void
worker_shmem_detach(WorkerLeave how, TimestampTz now)
{
	Latch	   *launcher;

	LWLockAcquire(shmem->lock, LW_EXCLUSIVE);
	if (how == LEAVE_FOR_GOOD && !my_slot->check && my_slot->blocked == 0)
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
	launcher = shmem->launcher;
	LWLockRelease(shmem->lock);
	wake(launcher);
	ConditionVariableBroadcast(&shmem->left);
}

void
worker_shmem_set_running(void)
{
	Latch	   *launcher;
	bool		news;

	LWLockAcquire(shmem->lock, LW_EXCLUSIVE);
	news = (my_slot->state != SLOT_RUNNING);
	my_slot->state = SLOT_RUNNING;
	launcher = shmem->launcher;
	LWLockRelease(shmem->lock);
	if (news)
		wake(launcher);
}

bool
worker_shmem_must_stop(void)
{
	bool		stop;

	LWLockAcquire(shmem->lock, LW_SHARED);
	stop = my_slot->stop;
	LWLockRelease(shmem->lock);
	return stop;
}

bool
worker_shmem_take_check(void)
{
	bool		check;

	LWLockAcquire(shmem->lock, LW_EXCLUSIVE);
	check = my_slot->check;
	my_slot->check = false;
	LWLockRelease(shmem->lock);
	return check;
}

bool
worker_shmem_is_pending(void)
{
	return pg_atomic_read_u32(&my_slot->pending) != 0;
}

void
worker_shmem_take_pending(void)
{
	/* an exchange, because what is read next must not be read before it */
	(void) pg_atomic_exchange_u32(&my_slot->pending, 0);
}

void
worker_shmem_note_wakeup(void)
{
	LWLockAcquire(shmem->lock, LW_EXCLUSIVE);
	my_slot->status.wakeups++;
	LWLockRelease(shmem->lock);
}

void
worker_shmem_note_tick(TimestampTz at, int64 folded)
{
	LWLockAcquire(shmem->lock, LW_EXCLUSIVE);
	my_slot->failures = 0;
	my_slot->status.last_tick = at;
	my_slot->status.folded += folded;
	LWLockRelease(shmem->lock);
}

void
worker_shmem_note_error(TimestampTz at, const char *message)
{
	int			length = clip_error(message);

	LWLockAcquire(shmem->lock, LW_EXCLUSIVE);
	note_error(my_slot, at, message, length);
	LWLockRelease(shmem->lock);
}

/* ---- the memory ---- */

/* request_memory() asks the server for the memory.  A shmem_request_hook. */
static void
request_memory(void)
{
	if (previous_request != NULL)
		previous_request();
	RequestAddinShmemSpace(shmem_size());
	RequestNamedLWLockTranche(SHMEM_LOCK, 1);
}

/* create_shmem() finds the memory, or makes it.  A shmem_startup_hook. */
static void
create_shmem(void)
{
	bool		found;

	if (previous_startup != NULL)
		previous_startup();
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	shmem = ShmemInitStruct("segment workers", shmem_size(), &found);
	if (!found)
	{
		memset(shmem, 0, shmem_size());
		shmem->lock = &GetNamedLWLockTranche(SHMEM_LOCK)->lock;
		ConditionVariableInit(&shmem->left);
		shmem->nslots = max_worker_processes;
		for (int i = 0; i < shmem->nslots; i++)
		{
			pg_atomic_init_u32(&shmem->slots[i].database, InvalidOid);
			pg_atomic_init_u32(&shmem->slots[i].pending, 0);
		}
	}
	LWLockRelease(AddinShmemInitLock);
}

/* There are never more workers than the server has processes for. */
static Size
shmem_size(void)
{
	return add_size(offsetof(WorkerShmem, slots),
					mul_size(max_worker_processes, sizeof(Slot)));
}

/* ---- slots; all but find_slot() are called with the lock held ---- */

static Slot *
find_slot(Oid database)
{
	for (int i = 0; i < shmem->nslots; i++)
		if (pg_atomic_read_u32(&shmem->slots[i].database) == database)
			return &shmem->slots[i];
	return NULL;
}

/* take_slot() finds the slot of a database, or takes a free one; or NULL. */
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
	slot->blocked = 0;
	slot->check = false;
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

static bool
slot_is_used(const Slot *slot)
{
	return OidIsValid(pg_atomic_read_u32(unconstify(pg_atomic_uint32 *,
													&slot->database)));
}

/* fail_slot() has a slot's worker started again, after a pause. */
static void
fail_slot(Slot *slot, TimestampTz now)
{
	slot->state = SLOT_WANTED;
	slot->due = now + Min(LONGEST_PAUSE,
						  SHORTEST_PAUSE << Min(slot->failures, 10));
	slot->failures++;
}

/* clip_error() is how many bytes of a message a slot has room for. */
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
