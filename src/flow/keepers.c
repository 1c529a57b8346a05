/*-------------------------------------------------------------------------
 *
 * keepers.c
 *	  For what do members, or a room to the right, need a table?
 *
 *		segment_data.profile_toggle		the membership of population "profile"
 *		segment_data.profile_club_lot	program "club" of population "profile"
 *
 * So the guard can refuse to take it away, or to make another one of it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "flow/flow.h"
#include "membership/membership.h"
#include "profile/profile.h"

/* Set once, when the library is loaded; NULL if no room keeps tables. */
static const FlowKeeper *keeper = NULL;

static char *members_kept(Oid relid);

void
flow_register_keeper(const FlowKeeper *registered)
{
	Assert(keeper == NULL);
	keeper = registered;
}

char *
flow_keeper(Oid relid, const char **instead)
{
	char	   *members = members_kept(relid);

	*instead = "Drop the population with segment.drop_population().";
	return members != NULL || keeper == NULL ? members :
		keeper->keeps(relid, instead);
}

/*
 * members_kept() says whose members are kept in a table; NULL: nobody's, or
 * those of a population whose base table is gone.
 */
static char *
members_kept(Oid relid)
{
	ListCell   *lc;

	foreach(lc, population_names())
	{
		const Population *population = population_find(lfirst(lc));

		if (population != NULL &&
			list_member_oid(membership_relations(population), relid))
			return psprintf("the membership of population \"%s\"",
							population->name);
	}
	return NULL;
}

void
flow_keeper_check(Oid relid)
{
	if (keeper != NULL)
		keeper->check(relid);
}

void
flow_keeper_check_uniques(Oid relid, const List *without)
{
	if (keeper != NULL)
		keeper->check_uniques(relid, without);
}

List *
flow_keeper_tables(const Population *population)
{
	return keeper == NULL ? NIL : keeper->tables(population->name);
}
