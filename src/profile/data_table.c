/*-------------------------------------------------------------------------
 *
 * data_table.c
 *	  Make tables in schema segment_data, which only segment writes.
 *
 *		relid = data_table_create("shop", "(ord bigint, ...)", NULL);
 *		... catalog_execute("CREATE INDEX ...") ...
 *		data_table_give(relid, owner);
 *
 * A table is created as the owner of the schema, who may create there, and
 * then given to the role whose data it holds.  Trigger segment_read_only
 * refuses what SQL writes to it without a permit (base/protect.c).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "base/base.h"
#include "profile/profile.h"

static void forget_default_grants(Oid relid);

Oid
data_table_create(const char *name, const char *definition,
				  const char *instead)
{
	char	   *table = quote_qualified_identifier(SEGMENT_DATA_SCHEMA, name);
	const char *arguments = instead == NULL ? "" :
		psprintf("%s, 'kept'", quote_literal_cstr(instead));

	catalog_execute(psprintf("CREATE TABLE %s %s", table, definition),
					0, NULL, NULL, NULL);
	catalog_execute(psprintf("CREATE TRIGGER segment_read_only"
							 " BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE"
							 " ON %s FOR EACH STATEMENT"
							 " EXECUTE FUNCTION segment.refuse_write(%s)",
							 table, arguments),
					0, NULL, NULL, NULL);
	return get_relname_relid(name,
							 get_namespace_oid(SEGMENT_DATA_SCHEMA, false));
}

bool
trigger_is_read_only(const Trigger *trigger)
{
	const char *function = get_func_name(trigger->tgfoid);

	return function != NULL && strcmp(function, "refuse_write") == 0 &&
		get_func_namespace(trigger->tgfoid) ==
		get_namespace_oid(SEGMENT_SCHEMA, true);
}

bool
data_table_is_guarded(Oid relid)
{
	Relation	relation = try_relation_open(relid, AccessShareLock);
	bool		found = false;

	if (relation == NULL)
		return false;
	for (int i = 0; relation->trigdesc != NULL &&
		 i < relation->trigdesc->numtriggers; i++)
		found |= trigger_is_read_only(&relation->trigdesc->triggers[i]);
	relation_close(relation, AccessShareLock);
	return found;
}

void
data_table_give(Oid relid, Oid role)
{
	forget_default_grants(relid);
	catalog_hand_over(relid, role);
}

/*
 * forget_default_grants() takes back what ALTER DEFAULT PRIVILEGES of the
 * owner of our schema has granted on a table and its sequences, or kept from
 * that owner: they are to be another role's, which decides who reads them.
 */
static void
forget_default_grants(Oid relid)
{
	static const char *const sql =
		"SELECT pg_catalog.format(CASE WHEN a.grantee = c.relowner"
		" THEN 'GRANT ALL ON %1$s %2$s TO %3$s'"
		" ELSE 'REVOKE ALL ON %1$s %2$s FROM %3$s' END,"
		" CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END,"
		" c.oid::regclass,"
		" CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident"
		"(pg_catalog.pg_get_userbyid(a.grantee)) END)"
		" FROM pg_catalog.pg_class c, LATERAL"
		" (SELECT grantee FROM pg_catalog.aclexplode(c.relacl)"
		" UNION SELECT c.relowner WHERE c.relacl IS NOT NULL) AS a"
		" WHERE c.oid = $1 OR c.oid IN"
		" (SELECT d.objid FROM pg_catalog.pg_depend d"
		" WHERE d.classid = 'pg_catalog.pg_class'::regclass"
		" AND d.refclassid = d.classid"
		" AND d.refobjid = $1 AND d.deptype = 'i')";
	List	   *statements = NIL;
	MemoryContext caller = CurrentMemoryContext;
	ListCell   *lc;

	catalog_execute(sql, 1, (Oid[]) {REGCLASSOID},
					(Datum[]) {ObjectIdGetDatum(relid)}, NULL);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		char	   *statement = SPI_getvalue(SPI_tuptable->vals[i],
											 SPI_tuptable->tupdesc, 1);

		statements = lappend(statements,
							 MemoryContextStrdup(caller, statement));
	}
	foreach(lc, statements)
		catalog_execute(lfirst(lc), 0, NULL, NULL, NULL);
}
