/*-------------------------------------------------------------------------
 *
 * cache.c
 *	  Who must know that a definition changed?
 *
 * The server allows few relcache callbacks per backend, so we register one
 * and pass it on.  Whoever changes a definition of a population sends an
 * invalidation for the population's base table; a room that caches anything
 * derived from it marks its entry and rebuilds at the next look-up.  The name
 * of a schema is in SQL that we keep, and its tables do not hear of a change.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "base/base.h"
#include "base/base_private.h"

#define MAX_MARKS	8

static CacheMark marks[MAX_MARKS];
static int	nmarks = 0;
static uint64 changes = 0;

void
cache_on_change(CacheMark mark)
{
	if (nmarks >= MAX_MARKS)
		elog(ERROR, "too many caches registered");
	marks[nmarks++] = mark;
}

uint64
cache_changes(void)
{
	return changes;
}

void
cache_fill(CacheSlot *slot, bool found, MemoryContext context, uint64 before)
{
	MemoryContextSetParent(context, CacheMemoryContext);
	if (found && slot->context != NULL)
		MemoryContextSetParent(slot->context, TopTransactionContext);
	slot->context = context;
	slot->valid = (before == changes);
}

static void
cache_relation_changed(Datum arg, Oid relid)
{
	changes++;
	for (int i = 0; i < nmarks; i++)
		marks[i] (relid);
}

/* A schema's new name changes the SQL that names its tables, not the tables. */
static void
cache_schema_changed(Datum arg, int cache, uint32 hash)
{
	cache_relation_changed((Datum) 0, InvalidOid);
}

void
cache_init(void)
{
	CacheRegisterSyscacheCallback(NAMESPACEOID, cache_schema_changed, (Datum) 0);
	CacheRegisterRelcacheCallback(cache_relation_changed, (Datum) 0);
}
