/*-------------------------------------------------------------------------
 *
 * series.c
 *	  When did it happen, and with which value?
 *
 * The type segment.series keeps events in the order of time, and those of one
 * instant in that of the bytes below.  It is a multiset: what happened twice
 * stands there twice.  Which values are equal depends on the column's
 * collation, as in a tally, and is asked when the series is read.
 *
 *		numeric{"12.50" @ 2026-05-01 12:00:00+00, "7" @ 2026-05-03 09:30:00+00}
 *
 * is, behind the length word (varints: see packed.h),
 *
 *		01				version
 *		a4 0d			varint: OID of the type of the values; 0 if there are
 *						only times
 *		03				unit in which all these times are whole: minutes
 *		02				varint: number of events
 *		aa 15			varint: minutes from the first to the last, so that
 *						whoever asks for later events need not read them all
 *		00				the total of the values: see below
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
 * Where values are whole numbers or numerics, their total stands before the
 * events, so that a question about a window reads only the events that do not
 * count.  Of eight events and more
 *
 *		03				1 + digits behind the point that all show; 1 if they
 *						are whole numbers
 *		90 4e			varint: zigzag(5000), the sum 50.00
 *		f4 03			varint: zigzag(250), the least 2.50
 *		c4 13			varint: zigzag(1250), the most 12.50
 *
 * A zero byte means: not kept.  That is so for fewer than eight events, for
 * numerics of different scales or more than four digits, and where the sum
 * could overflow in some order of addition.
 *
 * A series of version 2 is a long one, of which only parts are read.  Between
 * the total and its events it has a directory: series_blocks.c.  In it,
 * numerics of different scales have a total, too, with 16 and the most digits.
 * One of version 3 holds changes to be made to another: behind the version and
 * the length of the first there are two series, of events that came, and of
 * events that went.  Either may be of no bytes.
 *
 * A type's OID does not leave the server: on the wire a series is its text
 * behind a version byte (series_io.c).  A column without events holds NULL.
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
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/numeric.h"

#include "state/fixed.h"
#include "state/series.h"

/* Stored: never reorder, add at the end. */
const int64 series_units[SERIES_UNITS] = {
	1,
	INT64CONST(1000),
	USECS_PER_SEC,
	USECS_PER_MINUTE,
	USECS_PER_HOUR,
};

static int64 read_number(PackedReader *bytes, int64 unit);
static bool whole_fits(TypeCacheEntry *type, int64 number);
static void read_blocks(SeriesReader *reader);
static void add_up(SeriesHead *head);
static void read_total(SeriesReader *reader, SeriesTotal *total,
					   int64 nentries);
static void add_number(SeriesTotal *total, int64 number, int scale, int sign);
static void set_first(SeriesReader *reader, int64 time);
static void read_value(SeriesReader *reader, SeriesEntry *entry);
static uint64 value_varint(const SeriesEntry *entry, Size *length);
static int64 whole_of(const SeriesEntry *entry);
static bool fixed_of(const SeriesEntry *entry, int64 *fixed, int *scale);

/* the type of the values ------------------------------------------------- */

TypeCacheEntry *
series_element(Oid type)
{
	TypeCacheEntry *entry = lookup_type_cache(getBaseType(type),
											  TYPECACHE_CMP_PROC_FINFO);
	bool		storable = entry->typtype != TYPTYPE_PSEUDO &&
		entry->typlen != -2;

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

/* reading bytes ---------------------------------------------------------- */

void
series_begin(SeriesReader *reader, Datum series)
{
	PackedSource came;
	PackedSource went;

	series_sources(series, &came, &went);
	if (came.length == 0 || went.length > 0)
		elog(ERROR, "events went from a series");
	series_begin_source(reader, &came);
}

void
series_begin_source(SeriesReader *reader, const PackedSource *source)
{
	PackedReader *bytes = &reader->bytes;
	uint64		type;
	uint64		unit;
	uint64		nentries;
	uint8		version;

	if (series_cache_begin(reader, source))
		return;
	reader->source = *source;
	reader->number = 0;
	reader->scale = -1;
	bytes->what = "series";
	series_load(reader, 0, source->near > 0 ? source->near :
				packed_first_read(source));
	version = *packed_bytes(bytes, 1);
	if (version == SERIES_VERSION)
	{
		if (reader->loaded < source->length)
			series_load(reader, 1, source->length - 1);
	}
	else if (version != SERIES_VERSION_BLOCKS)
		packed_corrupted(bytes,
						 "Its version is unknown to this release of the extension.");
	type = packed_varint(bytes);
	if (type > OID_MAX)
		packed_corrupted(bytes, "The type of its values does not exist.");
	unit = *packed_bytes(bytes, 1);
	if (unit >= SERIES_UNITS)
		packed_corrupted(bytes,
						 "The unit of its times is unknown to this release of the extension.");
	nentries = packed_varint(bytes);
	/* each event needs a byte at least */
	if (nentries == 0 || nentries > PG_INT32_MAX ||
		nentries > source->length - series_position(reader))
		packed_corrupted(bytes, "The number of its events is impossible.");

	reader->head.type = type == 0 ? NULL : packed_type(bytes, (Oid) type);
	reader->head.unit = (int) unit;
	reader->head.nentries = (int64) nentries;
	reader->head.span = packed_varint(bytes);
	reader->head.nblocks = 0;
	reader->head.per_block = 0;
	reader->head.summed = false;
	reader->kind = series_kind(reader->head.type);
	reader->unit = series_units[unit];
	read_total(reader, &reader->head.total, reader->head.nentries);
	if (version == SERIES_VERSION_BLOCKS)
		read_blocks(reader);
	else
	{
		PackedReader peek = *bytes;

		reader->events = series_position(reader);
		set_first(reader, packed_unzigzag(packed_varint(&peek)));
	}
	reader->whole = reader->loaded == source->length;
	series_goto_block(reader, 0);
	series_cache_keep(reader);
}

/* Read the directory, which comes next, and load it if need be. */
static void
read_blocks(SeriesReader *reader)
{
	PackedReader *bytes = &reader->bytes;
	SeriesHead *head = &reader->head;
	const unsigned char *end = bytes->end;
	uint64		per_block = packed_varint(bytes);
	uint64		length = packed_varint(bytes);
	Size		from = series_position(reader);
	TimestampTz first;
	Size		at = 0;

	if (per_block == 0 || per_block > (uint64) head->nentries ||
		length > reader->source.length - from)
		packed_corrupted(bytes, "Its directory is impossible.");
	if (length > (Size) (bytes->end - bytes->at))
		series_load(reader, from, length);
	bytes->end = bytes->at + length;
	reader->events = from + length;

	head->per_block = (int64) per_block;
	head->nblocks = (int) ((head->nentries + per_block - 1) / per_block);
	/* each block needs two bytes at least */
	if (head->nblocks > length)
		packed_corrupted(bytes, "Its directory is impossible.");
	head->blocks = palloc(head->nblocks * sizeof(SeriesBlock));
	set_first(reader, packed_unzigzag(packed_varint(bytes)));
	first = reader->first;
	for (int i = 0; i < head->nblocks; i++)
	{
		SeriesBlock *block = &head->blocks[i];
		uint64		step = i == 0 ? 0 : packed_varint(bytes);

		if (step > head->span ||
			step * reader->unit > (uint64) reader->last - (uint64) first)
			packed_corrupted(bytes, "An event is later than the last.");
		first += step * reader->unit;
		block->first = first;
		block->at = at;
		at += packed_varint(bytes);
		if (at > reader->source.length - reader->events)
			packed_corrupted(bytes, "It ends too early.");
		read_total(reader, &block->total,
						  series_block_events(head, i));
	}
	if (bytes->at != bytes->end ||
		at != reader->source.length - reader->events)
		packed_corrupted(bytes, "Its directory is impossible.");
	if (reader->loaded == reader->source.length)
		bytes->end = end;
	add_up(head);
}

/* Find the sum of the values before each block, if that is possible. */
static void
add_up(SeriesHead *head)
{
	int64		sum = 0;

	/* what the total of all is known for cannot overflow */
	head->summed = head->total.known;
	for (int i = 0; i < head->nblocks && head->summed; i++)
	{
		head->blocks[i].before = sum;
		sum += head->blocks[i].total.sum;
		/* of the last block that is of no interest */
		head->summed = head->blocks[i].total.known || i + 1 == head->nblocks;
	}
}

/* Read the total of so many values, if there is one. */
static void
read_total(SeriesReader *reader, SeriesTotal *total, int64 nentries)
{
	PackedReader *bytes = &reader->bytes;
	int			shown;
	int64		unit;

	total->known = total->mixed = false;
	if (reader->kind != SERIES_WHOLE && reader->kind != SERIES_NUMERIC)
		return;
	shown = *packed_bytes(bytes, 1);
	if (shown == 0)
		return;
	total->known = true;
	total->mixed = (shown & SERIES_MIXED) != 0;
	total->scale = (shown & ~SERIES_MIXED) - 1;
	if (total->scale < 0 ||
		total->scale > (reader->kind == SERIES_WHOLE ? 0 : MOST_SCALE))
		packed_corrupted(bytes, "What its values come to is impossible.");
	unit = reader->kind == SERIES_WHOLE ? 1 :
		fixed_from_scaled(1, total->scale);
	total->sum = read_number(bytes, unit);
	total->least = read_number(bytes, unit);
	total->most = read_number(bytes, unit);
	if (!series_total_is_bounded(total, nentries) ||
		(reader->kind == SERIES_WHOLE &&
		 (!whole_fits(reader->head.type, total->least) ||
		  !whole_fits(reader->head.type, total->most))))
		packed_corrupted(bytes, "What its values come to is impossible.");
}

/* Read a number of the total, in units of 'unit'. */
static int64
read_number(PackedReader *bytes, int64 unit)
{
	int64		number = packed_unzigzag(packed_varint(bytes));

	if (pg_mul_s64_overflow(number, unit, &number))
		packed_corrupted(bytes, "What its values come to is impossible.");
	return number;
}

/* Can a whole number of this type be so large? */
static bool
whole_fits(TypeCacheEntry *type, int64 number)
{
	return type->typlen >= sizeof(int64) ||
		packed_zigzag(number) >> (type->typlen * BITS_PER_BYTE) == 0;
}

bool
series_next(SeriesReader *reader, SeriesEntry *entry)
{
	PackedReader *bytes = &reader->bytes;
	uint64		step;

	if (reader->next == reader->stop)
	{
		if (reader->next == reader->head.nentries)
		{
			if (bytes->at != bytes->end)
				packed_corrupted(bytes, "It goes on behind its last event.");
			if (reader->ahead != 0)
				packed_corrupted(bytes, "Its last event is not when it says.");
			return false;
		}
		series_load_more(reader);
	}

	step = packed_varint(bytes);
	if (reader->next++ == reader->known)
		reader->at = reader->known_at;
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

void
series_skip(SeriesReader *reader, TimestampTz before)
{
	const unsigned char *at = reader->bytes.at;
	const unsigned char *end = reader->bytes.end;
	bool		whole = reader->kind == SERIES_WHOLE &&
		reader->head.type->typlen == sizeof(int64);
	uint64		most;			/* units to the last that is skipped */
	uint64		units = 0;

	if ((!whole && reader->kind != SERIES_TIMES) || before <= reader->at ||
		!IS_VALID_TIMESTAMP(reader->first) ||
		!IS_VALID_TIMESTAMP(reader->last))
		return;
	most = Min(((uint64) before - reader->at - 1) / reader->unit,
			   reader->ahead);
	while (reader->next < reader->stop && reader->next != reader->known &&
		   end - at >= 2 * sizeof(uint64))
	{
		int			length = packed_near_length(at);
		int			value = 0;
		uint64		step;

		if (whole && length > 0)
			value = packed_near_length(at + length);
		if (length == 0 || (whole && value == 0))
			break;
		step = packed_near_number(at, length);
		if (step > most - units)
			break;
		units += step;
		at += length + value;
		reader->next++;
	}
	reader->bytes.at = at;
	reader->at += units * reader->unit;
	reader->ahead -= units;
}

/* Set the time of the first entry, units after 2000, and that of the last. */
static void
set_first(SeriesReader *reader, int64 time)
{
	/* from -infinity to infinity is more than an int64 can hold */
	uint64		room;
	uint64		span;

	if (pg_mul_s64_overflow(time, reader->unit, &reader->first))
		packed_corrupted(&reader->bytes,
						 "The time of an event is impossible.");
	room = (uint64) PG_INT64_MAX - (uint64) reader->first;
	if (pg_mul_u64_overflow(reader->head.span, reader->unit, &span) ||
		span > room)
		packed_corrupted(&reader->bytes,
						 "The time of an event is impossible.");
	reader->last = (TimestampTz) ((uint64) reader->first + span);
}

/* Find the bytes of the value that comes next, and check them. */
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
			packed_check_value(bytes, type, packed_bytes(bytes, number),
							   number);
			break;
	}
	entry->length = bytes->at - entry->value;
}

/* the total of the values ------------------------------------------------ */

void
series_total_add(SeriesTotal *total, SeriesKind kind,
				 const SeriesEntry *entry, int sign)
{
	int64		number = 0;
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
	add_number(total, number, scale, sign);
}

void
series_total_add_read(SeriesTotal *total, const SeriesReader *reader)
{
	if (reader->kind == SERIES_WHOLE)
		add_number(total, reader->number, 0, 1);
	else if (reader->kind == SERIES_NUMERIC && reader->scale >= 0)
		add_number(total, reader->number, reader->scale, 1);
	else
		total->known = false;
}

/* add_number() does so with a value that is known as a number and a scale. */
static void
add_number(SeriesTotal *total, int64 number, int scale, int sign)
{
	total->mixed |= total->scale >= 0 && scale != total->scale;
	total->scale = Max(total->scale, scale);
	if (sign > 0)
	{
		total->least = Min(total->least, number);
		total->most = Max(total->most, number);
	}
	else
		total->known = number > total->least && number < total->most;
	/* where this overflows, the total is not bounded, and not stored */
	total->sum += sign > 0 ? (uint64) number : -(uint64) number;
}

bool
series_total_is_bounded(const SeriesTotal *total, int64 nentries)
{
	int64		limit = PG_INT64_MAX / nentries;

	return total->least >= -limit && total->most <= limit;
}

/* one value -------------------------------------------------------------- */

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

/* The number with which an entry's value begins, and its length in bytes. */
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

/* The value of an entry of SERIES_WHOLE. */
static int64
whole_of(const SeriesEntry *entry)
{
	Size		length;

	return packed_unzigzag(value_varint(entry, &length));
}

/*
 * The value of an entry of SERIES_NUMERIC in ten-thousandths; false if it is
 * no everyday numeric.
 */
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
	*fixed = fixed_from_scaled(packed_unzigzag(packed_varint(&reader)),
							   digits);
	*scale = (int) digits;
	return true;
}
