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

#include "time/curve.h"

static bool parts_are_solvable(const TimeExpr *curve);
static bool line_settles(const TimeExpr *line);

bool
time_expr_is_predictable(const TimeExpr *curve)
{
	check_stack_depth();
	switch (curve->kind)
	{
		case TIME_STILL:
			return true;
		case TIME_COMPARISON:
			{
				const TimeExpr *line = curve->args[TIME_IS_LINE(curve->args[0]) ? 0 : 1];
				const TimeExpr *other = curve->args[TIME_IS_LINE(curve->args[0]) ? 1 : 0];

				if (!TIME_IS_LINE(line) || TIME_IS_LINE(other))
					return parts_are_solvable(curve);
				return time_expr_is_predictable(other) && line_settles(line);
			}
		case TIME_WINDOW:
		case TIME_ANNIVERSARY:
			for (int i = 0; i < curve->nargs; i++)
				if (TIME_IS_LINE(curve->args[i]) && i > 0 ?
					!line_settles(curve->args[i]) :
					!time_expr_is_predictable(curve->args[i]))
					return false;
			return true;
		case TIME_FIELD:
		case TIME_IS_SET:
			return TIME_IS_LINE(curve->args[0]) ? line_settles(curve->args[0]) :
				time_expr_is_predictable(curve->args[0]);
		case TIME_ALL:
		case TIME_ANY:
		case TIME_OTHER:
			return parts_are_solvable(curve);
		default:
			return time_expr_jumps(curve) && line_settles(curve);
	}
}

static bool
parts_are_solvable(const TimeExpr *curve)
{
	for (int i = 0; i < curve->nargs; i++)
		if (!time_expr_is_predictable(curve->args[i]))
			return false;
	return true;
}

/* What is part of a line and none itself; and does it rise, or fall, for a while? */
static bool
line_settles(const TimeExpr *line)
{
	int			moving = 0;

	if (!TIME_IS_LINE(line))
		return time_expr_is_predictable(line);
	for (int i = 0; i < line->nargs; i++)
	{
		if (!line_settles(line->args[i]))
			return false;
		moving += TIME_IS_LINE(line->args[i]);
	}

	/* one that rises less one that rises, and what is shifted on a calendar */
	if (line->kind == TIME_ELAPSED || (line->kind == TIME_SUM && line->sign < 0))
		return moving < 2 || time_expr_jumps(line);
	if (line->kind == TIME_SHIFT && line->args[1]->type == INTERVALOID &&
		line->args[0]->type == TIMESTAMPTZOID)
		return line->args[1]->kind == TIME_STILL;
	return true;
}

bool
time_expr_jumps(const TimeExpr *line)
{
	if (!TIME_IS_LINE(line) || line->kind == TIME_TRUNCATE ||
		line->kind == TIME_LOCAL_DAY || line->kind == TIME_YEAR)
		return true;
	if (line->kind == TIME_NOW)
		return false;
	if (line->jumps)
		return true;
	for (int i = 0; i < line->nargs; i++)
		if (!time_expr_jumps(line->args[i]))
			return false;
	return true;
}
