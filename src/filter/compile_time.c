/*-------------------------------------------------------------------------
 *
 * compile_time.c
 *	  What does "more than 30 days ago" mean to the server?
 *
 * With the zone of the scope compiled in, and the column alone on its side, so
 * that an index on it helps:
 *
 *		seen in last 30 days
 *			seen <= segment.now()
 *			AND segment.date_add(seen, '30 days', 'Europe/Copenhagen') > segment.now()
 *
 * Days and longer are counted on the calendar of the zone; hours, minutes and
 * seconds on the clock, where the column can stand alone on its side.  For the
 * planner a limit is added that follows from this, such as
 *
 *			AND seen > segment.now() - '746:00:00'
 *
 * so that an index helps, and partitions are pruned.
 *
 * The span is added to what does not move.  Whatever the calendar does, there is
 * one instant at which 30 days have passed since 'seen', and time alone changes
 * the answer there and never back.  now - 30 days would run back, and stand still,
 * where months end and clocks are set.
 *
 * A timestamp without time zone is local time of the zone, and stands for an
 * instant; a date is a day of its calendar:
 *
 *		birthday in next 7 days		today < birthday <= today + 7
 *
 * In a scope without a zone the session's is read at run time, by the server's
 * own casts.
 *
 * What comes of the clock can be computed by the server's own operators: the clock
 * stays so far from the ends of the calendar, and spans are so short, that there
 * always is a result.  A time that a row holds may be any, and goes through the
 * functions of arithmetic.c, for which what is beyond the calendar is missing.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/transam.h"
#include "catalog/pg_type.h"
#include "datatype/timestamp.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_collate.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/timestamp.h"

#include "filter/compile_private.h"

/* in years; both CLOCK_BEGIN and CLOCK_END are farther from the calendar's ends */
#define LONGEST_SPAN	5000

/* By how much a day may be longer or shorter than 24 hours, and months than 30 days. */
#define MOST_CLOCK_CHANGE	(26 * USECS_PER_HOUR)
#define SHORT_MONTHS		2

static const char *const unit_names[] = {
	"second", "minute", "hour", "day", "week", "month", "quarter", "year"
};

static int	clock_shifts(FilterScope *scope, Expr *time);
static bool has_clock(Node *node, void *scope);
static Expr *own_time_as(FilterScope *scope, Expr *value, Oid type);
static Expr *shift(FilterScope *scope, Expr *time, int sign, Expr *interval);
static Expr *compile_recent(FilterScope *scope, const FilterNode *node,
							Expr *time);
static Expr *recent_day(FilterScope *scope, const FilterNode *node, Expr *day);
static Expr *day_passed(Expr *day, const Interval *span, Expr *today, bool passed);
static Expr *recent_limits(FilterScope *scope, const FilterNode *node,
						   Expr *time);
static Expr *span_passes(FilterScope *scope, Expr *time, const Interval *span,
						 StrategyNumber strategy, Expr *now);
static Interval *span_negated(const Interval *span);
static Expr *hours_later(Expr *time, int64 microseconds);
static Expr *day_ago(Expr *day, const Interval *span);
static Expr *compile_period(FilterScope *scope, const FilterNode *node,
							Expr *time);
static Expr *compile_day(FilterScope *scope, const FilterNode *node, Expr *time);
static Expr *compile_anniversary(FilterScope *scope, const FilterNode *node,
								 Expr *time);
static Expr *in_zone(FilterScope *scope, const char *function, Expr *value);
static Expr *day_start(DateADT day, int offset, Oid type);
static Expr *day_shift(Expr *day, int days);
static Interval *span_of_days(FilterScope *scope, const FilterNode *node,
							  const FilterNode *span);

bool
is_time(Oid type)
{
	return type == DATEOID || type == TIMESTAMPOID || type == TIMESTAMPTZOID;
}

bool
is_instant(Oid type)
{
	return type == TIMESTAMPOID || type == TIMESTAMPTZOID;
}

/*
 * A predicate over a time: everything from IN LAST to ANNIVERSARY OF.
 */
Expr *
compile_time(FilterScope *scope, const FilterNode *node)
{
	Operand		operand = compile_operand(scope, node->args[0]);

	if (operand.value == NULL)
		operand.value = literal_const(scope, operand.node, TIMESTAMPTZOID,
									  operand.node);
	else if (!is_time(operand.type))
		refuse_operand(scope, operand.node, operand.type, "a date or time",
					   operand.type == JSONBOID ?
					   "Times inside jsonb are only text: give them a column of their own." : NULL);

	switch (node->op)
	{
		case FILTER_IN_LAST:
		case FILTER_IN_NEXT:
		case FILTER_MORE_THAN_AGO:
		case FILTER_LESS_THAN_AGO:
			return compile_recent(scope, node, operand.value);
		case FILTER_IN_PERIOD:
			return compile_period(scope, node, operand.value);
		case FILTER_BEFORE:
		case FILTER_AFTER:
		case FILTER_ON:
			return compile_day(scope, node, operand.value);
		default:
			return compile_anniversary(scope, node, operand.value);
	}
}

Expr *
time_now(FilterScope *scope, const FilterNode *at)
{
	if (scope->no_clock)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("\"%s\" depends on the time of the query",
						filter_print(at)),
				 errdetail("What is stored cannot depend on when it is asked for."),
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

Expr *
filter_instant(Expr *time, const char *timezone)
{
	FilterScope scope = {.timezone = timezone};

	time = time_as(&scope, time, TIMESTAMPTZOID);
	assign_expr_collations(NULL, (Node *) time);
	return time;
}

/* The same for a time that may be any: missing if the other type lacks it. */
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

/*
 * How often has the clock been moved by a span to become this time?  -1: it is not
 * made of the clock alone.
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

/* Does a value move with the clock? */
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

/* A function of ours in the zone of the scope, or in that of the session. */
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
 * own the two steps are taken one by one, in arithmetic.c; or here, where the time
 * is the clock, so that it can be followed (time/time_expr.c).  An interval that is
 * not known yet is split by date_trunc.
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
		return known != NULL && known->time == 0 ? expr_cast("date", time) : time;
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
		time = time_as(scope, shift(scope, time, sign, calendar), TIMESTAMPTZOID);
	}
	if (clock != NULL)
		time = shift(scope, time, sign, clock);
	return time;
}

/*
 * The server's operator, where there always is a result: for the clock, if it is
 * moved for the first time, and by a span that is known.
 */
static Expr *
shift(FilterScope *scope, Expr *time, int sign, Expr *interval)
{
	if (clock_shifts(scope, time) == 0 && interval_of(interval) != NULL)
		return expr_operator(sign > 0 ? "+" : "-", time, interval);
	return expr_own_call(sign > 0 ? "add" : "subtract", 2, time, interval);
}

Interval *
interval_of(Expr *span)
{
	if (!IsA(span, Const) || ((Const *) span)->constisnull)
		return NULL;
	return DatumGetIntervalP(((Const *) span)->constvalue);
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
		Datum		number = DirectFunctionCall3(numeric_in, CStringGetDatum(count),
												 ObjectIdGetDatum(InvalidOid),
												 Int32GetDatum(-1));
		Datum		three = DirectFunctionCall1(int4_numeric, Int32GetDatum(3));

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

/*
 * in last s			t <= now and t + s > now
 * less than s ago		t <= now and t + s >= now
 * more than s ago		t + s < now
 * in next s			t > now and t - s <= now
 */
static Expr *
compile_recent(FilterScope *scope, const FilterNode *node, Expr *time)
{
	Interval   *span = interval_of(time_span(scope, node->args[1]));
	Expr	   *now;
	Expr	   *recent;
	Expr	   *at;

	if (expr_type(time) == DATEOID)
		return recent_day(scope, node, time);

	now = time_now(scope, node);
	at = time_as(scope, time, TIMESTAMPTZOID);
	switch (node->op)
	{
		case FILTER_MORE_THAN_AGO:
			recent = span_passes(scope, at, span, BTLessStrategyNumber, now);
			break;
		case FILTER_LESS_THAN_AGO:
			recent = expr_and(expr_compare(BTLessEqualStrategyNumber, at, now),
							  span_passes(scope, expr_copy(at), span,
										  BTGreaterEqualStrategyNumber, expr_copy(now)));
			break;
		case FILTER_IN_NEXT:
			recent = expr_and(expr_compare(BTGreaterStrategyNumber, at, now),
							  span_passes(scope, expr_copy(at), span_negated(span),
										  BTLessEqualStrategyNumber, expr_copy(now)));
			break;
		default:
			recent = expr_and(expr_compare(BTLessEqualStrategyNumber, at, now),
							  span_passes(scope, expr_copy(at), span,
										  BTGreaterStrategyNumber, expr_copy(now)));
			break;
	}
	if (scope->planned &&
		(span->month != 0 || span->day != 0 || expr_type(time) == TIMESTAMPOID))
		recent = expr_and(recent_limits(scope, node, expr_copy(time)), recent);
	return recent;
}

/* time + span, compared with now. */
static Expr *
span_passes(FilterScope *scope, Expr *time, const Interval *span,
			StrategyNumber strategy, Expr *now)
{
	Expr	   *length = expr_const(INTERVALOID, IntervalPGetDatum(span));

	/* on the clock alone it is the same as time, compared with now - span */
	if (span->month == 0 && span->day == 0)
		return expr_compare(strategy, time, expr_operator("-", now, length));
	if (scope->timezone == NULL)
		time = expr_own_call("date_add", 2, time, length);
	else
		time = expr_own_call("date_add", 3, time, length, expr_text(scope->timezone));
	return expr_compare(strategy, time, now);
}

static Interval *
span_negated(const Interval *span)
{
	Interval   *negated = palloc(sizeof(Interval));

	negated->time = -span->time;
	negated->day = -span->day;
	negated->month = -span->month;
	return negated;
}

/*
 * What follows from all that for the column alone, in hours: so much a span may be
 * at most, or must be at least, wherever it lies and however clocks are set.
 * Local times are near to the local time of now.
 */
static Expr *
recent_limits(FilterScope *scope, const FilterNode *node, Expr *time)
{
	const Interval *span = interval_of(time_span(scope, node->args[1]));
	Oid			type = expr_type(time);
	Expr	   *now = time_as(scope, time_now(scope, node), type);
	int64		around = type == TIMESTAMPOID ? MOST_CLOCK_CHANGE : 0;
	int64		days = span->day * USECS_PER_DAY + span->time;
	int64		least = days;
	int64		most = days;
	Expr	   *limit;

	if (span->month != 0)
	{
		least += (span->month * INT64CONST(30) - SHORT_MONTHS) * USECS_PER_DAY;
		most += span->month * INT64CONST(31) * USECS_PER_DAY;
	}
	if (span->month != 0 || span->day != 0)
	{
		least -= MOST_CLOCK_CHANGE;
		most += MOST_CLOCK_CHANGE;
	}
	if (node->op == FILTER_MORE_THAN_AGO)
		return expr_compare(BTLessStrategyNumber, time,
							hours_later(now, around - least));
	if (node->op == FILTER_IN_NEXT)
		limit = expr_compare(BTLessEqualStrategyNumber, time,
							 hours_later(now, most + around));
	else
		limit = expr_compare(BTGreaterEqualStrategyNumber, time,
							 hours_later(now, -most - around));
	if (type == TIMESTAMPTZOID)
		return limit;			/* the other one is no less plain */
	if (node->op == FILTER_IN_NEXT)
		return expr_and(limit, expr_compare(BTGreaterStrategyNumber, expr_copy(time),
											hours_later(expr_copy(now), -around)));
	return expr_and(limit, expr_compare(BTLessEqualStrategyNumber, expr_copy(time),
										hours_later(expr_copy(now), around)));
}

/*
 * The instant that a local time stands for is near to that time on the clock; and a
 * day whose first instant is before another is the day of that, or an earlier one.
 */
Expr *
time_limits(FilterScope *scope, StrategyNumber strategy, Expr *time, Expr *instant)
{
	Oid			type = expr_type(time);
	Expr	   *local = time_as(scope, expr_copy(instant), type);
	int64		around = type == TIMESTAMPOID ? MOST_CLOCK_CHANGE : 0;
	Expr	   *later = expr_compare(BTGreaterEqualStrategyNumber, expr_copy(time),
									 hours_later(expr_copy(local), -around));
	Expr	   *earlier = expr_compare(BTLessEqualStrategyNumber, expr_copy(time),
									   hours_later(local, around));

	if (strategy == BTLessStrategyNumber || strategy == BTLessEqualStrategyNumber)
		return earlier;
	if (strategy == BTGreaterStrategyNumber || strategy == BTGreaterEqualStrategyNumber)
		return later;
	return expr_and(later, earlier);
}

static Expr *
hours_later(Expr *time, int64 microseconds)
{
	Interval   *hours = palloc0(sizeof(Interval));

	if (microseconds == 0)
		return time;
	hours->time = i64abs(microseconds);
	return expr_operator(microseconds < 0 ? "-" : "+", time,
						 expr_const(INTERVALOID, IntervalPGetDatum(hours)));
}

/* The same for a date, of which only the day counts. */
static Expr *
recent_day(FilterScope *scope, const FilterNode *node, Expr *day)
{
	const Interval *span = span_of_days(scope, node, node->args[1]);
	Expr	   *today = time_today(scope, node);

	switch (node->op)
	{
		case FILTER_MORE_THAN_AGO:
			return day_passed(day, span, today, true);
		case FILTER_LESS_THAN_AGO:
			return expr_and(day_passed(day, span, today, false),
							expr_compare(BTLessEqualStrategyNumber, expr_copy(day),
										 expr_copy(today)));
		case FILTER_IN_NEXT:
			return expr_and(expr_compare(BTGreaterStrategyNumber, day, today),
							expr_compare(BTLessEqualStrategyNumber, expr_copy(day),
										 day_ago(expr_copy(today), span_negated(span))));
		default:
			return expr_and(expr_compare(BTGreaterStrategyNumber, day,
										 day_ago(today, span)),
							expr_compare(BTLessEqualStrategyNumber, expr_copy(day),
										 expr_copy(today)));
	}
}

/* Has the span passed since that day before today, or not yet? */
static Expr *
day_passed(Expr *day, const Interval *span, Expr *today, bool passed)
{
	if (span->month == 0)
		return expr_compare(passed ? BTLessStrategyNumber : BTGreaterEqualStrategyNumber,
							day, day_ago(today, span));
	return expr_compare(passed ? BTLessEqualStrategyNumber : BTGreaterStrategyNumber,
						day, day_ago(day_shift(today, -1), span));
}

/* The last day that comes, with the span added, to that day or an earlier one. */
static Expr *
day_ago(Expr *day, const Interval *span)
{
	if (span->month == 0)
		return day_shift(day, -span->day);
	return expr_own_call("day_ago", 2, day,
						 expr_const(INTERVALOID, IntervalPGetDatum(span)));
}

/* The interval of a span that must consist of days or longer units. */
static Interval *
span_of_days(FilterScope *scope, const FilterNode *node, const FilterNode *span)
{
	Interval   *interval = interval_of(time_span(scope, span));

	if (interval->time != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("\"%s\" is not made of whole days",
						filter_print(span)),
				 errdetail("Only the day counts of %s here.",
						   describe_operand(scope, node->args[0])),
				 errhint("Use whole days or a longer unit."),
				 compile_position(scope, span)));
	return interval;
}

/* in this month: [start of this month, start of the next) */
static Expr *
compile_period(FilterScope *scope, const FilterNode *node, Expr *time)
{
	Oid			type = expr_type(time);

	return expr_and(expr_compare(BTGreaterEqualStrategyNumber, time,
								 time_period(scope, node, 0, type)),
					expr_compare(BTLessStrategyNumber, expr_copy(time),
								 time_period(scope, node, 1, type)));
}

/*
 * The start of the period that is 'shift' after the one that the node names: the
 * first instant of its first day.  Weeks start on Monday.
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
		Expr	   *start = expr_call("date_trunc", 2, expr_text(unit_names[unit]),
									  time_as(scope, day, TIMESTAMPOID));

		if (unit == FILTER_WEEK)
			step->day = 7 * shift;
		else
			step->month = shift * (unit == FILTER_MONTH ? 1 :
								   unit == FILTER_QUARTER ? 3 : MONTHS_PER_YEAR);
		if (shift != 0)
			start = expr_operator("+", start,
								  expr_const(INTERVALOID, IntervalPGetDatum(step)));
		if (type == TIMESTAMPOID)
			return start;
		day = time_as(scope, start, DATEOID);
	}
	return time_as(scope, day, type);
}

/*
 * before, after, on.
 */
static Expr *
compile_day(FilterScope *scope, const FilterNode *node, Expr *time)
{
	const FilterNode *literal = node->args[1];
	Oid			type = expr_type(time);
	StrategyNumber strategy = node->op == FILTER_BEFORE ? BTLessStrategyNumber :
		node->op == FILTER_AFTER ? BTGreaterStrategyNumber : BTEqualStrategyNumber;

	if (literal->op != FILTER_STRING)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("%s is not a date", literal_show(literal)),
				 errhint("Write a date in quotes, such as \"2026-05-01\"."),
				 compile_position(scope, literal)));

	/* on the day of that instant */
	if (literal_is_day(literal) || node->op == FILTER_ON)
		return time_beside_day(strategy, time,
							   literal_day(scope, literal, node->args[0]));
	return expr_compare(strategy, time,
						literal_const(scope, literal,
									  literal_time_type(literal, type),
									  node->args[0]));
}

/*
 * A time compared with a whole day: it is later if it is in the next day, or after
 * that, and equal if it is in the day.  The days are those of the pinned zone.
 */
Expr *
time_beside_day(StrategyNumber strategy, Expr *time, DateADT day)
{
	Oid			type = expr_type(time);

	if (type == DATEOID)
		return expr_compare(strategy, time, expr_const(type, DateADTGetDatum(day)));
	if (DATE_NOT_FINITE(day))
		return expr_compare(strategy, time, day_start(day, 0, type));
	switch (strategy)
	{
		case BTLessStrategyNumber:
			return expr_compare(BTLessStrategyNumber, time, day_start(day, 0, type));
		case BTLessEqualStrategyNumber:
			return expr_compare(BTLessStrategyNumber, time, day_start(day, 1, type));
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
		return expr_const(type,
						  TimestampTzGetDatum(calendar_day_start(session_timezone, day)));
	if (DATE_IS_NOBEGIN(day))
		local = DT_NOBEGIN;
	else if (DATE_IS_NOEND(day) || day >= TIMESTAMP_END_JULIAN - POSTGRES_EPOCH_JDATE)
		local = DT_NOEND;
	else
		local = day * USECS_PER_DAY;
	return expr_const(type, TimestampGetDatum(local));
}

/*
 * anniversary of birthday in next 7 days:
 *
 *		segment.has_anniversary(birthday, today + 1, today + 7)
 */
static Expr *
compile_anniversary(FilterScope *scope, const FilterNode *node, Expr *time)
{
	Expr	   *from;
	Expr	   *to;

	if (node->op == FILTER_ANNIVERSARY_PERIOD)
	{
		from = time_period(scope, node, 0, DATEOID);
		to = day_shift(time_period(scope, node, 1, DATEOID), -1);
	}
	else
	{
		from = time_today(scope, node);
		to = expr_copy(from);
		if (node->op != FILTER_ANNIVERSARY_TODAY)
		{
			const Interval *span = span_of_days(scope, node, node->args[1]);

			/* a day a with a <= today < a + span, or with a - span <= today < a */
			if (node->op == FILTER_ANNIVERSARY_NEXT)
				to = day_ago(to, span_negated(span));
			else
				from = day_ago(from, span);
			from = day_shift(from, 1);
		}
	}
	return expr_own_call("has_anniversary", 3,
						 time_as(scope, time, DATEOID), from, to);
}

static Expr *
day_shift(Expr *day, int days)
{
	if (days == 0)
		return day;
	return expr_operator(days < 0 ? "-" : "+", day,
						 expr_const(INT4OID, Int32GetDatum(abs(days))));
}
