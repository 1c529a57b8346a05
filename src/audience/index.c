/*-------------------------------------------------------------------------
 *
 * index.c
 *	  Which audiences can a changed profile touch?
 *
 * An event changes a few traits; a population may have thousands of audiences.
 * So the conditions that filters are made of are kept by what they look at: an
 * operand, which is a trait, or is computed from traits.
 *
 *		total_spend		> 100 {newcomer}	> 500 {vip, lapsed_vip}
 *		city			Aarhus {local}	 Odense {local, islanders}
 *		tags			vegan {vegans}
 *		total_spend, orders		ratio 20 {dear}
 *		anything else	city like 'O%' {islanders}
 *
 * An order that takes a profile's total_spend from 480 to 540 passes one
 * threshold, and two filters are evaluated, however many audiences there are.
 *
 * touch.c finds them.  Then each filter that has a condition that differs is
 * evaluated on the row as it was and as it is.  What does not exist is in no
 * audience: a new profile is compared with the blank one, of which nothing is
 * known, and the filters that hold even for that one are evaluated too.
 *
 * Time changes some conditions, too (wake.c).  The clock is a parameter of all
 * that is evaluated here (time/moment.h): a condition holds as of an instant,
 * not as of now.
 *
 * An index is built once per session, at the first event.  When a definition
 * has changed, the index takes in the audiences that are new or were changed,
 * and out those that are gone or were (index_build.c).  An index is built anew
 * only if what names stand for has changed (index_environment()), or the
 * cache distrusts the index.
 *
 * A filter that does not bind any more is noted, and the others are indexed:
 * an event must not fail of a definition that it has nothing to do with.  The
 * next writer of profiles stops keeping the audience's members (suspend.c).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/xact.h"
#include "lib/stringinfo.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "audience/conditions.h"
#include "audience/definitions.h"
#include "base/base.h"

typedef struct IndexEntry
{
	Oid			base;			/* hash key */
	Oid			chunks;			/* of members; see membership_changed() */
	CacheSlot	slot;
	AudienceIndex *index;
	uint64		list;			/* the number of the list it is made of */
	bool		following;		/* an error left the index half changed */
} IndexEntry;

static Cache *indexes = NULL;

static bool made_of(const void *entry, Oid relid);
static bool keep(const void *entry);
static bool follow(IndexEntry *entry, const Population *population);
static char *index_environment(const Population *population);

void
audience_index_init(void)
{
	static const CacheKind kind = {
		.name = "segment audience indexes",
		.key_size = sizeof(Oid),
		.entry_size = sizeof(IndexEntry),
		.slot = offsetof(IndexEntry, slot),
		.made_of = made_of,
		.keep = keep,
	};

	indexes = cache_create(&kind);
}

static bool
made_of(const void *entry, Oid relid)
{
	const IndexEntry *one = entry;

	return one->base == relid || one->chunks == relid;
}

static bool
keep(const void *entry)
{
	return get_rel_relkind(((const IndexEntry *) entry)->base) != '\0';
}

AudienceIndex *
audience_index(const Population *population)
{
	IndexEntry *entry = cache_find_any(indexes, &population->oid);
	IndexEntry	made = {population->oid};
	MemoryContext context;
	MemoryContext old;
	uint64		begun = cache_begin();

	if (entry != NULL && entry->slot.valid)
	{
		entry->index->evaluating = -1;	/* an error may have left it set */
		return entry->index;
	}

	if (entry != NULL && follow(entry, population))
	{
		cache_renew(indexes, entry, begun);
		return entry->index;
	}

	context = AllocSetContextCreate(CurrentMemoryContext,
									"segment audience index",
									ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(context);
	made.index = index_build(population, audience_list(population));
	made.index->environment = index_environment(population);
	made.list = audience_list_number(population);
	made.chunks = membership_tables(population)->chunks;
	MemoryContextSwitchTo(old);

	(void) cache_put(indexes, &made, context, begun);
	return made.index;
}

/*
 * follow() makes the index of a stale entry one of the audiences there are.
 * Returns false if the index has to be built anew; so it is while a writer
 * holds it, or if the last time failed.
 */
static bool
follow(IndexEntry *entry, const Population *population)
{
	AudienceIndex *index = entry->index;
	uint64		list = entry->list;
	List	   *gone;
	List	   *come;

	/* somebody may have mended what was broken */
	if (entry->slot.distrusted || entry->following || index->writers > 0 ||
		index->broken != NIL || index->tried_in_vain ||
		strcmp(index->environment, index_environment(population)) != 0)
		return false;
	entry->following = true;
	if (!audience_list_changes(population, &list, &gone, &come) ||
		!index_follow(index, gone, come))
		return false;
	entry->list = list;
	entry->chunks = membership_tables(population)->chunks;
	entry->following = false;
	index->evaluating = -1;
	return true;
}

AudienceIndex *
audience_index_of(const Population *population, List *audiences)
{
	return index_build(population, audiences);
}

/*
 * Beside parallel workers a broken audience cannot be skipped, because the
 * server has no subtransactions there.  So an index that has to be built there
 * has only those audiences that are asked for.
 */
AudienceIndex *
audience_index_to_ask(const Population *population, List *audiences)
{
	if (IsInParallelMode() &&
		cache_find(indexes, &population->oid) == NULL)
		return audience_index_of(population, audiences);
	return audience_index(population);
}

void
index_hold(AudienceIndex *index)
{
	index->writers++;
}

void
index_release(AudienceIndex *index)
{
	index->writers--;
}

/*
 * index_environment() describes what the names in filters stand for: the
 * columns of the base table, the traits, and the sources.  A filter that stays
 * the same means the same as long as this text does.
 */
static char *
index_environment(const Population *population)
{
	StringInfoData text;
	Relation	base = try_relation_open(population->oid, AccessShareLock);
	TupleDesc	columns;

	initStringInfo(&text);
	if (base == NULL)
		return text.data;		/* it is gone, and nothing will bind */
	columns = RelationGetDescr(base);
	appendStringInfo(&text, "%s %s %u %u %s\n", population->name,
					 population->key, population->key_type,
					 population->key_collation, population->timezone);
	for (int i = 0; i < columns->natts; i++)
	{
		Form_pg_attribute column = TupleDescAttr(columns, i);

		appendStringInfo(&text, "%s %d %u %d %u\n",
						 NameStr(column->attname), column->attisdropped,
						 column->atttypid, column->atttypmod,
						 column->attcollation);
	}
	relation_close(base, AccessShareLock);
	trait_describe_all(population, &text);
	return text.data;
}
