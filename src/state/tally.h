/*-------------------------------------------------------------------------
 *
 * tally.h
 *	  The bytes and entries of a tally, private to this room.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_TALLY_H
#define SEGMENT_TALLY_H

#include "state/state.h"
#include "state/packed.h"

/* Stored.  Readers accept every released version. */
#define TALLY_VERSION			1
#define TALLY_VERSION_BLOCKS	2	/* with a directory of blocks */
#define TALLY_VERSION_CHANGES	3	/* changes of a longer one */

/* The most bytes before the directory: version, type and three numbers. */
#define TALLY_MOST_HEAD			(1 + sizeof(Oid) + 3 * LONGEST_VARINT)

/* the smallest entry: one byte of rows, one of value */
#define TALLY_SMALLEST_ENTRY	2

/* More rows than anybody can count; leaves room for a flag in the bytes. */
#define TALLY_MOST_ROWS			(PG_INT64_MAX / 2)

/* see TallyTime */
#define TALLY_MINUS_INFINITY	(PG_INT64_MIN + 1)
#define TALLY_INFINITY			PG_INT64_MAX

/* The instant that a TallyTime other than TALLY_NO_TIME stands for. */
extern TimestampTz tally_timestamp(TallyTime time);

/* What stands before the entries, but for the directory. */
typedef struct TallyHead
{
	TypeCacheEntry *type;
	int64		nentries;
	int64		total;			/* of changes; 0: the tally is whole */
	int64		per_block;		/* entries of each block but the last; 0: there
								 * is no directory */
	int			nblocks;		/* 0: it is empty; 1 without directory */
} TallyHead;

/* Read the head of a tally. */
extern void tally_read_head(PackedReader *reader, TallyHead *head);

/*
 * Read so many entries, which come next, in the current context; their times
 * are not relative to any before them.
 */
extern void tally_read_entries(PackedReader *reader, const TallyHead *head,
							   TallyEntry *entries, int64 nentries);

/* The entry of a value in a tally; NULL if there is none. */
extern const TallyEntry *tally_entry_of(const Tally *tally, Datum value);

/* Has an entry more rows than another, or as many and a later one? */
static inline bool
tally_is_more_frequent(const TallyEntry *entry, const TallyEntry *other)
{
	return entry->rows > other->rows ||
		(entry->rows == other->rows && entry->latest > other->latest);
}

/* Add the rows of another entry of the same value. */
extern void tally_add_rows(TallyEntry *entry, const TallyEntry *more);

/* tally_blocks.c: parts of a long tally ---------------------------------- */

/* Reads entries of a tally, block by block. */
typedef struct TallyReader
{
	PackedSource source;
	PackedReader bytes;			/* those that are loaded */
	TallyHead	head;
	Size		begin;			/* where the entries begin in the source */
	TallyEntry *blocks;			/* of each block its first value, and the most
								 * rows and latest time; NULL: no directory */
	Size	   *at;				/* where each begins, from 'begin' on */
	int			block;			/* the one that was read last; -1: none */
	int64		nentries;		/* in it */
	TallyEntry *entries;
} TallyReader;

/* Begin to read a column; what is read is in the current context. */
extern void tally_begin(TallyReader *reader, Datum column);

/*
 * Read a block, if it is not the one that was read last.  Entries of others
 * stay as they are.
 */
extern void tally_read_block(TallyReader *reader, int block);

/* The entry of a value; NULL if there is none. */
extern const TallyEntry *tally_find(TallyReader *reader, Datum value);

/* tally_change.c: a tally in several columns ------------------------------ */

/*
 * All values of a state, which is a tally or what tally_joined() makes of
 * several, without those that are gone; and readers of its columns, of which
 * each is right against those after it.  Returns how many these are.
 */
extern Tally *tally_whole(Datum state);
extern int	tally_begin_all(TallyReader *readers, Datum state);

/* The column of a state at whose head is how many values there are. */
extern Datum tally_first_column(Datum state);

#endif							/* SEGMENT_TALLY_H */
