/*-------------------------------------------------------------------------
 *
 * series_blocks.c
 *	  Which part of a long series has to be read?
 *
 * The server keeps a long value in chunks of 2 kB, and fetches those that are
 * asked for.  So a long series has a directory before its events, which are in
 * blocks of equal numbers:
 *
 *		80 02				varint: 256 events in each block but the last
 *		b1 01				varint: length of what follows, in bytes
 *		e0 c9 9a 0d			varint: zigzag(time of the first event)
 *		b4 06				varint: bytes of the first block
 *		03 90 4e f4 03 ...	total of its values, as of the whole series
 *
 *		aa 15				varint: time from the beginning of that block to
 *							the beginning of the second
 *		...
 *
 * A question about a window takes the totals of the blocks that lie in it, and
 * reads the events of one or two at its edges:
 *
 *		|.....|.....|.....|.....|.....|....
 *			    [			 now
 *			   ~~~ read
 *					~~~~~~~~~~~~~~~~~~~~~~~ taken from the directory
 *
 * The number of events in a block grows with the root of the number of events,
 * so that neither block nor directory become long.  The events themselves are
 * as in a short series: the first of a block has a time since the event before
 * it, too, which is passed over by whoever comes from elsewhere.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/detoast.h"
#include "access/heaptoast.h"
#include "common/int.h"

#include "state/series.h"

/* of segment.series_tail: bytes for one event, mostly */
#define EVENT_BYTES		8
/* a series of fewer blocks than this has none */
#define LEAST_BLOCKS	4
/* events in a block, as a multiple of the root of their number */
#define BLOCK_ROOTS		2

/* so much of a long series is read at first: mostly the directory, too */
#define FIRST_READ		(2 * TOAST_MAX_CHUNK_SIZE)
/* a series of no more bytes is read at once */
#define SHORT_READ		(16 * TOAST_MAX_CHUNK_SIZE)

static void source_of(Datum series, SeriesSource *source);
static void find_sources(const SeriesSource *source, SeriesSource *came,
						 SeriesSource *went);
static SeriesSource source_part(const SeriesSource *whole, Size from,
								Size length);

/* finding bytes ---------------------------------------------------------- */

void
series_sources(Datum series, SeriesSource *came, SeriesSource *went)
{
	struct varlena *value = (struct varlena *) DatumGetPointer(series);
	SeriesSource whole;

	if (VARATT_IS_EXTERNAL_ONDISK(value) &&
		series_cache_sources(value, came, went))
		return;
	source_of(series, &whole);
	find_sources(&whole, came, went);
	if (whole.toasted != NULL)
		series_cache_keep_sources(value, came, went);
}

/* Find the two parts of the bytes of a column's value. */
static void
find_sources(const SeriesSource *source, SeriesSource *came,
			 SeriesSource *went)
{
	SeriesSource whole = *source;
	PackedReader bytes = {.what = "series"};
	uint64		length;
	Size		from;

	*came = whole;
	*went = (SeriesSource) {0};
	bytes.at = whole.start;
	bytes.end = whole.start + whole.near;
	if (*packed_bytes(&bytes, 1) != SERIES_VERSION_LESS)
		return;
	length = packed_varint(&bytes);
	from = bytes.at - whole.start;
	if (length > whole.length - from)
		packed_corrupted(&bytes, "It ends too early.");
	*came = source_part(&whole, from, length);
	*went = source_part(&whole, from + length, whole.length - from - length);
}

/*
 * Find the bytes of a column's value.  Those that can be fetched in parts stay
 * where they are, but for the first of them.
 */
static void
source_of(Datum series, SeriesSource *source)
{
	struct varlena *value = (struct varlena *) DatumGetPointer(series);

	memset(source, 0, sizeof(SeriesSource));
	if (VARATT_IS_EXTERNAL_ONDISK(value))
	{
		struct varatt_external pointer;

		VARATT_EXTERNAL_GET_POINTER(pointer, value);
		if (!VARATT_EXTERNAL_IS_COMPRESSED(pointer))
		{
			source->toasted = value;
			source->length = pointer.va_rawsize - VARHDRSZ;
			value = detoast_attr_slice(value, 0, series_first_read(source));
		}
	}
	value = PG_DETOAST_DATUM_PACKED(PointerGetDatum(value));
	source->start = (const unsigned char *) VARDATA_ANY(value);
	source->near = VARSIZE_ANY_EXHDR(value);
	if (source->toasted == NULL)
		source->length = source->near;
}

Size
series_first_read(const SeriesSource *source)
{
	return source->length <= SHORT_READ ? source->length : FIRST_READ;
}

/* A part of a source. */
static SeriesSource
source_part(const SeriesSource *whole, Size from, Size length)
{
	return (SeriesSource) {
		.toasted = whole->toasted,
		.from = from,
		.length = length,
		.start = whole->start + from,
		.near = from < whole->near ? Min(whole->near - from, length) : 0,
	};
}

void
series_load(SeriesReader *reader, Size from, Size length)
{
	const SeriesSource *source = &reader->source;
	PackedReader *bytes = &reader->bytes;

	if (from + length <= source->near)
		bytes->at = source->start + from;
	else
	{
		struct varlena *slice = detoast_attr_slice(source->toasted,
												   source->from + from,
												   length);

		if (VARSIZE_ANY_EXHDR(slice) != length)
			packed_corrupted(bytes, "It ends too early.");
		bytes->at = (const unsigned char *) VARDATA_ANY(slice);
	}
	bytes->end = bytes->at + length;
	reader->loaded = from + length;
}

Size
series_position(const SeriesReader *reader)
{
	return reader->loaded - (reader->bytes.end - reader->bytes.at);
}

/* the directory ----------------------------------------------------------- */

int64
series_per_block(int64 nentries)
{
	int64		least = Max(segment_series_tail / EVENT_BYTES, 1);

	if (nentries < least * LEAST_BLOCKS)
		return 0;
	return Max(least, (int64) (BLOCK_ROOTS * sqrt((double) nentries)));
}

/* going about ------------------------------------------------------------- */

void
series_load_more(SeriesReader *reader)
{
	const SeriesHead *head = &reader->head;
	int			block = (int) (reader->next / head->per_block);
	int			after = Min(block + reader->batch, head->nblocks);
	Size		from = reader->events + head->blocks[block].at;
	Size		to = after < head->nblocks ?
		reader->events + head->blocks[after].at : reader->source.length;

	series_load(reader, from, to - from);
	reader->stop = Min(after * head->per_block, head->nentries);
	reader->batch *= 2;
}

void
series_load_all(SeriesReader *reader)
{
	if (!reader->whole)
	{
		series_load(reader, reader->events,
					reader->source.length - reader->events);
		reader->whole = true;
	}
	series_goto_block(reader, 0);
}

void
series_goto_block(SeriesReader *reader, int block)
{
	const SeriesHead *head = &reader->head;
	bool		end = block > 0 && block == head->nblocks;
	Size		at = end ? reader->source.length - reader->events :
		block > 0 ? head->blocks[block].at : 0;

	reader->next = end ? head->nentries : block * head->per_block;
	reader->stop = reader->next;
	reader->bytes.at = reader->bytes.end;
	reader->batch = 1;
	if (reader->whole)
	{
		reader->stop = head->nentries;
		reader->bytes.at -= reader->source.length - reader->events - at;
	}
	reader->known = reader->next;
	reader->known_at = block > 0 && !end ? head->blocks[block].first :
		reader->first;
	reader->ahead = end ? 0 :
		((uint64) reader->last - (uint64) reader->known_at) / reader->unit;
	reader->at = PG_INT64_MIN;
}

bool
series_seek(SeriesReader *reader, TimestampTz from)
{
	const SeriesHead *head = &reader->head;
	int			block = series_block_before(head, from);
	int			here = head->nblocks == 0 || reader->next == 0 ? 0 :
		(int) ((reader->next - 1) / head->per_block);

	if (reader->next == 0 ? block == 0 : (reader->at < from && here >= block))
		return false;
	series_goto_block(reader, block);
	return true;
}

int
series_block_before(const SeriesHead *head, TimestampTz at)
{
	int			low = 0;
	int			high = head->nblocks;

	while (high - low > 1)
	{
		int			middle = low + (high - low) / 2;

		if (head->blocks[middle].first < at)
			low = middle;
		else
			high = middle;
	}
	return low;
}
