/*-------------------------------------------------------------------------
 *
 * calendar.c
 *	  When do days and months begin and end in a time zone?
 *
 * A local day begins at the first instant that bears its date or a later one,
 * and ends where the next begins:
 *
 *		Havana		clocks are set back from 01:00 to 00:00: the day begins
 *					at the first of the two midnights, and has 25 hours
 *		Sao Paulo	clocks are set forward from 00:00 to 01:00: the day
 *					begins at 01:00
 *		St. John's	clocks are set back from 00:01 to 23:01: the hour that
 *					bears yesterday's date again belongs to the new day
 *		Apia		had no 30 December 2011: that day ends as it begins
 *
 * So a day is one interval of time, and no instant belongs to two or to none.
 *
 * When do clocks and calendars turn next?  Between two turns local time is
 * what UTC is, plus a constant; so a search for the instant at which a
 * function of both passes a value can search from turn to turn
 * (room time).  In Copenhagen, in spring of 2024:
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

#include "common/int.h"
#include "datatype/timestamp.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

#include "base/base.h"

/* an offset from UTC is never as much as that */
#define MOST_OFFSET		(16 * SECS_PER_HOUR)

/*
 * A month on average, and by how much any number of them may differ from that.
 */
#define MICROSECONDS_OF_MONTH	(INT64CONST(2629746) * USECS_PER_SEC)
#define MOST_OF_MONTHS	(4 * USECS_PER_DAY)

/*
 * 1800 and 2200: before, each place had its own time, which the server knows
 * as one offset; and all rules for clocks that are to come are in force by
 * then.
 */
#define FIRST_TURN		(-200 * INT64CONST(365) * USECS_PER_DAY)
#define LAST_TURN		(200 * INT64CONST(365) * USECS_PER_DAY)

/* Days that begin at times which the server has. */
#define FIRST_DAY		(DATETIME_MIN_JULIAN - POSTGRES_EPOCH_JDATE)
#define LAST_DAY		(TIMESTAMP_END_JULIAN - 1 - POSTGRES_EPOCH_JDATE)

/*
 * Between two turns days have one length, and that of one period (51 days) is
 * kept: days of that number that begin from 'from' on, before 'until'.
 */
typedef struct KeptDays
{
	pg_tz	   *zone;			/* NULL: none */
	int32		days;
	TimestampTz from;
	TimestampTz until;
	int64		length;			/* microseconds */
} KeptDays;

#define PERIOD			(INT64CONST(1) << 42)
#define MOST_KEPT		64
#define MOST_DAYS		3660
/* Something else is kept only after so many times: to find it takes longer. */
#define KEPT_EACH		8

static KeptDays kept_days[MOST_KEPT];

static TimestampTz add_local_days(pg_tz *zone, TimestampTz at, int32 days);
static TimestampTz add_local(pg_tz *zone, TimestampTz at, int32 months,
							 int32 days);
static bool is_of_period(const KeptDays *kept, pg_tz *zone, TimestampTz at,
						 int32 days);
static void keep_days(KeptDays *kept, pg_tz *zone, TimestampTz at,
					  int32 days, TimestampTz later);
static int64 to_seconds(int64 microseconds);
static int64 from_seconds(int64 seconds);
static int64 day_of_seconds(int64 seconds);
static bool add_months(struct pg_tm *tm, int32 months);
static bool add_days(struct pg_tm *tm, int32 days);

/* ---- days and spans ---- */

TimestampTz
calendar_add(pg_tz *zone, TimestampTz at, const Interval *span)
{
	bool		backwards = span->month < 0 || span->day < 0 || span->time < 0;

	if (TIMESTAMP_NOT_FINITE(at))
		return at;
	if (span->month != 0)
		at = add_local(zone, at, span->month, 0);
	if (span->day != 0 && !TIMESTAMP_NOT_FINITE(at))
		at = add_local_days(zone, at, span->day);
	if (TIMESTAMP_NOT_FINITE(at) ||
		pg_add_s64_overflow(at, span->time, &at) || !IS_VALID_TIMESTAMP(at))
		return backwards ? DT_NOBEGIN : DT_NOEND;
	return at;
}

/*
 * add_local_days() adds days to a finite instant: DT_NOEND if there is no such
 * time.
 */
static TimestampTz
add_local_days(pg_tz *zone, TimestampTz at, int32 days)
{
	static int	missed = 0;
	KeptDays   *kept;
	TimestampTz later;

	if (at < 0 || at > LAST_TURN || abs(days) > MOST_DAYS)
		return add_local(zone, at, 0, days);
	kept = &kept_days[(uint32) (at / PERIOD + days) % MOST_KEPT];
	if (at >= kept->from && at < kept->until &&
		kept->zone == zone && kept->days == days)
		return at + kept->length;
	later = add_local(zone, at, 0, days);
	if (!is_of_period(kept, zone, at, days) &&
		(kept->zone == NULL || ++missed % KEPT_EACH == 0))
		keep_days(kept, zone, at, days, later);
	return later;
}

/*
 * is_of_period() tells whether what is kept is of these days and the period of
 * the instant: of the parts of a period the first that was met stays.
 */
static bool
is_of_period(const KeptDays *kept, pg_tz *zone, TimestampTz at, int32 days)
{
	return kept->zone == zone && kept->days == days &&
		kept->from / PERIOD == at / PERIOD;
}

/*
 * keep_days() finds the part of the period between two turns in which an
 * instant is from which the days lead to 'later', and keeps it.
 */
static void
keep_days(KeptDays *kept, pg_tz *zone, TimestampTz at, int32 days,
		  TimestampTz later)
{
	TimestampTz end = (at / PERIOD + 1) * PERIOD;

	kept->zone = zone;
	kept->days = days;
	kept->length = later - at;
	kept->until = at / PERIOD * PERIOD;
	do
	{
		Timestamp	local;
		Timestamp	turn;
		int64		offset;
		int64		unused;

		kept->from = kept->until;
		clock_offsets_between(zone, kept->from, kept->from, &offset, &unused);
		local = kept->from + offset + days * USECS_PER_DAY;
		turn = local_turn_after(zone, local);
		kept->until = Min(end, clock_turn_after(zone, kept->from));
		if (!TIMESTAMP_IS_NOEND(turn))
			kept->until = Min(kept->until, kept->from + (turn - local));
	} while (kept->until <= at);
}

/*
 * add_local() adds months or days to the local time of a finite instant:
 * DT_NOEND if there is no such time.
 */
static TimestampTz
add_local(pg_tz *zone, TimestampTz at, int32 months, int32 days)
{
	struct pg_tm tm;
	fsec_t		fsec;
	int			offset;

	if (timestamp2tm(at, &offset, &tm, &fsec, NULL, zone) != 0 ||
		!(months != 0 ? add_months(&tm, months) : add_days(&tm, days)))
		return DT_NOEND;
	offset = DetermineTimeZoneOffset(&tm, zone);
	if (tm2timestamp(&tm, fsec, &offset, &at) != 0)
		return DT_NOEND;
	return at;
}

void
calendar_span_range(pg_tz *zone, const Interval *span, int64 *least,
					int64 *most)
{
	int64		length = span->time + span->day * USECS_PER_DAY +
		span->month * MICROSECONDS_OF_MONTH;
	int64		least_offset = 0;
	int64		most_offset = 0;

	if (span->month != 0 || span->day != 0)
		clock_offsets(zone, &least_offset, &most_offset);
	*least = length - (most_offset - least_offset) -
		(span->month != 0 ? MOST_OF_MONTHS : 0);
	*most = length + (most_offset - least_offset) +
		(span->month != 0 ? MOST_OF_MONTHS : 0);
}

DateADT
calendar_day_add(DateADT day, const Interval *span)
{
	struct pg_tm tm = {0};
	bool		backwards = span->month < 0 || span->day < 0;

	if (DATE_NOT_FINITE(day))
		return day;
	j2date(day + POSTGRES_EPOCH_JDATE, &tm.tm_year, &tm.tm_mon, &tm.tm_mday);
	if (!add_months(&tm, span->month) || !add_days(&tm, span->day))
		return backwards ? DATEVAL_NOBEGIN : DATEVAL_NOEND;
	return date2j(tm.tm_year, tm.tm_mon, tm.tm_mday) - POSTGRES_EPOCH_JDATE;
}

DateADT
calendar_day_ago(DateADT day, const Interval *span)
{
	Interval	back = {0, -span->day, -span->month};
	DateADT		ago = calendar_day_add(day, &back);

	/* several days may come to the same one at the end of a short month */
	while (!DATE_NOT_FINITE(ago) && calendar_day_add(ago, span) > day)
		ago--;
	while (!DATE_NOT_FINITE(ago) && calendar_day_add(ago + 1, span) <= day)
		ago++;
	return ago;
}

/*
 * add_months() moves a date by months, to the last day of the month where that
 * has fewer days.  Returns false if there is no such date.
 */
static bool
add_months(struct pg_tm *tm, int32 months)
{
	int64		month = (int64) tm->tm_year * MONTHS_PER_YEAR +
		tm->tm_mon - 1 + months;
	int64		year = month / MONTHS_PER_YEAR;

	month %= MONTHS_PER_YEAR;
	if (month < 0)
	{
		month += MONTHS_PER_YEAR;
		year--;
	}
	if (!IS_VALID_JULIAN(year, month + 1, 1))
		return false;
	tm->tm_year = year;
	tm->tm_mon = month + 1;
	tm->tm_mday = Min(tm->tm_mday, day_tab[isleap(tm->tm_year)][month]);
	return true;
}

/* add_days() moves a date by days.  Returns false if there is no such date. */
static bool
add_days(struct pg_tm *tm, int32 days)
{
	int64		julian = (int64) date2j(tm->tm_year, tm->tm_mon, tm->tm_mday) +
		days;

	if (julian < 0 || julian >= DATE_END_JULIAN)
		return false;
	j2date(julian, &tm->tm_year, &tm->tm_mon, &tm->tm_mday);
	return true;
}

DateADT
calendar_day(pg_tz *zone, TimestampTz at)
{
	pg_time_t	seconds = to_seconds(at);
	pg_time_t	probe = seconds - 2 * MOST_OFFSET;
	pg_time_t	turn;
	int64		day = PG_INT64_MIN;
	long		before;
	long		after;
	int			before_dst;
	int			after_dst;

	if (TIMESTAMP_NOT_FINITE(at))
		return TIMESTAMP_IS_NOBEGIN(at) ? DATEVAL_NOBEGIN : DATEVAL_NOEND;

	/* the date there is, or one that there was until clocks were set back */
	while (pg_next_dst_boundary(&probe, &before, &before_dst, &turn,
								&after, &after_dst, zone) > 0 &&
		   turn <= seconds)
	{
		day = Max(day, day_of_seconds(turn + before - 1));
		probe = turn;
	}
	return Max(day, day_of_seconds(seconds + before));
}

TimestampTz
calendar_day_start(pg_tz *zone, DateADT day)
{
	pg_time_t	midnight;
	pg_time_t	from;
	pg_time_t	start;
	pg_time_t	turn;
	TimestampTz at;
	long		before;
	long		after;
	int			before_dst;
	int			after_dst;

	if (DATE_IS_NOBEGIN(day) || day < FIRST_DAY)
		return DT_NOBEGIN;
	if (DATE_IS_NOEND(day) || day > LAST_DAY)
		return DT_NOEND;

	/* before then no place has that date, nor a later one */
	midnight = to_seconds((int64) day * USECS_PER_DAY);
	from = midnight - MOST_OFFSET;
	while (pg_next_dst_boundary(&from, &before, &before_dst, &turn,
								&after, &after_dst, zone) > 0)
	{
		start = Max(from, midnight - before);
		if (start < turn)
			break;
		from = turn;
	}
	start = Max(from, midnight - before);
	at = from_seconds(start);
	if (!IS_VALID_TIMESTAMP(at))
		return day < 0 ? DT_NOBEGIN : DT_NOEND;
	return at;
}

DateADT
calendar_period_start(CalendarUnit unit, DateADT day, int shift)
{
	struct pg_tm tm = {0};

	if (DATE_NOT_FINITE(day))
		return day;
	if (unit == CALENDAR_DAY)
		return day + shift;
	/* weeks start on Monday, as the server's first day does not */
	if (unit == CALENDAR_WEEK)
		return day - (j2day(day + POSTGRES_EPOCH_JDATE) + 6) % 7 + 7 * shift;

	j2date(day + POSTGRES_EPOCH_JDATE, &tm.tm_year, &tm.tm_mon, &tm.tm_mday);
	tm.tm_mday = 1;
	if (unit == CALENDAR_YEAR)
		tm.tm_mon = 1;
	else if (unit == CALENDAR_QUARTER)
		tm.tm_mon -= (tm.tm_mon - 1) % 3;
	if (!add_months(&tm, shift * (unit == CALENDAR_YEAR ? MONTHS_PER_YEAR :
								  unit == CALENDAR_QUARTER ? 3 : 1)))
		return shift < 0 ? DATEVAL_NOBEGIN : DATEVAL_NOEND;
	return date2j(tm.tm_year, tm.tm_mon, 1) - POSTGRES_EPOCH_JDATE;
}

/* ---- turns ---- */

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
clock_offsets_between(pg_tz *zone, TimestampTz from, TimestampTz to,
					  int64 *least, int64 *most)
{
	pg_time_t	seconds = to_seconds(from);
	pg_time_t	end = to_seconds(to);
	pg_time_t	turn;
	long		before;
	long		after;
	int			before_dst;
	int			after_dst;

	*least = PG_INT64_MAX;
	*most = PG_INT64_MIN;
	for (;;)
	{
		int			found = pg_next_dst_boundary(&seconds, &before,
												 &before_dst, &turn, &after,
												 &after_dst, zone);

		*least = Min(*least, before);
		*most = Max(*most, before);
		if (found <= 0 || turn > end)
			break;
		seconds = turn;
	}
	*least *= USECS_PER_SEC;
	*most *= USECS_PER_SEC;
}

void
clock_offsets(pg_tz *zone, int64 *least, int64 *most)
{
	static pg_tz *last_zone = NULL;
	static int64 last_least;
	static int64 last_most;

	if (zone != last_zone)
	{
		clock_offsets_between(zone, FIRST_TURN, LAST_TURN, &last_least,
							  &last_most);
		last_zone = zone;
	}
	*least = last_least;
	*most = last_most;
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
		pg_time_t	candidates[] = {
			turn + before, turn + after, turn + SECS_PER_DAY,
		};

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
calendar_unit_start(CalendarUnit unit, Timestamp local)
{
	int64		length = unit == CALENDAR_HOUR ?
		USECS_PER_HOUR : USECS_PER_DAY;
	int64		past = local % length;
	DateADT		day;

	local -= past < 0 ? past + length : past;
	if (unit == CALENDAR_HOUR)
		return local;
	day = calendar_period_start(unit, local / USECS_PER_DAY, 0);
	return DATE_NOT_FINITE(day) ? DT_NOBEGIN : day * USECS_PER_DAY;
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
		int64		length = unit == CALENDAR_HOUR ?
			USECS_PER_HOUR : USECS_PER_DAY;
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

/*
 * 29 February is celebrated on the 28th in common years; and some days never
 * again.
 */
DateADT
calendar_anniversary(int year, int month, int day)
{
	if (!IS_VALID_JULIAN(year, month, day))
		return DATEVAL_NOEND;
	if (month == 2 && day == 29 && !isleap(year))
		day = 28;
	return date2j(year, month, day) - POSTGRES_EPOCH_JDATE;
}

/* day_of_seconds() returns the date of seconds of local time since 1970. */
static int64
day_of_seconds(int64 seconds)
{
	int64		day = seconds / SECS_PER_DAY;

	if (seconds % SECS_PER_DAY < 0)
		day--;
	return day - (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE);
}

/* to_seconds() returns the seconds since 1970 of an instant, rounded down. */
static int64
to_seconds(int64 microseconds)
{
	int64		seconds = microseconds / USECS_PER_SEC;

	if (microseconds % USECS_PER_SEC < 0)
		seconds--;
	return seconds + (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY;
}

/*
 * from_seconds() returns the instant of seconds since 1970; DT_NOEND if it is
 * beyond the calendar, where no turn ever comes.
 */
static int64
from_seconds(int64 seconds)
{
	seconds -= (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY;
	return seconds >= END_TIMESTAMP / USECS_PER_SEC ? DT_NOEND :
		seconds * USECS_PER_SEC;
}
