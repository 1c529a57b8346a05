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
 *		3 events						2 May 13:45			+2880 minutes	+39495
 *										7.00				2.50			9.00
 *
 * What lies between the first that is kept and what is new is copied as it is.
 * So a long window costs a few events' time and not that of all.
 *
 * The unit of times stays what it was, even if those that made it fine are gone;
 * whoever writes the series as a whole makes it coarse again.  That also happens if
 * it becomes long, or if the least or greatest value goes.  What the values of a long
 * one come to, if that could not be said, is not said before then either.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "state/series.h"

bool
series_append(Datum series, const TimeRange *kept, TypeCacheEntry *type,
			  const SeriesEntry *entries, int nentries, Datum *result)
{
	SeriesReader reader;
	SeriesHead	head;
	SeriesEntry first;
	TimestampTz before;
	Size		rest;
	Size		most;
	char	   *bytes;
	char	   *at;

	series_begin(&reader, series);
	head = reader.head;
	if (head.type != type)
		return false;

	/* what goes are the first */
	for (;;)
	{
		if (!series_next(&reader, &first))
			return false;
		if (first.at >= kept->from)
			break;
		series_count(&head.total, reader.kind, &first, -1);
		head.nentries--;
	}
	if (reader.last > kept->to || reader.last >= entries[0].at)
		return false;
	if (reader.head.total.known ? !head.total.known :
		(reader.head.nentries < SERIES_LONG && head.nentries + nentries >= SERIES_LONG))
		return false;

	rest = reader.bytes.end - reader.bytes.at;
	most = VARHDRSZ + SERIES_MOST_HEAD + LONGEST_VARINT + first.length + rest;
	for (int i = 0; i < nentries; i++)
	{
		if (entries[i].at % reader.unit != 0)
			return false;
		series_count(&head.total, reader.kind, &entries[i], 1);
		most += LONGEST_VARINT + entries[i].length;
	}
	head.nentries += nentries;
	head.span = ((uint64) entries[nentries - 1].at - (uint64) first.at) / reader.unit;

	bytes = MemoryContextAllocHuge(CurrentMemoryContext, most);
	at = series_put_head(bytes + VARHDRSZ, &head);
	at = series_put_entry(at, packed_zigzag(first.at / reader.unit), &first);
	memcpy(at, reader.bytes.at, rest);
	at += rest;
	before = reader.last;
	for (int i = 0; i < nentries; i++)
	{
		at = series_put_entry(at, ((uint64) entries[i].at - (uint64) before) / reader.unit,
							  &entries[i]);
		before = entries[i].at;
	}
	series_set_size(bytes, at, head.nentries);
	*result = PointerGetDatum(bytes);
	return true;
}
