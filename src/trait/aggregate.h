/*-------------------------------------------------------------------------
 *
 * aggregate.h
 *	  The interface of an aggregate, private to the room of traits.
 *
 * An aggregate keeps its state in one or two columns of the profile's row and
 * is told what changed:
 *
 *		max(orders.amount)		state: s7 numeric
 *
 *		INSERT 30, 50			accumulate(30, +1) accumulate(50, +1)
 *								apply: s7 = greatest(s7, 50)
 *		DELETE the 50			accumulate(50, -1)
 *								apply: 50 was the maximum, and who is next is
 *								not in the row: RECOMPUTE
 *
 * Each aggregate is one file and one struct of this type.  The same aggregate
 * as SQL (for the whole population, for one profile, for verification) stands
 * beside it, so that both are read together.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_AGGREGATE_H
#define SEGMENT_AGGREGATE_H

#include "fmgr.h"
#include "lib/stringinfo.h"
#include "nodes/pg_list.h"
#include "nodes/primnodes.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

#include "state/state.h"

#define AGGREGATE_COLUMNS	2	/* most columns that a state needs */

/* What an aggregate knows of the values it is given. */
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

typedef enum AggregateResult
{
	AGGREGATE_UNCHANGED,		/* the state is as it was */
	AGGREGATE_CHANGED,			/* *state has the new values */
	AGGREGATE_RECOMPUTE,		/* the row cannot tell: read the source again */
} AggregateResult;

/* The pieces of SQL that the SQL form of an aggregate is made of. */
typedef struct AggregateSql
{
	const char *value;			/* SQL of the value, NULL if rows are counted */
	const char *at;				/* SQL of the event time as timestamptz; NULL
								 * for an attribute source */
	const char *filter;			/* " FILTER (WHERE ...)", or "" */
	const char *condition;		/* SQL of where as boolean, or "true"; of a
								 * window also that the event may count */
} AggregateSql;

typedef struct Aggregate
{
	/* as in stored definitions: count, sum, min, max, first, last, list */
	const char *name;

	/* Is the state one of the values, so that it has to look like that one? */
	bool		is_value;

	/*
	 * The columns of the state, and how many.  Raises
	 * ERRCODE_DATATYPE_MISMATCH, naming the aggregate and the type, if values
	 * of this type cannot be aggregated so.
	 */
	int			(*columns) (const AggregateInput *input,
							AggregateColumn *columns);

	/*
	 * Fold one row of the statement into a delta of delta_size bytes that was
	 * zeroed before first use.  sign is +1 for a row that came and -1 for one
	 * that went; at is meaningful if has_at.  Called in a short-lived memory
	 * context: what the delta keeps is copied into 'memory'.
	 */
	Size		delta_size;
	void		(*accumulate) (const AggregateInput *input, void *delta,
							   Datum value, bool isnull,
							   TimestampTz at, bool has_at, int sign,
							   MemoryContext memory);

	/*
	 * Apply a delta to the state's columns, in place.  New by-reference values
	 * are allocated in the current context.  The delta holds all that the
	 * batch did to the profile, in whatever order its triggers told: a row
	 * that went without having been there came in the same delta.
	 *
	 * 'kept' is NULL without a window.  With one it says which events can
	 * count now or later; the others need not be kept, and may be gone.
	 */
	AggregateResult (*apply) (const AggregateInput *input, const void *delta,
							  const TimeRange *kept,
							  Datum *state, bool *isnull);

	/*
	 * The SQL of one column of the state, as an aggregate expression over the
	 * rows of one profile in the source; for no rows it gives the initial
	 * value.
	 */
	void		(*sql) (const AggregateInput *input, const AggregateSql *parts,
						int column, StringInfo out);
} Aggregate;

extern const Aggregate aggregate_count;
extern const Aggregate aggregate_sum;
extern const Aggregate aggregate_min;
extern const Aggregate aggregate_max;
extern const Aggregate aggregate_first;
extern const Aggregate aggregate_last;
extern const Aggregate aggregate_list;	/* list(distinct ...): a tally */
extern const Aggregate aggregate_window;	/* all over a window: a series */
extern const Aggregate aggregate_attribute; /* the value of the profile's one
											 * row in an attribute source */

/*
 * The type of a sum of such values: numeric or float8.  Raises
 * ERRCODE_DATATYPE_MISMATCH if they cannot be summed.
 */
extern Oid	sum_type(const AggregateInput *input);

/* forms.c: what the language calls an aggregate ---------------------------- */

struct FilterNode;

/*
 * How a written aggregate is read off stored ones:
 *
 *		avg(orders.amount)				sum(orders.amount) / count(orders.amount)
 *		exists(orders where x)			count(orders where x) > 0
 *		count(distinct orders.city)		the number of values in
 *										list(distinct orders.city)
 *
 * Returns 'node' itself if it is stored as it stands, or the formula over
 * stored ones to use in its place (aggregates within are stored).  Errors:
 * an aggregate without the value it needs, DISTINCT where it means nothing.
 */
extern struct FilterNode *aggregate_expand(const struct FilterNode *node);

/* The window of an aggregate, or NULL. */
extern const struct FilterNode *aggregate_window_of(const struct FilterNode *node);

/*
 * The aggregate that stores 'node', which aggregate_expand() returned, and
 * the definition under which it is stored (shared by count(distinct),
 * list(distinct) and most_frequent of the same values, and by all over the
 * same window).
 */
extern const Aggregate *aggregate_stored(const struct FilterNode *node,
										 struct FilterNode **definition);

/*
 * The value that the written form shows, given the state's columns, and what
 * filter_compile_window() makes of its window if it has one.
 */
extern Expr *aggregate_value(const struct FilterNode *node,
							 const AggregateInput *input, Expr **columns,
							 List *window);

#endif							/* SEGMENT_AGGREGATE_H */
