/*-------------------------------------------------------------------------
 *
 * build_members.c
 *	  Steps on the way to the members of an audience, beside writers.
 *
 *		build_settle		what is due and pending is swept and folded, so
 *							that little of it is left when writers wait
 *		... the audience is defined ...
 *		build_note_times	profiles wake up early enough for it
 *		build_begin_deciding	folds wait from here on: who is a member?
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "audience/audience.h"
#include "base/base.h"
#include "flow/build.h"
#include "flow/definer.h"
#include "flow/flow.h"
#include "flow/flow_private.h"
#include "flow/visit.h"
#include "profile/profile.h"

/*
 * So many profiles at most are swept, and so many ords noted, by a portion:
 * events wait for their rows.
 */
#define SWEPT_AT_ONCE	250
#define LEAST_NOTED		16
#define MOST_NOTED		256

/* The profiles with after < ord <= upto. */
typedef struct Range
{
	int64		after;
	int64		upto;
	int64		locked;			/* one of them that others have locked, or 0 */
} Range;

static List *note_all(const Build *build, int64 highest);
static void note_range(const Build *build, Range *range, int64 done);
static bool note_profile(Visitor *visitor, Datum key);

void
build_settle(const Build *build)
{
	TimestampTz from = DT_NOBEGIN;
	int64		folded;
	int64		trimmed;

	while (!TIMESTAMP_IS_NOEND(from))
	{
		build_begin_portion();
		(void) flow_sweep_population(build->population, SWEPT_AT_ONCE,
									 BUILD_PORTION_TIME, &from);
		build_end_portion();
	}
	(void) flow_fold_population(build->population, 0, 0, &folded,
								&trimmed);
	build_commit();
}

void
build_note_times(const Build *build, const char *audience)
{
	const Population *population = population_by_name(build->population);
	List	   *ranges = NIL;
	int64		highest;

	if (!audience_by_name(population, audience)->time_dependent)
		return;
	highest = highest_ord(population);
	build_note_phase(population, BUILD_TIMES, highest);
	ranges = note_all(build, highest);
	while (ranges != NIL)
	{
		List	   *again = NIL;
		ListCell   *lc;

		/* wait for one, and hold no other meanwhile */
		population = population_by_name(build->population);
		population_select(population,
						  psprintf("SELECT FROM %s WHERE ord = " INT64_FORMAT
								   " FOR NO KEY UPDATE",
								   population_base_name(population),
								   ((Range *) linitial(ranges))->locked));
		build_commit();
		foreach(lc, ranges)
		{
			Range	   *range = lfirst(lc);

			note_range(build, range, highest);
			if (range->locked != 0)
				again = lappend(again, range);
		}
		ranges = again;
	}
}

/*
 * note_all() does so for all profiles, but for those that others have locked:
 * returns the ranges that have such.
 */
static List *
note_all(const Build *build, int64 highest)
{
	List	   *ranges = NIL;
	int64		after = 0;
	int			size = LEAST_NOTED;

	while (after < highest)
	{
		TimestampTz begun = GetCurrentTimestamp();
		Range	   *range = palloc(sizeof(Range));

		range->after = after;
		range->upto = Min(after + size, highest);
		note_range(build, range, range->upto);
		after = range->upto;
		if (range->locked != 0)
			ranges = lappend(ranges, range);
		else
			pfree(range);
		size = build_portion_size(size, begun, LEAST_NOTED, MOST_NOTED);
	}
	return ranges;
}

/* note_range() does so for a range, in a portion: so many are done then. */
static void
note_range(const Build *build, Range *range, int64 done)
{
	const Population *population;
	char	   *rows;
	Visitor		visitor;
	Datum	   *keys;
	uint64		count;
	bool		earlier = false;

	CHECK_FOR_INTERRUPTS();
	build_begin_portion();
	population = population_by_name(build->population);
	rows = psprintf("%s AS me WHERE me.ord > " INT64_FORMAT
					" AND me.ord <= " INT64_FORMAT,
					population_base_name(population), range->after,
					range->upto);
	population_select(population,
					  psprintf("SELECT me.%s FROM %s"
							   " FOR NO KEY UPDATE SKIP LOCKED",
							   quote_identifier(population->key), rows));
	count = SPI_processed;
	keys = palloc(sizeof(Datum) * Max(count, 1));
	for (uint64 i = 0; i < count; i++)
	{
		bool		isnull;

		keys[i] = profile_key_copy(population,
								   SPI_getbinval(SPI_tuptable->vals[i],
												 SPI_tuptable->tupdesc, 1,
												 &isnull));
	}
	population_select(population,
					  psprintf("SELECT min(me.ord) FROM %s AND me.ord"
							   " NOT IN (SELECT ord FROM (SELECT me.ord"
							   " FROM %s FOR NO KEY UPDATE SKIP LOCKED)"
							   " AS mine)", rows, rows));
	range->locked = result_number(1);

	visit_begin(&visitor, population);
	for (uint64 i = 0; i < count; i++)
	{
		visit_enter(&visitor, keys[i]);
		earlier |= note_profile(&visitor, keys[i]);
		visit_leave(&visitor);
	}
	(void) visit_end(&visitor);
	if (earlier)
		flow_note_pending();
	build_note_done(population_by_name(build->population), done);
	build_end_portion();
}

/*
 * note_profile() gives a profile, which is locked, an earlier wake_at if it
 * needs one: returns whether it does.
 */
static bool
note_profile(Visitor *visitor, Datum key)
{
	const Population *population = visitor->population;
	TupleTableSlot *row = profile_lock(visitor->table, key);
	TimestampTz before;
	TimestampTz wake_at;
	TimestampTz at;

	if (row == NULL || visitor->audiences == NULL)
		return false;
	before = profile_wake_at(population, row);
	at = Max(profile_evaluated_at(population, row),
			 audience_decided_at(visitor->audiences));
	wake_at = audience_wake_at(visitor->audiences, row, at, before, false);
	if (wake_at >= before)
		return false;
	profile_set_wake_at(population, profile_edit(visitor->table), wake_at);
	profile_update(visitor->table);
	return true;
}

Definer *
build_begin_deciding(const Build *build)
{
	Definer    *definer;

	build_note_phase(population_by_name(build->population), BUILD_DECIDING, 0);
	build_commit();

	definer = definer_begin_build(population_by_name(build->population),
								  build->command);
	membership_lock(population_of(definer));
	fold_all(population_of(definer), false);
	return definer;
}
