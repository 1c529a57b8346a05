/*-------------------------------------------------------------------------
 *
 * compile_comparison.c
 *	  How are two operands compared?
 *
 *		orders > 3000000000		orders > 3000000000::int8, across types
 *		payload.size > 3		segment.json_number(payload -> 'size') > 3
 *		seen <= "2026-05-01"	seen < '2026-05-02 00:00+02', the whole day
 *
 * To one type they are brought in compile_unify.c.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/nbtree.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "filter/compile_private.h"

static Expr *compile_comparison(FilterScope *scope, StrategyNumber strategy,
								Operand left, Operand right);
static Expr *compare_across_types(FilterScope *scope, StrategyNumber strategy,
								  Operand left, Operand right);
static Oid literal_type_beside(const FilterNode *literal, Oid type);
static bool compares_across(Oid left, Oid right);

/* =, <, <=, > and >= */
Expr *
compile_compare(FilterScope *scope, const FilterNode *node)
{
	static const StrategyNumber strategies[FILTER_OP_COUNT] = {
		[FILTER_EQ] = BTEqualStrategyNumber,
		[FILTER_LT] = BTLessStrategyNumber,
		[FILTER_LE] = BTLessEqualStrategyNumber,
		[FILTER_GT] = BTGreaterStrategyNumber,
		[FILTER_GE] = BTGreaterEqualStrategyNumber,
	};
	Operand		left = compile_operand(scope, node->args[0]);

	scope->compared = node->args[1];
	return compile_comparison(scope, strategies[node->op], left,
							  compile_operand(scope, node->args[1]));
}

/*
 * compile_comparison() compares two operands.
 *
 * An index on a column helps if the column stands there as it is.  So the
 * operands are left alone where the operator class compares across their
 * types, as in int4 > 3000000000::int8.  Else both become one type, as bigint
 * and double precision do.
 */
static Expr *
compile_comparison(FilterScope *scope, StrategyNumber strategy,
				   Operand left, Operand right)
{
	Operand		operands[2] = {left, right};
	Expr	   *result;
	Oid			type;

	/* a literal that is only a date is that whole day */
	if (right.value == NULL && is_instant(left.type) &&
		literal_is_day(right.node))
		return time_beside_day(strategy, left.value,
							   literal_day(scope, right.node, left.node));
	if (left.value == NULL && is_instant(right.type) &&
		literal_is_day(left.node))
		return time_beside_day(BTCommuteStrategyNumber(strategy), right.value,
							   literal_day(scope, left.node, right.node));

	result = compare_across_types(scope, strategy, left, right);
	if (result != NULL)
		return result;

	type = operands_unify(scope, operands, 2);
	result = expr_compare(strategy, operands[0].value, operands[1].value);
	if (result == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("%s is of type %s, which %s",
						describe_operand(scope, left.node),
						format_type_be(type),
						strategy == BTEqualStrategyNumber ?
						"cannot be compared" : "has no order"),
				 compile_position(scope, left.node)));
	if (scope->planned && type == TIMESTAMPTZOID)
		result = comparison_limits(scope, result, strategy, &left, &right,
								   operands);
	return result;
}

/*
 * compare_across_types() compares the operands by an operator for just their
 * types, or returns NULL if there is none that gives the right answer.
 */
static Expr *
compare_across_types(FilterScope *scope, StrategyNumber strategy,
					 Operand left, Operand right)
{
	if (left.value == NULL && right.value != NULL)
		left.type = literal_type_beside(left.node, right.type);
	if (right.value == NULL && left.value != NULL)
		right.type = literal_type_beside(right.node, left.type);

	if (!OidIsValid(left.type) || !OidIsValid(right.type) ||
		!compares_across(left.type, right.type))
		return NULL;
	if (left.value == NULL)
		left.value = literal_const(scope, left.node, left.type, right.node);
	if (right.value == NULL)
		right.value = literal_const(scope, right.node, right.type, left.node);
	return expr_compare(strategy, left.value, right.value);
}

/* The type in which a literal is read beside an operand of this type. */
static Oid
literal_type_beside(const FilterNode *literal, Oid type)
{
	return literal->op == FILTER_NUMBER ?
		literal_number_type(literal, type) : literal_time_type(literal, type);
}

/*
 * compares_across() says whether values of the two types are compared as they
 * are.  Numeric and timestamptz have no operators across types.
 */
static bool
compares_across(Oid left, Oid right)
{
	if (left == JSONBOID || right == JSONBOID)
		return false;
	if (left == right)
		return true;
	if (is_number(left) && is_number(right))
		return left != NUMERICOID && right != NUMERICOID;
	return is_time(left) && is_time(right) &&
		left != TIMESTAMPTZOID && right != TIMESTAMPTZOID;
}

/* a between b and c: inclusive on both sides */
Expr *
compile_between(FilterScope *scope, const FilterNode *node)
{
	Operand		operand = compile_operand(scope, node->args[0]);
	Operand		again = operand;

	if (operand.value != NULL)
		again.value = expr_copy(operand.value);
	return expr_and(compile_comparison(scope, BTGreaterEqualStrategyNumber,
									   operand,
									   compile_operand(scope, node->args[1])),
					compile_comparison(scope, BTLessEqualStrategyNumber,
									   again,
									   compile_operand(scope, node->args[2])));
}
