/*-------------------------------------------------------------------------
 *
 * event.c
 *	  Which events of a window come or go next?
 *
 *		series_sum(s7, 'in last 1 month', 'Europe/Copenhagen', now) > 100
 *
 * is the same until an event of s7 begins to count, or stops.  Each does so a while
 * after its own time, and that while is known within limits (filter/window.c); so
 * the events in question are those of about a month ago, and those to come:
 *
 *		{30 January 12:00, 31 January 08:00} on 10 February
 *			may stop		27 February 12:00, 28 February 08:00
 *			stop			28 February 12:00, 28 February 08:00
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "common/int.h"
#include "nodes/nodeFuncs.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "base/base.h"
#include "state/series.h"
#include "trait/trait.h"

bool
trait_is_window(const FuncExpr *call)
{
	Oid			schema = get_namespace_oid(SEGMENT_SCHEMA, true);

	if (list_length(call->args) < 4)
		return false;
	return exprType(linitial(call->args)) ==
		GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid, CStringGetDatum("series"),
						ObjectIdGetDatum(schema));
}

WindowKind
trait_window_kind(const FuncExpr *call)
{
	const char *name = get_func_name(call->funcid);

	if (name == NULL)
		return WINDOW_OTHER;
	return strcmp(name, "series_count") == 0 ? WINDOW_COUNTS :
		strcmp(name, "series_sum") == 0 ? WINDOW_SUMS : WINDOW_OTHER;
}

/* An instant after another; infinity if there is no such. */
static inline TimestampTz
later(TimestampTz at, int64 delay)
{
	TimestampTz sum;

	if (TIMESTAMP_NOT_FINITE(at) || pg_add_s64_overflow(at, delay, &sum))
		return TIMESTAMP_IS_NOBEGIN(at) ? at : DT_NOEND;
	return sum;
}

/* The first change of a window that has been found so far. */
typedef struct NextChange
{
	const FilterWindow *window;
	TimestampTz from;			/* it is later than that */
	bool		coarsely;
	TimestampTz at;
	TimestampTz enter_until;	/* events up to then may enter before it */
	TimestampTz leave_until;	/* and those may leave */
} NextChange;

/* An event does something at that instant. */
static void
note_change(NextChange *next, TimestampTz at)
{
	const FilterWindowRange *range;

	if (at <= next->from || at >= next->at)
		return;
	next->at = at;
	if (filter_window_in_order(next->window))
		return;
	range = filter_window_range(next->window, at - 1);
	next->enter_until = range->last;
	next->leave_until = range->sure_first - 1;
}

/*
 * An event leaves, or enters.  Where a coarse answer is enough, it may do so as soon as
 * it can at all, if that is to come; no later event can do it sooner.
 */
static void
note_event(NextChange *next, TimestampTz event, bool leaves,
		   const FilterWindowDelay *delay)
{
	TimestampTz *until = leaves ? &next->leave_until : &next->enter_until;
	TimestampTz soonest = later(event, delay->least);
	const FilterWindowRange *range;

	if (event > *until || soonest >= next->at ||
		later(event, delay->most) <= next->from)
		return;
	if (next->coarsely && soonest > next->from)
	{
		next->at = soonest;
		*until = event;
		return;
	}

	/* mostly it is plain that it has done so already */
	range = filter_window_range(next->window, next->from);
	if (leaves ? event >= range->first : event > range->sure_last)
		note_change(next, leaves ? filter_window_leaves(next->window, event) :
					filter_window_enters(next->window, event));
}

TimestampTz
trait_window_changes(const FilterWindow *window, Datum series, TimestampTz from,
					 bool coarsely)
{
	NextChange	next = {window, from, coarsely, DT_NOEND, DT_NOEND, DT_NOEND};
	SeriesReader reader;
	SeriesEntry entry;

	series_begin(&reader, series);
	if (filter_window_in_order(window))
	{
		const FilterWindowRange *range = filter_window_range(window, from);
		bool		found = false;

		/* the first that counts goes first, and the first behind it comes first */
		while (series_next(&reader, &entry))
		{
			if (entry.at > range->last)
			{
				note_change(&next, filter_window_enters(window, entry.at));
				break;
			}
			if (entry.at < range->first || found)
				continue;
			found = true;
			note_change(&next, filter_window_leaves(window, entry.at));
			if (reader.last <= range->last)
				break;
		}
	}
	else
	{
		FilterWindowDelay enters = filter_window_enters_after(window);
		FilterWindowDelay leaves = filter_window_leaves_after(window);

		while (series_next(&reader, &entry))
		{
			note_event(&next, entry.at, false, &enters);
			note_event(&next, entry.at, true, &leaves);
			if (entry.at >= next.leave_until &&
				(entry.at >= next.enter_until || later(reader.last, enters.most) <= from))
				break;
		}
	}
	return next.at;
}

/* The events that are still to pass an end of the window, one after the other. */
typedef struct Passing
{
	FilterWindowDelay delay;
	TimestampTz passed;			/* events up to then have passed it for good */
	TimestampTz met;			/* those up to then perhaps; no other */
	SeriesReader reader;
	TimestampTz event;
	TimestampTz at;				/* not before then; DT_NOEND: there are no more */
} Passing;

static void
pass_next(Passing *passing)
{
	SeriesEntry entry;

	if (!series_next(&passing->reader, &entry))
	{
		passing->at = DT_NOEND;
		return;
	}
	passing->event = entry.at;
	passing->at = later(entry.at, passing->delay.least);
}

static void
pass_begin(Passing *passing, Datum series, FilterWindowDelay delay, TimestampTz from)
{
	passing->delay = delay;
	passing->at = DT_NOEND;
	if (delay.never)
		return;
	passing->passed = from - delay.most;
	passing->met = from - delay.least;
	series_begin(&passing->reader, series);
	do
		pass_next(passing);
	while (!TIMESTAMP_IS_NOEND(passing->at) && passing->event <= passing->passed);
}

/*
 * What adds and what takes away is added up apart: the one cannot make good what the
 * other does, so the margin is left no sooner.  Of an event that has perhaps passed
 * it is not known which it does.
 */
bool
trait_window_keeps(WindowKind kind, const FilterWindow *window, Datum series,
				   const WindowMargin *margin, TimestampTz from, TimestampTz *until)
{
	FilterWindowDelay leaves = filter_window_leaves_after(window);
	FilterWindowDelay enters = filter_window_enters_after(window);
	Passing		passing[2];
	int64		least = margin->value;
	int64		most = margin->value;

	/* all that are in a period go at once */
	if (filter_window_is_period(window))
		return false;
	pass_begin(&passing[0], series, leaves, from);
	pass_begin(&passing[1], series, enters, from);
	for (;;)
	{
		int			first = passing[0].at <= passing[1].at ? 0 : 1;
		Passing    *next = &passing[first];
		int64		number = 1;

		if (next->at >= *until)
			return true;
		if (kind == WINDOW_SUMS && !series_ten_thousandths(&next->reader, &number))
			return false;
		if (first == 0)
			number = -number;
		if ((number < 0 || next->event <= next->met) &&
			pg_add_s64_overflow(least, -i64abs(number), &least))
			return false;
		if ((number > 0 || next->event <= next->met) &&
			pg_add_s64_overflow(most, i64abs(number), &most))
			return false;
		if (least < margin->least || most > margin->most)
		{
			if (next->at <= from)
				return false;
			*until = next->at;
			return true;
		}
		pass_next(next);
	}
}
