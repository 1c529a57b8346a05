/*-------------------------------------------------------------------------
 *
 * next.c
 *	  When does a profile enter or leave an audience by time alone?
 *
 *		lapsed		last_order_at more than 60 days ago and total_spend > 500
 *
 *		next_change('lapsed', 7)	2026-06-30 14:05:11.250001, if the last
 *									order of 7 was on 1 May at 14:05:11.25
 *		forecast('lapsed', t)		the size at t, if no event comes
 *
 * steady.c says for how long the filter stays what it is.  That is sometimes too
 * short, as a part of the filter may change and the whole may not; so the filter
 * is evaluated then, and if it is what it was, the question is put again.  What
 * never changes has no next change.
 *
 * Nothing in here looks at the clock but the functions of SQL.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "audience/definitions.h"
#include "audience/members_of.h"
#include "audience/next_change.h"
#include "time/curve.h"
#include "base/base.h"

SEGMENT_FUNCTION(segment_next_change);
SEGMENT_FUNCTION(segment_forecast);
SEGMENT_FUNCTION(segment_forecast_text);

/*
 * Questions put again for one answer.  Conditions on the calendar may change with
 * each day or month, and yet the whole never does:
 *
 *		month(today) = 2 and day(today) = 30
 *
 * The calendar repeats itself every 400 years, and so do the rules for clocks once
 * all that are to come are in force, from 2200 on at the latest.  What has not
 * changed by then never does; and where that is too far, no instant is made up.
 */
#define MOST_STEPS		250000
#define YEARS(n)		((n) * INT64CONST(366) * USECS_PER_DAY)
#define CALENDAR_REPEATS(from)	(Max(from, YEARS(200)) + YEARS(400))

/* Steps that other things than the calendar may need by then. */
#define MOST_EVENTS		1000

/*
 * Steps of a microsecond: of what moves all the time nobody can say when the whole
 * changes.
 */
#define MOST_BLIND		1000

struct TimedFilter
{
	TimeExpr	   *curve;
	ExprContext *econtext;
};

TimedFilter *
timed_filter(const Population *population, const FilterNode *filter)
{
	TimedFilter *timed = palloc(sizeof(TimedFilter));
	FilterScope *scope = filter_relation_scope(population->base, 1);

	timed->curve = time_expr_make(filter_as_value(filter_compile(filter, scope)), true);
	timed->econtext = time_expr_context();
	return timed;
}

static bool
timed_filter_holds(TimedFilter *timed, TupleTableSlot *row, TimestampTz at)
{
	bool		isnull;
	Datum		holds;

	timed->econtext->ecxt_scantuple = row;
	holds = time_expr_value(timed->curve, timed->econtext, at, &isnull);
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

	/* if the clock is no part of it, not even the row is looked at */
	if (timed->curve->kind == TIME_STILL)
		return DT_NOEND;
	holds = timed_filter_holds(timed, row, after);
	for (int step = 0; step < MOST_STEPS; step++)
	{
		TimestampTz next;

		CHECK_FOR_INTERRUPTS();
		next = time_expr_stable_until(timed->curve, timed->econtext, row, after);
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

/*
 * next_change(audience, key, population)
 */
Datum
segment_next_change(PG_FUNCTION_ARGS)
{
	const Population *population;
	const Audience *audience;
	OwnersQuestion question;
	TupleTableSlot *row;
	TimedFilter *timed;
	TimestampTz change;
	Datum		key;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		PG_RETURN_NULL();
	audience = audience_for_reader(NameStr(*PG_GETARG_NAME(0)),
								   optional_name_argument(fcinfo, 2),
								   &population);
	key = key_argument(fcinfo, 1, population);

	question_begin(&question, population);
	row = profile_row(population, key);
	if (row == NULL)
		profile_missing(population, key);
	timed = timed_filter(population, audience->filter);
	change = timed_filter_next_change(timed, row, clock_now());
	question_end(&question);

	if (TIMESTAMP_IS_NOEND(change))
		PG_RETURN_NULL();
	PG_RETURN_TIMESTAMPTZ(change);
}

/*
 * forecast(audience, at, population)
 */
Datum
segment_forecast(PG_FUNCTION_ARGS)
{
	const Population *population;
	const Audience *audience;
	TimestampTz at;
	int64		size;
	int			level;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		PG_RETURN_NULL();
	audience = audience_for_reader(NameStr(*PG_GETARG_NAME(0)),
								   optional_name_argument(fcinfo, 2),
								   &population);
	at = PG_GETARG_TIMESTAMPTZ(1);
	if (at < clock_now())
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the size of audience \"%s\" cannot be forecast for the past",
						audience->name),
				 errdetail("%s is before %s, which is now.",
						   pstrdup(timestamptz_to_str(at)),
						   pstrdup(timestamptz_to_str(clock_now()))),
				 errhint("Ask for segment.now() or later; the feed tells what has been.")));
	if (at >= CLOCK_END)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the size of audience \"%s\" cannot be forecast for the end of time",
						audience->name),
				 errhint("Ask for an instant before the year 274235.")));

	/* profiles that are due by then count as they will be then */
	level = NewGUCNestLevel();
	clock_set(at);
	size = audience_size(population, audience, GetActiveSnapshot());
	AtEOXact_GUC(true, level);
	PG_RETURN_INT64(size);
}

/*
 * forecast(audience, at as text, population)
 */
Datum
segment_forecast_text(PG_FUNCTION_ARGS)
{
	return call_with_text(fcinfo, 1, TIMESTAMPTZOID, segment_forecast);
}
