/*-------------------------------------------------------------------------
 *
 * compile.c
 *	  How does a filter become an expression of the server?
 *
 *		city in ("Aarhus", "Odense") and not orders > 3
 *
 *		city = ANY ('{Aarhus,Odense}') AND (orders > 3) IS NOT TRUE
 *
 * A qual is true for members, and false or NULL for all others; a conjunction
 * stays bare, so that indexes on its parts can be used.  "not" asks IS NOT
 * TRUE, so that it is the exact complement also where something is missing.
 *
 * The expression depends on nothing but the filter, the scope and the types
 * of the columns: search_path, DateStyle, IntervalStyle and, where the scope
 * has one, TimeZone are pinned while it is built, and operators are taken
 * from operator classes (expression.c).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/nbtree.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "parser/parse_collate.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"

#include "filter/compile_private.h"
#include "filter/filter_private.h"

static Expr *compile_connective(FilterScope *scope, const FilterNode *node);
static Expr *compile_not(FilterScope *scope, const FilterNode *node);
static Expr *compile_at_least(FilterScope *scope, const FilterNode *node);
static Expr *sum_of(Expr **terms, int count);
static Expr *compile_constant(FilterScope *scope, const FilterNode *node);
static Expr *compile_boolean(FilterScope *scope, const FilterNode *node);
static Expr *compile_is(FilterScope *scope, const FilterNode *node);
static Expr *compile_is_set(FilterScope *scope, const FilterNode *node);
static Expr *compile_did(FilterScope *scope, const FilterNode *node);
static Expr *compile_in_audience(FilterScope *scope, const FilterNode *node);
static Expr *compile_bucket(FilterScope *scope, const FilterNode *node);

/* What each op that is a filter means. */
static const Compiler compilers[FILTER_OP_COUNT] = {
	[FILTER_TRUE] = compile_constant,
	[FILTER_FALSE] = compile_constant,
	[FILTER_COLUMN] = compile_boolean,
	[FILTER_FUNCTION] = compile_boolean,
	[FILTER_AGGREGATE] = compile_boolean,
	[FILTER_CASE] = compile_boolean,

	[FILTER_EQ] = compile_compare,
	[FILTER_LT] = compile_compare,
	[FILTER_LE] = compile_compare,
	[FILTER_GT] = compile_compare,
	[FILTER_GE] = compile_compare,
	[FILTER_BETWEEN] = compile_between,
	[FILTER_IN] = compile_in,

	[FILTER_CONTAINS] = compile_contains,
	[FILTER_CONTAINS_ANY] = compile_contains,
	[FILTER_CONTAINS_ALL] = compile_contains,
	[FILTER_STARTS_WITH] = compile_pattern,
	[FILTER_ENDS_WITH] = compile_pattern,
	[FILTER_LIKE] = compile_pattern,
	[FILTER_ILIKE] = compile_pattern,
	[FILTER_MATCHES] = compile_pattern,

	[FILTER_IS_SET] = compile_is_set,
	[FILTER_IS_EMPTY] = compile_is_empty,
	[FILTER_IS_TRUE] = compile_is,
	[FILTER_IS_FALSE] = compile_is,

	[FILTER_IN_LAST] = compile_recent,
	[FILTER_IN_NEXT] = compile_recent,
	[FILTER_MORE_THAN_AGO] = compile_recent,
	[FILTER_LESS_THAN_AGO] = compile_recent,
	[FILTER_IN_PERIOD] = compile_period,
	[FILTER_BEFORE] = compile_day,
	[FILTER_AFTER] = compile_day,
	[FILTER_ON] = compile_day,
	[FILTER_ANNIVERSARY_TODAY] = compile_anniversary,
	[FILTER_ANNIVERSARY_LAST] = compile_anniversary,
	[FILTER_ANNIVERSARY_NEXT] = compile_anniversary,
	[FILTER_ANNIVERSARY_PERIOD] = compile_anniversary,

	[FILTER_DID] = compile_did,
	[FILTER_IN_AUDIENCE] = compile_in_audience,
	[FILTER_BUCKET] = compile_bucket,

	[FILTER_AND] = compile_connective,
	[FILTER_OR] = compile_connective,
	[FILTER_NOT] = compile_not,
	[FILTER_AT_LEAST] = compile_at_least,
};

Expr *
filter_compile(const FilterNode *filter, FilterScope *scope)
{
	int			level = filter_pin(scope);
	Expr	   *expr = filter_compile_pinned(filter, scope);

	AtEOXact_GUC(true, level);
	return expr;
}

Expr *
filter_compile_pinned(const FilterNode *filter, FilterScope *scope)
{
	Expr	   *expr = compile_filter(scope, filter);

	assign_expr_collations(NULL, (Node *) expr);
	return expr;
}

Expr *
filter_compile_operand(const FilterNode *operand, FilterScope *scope)
{
	int			level = filter_pin(scope);
	Expr	   *expr = filter_compile_operand_pinned(operand, scope);

	AtEOXact_GUC(true, level);
	return expr;
}

Expr *
filter_compile_operand_pinned(const FilterNode *operand, FilterScope *scope)
{
	Expr	   *expr;

	if (!filter_is_operand(operand))
		expr = filter_as_value(compile_filter(scope, operand));
	else
	{
		Operand		one = compile_operand(scope, operand);

		(void) operands_unify(scope, &one, 1);
		expr = one.value;
	}
	assign_expr_collations(NULL, (Node *) expr);
	return expr;
}

Expr *
filter_as_value(Expr *qual)
{
	return expr_never_null(qual) ? qual : expr_is(qual, IS_TRUE);
}

/*
 * Nothing that a session has set may change what a literal means.  The level
 * ends with AtEOXact_GUC(); an error ends it, too.
 */
int
filter_pin(FilterScope *scope)
{
	int			level = settings_pin();

	if (scope->timezone != NULL)
		setting_save("TimeZone", scope->timezone);
	return level;
}

/* An op without a compiler is an operand, or was left out of the table. */
Expr *
compile_filter(FilterScope *scope, const FilterNode *node)
{
	Expr	   *result;

	check_stack_depth();
	if (compilers[node->op] == NULL)
		elog(ERROR, "filter node %d is not a filter", (int) node->op);
	result = compilers[node->op](scope, node);
	return filter_op_has_operand(node->op) ? choice_opened(result) : result;
}

static Expr *
compile_connective(FilterScope *scope, const FilterNode *node)
{
	List	   *filters = NIL;

	for (int i = 0; i < node->nargs; i++)
		filters = lappend(filters, compile_filter(scope, node->args[i]));
	return makeBoolExpr(node->op == FILTER_AND ? AND_EXPR : OR_EXPR, filters,
						-1);
}

/* The exact complement: true for all rows that are no members. */
static Expr *
compile_not(FilterScope *scope, const FilterNode *node)
{
	Expr	   *filter = compile_filter(scope, node->args[0]);

	if (IsA(filter, NullTest))
		return expr_is_null(((NullTest *) filter)->arg,
							((NullTest *) filter)->nulltesttype != IS_NULL);
	if (expr_never_null(filter))
		return makeBoolExpr(NOT_EXPR, list_make1(filter), -1);
	return expr_is(filter, IS_NOT_TRUE);
}

/* at least 2 of (a, b, c): (case when a then 1 else 0 end) + ... >= 2 */
static Expr *
compile_at_least(FilterScope *scope, const FilterNode *node)
{
	Oid			type = literal_number_type(filter_node(FILTER_NUMBER,
													   node->text, -1),
										   INT4OID);
	Expr	  **terms = palloc(sizeof(Expr *) * node->nargs);
	int			wanted;

	for (int i = 0; i < node->nargs; i++)
	{
		CaseExpr   *one = makeNode(CaseExpr);
		CaseWhen   *when = makeNode(CaseWhen);

		when->expr = compile_filter(scope, node->args[i]);
		when->result = expr_const(INT4OID, Int32GetDatum(1));
		when->location = -1;
		one->casetype = INT4OID;
		one->args = list_make1(when);
		one->defresult = expr_const(INT4OID, Int32GetDatum(0));
		one->location = -1;
		terms[i] = (Expr *) one;
	}
	/* more than can be counted is more than there are */
	wanted = type == INT4OID ? pg_strtoint32(node->text) : PG_INT32_MAX;
	return expr_operator(">=", sum_of(terms, node->nargs),
						 expr_const(INT4OID, Int32GetDatum(wanted)));
}

/* Halves of halves: a long sum must not become a deep one. */
static Expr *
sum_of(Expr **terms, int count)
{
	if (count == 1)
		return terms[0];
	return expr_operator("+", sum_of(terms, (count + 1) / 2),
						 sum_of(terms + (count + 1) / 2, count / 2));
}

/* true, false */
static Expr *
compile_constant(FilterScope *scope, const FilterNode *node)
{
	return expr_boolean(node->op == FILTER_TRUE);
}

/* An operand that is true or false by itself. */
static Expr *
compile_boolean(FilterScope *scope, const FilterNode *node)
{
	Operand		operand = compile_operand(scope, node);

	if (operand.value == NULL)
		return literal_const(scope, node, BOOLOID, node);
	if (operand.type == JSONBOID)
		return json_as(operand.value, BOOLOID);
	if (operand.type != BOOLOID)
	{
		char	   *hint = psprintf("Compare it with a value, or write: %s is "
									"set.",
									filter_print(node));

		refuse_operand(scope, node, operand.type, "true or false", hint);
	}
	return operand.value;
}

/* is true, is false */
static Expr *
compile_is(FilterScope *scope, const FilterNode *node)
{
	return expr_is(compile_boolean(scope, node->args[0]),
				   node->op == FILTER_IS_TRUE ? IS_TRUE : IS_FALSE);
}

/* A null inside jsonb is as good as no value. */
static Expr *
compile_is_set(FilterScope *scope, const FilterNode *node)
{
	Operand		operand = compile_operand(scope, node->args[0]);

	if (operand.value == NULL)
		return expr_boolean(true);
	if (operand.type == JSONBOID)
	{
		Datum		json_null = DirectFunctionCall1(jsonb_in,
													CStringGetDatum("null"));

		operand.value = expr_nullif(operand.value,
									expr_const(JSONBOID, json_null));
	}
	return expr_is_null(operand.value, false);
}

/* did orders: an aggregate over events that is compared with a number */
static Expr *
compile_did(FilterScope *scope, const FilterNode *node)
{
	if (scope->aggregate == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("\"did\" cannot be used here"),
				 errhint("Define a trait that counts with "
						 "segment.create_trait() and use its name."),
				 compile_position(scope, node)));
	return compile_filter(scope, filter_did_as_count(node));
}

/* in audience vip: the scope knows its filter */
static Expr *
compile_in_audience(FilterScope *scope, const FilterNode *node)
{
	if (scope->audience == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("audience \"%s\" cannot be used here", node->text),
				 errdetail("The filter is applied to %s, which is no "
						   "population.",
						   scope->subject),
				 compile_position(scope, node)));
	return scope->audience(scope, node);
}

/* compile_bucket() compares the bucket of the profile's key with a number. */
static Expr *
compile_bucket(FilterScope *scope, const FilterNode *node)
{
	static const StrategyNumber strategies[] = {
		[FILTER_COMPARE_LT] = BTLessStrategyNumber,
		[FILTER_COMPARE_LE] = BTLessEqualStrategyNumber,
		[FILTER_COMPARE_GT] = BTGreaterStrategyNumber,
		[FILTER_COMPARE_GE] = BTGreaterEqualStrategyNumber,
	};

	if (scope->key == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("\"bucket\" cannot be used here"),
				 errdetail("It divides the profiles of a population by their "
						   "keys; the filter is applied to %s.",
						   scope->subject),
				 compile_position(scope, node)));
	return expr_compare(strategies[node->detail],
						expr_own_call("bucket", 2, expr_text(node->text),
									  expr_copy(scope->key)),
						literal_const(scope, node->args[0], FLOAT8OID, node));
}
