/*-------------------------------------------------------------------------
 *
 * build_traits.c
 *	  Traits that are created beside readers and writers.
 *
 *		CALL segment.create_traits_concurrently(
 *			'{"spent": "sum(orders.amount)", "half": "spent / 2"}');
 *
 *		build_begin		s7 is filled: sum(orders.amount)
 *		complete		spent and half are defined, and find all that they need
 *						stored; the view shows them
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"

#include "base/base.h"
#include "flow/build.h"
#include "flow/definer.h"
#include "profile/profile.h"
#include "trait/trait.h"

SEGMENT_FUNCTION(segment_create_traits_concurrently);
SEGMENT_FUNCTION(segment_create_traits_concurrently_text);

static void describe(Build *build, List *wishes);
static void rehearse_traits(Definer *definer, const Build *build);
static void complete(const Build *build);

/*
 * CALL create_traits_concurrently(traits json, population)
 */
Datum
segment_create_traits_concurrently(PG_FUNCTION_ARGS)
{
	Build		build = {
		.command = "create_traits_concurrently",
		.rehearse = rehearse_traits,
	};

	build_check_no_block(fcinfo, build.command, "create_traits");
	SPI_connect_ext(SPI_OPT_NONATOMIC);
	build.wanted = traits_of_json(fcinfo, 0);
	build.population = pstrdup(population_argument(fcinfo, 1)->name);
	describe(&build, build.wanted);
	build_begin(&build);
	complete(&build);
	build_end(&build);
	SPI_finish();
	PG_RETURN_VOID();
}

/* The same with a text as its first argument. */
Datum
segment_create_traits_concurrently_text(PG_FUNCTION_ARGS)
{
	return call_with_text(fcinfo, 0, JSONOID,
						  segment_create_traits_concurrently);
}

/* describe() says what a build is for: trait "n" as count(orders). */
static void
describe(Build *build, List *wishes)
{
	StringInfoData request;
	ListCell   *lc;

	initStringInfo(&request);
	foreach(lc, wishes)
	{
		TraitWish  *wish = lfirst(lc);

		appendStringInfo(&request, "%strait \"%s\" as %s",
						 request.len > 0 ? ", " : "", wish->name,
						 filter_print(wish->definition.tree));
		build->definitions = lappend(build->definitions, &wish->definition);
	}
	build->request = request.data;
}

/* rehearse_traits() defines the traits, but does not fill their columns. */
static void
rehearse_traits(Definer *definer, const Build *build)
{
	ListCell   *lc;

	foreach(lc, (List *) build->wanted)
	{
		const TraitWish *wish = lfirst(lc);

		(void) trait_define(population_of(definer), wish->name,
							&wish->definition, wish->description, false);
	}
	refresh_view(definer);
}

/* complete() defines the traits, now that their values are there. */
static void
complete(const Build *build)
{
	Definer    *definer =
		definer_begin_build(population_by_name(build->population),
							build->command);

	if (build->fills)
		trait_filled(population_of(definer));
	traits_define(definer, build->wanted, false);
	if (build->fills)
	{
		build_drop_staging(population_of(definer));
		build_note_phase(population_of(definer), BUILD_DONE, 0);
	}
	definer_end(definer);
}
