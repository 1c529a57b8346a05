/*-------------------------------------------------------------------------
 *
 * rename.c
 *	  Another name for a trait, an audience or a source.
 *
 *		trait		its column in the view, and the definitions that mention it
 *		audience	its view, and the filters that mention it; the feed tells
 *					that its members left the one and entered the other
 *		source		its triggers, and the definitions that mention it
 *
 * Nothing is computed anew: definitions keep their numbers, and members and
 * stored traits belong to these.
 *
 * Views of users follow, as they do ALTER TABLE ... RENAME.  Filters in users'
 * own statements are text of theirs, and stay.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "audience/audience.h"
#include "base/base.h"
#include "flow/flow.h"
#include "flow/flow_private.h"
#include "trait/trait.h"

SEGMENT_FUNCTION(segment_rename_trait);
SEGMENT_FUNCTION(segment_rename_audience);
SEGMENT_FUNCTION(segment_rename_source);

static void check_keys(const Population *population, const char *trait_name,
					   const char *new_name);

/*
 * rename_trait(name, new_name, population)
 */
Datum
segment_rename_trait(PG_FUNCTION_ARGS)
{
	char	   *name = name_argument(fcinfo, 0, "trait");
	char	   *new_name = name_argument(fcinfo, 1, "trait");
	const Population *population = population_argument(fcinfo, 2);
	char	   *home = current_schema_name();
	Affected	affected = {.view = true};
	Actor		before;

	population = population_definer(population, "rename_trait");
	if (trait_by_name(population, name) == NULL)
		unknown_trait(population, name);
	if (source_by_name(population, new_name) != NULL)
		check_keys(population, name, new_name);

	before = act_as_owner(population->oid);
	population = lock_affected(population, &affected);
	SPI_connect();
	trait_rename(population, name, new_name);
	population = again(population);
	audience_rewrite(population, definition_rename_trait, name, new_name);
	population = again(population);
	trait_refresh(population, audience_filters(population), home);
	SPI_finish();
	act_as_before(before);
	PG_RETURN_VOID();
}

/*
 * rename_audience(name, new_name, population)
 */
Datum
segment_rename_audience(PG_FUNCTION_ARGS)
{
	char	   *name = name_argument(fcinfo, 0, "audience");
	char	   *new_name = name_argument(fcinfo, 1, "audience");
	const Population *population = audience_named(fcinfo, "rename_audience",
												  name, 2);
	Affected	affected = {.members = true};
	Actor		before;

	before = act_as_owner(population->oid);
	affected.audiences = list_make1(name);
	population = lock_affected(population, &affected);
	SPI_connect();
	population = hold_members(population, NIL);
	audience_check_name(population, new_name);
	members_rename(population, name, new_name);
	audience_rename(population, name, new_name);
	SPI_finish();
	act_as_before(before);
	PG_RETURN_VOID();
}

/*
 * rename_source(name, new_name, population)
 */
Datum
segment_rename_source(PG_FUNCTION_ARGS)
{
	char	   *name = name_argument(fcinfo, 0, "source");
	char	   *new_name = name_argument(fcinfo, 1, "source");
	const Population *population = population_argument(fcinfo, 2);
	char	   *home = current_schema_name();
	const Source *source;
	Affected	affected = {.view = true};
	Actor		before;

	population = population_definer(population, "rename_source");
	source = source_by_name(population, name);
	if (source == NULL)
		unknown_source(population, name);
	source_check_name(population, new_name);
	check_keys(population, new_name, new_name);

	before = act_as_owner(population->oid);
	affected.triggers = list_make1(name);
	population = lock_affected(population, &affected);
	SPI_connect();
	source_rename(source_by_name(population, name), new_name);
	population = again(population);
	trait_rename_source(population, name, new_name);
	population = again(population);
	audience_rewrite(population, definition_rename_source, name, new_name);
	population = again(population);
	trait_refresh(population, audience_filters(population), home);
	SPI_finish();
	act_as_before(before);
	PG_RETURN_VOID();
}

/*
 * What a definition mentions with keys, as extra.size, would be taken for an
 * attribute of a source, if there is one that is called so.
 */
static void
check_keys(const Population *population, const char *trait_name,
		   const char *new_name)
{
	const char *where = NULL;
	ListCell   *lc;

	foreach(lc, trait_list(population))
	{
		const Trait *trait = lfirst(lc);

		if (definition_has_keys_of(trait->definition, trait_name))
			where = psprintf("trait \"%s\"", trait->name);
	}
	foreach(lc, audience_list(population))
	{
		const Audience *audience = lfirst(lc);

		if (definition_has_keys_of(audience->filter, trait_name))
			where = psprintf("audience \"%s\"", audience->name);
	}
	if (where != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_AMBIGUOUS_COLUMN),
				 errmsg("\"%s\" would be the name of a trait and of a source",
						new_name),
				 errdetail("The definition of %s mentions keys of the trait, which would be taken for columns of the source.",
						   where),
				 errhint("Choose another name.")));
}
