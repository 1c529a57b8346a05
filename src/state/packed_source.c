/*-------------------------------------------------------------------------
 *
 * packed_source.c
 *	  A long value, of which only parts are read.
 *
 * The server keeps a long value in chunks of 2 kB, and fetches those that are
 * asked for.  So a long series or tally has a directory before its entries,
 * which are in blocks of equal numbers:
 *
 *		head | directory | block | block | block | ... | block
 *		~~~~~~~~~~~~~~~~ read at once		 ~~~~~ read when it is asked for
 *
 * The number of entries in a block grows with the root of their number, so
 * that neither block nor directory become long.
 *
 * And what is changed often is not kept in one long value, but in three
 * columns, of which an event writes the shortest: see series_change.c.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/detoast.h"
#include "access/heaptoast.h"

#include "base/base.h"
#include "state/packed.h"

/* of segment.series_tail: bytes for one entry, mostly */
#define ENTRY_BYTES		8
/* a value of fewer blocks than this has none */
#define LEAST_BLOCKS	4
/* entries in a block, as a multiple of the root of their number */
#define BLOCK_ROOTS		0.5

/* so much of a long value is read at first: mostly the directory, too */
#define FIRST_READ		(4 * TOAST_MAX_CHUNK_SIZE)
/* a value of no more bytes is read at once */
#define SHORT_READ		(16 * TOAST_MAX_CHUNK_SIZE)

/* the least length of the middle at which it is merged, in tails */
#define LEAST_MIDDLE	4

void
packed_source(Datum column, PackedSource *source)
{
	struct varlena *value = (struct varlena *) DatumGetPointer(column);

	memset(source, 0, sizeof(PackedSource));
	if (VARATT_IS_EXTERNAL_ONDISK(value))
	{
		struct varatt_external pointer;

		VARATT_EXTERNAL_GET_POINTER(pointer, value);
		if (!VARATT_EXTERNAL_IS_COMPRESSED(pointer))
		{
			source->toasted = value;
			source->length = pointer.va_rawsize - VARHDRSZ;
			value = detoast_attr_slice(value, 0, packed_first_read(source));
		}
	}
	value = PG_DETOAST_DATUM_PACKED(PointerGetDatum(value));
	source->start = (const unsigned char *) VARDATA_ANY(value);
	source->near = VARSIZE_ANY_EXHDR(value);
	if (source->toasted == NULL)
		source->length = source->near;
}

Size
packed_first_read(const PackedSource *source)
{
	return source->length <= SHORT_READ ? source->length : FIRST_READ;
}

PackedSource
packed_source_part(const PackedSource *whole, Size from, Size length)
{
	return (PackedSource) {
		.toasted = whole->toasted,
		.from = from,
		.length = length,
		.start = whole->start + from,
		.near = from < whole->near ? Min(whole->near - from, length) : 0,
	};
}

void
packed_load(const PackedSource *source, PackedReader *bytes, Size from,
			Size length)
{
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
}

int64
packed_per_block(int64 nentries)
{
	int64		least = Max(segment_series_tail / ENTRY_BYTES, 1);

	if (nentries < least * LEAST_BLOCKS)
		return 0;
	return Max(least, (int64) (BLOCK_ROOTS * sqrt((double) nentries)));
}

/* ---- the columns of a state ---- */

Size
packed_size(Datum column)
{
	return toast_raw_datum_size(column) - VARHDRSZ;
}

/*
 * Per byte of changes, body / middle bytes of the body are written, and
 * middle / (2 * tail) of the middle: the sum is least where
 * middle^2 = 2 * tail * body.
 */
bool
packed_middle_is_long(Size middle, Size body)
{
	double		tail = segment_series_tail;

	return middle > LEAST_MIDDLE * tail &&
		(double) middle * middle > 2 * tail * body;
}
