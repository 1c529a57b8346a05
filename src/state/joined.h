/*-------------------------------------------------------------------------
 *
 * joined.h
 *	  The columns of a state as one value, private to this room.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_JOINED_H
#define SEGMENT_JOINED_H

#include "fmgr.h"
#include "utils/expandeddatum.h"

#include "state/state.h"

/* Makes the bytes of one value of a state, in the current context. */
typedef Datum (*JoinedWrite) (Datum state);

/* The columns that are joined, without those that are NULL. */
typedef struct Joined
{
	ExpandedObjectHeader header;
	JoinedWrite write;
	int			ncolumns;
	Datum		columns[STATE_COLUMNS];
	struct varlena *flat;		/* as one value; NULL until asked for */
} Joined;

/*
 * The result of a function of tail, middle and body: the tail if there is
 * nothing else, and else a value that points at them, and that 'write' writes
 * when somebody wants to keep or print it.
 */
extern Datum joined_result(FunctionCallInfo fcinfo, JoinedWrite write);

/* What joined_result() has made, or NULL. */
extern const Joined *joined_of(Datum state);

#endif							/* SEGMENT_JOINED_H */
