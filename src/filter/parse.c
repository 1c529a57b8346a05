/*-------------------------------------------------------------------------
 *
 * parse.c
 *	  Which tree does a text mean?
 *
 * Recursive descent, one function per rule of the grammar, callers first:
 *
 *		a = 1 or not b + 2 > c and d
 *		parse_or ............................ OR(EQ(a, 1), AND(...))
 *		parse_and .............. AND(NOT(GT(ADD(b, 2), c)), d)
 *		parse_not .......... NOT(GT(ADD(b, 2), c))
 *		parse_predicate ....... GT(ADD(b, 2), c)
 *		parse_sum ............. ADD(b, 2)
 *		parse_primary ......... b
 *
 * Here are the rules of connectives; those of conditions are in
 * parse_condition.c, those of operands in parse_operand.c, those of events and
 * windows in parse_events.c.  How the text is looked at, and what is said when
 * something else stands there, is in parser.c.
 *
 * A parenthesis at the start of a predicate may open a filter or an operand,
 * "(a > 1) and b" or "(a + 1) > b", which is not known before it is closed.
 * So a rule for filters may return an operand, and a caller that needs a
 * filter asks parser_is_filter().  Where only an operand can stand,
 * operand_only is set.
 *
 * Words are special only where the grammar expects them: each function asks
 * for its own words, and the scanner knows none.
 *
 * A rule returns NULL once an error has been saved in escontext; servers
 * without soft errors never come back from parser_fail().
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"

#include "filter/parse_private.h"

static void parser_start(Parser *parser, const char *text,
						 const char *input_name, struct Node *escontext);
static FilterNode *parser_finish(Parser *parser, FilterNode *node,
								 uint16 kind);
static FilterNode *parse_and(Parser *parser);
static FilterNode *parse_not(Parser *parser);
static FilterNode *parse_predicate(Parser *parser);

FilterNode *
filter_parse(const char *text, struct Node *escontext)
{
	return filter_parse_part(text, KIND_FILTER, escontext);
}

FilterNode *
filter_parse_operand(const char *text, struct Node *escontext)
{
	return filter_parse_part(text, KIND_OPERAND, escontext);
}

FilterNode *
filter_parse_definition(const char *text, struct Node *escontext)
{
	return filter_parse_part(text, KIND_FILTER | KIND_OPERAND, escontext);
}

/*
 * A text that is nothing but a filter, an operand, either of these, a span, a
 * window or an amount.
 */
FilterNode *
filter_parse_part(const char *text, uint16 kind, struct Node *escontext)
{
	Parser		parser;
	FilterNode *node;

	parser_start(&parser, text, kind == KIND_FILTER ? "filter" :
				 kind == KIND_AMOUNT ? "amount" : "expression", escontext);
	switch (kind)
	{
		case KIND_FILTER:
			node = parse_or(&parser);
			break;
		case KIND_FILTER | KIND_OPERAND:
			parser.operand_first = true;
			node = parse_or(&parser);
			break;
		case KIND_SPAN:
			node = parse_span(&parser);
			break;
		case KIND_WINDOW:
			node = parse_window(&parser);
			break;
		case KIND_AMOUNT:
			node = parse_amount(&parser);
			break;
		default:
			node = parse_operand(&parser);
			break;
	}
	return parser_finish(&parser, node, kind);
}

/*
 * parser_start() sets a parser to the beginning of the text, which errors call
 * 'input_name'.
 */
static void
parser_start(Parser *parser, const char *text, const char *input_name,
			 struct Node *escontext)
{
	memset(parser, 0, sizeof(Parser));
	parser->text = text;
	parser->position = text;
	parser->input_name = input_name;
	parser->end = psprintf("the end of the %s", input_name);
	parser->escontext = escontext;
}

/*
 * parser_finish() checks that nothing follows, and that the node is of the
 * wanted kind; NULL once an error was raised.
 */
static FilterNode *
parser_finish(Parser *parser, FilterNode *node, uint16 kind)
{
	if (node == NULL)
		return NULL;
	if (kind == KIND_FILTER ||
		(kind == (KIND_FILTER | KIND_OPERAND) && !op_is(node, KIND_OPERAND)))
	{
		if (!parser_is_filter(parser, node))
			return NULL;
		if (parser_peek(parser, 0)->kind != TOKEN_END)
			return parser_fail_behind(parser);
	}
	else if (kind == KIND_AMOUNT)
	{
		if (parser_peek(parser, 0)->kind != TOKEN_END)
			return parser_fail(parser, node->args[2]->op == FILTER_NONE ?
							   "where" : "and|or",
							   psprintf("an operator such as \"+\"|%s",
										parser->end), NULL);
	}
	else if (parser_peek(parser, 0)->kind != TOKEN_END || !op_is(node, kind))
	{
		const char *expected = parser->end;

		if ((kind & KIND_OPERAND) != 0)
			expected = psprintf("an operator such as \"+\"|%s", parser->end);
		else if (kind == KIND_WINDOW)
			expected = "a window such as \"in last 30 days\"";
		return parser_fail(parser, NULL, expected, NULL);
	}

	/* a trait with the value "city" was meant to be the column city */
	if (kind == (KIND_FILTER | KIND_OPERAND) && op_is(node, KIND_OPERAND) &&
		!filter_differs(node) && filter_string_as_column(node) != NULL)
		return parser_fail_fixed(parser, parser->text, node);
	return node;
}

FilterNode *
parse_or(Parser *parser)
{
	FilterNode *first;
	List	   *filters = NIL;

	check_stack_depth();

	first = parse_and(parser);
	if (first == NULL || !parser_next_is(parser, 0, "or"))
		return first;
	if (!parser_is_filter(parser, first))
		return NULL;

	filters = lappend(filters, first);
	while (parser_accept(parser, "or"))
	{
		FilterNode *filter = parse_and(parser);

		if (filter == NULL || !parser_is_filter(parser, filter))
			return NULL;
		filters = lappend(filters, filter);
	}
	return filter_combine(FILTER_OR, filters);
}

/* parse_and() reads: a and b and c */
static FilterNode *
parse_and(Parser *parser)
{
	FilterNode *first;
	List	   *filters = NIL;

	first = parse_not(parser);
	if (first == NULL || !parser_next_is(parser, 0, "and"))
		return first;
	if (!parser_is_filter(parser, first))
		return NULL;

	filters = lappend(filters, first);
	while (parser_accept(parser, "and"))
	{
		FilterNode *filter = parse_not(parser);

		if (filter == NULL || !parser_is_filter(parser, filter))
			return NULL;
		filters = lappend(filters, filter);
	}
	return filter_combine(FILTER_AND, filters);
}

/* parse_not() reads: not a */
static FilterNode *
parse_not(Parser *parser)
{
	FilterNode *filter;
	int			location = parser_location(parser);
	int			nots = 0;

	while (parser_accept(parser, "not"))
		nots++;

	filter = parse_predicate(parser);
	if (filter == NULL || nots == 0)
		return filter;
	if (!parser_is_filter(parser, filter))
		return NULL;
	if (nots % 2 == 1)
	{
		filter = filter_negate(filter);
		if (filter->op == FILTER_NOT)
			filter->location = location;
	}
	return filter;
}

/*
 * parse_predicate() reads one condition, and refuses one that is the same for
 * every row.
 */
static FilterNode *
parse_predicate(Parser *parser)
{
	const char *start = parser_peek(parser, 0)->start;
	FilterNode *node;

	CHECK_FOR_INTERRUPTS();

	parser->clause = start;
	parser->phrase = NULL;
	node = parse_condition(parser);
	if (node != NULL && filter_is_fixed(node))
		return parser_fail_fixed(parser, start, node);
	return node;
}
