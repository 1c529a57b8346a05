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
 * The room of time finds the instant (timed_filter_next_change()).
 *
 * Nothing in here looks at the clock but the functions of SQL.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "audience/definitions.h"
#include "audience/members_of.h"
#include "base/base.h"
#include "time/time.h"

SEGMENT_FUNCTION(segment_next_change);
SEGMENT_FUNCTION(segment_forecast);
SEGMENT_FUNCTION(segment_forecast_text);

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
	timed = timed_filter_make(population->oid, audience_filter(audience));
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
