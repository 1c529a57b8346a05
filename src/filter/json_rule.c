/*-------------------------------------------------------------------------
 *
 * json_rule.c
 *	  Which condition does a rule mean?
 *
 *		{"field": "city", "operator": "notIn", "value": ["Aarhus", "Odense"]}
 *
 *		NOT(IN(COLUMN city, STRING "Aarhus", STRING "Odense"))
 *
 * A rule compares its field, or another operand, with its values; a rule with
 * "match" asks for elements of an array.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"

#include "filter/json_private.h"

static const char *const rule_keys[] = {
	"field", "lhs", "operand", "operator", "value", "valueSource", "match",
	"not", "empty", NULL
};

static FilterNode *read_comparison(JsonbContainer *json, const RulePath *path);
static FilterNode *any_field(FilterNode *left, List *fields);
static FilterNode *read_match(JsonbContainer *json, JsonbValue *match,
							  const RulePath *path);
static bool match_is_none(JsonbContainer *match, const RulePath *path);
static bool element_values(const FilterNode *filter, List **values);
static bool is_unfinished(JsonbContainer *json, const RulePath *path);

FilterNode *
rule_comparison(JsonbContainer *json, const RulePath *path)
{
	JsonbValue *match;

	if (is_unfinished(json, path))
		return NULL;
	if (rule_find(json, "field") == NULL &&
		rule_find(json, "operand") == NULL && rule_find(json, "lhs") == NULL &&
		(rule_find(json, "id") == NULL || rule_find(json, "operator") == NULL))
		rule_refuse_foreign(json, rule_keys, path);
	rule_check_keys(json, rule_keys, path);
	match = rule_find(json, "match");
	if (match != NULL)
		return read_match(json, match, path);
	return read_comparison(json, path);
}

/* read_comparison() reads left side, operator and values of a rule. */
static FilterNode *
read_comparison(JsonbContainer *json, const RulePath *path)
{
	FilterNode *left = rule_left(json, path);
	bool		negated;
	FilterOp	op = rule_operator(json, path, &negated);
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
			rule_refuse(path,
						"An operand that holds must be a column, a function "
						"or an aggregate.");
		return left;
	}

	if (info->detail == DETAIL_ZERO && info->max_args != 1)
		values = rule_values(json, path, op);
	if (op == FILTER_IN &&
		!op_is((FilterNode *) linitial(values), KIND_LITERAL))
	{
		node = rule_checked(any_field(left, values), path);
		return negated ? filter_negate(node) : node;
	}
	/* as in the text form */
	if (op == FILTER_CONTAINS && list_length(values) > 1)
		op = FILTER_CONTAINS_ALL;
	else if ((op == FILTER_CONTAINS_ANY || op == FILTER_CONTAINS_ALL) &&
			 list_length(values) == 1)
		op = FILTER_CONTAINS;
	if (op == FILTER_BETWEEN && list_length(values) != 2)
		rule_refuse(path, "\"value\" is not a pair of values.");

	args = palloc_array(FilterNode *, list_length(values) + 1);
	args[nargs++] = left;
	foreach(lc, values)
		args[nargs++] = lfirst(lc);
	node = filter_node_with(op, NULL, -1, nargs, args);
	if (info->detail != DETAIL_ZERO)
		node->detail = rule_period(json, path);
	node = rule_checked(node, path);
	return negated ? filter_negate(node) : node;
}

/* any_field() makes a = b or a = c of: a in (b, c), b and c being fields */
static FilterNode *
any_field(FilterNode *left, List *fields)
{
	List	   *equal = NIL;
	ListCell   *lc;

	foreach(lc, fields)
	{
		FilterNode **args = palloc_array(FilterNode *, 2);

		args[0] = left;
		args[1] = lfirst(lc);
		equal = lappend(equal, filter_node_with(FILTER_EQ, NULL, -1, 2, args));
	}
	return filter_combine(FILTER_OR, equal);
}

/*
 * read_match() reads a rule about the elements of an array: some, or none,
 * equal one of these values.  Its "value" is a group of rules with an empty
 * field.
 */
static FilterNode *
read_match(JsonbContainer *json, JsonbValue *match, const RulePath *path)
{
	RulePath		inner = {path, "value", -1, true};
	JsonbValue *rules = rule_find(json, "value");
	bool		none = match_is_none(rule_object(match, path), path);
	FilterNode *filter;
	List	   *values = NIL;
	FilterNode **args;
	FilterNode *node;
	int			nargs = 0;
	ListCell   *lc;

	if (rules == NULL || rules->type != jbvBinary)
		rule_refuse(&inner,
					"Expected a group of rules with an empty \"field\".");
	filter = rule_read(rules->val.binary.data, &inner);
	if (filter == NULL || !element_values(filter, &values))
		rule_refuse(&inner,
					"Of elements only \"=\" and \"in\" can be asked, combined "
					"by \"or\".");

	args = palloc_array(FilterNode *, list_length(values) + 1);
	args[nargs++] = rule_left(json, path);
	foreach(lc, values)
		args[nargs++] = lfirst(lc);
	node = filter_node_with(nargs == 2 ? FILTER_CONTAINS : FILTER_CONTAINS_ANY,
							NULL, -1, nargs, args);
	node = rule_checked(node, path);
	return none ? filter_negate(node) : node;
}

/*
 * match_is_none() reads "some" and "none", also as "atLeast" 1 and "atMost" 0.
 */
static bool
match_is_none(JsonbContainer *match, const RulePath *path)
{
	char	   *mode = rule_text(match, path, "mode");
	JsonbValue *threshold = rule_find(match, "threshold");
	const char *count = "";

	if (mode == NULL)
		rule_refuse(path, "\"match\" has no \"mode\".");
	if (threshold != NULL && threshold->type == jbvNumeric)
		count = rule_digits(threshold);
	if (pg_strcasecmp(mode, "some") == 0 ||
		(pg_strcasecmp(mode, "atLeast") == 0 && strcmp(count, "1") == 0))
		return false;
	if (pg_strcasecmp(mode, "none") == 0 ||
		(pg_strcasecmp(mode, "atMost") == 0 && strcmp(count, "0") == 0))
		return true;
	rule_refuse(path, psprintf("Of the elements of an array can be asked "
							   "whether \"some\" or \"none\" match, not "
							   "\"%s\".",
								mode));
}

/*
 * element_values() adds the literals that an element may equal; false if the
 * filter asks for anything else.
 */
static bool
element_values(const FilterNode *filter, List **values)
{
	check_stack_depth();

	if (filter->op == FILTER_OR)
	{
		for (int i = 0; i < filter->nargs; i++)
		{
			if (!element_values(filter->args[i], values))
				return false;
		}
		return true;
	}
	if ((filter->op != FILTER_EQ && filter->op != FILTER_IN) ||
		filter->args[0]->op != FILTER_COLUMN)
		return false;
	for (int i = 1; i < filter->nargs; i++)
	{
		if (!op_is(filter->args[i], KIND_LITERAL))
			return false;
		*values = lappend(*values, filter->args[i]);
	}
	return true;
}

/*
 * is_unfinished() says whether a rule has only been begun: a builder's
 * placeholder stands for the field or the operator, or the rule has "empty".
 */
static bool
is_unfinished(JsonbContainer *json, const RulePath *path)
{
	static const char *const keys[] = {"field", "operator"};
	int			nulls = 0;

	for (int i = 0; i < lengthof(keys); i++)
	{
		JsonbValue *value = rule_find(json, keys[i]);

		if (value != NULL && value->type == jbvString &&
			value->val.string.len == strlen(JSON_PLACEHOLDER) &&
			strncmp(value->val.string.val, JSON_PLACEHOLDER,
					value->val.string.len) == 0)
			return true;
		value = getKeyJsonValueFromContainer(json, keys[i], strlen(keys[i]),
											 NULL);
		nulls += (value != NULL && value->type == jbvNull);
	}
	return nulls == lengthof(keys) || rule_flag(json, path, "empty");
}
