/*-------------------------------------------------------------------------
 *
 * view.c
 *	  What does the population's view show?
 *
 *		CREATE VIEW profile AS
 *		SELECT profile.customer_id,
 *			   profile.s4 AS total_spend,
 *			   profile.s4 / nullif(profile.s5, 0) AS average_order
 *		FROM segment_data.profile CROSS JOIN (SELECT) AS read_only
 *
 * A new trait is a new last column, which CREATE OR REPLACE VIEW can add.
 * When a column goes or changes its type, the server can only make the view
 * anew:
 *
 *		nothing depends on the view		DROP VIEW, CREATE VIEW, and its grants,
 *										options, comment and owner again
 *		users' views do, but not on		the column stays in its place, always
 *		the column						missing, and is called dropped_1
 *		users' views read the column	an error that names them
 *
 * Such a placeholder is replaced by the next trait of its type, or goes when
 * nothing depends on the view any more.
 *
 * A trait that does not bind is shown as before: by the expression that the
 * view has for it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "commands/comment.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "base/base.h"
#include "trait/view.h"

/* A statement that gives a new view what an old one had. */
typedef struct ViewGrant
{
	const char *column;			/* or NULL */
	const char *sql;
} ViewGrant;

static void rename_columns(const Population *population, List *present,
						   List *columns);
static void rename_column(const Population *population, const char *name,
						  const char *new_name);
static void create_view(const Population *population, const char *view,
						List *columns, bool replace);
static void make_again(const Population *population, List *columns);
static List *view_grants(Oid view);
static bool has_comment(const Population *population,
						const ViewColumn *column);
static void comment_columns(const Population *population, const char *view,
							List *columns);
static void view_moved(const Population *population, Oid view);
static char *view_query(const Population *population, List *columns);

void
view_refresh(const Population *population, const char *home)
{
	List	   *columns = view_columns(population);
	char	   *view = population_view_name(population);
	List	   *present;
	Oid			schema;
	bool		extends;

	if (list_length(columns) > MaxHeapAttributeNumber)
		ereport(ERROR,
				(errcode(ERRCODE_TOO_MANY_COLUMNS),
				 errmsg("population \"%s\" cannot show another trait",
						population->name),
				 errdetail("Its view has a column for the key and %d for traits, as many as a view can have.",
						   MaxHeapAttributeNumber - 1),
				 errhint("Drop traits that are not needed any more. An audience may use an aggregate that has no name.")));

	if (view == NULL)
	{
		/* the view was dropped: make it in the user's schema */
		check_schema_name(home);
		view = quote_qualified_identifier(home, population->name);
		create_view(population, view, columns, false);
		schema = get_namespace_oid(home, false);
		view_moved(population, get_relname_relid(population->name, schema));
		ereport(NOTICE,
				(errmsg("the view of population \"%s\" was dropped, and is made again as %s",
						population->name, view)));
		comment_columns(population, view, columns);
		return;
	}

	present = view_present_columns(population);
	extends = view_columns_extend(present, columns);
	if (!extends && !relation_is_depended_on(population->view))
		make_again(population, columns);
	else
	{
		if (!extends)
			columns = view_columns_in_order(population, present, columns);
		rename_columns(population, present, columns);
		create_view(population, view, columns, true);
	}
	comment_columns(population, view, columns);
	population_changed(population);
}

void
view_rename_column(const Population *population, const char *name,
				   const char *new_name)
{
	if (population_view_name(population) == NULL ||
		get_attnum(population->view, name) == InvalidAttrNumber)
		return;
	/* no trait has this name: a placeholder that has it gets another */
	if (view_is_placeholder(new_name) &&
		get_attnum(population->view, new_name) != InvalidAttrNumber)
	{
		char	   *other;
		int			number = 1;

		do
			other = psprintf("dropped_%d", number++);
		while (get_attnum(population->view, other) != InvalidAttrNumber);
		rename_column(population, new_name, other);
	}
	rename_column(population, name, new_name);
}

/* Rename the present columns as those that are to stand in their places. */
static void
rename_columns(const Population *population, List *present, List *columns)
{
	/* first those that become placeholders: another may get the name */
	for (int placeholders = 1; placeholders >= 0; placeholders--)
	{
		ListCell   *lc;

		foreach(lc, present)
		{
			const ViewColumn *old = lfirst(lc);
			const ViewColumn *new = list_nth(columns,
											 foreach_current_index(lc));

			if (strcmp(old->name, new->name) != 0 &&
				view_is_placeholder(new->name) == placeholders)
				rename_column(population, old->name, new->name);
		}
	}
}

static void
rename_column(const Population *population, const char *name,
			  const char *new_name)
{
	population_execute(population,
					   psprintf("ALTER VIEW %s RENAME COLUMN %s TO %s",
								population_view_name(population),
								quote_identifier(name),
								quote_identifier(new_name)));
}

/* Create or replace the view with these columns. */
static void
create_view(const Population *population, const char *view, List *columns,
			bool replace)
{
	population_execute(population,
					   psprintf("CREATE %sVIEW %s%s AS %s",
								replace ? "OR REPLACE " : "", view,
								view_options(population->view),
								view_query(population, columns)));
}

/*
 * Drop the view, on which nothing depends, and create it with all that may
 * have been given to it.
 */
static void
make_again(const Population *population, List *columns)
{
	char	   *view = population_view_name(population);
	char	   *name = get_rel_name(population->view);
	Oid			schema = get_rel_namespace(population->view);
	Oid			owner = relation_owner(population->view);
	char	   *comment = GetComment(population->view, RelationRelationId, 0);
	char	   *options = view_options(population->view);
	List	   *grants = view_grants(population->view);
	Oid			made;
	ListCell   *lc;

	population_execute(population, psprintf("DROP VIEW %s", view));
	population_execute(population,
					   psprintf("CREATE VIEW %s%s AS %s", view, options,
								view_query(population, columns)));
	made = get_relname_relid(name, schema);
	foreach(lc, grants)
	{
		const ViewGrant *grant = lfirst(lc);

		/* a column's grants go with it */
		if (grant->column == NULL ||
			view_column_named(columns, grant->column) != NULL)
			population_execute(population, grant->sql);
	}
	if (comment != NULL)
		population_execute(population,
						   psprintf("COMMENT ON VIEW %s IS %s", view,
									quote_literal_cstr(comment)));
	if (owner != relation_owner(made))
	{
		const char *role = quote_identifier(GetUserNameFromId(owner, false));

		population_execute(population,
						   psprintf("ALTER VIEW %s OWNER TO %s", view, role));
	}
	view_moved(population, made);
}

/* Note in the catalog that the view is another relation. */
static void
view_moved(const Population *population, Oid view)
{
	catalog_execute("UPDATE segment.population SET view = $2"
					" WHERE population = $1",
					2, (Oid[]) {NAMEOID, REGCLASSOID},
					(Datum[]) {name_datum(population->name),
							   ObjectIdGetDatum(view)},
					NULL);
}

/*
 * The statements (ViewGrant *) that give a new view the grants of this one.
 * What the owner's default privileges give to a new view is revoked first.
 */
static List *
view_grants(Oid view)
{
	static const char sql[] =
		"SELECT NULL, pg_catalog.format('REVOKE ALL ON %s FROM %s', c.oid::regclass, r.name)"
		" FROM pg_catalog.pg_class c, pg_catalog.pg_default_acl d,"
		" pg_catalog.aclexplode(d.defaclacl) a,"
		" LATERAL (SELECT CASE a.grantee WHEN 0 THEN 'PUBLIC'"
		" ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) END) r (name)"
		" WHERE c.oid = $1 AND d.defaclrole = c.relowner AND d.defaclobjtype = 'r'"
		" AND d.defaclnamespace IN (0, c.relnamespace)"
		" UNION ALL SELECT NULL, pg_catalog.format('REVOKE ALL ON %s FROM %I', c.oid::regclass,"
		" pg_catalog.pg_get_userbyid(c.relowner))"
		" FROM pg_catalog.pg_class c WHERE c.oid = $1 AND c.relacl IS NOT NULL"
		" UNION ALL SELECT g.name, pg_catalog.format('GRANT %s%s ON %s TO %s%s', a.privilege_type,"
		" CASE WHEN g.name IS NULL THEN '' ELSE pg_catalog.format(' (%I)', g.name) END, c.oid::regclass,"
		" CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) END,"
		" CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)"
		" FROM pg_catalog.pg_class c, LATERAL (SELECT NULL::name, c.relacl UNION ALL"
		" SELECT t.attname, t.attacl FROM pg_catalog.pg_attribute t WHERE t.attrelid = c.oid"
		" AND t.attacl IS NOT NULL) g (name, acl), pg_catalog.aclexplode(g.acl) a"
		" WHERE c.oid = $1";
	List	   *grants = NIL;
	MemoryContext caller = CurrentMemoryContext;

	catalog_execute(sql, 1, (Oid[]) {REGCLASSOID},
					(Datum[]) {ObjectIdGetDatum(view)}, NULL);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HeapTuple	row = SPI_tuptable->vals[i];
		MemoryContext spi = MemoryContextSwitchTo(caller);
		ViewGrant  *grant = palloc0(sizeof(ViewGrant));

		grant->column = SPI_getvalue(row, SPI_tuptable->tupdesc, 1);
		grant->sql = SPI_getvalue(row, SPI_tuptable->tupdesc, 2);
		grants = lappend(grants, grant);
		MemoryContextSwitchTo(spi);
	}
	return grants;
}

/* Has the column its comment already?  Most have, and a view may have many. */
static bool
has_comment(const Population *population, const ViewColumn *column)
{
	AttrNumber	attno = get_attnum(population->view, column->name);
	char	   *comment = attno == InvalidAttrNumber ? NULL :
		GetComment(population->view, RelationRelationId, attno);

	return comment != NULL && strcmp(comment, column->comment) == 0;
}

/* Comment the columns that do not have their comment yet. */
static void
comment_columns(const Population *population, const char *view, List *columns)
{
	ListCell   *lc;

	foreach(lc, columns)
	{
		const ViewColumn *column = lfirst(lc);

		if (column->comment != NULL && !has_comment(population, column))
			population_execute(population,
							   psprintf("COMMENT ON COLUMN %s.%s IS %s", view,
										quote_identifier(column->name),
										quote_literal_cstr(column->comment)));
	}
}

void
view_comment_trait(const Population *population, const Trait *trait,
				   const char *text)
{
	AttrNumber	attno = population_view_name(population) == NULL ?
		InvalidAttrNumber : get_attnum(population->view, trait->name);

	if (attno != InvalidAttrNumber)
		CreateComments(population->view, RelationRelationId, attno,
					   unconstify(char *, view_comment_of(trait, text)));
}

/* The query of the view. */
static char *
view_query(const Population *population, List *columns)
{
	StringInfoData sql;
	ListCell   *lc;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT ");
	foreach(lc, columns)
	{
		const ViewColumn *column = lfirst(lc);

		appendStringInfo(&sql, "%s%s AS %s",
						 foreach_current_index(lc) > 0 ? ", " : "",
						 column->sql, quote_identifier(column->name));
	}
	appendStringInfo(&sql, " FROM %s", view_source_sql(population->oid));
	return sql.data;
}
