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
 * bound.  Code that goes through all definitions to serve one of them binds
 * each by an attempt, so that a broken one is noted and passed over.
 *
 * An attempt is a subtransaction: whatever an error leaves open or locked is
 * released with it.  Cancellation, a full disk, lost memory, a deadlock, the
 * end of the stack and their like say nothing of a definition, and are never
 * caught.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
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
		FlushErrorState();
		/* end our subtransaction before a caller ends the next one */
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(memory);
		CurrentResourceOwner = owner;
		if (!error_is_of_definition(error->sqlerrcode))
			ReThrowError(error);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(memory);
	CurrentResourceOwner = owner;
	return error;
}
