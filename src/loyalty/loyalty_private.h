/*-------------------------------------------------------------------------
 *
 * loyalty_private.h
 *	  What the files of this room share with each other only.
 *
 *		terms.c				'after 12 months': until when are points good?
 *		program.c			which programs are there, and who may use them?
 *		program_define.c	they are made, changed and dropped
 *		program_table.c		and their tables
 *		shape.c keeper.c	which nobody drops, or alters (shape.h)
 *		statements.c		the SQL for what is asked now and then
 *		tables.c rows.c search.c
 *							the table API for what is asked all day (tables.h)
 *		arguments.c			what a function was given
 *		ledger.c			what is added to the ledger, until it is written
 *		account.c			whose accounts are touched, and locked
 *		lapse.c				holds that time has ended
 *		lots.c				points that come into lots, and go out of them
 *		lot_known.c			the lots of a customer that were read
 *		earn.c redeem.c hold.c reverse.c member.c
 *							what a customer and a till do
 *		code.c				what a customer shows at the till
 *		condition.c			what a profile has to pass
 *		rules*.c grants.c caps.c
 *							what the rows of sources earn (rules_private.h)
 *		read.c				what a customer and an owner ask
 *		verify.c			is all well?
 *
 * Tiers and rewards have headers of their own: tier_private.h,
 * reward_private.h.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_LOYALTY_PRIVATE_H
#define SEGMENT_LOYALTY_PRIVATE_H

#include "executor/spi.h"
#include "nodes/pg_list.h"
#include "pgtime.h"
#include "utils/acl.h"
#include "utils/timestamp.h"

#include "base/base.h"
#include "profile/profile.h"
#include "source/source.h"
#include "utils/numeric.h"

/* terms.c: until when are points good? ------------------------------------ */

typedef enum TermsKind
{
	TERMS_NEVER,
	TERMS_AFTER,				/* a span, perhaps to the end of a period */
	TERMS_END_OF,				/* the end of this or the next period */
	TERMS_ON,					/* an instant */
} TermsKind;

/* When points expire, counted from when they become active. */
typedef struct Terms
{
	TermsKind	kind;
	Interval	span;			/* AFTER */
	bool		to_end;			/* AFTER: to the end of the unit */
	bool		idle;			/* AFTER: of so long without activity */
	CalendarUnit unit;			/* AFTER to the end of, END_OF */
	int			shift;			/* END_OF: 1 this, 2 the next */
	TimestampTz at;				/* ON */
} Terms;

/*
 * terms_parse() reads terms; 'argument' is the name of the argument that they
 * were given as.  An instant is taken only with a zone, in which it is read;
 * a day means that points are good to its end.
 */
extern Terms terms_parse(const char *text, const char *argument, pg_tz *zone);

/*
 * instant_parse() reads an instant, in a zone if it names none; of a day it is
 * the beginning, or the end.  period_parse() reads 'day', 'week', 'month',
 * 'quarter' or 'year'; false if it is none.
 */
extern TimestampTz instant_parse(const char *text, const char *argument,
								 pg_tz *zone, bool to_end);
extern bool period_parse(const char *text, CalendarUnit *unit);

/* terms_text() writes terms, but for an instant, as they are kept. */
extern char *terms_text(const Terms *terms);

/* terms_apply() is when points expire; DT_NOEND is never. */
extern TimestampTz terms_apply(const Terms *terms, pg_tz *zone,
							   TimestampTz active_at);

/*
 * until_parse() reads until when something lasts: for a span, from an instant
 * on, or until an instant, as instant_parse(); of a day it is the end.
 */
extern TimestampTz until_parse(const char *text, pg_tz *zone,
							   TimestampTz from);

/*
 * span_parse() reads a span such as '14 days', or 'none' if that is allowed;
 * 'argument' is as above.  span_text() writes it.
 */
extern Interval span_parse(const char *text, const char *argument,
						   bool or_none);
extern char *span_text(const Interval *span);

/* A period that ends now: so far, this month, last 30 days. */
typedef enum RecentKind
{
	RECENT_SO_FAR,
	RECENT_THIS,
	RECENT_LAST,
} RecentKind;

typedef struct Recent
{
	RecentKind	kind;
	CalendarUnit unit;			/* THIS */
	Interval	span;			/* LAST */
} Recent;

/*
 * recent_parse() reads such a period, which was given as argument period, and
 * recent_text() writes it.  recent_has() says whether what was at an instant,
 * not later than now, is in the period: as an event is in a window of filters.
 */
extern Recent recent_parse(const char *text);
extern char *recent_text(const Recent *recent);
extern bool recent_has(const Recent *recent, pg_tz *zone, TimestampTz now,
					   TimestampTz at);

/* program.c: which programs are there, and who may use them? -------------- */

/* What becomes of points that are taken back after they were spent. */
typedef enum ReturnsPolicy
{
	RETURNS_DEBT,				/* the balance may be less than nothing */
	RETURNS_FORGIVE,			/* they are the customer's */
	RETURNS_PENDING_ONLY,		/* only points not yet active are taken back */
} ReturnsPolicy;

/* The tables of a program, and their names in the SQL of this room. */
typedef enum ProgramTable
{
	MEMBER_TABLE,
	MOVEMENT_TABLE,
	LOT_TABLE,
	ENTRY_TABLE,
	HOLD_TABLE,
	GRANTED_TABLE,
	VOUCHER_TABLE,				/* made with the first reward */
#define PROGRAM_TABLES	(VOUCHER_TABLE + 1)
} ProgramTable;

extern const char *const program_table_names[PROGRAM_TABLES];

/* A program as it is defined, in the memory in which it was asked for. */
typedef struct Program
{
	const Population *population;
	char	   *name;
	char	   *unit;
	char	   *expires;
	char	   *pending;
	char	   *rounding;
	char	   *returns;
	int64		bonus;
	char	   *description;	/* or NULL */
	Oid			tables[PROGRAM_TABLES]; /* InvalidOid: it is not made yet */
	int64		cheapest;		/* price of what is issued by itself; 0: there
								 * is no such reward */
	pg_tz	   *zone;
	Terms		terms;
	Interval	pending_span;
	ReturnsPolicy policy;
} Program;

/* What a role does with a program; each needs a privilege on its movements. */
typedef enum ProgramUse
{
	PROGRAM_READ,				/* SELECT */
	PROGRAM_SERVE,				/* INSERT: earn, redeem, and the like */
	PROGRAM_CORRECT,			/* UPDATE: reverse, adjust */
} ProgramUse;

/*
 * program_open() finds a program for a use, checks that the user may, and
 * keeps the population from being dropped until the transaction ends.  The
 * program is that of arguments of a function: its name, and the population's,
 * NULL for the only one.  ERRCODE_UNDEFINED_OBJECT with the nearest name.
 */
extern const Program *program_open(FunctionCallInfo fcinfo, int program,
								   int population, ProgramUse use);

/* programs_init() makes the cache of programs. */
extern void programs_init(void);

/*
 * program_of_definer() is the program of a function that defines something of
 * it, whose name is the first argument.
 */
extern const Program *program_of_definer(FunctionCallInfo fcinfo,
										 int population,
										 const char *function);

/*
 * program_find() is the program of that name, or NULL: a copy, whose texts are
 * good until the transaction ends.
 */
extern Program *program_find(const Population *population, const char *name);

/*
 * program_pending() is for how long points are pending, and program_terms()
 * when they expire, as a request or a definition says ('zone' as for
 * terms_parse()); or as the program does, for NULL.  Where points expire
 * without activity all have the same terms: an error.
 */
extern Interval program_pending(const Program *program, const char *pending);
extern Terms program_terms(const Program *program, const char *expires,
						   pg_tz *zone);

/*
 * program_refuse_dropped() raises an error: a table of that program is gone.
 */
pg_noreturn extern void program_refuse_dropped(const char *program);

/* program_names() lists the names (char *) of all, in order. */
extern List *program_names(const Population *population);

/* program_refuse_unknown() raises an error: no such program. */
pg_noreturn extern void program_refuse_unknown(const Population *population,
											   const char *name);

/*
 * program_sql() puts the names of a program's tables into SQL, where these
 * stand as {member}, {movement}, {lot}, {entry}, {hold}, {granted} and
 * {voucher}, and that of the type of keys, {key}.  sql_verbatim() is SQL in
 * which nothing stands for anything, whatever users have written there.
 */
extern char *program_sql(const Program *program, const char *sql);
extern char *sql_verbatim(const char *sql);

/* statements.c: the SQL for what is asked now and then -------------------- */

typedef enum LedgerStatement
{
	ASK_SPENDABLE,
	ASK_PENDING,
	ASK_CHARGED,
	ASK_HELD,
	ASK_MOVEMENT,
	ASK_DRAWN,
	ASK_ASIDE,
	ASK_LOTS_ASIDE,
	ASK_LAPSED,
	ASK_HOLD,
	ADD_HOLD,
	END_HOLDS,
	ADD_MEMBER,
	LEAVE_MEMBER,
	ASK_VOUCHER,
	ASK_BOUGHT,
	ASK_USE,
	ASK_HAD,
	ASK_AFFORDABLE,
	ASK_UNUSED,
	ADD_VOUCHER,
	USE_VOUCHER,
	CANCEL_VOUCHER,
	ASK_MEMBER,
	ASK_CODE,
	ASK_CAPPED,
	ASK_REFS,
	ASK_REFERRER,
	ASK_GRANTED_AT,
#define LEDGER_STATEMENTS	(ASK_GRANTED_AT + 1)
} LedgerStatement;

/* statements_init() makes the cache of plans. */
extern void statements_init(void);

/*
 * ledger_execute() runs a statement over a program's tables, as the
 * population's owner, who is who we act as; connected to SPI.  'nulls' is as
 * for SPI, or NULL.  It sees all that was committed when it begins.  Returns
 * how many rows there are in SPI_tuptable, or were written.
 */
extern uint64 ledger_execute(const Program *program,
							 LedgerStatement statement, const Datum *values,
							 const char *nulls);

/* A value of a row of SPI_tuptable, by the number of its column. */
extern Datum result_value(uint64 row, int column, bool *isnull);

/*
 * program_answer() returns the rows of a query over a program's tables as
 * those of a set-returning function: under the snapshot of the caller's
 * statement, as the population's owner.  program_append() appends more rows.
 */
extern void program_answer(FunctionCallInfo fcinfo, const Program *program,
						   const char *sql, int nargs, const Oid *types,
						   const Datum *values);
extern void program_append(FunctionCallInfo fcinfo, const Program *program,
						   const char *sql, int nargs, const Oid *types,
						   const Datum *values);

/* ledger.c: what is added to the ledger ----------------------------------- */

/* A customer of a program, whose profile's row is locked. */
typedef struct Account
{
	Datum		key;
	bool		exists;			/* is there a profile? */
	TimestampTz decided_at;		/* as of which it was last decided */
	bool		joined;
	TimestampTz joined_at;		/* the last time */
	TimestampTz left_at;		/* DT_NOEND: the customer has not */
	int64		debt;			/* what no lot pays off yet */
	int64		awaited;		/* what lots pay off that are not active yet */
	struct Movement *last;		/* of this request, or NULL */
	TimestampTz now;			/* when the request takes effect */
	bool		holds;			/* some are open */
	bool		lapsed;			/* of these some have, and are not ended yet */
	List	   *lots;			/* Lot *, read or new */
	List	   *by_expiry;		/* of those that had points left, the soonest
								 * to expire: lots_left() */
	TimestampTz after;			/* they expire after this */
	bool		read_all;		/* are these all? */
	int			first_left;		/* nothing is left in those before it */
	struct HTAB *by_number;		/* of these, or NULL while they are few */
	int			written;		/* how often */
} Account;

/* Something that is done.  Its entries come after it. */
typedef struct Movement
{
	Account    *account;
	const char *kind;
	int64		points;
	const char *ref;			/* or NULL */
	const char *note;			/* or NULL */
	int64		reverses;		/* 0: none */
	const char *rule;			/* that earned it, or NULL */
	int32		version;		/* of the rule */
	bool		has_token;		/* bears the ledger's token */
	TimestampTz at;				/* when it takes effect */
	int64		number;			/* once it is written */
	int32		entries;		/* the last one's number; -1: is not known */
	bool		has_lot;		/* a lot bears its number */
} Movement;

/* A grant with what is left of it. */
typedef struct Lot
{
	int64		number;			/* 0: it is new */
	Movement   *movement;		/* of a new one */
	Account    *account;
	int64		granted;
	int64		remaining;
	TimestampTz active_at;
	TimestampTz expires_at;		/* DT_NOEND: never */
	bool		changed;
	int			place;			/* in 'by_expiry' of the account, or 0 */
	int64		granted_by;		/* number of its movement, once it is read */
	ItemPointerData row;		/* where it was read, if anywhere */
	int			read_after;		/* so many writes of the account's: others may
								 * have moved the row */
} Lot;

typedef struct Entry
{
	Movement   *movement;
	Lot		   *lot;			/* NULL: of the customer's debt */
	int64		points;
	const char *kind;
	const char *contra;
	TimestampTz at;
} Entry;

/* What a function does to the ledger, until it is written at once. */
typedef struct Ledger
{
	const Program *program;
	const Population *population;
	TimestampTz at;				/* when it is done */
	MemoryContext memory;		/* until it ends */
	MemoryContext scratch;		/* for what is written, or rounded, next */
	Actor		before;
	bool		acts;			/* as the owner, until it ends */
	Account    *accounts;
	int			naccounts;
	int			space;			/* for how many there is room */
	const char *token;			/* or NULL */
	const char *request;		/* what the token stands for */
	List	   *movements;		/* Movement * */
	List	   *entries;		/* Entry * */
	struct OpenTables *open;	/* or NULL: see tables.h */
	List	   *restocked;		/* rewards (char *) of cancelled vouchers */
} Ledger;

/*
 * ledger_begin() begins to do something: we act as the population's owner from
 * here on, and are connected to SPI.  ledger_begin_unpinned() does so under
 * the user's settings, for who does nothing but lock, read and write the
 * ledger: statements have settings of their own, and the table API needs none.
 * ledger_begin_as_owner() is for who acts as the owner already.
 * ledger_add_account() says whose accounts are touched, and ledger_lock()
 * locks these: the profiles, in the order of their keys, before anything of
 * them is read.
 *
 * ledger_lock() returns the movement that the token stands for, if there is
 * one, else 0.  ERRCODE_UNIQUE_VIOLATION if that was another request.
 *
 * ledger_read_locked() is for accounts whose profiles this transaction has
 * written: it reads them, each as of its 'now', which the caller has set.
 */
extern Ledger *ledger_begin(const Program *program, const char *token,
							const char *request);
extern Ledger *ledger_begin_unpinned(const Program *program, const char *token,
									 const char *request);
extern Ledger *ledger_begin_as_owner(const Program *program);
extern Account *ledger_add_account(Ledger *ledger, Datum key);
extern void ledger_read_locked(Ledger *ledger);
extern int64 ledger_lock(Ledger *ledger);

/*
 * ledger_write() writes what was added so far.  ledger_end() ends it, after
 * which we act as before ledger_begin().
 */
extern void ledger_write(Ledger *ledger);
extern void ledger_end(Ledger *ledger);

/*
 * ledger_scratch() lets memory be allocated that ledger_unscratch() frees,
 * which is given what the former returned: a request may write many rows.
 * They do not nest.
 */
extern MemoryContext ledger_scratch(Ledger *ledger);
extern void ledger_unscratch(Ledger *ledger, MemoryContext before);

/* ledger_move() adds a movement of an account. */
extern Movement *ledger_move(Ledger *ledger, Account *account,
							 const char *kind, int64 points, const char *ref,
							 const char *note);

/* ledger_enter() adds an entry.  Entries of no points are left out. */
extern void ledger_enter(Ledger *ledger, Movement *movement, Lot *lot,
						 int64 points, const char *kind, const char *contra,
						 TimestampTz at);

/*
 * account_check_member() refuses a customer who is no member, or has left and
 * must not have.
 */
extern void account_check_member(const Ledger *ledger, const Account *account,
								 bool must_be_in);

/*
 * ledger_refuse_token() raises an error: the token was used, by that movement,
 * or by one that is not known (0).
 */
pg_noreturn extern void ledger_refuse_token(const Ledger *ledger,
											int64 movement);

/* The key of a customer, as text for errors. */
extern char *account_text(const Ledger *ledger, const Account *account);

/*
 * points_argument() is a number of points, which must be positive; zero stands
 * for NULL if 'optional'.  check_points() refuses more than a movement may
 * have, and add_points() adds them up, or raises
 * ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE.  movement_points() does so for what a
 * movement adds to something: more than MOST_POINTS is what rows of sources
 * alone may bring about, so that nobody at a till makes an order fail.
 */
extern int64 points_argument(FunctionCallInfo fcinfo, int argument,
							 bool optional);
extern void check_points(int64 points);
extern int64 add_points(int64 a, int64 b);
extern int64 movement_points(const Movement *movement, int64 before,
							 int64 points);

/*
 * The longest text, in bytes, that an index of a ledger takes beside what else
 * is in it, however badly it can be compressed.
 */
#define MOST_INDEXED	SOURCE_KEY_LENGTH

/* check_given_name() refuses an empty name; 'kind' is "a tier", say. */
extern void check_given_name(const char *name, const char *kind);

/* check_length() refuses a text that is longer; 'what' is for users. */
extern void check_length(const char *text, const char *what);

/*
 * customer_argument() is the key of a customer.  note_argument() is a text, or
 * NULL also for an empty one.
 */
extern Datum customer_argument(FunctionCallInfo fcinfo, int argument,
							   const Program *program);
extern char *note_argument(FunctionCallInfo fcinfo, int argument);

/*
 * request_text() writes down what is asked for: the function, and those of its
 * arguments that two calls with one token must have in common.
 */
extern char *request_text(const char *function, FunctionCallInfo fcinfo,
						  const int *arguments, int count);

/* lots.c: points that come into lots, and go out of them ------------------ */

/*
 * lots_move() is ledger_move(), after which debts are open again that lots
 * were to pay off that are not active yet: lots that are active come first.
 * lots_write() is ledger_write(), before which lots that are not active yet
 * are charged with the debts that are left.
 */
extern Movement *lots_move(Ledger *ledger, Account *account, const char *kind,
						   int64 points, const char *ref, const char *note);
extern void lots_write(Ledger *ledger);

/*
 * lots_reopen() opens debts again for a movement that was written before, and
 * lots_pay() lets lots pay for them, as lots_move() and lots_write() do.
 */
extern void lots_reopen(Ledger *ledger, Movement *movement);
extern void lots_pay(Ledger *ledger, Account *account);

/* The most points of one movement. */
#define MOST_POINTS		(INT64CONST(1) << 62)

/*
 * lot_grant() makes a lot of points that a movement grants, as entries of a
 * kind; or adds them to the customer's lot, if the program's lots expire after
 * some time without activity.
 */
extern Lot *lot_grant(Ledger *ledger, Movement *movement, int64 points,
					  const char *kind, const char *contra,
					  TimestampTz active_at, TimestampTz expires_at);

/*
 * lot_draw() takes points out of a lot, as entries of a kind: when the lot is
 * active at the earliest, and so many fewer expire.  lot_restore() is the
 * inverse of it.
 */
extern void lot_draw(Ledger *ledger, Movement *movement, Lot *lot,
					 int64 points, const char *kind, const char *contra);
extern void lot_restore(Ledger *ledger, Movement *movement, Lot *lot,
						int64 points, const char *kind, const char *contra);

/* Points of a lot. */
typedef struct Share
{
	Lot		   *lot;
	int64		points;
} Share;

/*
 * lots_choose() says out of which lots (Share *) a customer's points are
 * taken: those that expire soonest first.  ERRCODE_CHECK_VIOLATION if the
 * customer cannot spend as many.  lots_draw() takes them out of these.
 */
extern List *lots_choose(Ledger *ledger, Account *account, int64 points);
extern List *lots_draw(Ledger *ledger, Movement *movement, int64 points,
					   const char *kind, const char *contra);

/* lots_have() says whether a customer can spend as many now. */
extern bool lots_have(Ledger *ledger, Account *account, int64 points);

/*
 * lots_draw_any() takes at most so many points out of a customer's lots that
 * are active, and returns how many it took.
 */
extern int64 lots_draw_any(Ledger *ledger, Movement *movement, int64 points,
						   const char *kind, const char *contra);

/*
 * lots_touch() moves the expiry of lots that activity keeps: the movement is
 * one.  What was added so far is written.
 */
extern void lots_touch(Ledger *ledger, Movement *movement);

/* lot_known.c: which lots of a customer does a request know? -------------- */

/*
 * lots_granted() lists the lots (Lot *) into which a movement, and what was
 * added to it, granted points; in the order of lot_order().
 */
extern List *lots_granted(Ledger *ledger, Account *account, int64 movement);

/*
 * lot_of_row() is the lot in a row of SPI_tuptable: lot, granted, remaining,
 * active_at, expires_at; one that is known already is as it has become.
 */
extern Lot *lot_of_row(Account *account, uint64 row);

/* lot_order() orders lots by when they expire.  For list_sort(). */
extern int	lot_order(const ListCell *a, const ListCell *b);

/*
 * lot_add() adds a new lot to those of its account, and lot_set_number() gives
 * it the number that it is written with.
 */
extern void lot_add(Lot *lot);
extern void lot_set_number(Lot *lot, int64 number);

/*
 * lot_refill() gives a lot points back that were taken out of it, without an
 * entry.  lots_forget() forgets which lots of a customer have something left:
 * their rows are others now.
 */
extern void lot_refill(Lot *lot, int64 points);
extern void lots_forget(Account *account);

/*
 * earn.c: grant_active_at() and grant_expires_at() are from when, and until
 * when, points of now are good, by the arguments of a call or the program's
 * terms.
 */
extern TimestampTz grant_active_at(const Ledger *ledger, const char *pending);
extern TimestampTz grant_expires_at(const Ledger *ledger, const char *expires,
									TimestampTz active_at);

/* lapse.c: holds_lapse() ends the holds of a customer that time has ended. */
extern void holds_lapse(Ledger *ledger, Account *account);

/*
 * arguments.c: lower_text() is an argument in small letters; one_of()
 * returns a text if it is one of some choices, of which the last is NULL, else
 * it raises an error that lists them.
 */
extern char *lower_text(FunctionCallInfo fcinfo, int argument);
extern char *one_of(const char *text, const char *argument,
					const char *const *choices);

/*
 * reverse.c: take_back() takes points of a grant back: from its own lots, if
 * these have them; then vouchers are cancelled that points have turned into by
 * themselves, and of the rest the program says what becomes.  'grant' is the
 * number of the movement that granted them, 0 for none.
 *
 * movement_reverse() is segment.reverse() for a customer who is locked, and
 * returns the number of its movement; points 0: all of it.
 */
extern void take_back(Ledger *ledger, Movement *movement, int64 grant,
					  int64 points, const char *kind, const char *contra);
extern int64 movement_reverse(Ledger *ledger, Account *account, int64 number,
							  int64 points, const char *note);

/* column_values.c: which texts can the columns of a program be? ---------- */

/* Let filters that ask for another one be refused. */
extern void column_values_init(void);

/* condition.c: conditions that a profile has to pass ---------------------- */

/*
 * condition_compile() compiles a condition over a row of the base table; NULL
 * if there is none.  An error if it does not bind.  condition_kept() gives it
 * the form in which it is kept.  condition_passed() asks it of the row of a
 * profile; NULL: there is no profile.
 */
extern Expr *condition_compile(const Population *population,
							   const char *condition);
extern char *condition_kept(const Population *population,
							const char *condition);
extern bool condition_passed(const Population *population,
							 const char *condition, TupleTableSlot *profile);

/* code.c: what a customer shows at the till ------------------------------- */

/*
 * code_make() makes a code that is not there already: by a statement that is
 * given a code, and finds it.  code_is_mistyped() says of one that looks like
 * ours whether its last digit is not that of the others.
 */
extern char *code_make(const Program *program, LedgerStatement known);
extern bool code_is_mistyped(const char *code);

/* program_table.c: a table is made ---------------------------------------- */

/* A table of a program. */
typedef struct TableForm
{
	const char *columns;		/* {key} is the type of keys */
	const char *instead;		/* what writes it, for an error */
	const char *indexes[3];		/* what follows CREATE */
	const char *comment;
	const char *comments[16][2];
} TableForm;

/* program_make_table() makes one of the tables, for the population's owner. */
extern Oid	program_make_table(const Program *program, ProgramTable which,
							   const TableForm *form);

/* keeper.c: keeper_init() lets the guard keep our tables as they are. */
extern void keeper_init(void);

/* program_define.c: what is to be dropped with a population. */
extern List *programs_forget(const Population *population);

#endif							/* SEGMENT_LOYALTY_PRIVATE_H */
