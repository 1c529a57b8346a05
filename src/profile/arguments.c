/*-------------------------------------------------------------------------
 *
 * arguments.c
 *	  What has the caller of an SQL function given us?
 *
 *		segment.explain('vip', '7', population => 'profile')
 *
 *		optional_name_argument(fcinfo, 2)		"profile"
 *		key_argument(fcinfo, 1, population)		7, as the key's type
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "profile/profile.h"

const char *
optional_name_argument(FunctionCallInfo fcinfo, int argument)
{
	return PG_ARGISNULL(argument) ? NULL :
		NameStr(*PG_GETARG_NAME(argument));
}

Datum
key_argument(FunctionCallInfo fcinfo, int argument,
			 const Population *population)
{
	return population_key(population, PG_GETARG_DATUM(argument),
						  get_fn_expr_argtype(fcinfo->flinfo, argument));
}
