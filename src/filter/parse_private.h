/*-------------------------------------------------------------------------
 *
 * parse_private.h
 *	  What the files of the parser share with each other only.
 *
 *		parse.c				connectives, and the entry points
 *		parse_condition.c	conditions
 *		parse_spelling.c	the words of conditions
 *		parse_operand.c		operands and literals
 *		parse_events.c		aggregates, "did" and windows
 *		parser.c			the next tokens, and errors
 *		habits.c			what was meant, for hints
 *
 * The rules of the grammar call each other: an operand may hold an aggregate,
 * an aggregate a filter, a filter operands.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_PARSE_PRIVATE_H
#define SEGMENT_PARSE_PRIVATE_H

#include "filter/filter_private.h"

#define LOOKAHEAD	4			/* "not in last month" */

typedef struct Parser
{
	const char *text;
	const char *position;		/* behind the tokens read so far */
	FilterToken tokens[LOOKAHEAD];	/* the next ones */
	int			ntokens;
	const char *consumed;		/* end of the last token that was taken */
	const char *group_end;		/* end of the last closed parenthesis that
								 * held a filter or an operand */

	bool		in_where;		/* in a WHERE, outside of its parentheses */
	bool		in_events;		/* in an aggregate or DID */
	bool		is_amount;		/* the text is that of parse_amount() */

	/* for hints: where the condition being read begins, and goes on */
	const char *clause;
	const char *phrase;			/* behind its operand, or, in_window, where an
								 * event has its window */
	bool		in_window;

	/* for errors */
	const char *input_name;		/* of the text: "filter", "expression" ... */
	bool		operand_first;	/* an operand is expected where a filter may
								 * begin, too */
	const char *closers;		/* words that may close what is being read */
	const char *end;			/* what may close it that is no word */
	const char *option_at;		/* what else could have stood here: */
	const char *option;			/* in words of ours, and */
	const char *option_words;	/* in those of the language; NULL: those that
								 * begin a condition */
	const char *hint;			/* for the next error without a better one */

	struct Node *escontext;
} Parser;

#define PERIOD_UNITS	"day|week|month|quarter|year"

/*
 * A rule, parse_...(), reads what it is named for, returns its tree, and
 * leaves the parser behind it; NULL once an error has been saved in escontext.
 */

/* parse.c ---------------------------------------------------------------- */

/* Read a filter; or an operand, where only the end tells them apart. */
extern FilterNode *parse_or(Parser *parser);

/* parse_condition.c ------------------------------------------------------ */

/* Read a condition, a group in parentheses, or an operand. */
extern FilterNode *parse_condition(Parser *parser);

/* parse_spelling.c ------------------------------------------------------- */

/*
 * Find the condition that the next *nwords words spell, and do not read them;
 * FILTER_NONE if there is none, with *nwords 0 or an error raised.
 */
extern FilterOp match_spelling(Parser *parser, int *nwords, bool *negated);

/* parse_operand.c -------------------------------------------------------- */

/*
 * Read an operand whose operators are of at least the precedence 'lowest'; or
 * a filter in parentheses, unless operand_only.
 */
extern FilterNode *parse_sum(Parser *parser, FilterPrecedence lowest,
							 bool operand_only);
extern FilterNode *parse_operand(Parser *parser);
/* Read a name, with keys behind it: a, or a.b.c */
extern FilterNode *parse_column(Parser *parser);
extern FilterNode *parse_literal(Parser *parser);
extern FilterNode *parse_number(Parser *parser);
extern FilterNode *parse_string(Parser *parser);
extern FilterNode *parse_span(Parser *parser);

/* parse_case.c ----------------------------------------------------------- */

/* Read: case when filter then operand ... end */
extern FilterNode *parse_case(Parser *parser);
/*
 * Is the next word CASE, and not a column of that name?  If it is CASE in the
 * form of SQL that we do not take, the hint for the next error says so.
 */
extern bool parse_case_follows(Parser *parser);

/* parse_events.c --------------------------------------------------------- */

/* Read an aggregate, or DID. */
extern FilterNode *parse_aggregate(Parser *parser);
/* Read what stands in sum(...), without a window; the tree is that sum. */
extern FilterNode *parse_amount(Parser *parser);
extern FilterNode *parse_did(Parser *parser);
/* Is the next word DID, and not a column of that name? */
extern bool parse_did_follows(Parser *parser);
/* Read a window, or return NONE if there is none. */
extern FilterNode *parse_window(Parser *parser);
/* Do the next words begin a window? */
extern bool parse_window_follows(Parser *parser);

/* parser.c --------------------------------------------------------------- */

/* Is the node a filter?  An error was raised if not. */
extern bool parser_is_filter(Parser *parser, FilterNode *node);

/*
 * Raise a syntax error and return NULL.  parser_fail(): the next token is none
 * of 'words' and 'others'; parser_fail_behind(): the filter is complete and
 * something else follows; parser_fail_fixed(): 'node', which was read from
 * 'start' on, has no column; parser_fail_at(): any other.
 */
extern FilterNode *parser_fail(Parser *parser, const char *words,
							   const char *others, const char *more_words);
extern FilterNode *parser_fail_behind(Parser *parser);
extern FilterNode *parser_fail_fixed(Parser *parser, const char *start,
									 FilterNode *node);
extern FilterNode *parser_fail_at(Parser *parser, const char *start,
								  const char *problem, const char *detail,
								  const char *hint);

/* Look at the token behind n others, without reading it. */
extern FilterToken *parser_peek(Parser *parser, int n);
/* Is it this word or symbol? */
extern bool parser_next_is(Parser *parser, int n, const char *word);
/* Read the next token. */
extern void parser_advance(Parser *parser);
/* Read the next token if it is this word; else false. */
extern bool parser_accept(Parser *parser, const char *word);
/* The same, or raise an error. */
extern bool parser_expect(Parser *parser, const char *word);
/* Is token n "day", "days" ...?  Its FilterUnit, else -1. */
extern int	parser_unit_at(Parser *parser, int n);
/* Are tokens n and n + 1 "this month" ...?  Its FilterPeriod, else -1. */
extern int	parser_period_at(Parser *parser, int n);
/* Where in the text the next token starts. */
extern int	parser_location(Parser *parser);
/* Make a node of one to three arguments; NULL are those that it lacks. */
extern FilterNode *parse_node(FilterOp op, int location, FilterNode *a,
							  FilterNode *b, FilterNode *c);

/* habits.c --------------------------------------------------------------- */

/* Return the hint for the word at 'start', or NULL if no habit explains it. */
extern char *parser_habit(Parser *parser, const char *start);
/*
 * Return the text with 'replacement' from 'start' to 'end', for a hint; NULL
 * if that changes nothing.
 */
extern char *parser_replaced(Parser *parser, const char *start,
							 const char *end, const char *replacement);

#endif							/* SEGMENT_PARSE_PRIVATE_H */
