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

TimestampTz
clock_now(void)
{
	return clock_is_frozen ? clock_frozen : GetCurrentTransactionStartTimestamp();
}

/* The setting itself, as parallel workers are told of settings. */
void
clock_set(TimestampTz instant)
{
	struct pg_tm tm;
	fsec_t		fsec;
	char		text[MAXDATELEN + 1];

	if (timestamp2tm(instant, NULL, &tm, &fsec, NULL, NULL) != 0)
		elog(ERROR, "clock cannot be set to " INT64_FORMAT, instant);
	EncodeDateTime(&tm, fsec, true, 0, NULL, USE_ISO_DATES, text);
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
 * Accept an instant that needs no session setting to be understood: with a
 * zone of its own, and not a word such as "tomorrow" whose meaning moves.
 */
bool
clock_check_setting(char **newval, void **extra, GucSource source)
{
	TimestampTz *instant;
	char		workbuf[MAXDATELEN + MAXDATEFIELDS];
	char	   *field[MAXDATEFIELDS];
	int			ftype[MAXDATEFIELDS];
	int			nfields;
	int			dtype;
	int			zone;
	struct pg_tm tm;
	fsec_t		fsec;
	TimestampTz result;

	if (**newval == '\0')
		return true;

	if (ParseDateTime(*newval, workbuf, sizeof(workbuf),
					  field, ftype, MAXDATEFIELDS, &nfields) != 0 ||
		DecodeDateTime(field, ftype, nfields, &dtype, &tm, &fsec, &zone) != 0 ||
		dtype != DTK_DATE ||
		tm2timestamp(&tm, fsec, &zone, &result) != 0)
	{
		GUC_check_errdetail("\"%s\" is not an instant.", *newval);
		GUC_check_errhint("Write it with its zone, for example \"2026-05-01 12:00:00+02\".");
		return false;
	}

	if (result >= CLOCK_END)
	{
		GUC_check_errdetail("The calendar ends in 294276, and the clock in 274235: later times are asked about, too.");
		return false;
	}

	instant = malloc(sizeof(TimestampTz));
	if (instant == NULL)
		return false;
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
