/*-------------------------------------------------------------------------
 *
 * series.h
 *	  The bytes of a series, private to this room.
 *
 * series.c describes the bytes and reads them, series_write.c writes them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_SERIES_H
#define SEGMENT_SERIES_H

#include "state/state.h"
#include "state/packed.h"

/* Stored.  Readers accept every released version. */
#define SERIES_VERSION		1

/* The lengths of units of time, by the number that stands in the bytes. */
#define SERIES_UNITS		5
extern const int64 series_units[SERIES_UNITS];

/* How values of a type stand in the bytes. */
typedef enum SeriesKind
{
	SERIES_TIMES,				/* there are none */
	SERIES_WHOLE,				/* int2, int4, int8 */
	SERIES_NUMERIC,
	SERIES_FIXED,				/* any other type of fixed length */
	SERIES_VARLENA,
} SeriesKind;

/* How values of this type stand in the bytes; NULL means times alone. */
extern SeriesKind series_kind(TypeCacheEntry *type);

/*
 * The first number of a numeric: up to MOST_SCALE the number of digits behind
 * the point, from RAW_NUMERIC on the length of the content that follows.
 */
#define MOST_SCALE			4
#define RAW_NUMERIC			(MOST_SCALE + 1)

/* reading ---------------------------------------------------------------- */

/*
 * Sum, minimum and maximum of the values, if they fit in int64: whole numbers
 * as they are, everyday numerics of one scale in ten-thousandths.
 */
typedef struct SeriesTotal
{
	bool		known;			/* if not, the others mean nothing */
	int			scale;			/* digits that each shows; -1: no value yet */
	int64		sum;
	int64		least;
	int64		most;
} SeriesTotal;

#define SERIES_NO_VALUES \
	{.known = true, .scale = -1, \
	 .least = PG_INT64_MAX, .most = PG_INT64_MIN}

/* Reading fewer events is as fast as reading a total, so none is stored. */
#define SERIES_LONG			8

/* What stands before the events. */
typedef struct SeriesHead
{
	TypeCacheEntry *type;
	int			unit;			/* of all times: a number of series_units */
	int64		nentries;
	uint64		span;			/* units from the first to the last event */
	SeriesTotal total;
} SeriesHead;

/* Steps through the bytes, and checks each: ERRCODE_DATA_CORRUPTED. */
typedef struct SeriesReader
{
	PackedReader bytes;
	SeriesHead	head;
	SeriesKind	kind;
	int64		unit;			/* microseconds */
	int64		next;			/* number of the entry that is read next */
	uint64		ahead;			/* units from the entry read last to the end */
	TimestampTz at;				/* of the entry read last */
	TimestampTz last;			/* of the last entry; known after the first */

	/*
	 * The value of the entry read last: of SERIES_WHOLE itself; of
	 * SERIES_NUMERIC in ten-thousandths if it is an everyday one, and else
	 * the scale is -1.
	 */
	int64		number;
	int			scale;
} SeriesReader;

/* Read what stands before the events of a series. */
extern void series_begin(SeriesReader *reader, Datum series);

/* Read the next entry; false if there are no more. */
extern bool series_next(SeriesReader *reader, SeriesEntry *entry);

/*
 * The value of the entry read last in ten-thousandths; false if it is neither
 * a whole number nor an everyday numeric.
 */
extern bool series_ten_thousandths(const SeriesReader *reader, int64 *number);

/*
 * Add an entry to the total, or take it away if sign < 0; when the minimum or
 * maximum goes, the total is not known any more.
 */
extern void series_total_add(SeriesTotal *total, SeriesKind kind,
							 const SeriesEntry *entry, int sign);

/* Is no sum of as many values as these, in any order, beyond int64? */
extern bool series_total_is_bounded(const SeriesTotal *total, int64 nentries);

/* A copy of the entry's value, in the current context. */
extern Datum series_value(TypeCacheEntry *type, const SeriesEntry *entry);

/* The value that a SeriesReader shows as 'number' and 'scale'. */
extern Datum series_number(TypeCacheEntry *type, int64 number, int scale);

/* writing ---------------------------------------------------------------- */

/* The most bytes that series_write_head() writes. */
#define SERIES_MOST_HEAD	(3 + 6 * LONGEST_VARINT)

/* Write what stands before the events, and return where it ends. */
extern char *series_write_head(char *at, const SeriesHead *head);

/*
 * Write an entry, and return where it ends.  'time' is its first number: units
 * since the entry before, or the zigzag of units since 2000.
 */
extern char *series_write_entry(char *at, uint64 time,
								const SeriesEntry *entry);

/* Set the length word of a series that ends at 'end'. */
extern void series_set_size(char *bytes, const char *end, int64 nentries);

#endif							/* SEGMENT_SERIES_H */
