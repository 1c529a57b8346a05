/*-------------------------------------------------------------------------
 *
 * flow.c
 *	  What does a session remember between two steps of the corridor?
 *
 *		what				where		until
 *		the batch			capture.c	the counts of its statements meet; at
 *										most to the end of the transaction
 *		what is pending		pending.c	the end of the transaction, which tells
 *										the listener if it commits
 *		rows postponed	apply_batch.c	guests have written
 *		what was folded		guests.c	guests are told, at the end of a fold
 *										or of a definition
 *		resume points		sweep.c		the session ends; a rollback forgets
 *										them
 *		what was picked		membership/picked.c	the same
 *
 * All else is passed from step to step.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"

#include "flow/flow.h"
#include "flow/flow_private.h"
#include "membership/membership.h"

static void at_xact(XactEvent event, void *arg);
static void at_subxact(SubXactEvent event, SubTransactionId subid,
					   SubTransactionId parent, void *arg);

void
flow_init(void)
{
	RegisterXactCallback(at_xact, NULL);
	RegisterSubXactCallback(at_subxact, NULL);
	merged_moves_init();
}

/* at_xact() ends what lives in a transaction.  A XactCallback. */
static void
at_xact(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
		case XACT_EVENT_PRE_PREPARE:
			capture_check_complete();
			break;
		case XACT_EVENT_COMMIT:
			pending_commit();
			break;
		case XACT_EVENT_ABORT:
			sweep_forget_resume();
			membership_forget_picked();
			break;
		case XACT_EVENT_PREPARE:
			/* it may be rolled back when nobody is told */
			membership_forget_picked();
			break;
		default:
			break;
	}
	capture_end();
	guests_end_transaction();
	postponed_end_transaction();
	profile_forget_left();
	if (event != XACT_EVENT_PRE_COMMIT && event != XACT_EVENT_PRE_PREPARE)
		pending_forget();
}

/* at_subxact() ends what lives in a subtransaction.  A SubXactCallback. */
static void
at_subxact(SubXactEvent event, SubTransactionId subid,
		   SubTransactionId parent, void *arg)
{
	if (event == SUBXACT_EVENT_COMMIT_SUB)
		capture_merge(subid, parent);
	else if (event == SUBXACT_EVENT_ABORT_SUB)
	{
		capture_discard(subid);
		guests_discard(subid);
		postponed_discard(subid);
		profile_discard_left(subid);
		sweep_forget_resume();
		membership_forget_picked();
	}
}
