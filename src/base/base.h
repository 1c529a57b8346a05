/*-------------------------------------------------------------------------
 *
 * base.h
 *	  What every room uses: exports, clock, calendar, names, caches, rights,
 *	  errors, catalog.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_BASE_H
#define SEGMENT_BASE_H

#include "access/genam.h"
#include "access/xlogdefs.h"
#include "catalog/objectaddress.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "nodes/execnodes.h"
#include "nodes/pg_list.h"
#include "nodes/primnodes.h"
#include "pgtime.h"
#include "storage/block.h"
#include "storage/buf.h"
#include "storage/lockdefs.h"
#include "utils/date.h"
#include "utils/timestamp.h"

#include "base/compat.h"

/*
 * Declare an SQL-callable C function.  Everything else in the library is
 * hidden, so that our plain names cannot meet another extension's.
 */
#define SEGMENT_FUNCTION(name) \
	extern PGDLLEXPORT Datum name(PG_FUNCTION_ARGS); \
	PG_FUNCTION_INFO_V1(name)

/* Define the settings, make the caches and register the room's callbacks. */
extern void base_init(void);

/* clock.c: what time is it? ----------------------------------------------- */

/*
 * The instant as of which this transaction's questions are answered: the
 * transaction's start, or the setting segment.now where a superuser froze it.
 * Microseconds since 2000-01-01 UTC, as everywhere in the server.
 */
extern TimestampTz clock_now(void);

/*
 * The clock is between these two instants, of the years 1000 and 274235.  So
 * 5,000 years before and 20,000 years after any clock_now() are times of the
 * server's calendar, which begins in 4714 BC and ends in 294276.
 */
#define CLOCK_BEGIN		(-365242 * USECS_PER_DAY)
#define CLOCK_END \
	(END_TIMESTAMP - 20000 * INT64CONST(366) * USECS_PER_DAY)

/*
 * Set segment.now() to a finite instant, for what is evaluated here and in
 * parallel workers, until the level of settings that the caller has begun
 * (NewGUCNestLevel()) is left with AtEOXact_GUC(true, level).  An error leaves
 * that level, too.
 */
extern void clock_set(TimestampTz instant);

/* calendar.c: days and months in a time zone ------------------------------ */

typedef enum CalendarUnit
{
	CALENDAR_HOUR,
	CALENDAR_DAY,
	CALENDAR_WEEK,
	CALENDAR_MONTH,
	CALENDAR_QUARTER,
	CALENDAR_YEAR,
} CalendarUnit;

/*
 * The next turn after an instant or a local time, DT_NOEND if there is none:
 * the instant at which clocks are set in the zone; the local time that clocks
 * are set at, or from which on the server takes local times for others; the
 * beginning of the next unit.
 */
extern TimestampTz clock_turn_after(pg_tz *zone, TimestampTz instant);
extern Timestamp local_turn_after(pg_tz *zone, Timestamp local);
extern Timestamp calendar_turn_after(CalendarUnit unit, Timestamp local);

/* The beginning of the unit in which a local time is. */
extern Timestamp calendar_unit_start(CalendarUnit unit, Timestamp local);

/*
 * By how many microseconds local time is ahead of UTC, at least and at most:
 * ever, or from one instant to another.  Less than zero where it is behind.
 */
extern void clock_offsets(pg_tz *zone, int64 *least, int64 *most);
extern void clock_offsets_between(pg_tz *zone, TimestampTz from,
								  TimestampTz to, int64 *least, int64 *most);

/*
 * An instant and a span later (or earlier, if the span is negative), as the
 * server adds an interval in that zone; infinity if no time is that far away.
 */
extern TimestampTz calendar_add(pg_tz *zone, TimestampTz at,
								const Interval *span);

/* How many microseconds a span adds to an instant, at least and at most. */
extern void calendar_span_range(pg_tz *zone, const Interval *span,
								int64 *least, int64 *most);

/*
 * A day, and days and months later.  calendar_day_ago() is its inverse: the
 * last day from which, with the span added, that day or an earlier one is
 * reached.
 */
extern DateADT calendar_day_add(DateADT day, const Interval *span);
extern DateADT calendar_day_ago(DateADT day, const Interval *span);

/* The local day of an instant, and the instant at which a day begins. */
extern DateADT calendar_day(pg_tz *zone, TimestampTz at);
extern TimestampTz calendar_day_start(pg_tz *zone, DateADT day);

/*
 * The first day of a unit (not HOUR): the one that comes 'shift' units after
 * the one in which the day is.
 */
extern DateADT calendar_period_start(CalendarUnit unit, DateADT day,
									 int shift);

/*
 * The day of that year on which a day of that month is celebrated; infinity if
 * it never is.
 */
extern DateADT calendar_anniversary(int year, int month, int day);

/* zone.c: names of time zones --------------------------------------------- */

/* Raise ERRCODE_INVALID_PARAMETER_VALUE unless this names a time zone. */
extern void check_zone(const char *timezone);

/* names.c: lists of names ------------------------------------------------- */

/*
 * The candidate (List of char *) most like 'word', or NULL when none is near
 * enough to be a typing error.
 */
extern const char *nearest_name(const char *word, List *candidates);

/* The order of two names (char *), for list_sort(). */
extern int	compare_names(const ListCell *a, const ListCell *b);

/* Is the name in the list (char *)?  And the list with it, each name once. */
extern bool names_contain(List *names, const char *name);
extern List *names_add(List *names, const char *name);

/* typed.c: text in place of other types ----------------------------------- */

/*
 * Call 'function' with the arguments of a call, of which number 'argument', a
 * text, is read as a literal of 'type'.
 */
extern Datum call_with_text(FunctionCallInfo fcinfo, int argument, Oid type,
							PGFunction function);

/* wire.c: values on the wire ---------------------------------------------- */

/*
 * The text of a value that was received, in the current context.  'what' names
 * the value's type in the error if the message holds none:
 * ERRCODE_INVALID_BINARY_REPRESENTATION.
 */
extern char *wire_receive(StringInfo message, const char *what);

/* The message by which a value is sent, from its text. */
extern bytea *wire_send(const char *text);

/* lock.c: waiting for locks ----------------------------------------------- */

/* Takes a lock, for which it waits no longer than lock_timeout says. */
typedef void (*LockTake) (void *argument);

/*
 * Add a lock to a list of locks that are needed together: that of a relation,
 * or one that is taken by take(argument).
 */
extern List *locks_add_relation(List *requests, Oid relid, LOCKMODE mode);
extern List *locks_add(List *requests, LockTake take, void *argument);

/*
 * Take all locks of a list, to the end of the transaction.  While one of them
 * is waited for, none of the others is held for long, so there is no deadlock
 * with a session that holds some of them and waits for others.  The caller
 * holds no lock yet that others wait for, and reads again afterwards what
 * others may have changed.
 */
extern void locks_take(List *requests);

/*
 * The same, but whoever comes to wait for one of these locks waits for a small
 * part of a second only: if they are not granted in that time, all are let go,
 * and taken again after a while, until there is a moment at which they are
 * free.
 */
extern void locks_take_gently(List *requests);

/* cache.c: what is read once, until a definition changes ------------------ */

/*
 * Part of each entry of a cache, for the cache's own use: whether the entry
 * still agrees with the catalog, whether what it is made of may have come to
 * mean something else, so that nothing of it can be kept, and the context that
 * holds its memory (or NULL).
 */
typedef struct CacheSlot
{
	bool		valid;
	bool		distrusted;
	MemoryContext context;
} CacheSlot;

/*
 * The kind of a cache's entries.  An entry begins with its key, of which every
 * byte is set.
 */
typedef struct CacheKind
{
	const char *name;
	Size		key_size;
	Size		entry_size;
	Size		slot;			/* where in an entry its CacheSlot is */
	bool		holds_sql;		/* which a new name of a schema makes wrong */
	/* Is the entry made of this relation's definition?  It must not fail. */
	bool		(*made_of) (const void *entry, Oid relid);

	/*
	 * NULL, or the kind is renewed: a stale entry is kept as long as this is
	 * true.  It is asked in a transaction, and 'made_of' may look at a stale
	 * entry, too.
	 */
	bool		(*keep) (const void *entry);
} CacheKind;

typedef struct Cache Cache;

/* Make a cache for the life of the session; at init. */
extern Cache *cache_create(const CacheKind *kind);

/*
 * The valid entry of a key, or NULL if there is none.  The memory of the entry
 * is good until the end of the transaction.
 */
extern void *cache_find(Cache *cache, const void *key);

/*
 * The entry of a key whose kind is renewed, be it valid or stale; NULL if
 * there is none.  A stale entry that is not distrusted may be changed in
 * place to what the catalog says now: what others were handed out of its
 * memory stays good until the end of the transaction.  Call cache_begin()
 * before anything is read, and cache_renew() at the end.
 */
extern void *cache_find_any(Cache *cache, const void *key);
extern void cache_renew(Cache *cache, void *entry, uint64 begun);

/*
 * To make an entry: call cache_begin() before anything is read, read into a
 * context made under the current one, and put the entry in with that context
 * (or NULL if it needs none), which belongs to the cache from then on.  The
 * entry replaces the one of the same key.  Returns the entry as it is in the
 * cache; it will be made again if a definition that it is made of has changed
 * since cache_begin().
 *
 * If cache_begin() returns the same number before and after waiting for a
 * lock, no definition has changed meanwhile.
 */
extern uint64 cache_begin(void);
extern void *cache_put(Cache *cache, const void *made, MemoryContext context,
					   uint64 begun);

/*
 * Mark all entries of this session that are made of the relation as stale,
 * because one of them has proved wrong.
 */
extern void cache_distrust(Oid relid);

/* attempt.c: does a definition still work? -------------------------------- */

typedef void (*Attempt) (void *arg);

/*
 * Run work(arg).  Returns NULL if the work succeeded.  Otherwise returns the
 * error, in the current context, after undoing what the work did in the
 * database.  Only errors that say something of a definition are caught, and
 * none while the server runs a parallel plan.
 */
extern ErrorData *attempt(Attempt work, void *arg);

/* subtransactions --------------------------------------------------------- */

/*
 * is_within() says whether one subtransaction is the other, or has begun in
 * it, when that is rolled back, and with it what was noted in either.
 */
static inline bool
is_within(SubTransactionId one, SubTransactionId other)
{
	/* numbers are given in the order in which they begin */
	return one >= other;
}

/* shallow.c: will a definition still work deeper down? -------------------- */

typedef struct Shallow
{
	ErrorContextCallback callback;
	const char *what;
	int			level;			/* of settings */
} Shallow;

/*
 * Accept a definition with a part of the stack only, from begin to end:
 * ERRCODE_STATEMENT_TOO_COMPLEX says that 'what' is nested too deeply.
 */
extern void shallow_begin(Shallow *shallow, const char *what);
extern void shallow_end(Shallow *shallow);

/* errors.c: which errors may be caught? ----------------------------------- */

/*
 * Is the error one of the data or definitions that were used?  A caller that
 * can do without these may catch it.  All other errors must be thrown again:
 * cancellation, time limits, lack of resources, conflicts with other
 * transactions, and bugs.
 */
extern bool error_is_of_data(int sqlstate);

/* Does the error mean that a definition does not work? */
extern bool error_is_of_definition(int sqlstate);

/* dependents.c: what of the users' own depends on ours? ------------------- */

typedef struct Dependent
{
	ObjectAddress object;
	char	   *name;			/* "view reports.cities" */
	char	   *drop;			/* the statement that drops it, or NULL */
} Dependent;

/*
 * The objects (Dependent *) that depend on a relation, or on one of its
 * columns, directly or through others; each after those that it depends on.
 */
extern List *relation_dependents(Oid relid, AttrNumber attno);

/*
 * The names of dependents, for an error's detail; and an auxiliary of ereport
 * that adds the hint how to drop them.
 */
extern char *dependents_list(List *dependents);
extern int	dependents_hint(List *dependents);

/*
 * Raise ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST if anything depends on a
 * relation, or on one of its columns, that is about to go with 'what'.
 */
extern void relation_refuse_dependents(Oid relid, AttrNumber attno,
									   const char *what);

/*
 * Would anything be lost if the relation were dropped and made again: what
 * depends on it, its triggers, rules, defaults?
 */
extern bool relation_is_depended_on(Oid relid);

/* The options of a view, as CREATE VIEW takes them: " WITH (...)", or "". */
extern char *view_options(Oid view);

/*
 * Does anything depend on a column, other than its default and a view of ours:
 * another view, an index, a constraint, a policy?
 */
extern bool column_is_depended_on(Oid relid, AttrNumber attno, Oid view);

/* settings.c -------------------------------------------------------------- */

/* Off in a session that restores data: what it writes is not counted. */
extern bool segment_capture;

/*
 * Names of the databases that get a worker; empty for all with the extension.
 */
extern char *segment_databases;

/* Minutes for which transitions stay in the feed; -1 is for ever. */
extern int	segment_feed_retention;

/* Milliseconds that a worker waits at least between two turns. */
extern int	segment_naptime;

/*
 * Bytes that the newest events of a window may take before they are merged
 * into the others; for tests, which want few.
 */
extern int	segment_series_tail;

/* Kilobytes for the deltas of a statement; -1: work_mem. */
extern int	segment_statement_memory;

/* actor.c: on whose behalf, and under which settings ---------------------- */

/*
 * A user, the restrictions, and the level that settings go back to; 0: they
 * were left alone.
 */
typedef struct Actor
{
	Oid			user;
	int			context;
	int			settings;
} Actor;

/*
 * Act as a relation's owner: restricted, because triggers and the like on the
 * relation are the owner's code, with search_path and the like pinned
 * (settings_pin).  Returns the actor before, for act_as_before(), which an
 * error does not need.
 */
extern Actor act_as_owner(Oid relid);
extern void act_as_before(Actor before);

/*
 * The same, but settings stay as they are, which is faster: for a caller that
 * knows that no code of the owner's runs.
 */
extern Actor act_as_owner_unpinned(Oid relid);

/*
 * settings_pin_by_index() is settings_pin_all_rows(), and plans find rows by
 * indexes, whatever the statistics say: for few rows of tables that have
 * these.
 */
extern int	settings_pin_by_index(void);

/*
 * Pin search_path and the settings that change how values print or parse.
 * Returns the level that is left with AtEOXact_GUC(true, level).
 */
extern int	settings_pin(void);

/*
 * The same, and row-level security that would hide rows is an error: a trait
 * is computed from all rows of its source or not at all.
 */
extern int	settings_pin_all_rows(void);

/*
 * Change a setting that any role may change, until the innermost level of
 * settings, one of these or of NewGUCNestLevel(), is left.
 */
extern void setting_save(const char *name, const char *value);

/*
 * Let a query over a whole population use as much memory as CREATE INDEX,
 * until the level of settings is left.
 */
extern void settings_take_memory(void);

/*
 * settings_pin_uncompiled() is settings_pin_all_rows() without JIT, for
 * queries over a whole population: to compile the hundreds of expressions of a
 * dozen sources takes a minute.
 */
extern int	settings_pin_uncompiled(void);

/* image.c: values byte by byte -------------------------------------------- */

/* Have two values the same bytes?  Long ones are mostly not fetched. */
extern bool same_image(Datum a, Datum b, bool typbyval, int16 typlen);

/* operators.c: how are values of a type compared? ------------------------- */

/*
 * The family of the default btree operator class of a type, and in *input the
 * type that the class is declared for: text of varchar, anyarray of integer[].
 * InvalidOid if the type has no order.
 */
extern Oid	default_order(Oid type, Oid *input);

/*
 * The operator that compares two values of a type, by its btree strategy, and
 * the function that orders them; InvalidOid if there is none.  A type without
 * an order may have equality, which is that of its default hash class.
 */
extern Oid	order_operator(Oid type, int strategy);
extern Oid	order_function(Oid type);

/* The function that hashes a type by its equality; InvalidOid: none. */
extern Oid	hash_function(Oid type);

/* objects.c: which objects are ours, and what are others called? ---------- */

/* Schemas, by name: the extension's own, and that of the population tables. */
#define SEGMENT_SCHEMA		"segment"
#define SEGMENT_DATA_SCHEMA	"segment_data"

/* OID of table segment.<name>; an error that names the extension if absent. */
extern Oid	catalog_relation(const char *name);

/* OID of type segment.<name>. */
extern Oid	catalog_type(const char *name);

/* OID of function segment.<name> for these arguments; InvalidOid if absent. */
extern Oid	catalog_function(const char *name, int nargs, const Oid *types);

/* The relation's name, quoted and qualified; NULL if it is gone. */
extern char *relation_name(Oid relid);

/* operator_name() is an operator's name, qualified, for OPERATOR(). */
extern char *operator_name(Oid operator);

/* The role that owns the relation, which must exist. */
extern Oid	relation_owner(Oid relid);

/*
 * The collation's name, quoted and qualified, for whatever search_path it is
 * read under.
 */
extern char *collation_full_name(Oid collation);

/* catalog.c: our own tables ----------------------------------------------- */

/*
 * A value of type name, padded as the server expects; in the current context.
 */
extern Datum name_datum(const char *name);
/* The same as a constant of a query. */
extern Const *name_const(const char *name);
/* A value of type text; 0 for NULL, which is null. */
extern Datum text_datum(const char *text);
/* An array of values of a type, as a query takes it; in the context of now. */
extern Datum array_datum(const Datum *values, int count, Oid type);

/*
 * What is known of the blocks of a table after they were read: of each, at
 * which LSN, and whether all who have written on it had ended (glance.c).
 */
typedef struct BlockGlance
{
	XLogRecPtr	lsn;
	Buffer		buffer;			/* where it was; InvalidBuffer: not known */
	bool		settled;
	bool		changed;		/* since the glance before this one */
} BlockGlance;

typedef struct Glance
{
	Oid			file;			/* in which the table is */
	BlockNumber count;
	BlockGlance *blocks;
} Glance;

/* Has a block changed, or was there no such block? */
extern bool glance_changed(const Glance *glance, BlockNumber block);

/* A scan of one of our tables, and its current row. */
typedef struct CatalogScan
{
	Relation	relation;
	SysScanDesc scan;
	HeapTuple	row;
	Datum	   *values;			/* of the row, once one is asked for */
	bool	   *isnull;
	bool		deformed;
	int			column;			/* the number of the last one asked for */
	const Glance *glance;		/* NULL: all blocks are read */
	BlockNumber block;			/* behind those that are being read */
} CatalogScan;

/*
 * A version of a row.  As long as a table stays in one file, no two versions
 * are the same.
 */
typedef struct RowVersion
{
	ItemPointerData tid;
	TransactionId xmin;
} RowVersion;

/*
 * Begin to read segment.<table>, whose first column is the name of a
 * population: the rows of that population, or all rows if it is NULL.  The
 * scan reads the latest committed state (and our own changes), whatever the
 * isolation level: a definition is not part of any transaction's snapshot.
 */
extern void catalog_begin(CatalogScan *scan, const char *table,
						  const char *population);

/*
 * The same, but only rows of blocks that have changed since a glance before:
 * the rows of all others are what they were.  *now is the glance to be kept,
 * with these rows; its blocks are in the current context.
 */
extern void catalog_begin_changed(CatalogScan *scan, const char *table,
								  const char *population,
								  const Glance *before, Glance *now);

/*
 * Begin to read the one row of a table whose primary key is its first two
 * columns, a population and a name.
 */
extern void catalog_begin_one(CatalogScan *scan, const char *table,
							  const char *population, const char *name);

/* Go to the next row, false if there is none; and end the scan. */
extern bool catalog_next(CatalogScan *scan);
extern void catalog_end(CatalogScan *scan);

/* The version of the current row. */
extern RowVersion catalog_version(const CatalogScan *scan);

/* Are two versions the same? */
static inline bool
same_version(const RowVersion *a, const RowVersion *b)
{
	return a->xmin == b->xmin &&
		ItemPointerEquals(unconstify(ItemPointerData *, &a->tid),
						  unconstify(ItemPointerData *, &b->tid));
}

/*
 * The value of a column of the current row, which is of that type; it is an
 * error if it is not.
 */
extern Datum catalog_get(CatalogScan *scan, const char *column, Oid type,
						 bool *isnull);

/* The same of type oid, or an alias of it; InvalidOid for NULL. */
extern Oid	catalog_get_oid(CatalogScan *scan, const char *column, Oid type);

/* A name or text as a C string in the current context; NULL is an error. */
extern char *catalog_get_text(CatalogScan *scan, const char *column);

/* The same of a column that may be NULL: then the result is NULL. */
extern char *catalog_get_optional(CatalogScan *scan, const char *column);

/*
 * Run one statement over our own tables, as their owner.
 *
 * The text is ours alone: values travel as parameters ($1 ...).  search_path
 * is pinned to pg_catalog, so every other name must be qualified.  Returns the
 * SPI code; SPI_tuptable and SPI_processed are set as usual.  The caller is
 * connected to SPI and has checked the user's rights.
 */
extern int	catalog_execute(const char *sql, int nargs, const Oid *types,
							const Datum *values, const bool *isnull);

/*
 * The same as the current user, for statements over the user's own objects
 * that were built with quoted, qualified names.
 */
extern int	catalog_execute_as_user(const char *sql, int nargs,
									const Oid *types, const Datum *values,
									const bool *isnull);

/*
 * The same as catalog_execute() for a SELECT that sees what the active
 * snapshot shows.
 */
extern void catalog_select(const char *sql, int nargs, const Oid *types,
						   const Datum *values);

/*
 * Give a table that catalog_execute() has made to a role, with its indexes and
 * sequences.  The role need not be able to create tables there, nor the owner
 * of our tables be a member of it; the caller has made sure that the role
 * asked for the table.
 */
extern void catalog_hand_over(Oid relid, Oid role);

/* writer.c: rows of a table, by the table API ----------------------------- */

/*
 * writer_open() prepares to write rows of a table that is open and locked, in
 * the current context.  writer_index() opens its indexes, unless they are
 * open: before a row is inserted; 'speculative': by writer_insert_first().
 */
extern ResultRelInfo *writer_open(Relation relation, EState **estate);
extern void writer_index(ResultRelInfo *result, EState *estate,
						 bool speculative);
extern void writer_close(ResultRelInfo *result, EState *estate);

/*
 * writer_update() writes a row in place of another as the server's
 * ExecSimpleRelationUpdate() does, but opens indexes only if the row needs
 * entries in them; 'recheck' is for triggers.
 */
extern void writer_update(ResultRelInfo *result, EState *estate,
						  EPQState *recheck, TupleTableSlot *there,
						  TupleTableSlot *row);

/*
 * writer_insert_first() writes a new row, unless another transaction has
 * committed one that is the same to a unique index: then it returns false.
 * *recheck is for ExecARInsertTriggers().
 */
extern bool writer_insert_first(ResultRelInfo *result, EState *estate,
								TupleTableSlot *row, Oid unique,
								List **recheck);

/* protect.c: who may write our tables? ------------------------------------ */

/*
 * Permit the statement that is executed between begin and end to write the
 * tables that we keep, those of populations included; these tables refuse all
 * other writes by SQL.  An error ends the permit, too.  catalog_execute() does
 * this by itself.
 */
extern void protected_write_begin(void);
extern void protected_write_end(void);

/*
 * The same for a statement that makes, alters or drops: the guard lets it do
 * so, and it writes no rows.  Ended with protected_write_end().
 */
extern void protected_define_begin(void);

/*
 * Is a statement with a permit being executed, at its own level?  Not so once
 * it writes rows, as what it calls then is not ours.
 */
extern bool protected_write_is_permitted(void);

#endif							/* SEGMENT_BASE_H */
