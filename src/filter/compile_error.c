/*-------------------------------------------------------------------------
 *
 * compile_error.c
 *	  How does an error of the compiler speak of the filter?
 *
 *		ERROR:  trait "city" is of type text, not a date or time
 *		LINE 1: orders > 3 and city in last 30 days
 *		                       ^
 *
 * An operand is called what the scope calls it, a trait or a column, or shown
 * as it is written.  The caret needs the text that the tree was parsed from.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "utils/builtins.h"

#include "filter/compile_private.h"
#include "filter/filter_private.h"

char *
describe_operand(FilterScope *scope, const FilterNode *node)
{
	if (node->op == FILTER_COLUMN)
	{
		StringInfoData name;

		initStringInfo(&name);
		appendStringInfo(&name, "%s \"%s", scope->noun, node->text);
		for (int i = 0; i < node->nargs; i++)
			appendStringInfo(&name, ".%s", node->args[i]->text);
		appendStringInfoChar(&name, '"');
		return name.data;
	}
	if (op_is(node, KIND_LITERAL))
		return literal_show(node);
	return psprintf("\"%s\"", filter_print(node));
}

void
refuse_operand(FilterScope *scope, const FilterNode *node, Oid type,
			   const char *wanted, const char *hint)
{
	if (OidIsValid(type))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("%s is of type %s, not %s",
						describe_operand(scope, node), format_type_be(type),
						wanted),
				 hint ? errhint("%s", hint) : 0,
				 compile_position(scope, node)));
	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("%s is not %s", describe_operand(scope, node), wanted),
			 hint ? errhint("%s", hint) : 0,
			 compile_position(scope, node)));
}

int
compile_position(FilterScope *scope, const FilterNode *node)
{
	return filter_position(scope->text, node);
}

int
filter_position(const char *text, const FilterNode *node)
{
	if (text == NULL || node->location < 0 || node->location > strlen(text))
		return 0;
	internalerrquery(text);
	return internalerrposition(pg_mbstrlen_with_len(text, node->location) + 1);
}

char *
literal_show(const FilterNode *literal)
{
	switch (literal->op)
	{
		case FILTER_STRING:
			return psprintf("\"%s\"", literal->text);
		case FILTER_NUMBER:
			return pstrdup(literal->text);
		default:
			return pstrdup(literal->op == FILTER_TRUE ? "true" : "false");
	}
}
