/*-------------------------------------------------------------------------
 *
 * tally_blocks.c
 *	  Which part of a long tally has to be read?
 *
 * A tally of many values has a directory before its entries, which are in
 * blocks of equal numbers (packed_source.c):
 *
 *		80 02				varint: 256 entries in each block but the last
 *		b1 01				varint: length of what follows, in bytes
 *		07 80 c0 .. 03 t e a
 *							of each block an entry: the value of its first, the
 *							most rows of one, and the latest time of those that
 *							have so many
 *		b4 06 ...			varints: bytes of each block
 *
 * Times in a block are as in a tally of its own.  So one value is found by the
 * directory and one block, and the most frequent one by the directory and the
 * blocks that may have it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "state/tally.h"

static void read_directory(TallyReader *reader);
static int	block_of(const TallyReader *reader, Datum value);

void
tally_begin(TallyReader *reader, Datum column)
{
	PackedReader *bytes = &reader->bytes;
	TallyHead  *head = &reader->head;

	packed_source(column, &reader->source);
	bytes->what = "tally";
	packed_load(&reader->source, bytes, 0, reader->source.near);
	tally_read_head(bytes, head);
	reader->begin = reader->source.near - (bytes->end - bytes->at);
	reader->blocks = NULL;
	reader->at = NULL;
	reader->block = -1;
	reader->entries = NULL;
	reader->nentries = 0;
	if (head->per_block > 0)
		read_directory(reader);
	if (head->nentries >
		(reader->source.length - reader->begin) / TALLY_SMALLEST_ENTRY)
		packed_corrupted(bytes, "It has fewer values than it says.");
}

/* Read the directory, which comes next, and load it if need be. */
static void
read_directory(TallyReader *reader)
{
	PackedReader *bytes = &reader->bytes;
	TallyHead  *head = &reader->head;
	uint64		length = packed_varint(bytes);
	Size		from = reader->source.near - (bytes->end - bytes->at);
	Size		at = 0;

	if (length > reader->source.length - from ||
		head->nblocks > length / TALLY_SMALLEST_ENTRY)
		packed_corrupted(bytes, "Its directory is impossible.");
	if (length > (Size) (bytes->end - bytes->at))
		packed_load(&reader->source, bytes, from, length);
	bytes->end = bytes->at + length;
	reader->begin = from + length;

	reader->blocks = palloc(head->nblocks * sizeof(TallyEntry));
	reader->at = palloc((head->nblocks + 1) * sizeof(Size));
	tally_read_entries(bytes, head, reader->blocks, head->nblocks);
	for (int i = 0; i < head->nblocks; i++)
	{
		reader->at[i] = at;
		at += packed_varint(bytes);
		if (at > reader->source.length - reader->begin)
			packed_corrupted(bytes, "It ends too early.");
	}
	reader->at[head->nblocks] = at;
	if (bytes->at != bytes->end ||
		at != reader->source.length - reader->begin)
		packed_corrupted(bytes, "Its directory is impossible.");
}

void
tally_read_block(TallyReader *reader, int block)
{
	PackedReader *bytes = &reader->bytes;
	const TallyHead *head = &reader->head;
	bool		all = reader->blocks == NULL;
	Size		from = all ? 0 : reader->at[block];
	Size		to = all ? reader->source.length - reader->begin :
		reader->at[block + 1];
	const TallyEntry *last;

	if (reader->block == block)
		return;
	packed_load(&reader->source, bytes, reader->begin + from, to - from);
	reader->nentries = all ? head->nentries :
		Min(head->per_block, head->nentries - block * head->per_block);
	/* whoever was given an entry of another block still needs that */
	reader->entries = palloc_extended(reader->nentries * sizeof(TallyEntry),
									  MCXT_ALLOC_HUGE);
	tally_read_entries(bytes, head, reader->entries, reader->nentries);
	if (bytes->at != bytes->end)
		packed_corrupted(bytes, "It goes on behind its last value.");
	reader->block = block;
	if (all)
		return;

	last = &reader->entries[reader->nentries - 1];
	if (image_compare(head->type, reader->entries[0].value,
					  reader->blocks[block].value) != 0 ||
		(block + 1 < head->nblocks &&
		 image_compare(head->type, last->value,
					   reader->blocks[block + 1].value) >= 0))
		packed_corrupted(bytes,
						 "Its values are not in the order of their bytes.");
}

Tally *
tally_read(Datum bytes)
{
	Tally	   *tally = palloc(sizeof(Tally));
	Datum		value = PointerGetDatum(PG_DETOAST_DATUM_PACKED(bytes));
	TallyReader reader;

	tally_begin(&reader, value);
	tally->type = reader.head.type;
	tally->nentries = 0;
	tally->total = reader.head.total;
	if (reader.head.nblocks == 1)
	{
		tally_read_block(&reader, 0);
		tally->entries = reader.entries;
		tally->nentries = reader.nentries;
		return tally;
	}
	tally->entries = palloc_extended(Max(reader.head.nentries, 1) *
									 sizeof(TallyEntry), MCXT_ALLOC_HUGE);
	for (int i = 0; i < reader.head.nblocks; i++)
	{
		tally_read_block(&reader, i);
		memcpy(tally->entries + tally->nentries, reader.entries,
			   reader.nentries * sizeof(TallyEntry));
		tally->nentries += reader.nentries;
		pfree(reader.entries);
	}
	return tally;
}

const TallyEntry *
tally_find(TallyReader *reader, Datum value)
{
	int			block = block_of(reader, value);
	Tally		entries = {.type = reader->head.type};

	if (block < 0)
		return NULL;
	tally_read_block(reader, block);
	entries.nentries = reader->nentries;
	entries.entries = reader->entries;
	return tally_entry_of(&entries, value);
}

/* The block that has a value, if any has; -1: none has. */
static int
block_of(const TallyReader *reader, Datum value)
{
	int			low = -1;
	int			high = reader->head.nblocks;

	if (reader->blocks == NULL)
		return high - 1;
	while (high - low > 1)
	{
		int			middle = low + (high - low) / 2;

		if (image_compare(reader->head.type, reader->blocks[middle].value,
						  value) <= 0)
			low = middle;
		else
			high = middle;
	}
	return low;
}
