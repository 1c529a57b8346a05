/*-------------------------------------------------------------------------
 *
 * packed.h
 *	  Values of any type as bytes and as text, private to this room.
 *
 * What segment.tally and segment.series have in common: both hold values of
 * one type and times, as bytes of their own, of which parts are read if they
 * are long, and as a text that depends on no setting of the session.  'what'
 * is the type's name, "tally", for errors.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_PACKED_H
#define SEGMENT_PACKED_H

#include "lib/stringinfo.h"
#include "port/pg_bitutils.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

#include "base/compat.h"

/* bytes ------------------------------------------------------------------ */

#define LONGEST_VARINT			10

/* Reads no byte at or after 'end'. */
typedef struct PackedReader
{
	const char *what;
	const unsigned char *at;
	const unsigned char *end;
} PackedReader;

/* Begin to read the bytes of a value of type segment.<what>. */
static inline void
packed_begin(PackedReader *reader, const char *what,
			 const struct varlena *value)
{
	reader->what = what;
	reader->at = (const unsigned char *) VARDATA_ANY(value);
	reader->end = reader->at + VARSIZE_ANY_EXHDR(value);
}

/* Raise ERRCODE_DATA_CORRUPTED. */
pg_noreturn extern void packed_corrupted(const PackedReader *reader,
										 const char *detail);

/* Read the next bytes, an error if there are fewer. */
static inline const unsigned char *
packed_bytes(PackedReader *reader, Size length)
{
	const unsigned char *bytes = reader->at;

	if ((Size) (reader->end - reader->at) < length)
		packed_corrupted(reader, "It ends too early.");
	reader->at += length;
	return bytes;
}

/*
 * A varint is a number in groups of seven bits, the lowest first, all but the
 * last with the high bit set; no more groups than the number needs.
 *
 *		300		ac 02
 */

/* Read a varint of any length; packed_varint() is faster. */
extern uint64 packed_any_varint(PackedReader *reader);

/* Append a number as a varint. */
extern void packed_put_varint(StringInfo out, uint64 number);

/* Write a number as a varint, and return where it ends. */
static inline char *
packed_write_varint(char *at, uint64 number)
{
	while (number >= 0x80)
	{
		*at++ = (char) (0x80 | (number & 0x7f));
		number >>= 7;
	}
	*at++ = (char) number;
	return at;
}

/* The number of bytes of a number as a varint. */
static inline Size
packed_varint_length(uint64 number)
{
	Size		length = 1;

	while ((number >>= 7) != 0)
		length++;
	return length;
}

/*
 * The number of bytes of a varint where there are eight bytes to read, or 0 if
 * packed_any_varint() has to look.
 */
static inline int
packed_near_length(const unsigned char *at)
{
#ifndef WORDS_BIGENDIAN
	uint64		ends;
	int			last;

	/* the last group is the first without the high bit */
	memcpy(&ends, at, sizeof(ends));
	ends = ~ends & UINT64CONST(0x8080808080808080);
	if (ends == 0)
		return 0;
	last = pg_rightmost_one_pos64(ends) / BITS_PER_BYTE;
	return at[last] == 0 && last > 0 ? 0 : last + 1;
#else
	return 0;
#endif
}

/* The number of a varint of so many bytes where there are eight to read. */
static inline uint64
packed_near_number(const unsigned char *at, int length)
{
	uint64		groups;

	/* all groups at once */
	memcpy(&groups, at, sizeof(groups));
	groups &= UINT64CONST(0x7f7f7f7f7f7f7f7f) >>
		(BITS_PER_BYTE * (8 - length));
	groups = (groups & UINT64CONST(0x007f007f007f007f)) |
		((groups & UINT64CONST(0x7f007f007f007f00)) >> 1);
	groups = (groups & UINT64CONST(0x00003fff00003fff)) |
		((groups & UINT64CONST(0x3fff00003fff0000)) >> 2);
	return (groups & UINT64CONST(0x0fffffff)) |
		((groups & UINT64CONST(0x0fffffff00000000)) >> 4);
}

/* Read a varint. */
static inline uint64
packed_varint(PackedReader *reader)
{
	const unsigned char *at = reader->at;
	int			length;

	/* most numbers are small */
	if (at < reader->end && *at < 0x80)
	{
		reader->at++;
		return *at;
	}
	if (reader->end - at >= sizeof(uint64) &&
		(length = packed_near_length(at)) > 0)
	{
		reader->at += length;
		return packed_near_number(at, length);
	}
	return packed_any_varint(reader);
}

/* Map 0, -1, 1, -2 ... to 0, 1, 2, 3 ..., so that small ones stay small. */
static inline uint64
packed_zigzag(int64 number)
{
	return ((uint64) number << 1) ^ -((uint64) number >> 63);
}

/* The number of a zigzag. */
static inline int64
packed_unzigzag(uint64 zigzag)
{
	return (int64) ((zigzag >> 1) ^ -(zigzag & 1));
}

/* Look up the type of the values, by the OID that stands in the bytes. */
extern TypeCacheEntry *packed_type(const PackedReader *reader, Oid type);

/*
 * Refuse bytes that are no text of the database's encoding, or no numeric,
 * where the type is one of these.
 */
extern void packed_check_value(const PackedReader *reader,
							   TypeCacheEntry *type,
							   const unsigned char *content, Size length);

/* packed_source.c: long values ------------------------------------------- */

/*
 * Bytes that are read in parts if they are long.  The first of them, or all,
 * lie at 'start'; any can be fetched from 'toasted', from byte 'from' on.
 */
typedef struct PackedSource
{
	struct varlena *toasted;	/* NULL: all bytes are at 'start' */
	Size		from;
	Size		length;
	const unsigned char *start;
	Size		near;			/* so many bytes are there */
} PackedSource;

/*
 * Find the bytes of a column's value.  Those that can be fetched in parts stay
 * where they are, but for the first of them.
 */
extern void packed_source(Datum column, PackedSource *source);

/* So many bytes of a source are loaded at first. */
extern Size packed_first_read(const PackedSource *source);

/* A part of a source. */
extern PackedSource packed_source_part(const PackedSource *whole, Size from,
									   Size length);

/* Load bytes of the source, to be read next. */
extern void packed_load(const PackedSource *source, PackedReader *bytes,
						Size from, Size length);

/*
 * Every so many entries are described in the directory of a value of so many;
 * 0: it needs none.
 */
extern int64 packed_per_block(int64 nentries);

/* The number of bytes in a column. */
extern Size packed_size(Datum column);

/* Is the middle of a state long enough to be merged into the body? */
extern bool packed_middle_is_long(Size middle, Size body);

/* text ------------------------------------------------------------------- */

/*
 * Pin the settings on which the text of a value may depend, until the level
 * that is returned is left with AtEOXact_GUC(true, level).
 */
extern int	packed_pin_settings(void);

/* Print the name of a type, behind its schema unless that is pg_catalog. */
extern void packed_print_type(StringInfo out, Oid type);

/* Print what an output function returned, in double quotes. */
extern void packed_print_string(StringInfo out, const char *string);

/* Print a time, ISO in UTC if the settings are pinned. */
extern void packed_print_time(StringInfo out, TimestampTz at);

/* Where the parser of a text is. */
typedef struct PackedParser
{
	const char *what;
	const char *text;
	const char *at;				/* the next character */
} PackedParser;

/*
 * Raise ERRCODE_INVALID_TEXT_REPRESENTATION: the next characters are not what
 * is expected.
 */
pg_noreturn extern void packed_parse_failed(const PackedParser *parser,
											const char *expected);

/* Step over white space. */
extern void packed_parse_space(PackedParser *parser);

/* Step over white space, and over the character if it is next. */
extern bool packed_parse_char(PackedParser *parser, char c);

/* Parse the name of a type, which must exist. */
extern Oid	packed_parse_type(PackedParser *parser);

/* Parse the text of a value, which stands in double quotes. */
extern char *packed_parse_string(PackedParser *parser);

/* Parse a time, which ends before a comma or brace. */
extern TimestampTz packed_parse_time(PackedParser *parser);

/* An error unless the text ends here. */
extern void packed_parse_end(PackedParser *parser);

#endif							/* SEGMENT_PACKED_H */
