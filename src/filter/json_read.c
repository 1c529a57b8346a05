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
 * components, and whoever reads the tree, take it for.
 *
 * What is muted, or not finished yet (no field is chosen), is left out, and so
 * is a group of which nothing remains.  A tree of which nothing remains means
 * nothing: their exporters make "everybody" of it, or "nobody", and we refuse.
 *
 * A key that we do not know may change what its rule means, so it is refused
 * unless it is known to be harmless.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/formatting.h"

#include "base/base.h"
#include "filter/json_private.h"

/* Of the builders and their users: nothing that changes the meaning. */
static const char *const harmless_keys[] = {
	"id", "path", "muted", "disabled", "locked", "valid", "flags", "data",
	"meta", "type", "input", "inputType", "valueType", "label", "title",
	"description", "comment", "combinatorPreceding", NULL
};

static const char *const group_keys[] = {
	"combinator", "condition", "not", "rules", "count", NULL
};
static const char *const rule_keys[] = {
	"field", "lhs", "operand", "operator", "value", "valueSource", "match",
	"not", "empty", NULL
};
static const char *const did_keys[] = {
	"did", "not", "where", "atLeast", "atMost", "exactly", "window", NULL
};
static const char *const audience_keys[] = {"audience", "operator", "not", NULL};
static const char *const bucket_keys[] = {"bucket", "operator", "value", "not", NULL};
static const char *const constant_keys[] = {"constant", "not", NULL};

/* A rule of a group that is not left out, and the word before it */
typedef struct Member
{
	FilterNode *filter;
	const char *combinator;		/* NULL where the group has one for all */
} Member;

static FilterNode *read_constant(JsonbContainer *json, const Place *place);
static FilterNode *read_group(JsonbContainer *json, const Place *place);
static const char *group_combinator(JsonbContainer *json, const Place *place);
static List *read_members(JsonbContainer *rules, const Place *place,
						  const char *combinator);
static bool is_combinator(JsonbValue *value);
static FilterNode *combine(List *members, const char *word,
						   const Place *place);
static FilterNode *combine_each(List *members, const Place *place);
static FilterNode *combine_xor(List *filters, const Place *place);
static FilterNode *combine_at_least(List *filters, JsonbContainer *json,
									const Place *place);
static List *filters_of(List *members);
static FilterNode *read_did(JsonbContainer *json, const Place *place);
static FilterNode *read_audience(JsonbContainer *json, const Place *place);
static FilterNode *read_bucket(JsonbContainer *json, const Place *place);
static FilterNode *read_rule(JsonbContainer *json, const Place *place);
static FilterNode *read_comparison(JsonbContainer *json, const Place *place);
static FilterNode *any_field(FilterNode *left, List *fields);
static FilterNode *read_match(JsonbContainer *json, JsonbValue *match,
							  const Place *place);
static bool match_is_none(JsonbContainer *match, const Place *place);
static bool element_values(const FilterNode *filter, List **values);
static bool is_unfinished(JsonbContainer *json, const Place *place);
static void check_keys(JsonbContainer *json, const char *const *known,
					   const Place *place);
static char *foreign_key(JsonbContainer *json, const char *const *known);
pg_noreturn static void refuse_foreign(JsonbContainer *json,
									   const Place *place);

/* The whole tree */
FilterNode *
filter_from_json(JsonbContainer *json)
{
	Place		place = {NULL, "$", -1, false};
	FilterNode *node = rule_read(json, &place);

	if (node == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("rule tree is empty"),
				 errdetail("It has no rules, or all of them are muted or not finished."),
				 errhint("A filter that holds for everybody is written: '{\"constant\": true}'::jsonb::segment.filter")));
	return node;
}

/* NULL for what is left out */
FilterNode *
rule_read(JsonbContainer *json, const Place *place)
{
	FilterNode *node;
	bool		negated;

	check_stack_depth();
	CHECK_FOR_INTERRUPTS();

	if (!JsonContainerIsObject(json))
		rule_refuse_form(place, JsonContainerIsScalar(json) ? "single value" : "array");
	if (rule_flag(json, place, "muted"))
		return NULL;
	negated = rule_flag(json, place, "not");

	if (rule_find(json, "rules") != NULL)
		node = read_group(json, place);
	else if (rule_find(json, "did") != NULL)
		node = read_did(json, place);
	else if (rule_find(json, "audience") != NULL)
		node = read_audience(json, place);
	else if (rule_find(json, "bucket") != NULL)
		node = read_bucket(json, place);
	else if (rule_find(json, "constant") != NULL)
		node = read_constant(json, place);
	else
		node = read_rule(json, place);

	return negated && node != NULL ? filter_negate(node) : node;
}

static FilterNode *
read_constant(JsonbContainer *json, const Place *place)
{
	JsonbValue *constant = rule_find(json, "constant");

	check_keys(json, constant_keys, place);
	if (constant->type != jbvBool)
		rule_refuse(place, "\"constant\" is not true or false.");
	return filter_node(constant->val.boolean ? FILTER_TRUE : FILTER_FALSE,
					   NULL, -1);
}

/* ---- groups ---- */

static FilterNode *
read_group(JsonbContainer *json, const Place *place)
{
	JsonbValue *rules = rule_find(json, "rules");
	const char *combinator = group_combinator(json, place);
	List	   *members;

	check_keys(json, group_keys, place);
	if (rules->type != jbvBinary ||
		!JsonContainerIsArray(rules->val.binary.data))
		rule_refuse(place, "\"rules\" is not an array.");
	members = read_members(rules->val.binary.data, place, combinator);

	if (members == NIL)
		return NULL;
	if (combinator == NULL)
		return combine_each(members, place);
	if (strcmp(combinator, filter_ops[FILTER_AT_LEAST].json) == 0)
		return combine_at_least(filters_of(members), json, place);
	return combine(members, combinator, place);
}

/* NULL if there is none: each rule may have its own, or they are all "and" */
static const char *
group_combinator(JsonbContainer *json, const Place *place)
{
	static const char *const words[] = {"and", "or", "xor", "atLeast"};
	char	   *combinator = rule_text(json, place, "combinator");
	char	   *condition = rule_text(json, place, "condition");

	if (combinator != NULL && condition != NULL)
		rule_refuse(place, "There is \"combinator\" as well as \"condition\".");
	if (combinator == NULL)
		combinator = condition;
	if (combinator == NULL)
		return NULL;
	for (int i = 0; i < lengthof(words); i++)
	{
		if (pg_strcasecmp(combinator, words[i]) == 0)
			return words[i];
	}
	rule_refuse(place, psprintf("Combinator \"%s\" is none of \"and\", \"or\", \"xor\" and \"atLeast\".",
								combinator));
}

/*
 * The rules that are not left out, as Member.
 *
 * A group without a combinator may have one before each rule but the first.
 * What is left out takes those before it along, so that the last word before a
 * rule counts.
 */
static List *
read_members(JsonbContainer *rules, const Place *place, const char *combinator)
{
	int			nrules = JsonContainerSize(rules);
	List	   *members = NIL;
	const char *word = NULL;
	bool		words = false;

	for (int i = 0; i < nrules; i++)
	{
		JsonbValue *rule = getIthJsonbValueFromContainer(rules, i);
		Place		inner = {place, "rules", i, place->of_elements};
		Member	   *member;
		FilterNode *filter;

		if (combinator == NULL && nrules > 1 && i == 1)
			words = is_combinator(rule);
		if (words && i % 2 == 1)
		{
			if (!is_combinator(rule))
				rule_refuse(&inner, "Expected \"and\" or \"or\" between two rules.");
			word = asc_tolower(rule->val.string.val, rule->val.string.len);
			if (i == nrules - 1)
				rule_refuse(&inner, "Expected a rule behind this word.");
			continue;
		}
		if (is_combinator(rule))
			rule_refuse(&inner, combinator != NULL ?
						"Words between rules stand in a group without a \"combinator\"." :
						"Expected a rule, not a word.");
		if (rule->type == jbvString)
			rule_refuse(&inner, psprintf("Word \"%s\" is none of \"and\", \"or\" and \"xor\".",
										 pnstrdup(rule->val.string.val,
												  rule->val.string.len)));
		filter = rule_read(rule_object(rule, &inner), &inner);
		if (filter == NULL)
			continue;
		member = palloc(sizeof(Member));
		member->filter = filter;
		member->combinator = word;
		members = lappend(members, member);
	}
	return members;
}

static bool
is_combinator(JsonbValue *value)
{
	static const char *const words[] = {"and", "or", "xor"};

	if (value->type != jbvString)
		return false;
	for (int i = 0; i < lengthof(words); i++)
	{
		if (value->val.string.len == strlen(words[i]) &&
			pg_strncasecmp(value->val.string.val, words[i],
						   value->val.string.len) == 0)
			return true;
	}
	return false;
}

static FilterNode *
combine(List *members, const char *word, const Place *place)
{
	List	   *filters = filters_of(members);

	if (strcmp(word, "xor") == 0)
		return combine_xor(filters, place);
	return filter_combine(strcmp(word, "or") == 0 ? FILTER_OR : FILTER_AND, filters);
}

/* a or b and c: as in SQL, "and" binds tighter than "xor", "xor" than "or" */
static FilterNode *
combine_each(List *members, const Place *place)
{
	static const char *const words[] = {"and", "xor", "or"};

	for (int i = 0; i < lengthof(words); i++)
	{
		List	   *groups = NIL;
		List	   *run = NIL;
		ListCell   *lc;

		foreach(lc, members)
		{
			Member	   *member = lfirst(lc);
			/* rules without words between them are all "and" */
			const char *word = member->combinator != NULL ? member->combinator : "and";

			if (run != NIL && strcmp(word, words[i]) != 0)
			{
				((Member *) linitial(run))->filter = combine(run, words[i],
															 place);
				groups = lappend(groups, linitial(run));
				run = NIL;
			}
			run = lappend(run, member);
		}
		((Member *) linitial(run))->filter = combine(run, words[i], place);
		members = lappend(groups, linitial(run));
	}
	return ((Member *) linitial(members))->filter;
}

/* One of two but not both; of more it is said in two ways what that means. */
static FilterNode *
combine_xor(List *filters, const Place *place)
{
	FilterNode *either;
	FilterNode *both;

	if (list_length(filters) == 1)
		return linitial(filters);
	if (list_length(filters) > 2)
		rule_refuse(place, "\"xor\" of more than two rules has more than one meaning.");
	either = filter_combine(FILTER_OR, list_copy(filters));
	both = filter_combine(FILTER_AND, filters);
	return filter_combine(FILTER_AND, list_make2(either, filter_negate(both)));
}

static FilterNode *
combine_at_least(List *filters, JsonbContainer *json, const Place *place)
{
	FilterNode **args = palloc_array(FilterNode *, list_length(filters));
	int			nargs = 0;
	ListCell   *lc;

	foreach(lc, filters)
		args[nargs++] = lfirst(lc);
	return rule_checked(filter_node_with(FILTER_AT_LEAST,
										 rule_count(rule_find(json, "count"), place, "count"),
										 -1, nargs, args), place);
}

static List *
filters_of(List *members)
{
	List	   *filters = NIL;
	ListCell   *lc;

	foreach(lc, members)
		filters = lappend(filters, ((Member *) lfirst(lc))->filter);
	return filters;
}

/* ---- rules ---- */

static FilterNode *
read_did(JsonbContainer *json, const Place *place)
{
	FilterNode **args = palloc_array(FilterNode *, 3);
	FilterNode *node = filter_node_with(FILTER_DID, NULL, -1, 3, args);
	JsonbValue *where = rule_find(json, "where");
	char	   *window = rule_text(json, place, "window");

	check_keys(json, did_keys, place);
	args[0] = rule_checked(filter_node(FILTER_WORD, rule_text(json, place, "did"), -1), place);
	args[1] = args[2] = filter_node(FILTER_NONE, NULL, -1);
	if (where != NULL)
	{
		Place		inner = {place, "where", -1, false};
		FilterNode *filter = rule_read(rule_object(where, &inner), &inner);

		if (filter != NULL)
			args[1] = filter;
	}
	if (window != NULL)
		args[2] = rule_part(window, KIND_WINDOW, place);

	for (int times = FILTER_TIMES_AT_LEAST; times <= FILTER_TIMES_EXACTLY;
		 times++)
	{
		JsonbValue *count = rule_find(json, filter_json_times[times]);

		if (count == NULL)
			continue;
		if (node->text != NULL)
			rule_refuse(place, "There is more than one of \"atLeast\", \"atMost\" and \"exactly\".");
		node->text = rule_count(count, place, filter_json_times[times]);
		node->detail = times;
	}
	if (node->detail == FILTER_TIMES_AT_LEAST && strcmp(node->text, "1") == 0)
	{
		node->detail = FILTER_TIMES_ANY;
		node->text = NULL;
	}
	return rule_checked(node, place);
}

static FilterNode *
read_audience(JsonbContainer *json, const Place *place)
{
	FilterNode *node = filter_node(FILTER_IN_AUDIENCE,
								   rule_text(json, place, "audience"), -1);
	bool		negated;

	check_keys(json, audience_keys, place);
	if (rule_operator(json, place, &negated) != FILTER_IN)
		rule_refuse(place, "The operator of \"audience\" is none of \"in\" and \"notIn\".");
	node = rule_checked(node, place);
	return negated ? filter_negate(node) : node;
}

static FilterNode *
read_bucket(JsonbContainer *json, const Place *place)
{
	FilterNode **args = palloc_array(FilterNode *, 1);
	FilterNode *node = filter_node_with(FILTER_BUCKET, rule_text(json, place, "bucket"),
										-1, 1, args);
	char	   *operator = rule_text(json, place, "operator");
	int			compare = operator == NULL ? -1 :
		filter_find_word(filter_compares, operator);

	check_keys(json, bucket_keys, place);
	if (compare < 0)
		rule_refuse(place, "The operator of \"bucket\" is none of \"<\", \"<=\", \">\" and \">=\".");
	node->detail = compare;
	args[0] = rule_number(json, place);
	return rule_checked(node, place);
}

static FilterNode *
read_rule(JsonbContainer *json, const Place *place)
{
	JsonbValue *match;

	if (is_unfinished(json, place))
		return NULL;
	if (rule_find(json, "field") == NULL && rule_find(json, "operand") == NULL &&
		rule_find(json, "lhs") == NULL &&
		(rule_find(json, "id") == NULL || rule_find(json, "operator") == NULL))
		refuse_foreign(json, place);
	check_keys(json, rule_keys, place);
	match = rule_find(json, "match");
	if (match != NULL)
		return read_match(json, match, place);
	return read_comparison(json, place);
}

static FilterNode *
read_comparison(JsonbContainer *json, const Place *place)
{
	FilterNode *left = rule_left(json, place);
	bool		negated;
	FilterOp	op = rule_operator(json, place, &negated);
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
			rule_refuse(place, "An operand that holds must be a column, a function or an aggregate.");
		return left;
	}

	if (info->detail == DETAIL_ZERO && info->max_args != 1)
		values = rule_values(json, place, op);
	if (op == FILTER_IN &&
		!op_is((FilterNode *) linitial(values), KIND_LITERAL))
	{
		node = rule_checked(any_field(left, values), place);
		return negated ? filter_negate(node) : node;
	}
	/* as in the text form */
	if (op == FILTER_CONTAINS && list_length(values) > 1)
		op = FILTER_CONTAINS_ALL;
	else if ((op == FILTER_CONTAINS_ANY || op == FILTER_CONTAINS_ALL) &&
			 list_length(values) == 1)
		op = FILTER_CONTAINS;
	if (op == FILTER_BETWEEN && list_length(values) != 2)
		rule_refuse(place, "\"value\" is not a pair of values.");

	args = palloc_array(FilterNode *, list_length(values) + 1);
	args[nargs++] = left;
	foreach(lc, values)
		args[nargs++] = lfirst(lc);
	node = filter_node_with(op, NULL, -1, nargs, args);
	if (info->detail != DETAIL_ZERO)
		node->detail = rule_period(json, place);
	node = rule_checked(node, place);
	return negated ? filter_negate(node) : node;
}

/* a in (b, c), b and c being fields: a = b or a = c */
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
 * A rule about the elements of an array: some, or none, equal one of these
 * values.  Its "value" is a group of rules with an empty field.
 */
static FilterNode *
read_match(JsonbContainer *json, JsonbValue *match, const Place *place)
{
	Place		inner = {place, "value", -1, true};
	JsonbValue *rules = rule_find(json, "value");
	bool		none = match_is_none(rule_object(match, place), place);
	FilterNode *filter;
	List	   *values = NIL;
	FilterNode **args;
	FilterNode *node;
	int			nargs = 0;
	ListCell   *lc;

	if (rules == NULL || rules->type != jbvBinary)
		rule_refuse(&inner, "Expected a group of rules with an empty \"field\".");
	filter = rule_read(rules->val.binary.data, &inner);
	if (filter == NULL || !element_values(filter, &values))
		rule_refuse(&inner, "Of elements only \"=\" and \"in\" can be asked, combined by \"or\".");

	args = palloc_array(FilterNode *, list_length(values) + 1);
	args[nargs++] = rule_left(json, place);
	foreach(lc, values)
		args[nargs++] = lfirst(lc);
	node = filter_node_with(nargs == 2 ? FILTER_CONTAINS : FILTER_CONTAINS_ANY,
							NULL, -1, nargs, args);
	node = rule_checked(node, place);
	return none ? filter_negate(node) : node;
}

/* "some" and "none", also as "atLeast" 1 and "atMost" 0 */
static bool
match_is_none(JsonbContainer *match, const Place *place)
{
	char	   *mode = rule_text(match, place, "mode");
	JsonbValue *threshold = rule_find(match, "threshold");
	const char *count = "";

	if (mode == NULL)
		rule_refuse(place, "\"match\" has no \"mode\".");
	if (threshold != NULL && threshold->type == jbvNumeric)
		count = rule_digits(threshold);
	if (pg_strcasecmp(mode, "some") == 0 ||
		(pg_strcasecmp(mode, "atLeast") == 0 && strcmp(count, "1") == 0))
		return false;
	if (pg_strcasecmp(mode, "none") == 0 ||
		(pg_strcasecmp(mode, "atMost") == 0 && strcmp(count, "0") == 0))
		return true;
	rule_refuse(place, psprintf("Of the elements of an array can be asked whether \"some\" or \"none\" match, not \"%s\".",
								mode));
}

/* Add the literals that an element may equal; false if that is not all. */
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
 * A rule that somebody has only begun: a builder's placeholder stands for the
 * field or the operator, or it says itself that it is empty.
 */
static bool
is_unfinished(JsonbContainer *json, const Place *place)
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
	return nulls == lengthof(keys) || rule_flag(json, place, "empty");
}

/* ---- what all of them use ---- */

static void
check_keys(JsonbContainer *json, const char *const *known, const Place *place)
{
	char	   *key = foreign_key(json, known);
	List	   *names = NIL;
	const char *nearest;

	if (key == NULL)
		return;
	for (int i = 0; known[i] != NULL; i++)
		names = lappend(names, unconstify(char *, known[i]));
	nearest = nearest_name(key, names);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid rule at %s", rule_print_place(place)),
			 errdetail("Key \"%s\" is unknown here, and may change what the rule means.", key),
			 nearest != NULL ?
			 errhint("Perhaps you meant \"%s\".", nearest) :
			 errhint("Leave it out, or put it below a key \"meta\", which is not read.")));
}

/*
 * The first key that is neither known nor harmless, or NULL.  One that says
 * nothing may have any name.
 */
static char *
foreign_key(JsonbContainer *json, const char *const *known)
{
	JsonbIterator *iterator = JsonbIteratorInit(json);
	JsonbValue	value;
	JsonbIteratorToken token;
	char	   *key = NULL;

	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			key = pnstrdup(value.val.string.val, value.val.string.len);
		else if (token == WJB_VALUE && value.type != jbvNull &&
				 filter_find_word(known, key) < 0 &&
				 filter_find_word(harmless_keys, key) < 0)
			return key;
	}
	return NULL;
}

/* An object of json-logic, of MongoDB, of another builder, or an empty one */
static void
refuse_foreign(JsonbContainer *json, const Place *place)
{
	char	   *key = foreign_key(json, rule_keys);

	rule_refuse_form(place, key == NULL ? "object, which has neither" :
					 psprintf("object with \"%s\"", key));
}

/* NULL if it is not there, or null */
JsonbValue *
rule_find(JsonbContainer *json, const char *key)
{
	JsonbValue *value = getKeyJsonValueFromContainer(json, key, strlen(key),
													 NULL);

	return value == NULL || value->type == jbvNull ? NULL : value;
}

char *
rule_text(JsonbContainer *json, const Place *place, const char *key)
{
	JsonbValue *value = rule_find(json, key);

	if (value == NULL)
		return NULL;
	if (value->type != jbvString)
		rule_refuse(place, psprintf("\"%s\" is not a text.", key));
	return pnstrdup(value->val.string.val, value->val.string.len);
}

bool
rule_flag(JsonbContainer *json, const Place *place, const char *key)
{
	JsonbValue *value = rule_find(json, key);

	if (value == NULL)
		return false;
	if (value->type != jbvBool)
		rule_refuse(place, psprintf("\"%s\" is not true or false.", key));
	return value->val.boolean;
}

JsonbContainer *
rule_object(JsonbValue *value, const Place *place)
{
	if (value->type != jbvBinary)
		rule_refuse_form(place, "single value");
	return value->val.binary.data;
}

/* What the parser would refuse is refused here, too. */
FilterNode *
rule_checked(FilterNode *node, const Place *place)
{
	const char *problem = filter_check_node(node);

	if (problem != NULL)
		rule_refuse(place, psprintf("The part \"%s\" %s.", filter_ops[node->op].name, problem));
	return node;
}

void
rule_refuse(const Place *place, const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid rule at %s", rule_print_place(place)),
			 errdetail_internal("%s", detail)));
}

/* For what is no rule at all, as the trees of other languages are */
void
rule_refuse_form(const Place *place, const char *found)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid rule at %s", rule_print_place(place)),
			 errdetail("Expected an object with \"rules\" or with \"field\", not this %s.", found),
			 errhint("Rules are written: '{\"combinator\": \"and\", \"rules\": [{\"field\": \"city\", \"operator\": \"=\", \"value\": \"Aarhus\"}]}'::jsonb::segment.filter")));
}

char *
rule_print_place(const Place *place)
{
	char	   *outer = "";

	/* no deeper than the value that was read, under the same limit */
	check_stack_depth();

	if (place->parent != NULL)
		outer = psprintf("%s.", rule_print_place(place->parent));
	if (place->index < 0)
		return psprintf("%s%s", outer, place->key);
	return psprintf("%s%s[%d]", outer, place->key, place->index);
}
