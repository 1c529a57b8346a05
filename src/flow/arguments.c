/*-------------------------------------------------------------------------
 *
 * arguments.c
 *	  What was a function that defines called with?
 *
 *		create_trait('vip', ...)	name_argument(fcinfo, 0, "trait")	vip
 *		create_trait(NULL, ...)		ERROR: the name of the trait must be given
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "flow/arguments.h"

const Population *
population_argument(FunctionCallInfo fcinfo, int argument)
{
	return population_by_name(optional_name_argument(fcinfo, argument));
}

char *
name_argument(FunctionCallInfo fcinfo, int argument, const char *what)
{
	if (PG_ARGISNULL(argument))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the name of the %s must be given", what)));
	return NameStr(*PG_GETARG_NAME(argument));
}

char *
optional_name_argument(FunctionCallInfo fcinfo, int argument)
{
	return PG_ARGISNULL(argument) ? NULL : NameStr(*PG_GETARG_NAME(argument));
}

char *
text_argument(FunctionCallInfo fcinfo, int argument)
{
	return PG_ARGISNULL(argument) ? NULL :
		text_to_cstring(PG_GETARG_TEXT_PP(argument));
}

bool
flag_argument(FunctionCallInfo fcinfo, int argument)
{
	return !PG_ARGISNULL(argument) && PG_GETARG_BOOL(argument);
}
