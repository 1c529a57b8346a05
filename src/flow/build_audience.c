/*-------------------------------------------------------------------------
 *
 * build_audience.c
 *	  An audience that is created beside readers and writers.
 *
 *		CALL segment.create_audience_concurrently('vip',
 *												  'sum(orders.amount) > 500');
 *
 *		build_begin		what the filter counts is filled: sum(orders.amount)
 *		define			the audience is there; writers wait for a moment.  From
 *						here on they write toggles, and questions evaluate the
 *						filter
 *		note_times		if time changes the filter: the wake_at that it needs,
 *						profile by profile
 *		decide			one scan of the base table ─► chunks, and the feed
 *
 * What is decided is as of the instant of the definition.  Nobody waits for
 * the scan but folds: see audience/decide.c.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "audience/audience.h"
#include "base/base.h"
#include "flow/build.h"
#include "flow/definer.h"
#include "flow/flow.h"
#include "flow/flow_private.h"
#include "flow/visit.h"
#include "profile/profile.h"
#include "trait/trait.h"

SEGMENT_FUNCTION(segment_create_audience_concurrently);

/* So many profiles are swept, and so many ords noted, by one transaction. */
#define SWEPT_AT_ONCE	500
#define NOTED_AT_ONCE	1000

/* An audience that a user wants. */
typedef struct AudienceWish
{
	char	   *name;
	FilterSource filter;
	bool		view;
	char	   *description;	/* or NULL */
} AudienceWish;

/* The profiles with after < ord <= after + NOTED_AT_ONCE. */
typedef struct Range
{
	int64		after;
	int64		locked;			/* one of them that others have locked, or 0 */
} Range;

static void rehearse_audience(Definer *definer, const Build *build);
static void settle_beforehand(const Build *build);
static bool define_audience(const Build *build);
static void note_times(const Build *build);
static void note_range(const Build *build, Range *range);
static bool note_profile(Visitor *visitor, Datum key);
static void decide(const Build *build);

/*
 * CALL create_audience_concurrently(name, filter, population, view,
 * description)
 */
Datum
segment_create_audience_concurrently(PG_FUNCTION_ARGS)
{
	AudienceWish wish = {.view = PG_ARGISNULL(3) || PG_GETARG_BOOL(3)};
	Build		build = {
		.command = "create_audience_concurrently",
		.rehearse = rehearse_audience,
		.wanted = &wish,
	};

	build_check_no_block(fcinfo, build.command, "create_audience");
	SPI_connect_ext(SPI_OPT_NONATOMIC);
	wish.name = name_argument(fcinfo, 0, "audience");
	wish.description = text_argument(fcinfo, 4);
	if (wish.description != NULL && wish.description[0] == '\0')
		wish.description = NULL;
	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the filter of audience \"%s\" must be given",
						wish.name),
				 errhint("For example 'total_spend > 500'.")));
	wish.filter = filter_source_unpack(PG_GETARG_FILTER_PP(1));
	build.population = pstrdup(population_argument(fcinfo, 2)->name);
	build.definitions = list_make1(&wish.filter);
	build.request = psprintf("audience \"%s\" as %s", wish.name,
							 filter_print(wish.filter.tree));

	build_begin(&build);
	settle_beforehand(&build);
	if (define_audience(&build))
	{
		note_times(&build);
		decide(&build);
	}
	build_end(&build);
	SPI_finish();
	PG_RETURN_VOID();
}

/* rehearse_audience() finds out what is wrong with the audience. */
static void
rehearse_audience(Definer *definer, const Build *build)
{
	const AudienceWish *wish = build->wanted;

	(void) trait_store(population_of(definer), &wish->filter);
	audience_check(population_of(definer), wish->name, &wish->filter, true);
}

/*
 * settle_beforehand() sweeps and folds what is due and pending, by short
 * transactions, so that little is left to be done while writers wait.
 */
static void
settle_beforehand(const Build *build)
{
	TimestampTz from = DT_NOBEGIN;
	int64		folded;
	int64		trimmed;

	while (!TIMESTAMP_IS_NOEND(from))
	{
		(void) flow_sweep_population(build->population, SWEPT_AT_ONCE, 0,
									 &from);
		build_commit();
	}
	(void) flow_fold_population(build->population, 0, &folded, &trimmed);
	build_commit();
}

/*
 * define_audience() defines the audience, unless that was done before the
 * build was interrupted.  False if no members are to be stored.
 */
static bool
define_audience(const Build *build)
{
	const AudienceWish *wish = build->wanted;
	Definer    *definer =
		definer_begin_build(population_by_name(build->population),
							build->command);
	const Audience *audience = audience_by_name(population_of(definer),
												wish->name);
	bool		stored;

	if (audience == NULL || !audience->building)
	{
		if (wish->view)
			check_schema_name(definer->home);
		if (build->fills)
			trait_filled(population_of(definer));
		definer_lock(definer, &(Affected) {.members = true});
		lock_and_settle(definer, NIL);
		audience_define(population_of(definer), wish->name, &wish->filter,
						wish->description,
						wish->view ? definer->home : NULL);
		stored = audience_by_name(population_of(definer), wish->name)->stored;
		if (stored)
			audience_begin_building(population_of(definer), wish->name,
									clock_now());
		build_drop_staging(population_of(definer));
		build_note(build, stored ? BUILD_COMPLETING : BUILD_DONE);
	}
	else
		stored = audience->stored;
	definer_end(definer);
	build_commit();
	return stored;
}

/* ---- when does time change it? ---- */

/*
 * note_times() gives all profiles a wake_at that is early enough for the
 * audience, if it depends on the clock.  Ranges with profiles that others have
 * locked come again.
 */
static void
note_times(const Build *build)
{
	const AudienceWish *wish = build->wanted;
	const Population *population = population_by_name(build->population);
	List	   *ranges = NIL;
	int64		done = 0;
	int64		highest;

	if (!audience_by_name(population, wish->name)->time_dependent)
		return;
	population_execute(population,
					   psprintf("SELECT max(ord) FROM %s",
								population_base_name(population)));
	highest = result_number(1);
	build_note_phase(population, BUILD_TIMES, highest);
	for (int64 after = 0; after < highest; after += NOTED_AT_ONCE)
	{
		Range	   *range = palloc(sizeof(Range));

		range->after = after;
		ranges = lappend(ranges, range);
	}
	for (;;)
	{
		List	   *again = NIL;
		ListCell   *lc;

		foreach(lc, ranges)
		{
			Range	   *range = lfirst(lc);

			note_range(build, range);
			if (range->locked != 0)
				again = lappend(again, range);
			else
				done += NOTED_AT_ONCE;
			build_note_done(population_by_name(build->population),
							Min(done, highest));
			build_commit();
			CHECK_FOR_INTERRUPTS();
		}
		ranges = again;
		if (ranges == NIL)
			break;
		/* wait for one, and hold no other meanwhile */
		population = population_by_name(build->population);
		population_execute(population,
						   psprintf("SELECT FROM %s WHERE ord = " INT64_FORMAT
									" FOR NO KEY UPDATE",
									population_base_name(population),
									((Range *) linitial(ranges))->locked));
		build_commit();
	}
}

/*
 * note_range() does so for the profiles of a range, but for those that others
 * have locked.
 */
static void
note_range(const Build *build, Range *range)
{
	const Population *population = population_by_name(build->population);
	char	   *rows = psprintf("%s AS me WHERE me.ord > " INT64_FORMAT
								" AND me.ord <= " INT64_FORMAT,
								population_base_name(population),
								range->after, range->after + NOTED_AT_ONCE);
	Visitor		visitor;
	Datum	   *keys;
	uint64		count;
	bool		earlier = false;

	population_execute(population,
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
	population_execute(population,
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
	pfree(keys);
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

/* ---- who is a member? ---- */

/* decide() stores who is a member. */
static void
decide(const Build *build)
{
	const AudienceWish *wish = build->wanted;
	Definer    *definer;

	build_note_phase(population_by_name(build->population), BUILD_DECIDING, 0);
	build_commit();

	definer = definer_begin_build(population_by_name(build->population),
								  build->command);
	membership_lock(population_of(definer));
	fold_all(population_of(definer), false);
	members_decide_beside(population_of(definer), wish->name);
	build_note_phase(population_of(definer), BUILD_DONE, 0);
	definer_end(definer);
}
