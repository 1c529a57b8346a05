/*-------------------------------------------------------------------------
 *
 * json_group.c
 *	  Which filter does a group of rules mean?
 *
 *		{"rules": [a, "or", b, "and", {"muted": true, ...}]}
 *
 *		OR(a, b)
 *
 * A group has one combinator for all its rules, or a word before each rule but
 * the first, or neither, which is "and".
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/formatting.h"

#include "filter/json_private.h"

static const char *const group_keys[] = {
	"combinator", "condition", "not", "rules", "count", NULL
};

/* A rule of a group that is not left out, and the word before it */
typedef struct Member
{
	FilterNode *filter;
	const char *combinator;		/* NULL where the group has one for all */
} Member;

static const char *group_combinator(JsonbContainer *json,
									const RulePath *path);
static List *read_members(JsonbContainer *rules, const RulePath *path,
						  const char *combinator);
static bool is_combinator(JsonbValue *value);
static FilterNode *combine(List *members, const char *word,
						   const RulePath *path);
static FilterNode *combine_each(List *members, const RulePath *path);
static FilterNode *combine_xor(List *filters, const RulePath *path);
static FilterNode *combine_at_least(List *filters, JsonbContainer *json,
									const RulePath *path);
static List *filters_of(List *members);

FilterNode *
rule_group(JsonbContainer *json, const RulePath *path)
{
	JsonbValue *rules = rule_find(json, "rules");
	const char *combinator = group_combinator(json, path);
	List	   *members;

	rule_check_keys(json, group_keys, path);
	if (rules->type != jbvBinary ||
		!JsonContainerIsArray(rules->val.binary.data))
		rule_refuse(path, "\"rules\" is not an array.");
	members = read_members(rules->val.binary.data, path, combinator);

	if (members == NIL)
		return NULL;
	if (combinator == NULL)
		return combine_each(members, path);
	if (strcmp(combinator, filter_ops[FILTER_AT_LEAST].json) == 0)
		return combine_at_least(filters_of(members), json, path);
	return combine(members, combinator, path);
}

/*
 * group_combinator() returns the word that combines all rules; NULL if there
 * is none: each rule may have its own, or they are all "and".
 */
static const char *
group_combinator(JsonbContainer *json, const RulePath *path)
{
	static const char *const words[] = {"and", "or", "xor", "atLeast"};
	char	   *combinator = rule_text(json, path, "combinator");
	char	   *condition = rule_text(json, path, "condition");

	if (combinator != NULL && condition != NULL)
		rule_refuse(path, "There is \"combinator\" as well as \"condition\".");
	if (combinator == NULL)
		combinator = condition;
	if (combinator == NULL)
		return NULL;
	for (int i = 0; i < lengthof(words); i++)
	{
		if (pg_strcasecmp(combinator, words[i]) == 0)
			return words[i];
	}
	rule_refuse(path, psprintf("Combinator \"%s\" is none of \"and\", \"or\", "
							   "\"xor\" and \"atLeast\".",
								combinator));
}

/*
 * read_members() reads the rules that are not left out, as a list of Member.
 *
 * A group without a combinator may have one before each rule but the first.  A
 * rule that is left out takes the word before it along, so that the last word
 * before a rule counts.
 */
static List *
read_members(JsonbContainer *rules, const RulePath *path,
			 const char *combinator)
{
	int			nrules = JsonContainerSize(rules);
	List	   *members = NIL;
	const char *word = NULL;
	bool		words = false;

	for (int i = 0; i < nrules; i++)
	{
		JsonbValue *rule = getIthJsonbValueFromContainer(rules, i);
		RulePath		inner = {path, "rules", i, path->of_elements};
		Member	   *member;
		FilterNode *filter;

		if (combinator == NULL && nrules > 1 && i == 1)
			words = is_combinator(rule);
		if (words && i % 2 == 1)
		{
			if (!is_combinator(rule))
				rule_refuse(&inner,
							"Expected \"and\" or \"or\" between two rules.");
			word = asc_tolower(rule->val.string.val, rule->val.string.len);
			if (i == nrules - 1)
				rule_refuse(&inner, "Expected a rule behind this word.");
			continue;
		}
		if (is_combinator(rule))
			rule_refuse(&inner, combinator != NULL ?
						"Words between rules stand in a group without a "
						"\"combinator\"." :
						"Expected a rule, not a word.");
		if (rule->type == jbvString)
			rule_refuse(&inner, psprintf("Word \"%s\" is none of \"and\", "
										 "\"or\" and \"xor\".",
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

/* is_combinator() says whether the value is a word between two rules. */
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
combine(List *members, const char *word, const RulePath *path)
{
	List	   *filters = filters_of(members);

	if (strcmp(word, "xor") == 0)
		return combine_xor(filters, path);
	return filter_combine(strcmp(word, "or") == 0 ? FILTER_OR : FILTER_AND,
						  filters);
}

/*
 * combine_each() combines rules by the words between them: as in SQL, "and"
 * binds tighter than "xor", "xor" than "or".
 */
static FilterNode *
combine_each(List *members, const RulePath *path)
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
			const char *word = member->combinator != NULL ?
				member->combinator : "and";

			if (run != NIL && strcmp(word, words[i]) != 0)
			{
				((Member *) linitial(run))->filter = combine(run, words[i],
															 path);
				groups = lappend(groups, linitial(run));
				run = NIL;
			}
			run = lappend(run, member);
		}
		((Member *) linitial(run))->filter = combine(run, words[i], path);
		members = lappend(groups, linitial(run));
	}
	return ((Member *) linitial(members))->filter;
}

/* One of two but not both; of more it is said in two ways what that means. */
static FilterNode *
combine_xor(List *filters, const RulePath *path)
{
	FilterNode *either;
	FilterNode *both;

	if (list_length(filters) == 1)
		return linitial(filters);
	if (list_length(filters) > 2)
		rule_refuse(path,
					"\"xor\" of more than two rules has more than one "
					"meaning.");
	either = filter_combine(FILTER_OR, list_copy(filters));
	both = filter_combine(FILTER_AND, filters);
	return filter_combine(FILTER_AND, list_make2(either, filter_negate(both)));
}

/* combine_at_least() reads "count" and makes AT LEAST of the filters. */
static FilterNode *
combine_at_least(List *filters, JsonbContainer *json, const RulePath *path)
{
	FilterNode **args = palloc_array(FilterNode *, list_length(filters));
	int			nargs = 0;
	ListCell   *lc;

	foreach(lc, filters)
		args[nargs++] = lfirst(lc);
	return rule_checked(filter_node_with(FILTER_AT_LEAST,
										 rule_count(rule_find(json, "count"),
													path, "count"), -1, nargs,
										 args), path);
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
