/*-------------------------------------------------------------------------
 *
 * series.h
 *	  Events in the order of time: the type segment.series, private to the
 *	  room of traits.
 *
 *		numeric{"12.50" @ 2026-05-01 12:00:00+00, "7" @ 2026-05-03 09:30:00+00}
 *		{2026-05-01 12:00:00+00, 2026-05-03 09:30:00+00}
 *
 * says that there was a value of 12.50 on 1 May and one of 7 on 3 May; or, of
 * events whose values do not matter, only when they were.  series.c describes
 * the bytes.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_SERIES_H
#define SEGMENT_SERIES_H

#include "trait/aggregate.h"
#include "state/packed.h"

/* How values of a type stand in the bytes. */
typedef enum SeriesKind
{
	SERIES_TIMES,				/* there are none */
	SERIES_WHOLE,				/* int2, int4, int8 */
	SERIES_NUMERIC,
	SERIES_FIXED,				/* any other type of fixed length */
	SERIES_VARLENA,
} SeriesKind;

/* An event, its value as it stands in the bytes. */
typedef struct SeriesEntry
{
	TimestampTz at;
	const unsigned char *value;
	uint32		length;
} SeriesEntry;

typedef struct Series
{
	TypeCacheEntry *type;		/* of the values, never a domain; NULL: there
								 * are only times */
	int			nentries;		/* at least 1 */
	SeriesEntry *entries;		/* ascending: series_compare() */
} Series;

/*
 * What the values come to, where that can be said in short: whole numbers as they
 * are, everyday numerics that all show as many digits in ten-thousandths.
 */
typedef struct SeriesTotal
{
	bool		known;			/* and else neither of these, or it is too short */
	int			scale;			/* digits that each shows; -1: there is none yet */
	int64		sum;
	int64		least;
	int64		most;
} SeriesTotal;

#define SERIES_NO_VALUES	{.known = true, .scale = -1, .least = PG_INT64_MAX, .most = PG_INT64_MIN}

/* Shorter ones are read as fast as what they come to. */
#define SERIES_LONG			8

/* What stands before the events. */
typedef struct SeriesHead
{
	TypeCacheEntry *type;
	int			unit;			/* of all times: its number, see series.c */
	int64		nentries;
	uint64		span;			/* units from the first to the last */
	SeriesTotal total;
} SeriesHead;

/* Steps through the bytes, checking each: ERRCODE_DATA_CORRUPTED. */
typedef struct SeriesReader
{
	PackedReader bytes;
	SeriesHead	head;
	SeriesKind	kind;
	int64		unit;			/* microseconds */
	int64		next;			/* number of the entry to come */
	uint64		ahead;			/* units from the one before to the last */
	TimestampTz at;				/* of the one before */
	TimestampTz last;			/* of the last, once the first is read */

	/*
	 * The value of the one before, too, as it mostly is what is asked for: of
	 * SERIES_WHOLE itself; of SERIES_NUMERIC, if it is an everyday one, in
	 * ten-thousandths (fixed.h), and else the scale is -1.
	 */
	int64		number;
	int			scale;
} SeriesReader;

extern void series_begin(SeriesReader *reader, Datum series);
/* False when there are no more. */
extern bool series_next(SeriesReader *reader, SeriesEntry *entry);
/* The value of the one before as a numeric is added up; false: it is none such. */
extern bool series_ten_thousandths(const SeriesReader *reader, int64 *number);

/*
 * The whole of it, in the current memory context, with the order checked, too.
 * The values stay in 'series', which is detoasted if need be.
 */
extern Series *series_read(Datum series);
extern Datum series_write(const Series *series);

/*
 * series_append.c: the series without what is not to be kept, and with these
 * entries, ascending and all to be kept, at its end.  False if that takes more than
 * copying bytes: they belong elsewhere, or the unit of its times is too coarse.
 */
extern bool series_append(Datum series, const TimeRange *kept,
						  TypeCacheEntry *type, const SeriesEntry *entries,
						  int nentries, Datum *result);

/* The parts of which both write it. */
#define SERIES_MOST_HEAD	(3 + 6 * LONGEST_VARINT)

extern char *series_put_head(char *at, const SeriesHead *head);
extern char *series_put_entry(char *at, uint64 time, const SeriesEntry *entry);
extern void series_set_size(char *bytes, const char *end, int64 nentries);
/* An event more, or less; the least or most of them less, and it is not known. */
extern void series_count(SeriesTotal *total, SeriesKind kind,
						 const SeriesEntry *entry, int sign);

/*
 * The type that a series of such values is of: below domains.  An error if
 * they have no order, by which they can be told apart.
 */
extern TypeCacheEntry *series_element(Oid type);
extern SeriesKind series_kind(TypeCacheEntry *type);

/* By time, then by the bytes of the value; 0: the same entry */
extern int	series_compare(const SeriesEntry *a, const SeriesEntry *b);

/* A value to bytes, and back; a copy in the current context */
extern void series_put_value(TypeCacheEntry *type, Datum value, StringInfo out);
extern Datum series_value(TypeCacheEntry *type, const SeriesEntry *entry);
/* of SERIES_WHOLE, or an everyday one of SERIES_NUMERIC */
extern Datum series_number(TypeCacheEntry *type, int64 number, int scale);

#endif							/* SEGMENT_SERIES_H */
