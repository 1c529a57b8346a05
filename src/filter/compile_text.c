/*-------------------------------------------------------------------------
 *
 * compile_text.c
 *	  What does "contains" mean for text, arrays and jsonb?
 *
 *		city contains "haus"			strpos(city, 'haus') > 0
 *		tags contains "vegan"			tags @> '{vegan}'
 *		tags contains any ("a", "b")	tags && '{a,b}'
 *		payload.tags contains "vegan"	payload -> 'tags' @> '"vegan"', or the
 *										text inside a string
 *		city starts with "Aar"			city ^@ 'Aar'
 *
 * Nothing here raises an error at run time: patterns are tried when they are
 * compiled, and values inside jsonb are read by functions of our own which
 * answer "missing" to what they cannot read.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_coerce.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"

#include "filter/compile_private.h"
#include "filter/filter_private.h"

/* Text to search in, and how */
typedef struct Haystack
{
	Expr	   *text;			/* of type text, with a collation for that */
	bool		fold;			/* citext: case does not matter */
} Haystack;

static Haystack haystack(FilterScope *scope, const FilterNode *node,
						 Operand operand);
static Expr *contains_text(FilterScope *scope, Haystack in,
						   const FilterNode *literal);
static Expr *contains_element(FilterScope *scope, const FilterNode *node,
							  Operand array);
static Expr *contains_json(FilterScope *scope, Expr *json,
						   const FilterNode *literal);
static Expr *any_or_all(const FilterNode *node, Expr *so_far, Expr *next);
static void check_like(FilterScope *scope, const FilterNode *literal);
static void check_regex(FilterScope *scope, const FilterNode *literal);
static Datum json_literal(const FilterNode *literal);

/*
 * haystack() returns the operand as text to search in, or raises an error if
 * it cannot be searched.
 */
static Haystack
haystack(FilterScope *scope, const FilterNode *node, Operand operand)
{
	Haystack	result = {NULL, false};
	Oid			collation;

	if (operand.value == NULL)
		operand.value = literal_const(scope, operand.node, TEXTOID,
									  operand.node);
	else if (operand.type == JSONBOID)
		operand.value = json_as(operand.value, TEXTOID);
	else if (is_citext(operand.type))
		result.fold = true;
	else if (!is_text(operand.type))
		refuse_operand(scope, operand.node, operand.type, "text", NULL);

	result.text = expr_coerce(operand.value, TEXTOID);
	collation = exprCollation((Node *) result.text);
	if (OidIsValid(collation) && collation != DEFAULT_COLLATION_OID &&
		!get_collation_isdeterministic(collation))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("%s has collation \"%s\" and cannot be searched",
						describe_operand(scope, operand.node),
						get_collation_name(collation)),
				 errdetail("The collation is nondeterministic, and the server "
						   "does not search text under such a collation."),
				 errhint("Compare the whole text, with = or in, or search a "
						 "column with another collation."),
				 compile_position(scope, operand.node)));
	return result;
}

/* contains, contains any, contains all */
Expr *
compile_contains(FilterScope *scope, const FilterNode *node)
{
	Operand		operand = compile_operand(scope, node->args[0]);
	Expr	   *result = NULL;

	if (operand.value != NULL && OidIsValid(get_element_type(operand.type)))
		return contains_element(scope, node, operand);

	if (operand.type != JSONBOID && operand.value != NULL &&
		!is_text(operand.type))
		refuse_operand(scope, operand.node, operand.type,
					   "text, an array or jsonb", NULL);

	for (int i = 1; i < node->nargs; i++)
	{
		Expr	   *one;

		if (operand.type == JSONBOID)
			one = contains_json(scope, expr_copy(operand.value),
								node->args[i]);
		else
			one = contains_text(scope, haystack(scope, node, operand),
								node->args[i]);
		result = any_or_all(node, result, one);
	}
	return result;
}

/*
 * any_or_all() adds 'next' to the conditions so far, NULL at first, by AND for
 * CONTAINS ALL, else by OR.
 */
static Expr *
any_or_all(const FilterNode *node, Expr *so_far, Expr *next)
{
	BoolExprType type = node->op == FILTER_CONTAINS_ALL ? AND_EXPR : OR_EXPR;

	if (so_far == NULL)
		return next;
	if (is_andclause(so_far) || is_orclause(so_far))
	{
		BoolExpr   *list = (BoolExpr *) so_far;

		/* one flat list: it may be long */
		if (list->boolop == type)
		{
			list->args = lappend(list->args, next);
			return so_far;
		}
	}
	return makeBoolExpr(type, list_make2(so_far, next), -1);
}

/* contains_text() compiles: the literal is part of the text. */
static Expr *
contains_text(FilterScope *scope, Haystack in, const FilterNode *literal)
{
	Expr	   *text = expr_copy(in.text);
	Expr	   *needle;

	if (literal->op != FILTER_STRING)
		refuse_operand(scope, literal, InvalidOid, "text",
					   psprintf("Write it in quotes: \"%s\".",
								literal_show(literal)));
	needle = expr_text(literal->text);
	if (in.fold)
	{
		text = expr_call("lower", 1, text);
		needle = expr_call("lower", 1, needle);
	}
	return expr_operator(">", expr_call("strpos", 2, text, needle),
						 expr_const(INT4OID, Int32GetDatum(0)));
}

/* contains_element() compiles: the literals are elements of the array. */
static Expr *
contains_element(FilterScope *scope, const FilterNode *node, Operand array)
{
	Oid			type = get_element_type(array.type);
	Oid			base = getBaseType(type);
	Datum	   *values = palloc(sizeof(Datum) * node->nargs);
	int			count = 0;
	Expr	   *elements;

	if (expr_compare(BTEqualStrategyNumber,
					 (Expr *) makeNullConst(base, -1, get_typcollation(base)),
					 (Expr *) makeNullConst(base, -1,
											get_typcollation(base))) == NULL)
		refuse_operand(scope, array.node, array.type,
					   "an array of values that can be compared", NULL);

	for (int i = 1; i < node->nargs; i++)
	{
		const FilterNode *literal = node->args[i];

		/* no element equals a number that its type cannot hold */
		if (literal->op == FILTER_NUMBER && is_number(base))
		{
			Oid			wanted = literal_number_type(literal, base);

			if (wanted != base)
			{
				if (node->op == FILTER_CONTAINS_ALL)
					return expr_boolean(false);
				continue;
			}
		}
		/* there is no operator that finds an instant of a day in an array */
		if (is_instant(base) && literal_is_day(literal))
			refuse_operand(scope, literal, InvalidOid, "an instant but a day",
						   psprintf("Write the time of day, too: \"%s "
									"00:00\".",
									literal->text));
		/* and no day is a time of day */
		if (literal_time_type(literal, base) != base)
			refuse_operand(scope, literal, InvalidOid, "a day",
						   "Write the day without a time.");
		values[count++] = ((Const *) literal_const(scope, literal, base,
												   node->args[0]))->constvalue;
	}

	elements = expr_const(array.type, array_datum(values, count, type));
	return expr_array_operator(node->op == FILTER_CONTAINS_ANY ? "&&" : "@>",
							   array.value, elements);
}

/*
 * An array that has the scalar as an element, or a string that has the text
 * in it.
 */
static Expr *
contains_json(FilterScope *scope, Expr *json, const FilterNode *literal)
{
	Expr	   *element = expr_operator("@>", json,
										expr_const(JSONBOID,
												   json_literal(literal)));
	Haystack	in = {NULL, false};

	if (literal->op != FILTER_STRING)
		return element;
	in.text = json_as(expr_copy(json), TEXTOID);
	return expr_or(element, contains_text(scope, in, literal));
}

static Datum
json_literal(const FilterNode *literal)
{
	JsonbValue	value;

	filter_json_literal(literal, &value);
	return JsonbPGetDatum(JsonbValueToJsonb(&value));
}

/* starts with, ends with, like, ilike, matches */
Expr *
compile_pattern(FilterScope *scope, const FilterNode *node)
{
	const FilterNode *literal = node->args[1];
	Haystack	in = haystack(scope, node,
							  compile_operand(scope, node->args[0]));
	Expr	   *text = in.text;
	Expr	   *pattern = expr_text(literal->text);
	Datum		length;

	switch (node->op)
	{
		case FILTER_STARTS_WITH:
		case FILTER_ENDS_WITH:
			if (in.fold)
			{
				text = expr_call("lower", 1, text);
				pattern = expr_call("lower", 1, pattern);
			}
			if (node->op == FILTER_STARTS_WITH)
				return expr_operator("^@", text, pattern);
			length = Int32GetDatum(pg_mbstrlen(literal->text));
			return expr_operator("=",
								 expr_call("right", 2, text,
										   expr_const(INT4OID, length)),
								 pattern);

		case FILTER_LIKE:
		case FILTER_ILIKE:
			check_like(scope, literal);
			if (node->op == FILTER_ILIKE)
				in.fold = true;
			return expr_operator(in.fold ? "~~*" : "~~", text, pattern);

		case FILTER_MATCHES:
			check_regex(scope, literal);
			return expr_operator(in.fold ? "~*" : "~", text, pattern);

		default:
			elog(ERROR, "filter node %d is not a pattern", (int) node->op);
	}
}

/*
 * The server finds a lonely escape at the end of a pattern only when a value
 * matches up to there.
 */
static void
check_like(FilterScope *scope, const FilterNode *literal)
{
	int			escapes = 0;

	for (const char *c = literal->text + strlen(literal->text);
		 c > literal->text && c[-1] == '\\'; c--)
		escapes++;
	if (escapes % 2 == 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_ESCAPE_SEQUENCE),
				 errmsg("pattern \"%s\" ends with an escape character",
						literal->text),
				 errhint("Write \\\\ for a backslash."),
				 compile_position(scope, literal)));
}

/*
 * check_regex() tries a regular expression, so that an error in it is raised
 * now and not at some row.
 */
static void
check_regex(FilterScope *scope, const FilterNode *literal)
{
	MemoryContext context = CurrentMemoryContext;

	PG_TRY();
	{
		(void) DirectFunctionCall2Coll(textregexeq, C_COLLATION_OID,
									   CStringGetTextDatum(""),
									   CStringGetTextDatum(literal->text));
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		if (error->sqlerrcode != ERRCODE_INVALID_REGULAR_EXPRESSION)
			PG_RE_THROW();
		FlushErrorState();
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_REGULAR_EXPRESSION),
				 errmsg("\"%s\" is not a regular expression", literal->text),
				 errdetail("The server says: %s.", error->message),
				 compile_position(scope, literal)));
	}
	PG_END_TRY();
}

/*
 * is empty: missing, or nothing in it.
 */
Expr *
compile_is_empty(FilterScope *scope, const FilterNode *node)
{
	Operand		operand = compile_operand(scope, node->args[0]);
	Expr	   *missing;
	Expr	   *nothing;

	if (operand.value == NULL)
		return expr_boolean(operand.node->op == FILTER_STRING &&
							operand.node->text[0] == '\0');

	missing = expr_is_null(operand.value, true);
	if (OidIsValid(get_element_type(operand.type)))
		nothing = expr_operator("=",
								expr_array_call("cardinality",
												expr_copy(operand.value)),
								expr_const(INT4OID, Int32GetDatum(0)));
	else if (operand.type == JSONBOID)
	{
		static const char *const empties[] = {"null", "\"\"", "[]", "{}"};
		Datum		values[lengthof(empties)];

		for (int i = 0; i < lengthof(empties); i++)
			values[i] = DirectFunctionCall1(jsonb_in,
											CStringGetDatum(empties[i]));
		nothing = expr_any(expr_copy(operand.value), values,
						   lengthof(empties));
	}
	else if (is_text(operand.type))
	{
		Datum		text = operand.type != BPCHAROID ?
			CStringGetTextDatum("") :
			DirectFunctionCall3(bpcharin, CStringGetDatum(""),
								ObjectIdGetDatum(InvalidOid),
								Int32GetDatum(-1));

		nothing = expr_compare(BTEqualStrategyNumber, expr_copy(operand.value),
							   expr_const(operand.type, text));
	}
	else
		return missing;
	return expr_or(missing, nothing);
}
