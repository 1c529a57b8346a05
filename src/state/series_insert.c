/*-------------------------------------------------------------------------
 *
 * series_insert.c
 *	  An event that is later than all before, as most are, or than most.
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
 * of all.  Where some entries are later than a new one, as what is to come is,
 * those before it are read to find its place, and only of the one behind it
 * the time is told anew.
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

/* A series that is written from another one, entry by entry or in runs. */
typedef struct Splice
{
	SeriesReader *reader;		/* of the other one */
	const unsigned char *copied;	/* its bytes before this are written */
	const unsigned char *from;	/* where 'next' begins */
	TimestampTz at_from;		/* time of the entry before that */
	SeriesEntry next;			/* read and not written, if 'ahead' */
	bool		ahead;
	bool		ended;			/* all of its entries are written */
	char	   *at;
	TimestampTz before;			/* time of the entry written last */
} Splice;

static bool skip_left(SeriesReader *reader, const TimeRange *kept,
					  SeriesHead *head, SeriesEntry *first);
static void add_total(const SeriesReader *reader, SeriesTotal *total);
static void copy_before(Splice *splice, const SeriesEntry *entry);
static void copy_run(Splice *splice, const unsigned char *end,
					 TimestampTz at_end);
static void put_next(Splice *splice);
static void put_entry(Splice *splice, const SeriesEntry *entry);

bool
series_insert(TypeCacheEntry *type, const SeriesChange *added, int nentries,
			  const TimeRange *kept, Datum *series, bool *dropped)
{
	PackedSource came;
	PackedSource went;
	SeriesReader reader;
	SeriesHead	head;
	SeriesEntry first;
	Splice		splice = {.reader = &reader};
	Size		most;
	char	   *bytes;

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
	if (reader.last > kept->to || series_compare(&first, &added[0].entry) > 0)
		return false;
	if (reader.head.total.known && !head.total.known)
		return false;
	if (reader.head.nentries < SERIES_LONG &&
		head.nentries + nentries >= SERIES_LONG)
		add_total(&reader, &head.total);

	most = VARHDRSZ + SERIES_MOST_HEAD + LONGEST_VARINT + first.length +
		(reader.bytes.end - reader.bytes.at);
	for (int i = 0; i < nentries; i++)
	{
		if (added[i].entry.at % reader.unit != 0)
			return false;
		series_total_add(&head.total, reader.kind, &added[i].entry, 1);
		most += LONGEST_VARINT + added[i].entry.length;
	}
	*dropped |= head.nentries < reader.head.nentries;
	head.nentries += nentries;
	head.span = ((uint64) Max(reader.last, added[nentries - 1].entry.at) -
				 (uint64) first.at) / reader.unit;

	bytes = MemoryContextAllocHuge(CurrentMemoryContext, most);
	splice.at = series_write_head(bytes + VARHDRSZ, &head);
	splice.at = series_write_entry(splice.at,
								   packed_zigzag(first.at / reader.unit),
								   &first);
	splice.before = first.at;
	splice.copied = reader.bytes.at;
	for (int i = 0; i < nentries; i++)
	{
		copy_before(&splice, &added[i].entry);
		put_entry(&splice, &added[i].entry);
	}
	if (splice.ahead)
		put_next(&splice);
	copy_run(&splice, reader.bytes.end, reader.last);
	series_set_size(bytes, splice.at, head.nentries);
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
 * Compute the total of a short series, which does not say it: of the entry
 * read last, the first that is kept, and of those that the reader comes to
 * next.
 */
static void
add_total(const SeriesReader *reader, SeriesTotal *total)
{
	SeriesReader rest = *reader;
	SeriesEntry entry;

	*total = (SeriesTotal) SERIES_NO_VALUES;
	do
		series_total_add_read(total, &rest);
	while (series_next(&rest, &entry));
}

/* Write the entries before one, and read the one behind it, if any. */
static void
copy_before(Splice *splice, const SeriesEntry *entry)
{
	SeriesReader *reader = splice->reader;

	while (reader->last >= entry->at && !splice->ended)
	{
		if (!splice->ahead)
		{
			/* behind a new one the time of the next is another */
			if (splice->copied != reader->bytes.at ||
				splice->before == reader->at)
				series_skip(reader, entry->at);
			splice->from = reader->bytes.at;
			splice->at_from = reader->at;
			if (!series_next(reader, &splice->next))
				break;
			splice->ahead = true;
		}
		if (splice->next.at >= entry->at &&
			series_compare(&splice->next, entry) >= 0)
		{
			copy_run(splice, splice->from, splice->at_from);
			return;
		}
		if (splice->copied == splice->from &&
			splice->before != splice->at_from)
			put_next(splice);
		splice->ahead = false;
	}
	if (splice->ahead)
		put_next(splice);
	copy_run(splice, reader->bytes.end, reader->last);
	splice->ended = true;
}

/* Copy the bytes up to 'end', whose last entry is at that time. */
static void
copy_run(Splice *splice, const unsigned char *end, TimestampTz at_end)
{
	Size		length = end - splice->copied;

	if (length == 0)
		return;
	memcpy(splice->at, splice->copied, length);
	splice->at += length;
	splice->copied = end;
	splice->before = at_end;
}

/* Write the entry that was read ahead. */
static void
put_next(Splice *splice)
{
	put_entry(splice, &splice->next);
	splice->copied = splice->reader->bytes.at;
	splice->ahead = false;
}

/* Write an entry, behind the one written last. */
static void
put_entry(Splice *splice, const SeriesEntry *entry)
{
	uint64		time = (uint64) entry->at - (uint64) splice->before;

	splice->at = series_write_entry(splice->at, time / splice->reader->unit,
									entry);
	splice->before = entry->at;
}
