/*-------------------------------------------------------------------------
 *
 * fold.c
 *	  From what happened to what is stored and told: segment.tick().
 *
 *		profiles that are due ─► toggles						(sweep.c)
 *		toggles of many events ─► bitmaps ─► feed ─► NOTIFY		(one transaction)
 *
 * The room of audiences moves toggles into bitmaps and says in which order
 * they happened; the feed writes that down.  Nothing is lost if nobody ever
 * ticks: members are read with what is pending.  Only the feed waits, and
 * what is pending makes reading slower.
 *
 * A definition folds first, so that what happened before it stands before it
 * in the feed.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_class.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "tcop/utility.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"

#include "audience/audience.h"
#include "base/base.h"
#include "feed/feed.h"
#include "flow/flow.h"
#include "flow/flow_private.h"

SEGMENT_FUNCTION(segment_tick);

/*
 * To fold a change costs less than to sweep a profile, which may make several:
 * with a budget, so many are folded for each profile that may be swept.
 */
#define CHANGES_OF_PROFILE	10

/*
 * With a budget, so many toggles are folded at a time.  Picking them takes
 * memory for each, and reads all that are pending.
 */
#define FOLD_BATCH	500000

static void tell(const Transition *change, void *feed);
static void tell_renamed(const Transition *change, void *context);
static int64 fold(const Population *population, int64 budget, bool passing);
static int64 sweep_some(const char *name, int64 budget, TimestampTz *place,
						TimestampTz *left);

/*
 * tick(budget) -> (population, swept, due, folded, pending)
 */
Datum
segment_tick(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	int64		budget = PG_ARGISNULL(0) ? 0 : PG_GETARG_INT64(0);
	ListCell   *lc;

	/* what the table API writes is not refused by itself */
	PreventCommandIfReadOnly("segment.tick()");
	if (!PG_ARGISNULL(0) && budget < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a budget of " INT64_FORMAT " does nothing", budget),
				 errhint("Give a positive number, or nothing for all that is due and pending.")));
	check_read_committed("tick");

	InitMaterializedSRF(fcinfo, 0);
	SPI_connect();
	foreach(lc, population_names())
	{
		const Population *population = population_find(lfirst(lc));
		Datum		values[5];
		bool		isnull[5] = {false};
		TimestampTz from = DT_NOBEGIN;
		TimestampTz *place = &from;
		TimestampTz left;
		int64		swept;
		int64		folded;

		if (population == NULL ||
			!object_ownercheck(RelationRelationId, population->base, GetUserId()))
			continue;
		if (budget == 0)
		{
			swept = sweep_some(population->name, 0, place, &left);
			(void) flow_fold_population(population->name, 0, &folded);
		}
		else
		{
			place = sweep_place(population);
			/* rows that are swept are locked from then on: that comes last */
			(void) flow_fold_population(population->name,
										budget * CHANGES_OF_PROFILE, &folded);
			swept = sweep_some(population->name, budget, place, &left);
		}
		population = population_keep(lfirst(lc), AccessShareLock);
		/* somebody may have dropped it, and made another of its name */
		if (population == NULL ||
			!object_ownercheck(RelationRelationId, population->base, GetUserId()))
			continue;
		values[0] = name_datum(population->name);
		values[1] = Int64GetDatum(swept);
		values[2] = Int64GetDatum(count_due(population, left));
		values[3] = Int64GetDatum(folded);
		values[4] = Int64GetDatum(membership_pending(population, MOST_COUNTED));
		tuplestore_putvalues(result->setResult, result->setDesc, values, isnull);
	}
	SPI_finish();
	return (Datum) 0;
}

/*
 * From the place on; from the first, if there are no more and nothing is locked yet:
 * that may be a long way.  The place is moved to where to go on, and *left to from
 * where those may be who are left.
 */
static int64
sweep_some(const char *name, int64 budget, TimestampTz *place, TimestampTz *left)
{
	TimestampTz from = *place;
	int64		swept = flow_sweep_population(name, budget, 0, &from);

	*left = *place;
	if (swept == 0 && !TIMESTAMP_IS_NOBEGIN(*left))
	{
		*left = from = DT_NOBEGIN;
		swept = flow_sweep_population(name, budget, 0, &from);
	}
	if (TIMESTAMP_IS_NOEND(from))
		from = DT_NOBEGIN;
	else
		*left = from;
	*place = from;
	return swept;
}

int64
flow_sweep_population(const char *name, int64 budget, int milliseconds,
					  TimestampTz *from)
{
	const Population *population = population_find(name);

	/* a definition sweeps by itself */
	if (population == NULL ||
		!ConditionalLockRelationOid(population->base, RowExclusiveLock) ||
		(population = population_find(name)) == NULL)
	{
		*from = DT_NOEND;
		return 0;
	}
	return sweep(population, budget, milliseconds, false, from);
}

bool
flow_fold_population(const char *name, int64 budget, int64 *folded)
{
	const Population *population = population_find(name);
	Actor		before;

	*folded = 0;
	if (population == NULL || !membership_try_lock(population) ||
		(population = population_find(name)) == NULL)
		return false;
	before = act_as_owner(population->base);
	*folded = fold(population, budget, false);
	(void) feed_trim(population);
	act_as_before(before);
	return true;
}

TimestampTz
flow_next_due(const char *name)
{
	const Population *population = population_keep(name, AccessShareLock);

	return population == NULL ? DT_NOEND :
		profile_next_due(population, GetActiveSnapshot());
}

void
fold_all(const Population *population, bool passing)
{
	(void) fold(population, 0, passing);
}

static int64
fold(const Population *population, int64 budget, bool passing)
{
	FeedWriter *feed = feed_open(population);
	int64		folded = 0;

	if (budget == 0)
		folded = audience_fold(population, 0, passing, tell, feed);
	while (folded < budget)
	{
		int64		most = Min(FOLD_BATCH, budget - folded);
		int64		now = audience_fold(population, most, passing, tell, feed);

		folded += now;
		if (now < most)
			break;
	}
	(void) feed_close(feed);
	return folded;
}

void
members_decide(const Population *population, List *names, const char *cause)
{
	FeedWriter *feed = feed_open(population);

	audience_decide(population, names, clock_now(), cause, tell, feed);
	(void) feed_close(feed);
}

void
members_leave(const Population *population, const char *name)
{
	FeedWriter *feed = feed_open(population);

	audience_empty(population, name, clock_now(), tell, feed);
	(void) feed_close(feed);
}

/* What an audience is called from now on, and where that is told. */
typedef struct Renamed
{
	const char *name;
	FeedWriter *feed;
} Renamed;

void
members_rename(const Population *population, const char *name,
			   const char *new_name)
{
	Renamed		renamed = {new_name, feed_open(population)};

	audience_each_member(population, name, clock_now(), tell_renamed, &renamed);
	(void) feed_close(renamed.feed);
}

static void
tell_renamed(const Transition *change, void *context)
{
	const Renamed *renamed = context;

	tell(change, renamed->feed);
	feed_put(renamed->feed, renamed->name, change->key, true, change->at,
			 change->cause);
}

static void
tell(const Transition *change, void *feed)
{
	feed_put(feed, change->audience, change->key, change->entered, change->at,
			 change->cause);
}
