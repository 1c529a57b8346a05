/*-------------------------------------------------------------------------
 *
 * trait_scope.c
 *	  What does the name of a trait stand for?
 *
 *		average_order > 40
 *
 * In the population's view a trait is a column, and the filter compiler finds
 * it without this file.  In the base table it is computed from stored columns:
 *
 *		average_order		segment.trait: avg(orders.amount)
 *		avg(orders.amount)	aggregate_expand: sum(...) / count(...)
 *		sum(orders.amount)	segment.stored_trait: s4
 *
 * so average_order becomes s4 / nullif(s5, 0), by the same compiler and the
 * same scope all the way down.  An aggregate or attribute in the filter itself
 * is read from its stored columns like one in a definition.  Definitions
 * cannot go in circles: a trait may only mention traits that exist, and is
 * checked again when it is replaced.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "utils/builtins.h"

#include "base/base.h"
#include "trait/trait_private.h"

/* Names of a base table's row. */
typedef struct TraitScope
{
	FilterScope scope;
	FilterScope *row;			/* the base table's columns */
	const Population *population;
} TraitScope;

static Expr *scope_column(FilterScope *scope, const char *name);
static List *scope_names(FilterScope *scope);
static Expr *scope_path(FilterScope *scope, const FilterNode *column);
static Expr *scope_aggregate(FilterScope *scope, const FilterNode *aggregate);
static Expr *scope_audience(FilterScope *scope, const FilterNode *in_audience);
static Expr *stored_value(TraitScope *scope, const FilterNode *node);
pg_noreturn static void not_stored(TraitScope *scope, const FilterNode *node,
								   const FilterNode *definition);

FilterScope *
trait_scope(const Population *population, FilterScope *row)
{
	TraitScope *scope = palloc0(sizeof(TraitScope));

	scope->row = row;
	scope->population = population;
	scope->scope.subject = psprintf("population \"%s\"", population->name);
	scope->scope.noun = "trait";
	scope->scope.column = scope_column;
	scope->scope.names = scope_names;
	scope->scope.path = scope_path;
	scope->scope.aggregate = scope_aggregate;
	scope->scope.timezone = population->timezone;
	return &scope->scope;
}

FilterScope *
definition_scope(const Population *population, FilterScope *row,
				 const char *text)
{
	FilterScope *scope = trait_scope(population, row);

	scope->audience = scope_audience;
	scope->text = text;
	return scope;
}

void
in_definition_of(void *trait)
{
	errcontext("definition of trait \"%s\"", (const char *) trait);
}

Oid
trait_type(const Population *population, const Trait *trait)
{
	FilterScope *row = filter_column_scope(population->oid, 1);
	FilterScope *scope = definition_scope(population, row, NULL);
	Expr	   *value = filter_compile_operand(trait->definition, scope);
	Oid			type = exprType((Node *) value);

	return type == UNKNOWNOID ? TEXTOID : type;
}

/* The value of a name in a row of the base table: the key, or a trait. */
static Expr *
scope_column(FilterScope *scope, const char *name)
{
	TraitScope *outer = (TraitScope *) scope;
	const Trait *trait;
	FilterScope *inner;
	Expr	   *value;
	ErrorContextCallback callback = {.callback = in_definition_of};

	check_stack_depth();
	if (strcmp(name, outer->population->key) == 0)
		return outer->row->column(outer->row, name);

	trait = trait_by_name(outer->population, name);
	if (trait == NULL)
		return NULL;
	inner = definition_scope(outer->population, outer->row, NULL);
	callback.previous = error_context_stack;
	callback.arg = trait->name;
	error_context_stack = &callback;
	value = filter_compile_operand_pinned(trait->definition, inner);
	error_context_stack = callback.previous;
	return value;
}

/* The names (char *) of the key and of all traits, for hints. */
static List *
scope_names(FilterScope *scope)
{
	const Population *population = ((TraitScope *) scope)->population;
	List	   *names = list_make1(population->key);
	ListCell   *lc;

	foreach(lc, trait_list(population))
		names = lappend(names, ((Trait *) lfirst(lc))->name);
	return names;
}

/*
 * The value of an attribute, such as customers.city, or of the trait that is
 * meant by club.balance; NULL for a key of a jsonb trait, such as
 * payload.size, which the compiler reads by itself.
 */
static Expr *
scope_path(FilterScope *scope, const FilterNode *column)
{
	TraitScope *outer = (TraitScope *) scope;
	FilterNode *trait = trait_of_dotted(outer->population, column);

	if (trait != NULL)
		return filter_compile_operand_pinned(trait, scope);
	if (source_by_name(outer->population, column->text) == NULL)
		return NULL;
	return stored_value(outer, column);
}

/* The value of an aggregate: a formula over others, or of stored columns. */
static Expr *
scope_aggregate(FilterScope *scope, const FilterNode *aggregate)
{
	FilterNode *expanded;
	ErrorPosition position;

	error_position_begin(&position, scope->text, aggregate);
	expanded = aggregate_expand(aggregate);
	error_position_end(&position);
	if (expanded != aggregate)
		return filter_compile_operand_pinned(expanded, scope);
	return stored_value((TraitScope *) scope, aggregate);
}

/* scope_audience() refuses an audience in the definition of a trait. */
static Expr *
scope_audience(FilterScope *scope, const FilterNode *in_audience)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("audience \"%s\" cannot be part of a trait",
					in_audience->text),
			 errdetail("An audience uses traits, but a trait cannot use an "
					   "audience."),
			 errhint("Use the audience in another audience, or its filter in the trait.")));
}

/*
 * The value of an aggregate or attribute that is stored: an expression over
 * its columns in the base table.
 */
static Expr *
stored_value(TraitScope *scope, const FilterNode *node)
{
	const Population *population = scope->population;
	FilterNode *definition = unconstify(FilterNode *, node);
	const StoredTrait *stored;
	BoundTrait	bound;
	Expr	   *columns[AGGREGATE_COLUMNS];
	List	   *window = NIL;
	Expr	   *value;
	ErrorPosition position;

	error_position_begin(&position, scope->scope.text, node);
	if (node->op == FILTER_AGGREGATE)
		(void) aggregate_stored(node, &definition);
	stored = stored_covering(population, definition);
	if (stored == NULL)
		not_stored(scope, node, definition);

	stored_describe(stored, &bound);
	for (int i = 0; i < bound.ncolumns; i++)
	{
		char	   *name = stored_column(stored->name, &bound.columns[i]);

		columns[i] = scope->row->column(scope->row, name);
		if (columns[i] == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_COLUMN),
					 errmsg("base table of population \"%s\" has no column \"%s\"",
							population->name, name),
					 errdetail("It should hold %s.", stored->text),
					 errhint("Restore the base table, or drop and create the traits that need it.")));
	}
	if (aggregate_window_of(node) != NULL)
		window = filter_compile_window(aggregate_window_of(node),
									   &scope->scope);
	value = aggregate_value(node, &bound.input, columns, window);
	error_position_end(&position);
	return value;
}

/*
 * Refuse an aggregate or attribute that is not stored.  A definition has its
 * stored traits added before it is compiled, a mere question does not.  If it
 * could not be stored at all, that is the error.
 */
static void
not_stored(TraitScope *scope, const FilterNode *node,
		   const FilterNode *definition)
{
	const Population *population = scope->population;
	BoundTrait	bound;

	stored_bind(stored_source(population, definition, scope->scope.text),
				definition, scope->scope.text, &bound);
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("\"%s\" is not kept in population \"%s\"",
					filter_print(node), population->name),
			 errdetail("Aggregates and attributes are kept only if a trait or "
					   "an audience uses them."),
			 errhint("Define a trait with segment.create_trait(), or an audience with segment.create_audience()."),
			 filter_position(scope->scope.text, node)));
}
