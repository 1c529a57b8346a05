/*-------------------------------------------------------------------------
 *
 * json_operator.c
 *	  Which op does the "operator" of a rule mean?
 *
 *		"notIn"			IN, negated: filter_ops has the words of our own form
 *		"not_in"		the same in jQuery QueryBuilder
 *		"holds"			none: the left side is itself the answer
 *
 * Case does not matter, as it does not to the builders' own exporters.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/base.h"
#include "filter/json_private.h"

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

FilterOp
rule_operator(JsonbContainer *json, const RulePath *path, bool *negated)
{
	char	   *word = rule_text(json, path, "operator");
	const char *nearest;
	List	   *known = NIL;

	*negated = false;
	if (word == NULL)
		rule_refuse(path, "There is no \"operator\".");
	if (strcmp(word, FILTER_JSON_HOLDS) == 0)
		return FILTER_NONE;

	for (FilterOp op = 0; op < FILTER_OP_COUNT; op++)
	{
		const FilterOpInfo *info = &filter_ops[op];

		if (!filter_op_has_operand(op))
			continue;
		for (int side = 0; side < 2; side++)
		{
			const char *json_word = (side == 0) ? info->json :
				info->json_negated;

			if (json_word == NULL)
				continue;
			/* the component's own exporters do not look at case either */
			if (pg_strcasecmp(word, json_word) == 0)
			{
				*negated = (side == 1);
				return op;
			}
			known = lappend(known, (void *) json_word);
		}
	}
	for (int i = 0; i < lengthof(other_operators); i++)
	{
		if (pg_strcasecmp(word, other_operators[i].word) == 0)
		{
			*negated = other_operators[i].negated;
			return other_operators[i].op;
		}
	}

	nearest = nearest_name(word, known);
	if (nearest != NULL)
		rule_refuse(path, psprintf("Operator \"%s\" is unknown; perhaps you "
								   "meant \"%s\".",
									word, nearest));
	rule_refuse(path, psprintf("Operator \"%s\" is unknown.", word));
}
