/*-------------------------------------------------------------------------
 *
 * time_expr.c
 *	  Where in an expression is the clock, and what is done to it?
 *
 * A TimeExpr is made of the compiled filter, not of its text, so that this
 * room and the rest of the house cannot disagree about what a filter means.
 * Nor does it make a difference whether a user wrote "more than 30 days ago"
 * or "< now - 30 days", or used a trait that is such a formula: traits and
 * audiences are expanded when a filter is compiled.
 *
 *		last_order_at < now - 30 days
 *		(now - last_order_at) > 30 days
 *		lapsed, a trait defined so
 *
 * are all comparisons of a monotone expression with a constant.
 *
 * segment.now() is replaced by a parameter, so that an expression can be
 * evaluated as of any instant.
 *
 * Each node asks one kind after the other whether it is of that kind.  What no
 * kind recognises is kind_other and no error: its value is the same as long as
 * its arguments are.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/transam.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "nodes/params.h"
#include "optimizer/optimizer.h"
#include "utils/lsyscache.h"

#include "base/base.h"
#include "time/time_private.h"

/*
 * The kinds, in the order in which they are asked.  kind_constant is asked
 * only where the clock is no part of an expression, and then alone; kind_other
 * takes what is left.
 */
static const TimeKind *const kinds[] = {
	&kind_now,
	&kind_to_local,
	&kind_from_local,
	&kind_local_day,
	&kind_day_start,
	&kind_conversion,
	&kind_shift,
	&kind_date_add,
	&kind_truncate,
	&kind_year,
	&kind_field,
	&kind_elapsed,
	&kind_sum,
	&kind_product,
	&kind_choice,
	&kind_coalesce,
	&kind_case,
	&kind_window,
	&kind_anniversary,
	&kind_comparison,
	&kind_and,
	&kind_or,
	&kind_is_null,
	&kind_other,
};

static TimeExpr *make_of_node(Node *node);
static bool add_argument(Node *node, void *expr);
static bool clock_is_part(const TimeExpr *expr);
static TimeCall call_of(Node *node);
static const TimeKind *find_kind(TimeExpr *expr, const TimeCall *call);
static bool any_monotone(const TimeExpr *expr);
static bool jumps_by_kind(const TimeExpr *expr);
static const TimeKind *make_monotone(TimeExpr *expr);
static bool is_delayed_clock(const TimeExpr *expr);

TimeExpr *
time_expr_make(Expr *expr, bool null_is_false)
{
	Node	   *node = (Node *) expression_planner(clock_as_parameter(expr));
	TimeExpr   *result = make_of_node(node);

	if (null_is_false)
		set_null_is_false(result);
	return result;
}

ExprContext *
time_expr_context(void)
{
	ExprContext *econtext = CreateStandaloneExprContext();

	econtext->ecxt_param_list_info = makeParamList(1);
	econtext->ecxt_param_list_info->params[0] = (ParamExternData) {
		.ptype = TIMESTAMPTZOID,
	};
	return econtext;
}

bool
time_expr_is_monotone(const TimeExpr *expr)
{
	return is_monotone(expr);
}

/* Make a TimeExpr of a node in which the clock is a parameter already. */
static TimeExpr *
make_of_node(Node *node)
{
	TimeExpr   *expr = palloc0(sizeof(TimeExpr));
	TimeCall	call = call_of(node);

	check_stack_depth();
	expr->node = (Expr *) node;
	expr->type = exprType(node);
	(void) expression_tree_walker(node, add_argument, expr);
	if (!clock_is_part(expr))
	{
		expr->kind = &kind_constant;
		(void) expr->kind->recognise(expr, &call);
		expr->nargs = 0;
		expr->jumps = true;
		return expr;
	}
	expr->kind = find_kind(expr, &call);
	/* twice what a window counts goes up and down with that, not with time */
	if (expr->kind->monotone && expr->nargs > 0 && !any_monotone(expr))
		expr->kind = &kind_other;
	if (expr->kind->monotone)
		expr->kind = make_monotone(expr);
	expr->jumps |= jumps_by_kind(expr);
	return expr;
}

/* Add the TimeExpr of an argument; a walker. */
static bool
add_argument(Node *node, void *context)
{
	TimeExpr   *expr = context;

	if (node == NULL)
		return false;
	if (IsA(node, List))
		return expression_tree_walker(node, add_argument, context);

	if (expr->args == NULL)
		expr->args = palloc(sizeof(TimeExpr *));
	else
		expr->args = repalloc(expr->args,
							  sizeof(TimeExpr *) * (expr->nargs + 1));
	expr->args[expr->nargs++] = make_of_node(node);
	return false;
}

static bool
clock_is_part(const TimeExpr *expr)
{
	if (IsA(expr->node, Param))
		return true;
	for (int i = 0; i < expr->nargs; i++)
		if (!is_constant(expr->args[i]))
			return true;
	return false;
}

/* What function or operator does the node call? */
static TimeCall
call_of(Node *node)
{
	TimeCall	call = {.make = make_of_node};

	if (IsA(node, FuncExpr))
	{
		call.function = ((FuncExpr *) node)->funcid;
		call.args = ((FuncExpr *) node)->args;
	}
	else if (IsA(node, OpExpr))
	{
		call.function = ((OpExpr *) node)->opfuncid;
		call.operator = ((OpExpr *) node)->opno;
		call.args = ((OpExpr *) node)->args;
	}
	if (call.args != NIL && call.function >= FirstNormalObjectId &&
		get_func_namespace(call.function) ==
		get_namespace_oid(SEGMENT_SCHEMA, true))
		call.own_name = get_func_name(call.function);
	return call;
}

static const TimeKind *
find_kind(TimeExpr *expr, const TimeCall *call)
{
	for (int i = 0; i < lengthof(kinds); i++)
		if (kinds[i]->recognise(expr, call))
			return kinds[i];
	return &kind_other;
}

static bool
any_monotone(const TimeExpr *expr)
{
	for (int i = 0; i < expr->nargs; i++)
		if (is_monotone(expr->args[i]))
			return true;
	return false;
}

/* Does the value jump, by its kind or because all that it is made of does? */
static bool
jumps_by_kind(const TimeExpr *expr)
{
	if (!expr->kind->monotone || expr->kind->jumps)
		return true;
	for (int i = 0; i < expr->nargs; i++)
		if (!expr->args[i]->jumps)
			return false;
	return expr->nargs > 0;
}

/*
 * Find what is needed of a monotone expression; its kind is kind_other if its
 * type has no order.
 */
static const TimeKind *
make_monotone(TimeExpr *expr)
{
	Bitmapset  *columns = NULL;
	Oid			compare = order_function(expr->type);

	pull_varattnos((Node *) expr->node, 1, &columns);
	expr->without_row = bms_is_empty(columns);
	expr->delays = is_delayed_clock(expr);
	for (int i = 0; i < expr->nargs; i++)
		expr->may_end |= expr->args[i]->may_end;
	if (!OidIsValid(compare))
		return &kind_other;
	fmgr_info(compare, &expr->compare);
	return expr->kind;
}

/*
 * Does the expression differ from now() only by constants and rounding to the
 * calendar?
 */
static bool
is_delayed_clock(const TimeExpr *expr)
{
	if (!expr->kind->delays ||
		(expr->type != TIMESTAMPTZOID && expr->type != TIMESTAMPOID &&
		 expr->type != DATEOID))
		return false;
	for (int i = 0; i < expr->nargs; i++)
		if (i == 0 ? !expr->args[0]->delays : !is_constant(expr->args[i]))
			return false;
	return true;
}

