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
 * DROP OWNED, and DROP SCHEMA or TYPE with CASCADE, are many such statements:
 * what each of them would hold is held before the server begins.
 *
 * Only for who may: a statement of others is refused.  A transaction that has
 * locked a table before comes too late for this, and of REASSIGN OWNED nobody
 * is told.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "parser/parse_type.h"
#include "storage/lockdefs.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "base/base.h"
#include "flow/flow.h"
#include "guard/guard_private.h"
#include "source/source.h"

/* What is to be held. */
typedef struct Ahead
{
	List	   *names;			/* of populations that read what changes */
	List	   *tables;			/* OIDs: if base tables, they are dropped */
} Ahead;

static void before_rename(const RenameStmt *rename, Ahead *ahead);
static void before_alter(const AlterTableStmt *alter, Ahead *ahead);
static void before_drop(const DropStmt *drop, Ahead *ahead);
static void before_drop_schema(const char *name, Ahead *ahead);
static void before_drop_type(const TypeName *name, Ahead *ahead);
static void before_drop_owned(const DropOwnedStmt *drop, Ahead *ahead);
static bool belongs_to(Oid relid, const List *roles);
static Oid	own_table(const RangeVar *name);
static void add_readers(Ahead *ahead, Oid relid, const char *column);

void
ahead_begin(const GuardStatement *statement)
{
	Ahead		ahead = {NIL, NIL};

	switch (nodeTag(statement->tree))
	{
		case T_RenameStmt:
			before_rename((const RenameStmt *) statement->tree, &ahead);
			break;
		case T_AlterTableStmt:
			before_alter((const AlterTableStmt *) statement->tree, &ahead);
			break;
		case T_DropStmt:
			before_drop((const DropStmt *) statement->tree, &ahead);
			break;
		case T_DropOwnedStmt:
			before_drop_owned((const DropOwnedStmt *) statement->tree, &ahead);
			break;
		default:
			break;
	}
	flow_hold(ahead.names, ahead.tables);
}

/* before_rename() finds who reads what gets another name. */
static void
before_rename(const RenameStmt *rename, Ahead *ahead)
{
	if (rename->renameType == OBJECT_COLUMN)
		add_readers(ahead, own_table(rename->relation), rename->subname);
	else if (rename->renameType == OBJECT_TABLE)
		add_readers(ahead, own_table(rename->relation), NULL);
}

/* before_alter() finds who reads columns that get other values, or go. */
static void
before_alter(const AlterTableStmt *alter, Ahead *ahead)
{
	ListCell   *lc;

	foreach(lc, alter->cmds)
	{
		const AlterTableCmd *command = lfirst(lc);

		if (is_of_values(command) ||
			(command->subtype == AT_DropColumn &&
			 command->behavior == DROP_CASCADE))
			add_readers(ahead, own_table(alter->relation), command->name);
	}
}

/* before_drop() finds who goes with what is dropped. */
static void
before_drop(const DropStmt *drop, Ahead *ahead)
{
	ListCell   *lc;

	foreach(lc, drop->behavior == DROP_CASCADE ? drop->objects : NIL)
		switch (drop->removeType)
		{
			case OBJECT_TABLE:
				{
					RangeVar   *name = makeRangeVarFromNameList(lfirst(lc));
					Oid			relid = own_table(name);

					add_readers(ahead, relid, NULL);
					ahead->tables = lappend_oid(ahead->tables, relid);
				}
				break;
			case OBJECT_SCHEMA:
				before_drop_schema(strVal(lfirst(lc)), ahead);
				break;
			case OBJECT_TYPE:
			case OBJECT_DOMAIN:
				before_drop_type(lfirst_node(TypeName, lc), ahead);
				break;
			default:
				break;
		}
}

/* before_drop_schema() finds who reads tables of a schema. */
static void
before_drop_schema(const char *name, Ahead *ahead)
{
	Oid			schema = get_namespace_oid(name, true);
	ListCell   *lc;

	if (!OidIsValid(schema) ||
		!object_ownercheck(NamespaceRelationId, schema, GetUserId()))
		return;
	foreach(lc, source_tables_attached())
		if (get_rel_namespace(lfirst_oid(lc)) == schema)
			add_readers(ahead, lfirst_oid(lc), NULL);
}

/* before_drop_type() finds who reads columns of a type, or of arrays of it. */
static void
before_drop_type(const TypeName *name, Ahead *ahead)
{
	Oid			type = LookupTypeNameOid(NULL, name, true);
	ListCell   *lc;

	if (!OidIsValid(type) ||
		!object_ownercheck(TypeRelationId, type, GetUserId()))
		return;
	foreach(lc, source_tables_attached())
	{
		Relation	relation = try_relation_open(lfirst_oid(lc),
												 AccessShareLock);
		TupleDesc	desc;

		if (relation == NULL)
			continue;
		desc = RelationGetDescr(relation);
		for (int i = 0; i < desc->natts; i++)
		{
			Form_pg_attribute att = TupleDescAttr(desc, i);

			if (!att->attisdropped &&
				(att->atttypid == type ||
				 get_element_type(att->atttypid) == type))
				add_readers(ahead, lfirst_oid(lc), NameStr(att->attname));
		}
		relation_close(relation, AccessShareLock);
	}
}

/* before_drop_owned() finds who reads, or is, what belongs to some roles. */
static void
before_drop_owned(const DropOwnedStmt *drop, Ahead *ahead)
{
	List	   *roles = NIL;
	CatalogScan scan;
	ListCell   *lc;

	foreach(lc, drop->roles)
	{
		Oid			role = get_rolespec_oid(lfirst_node(RoleSpec, lc), true);

		if (OidIsValid(role) && has_privs_of_role(GetUserId(), role))
			roles = lappend_oid(roles, role);
	}
	if (roles == NIL)
		return;
	foreach(lc, source_tables_attached())
		if (belongs_to(lfirst_oid(lc), roles))
			add_readers(ahead, lfirst_oid(lc), NULL);
	catalog_begin(&scan, "population", NULL);
	while (catalog_next(&scan))
	{
		Oid			base = catalog_get_oid(&scan, "base", REGCLASSOID);

		if (belongs_to(base, roles))
			ahead->tables = lappend_oid(ahead->tables, base);
	}
	catalog_end(&scan);
}

/* belongs_to() says whether a relation is there, and is such a role's. */
static bool
belongs_to(Oid relid, const List *roles)
{
	return get_rel_relkind(relid) != '\0' &&
		list_member_oid(roles, relation_owner(relid));
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
 * add_readers() adds the populations that read a column of a table, or the
 * table if the column is NULL; with the table go its heirs.
 */
static void
add_readers(Ahead *ahead, Oid relid, const char *column)
{
	List	   *heirs;
	ListCell   *lc;

	if (!OidIsValid(relid))
		return;
	heirs = find_all_inheritors(relid, NoLock, NULL);
	foreach(lc, source_tables_attached())
		if (has_columns_of(lfirst_oid(lc), relid, heirs))
			ahead->names = list_concat(ahead->names,
									   flow_readers(lfirst_oid(lc), column));
}
