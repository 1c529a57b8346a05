/*-------------------------------------------------------------------------
 *
 * tier_path.c
 *	  From what a customer did, to the steps from tier to tier.
 *
 *		period last 12 months, hold 12 months, silver from 500, gold from 1000
 *
 *		3 Jan 2026		+600	the sum is 600:		silver until 3 Jan 2027
 *		9 Mar 2026		+500	the sum is 1100:	gold until 9 Mar 2027
 *		3 Jan 2027				600 leave the sum
 *		9 Mar 2027				gold ends; the sum is 0: no tier
 *
 * What time will do is known: so the steps go on into the future, until
 * nothing changes any more: how often a hold may end within the period is
 * limited (hold_trouble).  Whatever happens is taken in the order of time,
 * all that is of one instant together:
 *
 *		events		the sum is what the window of the trait says.  If they add
 *					to it, each tier that it reaches is held from then on, the
 *					lower ones as well; if they take from it, holds go that
 *					were given within the window for a sum that is no more
 *		tiers kept	are held whatever the sum is
 *		an end		of the hold of the tier that the customer has, and of the
 *					grace after it: what the sum reaches then is held anew; and
 *					where a customer falls by one tier only, the one below
 *
 * The tier that the customer has is the highest that is held.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"

#include "loyalty/tier_private.h"

/* A hold that was given. */
typedef struct Merit
{
	TimestampTz at;
	TimestampTz until;
	bool		revocable;		/* is it for a sum? */
} Merit;

/* What a customer has of one tier. */
typedef struct Standing
{
	Merit	   *merits;
	int			nmerits;
	int			room;
	TimestampTz until;			/* of the merit that holds longest */
	TimestampTz left;			/* grace included; DT_NOBEGIN: not held */
} Standing;

/* A path in the making. */
typedef struct Walk
{
	const Tiering *tiering;
	TierEvent  *events;
	int			nevents;
	TimestampTz *leaves;		/* of the events, in order */
	TierEvent **leaving;
	int			entered;		/* how many events have entered */
	int			gone;			/* and how many have left */
	Datum		sum;
	Standing   *standings;		/* by tier */
	int			base;			/* a tier that everybody has, or 0 */
	TierStep   *steps;
	int			nsteps;
	int			room;
} Walk;

static void take_events(Walk *walk, TimestampTz at);
static void revoke_holds(Walk *walk, TimestampTz at);
static void give(Walk *walk, int tier, TimestampTz at, TimestampTz until,
				 bool revocable);
static void find_best(const Tiering *tiering, Standing *standing);
static void end_hold(Walk *walk, int tier, TimestampTz ended,
					 TimestampTz at);
static int	tier_at(const Walk *walk, TimestampTz at);
static void note(Walk *walk, TimestampTz at);
static bool is_still(const Walk *walk);
static Datum plus(Datum a, Datum b);
static Datum minus(Datum a, Datum b);
static int	sign_of(Datum number);
static int	compare_events(const void *a, const void *b);
static int	compare_leaving(const void *a, const void *b);
static int	compare_steps(const void *a, const void *b);

TierStep *
tier_path(const Tiering *tiering, TierEvent *events, int nevents,
		  TierStep *kept, int nkept, int *nsteps)
{
	Walk		walk = {.tiering = tiering};
	int			next_kept = 0;

	qsort(events, nevents, sizeof(TierEvent), compare_events);
	if (nkept > 0)
		qsort(kept, nkept, sizeof(TierStep), compare_steps);
	walk.events = events;
	walk.nevents = nevents;
	walk.leaving = palloc(sizeof(TierEvent *) * Max(nevents, 1));
	for (int i = 0; i < nevents; i++)
		walk.leaving[i] = &events[i];
	qsort(walk.leaving, nevents, sizeof(TierEvent *), compare_leaving);
	walk.sum = NumericGetDatum(int64_to_numeric(0));
	walk.standings = palloc0(sizeof(Standing) * (tiering->ntiers + 1));
	for (int i = 0; i <= tiering->ntiers; i++)
		walk.standings[i].until = walk.standings[i].left = DT_NOBEGIN;
	/* a threshold of zero is reached by doing nothing */
	walk.base = tier_reached(tiering, walk.sum);
	walk.standings[walk.base].until = walk.standings[walk.base].left =
		DT_NOEND;
	note(&walk, DT_NOBEGIN);

	for (;;)
	{
		int			before = walk.steps[walk.nsteps - 1].tier;
		TimestampTz ended = walk.standings[before].until;
		TimestampTz left = walk.standings[before].left;
		TimestampTz at = left;

		CHECK_FOR_INTERRUPTS();
		if (walk.entered < nevents)
			at = Min(at, events[walk.entered].at);
		if (next_kept < nkept)
			at = Min(at, kept[next_kept].at);
		if (TIMESTAMP_IS_NOEND(at))
			break;

		take_events(&walk, at);
		for (; next_kept < nkept && kept[next_kept].at <= at; next_kept++)
			if (kept[next_kept].tier > 0)
				give(&walk, kept[next_kept].tier, at, kept[next_kept].until,
					 false);
		if (left <= at && walk.standings[before].left <= at)
			end_hold(&walk, before, ended, at);
		note(&walk, at);
	}
	*nsteps = walk.nsteps;
	return walk.steps;
}

/* take_events() takes the events of an instant, and what leaves until then. */
static void
take_events(Walk *walk, TimestampTz at)
{
	const Tiering *tiering = walk->tiering;
	Datum		change = NumericGetDatum(int64_to_numeric(0));
	int			sign;

	for (; walk->entered < walk->nevents &&
		 walk->events[walk->entered].at <= at; walk->entered++)
		change = plus(change, walk->events[walk->entered].value);
	walk->sum = plus(walk->sum, change);
	for (; walk->gone < walk->nevents &&
		 walk->leaving[walk->gone]->leaves <= at; walk->gone++)
		walk->sum = minus(walk->sum, walk->leaving[walk->gone]->value);

	sign = sign_of(change);
	if (sign < 0 && !tiering->keep)
		revoke_holds(walk, at);
	if (sign > 0 && !TIMESTAMP_NOT_FINITE(at))
	{
		TimestampTz until = hold_ends(tiering, at);

		for (int i = tier_reached(tiering, walk->sum); i > walk->base; i--)
			give(walk, i, at, until, true);
	}
}

/*
 * revoke_holds() takes holds away that were given for a sum within the window
 * that is less now than it has to be.
 */
static void
revoke_holds(Walk *walk, TimestampTz at)
{
	const Tiering *tiering = walk->tiering;

	for (int i = tier_reached(tiering, walk->sum) + 1; i <= tiering->ntiers;
		 i++)
	{
		Standing   *standing = &walk->standings[i];
		int			left = 0;

		if (i <= walk->base)
			continue;
		for (int k = 0; k < standing->nmerits; k++)
		{
			const Merit *merit = &standing->merits[k];

			if (!merit->revocable ||
				!window_counts(tiering->window, merit->at, at))
				standing->merits[left++] = *merit;
		}
		if (left == standing->nmerits)
			continue;
		standing->nmerits = left;
		find_best(tiering, standing);
	}
}

/* give() lets a tier be held. */
static void
give(Walk *walk, int tier, TimestampTz at, TimestampTz until, bool revocable)
{
	Standing   *standing = &walk->standings[tier];

	if (standing->nmerits == standing->room)
	{
		standing->room = Max(standing->room * 2, 4);
		standing->merits = standing->merits == NULL ?
			palloc_array(Merit, standing->room) :
			repalloc_huge(standing->merits,
						  sizeof(Merit) * standing->room);
	}
	standing->merits[standing->nmerits++] = (Merit) {at, until, revocable};
	if (until > standing->until)
	{
		standing->until = until;
		standing->left = grace_ends(walk->tiering, until);
	}
}

/* find_best() finds the merit that holds longest, of those that are left. */
static void
find_best(const Tiering *tiering, Standing *standing)
{
	standing->until = standing->left = DT_NOBEGIN;
	for (int i = 0; i < standing->nmerits; i++)
		standing->until = Max(standing->until, standing->merits[i].until);
	if (standing->nmerits > 0)
		standing->left = grace_ends(tiering, standing->until);
}

/* end_hold() decides what a customer has who leaves a tier, as it ended. */
static void
end_hold(Walk *walk, int tier, TimestampTz ended, TimestampTz at)
{
	const Tiering *tiering = walk->tiering;
	TimestampTz until = hold_renewed(tiering, ended, at);
	int			reached = tier_reached(tiering, walk->sum);

	/* where the sum stays what it is, the tier is held for ever */
	if (reached >= tier && is_still(walk))
		until = DT_NOEND;
	for (int i = reached; i > walk->base; i--)
		give(walk, i, at, until, true);
	if (tiering->downgrade == DOWNGRADE_ONE && tier - 1 > walk->base &&
		reached < tier - 1)
		give(walk, tier - 1, at, until, false);
}

/* is_still() says whether no event will enter or leave any more. */
static bool
is_still(const Walk *walk)
{
	return walk->entered == walk->nevents &&
		(walk->gone == walk->nevents ||
		 TIMESTAMP_IS_NOEND(walk->leaving[walk->gone]->leaves));
}

/* tier_at() is the highest tier that is held at an instant. */
static int
tier_at(const Walk *walk, TimestampTz at)
{
	for (int i = walk->tiering->ntiers; i > walk->base; i--)
		if (walk->standings[i].left > at)
			return i;
	return walk->base;
}

/* note() notes what the customer has from an instant on, if it is new. */
static void
note(Walk *walk, TimestampTz at)
{
	int			tier = tier_at(walk, at);
	TierStep	step = {at, tier, walk->standings[tier].until};
	TierStep   *last = walk->nsteps == 0 ? NULL :
		&walk->steps[walk->nsteps - 1];

	if (last != NULL && last->tier == step.tier && last->until == step.until)
		return;
	if (walk->nsteps == walk->room)
	{
		walk->room = Max(walk->room * 2, 8);
		walk->steps = walk->steps == NULL ?
			palloc_array(TierStep, walk->room) :
			repalloc_huge(walk->steps, sizeof(TierStep) * walk->room);
	}
	walk->steps[walk->nsteps++] = step;
}

/* ---- numbers and orders ---- */

static Datum
plus(Datum a, Datum b)
{
	return DirectFunctionCall2(numeric_add, a, b);
}

static Datum
minus(Datum a, Datum b)
{
	return DirectFunctionCall2(numeric_sub, a, b);
}

static int
sign_of(Datum number)
{
	Datum		zero = NumericGetDatum(int64_to_numeric(0));

	return DatumGetInt32(DirectFunctionCall2(numeric_cmp, number, zero));
}

static int
compare_events(const void *a, const void *b)
{
	TimestampTz x = ((const TierEvent *) a)->at;
	TimestampTz y = ((const TierEvent *) b)->at;

	return x < y ? -1 : x > y;
}

static int
compare_leaving(const void *a, const void *b)
{
	TimestampTz x = (*(TierEvent *const *) a)->leaves;
	TimestampTz y = (*(TierEvent *const *) b)->leaves;

	return x < y ? -1 : x > y;
}

static int
compare_steps(const void *a, const void *b)
{
	TimestampTz x = ((const TierStep *) a)->at;
	TimestampTz y = ((const TierStep *) b)->at;

	return x < y ? -1 : x > y;
}
