/*-------------------------------------------------------------------------
 *
 * kind_case.c
 *	  How does a value move that conditions choose?
 *
 *		case when count(orders in last 30 days) > 3 then now - joined_at
 *			else now - last_order_at end
 *
 * Until one of the conditions changes, as the value does that was chosen.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "time/time_private.h"

static TimeExpr *chosen(TimeExpr *expr, const TimeSearch *search);

/*
 * The arguments are a condition and its value, in turns, and the value where
 * none of the conditions holds.  A condition that is null does not hold.
 */
static bool
case_recognise(TimeExpr *expr, const TimeCall *call)
{
	CaseExpr   *cases = (CaseExpr *) expr->node;

	if (!IsA(cases, CaseExpr) || cases->arg != NULL ||
		cases->defresult == NULL)
		return false;
	for (int i = 0; i + 1 < expr->nargs; i += 2)
		set_null_is_false(expr->args[i]);
	return true;
}

static Trend
case_trend(TimeExpr *expr, const TimeSearch *search, TimestampTz *until)
{
	return monotone_trend(chosen(expr, search), search, until);
}

/* A value that does not move crosses nothing. */
static bool
case_crossing(TimeExpr *expr, const TimeSearch *search, Limits values,
			  Limits *instants)
{
	TimeExpr   *value = chosen(expr, search);

	if (is_monotone(value))
		return monotone_crossing(value, search, values, instants);
	*instants = (Limits) {PG_INT64_MAX, PG_INT64_MIN};
	return true;
}

static bool
case_bounds(TimeExpr *expr, const TimeSearch *search, Bounds *bounds)
{
	return monotone_bounds(chosen(expr, search), search, bounds);
}

const TimeKind kind_case = {
	.name = "case",
	.recognise = case_recognise,
	.stable = monotone_stable_until,
	.predictable = monotone_predictable,
	.monotone = true,
	.trend = case_trend,
	.crossing = case_crossing,
	.bounds = case_bounds,
};

/* Return the value that the conditions choose at search->from. */
static TimeExpr *
chosen(TimeExpr *expr, const TimeSearch *search)
{
	for (int i = 0; i + 1 < expr->nargs; i += 2)
	{
		bool		isnull;
		Datum		holds = time_expr_value(expr->args[i], search->econtext,
											search->from, &isnull);

		if (!isnull && DatumGetBool(holds))
			return expr->args[i + 1];
	}
	return expr->args[expr->nargs - 1];
}
