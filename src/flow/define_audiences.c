/*-------------------------------------------------------------------------
 *
 * define_audiences.c
 *	  Several audiences at once, by one scan of the base table.
 *
 *		SELECT * FROM segment.create_audiences('{
 *			"vip":    "spent > 500",
 *			"lapsed": "last_order_at more than 60 days ago",
 *			"lost":   "in audience lapsed and not in audience vip"}');
 *
 * reads each source once, if the filters count something new, and the base
 * table once, where three calls of create_audience() would read it three
 * times.  A filter may mention the audiences that stand before it; so the
 * argument is json, which keeps their order, and not jsonb.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/builtins.h"

#include "audience/audience.h"
#include "base/base.h"
#include "flow/definer.h"
#include "flow/flow_private.h"
#include "profile/profile.h"
#include "trait/trait.h"

SEGMENT_FUNCTION(segment_create_audiences);
SEGMENT_FUNCTION(segment_create_audiences_text);

/* An audience that a user wants. */
typedef struct AudienceWish
{
	char	   *name;
	FilterSource filter;
} AudienceWish;

static List *audiences_of_json(FunctionCallInfo fcinfo, int argument);
static bool lock_for_filters(Definer *definer, List *wishes);
static List *define_all(Definer *definer, List *wishes, const char *home);
static void return_sizes(const Definer *definer, List *wishes,
						 ReturnSetInfo *result);

/*
 * create_audiences(filters json, population, view) -> (audience, size)
 */
Datum
segment_create_audiences(PG_FUNCTION_ARGS)
{
	bool		view = PG_ARGISNULL(2) || PG_GETARG_BOOL(2);
	List	   *wishes = audiences_of_json(fcinfo, 0);
	Definer    *definer = definer_begin_as_user(population_argument(fcinfo, 1),
												"create_audiences");
	List	   *concerned;
	List	   *sound;
	List	   *names;
	bool		stored_anew;

	InitMaterializedSRF(fcinfo, 0);
	if (view)
		check_schema_name(definer->home);
	definer_act(definer);
	stored_anew = lock_for_filters(definer, wishes);
	concerned = stored_anew ? all_audiences(population_of(definer)) : NIL;
	sound = audience_binding(population_of(definer), concerned);
	lock_and_settle(definer, concerned);
	names = define_all(definer, wishes, view ? definer->home : NULL);
	lock_and_settle(definer, list_concat_copy(concerned, names));
	members_decide(population_of(definer), names, CAUSE_CREATE);
	if (stored_anew)
		follow_change(definer, concerned, sound, true);
	return_sizes(definer, wishes, (ReturnSetInfo *) fcinfo->resultinfo);
	definer_end(definer);
	return (Datum) 0;
}

/* The same with a text as its first argument. */
Datum
segment_create_audiences_text(PG_FUNCTION_ARGS)
{
	return call_with_text(fcinfo, 0, JSONOID, segment_create_audiences);
}

/*
 * audiences_of_json() reads the audiences (AudienceWish *) that an argument
 * names: filters as text, or as rule trees.
 */
static List *
audiences_of_json(FunctionCallInfo fcinfo, int argument)
{
	static const char filter[] =
		"CASE json_typeof(value)"
		" WHEN 'string' THEN (value #>> '{}')::segment.filter"
		" WHEN 'null' THEN NULL ELSE value::segment.filter END";
	static const char example[] = "'{\"vip\": \"total_spend > 500\"}'";
	List	   *wishes = NIL;
	ListCell   *lc;

	if (PG_ARGISNULL(argument))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the audiences must be given"),
				 errhint("For example %s.", example)));
	foreach(lc, named_values(PG_GETARG_DATUM(argument), filter, "filters",
							 example))
	{
		const NamedValue *given = lfirst(lc);
		AudienceWish *wish = palloc0(sizeof(AudienceWish));

		wish->name = given->name;
		if (given->isnull)
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("the filter of audience \"%s\" must be given",
							wish->name),
					 errhint("For example 'total_spend > 500'.")));
		wish->filter = filter_source_unpack((Filter *)
											DatumGetPointer(given->value));
		wishes = lappend(wishes, wish);
	}
	if (wishes == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("there is no audience to create"),
				 errhint("For example %s.", example)));
	return wishes;
}

/*
 * lock_for_filters() locks what the audiences affect: members, and the columns
 * for what their filters count.  Returns whether something is stored anew that
 * others are made of.
 */
static bool
lock_for_filters(Definer *definer, List *wishes)
{
	const Population *population = population_of(definer);
	Affected	affected = {.members = true};
	List	   *filters = audience_filters(population);
	bool		stored_anew = false;
	ListCell   *lc;

	foreach(lc, wishes)
	{
		AudienceWish *wish = lfirst(lc);

		wish->filter = trait_names_resolved(population, wish->filter);
		trait_check(population, &wish->filter);
		filters = lappend(filters, wish->filter.tree);
		stored_anew |= trait_store_changes(population, wish->filter.tree);
	}
	affected.columns = stored_anew ||
		trait_sources_changing(population, filters) != NIL;
	definer_lock(definer, &affected);
	return stored_anew;
}

/*
 * define_all() stores what the filters read, and makes the audiences, with
 * views in schema 'home' (NULL: without).  Returns their names (char *).  What
 * is wrong with a filter is said before the sources are read.
 */
static List *
define_all(Definer *definer, List *wishes, const char *home)
{
	List	   *stored = NIL;
	List	   *names = NIL;
	ListCell   *lc;

	foreach(lc, wishes)
	{
		AudienceWish *wish = lfirst(lc);
		ListCell   *name;

		foreach(name, trait_store(population_of(definer), &wish->filter))
			stored = names_add(stored, lfirst(name));
		audience_define(population_of(definer), wish->name, &wish->filter,
						NULL, home);
		names = lappend(names, wish->name);
	}
	backfill_traits(population_of(definer), stored);
	return names;
}

/* return_sizes() returns the number of members of each audience. */
static void
return_sizes(const Definer *definer, List *wishes, ReturnSetInfo *result)
{
	ListCell   *lc;

	foreach(lc, wishes)
	{
		const AudienceWish *wish = lfirst(lc);
		Datum		values[] = {
			name_datum(wish->name),
			Int64GetDatum(audience_count(population_of(definer), wish->name)),
		};
		bool		isnull[] = {false, false};

		tuplestore_putvalues(result->setResult, result->setDesc, values,
							 isnull);
	}
}
