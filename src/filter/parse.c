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
 * Here are the rules of filters; those of operands are in parse_operand.c,
 * those of events and windows in parse_events.c.  How the text is looked at,
 * and what is said when something else stands there, is in parser.c.
 *
 * A parenthesis at the start of a predicate may open a filter or an operand,
 * "(a > 1) and b" or "(a + 1) > b", and nobody knows before it is closed.  So
 * a rule for filters may return an operand, and whoever needs a filter asks
 * parser_is_filter().  Where only an operand can stand, operand_only is set.
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

static void parser_start(Parser *parser, const char *text, const char *subject,
						 struct Node *escontext);
static FilterNode *parser_finish(Parser *parser, FilterNode *node, uint16 kind);
static FilterNode *parse_and(Parser *parser);
static FilterNode *parse_not(Parser *parser);
static FilterNode *parse_predicate(Parser *parser);
static FilterNode *parse_condition(Parser *parser);
static FilterNode *parse_comparison(Parser *parser, FilterNode *left);
static FilterNode *parse_list(Parser *parser, FilterOp op, FilterNode *left);
static FilterNode *parse_anniversary(Parser *parser);
static FilterNode *parse_in_audience(Parser *parser);
static FilterNode *parse_bucket(Parser *parser);
static FilterNode *parse_at_least(Parser *parser);
static FilterOp match_predicate(Parser *parser, int *nwords, bool *negated);
static int	match_phrase(Parser *parser, const char *phrase, bool *complete);

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
 * A text that is nothing but a filter, an operand, either of these, a span or
 * a window.
 */
FilterNode *
filter_parse_part(const char *text, uint16 kind, struct Node *escontext)
{
	Parser		parser;
	FilterNode *node;

	parser_start(&parser, text, kind == KIND_FILTER ? "filter" : "expression",
				 escontext);
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
		default:
			node = parse_operand(&parser);
			break;
	}
	return parser_finish(&parser, node, kind);
}

static void
parser_start(Parser *parser, const char *text, const char *subject,
			 struct Node *escontext)
{
	memset(parser, 0, sizeof(Parser));
	parser->text = text;
	parser->position = text;
	parser->subject = subject;
	parser->end = psprintf("the end of the %s", subject);
	parser->escontext = escontext;
}

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
	else if (parser_peek(parser, 0)->kind != TOKEN_END || !op_is(node, kind))
		return parser_fail(parser, NULL,
						   (kind & KIND_OPERAND) ? "an operator such as \"+\"|the end of the expression" :
						   kind == KIND_WINDOW ? "a window such as \"in last 30 days\"" :
						   "the end of the expression", NULL);

	/* a trait that is "city" for everybody was meant to be city */
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

static FilterNode *
parse_predicate(Parser *parser)
{
	const char *place = parser_peek(parser, 0)->start;
	FilterNode *node;

	CHECK_FOR_INTERRUPTS();

	parser->clause = place;
	parser->phrase = NULL;
	node = parse_condition(parser);
	if (node != NULL && filter_is_fixed(node))
		return parser_fail_fixed(parser, place, node);
	return node;
}

static FilterNode *
parse_condition(Parser *parser)
{
	FilterNode *node;

	if (parser_next_is(parser, 0, "in"))
		return parse_in_audience(parser);
	if (parser_next_is(parser, 0, "anniversary") && parser_next_is(parser, 1, "of"))
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

/* What follows the operand 'left'; 'left' itself if nothing does. */
static FilterNode *
parse_comparison(Parser *parser, FilterNode *left)
{
	bool		negated;
	int			nwords;
	int			period;
	FilterOp	op;
	FilterNode *right = NULL;
	FilterNode *high = NULL;
	FilterNode *node;

	parser->phrase = parser_peek(parser, 0)->start;
	parser->in_window = false;
	op = match_predicate(parser, &nwords, &negated);
	if (op == FILTER_NONE)
	{
		if (nwords > 0)
			return NULL;		/* has failed half-way */
		parser->option_place = parser_peek(parser, 0)->start;
		parser->option = "a comparison such as \"=\" or \"in\"";
		parser->option_words = filter_condition_words();
		return left;
	}

	/* the last word of "in last" is part of a period, too */
	period = (op == FILTER_IN_PERIOD) ? parse_period_at(parser, nwords - 1) : 0;
	while (nwords-- > 0)
		parser_advance(parser);

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
		case SHAPE_VALUE:
			if (op == FILTER_CONTAINS && parser_next_is(parser, 0, "("))
			{
				node = parse_list(parser, FILTER_CONTAINS_ALL, left);
				if (node == NULL)
					return NULL;
				return negated ? filter_negate(node) : node;
			}
			if (filter_arg_kinds(op, 1) == KIND_STRING)
				right = parse_string(parser);
			else
				right = parse_literal(parser);
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
			parser_advance(parser);	/* the unit */
			node = parse_node(op, left->location, left, NULL, NULL);
			node->detail = period;
			return negated ? filter_negate(node) : node;
		case SHAPE_POSTFIX:
			node = parse_node(op, left->location, left, NULL, NULL);
			return negated ? filter_negate(node) : node;
		case SHAPE_LIST:
			node = parse_list(parser, op, left);
			if (node == NULL)
				return NULL;
			return negated ? filter_negate(node) : node;
		default:
			elog(ERROR, "unexpected shape of filter op %d", (int) op);
	}
	if (right == NULL)
		return NULL;

	node = parse_node(op, left->location, left, right, high);
	return negated ? filter_negate(node) : node;
}

/* (literal, ...) or, after CONTAINS ANY and ALL, a literal */
static FilterNode *
parse_list(Parser *parser, FilterOp op, FilterNode *left)
{
	FilterNode **args;
	int			nargs = 0;
	int			room = 8;
	FilterNode *node;

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
			parser_advance(parser);	/* parenthesis or comma */
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
	node = filter_node_with(op, NULL, left->location, nargs, args);
	return node;
}

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
		return parse_node(FILTER_ANNIVERSARY_TODAY, location, operand, NULL, NULL);
	if (!parser_accept(parser, "in"))
		return parser_fail(parser, "today|in", NULL, NULL);
	if (parser_next_is(parser, 0, "this"))
	{
		if (parse_period_at(parser, 0) < 0)
		{
			parser_advance(parser);
			return parser_fail(parser, PERIOD_UNITS, NULL, NULL);
		}
		node = parse_node(FILTER_ANNIVERSARY_PERIOD, location, operand, NULL, NULL);
		node->detail = parse_period_at(parser, 0);
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
	if (parser_peek(parser, 0)->kind != TOKEN_WORD && parser_peek(parser, 0)->kind != TOKEN_NAME)
		return parser_fail(parser, NULL, "the name of an audience", NULL);
	node = filter_node(FILTER_IN_AUDIENCE, filter_token_text(parser_peek(parser, 0)),
					   location);
	parser_advance(parser);
	return node;
}

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

static FilterNode *
parse_at_least(Parser *parser)
{
	int			location = parser_location(parser);
	const char *place;
	char	   *count;
	List	   *filters = NIL;
	FilterNode **args;
	int			nargs = 0;
	ListCell   *lc;
	Parser		outer;

	parser_advance(parser);
	parser_advance(parser);
	place = parser_peek(parser, 0)->start;
	if (parser_peek(parser, 0)->kind != TOKEN_NUMBER)
		return parser_fail(parser, NULL, "a whole number", NULL);
	count = filter_number(place, parser_peek(parser, 0)->length, false);
	if (count == NULL || strlen(count) > FILTER_MAX_COUNT_DIGITS ||
		strspn(count, "0123456789") != strlen(count) || *count == '0')
		return parser_fail_at(parser, place, "invalid number of filters",
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
		return parser_fail_at(parser, place, "invalid number of filters",
							  psprintf("Only %d can hold.", list_length(filters)), NULL);

	args = palloc_array(FilterNode *, list_length(filters));
	foreach(lc, filters)
		args[nargs++] = lfirst(lc);
	return filter_node_with(FILTER_AT_LEAST, count, location, nargs, args);
}

/*
 * Which predicate do the next words spell?
 *
 * The longest spelling wins.  *nwords is its number of words; if there is no
 * predicate it is 0, or not 0 if some words of one were there and an error
 * was raised at the first wrong one.
 */
static FilterOp
match_predicate(Parser *parser, int *nwords, bool *negated)
{
	FilterOp	found = FILTER_NONE;
	int			longest = 0;
	int			n;
	StringInfoData words;

	*nwords = 0;
	*negated = false;

	if (parser_peek(parser, 0)->kind != TOKEN_WORD && parser_peek(parser, 0)->kind != TOKEN_SYMBOL)
		return FILTER_NONE;

	/* [not] in this month */
	n = parser_next_is(parser, 0, "not") ? 1 : 0;
	if (parser_next_is(parser, n, "in") && parse_period_at(parser, n + 1) >= 0)
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
			const char *phrase = (side == 0) ? filter_ops[op].spelling : filter_ops[op].negated;
			bool		complete;
			int			matched;

			if (phrase == NULL || op == FILTER_IN_PERIOD)
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
	if (found != FILTER_NONE || longest == 0)
		return found;

	/* half a phrase: what could have come next? */
	initStringInfo(&words);
	for (int side = 0; side < 2; side++)
	{
		for (FilterOp op = 0; op < FILTER_OP_COUNT; op++)
		{
			const char *phrase = (side == 0) ? filter_ops[op].spelling : filter_ops[op].negated;
			bool		complete;

			if (!filter_op_follows_operand(op) || phrase == NULL ||
				match_phrase(parser, phrase, &complete) != longest)
				continue;
			for (int i = 0; i < longest; i++)
				phrase = strchr(phrase, ' ') + 1;
			filter_add_word(&words, phrase, strcspn(phrase, " "));
		}
	}
	for (int i = 0; i < longest; i++)
		parser_advance(parser);
	*nwords = longest;
	(void) parser_fail(parser, words.data, NULL, NULL);
	return FILTER_NONE;
}

/* How many words of the phrase are there, and are these all? */
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
			!(strcmp(phrase, "!=") == 0 && strncmp(token->start, "<>", 2) == 0))
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
