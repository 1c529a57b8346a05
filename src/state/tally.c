/*-------------------------------------------------------------------------
 *
 * tally.c
 *	  Which values were there, how often, and when last?
 *
 * The type segment.tally keeps values of one type, each with a number of rows
 * and the latest time among them, if any had one.
 *
 *		text{"tea": 1, "vegan": 3 @ 2026-05-01 12:00:00+00}
 *
 * is, behind the length word (varints: see packed.h),
 *
 *		01				version
 *		19 00 00 00		type of the values: its OID, as arrays have it
 *		02				varint: number of values
 *
 *		02				varint: rows << 1 | has a latest time: 1, no
 *		03 t e a		value: varint length and content
 *
 *		07				3, yes
 *		80 c0 c8 .. 02	varint: zigzag(time - the previous entry's time)
 *		05 v e g a n
 *
 * A tally of version 2 is one of many values, of which only parts are read.
 * Behind the number of its values it has a directory: tally_blocks.c.  One of
 * version 3 holds changes of a longer one, which overrule that
 * (tally_change.c): behind the number of its values it has that of the values
 * of both together, and the first number of a directory, or 0 without one; a
 * value of 0 rows is gone.
 *
 * Values of fixed length stand without one.  Values that are equal but look
 * different are kept apart, each with its own number, in the order of their
 * bytes: which values are equal depends on the column's collation, and is
 * asked when the tally is read (tally_ask.c).
 *
 * A type's OID does not leave the server: on the wire a tally is its text
 * behind a version byte (tally_io.c).  A column without values holds NULL.
 *
 * Bytes are read by the bounds-checked reader of packed.c and by nothing else.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/tupmacs.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "state/tally.h"

static void read_rows(PackedReader *reader, TallyEntry *entry, uint64 *time);
static Datum read_byval(PackedReader *reader, TypeCacheEntry *type);
static Datum read_byref(PackedReader *reader, TypeCacheEntry *type,
						char **room);
static void write_entries(const Tally *tally, int64 from, int64 nentries,
						  StringInfo out);
static void write_blocks(const Tally *tally, int64 per_block, StringInfo out);
static void write_value(StringInfo out, TypeCacheEntry *type, Datum value);

TypeCacheEntry *
tally_element(Oid type, const char *what)
{
	Oid			base = getBaseType(type);
	TypeCacheEntry *entry = lookup_type_cache(base, TYPECACHE_CMP_PROC_FINFO);
	bool		storable = entry->typtype != TYPTYPE_PSEUDO &&
		entry->typlen != -2;

	if (!storable || !OidIsValid(entry->cmp_proc_finfo.fn_oid))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("%s of values of type %s is not possible",
						what, format_type_be(type)),
				 storable ?
				 errdetail("Distinct values are told apart by their order, and the type has no default btree operator class.") :
				 errdetail("A column cannot be of this type.")));
	return entry;
}

TallyTime
tally_time(TimestampTz at, bool has_at)
{
	if (!has_at)
		return TALLY_NO_TIME;
	if (TIMESTAMP_IS_NOBEGIN(at))
		return TALLY_MINUS_INFINITY;
	return at;
}

TimestampTz
tally_timestamp(TallyTime time)
{
	TimestampTz at = time;

	if (time == TALLY_MINUS_INFINITY)
		TIMESTAMP_NOBEGIN(at);
	return at;
}

void
tally_add_rows(TallyEntry *entry, const TallyEntry *more)
{
	if (pg_add_s64_overflow(entry->rows, more->rows, &entry->rows))
		entry->rows = TALLY_MOST_ROWS;
	entry->rows = Min(entry->rows, TALLY_MOST_ROWS);
	entry->latest = Max(entry->latest, more->latest);
}

/* reading bytes ---------------------------------------------------------- */

void
tally_read_head(PackedReader *reader, TallyHead *head)
{
	uint8		version = *packed_bytes(reader, 1);
	bool		changes = version == TALLY_VERSION_CHANGES;
	Oid			type;
	uint64		nentries;
	uint64		total = 0;
	uint64		per_block = 0;

	if (version < TALLY_VERSION || version > TALLY_VERSION_CHANGES)
		packed_corrupted(reader,
						 "Its version is unknown to this release of the extension.");
	memcpy(&type, packed_bytes(reader, sizeof(Oid)), sizeof(Oid));
	nentries = packed_varint(reader);
	if (changes)
		total = packed_varint(reader);
	if (version != TALLY_VERSION)
		per_block = packed_varint(reader);
	if ((nentries == 0 && !changes) || nentries > PG_INT32_MAX ||
		(changes && total == 0) || total > PG_INT64_MAX)
		packed_corrupted(reader, "The number of its values is impossible.");
	if (per_block > nentries ||
		(per_block == 0 && version == TALLY_VERSION_BLOCKS))
		packed_corrupted(reader, "Its directory is impossible.");

	head->type = packed_type(reader, type);
	head->nentries = (int64) nentries;
	head->total = (int64) total;
	head->per_block = (int64) per_block;
	head->nblocks = nentries == 0 ? 0 : per_block == 0 ? 1 :
		(int) ((nentries + per_block - 1) / per_block);
}

const TallyEntry *
tally_entry_of(const Tally *tally, Datum value)
{
	int			low = 0;
	int			high = tally->nentries;

	while (low < high)
	{
		int			middle = low + (high - low) / 2;
		const TallyEntry *entry = &tally->entries[middle];
		int			compared = image_compare(tally->type, entry->value, value);

		if (compared == 0)
			return entry;
		if (compared < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

void
tally_read_entries(PackedReader *reader, const TallyHead *head,
				   TallyEntry *entries, int64 nentries)
{
	TypeCacheEntry *type = head->type;
	uint64		time = 0;
	char	   *room = NULL;

	/*
	 * Values go to one chunk, aligned and with their length words.  Each of
	 * them needs no more than its own bytes, a length word and padding.
	 */
	if (!type->typbyval)
		room = palloc_extended((reader->end - reader->at) +
							   nentries * (VARHDRSZ + MAXIMUM_ALIGNOF),
							   MCXT_ALLOC_HUGE);

	for (int64 i = 0; i < nentries; i++)
	{
		TallyEntry *entry = &entries[i];

		CHECK_FOR_INTERRUPTS();

		read_rows(reader, entry, &time);
		if (entry->rows == 0 && head->total == 0)
			packed_corrupted(reader,
							 "The number of rows of a value is impossible.");
		entry->value = type->typbyval ? read_byval(reader, type) :
			read_byref(reader, type, &room);
		if (i > 0 && image_compare(type, entry[-1].value, entry->value) >= 0)
			packed_corrupted(reader,
							 "Its values are not in the order of their bytes.");
	}
}

/* Read how many rows an entry has, and their latest time. */
static void
read_rows(PackedReader *reader, TallyEntry *entry, uint64 *time)
{
	uint64		rows = packed_varint(reader);
	bool		has_time = (rows & 1) != 0;

	entry->rows = rows >> 1;
	if (entry->rows < 0 || entry->rows > TALLY_MOST_ROWS)
		packed_corrupted(reader,
						 "The number of rows of a value is impossible.");

	entry->latest = TALLY_NO_TIME;
	if (!has_time)
		return;
	*time += (uint64) packed_unzigzag(packed_varint(reader));
	entry->latest = (TallyTime) *time;
	if (entry->latest != TALLY_MINUS_INFINITY &&
		entry->latest != TALLY_INFINITY &&
		!IS_VALID_TIMESTAMP(entry->latest))
		packed_corrupted(reader, "The latest time of a value is impossible.");
}

/* Read a value that is held in a Datum itself. */
static Datum
read_byval(PackedReader *reader, TypeCacheEntry *type)
{
	char		aligned[sizeof(Datum)] pg_attribute_aligned(MAXIMUM_ALIGNOF);
	Datum		value;

	memcpy(aligned, packed_bytes(reader, type->typlen), type->typlen);
	/* clang takes a returned fetch_att() for the address of 'aligned' */
	value = fetch_att(aligned, true, type->typlen);
	return value;
}

/* Read a value that is a reference, and put it to *room, which moves on. */
static Datum
read_byref(PackedReader *reader, TypeCacheEntry *type, char **room)
{
	bool		fixed = type->typlen > 0;
	uint64		length = fixed ? type->typlen : packed_varint(reader);
	const unsigned char *content;
	char	   *value = *room;
	char	   *at = value;

	if (length > MaxAllocSize)
		packed_corrupted(reader, "The length of a value is impossible.");
	content = packed_bytes(reader, length);
	packed_check_value(reader, type, content, length);
	if (!fixed)
	{
		SET_VARSIZE(value, length + VARHDRSZ);
		at += VARHDRSZ;
	}
	memcpy(at, content, length);
	*room = (char *) MAXALIGN(at + length);
	return PointerGetDatum(value);
}

/* writing bytes ---------------------------------------------------------- */

Datum
tally_write(const Tally *tally)
{
	int64		per_block = packed_per_block(tally->nentries);
	StringInfoData out;

	initStringInfo(&out);
	appendStringInfoSpaces(&out, VARHDRSZ);
	appendStringInfoChar(&out, tally->total > 0 ? TALLY_VERSION_CHANGES :
						 per_block > 0 ? TALLY_VERSION_BLOCKS :
						 TALLY_VERSION);
	appendBinaryStringInfo(&out, (char *) &tally->type->type_id, sizeof(Oid));
	packed_put_varint(&out, tally->nentries);
	if (tally->total > 0)
		packed_put_varint(&out, tally->total);
	if (tally->total > 0 || per_block > 0)
		packed_put_varint(&out, per_block);
	if (per_block > 0)
		write_blocks(tally, per_block, &out);
	else
		write_entries(tally, 0, tally->nentries, &out);
	SET_VARSIZE(out.data, out.len);
	return PointerGetDatum(out.data);
}

/* Write some entries of a tally. */
static void
write_entries(const Tally *tally, int64 from, int64 nentries, StringInfo out)
{
	uint64		time = 0;

	for (int64 i = from; i < from + nentries; i++)
	{
		const TallyEntry *entry = &tally->entries[i];
		bool		has_time = entry->latest != TALLY_NO_TIME;

		CHECK_FOR_INTERRUPTS();

		packed_put_varint(out, ((uint64) entry->rows << 1) |
						  (has_time ? 1 : 0));
		if (has_time)
		{
			int64		since = (int64) ((uint64) entry->latest - time);

			packed_put_varint(out, packed_zigzag(since));
			time = (uint64) entry->latest;
		}

		write_value(out, tally->type, entry->value);
	}
}

/* Write the directory and all entries: see tally_blocks.c. */
static void
write_blocks(const Tally *tally, int64 per_block, StringInfo out)
{
	int			nblocks = (tally->nentries + per_block - 1) / per_block;
	Tally		directory = {
		.type = tally->type,
		.nentries = nblocks,
		.entries = palloc(nblocks * sizeof(TallyEntry)),
	};
	StringInfoData entries;
	StringInfoData blocks;
	StringInfoData lengths;

	initStringInfo(&entries);
	initStringInfo(&blocks);
	initStringInfo(&lengths);
	for (int i = 0; i < nblocks; i++)
	{
		int64		from = i * per_block;
		int64		to = Min(from + per_block, tally->nentries);
		int			begin = entries.len;
		TallyEntry *block = &directory.entries[i];

		*block = tally->entries[from];
		for (int64 j = from + 1; j < to; j++)
			if (tally_is_more_frequent(&tally->entries[j], block))
			{
				block->rows = tally->entries[j].rows;
				block->latest = tally->entries[j].latest;
			}
		write_entries(tally, from, to - from, &entries);
		packed_put_varint(&lengths, entries.len - begin);
	}
	write_entries(&directory, 0, nblocks, &blocks);
	packed_put_varint(out, blocks.len + lengths.len);
	appendBinaryStringInfo(out, blocks.data, blocks.len);
	appendBinaryStringInfo(out, lengths.data, lengths.len);
	appendBinaryStringInfo(out, entries.data, entries.len);
	pfree(entries.data);
	pfree(blocks.data);
	pfree(lengths.data);
	pfree(directory.entries);
}

/* Write a value, behind its length if the type has none. */
static void
write_value(StringInfo out, TypeCacheEntry *type, Datum value)
{
	char		aligned[sizeof(Datum)] pg_attribute_aligned(MAXIMUM_ALIGNOF);
	struct varlena *content;

	if (type->typbyval)
	{
		store_att_byval(aligned, value, type->typlen);
		appendBinaryStringInfo(out, aligned, type->typlen);
		return;
	}
	if (type->typlen > 0)
	{
		appendBinaryStringInfo(out, DatumGetPointer(value), type->typlen);
		return;
	}
	content = PG_DETOAST_DATUM_PACKED(value);
	packed_put_varint(out, VARSIZE_ANY_EXHDR(content));
	appendBinaryStringInfo(out, VARDATA_ANY(content),
						   VARSIZE_ANY_EXHDR(content));
}
