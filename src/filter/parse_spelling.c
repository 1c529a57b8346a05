/*-------------------------------------------------------------------------
 *
 * parse_spelling.c
 *	  Which condition do the next words spell?
 *
 *		city is not set and ...
 *			 ----------
 *		"is not set" is the spelling of IS SET's NOT, and longer than "is"
 *
 * The spellings of all conditions that stand behind their operand are those of
 * filter_ops.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "filter/parse_private.h"

static void fail_behind_words(Parser *parser, int count);
static const char *spelling_of(FilterOp op, bool negated);
static int match_phrase(Parser *parser, const char *phrase, bool *complete);

/*
 * match_spelling() returns the op that the next words spell.
 *
 * The longest spelling wins.  *nwords is its number of words, *negated says
 * whether it is the spelling of the op's NOT.  FILTER_NONE means that there is
 * no condition: *nwords is 0, or not 0 if some words of a spelling were there
 * and an error was raised at the first wrong one.
 */
FilterOp
match_spelling(Parser *parser, int *nwords, bool *negated)
{
	FilterOp	found = FILTER_NONE;
	int			longest = 0;
	int			n;

	*nwords = 0;
	*negated = false;

	if (parser_peek(parser, 0)->kind != TOKEN_WORD &&
		parser_peek(parser, 0)->kind != TOKEN_SYMBOL)
		return FILTER_NONE;

	/* [not] in this month */
	n = parser_next_is(parser, 0, "not") ? 1 : 0;
	if (parser_next_is(parser, n, "in") &&
		parser_period_at(parser, n + 1) >= 0)
	{
		*negated = (n == 1);
		*nwords = n + 2;
		return FILTER_IN_PERIOD;
	}

	for (FilterOp op = 0; op < FILTER_OP_COUNT; op++)
	{
		if (!filter_op_follows_operand(op))
			continue;
		for (int side = 0; side < 2; side++)
		{
			const char *phrase = spelling_of(op, side == 1);
			bool		complete;
			int			matched;

			if (phrase == NULL || filter_ops[op].shape == SHAPE_PERIOD)
				continue;
			matched = match_phrase(parser, phrase, &complete);
			longest = Max(longest, matched);
			if (complete && matched > *nwords)
			{
				found = op;
				*nwords = matched;
				*negated = (side == 1);
			}
		}
	}
	if (found == FILTER_NONE && longest > 0)
	{
		fail_behind_words(parser, longest);
		*nwords = longest;
	}
	return found;
}

/*
 * fail_behind_words() raises the error that the next 'count' words begin a
 * spelling, and that none goes on as the text does.
 */
static void
fail_behind_words(Parser *parser, int count)
{
	StringInfoData words;

	initStringInfo(&words);
	for (int side = 0; side < 2; side++)
	{
		for (FilterOp op = 0; op < FILTER_OP_COUNT; op++)
		{
			const char *phrase = spelling_of(op, side == 1);
			bool		complete;

			if (!filter_op_follows_operand(op) || phrase == NULL ||
				match_phrase(parser, phrase, &complete) != count)
				continue;
			for (int i = 0; i < count; i++)
				phrase = strchr(phrase, ' ') + 1;
			filter_add_word(&words, phrase, strcspn(phrase, " "));
		}
	}
	for (int i = 0; i < count; i++)
		parser_advance(parser);
	(void) parser_fail(parser, words.data, NULL, NULL);
}

static const char *
spelling_of(FilterOp op, bool negated)
{
	return negated ? filter_ops[op].negated : filter_ops[op].spelling;
}

/*
 * match_phrase() returns how many words of the phrase the next words are;
 * *complete if these are all.
 */
static int
match_phrase(Parser *parser, const char *phrase, bool *complete)
{
	int			matched = 0;

	*complete = false;
	for (;;)
	{
		FilterToken *token = parser_peek(parser, matched);
		int			length = strcspn(phrase, " ");

		if ((token->kind != TOKEN_WORD && token->kind != TOKEN_SYMBOL) ||
			token->length != length)
			return matched;
		if (pg_strncasecmp(token->start, phrase, length) != 0 &&
			!(strcmp(phrase, "!=") == 0 &&
			  strncmp(token->start, "<>", 2) == 0))
			return matched;
		matched++;
		if (phrase[length] == '\0')
		{
			*complete = true;
			return matched;
		}
		phrase += length + 1;
	}
}
