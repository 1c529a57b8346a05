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

#include "access/xact.h"
#include "catalog/index.h"
#include "catalog/namespace.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "nodes/makefuncs.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "base/base.h"
#include "flow/flow.h"
#include "guard/guard_private.h"
#include "source/source.h"

static object_access_hook_type access_before = NULL;

/* Will sql_drop be told?  What was dropped (FlowLoss *), so far? */
static bool dropping = false;
static List *losses = NIL;

static void at_access(ObjectAccessType access, Oid class, Oid object,
					  int column, void *arg);
static void at_end(XactEvent event, void *arg);
static FlowLoss *loss_of(Oid index);
static bool is_unique(Oid index);
static bool cascades(const Node *tree);

void
uniques_init(void)
{
	access_before = object_access_hook;
	object_access_hook = at_access;
	RegisterXactCallback(at_end, NULL);
}

void
uniques_begin(const GuardStatement *statement)
{
	const DropStmt *drop = (const DropStmt *) statement->tree;

	dropping = true;
	losses = NIL;
	if (IsA(drop, DropStmt) && drop->removeType == OBJECT_INDEX &&
		drop->concurrent)
	{
		ListCell   *lc;

		dropping = false;
		foreach(lc, drop->objects)
		{
			RangeVar   *name = makeRangeVarFromNameList(lfirst(lc));
			Oid			index = RangeVarGetRelid(name, NoLock, true);

			if (is_unique(index))
				flow_lose(loss_of(index), false);
		}
	}
}

/* at_access() is called, among others, before an object is dropped. */
static void
at_access(ObjectAccessType access, Oid class, Oid object, int column,
		  void *arg)
{
	MemoryContext old;

	if (access_before != NULL)
		access_before(access, class, object, column, arg);
	if (access != OAT_DROP || !dropping || class != RelationRelationId ||
		column != 0 || !is_unique(object))
		return;
	old = MemoryContextSwitchTo(TopTransactionContext);
	losses = lappend(losses, loss_of(object));
	MemoryContextSwitchTo(old);
}

/* at_end() ends what is known of a statement.  An XactCallback. */
static void
at_end(XactEvent event, void *arg)
{
	dropping = false;
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

	dropping = false;
	losses = NIL;
	foreach(lc, lost)
	{
		const FlowLoss *loss = lfirst(lc);

		/* not those of a table that is gone itself */
		if (list_member_oid(attached, loss->relid) &&
			get_rel_name(loss->relid) != NULL)
			flow_lose(loss, cascades(statement->tree));
	}
}

/* cascades() says whether the statement was to drop what needs an index. */
static bool
cascades(const Node *tree)
{
	ListCell   *lc;

	if (IsA(tree, DropStmt))
		return ((const DropStmt *) tree)->behavior == DROP_CASCADE;
	if (!IsA(tree, AlterTableStmt))
		return false;
	foreach(lc, ((const AlterTableStmt *) tree)->cmds)
	{
		const AlterTableCmd *command = lfirst(lc);

		if ((command->subtype == AT_DropConstraint ||
			 command->subtype == AT_DropColumn) &&
			command->behavior == DROP_CASCADE)
			return true;
	}
	return false;
}
