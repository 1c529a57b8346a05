/*-------------------------------------------------------------------------
 *
 * caught.c
 *	  Which errors may be caught and passed over?
 *
 * Somebody who computes all traits anew can do without the old ones, and so
 * goes on where they cannot be read:
 *
 *		22012 division by zero, XX001 damaged		passed over, with a warning
 *		57014 canceled, 40P01 deadlock, 53100		thrown again
 *		disk full
 *
 * The list is of those that may be passed over: an error that nobody thought
 * of is thrown again.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/base.h"

bool
error_is_of_data(int sqlerrcode)
{
	switch (ERRCODE_TO_CATEGORY(sqlerrcode))
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
			return sqlerrcode != ERRCODE_ASSERT_FAILURE;

		default:
			/* what is damaged, or was changed behind our back */
			return sqlerrcode == ERRCODE_DATA_CORRUPTED ||
				sqlerrcode == ERRCODE_INDEX_CORRUPTED ||
				sqlerrcode == ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE;
	}
}
