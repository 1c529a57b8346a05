/*-------------------------------------------------------------------------
 *
 * series_blocks.c
 *	  Which part of a long series has to be read?
 *
 * A long series has a directory before its events, which are in blocks of
 * equal numbers (packed_source.c):
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
 * The events themselves are as in a short series: the first of a block has a
 * time since the event before it, too, which is passed over by whoever comes
 * from elsewhere.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/detoast.h"
#include "common/int.h"

#include "state/series.h"

static void find_sources(const PackedSource *source, PackedSource *came,
						 PackedSource *went);

/* finding bytes ---------------------------------------------------------- */

void
series_sources(Datum series, PackedSource *came, PackedSource *went)
{
	struct varlena *value = (struct varlena *) DatumGetPointer(series);
	PackedSource whole;

	if (VARATT_IS_EXTERNAL_ONDISK(value) &&
		series_cache_sources(value, came, went))
		return;
	packed_source(series, &whole);
	find_sources(&whole, came, went);
	if (whole.toasted != NULL)
		series_cache_keep_sources(value, came, went);
}

/* Find the two parts of the bytes of a column's value. */
static void
find_sources(const PackedSource *source, PackedSource *came,
			 PackedSource *went)
{
	PackedSource whole = *source;
	PackedReader bytes = {.what = "series"};
	uint64		length;
	Size		from;

	*came = whole;
	*went = (PackedSource) {0};
	bytes.at = whole.start;
	bytes.end = whole.start + whole.near;
	if (*packed_bytes(&bytes, 1) != SERIES_VERSION_LESS)
		return;
	length = packed_varint(&bytes);
	from = bytes.at - whole.start;
	if (length > whole.length - from)
		packed_corrupted(&bytes, "It ends too early.");
	*came = packed_source_part(&whole, from, length);
	*went = packed_source_part(&whole, from + length,
							   whole.length - from - length);
}

void
series_load(SeriesReader *reader, Size from, Size length)
{
	packed_load(&reader->source, &reader->bytes, from, length);
	reader->loaded = from + length;
}

Size
series_position(const SeriesReader *reader)
{
	return reader->loaded - (reader->bytes.end - reader->bytes.at);
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
