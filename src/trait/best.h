/*-------------------------------------------------------------------------
 *
 * best.h
 *	  What min, max, first and last share, private to this room.
 *
 * Each of the four keeps the best row there is, and they differ in nothing but
 * the order (BestOrder).
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_BEST_H
#define SEGMENT_BEST_H

#include "trait/aggregate.h"

/* A row, and the number of rows equal to it; no row if times is 0. */
typedef struct BestRow
{
	Datum		value;
	TimestampTz at;				/* nothing where the order ignores it */
	int64		times;
} BestRow;

/* The best of the rows that came, and the best of those that went. */
typedef struct BestDelta
{
	BestRow		came;
	BestRow		went;
} BestDelta;

/* Which row is the best after a change? */
typedef enum BestVerdict
{
	BEST_STAYS,					/* the state's row is still the best */
	BEST_ADDED,					/* the best row that came is */
	BEST_UNKNOWN,				/* the state and the delta cannot tell */
} BestVerdict;

/*
 * Put a row into 'best' unless the row there is better.  A by-reference value
 * is copied into 'memory'.
 */
extern void best_note(const AggregateInput *input, BestOrder order,
					  BestRow *best, Datum value, TimestampTz at,
					  MemoryContext memory);

/* Decide what a delta does to the state's row, NULL if there is none. */
extern BestVerdict best_decide(const AggregateInput *input, BestOrder order,
							   const BestRow *state, const BestDelta *delta);

/*
 * Raise ERRCODE_DATATYPE_MISMATCH unless a column can hold values of this
 * type and, if 'ordered', they have a btree order.
 */
extern void input_check(const AggregateInput *input, const char *aggregate,
						bool ordered);

/* The btree comparison of a type; an error names a type that has none. */
extern FmgrInfo *type_compare(Oid type);

/* The order of values of a type, or of the type below a domain. */
extern ValueOrder type_order(Oid type, Oid collation);

/* A copy of the value in 'memory' that needs no toast table. */
extern Datum input_copy(const AggregateInput *input, Datum value,
						MemoryContext memory);

#endif							/* SEGMENT_BEST_H */
