/*-------------------------------------------------------------------------
 *
 * kept.c
 *	  Does a statement take away a table that we keep?
 *
 *		DROP TABLE segment_data.profile_toggle			refused
 *		DROP TABLE segment_data.profile_club_lot		refused: program "club"
 *														is kept in it
 *		ALTER TABLE segment_data.profile_club_lot
 *			ALTER remaining TYPE numeric				refused
 *			ADD CHECK (remaining < 1000)				is the owner's business
 *		ALTER TABLE segment_data.profile
 *			RENAME wake_at TO due						refused
 *		DROP INDEX segment_data.profile_wake_at_idx		refused
 *		ALTER TABLE segment_data.profile_club_movement
 *			DROP CONSTRAINT profile_club_movement_pkey	refused
 *		ALTER SCHEMA segment_data RENAME TO other		refused
 *		CREATE INDEX ON segment_data.profile_toggle ..	refused
 *		CREATE RULE ... ON UPDATE TO segment_data.profile	refused
 *		CREATE TABLE a () INHERITS (segment_data.profile)	refused
 *
 * CASCADE drops no such table either: it would take away what customers have.
 * But it goes with its population, and where our triggers were dropped before:
 * that is how pg_restore --clean takes a database apart.
 *
 * What is refused of a column or an index of ours is refused before it is
 * done, while it can be told what it is; a table that has become another one,
 * when the statement has ended.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/index.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "nodes/makefuncs.h"
#include "utils/lsyscache.h"

#include "base/base.h"
#include "flow/flow.h"
#include "guard/guard_private.h"
#include "membership/membership.h"
#include "profile/profile.h"
#include "source/source.h"

static void begin_drop(List *names);
static void begin_alter(const AlterTableStmt *alter);
static bool is_of_column(const AlterTableCmd *command);
static void check_schema(const char *name);
static List *concerned(const GuardStatement *statement);
static bool is_ours(Oid relid);

void
kept_begin(const GuardStatement *statement)
{
	const AlterSeqStmt *numbers = (const AlterSeqStmt *) statement->tree;
	const IndexStmt *create = (const IndexStmt *) statement->tree;
	const RenameStmt *rename = (const RenameStmt *) statement->tree;
	const DropStmt *drop = (const DropStmt *) statement->tree;

	if (IsA(statement->tree, AlterTableStmt))
		begin_alter((const AlterTableStmt *) statement->tree);
	else if (IsA(numbers, AlterSeqStmt))
		data_table_check_sequence(RangeVarGetRelid(numbers->sequence, NoLock,
												   true),
								  numbers->options);
	else if (IsA(create, IndexStmt))
	{
		Oid			relid = RangeVarGetRelid(create->relation, NoLock, true);

		if (OidIsValid(relid) && data_table_is_guarded(relid))
			membership_refuse_index(relid);
	}
	else if (IsA(rename, RenameStmt) && rename->renameType == OBJECT_COLUMN)
		population_check_column(RangeVarGetRelid(rename->relation, NoLock,
												 true),
								rename->subname);
	else if (IsA(rename, RenameStmt) && rename->renameType == OBJECT_SCHEMA)
		check_schema(rename->subname);
	else if (IsA(drop, DropStmt) && drop->removeType == OBJECT_INDEX)
		begin_drop(drop->objects);
}

/* begin_drop() does so when indexes, of which these are the names, are. */
static void
begin_drop(List *names)
{
	List	   *indexes = NIL;
	ListCell   *lc;

	foreach(lc, names)
	{
		RangeVar   *name = makeRangeVarFromNameList(lfirst(lc));
		Oid			index = RangeVarGetRelid(name, NoLock, true);

		if (get_rel_relkind(index) == RELKIND_INDEX)
			indexes = lappend_oid(indexes, index);
	}
	foreach(lc, indexes)
	{
		Oid			relid = IndexGetRelation(lfirst_oid(lc), true);

		if (!OidIsValid(relid))
			continue;
		population_check_index(lfirst_oid(lc), relid);
		if (data_table_is_guarded(relid))
			flow_keeper_check_uniques(relid, lcons_oid(lfirst_oid(lc),
													   list_copy(indexes)));
	}
}

/* begin_alter() does so when a table, or a sequence, is to be altered. */
static void
begin_alter(const AlterTableStmt *alter)
{
	Oid			relid = RangeVarGetRelid(alter->relation, NoLock, true);
	ListCell   *lc;

	foreach(lc, alter->cmds)
	{
		const AlterTableCmd *command = lfirst(lc);

		if (is_of_column(command))
			population_check_column(relid, command->name);
		else if (command->subtype == AT_SetUnLogged)
			data_table_check_sequence(relid, NIL);
		else if (command->subtype == AT_SetIdentity &&
				 OidIsValid(relid) && data_table_is_guarded(relid))
			data_table_check_numbers(relid, command->name,
									 (const List *) command->def);
	}
}

/*
 * is_of_column() says whether a part of ALTER TABLE makes another column of
 * one, or one that gets other values.
 */
static bool
is_of_column(const AlterTableCmd *command)
{
	switch (command->subtype)
	{
		case AT_DropColumn:
		case AT_ColumnDefault:
		case AT_SetNotNull:
		case AT_AddIdentity:
		case AT_DropIdentity:
		case AT_DropExpression:
			return true;
		default:
			return is_of_values(command);
	}
}

/* check_schema() refuses another name for a schema of the extension. */
static void
check_schema(const char *name)
{
	if (strcmp(name, SEGMENT_SCHEMA) == 0 ||
		strcmp(name, SEGMENT_DATA_SCHEMA) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
				 errmsg("cannot rename schema \"%s\"", name),
				 errdetail("Extension \"segment\" finds its tables by this name, and so does each statement that writes an attached table.")));
}

void
kept_check_dropped(const GuardStatement *statement)
{
	ListCell   *lc;

	foreach(lc, statement->objects)
	{
		const GuardObject *object = lfirst(lc);
		const char *instead;
		char	   *keeper;

		if (object->address.classId != RelationRelationId ||
			object->address.objectSubId != 0 ||
			!had_triggers(statement, object))
			continue;
		keeper = flow_keeper(object->address.objectId, &instead);
		if (keeper != NULL)
			ereport(ERROR,
					(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
					 errmsg("cannot drop table %s because %s is kept in it",
							object->identity, keeper),
					 errhint("%s", instead)));
	}
}

void
kept_check_altered(const GuardStatement *statement)
{
	bool		alters = IsA(statement->tree, AlterTableStmt) ||
		IsA(statement->tree, AlterObjectSchemaStmt) ||
		IsA(statement->tree, RenameStmt);
	ListCell   *lc;

	foreach(lc, concerned(statement))
	{
		Oid			relid = lfirst_oid(lc);

		if (get_rel_relkind(relid) != RELKIND_RELATION)
			continue;
		if (alters)
			flow_keeper_check(relid);
		if (!data_table_is_guarded(relid))
			continue;
		data_table_check(relid);
		if (alters)
		{
			membership_check_table(relid);
			population_check_table(relid);
			flow_keeper_check_uniques(relid, NIL);
		}
	}
}

/*
 * concerned() lists the tables (OIDs) that the statement has made, altered,
 * or put above or below one of these; and the table of a rule.
 */
static List *
concerned(const GuardStatement *statement)
{
	const AlterTableStmt *alter = (const AlterTableStmt *) statement->tree;
	const RuleStmt *rule = (const RuleStmt *) statement->tree;
	List	   *tables = NIL;
	ListCell   *lc;
	ListCell   *parent;

	if (IsA(rule, RuleStmt))
		tables = list_make1_oid(RangeVarGetRelid(rule->relation, NoLock,
												 true));
	foreach(lc, statement->objects)
	{
		const GuardObject *object = lfirst(lc);
		Oid			relid = object->address.objectId;

		if (object->address.classId != RelationRelationId)
			continue;
		tables = list_append_unique_oid(tables, relid);
		foreach(parent, source_parents(relid))
			if (is_ours(lfirst_oid(parent)))
				tables = list_append_unique_oid(tables, lfirst_oid(parent));
	}
	foreach(lc, IsA(alter, AlterTableStmt) ? alter->cmds : NIL)
	{
		const AlterTableCmd *command = lfirst(lc);
		const PartitionCmd *partition = (const PartitionCmd *) command->def;

		if (command->subtype == AT_AttachPartition)
			tables = list_append_unique_oid(tables,
											RangeVarGetRelid(partition->name,
															 NoLock, true));
	}
	return tables;
}

/* is_ours() says whether a table is where we keep ours. */
static bool
is_ours(Oid relid)
{
	return get_rel_namespace(relid) == get_namespace_oid(SEGMENT_DATA_SCHEMA,
														 true);
}
