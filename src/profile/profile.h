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
#include "utils/reltrigger.h"
#include "utils/snapshot.h"
#include "utils/timestamp.h"

#include "base/base.h"

/* population.c: which populations are there? ------------------------------ */

/*
 * A population as it is defined.  Owned by the cache and good until the end of
 * the transaction: an entry that has become stale is replaced by the next
 * look-up, never changed.
 */
typedef struct Population
{
	/*
	 * The OID of the base table, whose rows are the profiles.  Other rooms
	 * know a population by this OID: they lock it, act as its owner, and make
	 * cache entries of it.
	 */
	Oid			oid;
	Oid			view;			/* what the user sees */
	char	   *name;
	char	   *key;			/* the key column's name */
	Oid			key_type;
	Oid			key_collation;
	char	   *timezone;
	const struct ProfileStore *store;	/* private to this room */
} Population;

/*
 * The population of that name; NULL stands for the only one there is.
 * ERRCODE_UNDEFINED_OBJECT with the nearest name, or
 * ERRCODE_AMBIGUOUS_PARAMETER when there are several to choose from.
 */
extern const Population *population_by_name(const char *name);

/* The names (char *) of all populations, sorted, in the current context. */
extern List *population_names(void);

/*
 * The population of that name, or NULL: for callers that go through
 * population_names(), of which one may be gone by now.
 */
extern const Population *population_find(const char *name);
/* Its base table, though it may be gone or broken; InvalidOid: none such. */
extern Oid	population_base(const char *name);

/*
 * The population of that name if its base table does not exist any more, with
 * nothing in it but names and OIDs; NULL otherwise.  In the current context.
 */
extern const Population *population_lost(const char *name);

/* The population of a base table or view; NULL if the relation is neither. */
extern const Population *population_by_relation(Oid relid);

/* A copy in the current context, for an entry of another cache. */
extern Population *population_copy(const Population *population);

/* A column of the base table by name, InvalidAttrNumber if there is none. */
extern AttrNumber population_column(const Population *population,
									const char *column);
/* The same, with all that is known of it; false if there is none. */
extern bool population_find_column(const Population *population,
								   const char *column,
								   FormData_pg_attribute *found);

/*
 * The names of base table and view, qualified and quoted: segment_data.shop.
 * The second is NULL if the view was dropped.
 */
extern char *population_base_name(const Population *population);
extern char *population_view_name(const Population *population);

/*
 * Announce that a definition of the population has changed: after commit each
 * backend reads it anew, and plans anew what it had planned.
 */
extern void population_changed(const Population *population);

/* Make the cache of populations. */
extern void profile_init(void);

/* rights.c: who may define, and who may read? ----------------------------- */

/* ERRCODE_INSUFFICIENT_PRIVILEGE if the user does not own the population. */
extern void population_check_owner(const Population *population);

/*
 * Check that the user owns the population, and keep others from defining
 * anything of it until the transaction ends: SHARE UPDATE EXCLUSIVE on the
 * base table, which lets readers and writers go on.  Returns the population as
 * it is now.  A transaction whose snapshot may be too old is refused;
 * 'function' is the SQL function that was called, for that error.
 */
extern const Population *population_definer(const Population *population,
											const char *function);

/*
 * Check that the user may read the view, and lock it as reading it does, to
 * the end of the transaction: from here on the population is not dropped, and
 * no column of its tables comes or goes.  Returns the population as it is now.
 */
extern const Population *population_reader(const Population *population);

/*
 * The population of that name, with a lock on its base table to the end of the
 * transaction, whatever the user's rights; NULL if there is none.  ACCESS
 * SHARE keeps it from being dropped, ROW SHARE also from having its members
 * decided.
 */
extern const Population *population_keep(const char *name, LOCKMODE lock);

/*
 * Refuse transactions whose snapshot may be too old to show what has to be
 * counted: ERRCODE_FEATURE_NOT_SUPPORTED in REPEATABLE READ and SERIALIZABLE.
 * 'function' is the SQL function that was called.  population_definer() does
 * this by itself.
 */
extern void check_read_committed(const char *function);

/* create.c: make and drop a population ------------------------------------ */

/*
 * The schema in which the user's new views are made, NULL if there is none:
 * ask for it before acting as another role.  The second raises an error for
 * NULL.
 */
extern char *current_schema_name(void);
extern void check_schema_name(const char *schema);

/*
 * The FROM item of a population's view: the base table, as "profile", in a
 * form for which the server refuses all writes through the view.
 */
extern char *view_source_sql(Oid base);

/*
 * Remove the population itself.  Other rooms have removed what they keep for
 * it, except its view.
 */
extern void population_drop(const Population *population);

/* execute.c: SQL over what belongs to a population's owner ---------------- */

/*
 * Run a statement that makes, alters or drops what belongs to the owner of a
 * population, as that owner, with search_path pinned: every name in it is
 * quoted and qualified.  The caller is connected to SPI and has checked that
 * the user may do this.
 */
extern void population_execute(const Population *population, const char *sql);

/* The same for SELECT, with or without a lock of rows. */
extern void population_select(const Population *population, const char *sql);

/*
 * The same for INSERT, UPDATE and DELETE of the base table, and of others that
 * we keep for its owner.  Triggers that the owner has declared deferred fire
 * when the statement ends.  Returns how many rows were written.
 */
extern uint64 population_write(const Population *population, const char *sql);

/* rewrite.c: write all rows of the base table ----------------------------- */

/*
 * population_rewrite() writes the base table anew, with what a query returns:
 * the "ctid" of a row of the base table, in that order, and behind it columns
 * of the base table, by name.  Rows that it does not return stay as they are.
 * Where "ctid" is NULL it is a new row, which has the defaults of the other
 * columns.  Returns how many it returned.  The caller is connected to SPI.
 *
 * population_may_rewrite() says whether that may be done in place of an
 * UPDATE: the base table is locked against readers, and nobody is to be told
 * of the rows.
 */
extern int64 population_rewrite(const Population *population,
								const char *sql);
extern bool population_may_rewrite(const Population *population);

/* data_table.c: tables in schema segment_data ----------------------------- */

/*
 * Make a table in schema segment_data that only segment writes; 'definition'
 * is what follows its name in CREATE TABLE.  'instead' names the functions
 * that write it, for an error, or is NULL: then events do.  The table belongs
 * to the schema's owner, and catalog_execute() may alter it, until it is given
 * to the role for which it was made.
 */
extern Oid	data_table_create(const char *name, const char *definition,
							  const char *instead);
extern void data_table_give(Oid relid, Oid role);

/* trigger_is_read_only() says whether it is the one that refuses writes. */
extern bool trigger_is_read_only(const Trigger *trigger);

/*
 * data_table_is_guarded() says whether a table has that trigger.  pg_restore
 * makes it after all else of the table, and drops it first.
 */
extern bool data_table_is_guarded(Oid relid);

/* data_shape.c: what must not become of such a table? --------------------- */

/*
 * Raise an error if that has become of a table that is guarded: it is not
 * logged, has rules, is above or below another table, or is of a type.
 */
extern void data_table_check(Oid relid);

/*
 * Raise an error if a column of such a table is to be numbered in another way,
 * or a sequence that does that is to be altered, unless the options (DefElem)
 * only say how many numbers are cached.  NIL: it is none of the options.
 */
extern void data_table_check_numbers(Oid relid, const char *column,
									 const List *options);
extern void data_table_check_sequence(Oid relid, const List *options);

/* base_shape.c: what may the owner of a base table not do to it? ---------- */

/*
 * Raise an error if a table is the base table of a population, and its owner
 * may not alter a column of it, drop an index of it, or has made of it a table
 * in which profiles cannot be kept.  The first two are to be asked before that
 * is done; the last one of a table that is guarded.
 */
extern void population_check_column(Oid relid, const char *column);
extern void population_check_index(Oid index, Oid relid);
extern void population_check_table(Oid relid);

/* key.c: what is the key of a profile? ------------------------------------ */

/*
 * Hash and order of keys: one order for all transactions that lock several
 * profiles.  It is the order of the bytes, not that of the index.
 */
extern uint32 profile_key_hash(const Population *population, Datum key);
extern int	profile_key_compare(const Population *population, Datum a,
								Datum b);

/*
 * A copy of a key, and its text, in the current context; no catalog is read.
 */
extern Datum profile_key_copy(const Population *population, Datum key);
extern char *profile_key_text(const Population *population, Datum key);

/* What it takes to make a key of a column's value. */
typedef enum KeyForm
{
	KEY_REFUSED = 0,			/* a column of this type holds no such keys */
	KEY_AS_IS,					/* the bytes are the key's */
	KEY_OF_SMALLINT,
	KEY_OF_INTEGER,
	KEY_OF_BIGINT,
	KEY_OF_NUMERIC,				/* 7.00 is 7 */
	KEY_OF_PADDED,				/* char(n), without the blanks at its end */
	KEY_OF_CITEXT,				/* in lower case */
	KEY_OF_LABEL,				/* of an enum */
} KeyForm;

/*
 * profile_key_form() says how a key of the population is made of a column of a
 * type, which may be a domain.
 */
extern KeyForm profile_key_form(const Population *population, Oid type);

/*
 * profile_key_of() makes a key of a column's value, in the current context
 * unless the value is the key.
 */
extern Datum profile_key_of(const Population *population, Datum value,
							KeyForm form);

/*
 * profile_key_sql() is SQL that does the same: 'column' is SQL of a value of
 * 'type'.  profile_key_any_sql() is SQL that says whether the value's key is
 * in the array 'keys' of keys, and can use an index on the column.
 */
extern char *profile_key_sql(const Population *population, const char *column,
							 Oid type);
extern char *profile_key_any_sql(const Population *population,
								 const char *column, Oid type,
								 const char *keys);

/*
 * profile_key_length() is the bytes of a key that may be too long for an
 * index, 0 for one of a type that cannot be; profile_key_length_sql() is SQL
 * of it, NULL for such a type.
 */
extern int64 profile_key_length(const Population *population, Datum key);
extern char *profile_key_length_sql(const Population *population,
									const char *column, Oid type);

/*
 * The key that a user gave as an argument of a function.  'type' is the type
 * of 'value': the key's own, bigint for integer, or text that is read as a
 * key.
 */
extern Datum profile_key_argument(const Population *population, Datum value,
								  Oid type);

/* store.c: what is where in a row? ---------------------------------------- */

/*
 * The columns that every profile has, from a row of the base table.  A blank
 * row has neither ord nor key.  profile_wake_at() returns DT_NOEND, never,
 * where NULL is stored.
 */
extern int64 profile_ord(const Population *population, TupleTableSlot *row);
extern Datum profile_key(const Population *population, TupleTableSlot *row);
extern int64 profile_source_rows(const Population *population,
								 TupleTableSlot *row);
extern TimestampTz profile_evaluated_at(const Population *population,
										TupleTableSlot *row);
extern TimestampTz profile_wake_at(const Population *population,
								   TupleTableSlot *row);

/*
 * Set these columns in a row that profile_edit() or profile_edit_new()
 * returned.
 */
extern void profile_set_source_rows(const Population *population,
									TupleTableSlot *row, int64 count);
extern void profile_set_evaluated_at(const Population *population,
									 TupleTableSlot *row, TimestampTz at);
extern void profile_set_wake_at(const Population *population,
								TupleTableSlot *row, TimestampTz wake_at);

/* table.c: the base table, open for writing ------------------------------- */

typedef struct ProfileTable ProfileTable;

/*
 * Open the base table for writing, with ROW EXCLUSIVE on it to the end of the
 * transaction, and close it.  Between these we act as the population's owner,
 * as the table may carry code of the owner's; closing the table fires the
 * AFTER triggers of the rows that were written.
 *
 * profile_finish() closes the table, but we act as its owner still, until
 * profile_close() is called.
 */
extern ProfileTable *profile_open(const Population *population);
extern void profile_finish(ProfileTable *table);
extern void profile_close(ProfileTable *table);

/*
 * profile_leave_open() is for who has locked one row, and goes on without the
 * table until it is written: we act as before, and the next profile_open() in
 * the subtransaction takes the table over, and profile_lock() the row.  The
 * caller's memory context, in which it was opened, lives until then, or until
 * profile_close_left() closes a table that was left open, if there is one.
 * That comes before whatever may change the table in another way: SQL, say.
 *
 * profile_forget_left() is for the end of a transaction, and
 * profile_discard_left() for a subtransaction that is rolled back.
 */
extern void profile_leave_open(ProfileTable *table);
extern void profile_close_left(void);
extern void profile_forget_left(void);
extern void profile_discard_left(SubTransactionId subid);

/*
 * A row of a profile of which nothing is known, not even ord and key: filters
 * are evaluated on it for a profile that is not there.
 */
extern TupleTableSlot *profile_blank(ProfileTable *table);

/* row.c: one profile's row ------------------------------------------------ */

/*
 * Find and lock the row of a profile, to the end of the transaction.
 *
 * Returns its latest version, all columns deformed, good until the next row of
 * this table is locked, or NULL if there is no such profile.  Under REPEATABLE
 * READ and SERIALIZABLE a row that another transaction changed since our
 * snapshot raises ERRCODE_T_R_SERIALIZATION_FAILURE, as UPDATE does.
 */
extern TupleTableSlot *profile_lock(ProfileTable *table, Datum key);

/*
 * profile_check_absent() is for who writes nothing because profile_lock() has
 * found no row, though rows of the key have gone: TRUNCATE, say, takes what is
 * committed, whatever the snapshot shows.  Under REPEATABLE READ and
 * SERIALIZABLE it raises ERRCODE_T_R_SERIALIZATION_FAILURE if a profile of the
 * key was committed since our snapshot.
 */
extern void profile_check_absent(const ProfileTable *table, Datum key);

/*
 * The snapshot by which profile_lock() has found a row, or none; good until
 * the next call of it.
 */
extern Snapshot profile_snapshot(const ProfileTable *table);

/*
 * The row that is written next, to be changed in place (tts_values and
 * tts_isnull): a copy of the row that was locked last, or the row of a new
 * profile.  Good until the next one; what is stored in it must be good until
 * it is written.  The locked row stays as it was.
 */
extern TupleTableSlot *profile_edit(ProfileTable *table);
extern TupleTableSlot *profile_edit_new(ProfileTable *table, Datum key);

/* The edited row once more, as it is by now. */
extern TupleTableSlot *profile_edited(ProfileTable *table);

/*
 * Look with a new snapshot from here on, which shows what was written since
 * the table was opened.
 */
extern void profile_renew_snapshot(ProfileTable *table);

/* Write the edited row in place of the one that was locked last. */
extern void profile_update(ProfileTable *table);

/* Delete the row that was locked last. */
extern void profile_delete(ProfileTable *table);

/*
 * Write the edited row as a new one; its ord is set here.  Returns false if
 * another transaction has committed one with the same key meanwhile: lock that
 * one instead.
 */
extern bool profile_insert(ProfileTable *table);

/*
 * Set wake_at of a row that a scan has found.  The caller excludes all other
 * writers of profiles.
 */
extern void profile_write_wake_at(ProfileTable *table, TupleTableSlot *row,
								  TimestampTz wake_at);

/* lock_due.c: the rows of profiles that are due --------------------------- */

/*
 * profile_lock_due() locks the next profile that is due at an instant; for the
 * first call for a table from the wake_at *from on.  Many are found at once,
 * in the order of wake_at, and locked in the order of their pages; of few, if
 * the caller goes on with 'most' at the most, no more than these.  Profiles
 * that another transaction has locked are passed over, or waited for.  Returns
 * a row as profile_lock() does, and in *from the earliest wake_at of those
 * that are left, or NULL if there is none.
 */
extern TupleTableSlot *profile_lock_due(ProfileTable *table,
										TimestampTz *from, TimestampTz at,
										int64 most, bool wait);

/*
 * profile_count_kept() counts the profiles that are due at an instant, among
 * those that the session has found and not locked yet, up to 'most'.
 */
extern int64 profile_count_kept(const Population *population,
								Snapshot snapshot, TimestampTz at, int64 most);

/* profile_scan.c: which profiles are there, and which are due? ------------ */

typedef struct ProfileScan ProfileScan;

/*
 * Scan the profiles that a snapshot shows.  A row is good until the next one;
 * its columns are deformed when they are asked for; NULL is the end.  The
 * caller has checked that the user may read them.
 */
extern ProfileScan *profile_scan_begin(const Population *population,
									   Snapshot snapshot);

/*
 * The same of those that have these numbers (ord), of which some may not be
 * there.  profile_scan_finds() says whether so many are found so with less
 * effort than all are scanned with; it is to be asked before.
 */
extern ProfileScan *profile_scan_begin_some(const Population *population,
											Snapshot snapshot,
											const int64 *ords, int64 count);
extern bool profile_scan_finds(const Population *population, int64 count);
extern TupleTableSlot *profile_scan_next(ProfileScan *scan);
extern void profile_scan_end(ProfileScan *scan);

typedef struct DueScan DueScan;

/*
 * The same for those with from <= wake_at <= at: in the order of wake_at, or
 * page by page, which is faster if all of many are read, with columns deformed
 * only when they are asked for.
 */
extern DueScan *profile_due_begin(const Population *population,
								  TimestampTz from, TimestampTz at,
								  Snapshot snapshot);
extern TupleTableSlot *profile_due_next(DueScan *scan);
extern TupleTableSlot *profile_due_next_by_page(DueScan *scan);
extern void profile_due_end(DueScan *scan);

/* When is a profile due next?  The earliest wake_at; DT_NOEND if none is. */
extern TimestampTz profile_next_due(const Population *population,
									Snapshot snapshot);

/* columns.c: columns of the base table that come and go ------------------- */

typedef struct ProfileColumn
{
	const char *suffix;			/* appended to the name */
	Oid			type;
	Oid			collation;
	const char *initial;		/* SQL of the value of a profile without
								 * events, or NULL for NULL */
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
 * Add columns for things to the base table, and name them.  In rows that are
 * there they hold their initial value or NULL: the caller fills them.
 *
 * ERRCODE_PROGRAM_LIMIT_EXCEEDED if a row might become too long for a page;
 * ERRCODE_TOO_MANY_COLUMNS, or ERRCODE_OBJECT_IN_USE if only an old snapshot
 * is in the way.  Locks the base table against readers.
 */
extern void population_add_columns(const Population *population,
								   ProfileThing *things, int count);

/*
 * Drop the columns of a thing of that name, as far as they are there;
 * 'comment' describes the thing, for an error.
 */
extern void population_drop_columns(const Population *population,
									const char *name, const char *comment);

/*
 * Drop the columns that population_drop_columns() has left because the view
 * still read them, if the base table is locked for that.
 */
extern void population_drop_unkept(const Population *population);

/* Comment the columns of that name anew. */
extern void population_comment_columns(const Population *population,
									   const char *name, const char *comment);

/*
 * Is it a column in which nothing is stored, and which is NULL in each row
 * that is written?
 */
extern bool profile_column_is_unused(const FormData_pg_attribute *column);

/* build.c: which profiles has a build reached? ---------------------------- */

/*
 * The column with the number of the build that has filled the profile's stored
 * traits last.  There is none before the first build.
 */
#define PROFILE_BUILD_COLUMN	"s0"

/*
 * population_begin_build() makes the column, if need be, and lets profiles
 * that are inserted from now on have that number in it.  The base table is
 * locked for columns to change.
 *
 * profile_build() is the number in a row, 0 if there is none, and
 * profile_set_build() sets it in one that is edited, if there is the column.
 */
extern void population_begin_build(const Population *population,
								   int32 number);
extern int32 profile_build(const Population *population, TupleTableSlot *row);
extern void profile_set_build(const Population *population,
							  TupleTableSlot *row, int32 build);

/* question.c: questions of users who may only read the view --------------- */

typedef struct OwnersQuestion
{
	Actor		before;
} OwnersQuestion;

/*
 * Begin and end a question, which is asked as the population's owner, because
 * readers have no right on the base table.  The caller has checked the
 * reader's right: population_reader().  Between begin and end SPI is connected
 * and search_path pinned.
 */
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

/* keys.c: whose numbers are these? ---------------------------------------- */

/*
 * The keys, as text in the current context, of profiles by their numbers,
 * which ascend: NULL where the active snapshot shows no such profile.
 */
extern void profile_keys(const Population *population, const int64 *ords,
						 int count, char **keys);
/* Numbers of profiles as a bigint[]. */
extern Datum ords_datum(const int64 *ords, int count);

/* arguments.c: arguments of SQL functions --------------------------------- */

/*
 * population_argument() is the population of that name; NULL stands for the
 * only one there is.
 */
extern const Population *population_argument(FunctionCallInfo fcinfo,
											 int argument);

/*
 * name_argument() is a name that must be given: 'what' it is the name of, for
 * the error.  optional_name_argument() is NULL if it is not given.
 */
extern char *name_argument(FunctionCallInfo fcinfo, int argument,
						   const char *what);
extern char *optional_name_argument(FunctionCallInfo fcinfo, int argument);

/* text_argument() is a text as a C string; NULL if it is not given. */
extern char *text_argument(FunctionCallInfo fcinfo, int argument);

/* flag_argument() is a boolean; false if it is not given. */
extern bool flag_argument(FunctionCallInfo fcinfo, int argument);

/* An argument, of the key's type or text, as a key of the population. */
extern Datum key_argument(FunctionCallInfo fcinfo, int argument,
						  const Population *population);

#endif							/* SEGMENT_PROFILE_H */
