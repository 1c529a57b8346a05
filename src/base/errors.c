/*-------------------------------------------------------------------------
 *
 * errors.c
 *	  Which errors may be caught and passed over?
 *
 * A rebuild computes all traits anew.  It can do without the old ones, and so
 * goes on where they cannot be read:
 *
 *		22012 division by zero, XX001 damaged		passed over, with a warning
 *		57014 canceled, 40P01 deadlock, 53100		thrown again
 *		disk full
 *
 * The list is of those that may be passed over: an error that is not listed is
 * thrown again.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/base.h"

bool
error_is_of_data(int sqlstate)
{
	switch (ERRCODE_TO_CATEGORY(sqlstate))
	{
			/* values, and what the base table's owner asks of them */
		case ERRCODE_DATA_EXCEPTION:
		case ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION:
		case ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION:

			/* definitions that do not bind any more, rights that are gone */
		case ERRCODE_SYNTAX_ERROR_OR_ACCESS_RULE_VIOLATION:

			/* what the owner's triggers raise */
		case ERRCODE_EXTERNAL_ROUTINE_EXCEPTION:
		case ERRCODE_EXTERNAL_ROUTINE_INVOCATION_EXCEPTION:
			return true;
		case ERRCODE_PLPGSQL_ERROR:
			return sqlstate != ERRCODE_ASSERT_FAILURE;

		default:
			/* what is damaged, or was changed behind our back */
			return sqlstate == ERRCODE_DATA_CORRUPTED ||
				sqlstate == ERRCODE_INDEX_CORRUPTED ||
				sqlstate == ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE;
	}
}

/*
 * Such errors are of names, types, literals and limits.  Where something was
 * dropped that a definition still mentions, the server finds it missing in its
 * catalogs, and has no code of its own for that: ERRCODE_INTERNAL_ERROR.
 */
bool
error_is_of_definition(int sqlstate)
{
	if (sqlstate == ERRCODE_INTERNAL_ERROR ||
		sqlstate == ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE)
		return true;
	/* that says how deep down we are */
	if (sqlstate == ERRCODE_STATEMENT_TOO_COMPLEX)
		return false;
	switch (ERRCODE_TO_CATEGORY(sqlstate))
	{
		case ERRCODE_SYNTAX_ERROR_OR_ACCESS_RULE_VIOLATION:
		case ERRCODE_DATA_EXCEPTION:
		case ERRCODE_FEATURE_NOT_SUPPORTED:
		case ERRCODE_PROGRAM_LIMIT_EXCEEDED:
			return true;
		default:
			return false;
	}
}
