/*-------------------------------------------------------------------------
 *
 * compile_unify.c
 *	  To which type are operands brought that meet?
 *
 *		payload.size > 3			numeric, as which both are read
 *		coalesce(orders, 1.5)		numeric, as 1.5 is no integer
 *		ordered_at > birthday		timestamp, on the calendar of the zone
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "utils/builtins.h"

#include "filter/compile_private.h"

static bool find_row(const FilterNode *node, void *context);
static bool is_beside_clock(const Operand *instant, const Operand *other);
static Expr *operand_as(FilterScope *scope, const Operand *operand, Oid type);
static Oid common_type(FilterScope *scope, const Operand *operands, int count);
static int	hint_beside_time(const FilterNode *first, Oid type,
							 const Operand *other);
static Oid type_of_both(Oid one, Oid other);
static Oid wider_number(Oid one, Oid other);
static Oid type_inside_json(FilterScope *scope, const FilterNode *beside,
							Oid type);
static Oid type_with_literal(Oid common, const FilterNode *literal);

/*
 * operands_unify() brings all operands to one type, which it returns.
 */
Oid
operands_unify(FilterScope *scope, Operand *operands, int count)
{
	Oid			type = common_type(scope, operands, count);
	Oid			collation = InvalidOid;
	const FilterNode *against = operands[0].node;

	if (count == 2 && type == TIMESTAMPOID &&
		(is_beside_clock(&operands[0], &operands[1]) ||
		 is_beside_clock(&operands[1], &operands[0])))
		type = TIMESTAMPTZOID;

	for (int i = 0; i < count; i++)
		if (operands[i].value != NULL)
		{
			against = operands[i].node;
			break;
		}

	for (int i = 0; i < count; i++)
	{
		Operand    *operand = &operands[i];

		operand->value = operand->value == NULL ?
			literal_const(scope, operand->node, type, against) :
			operand_as(scope, operand, type);
		operand->type = type;

		/* the first collation that is no default is that of all */
		operand->value = expr_collated(operand->value, collation);
		if (!OidIsValid(collation) || collation == DEFAULT_COLLATION_OID)
			collation = exprCollation((Node *) operand->value);
	}
	return type;
}

/*
 * is_beside_clock() says whether one of the operands is an instant and only
 * one of the two depends on the row.  Then the other is the clock or a
 * constant, and both are compared as instants:
 *
 *		seen >= today		seen >= the first instant of today
 *		renewal < now		the instant that the local time stands for < now
 *
 * On the clock of a town, now would run back once a year.
 */
static bool
is_beside_clock(const Operand *instant, const Operand *other)
{
	return instant->type == TIMESTAMPTZOID && other->value != NULL &&
		operand_uses_row(instant->node) != operand_uses_row(other->node);
}

/* The value of an operand that is no literal as a value of this type. */
static Expr *
operand_as(FilterScope *scope, const Operand *operand, Oid type)
{
	if (is_time(operand->type) && is_time(type))
		return time_as(scope, operand->value, type);
	if (operand->type == JSONBOID && type != JSONBOID)
		return json_as(operand->value, type);
	if (is_number(operand->type) && is_number(type))
		return number_as(operand->value, type);
	if (operand->type == OIDOID && type == INT8OID)
		return expr_cast("int8", operand->value);
	return expr_coerce(operand->value, type);
}

/*
 * common_type() returns the type that all operands can be brought to.
 * Columns decide, what is inside jsonb adapts to them, and literals adapt to
 * both:
 *
 *		orders > 3					int4		-> int4
 *		payload.size > 3			jsonb		-> numeric, if it is a number
 *		coalesce(orders, 1.5)		int4		-> numeric
 *		ordered_at > birthday		timestamptz, date -> local time
 */
static Oid
common_type(FilterScope *scope, const Operand *operands, int count)
{
	const FilterNode *first = NULL;
	bool		json = false;
	Oid			common = InvalidOid;

	for (int i = 0; i < count; i++)
	{
		Oid			both;

		if (operands[i].value == NULL)
			continue;
		if (operands[i].type == JSONBOID)
		{
			json = true;
			continue;
		}
		if (first == NULL)
		{
			first = operands[i].node;
			common = operands[i].type;
			continue;
		}
		both = type_of_both(common, operands[i].type);
		if (!OidIsValid(both))
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("%s is of type %s and %s is of type %s",
							describe_operand(scope, first),
							format_type_be(common),
							describe_operand(scope, operands[i].node),
							format_type_be(operands[i].type)),
					 errdetail("There is no way to compare the two."),
					 hint_beside_time(first, common, &operands[i]),
					 compile_position(scope, operands[i].node)));
		common = both;
	}
	if (json && OidIsValid(common))
		common = type_inside_json(scope, first, common);
	for (int i = 0; i < count; i++)
		if (operands[i].value == NULL)
			common = type_with_literal(common, operands[i].node);
	return OidIsValid(common) ? common : JSONBOID;
}

/*
 * hint_beside_time() is the hint for a span, or a date without quotes, that is
 * compared with a time.
 */
static int
hint_beside_time(const FilterNode *first, Oid type, const Operand *other)
{
	if (!is_time(type))
		return 0;
	if (other->node->op == FILTER_SPAN)
		return errhint("Write, for example: %s more than %s ago",
					   filter_print(first), filter_print(other->node));
	if (other->node->op == FILTER_SUBTRACT ||
		other->node->op == FILTER_DIVIDE)
		return errhint("Write a date in quotes, such as \"2026-05-01\".");
	return 0;
}

/*
 * The type that holds the values of both types; InvalidOid if there is none.
 */
static Oid
type_of_both(Oid one, Oid other)
{
	if (one == other)
		return one;
	if (is_number(one) && is_number(other))
		return wider_number(one, other);
	if (is_time(one) && is_time(other))
		return TIMESTAMPOID;

	/* the server's implicit casts between these fail for some values */
	if ((one == OIDOID && other == INT8OID) ||
		(one == INT8OID && other == OIDOID))
		return INT8OID;
	if ((one == MACADDROID && other == MACADDR8OID) ||
		(one == MACADDR8OID && other == MACADDROID))
		return MACADDR8OID;

	if (expr_can_coerce(one, other))
		return other;
	return expr_can_coerce(other, one) ? one : InvalidOid;
}

/* The wider of two types of numbers, double precision beside any float. */
static Oid
wider_number(Oid one, Oid other)
{
	static const Oid exact[] = {NUMERICOID, INT8OID, INT4OID, INT2OID};

	if (one == FLOAT4OID || one == FLOAT8OID ||
		other == FLOAT4OID || other == FLOAT8OID)
		return FLOAT8OID;
	for (int i = 0; i < lengthof(exact); i++)
		if (one == exact[i] || other == exact[i])
			return exact[i];
	return InvalidOid;
}

/*
 * type_inside_json() returns the type as which values inside jsonb are read
 * beside an operand, 'beside', of this type.
 */
static Oid
type_inside_json(FilterScope *scope, const FilterNode *beside, Oid type)
{
	/* never float8: a number in jsonb may be beyond its range */
	if (is_number(type))
		return NUMERICOID;
	if (is_text(type))
		return TEXTOID;
	if (type == BOOLOID)
		return BOOLOID;
	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("%s is of type %s and cannot be compared with a value "
					"inside jsonb",
					describe_operand(scope, beside), format_type_be(type)),
			 errdetail("There are numbers, text and booleans inside jsonb."),
			 compile_position(scope, beside)));
}

/*
 * type_with_literal() returns the type that takes the literal, too.  'common'
 * is that of the operands before it, InvalidOid if there are none.
 */
static Oid
type_with_literal(Oid common, const FilterNode *literal)
{
	if (!OidIsValid(common))
		return literal->op == FILTER_NUMBER ? NUMERICOID :
			literal->op == FILTER_STRING ? TEXTOID : BOOLOID;
	if (literal->op == FILTER_NUMBER)
	{
		Oid			type = literal_number_type(literal, common);

		/* only ever wider: a small literal does not shrink the others */
		return type == NUMERICOID ||
			(type == INT8OID && common != NUMERICOID) ||
			(type == INT4OID && common == INT2OID) ? type : common;
	}
	return literal_time_type(literal, common) != common ?
		TIMESTAMPOID : common;
}

bool
operand_uses_row(const FilterNode *node)
{
	bool		found = false;

	filter_walk(node, find_row, &found);
	return found;
}

static bool
find_row(const FilterNode *node, void *context)
{
	if (filter_reads_row(node))
		*(bool *) context = true;
	return true;
}
