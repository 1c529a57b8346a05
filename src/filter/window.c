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
 *
 * where + adds a span as the server does in the zone.  An event counts from
 * when it enters until just before it leaves, so time alone takes it in once
 * and out once.  That would not be so if now - s were the beginning of the
 * window, which stands still at the end of a month and runs back where clocks
 * are set.
 *
 * But + is not in order: of two events the later one may leave first.
 *
 *		30 January 12:00 + 1 month		28 February 12:00
 *		31 January 08:00 + 1 month		28 February 08:00
 *
 * So the events that count at an instant do not always lie between two others.
 * Almost always they do, and where they do not it is known between which times
 * that may be; each event there has to be asked for.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/datetime.h"
#include "utils/timestamp.h"

#include "base/base.h"
#include "filter/compile_private.h"

/* What clocks do some days away makes no difference. */
#define NEARBY			(4 * USECS_PER_DAY)

static FilterWindowDelay span_delay(const FilterWindow *window,
									const Interval *span);
static FilterWindowDelay periods_delay(const FilterWindow *window, int count);
static TimestampTz period_end(const FilterWindow *window, TimestampTz at,
							  int shift);
static void window_range(const FilterWindow *window, TimestampTz now,
						 FilterWindowRange *range);
static void span_cut(const FilterWindow *window, const Interval *span,
					 TimestampTz now, TimestampTz *gone, TimestampTz *there);
static void months_cut(int32 months, Timestamp local, Timestamp *gone,
					   Timestamp *there);

TimestampTz
filter_window_enters(const FilterWindow *window, TimestampTz at)
{
	switch (window->op)
	{
		case FILTER_WINDOW_BETWEEN:
			return calendar_add(window->zone, at, &window->enters);
		case FILTER_WINDOW_SINCE:
			return at >= window->limit ? at : DT_NOEND;
		case FILTER_WINDOW_BEFORE:
			return at < window->limit ? at : DT_NOEND;
		case FILTER_WINDOW_PERIOD:
			return window->previous ? period_end(window, at, 1) : at;
		default:
			return at;
	}
}

TimestampTz
filter_window_leaves(const FilterWindow *window, TimestampTz at)
{
	switch (window->op)
	{
		case FILTER_WINDOW_LAST:
		case FILTER_WINDOW_BETWEEN:
			return calendar_add(window->zone, at, &window->leaves);
		case FILTER_WINDOW_PERIOD:
			return period_end(window, at, window->previous ? 2 : 1);
		default:
			return DT_NOEND;
	}
}

bool
filter_window_counts(const FilterWindow *window, TimestampTz at, TimestampTz now)
{
	return filter_window_enters(window, at) <= now &&
		filter_window_leaves(window, at) > now;
}

bool
filter_window_is_period(const FilterWindow *window)
{
	return window->op == FILTER_WINDOW_PERIOD;
}

bool
filter_window_in_order(const FilterWindow *window)
{
	return window->leaves.month == 0 && window->leaves.day == 0 &&
		window->enters.month == 0 && window->enters.day == 0;
}

FilterWindowDelay
filter_window_enters_after(const FilterWindow *window)
{
	switch (window->op)
	{
		case FILTER_WINDOW_BETWEEN:
			return span_delay(window, &window->enters);
		case FILTER_WINDOW_PERIOD:
			if (window->previous)
				return periods_delay(window, 1);
			/* FALLTHROUGH */
		default:
			return (FilterWindowDelay) {false, 0, 0};
	}
}

FilterWindowDelay
filter_window_leaves_after(const FilterWindow *window)
{
	switch (window->op)
	{
		case FILTER_WINDOW_LAST:
		case FILTER_WINDOW_BETWEEN:
			return span_delay(window, &window->leaves);
		case FILTER_WINDOW_PERIOD:
			return periods_delay(window, window->previous ? 2 : 1);
		default:
			return (FilterWindowDelay) {true};
	}
}

static FilterWindowDelay
span_delay(const FilterWindow *window, const Interval *span)
{
	FilterWindowDelay delay = {false};

	calendar_span_range(window->zone, span, &delay.least, &delay.most);
	return delay;
}

static FilterWindowDelay
periods_delay(const FilterWindow *window, int count)
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

	clock_offsets(window->zone, &least, &most);
	return (FilterWindowDelay) {
		false, 0, count * days[window->unit] * USECS_PER_DAY + most - least
	};
}

/* Where the period begins that is so many after that of an instant. */
static TimestampTz
period_end(const FilterWindow *window, TimestampTz at, int shift)
{
	DateADT		day = calendar_day(window->zone, at);

	return calendar_day_start(window->zone,
							  calendar_period_start(window->unit, day, shift));
}

/* Mostly it is asked about the same instant again, or one microsecond less. */
const FilterWindowRange *
filter_window_range(const FilterWindow *constant, TimestampTz now)
{
	FilterWindow *window = unconstify(FilterWindow *, constant);
	int			which = now & 1;

	if (!window->recent[which].known || window->recent[which].now != now)
	{
		window_range(window, now, &window->recent[which].range);
		window->recent[which].now = now;
		window->recent[which].known = true;
	}
	return &window->recent[which].range;
}

static void
window_range(const FilterWindow *window, TimestampTz now, FilterWindowRange *range)
{
	TimestampTz gone;
	TimestampTz there;
	DateADT		day;

	*range = (FilterWindowRange) {PG_INT64_MIN, PG_INT64_MIN, now, now};
	switch (window->op)
	{
		case FILTER_WINDOW_BETWEEN:
			span_cut(window, &window->enters, now, &range->sure_last, &range->last);
			/* FALLTHROUGH */
		case FILTER_WINDOW_LAST:
			span_cut(window, &window->leaves, now, &gone, &there);
			range->first = gone + 1;
			range->sure_first = there + 1;
			return;
		case FILTER_WINDOW_SINCE:
			range->first = range->sure_first = window->limit;
			return;
		case FILTER_WINDOW_BEFORE:
			if (TIMESTAMP_IS_NOBEGIN(window->limit))
				*range = (FilterWindowRange) {DT_NOEND, DT_NOEND, now, now};	/* not even that */
			else
				range->last = range->sure_last = Min(now, window->limit - 1);
			return;
		default:
			day = calendar_day(window->zone, now);
			range->first = range->sure_first =
				calendar_day_start(window->zone,
								   calendar_period_start(window->unit, day,
														 window->previous ? -1 : 0));
			if (window->previous)
				range->last = range->sure_last =
					calendar_day_start(window->zone,
									   calendar_period_start(window->unit, day, 0)) - 1;
			return;
	}
}

TimestampTz
filter_window_last(const FilterWindow *window)
{
	if (window->op == FILTER_WINDOW_BEFORE && !TIMESTAMP_IS_NOBEGIN(window->limit))
		return Min(window->limit - 1, END_TIMESTAMP - 1);
	return window->op == FILTER_WINDOW_BEFORE ? DT_NOBEGIN : END_TIMESTAMP - 1;
}

/*
 * For events up to *gone the span has passed by now, for those after *there it
 * has not, and each between the two has to be asked for.
 *
 * Local time is what UTC is, plus an offset that is one of those nearby; and
 * so it is where the span ends.
 */
static void
span_cut(const FilterWindow *window, const Interval *span, TimestampTz now,
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

	clock_offsets_between(window->zone, now - NEARBY, now + NEARBY, &least, &most);
	*gone += least - span->day * USECS_PER_DAY;
	*there += most - span->day * USECS_PER_DAY;
	if (span->month != 0)
	{
		Timestamp	unused;

		months_cut(span->month, *gone, gone, &unused);
		months_cut(span->month, *there, &unused, there);
	}
	clock_offsets_between(window->zone, *gone - NEARBY, *there + NEARBY, &least, &most);
	*gone -= most;
	*there -= least;
}

/*
 * Local times up to *gone are, so many months later, that time or an earlier
 * one; those after *there are later.  The two differ where a longer month ends
 * in the last day of a shorter one.
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
	/* of a day that the earlier month lacks, the last that it has */
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
