/*-------------------------------------------------------------------------
 *
 * renames.c
 *	  What do definitions say when something that they mention is renamed?
 *
 *		ALTER TABLE orders RENAME amount TO total	sum(orders.total)
 *		ALTER TABLE orders RENAME TO sales			sum(sales.total)
 *		ALTER TYPE state RENAME VALUE 'paid' TO ..	... where state = "settled"
 *
 * Each statement is followed when it ends, so two columns swap their names by
 * three statements, and definitions go with them.
 *
 * Schemas and types have no name in definitions: a table that moves to another
 * schema is the same table.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "storage/lockdefs.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "base/base.h"
#include "flow/flow.h"
#include "guard/guard_private.h"
#include "source/source.h"

static void follow_label(const AlterEnumStmt *alter,
						 const GuardObject *object);
static void follow_column(const RenameStmt *rename, Oid relid);
static Oid	type_of_table(Oid relid);

void
renames_follow(const GuardStatement *statement)
{
	const RenameStmt *rename = (const RenameStmt *) statement->tree;
	const GuardObject *object;

	if (statement->objects == NIL)
		return;
	object = linitial(statement->objects);
	if (IsA(rename, AlterEnumStmt))
		follow_label((const AlterEnumStmt *) rename, object);
	if (!IsA(rename, RenameStmt))
		return;
	if (object->address.classId != RelationRelationId)
		return;
	switch (rename->renameType)
	{
		case OBJECT_COLUMN:
		case OBJECT_ATTRIBUTE:
			follow_column(rename, object->address.objectId);
			break;
		case OBJECT_TABLE:
			flow_follow_table(object->address.objectId);
			break;
		default:
			break;
	}
}

/* follow_label() follows a label of an enum, if one is renamed. */
static void
follow_label(const AlterEnumStmt *alter, const GuardObject *object)
{
	if (alter->oldVal != NULL && object->address.classId == TypeRelationId)
		flow_follow_label(object->address.objectId, alter->oldVal,
						  alter->newVal);
}

/*
 * follow_column() follows a column in all tables that have it from the one
 * that the statement names: that table, its heirs, and tables of its type.
 */
static void
follow_column(const RenameStmt *rename, Oid relid)
{
	List	   *heirs = find_all_inheritors(relid, NoLock, NULL);
	ListCell   *lc;

	foreach(lc, source_tables_attached())
		if (has_columns_of(lfirst_oid(lc), relid, heirs))
			flow_follow_column(lfirst_oid(lc), rename->subname,
							   rename->newname);
}

bool
has_columns_of(Oid relid, Oid parent, List *heirs)
{
	return relid == parent || list_member_oid(heirs, relid) ||
		(OidIsValid(type_of_table(relid)) &&
		 type_of_table(relid) == get_rel_type_id(parent));
}

/* type_of_table() is the type of CREATE TABLE ... OF. */
static Oid
type_of_table(Oid relid)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	Oid			type = InvalidOid;

	if (HeapTupleIsValid(tuple))
	{
		type = ((Form_pg_class) GETSTRUCT(tuple))->reloftype;
		ReleaseSysCache(tuple);
	}
	return type;
}
