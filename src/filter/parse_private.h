/*-------------------------------------------------------------------------
 *
 * parse_private.h
 *	  What the files of the parser share with each other only.
 *
 *		parse.c				connectives, and what calls it
 *		parse_condition.c	conditions
 *		parse_spelling.c	the words of conditions
 *		parse_operand.c		operands and literals
 *		parse_events.c		aggregates, "did" and windows
 *		parser.c			where in the text we are, and errors
 *		habits.c			what was meant, for hints
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

	const char *clause;			/* where the filter being read begins */
	const char *phrase;			/* behind its operand, or, in_window, where an
								 * event has its window */
	bool		in_window;

	bool		operand_first;	/* where a filter may begin, an operand is what
								 * one would expect; for errors */

	const char *input_name;	/* "filter" or "expression", for errors */
	/* what may close the filter being read: words, or the end */
	const char *closers;
	const char *end;
	/* what else could have stood at this place, for errors */
	const char *option_at;
	const char *option;
	const char *option_words;
	const char *hint;			/* for the next error without a better one */

	struct Node *escontext;
} Parser;

#define PERIOD_UNITS	"day|week|month|quarter|year"

/*
 * Rules return the tree, or NULL once an error has been saved; they leave the
 * parser behind what they have read.
 */

/* parse.c ---------------------------------------------------------------- */

extern FilterNode *parse_or(Parser *parser);

/* parse_condition.c ------------------------------------------------------ */

extern FilterNode *parse_condition(Parser *parser);

/* parse_spelling.c ------------------------------------------------------- */

extern FilterOp match_spelling(Parser *parser, int *nwords, bool *negated);

/* parse_operand.c -------------------------------------------------------- */

extern FilterNode *parse_sum(Parser *parser, FilterPrecedence lowest,
							 bool operand_only);
extern FilterNode *parse_operand(Parser *parser);
extern FilterNode *parse_literal(Parser *parser);
extern FilterNode *parse_number(Parser *parser);
extern FilterNode *parse_string(Parser *parser);
extern FilterNode *parse_span(Parser *parser);
extern int	parse_unit_at(Parser *parser, int n);

/* parse_events.c --------------------------------------------------------- */

extern FilterNode *parse_aggregate(Parser *parser);
extern FilterNode *parse_did(Parser *parser);
extern bool parse_did_follows(Parser *parser);
extern FilterNode *parse_window(Parser *parser);
extern bool parse_window_follows(Parser *parser);
extern int	parse_period_at(Parser *parser, int n);

/* parser.c --------------------------------------------------------------- */

extern bool parser_is_filter(Parser *parser, FilterNode *node);
extern FilterNode *parser_fail_behind(Parser *parser);
extern FilterNode *parser_fail(Parser *parser, const char *words,
							   const char *others, const char *more_words);
extern FilterNode *parser_fail_fixed(Parser *parser, const char *start,
									 FilterNode *node);
extern FilterNode *parser_fail_at(Parser *parser, const char *start,
								  const char *problem, const char *detail,
								  const char *hint);
extern FilterToken *parser_peek(Parser *parser, int n);
extern bool parser_next_is(Parser *parser, int n, const char *word);
extern void parser_advance(Parser *parser);
extern bool parser_accept(Parser *parser, const char *word);
extern bool parser_expect(Parser *parser, const char *word);
extern int	parser_location(Parser *parser);
extern FilterNode *parse_node(FilterOp op, int location, FilterNode *a,
							  FilterNode *b, FilterNode *c);

/* habits.c --------------------------------------------------------------- */

extern char *parser_habit(Parser *parser, const char *start);
extern char *parser_replaced(Parser *parser, const char *start,
							 const char *end, const char *replacement);

#endif							/* SEGMENT_PARSE_PRIVATE_H */
