/*-------------------------------------------------------------------------
 *
 * statistics.c
 *	  How often is each filter evaluated, how long does that take, and how many
 *	  transitions does it make?
 *
 *		audience_close	vip: evaluated 2, 1 us, 1 transition
 *		stat_audience	vip	 evaluated 3120, 1.4 ms, 61 transitions
 *
 * A session counts in its index (conditions.h) and adds the counts here at the
 * end of each statement or sweep.  If the library is preloaded, the counts are
 * in shared memory and of all sessions since the server was started; else they
 * are those of the session itself.  Like the server's own statistics they are
 * not transactional: what is rolled back was evaluated all the same.
 *
 * The counts of a definition go with it.  There is room for so many
 * definitions as MAX_DEFINITIONS says; no more than that are counted.
 *
 * Locks.  One lightweight lock guards the table: shared to find an entry,
 * whose numbers are atomic, exclusive to add or remove one.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "port/atomics.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "utils/hsearch.h"
#include "utils/tuplestore.h"

#include "audience/statistics.h"
#include "base/base.h"

SEGMENT_FUNCTION(segment_audience_status);

/* The tranche of the lock, as pg_stat_activity names it. */
#define STATISTICS_LOCK	"segment statistics"

#define MAX_DEFINITIONS	20000

typedef struct StatisticsKey
{
	Oid			database;
	Oid			base;
	int32		definition_id;
} StatisticsKey;

typedef struct StatisticsEntry
{
	StatisticsKey key;			/* hash key */
	pg_atomic_uint64 evaluated;
	pg_atomic_uint64 conditions;
	pg_atomic_uint64 nanoseconds;
	pg_atomic_uint64 transitions;
} StatisticsEntry;

/* In shared memory, or in the session's if 'lock' is NULL. */
static HTAB *entries = NULL;
static LWLock *lock = NULL;

static shmem_request_hook_type previous_request = NULL;
static shmem_startup_hook_type previous_startup = NULL;

static void request_memory(void);
static void create_shared(void);
static void create_local(void);
static StatisticsKey key_of(Oid base, int32 definition_id);
static void hold(LWLockMode mode);
static void release(void);
static StatisticsEntry *add_entry(const StatisticsKey *key);

void
statistics_init(void)
{
	if (!process_shared_preload_libraries_in_progress)
		return;
	previous_request = shmem_request_hook;
	shmem_request_hook = request_memory;
	previous_startup = shmem_startup_hook;
	shmem_startup_hook = create_shared;
}

void
statistics_add(Oid base, int32 definition_id, const FilterCounts *counts)
{
	StatisticsKey key = key_of(base, definition_id);
	StatisticsEntry *entry;

	if (entries == NULL)
		create_local();
	hold(LW_SHARED);
	entry = hash_search(entries, &key, HASH_FIND, NULL);
	if (entry == NULL)
	{
		release();
		hold(LW_EXCLUSIVE);
		entry = add_entry(&key);
	}
	if (entry != NULL)
	{
		pg_atomic_fetch_add_u64(&entry->evaluated, counts->evaluated);
		pg_atomic_fetch_add_u64(&entry->conditions, counts->conditions);
		pg_atomic_fetch_add_u64(&entry->nanoseconds, counts->nanoseconds);
		pg_atomic_fetch_add_u64(&entry->transitions, counts->transitions);
	}
	release();
}

/* add_entry() finds an entry or makes it; NULL if there is no room. */
static StatisticsEntry *
add_entry(const StatisticsKey *key)
{
	bool		full = hash_get_num_entries(entries) >= MAX_DEFINITIONS;
	/* a table of the session's own is never without room: an error then */
	HASHACTION	enter = lock == NULL ? HASH_ENTER : HASH_ENTER_NULL;
	bool		found;
	StatisticsEntry *entry = hash_search(entries, key,
										 full ? HASH_FIND : enter, &found);

	if (entry == NULL || found)
		return entry;
	pg_atomic_init_u64(&entry->evaluated, 0);
	pg_atomic_init_u64(&entry->conditions, 0);
	pg_atomic_init_u64(&entry->nanoseconds, 0);
	pg_atomic_init_u64(&entry->transitions, 0);
	return entry;
}

void
statistics_forget(Oid base, int32 definition_id)
{
	StatisticsKey key = key_of(base, definition_id);

	if (entries == NULL)
		return;
	hold(LW_EXCLUSIVE);
	(void) hash_search(entries, &key, HASH_REMOVE, NULL);
	release();
}

/*
 * audience_status() -> rows (base table, definition_id, evaluated,
 * conditions, milliseconds, transitions) of this database
 */
Datum
segment_audience_status(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	HASH_SEQ_STATUS scan;
	StatisticsEntry *entry;

	InitMaterializedSRF(fcinfo, 0);
	if (entries == NULL)
		create_local();
	hold(LW_SHARED);
	hash_seq_init(&scan, entries);
	while ((entry = hash_seq_search(&scan)) != NULL)
	{
		double		time = pg_atomic_read_u64(&entry->nanoseconds) / 1e6;
		Datum		values[] = {
			ObjectIdGetDatum(entry->key.base),
			Int32GetDatum(entry->key.definition_id),
			Int64GetDatum(pg_atomic_read_u64(&entry->evaluated)),
			Int64GetDatum(pg_atomic_read_u64(&entry->conditions)),
			Float8GetDatum(time),
			Int64GetDatum(pg_atomic_read_u64(&entry->transitions)),
		};
		bool		isnull[lengthof(values)] = {false};

		if (entry->key.database == MyDatabaseId)
			tuplestore_putvalues(result->setResult, result->setDesc, values,
								 isnull);
	}
	release();
	return (Datum) 0;
}

static StatisticsKey
key_of(Oid base, int32 definition_id)
{
	return (StatisticsKey) {MyDatabaseId, base, definition_id};
}

/* hold() takes the lock, which memory of the session's own does not need. */
static void
hold(LWLockMode mode)
{
	if (lock != NULL)
		LWLockAcquire(lock, mode);
}

static void
release(void)
{
	if (lock != NULL)
		LWLockRelease(lock);
}

/* ---- memory ---- */

/* request_memory() asks the server for the memory.  A shmem_request_hook. */
static void
request_memory(void)
{
	if (previous_request != NULL)
		previous_request();
	RequestAddinShmemSpace(hash_estimate_size(MAX_DEFINITIONS,
											  sizeof(StatisticsEntry)));
	RequestNamedLWLockTranche(STATISTICS_LOCK, 1);
}

/* create_shared() finds the memory, or makes it.  A shmem_startup_hook. */
static void
create_shared(void)
{
	HASHCTL		control = {
		.keysize = sizeof(StatisticsKey),
		.entrysize = sizeof(StatisticsEntry),
	};

	if (previous_startup != NULL)
		previous_startup();
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	entries = ShmemInitHash("segment statistics", MAX_DEFINITIONS,
							MAX_DEFINITIONS, &control,
							HASH_ELEM | HASH_BLOBS);
	LWLockRelease(AddinShmemInitLock);
	lock = &GetNamedLWLockTranche(STATISTICS_LOCK)->lock;
}

/* create_local() makes the table of a session. */
static void
create_local(void)
{
	HASHCTL		control = {
		.keysize = sizeof(StatisticsKey),
		.entrysize = sizeof(StatisticsEntry),
	};

	entries = hash_create("segment statistics", 64, &control,
						  HASH_ELEM | HASH_BLOBS);
}
