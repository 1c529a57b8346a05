/*-------------------------------------------------------------------------
 *
 * steady.c
 *	  For how long does the value of an expression stay the same?
 *
 *		last_order_at + 1 month < now and orders > 3
 *
 *		orders > 3			for ever
 *		the line < value	until the line passes it (line.c)
 *		and					until then, or if one of them is false for longer, so long
 *
 * An answer is never too late.  It is exact for one comparison of one line with
 * a value, for one window that counts events, and for one anniversary.  It may be
 * early, an instant at which nothing changes after all,
 *
 *	-  where several are combined: it is the first change of any.  But what is
 *	   false under "and", or true under "or", decides alone while it lasts;
 *	-  for the parts of a time, such as month(now): at each turn of that part;
 *	-  for a window that is summed or of which the values are looked at: at each
 *	   event that comes or goes;
 *	-  for a line of which it is not known where it may pass: after many cuts;
 *	-  for two lines that are compared with each other and jump, such as numbers
 *	   of days: whenever one of them jumps;
 *	-  for whatever else is done to a time that moves, such as comparing it with
 *	   another that rises all the time: a microsecond later, as nothing else is
 *	   certain.
 *
 * Whoever only wants to know when to look again (time_expr_stable_at_least_until) is content with
 * less: far from the value the line is not followed, nor even evaluated, and the
 * answer is when it may be near; and a window that counts or sums may go as far as
 * he says.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "time/curve.h"
#include "time/line.h"
#include "base/base.h"
#include "trait/trait.h"

static const bool at_or_above[3] = {false, true, true};
static const bool above[3] = {false, false, true};
static const bool exactly[3] = {false, true, false};

static TimestampTz follow(TimeExpr *curve, Followed *followed,
						  TupleTableSlot *row, TimestampTz most);
static void steady_comparison(TimeExpr *curve, Followed *followed,
							  TimestampTz *until);
static bool far_away(const TimeExpr *line, const TimeExpr *other, TimestampTz time,
					 TimestampTz at, TimestampTz *near);
static bool same_for_all(TimeExpr *comparison, Followed *followed);
static void steady_window(TimeExpr *curve, Followed *followed,
						  TimestampTz *until);
static void steady_anniversary(TimeExpr *curve, Followed *followed,
							   TimestampTz *until);
static void steady_field(TimeExpr *curve, Followed *followed, TimestampTz *until);
static void steady_junction(TimeExpr *curve, Followed *followed,
							TimestampTz *until, bool decides);

TimestampTz
time_expr_stable_until(TimeExpr *curve, ExprContext *econtext, TupleTableSlot *row,
				   TimestampTz from)
{
	Followed	followed = {econtext, from, false};

	return follow(curve, &followed, row, DT_NOEND);
}

TimestampTz
time_expr_stable_at_least_until(TimeExpr *curve, const TimeQuestion *question)
{
	Followed	followed = {
		question->econtext, question->from, true, question->margin
	};

	return follow(curve, &followed, question->row, question->most);
}

static TimestampTz
follow(TimeExpr *curve, Followed *followed, TupleTableSlot *row, TimestampTz most)
{
	TimestampTz until = Min(most, CLOCK_END);
	MemoryContext old;

	if (curve->kind == TIME_STILL || followed->from >= CLOCK_END)
		return most;
	followed->econtext->ecxt_scantuple = row;
	old = MemoryContextSwitchTo(followed->econtext->ecxt_per_tuple_memory);
	steady(curve, followed, &until);
	MemoryContextSwitchTo(old);
	ResetExprContext(followed->econtext);
	return until >= CLOCK_END ? most : until;
}

int
time_expr_side(TimeExpr *curve, ExprContext *econtext, TimestampTz at)
{
	Followed	followed = {econtext, at, true};
	TimeExpr	   *line;
	TimeExpr	   *other;
	bool		isnull;
	Datum		value;
	TimestampTz near;
	Mark		mark;

	if (curve->kind != TIME_COMPARISON)
		return 0;
	line = curve->args[TIME_IS_LINE(curve->args[0]) ? 0 : 1];
	other = curve->args[TIME_IS_LINE(curve->args[0]) ? 1 : 0];
	if (other->kind != TIME_STILL || !line_reaches(line, &followed))
		return 0;
	if (other->base != NULL)
	{
		value = time_expr_value(other->base, econtext, at, &isnull);
		if (isnull || !far_away(line, other, DatumGetTimestampTz(value), at, &near))
			return 0;
		return at < near ? -1 : 1;
	}
	value = time_expr_value(other, econtext, at, &isnull);
	if (isnull)
		return 0;
	mark = mark_of(other->type, value, &curve->compare);
	if (!mark.scaled)
		return 0;
	if (at < plus(mark.low, line->soonest))
		return -1;
	return at > plus(mark.high, line->latest) ? 1 : 0;
}

/*
 * The line is compared with a time and a span.  That it does not come near to it at
 * that instant can be said without adding up the two; *near is when it may be near,
 * or could have been.
 */
static bool
far_away(const TimeExpr *line, const TimeExpr *other, TimestampTz time, TimestampTz at,
		 TimestampTz *near)
{
	*near = plus(plus(time, other->least), line->soonest);
	return at < *near || at > plus(plus(time, other->most), line->latest);
}

void
steady(TimeExpr *curve, Followed *followed, TimestampTz *until)
{
	check_stack_depth();
	switch (curve->kind)
	{
		case TIME_STILL:
			return;
		case TIME_COMPARISON:
			steady_comparison(curve, followed, until);
			return;
		case TIME_WINDOW:
			steady_window(curve, followed, until);
			return;
		case TIME_ANNIVERSARY:
			steady_anniversary(curve, followed, until);
			return;
		case TIME_FIELD:
			steady_field(curve, followed, until);
			return;
		case TIME_ALL:
			steady_junction(curve, followed, until, false);
			return;
		case TIME_ANY:
			steady_junction(curve, followed, until, true);
			return;
		case TIME_IS_SET:
			line_settle(curve->args[0], followed, until);
			return;
		case TIME_OTHER:
			steady_parts(curve, followed, until);
			return;
		default:
			{
				bool		isnull;
				Datum		value;
				Mark		mark;

				line_settle(curve, followed, until);
				value = time_expr_value(curve, followed->econtext, followed->from,
									&isnull);
				if (isnull)
					return;
				mark = mark_of(curve->type, value, &curve->compare);
				line_stays(curve, followed, &mark, exactly, until);
			}
	}
}

void
steady_parts(TimeExpr *curve, Followed *followed, TimestampTz *until)
{
	for (int i = 0; i < curve->nargs; i++)
		steady(curve->args[i], followed, until);
}

/* A line and a value that it passes; the value may be that of a window. */
static void
steady_comparison(TimeExpr *curve, Followed *followed, TimestampTz *until)
{
	bool		reversed = !TIME_IS_LINE(curve->args[0]);
	TimeExpr	   *line = curve->args[reversed ? 1 : 0];
	TimeExpr	   *other = curve->args[reversed ? 0 : 1];
	bool		side[3];
	bool		isnull;
	Datum		value;
	TimestampTz near;
	Mark		mark;

	if (!TIME_IS_LINE(line) || TIME_IS_LINE(other))
	{
		if (!same_for_all(curve, followed))
			steady_parts(curve, followed, until);
		return;
	}
	if (followed->coarsely && other->base != NULL && line_reaches(line, followed))
	{
		value = time_expr_value(other->base, followed->econtext, followed->from, &isnull);
		if (isnull)
			return;
		if (far_away(line, other, DatumGetTimestampTz(value), followed->from, &near))
		{
			if (followed->from < near)
				*until = Min(*until, near);
			return;
		}
	}
	steady(other, followed, until);
	value = time_expr_value(other, followed->econtext, followed->from, &isnull);
	if (isnull)
		return;
	for (int i = 0; i < 3; i++)
		side[i] = curve->strictly[reversed ? 2 - i : i];
	mark = mark_of(other->type, value, &curve->compare);
	line_stays(line, followed, &mark, side, until);
}

/*
 * month(today) < 13: is a part of a time compared with a number in a way that comes
 * to the same for all that it may be?
 */
static bool
same_for_all(TimeExpr *comparison, Followed *followed)
{
	int			which = comparison->args[0]->kind == TIME_FIELD ? 0 : 1;
	TimeExpr	   *field = comparison->args[which];
	TimeExpr	   *other = comparison->args[1 - which];
	bool		isnull;
	bool		first = false;
	Datum		number;

	if (field->kind != TIME_FIELD || other->kind != TIME_STILL ||
		other->type != NUMERICOID)
		return false;
	number = time_expr_value(other, followed->econtext, followed->from, &isnull);
	if (isnull)
		return true;
	for (int i = field->first; i <= field->last; i++)
	{
		Datum		one = NumericGetDatum(int64_to_numeric(i));
		int			order = DatumGetInt32(DirectFunctionCall2(numeric_cmp, one, number));
		int			side = order < 0 ? 0 : order > 0 ? 2 : 1;
		bool		holds = comparison->strictly[which == 0 ? side : 2 - side];

		if (i == field->first)
			first = holds;
		else if (holds != first)
			return false;
	}
	return true;
}

/* An event comes or goes. */
static void
steady_window(TimeExpr *curve, Followed *followed, TimestampTz *until)
{
	bool		isnull;
	Datum		series = time_expr_value(curve->args[0], followed->econtext,
									 followed->from, &isnull);

	if (isnull)
		return;
	if (followed->margin != NULL &&
		window_keeps_margin(curve->window, curve->during, series, followed->margin,
						   followed->from, until))
		return;
	*until = Min(*until, window_next_change(curve->during, series, followed->from,
											  followed->coarsely));
}

/*
 * has_anniversary(day, from, to): as a window, the anniversaries being the
 * events; but they count on the day of 'from' itself.
 */
static void
steady_anniversary(TimeExpr *curve, Followed *followed, TimestampTz *until)
{
	bool		isnull;
	DateADT		day;
	int			year;
	int			month;
	int			mday;

	if (curve->args[0]->kind != TIME_STILL)
	{
		steady_parts(curve, followed, until);
		return;
	}
	day = DatumGetDateADT(time_expr_value(curve->args[0], followed->econtext,
									  followed->from, &isnull));
	if (isnull || DATE_NOT_FINITE(day))
		return;
	j2date(day + POSTGRES_EPOCH_JDATE, &year, &month, &mday);

	for (int i = 1; i <= 2; i++)
	{
		TimeExpr	   *bound = curve->args[i];
		DateADT		value;
		int			bound_year;
		int			ignored;

		if (!TIME_IS_LINE(bound))
		{
			steady(bound, followed, until);
			continue;
		}
		value = DatumGetDateADT(time_expr_value(bound, followed->econtext,
											followed->from, &isnull));
		if (isnull || DATE_NOT_FINITE(value))
			continue;
		j2date(value + POSTGRES_EPOCH_JDATE, &bound_year, &ignored, &ignored);
		for (int y = Max(bound_year - 1, year + 1); y <= Max(bound_year, year) + 1; y++)
		{
			Mark		mark = mark_of(DATEOID,
									   DateADTGetDatum(calendar_anniversary(y, month, mday)),
									   &bound->compare);

			line_stays(bound, followed, &mark, i == 1 ? above : at_or_above, until);
		}
	}
}

static void
steady_field(TimeExpr *curve, Followed *followed, TimestampTz *until)
{
	TimeExpr	   *time = curve->args[0];
	bool		isnull;
	Datum		value;
	Mark		mark;

	if (!TIME_IS_LINE(time))
	{
		steady(time, followed, until);
		return;
	}
	line_settle(time, followed, until);
	value = time_expr_value(time, followed->econtext, followed->from, &isnull);
	if (isnull)
		return;
	if (time->type == DATEOID)
		value = DirectFunctionCall1(date_timestamp, value);
	if (TIMESTAMP_NOT_FINITE(DatumGetTimestamp(value)))
		return;
	switch (line_trend(time, followed, followed->from, until))
	{
		case TREND_STEADY:
			return;
		case TREND_FALLS:
			/* until it is before the unit in which it is now */
			value = TimestampGetDatum(calendar_unit_start(curve->unit,
														  DatumGetTimestamp(value)));
			break;
		case TREND_RISES:
			value = TimestampGetDatum(calendar_turn_after(curve->unit,
														  DatumGetTimestamp(value)));
			break;
	}
	if (time->type == DATEOID)
		value = DirectFunctionCall1(timestamp_date, value);
	mark = mark_of(time->type, value, &time->compare);
	line_stays(time, followed, &mark, at_or_above, until);
}

/*
 * and, or: one that decides is enough while it lasts.  Under a loose "and" null
 * decides, too: with whatever else, it is null or false.
 */
static void
steady_junction(TimeExpr *curve, Followed *followed, TimestampTz *until,
				bool decides)
{
	TimestampTz decided = followed->from;

	for (int i = 0; i < curve->nargs && decided < *until; i++)
	{
		bool		isnull;
		Datum		value = time_expr_value(curve->args[i], followed->econtext,
										followed->from, &isnull);
		TimestampTz lasts = *until;

		if (isnull ? decides || !curve->loose : DatumGetBool(value) != decides)
			continue;
		steady(curve->args[i], followed, &lasts);
		decided = Max(decided, lasts);
	}
	if (decided > followed->from)
		*until = decided;
	else
		steady_parts(curve, followed, until);
}
