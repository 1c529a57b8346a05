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
 * Schema segment_data is ours, and users cannot create in it: what stands
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

static void check_view_name(const char *schema, const char *name);
static void lock_new_name(const char *name);
static void check_new_name(const char *name);
static void check_key(const char *key);
static Oid	create_base(const char *name, const char *key, Oid key_type);
static void comment_on(const char *object, const char *comment);
static void insert_population(const Population *population);

/*
 * create_population(name, key, key_type, timezone) -> the view
 */
Datum
segment_create_population(PG_FUNCTION_ARGS)
{
	Population	made = {0};
	char	   *schema;
	char	   *type;
	char	   *view;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_ARGISNULL(2))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("name, key and key_type of a population must be given")));
	made.name = NameStr(*PG_GETARG_NAME(0));
	made.key = NameStr(*PG_GETARG_NAME(1));
	type = text_to_cstring(PG_GETARG_TEXT_PP(2));
	made.key_type =
		DatumGetObjectId(DirectFunctionCall1(regtypein,
											 CStringGetDatum(type)));
	/* a number is taken for an OID */
	if (!SearchSysCacheExists1(TYPEOID, ObjectIdGetDatum(made.key_type)))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("type \"%s\" does not exist", type)));
	made.timezone = PG_ARGISNULL(3) ?
		pstrdup(pg_get_timezone_name(session_timezone)) :
		text_to_cstring(PG_GETARG_TEXT_PP(3));

	check_new_name(made.name);
	made.key_type = key_type_for(made.key_type);
	check_key(made.key);
	check_zone(made.timezone);
	schema = current_schema_name();
	check_schema_name(schema);
	check_view_name(schema, made.name);
	lock_new_name(made.name);
	check_new_name(made.name);

	SPI_connect();
	made.oid = create_base(made.name, made.key, made.key_type);
	view = quote_qualified_identifier(schema, made.name);
	catalog_execute_as_user(psprintf("CREATE VIEW %s AS"
									 " SELECT profile.%s FROM %s",
									 view, quote_identifier(made.key),
									 view_source_sql(made.oid)),
							0, NULL, NULL, NULL);
	made.view = get_relname_relid(made.name,
								  get_namespace_oid(schema, false));
	insert_population(&made);
	SPI_finish();

	PG_RETURN_OID(made.view);
}

/* insert_population() writes the catalog's row of a new population. */
static void
insert_population(const Population *population)
{
	Oid			types[] = {NAMEOID, NAMEOID, REGTYPEOID, TEXTOID, REGCLASSOID,
	REGCLASSOID};
	Datum		values[] = {
		name_datum(population->name),
		name_datum(population->key),
		ObjectIdGetDatum(population->key_type),
		CStringGetTextDatum(population->timezone),
		ObjectIdGetDatum(population->oid),
		ObjectIdGetDatum(population->view),
	};

	catalog_execute("INSERT INTO segment.population"
					" (population, key, key_type, timezone, base, view)"
					" VALUES ($1, $2, $3, $4, $5, $6)",
					lengthof(types), types, values, NULL);
}

/*
 * check_view_name() raises an error if the user may not create the view of
 * that name in the schema, or something is there already.
 */
static void
check_view_name(const char *schema, const char *name)
{
	Oid			namespace = get_namespace_oid(schema, false);

	if (object_aclcheck(NamespaceRelationId, namespace, GetUserId(),
						ACL_CREATE) != ACLCHECK_OK)
		aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_SCHEMA, schema);
	if (OidIsValid(get_relname_relid(name, namespace)))
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_TABLE),
				 errmsg("relation %s already exists",
						quote_qualified_identifier(schema, name)),
				 errdetail("A population shows itself as a view of its name."),
				 errhint("Choose another name, or set search_path to another schema.")));
}

/*
 * A view over one table alone could be written to, and tools that ask the
 * server for that would offer it.  (SELECT) is one row without columns, which
 * the planner leaves away.
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
 * lock_new_name() keeps others from creating a population of that name until
 * the transaction ends: they wait, and are told that there is one.  The lock
 * is on a number, which two names share now and then.
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

/* check_new_name() raises an error if a population cannot be called so. */
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

/* check_key() raises an error if a key cannot be called so. */
static void
check_key(const char *key)
{
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
 * create_base() makes the base table of a population, and gives it to the
 * user.
 *
 * Room is left on each page, so that a new version of a row stays beside the
 * old one and no index needs an entry (HOT): traits change often, and nothing
 * that changes with them is indexed.  (wake_at is, but while a profile is not
 * due an event only makes it earlier, which is seldom.)  What windows keep is
 * packed already, so a row is not compressed before it is half a page.
 */
static Oid
create_base(const char *name, const char *key, Oid key_type)
{
	char	   *base = quote_qualified_identifier(SEGMENT_DATA_SCHEMA, name);
	const char *column = quote_identifier(key);
	const char *comments[][2] = {
		{"ord", "dense number of the profile, never reused"},
		{column, "key of the profile"},
		{"source_rows", "how many rows of all sources bear the key"},
		{"evaluated_at", "the instant as of which it was last decided which audiences the profile is in; never runs backwards"},
		{"wake_at", "no later than the next instant at which time alone changes an audience the profile is in; NULL: never"},
	};
	Oid			relid;
	char	   *columns;

	columns = psprintf("("
					   " ord bigint GENERATED ALWAYS AS IDENTITY UNIQUE,"
					   " %s %s PRIMARY KEY,"
					   " source_rows bigint NOT NULL DEFAULT 0,"
					   " evaluated_at timestamptz NOT NULL"
					   " DEFAULT '-infinity',"
					   " wake_at timestamptz"
					   ") USING heap WITH"
					   " (fillfactor = 70, toast_tuple_target = 4080)",
					   column, format_type_be_qualified(key_type));
	relid = data_table_create(name, columns, NULL);
	catalog_execute(psprintf("CREATE INDEX ON %s (wake_at)"
							 " WHERE wake_at IS NOT NULL", base),
					0, NULL, NULL, NULL);
	comment_on(psprintf("TABLE %s", base),
			   psprintf("profiles of population \"%s\", kept by extension segment",
						name));
	for (int i = 0; i < lengthof(comments); i++)
		comment_on(psprintf("COLUMN %s.%s", base, comments[i][0]),
				   comments[i][1]);
	data_table_give(relid, GetUserId());
	return relid;
}

/* comment_on() comments an object of ours, as "TABLE segment_data.shop". */
static void
comment_on(const char *object, const char *comment)
{
	catalog_execute(psprintf("COMMENT ON %s IS %s", object,
							 quote_literal_cstr(comment)),
					0, NULL, NULL, NULL);
}
