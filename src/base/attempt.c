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
 * released with it.  Cancellation, a full disk, lost memory, a deadlock, the
 * end of the stack and their like say nothing of a definition, and are never
 * caught.
 *
 * And will it still work deeper down?  An event comes from a trigger within a
 * function within a function.  So whoever binds a definition has a part of the
 * stack to do it in (shallow_begin()): one that is nested more deeply is
 * refused, where somebody can change it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "base/base.h"

/* That part: the planner takes about twice as much as binding does. */
#define SHALLOW_PART	4

static void say_too_deep(void *arg);

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
		/* end our subtransaction before anybody above ends the next one */
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

void
shallow_begin(Shallow *shallow, const char *what)
{
	char		depth[32];

	shallow->what = what;
	shallow->level = NewGUCNestLevel();
	snprintf(depth, sizeof(depth), "%dkB", Max(max_stack_depth / SHALLOW_PART, 100));
	(void) set_config_option("max_stack_depth", depth, PGC_SUSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	shallow->callback.callback = say_too_deep;
	shallow->callback.arg = shallow;
	shallow->callback.previous = error_context_stack;
	error_context_stack = &shallow->callback;
}

/* An error needs none of this: it ends both. */
void
shallow_end(Shallow *shallow)
{
	error_context_stack = shallow->callback.previous;
	AtEOXact_GUC(true, shallow->level);
}

/* What the server says of its limit would not help anybody here. */
static void
say_too_deep(void *arg)
{
	const Shallow *shallow = arg;

	if (geterrcode() != ERRCODE_STATEMENT_TOO_COMPLEX)
		return;
	errmsg("%s is nested too deeply", shallow->what);
	errdetail("It must be possible to evaluate it with a part of the stack (max_stack_depth), as events come from deeper down.");
	errhint("Nest it less deeply, and do not build traits and audiences on others in a long row.");
}
