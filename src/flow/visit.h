/*-------------------------------------------------------------------------
 *
 * visit.h
 *	  What it takes to write profiles of a population, one after the other.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_VISIT_H
#define SEGMENT_VISIT_H

#include "fmgr.h"

#include "audience/audience.h"
#include "feed/feed.h"
#include "profile/profile.h"

typedef struct Visitor
{
	const Population *population;
	ProfileTable *table;
	AudienceWriter *audiences;	/* NULL if no members are stored */
	EndedKeys  *ended;			/* NULL until a profile ends */
	TimestampTz now;
	MemoryContext memory;		/* of the profile that is visited */
	MemoryContext before;		/* current when the visits began */
	Datum		key;			/* of the profile that is visited */
	ErrorContextCallback callback;
} Visitor;

/*
 * visit_begin() opens a population's base table and audiences for writing, and
 * makes a memory context for single profiles the current one; visit_end()
 * closes them, so that what follows sees the rows.  Returns whether toggles
 * were written.
 *
 * visit_finish() does so, too, in another memory context, but we act as the
 * population's owner still, until visit_end() is called.
 */
extern void visit_begin(Visitor *visitor, const Population *population);
extern bool visit_end(Visitor *visitor);
extern bool visit_finish(Visitor *visitor);

/*
 * visit_enter() begins the visit of one profile: an error from here on names
 * it.  visit_leave() ends the visit, and frees the memory that it took;
 * visit_pause() leaves that be, as the same profile is entered again.
 */
extern void visit_enter(Visitor *visitor, Datum key);
extern void visit_leave(Visitor *visitor);
extern void visit_pause(Visitor *visitor);

/*
 * visit_instant() is the instant as of which this visit decides membership:
 * never earlier than the profile's last decision.  Also stored as evaluated_at
 * of 'row', which is being edited.
 */
extern TimestampTz visit_instant(const Visitor *visitor,
								 TupleTableSlot *row);

/*
 * visit_catch_up() writes which audiences time alone made a due profile enter
 * or leave up to an instant, and returns its next wake_at.  There are
 * audiences.
 */
extern TimestampTz visit_catch_up(const Visitor *visitor, TupleTableSlot *row,
								  TimestampTz at);

/*
 * visit_end_profile() deletes a profile, which leaves its audiences: 'after'
 * is its edited row.  visit_begin_profile() inserts one, which enters its
 * audiences; false if another transaction was first.
 */
extern void visit_end_profile(Visitor *visitor, TupleTableSlot *row,
							  TupleTableSlot *after);
extern bool visit_begin_profile(const Visitor *visitor,
								TupleTableSlot *after);

#endif							/* SEGMENT_VISIT_H */
