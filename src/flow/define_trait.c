/*-------------------------------------------------------------------------
 *
 * define_trait.c
 *	  A trait is made, changed, dropped or called differently.
 *
 *		create_trait('average_order', 'avg(orders.amount)')
 *
 *		trait_define		segment.trait; columns s4, s5 for what it needs
 *		backfill_traits		s4, s5 of all profiles, from the rows of orders
 *		trait_refresh		s4 / nullif(s5, 0) AS average_order, in the view
 *
 * What is made of a trait must bind to its new definition, too, but for what
 * did not bind before.  A trait that is renamed keeps what is stored, and the
 * definitions that mention it follow; views of users do as by ALTER TABLE ...
 * RENAME.  Filters in users' own statements are text of theirs, and stay.
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

SEGMENT_FUNCTION(segment_create_trait);
SEGMENT_FUNCTION(segment_alter_trait);
SEGMENT_FUNCTION(segment_drop_trait);
SEGMENT_FUNCTION(segment_rename_trait);

/* What may change its meaning if a trait is defined.  Names are char *. */
typedef struct Concerned
{
	List	   *traits;
	List	   *audiences;
} Concerned;

static void find_concerned(const Population *population,
						   const TraitWish *wish, bool replace,
						   Concerned *concerned);
static bool changes_columns(const Population *population,
							const TraitWish *wish, bool replace);
static void store_wishes(Definer *definer, List *wishes, bool replace,
						 List *sound);
static void check_exists(const Population *population, const char *name);
static Oid	type_of(Definer *definer, const char *name);

/*
 * create_trait(name, definition, population, description) -> its type
 */
Datum
segment_create_trait(PG_FUNCTION_ARGS)
{
	char	   *name = name_argument(fcinfo, 0, "trait");
	char	   *text = text_argument(fcinfo, 1);
	Definer    *definer = definer_begin(population_argument(fcinfo, 2),
										"create_trait");
	TraitWish	wish = {.name = name, .description = text_argument(fcinfo, 3)};
	Oid			type;

	wish.definition = trait_definition(name, text);
	traits_define(definer, list_make1(&wish), false);
	type = type_of(definer, name);
	definer_end(definer);
	PG_RETURN_OID(type);
}

/*
 * alter_trait(name, definition, population, description) -> its type, or NULL
 *
 * What is not given stays.  A trait that does not bind has no type.
 */
Datum
segment_alter_trait(PG_FUNCTION_ARGS)
{
	char	   *name = name_argument(fcinfo, 0, "trait");
	char	   *text = text_argument(fcinfo, 1);
	char	   *description = text_argument(fcinfo, 3);
	Definer    *definer = definer_begin(population_argument(fcinfo, 2),
										"alter_trait");
	Oid			type = InvalidOid;

	check_exists(population_of(definer), name);
	if (text != NULL)
	{
		TraitWish	wish = {
			.name = name,
			.definition = filter_source_parse_definition(text),
			.description = description,
		};

		traits_define(definer, list_make1(&wish), true);
		readers_check(population_of(definer), &(ReadThing) {.trait = name},
					  psprintf("alter trait \"%s\"", name));
		type = type_of(definer, name);
	}
	else
	{
		definer_lock(definer, &(Affected) {.view = true});
		if (description != NULL)
			trait_describe(population_of(definer), name, description);
		refresh_view(definer);
		if (trait_binding(population_of(definer), list_make1(name)) != NIL)
			type = type_of(definer, name);
	}
	definer_end(definer);
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
	Definer    *definer = definer_begin(population_argument(fcinfo, 1),
										"drop_trait");
	const Population *population = population_of(definer);
	Affected	affected = {.view = true};
	List	   *traits;
	List	   *audiences;
	List	   *others;

	check_exists(population, name);
	traits = trait_users(population, name);
	audiences = audience_users_of_trait(population, name);
	others = readers_names(population, &(ReadThing) {.trait = name});
	if ((traits != NIL || audiences != NIL || others != NIL) &&
		!flag_argument(fcinfo, 2))
		refuse_users("trait", name, traits, audiences, others);

	affected.columns = dependent_sources(population, THING_TRAIT, name) != NIL;
	affected.audiences = dependent_audiences(population, THING_TRAIT, name);
	affected.members = affected.audiences != NIL;
	definer_lock(definer, &affected);
	drop_trait(definer, name, true);
	definer_end(definer);
	PG_RETURN_VOID();
}

/*
 * rename_trait(name, new_name, population)
 */
Datum
segment_rename_trait(PG_FUNCTION_ARGS)
{
	char	   *name = name_argument(fcinfo, 0, "trait");
	char	   *new_name = name_argument(fcinfo, 1, "trait");
	Definer    *definer = definer_begin(population_argument(fcinfo, 2),
										"rename_trait");

	check_exists(population_of(definer), name);
	if (source_by_name(population_of(definer), new_name) != NULL)
		refuse_trait_keys(population_of(definer), name, new_name);

	definer_lock(definer, &(Affected) {.view = true});
	trait_rename(population_of(definer), name, new_name);
	audience_rewrite(population_of(definer), definition_rename_trait,
					 &(NameChange) {name, new_name});
	readers_rewrite(population_of(definer), definition_rename_trait,
					definition_rename_trait, &(NameChange) {name, new_name});
	refresh_view(definer);
	definer_end(definer);
	PG_RETURN_VOID();
}

FilterSource
trait_definition(const char *name, char *text)
{
	if (text == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the definition of trait \"%s\" must be given", name),
				 errhint("For example 'sum(orders.amount)'.")));
	return filter_source_parse_definition(text);
}

void
traits_define(Definer *definer, List *wishes, bool replace)
{
	const Population *population = population_of(definer);
	Affected	affected = {.view = true};
	Concerned	concerned = {NIL, NIL};
	bool		settle = false;
	ListCell   *lc;

	/* errors are raised before any session has to wait */
	foreach(lc, wishes)
	{
		const TraitWish *wish = lfirst(lc);

		trait_check(population, &wish->definition);
		affected.columns |= changes_columns(population, wish, replace);
		find_concerned(population, wish, replace, &concerned);
		settle |= trait_store_widens(population, wish->definition.tree);
	}
	settle |= concerned.audiences != NIL;
	affected.members = settle;
	definer_lock(definer, &affected);

	concerned.traits = trait_binding(population_of(definer), concerned.traits);
	if (settle)
	{
		List	   *sound = audience_binding(population_of(definer),
											 concerned.audiences);

		lock_and_settle(definer, concerned.audiences);
		store_wishes(definer, wishes, replace, concerned.traits);
		if (concerned.audiences != NIL)
			follow_change(definer, concerned.audiences, sound, false);
	}
	else
		store_wishes(definer, wishes, replace, concerned.traits);
}

/*
 * store_wishes() stores traits and what they need, computes that in one pass
 * over each source, and lets the view show the traits.  The traits 'sound'
 * (names, char *) must bind afterwards.
 */
static void
store_wishes(Definer *definer, List *wishes, bool replace, List *sound)
{
	List	   *stored = NIL;
	ListCell   *lc;
	ListCell   *name;

	foreach(lc, wishes)
	{
		const TraitWish *wish = lfirst(lc);

		foreach(name, trait_define(population_of(definer), wish->name,
								   &wish->definition, wish->description,
								   replace))
			stored = names_add(stored, lfirst(name));
	}
	backfill_traits(population_of(definer), stored);
	trait_must_bind(population_of(definer), sound);
	refresh_view(definer);
}

/*
 * find_concerned() adds what is made of a trait that is given a definition.
 * If what the definition needs is stored anew, as its source has changed, that
 * may be any trait or audience.
 */
static void
find_concerned(const Population *population, const TraitWish *wish,
			   bool replace, Concerned *concerned)
{
	if (trait_store_changes(population, wish->definition.tree))
	{
		concerned->traits = list_copy(trait_names(population));
		concerned->audiences = all_audiences(population);
	}
	else if (replace)
	{
		concerned->traits = dependent_traits(population, wish->name);
		concerned->audiences = dependent_audiences(population, THING_TRAIT,
												   wish->name);
	}
}

/*
 * changes_columns() says whether stored traits come or go if a trait is given
 * a definition: some that it needs are missing, or only the old one needs
 * some.
 */
static bool
changes_columns(const Population *population, const TraitWish *wish,
				bool replace)
{
	if (trait_sources_missing(population, &wish->definition) != NIL)
		return true;
	return replace &&
		trait_sources_used(population,
						   trait_by_name(population,
										 wish->name)->definition) != NIL;
}

static void
check_exists(const Population *population, const char *name)
{
	if (trait_by_name(population, name) == NULL)
		refuse_unknown_trait(population, name);
}

static Oid
type_of(Definer *definer, const char *name)
{
	const Population *population = population_of(definer);

	return trait_type(population, trait_by_name(population, name));
}

void
drop_trait(Definer *definer, const char *name, bool asked)
{
	List	   *traits = trait_users(population_of(definer), name);
	List	   *audiences = audience_users_of_trait(population_of(definer),
													name);
	char	   *copy = pstrdup(name);

	check_stack_depth();
	drop_readers(definer, traits, audiences);
	if (!asked)
		ereport(NOTICE, (errmsg("drop cascades to trait \"%s\"", copy)));
	readers_lose(population_of(definer),
				 &(ReadThing) {.trait = copy,
							  .except = definer->unkept});
	trait_forget(population_of(definer), copy);
	refresh_view(definer);
}

void
drop_readers(Definer *definer, List *traits, List *audiences)
{
	ListCell   *lc;

	if (audiences != NIL)
		lock_and_settle(definer, audiences);
	foreach(lc, audiences)
		if (audience_by_name(population_of(definer), lfirst(lc)) != NULL)
			drop_audience(definer, lfirst(lc), false);
	foreach(lc, traits)
		if (trait_by_name(population_of(definer), lfirst(lc)) != NULL)
			drop_trait(definer, lfirst(lc), false);
}

void
refuse_trait_keys(const Population *population, const char *trait,
				  const char *new_name)
{
	const char *where = NULL;
	ListCell   *lc;

	foreach(lc, trait_list(population))
	{
		const Trait *one = lfirst(lc);

		if (definition_has_keys_of(one->definition, trait))
			where = psprintf("trait \"%s\"", one->name);
	}
	foreach(lc, audience_list(population))
	{
		const Audience *one = lfirst(lc);

		if (definition_has_keys_of(audience_filter(one), trait))
			where = psprintf("audience \"%s\"", one->name);
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
