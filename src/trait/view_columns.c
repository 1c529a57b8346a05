/*-------------------------------------------------------------------------
 *
 * view_columns.c
 *	  Which columns has the population's view, and which is it to have?
 *
 *		has				customer_id, total_spend, city
 *		is to have		customer_id, average_order, city, total_spend text
 *
 *		in order		customer_id, dropped_1, city, average_order,
 *						total_spend
 *
 * A column that goes, or changes its type, leaves a placeholder that is always
 * missing; a new column of its type takes the place instead, if there is one.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "rewrite/rewriteHandler.h"
#include "rewrite/rewriteManip.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"

#include "base/base.h"
#include "trait/view.h"

/* How the columns of a view are printed. */
typedef struct ViewPrinter
{
	const Population *population;
	FilterScope *row;			/* the base table's columns */
	List	   *context;		/* to print expressions over them */
	const Trait *trait;			/* to be printed */
	ViewColumn *column;			/* the result */
} ViewPrinter;

static ViewColumn *key_column(const Population *population);
static void print_trait(void *arg);
static void print_present(ViewPrinter *printer);
static void set_type(ViewColumn *column, Node *value);
static bool same_type(const ViewColumn *a, const ViewColumn *b);
static bool put_into_gap(List *places, List *columns, ViewColumn *column);
static ViewColumn *placeholder(const ViewColumn *of, List *columns,
							   List *names);
static void refuse_change(const Population *population,
						  const ViewColumn *present, const ViewColumn *column);

const char *
view_comment_of(const Trait *trait, const char *text)
{
	return trait->description == NULL ? text :
		psprintf("%s: %s", trait->description, text);
}

List *
view_columns(const Population *population)
{
	ViewPrinter printer = {population};
	List	   *columns = list_make1(key_column(population));
	int			level = settings_pin();
	ListCell   *lc;

	printer.row = filter_column_scope(population->oid, 1);
	printer.context = deparse_context_for("profile", population->oid);

	foreach(lc, trait_list(population))
	{
		ErrorData  *error;

		printer.trait = lfirst(lc);
		printer.column = palloc0(sizeof(ViewColumn));
		printer.column->name = printer.trait->name;
		printer.column->comment = view_comment_of(printer.trait,
												  printer.trait->text);

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

/* The column of the key. */
static ViewColumn *
key_column(const Population *population)
{
	ViewColumn *key = palloc0(sizeof(ViewColumn));

	key->name = population->key;
	key->sql = psprintf("profile.%s", quote_identifier(population->key));
	key->type = population->key_type;
	key->typmod = -1;
	key->collation = population->key_collation;
	return key;
}

/* Print the value of a trait, for attempt(). */
static void
print_trait(void *arg)
{
	ViewPrinter *printer = arg;
	ViewColumn *column = printer->column;
	FilterScope *scope = definition_scope(printer->population, printer->row,
										  NULL);
	Node	   *value = (Node *)
		filter_compile_operand(printer->trait->definition, scope);

	set_type(column, value);
	column->sql = deparse_expression(value, printer->context, true, false);
	if (column->type == UNKNOWNOID)
	{
		column->sql = psprintf("(%s)::text", column->sql);
		column->type = TEXTOID;
		column->collation = get_typcollation(TEXTOID);
	}
}

/* Print a trait as the view shows it now; sql stays NULL if it does not. */
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
	{
		const RangeTblEntry *item = lfirst(lc);

		if (item->relid == population->oid)
			ChangeVarNodes((Node *) query->targetList,
						   foreach_current_index(lc) + 1, 1, 0);
	}
	foreach(lc, query->targetList)
	{
		TargetEntry *entry = lfirst(lc);

		if (entry->resjunk ||
			strcmp(entry->resname, printer->trait->name) != 0)
			continue;
		set_type(printer->column, (Node *) entry->expr);
		printer->column->sql = deparse_expression((Node *) entry->expr,
												  printer->context, true,
												  false);
	}
}

static void
set_type(ViewColumn *column, Node *value)
{
	column->type = exprType(value);
	column->typmod = exprTypmod(value);
	column->collation = exprCollation(value);
}

List *
view_present_columns(const Population *population)
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

bool
view_columns_extend(List *present, List *columns)
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

List *
view_columns_in_order(const Population *population, List *present,
					  List *columns)
{
	List	   *places = NIL;
	List	   *names = list_concat_copy(present, columns);
	ListCell   *lc;

	foreach(lc, present)
	{
		const ViewColumn *old = lfirst(lc);
		ViewColumn *new = view_column_named(columns, old->name);

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

		if (!list_member_ptr(places, new) &&
			!put_into_gap(places, columns, new))
			places = lappend(places, new);
	}
	return places;
}

/*
 * Put a column in the place of the first placeholder of its type; false if
 * there is none.
 */
static bool
put_into_gap(List *places, List *columns, ViewColumn *column)
{
	ListCell   *lc;

	foreach(lc, places)
	{
		const ViewColumn *other = lfirst(lc);

		if (view_column_named(columns, other->name) == NULL &&
			same_type(other, column))
		{
			lfirst(lc) = column;
			return true;
		}
	}
	return false;
}

/*
 * What stands in the place of a column that goes.  'names' are all columns
 * that have a name already.
 */
static ViewColumn *
placeholder(const ViewColumn *of, List *columns, List *names)
{
	ViewColumn *column = palloc0(sizeof(ViewColumn));
	const char *collation = "";

	*column = *of;
	if (!view_is_placeholder(of->name) ||
		view_column_named(columns, of->name) != NULL)
		for (int i = 1; view_column_named(names, column->name) != NULL; i++)
			column->name = psprintf("dropped_%d", i);
	if (OidIsValid(of->collation))
		collation = psprintf(" COLLATE %s",
							 collation_full_name(of->collation));
	column->sql = psprintf("NULL::%s%s",
						   format_type_extended(of->type, of->typmod,
												FORMAT_TYPE_TYPEMOD_GIVEN |
												FORMAT_TYPE_FORCE_QUALIFY),
						   collation);
	column->comment = "of a dropped trait, always missing;"
		" goes with the next definition when nothing depends on this view";
	return column;
}

bool
view_is_placeholder(const char *name)
{
	return strncmp(name, "dropped_", 8) == 0 && name[8] != '\0' &&
		name[8 + strspn(name + 8, "0123456789")] == '\0';
}

/* An error if an object reads a column that goes (NULL) or becomes another. */
static void
refuse_change(const Population *population, const ViewColumn *present,
			  const ViewColumn *column)
{
	List	   *dependents = relation_dependents(population->view,
												 present->attno);

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

static bool
same_type(const ViewColumn *a, const ViewColumn *b)
{
	return a->type == b->type && a->typmod == b->typmod &&
		a->collation == b->collation;
}

ViewColumn *
view_column_named(List *columns, const char *name)
{
	ListCell   *lc;

	foreach(lc, columns)
		if (strcmp(((ViewColumn *) lfirst(lc))->name, name) == 0)
			return lfirst(lc);
	return NULL;
}
