/*-------------------------------------------------------------------------
 *
 * moment.h
 *	  Filters on a row at an instant, private to the room of audiences.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_MOMENT_H
#define SEGMENT_MOMENT_H

#include "nodes/execnodes.h"
#include "utils/timestamp.h"

/* segment.now() becomes a parameter, $1. */
extern Expr *clock_as_parameter(Expr *expr);

/*
 * What filters have in common that is dear to compute: each such part is a
 * parameter from $2 on.  Made in the current context, to which all that is bound
 * to it belongs.
 */
typedef struct SharedExprs SharedExprs;

extern SharedExprs *shared_exprs_create(void);

/*
 * SharedExprs of an expression, and segment.now(), become parameters; and they are
 * what they were again, but for segment.now(), in a copy in the current context.
 * An expression without the clock stays as it is.
 */
extern Expr *shared_exprs_bind(SharedExprs *parts, Expr *expr);
extern Expr *shared_exprs_unbind(const SharedExprs *parts, Expr *expr);

/*
 * A row at an instant.  What was bound is evaluated in its context, and a part
 * of it is computed when it is first asked for.  The row is whatever is in the
 * slot, until the next moment_set().
 */
typedef struct Moment Moment;

extern Moment *moment_create(SharedExprs *parts);
extern void moment_set(Moment *moment, TupleTableSlot *row, TimestampTz at);
extern TupleTableSlot *moment_row(const Moment *moment);
extern TimestampTz moment_at(const Moment *moment);
extern ExprContext *moment_context(Moment *moment);

#endif							/* SEGMENT_MOMENT_H */
