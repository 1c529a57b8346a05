/*-------------------------------------------------------------------------
 *
 * batch.h
 *	  What statements did to profiles, until it is applied.
 *
 *		capture.c		which statements are one batch, and when is it whole?
 *		contribution.c	rows of one source ─► a delta per profile
 *		spilled_rows.c	the rows for which memory has no room
 *		delta_stream.c	the deltas of one profile after the other
 *		apply_batch.c	deltas of one profile ─► its row
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_BATCH_H
#define SEGMENT_BATCH_H

#include "utils/tuplestore.h"

#include "source/source.h"
#include "trait/trait.h"

/* Rows of a statement that are not folded yet: see spilled_rows.c. */
typedef struct SpilledRows SpilledRows;

/* What one source contributed to a batch within one subtransaction. */
typedef struct Contribution
{
	MemoryContext context;		/* holds all of it */
	MemoryContext row;			/* holds the key of one row */
	const Source *source;
	const TraitProgram *program;
	SubTransactionId subid;
	struct touched_hash *profiles;
	Size		most;			/* bytes for the deltas of 'profiles' */
	bool		full;			/* no profile is added to these any more */
	SpilledRows *spilled;		/* NULL: no rows */
	int			truncations;	/* how often the source lost all rows */
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

/* contribution_end() frees a contribution and its files. */
extern void contribution_end(Contribution *contribution);

/* spilled_rows.c: the rows for which memory has no room ------------------ */

/* spilled_create() makes an empty collection, in the current context. */
extern SpilledRows *spilled_create(const Population *population,
								   const TraitProgram *program);
/* Can rows of a program be spilled?  Not if they have too many columns. */
extern bool spilled_possible(const TraitProgram *program);

/*
 * spilled_put() keeps a row that came (sign +1) or went (-1) after so many
 * truncations.  'row' is NULL if it is only counted.
 */
extern void spilled_put(SpilledRows *spilled, Datum key, TupleTableSlot *row,
						int sign, int truncations);

/* spilled_sort() sorts what was put by key, and reads the first row. */
extern void spilled_sort(SpilledRows *spilled);
/* The key of the row that was read; false if there are no more rows. */
extern bool spilled_key(const SpilledRows *spilled, Datum *key);

/*
 * spilled_fold() folds the row that was read into the delta of its profile,
 * and reads the next one.  After 'truncations' the rows of earlier ones are
 * only counted.
 */
extern void spilled_fold(SpilledRows *spilled, TraitDelta *delta,
						 int truncations, MemoryContext memory);
extern void spilled_end(SpilledRows *spilled);

/* delta_stream.c: the deltas of one profile after the other -------------- */

/* A profile's delta from one of several contributions. */
typedef struct ProfileDelta
{
	Datum		key;
	int			contribution;	/* index in the list of them */
	TraitDelta *delta;
} ProfileDelta;

/* The deltas of one profile, in the order of the contributions. */
typedef struct ProfileDeltas
{
	const ProfileDelta *deltas;
	int			count;
} ProfileDeltas;

/* The deltas of contributions to one population, in the order of keys. */
typedef struct DeltaStream DeltaStream;

/* The stream lives in the current context. */
extern DeltaStream *deltas_begin(List *contributions);
/* The deltas of the next profile; false if there is none. */
extern bool deltas_next(DeltaStream *stream, ProfileDeltas *profile);
/* Has the stream ended? */
extern bool deltas_ended(const DeltaStream *stream);
/* Does what the stream returned so far take more than work_mem? */
extern bool deltas_full(const DeltaStream *stream);
/* Free what the stream returned so far. */
extern void deltas_forget(DeltaStream *stream);
extern void deltas_end(DeltaStream *stream);

/*
 * contribution_deltas() writes the deltas that a contribution has in memory to
 * an array, with its index, and returns how many; the array may be NULL.
 */
extern int64 contribution_deltas(const Contribution *contribution, int index,
								 ProfileDelta *deltas);

/* apply_batch() applies contributions to the profiles that they touched. */
extern void apply_batch(List *contributions);

#endif							/* SEGMENT_BATCH_H */
