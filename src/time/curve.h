/*-------------------------------------------------------------------------
 *
 * curve.h
 *	  What an expression does while time passes and nothing else happens,
 *	  private to the room of audiences.
 *
 *		last_order_at + '1 day' < timezone('Europe/Copenhagen', timezone(
 *							'Europe/Copenhagen', now) - '30 days')
 *
 *		COMPARISON
 *		├─ STILL		last_order_at + '1 day'
 *		└─ FROM_LOCAL	goes up, but for where clocks are set
 *		   └─ SHIFT		by -30 days
 *			  └─ TO_LOCAL
 *				 └─ NOW	goes up
 *
 * A curve is made of a compiled expression (curve.c), and asked for how long its
 * value stays the same (steady.c).
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_CURVE_H
#define SEGMENT_CURVE_H

#include "fmgr.h"
#include "nodes/execnodes.h"
#include "pgtime.h"

#include "base/base.h"
#include "trait/trait.h"

typedef enum TimeExprKind
{
	TIME_STILL,				/* the clock is no part of it */

	/* lines: they rise and fall with time, but for turns of clock and calendar */
	TIME_NOW,
	TIME_TO_LOCAL,				/* instant to local time of 'zone' */
	TIME_FROM_LOCAL,			/* and back */
	TIME_LOCAL_DAY,			/* instant to its day in 'zone' */
	TIME_DAY_START,			/* and to the first instant of that */
	TIME_SHIFT,				/* time, span or days to add; 'sign' */
	TIME_TRUNCATE,				/* time, to the beginning of its 'unit' */
	TIME_YEAR,					/* of a time: the number of its year */
	TIME_SAME,					/* another type, the same order */
	TIME_ELAPSED,				/* to, from: the time between */
	TIME_SUM,					/* numbers; 'sign' of the second */
	TIME_PRODUCT,				/* numbers; 'sign' < 0: divided by the second */
	TIME_CHOICE,				/* the least or greatest of several */
	TIME_COALESCE,				/* the first that is not null */

	/* and these have one value for a while, and then another */
	TIME_FIELD,				/* time: which of its 'unit' it is in */
	TIME_WINDOW,				/* events that count 'during' a window */
	TIME_ANNIVERSARY,			/* day, from, to */
	TIME_COMPARISON,			/* two of which one is compared with the other */
	TIME_ALL,					/* and: false where one of them is */
	TIME_ANY,					/* or: true where one of them is */
	TIME_IS_SET,				/* is it null? */
	TIME_OTHER,				/* whatever it does, it does it to its parts */
} TimeExprKind;

#define TIME_IS_LINE(curve)	((curve)->kind >= TIME_NOW && (curve)->kind <= TIME_COALESCE)

typedef struct TimeExpr
{
	TimeExprKind	kind;
	Expr	   *expr;
	ExprState  *state;			/* NULL until it is first needed */
	Oid			type;
	int			nargs;
	struct TimeExpr **args;

	WindowKind	window;			/* of WINDOW; OTHER if it can have no margin */
	const Window *during; /* of WINDOW */
	bool		loose;			/* of conditions: null is as good as false */
	pg_tz	   *zone;
	int			sign;
	bool		jumps;			/* a line of whole numbers */
	bool		may_end;		/* a line that may leave what its type can hold, and
								 * be null from then on, or until then */
	CalendarUnit unit;
	int			first;			/* of FIELD: the numbers that it may be */
	int			last;
	int64		length;			/* what truncation takes away at most, in
								 * microseconds */
	bool		strictly[3];	/* of COMPARISON: true where the first argument
								 * is less, equal, greater */
	FmgrInfo	compare;		/* two values of a line; of COMPARISON, the line's
								 * with the other one's */

	/*
	 * Of a line that moves with the clock alone: how long after a time, at least
	 * and at most, does it pass that time?  In microseconds.
	 */
	bool		free;
	bool		measured;		/* are the following known? */
	bool		reaches;		/* else it cannot be said */
	int64		soonest;
	int64		latest;
	/*
	 * Of what does not move and is a time and a span: the time, and how much later
	 * it is, at least and at most.  NULL if it is not of that kind.
	 */
	struct TimeExpr *base;
	int64		least;
	int64		most;

	TimestampTz still_from;		/* if it jumps: it is known to be the same */
	TimestampTz still_until;	/* from then until just before then */
} TimeExpr;

/*
 * Of an expression over range table entry 1, in the current context.  'loose': it
 * is a condition, and whoever asks takes null for false.
 */
extern TimeExpr *time_expr_make(Expr *expr, bool loose);

/*
 * What is needed to follow curves: the row is the context's scan tuple, and
 * what it evaluates to lives in the context until that is reset.
 */
extern ExprContext *time_expr_context(void);
extern Datum time_expr_value(TimeExpr *curve, ExprContext *econtext,
						 TimestampTz at, bool *isnull);

/*
 * steady.c: on that row the condition holds, or does not, at all times from 'from'
 * until just before the instant returned, which is after 'from'; DT_NOEND: for ever.
 * It may still be the same then: see there for when it is exact.
 */
extern TimestampTz time_expr_stable_until(TimeExpr *curve, ExprContext *econtext,
									  TupleTableSlot *row, TimestampTz from);

/* What is to be known of a curve on a row from 'from' on. */
typedef struct TimeQuestion
{
	ExprContext *econtext;
	TupleTableSlot *row;
	TimestampTz from;
	TimestampTz most;			/* nothing later is of interest */
	const WindowMargin *margin; /* of one whose 'window' is not OTHER: it may
								 * change as far as that; or NULL */
} TimeQuestion;

/*
 * The same for a fraction of the price: days before anything can happen, the
 * instant returned is the first at which it might, not that at which it does; or
 * 'most'.
 */
extern TimestampTz time_expr_stable_at_least_until(TimeExpr *curve, const TimeQuestion *question);

/*
 * A comparison of the row with the clock: does what moves lie below the other,
 * for sure (-1), or above (1)?  0: it would have to be evaluated.
 */
extern int	time_expr_side(TimeExpr *curve, ExprContext *econtext, TimestampTz at);

/*
 * solvable.c: is it known when the value changes?  If not, it may be another at
 * any microsecond.  And does a line stay the same for a while, and then is
 * another?
 */
extern bool time_expr_is_predictable(const TimeExpr *curve);
extern bool time_expr_jumps(const TimeExpr *line);

#endif							/* SEGMENT_CURVE_H */
