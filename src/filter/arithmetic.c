/*-------------------------------------------------------------------------
 *
 * arithmetic.c
 *	  The arithmetic of compiled filters, which raises no error.
 *
 * Where the server's own operator raises an error, the answer here is NULL,
 * missing: an order of an unforeseen amount must not fail because of a trait
 * that divides by it.
 *
 *		segment.divide(1, 0)								NULL
 *		segment.multiply(1e200::float8, 1e200::float8)		NULL
 *		segment.add('294276-12-31'::timestamp, '1 day')		NULL
 *		segment.add(1.50, 1)								2.50
 *
 * (values.c has what the server lacks altogether.)
 *
 * An error that was raised cannot be caught here: nothing but a subtransaction
 * would put the server in order again.  So either the server has a function
 * that says instead of raising (numeric_add_opt_error()), or it is only asked
 * where it has an answer, or it is computed here.
 *
 * What each answers is what the server answers, where that does; the one
 * exception is that NaN divided by zero is missing, too.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"

#include "base/base.h"

/* numbers */
SEGMENT_FUNCTION(segment_add_numeric);
SEGMENT_FUNCTION(segment_subtract_numeric);
SEGMENT_FUNCTION(segment_multiply_numeric);
SEGMENT_FUNCTION(segment_divide_numeric);
SEGMENT_FUNCTION(segment_add_float8);
SEGMENT_FUNCTION(segment_subtract_float8);
SEGMENT_FUNCTION(segment_multiply_float8);
SEGMENT_FUNCTION(segment_divide_float8);
SEGMENT_FUNCTION(segment_as_float8);
SEGMENT_FUNCTION(segment_floor);
SEGMENT_FUNCTION(segment_ceil);
SEGMENT_FUNCTION(segment_round);
SEGMENT_FUNCTION(segment_round_digits);

/*
 * A numeric of fewer bytes than that does not become too large by rounding:
 * that takes a nine in each of its places, down to the 32,768th before the
 * point.
 */
#define ROUNDED_SAFELY	40000

static Datum numeric_or_null(FunctionCallInfo fcinfo, Numeric result,
							 bool error);
static int numeric_sign_of(Numeric number);
static Datum rounded(FunctionCallInfo fcinfo, PGFunction function, int digits);
static bool round_large(Numeric *number, PGFunction function, int digits);
static Datum float8_or_null(FunctionCallInfo fcinfo, float8 result,
							bool exists);

/* For NaN and the infinities the server's functions leave 'error' as it is. */
Datum
segment_add_numeric(PG_FUNCTION_ARGS)
{
	bool		error = false;
	Numeric		sum = numeric_add_opt_error(PG_GETARG_NUMERIC(0),
											PG_GETARG_NUMERIC(1), &error);

	return numeric_or_null(fcinfo, sum, error);
}

Datum
segment_subtract_numeric(PG_FUNCTION_ARGS)
{
	bool		error = false;
	Numeric		difference = numeric_sub_opt_error(PG_GETARG_NUMERIC(0),
												   PG_GETARG_NUMERIC(1),
												   &error);

	return numeric_or_null(fcinfo, difference, error);
}

Datum
segment_multiply_numeric(PG_FUNCTION_ARGS)
{
	bool		error = false;
	Numeric		product = numeric_mul_opt_error(PG_GETARG_NUMERIC(0),
												PG_GETARG_NUMERIC(1), &error);

	return numeric_or_null(fcinfo, product, error);
}

Datum
segment_divide_numeric(PG_FUNCTION_ARGS)
{
	Numeric		dividend = PG_GETARG_NUMERIC(0);
	Numeric		divisor = PG_GETARG_NUMERIC(1);
	bool		error = false;
	Numeric		quotient;

	/* of NaN the server does not look at what it is divided by */
	if (numeric_is_nan(dividend) && numeric_sign_of(divisor) == 0)
		PG_RETURN_NULL();
	quotient = numeric_div_opt_error(dividend, divisor, &error);
	return numeric_or_null(fcinfo, quotient, error);
}

static Datum
numeric_or_null(FunctionCallInfo fcinfo, Numeric result, bool error)
{
	if (error)
		PG_RETURN_NULL();
	PG_RETURN_NUMERIC(result);
}

/* -1, 0 or 1; NaN is greater than all numbers. */
static int
numeric_sign_of(Numeric number)
{
	Datum		zero = NumericGetDatum(int64_to_numeric(0));

	return DatumGetInt32(DirectFunctionCall2(numeric_cmp,
											 NumericGetDatum(number), zero));
}

Datum
segment_floor(PG_FUNCTION_ARGS)
{
	return rounded(fcinfo, numeric_floor, 0);
}

Datum
segment_ceil(PG_FUNCTION_ARGS)
{
	return rounded(fcinfo, numeric_ceil, 0);
}

Datum
segment_round(PG_FUNCTION_ARGS)
{
	return rounded(fcinfo, numeric_round, 0);
}

Datum
segment_round_digits(PG_FUNCTION_ARGS)
{
	return rounded(fcinfo, numeric_round, PG_GETARG_INT32(1));
}

/*
 * rounded() rounds argument 0 by the server's function, to so many digits
 * behind the point; NULL where the result is too large for a numeric.
 */
static Datum
rounded(FunctionCallInfo fcinfo, PGFunction function, int digits)
{
	Numeric		number = PG_GETARG_NUMERIC(0);

	if (VARSIZE(number) >= ROUNDED_SAFELY)
	{
		if (!round_large(&number, function, digits))
			PG_RETURN_NULL();
		PG_RETURN_NUMERIC(number);
	}
	if (function == numeric_round)
		return DirectFunctionCall2(function, NumericGetDatum(number),
								   Int32GetDatum(digits));
	return DirectFunctionCall1(function, NumericGetDatum(number));
}

/*
 * The same by steps of which each either has an answer or says that it has
 * none: cut off the digits behind, and add one in the last place if that is
 * where the number is nearer to.
 */
static bool
round_large(Numeric *number, PGFunction function, int digits)
{
	Datum		whole = DirectFunctionCall2(numeric_trunc,
											NumericGetDatum(*number),
											Int32GetDatum(digits));
	Numeric		cut = DatumGetNumeric(whole);
	Numeric		rest = numeric_sub_opt_error(*number, cut, NULL);
	int			sign = numeric_sign_of(rest);
	char	   *power;
	Numeric		step;
	bool		error = false;
	bool		away;

	if (sign == 0)
	{
		*number = cut;
		return true;
	}

	/* 10 to the power of -digits: one, moved by so many places */
	power = psprintf("%de%d", sign, -digits);
	step = DatumGetNumeric(DirectFunctionCall3(numeric_in,
											   CStringGetDatum(power),
											   ObjectIdGetDatum(InvalidOid),
											   Int32GetDatum(-1)));
	if (function == numeric_floor)
		away = sign < 0;
	else if (function == numeric_ceil)
		away = sign > 0;
	else
	{
		Numeric		twice = numeric_add_opt_error(rest, rest, NULL);

		away =
			numeric_sign_of(numeric_sub_opt_error(twice, step, NULL)) != -sign;
	}
	*number = away ? numeric_add_opt_error(cut, step, &error) : cut;
	return !error;
}

Datum
segment_add_float8(PG_FUNCTION_ARGS)
{
	float8		a = PG_GETARG_FLOAT8(0);
	float8		b = PG_GETARG_FLOAT8(1);

	return float8_or_null(fcinfo, a + b,
						  !isinf(a + b) || isinf(a) || isinf(b));
}

Datum
segment_subtract_float8(PG_FUNCTION_ARGS)
{
	float8		a = PG_GETARG_FLOAT8(0);
	float8		b = PG_GETARG_FLOAT8(1);

	return float8_or_null(fcinfo, a - b,
						  !isinf(a - b) || isinf(a) || isinf(b));
}

Datum
segment_multiply_float8(PG_FUNCTION_ARGS)
{
	float8		a = PG_GETARG_FLOAT8(0);
	float8		b = PG_GETARG_FLOAT8(1);
	float8		product = a * b;

	return float8_or_null(fcinfo, product,
						  (!isinf(product) || isinf(a) || isinf(b)) &&
						  (product != 0 || a == 0 || b == 0));
}

Datum
segment_divide_float8(PG_FUNCTION_ARGS)
{
	float8		a = PG_GETARG_FLOAT8(0);
	float8		b = PG_GETARG_FLOAT8(1);
	float8		quotient;

	if (b == 0)
		PG_RETURN_NULL();
	quotient = a / b;
	return float8_or_null(fcinfo, quotient,
						  (!isinf(quotient) || isinf(a)) &&
						  (quotient != 0 || a == 0 || isinf(b)));
}

/* A result that is too large, or too small to be told from zero, is none. */
static Datum
float8_or_null(FunctionCallInfo fcinfo, float8 result, bool exists)
{
	if (!exists)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(result);
}

Datum
segment_as_float8(PG_FUNCTION_ARGS)
{
	Numeric		number = PG_GETARG_NUMERIC(0);
	float8		result;

	result = DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow,
												NumericGetDatum(number)));
	return float8_or_null(fcinfo, result,
						  (!isinf(result) || numeric_is_inf(number)) &&
						  (result != 0 || numeric_sign_of(number) == 0));
}
