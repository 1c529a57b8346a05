/*-------------------------------------------------------------------------
 *
 * plan_shares.c
 *	  How many members do two audiences share, when a query is planned?
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

/* What two definitions share, as far as a query has asked. */
typedef struct PlannedShare
{
	Oid			population;
	int32		a;				/* the smaller definition id */
	int32		b;
	double		shared;
} PlannedShare;

/* The shares that the query being planned has asked for, in its memory. */
static List *planned_shares = NIL;
static MemoryContext planned_in = NULL;

static void remember_in(MemoryContext context);
static void forget(void *context);

double
plan_share(PlannerInfo *root, const Population *population,
		   const Audience *one, const Audience *other)
{
	int32		a = Min(one->definition_id, other->definition_id);
	int32		b = Max(one->definition_id, other->definition_id);
	PlannedShare *share;
	MemoryContext old;
	ListCell   *lc;

	remember_in(root->planner_cxt);
	foreach(lc, planned_shares)
	{
		share = lfirst(lc);
		if (share->population == population->oid && share->a == a &&
			share->b == b)
			return share->shared;
	}
	old = MemoryContextSwitchTo(root->planner_cxt);
	share = palloc(sizeof(PlannedShare));
	share->population = population->oid;
	share->a = a;
	share->b = b;
	share->shared = membership_estimate_share(population, a, b,
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
