/*-------------------------------------------------------------------------
 *
 * depend.c
 *	  Which sources, traits and audiences depend on which?
 *
 *		trait		total_spend		sum(orders.amount)
 *		audience	vip				total_spend > 500
 *		audience	lapsed_vip		in audience vip and ...
 *
 *		orders is used by	total_spend (depth 1), vip (2), lapsed_vip (3)
 *		lapsed_vip uses		vip (depth 1), total_spend (2), orders (3)
 *
 * Things and what they use are found by going from definition to definition,
 * breadth first, each thing once.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"

#include "audience/audience.h"
#include "flow/depend.h"
#include "trait/trait.h"

static const FilterNode *thing_definition(const Population *population,
										  const Thing *thing);
static List *reach(const Population *population, List *start,
				   List *(*next) (const Population *, const Thing *));
static List *used_by_thing(const Population *population, const Thing *thing);
static List *users_of_thing(const Population *population, const Thing *thing);
static List *dependents(const Population *population, ThingKind kind,
						const char *name, ThingKind wanted);
static List *add_names(List *things, ThingKind kind, List *names);

List *
things_used(const Population *population, List *start)
{
	return reach(population, start, used_by_thing);
}

List *
things_using(const Population *population, List *start)
{
	return reach(population, start, users_of_thing);
}

List *
dependent_traits(const Population *population, const char *trait)
{
	return dependents(population, THING_TRAIT, trait, THING_TRAIT);
}

List *
dependent_audiences(const Population *population, ThingKind kind,
					const char *name)
{
	return dependents(population, kind, name, THING_AUDIENCE);
}

List *
audience_and_dependents(const Population *population, const char *audience)
{
	return lcons(pstrdup(audience),
				 dependent_audiences(population, THING_AUDIENCE, audience));
}

List *
dependent_sources(const Population *population, ThingKind kind,
				  const char *name)
{
	List	   *things = things_add(NIL, kind, name, 0);
	List	   *names = NIL;
	ListCell   *lc;

	things = list_concat(things, things_using(population, things));
	foreach(lc, things)
	{
		const FilterNode *definition = thing_definition(population,
														lfirst(lc));

		if (definition != NULL)
			names = list_concat(names,
								trait_sources_used(population, definition));
	}
	return names;
}

/*
 * dependents() names (char *) the things of one kind that depend on a thing,
 * directly or through others.
 */
static List *
dependents(const Population *population, ThingKind kind, const char *name,
		   ThingKind wanted)
{
	List	   *start = things_add(NIL, kind, name, 0);
	List	   *names = NIL;
	ListCell   *lc;

	foreach(lc, things_using(population, start))
	{
		const Thing *thing = lfirst(lc);

		if (thing->kind == wanted)
			names = lappend(names, pstrdup(thing->name));
	}
	return names;
}

/*
 * reach() lists all things (Thing *) that 'next' leads to from some, directly
 * or through others, in the order of depth; without those at the start.
 */
static List *
reach(const Population *population, List *start,
	  List *(*next) (const Population *, const Thing *))
{
	List	   *things = list_copy(start);

	/* the list grows while we go along it */
	for (int i = 0; i < list_length(things); i++)
	{
		const Thing *thing = list_nth(things, i);
		ListCell   *lc;

		CHECK_FOR_INTERRUPTS();
		foreach(lc, next(population, thing))
		{
			const Thing *one = lfirst(lc);

			things = things_add(things, one->kind, one->name,
								thing->depth + 1);
		}
	}
	return list_copy_tail(things, list_length(start));
}

/*
 * thing_definition() is the definition of a trait or the filter of an
 * audience; NULL for a source, and for a thing that was dropped meanwhile.
 */
static const FilterNode *
thing_definition(const Population *population, const Thing *thing)
{
	const Trait *trait;
	const Audience *audience;

	switch (thing->kind)
	{
		case THING_SOURCE:
			return NULL;
		case THING_TRAIT:
			trait = trait_by_name(population, thing->name);
			return trait == NULL ? NULL : trait->definition;
		default:
			audience = audience_by_name(population, thing->name);
			return audience == NULL ? NULL : audience_filter(audience);
	}
}

/* used_by_thing() lists the things that a thing's definition mentions. */
static List *
used_by_thing(const Population *population, const Thing *thing)
{
	const FilterNode *definition = thing_definition(population, thing);
	List	   *things;
	ListCell   *lc;

	if (definition == NULL)
		return NIL;
	things = add_names(NIL, THING_SOURCE,
					   trait_sources_used(population, definition));
	if (thing->kind == THING_AUDIENCE)
		things = add_names(things, THING_AUDIENCE,
						   audience_names_used(definition));

	/* the key is a name too, but no trait */
	foreach(lc, trait_names_used(population, definition))
		if (trait_by_name(population, lfirst(lc)) != NULL)
			things = things_add(things, THING_TRAIT, lfirst(lc), 0);
	return things;
}

/* users_of_thing() lists the things whose definition mentions a thing. */
static List *
users_of_thing(const Population *population, const Thing *thing)
{
	const char *name = thing->name;
	List	   *traits = NIL;
	List	   *audiences;

	switch (thing->kind)
	{
		case THING_SOURCE:
			traits = trait_users_of_source(population, name);
			audiences = audience_users_of_source(population, name);
			break;
		case THING_TRAIT:
			traits = trait_users(population, name);
			audiences = audience_users_of_trait(population, name);
			break;
		default:
			audiences = audience_users_of_audience(population, name);
			break;
	}
	return add_names(add_names(NIL, THING_TRAIT, traits), THING_AUDIENCE,
					 audiences);
}

static List *
add_names(List *things, ThingKind kind, List *names)
{
	ListCell   *lc;

	foreach(lc, names)
		things = things_add(things, kind, lfirst(lc), 0);
	return things;
}

List *
things_add(List *things, ThingKind kind, const char *name, int depth)
{
	ListCell   *lc;
	Thing	   *thing;

	foreach(lc, things)
	{
		thing = lfirst(lc);
		if (thing->kind == kind && strcmp(thing->name, name) == 0)
			return things;
	}
	thing = palloc(sizeof(Thing));
	thing->kind = kind;
	thing->name = name;
	thing->depth = depth;
	return lappend(things, thing);
}
