/*-------------------------------------------------------------------------
 *
 * index.h
 *	  The audiences of a population by the operands that their filters read,
 *	  private to the room of audiences.
 *
 * An index refers to an audience by its place, a number from 0 on.  The files
 * of the index share conditions.h; all other files use this header.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_INDEX_H
#define SEGMENT_INDEX_H

#include "executor/tuptable.h"

#include "audience/audience.h"

typedef struct AudienceIndex AudienceIndex;

/* index.c ---------------------------------------------------------------- */

/* Make the cache of the index of each population. */
extern void audience_index_init(void);

/*
 * The index of all audiences of a population.  Owned by the cache and good
 * until the end of the transaction.
 */
extern AudienceIndex *audience_index(const Population *population);
/* An index of these audiences (Audience *) alone, in the current context. */
extern AudienceIndex *audience_index_of(const Population *population,
										List *audiences);
/* An index that has at least these audiences (Audience *), to read only. */
extern AudienceIndex *audience_index_to_ask(const Population *population,
											List *audiences);

/*
 * A writer holds the index, whose places stay what they are until then: the
 * index does not follow changes of definitions in place.
 */
extern void index_hold(AudienceIndex *index);
extern void index_release(AudienceIndex *index);

/* index_filters.c -------------------------------------------------------- */

/* The place of an audience, which is in the index. */
extern int	index_place(const AudienceIndex *index, const char *name);
extern const char *index_name(const AudienceIndex *index, int place);
extern int32 index_definition_id(const AudienceIndex *index, int place);

/* Set the row on which filters are evaluated, as of an instant. */
extern void index_set_row(AudienceIndex *index, TupleTableSlot *row,
						  TimestampTz at);
/*
 * Does the filter hold for the row that was set, or after the change?
 */
extern bool index_holds(AudienceIndex *index, int place);
/*
 * Was the filter true before the change, if the profile 'existed', and is it
 * after, if it 'exists'?  Returns whether the two differ.  This is counted.
 */
extern bool index_toggles(AudienceIndex *index, int place, bool existed,
						  bool exists, bool *is);
/* Add what was counted to the statistics. */
extern void index_add_counts(AudienceIndex *index);
/* The name of the audience whose filter is being evaluated, or NULL. */
extern const char *index_evaluating(const AudienceIndex *index);

/* Why a filter does not bind, or NULL if it does. */
extern const char *index_broken(AudienceIndex *index, int place);
/*
 * The places of stored audiences that did not bind when the index was built.
 */
extern List *index_broken_places(const AudienceIndex *index);

/* touch.c ---------------------------------------------------------------- */

/*
 * The filters that may give another answer after a change from one row of the
 * base table to another at an instant; all columns of both are deformed.
 * Returns how many; *touched are their places, good until the next call.
 * 'appears': one of the rows is the blank one; then the filters that may hold
 * for a blank row are included.
 */
extern int	index_touched(AudienceIndex *index, TupleTableSlot *before,
						  TupleTableSlot *after, bool appears,
						  TimestampTz at, const int **touched);

/* wake.c ----------------------------------------------------------------- */

/*
 * The wake_at of a row: no later than the first instant after 'after' at which
 * time alone changes which filters hold, nor than 'most'; DT_NOEND: never.
 * 'changed_only': consider only conditions on columns that the last
 * index_touched() found changed; that call was for the same instant.
 */
extern TimestampTz index_wake_at(AudienceIndex *index, TupleTableSlot *row,
								 TimestampTz after, TimestampTz most,
								 bool changed_only);

/* Does time change any of the filters? */
extern bool index_has_time(const AudienceIndex *index);

/*
 * Lead a row through time.  index_catch_up_begin() begins after 'after'.  Each
 * index_catch_up_next() returns, in order, an instant not later than 'until'
 * in *at, and which filters may change there, as index_touched() does; or -1
 * if there is none any more, and *at is the next instant, which is later.
 */
extern void index_catch_up_begin(AudienceIndex *index, TupleTableSlot *row,
								 TimestampTz after);
extern int	index_catch_up_next(AudienceIndex *index, TupleTableSlot *row,
								TimestampTz until, TimestampTz *at,
								const int **touched);

#endif							/* SEGMENT_INDEX_H */
