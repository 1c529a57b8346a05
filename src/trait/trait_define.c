/*-------------------------------------------------------------------------
 *
 * trait_define.c
 *	  How is a trait added, replaced and forgotten?
 *
 *		trait_define('average_order', 'avg(orders.amount)')
 *
 * stores the canonical text in segment.trait, and has what it needs stored
 * (trait_store.c).  The flow shows it in the view when its columns are filled.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "base/base.h"
#include "trait/trait_private.h"

/* A trait to be bound, for attempt(). */
typedef struct BindOne
{
	const Population *population;
	const Trait *trait;
} BindOne;

static void check_cycle(const Population *population, const char *name,
						const FilterNode *definition);
static void check_binds(const Population *population, const char *name,
						const FilterNode *definition, const char *text);
static void write_definition(const Population *population, const char *name,
							 const char *definition, const char *description,
							 bool replace);
static void bind_one(void *arg);

List *
trait_define(const Population *population, const char *name,
			 const FilterSource *definition, const char *description,
			 bool replace)
{
	FilterSource resolved = trait_names_resolved(population, *definition);
	const FilterNode *node = resolved.tree;
	List	   *added;

	if (!replace)
		trait_check_name(population, name);
	check_cycle(population, name, node);
	trait_check(population, &resolved);
	added = trait_store(population, &resolved);
	check_binds(population, name, node, resolved.text);

	write_definition(population, name, filter_print(node), description,
					 replace);
	CommandCounterIncrement();
	population_changed(population);
	return added;
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
 * Check that a definition does not lead back to its own trait.  A new trait
 * could at most mention itself; a replaced one could close a longer circle.
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

/* Check that a definition binds, and is of a type that a view may show. */
static void
check_binds(const Population *population, const char *name,
			const FilterNode *definition, const char *text)
{
	FilterScope *row = filter_column_scope(population->oid, 1);
	FilterScope *scope = definition_scope(population, row, text);
	Shallow		shallow;
	Expr	   *value;
	Oid			type;

	shallow_begin(&shallow, psprintf("trait \"%s\"", name));
	value = filter_compile_operand(definition, scope);
	shallow_end(&shallow);
	type = exprType((Node *) value);
	if (get_typtype(type) == TYPTYPE_PSEUDO && type != UNKNOWNOID)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("trait \"%s\" would be of type %s", name,
						format_type_be(type))));
}

/* Write the row of a trait. */
static void
write_definition(const Population *population, const char *name,
				 const char *definition, const char *description, bool replace)
{
	static const char insert[] =
		"INSERT INTO segment.trait"
		" (population, trait, position, definition, description)"
		" SELECT $1, $2, coalesce(max(position), 0) + 1, $3, $4"
		" FROM segment.trait WHERE population = $1";
	static const char update[] =
		"UPDATE segment.trait SET definition = $3,"
		" description = coalesce($4, description)"
		" WHERE population = $1 AND trait = $2";
	Oid			types[] = {NAMEOID, NAMEOID, TEXTOID, TEXTOID};
	bool		isnull[] = {false, false, false, description == NULL};
	Datum		values[] = {
		name_datum(population->name),
		name_datum(name),
		CStringGetTextDatum(definition),
		description ? CStringGetTextDatum(description) : (Datum) 0,
	};

	catalog_execute(replace ? update : insert, 4, types, values, isnull);
}

void
trait_describe(const Population *population, const char *name,
			   const char *description)
{
	catalog_execute("UPDATE segment.trait SET description = $3"
					" WHERE population = $1 AND trait = $2",
					3, (Oid[]) {NAMEOID, NAMEOID, TEXTOID},
					(Datum[]) {name_datum(population->name),
							   name_datum(name),
							   CStringGetTextDatum(description)},
					NULL);
	CommandCounterIncrement();
	population_changed(population);
}

void
trait_forget(const Population *population, const char *name)
{
	catalog_execute("DELETE FROM segment.trait"
					" WHERE population = $1 AND trait = $2",
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

		/* the context says which of them does not bind any more */
		error_context_stack = &callback;
		bind_one(&one);
		error_context_stack = callback.previous;
	}
}

static void
bind_one(void *arg)
{
	const BindOne *one = arg;

	check_binds(one->population, one->trait->name, one->trait->definition,
				NULL);
}
