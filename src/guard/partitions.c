/*-------------------------------------------------------------------------
 *
 * partitions.c
 *	  Tables that join the tree of a source, and tables that leave it.
 *
 *		CREATE TABLE ... PARTITION OF visits	gets triggers
 *		ALTER TABLE visits ATTACH PARTITION p	the same, and its rows come
 *		ALTER TABLE visits DETACH PARTITION p	its rows go, and so do triggers
 *		DROP TABLE p							its rows go
 *
 * and likewise for tables that INHERIT.  Rows come and go with their table as
 * if a statement had inserted or deleted them: through the same steps, in the
 * same transaction, and beside other writers.
 *
 * DROP.  When sql_drop fires, the rows cannot be read any more.  The server
 * says earlier that an object is about to be dropped, but only to a hook, so
 * an event trigger at the beginning of the statement sees to it that the
 * library is there.  What was read then is applied when sql_drop fires.
 *
 * DETACH CONCURRENTLY takes two transactions.  After the first one queries see
 * the partition no more, and its rows still count; the event trigger fires in
 * the second.  A trait that is read from the source in between is read without
 * these rows already, so the customers of the partition are read again at the
 * end.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "nodes/makefuncs.h"
#include "nodes/parsenodes.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "base/base.h"
#include "flow/flow.h"
#include "guard/guard_private.h"
#include "source/source.h"

/* The tables (OIDs) that a statement that drops names. */
static List *dropped = NIL;

static void note_dropped(const DropStmt *drop);
static void made(Oid relid);
static void altered(const AlterTableStmt *alter, const AlterTableCmd *command);
static void refuse_unlogged(Oid relid);
static void joined(Oid relid);
static void refuse_doubles(Oid relid, Oid top);
static void left(Oid relid, Oid parent, bool concurrently);

void
partitions_begin(const GuardStatement *statement)
{
	dropped = NIL;
	if (IsA(statement->tree, DropStmt))
		note_dropped((const DropStmt *) statement->tree);
}

/*
 * note_dropped() notes which tables a statement names.  Rows of what is below
 * them need not be counted: all of the source goes.
 */
static void
note_dropped(const DropStmt *drop)
{
	MemoryContext old = MemoryContextSwitchTo(TopTransactionContext);
	ListCell   *lc;

	foreach(lc, drop->removeType == OBJECT_TABLE ? drop->objects : NIL)
	{
		RangeVar   *name = makeRangeVarFromNameList(lfirst(lc));

		dropped = lappend_oid(dropped, RangeVarGetRelid(name, NoLock, true));
	}
	MemoryContextSwitchTo(old);
}

void
partitions_dropping(Oid relid)
{
	if (get_rel_relkind(relid) == RELKIND_RELATION &&
		source_parents(relid) != NIL)
	{
		Oid			top = source_top(relid);

		if (!list_member_oid(dropped, top))
			flow_rows_drop(top, relid);
	}
}

void
partitions_forget(void)
{
	dropped = NIL;
}

void
partitions_dropped(void)
{
	dropped = NIL;
	flow_rows_dropped();
}

void
partitions_commanded(const GuardStatement *statement)
{
	ListCell   *lc;

	if (IsA(statement->tree, AlterTableStmt))
	{
		const AlterTableStmt *alter = (const AlterTableStmt *) statement->tree;

		if (alter->objtype == OBJECT_TABLE ||
			alter->objtype == OBJECT_FOREIGN_TABLE)
			foreach(lc, alter->cmds)
				altered(alter, lfirst(lc));
		return;
	}
	if (strncmp(statement->tag, "CREATE ", strlen("CREATE ")) != 0)
		return;
	foreach(lc, statement->objects)
	{
		const GuardObject *object = lfirst(lc);

		if (object->address.classId == RelationRelationId &&
			object->address.objectSubId == 0)
			made(object->address.objectId);
	}
}

/* made() gives a new table the triggers of the tree that it is in. */
static void
made(Oid relid)
{
	char		kind = get_rel_relkind(relid);

	if ((kind == RELKIND_RELATION || kind == RELKIND_PARTITIONED_TABLE ||
		 kind == RELKIND_FOREIGN_TABLE) && source_parents(relid) != NIL)
		joined(relid);
}

/* altered() follows one command of ALTER TABLE. */
static void
altered(const AlterTableStmt *alter, const AlterTableCmd *command)
{
	Oid			relid = RangeVarGetRelid(alter->relation, NoLock, true);
	const PartitionCmd *partition = (const PartitionCmd *) command->def;
	Oid			other = InvalidOid;

	if (command->def != NULL && IsA(command->def, PartitionCmd))
		other = RangeVarGetRelid(partition->name, NoLock, true);
	else if (command->def != NULL && IsA(command->def, RangeVar))
		other = RangeVarGetRelid((RangeVar *) command->def, NoLock, true);
	if (command->subtype == AT_SetUnLogged && OidIsValid(relid) &&
		source_is_followed(relid))
		refuse_unlogged(relid);
	if (!OidIsValid(relid) || !OidIsValid(other))
		return;
	switch (command->subtype)
	{
		case AT_AttachPartition:
			joined(other);
			break;
		case AT_DetachPartition:
			left(other, relid, partition->concurrent);
			break;
		case AT_DetachPartitionFinalize:
			left(other, relid, true);
			break;
		case AT_AddInherit:
			joined(relid);
			break;
		case AT_DropInherit:
			left(relid, other, false);
			break;
		default:
			break;
	}
}

/* refuse_unlogged() refuses to lose the rows of a source in a crash. */
static void
refuse_unlogged(Oid relid)
{
	List	   *sources = sources_followed(source_top(relid));
	const Source *source;

	if (sources == NIL)
		return;
	source = linitial(sources);
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("table \"%s\" cannot be unlogged, because it is part of source \"%s\"",
					get_rel_name(relid), source->name),
			 errdetail("Its rows could vanish without a trigger."),
			 errhint("Detach the source first, with segment.detach_source(%s, %s, cascade => true).",
					 quote_literal_cstr(source->name),
					 quote_literal_cstr(source->population->name))));
}

/* joined() counts in the rows of a table that is below others now. */
static void
joined(Oid relid)
{
	Oid			top = source_top(relid);
	ListCell   *lc;

	source_check_apart(relid);
	if (!source_is_followed(top))
		return;
	/* its writers, if it has any, do not know of us yet */
	(void) source_tree(relid, ShareRowExclusiveLock);
	source_check_below(relid);
	refuse_doubles(relid, top);
	source_follow(top, relid);
	flow_rows_begin();
	foreach(lc, source_tree(relid, NoLock))
		flow_rows_add(top, lfirst_oid(lc), +1, false);
	flow_rows_end();
}

/* refuse_doubles() refuses rows that no index keeps from being there twice. */
static void
refuse_doubles(Oid relid, Oid top)
{
	const char *what = !source_is_inherited(top) ? NULL :
		flow_lacks_unique(top);

	if (what != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("table \"%s\" cannot inherit from \"%s\", because %s needs its rows to be unique",
						get_rel_name(relid), get_rel_name(top), what),
				 errdetail("No index is unique across tables that inherit."),
				 errhint("Use a partitioned table.")));
}

/* left() counts out the rows of a table that was below 'parent'. */
static void
left(Oid relid, Oid parent, bool concurrently)
{
	Oid			top = source_top(parent);
	List	   *gone;
	ListCell   *lc;

	if (!source_is_followed(top))
		return;
	/* some may be in the tree by another parent still */
	gone = list_difference_oid(source_tree(relid, AccessExclusiveLock),
							   source_tree(top, NoLock));
	flow_rows_begin();
	foreach(lc, gone)
		flow_rows_add(top, lfirst_oid(lc), -1, concurrently);
	foreach(lc, gone)
		source_unfollow(lfirst_oid(lc));
	flow_rows_end();
}
