/*-------------------------------------------------------------------------
 *
 * kind_comparison.c
 *	  Until when does a comparison of two values hold?
 *
 *		last_order_at < now - 30 days		until the right side crosses
 *											the left one
 *		month(today) < 13					for ever: it holds for all months
 *		days_a > days_b						until either of them jumps
 *
 * If one of the two is monotone, the other one is the level that it crosses;
 * the level may be the value of a window.  It makes no difference which of
 * them stands first.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/nbtree.h"
#include "catalog/pg_type.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "time/time_private.h"

/* What is noted of a comparison. */
typedef struct Comparison
{
	TimeExpr   *moving;			/* the operand that is monotone, if any */
	TimeExpr   *other;
	bool		holds[3];		/* 'moving' below, on, above 'other' */
	bool		one_moves;		/* 'moving' is monotone, and 'other' is not */
	FmgrInfo	compare;		/* 'moving' with 'other' */
} Comparison;

/* For which order of its operands does a btree operator hold? */
static bool
operator_holds(Oid operator, Oid family, bool *holds)
{
	holds[0] = holds[1] = holds[2] = false;
	switch (get_op_opfamily_strategy(operator, family))
	{
		case BTLessStrategyNumber:
			holds[0] = true;
			return true;
		case BTLessEqualStrategyNumber:
			holds[0] = holds[1] = true;
			return true;
		case BTEqualStrategyNumber:
			holds[1] = true;
			return true;
		case BTGreaterEqualStrategyNumber:
			holds[1] = holds[2] = true;
			return true;
		case BTGreaterStrategyNumber:
			holds[2] = true;
			return true;
		default:
			return false;
	}
}

/*
 * Is the node a btree comparison of two values that have an order in common?
 */
static bool
comparison_recognise(TimeExpr *expr, const TimeCall *call)
{
	Oid			family;
	Oid			input;
	Oid			compare;
	Comparison *comparison;
	bool		holds[3];
	int			moving;

	if (!OidIsValid(call->operator) || expr->type != BOOLOID ||
		list_length(call->args) != 2)
		return false;
	family = default_order(expr->args[0]->type, &input);
	if (!OidIsValid(family) ||
		!operator_holds(call->operator, family, holds))
		return false;

	moving = is_monotone(expr->args[0]) ? 0 : 1;
	compare = get_opfamily_proc(family, expr->args[moving]->type,
								expr->args[1 - moving]->type, BTORDER_PROC);
	if (!OidIsValid(compare))
		return false;
	comparison = palloc(sizeof(Comparison));
	comparison->moving = expr->args[moving];
	comparison->other = expr->args[1 - moving];
	for (int i = 0; i < 3; i++)
		comparison->holds[i] = holds[moving == 0 ? i : 2 - i];
	comparison->one_moves = is_monotone(comparison->moving) &&
		!is_monotone(comparison->other);
	fmgr_info(compare, &comparison->compare);
	expr->noted = comparison;
	return true;
}

/* ---- far from the level ---- */

/*
 * A time that moves is compared with the sum of a time and a span.  Can it be
 * told without adding up the two that they differ at that instant?  *near is
 * from when on they may not, or might not have.
 */
static bool
far_away(const Limits *delay, const ConstantSum *sum, TimestampTz time,
		 TimestampTz at, TimestampTz *near)
{
	*near = plus(plus(time, sum->span.least), delay->least);
	return at < *near ||
		at > plus(plus(time, sum->span.most), delay->most);
}

int
time_expr_side(TimeExpr *expr, ExprContext *econtext, TimestampTz at)
{
	TimeSearch	search = {econtext, at, true};
	Comparison *comparison = expr->noted;
	const Limits *delay;
	const ConstantSum *sum;
	bool		isnull;
	Datum		value;
	TimestampTz near;
	Level		level;

	if (expr->kind != &kind_comparison || !is_constant(comparison->other))
		return 0;
	delay = monotone_delay(comparison->moving, &search);
	if (delay == NULL)
		return 0;
	sum = constant_sum(comparison->other);
	if (sum != NULL)
	{
		value = time_expr_value(sum->time, econtext, at, &isnull);
		if (isnull ||
			!far_away(delay, sum, DatumGetTimestampTz(value), at, &near))
			return 0;
		return at < near ? -1 : 1;
	}
	value = time_expr_value(comparison->other, econtext, at, &isnull);
	if (isnull)
		return 0;
	level = level_of(comparison->other->type, value, &comparison->compare);
	if (!level.measured)
		return 0;
	if (at < plus(level.limits.least, delay->least))
		return -1;
	return at > plus(level.limits.most, delay->most) ? 1 : 0;
}

/* ---- until when? ---- */

/*
 * Is a whole number compared in a way that comes to the same for all numbers
 * that it may be?
 */
static bool
same_for_all(const Comparison *comparison, const TimeSearch *search)
{
	TimeExpr   *expr = comparison->moving;
	TimeExpr   *other = comparison->other;
	bool		holds[3];
	bool		isnull;
	bool		of_first = false;
	int			first;
	int			last;
	Datum		number;

	memcpy(holds, comparison->holds, sizeof(holds));
	if (expr->kind->numbers == NULL)
	{
		expr = comparison->other;
		other = comparison->moving;
		holds[0] = comparison->holds[2];
		holds[2] = comparison->holds[0];
	}
	if (expr->kind->numbers == NULL || !is_constant(other) ||
		other->type != NUMERICOID)
		return false;
	number = time_expr_value(other, search->econtext, search->from, &isnull);
	if (isnull)
		return true;
	expr->kind->numbers(expr, &first, &last);
	for (int i = first; i <= last; i++)
	{
		Datum		one = NumericGetDatum(int64_to_numeric(i));
		int			order = DatumGetInt32(DirectFunctionCall2(numeric_cmp, one,
															  number));
		bool		of_this = holds[order < 0 ? 0 : order > 0 ? 2 : 1];

		if (i == first)
			of_first = of_this;
		else if (of_this != of_first)
			return false;
	}
	return true;
}

/*
 * Where a coarse answer is enough, is the clock far away from the sum of a
 * time and a span?  Then lower *until to when it may be near.
 */
static bool
far_from_sum(const Comparison *comparison, const TimeSearch *search,
			 TimestampTz *until)
{
	const ConstantSum *sum = constant_sum(comparison->other);
	const Limits *delay;
	TimestampTz near;
	bool		isnull;
	Datum		value;

	if (!search->coarse || sum == NULL)
		return false;
	delay = monotone_delay(comparison->moving, search);
	if (delay == NULL)
		return false;
	value = time_expr_value(sum->time, search->econtext, search->from,
							&isnull);
	if (isnull)
		return true;
	if (!far_away(delay, sum, DatumGetTimestampTz(value), search->from,
				  &near))
		return false;
	if (search->from < near)
		*until = Min(*until, near);
	return true;
}

/*
 * A comparison is stable until the operand that moves crosses the other one,
 * or the other one changes.
 */
static void
comparison_stable(TimeExpr *expr, const TimeSearch *search,
				  TimestampTz *until)
{
	Comparison *comparison = expr->noted;
	bool		isnull;
	Datum		value;
	Level		level;

	if (!comparison->one_moves)
	{
		if (!same_for_all(comparison, search))
			args_stable_until(expr, search, until);
		return;
	}
	if (far_from_sum(comparison, search, until))
		return;
	stable_until(comparison->other, search, until);
	value = time_expr_value(comparison->other, search->econtext,
							search->from, &isnull);
	if (isnull)
		return;
	level = level_of(comparison->other->type, value, &comparison->compare);
	monotone_stays(comparison->moving, search, &level, comparison->holds,
				   until);
}

static bool
comparison_predictable(const TimeExpr *expr)
{
	const Comparison *comparison = expr->noted;

	return comparison->one_moves ? args_trend_is_known(expr) :
		args_predictable(expr);
}

const TimeKind kind_comparison = {
	.name = "comparison",
	.recognise = comparison_recognise,
	.stable = comparison_stable,
	.predictable = comparison_predictable,
};
