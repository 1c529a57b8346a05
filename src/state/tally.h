/*-------------------------------------------------------------------------
 *
 * tally.h
 *	  Counted values: the type segment.tally, private to the room of traits.
 *
 *		text{"tea": 1, "vegan": 3 @ 2026-05-01 12:00:00+00}
 *
 * says that "vegan" was there three times, the last time on 1 May, and "tea"
 * once, at no known time.  tally.c describes the bytes.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_TALLY_H
#define SEGMENT_TALLY_H

#include "utils/timestamp.h"
#include "utils/typcache.h"

/*
 * An instant or none, which is earlier than all.  No instant of the server
 * lies just above -infinity, so the two lowest numbers are free to tell "no
 * time" and -infinity apart.
 */
typedef int64 TallyTime;

#define TALLY_NO_TIME		PG_INT64_MIN

extern TallyTime tally_time(TimestampTz at, bool has_at);

/* More than anybody can count; leaves room for a flag on disk. */
#define TALLY_MOST_ROWS		(PG_INT64_MAX / 2)

typedef struct TallyEntry
{
	Datum		value;
	int64		rows;			/* at least 1 */
	TallyTime	latest;
} TallyEntry;

typedef struct Tally
{
	TypeCacheEntry *type;		/* of the values: never a domain */
	int			nentries;		/* at least 1 */
	TallyEntry *entries;		/* each image once, ascending: see order.h */
} Tally;

/*
 * The type that a tally of such values is of: below domains.  An error, with
 * 'what' as its subject, if it cannot be counted.
 */
extern TypeCacheEntry *tally_element(Oid type, const char *what);

/*
 * From bytes, in the current memory context, and to bytes.  Every byte is
 * checked: ERRCODE_DATA_CORRUPTED.
 */
extern Tally *tally_read(Datum bytes);
extern Datum tally_write(const Tally *tally);

#endif							/* SEGMENT_TALLY_H */
