/*-------------------------------------------------------------------------
 *
 * kind_shift.c
 *	  How does a time move that is shifted by a span?
 *
 *		local_time(now) - '1 month'
 *		today - 30
 *		date_add(now, '1 month 2 hours', 'Europe/Copenhagen')
 *
 * A month is some 30 days, and how many differs from day to day at the end of
 * a month: so a time that is shifted by months is followed from day to day.
 * date_add() is taken to pieces: local time, months and days there, back, and
 * hours.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "utils/fmgroids.h"
#include "utils/timestamp.h"

#include "time/time_private.h"

static const TimeFunction shift_functions[] = {
	{F_TIMESTAMP_PL_INTERVAL, 1},
	{F_TIMESTAMP_MI_INTERVAL, -1},
	{F_TIMESTAMPTZ_PL_INTERVAL, 1},
	{F_TIMESTAMPTZ_MI_INTERVAL, -1},
	{F_DATE_PL_INTERVAL, 1},
	{F_DATE_MI_INTERVAL, -1},
	{F_DATE_PLI, 1},
	{F_DATE_MII, -1},
	OWN_FUNCTION("day_ago", DATEOID, .sign = -1),
	OWN_FUNCTION("add", TIMESTAMPOID, .sign = 1),
	OWN_FUNCTION("subtract", TIMESTAMPOID, .sign = -1),
	OWN_FUNCTION("add", TIMESTAMPTZOID, .sign = 1),
	OWN_FUNCTION("subtract", TIMESTAMPTZOID, .sign = -1),
	OWN_FUNCTION("add", DATEOID, .sign = 1),
	OWN_FUNCTION("subtract", DATEOID, .sign = -1),
};

static const TimeFunction date_add_functions[] = {
	OWN_FUNCTION("date_add", TIMESTAMPTZOID),
};

/* ---- shift ---- */

/* Does the node add a span or days to a time, or take them away? */
static bool
shift_recognise(TimeExpr *expr, const TimeCall *call)
{
	const TimeFunction *function;

	function = time_function_find(call, shift_functions,
								  lengthof(shift_functions));
	if (function == NULL)
		return false;
	expr->sign = function->sign;
	/* the server's is for spans that are short enough: see compile_time.c */
	expr->may_end = function->name != NULL;
	return true;
}

/* The trend of a local time and a span that moves and so has no months. */
static Trend
trend_of_both(TimeExpr *expr, const TimeSearch *search, TimestampTz *until)
{
	Trend		span = monotone_trend(expr->args[1], search, until) *
		expr->sign;
	Trend		trend = monotone_trend(expr->args[0], search, until);

	if (span == TREND_CONSTANT || trend == span)
		return trend;
	if (trend == TREND_CONSTANT)
		return span;
	return trend_unknown(expr, search, trend, until);
}

/* The trend of the time, or of the time and the span. */
static Trend
shift_trend(TimeExpr *expr, const TimeSearch *search, TimestampTz *until)
{
	TimeExpr   *time = expr->args[0];
	TimeExpr   *span = expr->args[1];
	const Interval *interval;
	Trend		trend;
	bool		isnull;
	Datum		value;

	if (is_monotone(span) && time->type == TIMESTAMPOID)
		return trend_of_both(expr, search, until);
	if (!is_constant(span))
		stable_until(span, search, until);
	trend = monotone_trend(time, search, until);
	value = time_expr_value(span, search->econtext, search->from, &isnull);
	if (isnull || span->type != INTERVALOID)
		return trend;
	interval = DatumGetIntervalP(value);
	/* days and months of an instant are those of the session's zone */
	if (time->type == TIMESTAMPTZOID &&
		(interval->month != 0 || interval->day != 0))
		return trend_unknown(expr, search, trend, until);
	if (time->type != TIMESTAMPOID || interval->month == 0)
		return trend;
	if (trend != TREND_RISES)
		return trend_unknown(expr, search, trend, until);

	/* within a day, the months come to the same */
	value = time_expr_value(time, search->econtext, search->from, &isnull);
	if (!isnull)
		monotone_cut(time, search,
					 calendar_turn_after(CALENDAR_DAY,
										 DatumGetTimestamp(value)),
					 until);
	return trend;
}

static bool
shift_trend_is_known(const TimeExpr *expr)
{
	return expr->args[1]->type != INTERVALOID ||
		expr->args[0]->type != TIMESTAMPTZOID || is_constant(expr->args[1]);
}

/* How far is the time shifted?  False: the span is null. */
static bool
shift_limits(TimeExpr *expr, const TimeSearch *search, Limits *shift)
{
	bool		isnull;
	Datum		value = time_expr_value(expr->args[1], search->econtext,
										search->from, &isnull);
	int64		length;
	int64		margin = 0;

	if (isnull)
		return false;
	if (expr->args[1]->type == INTERVALOID)
	{
		const Interval *span = DatumGetIntervalP(value);

		length = plus(plus(span->time, times(span->day, USECS_PER_DAY)),
					  times(span->month, MICROSECONDS_OF_MONTH));
		if (span->month != 0)
			margin += MOST_OF_MONTHS;
		if (expr->args[0]->type == TIMESTAMPTZOID &&
			(span->month != 0 || span->day != 0))
			margin += 2 * MOST_OFFSET;
	}
	else
		length = times(DatumGetInt32(value), USECS_PER_DAY);
	if (expr->sign < 0)
		length = minus(0, length);
	*shift = (Limits) {minus(length, margin), plus(length, margin)};
	return true;
}

/*
 * The argument that moves crosses the values less the argument that does not.
 */
static bool
shift_crossing(TimeExpr *expr, const TimeSearch *search, Limits values,
			   Limits *instants)
{
	TimeExpr   *time = expr->args[0];
	TimeExpr   *span = expr->args[1];
	Limits		limits;
	bool		isnull;
	Datum		value;

	if (is_constant(time) && is_monotone(span))
	{
		value = time_expr_value(time, search->econtext, search->from, &isnull);
		if (isnull || !value_limits(time->type, value, &limits))
			return false;
		return monotone_crossing(span, search,
								 expr->sign < 0 ?
								 limits_minus(limits, values) :
								 limits_minus(values, limits), instants);
	}
	return is_constant(span) && shift_limits(expr, search, &limits) &&
		monotone_crossing(time, search, limits_minus(values, limits),
						  instants);
}

/* The bounds of the time, shifted by the bounds of the span. */
static bool
shift_bounds(TimeExpr *expr, const TimeSearch *search, Bounds *bounds)
{
	Bounds		time;
	Bounds		span;
	Limits		limits;

	if (!monotone_bounds(expr->args[0], search, &time) ||
		!monotone_bounds(expr->args[1], search, &span))
		return false;
	if (is_constant(expr->args[1]) && shift_limits(expr, search, &limits))
		span = (Bounds) {limits.least, limits.most};
	else if (expr->sign < 0)
		span = (Bounds) {-span.most, -span.least};
	*bounds = (Bounds) {time.least + span.least, time.most + span.most};
	return bounds_fit(expr->type, bounds);
}

const TimeKind kind_shift = {
	.name = "shift",
	.recognise = shift_recognise,
	.stable = monotone_stable_until,
	.predictable = monotone_predictable,
	.monotone = true,
	.delays = true,
	.trend = shift_trend,
	.trend_is_known = shift_trend_is_known,
	.crossing = shift_crossing,
	.bounds = shift_bounds,
};

/* ---- date_add ---- */

bool
is_date_add(const TimeCall *call)
{
	return time_function_find(call, date_add_functions,
							  lengthof(date_add_functions)) != NULL;
}

/* A call of a function of ours, with two arguments. */
static Expr *
own_call(const char *function, Oid result, Oid first_type, void *first,
		 Oid second_type, void *second)
{
	Oid			types[] = {first_type, second_type};

	return (Expr *) makeFuncExpr(catalog_function(function, 2, types), result,
								 list_make2(first, second), InvalidOid,
								 InvalidOid, COERCE_EXPLICIT_CALL);
}

static Node *
interval_const(Interval *interval)
{
	return (Node *) makeConst(INTERVALOID, -1, InvalidOid, sizeof(Interval),
							  IntervalPGetDatum(interval), false, false);
}

/*
 * date_add() in steps that are known: to local time of the zone, days and
 * months there, back, and hours.  NULL if the span is not known.
 */
static Expr *
expand_date_add(const List *args)
{
	Expr	   *time = copyObject(linitial(args));
	Const	   *constant = lsecond(args);
	Node	   *zone = lthird(args);
	const Interval *span;
	Interval   *calendar = palloc0(sizeof(Interval));
	Interval   *clock = palloc0(sizeof(Interval));

	if (!IsA(constant, Const) || constant->constisnull)
		return NULL;
	span = DatumGetIntervalP(constant->constvalue);
	calendar->month = span->month;
	calendar->day = span->day;
	clock->time = span->time;
	if (calendar->month != 0 || calendar->day != 0)
	{
		time = own_call("local_time", TIMESTAMPOID,
						TEXTOID, copyObject(zone), TIMESTAMPTZOID, time);
		time = own_call("add", TIMESTAMPOID, TIMESTAMPOID, time,
						INTERVALOID, interval_const(calendar));
		time = own_call("instant", TIMESTAMPTZOID,
						TEXTOID, copyObject(zone), TIMESTAMPOID, time);
	}
	return own_call("add", TIMESTAMPTZOID, TIMESTAMPTZOID, time,
					INTERVALOID, interval_const(clock));
}

/* The steps become the only argument. */
static bool
date_add_recognise(TimeExpr *expr, const TimeCall *call)
{
	Expr	   *steps;

	if (!is_date_add(call) || list_length(call->args) != 3)
		return false;
	steps = expand_date_add(call->args);
	if (steps == NULL)
		return false;
	expr->args[0] = call->make((Node *) steps);
	expr->nargs = 1;
	return true;
}

const TimeKind kind_date_add = {
	.name = "date_add",
	.recognise = date_add_recognise,
	.stable = monotone_stable_until,
	.predictable = monotone_predictable,
	.monotone = true,
	.delays = true,
	.trend = trend_of_first,
	.crossing = crossing_of_first,
	.bounds = bounds_of_first,
};
