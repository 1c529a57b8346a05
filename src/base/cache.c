/*-------------------------------------------------------------------------
 *
 * cache.c
 *	  What is read once per session, until a definition changes.
 *
 * A room that keeps what it made of definitions keeps it in a cache:
 *
 *		"segment audience indexes"	segment_data.shop	-> its index
 *									segment_data.cafe	-> its index, stale
 *
 * A change of a definition of a population sends an invalidation for the
 * population's base table.  The server allows few relcache callbacks per
 * backend, so this file registers one for all caches.  The callback only marks
 * the entries that are made of that relation: a caller further up the stack
 * may be reading the very entry.  The next look-up makes it anew.
 *
 * Messages also arrive while an entry is being made.  Those that concern its
 * relations make it stale at once; those of all others, as of temporary tables
 * of other sessions, do not.  Which relations an entry is made of is often
 * known only when it is made, so the last messages are remembered until then.
 *
 * Lifetimes.  What an entry holds is good until the end of the transaction in
 * which it was looked up, even if it becomes stale: then its memory is handed
 * to the transaction.  Entries that are stale when a transaction has ended are
 * removed at the next look-up, so nothing is left of dropped relations.
 *
 * What takes long to make is renewed instead (CacheKind.keep): the stale entry
 * stays, and its owner compares it with the catalog and changes what differs.
 * An entry is distrusted, and made anew, if a message was about all relations
 * or came from cache_distrust().
 *
 * Some changes reach no relation.  A schema's tables do not hear of its new
 * name, which is in SQL that some caches hold.  A table does not hear that a
 * label of an enum has another name, or that a cast was dropped: a filter that
 * was bound before does not bind again, and an unrelated caller would get the
 * error when it is compiled.  Such changes are rare, and make all entries
 * stale.
 *
 * How often entries are made can be seen in a session:
 *
 *		SELECT name, ident FROM pg_backend_memory_contexts
 *			WHERE name LIKE 'segment%'
 *
 *		segment audience index		number 2
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "base/base.h"
#include "base/base_private.h"

#define MAX_CACHES		16

/* So many messages are remembered. */
#define MAX_HEARD		1024

struct Cache
{
	CacheKind	kind;
	HTAB	   *entries;		/* NULL until the first is put in */
	uint64		made;			/* how many entries so far */
};

static Cache caches[MAX_CACHES];
static int	ncaches = 0;

/* The relations that messages were about; InvalidOid: any. */
static Oid	heard[MAX_HEARD];
static uint64 nheard = 0;

/* Has a transaction ended since something became stale? */
static bool any_stale = false;
static bool stale_at_end = false;

static CacheSlot *slot_of(const Cache *cache, void *entry);
static void name_entry(MemoryContext context, uint64 number);
static bool is_made_of(const Cache *cache, const void *entry, Oid relid);
static bool heard_of(const Cache *cache, const void *entry, uint64 since);
static void mark(Cache *cache, Oid relid, bool distrust);
static void message(Oid relid, bool distrust);
static void remove_stale(void);
static void relation_changed(Datum arg, Oid relid);
static void schema_changed(Datum arg, int cache, uint32 hash);
static void meaning_changed(Datum arg, int cache, uint32 hash);
static void transaction_ended(XactEvent event, void *arg);

Cache *
cache_create(const CacheKind *kind)
{
	Cache	   *cache;

	if (ncaches >= MAX_CACHES)
		elog(ERROR, "too many caches");
	cache = &caches[ncaches++];
	cache->kind = *kind;
	return cache;
}

void *
cache_find(Cache *cache, const void *key)
{
	void	   *entry = cache_find_any(cache, key);

	return entry != NULL && slot_of(cache, entry)->valid ? entry : NULL;
}

void *
cache_find_any(Cache *cache, const void *key)
{
	if (stale_at_end)
		remove_stale();
	return cache->entries == NULL ? NULL :
		hash_search(cache->entries, key, HASH_FIND, NULL);
}

void
cache_renew(Cache *cache, void *entry, uint64 begun)
{
	CacheSlot  *slot = slot_of(cache, entry);

	slot->valid = !heard_of(cache, entry, begun);
	any_stale |= !slot->valid;
}

uint64
cache_begin(void)
{
	return nheard;
}

void *
cache_put(Cache *cache, const void *made, MemoryContext context, uint64 begun)
{
	HASHCTL		control = {
		.keysize = cache->kind.key_size,
		.entrysize = cache->kind.entry_size,
	};
	void	   *entry;
	CacheSlot  *slot;
	bool		found;
	MemoryContext before = NULL;

	if (cache->entries == NULL)
		cache->entries = hash_create(cache->kind.name, 16, &control,
									 HASH_ELEM | HASH_BLOBS);
	entry = hash_search(cache->entries, made, HASH_ENTER, &found);
	slot = slot_of(cache, entry);
	if (found)
		before = slot->context;
	memcpy(entry, made, cache->kind.entry_size);
	slot->context = context;
	slot->valid = !heard_of(cache, entry, begun);
	slot->distrusted = !slot->valid;
	any_stale |= !slot->valid;

	cache->made++;
	if (context != NULL)
	{
		MemoryContextSetParent(context, CacheMemoryContext);
		name_entry(context, cache->made);
	}
	if (before != NULL)
		MemoryContextSetParent(before, TopTransactionContext);
	return entry;
}

/* Let it be seen in pg_backend_memory_contexts how many were made before. */
static void
name_entry(MemoryContext context, uint64 number)
{
	char	   *ident = MemoryContextAllocExtended(context, 32,
												   MCXT_ALLOC_NO_OOM);

	if (ident == NULL)
		return;
	snprintf(ident, 32, "number " UINT64_FORMAT, number);
	MemoryContextSetIdentifier(context, ident);
}

static CacheSlot *
slot_of(const Cache *cache, void *entry)
{
	return (CacheSlot *) ((char *) entry + cache->kind.slot);
}

static bool
is_made_of(const Cache *cache, const void *entry, Oid relid)
{
	return !OidIsValid(relid) || cache->kind.made_of(entry, relid);
}

/*
 * heard_of() says whether a message since 'since' concerns the entry, or may
 * have concerned it and is forgotten.
 */
static bool
heard_of(const Cache *cache, const void *entry, uint64 since)
{
	if (nheard - since > MAX_HEARD)
		return true;
	for (uint64 i = since; i < nheard; i++)
		if (is_made_of(cache, entry, heard[i % MAX_HEARD]))
			return true;
	return false;
}

/*
 * mark() makes the entries stale that are made of a relation (InvalidOid:
 * all), and 'distrust': not to be renewed.  What an entry names that is stale
 * already may be gone: it is not looked at, unless its kind is renewed.
 */
static void
mark(Cache *cache, Oid relid, bool distrust)
{
	HASH_SEQ_STATUS scan;
	void	   *entry;

	if (cache->entries == NULL)
		return;
	hash_seq_init(&scan, cache->entries);
	while ((entry = hash_seq_search(&scan)) != NULL)
	{
		CacheSlot  *slot = slot_of(cache, entry);

		if ((slot->valid || (distrust && cache->kind.keep != NULL)) &&
			is_made_of(cache, entry, relid))
		{
			slot->valid = false;
			slot->distrusted |= distrust;
			any_stale = true;
		}
	}
}

/*
 * remove_stale() removes entries that became stale in an earlier transaction:
 * nothing reads them any more.
 */
static void
remove_stale(void)
{
	stale_at_end = any_stale = false;
	for (int i = 0; i < ncaches; i++)
	{
		HASH_SEQ_STATUS scan;
		void	   *entry;

		if (caches[i].entries == NULL)
			continue;
		hash_seq_init(&scan, caches[i].entries);
		while ((entry = hash_seq_search(&scan)) != NULL)
		{
			CacheSlot  *slot = slot_of(&caches[i], entry);
			MemoryContext context = slot->context;

			if (slot->valid)
				continue;
			if (caches[i].kind.keep != NULL && !slot->distrusted &&
				caches[i].kind.keep(entry))
			{
				any_stale = true;
				continue;
			}
			(void) hash_search(caches[i].entries, entry, HASH_REMOVE, NULL);
			if (context != NULL)
				MemoryContextDelete(context);
		}
	}
}

static void
relation_changed(Datum arg, Oid relid)
{
	message(relid, !OidIsValid(relid));
}

/* message() remembers a message about a relation, and marks what it means. */
static void
message(Oid relid, bool distrust)
{
	heard[nheard++ % MAX_HEARD] = relid;
	for (int i = 0; i < ncaches; i++)
		mark(&caches[i], relid, distrust);
}

static void
schema_changed(Datum arg, int cache, uint32 hash)
{
	heard[nheard++ % MAX_HEARD] = InvalidOid;
	for (int i = 0; i < ncaches; i++)
		if (caches[i].kind.holds_sql)
			mark(&caches[i], InvalidOid, true);
}

/* What is written in filters may mean something else now, or nothing. */
static void
meaning_changed(Datum arg, int cache, uint32 hash)
{
	message(InvalidOid, true);
}

void
cache_distrust(Oid relid)
{
	message(relid, true);
}

static void
transaction_ended(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT ||
		event == XACT_EVENT_PREPARE)
		stale_at_end |= any_stale;
}

void
cache_init(void)
{
	CacheRegisterSyscacheCallback(NAMESPACEOID, schema_changed, (Datum) 0);
	CacheRegisterSyscacheCallback(ENUMOID, meaning_changed, (Datum) 0);
	CacheRegisterSyscacheCallback(CASTSOURCETARGET, meaning_changed,
								  (Datum) 0);
	CacheRegisterRelcacheCallback(relation_changed, (Datum) 0);
	RegisterXactCallback(transaction_ended, NULL);
}
