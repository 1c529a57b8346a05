/*-------------------------------------------------------------------------
 *
 * create.c
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
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "base/base.h"
#include "profile/profile_private.h"

SEGMENT_FUNCTION(segment_create_population);

static void lock_new_name(const char *name);
static void check_new_name(const char *name);
static void check_key(const char *key, Oid key_type);
static Oid	create_base(const char *name, const char *key, Oid key_type);

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
	relation_refuse_dependents(population->oid, InvalidAttrNumber, what);
	catalog_execute("DELETE FROM segment.population WHERE population = $1",
					1, (Oid[]) {NAMEOID},
					(Datum[]) {name_datum(population->name)}, NULL);
	population_execute(population, psprintf("DROP TABLE %s", base));
}

/*
 * Whoever makes another population of this name at the same time comes after
 * us, and is told that there is one.  Names share a number now and then.
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
 * often, and nothing that changes with them is indexed.  (wake_at is, but
 * while a profile is not due an event only makes it earlier, which is seldom.)
 * What windows keep is packed already, so a row is not compressed before it is
 * half a page.
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
