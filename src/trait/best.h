/*-------------------------------------------------------------------------
 *
 * best.h
 *	  What min, max, first and last share, private to the room of traits.
 *
 * Each of the four keeps the best row there is, in an order of its own, so
 * they differ in nothing but the order.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_BEST_H
#define SEGMENT_BEST_H

#include "trait/aggregate.h"

/*
 * What makes a row better than another.  Of equal values it is the one that
 * looks smaller, in each of these orders: see order.h.
 */
typedef enum BestOrder
{
	BEST_SMALLEST,				/* the smaller value */
	BEST_LARGEST,				/* the larger value */
	BEST_EARLIEST,				/* the earlier time, then the smaller value */
	BEST_LATEST,				/* the later time, then the smaller value */
} BestOrder;

/* A row, and how many equal ones there were; none if times is 0. */
typedef struct BestRow
{
	Datum		value;
	TimestampTz at;				/* meaningless where the order ignores it */
	int64		times;
} BestRow;

/* The best of the rows that came, and the best of those that went. */
typedef struct BestDelta
{
	BestRow		came;
	BestRow		went;
} BestDelta;

typedef enum BestVerdict
{
	BEST_STAYS,					/* the state's row is still the best */
	BEST_ADDED,					/* the best row that came is */
	BEST_UNKNOWN,				/* the state and the delta cannot tell */
} BestVerdict;

/*
 * Remember the row in 'best' if none there is better.  A by-reference value
 * is copied into 'memory'.
 */
extern void best_note(const AggregateInput *input, BestOrder order,
					  BestRow *best, Datum value, TimestampTz at,
					  MemoryContext memory);

/* What a delta does to the state's row, which is NULL if there is none. */
extern BestVerdict best_decide(const AggregateInput *input, BestOrder order,
							   const BestRow *state, const BestDelta *delta);

/*
 * Raise ERRCODE_DATATYPE_MISMATCH unless a column can hold values of this
 * type and, if 'ordered', they have a btree order.
 */
extern void input_check(const AggregateInput *input, const char *aggregate,
						bool ordered);

/* The btree comparison of a type, or an error that names it. */
extern FmgrInfo *type_compare(Oid type);

/* A copy of the value in 'memory' that needs no toast table. */
extern Datum input_copy(const AggregateInput *input, Datum value,
						MemoryContext memory);

#endif							/* SEGMENT_BEST_H */
