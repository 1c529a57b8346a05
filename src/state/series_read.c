/*-------------------------------------------------------------------------
 *
 * series_read.c
 *	  All events of a series, checked.
 *
 *		numeric{"12.50" @ 2026-05-01 12:00:00+00, "7" @ 2026-05-03 09:30:00+00}
 *
 *		series_read		entries: 12.50 on 1 May, 7 on 3 May
 *
 * This is for what needs all of them: merging, and text.  Where a question
 * needs some, a SeriesCursor reads these.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "state/series.h"

static SeriesEntry *read_entries(const PackedSource *source,
								 TypeCacheEntry **type, int *nentries);
static bool totals_agree(const SeriesTotal *stored,
						 const SeriesTotal *counted);
static void check_blocks(const SeriesReader *reader,
						 const SeriesBlock *blocks);

Series *
series_read(Datum bytes)
{
	Series	   *series = palloc0(sizeof(Series));
	PackedSource came;
	PackedSource went;

	if (series_is_joined(bytes))
		return series_net(bytes);
	series_sources(bytes, &came, &went);
	if (came.length > 0)
		series->entries = read_entries(&came, &series->type,
									   &series->nentries);
	if (went.length > 0)
		series->less = read_entries(&went, &series->type, &series->nless);
	return series;
}

/* Read and check all entries of a source. */
static SeriesEntry *
read_entries(const PackedSource *source, TypeCacheEntry **type, int *nentries)
{
	SeriesReader reader;
	SeriesTotal total = SERIES_NO_VALUES;
	SeriesBlock *blocks = NULL;
	SeriesEntry *entries;

	series_begin_source(&reader, source);
	series_load_all(&reader);
	*type = reader.head.type;
	*nentries = (int) reader.head.nentries;
	entries = palloc_extended(*nentries * sizeof(SeriesEntry),
							  MCXT_ALLOC_HUGE);
	if (reader.head.nblocks > 0)
		blocks = palloc(reader.head.nblocks * sizeof(SeriesBlock));
	for (int i = 0; i < *nentries; i++)
	{
		int			block = series_at_block(&reader);
		const unsigned char *at = reader.bytes.at;

		CHECK_FOR_INTERRUPTS();

		(void) series_next(&reader, &entries[i]);
		if (i > 0 && series_compare(&entries[i - 1], &entries[i]) > 0)
			packed_corrupted(&reader.bytes,
							 "Its values are not in the order of their bytes.");
		series_total_add(&total, reader.kind, &entries[i], 1);
		if (block >= 0)
			blocks[block] = (SeriesBlock) {
				.first = entries[i].at,
				.at = at - (reader.bytes.end - (source->length -
												reader.events)),
				.total = SERIES_NO_VALUES,
			};
		if (blocks != NULL)
			series_total_add(&blocks[i / reader.head.per_block].total,
							 reader.kind, &entries[i], 1);
	}
	if (!totals_agree(&reader.head.total, &total))
		packed_corrupted(&reader.bytes,
						 "Its values do not come to what it says.");
	if (blocks != NULL)
		check_blocks(&reader, blocks);
	/* when there are no more entries, this checks that nothing follows */
	(void) series_next(&reader, NULL);
	return entries;
}

/* Is a total that is stored, if it is, the one that was counted? */
static bool
totals_agree(const SeriesTotal *stored, const SeriesTotal *counted)
{
	return !stored->known ||
		(counted->known && counted->scale == stored->scale &&
		 counted->mixed == stored->mixed &&
		 counted->sum == stored->sum && counted->least == stored->least &&
		 counted->most == stored->most);
}

/* Check the directory against the blocks that were found. */
static void
check_blocks(const SeriesReader *reader, const SeriesBlock *blocks)
{
	for (int i = 0; i < reader->head.nblocks; i++)
	{
		const SeriesBlock *stored = &reader->head.blocks[i];

		if (stored->first != blocks[i].first || stored->at != blocks[i].at ||
			!totals_agree(&stored->total, &blocks[i].total))
			packed_corrupted(&reader->bytes,
							 "Its directory is not that of its events.");
	}
}
