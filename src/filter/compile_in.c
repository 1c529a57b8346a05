/*-------------------------------------------------------------------------
 *
 * compile_in.c
 *	  Is the operand one of these literals?
 *
 *		city in ("Aarhus", "Odense")		city = ANY ('{Aarhus,Odense}')
 *		seen in ("2026-05-01")				seen >= that day
 *											AND seen < the next
 *		payload.size in (1, "XL")			json_number(...) = 1
 *											OR json_text(...) = 'XL'
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/date.h"

#include "filter/compile_private.h"

static Expr *compile_in_list(FilterScope *scope, const FilterNode *node,
							 Operand operand, FilterOp kind, FilterOp other);
static Expr *compile_in_days(FilterScope *scope, const FilterNode *node,
							 Operand operand);

/*
 * One array constant, which the server hashes when it is long.  Inside jsonb
 * there may be numbers, text and booleans, so there is one array for each.
 */
Expr *
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
 * The condition for the literals that are only a date, or NULL if there are
 * none.  One such literal is compared as elsewhere; of several, the operand
 * lies between the first and the last, so that an index helps, and its day is
 * one of them.
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
	return expr_and(expr_and(time_beside_day(BTGreaterEqualStrategyNumber,
											 time, first),
							 time_beside_day(BTLessEqualStrategyNumber,
											 expr_copy(time), last)),
					expr_any(time_as(scope, expr_copy(time), DATEOID), days,
							 count));
}
