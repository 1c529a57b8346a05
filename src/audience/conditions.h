/*-------------------------------------------------------------------------
 *
 * conditions.h
 *	  The conditions that filters are made of, by the operands that they
 *	  read; private to the files of the index.
 *
 *		total_spend > 500 and city = 'Aarhus' and tags contains "vegan" and
 *		total_spend > orders * 20 and city like "A%"
 *
 *		operand total_spend		threshold: just after 500
 *		operand city			equality probe: 'Aarhus'
 *		operand tags			equality probe of an element: 'vegan'
 *		pair total_spend, orders	factor 20
 *		condition				city like "A%", evaluated as a whole
 *
 * Files, each of which calls only those above it:
 *
 *		time_dependent.c	the part of the clock in an expression
 *		columns.c			what depends on a column of the base table
 *		operand.c			thresholds and equality probes of one operand
 *		pair.c				factors and summands between two operands
 *		collect.c			reads the conditions off a compiled filter
 *		collect_plain.c		or off one that is like another, as it is written
 *		index_filters.c		evaluates whole filters
 *		index_build.c		takes audiences into an index, and out of it
 *		index.c				keeps the index of each population
 *		touch.c				which filters can a change of a row touch?
 *		wake.c				which filters can time touch, and when?
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_CONDITIONS_H
#define SEGMENT_CONDITIONS_H

#include "access/stratnum.h"
#include "nodes/execnodes.h"
#include "utils/hsearch.h"

#include "audience/index.h"
#include "audience/statistics.h"
#include "state/state.h"
#include "time/time.h"

/*
 * An audience of the index.  Its place is where it is in the index's array
 * 'watched'; everything below refers to audiences by their places.
 */
typedef struct Watched
{
	char	   *name;			/* NULL: the place is free */
	int32		definition_id;
	ExprState  *filter;			/* NULL until it is first needed */
	uint64		touched;		/* the last change that touched it */
	bool		counted;		/* it has counts that are not added yet */
	FilterCounts counts;
	bool		untried;		/* it is not known yet whether it binds */
	char	   *broken;			/* why it does not bind, or NULL */
} Watched;

/* Where a comparison changes from false to true, or the other way round. */
typedef struct Threshold
{
	Datum		value;
	int64		key;			/* the value as a number, if all have one */
	int			place;
	bool		after;			/* just after the value, else just before */
} Threshold;

typedef struct Thresholds
{
	int			count;
	int			space;
	bool		keyed;			/* all have a key, by which they are sorted */
	Threshold  *list;			/* ascending */
} Thresholds;

/*
 * A value that an operand may be equal to.  A condition (=) has one probe, or
 * several (in).
 */
typedef struct EqualityProbe
{
	Datum		value;
	uint32		hash;
	int			condition;		/* numbered within the operand */
	int			place;
	int			next;			/* in the same bucket, or -1 */
} EqualityProbe;

/* An operand or a condition whose value time may change. */
typedef struct TimeDependent
{
	TimeExpr   *expr;
	int			place;			/* the first whose filter has it */
	struct Operand *operand;	/* either this */
	struct Condition *condition;	/* or this */
	uint64		changed;		/* the last change that its columns were in */
	TimestampTz next;			/* while time is caught up: the value stays
								 * the same until just before then */
} TimeDependent;

/* An expression that filters compare with constants of one type. */
typedef struct Operand
{
	Expr	   *expr;
	int			place;			/* the first whose filter has it */
	Oid			expr_type;
	ExprState  *state;			/* NULL if it is a column */
	TimeDependent *time_dependent;	/* NULL if the clock is no part of it */
	AttrNumber	column;			/* InvalidAttrNumber if it is none */
	Bitmapset  *columns;		/* from which it is computed */
	Oid			type;			/* of the constants */
	Oid			collation;
	int16		typlen;
	bool		typbyval;
	FmgrInfo	compare;		/* the operand's value with a constant */
	FmgrInfo	compare_constants;
	Thresholds	above;			/* of conditions true above: > and >= */
	Thresholds	below;			/* of conditions true below: < and <= */
	bool		finished;		/* thresholds are sorted; new ones are, too */
	bool		probes_changed; /* they have to be hashed anew */

	bool		elements;		/* an array, whose elements have probes */
	bool		hash_sought;	/* the next is known */
	bool		hashed;			/* it can have equality probes */
	FmgrInfo	hash;
	FmgrInfo	equal;
	int			nconditions;	/* that have probes */
	int			nprobes;
	int			probe_space;
	EqualityProbe *probes;
	int			nbuckets;		/* a power of two; 0 without probes */
	int		   *buckets;		/* the first probe of each, or -1 */
	uint64	   *condition_met;	/* the last change that met a probe of it */
	int			condition_space;

	uint64		value_known;	/* the last change for which its value was */
	int64		value_key;		/* kept, and that value as a number */
} Operand;

/* A factor or summand with which two operands are compared. */
typedef struct PairConstant
{
	double		value;			/* about */
	int			place;
} PairConstant;

typedef struct PairConstants
{
	int			count;
	int			space;
	PairConstant *list;			/* ascending */
} PairConstants;

/* Two operands that filters compare: left > right * 20 */
typedef struct Pair
{
	Node	   *left;
	Node	   *right;
	ExprState  *left_state;
	ExprState  *right_state;
	bool		by_ratio;		/* else by difference */
	int			place;			/* of one whose filter has it */
	uint64		change;			/* the last change that was asked about */
	Bitmapset  *columns;
	bool		finished;		/* all is sorted; what is new is, too */
	PairConstants constants[BTMaxStrategyNumber + 1];	/* by strategy */
} Pair;

/* A condition of another kind, evaluated as a whole. */
typedef struct Condition
{
	uint64		hash;			/* hash key: of its printed form */
	Expr	   *expr;
	ExprState  *state;			/* NULL until it is first needed */
	TimeDependent *time_dependent;	/* NULL if the clock is no part of it */
	Bitmapset  *columns;
	List	   *places;			/* integers */
	struct Condition *next;		/* another one with the same hash */
} Condition;

/* The operands and conditions that read a column of the base table. */
typedef struct Column
{
	AttrNumber	number;
	bool		typbyval;
	int16		typlen;
	List	   *operands;
	List	   *pairs;
	List	   *conditions;
} Column;

struct AudienceIndex
{
	const Population *population;	/* a copy */
	int			nwatched;		/* places, free ones included */
	int			space;
	Watched    *watched;
	List	   *free;			/* places */
	int			count;			/* audiences */
	int			named;			/* the size of the next array */
	int		   *by_name;		/* their places, by name */
	int			ngone;			/* audiences that memory is still spent on */
	List	   *operands;
	List	   *pairs;
	HTAB	   *conditions;
	int			ncolumns;
	Column	   *columns;
	List	   *broken;			/* places: stored, but they do not bind */
	bool		tried_in_vain;	/* so does another one, when it was asked */
	List	   *matches_empty;	/* places: may hold for the blank profile */
	List	   *time_dependent; /* TimeDependent * */
	SharedExprs *shared;		/* what expressions have in common */
	Moment	   *before;			/* the row and instant before the change */
	Moment	   *after;			/* and after; or what is looked at */
	ExprContext *time_context;	/* in which time expressions are evaluated */

	/*
	 * The place of the audience whose filter is being evaluated, or -1.  The
	 * number outlives an error, so that an error context can name the
	 * audience.
	 */
	int			evaluating;

	int			writers;		/* that hold the index */
	char	   *environment;	/* what names in filters stand for */
	uint64		change;			/* numbers the changes asked about */
	int		   *touched;		/* the answer: places */
	int			ntouched;
	int		   *counted;		/* places with counts to be added */
	int			ncounted;
};

/* index_touch() adds an audience to those that the change touches, once. */
static inline void
index_touch(AudienceIndex *index, int place)
{
	Watched    *watched = &index->watched[place];

	if (watched->touched == index->change)
		return;
	watched->touched = index->change;
	index->touched[index->ntouched++] = place;
}

/* index_counts() returns the counts of an audience, to be changed. */
static inline FilterCounts *
index_counts(AudienceIndex *index, int place)
{
	Watched    *watched = &index->watched[place];

	if (!watched->counted)
		index->counted[index->ncounted++] = place;
	watched->counted = true;
	return &watched->counts;
}

/* The index into which the conditions of a filter are collected. */
typedef struct Collection
{
	AudienceIndex *index;
	MemoryContext context;		/* the index's */
	int			place;			/* of the audience whose filter it is */
} Collection;

/* The context that holds an index. */
#define index_memory(index) GetMemoryChunkContext(index)

/* time_dependent.c ------------------------------------------------------- */

/* Is the clock a part of the expression? */
extern bool has_clock(Node *node);
/* The columns that an expression reads, those of shared ones included. */
extern Bitmapset *columns_of(Collection *into, Node *node);
extern TimeExpr *time_expr_of(Collection *into, Node *node);
/*
 * What time does to an expression; NULL if the clock is no part of it.  The
 * caller is in the index's memory context.
 */
extern TimeDependent *time_dependent_of(Collection *into, Node *node);

/* operand.c -------------------------------------------------------------- */

/*
 * The operand for constants of this type, made if there is none; NULL if the
 * two types have no order in common.
 */
extern Operand *operand_of(Collection *into, Node *expr,
						   const Const *constant, Oid collation, Oid family);
extern void operand_add_threshold(Operand *operand, Thresholds *to,
								  Datum value, bool after, int place);
/* operand_is_hashed() says whether an operand can have equality probes. */
extern bool operand_is_hashed(Operand *operand);
/* 'condition': the number of the condition that has the probe. */
extern void operand_add_probe(Operand *operand, Datum value, int condition,
							  int place);
/* All conditions are collected: sort thresholds and hash probes. */
extern void operand_finish(Operand *operand);
/*
 * Remove the thresholds and probes of audiences whose places are marked.
 * Returns false if none is left.
 */
extern bool operand_remove(Operand *operand, const bool *marked);

/* The elements of an array that are not null. */
typedef struct Elements
{
	int			count;
	Datum	   *list;
} Elements;

/* The elements of an array of the operand's type, in the current context. */
extern Elements operand_elements(const Operand *operand, Datum array);
/*
 * The operand of which elements are looked for, made if there is none; NULL if
 * they cannot be hashed, or time changes them.
 */
extern Operand *elements_of(Collection *into, Node *array, Oid collation);

/* pair.c ----------------------------------------------------------------- */

/*
 * Collect a comparison of two operands, by its btree strategy.  Returns false
 * if it is none of those that are sorted.
 */
extern bool collect_pair(Collection *into, OpExpr *comparison, int strategy);

/* Such a comparison, with a constant, about. */
typedef struct PairComparison
{
	Pair	   *pair;
	int			strategy;
	double		constant;
} PairComparison;

/* Its two steps: read it, and add it. */
extern bool pair_read(Collection *into, OpExpr *comparison, int strategy,
					  PairComparison *result);
extern void pair_add(const PairComparison *comparison, int place);
/* Is float8 good enough for a constant? */
extern bool pair_is_sure(double constant);
/* As operand_finish() and operand_remove(). */
extern void pair_finish(Pair *pair);
extern bool pair_remove(Pair *pair, const bool *marked);
/* Touch the audiences for which a comparison of the two may differ. */
extern void pair_touch(AudienceIndex *index, Pair *pair);

/* collect.c -------------------------------------------------------------- */

/* Collect the conditions of a compiled filter. */
extern void collect_conditions(Collection *into, Node *filter);
/* The btree strategy of an operator beside 'left', and its family; or 0. */
extern int	comparison_strategy(Node *left, Oid operator, Oid *family);
/*
 * Collect that an operand is compared with a value, by a btree strategy, or
 * that it is one of several.
 */
extern void collect_values(Collection *into, Operand *operand, int strategy,
						   const Datum *values, int count);
/* Remove the conditions of audiences whose places are marked. */
extern void conditions_remove(AudienceIndex *index, const bool *marked);

/* collect_plain.c -------------------------------------------------------- */

/* What was learned from compiled filters, while an index is built. */
typedef struct PlainShapes PlainShapes;

/* Nothing was learned yet.  It lives in the current context. */
extern PlainShapes *plain_create(void);
/*
 * Read the literals of a filter, as filter_compile_pinned() does.  Returns
 * false if it has to be compiled; else plain_collect() collects its
 * conditions.  What was read is in the current context.
 */
extern bool plain_read(PlainShapes *plain, FilterScope *scope,
					   const Filter *filter);
extern void plain_collect(const PlainShapes *plain, Collection *into);
/* Learn from a filter that was compiled and collected. */
extern void plain_learn(PlainShapes *plain, Collection *into,
						const FilterNode *filter, const Expr *expr);

/* columns.c -------------------------------------------------------------- */

/* Note with its columns, and its part of the clock, that there is one. */
extern void operand_enter(AudienceIndex *index, Operand *operand);
extern void pair_enter(AudienceIndex *index, Pair *pair);
extern void condition_enter(AudienceIndex *index, Condition *condition);
/* The reverse, when no audience needs it any more. */
extern void operand_leave(AudienceIndex *index, Operand *operand);
extern void pair_leave(AudienceIndex *index, Pair *pair);
extern void condition_leave(AudienceIndex *index, Condition *condition);

/* index_filters.c -------------------------------------------------------- */

/* How many audiences come before a name. */
extern int	index_position(const AudienceIndex *index, const char *name);
/* Compile a watched filter; an error says whose it is. */
extern Expr *watched_compile(const Watched *watched, const FilterNode *filter,
							 FilterScope *scope);
/* Prepare the filters at these places to be evaluated. */
extern void index_prepare(AudienceIndex *index, const int *places, int count);

/* index_build.c ---------------------------------------------------------- */

/*
 * Build an index of audiences (Audience *) in the current context; the n-th
 * has place n.
 */
extern AudienceIndex *index_build(const Population *population,
								  List *audiences);
/*
 * Take audiences (Audience *) out of an index, which are of it, and take
 * others into it.  Returns false if these are so many that it is better to
 * build one.
 */
extern bool index_follow(AudienceIndex *index, List *gone, List *come);

/* touch.c ---------------------------------------------------------------- */

/* Begin a change: from a row at an instant to a row at an instant. */
extern void touch_begin(AudienceIndex *index,
						TupleTableSlot *before, TimestampTz before_at,
						TupleTableSlot *after, TimestampTz after_at);
/* Touch the audiences for which the operand, or the condition, differs. */
extern void operand_touch(AudienceIndex *index, Operand *operand);
extern void condition_touch(AudienceIndex *index, Condition *condition);
/* Keep the operand's value after the change, for operand_margin(). */
extern void operand_read(AudienceIndex *index, Operand *operand);
/*
 * The range of values within which a change of the operand's value passes no
 * threshold.  False if its value is not known for this change, or if it has
 * equality probes.
 */
extern bool operand_margin(AudienceIndex *index, const Operand *operand,
						   WindowMargin *margin);
/* How many audiences were touched; their filters are prepared. */
extern int	touch_end(AudienceIndex *index, const int **touched);

#endif							/* SEGMENT_CONDITIONS_H */
