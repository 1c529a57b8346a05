/*-------------------------------------------------------------------------
 *
 * series_write.c
 *	  How do events become the bytes of a series?
 *
 * A series has one unit for all its times, the largest in which each is whole:
 *
 *		12:00, 09:30			minutes
 *		12:00, 09:30:00.25		milliseconds
 *
 * series.c describes the bytes.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/tupmacs.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "state/fixed.h"
#include "state/series.h"

static void write_entries(TypeCacheEntry *type, const SeriesEntry *entries,
						  int nentries, StringInfo out);
static void note_block(SeriesHead *head, int64 number, Size at,
					   const SeriesEntry *entry);
static void write_blocks(const SeriesHead *head, StringInfo out);
static char *write_total(char *at, SeriesKind kind, const SeriesTotal *total,
						 int64 nentries, bool is_long);
static void check_size(Size size, int64 nentries);
static inline uint64 in_units(int unit, TimestampTz from, TimestampTz to);
static int64 whole_value(TypeCacheEntry *type, Datum value);

Datum
series_write(const Series *series)
{
	StringInfoData out;
	StringInfoData came;

	initStringInfo(&out);
	appendStringInfoSpaces(&out, VARHDRSZ);
	if (series->nless == 0 && series->nentries > 0)
		write_entries(series->type, series->entries, series->nentries, &out);
	else
	{
		initStringInfo(&came);
		if (series->nentries > 0)
			write_entries(series->type, series->entries, series->nentries,
						  &came);
		appendStringInfoChar(&out, SERIES_VERSION_LESS);
		packed_put_varint(&out, came.len);
		appendBinaryStringInfo(&out, came.data, came.len);
		if (series->nless > 0)
			write_entries(series->type, series->less, series->nless, &out);
		pfree(came.data);
	}
	SET_VARSIZE(out.data, out.len);
	return PointerGetDatum(out.data);
}

/* Append the bytes of entries to 'out'. */
static void
write_entries(TypeCacheEntry *type, const SeriesEntry *entries, int nentries,
			  StringInfo out)
{
	SeriesKind	kind = series_kind(type);
	SeriesHead	head = {
		.type = type,
		.unit = SERIES_UNITS - 1,
		.nentries = nentries,
		.total = SERIES_NO_VALUES,
		.per_block = packed_per_block(nentries),
	};
	TimestampTz before = entries[0].at;
	Size		most = SERIES_MOST_HEAD;
	char	   *bytes;
	char	   *at;

	/* mostly one of the first events has the smallest unit */
	for (int i = 0; i < nentries; i++)
	{
		while (head.unit > 0 && entries[i].at % series_units[head.unit] != 0)
			head.unit--;
		series_total_add(&head.total, kind, &entries[i], 1);
		most += LONGEST_VARINT + entries[i].length;
	}
	head.span = in_units(head.unit, before, entries[nentries - 1].at);
	if (head.per_block > 0)
	{
		head.nblocks = (nentries + head.per_block - 1) / head.per_block;
		head.blocks = palloc((head.nblocks + 1) * sizeof(SeriesBlock));
	}

	bytes = MemoryContextAllocHuge(CurrentMemoryContext, most);
	at = bytes;
	for (int i = 0; i < nentries; i++)
	{
		uint64		time = i == 0 ?
			packed_zigzag(before / series_units[head.unit]) :
			in_units(head.unit, before, entries[i].at);

		CHECK_FOR_INTERRUPTS();

		if (head.nblocks > 0)
			note_block(&head, i, at - bytes, &entries[i]);
		at = series_write_entry(at, time, &entries[i]);
		before = entries[i].at;
	}

	enlargeStringInfo(out, SERIES_MOST_HEAD);
	out->len = series_write_head(out->data + out->len, &head) - out->data;
	if (head.nblocks > 0)
	{
		head.blocks[head.nblocks].at = at - bytes;
		write_blocks(&head, out);
		pfree(head.blocks);
	}
	check_size(out->len + (at - bytes) + 1, nentries);
	appendBinaryStringInfo(out, bytes, at - bytes);
	pfree(bytes);
}

/* Note in the directory that an entry stands at 'at'. */
static void
note_block(SeriesHead *head, int64 number, Size at, const SeriesEntry *entry)
{
	SeriesBlock *block = &head->blocks[number / head->per_block];

	if (number % head->per_block == 0)
		*block = (SeriesBlock) {
			.first = entry->at,
			.at = at,
			.total = SERIES_NO_VALUES,
		};
	series_total_add(&block->total, series_kind(head->type), entry, 1);
}

/* The number of units from one instant to another. */
static inline uint64
in_units(int unit, TimestampTz from, TimestampTz to)
{
	uint64		time = (uint64) to - (uint64) from;

	return unit == 0 ? time : time / series_units[unit];
}

/*
 * Append the directory to 'out'.  Behind the last of the blocks there is one
 * more, which tells where the events end.
 */
static void
write_blocks(const SeriesHead *head, StringInfo out)
{
	SeriesKind	kind = series_kind(head->type);
	int64		unit = series_units[head->unit];
	TimestampTz before = head->blocks[0].first;
	StringInfoData blocks;
	char		total[SERIES_MOST_HEAD];

	initStringInfo(&blocks);
	packed_put_varint(&blocks, packed_zigzag(before / unit));
	for (int i = 0; i < head->nblocks; i++)
	{
		const SeriesBlock *block = &head->blocks[i];
		int64		nevents = series_block_events(head, i);
		char	   *end = write_total(total, kind, &block->total, nevents,
									  true);

		if (i > 0)
			packed_put_varint(&blocks, ((uint64) block->first -
										(uint64) before) / unit);
		packed_put_varint(&blocks, block[1].at - block->at);
		appendBinaryStringInfo(&blocks, total, end - total);
		before = block->first;
	}
	packed_put_varint(out, head->per_block);
	packed_put_varint(out, blocks.len);
	appendBinaryStringInfo(out, blocks.data, blocks.len);
	pfree(blocks.data);
}

char *
series_write_head(char *at, const SeriesHead *head)
{
	*at++ = head->nblocks > 0 ? SERIES_VERSION_BLOCKS : SERIES_VERSION;
	at = packed_write_varint(at, head->type == NULL ? 0 : head->type->type_id);
	*at++ = (char) head->unit;
	at = packed_write_varint(at, head->nentries);
	at = packed_write_varint(at, head->span);
	return write_total(at, series_kind(head->type), &head->total,
					   head->nentries, head->nblocks > 0);
}

/*
 * Write a total of so many values, if it is known, and return its end.  Where
 * their numbers of digits differ, it is known of a long series only: events
 * are taken from that of a short one, and the most digits would not be known.
 */
static char *
write_total(char *at, SeriesKind kind, const SeriesTotal *total,
			int64 nentries, bool is_long)
{
	int64		unit;

	if (kind != SERIES_WHOLE && kind != SERIES_NUMERIC)
		return at;
	if (!total->known || nentries < SERIES_LONG ||
		(total->mixed && !is_long) ||
		!series_total_is_bounded(total, nentries))
	{
		*at++ = 0;
		return at;
	}
	unit = kind == SERIES_WHOLE ? 1 : fixed_from_scaled(1, total->scale);
	*at++ = (char) ((total->scale + 1) | (total->mixed ? SERIES_MIXED : 0));
	at = packed_write_varint(at, packed_zigzag(total->sum / unit));
	at = packed_write_varint(at, packed_zigzag(total->least / unit));
	return packed_write_varint(at, packed_zigzag(total->most / unit));
}

char *
series_write_entry(char *at, uint64 time, const SeriesEntry *entry)
{
	at = packed_write_varint(at, time);
	if (entry->length > 0)
		memcpy(at, entry->value, entry->length);
	return at + entry->length;
}

void
series_set_size(char *bytes, const char *end, int64 nentries)
{
	check_size(end - bytes, nentries);
	SET_VARSIZE(bytes, end - bytes);
}

/* Check that a value can be of so many bytes. */
static void
check_size(Size size, int64 nentries)
{
	if (size > MaxAllocSize)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a series cannot hold " INT64_FORMAT " events",
						nentries)));
}

void
series_put_value(TypeCacheEntry *type, Datum value, StringInfo out)
{
	char		aligned[sizeof(Datum)] pg_attribute_aligned(MAXIMUM_ALIGNOF);
	char		digits[2 * LONGEST_VARINT];
	char	   *end;
	struct varlena *content;
	int64		fixed;
	int64		scaled;
	int			scale;

	switch (series_kind(type))
	{
		case SERIES_TIMES:
			return;
		case SERIES_WHOLE:
			packed_put_varint(out, packed_zigzag(whole_value(type, value)));
			return;
		case SERIES_FIXED:
			value = value_canonical(type, value);
			if (type->typbyval)
			{
				store_att_byval(aligned, value, type->typlen);
				appendBinaryStringInfo(out, aligned, type->typlen);
			}
			else
				appendBinaryStringInfo(out, DatumGetPointer(value),
									   type->typlen);
			return;
		case SERIES_NUMERIC:
			value = PointerGetDatum(PG_DETOAST_DATUM_PACKED(value));
			if (fixed_from_numeric(value, &fixed, &scale) &&
				scale <= MOST_SCALE && fixed_to_scaled(fixed, scale, &scaled))
			{
				end = packed_write_varint(digits, scale);
				end = packed_write_varint(end, packed_zigzag(scaled));
				appendBinaryStringInfo(out, digits, end - digits);
				return;
			}
			break;
		case SERIES_VARLENA:
			value = value_canonical(type, value);
			break;
	}

	content = PG_DETOAST_DATUM_PACKED(value);
	packed_put_varint(out, VARSIZE_ANY_EXHDR(content) +
					  (type->type_id == NUMERICOID ? RAW_NUMERIC : 0));
	appendBinaryStringInfo(out, VARDATA_ANY(content),
						   VARSIZE_ANY_EXHDR(content));
}

/* A value of SERIES_WHOLE. */
static int64
whole_value(TypeCacheEntry *type, Datum value)
{
	switch (type->type_id)
	{
		case INT2OID:
			return DatumGetInt16(value);
		case INT4OID:
			return DatumGetInt32(value);
		default:
			return DatumGetInt64(value);
	}
}
