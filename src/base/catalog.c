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

#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
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

static Oid
relation_owner(Oid relid)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for relation %u", relid);
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return owner;
}

int
settings_pin(void)
{
	int			level = NewGUCNestLevel();

	(void) set_config_option("search_path", "pg_catalog, pg_temp",
							 PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	return level;
}

static int
execute_pinned(const char *sql, int nargs, const Oid *types,
			   const Datum *values, const bool *isnull)
{
	int			level = settings_pin();
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

	AtEOXact_GUC(true, level);
	return result;
}

int
catalog_execute(const char *sql, int nargs, const Oid *types,
				const Datum *values, const bool *isnull)
{
	Oid			user;
	int			context;
	int			result;

	GetUserIdAndSecContext(&user, &context);
	SetUserIdAndSecContext(relation_owner(catalog_relation("population")),
						   context | SECURITY_LOCAL_USERID_CHANGE);
	result = execute_pinned(sql, nargs, types, values, isnull);
	SetUserIdAndSecContext(user, context);
	return result;
}

int
catalog_execute_as_user(const char *sql, int nargs, const Oid *types,
						const Datum *values, const bool *isnull)
{
	return execute_pinned(sql, nargs, types, values, isnull);
}
