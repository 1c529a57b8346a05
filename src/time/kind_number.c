/*-------------------------------------------------------------------------
 *
 * kind_number.c
 *	  How does a number or a span move that is made of times?
 *
 *		elapsed(now, last_order_at)				a span, rises
 *		days_between(last_order_at, today)		a number of days, jumps
 *		days_between(...) * 2 + 1				rises
 *
 * Where two arguments move the trend is known if they go the same way.  A
 * product is that of one number that moves and one that does not.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "time/time_private.h"

static const TimeFunction elapsed_functions[] = {
	OWN_FUNCTION("elapsed", TIMESTAMPTZOID),
	OWN_FUNCTION("elapsed", TIMESTAMPOID),
	OWN_FUNCTION("days_between", DATEOID),
};

static const TimeFunction sum_functions[] = {
	OWN_FUNCTION("add", NUMERICOID, .sign = 1),
	OWN_FUNCTION("subtract", NUMERICOID, .sign = -1),
};

static const TimeFunction product_functions[] = {
	OWN_FUNCTION("multiply", NUMERICOID, .sign = 1),
	OWN_FUNCTION("divide", NUMERICOID, .sign = -1),
};

/* ---- sums and differences: 'sign' is that of the second argument ---- */

/* The time from the second argument to the first. */
static bool
elapsed_recognise(TimeExpr *expr, const TimeCall *call)
{
	TimeExpr   *first;

	if (time_function_find(call, elapsed_functions,
						   lengthof(elapsed_functions)) == NULL)
		return false;
	/* days_between(from, to) has them the other way round */
	if (expr->type == INT4OID)
	{
		first = expr->args[0];
		expr->args[0] = expr->args[1];
		expr->args[1] = first;
	}
	expr->sign = -1;
	return true;
}

/* Does the node add or subtract two numbers? */
static bool
sum_recognise(TimeExpr *expr, const TimeCall *call)
{
	const TimeFunction *function;

	function = time_function_find(call, sum_functions,
								  lengthof(sum_functions));
	if (function == NULL)
		return false;
	expr->sign = function->sign;
	expr->may_end = true;
	return true;
}

/* The trend that both terms have in common. */
static Trend
sum_trend(TimeExpr *expr, const TimeSearch *search, TimestampTz *until)
{
	Trend		trend = monotone_trend(expr->args[0], search, until);
	Trend		second = monotone_trend(expr->args[1], search, until) *
		expr->sign;

	if (second == TREND_CONSTANT || second == trend)
		return trend;
	if (trend == TREND_CONSTANT)
		return second;
	return trend_unknown(expr, search, trend, until);
}

/* A rising term less a rising term: the trend is known if both jump. */
static bool
sum_trend_is_known(const TimeExpr *expr)
{
	return expr->sign > 0 || expr->jumps ||
		!is_monotone(expr->args[0]) || !is_monotone(expr->args[1]);
}

/* The term that moves crosses the values less the term that does not. */
static bool
sum_crossing(TimeExpr *expr, const TimeSearch *search, Limits values,
			 Limits *instants)
{
	int			moving = is_monotone(expr->args[0]) ? 0 : 1;
	TimeExpr   *other = expr->args[1 - moving];
	Limits		limits;
	bool		isnull;
	Datum		value;

	if (is_monotone(other))
		return false;
	value = time_expr_value(other, search->econtext, search->from, &isnull);
	if (isnull || !value_limits(other->type, value, &limits))
		return false;
	if (expr->sign > 0)
		values = limits_minus(values, limits);
	else if (moving == 0)
		values = limits_plus(values, limits);
	else
		values = limits_minus(limits, values);
	return monotone_crossing(expr->args[moving], search, values, instants);
}

/* The same of elapsed time, whose values are days or microseconds. */
static bool
elapsed_crossing(TimeExpr *expr, const TimeSearch *search, Limits values,
				 Limits *instants)
{
	if (expr->type == INT4OID)
		values = (Limits) {
			times(values.least, USECS_PER_DAY),
			times(values.most, USECS_PER_DAY)
		};
	return sum_crossing(expr, search, values, instants);
}

/* The bounds of a sum, whether or not the type can hold them. */
static bool
bounds_of_sum(TimeExpr *expr, const TimeSearch *search, Bounds *bounds)
{
	Bounds		first;
	Bounds		second;

	if (!monotone_bounds(expr->args[0], search, &first) ||
		!monotone_bounds(expr->args[1], search, &second))
		return false;
	*bounds = expr->sign > 0 ?
		(Bounds) {first.least + second.least, first.most + second.most} :
		(Bounds) {first.least - second.most, first.most - second.least};
	return true;
}

/* The bounds of elapsed time, in the unit of its type; see bounds_of_sum(). */
static bool
elapsed_bounds(TimeExpr *expr, const TimeSearch *search, Bounds *bounds)
{
	if (!bounds_of_sum(expr, search, bounds))
		return false;
	if (expr->type == INT4OID)
	{
		bounds->least /= USECS_PER_DAY;
		bounds->most /= USECS_PER_DAY;
	}
	return bounds_fit(expr->type, bounds);
}

static bool
sum_bounds(TimeExpr *expr, const TimeSearch *search, Bounds *bounds)
{
	return bounds_of_sum(expr, search, bounds) &&
		bounds_fit(expr->type, bounds);
}

const TimeKind kind_elapsed = {
	.name = "elapsed",
	.recognise = elapsed_recognise,
	.stable = monotone_stable_until,
	.predictable = monotone_predictable,
	.monotone = true,
	.trend = sum_trend,
	.trend_is_known = sum_trend_is_known,
	.crossing = elapsed_crossing,
	.bounds = elapsed_bounds,
};

const TimeKind kind_sum = {
	.name = "sum",
	.recognise = sum_recognise,
	.stable = monotone_stable_until,
	.predictable = monotone_predictable,
	.monotone = true,
	.trend = sum_trend,
	.trend_is_known = sum_trend_is_known,
	.crossing = sum_crossing,
	.bounds = sum_bounds,
};

/* ---- products: 'sign' < 0: divided by the second ---- */

/*
 * Does the node multiply a number that moves with a constant, or divide it?
 */
static bool
product_recognise(TimeExpr *expr, const TimeCall *call)
{
	const TimeFunction *function;
	int			other;

	function = time_function_find(call, product_functions,
								  lengthof(product_functions));
	if (function == NULL)
		return false;
	/* of two that move, and of what is divided by it, we know nothing */
	other = function->sign > 0 && is_monotone(expr->args[1]) ? 0 : 1;
	if (!is_constant(expr->args[other]))
		return false;
	expr->sign = function->sign;
	expr->may_end = true;
	return true;
}

/* Which of the two factors moves? */
static int
moving_factor(const TimeExpr *product)
{
	return !is_constant(product->args[0]) ? 0 : 1;
}

/* The value of the other factor; 0 if that is null. */
static double
constant_factor(TimeExpr *product, const TimeSearch *search)
{
	TimeExpr   *factor = product->args[1 - moving_factor(product)];
	bool		isnull;
	Datum		value = time_expr_value(factor, search->econtext, search->from,
										&isnull);

	if (isnull)
		return 0;
	return DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow,
											  value));
}

static Trend
product_trend(TimeExpr *expr, const TimeSearch *search, TimestampTz *until)
{
	Trend		trend = monotone_trend(expr->args[moving_factor(expr)],
									   search, until);

	return constant_factor(expr, search) < 0 ? -trend : trend;
}

/*
 * The factor that moves crosses the values divided by the one that does not.
 */
static bool
product_crossing(TimeExpr *expr, const TimeSearch *search, Limits values,
				 Limits *instants)
{
	double		factor = constant_factor(expr, search);
	double		a;
	double		b;

	if (expr->sign < 0)
		factor = 1 / factor;
	if (!(fabs(factor) > 1 / MOST_EXACT))
		return false;
	a = values.least / factor;
	b = values.most / factor;
	if (fabs(a) > MOST_EXACT || fabs(b) > MOST_EXACT)
		return false;
	values = (Limits) {
		(int64) floor(Min(a, b)) - 1, (int64) ceil(Max(a, b)) + 1
	};
	return monotone_crossing(expr->args[moving_factor(expr)], search, values,
							 instants);
}

/* The least and the greatest product of the bounds of the two factors. */
static bool
product_bounds(TimeExpr *expr, const TimeSearch *search, Bounds *bounds)
{
	Bounds		first;
	Bounds		second;

	if (!monotone_bounds(expr->args[0], search, &first) ||
		!monotone_bounds(expr->args[1], search, &second))
		return false;
	if (expr->sign < 0)
	{
		if (second.least == 0)
			return false;
		second = (Bounds) {1 / second.least, 1 / second.most};
	}
	bounds->least = bounds->most = first.most * second.most;
	for (int i = 1; i < 4; i++)
	{
		double		product = (i & 1 ? first.least : first.most) *
			(i & 2 ? second.least : second.most);

		bounds->least = Min(bounds->least, product);
		bounds->most = Max(bounds->most, product);
	}
	return bounds_fit(expr->type, bounds);
}

/* Is a number less than zero, zero or null, or more? */
static int
sign_of(TimeExpr *expr, const TimeSearch *search, TimestampTz at)
{
	Datum		zero = NumericGetDatum(int64_to_numeric(0));
	bool		isnull;
	Datum		value = time_expr_value(expr, search->econtext, at, &isnull);

	return isnull ? 0 :
		DatumGetInt32(DirectFunctionCall2(numeric_cmp, value, zero));
}

/*
 * One that is null may begin and end again where what is multiplied passes
 * zero.
 */
static void
product_end(TimeExpr *expr, const TimeSearch *search, TimestampTz *until)
{
	if (monotone_is_null(expr, search, search->from))
		monotone_keeps(expr->args[moving_factor(expr)], search, sign_of,
					   until);
}

const TimeKind kind_product = {
	.name = "product",
	.recognise = product_recognise,
	.stable = monotone_stable_until,
	.predictable = monotone_predictable,
	.monotone = true,
	.trend = product_trend,
	.crossing = product_crossing,
	.bounds = product_bounds,
	.end = product_end,
};
