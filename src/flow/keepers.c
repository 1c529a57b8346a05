/*-------------------------------------------------------------------------
 *
 * keepers.c
 *	  For what does a room to the right need a table?
 *
 *		segment_data.profile_club_lot	program "club" of population "profile"
 *
 * So the guard can refuse to take it away, or to make another one of it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "flow/flow.h"

/* Set once, when the library is loaded; NULL if no room keeps tables. */
static const FlowKeeper *keeper = NULL;

void
flow_register_keeper(const FlowKeeper *registered)
{
	Assert(keeper == NULL);
	keeper = registered;
}

char *
flow_keeper(Oid relid, const char **instead)
{
	return keeper == NULL ? NULL : keeper->keeps(relid, instead);
}

void
flow_keeper_check(Oid relid)
{
	if (keeper != NULL)
		keeper->check(relid);
}
