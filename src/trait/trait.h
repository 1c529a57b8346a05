/*-------------------------------------------------------------------------
 *
 * trait.h
 *	  What is known of a profile: definitions, and how events change them.
 *
 * A named trait is an operand of the filter language.  What it needs to be
 * kept is stored; the rest is a formula over that:
 *
 *		named	average_order	avg(orders.amount)
 *		stored	s4				sum(orders.amount)
 *				s5				count(orders.amount)
 *		view	s4 / nullif(s5, 0) AS average_order
 *
 * Stored traits have no name of their own and are shared by equal definition.
 * The filter of an audience, which is to the right of us, may need some as well:
 * whoever changes definitions tells us what the filters are.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_TRAIT_H
#define SEGMENT_TRAIT_H

#include "datatype/timestamp.h"
#include "executor/tuptable.h"
#include "nodes/pg_list.h"

#include "filter/filter.h"
#include "profile/profile.h"
#include "source/source.h"

/* trait.c: definitions ------------------------------------------------------ */

typedef struct Trait
{
	char	   *name;
	char	   *text;			/* canonical definition */
	char	   *description;	/* or NULL */
	int			position;		/* in the view */
	FilterNode *definition;
} Trait;

/*
 * The population's named traits (Trait *), in the order of the view.  Owned
 * by the cache and good until the end of the transaction.
 */
extern List *trait_list(const Population *population);
/* names (char *) of the named traits */
extern List *trait_names(const Population *population);
/* NULL if there is none of that name */
extern const Trait *trait_by_name(const Population *population,
								  const char *name);

/* Names (char *) that a definition or filter mentions as traits, each once. */
extern List *trait_names_used(const Population *population,
							  const FilterNode *filter);

/* Names (char *) of the traits whose definition mentions another trait. */
extern List *trait_users(const Population *population, const char *name);

/* Names (char *) of the sources that a definition or filter itself reads, each
 * once. */
extern List *trait_sources_used(const Population *population,
								const FilterNode *definition);

/* Names (char *) of the traits whose definition reads a source. */
extern List *trait_users_of_source(const Population *population,
								   const char *source);

/* The type of a trait's values. */
extern Oid	trait_type(const Population *population, const Trait *trait);

/*
 * The meaning of names in a row of the base table: the key, the traits, and
 * aggregates and attributes that are stored.  'row' says how its columns are
 * reached.
 */
extern FilterScope *trait_scope(const Population *population, FilterScope *row);

/* define.c: changing definitions -------------------------------------------- */

/*
 * Can the aggregates and attributes of a definition or filter be stored, and may
 * the population's owner read what they are computed from?  An error says why
 * not, and points into the text.
 */
extern void trait_check(const Population *population,
						const FilterSource *definition);

/*
 * Names (char *) of the sources of which stored traits would have to be added
 * or dropped if, beside the named traits, these filters (FilterNode *) were all
 * that need them.
 */
extern List *trait_sources_changing(const Population *population,
									List *filters);

/*
 * Names (char *) of the sources of which stored traits would be added for a
 * definition or filter; an error names what such a source lacks.
 */
extern List *trait_sources_missing(const Population *population,
								   const FilterSource *definition);

/*
 * Add to the base table the stored traits that a definition or filter needs and
 * that are not there yet, or not as their source gives them now; their names (char *) are returned, for the caller to
 * fill them from the sources, which are locked SHARE ROW EXCLUSIVE.  The caller
 * is the population's definer, and connected to SPI.
 */
extern List *trait_store(const Population *population,
						 const FilterSource *definition);

/*
 * Create or replace the definition of a trait, and store what it needs, as
 * above.  The view is not yet changed: see trait_refresh().
 */
extern List *trait_define(const Population *population, const char *name,
						  const FilterSource *definition,
						  const char *description, bool replace);

/* Give a trait another description; its definition stays, whether it binds or not. */
extern void trait_describe(const Population *population, const char *name,
						   const char *description);

/* Forget a trait.  Nothing refers to it any more. */
extern void trait_forget(const Population *population, const char *name);
/* Forget all of them: the population is about to go, with its base table. */
extern void trait_forget_all(const Population *population);

/* Those of these traits (names, char *) whose definition binds. */
extern List *trait_binding(const Population *population, List *names);

/* These traits (names, char *) bind, or an error that says which does not. */
extern void trait_must_bind(const Population *population, List *names);

/*
 * Is anything that a definition or filter needs stored as its source gave it once,
 * and does not give it any more: of another type, or compared by another
 * collation?  trait_store() stores it anew, which changes all that is made of it.
 */
extern bool trait_store_changes(const Population *population,
								const FilterNode *definition);

/*
 * After definitions changed: the view shows the traits there are, and stored
 * traits that nobody needs are dropped.  A trait that does not bind is shown as it
 * was.  A view that was dropped is made again in schema 'home' (NULL: an error).
 */
extern void trait_refresh(const Population *population, List *filters,
						  const char *home);

/*
 * Drop the stored traits that no named trait needs, and none of these filters
 * (FilterNode *).
 */
extern void trait_drop_unneeded(const Population *population, List *filters);

/* rename.c: names in definitions --------------------------------------------- */

/* The definition with one name in the place of another; nothing is looked up. */
typedef FilterNode *(*DefinitionRewrite) (const Population *population,
										  const FilterNode *definition,
										  const char *old, const char *new);

extern FilterNode *definition_rename_trait(const Population *population,
										   const FilterNode *definition,
										   const char *old, const char *new);
extern FilterNode *definition_rename_source(const Population *population,
											const FilterNode *definition,
											const char *old, const char *new);
/* Does it mention a name with keys behind it, such as extra.size? */
extern bool definition_has_keys_of(const FilterNode *definition,
								   const char *name);

/*
 * Give a trait another name: in its definition's row, in those of other traits,
 * and as a column of the view, which users' views follow.  And a source, in the
 * definitions of traits and of what is stored.
 */
extern void trait_rename(const Population *population, const char *name,
						 const char *new_name);
extern void trait_rename_source(const Population *population,
								const char *name, const char *new_name);

/*
 * Who else needs a stored trait?  Its users (char *, 'audience "vip"') that live
 * above us, for an error.
 */
typedef List *(*TraitUsersHook) (const Population *population,
								 const FilterNode *stored);
extern TraitUsersHook trait_users_hook;

/* Does a definition or filter itself need this stored trait? */
extern bool trait_needs(const Population *population,
						const FilterNode *definition, const FilterNode *stored);

/* program.c: from events to traits ------------------------------------------ */

/*
 * What the rows of one source do to a profile, compiled.  Owned by the cache
 * and good until the end of the transaction.
 */
typedef struct TraitProgram TraitProgram;

extern const TraitProgram *trait_program(const Source *source);

/*
 * What a batch of rows does to one profile.  Zeroed memory of
 * trait_delta_size() bytes is a delta of nothing.
 */
typedef struct TraitDelta
{
	int64		rows;			/* how many rows came, less those that went */
	int64		touched;		/* how many rows came or went */
} TraitDelta;

extern Size trait_delta_size(const TraitProgram *program);

/*
 * Fold one row, which came (sign +1) or went (-1), into the delta of its
 * profile.  What the delta keeps lives in 'memory'.
 */
extern void trait_accumulate(const TraitProgram *program, TraitDelta *delta,
							 TupleTableSlot *row, int sign,
							 MemoryContext memory);

/*
 * Do two rows of the source mean the same to every trait, and belong to the
 * same profile?  Then an update from one to the other changes nothing.
 */
extern bool trait_same(const TraitProgram *program, TupleTableSlot *old_row,
					   TupleTableSlot *new_row);

typedef enum TraitResult
{
	TRAIT_UNCHANGED,
	TRAIT_CHANGED,
	TRAIT_REREAD,				/* only the source can tell: trait_reread() */
} TraitResult;

/*
 * Apply a delta to the values of a profile's row, by attribute, in place.
 * What cannot count at 'now' or later is no longer kept.
 */
extern TraitResult trait_apply(const TraitProgram *program,
							   const TraitDelta *delta, TimestampTz now,
							   Datum *values, bool *isnull);

/*
 * Replace what the row has from this source by what the source says at 'now'.
 * The caller is connected to SPI, holds the row's lock and runs as the
 * population's owner.  Values are allocated in the current context.
 */
extern void trait_reread(const TraitProgram *program, Datum key,
						 TimestampTz now, Datum *values, bool *isnull);

/* A column of stored traits in the base table. */
typedef struct TraitColumn
{
	char	   *name;			/* quoted */
	Oid			type;
	bool		is_value;		/* of the source, and to look like it? */
	const char *initial;		/* SQL of a profile's value without rows */
	const char *definition;		/* of the stored trait */
	const char *counted_after;	/* of a window: SQL of the time up to which
								 * events do not count now; else NULL */
} TraitColumn;

/*
 * SQL of what has to agree where two values of the column are compared: events
 * that a window has left behind may be there or not.
 */
extern char *trait_column_compared(const TraitColumn *column,
								   const char *value);

/* A stored trait that does not bind to its source. */
typedef struct TraitUnbound
{
	const char *definition;
	const char *reason;
} TraitUnbound;

/*
 * The names (char *) of the stored traits of a source that bind, and those that do
 * not (TraitUnbound *).
 */
extern List *trait_stored_binding(const Source *source, List **unbound);

/*
 * SQL that computes stored traits (names, char *) from a source, for all
 * profiles: a query with columns "key", "source_rows" and those of *columns
 * (TraitColumn *).  Traits of other sources are passed over.
 */
extern char *trait_source_query(const Source *source, List *stored,
								List **columns);

/* fixed.c: everyday numerics --------------------------------------------------- */

/*
 * The numeric as a number of ten-thousandths, and how many digits it shows
 * behind the point.  False if it is not an everyday one: then nothing is
 * known, and the server's own functions have to be asked.
 */
extern bool fixed_from_numeric(Datum value, int64 *fixed, int *scale);

/* event.c: windows as time passes -------------------------------------------- */

/*
 * Is it a trait over a window, compiled?  Then its first arguments are the events of
 * the window (a series), and those of filter_compile_window().
 */
extern bool trait_is_window(const FuncExpr *call);

/* Does such a one count its events, or add up their numbers? */
typedef enum WindowKind
{
	WINDOW_OTHER,
	WINDOW_COUNTS,
	WINDOW_SUMS,
} WindowKind;

extern WindowKind trait_window_kind(const FuncExpr *call);

/*
 * The first instant after 'from' at which an event of the series comes or goes; or,
 * coarsely, a later one than 'from' and none that is later than that.  DT_NOEND if
 * there is none.
 */
extern TimestampTz trait_window_changes(const FilterWindow *window, Datum series,
										TimestampTz from, bool coarsely);

/*
 * What a window of such a kind comes to, and what it may come to without anybody
 * noticing; sums in ten-thousandths.
 */
typedef struct WindowMargin
{
	int64		value;
	int64		least;
	int64		most;
} WindowMargin;

/*
 * Lower *until to the first instant after 'from' at which the window may leave the
 * margin, when events go on coming and going.  False if that is not known.
 */
extern bool trait_window_keeps(WindowKind kind, const FilterWindow *window,
							   Datum series, const WindowMargin *margin,
							   TimestampTz from, TimestampTz *until);

extern void trait_init(void);

#endif							/* SEGMENT_TRAIT_H */
