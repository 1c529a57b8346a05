/*-------------------------------------------------------------------------
 *
 * line.h
 *	  Lines and the values they pass, private to steady.c and line.c.
 *
 *		line.c		when does a line pass a value?
 *		steady.c	and for how long is what is made of such answers the same?
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_LINE_H
#define SEGMENT_LINE_H

#include "common/int.h"

#include "time/curve.h"

typedef enum Trend
{
	TREND_FALLS = -1,
	TREND_STEADY = 0,
	TREND_RISES = 1,
} Trend;

/* What is followed: lines on a row.  Instants are found from 'from' on. */
typedef struct Followed
{
	ExprContext *econtext;
	TimestampTz from;
	bool		coarsely;		/* when something may happen is enough */
	const WindowMargin *margin; /* of the curve itself, if it is a window */
} Followed;

/* A value that a line may pass. */
typedef struct Mark
{
	Datum		value;
	FmgrInfo   *compare;		/* the line's value with this one */
	bool		scaled;			/* is it between two numbers? */
	int64		low;			/* microseconds, or plain numbers */
	int64		high;
} Mark;

extern Mark mark_of(Oid type, Datum value, FmgrInfo *compare);

/* steady.c ------------------------------------------------------------------- */

/*
 * Lower *until such that the value is the same up to it; of a loose condition,
 * such that it is true up to it, or not.
 */
extern void steady(TimeExpr *curve, Followed *followed, TimestampTz *until);
/* All of which it is made. */
extern void steady_parts(TimeExpr *curve, Followed *followed, TimestampTz *until);

/* line.c --------------------------------------------------------------------- */

/*
 * Lower *until such that up to it the line consists of the clock and of what
 * does not move.  Then it is null or not, and stays so.
 */
extern void line_settle(TimeExpr *line, Followed *followed, TimestampTz *until);

/*
 * Lower *until to the first instant at which the line is on the other side of
 * the mark: side[0] is true where it is below, [1] on it, [2] above.
 */
extern void line_stays(TimeExpr *line, Followed *followed, const Mark *mark,
					   const bool *side, TimestampTz *until);

/*
 * Lower *until such that the line does nothing but rise, or fall, or neither,
 * between 'from' and there.
 */
extern Trend line_trend(TimeExpr *line, Followed *followed, TimestampTz from,
						TimestampTz *until);

/*
 * Is the line a sum of the clock and constants, but for turns of clock and
 * calendar?  Then how long after a time it passes it is known within limits that
 * are the same for all times.
 */
extern bool line_reaches(TimeExpr *line, Followed *followed);

/* a + b, or the most that there is */
static inline int64
plus(int64 a, int64 b)
{
	int64		sum;

	if (!pg_add_s64_overflow(a, b, &sum))
		return sum;
	return a < 0 ? PG_INT64_MIN : PG_INT64_MAX;
}

static inline int64
minus(int64 a, int64 b)
{
	int64		difference;

	if (!pg_sub_s64_overflow(a, b, &difference))
		return difference;
	return a < 0 ? PG_INT64_MIN : PG_INT64_MAX;
}

#endif							/* SEGMENT_LINE_H */
