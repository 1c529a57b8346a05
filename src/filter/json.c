/*-------------------------------------------------------------------------
 *
 * json.c
 *	  How does a filter look to a query builder?
 *
 *		city in ("Aarhus", "Odense") and not (orders > 3)
 *
 *		{"combinator": "and", "not": false, "rules": [
 *			{"field": "city", "operator": "in", "value": ["Aarhus", "Odense"]},
 *			{"combinator": "and", "not": true, "rules": [
 *				{"field": "orders", "operator": ">", "value": 3}]}]}
 *
 * This is the rule tree that react-querybuilder and its kin exchange.  What
 * that form cannot say has keys of its own:
 *
 *		"operand": "a + 1"			the left side, when it is no plain column
 *		"valueSource": "field"		"value" names a column
 *		"valueSource": "operand"	"value" is the text of an operand
 *		"operator": "holds"			the left side is itself the answer
 *		{"constant": true}
 *		{"combinator": "atLeast", "count": 2, "rules": [...]}
 *		{"did": "order", "not": true, "where": {...}, "atLeast": 3,
 *		 "window": "in last 30 days"}	also "atMost", "exactly"
 *		{"did": "open", "of": {"field": "campaign", "operator": "=",
 *		 "value": "spring"}}			or an array of such rules
 *		{"audience": "vip", "operator": "in"}
 *		{"bucket": "salt", "operator": "<", "value": 10}
 *
 * Every filter survives the way there and back; the way back is in
 * json_read.c.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/numeric.h"

#include "base/base.h"
#include "filter/json_private.h"

SEGMENT_FUNCTION(segment_filter_to_jsonb);

const char *const filter_json_times[] = {
	[FILTER_TIMES_ANY] = "",
	[FILTER_TIMES_AT_LEAST] = "atLeast",
	[FILTER_TIMES_AT_MOST] = "atMost",
	[FILTER_TIMES_EXACTLY] = "exactly",
};

static void write_root(JsonbParseState **state, const FilterNode *node);
static void write_filter(JsonbParseState **state, const FilterNode *node);
static void write_group(JsonbParseState **state, const FilterNode *node,
						bool negated, int nrules, FilterNode **rules);
static void write_did(JsonbParseState **state, const FilterNode *node,
					  bool negated);
static const FilterNode *write_of(JsonbParseState **state,
								  const FilterNode *of);
static void write_rule(JsonbParseState **state, const FilterNode *node,
					   bool negated);
static void write_left(JsonbParseState **state, const FilterNode *operand);
static void write_right(JsonbParseState **state, int nvalues,
						FilterNode **values, bool as_array);
static void write_literal(JsonbParseState **state, const FilterNode *literal,
						  JsonbIteratorToken as);
static void write_key(JsonbParseState **state, const char *key);
static void write_string(JsonbParseState **state, const char *key,
						 const char *text);
static void write_number(JsonbParseState **state, const char *key,
						 const char *text);
static void write_bool(JsonbParseState **state, const char *key, bool value);
static char *field_of(const FilterNode *operand);

/* filter -> jsonb */
Datum
segment_filter_to_jsonb(PG_FUNCTION_ARGS)
{
	FilterNode *node = filter_unpack(PG_GETARG_FILTER_PP(0));
	JsonbParseState *state = NULL;
	JsonbValue	object;
	JsonbValue *result;

	/* the outermost object is closed last, and then is the result */
	pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
	write_root(&state, node);
	result = pushJsonbValue(&state, WJB_END_ARRAY, NULL);
	object = result->val.array.elems[0];
	PG_RETURN_JSONB_P(JsonbValueToJsonb(&object));
}

/* A builder starts from a group, even if it holds one rule only. */
static void
write_root(JsonbParseState **state, const FilterNode *node)
{
	const FilterNode *filter = (node->op == FILTER_NOT) ? node->args[0] : node;
	FilterNode *rules[1];

	rules[0] = (FilterNode *) node;
	if (filter->op == FILTER_AND || filter->op == FILTER_OR ||
		filter->op == FILTER_AT_LEAST ||
		(filter != node && filter_ops[filter->op].negated == NULL))
		write_filter(state, node);
	else
		write_group(state, NULL, false, 1, rules);
}

/* write_filter() writes a filter as a member of a group. */
static void
write_filter(JsonbParseState **state, const FilterNode *node)
{
	bool		negated = (node->op == FILTER_NOT);
	const FilterNode *filter = negated ? node->args[0] : node;
	FilterNode *rules[1];

	check_stack_depth();
	CHECK_FOR_INTERRUPTS();

	if (filter->op == FILTER_AND || filter->op == FILTER_OR ||
		filter->op == FILTER_AT_LEAST)
		write_group(state, filter, negated, filter->nargs, filter->args);
	else if (negated && filter_ops[filter->op].negated == NULL)
	{
		/* a rule has no "not": put it into a group that has */
		rules[0] = (FilterNode *) filter;
		write_group(state, NULL, true, 1, rules);
	}
	else if (filter->op == FILTER_DID)
		write_did(state, filter, negated);
	else
		write_rule(state, filter, negated);
}

/* 'node' is NULL for a group that is no connective in the tree. */
static void
write_group(JsonbParseState **state, const FilterNode *node, bool negated,
			int nrules, FilterNode **rules)
{
	pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	write_string(state, "combinator",
				 filter_ops[node == NULL ? FILTER_AND : node->op].json);
	if (node != NULL && node->op == FILTER_AT_LEAST)
		write_number(state, "count", node->text);
	write_bool(state, "not", negated);
	write_key(state, "rules");
	pushJsonbValue(state, WJB_BEGIN_ARRAY, NULL);
	for (int i = 0; i < nrules; i++)
		write_filter(state, rules[i]);
	pushJsonbValue(state, WJB_END_ARRAY, NULL);
	pushJsonbValue(state, WJB_END_OBJECT, NULL);
}

/* write_did() writes "did" as a rule with keys of our own. */
static void
write_did(JsonbParseState **state, const FilterNode *node, bool negated)
{
	const FilterNode *where;

	pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	write_string(state, "did", node->args[0]->text);
	if (negated)
		write_bool(state, "not", true);
	where = write_of(state, node->args[1]);
	if (where->op != FILTER_NONE)
	{
		write_key(state, "where");
		write_root(state, where);
	}
	if (node->detail != FILTER_TIMES_ANY)
		write_number(state, filter_json_times[node->detail], node->text);
	if (node->args[2]->op != FILTER_NONE)
		write_string(state, "window", filter_print(node->args[2]));
	pushJsonbValue(state, WJB_END_OBJECT, NULL);
}

/*
 * write_of() writes the conditions of OF as rules, and returns the filter that
 * is left.
 */
static const FilterNode *
write_of(JsonbParseState **state, const FilterNode *of)
{
	bool		several = of->op == FILTER_OF && of->args[2]->op == FILTER_OF;

	if (of->op != FILTER_OF)
		return of;
	write_key(state, "of");
	if (several)
		pushJsonbValue(state, WJB_BEGIN_ARRAY, NULL);
	for (; of->op == FILTER_OF; of = of->args[2])
	{
		FilterNode	equal = {FILTER_EQ, .nargs = 2, .args = of->args};

		write_rule(state, &equal, false);
	}
	if (several)
		pushJsonbValue(state, WJB_END_ARRAY, NULL);
	return of;
}

/* write_rule() writes a condition, or its NOT, as a rule. */
static void
write_rule(JsonbParseState **state, const FilterNode *node, bool negated)
{
	const FilterOpInfo *info = &filter_ops[node->op];

	pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);

	if (node->op == FILTER_TRUE || node->op == FILTER_FALSE)
		write_bool(state, "constant", node->op == FILTER_TRUE);
	else if (node->op == FILTER_IN_AUDIENCE)
	{
		write_string(state, "audience", node->text);
		write_string(state, "operator",
					 negated ? filter_ops[FILTER_IN].json_negated :
					 filter_ops[FILTER_IN].json);
	}
	else if (node->op == FILTER_BUCKET)
	{
		write_string(state, "bucket", node->text);
		write_string(state, "operator", filter_compares[node->detail]);
		write_number(state, "value", node->args[0]->text);
	}
	else if (op_is(node, KIND_OPERAND))
	{
		write_left(state, node);
		write_string(state, "operator", FILTER_JSON_HOLDS);
	}
	else
	{
		write_left(state, node->args[0]);
		write_string(state, "operator",
					 negated ? info->json_negated : info->json);
		if (info->detail != DETAIL_ZERO)
			write_string(state, "value", filter_period_words(node->detail));
		else if (node->nargs > 1 && node->args[1]->op == FILTER_SPAN &&
				 filter_arg_kinds(node->op, 1) == KIND_SPAN)
			write_string(state, "value", filter_print(node->args[1]));
		else if (node->nargs > 1)
			write_right(state, node->nargs - 1, node->args + 1,
						info->max_args != 2);
	}

	pushJsonbValue(state, WJB_END_OBJECT, NULL);
}

static void
write_left(JsonbParseState **state, const FilterNode *operand)
{
	char	   *field = field_of(operand);

	if (field != NULL)
		write_string(state, "field", field);
	else
		write_string(state, "operand", filter_print(operand));
}

/* Literals as they are, columns as fields, all else as text. */
static void
write_right(JsonbParseState **state, int nvalues, FilterNode **values,
			bool as_array)
{
	bool		literals = true;
	bool		fields = true;

	for (int i = 0; i < nvalues; i++)
	{
		literals &= op_is(values[i], KIND_LITERAL);
		fields &= (field_of(values[i]) != NULL);
	}
	if (!literals)
		write_string(state, "valueSource", fields ? "field" : "operand");

	write_key(state, "value");
	if (as_array)
		pushJsonbValue(state, WJB_BEGIN_ARRAY, NULL);
	for (int i = 0; i < nvalues; i++)
	{
		JsonbIteratorToken as = as_array ? WJB_ELEM : WJB_VALUE;
		FilterNode	text = {FILTER_STRING};

		if (literals)
			write_literal(state, values[i], as);
		else
		{
			text.text = fields ? field_of(values[i]) : filter_print(values[i]);
			write_literal(state, &text, as);
		}
	}
	if (as_array)
		pushJsonbValue(state, WJB_END_ARRAY, NULL);
}

static void
write_literal(JsonbParseState **state, const FilterNode *literal,
			  JsonbIteratorToken as)
{
	JsonbValue	value;

	filter_json_literal(literal, &value);
	pushJsonbValue(state, as, &value);
}

void
filter_json_literal(const FilterNode *literal, JsonbValue *value)
{
	Datum		number;

	switch (literal->op)
	{
		case FILTER_TRUE:
		case FILTER_FALSE:
			value->type = jbvBool;
			value->val.boolean = (literal->op == FILTER_TRUE);
			break;
		case FILTER_NUMBER:
			number = DirectFunctionCall3(numeric_in,
										 CStringGetDatum(literal->text),
										 ObjectIdGetDatum(InvalidOid),
										 Int32GetDatum(-1));
			value->type = jbvNumeric;
			value->val.numeric = DatumGetNumeric(number);
			break;
		default:
			value->type = jbvString;
			value->val.string.val = literal->text;
			value->val.string.len = strlen(literal->text);
			break;
	}
}

static void
write_key(JsonbParseState **state, const char *key)
{
	JsonbValue	value;

	value.type = jbvString;
	value.val.string.val = (char *) key;
	value.val.string.len = strlen(key);
	pushJsonbValue(state, WJB_KEY, &value);
}

static void
write_string(JsonbParseState **state, const char *key, const char *text)
{
	FilterNode	literal = {FILTER_STRING};

	literal.text = (char *) text;
	write_key(state, key);
	write_literal(state, &literal, WJB_VALUE);
}

static void
write_number(JsonbParseState **state, const char *key, const char *text)
{
	FilterNode	literal = {FILTER_NUMBER};

	literal.text = (char *) text;
	write_key(state, key);
	write_literal(state, &literal, WJB_VALUE);
}

static void
write_bool(JsonbParseState **state, const char *key, bool flag)
{
	FilterNode	literal = {flag ? FILTER_TRUE : FILTER_FALSE};

	write_key(state, key);
	write_literal(state, &literal, WJB_VALUE);
}

/*
 * A column as the name of a field, "data.plan"; NULL if it cannot be one, or
 * would be taken for no choice of a field.
 */
static char *
field_of(const FilterNode *operand)
{
	StringInfoData out;

	if (operand->op != FILTER_COLUMN || strchr(operand->text, '.') != NULL ||
		strcmp(operand->text, JSON_PLACEHOLDER) == 0)
		return NULL;
	initStringInfo(&out);
	appendStringInfoString(&out, operand->text);
	for (int i = 0; i < operand->nargs; i++)
	{
		if (strchr(operand->args[i]->text, '.') != NULL)
			return NULL;
		appendStringInfo(&out, ".%s", operand->args[i]->text);
	}
	return out.data;
}
