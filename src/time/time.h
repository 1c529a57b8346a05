/*-------------------------------------------------------------------------
 *
 * time.h
 *	  Until when is the value of an expression what it is, while nothing but
 *	  time passes?
 *
 *		last_order_at < now - 30 days		false, and true from 30 days after
 *											last_order_at on
 *
 * A TimeExpr is a compiled expression of which is known what it does with the
 * clock.  A TimeExpr is asked for how long its value on a row lasts.
 *
 * A Moment evaluates filters on a row as of any instant.  What the filters
 * have in common is computed once (SharedExprs).
 *
 * A TimedFilter is one filter, which is asked when it changes for a row.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_TIME_H
#define SEGMENT_TIME_H

#include "datatype/timestamp.h"
#include "nodes/execnodes.h"

#include "filter/filter.h"

struct WindowMargin;

/* time_expr.c, kind.c: what an expression does with the clock ------------- */

/* A compiled expression, and what the clock does in it. */
typedef struct TimeExpr TimeExpr;

/*
 * Make a TimeExpr of a compiled expression over range table entry 1, in the
 * current context.  'null_is_false': the expression is a condition, and its
 * caller makes no difference between null and false.
 */
extern TimeExpr *time_expr_make(Expr *expr, bool null_is_false);

/*
 * Make the context in which TimeExprs are evaluated.  The row is the context's
 * scan tuple; values live in its per-tuple memory.
 */
extern ExprContext *time_expr_context(void);

/*
 * Does the value only rise, or only fall, between two turns of clock or
 * calendar?  Then time alone changes a comparison with a constant.
 */
extern bool time_expr_is_monotone(const TimeExpr *expr);

/*
 * Is it known when the value changes?  If not, each microsecond may be the
 * next change, as far as this room can tell.
 */
extern bool time_expr_is_predictable(const TimeExpr *expr);

/* stable.c: for how long does a value last? ------------------------------- */

/* What is asked of a TimeExpr: its value on a row, from an instant on. */
typedef struct TimeQuestion
{
	ExprContext *econtext;
	TupleTableSlot *row;
	TimestampTz from;
	TimestampTz most;			/* no later answer is of interest */

	/*
	 * How far the value may go without that being a change; NULL: not at all.
	 * Only for an expression that takes a margin.
	 */
	const struct WindowMargin *margin;
} TimeQuestion;

/*
 * The instant, after the question's 'from', until just before which the value
 * stays the same; 'most' if it stays until then.  The answer is cheap and may
 * be early: days before a change it is the first instant at which the change
 * might come.  The answer is never later than the change.
 */
extern TimestampTz
			time_expr_stable_at_least_until(TimeExpr *expr,
											const TimeQuestion *question);

/* Is the expression a window that counts or sums, and so takes a margin? */
extern bool time_expr_takes_margin(const TimeExpr *expr);

/*
 * Of a comparison of the clock with the row: does the operand that moves
 * certainly lie below the other one at that instant (-1), or above (1)?  0:
 * the comparison has to be evaluated.
 */
extern int	time_expr_side(TimeExpr *expr, ExprContext *econtext,
						   TimestampTz at);

/* moment.c: filters on a row as of an instant ----------------------------- */

/*
 * Common subexpressions of several filters that are expensive to compute.
 * Made in the current context, which also holds all expressions that are
 * bound.
 */
typedef struct SharedExprs SharedExprs;

/* Begin without any shared expression; binding adds them. */
extern SharedExprs *shared_exprs_create(void);

/*
 * Replace segment.now() by parameter $1, and each shared expression by a
 * parameter from $2 on.  An expression without the clock is returned as it is.
 */
extern Expr *shared_exprs_bind(SharedExprs *shared, Expr *expr);

/*
 * Copy an expression that was bound into the current context, with the shared
 * expressions in the place of their parameters.  The clock remains $1.
 */
extern Expr *shared_exprs_unbind(const SharedExprs *shared, Expr *expr);

/*
 * A row at an instant.  Bound expressions are evaluated in its context, and a
 * shared expression is computed when it is first asked for.  The row is
 * whatever the slot holds, until the next moment_set().
 */
typedef struct Moment Moment;

/* Make a moment for expressions bound to 'shared', in the current context. */
extern Moment *moment_create(SharedExprs *shared);
/* Set row and instant, and forget the values of shared expressions. */
extern void moment_set(Moment *moment, TupleTableSlot *row, TimestampTz at);
/* The row that was set last, and the instant. */
extern TupleTableSlot *moment_row(const Moment *moment);
extern TimestampTz moment_at(const Moment *moment);
/* The context in which bound expressions are evaluated at this moment. */
extern ExprContext *moment_context(Moment *moment);

/* next_change.c: the instants at which a filter changes ------------------- */

/*
 * A filter over the rows of a relation, as of any instant.  Made in the
 * current context, and good as long as that and the definitions.
 */
typedef struct TimedFilter TimedFilter;

/* Compile a filter over the rows of 'relation'. */
extern TimedFilter *timed_filter_make(Oid relation, const FilterNode *filter);

/*
 * The first instant after 'after' at which the filter begins or ceases to hold
 * for the row; DT_NOEND: none is known.
 */
extern TimestampTz timed_filter_next_change(TimedFilter *timed,
											TupleTableSlot *row,
											TimestampTz after);

#endif							/* SEGMENT_TIME_H */
