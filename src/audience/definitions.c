/*-------------------------------------------------------------------------
 *
 * definitions.c
 *	  Which audience does a user mean, and which of them mention what?
 *
 *		vip			total_spend > 500
 *		lapsed_vip	in audience vip and last_order_at more than 60 days ago
 *
 *		audience_list(population)				{lapsed_vip, vip}
 *		audience_users_of_audience("vip")		{lapsed_vip}
 *		audience_users_of_trait("total_spend")	{vip}
 *
 * The definitions come from definition_cache.c.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "audience/definitions.h"
#include "base/base.h"
#include "trait/trait.h"

SEGMENT_FUNCTION(segment_definition_id);

static const Audience *find_anywhere(const char *name,
									 const Population **population);
static List *users_of(const Population *population, List *audiences,
					  const char *name,
					  List *(*used) (const Population *,
									 const FilterNode *));
static List *audiences_used(const Population *population,
							const FilterNode *filter);
static List *users_of_stored(const Population *population,
							 const FilterNode *stored);
static bool collect_audience(const FilterNode *node, void *context);

void
definitions_init(void)
{
	definition_cache_init();
	trait_users_hook = users_of_stored;
}

/* ---- by name ---- */

List *
audience_names(const Population *population)
{
	List	   *names = NIL;
	ListCell   *lc;

	foreach(lc, audience_list(population))
		names = lappend(names, ((Audience *) lfirst(lc))->name);
	return names;
}

/*
 * definition_id(population, audience): of its definition as it is now
 */
Datum
segment_definition_id(PG_FUNCTION_ARGS)
{
	const Population *population;
	const Audience *audience = audience_find(NameStr(*PG_GETARG_NAME(1)),
											 NameStr(*PG_GETARG_NAME(0)),
											 &population);

	PG_RETURN_INT32(audience->definition_id);
}

/* ---- the audience that a user means ---- */

const Audience *
audience_find(const char *name, const char *population_name,
			  const Population **population)
{
	const Audience *found;

	if (population_name == NULL)
		return find_anywhere(name, population);
	*population = population_by_name(population_name);
	found = audience_by_name(*population, name);
	if (found == NULL)
		unknown_audience(name, *population, audience_names(*population),
						 NULL);
	return found;
}

/* find_anywhere() looks for an audience in all populations. */
static const Audience *
find_anywhere(const char *name, const Population **population)
{
	const Audience *found = NULL;
	List	   *populations = population_names();
	List	   *candidates = NIL;
	StringInfoData homes;
	int			count = 0;
	ListCell   *lc;

	if (populations == NIL)
		(void) population_by_name(NULL);	/* says that there is none */
	initStringInfo(&homes);
	foreach(lc, populations)
	{
		const Population *home = population_find(lfirst(lc));
		const Audience *audience;

		if (home == NULL)
			continue;
		audience = audience_by_name(home, name);
		if (audience == NULL)
		{
			candidates = list_concat(candidates, audience_names(home));
			continue;
		}
		appendStringInfo(&homes, "%s\"%s\"", homes.len > 0 ? ", " : "",
						 home->name);
		if (count++ > 0)
			continue;
		found = audience;
		*population = home;
	}

	if (count > 1)
		ereport(ERROR,
				(errcode(ERRCODE_AMBIGUOUS_PARAMETER),
				 errmsg("there are %d audiences \"%s\"", count, name),
				 errdetail("Populations %s have one each.", homes.data),
				 errhint("Say which one you mean, for example population => %s.",
						 quote_literal_cstr((*population)->name))));
	if (count == 0)
		unknown_audience(name, NULL, candidates, NULL);
	return found;
}

const Audience *
audience_for_reader(const char *name, const char *population_name,
					const Population **population)
{
	const Audience *audience = audience_find(name, population_name,
											 population);
	uint64		changes = cache_begin();

	*population = population_reader(*population);
	/* it may have been changed or dropped while we waited */
	if (changes != cache_begin())
		audience = audience_find(name, (*population)->name, population);
	return audience;
}

void
unknown_audience(const char *name, const Population *population,
				 List *candidates, const Mention *mention)
{
	const char *nearest = nearest_name(name, candidates);

	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("audience \"%s\" does not exist", name),
			 population ? errdetail_plural("Population \"%s\" has %d audience.",
										   "Population \"%s\" has %d audiences.",
										   list_length(candidates),
										   population->name,
										   list_length(candidates)) : 0,
			 nearest == NULL ? 0 : mention != NULL ?
			 errhint("Perhaps you meant: %s", filter_name(nearest)) :
			 errhint("Perhaps you meant %s.", quote_literal_cstr(nearest)),
			 mention != NULL ?
			 filter_position(mention->text, mention->node) : 0));
}

/* ---- which audiences mention what ---- */

List *
audience_filters(const Population *population)
{
	List	   *filters = NIL;
	ListCell   *lc;

	foreach(lc, audience_list_made(population))
		filters = lappend(filters,
						  unconstify(FilterNode *,
									 audience_filter(lfirst(lc))));
	return filters;
}

/* users_of() lists those audiences for whose filter 'used' lists the name. */
static List *
users_of(const Population *population, List *audiences, const char *name,
		 List *(*used) (const Population *, const FilterNode *))
{
	List	   *users = NIL;
	ListCell   *lc;

	foreach(lc, audiences)
	{
		const Audience *audience = lfirst(lc);

		if (names_contain(used(population, audience_filter(audience)), name))
			users = lappend(users, audience->name);
	}
	return users;
}

List *
audience_users_of_trait(const Population *population, const char *trait)
{
	return users_of(population, audience_list(population), trait,
					trait_names_used);
}

List *
audience_users_of_audience(const Population *population, const char *name)
{
	return users_of(population, audience_list_made(population), name,
					audiences_used);
}

List *
audience_users_of_source(const Population *population, const char *source)
{
	return users_of(population, audience_list_made(population), source,
					trait_sources_used);
}

List *
audience_users_of_column(const Population *population,
						 const SourceColumn *column)
{
	List	   *users = NIL;
	ListCell   *lc;

	foreach(lc, audience_list(population))
	{
		const Audience *audience = lfirst(lc);

		if (definition_reads_column(audience_filter(audience), column))
			users = lappend(users, audience->name);
	}
	return users;
}

static List *
audiences_used(const Population *population, const FilterNode *filter)
{
	return audience_names_used(filter);
}

/*
 * users_of_stored() lists the audiences whose filter itself needs a stored
 * trait: trait_users_hook.
 */
static List *
users_of_stored(const Population *population, const FilterNode *stored)
{
	List	   *users = NIL;
	ListCell   *lc;

	foreach(lc, audience_list_made(population))
	{
		const Audience *audience = lfirst(lc);

		if (trait_needs(population, audience_filter(audience), stored))
			users = lappend(users, psprintf("audience \"%s\"", audience->name));
	}
	return users;
}

List *
audience_names_used(const FilterNode *filter)
{
	List	   *names = NIL;

	filter_walk(filter, collect_audience, &names);
	list_sort(names, compare_names);
	return names;
}

/*
 * collect_audience() adds the audience that a node mentions to a list of names
 * (List **); a visitor of filter_walk().
 */
static bool
collect_audience(const FilterNode *node, void *context)
{
	List	  **names = context;

	if (node->op != FILTER_IN_AUDIENCE)
		return true;
	*names = names_add(*names, node->text);
	return false;
}
