/*-------------------------------------------------------------------------
 *
 * emit.c
 *	  From changes of membership to the feed: what is emitted, in which order?
 *
 *		fold		toggles of many events ─► bitmaps ─► feed ─► NOTIFY
 *		decide		who is a member by the new filter? ─► differences ─► feed
 *		rename		the members left the old name, entered the new one
 *		leave		the members left
 *
 * The room of audiences moves toggles into bitmaps and hands out transitions
 * (Transition) in the order in which they happened; the feed writes them.
 *
 * Nothing is lost if no fold ever runs: members are read with the toggles that
 * are pending.  Only the feed waits, and pending toggles make reading slower.
 * A definition folds first, so that what happened before it stands before it
 * in the feed.
 *
 * Guests of the corridor are told of a fold's transitions at its end, and of a
 * definition's when that is done (definer_end): what they write is then as any
 * event that comes after it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "audience/audience.h"
#include "base/base.h"
#include "feed/feed.h"
#include "flow/flow_private.h"

/*
 * With a budget, so many toggles are folded at a time: picking them takes up
 * to 200 bytes of memory for each, and mostly reads all that are pending.
 */
#define FOLD_BATCH	100000

/* Where the transitions of a renamed audience go. */
typedef struct Renamed
{
	const char *name;			/* the new one */
	FeedWriter *feed;
} Renamed;

static void close_feed(const Population *population, FeedWriter *feed);
static void emit(const Transition *transition, void *feed);
static void emit_renamed(const Transition *transition, void *renamed);

int64
fold(const Population *population, int64 budget)
{
	FeedWriter *feed = feed_open(population);
	int64		folded = 0;

	if (budget == 0)
		folded = audience_fold(population, 0, false, emit, feed);
	while (folded < budget)
	{
		int64		most = Min(FOLD_BATCH, budget - folded);
		int64		now = audience_fold(population, most, false, emit, feed);

		folded += now;
		if (now < most)
			break;
	}
	close_feed(population, feed);
	(void) guests_folded(population->name);
	return folded;
}

void
fold_all(const Population *population, bool skip_damaged)
{
	FeedWriter *feed = feed_open(population);

	(void) audience_fold(population, 0, skip_damaged, emit, feed);
	close_feed(population, feed);
}

void
members_decide(const Population *population, List *names, const char *cause)
{
	FeedWriter *feed = feed_open(population);

	audience_decide(population, names, clock_now(), cause, emit, feed);
	close_feed(population, feed);
}

void
members_decide_beside(const Population *population, const char *name)
{
	FeedWriter *feed = feed_open(population);

	audience_decide_beside(population, name, emit, feed);
	close_feed(population, feed);
}

void
members_become_twin(const Population *population, const char *name)
{
	FeedWriter *feed = feed_open(population);

	audience_become_twin(population, name, clock_now(), emit, feed);
	close_feed(population, feed);
}

void
members_rename(const Population *population, const char *name,
			   const char *new_name)
{
	Renamed		renamed = {new_name, feed_open(population)};

	audience_each_member(population, name, clock_now(), emit_renamed,
						 &renamed);
	close_feed(population, renamed.feed);
}

void
members_leave(const Population *population, const char *name)
{
	FeedWriter *feed = feed_open(population);

	audience_empty(population, name, clock_now(), emit, feed);
	close_feed(population, feed);
}

/* close_feed() closes a feed, and notes for guests what was appended. */
static void
close_feed(const Population *population, FeedWriter *feed)
{
	int64		last;
	int64		appended = feed_close(feed, &last);

	if (appended > 0)
		guests_note_folded(population, last - appended + 1, last);
}

/* emit() appends a transition to a feed.  A TransitionSink. */
static void
emit(const Transition *transition, void *feed)
{
	if (transition->members != NULL)
		feed_put_members(feed, transition->audience, transition->members,
						 transition->entered, transition->at,
						 transition->cause);
	else
		feed_put(feed, transition->audience, transition->key,
				 transition->entered, transition->at, transition->cause);
}

/*
 * emit_renamed() appends that members left an audience, and entered it under
 * its new name.  A TransitionSink.
 */
static void
emit_renamed(const Transition *transition, void *context)
{
	const Renamed *renamed = context;
	Transition	entered = *transition;

	entered.audience = renamed->name;
	entered.entered = true;
	emit(transition, renamed->feed);
	emit(&entered, renamed->feed);
}
