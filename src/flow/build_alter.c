/*-------------------------------------------------------------------------
 *
 * build_alter.c
 *	  A trait or an audience that is altered beside readers and writers.
 *
 *		CALL segment.alter_audience_concurrently('vip', 'spent > 900');
 *
 *		build_begin		what the new filter counts is filled
 *		define_twins	vip (altered): spent > 900, and a twin for each
 *						audience whose filter mentions vip; writers wait for a
 *						moment
 *		decide_twins	their members are stored, as of any audience; nobody
 *						hears of them
 *		complete		vip gets its filter, and the members of its twin:
 *						readers and writers wait for a moment
 *
 * Until then vip is what it was.  If a trait is altered, its twins are those
 * of the audiences that depend on it, with its new definition in its place:
 *
 *		lavish			spent > 100		sum(orders.amount where ...) > 100
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "audience/audience.h"
#include "base/base.h"
#include "flow/build.h"
#include "flow/definer.h"
#include "flow/depend.h"
#include "flow/flow_private.h"
#include "profile/profile.h"
#include "source/source.h"
#include "trait/trait.h"

SEGMENT_FUNCTION(segment_alter_trait_concurrently);
SEGMENT_FUNCTION(segment_alter_audience_concurrently);

/* What is altered. */
typedef struct Alteration
{
	const char *name;			/* of the trait or audience */
	bool		is_trait;
	FilterSource definition;	/* the new one */
	char	   *description;	/* or NULL: it stays */
	List	   *audiences;		/* names (char *): they change their meaning */
	List	   *twins;			/* FilterSource *, one for each of them */
} Alteration;

/* What stands in the place of names in the filter of a twin. */
typedef struct Places
{
	const Population *population;
	const Alteration *alteration;
	const char *audience;		/* whose filter it is */
	List	   *traits;			/* names (char *) that depend on the trait */
} Places;

static void build_all(Build *build);
static void describe(Build *build);
static void rehearse_alteration(Definer *definer, const Build *build);
static void find_twins(const Build *build);
static FilterNode *twin_filter(const Places *places);
static FilterNode *in_place_of(const FilterNode *node, void *context);
static void define_twins(const Build *build);
static bool define_those_that_bind(const Build *build, Definer *definer);
static void decide_twins(const Build *build);
static void complete(const Build *build);

/*
 * CALL alter_trait_concurrently(name, definition, population, description)
 */
Datum
segment_alter_trait_concurrently(PG_FUNCTION_ARGS)
{
	Alteration	alteration = {.is_trait = true};
	Build		build = {
		.command = "alter_trait_concurrently",
		.wanted = &alteration,
	};
	const Population *population;

	build_check_no_block(fcinfo, build.command, "alter_trait");
	SPI_connect_ext(SPI_OPT_NONATOMIC);
	alteration.name = name_argument(fcinfo, 0, "trait");
	alteration.definition = trait_definition(alteration.name,
											 text_argument(fcinfo, 1));
	alteration.description = text_argument(fcinfo, 3);
	population = population_argument(fcinfo, 2);
	population_check_owner(population);
	if (trait_by_name(population, alteration.name) == NULL)
		refuse_unknown_trait(population, alteration.name);
	build.population = pstrdup(population->name);
	build_all(&build);
	SPI_finish();
	PG_RETURN_VOID();
}

/*
 * CALL alter_audience_concurrently(name, filter, population, description)
 */
Datum
segment_alter_audience_concurrently(PG_FUNCTION_ARGS)
{
	Alteration	alteration = {0};
	Build		build = {
		.command = "alter_audience_concurrently",
		.wanted = &alteration,
	};
	const Population *population;

	build_check_no_block(fcinfo, build.command, "alter_audience");
	SPI_connect_ext(SPI_OPT_NONATOMIC);
	alteration.name = name_argument(fcinfo, 0, "audience");
	alteration.description = text_argument(fcinfo, 3);
	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the filter of audience \"%s\" must be given",
						alteration.name),
				 errhint("A description alone is changed by segment.alter_audience().")));
	alteration.definition = filter_source_unpack(PG_GETARG_FILTER_PP(1));
	(void) audience_find(alteration.name, optional_name_argument(fcinfo, 2),
						 &population);
	build.population = pstrdup(population->name);
	build_all(&build);
	SPI_finish();
	PG_RETURN_VOID();
}

/* build_all() takes an alteration from its first transaction to its last. */
static void
build_all(Build *build)
{
	Alteration *alteration = build->wanted;

	build->alters = true;
	build->rehearse = rehearse_alteration;
	build->definitions = list_make1(&alteration->definition);
	describe(build);
	build_begin(build);
	find_twins(build);
	build_settle(build);
	define_twins(build);
	decide_twins(build);
	complete(build);
	build_end(build);
}

/* describe() says what the build is for: trait "n" to become count(orders). */
static void
describe(Build *build)
{
	const Alteration *alteration = build->wanted;

	build->request = psprintf("%s \"%s\" to become %s",
							  alteration->is_trait ? "trait" : "audience",
							  alteration->name,
							  filter_print(alteration->definition.tree));
}

/* rehearse_alteration() alters, but fills nothing and decides nobody. */
static void
rehearse_alteration(Definer *definer, const Build *build)
{
	const Alteration *alteration = build->wanted;
	const char *name = alteration->name;
	const Population *population = population_of(definer);
	List	   *sound;
	List	   *traits;

	find_twins(build);
	sound = audience_binding(population, alteration->audiences);
	if (!alteration->is_trait)
	{
		(void) trait_store(population, &alteration->definition);
		audience_redefine(population_of(definer), name,
						  &alteration->definition, NULL);
	}
	else
	{
		traits = trait_binding(population, dependent_traits(population, name));
		(void) trait_define(population, name, &alteration->definition,
							alteration->description, true);
		trait_must_bind(population_of(definer), traits);
	}
	if (sound != NIL)
		audience_refresh(population_of(definer), sound);
}

/* ---- the filters of twins ---- */

/* find_twins() lists the audiences that get other members, and their twins. */
static void
find_twins(const Build *build)
{
	Alteration *alteration = build->wanted;
	const Population *population = population_by_name(build->population);
	Places		places = {population, alteration};
	ListCell   *lc;

	alteration->twins = NIL;
	if (alteration->is_trait)
	{
		places.traits = dependent_traits(population, alteration->name);
		alteration->audiences = dependent_audiences(population, THING_TRAIT,
													alteration->name);
	}
	else
		alteration->audiences = audience_and_dependents(population,
														alteration->name);
	foreach(lc, alteration->audiences)
	{
		FilterSource *twin = palloc(sizeof(FilterSource));

		places.audience = lfirst(lc);
		/* a copy: what the cache has is gone with the transaction */
		*twin = filter_source_unpack(filter_pack(twin_filter(&places)));
		alteration->twins = lappend(alteration->twins, twin);
	}
}

/* twin_filter() is the filter of a twin: the audience's, as it will be. */
static FilterNode *
twin_filter(const Places *places)
{
	const Alteration *alteration = places->alteration;
	const char *name = places->audience;

	if (!alteration->is_trait && strcmp(name, alteration->name) == 0)
		return alteration->definition.tree;
	return filter_rewrite(audience_filter_by_name(places->population, name),
						  in_place_of, unconstify(Places *, places));
}

/*
 * in_place_of() is what stands in the place of a node in the filter of a twin,
 * or NULL for the node itself: a FilterReplace.
 */
static FilterNode *
in_place_of(const FilterNode *node, void *context)
{
	const Places *places = context;
	const Alteration *alteration = places->alteration;
	bool		is_it;

	check_stack_depth();
	/* another node is not visited: names inside are those of the source */
	if (node->op == FILTER_AGGREGATE || node->op == FILTER_DID)
	{
		FilterNode *copy = palloc(sizeof(FilterNode));

		*copy = *node;
		return copy;
	}
	if (node->op == FILTER_IN_AUDIENCE &&
		names_contain(alteration->audiences, node->text))
		return filter_node(FILTER_IN_AUDIENCE, audience_twin_name(node->text),
						   node->location);
	if (node->op != FILTER_COLUMN || !alteration->is_trait)
		return NULL;
	is_it = strcmp(node->text, alteration->name) == 0;
	if (!is_it && !names_contain(places->traits, node->text))
		return NULL;
	if (node->nargs > 0)
	{
		if (source_by_name(places->population, node->text) != NULL)
			return NULL;
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("trait \"%s\" cannot be altered concurrently",
						alteration->name),
				 errdetail("The filter of audience \"%s\" reads a key of trait \"%s\".",
						   places->audience, node->text),
				 errhint("Use segment.alter_trait(), while nobody has to wait for it.")));
	}
	if (is_it)
		return alteration->definition.tree;
	return filter_rewrite(trait_by_name(places->population,
										node->text)->definition,
						  in_place_of, context);
}

/* ---- their members ---- */

/* define_twins() defines the twins, unless they are there already. */
static void
define_twins(const Build *build)
{
	const Alteration *alteration = build->wanted;
	Definer    *definer;
	bool		defined = false;
	ListCell   *lc;

	definer = definer_begin_build(population_by_name(build->population),
								  build->command);
	foreach(lc, alteration->audiences)
		defined |= audience_twin(population_of(definer), lfirst(lc)) != NULL;
	if (!defined)
	{
		if (build->fills)
			trait_filled(population_of(definer));
		if (alteration->audiences != NIL)
		{
			definer_lock(definer, &(Affected) {.members = true});
			lock_and_settle(definer, alteration->audiences);
			while (!define_those_that_bind(build, definer))
				continue;
		}
		build_drop_staging(population_of(definer));
		build_note(build, BUILD_COMPLETING);
	}
	definer_end(definer);
	build_commit();
}

/*
 * define_those_that_bind() defines the twins whose filters mention none that
 * is still to be defined; returns whether all are defined then.
 */
static bool
define_those_that_bind(const Build *build, Definer *definer)
{
	const Alteration *alteration = build->wanted;
	List	   *left = NIL;
	ListCell   *lc;
	ListCell   *twin;

	foreach(lc, alteration->audiences)
		if (audience_twin(population_of(definer), lfirst(lc)) == NULL)
			left = lappend(left, audience_twin_name(lfirst(lc)));
	forboth(lc, alteration->audiences, twin, alteration->twins)
	{
		const FilterSource *filter = lfirst(twin);
		char	   *name = audience_twin_name(lfirst(lc));
		bool		mentions = false;
		ListCell   *used;

		foreach(used, audience_names_used(filter->tree))
			mentions |= names_contain(left, lfirst(used));
		if (mentions || !names_contain(left, name))
			continue;
		audience_define(population_of(definer), name, filter,
						psprintf("what audience \"%s\" is about to be",
								 (char *) lfirst(lc)), NULL);
		audience_begin_building(population_of(definer), name, clock_now());
	}
	foreach(lc, alteration->audiences)
		if (audience_twin(population_of(definer), lfirst(lc)) == NULL)
			return false;
	return true;
}

/* decide_twins() stores who is a member of each twin. */
static void
decide_twins(const Build *build)
{
	const Alteration *alteration = build->wanted;
	ListCell   *lc;

	foreach(lc, alteration->audiences)
	{
		char	   *name = audience_twin_name(lfirst(lc));
		Definer    *definer;

		if (!audience_by_name(population_by_name(build->population),
							  name)->stored)
			continue;
		build_note_times(build, name);
		definer = build_begin_deciding(build);
		audience_decide_twin(population_of(definer), name);
		definer_end(definer);
		build_commit();
	}
	build_settle(build);
}

/* complete() alters the trait or audience: all that it needs is there. */
static void
complete(const Build *build)
{
	const Alteration *alteration = build->wanted;
	Definer    *definer =
		definer_begin_build(population_by_name(build->population),
							build->command);

	if (alteration->is_trait)
	{
		TraitWish	wish = {
			.name = unconstify(char *, alteration->name),
			.definition = alteration->definition,
			.description = alteration->description,
		};

		traits_define(definer, list_make1(&wish), true);
	}
	else
		audience_alter(definer, alteration->name, &alteration->definition,
					   alteration->description);
	build_note_phase(population_of(definer), BUILD_DONE, 0);
	definer_end(definer);
}
