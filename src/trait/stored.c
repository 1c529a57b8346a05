/*-------------------------------------------------------------------------
 *
 * stored.c
 *	  What does a stored definition read, and which columns does it keep?
 *
 *		sum(orders.amount where status = "paid")
 *
 *		source		orders
 *		aggregate	sum
 *		value		Var amount			over the row of orders
 *		where		status = 'paid'
 *		columns		s4 numeric DEFAULT 0
 *
 *		customers.city					an attribute: value Var city
 *
 * The same two expressions are evaluated for each row (program_run.c) and
 * printed as SQL for whole tables (source_query.c), so both mean the same.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_coerce.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "base/base.h"
#include "trait/best.h"
#include "trait/trait_private.h"

static const FilterNode *bind_aggregate(const Source *source,
										const FilterNode *definition,
										FilterScope *scope, BoundTrait *bound);
static const FilterNode *bind_attribute(const Source *source,
										const FilterNode *definition,
										BoundTrait *bound);
static void check_window(const Source *source, const FilterNode *window,
						 const char *text);
static void describe_columns(BoundTrait *bound);
static void describe_input(AggregateInput *input, Oid type, int32 typmod,
						   Oid collation);

/*
 * The name of the source: args[0] of an aggregate, the first of an attribute.
 */
static const char *
definition_source(const FilterNode *definition)
{
	return definition->op == FILTER_AGGREGATE ?
		definition->args[0]->text : definition->text;
}

const Source *
stored_source(const Population *population, const FilterNode *definition,
			  const char *text)
{
	const char *name = definition_source(definition);
	const Source *source = source_by_name(population, name);
	List	   *names;
	const char *nearest;

	if (source != NULL)
		return source;

	names = source_names(population);
	nearest = nearest_name(name, names);
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("source \"%s\" does not exist", name),
			 errdetail_plural("Population \"%s\" has %d source.",
							  "Population \"%s\" has %d sources.",
							  list_length(names), population->name,
							  list_length(names)),
			 nearest ? errhint("Perhaps you meant: %s", filter_name(nearest)) :
			 errhint("Attach a table with segment.attach_source()."),
			 filter_position(text, definition->op == FILTER_AGGREGATE ?
							 definition->args[0] : definition)));
}

void
stored_bind(const Source *source, const FilterNode *definition,
			const char *text, BoundTrait *bound)
{
	source_check(source);
	stored_bind_in(source_scope(source, text), source, definition, bound);
}

void
stored_bind_in(FilterScope *scope, const Source *source,
			   const FilterNode *definition, BoundTrait *bound)
{
	const FilterNode *value;
	ErrorPosition position;

	memset(bound, 0, sizeof(BoundTrait));
	error_position_begin(&position, scope->text, definition);

	value = definition->op == FILTER_AGGREGATE ?
		bind_aggregate(source, definition, scope, bound) :
		bind_attribute(source, definition, bound);
	if (value != NULL)
	{
		bound->value = filter_compile_operand(value, scope);
		if (exprType((Node *) bound->value) == UNKNOWNOID)
			bound->value = (Expr *)
				coerce_to_target_type(NULL, (Node *) bound->value, UNKNOWNOID,
									  TEXTOID, -1, COERCION_IMPLICIT,
									  COERCE_IMPLICIT_CAST, -1);
		describe_input(&bound->input, exprType((Node *) bound->value),
					   exprTypmod((Node *) bound->value),
					   exprCollation((Node *) bound->value));
	}
	describe_columns(bound);
	error_position_end(&position);
}

/*
 * Bind an aggregate; returns its value as written, NULL where rows are
 * counted.
 */
static const FilterNode *
bind_aggregate(const Source *source, const FilterNode *definition,
			   FilterScope *scope, BoundTrait *bound)
{
	const FilterNode *value = definition->args[1];
	FilterNode *stored;

	bound->aggregate = aggregate_stored(definition, &stored);
	if (definition->args[2]->op != FILTER_NONE)
		bound->where = filter_compile(definition->args[2], scope);
	if (source->at_attno == InvalidAttrNumber &&
		(bound->aggregate == &aggregate_first ||
		 bound->aggregate == &aggregate_last))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("%s() needs a source of events", bound->aggregate->name),
				 errdetail("Source \"%s\" has no time.", source->name)));
	bound->window = aggregate_window_of(definition);
	if (bound->window != NULL)
		check_window(source, bound->window, scope->text);
	return value->op == FILTER_NONE ? NULL : value;
}

/* Bind an attribute; returns the column as written. */
static const FilterNode *
bind_attribute(const Source *source, const FilterNode *definition,
			   BoundTrait *bound)
{
	bound->aggregate = &aggregate_attribute;
	if (source->at_attno != InvalidAttrNumber)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not an attribute", filter_print(definition)),
				 errdetail("Source \"%s\" holds events: a profile may have many of them.",
						   source->name),
				 errhint("Say which one or how many, for example last(%s).",
						 filter_print(definition))));
	return filter_node_with(FILTER_COLUMN, definition->args[0]->text,
							 definition->location,
							 definition->nargs - 1, definition->args + 1);
}

/* Check that a source can have a window: an error says why not. */
static void
check_window(const Source *source, const FilterNode *window, const char *text)
{
	FilterScope scope = {
		.timezone = source->population->timezone,
		.text = text,
	};

	if (source->at_attno == InvalidAttrNumber)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" needs a source of events", filter_print(window)),
				 errdetail("Source \"%s\" has no time.", source->name),
				 errhint("Attach the table with its time column as at, or "
						 "leave out the window."),
				 filter_position(text, window)));
	(void) filter_compile_window(window, &scope);
}

void
stored_window_kept(const Population *population, const FilterNode *window,
				   Expr *now, Expr **after, Expr **until)
{
	FilterScope scope = {.timezone = population->timezone, .now = now};

	filter_compile_window_kept(window, &scope, after, until);
}

void
stored_describe(const StoredTrait *stored, BoundTrait *bound)
{
	FilterNode *definition;

	memset(bound, 0, sizeof(BoundTrait));
	bound->aggregate = aggregate_stored(stored->definition, &definition);
	bound->window = aggregate_window_of(stored->definition);
	if (OidIsValid(stored->value_type) &&
		!SearchSysCacheExists1(TYPEOID, ObjectIdGetDatum(stored->value_type)))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("the type of %s does not exist any more", stored->text)));
	if (OidIsValid(stored->value_type))
		describe_input(&bound->input, stored->value_type, -1,
					   stored->value_collation);
	describe_columns(bound);
}

/* Describe the columns of a trait, whose aggregate and input are known. */
static void
describe_columns(BoundTrait *bound)
{
	const Aggregate *aggregate = bound->aggregate;

	bound->settles = aggregate->settles != NULL &&
		aggregate->settles(&bound->input);
	bound->ncolumns = aggregate->columns(aggregate, &bound->input,
										 bound->columns);
}

bool
stored_fits(const Population *population, const StoredTrait *stored,
			const BoundTrait *bound)
{
	if (stored_hides_type(bound) && stored->value_type != bound->input.type)
		return false;
	for (int i = 0; i < bound->ncolumns; i++)
	{
		const AggregateColumn *column = &bound->columns[i];
		char	   *name = stored_column(stored->name, column);
		FormData_pg_attribute found;

		if (!population_find_column(population, name, &found) ||
			found.atttypid != column->type ||
			(OidIsValid(column->collation) &&
			 found.attcollation != column->collation))
			return false;
	}
	return true;
}

bool
stored_hides_type(const BoundTrait *bound)
{
	return bound->aggregate == &aggregate_list ||
		bound->aggregate == &aggregate_window;
}

/* Describe the values that are aggregated. */
static void
describe_input(AggregateInput *input, Oid type, int32 typmod, Oid collation)
{
	Oid			compare = order_function(type);

	input->type = type;
	input->typmod = typmod;
	input->collation = collation;
	get_typlenbyval(type, &input->typlen, &input->typbyval);
	if (OidIsValid(compare))
	{
		input->alike = values_are_alike(type, collation);
		/* not the type cache's own, whose fn_extra may be in use elsewhere */
		input->compare = palloc(sizeof(FmgrInfo));
		fmgr_info(compare, input->compare);
	}
}

char *
stored_column(const char *name, const AggregateColumn *column)
{
	return psprintf("%s%s", name, column->suffix);
}

typedef struct Needed
{
	const Population *population;
	const char *text;
	List	   *definitions;
} Needed;

/* Collect the stored definitions that a node comes down to: a FilterVisit. */
static bool
collect_needed(const FilterNode *node, void *context)
{
	Needed	   *needed = context;

	check_stack_depth();
	if (node->op == FILTER_DID)
	{
		filter_walk(filter_did_as_count(node), collect_needed, context);
		return false;
	}
	if (node->op == FILTER_AGGREGATE)
	{
		FilterNode *definition = NULL;
		FilterNode *expanded;
		ErrorPosition position;

		error_position_begin(&position, needed->text, node);
		expanded = aggregate_expand(node);
		if (expanded == node)
			(void) aggregate_stored(node, &definition);
		error_position_end(&position);

		if (definition != NULL)
			needed->definitions = lappend(needed->definitions, definition);
		else
			filter_walk(expanded, collect_needed, context);
		return false;
	}
	if (node->op == FILTER_COLUMN && node->nargs > 0 &&
		source_by_name(needed->population, node->text) != NULL)
		needed->definitions = lappend(needed->definitions,
									  unconstify(FilterNode *, node));
	return true;
}

List *
stored_needed(const Population *population, const FilterNode *definition,
			  const char *text)
{
	Needed		needed = {population, text, NIL};

	filter_walk(definition, collect_needed, &needed);
	return needed.definitions;
}
