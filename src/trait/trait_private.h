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

/* trait_cache.c ---------------------------------------------------------- */

/* Make the cache of the traits of each population. */
extern void trait_cache_init(void);

/* A stored trait as the catalog has it. */
typedef struct StoredTrait
{
	char	   *name;			/* of its first column in the base table */
	char	   *source;
	char	   *text;			/* canonical definition */
	Oid			value_type;		/* InvalidOid where rows are counted */
	Oid			value_collation;	/* that of its first column */
	int32		build;			/* the build that fills its columns; 0 when
								 * they are filled */
	FilterNode *definition;
} StoredTrait;

/* The stored traits (StoredTrait *); owned by the cache, as trait_list(). */
extern List *stored_list(const Population *population);

/* trait_dotted.c --------------------------------------------------------- */

/*
 * Does a name with a dot mean a column of a source, or of one of its links?
 * And what would a trait be called that it means: club.balance, club_balance.
 */
extern bool dotted_is_column(const Population *population,
							 const FilterNode *name);
extern char *dotted_joined(const FilterNode *name);

/* stored_share.c --------------------------------------------------------- */

/*
 * Do two stored definitions share a stored trait: are they equal, or are both
 * over windows that may share a series?
 */
extern bool stored_shares(const FilterNode *a, const FilterNode *b);

/*
 * The stored trait that a stored definition shares, or NULL.  Its window may
 * be too short for the definition.  One that is being built is not used yet,
 * neither here nor below.
 */
extern const StoredTrait *stored_for(const Population *population,
									 const FilterNode *definition);

/* The stored trait that a stored definition is read off, or NULL. */
extern const StoredTrait *stored_covering(const Population *population,
										  const FilterNode *definition);

/* Of two that share a stored trait: does 'wide' keep what 'narrow' needs? */
extern bool definition_covers(const Population *population,
							  const FilterNode *wide,
							  const FilterNode *narrow);

/* Of two that share a stored trait: a definition that covers both. */
extern FilterNode *definition_over(const Population *population,
								   FilterNode *a, FilterNode *b);

/* uses.c ----------------------------------------------------------------- */

/* The users of a stored trait (char *): 'trait "spend"', 'audience "vip"'. */
extern List *stored_users(const Population *population,
						  const StoredTrait *stored);

/* stored.c --------------------------------------------------------------- */

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
	bool		settles;		/* see Aggregate */
	int			ncolumns;
	AggregateColumn columns[AGGREGATE_COLUMNS];
} BoundTrait;

/*
 * Bind a stored definition.  'text' is the source of the tree for error
 * cursors, or NULL.  stored_bind_in() binds several in one source_scope().
 */
extern void stored_bind(const Source *source, const FilterNode *definition,
						const char *text, BoundTrait *bound);
extern void stored_bind_in(FilterScope *scope, const Source *source,
						   const FilterNode *definition, BoundTrait *bound);

/*
 * Describe a stored trait without its source, which may be gone: aggregate,
 * type of the values, columns.  'value' and 'where' are left NULL.
 */
extern void stored_describe(const StoredTrait *stored, BoundTrait *bound);

/*
 * Has the base table the columns that a stored trait needs, and are they, and
 * the values in them, of the types and collations that it has now?
 */
extern bool stored_fits(const Population *population,
						const StoredTrait *stored, const BoundTrait *bound);

/* Is the type of the values another than that of the column? */
extern bool stored_hides_type(const BoundTrait *bound);

/*
 * The source that a stored definition reads; if there is none, an error points
 * into 'text'.
 */
extern const Source *stored_source(const Population *population,
								   const FilterNode *definition,
								   const char *text);

/*
 * The times between which events of a window are kept, as
 * filter_compile_window_kept(); 'now' is the time, NULL that of the query.
 */
extern void stored_window_kept(const Population *population,
							   const FilterNode *window, Expr *now,
							   Expr **after, Expr **until);

/* The name of a column of a stored trait: s7, s7_at. */
extern char *stored_column(const char *name, const AggregateColumn *column);

/*
 * The stored definitions (FilterNode *) that a definition or filter needs by
 * itself: without those of the traits that it mentions.  'text' is the source
 * of the tree for error cursors, or NULL.
 */
extern List *stored_needed(const Population *population,
						   const FilterNode *definition, const char *text);

/* error_position.c ------------------------------------------------------- */

/* The node of a tree at which errors point, while it is compiled. */
typedef struct ErrorPosition
{
	ErrorContextCallback callback;
	const char *text;
	const FilterNode *node;
} ErrorPosition;

/*
 * From now on let errors that have no position point at a node of the tree
 * that was parsed from 'text', which may be NULL.  An error ends this, too.
 */
extern void error_position_begin(ErrorPosition *position, const char *text,
								 const FilterNode *node);
extern void error_position_end(ErrorPosition *position);

/* trait_scope.c ---------------------------------------------------------- */

/* The names of a trait's definition: as trait_scope(), without audiences. */
extern FilterScope *definition_scope(const Population *population,
									 FilterScope *row, const char *text);

/* An error context callback, whose argument is the name of a trait. */
extern void in_definition_of(void *trait);

/* program.c -------------------------------------------------------------- */

/* Make the cache of the program of each source. */
extern void program_init(void);

/* trait_store.c ---------------------------------------------------------- */

/*
 * stored_write_definition() writes the text of a stored trait's definition,
 * which its columns fit, into its row and their comments.
 */
extern void stored_write_definition(const Population *population,
									const char *stored, const char *text);

/* trait_define.c --------------------------------------------------------- */

/* Refuse a name that is taken: ERRCODE_DUPLICATE_OBJECT. */
extern void trait_check_name(const Population *population, const char *name);

/* view.c ----------------------------------------------------------------- */

/* Let the view show the traits that there are: see trait_refresh(). */
extern void view_refresh(const Population *population, const char *home);

/*
 * Comment the view's column of a trait, if there is one, after the text of the
 * definition has changed.
 */
extern void view_comment_trait(const Population *population,
							   const Trait *trait, const char *text);

/* Rename the view's column of that name, if there is one. */
extern void view_rename_column(const Population *population,
							   const char *name, const char *new_name);

#endif							/* SEGMENT_TRAIT_PRIVATE_H */
