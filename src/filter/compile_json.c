/*-------------------------------------------------------------------------
 *
 * compile_json.c
 *	  How is a value inside jsonb read?
 *
 *		payload.size.width		payload -> 'size' -> 'width'
 *		payload.size > 3		segment.json_number(payload -> 'size') > 3
 *
 *  The functions of ours answer "missing" to what they cannot read, so that no
 *  value raises an error at run time.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "filter/compile_private.h"

Expr *
json_as(Expr *json, Oid type)
{
	switch (type)
	{
		case BOOLOID:
			return expr_own_call("json_boolean", 1, json);
		case TEXTOID:
			return expr_own_call("json_text", 1, json);
		case NUMERICOID:
			return expr_own_call("json_number", 1, json);
		default:
			elog(ERROR, "values in jsonb cannot be read as type %u", type);
	}
}

/* payload.size.width: payload -> 'size' -> 'width' */
Expr *
json_path(FilterScope *scope, Expr *json, const FilterNode *column)
{
	if (expr_type(json) != JSONBOID)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("%s \"%s\" is of type %s and has no key \"%s\"",
						scope->noun, column->text,
						format_type_be(expr_type(json)),
						column->args[0]->text),
				 errhint("Only jsonb has keys."),
				 compile_position(scope, column)));

	for (int i = 0; i < column->nargs; i++)
		json = expr_operator("->", json, expr_text(column->args[i]->text));
	return json;
}
