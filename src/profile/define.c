/*-------------------------------------------------------------------------
 *
 * define.c
 *	  Make and drop a population.
 *
 *		SELECT segment.create_population('profile', key => 'customer_id');
 *
 * makes, for the calling user,
 *
 *		segment_data.profile	the base table: ord, customer_id, source_rows,
 *								evaluated_at, wake_at
 *		profile					the view, in the current schema: customer_id
 *
 * Schema segment_data is ours, and nobody else may create in it: what stands
 * there under a name is what we made.  So the base table is created as the
 * schema's owner and then handed to the user; the view is the user's from the
 * start.  Neither is a member of the extension: pg_dump carries them as it
 * carries user tables.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "tcop/dest.h"
#include "tcop/utility.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/plancache.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "base/base.h"
#include "profile/profile_private.h"

SEGMENT_FUNCTION(segment_create_population);

static void lock_new_name(const char *name);
static void check_new_name(const char *name);
static void check_key(const char *key, Oid key_type);
static Oid	create_base(const char *name, const char *key, Oid key_type);
static void forget_default_grants(Oid relid);
static void write_rows(PlannedStmt *statement, const char *sql);

/*
 * create_population(name, key, key_type, timezone) -> the view
 */
Datum
segment_create_population(PG_FUNCTION_ARGS)
{
	char	   *name;
	char	   *key;
	Oid			key_type;
	char	   *timezone;
	char	   *schema;
	char	   *view_name;
	Oid			base;
	Oid			view;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_ARGISNULL(2))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("name, key and key_type of a population must be given")));
	name = NameStr(*PG_GETARG_NAME(0));
	key = NameStr(*PG_GETARG_NAME(1));
	key_type = DatumGetObjectId(DirectFunctionCall1(regtypein,
													CStringGetDatum(text_to_cstring(PG_GETARG_TEXT_PP(2)))));
	timezone = PG_ARGISNULL(3) ? pstrdup(pg_get_timezone_name(session_timezone)) :
		text_to_cstring(PG_GETARG_TEXT_PP(3));

	check_new_name(name);
	check_key(key, key_type);
	check_zone(timezone);

	schema = current_schema_name();
	check_schema_name(schema);
	if (object_aclcheck(NamespaceRelationId, get_namespace_oid(schema, false),
						GetUserId(), ACL_CREATE) != ACLCHECK_OK)
		aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_SCHEMA, schema);
	view_name = quote_qualified_identifier(schema, name);
	if (OidIsValid(get_relname_relid(name, get_namespace_oid(schema, false))))
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_TABLE),
				 errmsg("relation %s already exists", view_name),
				 errdetail("A population shows itself as a view of its name."),
				 errhint("Choose another name, or set search_path to another schema.")));
	lock_new_name(name);
	check_new_name(name);

	SPI_connect();
	base = create_base(name, key, key_type);
	catalog_execute_as_user(psprintf("CREATE VIEW %s AS SELECT profile.%s FROM %s",
									 view_name, quote_identifier(key),
									 view_source_sql(base)),
							0, NULL, NULL, NULL);
	view = get_relname_relid(name, get_namespace_oid(schema, false));

	catalog_execute("INSERT INTO segment.population"
					" (population, key, key_type, timezone, base, view)"
					" VALUES ($1, $2, $3, $4, $5, $6)",
					6,
					(Oid[]) {NAMEOID, NAMEOID, REGTYPEOID, TEXTOID, REGCLASSOID, REGCLASSOID},
					(Datum[]) {name_datum(name), name_datum(key),
							   ObjectIdGetDatum(key_type), CStringGetTextDatum(timezone),
							   ObjectIdGetDatum(base), ObjectIdGetDatum(view)},
					NULL);
	SPI_finish();

	PG_RETURN_OID(view);
}

/*
 * A view over one table alone could be written, and would be offered to be by
 * tools that ask for that.  (SELECT) is one row without columns, which the
 * planner leaves away.
 */
char *
view_source_sql(Oid base)
{
	return psprintf("%s AS profile CROSS JOIN (SELECT) AS read_only",
					relation_name(base));
}

void
population_execute(const Population *population, const char *sql)
{
	Actor		before = act_as_owner(population->base);

	(void) settings_pin_all_rows();
	protected_write_begin();
	catalog_execute_as_user(sql, 0, NULL, NULL, NULL);
	protected_write_end();
	act_as_before(before);
}

/*
 * By hand what SPI_execute() does, but for the triggers.
 */
void
population_write(const Population *population, const char *sql)
{
	Actor		before = act_as_owner(population->base);
	SPIPlanPtr	plan;
	CachedPlan *statements;
	ListCell   *lc;

	(void) settings_pin_all_rows();
	plan = SPI_prepare(sql, 0, NULL);
	statements = plan == NULL ? NULL : SPI_plan_get_cached_plan(plan);
	if (statements == NULL)
		elog(ERROR, "could not prepare \"%s\": %s",
			 sql, SPI_result_code_string(SPI_result));
	PushActiveSnapshot(GetTransactionSnapshot());
	/* there are several if the owner has made rules */
	foreach(lc, statements->stmt_list)
	{
		CommandCounterIncrement();
		UpdateActiveSnapshotCommandId();
		write_rows(lfirst_node(PlannedStmt, lc), sql);
	}
	PopActiveSnapshot();
	ReleaseCachedPlan(statements, NULL);
	SPI_freeplan(plan);
	CommandCounterIncrement();
	act_as_before(before);
}

static void
write_rows(PlannedStmt *statement, const char *sql)
{
	QueryDesc  *query;
	ListCell   *lc;

	if (statement->commandType == CMD_UTILITY)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("a rule on the base table of a population runs %s",
						CreateCommandName(statement->utilityStmt)),
				 errhint("Use a trigger instead.")));
	query = CreateQueryDesc(statement, sql, GetActiveSnapshot(),
							InvalidSnapshot, None_Receiver, NULL, NULL, 0);
	ExecutorStart(query, 0);
	foreach(lc, query->estate->es_opened_result_relations)
		triggers_at_once(lfirst(lc));
	/* what the owner's rules have added is not for us to permit */
	if (statement->canSetTag)
		protected_write_begin();
	ExecutorRun(query, ForwardScanDirection, 0 EXECUTOR_RUN_ONCE);
	ExecutorFinish(query);
	if (statement->canSetTag)
		protected_write_end();
	ExecutorEnd(query);
	FreeQueryDesc(query);
}

void
population_drop(const Population *population)
{
	char	   *base = population_base_name(population);
	char	   *view = population_view_name(population);
	char	   *what = psprintf("population \"%s\"", population->name);

	if (view != NULL)
	{
		relation_refuse_dependents(population->view, InvalidAttrNumber, what);
		population_execute(population, psprintf("DROP VIEW %s", view));
	}
	relation_refuse_dependents(population->base, InvalidAttrNumber, what);
	catalog_execute("DELETE FROM segment.population WHERE population = $1",
					1, (Oid[]) {NAMEOID},
					(Datum[]) {name_datum(population->name)}, NULL);
	population_execute(population, psprintf("DROP TABLE %s", base));
}

/*
 * Whoever makes another population of this name at the same time comes after us,
 * and is told that there is one.  Names share a number now and then.
 */
static void
lock_new_name(const char *name)
{
	LOCKTAG		tag;

	SET_LOCKTAG_OBJECT(tag, MyDatabaseId, RelationRelationId,
					   catalog_relation("population"),
					   hash_bytes((const unsigned char *) name,
								  strlen(name)) & PG_UINT16_MAX);
	(void) LockAcquire(&tag, ExclusiveLock, false, false);
}

static void
check_new_name(const char *name)
{
	CatalogScan scan;

	if (name[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("a population needs a name")));
	catalog_begin(&scan, "population", NULL);
	while (catalog_next(&scan))
		if (strcmp(name, catalog_get_text(&scan, "population")) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_DUPLICATE_OBJECT),
					 errmsg("population \"%s\" already exists", name)));
	catalog_end(&scan);
}

static void
check_key(const char *key, Oid key_type)
{
	if (!key_type_is_supported(key_type))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("a key of type %s is not supported",
						format_type_be(key_type)),
				 errhint("Use bigint, integer, uuid or text.")));

	if (key[0] == '\0' || column_is_reserved(key))
		ereport(ERROR,
				(errcode(ERRCODE_RESERVED_NAME),
				 errmsg("the key cannot be called \"%s\"", key),
				 errdetail("The base table of a population has columns \"ord\", \"source_rows\", \"evaluated_at\", \"wake_at\" and \"s1\", \"s2\", ... of its own."),
				 errhint("Give the key another name; a source's column may keep its own.")));
}

bool
column_is_reserved(const char *name)
{
	const char *p = name;

	/* s1, s2_at ... and what traits have left */
	if (*p == 's' && p[1] >= '0' && p[1] <= '9')
		p += 1 + strspn(p + 1, "0123456789");
	return strcmp(name, "ord") == 0 || strcmp(name, "source_rows") == 0 ||
		strcmp(name, "evaluated_at") == 0 || strcmp(name, "wake_at") == 0 ||
		column_name_is_unused(name) ||
		(p != name && (*p == '\0' || *p == '_'));
}

char *
current_schema_name(void)
{
	List	   *path = fetch_search_path(false);

	return path == NIL ? NULL : get_namespace_name(linitial_oid(path));
}

void
check_schema_name(const char *schema)
{
	if (schema == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_SCHEMA),
				 errmsg("no schema has been selected to create the view in"),
				 errhint("Set search_path to a schema in which you may create.")));
}

/*
 * The base table.  Room is left on each page, so that a new version of a row
 * stays beside the old one and no index needs an entry (HOT): traits change
 * often, and nothing that changes with them is indexed.  (wake_at is, but while a
 * profile is not due an event only makes it earlier, which is seldom.)  What
 * windows keep is packed already, so a row is not compressed before it is half a
 * page.
 */
static Oid
create_base(const char *name, const char *key, Oid key_type)
{
	char	   *base = quote_qualified_identifier(SEGMENT_DATA_SCHEMA, name);
	const char *column = quote_identifier(key);
	Oid			relid;

	relid = data_table_create(name,
							  psprintf("("
									   " ord bigint GENERATED ALWAYS AS IDENTITY UNIQUE,"
									   " %s %s PRIMARY KEY,"
									   " source_rows bigint NOT NULL DEFAULT 0,"
									   " evaluated_at timestamptz NOT NULL DEFAULT '-infinity',"
									   " wake_at timestamptz"
									   ") USING heap WITH (fillfactor = 70, toast_tuple_target = 4080)",
									   column, format_type_be_qualified(key_type)));
	catalog_execute(psprintf("CREATE INDEX ON %s (wake_at) WHERE wake_at IS NOT NULL", base),
					0, NULL, NULL, NULL);
	catalog_execute(psprintf("COMMENT ON TABLE %s IS %s", base,
							 quote_literal_cstr(psprintf("profiles of population \"%s\", kept by extension segment", name))),
					0, NULL, NULL, NULL);
	catalog_execute(psprintf("COMMENT ON COLUMN %s.ord IS 'dense number of the profile, never reused'", base),
					0, NULL, NULL, NULL);
	catalog_execute(psprintf("COMMENT ON COLUMN %s.%s IS 'key of the profile'", base, column),
					0, NULL, NULL, NULL);
	catalog_execute(psprintf("COMMENT ON COLUMN %s.source_rows IS 'how many rows of all sources bear the key'", base),
					0, NULL, NULL, NULL);
	catalog_execute(psprintf("COMMENT ON COLUMN %s.evaluated_at IS 'the instant as of which it was last decided which audiences the profile is in; never runs backwards'", base),
					0, NULL, NULL, NULL);
	catalog_execute(psprintf("COMMENT ON COLUMN %s.wake_at IS 'no later than the next instant at which time alone changes an audience the profile is in; NULL: never'", base),
					0, NULL, NULL, NULL);
	data_table_give(relid, GetUserId());
	return relid;
}

/* ---- tables in schema segment_data ---- */

Oid
data_table_create(const char *name, const char *definition)
{
	char	   *table = quote_qualified_identifier(SEGMENT_DATA_SCHEMA, name);

	catalog_execute(psprintf("CREATE TABLE %s %s", table, definition),
					0, NULL, NULL, NULL);
	catalog_execute(psprintf("CREATE TRIGGER segment_read_only"
							 " BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON %s"
							 " FOR EACH STATEMENT EXECUTE FUNCTION segment.refuse_write()",
							 table),
					0, NULL, NULL, NULL);
	return get_relname_relid(name, get_namespace_oid(SEGMENT_DATA_SCHEMA, false));
}

void
data_table_give(Oid relid, Oid role)
{
	forget_default_grants(relid);
	catalog_hand_over(relid, role);
}

/*
 * forget_default_grants takes back what ALTER DEFAULT PRIVILEGES of the owner
 * of our schema has granted on a table and its sequences, or kept from himself:
 * they are to be another's, who decides who reads them.
 */
static void
forget_default_grants(Oid relid)
{
	List	   *statements = NIL;
	MemoryContext caller = CurrentMemoryContext;
	ListCell   *lc;

	catalog_execute("SELECT pg_catalog.format(CASE WHEN a.grantee = c.relowner"
					" THEN 'GRANT ALL ON %1$s %2$s TO %3$s' ELSE 'REVOKE ALL ON %1$s %2$s FROM %3$s' END,"
					" CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, c.oid::regclass,"
					" CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) END)"
					" FROM pg_catalog.pg_class c, LATERAL"
					" (SELECT grantee FROM pg_catalog.aclexplode(c.relacl) UNION SELECT c.relowner WHERE c.relacl IS NOT NULL) AS a"
					" WHERE c.oid = $1 OR c.oid IN (SELECT d.objid FROM pg_catalog.pg_depend d"
					" WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.refclassid = d.classid"
					" AND d.refobjid = $1 AND d.deptype = 'i')",
					1, (Oid[]) {REGCLASSOID}, (Datum[]) {ObjectIdGetDatum(relid)}, NULL);
	for (uint64 i = 0; i < SPI_processed; i++)
		statements = lappend(statements,
							 MemoryContextStrdup(caller,
												 SPI_getvalue(SPI_tuptable->vals[i],
															  SPI_tuptable->tupdesc, 1)));
	foreach(lc, statements)
		catalog_execute(lfirst(lc), 0, NULL, NULL, NULL);
}
