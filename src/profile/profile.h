/*-------------------------------------------------------------------------
 *
 * profile.h
 *	  Populations, and one profile's row.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_PROFILE_H
#define SEGMENT_PROFILE_H

#include "catalog/pg_attribute.h"
#include "executor/tuptable.h"
#include "fmgr.h"
#include "nodes/pg_list.h"
#include "storage/lockdefs.h"
#include "utils/relcache.h"
#include "utils/snapshot.h"
#include "utils/timestamp.h"

#include "base/base.h"

/* population.c: which populations are there? ------------------------------ */

/*
 * A population as its definition says.  Owned by the cache and good until the
 * end of the transaction: an entry that has become stale is replaced by the
 * next look-up, never changed.
 */
typedef struct Population
{
	Oid			base;			/* segment_data.<name> */
	Oid			view;			/* what the user sees */
	char	   *name;
	char	   *key;			/* the key column's name */
	Oid			key_type;
	Oid			key_collation;
	char	   *timezone;
	AttrNumber	ord_attno;
	AttrNumber	key_attno;
	AttrNumber	rows_attno;		/* source_rows */
	AttrNumber	evaluated_attno;	/* evaluated_at */
	AttrNumber	wake_attno;		/* wake_at */
	Oid			key_index;
	Oid			wake_index;
	bool		owners_code;	/* writing a row of the base table runs code of
								 * its owner's: triggers, checks, defaults ... */
} Population;

/*
 * By name; NULL stands for the only one there is.  ERRCODE_UNDEFINED_OBJECT
 * with the nearest name, or ERRCODE_AMBIGUOUS_PARAMETER when there are
 * several to choose from.
 */
extern const Population *population_by_name(const char *name);

/* The names (char *) of all populations, sorted, in the current context. */
extern List *population_names(void);

/*
 * By name; NULL if there is none, for who goes through population_names(): one
 * of them may be gone by now.
 */
extern const Population *population_find(const char *name);

/*
 * The population of that name if its base table does not exist any more, with
 * nothing in it but names and OIDs; NULL otherwise.  In the current context.
 */
extern const Population *population_lost(const char *name);

/* By base table or view; NULL if the relation is neither. */
extern const Population *population_by_relation(Oid relid);

/* A copy in the current context, for an entry of another cache. */
extern Population *population_copy(const Population *population);

/* The base table's columns by name, InvalidAttrNumber if there is none. */
extern AttrNumber population_column(const Population *population,
									const char *column);

/*
 * Defining needs ownership: ERRCODE_INSUFFICIENT_PRIVILEGE otherwise.  Any
 * reader of the view may ask.
 */
extern void population_check_owner(const Population *population);

/*
 * The same, and nobody else defines anything of it until the transaction ends:
 * SHARE UPDATE EXCLUSIVE on the base table, which lets readers and writers go
 * on.  Returns the population as it is now.  Transactions with a snapshot that
 * may be too old are refused; 'function' is the one that was called.
 */
extern const Population *population_definer(const Population *population,
											const char *function);

/*
 * Whoever may read the view may ask.  Holds that lock on it which reading it
 * takes, to the end of the transaction: from here on the population is not
 * dropped, and no column of its tables comes or goes.  Returns the population
 * as it is now.
 */
extern const Population *population_reader(const Population *population);

/*
 * The population of that name, with a lock on its base table to the end of the
 * transaction, for those who need no right to read it; NULL if there is none.
 * ACCESS SHARE holds it against being dropped, ROW SHARE against whoever
 * decides who is a member, too.
 */
extern const Population *population_keep(const char *name, LOCKMODE lock);

/*
 * The schema in which the user's new views are made, NULL if there is none: to
 * be asked before one acts as somebody else.  And NULL as an error.
 */
extern char *current_schema_name(void);
extern void check_schema_name(const char *schema);

/* segment_data.profile, quoted; and the view likewise, NULL if it was dropped */
extern char *population_base_name(const Population *population);
extern char *population_view_name(const Population *population);

/*
 * The definition of something in the population changed: at commit every
 * backend's caches, cached plans included, look again.
 */
extern void population_changed(const Population *population);

/*
 * Run a statement over the base table or the view as their owner, with
 * search_path pinned: every name in it is quoted and qualified.  The caller is
 * connected to SPI and has checked that the user may do this.
 */
extern void population_execute(const Population *population, const char *sql);

/*
 * The same for INSERT, UPDATE and DELETE of the base table.  Triggers that the
 * owner has declared deferred fire when the statement ends.
 */
extern void population_write(const Population *population, const char *sql);

/*
 * Make a table in schema segment_data that nobody writes but us; 'definition' is
 * what follows its name in CREATE TABLE.  Until it is given to a role, which wants
 * it, it belongs to the schema's owner, and catalog_execute() may alter it.
 */
extern Oid	data_table_create(const char *name, const char *definition);
extern void data_table_give(Oid relid, Oid role);

/*
 * What the population's view selects from: the base table, as "profile", in a way
 * that the server does not let anybody write through the view.
 */
extern char *view_source_sql(Oid base);

/*
 * Remove the population itself.  What other rooms keep for it is gone
 * already, except its view.
 */
extern void population_drop(const Population *population);

/*
 * A key given by the user, as the key's type.  'type' is the type of 'value':
 * the key's own, or text that is read as a key.
 */
extern Datum population_key(const Population *population, Datum value, Oid type);

extern void profile_init(void);

/* columns.c: columns of the base table that come and go --------------------- */

typedef struct ProfileColumn
{
	const char *suffix;			/* appended to the name */
	Oid			type;
	Oid			collation;
	const char *initial;		/* SQL of the value of a profile without events,
								 * or NULL for NULL */
} ProfileColumn;

/* Something that is stored in one column or more: s7, or s15 and s15_at. */
typedef struct ProfileThing
{
	const ProfileColumn *columns;
	int			ncolumns;
	const char *comment;
	char	   *name;			/* is given by population_add_columns() */
} ProfileThing;

/*
 * Add columns for things to the base table, and name them.  In rows that are there
 * they hold their initial value or NULL: whoever asks fills them.
 *
 * ERRCODE_PROGRAM_LIMIT_EXCEEDED if a row might become too long for a page;
 * ERRCODE_TOO_MANY_COLUMNS, or ERRCODE_OBJECT_IN_USE if only somebody's old
 * snapshot is in the way.  Locks the base table against readers.
 */
extern void population_add_columns(const Population *population,
								   ProfileThing *things, int count);

/*
 * Drop the columns of that name, as far as they are there; 'comment' says of what
 * they are, for an error.
 */
extern void population_drop_columns(const Population *population,
									const char *name, const char *comment);

/*
 * Drop what population_drop_columns() has left for the view's sake, if the base
 * table is locked for that: it reads these columns no more.
 */
extern void population_drop_unkept(const Population *population);

/* The columns of that name are commented anew. */
extern void population_comment_columns(const Population *population,
									   const char *name, const char *comment);

/* Is it one that nothing is stored in, and that rows are written without? */
extern bool profile_column_is_unused(const FormData_pg_attribute *column);

/* row.c: one profile's row -------------------------------------------------- */

/*
 * The base table, open for writing.  Holds ROW EXCLUSIVE on it to the end of
 * the transaction.  Until it is closed we act as the population's owner, as
 * the table may carry code of the owner's; closing it fires the AFTER triggers
 * of what was written.
 */
typedef struct ProfileTable ProfileTable;

extern ProfileTable *profile_open(const Population *population);
extern TupleDesc profile_columns(ProfileTable *table);

/*
 * Find and lock the row of a profile, to the end of the transaction.
 *
 * Returns its latest version, good until the next call for this table, or
 * NULL if there is no such profile.  Under REPEATABLE READ and SERIALIZABLE a
 * row that another transaction changed since our snapshot raises
 * ERRCODE_T_R_SERIALIZATION_FAILURE, as UPDATE does.
 */
extern TupleTableSlot *profile_lock(ProfileTable *table, Datum key);

/*
 * Write the row that profile_lock() returned last; values by attribute.  What
 * that returned stays as it was.
 */
extern void profile_update(ProfileTable *table, Datum *values, bool *isnull);
extern void profile_delete(ProfileTable *table);

/*
 * Create a row.  Returns false if another transaction has committed one with
 * the same key meanwhile: lock that one instead.  The value of ord is set
 * here.
 */
extern bool profile_insert(ProfileTable *table, Datum *values, bool *isnull);

/* The values of a profile of which nothing is known yet. */
extern void profile_initial(ProfileTable *table, Datum *values, bool *isnull);

/*
 * Rows of the base table, all columns deformed: one with these values, good
 * until the next is written; the one that was written last by update or insert;
 * and the blank one, a profile of which nothing is known, not even the key.
 */
extern TupleTableSlot *profile_of_values(ProfileTable *table, Datum *values,
										 bool *isnull);
extern TupleTableSlot *profile_written(ProfileTable *table);
extern TupleTableSlot *profile_blank(ProfileTable *table);

/* Another wake_at for a row that was read by a scan and that nobody else writes. */
extern void profile_set_wake(ProfileTable *table, TupleTableSlot *row,
							 TimestampTz wake_at);

/*
 * The next profile that is due at an instant, in the order of wake_at from *from on
 * at the first call for a table; locked, as by profile_lock(), all columns deformed.
 * Those that another transaction has locked are passed over, or waited for.  NULL
 * when there is none; else *from is where it was found.
 */
extern TupleTableSlot *profile_lock_due(ProfileTable *table, TimestampTz *from,
										TimestampTz at, bool wait);

extern void profile_close(ProfileTable *table);

/* due.c: whose time has come? -------------------------------------------------- */

/*
 * wake_at of a row, and as a value to be written.  DT_NOEND, which is never,
 * is stored as NULL.
 */
extern TimestampTz profile_wake_at(const Population *population,
								   TupleTableSlot *row);
extern void profile_put_wake_at(const Population *population,
								TimestampTz wake_at, Datum *values, bool *isnull);

/*
 * The profiles with from <= wake_at <= at that a snapshot shows, in that order;
 * their rows, all columns deformed, are good until the next.  The caller has
 * seen to it that the user may know.
 */
typedef struct DueScan DueScan;

extern DueScan *profile_due_begin(const Population *population,
								  TimestampTz from, TimestampTz at,
								  Snapshot snapshot);
extern TupleTableSlot *profile_due_next(DueScan *scan);
extern void profile_due_end(DueScan *scan);

/* When is somebody due next?  The earliest wake_at; DT_NOEND if nobody is. */
extern TimestampTz profile_next_due(const Population *population,
									Snapshot snapshot);

/* question.c: questions of those who may only read the view ---------------- */

/*
 * A question is asked as the population's owner, because readers have no
 * right on the base table.  The caller has checked the reader's right:
 * population_reader().  Between begin and end SPI is connected and
 * search_path pinned.
 */
typedef struct OwnersQuestion
{
	Actor		before;
} OwnersQuestion;

extern void question_begin(OwnersQuestion *question,
						   const Population *population);
extern void question_end(OwnersQuestion *question);

/* An item of FROM: the base table, as "profile". */
extern char *profiles_sql(const Population *population);

/*
 * A profile's row of the base table, with its columns where the compiler
 * expects them, dropped ones included; NULL if there is no such profile.
 * Called within a question.
 */
extern TupleTableSlot *profile_row(const Population *population, Datum key);

/* Report that there is no profile of that key: ERRCODE_NO_DATA_FOUND. */
pg_noreturn extern void profile_missing(const Population *population,
										Datum key);

/* arguments.c: arguments of SQL functions ----------------------------------- */

/* An argument as a name; NULL for NULL. */
extern const char *optional_name_argument(FunctionCallInfo fcinfo,
										  int argument);
/* An argument, of the key's type or text, as a key of the population. */
extern Datum key_argument(FunctionCallInfo fcinfo, int argument,
						  const Population *population);

#endif							/* SEGMENT_PROFILE_H */
