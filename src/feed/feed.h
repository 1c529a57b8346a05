/*-------------------------------------------------------------------------
 *
 * feed.h
 *	  Transitions in order, and those who read them.
 *
 * Every function here is called connected to SPI, and uses it: a caller that
 * is going through an SPI result keeps SPI_tuptable and SPI_processed itself.
 * None of them checks the user: that is done by who decided to append, to trim
 * or to drop.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_FEED_H
#define SEGMENT_FEED_H

#include "utils/timestamp.h"

#include "profile/profile.h"

/* feed.c: the log ----------------------------------------------------------- */

/*
 * Appending to a population's feed.
 *
 * The first feed_put() waits for any other transaction that appends, and from
 * then to the end of the transaction nobody else does; so numbers are in
 * commit order and without gaps.  Until then nobody is disturbed.  Under
 * REPEATABLE READ and SERIALIZABLE a feed that went on since the snapshot is
 * the standard serialization failure.
 *
 * A transaction has one writer open per population at a time.  A writer lives
 * in the memory context in which it was opened, until feed_close().
 */
typedef struct FeedWriter FeedWriter;

extern FeedWriter *feed_open(const Population *population);

/*
 * The profile with this key, in text form, entered or left the audience at
 * that instant, because of 'cause': one word, such as "event" or "edit".  All
 * strings are copied.
 */
extern void feed_put(FeedWriter *writer, const char *audience, const char *key,
					 bool entered, TimestampTz at, const char *cause);

/*
 * Write what is still buffered and free the writer.  Returns how many
 * transitions were appended; if there were any, NOTIFY segment_transition
 * tells the population's name at commit (so such a transaction cannot be
 * prepared for two-phase commit).
 */
extern int64 feed_close(FeedWriter *writer);

/*
 * What the first feed_put() would wait for, now; and, if asked for, also whoever
 * polls or acknowledges.
 */
extern void feed_hold(const Population *population, bool consumers);

/*
 * Remove from the feed's beginning what was told longer ago than
 * segment.feed_retention and is acknowledged by every consumer; returns how many.
 * Locks nothing when there is nothing to remove.
 */
extern int64 feed_trim(const Population *population);

/* The population goes: so do its transitions, its counter and its consumers. */
extern void feed_forget(const Population *population);

#endif							/* SEGMENT_FEED_H */
