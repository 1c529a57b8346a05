/*-------------------------------------------------------------------------
 *
 * index.h
 *	  The conditions that filters are made of, by what they look at; private to
 *	  the room of audiences.
 *
 *		index.c		makes it, and keeps it
 *		touch.c		which filters can a change of a row touch?
 *		wake.c		which can time touch, and when?
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_INDEX_H
#define SEGMENT_INDEX_H

#include "nodes/execnodes.h"
#include "utils/hsearch.h"

#include "audience/audience_private.h"
#include "time/curve.h"
#include "time/moment.h"

/* An audience, as far as events are concerned. */
typedef struct Watched
{
	char	   *name;
	int32		definition_id;
	ExprState  *filter;			/* NULL until it is first needed */
	uint64		touched;		/* by which change, last */
	bool		untried;		/* does it bind?  nobody knows yet */
	char	   *broken;			/* why it does not bind, or NULL */
} Watched;

/* Where a condition changes from false to true, or the other way round. */
typedef struct Threshold
{
	Datum		value;
	int64		key;			/* the same as a number, if all have one */
	int			audience;		/* in the index's list */
	bool		after;			/* just after the value, else just before */
} Threshold;

typedef struct Thresholds
{
	int			count;
	int			space;
	bool		keyed;			/* have all a key, by which they are ordered? */
	Threshold  *list;			/* ascending */
} Thresholds;

/* Those who look for a value.  A leaf looks for one, or for several (in). */
typedef struct Sought
{
	Datum		value;
	uint32		hash;
	int			leaf;			/* numbered within the subject */
	int			audience;
	int			next;			/* with the same place in the table, or -1 */
} Sought;

/*
 * What time changes: a subject or a leaf.
 */
typedef struct Timed
{
	TimeExpr	   *curve;
	int			audience;		/* the first whose filter this is of */
	struct Subject *subject;	/* either */
	struct Leaf *leaf;			/* or */
	uint64		stirred;		/* by which change, last */
	TimestampTz next;			/* it is as it is until then; see wake.c */
} Timed;

/*
 * What constants of one type are compared with.
 */
typedef struct Subject
{
	Expr	   *expr;
	int			audience;		/* the first whose filter this is of */
	Oid			expr_type;
	ExprState  *state;			/* NULL if it is a column */
	Timed	   *timed;			/* NULL if the clock is no part of it */
	AttrNumber	column;			/* InvalidAttrNumber if it is none */
	Bitmapset  *columns;		/* what it is computed from */
	Oid			type;			/* of the constants */
	Oid			collation;
	int16		typlen;
	bool		typbyval;
	FmgrInfo	compare;		/* the subject's value with a constant */
	FmgrInfo	compare_constants;
	Thresholds	above;			/* true above: > and >= */
	Thresholds	below;			/* true below: < and <= */

	bool		hashed;			/* can values be sought? */
	FmgrInfo	hash;
	FmgrInfo	equal;
	int			nleaves;
	int			nsought;
	int			sought_space;
	Sought	   *sought;
	int			nplaces;		/* a power of two; 0 until the table is made */
	int		   *places;
	uint64		known;			/* by which change its value was looked at, last */
	int64		key;			/* and that, as a number */
	uint64	   *leaf_met;		/* by which change a leaf's value was met */
} Subject;

/* A condition of another kind, and who has it. */
typedef struct Leaf
{
	uint64		hash;			/* hash key: of its printed form */
	Expr	   *expr;
	ExprState  *state;			/* NULL until it is first needed */
	Timed	   *timed;			/* NULL if the clock is no part of it */
	Bitmapset  *columns;
	List	   *audiences;		/* integers */
	struct Leaf *next;			/* another with the same hash */
} Leaf;

/* What has to be looked at when a column has changed. */
typedef struct Column
{
	AttrNumber	number;
	bool		typbyval;
	int16		typlen;
	List	   *subjects;
	List	   *leaves;
} Column;

struct AudienceIndex
{
	const Population *population;	/* a copy */
	int			nwatched;
	Watched    *watched;		/* in the order of audience_list() */
	List	   *subjects;
	HTAB	   *leaves;
	int			ncolumns;
	Column	   *columns;
	List	   *broken;			/* integers: stored audiences that do not bind */
	List	   *matches_empty;		/* integers: those that may hold for the blank */
	List	   *timed;			/* Timed * */
	SharedExprs	   *parts;			/* what they have in common */
	Moment	   *before;			/* the change that is asked about */
	Moment	   *after;			/* or what is looked at, if there is none */
	ExprContext *curves;		/* to follow curves */
	int			asked;			/* of whom something is evaluated; -1: of nobody */
	uint64		change;			/* numbers the changes asked about */
	int		   *touched;		/* answer: places in 'watched' */
	int			ntouched;
};

/* Keys of values: see touch.c. */
extern bool value_key(Oid type, Datum value, int64 *key);

/* touch.c: begin a change, and look for what it touches. */
extern void touch_begin(AudienceIndex *index,
						TupleTableSlot *before, TimestampTz before_at,
						TupleTableSlot *after, TimestampTz after_at);
extern void subject_touch(AudienceIndex *index, Subject *subject);
extern void leaf_touch(AudienceIndex *index, Leaf *leaf);
/* What does it come to after the change?  For subject_margin(). */
extern void subject_look(AudienceIndex *index, Subject *subject);
/*
 * Between which numbers does nobody notice a change of it?  False if it was not
 * touched or looked at in this change, or cannot be said.
 */
extern bool subject_margin(AudienceIndex *index, const Subject *subject,
						   WindowMargin *margin);
/* How many it touched, made ready to be evaluated. */
extern int	touch_end(AudienceIndex *index, const int **touched);

/* index.c */
extern void index_prepare(AudienceIndex *index, const int *places,
								int count);

#endif							/* SEGMENT_INDEX_H */
