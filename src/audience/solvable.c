/*-------------------------------------------------------------------------
 *
 * solvable.c
 *	  Can it be said when the value of an expression changes?
 *
 *		last_order_at < now - 30 days			when the line passes the value
 *		days_between(joined, today) > 3			when it jumps, at midnight
 *		now - last_order_at > now - joined		both move all the time: at any
 *												microsecond, as far as we know
 *
 * Where it cannot, members are not stored.  The cases are those of steady.c, read
 * off the expression alone.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"

#include "audience/curve.h"

static bool parts_are_solvable(const Curve *curve);
static bool line_settles(const Curve *line);

bool
curve_is_solvable(const Curve *curve)
{
	check_stack_depth();
	switch (curve->kind)
	{
		case CURVE_STILL:
			return true;
		case CURVE_COMPARISON:
			{
				const Curve *line = curve->args[CURVE_IS_LINE(curve->args[0]) ? 0 : 1];
				const Curve *other = curve->args[CURVE_IS_LINE(curve->args[0]) ? 1 : 0];

				if (!CURVE_IS_LINE(line) || CURVE_IS_LINE(other))
					return parts_are_solvable(curve);
				return curve_is_solvable(other) && line_settles(line);
			}
		case CURVE_WINDOW:
		case CURVE_ANNIVERSARY:
			for (int i = 0; i < curve->nargs; i++)
				if (CURVE_IS_LINE(curve->args[i]) && i > 0 ?
					!line_settles(curve->args[i]) :
					!curve_is_solvable(curve->args[i]))
					return false;
			return true;
		case CURVE_FIELD:
		case CURVE_IS_SET:
			return CURVE_IS_LINE(curve->args[0]) ? line_settles(curve->args[0]) :
				curve_is_solvable(curve->args[0]);
		case CURVE_ALL:
		case CURVE_ANY:
		case CURVE_OTHER:
			return parts_are_solvable(curve);
		default:
			return curve_jumps(curve) && line_settles(curve);
	}
}

static bool
parts_are_solvable(const Curve *curve)
{
	for (int i = 0; i < curve->nargs; i++)
		if (!curve_is_solvable(curve->args[i]))
			return false;
	return true;
}

/* What is part of a line and none itself; and does it rise, or fall, for a while? */
static bool
line_settles(const Curve *line)
{
	int			moving = 0;

	if (!CURVE_IS_LINE(line))
		return curve_is_solvable(line);
	for (int i = 0; i < line->nargs; i++)
	{
		if (!line_settles(line->args[i]))
			return false;
		moving += CURVE_IS_LINE(line->args[i]);
	}

	/* one that rises less one that rises, and what is shifted on a calendar */
	if (line->kind == CURVE_ELAPSED || (line->kind == CURVE_SUM && line->sign < 0))
		return moving < 2 || curve_jumps(line);
	if (line->kind == CURVE_SHIFT && line->args[1]->type == INTERVALOID &&
		line->args[0]->type == TIMESTAMPTZOID)
		return line->args[1]->kind == CURVE_STILL;
	return true;
}

bool
curve_jumps(const Curve *line)
{
	if (!CURVE_IS_LINE(line) || line->kind == CURVE_TRUNCATE ||
		line->kind == CURVE_LOCAL_DAY || line->kind == CURVE_YEAR)
		return true;
	if (line->kind == CURVE_NOW)
		return false;
	if (line->jumps)
		return true;
	for (int i = 0; i < line->nargs; i++)
		if (!curve_jumps(line->args[i]))
			return false;
	return true;
}
