/*-------------------------------------------------------------------------
 *
 * define.c
 *	  Definitions that touch several rooms: in which order?
 *
 *		attach_source	source_attach ─► count the rows that are there
 *		create_trait	trait_define ─► fill what is new ─► trait_refresh
 *		drop_trait		who uses it? ─► trait_forget ─► trait_refresh
 *		drop_population	audiences ─► traits ─► sources ─► the population
 *
 * A thing in use is not dropped: the error lists its users, unless cascade
 * asks to drop them too.
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
#include "flow/flow.h"
#include "trait/trait.h"

SEGMENT_FUNCTION(segment_attach_source);
SEGMENT_FUNCTION(segment_detach_source);
SEGMENT_FUNCTION(segment_create_trait);
SEGMENT_FUNCTION(segment_alter_trait);
SEGMENT_FUNCTION(segment_drop_trait);
SEGMENT_FUNCTION(segment_drop_population);

static const Population *population_argument(FunctionCallInfo fcinfo, int argument);
static char *name_argument(FunctionCallInfo fcinfo, int argument, const char *what);
static char *text_argument(FunctionCallInfo fcinfo, int argument);
static const Population *again(const Population *population);
static void drop_trait(const Population *population, const char *name, bool cascade);
static void drop_audience(const Population *population, const char *name);
static void refuse_users(const char *kind, const char *name,
						 List *traits, List *audiences);
static void unknown_trait(const Population *population, const char *name) pg_attribute_noreturn();

/*
 * attach_source(source regclass, key, at, population, name)
 */
Datum
segment_attach_source(PG_FUNCTION_ARGS)
{
	const Population *population = population_definer(population_argument(fcinfo, 3));
	const Source *source;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the table to attach must be given")));

	SPI_connect();
	source = source_attach(population, PG_GETARG_OID(0),
						   PG_ARGISNULL(1) ? NULL : NameStr(*PG_GETARG_NAME(1)),
						   PG_ARGISNULL(2) ? NULL : NameStr(*PG_GETARG_NAME(2)),
						   PG_ARGISNULL(4) ? NULL : NameStr(*PG_GETARG_NAME(4)));
	backfill_attach(source);
	SPI_finish();
	PG_RETURN_VOID();
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
	const Source *source;
	List	   *users;
	ListCell   *lc;

	population = population_definer(population);
	source = source_by_name(population, name);
	if (source == NULL)
	{
		const char *nearest = nearest_name(name, source_names(population));

		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("source \"%s\" does not exist in population \"%s\"",
						name, population->name),
				 nearest ? errhint("Perhaps you meant \"%s\".", nearest) : 0));
	}

	SPI_connect();
	users = trait_users_of_source(population, name);
	if (users != NIL && !cascade)
		refuse_users("source", name, users, NIL);
	foreach(lc, users)
	{
		population = again(population);
		if (trait_by_name(population, lfirst(lc)) != NULL)
			drop_trait(population, lfirst(lc), true);
	}
	population = again(population);

	/* no writer may be on its way while its rows are taken back */
	source = source_by_name(population, name);
	if (source->missing == NULL)
	{
		LockRelationOid(source->relid, ShareRowExclusiveLock);
		backfill_detach(source);
		source_detach(source);
	}
	else
	{
		/* which rows were whose cannot be asked any more: count the others */
		source_detach(source);
		backfill_all(again(population));
	}
	SPI_finish();
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
	const Population *population = population_definer(population_argument(fcinfo, 2));
	List	   *stored;
	Oid			type;

	if (definition == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the definition of trait \"%s\" must be given", name),
				 errhint("For example 'sum(orders.amount)'.")));

	SPI_connect();
	stored = trait_define(population, name, definition, text_argument(fcinfo, 3), false);
	population = again(population);
	backfill_traits(population, stored);
	trait_refresh(population);
	population = again(population);
	type = trait_type(population, trait_by_name(population, name));
	SPI_finish();
	PG_RETURN_OID(type);
}

/*
 * alter_trait(name, definition, population, description) -> its type
 *
 * Traits and audiences that use it must bind to the new definition too.
 */
Datum
segment_alter_trait(PG_FUNCTION_ARGS)
{
	char	   *name = name_argument(fcinfo, 0, "trait");
	char	   *definition = text_argument(fcinfo, 1);
	const Population *population = population_argument(fcinfo, 2);
	const Trait *trait;
	List	   *stored;
	Oid			type;

	population = population_definer(population);
	trait = trait_by_name(population, name);
	if (trait == NULL)
		unknown_trait(population, name);

	SPI_connect();
	stored = trait_define(population, name,
						  definition ? definition : trait->text,
						  text_argument(fcinfo, 3), true);
	population = again(population);
	backfill_traits(population, stored);
	trait_refresh(population);
	population = again(population);
	audience_check(population);
	type = trait_type(population, trait_by_name(population, name));
	SPI_finish();
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

	population = population_definer(population);
	if (trait_by_name(population, name) == NULL)
		unknown_trait(population, name);

	SPI_connect();
	drop_trait(population, name, !PG_ARGISNULL(2) && PG_GETARG_BOOL(2));
	SPI_finish();
	PG_RETURN_VOID();
}

/*
 * drop_population(name, cascade)
 */
Datum
segment_drop_population(PG_FUNCTION_ARGS)
{
	const Population *population =
		population_by_name(name_argument(fcinfo, 0, "population"));
	bool		cascade = !PG_ARGISNULL(1) && PG_GETARG_BOOL(1);
	List	   *sources;
	ListCell   *lc;

	population = population_definer(population);
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

	SPI_connect();
	foreach(lc, sources)
	{
		const Source *source = source_by_name(population, lfirst(lc));

		if (source->missing == NULL)
			LockRelationOid(source->relid, ShareRowExclusiveLock);
	}
	while (audience_list(population) != NIL)
	{
		drop_audience(population, ((Audience *) linitial(audience_list(population)))->name);
		population = again(population);
	}
	while (trait_list(population) != NIL)
	{
		drop_trait(population, ((Trait *) llast(trait_list(population)))->name, true);
		population = again(population);
	}
	foreach(lc, sources)
	{
		source_detach(source_by_name(population, lfirst(lc)));
		population = again(population);
	}
	population_drop(population);
	SPI_finish();
	PG_RETURN_VOID();
}

static const Population *
population_argument(FunctionCallInfo fcinfo, int argument)
{
	return population_by_name(PG_ARGISNULL(argument) ? NULL :
							  NameStr(*PG_GETARG_NAME(argument)));
}

static char *
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

/* The population as the changes made so far left it. */
static const Population *
again(const Population *population)
{
	char	   *name = pstrdup(population->name);

	CommandCounterIncrement();
	return population_by_name(name);
}

/* Drop a trait, and with cascade whatever mentions it, users first. */
static void
drop_trait(const Population *population, const char *name, bool cascade)
{
	List	   *traits = trait_users(population, name);
	List	   *audiences = audience_users_of_trait(population, name);
	char	   *copy = pstrdup(name);
	ListCell   *lc;

	check_stack_depth();
	if (!cascade && (traits != NIL || audiences != NIL))
		refuse_users("trait", name, traits, audiences);

	foreach(lc, audiences)
	{
		population = again(population);
		if (audience_by_name(population, lfirst(lc)) != NULL)
			drop_audience(population, lfirst(lc));
	}
	foreach(lc, traits)
	{
		population = again(population);
		if (trait_by_name(population, lfirst(lc)) != NULL)
			drop_trait(population, lfirst(lc), true);
	}

	population = again(population);
	trait_forget(population, copy);
	population = again(population);
	trait_refresh(population);
}

/* Drop an audience and those that are made of it. */
static void
drop_audience(const Population *population, const char *name)
{
	char	   *copy = pstrdup(name);
	ListCell   *lc;

	check_stack_depth();
	foreach(lc, audience_users_of_audience(population, name))
	{
		population = again(population);
		if (audience_by_name(population, lfirst(lc)) != NULL)
			drop_audience(population, lfirst(lc));
	}
	population = again(population);
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

static void
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
			 nearest ? errhint("Perhaps you meant \"%s\".", nearest) : 0));
}
