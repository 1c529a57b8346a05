/*-------------------------------------------------------------------------
 *
 * parse_events.c
 *	  What does a text ask of events?
 *
 *		sum(orders.amount where status = "paid" in last 30 days)
 *		parse_aggregate ......... the whole
 *		parse_where ............. status = "paid"
 *		parse_window ............ in last 30 days
 *
 *		count(opens of campaign "spring" where mobile)
 *		parse_of ................ of campaign "spring" where mobile
 *
 *		did not orders at least 3 times since "2026-01-01"
 *		parse_did ............... the whole
 *
 * The rules of aggregates, of "did", and of what the two have in common.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"

#include "filter/parse_private.h"

static bool distinct_follows(Parser *parser);
static bool parse_aggregated(Parser *parser, const char *name, bool distinct,
							 FilterNode **args);
static FilterNode *fail_in_aggregate(Parser *parser, FilterNode **args);
static FilterNode *parse_times(Parser *parser, int location,
							   FilterNode **args);
static FilterNode *parse_of(Parser *parser, const char *source);
static FilterNode *parse_where(Parser *parser, const char *source);
static bool so_far_follows(Parser *parser);
static bool to_come_follows(Parser *parser);
static FilterNode *without_source(const FilterNode *node, void *context);

/*
 * sum(orders.price * quantity where status = "paid" in last 30 days)
 *
 * The first column names the source; in the tree it does so once, and the
 * columns stand without it.
 */
FilterNode *
parse_aggregate(Parser *parser)
{
	FilterToken name = *parser_peek(parser, 0);
	int			location = parser_location(parser);
	FilterNode **args = palloc_array(FilterNode *, 4);
	FilterNode *node;
	bool		distinct;
	const char *outer_closers = parser->closers;
	const char *outer_end = parser->end;

	if (parser->in_events)
		return parser_fail_at(parser, name.start,
							  parser->is_amount ?
							  "an amount is of one event alone" :
							  "aggregates cannot be nested",
							  parser->is_amount ?
							  psprintf("\"%s\" is of several.",
									   filter_token_text(&name)) :
							  psprintf("\"%s\" stands within an aggregate or "
									   "\"did\".",
									   filter_token_text(&name)),
							  parser->is_amount ?
							  "For example 'orders.amount'." : NULL);
	parser_advance(parser);
	parser_advance(parser);
	distinct = distinct_follows(parser);
	if (distinct)
		parser_advance(parser);

	parser->in_events = true;
	parser->closers = ")";
	parser->end = NULL;
	if (!parse_aggregated(parser, filter_token_text(&name), distinct, args))
		return NULL;
	args[2] = parse_of(parser, args[0]->text);
	if (args[2] == NULL)
		return NULL;
	args[3] = parse_window(parser);
	if (args[3] == NULL)
		return NULL;
	if (!parser_accept(parser, ")"))
		return fail_in_aggregate(parser, args);
	parser->in_events = false;
	parser->closers = outer_closers;
	parser->end = outer_end;

	node = filter_node_with(FILTER_AGGREGATE, filter_token_text(&name),
							location, 4, args);
	node->detail = distinct ? 1 : 0;
	return node;
}

/*
 * orders.price * quantity where status = "paid"
 *
 * What stands in sum(...), without a window: what each event is worth.
 */
FilterNode *
parse_amount(Parser *parser)
{
	FilterNode **args = palloc_array(FilterNode *, 4);

	parser->in_events = true;
	parser->is_amount = true;
	if (!parse_aggregated(parser, "sum", false, args))
		return NULL;
	args[2] = parse_of(parser, args[0]->text);
	if (args[2] == NULL)
		return NULL;
	args[3] = filter_node(FILTER_NONE, NULL, -1);
	return filter_node_with(FILTER_AGGREGATE, "sum", -1, 4, args);
}

/* Is the next word DISTINCT, and not a source or column of that name? */
static bool
distinct_follows(Parser *parser)
{
	FilterToken *behind = parser_peek(parser, 1);

	if (!parser_next_is(parser, 0, "distinct"))
		return false;
	switch (behind->kind)
	{
		case TOKEN_NAME:
		case TOKEN_NUMBER:
		case TOKEN_STRING:
			return true;
		case TOKEN_SYMBOL:
			return filter_token_is(behind, "(") ||
				filter_token_is(behind, "-");
		case TOKEN_WORD:
			return !filter_word_follows_operand(filter_token_text(behind)) ||
				parser_next_is(parser, 2, ".") ||
				parser_next_is(parser, 2, "(");
		default:
			return false;
	}
}

/*
 * parse_aggregated() reads what the aggregate 'name' is of: args[0] becomes
 * its source, args[1] its value, or NONE where it is of the events themselves.
 * False if an error was raised.
 */
static bool
parse_aggregated(Parser *parser, const char *name, bool distinct,
				 FilterNode **args)
{
	const char *start = parser_peek(parser, 0)->start;
	const FilterNode *column;
	FilterNode *value;

	if (parser_next_is(parser, 0, ")"))
	{
		(void) parser_fail(parser, NULL,
						   "a source of events, as in \"count(orders)\"",
						   NULL);
		return false;
	}
	value = parse_operand(parser);
	if (value == NULL)
		return false;

	column = filter_first_column(value);
	if (column == NULL && parser->is_amount)
	{
		(void) parser_fail_at(parser, start, "amount without a source",
							  "Its first column says which source it is of, "
							  "as in \"orders.amount\".",
							  value->op != FILTER_NUMBER ? NULL :
							  psprintf("For the same from each row write, for "
									   "example: case when orders.amount is "
									   "set then %s end",
									   filter_print(value)));
		return false;
	}
	if (column == NULL)
	{
		(void) parser_fail_at(parser, start, "aggregate without a source",
							  "Expected a source of events, as in "
							  "\"count(orders)\" or \"sum(orders.amount)\".",
							  NULL);
		return false;
	}
	args[0] = filter_node(FILTER_WORD, column->text, column->location);
	if (column->nargs > 0)
		args[1] = filter_rewrite(value, without_source, args[0]->text);
	else if (value != column)
	{
		(void) parser_fail_at(parser, parser->text + column->location,
							  "column without a source",
							  psprintf("The first column of an %s is written "
									   "with its source, as in "
									   "\"orders.amount\".",
									   parser->is_amount ? "amount" :
									   "aggregate"),
							  NULL);
		return false;
	}
	else if (distinct || filter_aggregate_needs_value(name))
	{
		(void) parser_fail(parser, ".",
						   psprintf("a column of \"%s\"", column->text),
						   NULL);
		return false;
	}
	else
		args[1] = filter_node(FILTER_NONE, NULL, -1);
	return true;
}

/* The aggregate does not end here: what may follow its last argument? */
static FilterNode *
fail_in_aggregate(Parser *parser, FilterNode **args)
{
	const char *window = "a window such as \"in last 30 days\"";

	if (args[3]->op != FILTER_NONE)
		return parser_fail(parser, ")", NULL, NULL);
	if (args[2]->op != FILTER_NONE)
		return parser_fail(parser, "and|or|)", window,
						   filter_condition_words());
	return parser_fail(parser, "where|)", window, "in|between|since|before");
}

FilterNode *
parse_did(Parser *parser)
{
	FilterNode **args = palloc_array(FilterNode *, 3);
	int			location = parser_location(parser);
	const char *start = parser_peek(parser, 0)->start;
	bool		negated;
	bool		outer_events = parser->in_events;
	FilterNode *node;

	parser_advance(parser);
	negated = parser_accept(parser, "not");
	if (outer_events)
		return parser_fail_at(parser, start, "aggregates cannot be nested",
							  "\"did\" stands within an aggregate or another "
							  "\"did\".",
							  NULL);

	args[0] = filter_node(FILTER_WORD,
						  filter_token_text(parser_peek(parser, 0)),
						  parser_location(parser));
	parser_advance(parser);

	args[1] = parse_of(parser, args[0]->text);
	if (args[1] == NULL)
		return NULL;
	node = parse_times(parser, location, args);
	if (node == NULL)
		return NULL;
	args[2] = parse_window(parser);
	if (args[2] == NULL)
		return NULL;

	if (args[2]->op == FILTER_NONE)
	{
		parser->option_at = parser_peek(parser, 0)->start;
		parser->option = (args[1]->op == FILTER_NONE) ?
			"a condition behind \"where\"|a window such as \"in last 30 "
			"days\"" :
			"a window such as \"in last 30 days\"";
		parser->option_words = "where|at|exactly|in|between|since|before";
	}
	return negated ? filter_negate(node) : node;
}

/* "did order", "did not order"; but "did = 1" and "did in (1)" are a column */
bool
parse_did_follows(Parser *parser)
{
	FilterToken *token;

	if (!parser_next_is(parser, 0, "did"))
		return false;
	token = parser_peek(parser, parser_next_is(parser, 1, "not") ? 2 : 1);
	return token->kind == TOKEN_NAME ||
		(token->kind == TOKEN_WORD &&
		 !filter_word_follows_operand(filter_token_text(token)));
}

/* AT LEAST n TIMES and its like, and the node of DID; args[2] comes later. */
static FilterNode *
parse_times(Parser *parser, int location, FilterNode **args)
{
	FilterNode *node = filter_node_with(FILTER_DID, NULL, location, 3, args);
	const char *start;
	char	   *count;

	parser->phrase = parser_peek(parser, 0)->start;
	parser->in_window = true;
	if (parser_accept(parser, "exactly"))
		node->detail = FILTER_TIMES_EXACTLY;
	else if (parser_accept(parser, "at"))
	{
		if (parser_accept(parser, "least"))
			node->detail = FILTER_TIMES_AT_LEAST;
		else if (parser_accept(parser, "most"))
			node->detail = FILTER_TIMES_AT_MOST;
		else
			return parser_fail(parser, "least|most", NULL, NULL);
	}
	else
		return node;

	start = parser_peek(parser, 0)->start;
	if (parser_peek(parser, 0)->kind != TOKEN_NUMBER)
		return parser_fail(parser, NULL, "a whole number", NULL);
	count = filter_number(start, parser_peek(parser, 0)->length, false);
	if (count == NULL || strlen(count) > FILTER_MAX_COUNT_DIGITS ||
		strspn(count, "0123456789") != strlen(count) ||
		(node->detail == FILTER_TIMES_AT_LEAST && *count == '0'))
		return parser_fail_at(parser, start, "invalid number of times",
							  node->detail == FILTER_TIMES_AT_LEAST ?
							  "Expected a whole number from 1 to 999999999." :
							  "Expected a whole number from 0 to 999999999.",
							  NULL);
	parser_advance(parser);
	if (!parser_accept(parser, "times") && !parser_accept(parser, "time"))
		return parser_fail(parser, "times", NULL, NULL);

	/* which is what did means anyway */
	if (node->detail == FILTER_TIMES_AT_LEAST && strcmp(count, "1") == 0)
		node->detail = FILTER_TIMES_ANY;
	else
		node->text = count;
	return node;
}

/*
 * parse_of() reads OF with its column and literal, as often as it stands
 * there, and then WHERE; or NONE.
 */
static FilterNode *
parse_of(Parser *parser, const char *source)
{
	int			location = parser_location(parser);
	FilterToken *token;
	FilterNode *column;
	FilterNode *literal;
	FilterNode *rest;

	check_stack_depth();
	parser->phrase = parser_peek(parser, 0)->start;
	parser->in_window = true;
	if (!parser_accept(parser, "of"))
		return parse_where(parser, source);

	token = parser_peek(parser, 0);
	if (token->kind != TOKEN_NAME &&
		(token->kind != TOKEN_WORD ||
		 filter_word_reserved(filter_token_text(token))))
		return parser_fail(parser, NULL,
						   psprintf("a column of \"%s\"", source), NULL);
	column = parse_column(parser);
	if (column == NULL)
		return NULL;
	literal = parse_literal(parser);
	if (literal == NULL)
		return NULL;
	rest = parse_of(parser, source);
	if (rest == NULL)
		return NULL;
	column = filter_rewrite(column, without_source, (void *) source);
	return parse_node(FILTER_OF, location, column, literal, rest);
}

/* The filter behind WHERE, or NONE. */
static FilterNode *
parse_where(Parser *parser, const char *source)
{
	bool		outer_where = parser->in_where;
	bool		outer_events = parser->in_events;
	FilterNode *filter;

	if (!parser_accept(parser, "where"))
		return filter_node(FILTER_NONE, NULL, -1);

	parser->in_where = true;
	parser->in_events = true;
	filter = parse_or(parser);
	parser->in_where = outer_where;
	parser->in_events = outer_events;
	if (filter == NULL || !parser_is_filter(parser, filter))
		return NULL;
	return filter_rewrite(filter, without_source, (void *) source);
}

/* A window, or NONE. */
FilterNode *
parse_window(Parser *parser)
{
	int			location = parser_location(parser);
	FilterNode *from;
	FilterNode *to;
	FilterNode *node;

	parser->phrase = parser_peek(parser, 0)->start;
	parser->in_window = true;
	if (parser_accept(parser, "in"))
	{
		int			period = parser_period_at(parser, 0);
		bool		next = parser_next_is(parser, 0, "next");

		if (!next && !parser_next_is(parser, 0, "last") &&
			!parser_next_is(parser, 0, "this"))
			return parser_fail(parser, "last|next|this", NULL, NULL);
		if (period >= 0)
		{
			parser_advance(parser);
			parser_advance(parser);
			node = filter_node(FILTER_WINDOW_PERIOD, NULL, location);
			node->detail = period;
			return node;
		}
		if (parser_accept(parser, "this"))
			return parser_fail(parser, PERIOD_UNITS, NULL, NULL);
		parser_advance(parser);
		from = parse_span(parser);
		return from == NULL ? NULL :
			parse_node(next ? FILTER_WINDOW_NEXT : FILTER_WINDOW_LAST,
					   location, from, NULL, NULL);
	}
	if (parser_accept(parser, "between"))
	{
		from = parse_span(parser);
		if (from == NULL || !parser_expect(parser, "and"))
			return NULL;
		to = parse_span(parser);
		if (to == NULL || !parser_expect(parser, "ago"))
			return NULL;
		return parse_node(FILTER_WINDOW_BETWEEN, location, from, to, NULL);
	}
	if (so_far_follows(parser) || to_come_follows(parser))
	{
		FilterOp	op = so_far_follows(parser) ? FILTER_WINDOW_SO_FAR :
			FILTER_WINDOW_TO_COME;

		parser_advance(parser);
		parser_advance(parser);
		return filter_node(op, NULL, location);
	}
	if (parser_accept(parser, "since"))
	{
		from = parse_literal(parser);
		return from == NULL ? NULL :
			parse_node(FILTER_WINDOW_SINCE, location, from, NULL, NULL);
	}
	if (parser_accept(parser, "before"))
	{
		to = parse_literal(parser);
		return to == NULL ? NULL :
			parse_node(FILTER_WINDOW_BEFORE, location, to, NULL, NULL);
	}
	return filter_node(FILTER_NONE, NULL, -1);
}

bool
parse_window_follows(Parser *parser)
{
	if (parser_next_is(parser, 0, "in"))
		return parser_next_is(parser, 1, "last") ||
			parser_next_is(parser, 1, "next") ||
			parser_next_is(parser, 1, "this");
	if (parser_next_is(parser, 0, "between"))
		return parser_peek(parser, 1)->kind == TOKEN_NUMBER &&
			parser_unit_at(parser, 2) >= 0;
	return parser_next_is(parser, 0, "since") ||
		parser_next_is(parser, 0, "before") || so_far_follows(parser) ||
		to_come_follows(parser);
}

/* Do the next words say that all events up to now count? */
static bool
so_far_follows(Parser *parser)
{
	return parser_next_is(parser, 0, "so") && parser_next_is(parser, 1, "far");
}

/* Do they say that all those after now do? */
static bool
to_come_follows(Parser *parser)
{
	return parser_next_is(parser, 0, "to") &&
		parser_next_is(parser, 1, "come");
}

/* FilterReplace: orders.amount -> amount, where the context is "orders" */
static FilterNode *
without_source(const FilterNode *node, void *context)
{
	if (node->op != FILTER_COLUMN || node->nargs == 0 ||
		strcmp(node->text, (const char *) context) != 0)
		return NULL;
	return filter_node_with(FILTER_COLUMN, node->args[0]->text, node->location,
							node->nargs - 1,
							node->nargs == 1 ? NULL : node->args + 1);
}
