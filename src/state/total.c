/*-------------------------------------------------------------------------
 *
 * total.c
 *	  What is the sum of values, when any value may be among them?
 *
 * A sum must not depend on the order in which the rows came, and a row must
 * not be refused because of what it is added to:
 *
 *		9e131071 + 9e131071 - 9e131071		9e131071, though the first two are
 *											more than a numeric can be
 *		9e131071 + 9e131071					missing
 *		1.7e308 + 1.7e308 - 1.7e308			1.7e308, and so on
 *
 * Numerics are added up as they are until that is too large.  From then on the
 * total is in two parts, multiples of 10^65536 and what is left of that,
 * neither of which can become too large.  Floating-point numbers near the end
 * of their range are added up 2^600 times smaller.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "utils/builtins.h"
#include "utils/numeric.h"

#include "state/fixed.h"
#include "state/state.h"

/* 10^65536, half the digits of the largest numeric */
#define FAR_EXPONENT	"1e65536"

/* From 2^900 on; a sum of fewer, or of 2^120 of them, is no infinity. */
#define LARGE_EXPONENT	900
#define SMALLER_BY		600

static void add_rest(ExactTotal *total, Numeric value, int sign,
					 MemoryContext memory);
static void move_to_far(Numeric *far, Numeric *rest);
static Numeric plus(Numeric a, Numeric b, int sign);
static Numeric multiple_of_far(Numeric value);
static Numeric far_times(Numeric value, bool *error);
static Numeric one_far(void);
static void keep(Numeric *kept, Numeric value, MemoryContext memory);
static int	sign_of(Numeric value);

void
total_add_numeric(ExactTotal *total, Datum value, int sign,
				  MemoryContext memory)
{
	Numeric		number;
	int64		fixed;
	int			scale;

	if (fixed_from_numeric(value, &fixed, &scale) &&
		total_add_signed(&total->fixed, fixed, sign))
	{
		total->scale = Max(total->scale, scale);
		total->any_fixed = true;
		return;
	}
	number = DatumGetNumeric(value);
	total->special |= numeric_is_nan(number) || numeric_is_inf(number);
	add_rest(total, number, sign, memory);
}

/* Add a numeric that is no everyday one, or too many of these. */
static void
add_rest(ExactTotal *total, Numeric value, int sign, MemoryContext memory)
{
	Numeric		rest = total->rest == NULL ? int64_to_numeric(0) : total->rest;
	bool		error = false;
	Numeric		sum = sign > 0 ?
		numeric_add_opt_error(rest, value, &error) :
		numeric_sub_opt_error(rest, value, &error);
	Numeric		far;

	if (!error)
	{
		keep(&total->rest, sum, memory);
		return;
	}

	/* the sum of the two is too large, so each is taken apart */
	if (sign < 0)
		value = plus(int64_to_numeric(0), value, -1);
	far = total->far == NULL ? int64_to_numeric(0) : total->far;
	move_to_far(&far, &rest);
	move_to_far(&far, &value);
	keep(&total->far, far, memory);
	keep(&total->rest, plus(rest, value, 1), memory);
}

bool
total_of_numerics(const ExactTotal *total, Numeric *result)
{
	Numeric		rest = total->rest;
	Numeric		far = total->far;
	bool		error = false;

	if (total->any_fixed)
		*result = fixed_to_numeric(total->fixed, total->scale);
	else if (fixed_in_range(total->whole, 0))
		*result = fixed_to_numeric(fixed_from_scaled(total->whole, 0), 0);
	else
		*result = int64_to_numeric(total->whole);
	if (total->any_fixed && total->whole != 0)
		*result = plus(*result, int64_to_numeric(total->whole), 1);

	if (rest == NULL)
		return true;
	if (far == NULL || numeric_is_nan(rest) || numeric_is_inf(rest))
	{
		*result = numeric_add_opt_error(*result, rest, &error);
		return !error;
	}

	/*
	 * Bring 'rest' below 10^65536, and to the side of zero where 'far' is:
	 * then the total is too large if 'far' times 10^65536 is.
	 */
	move_to_far(&far, &rest);
	rest = plus(rest, *result, 1);
	move_to_far(&far, &rest);
	if (sign_of(far) * sign_of(rest) < 0)
	{
		rest = plus(rest, one_far(), sign_of(far));
		far = plus(far, int64_to_numeric(1), -sign_of(far));
	}
	*result = far_times(far, &error);
	if (error)
		return false;
	*result = numeric_add_opt_error(*result, rest, &error);
	return !error;
}

/* Move multiples of 10^65536 from the rest to 'far'. */
static void
move_to_far(Numeric *far, Numeric *rest)
{
	Numeric		multiple = multiple_of_far(*rest);

	*far = plus(*far, multiple, 1);
	*rest = plus(*rest, far_times(multiple, NULL), -1);
}

/* Add or subtract numbers whose sum is known to be a numeric. */
static Numeric
plus(Numeric a, Numeric b, int sign)
{
	return sign > 0 ? numeric_add_opt_error(a, b, NULL) :
		numeric_sub_opt_error(a, b, NULL);
}

/* The value divided by 10^65536, towards zero. */
static Numeric
multiple_of_far(Numeric value)
{
	return DatumGetNumeric(DirectFunctionCall2(numeric_div_trunc,
											   NumericGetDatum(value),
											   NumericGetDatum(one_far())));
}

/* The value times 10^65536; *error becomes true if that is too large. */
static Numeric
far_times(Numeric value, bool *error)
{
	return numeric_mul_opt_error(value, one_far(), error);
}

static Numeric
one_far(void)
{
	return DatumGetNumeric(DirectFunctionCall3(numeric_in,
											   CStringGetDatum(FAR_EXPONENT),
											   ObjectIdGetDatum(InvalidOid),
											   Int32GetDatum(-1)));
}

/* Replace a numeric by a copy of another in 'memory'. */
static void
keep(Numeric *kept, Numeric value, MemoryContext memory)
{
	Numeric		before = *kept;
	MemoryContext old = MemoryContextSwitchTo(memory);

	*kept = DatumGetNumericCopy(NumericGetDatum(value));
	MemoryContextSwitchTo(old);
	if (before != NULL)
		pfree(before);
}

static int
sign_of(Numeric value)
{
	Numeric		zero = int64_to_numeric(0);

	return DatumGetInt32(DirectFunctionCall2(numeric_cmp,
											 NumericGetDatum(value),
											 NumericGetDatum(zero)));
}

/* ---- floating point ---- */

void
total_add_float(FloatTotal *total, float8 value)
{
	if (isfinite(value) && fabs(value) >= ldexp(1, LARGE_EXPONENT))
		total->large += ldexp(value, -SMALLER_BY);
	else
		total->sum += value;
}

bool
total_of_floats(const FloatTotal *total, float8 *result)
{
	*result = total->sum;
	if (total->large == 0 || !isfinite(total->sum))
		return true;
	*result = ldexp(total->large + ldexp(total->sum, -SMALLER_BY), SMALLER_BY);
	return !isinf(*result);
}
