/*-------------------------------------------------------------------------
 *
 * wake.c
 *	  When does time alone change who is a member?
 *
 *		lapsed		last_order_at < now - 60 days
 *		frequent	count(orders in last 30 days) >= 2
 *
 *		profile 17	ordered on 2, 9 and 28 May; today is 28 May
 *					27 July at the earliest: lapsed may begin to hold
 *					1 June: the order of 2 May may leave the window, two are enough
 *					8 June: so may that of 9 May, and then frequent does not hold
 *		wake_at		8 June
 *
 * A profile is left alone until then.  Most of the time it is enough to know
 * when something may happen: what that is, to the microsecond, is found out when
 * it is near (time_expr_stable_at_least_until()), and all the conditions of a profile together
 * take some microseconds.
 *
 * An event needs to ask only for the conditions that look at what it changed:
 * the others are as they were until the wake_at that is there.
 *
 * When a profile has been left alone for too long it is led through all that
 * happened meanwhile, in order: see audience_catch_up() in apply.c.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/timestamp.h"

#include "audience/index.h"

static bool has_margin(const Timed *timed);
static void look(AudienceIndex *index, TupleTableSlot *row, TimestampTz at);
static TimestampTz rests_until(AudienceIndex *index, Timed *timed,
							   TupleTableSlot *row, TimestampTz from,
							   TimestampTz most);

TimestampTz
index_wake_at(AudienceIndex *index, TupleTableSlot *row, TimestampTz after,
			   TimestampTz next, bool stirred)
{
	ListCell   *lc;

	if (!stirred)
		look(index, row, after);
	foreach(lc, index->timed)
	{
		Timed	   *timed = lfirst(lc);

		if (!stirred || timed->stirred == index->change)
			next = rests_until(index, timed, row, after, next);
	}
	index->asked = -1;
	return next;
}

void
index_catch_up_begin(AudienceIndex *index, TupleTableSlot *row, TimestampTz after)
{
	ListCell   *lc;

	look(index, row, after);
	foreach(lc, index->timed)
	{
		Timed	   *timed = lfirst(lc);

		timed->next = rests_until(index, timed, row, after, DT_NOEND);
	}
	index->asked = -1;
}

int
index_catch_up_next(AudienceIndex *index, TupleTableSlot *row, TimestampTz until,
				TimestampTz *at, const int **touched)
{
	ListCell   *lc;

	CHECK_FOR_INTERRUPTS();
	*at = DT_NOEND;
	foreach(lc, index->timed)
		*at = Min(*at, ((Timed *) lfirst(lc))->next);
	if (*at > until)
		return -1;

	touch_begin(index, row, *at - 1, row, *at);
	foreach(lc, index->timed)
	{
		Timed	   *timed = lfirst(lc);

		if (timed->next != *at)
			continue;
		if (timed->subject != NULL)
			subject_touch(index, timed->subject);
		else
			leaf_touch(index, timed->leaf);
		timed->next = rests_until(index, timed, row, *at, DT_NOEND);
	}
	return touch_end(index, touched);
}

/* Is it a window that may change before somebody notices? */
static bool
has_margin(const Timed *timed)
{
	return timed->subject != NULL && timed->curve->window != WINDOW_OTHER;
}

/* What windows come to, of which not every change matters. */
static void
look(AudienceIndex *index, TupleTableSlot *row, TimestampTz at)
{
	const int  *touched;
	ListCell   *lc;

	touch_begin(index, row, at, row, at);
	foreach(lc, index->timed)
	{
		Timed	   *timed = lfirst(lc);

		if (has_margin(timed))
			subject_look(index, timed->subject);
	}
	(void) touch_end(index, &touched);
}

/* From an instant on, as of which its subject was touched or looked at. */
static TimestampTz
rests_until(AudienceIndex *index, Timed *timed, TupleTableSlot *row,
			TimestampTz from, TimestampTz most)
{
	TimeQuestion question = {index->curves, row, from, most};
	WindowMargin margin;

	index->asked = timed->audience;
	if (has_margin(timed) && subject_margin(index, timed->subject, &margin))
		question.margin = &margin;
	return time_expr_stable_at_least_until(timed->curve, &question);
}
