/*-------------------------------------------------------------------------
 *
 * typed.c
 *	  What if a driver sends text where a function takes another type?
 *
 *		PREPARE ask(text, text) AS SELECT segment.forecast($1, $2);
 *
 * The server finds no forecast(text, text), as text is no timestamptz without
 * a cast; of a literal it would be made one.  So a function that takes such a
 * type has a twin that takes text, reads it as the literal would be read, and
 * is the same function from there on.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "base/base.h"

Datum
call_with_text(FunctionCallInfo fcinfo, int argument, Oid type,
			   PGFunction function)
{
	LOCAL_FCINFO(call, FUNC_MAX_ARGS);
	Datum		result;

	/* a constant is put into the caller's arguments once for all calls */
	memcpy(call, fcinfo, SizeForFunctionCallInfo(fcinfo->nargs));
	if (!PG_ARGISNULL(argument))
	{
		char	   *written = text_to_cstring(PG_GETARG_TEXT_PP(argument));
		Oid			input;
		Oid			parameter;

		getTypeInputInfo(type, &input, &parameter);
		call->args[argument].value =
			OidInputFunctionCall(input, written, parameter, -1);
	}
	result = function(call);
	fcinfo->isnull = call->isnull;
	return result;
}
