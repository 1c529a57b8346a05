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
 *			AND segment.date_add(seen, '30 days', zone) > segment.now()
 *
 * Days and longer are counted on the calendar of the zone; hours, minutes and
 * seconds on the clock, where the column can stand alone on its side.  For the
 * planner a limit is added that follows from this, such as
 *
 *			AND seen >= segment.now() - '746:00:00'
 *
 * so that an index helps, and partitions are pruned.
 *
 * The span is added to what does not move.  Whatever the calendar does, there
 * is one instant at which 30 days have passed since 'seen', and time alone
 * changes the answer there and never back.  now - 30 days would run back, and
 * stand still, where months end and clocks are set.
 *
 * A date is a day of the zone's calendar:
 *
 *		birthday in next 7 days		today < birthday <= today + 7
 *
 * How times are computed is in compile_clock.c.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/date.h"
#include "utils/timestamp.h"

#include "filter/compile_private.h"

static Expr *time_operand(FilterScope *scope, const FilterNode *node);
static Expr *span_passes(FilterScope *scope, Expr *time, const Interval *span,
						 StrategyNumber strategy, Expr *now);
static Interval *span_negated(const Interval *span);
static Expr *recent_day(FilterScope *scope, const FilterNode *node, Expr *day);
static Expr *day_passed(Expr *day, const Interval *span, Expr *today,
						bool passed);
static Expr *day_ago(Expr *day, const Interval *span);
static Interval *span_of_days(FilterScope *scope, const FilterNode *node,
							  const FilterNode *span);

/*
 * in last s			t <= now and t + s > now
 * less than s ago		t <= now and t + s >= now
 * more than s ago		t + s < now
 * in next s			t > now and t - s <= now
 */
Expr *
compile_recent(FilterScope *scope, const FilterNode *node)
{
	Expr	   *time = time_operand(scope, node);
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
										  BTGreaterEqualStrategyNumber,
										  expr_copy(now)));
			break;
		case FILTER_IN_NEXT:
			recent = expr_and(expr_compare(BTGreaterStrategyNumber, at, now),
							  span_passes(scope, expr_copy(at),
										  span_negated(span),
										  BTLessEqualStrategyNumber,
										  expr_copy(now)));
			break;
		case FILTER_IN_LAST:
			recent = expr_and(expr_compare(BTLessEqualStrategyNumber, at, now),
							  span_passes(scope, expr_copy(at), span,
										  BTGreaterStrategyNumber,
										  expr_copy(now)));
			break;
		default:
			elog(ERROR, "filter node %d is not about a span", (int) node->op);
	}
	if (scope->planned &&
		(span->month != 0 || span->day != 0 ||
		 expr_type(time) == TIMESTAMPOID))
		recent = expr_and(recent_limits(scope, node, expr_copy(time)), recent);
	return recent;
}

/* span_passes() compares time + span with now. */
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
		time = expr_own_call("date_add", 3, time, length,
							 expr_text(scope->timezone));
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

/* recent_day() compiles the same for a date, of which only the day counts. */
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
							expr_compare(BTLessEqualStrategyNumber,
										 expr_copy(day), expr_copy(today)));
		case FILTER_IN_NEXT:
			return expr_and(expr_compare(BTGreaterStrategyNumber, day, today),
							expr_compare(BTLessEqualStrategyNumber,
										 expr_copy(day),
										 day_ago(expr_copy(today),
												 span_negated(span))));
		default:
			return expr_and(expr_compare(BTGreaterStrategyNumber, day,
										 day_ago(today, span)),
							expr_compare(BTLessEqualStrategyNumber,
										 expr_copy(day), expr_copy(today)));
	}
}

/* day_passed() compiles: the span has passed since the day, or has not yet. */
static Expr *
day_passed(Expr *day, const Interval *span, Expr *today, bool passed)
{
	if (span->month == 0)
		return expr_compare(passed ? BTLessStrategyNumber :
							BTGreaterEqualStrategyNumber,
							day, day_ago(today, span));
	return expr_compare(passed ? BTLessEqualStrategyNumber :
						BTGreaterStrategyNumber,
						day, day_ago(day_shift(today, -1), span));
}

/*
 * The last day that comes, with the span added, to that day or an earlier one.
 */
static Expr *
day_ago(Expr *day, const Interval *span)
{
	if (span->month == 0)
		return day_shift(day, -span->day);
	return expr_own_call("day_ago", 2, day,
						 expr_const(INTERVALOID, IntervalPGetDatum(span)));
}

/* span_of_days() refuses a span that is not made of days or longer units. */
static Interval *
span_of_days(FilterScope *scope, const FilterNode *node,
			 const FilterNode *span)
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
Expr *
compile_period(FilterScope *scope, const FilterNode *node)
{
	Expr	   *time = time_operand(scope, node);
	Oid			type = expr_type(time);

	return expr_and(expr_compare(BTGreaterEqualStrategyNumber, time,
								 time_period(scope, node, 0, type)),
					expr_compare(BTLessStrategyNumber, expr_copy(time),
								 time_period(scope, node, 1, type)));
}

/*
 * before, after, on.
 */
Expr *
compile_day(FilterScope *scope, const FilterNode *node)
{
	Expr	   *time = time_operand(scope, node);
	const FilterNode *literal = node->args[1];
	Oid			type = expr_type(time);
	StrategyNumber strategy =
		node->op == FILTER_BEFORE ? BTLessStrategyNumber :
		node->op == FILTER_AFTER ? BTGreaterStrategyNumber :
		BTEqualStrategyNumber;

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
 * anniversary of birthday in next 7 days:
 *
 *		segment.has_anniversary(birthday, today + 1, today + 7)
 */
Expr *
compile_anniversary(FilterScope *scope, const FilterNode *node)
{
	Expr	   *time = time_operand(scope, node);
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

			/*
			 * a day a with a <= today < a + span, or with a - span <= today <
			 * a
			 */
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

/*
 * time_operand() compiles the operand of a condition on a time; a literal is
 * an instant.
 */
static Expr *
time_operand(FilterScope *scope, const FilterNode *node)
{
	Operand		operand = compile_operand(scope, node->args[0]);
	const char *hint = NULL;

	if (operand.value == NULL)
		return literal_const(scope, operand.node, TIMESTAMPTZOID,
							 operand.node);
	if (operand.type == JSONBOID)
		hint = "Times inside jsonb are only text: give them a column of their "
			   "own.";
	if (!is_time(operand.type))
		refuse_operand(scope, operand.node, operand.type, "a date or time",
					   hint);
	return operand.value;
}
