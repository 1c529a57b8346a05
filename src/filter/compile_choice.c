/*-------------------------------------------------------------------------
 *
 * compile_choice.c
 *	  Which limits does a condition on a chosen constant mean?
 *
 *		tier = "silver", where tier is a trait with the definition
 *		band(points, 0, "bronze", 500, "silver", 2000, "gold")
 *
 *		CASE WHEN points >= 2000 THEN 'gold' WHEN points >= 500 THEN 'silver'
 *			 WHEN points >= 0 THEN 'bronze' END = 'silver'
 *
 *		points >= 500 AND points < 2000
 *
 * The condition is tried on each of the constants, here and now.  What is left
 * are comparisons of one operand, by which indexes can be used, and which an
 * audience keeps sorted.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/nbtree.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_collate.h"
#include "utils/lsyscache.h"

#include "filter/compile_private.h"

/* A CASE within a condition, and a constant in its stead. */
typedef struct Choice
{
	CaseExpr   *cases;
	Expr	   *constant;
} Choice;

static bool find_case(Node *node, void *choice);
static bool compares_one_operand(const CaseExpr *cases);
static bool is_comparison(const OpExpr *comparison);
static bool *try_constants(Expr *condition, CaseExpr *cases);
static Node *put_constant(Node *node, void *choice);
static Expr *condition_of(const CaseExpr *cases, int which);
static Expr *run_of(const CaseExpr *cases, int first, int last);
static Expr *none_before(const CaseExpr *cases, int first, bool set);
static Expr *does_not_hold(OpExpr *comparison, bool set);
static int	strategy_of(const OpExpr *comparison);

/*
 * The values of CASE that the condition holds for follow each other in runs.
 */
Expr *
choice_opened(Expr *condition)
{
	Choice		choice = {NULL};
	Expr	   *result = NULL;
	bool	   *holds;
	int			count;

	(void) find_case((Node *) condition, &choice);
	if (choice.cases == NULL || !compares_one_operand(choice.cases))
		return condition;
	holds = try_constants(condition, choice.cases);
	if (holds == NULL)
		return condition;

	count = list_length(choice.cases->args) + 1;
	for (int first = 0; first < count; first++)
	{
		int			last = first;
		Expr	   *run;

		if (!holds[first])
			continue;
		while (last + 1 < count && holds[last + 1])
			last++;
		run = run_of(choice.cases, first, last);
		result = result == NULL ? run : expr_or(result, run);
		first = last;
	}
	return result == NULL ? expr_boolean(false) : result;
}

/* Find the first CASE that chooses among constants: a walker. */
static bool
find_case(Node *node, void *context)
{
	Choice	   *choice = context;

	if (node == NULL)
		return false;
	check_stack_depth();
	if (IsA(node, CaseExpr))
	{
		choice->cases = (CaseExpr *) node;
		return true;
	}
	return expression_tree_walker(node, find_case, context);
}

/*
 * compares_one_operand() tells whether each condition of CASE compares the
 * same operand with a constant, and each value is a constant.
 */
static bool
compares_one_operand(const CaseExpr *cases)
{
	OpExpr	   *first = NULL;
	ListCell   *lc;

	if (cases->arg != NULL || !IsA(cases->defresult, Const))
		return false;
	foreach(lc, cases->args)
	{
		CaseWhen   *when = lfirst(lc);
		OpExpr	   *comparison = (OpExpr *) when->expr;

		if (!IsA(when->result, Const) || !is_comparison(comparison))
			return false;
		if (first == NULL)
			first = comparison;
		else if (!equal(linitial(comparison->args), linitial(first->args)))
			return false;
	}
	return true;
}

/* Is it a btree comparison of an operand with a constant? */
static bool
is_comparison(const OpExpr *comparison)
{
	return IsA(comparison, OpExpr) && list_length(comparison->args) == 2 &&
		IsA(lsecond(comparison->args), Const) &&
		!((Const *) lsecond(comparison->args))->constisnull &&
		strategy_of(comparison) != 0;
}

/* The btree strategy of a comparison, or 0. */
static int
strategy_of(const OpExpr *comparison)
{
	Oid			type = exprType(linitial(comparison->args));
	Oid			input;
	Oid			family = default_order(type, &input);

	return OidIsValid(family) ?
		get_op_opfamily_strategy(comparison->opno, family) : 0;
}

/*
 * try_constants() says for which values of CASE, the one without a condition
 * last, the condition holds; NULL if that is not known now.
 */
static bool *
try_constants(Expr *condition, CaseExpr *cases)
{
	int			count = list_length(cases->args) + 1;
	bool	   *holds = palloc(sizeof(bool) * count);

	for (int i = 0; i < count; i++)
	{
		Choice		choice = {cases, cases->defresult};
		Node	   *tried;

		CHECK_FOR_INTERRUPTS();
		if (i + 1 < count)
			choice.constant = ((CaseWhen *) list_nth(cases->args, i))->result;
		tried = put_constant((Node *) copyObject(condition), &choice);
		assign_expr_collations(NULL, tried);
		tried = eval_const_expressions(NULL, tried);
		if (!IsA(tried, Const))
			return NULL;
		holds[i] = !((Const *) tried)->constisnull &&
			DatumGetBool(((Const *) tried)->constvalue);
	}
	return holds;
}

/* Put the constant where the CASE stands: a mutator. */
static Node *
put_constant(Node *node, void *context)
{
	Choice	   *choice = context;

	if (node == NULL)
		return NULL;
	check_stack_depth();
	if (IsA(node, CaseExpr) && equal(node, choice->cases))
		return (Node *) copyObject(choice->constant);
	return expression_tree_mutator(node, put_constant, context);
}

static Expr *
condition_of(const CaseExpr *cases, int which)
{
	return ((CaseWhen *) list_nth(cases->args, which))->expr;
}

/*
 * run_of() makes the condition that CASE chooses one of the values from
 * 'first' to 'last'.
 */
static Expr *
run_of(const CaseExpr *cases, int first, int last)
{
	bool		otherwise = last == list_length(cases->args);
	Expr	   *before = none_before(cases, first, !otherwise);
	Expr	   *result = NULL;

	if (otherwise)
		return before != NULL ? before : expr_boolean(true);
	for (int i = first; i <= last; i++)
	{
		Expr	   *one = condition_of(cases, i);

		if (i < last && choice_implies(one, condition_of(cases, i + 1)))
			continue;
		one = expr_copy(one);
		result = result == NULL ? one : expr_or(result, one);
	}
	return before == NULL ? result : expr_and(result, before);
}

/*
 * none_before() makes the condition that none of CASE's conditions before
 * 'first' holds; NULL if there are none.  'set': the operand is not missing.
 */
static Expr *
none_before(const CaseExpr *cases, int first, bool set)
{
	Expr	   *result = NULL;

	for (int i = 0; i < first; i++)
	{
		Expr	   *one = condition_of(cases, i);

		if (i + 1 < first && choice_implies(one, condition_of(cases, i + 1)))
			continue;
		one = does_not_hold((OpExpr *) expr_copy(one), set);
		result = result == NULL ? one : expr_and(result, one);
	}
	return result;
}

/* points < 2000, for points >= 2000; 'set': points are not missing */
static Expr *
does_not_hold(OpExpr *comparison, bool set)
{
	OpExpr		negated = *comparison;

	negated.opno = get_negator(comparison->opno);
	if (!set || !OidIsValid(negated.opno) || strategy_of(&negated) == 0)
		return expr_is((Expr *) comparison, IS_NOT_TRUE);
	comparison->opno = negated.opno;
	comparison->opfuncid = get_opcode(negated.opno);
	return (Expr *) comparison;
}

bool
choice_implies(Expr *one, Expr *other)
{
	OpExpr	   *left = (OpExpr *) one;
	OpExpr	   *right = (OpExpr *) other;
	Const	   *constants[2];
	Oid			family;
	Oid			input;
	Oid			compare;
	Oid			collation;
	int			strategy;
	int			order;

	if (!is_comparison(left) || !is_comparison(right) ||
		!equal(linitial(left->args), linitial(right->args)))
		return false;
	strategy = strategy_of(left);
	if (strategy != strategy_of(right) || strategy == BTEqualStrategyNumber)
		return false;

	constants[0] = lsecond(left->args);
	constants[1] = lsecond(right->args);
	family = default_order(exprType(linitial(left->args)), &input);
	compare = get_opfamily_proc(family, constants[0]->consttype,
								constants[1]->consttype, BTORDER_PROC);
	if (!OidIsValid(compare))
		return false;
	collation = exprCollation(linitial(left->args));
	order = DatumGetInt32(OidFunctionCall2Coll(compare, collation,
											   constants[0]->constvalue,
											   constants[1]->constvalue));
	return strategy == BTGreaterStrategyNumber ||
		strategy == BTGreaterEqualStrategyNumber ? order >= 0 : order <= 0;
}
