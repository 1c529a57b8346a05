/*-------------------------------------------------------------------------
 *
 * names.c
 *	  Which name did the user mean, and in which order do they stand?
 *
 *		ordrs_30d	among {orders_30d, city}	-> orders_30d
 *		colour		among {orders_30d, city}	-> nothing is near
 *
 * Near means few edits for the length of the word: one for a short word,
 * about a third of a long one; or two letters that changed places.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "pgtime.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"
#include "utils/varlena.h"

#include "base/base.h"

/* varstr_levenshtein refuses longer strings; names are shorter anyway */
#define LONGEST_COMPARED	255

static bool swapped(const char *a, const char *b);
static bool zone_means_one(const char *timezone);

const char *
nearest_name(const char *word, List *candidates)
{
	int			wordlen = strlen(word);
	int			limit = Max(1, wordlen / 3);
	const char *nearest = NULL;
	ListCell   *lc;

	if (wordlen > LONGEST_COMPARED)
		return NULL;

	foreach(lc, candidates)
	{
		const char *candidate = lfirst(lc);
		int			distance;

		if (strlen(candidate) > LONGEST_COMPARED)
			continue;
		if (swapped(word, candidate))
			return candidate;
		distance = varstr_levenshtein_less_equal(word, wordlen,
												 candidate, strlen(candidate),
												 1, 1, 1, limit, true);
		if (distance <= limit)
		{
			nearest = candidate;
			limit = distance - 1;
			if (limit < 0)
				break;
		}
	}
	return nearest;
}

/* ctiy for city: two edits for the server, one slip for a hand */
static bool
swapped(const char *a, const char *b)
{
	while (*a != '\0' && *a == *b)
		a++, b++;
	return a[0] != '\0' && a[1] != '\0' && b[0] != '\0' &&
		a[0] == b[1] && a[1] == b[0] && strcmp(a + 2, b + 2) == 0;
}

int
compare_names(const ListCell *a, const ListCell *b)
{
	return strcmp(lfirst(a), lfirst(b));
}

bool
names_contain(List *names, const char *name)
{
	ListCell   *lc;

	foreach(lc, names)
		if (strcmp(lfirst(lc), name) == 0)
			return true;
	return false;
}

/*
 * Names that the server would read by the rules of POSIX are refused, even if they
 * look like what somebody means: "+02:00" is two hours to the west there.
 */
void
check_zone(const char *timezone)
{
	static pg_tz *last = NULL;	/* the last that is a name: looking takes milliseconds */
	pg_tz	   *named = pg_tzset(timezone);
	pg_tzenum  *zones;
	pg_tz	   *zone;
	bool		found = false;

	if (named != NULL && named == last)
		return;
	if (named == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("time zone \"%s\" does not exist", timezone),
				 errhint("See pg_timezone_names for the names, for example timezone => 'Europe/Copenhagen'.")));

	zones = pg_tzenumerate_start();
	while (!found && (zone = pg_tzenumerate_next(zones)) != NULL)
		found = pg_strcasecmp(pg_get_timezone_name(zone), timezone) == 0;
	pg_tzenumerate_end(zones);
	if (!found)
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

/*
 * The setting TimeZone takes "CET" for a zone with summer time, and AT TIME ZONE for
 * an abbreviation.
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

		clock_offsets_between(zone, at, at, &offset, &unused);
		if (DatumGetTimestamp(DirectFunctionCall2(timestamptz_zone, name,
												  TimestampTzGetDatum(at))) != at + offset)
			return false;
	}
	return true;
}
