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
 *		nothing depends on the view		DROP VIEW, CREATE VIEW, and what it had:
 *										grants, options, comment, owner
 *		users' views do, but not on		the column stays in its place, always
 *		the column						missing, and is called dropped_1
 *		users' views read the column	an error that names them
 *
 * What stays in its place is taken by the next trait of its type, or goes when
 * nothing depends on the view any more.
 *
 * A trait that does not bind is shown as before: by the expression that the
 * view has for it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "commands/comment.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "rewrite/rewriteHandler.h"
#include "rewrite/rewriteManip.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"

#include "base/base.h"
#include "trait/trait_private.h"

/* A column that the view has, or is to have. */
typedef struct ViewColumn
{
	const char *name;
	const char *sql;			/* NULL of one that is only looked at */
	const char *comment;
	Oid			type;
	int32		typmod;
	Oid			collation;
	AttrNumber	attno;			/* of one that is there */
} ViewColumn;

/* A statement that gives a new view what an old one had. */
typedef struct ViewGrant
{
	const char *column;			/* or NULL */
	const char *sql;
} ViewGrant;

/* How the columns of a view are printed. */
typedef struct ViewPrinter
{
	const Population *population;
	FilterScope *row;			/* the base table's columns */
	List	   *context;		/* to print expressions over them */
	const Trait *trait;			/* to be printed */
	ViewColumn *column;			/* the result */
} ViewPrinter;

static List *view_columns(const Population *population);
static void print_trait(void *arg);
static void print_present(ViewPrinter *printer);
static void set_type(ViewColumn *column, Node *value);
static List *present_columns(const Population *population);
static bool extends(List *present, List *columns);
static bool same_type(const ViewColumn *a, const ViewColumn *b);
static ViewColumn *column_named(List *columns, const char *name);
static List *keep_places(const Population *population, List *present,
						 List *columns);
static ViewColumn *placeholder(const ViewColumn *of, List *columns,
							   List *names);
static bool is_placeholder(const char *name);
static void refuse_change(const Population *population,
						  const ViewColumn *present, const ViewColumn *column);
static void rename_columns(const Population *population, List *present,
						   List *columns);
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
		/* somebody dropped it: make it where the user is */
		check_schema_name(home);
		view = quote_qualified_identifier(home, population->name);
		create_view(population, view, columns, false);
		view_moved(population, get_relname_relid(population->name,
												 get_namespace_oid(home, false)));
		ereport(NOTICE,
				(errmsg("the view of population \"%s\" was dropped, and is made again as %s",
						population->name, view)));
		comment_columns(population, view, columns);
		return;
	}

	present = present_columns(population);
	if (!extends(present, columns) && !relation_is_depended_on(population->view))
		make_again(population, columns);
	else
	{
		if (!extends(present, columns))
			columns = keep_places(population, present, columns);
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
	char	   *view = population_view_name(population);

	if (view == NULL || get_attnum(population->view, name) == InvalidAttrNumber)
		return;
	/*
	 * no trait is called so: what stands for a dropped one gives the name away
	 */
	if (is_placeholder(new_name) &&
		get_attnum(population->view, new_name) != InvalidAttrNumber)
	{
		char	   *other;
		int			number = 1;

		do
			other = psprintf("dropped_%d", number++);
		while (get_attnum(population->view, other) != InvalidAttrNumber);
		population_execute(population,
						   psprintf("ALTER VIEW %s RENAME COLUMN %s TO %s", view,
									quote_identifier(new_name), other));
	}
	population_execute(population,
					   psprintf("ALTER VIEW %s RENAME COLUMN %s TO %s", view,
								quote_identifier(name), quote_identifier(new_name)));
}

/* ---- the columns that it is to have ---- */

static List *
view_columns(const Population *population)
{
	ViewPrinter printer = {population};
	ViewColumn *key = palloc0(sizeof(ViewColumn));
	List	   *columns = list_make1(key);
	int			level = settings_pin();
	ListCell   *lc;

	printer.row = filter_column_scope(population->base, 1);
	printer.context = deparse_context_for("profile", population->base);
	key->name = population->key;
	key->sql = psprintf("profile.%s", quote_identifier(population->key));
	key->type = population->key_type;
	key->typmod = -1;
	key->collation = population->key_collation;

	foreach(lc, trait_list(population))
	{
		ErrorData  *error;

		printer.trait = lfirst(lc);
		printer.column = palloc0(sizeof(ViewColumn));
		printer.column->name = printer.trait->name;
		printer.column->comment = printer.trait->description == NULL ?
			printer.trait->text :
			psprintf("%s: %s", printer.trait->description, printer.trait->text);

		error = attempt(print_trait, &printer);
		if (error != NULL)
			print_present(&printer);
		if (printer.column->sql != NULL)
			columns = lappend(columns, printer.column);
		else
			ereport(WARNING,
					(errmsg("trait \"%s\" is broken, and is not shown",
							printer.trait->name),
					 errdetail("Its definition fails: %s.", error->message),
					 errhint("Give it another definition with segment.alter_trait(), drop it, or undo the change.")));
	}
	AtEOXact_GUC(true, level);
	return columns;
}

static void
print_trait(void *arg)
{
	ViewPrinter *printer = arg;
	ViewColumn *column = printer->column;
	Node	   *value = (Node *)
	filter_compile_operand(printer->trait->definition,
						   definition_scope(printer->population, printer->row, NULL));

	set_type(column, value);
	column->sql = deparse_expression(value, printer->context, true, false);
	if (column->type == UNKNOWNOID)
	{
		column->sql = psprintf("(%s)::text", column->sql);
		column->type = TEXTOID;
		column->collation = get_typcollation(TEXTOID);
	}
}

/* As the view shows it now; sql stays NULL if it does not. */
static void
print_present(ViewPrinter *printer)
{
	const Population *population = printer->population;
	Relation	view;
	Query	   *query;
	ListCell   *lc;

	if (population_view_name(population) == NULL)
		return;
	view = relation_open(population->view, AccessShareLock);
	query = copyObject(get_view_query(view));
	relation_close(view, NoLock);
	foreach(lc, query->rtable)
		if (((RangeTblEntry *) lfirst(lc))->relid == population->base)
			ChangeVarNodes((Node *) query->targetList,
						   foreach_current_index(lc) + 1, 1, 0);
	foreach(lc, query->targetList)
	{
		TargetEntry *entry = lfirst(lc);

		if (entry->resjunk || strcmp(entry->resname, printer->trait->name) != 0)
			continue;
		set_type(printer->column, (Node *) entry->expr);
		printer->column->sql = deparse_expression((Node *) entry->expr,
												  printer->context, true, false);
	}
}

static void
set_type(ViewColumn *column, Node *value)
{
	column->type = exprType(value);
	column->typmod = exprTypmod(value);
	column->collation = exprCollation(value);
}

/* ---- the columns that it has ---- */

static List *
present_columns(const Population *population)
{
	Relation	view = relation_open(population->view, AccessShareLock);
	TupleDesc	desc = RelationGetDescr(view);
	List	   *columns = NIL;

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);
		ViewColumn *column = palloc0(sizeof(ViewColumn));

		column->name = pstrdup(NameStr(att->attname));
		column->type = att->atttypid;
		column->typmod = att->atttypmod;
		column->collation = att->attcollation;
		column->attno = i + 1;
		columns = lappend(columns, column);
	}
	relation_close(view, NoLock);
	return columns;
}

/* Are the present columns the first ones of the new? */
static bool
extends(List *present, List *columns)
{
	ListCell   *lc;

	if (list_length(present) > list_length(columns))
		return false;
	foreach(lc, present)
	{
		const ViewColumn *old = lfirst(lc);
		const ViewColumn *new = list_nth(columns, foreach_current_index(lc));

		if (strcmp(old->name, new->name) != 0 || !same_type(old, new))
			return false;
	}
	return true;
}

static bool
same_type(const ViewColumn *a, const ViewColumn *b)
{
	return a->type == b->type && a->typmod == b->typmod &&
		a->collation == b->collation;
}

static ViewColumn *
column_named(List *columns, const char *name)
{
	ListCell   *lc;

	foreach(lc, columns)
		if (strcmp(((ViewColumn *) lfirst(lc))->name, name) == 0)
			return lfirst(lc);
	return NULL;
}

/*
 * The columns in an order in which those that are there stay in their places,
 * for CREATE OR REPLACE VIEW.
 */
static List *
keep_places(const Population *population, List *present, List *columns)
{
	List	   *places = NIL;
	List	   *names = list_concat_copy(present, columns);
	ListCell   *lc;
	ListCell   *place;

	foreach(lc, present)
	{
		const ViewColumn *old = lfirst(lc);
		ViewColumn *new = column_named(columns, old->name);

		if (new == NULL || !same_type(old, new))
		{
			refuse_change(population, old, new);
			new = placeholder(old, columns, names);
			names = lappend(names, new);
		}
		places = lappend(places, new);
	}
	foreach(lc, columns)
	{
		ViewColumn *new = lfirst(lc);
		bool		placed = list_member_ptr(places, new);

		foreach(place, places)
		{
			const ViewColumn *other = lfirst(place);

			if (placed || column_named(columns, other->name) != NULL ||
				!same_type(other, new))
				continue;
			lfirst(place) = new;
			placed = true;
		}
		if (!placed)
			places = lappend(places, new);
	}
	return places;
}

/*
 * What stands in the place of a column that is not there any more.  'names'
 * are all that have a name already.
 */
static ViewColumn *
placeholder(const ViewColumn *of, List *columns, List *names)
{
	ViewColumn *column = palloc0(sizeof(ViewColumn));
	const char *collation = "";

	*column = *of;
	if (!is_placeholder(of->name) || column_named(columns, of->name) != NULL)
		for (int i = 1; column_named(names, column->name) != NULL; i++)
			column->name = psprintf("dropped_%d", i);
	if (OidIsValid(of->collation))
		collation = psprintf(" COLLATE %s", collation_full_name(of->collation));
	column->sql = psprintf("NULL::%s%s",
						   format_type_extended(of->type, of->typmod,
												FORMAT_TYPE_TYPEMOD_GIVEN |
												FORMAT_TYPE_FORCE_QUALIFY),
						   collation);
	column->comment = "of a dropped trait, always missing; goes with the next definition when nothing depends on this view";
	return column;
}

static bool
is_placeholder(const char *name)
{
	return strncmp(name, "dropped_", 8) == 0 && name[8] != '\0' &&
		name[8 + strspn(name + 8, "0123456789")] == '\0';
}

/*
 * An error if somebody reads the column, which goes (NULL) or becomes another.
 */
static void
refuse_change(const Population *population, const ViewColumn *present,
			  const ViewColumn *column)
{
	List	   *dependents = relation_dependents(population->view, present->attno);

	if (dependents == NIL)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
			 column == NULL ?
			 errmsg("cannot drop column \"%s\" of view %s because other objects depend on it",
					present->name, population_view_name(population)) :
			 errmsg("cannot change the type of column \"%s\" of view %s from %s to %s because other objects depend on it",
					present->name, population_view_name(population),
					format_type_with_typemod(present->type, present->typmod),
					format_type_with_typemod(column->type, column->typmod)),
			 errdetail("It is used by %s.", dependents_list(dependents)),
			 dependents_hint(dependents)));
}

/* ---- making it ---- */

/* Columns that are to be called otherwise in their places. */
static void
rename_columns(const Population *population, List *present, List *columns)
{
	/* what becomes a placeholder first: another may get its name */
	for (int placeholders = 1; placeholders >= 0; placeholders--)
	{
		ListCell   *lc;

		foreach(lc, present)
		{
			const ViewColumn *old = lfirst(lc);
			const ViewColumn *new = list_nth(columns, foreach_current_index(lc));

			if (strcmp(old->name, new->name) != 0 &&
				is_placeholder(new->name) == placeholders)
				population_execute(population,
								   psprintf("ALTER VIEW %s RENAME COLUMN %s TO %s",
											population_view_name(population),
											quote_identifier(old->name),
											quote_identifier(new->name)));
		}
	}
}

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
 * The view anew, with all that can have been given to it.  Nothing depends on
 * it.
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
	population_execute(population, psprintf("CREATE VIEW %s%s AS %s", view, options,
											view_query(population, columns)));
	made = get_relname_relid(name, schema);
	foreach(lc, grants)
	{
		const ViewGrant *grant = lfirst(lc);

		/* a column's grants go with it */
		if (grant->column == NULL || column_named(columns, grant->column) != NULL)
			population_execute(population, grant->sql);
	}
	if (comment != NULL)
		population_execute(population, psprintf("COMMENT ON VIEW %s IS %s", view,
												quote_literal_cstr(comment)));
	if (owner != relation_owner(made))
		population_execute(population,
						   psprintf("ALTER VIEW %s OWNER TO %s", view,
									quote_identifier(GetUserNameFromId(owner, false))));
	view_moved(population, made);
}

static void
view_moved(const Population *population, Oid view)
{
	catalog_execute("UPDATE segment.population SET view = $2 WHERE population = $1",
					2, (Oid[]) {NAMEOID, REGCLASSOID},
					(Datum[]) {name_datum(population->name), ObjectIdGetDatum(view)},
					NULL);
}

/*
 * The statements that give a new view the grants of this one.  What the
 * owner's default privileges give to a new view is taken away first.
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

/* Most columns have their comments already: a view may have many. */
static bool
has_comment(const Population *population, const ViewColumn *column)
{
	AttrNumber	attno = get_attnum(population->view, column->name);
	char	   *comment = attno == InvalidAttrNumber ? NULL :
		GetComment(population->view, RelationRelationId, attno);

	return comment != NULL && strcmp(comment, column->comment) == 0;
}

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
