/*-------------------------------------------------------------------------
 *
 * tick.c
 *	  What is due or pending now: segment.tick(), and what the worker calls.
 *
 *		profiles that are due ─► toggles						sweep.c
 *		toggles of many events ─► bitmaps ─► feed ─► NOTIFY		emit.c
 *
 *		SELECT * FROM segment.tick(1000);
 *
 *		population	| swept | due | folded | pending
 *		profile		|  1000 | 230 |   4711 |	   0
 *
 * Any role may tick: profile_open() sweeps as the population's
 * owner, and a fold is done as that role.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

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

/* What a tick did in a population. */
typedef struct Done
{
	int64		swept;
	int64		folded;
	int64		trimmed;		/* transitions */
	TimestampTz left;			/* wake_at from which profiles may be due */
} Done;

static const Population *find_owned(const char *name);
static Done tick_population(const Population *population, int64 budget);
static int64 sweep_from(const char *name, int64 budget, TimestampTz *resume,
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
		const Population *population = find_owned(lfirst(lc));
		Datum		values[5];
		bool		isnull[5] = {false};
		Done		done;

		if (population == NULL)
			continue;
		done = tick_population(population, budget);
		/* it may have been dropped, and another made of its name */
		if (population_keep(lfirst(lc), AccessShareLock) == NULL ||
			(population = find_owned(lfirst(lc))) == NULL)
			continue;
		values[0] = name_datum(population->name);
		values[1] = Int64GetDatum(done.swept);
		values[2] = Int64GetDatum(count_due(population, done.left));
		values[3] = Int64GetDatum(done.folded);
		values[4] = Int64GetDatum(membership_pending(population,
													 MOST_COUNTED));
		tuplestore_putvalues(result->setResult, result->setDesc, values,
							 isnull);
	}
	SPI_finish();
	return (Datum) 0;
}

/* find_owned() finds a population; NULL if it is not the user's, or gone. */
static const Population *
find_owned(const char *name)
{
	const Population *population = population_find(name);

	return population != NULL &&
		object_ownercheck(RelationRelationId, population->oid,
						  GetUserId()) ? population : NULL;
}

/*
 * tick_population() sweeps and folds: all (budget 0), or within a budget.
 * With a budget it sweeps last, as rows that were swept are locked from then
 * on.
 */
static Done
tick_population(const Population *population, int64 budget)
{
	Done		done;
	TimestampTz from = DT_NOBEGIN;

	if (budget == 0)
	{
		done.swept = sweep_from(population->name, 0, &from, &done.left);
		(void) flow_fold_population(population->name, 0, 0, &done.folded,
									&done.trimmed);
	}
	else
	{
		TimestampTz *resume = sweep_resume(population);
		int64		changes = budget * CHANGES_OF_PROFILE;

		(void) flow_fold_population(population->name, changes, changes,
									&done.folded, &done.trimmed);
		done.swept = sweep_from(population->name, budget, resume, &done.left);
	}
	return done;
}

/*
 * sweep_from() continues at the wake_at *resume.  If nothing is due after it,
 * it starts once more at the earliest: no row is locked yet.  On return
 * *resume is where the next call continues, and *left the wake_at from which
 * profiles may still be due.
 */
static int64
sweep_from(const char *name, int64 budget, TimestampTz *resume,
		   TimestampTz *left)
{
	TimestampTz from = *resume;
	int64		swept = flow_sweep_population(name, budget, 0, &from);

	*left = *resume;
	if (swept == 0 && !TIMESTAMP_IS_NOBEGIN(*left))
	{
		*left = from = DT_NOBEGIN;
		swept = flow_sweep_population(name, budget, 0, &from);
	}
	if (TIMESTAMP_IS_NOEND(from))
		from = DT_NOBEGIN;
	else
		*left = from;
	*resume = from;
	return swept;
}

int64
flow_sweep_population(const char *name, int64 budget, int milliseconds,
					  TimestampTz *from)
{
	const Population *population = population_find(name);

	/* a definition that holds the table sweeps by itself */
	if (population == NULL ||
		!ConditionalLockRelationOid(population->oid, RowExclusiveLock) ||
		(population = population_find(name)) == NULL)
	{
		*from = DT_NOEND;
		return 0;
	}
	return sweep(population, budget, milliseconds, false, from);
}

bool
flow_fold_population(const char *name, int64 budget, int64 trim,
					 int64 *folded, int64 *trimmed)
{
	const Population *population = population_find(name);
	Actor		before;

	*folded = *trimmed = 0;
	/* guests may write profiles: whoever has locked all of them goes first */
	if (population == NULL ||
		!ConditionalLockRelationOid(population->oid, RowExclusiveLock) ||
		!membership_try_lock(population) ||
		(population = population_find(name)) == NULL)
		return false;
	before = act_as_owner(population->oid);
	*folded = fold(population, budget);
	*trimmed = feed_trim(population, trim);
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
