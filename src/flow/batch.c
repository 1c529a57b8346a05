/*-------------------------------------------------------------------------
 *
 * batch.c
 *	  What is awaited before what statements did is applied?
 *
 *		INSERT ... ON CONFLICT DO UPDATE	awaited		contributions
 *		BEFORE INSERT						1
 *		BEFORE UPDATE						2
 *		AFTER UPDATE						1			orders: 3 profiles
 *		AFTER INSERT						0			orders: 8 profiles
 *													─► apply_batch.c
 *
 * Lifetimes.  A batch lives from the first count-in to the meeting of the
 * counts, within one transaction.  What a subtransaction contributed to it
 * goes when the subtransaction is rolled back: each contribution has a memory
 * context of its own, below that of the batch.  Once a batch is whole its
 * memory belongs to the current subtransaction, so that an error that is
 * caught frees it, too.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "base/base.h"
#include "flow/batch.h"
#include "flow/flow_private.h"

/* AFTER triggers still to come, counted in by one subtransaction. */
typedef struct Awaited
{
	SubTransactionId subid;
	int			count;
	int			dropped;		/* so many of them are tables that go */
} Awaited;

/*
 * A table whose rows a TRUNCATE that is on its way has counted for a
 * population.
 */
typedef struct Truncating
{
	SubTransactionId subid;
	Oid			base;			/* the population's */
	Oid			relid;
} Truncating;

typedef struct Batch
{
	MemoryContext context;		/* of the lists, and of all contributions */
	List	   *awaited;		/* Awaited *, innermost last */
	List	   *contributions;	/* Contribution *, in their order */
	List	   *truncating;		/* Truncating *, until AFTER TRUNCATE */
} Batch;

/* NULL while no statement is on its way: see Lifetimes. */
static Batch *batch = NULL;

/* Batches that are being applied (WholeBatch). */
static dlist_head taken = DLIST_STATIC_INIT(taken);

static Contribution *batch_contribution(const Source *source);
static bool is_truncating(const Truncating *one, const Population *population,
						  Oid relid);
static void forget_dropped(SubTransactionId subid);
static void end_contributions(WholeBatch *whole);

void
capture_await(int count)
{
	if (segment_capture)
		batch_await(count);
}

void
capture_check_complete(void)
{
	int			awaited = batch_awaited();

	if (awaited != 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg_plural("capture is incomplete: %d statement was announced and not reported",
							   "capture is incomplete: %d statements were announced and not reported",
							   awaited, awaited),
				 errhint("Enable all triggers whose names begin with \"segment_\" on the tables written, or none of them.")));
}

void
capture_end(void)
{
	/* memory and files go with the transaction */
	batch = NULL;
	dlist_init(&taken);
	folding_forget(0);
}

void
capture_merge(SubTransactionId subid, SubTransactionId parent)
{
	Awaited    *awaited;
	ListCell   *lc;

	if (batch == NULL)
		return;
	awaited = batch->awaited == NIL ? NULL : llast(batch->awaited);
	if (awaited != NULL && awaited->subid == subid)
	{
		int			length = list_length(batch->awaited);
		Awaited    *before = length < 2 ? NULL :
			list_nth(batch->awaited, length - 2);

		if (before != NULL && before->subid == parent)
		{
			before->count += awaited->count;
			before->dropped += awaited->dropped;
			batch->awaited = list_delete_last(batch->awaited);
			pfree(awaited);
		}
		else
			awaited->subid = parent;
	}
	foreach(lc, batch->contributions)
	{
		Contribution *contribution = lfirst(lc);

		if (contribution->subid == subid)
			contribution->subid = parent;
	}
}

void
capture_discard(SubTransactionId subid)
{
	Awaited    *awaited;
	ListCell   *lc;
	dlist_mutable_iter iter;

	folding_forget(GetCurrentTransactionNestLevel());
	dlist_foreach_modify(iter, &taken)
	{
		WholeBatch *whole = dlist_container(WholeBatch, node, iter.cur);

		/* its memory goes with the subtransaction */
		if (whole->subid == subid)
			end_contributions(whole);
	}
	if (batch == NULL)
		return;
	awaited = batch->awaited == NIL ? NULL : llast(batch->awaited);
	if (awaited != NULL && awaited->subid == subid)
	{
		batch->awaited = list_delete_last(batch->awaited);
		pfree(awaited);
	}
	foreach(lc, batch->contributions)
	{
		Contribution *contribution = lfirst(lc);

		if (contribution->subid != subid)
			continue;
		batch->contributions = foreach_delete_current(batch->contributions,
													  lc);
		contribution_end(contribution);
	}
	foreach(lc, batch->truncating)
		if (((Truncating *) lfirst(lc))->subid == subid)
			batch->truncating = foreach_delete_current(batch->truncating, lc);
	if (batch->awaited == NIL)
	{
		MemoryContextDelete(batch->context);
		batch = NULL;
	}
}

void
batch_await(int count)
{
	SubTransactionId subid = GetCurrentSubTransactionId();
	Awaited    *awaited;
	MemoryContext old;

	if (count > 0)
		folding_check();
	if (batch == NULL)
	{
		MemoryContext context = AllocSetContextCreate(TopTransactionContext,
													  "segment batch",
													  ALLOCSET_DEFAULT_SIZES);

		batch = MemoryContextAllocZero(context, sizeof(Batch));
		batch->context = context;
	}

	awaited = batch->awaited == NIL ? NULL : llast(batch->awaited);
	if (awaited == NULL || awaited->subid != subid)
	{
		old = MemoryContextSwitchTo(batch->context);
		awaited = palloc(sizeof(Awaited));
		awaited->subid = subid;
		awaited->count = awaited->dropped = 0;
		batch->awaited = lappend(batch->awaited, awaited);
		MemoryContextSwitchTo(old);
	}
	awaited->count += count;
}

int
batch_awaited(void)
{
	int			count = 0;
	ListCell   *lc;

	if (batch == NULL)
		return 0;
	foreach(lc, batch->awaited)
		count += ((Awaited *) lfirst(lc))->count;
	return count;
}

bool
batch_is_alone(void)
{
	return batch_awaited() == 1 && !linked_is_noted(batch->contributions);
}

bool
batch_is_only(void)
{
	return batch_awaited() == 1 && dlist_is_empty(&taken);
}

List *
batch_contributions(List *sources)
{
	List	   *contributions = NIL;
	ListCell   *lc;

	foreach(lc, sources)
		contributions = lappend(contributions,
								batch_contribution(lfirst(lc)));
	return contributions;
}

/*
 * batch_contribution() finds or adds what a source contributes in the current
 * subtransaction.
 *
 * It is the last one of the source that is continued: what was contributed
 * before a TRUNCATE in a subtransaction that has ended stands before it, and
 * what comes now stands after it.  A source that was loaded again since is
 * still the same source, and runs the same program until the batch is applied:
 * what that program reads again must not have the deltas of another program
 * added to it.
 */
static Contribution *
batch_contribution(const Source *source)
{
	SubTransactionId subid = GetCurrentSubTransactionId();
	Contribution *last = NULL;
	Contribution *contribution;
	MemoryContext old;
	ListCell   *lc;

	foreach(lc, batch->contributions)
	{
		const Source *other;

		contribution = lfirst(lc);
		other = contribution->source;
		if (other->relid == source->relid &&
			other->population->oid == source->population->oid &&
			strcmp(other->name, source->name) == 0)
			last = contribution;
	}
	if (last != NULL && last->subid == subid)
		return last;

	contribution = last == NULL ?
		contribution_create(batch->context, source, trait_program(source)) :
		contribution_create(batch->context, last->source, last->program);
	old = MemoryContextSwitchTo(batch->context);
	batch->contributions = lappend(batch->contributions, contribution);
	MemoryContextSwitchTo(old);
	return contribution;
}

bool
batch_truncate(const Population *population, Oid relid)
{
	Truncating *truncating;
	MemoryContext old;

	if (batch_truncates(population, relid))
		return false;
	old = MemoryContextSwitchTo(batch->context);
	truncating = palloc(sizeof(Truncating));
	truncating->subid = GetCurrentSubTransactionId();
	truncating->base = population->oid;
	truncating->relid = relid;
	batch->truncating = lappend(batch->truncating, truncating);
	MemoryContextSwitchTo(old);
	return true;
}

/* is_truncating() tells whether it is that table, for that population. */
static bool
is_truncating(const Truncating *one, const Population *population, Oid relid)
{
	return one->base == population->oid && one->relid == relid;
}

bool
batch_truncates(const Population *population, Oid relid)
{
	ListCell   *lc;

	foreach(lc, batch->truncating)
		if (is_truncating(lfirst(lc), population, relid))
			return true;
	return false;
}

void
batch_truncated(const Population *population, Oid relid)
{
	ListCell   *lc;

	foreach(lc, batch->truncating)
		if (is_truncating(lfirst(lc), population, relid))
			batch->truncating = foreach_delete_current(batch->truncating, lc);
}

bool
batch_count_out(void)
{
	batch_await(-1);
	return batch_awaited() == 0;
}

void
batch_await_drop(void)
{
	batch_await(+1);
	((Awaited *) llast(batch->awaited))->dropped++;
}

bool
batch_count_out_dropped(void)
{
	SubTransactionId subid = GetCurrentSubTransactionId();
	Awaited    *awaited = batch == NULL || batch->awaited == NIL ? NULL :
		llast(batch->awaited);

	if (awaited == NULL || awaited->subid != subid || awaited->dropped == 0)
		return false;
	awaited->count -= awaited->dropped;
	awaited->dropped = 0;
	forget_dropped(subid);
	return batch_awaited() == 0;
}

/*
 * forget_dropped() forgets what sources have contributed that are gone as a
 * whole, or whose population is.
 */
static void
forget_dropped(SubTransactionId subid)
{
	ListCell   *lc;

	foreach(lc, batch->contributions)
	{
		Contribution *contribution = lfirst(lc);
		const Source *source = contribution->source;

		if (contribution->subid != subid ||
			(get_rel_relkind(source->relid) != '\0' &&
			 get_rel_relkind(source->population->oid) != '\0'))
			continue;
		batch->contributions = foreach_delete_current(batch->contributions,
													  lc);
		contribution_end(contribution);
	}
}

WholeBatch *
batch_take(void)
{
	WholeBatch *whole = MemoryContextAlloc(batch->context, sizeof(WholeBatch));

	dlist_push_head(&taken, &whole->node);
	whole->subid = GetCurrentSubTransactionId();
	whole->context = batch->context;
	whole->contributions = batch->contributions;
	batch = NULL;
	MemoryContextSetParent(whole->context, CurTransactionContext);
	return whole;
}

void
batch_settle(WholeBatch *whole)
{
	folding_begin();
	linked_settle(whole->contributions);
	folding_end();
}

/* end_contributions() ends what is in a batch that was taken. */
static void
end_contributions(WholeBatch *whole)
{
	ListCell   *lc;

	dlist_delete(&whole->node);
	foreach(lc, whole->contributions)
		contribution_end(lfirst(lc));
}

void
batch_end(WholeBatch *whole)
{
	end_contributions(whole);
	MemoryContextDelete(whole->context);
}
