/*-------------------------------------------------------------------------
 *
 * compile_window.c
 *	  How are the events of a window asked for?
 *
 *		count(orders in last 30 days)
 *			series_count(s7, 'in last 30 days', 'Europe/Copenhagen', now)
 *
 * The second argument is the window as it is written, the third the zone in
 * which its days are counted.  The function reads the window once
 * (window_read_hook) and knows from then on when an event begins to count and
 * when it stops (state/window.c).
 *
 * An event that has stopped counting never begins again, so it need not be
 * kept.  But the time of a query is the beginning of its transaction, and the
 * query may read rows that others have written since.  So an event is kept for
 * another day (WINDOW_KEPT_LONGER).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "parser/parse_collate.h"
#include "utils/guc.h"
#include "utils/timestamp.h"

#include "state/state.h"
#include "filter/compile_private.h"
#include "filter/filter_private.h"

/* the last instant that is not infinity */
#define LAST_TIME			(END_TIMESTAMP - 1)

static Window *window_bind(FilterScope *scope, const FilterNode *window);
static void window_span(FilterScope *scope, const FilterNode *span,
						Interval *length);
static void check_order(FilterScope *scope, const FilterNode *window);
static void span_range(const Interval *span, int64 *least, int64 *most);
static TimestampTz literal_instant(FilterScope *scope,
								   const FilterNode *window);
static Expr *instant(TimestampTz value);

void
filter_init(void)
{
	window_read_hook = filter_window_read;
}

List *
filter_compile_window(const FilterNode *window, FilterScope *scope)
{
	int			level = filter_pin(scope);

	/* errors are to come now */
	(void) window_bind(scope, window);
	AtEOXact_GUC(true, level);
	return list_make3(expr_text(filter_print(window)),
					  expr_text(scope->timezone),
					  time_now(scope, window));
}

void
filter_compile_window_kept(const FilterNode *window, FilterScope *scope,
						   Expr **after, Expr **until)
{
	Window	   *bound = filter_window(window, scope->timezone);
	Interval   *kept = palloc0(sizeof(Interval));
	Expr	   *longer;

	/* what is not due yet will be, unless that is after the window's end */
	*after = NULL;
	*until = instant(LAST_TIME);
	switch (bound->form)
	{
		case WINDOW_SINCE:
			if (bound->limit > MIN_TIMESTAMP)
				*after = instant(TIMESTAMP_IS_NOEND(bound->limit) ?
								 bound->limit : bound->limit - 1);
			else if (bound->limit == MIN_TIMESTAMP)
				*after = instant(DT_NOBEGIN);
			return;
		case WINDOW_BEFORE:
			/* nothing is before -infinity, not even -infinity */
			if (TIMESTAMP_IS_NOBEGIN(bound->limit))
				*after = instant(DT_NOEND);
			else if (bound->limit <= LAST_TIME)
				*until = instant(Max(bound->limit - 1, DT_NOBEGIN));
			return;
		default:
			kept->time = WINDOW_KEPT_LONGER;
			longer = expr_const(INTERVALOID, IntervalPGetDatum(kept));
			*after = expr_own_call("window_after", 3,
								   expr_text(filter_print(window)),
								   expr_text(scope->timezone),
								   expr_operator("-", time_now(scope, window),
												 longer));
			assign_expr_collations(NULL, (Node *) *after);
	}
}

Window *
filter_window(const FilterNode *window, const char *timezone)
{
	FilterScope scope = {.timezone = timezone};
	int			level = filter_pin(&scope);
	Window	   *bound = window_bind(&scope, window);

	AtEOXact_GUC(true, level);
	return bound;
}

Window *
filter_window_read(const char *text, const char *timezone)
{
	return filter_window(filter_parse_part(text, KIND_WINDOW, NULL), timezone);
}

FilterNode *
filter_window_of_days(int64 days)
{
	return filter_parse_part(psprintf("in last " INT64_FORMAT " days", days),
							 KIND_WINDOW, NULL);
}

/* Make a window of its tree; the settings of the scope are pinned. */
static Window *
window_bind(FilterScope *scope, const FilterNode *window)
{
	static const CalendarUnit units[] = {
		[FILTER_DAY] = CALENDAR_DAY,
		[FILTER_WEEK] = CALENDAR_WEEK,
		[FILTER_MONTH] = CALENDAR_MONTH,
		[FILTER_QUARTER] = CALENDAR_QUARTER,
		[FILTER_YEAR] = CALENDAR_YEAR,
	};
	static const int shifts[] = {
		[FILTER_THIS] = 0,
		[FILTER_PREVIOUS] = 1,
		[FILTER_FOLLOWING] = -1,
	};
	Window	   *bound = palloc0(sizeof(Window));

	bound->zone = session_timezone;
	switch (window->op)
	{
		case FILTER_WINDOW_LAST:
			bound->form = WINDOW_LAST;
			window_span(scope, window->args[0], &bound->leaves);
			break;
		case FILTER_WINDOW_BETWEEN:
			check_order(scope, window);
			bound->form = WINDOW_BETWEEN;
			window_span(scope, window->args[1], &bound->enters);
			window_span(scope, window->args[0], &bound->leaves);
			break;
		case FILTER_WINDOW_SINCE:
			bound->form = WINDOW_SINCE;
			bound->limit = literal_instant(scope, window);
			break;
		case FILTER_WINDOW_SO_FAR:
			bound->form = WINDOW_SINCE;
			bound->limit = DT_NOBEGIN;
			break;
		case FILTER_WINDOW_TO_COME:
			bound->form = WINDOW_TO_COME;
			break;
		case FILTER_WINDOW_NEXT:
			/* it counts from t - s until t */
			bound->form = WINDOW_BETWEEN;
			window_span(scope, window->args[0], &bound->enters);
			bound->enters.month = -bound->enters.month;
			bound->enters.day = -bound->enters.day;
			bound->enters.time = -bound->enters.time;
			break;
		case FILTER_WINDOW_BEFORE:
			bound->form = WINDOW_BEFORE;
			bound->limit = literal_instant(scope, window);
			break;
		case FILTER_WINDOW_PERIOD:
			bound->form = WINDOW_PERIOD;
			bound->unit = units[FILTER_PERIOD_UNIT(window->detail)];
			bound->shift = shifts[FILTER_PERIOD_WHICH(window->detail)];
			break;
		default:
			elog(ERROR, "filter node %d is not a window", (int) window->op);
	}
	return bound;
}

static void
window_span(FilterScope *scope, const FilterNode *span, Interval *length)
{
	*length = *interval_of(time_span(scope, span));
}

/* between a and b ago: is a longer than b? */
static void
check_order(FilterScope *scope, const FilterNode *window)
{
	const Interval *from = interval_of(time_span(scope, window->args[0]));
	const Interval *to = interval_of(time_span(scope, window->args[1]));
	bool		reversed;
	int64		least_to;
	int64		most_from;
	int64		unused;

	if (from->time == 0 && to->time == 0 &&
		(from->month == 0) == (to->month == 0))
		reversed = from->month <= to->month && from->day <= to->day;
	else
	{
		/* 30 days and 1 month: that depends on the month */
		span_range(from, &unused, &most_from);
		span_range(to, &least_to, &unused);
		reversed = most_from <= least_to;
	}
	if (reversed)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" can hold no event", filter_print(window)),
				 errdetail("The first span has to be the longer one."),
				 errhint("Perhaps you meant: between %s and %s ago",
						 filter_print(window->args[1]),
						 filter_print(window->args[0])),
				 compile_position(scope, window)));
}

/*
 * How short and how long may it be, in microseconds?  A day has 23 to 25
 * hours where clocks are set.
 */
static void
span_range(const Interval *span, int64 *least, int64 *most)
{
	*least = span->time +
		(span->month * INT64CONST(28) + span->day) * 23 * USECS_PER_HOUR;
	*most = span->time +
		(span->month * INT64CONST(31) + span->day) * 25 * USECS_PER_HOUR;
}

/* The literal of SINCE or BEFORE; a day is its first instant in the zone. */
static TimestampTz
literal_instant(FilterScope *scope, const FilterNode *window)
{
	Expr	   *literal = literal_const(scope, window->args[0], TIMESTAMPTZOID,
										window);

	return DatumGetTimestampTz(castNode(Const, literal)->constvalue);
}

static Expr *
instant(TimestampTz value)
{
	return expr_const(TIMESTAMPTZOID, TimestampTzGetDatum(value));
}
