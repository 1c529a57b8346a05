/*-------------------------------------------------------------------------
 *
 * json_read.c
 *	  Which filter does a rule tree mean?
 *
 *		{"rules": [
 *			{"field": "city", "operator": "=", "value": "Aarhus"},
 *			"or",
 *			{"field": "orders", "operator": ">", "value": 3, "muted": true},
 *			"and",
 *			{"rules": [...], "not": true}]}
 *
 * Beside what json.c writes, we take what react-querybuilder and jQuery
 * QueryBuilder emit, as far as it has one meaning: what the exporters of these
 * components, and readers of the tree, take it for.
 *
 * A rule that is muted, or not finished yet (no field is chosen), is left out,
 * and so is a group of which no rule remains.  A tree of which no rule remains
 * is refused: the exporters of these components make a filter for all rows of
 * it, or for none.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"

#include "filter/json_private.h"

static const char *const did_keys[] = {
	"did", "not", "of", "where", "atLeast", "atMost", "exactly", "window", NULL
};
static const char *const audience_keys[] = {
	"audience", "operator", "not", NULL
};
static const char *const bucket_keys[] = {
	"bucket", "operator", "value", "not", NULL
};
static const char *const constant_keys[] = {"constant", "not", NULL};

static FilterNode *read_constant(JsonbContainer *json, const RulePath *path);
static FilterNode *read_did(JsonbContainer *json, const RulePath *path);
static FilterNode *read_of(JsonbValue *of, const RulePath *path,
						   FilterNode *rest);
static FilterNode *read_audience(JsonbContainer *json, const RulePath *path);
static FilterNode *read_bucket(JsonbContainer *json, const RulePath *path);

/* The whole tree */
FilterNode *
filter_from_json(JsonbContainer *json)
{
	RulePath		path = {NULL, "$", -1, false};
	FilterNode *node = rule_read(json, &path);

	if (node == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("rule tree is empty"),
				 errdetail("It has no rules, or all of them are muted or not "
						   "finished."),
				 errhint("A filter that holds for everybody is written: "
						 "'{\"constant\": true}'::jsonb::segment.filter")));
	return node;
}

/* NULL for a rule that is left out */
FilterNode *
rule_read(JsonbContainer *json, const RulePath *path)
{
	FilterNode *node;
	bool		negated;

	check_stack_depth();
	CHECK_FOR_INTERRUPTS();

	if (!JsonContainerIsObject(json))
		rule_refuse_form(path,
						 JsonContainerIsScalar(json) ? "single value" :
						 "array");
	if (rule_flag(json, path, "muted"))
		return NULL;
	negated = rule_flag(json, path, "not");

	if (rule_find(json, "rules") != NULL)
		node = rule_group(json, path);
	else if (rule_find(json, "did") != NULL)
		node = read_did(json, path);
	else if (rule_find(json, "audience") != NULL)
		node = read_audience(json, path);
	else if (rule_find(json, "bucket") != NULL)
		node = read_bucket(json, path);
	else if (rule_find(json, "constant") != NULL)
		node = read_constant(json, path);
	else
		node = rule_comparison(json, path);

	return negated && node != NULL ? filter_negate(node) : node;
}

/* read_constant() reads {"constant": true}. */
static FilterNode *
read_constant(JsonbContainer *json, const RulePath *path)
{
	JsonbValue *constant = rule_find(json, "constant");

	rule_check_keys(json, constant_keys, path);
	if (constant->type != jbvBool)
		rule_refuse(path, "\"constant\" is not true or false.");
	return filter_node(constant->val.boolean ? FILTER_TRUE : FILTER_FALSE,
					   NULL, -1);
}

/* read_did() reads {"did": "orders", "where": {...}, "atLeast": 3, ...}. */
static FilterNode *
read_did(JsonbContainer *json, const RulePath *path)
{
	FilterNode **args = palloc_array(FilterNode *, 3);
	FilterNode *node = filter_node_with(FILTER_DID, NULL, -1, 3, args);
	JsonbValue *where = rule_find(json, "where");
	JsonbValue *of = rule_find(json, "of");
	RulePath	of_path = {path, "of", -1, false};
	char	   *window = rule_text(json, path, "window");

	rule_check_keys(json, did_keys, path);
	args[0] = rule_checked(filter_node(FILTER_WORD,
									   rule_text(json, path, "did"), -1),
						   path);
	args[1] = args[2] = filter_node(FILTER_NONE, NULL, -1);
	if (where != NULL)
	{
		RulePath		inner = {path, "where", -1, false};
		FilterNode *filter = rule_read(rule_object(where, &inner), &inner);

		if (filter != NULL)
			args[1] = filter;
	}
	if (of != NULL)
		args[1] = read_of(of, &of_path, args[1]);
	if (window != NULL)
		args[2] = rule_part(window, KIND_WINDOW, path);

	for (int times = FILTER_TIMES_AT_LEAST; times <= FILTER_TIMES_EXACTLY;
		 times++)
	{
		JsonbValue *count = rule_find(json, filter_json_times[times]);

		if (count == NULL)
			continue;
		if (node->text != NULL)
			rule_refuse(path,
						"There is more than one of \"atLeast\", \"atMost\" "
						"and \"exactly\".");
		node->text = rule_count(count, path, filter_json_times[times]);
		node->detail = times;
	}
	if (node->detail == FILTER_TIMES_AT_LEAST && strcmp(node->text, "1") == 0)
	{
		node->detail = FILTER_TIMES_ANY;
		node->text = NULL;
	}
	return rule_checked(node, path);
}

/*
 * read_of() reads a rule such as {"field": "campaign", "operator": "=",
 * "value": "spring"}, or an array of such rules; 'rest' is the filter that
 * stands behind them.
 */
static FilterNode *
read_of(JsonbValue *of, const RulePath *path, FilterNode *rest)
{
	FilterNode *equal;
	FilterNode **args;

	check_stack_depth();
	if (of->type == jbvBinary && JsonContainerIsArray(of->val.binary.data))
	{
		for (int i = JsonContainerSize(of->val.binary.data) - 1; i >= 0; i--)
		{
			RulePath	inner = {path->parent, path->key, i, false};
			JsonbValue *one;

			one = getIthJsonbValueFromContainer(of->val.binary.data, i);
			rest = read_of(one, &inner, rest);
		}
		return rest;
	}
	equal = rule_read(rule_object(of, path), path);
	if (equal == NULL || equal->op != FILTER_EQ ||
		equal->args[0]->op != FILTER_COLUMN ||
		!op_is(equal->args[1], KIND_LITERAL))
		rule_refuse(path, "Expected a rule that compares a field with a value "
					"by \"=\".");
	args = palloc_array(FilterNode *, 3);
	args[0] = equal->args[0];
	args[1] = equal->args[1];
	args[2] = rest;
	return rule_checked(filter_node_with(FILTER_OF, NULL, -1, 3, args), path);
}

/* read_audience() reads {"audience": "vip", "operator": "in"}. */
static FilterNode *
read_audience(JsonbContainer *json, const RulePath *path)
{
	FilterNode *node = filter_node(FILTER_IN_AUDIENCE,
								   rule_text(json, path, "audience"), -1);
	bool		negated;

	rule_check_keys(json, audience_keys, path);
	if (rule_operator(json, path, &negated) != FILTER_IN)
		rule_refuse(path,
					"The operator of \"audience\" is none of \"in\" and "
					"\"notIn\".");
	node = rule_checked(node, path);
	return negated ? filter_negate(node) : node;
}

/* read_bucket() reads {"bucket": "salt", "operator": "<", "value": 10}. */
static FilterNode *
read_bucket(JsonbContainer *json, const RulePath *path)
{
	FilterNode **args = palloc_array(FilterNode *, 1);
	FilterNode *node = filter_node_with(FILTER_BUCKET,
										rule_text(json, path, "bucket"), -1, 1,
										args);
	char	   *operator = rule_text(json, path, "operator");
	int			compare = operator == NULL ? -1 :
		filter_find_word(filter_compares, operator);

	rule_check_keys(json, bucket_keys, path);
	if (compare < 0)
		rule_refuse(path,
					"The operator of \"bucket\" is none of \"<\", \"<=\", "
					"\">\" and \">=\".");
	node->detail = compare;
	args[0] = rule_number(json, path);
	return rule_checked(node, path);
}
