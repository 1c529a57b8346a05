/*-------------------------------------------------------------------------
 *
 * series.c
 *	  When did it happen, and with which value?
 *
 * The type segment.series keeps events in the order of time, and those of one
 * instant in that of the bytes below.  It is a multiset: what happened twice
 * stands there twice.  Which values are equal is a matter of the column's
 * collation, as in a tally, and asked when it is read.  As text
 *
 *		numeric{"12.50" @ 2026-05-01 12:00:00+00, "7" @ 2026-05-03 09:30:00+00}
 *
 * which begins with the name of the type, as a tally does, or with the brace
 * where there are only times.  On input the events may come in any order.  No
 * events at all is NULL, not a series.
 *
 * The bytes of the same, behind the length word (varints: see packed.h):
 *
 *		01				version
 *		a4 0d			varint: OID of the type of the values; 0 if there are
 *						only times
 *		03				unit in which all these times are whole: minutes
 *		02				varint: number of events
 *		aa 15			varint: minutes from the first to the last, so that who
 *						asks for what comes after need not read it all
 *		00				what the values come to: see below
 *
 *		e0 c9 9a 0d		varint: zigzag(minutes since 2000)
 *		02 c4 13		numeric: digits behind the point, varint: zigzag(1250)
 *
 *		aa 15			varint: minutes since the event before
 *		00 0e			numeric: no digits behind the point, zigzag(7)
 *
 * Values are written as short as their type lets them be:
 *
 *		whole numbers	varint: zigzag(value)
 *		numeric			everyday ones (see fixed.c) as above; others: varint
 *						5 + length and content
 *		fixed length	as they are
 *		others			varint length and content
 *
 * Where values are whole numbers or numerics, it says what they come to, so that who
 * asks reads only what does not count.  Of eight and more
 *
 *		03				1 + digits behind the point, which all must show; 1 if they
 *						are whole numbers
 *		90 4e			varint: zigzag(5000), the sum 50.00
 *		f4 03			varint: zigzag(250), the least 2.50
 *		c4 13			varint: zigzag(1250), the most 12.50
 *
 * and a zero if they are fewer, if one is no everyday numeric or shows other digits
 * than the others, or if so many as large as the largest would come to 2^63 or more:
 * in whatever order they are added up, no sum on the way is beyond that.
 *
 * A type's OID does not leave the server: on the wire it is the text behind a
 * version byte.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/tupmacs.h"
#include "catalog/pg_type.h"
#include "common/int.h"
#include "datatype/timestamp.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/numeric.h"

#include "base/base.h"
#include "state/fixed.h"
#include "state/order.h"
#include "state/series.h"

/* Stored.  Readers accept every released version. */
#define SERIES_VERSION			1

/* The lengths of units; stored: never reorder, add at the end. */
static const int64 units[] = {
	1,
	INT64CONST(1000),
	USECS_PER_SEC,
	USECS_PER_MINUTE,
	USECS_PER_HOUR,
};

/*
 * The first number of a numeric: up to MOST_SCALE it is the number of digits
 * behind the point, from RAW_NUMERIC on the length of what follows.
 */
#define MOST_SCALE				4
#define RAW_NUMERIC				(MOST_SCALE + 1)

static Series *series_parse(const char *text);
static char *series_print(const Series *series);
static bool series_same(Datum a, Datum b);
static void read_total(SeriesReader *reader);
static int64 read_number(PackedReader *bytes, int64 unit);
static bool total_is_bounded(const SeriesTotal *total, int64 nentries);
static bool whole_fits(TypeCacheEntry *type, int64 number);
static int64 whole_of(const SeriesEntry *entry);
static bool fixed_of(const SeriesEntry *entry, int64 *fixed, int *scale);
static void read_first(SeriesReader *reader, int64 time);
static void read_value(SeriesReader *reader, SeriesEntry *entry);
static uint64 value_varint(const SeriesEntry *entry, Size *length);

SEGMENT_FUNCTION(segment_series_in);
SEGMENT_FUNCTION(segment_series_out);
SEGMENT_FUNCTION(segment_series_recv);
SEGMENT_FUNCTION(segment_series_send);
SEGMENT_FUNCTION(segment_series_equal);
SEGMENT_FUNCTION(segment_series_differs);

/* input and output ---------------------------------------------------------- */

Datum
segment_series_in(PG_FUNCTION_ARGS)
{
	PG_RETURN_DATUM(series_write(series_parse(PG_GETARG_CSTRING(0))));
}

Datum
segment_series_out(PG_FUNCTION_ARGS)
{
	PG_RETURN_CSTRING(series_print(series_read(PG_GETARG_DATUM(0))));
}

Datum
segment_series_recv(PG_FUNCTION_ARGS)
{
	char	   *text = wire_receive((StringInfo) PG_GETARG_POINTER(0), "series");

	PG_RETURN_DATUM(series_write(series_parse(text)));
}

Datum
segment_series_send(PG_FUNCTION_ARGS)
{
	PG_RETURN_BYTEA_P(wire_send(series_print(series_read(PG_GETARG_DATUM(0)))));
}

Datum
segment_series_equal(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(series_same(PG_GETARG_DATUM(0), PG_GETARG_DATUM(1)));
}

Datum
segment_series_differs(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(!series_same(PG_GETARG_DATUM(0), PG_GETARG_DATUM(1)));
}

/* Values are the same if they look so: 1.5 is not 1.50. */
static bool
series_same(Datum a, Datum b)
{
	Series	   *left = series_read(a);
	Series	   *right = series_read(b);

	if (left->type != right->type || left->nentries != right->nentries)
		return false;

	for (int i = 0; i < left->nentries; i++)
		if (series_compare(&left->entries[i], &right->entries[i]) != 0)
			return false;
	return true;
}

/* the type of the values ------------------------------------------------------ */

TypeCacheEntry *
series_element(Oid type)
{
	TypeCacheEntry *entry = lookup_type_cache(getBaseType(type),
											  TYPECACHE_CMP_PROC_FINFO);
	bool		storable = entry->typtype != TYPTYPE_PSEUDO && entry->typlen != -2;

	if (!storable || !OidIsValid(entry->cmp_proc_finfo.fn_oid))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("values of type %s cannot be kept for a window of time",
						format_type_be(type)),
				 storable ?
				 errdetail("Values are told apart by their order, and the type has no default btree operator class.") :
				 errdetail("A column cannot be of this type."),
				 errhint("Events that have a value can be counted without it: count(... where ... is set ...).")));
	return entry;
}

SeriesKind
series_kind(TypeCacheEntry *type)
{
	if (type == NULL)
		return SERIES_TIMES;
	switch (type->type_id)
	{
		case INT2OID:
		case INT4OID:
		case INT8OID:
			return SERIES_WHOLE;
		case NUMERICOID:
			return SERIES_NUMERIC;
		default:
			return type->typlen > 0 ? SERIES_FIXED : SERIES_VARLENA;
	}
}

int
series_compare(const SeriesEntry *a, const SeriesEntry *b)
{
	int			compared;

	if (a->at != b->at)
		return a->at < b->at ? -1 : 1;
	compared = memcmp(a->value, b->value, Min(a->length, b->length));
	return compared != 0 ? compared :
		(a->length > b->length) - (a->length < b->length);
}

/* reading bytes --------------------------------------------------------------- */

void
series_begin(SeriesReader *reader, Datum series)
{
	struct varlena *packed = PG_DETOAST_DATUM_PACKED(series);
	PackedReader *bytes = &reader->bytes;
	uint64		type;
	uint64		unit;
	uint64		nentries;

	bytes->what = "series";
	bytes->at = (const unsigned char *) VARDATA_ANY(packed);
	bytes->end = bytes->at + VARSIZE_ANY_EXHDR(packed);

	if (*packed_bytes(bytes, 1) != SERIES_VERSION)
		packed_corrupted(bytes, "Its version is unknown to this release of the extension.");
	type = packed_varint(bytes);
	if (type > OID_MAX)
		packed_corrupted(bytes, "The type of its values does not exist.");
	unit = *packed_bytes(bytes, 1);
	if (unit >= lengthof(units))
		packed_corrupted(bytes, "The unit of its times is unknown to this release of the extension.");
	nentries = packed_varint(bytes);
	/* each needs a byte at least */
	if (nentries == 0 || nentries > PG_INT32_MAX ||
		nentries > bytes->end - bytes->at)
		packed_corrupted(bytes, "The number of its events is impossible.");

	reader->head.type = type == 0 ? NULL : packed_type(bytes, (Oid) type);
	reader->head.unit = (int) unit;
	reader->head.nentries = (int64) nentries;
	reader->head.span = packed_varint(bytes);
	reader->kind = series_kind(reader->head.type);
	reader->unit = units[unit];
	reader->next = 0;
	reader->ahead = reader->head.span;
	reader->at = 0;
	reader->last = 0;
	read_total(reader);
}

static void
read_total(SeriesReader *reader)
{
	PackedReader *bytes = &reader->bytes;
	SeriesTotal *total = &reader->head.total;
	int			shown;
	int64		unit;

	total->known = false;
	if (reader->kind != SERIES_WHOLE && reader->kind != SERIES_NUMERIC)
		return;
	shown = *packed_bytes(bytes, 1);
	if (shown == 0)
		return;
	total->known = true;
	total->scale = shown - 1;
	if (total->scale > (reader->kind == SERIES_WHOLE ? 0 : MOST_SCALE))
		packed_corrupted(bytes, "What its values come to is impossible.");
	unit = reader->kind == SERIES_WHOLE ? 1 : fixed_from_scaled(1, total->scale);
	total->sum = read_number(bytes, unit);
	total->least = read_number(bytes, unit);
	total->most = read_number(bytes, unit);
	if (!total_is_bounded(total, reader->head.nentries) ||
		(reader->kind == SERIES_WHOLE &&
		 (!whole_fits(reader->head.type, total->least) ||
		  !whole_fits(reader->head.type, total->most))))
		packed_corrupted(bytes, "What its values come to is impossible.");
}

static bool
total_is_bounded(const SeriesTotal *total, int64 nentries)
{
	int64		limit = PG_INT64_MAX / nentries;

	return total->least >= -limit && total->most <= limit;
}

static bool
whole_fits(TypeCacheEntry *type, int64 number)
{
	return type->typlen >= sizeof(int64) ||
		packed_zigzag(number) >> (type->typlen * BITS_PER_BYTE) == 0;
}

static int64
read_number(PackedReader *bytes, int64 unit)
{
	int64		number = packed_unzigzag(packed_varint(bytes));

	if (pg_mul_s64_overflow(number, unit, &number))
		packed_corrupted(bytes, "What its values come to is impossible.");
	return number;
}

bool
series_next(SeriesReader *reader, SeriesEntry *entry)
{
	PackedReader *bytes = &reader->bytes;
	uint64		step;

	if (reader->next == reader->head.nentries)
	{
		if (bytes->at != bytes->end)
			packed_corrupted(bytes, "It goes on behind its last event.");
		if (reader->ahead != 0)
			packed_corrupted(bytes, "Its last event is not when it says.");
		return false;
	}

	step = packed_varint(bytes);
	if (reader->next++ == 0)
		read_first(reader, packed_unzigzag(step));
	else
	{
		if (step > reader->ahead)
			packed_corrupted(bytes, "An event is later than the last.");
		reader->ahead -= step;
		reader->at += step * reader->unit;
	}
	if (!IS_VALID_TIMESTAMP(reader->at) && !TIMESTAMP_NOT_FINITE(reader->at))
		packed_corrupted(bytes, "The time of an event is impossible.");

	entry->at = reader->at;
	read_value(reader, entry);
	return true;
}

bool
series_ten_thousandths(const SeriesReader *reader, int64 *number)
{
	*number = reader->number;
	if (reader->kind == SERIES_WHOLE)
		return !pg_mul_s64_overflow(*number, fixed_from_scaled(1, 0), number);
	return reader->kind == SERIES_NUMERIC && reader->scale >= 0;
}

/* So many units after 2000; says when the last is, too. */
static void
read_first(SeriesReader *reader, int64 time)
{
	/* from -infinity to infinity it is farther than int64 can say */
	uint64		room;
	uint64		span;

	if (pg_mul_s64_overflow(time, reader->unit, &reader->at))
		packed_corrupted(&reader->bytes, "The time of an event is impossible.");
	room = (uint64) PG_INT64_MAX - (uint64) reader->at;
	if (pg_mul_u64_overflow(reader->head.span, reader->unit, &span) || span > room)
		packed_corrupted(&reader->bytes, "The time of an event is impossible.");
	reader->last = (TimestampTz) ((uint64) reader->at + span);
}

/* Which bytes are the value, and can they be one? */
static void
read_value(SeriesReader *reader, SeriesEntry *entry)
{
	PackedReader *bytes = &reader->bytes;
	TypeCacheEntry *type = reader->head.type;
	uint64		number;

	entry->value = bytes->at;
	switch (reader->kind)
	{
		case SERIES_TIMES:
			break;
		case SERIES_WHOLE:
			number = packed_varint(bytes);
			reader->number = packed_unzigzag(number);
			if (!whole_fits(type, reader->number))
				packed_corrupted(bytes, "A value is too large for its type.");
			break;
		case SERIES_NUMERIC:
			number = packed_varint(bytes);
			reader->scale = number >= RAW_NUMERIC ? -1 : (int) number;
			if (number >= RAW_NUMERIC)
			{
				number -= RAW_NUMERIC;
				packed_check_value(bytes, type, packed_bytes(bytes, number),
								   number);
			}
			else
			{
				int64		scaled = packed_unzigzag(packed_varint(bytes));

				if (!fixed_in_range(scaled, number))
					packed_corrupted(bytes, "A value is no everyday number.");
				reader->number = fixed_from_scaled(scaled, number);
			}
			break;
		case SERIES_FIXED:
			(void) packed_bytes(bytes, type->typlen);
			break;
		case SERIES_VARLENA:
			number = packed_varint(bytes);
			packed_check_value(bytes, type, packed_bytes(bytes, number), number);
			break;
	}
	entry->length = bytes->at - entry->value;
}

Series *
series_read(Datum bytes)
{
	Series	   *series = palloc(sizeof(Series));
	SeriesReader reader;
	SeriesTotal total = SERIES_NO_VALUES;

	series_begin(&reader, bytes);
	series->type = reader.head.type;
	series->nentries = (int) reader.head.nentries;
	series->entries = MemoryContextAllocHuge(CurrentMemoryContext,
											 series->nentries * sizeof(SeriesEntry));
	for (int i = 0; i < series->nentries; i++)
	{
		CHECK_FOR_INTERRUPTS();

		(void) series_next(&reader, &series->entries[i]);
		if (i > 0 && series_compare(&series->entries[i - 1],
									&series->entries[i]) > 0)
			packed_corrupted(&reader.bytes, "Its values are not in the order of their bytes.");
		series_count(&total, reader.kind, &series->entries[i], 1);
	}
	if (reader.head.total.known &&
		(!total.known || total.scale != reader.head.total.scale ||
		 total.sum != reader.head.total.sum ||
		 total.least != reader.head.total.least || total.most != reader.head.total.most))
		packed_corrupted(&reader.bytes, "Its values do not come to what it says.");
	/* that nothing follows is checked when there are no more */
	(void) series_next(&reader, NULL);
	return series;
}

Datum
series_value(TypeCacheEntry *type, const SeriesEntry *entry)
{
	char		aligned[sizeof(Datum)] pg_attribute_aligned(MAXIMUM_ALIGNOF);
	Datum		value;
	char	   *copy;
	int64		fixed;
	int			scale;
	uint64		number;
	Size		head;

	switch (series_kind(type))
	{
		case SERIES_TIMES:
			return (Datum) 0;
		case SERIES_WHOLE:
			return series_number(type, whole_of(entry), 0);
		case SERIES_FIXED:
			if (type->typbyval)
			{
				memcpy(aligned, entry->value, type->typlen);
				value = fetch_att(aligned, true, type->typlen);
				return value;
			}
			copy = palloc(type->typlen);
			memcpy(copy, entry->value, type->typlen);
			return PointerGetDatum(copy);
		case SERIES_NUMERIC:
			if (fixed_of(entry, &fixed, &scale))
				return series_number(type, fixed, scale);
			break;
		case SERIES_VARLENA:
			break;
	}

	number = value_varint(entry, &head);
	if (type->type_id == NUMERICOID)
		number -= RAW_NUMERIC;
	copy = palloc(number + VARHDRSZ);
	SET_VARSIZE(copy, number + VARHDRSZ);
	memcpy(copy + VARHDRSZ, entry->value + head, number);
	return PointerGetDatum(copy);
}

Datum
series_number(TypeCacheEntry *type, int64 number, int scale)
{
	switch (type->type_id)
	{
		case INT2OID:
			return Int16GetDatum((int16) number);
		case INT4OID:
			return Int32GetDatum((int32) number);
		case INT8OID:
			return Int64GetDatum(number);
		default:
			return NumericGetDatum(fixed_to_numeric(number, scale));
	}
}

/* The number with which a value begins that has been read, and its length. */
static uint64
value_varint(const SeriesEntry *entry, Size *length)
{
	PackedReader reader = {
		.what = "series",
		.at = entry->value,
		.end = entry->value + entry->length,
	};
	uint64		number = packed_varint(&reader);

	*length = reader.at - entry->value;
	return number;
}

static int64
whole_of(const SeriesEntry *entry)
{
	Size		length;

	return packed_unzigzag(value_varint(entry, &length));
}

static bool
fixed_of(const SeriesEntry *entry, int64 *fixed, int *scale)
{
	PackedReader reader = {
		.what = "series",
		.at = entry->value,
		.end = entry->value + entry->length,
	};
	uint64		digits = packed_varint(&reader);

	if (digits >= RAW_NUMERIC)
		return false;
	*fixed = fixed_from_scaled(packed_unzigzag(packed_varint(&reader)), digits);
	*scale = (int) digits;
	return true;
}

/* writing bytes ---------------------------------------------------------------- */

/* The time between two of them. */
static inline uint64
in_units(int unit, TimestampTz from, TimestampTz to)
{
	uint64		time = (uint64) to - (uint64) from;

	return unit == 0 ? time : time / units[unit];
}

Datum
series_write(const Series *series)
{
	const SeriesEntry *entries = series->entries;
	SeriesKind	kind = series_kind(series->type);
	SeriesHead	head = {
		.type = series->type,
		.unit = lengthof(units) - 1,
		.nentries = series->nentries,
		.total = SERIES_NO_VALUES,
	};
	Size		most = VARHDRSZ + SERIES_MOST_HEAD;
	TimestampTz before = entries[0].at;
	char	   *bytes;
	char	   *at;

	/* most events are at some microsecond, which divides all */
	for (int i = 0; i < series->nentries; i++)
	{
		while (head.unit > 0 && entries[i].at % units[head.unit] != 0)
			head.unit--;
		series_count(&head.total, kind, &entries[i], 1);
		most += LONGEST_VARINT + entries[i].length;
	}
	head.span = in_units(head.unit, before, entries[series->nentries - 1].at);

	bytes = MemoryContextAllocHuge(CurrentMemoryContext, most);
	at = series_put_head(bytes + VARHDRSZ, &head);
	for (int i = 0; i < series->nentries; i++)
	{
		CHECK_FOR_INTERRUPTS();

		at = series_put_entry(at, i == 0 ? packed_zigzag(before / units[head.unit]) :
							  in_units(head.unit, before, entries[i].at),
							  &entries[i]);
		before = entries[i].at;
	}
	series_set_size(bytes, at, series->nentries);
	return PointerGetDatum(bytes);
}

char *
series_put_head(char *at, const SeriesHead *head)
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
		!total_is_bounded(&head->total, head->nentries))
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
series_put_entry(char *at, uint64 time, const SeriesEntry *entry)
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
				 errmsg("a series cannot hold " INT64_FORMAT " events", nentries)));
	SET_VARSIZE(bytes, end - bytes);
}

void
series_count(SeriesTotal *total, SeriesKind kind, const SeriesEntry *entry, int sign)
{
	int64		number;
	int			scale = 0;

	if (!total->known)
		return;
	if (kind == SERIES_WHOLE)
		number = whole_of(entry);
	else if (kind != SERIES_NUMERIC || !fixed_of(entry, &number, &scale))
	{
		total->known = false;
		return;
	}
	if (total->scale < 0)
		total->scale = scale;
	if (scale != total->scale)
		total->known = false;
	else if (sign > 0)
	{
		total->least = Min(total->least, number);
		total->most = Max(total->most, number);
	}
	else
		total->known = number > total->least && number < total->most;
	/* if that is too much, it is not bounded, and nobody is told */
	total->sum += sign > 0 ? (uint64) number : -(uint64) number;
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
			packed_put_varint(out, packed_zigzag(type->type_id == INT2OID ? DatumGetInt16(value) :
												 type->type_id == INT4OID ? DatumGetInt32(value) :
												 DatumGetInt64(value)));
			return;
		case SERIES_FIXED:
			value = value_canonical(type, value);
			if (type->typbyval)
			{
				store_att_byval(aligned, value, type->typlen);
				appendBinaryStringInfo(out, aligned, type->typlen);
			}
			else
				appendBinaryStringInfo(out, DatumGetPointer(value), type->typlen);
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

/* text ------------------------------------------------------------------------ */

static char *
series_print(const Series *series)
{
	int			level = packed_pin_settings();
	StringInfoData out;
	FmgrInfo	output;

	initStringInfo(&out);
	if (series->type != NULL)
	{
		Oid			function;
		bool		is_varlena;

		getTypeOutputInfo(series->type->type_id, &function, &is_varlena);
		fmgr_info(function, &output);
		packed_print_type(&out, series->type->type_id);
	}

	appendStringInfoChar(&out, '{');
	for (int i = 0; i < series->nentries; i++)
	{
		const SeriesEntry *entry = &series->entries[i];

		CHECK_FOR_INTERRUPTS();

		if (i > 0)
			appendStringInfoString(&out, ", ");
		if (series->type != NULL)
		{
			packed_print_string(&out,
								OutputFunctionCall(&output,
												   series_value(series->type, entry)));
			appendStringInfoString(&out, " @ ");
		}
		packed_print_time(&out, entry->at);
	}
	appendStringInfoChar(&out, '}');

	AtEOXact_GUC(true, level);
	return out.data;
}

static int
entry_compare(const void *a, const void *b)
{
	return series_compare(a, b);
}

static Series *
series_parse(const char *text)
{
	int			level = packed_pin_settings();
	PackedParser parser = {.what = "series", .text = text, .at = text};
	Series	   *series = palloc0(sizeof(Series));
	Size		room = 8;
	FmgrInfo	input;
	Oid			parameter = InvalidOid;

	if (!packed_parse_char(&parser, '{'))
	{
		Oid			function;

		series->type = series_element(packed_parse_type(&parser));
		getTypeInputInfo(series->type->type_id, &function, &parameter);
		fmgr_info(function, &input);
		if (!packed_parse_char(&parser, '{'))
			packed_parse_failed(&parser, "\"{\"");
	}

	series->entries = palloc(room * sizeof(SeriesEntry));
	do
	{
		SeriesEntry *entry;

		CHECK_FOR_INTERRUPTS();

		if (series->nentries == room)
		{
			room *= 2;
			series->entries = repalloc_huge(series->entries,
											room * sizeof(SeriesEntry));
		}
		entry = &series->entries[series->nentries++];
		entry->value = NULL;
		entry->length = 0;
		if (series->type != NULL)
		{
			StringInfoData value;

			initStringInfo(&value);
			series_put_value(series->type,
							 InputFunctionCall(&input, packed_parse_string(&parser),
											   parameter, -1),
							 &value);
			entry->value = (unsigned char *) value.data;
			entry->length = value.len;
			if (!packed_parse_char(&parser, '@'))
				packed_parse_failed(&parser, "\"@\"");
		}
		entry->at = packed_parse_time(&parser);
	} while (packed_parse_char(&parser, ','));
	if (!packed_parse_char(&parser, '}'))
		packed_parse_failed(&parser, "\",\" or \"}\"");
	packed_parse_end(&parser);

	qsort(series->entries, series->nentries, sizeof(SeriesEntry),
		  entry_compare);
	AtEOXact_GUC(true, level);
	return series;
}
