/*-------------------------------------------------------------------------
 *
 * parse_case.c
 *	  Which value does a text choose?
 *
 *		case when orders > 9 then "often" else "seldom" end
 *		parse_case .............. CASE(WHEN(orders > 9, "often"), "seldom")
 *		parse_or ................ orders > 9
 *		parse_operand ........... "often", "seldom"
 *
 * "case" means this before "when" alone; elsewhere it is a name like others.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"

#include "filter/parse_private.h"

static FilterNode *parse_whens(Parser *parser);
static FilterNode *parse_when(Parser *parser);
static char *simple_case_hint(Parser *parser);
static const char *word_behind(const char *position, const char *word,
							   FilterToken *token);

bool
parse_case_follows(Parser *parser)
{
	if (!parser_next_is(parser, 0, "case"))
		return false;
	if (parser_next_is(parser, 1, "when"))
		return true;
	if (parser->hint == NULL)
		parser->hint = simple_case_hint(parser);
	return false;
}

FilterNode *
parse_case(Parser *parser)
{
	bool		outer_where = parser->in_where;
	const char *outer_closers = parser->closers;
	const char *outer_end = parser->end;
	const char *outer_clause = parser->clause;
	FilterNode *node;

	check_stack_depth();

	parser->in_where = false;
	parser->end = NULL;
	node = parse_whens(parser);
	parser->in_where = outer_where;
	parser->closers = outer_closers;
	parser->end = outer_end;
	parser->clause = outer_clause;
	return node;
}

/* parse_whens() reads all of CASE, which ends with its own word. */
static FilterNode *
parse_whens(Parser *parser)
{
	int			location = parser_location(parser);
	int			room = 4;
	int			nargs = 0;
	FilterNode **args = palloc_array(FilterNode *, room);

	parser_advance(parser);
	while (parser_next_is(parser, 0, "when"))
	{
		CHECK_FOR_INTERRUPTS();
		/* one more for what stands behind ELSE */
		if (nargs + 1 == room)
		{
			room *= 2;
			args = repalloc_huge(args, room * sizeof(FilterNode *));
		}
		args[nargs] = parse_when(parser);
		if (args[nargs++] == NULL)
			return NULL;
	}
	args[nargs] = parser_accept(parser, "else") ? parse_operand(parser) :
		filter_node(FILTER_NONE, NULL, -1);
	if (args[nargs] == NULL)
		return NULL;
	if (!parser_accept(parser, "end"))
		return parser_fail(parser, args[nargs]->op == FILTER_NONE ?
						   "when|else|end" : "end",
						   "an operator such as \"+\"", NULL);
	return filter_node_with(FILTER_CASE, NULL, location, nargs + 1, args);
}

/* parse_when() reads: when filter then operand */
static FilterNode *
parse_when(Parser *parser)
{
	int			location = parser_location(parser);
	FilterNode *filter;
	FilterNode *value;

	parser_advance(parser);
	parser->closers = "then";
	filter = parse_or(parser);
	if (filter == NULL || !parser_is_filter(parser, filter))
		return NULL;
	if (parser_next_is(parser, 0, "end"))
		return parser_fail(parser, "then", NULL, NULL);
	if (!parser_accept(parser, "then"))
		return parser_fail_behind(parser);
	value = parse_operand(parser);
	if (value == NULL)
		return NULL;
	return parse_node(FILTER_WHEN, location, filter, value, NULL);
}

/*
 * simple_case_hint() returns the hint for a CASE that compares one operand
 * with the values behind WHEN, as SQL allows; NULL if it is no such CASE.
 *
 *		case tier when "gold" then 2 when "silver" then 1 end
 *		case when tier = "gold" then 2 when tier = "silver" then 1 end
 */
static char *
simple_case_hint(Parser *parser)
{
	FilterToken *word = parser_peek(parser, 0);
	const char *operand = parser_peek(parser, 1)->start;
	const char *behind = word->start + word->length;
	FilterToken token;
	StringInfoData text;
	int			depth = 0;
	char	   *compared;

	if (parser_peek(parser, 1)->kind == TOKEN_SYMBOL ||
		word_behind(behind, "when", &token) == NULL)
		return NULL;
	compared = pnstrdup(operand, token.start - operand);
	initStringInfo(&text);
	appendStringInfoString(&text, "case ");
	behind = token.start;
	for (const char *next = behind; depth >= 0;)
	{
		next = filter_scan(next, &token);
		if (token.kind == TOKEN_END || token.kind == TOKEN_BAD)
			return NULL;
		if (filter_token_is(&token, "case"))
			depth++;
		else if (filter_token_is(&token, "end"))
			depth--;
		else if (depth == 0 && filter_token_is(&token, "when"))
		{
			appendBinaryStringInfo(&text, behind, next - behind);
			appendStringInfo(&text, " %s=", compared);
			behind = next;
		}
	}
	appendBinaryStringInfo(&text, behind,
						   token.start + token.length - behind);
	compared = parser_replaced(parser, word->start,
							   token.start + token.length, text.data);
	return compared == NULL ? NULL : psprintf("Write: %s", compared);
}

/*
 * word_behind() scans from 'position' to the word, which is returned in
 * 'token'; NULL if the text ends before that, or if there is more than one
 * operand.
 */
static const char *
word_behind(const char *position, const char *word, FilterToken *token)
{
	do
	{
		position = filter_scan(position, token);
		if (token->kind == TOKEN_END || token->kind == TOKEN_BAD ||
			filter_token_is(token, "case") ||
			(token->kind == TOKEN_SYMBOL && strchr("=!<>", *token->start)))
			return NULL;
	} while (!filter_token_is(token, word));
	return position;
}
