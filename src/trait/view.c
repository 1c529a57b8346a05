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
 * When a column goes or changes its type the view is made again with the
 * grants it had; other views over it make that an error, and they are the
 * user's to drop.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "commands/comment.h"
#include "nodes/nodeFuncs.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"

#include "base/base.h"
#include "trait/trait_private.h"

/* A column the view is to have. */
typedef struct ViewColumn
{
	const char *name;
	const char *sql;
	const char *comment;
	Oid			type;
} ViewColumn;

static bool has_comment(const Population *population,
						const ViewColumn *column);
static void view_moved(const Population *population, Oid view);
static List *view_columns(const Population *population);
static bool view_extends(const Population *population, List *columns);
static List *view_grants(const Population *population);
static char *view_query(const Population *population, List *columns);

void
view_refresh(const Population *population, const char *home)
{
	List	   *columns = view_columns(population);
	char	   *view = population_view_name(population);
	char	   *query = view_query(population, columns);
	ListCell   *lc;

	if (view == NULL)
	{
		/* somebody dropped it: make it where the user is */
		check_schema_name(home);
		view = quote_qualified_identifier(home, population->name);
		population_execute(population, psprintf("CREATE VIEW %s AS %s", view, query));
		view_moved(population, get_relname_relid(population->name,
												 get_namespace_oid(home, false)));
		ereport(NOTICE,
				(errmsg("the view of population \"%s\" was dropped, and is made again as %s",
						population->name, view)));
	}
	else if (view_extends(population, columns))
		population_execute(population, psprintf("CREATE OR REPLACE VIEW %s AS %s", view, query));
	else
	{
		List	   *grants = view_grants(population);
		char	   *name = get_rel_name(population->view);
		Oid			schema = get_rel_namespace(population->view);

		population_execute(population, psprintf("DROP VIEW %s", view));
		population_execute(population, psprintf("CREATE VIEW %s AS %s", view, query));
		foreach(lc, grants)
			population_execute(population, lfirst(lc));
		view_moved(population, get_relname_relid(name, schema));
	}
	foreach(lc, columns)
	{
		const ViewColumn *column = lfirst(lc);

		if (column->comment != NULL && !has_comment(population, column))
			population_execute(population,
							   psprintf("COMMENT ON COLUMN %s.%s IS %s", view,
										quote_identifier(column->name),
										quote_literal_cstr(column->comment)));
	}
	population_changed(population);
}

/* Most columns are as they were: a view may have many. */
static bool
has_comment(const Population *population, const ViewColumn *column)
{
	AttrNumber	attno = get_attnum(population->view, column->name);
	char	   *comment = attno == InvalidAttrNumber ? NULL :
		GetComment(population->view, RelationRelationId, attno);

	return comment != NULL && strcmp(comment, column->comment) == 0;
}

static void
view_moved(const Population *population, Oid view)
{
	catalog_execute("UPDATE segment.population SET view = $2 WHERE population = $1",
					2, (Oid[]) {NAMEOID, REGCLASSOID},
					(Datum[]) {name_datum(population->name), ObjectIdGetDatum(view)},
					NULL);
}

static List *
view_columns(const Population *population)
{
	List	   *context = deparse_context_for("profile", population->base);
	FilterScope *row = filter_column_scope(population->base, 1);
	List	   *columns = NIL;
	ViewColumn *key = palloc0(sizeof(ViewColumn));
	int			level = settings_pin();
	ListCell   *lc;

	key->name = population->key;
	key->sql = psprintf("profile.%s", quote_identifier(population->key));
	key->type = population->key_type;
	columns = lappend(columns, key);

	foreach(lc, trait_list(population))
	{
		const Trait *trait = lfirst(lc);
		ViewColumn *column = palloc0(sizeof(ViewColumn));
		Expr	   *value = filter_compile_operand(trait->definition,
												   definition_scope(population, row, NULL));

		column->name = trait->name;
		column->sql = deparse_expression((Node *) value, context, true, false);
		column->type = exprType((Node *) value);
		if (column->type == UNKNOWNOID)
		{
			column->sql = psprintf("(%s)::text", column->sql);
			column->type = TEXTOID;
		}
		column->comment = trait->description == NULL ? trait->text :
			psprintf("%s: %s", trait->description, trait->text);
		columns = lappend(columns, column);
	}
	AtEOXact_GUC(true, level);
	return columns;
}

/* Are the view's present columns the first ones of the new? */
static bool
view_extends(const Population *population, List *columns)
{
	Relation	view = relation_open(population->view, AccessShareLock);
	TupleDesc	desc = RelationGetDescr(view);
	bool		extends = desc->natts <= list_length(columns);

	for (int i = 0; extends && i < desc->natts; i++)
	{
		const ViewColumn *column = list_nth(columns, i);

		extends = TupleDescAttr(desc, i)->atttypid == column->type &&
			strcmp(NameStr(TupleDescAttr(desc, i)->attname), column->name) == 0;
	}
	relation_close(view, AccessShareLock);
	return extends;
}

/* The statements that give a new view the grants of the old one. */
static List *
view_grants(const Population *population)
{
	List	   *grants = NIL;
	MemoryContext caller = CurrentMemoryContext;

	catalog_execute("SELECT pg_catalog.format('GRANT %s ON %s TO %s%s', a.privilege_type, $1::regclass,"
					" CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) END,"
					" CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)"
					" FROM pg_catalog.pg_class c, pg_catalog.aclexplode(c.relacl) a"
					" WHERE c.oid = $1 AND a.grantee <> c.relowner",
					1, (Oid[]) {REGCLASSOID},
					(Datum[]) {ObjectIdGetDatum(population->view)}, NULL);
	for (uint64 i = 0; i < SPI_processed; i++)
		grants = lappend(grants,
						 MemoryContextStrdup(caller,
											 SPI_getvalue(SPI_tuptable->vals[i],
														  SPI_tuptable->tupdesc, 1)));
	return grants;
}

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
	appendStringInfo(&sql, " FROM %s", view_source_sql(population->base));
	return sql.data;
}
