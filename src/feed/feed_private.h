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
 * Lock the population's feed to the end of the transaction: nobody else
 * appends, trims or creates a consumer.  Makes its row on first use.
 */
extern FeedCounter feed_lock(const Population *population);

#endif							/* SEGMENT_FEED_PRIVATE_H */
