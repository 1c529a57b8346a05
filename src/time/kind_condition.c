/*-------------------------------------------------------------------------
 *
 * kind_condition.c
 *	  Until when does a condition hold that is made of others?
 *
 *		last_order_at < now - 30 days and month(today) = 5
 *
 * What is false under "and", or true under "or", decides alone while it lasts.
 * Of an expression that no kind knows it is certain that its value is the same
 * as long as its arguments are.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "time/time_private.h"

/* ---- and, or ---- */

static bool
and_recognise(TimeExpr *expr, const TimeCall *call)
{
	return IsA(expr->node, BoolExpr) &&
		((BoolExpr *) expr->node)->boolop == AND_EXPR;
}

static bool
or_recognise(TimeExpr *expr, const TimeCall *call)
{
	return IsA(expr->node, BoolExpr) &&
		((BoolExpr *) expr->node)->boolop == OR_EXPR;
}

/*
 * One argument that decides is enough while that argument lasts.  Where null
 * is false, null decides an "and", too: whatever the others are, the "and" is
 * null or false.
 */
static void
junction_stable(TimeExpr *expr, const TimeSearch *search, TimestampTz *until)
{
	bool		decides = expr->kind == &kind_or;
	TimestampTz decided = search->from;

	for (int i = 0; i < expr->nargs && decided < *until; i++)
	{
		bool		isnull;
		Datum		value = time_expr_value(expr->args[i], search->econtext,
											search->from, &isnull);
		TimestampTz lasts = *until;

		if (isnull ? decides || !expr->null_is_false :
			DatumGetBool(value) != decides)
			continue;
		stable_until(expr->args[i], search, &lasts);
		decided = Max(decided, lasts);
	}
	if (decided > search->from)
		*until = decided;
	else
		args_stable_until(expr, search, until);
}

const TimeKind kind_and = {
	.name = "and",
	.recognise = and_recognise,
	.stable = junction_stable,
	.predictable = args_predictable,
	.passes_null_is_false = true,
};

const TimeKind kind_or = {
	.name = "or",
	.recognise = or_recognise,
	.stable = junction_stable,
	.predictable = args_predictable,
	.passes_null_is_false = true,
};

/* ---- is it null? ---- */

static bool
is_null_recognise(TimeExpr *expr, const TimeCall *call)
{
	return IsA(expr->node, NullTest);
}

static void
is_null_stable(TimeExpr *expr, const TimeSearch *search, TimestampTz *until)
{
	monotone_settle(expr->args[0], search, until);
}

const TimeKind kind_is_null = {
	.name = "is null",
	.recognise = is_null_recognise,
	.stable = is_null_stable,
	.predictable = args_trend_is_known,
};

/* ---- whatever else ---- */

/*
 * Always.  In a condition that is tested for true, null is false.
 */
static bool
other_recognise(TimeExpr *expr, const TimeCall *call)
{
	BooleanTest *test = (BooleanTest *) expr->node;

	if (IsA(test, BooleanTest) && (test->booltesttype == IS_TRUE ||
								   test->booltesttype == IS_NOT_TRUE))
		set_null_is_false(expr->args[0]);
	return true;
}

const TimeKind kind_other = {
	.name = "other",
	.recognise = other_recognise,
	.stable = args_stable_until,
	.predictable = args_predictable,
};
