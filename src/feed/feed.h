/*-------------------------------------------------------------------------
 *
 * feed.h
 *	  Transitions in order, and the consumers that read them.
 *
 * Every function here is called connected to SPI, and uses it: a caller that
 * is going through an SPI result keeps SPI_tuptable and SPI_processed itself.
 * None of them checks the user's rights: the caller has done so.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_FEED_H
#define SEGMENT_FEED_H

#include "utils/timestamp.h"

#include "membership/membership.h"
#include "profile/profile.h"

/* feed.c: the log --------------------------------------------------------- */

/*
 * A writer appends to a population's feed.
 *
 * The first feed_put() waits for any other transaction that appends, and from
 * then to the end of the transaction no other transaction does; so numbers are
 * in commit order and without gaps.  Before that no other session is held up.
 * Under REPEATABLE READ and SERIALIZABLE a feed that went on since the
 * snapshot is the standard serialization failure.
 *
 * A transaction has one writer open per population at a time.
 */
typedef struct FeedWriter FeedWriter;

/* feed_open() makes a writer in the current memory context. */
extern FeedWriter *feed_open(const Population *population);

/*
 * feed_put() appends that the profile with this key, in text form, entered or
 * left the audience at that instant, because of 'cause': one word, such as
 * "event" or "edit".  All strings are copied.
 */
extern void feed_put(FeedWriter *writer, const char *audience, const char *key,
					 bool entered, TimestampTz at, const char *cause);

/*
 * feed_put_members() appends the same of all profiles of a set, as one row of
 * the feed, which takes as many numbers as there are profiles.  No profile may
 * end meanwhile: the base table is locked (EXCLUSIVE); or the row was
 * announced.
 */
extern void feed_put_members(FeedWriter *writer, const char *audience,
							 const MemberSet *members, bool entered,
							 TimestampTz at, const char *cause);

/*
 * feed_close() writes what is still buffered and frees the writer.  Returns
 * how many transitions were appended, *last is the last one's number; if there
 * were any, NOTIFY segment_transition tells the population's name at commit
 * (so such a transaction cannot be prepared for two-phase commit).
 */
extern int64 feed_close(FeedWriter *writer, int64 *last);

/*
 * feed_announce() notes, for all transactions to come, that such a row is
 * about to be made beside writers, or ('announced' is false) that it has been.
 * The base table is locked (EXCLUSIVE) when it is announced, and that is
 * committed before it is known which profiles the row has.
 */
extern void feed_announce(const Population *population, bool announced);

/*
 * feed_hold() waits now for what the first feed_put() would wait for; and,
 * with 'consumers', also for polls and acknowledgements.
 */
extern void feed_hold(const Population *population, bool consumers);

/*
 * feed_forget() deletes the transitions, the counter and the consumers of a
 * population that is about to go.
 */
extern void feed_forget(const Population *population);

/* ended.c: keys of profiles that ended ------------------------------------ */

/*
 * Notes the keys of profiles that end, because the feed tells their numbers
 * only.  The base table is locked (ROW EXCLUSIVE).
 */
typedef struct EndedKeys EndedKeys;

/*
 * Begin in the current context; note a profile, if the feed needs that of any;
 * write all that are noted.
 */
extern EndedKeys *ended_keys_begin(const Population *population);
extern void ended_keys_put(EndedKeys *ended, int64 ord, Datum key);
extern bool ended_keys_needed(const EndedKeys *ended);
extern void ended_keys_end(EndedKeys *ended);

/* trim.c: the beginning of a feed ----------------------------------------- */

/*
 * feed_trim() removes from the feed's beginning what was recorded longer ago
 * than segment.feed_retention and is acknowledged by every consumer, at most
 * so many (0: all); returns how many.  It locks nothing when there is nothing
 * to remove.
 */
extern int64 feed_trim(const Population *population, int64 most);

#endif							/* SEGMENT_FEED_H */
