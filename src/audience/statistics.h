/*-------------------------------------------------------------------------
 *
 * statistics.h
 *	  How often filters were evaluated, private to the room of audiences.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_STATISTICS_H
#define SEGMENT_STATISTICS_H

#include "portability/instr_time.h"

/* What was counted for one definition. */
typedef struct FilterCounts
{
	uint64		evaluated;		/* before and after a change */
	uint64		conditions;		/* the same of conditions */
	uint64		nanoseconds;	/* that both took */
	uint64		transitions;	/* toggles written */
} FilterCounts;

/* nanoseconds_since() returns how long ago an instant was. */
static inline uint64
nanoseconds_since(instr_time begun)
{
	instr_time	took;

	INSTR_TIME_SET_CURRENT(took);
	INSTR_TIME_SUBTRACT(took, begun);
	return (uint64) (INSTR_TIME_GET_DOUBLE(took) * 1e9);
}

/* Ask for shared memory, if the library is being preloaded. */
extern void statistics_init(void);

/* Add to the counts of a definition of the population with that base table. */
extern void statistics_add(Oid base, int32 definition_id,
						   const FilterCounts *counts);

/* Forget the counts of a definition that is no more. */
extern void statistics_forget(Oid base, int32 definition_id);

#endif							/* SEGMENT_STATISTICS_H */
