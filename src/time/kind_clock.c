/*-------------------------------------------------------------------------
 *
 * kind_clock.c
 *	  What does the clock show in a zone, and when does it turn?
 *
 *		now									an instant
 *		timezone('Europe/Copenhagen', now)	to local time ...
 *		timezone('Europe/Copenhagen', ...)	... and back to an instant
 *		local_day(now, zone)				to the local day ...
 *		day_start(..., zone)				... and to its first instant
 *
 * Local time differs from an instant by an offset that is the same between two
 * turns of the zone's clock.  Days never go back, whatever clocks do.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/fmgroids.h"
#include "utils/timestamp.h"

#include "time/time_private.h"

static const TimeFunction to_local_functions[] = {
	{F_TIMEZONE_TEXT_TIMESTAMPTZ},
	OWN_FUNCTION("local_time", TEXTOID),
};

static const TimeFunction from_local_functions[] = {
	{F_TIMEZONE_TEXT_TIMESTAMP},
	OWN_FUNCTION("instant", TEXTOID),
};

static const TimeFunction local_day_functions[] = {
	OWN_FUNCTION("local_day", TIMESTAMPTZOID),
};

static const TimeFunction day_start_functions[] = {
	OWN_FUNCTION("day_start", DATEOID),
};

/* The offsets that local time may have from UTC. */
static Limits
offsets_of(pg_tz *zone)
{
	Limits		offsets;

	clock_offsets(zone, &offsets.least, &offsets.most);
	return offsets;
}

/* ---- now ---- */

static bool
now_recognise(TimeExpr *expr, const TimeCall *call)
{
	return IsA(expr->node, Param);
}

static Trend
now_trend(TimeExpr *expr, const TimeSearch *search, TimestampTz *until)
{
	return TREND_RISES;
}

static bool
now_crossing(TimeExpr *expr, const TimeSearch *search, Limits values,
			 Limits *instants)
{
	*instants = (Limits) {values.least, plus(values.most, 1)};
	return true;
}

static bool
now_bounds(TimeExpr *expr, const TimeSearch *search, Bounds *bounds)
{
	*bounds = (Bounds) {CLOCK_BEGIN, CLOCK_END};
	return true;
}

const TimeKind kind_now = {
	.name = "now",
	.recognise = now_recognise,
	.stable = monotone_stable_until,
	.predictable = monotone_predictable,
	.monotone = true,
	.delays = true,
	.trend = now_trend,
	.crossing = now_crossing,
	.bounds = now_bounds,
};

/* ---- local time, and back ---- */

/* Is one of these functions called, with a zone as its first argument? */
static bool
zone_comes_first(TimeExpr *expr, const TimeCall *call,
				 const TimeFunction *functions, int count)
{
	if (time_function_find(call, functions, count) == NULL ||
		!note_zone(expr, linitial(call->args)))
		return false;
	drop_argument(expr, 0);
	return true;
}

static bool
to_local_recognise(TimeExpr *expr, const TimeCall *call)
{
	return zone_comes_first(expr, call, to_local_functions,
							lengthof(to_local_functions));
}

static bool
from_local_recognise(TimeExpr *expr, const TimeCall *call)
{
	return zone_comes_first(expr, call, from_local_functions,
							lengthof(from_local_functions));
}

/* Local time rises with an instant, and back, until the zone's clock turns. */
static Trend
local_trend(TimeExpr *expr, const TimeSearch *search, TimestampTz *until)
{
	TimeExpr   *time = expr->args[0];
	Trend		trend = monotone_trend(time, search, until);
	Timestamp	turn;
	bool		isnull;
	Datum		value;

	if (trend != TREND_RISES)
		return trend_unknown(expr, search, trend, until);
	value = time_expr_value(time, search->econtext, search->from, &isnull);
	if (isnull)
		return TREND_CONSTANT;
	turn = expr->kind == &kind_to_local ?
		clock_turn_after(expr->zone, DatumGetTimestampTz(value)) :
		local_turn_after(expr->zone, DatumGetTimestamp(value));
	monotone_cut(time, search, turn, until);
	return trend;
}

static bool
to_local_crossing(TimeExpr *expr, const TimeSearch *search, Limits values,
				  Limits *instants)
{
	return monotone_crossing(expr->args[0], search,
							 limits_minus(values, offsets_of(expr->zone)),
							 instants);
}

/* An instant lies after its local time by an offset; so does a day's start. */
static bool
from_local_crossing(TimeExpr *expr, const TimeSearch *search, Limits values,
					Limits *instants)
{
	return monotone_crossing(expr->args[0], search,
							 limits_plus(values, offsets_of(expr->zone)),
							 instants);
}

const TimeKind kind_to_local = {
	.name = "to local",
	.recognise = to_local_recognise,
	.stable = monotone_stable_until,
	.predictable = monotone_predictable,
	.monotone = true,
	.delays = true,
	.trend = local_trend,
	.crossing = to_local_crossing,
	.bounds = bounds_of_first,
};

const TimeKind kind_from_local = {
	.name = "from local",
	.recognise = from_local_recognise,
	.stable = monotone_stable_until,
	.predictable = monotone_predictable,
	.monotone = true,
	.delays = true,
	.trend = local_trend,
	.crossing = from_local_crossing,
	.bounds = bounds_of_first,
};

/* ---- days, and where they begin ---- */

/* Is one of these functions called, with a zone as its second argument? */
static bool
zone_comes_second(TimeExpr *expr, const TimeCall *call,
				  const TimeFunction *functions, int count)
{
	if (time_function_find(call, functions, count) == NULL ||
		list_length(call->args) != 2 ||
		!note_zone(expr, lsecond(call->args)))
		return false;
	drop_argument(expr, 1);
	return true;
}

static bool
local_day_recognise(TimeExpr *expr, const TimeCall *call)
{
	return zone_comes_second(expr, call, local_day_functions,
							 lengthof(local_day_functions));
}

static bool
day_start_recognise(TimeExpr *expr, const TimeCall *call)
{
	return zone_comes_second(expr, call, day_start_functions,
							 lengthof(day_start_functions));
}

static bool
local_day_crossing(TimeExpr *expr, const TimeSearch *search, Limits values,
				   Limits *instants)
{
	values.most = plus(values.most, USECS_PER_DAY);
	return to_local_crossing(expr, search, values, instants);
}

const TimeKind kind_local_day = {
	.name = "local day",
	.recognise = local_day_recognise,
	.stable = monotone_stable_until,
	.predictable = monotone_predictable,
	.monotone = true,
	.jumps = true,
	.delays = true,
	.trend = trend_of_first,
	.crossing = local_day_crossing,
	.bounds = bounds_of_first,
};

const TimeKind kind_day_start = {
	.name = "day start",
	.recognise = day_start_recognise,
	.stable = monotone_stable_until,
	.predictable = monotone_predictable,
	.monotone = true,
	.delays = true,
	.trend = trend_of_first,
	.crossing = from_local_crossing,
	.bounds = bounds_of_first,
};
