/*-------------------------------------------------------------------------
 *
 * kind_anniversary.c
 *	  Until when does an anniversary lie between two days?
 *
 *		has_anniversary(birthday, today, today + 7)
 *
 * Anniversaries are to their bounds what events are to a window: one enters
 * when the later bound reaches it, and leaves when the earlier bound passes.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/date.h"
#include "utils/datetime.h"

#include "time/time_private.h"

static const TimeFunction anniversary_functions[] = {
	OWN_FUNCTION("has_anniversary", DATEOID),
};

static bool
anniversary_recognise(TimeExpr *expr, const TimeCall *call)
{
	return time_function_find(call, anniversary_functions,
							  lengthof(anniversary_functions)) != NULL;
}

/*
 * Lower *until to where a bound passes an anniversary of the day, be it one of
 * the bound's year or of the years beside that.
 */
static void
bound_stable(TimeExpr *bound, DateADT day, const bool *holds,
			 const TimeSearch *search, TimestampTz *until)
{
	bool		isnull;
	DateADT		value;
	int			year;
	int			month;
	int			mday;
	int			bound_year;
	int			ignored;

	if (!is_monotone(bound))
	{
		stable_until(bound, search, until);
		return;
	}
	value = DatumGetDateADT(time_expr_value(bound, search->econtext,
											search->from, &isnull));
	if (isnull || DATE_NOT_FINITE(value))
		return;
	j2date(day + POSTGRES_EPOCH_JDATE, &year, &month, &mday);
	j2date(value + POSTGRES_EPOCH_JDATE, &bound_year, &ignored, &ignored);
	for (int y = Max(bound_year - 1, year + 1);
		 y <= Max(bound_year, year) + 1; y++)
	{
		DateADT		anniversary = calendar_anniversary(y, month, mday);
		Level		level = level_of(DATEOID, DateADTGetDatum(anniversary),
									 &bound->compare);

		monotone_stays(bound, search, &level, holds, until);
	}
}

/* has_anniversary(day, from, to): the day of 'from' itself counts. */
static void
anniversary_stable(TimeExpr *expr, const TimeSearch *search,
				   TimestampTz *until)
{
	static const bool above[3] = {false, false, true};
	static const bool at_or_above[3] = {false, true, true};
	bool		isnull;
	DateADT		day;

	if (!is_constant(expr->args[0]))
	{
		args_stable_until(expr, search, until);
		return;
	}
	day = DatumGetDateADT(time_expr_value(expr->args[0], search->econtext,
										  search->from, &isnull));
	if (isnull || DATE_NOT_FINITE(day))
		return;
	bound_stable(expr->args[1], day, above, search, until);
	bound_stable(expr->args[2], day, at_or_above, search, until);
}

static bool
anniversary_predictable(const TimeExpr *expr)
{
	return time_expr_is_predictable(expr->args[0]) &&
		monotone_trend_is_known(expr->args[1]) &&
		monotone_trend_is_known(expr->args[2]);
}

const TimeKind kind_anniversary = {
	.name = "anniversary",
	.recognise = anniversary_recognise,
	.stable = anniversary_stable,
	.predictable = anniversary_predictable,
};
