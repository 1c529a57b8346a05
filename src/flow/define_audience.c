/*-------------------------------------------------------------------------
 *
 * define_audience.c
 *	  An audience is made, changed, dropped or called differently.
 *
 *		create_audience('vip', 'sum(orders.amount) > 500')
 *
 *		lock_and_settle		what happened before stands before it in the feed
 *		trait_store			s4: what the filter counts, filled by backfill.c
 *		audience_define		segment.audience, and its view
 *		members_decide		who is in it? They enter, because of "create"
 *
 * A filter is parsed once, where it comes in: its text and tree go through the
 * rooms together.
 *
 * An audience that is renamed keeps its members.  The feed tells that they
 * left the one and entered the other.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"

#include "audience/audience.h"
#include "base/base.h"
#include "flow/readers.h"
#include "profile/profile.h"
#include "flow/definer.h"
#include "flow/depend.h"
#include "flow/flow_private.h"
#include "trait/trait.h"

SEGMENT_FUNCTION(segment_create_audience);
SEGMENT_FUNCTION(segment_alter_audience);
SEGMENT_FUNCTION(segment_drop_audience);
SEGMENT_FUNCTION(segment_rename_audience);

static Definer *definer_of_audience(FunctionCallInfo fcinfo,
									const char *function, const char *name,
									int argument);
static void lock_for_new(Definer *definer, const FilterSource *filter);
static void lock_for_filter(Definer *definer, const char *name,
							const FilterSource *filter);
static void lock_for_drop(Definer *definer, const char *name);
static List *filters_without(const Population *population, List *names);
static void store_needed(Definer *definer, const char *name,
						 const FilterSource *filter, bool is_new);

/*
 * create_audience(name, filter, population, view, description) -> its size
 */
Datum
segment_create_audience(PG_FUNCTION_ARGS)
{
	char	   *name = name_argument(fcinfo, 0, "audience");
	bool		view = PG_ARGISNULL(3) || PG_GETARG_BOOL(3);
	char	   *description = text_argument(fcinfo, 4);
	Definer    *definer;
	FilterSource filter;
	List	   *concerned;
	List	   *sound;
	bool		stored_anew;
	int64		size;

	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the filter of audience \"%s\" must be given", name),
				 errhint("For example 'total_spend > 500'.")));
	filter = filter_source_unpack(PG_GETARG_FILTER_PP(1));
	if (description != NULL && description[0] == '\0')
		description = NULL;
	definer = definer_begin_as_user(population_argument(fcinfo, 2),
									"create_audience");
	if (view)
		check_schema_name(definer->home);
	definer_act(definer);
	filter = trait_names_resolved(population_of(definer), filter);
	lock_for_new(definer, &filter);

	stored_anew = trait_store_changes(population_of(definer), filter.tree);
	concerned = stored_anew ? all_audiences(population_of(definer)) : NIL;
	sound = audience_binding(population_of(definer), concerned);
	lock_and_settle(definer, concerned);
	store_needed(definer, name, &filter, true);
	audience_define(population_of(definer), name, &filter, description,
					view ? definer->home : NULL);
	lock_and_settle(definer, concerned);
	members_decide(population_of(definer), list_make1(name), CAUSE_CREATE);
	if (stored_anew)
		follow_change(definer, concerned, sound, true);
	size = audience_count(population_of(definer), name);
	definer_end(definer);
	PG_RETURN_INT64(size);
}

/*
 * alter_audience(name, filter, population, description) -> its size, or NULL
 *
 * What is not given stays; an empty description is none.  An audience whose
 * filter does not bind has no size.
 */
Datum
segment_alter_audience(PG_FUNCTION_ARGS)
{
	char	   *name = name_argument(fcinfo, 0, "audience");
	char	   *description = text_argument(fcinfo, 3);
	Definer    *definer;
	FilterSource given;
	const FilterSource *filter = NULL;	/* the one that is given, if any */
	const Population *population;
	bool		bound;
	int64		size = 0;

	if (PG_ARGISNULL(1) && description == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("there is nothing to change in audience \"%s\"", name),
				 errhint("Give a filter, a description or both.")));
	if (!PG_ARGISNULL(1))
	{
		given = filter_source_unpack(PG_GETARG_FILTER_PP(1));
		filter = &given;
	}
	definer = definer_of_audience(fcinfo, "alter_audience", name, 2);
	if (filter != NULL)
		given = trait_names_resolved(population_of(definer), given);
	audience_alter(definer, name, filter, description);

	population = population_of(definer);
	bound = filter != NULL ||
		audience_unbound(population,
						 audience_by_name(population, name)) == NULL;
	if (bound)
		size = audience_count(population, name);
	definer_end(definer);
	if (!bound)
		PG_RETURN_NULL();
	PG_RETURN_INT64(size);
}

void
audience_alter(Definer *definer, const char *name, const FilterSource *filter,
			   const char *description)
{
	const Population *population;
	List	   *concerned = NIL;
	List	   *sound;
	bool		stored_anew = false;

	lock_for_filter(definer, name, filter);

	if (filter != NULL)
	{
		population = population_of(definer);
		stored_anew = trait_store_changes(population, filter->tree);
		concerned = stored_anew ? all_audiences(population) :
			audience_and_dependents(population, name);
	}
	sound = audience_binding(population_of(definer), concerned);
	lock_and_settle(definer, concerned);
	if (filter != NULL)
		store_needed(definer, name, filter, false);
	audience_redefine(population_of(definer), name, filter, description);
	if (filter != NULL)
		follow_change(definer, concerned, sound, stored_anew);
}

/*
 * drop_audience(name, population, cascade)
 */
Datum
segment_drop_audience(PG_FUNCTION_ARGS)
{
	char	   *name = name_argument(fcinfo, 0, "audience");
	Definer    *definer = definer_of_audience(fcinfo, "drop_audience", name,
											  1);
	List	   *users = audience_users_of_audience(population_of(definer),
												   name);
	List	   *others = readers_names(population_of(definer),
									   &(ReadThing) {.audience = name});

	if ((users != NIL || others != NIL) && !flag_argument(fcinfo, 2))
		refuse_users("audience", name, NIL, users, others);

	lock_for_drop(definer, name);
	lock_and_settle(definer,
					audience_and_dependents(population_of(definer), name));
	drop_audience(definer, name, true);
	drop_unneeded(definer);
	definer_end(definer);
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
	Definer    *definer = definer_of_audience(fcinfo, "rename_audience", name,
											  2);
	Affected	affected = {.members = true};

	affected.audiences = list_make1(name);
	definer_lock(definer, &affected);
	/* guests know the audience by the name that it has still */
	do
		lock_and_settle(definer, NIL);
	while (guests_folded(definer->population));
	audience_check_name(population_of(definer), new_name);
	members_rename(population_of(definer), name, new_name);
	audience_rename(population_of(definer), name, new_name);
	readers_rewrite(population_of(definer), definition_rename_audience,
					definition_rename_audience,
					&(NameChange) {name, new_name});
	definer_end(definer);
	PG_RETURN_VOID();
}

/*
 * definer_of_audience() begins a definition of the population of an audience
 * that the user names.  Argument 'argument' is the population's name, if the
 * user gave it.
 */
static Definer *
definer_of_audience(FunctionCallInfo fcinfo, const char *function,
					const char *name, int argument)
{
	const Population *population;
	Definer    *definer;

	(void) audience_find(name, optional_name_argument(fcinfo, argument),
						 &population);
	definer = definer_begin(population, function);
	/* it may have been dropped while we waited */
	(void) audience_find(name, definer->population, &population);
	return definer;
}

/*
 * lock_for_new() locks what a new audience affects: its members, and the
 * columns for what its filter counts, if these come.  Nothing goes, so the
 * other audiences, of which there may be thousands, are not looked at.
 */
static void
lock_for_new(Definer *definer, const FilterSource *filter)
{
	const Population *population = population_of(definer);
	Affected	affected = {.members = true};

	trait_check(population, filter);
	affected.columns = trait_sources_missing(population, filter) != NIL ||
		trait_store_changes(population, filter->tree);
	definer_lock(definer, &affected);
}

/*
 * lock_for_filter() locks what an audience affects that is given a filter, or
 * a description alone (filter NULL): members of it and of others that are made
 * of it, and the columns for what its filter counts, if these come or go.
 */
static void
lock_for_filter(Definer *definer, const char *name, const FilterSource *filter)
{
	const Population *population = population_of(definer);
	Affected	affected = {.members = true};
	List	   *filters;

	if (filter == NULL)
		filters = audience_filters(population);
	else
	{
		List	   *without = list_make1(unconstify(char *, name));

		trait_check(population, filter);
		filters = lappend(filters_without(population, without), filter->tree);
	}
	affected.columns = trait_sources_changing(population, filters) != NIL ||
		(filter != NULL && trait_store_changes(population, filter->tree));
	definer_lock(definer, &affected);
}

/*
 * lock_for_drop() locks what an audience affects that is dropped, with all
 * that is made of it.
 */
static void
lock_for_drop(Definer *definer, const char *name)
{
	const Population *population = population_of(definer);
	Affected	affected = {.members = true};
	List	   *filters;

	affected.audiences = audience_and_dependents(population, name);
	filters = filters_without(population, affected.audiences);
	affected.columns = trait_sources_changing(population, filters) != NIL;
	definer_lock(definer, &affected);
}

/*
 * filters_without() lists the filters (FilterNode *) of the audiences that may
 * need something stored, but for those of these names (char *).
 */
static List *
filters_without(const Population *population, List *names)
{
	List	   *filters = NIL;
	ListCell   *lc;

	foreach(lc, audience_list_made(population))
	{
		const Audience *audience = lfirst(lc);

		if (!names_contain(names, audience->name))
			filters = lappend(filters,
							  unconstify(FilterNode *,
										 audience_filter(audience)));
	}
	return filters;
}

/*
 * store_needed() stores from here on what an audience's filter reads.  All
 * that can be wrong with the filter is said before the sources are read.
 */
static void
store_needed(Definer *definer, const char *name, const FilterSource *filter,
			 bool is_new)
{
	List	   *stored = trait_store(population_of(definer), filter);

	if (stored == NIL)
		return;
	audience_check(population_of(definer), name, filter, is_new);
	backfill_traits(population_of(definer), stored);
}

void
drop_audience(Definer *definer, const char *name, bool asked)
{
	List	   *users = audience_users_of_audience(population_of(definer),
												   name);
	char	   *copy = pstrdup(name);
	ListCell   *lc;

	check_stack_depth();
	foreach(lc, users)
	{
		/* one that uses two of them is gone when the second comes to it */
		if (audience_by_name(population_of(definer), lfirst(lc)) != NULL)
			drop_audience(definer, lfirst(lc), false);
	}
	if (!asked)
		ereport(NOTICE,
				(errmsg("drop cascades to audience \"%s\"", copy)));
	readers_lose(population_of(definer),
				 &(ReadThing) {.audience = copy,
							  .except = definer->unkept});
	members_leave(population_of(definer), copy);
	audience_forget(population_of(definer), copy);
}
