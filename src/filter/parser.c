/*-------------------------------------------------------------------------
 *
 * parser.c
 *	  Which token is next, and what does an error say that finds another?
 *
 *		seen in lsat 30 days
 *			 ^
 *		parser_accept(parser, "in")		yes, and go on behind it
 *		parser_next_is(parser, 0, "last")	no
 *		parser_fail(parser, "last|next|this|(", ...)
 *
 *		ERROR:  syntax error in filter at or near "lsat" (character 9)
 *		DETAIL:  Expected "last", "next", "this" or "(".
 *		HINT:  Perhaps you meant: seen in last 30 days
 *
 * The rules of the grammar, in parse*.c, look at tokens and raise errors by
 * these functions alone.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "mb/pg_wchar.h"

#include "base/base.h"
#include "filter/parse_private.h"

static char *nearest_word(Parser *parser, FilterToken *token,
						  const char *words, const char *more_words);
static char *list_expected(const char *words, const char *others);
static List *split_words(List *list, const char *words);
static char *excerpt(const char *start, int length);
static int	character_number(Parser *parser, const char *start);
static int	show_caret(Parser *parser, int character);

bool
parser_is_filter(Parser *parser, FilterNode *node)
{
	if (op_is(node, KIND_FILTER))
		return true;
	(void) parser_fail(parser, NULL, "a comparison such as \"=\" or \"in\"",
					   filter_condition_words());
	return false;
}

FilterNode *
parser_fail_behind(Parser *parser)
{
	StringInfoData words;
	StringInfoData others;
	const char *option_words = NULL;
	bool		option = (parser->option_at == parser_peek(parser, 0)->start);

	initStringInfo(&words);
	appendStringInfoString(&words, "and|or");
	if (parser->closers != NULL)
		appendStringInfo(&words, "|%s", parser->closers);
	initStringInfo(&others);
	if (option)
		appendStringInfoString(&others, parser->option);
	if (parser->end != NULL)
		appendStringInfo(&others, "%s%s", option ? "|" : "", parser->end);
	if (option)
		option_words = parser->option_words != NULL ?
			parser->option_words : filter_condition_words();
	return parser_fail(parser, words.data, others.data, option_words);
}

/*
 * 'words' and 'others', separated by bars, are what was expected: words of
 * the language, and descriptions.  The hint looks for a slip among 'words' and
 * 'more_words'.
 */
FilterNode *
parser_fail(Parser *parser, const char *words, const char *others,
			const char *more_words)
{
	FilterToken *token = parser_peek(parser, 0);
	int			character = character_number(parser, token->start);
	char	   *detail = list_expected(words, others);
	const char *hint;
	char	   *problem;

	if (token->kind == TOKEN_BAD && token->hint != NULL)
		hint = token->hint;
	else if (parser->consumed == NULL &&
			 (*token->start == '{' || *token->start == '['))
		hint =
			"A rule tree is cast from jsonb: '{\"field\": \"orders\", "
			"\"operator\": \">\", \"value\": 3}'::jsonb::segment.filter";
	else if ((hint = parser_habit(parser, token->start)) == NULL &&
			 (hint = nearest_word(parser, token, words, more_words)) == NULL)
		hint = parser->hint;
	if (token->problem != NULL)
		detail = NULL;			/* what was expected is not there yet */

	if (token->kind == TOKEN_END && parser->consumed == NULL)
		problem = psprintf("%s is empty", parser->input_name);
	else if (token->kind == TOKEN_END)
		problem = psprintf("syntax error in %s at its end (character %d)",
						   parser->input_name, character);
	else
		problem = psprintf("%s in %s at or near \"%s\" (character %d)",
						   token->problem != NULL ? token->problem :
						   "syntax error", parser->input_name,
						   excerpt(token->start, token->length), character);

	ereturn(parser->escontext, NULL,
			(errcode(ERRCODE_SYNTAX_ERROR),
			 errmsg_internal("%s", problem),
			 detail != NULL ? errdetail_internal("%s", detail) : 0,
			 hint != NULL ? errhint("%s", hint) : 0,
			 show_caret(parser, character)));
}

/*
 * nearest_word() returns the hint for a slip in one of these words, or NULL.
 */
static char *
nearest_word(Parser *parser, FilterToken *token, const char *words,
			 const char *more_words)
{
	const char *nearest;
	char	   *word;
	char	   *meant;

	if (token->kind != TOKEN_WORD || token->length >= 64)
		return NULL;
	word = filter_token_text(token);
	if (strcmp(word, "null") == 0)
		return "A missing value is asked for with \"is not set\", any other "
			   "with \"is set\".";
	if (strcmp(word, "xor") == 0)
		return "Either of two, but not both, is written: (a or b) and not (a "
			   "and b)";
	/* a word of the language was meant as it is */
	if (filter_word_reserved(word))
		return NULL;
	nearest = nearest_name(word, split_words(split_words(NIL, words),
											 more_words));
	/* a symbol is one edit away from any letter */
	if (nearest == NULL || !filter_is_word_start(*nearest))
		return NULL;
	meant = parser_replaced(parser, token->start, token->start + token->length,
							nearest);
	return meant == NULL ? NULL : psprintf("Perhaps you meant: %s", meant);
}

/*
 * In SQL a name is quoted as in "revenue" > 40, so the hint takes the string
 * for a column.
 */
FilterNode *
parser_fail_fixed(Parser *parser, const char *start, FilterNode *node)
{
	FilterNode *meant = filter_string_as_column(node);
	FilterOp	op = node->op == FILTER_NOT ? node->args[0]->op : node->op;
	bool		is_value = (filter_ops[op].kinds & KIND_OPERAND) != 0;
	const char *what = is_value ? "value" : "condition";
	char	   *text = NULL;
	char	   *hint = NULL;

	if (meant != NULL)
		text = parser_replaced(parser, start, parser->consumed,
							   filter_print(meant));
	if (text != NULL)
		hint = psprintf("Write: %s", text);
	else if ((filter_ops[op].kinds & KIND_TIME) == 0)
		hint = "A condition that always holds is written: true";
	return parser_fail_at(parser, start, psprintf("%s without a column", what),
						  psprintf("%s %s is the same for every row.",
								   meant != NULL ?
								   "What is in quotes is a string, so the" :
								   "The", what), hint);
}

FilterNode *
parser_fail_at(Parser *parser, const char *start, const char *problem,
			   const char *detail, const char *hint)
{
	int			character = character_number(parser, start);
	FilterToken token;

	(void) filter_scan(start, &token);
	ereturn(parser->escontext, NULL,
			(errcode(ERRCODE_SYNTAX_ERROR),
			 errmsg_internal("%s at or near \"%s\" (character %d)", problem,
							 excerpt(token.start, token.length), character),
			 errdetail_internal("%s", detail),
			 hint != NULL ? errhint("%s", hint) : 0,
			 show_caret(parser, character)));
}

/* list_expected() writes: Expected "and", "or" or the end of the filter. */
static char *
list_expected(const char *words, const char *others)
{
	List	   *quoted = split_words(NIL, words);
	List	   *plain = split_words(NIL, others);
	int			left = list_length(quoted) + list_length(plain);
	StringInfoData out;
	ListCell   *lc;

	initStringInfo(&out);
	appendStringInfoString(&out, "Expected ");
	foreach(lc, quoted)
		appendStringInfo(&out, "\"%s\"%s", (char *) lfirst(lc),
						 --left == 0 ? "." : left == 1 ? " or " : ", ");
	foreach(lc, plain)
		appendStringInfo(&out, "%s%s", (char *) lfirst(lc),
						 --left == 0 ? "." : left == 1 ? " or " : ", ");
	return out.data;
}

/* split_words() adds the words between the bars to a list (char *). */
static List *
split_words(List *list, const char *words)
{
	while (words != NULL && *words != '\0')
	{
		int			length = strcspn(words, "|");

		list = lappend(list, pnstrdup(words, length));
		words += length;
		if (*words == '|')
			words++;
	}
	return list;
}

/* excerpt() returns the characters, shortened if they are many. */
static char *
excerpt(const char *start, int length)
{
	const int	longest = 60;		/* characters */
	int			kept = pg_mbcharcliplen(start, length, longest);

	if (kept == length)
		return pnstrdup(start, length);
	return psprintf("%s...", pnstrdup(start, kept));
}

static int
character_number(Parser *parser, const char *start)
{
	return pg_mbstrlen_with_len(parser->text, start - parser->text) + 1;
}

/* A caret helps in what fits a screen; the message has the number anyway. */
static int
show_caret(Parser *parser, int character)
{
	const int	longest = 4000;

	if (strnlen(parser->text, longest) == longest)
		return 0;
	internalerrquery(parser->text);
	return internalerrposition(character);
}

FilterToken *
parser_peek(Parser *parser, int n)
{
	Assert(n < LOOKAHEAD);
	while (parser->ntokens <= n)
		parser->position = filter_scan(parser->position,
									   &parser->tokens[parser->ntokens++]);
	return &parser->tokens[n];
}

bool
parser_next_is(Parser *parser, int n, const char *word)
{
	return filter_token_is(parser_peek(parser, n), word);
}

void
parser_advance(Parser *parser)
{
	FilterToken *token = parser_peek(parser, 0);

	parser->consumed = token->start + token->length;
	parser->ntokens--;
	memmove(parser->tokens, parser->tokens + 1,
			parser->ntokens * sizeof(FilterToken));
}

bool
parser_accept(Parser *parser, const char *word)
{
	if (!parser_next_is(parser, 0, word))
		return false;
	parser_advance(parser);
	return true;
}

bool
parser_expect(Parser *parser, const char *word)
{
	if (parser_accept(parser, word))
		return true;
	(void) parser_fail(parser, word, NULL, NULL);
	return false;
}

int
parser_location(Parser *parser)
{
	return parser_peek(parser, 0)->start - parser->text;
}

FilterNode *
parse_node(FilterOp op, int location, FilterNode *a, FilterNode *b,
		   FilterNode *c)
{
	int			nargs = (b == NULL) ? 1 : (c == NULL) ? 2 : 3;
	FilterNode **args = palloc_array(FilterNode *, nargs);

	args[0] = a;
	if (nargs > 1)
		args[1] = b;
	if (nargs > 2)
		args[2] = c;
	return filter_node_with(op, NULL, location, nargs, args);
}

/* "day" or "days" at token n, as a FilterUnit; else -1. */
int
parser_unit_at(Parser *parser, int n)
{
	return filter_token_unit(parser_peek(parser, n));
}

/* "this month" at token n, as a FilterPeriod; else -1. */
int
parser_period_at(Parser *parser, int n)
{
	for (int which = 0; filter_whiches[which] != NULL; which++)
	{
		if (parser_next_is(parser, n, filter_whiches[which]))
		{
			for (int unit = FILTER_DAY; unit <= FILTER_YEAR; unit++)
			{
				if (parser_next_is(parser, n + 1, filter_units[unit]))
					return FILTER_PERIOD(which, unit);
			}
		}
	}
	return -1;
}
