/*-------------------------------------------------------------------------
 *
 * level.c
 *	  What is a value, as a whole number?
 *
 *		2024-05-01 00:00 UTC	767836800000000, microseconds since 2000
 *		2 days 1 second			172801000000
 *		7.25					between 6 and 9
 *
 * Such numbers are enough to compute roughly when an expression crosses a
 * value (TimeKind.crossing), and between which values it lies
 * (TimeKind.bounds).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "time/time_private.h"

/* Well within what spans of microseconds and the calendar can hold. */
#define LONG_SPAN		9e18
#define MARGIN_OF_TIME	(30 * USECS_PER_DAY)

static bool numeric_limits(Datum value, Limits *limits);
static bool is_finite(Oid type, Datum value);

Level
level_of(Oid type, Datum value, FmgrInfo *compare)
{
	Level		level = {value, compare};

	level.measured = value_limits(type, value, &level.limits);
	return level;
}

bool
value_limits(Oid type, Datum value, Limits *limits)
{
	int64		number;
	const Interval *span;

	switch (type)
	{
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			number = DatumGetTimestamp(value);
			break;
		case DATEOID:
			if (DATE_IS_NOBEGIN(DatumGetDateADT(value)))
				number = DT_NOBEGIN;
			else if (DATE_IS_NOEND(DatumGetDateADT(value)))
				number = DT_NOEND;
			else
				number = times(DatumGetDateADT(value), USECS_PER_DAY);
			break;
		case INTERVALOID:
			/* as interval_cmp() has it */
			span = DatumGetIntervalP(value);
			number = plus(span->time,
						  times(span->month * INT64CONST(30) + span->day,
								USECS_PER_DAY));
			break;
		case INT2OID:
			number = DatumGetInt16(value);
			break;
		case INT4OID:
			number = DatumGetInt32(value);
			break;
		case INT8OID:
			number = DatumGetInt64(value);
			break;
		case NUMERICOID:
			return numeric_limits(value, limits);
		default:
			return false;
	}
	*limits = (Limits) {number, number};
	return true;
}

/*
 * The whole numbers on either side of a numeric, and one more for rounding.
 */
static bool
numeric_limits(Datum value, Limits *limits)
{
	double		number;

	number = DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow,
												value));
	if (isnan(number) || fabs(number) > MOST_EXACT)
		return false;
	limits->least = (int64) floor(number) - 1;
	limits->most = (int64) ceil(number) + 1;
	return true;
}

bool
settled_bounds(TimeExpr *expr, const TimeSearch *search, Bounds *bounds)
{
	bool		isnull;
	Datum		value = time_expr_value(expr, search->econtext, search->from,
										&isnull);
	Limits		limits;
	double		number;

	*bounds = (Bounds) {1, 1};
	if (isnull || !is_finite(expr->type, value))
		return true;
	if (expr->type == NUMERICOID)
	{
		number = DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow,
													value));
		*bounds = (Bounds) {number, number};
		return fabs(number) < LARGE_NUMBER;
	}
	if (!value_limits(expr->type, value, &limits))
		return false;
	*bounds = (Bounds) {limits.least, limits.most};
	return true;
}

/* Is a value neither infinite nor NaN? */
static bool
is_finite(Oid type, Datum value)
{
	switch (type)
	{
		case TIMESTAMPTZOID:
		case TIMESTAMPOID:
			return !TIMESTAMP_NOT_FINITE(DatumGetTimestamp(value));
		case DATEOID:
			return !DATE_NOT_FINITE(DatumGetDateADT(value));
		case INTERVALOID:
			return !INTERVAL_NOT_FINITE(DatumGetIntervalP(value));
		case NUMERICOID:
			return !numeric_is_nan(DatumGetNumeric(value)) &&
				!numeric_is_inf(DatumGetNumeric(value));
		default:
			return true;
	}
}

bool
bounds_fit(Oid type, const Bounds *bounds)
{
	switch (type)
	{
		case TIMESTAMPTZOID:
		case TIMESTAMPOID:
		case DATEOID:
			return bounds->least > MIN_TIMESTAMP + MARGIN_OF_TIME &&
				bounds->most < END_TIMESTAMP - MARGIN_OF_TIME;
		case INTERVALOID:
			return bounds->least > -LONG_SPAN && bounds->most < LONG_SPAN;
		default:
			return bounds->least > -LARGE_NUMBER &&
				bounds->most < LARGE_NUMBER;
	}
}
