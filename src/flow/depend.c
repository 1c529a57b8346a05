/*-------------------------------------------------------------------------
 *
 * depend.c
 *	  What is it made of, and what is made of it?
 *
 *		SELECT * FROM segment.dependencies('total_spend');
 *
 *		relation | depth | kind		| name
 *		uses	 |	   1 | source	| orders
 *		used by	 |	   1 | audience | vip
 *		used by	 |	   2 | audience | lapsed_vip		in audience vip and ...
 *
 * An audience with an aggregate in its filter uses the source itself.
 *
 * A name may be that of a source, of a trait and of an audience; it stands for
 * all three.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "audience/audience.h"
#include "base/base.h"
#include "flow/arguments.h"
#include "flow/depend.h"
#include "trait/trait.h"

SEGMENT_FUNCTION(segment_dependencies);

static const char *const kind_names[] = {"source", "trait", "audience"};

typedef struct Thing
{
	ThingKind	kind;
	const char *name;
	int			depth;
} Thing;

static const FilterNode *thing_definition(const Population *population,
										  const Thing *thing);
static List *reached(const Population *population, List *from, bool users);
static List *thing_uses(const Population *population, const Thing *thing);
static List *thing_users(const Population *population, const Thing *thing);
static List *add(List *things, ThingKind kind, const char *name, int depth);
static List *add_names(List *things, ThingKind kind, List *names, int depth);

/*
 * dependencies(object, population) -> (relation, depth, kind, name)
 */
Datum
segment_dependencies(PG_FUNCTION_ARGS)
{
	const Population *population = population_argument(fcinfo, 1);
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	List	   *known = NIL;
	List	   *start = NIL;
	const char *name;
	ListCell   *lc;

	population = population_reader(population);
	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(0))
		return (Datum) 0;
	name = NameStr(*PG_GETARG_NAME(0));

	if (source_by_name(population, name) != NULL)
		start = add(start, THING_SOURCE, name, 0);
	if (trait_by_name(population, name) != NULL)
		start = add(start, THING_TRAIT, name, 0);
	if (audience_by_name(population, name) != NULL)
		start = add(start, THING_AUDIENCE, name, 0);
	if (start == NIL)
	{
		const char *nearest;

		known = list_copy(source_names(population));
		foreach(lc, trait_list(population))
			known = lappend(known, ((Trait *) lfirst(lc))->name);
		foreach(lc, audience_list(population))
			known = lappend(known, ((Audience *) lfirst(lc))->name);
		nearest = nearest_name(name, known);
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("there is no source, trait or audience \"%s\" in population \"%s\"",
						name, population->name),
				 nearest ? errhint("Perhaps you meant %s.", quote_literal_cstr(nearest)) : 0));
	}

	for (int users = 0; users <= 1; users++)
		foreach(lc, reached(population, start, users))
		{
			const Thing *thing = lfirst(lc);
			Datum		values[4];
			bool		isnull[4] = {false, false, false, false};

			values[0] = CStringGetTextDatum(users ? "used by" : "uses");
			values[1] = Int32GetDatum(thing->depth);
			values[2] = CStringGetTextDatum(kind_names[thing->kind]);
			values[3] = name_datum(thing->name);
			tuplestore_putvalues(result->setResult, result->setDesc, values, isnull);
		}
	return (Datum) 0;
}

List *
dependent_traits(const Population *population, const char *trait)
{
	List	   *names = NIL;
	ListCell   *lc;

	foreach(lc, reached(population, add(NIL, THING_TRAIT, trait, 0), true))
	{
		const Thing *thing = lfirst(lc);

		if (thing->kind == THING_TRAIT)
			names = lappend(names, pstrdup(thing->name));
	}
	return names;
}

List *
dependent_audiences(const Population *population, ThingKind kind,
					const char *name)
{
	List	   *names = NIL;
	ListCell   *lc;

	foreach(lc, reached(population, add(NIL, kind, name, 0), true))
	{
		const Thing *thing = lfirst(lc);

		if (thing->kind == THING_AUDIENCE)
			names = lappend(names, pstrdup(thing->name));
	}
	return names;
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
	List	   *start = add(NIL, kind, name, 0);
	List	   *names = NIL;
	ListCell   *lc;

	foreach(lc, list_concat(start, reached(population, start, true)))
	{
		const FilterNode *definition = thing_definition(population, lfirst(lc));

		if (definition != NULL)
			names = list_concat(names, trait_sources_used(population, definition));
	}
	return names;
}

/* NULL for a source, and for what somebody has dropped meanwhile. */
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
			return audience == NULL ? NULL : audience->filter;
	}
}

/* All that can be reached, in order of depth, without where one starts. */
static List *
reached(const Population *population, List *from, bool users)
{
	List	   *things = list_copy(from);

	/* the list grows while we go along it */
	for (int i = 0; i < list_length(things); i++)
	{
		const Thing *thing = list_nth(things, i);
		List	   *next = users ? thing_users(population, thing) :
			thing_uses(population, thing);
		ListCell   *lc;

		CHECK_FOR_INTERRUPTS();
		foreach(lc, next)
		{
			const Thing *one = lfirst(lc);

			things = add(things, one->kind, one->name, thing->depth + 1);
		}
	}
	return list_copy_tail(things, list_length(from));
}

static List *
thing_uses(const Population *population, const Thing *thing)
{
	const FilterNode *definition = thing_definition(population, thing);
	List	   *things;
	ListCell   *lc;

	if (definition == NULL)
		return NIL;
	things = add_names(NIL, THING_SOURCE,
					   trait_sources_used(population, definition), 0);
	if (thing->kind == THING_AUDIENCE)
		things = add_names(things, THING_AUDIENCE,
						   audience_names_used(definition), 0);

	/* the key is a name too, but no trait */
	foreach(lc, trait_names_used(population, definition))
		if (trait_by_name(population, lfirst(lc)) != NULL)
			things = add(things, THING_TRAIT, lfirst(lc), 0);
	return things;
}

static List *
thing_users(const Population *population, const Thing *thing)
{
	switch (thing->kind)
	{
		case THING_SOURCE:
			return add_names(add_names(NIL, THING_TRAIT,
									   trait_users_of_source(population, thing->name), 0),
							 THING_AUDIENCE,
							 audience_users_of_source(population, thing->name), 0);
		case THING_TRAIT:
			return add_names(add_names(NIL, THING_TRAIT,
									   trait_users(population, thing->name), 0),
							 THING_AUDIENCE,
							 audience_users_of_trait(population, thing->name), 0);
		default:
			return add_names(NIL, THING_AUDIENCE,
							 audience_users_of_audience(population, thing->name), 0);
	}
}

static List *
add_names(List *things, ThingKind kind, List *names, int depth)
{
	ListCell   *lc;

	foreach(lc, names)
		things = add(things, kind, lfirst(lc), depth);
	return things;
}

/* Each once. */
static List *
add(List *things, ThingKind kind, const char *name, int depth)
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
