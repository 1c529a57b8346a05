/*-------------------------------------------------------------------------
 *
 * filter.h
 *	  The filter language: text, tree, bytes, and the server's expressions.
 *
 *		text	city in ("Aarhus", "Odense") and orders > 3
 *
 *		tree	AND
 *				├─ IN
 *				│  ├─ COLUMN "city"
 *				│  ├─ STRING "Aarhus"
 *				│  └─ STRING "Odense"
 *				└─ GT
 *				   ├─ COLUMN "orders"
 *				   └─ NUMBER "3"
 *
 *		bytes	the tree in preorder, behind a version byte (pack.c)
 *		Expr	city = ANY ('{Aarhus,Odense}') AND orders > 3 (compile.c)
 *
 * There is no node for what is only a negation: "a != 1" is NOT(EQ), "not in"
 * is NOT(IN), "did not" is NOT(DID), so that NOT is the exact complement
 * everywhere, and the printer puts the familiar spelling back.
 *
 * Up to the compiler this room needs no more of the server than memory,
 * errors and string buffers.  It opens no table: what a name means is asked
 * of a FilterScope, which rooms to the right supply.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_FILTER_H
#define SEGMENT_FILTER_H

#include "access/tupdesc.h"
#include "datatype/timestamp.h"
#include "nodes/primnodes.h"

struct Node;
struct Window;

/*
 * These numbers are stored.  Never reorder, never reuse; add at the end.
 *
 * A number means nothing but its op: ask filter_ops (ops.c) what ops have in
 * common, and never compare two numbers for order (check_ops).
 */
typedef enum FilterOp
{
	FILTER_NONE = 0,			/* an optional part that is absent */

	/* operands; text holds the word, number or characters */
	FILTER_COLUMN = 1,			/* text name; args: WORD per json key */
	FILTER_WORD = 2,			/* a bare name that is not a value */
	FILTER_STRING = 3,
	FILTER_NUMBER = 4,			/* text in canonical decimal notation */
	FILTER_TRUE = 5,			/* as operand and as filter */
	FILTER_FALSE = 6,
	FILTER_NOW = 7,
	FILTER_TODAY = 8,
	FILTER_SPAN = 9,			/* text number, detail FilterUnit */
	FILTER_ADD = 10,
	FILTER_SUBTRACT = 11,
	FILTER_MULTIPLY = 12,
	FILTER_DIVIDE = 13,
	FILTER_FUNCTION = 14,		/* text name; args operands */
	FILTER_AGGREGATE = 15,		/* text name; detail 1 if distinct; args:
								 * source WORD, value or NONE, filter, OF or
								 * NONE, window or NONE */

	/* windows of aggregates and of DID */
	FILTER_WINDOW_LAST = 16,	/* span */
	FILTER_WINDOW_BETWEEN = 17, /* span, span: BETWEEN a AND b AGO */
	FILTER_WINDOW_SINCE = 18,	/* literal */
	FILTER_WINDOW_BEFORE = 19,	/* literal */
	FILTER_WINDOW_PERIOD = 20,	/* detail: FilterPeriod */

	/* predicates */
	FILTER_EQ = 21,				/* operand, operand */
	FILTER_LT = 22,
	FILTER_LE = 23,
	FILTER_GT = 24,
	FILTER_GE = 25,
	FILTER_BETWEEN = 26,		/* operand, low, high: both inclusive */
	FILTER_IN = 27,				/* operand, literal ... */
	FILTER_CONTAINS = 28,		/* operand, literal */
	FILTER_CONTAINS_ANY = 29,	/* operand, literal ... */
	FILTER_CONTAINS_ALL = 30,	/* operand, literal ... */
	FILTER_STARTS_WITH = 31,	/* operand, STRING */
	FILTER_ENDS_WITH = 32,
	FILTER_LIKE = 33,
	FILTER_ILIKE = 34,
	FILTER_MATCHES = 35,
	FILTER_IS_SET = 36,			/* operand */
	FILTER_IS_EMPTY = 37,
	FILTER_IS_TRUE = 38,
	FILTER_IS_FALSE = 39,
	FILTER_IN_LAST = 40,		/* operand, SPAN */
	FILTER_IN_NEXT = 41,
	FILTER_MORE_THAN_AGO = 42,	/* operand, SPAN */
	FILTER_LESS_THAN_AGO = 43,
	FILTER_IN_PERIOD = 44,		/* operand; detail FilterPeriod */
	FILTER_BEFORE = 45,			/* operand, literal */
	FILTER_AFTER = 46,
	FILTER_ON = 47,
	FILTER_ANNIVERSARY_TODAY = 48,	/* operand */
	FILTER_ANNIVERSARY_LAST = 49,	/* operand, SPAN */
	FILTER_ANNIVERSARY_NEXT = 50,
	FILTER_ANNIVERSARY_PERIOD = 51, /* operand; detail FilterPeriod */
	FILTER_DID = 52,			/* detail FilterTimes, text count if any; args:
								 * source WORD, filter, OF or NONE, window or
								 * NONE */
	FILTER_IN_AUDIENCE = 53,	/* text name */
	FILTER_BUCKET = 54,			/* text salt, detail FilterCompare; NUMBER */

	/* connectives */
	FILTER_AND = 55,			/* two or more, none of them AND */
	FILTER_OR = 56,				/* two or more, none of them OR */
	FILTER_NOT = 57,			/* one, not NOT */
	FILTER_AT_LEAST = 58,		/* text n; args filters */

	/* operands again */
	FILTER_CASE = 59,			/* WHEN ..., and the operand behind ELSE or
								 * NONE */
	FILTER_WHEN = 60,			/* filter, operand; in CASE alone */

	/* in the place of the filter of AGGREGATE and DID */
	FILTER_OF = 61,				/* column, literal, and another OF, a filter or
								 * NONE */

	/* windows again */
	FILTER_WINDOW_SO_FAR = 62,	/* up to now */
	FILTER_WINDOW_TO_COME = 63, /* after now */
	FILTER_WINDOW_NEXT = 64,	/* span */

	FILTER_OP_COUNT				/* stays last, has no number of its own */
} FilterOp;

/* Stored, as above.  Singular in canonical text when the number is 1. */
typedef enum FilterUnit
{
	FILTER_SECOND = 0,
	FILTER_MINUTE = 1,
	FILTER_HOUR = 2,
	FILTER_DAY = 3,
	FILTER_WEEK = 4,
	FILTER_MONTH = 5,
	FILTER_QUARTER = 6,
	FILTER_YEAR = 7,
} FilterUnit;

/* Stored: which * 8 + unit, the unit being DAY or longer. */
typedef enum FilterWhich
{
	FILTER_THIS = 0,
	FILTER_PREVIOUS = 1,		/* LAST in the language */
	FILTER_FOLLOWING = 2,		/* NEXT in the language */
} FilterWhich;

#define FILTER_PERIOD(which, unit)	((which) * 8 + (unit))
#define FILTER_PERIOD_WHICH(detail) ((FilterWhich) ((detail) / 8))
#define FILTER_PERIOD_UNIT(detail)	((FilterUnit) ((detail) % 8))

/* Stored.  Plain "did x" is FILTER_TIMES_ANY, without a count. */
typedef enum FilterTimes
{
	FILTER_TIMES_ANY = 0,
	FILTER_TIMES_AT_LEAST = 1,
	FILTER_TIMES_AT_MOST = 2,
	FILTER_TIMES_EXACTLY = 3,
} FilterTimes;

/* Stored. */
typedef enum FilterCompare
{
	FILTER_COMPARE_LT = 0,
	FILTER_COMPARE_LE = 1,
	FILTER_COMPARE_GT = 2,
	FILTER_COMPARE_GE = 3,
} FilterCompare;

/*
 * One node.  A tree lives in the memory context that was current when it was
 * made, and is never changed afterwards: subtrees may be shared.
 */
typedef struct FilterNode
{
	FilterOp	op;
	uint8		detail;
	int			location;		/* byte offset in the source text, or -1 */
	char	   *text;			/* NULL where the op has none */
	int			nargs;
	struct FilterNode **args;
} FilterNode;

/* A filter on disk: bytes of pack.c. */
typedef struct Filter
{
	int32		vl_len_;
	uint8		version;
	char		nodes[FLEXIBLE_ARRAY_MEMBER];
} Filter;

#define PG_GETARG_FILTER_PP(n) \
	((Filter *) PG_DETOAST_DATUM(PG_GETARG_DATUM(n)))

/* node.c: making trees --------------------------------------------------- */

/* Make a node without arguments; 'text' is copied and may be NULL. */
extern FilterNode *filter_node(FilterOp op, const char *text, int location);
/* Make a node with arguments; the array is kept, not copied. */
extern FilterNode *filter_node_with(FilterOp op, const char *text,
									int location, int nargs,
									FilterNode **args);
/*
 * Combine filters (FilterNode *) by AND or OR, which stay flat; one filter
 * alone is returned as it is.
 */
extern FilterNode *filter_combine(FilterOp op, List *filters);
/* Negate a filter; a double negation vanishes. */
extern FilterNode *filter_negate(FilterNode *filter);
/*
 * Return the conditions of OF as a filter: of a 1 where b -> a = 1 and b.  Any
 * other node is returned as it is.
 */
extern FilterNode *filter_of_as_where(FilterNode *of);
/* Return DID as a comparison: did orders -> count(orders) >= 1 */
extern FilterNode *filter_did_as_count(const FilterNode *did);
/* Are the two trees equal, but for their locations? */
extern bool filter_equal(const FilterNode *a, const FilterNode *b);

typedef bool (*FilterVisit) (const FilterNode *node, void *context);

/*
 * Call 'visit' for the node and, while it returns true, for its arguments,
 * parents first.
 */
extern void filter_walk(const FilterNode *node, FilterVisit visit,
						void *context);

/*
 * Return a copy of the tree in which each node for which 'replace' returns
 * another node is replaced by that one; the replacement is not visited again.
 * Subtrees in which nothing was replaced are shared with the original.
 */
typedef FilterNode *(*FilterReplace) (const FilterNode *node, void *context);
extern FilterNode *filter_rewrite(const FilterNode *node,
								  FilterReplace replace, void *context);

/* ops.c: what the grammar says of each op -------------------------------- */

/*
 * Is the node an operand, which has a value?  Some operands are filters, too:
 * a column that is a boolean.
 */
extern bool filter_is_operand(const FilterNode *node);

/* check.c ---------------------------------------------------------------- */

/*
 * Does the node by itself, whatever its arguments are, depend on the row: a
 * column, an aggregate, or a condition such as "did" or "in audience"?
 */
extern bool filter_reads_row(const FilterNode *node);

/* parse*.c: text to tree ------------------------------------------------- */

/*
 * Parse a filter, an operand, or either (the definition of a trait).
 *
 * ERRCODE_SYNTAX_ERROR names the word, its position and what was expected;
 * with an ErrorSaveContext (server 16 and newer) the error is saved there and
 * NULL returned.
 */
extern FilterNode *filter_parse(const char *text, struct Node *escontext);
extern FilterNode *filter_parse_operand(const char *text,
										struct Node *escontext);
extern FilterNode *filter_parse_definition(const char *text,
										   struct Node *escontext);

/* print.c: tree to canonical text ---------------------------------------- */

/* Print a filter, an operand or a window; reading it gives an equal tree. */
extern char *filter_print(const FilterNode *node);
/* Print a name as in a filter: in backquotes unless it is a plain word. */
extern char *filter_name(const char *name);

/* pack.c: tree to bytes and back ----------------------------------------- */

/* Pack a filter whose nodes are such as the parser makes. */
extern Filter *filter_pack(const FilterNode *node);
/* Unpack and check each byte: ERRCODE_DATA_CORRUPTED if it is no filter. */
extern FilterNode *filter_unpack(const Filter *filter);

/* alike.c: conditions that are alike, but for their literals -------------- */

/* Where a reader of a filter's conditions is in its bytes. */
typedef struct FilterCursor
{
	const char *position;
	const char *end;
} FilterCursor;

/* A condition with more literals, or longer ones, is like no other. */
#define FILTER_MOST_LITERALS	64

typedef struct FilterLikeness
{
	char		bytes[128];		/* the same for all that are alike */
	int			length;			/* of these; behind them are zeros */
	int			nliterals;
	FilterNode	literals[FILTER_MOST_LITERALS]; /* in the order of the tree */
	int			ntexts;
	char		texts[1024];	/* of the literals */
} FilterLikeness;

/*
 * Read the conditions that "and" and "or" connect, in order, until the end.
 * filter_conditions_next() returns false if one is like no other.
 */
extern FilterCursor filter_conditions_begin(const Filter *filter);
extern bool filter_conditions_next(FilterCursor *cursor,
								   FilterLikeness *likeness);
extern bool filter_conditions_end(const FilterCursor *cursor);

/*
 * Does a filter read columns by their names alone, and neither a source nor
 * another audience?  False, too, where only the tree tells.
 */
extern bool filter_is_of_columns(const Filter *filter);

/* filter_source.c: text and tree together -------------------------------- */

/*
 * A tree and the text that it was parsed from, as typed or canonical: the
 * locations of the tree's nodes are byte offsets in this text.  Both live in
 * the memory context that was current when they were made.
 */
typedef struct FilterSource
{
	const char *text;
	FilterNode *tree;
} FilterSource;

/* Parse a filter, or the definition of a trait (a filter or an operand). */
extern FilterSource filter_source_parse(const char *text);
extern FilterSource filter_source_parse_definition(const char *text);
/*
 * Parse what each event of a source is worth, such as orders.price * quantity
 * where status = "paid".  The tree is the sum of that.
 */
extern FilterSource filter_source_parse_amount(const char *text);
/* Unpack and print a filter once; 'text' is its canonical text. */
extern FilterSource filter_source_unpack(const Filter *filter);

/* compile_label.c: labels of an enum that has got another name ----- */

/*
 * While something is compiled with a label: 'old' stands for 'new' in literals
 * of the type, and 'found' collects them (FilterNode *).
 */
typedef struct FilterLabel
{
	Oid			type;
	const char *old;
	const char *new;
	List	   *found;
} FilterLabel;

/* filter_with_label() calls work(arg) with a label. */
extern void filter_with_label(FilterLabel *label, void (*work) (void *arg),
							  void *arg);

/* filter_relabel() is the filter with the new label where it was found. */
extern FilterNode *filter_relabel(const FilterNode *filter,
								  const FilterLabel *label);

/* compile*.c: tree to the server's expressions --------------------------- */

/*
 * The meaning of the names in a filter.
 *
 * Embed it as the first member of a struct of your own; the callbacks get it
 * back.  A NULL callback means that a filter in this scope has nothing of that
 * kind, and the compiler says so in its error.
 */
typedef struct FilterScope FilterScope;
struct FilterScope
{
	/* what the filter is applied to, for errors: 'population "profile"' */
	const char *subject;
	/* what its names are called, for errors: "trait", "column" */
	const char *noun;

	/* the value of a name, or NULL if there is no such name */
	Expr	   *(*column) (FilterScope *scope, const char *name);
	/* all names (char *), for "perhaps you meant" */
	List	   *(*names) (FilterScope *scope);

	/*
	 * The value of a name that is followed by keys, such as customers.city.
	 * Where the callback is NULL or returns NULL, the first name is taken as
	 * a jsonb column and the rest as its keys.
	 */
	Expr	   *(*path) (FilterScope *scope, const FilterNode *column);
	/* the value of an aggregate over events */
	Expr	   *(*aggregate) (FilterScope *scope, const FilterNode *aggregate);

	/*
	 * The filter of an audience, and of audiences within it, compiled in the
	 * same scope; or an error.
	 */
	Expr	   *(*audience) (FilterScope *scope,
							 const FilterNode *in_audience);

	Expr	   *key;			/* the profile's key as text, for BUCKET */
	const char *timezone;		/* compiled in; NULL: the session's */
	Expr	   *now;			/* time of the query; NULL: segment.now() */
	bool		no_clock;		/* refuse what depends on the query's time */
	bool		planned;		/* add limits by which indexes can be used */
	const char *text;			/* source of the tree, for carets; or NULL */
	const FilterNode *compared; /* what is compared last, for hints */
};

/*
 * Compile a filter to a boolean expression for a qual, which is true for
 * members, and false or NULL for all others; or an operand to its value.
 *
 * ERRCODE_UNDEFINED_COLUMN with the nearest name, ERRCODE_DATATYPE_MISMATCH,
 * ERRCODE_UNDEFINED_FUNCTION ... where the tree does not bind.
 */
extern Expr *filter_compile(const FilterNode *filter, FilterScope *scope);
extern Expr *filter_compile_operand(const FilterNode *operand,
									FilterScope *scope);

/*
 * Pin the settings that change what a literal means, once for many filters or
 * for a filter within another.  The compilers below need them pinned, by a
 * scope of the same zone; AtEOXact_GUC(true, level) undoes it.
 */
extern int	filter_pin(FilterScope *scope);
extern Expr *filter_compile_pinned(const FilterNode *filter,
								   FilterScope *scope);
extern Expr *filter_compile_operand_pinned(const FilterNode *operand,
										   FilterScope *scope);

/*
 * What these compilers make of a number beside a column of a type of numbers,
 * or of a string beside a text: its value, read as that type.
 */
extern Datum filter_literal_value(FilterScope *scope,
								  const FilterNode *literal, Oid type);

/*
 * Raise ERRCODE_UNDEFINED_FUNCTION, with the nearest name, unless all
 * functions in the tree are known; for callers that look at names before they
 * compile.
 */
extern void filter_check_functions(const FilterNode *node, const char *text);

/*
 * Return the instant at which a date, or a local time of the zone, begins;
 * missing beyond the calendar.
 */
extern Expr *filter_instant(Expr *time, const char *timezone);

/* Turn a qual into a value that is true or false, never NULL. */
extern Expr *filter_as_value(Expr *qual);

/*
 * Auxiliary of ereport: draw the caret under a node of the tree that was
 * parsed from 'text', which may be NULL.
 */
extern int	filter_position(const char *text, const FilterNode *node);

/*
 * Return the arguments (Expr *) that stand behind the series where its events
 * of a window are asked for: the window as text, the zone, and the time of the
 * query.
 *
 * An error, in terms of the window, if it is longer than times are, or can
 * never hold an event because its ends are the wrong way round.
 */
extern List *filter_compile_window(const FilterNode *window,
								   FilterScope *scope);

/*
 * Compile the limits of the events that have to be kept: only those after
 * *after and up to *until may count now or at any later time.  NULL: there is
 * no such limit.
 */
extern void filter_compile_window_kept(const FilterNode *window,
									   FilterScope *scope,
									   Expr **after, Expr **until);

/* window_read_hook: text of a window is read by this room. */
extern void filter_init(void);

/* A window in a zone, made of its tree or of its canonical text. */
extern struct Window *filter_window(const FilterNode *window,
									const char *timezone);
extern struct Window *filter_window_read(const char *text,
										 const char *timezone);

/* The tree of the window "in last <days> days". */
extern FilterNode *filter_window_of_days(int64 days);

/* filter_row.c: the row of row @@ filter --------------------------------- */

/*
 * A row whose fields can be named: a whole-row Var, a RowExpr, or any
 * expression of a composite type.
 */
typedef struct FilterRow
{
	FilterScope scope;
	Expr	   *row;
	Oid			type;			/* of the row: a composite type or RECORD */
	TupleDesc	fields;
} FilterRow;

/* Return the value of the field of that name, or NULL if there is none. */
extern Expr *filter_row_field(FilterRow *row, const char *name);

/*
 * Rows of some types are profiles.  The hook is called for each named row type
 * before names are bound.  A room that knows the type fills in the scope and
 * returns it (row->scope, or a struct of its own that starts with a copy);
 * NULL means that the type is unknown.  A room that knows it lies to the right
 * of this one, so the room registers itself here.
 */
typedef FilterScope *(*FilterRowHook) (FilterRow *row);
extern PGDLLIMPORT FilterRowHook filter_row_hook;

/*
 * Return the scope of the row of relation 'relid' that is range table entry
 * 'varno' of a query: that of the relation's row type, hook included.
 */
extern FilterScope *filter_relation_scope(Oid relid, int varno);

/*
 * The same without the hook: the relation's columns, whatever they stand for.
 */
extern FilterScope *filter_column_scope(Oid relid, int varno);

#endif							/* SEGMENT_FILTER_H */
