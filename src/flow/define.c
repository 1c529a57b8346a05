/*-------------------------------------------------------------------------
 *
 * define.c
 *	  Definitions that touch several rooms: in which order?
 *
 *		attach_source	source_attach ─► count the rows that are there ─► decide
 *		create_trait	trait_define ─► fill what is new ─► trait_refresh
 *		alter_trait		... ─► audiences must bind ─► decide those it concerns
 *		drop_trait		who uses it? ─► trait_forget ─► trait_refresh
 *		create_audience	lock ─► sweep, fold ─► store and fill what is new ─►
 *						audience_define ─► decide
 *		alter_audience	... ─► audience_redefine ─► decide it, and those that
 *						are made of it ─► trait_drop_unneeded
 *		drop_population	audiences ─► traits ─► sources ─► the population
 *
 * To decide is to find out who is a member, store it, and tell the feed who
 * entered and left by the change.  What was due is swept and what was pending
 * is folded before, so that it stands before it in the feed.
 *
 * Rights.  The caller must own the population, or be a member of the role that
 * does.  That is checked before anything is locked, and again afterwards.  From
 * there on we act as the population's owner (act_as_owner), because columns of
 * the base table, their types and its triggers belong to that role and may run
 * code.  What depends on the caller's rights and search_path comes before: may
 * the table be attached, in which schema is a view made?
 *
 * A thing in use is not dropped: the error lists its users, unless cascade
 * asks to drop them too.
 *
 * Locks: lock.c says which, and how they are waited for.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "base/base.h"
#include "audience/audience.h"
#include "feed/feed.h"
#include "flow/flow.h"
#include "flow/flow_private.h"
#include "trait/trait.h"

SEGMENT_FUNCTION(segment_attach_source);
SEGMENT_FUNCTION(segment_attach_source_text);
SEGMENT_FUNCTION(segment_detach_source);
SEGMENT_FUNCTION(segment_create_trait);
SEGMENT_FUNCTION(segment_alter_trait);
SEGMENT_FUNCTION(segment_drop_trait);
SEGMENT_FUNCTION(segment_create_audience);
SEGMENT_FUNCTION(segment_alter_audience);
SEGMENT_FUNCTION(segment_drop_audience);
SEGMENT_FUNCTION(segment_drop_population);

static char *text_argument(FunctionCallInfo fcinfo, int argument);
static void drop_trait(const Population *population, const char *name,
					   bool asked, const char *home);
static const Population *lock_for_audience(const Population *population,
										   const char *name,
										   const char *filter, bool drop);
static List *sources_changing(const Population *population, const char *name,
							  const char *filter, bool drop);
static const Population *store_needed(const Population *population,
									  const char *name, const char *filter,
									  bool is_new);
static Oid	define_trait(const Population *population, const char *name,
						 const char *definition, const char *description,
						 bool replace, const char *home);
static List *all_audiences(const Population *population);
static const Population *follow_change(const Population *population,
									   List *concerned, List *sound,
									   bool anew, const char *home);
static void drop_unneeded(const Population *population);
static void drop_audience(const Population *population, const char *name,
						  bool asked);
static void refuse_users(const char *kind, const char *name,
						 List *traits, List *audiences);

/*
 * attach_source(source regclass, key, at, population, name)
 */
Datum
segment_attach_source(PG_FUNCTION_ARGS)
{
	const Population *population = population_definer(population_argument(fcinfo, 3),
													  "attach_source");
	const Source *source;
	Affected	affected = {.members = true};
	Actor		before;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the table to attach must be given")));

	affected.attached = PG_GETARG_OID(0);
	source_check_rights(population, affected.attached);
	population = lock_affected(population, &affected);
	SPI_connect();
	/* the triggers are the user's right, or not */
	source = source_attach(population, PG_GETARG_OID(0),
						   PG_ARGISNULL(1) ? NULL : NameStr(*PG_GETARG_NAME(1)),
						   PG_ARGISNULL(2) ? NULL : NameStr(*PG_GETARG_NAME(2)),
						   PG_ARGISNULL(4) ? NULL : NameStr(*PG_GETARG_NAME(4)));
	before = act_as_owner(source->population->base);
	population = hold_members(source->population, NIL);
	source = source_by_name(population, source->name);
	backfill_attach(source);
	CommandCounterIncrement();
	members_decide(population, NIL, CAUSE_EDIT);
	act_as_before(before);
	SPI_finish();
	PG_RETURN_VOID();
}

/* The same with a text as its first argument. */
Datum
segment_attach_source_text(PG_FUNCTION_ARGS)
{
	return call_with_text(fcinfo, 0, REGCLASSOID, segment_attach_source);
}

/*
 * detach_source(source, population, cascade)
 */
Datum
segment_detach_source(PG_FUNCTION_ARGS)
{
	char	   *name = name_argument(fcinfo, 0, "source");
	const Population *population = population_argument(fcinfo, 1);
	bool		cascade = !PG_ARGISNULL(2) && PG_GETARG_BOOL(2);
	char	   *home = current_schema_name();
	const Source *source;
	Affected	affected = {.members = true};
	List	   *traits;
	List	   *audiences;
	Actor		before;
	ListCell   *lc;

	population = population_definer(population, "detach_source");
	source = source_by_name(population, name);
	if (source == NULL)
		unknown_source(population, name);

	before = act_as_owner(population->base);
	traits = trait_users_of_source(population, name);
	audiences = audience_users_of_source(population, name);
	if ((traits != NIL || audiences != NIL) && !cascade)
		refuse_users("source", name, traits, audiences);

	affected.triggers = list_make1(name);
	affected.audiences = dependents(population, THING_SOURCE, name);
	affected.columns = traits != NIL || audiences != NIL;
	population = lock_affected(population, &affected);

	SPI_connect();
	if (audiences != NIL)
		population = hold_members(population, audiences);
	foreach(lc, audiences)
	{
		population = again(population);
		if (audience_by_name(population, lfirst(lc)) != NULL)
			drop_audience(population, lfirst(lc), false);
	}
	foreach(lc, traits)
	{
		population = again(population);
		if (trait_by_name(population, lfirst(lc)) != NULL)
			drop_trait(population, lfirst(lc), false, home);
	}
	drop_unneeded(again(population));
	population = again(population);

	source = source_by_name(population, name);
	if (source->missing == NULL)
	{
		population = hold_members(population, NIL);
		source = source_by_name(population, name);
		backfill_detach(source);
		source_detach(source);
	}
	else
	{
		/* which rows were whose cannot be asked any more: count the others */
		source_detach(source);
		population = hold_members(again(population), NIL);
		backfill_all(population, true);
	}
	population = again(population);
	members_decide(population, NIL, CAUSE_EDIT);
	backfill_remove_ended(population);
	SPI_finish();
	act_as_before(before);
	PG_RETURN_VOID();
}

/*
 * create_trait(name, definition, population, description) -> its type
 */
Datum
segment_create_trait(PG_FUNCTION_ARGS)
{
	char	   *name = name_argument(fcinfo, 0, "trait");
	char	   *definition = text_argument(fcinfo, 1);
	const Population *population = population_definer(population_argument(fcinfo, 2),
													  "create_trait");
	char	   *home = current_schema_name();
	Actor		before;
	Oid			type;

	if (definition == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the definition of trait \"%s\" must be given", name),
				 errhint("For example 'sum(orders.amount)'.")));

	/* what is wrong is said before anybody has to wait */
	before = act_as_owner(population->base);
	type = define_trait(population, name, definition, text_argument(fcinfo, 3),
						false, home);
	act_as_before(before);
	PG_RETURN_OID(type);
}

/*
 * alter_trait(name, definition, population, description) -> its type
 *
 * Traits and audiences that use it must bind to the new definition too, but for
 * those that did not before.
 */
Datum
segment_alter_trait(PG_FUNCTION_ARGS)
{
	char	   *name = name_argument(fcinfo, 0, "trait");
	char	   *definition = text_argument(fcinfo, 1);
	char	   *description = text_argument(fcinfo, 3);
	const Population *population = population_argument(fcinfo, 2);
	char	   *home = current_schema_name();
	Affected	affected = {.view = true};
	Actor		before;
	Oid			type = InvalidOid;

	population = population_definer(population, "alter_trait");
	before = act_as_owner(population->base);
	if (trait_by_name(population, name) == NULL)
		unknown_trait(population, name);

	if (definition != NULL)
		type = define_trait(population, name, definition, description, true,
							home);
	else
	{
		population = lock_affected(population, &affected);
		SPI_connect();
		if (description != NULL)
			trait_describe(population, name, description);
		population = again(population);
		trait_refresh(population, audience_filters(population), home);
		population = again(population);
		if (trait_binding(population, list_make1(name)) != NIL)
			type = trait_type(population, trait_by_name(population, name));
		SPI_finish();
	}
	act_as_before(before);
	if (!OidIsValid(type))
		PG_RETURN_NULL();
	PG_RETURN_OID(type);
}

/*
 * drop_trait(name, population, cascade)
 */
Datum
segment_drop_trait(PG_FUNCTION_ARGS)
{
	char	   *name = name_argument(fcinfo, 0, "trait");
	const Population *population = population_argument(fcinfo, 1);
	char	   *home = current_schema_name();
	Affected	affected = {.view = true};
	List	   *traits;
	List	   *audiences;
	Actor		before;

	population = population_definer(population, "drop_trait");
	before = act_as_owner(population->base);
	if (trait_by_name(population, name) == NULL)
		unknown_trait(population, name);
	traits = trait_users(population, name);
	audiences = audience_users_of_trait(population, name);
	if ((traits != NIL || audiences != NIL) &&
		(PG_ARGISNULL(2) || !PG_GETARG_BOOL(2)))
		refuse_users("trait", name, traits, audiences);

	affected.columns = dependent_sources(population, THING_TRAIT, name) != NIL;
	affected.audiences = dependents(population, THING_TRAIT, name);
	affected.members = affected.audiences != NIL;
	population = lock_affected(population, &affected);

	SPI_connect();
	drop_trait(population, name, true, home);
	SPI_finish();
	act_as_before(before);
	PG_RETURN_VOID();
}

/*
 * create_audience(name, filter, population, view, description) -> its size
 */
Datum
segment_create_audience(PG_FUNCTION_ARGS)
{
	char	   *name = name_argument(fcinfo, 0, "audience");
	const Population *population;
	char	   *description = text_argument(fcinfo, 4);
	bool		view = PG_ARGISNULL(3) || PG_GETARG_BOOL(3);
	char	   *home = current_schema_name();
	char	   *filter;
	List	   *concerned;
	List	   *sound;
	Actor		before;
	bool		anew;
	int64		size;

	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the filter of audience \"%s\" must be given", name),
				 errhint("For example 'total_spend > 500'.")));
	filter = filter_print(filter_unpack(PG_GETARG_FILTER_PP(1)));
	population = population_definer(population_argument(fcinfo, 2), "create_audience");
	if (view)
		check_schema_name(home);
	before = act_as_owner(population->base);
	population = lock_for_audience(population, name, filter, false);

	SPI_connect();
	anew = trait_store_changes(population, filter_parse(filter, NULL));
	concerned = anew ? all_audiences(population) : NIL;
	sound = audience_binding(population, concerned);
	population = hold_members(population, concerned);
	population = store_needed(population, name, filter, true);
	audience_define(population, name, filter,
					description != NULL && description[0] != '\0' ? description : NULL,
					view ? home : NULL);
	population = hold_members(population, concerned);
	members_decide(population, list_make1(name), CAUSE_CREATE);
	if (anew)
		population = follow_change(population, concerned, sound, true, home);
	size = audience_count(population, name);
	SPI_finish();
	act_as_before(before);
	PG_RETURN_INT64(size);
}

/*
 * alter_audience(name, filter, population, description) -> its size
 *
 * What is not given stays; an empty description is none.
 */
Datum
segment_alter_audience(PG_FUNCTION_ARGS)
{
	char	   *name = name_argument(fcinfo, 0, "audience");
	const Population *population;
	char	   *filter;
	char	   *home = current_schema_name();
	List	   *concerned = NIL;
	List	   *sound;
	Actor		before;
	bool		anew = false;
	int64		size;

	if (PG_ARGISNULL(1) && PG_ARGISNULL(3))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("there is nothing to change in audience \"%s\"", name),
				 errhint("Give a filter, a description or both.")));
	filter = PG_ARGISNULL(1) ? NULL :
		filter_print(filter_unpack(PG_GETARG_FILTER_PP(1)));

	population = audience_named(fcinfo, "alter_audience", name, 2);
	before = act_as_owner(population->base);
	population = lock_for_audience(population, name, filter, false);
	SPI_connect();
	if (filter != NULL)
	{
		anew = trait_store_changes(population, filter_parse(filter, NULL));
		concerned = anew ? all_audiences(population) :
			dependent_audiences(population, NULL, name);
	}
	sound = audience_binding(population, concerned);
	population = hold_members(population, concerned);
	if (filter != NULL)
		population = store_needed(population, name, filter, false);
	audience_redefine(population, name, filter, text_argument(fcinfo, 3));
	population = again(population);
	if (filter != NULL)
		population = follow_change(population, concerned, sound, anew, home);
	else if (audience_unbound(population, audience_by_name(population, name)) != NULL)
	{
		SPI_finish();
		act_as_before(before);
		PG_RETURN_NULL();
	}
	size = audience_count(population, name);
	SPI_finish();
	act_as_before(before);
	PG_RETURN_INT64(size);
}

/*
 * drop_audience(name, population, cascade)
 */
Datum
segment_drop_audience(PG_FUNCTION_ARGS)
{
	char	   *name = name_argument(fcinfo, 0, "audience");
	const Population *population = audience_named(fcinfo, "drop_audience", name, 1);
	List	   *users = audience_users_of_audience(population, name);
	Actor		before;

	if (users != NIL && (PG_ARGISNULL(2) || !PG_GETARG_BOOL(2)))
		refuse_users("audience", name, NIL, users);

	before = act_as_owner(population->base);
	population = lock_for_audience(population, name, NULL, true);
	SPI_connect();
	population = hold_members(population, dependent_audiences(population, NULL, name));
	drop_audience(population, name, true);
	drop_unneeded(again(population));
	SPI_finish();
	act_as_before(before);
	PG_RETURN_VOID();
}

/*
 * drop_population(name, cascade)
 */
Datum
segment_drop_population(PG_FUNCTION_ARGS)
{
	char	   *name = name_argument(fcinfo, 0, "population");
	const Population *population = population_lost(name);
	bool		cascade = !PG_ARGISNULL(1) && PG_GETARG_BOOL(1);
	Affected	affected = {.everything = true};
	List	   *sources;
	Actor		before;
	ListCell   *lc;

	if (population != NULL)
	{
		drop_lost_population(population);
		PG_RETURN_VOID();
	}
	population = population_definer(population_by_name(name), "drop_population");
	sources = source_names(population);
	if (!cascade && (sources != NIL || audience_list(population) != NIL))
		ereport(ERROR,
				(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
				 errmsg("population \"%s\" is in use", population->name),
				 errdetail("It has %d sources, %d traits and %d audiences.",
						   list_length(sources),
						   list_length(trait_list(population)),
						   list_length(audience_list(population))),
				 errhint("Use cascade => true to drop them too; your own tables stay.")));

	before = act_as_owner(population->base);
	foreach(lc, audience_list(population))
		affected.audiences = lappend(affected.audiences,
									 ((Audience *) lfirst(lc))->name);
	population = lock_affected(population, &affected);

	SPI_connect();
	audience_lock(population);
	/* the feed goes too: nobody is told that they leave */
	while (audience_list(population) != NIL)
	{
		audience_forget(population,
						((Audience *) linitial(audience_list(population)))->name);
		population = again(population);
	}
	membership_drop(population);
	population = again(population);
	trait_forget_all(population);
	population = again(population);
	foreach(lc, sources)
	{
		source_detach(source_by_name(population, lfirst(lc)));
		population = again(population);
	}
	feed_forget(population);
	population_drop(population);
	SPI_finish();
	act_as_before(before);
	PG_RETURN_VOID();
}

const Population *
population_argument(FunctionCallInfo fcinfo, int argument)
{
	return population_by_name(PG_ARGISNULL(argument) ? NULL :
							  NameStr(*PG_GETARG_NAME(argument)));
}

char *
name_argument(FunctionCallInfo fcinfo, int argument, const char *what)
{
	if (PG_ARGISNULL(argument))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the name of the %s must be given", what)));
	return NameStr(*PG_GETARG_NAME(argument));
}

static char *
text_argument(FunctionCallInfo fcinfo, int argument)
{
	return PG_ARGISNULL(argument) ? NULL :
		text_to_cstring(PG_GETARG_TEXT_PP(argument));
}

const Population *
again(const Population *population)
{
	char	   *name = pstrdup(population->name);

	CommandCounterIncrement();
	return population_by_name(name);
}

/*
 * Create a trait, or give it another definition; returns its type.
 *
 * What is made of it must bind to the new definition if it did to the old one.  If
 * what it needs is stored anew, as its source has changed, that may be any trait or
 * audience.
 */
static Oid
define_trait(const Population *population, const char *name,
			 const char *definition, const char *description, bool replace,
			 const char *home)
{
	FilterNode *node = filter_parse_definition(definition, NULL);
	Affected	affected = {.view = true};
	List	   *traits = NIL;
	List	   *audiences = NIL;
	List	   *sound_traits;
	List	   *sound_audiences;
	List	   *stored;
	Oid			type;

	/* what is wrong is said before anybody has to wait */
	trait_check(population, node, definition);
	affected.columns =
		trait_sources_missing(population, node, definition) != NIL;
	if (replace)
	{
		const Trait *trait = trait_by_name(population, name);

		/* what only the old definition needs goes */
		affected.columns |=
			trait_sources_used(population, trait->definition) != NIL;
		traits = dependent_traits(population, name);
		audiences = dependent_audiences(population, name, NULL);
	}
	if (trait_store_changes(population, node))
	{
		traits = list_copy(trait_names(population));
		audiences = all_audiences(population);
	}
	affected.members = audiences != NIL;
	population = lock_affected(population, &affected);

	SPI_connect();
	sound_traits = trait_binding(population, traits);
	sound_audiences = audience_binding(population, audiences);
	if (audiences != NIL)
		population = hold_members(population, audiences);
	stored = trait_define(population, name, definition, description, replace);
	population = again(population);
	backfill_traits(population, stored);
	trait_must_bind(population, sound_traits);
	trait_refresh(population, audience_filters(population), home);
	population = again(population);
	if (audiences != NIL)
		population = follow_change(population, audiences, sound_audiences,
								   false, home);
	type = trait_type(population, trait_by_name(population, name));
	SPI_finish();
	return type;
}

static List *
all_audiences(const Population *population)
{
	List	   *names = NIL;
	ListCell   *lc;

	foreach(lc, audience_list(population))
		names = lappend(names, pstrdup(((Audience *) lfirst(lc))->name));
	return names;
}

/*
 * What these audiences stand for has changed: decide anew who their members are.
 * Those that were sound must bind; others that do now are kept again.  'anew':
 * something was stored anew, and named traits may be made of it.
 */
static const Population *
follow_change(const Population *population, List *concerned, List *sound,
			  bool anew, const char *home)
{
	List	   *names = list_copy(sound);
	ListCell   *lc;

	foreach(lc, audience_binding(population, concerned))
		if (!names_contain(names, lfirst(lc)))
			names = lappend(names, lfirst(lc));
	if (names != NIL)
	{
		audience_refresh(population, names);
		population = again(population);
		members_decide(population, names, CAUSE_EDIT);
	}
	population = again(population);
	if (anew)
		trait_refresh(population, audience_filters(population), home);
	else
		drop_unneeded(population);
	return again(population);
}

/* Drop a trait and whatever mentions it, users first. */
static void
drop_trait(const Population *population, const char *name, bool asked,
		   const char *home)
{
	List	   *traits = trait_users(population, name);
	List	   *audiences = audience_users_of_trait(population, name);
	char	   *copy = pstrdup(name);
	ListCell   *lc;

	check_stack_depth();
	if (audiences != NIL)
		population = hold_members(population, audiences);
	foreach(lc, audiences)
	{
		population = again(population);
		if (audience_by_name(population, lfirst(lc)) != NULL)
			drop_audience(population, lfirst(lc), false);
	}
	foreach(lc, traits)
	{
		population = again(population);
		if (trait_by_name(population, lfirst(lc)) != NULL)
			drop_trait(population, lfirst(lc), false, home);
	}

	if (!asked)
		ereport(NOTICE, (errmsg("drop cascades to trait \"%s\"", copy)));
	population = again(population);
	trait_forget(population, copy);
	population = again(population);
	trait_refresh(population, audience_filters(population), home);
}

const Population *
audience_named(FunctionCallInfo fcinfo, const char *function, const char *name,
			   int argument)
{
	const char *home = PG_ARGISNULL(argument) ? NULL :
		NameStr(*PG_GETARG_NAME(argument));
	const Population *population;

	(void) audience_find(name, home, &population);
	population = population_definer(population, function);
	/* somebody may have dropped it while we waited */
	(void) audience_find(name, population->name, &population);
	return population;
}

/*
 * Lock what an audience affects that is given a filter, or a description alone
 * (filter NULL), or is dropped: members of it and of others that are made of
 * it, and what its filter counts, if that comes or goes.
 */
static const Population *
lock_for_audience(const Population *population, const char *name,
				  const char *filter, bool drop)
{
	Affected	affected = {.members = true};

	affected.columns = sources_changing(population, name, filter, drop) != NIL ||
		(filter != NULL &&
		 trait_store_changes(population, filter_parse(filter, NULL)));
	if (drop)
		affected.audiences = dependent_audiences(population, NULL, name);
	return lock_affected(population, &affected);
}

/*
 * The sources of stored traits that are added or dropped if the audience is
 * given a filter, or is dropped with all that is made of it.
 */
static List *
sources_changing(const Population *population, const char *name,
				 const char *filter, bool drop)
{
	List	   *filters = NIL;
	List	   *leaving = drop ? dependent_audiences(population, NULL, name) :
		filter != NULL ? list_make1(unconstify(char *, name)) : NIL;
	ListCell   *lc;
	ListCell   *one;

	foreach(lc, audience_list(population))
	{
		const Audience *audience = lfirst(lc);
		bool		stays = true;

		foreach(one, leaving)
			stays &= strcmp(lfirst(one), audience->name) != 0;
		if (stays)
			filters = lappend(filters, audience->filter);
	}
	if (filter != NULL)
	{
		FilterNode *node = filter_parse(filter, NULL);

		trait_check(population, node, filter);
		filters = lappend(filters, node);
	}
	return trait_sources_changing(population, filters);
}

/*
 * What an audience's filter reads is stored from here on.  All that can be
 * wrong with the filter is said before the sources are read.
 */
static const Population *
store_needed(const Population *population, const char *name,
			 const char *filter, bool is_new)
{
	List	   *stored = trait_store(population, filter_parse(filter, NULL), filter);

	population = again(population);
	if (stored != NIL)
	{
		audience_check(population, name, filter, is_new);
		backfill_traits(population, stored);
		population = again(population);
	}
	return population;
}

static void
drop_unneeded(const Population *population)
{
	trait_drop_unneeded(population, audience_filters(population));
}

const Population *
hold_members(const Population *population, List *mended)
{
	population = again(population);
	audience_lock(population);
	audience_suspend(population, mended);
	population = again(population);
	sweep_all(population, false);
	fold_all(population, false);
	return again(population);
}

/* Drop an audience and those that are made of it, these first. */
static void
drop_audience(const Population *population, const char *name, bool asked)
{
	char	   *copy = pstrdup(name);
	ListCell   *lc;

	check_stack_depth();
	foreach(lc, audience_users_of_audience(population, name))
	{
		/* one that uses two of them is gone when the second comes to it */
		population = again(population);
		if (audience_by_name(population, lfirst(lc)) != NULL)
			drop_audience(population, lfirst(lc), false);
	}
	if (!asked)
		ereport(NOTICE,
				(errmsg("drop cascades to audience \"%s\"", copy)));
	population = again(population);
	members_leave(population, copy);
	audience_forget(population, copy);
}

static void
refuse_users(const char *kind, const char *name, List *traits, List *audiences)
{
	StringInfoData users;
	ListCell   *lc;

	initStringInfo(&users);
	foreach(lc, traits)
		appendStringInfo(&users, "%strait \"%s\"", users.len > 0 ? ", " : "",
						 (char *) lfirst(lc));
	foreach(lc, audiences)
		appendStringInfo(&users, "%saudience \"%s\"", users.len > 0 ? ", " : "",
						 (char *) lfirst(lc));
	ereport(ERROR,
			(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
			 errmsg("%s \"%s\" is in use", kind, name),
			 errdetail("It is used by %s.", users.data),
			 errhint("Drop these first, or use cascade => true to drop them too.")));
}

void
unknown_trait(const Population *population, const char *name)
{
	List	   *names = NIL;
	const char *nearest;
	ListCell   *lc;

	foreach(lc, trait_list(population))
		names = lappend(names, ((Trait *) lfirst(lc))->name);
	nearest = nearest_name(name, names);
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("trait \"%s\" does not exist", name),
			 errdetail("Population \"%s\" has %d traits.", population->name,
					   list_length(names)),
			 nearest ? errhint("Perhaps you meant %s.", quote_literal_cstr(nearest)) : 0));
}

void
unknown_source(const Population *population, const char *name)
{
	const char *nearest = nearest_name(name, source_names(population));

	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("source \"%s\" does not exist in population \"%s\"",
					name, population->name),
			 nearest ? errhint("Perhaps you meant %s.", quote_literal_cstr(nearest)) : 0));
}
