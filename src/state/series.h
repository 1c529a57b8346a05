/*-------------------------------------------------------------------------
 *
 * series.h
 *	  The bytes of a series, private to this room.
 *
 * series.c describes the bytes and reads them, series_write.c writes them, and
 * series_blocks.c knows the directory of a long series.  What is asked of a
 * state, which may be several series, is read by a SeriesCursor.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_SERIES_H
#define SEGMENT_SERIES_H

#include "state/state.h"
#include "state/packed.h"

/* Stored.  Readers accept every released version. */
#define SERIES_VERSION			1
#define SERIES_VERSION_BLOCKS	2	/* with a directory of blocks */
#define SERIES_VERSION_LESS		3	/* what came, and what went */

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
 * as they are, everyday numerics in ten-thousandths.
 */
typedef struct SeriesTotal
{
	bool		known;			/* if not, the others mean nothing */
	int			scale;			/* most digits that one shows; -1: no value */
	bool		mixed;			/* do they show different numbers of digits? */
	int64		sum;
	int64		least;
	int64		most;
} SeriesTotal;

#define SERIES_NO_VALUES \
	{.known = true, .scale = -1, \
	 .least = PG_INT64_MAX, .most = PG_INT64_MIN}

/* Reading fewer events is as fast as reading a total, so none is stored. */
#define SERIES_LONG			8

/* Stored, beside 1 + scale: the values show different numbers of digits. */
#define SERIES_MIXED		0x10

/* A run of events in a long series, as the directory describes it. */
typedef struct SeriesBlock
{
	TimestampTz first;			/* time of its first event */
	Size		at;				/* where it begins, from the first event on */
	SeriesTotal total;			/* of its values */
	int64		before;			/* sum of the values before it, if 'summed' */
} SeriesBlock;

/* What stands before the events. */
typedef struct SeriesHead
{
	TypeCacheEntry *type;
	int			unit;			/* of all times: a number of series_units */
	int64		nentries;
	uint64		span;			/* units from the first to the last event */
	SeriesTotal total;
	int64		per_block;		/* events of each block but the last */
	int			nblocks;		/* 0: there is no directory */
	SeriesBlock *blocks;
	bool		summed;			/* is the sum before each block known? */
} SeriesHead;

/* Steps through the bytes, and checks each: ERRCODE_DATA_CORRUPTED. */
typedef struct SeriesReader
{
	PackedSource source;
	PackedReader bytes;			/* those that are loaded */
	SeriesHead	head;
	SeriesKind	kind;
	int64		unit;			/* microseconds */
	Size		loaded;			/* where 'bytes' end in the source */
	bool		whole;			/* do they hold all events? */
	int			batch;			/* blocks to be loaded next time */
	Size		events;			/* where the events begin in the source */
	TimestampTz first;			/* time of the first entry */
	int64		next;			/* number of the entry that is read next */
	int64		stop;			/* entries before this one are loaded */
	int64		known;			/* number of an entry whose time is known */
	TimestampTz known_at;		/* that time */
	uint64		ahead;			/* units from the entry read last to the end */
	TimestampTz at;				/* of the entry read last */
	TimestampTz last;			/* of the last entry */

	/*
	 * The value of the entry read last: of SERIES_WHOLE itself; of
	 * SERIES_NUMERIC in ten-thousandths if it is an everyday one, and else
	 * the scale is -1.
	 */
	int64		number;
	int			scale;
} SeriesReader;

/*
 * Find the bytes of the events that came and of those that went in a column's
 * value; the source of either is empty if there are none.
 */
extern void series_sources(Datum series, PackedSource *came,
						   PackedSource *went);

/* Read what stands before the events of a source that is not empty. */
extern void series_begin_source(SeriesReader *reader,
								const PackedSource *source);

/* The same of a series from which no events went. */
extern void series_begin(SeriesReader *reader, Datum series);

/* Read the next entry; false if there are no more. */
extern bool series_next(SeriesReader *reader, SeriesEntry *entry);

/*
 * Step over entries that are earlier than an instant, but not over all of
 * them: some have to be read.
 */
extern void series_skip(SeriesReader *reader, TimestampTz before);

/*
 * Add an entry to the total, or take it away if sign < 0; when the minimum or
 * maximum goes, the total is not known any more.
 */
extern void series_total_add(SeriesTotal *total, SeriesKind kind,
							 const SeriesEntry *entry, int sign);

/* Add the entry that was read last. */
extern void series_total_add_read(SeriesTotal *total,
								  const SeriesReader *reader);

/* Is no sum of as many values as these, in any order, beyond int64? */
extern bool series_total_is_bounded(const SeriesTotal *total, int64 nentries);

/* A copy of the entry's value, in the current context. */
extern Datum series_value(TypeCacheEntry *type, const SeriesEntry *entry);

/* The value that a SeriesReader shows as 'number' and 'scale'. */
extern Datum series_number(TypeCacheEntry *type, int64 number, int scale);

/* series_blocks.c: parts of a long series -------------------------------- */

/* Load bytes of the source, to be read next. */
extern void series_load(SeriesReader *reader, Size from, Size length);

/* Where in the source are the bytes that are read next? */
extern Size series_position(const SeriesReader *reader);

/* Load what follows the entries that are loaded, as much again. */
extern void series_load_more(SeriesReader *reader);

/* Load all of the series, and begin with it again. */
extern void series_load_all(SeriesReader *reader);

/*
 * Go, forwards or backwards, to where no entry at or after an instant has been
 * read: to the beginning of a block.  False if the reader is there already.
 */
extern bool series_seek(SeriesReader *reader, TimestampTz from);

/* Go to the beginning of a block, or to the end: the number of blocks. */
extern void series_goto_block(SeriesReader *reader, int block);

/* The number of the last block that begins before an instant; 0 if none. */
extern int	series_block_before(const SeriesHead *head, TimestampTz at);

/* The number of the block that begins with the next entry; -1: none does. */
static inline int
series_at_block(const SeriesReader *reader)
{
	if (reader->head.nblocks == 0 ||
		reader->next % reader->head.per_block != 0 ||
		reader->next == reader->head.nentries)
		return -1;
	return (int) (reader->next / reader->head.per_block);
}

/* No event of the block is later than that. */
static inline TimestampTz
series_block_last(const SeriesReader *reader, int block)
{
	return block + 1 < reader->head.nblocks ?
		reader->head.blocks[block + 1].first : reader->last;
}

/* The number of events in a block. */
static inline int64
series_block_events(const SeriesHead *head, int block)
{
	return Min(head->per_block, head->nentries - block * head->per_block);
}

/* series_cache.c: heads that were read a moment ago ---------------------- */

/* The sources of a long value, if this statement has read it before. */
extern bool series_cache_sources(struct varlena *value, PackedSource *came,
								 PackedSource *went);

/* Keep these for later calls. */
extern void series_cache_keep_sources(const struct varlena *value,
									  const PackedSource *came,
									  const PackedSource *went);

/* Begin as another call of this statement began; false if none did. */
extern bool series_cache_begin(SeriesReader *reader,
							   const PackedSource *source);

/* Keep a reader that has begun for later calls. */
extern void series_cache_keep(const SeriesReader *reader);

/* series_cursor.c: the events of all parts of a state -------------------- */

/* An event, and its value as a SeriesReader shows it. */
typedef struct SeriesEvent
{
	SeriesEntry entry;
	int64		number;
	int			scale;
} SeriesEvent;

/* Events that came, or that went. */
typedef struct SeriesPart
{
	SeriesReader reader;
	int			sign;			/* -1: these went */
	bool		ready;			/* is 'event' the next one? */
	bool		ended;
	SeriesEvent event;
} SeriesPart;

/* of each column, what came and what went */
#define SERIES_PARTS	(2 * STATE_COLUMNS)

/*
 * Steps through the events of a state in order: those that came, less those
 * that went.
 */
typedef struct SeriesCursor
{
	TypeCacheEntry *type;		/* of the values */
	SeriesKind	kind;
	int			nparts;
	bool		any_went;
	TimestampTz last;			/* no event is later */
	TimestampTz from;			/* no event is earlier */
	int64		repeats;		/* 'event' comes so often again */
	SeriesEvent event;
	SeriesPart	parts[SERIES_PARTS];
} SeriesCursor;

/* Begin with a state: a series, or what series_joined() makes of several. */
extern void series_cursor_begin(SeriesCursor *cursor, Datum state);

/* Begin without any part, and add those of a column. */
extern void series_cursor_none(SeriesCursor *cursor);
extern void series_cursor_add(SeriesCursor *cursor, Datum series);

/* Find the next event, which is in cursor->event; false if there is none. */
extern bool series_cursor_next(SeriesCursor *cursor);

/*
 * Go, forwards or backwards, to the first event at or after an instant, mostly
 * without reading those between.
 */
extern void series_cursor_seek(SeriesCursor *cursor, TimestampTz from);

/*
 * An instant before 'at', from which on there are some events up to 'at', if
 * there are any at all: the later, the fewer need to be read.
 */
extern TimestampTz series_cursor_back(const SeriesCursor *cursor,
									  TimestampTz at);

/* Is it what series_joined() makes of several series? */
extern bool series_is_joined(Datum state);

/* The events of all parts, those that went taken away: for series_read(). */
extern Series *series_net(Datum state);

/*
 * The value of the event in ten-thousandths; false if it is neither a whole
 * number nor an everyday numeric.
 */
extern bool series_ten_thousandths(const SeriesCursor *cursor, int64 *number);

/* series_insert.c: later events ------------------------------------------- */

/*
 * Insert changes into a series, and leave out entries that are not in 'kept',
 * which sets *dropped.  False, and nothing is done, if that takes more than
 * copying bytes: if an entry went or is earlier than all others, or the unit
 * of the times is too coarse, or the series is long.
 */
extern bool series_insert(TypeCacheEntry *type, const SeriesChange *added,
						  int nentries, const TimeRange *kept, Datum *series,
						  bool *dropped);

/* writing ---------------------------------------------------------------- */

/* The most bytes that series_write_head() writes. */
#define SERIES_MOST_HEAD	(3 + 6 * LONGEST_VARINT)

/*
 * Write what stands before the events, but for the directory, and return where
 * it ends.
 */
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
