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
 *		{"audience": "vip", "operator": "in"}
 *		{"bucket": "salt", "operator": "<", "value": 10}
 *
 * Every filter survives the way there and back.  On the way in we also take
 * what builders emit and we would not: lists as text with commas, the
 * operators and the "condition" of jQuery QueryBuilder, ids and other keys
 * without a meaning here.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"

#include "base/base.h"
#include "filter/filter_private.h"

SEGMENT_FUNCTION(segment_filter_to_jsonb);

/* Where we are in the value that is read, for errors: $.rules[2].where */
typedef struct Place
{
	const struct Place *parent;
	const char *key;
	int			index;			/* -1 if the key has no elements */
} Place;

/* Operators of jQuery QueryBuilder; ours stand in filter_ops. */
static const struct
{
	const char *word;
	FilterOp	op;
	bool		negated;
}			other_operators[] = {
	{"equal", FILTER_EQ, false},
	{"not_equal", FILTER_EQ, true},
	{"in", FILTER_IN, false},
	{"not_in", FILTER_IN, true},
	{"less", FILTER_LT, false},
	{"less_or_equal", FILTER_LE, false},
	{"greater", FILTER_GT, false},
	{"greater_or_equal", FILTER_GE, false},
	{"between", FILTER_BETWEEN, false},
	{"not_between", FILTER_BETWEEN, true},
	{"begins_with", FILTER_STARTS_WITH, false},
	{"not_begins_with", FILTER_STARTS_WITH, true},
	{"contains", FILTER_CONTAINS, false},
	{"not_contains", FILTER_CONTAINS, true},
	{"ends_with", FILTER_ENDS_WITH, false},
	{"not_ends_with", FILTER_ENDS_WITH, true},
	{"is_empty", FILTER_IS_EMPTY, false},
	{"is_not_empty", FILTER_IS_EMPTY, true},
	{"is_null", FILTER_IS_SET, true},
	{"is_not_null", FILTER_IS_SET, false},
};

/* the key of DID's count, by FilterTimes */
static const char *const times_keys[] = {
	[FILTER_TIMES_ANY] = "",
	[FILTER_TIMES_AT_LEAST] = "atLeast",
	[FILTER_TIMES_AT_MOST] = "atMost",
	[FILTER_TIMES_EXACTLY] = "exactly",
};

#define OPERATOR_HOLDS	"holds"

static void write_root(JsonbParseState **state, const FilterNode *node);
static void write_filter(JsonbParseState **state, const FilterNode *node);
static void write_group(JsonbParseState **state, const FilterNode *node,
						bool negated, int nrules, FilterNode **rules);
static void write_did(JsonbParseState **state, const FilterNode *node, bool negated);
static void write_rule(JsonbParseState **state, const FilterNode *node, bool negated);
static void write_left(JsonbParseState **state, const FilterNode *operand);
static void write_right(JsonbParseState **state, int nvalues, FilterNode **values,
						bool as_array);
static void write_literal(JsonbParseState **state, const FilterNode *literal,
						  JsonbIteratorToken as);
static void write_key(JsonbParseState **state, const char *key);
static void write_string(JsonbParseState **state, const char *key, const char *text);
static void write_number(JsonbParseState **state, const char *key, const char *text);
static void write_bool(JsonbParseState **state, const char *key, bool value);
static char *field_of(const FilterNode *operand);

static FilterNode *read_filter(JsonbContainer *json, const Place *place);
static FilterNode *read_group(JsonbContainer *json, const Place *place);
static FilterNode *read_did(JsonbContainer *json, const Place *place);
static FilterNode *read_audience(JsonbContainer *json, const Place *place);
static FilterNode *read_bucket(JsonbContainer *json, const Place *place);
static FilterNode *read_rule(JsonbContainer *json, const Place *place);
static FilterOp read_operator(JsonbContainer *json, const Place *place, bool *negated);
static FilterNode *read_left(JsonbContainer *json, const Place *place);
static List *read_values(JsonbContainer *json, const Place *place, uint16 kind,
						 bool several, bool commas);
static FilterNode *read_value(JsonbValue *value, const Place *place, uint16 kind,
							  const char *source);
static List *split_commas(const char *text);
static FilterNode *read_part(const char *text, uint16 kind, const Place *place);
static FilterNode *read_field(const char *text, const Place *place);
static int	read_period(const char *text, const Place *place);
static char *read_count(JsonbValue *value, const Place *place, const char *key);
static bool read_flag(JsonbContainer *json, const Place *place, const char *key);
static char *read_text(JsonbContainer *json, const Place *place, const char *key);
static JsonbValue *find(JsonbContainer *json, const char *key);
static FilterNode *checked(FilterNode *node, const Place *place);
static void refuse(const Place *place, const char *detail) pg_attribute_noreturn();
static char *print_place(const Place *place);
static void say_place(void *arg);

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

static void
write_did(JsonbParseState **state, const FilterNode *node, bool negated)
{
	pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	write_string(state, "did", node->args[0]->text);
	if (negated)
		write_bool(state, "not", true);
	if (node->args[1]->op != FILTER_NONE)
	{
		write_key(state, "where");
		write_root(state, node->args[1]);
	}
	if (node->detail != FILTER_TIMES_ANY)
		write_number(state, times_keys[node->detail], node->text);
	if (node->args[2]->op != FILTER_NONE)
		write_string(state, "window", filter_print(node->args[2]));
	pushJsonbValue(state, WJB_END_OBJECT, NULL);
}

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
		write_string(state, "operator", negated ? filter_ops[FILTER_IN].json_negated :
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
		write_string(state, "operator", OPERATOR_HOLDS);
	}
	else
	{
		write_left(state, node->args[0]);
		write_string(state, "operator", negated ? info->json_negated : info->json);
		if (info->detail != DETAIL_ZERO)
			write_string(state, "value",
						 psprintf("%s %s",
								  filter_whiches[FILTER_PERIOD_WHICH(node->detail)],
								  filter_units[FILTER_PERIOD_UNIT(node->detail)]));
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
write_right(JsonbParseState **state, int nvalues, FilterNode **values, bool as_array)
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
write_literal(JsonbParseState **state, const FilterNode *literal, JsonbIteratorToken as)
{
	JsonbValue	value;

	switch (literal->op)
	{
		case FILTER_TRUE:
		case FILTER_FALSE:
			value.type = jbvBool;
			value.val.boolean = (literal->op == FILTER_TRUE);
			break;
		case FILTER_NUMBER:
			value.type = jbvNumeric;
			value.val.numeric =
				DatumGetNumeric(DirectFunctionCall3(numeric_in,
													CStringGetDatum(literal->text),
													ObjectIdGetDatum(InvalidOid),
													Int32GetDatum(-1)));
			break;
		default:
			value.type = jbvString;
			value.val.string.val = literal->text;
			value.val.string.len = strlen(literal->text);
			break;
	}
	pushJsonbValue(state, as, &value);
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

/* A column as the name of a field, "data.plan"; NULL if it cannot be one. */
static char *
field_of(const FilterNode *operand)
{
	StringInfoData out;

	if (operand->op != FILTER_COLUMN || strchr(operand->text, '.') != NULL)
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

/* jsonb -> filter */
FilterNode *
filter_from_json(JsonbContainer *json)
{
	Place		place = {NULL, "$", -1};

	return read_filter(json, &place);
}

static FilterNode *
read_filter(JsonbContainer *json, const Place *place)
{
	JsonbValue *constant;

	check_stack_depth();
	CHECK_FOR_INTERRUPTS();

	if (!JsonContainerIsObject(json))
		refuse(place, "Expected an object with \"rules\" or with \"field\".");
	if (find(json, "rules") != NULL)
		return read_group(json, place);
	if (find(json, "did") != NULL)
		return read_did(json, place);
	if (find(json, "audience") != NULL)
		return read_audience(json, place);
	if (find(json, "bucket") != NULL)
		return read_bucket(json, place);
	constant = find(json, "constant");
	if (constant != NULL)
	{
		if (constant->type != jbvBool)
			refuse(place, "\"constant\" is not true or false.");
		return filter_node(constant->val.boolean ? FILTER_TRUE : FILTER_FALSE,
						   NULL, -1);
	}
	return read_rule(json, place);
}

static FilterNode *
read_group(JsonbContainer *json, const Place *place)
{
	JsonbValue *rules = find(json, "rules");
	char	   *combinator = read_text(json, place, "combinator");
	FilterOp	op;
	List	   *filters = NIL;
	FilterNode *node;
	int			nrules;

	if (combinator == NULL)
		combinator = read_text(json, place, "condition");
	if (combinator == NULL)
		combinator = "and";
	if (pg_strcasecmp(combinator, filter_ops[FILTER_AND].json) == 0)
		op = FILTER_AND;
	else if (pg_strcasecmp(combinator, filter_ops[FILTER_OR].json) == 0)
		op = FILTER_OR;
	else if (strcmp(combinator, filter_ops[FILTER_AT_LEAST].json) == 0)
		op = FILTER_AT_LEAST;
	else
		refuse(place, psprintf("Combinator \"%s\" is none of \"and\", \"or\" and \"atLeast\".",
							   combinator));

	if (rules->type != jbvBinary || !JsonContainerIsArray(rules->val.binary.data))
		refuse(place, "\"rules\" is not an array.");
	nrules = JsonContainerSize(rules->val.binary.data);
	for (int i = 0; i < nrules; i++)
	{
		JsonbValue *rule = getIthJsonbValueFromContainer(rules->val.binary.data, i);
		Place		inner = {place, "rules", i};

		if (rule->type != jbvBinary)
			refuse(&inner, "Expected an object with \"rules\" or with \"field\".");
		filters = lappend(filters, read_filter(rule->val.binary.data, &inner));
	}

	if (op == FILTER_AT_LEAST)
	{
		FilterNode **args = palloc_array(FilterNode *, nrules + 1);
		ListCell   *lc;

		nrules = 0;
		foreach(lc, filters)
			args[nrules++] = lfirst(lc);
		node = filter_node_with(op, read_count(find(json, "count"), place, "count"),
								-1, nrules, args);
		node = checked(node, place);
	}
	else if (filters == NIL)
		node = filter_node(FILTER_TRUE, NULL, -1);	/* a builder's first state */
	else
		node = filter_combine(op, filters);
	return read_flag(json, place, "not") ? filter_negate(node) : node;
}

static FilterNode *
read_did(JsonbContainer *json, const Place *place)
{
	FilterNode **args = palloc_array(FilterNode *, 3);
	FilterNode *node = filter_node_with(FILTER_DID, NULL, -1, 3, args);
	JsonbValue *where = find(json, "where");
	char	   *window = read_text(json, place, "window");

	args[0] = checked(filter_node(FILTER_WORD, read_text(json, place, "did"), -1), place);
	args[1] = args[2] = filter_node(FILTER_NONE, NULL, -1);
	if (where != NULL)
	{
		Place		inner = {place, "where", -1};

		if (where->type != jbvBinary)
			refuse(&inner, "Expected an object with \"rules\" or with \"field\".");
		args[1] = read_filter(where->val.binary.data, &inner);
	}
	if (window != NULL)
		args[2] = read_part(window, KIND_WINDOW, place);

	for (int times = FILTER_TIMES_AT_LEAST; times <= FILTER_TIMES_EXACTLY; times++)
	{
		JsonbValue *count = find(json, times_keys[times]);

		if (count == NULL)
			continue;
		if (node->text != NULL)
			refuse(place, "There is more than one of \"atLeast\", \"atMost\" and \"exactly\".");
		node->text = read_count(count, place, times_keys[times]);
		node->detail = times;
	}
	if (node->detail == FILTER_TIMES_AT_LEAST && strcmp(node->text, "1") == 0)
	{
		node->detail = FILTER_TIMES_ANY;
		node->text = NULL;
	}
	node = checked(node, place);
	return read_flag(json, place, "not") ? filter_negate(node) : node;
}

static FilterNode *
read_audience(JsonbContainer *json, const Place *place)
{
	FilterNode *node = filter_node(FILTER_IN_AUDIENCE,
								   read_text(json, place, "audience"), -1);
	bool		negated;

	if (read_operator(json, place, &negated) != FILTER_IN)
		refuse(place, "The operator of \"audience\" is none of \"in\" and \"notIn\".");
	node = checked(node, place);
	return negated ? filter_negate(node) : node;
}

static FilterNode *
read_bucket(JsonbContainer *json, const Place *place)
{
	FilterNode **args = palloc_array(FilterNode *, 1);
	FilterNode *node = filter_node_with(FILTER_BUCKET, read_text(json, place, "bucket"),
										-1, 1, args);
	char	   *operator = read_text(json, place, "operator");
	int			compare = operator == NULL ? -1 :
	filter_find_word(filter_compares, operator);

	if (compare < 0)
		refuse(place, "The operator of \"bucket\" is none of \"<\", \"<=\", \">\" and \">=\".");
	node->detail = compare;
	args[0] = linitial(read_values(json, place, KIND_LITERAL, false, false));
	if (args[0]->op != FILTER_NUMBER)
		refuse(place, "\"value\" is not a number.");
	return checked(node, place);
}

static FilterNode *
read_rule(JsonbContainer *json, const Place *place)
{
	FilterNode *left = read_left(json, place);
	bool		negated;
	FilterOp	op = read_operator(json, place, &negated);
	const FilterOpInfo *info = &filter_ops[op];
	List	   *values = NIL;
	FilterNode **args;
	FilterNode *node;
	int			nargs = 0;
	ListCell   *lc;

	if (op == FILTER_NONE)
	{
		/* "holds" */
		if (!op_is(left, KIND_FILTER))
			refuse(place, "An operand that holds must be a column, a function or an aggregate.");
		return left;
	}

	if (info->detail == DETAIL_ZERO && info->max_args != 1)
		values = read_values(json, place, filter_arg_kinds(op, 1),
							 info->max_args != 2 || op == FILTER_CONTAINS,
							 info->max_args != 2);
	/* as in the text form */
	if (op == FILTER_CONTAINS && list_length(values) > 1)
		op = FILTER_CONTAINS_ALL;
	else if ((op == FILTER_CONTAINS_ANY || op == FILTER_CONTAINS_ALL) &&
			 list_length(values) == 1)
		op = FILTER_CONTAINS;
	if (op == FILTER_BETWEEN && list_length(values) != 2)
		refuse(place, "\"value\" is not a pair of values.");

	args = palloc_array(FilterNode *, list_length(values) + 1);
	args[nargs++] = left;
	foreach(lc, values)
		args[nargs++] = lfirst(lc);
	node = filter_node_with(op, NULL, -1, nargs, args);
	if (info->detail != DETAIL_ZERO)
	{
		char	   *period = read_text(json, place, "value");

		if (period == NULL)
			refuse(place, "There is no \"value\".");
		node->detail = read_period(period, place);
	}
	node = checked(node, place);
	return negated ? filter_negate(node) : node;
}

/* FILTER_NONE for "holds" */
static FilterOp
read_operator(JsonbContainer *json, const Place *place, bool *negated)
{
	char	   *word = read_text(json, place, "operator");
	const char *nearest;
	List	   *known = NIL;

	*negated = false;
	if (word == NULL)
		refuse(place, "There is no \"operator\".");
	if (strcmp(word, OPERATOR_HOLDS) == 0)
		return FILTER_NONE;

	for (FilterOp op = FILTER_EQ; op <= FILTER_ANNIVERSARY_PERIOD; op++)
	{
		const FilterOpInfo *info = &filter_ops[op];

		for (int side = 0; side < 2; side++)
		{
			const char *json_word = (side == 0) ? info->json : info->json_negated;

			if (json_word == NULL)
				continue;
			if (strcmp(word, json_word) == 0)
			{
				*negated = (side == 1);
				return op;
			}
			known = lappend(known, (void *) json_word);
		}
	}
	for (int i = 0; i < lengthof(other_operators); i++)
	{
		if (strcmp(word, other_operators[i].word) == 0)
		{
			*negated = other_operators[i].negated;
			return other_operators[i].op;
		}
	}

	nearest = nearest_name(word, known);
	if (nearest != NULL)
		refuse(place, psprintf("Operator \"%s\" is unknown; perhaps you meant \"%s\".",
							   word, nearest));
	refuse(place, psprintf("Operator \"%s\" is unknown.", word));
}

static FilterNode *
read_left(JsonbContainer *json, const Place *place)
{
	char	   *field = read_text(json, place, "field");
	char	   *operand = read_text(json, place, "operand");

	if (field != NULL && operand != NULL)
		refuse(place, "There is \"field\" as well as \"operand\".");
	if (field != NULL)
		return read_field(field, place);
	if (operand != NULL)
		return read_part(operand, KIND_OPERAND, place);
	refuse(place, "Expected an object with \"rules\" or with \"field\".");
}

/*
 * What "value" holds: one value or, if there may be several, an array or,
 * where builders write so, text with commas.  A place for operands also takes
 * names of fields or texts of operands, as "valueSource" says.
 */
static List *
read_values(JsonbContainer *json, const Place *place, uint16 kind,
			bool several, bool commas)
{
	JsonbValue *value = find(json, "value");
	char	   *source = read_text(json, place, "valueSource");
	List	   *values = NIL;

	if (source != NULL && strcmp(source, "value") == 0)
		source = NULL;
	if (source != NULL)
	{
		if (strcmp(source, "field") != 0 && strcmp(source, "operand") != 0)
			refuse(place, psprintf("\"valueSource\" \"%s\" is none of \"value\", \"field\" and \"operand\".",
								   source));
		if (kind != KIND_OPERAND)
			refuse(place, psprintf("This operator takes no \"valueSource\" \"%s\".", source));
	}
	if (value == NULL || value->type == jbvNull)
		refuse(place, "There is no \"value\".");

	if (several && value->type == jbvBinary &&
		JsonContainerIsArray(value->val.binary.data))
	{
		JsonbContainer *array = value->val.binary.data;
		int			nvalues = JsonContainerSize(array);

		for (int i = 0; i < nvalues; i++)
			values = lappend(values, read_value(getIthJsonbValueFromContainer(array, i),
												place, kind, source));
	}
	else if (commas && value->type == jbvString &&
			 (source == NULL || strcmp(source, "field") == 0))
	{
		ListCell   *lc;

		foreach(lc, split_commas(pnstrdup(value->val.string.val,
										  value->val.string.len)))
			values = lappend(values, source != NULL ?
							 read_field(lfirst(lc), place) :
							 filter_node(FILTER_STRING, lfirst(lc), -1));
	}
	else
		values = list_make1(read_value(value, place, kind, source));

	if (values == NIL)
		refuse(place, "\"value\" is empty.");
	return values;
}

static FilterNode *
read_value(JsonbValue *value, const Place *place, uint16 kind, const char *source)
{
	char	   *text;

	if (kind == KIND_SPAN || source != NULL)
	{
		if (value->type != jbvString)
			refuse(place, "\"value\" is not a text.");
		text = pnstrdup(value->val.string.val, value->val.string.len);
		if (kind == KIND_SPAN)
			return read_part(text, KIND_SPAN, place);
		return strcmp(source, "field") == 0 ? read_field(text, place) :
			read_part(text, KIND_OPERAND, place);
	}

	if (kind == KIND_STRING && value->type != jbvString)
		refuse(place, "\"value\" is not a text.");
	switch (value->type)
	{
		case jbvString:
			return filter_node(FILTER_STRING,
							   pnstrdup(value->val.string.val, value->val.string.len), -1);
		case jbvBool:
			return filter_node(value->val.boolean ? FILTER_TRUE : FILTER_FALSE, NULL, -1);
		case jbvNumeric:
			{
				char	   *number;

				text = DatumGetCString(DirectFunctionCall1(numeric_out,
														   NumericGetDatum(value->val.numeric)));
				if (*text == '-')
					number = filter_number(text + 1, strlen(text + 1), true);
				else
					number = filter_number(text, strlen(text), false);
				if (number == NULL)
					refuse(place, "A number is out of range.");
				return filter_node(FILTER_NUMBER, number, -1);
			}
		default:
			refuse(place, "\"value\" is not a text, a number, true or false.");
	}
}

/* "a, b\,c,, d" -> a | b,c | d, as builders join what is typed into a box */
static List *
split_commas(const char *text)
{
	List	   *parts = NIL;
	StringInfoData part;

	initStringInfo(&part);
	for (;; text++)
	{
		if (*text == ',' || *text == '\0')
		{
			char	   *start = part.data;

			while (*start == ' ' || *start == '\t' || *start == '\n')
				start++;
			while (part.len > 0 && part.data + part.len > start &&
				   strchr(" \t\n", part.data[part.len - 1]) != NULL)
				part.data[--part.len] = '\0';
			if (*start != '\0')
				parts = lappend(parts, pstrdup(start));
			resetStringInfo(&part);
			if (*text == '\0')
				return parts;
		}
		else
		{
			if (text[0] == '\\' && text[1] == ',')
				text++;
			appendStringInfoChar(&part, *text);
		}
	}
}

/* A text of the language within a value; its errors say where it stood. */
static FilterNode *
read_part(const char *text, uint16 kind, const Place *place)
{
	ErrorContextCallback context;
	FilterNode *node;

	context.callback = say_place;
	context.arg = (void *) place;
	context.previous = error_context_stack;
	error_context_stack = &context;
	node = filter_parse_part(text, kind, NULL);
	error_context_stack = context.previous;
	return node;
}

/* data.plan: the words are taken exactly, without folding their case */
static FilterNode *
read_field(const char *text, const Place *place)
{
	FilterNode *node = NULL;
	int			nparts = 1;

	for (const char *c = text; *c != '\0'; c++)
		nparts += (*c == '.');

	for (;;)
	{
		const char *end = text + strcspn(text, ".");
		char	   *part = pnstrdup(text, end - text);

		if (*part == '\0')
			refuse(place, "The name of a field is empty.");
		if (node == NULL)
			node = filter_node_with(FILTER_COLUMN, part, -1, 0,
									palloc_array(FilterNode *, nparts));
		else
			node->args[node->nargs++] = filter_node(FILTER_WORD, part, -1);
		if (*end == '\0')
			return node;
		text = end + 1;
	}
}

static int
read_period(const char *text, const Place *place)
{
	for (int which = 0; filter_whiches[which] != NULL; which++)
	{
		for (int unit = FILTER_DAY; unit <= FILTER_YEAR; unit++)
		{
			if (strcmp(text, psprintf("%s %s", filter_whiches[which],
									  filter_units[unit])) == 0)
				return FILTER_PERIOD(which, unit);
		}
	}
	refuse(place, psprintf("\"%s\" is not a period such as \"this week\".", text));
}

static char *
read_count(JsonbValue *value, const Place *place, const char *key)
{
	char	   *text;

	if (value == NULL || value->type != jbvNumeric)
		refuse(place, psprintf("\"%s\" is not a number.", key));
	text = DatumGetCString(DirectFunctionCall1(numeric_out,
											   NumericGetDatum(value->val.numeric)));
	if (*text != '-')
		text = filter_number(text, strlen(text), false);
	if (text == NULL || strlen(text) > FILTER_MAX_COUNT_DIGITS ||
		strspn(text, "0123456789") != strlen(text))
		refuse(place, psprintf("\"%s\" is not a whole number up to 999999999.", key));
	return text;
}

static bool
read_flag(JsonbContainer *json, const Place *place, const char *key)
{
	JsonbValue *value = find(json, key);

	if (value == NULL || value->type == jbvNull)
		return false;
	if (value->type != jbvBool)
		refuse(place, psprintf("\"%s\" is not true or false.", key));
	return value->val.boolean;
}

/* NULL if there is none. */
static char *
read_text(JsonbContainer *json, const Place *place, const char *key)
{
	JsonbValue *value = find(json, key);

	if (value == NULL)
		return NULL;
	if (value->type != jbvString)
		refuse(place, psprintf("\"%s\" is not a text.", key));
	return pnstrdup(value->val.string.val, value->val.string.len);
}

static JsonbValue *
find(JsonbContainer *json, const char *key)
{
	return getKeyJsonValueFromContainer(json, key, strlen(key), NULL);
}

/* What the parser would refuse is refused here, too. */
static FilterNode *
checked(FilterNode *node, const Place *place)
{
	const char *problem = filter_check_node(node);

	if (problem != NULL)
		refuse(place, psprintf("The part \"%s\" %s.", filter_ops[node->op].name, problem));
	return node;
}

static void
refuse(const Place *place, const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid rule at %s", print_place(place)),
			 errdetail_internal("%s", detail)));
}

static char *
print_place(const Place *place)
{
	char	   *outer = "";

	/* no deeper than the value that was read, under the same limit */
	check_stack_depth();

	if (place->parent != NULL)
		outer = psprintf("%s.", print_place(place->parent));
	if (place->index < 0)
		return psprintf("%s%s", outer, place->key);
	return psprintf("%s%s[%d]", outer, place->key, place->index);
}

static void
say_place(void *arg)
{
	errcontext("rule at %s", print_place((const Place *) arg));
}
