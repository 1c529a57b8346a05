/*-------------------------------------------------------------------------
 *
 * plan_shares.c
 *	  How many members do audiences share, when a query is planned?
 *
 * The planner asks for each way of joining their views, and gets the same
 * answer: their bitmaps are compared once for a query.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "nodes/pathnodes.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "audience/members_of.h"

/* What definitions share, as far as a query has asked. */
typedef struct PlannedShare
{
	Oid			population;
	List	   *definition_ids;	/* ascending */
	double		shared;
} PlannedShare;

/* The shares that the query being planned has asked for, in its memory. */
static List *planned_shares = NIL;
static MemoryContext planned_in = NULL;

static void remember_in(MemoryContext context);
static void forget(void *context);

double
plan_share(PlannerInfo *root, const Population *population, List *audiences)
{
	List	   *ids = NIL;
	PlannedShare *share;
	MemoryContext old;
	ListCell   *lc;

	remember_in(root->planner_cxt);
	old = MemoryContextSwitchTo(root->planner_cxt);
	foreach(lc, audiences)
		ids = lappend_int(ids,
						  ((const Audience *) lfirst(lc))->definition_id);
	list_sort(ids, list_int_cmp);
	MemoryContextSwitchTo(old);
	foreach(lc, planned_shares)
	{
		share = lfirst(lc);
		if (share->population == population->oid &&
			equal(share->definition_ids, ids))
			return share->shared;
	}
	old = MemoryContextSwitchTo(root->planner_cxt);
	share = palloc(sizeof(PlannedShare));
	share->population = population->oid;
	share->definition_ids = ids;
	share->shared = membership_estimate_share(population, ids,
											  GetActiveSnapshot());
	planned_shares = lappend(planned_shares, share);
	MemoryContextSwitchTo(old);
	return share->shared;
}

/*
 * remember_in() begins anew for another query, which may be one that a
 * function runs while the first is planned.
 */
static void
remember_in(MemoryContext context)
{
	MemoryContextCallback *callback;

	if (context == planned_in)
		return;
	callback = MemoryContextAllocZero(context, sizeof(*callback));
	callback->func = forget;
	callback->arg = context;
	MemoryContextRegisterResetCallback(context, callback);
	planned_shares = NIL;
	planned_in = context;
}

static void
forget(void *context)
{
	if (planned_in != context)
		return;
	planned_shares = NIL;
	planned_in = NULL;
}
