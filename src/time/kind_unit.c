/*-------------------------------------------------------------------------
 *
 * kind_unit.c
 *	  When does a time come to another unit of the calendar?
 *
 *		date_trunc('month', local)		the first of the month: only rises
 *		extract('year', local)			only rises
 *		extract('month', local)			is 1 to 12, and begins anew
 *
 * The fields of a time but its year go round, so they are not monotone: they
 * are the same until the time comes to the next turn of the unit.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/date.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

#include "time/time_private.h"

/* Years, on average, from that of the server's epoch on. */
#define YEAR_OF_EPOCH	2000
#define MICROSECONDS_OF_YEAR	(12 * MICROSECONDS_OF_MONTH)

/*
 * The units of date_trunc and extract, how long one lasts at most, and from
 * which number to which extract counts them.
 */
typedef struct Unit
{
	const char *name;
	CalendarUnit unit;
	int64		days;
	int			first;
	int			last;
} Unit;

static const Unit units[] = {
	{"hour", CALENDAR_HOUR, 1, 0, 23},
	{"day", CALENDAR_DAY, 1, 1, 31},
	{"isodow", CALENDAR_DAY, 1, 1, 7},
	{"week", CALENDAR_WEEK, 7, 1, 53},
	{"month", CALENDAR_MONTH, 31, 1, 12},
	{"quarter", CALENDAR_QUARTER, 92, 1, 4},
	{"year", CALENDAR_YEAR, 366, 0, 0},
};

/* The unit to which a cast to date truncates. */
static const Unit cast_to_date = {NULL, CALENDAR_DAY, 1, 0, 0};

static const TimeFunction cast_functions[] = {
	{F_DATE_TIMESTAMP},
};

static const TimeFunction truncate_functions[] = {
	{F_DATE_TRUNC_TEXT_TIMESTAMP},
};

static const TimeFunction extract_functions[] = {
	{F_EXTRACT_TEXT_TIMESTAMP},
	{F_EXTRACT_TEXT_DATE},
};

static const Unit *
find_unit(Node *name)
{
	char	   *text = constant_text(name);

	for (int i = 0; text != NULL && i < lengthof(units); i++)
		if (strcmp(units[i].name, text) == 0)
			return &units[i];
	return NULL;
}

/* ---- truncate ---- */

/* Does the node round a time down to the beginning of a unit? */
static bool
truncate_recognise(TimeExpr *expr, const TimeCall *call)
{
	const Unit *unit;

	if (time_function_find(call, cast_functions, lengthof(cast_functions)))
	{
		expr->noted = unconstify(Unit *, &cast_to_date);
		return true;
	}
	if (time_function_find(call, truncate_functions,
						   lengthof(truncate_functions)) == NULL)
		return false;
	unit = find_unit(linitial(call->args));
	if (unit == NULL)
		return false;
	expr->noted = unconstify(Unit *, unit);
	drop_argument(expr, 0);
	return true;
}

/* What truncation takes away at most. */
static int64
length_of_unit(const TimeExpr *expr)
{
	return ((const Unit *) expr->noted)->days * USECS_PER_DAY;
}

static bool
truncate_crossing(TimeExpr *expr, const TimeSearch *search, Limits values,
				  Limits *instants)
{
	values.most = plus(values.most, length_of_unit(expr));
	return monotone_crossing(expr->args[0], search, values, instants);
}

static bool
truncate_bounds(TimeExpr *expr, const TimeSearch *search, Bounds *bounds)
{
	if (!monotone_bounds(expr->args[0], search, bounds))
		return false;
	bounds->least -= length_of_unit(expr);
	return bounds_fit(expr->type, bounds);
}

const TimeKind kind_truncate = {
	.name = "truncate",
	.recognise = truncate_recognise,
	.stable = monotone_stable_until,
	.predictable = monotone_predictable,
	.monotone = true,
	.jumps = true,
	.delays = true,
	.trend = trend_of_first,
	.crossing = truncate_crossing,
	.bounds = truncate_bounds,
};

/* ---- the number of the year, and other fields ---- */

/* Is extract() called for a year ('year'), or for another unit? */
static bool
extract_recognise(TimeExpr *expr, const TimeCall *call, bool year)
{
	const Unit *unit;

	if (time_function_find(call, extract_functions,
						   lengthof(extract_functions)) == NULL)
		return false;
	unit = find_unit(linitial(call->args));
	if (unit == NULL || (unit->unit == CALENDAR_YEAR) != year)
		return false;
	expr->noted = unconstify(Unit *, unit);
	drop_argument(expr, 0);
	return true;
}

static bool
year_recognise(TimeExpr *expr, const TimeCall *call)
{
	return extract_recognise(expr, call, true);
}

/* A year on average begins within two days of that year. */
static bool
year_crossing(TimeExpr *expr, const TimeSearch *search, Limits values,
			  Limits *instants)
{
	int64		first = values.least - YEAR_OF_EPOCH - 1;
	int64		last = values.most - YEAR_OF_EPOCH + 2;
	Limits		time;

	time.least = minus(times(first, MICROSECONDS_OF_YEAR), USECS_PER_DAY * 2);
	time.most = plus(times(last, MICROSECONDS_OF_YEAR), USECS_PER_DAY * 2);
	return monotone_crossing(expr->args[0], search, time, instants);
}

const TimeKind kind_year = {
	.name = "year",
	.recognise = year_recognise,
	.stable = monotone_stable_until,
	.predictable = monotone_predictable,
	.monotone = true,
	.jumps = true,
	.trend = trend_of_first,
	.crossing = year_crossing,
};

static bool
field_recognise(TimeExpr *expr, const TimeCall *call)
{
	return extract_recognise(expr, call, false);
}

/* A field is the same until its time, rising or falling, leaves the unit. */
static void
field_stable(TimeExpr *expr, const TimeSearch *search, TimestampTz *until)
{
	static const bool at_or_above[3] = {false, true, true};
	TimeExpr   *time = expr->args[0];
	CalendarUnit unit = ((const Unit *) expr->noted)->unit;
	TimeSearch	exact = {search->econtext, search->from, false};
	bool		isnull;
	Datum		value;
	Timestamp	local;
	Level		level;

	monotone_settle(time, search, until);
	if (!is_monotone(time))
		return;
	value = time_expr_value(time, search->econtext, search->from, &isnull);
	if (isnull)
		return;
	if (time->type == DATEOID)
		value = DirectFunctionCall1(date_timestamp, value);
	local = DatumGetTimestamp(value);
	if (TIMESTAMP_NOT_FINITE(local))
		return;
	switch (monotone_trend(time, &exact, until))
	{
		case TREND_CONSTANT:
			return;
		case TREND_FALLS:
			local = calendar_unit_start(unit, local);
			break;
		case TREND_RISES:
			local = calendar_turn_after(unit, local);
			break;
	}
	value = TimestampGetDatum(local);
	if (time->type == DATEOID)
		value = DirectFunctionCall1(timestamp_date, value);
	level = level_of(time->type, value, &time->compare);
	monotone_stays(time, search, &level, at_or_above, until);
}

static void
field_numbers(const TimeExpr *expr, int *first, int *last)
{
	*first = ((const Unit *) expr->noted)->first;
	*last = ((const Unit *) expr->noted)->last;
}

const TimeKind kind_field = {
	.name = "field",
	.recognise = field_recognise,
	.stable = field_stable,
	.predictable = args_trend_is_known,
	.numbers = field_numbers,
};
