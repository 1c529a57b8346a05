/*-------------------------------------------------------------------------
 *
 * tier_steps.c
 *	  The steps of customers are computed and written.
 *
 *		customer 7, as of 3 Jan 2027 10:00
 *
 *		read		member, events, tiers kept	and the steps that are there
 *		tier_path	the steps there ought to be
 *		write		the difference
 *
 * Steps of the past stay what they were: whoever asks who had which tier when
 * finds what the shop knew then.  So the first step that is written is one of
 * now, or the step of the tier that the customer has, if only the end of its
 * hold differs; those to come are written as they ought to be.
 *
 * Tiers kept.  Where a tier is not lost although less is left of what it was
 * reached by, or because its threshold has been raised, that is a row of its
 * own, from now on and until the end of its hold.  With it the steps follow
 * from events and rows alone, whatever happened in which order, and can be
 * verified.
 *
 * Most events are of now, and add to the sum.  Then the steps that are there
 * say all that has to be known of the past, and the profile's row has the sum:
 * no event is read (is_added).
 *
 * Only members have tiers.  Whoever leaves the program leaves the tier, and
 * whoever comes back finds it as it would be.
 *
 * Locks.  The profiles' rows are locked, and the events are read after that:
 * whoever has written events of these customers has come to their steps, or
 * will when we are done.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "utils/snapmgr.h"

#include "loyalty/tier_private.h"

/* So many customers are read at once. */
#define CUSTOMERS_AT_ONCE	512

/* Rows to be written, column by column. */
typedef struct Rows
{
	int			count;
	Datum	   *keys;
	Datum	   *at;
	Datum	   *tiers;
	Datum	   *until;
	Datum	   *nexts;
	Datum	   *ahead;
} Rows;

static void update_some(Tiering *tiering, TierCustomer *customers, int count,
						bool keep);
static bool is_added(const Tiering *tiering, const TierCustomer *customer,
					 const TierKnown *known, TierKnown *added);
static bool falls_later(const Tiering *tiering, const TierCustomer *customer,
						const TierStep *steps, int count);
static TierStep *ought(const Tiering *tiering, TierKnown *known,
					   TimestampTz at, int *count);
static bool keep_tier(const Tiering *tiering, const TierCustomer *customer,
					  TierKnown *known, const TierStep *now, Rows *keeps);
static void note_difference(const Tiering *tiering,
							const TierCustomer *customer,
							const TierKnown *known, const TierStep *steps,
							int count, Rows *go, Rows *come);
static Datum next_threshold(const Tiering *tiering, int tier);
static bool same_next(Datum a, Datum b);
static void add_row(Rows *rows, const Tiering *tiering, Datum key,
					const TierStep *step, TimestampTz ahead);
static void write_rows(Tiering *tiering, TierStatement statement,
					   const Rows *go, const Rows *come);

/* ---- writing ---- */

void
tier_update(Tiering *tiering, TierCustomer *customers, int count, bool keep)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "segment tiers",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);

	if (tiering->source == NULL)
		count = 0;
	qsort_arg(customers, count, sizeof(TierCustomer), tier_compare_customers,
			  unconstify(Population *, tiering->population));
	for (int i = 0; i < count; i += CUSTOMERS_AT_ONCE)
	{
		CHECK_FOR_INTERRUPTS();
		update_some(tiering, &customers[i],
					Min(count - i, CUSTOMERS_AT_ONCE), keep);
		MemoryContextReset(context);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

void
tier_update_all(Tiering *tiering, bool keep)
{
	int			count;
	TierCustomer *customers = tier_all_customers(tiering, &count);

	tier_update(tiering, customers, count, keep);
}

/* update_some() updates the steps of customers who are in order. */
static void
update_some(Tiering *tiering, TierCustomer *customers, int count, bool keep)
{
	TierKnown  *known = tier_standings(tiering, customers, count);
	TierCustomer *others = palloc_array(TierCustomer, count);
	int			nothers = 0;
	Rows		keeps = {0};
	Rows		go = {0};
	Rows		come = {0};

	for (int i = 0; i < count; i++)
	{
		const TierCustomer *customer = &customers[i];
		TierKnown		added;
		TierStep   *steps;
		int			nsteps;

		if (!known[i].member && known[i].nsteps == 0)
			continue;			/* nobody of ours */
		if (!keep && is_added(tiering, customer, &known[i], &added))
		{
			steps = ought(tiering, &added, customer->at, &nsteps);
			if (falls_later(tiering, customer, steps, nsteps))
			{
				note_difference(tiering, customer, &added, steps, nsteps, &go,
								&come);
				continue;
			}
		}
		others[nothers++] = *customer;
	}

	known = nothers == 0 ? NULL : tier_known(tiering, others, nothers);
	customers = others;
	for (int i = 0; i < nothers; i++)
	{
		int			nsteps;
		TierStep   *steps = ought(tiering, &known[i], customers[i].at,
								  &nsteps);

		if ((keep || tiering->keep) &&
			keep_tier(tiering, &customers[i], &known[i], &steps[0], &keeps))
			steps = ought(tiering, &known[i], customers[i].at, &nsteps);
		note_difference(tiering, &customers[i], &known[i], steps, nsteps,
						&go, &come);
	}
	write_rows(tiering, TIER_KEEP, NULL, &keeps);
	write_rows(tiering, TIER_WRITE, &go, &come);
}

/*
 * is_added() says whether the steps follow from those that are there, and from
 * events of now that add to the sum: then 'added' knows the sum as one event.
 *
 *		steps that are there	what is held already, and will be
 *		the event				what the sum reaches, is held anew from now on
 *
 * Holds that have been passed over, as a higher tier was held longer, are
 * none the longer for it.  What follows upon the end of a hold is not held
 * yet: the path finds it anew.  It is known by its end, later than that of
 * any hold that has been given (unless terms were others).
 */
static bool
is_added(const Tiering *tiering, const TierCustomer *customer,
		 const TierKnown *known, TierKnown *added)
{
	TimestampTz leaves = window_leaves(tiering->window, customer->at);
	TimestampTz held = hold_ends(tiering, customer->at);

	if (!customer->only_added || !known->member || known->nsteps == 0 ||
		known->steps[0].at > customer->at || known->ahead > customer->at ||
		leaves <= customer->at || TIMESTAMP_IS_NOEND(leaves))
		return false;			/* what never leaves may be held for ever */
	*added = *known;
	added->last = customer->at;
	added->ahead = added->last;
	added->nevents = added->room_events = 1;
	added->events = palloc_array(TierEvent, 1);
	added->events[0] = (TierEvent) {customer->at, leaves, customer->sum};
	added->kept = palloc_array(TierStep, known->nsteps);
	added->nkept = added->room_kept = 0;
	for (int i = 0; i < known->nkept; i++)
		if (known->kept[i].until > held)
			return false;
	for (int i = 0; i < known->nsteps; i++)
	{
		const TierStep *step = &known->steps[i];

		if (step->tier < 0)
			return false;
		if (step->at > customer->at && step->tier > 0 && step->until > held)
		{
			TimestampTz ended = i == 0 ? DT_NOBEGIN : step[-1].until;

			if (step->at == grace_ends(tiering, ended) &&
				step->until == hold_renewed(tiering, ended, step->at))
				continue;
			return false;
		}
		added->kept[added->nkept] = *step;
		added->kept[added->nkept++].at = customer->at;
	}
	return true;
}

/*
 * falls_later() says whether what is_added() takes for one event may be taken
 * so: no hold ends while some of it is gone, and some counts still.
 */
static bool
falls_later(const Tiering *tiering, const TierCustomer *customer,
			const TierStep *steps, int count)
{
	if (count < 2 || window_is_period(tiering->window))
		return true;
	return window_range(tiering->window, steps[1].at)->first > customer->at;
}

/*
 * ought() computes the steps of a customer: the first counts now, the others
 * are to come.
 */
static TierStep *
ought(const Tiering *tiering, TierKnown *known, TimestampTz at, int *count)
{
	TierStep   *steps;
	int			nsteps;
	int			now = 0;

	if (!known->member)
	{
		steps = palloc(sizeof(TierStep));
		steps[0] = (TierStep) {at, 0, DT_NOEND};
		*count = 1;
		return steps;
	}
	steps = tier_path(tiering, known->events, known->nevents, known->kept,
					  known->nkept, &nsteps);
	while (now + 1 < nsteps && steps[now + 1].at <= at)
		now++;
	*count = nsteps - now;
	return &steps[now];
}

/*
 * keep_tier() lets a customer keep the tier that is there, if the one that
 * ought to be is lower, or ends earlier.  False if it need not be kept: also
 * if it was reached at this very instant, as by what a transaction has undone.
 * (A hold that was renewed at this instant is kept as it was renewed.)
 */
static bool
keep_tier(const Tiering *tiering, const TierCustomer *customer,
		  TierKnown *known, const TierStep *now, Rows *keeps)
{
	const TierStep *there = &known->before;
	TierStep	kept;

	/*
	 * The lower of what was before, and what is there; the latter if they are
	 * the same: its hold may have been renewed by time at this instant.
	 */
	if (known->nsteps > 0 && known->steps[0].at <= customer->at &&
		known->steps[0].tier <= there->tier)
		there = &known->steps[0];
	if (!known->member || !known->had ||
		there->tier < now->tier ||
		(there->tier == now->tier && there->until <= now->until) ||
		grace_ends(tiering, there->until) <= customer->at)
		return false;
	kept = (TierStep) {customer->at, there->tier, there->until};
	if (known->nkept == known->room_kept)
	{
		known->room_kept = Max(known->room_kept * 2, 4);
		known->kept = known->kept == NULL ?
			palloc_array(TierStep, known->room_kept) :
			repalloc(known->kept, sizeof(TierStep) * known->room_kept);
	}
	known->kept[known->nkept++] = kept;
	add_row(keeps, tiering, customer->key, &kept, DT_NOBEGIN);
	return true;
}

/* note_difference() notes which rows go, and which come or are changed. */
static void
note_difference(const Tiering *tiering, const TierCustomer *customer,
				const TierKnown *known, const TierStep *steps, int count,
				Rows *go, Rows *come)
{
	bool		has_now = known->nsteps > 0 &&
		known->steps[0].at <= customer->at;
	int			there = has_now ? 1 : 0;

	/* the one that counts now */
	if (has_now || known->member)
	{
		const TierStep *is = &known->steps[0];
		TierStep	now = {customer->at, steps[0].tier, steps[0].until};

		if (has_now && is->tier == now.tier)
			now.at = is->at;
		if (!has_now || is->tier != now.tier || is->until != now.until ||
			Max(known->ahead, customer->at) !=
			Max(known->last, customer->at) ||
			!same_next(known->nexts[0], next_threshold(tiering, now.tier)))
			add_row(come, tiering, customer->key, &now, known->last);
	}

	/* those to come */
	for (int i = 1; i < count || there < known->nsteps;)
	{
		const TierStep *is = there < known->nsteps ? &known->steps[there] :
			NULL;
		const TierStep *step = i < count ? &steps[i] : NULL;

		if (step == NULL || (is != NULL && is->at < step->at))
		{
			add_row(go, tiering, customer->key, is, DT_NOBEGIN);
			there++;
			continue;
		}
		if (is == NULL || is->at > step->at || is->tier != step->tier ||
			is->until != step->until ||
			(known->last > step->at && known->aheads[there] != known->last) ||
			!same_next(known->nexts[there],
					   next_threshold(tiering, step->tier)))
			add_row(come, tiering, customer->key, step, known->last);
		if (is != NULL && is->at == step->at)
			there++;
		i++;
	}
}

/* next_threshold() is that of the tier above; 0 if there is none. */
static Datum
next_threshold(const Tiering *tiering, int tier)
{
	return tier == tiering->ntiers ? NumericGetDatum(int64_to_numeric(0)) :
		tiering->tiers[tier + 1].threshold;
}

static bool
same_next(Datum a, Datum b)
{
	return DatumGetBool(DirectFunctionCall2(numeric_eq, a, b));
}

/* add_row() adds a row to be written. */
static void
add_row(Rows *rows, const Tiering *tiering, Datum key, const TierStep *step,
		TimestampTz ahead)
{
	int			i = rows->count++;

	if (i == 0)
	{
		rows->keys = palloc_array(Datum, 4);
		rows->at = palloc_array(Datum, 4);
		rows->tiers = palloc_array(Datum, 4);
		rows->until = palloc_array(Datum, 4);
		rows->nexts = palloc_array(Datum, 4);
		rows->ahead = palloc_array(Datum, 4);
	}
	else if (i >= 4 && (i & (i - 1)) == 0)
	{
		Size		size = sizeof(Datum) * i * 2;

		rows->keys = repalloc_huge(rows->keys, size);
		rows->at = repalloc_huge(rows->at, size);
		rows->tiers = repalloc_huge(rows->tiers, size);
		rows->until = repalloc_huge(rows->until, size);
		rows->nexts = repalloc_huge(rows->nexts, size);
		rows->ahead = repalloc_huge(rows->ahead, size);
	}
	rows->keys[i] = key;
	rows->at[i] = TimestampTzGetDatum(step->at);
	rows->tiers[i] = CStringGetTextDatum(tier_name(tiering, step->tier));
	rows->until[i] = TimestampTzGetDatum(step->until);
	rows->nexts[i] = next_threshold(tiering, step->tier);
	rows->ahead[i] = TimestampTzGetDatum(ahead);
}

/* write_rows() writes rows, if there are any. */
static void
write_rows(Tiering *tiering, TierStatement statement, const Rows *go,
		   const Rows *come)
{
	Oid			key = tiering->population->key_type;
	Datum		values[8];
	int			n = 0;

	if (come->count == 0 && (go == NULL || go->count == 0))
		return;
	if (go != NULL)
	{
		values[n++] = array_datum(go->keys, go->count, key);
		values[n++] = array_datum(go->at, go->count, TIMESTAMPTZOID);
	}
	values[n++] = array_datum(come->keys, come->count, key);
	values[n++] = array_datum(come->at, come->count, TIMESTAMPTZOID);
	values[n++] = array_datum(come->tiers, come->count, TEXTOID);
	values[n++] = array_datum(come->until, come->count, TIMESTAMPTZOID);
	if (go != NULL)
	{
		values[n++] = array_datum(come->nexts, come->count, NUMERICOID);
		values[n++] = array_datum(come->ahead, come->count, TIMESTAMPTZOID);
	}
	(void) tiering_execute(tiering, statement, values);
}

/* ---- comparing ---- */

void
tier_compare_all(Tiering *tiering, TierDifference tell, void *context)
{
	int			total;
	TierCustomer *customers = tier_all_customers(tiering, &total);

	qsort_arg(customers, total, sizeof(TierCustomer), tier_compare_customers,
			  unconstify(Population *, tiering->population));
	for (int from = 0; from < total; from += CUSTOMERS_AT_ONCE)
	{
		int			count = Min(total - from, CUSTOMERS_AT_ONCE);
		TierKnown  *known = tier_known(tiering, &customers[from], count);

		CHECK_FOR_INTERRUPTS();
		for (int i = 0; i < count; i++)
		{
			const TierCustomer *customer = &customers[from + i];
			Rows		go = {0};
			Rows		come = {0};
			int			nsteps;
			TierStep   *steps = ought(tiering, &known[i], customer->at,
									  &nsteps);
			int			there = 0;

			note_difference(tiering, customer, &known[i], steps, nsteps, &go,
							&come);
			if (go.count + come.count == 0)
				continue;
			/* what ought to be, beside what is there at the same place */
			for (int k = 0; k < nsteps || there < known[i].nsteps; k++)
			{
				const TierStep *is = there < known[i].nsteps ?
					&known[i].steps[there++] : NULL;
				const TierStep *step = k < nsteps ? &steps[k] : NULL;

				if (is == NULL || step == NULL || is->tier != step->tier ||
					is->until != step->until ||
					(k > 0 && is->at != step->at) ||
					!same_next(known[i].nexts[there - 1],
							   next_threshold(tiering, step->tier)))
					tell(tiering, customer->key, is, step, context);
			}
		}
	}
}
