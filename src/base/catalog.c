/*-------------------------------------------------------------------------
 *
 * catalog.c
 *	  Reading and writing the extension's own tables.
 *
 * The tables that hold definitions belong to whoever created the extension,
 * and nobody else may write them.  A user who defines a trait is checked by
 * our own rules (ownership of the population), and then the row is written as
 * the tables' owner, the way a foreign key is checked:
 *
 *		create_trait()  ->  may this user?  ->  catalog_execute("INSERT ...")
 *
 * There is no SECURITY DEFINER function: the switch lasts for one statement
 * whose text is a constant in this library.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "base/base.h"

Oid
catalog_relation(const char *name)
{
	Oid			schema = get_namespace_oid(SEGMENT_SCHEMA, true);
	Oid			relid = OidIsValid(schema) ? get_relname_relid(name, schema) : InvalidOid;

	if (!OidIsValid(relid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("extension \"segment\" is not installed in this database"),
				 errdetail("Table \"%s.%s\" does not exist.", SEGMENT_SCHEMA, name),
				 errhint("Run CREATE EXTENSION segment.")));
	return relid;
}

void
catalog_begin(CatalogScan *scan, const char *table, const char *population)
{
	ScanKeyData key;

	scan->relation = table_open(catalog_relation(table), AccessShareLock);
	scan->row = NULL;
	if (population != NULL)
		ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_NAMEEQ,
					CStringGetDatum(population));
	/* no snapshot of ours: this takes the latest one */
	scan->scan = systable_beginscan(scan->relation, InvalidOid, false, NULL,
									population != NULL ? 1 : 0, &key);
}

void
catalog_begin_one(CatalogScan *scan, const char *table, const char *population,
				  const char *name)
{
	ScanKeyData keys[2];

	scan->relation = table_open(catalog_relation(table), AccessShareLock);
	scan->row = NULL;
	ScanKeyInit(&keys[0], 1, BTEqualStrategyNumber, F_NAMEEQ,
				CStringGetDatum(population));
	ScanKeyInit(&keys[1], 2, BTEqualStrategyNumber, F_NAMEEQ,
				CStringGetDatum(name));
	scan->scan = systable_beginscan(scan->relation,
									RelationGetPrimaryKeyIndex(scan->relation),
									true, NULL, 2, keys);
}

bool
catalog_next(CatalogScan *scan)
{
	scan->row = systable_getnext(scan->scan);
	return HeapTupleIsValid(scan->row);
}

Datum
catalog_get(CatalogScan *scan, const char *column, bool *isnull)
{
	TupleDesc	desc = RelationGetDescr(scan->relation);

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (!att->attisdropped && strcmp(NameStr(att->attname), column) == 0)
			return heap_getattr(scan->row, i + 1, desc, isnull);
	}
	elog(ERROR, "table \"%s\" has no column \"%s\"",
		 RelationGetRelationName(scan->relation), column);
}

char *
catalog_get_text(CatalogScan *scan, const char *column)
{
	TupleDesc	desc = RelationGetDescr(scan->relation);
	bool		isnull;
	Datum		value = catalog_get(scan, column, &isnull);

	if (isnull)
		return NULL;
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (strcmp(NameStr(att->attname), column) != 0)
			continue;
		if (att->atttypid == NAMEOID)
			return pstrdup(NameStr(*DatumGetName(value)));
		if (att->atttypid == TEXTOID)
			return TextDatumGetCString(value);
	}
	elog(ERROR, "column \"%s\" of \"%s\" is not text",
		 column, RelationGetRelationName(scan->relation));
}

void
catalog_end(CatalogScan *scan)
{
	systable_endscan(scan->scan);
	table_close(scan->relation, AccessShareLock);
}

Datum
name_datum(const char *name)
{
	return DirectFunctionCall1(namein, CStringGetDatum(name));
}

char *
relation_name(Oid relid)
{
	char	   *name = get_rel_name(relid);

	return name == NULL ? NULL :
		quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)), name);
}

Oid
catalog_function(const char *name, int nargs, const Oid *types)
{
	return GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid,
						   CStringGetDatum(name),
						   PointerGetDatum(buildoidvector(types, nargs)),
						   ObjectIdGetDatum(get_namespace_oid(SEGMENT_SCHEMA, false)));
}

static int
execute(const char *sql, int nargs, const Oid *types,
		const Datum *values, const bool *isnull)
{
	char	   *nulls = NULL;
	int			result;

	if (isnull != NULL)
	{
		nulls = palloc(nargs);
		for (int i = 0; i < nargs; i++)
			nulls[i] = isnull[i] ? 'n' : ' ';
	}

	result = SPI_execute_with_args(sql, nargs, unconstify(Oid *, types),
								   unconstify(Datum *, values), nulls,
								   false, 0);
	if (result < 0)
		elog(ERROR, "could not execute \"%s\": %s",
			 sql, SPI_result_code_string(result));
	return result;
}

int
catalog_execute(const char *sql, int nargs, const Oid *types,
				const Datum *values, const bool *isnull)
{
	Actor		before = act_as_owner(catalog_relation("population"));
	int			result = execute(sql, nargs, types, values, isnull);

	act_as_before(before);
	return result;
}

int
catalog_execute_as_user(const char *sql, int nargs, const Oid *types,
						const Datum *values, const bool *isnull)
{
	int			level = settings_pin();
	int			result = execute(sql, nargs, types, values, isnull);

	AtEOXact_GUC(true, level);
	return result;
}
