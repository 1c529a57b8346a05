/*-------------------------------------------------------------------------
 *
 * pending.c
 *	  Did this transaction leave something for a worker to do?
 *
 *		INSERT INTO orders ...	toggles to fold: flow_note_pending()
 *		COMMIT					pending_commit(): the listener is told
 *
 * The note lives as long as the transaction.  The listener is called at
 * commit, when nothing may fail any more, nor wait.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "flow/flow.h"
#include "flow/flow_private.h"

/* Has this transaction left something to fold, or an earlier wake_at? */
static bool pending = false;

/* Set once, when the library is loaded; NULL if there is no listener. */
static FlowListener listener = NULL;

void
flow_on_pending(FlowListener tell)
{
	listener = tell;
}

void
flow_note_pending(void)
{
	pending = true;
}

void
pending_commit(void)
{
	if (pending && listener != NULL)
		listener();
}

void
pending_forget(void)
{
	pending = false;
}
