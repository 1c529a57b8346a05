/*-------------------------------------------------------------------------
 *
 * line.c
 *	  When does a line pass a value?
 *
 *		last_order_at < now - 1 month
 *
 * The right side is a line that rises with time, and the answer changes when it
 * passes last_order_at.  When that is cannot be computed backwards: in spring an
 * hour is missing, in autumn one comes twice, and on 29, 30 and 31 March the line
 * starts again from where it was on the 28th.  So two things are done.
 *
 * First, far from the value nothing can happen.  However the calendar turns, a
 * month is some 30 days, and the line is far below until shortly before it passes
 * and far above from shortly after (line_range).
 *
 * In between the line is cut where clocks and calendars turn, be it now or where
 * the line has come to (line_trend).  Between two cuts it does nothing but rise,
 * so that the first microsecond at which it is no longer below can be found by
 * halving.  The line itself is evaluated, and nothing is computed twice in two
 * ways:
 *
 *		  line	  .		  .		 /.
 *				  .		/ .	   /  .
 *		  value --.---/---.--/----.---	passed, unpassed and passed again
 *				  . /	  ./	  .
 *				 cut	 cut	 cut
 *
 * A line that is shifted by what a row holds may come to the end of the calendar,
 * or start beyond it, and one that is multiplied to the end of all numbers.  There
 * it is null (filter/arithmetic.c), and this is found in the same way (line_ends).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "time/curve.h"
#include "time/line.h"
#include "base/base.h"

/* A line is followed over so many turns. */
#define MOST_PIECES		200

/* How local time and UTC may differ; and what months may differ from theirs. */
#define MOST_OFFSET		(16 * USECS_PER_HOUR)
#define MOST_OF_MONTHS	(8 * USECS_PER_DAY)
#define MICROSECONDS_OF_MONTH	(INT64CONST(2629746) * USECS_PER_SEC)

/* Years, on average, from that of the server's epoch on. */
#define YEAR_OF_EPOCH	2000
#define MICROSECONDS_OF_YEAR	(12 * MICROSECONDS_OF_MONTH)

/* Beyond it numbers are not exact as floating-point values. */
#define MOST_EXACT		1e15

/* Well within what numbers, spans of microseconds and the calendar can hold. */
#define LARGE_NUMBER	1e300
#define LONG_SPAN		9e18
#define MARGIN_OF_TIME	(30 * USECS_PER_DAY)

/* How far turns of clocks and calendars take a line back. */
#define MOST_OF_TURNS	(MOST_OFFSET + MOST_OF_MONTHS)

/* Between which values is something, whatever the time? */
typedef struct Extent
{
	double		least;
	double		most;
} Extent;

/* What is looked for: an instant at which it is another. */
typedef int (*LineState) (TimeExpr *line, Followed *followed, TimestampTz at);

static void line_settle_parts(TimeExpr *line, Followed *followed, TimestampTz *until);
static void line_ends(TimeExpr *line, Followed *followed, TimestampTz *until);
static void line_keeps(TimeExpr *line, Followed *followed, LineState state,
					   TimestampTz *until);
static int	line_is_null(TimeExpr *line, Followed *followed, TimestampTz at);
static int	line_sign(TimeExpr *line, Followed *followed, TimestampTz at);
static TimestampTz line_jumps_at(TimeExpr *line, const Followed *followed);
static bool line_extent(TimeExpr *line, Followed *followed, Extent *extent);
static bool still_extent(TimeExpr *still, Followed *followed, Extent *extent);
static bool line_range(TimeExpr *line, Followed *followed, int64 low, int64 high,
					   int64 *first, int64 *last);
static bool is_sum_of_times(const TimeExpr *line);
static double factor_of(TimeExpr *factor, Followed *followed);

void
line_settle(TimeExpr *line, Followed *followed, TimestampTz *until)
{
	if (!TIME_IS_LINE(line))
		steady(line, followed, until);
	else
	{
		Extent		extent;

		line_settle_parts(line, followed, until);
		if (line->may_end && !line_extent(line, followed, &extent))
			line_ends(line, followed, until);
	}
}

static void
line_settle_parts(TimeExpr *line, Followed *followed, TimestampTz *until)
{
	for (int i = 0; i < line->nargs; i++)
		if (!TIME_IS_LINE(line->args[i]))
			steady(line->args[i], followed, until);
		else
			line_settle_parts(line->args[i], followed, until);
}

/* Is the line below the mark, on it, or above: -1, 0, 1; false: it is null. */
static bool
line_side(TimeExpr *line, Followed *followed, const Mark *mark, TimestampTz at,
		  int *side)
{
	bool		isnull;
	Datum		value = time_expr_value(line, followed->econtext, at, &isnull);
	int			order;

	if (isnull)
		return false;
	order = DatumGetInt32(FunctionCall2(mark->compare, value, mark->value));
	*side = order < 0 ? -1 : order > 0 ? 1 : 0;
	return true;
}

/*
 * The first instant at which the line is not on this side of the mark any more,
 * after 'low', at which it is, and not after 'high', at which it is not; the line
 * has one trend between the two.
 */
static TimestampTz
line_leaves(TimeExpr *line, Followed *followed, const Mark *mark, int side,
			TimestampTz low, TimestampTz high)
{
	bool		isnull;
	int			there;

	/* mostly it rises as time does, and is there after what it lacks now */
	if (side < 0 && mark->scaled && mark->low == mark->high &&
		(line->type == TIMESTAMPTZOID || line->type == TIMESTAMPOID))
	{
		Datum		value = time_expr_value(line, followed->econtext, low, &isnull);
		TimestampTz guess = plus(low, minus(mark->low, DatumGetTimestamp(value)));

		if (!isnull && guess > low && guess < high &&
			line_side(line, followed, mark, guess - 1, &there) && there == side &&
			line_side(line, followed, mark, guess, &there) && there != side)
			return guess;
	}
	while (high - low > 1)
	{
		TimestampTz middle = low + (high - low) / 2;

		there = side;
		if (line_side(line, followed, mark, middle, &there) && there == side)
			low = middle;
		else
			high = middle;
	}
	return high;
}

void
line_stays(TimeExpr *line, Followed *followed, const Mark *mark, const bool *side,
		   TimestampTz *until)
{
	TimestampTz at = followed->from;
	int64		first = PG_INT64_MIN;
	int64		last = PG_INT64_MAX;
	int			here;
	bool		before;

	line_settle(line, followed, until);
	if (mark->scaled && line_reaches(line, followed))
	{
		first = plus(mark->low, line->soonest);
		last = plus(mark->high, line->latest);
	}
	else if (!mark->scaled ||
			 !line_range(line, followed, mark->low, mark->high, &first, &last))
	{
		first = PG_INT64_MIN;
		last = PG_INT64_MAX;
	}
	if (followed->coarsely && (at < first || at > last))
	{
		if (at < first)
			*until = Min(*until, first);
		return;
	}
	if (followed->coarsely && line->free && time_expr_jumps(line))
	{
		*until = Min(*until, line_jumps_at(line, followed));
		return;
	}
	if (!line_side(line, followed, mark, at, &here))
		return;
	before = side[here + 1];

	for (int pieces = 0; pieces < MOST_PIECES; pieces++)
	{
		TimestampTz piece = *until;
		int			there;

		CHECK_FOR_INTERRUPTS();
		at = Max(at, first);
		if (at >= *until || at > last)
			return;
		if (piece - 1 > last)
			piece = last + 1;
		(void) line_trend(line, followed, at, &piece);

		if (!line_side(line, followed, mark, at, &here) ||
			side[here + 1] != before)
		{
			*until = at;
			return;
		}
		while (line_side(line, followed, mark, piece - 1, &there) && there != here)
		{
			at = line_leaves(line, followed, mark, here, at, piece - 1);
			if (!line_side(line, followed, mark, at, &here) ||
				side[here + 1] != before)
			{
				*until = at;
				return;
			}
		}
		at = piece;
	}
	*until = Min(*until, at);
}

/* Lower *until to where the line, which rises, comes to a time. */
static void
line_cut(TimeExpr *line, Followed *followed, TimestampTz from, Timestamp time,
		 TimestampTz *until)
{
	Mark		mark;
	int			side;
	int64		first;
	int64		last;
	TimestampTz low = from;
	TimestampTz high = *until - 1;

	if (TIMESTAMP_NOT_FINITE(time))
		return;
	mark = mark_of(line->type, TimestampGetDatum(time), &line->compare);
	if (!line_range(line, followed, mark.low, mark.high, &first, &last))
	{
		first = low;
		last = high;
	}
	/* it is before its range for sure: spare the longest way */
	if (first > *until)
		return;
	if (!line_side(line, followed, &mark, high, &side) || side < 0)
		return;
	if (first > low)
		low = first - 1;
	if (last < high)
		high = last + 1;
	*until = line_leaves(line, followed, &mark, -1, low, high);
}

Trend
line_trend(TimeExpr *line, Followed *followed, TimestampTz from,
		   TimestampTz *until)
{
	Followed	here = {followed->econtext, from, false};
	Trend		trend;
	bool		isnull;
	Datum		value;
	TimeExpr	   *time = line->nargs > 0 ? line->args[0] : NULL;
	int			moving;

	check_stack_depth();
	switch (line->kind)
	{
		case TIME_NOW:
			return TREND_RISES;

		case TIME_SAME:
		case TIME_TRUNCATE:
		case TIME_YEAR:
		case TIME_LOCAL_DAY:	/* never back, whatever clocks do */
		case TIME_DAY_START:
			return line_trend(time, followed, from, until);

		case TIME_TO_LOCAL:
		case TIME_FROM_LOCAL:
			trend = line_trend(time, followed, from, until);
			if (trend == TREND_RISES)
			{
				value = time_expr_value(time, followed->econtext, from, &isnull);
				if (isnull)
					return TREND_STEADY;
				line_cut(time, followed, from,
						 line->kind == TIME_TO_LOCAL ?
						 clock_turn_after(line->zone, DatumGetTimestampTz(value)) :
						 local_turn_after(line->zone, DatumGetTimestamp(value)),
						 until);
				return trend;
			}
			break;

		case TIME_SHIFT:
			if (TIME_IS_LINE(line->args[1]) && time->type == TIMESTAMPOID)
			{
				Trend		span = line_trend(line->args[1], followed, from, until) *
					line->sign;

				/* a span that moves has no months */
				trend = line_trend(time, followed, from, until);
				if (span == TREND_STEADY || trend == span)
					return trend;
				if (trend == TREND_STEADY)
					return span;
				break;
			}
			if (line->args[1]->kind != TIME_STILL)
				steady(line->args[1], &here, until);
			trend = line_trend(time, followed, from, until);
			value = time_expr_value(line->args[1], followed->econtext, from, &isnull);
			if (isnull || line->args[1]->type != INTERVALOID)
				return trend;
			if (time->type == TIMESTAMPTZOID &&
				(DatumGetIntervalP(value)->month != 0 ||
				 DatumGetIntervalP(value)->day != 0))
				break;			/* on the calendar of the session */
			if (time->type != TIMESTAMPOID || DatumGetIntervalP(value)->month == 0)
				return trend;
			if (trend == TREND_RISES)
			{
				/* within a day, the months come to the same */
				value = time_expr_value(time, followed->econtext, from, &isnull);
				if (!isnull)
					line_cut(time, followed, from,
							 calendar_turn_after(CALENDAR_DAY,
												 DatumGetTimestamp(value)),
							 until);
				return trend;
			}
			break;

		case TIME_ELAPSED:
		case TIME_SUM:
		case TIME_CHOICE:
			trend = TREND_STEADY;
			for (int i = 0; i < line->nargs; i++)
			{
				Trend		part = line_trend(line->args[i], followed, from, until);

				if (i == 1 && (line->kind == TIME_ELAPSED ||
							   (line->kind == TIME_SUM && line->sign < 0)))
					part = -part;
				if (part != TREND_STEADY && trend != TREND_STEADY && part != trend)
				{
					steady_parts(line, &here, until);
					return TREND_STEADY;
				}
				if (part != TREND_STEADY)
					trend = part;
			}
			return trend;

		case TIME_PRODUCT:
			moving = line->args[0]->kind != TIME_STILL ? 0 : 1;
			trend = line_trend(line->args[moving], followed, from, until);
			return factor_of(line->args[1 - moving], followed) < 0 ? -trend : trend;

		case TIME_COALESCE:
			for (int i = 0; i < line->nargs; i++)
			{
				(void) time_expr_value(line->args[i], followed->econtext, from, &isnull);
				if (!isnull)
					return line_trend(line->args[i], followed, from, until);
			}
			return TREND_STEADY;

		default:
			return TREND_STEADY;	/* what else moves has settled */
	}

	if (trend != TREND_STEADY)
		steady_parts(line, &here, until);
	return TREND_STEADY;
}

/* ---- where a line may pass ---- */

static int64
times(int64 a, int64 b)
{
	int64		product;

	if (!pg_mul_s64_overflow(a, b, &product))
		return product;
	return (a < 0) == (b < 0) ? PG_INT64_MAX : PG_INT64_MIN;
}

/* Between which numbers is a value?  False if it is not like a number. */
static bool
value_range(Oid type, Datum value, int64 *low, int64 *high)
{
	double		number;
	const Interval *span;

	switch (type)
	{
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			*low = *high = DatumGetTimestamp(value);
			return true;
		case DATEOID:
			if (DATE_IS_NOBEGIN(DatumGetDateADT(value)))
				*low = *high = DT_NOBEGIN;
			else if (DATE_IS_NOEND(DatumGetDateADT(value)))
				*low = *high = DT_NOEND;
			else
				*low = *high = times(DatumGetDateADT(value), USECS_PER_DAY);
			return true;
		case INTERVALOID:
			/* as interval_cmp() has it */
			span = DatumGetIntervalP(value);
			*low = *high = plus(span->time,
								times(span->month * INT64CONST(30) + span->day,
									  USECS_PER_DAY));
			return true;
		case INT2OID:
			*low = *high = DatumGetInt16(value);
			return true;
		case INT4OID:
			*low = *high = DatumGetInt32(value);
			return true;
		case INT8OID:
			*low = *high = DatumGetInt64(value);
			return true;
		case NUMERICOID:
			number = DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow,
														value));
			if (isnan(number) || fabs(number) > MOST_EXACT)
				return false;
			*low = (int64) floor(number) - 1;
			*high = (int64) ceil(number) + 1;
			return true;
		default:
			return false;
	}
}

Mark
mark_of(Oid type, Datum value, FmgrInfo *compare)
{
	Mark		mark = {value, compare};

	mark.scaled = value_range(type, value, &mark.low, &mark.high);
	return mark;
}

bool
line_reaches(TimeExpr *line, Followed *followed)
{
	if (!line->measured)
	{
		line->reaches = line->free && is_sum_of_times(line) &&
			line_range(line, followed, 0, 0, &line->soonest, &line->latest);
		line->measured = true;
	}
	return line->reaches;
}

static bool
is_sum_of_times(const TimeExpr *line)
{
	if (line->type != TIMESTAMPTZOID && line->type != TIMESTAMPOID &&
		line->type != DATEOID)
		return false;
	switch (line->kind)
	{
		case TIME_NOW:
			return true;
		case TIME_TO_LOCAL:
		case TIME_FROM_LOCAL:
		case TIME_LOCAL_DAY:
		case TIME_DAY_START:
		case TIME_TRUNCATE:
		case TIME_SAME:
			return is_sum_of_times(line->args[0]);
		case TIME_SHIFT:
			return line->args[1]->kind == TIME_STILL && is_sum_of_times(line->args[0]);
		default:
			return false;
	}
}

/*
 * When does a line that moves with the clock alone, and jumps, jump next?  That
 * is the same for all profiles.
 */
static TimestampTz
line_jumps_at(TimeExpr *line, const Followed *followed)
{
	if (followed->from < line->still_from || followed->from >= line->still_until)
	{
		Followed	exactly_here = {followed->econtext, followed->from, false};
		TimestampTz until = CLOCK_END;

		steady(line, &exactly_here, &until);
		line->still_from = followed->from;
		line->still_until = until;
	}
	return line->still_until;
}

/* What a number is multiplied with or divided by; 0 if that is missing. */
static double
factor_of(TimeExpr *factor, Followed *followed)
{
	bool		isnull;
	Datum		value = time_expr_value(factor, followed->econtext, followed->from,
									&isnull);

	if (isnull)
		return 0;
	return DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, value));
}

/* How far does it take a time, at least and at most? */
static bool
shift_range(TimeExpr *shift, Followed *followed, int64 *least, int64 *most)
{
	bool		isnull;
	Datum		value = time_expr_value(shift->args[1], followed->econtext,
									followed->from, &isnull);
	int64		length;
	int64		margin = 0;

	if (isnull)
		return false;
	if (shift->args[1]->type == INTERVALOID)
	{
		const Interval *span = DatumGetIntervalP(value);

		length = plus(plus(span->time, times(span->day, USECS_PER_DAY)),
					  times(span->month, MICROSECONDS_OF_MONTH));
		if (span->month != 0)
			margin += MOST_OF_MONTHS;
		if (shift->args[0]->type == TIMESTAMPTZOID &&
			(span->month != 0 || span->day != 0))
			margin += 2 * MOST_OFFSET;
	}
	else
		length = times(DatumGetInt32(value), USECS_PER_DAY);
	if (shift->sign < 0)
		length = minus(0, length);
	*least = minus(length, margin);
	*most = plus(length, margin);
	return true;
}

/*
 * The line is between 'low' and 'high', and may pass from one side of them to
 * the other, at no other times than from *first to *last.  False if that is not
 * known.
 */
static bool
line_range(TimeExpr *line, Followed *followed, int64 low, int64 high,
		   int64 *first, int64 *last)
{
	int64		least;
	int64		most;
	bool		isnull;
	Datum		value;
	int			moving;
	double		factor;

	check_stack_depth();
	switch (line->kind)
	{
		case TIME_NOW:
			*first = low;
			*last = plus(high, 1);
			return true;

		case TIME_SAME:
			return line_range(line->args[0], followed, low, high, first, last);

		case TIME_TRUNCATE:
			return line_range(line->args[0], followed, low,
							  plus(high, line->length), first, last);

		case TIME_YEAR:
			return line_range(line->args[0], followed,
							  minus(times(low - YEAR_OF_EPOCH - 1, MICROSECONDS_OF_YEAR),
									USECS_PER_DAY * 2),
							  plus(times(high - YEAR_OF_EPOCH + 2, MICROSECONDS_OF_YEAR),
								   USECS_PER_DAY * 2),
							  first, last);

		case TIME_LOCAL_DAY:
			clock_offsets(line->zone, &least, &most);
			return line_range(line->args[0], followed, minus(low, most),
							  minus(plus(high, USECS_PER_DAY), least), first, last);

		case TIME_TO_LOCAL:
			clock_offsets(line->zone, &least, &most);
			return line_range(line->args[0], followed, minus(low, most),
							  minus(high, least), first, last);

		case TIME_DAY_START:
		case TIME_FROM_LOCAL:
			clock_offsets(line->zone, &least, &most);
			return line_range(line->args[0], followed, plus(low, least),
							  plus(high, most), first, last);

		case TIME_SHIFT:
			if (line->args[0]->kind == TIME_STILL && TIME_IS_LINE(line->args[1]))
			{
				value = time_expr_value(line->args[0], followed->econtext,
									followed->from, &isnull);
				if (isnull || !value_range(line->args[0]->type, value, &least, &most))
					return false;
				if (line->sign < 0)
					return line_range(line->args[1], followed, minus(least, high),
									  minus(most, low), first, last);
				return line_range(line->args[1], followed, minus(low, most),
								  minus(high, least), first, last);
			}
			return line->args[1]->kind == TIME_STILL &&
				shift_range(line, followed, &least, &most) &&
				line_range(line->args[0], followed, minus(low, most),
						   minus(high, least), first, last);

		case TIME_ELAPSED:
		case TIME_SUM:
			moving = TIME_IS_LINE(line->args[0]) ? 0 : 1;
			if (TIME_IS_LINE(line->args[1 - moving]))
				return false;
			value = time_expr_value(line->args[1 - moving], followed->econtext,
								followed->from, &isnull);
			if (isnull ||
				!value_range(line->args[1 - moving]->type, value, &least, &most))
				return false;
			if (line->kind == TIME_ELAPSED && line->type == INT4OID)
			{
				low = times(low, USECS_PER_DAY);
				high = times(high, USECS_PER_DAY);
			}
			if (line->kind == TIME_SUM && line->sign > 0)
				return line_range(line->args[moving], followed, minus(low, most),
								  minus(high, least), first, last);
			if (moving == 0)
				return line_range(line->args[moving], followed, plus(low, least),
								  plus(high, most), first, last);
			return line_range(line->args[moving], followed, minus(least, high),
							  minus(most, low), first, last);

		case TIME_PRODUCT:
			moving = line->args[0]->kind != TIME_STILL ? 0 : 1;
			factor = factor_of(line->args[1 - moving], followed);
			if (line->sign < 0)
				factor = 1 / factor;
			if (!(fabs(factor) > 1 / MOST_EXACT) ||
				fabs(low / factor) > MOST_EXACT || fabs(high / factor) > MOST_EXACT)
				return false;
			least = (int64) floor(Min(low / factor, high / factor)) - 1;
			most = (int64) ceil(Max(low / factor, high / factor)) + 1;
			return line_range(line->args[moving], followed, least, most,
							  first, last);

		case TIME_COALESCE:
		case TIME_CHOICE:
			/* where none of them passes, neither does their choice */
			*first = PG_INT64_MAX;
			*last = PG_INT64_MIN;
			for (int i = 0; i < line->nargs; i++)
			{
				if (!TIME_IS_LINE(line->args[i]))
					continue;
				if (!line_range(line->args[i], followed, low, high, &least, &most))
					return false;
				*first = Min(*first, least);
				*last = Max(*last, most);
			}
			return true;

		default:
			return false;
	}
}

/* ---- where a line may end ---- */

/*
 * Lower *until such that up to it the line and its parts are null, or are not.
 */
static void
line_ends(TimeExpr *line, Followed *followed, TimestampTz *until)
{
	for (int i = 0; i < line->nargs; i++)
		if (line->args[i]->may_end)
			line_ends(line->args[i], followed, until);

	/* a product may begin and end again where what is multiplied passes zero */
	if (line->kind == TIME_PRODUCT && line_is_null(line, followed, followed->from))
		line_keeps(line->args[line->args[0]->kind != TIME_STILL ? 0 : 1],
				   followed, line_sign, until);
	line_keeps(line, followed, line_is_null, until);
}

/*
 * Lower *until to the first instant at which the line's state is another.  Line and
 * parts are null all the time, or not: so that but for turns of clock and calendar
 * the line rises all the time, or falls, and its state changes once.  Only nearby do
 * such turns matter; long before it is enough to know when it is near.
 */
static void
line_keeps(TimeExpr *line, Followed *followed, LineState state, TimestampTz *until)
{
	TimestampTz low = followed->from;
	TimestampTz high;
	int			here = state(line, followed, low);
	bool		near = *until <= low + MOST_OF_TURNS ||
		state(line, followed, low - MOST_OF_TURNS) != here ||
		state(line, followed, low + MOST_OF_TURNS) != here;

	if (near)
		(void) line_trend(line, followed, low, until);
	high = *until - 1;
	if (state(line, followed, high) == here)
		return;
	while (high - low > 1)
	{
		TimestampTz middle = low + (high - low) / 2;

		if (state(line, followed, middle) == here)
			low = middle;
		else
			high = middle;
	}
	*until = near ? high : high - MOST_OF_TURNS;
}

static int
line_is_null(TimeExpr *line, Followed *followed, TimestampTz at)
{
	bool		isnull;

	(void) time_expr_value(line, followed->econtext, at, &isnull);
	return isnull;
}

static int
line_sign(TimeExpr *line, Followed *followed, TimestampTz at)
{
	bool		isnull;
	Datum		value = time_expr_value(line, followed->econtext, at, &isnull);

	return isnull ? 0 :
		DatumGetInt32(DirectFunctionCall2(numeric_cmp, value,
										  NumericGetDatum(int64_to_numeric(0))));
}

/*
 * Between which values is it, of those that it may have?  In microseconds, or plain
 * numbers.  False if that comes near to what its type can hold, or is not known.
 */
static bool
line_extent(TimeExpr *line, Followed *followed, Extent *extent)
{
	Extent		parts[2];
	int64		least;
	int64		most;
	double		products[4];

	check_stack_depth();
	if (!TIME_IS_LINE(line))
		return still_extent(line, followed, extent);
	switch (line->kind)
	{
		case TIME_NOW:
			*extent = (Extent) {CLOCK_BEGIN, CLOCK_END};
			return true;

		case TIME_CHOICE:
		case TIME_COALESCE:
			*extent = (Extent) {INFINITY, -INFINITY};
			for (int i = 0; i < line->nargs; i++)
			{
				if (!line_extent(line->args[i], followed, &parts[0]))
					return false;
				extent->least = Min(extent->least, parts[0].least);
				extent->most = Max(extent->most, parts[0].most);
			}
			return true;

		default:
			for (int i = 0; i < line->nargs; i++)
				if (!line_extent(line->args[i], followed, &parts[i]))
					return false;
			break;
	}

	switch (line->kind)
	{
		case TIME_SAME:
		case TIME_TO_LOCAL:
		case TIME_FROM_LOCAL:
		case TIME_LOCAL_DAY:
		case TIME_DAY_START:
			/* an offset and a day are less than the margin */
			*extent = parts[0];
			break;
		case TIME_TRUNCATE:
			*extent = (Extent) {parts[0].least - line->length, parts[0].most};
			break;
		case TIME_SHIFT:
			if (line->args[1]->kind == TIME_STILL &&
				shift_range(line, followed, &least, &most))
				parts[1] = (Extent) {least, most};
			else if (line->sign < 0)
				parts[1] = (Extent) {-parts[1].most, -parts[1].least};
			*extent = (Extent) {
				parts[0].least + parts[1].least, parts[0].most + parts[1].most
			};
			break;
		case TIME_SUM:
			if (line->sign > 0)
			{
				*extent = (Extent) {
					parts[0].least + parts[1].least, parts[0].most + parts[1].most
				};
				break;
			}
			/* FALLTHROUGH */
		case TIME_ELAPSED:
			*extent = (Extent) {
				parts[0].least - parts[1].most, parts[0].most - parts[1].least
			};
			if (line->type == INT4OID)
			{
				extent->least /= USECS_PER_DAY;
				extent->most /= USECS_PER_DAY;
			}
			break;
		case TIME_PRODUCT:
			if (line->sign < 0)
			{
				if (parts[1].least == 0)
					return false;
				parts[1] = (Extent) {1 / parts[1].least, 1 / parts[1].most};
			}
			for (int i = 0; i < 4; i++)
				products[i] = (i & 1 ? parts[0].least : parts[0].most) *
					(i & 2 ? parts[1].least : parts[1].most);
			*extent = (Extent) {products[0], products[0]};
			for (int i = 1; i < 4; i++)
			{
				extent->least = Min(extent->least, products[i]);
				extent->most = Max(extent->most, products[i]);
			}
			break;
		default:
			return false;
	}

	switch (line->type)
	{
		case TIMESTAMPTZOID:
		case TIMESTAMPOID:
		case DATEOID:
			return extent->least > MIN_TIMESTAMP + MARGIN_OF_TIME &&
				extent->most < END_TIMESTAMP - MARGIN_OF_TIME;
		case INTERVALOID:
			return extent->least > -LONG_SPAN && extent->most < LONG_SPAN;
		default:
			return extent->least > -LARGE_NUMBER && extent->most < LARGE_NUMBER;
	}
}

/*
 * The same of what does not move, now that it is settled.  If it is null, or is not
 * finite, so is the line.
 */
static bool
still_extent(TimeExpr *still, Followed *followed, Extent *extent)
{
	bool		isnull;
	Datum		value = time_expr_value(still, followed->econtext, followed->from,
									&isnull);
	int64		least;
	int64		most;
	double		number;

	*extent = (Extent) {1, 1};
	if (isnull)
		return true;
	switch (still->type)
	{
		case TIMESTAMPTZOID:
		case TIMESTAMPOID:
			if (TIMESTAMP_NOT_FINITE(DatumGetTimestamp(value)))
				return true;
			break;
		case DATEOID:
			if (DATE_NOT_FINITE(DatumGetDateADT(value)))
				return true;
			break;
		case INTERVALOID:
			if (INTERVAL_NOT_FINITE(DatumGetIntervalP(value)))
				return true;
			break;
		case NUMERICOID:
			number = DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow,
														value));
			if (numeric_is_nan(DatumGetNumeric(value)) ||
				numeric_is_inf(DatumGetNumeric(value)))
				return true;
			*extent = (Extent) {number, number};
			return fabs(number) < LARGE_NUMBER;
		default:
			break;
	}
	if (!value_range(still->type, value, &least, &most))
		return false;
	*extent = (Extent) {least, most};
	return true;
}
