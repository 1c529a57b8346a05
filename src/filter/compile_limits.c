/*-------------------------------------------------------------------------
 *
 * compile_limits.c
 *	  Which limits of a column follow, so that an index on it helps?
 *
 *		seen in last 30 days
 *			segment.date_add(seen, '30 days', zone) > segment.now()
 *			seen >= segment.now() - '746:00:00'			the limit
 *
 * No index knows what seen + 30 days is, but whatever the calendar does, these
 * days are no longer than that.  A limit is always a condition that follows
 * from the exact one, which stays beside it, and is there for the planner
 * only: for indexes, and to prune partitions.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/nbtree.h"
#include "catalog/pg_type.h"
#include "utils/timestamp.h"

#include "filter/compile_private.h"

/*
 * By how much a day may be longer or shorter than 24 hours, and months than 30
 * days.
 */
#define MOST_CLOCK_CHANGE	(26 * USECS_PER_HOUR)
#define SHORT_MONTHS		2

static Expr *time_limits(FilterScope *scope, StrategyNumber strategy,
						 Expr *time, Expr *instant);
static Expr *hours_later(Expr *time, int64 microseconds);

/*
 * comparison_limits() adds to a comparison of two instants what follows from
 * it for a column that is a date or a local time, so that an index on that
 * helps. 'instants' are the operands as instants.
 */
Expr *
comparison_limits(FilterScope *scope, Expr *comparison,
				  StrategyNumber strategy, const Operand *left,
				  const Operand *right, const Operand *instants)
{
	if (left->value != NULL && left->type != TIMESTAMPTZOID &&
		operand_uses_row(left->node))
		return expr_and(time_limits(scope, strategy, left->value,
									instants[1].value),
						comparison);
	if (right->value != NULL && right->type != TIMESTAMPTZOID &&
		operand_uses_row(right->node))
		return expr_and(time_limits(scope, BTCommuteStrategyNumber(strategy),
									right->value, instants[0].value),
						comparison);
	return comparison;
}

/*
 * A span of months or days lasts at least 'least' and at most 'most', wherever
 * it lies and however clocks are set.  A local time is near to the instant
 * that it stands for, by 'around'.
 */
Expr *
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
		return expr_and(limit,
						expr_compare(BTGreaterStrategyNumber, expr_copy(time),
									 hours_later(expr_copy(now), -around)));
	return expr_and(limit,
					expr_compare(BTLessEqualStrategyNumber, expr_copy(time),
								 hours_later(expr_copy(now), around)));
}

/*
 * time_limits() returns what follows for a local time or a day from how the
 * instant that it stands for compares with another one: a local time is near
 * to its instant on the clock, and the day of an earlier instant is no later
 * day.
 */
static Expr *
time_limits(FilterScope *scope, StrategyNumber strategy, Expr *time,
			Expr *instant)
{
	Oid			type = expr_type(time);
	Expr	   *local = time_as(scope, expr_copy(instant), type);
	int64		around = type == TIMESTAMPOID ? MOST_CLOCK_CHANGE : 0;
	Expr	   *later = expr_compare(BTGreaterEqualStrategyNumber,
									 expr_copy(time),
									 hours_later(expr_copy(local), -around));
	Expr	   *earlier = expr_compare(BTLessEqualStrategyNumber,
									   expr_copy(time),
									   hours_later(local, around));

	if (strategy == BTLessStrategyNumber ||
		strategy == BTLessEqualStrategyNumber)
		return earlier;
	if (strategy == BTGreaterStrategyNumber ||
		strategy == BTGreaterEqualStrategyNumber)
		return later;
	return expr_and(later, earlier);
}

/* hours_later() moves a time by so many microseconds. */
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
