/*-------------------------------------------------------------------------
 *
 * drops.c
 *	  Does anything read what a statement has dropped?
 *
 *		DROP TABLE orders				sources that are made of it
 *		ALTER TABLE orders DROP amount	what mentions the column
 *		DROP TYPE state CASCADE			what mentions the columns that went
 *		DROP SCHEMA shop CASCADE		all of these
 *		DROP OWNED BY somebody CASCADE	and populations, with their base tables
 *
 * Definitions are no objects of the server's, so it does not know; but it
 * says what is gone before the statement ends.  Whether the statement was to
 * CASCADE stands in its text.
 *
 * A table whose capture triggers had been dropped before may go: that is how
 * pg_restore --clean takes a database apart.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_trigger.h"
#include "utils/lsyscache.h"

#include "base/base.h"
#include "flow/flow.h"
#include "guard/guard_private.h"
#include "source/source.h"

static void lose_populations(const GuardStatement *statement);
static void lose_table(const GuardStatement *statement,
					   const GuardObject *object);
static void lose_column(const GuardStatement *statement,
						const GuardObject *object);
static Oid	top_of(Oid relid);

void
drops_check(const GuardStatement *statement)
{
	List	   *attached;
	ListCell   *lc;

	/* first: what is made of a population that goes, needs nothing any more */
	lose_populations(statement);
	attached = source_tables_attached();

	/* columns first: a definition reads a column of a table that is there */
	foreach(lc, statement->objects)
	{
		const GuardObject *object = lfirst(lc);

		if (object->address.classId != RelationRelationId ||
			!list_member_oid(attached, object->address.objectId))
			continue;
		if (object->address.objectSubId != 0)
			lose_column(statement, object);
		else
			lose_table(statement, object);
	}
}

void
triggers_check_dropped(const GuardStatement *statement)
{
	List	   *tables = NIL;
	ListCell   *lc;

	foreach(lc, statement->objects)
	{
		const GuardObject *object = lfirst(lc);
		Oid			schema;

		if (object->address.classId != TriggerRelationId ||
			list_length(object->names) < 2)
			continue;
		schema = get_namespace_oid(linitial(object->names), true);
		if (OidIsValid(schema))
		{
			Oid			relid = get_relname_relid(lsecond(object->names),
												  schema);

			tables = lappend_oid(tables, top_of(relid));
		}
	}
	foreach(lc, source_tables_among(tables))
		flow_warn_uncaptured(lfirst_oid(lc));
}

/* lose_populations() drops populations whose base tables are gone. */
static void
lose_populations(const GuardStatement *statement)
{
	List	   *relids = NIL;
	ListCell   *lc;

	foreach(lc, statement->objects)
	{
		const GuardObject *object = lfirst(lc);

		if (object->address.classId == RelationRelationId &&
			object->address.objectSubId == 0)
			relids = lappend_oid(relids, object->address.objectId);
	}
	if (relids != NIL)
		flow_lose_populations(relids);
}

/* lose_table() refuses that a table is gone, or drops what reads it. */
static void
lose_table(const GuardStatement *statement, const GuardObject *object)
{
	FlowLoss	loss = {.relid = object->address.objectId};
	bool		cascade = drop_cascades(statement, NULL);

	loss.what = psprintf("table %s", object->identity);
	if (cascade || had_triggers(statement, object))
		flow_lose(&loss, cascade);
	else
		ereport(WARNING,
				(errmsg("%s was attached, and what is made of it stays without it",
						loss.what),
				 errdetail("Its rows had not been captured any more."),
				 errhint("Detach the sources that segment.source shows without a table.")));
}

/* lose_column() refuses that a column is gone, or drops what mentions it. */
static void
lose_column(const GuardStatement *statement, const GuardObject *object)
{
	FlowLoss	loss = {.relid = object->address.objectId};

	if (list_length(object->names) < 3)
		return;
	loss.column = lthird(object->names);
	loss.what = psprintf("column %s of table %s", loss.column,
						 relation_name(loss.relid));
	flow_lose(&loss, drop_cascades(statement, loss.column));
}

/* top_of() is the table of whose tree another one is a part, if it exists. */
static Oid
top_of(Oid relid)
{
	return OidIsValid(relid) ? source_top(relid) : relid;
}

/*
 * What is left of the name of a trigger are the names of the table's schema,
 * of the table and of the trigger.
 */
bool
had_triggers(const GuardStatement *statement, const GuardObject *table)
{
	ListCell   *lc;

	foreach(lc, statement->objects)
	{
		const GuardObject *object = lfirst(lc);

		if (object->address.classId == TriggerRelationId &&
			list_length(object->names) >= 3 &&
			list_length(table->names) >= 2 &&
			strcmp(linitial(object->names), linitial(table->names)) == 0 &&
			strcmp(lsecond(object->names), lsecond(table->names)) == 0)
			return true;
	}
	return false;
}

bool
drop_cascades(const GuardStatement *statement, const char *column)
{
	const Node *tree = statement->tree;
	bool		cascades = false;
	ListCell   *lc;

	switch (nodeTag(tree))
	{
		case T_DropStmt:
			return ((const DropStmt *) tree)->behavior == DROP_CASCADE;
		case T_DropOwnedStmt:
			return ((const DropOwnedStmt *) tree)->behavior == DROP_CASCADE;
		case T_AlterTableStmt:
			foreach(lc, ((const AlterTableStmt *) tree)->cmds)
			{
				const AlterTableCmd *command = lfirst(lc);

				if (column == NULL ? command->subtype == AT_DropColumn ||
					command->subtype == AT_DropConstraint :
					command->subtype == AT_DropColumn &&
					strcmp(command->name, column) == 0)
					cascades |= command->behavior == DROP_CASCADE;
			}
			return cascades;
		default:
			return false;
	}
}
