/*-------------------------------------------------------------------------
 *
 * instant.h
 *	  The clock as a parameter, private to the room of audiences.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_INSTANT_H
#define SEGMENT_INSTANT_H

#include "nodes/execnodes.h"
#include "nodes/params.h"
#include "utils/timestamp.h"

/*
 * An instant as of which expressions are evaluated.  An expression context that
 * has its parameters evaluates what instant_bind() made of an expression.
 */
typedef struct Instant Instant;

/* In the current context, to which all that is bound to it belongs. */
extern Instant *instant_create(void);
extern ParamListInfo instant_parameters(Instant *instant);

extern void instant_set(Instant *instant, TimestampTz at);

/*
 * segment.now(), and what is computed from it and constants alone, become
 * parameters: the latter are computed once for an instant.  And back, but for
 * segment.now() itself, which is $1; that is a copy in the current context.
 */
extern Expr *instant_bind(Instant *instant, Expr *expr);
extern Expr *instant_unbind(const Instant *instant, Expr *expr);

/* segment.now() alone becomes $1; false for an expression without it. */
extern Expr *clock_as_parameter(Expr *expr);
extern bool clock_is_part(const Expr *expr);

#endif							/* SEGMENT_INSTANT_H */
