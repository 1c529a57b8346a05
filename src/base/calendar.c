/*-------------------------------------------------------------------------
 *
 * calendar.c
 *	  When do clocks and calendars turn next?
 *
 * Between two turns local time is what UTC is, plus a constant; so whoever
 * looks for the instant at which a function of both passes a value can search
 * from turn to turn (audience/line.c).  In Copenhagen, in spring of 2024:
 *
 *		clock_turn_after(zone, 2024-03-01 00:00 UTC)	2024-03-31 01:00 UTC
 *		local_turn_after(zone, 2024-03-31 00:00 local)	2024-03-31 02:00, then
 *														2024-03-31 03:00 local
 *
 * What lies between the last two did not happen in Copenhagen, and the server
 * takes it for the time before clocks were set.
 *
 * A turn too many does no harm, so these say where a turn may be.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "datatype/timestamp.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

#include "base/base.h"

/* an offset from UTC is never as much as that */
#define MOST_OFFSET		(16 * SECS_PER_HOUR)

/*
 * 1800 and 2200: before, each place had its own time, which the server knows as
 * one offset; and all rules for clocks that are to come are in force by then.
 */
#define FIRST_TURN		(-200 * INT64CONST(365) * USECS_PER_DAY)
#define LAST_TURN		(200 * INT64CONST(365) * USECS_PER_DAY)

static int64 to_seconds(int64 microseconds);
static int64 from_seconds(int64 seconds);

TimestampTz
clock_turn_after(pg_tz *zone, TimestampTz instant)
{
	pg_time_t	seconds = to_seconds(instant);
	pg_time_t	turn;
	long		before;
	long		after;
	int			before_dst;
	int			after_dst;

	if (pg_next_dst_boundary(&seconds, &before, &before_dst, &turn,
							 &after, &after_dst, zone) <= 0)
		return DT_NOEND;
	return from_seconds(turn);
}

void
clock_offsets(pg_tz *zone, int64 *least, int64 *most)
{
	static pg_tz *last_zone = NULL;
	static int64 last_least;
	static int64 last_most;

	if (zone != last_zone)
	{
		pg_time_t	seconds = to_seconds(FIRST_TURN);
		pg_time_t	turn;
		long		before;
		long		after;
		int			before_dst;
		int			after_dst;

		last_least = PG_INT64_MAX;
		last_most = PG_INT64_MIN;
		for (;;)
		{
			int			found = pg_next_dst_boundary(&seconds, &before, &before_dst,
													 &turn, &after, &after_dst, zone);

			last_least = Min(last_least, before);
			last_most = Max(last_most, before);
			if (found <= 0 || turn > to_seconds(LAST_TURN))
				break;
			seconds = turn;
		}
		last_zone = zone;
	}
	*least = last_least * USECS_PER_SEC;
	*most = last_most * USECS_PER_SEC;
}

Timestamp
local_turn_after(pg_tz *zone, Timestamp local)
{
	/* a zone has nothing to say of what is farther away than that */
	pg_time_t	seconds = to_seconds(local);
	pg_time_t	probe = seconds - 3 * SECS_PER_DAY;
	pg_time_t	best = PG_INT64_MAX;
	pg_time_t	turn;
	long		before;
	long		after;
	int			before_dst;
	int			after_dst;

	while (pg_next_dst_boundary(&probe, &before, &before_dst, &turn,
								&after, &after_dst, zone) > 0)
	{
		/* the last: until when the server still considers this turn */
		pg_time_t	candidates[] = {turn + before, turn + after, turn + SECS_PER_DAY};

		for (int i = 0; i < lengthof(candidates); i++)
			if (candidates[i] > seconds)
				best = Min(best, candidates[i]);
		if (best != PG_INT64_MAX && turn - MOST_OFFSET > best)
			break;
		probe = turn;
	}
	return best == PG_INT64_MAX ? DT_NOEND : from_seconds(best);
}

Timestamp
calendar_turn_after(CalendarUnit unit, Timestamp local)
{
	struct pg_tm tm;
	fsec_t		fsec;
	Timestamp	turn;
	int			day;
	int			step = 1;

	if (unit == CALENDAR_HOUR || unit == CALENDAR_DAY)
	{
		int64		length = unit == CALENDAR_HOUR ? USECS_PER_HOUR : USECS_PER_DAY;
		int64		past = local % length;

		return local - (past < 0 ? past + length : past) + length;
	}
	if (timestamp2tm(local, NULL, &tm, &fsec, NULL, NULL) != 0)
		return DT_NOEND;
	if (unit == CALENDAR_WEEK)
	{
		/* weeks start on Monday */
		day = date2j(tm.tm_year, tm.tm_mon, tm.tm_mday);
		day += 7 - (j2day(day) + 6) % 7;
		j2date(day, &tm.tm_year, &tm.tm_mon, &tm.tm_mday);
	}
	else
	{
		if (unit == CALENDAR_YEAR)
			step = MONTHS_PER_YEAR - tm.tm_mon + 1;
		else if (unit == CALENDAR_QUARTER)
			step = 3 - (tm.tm_mon - 1) % 3;
		tm.tm_mon += step;
		if (tm.tm_mon > MONTHS_PER_YEAR)
		{
			tm.tm_mon -= MONTHS_PER_YEAR;
			tm.tm_year++;
		}
		tm.tm_mday = 1;
	}
	tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
	return tm2timestamp(&tm, 0, NULL, &turn) == 0 ? turn : DT_NOEND;
}

/* 29 February is celebrated on the 28th in common years; and some days never again. */
DateADT
calendar_anniversary(int year, int month, int day)
{
	if (!IS_VALID_JULIAN(year, month, day))
		return DATEVAL_NOEND;
	if (month == 2 && day == 29 && !isleap(year))
		day = 28;
	return date2j(year, month, day) - POSTGRES_EPOCH_JDATE;
}

/* Seconds since 1970, rounded down. */
static int64
to_seconds(int64 microseconds)
{
	int64		seconds = microseconds / USECS_PER_SEC;

	if (microseconds % USECS_PER_SEC < 0)
		seconds--;
	return seconds + (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY;
}

/* Back again; a turn that is beyond the calendar never comes. */
static int64
from_seconds(int64 seconds)
{
	seconds -= (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY;
	return seconds >= END_TIMESTAMP / USECS_PER_SEC ? DT_NOEND : seconds * USECS_PER_SEC;
}
