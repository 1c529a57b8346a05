/*-------------------------------------------------------------------------
 *
 * stored_share.c
 *	  Which stored trait serves a definition?
 *
 *		written								stored
 *		sum(orders.amount in last 7 days)	list(orders.amount
 *		sum(orders.amount in last 90 days)		in last 90 days)
 *		max(orders.amount in this month)
 *
 * Windows of several lengths over the same values and condition are read off
 * one series, which is kept for the longest of them.  The others are exact all
 * the same: the function that reads the series is given its own window.
 *
 *		a longer window comes	the stored definition gets it, and the column
 *								is filled again (trait_store)
 *		the longest goes		the stored definition gets what is left; the
 *								column stays as it is, and each profile drops
 *								its older events when it is written next
 *								(trait_drop_unneeded)
 *
 * So the column of a definition stays the same while any window needs it, and
 * neither view nor filters notice.
 *
 * Of two windows of which none covers the other, such as "in last 31 days" and
 * "in last 1 month", the series is kept for so many days that both are
 * covered.  A window with a limit (since, before) has a series of its own, and
 * rows that are counted do not share one with values.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "trait/trait_private.h"

/* the arguments of a FILTER_AGGREGATE before its window */
#define ARGS_SHARED		3

static bool window_may_share(const FilterNode *window);
static bool windows_cover(const Population *population,
						  const FilterNode *wide, const FilterNode *narrow);

/*
 * The windows are the last argument; all that stands before must be equal.
 */
bool
stored_shares(const FilterNode *a, const FilterNode *b)
{
	const FilterNode *window = aggregate_window_of(a);
	const FilterNode *other = aggregate_window_of(b);

	if (window == NULL || other == NULL || !window_may_share(window) ||
		!window_may_share(other))
		return filter_equal(a, b);
	if (a->detail != b->detail || strcmp(a->text, b->text) != 0)
		return false;
	for (int i = 0; i < ARGS_SHARED; i++)
		if (!filter_equal(a->args[i], b->args[i]))
			return false;
	return true;
}

/* window_may_share() says whether events leave the window as time passes. */
static bool
window_may_share(const FilterNode *window)
{
	return window->op == FILTER_WINDOW_LAST ||
		window->op == FILTER_WINDOW_BETWEEN ||
		window->op == FILTER_WINDOW_PERIOD ||
		window->op == FILTER_WINDOW_TO_COME ||
		window->op == FILTER_WINDOW_NEXT;
}

const StoredTrait *
stored_for(const Population *population, const FilterNode *definition)
{
	ListCell   *lc;

	foreach(lc, stored_list(population))
	{
		const StoredTrait *stored = lfirst(lc);

		if (stored->build == 0 &&
			stored_shares(stored->definition, definition))
			return stored;
	}
	return NULL;
}

const StoredTrait *
stored_covering(const Population *population, const FilterNode *definition)
{
	ListCell   *lc;

	/* of several that share it, as builds make them, one may be too short */
	foreach(lc, stored_list(population))
	{
		const StoredTrait *stored = lfirst(lc);

		if (stored->build == 0 &&
			stored_shares(stored->definition, definition) &&
			definition_covers(population, stored->definition, definition))
			return stored;
	}
	return NULL;
}

bool
definition_covers(const Population *population, const FilterNode *wide,
				  const FilterNode *narrow)
{
	return filter_equal(wide, narrow) ||
		windows_cover(population, aggregate_window_of(wide),
					  aggregate_window_of(narrow));
}

/* windows_cover() is window_covers() of the trees of two windows. */
static bool
windows_cover(const Population *population, const FilterNode *wide,
			  const FilterNode *narrow)
{
	return window_covers(filter_window(wide, population->timezone),
						 filter_window(narrow, population->timezone));
}

FilterNode *
definition_over(const Population *population, FilterNode *a, FilterNode *b)
{
	FilterNode **args;
	FilterNode *over;
	int64		days;

	if (definition_covers(population, a, b))
		return a;
	if (definition_covers(population, b, a))
		return b;

	days = window_days_over(filter_window(aggregate_window_of(a),
										  population->timezone),
							filter_window(aggregate_window_of(b),
										  population->timezone));
	args = palloc(b->nargs * sizeof(FilterNode *));
	memcpy(args, b->args, b->nargs * sizeof(FilterNode *));
	args[ARGS_SHARED] = filter_window_of_days(days);
	over = filter_node_with(b->op, b->text, b->location, b->nargs, args);
	over->detail = b->detail;
	return over;
}
