/*-------------------------------------------------------------------------
 *
 * rebuild.c
 *	  Compute all that is stored anew, from the rows of the sources.
 *
 *		SELECT segment.rebuild();
 *
 * Needed when verify() has found a difference, after rows were written while
 * capture was off, when a definition that did not bind was mended, or when the
 * view was dropped.  Damaged members and profiles are passed over while what
 * is due and pending is emitted, and computed afterwards.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "audience/audience.h"
#include "profile/profile.h"
#include "flow/definer.h"
#include "flow/flow_private.h"

SEGMENT_FUNCTION(segment_rebuild);

static void follow_tables(Definer *definer);

/*
 * rebuild(population)
 */
Datum
segment_rebuild(PG_FUNCTION_ARGS)
{
	Definer    *definer = definer_begin(population_argument(fcinfo, 0),
										"rebuild");

	parts_follow_owner(population_of(definer));
	backfill_check_sources(population_of(definer), false);
	definer_lock(definer, &(Affected) {.view = true, .members = true,
									   .columns = true});
	audience_lock(population_of(definer));
	/* a change of a type that was undone sends our caches no message */
	audience_compile_anew(population_of(definer));
	audience_suspend(population_of(definer), NIL);
	sweep_all_or_warn(population_of(definer));
	fold_all(population_of(definer), true);
	backfill_all(population_of(definer), false);
	follow_tables(definer);
	audience_resume(population_of(definer));
	members_decide(population_of(definer), NIL, CAUSE_REBUILD);
	backfill_remove_ended(population_of(definer));
	refresh_view(definer);
	definer_end(definer);
	PG_RETURN_VOID();
}

/* follow_tables() takes note of tables that were renamed past us. */
static void
follow_tables(Definer *definer)
{
	ListCell   *lc;

	foreach(lc, source_names(population_of(definer)))
	{
		const Source *source = source_by_name(population_of(definer),
											  lfirst(lc));

		/* one that has followed with another has another name now */
		if (source != NULL && source->missing == NULL)
			follow_table(population_of(definer), source->relid);
	}
}
