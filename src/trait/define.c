/*-------------------------------------------------------------------------
 *
 * define.c
 *	  Add, replace and forget traits, and the columns that they need.
 *
 *		trait_define('average_order', 'avg(orders.amount)')
 *
 * stores the canonical text in segment.trait, adds to the base table what is
 * not stored yet,
 *
 *		s4	sum(orders.amount)		s5	count(orders.amount)
 *
 * and returns {s4, s5} for the corridor to fill.  The filter of an audience gets
 * what it needs in the same way, by trait_store().  A stored trait goes with the
 * last definition or filter that needs it.
 *
 * The corridor has locked the sources against writers, and the base table.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"
#include "utils/syscache.h"

#include "base/base.h"
#include "trait/trait_private.h"

static void check_cycle(const Population *population, const char *name,
						const FilterNode *definition);
static void check_binds(const Population *population, const char *name,
						const FilterNode *definition, const char *text);
static List *needed_by_all(const Population *population, List *filters);
static bool is_stored(const Population *population,
					  const FilterNode *definition, const char *text);
static bool among(List *definitions, const FilterNode *definition);
static void lock_sources(const Population *population, List *names);
static List *add_name(List *names, char *name);
static List *stored_add(const Population *population, List *definitions,
						const char *text);
static void stored_drop(const Population *population, const StoredTrait *stored);

List *
trait_define(const Population *population, const char *name,
			 const FilterSource *definition, const char *description,
			 bool replace)
{
	const FilterNode *node = definition->tree;
	List	   *added;

	if (!replace)
		trait_check_name(population, name);
	check_cycle(population, name, node);
	trait_check(population, definition);
	added = trait_store(population, definition);
	check_binds(population, name, node, definition->text);

	if (replace)
		catalog_execute("UPDATE segment.trait SET definition = $3,"
						" description = coalesce($4, description)"
						" WHERE population = $1 AND trait = $2",
						4, (Oid[]) {NAMEOID, NAMEOID, TEXTOID, TEXTOID},
						(Datum[]) {name_datum(population->name),
								   name_datum(name),
								   CStringGetTextDatum(filter_print(node)),
								   description ? CStringGetTextDatum(description) : (Datum) 0},
						(bool[]) {false, false, false, description == NULL});
	else
		catalog_execute("INSERT INTO segment.trait"
						" (population, trait, position, definition, description)"
						" SELECT $1, $2, coalesce(max(position), 0) + 1, $3, $4"
						" FROM segment.trait WHERE population = $1",
						4, (Oid[]) {NAMEOID, NAMEOID, TEXTOID, TEXTOID},
						(Datum[]) {name_datum(population->name),
								   name_datum(name),
								   CStringGetTextDatum(filter_print(node)),
								   description ? CStringGetTextDatum(description) : (Datum) 0},
						(bool[]) {false, false, false, description == NULL});
	CommandCounterIncrement();
	population_changed(population);
	return added;
}

void
trait_describe(const Population *population, const char *name,
			   const char *description)
{
	catalog_execute("UPDATE segment.trait SET description = $3"
					" WHERE population = $1 AND trait = $2",
					3, (Oid[]) {NAMEOID, NAMEOID, TEXTOID},
					(Datum[]) {name_datum(population->name),
							   name_datum(name), CStringGetTextDatum(description)},
					NULL);
	CommandCounterIncrement();
	population_changed(population);
}

void
trait_forget(const Population *population, const char *name)
{
	catalog_execute("DELETE FROM segment.trait WHERE population = $1 AND trait = $2",
					2, (Oid[]) {NAMEOID, NAMEOID},
					(Datum[]) {name_datum(population->name),
							   name_datum(name)},
					NULL);
	CommandCounterIncrement();
	population_changed(population);
}

void
trait_forget_all(const Population *population)
{
	Datum		name = name_datum(population->name);

	catalog_execute("DELETE FROM segment.trait WHERE population = $1",
					1, (Oid[]) {NAMEOID}, &name, NULL);
	catalog_execute("DELETE FROM segment.stored_trait WHERE population = $1",
					1, (Oid[]) {NAMEOID}, &name, NULL);
	CommandCounterIncrement();
	population_changed(population);
}

void
trait_refresh(const Population *population, List *filters, const char *home)
{
	CommandCounterIncrement();
	view_refresh(population, home);
	trait_drop_unneeded(population, filters);
	population_drop_unkept(population);
	CommandCounterIncrement();
	population_changed(population);
}

/* A trait to be bound. */
typedef struct BindOne
{
	const Population *population;
	const Trait *trait;
} BindOne;

static void
bind_one(void *arg)
{
	const BindOne *one = arg;

	check_binds(one->population, one->trait->name, one->trait->definition, NULL);
}

List *
trait_binding(const Population *population, List *names)
{
	List	   *binding = NIL;
	ListCell   *lc;

	foreach(lc, names)
	{
		BindOne		one = {population, trait_by_name(population, lfirst(lc))};

		if (one.trait != NULL && attempt(bind_one, &one) == NULL)
			binding = lappend(binding, lfirst(lc));
	}
	return binding;
}

void
trait_must_bind(const Population *population, List *names)
{
	ListCell   *lc;

	foreach(lc, names)
	{
		BindOne		one = {population, trait_by_name(population, lfirst(lc))};

		ErrorContextCallback callback = {
			.previous = error_context_stack,
			.callback = in_definition_of,
			.arg = lfirst(lc),
		};

		/* which of them is it that no longer binds? */
		error_context_stack = &callback;
		bind_one(&one);
		error_context_stack = callback.previous;
	}
}

/* ---- stored traits ---- */

void
trait_check(const Population *population, const FilterSource *definition)
{
	const char *text = definition->text;
	ListCell   *lc;

	filter_check_functions(definition->tree, text);
	foreach(lc, stored_needed(population, definition->tree, text))
	{
		const FilterNode *needed = lfirst(lc);
		const Source *source = stored_source(population, needed, text);
		BoundTrait	bound;

		/* before anybody locks the source to read it */
		source_check_readable(source);
		stored_bind(source, needed, text, &bound);
	}
}

List *
trait_sources_changing(const Population *population, List *filters)
{
	List	   *needed = needed_by_all(population, filters);
	List	   *names = NIL;
	ListCell   *lc;

	foreach(lc, needed)
		if (stored_by_text(population, filter_print(lfirst(lc))) == NULL)
			names = add_name(names, stored_source(population, lfirst(lc), NULL)->name);
	foreach(lc, stored_list(population))
	{
		const StoredTrait *stored = lfirst(lc);

		if (!among(needed, stored->definition))
			names = add_name(names, stored->source);
	}
	return names;
}

/*
 * Lock sources against writers, as far as their tables are there: most often
 * they are locked already.
 */
static void
lock_sources(const Population *population, List *names)
{
	ListCell   *lc;

	/* in one order, whatever that of the names */
	foreach(lc, source_names(population))
	{
		const Source *source = source_by_name(population, lfirst(lc));

		if (source->missing == NULL && names_contain(names, source->name))
			source_lock(source, ShareRowExclusiveLock);
	}
}

List *
trait_sources_missing(const Population *population,
					  const FilterSource *definition)
{
	const char *text = definition->text;
	List	   *sources = NIL;
	ListCell   *lc;

	foreach(lc, stored_needed(population, definition->tree, text))
	{
		const Source *source;

		if (is_stored(population, lfirst(lc), text))
			continue;
		source = stored_source(population, lfirst(lc), text);
		source_check(source);
		sources = add_name(sources, source->name);
	}
	return sources;
}

List *
trait_store(const Population *population, const FilterSource *definition)
{
	const char *text = definition->text;
	List	   *needed = stored_needed(population, definition->tree, text);
	List	   *missing = NIL;
	ListCell   *lc;

	/* no writer is on its way between the backfill and the new program */
	lock_sources(population, trait_sources_missing(population, definition));

	foreach(lc, needed)
	{
		const FilterNode *one = lfirst(lc);
		const StoredTrait *old = stored_by_text(population, filter_print(one));

		if (is_stored(population, one, text) || among(missing, one))
			continue;
		if (old != NULL)
			stored_drop(population, old);
		missing = lappend(missing, lfirst(lc));
	}
	return missing == NIL ? NIL : stored_add(population, missing, text);
}

bool
trait_store_changes(const Population *population, const FilterNode *definition)
{
	ListCell   *lc;

	foreach(lc, stored_needed(population, definition, NULL))
		if (stored_by_text(population, filter_print(lfirst(lc))) != NULL &&
			!is_stored(population, lfirst(lc), NULL))
			return true;
	return false;
}

/* Is what a definition needs stored, as its source gives it? */
static bool
is_stored(const Population *population, const FilterNode *definition,
		  const char *text)
{
	const StoredTrait *stored = stored_by_text(population, filter_print(definition));
	BoundTrait	bound;

	if (stored == NULL)
		return false;
	stored_bind(stored_source(population, definition, text), definition, text,
				&bound);
	return stored_fits(population, stored, &bound);
}

void
trait_drop_unneeded(const Population *population, List *filters)
{
	List	   *needed = needed_by_all(population, filters);
	List	   *unneeded = NIL;
	List	   *sources = NIL;
	ListCell   *lc;

	foreach(lc, stored_list(population))
	{
		StoredTrait *stored = lfirst(lc);

		if (among(needed, stored->definition))
			continue;
		unneeded = lappend(unneeded, stored);
		sources = add_name(sources, stored->source);
	}
	if (unneeded == NIL)
		return;

	/* no writer is on its way with what it would put there */
	lock_sources(population, sources);
	foreach(lc, unneeded)
		stored_drop(population, lfirst(lc));
	CommandCounterIncrement();
	population_changed(population);
}

/* What the named traits and these filters come down to (FilterNode *). */
static List *
needed_by_all(const Population *population, List *filters)
{
	List	   *needed = NIL;
	ListCell   *lc;

	foreach(lc, trait_list(population))
		needed = list_concat(needed,
							 stored_needed(population,
										   ((Trait *) lfirst(lc))->definition, NULL));
	foreach(lc, filters)
		needed = list_concat(needed, stored_needed(population, lfirst(lc), NULL));
	return needed;
}

static bool
among(List *definitions, const FilterNode *definition)
{
	ListCell   *lc;

	foreach(lc, definitions)
		if (filter_equal(lfirst(lc), definition))
			return true;
	return false;
}

/* Each once. */
static List *
add_name(List *names, char *name)
{
	return names_contain(names, name) ? names : lappend(names, name);
}

void
trait_check_name(const Population *population, const char *name)
{
	if (name[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("a trait needs a name")));
	if (strcmp(name, population->key) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("trait \"%s\" would hide the key of population \"%s\"",
						name, population->name)));
	if (trait_by_name(population, name) != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("trait \"%s\" already exists in population \"%s\"",
						name, population->name),
				 errhint("Change it with segment.alter_trait().")));
}

/*
 * A definition may not come back to its own name.  A new trait could at most
 * mention itself; a replaced one could close a longer circle.
 */
static void
check_cycle(const Population *population, const char *name,
			const FilterNode *definition)
{
	ListCell   *lc;

	check_stack_depth();
	foreach(lc, trait_names_used(population, definition))
	{
		const char *used = lfirst(lc);
		const Trait *trait = trait_by_name(population, used);

		if (strcmp(used, name) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
					 errmsg("trait \"%s\" would be defined by itself", name),
					 errdetail("The definition %s leads back to it.",
							   filter_print(definition))));
		if (trait != NULL && strcmp(used, name) != 0)
			check_cycle(population, name, trait->definition);
	}
}

/* The definition has a value, of a type that a view may show. */
static void
check_binds(const Population *population, const char *name,
			const FilterNode *definition, const char *text)
{
	FilterScope *row = filter_column_scope(population->base, 1);
	Shallow		shallow;
	Expr	   *value;
	Oid			type;

	shallow_begin(&shallow, psprintf("trait \"%s\"", name));
	value = filter_compile_operand(definition,
								   definition_scope(population, row, text));
	shallow_end(&shallow);
	type = exprType((Node *) value);
	if (get_typtype(type) == TYPTYPE_PSEUDO && type != UNKNOWNOID)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("trait \"%s\" would be of type %s", name,
						format_type_be(type))));
}

/*
 * Store these definitions (FilterNode *) from now on: add their columns to the base
 * table.  Their sources are locked.  Returns the names of the stored traits.
 */
static List *
stored_add(const Population *population, List *definitions, const char *text)
{
	int			count = list_length(definitions);
	BoundTrait *bound = palloc(sizeof(BoundTrait) * count);
	ProfileThing *things = palloc0(sizeof(ProfileThing) * count);
	List	   *names = NIL;
	ListCell   *lc;

	foreach(lc, definitions)
	{
		const FilterNode *definition = lfirst(lc);
		BoundTrait *trait = &bound[foreach_current_index(lc)];
		ProfileThing *thing = &things[foreach_current_index(lc)];
		ProfileColumn *columns;

		stored_bind(stored_source(population, definition, text), definition, text,
					trait);
		columns = palloc(sizeof(ProfileColumn) * trait->ncolumns);
		for (int c = 0; c < trait->ncolumns; c++)
			columns[c] = (ProfileColumn) {
				.suffix = trait->columns[c].suffix,
				.type = trait->columns[c].type,
				.collation = trait->columns[c].collation,
				.initial = trait->columns[c].initial,
			};
		thing->columns = columns;
		thing->ncolumns = trait->ncolumns;
		thing->comment = filter_print(definition);
	}
	population_add_columns(population, things, count);

	foreach(lc, definitions)
	{
		const ProfileThing *thing = &things[foreach_current_index(lc)];
		Oid			type = bound[foreach_current_index(lc)].input.type;
		const Source *source = stored_source(population, lfirst(lc), text);

		catalog_execute("INSERT INTO segment.stored_trait"
						" (population, stored, source, definition, value_type)"
						" VALUES ($1, $2, $3, $4, $5)",
						5, (Oid[]) {NAMEOID, NAMEOID, NAMEOID, TEXTOID, REGTYPEOID},
						(Datum[]) {name_datum(population->name),
								   name_datum(thing->name),
								   name_datum(source->name),
								   CStringGetTextDatum(thing->comment),
								   ObjectIdGetDatum(type)},
						(bool[]) {false, false, false, false, !OidIsValid(type)});
		names = lappend(names, thing->name);
	}
	CommandCounterIncrement();
	population_changed(population);
	return names;
}

static void
stored_drop(const Population *population, const StoredTrait *stored)
{
	population_drop_columns(population, stored->name, stored->text);
	catalog_execute("DELETE FROM segment.stored_trait WHERE population = $1 AND stored = $2",
					2, (Oid[]) {NAMEOID, NAMEOID},
					(Datum[]) {name_datum(population->name),
							   name_datum(stored->name)},
					NULL);
}
