/*-------------------------------------------------------------------------
 *
 * base_shape.c
 *	  What may the owner of a base table not do to it?
 *
 *		ALTER TABLE segment_data.profile
 *			RENAME wake_at TO due				refused: we keep it
 *			DROP CONSTRAINT profile_pkey		refused: we search by it
 *			ADD note text NOT NULL				refused: no value for it
 *			ADD note text, ADD CHECK (...)		is the owner's business
 *
 * The guard asks, when such a statement begins or has ended (guard/kept.c):
 * otherwise the next row of somebody who writes to a source would fail.  Event
 * triggers can be disabled, so what is needed is looked at again when the
 * population is loaded (store.c).
 *
 * Nothing is refused of a table without trigger segment_read_only: pg_restore
 * makes that last, and pg_restore --clean drops it first.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "base/base.h"
#include "profile/profile_private.h"

static void check_place(Relation base, const Population *population);
static void check_numbers(const Population *population);
static void check_columns(Relation base, const Population *population);
static bool refuses_null(TupleDesc desc, int column);
static bool domain_refuses_null(Oid type);

void
population_check_column(Oid relid, const char *column)
{
	Population	population = {.oid = relid};

	/* not by population_lookup(): what lacks a column can be mended */
	if (data_table_is_guarded(relid) &&
		get_attnum(relid, column) != InvalidAttrNumber &&
		population_read_definition(&population) &&
		(strcmp(column, population.key) == 0 || column_is_reserved(column)))
		ereport(ERROR,
				(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
				 errmsg("cannot alter column \"%s\" of table %s because extension segment keeps it",
						column, relation_name(relid)),
				 errdetail("Statements that write to the sources of population \"%s\" write it.",
						   population.name)));
}

void
population_check_index(Oid index, Oid relid)
{
	const Population *population = data_table_is_guarded(relid) ?
		population_lookup(relid) : NULL;

	if (population != NULL &&
		(index == population_store(population)->key_index ||
		 index == population_store(population)->ord_index ||
		 index == population_store(population)->wake_index))
		ereport(ERROR,
				(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
				 errmsg("cannot drop index %s because population \"%s\" needs it",
						relation_name(index), population->name),
				 errhint("To make it anew, write: REINDEX INDEX CONCURRENTLY %s",
						 relation_name(index))));
}

void
population_check_table(Oid relid)
{
	const Population *population = population_lookup(relid);
	Relation	base;

	if (population == NULL)
		return;
	base = table_open(relid, AccessShareLock);
	check_place(base, population);
	check_numbers(population);
	check_columns(base, population);
	table_close(base, AccessShareLock);
}

/*
 * check_place() refuses a table that is elsewhere, or hides rows from its own
 * owner, as whom we read it.
 */
static void
check_place(Relation base, const Population *population)
{
	if (RelationGetNamespace(base) !=
		get_namespace_oid(SEGMENT_DATA_SCHEMA, true))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("base table of population \"%s\" cannot leave schema %s",
						population->name, SEGMENT_DATA_SCHEMA),
				 errdetail("The view of the population may be in any schema.")));
	if (base->rd_rel->relrowsecurity && base->rd_rel->relforcerowsecurity)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("row-level security cannot be forced on the base table of population \"%s\"",
						population->name),
				 errdetail("Profiles are read and written as its owner, to whom it would apply.")));
}

/*
 * check_numbers() refuses a table in which two profiles may have one number:
 * by that their members are kept.
 */
static void
check_numbers(const Population *population)
{
	if (!OidIsValid(population_store(population)->ord_index))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("base table of population \"%s\" lacks the unique index on \"ord\"",
						population->name)));
}

/*
 * check_columns() refuses a column of the owner's without which no new profile
 * could be written.
 */
static void
check_columns(Relation base, const Population *population)
{
	TupleDesc	desc = RelationGetDescr(base);

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);
		const char *name = NameStr(att->attname);

		if (!att->attisdropped && refuses_null(desc, i) &&
			strcmp(name, population->key) != 0 && !column_is_reserved(name))
			base_refuse_required(base, i + 1);
	}
}

/* refuses_null() says whether a new row needs a value that nothing gives. */
static bool
refuses_null(TupleDesc desc, int column)
{
	Form_pg_attribute att = TupleDescAttr(desc, column);

	return !att->atthasdef && att->attidentity == '\0' &&
		att->attgenerated == '\0' &&
		(attribute_refuses_null(desc, column) ||
		 domain_refuses_null(att->atttypid));
}

/*
 * domain_refuses_null() says whether a type is a domain that is NOT NULL and
 * has no default, or one over such a domain.
 */
static bool
domain_refuses_null(Oid type)
{
	bool		refuses = false;

	while (get_typtype(type) == TYPTYPE_DOMAIN)
	{
		HeapTuple	tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
		Form_pg_type form;

		if (!HeapTupleIsValid(tuple))
			elog(ERROR, "type %u does not exist", type);
		form = (Form_pg_type) GETSTRUCT(tuple);
		refuses |= form->typnotnull;
		type = form->typbasetype;
		if (!heap_attisnull(tuple, Anum_pg_type_typdefaultbin, NULL))
			type = InvalidOid;
		ReleaseSysCache(tuple);
		if (!OidIsValid(type))
			return false;
	}
	return refuses;
}

void
base_refuse_required(Relation base, AttrNumber attno)
{
	ereport(ERROR,
			(errcode(ERRCODE_NOT_NULL_VIOLATION),
			 errmsg("column \"%s\" of the base table lacks a default",
					NameStr(TupleDescAttr(RelationGetDescr(base),
										  attno - 1)->attname)),
			 errdetail("A new profile has no value for it, and it must not be NULL."),
			 errhint("Give it a default, or let it be NULL."),
			 errtablecol(base, attno)));
}
