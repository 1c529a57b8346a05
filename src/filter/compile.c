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
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_coerce.h"
#include "parser/parse_collate.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"

#include "filter/compile_private.h"

static Expr *with_limits(FilterScope *scope, Expr *comparison,
						 StrategyNumber strategy, Operand left, Expr *right_instant,
						 Operand right, Expr *left_instant);
static Expr *compile_list(FilterScope *scope, const FilterNode *node);
static Expr *compile_not(Expr *filter);
static Expr *compile_at_least(FilterScope *scope, const FilterNode *node);
static Expr *sum_of(Expr **terms, int count);
static Expr *compile_between(FilterScope *scope, const FilterNode *node);
static Expr *compile_in(FilterScope *scope, const FilterNode *node);
static Expr *compile_in_list(FilterScope *scope, const FilterNode *node,
							 Operand operand, FilterOp kind, FilterOp other);
static Expr *compile_in_days(FilterScope *scope, const FilterNode *node,
							 Operand operand);
static Expr *compile_is(FilterScope *scope, const FilterNode *node);
static Expr *compile_is_set(FilterScope *scope, const FilterNode *node);
static Expr *compile_bucket(FilterScope *scope, const FilterNode *node);
static Expr *compile_boolean(FilterScope *scope, const FilterNode *node);
static Expr *compile_value(FilterScope *scope, const FilterNode *node);
static Expr *compile_column(FilterScope *scope, const FilterNode *node);
static Expr *compile_aggregate(FilterScope *scope, const FilterNode *node);
static Expr *compile_arithmetic(FilterScope *scope, const FilterNode *node);
static Expr *time_arithmetic(FilterScope *scope, const FilterNode *node,
							 Operand left, Operand right);
static bool uses_row(const FilterNode *node);
static Expr *number_of(FilterScope *scope, Operand operand);

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
	static const char *const settings[][2] = {
		{"DateStyle", "ISO, YMD"},
		{"IntervalStyle", "postgres"},
	};
	int			level = settings_pin();

	for (int i = 0; i < lengthof(settings); i++)
		(void) set_config_option(settings[i][0], settings[i][1],
								 PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_SAVE, true, 0, false);
	if (scope->timezone != NULL)
		(void) set_config_option("TimeZone", scope->timezone,
								 PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_SAVE, true, 0, false);
	return level;
}

Expr *
compile_filter(FilterScope *scope, const FilterNode *node)
{
	check_stack_depth();

	switch (node->op)
	{
		case FILTER_TRUE:
		case FILTER_FALSE:
			return expr_boolean(node->op == FILTER_TRUE);

		case FILTER_AND:
		case FILTER_OR:
			return compile_list(scope, node);
		case FILTER_NOT:
			return compile_not(compile_filter(scope, node->args[0]));
		case FILTER_AT_LEAST:
			return compile_at_least(scope, node);

		case FILTER_EQ:
		case FILTER_LT:
		case FILTER_LE:
		case FILTER_GT:
		case FILTER_GE:
			{
				static const StrategyNumber strategies[FILTER_OP_COUNT] = {
					[FILTER_EQ] = BTEqualStrategyNumber,
					[FILTER_LT] = BTLessStrategyNumber,
					[FILTER_LE] = BTLessEqualStrategyNumber,
					[FILTER_GT] = BTGreaterStrategyNumber,
					[FILTER_GE] = BTGreaterEqualStrategyNumber,
				};

				return compile_comparison(scope, node,
										  strategies[node->op],
										  compile_operand(scope, node->args[0]),
										  compile_operand(scope, node->args[1]));
			}
		case FILTER_BETWEEN:
			return compile_between(scope, node);
		case FILTER_IN:
			return compile_in(scope, node);

		case FILTER_CONTAINS:
		case FILTER_CONTAINS_ANY:
		case FILTER_CONTAINS_ALL:
			return compile_contains(scope, node);
		case FILTER_STARTS_WITH:
		case FILTER_ENDS_WITH:
		case FILTER_LIKE:
		case FILTER_ILIKE:
		case FILTER_MATCHES:
			return compile_pattern(scope, node);

		case FILTER_IS_SET:
			return compile_is_set(scope, node);
		case FILTER_IS_EMPTY:
			return compile_is_empty(scope, node);
		case FILTER_IS_TRUE:
		case FILTER_IS_FALSE:
			return compile_is(scope, node);

		case FILTER_IN_LAST:
		case FILTER_IN_NEXT:
		case FILTER_MORE_THAN_AGO:
		case FILTER_LESS_THAN_AGO:
		case FILTER_IN_PERIOD:
		case FILTER_BEFORE:
		case FILTER_AFTER:
		case FILTER_ON:
		case FILTER_ANNIVERSARY_TODAY:
		case FILTER_ANNIVERSARY_LAST:
		case FILTER_ANNIVERSARY_NEXT:
		case FILTER_ANNIVERSARY_PERIOD:
			return compile_time(scope, node);

		case FILTER_DID:
			if (scope->aggregate == NULL)
				ereport(ERROR,
						(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						 errmsg("\"did\" cannot be used here"),
						 errhint("Define a trait that counts with segment.create_trait() and use its name."),
						 compile_position(scope, node)));
			return compile_filter(scope, filter_did_as_count(node));
		case FILTER_IN_AUDIENCE:
			if (scope->audience == NULL)
				ereport(ERROR,
						(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						 errmsg("audience \"%s\" cannot be used here", node->text),
						 errdetail("The filter is applied to %s, which is no population.",
								   scope->subject),
						 compile_position(scope, node)));
			return scope->audience(scope, node);
		case FILTER_BUCKET:
			return compile_bucket(scope, node);

		default:
			return compile_boolean(scope, node);
	}
}

static Expr *
compile_list(FilterScope *scope, const FilterNode *node)
{
	List	   *filters = NIL;

	for (int i = 0; i < node->nargs; i++)
		filters = lappend(filters, compile_filter(scope, node->args[i]));
	return makeBoolExpr(node->op == FILTER_AND ? AND_EXPR : OR_EXPR, filters, -1);
}

static Expr *
compile_not(Expr *filter)
{
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
	Oid			type = literal_number_type(filter_node(FILTER_NUMBER, node->text, -1),
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

/* ---- comparisons ---- */

Expr *
compile_comparison(FilterScope *scope, const FilterNode *at,
				   StrategyNumber strategy, Operand left, Operand right)
{
	Oid			lefttype = left.type;
	Oid			righttype = right.type;
	Operand		operands[2];
	Expr	   *result;

	/* a literal that is only a date is that whole day */
	if (right.value == NULL && is_instant(lefttype) && literal_is_day(right.node))
		return time_beside_day(strategy, left.value,
							   literal_day(scope, right.node, left.node));
	if (left.value == NULL && is_instant(righttype) && literal_is_day(left.node))
		return time_beside_day(BTCommuteStrategyNumber(strategy), right.value,
							   literal_day(scope, left.node, right.node));

	/*
	 * Where the operator class compares across types, the column is left
	 * alone, so that an index on it helps: int4 > 3000000000::int8.
	 */
	if (left.value == NULL && right.value != NULL)
		lefttype = left.node->op == FILTER_NUMBER ?
			literal_number_type(left.node, righttype) :
			literal_time_type(left.node, righttype);
	if (right.value == NULL && left.value != NULL)
		righttype = right.node->op == FILTER_NUMBER ?
			literal_number_type(right.node, lefttype) :
			literal_time_type(right.node, lefttype);

	if (OidIsValid(lefttype) && OidIsValid(righttype) &&
		lefttype != JSONBOID && righttype != JSONBOID &&
		(lefttype == righttype ||
		 (lefttype != NUMERICOID && righttype != NUMERICOID &&
		  is_number(lefttype) && is_number(righttype)) ||
		 (is_time(lefttype) && is_time(righttype) &&
		  lefttype != TIMESTAMPTZOID && righttype != TIMESTAMPTZOID)))
	{
		Expr	   *left_value = left.value != NULL ? left.value :
			literal_const(scope, left.node, lefttype, right.node);
		Expr	   *right_value = right.value != NULL ? right.value :
			literal_const(scope, right.node, righttype, left.node);

		result = expr_compare(strategy, left_value, right_value);
		if (result != NULL)
			return result;
	}

	/* else both become one type, as bigint and double precision do */
	operands[0] = left;
	operands[1] = right;
	lefttype = operands_unify(scope, operands, 2);
	result = expr_compare(strategy, operands[0].value, operands[1].value);
	if (result != NULL && scope->planned && lefttype == TIMESTAMPTZOID)
		result = with_limits(scope, result, strategy, left, operands[1].value,
							 right, operands[0].value);
	if (result != NULL)
		return result;

	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("%s is of type %s, which %s",
					describe_operand(scope, left.node), format_type_be(lefttype),
					strategy == BTEqualStrategyNumber ?
					"cannot be compared" : "has no order"),
			 compile_position(scope, left.node)));
}

/*
 * There are implicit casts that fail for some values: where one of the two types is
 * that of such a cast, the type that holds the values of both.
 */
static Oid
wider_of(Oid one, Oid other)
{
	if ((one == OIDOID && other == INT8OID) || (one == INT8OID && other == OIDOID))
		return INT8OID;
	if ((one == MACADDROID && other == MACADDR8OID) ||
		(one == MACADDR8OID && other == MACADDROID))
		return MACADDR8OID;
	return InvalidOid;
}

/*
 * A comparison of two instants, and what follows from it for a column that is a date
 * or a local time, so that an index helps.
 */
static Expr *
with_limits(FilterScope *scope, Expr *comparison, StrategyNumber strategy,
			Operand left, Expr *right_instant, Operand right, Expr *left_instant)
{
	if (left.value != NULL && left.type != TIMESTAMPTZOID && uses_row(left.node))
		return expr_and(time_limits(scope, strategy, left.value, right_instant),
						comparison);
	if (right.value != NULL && right.type != TIMESTAMPTZOID && uses_row(right.node))
		return expr_and(time_limits(scope, BTCommuteStrategyNumber(strategy),
									right.value, left_instant),
						comparison);
	return comparison;
}

/*
 * The type that all operands can be brought to.  Columns decide, what is
 * inside jsonb adapts to them, and literals adapt to both:
 *
 *		orders > 3					int4		-> int4
 *		payload.size > 3			jsonb		-> numeric, if it is a number
 *		coalesce(orders, 1.5)		int4		-> numeric
 *		ordered_at > birthday		timestamptz, date -> local time
 */
static Oid
common_type(FilterScope *scope, Operand *operands, int count)
{
	Oid			common = InvalidOid;
	const FilterNode *who = operands[0].node;
	bool		json = false;

	for (int i = 0; i < count; i++)
	{
		Oid			type = operands[i].type;

		if (operands[i].value == NULL)
			continue;
		if (type == JSONBOID)
		{
			json = true;
			continue;
		}
		if (!OidIsValid(common) || common == type)
		{
			if (!OidIsValid(common))
				who = operands[i].node;
			common = type;
		}
		else if (is_number(common) && is_number(type))
		{
			static const Oid order[] = {INT2OID, INT4OID, INT8OID, NUMERICOID};
			bool		inexact = common == FLOAT4OID || common == FLOAT8OID ||
				type == FLOAT4OID || type == FLOAT8OID;

			for (int j = lengthof(order) - 1; j >= 0; j--)
				if (common == order[j] || type == order[j])
				{
					common = order[j];
					break;
				}
			if (inexact)
				common = FLOAT8OID;
		}
		else if (is_time(common) && is_time(type))
			common = TIMESTAMPOID;
		else if (wider_of(common, type) != InvalidOid)
			common = wider_of(common, type);
		else if (expr_can_coerce(common, type))
			common = type;
		else if (!expr_can_coerce(type, common))
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("%s is of type %s and %s is of type %s",
							describe_operand(scope, who), format_type_be(common),
							describe_operand(scope, operands[i].node),
							format_type_be(type)),
					 errdetail("There is no way to compare the two."),
					 compile_position(scope, operands[i].node)));
	}

	if (json && OidIsValid(common))
	{
		/* never float8, which may be too small for what somebody sent */
		if (is_number(common))
			common = NUMERICOID;
		else if (is_text(common))
			common = TEXTOID;
		else if (common != BOOLOID)
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("%s is of type %s and cannot be compared with a value inside jsonb",
							describe_operand(scope, who), format_type_be(common)),
					 errdetail("There are numbers, text and booleans inside jsonb."),
					 compile_position(scope, who)));
	}

	for (int i = 0; i < count; i++)
	{
		const FilterNode *literal = operands[i].node;

		if (operands[i].value != NULL)
			continue;
		if (!OidIsValid(common))
		{
			who = literal;
			common = literal->op == FILTER_NUMBER ? NUMERICOID :
				literal->op == FILTER_STRING ? TEXTOID : BOOLOID;
		}
		else if (literal->op == FILTER_NUMBER)
		{
			Oid			type = literal_number_type(literal, common);

			/* only ever wider: a small literal does not shrink the others */
			if (type == NUMERICOID || (type == INT8OID && common != NUMERICOID) ||
				(type == INT4OID && common == INT2OID))
				common = type;
		}
		else if (literal_time_type(literal, common) != common)
			common = TIMESTAMPOID;
	}

	return OidIsValid(common) ? common : JSONBOID;
}

Oid
operands_unify(FilterScope *scope, Operand *operands, int count)
{
	Oid			common = common_type(scope, operands, count);
	Oid			collation = InvalidOid;
	const FilterNode *who = operands[0].node;

	/*
	 * What is compared with the clock is an instant, too: seen >= today is seen >=
	 * the first instant of today, and renewal < now, which is a local time, is the
	 * instant that it stands for.  On the clock of a place now would run back.
	 */
	if (common == TIMESTAMPOID && count == 2)
	{
		for (int i = 0; i < 2; i++)
			if (operands[i].type == TIMESTAMPTZOID &&
				operands[1 - i].value != NULL &&
				uses_row(operands[0].node) != uses_row(operands[1].node))
				common = TIMESTAMPTZOID;
	}

	for (int i = 0; i < count; i++)
		if (operands[i].value != NULL)
		{
			who = operands[i].node;
			break;
		}

	for (int i = 0; i < count; i++)
	{
		Operand    *operand = &operands[i];

		if (operand->value == NULL)
			operand->value = literal_const(scope, operand->node, common, who);
		else if (is_time(operand->type) && is_time(common))
			operand->value = time_as(scope, operand->value, common);
		else if (operand->type == JSONBOID && common != JSONBOID)
			operand->value = json_as(operand->value, common);
		else if (is_number(operand->type) && is_number(common))
			operand->value = number_as(operand->value, common);
		else if (operand->type == OIDOID && common == INT8OID)
			operand->value = expr_cast("int8", operand->value);
		else
			operand->value = expr_coerce(operand->value, common);
		operand->type = common;

		/* the first collation that is no default is that of all */
		operand->value = expr_collated(operand->value, collation);
		if (!OidIsValid(collation) || collation == DEFAULT_COLLATION_OID)
			collation = exprCollation((Node *) operand->value);
	}
	return common;
}

/* Inclusive on both sides. */
static Expr *
compile_between(FilterScope *scope, const FilterNode *node)
{
	Operand		operand = compile_operand(scope, node->args[0]);
	Operand		again = operand;

	if (operand.value != NULL)
		again.value = expr_copy(operand.value);
	return expr_and(compile_comparison(scope, node, BTGreaterEqualStrategyNumber,
									   operand,
									   compile_operand(scope, node->args[1])),
					compile_comparison(scope, node, BTLessEqualStrategyNumber,
									   again,
									   compile_operand(scope, node->args[2])));
}

/*
 * One array constant, which the server hashes when it is long.  Inside jsonb
 * there may be numbers, text and booleans, so there is one array for each.
 */
static Expr *
compile_in(FilterScope *scope, const FilterNode *node)
{
	Operand		operand = compile_operand(scope, node->args[0]);
	Expr	   *result = NULL;
	static const struct
	{
		Oid			type;
		FilterOp	op;
		FilterOp	other;
	}			kinds[] = {
		{NUMERICOID, FILTER_NUMBER, FILTER_NUMBER},
		{TEXTOID, FILTER_STRING, FILTER_STRING},
		{BOOLOID, FILTER_TRUE, FILTER_FALSE},
	};

	if (operand.type != JSONBOID)
		return compile_in_list(scope, node, operand, FILTER_NONE, FILTER_NONE);

	for (int i = 0; i < lengthof(kinds); i++)
	{
		Operand		read = operand;
		Expr	   *one;

		read.value = json_as(expr_copy(operand.value), kinds[i].type);
		read.type = kinds[i].type;
		one = compile_in_list(scope, node, read, kinds[i].op, kinds[i].other);
		if (one != NULL)
			result = result == NULL ? one : expr_or(result, one);
	}
	return result;
}

/*
 * The literals of one kind (FILTER_NONE: all), or NULL if there are none.
 */
static Expr *
compile_in_list(FilterScope *scope, const FilterNode *node, Operand operand,
				FilterOp kind, FilterOp other)
{
	Datum	   *values = palloc(sizeof(Datum) * node->nargs);
	int			count = 0;
	bool		found = false;
	Oid			type = operand.type;
	Expr	   *days = NULL;
	Expr	   *result;

	if (is_instant(type))
		days = compile_in_days(scope, node, operand);
	if (operand.value == NULL)
	{
		type = operand.node->op == FILTER_NUMBER ? NUMERICOID :
			operand.node->op == FILTER_STRING ? TEXTOID : BOOLOID;
		operand.value = literal_const(scope, operand.node, type, operand.node);
	}

	/* one time of day among the dates, and all are compared as times */
	for (int i = 1; i < node->nargs; i++)
		if (literal_time_type(node->args[i], type) != type)
		{
			type = TIMESTAMPOID;
			operand.value = time_as(scope, operand.value, type);
		}

	for (int i = 1; i < node->nargs; i++)
	{
		const FilterNode *literal = node->args[i];

		if (kind != FILTER_NONE && literal->op != kind && literal->op != other)
			continue;
		if (days != NULL && literal_is_day(literal))
			continue;
		found = true;
		CHECK_FOR_INTERRUPTS();

		/* an integer never equals a number that its type cannot hold */
		if (literal->op == FILTER_NUMBER && is_number(type) &&
			literal_number_type(literal, type) != type)
		{
			Oid			wanted = literal_number_type(literal, type);

			if (wanted == NUMERICOID || wanted == INT8OID || type == INT2OID)
				continue;
		}
		values[count++] = ((Const *) literal_const(scope, literal, type,
												   operand.node))->constvalue;
	}
	if (!found)
		return days;
	if (count == 0)
		return expr_boolean(false);

	if (count == 1)
		result = expr_compare(BTEqualStrategyNumber, operand.value,
							  expr_const(type, values[0]));
	else
		result = expr_any(operand.value, values, count);
	if (result == NULL)
		refuse_operand(scope, operand.node, type,
					   "of a type that can be compared", NULL);
	return days == NULL ? result : expr_or(days, result);
}

/*
 * Those of the literals that are only a date, or NULL if there are none.  One of them
 * is compared as it is elsewhere; of several, the day is sought among them, between
 * the first and the last, so that an index helps.
 */
static Expr *
compile_in_days(FilterScope *scope, const FilterNode *node, Operand operand)
{
	Datum	   *days = palloc(sizeof(Datum) * node->nargs);
	int			count = 0;
	DateADT		first = DATEVAL_NOEND;
	DateADT		last = DATEVAL_NOBEGIN;
	Expr	   *time = expr_copy(operand.value);

	for (int i = 1; i < node->nargs; i++)
	{
		DateADT		day;

		CHECK_FOR_INTERRUPTS();
		if (!literal_is_day(node->args[i]))
			continue;
		day = literal_day(scope, node->args[i], operand.node);
		days[count++] = DateADTGetDatum(day);
		first = Min(first, day);
		last = Max(last, day);
	}
	if (count == 0)
		return NULL;
	if (count == 1)
		return time_beside_day(BTEqualStrategyNumber, time, first);
	return expr_and(expr_and(time_beside_day(BTGreaterEqualStrategyNumber, time, first),
							 time_beside_day(BTLessEqualStrategyNumber,
											 expr_copy(time), last)),
					expr_any(time_as(scope, expr_copy(time), DATEOID), days, count));
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
		operand.value = expr_nullif(operand.value,
									expr_const(JSONBOID,
											   DirectFunctionCall1(jsonb_in,
																   CStringGetDatum("null"))));
	return expr_is_null(operand.value, false);
}

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
				 errdetail("It divides the profiles of a population by their keys; the filter is applied to %s.",
						   scope->subject),
				 compile_position(scope, node)));
	return expr_compare(strategies[node->detail],
						expr_own_call("bucket", 2, expr_text(node->text),
									  expr_copy(scope->key)),
						literal_const(scope, node->args[0], FLOAT8OID, node));
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
		refuse_operand(scope, node, operand.type, "true or false",
					   psprintf("Compare it with a value, or write: %s is set.",
								filter_print(node)));
	return operand.value;
}

/* ---- operands ---- */

Operand
compile_operand(FilterScope *scope, const FilterNode *node)
{
	Operand		operand = {node, NULL, InvalidOid};

	check_stack_depth();
	if (!is_literal(node))
	{
		operand.value = expr_plain(compile_value(scope, node));
		operand.type = expr_type(operand.value);
	}
	return operand;
}

static Expr *
compile_value(FilterScope *scope, const FilterNode *node)
{
	switch (node->op)
	{
		case FILTER_COLUMN:
			return compile_column(scope, node);
		case FILTER_NOW:
			return time_now(scope, node);
		case FILTER_TODAY:
			return time_today(scope, node);
		case FILTER_SPAN:
			return time_span(scope, node);
		case FILTER_ADD:
		case FILTER_SUBTRACT:
		case FILTER_MULTIPLY:
		case FILTER_DIVIDE:
			return compile_arithmetic(scope, node);
		case FILTER_FUNCTION:
			return compile_function(scope, node);
		case FILTER_AGGREGATE:
			return compile_aggregate(scope, node);
		default:
			elog(ERROR, "filter node %d is not an operand", (int) node->op);
	}
}

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
			 nearest ? errhint("Perhaps you meant: %s", filter_name(nearest)) : 0,
			 compile_position(scope, node)));
}

static Expr *
compile_aggregate(FilterScope *scope, const FilterNode *node)
{
	if (scope->aggregate == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("aggregates cannot be used here"),
				 errdetail("\"%s\" is computed from events.", filter_print(node)),
				 errhint("Define a trait with segment.create_trait() and use its name."),
				 compile_position(scope, node)));
	return scope->aggregate(scope, node);
}

static bool
find_row(const FilterNode *node, void *context)
{
	if (node->op == FILTER_COLUMN || node->op == FILTER_AGGREGATE)
		*(bool *) context = true;
	return true;
}

/* Does the operand differ between rows, or is it a matter of the clock? */
static bool
uses_row(const FilterNode *node)
{
	bool		found = false;

	filter_walk(node, find_row, &found);
	return found;
}

/* ---- arithmetic ---- */

/*
 * Numbers are computed in numeric: integers neither overflow nor lose what is
 * behind the point.  Where a column is float8, so is the result, unless it
 * meets a number inside jsonb, which may be any.  What has no result, as what is
 * divided by zero, is missing: see arithmetic.c.
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
			 errdetail("A span can be added to or subtracted from a time, and a time subtracted from a time."),
			 errhint("A number of days is written with its unit: today + 3 days."),
			 compile_position(scope, node)));
}

/* ---- errors ---- */

char *
describe_operand(FilterScope *scope, const FilterNode *node)
{
	if (node->op == FILTER_COLUMN)
	{
		StringInfoData name;

		initStringInfo(&name);
		appendStringInfo(&name, "%s \"%s", scope->noun, node->text);
		for (int i = 0; i < node->nargs; i++)
			appendStringInfo(&name, ".%s", node->args[i]->text);
		appendStringInfoChar(&name, '"');
		return name.data;
	}
	if (is_literal(node))
		return literal_show(node);
	return psprintf("\"%s\"", filter_print(node));
}

void
refuse_operand(FilterScope *scope, const FilterNode *node, Oid type,
			   const char *wanted, const char *hint)
{
	if (OidIsValid(type))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("%s is of type %s, not %s",
						describe_operand(scope, node), format_type_be(type),
						wanted),
				 hint ? errhint("%s", hint) : 0,
				 compile_position(scope, node)));
	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("%s is not %s", describe_operand(scope, node), wanted),
			 hint ? errhint("%s", hint) : 0,
			 compile_position(scope, node)));
}

int
compile_position(FilterScope *scope, const FilterNode *node)
{
	return filter_position(scope->text, node);
}

int
filter_position(const char *text, const FilterNode *node)
{
	if (text == NULL || node->location < 0 || node->location > strlen(text))
		return 0;
	internalerrquery(text);
	return internalerrposition(pg_mbstrlen_with_len(text, node->location) + 1);
}
