/*-------------------------------------------------------------------------
 *
 * program.h
 *	  The program of a source: its stored traits, compiled; private to this
 *	  room.
 *
 * program.c makes a program, program_run.c folds rows into deltas and applies
 * these, source_query.c reads the source again.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_PROGRAM_H
#define SEGMENT_PROGRAM_H

#include "executor/spi.h"
#include "nodes/execnodes.h"

#include "trait/trait_private.h"

/* An expression over the source's row, evaluated at most once per row. */
typedef struct RowValue
{
	Expr	   *expr;
	ExprState  *state;
	Datum		value;
	bool		isnull;
	uint64		row;			/* the row for which it was evaluated */
	int16		typlen;
	bool		typbyval;

	/* of a condition that compares a numeric of the row with a number: */
	uint8		outcomes;		/* with which it is true; 0: it does not */
	int			numeric;		/* which of the program's */
	int64		compared;		/* the number, in ten-thousandths */
} RowValue;

/* Outcomes of a comparison. */
#define OUTCOME_LESS		1
#define OUTCOME_EQUAL		2
#define OUTCOME_GREATER		4

/* A numeric of the row that conditions compare. */
typedef struct RowNumeric
{
	AttrNumber	attno;
	bool		everyday;		/* of the current row: is it one? */
	int64		fixed;			/* in ten-thousandths, if so */
} RowNumeric;

/*
 * Which steps a row concerns is said by a bit of each: of so many in one
 * number, and so in one column of a row that is folded later.
 */
#define STEPS_PER_COLUMN	64

/* A stored trait, ready to run. */
typedef struct Step
{
	BoundTrait	bound;
	RowValue   *value;			/* NULL: rows are counted */
	RowValue   *where;			/* NULL: all rows */
	Size		delta;			/* offset of its delta in a TraitDelta */
	uint64		sharing;		/* the steps that share it, by 'input.step' */
	AttrNumber	columns[AGGREGATE_COLUMNS]; /* in the base table */
	char	   *description;	/* of the trait and its users, for errors */
	int32		build;			/* as in StoredTrait */

	/* of a window: which events are kept, as of an instant */
	Window	   *window;
	bool		kept_known;
	TimestampTz kept_now;
	TimeRange	kept;
} Step;

struct TraitProgram
{
	const Source *source;
	FilterScope *scope;			/* of its row; NULL: no step is bound */
	int			nsteps;
	Step	   *steps;
	AttrNumber	build_column;	/* PROFILE_BUILD_COLUMN, if there is one */
	Size		delta_size;
	List	   *values;			/* all RowValues, each once; the key's too */
	RowValue   *time;			/* NULL for an attribute source */
	RowValue   *filter;			/* of the source; NULL: all rows are its */
	int			nshared;		/* numerics of the row that several read: */
	AttrNumber *shared;
	Datum	   *packed;			/* as the row has them */
	int			nnumerics;		/* those that conditions compare */
	RowNumeric *numerics;
	List	   *kept;			/* the RowValues that a row keeps which is
								 * folded later: of steps, and the time */
	Bitmapset  *columns;		/* of the joined row, as pull_varattnos() */
	AttrNumber	counted;		/* the column that counts the rows of a source
								 * with links */
	ExprContext *econtext;
	uint64		row;			/* numbers the rows evaluated */
	const Step *running;		/* what an error comes from: this step, */
	const RowValue *evaluated;	/* or the first one that needs this value */
	bool		by_index;		/* the source joins by index */
	SPIPlanPtr	recount;		/* the same, and counts; NULL: not yet made */
	SPIPlanPtr	reread;			/* saved plan, made when first needed */
};

/* program.c: an error context callback, whose argument is a TraitProgram */
extern void in_program(void *program);

/*
 * comparison.c: note whether a condition compares a numeric of the row with a
 * number; and read these numerics of a row, before comparison_true().
 */
extern void comparison_note(TraitProgram *program, RowValue *value);
extern void comparison_read_row(TraitProgram *program, TupleTableSlot *row);

/*
 * comparison_true() says whether the condition is true of the row; *known is
 * false if only the server can tell.
 */
static inline bool
comparison_true(const TraitProgram *program, const RowValue *value,
				bool *known)
{
	const RowNumeric *numeric;

	*known = false;
	if (value->outcomes == 0)
		return false;
	numeric = &program->numerics[value->numeric];
	*known = numeric->everyday;
	return (value->outcomes &
			(numeric->fixed < value->compared ? OUTCOME_LESS :
			 numeric->fixed > value->compared ? OUTCOME_GREATER :
			 OUTCOME_EQUAL)) != 0;
}

#endif							/* SEGMENT_PROGRAM_H */
