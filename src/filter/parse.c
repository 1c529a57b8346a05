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
 * A parenthesis at the start of a predicate may open a filter or an operand,
 * "(a > 1) and b" or "(a + 1) > b", and nobody knows before it is closed.  So
 * a rule for filters may return an operand, and whoever needs a filter asks
 * is_filter().  Where only an operand can stand, operand_only is set.
 *
 * Words are special only where the grammar expects them: each function asks
 * for its own words, and the scanner knows none.
 *
 * A rule returns NULL once an error has been saved in escontext; servers
 * without soft errors never come back from fail().
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"

#include "base/base.h"
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

	/* what may close the filter being read: words, or the end */
	const char *closers;
	const char *end;
	/* what else could have stood at this place, for errors */
	const char *option_place;
	const char *option;
	const char *option_words;
	const char *hint;			/* for the next error, unless it has a better */

	struct Node *escontext;
} Parser;

static void parser_start(Parser *parser, const char *text, const char *end,
						 struct Node *escontext);
static FilterNode *parser_finish(Parser *parser, FilterNode *node, uint16 kind);
static FilterNode *parse_or(Parser *parser);
static FilterNode *parse_and(Parser *parser);
static FilterNode *parse_not(Parser *parser);
static FilterNode *parse_predicate(Parser *parser);
static FilterNode *parse_comparison(Parser *parser, FilterNode *left);
static FilterNode *parse_list(Parser *parser, FilterOp op, FilterNode *left);
static FilterNode *parse_anniversary(Parser *parser);
static FilterNode *parse_did(Parser *parser);
static FilterNode *parse_times(Parser *parser, int location, FilterNode **args);
static FilterNode *parse_in_audience(Parser *parser);
static FilterNode *parse_bucket(Parser *parser);
static FilterNode *parse_at_least(Parser *parser);
static FilterNode *parse_sum(Parser *parser, FilterPrecedence lowest,
							 bool operand_only);
static FilterNode *parse_operand(Parser *parser);
static FilterNode *parse_primary(Parser *parser, bool operand_only);
static FilterNode *parse_group(Parser *parser, bool operand_only);
static FilterNode *parse_column(Parser *parser);
static FilterNode *parse_function(Parser *parser);
static FilterNode *parse_aggregate(Parser *parser);
static FilterNode *parse_where(Parser *parser, const char *source);
static FilterNode *parse_window(Parser *parser);
static FilterNode *parse_literal(Parser *parser);
static FilterNode *parse_number(Parser *parser);
static FilterNode *parse_string(Parser *parser);
static FilterNode *parse_span(Parser *parser);
static FilterNode *without_source(const FilterNode *node, void *context);
static FilterOp match_predicate(Parser *parser, int *nwords, bool *negated);
static void add_word(StringInfo words, const char *word, int length);
static int	match_phrase(Parser *parser, const char *phrase, bool *complete);
static int	period_at(Parser *parser, int n);
static int	unit_at(Parser *parser, int n);
static bool window_follows(Parser *parser);
static bool did_follows(Parser *parser);
static bool is_filter(Parser *parser, FilterNode *node);
static FilterNode *fail(Parser *parser, const char *words, const char *others,
						const char *more_words);
static FilterNode *fail_behind_filter(Parser *parser);
static FilterNode *fail_at(Parser *parser, const char *place, const char *problem,
						   const char *detail, const char *hint);
static char *list_expected(const char *words, const char *others);
static List *split_words(List *list, const char *words);
static char *excerpt(const char *start, int length);
static int	character_number(Parser *parser, const char *place);
static int	show_caret(Parser *parser, int character);
static FilterToken *peek(Parser *parser, int n);
static bool next_is(Parser *parser, int n, const char *word);
static void advance(Parser *parser);
static bool accept(Parser *parser, const char *word);
static bool expect(Parser *parser, const char *word);
static int	location_of(Parser *parser);
static FilterNode *make(FilterOp op, int location, FilterNode *a,
						FilterNode *b, FilterNode *c);

/* words that begin what may follow an operand */
static const char *const predicate_words =
"in|between|contains|starts|ends|like|ilike|matches|is|more|less|before|after|on|not";

#define PERIOD_UNITS	"day|week|month|quarter|year"
#define SPAN_UNITS		"seconds|minutes|hours|days|weeks|months|quarters|years"

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

/* A text that is nothing but a filter, an operand, a span or a window. */
FilterNode *
filter_parse_part(const char *text, uint16 kind, struct Node *escontext)
{
	Parser		parser;
	FilterNode *node;

	parser_start(&parser, text,
				 kind == KIND_FILTER ? "the end of the filter" : "the end of the text",
				 escontext);
	switch (kind)
	{
		case KIND_FILTER:
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
parser_start(Parser *parser, const char *text, const char *end,
			 struct Node *escontext)
{
	memset(parser, 0, sizeof(Parser));
	parser->text = text;
	parser->position = text;
	parser->end = end;
	parser->escontext = escontext;
}

static FilterNode *
parser_finish(Parser *parser, FilterNode *node, uint16 kind)
{
	if (node == NULL)
		return NULL;
	if (kind == KIND_FILTER)
	{
		if (!is_filter(parser, node))
			return NULL;
		if (peek(parser, 0)->kind != TOKEN_END)
			return fail_behind_filter(parser);
	}
	else if (peek(parser, 0)->kind != TOKEN_END || !op_is(node, kind))
		return fail(parser, NULL,
					kind == KIND_OPERAND ? "an operator such as \"+\"|the end of the text" :
					kind == KIND_WINDOW ? "a window such as \"in last 30 days\"" :
					"the end of the text", NULL);
	return node;
}

static FilterNode *
parse_or(Parser *parser)
{
	FilterNode *first;
	List	   *filters = NIL;

	check_stack_depth();

	first = parse_and(parser);
	if (first == NULL || !next_is(parser, 0, "or"))
		return first;
	if (!is_filter(parser, first))
		return NULL;

	filters = lappend(filters, first);
	while (accept(parser, "or"))
	{
		FilterNode *filter = parse_and(parser);

		if (filter == NULL || !is_filter(parser, filter))
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
	if (first == NULL || !next_is(parser, 0, "and"))
		return first;
	if (!is_filter(parser, first))
		return NULL;

	filters = lappend(filters, first);
	while (accept(parser, "and"))
	{
		FilterNode *filter = parse_not(parser);

		if (filter == NULL || !is_filter(parser, filter))
			return NULL;
		filters = lappend(filters, filter);
	}
	return filter_combine(FILTER_AND, filters);
}

static FilterNode *
parse_not(Parser *parser)
{
	FilterNode *filter;
	int			location = location_of(parser);
	int			nots = 0;

	while (accept(parser, "not"))
		nots++;

	filter = parse_predicate(parser);
	if (filter == NULL || nots == 0)
		return filter;
	if (!is_filter(parser, filter))
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
	FilterNode *node;

	if (next_is(parser, 0, "in"))
		return parse_in_audience(parser);
	if (next_is(parser, 0, "anniversary") && next_is(parser, 1, "of"))
		return parse_anniversary(parser);
	if (next_is(parser, 0, "at") && next_is(parser, 1, "least"))
		return parse_at_least(parser);
	if (next_is(parser, 0, "bucket") && next_is(parser, 1, "("))
		return parse_bucket(parser);
	if (did_follows(parser))
		return parse_did(parser);

	node = parse_sum(parser, PRECEDENCE_SUM, false);
	if (node == NULL || !op_is(node, KIND_OPERAND))
		return node;

	/*
	 * "where paid in last 30 days" asks when it was paid.  Parentheses end the
	 * filter, so that "where (paid) in last 30 days" has a window.
	 */
	if (parser->in_where && parser->group_end == parser->consumed &&
		op_is(node, KIND_FILTER) && window_follows(parser))
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
	FilterOp	op = match_predicate(parser, &nwords, &negated);
	FilterNode *right = NULL;
	FilterNode *high = NULL;
	FilterNode *node;

	if (op == FILTER_NONE)
	{
		if (nwords > 0)
			return NULL;		/* has failed half-way */
		parser->option_place = peek(parser, 0)->start;
		parser->option = "a comparison such as \"=\" or \"in\"";
		parser->option_words = predicate_words;
		return left;
	}

	/* the last word of "in last" is part of a period, too */
	period = (op == FILTER_IN_PERIOD) ? period_at(parser, nwords - 1) : 0;
	while (nwords-- > 0)
		advance(parser);

	switch (filter_ops[op].shape)
	{
		case SHAPE_COMPARISON:
			right = parse_operand(parser);
			break;
		case SHAPE_BETWEEN:
			right = parse_operand(parser);
			if (right == NULL || !expect(parser, "and"))
				return NULL;
			high = parse_operand(parser);
			if (high == NULL)
				return NULL;
			break;
		case SHAPE_VALUE:
			if (op == FILTER_CONTAINS && next_is(parser, 0, "("))
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
			if (peek(parser, 0)->kind != TOKEN_NUMBER)
				return fail(parser, PERIOD_UNITS,
							"a span of time such as \"30 days\"", NULL);
			right = parse_span(parser);
			break;
		case SHAPE_SPAN_AGO:
			right = parse_span(parser);
			if (right != NULL && !expect(parser, "ago"))
				return NULL;
			break;
		case SHAPE_PERIOD:
			advance(parser);	/* the unit */
			node = make(op, left->location, left, NULL, NULL);
			node->detail = period;
			return negated ? filter_negate(node) : node;
		case SHAPE_POSTFIX:
			node = make(op, left->location, left, NULL, NULL);
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

	node = make(op, left->location, left, right, high);
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

	if (op == FILTER_IN || next_is(parser, 0, "("))
	{
		if (op == FILTER_IN && accept(parser, "this"))
			return fail(parser, PERIOD_UNITS, NULL, NULL);
		if (next_is(parser, 0, "audience"))
			parser->hint = "It is the profile that is in an audience: write \"in audience\" without a value before it.";
		if (!next_is(parser, 0, "("))
			return fail(parser, "(|last|next|this", NULL, NULL);
		do
		{
			CHECK_FOR_INTERRUPTS();
			advance(parser);	/* parenthesis or comma */
			if (nargs == room)
			{
				room *= 2;
				args = repalloc_huge(args, room * sizeof(FilterNode *));
			}
			args[nargs] = parse_literal(parser);
			if (args[nargs++] == NULL)
				return NULL;
		} while (next_is(parser, 0, ","));
		if (!accept(parser, ")"))
			return fail(parser, ",|)", NULL, NULL);
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
	int			location = location_of(parser);
	FilterNode *operand;
	FilterNode *span;
	FilterNode *node;
	FilterOp	op;

	advance(parser);
	advance(parser);
	operand = parse_operand(parser);
	if (operand == NULL)
		return NULL;

	if (accept(parser, "today"))
		return make(FILTER_ANNIVERSARY_TODAY, location, operand, NULL, NULL);
	if (!accept(parser, "in"))
		return fail(parser, "today|in", NULL, NULL);
	if (next_is(parser, 0, "this"))
	{
		if (period_at(parser, 0) < 0)
		{
			advance(parser);
			return fail(parser, PERIOD_UNITS, NULL, NULL);
		}
		node = make(FILTER_ANNIVERSARY_PERIOD, location, operand, NULL, NULL);
		node->detail = period_at(parser, 0);
		advance(parser);
		advance(parser);
		return node;
	}
	if (accept(parser, "last"))
		op = FILTER_ANNIVERSARY_LAST;
	else if (accept(parser, "next"))
		op = FILTER_ANNIVERSARY_NEXT;
	else
		return fail(parser, "last|next|this", NULL, NULL);
	span = parse_span(parser);
	return span == NULL ? NULL : make(op, location, operand, span, NULL);
}

static FilterNode *
parse_did(Parser *parser)
{
	FilterNode **args = palloc_array(FilterNode *, 3);
	int			location = location_of(parser);
	const char *place = peek(parser, 0)->start;
	bool		negated;
	bool		outer_events = parser->in_events;
	FilterNode *node;

	advance(parser);
	negated = accept(parser, "not");
	if (outer_events)
		return fail_at(parser, place, "aggregates cannot be nested",
					   "\"did\" stands within an aggregate or another \"did\".",
					   NULL);

	args[0] = filter_node(FILTER_WORD, filter_token_text(peek(parser, 0)),
						  location_of(parser));
	advance(parser);

	args[1] = parse_where(parser, args[0]->text);
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
		parser->option_place = peek(parser, 0)->start;
		parser->option = (args[1]->op == FILTER_NONE) ?
			"a condition behind \"where\"|a window such as \"in last 30 days\"" :
			"a window such as \"in last 30 days\"";
		parser->option_words = "where|at|exactly|in|between|since|before";
	}
	return negated ? filter_negate(node) : node;
}

/* AT LEAST n TIMES and its like, and the node of DID; args[2] comes later. */
static FilterNode *
parse_times(Parser *parser, int location, FilterNode **args)
{
	FilterNode *node = filter_node_with(FILTER_DID, NULL, location, 3, args);
	const char *place;
	char	   *count;

	if (accept(parser, "exactly"))
		node->detail = FILTER_TIMES_EXACTLY;
	else if (accept(parser, "at"))
	{
		if (accept(parser, "least"))
			node->detail = FILTER_TIMES_AT_LEAST;
		else if (accept(parser, "most"))
			node->detail = FILTER_TIMES_AT_MOST;
		else
			return fail(parser, "least|most", NULL, NULL);
	}
	else
		return node;

	place = peek(parser, 0)->start;
	if (peek(parser, 0)->kind != TOKEN_NUMBER)
		return fail(parser, NULL, "a whole number", NULL);
	count = filter_number(place, peek(parser, 0)->length, false);
	if (count == NULL || strlen(count) > FILTER_MAX_COUNT_DIGITS ||
		strspn(count, "0123456789") != strlen(count) ||
		(node->detail == FILTER_TIMES_AT_LEAST && *count == '0'))
		return fail_at(parser, place, "invalid number of times",
					   node->detail == FILTER_TIMES_AT_LEAST ?
					   "Expected a whole number from 1 to 999999999." :
					   "Expected a whole number from 0 to 999999999.", NULL);
	advance(parser);
	if (!accept(parser, "times") && !accept(parser, "time"))
		return fail(parser, "times", NULL, NULL);

	/* which is what did means anyway */
	if (node->detail == FILTER_TIMES_AT_LEAST && strcmp(count, "1") == 0)
		node->detail = FILTER_TIMES_ANY;
	else
		node->text = count;
	return node;
}

static FilterNode *
parse_in_audience(Parser *parser)
{
	int			location = location_of(parser);
	FilterNode *node;

	if (!next_is(parser, 1, "audience"))
	{
		/* "in" alone begins nothing; where a value stood before it, it does */
		advance(parser);
		return fail(parser, "audience", NULL, NULL);
	}
	advance(parser);
	advance(parser);
	if (peek(parser, 0)->kind != TOKEN_WORD && peek(parser, 0)->kind != TOKEN_NAME)
		return fail(parser, NULL, "the name of an audience", NULL);
	node = filter_node(FILTER_IN_AUDIENCE, filter_token_text(peek(parser, 0)),
					   location);
	advance(parser);
	return node;
}

static FilterNode *
parse_bucket(Parser *parser)
{
	int			location = location_of(parser);
	FilterNode *salt;
	FilterNode *number;
	FilterNode *node;
	int			compare;

	advance(parser);
	advance(parser);
	salt = parse_string(parser);
	if (salt == NULL || !expect(parser, ")"))
		return NULL;

	for (compare = 0; filter_compares[compare] != NULL; compare++)
	{
		if (accept(parser, filter_compares[compare]))
			break;
	}
	if (filter_compares[compare] == NULL)
		return fail(parser, "<|<=|>|>=", NULL, NULL);

	number = parse_number(parser);
	if (number == NULL)
		return NULL;
	node = make(FILTER_BUCKET, location, number, NULL, NULL);
	node->text = salt->text;
	node->detail = compare;
	return node;
}

static FilterNode *
parse_at_least(Parser *parser)
{
	int			location = location_of(parser);
	const char *place;
	char	   *count;
	List	   *filters = NIL;
	FilterNode **args;
	int			nargs = 0;
	ListCell   *lc;
	Parser		outer;

	advance(parser);
	advance(parser);
	place = peek(parser, 0)->start;
	if (peek(parser, 0)->kind != TOKEN_NUMBER)
		return fail(parser, NULL, "a whole number", NULL);
	count = filter_number(place, peek(parser, 0)->length, false);
	if (count == NULL || strlen(count) > FILTER_MAX_COUNT_DIGITS ||
		strspn(count, "0123456789") != strlen(count) || *count == '0')
		return fail_at(parser, place, "invalid number of filters",
					   "Expected a whole number above zero.", NULL);
	advance(parser);
	if (!expect(parser, "of"))
		return NULL;
	if (!next_is(parser, 0, "("))
		return fail(parser, "(", NULL, NULL);

	outer = *parser;
	parser->in_where = false;
	parser->closers = ",|)";
	parser->end = NULL;
	do
	{
		FilterNode *filter;

		CHECK_FOR_INTERRUPTS();
		advance(parser);		/* parenthesis or comma */
		filter = parse_or(parser);
		if (filter == NULL || !is_filter(parser, filter))
			return NULL;
		filters = lappend(filters, filter);
	} while (next_is(parser, 0, ","));
	if (!accept(parser, ")"))
		return fail_behind_filter(parser);
	parser->in_where = outer.in_where;
	parser->closers = outer.closers;
	parser->end = outer.end;

	if (atoi(count) > list_length(filters))
		return fail_at(parser, place, "invalid number of filters",
					   psprintf("Only %d can hold.", list_length(filters)), NULL);

	args = palloc_array(FilterNode *, list_length(filters));
	foreach(lc, filters)
		args[nargs++] = lfirst(lc);
	return filter_node_with(FILTER_AT_LEAST, count, location, nargs, args);
}

/* Operators of at least the precedence 'lowest', to the left. */
static FilterNode *
parse_sum(Parser *parser, FilterPrecedence lowest, bool operand_only)
{
	FilterNode *left = parse_primary(parser, operand_only);

	while (left != NULL && op_is(left, KIND_OPERAND))
	{
		FilterOp	op;
		FilterNode *right;

		for (op = FILTER_ADD; op <= FILTER_DIVIDE; op++)
		{
			if (next_is(parser, 0, filter_ops[op].spelling))
				break;
		}
		if (op > FILTER_DIVIDE || filter_ops[op].precedence < lowest)
			return left;

		CHECK_FOR_INTERRUPTS();
		advance(parser);
		right = parse_sum(parser, filter_ops[op].precedence + 1, true);
		if (right == NULL)
			return NULL;
		left = make(op, left->location, left, right, NULL);
	}
	return left;
}

static FilterNode *
parse_operand(Parser *parser)
{
	return parse_sum(parser, PRECEDENCE_SUM, true);
}

static FilterNode *
parse_primary(Parser *parser, bool operand_only)
{
	FilterToken *token = peek(parser, 0);
	FilterOp	op;
	FilterNode *node;

	switch (token->kind)
	{
		case TOKEN_NUMBER:
			if (unit_at(parser, 1) >= 0)
				return parse_span(parser);
			return parse_number(parser);

		case TOKEN_STRING:
			return parse_string(parser);

		case TOKEN_NAME:
			return parse_column(parser);

		case TOKEN_SYMBOL:
			if (filter_token_is(token, "("))
				return parse_group(parser, operand_only);
			if (filter_token_is(token, "-") && peek(parser, 1)->kind == TOKEN_NUMBER)
				return parse_number(parser);
			break;

		case TOKEN_WORD:
			for (op = FILTER_TRUE; op <= FILTER_TODAY; op++)
			{
				if (filter_token_is(token, filter_ops[op].spelling))
				{
					node = filter_node(op, NULL, location_of(parser));
					advance(parser);
					if (next_is(parser, 0, "("))
						parser->hint = psprintf("\"%s\" is written without parentheses.",
												filter_ops[op].spelling);
					return node;
				}
			}
			if (filter_word_reserved(filter_token_text(token)) &&
				!filter_token_is(token, "did"))
				break;
			if (next_is(parser, 1, "("))
				return parse_function(parser);
			return parse_column(parser);

		default:
			break;
	}

	if (token->kind == TOKEN_WORD)
		parser->hint = psprintf("A column of this name is written `%s`.",
								filter_token_text(token));
	if (operand_only)
		return fail(parser, NULL, "a value such as a column, a number or a string",
					NULL);
	return fail(parser, NULL, "a filter such as \"city = 'Aarhus'\"", NULL);
}

static FilterNode *
parse_group(Parser *parser, bool operand_only)
{
	bool		outer_where = parser->in_where;
	const char *outer_closers = parser->closers;
	const char *outer_end = parser->end;
	FilterNode *node;

	check_stack_depth();

	advance(parser);
	parser->in_where = false;
	parser->closers = ")";
	parser->end = NULL;
	node = operand_only ? parse_operand(parser) : parse_or(parser);
	if (node == NULL)
		return NULL;
	if (!accept(parser, ")"))
	{
		if (operand_only || !op_is(node, KIND_FILTER))
			return fail(parser, ")",
						operand_only ? "an operator such as \"+\"" :
						"a comparison such as \"=\" or \"in\"",
						predicate_words);
		return fail_behind_filter(parser);
	}
	parser->in_where = outer_where;
	parser->closers = outer_closers;
	parser->end = outer_end;
	parser->group_end = parser->consumed;
	return node;
}

/* a, or a.b.c */
static FilterNode *
parse_column(Parser *parser)
{
	FilterNode *node = filter_node(FILTER_COLUMN,
								   filter_token_text(peek(parser, 0)),
								   location_of(parser));
	int			room = 0;

	advance(parser);
	while (accept(parser, "."))
	{
		FilterToken *key = peek(parser, 0);

		if (key->kind != TOKEN_WORD && key->kind != TOKEN_NAME)
			return fail(parser, NULL, "a name, in backquotes unless it is a plain word",
						NULL);
		if (node->nargs == room)
		{
			room = (room == 0) ? 2 : room * 2;
			node->args = (node->args == NULL) ?
				palloc_array(FilterNode *, room) :
				repalloc_huge(node->args, room * sizeof(FilterNode *));
		}
		node->args[node->nargs++] =
			filter_node(FILTER_WORD, filter_token_text(key), location_of(parser));
		advance(parser);
	}
	return node;
}

static FilterNode *
parse_function(Parser *parser)
{
	int			location = location_of(parser);
	char	   *name = filter_token_text(peek(parser, 0));
	FilterNode **args;
	int			nargs = 0;
	int			room = 4;

	check_stack_depth();

	if (filter_find_word(filter_aggregates, name) >= 0)
		return parse_aggregate(parser);
	if (strcmp(name, "bucket") == 0)
		return fail_at(parser, peek(parser, 0)->start,
					   "\"bucket\" is no value",
					   "It stands to the left of its comparison, as in bucket(\"test\") < 50.",
					   NULL);
	if (filter_word_reserved(name))
	{
		advance(parser);
		return fail_behind_filter(parser);
	}

	args = palloc_array(FilterNode *, room);
	advance(parser);
	do
	{
		CHECK_FOR_INTERRUPTS();
		advance(parser);		/* parenthesis or comma */
		if (nargs == room)
		{
			room *= 2;
			args = repalloc_huge(args, room * sizeof(FilterNode *));
		}
		args[nargs] = parse_operand(parser);
		if (args[nargs++] == NULL)
			return NULL;
	} while (next_is(parser, 0, ","));
	if (!accept(parser, ")"))
		return fail(parser, ",|)", "an operator such as \"+\"", NULL);
	return filter_node_with(FILTER_FUNCTION, name, location, nargs, args);
}

/*
 * sum(orders.price * quantity where status = "paid" in last 30 days)
 *
 * The first column names the source; in the tree it does so once, and the
 * columns stand without it.
 */
static FilterNode *
parse_aggregate(Parser *parser)
{
	FilterToken name = *peek(parser, 0);
	int			location = location_of(parser);
	FilterNode **args = palloc_array(FilterNode *, 4);
	const FilterNode *column;
	FilterNode *value;
	FilterNode *node;
	FilterToken *next;
	bool		distinct = false;
	const char *value_place;
	const char *outer_closers = parser->closers;
	const char *outer_end = parser->end;

	if (parser->in_events)
		return fail_at(parser, name.start, "aggregates cannot be nested",
					   psprintf("\"%s\" stands within an aggregate or \"did\".",
								filter_token_text(&name)),
					   NULL);
	advance(parser);
	advance(parser);

	next = peek(parser, 1);
	if (next_is(parser, 0, "distinct") &&
		(next->kind == TOKEN_NAME || next->kind == TOKEN_NUMBER ||
		 next->kind == TOKEN_STRING || filter_token_is(next, "(") ||
		 (next->kind == TOKEN_WORD &&
		  !filter_word_follows_operand(filter_token_text(next)))))
	{
		distinct = true;
		advance(parser);
	}

	value_place = peek(parser, 0)->start;
	if (peek(parser, 0)->kind == TOKEN_SYMBOL && next_is(parser, 0, ")"))
		return fail(parser, NULL, "a source of events, as in \"count(orders)\"", NULL);
	parser->in_events = true;
	parser->closers = ")";
	parser->end = NULL;
	value = parse_operand(parser);
	if (value == NULL)
		return NULL;

	column = filter_first_column(value);
	if (column == NULL)
		return fail_at(parser, value_place, "aggregate without a source",
					   "Expected a source of events, as in \"count(orders)\" or \"sum(orders.amount)\".",
					   NULL);
	args[0] = filter_node(FILTER_WORD, column->text, column->location);
	if (value == column && column->nargs == 0)
	{
		if (distinct || filter_aggregate_needs_value(filter_token_text(&name)))
			return fail(parser, ".",
						psprintf("a column of \"%s\"", column->text), NULL);
		args[1] = filter_node(FILTER_NONE, NULL, -1);
	}
	else if (column->nargs == 0)
		return fail_at(parser, parser->text + column->location,
					   "column without a source",
					   "The first column of an aggregate is written with its source, as in \"orders.amount\".",
					   NULL);
	else
		args[1] = filter_rewrite(value, without_source, args[0]->text);

	args[2] = parse_where(parser, args[0]->text);
	if (args[2] == NULL)
		return NULL;
	args[3] = parse_window(parser);
	if (args[3] == NULL)
		return NULL;
	if (!accept(parser, ")"))
	{
		if (args[3]->op != FILTER_NONE)
			return fail(parser, ")", NULL, NULL);
		if (args[2]->op != FILTER_NONE)
			return fail(parser, "and|or|)", "a window such as \"in last 30 days\"",
						predicate_words);
		return fail(parser, "where|)", "a window such as \"in last 30 days\"",
					"in|between|since|before");
	}
	parser->in_events = false;
	parser->closers = outer_closers;
	parser->end = outer_end;

	node = filter_node_with(FILTER_AGGREGATE, filter_token_text(&name),
							location, 4, args);
	node->detail = distinct ? 1 : 0;
	return node;
}

/* The filter behind WHERE, or NONE. */
static FilterNode *
parse_where(Parser *parser, const char *source)
{
	bool		outer_where = parser->in_where;
	bool		outer_events = parser->in_events;
	FilterNode *filter;

	if (!accept(parser, "where"))
		return filter_node(FILTER_NONE, NULL, -1);

	parser->in_where = true;
	parser->in_events = true;
	filter = parse_or(parser);
	parser->in_where = outer_where;
	parser->in_events = outer_events;
	if (filter == NULL || !is_filter(parser, filter))
		return NULL;
	return filter_rewrite(filter, without_source, (void *) source);
}

/* A window, or NONE. */
static FilterNode *
parse_window(Parser *parser)
{
	int			location = location_of(parser);
	FilterNode *from;
	FilterNode *to;
	FilterNode *node;

	if (accept(parser, "in"))
	{
		int			period = period_at(parser, 0);

		if (next_is(parser, 0, "next") ||
			(!next_is(parser, 0, "last") && !next_is(parser, 0, "this")))
			return fail(parser, "last|this", NULL, NULL);
		if (period >= 0)
		{
			advance(parser);
			advance(parser);
			node = filter_node(FILTER_WINDOW_PERIOD, NULL, location);
			node->detail = period;
			return node;
		}
		if (accept(parser, "this"))
			return fail(parser, PERIOD_UNITS, NULL, NULL);
		advance(parser);
		from = parse_span(parser);
		return from == NULL ? NULL :
			make(FILTER_WINDOW_LAST, location, from, NULL, NULL);
	}
	if (accept(parser, "between"))
	{
		from = parse_span(parser);
		if (from == NULL || !expect(parser, "and"))
			return NULL;
		to = parse_span(parser);
		if (to == NULL || !expect(parser, "ago"))
			return NULL;
		return make(FILTER_WINDOW_BETWEEN, location, from, to, NULL);
	}
	if (accept(parser, "since"))
	{
		from = parse_literal(parser);
		return from == NULL ? NULL :
			make(FILTER_WINDOW_SINCE, location, from, NULL, NULL);
	}
	if (accept(parser, "before"))
	{
		to = parse_literal(parser);
		return to == NULL ? NULL :
			make(FILTER_WINDOW_BEFORE, location, to, NULL, NULL);
	}
	return filter_node(FILTER_NONE, NULL, -1);
}

static FilterNode *
parse_literal(Parser *parser)
{
	FilterNode *node;

	if (peek(parser, 0)->kind == TOKEN_STRING)
		return parse_string(parser);
	if (peek(parser, 0)->kind == TOKEN_NUMBER || next_is(parser, 0, "-"))
		return parse_number(parser);
	for (FilterOp op = FILTER_TRUE; op <= FILTER_FALSE; op++)
	{
		if (next_is(parser, 0, filter_ops[op].spelling))
		{
			node = filter_node(op, NULL, location_of(parser));
			advance(parser);
			return node;
		}
	}
	if (peek(parser, 0)->kind == TOKEN_WORD || peek(parser, 0)->kind == TOKEN_NAME)
		parser->hint = "A string is written in quotes.";
	return fail(parser, "true|false", "a string|a number", NULL);
}

static FilterNode *
parse_number(Parser *parser)
{
	int			location = location_of(parser);
	bool		negative = accept(parser, "-");
	FilterToken *token = peek(parser, 0);
	FilterNode *node;
	char	   *number;

	if (token->kind != TOKEN_NUMBER)
		return fail(parser, NULL, "a number", NULL);
	number = filter_number(token->start, token->length, negative);
	if (number == NULL)
		return fail_at(parser, token->start, "number out of range",
					   psprintf("A number has at most %d digits, and an exponent from -%d to %d.",
								FILTER_MAX_DIGITS, FILTER_MAX_EXPONENT,
								FILTER_MAX_EXPONENT), NULL);
	node = filter_node(FILTER_NUMBER, NULL, location);
	node->text = number;
	advance(parser);
	return node;
}

static FilterNode *
parse_string(Parser *parser)
{
	FilterNode *node;

	if (peek(parser, 0)->kind == TOKEN_WORD || peek(parser, 0)->kind == TOKEN_NAME)
		parser->hint = "A string is written in quotes.";
	if (peek(parser, 0)->kind != TOKEN_STRING)
		return fail(parser, NULL, "a string", NULL);
	node = filter_node(FILTER_STRING, NULL, location_of(parser));
	node->text = filter_token_text(peek(parser, 0));
	advance(parser);
	return node;
}

/* 30 days */
static FilterNode *
parse_span(Parser *parser)
{
	int			location = location_of(parser);
	FilterToken *token = peek(parser, 0);
	FilterNode *node;
	char	   *count;

	if (token->kind != TOKEN_NUMBER)
		return fail(parser, NULL, "a span of time such as \"30 days\"", NULL);
	count = filter_number(token->start, token->length, false);
	if (count == NULL || strlen(count) > FILTER_MAX_COUNT_DIGITS ||
		strspn(count, "0123456789") != strlen(count) || *count == '0')
		return fail_at(parser, token->start, "invalid span of time",
					   "Expected a whole number of units, from 1 to 999999999.",
					   NULL);
	advance(parser);

	if (unit_at(parser, 0) < 0)
		return fail(parser, SPAN_UNITS, NULL, PERIOD_UNITS "|second|minute|hour");
	node = filter_node(FILTER_SPAN, count, location);
	node->detail = unit_at(parser, 0);
	advance(parser);
	return node;
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

	if (peek(parser, 0)->kind != TOKEN_WORD && peek(parser, 0)->kind != TOKEN_SYMBOL)
		return FILTER_NONE;

	/* [not] in this month */
	n = next_is(parser, 0, "not") ? 1 : 0;
	if (next_is(parser, n, "in") && period_at(parser, n + 1) >= 0)
	{
		*negated = (n == 1);
		*nwords = n + 2;
		return FILTER_IN_PERIOD;
	}

	for (FilterOp op = FILTER_EQ; op <= FILTER_ON; op++)
	{
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
		for (FilterOp op = FILTER_EQ; op <= FILTER_ON; op++)
		{
			const char *phrase = (side == 0) ? filter_ops[op].spelling : filter_ops[op].negated;
			bool		complete;

			if (phrase == NULL || match_phrase(parser, phrase, &complete) != longest)
				continue;
			for (int i = 0; i < longest; i++)
				phrase = strchr(phrase, ' ') + 1;
			add_word(&words, phrase, strcspn(phrase, " "));
		}
	}
	for (int i = 0; i < longest; i++)
		advance(parser);
	*nwords = longest;
	(void) fail(parser, words.data, NULL, NULL);
	return FILTER_NONE;
}

/* Add a word to a list with bars, once. */
static void
add_word(StringInfo words, const char *word, int length)
{
	const char *known = words->data;

	while (*known != '\0')
	{
		int			known_length = strcspn(known, "|");

		if (known_length == length && strncmp(known, word, length) == 0)
			return;
		known += known_length;
		if (*known == '|')
			known++;
	}
	if (words->len > 0)
		appendStringInfoChar(words, '|');
	appendBinaryStringInfo(words, word, length);
}

/* How many words of the phrase are there, and are these all? */
static int
match_phrase(Parser *parser, const char *phrase, bool *complete)
{
	int			matched = 0;

	*complete = false;
	for (;;)
	{
		FilterToken *token = peek(parser, matched);
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

/* "this month" at token n, as a FilterPeriod; else -1. */
static int
period_at(Parser *parser, int n)
{
	for (int which = 0; filter_whiches[which] != NULL; which++)
	{
		if (next_is(parser, n, filter_whiches[which]))
		{
			for (int unit = FILTER_DAY; unit <= FILTER_YEAR; unit++)
			{
				if (next_is(parser, n + 1, filter_units[unit]))
					return FILTER_PERIOD(which, unit);
			}
		}
	}
	return -1;
}

/* "day" or "days" at token n, as a FilterUnit; else -1. */
static int
unit_at(Parser *parser, int n)
{
	FilterToken *token = peek(parser, n);

	if (token->kind != TOKEN_WORD)
		return -1;
	for (int unit = 0; filter_units[unit] != NULL; unit++)
	{
		int			length = strlen(filter_units[unit]);

		if (pg_strncasecmp(token->start, filter_units[unit],
						   Min(token->length, length)) == 0 &&
			(token->length == length ||
			 (token->length == length + 1 &&
			  (token->start[length] == 's' || token->start[length] == 'S'))))
			return unit;
	}
	return -1;
}

static bool
window_follows(Parser *parser)
{
	if (next_is(parser, 0, "in"))
		return next_is(parser, 1, "last") || next_is(parser, 1, "this");
	if (next_is(parser, 0, "between"))
		return peek(parser, 1)->kind == TOKEN_NUMBER && unit_at(parser, 2) >= 0;
	return next_is(parser, 0, "since") || next_is(parser, 0, "before");
}

/* "did order", "did not order"; but "did = 1" and "did in (1)" are a column */
static bool
did_follows(Parser *parser)
{
	FilterToken *token;

	if (!next_is(parser, 0, "did"))
		return false;
	token = peek(parser, next_is(parser, 1, "not") ? 2 : 1);
	return token->kind == TOKEN_NAME ||
		(token->kind == TOKEN_WORD &&
		 !filter_word_follows_operand(filter_token_text(token)));
}

/* An operand such as "a + 1" is no filter, and an error. */
static bool
is_filter(Parser *parser, FilterNode *node)
{
	if (op_is(node, KIND_FILTER))
		return true;
	(void) fail(parser, NULL, "a comparison such as \"=\" or \"in\"", predicate_words);
	return false;
}

/* The filter is complete here, and something else follows. */
static FilterNode *
fail_behind_filter(Parser *parser)
{
	StringInfoData words;
	StringInfoData others;
	bool		option = (parser->option_place == peek(parser, 0)->start);

	initStringInfo(&words);
	appendStringInfoString(&words, "and|or");
	if (parser->closers != NULL)
		appendStringInfo(&words, "|%s", parser->closers);
	initStringInfo(&others);
	if (option)
		appendStringInfoString(&others, parser->option);
	if (parser->end != NULL)
		appendStringInfo(&others, "%s%s", option ? "|" : "", parser->end);
	return fail(parser, words.data, others.data,
				option ? parser->option_words : NULL);
}

/*
 * The next token is not what it should be.
 *
 * 'words' and 'others', separated by bars, are what was expected: words of
 * the language, and things to be described.  A slip is also looked for among
 * 'more_words'.
 */
static FilterNode *
fail(Parser *parser, const char *words, const char *others,
	 const char *more_words)
{
	FilterToken *token = peek(parser, 0);
	int			character = character_number(parser, token->start);
	const char *nearest = NULL;
	char	   *detail = list_expected(words, others);
	const char *hint = parser->hint;
	char	   *problem;

	if (token->kind == TOKEN_WORD)
	{
		char	   *word = filter_token_text(token);

		/* a word of the language was meant as it is */
		if (token->length < 64 && !filter_word_reserved(word))
			nearest = nearest_name(word, split_words(split_words(NIL, words), more_words));
		/* a symbol is one edit away from any letter */
		if (nearest != NULL && filter_is_word_start(*nearest))
			hint = psprintf("Perhaps you meant \"%s\".", nearest);
		else if (strcmp(word, "null") == 0)
			hint = "A missing value is asked for with \"is not set\", any other with \"is set\".";
	}

	if (token->kind == TOKEN_BAD)
	{
		if (token->hint != NULL)
			hint = token->hint;
		if (token->problem != NULL)
			detail = NULL;		/* whatever was expected, it is not there yet */
		problem = psprintf("%s at or near \"%s\" (character %d)",
						   token->problem != NULL ? token->problem : "syntax error in filter",
						   excerpt(token->start, token->length), character);
	}
	else if (token->kind == TOKEN_END && parser->consumed == NULL)
		problem = pstrdup("filter is empty");
	else if (token->kind == TOKEN_END)
		problem = psprintf("syntax error in filter at its end (character %d)", character);
	else
		problem = psprintf("syntax error in filter at or near \"%s\" (character %d)",
						   excerpt(token->start, token->length), character);

	ereturn(parser->escontext, NULL,
			(errcode(ERRCODE_SYNTAX_ERROR),
			 errmsg_internal("%s", problem),
			 detail != NULL ? errdetail_internal("%s", detail) : 0,
			 hint != NULL ? errhint("%s", hint) : 0,
			 show_caret(parser, character)));
}

/* The token at 'place' is well-formed, but cannot be meant so. */
static FilterNode *
fail_at(Parser *parser, const char *place, const char *problem,
		const char *detail, const char *hint)
{
	int			character = character_number(parser, place);
	FilterToken token;

	(void) filter_scan(place, &token);
	ereturn(parser->escontext, NULL,
			(errcode(ERRCODE_SYNTAX_ERROR),
			 errmsg_internal("%s at or near \"%s\" (character %d)", problem,
							 excerpt(token.start, token.length), character),
			 errdetail_internal("%s", detail),
			 hint != NULL ? errhint("%s", hint) : 0,
			 show_caret(parser, character)));
}

/* Expected "and", "or" or the end of the filter. */
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

/* The words of an error, shortened if they are many. */
static char *
excerpt(const char *start, int length)
{
	const int	longest = 60;

	if (length <= longest)
		return pnstrdup(start, length);
	return psprintf("%s...", pnstrdup(start, pg_mbcliplen(start, length, longest)));
}

static int
character_number(Parser *parser, const char *place)
{
	return pg_mbstrlen_with_len(parser->text, place - parser->text) + 1;
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

/* The token after n others. */
static FilterToken *
peek(Parser *parser, int n)
{
	Assert(n < LOOKAHEAD);
	while (parser->ntokens <= n)
		parser->position = filter_scan(parser->position,
									   &parser->tokens[parser->ntokens++]);
	return &parser->tokens[n];
}

static bool
next_is(Parser *parser, int n, const char *word)
{
	return filter_token_is(peek(parser, n), word);
}

static void
advance(Parser *parser)
{
	FilterToken *token = peek(parser, 0);

	parser->consumed = token->start + token->length;
	parser->ntokens--;
	memmove(parser->tokens, parser->tokens + 1,
			parser->ntokens * sizeof(FilterToken));
}

static bool
accept(Parser *parser, const char *word)
{
	if (!next_is(parser, 0, word))
		return false;
	advance(parser);
	return true;
}

static bool
expect(Parser *parser, const char *word)
{
	if (accept(parser, word))
		return true;
	(void) fail(parser, word, NULL, NULL);
	return false;
}

static int
location_of(Parser *parser)
{
	return peek(parser, 0)->start - parser->text;
}

static FilterNode *
make(FilterOp op, int location, FilterNode *a, FilterNode *b, FilterNode *c)
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
