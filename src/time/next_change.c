/*-------------------------------------------------------------------------
 *
 * next_change.c
 *	  When does a filter change for a row by time alone?
 *
 *		last_order_at more than 60 days ago and total_spend > 500
 *
 *		the last order was on 1 May at 14:05:11.25
 *		next change		2026-06-30 14:05:11.250001
 *
 * time_expr_stable_until() says until when the filter certainly has the same
 * value.  The answer may be early, as a condition may change and the filter
 * may not.  So the filter is evaluated then, and if its value is the same, the
 * question is put again.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/timestamp.h"

#include "base/base.h"
#include "time/time_private.h"

/*
 * How many times the question is put again.  Conditions on the calendar may
 * change with each day or month, and the whole filter never does:
 *
 *		month(today) = 2 and day(today) = 30
 *
 * The calendar repeats itself every 400 years, and so do the rules for clocks
 * once all rules to come are in force, from 2200 on at the latest.  A filter
 * that has not changed by then never does; and if the search ends before, no
 * instant is made up.
 */
#define MOST_STEPS		250000
#define YEARS(n)		((n) * INT64CONST(366) * USECS_PER_DAY)
#define CALENDAR_REPEATS(from)	(Max(from, YEARS(200)) + YEARS(400))

/* Steps that may be needed before the calendar repeats itself, but for it. */
#define MOST_EVENTS		1000

/* Steps of a microsecond, which what is not predictable takes. */
#define MOST_BLIND		1000

struct TimedFilter
{
	TimeExpr   *expr;
	ExprContext *econtext;
};

TimedFilter *
timed_filter_make(Oid relation, const FilterNode *filter)
{
	TimedFilter *timed = palloc(sizeof(TimedFilter));
	FilterScope *scope = filter_relation_scope(relation, 1);
	Expr	   *expr = filter_as_value(filter_compile(filter, scope));

	timed->expr = time_expr_make(expr, true);
	timed->econtext = time_expr_context();
	return timed;
}

/* Does the filter hold for a row at an instant? */
static bool
timed_filter_holds(TimedFilter *timed, TupleTableSlot *row, TimestampTz at)
{
	bool		isnull;
	Datum		holds;

	timed->econtext->ecxt_scantuple = row;
	holds = time_expr_value(timed->expr, timed->econtext, at, &isnull);
	ResetExprContext(timed->econtext);
	return !isnull && DatumGetBool(holds);
}

TimestampTz
timed_filter_next_change(TimedFilter *timed, TupleTableSlot *row,
						 TimestampTz after)
{
	TimestampTz repeats = CALENDAR_REPEATS(after);
	bool		holds;
	int			blind = 0;

	/* without the clock, not even the row is read */
	if (is_constant(timed->expr))
		return DT_NOEND;
	holds = timed_filter_holds(timed, row, after);
	for (int step = 0; step < MOST_STEPS; step++)
	{
		TimestampTz next;

		CHECK_FOR_INTERRUPTS();
		next = time_expr_stable_until(timed->expr, timed->econtext, row,
									  after);
		if (TIMESTAMP_IS_NOEND(next) ||
			timed_filter_holds(timed, row, next) != holds)
			return next;
		if (next - after == 1)
			blind++;
		if (blind > MOST_BLIND || (step > MOST_EVENTS && next > repeats))
			break;
		after = next;
	}
	return DT_NOEND;
}
