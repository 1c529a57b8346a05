/*-------------------------------------------------------------------------
 *
 * windowed.h
 *	  Events that came and went, private to this room.
 *
 * windowed.c keeps them all, so_far.c those that are not settled.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_WINDOWED_H
#define SEGMENT_WINDOWED_H

#include "trait/aggregate.h"

/*
 * An event that came, or went, and the steps that it concerns.  There are many
 * of these at a time, so they are small.
 */
typedef struct WindowRow
{
	TimestampTz at;
	uint64		steps;			/* as in AggregateRow */
	uint32		value;			/* where its value stands in 'values' */
	uint32		length : 31;
	uint32		went : 1;
} WindowRow;

/* The rows of a delta, in the order in which they were met until 'sorted'. */
typedef struct WindowDelta
{
	TypeCacheEntry *type;		/* of the values; NULL: only times are kept */
	bool		mixed;			/* is a row not later than the one before? */
	bool		sorted;			/* as series_compare() has it */
	int			nrows;
	int			room;
	WindowRow  *rows;
	StringInfoData values;
} WindowDelta;

/* window_note() notes a row that has a time, and a value if these are kept. */
extern void window_note(WindowDelta *window, const AggregateRow *row,
						MemoryContext memory);

/* Aggregate.accumulate of those whose delta is a WindowDelta. */
extern void window_accumulate(const Aggregate *self,
							  const AggregateInput *input, void *delta,
							  const AggregateRow *row, MemoryContext memory);

/*
 * The changes of a step, by its bit, in order: the rows of an entry as one,
 * none without effect.  The delta is sorted if need be.
 */
extern SeriesChange *window_changes(WindowDelta *window, uint64 step,
									int *nchanges);

#endif							/* SEGMENT_WINDOWED_H */
