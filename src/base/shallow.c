/*-------------------------------------------------------------------------
 *
 * shallow.c
 *	  Will a definition still work where events need it, deeper down?
 *
 *		max_stack_depth			2048 kB
 *		accepting a definition	512 kB: refused if it needs more
 *		an event				what a function, which calls a function, which
 *								fires a trigger, has left of 2048 kB
 *
 * An event comes from a trigger within a function within a function.  So a
 * definition is accepted with a part of the stack only.  One that is nested
 * more deeply is refused then, when its author can change it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"

#include "base/base.h"

/* That part: the planner takes about twice as much as binding does. */
#define SHALLOW_PART	4

static void say_too_deep(void *arg);

void
shallow_begin(Shallow *shallow, const char *what)
{
	char		depth[32];

	shallow->what = what;
	shallow->level = NewGUCNestLevel();
	snprintf(depth, sizeof(depth), "%dkB",
			 Max(max_stack_depth / SHALLOW_PART, 100));
	(void) set_config_option("max_stack_depth", depth, PGC_SUSET,
							 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
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

/*
 * say_too_deep() replaces what the server says of its limit, which would not
 * help here: an error context's callback.
 */
static void
say_too_deep(void *arg)
{
	const Shallow *shallow = arg;

	if (geterrcode() != ERRCODE_STATEMENT_TOO_COMPLEX)
		return;
	errmsg("%s is nested too deeply", shallow->what);
	errdetail("Events evaluate it with a part of the stack (max_stack_depth), "
			  "because the statement that writes them needs the rest.");
	errhint("Nest it less deeply, and do not build traits and audiences on "
			"others in a long chain.");
}
