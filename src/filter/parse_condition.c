/*-------------------------------------------------------------------------
 *
 * parse_condition.c
 *	  Which condition does a text mean?
 *
 *		orders + 1 not between 2 and 5
 *		parse_condition ......... NOT(BETWEEN(ADD(orders, 1), 2, 5))
 *		parse_sum ............... ADD(orders, 1)
 *		parse_comparison ........ NOT(BETWEEN(..., 2, 5))
 *		match_spelling .......... "not between": BETWEEN, negated
 *		parse_right ............. 2, 5
 *
 * The rules of conditions on one operand, and of conditions that begin with a
 * word of their own.  A condition that a shape of filter_ops describes has no
 * rule of its own.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"

#include "filter/parse_private.h"

static FilterNode *parse_comparison(Parser *parser, FilterNode *left);
static FilterNode *parse_right(Parser *parser, FilterOp op, FilterNode *left);
static FilterNode *parse_list(Parser *parser, FilterOp op, FilterNode *left);
static FilterNode *parse_anniversary(Parser *parser);
static FilterNode *parse_in_audience(Parser *parser);
static FilterNode *parse_bucket(Parser *parser);
static FilterNode *parse_at_least(Parser *parser);

FilterNode *
parse_condition(Parser *parser)
{
	FilterNode *node;

	if (parser_next_is(parser, 0, "in"))
		return parse_in_audience(parser);
	if (parser_next_is(parser, 0, "anniversary") &&
		parser_next_is(parser, 1, "of"))
		return parse_anniversary(parser);
	if (parser_next_is(parser, 0, "at") && parser_next_is(parser, 1, "least"))
		return parse_at_least(parser);
	if (parser_next_is(parser, 0, "bucket") && parser_next_is(parser, 1, "("))
		return parse_bucket(parser);
	if (parse_did_follows(parser))
		return parse_did(parser);

	node = parse_sum(parser, PRECEDENCE_SUM, false);
	if (node == NULL || !op_is(node, KIND_OPERAND))
		return node;

	/*
	 * "where paid in last 30 days" asks when it was paid.  Parentheses end the
	 * filter, so that "where (paid) in last 30 days" has a window.
	 */
	if (parser->in_where && parser->group_end == parser->consumed &&
		op_is(node, KIND_FILTER) && parse_window_follows(parser))
		return node;

	return parse_comparison(parser, node);
}

/*
 * parse_comparison() reads the condition on the operand 'left'; 'left' itself
 * if there is none.
 */
static FilterNode *
parse_comparison(Parser *parser, FilterNode *left)
{
	bool		negated;
	int			nwords;
	int			period = 0;
	FilterOp	op;
	FilterNode *node;

	parser->phrase = parser_peek(parser, 0)->start;
	parser->in_window = false;
	op = match_spelling(parser, &nwords, &negated);
	if (op == FILTER_NONE)
	{
		if (nwords > 0)
			return NULL;		/* has failed half-way */
		parser->option_at = parser_peek(parser, 0)->start;
		parser->option = "a comparison such as \"=\" or \"in\"";
		parser->option_words = NULL;
		return left;
	}

	/* the last word of "in last" is part of a period, too */
	if (filter_ops[op].shape == SHAPE_PERIOD)
		period = parser_period_at(parser, nwords - 1);
	while (nwords-- > 0)
		parser_advance(parser);

	node = parse_right(parser, op, left);
	if (node == NULL)
		return NULL;
	if (filter_ops[op].shape == SHAPE_PERIOD)
		node->detail = period;
	return negated ? filter_negate(node) : node;
}

/*
 * parse_right() reads what stands behind the spelling of 'op', and returns the
 * condition on the operand 'left'.
 */
static FilterNode *
parse_right(Parser *parser, FilterOp op, FilterNode *left)
{
	FilterNode *right = NULL;
	FilterNode *high = NULL;

	switch (filter_ops[op].shape)
	{
		case SHAPE_COMPARISON:
			right = parse_operand(parser);
			break;
		case SHAPE_BETWEEN:
			right = parse_operand(parser);
			if (right == NULL || !parser_expect(parser, "and"))
				return NULL;
			high = parse_operand(parser);
			if (high == NULL)
				return NULL;
			break;
		case SHAPE_LIST:
			return parse_list(parser, op, left);
		case SHAPE_VALUE:
			if (op == FILTER_CONTAINS && parser_next_is(parser, 0, "("))
				return parse_list(parser, FILTER_CONTAINS_ALL, left);
			right = filter_arg_kinds(op, 1) == KIND_STRING ?
				parse_string(parser) : parse_literal(parser);
			break;
		case SHAPE_SPAN:
			if (parser_peek(parser, 0)->kind != TOKEN_NUMBER)
				return parser_fail(parser, PERIOD_UNITS,
								   "a span of time such as \"30 days\"", NULL);
			right = parse_span(parser);
			break;
		case SHAPE_SPAN_AGO:
			right = parse_span(parser);
			if (right != NULL && !parser_expect(parser, "ago"))
				return NULL;
			break;
		case SHAPE_PERIOD:
			parser_advance(parser); /* the unit */
			return parse_node(op, left->location, left, NULL, NULL);
		case SHAPE_POSTFIX:
			return parse_node(op, left->location, left, NULL, NULL);
		default:
			elog(ERROR, "unexpected shape of filter op %d", (int) op);
	}
	return right == NULL ? NULL :
		parse_node(op, left->location, left, right, high);
}

/*
 * parse_list() reads: (literal, ...) or, after CONTAINS ANY and ALL, a literal
 */
static FilterNode *
parse_list(Parser *parser, FilterOp op, FilterNode *left)
{
	FilterNode **args;
	int			nargs = 0;
	int			room = 8;

	args = palloc_array(FilterNode *, room);
	args[nargs++] = left;

	if (op == FILTER_IN || parser_next_is(parser, 0, "("))
	{
		if (op == FILTER_IN && parser_accept(parser, "this"))
			return parser_fail(parser, PERIOD_UNITS, NULL, NULL);
		if (!parser_next_is(parser, 0, "("))
			return parser_fail(parser, "(|last|next|this", NULL, NULL);
		do
		{
			CHECK_FOR_INTERRUPTS();
			parser_advance(parser); /* parenthesis or comma */
			if (nargs == room)
			{
				room *= 2;
				args = repalloc_huge(args, room * sizeof(FilterNode *));
			}
			args[nargs] = parse_literal(parser);
			if (args[nargs++] == NULL)
				return NULL;
		} while (parser_next_is(parser, 0, ","));
		if (!parser_accept(parser, ")"))
			return parser_fail(parser, ",|)", NULL, NULL);
	}
	else
	{
		args[nargs] = parse_literal(parser);
		if (args[nargs++] == NULL)
			return NULL;
	}

	/* all and any of one are one */
	if (op != FILTER_IN && nargs == 2)
		op = FILTER_CONTAINS;
	return filter_node_with(op, NULL, left->location, nargs, args);
}

/* parse_anniversary() reads: anniversary of birthday in next 7 days */
static FilterNode *
parse_anniversary(Parser *parser)
{
	int			location = parser_location(parser);
	FilterNode *operand;
	FilterNode *span;
	FilterNode *node;
	FilterOp	op;

	parser_advance(parser);
	parser_advance(parser);
	operand = parse_operand(parser);
	if (operand == NULL)
		return NULL;

	if (parser_accept(parser, "today"))
		return parse_node(FILTER_ANNIVERSARY_TODAY, location, operand, NULL,
						  NULL);
	if (!parser_accept(parser, "in"))
		return parser_fail(parser, "today|in", NULL, NULL);
	if (parser_next_is(parser, 0, "this"))
	{
		if (parser_period_at(parser, 0) < 0)
		{
			parser_advance(parser);
			return parser_fail(parser, PERIOD_UNITS, NULL, NULL);
		}
		node = parse_node(FILTER_ANNIVERSARY_PERIOD, location, operand, NULL,
						  NULL);
		node->detail = parser_period_at(parser, 0);
		parser_advance(parser);
		parser_advance(parser);
		return node;
	}
	if (parser_accept(parser, "last"))
		op = FILTER_ANNIVERSARY_LAST;
	else if (parser_accept(parser, "next"))
		op = FILTER_ANNIVERSARY_NEXT;
	else
		return parser_fail(parser, "last|next|this", NULL, NULL);
	span = parse_span(parser);
	return span == NULL ? NULL : parse_node(op, location, operand, span, NULL);
}

/* parse_in_audience() reads: in audience vip */
static FilterNode *
parse_in_audience(Parser *parser)
{
	int			location = parser_location(parser);
	FilterNode *node;

	if (!parser_next_is(parser, 1, "audience"))
	{
		/* "in" alone begins nothing; where a value stood before it, it does */
		parser_advance(parser);
		return parser_fail(parser, "audience", NULL, NULL);
	}
	parser_advance(parser);
	parser_advance(parser);
	if (parser_peek(parser, 0)->kind != TOKEN_WORD &&
		parser_peek(parser, 0)->kind != TOKEN_NAME)
		return parser_fail(parser, NULL, "the name of an audience", NULL);
	node = filter_node(FILTER_IN_AUDIENCE,
					   filter_token_text(parser_peek(parser, 0)), location);
	parser_advance(parser);
	return node;
}

/* parse_bucket() reads: bucket("salt") < 10 */
static FilterNode *
parse_bucket(Parser *parser)
{
	int			location = parser_location(parser);
	FilterNode *salt;
	FilterNode *number;
	FilterNode *node;
	int			compare;

	parser_advance(parser);
	parser_advance(parser);
	salt = parse_string(parser);
	if (salt == NULL || !parser_expect(parser, ")"))
		return NULL;

	for (compare = 0; filter_compares[compare] != NULL; compare++)
	{
		if (parser_accept(parser, filter_compares[compare]))
			break;
	}
	if (filter_compares[compare] == NULL)
		return parser_fail(parser, "<|<=|>|>=", NULL, NULL);

	number = parse_number(parser);
	if (number == NULL)
		return NULL;
	node = parse_node(FILTER_BUCKET, location, number, NULL, NULL);
	node->text = salt->text;
	node->detail = compare;
	return node;
}

/* parse_at_least() reads: at least 2 of (a, b, c) */
static FilterNode *
parse_at_least(Parser *parser)
{
	int			location = parser_location(parser);
	const char *start;
	char	   *count;
	List	   *filters = NIL;
	FilterNode **args;
	int			nargs = 0;
	ListCell   *lc;
	Parser		outer;

	parser_advance(parser);
	parser_advance(parser);
	start = parser_peek(parser, 0)->start;
	if (parser_peek(parser, 0)->kind != TOKEN_NUMBER)
		return parser_fail(parser, NULL, "a whole number", NULL);
	count = filter_number(start, parser_peek(parser, 0)->length, false);
	if (count == NULL || strlen(count) > FILTER_MAX_COUNT_DIGITS ||
		strspn(count, "0123456789") != strlen(count) || *count == '0')
		return parser_fail_at(parser, start, "invalid number of filters",
							  "Expected a whole number above zero.", NULL);
	parser_advance(parser);
	if (!parser_expect(parser, "of"))
		return NULL;
	if (!parser_next_is(parser, 0, "("))
		return parser_fail(parser, "(", NULL, NULL);

	outer = *parser;
	parser->in_where = false;
	parser->closers = ",|)";
	parser->end = NULL;
	do
	{
		FilterNode *filter;

		CHECK_FOR_INTERRUPTS();
		parser_advance(parser);		/* parenthesis or comma */
		filter = parse_or(parser);
		if (filter == NULL || !parser_is_filter(parser, filter))
			return NULL;
		filters = lappend(filters, filter);
	} while (parser_next_is(parser, 0, ","));
	if (!parser_accept(parser, ")"))
		return parser_fail_behind(parser);
	parser->in_where = outer.in_where;
	parser->closers = outer.closers;
	parser->end = outer.end;

	if (atoi(count) > list_length(filters))
		return parser_fail_at(parser, start, "invalid number of filters",
							  psprintf("Only %d can hold.",
									   list_length(filters)), NULL);

	args = palloc_array(FilterNode *, list_length(filters));
	foreach(lc, filters)
		args[nargs++] = lfirst(lc);
	return filter_node_with(FILTER_AT_LEAST, count, location, nargs, args);
}
