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
 *					1 June: the order of 2 May may leave the window, two are
 *					enough
 *					8 June: so may that of 9 May, and then frequent does not
 *					hold
 *		wake_at		8 June
 *
 * Until wake_at no sweep looks at the profile.  Most of the time it is enough
 * to know when something may happen: what that is, to the microsecond, is
 * computed when it is near (time_expr_stable_at_least_until()), and all the
 * conditions of a profile together take some microseconds.
 *
 * An event needs to ask only for the conditions on what it changed: the others
 * stay the same until the wake_at that the row has.
 *
 * A profile that is due is led through all instants at which filters may have
 * changed meanwhile, in order: see audience_catch_up() in apply.c.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/timestamp.h"

#include "audience/conditions.h"

static bool has_margin(const TimeDependent *one);
static void read_windows(AudienceIndex *index, TupleTableSlot *row,
						 TimestampTz at);
static TimestampTz stable_until(AudienceIndex *index, TimeDependent *one,
								TupleTableSlot *row, TimestampTz from,
								TimestampTz most);

TimestampTz
index_wake_at(AudienceIndex *index, TupleTableSlot *row, TimestampTz after,
			  TimestampTz most, bool changed_only)
{
	ListCell   *lc;

	if (!index_has_time(index))
		return most;
	slot_getallattrs(row);
	if (!changed_only)
		read_windows(index, row, after);
	foreach(lc, index->time_dependent)
	{
		TimeDependent *one = lfirst(lc);

		if (!changed_only || one->changed == index->change)
			most = stable_until(index, one, row, after, most);
	}
	index->evaluating = -1;
	return most;
}

bool
index_has_time(const AudienceIndex *index)
{
	return index->time_dependent != NIL;
}

void
index_catch_up_begin(AudienceIndex *index, TupleTableSlot *row,
					 TimestampTz after)
{
	ListCell   *lc;

	read_windows(index, row, after);
	foreach(lc, index->time_dependent)
	{
		TimeDependent *one = lfirst(lc);

		one->next = stable_until(index, one, row, after, DT_NOEND);
	}
	index->evaluating = -1;
}

int
index_catch_up_next(AudienceIndex *index, TupleTableSlot *row,
					TimestampTz until, TimestampTz *at, const int **touched)
{
	ListCell   *lc;

	CHECK_FOR_INTERRUPTS();
	*at = DT_NOEND;
	foreach(lc, index->time_dependent)
		*at = Min(*at, ((TimeDependent *) lfirst(lc))->next);
	if (*at > until)
		return -1;

	touch_begin(index, row, *at - 1, row, *at);
	foreach(lc, index->time_dependent)
	{
		TimeDependent *one = lfirst(lc);

		if (one->next != *at)
			continue;
		if (one->operand != NULL)
			operand_touch(index, one->operand);
		else
			condition_touch(index, one->condition);
		one->next = stable_until(index, one, row, *at, DT_NOEND);
	}
	return touch_end(index, touched);
}

/*
 * has_margin() tells whether the value comes from the events of a window, of
 * which not every one that leaves passes a threshold.
 */
static bool
has_margin(const TimeDependent *one)
{
	return one->operand != NULL && time_expr_takes_margin(one->expr);
}

/* read_windows() keeps the values of windows, for their margins. */
static void
read_windows(AudienceIndex *index, TupleTableSlot *row, TimestampTz at)
{
	const int  *touched;
	ListCell   *lc;

	touch_begin(index, row, at, row, at);
	foreach(lc, index->time_dependent)
	{
		TimeDependent *one = lfirst(lc);

		if (has_margin(one))
			operand_read(index, one->operand);
	}
	(void) touch_end(index, &touched);
}

/*
 * stable_until() returns an instant, 'most' at the latest, until which the
 * value of an operand or condition stays the same on the row, or within the
 * margin of its operand.  Its value as of 'from' was read or touched in the
 * current change.
 */
static TimestampTz
stable_until(AudienceIndex *index, TimeDependent *one, TupleTableSlot *row,
			 TimestampTz from, TimestampTz most)
{
	TimeQuestion question = {index->time_context, row, from, most};
	WindowMargin margin;

	index->evaluating = one->place;
	if (has_margin(one) && operand_margin(index, one->operand, &margin))
		question.margin = &margin;
	return time_expr_stable_at_least_until(one->expr, &question);
}
