/*-------------------------------------------------------------------------
 *
 * build_abandon.c
 *	  An unfinished build is undone.
 *
 *		SELECT segment.abandon_build();
 *
 *		columns that were being filled		go
 *		audiences that were being built		go; the feed has not shown them
 *		a source that was being attached	goes, and what was counted of it
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "audience/audience.h"
#include "base/base.h"
#include "feed/feed.h"
#include "flow/build.h"
#include "flow/definer.h"
#include "flow/flow_private.h"
#include "profile/profile.h"
#include "source/source.h"
#include "trait/trait.h"

SEGMENT_FUNCTION(segment_abandon_build);

static char *source_being_attached(const Population *population);
static void forget_audiences(Definer *definer, List *names);

/*
 * abandon_build(population) -> was there an unfinished build?  What it has
 * made goes.
 */
Datum
segment_abandon_build(PG_FUNCTION_ARGS)
{
	Definer    *definer = definer_begin_build(population_argument(fcinfo, 0),
											  "abandon_build");
	char	   *request;
	int32		number;
	bool		unfinished = build_find(population_of(definer), &request,
										&number);

	if (unfinished)
	{
		Affected	affected = {.view = true, .columns = true};
		char	   *attached;
		ListCell   *lc;

		foreach(lc, audience_list(population_of(definer)))
		{
			const Audience *audience = lfirst(lc);

			if (audience->building)
				affected.audiences = lappend(affected.audiences,
											 pstrdup(audience->name));
		}
		attached = source_being_attached(population_of(definer));
		if (attached != NULL)
			affected.triggers = list_make1(attached);
		affected.members = affected.audiences != NIL || attached != NULL;
		definer_lock(definer, &affected);
		if (attached != NULL)
			build_forget_attached(definer, attached);
		trait_abandon(population_of(definer));
		forget_audiences(definer, affected.audiences);
		build_drop_staging(population_of(definer));
		build_note_phase(population_of(definer), BUILD_ABANDONED, 0);
	}
	definer_end(definer);
	PG_RETURN_BOOL(unfinished);
}

/* source_being_attached() names the source that a build attaches, or NULL. */
static char *
source_being_attached(const Population *population)
{
	ListCell   *lc;

	foreach(lc, source_names(population))
	{
		const Source *source = source_by_name(population, lfirst(lc));

		if (source != NULL && source->build != 0)
			return lfirst(lc);
	}
	return NULL;
}

/*
 * forget_audiences() drops audiences (names, char *) that are being built: the
 * feed has not shown their members.
 */
static void
forget_audiences(Definer *definer, List *names)
{
	ListCell   *lc;

	if (names == NIL)
		return;
	foreach(lc, names)
	{
		const Population *population = population_of(definer);

		membership_forget(population,
						  audience_by_name(population,
										   lfirst(lc))->definition_id);
		audience_forget(population, lfirst(lc));
	}
	feed_announce(population_of(definer), false);
	drop_unneeded(definer);
}
