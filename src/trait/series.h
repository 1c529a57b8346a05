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
#include "trait/packed.h"

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
	SeriesEntry *entries;		/* ascending */
} Series;

/* Steps through the bytes, checking each: ERRCODE_DATA_CORRUPTED. */
typedef struct SeriesReader
{
	PackedReader bytes;
	TypeCacheEntry *type;
	SeriesKind	kind;
	int64		unit;
	int64		nentries;
	int64		next;			/* number of the entry to come */
	TimestampTz at;				/* of the one before */
	TimestampTz last;			/* of the last; until the first is read, how many
								 * units later that is */

	/*
	 * The value of the one before, too, as it mostly is what is asked for: of
	 * SERIES_WHOLE itself; of SERIES_NUMERIC, if it is an everyday one, as
	 * series_fixed() has it, and else the scale is -1.
	 */
	int64		number;
	int			scale;
} SeriesReader;

extern void series_begin(SeriesReader *reader, Datum series);
/* False when there are no more. */
extern bool series_next(SeriesReader *reader, SeriesEntry *entry);

/*
 * The whole of it, in the current memory context, with the order checked, too.
 * The values stay in 'series', which is detoasted if need be.
 */
extern Series *series_read(Datum series);
extern Datum series_write(const Series *series);

/*
 * The type that a series of such values is of: below domains.  An error if
 * they have no order, by which entries of one instant stand.
 */
extern TypeCacheEntry *series_element(Oid type);
extern SeriesKind series_kind(TypeCacheEntry *type);

/* By time, then value, then how the value is written; 0: the same entry */
extern int	series_compare(TypeCacheEntry *type, const SeriesEntry *a,
						   const SeriesEntry *b);

/* A value to bytes, and back; a copy in the current context */
extern void series_put_value(TypeCacheEntry *type, Datum value, StringInfo out);
extern Datum series_value(TypeCacheEntry *type, const SeriesEntry *entry);

/* A value of SERIES_WHOLE, and an everyday one of SERIES_NUMERIC (fixed.h) */
extern int64 series_whole(const SeriesEntry *entry);
extern bool series_fixed(const SeriesEntry *entry, int64 *fixed, int *scale);

#endif							/* SEGMENT_SERIES_H */
