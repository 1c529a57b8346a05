/*-------------------------------------------------------------------------
 *
 * define_kept.c
 *	  A room to the right keeps tables of a population, as sources of it.
 *
 *		create_program('club')	flow_keep: its tables are made, and attached
 *								as club_entry and club_member; traits over
 *								them are defined
 *		drop_program('club')	flow_unkeep: all that goes
 *		drop_population(...)	the room is told, and what it keeps goes, too
 *
 * To the engine these are sources as others are; but their names stay, and
 * they are not detached by themselves (define_source.c), because the room
 * relies on it that each of its writes is counted.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/spi.h"

#include "audience/audience.h"
#include "base/base.h"
#include "flow/definer.h"
#include "flow/flow.h"
#include "flow/flow_private.h"
#include "flow/readers.h"
#include "trait/trait.h"

/* Set once, when the library is loaded; NULL if there is no listener. */
static FlowDropListener drop_listener = NULL;

static List *wishes_of(List *traits);
static void attach_kept(Definer *definer, const FlowSource *kept);
static void check_unused(Definer *definer, const FlowUnkept *unkept);

void
flow_on_drop(FlowDropListener listener)
{
	drop_listener = listener;
}

List *
drop_kept(const Population *population)
{
	return drop_listener == NULL ? NIL : drop_listener(population);
}

void
flow_keep(const Population *population, const char *function, FlowMake make,
		  void *context)
{
	Definer    *definer = definer_begin(population, function);
	FlowKept	kept;
	ListCell   *lc;

	SPI_connect();
	kept = make(population_of(definer), context);
	foreach(lc, kept.sources)
		attach_kept(definer, lfirst(lc));
	if (kept.traits != NIL)
		traits_define(definer, wishes_of(kept.traits), false);
	foreach(lc, kept.redefined)
		traits_define(definer, wishes_of(list_make1(lfirst(lc))), true);
	if (kept.still)
		definer_lock(definer, &(Affected) {.members = true});
	definer_end(definer);
	SPI_finish();
}

/* wishes_of() makes traits (FlowTrait *) wishes (TraitWish *). */
static List *
wishes_of(List *traits)
{
	List	   *wishes = NIL;
	ListCell   *lc;

	foreach(lc, traits)
	{
		const FlowTrait *trait = lfirst(lc);
		TraitWish  *wish = palloc0(sizeof(TraitWish));

		wish->name = pstrdup(trait->name);
		wish->definition = trait_definition(wish->name,
											pstrdup(trait->definition));
		wish->description = pstrdup(trait->description);
		wishes = lappend(wishes, wish);
	}
	return wishes;
}

/* attach_kept() makes a new table, which has no rows yet, a source. */
static void
attach_kept(Definer *definer, const FlowSource *kept)
{
	SourceRequest request = {
		.relid = kept->relid,
		.key = kept->key,
		.at = kept->at,
		.name = kept->name,
		.kept = true,
	};

	refuse_trait_keys(population_of(definer), kept->name, kept->name);
	(void) source_attach(population_of(definer), &request);
}

void
flow_unkeep(const Population *population, const FlowUnkept *unkept,
			FlowUnmake unmake, void *context)
{
	Definer    *definer = definer_begin(population, unkept->function);

	definer->unkept = psprintf("%s %s", unkept->kind, unkept->name);
	if (!unkept->cascade)
		check_unused(definer, unkept);
	sources_detach(definer, unkept->sources, unkept->traits);
	unmake(population_of(definer), context);
	definer_end(definer);
}

/*
 * check_unused() refuses to take away what is read by others than the traits
 * that go with it.
 */
static void
check_unused(Definer *definer, const FlowUnkept *unkept)
{
	const Population *population = population_of(definer);
	ReadThing	thing = {.except = definer->unkept};
	List	   *traits = NIL;
	List	   *audiences = NIL;
	List	   *others = NIL;
	ListCell   *lc;
	ListCell   *user;

	foreach(lc, unkept->sources)
	{
		thing.source = lfirst(lc);
		foreach(user, readers_names(population, &thing))
			others = names_add(others, lfirst(user));
		foreach(user, trait_users_of_source(population, lfirst(lc)))
			traits = names_add(traits, lfirst(user));
		foreach(user, audience_users_of_source(population, lfirst(lc)))
			audiences = names_add(audiences, lfirst(user));
	}
	thing.source = NULL;
	foreach(lc, unkept->traits)
	{
		thing.trait = lfirst(lc);
		foreach(user, readers_names(population, &thing))
			others = names_add(others, lfirst(user));
		if (trait_by_name(population, lfirst(lc)) == NULL)
			continue;
		foreach(user, trait_users(population, lfirst(lc)))
			traits = names_add(traits, lfirst(user));
		foreach(user, audience_users_of_trait(population, lfirst(lc)))
			audiences = names_add(audiences, lfirst(user));
	}
	foreach(lc, traits)
		if (names_contain(unkept->traits, lfirst(lc)))
			traits = foreach_delete_current(traits, lc);
	if (traits != NIL || audiences != NIL || others != NIL)
		refuse_users(unkept->kind, unkept->name, traits, audiences, others);
}
