/*-------------------------------------------------------------------------
 *
 * kind_constant.c
 *	  What of an expression does time not change?
 *
 *		last_order_at						NULL, or a value of the row
 *		date_add(last_order_at, '30 days', 'Europe/Copenhagen')
 *											29 days and 23 hours to 30 days and
 *											1 hour after last_order_at
 *
 * Of the sum of a time and a span is noted how long after the time it may lie,
 * so that far from there the sum need not be computed for each row.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "time/time_private.h"

/* Always.  Of date_add() with a known span, note time and span. */
static bool
constant_recognise(TimeExpr *expr, const TimeCall *call)
{
	Const	   *span;
	ConstantSum *sum;

	if (!is_date_add(call) || list_length(call->args) != 3)
		return true;
	span = lsecond(call->args);
	if (!IsA(span, Const) || span->constisnull ||
		!note_zone(expr, lthird(call->args)))
		return true;
	sum = palloc(sizeof(ConstantSum));
	sum->time = expr->args[0];
	calendar_span_range(expr->zone, DatumGetIntervalP(span->constvalue),
						&sum->span.least, &sum->span.most);
	expr->noted = sum;
	return true;
}

const ConstantSum *
constant_sum(const TimeExpr *expr)
{
	return is_constant(expr) ? expr->noted : NULL;
}

static void
constant_stable(TimeExpr *expr, const TimeSearch *search, TimestampTz *until)
{
}

static bool
constant_predictable(const TimeExpr *expr)
{
	return true;
}

const TimeKind kind_constant = {
	.name = "constant",
	.recognise = constant_recognise,
	.stable = constant_stable,
	.predictable = constant_predictable,
	.constant = true,
};
