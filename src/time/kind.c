/*-------------------------------------------------------------------------
 *
 * kind.c
 *	  What do all kinds of expressions do alike?
 *
 *		last_order_at < now - 30 days
 *
 *		stable_until(comparison)		asks kind_comparison, and that asks
 *			stable_until(constant)		kind_constant
 *
 * Recursion from an expression to its arguments goes through the functions in
 * this file to those of the argument's kind.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "utils/builtins.h"

#include "time/time_private.h"

/* ---- of any kind ---- */

Datum
time_expr_value(TimeExpr *expr, ExprContext *econtext, TimestampTz at,
				bool *isnull)
{
	if (expr->state == NULL)
	{
		MemoryContext context = GetMemoryChunkContext(expr);
		MemoryContext old = MemoryContextSwitchTo(context);

		expr->state = ExecInitExpr(expr->node, NULL);
		MemoryContextSwitchTo(old);
	}
	econtext->ecxt_param_list_info->params[0].value = TimestampTzGetDatum(at);
	return ExecEvalExprSwitchContext(expr->state, econtext, isnull);
}

void
stable_until(TimeExpr *expr, const TimeSearch *search, TimestampTz *until)
{
	check_stack_depth();
	expr->kind->stable(expr, search, until);
}

bool
time_expr_is_predictable(const TimeExpr *expr)
{
	check_stack_depth();
	return expr->kind->predictable(expr);
}

void
set_null_is_false(TimeExpr *expr)
{
	expr->null_is_false = true;
	if (expr->kind->passes_null_is_false)
		for (int i = 0; i < expr->nargs; i++)
			set_null_is_false(expr->args[i]);
}

/* ---- of all arguments ---- */

void
args_stable_until(TimeExpr *expr, const TimeSearch *search, TimestampTz *until)
{
	for (int i = 0; i < expr->nargs; i++)
		stable_until(expr->args[i], search, until);
}

bool
args_predictable(const TimeExpr *expr)
{
	for (int i = 0; i < expr->nargs; i++)
		if (!time_expr_is_predictable(expr->args[i]))
			return false;
	return true;
}

/* ---- what functions that recognise are made of ---- */

const TimeFunction *
time_function_find(const TimeCall *call, const TimeFunction *functions,
				   int count)
{
	if (call->args == NIL)
		return NULL;
	for (int i = 0; i < count; i++)
	{
		const TimeFunction *one = &functions[i];

		if (call->own_name == NULL ? one->function == call->function :
			one->name != NULL && strcmp(one->name, call->own_name) == 0 &&
			one->first == exprType(linitial(call->args)))
			return one;
	}
	return NULL;
}

char *
constant_text(Node *node)
{
	if (!IsA(node, Const) || ((Const *) node)->constisnull ||
		((Const *) node)->consttype != TEXTOID)
		return NULL;
	return TextDatumGetCString(((Const *) node)->constvalue);
}

bool
note_zone(TimeExpr *expr, Node *name)
{
	char	   *text = constant_text(name);

	expr->zone = text == NULL ? NULL : pg_tzset(text);
	return expr->zone != NULL;
}

void
drop_argument(TimeExpr *expr, int which)
{
	expr->nargs--;
	for (int i = which; i < expr->nargs; i++)
		expr->args[i] = expr->args[i + 1];
}
