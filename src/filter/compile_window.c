/*-------------------------------------------------------------------------
 *
 * compile_window.c
 *	  Between which instants does an event count?
 *
 *		count(orders in last 30 days)
 *			after	timezone('Europe/Copenhagen',
 *							 timezone('Europe/Copenhagen', segment.now()) - '30 days')
 *			until	segment.now()
 *
 *		window						after				until
 *		in last w					now - w				now
 *		between a and b ago			now - a				now - b
 *		since t						t - 1 µs			now
 *		before t					none				least(t - 1 µs, now)
 *		in this month				start - 1 µs		least(end - 1 µs, now)
 *
 * An event counts if after < its time <= until.  Times have microseconds and
 * nothing between, so that [t, now] is (t - 1 µs, now].
 *
 * What will never count again.  One would think that a window's beginning
 * only moves on.  It does not, as a calendar is not a clock:
 *
 *		in last 1 month, on 28 March at 23:00		after 28 February 23:00
 *						 on 29 March at 01:00		after 28 February 01:00
 *
 *		in this month, where clocks are set back from midnight to 23:00: the
 *		month that has just begun is not this month for another hour
 *
 * So what is kept is what is in the window as of some days before now.  Setting
 * back takes at most a day, where a place moves to the other side of the date
 * line, and counting back over it may shift the result by one more; short
 * months let up to four days have the same beginning, or the next one jump by
 * as many.
 *
 * A window that is counted on the clock (hours) would need none of that.  But
 * the time of a query is that of its transaction's beginning, and it may ask
 * of rows that others have written since.  So a day is kept for those that
 * take long.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "datatype/timestamp.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_collate.h"
#include "utils/guc.h"
#include "utils/timestamp.h"

#include "filter/compile_private.h"

/* days for which more is kept, as told above: each is for those before, too */
#define LONG_TRANSACTION	1
#define SETTING_BACK		4
#define SHORT_MONTHS		10

/* the last instant that is not infinity */
#define LAST_TIME			(END_TIMESTAMP - 1)

static Expr *window_after(FilterScope *scope, const FilterNode *window);
static Expr *window_until(FilterScope *scope, const FilterNode *window);
static Expr *now_before(FilterScope *scope, const FilterNode *span);
static void check_order(FilterScope *scope, const FilterNode *window);
static void span_range(const Interval *span, int64 *least, int64 *most);
static TimestampTz literal_instant(FilterScope *scope,
								   const FilterNode *window);
static TimestampTz just_before(TimestampTz instant);
static int	days_kept(const FilterNode *window);
static Expr *instant(TimestampTz value);
static Expr *least(Expr *a, Expr *b);

void
filter_compile_window(const FilterNode *window, FilterScope *scope,
					  Expr **after, Expr **until)
{
	int			level = filter_pin(scope);

	*after = window_after(scope, window);
	*until = window_until(scope, window);
	assign_expr_collations(NULL, (Node *) *after);
	assign_expr_collations(NULL, (Node *) *until);
	AtEOXact_GUC(true, level);
}

void
filter_compile_window_kept(const FilterNode *window, FilterScope *scope,
						   Expr **after, Expr **until)
{
	int			level = filter_pin(scope);
	int			days = days_kept(window);
	FilterScope earlier = *scope;

	if (days > 0)
	{
		Interval   *interval = palloc0(sizeof(Interval));

		interval->time = days * USECS_PER_DAY;
		earlier.now = expr_operator("-", time_now(scope, window),
									expr_const(INTERVALOID,
											   IntervalPGetDatum(interval)));
	}
	*after = window_after(&earlier, window);

	/* what is not due yet will be, unless that is after the window's end */
	*until = instant(window->op == FILTER_WINDOW_BEFORE ?
					 Min(just_before(literal_instant(scope, window)), LAST_TIME) :
					 LAST_TIME);
	assign_expr_collations(NULL, (Node *) *after);
	AtEOXact_GUC(true, level);
}

/* NULL if there is no beginning. */
static Expr *
window_after(FilterScope *scope, const FilterNode *window)
{
	Interval   *microsecond;

	switch (window->op)
	{
		case FILTER_WINDOW_LAST:
			return now_before(scope, window->args[0]);
		case FILTER_WINDOW_BETWEEN:
			check_order(scope, window);
			return now_before(scope, window->args[0]);
		case FILTER_WINDOW_SINCE:
			if (TIMESTAMP_IS_NOBEGIN(literal_instant(scope, window)))
				return NULL;
			return instant(just_before(literal_instant(scope, window)));
		case FILTER_WINDOW_BEFORE:
			/* nothing is before -infinity, not even -infinity */
			if (TIMESTAMP_IS_NOBEGIN(literal_instant(scope, window)))
				return instant(DT_NOBEGIN);
			return NULL;
		case FILTER_WINDOW_PERIOD:
			microsecond = palloc0(sizeof(Interval));
			microsecond->time = 1;
			return expr_operator("-", time_period(scope, window, 0, TIMESTAMPTZOID),
								 expr_const(INTERVALOID,
											IntervalPGetDatum(microsecond)));
		default:
			elog(ERROR, "filter node %d is not a window", (int) window->op);
	}
}

static Expr *
window_until(FilterScope *scope, const FilterNode *window)
{
	Expr	   *now = time_now(scope, window);
	Interval   *microsecond;

	switch (window->op)
	{
		case FILTER_WINDOW_BETWEEN:
			return now_before(scope, window->args[1]);
		case FILTER_WINDOW_BEFORE:
			return least(instant(just_before(literal_instant(scope, window))), now);
		case FILTER_WINDOW_PERIOD:
			microsecond = palloc0(sizeof(Interval));
			microsecond->time = 1;
			return least(expr_operator("-", time_period(scope, window, 1, TIMESTAMPTZOID),
									   expr_const(INTERVALOID,
												  IntervalPGetDatum(microsecond))),
						 now);
		default:
			return now;
	}
}

/* now - span, on the calendar and clock of the zone */
static Expr *
now_before(FilterScope *scope, const FilterNode *span)
{
	return time_shift(scope, time_now(scope, span), -1, time_span(scope, span));
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

	if (from->time == 0 && to->time == 0 && (from->month == 0) == (to->month == 0))
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

static TimestampTz
just_before(TimestampTz instant)
{
	if (TIMESTAMP_NOT_FINITE(instant))
		return instant;
	/* before the first there is only -infinity */
	return instant > MIN_TIMESTAMP ? instant - 1 : DT_NOBEGIN;
}

static int
days_kept(const FilterNode *window)
{
	switch (window->op)
	{
		case FILTER_WINDOW_LAST:
		case FILTER_WINDOW_BETWEEN:
			switch ((FilterUnit) window->args[0]->detail)
			{
				case FILTER_SECOND:
				case FILTER_MINUTE:
				case FILTER_HOUR:
					return LONG_TRANSACTION;
				case FILTER_DAY:
				case FILTER_WEEK:
					return SETTING_BACK;
				default:
					return SHORT_MONTHS;
			}
		case FILTER_WINDOW_PERIOD:
			return SETTING_BACK;
		default:
			/* SINCE and BEFORE do not move */
			return 0;
	}
}

static Expr *
instant(TimestampTz value)
{
	return expr_const(TIMESTAMPTZOID, TimestampTzGetDatum(value));
}

static Expr *
least(Expr *a, Expr *b)
{
	MinMaxExpr *choice = makeNode(MinMaxExpr);

	choice->minmaxtype = TIMESTAMPTZOID;
	choice->op = IS_LEAST;
	choice->args = list_make2(a, b);
	choice->location = -1;
	return (Expr *) choice;
}
