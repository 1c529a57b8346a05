/*-------------------------------------------------------------------------
 *
 * define_source.c
 *	  A table begins or ceases to feed a population, or is called differently.
 *
 *		attach_source('orders')		triggers ─► rows that are there make
 *									profiles ─► members are decided
 *		detach_source('orders')		what reads it is dropped ─► its rows no
 *									longer count ─► members are decided ─►
 *									profiles without rows go
 *		rename_source('orders', 'sales')
 *									its triggers, and the definitions that
 *									mention it; nothing is computed anew
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"

#include "audience/audience.h"
#include "base/base.h"
#include "flow/readers.h"
#include "profile/profile.h"
#include "flow/definer.h"
#include "flow/depend.h"
#include "flow/flow_private.h"
#include "flow/readings.h"
#include "trait/trait.h"

SEGMENT_FUNCTION(segment_attach_source);
SEGMENT_FUNCTION(segment_attach_source_text);
SEGMENT_FUNCTION(segment_detach_source);
SEGMENT_FUNCTION(segment_rename_source);

static void count_rows(Definer *definer, const char *name);
static void check_unkept(const Population *population, const char *name);
static void stop_counting(Definer *definer, const char *name);
static void check_exists(const Population *population, const char *name);

/*
 * attach_source(source regclass, key, at, population, name, filter,
 *				 replicated, through, link, look_up)
 */
Datum
segment_attach_source(PG_FUNCTION_ARGS)
{
	Definer    *definer = definer_begin_as_user(population_argument(fcinfo, 3),
												"attach_source");
	const Source *source;
	char	   *name;
	Affected	affected = {.members = true};
	SourceRequest request = {
		.key = optional_name_argument(fcinfo, 1),
		.at = optional_name_argument(fcinfo, 2),
		.name = optional_name_argument(fcinfo, 4),
		.replicated = flag_argument(fcinfo, 6),
		.through = optional_name_argument(fcinfo, 7),
		.link = text_argument(fcinfo, 8),
		.look_up = PG_ARGISNULL(9) ? (Datum) 0 : PG_GETARG_DATUM(9),
	};
	FilterSource filter;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the table to attach must be given")));

	request.relid = affected.attached = PG_GETARG_OID(0);
	affected.columns = request.through != NULL || request.look_up != (Datum) 0;
	if (!PG_ARGISNULL(5))
	{
		filter = filter_source_unpack(PG_GETARG_FILTER_PP(5));
		request.filter = &filter;
	}
	source_check_rights(population_of(definer), affected.attached);
	affected.columns |=
		tables_concern_most(population_of(definer),
							source_tree(affected.attached, NoLock));
	definer_lock(definer, &affected);
	/* the triggers are the user's right, or not */
	source = source_attach(population_of(definer), &request);
	definer_act(definer);
	lock_and_settle(definer, NIL);
	source = source_by_name(population_of(definer), source->name);
	name = pstrdup(source->name);
	backfill_attach(source);
	if (source->nlinks > 0)
		count_rows(definer, name);
	members_decide(population_of(definer), NIL, CAUSE_EDIT);
	definer_end(definer);
	PG_RETURN_VOID();
}

/*
 * count_rows() stores for each profile how many rows of a source with links it
 * has.
 */
static void
count_rows(Definer *definer, const char *name)
{
	FilterSource count =
		trait_count_of(source_by_name(population_of(definer), name));
	List	   *stored = trait_store(population_of(definer), &count);

	backfill_traits(population_of(definer), stored);
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
	Definer    *definer = definer_begin(population_argument(fcinfo, 1),
										"detach_source");
	const Population *population = population_of(definer);
	List	   *traits;
	List	   *audiences;
	List	   *others;

	check_exists(population, name);
	check_unkept(population, name);
	source_check_not_parent(source_by_name(population, name));
	traits = trait_users_of_source(population, name);
	audiences = audience_users_of_source(population, name);
	others = readers_names(population, &(ReadThing) {.source = name});
	if ((traits != NIL || audiences != NIL || others != NIL) &&
		!flag_argument(fcinfo, 2))
		refuse_users("source", name, traits, audiences, others);
	sources_detach(definer, list_make1(name), NIL);
	definer_end(definer);
	PG_RETURN_VOID();
}

void
sources_detach(Definer *definer, List *names, List *own)
{
	const Population *population = population_of(definer);
	Affected	affected = {.members = true, .triggers = names};
	List	   *traits = NIL;
	List	   *audiences = NIL;
	ListCell   *lc;
	ListCell   *user;

	foreach(lc, names)
	{
		const char *name = lfirst(lc);

		foreach(user, trait_users_of_source(population, name))
			if (!names_contain(own, lfirst(user)))
				traits = names_add(traits, lfirst(user));
		foreach(user, audience_users_of_source(population, name))
			audiences = names_add(audiences, lfirst(user));
		foreach(user, dependent_audiences(population, THING_SOURCE, name))
			affected.audiences = names_add(affected.audiences, lfirst(user));
		affected.columns |= source_by_name(population, name)->nlinks > 0;
	}
	affected.columns |= traits != NIL || audiences != NIL || own != NIL;
	definer_lock(definer, &affected);

	foreach(lc, names)
		readers_lose(population_of(definer),
					 &(ReadThing) {.source = lfirst(lc),
								  .except = definer->unkept});
	drop_readers(definer, traits, audiences);
	foreach(lc, own)
		if (trait_by_name(population_of(definer), lfirst(lc)) != NULL)
			drop_trait(definer, lfirst(lc), true);
	drop_unneeded(definer);
	foreach(lc, names)
		stop_counting(definer, lfirst(lc));
	drop_unneeded(definer);
	members_decide(population_of(definer), NIL, CAUSE_EDIT);
	backfill_remove_ended(population_of(definer));
}

/*
 * stop_counting() detaches a source, and takes its rows out of the profiles.
 * Which rows an unfit source has cannot be asked any more: then the rows of
 * all other sources are counted again.
 */
static void
stop_counting(Definer *definer, const char *name)
{
	const Source *source = source_by_name(population_of(definer), name);

	if (source->missing == NULL && source_condition_error(source) == NULL)
	{
		lock_and_settle(definer, NIL);
		source = source_by_name(population_of(definer), name);
		backfill_detach(source);
		source_detach(source);
	}
	else
	{
		source_detach(source);
		lock_and_settle(definer, NIL);
		backfill_all(population_of(definer), true);
	}
}

/*
 * rename_source(name, new_name, population)
 */
Datum
segment_rename_source(PG_FUNCTION_ARGS)
{
	char	   *name = name_argument(fcinfo, 0, "source");
	char	   *new_name = name_argument(fcinfo, 1, "source");
	Definer    *definer = definer_begin(population_argument(fcinfo, 2),
										"rename_source");
	Affected	affected = {.view = true};

	check_exists(population_of(definer), name);
	check_unkept(population_of(definer), name);
	source_check_name(population_of(definer), new_name);
	refuse_trait_keys(population_of(definer), new_name, new_name);

	affected.triggers = list_make1(name);
	definer_lock(definer, &affected);
	source_rename(source_by_name(population_of(definer), name), new_name);
	trait_rename_source(population_of(definer), name, new_name);
	audience_rewrite(population_of(definer), definition_rename_source,
					 &(NameChange) {name, new_name});
	readers_rewrite(population_of(definer), definition_rename_source,
					definition_rename_source,
					&(NameChange) {name, new_name});
	refresh_view(definer);
	definer_end(definer);
	PG_RETURN_VOID();
}

static void
check_exists(const Population *population, const char *name)
{
	if (source_by_name(population, name) == NULL)
		refuse_unknown_source(population, name);
}

/*
 * check_unkept() refuses to detach or rename a source whose table a room to
 * the right keeps: that room writes it under the source's name.
 */
static void
check_unkept(const Population *population, const char *name)
{
	const Source *source = source_by_name(population, name);

	if (source_is_kept(source))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("source \"%s\" is kept by extension \"segment\"",
						name),
				 errdetail("Its rows are those of a loyalty program."),
				 errhint("Drop the program with segment.drop_program().")));
}
