/*-------------------------------------------------------------------------
 *
 * monotone.c
 *	  When does an expression that rises with time cross a value?
 *
 *		last_order_at < now - 1 month
 *
 * The right side rises with time, and the comparison changes when the right
 * side crosses last_order_at, the level.  That instant cannot be computed
 * backwards: in spring an hour is missing, in autumn one comes twice, and on
 * 29, 30 and 31 March the right side starts again from its value of the 28th.
 * So two things are done.
 *
 * First, far from the level nothing can happen.  However the calendar turns, a
 * month is some 30 days, and the expression is far below until shortly before
 * it crosses and far above from shortly after (TimeKind.crossing).
 *
 * In between, time is cut where clocks and calendars turn: at the instant
 * itself, or at the time that the expression shows then (TimeKind.trend).
 * Between two cuts the expression only rises, so that the first microsecond at
 * which it is no longer below the level can be found by bisection.  The search
 * evaluates the expression itself, so that no two computations can disagree:
 *
 *		  value	  .		  .		 /.
 *				  .		/ .	   /  .
 *		  level --.---/---.--/----.---	crossed, uncrossed and crossed again
 *				  . /	  ./	  .
 *				 cut	 cut	 cut
 *
 * A time that is shifted by a span of the row may reach the end of the
 * calendar, or start beyond it, and a product the end of all numbers.  There
 * the value is null (filter/arithmetic.c); find_ends() finds these instants in
 * the same way.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/timestamp.h"

#include "base/base.h"
#include "time/time_private.h"

/* An expression is followed over so many turns. */
#define MOST_PIECES		200

/* How far turns of clocks and calendars take an expression back. */
#define MOST_OF_TURNS	(MOST_OFFSET + MOST_OF_MONTHS)

static const Limits always = {PG_INT64_MIN, PG_INT64_MAX};

static void settle_args(TimeExpr *expr, const TimeSearch *search,
						TimestampTz *until);
static void find_ends(TimeExpr *expr, const TimeSearch *search,
					  TimestampTz *until);
static Limits near_level(TimeExpr *expr, const TimeSearch *search,
						 const Level *level);
static TimestampTz next_jump(TimeExpr *expr, const TimeSearch *search);
static TimestampTz first_change(TimeExpr *expr, const TimeSearch *search,
								const Level *level, const bool *holds,
								const Limits *near, TimestampTz until);
static bool side_of(TimeExpr *expr, const TimeSearch *search,
					const Level *level, TimestampTz at, int *side);
static TimestampTz leaves_side(TimeExpr *expr, const TimeSearch *search,
							   const Level *level, int side, TimestampTz low,
							   TimestampTz high);

/* ---- on behalf of any monotone kind ---- */

void
monotone_stable_until(TimeExpr *expr, const TimeSearch *search,
					  TimestampTz *until)
{
	static const bool on_it[3] = {false, true, false};
	bool		isnull;
	Datum		value;
	Level		level;

	monotone_settle(expr, search, until);
	value = time_expr_value(expr, search->econtext, search->from, &isnull);
	if (isnull)
		return;
	level = level_of(expr->type, value, &expr->compare);
	monotone_stays(expr, search, &level, on_it, until);
}

bool
monotone_predictable(const TimeExpr *expr)
{
	return expr->jumps && monotone_trend_is_known(expr);
}

Trend
monotone_trend(TimeExpr *expr, const TimeSearch *search, TimestampTz *until)
{
	check_stack_depth();
	return is_monotone(expr) ? expr->kind->trend(expr, search, until) :
		TREND_CONSTANT;
}

bool
monotone_trend_is_known(const TimeExpr *expr)
{
	if (!is_monotone(expr))
		return time_expr_is_predictable(expr);
	return args_trend_is_known(expr) &&
		(expr->kind->trend_is_known == NULL ||
		 expr->kind->trend_is_known(expr));
}

bool
args_trend_is_known(const TimeExpr *expr)
{
	for (int i = 0; i < expr->nargs; i++)
		if (!monotone_trend_is_known(expr->args[i]))
			return false;
	return true;
}

bool
monotone_crossing(TimeExpr *expr, const TimeSearch *search, Limits values,
				  Limits *instants)
{
	check_stack_depth();
	return expr->kind->crossing != NULL &&
		expr->kind->crossing(expr, search, values, instants);
}

bool
monotone_bounds(TimeExpr *expr, const TimeSearch *search, Bounds *bounds)
{
	check_stack_depth();
	if (!is_monotone(expr))
		return settled_bounds(expr, search, bounds);
	return expr->kind->bounds != NULL &&
		expr->kind->bounds(expr, search, bounds);
}

Trend
trend_unknown(TimeExpr *expr, const TimeSearch *search, Trend trend,
			  TimestampTz *until)
{
	if (trend != TREND_CONSTANT)
		args_stable_until(expr, search, until);
	return TREND_CONSTANT;
}

Trend
trend_of_first(TimeExpr *expr, const TimeSearch *search, TimestampTz *until)
{
	return monotone_trend(expr->args[0], search, until);
}

bool
crossing_of_first(TimeExpr *expr, const TimeSearch *search, Limits values,
				  Limits *instants)
{
	return monotone_crossing(expr->args[0], search, values, instants);
}

bool
bounds_of_first(TimeExpr *expr, const TimeSearch *search, Bounds *bounds)
{
	return monotone_bounds(expr->args[0], search, bounds) &&
		bounds_fit(expr->type, bounds);
}

/* ---- until when is an expression made of the clock and constants? ---- */

void
monotone_settle(TimeExpr *expr, const TimeSearch *search, TimestampTz *until)
{
	Bounds		bounds;

	if (!is_monotone(expr))
	{
		stable_until(expr, search, until);
		return;
	}
	settle_args(expr, search, until);
	if (expr->may_end && !monotone_bounds(expr, search, &bounds))
		find_ends(expr, search, until);
}

static void
settle_args(TimeExpr *expr, const TimeSearch *search, TimestampTz *until)
{
	for (int i = 0; i < expr->nargs; i++)
		if (!is_monotone(expr->args[i]))
			stable_until(expr->args[i], search, until);
		else
			settle_args(expr->args[i], search, until);
}

/*
 * Lower *until such that until then the expression and its arguments are null,
 * or are not.
 */
static void
find_ends(TimeExpr *expr, const TimeSearch *search, TimestampTz *until)
{
	for (int i = 0; i < expr->nargs; i++)
		if (expr->args[i]->may_end)
			find_ends(expr->args[i], search, until);
	if (expr->kind->end != NULL)
		expr->kind->end(expr, search, until);
	monotone_keeps(expr, search, monotone_is_null, until);
}

/*
 * While the arguments are null all the time or never, the expression only
 * rises or only falls between two turns of clock and calendar, and its state
 * changes once.  Turns matter only nearby; long before, an instant before all
 * of them is close enough.
 */
void
monotone_keeps(TimeExpr *expr, const TimeSearch *search, MonotoneState state,
			   TimestampTz *until)
{
	TimestampTz low = search->from;
	TimestampTz high;
	int			here = state(expr, search, low);
	bool		near = *until <= low + MOST_OF_TURNS ||
		state(expr, search, low - MOST_OF_TURNS) != here ||
		state(expr, search, low + MOST_OF_TURNS) != here;
	TimeSearch	exact = {search->econtext, low, false};

	if (near)
		(void) monotone_trend(expr, &exact, until);
	high = *until - 1;
	if (state(expr, search, high) == here)
		return;
	while (high - low > 1)
	{
		TimestampTz middle = low + (high - low) / 2;

		if (state(expr, search, middle) == here)
			low = middle;
		else
			high = middle;
	}
	*until = near ? high : high - MOST_OF_TURNS;
}

int
monotone_is_null(TimeExpr *expr, const TimeSearch *search, TimestampTz at)
{
	bool		isnull;

	(void) time_expr_value(expr, search->econtext, at, &isnull);
	return isnull;
}

/* ---- when does an expression cross a level? ---- */

void
monotone_stays(TimeExpr *expr, const TimeSearch *search, const Level *level,
			   const bool *holds, TimestampTz *until)
{
	TimestampTz from = search->from;
	Limits		near;

	monotone_settle(expr, search, until);
	near = near_level(expr, search, level);
	if (search->coarse && (from < near.least || from > near.most))
	{
		if (from < near.least)
			*until = Min(*until, near.least);
	}
	else if (search->coarse && expr->without_row && expr->jumps)
		*until = Min(*until, next_jump(expr, search));
	else
		*until = first_change(expr, search, level, holds, &near, *until);
}

/* The first and the last instant at which the expression may cross a level. */
static Limits
near_level(TimeExpr *expr, const TimeSearch *search, const Level *level)
{
	const Limits *delay;
	Limits		instants;

	if (!level->measured)
		return always;
	delay = monotone_delay(expr, search);
	if (delay != NULL)
		return limits_plus(level->limits, *delay);
	return monotone_crossing(expr, search, level->limits, &instants) ?
		instants : always;
}

const Limits *
monotone_delay(TimeExpr *expr, const TimeSearch *search)
{
	static const Limits zero = {0, 0};

	if (!expr->delay_sought)
	{
		expr->delay_known = expr->without_row && expr->delays &&
			monotone_crossing(expr, search, zero, &expr->delay);
		expr->delay_sought = true;
	}
	return expr->delay_known ? &expr->delay : NULL;
}

/*
 * When does an expression without the row jump next?  The answer is the same
 * for all rows, and kept.
 */
static TimestampTz
next_jump(TimeExpr *expr, const TimeSearch *search)
{
	if (search->from < expr->same_from || search->from >= expr->same_until)
	{
		TimeSearch	exact = {search->econtext, search->from, false};
		TimestampTz until = CLOCK_END;

		stable_until(expr, &exact, &until);
		expr->same_from = search->from;
		expr->same_until = until;
	}
	return expr->same_until;
}

/*
 * The first instant before 'until' at which the answer is another than at
 * search->from; or 'until'.  Follows the expression from cut to cut.
 */
static TimestampTz
first_change(TimeExpr *expr, const TimeSearch *search, const Level *level,
			 const bool *holds, const Limits *near, TimestampTz until)
{
	TimeSearch	piece = {search->econtext, search->from, false};
	TimestampTz end;
	int			here;
	int			there;
	bool		before;

	if (!side_of(expr, search, level, search->from, &here))
		return until;
	before = holds[here + 1];

	for (int pieces = 0; pieces < MOST_PIECES; pieces++)
	{
		CHECK_FOR_INTERRUPTS();
		piece.from = Max(piece.from, near->least);
		if (piece.from >= until || piece.from > near->most)
			return until;
		end = until - 1 > near->most ? near->most + 1 : until;
		(void) monotone_trend(expr, &piece, &end);

		for (;;)
		{
			if (!side_of(expr, search, level, piece.from, &here) ||
				holds[here + 1] != before)
				return piece.from;
			if (!side_of(expr, search, level, end - 1, &there) ||
				there == here)
				break;
			piece.from = leaves_side(expr, search, level, here, piece.from,
									 end - 1);
		}
		piece.from = end;
	}
	return Min(until, piece.from);
}

/*
 * Does the expression lie below the level, on it, or above: -1, 0, 1?  False:
 * the expression is null.
 */
static bool
side_of(TimeExpr *expr, const TimeSearch *search, const Level *level,
		TimestampTz at, int *side)
{
	bool		isnull;
	Datum		value = time_expr_value(expr, search->econtext, at, &isnull);
	int			order;

	if (isnull)
		return false;
	order = DatumGetInt32(FunctionCall2(level->compare, value, level->value));
	*side = order < 0 ? -1 : order > 0 ? 1 : 0;
	return true;
}

/*
 * The first instant at which the expression has left a side of the level.  It
 * is on that side at 'low' and not at 'high', with one trend between the two.
 */
static TimestampTz
leaves_side(TimeExpr *expr, const TimeSearch *search, const Level *level,
			int side, TimestampTz low, TimestampTz high)
{
	bool		isnull;
	int			there;

	/* mostly it rises as time does, and is there after what it lacks now */
	if (side < 0 && level->measured &&
		level->limits.least == level->limits.most &&
		(expr->type == TIMESTAMPTZOID || expr->type == TIMESTAMPOID))
	{
		Datum		value = time_expr_value(expr, search->econtext, low,
											&isnull);
		TimestampTz guess = plus(low, minus(level->limits.least,
											DatumGetTimestamp(value)));

		if (!isnull && guess > low && guess < high &&
			side_of(expr, search, level, guess - 1, &there) && there == side &&
			side_of(expr, search, level, guess, &there) && there != side)
			return guess;
	}
	while (high - low > 1)
	{
		TimestampTz middle = low + (high - low) / 2;

		there = side;
		if (side_of(expr, search, level, middle, &there) && there == side)
			low = middle;
		else
			high = middle;
	}
	return high;
}

void
monotone_cut(TimeExpr *expr, const TimeSearch *search, Timestamp time,
			 TimestampTz *until)
{
	Level		level;
	int			side;
	Limits		near;
	TimestampTz low = search->from;
	TimestampTz high = *until - 1;

	if (TIMESTAMP_NOT_FINITE(time))
		return;
	level = level_of(expr->type, TimestampGetDatum(time), &expr->compare);
	if (!monotone_crossing(expr, search, level.limits, &near))
		near = (Limits) {low, high};
	/* far below it for sure: spare the longest way */
	if (near.least > *until)
		return;
	if (!side_of(expr, search, &level, high, &side) || side < 0)
		return;
	if (near.least > low)
		low = near.least - 1;
	if (near.most < high)
		high = near.most + 1;
	*until = leaves_side(expr, search, &level, -1, low, high);
}
