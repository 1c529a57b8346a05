/*-------------------------------------------------------------------------
 *
 * compile_time.c
 *	  What does "more than 30 days ago" mean to the server?
 *
 * With the zone of the scope compiled in, and the column alone on its side, so
 * that an index on it helps:
 *
 *		seen in last 30 days
 *			seen > timezone('Europe/Copenhagen',
 *							timezone('Europe/Copenhagen', segment.now()) - '30 days')
 *			AND seen <= segment.now()
 *
 * Days and longer are counted on the calendar of the zone; hours, minutes and
 * seconds on the clock.  A timestamp without time zone is local time of the
 * zone, a date is a day of its calendar:
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

static const char *const unit_names[] = {
	"second", "minute", "hour", "day", "week", "month", "quarter", "year"
};

static int	clock_shifts(FilterScope *scope, Expr *time);
static bool has_clock(Node *node, void *scope);
static Expr *own_time_as(FilterScope *scope, Expr *value, Oid type);
static Expr *shift(FilterScope *scope, Expr *time, int sign, Expr *interval);
static Expr *compile_recent(FilterScope *scope, const FilterNode *node,
							Expr *time);
static Expr *compile_period(FilterScope *scope, const FilterNode *node,
							Expr *time);
static Expr *compile_day(FilterScope *scope, const FilterNode *node, Expr *time);
static Expr *compile_anniversary(FilterScope *scope, const FilterNode *node,
								 Expr *time);
static Expr *day_start(DateADT day, int offset, Oid type);
static Expr *day_shift(Expr *day, int days);
static Interval *span_of_days(FilterScope *scope, const FilterNode *node,
							  const FilterNode *span);

bool
is_time(Oid type)
{
	return type == DATEOID || type == TIMESTAMPOID || type == TIMESTAMPTZOID;
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
	if (clock_shifts(scope, value) < 0)
		return own_time_as(scope, value, type);

	if (type == TIMESTAMPTZOID)
	{
		if (scope->timezone == NULL)
			return expr_cast("timestamptz", value);
		return expr_call("timezone", 2, expr_text(scope->timezone),
						 time_as(scope, value, TIMESTAMPOID));
	}
	if (source == TIMESTAMPTZOID && scope->timezone != NULL)
		value = expr_call("timezone", 2, expr_text(scope->timezone), value);
	if (expr_type(value) == type)
		return value;
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

	if (type == TIMESTAMPTZOID && scope->timezone == NULL)
		return expr_own_call("instant", 1, value);
	if (type == TIMESTAMPTZOID)
		return expr_own_call("instant", 2, expr_text(scope->timezone),
							 time_as(scope, value, TIMESTAMPOID));
	if (source == TIMESTAMPTZOID && scope->timezone == NULL)
		return expr_own_call(type == DATEOID ? "local_date" : "local_time", 1, value);
	if (source == TIMESTAMPTZOID)
		value = expr_own_call("local_time", 2, expr_text(scope->timezone), value);
	if (expr_type(value) == type)
		return value;
	/* each local time has its day */
	return type == DATEOID ? expr_cast("date", value) :
		expr_own_call("local_time", 1, value);
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

/*
 * time ± interval.
 *
 * The server adds an interval to a timestamptz on the calendar of the session:
 * its days and months there, then its hours on the clock.  With a zone of our
 * own the two steps are taken one by one, in arithmetic.c; or here, where the time
 * is the clock, so that it can be followed (audience/curve.c).  An interval that is
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

/* in last, in next, more than ... ago, less than ... ago */
static Expr *
compile_recent(FilterScope *scope, const FilterNode *node, Expr *time)
{
	const FilterNode *span = node->args[1];
	Oid			type = expr_type(time);
	Expr	   *now;
	Expr	   *edge;

	if (type == DATEOID)
	{
		(void) span_of_days(scope, node, span);
		now = time_today(scope, node);
	}
	else
		now = time_now(scope, node);

	edge = time_shift(scope, expr_copy(now),
					  node->op == FILTER_IN_NEXT ? 1 : -1,
					  time_span(scope, span));
	edge = time_as(scope, edge, type);
	now = time_as(scope, now, type);

	switch (node->op)
	{
		case FILTER_MORE_THAN_AGO:
			return expr_compare(BTLessStrategyNumber, time, edge);
		case FILTER_IN_NEXT:
			return expr_and(expr_compare(BTGreaterStrategyNumber, time, now),
							expr_compare(BTLessEqualStrategyNumber,
										 expr_copy(time), edge));
		default:
			return expr_and(expr_compare(BTGreaterStrategyNumber, time, edge),
							expr_compare(BTLessEqualStrategyNumber,
										 expr_copy(time), now));
	}
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
 * The start of the period that is 'shift' after the one that the node names.
 * Weeks start on Monday.
 */
Expr *
time_period(FilterScope *scope, const FilterNode *node, int shift, Oid type)
{
	FilterUnit	unit = FILTER_PERIOD_UNIT(node->detail);
	Expr	   *local = time_as(scope, time_now(scope, node), TIMESTAMPOID);
	Expr	   *edge = expr_call("date_trunc", 2, expr_text(unit_names[unit]), local);

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
	if (shift != 0)
	{
		Interval   *step = palloc0(sizeof(Interval));

		switch (unit)
		{
			case FILTER_WEEK:
				step->day = 7 * shift;
				break;
			case FILTER_MONTH:
				step->month = shift;
				break;
			case FILTER_QUARTER:
				step->month = 3 * shift;
				break;
			case FILTER_YEAR:
				step->month = 12 * shift;
				break;
			default:
				step->day = shift;
				break;
		}
		edge = expr_operator("+", edge,
							 expr_const(INTERVALOID, IntervalPGetDatum(step)));
	}
	return time_as(scope, edge, type);
}

/*
 * before, after, on.  A literal without a time of day is the whole day.
 */
static Expr *
compile_day(FilterScope *scope, const FilterNode *node, Expr *time)
{
	const FilterNode *literal = node->args[1];
	Oid			type = expr_type(time);
	DateADT		day;

	if (literal->op != FILTER_STRING)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("%s is not a date", literal_show(literal)),
				 errhint("Write a date in quotes, such as \"2026-05-01\"."),
				 compile_position(scope, literal)));

	if (node->op != FILTER_ON && !literal_is_day(literal))
	{
		StrategyNumber strategy = node->op == FILTER_BEFORE ?
			BTLessStrategyNumber : BTGreaterStrategyNumber;

		return expr_compare(strategy, time,
							literal_const(scope, literal,
										  literal_time_type(literal, type),
										  node->args[0]));
	}

	day = literal_day(scope, literal, node->args[0]);
	switch (node->op)
	{
		case FILTER_BEFORE:
			return expr_compare(BTLessStrategyNumber, time,
								day_start(day, 0, type));
		case FILTER_AFTER:
			return expr_compare(BTGreaterEqualStrategyNumber, time,
								day_start(day, 1, type));
		default:
			if (type == DATEOID)
				return expr_compare(BTEqualStrategyNumber, time,
									day_start(day, 0, type));
			return expr_and(expr_compare(BTGreaterEqualStrategyNumber, time,
										 day_start(day, 0, type)),
							expr_compare(BTLessStrategyNumber, expr_copy(time),
										 day_start(day, 1, type)));
	}
}

/*
 * The first instant of a day, in the pinned zone.  PostgreSQL's last day has
 * no next one, and neither has infinity.
 */
static Expr *
day_start(DateADT day, int offset, Oid type)
{
	if (!DATE_NOT_FINITE(day) && day + offset < DATE_END_JULIAN - POSTGRES_EPOCH_JDATE)
		day += offset;
	if (type == DATEOID)
		return expr_const(type, DateADTGetDatum(day));
	return expr_const(type,
					  DirectFunctionCall1(type == TIMESTAMPOID ?
										  date_timestamp : date_timestamptz,
										  DateADTGetDatum(day)));
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
			const FilterNode *span = node->args[1];

			(void) span_of_days(scope, node, span);
			if (node->op == FILTER_ANNIVERSARY_NEXT)
				to = time_shift(scope, to, 1, time_span(scope, span));
			else
				from = time_shift(scope, from, -1, time_span(scope, span));
			/* half-open: (today, today + n] and (today - n, today] */
			from = day_shift(from, 1);
		}
	}
	return expr_own_call("has_anniversary", 3,
						 time_as(scope, time, DATEOID), from, to);
}

static Expr *
day_shift(Expr *day, int days)
{
	return expr_operator(days < 0 ? "-" : "+", day,
						 expr_const(INT4OID, Int32GetDatum(abs(days))));
}
