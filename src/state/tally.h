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

/* The most bytes before the entries: version, type, number of values. */
#define TALLY_MOST_HEAD			(1 + sizeof(Oid) + LONGEST_VARINT)

/* More rows than anybody can count; leaves room for a flag in the bytes. */
#define TALLY_MOST_ROWS			(PG_INT64_MAX / 2)

/* see TallyTime */
#define TALLY_MINUS_INFINITY	(PG_INT64_MIN + 1)
#define TALLY_INFINITY			PG_INT64_MAX

/* The instant that a TallyTime other than TALLY_NO_TIME stands for. */
extern TimestampTz tally_timestamp(TallyTime time);

/* Read what stands before the entries of a tally. */
extern void tally_read_head(PackedReader *reader, Oid *type, uint64 *nentries);

/* Add the rows of another entry of the same value. */
extern void tally_add_rows(TallyEntry *entry, const TallyEntry *more);

#endif							/* SEGMENT_TALLY_H */
