/*-------------------------------------------------------------------------
 *
 * uses.c
 *	  Which definitions mention a trait or source, and need a stored trait?
 *
 *		average_order			avg(orders.amount)
 *		big_spender				average_order > 40
 *
 *		trait_users("average_order")		big_spender
 *		trait_users_of_source("orders")		average_order
 *		stored_users(sum(orders.amount))	trait "average_order"
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/base.h"
#include "trait/trait_private.h"

/* The names that a definition mentions, as collected. */
typedef struct Names
{
	const Population *population;
	List	   *names;
} Names;

TraitUsersHook trait_users_hook = NULL;

static bool collect_name(const FilterNode *node, void *context);
static List *users_of(const Population *population, const char *name,
					  List *(*used) (const Population *,
									 const FilterNode *));

List *
trait_names_used(const Population *population, const FilterNode *definition)
{
	Names		names = {population, NIL};

	filter_walk(definition, collect_name, &names);
	return names.names;
}

/* Collect the name of a column, once: a FilterVisit. */
static bool
collect_name(const FilterNode *node, void *context)
{
	Names	   *names = context;

	/* inside an aggregate names are those of the source */
	if (node->op == FILTER_AGGREGATE || node->op == FILTER_DID)
		return false;
	/* customers.city is an attribute, also if a trait is called customers */
	if (node->op != FILTER_COLUMN ||
		(node->nargs > 0 &&
		 source_by_name(names->population, node->text) != NULL))
		return true;
	names->names = names_add(names->names, node->text);
	return true;
}

List *
trait_users(const Population *population, const char *name)
{
	return users_of(population, name, trait_names_used);
}

/* users_of() lists the traits for whose definition 'used' lists the name. */
static List *
users_of(const Population *population, const char *name,
		 List *(*used) (const Population *, const FilterNode *))
{
	List	   *users = NIL;
	ListCell   *lc;

	foreach(lc, trait_list(population))
	{
		const Trait *trait = lfirst(lc);

		if (names_contain(used(population, trait->definition), name))
			users = lappend(users, trait->name);
	}
	return users;
}

List *
trait_sources_used(const Population *population, const FilterNode *definition)
{
	List	   *names = NIL;
	ListCell   *needed;

	foreach(needed, stored_needed(population, definition, NULL))
	{
		const Source *source = stored_source(population, lfirst(needed), NULL);

		names = names_add(names, source->name);
	}
	return names;
}

List *
trait_users_of_source(const Population *population, const char *source)
{
	return users_of(population, source, trait_sources_used);
}

bool
trait_needs(const Population *population, const FilterNode *definition,
			const FilterNode *stored)
{
	ListCell   *lc;

	foreach(lc, stored_needed(population, definition, NULL))
		if (stored_shares(lfirst(lc), stored))
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
		users = list_concat(users, trait_users_hook(population,
													stored->definition));
	return users;
}
