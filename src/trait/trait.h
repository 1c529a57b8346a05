/*-------------------------------------------------------------------------
 *
 * trait.h
 *	  The traits of a profile: definitions, and how events change the values.
 *
 * A named trait is an operand of the filter language.  The aggregates that it
 * needs are stored; the rest is a formula over these:
 *
 *		named	average_order	avg(orders.amount)
 *		stored	s4				sum(orders.amount)
 *				s5				count(orders.amount)
 *		view	s4 / nullif(s5, 0) AS average_order
 *
 * Stored traits have no name of their own and are shared by equal definition,
 * or by definitions that differ in the length of a window only.
 * The filter of an audience may need some as well.  Audiences are to the right
 * of this room, so a caller that changes definitions passes their filters in.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_TRAIT_H
#define SEGMENT_TRAIT_H

#include "datatype/timestamp.h"
#include "executor/tuptable.h"
#include "lib/stringinfo.h"
#include "nodes/pg_list.h"

#include "state/state.h"
#include "filter/filter.h"
#include "profile/profile.h"
#include "source/source.h"

/* Make the caches of traits and of programs. */
extern void trait_init(void);

/* trait_cache.c: the traits that there are ------------------------------- */

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

/* The names (char *) of the named traits. */
extern List *trait_names(const Population *population);

/*
 * Append all that decides what the names in a filter stand for, but the
 * columns of the base table: traits, stored traits and sources.
 */
extern void trait_describe_all(const Population *population, StringInfo text);

/* The trait of that name, or NULL. */
extern const Trait *trait_by_name(const Population *population,
								  const char *name);

/* uses.c: which definitions mention what --------------------------------- */

/* Names (char *) that a definition or filter mentions as traits, each once. */
extern List *trait_names_used(const Population *population,
							  const FilterNode *definition);

/* Names (char *) of the traits whose definition mentions another trait. */
extern List *trait_users(const Population *population, const char *name);

/*
 * Names (char *) of the sources that a definition or filter reads, each once.
 */
extern List *trait_sources_used(const Population *population,
								const FilterNode *definition);

/* Names (char *) of the traits whose definition reads a source. */
extern List *trait_users_of_source(const Population *population,
								   const char *source);

/* Does a definition or filter itself need this stored trait? */
extern bool trait_needs(const Population *population,
						const FilterNode *definition,
						const FilterNode *stored);

/*
 * The users of a stored trait in rooms to the right (char *, 'audience
 * "vip"'), for an error.
 */
typedef List *(*TraitUsersHook) (const Population *population,
								 const FilterNode *stored);
extern TraitUsersHook trait_users_hook;

/* trait_scope.c: what the name of a trait stands for --------------------- */

/* The type of a trait's values. */
extern Oid	trait_type(const Population *population, const Trait *trait);

/*
 * The meaning of names in a row of the base table: the key, the traits, and
 * aggregates and attributes that are stored.  'row' says how its columns are
 * reached.
 */
extern FilterScope *trait_scope(const Population *population,
								FilterScope *row);

/* trait_names.c, trait_dotted.c: names with a dot ------------------------- */

/*
 * Return a definition or filter in which names with a dot, such as
 * club.balance, are those of the traits that they mean: club_balance.  Columns
 * of sources and keys of traits stay.  For who writes a definition or asks.
 *
 * ERRCODE_UNDEFINED_COLUMN if such a name means nothing, and the errors of
 * trait_check_values().
 */
extern FilterSource trait_names_resolved(const Population *population,
										 FilterSource definition);
/*
 * Return the name of the trait, with the keys behind it, that the name of a
 * column with a dot means; NULL if it means something else, or nothing.
 */
extern FilterNode *trait_of_dotted(const Population *population,
								   const FilterNode *name);

/* trait_values.c: values that an operand never has ----------------------- */

/*
 * The texts that a column of a source can be, or a trait ('source' is NULL),
 * as far as a room to the right knows: any that is there or could come, from
 * the lowest to the highest if they have an order.  NULL: nothing is known, or
 * 'asked' is a value that is kept somewhere.
 */
typedef struct TraitValues
{
	List	   *values;			/* char * */
	bool		ordered;
	const char *create;			/* hint: what makes another one; or NULL */
} TraitValues;

typedef const TraitValues *(*TraitValuesHook) (const Population *population,
											   const char *source,
											   const char *column,
											   const char *asked);
extern TraitValuesHook trait_values_hook;

/*
 * Refuse a definition or filter that compares an operand with a text that it
 * never is (ERRCODE_UNDEFINED_OBJECT, with the nearest that it can be), or by
 * letters what has another order.
 */
extern void trait_check_values(const Population *population,
							   const FilterSource *definition);

/* trait_define.c: changing definitions ----------------------------------- */

/*
 * Create or replace the definition of a trait, and store what it needs, as
 * trait_store() does.  The view is not yet changed: see trait_refresh().
 */
extern List *trait_define(const Population *population, const char *name,
						  const FilterSource *definition,
						  const char *description, bool replace);

/* Change a trait's description; the definition need not bind. */
extern void trait_describe(const Population *population, const char *name,
						   const char *description);

/* Forget a trait to which no definition refers any more. */
extern void trait_forget(const Population *population, const char *name);

/*
 * Forget all traits of a population that is about to go with its base table.
 */
extern void trait_forget_all(const Population *population);

/*
 * Bring the view and the stored traits up to date after definitions changed:
 * the view shows the traits that there are, and stored traits that no
 * definition needs are dropped.  A trait that does not bind is shown as
 * before.  A view that was dropped is made again in schema 'home' (NULL: an
 * error).
 */
extern void trait_refresh(const Population *population, List *filters,
						  const char *home);

/* Those of the named traits (names, char *) whose definitions bind. */
extern List *trait_binding(const Population *population, List *names);

/*
 * Raise an error that names the first of these traits (char *) that does not
 * bind.
 */
extern void trait_must_bind(const Population *population, List *names);

/* trait_store.c: the stored traits that definitions need ----------------- */

/*
 * Check that the aggregates and attributes of a definition or filter can be
 * stored, and that the population's owner may read what they are computed
 * from.  An error points into the text.
 */
extern void trait_check(const Population *population,
						const FilterSource *definition);

/*
 * Names (char *) of the sources whose stored traits would change if exactly
 * the named traits and these filters (FilterNode *) existed.
 */
extern List *trait_sources_changing(const Population *population,
									List *filters);

/*
 * Names (char *) of the sources of which stored traits would be added for a
 * definition or filter; an error says what such a source lacks.
 */
extern List *trait_sources_missing(const Population *population,
								   const FilterSource *definition);

/*
 * trait_count_of() is the definition that counts the rows of a source.  It is
 * stored for each source with links, whether a trait asks for it or not.
 */
extern FilterSource trait_count_of(const Source *source);

/*
 * Add to the base table the stored traits that a definition or filter needs
 * and that are not there yet, or not of the types that their source gives now,
 * and give those a longer window whose window is too short.  Returns the names
 * of all these (char *), for the caller to fill them from the sources, which
 * are locked SHARE ROW EXCLUSIVE.  The caller is the population's
 * definer, and connected to SPI.
 */
extern List *trait_store(const Population *population,
						 const FilterSource *definition);

/*
 * Does a definition or filter need a stored trait whose source gives another
 * type or collation now?  trait_store() stores it anew, which changes whatever
 * is made of it.
 */
extern bool trait_store_changes(const Population *population,
								const FilterNode *definition);

/*
 * Does a definition or filter need a longer window than the series has that it
 * shares?  trait_store() returns the series to be filled again then, for which
 * no profile may be due: the new one lacks what the old window has left.
 */
extern bool trait_store_widens(const Population *population,
							   const FilterNode *definition);

/*
 * Drop the stored traits that neither a named trait needs nor one of these
 * filters (FilterNode *), and shorten windows that none of them needs so long.
 */
extern void trait_drop_unneeded(const Population *population, List *filters);

/*
 * What a build does (flow/build.c).  trait_store_missing() lists what is not
 * stored yet of what some definitions (FilterSource *) need (FilterNode *);
 * what is stored of another type than its source has now is an error.
 * trait_store_unfilled() adds columns for these, which the build of that
 * number is to fill, and trait_unfilled() names them (char *).  They are used
 * from trait_filled() on; trait_abandon() drops them instead.
 */
extern List *trait_store_missing(const Population *population,
								 List *definitions);
extern void trait_store_unfilled(const Population *population,
								 List *missing, int32 build);
extern List *trait_unfilled(const Population *population);
extern void trait_filled(const Population *population);
extern void trait_abandon(const Population *population);

/* trait_rename.c: names in definitions ----------------------------------- */

/*
 * Makes of a definition another one that says the same.  'change' is what it
 * is made for.
 */
typedef FilterNode *(*DefinitionRewrite) (const Population *population,
										  const FilterNode *definition,
										  const void *change);

/* A name that becomes another. */
typedef struct NameChange
{
	const char *old;
	const char *new;
} NameChange;

/*
 * The definition with another name (NameChange *) for a trait or a source;
 * nothing is looked up but which names are sources.
 */
extern FilterNode *definition_rename_trait(const Population *population,
										   const FilterNode *definition,
										   const void *change);
extern FilterNode *definition_rename_source(const Population *population,
											const FilterNode *definition,
											const void *change);

/* Does a definition mention a name with keys behind it, such as extra.size? */
extern bool definition_has_keys_of(const FilterNode *definition,
								   const char *name);

/*
 * Rename a trait: in its own row, in the definitions of other traits, and as a
 * column of the view, which users' views follow.
 */
extern void trait_rename(const Population *population, const char *name,
						 const char *new_name);

/* Rename a source in the definitions of traits and stored traits. */
extern void trait_rename_source(const Population *population,
								const char *name, const char *new_name);

/*
 * Rewrite the definitions of all traits and stored traits.  What they say
 * stays, so that no value changes.
 */
extern void trait_rewrite(const Population *population,
						  DefinitionRewrite rewrite, const void *change);

/*
 * rewritten_text() is the text of a definition that was rewritten, as it is
 * stored: an error if reading the text would give another definition.
 */
extern char *rewritten_text(const FilterNode *definition);

/* trait_columns.c: columns in definitions -------------------------------- */

/*
 * Does a definition or filter mention a column by itself, rather than by the
 * name of a trait?
 */
extern bool definition_reads_column(const FilterNode *definition,
									const SourceColumn *column);

/* A DefinitionRewrite for a SourceColumn *, which has a new name. */
extern FilterNode *definition_rename_column(const Population *population,
											const FilterNode *definition,
											const void *column);

/* Binds a definition, or raises an error. */
typedef void (*RelabelBind) (const Population *population,
							 const FilterNode *definition);

/*
 * definition_relabel() is a DefinitionRewrite for a FilterLabel *: literals
 * that are the label of the enum get its new name.  It is for traits;
 * definition_relabel_with() is told how the definition binds.
 */
extern FilterNode *definition_relabel(const Population *population,
									  const FilterNode *definition,
									  const void *label);
extern FilterNode *definition_relabel_with(const Population *population,
										   const FilterNode *definition,
										   const void *label,
										   RelabelBind bind);

/* Names (char *) of the traits whose definition mentions a column. */
extern List *trait_users_of_column(const Population *population,
								   const SourceColumn *column);

/* program.c: the program of a source ------------------------------------- */

/*
 * The stored traits of one source, compiled: a program folds rows into deltas,
 * and applies deltas to profiles.  Owned by the cache and good until the end
 * of the transaction.
 */
typedef struct TraitProgram TraitProgram;

/* The program of a source. */
extern const TraitProgram *trait_program(const Source *source);

/* A stored trait that does not bind to its source. */
typedef struct TraitUnbound
{
	const char *definition;
	const char *reason;
} TraitUnbound;

/*
 * The names (char *) of the stored traits of a source that bind; *unbound are
 * those that do not (TraitUnbound *).
 */
extern List *trait_stored_binding(const Source *source, List **unbound);

/* program_run.c: from events to traits ----------------------------------- */

/*
 * The changes that a batch of rows makes to one profile.  Zeroed memory of
 * trait_delta_size() bytes is a delta of nothing.
 */
typedef struct TraitDelta
{
	int64		rows;			/* how many rows came, less those that went */
	bool		reread;			/* only the source knows what became of it */
	bool		emptied;		/* did the source lose all rows before the rest
								 * of the delta happened? */
} TraitDelta;

/* The size of a delta, in bytes. */
extern Size trait_delta_size(const TraitProgram *program);

/*
 * trait_reads_column() says whether anything that is kept of a source depends
 * on a column of the joined row (source_attno).
 */
extern bool trait_reads_column(const TraitProgram *program, AttrNumber attno);

/*
 * trait_counted() is how many rows of a source with links a profile has, by
 * its row: what is read again does not say how many there were before.
 */
extern int64 trait_counted(const TraitProgram *program,
						   const TupleTableSlot *row);

/*
 * trait_has_row() says whether a row of the table is one of the source: does
 * it pass the source's filter?
 */
extern bool trait_has_row(const TraitProgram *program, TupleTableSlot *row);

/*
 * Fold one row, which came (sign +1) or went (-1), into the delta of its
 * profile.  What the delta keeps lives in 'memory'.
 */
extern void trait_accumulate(const TraitProgram *program, TraitDelta *delta,
							 TupleTableSlot *row, int sign,
							 MemoryContext memory);

/*
 * What the stored traits need of a row, to be folded later: so many columns,
 * which trait_row_describe() puts into a row type, from column 'first' on.
 */
extern int	trait_row_columns(const TraitProgram *program);
extern void trait_row_describe(const TraitProgram *program, TupleDesc desc,
							   AttrNumber first);

/*
 * trait_row_evaluate() computes these columns of a row.  The values are good
 * until the program runs again.  trait_accumulate_evaluated() folds them.
 */
extern void trait_row_evaluate(const TraitProgram *program,
							   TupleTableSlot *row, Datum *values,
							   bool *isnull);
extern void trait_accumulate_evaluated(const TraitProgram *program,
									   TraitDelta *delta, const Datum *values,
									   const bool *isnull, int sign,
									   MemoryContext memory);

/*
 * trait_delta_empty() notes that the source has lost all of its rows.  The
 * caller counts in 'rows' how many of them were the profile's.
 */
extern void trait_delta_empty(const TraitProgram *program, TraitDelta *delta);

/*
 * Do two rows of the source mean the same to every trait, and belong to the
 * same profile?  Then an update from one to the other changes nothing.
 */
extern bool trait_same(const TraitProgram *program, TupleTableSlot *old_row,
					   TupleTableSlot *new_row);

/* What trait_apply() did to a profile's row. */
typedef enum TraitResult
{
	TRAIT_UNCHANGED,
	TRAIT_CHANGED,
	TRAIT_REREAD,				/* only the source can tell: trait_read() */
} TraitResult;

/*
 * trait_empty() makes the values of a profile's row, by attribute, what they
 * are without a row in the source: those of a profile of which nothing is
 * known (profile_blank), which are not copied.
 */
extern void trait_empty(const TraitProgram *program,
						const TupleTableSlot *blank, Datum *values,
						bool *isnull);

/*
 * Apply a delta to the values of a profile's row, by attribute, in place.
 * What a build has still to fill in the row stays as it is, but TRAIT_CHANGED
 * says that it would have changed: the row is to be written.
 * Of a delta that was emptied that is what happened since: trait_empty() comes
 * first.  Events that can count neither at 'now' nor later are no longer kept.
 */
extern TraitResult trait_apply(const TraitProgram *program,
							   const TraitDelta *delta, TimestampTz now,
							   Datum *values, bool *isnull);

/* source_query.c: reading the source ------------------------------------- */

/* What a source says of some profiles. */
typedef struct TraitReading TraitReading;

/* Of which profiles is a source to be read? */
typedef struct TraitAsked
{
	const Datum *keys;			/* in order (profile_key_compare), each once,
								 * good as long as the reading is */
	int			nkeys;
	TimestampTz now;
	Snapshot	snapshot;		/* that shows no such profile; NULL: their rows
								 * are locked by the caller */
	bool		counts;			/* count the rows, too */
} TraitAsked;

/*
 * trait_read() reads what the source says of some profiles.  The caller is
 * connected to SPI and runs as the population's owner.
 */
extern TraitReading *trait_read(const TraitProgram *program,
								const TraitAsked *asked);

/*
 * trait_take() replaces what a profile's row has from the source by what was
 * read; 'blank' is as for trait_empty().  Values are allocated in the current
 * context.  False if nothing was read of the profile.
 */
extern bool trait_take(const TraitReading *reading, Datum key,
					   const TupleTableSlot *blank, Datum *values,
					   bool *isnull);

/*
 * trait_rows_read() is how many rows a profile has in the source, 0 if nothing
 * was read of it: of a reading that counts.
 */
extern int64 trait_rows_read(const TraitReading *reading, Datum key);

/* trait_reading_size() is the memory that it takes. */
extern Size trait_reading_size(const TraitReading *reading);

/* trait_reading_end() frees what was read. */
extern void trait_reading_end(TraitReading *reading);

/* A column of stored traits in the base table. */
typedef struct TraitColumn
{
	char	   *name;			/* quoted */
	Oid			type;
	bool		is_value;		/* one of the source's, shown as it is */
	const char *initial;		/* SQL of a profile's value without rows */
	const char *definition;		/* of the stored trait */
	const char *joined;			/* the function that makes one value of this
								 * column and the 'others', or NULL */
	List	   *others;			/* quoted names (char *) */
	bool		is_other;		/* is it one of these? */
	const char *settled;		/* the function that adds what is settled, in
								 * this column, to the rest, or NULL */
	const struct TraitColumn *series;	/* the rest */
	const char *until;			/* quoted: the column of the time before which
								 * events are settled */
	const char *counted_after;	/* of a window: SQL of the time up to which
								 * events do not count now; else NULL */
} TraitColumn;

/*
 * SQL of what is compared of a column in a row of that alias: events that have
 * left a window may still be in it, and columns that are read together are
 * compared together.  NULL if that is done with another column.
 */
extern char *trait_column_compared(const TraitColumn *column,
								   const char *alias);

/*
 * SQL that computes stored traits (names, char *) from a source, for all
 * profiles: a query with columns "key", "source_rows" and those of *columns
 * (TraitColumn *).  Stored traits of other sources are ignored.
 */
extern char *trait_source_query(const Source *source, List *stored,
								List **columns);

/*
 * trait_values_query() is the same without "source_rows".  Profiles that have
 * nothing in the windows of these traits, if all of them have windows, are
 * left out: they have what a profile without rows has.
 */
extern char *trait_values_query(const Source *source, List *stored,
								List **columns);

/* forms.c: aggregates over a window -------------------------------------- */

/*
 * Does the call read an aggregate off a series?  Then its first argument is
 * the series, and the next ones are those of filter_compile_window().
 */
extern bool trait_is_window(const FuncExpr *call);

/* What does such a call make of the events that count? */
extern WindowKind trait_window_kind(const FuncExpr *call);

#endif							/* SEGMENT_TRAIT_H */
