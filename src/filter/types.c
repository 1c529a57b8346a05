/*-------------------------------------------------------------------------
 *
 * types.c
 *	  Which types are alike to a filter, and how does a number become another?
 *
 *		is_number	smallint ... double precision
 *		is_text		text, varchar, char, name, and citext of contrib
 *		is_time		date, timestamp, timestamptz
 *
 *		number_exact(orders)			orders::numeric
 *		number_as(total, FLOAT8OID)		segment.as_float8(total)
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/transam.h"
#include "catalog/pg_type.h"
#include "parser/parse_coerce.h"
#include "utils/builtins.h"

#include "filter/compile_private.h"

bool
is_number(Oid type)
{
	return type == INT2OID || type == INT4OID || type == INT8OID ||
		type == NUMERICOID || type == FLOAT4OID || type == FLOAT8OID;
}

bool
is_text(Oid type)
{
	return type == TEXTOID || type == VARCHAROID || type == BPCHAROID ||
		type == NAMEOID || is_citext(type);
}

bool
is_citext(Oid type)
{
	char	   *name;
	bool		result;

	if (type < FirstNormalObjectId ||
		TypeCategory(type) != TYPCATEGORY_STRING ||
		!IsBinaryCoercible(type, TEXTOID))
		return false;
	name = format_type_extended(type, -1, FORMAT_TYPE_INVALID_AS_NULL);
	if (name == NULL)
		return false;
	/* it may be shown with its schema */
	result = strcmp(name, "citext") == 0 ||
		(strlen(name) > 7 && strcmp(name + strlen(name) - 7, ".citext") == 0);
	pfree(name);
	return result;
}

bool
is_time(Oid type)
{
	return type == DATEOID || type == TIMESTAMPOID || type == TIMESTAMPTZOID;
}

bool
is_instant(Oid type)
{
	return type == TIMESTAMPOID || type == TIMESTAMPTZOID;
}

Expr *
number_exact(Expr *number)
{
	Oid			type = expr_type(number);

	return expr_coerce(number, type == FLOAT4OID || type == FLOAT8OID ?
					   FLOAT8OID : NUMERICOID);
}

Expr *
number_as(Expr *number, Oid type)
{
	Oid			source = expr_type(number);

	/* not an implicit cast; it takes any value, infinity included */
	if (type == NUMERICOID && (source == FLOAT4OID || source == FLOAT8OID))
		return expr_cast("numeric", number);
	if (type == FLOAT8OID && source == NUMERICOID)
		return expr_own_call("as_float8", 1, number);
	return expr_coerce(number, type);
}
