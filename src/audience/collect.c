/*-------------------------------------------------------------------------
 *
 * collect.c
 *	  Which conditions is a filter made of?
 *
 *		total_spend > 500 and (city = 'Aarhus' or tags contains "vegan" or
 *							   city like 'O%' or total_spend > orders * 20)
 *
 *		total_spend		a threshold at 500
 *		city			an equality probe for 'Aarhus'
 *		tags			an equality probe of an element for 'vegan'
 *		total_spend, orders		the factor 20
 *		city like ...	a condition of another kind
 *
 * Conditions are read off the compiled filter, not off its text, so that the
 * index and the rest of the house cannot disagree about what a filter means.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/nbtree.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "utils/lsyscache.h"

#include "audience/conditions.h"

static void collect(Collection *into, Node *node, bool exact);
static bool collect_comparison(Collection *into, OpExpr *comparison);
static bool collect_elements(Collection *into, Node *array,
							 OpExpr *comparison, const Const *constants);
static bool add_comparison(Collection *into, Operand *operand, int strategy,
						   Datum value);
static void add_probes(Collection *into, Operand *operand,
					   const Datum *values, int count);
static bool collect_list(Collection *into, ScalarArrayOpExpr *list);
static void collect_other(Collection *into, Node *node);
static Condition *condition_of(Collection *into, Node *node, uint64 hash);
static bool counts_conditions(Node *node);
static void collect_counted(Collection *into, Node *node);

void
collect_conditions(Collection *into, Node *filter)
{
	collect(into, filter, false);
}

/*
 * collect() collects the conditions of an expression.
 *
 * 'exact': false and missing make a difference where the expression stands;
 * elsewhere a comparison with a missing value is as good as false.
 */
static void
collect(Collection *into, Node *node, bool exact)
{
	ListCell   *lc;

	check_stack_depth();
	switch (nodeTag(node))
	{
		case T_BoolExpr:
			/* NOT turns false into true, but not what is missing */
			exact |= ((BoolExpr *) node)->boolop == NOT_EXPR;
			foreach(lc, ((BoolExpr *) node)->args)
				collect(into, lfirst(lc), exact);
			return;

		case T_BooleanTest:
			{
				BooleanTest *test = (BooleanTest *) node;

				collect(into, (Node *) test->arg,
						test->booltesttype != IS_TRUE &&
						test->booltesttype != IS_NOT_TRUE);
				return;
			}

		case T_OpExpr:
			if (!exact && collect_comparison(into, (OpExpr *) node))
				return;
			break;

		case T_ScalarArrayOpExpr:
			if (!exact && collect_list(into, (ScalarArrayOpExpr *) node))
				return;
			break;

		case T_Const:
			return;

		default:
			break;
	}
	collect_other(into, node);
}

/*
 * collect_comparison() collects "operand > constant" and the like.  Returns
 * false if the comparison is not of that form.
 */
static bool
collect_comparison(Collection *into, OpExpr *comparison)
{
	Node	   *left;
	Node	   *right;
	Oid			operator = comparison->opno;
	Oid			family;
	int			strategy;
	Operand    *operand;
	Const	   *constant;

	if (list_length(comparison->args) != 2)
		return false;
	left = linitial(comparison->args);
	right = lsecond(comparison->args);
	if (IsA(left, Const))
	{
		Node	   *swap = left;

		left = right;
		right = swap;
		operator = get_commutator(operator);
	}
	if (!OidIsValid(operator))
		return false;
	strategy = comparison_strategy(left, operator, &family);
	if (!IsA(right, Const))
		return strategy != 0 && collect_pair(into, comparison, strategy);
	constant = (Const *) right;
	if (strategy == 0)
		return collect_elements(into, left, comparison, constant);
	if (constant->constisnull)
		return true;			/* never true */
	if (counts_conditions(left))
	{
		collect_counted(into, left);
		return true;
	}
	operand = operand_of(into, left, constant, comparison->inputcollid,
						 family);
	return operand != NULL &&
		add_comparison(into, operand, strategy, constant->constvalue);
}

/*
 * collect_elements() collects "array contains constants".  Returns false if
 * the condition is not of that form.
 */
static bool
collect_elements(Collection *into, Node *array, OpExpr *comparison,
				 const Const *constants)
{
	bool		any = comparison->opno == OID_ARRAY_OVERLAP_OP;
	Operand    *operand;
	Elements	values;

	if ((!any && comparison->opno != OID_ARRAY_CONTAINS_OP) ||
		constants->constisnull || linitial(comparison->args) != array)
		return false;
	operand = elements_of(into, array, comparison->inputcollid);
	if (operand == NULL)
		return false;
	values = operand_elements(operand, constants->constvalue);
	if (values.count == 0)
		return any;				/* all: true of each array */
	for (int i = 0; i < values.count; i++)
	{
		operand_add_probe(operand, values.list[i], operand->nconditions,
						  into->place);
		/* all of them: each may make the difference by itself */
		operand->nconditions += any ? 0 : 1;
	}
	operand->nconditions += any ? 1 : 0;
	return true;
}

int
comparison_strategy(Node *left, Oid operator, Oid *family)
{
	Oid			input;

	*family = default_order(exprType(left), &input);
	return OidIsValid(*family) ?
		get_op_opfamily_strategy(operator, *family) : 0;
}

/*
 * add_comparison() adds a threshold or an equality probe; false if values of
 * the operand cannot be hashed.
 */
static bool
add_comparison(Collection *into, Operand *operand, int strategy, Datum value)
{
	Thresholds *to = &operand->above;
	bool		after = false;

	switch (strategy)
	{
		case BTLessStrategyNumber:
			to = &operand->below;
			break;
		case BTLessEqualStrategyNumber:
			to = &operand->below;
			after = true;
			break;
		case BTGreaterEqualStrategyNumber:
			break;
		case BTGreaterStrategyNumber:
			after = true;
			break;
		default:
			if (!operand_is_hashed(operand))
				return false;
			operand_add_probe(operand, value, operand->nconditions++,
							  into->place);
			return true;
	}
	operand_add_threshold(operand, to, value, after, into->place);
	return true;
}

/*
 * collect_list() collects "operand = any (constants)".  Returns false if the
 * condition is not of that form.
 */
static bool
collect_list(Collection *into, ScalarArrayOpExpr *list)
{
	Node	   *left = linitial(list->args);
	Const	   *constants = lsecond(list->args);
	Oid			family;
	Const		one = {.xpr.type = T_Const};
	Elements	values;
	Operand    *operand;

	if (!list->useOr || !IsA(constants, Const) || constants->constisnull)
		return false;
	if (comparison_strategy(left, list->opno,
							&family) != BTEqualStrategyNumber)
		return false;

	one.consttype = get_element_type(constants->consttype);
	operand = operand_of(into, left, &one, list->inputcollid, family);
	if (operand == NULL || !operand_is_hashed(operand))
		return false;

	values = operand_elements(operand, constants->constvalue);
	add_probes(into, operand, values.list, values.count);
	return true;
}

/* add_probes() adds that an operand is one of these values. */
static void
add_probes(Collection *into, Operand *operand, const Datum *values,
		   int count)
{
	for (int i = 0; i < count; i++)
		operand_add_probe(operand, values[i], operand->nconditions,
						  into->place);
	operand->nconditions++;
}

void
collect_values(Collection *into, Operand *operand, int strategy,
			   const Datum *values, int count)
{
	if (count == 1)
		(void) add_comparison(into, operand, strategy, values[0]);
	else
		add_probes(into, operand, values, count);
}

/*
 * collect_other() collects a condition of another kind.  It is evaluated as a
 * whole, once for all filters that have it.
 */
static void
collect_other(Collection *into, Node *node)
{
	char	   *printed = nodeToString(node);
	uint64		hash = hash_bytes_extended((unsigned char *) printed,
										   strlen(printed), 0);
	MemoryContext old = MemoryContextSwitchTo(into->context);
	Condition  *condition = condition_of(into, node, hash);

	if (condition->places == NIL)
		condition_enter(into->index, condition);
	condition->places = lappend_int(condition->places, into->place);
	MemoryContextSwitchTo(old);
}

/* condition_of() finds the condition of an expression, or makes it. */
static Condition *
condition_of(Collection *into, Node *node, uint64 hash)
{
	Condition  *condition;
	bool		found;

	condition = hash_search(into->index->conditions, &hash, HASH_ENTER,
							&found);
	if (!found)
		memset((char *) condition + sizeof(hash), 0,
			   sizeof(Condition) - sizeof(hash));
	while (condition->expr != NULL && !equal(condition->expr, node))
	{
		if (condition->next == NULL)
		{
			condition->next = palloc0(sizeof(Condition));
			condition->next->hash = hash;
		}
		condition = condition->next;
	}
	if (condition->expr == NULL)
	{
		condition->expr = (Expr *) copyObject(node);
		condition->columns = columns_of(into, node);
		condition->time_dependent = time_dependent_of(into, node);
		if (condition->time_dependent != NULL)
			condition->time_dependent->condition = condition;
	}
	return condition;
}

/* A condition that no audience has any more stays for the next one. */
void
conditions_remove(AudienceIndex *index, const bool *marked)
{
	HASH_SEQ_STATUS scan;
	Condition  *condition;

	hash_seq_init(&scan, index->conditions);
	while ((condition = hash_seq_search(&scan)) != NULL)
		for (; condition != NULL; condition = condition->next)
		{
			int			before = list_length(condition->places);
			ListCell   *lc;

			foreach(lc, condition->places)
				if (marked[lfirst_int(lc)])
					condition->places =
						foreach_delete_current(condition->places, lc);
			if (condition->places == NIL && before > 0)
				condition_leave(index, condition);
			else if (condition->time_dependent != NULL && before > 0)
				condition->time_dependent->place =
					linitial_int(condition->places);
		}
}

/*
 * counts_conditions() recognizes the compiled form of "at least 2 of (a, b,
 * c)", which counts its conditions and can differ where one of them does:
 *
 *		(case when a then 1 else 0 end) + ... >= 2
 */
static bool
counts_conditions(Node *node)
{
	check_stack_depth();
	if (IsA(node, CaseExpr))
	{
		CaseExpr   *one = (CaseExpr *) node;

		return one->arg == NULL && list_length(one->args) == 1 &&
			IsA(((CaseWhen *) linitial(one->args))->result, Const) &&
			one->casetype == INT4OID && IsA(one->defresult, Const);
	}
	if (IsA(node, OpExpr) && ((OpExpr *) node)->opresulttype == INT4OID)
	{
		OpExpr	   *sum = (OpExpr *) node;

		return list_length(sum->args) == 2 &&
			counts_conditions(linitial(sum->args)) &&
			counts_conditions(lsecond(sum->args));
	}
	return false;
}

/* collect_counted() collects the conditions that such an expression counts. */
static void
collect_counted(Collection *into, Node *node)
{
	ListCell   *lc;

	check_stack_depth();
	if (IsA(node, CaseExpr))
	{
		CaseWhen   *when = linitial(((CaseExpr *) node)->args);

		collect(into, (Node *) when->expr, false);
	}
	else
		foreach(lc, ((OpExpr *) node)->args)
			collect_counted(into, lfirst(lc));
}
