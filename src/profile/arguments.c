/*-------------------------------------------------------------------------
 *
 * arguments.c
 *	  What has the caller of an SQL function given us?
 *
 *		segment.explain('vip', '7', population => 'profile')
 *
 *		name_argument(fcinfo, 0, "audience")	"vip"; NULL would be an error
 *		key_argument(fcinfo, 1, population)		7, as the key's type
 *		population_argument(fcinfo, 2)			the population "profile"
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "profile/profile.h"

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

Datum
key_argument(FunctionCallInfo fcinfo, int argument,
			 const Population *population)
{
	return profile_key_argument(population, PG_GETARG_DATUM(argument),
								get_fn_expr_argtype(fcinfo->flinfo, argument));
}
