/*-------------------------------------------------------------------------
 *
 * next.c
 *	  When does somebody enter or leave an audience by time alone?
 *
 *		lapsed		last_order_at more than 60 days ago and total_spend > 500
 *
 *		next_change('lapsed', 7)	2026-06-30 14:05:11.250001, if the last order of
 *									7 was on 1 May at 14:05:11.25
 *		forecast('lapsed', t)		how many that will have happened to by then
 *
 * The instant is found by the room of time (timed_filter_next_change()).
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

#include "audience/audience_private.h"
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
	TimedFilter *timed;
	TupleTableSlot *row;
	TimestampTz change;
	Datum		key;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		PG_RETURN_NULL();
	audience = audience_for_reader(NameStr(*PG_GETARG_NAME(0)),
								   optional_name(fcinfo, 2), &population);
	key = profile_key_argument(population, PG_GETARG_DATUM(1),
							   get_fn_expr_argtype(fcinfo->flinfo, 1));

	question_begin(&question, population);
	row = audience_profile_row(population, key);
	if (row == NULL)
		audience_no_profile(population, key);
	timed = timed_filter_make(population->oid, audience->filter);
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
								   optional_name(fcinfo, 2), &population);
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

	/* who is due by then is as they will be */
	level = NewGUCNestLevel();
	clock_set(at);
	size = audience_size(population, audience, GetActiveSnapshot());
	AtEOXact_GUC(true, level);
	PG_RETURN_INT64(size);
}

/* The same with a text as the instant. */
Datum
segment_forecast_text(PG_FUNCTION_ARGS)
{
	return call_with_text(fcinfo, 1, TIMESTAMPTZOID, segment_forecast);
}
