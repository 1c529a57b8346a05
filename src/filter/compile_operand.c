/*-------------------------------------------------------------------------
 *
 * compile_operand.c
 *	  What is the value of an operand?
 *
 *		city					Var, or what the scope makes of the name
 *		payload.size			payload -> 'size'
 *		orders * 2 + 1			segment.add(segment.multiply(orders, 2), 1)
 *		today - 30 days			a time moved by a span (compile_clock.c)
 *
 * A literal has no value until it is known what it is compared with.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "filter/compile_private.h"
#include "filter/filter_private.h"

static Expr *compile_value(FilterScope *scope, const FilterNode *node);
static Expr *compile_column(FilterScope *scope, const FilterNode *node);
static Expr *compile_aggregate(FilterScope *scope, const FilterNode *node);
static Expr *compile_arithmetic(FilterScope *scope, const FilterNode *node);
static Expr *number_of(FilterScope *scope, Operand operand);
static Expr *time_arithmetic(FilterScope *scope, const FilterNode *node,
							 Operand left, Operand right);

Operand
compile_operand(FilterScope *scope, const FilterNode *node)
{
	Operand		operand = {node, NULL, InvalidOid};

	check_stack_depth();
	if (!op_is(node, KIND_LITERAL))
	{
		operand.value = expr_plain(compile_value(scope, node));
		operand.type = expr_type(operand.value);
	}
	return operand;
}

/* compile_value() compiles an operand that is no literal. */
static Expr *
compile_value(FilterScope *scope, const FilterNode *node)
{
	static const Compiler compilers[FILTER_OP_COUNT] = {
		[FILTER_COLUMN] = compile_column,
		[FILTER_NOW] = time_now,
		[FILTER_TODAY] = time_today,
		[FILTER_SPAN] = time_span,
		[FILTER_ADD] = compile_arithmetic,
		[FILTER_SUBTRACT] = compile_arithmetic,
		[FILTER_MULTIPLY] = compile_arithmetic,
		[FILTER_DIVIDE] = compile_arithmetic,
		[FILTER_FUNCTION] = compile_function,
		[FILTER_AGGREGATE] = compile_aggregate,
		[FILTER_CASE] = compile_case,
	};

	if (compilers[node->op] == NULL)
		elog(ERROR, "filter node %d is not an operand", (int) node->op);
	return compilers[node->op](scope, node);
}

/*
 * compile_column() asks the scope for the value of a name, with its keys if it
 * has any.
 */
static Expr *
compile_column(FilterScope *scope, const FilterNode *node)
{
	Expr	   *value = NULL;
	const char *nearest = NULL;

	if (node->nargs > 0 && scope->path != NULL)
		value = scope->path(scope, node);
	if (value == NULL)
	{
		value = scope->column(scope, node->text);
		if (value != NULL && node->nargs > 0)
			value = json_path(scope, value, node);
	}
	if (value != NULL)
		return value;

	if (scope->names != NULL)
		nearest = nearest_name(node->text, scope->names(scope));
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("%s \"%s\" does not exist", scope->noun, node->text),
			 errdetail("The filter is applied to %s.", scope->subject),
			 nearest ? errhint("Perhaps you meant: %s",
							   filter_name(nearest)) :
			 node == scope->compared ?
			 errhint("A string is written in quotes, as in: city = \"Aarhus\"") :
			 0,
			 compile_position(scope, node)));
}

/* compile_aggregate() asks the scope for the value of an aggregate. */
static Expr *
compile_aggregate(FilterScope *scope, const FilterNode *node)
{
	if (scope->aggregate == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("aggregates cannot be used here"),
				 errdetail("\"%s\" is computed from events.",
						   filter_print(node)),
				 errhint("Define a trait with segment.create_trait() and use "
						 "its name."),
				 compile_position(scope, node)));
	return scope->aggregate(scope, node);
}

/*
 * Numbers are computed in numeric: integers neither overflow nor lose what is
 * behind the point.  Where a column is float8, so is the result, unless it
 * meets a number inside jsonb, which may be any.  What has no result, as what
 * is divided by zero, is missing: see arithmetic.c.
 */
static Expr *
compile_arithmetic(FilterScope *scope, const FilterNode *node)
{
	static const char *const functions[FILTER_OP_COUNT] = {
		[FILTER_ADD] = "add",
		[FILTER_SUBTRACT] = "subtract",
		[FILTER_MULTIPLY] = "multiply",
		[FILTER_DIVIDE] = "divide",
	};
	Operand		operands[2];
	Expr	   *values[2];
	Oid			type = NUMERICOID;

	for (int i = 0; i < 2; i++)
		operands[i] = compile_operand(scope, node->args[i]);

	for (int i = 0; i < 2; i++)
		if (is_time(operands[i].type) || operands[i].type == INTERVALOID)
			return time_arithmetic(scope, node, operands[0], operands[1]);

	for (int i = 0; i < 2; i++)
	{
		values[i] = number_of(scope, operands[i]);
		if (expr_type(values[i]) == FLOAT8OID)
			type = FLOAT8OID;
	}
	for (int i = 0; i < 2; i++)
		if (operands[i].type == JSONBOID)
			type = NUMERICOID;
	for (int i = 0; i < 2; i++)
		values[i] = number_as(values[i], type);
	return expr_own_call(functions[node->op], 2,
						 values[0], values[1]);
}

/* The operand as numeric or float8. */
static Expr *
number_of(FilterScope *scope, Operand operand)
{
	if (operand.node->op == FILTER_NUMBER)
		return literal_const(scope, operand.node, NUMERICOID, operand.node);
	if (operand.type == JSONBOID)
		return json_as(operand.value, NUMERICOID);
	if (operand.value == NULL || !is_number(operand.type))
		refuse_operand(scope, operand.node,
					   operand.value ? operand.type : InvalidOid,
					   "a number, a time or a span", NULL);
	return number_exact(operand.value);
}

/*
 * time ± interval, interval + time, time - time, interval ± interval
 */
static Expr *
time_arithmetic(FilterScope *scope, const FilterNode *node,
				Operand left, Operand right)
{
	int			sign = node->op == FILTER_ADD ? 1 : -1;

	/* a date in quotes is a date beside a date, and a span beside a span */
	if (left.value == NULL && left.node->op == FILTER_STRING)
	{
		left.type = is_time(right.type) ?
			literal_time_type(left.node, right.type) : INTERVALOID;
		left.value = literal_const(scope, left.node, left.type, right.node);
	}
	if (right.value == NULL && right.node->op == FILTER_STRING)
	{
		right.type = is_time(left.type) ?
			literal_time_type(right.node, left.type) : INTERVALOID;
		right.value = literal_const(scope, right.node, right.type, left.node);
	}

	if (node->op == FILTER_ADD || node->op == FILTER_SUBTRACT)
	{
		if (is_time(left.type) && right.type == INTERVALOID)
			return time_shift(scope, left.value, sign, right.value);
		if (left.type == INTERVALOID && is_time(right.type) &&
			node->op == FILTER_ADD)
			return time_shift(scope, right.value, sign, left.value);
		if (left.type == INTERVALOID && right.type == INTERVALOID)
			return expr_own_call(sign > 0 ? "add" : "subtract", 2,
								 left.value, right.value);
		if (is_time(left.type) && is_time(right.type) &&
			node->op == FILTER_SUBTRACT)
		{
			Oid			type = left.type == TIMESTAMPTZOID &&
				right.type == TIMESTAMPTZOID ? TIMESTAMPTZOID : TIMESTAMPOID;

			return expr_own_call("elapsed", 2,
								 time_as(scope, left.value, type),
								 time_as(scope, right.value, type));
		}
	}

	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("\"%s\" cannot be computed", filter_print(node)),
			 errdetail("A span can be added to or subtracted from a time, and "
					   "a time subtracted from a time."),
			 errhint("A number of days is written with its unit: today + 3 "
					 "days."),
			 compile_position(scope, node)));
}
