/*-------------------------------------------------------------------------
 *
 * window_change.c
 *	  When do events of a series enter or leave a window next?
 *
 *		series_sum(s7, 'in last 1 month', 'Europe/Copenhagen', now) > 100
 *
 * gives the same answer until an event of s7 begins to count, or stops.  Each
 * event does so a while after its own time, and that while is known within
 * limits (WindowDelay).  So the events in question are those of about a month
 * ago, and those to come:
 *
 *		{30 January 12:00, 31 January 08:00} on 10 February
 *			may stop		27 February 12:00, 28 February 08:00
 *			stop			28 February 12:00, 28 February 08:00
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/int.h"

#include "state/series.h"

/*
 * A margin is followed for so many events: whoever asks for more asks again
 * when these have passed.
 */
#define MOST_CROSSINGS	32

/* The first change of a window that has been found so far. */
typedef struct NextChange
{
	const Window *window;
	TimestampTz from;			/* the change is later than that */
	bool		coarsely;
	TimestampTz at;
	TimestampTz enter_until;	/* later events do not enter before 'at' */
	TimestampTz leave_until;	/* later events do not leave before 'at' */
} NextChange;

/* The events of a series that are still to pass a bound of the window. */
typedef struct BoundCrossing
{
	WindowDelay delay;
	TimestampTz passed;			/* events at or before this instant have
								 * certainly passed the bound */
	TimestampTz met;			/* events after 'passed' and at or before this
								 * instant may have */
	SeriesCursor cursor;
	TimestampTz event;			/* the next event, and when it passes: */
	TimestampTz at;				/* not before then; DT_NOEND: no more events */
} BoundCrossing;

static inline TimestampTz later(TimestampTz at, int64 delay);
static void note_passing(NextChange *next, SeriesCursor *cursor, bool leave);
static TimestampTz next_change_in_order(NextChange *next,
										SeriesCursor *cursor);
static void note_change(NextChange *next, TimestampTz at);
static void note_event(NextChange *next, TimestampTz event, bool leaves,
					   const WindowDelay *delay);
static void crossing_begin(BoundCrossing *crossing, Datum series,
						   WindowDelay delay, TimestampTz from);
static void crossing_next(BoundCrossing *crossing);

TimestampTz
window_next_change(const Window *window, Datum series, TimestampTz from,
				   bool coarsely)
{
	NextChange	next = {window, from, coarsely, DT_NOEND, DT_NOEND, DT_NOEND};
	SeriesCursor cursor;

	series_cursor_begin(&cursor, series);
	if (window_in_order(window))
		return next_change_in_order(&next, &cursor);
	note_passing(&next, &cursor, true);
	note_passing(&next, &cursor, false);
	return next.at;
}

/* Note the events that are the next to leave, or to enter. */
static void
note_passing(NextChange *next, SeriesCursor *cursor, bool leave)
{
	WindowDelay delay = leave ? window_leaves_after(next->window) :
		window_enters_after(next->window);
	const TimestampTz *until = leave ? &next->leave_until : &next->enter_until;

	if (delay.never || later(cursor->last, delay.most) <= next->from)
		return;
	/* earlier events have certainly done so */
	if (!TIMESTAMP_NOT_FINITE(next->from))
		series_cursor_seek(cursor, next->from - delay.most);
	while (series_cursor_next(cursor))
	{
		TimestampTz at = cursor->event.entry.at;

		note_event(next, at, leave, &delay);
		if (at >= *until)
			return;
	}
}

/*
 * The same for a window in which events keep their order: the first event that
 * counts leaves first, and the first one after all that count enters first.
 */
static TimestampTz
next_change_in_order(NextChange *next, SeriesCursor *cursor)
{
	const WindowRange *range = window_range(next->window, next->from);

	series_cursor_seek(cursor, range->first);
	while (series_cursor_next(cursor))
	{
		TimestampTz at = cursor->event.entry.at;

		if (at < range->first)
			continue;
		if (at <= range->last)
			note_change(next, window_leaves(next->window, at));
		break;
	}
	if (cursor->last <= range->last)
		return next->at;
	series_cursor_seek(cursor, range->last);
	while (series_cursor_next(cursor))
	{
		TimestampTz at = cursor->event.entry.at;

		if (at <= range->last)
			continue;
		note_change(next, window_enters(next->window, at));
		break;
	}
	return next->at;
}

/* An instant after another; infinity if there is none so late. */
static inline TimestampTz
later(TimestampTz at, int64 delay)
{
	TimestampTz sum;

	if (TIMESTAMP_NOT_FINITE(at) || pg_add_s64_overflow(at, delay, &sum))
		return TIMESTAMP_IS_NOBEGIN(at) ? at : DT_NOEND;
	return sum;
}

/* Note that an event enters or leaves at an instant. */
static void
note_change(NextChange *next, TimestampTz at)
{
	const WindowRange *range;

	if (at <= next->from || at >= next->at)
		return;
	next->at = at;
	if (window_in_order(next->window))
		return;
	range = window_range(next->window, at - 1);
	next->enter_until = range->last;
	next->leave_until = range->sure_first - 1;
}

/*
 * Note when an event leaves, or enters.  Where a coarse answer is enough, the
 * earliest instant at which it may do so is taken, if that is still to come;
 * no later event can do so sooner.
 */
static void
note_event(NextChange *next, TimestampTz event, bool leaves,
		   const WindowDelay *delay)
{
	TimestampTz *until = leaves ? &next->leave_until : &next->enter_until;
	TimestampTz soonest = later(event, delay->least);
	const WindowRange *range;

	if (event > *until || soonest >= next->at ||
		later(event, delay->most) <= next->from)
		return;
	if (next->coarsely && soonest > next->from)
	{
		next->at = soonest;
		*until = event;
		return;
	}

	/* the range mostly shows that the event has done so already */
	range = window_range(next->window, next->from);
	if (leaves ? event >= range->first : event > range->sure_last)
		note_change(next, leaves ? window_leaves(next->window, event) :
					window_enters(next->window, event));
}

/*
 * What events add and what they take away is summed up separately: an addition
 * does not make up for a loss, so that the margin is left no sooner than this
 * says.  An event that may already have passed a bound may do either.
 */
bool
window_keeps_margin(WindowKind kind, const Window *window, Datum series,
					const WindowMargin *margin, TimestampTz from,
					TimestampTz *until)
{
	WindowDelay leaves = window_leaves_after(window);
	WindowDelay enters = window_enters_after(window);
	BoundCrossing crossings[2];
	int			ncrossed = 0;
	int64		least = margin->value;
	int64		most = margin->value;

	/* all events of a period leave together */
	if (window_is_period(window))
		return false;
	crossing_begin(&crossings[0], series, leaves, from);
	crossing_begin(&crossings[1], series, enters, from);
	for (;;)
	{
		int			first = crossings[0].at <= crossings[1].at ? 0 : 1;
		BoundCrossing *next = &crossings[first];
		int64		number = 1;
		bool		unsure;

		if (next->at >= *until)
			return true;
		if (ncrossed++ == MOST_CROSSINGS && next->at > from)
		{
			*until = next->at;
			return true;
		}
		if (kind == WINDOW_SUMS &&
			!series_ten_thousandths(&next->cursor, &number))
			return false;
		if (first == 0)
			number = -number;
		unsure = next->event <= next->met;
		if ((number < 0 || unsure) &&
			pg_add_s64_overflow(least, -i64abs(number), &least))
			return false;
		if ((number > 0 || unsure) &&
			pg_add_s64_overflow(most, i64abs(number), &most))
			return false;
		if (least < margin->least || most > margin->most)
		{
			if (next->at <= from)
				return false;
			*until = next->at;
			return true;
		}
		crossing_next(next);
	}
}

/* Begin with the first event that may not have passed the bound at 'from'. */
static void
crossing_begin(BoundCrossing *crossing, Datum series, WindowDelay delay,
			   TimestampTz from)
{
	crossing->delay = delay;
	crossing->at = DT_NOEND;
	if (delay.never)
		return;
	crossing->passed = from - delay.most;
	crossing->met = from - delay.least;
	series_cursor_begin(&crossing->cursor, series);
	series_cursor_seek(&crossing->cursor, crossing->passed);
	do
		crossing_next(crossing);
	while (!TIMESTAMP_IS_NOEND(crossing->at) &&
		   crossing->event <= crossing->passed);
}

/*
 * crossing_next() goes on to the next event, and to the earliest instant at
 * which it may pass the bound: DT_NOEND behind the last event.
 */
static void
crossing_next(BoundCrossing *crossing)
{
	if (!series_cursor_next(&crossing->cursor))
	{
		crossing->at = DT_NOEND;
		return;
	}
	crossing->event = crossing->cursor.event.entry.at;
	crossing->at = later(crossing->event, crossing->delay.least);
}
