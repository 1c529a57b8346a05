/*-------------------------------------------------------------------------
 *
 * ahead.c
 *	  Who must be waited for before a statement has its table?
 *
 *		ALTER TABLE orders RENAME amount TO total
 *		ddl_command_start	populations that read orders.amount are held
 *							against those who define
 *		...					the server locks orders, against all others
 *		ddl_command_end		definitions follow
 *
 * A definition holds its population, and then waits for tables.  Were they
 * locked the other way round here, the two would wait for each other; and the
 * victim could be a third, an INSERT that waits for the table with them.
 *
 * With a base table its population goes, and the triggers on its sources:
 * these are locked first, as who writes to them waits for the base table.
 *
 * Only for the owner of a table: a statement of others is refused.  A
 * transaction that has locked the table before comes too late for this.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "storage/lockdefs.h"
#include "utils/acl.h"

#include "base/base.h"
#include "flow/flow.h"
#include "guard/guard_private.h"
#include "source/source.h"

static void before_rename(const RenameStmt *rename);
static void before_alter(const AlterTableStmt *alter);
static void before_drop(const DropStmt *drop);
static Oid	own_table(const RangeVar *name);
static void hold(Oid relid, const char *column);

void
ahead_begin(const GuardStatement *statement)
{
	switch (nodeTag(statement->tree))
	{
		case T_RenameStmt:
			before_rename((const RenameStmt *) statement->tree);
			break;
		case T_AlterTableStmt:
			before_alter((const AlterTableStmt *) statement->tree);
			break;
		case T_DropStmt:
			before_drop((const DropStmt *) statement->tree);
			break;
		default:
			break;
	}
}

/* before_rename() waits for those who define before a name changes. */
static void
before_rename(const RenameStmt *rename)
{
	if (rename->renameType == OBJECT_COLUMN)
		hold(own_table(rename->relation), rename->subname);
	else if (rename->renameType == OBJECT_TABLE)
		hold(own_table(rename->relation), NULL);
}

/* before_alter() does before columns get other values, or go. */
static void
before_alter(const AlterTableStmt *alter)
{
	ListCell   *lc;

	foreach(lc, alter->cmds)
	{
		const AlterTableCmd *command = lfirst(lc);

		if (is_of_values(command) ||
			(command->subtype == AT_DropColumn &&
			 command->behavior == DROP_CASCADE))
			hold(own_table(alter->relation), command->name);
	}
}

/* before_drop() does before tables go, with what reads them. */
static void
before_drop(const DropStmt *drop)
{
	ListCell   *lc;

	if (drop->removeType != OBJECT_TABLE || drop->behavior != DROP_CASCADE)
		return;
	foreach(lc, drop->objects)
	{
		Oid			relid = own_table(makeRangeVarFromNameList(lfirst(lc)));

		hold(relid, NULL);
		if (OidIsValid(relid))
			flow_lock_population(relid);
	}
}

/* own_table() is a table of the user's; InvalidOid if it is none. */
static Oid
own_table(const RangeVar *name)
{
	Oid			relid = RangeVarGetRelid(name, NoLock, true);

	return OidIsValid(relid) &&
		object_ownercheck(RelationRelationId, relid, GetUserId()) ?
		relid : InvalidOid;
}

/*
 * hold() holds the populations that read a column of a table, or the table if
 * the column is NULL; with the table go its heirs.
 */
static void
hold(Oid relid, const char *column)
{
	List	   *heirs;
	ListCell   *lc;

	if (!OidIsValid(relid))
		return;
	heirs = find_all_inheritors(relid, NoLock, NULL);
	foreach(lc, source_tables_attached())
		if (has_columns_of(lfirst_oid(lc), relid, heirs))
			flow_hold_readers(lfirst_oid(lc), column);
}
