/*-------------------------------------------------------------------------
 *
 * trait_private.h
 *	  What the files of this room share with each other only.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_TRAIT_PRIVATE_H
#define SEGMENT_TRAIT_PRIVATE_H

#include "trait/aggregate.h"
#include "trait/forms.h"
#include "trait/trait.h"

/* A stored trait as the catalog has it. */
typedef struct StoredTrait
{
	char	   *name;			/* of its first column in the base table */
	char	   *source;
	char	   *text;			/* canonical definition */
	Oid			value_type;		/* InvalidOid where rows are counted */
	Oid			value_collation;	/* that of its first column */
	FilterNode *definition;
} StoredTrait;

/* StoredTrait *; owned by the cache, as trait_list() */
extern List *stored_list(const Population *population);
extern const StoredTrait *stored_by_text(const Population *population,
										 const char *text);
/* What needs it (char *): 'trait "spend"', 'audience "vip"'. */
extern List *stored_users(const Population *population,
						  const StoredTrait *stored);

/*
 * A stored trait bound to its source: what is folded, and where it is kept.
 * Expressions are over the source's row as range table entry 1.
 */
typedef struct BoundTrait
{
	const Aggregate *aggregate;
	AggregateInput input;
	Expr	   *value;			/* NULL: rows are counted */
	Expr	   *where;			/* NULL: all rows */
	const FilterNode *window;	/* NULL: at any time */
	int			ncolumns;
	AggregateColumn columns[AGGREGATE_COLUMNS];
} BoundTrait;

/*
 * Bind a stored definition.  'text' is the source of the tree for error
 * cursors, or NULL.
 */
extern void stored_bind(const Source *source, const FilterNode *definition,
						const char *text, BoundTrait *bound);

/*
 * What can be said of a stored trait without its source, which may be gone:
 * aggregate, type of the values, columns.  value and where are left NULL.
 */
extern void stored_describe(const StoredTrait *stored, BoundTrait *bound);

/*
 * Are the columns there that such a trait needs, and are they, and the values
 * of which they are made, of the types and collations that it has now?
 */
extern bool stored_fits(const Population *population, const StoredTrait *stored,
						const BoundTrait *bound);

/* Is the type of the values not that of a column? */
extern bool stored_hides_type(const BoundTrait *bound);

/*
 * The source that a stored definition reads; an error names what is missing.
 * 'text' is as above.
 */
extern const Source *stored_source(const Population *population,
								   const FilterNode *definition,
								   const char *text);

/*
 * Errors between begin and end that point nowhere point at a node of the tree
 * that was parsed from 'text', which may be NULL.  An error ends it, too.
 */
typedef struct ErrorPlace
{
	ErrorContextCallback callback;
	const char *text;
	const FilterNode *node;
} ErrorPlace;

extern void error_place_begin(ErrorPlace *place, const char *text,
							  const FilterNode *node);
extern void error_place_end(ErrorPlace *place);

/*
 * The time of the source's row as timestamptz; NULL for an attribute source.
 */
extern Expr *source_time(const Source *source);

/*
 * What of a window is kept (filter_compile_window_kept()), with 'now' as the
 * time, NULL being that of the query.
 */
extern void stored_window_kept(const Population *population, const FilterNode *window,
						Expr *now, Expr **after, Expr **until);

/* s7, s7_at */
extern char *stored_column(const char *name, const AggregateColumn *column);

/*
 * The stored aggregates and attributes (FilterNode *, stored form) that a
 * definition or filter comes down to, without those of the traits it mentions.
 * 'text' is as above.
 */
extern List *stored_needed(const Population *population,
						   const FilterNode *definition, const char *text);

/* The names of a trait's definition: as trait_scope(), without audiences. */
extern FilterScope *definition_scope(const Population *population,
									 FilterScope *row, const char *text);

/* An error context's callback, whose argument is the trait's name. */
extern void in_definition_of(void *trait);

extern void definitions_init(void);
extern void program_init(void);

/* define.c: ERRCODE_DUPLICATE_OBJECT if the name is taken. */
extern void trait_check_name(const Population *population, const char *name);

/* view.c */
extern void view_refresh(const Population *population, const char *home);
/*
 * The column of that name, if there is one, is called otherwise from now on.
 */
extern void view_rename_column(const Population *population,
							   const char *name, const char *new_name);

#endif							/* SEGMENT_TRAIT_PRIVATE_H */
