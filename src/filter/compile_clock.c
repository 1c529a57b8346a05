/*-------------------------------------------------------------------------
 *
 * compile_clock.c
 *	  How is a time computed?
 *
 *		now						segment.now()
 *		today					segment.local_day(segment.now(), zone)
 *		today + 3 days			(segment.local_day(...) + '3 days')::date
 *		seen + 1 month			segment.add(zone, seen, '1 mon')
 *
 * A timestamp without time zone is local time of the zone, and stands for an
 * instant; a date is a day of its calendar.  In a scope without a zone the
 * session's is read at run time, by the server's own casts.
 *
 * What is computed of the clock can be computed by the server's own operators:
 * the clock stays so far from the ends of the calendar, and spans are so
 * short, that there always is a result.  A time that a row holds may be any,
 * and goes through the functions of arithmetic_time.c, for which what is
 * beyond the calendar is missing.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/transam.h"
#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_collate.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

#include "filter/compile_private.h"

/*
 * in years; both CLOCK_BEGIN and CLOCK_END are farther from the calendar's
 * ends
 */
#define LONGEST_SPAN	5000

static const char *const unit_names[] = {
	"second", "minute", "hour", "day", "week", "month", "quarter", "year"
};

static Expr *own_time_as(FilterScope *scope, Expr *value, Oid type);
static Expr *in_zone(FilterScope *scope, const char *function, Expr *value);
static Expr *shift(FilterScope *scope, Expr *time, int sign, Expr *interval);
static int clock_shifts(FilterScope *scope, Expr *time);
static bool has_clock(Node *node, void *scope);
static Expr *day_start(DateADT day, int offset, Oid type);

Expr *
filter_instant(Expr *time, const char *timezone)
{
	FilterScope scope = {.timezone = timezone};

	time = time_as(&scope, time, TIMESTAMPTZOID);
	assign_expr_collations(NULL, (Node *) time);
	return time;
}

Expr *
time_now(FilterScope *scope, const FilterNode *at)
{
	if (scope->no_clock)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("\"%s\" depends on the time of the query",
						filter_print(at)),
				 errdetail("A stored value cannot depend on the time of the "
						   "query."),
				 compile_position(scope, at)));
	if (scope->now != NULL)
		return expr_copy(scope->now);
	return expr_own_call("now", 0);
}

Expr *
time_today(FilterScope *scope, const FilterNode *at)
{
	return time_as(scope, time_now(scope, at), DATEOID);
}

Expr *
time_as(FilterScope *scope, Expr *value, Oid type)
{
	Oid			source = expr_type(value);

	if (source == type)
		return value;

	/* between instants and days: a day begins at its first instant */
	if (source == DATEOID && type == TIMESTAMPTZOID)
		return in_zone(scope, "day_start", value);
	if (source == TIMESTAMPTZOID && type == DATEOID)
		return in_zone(scope, "local_day", value);
	if (clock_shifts(scope, value) < 0)
		return own_time_as(scope, value, type);

	if (type == TIMESTAMPTZOID)
	{
		if (scope->timezone == NULL)
			return expr_cast("timestamptz", value);
		return expr_call("timezone", 2, expr_text(scope->timezone), value);
	}
	if (source == TIMESTAMPTZOID && scope->timezone != NULL)
		return expr_call("timezone", 2, expr_text(scope->timezone), value);
	return expr_cast(type == DATEOID ? "date" : "timestamp", value);
}

/*
 * own_time_as() converts a time that may be any; missing where the other type
 * lacks it.
 */
static Expr *
own_time_as(FilterScope *scope, Expr *value, Oid type)
{
	Oid			source = expr_type(value);

	/* each local time has its day */
	if (type == DATEOID)
		return expr_cast("date", value);
	if (source == DATEOID || scope->timezone == NULL)
		return expr_own_call(type == TIMESTAMPTZOID ? "instant" : "local_time",
							 1, value);
	return expr_own_call(type == TIMESTAMPTZOID ? "instant" : "local_time",
						 2, expr_text(scope->timezone), value);
}

/* in_zone() calls a function of ours in the scope's or the session's zone. */
static Expr *
in_zone(FilterScope *scope, const char *function, Expr *value)
{
	if (scope->timezone == NULL)
		return expr_own_call(function, 1, value);
	return expr_own_call(function, 2, value, expr_text(scope->timezone));
}

/*
 * time ± interval.
 *
 * The server adds an interval to a timestamptz on the calendar of the session:
 * its days and months there, then its hours on the clock.  With a zone of our
 * own the two steps are taken one by one, in arithmetic_time.c; or here, where
 * the time is the clock, so that it can be followed (time/time_expr.c).  An
 * interval that is not known yet is split by date_trunc.
 */
Expr *
time_shift(FilterScope *scope, Expr *time, int sign, Expr *interval)
{
	Oid			type = expr_type(time);
	Interval   *known = interval_of(interval);
	Expr	   *calendar;
	Expr	   *clock;

	if (type == DATEOID)
	{
		time = shift(scope, time, sign, interval);
		/* a day stays a day unless hours are added to it */
		if (known != NULL && known->time == 0)
			time = expr_cast("date", time);
		return time;
	}
	if (type == TIMESTAMPOID || scope->timezone == NULL)
		return shift(scope, time, sign, interval);
	if (!has_clock((Node *) time, scope))
		return expr_own_call(sign > 0 ? "add" : "subtract", 3,
							 expr_text(scope->timezone), time, interval);

	if (known == NULL)
	{
		calendar = expr_own_call("calendar_part", 1, interval);
		clock = expr_own_call("clock_part", 1, expr_copy(interval));
	}
	else
	{
		Interval   *days = palloc0(sizeof(Interval));
		Interval   *hours = palloc0(sizeof(Interval));

		days->day = known->day;
		days->month = known->month;
		hours->time = known->time;
		calendar = known->day != 0 || known->month != 0 ?
			expr_const(INTERVALOID, IntervalPGetDatum(days)) : NULL;
		clock = known->time != 0 || calendar == NULL ?
			expr_const(INTERVALOID, IntervalPGetDatum(hours)) : NULL;
	}
	if (calendar != NULL)
	{
		time = time_as(scope, time, TIMESTAMPOID);
		time = time_as(scope, shift(scope, time, sign, calendar),
					   TIMESTAMPTZOID);
	}
	if (clock != NULL)
		time = shift(scope, time, sign, clock);
	return time;
}

/*
 * The server's operator, where there always is a result: for the clock, if it
 * is moved for the first time, and by a span that is known.
 */
static Expr *
shift(FilterScope *scope, Expr *time, int sign, Expr *interval)
{
	if (clock_shifts(scope, time) == 0 && interval_of(interval) != NULL)
		return expr_operator(sign > 0 ? "+" : "-", time, interval);
	return expr_own_call(sign > 0 ? "add" : "subtract", 2, time, interval);
}

/*
 * clock_shifts() returns how often the clock was moved by a span to become
 * this time; -1 if it is not made of the clock alone.
 */
static int
clock_shifts(FilterScope *scope, Expr *time)
{
	List	   *args;
	int			shifts = -1;
	ListCell   *lc;

	if (scope->now != NULL && equal(time, scope->now))
		return 0;
	if (IsA(time, OpExpr))
		args = ((OpExpr *) time)->args;
	else if (IsA(time, FuncExpr))
		args = ((FuncExpr *) time)->args;
	else
		return -1;

	/* segment.now() */
	if (args == NIL)
		return 0;
	/* other functions of ours are for times that may be any */
	if (IsA(time, FuncExpr) &&
		((FuncExpr *) time)->funcid >= FirstNormalObjectId)
		return -1;
	foreach(lc, args)
	{
		Expr	   *arg = lfirst(lc);

		if (is_time(expr_type(arg)))
			shifts = clock_shifts(scope, arg);
		else if (!IsA(arg, Const))
			return -1;
	}
	return shifts < 0 || IsA(time, FuncExpr) ? shifts : shifts + 1;
}

/* has_clock() says whether a value moves with the clock. */
static bool
has_clock(Node *node, void *scope)
{
	Expr	   *now = ((FilterScope *) scope)->now;

	if (node == NULL)
		return false;
	if (now != NULL ? equal(node, now) :
		IsA(node, FuncExpr) && ((FuncExpr *) node)->args == NIL)
		return true;
	return expression_tree_walker(node, has_clock, scope);
}

/*
 * A span as the interval that the server means by it; a quarter is three
 * months.
 */
Expr *
time_span(FilterScope *scope, const FilterNode *span)
{
	FilterNode *literal = filter_node(FILTER_STRING, NULL, span->location);
	const char *unit = unit_names[span->detail];
	char	   *count = span->text;
	Expr	   *value;
	Interval   *interval;

	if (span->detail == FILTER_QUARTER)
	{
		Datum		number = DirectFunctionCall3(numeric_in,
												 CStringGetDatum(count),
												 ObjectIdGetDatum(InvalidOid),
												 Int32GetDatum(-1));
		Datum		three = DirectFunctionCall1(int4_numeric,
												Int32GetDatum(3));

		number = DirectFunctionCall2(numeric_mul, number, three);
		count = DatumGetCString(DirectFunctionCall1(numeric_out, number));
		unit = unit_names[FILTER_MONTH];
	}
	literal->text = psprintf("%s %s", count, unit);
	value = literal_const(scope, literal, INTERVALOID, span);
	interval = interval_of(value);

	/* farther than any time goes, an addition would fail on every row */
	if (interval->month > LONGEST_SPAN * MONTHS_PER_YEAR ||
		interval->day > LONGEST_SPAN * 366 ||
		interval->time > LONGEST_SPAN * 366 * USECS_PER_DAY)
		ereport(ERROR,
				(errcode(ERRCODE_INTERVAL_FIELD_OVERFLOW),
				 errmsg("\"%s\" is longer than %d years",
						filter_print(span), LONGEST_SPAN),
				 compile_position(scope, span)));
	if (span->detail >= FILTER_MONTH &&
		(interval->day != 0 || interval->time != 0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" is not a whole number of months",
						filter_print(span)),
				 errhint("Months differ in length: write the rest in days."),
				 compile_position(scope, span)));
	return value;
}

Interval *
interval_of(Expr *span)
{
	if (!IsA(span, Const) || ((Const *) span)->constisnull)
		return NULL;
	return DatumGetIntervalP(((Const *) span)->constvalue);
}

/*
 * The start of the period that is 'shift' after the one that the node names:
 * the first instant of its first day.  Weeks start on Monday.
 */
Expr *
time_period(FilterScope *scope, const FilterNode *node, int shift, Oid type)
{
	FilterUnit	unit = FILTER_PERIOD_UNIT(node->detail);
	Expr	   *day = time_today(scope, node);
	Interval   *step = palloc0(sizeof(Interval));

	switch (FILTER_PERIOD_WHICH(node->detail))
	{
		case FILTER_THIS:
			break;
		case FILTER_PREVIOUS:
			shift--;
			break;
		case FILTER_FOLLOWING:
			shift++;
			break;
	}
	if (unit == FILTER_DAY)
		day = day_shift(day, shift);
	else
	{
		Expr	   *start = expr_call("date_trunc", 2,
									  expr_text(unit_names[unit]),
									  time_as(scope, day, TIMESTAMPOID));

		if (unit == FILTER_WEEK)
			step->day = 7 * shift;
		else
			step->month = shift * (unit == FILTER_YEAR ? MONTHS_PER_YEAR :
								   unit == FILTER_QUARTER ? 3 : 1);
		if (shift != 0)
			start = expr_operator("+", start,
								  expr_const(INTERVALOID,
											 IntervalPGetDatum(step)));
		if (type == TIMESTAMPOID)
			return start;
		day = time_as(scope, start, DATEOID);
	}
	return time_as(scope, day, type);
}

Expr *
day_shift(Expr *day, int days)
{
	if (days == 0)
		return day;
	return expr_operator(days < 0 ? "-" : "+", day,
						 expr_const(INT4OID, Int32GetDatum(abs(days))));
}

/*
 * A time compared with a whole day: it is later if it is in the next day, or
 * after that, and equal if it is in the day.  The days are those of the pinned
 * zone.
 */
Expr *
time_beside_day(StrategyNumber strategy, Expr *time, DateADT day)
{
	Oid			type = expr_type(time);

	if (type == DATEOID)
		return expr_compare(strategy, time,
							expr_const(type, DateADTGetDatum(day)));
	if (DATE_NOT_FINITE(day))
		return expr_compare(strategy, time, day_start(day, 0, type));
	switch (strategy)
	{
		case BTLessStrategyNumber:
			return expr_compare(BTLessStrategyNumber, time,
								day_start(day, 0, type));
		case BTLessEqualStrategyNumber:
			return expr_compare(BTLessStrategyNumber, time,
								day_start(day, 1, type));
		case BTGreaterEqualStrategyNumber:
			return expr_compare(BTGreaterEqualStrategyNumber, time,
								day_start(day, 0, type));
		case BTGreaterStrategyNumber:
			return expr_compare(BTGreaterEqualStrategyNumber, time,
								day_start(day, 1, type));
		default:
			return expr_and(expr_compare(BTGreaterEqualStrategyNumber, time,
										 day_start(day, 0, type)),
							expr_compare(BTLessStrategyNumber, expr_copy(time),
										 day_start(day, 1, type)));
	}
}

/*
 * The first instant of a day, in the pinned zone.  After PostgreSQL's last day
 * there is only infinity.
 */
static Expr *
day_start(DateADT day, int offset, Oid type)
{
	Timestamp	local;

	if (!DATE_NOT_FINITE(day))
		day += offset;
	if (type == TIMESTAMPTZOID)
	{
		TimestampTz start = calendar_day_start(session_timezone, day);

		return expr_const(type, TimestampTzGetDatum(start));
	}
	if (DATE_IS_NOBEGIN(day))
		local = DT_NOBEGIN;
	else if (DATE_IS_NOEND(day) ||
			 day >= TIMESTAMP_END_JULIAN - POSTGRES_EPOCH_JDATE)
		local = DT_NOEND;
	else
		local = day * USECS_PER_DAY;
	return expr_const(type, TimestampGetDatum(local));
}
