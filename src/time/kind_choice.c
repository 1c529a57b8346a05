/*-------------------------------------------------------------------------
 *
 * kind_choice.c
 *	  How does the least, the greatest or the first of several values move?
 *
 *		greatest(now - 30 days, joined_at)
 *		coalesce(now - last_order_at, now - joined_at)
 *
 * Where none of them crosses a level, neither does their choice.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "time/time_private.h"

static bool
choice_recognise(TimeExpr *expr, const TimeCall *call)
{
	return IsA(expr->node, MinMaxExpr);
}

static bool
coalesce_recognise(TimeExpr *expr, const TimeCall *call)
{
	return IsA(expr->node, CoalesceExpr);
}

/* The trend that all arguments that move have in common. */
static Trend
choice_trend(TimeExpr *expr, const TimeSearch *search, TimestampTz *until)
{
	Trend		trend = TREND_CONSTANT;

	for (int i = 0; i < expr->nargs; i++)
	{
		Trend		one = monotone_trend(expr->args[i], search, until);

		if (trend == TREND_CONSTANT)
			trend = one;
		else if (one != TREND_CONSTANT && one != trend)
			return trend_unknown(expr, search, trend, until);
	}
	return trend;
}

/* The trend of the first argument that is not null: that stays the first. */
static Trend
coalesce_trend(TimeExpr *expr, const TimeSearch *search, TimestampTz *until)
{
	for (int i = 0; i < expr->nargs; i++)
	{
		bool		isnull;

		(void) time_expr_value(expr->args[i], search->econtext, search->from,
							   &isnull);
		if (!isnull)
			return monotone_trend(expr->args[i], search, until);
	}
	return TREND_CONSTANT;
}

/* Between the first and the last crossing of any argument. */
static bool
choice_crossing(TimeExpr *expr, const TimeSearch *search, Limits values,
				Limits *instants)
{
	*instants = (Limits) {PG_INT64_MAX, PG_INT64_MIN};
	for (int i = 0; i < expr->nargs; i++)
	{
		Limits		one;

		if (!is_monotone(expr->args[i]))
			continue;
		if (!monotone_crossing(expr->args[i], search, values, &one))
			return false;
		instants->least = Min(instants->least, one.least);
		instants->most = Max(instants->most, one.most);
	}
	return true;
}

/* From the least bound of any argument to the greatest. */
static bool
choice_bounds(TimeExpr *expr, const TimeSearch *search, Bounds *bounds)
{
	*bounds = (Bounds) {INFINITY, -INFINITY};
	for (int i = 0; i < expr->nargs; i++)
	{
		Bounds		one;

		if (!monotone_bounds(expr->args[i], search, &one))
			return false;
		bounds->least = Min(bounds->least, one.least);
		bounds->most = Max(bounds->most, one.most);
	}
	return true;
}

const TimeKind kind_choice = {
	.name = "choice",
	.recognise = choice_recognise,
	.stable = monotone_stable_until,
	.predictable = monotone_predictable,
	.monotone = true,
	.trend = choice_trend,
	.crossing = choice_crossing,
	.bounds = choice_bounds,
};

const TimeKind kind_coalesce = {
	.name = "coalesce",
	.recognise = coalesce_recognise,
	.stable = monotone_stable_until,
	.predictable = monotone_predictable,
	.monotone = true,
	.trend = coalesce_trend,
	.crossing = choice_crossing,
	.bounds = choice_bounds,
};
