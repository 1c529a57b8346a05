/*-------------------------------------------------------------------------
 *
 * source.h
 *	  The user's own tables that feed a population.
 *
 *		shop.orders	──► source "orders" of population "profile"
 *						key customer_id, time ordered_at
 *		shop.events	──► source "opens", its rows with kind = "open"
 *					──► source "clicks", those with kind = "click"
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_SOURCE_H
#define SEGMENT_SOURCE_H

#include "access/attnum.h"
#include "access/tupdesc.h"
#include "nodes/pg_list.h"
#include "storage/lockdefs.h"
#include "utils/relcache.h"
#include "utils/reltrigger.h"

#include "filter/filter.h"
#include "profile/profile.h"

/* source.c: which sources are there? -------------------------------------- */

/* The most links that a source may have, and the most columns of a link. */
#define MOST_LINKS	16
#define MOST_PAIRS	4

/* A column that refers to another one. */
typedef struct LinkPair
{
	char	   *of_column;
	AttrNumber	of_attno;
	Oid			of_type;		/* see link_type() */
	char	   *to_column;
	AttrNumber	to_attno;
	Oid			to_type;
} LinkPair;

/*
 * A table to which a row of a source refers: its parent, or a look-up.  Links
 * have numbers from 1 on; the row of the source itself is number 0.
 */
typedef struct SourceLink
{
	char	   *name;			/* in filters, as in orders.status */
	Oid			relid;
	int			of;				/* whose row refers to it */
	int			npairs;			/* by which columns to which ones, that are */
	LinkPair	pairs[MOST_PAIRS];	/* unique together */
	bool		look_up;		/* not on the way to the key */
	int			offset;			/* of its columns in a joined row */
} SourceLink;

/*
 * A table attached to a population.  Events have a time, attributes none.
 * Owned by the cache and good until the end of the transaction.
 *
 * A source is unfit if its table or a column is gone, or is not what was
 * attached: 'missing' says what, as in 'column "ordered_at"', and 'unfit_type'
 * which type that column has now (InvalidOid: it is gone).
 */
typedef struct Source
{
	char	   *name;
	const Population *population;
	Oid			relid;			/* of the table, or of what was one */
	char	   *key;			/* the name of the key's column */
	char	   *at;				/* that of the time, or NULL */
	AttrNumber	key_attno;
	Oid			key_type;		/* of the column */
	KeyForm		key_form;		/* how a key is made of it */
	AttrNumber	at_attno;		/* InvalidAttrNumber: an attribute source */
	Oid			at_type;		/* date, timestamp or timestamptz */
	FilterNode *filter;			/* which rows of the table; NULL: all */
	char	   *through;		/* the source of its parents, or NULL */
	char	   *table_name;		/* of the table, as far as we know */
	char	   *given;			/* the name that it was given, if it has
								 * followed its table; or NULL */
	int			key_link;		/* in whose row the key is */
	int			at_link;		/* in whose row the time is */
	int			nlinks;
	SourceLink *links;			/* the first has number 1 */
	char	   *missing;		/* NULL: the source is fit to be read */
	Oid			unfit_type;
	int32		build;			/* that is attaching it; 0: it is attached */
	int32		attaching;		/* of a source that a trigger speaks for: the
								 * build that attaches any source of the
								 * population, or 0 */
} Source;

/* source_init() makes the cache of the triggers' sources. */
extern void source_init(void);

/*
 * source_by_name() finds a source of the population, NULL if there is none of
 * that name; source_names() lists the names (char *) of all, sorted.
 */
extern const Source *source_by_name(const Population *population,
									const char *name);
extern List *source_names(const Population *population);

/*
 * A table of a source's tree: how its rows are made rows of the table at the
 * top, which the source is.  'sources' are those that a trigger speaks for.
 */
typedef struct SourceTable
{
	Oid			relid;			/* of the table at the top */
	List	   *sources;		/* Source * */
	struct AttrMap *columns;	/* of each column at the top, which one it is
								 * here; NULL: the rows look the same */
	TupleDesc	desc;			/* of rows of the table at the top, if
								 * 'columns' are given */
} SourceTable;

/*
 * sources_of_trigger() finds the sources that a table is, or is part of, in
 * the population that its capture trigger names in its arguments: an error if
 * there is none, or if one of them is unfit.
 */
extern const SourceTable *sources_of_trigger(const Trigger *trigger,
											 Relation relation);

/*
 * The second argument of the capture triggers of a table whose rows are
 * reported one by one.
 */
#define CAPTURE_BY_ROW	"rows"

/*
 * source_is_made_of() says whether a source reads a relation, which is at the
 * top of its tree.
 */
extern bool source_is_made_of(const Source *source, Oid relid);

/* source_copy() copies a source into the current memory context. */
extern Source *source_copy(const Source *source);

/*
 * source_check() raises an error if the source is unfit; source_trouble() says
 * the same in words, as in 'column "at" of source "orders" does not exist any
 * more', or NULL.
 */
extern void source_check(const Source *source);
extern char *source_trouble(const Source *source);

/*
 * source_is_kept() says whether the table of a source is one of schema
 * segment_data, which only segment writes.
 */
extern bool source_is_kept(const Source *source);

/* source_time_fits() says whether a column can hold the times of events. */
extern bool source_time_fits(Oid type);

/*
 * source_key() gets the key of a row as the population's key type, in the
 * current context or in the row; false if it is NULL: such a row belongs to no
 * profile and is ignored.
 */
extern bool source_key(const Source *source, TupleTableSlot *row, Datum *key);

/*
 * The most bytes that a key of type text or numeric may have: it must fit into
 * an index, whether it can be compressed or not.
 */
#define SOURCE_KEY_LENGTH	2600

/*
 * source_check_key_length() raises ERRCODE_PROGRAM_LIMIT_EXCEEDED if a key of
 * the source has more bytes than that; source_key() calls it itself.
 */
extern void source_check_key_length(const Source *source, int64 length);

/*
 * source_key_column() and source_table_name() are the names of the key's
 * column and of the table, quoted for SQL, of a source that is fit.
 */
extern char *source_key_column(const Source *source);
extern char *source_table_name(const Source *source);

/* tree.c: partitions, and tables that inherit ----------------------------- */

/*
 * source_parents() lists the tables (OIDs) right above one, and source_top()
 * is the one at the top of its tree, or the table itself.  source_top_of() is
 * the same for a table that is open, and reads no catalog if that one inherits
 * nothing.
 */
extern List *source_parents(Oid relid);
extern Oid	source_top(Oid relid);
extern Oid	source_top_of(Relation relation);

/*
 * source_tree() lists a table and all below it (OIDs), what is above before
 * what is below, and locks them in this order, unless the mode is NoLock.
 * source_is_inherited() says whether a table is not partitioned, and others
 * inherit from it.
 */
extern List *source_tree(Oid relid, LOCKMODE mode);
extern bool source_is_inherited(Oid relid);

/*
 * source_shows() says whether queries of 'top' see the rows of a table below
 * it: not if it is being detached concurrently.
 */
extern bool source_shows(Oid top, Oid relid);

/*
 * source_table_describe() finds out, in the current context, how rows of a
 * relation are made rows of the table at its top; it names no sources.
 *
 * source_table_slot() makes a slot for that, NULL if they look the same, and
 * source_table_row() puts such a row there and returns it, or the row itself.
 */
extern void source_table_describe(SourceTable *table, Relation relation,
								  Oid top);
extern TupleTableSlot *source_table_slot(const SourceTable *table);
extern TupleTableSlot *source_table_row(const SourceTable *table,
										TupleTableSlot *row,
										TupleTableSlot *slot);

/* mentions.c: who mentions a column? -------------------------------------- */

/*
 * A column of a table, by its name in definitions, and the sources (Source *)
 * of a population that the table is, or is linked to.
 */
typedef struct SourceColumn
{
	Oid			relid;
	const char *name;			/* NULL: whichever column */
	const char *new_name;		/* or NULL */
	List	   *sources;
} SourceColumn;

/*
 * source_column() makes one; the sources are in the current context.
 * source_of_column() finds one of the sources by its name, or NULL.
 */
extern SourceColumn source_column(const Population *population, Oid relid,
								  const char *name, const char *new_name);
extern const Source *source_of_column(const SourceColumn *column,
									  const char *source);

/*
 * Does a filter or operand over the source's row mention the column?  And the
 * same with the column's new name: an error if that cannot be written there.
 */
extern bool source_row_reads(const Source *source, const FilterNode *node,
							 const SourceColumn *column);
extern FilterNode *source_row_rename(const Source *source,
									 const FilterNode *node,
									 const SourceColumn *column);

/*
 * source_relabel() lets the filters of a population's sources follow a label
 * (FilterLabel) that has got another name.
 */
extern void source_relabel(const Population *population,
						   const FilterLabel *label);

/*
 * What the source itself needs the column for: "key", "time", "filter" or
 * "link"; NULL if it does not.
 */
extern const char *source_needs_column(const Source *source,
									   const SourceColumn *column);

/*
 * source_is_unique() says whether an index other than 'without' says that the
 * rows of a source are unique by a column, in a partitioned table by it and
 * the partition key; source_is_parted(), whether only by both, so that rows of
 * several partitions may have one value, and source_is_numbered(), whether
 * they do not mean to, as values come from a sequence or are uuids: of a
 * column that there is.  source_lacks_unique() says whether the source needs
 * the rows of a table to be unique, by its key or a link, and no index says
 * so.
 */
extern bool source_is_unique(const Source *source, const char *column,
							 Oid without);
extern bool source_is_parted(const Source *source, const char *column);
extern bool source_is_numbered(const Source *source, const char *column);
extern bool source_lacks_unique(const Source *source, Oid relid, Oid without);

/*
 * source_tables_attached() lists the tables (OIDs) that sources of any
 * population are made of, sorted; source_tables_among() lists those of them
 * that are among some, and source_populations() names (char *) the populations
 * that have sources of a table.  No table but ours is opened.
 */
extern List *source_tables_attached(void);
extern List *source_tables_among(List *tables);
extern List *source_populations(Oid relid);

/* links.c: rows to which a row refers ------------------------------------- */

/* source_relid() is the table of a link's rows; number 0: the source's. */
extern Oid	source_relid(const Source *source, int number);

/* source_attno() is the number of a link's column in the joined row. */
extern AttrNumber source_attno(const Source *source, int number,
							   AttrNumber attno);

/*
 * source_row_desc() describes a joined row: the columns of the source's table,
 * then those of each link.
 */
extern TupleDesc source_row_desc(const Source *source);

/*
 * source_row_expr() makes of an expression over the source's row and those of
 * its links, which are range table entries 1, 2 ..., one over the joined row.
 */
extern Expr *source_row_expr(const Source *source, Expr *expr);

/*
 * source_deparse_context() is the context in which such expressions print: the
 * rows are r, r1, r2 ...
 */
extern List *source_deparse_context(const Source *source);

/*
 * link_values_up() makes of values of the columns that refer those of the ones
 * that are referred to, and link_values_down() the other way round: these may
 * be integers of different sizes.  False if there are none.
 */
extern bool link_values_up(const SourceLink *link, Datum *values);
extern bool link_values_down(const SourceLink *link, Datum *values);

/*
 * source_joins_by_index() says whether indexes find all rows of a profile, and
 * all rows that these refer to.  False if the source has no links.
 */
extern bool source_joins_by_index(const Source *source);

/* indexes.c: do indexes find all rows of a profile, whatever the source is? */
extern bool source_finds_profiles(const Source *source);

/* probe.c: rows that are there now ---------------------------------------- */

typedef struct SourceProbe SourceProbe;

/* A row that was found; false ends the search. */
typedef bool (*ProbedRow) (TupleTableSlot *row, void *context);

/* Do two versions of a row agree in all that counts? */
typedef bool (*AlikeRows) (TupleTableSlot *before, TupleTableSlot *after,
						   void *context);

/*
 * source_probe_begin() opens a table, to find rows by some columns.  The lock
 * is kept to the end of the transaction.
 *
 * source_probe() calls 'found' for the rows that have the values, as they will
 * be when all transactions that have written them have ended: it waits for
 * these, and may call 'found' again for a row.  Under REPEATABLE READ and
 * SERIALIZABLE a row that the snapshot does not show is
 * ERRCODE_T_R_SERIALIZATION_FAILURE.
 */
extern SourceProbe *source_probe_begin(Oid relid, const AttrNumber *columns,
									   int ncolumns);
extern void source_probe(SourceProbe *probe, const Datum *values,
						 ProbedRow found, void *context);
extern void source_probe_end(SourceProbe *probe);

/*
 * source_probe_alike() lets a probe of unique columns not wait for a
 * transaction that changes nothing of a row that counts.
 */
extern void source_probe_alike(SourceProbe *probe, AlikeRows alike,
							   void *context);

/* scope.c: what do names mean in a row of a source? ----------------------- */

/*
 * source_scope() makes the scope of the source's row, which is range table
 * entry 1: its columns, as far as their values are stored.  'text' is what a
 * filter was parsed from, or NULL.
 */
extern FilterScope *source_scope(const Source *source, const char *text);

/*
 * source_time() is the time of the source's row as timestamptz; NULL for an
 * attribute source.
 */
extern Expr *source_time(const Source *source);

/*
 * source_condition() is the filter of the source over its row, NULL if all
 * rows are its rows; an error if the filter does not bind.  'text' is as for
 * source_scope().
 */
extern Expr *source_condition(const Source *source, const char *text);

/*
 * source_condition_sql() is the same as SQL, in which columns stand with the
 * aliases of source_from_sql() if 'qualified'.
 */
extern char *source_condition_sql(const Source *source, bool qualified);

/*
 * source_condition_error() is the error of source_condition(), NULL if the
 * filter binds.
 */
extern ErrorData *source_condition_error(const Source *source);

/* rows.c: which rows does a source have? ---------------------------------- */

/*
 * source_relations() lists the tables (OIDs) that the source names, as far as
 * they exist; source_tables() those in their trees, too.
 */
extern List *source_relations(const Source *source);
extern List *source_tables(const Source *source);

/*
 * source_from_sql() is FROM and WHERE of a query that reads the rows, as "r",
 * and those to which they refer, as "r1", "r2" ...; 'condition' is SQL that
 * has to hold, too, or NULL.  source_key_sql() is the column of the key in it,
 * source_time_sql() that of the time.
 */
extern char *source_from_sql(const Source *source, const char *condition);
extern char *source_key_sql(const Source *source);
extern char *source_time_sql(const Source *source);

/*
 * source_from_key_sql() is the same for a source that joins by index, where
 * 'condition' is about the column of the key: it reads the row with the key
 * first, then those that refer to it, then all others, each by its index.
 */
extern char *source_from_key_sql(const Source *source, const char *condition);

/*
 * source_lock() locks the tables and all below them, to the end of the
 * transaction.
 */
extern void source_lock(const Source *source, LOCKMODE mode);

/*
 * source_hold() finds a source and locks its tables for who reads them, unless
 * they are gone, or a role may not read them (InvalidOid: any may).  Once they
 * are locked it is neither detached nor renamed.  NULL if it was detached.
 * sources_hold() does so with all sources of a population; look it up again
 * afterwards.
 */
extern const Source *source_hold(const Population *population,
								 const char *name, Oid reader);
extern void sources_hold(const Population *population, Oid reader);

/*
 * source_is_readable() says whether a role has SELECT on the tables, and
 * source_shows_all_rows() whether, beside that, no policy hides rows from it.
 */
extern bool source_is_readable(const Source *source, Oid role);
extern bool source_shows_all_rows(const Source *source, Oid role);

typedef struct SourceScan SourceScan;

/*
 * source_scan_begin() begins to scan all rows of one table that are committed
 * now, whatever the transaction's snapshot shows.  The caller has locked the
 * table; one that is partitioned has no rows itself.  source_scan_next()
 * returns a row, as one of the table at the top of the tree, which is good
 * until the next one, or NULL at the end.
 */
extern SourceScan *source_scan_begin(Relation table, Oid top);
extern TupleTableSlot *source_scan_next(SourceScan *scan);
extern void source_scan_end(SourceScan *scan);

/* eligible.c: who may read and attach it? --------------------------------- */

/*
 * source_check_rights() raises an error if the user may not attach the table
 * with all below it, or the population's owner may not read all of it.  Call
 * it before the table is locked.
 */
extern void source_check_rights(const Population *population, Oid relid);

/*
 * source_check_apart() raises an error if a table that has come to be below
 * others is a source itself, or if one below it is.
 */
extern void source_check_apart(Oid relid);

/*
 * source_check_below() raises an error if the rows of a table that is part of
 * a source's tree now, or of one below it, could change unnoticed.
 */
extern void source_check_below(Oid relid);

/*
 * source_check_readable() raises an error if the source is unfit, or if the
 * population's owner may not read all of it.  Call it before the source is
 * locked.  source_warn_hidden() warns if that role may not read all of it; the
 * source is fit.
 */
extern void source_check_readable(const Source *source);
extern void source_warn_hidden(const Source *source);

/* attach.c: changing sources ---------------------------------------------- */

/* What segment.attach_source() is asked for. */
typedef struct SourceRequest
{
	Oid			relid;			/* of the table */
	const char *key;			/* NULL: the name of the population's key */
	const char *at;				/* NULL: an attribute source */
	const char *name;			/* NULL: the name of the table */
	const FilterSource *filter; /* NULL: all rows */
	bool		replicated;		/* rows arrive by logical replication */
	const char *through;		/* source of the parents; NULL: none */
	const char *link;			/* column that refers to them; NULL: find it */
	Datum		look_up;		/* jsonb, as {"product": "products using
								 * product_id"}; 0: none */
	bool		kept;			/* a table of ours, in schema segment_data */
	int32		build;			/* that is going to count its rows; 0: none */
} SourceRequest;

/*
 * source_attached() says that the rows of a source have been counted by the
 * build that attaches it.
 */
extern void source_attached(const Population *population);

/*
 * source_attach() makes a table a source: checks it, writes the row of
 * segment.source and creates the triggers, unless another source of the table
 * in this population has them.
 *
 * The caller is the population's definer, and acts as the user, who has passed
 * source_check_rights().  Takes SHARE ROW EXCLUSIVE on the table, so that no
 * writer is on its way when this returns.
 */
extern const Source *source_attach(const Population *population,
								   const SourceRequest *request);

/*
 * source_detach() deletes the row of segment.source, and drops the triggers if
 * the table is still there and no other source of the population needs them.
 * Nothing depends on the source any more.
 */
extern void source_detach(const Source *source);

/*
 * source_check_not_parent() raises ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST if
 * another source goes through this one.
 */
extern void source_check_not_parent(const Source *source);

/*
 * source_rename() gives a source another name.  The table, if it is there, is
 * locked against writers.
 */
extern void source_rename(const Source *source, const char *new_name);

/*
 * source_note_table() notes the name of a source's table, and the name that
 * the source was given (or NULL).
 */
extern void source_note_table(const Source *source, const char *given);

/*
 * source_move() puts a source onto another table, or onto its own, with
 * triggers made anew; sources that go through it go with it.  The rest is as
 * for source_attach().  What is made of it has still to be computed.
 */
extern void source_move(const Source *source, Oid relid);

/*
 * source_rename_column() lets all sources of a population follow a column that
 * has got a new name.
 */
extern void source_rename_column(const Population *population,
								 const SourceColumn *column);

/*
 * source_check_name() raises ERRCODE_DUPLICATE_OBJECT if the population has a
 * source of that name, and an error if the name is empty.
 */
extern void source_check_name(const Population *population, const char *name);

/* capture_triggers.c ------------------------------------------------------ */

/*
 * source_is_captured() says whether the triggers are there and enabled: the
 * one before a statement, and one after each kind of it; and where rows arrive
 * by logical replication, that for each row.
 */
extern bool source_is_captured(const Source *source);

/*
 * source_is_followed() says whether a table has capture triggers, and
 * sources_followed() lists the sources (Source *) that it is in the
 * populations that they name; they are good until the transaction ends.
 *
 * source_follow() gives a table, and all below it, the triggers that 'top'
 * has, as the current user; source_unfollow() drops those of one table.
 */
extern bool source_is_followed(Oid relid);
extern List *sources_followed(Oid relid);
extern void source_follow(Oid top, Oid relid);
extern void source_unfollow(Oid relid);

/* trigger_is_capture() says whether attach_source() made the trigger. */
extern bool trigger_is_capture(const Trigger *trigger);

/*
 * users_code.c: table_runs_code() says whether code of users runs where rows
 * of a table that we keep are written: triggers, rules, constraints, indexes.
 */
extern bool table_runs_code(Relation relation);

#endif							/* SEGMENT_SOURCE_H */
