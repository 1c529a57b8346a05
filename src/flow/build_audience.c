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
 *		build_note_times	if time changes the filter: the wake_at that it
 *						needs, profile by profile (build_members.c)
 *		decide			one scan of the base table ─► chunks, and the feed
 *
 * What is decided is as of the instant of the definition.  Nobody waits for
 * the scan but folds: see audience/decide.c.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/spi.h"
#include "utils/builtins.h"

#include "audience/audience.h"
#include "base/base.h"
#include "feed/feed.h"
#include "flow/build.h"
#include "flow/definer.h"
#include "flow/flow_private.h"
#include "profile/profile.h"
#include "trait/trait.h"

SEGMENT_FUNCTION(segment_create_audience_concurrently);

/* An audience that a user wants. */
typedef struct AudienceWish
{
	char	   *name;
	FilterSource filter;
	bool		view;
	char	   *description;	/* or NULL */
} AudienceWish;

static void rehearse_audience(Definer *definer, const Build *build);
static bool define_audience(const Build *build);
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
	build_settle(&build);
	if (define_audience(&build))
	{
		build_note_times(&build, wish.name);
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
		{
			audience_begin_building(population_of(definer), wish->name,
									clock_now());
			feed_announce(population_of(definer), true);
		}
		build_drop_staging(population_of(definer));
		build_note(build, stored ? BUILD_COMPLETING : BUILD_DONE);
	}
	else
		stored = audience->stored;
	definer_end(definer);
	build_commit();
	return stored;
}

/* decide() stores who is a member. */
static void
decide(const Build *build)
{
	const AudienceWish *wish = build->wanted;
	Definer    *definer = build_begin_deciding(build);

	members_decide_beside(population_of(definer), wish->name);
	feed_announce(population_of(definer), false);
	build_note_phase(population_of(definer), BUILD_DONE, 0);
	definer_end(definer);
}
