/*-------------------------------------------------------------------------
 *
 * next_change.h
 *	  When a filter changes by time alone; private to the room of audiences.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_NEXT_CHANGE_H
#define SEGMENT_NEXT_CHANGE_H

#include "executor/tuptable.h"

#include "audience/audience.h"

/*
 * A filter over rows of the base table that can be evaluated as of any instant.
 * Made in the current context, and good as long as that and the definitions.
 */
typedef struct TimedFilter TimedFilter;

extern TimedFilter *timed_filter(const Population *population,
								 const FilterNode *filter);

/*
 * The first instant after 'after' at which it holds where it did not, or the
 * other way round; DT_NOEND: never.  After MOST_STEPS instants at which it might
 * have it stops, at one that is too early.
 */
extern TimestampTz timed_filter_next_change(TimedFilter *timed,
											TupleTableSlot *row,
											TimestampTz after);

#endif							/* SEGMENT_NEXT_CHANGE_H */
