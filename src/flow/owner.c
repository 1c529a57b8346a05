/*-------------------------------------------------------------------------
 *
 * owner.c
 *	  A population is its base table's owner's, with all that is kept for it.
 *
 *		ALTER VIEW profile OWNER TO ada		the base table, members, audiences
 *											and ledgers are ada's, too
 *		ALTER TABLE segment_data.profile OWNER TO ada
 *											the same
 *		ALTER VIEW vip OWNER TO ada			refused: it is a part
 *
 * What is written to these tables is written as that owner, so one of them
 * that were another role's would stop events.  Whoever gives a population away
 * owns it, and could give away each of its parts; that the new owner may have
 * it, was checked by the statement.
 *
 * REASSIGN OWNED gives all of it, and fires no event trigger.  What was given
 * where none fires, rebuild() takes along.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "audience/audience.h"
#include "base/base.h"
#include "flow/build.h"
#include "flow/flow.h"
#include "flow/flow_private.h"
#include "profile/profile.h"

static bool is_given(const Population *population, Oid relid);
static List *parts_of(const Population *population);
static void warn_of_sources(const Population *population, Oid relid);

void
flow_follow_owner(Oid relid)
{
	ListCell   *lc;

	foreach(lc, population_names())
	{
		const Population *population = population_find(lfirst(lc));

		if (population == NULL || !is_given(population, relid))
			continue;
		parts_follow_owner(population);
		warn_of_sources(population_by_name(lfirst(lc)), InvalidOid);
	}
}

/*
 * is_given() says whether a population has got another owner, with its base
 * table or its view; an error if another part of it has.
 */
static bool
is_given(const Population *population, Oid relid)
{
	Oid			owner = relation_owner(relid);

	if (relid == population->oid)
		return true;
	if (relid == population->view)
	{
		population_check_owner(population);
		if (relation_owner(population->oid) != owner)
			catalog_hand_over(population->oid, owner);
		return true;
	}
	if (owner != relation_owner(population->oid) &&
		list_member_oid(parts_of(population), relid))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("%s belongs to the owner of population \"%s\"",
						relation_name(relid), population->name),
				 errhint("Give the population away, and it goes along: ALTER VIEW %s OWNER TO %s",
						 population_view_name(population),
						 quote_identifier(GetUserNameFromId(owner, false)))));
	return false;
}

/* parts_of() lists what else is a population's: relations (OIDs). */
static List *
parts_of(const Population *population)
{
	List	   *parts = list_make2_oid(population->view,
									   build_staging_table(population));
	ListCell   *lc;

	parts = list_concat(parts, membership_relations(population));
	foreach(lc, audience_list(population))
		parts = lappend_oid(parts, ((const Audience *) lfirst(lc))->view);
	return list_concat(parts, flow_keeper_tables(population));
}

void
parts_follow_owner(const Population *population)
{
	Oid			owner = relation_owner(population->oid);
	ListCell   *lc;

	foreach(lc, parts_of(population))
		if (get_rel_relkind(lfirst_oid(lc)) != '\0' &&
			relation_owner(lfirst_oid(lc)) != owner)
			catalog_hand_over(lfirst_oid(lc), owner);
}

void
flow_warn_hidden(Oid relid)
{
	ListCell   *lc;

	foreach(lc, source_populations(relid))
	{
		const Population *population = population_find(lfirst(lc));

		if (population != NULL)
			warn_of_sources(population, relid);
	}
}

/*
 * warn_of_sources() warns if the owner of a population may not read all of its
 * sources, or of those that are made of a table.
 */
static void
warn_of_sources(const Population *population, Oid relid)
{
	ListCell   *lc;

	foreach(lc, source_names(population))
	{
		const Source *source = source_by_name(population, lfirst(lc));

		if (source->missing == NULL &&
			(!OidIsValid(relid) || source_is_made_of(source, relid)))
			source_warn_hidden(source);
	}
}
