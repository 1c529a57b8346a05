/*-------------------------------------------------------------------------
 *
 * kind_conversion.c
 *	  Which functions keep the order of the values that they convert?
 *
 *		a date as timestamp, a whole number as numeric, a domain as its type
 *		floor(x), ceil(x), round(x)		these jump
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/fmgroids.h"

#include "time/time_private.h"

static const TimeFunction conversion_functions[] = {
	{F_TIMESTAMP_DATE},
	{F_NUMERIC_INT2},
	{F_NUMERIC_INT4},
	{F_NUMERIC_INT8},
	OWN_FUNCTION("local_time", DATEOID),
	OWN_FUNCTION("floor", NUMERICOID, .jumps = true),
	OWN_FUNCTION("ceil", NUMERICOID, .jumps = true),
	OWN_FUNCTION("round", NUMERICOID, .jumps = true),
};

/* Does the node convert or round a value? */
static bool
conversion_recognise(TimeExpr *expr, const TimeCall *call)
{
	const TimeFunction *function;

	if (IsA(expr->node, RelabelType))
		return true;
	function = time_function_find(call, conversion_functions,
								  lengthof(conversion_functions));
	if (function == NULL)
		return false;
	expr->jumps = function->jumps;
	return true;
}

const TimeKind kind_conversion = {
	.name = "conversion",
	.recognise = conversion_recognise,
	.stable = monotone_stable_until,
	.predictable = monotone_predictable,
	.monotone = true,
	.delays = true,
	.trend = trend_of_first,
	.crossing = crossing_of_first,
	.bounds = bounds_of_first,
};
