/*-------------------------------------------------------------------------
 *
 * attempt.c
 *	  Does a definition still work?  If not, the others go on.
 *
 *		ALTER TYPE color RENAME VALUE 'red' TO 'crimson';
 *
 *		filter of reds		favourite = "red"	attempt: what binding it says
 *		filter of large		spend > 100			attempt: NULL, it works
 *
 * What users do to types, columns and tables makes definitions that cannot be
 * bound.  Whoever goes through all definitions to serve one of them binds each
 * by an attempt, so that one that is broken is noted and passed over.
 *
 * An attempt is a subtransaction: whatever an error leaves open or locked is
 * released with it.  Cancellation, a full disk, lost memory, a deadlock and
 * their like say nothing of a definition, and are never caught.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "base/base.h"

ErrorData *
attempt(Attempt work, void *arg)
{
	MemoryContext memory = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData  *volatile error = NULL;

	/* the server begins no subtransaction beside parallel workers */
	if (IsInParallelMode())
	{
		work(arg);
		return NULL;
	}

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(memory);
	PG_TRY();
	{
		work(arg);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(memory);
		error = CopyErrorData();
		if (!error_is_of_definition(error->sqlerrcode))
			PG_RE_THROW();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(memory);
	CurrentResourceOwner = owner;
	return error;
}

/*
 * A name, a type, a literal or a limit; and what the server finds missing in
 * its catalogs where something was dropped that a definition still mentions,
 * for which it has no code of its own.
 */
bool
error_is_of_definition(int sqlstate)
{
	if (sqlstate == ERRCODE_INTERNAL_ERROR ||
		sqlstate == ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE)
		return true;
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
