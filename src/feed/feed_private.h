/*-------------------------------------------------------------------------
 *
 * feed_private.h
 *	  What the files of this room share with each other only.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_FEED_PRIVATE_H
#define SEGMENT_FEED_PRIVATE_H

#include "nodes/execnodes.h"

#include "feed/feed.h"

/* How far a feed goes: it holds the transitions trimmed + 1 to last. */
typedef struct FeedCounter
{
	int64		last;
	int64		trimmed;
	int64		told_by;		/* the last row that has members; TOLD_LATER:
								 * one that is announced */
} FeedCounter;

/*
 * The number of a row that is announced, as it is not known yet: greater than
 * that of any row.
 */
#define TOLD_LATER	PG_INT64_MAX

/*
 * feed_lock() locks the population's feed to the end of the transaction: no
 * other transaction appends, trims or creates a consumer.  It makes the
 * counter's row on first use.
 */
extern FeedCounter feed_lock(const Population *population);

/*
 * feed_read_counter() reads the counter, and locks its row if asked to; false
 * if nothing was ever appended, and no consumer created.
 */
extern bool feed_read_counter(const Population *population, bool lock,
							  FeedCounter *counter);

/* The columns of a transition, which are those of its view. */
enum
{
	TRANSITION_SEQ = 2,
	TRANSITION_AUDIENCE = 3,
	TRANSITION_KEY = 4,
	TRANSITION_CHANGE = 5,
	TRANSITION_PROFILES = 9,
	TRANSITION_COLUMNS = TRANSITION_PROFILES
};

/* append.c --------------------------------------------------------------- */

/* How many transitions of profiles are appended at a time. */
#define FEED_BATCH	1000

/*
 * Such transitions, whose numbers follow that of the last one before.  What a
 * profile entered and left at one instant is one row: of 'key', 'at' and
 * 'cause' there is one for each row, and of 'audience' and 'entered' as many
 * as the row has transitions, one row's behind the other's.
 */
typedef struct FeedRows
{
	Datum		population;		/* its name */
	int64		last;
	TimestampTz now;			/* recorded_at of all */
	int			nrows;
	int			ntransitions[FEED_BATCH];	/* of each row */
	Datum		key[FEED_BATCH];	/* text */
	Datum		at[FEED_BATCH];
	Datum		cause[FEED_BATCH];	/* text */
	int			count;			/* transitions of all rows */
	Datum		audience[FEED_BATCH];	/* text */
	Datum		entered[FEED_BATCH];	/* boolean */
} FeedRows;

/* Append them to the table of the feed, in the current context. */
extern void feed_append(FeedRows *rows);

/* read.c ----------------------------------------------------------------- */

/*
 * feed_reader() checks that the user may read the feed of a population: its
 * owner, and who may read its view.  Returns the population as it is now.
 */
extern const Population *feed_reader(const Population *population);

/*
 * feed_read() puts the transitions after a number, at most so many, into the
 * result of a function that returns transitions; with 'members' one for each
 * profile, else one for each row of the feed.  Returns the number of the last
 * one; 'after' if there is none.  It reads under the active snapshot.
 */
extern int64 feed_read(const Population *population, int64 after, int64 most,
					   bool members, ReturnSetInfo *result);

/* ended.c ---------------------------------------------------------------- */

/*
 * ended_keys_find() fills in the keys that are NULL, as far as these profiles
 * are known to have ended: strings of the current context.  Numbers ascend.
 */
extern void ended_keys_find(const Population *population, const int64 *ords,
							int count, char **keys);

#endif							/* SEGMENT_FEED_PRIVATE_H */
