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
 * An event that came, or went.  There are many of these at a time, so they are
 * small.
 */
typedef struct WindowRow
{
	TimestampTz at;
	uint32		value;			/* where its value stands in 'values' */
	uint32		length;
	int32		sign;
} WindowRow;

/* The rows of a delta, in the order in which they were met. */
typedef struct WindowDelta
{
	bool		begun;
	TypeCacheEntry *type;		/* NULL: rows are counted */
	int			nrows;
	int			room;
	WindowRow  *rows;
	StringInfoData values;
} WindowDelta;

/*
 * window_begin() begins a delta of values of a type, InvalidOid if only times
 * are kept, and window_note() notes that a row came or went.
 */
extern void window_begin(WindowDelta *window, Oid type);
extern void window_note(WindowDelta *window, Datum value, TimestampTz at,
						int sign, MemoryContext memory);

/* The changes in order: the rows of an entry as one, none without effect. */
extern SeriesChange *window_changes(const WindowDelta *window, int *nchanges);

#endif							/* SEGMENT_WINDOWED_H */
