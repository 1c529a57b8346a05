/*-------------------------------------------------------------------------
 *
 * json_key.c
 *	  What stands below the keys of a rule, and may such a key stand there?
 *
 *		{"field": "city", "operatr": "=", "value": "Aarhus"}
 *
 *		ERROR:  invalid rule at $.rules[2]
 *		DETAIL:  Key "operatr" is unknown here, and may change what the rule
 *		means.
 *		HINT:  Perhaps you meant "operator".
 *
 * A key that we do not know may change what its rule means, so it is refused
 * unless it is known to be harmless.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"

#include "base/base.h"
#include "filter/json_private.h"

/* Of the builders and their users: nothing that changes the meaning. */
static const char *const harmless_keys[] = {
	"id", "path", "muted", "disabled", "locked", "valid", "flags", "data",
	"meta", "type", "input", "inputType", "valueType", "label", "title",
	"description", "comment", "combinatorPreceding", NULL
};

static char *foreign_key(JsonbContainer *json, const char *const *known);

void
rule_check_keys(JsonbContainer *json, const char *const *known,
				const RulePath *path)
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
			 errmsg("invalid rule at %s", rule_path_text(path)),
			 errdetail("Key \"%s\" is unknown here, and may change what the "
					   "rule means.",
					   key),
			 nearest != NULL ?
			 errhint("Perhaps you meant \"%s\".", nearest) :
			 errhint("Leave it out, or put it below a key \"meta\", which is "
					 "not read.")));
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
void
rule_refuse_foreign(JsonbContainer *json, const char *const *known,
					const RulePath *path)
{
	char	   *key = foreign_key(json, known);

	rule_refuse_form(path, key == NULL ? "object, which has neither" :
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
rule_text(JsonbContainer *json, const RulePath *path, const char *key)
{
	JsonbValue *value = rule_find(json, key);

	if (value == NULL)
		return NULL;
	if (value->type != jbvString)
		rule_refuse(path, psprintf("\"%s\" is not a text.", key));
	return pnstrdup(value->val.string.val, value->val.string.len);
}

bool
rule_flag(JsonbContainer *json, const RulePath *path, const char *key)
{
	JsonbValue *value = rule_find(json, key);

	if (value == NULL)
		return false;
	if (value->type != jbvBool)
		rule_refuse(path, psprintf("\"%s\" is not true or false.", key));
	return value->val.boolean;
}

JsonbContainer *
rule_object(JsonbValue *value, const RulePath *path)
{
	if (value->type != jbvBinary)
		rule_refuse_form(path, "single value");
	return value->val.binary.data;
}

FilterNode *
rule_checked(FilterNode *node, const RulePath *path)
{
	const char *problem = filter_check_node(node);

	if (problem != NULL)
		rule_refuse(path,
					psprintf("The part \"%s\" %s.", filter_ops[node->op].name,
							 problem));
	return node;
}

void
rule_refuse(const RulePath *path, const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid rule at %s", rule_path_text(path)),
			 errdetail_internal("%s", detail)));
}

/* For a value that is no rule at all, as the trees of other languages are */
void
rule_refuse_form(const RulePath *path, const char *found)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid rule at %s", rule_path_text(path)),
			 errdetail("Expected an object with \"rules\" or with \"field\", "
					   "not this %s.",
					   found),
			 errhint("Rules are written: '{\"combinator\": \"and\", "
					 "\"rules\": [{\"field\": \"city\", \"operator\": \"=\", "
					 "\"value\": \"Aarhus\"}]}'::jsonb::segment.filter")));
}

char *
rule_path_text(const RulePath *path)
{
	char	   *outer = "";

	/* no deeper than the value that was read, under the same limit */
	check_stack_depth();

	if (path->parent != NULL)
		outer = psprintf("%s.", rule_path_text(path->parent));
	if (path->index < 0)
		return psprintf("%s%s", outer, path->key);
	return psprintf("%s%s[%d]", outer, path->key, path->index);
}
