/*-------------------------------------------------------------------------
 *
 * uniques.c
 *	  Does a source lack a unique index that a statement has dropped?
 *
 *		DROP INDEX products_id_key				a link finds one product by it
 *		ALTER TABLE customers DROP CONSTRAINT	a profile has one row by it
 *
 * When sql_drop fires nobody can say any more whose index it was: a hook notes
 * that before.  What counts is what there is when the statement ends, which
 * may have made another index.  DROP INDEX CONCURRENTLY has committed a part
 * of its work by then, so it is refused when it begins.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/index.h"
#include "catalog/namespace.h"
#include "catalog/pg_index.h"
#include "nodes/makefuncs.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "base/base.h"
#include "flow/flow.h"
#include "guard/guard_private.h"
#include "source/source.h"

/* What the statement has dropped (FlowLoss *), so far. */
static List *losses = NIL;

static FlowLoss *loss_of(Oid index);
static bool is_unique(Oid index);

void
uniques_begin(const GuardStatement *statement)
{
	const DropStmt *drop = (const DropStmt *) statement->tree;
	ListCell   *lc;

	losses = NIL;
	if (!IsA(drop, DropStmt) || drop->removeType != OBJECT_INDEX ||
		!drop->concurrent)
		return;
	foreach(lc, drop->objects)
	{
		RangeVar   *name = makeRangeVarFromNameList(lfirst(lc));
		Oid			index = RangeVarGetRelid(name, NoLock, true);

		if (is_unique(index))
			flow_lose(loss_of(index), false);
	}
}

void
uniques_dropping(Oid relid)
{
	MemoryContext old;

	if (!is_unique(relid))
		return;
	old = MemoryContextSwitchTo(TopTransactionContext);
	losses = lappend(losses, loss_of(relid));
	MemoryContextSwitchTo(old);
}

void
uniques_forget(void)
{
	losses = NIL;
}

/* loss_of() is what is lost with an index. */
static FlowLoss *
loss_of(Oid index)
{
	FlowLoss   *loss = palloc0(sizeof(FlowLoss));

	loss->relid = IndexGetRelation(index, false);
	loss->index = index;
	loss->what = psprintf("index %s", relation_name(index));
	return loss;
}

/* is_unique() says whether a relation is a unique index. */
static bool
is_unique(Oid index)
{
	HeapTuple	tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(index));
	bool		unique;

	if (!HeapTupleIsValid(tuple))
		return false;
	unique = ((Form_pg_index) GETSTRUCT(tuple))->indisunique;
	ReleaseSysCache(tuple);
	return unique;
}

void
uniques_check(const GuardStatement *statement)
{
	List	   *lost = losses;
	List	   *attached = lost == NIL ? NIL : source_tables_attached();
	ListCell   *lc;

	losses = NIL;
	foreach(lc, lost)
	{
		const FlowLoss *loss = lfirst(lc);

		/* not those of a table that is gone itself */
		if (list_member_oid(attached, loss->relid) &&
			get_rel_name(loss->relid) != NULL)
			flow_lose(loss, drop_cascades(statement, NULL));
	}
}
