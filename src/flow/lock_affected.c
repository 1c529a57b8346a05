/*-------------------------------------------------------------------------
 *
 * lock_affected.c
 *	  What does a definition lock, against whom?
 *
 * Others come to what a definition changes in orders of their own:
 *
 *		reader of a view	the view, and views over it, before the base table
 *		reader of an audience	its view, members, base table; then perhaps
 *							the population's view
 *		writer				source, base table; then perhaps another source
 *		tick				members, the feed's counter; then the base table
 *		consumer			the feed's counter; then perhaps any of the above
 *
 * So a definition takes its locks in two steps, and while it waits for the
 * second it holds no lock that others wait for (base/lock.c):
 *
 *	1.	the base table against others who define: SHARE UPDATE EXCLUSIVE, which
 *		lets readers and writers through.  Definitions hold still from here on.
 *	2.	all else, at once:
 *
 *		members					the storage lock, against folds
 *		the feed				its counter's row, against other appenders
 *								and new consumers
 *		sources					SHARE ROW EXCLUSIVE, no writer is on its way;
 *								ACCESS EXCLUSIVE if its triggers go
 *		views that are			ACCESS EXCLUSIVE
 *		replaced, renamed
 *		or dropped
 *		the base table			ACCESS EXCLUSIVE if columns come or go (then
 *								the population's view as well: a question by
 *								our functions has locked that), EXCLUSIVE if
 *								members are decided, so that no row in it is
 *								locked either
 *
 * Where the base table is locked, all sources are, read or not, because their
 * writers would have to wait at the base table anyway.  A writer that waits
 * for its source holds nothing yet; a writer that waits at the base table
 * holds its source, so that others queue behind it.
 *
 * Locks that are taken later on the way, by DDL for example, are among these:
 * a new lock is added here.  A transaction that makes two definitions holds
 * the locks of the first while it waits for those of the second.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "utils/lsyscache.h"

#include "audience/audience.h"
#include "base/base.h"
#include "feed/feed.h"
#include "flow/definer.h"
#include "source/source.h"

static List *add_sources(List *requests, const Population *population,
						 const Affected *affected, bool all);
static List *add_views(List *requests, const Population *population,
					   const Affected *affected);
static List *add_view(List *requests, Oid view);
static void lock_new(const Population *population);
static void lock_members(void *population);
static void lock_feed(void *population);
static void lock_consumers(void *population);

void
lock_affected(const Population *population, const Affected *affected,
			  bool gently)
{
	Population *locked = population_copy(population);
	bool		members = affected->members || affected->everything;
	bool		columns = affected->columns || affected->everything;
	List	   *requests = NIL;
	ListCell   *lc;

	/* what holds up fewest comes first: no other is held while it waits */
	if (members)
	{
		requests = locks_add(requests, lock_members, locked);
		requests = locks_add(requests, affected->everything ?
							 lock_consumers : lock_feed, locked);
	}
	requests = add_sources(requests, population, affected, members || columns);
	requests = add_views(requests, population, affected);
	if (members || columns)
		requests = locks_add_relation(requests, population->oid,
									  columns ? AccessExclusiveLock :
									  ExclusiveLock);
	if (affected->everything)
		foreach(lc, membership_relations(population))
			requests = locks_add_relation(requests, lfirst_oid(lc),
										  AccessExclusiveLock);

	if (gently)
		locks_take_gently(requests);
	else
		locks_take(requests);
	if (members || columns)
		lock_new(population);
}

/*
 * lock_new() locks what has come to be below a source while we waited; now
 * that those above are locked, nothing comes any more.
 */
static void
lock_new(const Population *population)
{
	ListCell   *lc;

	foreach(lc, source_names(population))
		source_lock(source_by_name(population, lfirst(lc)),
					ShareRowExclusiveLock);
}

/*
 * add_sources() adds the locks of sources: all of them, or those whose
 * triggers go; and that of a table that is to be one.
 */
static List *
add_sources(List *requests, const Population *population,
			const Affected *affected, bool all)
{
	ListCell   *lc;
	ListCell   *table;

	foreach(lc, source_names(population))
	{
		const Source *source = source_by_name(population, lfirst(lc));
		bool		triggers = affected->everything ||
			names_contain(affected->triggers, source->name);

		foreach(table, all || triggers ? source_tables(source) : NIL)
			requests = locks_add_relation(requests, lfirst_oid(table),
										  triggers ? AccessExclusiveLock :
										  ShareRowExclusiveLock);
	}
	if (!OidIsValid(affected->attached))
		return requests;
	foreach(table, source_tree(affected->attached, NoLock))
		requests = locks_add_relation(requests, lfirst_oid(table),
									  ShareRowExclusiveLock);
	return requests;
}

/* add_views() adds the locks of the population's view, and of audiences'. */
static List *
add_views(List *requests, const Population *population,
		  const Affected *affected)
{
	ListCell   *lc;

	if (affected->view || affected->columns || affected->everything)
		requests = add_view(requests, population->view);
	foreach(lc, affected->audiences)
		requests = add_view(requests,
							audience_by_name(population, lfirst(lc))->view);
	return requests;
}

/* add_view() adds a view's lock, if its owner has not dropped the view. */
static List *
add_view(List *requests, Oid view)
{
	return OidIsValid(view) && get_rel_relkind(view) == RELKIND_VIEW ?
		locks_add_relation(requests, view, AccessExclusiveLock) : requests;
}

/*
 * lock_members() and the like take a lock that is not of a relation.  A
 * LockTake.
 */
static void
lock_members(void *population)
{
	membership_lock(population);
}

static void
lock_feed(void *population)
{
	SPI_connect();
	feed_hold(population, false);
	SPI_finish();
}

static void
lock_consumers(void *population)
{
	SPI_connect();
	feed_hold(population, true);
	SPI_finish();
}
