/*-------------------------------------------------------------------------
 *
 * arithmetic_time.c
 *	  The arithmetic of compiled filters with times and spans.
 *
 *		segment.add('294276-12-31'::timestamp, '1 day')		NULL
 *		segment.add('Europe/Copenhagen', instant, '1 mon')	on its calendar
 *		segment.local_time('Europe/Copenhagen', instant)	NULL at the ends
 *
 * As in arithmetic.c, the answer is that of the server where it has one, and
 * NULL, missing, where it would raise an error: beyond the calendar.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/int.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

#include "base/base.h"

/* spans and times */
SEGMENT_FUNCTION(segment_add_interval);
SEGMENT_FUNCTION(segment_subtract_interval);
SEGMENT_FUNCTION(segment_calendar_part);
SEGMENT_FUNCTION(segment_clock_part);
SEGMENT_FUNCTION(segment_add_timestamp);
SEGMENT_FUNCTION(segment_subtract_timestamp);
SEGMENT_FUNCTION(segment_add_timestamptz);
SEGMENT_FUNCTION(segment_subtract_timestamptz);
SEGMENT_FUNCTION(segment_add_in_zone);
SEGMENT_FUNCTION(segment_subtract_in_zone);
SEGMENT_FUNCTION(segment_add_date);
SEGMENT_FUNCTION(segment_subtract_date);

/* between kinds of time */
SEGMENT_FUNCTION(segment_local_time_in_zone);
SEGMENT_FUNCTION(segment_local_time);
SEGMENT_FUNCTION(segment_local_time_of_date);
SEGMENT_FUNCTION(segment_instant_in_zone);
SEGMENT_FUNCTION(segment_instant);

/* Offsets from UTC are less than that; near the ends no zone changes. */
#define EDGE_OF_TIME	(2 * USECS_PER_DAY)
#define INWARDS			(14 * USECS_PER_DAY)

static Datum added_spans(FunctionCallInfo fcinfo, int sign);
static Interval *copy_of_span(const Interval *span);
static Datum shifted(FunctionCallInfo fcinfo, int sign, pg_tz *zone);
static Datum shifted_in_zone(FunctionCallInfo fcinfo, int sign);
static Datum shifted_date(FunctionCallInfo fcinfo, int sign);
static bool shift(Timestamp *time, const Interval *span, int sign,
				  pg_tz *zone);
static bool shift_months(Timestamp *time, int64 months, pg_tz *zone);
static bool shift_days(Timestamp *time, int64 days, pg_tz *zone);
static bool to_fields(Timestamp time, pg_tz *zone, struct pg_tm *tm,
					  fsec_t *fsec);
static bool from_fields(struct pg_tm *tm, fsec_t fsec, pg_tz *zone,
						Timestamp *time);
static bool in_zone(PGFunction function, Datum zone, Timestamp *time);

Datum
segment_add_interval(PG_FUNCTION_ARGS)
{
	return added_spans(fcinfo, 1);
}

Datum
segment_subtract_interval(PG_FUNCTION_ARGS)
{
	return added_spans(fcinfo, -1);
}

/* added_spans() adds two spans, or subtracts the second if sign < 0. */
static Datum
added_spans(FunctionCallInfo fcinfo, int sign)
{
	const Interval *a = PG_GETARG_INTERVAL_P(0);
	const Interval *b = PG_GETARG_INTERVAL_P(1);
	Interval   *sum;

	if (INTERVAL_NOT_FINITE(a) || INTERVAL_NOT_FINITE(b))
	{
		/* infinity less infinity */
		if (INTERVAL_NOT_FINITE(a) && INTERVAL_NOT_FINITE(b) &&
			(INTERVAL_IS_NOEND(a) == INTERVAL_IS_NOEND(b)) != (sign > 0))
			PG_RETURN_NULL();
		return DirectFunctionCall2(sign > 0 ? interval_pl : interval_mi,
								   IntervalPGetDatum(a), IntervalPGetDatum(b));
	}

	sum = palloc(sizeof(Interval));
	if (sign > 0 ?
		pg_add_s32_overflow(a->month, b->month, &sum->month) ||
		pg_add_s32_overflow(a->day, b->day, &sum->day) ||
		pg_add_s64_overflow(a->time, b->time, &sum->time) :
		pg_sub_s32_overflow(a->month, b->month, &sum->month) ||
		pg_sub_s32_overflow(a->day, b->day, &sum->day) ||
		pg_sub_s64_overflow(a->time, b->time, &sum->time))
		PG_RETURN_NULL();
	if (INTERVAL_NOT_FINITE(sum))
		PG_RETURN_NULL();
	PG_RETURN_INTERVAL_P(sum);
}

/*
 * Split a span into months and days, and the rest.  If the span is infinite,
 * so are both.
 */
Datum
segment_calendar_part(PG_FUNCTION_ARGS)
{
	Interval   *part = copy_of_span(PG_GETARG_INTERVAL_P(0));

	if (!INTERVAL_NOT_FINITE(part))
		part->time = 0;
	PG_RETURN_INTERVAL_P(part);
}

Datum
segment_clock_part(PG_FUNCTION_ARGS)
{
	Interval   *part = copy_of_span(PG_GETARG_INTERVAL_P(0));

	if (!INTERVAL_NOT_FINITE(part))
		part->day = part->month = 0;
	PG_RETURN_INTERVAL_P(part);
}

static Interval *
copy_of_span(const Interval *span)
{
	Interval   *copy = palloc(sizeof(Interval));

	*copy = *span;
	return copy;
}

Datum
segment_add_timestamp(PG_FUNCTION_ARGS)
{
	return shifted(fcinfo, 1, NULL);
}

Datum
segment_subtract_timestamp(PG_FUNCTION_ARGS)
{
	return shifted(fcinfo, -1, NULL);
}

/* on the calendar of the session, as the server does it */
Datum
segment_add_timestamptz(PG_FUNCTION_ARGS)
{
	return shifted(fcinfo, 1, session_timezone);
}

Datum
segment_subtract_timestamptz(PG_FUNCTION_ARGS)
{
	return shifted(fcinfo, -1, session_timezone);
}

/* (time, span) */
static Datum
shifted(FunctionCallInfo fcinfo, int sign, pg_tz *zone)
{
	Timestamp	time = PG_GETARG_TIMESTAMP(0);

	if (!shift(&time, PG_GETARG_INTERVAL_P(1), sign, zone))
		PG_RETURN_NULL();
	PG_RETURN_TIMESTAMP(time);
}

Datum
segment_add_in_zone(PG_FUNCTION_ARGS)
{
	return shifted_in_zone(fcinfo, 1);
}

Datum
segment_subtract_in_zone(PG_FUNCTION_ARGS)
{
	return shifted_in_zone(fcinfo, -1);
}

/*
 * (zone, instant, span): months and days on the calendar of the zone, then the
 * rest on the clock.
 */
static Datum
shifted_in_zone(FunctionCallInfo fcinfo, int sign)
{
	Datum		zone = PG_GETARG_DATUM(0);
	TimestampTz time = PG_GETARG_TIMESTAMPTZ(1);
	Interval	calendar = *PG_GETARG_INTERVAL_P(2);
	Interval	clock = {.time = calendar.time};

	/* which stays infinite */
	if (INTERVAL_NOT_FINITE(&calendar))
		clock = calendar;
	else if (calendar.month != 0 || calendar.day != 0)
	{
		calendar.time = 0;
		if (!in_zone(timestamptz_zone, zone, &time) ||
			!shift(&time, &calendar, sign, NULL) ||
			!in_zone(timestamp_zone, zone, &time))
			PG_RETURN_NULL();
	}
	if (!shift(&time, &clock, sign, NULL))
		PG_RETURN_NULL();
	PG_RETURN_TIMESTAMPTZ(time);
}

Datum
segment_add_date(PG_FUNCTION_ARGS)
{
	return shifted_date(fcinfo, 1);
}

Datum
segment_subtract_date(PG_FUNCTION_ARGS)
{
	return shifted_date(fcinfo, -1);
}

/* (date, span): a local time */
static Datum
shifted_date(FunctionCallInfo fcinfo, int sign)
{
	int			overflow;
	Timestamp	time = date2timestamp_opt_overflow(PG_GETARG_DATEADT(0),
												   &overflow);

	if (overflow != 0 || !shift(&time, PG_GETARG_INTERVAL_P(1), sign, NULL))
		PG_RETURN_NULL();
	PG_RETURN_TIMESTAMP(time);
}

/*
 * Move a time by a span, as the server does: by its months, then its days,
 * then the rest.  With a zone the time is an instant, and months and days are
 * those of the zone; else it is local.  False if the calendar ends before.
 */
static bool
shift(Timestamp *time, const Interval *span, int sign, pg_tz *zone)
{
	int64		rest = span->time;

	if (INTERVAL_NOT_FINITE(span))
	{
		bool		forever = INTERVAL_IS_NOEND(span) == (sign > 0);

		if (TIMESTAMP_NOT_FINITE(*time) &&
			TIMESTAMP_IS_NOEND(*time) != forever)
			return false;
		*time = forever ? DT_NOEND : DT_NOBEGIN;
		return true;
	}
	if (TIMESTAMP_NOT_FINITE(*time))
		return true;
	if (sign < 0 && pg_sub_s64_overflow(0, rest, &rest))
		return false;
	return (span->month == 0 ||
			shift_months(time, (int64) span->month * sign, zone)) &&
		(span->day == 0 || shift_days(time, (int64) span->day * sign, zone)) &&
		!pg_add_s64_overflow(*time, rest, time) && IS_VALID_TIMESTAMP(*time);
}

/* A day that the month does not have is its last one. */
static bool
shift_months(Timestamp *time, int64 months, pg_tz *zone)
{
	struct pg_tm tm;
	fsec_t		fsec;
	int64		year;

	if (!to_fields(*time, zone, &tm, &fsec))
		return false;
	months += (int64) tm.tm_year * MONTHS_PER_YEAR + tm.tm_mon - 1;
	year = months / MONTHS_PER_YEAR;
	months %= MONTHS_PER_YEAR;
	if (months < 0)
	{
		months += MONTHS_PER_YEAR;
		year--;
	}
	/* so that it can be a year at all; the calendar is shorter */
	if (year < -JULIAN_MAXYEAR || year > JULIAN_MAXYEAR)
		return false;
	tm.tm_year = (int) year;
	tm.tm_mon = (int) months + 1;
	tm.tm_mday = Min(tm.tm_mday, day_tab[isleap(tm.tm_year)][tm.tm_mon - 1]);
	return from_fields(&tm, fsec, zone, time);
}

/* shift_days() moves a time by days of the calendar; false beyond its ends. */
static bool
shift_days(Timestamp *time, int64 days, pg_tz *zone)
{
	struct pg_tm tm;
	fsec_t		fsec;

	if (!to_fields(*time, zone, &tm, &fsec))
		return false;
	days += date2j(tm.tm_year, tm.tm_mon, tm.tm_mday);
	if (days < 0 || days > PG_INT32_MAX)
		return false;
	j2date((int) days, &tm.tm_year, &tm.tm_mon, &tm.tm_mday);
	return from_fields(&tm, fsec, zone, time);
}

static bool
to_fields(Timestamp time, pg_tz *zone, struct pg_tm *tm, fsec_t *fsec)
{
	int			offset;

	return timestamp2tm(time, zone == NULL ? NULL : &offset, tm, fsec, NULL,
						zone) == 0;
}

static bool
from_fields(struct pg_tm *tm, fsec_t fsec, pg_tz *zone, Timestamp *time)
{
	int			offset;

	if (zone == NULL)
		return tm2timestamp(tm, fsec, NULL, time) == 0;
	offset = DetermineTimeZoneOffset(tm, zone);
	return tm2timestamp(tm, fsec, &offset, time) == 0;
}

/* (zone, instant): the local time of the zone */
Datum
segment_local_time_in_zone(PG_FUNCTION_ARGS)
{
	Timestamp	time = PG_GETARG_TIMESTAMPTZ(1);

	if (!in_zone(timestamptz_zone, PG_GETARG_DATUM(0), &time))
		PG_RETURN_NULL();
	PG_RETURN_TIMESTAMP(time);
}

/* (zone, local time): the instant */
Datum
segment_instant_in_zone(PG_FUNCTION_ARGS)
{
	Timestamp	time = PG_GETARG_TIMESTAMP(1);

	if (!in_zone(timestamp_zone, PG_GETARG_DATUM(0), &time))
		PG_RETURN_NULL();
	PG_RETURN_TIMESTAMPTZ(time);
}

/*
 * The server's function, to local time or back.  Within an offset of the ends
 * of the calendar it may raise an error, and so is asked two weeks further
 * inwards, where the offset is the same.
 */
static bool
in_zone(PGFunction function, Datum zone, Timestamp *time)
{
	Timestamp	inwards = *time;
	Timestamp	there;

	if (!TIMESTAMP_NOT_FINITE(*time))
	{
		if (*time < MIN_TIMESTAMP + EDGE_OF_TIME)
			inwards += INWARDS;
		else if (*time >= END_TIMESTAMP - EDGE_OF_TIME)
			inwards -= INWARDS;
	}
	there = DatumGetTimestamp(DirectFunctionCall2(function, zone,
												  TimestampGetDatum(inwards)));
	if (inwards == *time)
	{
		*time = there;
		return true;
	}
	return !pg_add_s64_overflow(*time, there - inwards, time) &&
		IS_VALID_TIMESTAMP(*time);
}

/* (instant): the local time of the session */
Datum
segment_local_time(PG_FUNCTION_ARGS)
{
	Timestamp	time = PG_GETARG_TIMESTAMPTZ(0);
	struct pg_tm tm;
	fsec_t		fsec;

	if (!TIMESTAMP_NOT_FINITE(time) &&
		(!to_fields(time, session_timezone, &tm, &fsec) ||
		 !from_fields(&tm, fsec, NULL, &time)))
		PG_RETURN_NULL();
	PG_RETURN_TIMESTAMP(time);
}

/* (date): the beginning of the day, a local time */
Datum
segment_local_time_of_date(PG_FUNCTION_ARGS)
{
	int			overflow;
	Timestamp	time = date2timestamp_opt_overflow(PG_GETARG_DATEADT(0),
												   &overflow);

	if (overflow != 0)
		PG_RETURN_NULL();
	PG_RETURN_TIMESTAMP(time);
}

/* (local time): the instant at which it was that in the zone of the session */
Datum
segment_instant(PG_FUNCTION_ARGS)
{
	int			overflow;
	TimestampTz time =
		timestamp2timestamptz_opt_overflow(PG_GETARG_TIMESTAMP(0), &overflow);

	if (overflow != 0)
		PG_RETURN_NULL();
	PG_RETURN_TIMESTAMPTZ(time);
}
