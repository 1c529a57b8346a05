/*-------------------------------------------------------------------------
 *
 * columns_drop.c
 *	  What becomes of a column when its trait is dropped?
 *
 *		s7					trait "city", text
 *		drop_trait('city')	segment_dropped_7, with the values in it
 *		emptied				segment_free_7, for the next trait of type text
 *
 * Two kinds of columns are dropped instead, as the server drops them.  One on
 * which its owner has hung something (a grant, an index, a view): nothing of
 * that may pass to another trait.  And one of a type or collation that a user
 * has made, which could not be dropped any more; but not when the numbers run
 * short.  While the population's view still reads such a column, as where a
 * trait is stored anew with another type, it is renamed, and dropped when the
 * view has been made again (population_drop_unkept).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "access/table.h"
#include "access/transam.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "commands/comment.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "base/base.h"
#include "profile/columns.h"

static bool may_be_kept(const Population *population, const Column *column);
static bool view_reads(const Population *population, const Column *column);
static bool is_pristine(const Population *population, AttrNumber attno);
static Oid	get_type_namespace(Oid type);

void
population_drop_columns(const Population *population, const char *name,
						const char *comment)
{
	ListCell   *lc;

	LockRelationOid(population->oid, AccessExclusiveLock);
	foreach(lc, columns_read(population))
	{
		const Column *column = lfirst(lc);
		const char *quoted;

		if (!column_is_of(column, name))
			continue;
		quoted = pstrdup(quote_identifier(column->name));
		if (!may_be_kept(population, column) &&
			!view_reads(population, column))
		{
			relation_refuse_dependents(population->oid, column->attno,
									   psprintf("stored trait \"%s\"",
												comment));
			columns_alter(population, "DROP COLUMN %s", quoted);
			continue;
		}
		if (column->has_default)
			columns_alter(population, "ALTER COLUMN %s DROP DEFAULT", quoted);
		columns_alter(population, "RENAME COLUMN %s TO %s", quoted,
					  column_name_for(population, COLUMN_DROPPED,
									  column->attno));
		CreateComments(population->oid, RelationRelationId, column->attno,
					   "was a stored trait's; the next one of this type gets it");
	}
	CommandCounterIncrement();
	if (columns_numbers(population) >= NUMBERS_RUN_SHORT)
		columns_empty_dropped(population);
}

void
population_drop_unkept(const Population *population)
{
	Relation	base = relation_open(population->oid, NoLock);
	bool		locked = CheckRelationLockedByMe(base, AccessExclusiveLock,
												 true);
	ListCell   *lc;

	relation_close(base, NoLock);
	if (!locked)
		return;
	foreach(lc, columns_read(population))
	{
		const Column *column = lfirst(lc);

		if (column->state != COLUMN_DROPPED || may_be_kept(population, column))
			continue;
		relation_refuse_dependents(population->oid, column->attno,
								   "what a stored trait has left behind");
		columns_alter(population, "DROP COLUMN %s",
					  quote_identifier(column->name));
	}
	CommandCounterIncrement();
}

/*
 * may_be_kept() says whether a column that its trait leaves may be used again:
 * nothing has been hung on it, and its type is there for ever, or the numbers
 * run short.
 */
static bool
may_be_kept(const Population *population, const Column *column)
{
	Oid			ours = get_namespace_oid(SEGMENT_SCHEMA, false);
	bool		lasting = column->collation < FirstNormalObjectId &&
		(column->type < FirstNormalObjectId ||
		 get_type_namespace(column->type) == ours);

	return is_pristine(population, column->attno) &&
		(lasting || columns_numbers(population) >= NUMBERS_RUN_SHORT);
}

/* view_reads() says whether the population's view reads the column. */
static bool
view_reads(const Population *population, const Column *column)
{
	ListCell   *lc;

	foreach(lc, relation_dependents(population->oid, column->attno))
	{
		const ObjectAddress *object = &((Dependent *) lfirst(lc))->object;

		if (object->classId == RelationRelationId &&
			object->objectId == population->view)
			return true;
	}
	return false;
}

/*
 * is_pristine() says whether a column is as we made it, and nothing has been
 * hung on it.
 */
static bool
is_pristine(const Population *population, AttrNumber attno)
{
	Relation	base = relation_open(population->oid, NoLock);
	Form_pg_attribute att = TupleDescAttr(RelationGetDescr(base), attno - 1);
	bool		pristine = !att->attnotnull && att->attgenerated == '\0' &&
		att->attidentity == '\0' && att->attinhcount == 0 && att->attislocal &&
		att->attstorage == get_typstorage(att->atttypid) &&
		att->atttypmod == -1;
	Relation	attributes = table_open(AttributeRelationId, AccessShareLock);
	HeapTuple	tuple = SearchSysCacheAttNum(population->oid, attno);

	pristine &= HeapTupleIsValid(tuple) &&
		heap_attisnull(tuple, Anum_pg_attribute_attacl,
					   RelationGetDescr(attributes));
	if (HeapTupleIsValid(tuple))
		ReleaseSysCache(tuple);
	table_close(attributes, AccessShareLock);
	relation_close(base, NoLock);
	return pristine &&
		!column_is_depended_on(population->oid, attno, population->view);
}

/* get_type_namespace() returns the OID of the schema that a type is in. */
static Oid
get_type_namespace(Oid type)
{
	HeapTuple	tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
	Oid			namespace = InvalidOid;

	if (HeapTupleIsValid(tuple))
	{
		namespace = ((Form_pg_type) GETSTRUCT(tuple))->typnamespace;
		ReleaseSysCache(tuple);
	}
	return namespace;
}

void
columns_empty_dropped(const Population *population)
{
	StringInfoData set;
	StringInfoData where;
	List	   *dropped = NIL;
	ListCell   *lc;

	initStringInfo(&set);
	initStringInfo(&where);
	foreach(lc, columns_read(population))
	{
		Column	   *column = lfirst(lc);
		const char *name = quote_identifier(column->name);

		if (column->state != COLUMN_DROPPED)
			continue;
		appendStringInfo(&set, "%s%s = NULL", set.len > 0 ? ", " : "", name);
		appendStringInfo(&where, "%s%s IS NOT NULL",
						 where.len > 0 ? " OR " : "", name);
		dropped = lappend(dropped, column);
	}
	if (dropped == NIL)
		return;

	population_write(population,
					 psprintf("UPDATE %s SET %s WHERE %s",
							  population_base_name(population), set.data,
							  where.data));
	foreach(lc, dropped)
	{
		const Column *column = lfirst(lc);

		columns_alter(population, "RENAME COLUMN %s TO %s",
					  quote_identifier(column->name),
					  column_name_for(population, COLUMN_FREE,
									  column->number));
	}
	CommandCounterIncrement();
}
