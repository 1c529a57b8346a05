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

static inline uint64 in_units(int unit, TimestampTz from, TimestampTz to);
static int64 whole_value(TypeCacheEntry *type, Datum value);

Datum
series_write(const Series *series)
{
	const SeriesEntry *entries = series->entries;
	SeriesKind	kind = series_kind(series->type);
	SeriesHead	head = {
		.type = series->type,
		.unit = SERIES_UNITS - 1,
		.nentries = series->nentries,
		.total = SERIES_NO_VALUES,
	};
	Size		most = VARHDRSZ + SERIES_MOST_HEAD;
	TimestampTz before = entries[0].at;
	char	   *bytes;
	char	   *at;

	/* mostly one of the first events has the smallest unit */
	for (int i = 0; i < series->nentries; i++)
	{
		while (head.unit > 0 && entries[i].at % series_units[head.unit] != 0)
			head.unit--;
		series_total_add(&head.total, kind, &entries[i], 1);
		most += LONGEST_VARINT + entries[i].length;
	}
	head.span = in_units(head.unit, before,
						 entries[series->nentries - 1].at);

	bytes = MemoryContextAllocHuge(CurrentMemoryContext, most);
	at = series_write_head(bytes + VARHDRSZ, &head);
	for (int i = 0; i < series->nentries; i++)
	{
		uint64		time = i == 0 ?
			packed_zigzag(before / series_units[head.unit]) :
			in_units(head.unit, before, entries[i].at);

		CHECK_FOR_INTERRUPTS();

		at = series_write_entry(at, time, &entries[i]);
		before = entries[i].at;
	}
	series_set_size(bytes, at, series->nentries);
	return PointerGetDatum(bytes);
}

/* The number of units from one instant to another. */
static inline uint64
in_units(int unit, TimestampTz from, TimestampTz to)
{
	uint64		time = (uint64) to - (uint64) from;

	return unit == 0 ? time : time / series_units[unit];
}

char *
series_write_head(char *at, const SeriesHead *head)
{
	SeriesKind	kind = series_kind(head->type);
	int64		unit;

	*at++ = SERIES_VERSION;
	at = packed_write_varint(at, head->type == NULL ? 0 : head->type->type_id);
	*at++ = (char) head->unit;
	at = packed_write_varint(at, head->nentries);
	at = packed_write_varint(at, head->span);
	if (kind != SERIES_WHOLE && kind != SERIES_NUMERIC)
		return at;
	if (!head->total.known || head->nentries < SERIES_LONG ||
		!series_total_is_bounded(&head->total, head->nentries))
	{
		*at++ = 0;
		return at;
	}
	unit = kind == SERIES_WHOLE ? 1 : fixed_from_scaled(1, head->total.scale);
	*at++ = (char) (head->total.scale + 1);
	at = packed_write_varint(at, packed_zigzag(head->total.sum / unit));
	at = packed_write_varint(at, packed_zigzag(head->total.least / unit));
	return packed_write_varint(at, packed_zigzag(head->total.most / unit));
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
	if (end - bytes > MaxAllocSize)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a series cannot hold " INT64_FORMAT " events",
						nentries)));
	SET_VARSIZE(bytes, end - bytes);
}

void
series_put_value(TypeCacheEntry *type, Datum value, StringInfo out)
{
	char		aligned[sizeof(Datum)] pg_attribute_aligned(MAXIMUM_ALIGNOF);
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
				packed_put_varint(out, scale);
				packed_put_varint(out, packed_zigzag(scaled));
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
