/*-------------------------------------------------------------------------
 *
 * folding.c
 *	  Nobody writes to a source while rows of one are being evaluated.
 *
 *		INSERT INTO orders ...
 *			folding_begin
 *			status = 'paid'			an operator, which calls a function
 *				INSERT INTO orders ...		that writes: an error
 *			folding_end
 *
 * Expressions over rows call functions of the server, and of superusers
 * (filter/expression.c).  One that wrote to a source would have those that are
 * being evaluated begin anew, in the memory of the row before, and the deltas
 * moved to which it is added.  Triggers may write: they fire before or after.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"

#include "flow/batch.h"

/* The nesting level of the transaction that folds rows now; 0: none does. */
static int	folding = 0;

void
folding_begin(void)
{
	folding = GetCurrentTransactionNestLevel();
}

void
folding_end(void)
{
	folding = 0;
}

void
folding_check(void)
{
	if (folding != 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("cannot write to a source while rows of one are being counted"),
				 errdetail("A function that is called for each of these rows writes; a trigger of their table may.")));
}

/* A function that has caught an error of its own is still being called. */
void
folding_forget(int level)
{
	if (folding >= level)
		folding = 0;
}
