/*-------------------------------------------------------------------------
 *
 * rules_private.h
 *	  What the files share with each other that let the rows of sources earn.
 *
 *		rules.c				rules by which the rows of sources earn
 *		rules_define.c		they are made and ended
 *		rules_reader.c		they follow names, and say whether they bind
 *		rules_guest.c		what a statement's rows earn, by customer
 *		rules_linked.c		whose rows of sources with links have changed
 *		rules_rows.c		what rows earn as they are now
 *		rules_backfill.c	what rows earn, or would, that were there before
 *		changes.c			which is kept until the statement ends
 *		grants.c			what a row has earned so far, and earns now
 *		caps.c				how much a rule may still grant in a period
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_RULES_PRIVATE_H
#define SEGMENT_RULES_PRIVATE_H

#include "loyalty/loyalty_private.h"
#include "source/source.h"
#include "utils/numeric.h"

/* rules.c: rules by which the rows of sources earn ------------------------ */

/*
 * A version of a rule.  Versions have numbers from 1 on; only the last one
 * grants, all of them follow what they have granted.
 */
typedef struct Rule
{
	char	   *program;
	char	   *name;
	int32		version;
	char	   *source;
	char	   *amount;			/* an aggregate: sum(orders.amount) */
	const FilterSource *given;	/* the amount as it was written, while the
								 * rule is made; or NULL */
	char	   *condition;		/* over the profile, or NULL */
	char	   *ref;			/* column of the source */
	char	   *pending;		/* or NULL: the program's */
	char	   *expires;		/* or NULL: the program's */
	TimestampTz valid_from;
	TimestampTz valid_until;	/* DT_NOEND: it has not ended */
	int64		cap;			/* most points a period; 0: none */
	char	   *per;			/* 'day' to 'year', or 'ever'; NULL: no cap */
	bool		linked;			/* its rows go through others, and earn by
								 * their time (set by rules_guest.c) */
	bool		parted;			/* rows of several partitions may have one
								 * ref (set by rules_guest.c) */
	bool		lost;			/* what it reads was dropped */
} Rule;

/*
 * rules_read() reads the rules (Rule *) of a population, all versions, in the
 * order of their programs, names and versions.
 */
extern List *rules_read(const Population *population);

/*
 * rule_source() takes the amount of a rule that is made, gives it the form in
 * which it is kept, and returns the source that the rule reads; an error if
 * its rows could not earn.  rule_cap() gives it a cap, if there is one; an
 * error if it is none.
 */
extern const Source *rule_source(const Population *population, Rule *rule,
								 const char *amount);
extern void rule_cap(Rule *rule, int64 cap, bool has_cap, char *per);

/*
 * rule_bind() compiles the amount of a rule, NULL where it earns nothing, and
 * its ref, as numeric and text, over a row of the source; an error if they do
 * not bind.  rule_condition() compiles its condition over a row of the base
 * table; NULL if it has none.
 */
extern void rule_bind(const Source *source, const Rule *rule, Expr **amount,
					  Expr **ref);
extern Expr *rule_condition(const Population *population, const Rule *rule);

/* earning_rule_text() is a rule for users: rule "orders" of program "club" */
extern char *earning_rule_text(const Rule *rule);

/* rules_reader.c: rules follow the names that they mention ---------------- */

/* rules_reader_init() lets rules, and what tiers qualify by, follow names. */
extern void rules_reader_init(void);

/*
 * rules_verify() adds a row to the answer of verify_program() for each rule
 * that does not bind.
 */
extern void rules_verify(FunctionCallInfo fcinfo, const Program *program);

/* rules_guest.c: rules_guest_init() makes the room a guest of the corridor. */
extern void rules_guest_init(void);

/* rules_rows.c: what do rows earn as they are now? ------------------------ */

/* Of which rows, in the eyes of which rules (Rule *) of one ref? */
typedef struct RowsAsked
{
	const Program *program;
	const Source *source;
	List	   *rules;
} RowsAsked;

/* A row of a source, and what it earns by each of the rules; NULL: nothing. */
typedef struct SourceRow
{
	Datum		key;
	char	   *who;			/* the key as text */
	char	   *ref;
	TimestampTz happened;		/* DT_NOEND: it has no time */
	Numeric    *amounts;
} SourceRow;

/* A customer some of whose rows have changed, or any. */
typedef struct RowVisit
{
	Datum		key;
	char	   *who;
	bool		all;
	List	   *refs;			/* char *: of those that have, if not 'all' */
	TimestampTz at;
	bool	   *holds;			/* do the conditions of the rules? */
} RowVisit;

/*
 * rules_rows_sql() is a query for the rows for which a condition holds (SQL,
 * as source_from_sql() takes it): key, at, ref, amount1, amount2 ..., and
 * rules_rows_take() takes what it has found (SourceRow *).
 */
extern char *rules_rows_sql(const RowsAsked *asked, const char *condition);
extern List *rules_rows_take(const RowsAsked *asked);

/*
 * rules_rows_changes() lists what visits (RowVisit *) have changed, as changes
 * (RowChange *) that say what each row comes to now.  It runs as the owner of
 * the population, connected to SPI; the profiles are locked.
 */
extern List *rules_rows_changes(const RowsAsked *asked, List *visits);

/* rules_linked.c: rows of sources with links ------------------------------ */

/* Rules of one program and ref, over a source with links. */
typedef struct LinkedRules
{
	char	   *source;
	char	   *program;
	char	   *ref;
	List	   *rules;			/* Rule * */
	List	   *places;			/* numbers that the caller knows these by */
} LinkedRules;

/*
 * linked_rules_add() adds a rule, which the caller knows by a number, to the
 * group (LinkedRules *) that it belongs to, or to a new one; returns them all.
 */
extern List *linked_rules_add(List *groups, const Source *source, Rule *rule,
							 int place);

/*
 * linked_rules_note() notes a visit for the rules of a group, and returns all
 * that is noted, of which linked_rules_changes() reads the rows.
 */
extern List *linked_rules_note(List *noted, const LinkedRules *rules,
						 RowVisit *visit);
extern List *linked_rules_changes(const Population *population, List *noted);

/* rules_backfill.c: rows that were there before --------------------------- */

/*
 * backfill_lock() lets writers of a source end, and no others begin, before
 * the source gets a rule; backfill_earning() grants by a rule what rows of
 * members earn that are there.  Nobody else writes profiles.
 */
extern void backfill_lock(const Source *source);
extern void backfill_earning(const Program *program, Rule *rule);

/* caps.c: how much may a rule still grant? -------------------------------- */

/* What rules with a cap have granted a customer, as far as it is known. */
typedef struct Caps
{
	Ledger	   *ledger;
	const Account *account;
	List	   *rooms;
	List	   *moves;			/* that are not written yet */
} Caps;

/*
 * cap_allows() is how many of the points that a row of some instant is to earn
 * by a rule are left by what the rule has granted the customer's rows of that
 * period.  cap_note() notes that a row of some instant has more points now, or
 * fewer: what a row has already is taken off before it is asked what the row
 * may have.
 */
extern int64 cap_allows(Caps *caps, const Rule *rule, TimestampTz at,
						int64 points);
extern void cap_note(Caps *caps, const char *rule, TimestampTz at,
					 int64 points);

/* cap_same_period() says whether a rule counts two instants together. */
extern bool cap_same_period(const Ledger *ledger, const Rule *rule,
							TimestampTz a, TimestampTz b);

/* grants.c: what a row has earned so far ---------------------------------- */

/* What a batch did to a row of a source, in the eyes of one rule. */
typedef struct RowChange
{
	const Rule *rule;
	Datum		key;
	char	   *who;			/* the key as text */
	char	   *ref;
	Numeric		amount;			/* what came less what went */
	bool		went;			/* a row with the ref was there before */
	bool		is;				/* 'amount' is what the row comes to now; if
								 * it 'went' it earns nothing */
	bool		fills;			/* the row was there when the rule was made */
	TimestampTz happened;		/* the time of the row */
	TimestampTz since;			/* its points are counted from then; 0: from
								 * when they are granted */
	TimestampTz at;				/* as of which the profile was decided */
	bool		condition;		/* does the rule's condition hold? */
} RowChange;

/*
 * grants_apply() moves points by what changes of rows have earned in a program
 * (RowChange *, in the order of customers, rules and refs).  The profiles are
 * locked.  It runs as the population's owner, connected to SPI.
 */
extern void grants_apply(const Program *program, List *changes);

/* changes.c: what rows have earned is kept until the statement ends ------- */

typedef struct Changes Changes;

/*
 * changes_begin() begins to keep changes, in the current context.
 *
 * changes_keep() keeps those of all rows of a customer (RowChange *, without
 * 'who'), once for each; changes_keep_all() those of all customers, in any
 * order and with 'who'.  changes_grant() grants what was kept, and ends it.
 */
extern Changes *changes_begin(const Population *population);
extern void changes_keep(Changes *changes, List *of_customer);
extern void changes_keep_all(Changes *changes, List *all);
extern void changes_grant(Changes *changes);

/* The most that a row may earn: that of a thousand rows can be added up. */
#define MOST_OF_ROW		(INT64CONST(1) << 52)

/*
 * points_countable() says whether a row may earn an amount: a number, of at
 * most MOST_OF_ROW.
 */
extern bool points_countable(Numeric amount);

#endif							/* SEGMENT_RULES_PRIVATE_H */
