/*-------------------------------------------------------------------------
 *
 * compile_band.c
 *	  In which band does a value lie?
 *
 *		band(points, 0, "bronze", 500, "silver", 2000, "gold")
 *
 *		case when points >= 2000 then "gold"
 *			 when points >= 500 then "silver"
 *			 when points >= 0 then "bronze" end
 *
 * Below the first bound, and where the value is missing, there is no band.  A
 * band is compiled as this CASE is; compile_choice.c makes limits of a
 * condition on it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/fmgrprotos.h"

#include "filter/compile_private.h"
#include "filter/filter_private.h"

/* the arguments of band(): a value, and then a bound and its value in turns */
#define BOUND(node, i)	((node)->args[2 * (i) + 1])
#define VALUE(node, i)	((node)->args[2 * (i) + 2])

static FilterNode *as_case(const FilterNode *node);
static void check_constants(FilterScope *scope, const FilterNode *node,
							const FilterNode *meant);
static bool is_constant(const FilterNode *node);
static FilterOp kind_of(const FilterNode *constant);
static void check_order(FilterScope *scope, const FilterNode *node,
						const CaseExpr *compiled);
static bool numbers_rise(FilterScope *scope, const FilterNode *lower,
						 const FilterNode *upper);
static Datum number_of(FilterScope *scope, const FilterNode *number);

Expr *
compile_band(FilterScope *scope, const FilterNode *node)
{
	FilterNode *meant;
	Expr	   *result;

	if (node->nargs % 2 == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the last bound of \"band\" has no value"),
				 errdetail("Behind the operand stand a bound and the value "
						   "from there on, in turns."),
				 errhint("Write, for example: band(%s, 0, \"bronze\", 500, "
						 "\"silver\", 2000, \"gold\")",
						 filter_print(node->args[0])),
				 compile_position(scope, node->args[node->nargs - 1])));
	meant = as_case(node);
	check_constants(scope, node, meant);
	result = compile_case(scope, meant);
	check_order(scope, node, (CaseExpr *) result);
	return result;
}

/* as_case() makes the CASE of a band, whose highest bound comes first. */
static FilterNode *
as_case(const FilterNode *node)
{
	int			count = node->nargs / 2;
	FilterNode **args = palloc(sizeof(FilterNode *) * (count + 1));

	for (int i = 0; i < count; i++)
	{
		FilterNode **compared = palloc(sizeof(FilterNode *) * 2);
		FilterNode **when = palloc(sizeof(FilterNode *) * 2);

		compared[0] = node->args[0];
		compared[1] = BOUND(node, i);
		when[0] = filter_node_with(FILTER_GE, NULL, node->location, 2,
								   compared);
		when[1] = VALUE(node, i);
		args[count - 1 - i] = filter_node_with(FILTER_WHEN, NULL,
											   node->location, 2, when);
	}
	args[count] = filter_node(FILTER_NONE, NULL, -1);
	return filter_node_with(FILTER_CASE, NULL, node->location, count + 1,
							args);
}

/*
 * check_constants() refuses bounds and values that are no constants, or not of
 * one type; 'meant' is the CASE that takes others.
 */
static void
check_constants(FilterScope *scope, const FilterNode *node,
				const FilterNode *meant)
{
	for (int i = 1; i < node->nargs; i++)
	{
		const FilterNode *first = node->args[2 - i % 2];
		const char *what = i % 2 == 1 ? "bound" : "value";

		if (!is_constant(node->args[i]))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("%s \"%s\" of \"band\" is not a constant", what,
							filter_print(node->args[i])),
					 errdetail("A %s is a number, a string, or a span of "
							   "time.", what),
					 errhint("Write: %s", filter_print(meant)),
					 compile_position(scope, node->args[i])));
		if (kind_of(node->args[i]) != kind_of(first))
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("%ss %s and %s of \"band\" are of different types",
							what, filter_print(first),
							filter_print(node->args[i])),
					 errhint("Write all %ss as numbers, or all as strings.",
							 what),
					 compile_position(scope, node->args[i])));
	}
}

static bool
is_constant(const FilterNode *node)
{
	return op_is(node, KIND_LITERAL | KIND_SPAN);
}

/* The op of constants of this type: true and false are of one. */
static FilterOp
kind_of(const FilterNode *constant)
{
	return constant->op == FILTER_FALSE ? FILTER_TRUE : constant->op;
}

/*
 * check_order() refuses bounds that do not rise.  They are compared as what
 * they have become beside the operand: numbers, text, times.
 */
static void
check_order(FilterScope *scope, const FilterNode *node,
			const CaseExpr *compiled)
{
	int			count = node->nargs / 2;

	for (int i = 1; i < count; i++)
	{
		CaseWhen   *lower = list_nth(compiled->args, count - i);
		CaseWhen   *upper = list_nth(compiled->args, count - i - 1);

		if (choice_implies(lower->expr, upper->expr) ||
			!numbers_rise(scope, BOUND(node, i - 1), BOUND(node, i)))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("the bounds of \"band\" do not rise"),
					 errdetail("%s stands behind %s.",
							   filter_print(BOUND(node, i)),
							   filter_print(BOUND(node, i - 1))),
					 errhint("Begin with the lowest bound, and give each "
							 "bound one value."),
					 compile_position(scope, BOUND(node, i))));
	}
}

/* False if both are numbers, the second of which is not the greater. */
static bool
numbers_rise(FilterScope *scope, const FilterNode *lower,
			 const FilterNode *upper)
{
	Datum		numbers[2];

	if (lower->op != FILTER_NUMBER || upper->op != FILTER_NUMBER)
		return true;
	numbers[0] = number_of(scope, lower);
	numbers[1] = number_of(scope, upper);
	return DatumGetBool(DirectFunctionCall2(numeric_lt, numbers[0],
											numbers[1]));
}

static Datum
number_of(FilterScope *scope, const FilterNode *number)
{
	return ((Const *) literal_const(scope, number, NUMERICOID,
									number))->constvalue;
}
