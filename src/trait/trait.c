/*-------------------------------------------------------------------------
 *
 * trait.c
 *	  What does the name of a trait stand for?
 *
 *		average_order > 40
 *
 * In the population's view a trait is a column, and the filter compiler finds
 * it without us.  In the base table it is computed from stored columns:
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

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "base/base.h"
#include "trait/trait_private.h"

/* The definitions of one population. */
typedef struct TraitSet
{
	Oid			base;			/* hash key */
	CacheSlot	slot;			/* holds the lists */
	List	   *traits;			/* Trait * */
	List	   *stored;			/* StoredTrait * */
} TraitSet;

/* Names of a base table's row. */
typedef struct TraitScope
{
	FilterScope scope;
	FilterScope *row;			/* the base table's columns */
	const Population *population;
} TraitScope;

TraitUsersHook trait_users_hook = NULL;

static Cache *trait_sets = NULL;

static Expr *scope_column(FilterScope *scope, const char *name);
static List *scope_names(FilterScope *scope);
static Expr *scope_path(FilterScope *scope, const FilterNode *column);
static Expr *scope_aggregate(FilterScope *scope, const FilterNode *aggregate);
static Expr *scope_audience(FilterScope *scope, const FilterNode *in_audience);
static Expr *stored_value(TraitScope *scope, const FilterNode *node);
pg_noreturn static void not_stored(TraitScope *scope, const FilterNode *node,
								   const FilterNode *definition);
static TraitSet *trait_set(const Population *population);
static Oid	column_collation(const Population *population, const char *column);
static bool made_of(const void *entry, Oid relid);

void
trait_init(void)
{
	static const CacheKind kind = {
		.name = "segment traits",
		.key_size = sizeof(Oid),
		.entry_size = sizeof(TraitSet),
		.slot = offsetof(TraitSet, slot),
		.made_of = made_of,
	};

	trait_sets = cache_create(&kind);
	program_init();
}

List *
trait_list(const Population *population)
{
	return trait_set(population)->traits;
}

List *
stored_list(const Population *population)
{
	return trait_set(population)->stored;
}

List *
trait_names(const Population *population)
{
	List	   *names = NIL;
	ListCell   *lc;

	foreach(lc, trait_list(population))
		names = lappend(names, ((Trait *) lfirst(lc))->name);
	return names;
}

const Trait *
trait_by_name(const Population *population, const char *name)
{
	ListCell   *lc;

	foreach(lc, trait_list(population))
	{
		const Trait *trait = lfirst(lc);

		if (strcmp(trait->name, name) == 0)
			return trait;
	}
	return NULL;
}

const StoredTrait *
stored_by_text(const Population *population, const char *text)
{
	ListCell   *lc;

	foreach(lc, stored_list(population))
	{
		const StoredTrait *stored = lfirst(lc);

		if (strcmp(stored->text, text) == 0)
			return stored;
	}
	return NULL;
}

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

typedef struct Names
{
	const Population *population;
	List	   *names;
} Names;

static bool
collect_name(const FilterNode *node, void *context)
{
	Names	   *names = context;

	/* inside an aggregate the names are those of the source */
	if (node->op == FILTER_AGGREGATE || node->op == FILTER_DID)
		return false;
	/* customers.city is an attribute, also if a trait is called customers */
	if (node->op != FILTER_COLUMN ||
		(node->nargs > 0 && source_by_name(names->population, node->text) != NULL))
		return true;
	if (!names_contain(names->names, node->text))
		names->names = lappend(names->names, node->text);
	return true;
}

List *
trait_names_used(const Population *population, const FilterNode *definition)
{
	Names		names = {population, NIL};

	filter_walk(definition, collect_name, &names);
	return names.names;
}

List *
trait_users(const Population *population, const char *name)
{
	List	   *users = NIL;
	ListCell   *lc;
	ListCell   *used;

	foreach(lc, trait_list(population))
	{
		const Trait *trait = lfirst(lc);

		foreach(used, trait_names_used(population, trait->definition))
			if (strcmp(lfirst(used), name) == 0)
				users = lappend(users, trait->name);
	}
	return users;
}

List *
trait_sources_used(const Population *population, const FilterNode *definition)
{
	List	   *names = NIL;
	ListCell   *needed;
	ListCell   *lc;

	foreach(needed, stored_needed(population, definition, NULL))
	{
		char	   *name = stored_source(population, lfirst(needed), NULL)->name;
		bool		known = false;

		foreach(lc, names)
			known |= strcmp(lfirst(lc), name) == 0;
		if (!known)
			names = lappend(names, name);
	}
	return names;
}

List *
trait_users_of_source(const Population *population, const char *source)
{
	List	   *users = NIL;
	ListCell   *lc;
	ListCell   *used;

	foreach(lc, trait_list(population))
	{
		const Trait *trait = lfirst(lc);

		foreach(used, trait_sources_used(population, trait->definition))
			if (strcmp(lfirst(used), source) == 0)
				users = lappend(users, trait->name);
	}
	return users;
}

bool
trait_needs(const Population *population, const FilterNode *definition,
			const FilterNode *stored)
{
	ListCell   *lc;

	foreach(lc, stored_needed(population, definition, NULL))
		if (filter_equal(lfirst(lc), stored))
			return true;
	return false;
}

List *
stored_users(const Population *population, const StoredTrait *stored)
{
	List	   *users = NIL;
	ListCell   *lc;

	foreach(lc, trait_list(population))
	{
		const Trait *trait = lfirst(lc);

		if (trait_needs(population, trait->definition, stored->definition))
			users = lappend(users, psprintf("trait \"%s\"", trait->name));
	}
	if (trait_users_hook != NULL)
		users = list_concat(users, trait_users_hook(population, stored->definition));
	return users;
}

Oid
trait_type(const Population *population, const Trait *trait)
{
	FilterScope *row = filter_column_scope(population->oid, 1);
	Expr	   *value = filter_compile_operand(trait->definition,
											   definition_scope(population, row, NULL));
	Oid			type = exprType((Node *) value);

	return type == UNKNOWNOID ? TEXTOID : type;
}

/*
 * A name in a row of the base table: the key, or a trait.
 */
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

void
in_definition_of(void *trait)
{
	errcontext("definition of trait \"%s\"", (const char *) trait);
}

FilterScope *
definition_scope(const Population *population, FilterScope *row, const char *text)
{
	FilterScope *scope = trait_scope(population, row);

	scope->audience = scope_audience;
	scope->text = text;
	return scope;
}

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
 * customers.city is an attribute; payload.size is a key of a jsonb trait, and
 * the compiler's business.
 */
static Expr *
scope_path(FilterScope *scope, const FilterNode *column)
{
	TraitScope *outer = (TraitScope *) scope;

	if (source_by_name(outer->population, column->text) == NULL)
		return NULL;
	return stored_value(outer, column);
}

static Expr *
scope_aggregate(FilterScope *scope, const FilterNode *aggregate)
{
	FilterNode *expanded;
	ErrorPlace	place;

	error_place_begin(&place, scope->text, aggregate);
	expanded = aggregate_expand(aggregate);
	error_place_end(&place);
	if (expanded != aggregate)
		return filter_compile_operand_pinned(expanded, scope);
	return stored_value((TraitScope *) scope, aggregate);
}

static Expr *
scope_audience(FilterScope *scope, const FilterNode *in_audience)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("audience \"%s\" cannot be part of a trait", in_audience->text),
			 errdetail("Audiences are made of traits, and a trait knows none."),
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
	ErrorPlace	place;

	error_place_begin(&place, scope->scope.text, node);
	if (node->op == FILTER_AGGREGATE)
		(void) aggregate_stored(node, &definition);
	stored = stored_by_text(population, filter_print(definition));
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
		window = filter_compile_window(aggregate_window_of(node), &scope->scope);
	value = aggregate_value(node, &bound.input, columns, window);
	error_place_end(&place);
	return value;
}

/*
 * A definition has what it needs added before it is compiled; whoever only
 * asks has to do with what is there.  What cannot be had at all is said first.
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
			 errdetail("What sources say of a profile is kept for the traits and audiences that are defined by it."),
			 errhint("Define a trait with segment.create_trait(), or an audience with segment.create_audience()."),
			 filter_position(scope->scope.text, node)));
}

static int
compare_positions(const ListCell *a, const ListCell *b)
{
	return ((Trait *) lfirst(a))->position - ((Trait *) lfirst(b))->position;
}

/* s9 before s10: for all sessions the same order, wherever the rows lie. */
static int
compare_stored(const ListCell *a, const ListCell *b)
{
	const char *left = ((StoredTrait *) lfirst(a))->name;
	const char *right = ((StoredTrait *) lfirst(b))->name;
	int			longer = (int) strlen(left) - (int) strlen(right);

	return longer != 0 ? longer : strcmp(left, right);
}

static TraitSet *
trait_set(const Population *population)
{
	TraitSet   *set = cache_find(trait_sets, &population->oid);
	TraitSet	made = {population->oid};
	MemoryContext context;
	MemoryContext old;
	CatalogScan scan;
	List	   *traits = NIL;
	List	   *stored = NIL;
	uint64		begun = cache_begin();

	if (set != NULL)
		return set;

	context = AllocSetContextCreate(CurrentMemoryContext, "segment traits",
									ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(context);

	catalog_begin(&scan, "trait", population->name);
	while (catalog_next(&scan))
	{
		Trait	   *trait = palloc0(sizeof(Trait));
		bool		isnull;

		trait->name = catalog_get_text(&scan, "trait");
		trait->text = catalog_get_text(&scan, "definition");
		trait->description = catalog_get_optional(&scan, "description");
		trait->definition = filter_parse_definition(trait->text, NULL);
		trait->position = DatumGetInt32(catalog_get(&scan, "position", INT4OID, &isnull));
		traits = lappend(traits, trait);
	}
	catalog_end(&scan);
	list_sort(traits, compare_positions);

	catalog_begin(&scan, "stored_trait", population->name);
	while (catalog_next(&scan))
	{
		StoredTrait *one = palloc0(sizeof(StoredTrait));
		bool		isnull;

		one->name = catalog_get_text(&scan, "stored");
		one->source = catalog_get_text(&scan, "source");
		one->text = catalog_get_text(&scan, "definition");
		one->value_type = DatumGetObjectId(catalog_get(&scan, "value_type", REGTYPEOID, &isnull));
		if (isnull)
			one->value_type = InvalidOid;
		if (type_is_collatable(one->value_type))
			one->value_collation = column_collation(population, one->name);
		one->definition = filter_parse_operand(one->text, NULL);
		stored = lappend(stored, one);
	}
	catalog_end(&scan);
	list_sort(stored, compare_stored);
	MemoryContextSwitchTo(old);

	made.traits = traits;
	made.stored = stored;
	return cache_put(trait_sets, &made, context, begun);
}

/*
 * The collation by which the values are compared is that of the column, of
 * whatever type that is: so the server keeps it, through renames and dumps.
 */
static Oid
column_collation(const Population *population, const char *column)
{
	AttrNumber	number = population_column(population, column);
	Oid			type;
	int32		typmod;
	Oid			collation = InvalidOid;

	if (number != InvalidAttrNumber)
		get_atttypetypmodcoll(population->oid, number, &type, &typmod,
							  &collation);
	return collation;
}

static bool
made_of(const void *entry, Oid relid)
{
	return ((const TraitSet *) entry)->base == relid;
}
