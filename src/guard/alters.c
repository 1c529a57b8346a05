/*-------------------------------------------------------------------------
 *
 * alters.c
 *	  What does ALTER TABLE do to the rows that sources read, and to who may?
 *
 *		ALTER n TYPE ... USING	values are others: read again
 *		DISABLE TRIGGER			rows may not be reported any more: a warning
 *		ENABLE ROW LEVEL SECURITY, OWNER TO
 *								rows may be hidden from who reads them again: a
 *								warning
 *		OWNER TO				of the view or base table of a population: all
 *								of it goes along
 *
 * Where a table was not rewritten and a column has kept its type, as when
 * varchar(20) becomes varchar(40), its values are what they were.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "storage/lockdefs.h"

#include "base/base.h"
#include "flow/flow.h"
#include "guard/guard_private.h"
#include "source/source.h"

/* Tables that this transaction has rewritten, as far as there is room. */
#define MOST_REWRITTEN	64
static Oid	rewritten[MOST_REWRITTEN];
static int	nrewritten = 0;

static void check_columns(const GuardStatement *statement, List *tables);
static void check_triggers(List *tables);
static void check_rights(const GuardStatement *statement, List *tables);
static void alters_end(XactEvent event, void *arg);
static bool is_rewritten(Oid relid);
static List *altered_tables(const GuardStatement *statement);
static bool is_of_triggers(const AlterTableCmd *command);
static bool is_of_rights(const AlterTableCmd *command);

void
alters_init(void)
{
	RegisterXactCallback(alters_end, NULL);
}

/* alters_end() forgets what a transaction has rewritten.  A XactCallback. */
static void
alters_end(XactEvent event, void *arg)
{
	nrewritten = 0;
}

void
alters_note_rewrite(Oid relid)
{
	if (nrewritten < MOST_REWRITTEN && !is_rewritten(relid))
		rewritten[nrewritten++] = relid;
}

/* is_rewritten() says so if it is not known. */
static bool
is_rewritten(Oid relid)
{
	for (int i = 0; i < nrewritten; i++)
		if (rewritten[i] == relid)
			return true;
	return nrewritten == MOST_REWRITTEN;
}

void
alters_check(const GuardStatement *statement)
{
	const AlterTableStmt *alter = (const AlterTableStmt *) statement->tree;
	List	   *tables;
	bool		triggers = false;
	bool		values = false;
	bool		rights = false;
	ListCell   *lc;

	if (!IsA(alter, AlterTableStmt) || statement->objects == NIL)
		return;
	foreach(lc, alter->cmds)
	{
		triggers |= is_of_triggers(lfirst(lc));
		values |= is_of_values(lfirst(lc));
		rights |= is_of_rights(lfirst(lc));
	}
	tables = triggers || values || rights ? altered_tables(statement) : NIL;
	if (triggers)
		check_triggers(tables);
	if (rights)
		check_rights(statement, tables);
	if (values)
		check_columns(statement, tables);
}

/* check_triggers() warns if rows are not captured any more. */
static void
check_triggers(List *tables)
{
	ListCell   *lc;

	foreach(lc, tables)
		flow_warn_uncaptured(lfirst_oid(lc));
}

/*
 * check_rights() lets what is a population's follow its owner, and warns if
 * rows are hidden from those who read them.
 */
static void
check_rights(const GuardStatement *statement, List *tables)
{
	ListCell   *lc;

	foreach(lc, statement->objects)
	{
		const GuardObject *object = lfirst(lc);

		if (object->address.classId == RelationRelationId)
			flow_follow_owner(object->address.objectId);
	}
	foreach(lc, tables)
		flow_warn_hidden(lfirst_oid(lc));
}

/* check_columns() has read again what has another value or type. */
static void
check_columns(const GuardStatement *statement, List *tables)
{
	const AlterTableStmt *alter = (const AlterTableStmt *) statement->tree;
	List	   *columns = NIL;
	bool		changed = false;
	ListCell   *lc;

	foreach(lc, alter->cmds)
	{
		const AlterTableCmd *command = lfirst(lc);
		const ColumnDef *column = (const ColumnDef *) command->def;

		if (!is_of_values(command))
			continue;
		columns = lappend(columns, command->name);
		changed |= command->subtype == AT_SetExpression ||
			column->raw_default != NULL;
	}
	foreach(lc, tables)
		flow_reread(lfirst_oid(lc), columns,
					changed || is_rewritten(lfirst_oid(lc)),
					psprintf("alter column %s of table %s",
							 (char *) linitial(columns),
							 relation_name(lfirst_oid(lc))));
}

bool
is_of_values(const AlterTableCmd *command)
{
	return command->subtype == AT_AlterColumnType ||
		command->subtype == AT_SetExpression;
}

/* altered_tables() lists the attached tables (OIDs) that are altered. */
static List *
altered_tables(const GuardStatement *statement)
{
	List	   *tables = NIL;
	ListCell   *lc;

	foreach(lc, statement->objects)
	{
		const GuardObject *object = lfirst(lc);

		if (object->address.classId != RelationRelationId)
			continue;
		tables = list_concat(tables,
							 find_all_inheritors(object->address.objectId,
												 NoLock, NULL));
		/* a partition is a part of what is attached */
		tables = lappend_oid(tables, source_top(object->address.objectId));
	}
	return source_tables_among(tables);
}

/* is_of_triggers() says whether a part of ALTER TABLE is about triggers. */
static bool
is_of_triggers(const AlterTableCmd *command)
{
	switch (command->subtype)
	{
		case AT_EnableTrig:
		case AT_EnableAlwaysTrig:
		case AT_EnableReplicaTrig:
		case AT_DisableTrig:
		case AT_EnableTrigAll:
		case AT_DisableTrigAll:
		case AT_EnableTrigUser:
		case AT_DisableTrigUser:
			return true;
		default:
			return false;
	}
}

/* is_of_rights() says whether a part may hide rows from who has read them. */
static bool
is_of_rights(const AlterTableCmd *command)
{
	return command->subtype == AT_EnableRowSecurity ||
		command->subtype == AT_ChangeOwner;
}
