/*-------------------------------------------------------------------------
 *
 * terms.c
 *	  Until when are points good?
 *
 *		never
 *		after 12 months							from when they are active; of a
 *												hold also without "after"
 *		after 12 months to the end of quarter	and until that ends
 *		after 12 months without activity		from the last activity on
 *		end of this year, end of next month
 *		2027-01-31								to the end of that day
 *		2027-01-31 18:00						of one grant only
 *
 * Days and months are those of the population's time zone.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "parser/scansup.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"

#include "loyalty/loyalty_private.h"

/* A unit of spans and periods. */
typedef struct Unit
{
	const char *name;
	int64		microseconds;
	int32		days;
	int32		months;
	bool		is_period;		/* points may be good to its end */
	CalendarUnit period;
} Unit;

static const Unit units[] = {
	{"second", USECS_PER_SEC, 0, 0, false},
	{"minute", USECS_PER_MINUTE, 0, 0, false},
	{"hour", USECS_PER_HOUR, 0, 0, false},
	{"day", 0, 1, 0, true, CALENDAR_DAY},
	{"week", 0, 7, 0, true, CALENDAR_WEEK},
	{"month", 0, 0, 1, true, CALENDAR_MONTH},
	{"quarter", 0, 0, 3, true, CALENDAR_QUARTER},
	{"year", 0, 0, 12, true, CALENDAR_YEAR},
};

/* The longest span, in months: 5,000 years, as in filters. */
#define MOST_MONTHS		(5000 * MONTHS_PER_YEAR)

/* Words of a text in lower case, from left to right. */
typedef struct Words
{
	char	   *rest;
} Words;

static bool take_word(Words *words, const char *word);
static char *next_word(Words *words);
static bool read_span(const char *text, bool or_none, Interval *span);
static bool take_span(Words *words, Interval *span);
static const Unit *unit_of(const char *word);
static const char *unit_name(CalendarUnit period);
static bool take_period(Words *words, CalendarUnit *unit);
static bool read_instant(const char *text, pg_tz *zone, bool to_end,
						 TimestampTz *at);
static bool input_instant(const char *text, pg_tz *zone, bool is_day,
						  bool to_end, TimestampTz *at);
static char *next_year(pg_tz *zone);
static TimestampTz period_end(pg_tz *zone, TimestampTz at, CalendarUnit unit,
							  int shift);

Terms
terms_parse(const char *text, const char *argument, pg_tz *zone)
{
	Terms		terms = {TERMS_NEVER};
	Words		words = {downcase_identifier(text, strlen(text), false,
											 false)};
	bool		is_hold = strcmp(argument, "hold") == 0;
	bool		valid = false;

	if (take_word(&words, "never"))
		valid = true;
	else if (take_word(&words, "after") ||
			 (is_hold && text[0] >= '0' && text[0] <= '9'))
	{
		terms.kind = TERMS_AFTER;
		valid = take_span(&words, &terms.span);
		if (take_word(&words, "to"))
		{
			terms.to_end = true;
			valid &= take_word(&words, "the") && take_word(&words, "end") &&
				take_word(&words, "of") && take_period(&words, &terms.unit);
		}
		else if (take_word(&words, "without"))
		{
			terms.idle = true;
			valid &= take_word(&words, "activity");
		}
	}
	else if (take_word(&words, "end"))
	{
		terms.kind = TERMS_END_OF;
		valid = take_word(&words, "of");
		terms.shift = take_word(&words, "this") ? 1 :
			take_word(&words, "next") ? 2 : 0;
		valid &= terms.shift > 0 && take_period(&words, &terms.unit);
	}
	else if (zone != NULL)
	{
		terms.kind = TERMS_ON;
		if (read_instant(text, zone, true, &terms.at))
			return terms;
	}
	if (!valid || next_word(&words) != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s => %s does not say when %s", argument,
						quote_literal_cstr(text),
						is_hold ? "a tier ends" : "points expire"),
				 is_hold ?
				 errhint("Write, for example, '12 months', 'end of next year', 'never' or 'none'.") :
				 zone == NULL ?
				 errhint("Write, for example, 'after 12 months', 'after 12 months to the end of quarter', 'end of next year' or 'never'.") :
				 errhint("Write, for example, 'after 12 months', 'end of next year', '%s' or 'never'.",
						 next_year(zone))));
	return terms;
}

TimestampTz
instant_parse(const char *text, const char *argument, pg_tz *zone, bool to_end)
{
	TimestampTz at;

	if (!read_instant(text, zone, to_end, &at))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s => %s is no instant", argument,
						quote_literal_cstr(text)),
				 errhint("Write, for example, '%s' or '%s 12:00'.",
						 next_year(zone), next_year(zone))));
	return at;
}

/* next_year() is the first day of the next year, as an example. */
static char *
next_year(pg_tz *zone)
{
	DateADT		day = calendar_period_start(CALENDAR_YEAR,
											calendar_day(zone, clock_now()),
											1);
	int			year;
	int			month;
	int			dom;

	j2date(day + POSTGRES_EPOCH_JDATE, &year, &month, &dom);
	return psprintf("%04d-%02d-%02d", year, month, dom);
}

bool
period_parse(const char *text, CalendarUnit *unit)
{
	Words		words = {downcase_identifier(text, strlen(text), false,
											 false)};

	return take_period(&words, unit) && next_word(&words) == NULL;
}

char *
terms_text(const Terms *terms)
{
	switch (terms->kind)
	{
		case TERMS_NEVER:
			return pstrdup("never");
		case TERMS_AFTER:
			return psprintf("after %s%s%s%s", span_text(&terms->span),
							terms->to_end ? " to the end of " : "",
							terms->to_end ? unit_name(terms->unit) : "",
							terms->idle ? " without activity" : "");
		case TERMS_END_OF:
			return psprintf("end of %s %s",
							terms->shift == 1 ? "this" : "next",
							unit_name(terms->unit));
		case TERMS_ON:
			break;
	}
	elog(ERROR, "an instant is not the terms of a program");
}

TimestampTz
terms_apply(const Terms *terms, pg_tz *zone, TimestampTz active_at)
{
	TimestampTz at = DT_NOEND;

	switch (terms->kind)
	{
		case TERMS_NEVER:
			break;
		case TERMS_AFTER:
			at = calendar_add(zone, active_at, &terms->span);
			if (terms->to_end)
				at = period_end(zone, at, terms->unit, 1);
			break;
		case TERMS_END_OF:
			at = period_end(zone, active_at, terms->unit, terms->shift);
			break;
		case TERMS_ON:
			at = terms->at;
			break;
	}
	return at;
}

/* period_end() is the end of the unit in which an instant is, or a later. */
static TimestampTz
period_end(pg_tz *zone, TimestampTz at, CalendarUnit unit, int shift)
{
	DateADT		day = calendar_day(zone, at);

	return calendar_day_start(zone, calendar_period_start(unit, day, shift));
}

Interval
span_parse(const char *text, const char *argument, bool or_none)
{
	Interval	span;

	if (!read_span(text, or_none, &span))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s => %s is not a span", argument,
						quote_literal_cstr(text)),
				 or_none ?
				 errhint("Write, for example, '14 days', or 'none'.") :
				 errhint("Write, for example, '14 days'.")));
	return span;
}

/* read_span() reads a span; false if it is none. */
static bool
read_span(const char *text, bool or_none, Interval *span)
{
	Words		words = {downcase_identifier(text, strlen(text), false,
											 false)};

	*span = (Interval) {0};
	return ((or_none && take_word(&words, "none")) ||
			take_span(&words, span)) && next_word(&words) == NULL;
}

TimestampTz
until_parse(const char *text, pg_tz *zone, TimestampTz from)
{
	TimestampTz until;
	Interval	span;

	if (read_instant(text, zone, true, &until))
		return until;
	if (!read_span(text, false, &span))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("until => %s is neither a span nor an instant",
						quote_literal_cstr(text)),
				 errhint("Write, for example, '15 minutes' or '%s 12:00'.",
						 next_year(zone))));
	return calendar_add(zone, from, &span);
}

/* A span has one unit only, so the greatest that divides it is told. */
char *
span_text(const Interval *span)
{
	for (int i = lengthof(units) - 1; i >= 0; i--)
	{
		const Unit *unit = &units[i];
		int64		whole = unit->months > 0 ? span->month :
			unit->days > 0 ? span->day : span->time;
		int64		one = unit->months > 0 ? unit->months :
			unit->days > 0 ? unit->days : unit->microseconds;

		/* three months are what most people say */
		if (unit->is_period && unit->period == CALENDAR_QUARTER)
			continue;
		if (whole != 0 && whole % one == 0)
			return psprintf(INT64_FORMAT " %s%s", whole / one, unit->name,
							whole == one ? "" : "s");
	}
	return pstrdup("none");
}

/* ---- periods ---- */

Recent
recent_parse(const char *text)
{
	Recent		recent = {RECENT_SO_FAR};
	Words		words = {downcase_identifier(text, strlen(text), false,
											 false)};
	bool		valid = false;

	if (take_word(&words, "so"))
		valid = take_word(&words, "far");
	else if (take_word(&words, "this"))
	{
		recent.kind = RECENT_THIS;
		valid = take_period(&words, &recent.unit);
	}
	else if (take_word(&words, "last"))
	{
		recent.kind = RECENT_LAST;
		valid = take_span(&words, &recent.span);
	}
	if (!valid || next_word(&words) != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("period => %s is not a period of time",
						quote_literal_cstr(text)),
				 errhint("Write, for example, 'this month', 'last 30 days' or 'so far'.")));
	return recent;
}

char *
recent_text(const Recent *recent)
{
	return recent->kind == RECENT_SO_FAR ? pstrdup("so far") :
		recent->kind == RECENT_THIS ?
		psprintf("this %s", unit_name(recent->unit)) :
		psprintf("last %s", span_text(&recent->span));
}

bool
recent_has(const Recent *recent, pg_tz *zone, TimestampTz now, TimestampTz at)
{
	DateADT		first;

	switch (recent->kind)
	{
		case RECENT_THIS:
			first = calendar_period_start(recent->unit,
										  calendar_day(zone, now), 0);
			return at >= calendar_day_start(zone, first);
		case RECENT_LAST:
			return calendar_add(zone, at, &recent->span) > now;
		default:
			return true;
	}
}

/* ---- words ---- */

/* next_word() takes the next word; NULL if there is none. */
static char *
next_word(Words *words)
{
	char	   *word = words->rest;

	while (scanner_isspace(*word))
		word++;
	if (*word == '\0')
		return NULL;
	words->rest = word;
	while (*words->rest != '\0' && !scanner_isspace(*words->rest))
		words->rest++;
	return pnstrdup(word, words->rest - word);
}

/* take_word() takes the next word if it is that one. */
static bool
take_word(Words *words, const char *word)
{
	char	   *before = words->rest;
	char	   *next = next_word(words);

	if (next != NULL && strcmp(next, word) == 0)
		return true;
	words->rest = before;
	return false;
}

/* take_span() takes a number and a unit; a span of nothing is an error. */
static bool
take_span(Words *words, Interval *span)
{
	char	   *number = next_word(words);
	char	   *word = number == NULL ? NULL : next_word(words);
	const Unit *unit = word == NULL ? NULL : unit_of(word);
	int64		most;
	int64		count;

	if (unit == NULL || strspn(number, "0123456789") != strlen(number) ||
		strlen(number) > 12)
		return false;
	count = strtoll(number, NULL, 10);
	most = unit->months > 0 ? MOST_MONTHS / unit->months :
		unit->days > 0 ? MOST_MONTHS * INT64CONST(30) / unit->days :
		MOST_MONTHS * INT64CONST(30) * USECS_PER_DAY / unit->microseconds;
	if (count == 0 || count > most)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 count == 0 ? errmsg("a span must be longer than nothing") :
				 errmsg("a span may not be longer than 5,000 years"),
				 errhint("Write, for example, '14 days'.")));
	span->month = count * unit->months;
	span->day = count * unit->days;
	span->time = count * unit->microseconds;
	return true;
}

/* unit_of() is the unit of that name, singular or plural; NULL if none is. */
static const Unit *
unit_of(const char *word)
{
	int			length = strlen(word);

	if (length > 1 && word[length - 1] == 's')
		length--;
	for (int i = 0; i < lengthof(units); i++)
		if (strlen(units[i].name) == length &&
			strncmp(units[i].name, word, length) == 0)
			return &units[i];
	return NULL;
}

static const char *
unit_name(CalendarUnit period)
{
	for (int i = 0; i < lengthof(units); i++)
		if (units[i].is_period && units[i].period == period)
			return units[i].name;
	return NULL;
}

/* take_period() takes the name of a unit that has an end in the calendar. */
static bool
take_period(Words *words, CalendarUnit *period)
{
	char	   *word = next_word(words);
	const Unit *unit = word == NULL ? NULL : unit_of(word);

	if (unit == NULL || !unit->is_period)
		return false;
	*period = unit->period;
	return true;
}

/*
 * read_instant() reads an instant, in a zone if it names none itself; of a day
 * without a time it is the beginning, or the end.  False if it is not written
 * as one.
 */
static bool
read_instant(const char *text, pg_tz *zone, bool to_end, TimestampTz *at)
{
	static const char *const day = "0000-00-00";
	bool		is_day = strlen(text) == strlen(day);
	int			digits = 0;

	for (const char *c = text; *c != '\0'; c++)
	{
		digits += *c >= '0' && *c <= '9';
		if (is_day)
			is_day = day[c - text] == '-' ? *c == '-' : *c != '-';
	}
	if (digits < 8 || text[0] < '0' || text[0] > '9')
		return false;
	return input_instant(text, zone, is_day, to_end, at);
}

/* input_instant() lets the server read it; false if it cannot. */
static bool
input_instant(const char *text, pg_tz *zone, bool is_day, bool to_end,
			  TimestampTz *at)
{
	MemoryContext context = CurrentMemoryContext;
	int			level = NewGUCNestLevel();

	setting_save("TimeZone", pg_get_timezone_name(zone));
	PG_TRY();
	{
		if (is_day)
		{
			Datum		date = DirectFunctionCall1(date_in,
												   CStringGetDatum(text));

			*at = calendar_day_start(zone, DatumGetDateADT(date) + to_end);
		}
		else
		{
			Oid			none = InvalidOid;
			Datum		instant;

			instant = DirectFunctionCall3(timestamptz_in,
										  CStringGetDatum(text),
										  ObjectIdGetDatum(none),
										  Int32GetDatum(-1));
			*at = DatumGetTimestampTz(instant);
		}
	}
	PG_CATCH();
	{
		/* the caller says which argument it is */
		if (ERRCODE_TO_CATEGORY(geterrcode()) != ERRCODE_DATA_EXCEPTION)
			PG_RE_THROW();
		MemoryContextSwitchTo(context);
		FlushErrorState();
		*at = DT_NOEND;
	}
	PG_END_TRY();
	AtEOXact_GUC(true, level);
	return !TIMESTAMP_NOT_FINITE(*at);
}
