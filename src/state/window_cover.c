/*-------------------------------------------------------------------------
 *
 * window_cover.c
 *	  Can a series that is kept for one window serve another?
 *
 *		in last 90 days			covers		in last 7 days, in this month,
 *											between 60 days and 30 days ago
 *		in last 31 days			covers no	in last 1 month: 31 days is shorter
 *								than that where clocks are set
 *		in last 33 days			covers both
 *		all of these			cover		to come, in next 30 days
 *
 * A series keeps the events that have not left its window (window_kept).  So a
 * window covers another one if no event leaves it earlier.  When an event
 * enters does not matter: an event that does not count yet is kept, too.
 *
 * This is asked of windows that events leave as time passes.  The ones with a
 * limit (since, before) share with nobody.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/base.h"
#include "state/state.h"

static bool span_covers(const Interval *wide, const Interval *narrow);

/*
 * In one zone a span moves an event at least as far as another one does if
 * none of its parts is smaller, or if its shortest length is as long as the
 * longest of the other.  Both relations are transitive, alone and together.
 */
bool
window_covers(const Window *wide, const Window *narrow)
{
	if (wide->form == WINDOW_PERIOD && narrow->form == WINDOW_PERIOD &&
		wide->unit == narrow->unit && wide->shift >= narrow->shift)
		return true;
	if (wide->form != WINDOW_PERIOD && narrow->form != WINDOW_PERIOD &&
		span_covers(&wide->leaves, &narrow->leaves))
		return true;
	return window_leaves_after(wide).least >= window_leaves_after(narrow).most;
}

/* span_covers() says whether no part of a span is smaller than the other's. */
static bool
span_covers(const Interval *wide, const Interval *narrow)
{
	return wide->month >= narrow->month && wide->day >= narrow->day &&
		wide->time >= narrow->time;
}

int64
window_days_over(const Window *a, const Window *b)
{
	int64		longest = Max(window_leaves_after(a).most,
							  window_leaves_after(b).most);
	int64		least;
	int64		most;

	/* so many days are shorter by this where clocks are set */
	clock_offsets(a->zone, &least, &most);
	longest += most - least;
	return Max((longest + USECS_PER_DAY - 1) / USECS_PER_DAY, 1);
}
