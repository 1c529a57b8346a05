/*-------------------------------------------------------------------------
 *
 * zone.c
 *	  Is that the name of a time zone, and of nothing else?
 *
 *		Europe/Copenhagen	yes
 *		Etc/GMT-2			yes: two hours ahead of UTC
 *		+02:00				no: a rule of POSIX, two hours behind UTC
 *		CET					no: a zone with summer time for the setting
 *							TimeZone, an abbreviation for AT TIME ZONE
 *		Europe/Kopenhagen	no: there is none
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "pgtime.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

#include "base/base.h"

static bool is_listed(const char *timezone);
static bool zone_means_one(const char *timezone);

void
check_zone(const char *timezone)
{
	/* the last one that is a name: to look takes milliseconds */
	static pg_tz *last = NULL;
	pg_tz	   *named = pg_tzset(timezone);

	if (named != NULL && named == last)
		return;
	if (named == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("time zone \"%s\" does not exist", timezone),
				 errhint("See pg_timezone_names for the names, for example timezone => 'Europe/Copenhagen'.")));

	if (!is_listed(timezone))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("time zone \"%s\" is not a name", timezone),
				 errdetail("The server reads it as a rule of POSIX, in which hours are counted to the west."),
				 errhint("Give a place, for example timezone => 'Europe/Copenhagen', or a distance: 'Etc/GMT-2' is two hours ahead of UTC.")));
	if (!zone_means_one(timezone))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("time zone \"%s\" is also an abbreviation", timezone),
				 errdetail("As a zone it changes its clocks, as an abbreviation it does not."),
				 errhint("Give a place, for example timezone => 'Europe/Copenhagen'.")));
	last = named;
}

/* is_listed() says whether the server lists a zone of that name. */
static bool
is_listed(const char *timezone)
{
	pg_tzenum  *zones = pg_tzenumerate_start();
	pg_tz	   *zone;
	bool		found = false;

	while (!found && (zone = pg_tzenumerate_next(zones)) != NULL)
		found = pg_strcasecmp(pg_get_timezone_name(zone), timezone) == 0;
	pg_tzenumerate_end(zones);
	return found;
}

/*
 * zone_means_one() says whether AT TIME ZONE takes the name for the zone that
 * the setting TimeZone takes it for, in each month of forty years.
 */
static bool
zone_means_one(const char *timezone)
{
	pg_tz	   *zone = pg_tzset(timezone);
	Datum		name = CStringGetTextDatum(timezone);

	for (int month = 0; month < 40 * MONTHS_PER_YEAR; month++)
	{
		TimestampTz at = month * 30 * USECS_PER_DAY;
		int64		offset;
		int64		unused;
		Datum		local;

		clock_offsets_between(zone, at, at, &offset, &unused);
		local = DirectFunctionCall2(timestamptz_zone, name,
									TimestampTzGetDatum(at));
		if (DatumGetTimestamp(local) != at + offset)
			return false;
	}
	return true;
}
