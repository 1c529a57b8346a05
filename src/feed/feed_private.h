/*-------------------------------------------------------------------------
 *
 * feed_private.h
 *	  What the files of this room share with each other only.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_FEED_PRIVATE_H
#define SEGMENT_FEED_PRIVATE_H

#include "feed/feed.h"

/* How far a feed goes: it holds the transitions trimmed + 1 to last. */
typedef struct FeedCounter
{
	int64		last;
	int64		trimmed;
} FeedCounter;

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

#endif							/* SEGMENT_FEED_PRIVATE_H */
