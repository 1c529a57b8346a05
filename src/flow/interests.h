/*-------------------------------------------------------------------------
 *
 * interests.h
 *	  What guests of the corridor want of the rows of a source.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_INTERESTS_H
#define SEGMENT_INTERESTS_H

#include "access/htup.h"
#include "access/tupdesc.h"
#include "nodes/bitmapset.h"
#include "nodes/execnodes.h"

#include "flow/batch.h"
#include "flow/flow.h"

struct FlowInterest
{
	void	   *owner;
	ExprState  *where;			/* NULL: all rows */
	int			nvalues;
	ExprState **values;
	TupleDesc	desc;			/* of the values */
	Bitmapset  *columns;		/* of the joined row, as pull_varattnos() */
	ExprContext *econtext;
};

/* The interest of one guest. */
typedef struct Interest
{
	const FlowGuest *guest;
	const FlowInterest *what;
} Interest;

struct Interests
{
	const Source *source;
	int			count;
	Interest	each[FLEXIBLE_ARRAY_MEMBER];
};

/* What a guest wants of a row. */
struct GuestRow
{
	GuestRow   *next;
	const Interest *interest;
	int			sign;
	MinimalTuple values;
};

/* interest_show() is a row as its guest sees it, in the current context. */
extern void interest_show(const GuestRow *row, FlowRow *visible);

#endif							/* SEGMENT_INTERESTS_H */
