/*-------------------------------------------------------------------------
 *
 * batch.h
 *	  What statements did to profiles, until it is applied.
 *
 *		capture.c		which statements are one batch, and when is it whole?
 *		contribution.c	rows of one source ─► a delta per profile
 *		apply_batch.c	deltas of one profile ─► its row
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_BATCH_H
#define SEGMENT_BATCH_H

#include "utils/tuplestore.h"

#include "source/source.h"
#include "trait/trait.h"

/* What one source contributed to a batch within one subtransaction. */
typedef struct Contribution
{
	MemoryContext context;		/* holds all of it */
	MemoryContext row;			/* holds the key of one row */
	const Source *source;
	const TraitProgram *program;
	SubTransactionId subid;
	struct touched_hash *profiles;
} Contribution;

/*
 * contribution_create() makes an empty one in a memory context of its own
 * below 'parent'.
 */
extern Contribution *contribution_create(MemoryContext parent,
										 const Source *source,
										 const TraitProgram *program);

/*
 * contributions_add_rows() folds rows of a table that went and that came, both
 * or one of them (NULL: none), into the deltas of their profiles: for all
 * sources that the table is (Contribution *), so that a row is read once.
 * contributions_add_row() is the same for one row.
 * contributions_add_truncated() notes that the table is about to be truncated.
 */
extern void contributions_add_rows(List *contributions, Relation relation,
								   Tuplestorestate *went,
								   Tuplestorestate *came);
extern void contributions_add_row(List *contributions, TupleTableSlot *went,
								  TupleTableSlot *came);
extern void contributions_add_truncated(List *contributions,
										Relation relation);

/* A profile's delta from one of several contributions. */
typedef struct ProfileDelta
{
	Datum		key;
	int			contribution;	/* index in the list of them */
	TraitDelta *delta;
} ProfileDelta;

/*
 * contributions_deltas() lists the deltas of contributions to one population,
 * in the order of keys and for one key in that of the contributions.  Returns
 * how many; the array is in the current context.
 */
extern int64 contributions_deltas(List *contributions, ProfileDelta **deltas);

/* apply_batch() applies contributions to the profiles that they touched. */
extern void apply_batch(List *contributions);

#endif							/* SEGMENT_BATCH_H */
