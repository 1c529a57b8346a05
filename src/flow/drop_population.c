/*-------------------------------------------------------------------------
 *
 * drop_population.c
 *	  A population goes, with all that is defined of it.
 *
 *		SELECT segment.drop_population('profile', cascade => true);
 *
 *		audiences ─► traits ─► sources ─► the feed ─► the population itself
 *
 * A population goes with its base table, too:
 *
 *		DROP TABLE segment_data.profile CASCADE;	or DROP OWNED BY its owner
 *		NOTICE:  drop cascades to population "profile"
 *
 * Definitions would be left otherwise, and triggers on tables that are not the
 * population's owner's, whose writers they would stop.  Where the guard did
 * not see it, they do:
 *
 *		INSERT INTO orders ...				ERROR: the base table of population
 *											"profile" does not exist any more
 *		SELECT segment.drop_population('profile');
 *
 * Nobody owns such a population any more, so the owner of the extension's
 * tables removes it.  Views and members of it that are another role's are left
 * to that role.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"

#include "audience/audience.h"
#include "base/base.h"
#include "feed/feed.h"
#include "profile/profile.h"
#include "flow/build.h"
#include "flow/definer.h"
#include "flow/flow.h"
#include "flow/flow_private.h"
#include "trait/trait.h"

SEGMENT_FUNCTION(segment_drop_population);

static void check_unused(const Population *population);
static void drop_parts(Definer *definer);
static void lock_all(void *base);
static void drop_lost(const Population *population);
static void check_owns_extension(const Population *population);
static void drop_relation(Oid relid);

/*
 * drop_population(name, cascade)
 */
Datum
segment_drop_population(PG_FUNCTION_ARGS)
{
	char	   *name = name_argument(fcinfo, 0, "population");
	const Population *population = population_lost(name);
	Affected	affected = {.everything = true};
	Definer    *definer;

	if (population != NULL)
	{
		check_read_committed("drop_population");
		check_owns_extension(population);
		drop_lost(population);
		PG_RETURN_VOID();
	}
	definer = definer_begin_build(population_by_name(name),
								  "drop_population");
	population = population_of(definer);
	if (!flag_argument(fcinfo, 1))
		check_unused(population);

	affected.audiences = all_audiences(population);
	definer_lock(definer, &affected);
	parts_follow_owner(population_of(definer));
	drop_parts(definer);
	feed_forget(population_of(definer));
	build_drop_staging(population_of(definer));
	build_forget(population_of(definer));
	population_drop(population_of(definer));
	definer_end(definer);
	PG_RETURN_VOID();
}

/* check_unused() refuses a population that has sources or audiences. */
static void
check_unused(const Population *population)
{
	int			sources = list_length(source_names(population));
	int			audiences = list_length(audience_list(population));

	if (sources > 0 || audiences > 0)
		ereport(ERROR,
				(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
				 errmsg("population \"%s\" is in use", population->name),
				 errdetail("It has %d sources, %d traits and %d audiences.",
						   sources, list_length(trait_list(population)),
						   audiences),
				 errhint("Use cascade => true to drop them too; your own tables stay.")));
}

/*
 * drop_parts() drops audiences, traits and sources.  The feed goes too, so no
 * transitions are emitted for the members.
 */
static void
drop_parts(Definer *definer)
{
	ListCell   *lc;

	audience_lock(population_of(definer));
	foreach(lc, all_audiences(population_of(definer)))
		audience_forget(population_of(definer), lfirst(lc));
	membership_drop(population_of(definer));
	trait_forget_all(population_of(definer));
	foreach(lc, source_names(population_of(definer)))
		source_detach(source_by_name(population_of(definer), lfirst(lc)));
	foreach(lc, drop_kept(population_of(definer)))
		population_execute(population_of(definer),
						   psprintf("DROP TABLE %s",
									relation_name(lfirst_oid(lc))));
}

void
population_lock_all(Oid base)
{
	/* what is broken can be dropped, too */
	(void) attempt(lock_all, &base);
}

/*
 * lock_all() locks a population, given the OID of its base table, as
 * drop_population() does; nothing if it is no base table.  An Attempt.
 */
static void
lock_all(void *base)
{
	const Population *population = population_by_relation(*(Oid *) base);
	Affected	affected = {.everything = true};

	if (population != NULL)
		population = population_keep(pstrdup(population->name),
									 ShareUpdateExclusiveLock);
	if (population == NULL)
		return;
	affected.audiences = all_audiences(population);
	lock_affected(population, &affected, false);
}

void
flow_lose_populations(const List *relids)
{
	ListCell   *lc;

	foreach(lc, population_names())
	{
		const Population *population = population_lost(lfirst(lc));

		if (population == NULL || !list_member_oid(relids, population->oid))
			continue;
		ereport(NOTICE,
				(errmsg("drop cascades to population \"%s\"",
						population->name)));
		drop_lost(population);
	}
}

/* drop_lost() removes what is left of a population without a base table. */
static void
drop_lost(const Population *population)
{
	static const char *const definitions[] = {
		"DELETE FROM segment.audience WHERE population = $1",
		"DELETE FROM segment.build WHERE population = $1",
		"DELETE FROM segment.membership WHERE population = $1",
		"DELETE FROM segment.trait WHERE population = $1",
		"DELETE FROM segment.stored_trait WHERE population = $1",
		"DELETE FROM segment.population WHERE population = $1",
	};
	List	   *relations = list_make1_oid(population->view);
	Datum		name = name_datum(population->name);
	ListCell   *lc;

	foreach(lc, audience_list(population))
		relations = lappend_oid(relations, ((Audience *) lfirst(lc))->view);
	relations = list_concat(relations, membership_relations(population));

	SPI_connect();
	foreach(lc, source_names(population))
		source_detach(source_by_name(population, lfirst(lc)));
	relations = list_concat(relations, drop_kept(population));
	feed_forget(population);
	for (int i = 0; i < lengthof(definitions); i++)
		catalog_execute(definitions[i], 1, (Oid[]) {NAMEOID}, &name, NULL);
	foreach(lc, relations)
		drop_relation(lfirst_oid(lc));
	SPI_finish();
}

/*
 * check_owns_extension() raises an error unless the user owns the extension: a
 * population without a base table has no other owner.
 */
static void
check_owns_extension(const Population *population)
{
	if (!object_ownercheck(RelationRelationId, catalog_relation("population"),
						   GetUserId()))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of extension \"segment\" to drop population \"%s\"",
						population->name),
				 errdetail("Its base table does not exist any more, so the "
						   "population has no owner.")));
}

/*
 * drop_relation() drops a view or table, if it is there and the user may; a
 * notice says whose it is otherwise.
 */
static void
drop_relation(Oid relid)
{
	char		kind = get_rel_relkind(relid);

	if (kind != RELKIND_VIEW && kind != RELKIND_RELATION)
		return;
	if (object_ownercheck(RelationRelationId, relid, GetUserId()))
		catalog_execute_as_user(psprintf(kind == RELKIND_VIEW ?
										 "DROP VIEW %s" : "DROP TABLE %s",
										 relation_name(relid)),
								0, NULL, NULL, NULL);
	else
		ereport(NOTICE,
				(errmsg("%s stays: it belongs to role \"%s\"",
						relation_name(relid),
						GetUserNameFromId(relation_owner(relid), false))));
}
