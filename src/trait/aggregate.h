/*-------------------------------------------------------------------------
 *
 * aggregate.h
 *	  The interface of an aggregate, private to this room.
 *
 * An aggregate keeps its state in a few columns of the profile's row and
 * is told what changed:
 *
 *		max(orders.amount)		state: s7 numeric
 *
 *		INSERT 30, 50			accumulate(30, +1) accumulate(50, +1)
 *								apply: s7 = greatest(s7, 50)
 *		DELETE the 50			accumulate(50, -1)
 *								apply: 50 was the maximum, and the next one is
 *								not in the row: RECOMPUTE
 *
 * Each aggregate is one struct of this type; min and max, and first and last,
 * share their functions.  The same aggregate as SQL (for the whole population,
 * for one profile, for verification) stands in the same file, so that both are
 * read together.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_AGGREGATE_H
#define SEGMENT_AGGREGATE_H

#include "fmgr.h"
#include "lib/stringinfo.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

#include "state/state.h"

#define AGGREGATE_COLUMNS	5	/* the most columns that a state needs */

/* The type of the values that are aggregated, and how they are compared. */
typedef struct AggregateInput
{
	Oid			type;			/* of the value; InvalidOid where rows alone
								 * are counted */
	int32		typmod;
	Oid			collation;
	int16		typlen;
	bool		typbyval;
	FmgrInfo   *compare;		/* btree comparison; NULL if there is none */
	bool		alike;			/* do equal values always look the same? */

	/* of a step of a program, whose delta keeps rows: see 'keeps' */
	uint64		step;			/* its bit in AggregateRow.steps */
	TypeCacheEntry *kept;		/* the type of the values; NULL: none */
} AggregateInput;

/* A column that a state needs in the base table. */
typedef struct AggregateColumn
{
	const char *suffix;			/* appended to the stored trait's name */
	Oid			type;
	Oid			collation;
	const char *initial;		/* SQL of the value of a profile without
								 * events, or NULL for NULL */
} AggregateColumn;

/* A row of the source, as an aggregate meets it. */
typedef struct AggregateRow
{
	Datum		value;			/* nothing where rows alone are counted */
	bool		isnull;
	TimestampTz at;				/* nothing unless has_at */
	bool		has_at;
	int			sign;			/* +1: the row came; -1: it went */
	uint64		steps;			/* that it concerns, of those of one delta */
} AggregateRow;

/*
 * Which row is better than another for min, max, first and last.  Of equal
 * values it is the one that looks smaller, in each of these orders
 * (ValueOrder).
 */
typedef enum BestOrder
{
	BEST_SMALLEST,				/* the smaller value */
	BEST_LARGEST,				/* the larger value */
	BEST_EARLIEST,				/* the earlier time, then the smaller value */
	BEST_LATEST,				/* the later time, then the smaller value */
} BestOrder;

/* The result of applying a delta to a state. */
typedef enum AggregateResult
{
	AGGREGATE_UNCHANGED,		/* the state is as it was */
	AGGREGATE_CHANGED,			/* the state has new values */
	AGGREGATE_RECOMPUTE,		/* unknown: read the source again */
} AggregateResult;

/* The pieces of SQL that the SQL form of an aggregate is made of. */
typedef struct AggregateSql
{
	const char *value;			/* SQL of the value; NULL: rows are counted */
	const char *at;				/* SQL of the event time as timestamptz; NULL
								 * for an attribute source */
	const char *filter;			/* " FILTER (WHERE ...)", or "" */
	const char *condition;		/* SQL of where as boolean, or "true"; of a
								 * window also that the event may count */
	const char *settled;		/* SQL of the time before which events are
								 * settled: see 'settles' */
} AggregateSql;

typedef struct Aggregate Aggregate;
struct Aggregate
{
	/* as in stored definitions: count, sum, min, max, first, last, list */
	const char *name;

	/*
	 * The function that makes one value of the columns, by which they are
	 * asked and compared; NULL: each stands for itself.
	 */
	const char *joined;

	/*
	 * Are events of values of this type settled when they have counted for a
	 * while, so that what is 'kept' of a window begins there?  NULL: no.
	 */
	bool		(*settles) (const AggregateInput *input);

	/* Is the state one of the values, so that it must look like that one? */
	bool		is_value;

	/* of min, max, first and last */
	BestOrder	order;

	/*
	 * Describe the columns of the state; returns how many there are.  Raises
	 * ERRCODE_DATATYPE_MISMATCH, naming the aggregate and the type, if values
	 * of this type cannot be aggregated so.
	 */
	int			(*columns) (const Aggregate *self,
							const AggregateInput *input,
							AggregateColumn *columns);

	/*
	 * Does the delta keep the rows, and not what they come to?  Then the steps
	 * of a program that keep the same values share one: this says of which
	 * type they are, InvalidOid if only times are kept.  NULL: it does not.
	 */
	Oid			(*keeps) (const Aggregate *self, const AggregateInput *input);

	/*
	 * Fold a row of the statement into a delta of delta_size bytes, which was
	 * zeroed before first use: once for all steps that share it.  Called in a
	 * short-lived memory context: what the delta keeps is copied into
	 * 'memory'.
	 */
	Size		delta_size;
	void		(*accumulate) (const Aggregate *self,
							   const AggregateInput *input, void *delta,
							   const AggregateRow *row, MemoryContext memory);

	/*
	 * Apply a delta to the state's columns, in place.  New by-reference values
	 * are allocated in the current context.  The delta holds all that the
	 * batch did to the profile, in whatever order its triggers fired: a row
	 * that went without having been there came in the same delta.
	 *
	 * 'kept' is NULL without a window.  With one it says which events can
	 * count now or later; the others need not be kept, and may be gone.
	 */
	AggregateResult (*apply) (const Aggregate *self,
							  const AggregateInput *input, const void *delta,
							  const TimeRange *kept,
							  Datum *state, bool *isnull);

	/*
	 * Do two steps that share a delta get the same of it, told by their bits?
	 * Then equal states become equal states.  NULL: nobody knows.
	 */
	bool		(*alike) (const void *delta, uint64 a, uint64 b);

	/*
	 * Append the SQL of one column of the state, as an aggregate expression
	 * over the rows of one profile in the source; for no rows it gives the
	 * initial value.
	 */
	void		(*sql) (const Aggregate *self, const AggregateInput *input,
						const AggregateSql *pieces, int column,
						StringInfo out);
};

extern const Aggregate aggregate_count;
extern const Aggregate aggregate_sum;
extern const Aggregate aggregate_min;
extern const Aggregate aggregate_max;
extern const Aggregate aggregate_first;
extern const Aggregate aggregate_last;
extern const Aggregate aggregate_list;	/* list(distinct ...): a tally */
extern const Aggregate aggregate_window;	/* all over a window: a series */
extern const Aggregate aggregate_count_so_far;
extern const Aggregate aggregate_sum_so_far;
extern const Aggregate aggregate_attribute; /* the value of the profile's one
											 * row in an attribute source */

/*
 * Describe the columns of a state of type segment.<type> that may become long;
 * returns how many there are.
 */
extern int	state_columns(const char *type, Oid collation,
						  AggregateColumn *columns);

/* Append the SQL of one of them, for SQL of the state as one value. */
extern void state_column_sql(const char *type, const char *state, int column,
							 StringInfo out);

/*
 * The type of a sum of these values: numeric or float8.  Raises
 * ERRCODE_DATATYPE_MISMATCH if they cannot be summed.
 */
extern Oid	sum_type(const AggregateInput *input);

#endif							/* SEGMENT_AGGREGATE_H */
