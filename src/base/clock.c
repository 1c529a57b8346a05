/*-------------------------------------------------------------------------
 *
 * clock.c
 *	  What time is it?
 *
 * Time is an argument everywhere else; only here is it read.  A transaction
 * has one instant, now() of SQL, so that two questions of one transaction
 * agree.  segment.now replaces it, which is how tests travel:
 *
 *		SET segment.now = '2028-02-29 12:00+00';
 *		SHOW segment.now		2028-02-29 12:00:00+00
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/datetime.h"
#include "utils/guc.h"

#include "base/base.h"
#include "base/base_private.h"

SEGMENT_FUNCTION(segment_now);

static TimestampTz clock_frozen;
static bool clock_is_frozen = false;

static bool instant_print(TimestampTz instant, char *text);
static bool instant_read_canonical(const char *text, TimestampTz *instant);
static bool instant_read(const char *text, TimestampTz *instant);
static bool decode(const char *text, struct pg_tm *tm, fsec_t *fsec,
				   int *zone);
static bool is_moving_word(const char *word);

TimestampTz
clock_now(void)
{
	return clock_is_frozen ? clock_frozen :
		GetCurrentTransactionStartTimestamp();
}

/* The setting itself, as parallel workers are told of settings. */
void
clock_set(TimestampTz instant)
{
	char		text[MAXDATELEN + 1];

	if (!instant_print(instant, text))
		elog(ERROR, "clock cannot be set to " INT64_FORMAT, instant);
	(void) set_config_option("segment.now", text, PGC_SUSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
}

/* segment.now(): the instant as of which questions are answered */
Datum
segment_now(PG_FUNCTION_ARGS)
{
	PG_RETURN_TIMESTAMPTZ(clock_now());
}

/*
 * Check a new value of segment.now, and put its canonical form in its place.
 *
 * What a user types is read once, with the server's zones and
 * abbreviations.  The canonical form needs neither: a parallel worker restores
 * its leader's settings one after the other, in the order of their names, and
 * when it comes to this one there is no table of abbreviations (it was freed
 * just before), and no TimeZone of the leader's.
 */
bool
clock_check_setting(char **newval, void **extra, GucSource source)
{
	char		canonical[MAXDATELEN + 1];
	char	   *text;
	TimestampTz *instant;
	TimestampTz result;

	if (**newval == '\0')
		return true;

	if (!instant_read_canonical(*newval, &result) &&
		!instant_read(*newval, &result))
		return false;
	if (result < CLOCK_BEGIN || result >= CLOCK_END)
	{
		GUC_check_errdetail("The clock goes from the year 1000 to 274235: what is asked about may be earlier or later, and the calendar goes from 4714 BC to 294276.");
		return false;
	}

	if (!instant_print(result, canonical))
		return false;
	text = guc_malloc(LOG, strlen(canonical) + 1);
	instant = guc_malloc(LOG, sizeof(TimestampTz));
	if (text == NULL || instant == NULL)
	{
		guc_free(text);
		guc_free(instant);
		return false;
	}
	strcpy(text, canonical);
	guc_free(*newval);
	*newval = text;
	*instant = result;
	*extra = instant;
	return true;
}

void
clock_assign_setting(const char *newval, void *extra)
{
	clock_is_frozen = (extra != NULL);
	if (extra != NULL)
		clock_frozen = *((TimestampTz *) extra);
}

/* ---- instants as text ---- */

/*
 * Print an instant in its canonical form, "2027-01-05 12:00:00+00", into a
 * buffer of MAXDATELEN + 1 bytes.  False if it is none that has a date.
 */
static bool
instant_print(TimestampTz instant, char *text)
{
	struct pg_tm tm;
	fsec_t		fsec;

	if (TIMESTAMP_NOT_FINITE(instant) ||
		timestamp2tm(instant, NULL, &tm, &fsec, NULL, NULL) != 0)
		return false;
	tm.tm_isdst = 0;			/* else the zone is not printed */
	EncodeDateTime(&tm, fsec, true, 0, NULL, USE_ISO_DATES, text);
	return true;
}

/*
 * Read an instant in its canonical form, and in no other, without any table or
 * setting of the server's.
 */
static bool
instant_read_canonical(const char *text, TimestampTz *instant)
{
	struct pg_tm tm = {0};
	fsec_t		fsec = 0;
	int			zone = 0;
	int			length = 0;
	const char *rest;
	char		again[MAXDATELEN + 1];

	if (sscanf(text, "%d-%d-%d %d:%d:%d%n", &tm.tm_year, &tm.tm_mon,
			   &tm.tm_mday, &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &length) != 6)
		return false;
	rest = text + length;
	if (*rest == '.')
	{
		int			digit = USECS_PER_SEC / 10;

		for (rest++; *rest >= '0' && *rest <= '9'; rest++, digit /= 10)
			fsec += (*rest - '0') * digit;
	}
	if (strcmp(rest, "+00 BC") == 0)
		tm.tm_year = 1 - tm.tm_year;	/* there is no year 0 */

	/* whatever was wrong with it is seen by printing what it was read as */
	return tm2timestamp(&tm, fsec, &zone, instant) == 0 &&
		instant_print(*instant, again) && strcmp(text, again) == 0;
}

/*
 * Read an instant as the server does: with a zone of its own, and without a
 * word such as "tomorrow", whose meaning moves.  If it is none, the details of
 * the check hook's error are set.
 */
static bool
instant_read(const char *text, TimestampTz *instant)
{
	struct pg_tm tm;
	fsec_t		fsec;
	int			zone;
	bool		read = decode(text, &tm, &fsec, &zone) &&
		tm2timestamp(&tm, fsec, &zone, instant) == 0;

	if (!read)
		GUC_check_errdetail("\"%s\" is not an instant.", text);
	else if (decode(text, &tm, &fsec, NULL))
	{
		/* it can be read without a place for the zone, so it has none */
		GUC_check_errdetail("\"%s\" has no time zone.", text);
		read = false;
	}
	if (!read)
		GUC_check_errhint("Write it with its zone, for example \"2026-05-01 12:00:00+02\".");
	return read;
}

/* Decode a date and time; with a zone, unless 'zone' is NULL. */
static bool
decode(const char *text, struct pg_tm *tm, fsec_t *fsec, int *zone)
{
	char		workbuf[MAXDATELEN + MAXDATEFIELDS];
	char	   *field[MAXDATEFIELDS];
	int			ftype[MAXDATEFIELDS];
	int			nfields;
	int			dtype;
	DateTimeErrorExtra extra;

	if (ParseDateTime(text, workbuf, sizeof(workbuf),
					  field, ftype, MAXDATEFIELDS, &nfields) != 0)
		return false;
	for (int i = 0; i < nfields; i++)
		if (is_moving_word(field[i]))
			return false;
	return DecodeDateTime(field, ftype, nfields, &dtype, tm, fsec, zone,
						  &extra) == 0 &&
		dtype == DTK_DATE;
}

/* now, today, tomorrow, yesterday */
static bool
is_moving_word(const char *word)
{
	static const char *const words[] = {
		"now", "today", "tomorrow", "yesterday",
	};

	for (int i = 0; i < lengthof(words); i++)
		if (pg_strcasecmp(word, words[i]) == 0)
			return true;
	return false;
}
