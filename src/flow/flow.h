/*-------------------------------------------------------------------------
 *
 * flow.h
 *	  The corridor: the only place that knows the order of steps.
 *
 *		event		capture.c		statement's rows ─► deltas per profile
 *					apply_profile.c	row locked, traits applied, time passes if
 *									it is due ─► audiences that could differ
 *									─► toggles ─► row written
 *		time		sweep.c			wake_at due ─► due instants in order ─►
 *									toggles
 *		fold		emit.c			toggles ─► bitmaps and feed
 *		definition	define_*.c		text ─► bound ─► columns added ─► filled
 *									from the sources (backfill.c) ─► view ─►
 *									members decided
 *
 * A session walks it by SQL; here is what the worker calls, and how a room to
 * the right takes part.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_FLOW_H
#define SEGMENT_FLOW_H

#include "executor/tuptable.h"
#include "nodes/pg_list.h"
#include "utils/timestamp.h"

#include "profile/profile.h"
#include "source/source.h"
#include "trait/trait.h"

/* flow.c: what a session remembers ---------------------------------------- */

/* flow_init() registers what is called at the end of a transaction. */
extern void flow_init(void);

/*
 * Called after the commit of a transaction that left something to be folded or
 * swept, when others see it.  It must not fail.  A false alarm is possible.
 */
typedef void (*FlowListener) (void);

/* flow_on_pending() names the one listener, when the library is loaded. */
extern void flow_on_pending(FlowListener tell);

/* table_rows.c: rows that come and go with their table -------------------- */

/*
 * flow_rows_add() counts the rows of a table below 'top', whose sources they
 * are, in or out (sign +1, -1), between flow_rows_begin() and flow_rows_end().
 * The table is locked against writers.  'again' says that queries may have
 * ceased to see the rows in an earlier transaction: then traits of the
 * profiles concerned are read again.
 *
 * flow_rows_drop() counts out the rows of a table that is about to be dropped,
 * and flow_rows_dropped() says that such tables are gone.
 */
extern void flow_rows_begin(void);
extern void flow_rows_add(Oid top, Oid relid, int sign, bool again);
extern void flow_rows_end(void);
extern void flow_rows_drop(Oid top, Oid relid);
extern void flow_rows_dropped(void);

/* tick.c: what is due and pending ----------------------------------------- */

/*
 * Any role may tick: the work is done as the population's owner.  The
 * transaction is READ COMMITTED and connected to SPI.  A population that is
 * gone has nothing to do.
 */

/*
 * flow_sweep_population() sweeps profiles that are due, at most 'budget' of
 * them (0: all) and for so long (0: no limit), those first whose wake_at is
 * the earliest from *from on.  Returns how many; *from is where to go on
 * (DT_NOEND: that was all).  Rows that others have locked are passed over.
 */
extern int64 flow_sweep_population(const char *name, int64 budget,
								   int milliseconds, TimestampTz *from);

/*
 * flow_fold_population() folds pending toggles, at most 'budget' of them (0:
 * all), and trims the feed of at most 'trim' transitions (0: all).  Returns
 * false, and has done nothing, if another session is folding the population.
 */
extern bool flow_fold_population(const char *name, int64 budget, int64 trim,
								 int64 *folded, int64 *trimmed);

/*
 * flow_next_due() is the earliest wake_at of the population's profiles,
 * DT_NOEND if there is none.
 */
extern TimestampTz flow_next_due(const char *name);

/* guests.c, interests.c: rooms to the right that take part ---------------- */

/*
 * A guest of the corridor sees what statements do to the rows of sources and
 * to the profiles that they touch, and may write in the same transaction:
 *
 *		INSERT INTO orders ...
 *			interest	which values of the rows of "orders"?
 *			begin		the first profile that is of interest
 *			visit		profile 7: as it was, as it is, and its rows
 *			visit		profile 9 ...
 *			end			all profiles are locked: the guest writes
 *
 * Nothing is called, evaluated or kept where no guest takes an interest.
 */

/* What a guest wants to know of the rows of a source. */
typedef struct FlowInterest FlowInterest;

/*
 * flow_interest() makes an interest in the current memory context, which the
 * guest keeps to the end of the transaction at least, in a Cache that is made
 * of the source's tables.  'values' (Expr *) are evaluated for each row for
 * which 'where' holds (NULL: for all); both are over the rows of
 * source_scope().  'owner' is the guest's, and comes with the rows.
 *
 * The expressions run as the user who writes the rows, and in that statement:
 * what could fail in them is refused when the guest's rule is defined.
 */
extern FlowInterest *flow_interest(const Source *source, List *values,
								   Expr *where, void *owner);

/* A row of a profile. */
typedef struct FlowRow
{
	void	   *owner;			/* of the interest */
	int			sign;			/* +1: it came, -1: it went */
	const Datum *values;
	const bool *isnull;
} FlowRow;

/*
 * What a batch did to a profile.  Rows are in no order; an update is a row
 * that went and one that came, which may be equal.  With a source that goes
 * through others it may only be known that something changed, in the row of an
 * order, say: then the owners of its interests are in 'unknown', and what the
 * source says of the profile now has to be read (source_from_sql()).
 *
 * The profile's row is as it was before the batch ('before', NULL if there was
 * no profile) and is now ('after', NULL if there is none any more): rows of
 * the base table, all columns deformed.  'at' is as of when membership is
 * decided.  All of it is good during the visit.
 */
typedef struct FlowVisit
{
	Datum		key;
	TupleTableSlot *before;
	TupleTableSlot *after;
	TimestampTz at;
	int			nrows;
	const FlowRow *rows;
	List	   *unknown;
} FlowVisit;

typedef struct FlowGuest
{
	const char *name;			/* for the context of an error */
	bool		pins;			/* end() sees to the settings of the session,
								 * where these matter; folded() need not */

	/*
	 * The guest's interest in a source; NULL if it has none.  Asked when a
	 * batch meets its first row, as the user who wrote it.
	 */
	const FlowInterest *(*interest) (const Source *source);

	/*
	 * Called as the population's owner and connected to SPI.  begin() makes
	 * what is passed on, in the current memory context, which lives until
	 * end() returns; visit() gets profiles in the order of keys, in memory of
	 * the visit alone, and writes nothing, as the base table is being written;
	 * end() may write.  What it writes into tables that are sources is
	 * captured, and guests see that, too, in turns of their own.
	 *
	 * Rows of profiles that were visited may be written after all guests have,
	 * by what these have written, too.  Before end() reads profiles, it calls
	 * flow_write_postponed(), and before it runs code of users,
	 * flow_postpone_no_more().
	 */
	void	   *(*begin) (const Population *population);
	void		(*visit) (void *turn, const FlowVisit *visit);
	void		(*end) (void *turn);

	/*
	 * The feed went on, from one number to another, in this transaction: by a
	 * fold, or by a definition, when that is done.  As the population's owner
	 * and connected to SPI; it may write.  May be NULL.
	 */
	void		(*folded) (const Population *population, int64 first,
						   int64 last);
} FlowGuest;

/*
 * flow_write_postponed() writes the profiles that guests have visited, by what
 * has come so far, if that was put off: for who reads profiles.
 *
 * flow_postpone_no_more() does so, and nothing is put off until the turn ends:
 * for code of users, who may do anything.  flow_postpone_no_more_for() does so
 * before a statement writes a table, if that runs code of users: triggers,
 * constraints, indexes.
 */
extern void flow_write_postponed(void);
extern void flow_postpone_no_more(void);
extern void flow_postpone_no_more_for(Oid relid);

/* flow_register_guest() lets a guest take part, when the library is loaded. */
extern void flow_register_guest(const FlowGuest *guest);

/* readers.c: what rooms to the right read --------------------------------- */

typedef struct FlowReader FlowReader;

/*
 * Something that a room to the right has defined by texts of the language.  It
 * follows the names that it mentions, and what it mentions does not go without
 * it.
 */
typedef struct FlowDefinition
{
	const char *name;			/* for users: rule "x" of program "club" */
	const char *part_of;		/* kind and name, as in FlowUnkept, of what
								 * takes it away with it, or NULL */
	List	   *definitions;	/* FilterNode *, as those of traits */
	List	   *filters;		/* FilterNode *, over profiles */
	bool		ended;			/* it needs its filters no more */
	const char *ref_of;			/* a source whose rows it knows again, */
	const char *ref;			/* by this column; or NULL */
	void	   *own;			/* the room's */
	const FlowReader *reader;	/* set by us */
} FlowDefinition;

/*
 * list() lists the definitions of a population (FlowDefinition *), of which
 * write() writes one whose texts say the same by other names.  lose() is told
 * that something is about to be dropped, by a cascade, that a definition
 * reads: it ends it, with a notice.  bind() is an error if a definition does
 * not bind.  All are called connected to SPI, as whichever user.
 */
struct FlowReader
{
	List	   *(*list) (const Population *population);
	void		(*write) (const Population *population,
						  const FlowDefinition *definition);
	void		(*lose) (const Population *population,
						 const FlowDefinition *definition);
	void		(*bind) (const Population *population,
						 const FlowDefinition *definition);
};

/* flow_register_reader() lets a room read, when the library is loaded. */
extern void flow_register_reader(const FlowReader *reader);

/* keepers.c: tables that nobody takes away from a room to the right ------- */

/*
 * keeps() says what is kept in a table, in words for users, and what drops it
 * instead, as a hint; NULL: nothing, or it goes with its population.  The
 * table may be gone already.  check() is an error if a table in which
 * something is kept, and which is locked, is not as the room has made it, and
 * check_uniques() if it lacks a unique index, not counting those that go
 * (OIDs).  tables() lists the tables (OIDs) of a population; some may be gone.
 */
typedef struct FlowKeeper
{
	char	   *(*keeps) (Oid relid, const char **instead);
	void		(*check) (Oid relid);
	void		(*check_uniques) (Oid relid, const List *without);
	List	   *(*tables) (const char *population);
} FlowKeeper;

/* flow_register_keeper() lets a room keep tables. */
extern void flow_register_keeper(const FlowKeeper *registered);

/*
 * flow_keeper() says what is kept in a table, members or what the room to the
 * right keeps, and in *instead what to drop instead; NULL: nothing is.
 * flow_keeper_check(), flow_keeper_check_uniques() and flow_keeper_tables()
 * ask the room.
 */
extern char *flow_keeper(Oid relid, const char **instead);
extern void flow_keeper_check(Oid relid);
extern void flow_keeper_check_uniques(Oid relid, const List *without);
extern List *flow_keeper_tables(const Population *population);

/* capture.c: rows that a room to the right has written -------------------- */

typedef struct FlowArrival FlowArrival;

/*
 * What is inserted into a table by the table API fires no trigger.  So whoever
 * does that says which rows have come.
 *
 * flow_arrival_begin() is called before the first of them is, with the table
 * open, flow_arrival_row() for each, with all columns deformed, and
 * flow_arrival_end() is to these rows what the end of a statement is: profiles
 * follow.  As by its triggers, nothing is captured where these are disabled.
 */
extern FlowArrival *flow_arrival_begin(Relation relation);
extern void flow_arrival_row(FlowArrival *arrival, TupleTableSlot *row);
extern void flow_arrival_end(FlowArrival *arrival);

/* define_kept.c: tables that a room to the right keeps -------------------- */

/*
 * A table of schema segment_data that a room to the right has made for a
 * population, and that is to be a source of it; and a trait over such sources.
 */
typedef struct FlowSource
{
	Oid			relid;
	const char *name;
	const char *key;			/* column of the key */
	const char *at;				/* column of the time; NULL: attributes */
} FlowSource;

typedef struct FlowTrait
{
	const char *name;
	const char *definition;
	const char *description;
} FlowTrait;

typedef struct FlowKept
{
	List	   *sources;		/* FlowSource * */
	List	   *traits;			/* FlowTrait * */
	List	   *redefined;		/* FlowTrait *, that are there already */
	bool		still;			/* is no profile to be written by others, until
								 * the transaction ends? */
} FlowKept;

typedef FlowKept (*FlowMake) (const Population *population, void *context);
typedef void (*FlowUnmake) (const Population *population, void *context);

/* What flow_unkeep() takes away, and for whom. */
typedef struct FlowUnkept
{
	const char *function;		/* of SQL, for errors */
	const char *kind;
	const char *name;
	List	   *sources;
	List	   *traits;
	bool		cascade;
} FlowUnkept;

/*
 * flow_keep() attaches tables to a population and defines traits over them,
 * for the SQL function of that name.  What these are is said by make(), which
 * makes the tables; so they are empty.  It is called when no other session
 * defines anything of the population, as the population's owner, connected to
 * SPI.
 *
 * flow_unkeep() undoes that: 'sources' and 'traits' are names (char *).  What
 * else reads the sources is an error, that a thing of that 'kind' and 'name'
 * is in use, or is dropped too ('cascade').  Then unmake() drops the tables.
 */
extern void flow_keep(const Population *population, const char *function,
					  FlowMake make, void *context);
extern void flow_unkeep(const Population *population,
						const FlowUnkept *unkept, FlowUnmake unmake,
						void *context);

typedef List *(*FlowDropListener) (const Population *population);

/*
 * flow_on_drop() names the one function that is called when a population is
 * dropped, after its sources are detached: it deletes what a room to the right
 * has defined of the population, and returns that room's tables (OIDs), which
 * are then dropped.  The caller is connected to SPI.
 */
extern void flow_on_drop(FlowDropListener listener);

/* follow.c, for statements that alter tables ------------------------------ */

/*
 * flow_readers() lists the populations (char *) that read a column, or have a
 * source made of the table if the column is NULL.
 */
extern List *flow_readers(Oid relid, const char *column);

/*
 * hold.c: flow_hold() keeps others from defining anything of populations
 * (char *), to the end of the transaction; an error if one is built.  Those
 * whose base tables (OIDs) are to be dropped are held, too, and all that goes
 * with them is locked.  The statement has locked nothing yet.
 */
extern void flow_hold(List *names, const List *bases);

/*
 * For what follows the caller is connected to SPI, in the transaction of a
 * statement of whichever user, which has locked the table and has altered it
 * already.
 */

/*
 * flow_follow_column() gives all definitions that mention a column its new
 * name, and flow_follow_table() renames the sources that bear the name of
 * their table, unless something else is called so.
 */
extern void flow_follow_column(Oid relid, const char *old, const char *new);
extern void flow_follow_table(Oid relid);

/*
 * flow_follow_label() gives all definitions that mention a label of an enum
 * its new name.
 */
extern void flow_follow_label(Oid type, const char *old, const char *new);

/*
 * lose.c: a table, a column of it, or a unique index, which may be there yet.
 */
typedef struct FlowLoss
{
	Oid			relid;
	const char *column;			/* NULL: the table itself */
	Oid			index;			/* of the table; InvalidOid: none */
	const char *what;			/* "column amount of table orders" */
} FlowLoss;

/*
 * flow_lose() raises ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST with the list of
 * what reads what was dropped, or with 'cascade' drops that, too.
 */
extern void flow_lose(const FlowLoss *loss, bool cascade);

/*
 * drop_population.c: flow_lose_populations() drops those populations whose
 * base tables are among the relations (OIDs), which were dropped.
 */
extern void flow_lose_populations(const List *relids);

/*
 * flow_lacks_unique() says what, of which population, needs the rows of a
 * table to be unique though no index says so; NULL if nothing does.
 */
extern const char *flow_lacks_unique(Oid relid);

/*
 * reread.c: flow_reread() computes again what is made of some columns (char *)
 * of a table whose values may have 'changed', or whose types have; an error if
 * a definition would not work any more.  'what' is said of the statement:
 * "alter column amount of table orders".
 */
extern void flow_reread(Oid relid, List *columns, bool changed,
						const char *what);

/*
 * flow_warn_uncaptured() warns for each source of a table of which not all
 * that happens is captured.
 */
extern void flow_warn_uncaptured(Oid relid);

/*
 * owner.c: flow_follow_owner() gives all that is a population's to whom its
 * base table or view belongs now; an error if it is another part of a
 * population that has got another owner.
 *
 * flow_warn_hidden() warns for each population of which a table is a source,
 * or part of one, if its owner may not read all rows of that source.
 */
extern void flow_follow_owner(Oid relid);
extern void flow_warn_hidden(Oid relid);

#endif							/* SEGMENT_FLOW_H */
