/*-------------------------------------------------------------------------
 *
 * dates.c
 *	  Days and spans of time in SQL, for what filters are compiled to.
 *
 *		segment.date_add('2026-01-31 12:00+01', '1 month', 'Europe/Copenhagen')
 *												2026-02-28 12:00+01
 *		segment.local_day('2026-01-31 23:30+00', 'Europe/Copenhagen')
 *												2026-02-01
 *		segment.day_start('2026-02-01', 'Europe/Copenhagen')
 *												2026-01-31 23:00+00
 *		segment.day_ago('2026-02-28', '1 month')	2026-01-31
 *
 * Without a time zone they are those of the session's, and stable.  None
 * raises an error for a time that some row may hold: what is farther away than
 * times go is infinity.  (From release 16 on the server has date_add() too,
 * which does.)
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/base.h"

/* The zone of the last call, and its name as it was given. */
typedef struct ZoneArgument
{
	pg_tz	   *zone;
	int			length;
	char		name[FLEXIBLE_ARRAY_MEMBER];
} ZoneArgument;

static pg_tz *zone_argument(FunctionCallInfo fcinfo, int which);

SEGMENT_FUNCTION(segment_date_add);
SEGMENT_FUNCTION(segment_local_day);
SEGMENT_FUNCTION(segment_day_start);
SEGMENT_FUNCTION(segment_day_ago);

/* (timestamptz, interval [, timezone]) */
Datum
segment_date_add(PG_FUNCTION_ARGS)
{
	PG_RETURN_TIMESTAMPTZ(calendar_add(zone_argument(fcinfo, 2),
									   PG_GETARG_TIMESTAMPTZ(0),
									   PG_GETARG_INTERVAL_P(1)));
}

/* (timestamptz [, timezone]) */
Datum
segment_local_day(PG_FUNCTION_ARGS)
{
	PG_RETURN_DATEADT(calendar_day(zone_argument(fcinfo, 1),
								   PG_GETARG_TIMESTAMPTZ(0)));
}

/* (date [, timezone]) */
Datum
segment_day_start(PG_FUNCTION_ARGS)
{
	PG_RETURN_TIMESTAMPTZ(calendar_day_start(zone_argument(fcinfo, 1),
											 PG_GETARG_DATEADT(0)));
}

/* (date, interval): hours of the interval do not count */
Datum
segment_day_ago(PG_FUNCTION_ARGS)
{
	PG_RETURN_DATEADT(calendar_day_ago(PG_GETARG_DATEADT(0),
									   PG_GETARG_INTERVAL_P(1)));
}

/* The zone of that argument, or the session's if there is no such argument. */
static pg_tz *
zone_argument(FunctionCallInfo fcinfo, int which)
{
	ZoneArgument *last = fcinfo->flinfo->fn_extra;
	text	   *name;
	int			length;
	pg_tz	   *zone;

	if (PG_NARGS() <= which)
		return session_timezone;

	name = PG_GETARG_TEXT_PP(which);
	length = VARSIZE_ANY_EXHDR(name);
	if (last != NULL && last->length == length &&
		memcmp(last->name, VARDATA_ANY(name), length) == 0)
		return last->zone;

	zone = pg_tzset(text_to_cstring(name));
	if (zone == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("time zone \"%s\" does not exist", text_to_cstring(name))));
	last = MemoryContextAlloc(fcinfo->flinfo->fn_mcxt,
							  offsetof(ZoneArgument, name) + length);
	last->zone = zone;
	last->length = length;
	memcpy(last->name, VARDATA_ANY(name), length);
	fcinfo->flinfo->fn_extra = last;
	return zone;
}
