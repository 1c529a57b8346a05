/*-------------------------------------------------------------------------
 *
 * series_append.c
 *	  An event that is later than all before, as most are.
 *
 *		3 events		1 May 12:00		+1545 minutes		+2880 minutes
 *						12.50			7.00				2.50
 *
 *		an order of 9.00 on 1 June, and 1 May does not count again:
 *
 *		3 events		2 May 13:45		+2880 minutes		+39495 minutes
 *						7.00			2.50				9.00
 *
 * The bytes between the first entry that is kept and the new ones are copied
 * as they are.  So a long window costs the time of a few events and not that
 * of all.
 *
 * The unit of times stays what it was, even when the events that made it small
 * are gone, until the series is written as a whole: by another change, or when
 * its least or greatest value goes.  The same is true of the total of a long
 * series that has none; one that becomes long gets its total now.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "state/series.h"

static bool skip_left(SeriesReader *reader, const TimeRange *kept,
					  SeriesHead *head, SeriesEntry *first);
static void add_total(const SeriesReader *reader, const SeriesEntry *first,
					  SeriesTotal *total);

bool
series_append(TypeCacheEntry *type, const SeriesChange *added, int nentries,
			  const TimeRange *kept, Datum *series)
{
	PackedSource came;
	PackedSource went;
	SeriesReader reader;
	SeriesHead	head;
	SeriesEntry first;
	TimestampTz before;
	Size		rest;
	Size		most;
	char	   *bytes;
	char	   *at;

	for (int i = 0; i < nentries; i++)
		if (added[i].times != 1 || !time_in_range(added[i].entry.at, kept))
			return false;
	series_sources(*series, &came, &went);
	if (came.length == 0 || went.length > 0)
		return false;
	series_begin_source(&reader, &came);
	head = reader.head;
	if (packed_per_block(head.nentries + nentries) > 0 || head.nblocks > 0)
		return false;
	if (head.type != type || !skip_left(&reader, kept, &head, &first))
		return false;
	if (reader.last > kept->to || reader.last >= added[0].entry.at)
		return false;
	if (reader.head.total.known && !head.total.known)
		return false;
	if (reader.head.nentries < SERIES_LONG &&
		head.nentries + nentries >= SERIES_LONG)
		add_total(&reader, &first, &head.total);

	rest = reader.bytes.end - reader.bytes.at;
	most = VARHDRSZ + SERIES_MOST_HEAD + LONGEST_VARINT + first.length + rest;
	for (int i = 0; i < nentries; i++)
	{
		if (added[i].entry.at % reader.unit != 0)
			return false;
		series_total_add(&head.total, reader.kind, &added[i].entry, 1);
		most += LONGEST_VARINT + added[i].entry.length;
	}
	head.nentries += nentries;
	head.span = ((uint64) added[nentries - 1].entry.at - (uint64) first.at) /
		reader.unit;

	bytes = MemoryContextAllocHuge(CurrentMemoryContext, most);
	at = series_write_head(bytes + VARHDRSZ, &head);
	at = series_write_entry(at, packed_zigzag(first.at / reader.unit), &first);
	memcpy(at, reader.bytes.at, rest);
	at += rest;
	before = reader.last;
	for (int i = 0; i < nentries; i++)
	{
		uint64		time = (uint64) added[i].entry.at - (uint64) before;

		at = series_write_entry(at, time / reader.unit, &added[i].entry);
		before = added[i].entry.at;
	}
	series_set_size(bytes, at, head.nentries);
	*series = PointerGetDatum(bytes);
	return true;
}

/*
 * Take from the head what is not kept any more, and find the first entry that
 * is; false if there is none.
 */
static bool
skip_left(SeriesReader *reader, const TimeRange *kept, SeriesHead *head,
		  SeriesEntry *first)
{
	while (series_next(reader, first))
	{
		if (first->at >= kept->from)
			return true;
		series_total_add(&head->total, reader->kind, first, -1);
		head->nentries--;
	}
	return false;
}

/*
 * Compute the total of a short series, which does not say it: of the first
 * entry that is kept, and of those that the reader comes to next.
 */
static void
add_total(const SeriesReader *reader, const SeriesEntry *first,
		  SeriesTotal *total)
{
	SeriesReader rest = *reader;
	SeriesEntry entry = *first;

	*total = (SeriesTotal) SERIES_NO_VALUES;
	do
		series_total_add(total, rest.kind, &entry, 1);
	while (series_next(&rest, &entry));
}
