/*-------------------------------------------------------------------------
 *
 * total.h
 *	  Values added up, whatever they are; private to the room of traits.
 *
 * Zeroed memory is a total of nothing.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_TOTAL_H
#define SEGMENT_TOTAL_H

#include "common/int.h"
#include "utils/numeric.h"

/*
 * Of whole and numeric values, exactly:
 * whole + fixed / 10000 + rest + far * 10^65536.
 */
typedef struct ExactTotal
{
	int64		whole;
	int64		fixed;			/* everyday numerics: see fixed.c */
	int			scale;			/* most digits shown by one of these */
	bool		any_fixed;
	bool		special;		/* NaN or an infinity is among them */
	Numeric		rest;			/* NULL is 0 */
	Numeric		far;			/* NULL is 0: nothing too large for 'rest' */
} ExactTotal;

/*
 * Add a value, or take it away if sign < 0.  What the total keeps is allocated
 * in 'memory'.
 */
extern void total_add_numeric(ExactTotal *total, Datum value, int sign,
							  MemoryContext memory);

/*
 * What it comes to, in the current context; false if no numeric is as large as
 * that.
 */
extern bool total_of_numerics(const ExactTotal *total, Numeric *result);

/* Of floating-point values: sum + large * 2^600. */
typedef struct FloatTotal
{
	float8		sum;
	float8		large;
} FloatTotal;

extern void total_add_float(FloatTotal *total, float8 value);

/* What it comes to; false if that is too large and no value is infinite. */
extern bool total_of_floats(const FloatTotal *total, float8 *result);

/* ---- what each row costs ---- */

/* Add to a number of 64 bits, or take away; false if it does not fit. */
static inline bool
total_add_signed(int64 *sum, int64 value, int sign)
{
	int64		result;

	if (sign > 0 ?
		pg_add_s64_overflow(*sum, value, &result) :
		pg_sub_s64_overflow(*sum, value, &result))
		return false;
	*sum = result;
	return true;
}

static inline void
total_add_whole(ExactTotal *total, int64 value, int sign, MemoryContext memory)
{
	if (!total_add_signed(&total->whole, value, sign))
		total_add_numeric(total, NumericGetDatum(int64_to_numeric(value)), sign,
						  memory);
}

#endif							/* SEGMENT_TOTAL_H */
