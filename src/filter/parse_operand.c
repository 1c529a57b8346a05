/*-------------------------------------------------------------------------
 *
 * parse_operand.c
 *	  Which value does a text mean?
 *
 *		(price - discount) * quantity
 *		parse_sum ............... MULTIPLY(SUBTRACT(price, discount), quantity)
 *		parse_primary ........... SUBTRACT(price, discount)
 *		parse_group ............. the same, between its parentheses
 *		parse_column ............ price
 *
 * The rules of operands and literals, callers first.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"

#include "filter/parse_private.h"

#define SPAN_UNITS \
	"seconds|minutes|hours|days|weeks|months|quarters|years"

static FilterOp next_op(Parser *parser, FilterShape shape, uint16 kinds);
static FilterNode *parse_primary(Parser *parser, bool operand_only);
static FilterNode *parse_group(Parser *parser, bool operand_only);
static FilterNode *parse_function(Parser *parser);
static bool stands_as_column(const FilterToken *behind);
static void expect_quotes(Parser *parser);
static bool names_day(const FilterToken *token);
static char *token_replaced(Parser *parser, const FilterToken *token,
							char quote);

/* Operators of at least the precedence 'lowest', to the left. */
FilterNode *
parse_sum(Parser *parser, FilterPrecedence lowest, bool operand_only)
{
	FilterNode *left = parse_primary(parser, operand_only);

	while (left != NULL && op_is(left, KIND_OPERAND))
	{
		FilterOp	op;
		FilterNode *right;

		op = next_op(parser, SHAPE_ARITHMETIC, KIND_OPERAND);
		if (op == FILTER_NONE || filter_ops[op].precedence < lowest)
			return left;

		CHECK_FOR_INTERRUPTS();
		parser_advance(parser);
		right = parse_sum(parser, filter_ops[op].precedence + 1, true);
		if (right == NULL)
			return NULL;
		left = parse_node(op, left->location, left, right, NULL);
	}
	return left;
}

/*
 * The op of this shape, and of one of these kinds, that the next token spells;
 * FILTER_NONE if there is none such.
 */
static FilterOp
next_op(Parser *parser, FilterShape shape, uint16 kinds)
{
	FilterTokenKind token = parser_peek(parser, 0)->kind;

	if (token != TOKEN_WORD && token != TOKEN_SYMBOL)
		return FILTER_NONE;
	for (FilterOp op = 0; op < FILTER_OP_COUNT; op++)
	{
		if (filter_ops[op].shape == shape &&
			(filter_ops[op].kinds & kinds) != 0 &&
			parser_next_is(parser, 0, filter_ops[op].spelling))
			return op;
	}
	return FILTER_NONE;
}

FilterNode *
parse_operand(Parser *parser)
{
	return parse_sum(parser, PRECEDENCE_SUM, true);
}

/* parse_primary() reads an operand without operators outside parentheses. */
static FilterNode *
parse_primary(Parser *parser, bool operand_only)
{
	FilterToken *token = parser_peek(parser, 0);
	FilterOp	op;
	FilterNode *node;

	switch (token->kind)
	{
		case TOKEN_NUMBER:
			if (parser_unit_at(parser, 1) >= 0)
				return parse_span(parser);
			return parse_number(parser);

		case TOKEN_STRING:
			return parse_string(parser);

		case TOKEN_NAME:
			return parse_column(parser);

		case TOKEN_SYMBOL:
			if (filter_token_is(token, "("))
				return parse_group(parser, operand_only);
			if (filter_token_is(token, "-") &&
				parser_peek(parser, 1)->kind == TOKEN_NUMBER)
				return parse_number(parser);
			break;

		case TOKEN_WORD:
			op = next_op(parser, SHAPE_ALONE, KIND_OPERAND);
			if (op != FILTER_NONE)
			{
				node = filter_node(op, NULL, parser_location(parser));
				parser_advance(parser);
				if (parser_next_is(parser, 0, "("))
					parser->hint =
						psprintf("\"%s\" is written without parentheses.",
								 filter_ops[op].spelling);
				return node;
			}
			if (parse_case_follows(parser))
				return parse_case(parser);
			if (filter_word_reserved(filter_token_text(token)) &&
				!filter_token_is(token, "did"))
				break;
			if (parser_next_is(parser, 1, "("))
				return parse_function(parser);
			return parse_column(parser);

		default:
			break;
	}

	if (token->kind == TOKEN_WORD && stands_as_column(parser_peek(parser, 1)))
		parser->hint =
			psprintf("A column of this name is written in backquotes: %s",
					 token_replaced(parser, token, '`'));
	if (operand_only || parser->operand_first)
		return parser_fail(parser, NULL,
						   "a value such as a column, a number or a string",
						   NULL);
	return parser_fail(parser, NULL, "a filter such as \"city = 'Aarhus'\"",
					   NULL);
}

/* parse_group() reads: (operand), or (filter) unless operand_only */
static FilterNode *
parse_group(Parser *parser, bool operand_only)
{
	bool		outer_where = parser->in_where;
	const char *outer_closers = parser->closers;
	const char *outer_end = parser->end;
	FilterNode *node;

	check_stack_depth();

	parser_advance(parser);
	parser->in_where = false;
	parser->closers = ")";
	parser->end = NULL;
	node = operand_only ? parse_operand(parser) : parse_or(parser);
	if (node == NULL)
		return NULL;
	if (!parser_accept(parser, ")"))
	{
		if (operand_only || !op_is(node, KIND_FILTER))
			return parser_fail(parser, ")",
							   operand_only ? "an operator such as \"+\"" :
							   "a comparison such as \"=\" or \"in\"",
							   filter_condition_words());
		return parser_fail_behind(parser);
	}
	parser->in_where = outer_where;
	parser->closers = outer_closers;
	parser->end = outer_end;
	parser->group_end = parser->consumed;
	return node;
}

FilterNode *
parse_column(Parser *parser)
{
	FilterNode *node = filter_node(FILTER_COLUMN,
								   filter_token_text(parser_peek(parser, 0)),
								   parser_location(parser));
	int			room = 0;

	parser_advance(parser);
	while (parser_accept(parser, "."))
	{
		FilterToken *key = parser_peek(parser, 0);

		if (key->kind != TOKEN_WORD && key->kind != TOKEN_NAME)
			return parser_fail(parser, NULL,
							   "a name, in backquotes unless it is a plain "
							   "word",
							   NULL);
		if (node->nargs == room)
		{
			room = (room == 0) ? 2 : room * 2;
			node->args = (node->args == NULL) ?
				palloc_array(FilterNode *, room) :
				repalloc_huge(node->args, room * sizeof(FilterNode *));
		}
		node->args[node->nargs++] = filter_node(FILTER_WORD,
												filter_token_text(key),
												parser_location(parser));
		parser_advance(parser);
	}
	return node;
}

/* parse_function() reads: lower(city), or an aggregate: sum(orders.amount) */
static FilterNode *
parse_function(Parser *parser)
{
	int			location = parser_location(parser);
	char	   *name = filter_token_text(parser_peek(parser, 0));
	FilterNode **args;
	int			nargs = 0;
	int			room = 4;

	check_stack_depth();

	if (filter_find_word(filter_aggregates, name) >= 0)
		return parse_aggregate(parser);
	if (strcmp(name, "bucket") == 0)
		return parser_fail_at(parser, parser_peek(parser, 0)->start,
							  "\"bucket\" is no value",
							  "It stands to the left of its comparison, as in "
							  "bucket(\"test\") < 50.",
							  NULL);
	if (filter_word_reserved(name))
	{
		parser_advance(parser);
		return parser_fail_behind(parser);
	}
	if (filter_word_no_function(name))
		return parser_fail(parser, NULL,
						   "a value such as a column, a number or a string",
						   NULL);

	args = palloc_array(FilterNode *, room);
	parser_advance(parser);
	do
	{
		CHECK_FOR_INTERRUPTS();
		parser_advance(parser);		/* parenthesis or comma */
		if (nargs == room)
		{
			room *= 2;
			args = repalloc_huge(args, room * sizeof(FilterNode *));
		}
		args[nargs] = parse_operand(parser);
		if (args[nargs++] == NULL)
			return NULL;
	} while (parser_next_is(parser, 0, ","));
	if (!parser_accept(parser, ")"))
		return parser_fail(parser, ",|)", "an operator such as \"+\"", NULL);
	return filter_node_with(FILTER_FUNCTION, name, location, nargs, args);
}

/* Does the token stand where it would stand behind the name of a column? */
static bool
stands_as_column(const FilterToken *behind)
{
	if (behind->kind == TOKEN_WORD)
		return filter_word_follows_operand(filter_token_text(behind));
	return behind->kind == TOKEN_END ||
		(behind->kind == TOKEN_SYMBOL && !filter_token_is(behind, "("));
}

/* A name where a string should be lacks its quotes. */
static void
expect_quotes(Parser *parser)
{
	FilterToken *token = parser_peek(parser, 0);

	/* the 30 days in "before last 30 days" are no part of a string */
	if ((filter_token_is(token, "last") || filter_token_is(token, "this") ||
		 filter_token_is(token, "next")) &&
		(filter_token_unit(parser_peek(parser, 1)) >= 0 ||
		 parser_peek(parser, 1)->kind == TOKEN_NUMBER))
		return;
	if (token->kind == TOKEN_NAME ||
		(token->kind == TOKEN_WORD && !names_day(token)))
		parser->hint = psprintf("A string is written in quotes: %s",
								token_replaced(parser, token, '"'));
}

/* A day that moves with time, and would not in quotes. */
static bool
names_day(const FilterToken *token)
{
	return filter_token_is(token, "now") || filter_token_is(token, "today") ||
		filter_token_is(token, "tomorrow") ||
		filter_token_is(token, "yesterday");
}

/* The text with the token in these quotes. */
static char *
token_replaced(Parser *parser, const FilterToken *token, char quote)
{
	char	   *word = filter_token_text(token);

	if (token->kind == TOKEN_WORD)
		word = pnstrdup(token->start, token->length);
	return parser_replaced(parser, token->start, token->start + token->length,
						   filter_quote(word, quote));
}

FilterNode *
parse_literal(Parser *parser)
{
	FilterOp	op;
	FilterNode *node;

	if (parser_peek(parser, 0)->kind == TOKEN_STRING)
		return parse_string(parser);
	if (parser_peek(parser, 0)->kind == TOKEN_NUMBER ||
		parser_next_is(parser, 0, "-"))
		return parse_number(parser);
	op = next_op(parser, SHAPE_ALONE, KIND_LITERAL);
	if (op != FILTER_NONE)
	{
		node = filter_node(op, NULL, parser_location(parser));
		parser_advance(parser);
		return node;
	}
	expect_quotes(parser);
	return parser_fail(parser, "true|false", "a string|a number", NULL);
}

FilterNode *
parse_number(Parser *parser)
{
	int			location = parser_location(parser);
	bool		negative = parser_accept(parser, "-");
	FilterToken *token = parser_peek(parser, 0);
	FilterNode *node;
	char	   *number;

	if (token->kind != TOKEN_NUMBER)
		return parser_fail(parser, NULL, "a number", NULL);
	number = filter_number(token->start, token->length, negative);
	if (number == NULL)
		return parser_fail_at(parser, token->start, "number out of range",
							  psprintf("A number has at most %d digits, and "
									   "an exponent from -%d to %d.",
									   FILTER_MAX_DIGITS, FILTER_MAX_EXPONENT,
									   FILTER_MAX_EXPONENT), NULL);
	node = filter_node(FILTER_NUMBER, NULL, location);
	node->text = number;
	parser_advance(parser);
	return node;
}

FilterNode *
parse_string(Parser *parser)
{
	FilterNode *node;

	expect_quotes(parser);
	if (parser_peek(parser, 0)->kind != TOKEN_STRING)
		return parser_fail(parser, NULL, "a string", NULL);
	node = filter_node(FILTER_STRING, NULL, parser_location(parser));
	node->text = filter_token_text(parser_peek(parser, 0));
	parser_advance(parser);
	return node;
}

/* 30 days */
FilterNode *
parse_span(Parser *parser)
{
	int			location = parser_location(parser);
	FilterToken *token = parser_peek(parser, 0);
	FilterNode *node;
	char	   *count;

	if (token->kind != TOKEN_NUMBER)
		return parser_fail(parser, NULL, "a span of time such as \"30 days\"",
						   NULL);
	count = filter_number(token->start, token->length, false);
	if (count == NULL || strlen(count) > FILTER_MAX_COUNT_DIGITS ||
		strspn(count, "0123456789") != strlen(count) || *count == '0')
		return parser_fail_at(parser, token->start, "invalid span of time",
							  "Expected a whole number of units, from 1 to "
							  "999999999.",
							  NULL);
	parser_advance(parser);

	if (parser_unit_at(parser, 0) < 0)
		return parser_fail(parser, SPAN_UNITS, NULL,
						   PERIOD_UNITS "|second|minute|hour");
	node = filter_node(FILTER_SPAN, count, location);
	node->detail = parser_unit_at(parser, 0);
	parser_advance(parser);
	return node;
}
