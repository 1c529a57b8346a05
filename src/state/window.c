/*-------------------------------------------------------------------------
 *
 * window.c
 *	  When does an event begin to count in a window, and when does it stop?
 *
 *		window						an event at t enters	and leaves
 *		in last s					at t					at t + s
 *		between a and b ago			at t + b				at t + a
 *		since x						at t, if t >= x			never
 *		before x					at t, if t < x			never
 *		in this month				at t					when the month ends
 *		in last month				when the month ends		when the next ends
 *		to come						always					at t
 *		in next s					at t - s				at t
 *		in next month				when the one before		when the month
 *									the month begins		begins
 *
 * where + adds a span as the server does in the zone.  An event counts from
 * the instant at which it enters until just before the one at which it leaves,
 * so that the passing of time makes it enter once and leave once.  That would
 * not be so if the window began at now - s, which stands still at the end of a
 * month and runs backwards where clocks are set.
 *
 * But + does not keep the order: of two events the later one may leave first.
 *
 *		30 January 12:00 + 1 month		28 February 12:00
 *		31 January 08:00 + 1 month		28 February 08:00
 *
 * So the events that count at an instant are almost always those between two
 * times, but not quite: near both ends of the range (WindowRange) there may be
 * events that count beside others that do not, and window_counts() says of
 * each of these whether it does.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/datetime.h"
#include "utils/timestamp.h"

#include "state/state.h"

/* The offset of an instant is one of those this close to it. */
#define NEARBY			(4 * USECS_PER_DAY)

static WindowDelay span_delay(const Window *window, const Interval *span);
static WindowDelay periods_delay(const Window *window, int count);
static TimestampTz period_start(const Window *window, TimestampTz at,
							  int shift);
static void find_range(const Window *window, TimestampTz now,
					   WindowRange *range);
static TimestampTz last_to_count(const Window *window);
static void span_cut(const Window *window, const Interval *span,
					 TimestampTz now, TimestampTz *gone, TimestampTz *there);
static void months_cut(int32 months, Timestamp local, Timestamp *gone,
					   Timestamp *there);

TimestampTz
window_enters(const Window *window, TimestampTz at)
{
	switch (window->form)
	{
		case WINDOW_BETWEEN:
			return calendar_add(window->zone, at, &window->enters);
		case WINDOW_SINCE:
			return at >= window->limit ? at : DT_NOEND;
		case WINDOW_BEFORE:
			return at < window->limit ? at : DT_NOEND;
		case WINDOW_PERIOD:
			return window->shift == 0 ? at :
				period_start(window, at, window->shift);
		case WINDOW_TO_COME:
			/* but what is at infinity never comes */
			return TIMESTAMP_IS_NOEND(at) ? DT_NOEND : DT_NOBEGIN;
		default:
			return at;
	}
}

TimestampTz
window_leaves(const Window *window, TimestampTz at)
{
	switch (window->form)
	{
		case WINDOW_LAST:
		case WINDOW_BETWEEN:
			return calendar_add(window->zone, at, &window->leaves);
		case WINDOW_PERIOD:
			return period_start(window, at, window->shift + 1);
		case WINDOW_TO_COME:
			return at;
		default:
			return DT_NOEND;
	}
}

bool
window_counts(const Window *window, TimestampTz at, TimestampTz now)
{
	return window_enters(window, at) <= now &&
		window_leaves(window, at) > now;
}

bool
window_is_period(const Window *window)
{
	return window->form == WINDOW_PERIOD;
}

bool
window_in_order(const Window *window)
{
	return window->leaves.month == 0 && window->leaves.day == 0 &&
		window->enters.month == 0 && window->enters.day == 0;
}

WindowDelay
window_enters_after(const Window *window)
{
	switch (window->form)
	{
		case WINDOW_BETWEEN:
			return span_delay(window, &window->enters);
		case WINDOW_PERIOD:
			if (window->shift != 0)
				return periods_delay(window, window->shift);
			return (WindowDelay) {false, 0, 0};
		case WINDOW_TO_COME:
			return (WindowDelay) {true};
		default:
			return (WindowDelay) {false, 0, 0};
	}
}

WindowDelay
window_leaves_after(const Window *window)
{
	switch (window->form)
	{
		case WINDOW_LAST:
		case WINDOW_BETWEEN:
			return span_delay(window, &window->leaves);
		case WINDOW_PERIOD:
			return periods_delay(window, window->shift + 1);
		case WINDOW_TO_COME:
			return (WindowDelay) {false, 0, 0};
		default:
			return (WindowDelay) {true};
	}
}

/* How long after its time is an event moved by the span? */
static WindowDelay
span_delay(const Window *window, const Interval *span)
{
	WindowDelay delay = {false};

	calendar_span_range(window->zone, span, &delay.least, &delay.most);
	return delay;
}

/*
 * How long after its time does the period begin that is 'count' after that of
 * an event?  Before its time if count is not positive.
 */
static WindowDelay
periods_delay(const Window *window, int count)
{
	static const int days[] = {
		[CALENDAR_DAY] = 1,
		[CALENDAR_WEEK] = 7,
		[CALENDAR_MONTH] = 31,
		[CALENDAR_QUARTER] = 92,
		[CALENDAR_YEAR] = 366,
	};
	int64		least;
	int64		most;
	int64		longest = days[window->unit] * USECS_PER_DAY;

	clock_offsets(window->zone, &least, &most);
	if (count <= 0)
		return (WindowDelay) {
			false, (count - 1) * longest - (most - least), 0
		};
	return (WindowDelay) {false, 0, count * longest + most - least};
}

/* The beginning of the period that is 'shift' after the one 'at' lies in. */
static TimestampTz
period_start(const Window *window, TimestampTz at, int shift)
{
	DateADT		day = calendar_day(window->zone, at);

	return calendar_day_start(window->zone,
							  calendar_period_start(window->unit, day, shift));
}

/*
 * Most calls ask about the same instant again, or about one a microsecond
 * earlier: the last answer for an even and for an odd number is remembered.
 */
const WindowRange *
window_range(const Window *constant, TimestampTz now)
{
	Window	   *window = unconstify(Window *, constant);
	int			which = now & 1;

	if (!window->recent[which].known || window->recent[which].now != now)
	{
		find_range(window, now, &window->recent[which].range);
		window->recent[which].now = now;
		window->recent[which].known = true;
	}
	return &window->recent[which].range;
}

/* Find the events that can count now: see window_range(). */
static void
find_range(const Window *window, TimestampTz now, WindowRange *range)
{
	TimestampTz gone;
	TimestampTz there;

	*range = (WindowRange) {PG_INT64_MIN, PG_INT64_MIN, now, now};
	switch (window->form)
	{
		case WINDOW_BETWEEN:
			span_cut(window, &window->enters, now, &range->sure_last,
					 &range->last);
			/* FALLTHROUGH */
		case WINDOW_LAST:
			span_cut(window, &window->leaves, now, &gone, &there);
			range->first = gone + 1;
			range->sure_first = there + 1;
			return;
		case WINDOW_SINCE:
			range->first = range->sure_first = window->limit;
			return;
		case WINDOW_BEFORE:
			if (TIMESTAMP_IS_NOBEGIN(window->limit))
			{
				/* nothing is before -infinity, not even -infinity */
				*range = (WindowRange) {DT_NOEND, DT_NOEND, now, now};
			}
			else
				range->last = range->sure_last = Min(now, window->limit - 1);
			return;
		case WINDOW_PERIOD:
			range->first = range->sure_first =
				period_start(window, now, -window->shift);
			if (window->shift != 0)
				range->last = range->sure_last =
					period_start(window, now, 1 - window->shift) - 1;
			return;
		case WINDOW_TO_COME:
			range->first = range->sure_first = now + 1;
			range->last = range->sure_last = last_to_count(window);
			return;
	}
}

/* last_to_count() is the latest time of an event that ever counts. */
static TimestampTz
last_to_count(const Window *window)
{
	if (window->form != WINDOW_BEFORE)
		return END_TIMESTAMP - 1;
	return TIMESTAMP_IS_NOBEGIN(window->limit) ? DT_NOBEGIN :
		Min(window->limit - 1, END_TIMESTAMP - 1);
}

/* An event that does not count yet may do so later, up to last_to_count(). */
TimeRange
window_kept(const Window *window, TimestampTz now)
{
	return (TimeRange) {
		.from = window_range(window, now - WINDOW_KEPT_LONGER)->first,
		.to = last_to_count(window),
	};
}

TimeRange
window_unsettled(const Window *window, TimestampTz now)
{
	return (TimeRange) {
		.from = now - WINDOW_KEPT_LONGER,
		.to = last_to_count(window),
	};
}

/*
 * Between which times are the events whose span ends now?  For events up to
 * *gone the span has passed, for those after *there it has not, and for those
 * between the two only calendar_add() can tell.
 *
 * Local time is UTC plus an offset, which is one of those nearby, both at the
 * event and where its span ends.
 */
static void
span_cut(const Window *window, const Interval *span, TimestampTz now,
		 TimestampTz *gone, TimestampTz *there)
{
	int64		least;
	int64		most;

	if (TIMESTAMP_NOT_FINITE(now))
	{
		*gone = *there = now;
		return;
	}
	now -= span->time;
	*gone = *there = now;
	if (span->month == 0 && span->day == 0)
		return;

	clock_offsets_between(window->zone, now - NEARBY, now + NEARBY,
						  &least, &most);
	*gone += least - span->day * USECS_PER_DAY;
	*there += most - span->day * USECS_PER_DAY;
	if (span->month != 0)
	{
		Timestamp	unused;

		months_cut(span->month, *gone, gone, &unused);
		months_cut(span->month, *there, &unused, there);
	}
	clock_offsets_between(window->zone, *gone - NEARBY, *there + NEARBY,
						  &least, &most);
	*gone -= most;
	*there -= least;
}

/*
 * Which local times, moved by 'months', come to 'local' or earlier?  Those up
 * to *gone do, those after *there do not.  The two differ where several days
 * at the end of a longer month come to the last day of a shorter one.
 */
static void
months_cut(int32 months, Timestamp local, Timestamp *gone, Timestamp *there)
{
	DateADT		day = local / USECS_PER_DAY;
	Timestamp	time = local % USECS_PER_DAY;
	Interval	back = {0, 0, -months};
	Interval	forth = {0, 0, months};
	DateADT		first;
	DateADT		last;

	if (time < 0)
	{
		time += USECS_PER_DAY;
		day--;
	}
	/* for a day that the earlier month lacks: the last day that it has */
	first = calendar_day_add(day, &back);
	if (DATE_NOT_FINITE(first))
	{
		*gone = *there = MIN_TIMESTAMP;
		return;
	}
	if (calendar_day_add(first, &forth) < day)
		time = USECS_PER_DAY - 1;
	for (last = first; calendar_day_add(last + 1, &forth) == day;)
		last++;
	*gone = first * USECS_PER_DAY + time;
	*there = last * USECS_PER_DAY + time;
}
