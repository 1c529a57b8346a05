/*-------------------------------------------------------------------------
 *
 * filter_private.h
 *	  What the files of this room share with each other only.
 *
 * The grammar's facts stand in one table, filter_ops (ops.c): how many
 * arguments an op takes and of which kind, what its text and detail may be,
 * how it is spelled.  The parser, the printer, the check of bytes and the
 * json casts read it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_FILTER_PRIVATE_H
#define SEGMENT_FILTER_PRIVATE_H

#include "lib/stringinfo.h"
#include "nodes/pg_list.h"

#include "base/compat.h"
#include "filter/filter.h"

/* The first byte of a filter on disk. */
#define FILTER_VERSION	1

/* What a node can be; each argument of an op takes some of these kinds. */
#define KIND_NONE		0x0001	/* an absent part */
#define KIND_WORD		0x0002
#define KIND_OPERAND	0x0004
#define KIND_LITERAL	0x0008	/* number, string, true, false */
#define KIND_STRING		0x0010
#define KIND_NUMBER		0x0020
#define KIND_SPAN		0x0040
#define KIND_WINDOW		0x0080
#define KIND_FILTER		0x0100
#define KIND_TIME		0x0200	/* a condition on a time, beside KIND_FILTER */
#define KIND_WHEN		0x0400	/* a condition of CASE, and its value */
#define KIND_OF			0x0800	/* which events */
#define KIND_AMOUNT		0x1000	/* of a text: what an event is worth */

/* What the text of a node may be. */
typedef enum FilterTextRule
{
	TEXT_ABSENT,
	TEXT_ANY,					/* any characters, even none */
	TEXT_NAME,					/* any characters, at least one */
	TEXT_NUMBER,				/* canonical decimal notation */
	TEXT_COUNT,					/* whole, from 1 to 999999999 */
	TEXT_TIMES,					/* whole from 0, absent with TIMES_ANY */
	TEXT_FUNCTION,				/* a plain word that the grammar leaves free */
	TEXT_AGGREGATE				/* one of filter_aggregates */
} FilterTextRule;

/* What the detail of a node may be. */
typedef enum FilterDetailRule
{
	DETAIL_ZERO,
	DETAIL_DISTINCT,
	DETAIL_UNIT,
	DETAIL_PERIOD,
	DETAIL_THIS_PERIOD,
	DETAIL_TIMES,
	DETAIL_COMPARE
} FilterDetailRule;

/* How a node is written around its spelling. */
typedef enum FilterShape
{
	SHAPE_OTHER,				/* a rule of its own in parse*.c and print.c */
	SHAPE_ALONE,				/* now */
	SHAPE_ARITHMETIC,			/* operand + operand */
	SHAPE_COMPARISON,			/* operand = operand */
	SHAPE_BETWEEN,				/* operand BETWEEN operand and operand */
	SHAPE_LIST,					/* operand IN (literal, ...) */
	SHAPE_VALUE,				/* operand CONTAINS literal */
	SHAPE_POSTFIX,				/* operand IS SET */
	SHAPE_SPAN,					/* operand IN LAST span */
	SHAPE_SPAN_AGO,				/* operand MORE THAN span ago */
	SHAPE_PERIOD,				/* operand IN this month */
	SHAPE_ANNIVERSARY			/* anniversary of operand ... */
} FilterShape;

/* How tightly an op binds its arguments, the loosest first. */
typedef enum FilterPrecedence
{
	PRECEDENCE_OR = 1,
	PRECEDENCE_AND,
	PRECEDENCE_NOT,
	PRECEDENCE_PREDICATE,
	PRECEDENCE_SUM,
	PRECEDENCE_PRODUCT,
	PRECEDENCE_PRIMARY
} FilterPrecedence;

#define MAX_ARG_KINDS	4

typedef struct FilterOpInfo
{
	const char *name;			/* in filter_tree() */
	uint16		kinds;			/* what it can stand for */
	FilterPrecedence precedence;
	FilterShape shape;
	const char *spelling;		/* the words of canonical text, or NULL */
	const char *negated;		/* the words for its NOT, or NULL */
	const char *json;			/* "operator" of a rule, or NULL */
	const char *json_negated;
	FilterTextRule text;
	FilterDetailRule detail;
	int			min_args;
	int			max_args;		/* -1 if there is no limit */
	uint16		args[MAX_ARG_KINDS];	/* the last repeats */
} FilterOpInfo;

/*
 * May a word begin with the character?  Any byte of a multibyte character
 * counts as a letter, as in SQL.
 */
static inline bool
filter_is_word_start(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
		(c & 0x80) != 0;
}

/* Is the character a digit of a number? */
static inline bool
filter_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* May a word go on with the character? */
static inline bool
filter_is_word_part(char c)
{
	return filter_is_word_start(c) || filter_is_digit(c);
}

/* ops.c */
extern const FilterOpInfo filter_ops[FILTER_OP_COUNT];

/* The words of these enums, by number, and of aggregates; then NULL. */
extern const char *const filter_units[];	/* FilterUnit */
extern const char *const filter_whiches[];	/* FilterWhich */
extern const char *const filter_times[];	/* FilterTimes */
extern const char *const filter_compares[]; /* FilterCompare */
extern const char *const filter_aggregates[];

/*
 * The most digits of a number, its largest exponent, and the most digits of a
 * count: the server's numeric can hold each number.
 */
#define FILTER_MAX_DIGITS		1000
#define FILTER_MAX_EXPONENT		1000
#define FILTER_MAX_COUNT_DIGITS 9

#define op_is(node, kind)	((filter_ops[(node)->op].kinds & (kind)) != 0)

/*
 * Is the op a condition on an operand, its first argument, that is written by
 * one of the shapes?
 */
static inline bool
filter_op_has_operand(FilterOp op)
{
	return filter_ops[op].precedence == PRECEDENCE_PREDICATE &&
		filter_ops[op].shape != SHAPE_OTHER;
}

/* Does the spelling of the op stand behind that operand? */
static inline bool
filter_op_follows_operand(FilterOp op)
{
	return filter_op_has_operand(op) &&
		filter_ops[op].shape != SHAPE_ANNIVERSARY;
}

/* Return the kinds that argument 'number' of the op may have. */
extern uint16 filter_arg_kinds(FilterOp op, int number);

/* Find a word in an array that ends with NULL: its index, else -1. */
extern int	filter_find_word(const char *const *words, const char *word);
/* Return the words of a FilterPeriod: "this month" */
extern char *filter_period_words(int detail);
/* Is the word no column or function, unless in backquotes? */
extern bool filter_word_reserved(const char *word);
/* Is a column of this name printed in backquotes? */
extern bool filter_word_quoted(const char *word);
/* Would the scanner read these characters as this one word? */
extern bool filter_word_plain(const char *word);
/* Is the word no function, as it is one of our grammar or of SQL's? */
extern bool filter_word_no_function(const char *word);
/* Does the grammar put the word behind an operand? */
extern bool filter_word_follows_operand(const char *word);
/*
 * Return the words that begin a condition behind its operand, separated by
 * bars, for hints.
 */
extern char *filter_condition_words(void);
/* Add a word to such a list, unless it has the word already. */
extern void filter_add_word(StringInfo words, const char *word, int length);
/* Must the aggregate have a value, as sum has and count has not? */
extern bool filter_aggregate_needs_value(const char *name);

/* check.c */

/*
 * Return NULL if the node is one that the parser could have made, assuming the
 * same of its arguments; else what is wrong with it, as half a sentence.
 */
extern const char *filter_check_node(const FilterNode *node);

/* Does the operand differ between rows or times? */
extern bool filter_differs(const FilterNode *operand);

/*
 * Is the condition, or its NOT, one that no column, event or clock has a part
 * in?  A condition on a time that is written down counts as such, too, though
 * the clock has a part in it.
 */
extern bool filter_is_fixed(const FilterNode *condition);

/*
 * Return the condition with its first string that can be a name as a column;
 * NULL if it has no such string.
 */
extern FilterNode *filter_string_as_column(const FilterNode *condition);

/* Return the column that an operand names first, or NULL. */
extern const FilterNode *filter_first_column(const FilterNode *operand);

/* scan.c */
typedef enum FilterTokenKind
{
	TOKEN_END,
	TOKEN_WORD,					/* count */
	TOKEN_NAME,					/* `count` */
	TOKEN_STRING,
	TOKEN_NUMBER,				/* without sign */
	TOKEN_SYMBOL,				/* ( ) , . + - * / = != <> < <= > >= */
	TOKEN_BAD					/* whatever is none of these */
} FilterTokenKind;

typedef struct FilterToken
{
	FilterTokenKind kind;
	const char *start;
	int			length;
	const char *problem;		/* of TOKEN_BAD, or NULL if it is just none */
	const char *hint;			/* of TOKEN_BAD, or NULL */
} FilterToken;

/* Read the token at or behind 'position', and return where it ends. */
extern const char *filter_scan(const char *position, FilterToken *token);
/* Is the token this word or symbol? */
extern bool filter_token_is(const FilterToken *token, const char *word);
/* Is the token "day", "days" ...?  Its FilterUnit, else -1. */
extern int	filter_token_unit(const FilterToken *token);
/* Return the word folded, or the characters between the quotes. */
extern char *filter_token_text(const FilterToken *token);

/* number.c */

/*
 * Return the canonical notation of an unsigned number, behind a sign if it is
 * 'negative'; NULL if the text is no number or out of range.
 */
extern char *filter_number(const char *text, int length, bool negative);

/* parse.c */

/* Parse a text that is nothing but one of these kinds (KIND_...). */
extern FilterNode *filter_parse_part(const char *text, uint16 kind,
									 struct Node *escontext);

/* json.c */

#define FILTER_JSON_HOLDS	"holds" /* operator of a rule that is an operand */
/* The keys of DID's count, by FilterTimes */
extern const char *const filter_json_times[];
struct JsonbValue;
/* Fill in the scalar that is the literal, whose text it shares. */
extern void filter_json_literal(const FilterNode *literal,
								struct JsonbValue *value);

/* json_read.c */

/* Read a rule tree; ERRCODE_INVALID_PARAMETER_VALUE with a path in it. */
struct JsonbContainer;
extern FilterNode *filter_from_json(struct JsonbContainer *json);

/* print.c */

/* Put a text in quotes, and double those in it. */
extern char *filter_quote(const char *text, char quote);

/* pack.c ----------------------------------------------------------------- */

/* Has a node of this op and detail a text, in its bytes? */
extern bool filter_has_text(FilterOp op, uint8 detail);

#endif							/* SEGMENT_FILTER_PRIVATE_H */
