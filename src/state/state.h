/*-------------------------------------------------------------------------
 *
 * state.h
 *	  What an aggregate keeps in one column, and what can be read off it.
 *
 *		sum(orders.amount)					numeric: ExactTotal, while it is
 *											added up
 *		list(distinct orders.city)			segment.tally: Tally
 *		sum(orders.amount in last 30 days)	segment.series: Series, which a
 *											Window is asked of
 *
 * Values of any type stand in a tally and in a series; ValueOrder says which
 * of them are equal.  This room knows types and bytes, but neither filters nor
 * tables: the text of a window is read by a hook.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_STATE_H
#define SEGMENT_STATE_H

#include "common/int.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "pgtime.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

#include "base/base.h"

/* fixed.c: everyday numerics --------------------------------------------- */

/*
 * Read a numeric as a number of ten-thousandths, and the number of digits that
 * it shows behind the point.  False if the numeric is not an everyday one:
 * then only the server's own functions can tell what it is.
 */
extern bool fixed_from_numeric(Datum value, int64 *fixed, int *scale);

/* order.c: comparing values ---------------------------------------------- */

/*
 * The order of a column's values: that of their type, under a collation.
 *
 * Values that are equal need not look the same: 1.5 and 1.50, or Aarhus and
 * AARHUS in a column whose collation ignores case.  Such values are one value
 * where values are counted or told apart, and of those that are there the one
 * is shown whose text comes first, byte by byte.  So what is shown depends on
 * nothing but the rows.
 *
 *		in the column		1.50  Aarhus  1.5  AARHUS
 *		count(distinct)		2
 *		shown				1.5, AARHUS
 */
typedef struct ValueOrder
{
	TypeCacheEntry *type;		/* never a domain; it has a comparison */
	Oid			collation;
	bool		alike;			/* do equal values always look the same? */
} ValueOrder;

/* The order of a type's values; InvalidOid means the type's own collation. */
extern ValueOrder value_order(TypeCacheEntry *type, Oid collation);

/*
 * Do values of a type that are equal always have the same bytes, under a
 * collation or the type's own (InvalidOid)?
 */
extern bool values_are_alike(Oid type, Oid collation);

/* Compare two values by their type and collation; 0 means equal. */
extern int	value_compare(const ValueOrder *order, Datum a, Datum b);

/*
 * Compare two values, and equal ones by how they look; 0 means that they look
 * the same.
 */
extern int	value_compare_looks(const ValueOrder *order, Datum a, Datum b);

/* Compare two values that are equal by their text, byte by byte. */
extern int	looks_compare(Oid type, Datum a, Datum b);

/*
 * Compare two values by their bytes, which no collation and no release of a
 * library changes: tallies are stored in that order.  0 means the same bytes.
 */
extern int	image_compare(TypeCacheEntry *type, Datum a, Datum b);

/*
 * The value as its type reads it from its text, in the current context, or the
 * value itself.  Canonical values that look the same have the same bytes.
 */
extern Datum value_canonical(TypeCacheEntry *type, Datum value);

/*
 * The key of a value: a number in the order of the type's values.  False if
 * there is none for this value.  Comparing by a function of the server costs
 * ten times as much as comparing keys.
 */
extern bool value_key(Oid type, Datum value, int64 *key);

/* total.c: values added up ----------------------------------------------- */

/*
 * The sum of whole and numeric values, exactly:
 * whole + fixed / 10000 + rest + far * 10^65536.
 *
 * Zeroed memory is the sum of nothing.
 */
typedef struct ExactTotal
{
	int64		whole;
	int64		fixed;			/* everyday numerics: see fixed.c */
	int			scale;			/* most digits shown by one of these */
	bool		any_fixed;
	bool		special;		/* NaN or an infinity is among them */
	Numeric		rest;			/* NULL is 0 */
	Numeric		far;			/* NULL is 0: nothing too large for 'rest' */
} ExactTotal;

/*
 * Add a numeric to the total, or subtract it if sign < 0.  What the total
 * keeps is allocated in 'memory'.
 */
extern void total_add_numeric(ExactTotal *total, Datum value, int sign,
							  MemoryContext memory);

/*
 * The total as a numeric in the current context; false if no numeric is that
 * large.
 */
extern bool total_of_numerics(const ExactTotal *total, Numeric *result);

/* The sum of floating-point values: sum + large * 2^600. */
typedef struct FloatTotal
{
	float8		sum;
	float8		large;
} FloatTotal;

/* Add a floating-point value to the total. */
extern void total_add_float(FloatTotal *total, float8 value);

/* The total as float8; false if it is too large and no value is infinite. */
extern bool total_of_floats(const FloatTotal *total, float8 *result);

/* Add to a number of 64 bits, or subtract; false if that does not fit. */
static inline bool
total_add_signed(int64 *sum, int64 value, int sign)
{
	int64		result;

	if (sign > 0 ?
		pg_add_s64_overflow(*sum, value, &result) :
		pg_sub_s64_overflow(*sum, value, &result))
		return false;
	*sum = result;
	return true;
}

/* Add a whole number to the total, as total_add_numeric() does a numeric. */
static inline void
total_add_whole(ExactTotal *total, int64 value, int sign, MemoryContext memory)
{
	if (!total_add_signed(&total->whole, value, sign))
		total_add_numeric(total, NumericGetDatum(int64_to_numeric(value)),
						  sign, memory);
}

/* the columns of a state -------------------------------------------------- */

/* What may become long is in so many columns, the first of them short. */
enum
{
	STATE_TAIL,
	STATE_MIDDLE,
	STATE_BODY,
};
#define STATE_COLUMNS		3

/* tally.c: the type segment.tally ---------------------------------------- */

/*
 * An instant or none, which is earlier than all.  No instant of the server
 * lies just above -infinity, so the two lowest numbers are free to tell "no
 * time" and -infinity apart.
 */
typedef int64 TallyTime;

#define TALLY_NO_TIME		PG_INT64_MIN

/* The instant as a TallyTime; 'at' means nothing unless has_at. */
extern TallyTime tally_time(TimestampTz at, bool has_at);

/* A value, the number of rows that had it, and the latest time among them. */
typedef struct TallyEntry
{
	Datum		value;
	int64		rows;			/* at least 1; of changes 0: it is gone */
	TallyTime	latest;
} TallyEntry;

/*
 * Counted values.
 *
 *		text{"tea": 1, "vegan": 3 @ 2026-05-01 12:00:00+00}
 *
 * says that "vegan" was there three times, the last time on 1 May, and "tea"
 * once, at no known time.  tally.c describes the bytes.
 *
 *		text{"tea": 2, "vegan": 0} of 1
 *
 * says of a customer's tally that it has "tea" twice now and "vegan" no more,
 * whatever else is kept of it, and one value in all.
 */
typedef struct Tally
{
	TypeCacheEntry *type;		/* of the values: never a domain */
	int			nentries;		/* at least 1, unless it is of changes */
	TallyEntry *entries;		/* each image once: image_compare() */
	int64		total;			/* of changes: of so many values; 0: it is
								 * whole */
} Tally;

/*
 * The type of the values of a tally of 'type': the type below its domains.  If
 * such values cannot be counted, an error names 'what' as its subject.
 */
extern TypeCacheEntry *tally_element(Oid type, const char *what);

/*
 * Read a tally from its bytes, in the current memory context.  Every byte is
 * checked: ERRCODE_DATA_CORRUPTED.
 */
extern Tally *tally_read(Datum bytes);

/* The tally as bytes: a segment.tally. */
extern Datum tally_write(const Tally *tally);

/* tally_change.c: a tally in several columns ------------------------------ */

/* A change of a state. */
typedef struct TallyState TallyState;

/*
 * Begin to change a state, in the current context.  NULL if it is of values of
 * another type, or otherwise not what it should be.
 */
extern TallyState *tally_state_begin(TypeCacheEntry *type, Datum *columns,
									 bool *isnull);

/* What the state has of a value; NULL if it has none. */
extern const TallyEntry *tally_state_find(TallyState *state, Datum value);

/*
 * What it shall have of the value that was looked up last, 0 rows if none.
 * Values come in the order of image_compare().
 */
extern void tally_state_set(TallyState *state, const TallyEntry *entry);

/* Write the columns, in the current context. */
extern void tally_state_end(TallyState *state);

/* series.c: the type segment.series -------------------------------------- */

/* The instants from one to another, both included; none if from > to. */
typedef struct TimeRange
{
	TimestampTz from;
	TimestampTz to;
} TimeRange;

/* Does the instant lie in the range? */
static inline bool
time_in_range(TimestampTz at, const TimeRange *range)
{
	return at >= range->from && at <= range->to;
}

/* An event, its value as it stands in the bytes. */
typedef struct SeriesEntry
{
	TimestampTz at;
	const unsigned char *value;
	uint32		length;
} SeriesEntry;

/*
 * Events in the order of time.
 *
 *		numeric{"12.50" @ 2026-05-01 12:00:00+00, "7" @ 2026-05-03 09:30:00+00}
 *		{2026-05-01 12:00:00+00, 2026-05-03 09:30:00+00}
 *
 * says that there was a value of 12.50 on 1 May and one of 7 on 3 May; or, of
 * events whose values do not matter, only when they were.  series.c describes
 * the bytes.
 *
 *		numeric{} less {"7" @ 2026-05-03 09:30:00+00}
 *
 * says of the events of another series that the one of 3 May is not there any
 * more.  A series is never without any event of either kind.
 */
typedef struct Series
{
	TypeCacheEntry *type;		/* of the values, never a domain; NULL: there
								 * are only times */
	int			nentries;
	SeriesEntry *entries;		/* ascending: series_compare() */
	int			nless;			/* of a series of changes: */
	SeriesEntry *less;			/* those that went from another series */
} Series;

/*
 * The type of the values of a series of 'type': the type below its domains.
 * An error if such values have no order, by which they can be told apart.
 */
extern TypeCacheEntry *series_element(Oid type);

/* Compare two entries by time, then by the bytes of the value. */
extern int	series_compare(const SeriesEntry *a, const SeriesEntry *b);

/*
 * Read a whole series, in the current memory context, and check the order of
 * its entries, too.  Their values stay in 'series', which is detoasted if need
 * be.
 */
extern Series *series_read(Datum series);

/* The series as bytes: a segment.series. */
extern Datum series_write(const Series *series);

/* Append a value, as it stands in the bytes of a series, to 'out'. */
extern void series_put_value(TypeCacheEntry *type, Datum value,
							 StringInfo out);

/* series_change.c: a series in several columns --------------------------- */

/* How often did an entry come or go? */
typedef struct SeriesChange
{
	SeriesEntry entry;
	int64		times;			/* came, less went */
} SeriesChange;

typedef enum SeriesChanged
{
	SERIES_UNCHANGED,
	SERIES_CHANGED,
	SERIES_UNKNOWN,				/* an event went that was not there */
} SeriesChanged;

/*
 * Apply changes, each entry once and in order, to a state.  Events that are
 * not in 'kept' need not be kept, and may be gone.  New values of columns are
 * allocated in the current context.
 */
extern SeriesChanged series_change(TypeCacheEntry *type,
								   const SeriesChange *changes, int nchanges,
								   const TimeRange *kept, Datum *columns,
								   bool *isnull);

/* series_settle.c: events that need not be told apart any more ----------- */

/*
 * Count the events of a state from one instant to another, and add up their
 * values, if 'sum' is not NULL: exact ones.
 */
extern int64 series_total_between(const Datum *columns, const bool *isnull,
								  const TimeRange *range, ExactTotal *sum,
								  MemoryContext memory);

/* Add the value of an entry to a sum so many times. */
extern void series_add_value(TypeCacheEntry *type, const SeriesEntry *entry,
							 int64 times, ExactTotal *sum,
							 MemoryContext memory);

/* window.c: when an event counts in a window ----------------------------- */

/* How a window is written, without its numbers. */
typedef enum WindowForm
{
	WINDOW_LAST,				/* in last 30 days */
	WINDOW_BETWEEN,				/* between 60 days and 30 days ago, in next 30
								 * days */
	WINDOW_SINCE,				/* since "2026-01-01" */
	WINDOW_BEFORE,				/* before "2026-01-01" */
	WINDOW_PERIOD,				/* in this month, in last or next month */
	WINDOW_TO_COME,				/* to come */
} WindowForm;

/*
 * The events that can count at an instant: none outside of 'first' and 'last',
 * all from 'sure_first' to 'sure_last'; window_counts() says it of any other.
 */
typedef struct WindowRange
{
	TimestampTz first;
	TimestampTz sure_first;
	TimestampTz sure_last;
	TimestampTz last;
} WindowRange;

/* A window of time in a zone. */
typedef struct Window
{
	WindowForm	form;
	pg_tz	   *zone;
	Interval	enters;			/* of BETWEEN: how long after its time; before
								 * it if that is negative */
	Interval	leaves;			/* of LAST and BETWEEN */
	TimestampTz limit;			/* of SINCE and BEFORE */
	CalendarUnit unit;			/* of PERIOD */
	int			shift;			/* of PERIOD: an event counts in the one that
								 * is so many after its own */

	/* the answers of window_range() at the last instants */
	struct
	{
		bool		known;
		TimestampTz now;
		WindowRange range;
	}			recent[2];
} Window;

/*
 * The instant at which an event of time 'at' begins to count; infinity if it
 * never does.  An event that would leave before it enters never counts.
 */
extern TimestampTz window_enters(const Window *window, TimestampTz at);

/* The instant at which an event of time 'at' stops counting, or infinity. */
extern TimestampTz window_leaves(const Window *window, TimestampTz at);

/* Does an event of time 'at' count now? */
extern bool window_counts(const Window *window, TimestampTz at,
						  TimestampTz now);

/*
 * Which events count now?  The result is good until another instant is asked
 * about.
 */
extern const WindowRange *window_range(const Window *window, TimestampTz now);

/*
 * Events that do not count now may be asked for by transactions that began
 * earlier: so they are kept for that much longer.
 */
#define WINDOW_KEPT_LONGER	USECS_PER_DAY

/*
 * The times of the events that can count now or later, in any transaction that
 * has not taken longer than WINDOW_KEPT_LONGER.
 */
extern TimeRange window_kept(const Window *window, TimestampTz now);

/*
 * The same of a window that events do not leave, where those are settled that
 * will not be asked for one by one.
 */
extern TimeRange window_unsettled(const Window *window, TimestampTz now);

/* Do all events that count stop counting together? */
extern bool window_is_period(const Window *window);

/* Does the earlier of two events always enter first, and leave first? */
extern bool window_in_order(const Window *window);

/* How long after its time an event passes a bound, in microseconds. */
typedef struct WindowDelay
{
	bool		never;			/* then the others mean nothing */
	int64		least;
	int64		most;
} WindowDelay;

/* How long after its time does an event begin to count? */
extern WindowDelay window_enters_after(const Window *window);

/* How long after its time does an event stop counting? */
extern WindowDelay window_leaves_after(const Window *window);

/* window_cover.c: windows that share a series ---------------------------- */

/*
 * Does a series that is kept for the window 'wide' hold all events that can
 * count in 'narrow', now or later?  Both windows are in the same zone, and are
 * ones that events leave: LAST, BETWEEN, PERIOD or TO_COME.
 */
extern bool window_covers(const Window *wide, const Window *narrow);

/* A number of days such that "in last <days> days" covers both windows. */
extern int64 window_days_over(const Window *a, const Window *b);

/* window_argument.c: the window of a call -------------------------------- */

/*
 * Read the canonical text of a window, in a time zone.  The language is to the
 * right of this room, which is why this is a hook.
 */
typedef Window *(*WindowReadHook) (const char *text, const char *timezone);
extern WindowReadHook window_read_hook;

/* window_change.c: windows as time passes -------------------------------- */

/*
 * The first instant after 'from' at which an event of the series enters or
 * leaves the window; or, if 'coarsely', a later instant than 'from' that is
 * not after it.  DT_NOEND if there is none.
 */
extern TimestampTz window_next_change(const Window *window, Datum series,
									  TimestampTz from, bool coarsely);

/* What a function makes of the events of a window that count. */
typedef enum WindowKind
{
	WINDOW_OTHER,
	WINDOW_COUNTS,				/* their number */
	WINDOW_SUMS,				/* the sum of their exact values */
} WindowKind;

/*
 * The number or sum of a window, and the limits within which it may change
 * without any condition noticing; sums are in ten-thousandths.
 */
typedef struct WindowMargin
{
	int64		value;
	int64		least;
	int64		most;
} WindowMargin;

/*
 * Lower *until to the first instant after 'from' at which the window may leave
 * the margin, as events enter and leave.  False if that is not known.
 */
extern bool window_keeps_margin(WindowKind kind, const Window *window,
								Datum series, const WindowMargin *margin,
								TimestampTz from, TimestampTz *until);

#endif							/* SEGMENT_STATE_H */
