/*-------------------------------------------------------------------------
 *
 * print.c
 *	  What is the canonical text of a tree?
 *
 *		NOT(EQ(COLUMN a, STRING "x"))	-> a != "x"
 *
 * Reading the text back gives the same tree, and equal trees have equal
 * texts.  Parentheses stand only where the parser would else read something
 * different; strings take double quotes, since a filter often stands within
 * an SQL literal.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"

#include "filter/filter_private.h"

/* What follows the filter, at the same level of parentheses. */
typedef enum PrintBefore
{
	BEFORE_NOTHING,
	BEFORE_CONNECTIVE,			/* "and" or "or" */
	BEFORE_WINDOW				/* the window of the WHERE we are in */
} PrintBefore;

/* How a column is written within an aggregate or DID. */
typedef enum PrintColumns
{
	COLUMNS_PLAIN,
	COLUMNS_OF_VALUE,			/* always with the source */
	COLUMNS_OF_WHERE			/* with it if the parser would strip it */
} PrintColumns;

typedef struct Printer
{
	StringInfo	out;
	PrintColumns columns;
	const char *source;
} Printer;

static void print_filter(Printer *printer, const FilterNode *node,
						 FilterPrecedence lowest, PrintBefore before);
static void print_connective(Printer *printer, const FilterNode *node,
							 PrintBefore before);
static void print_not(Printer *printer, const FilterNode *node,
					  PrintBefore before);
static void print_at_least(Printer *printer, const FilterNode *node);
static void print_predicate(Printer *printer, const FilterNode *node,
							bool negated);
static void print_anniversary(Printer *printer, const FilterNode *node);
static void print_did(Printer *printer, const FilterNode *node, bool negated);
static void print_where(Printer *printer, const FilterNode *filter,
						const char *source, bool before_window);
static void print_of(Printer *printer, const FilterNode *node);
static void print_window(Printer *printer, const FilterNode *window);
static void print_operand(Printer *printer, const FilterNode *node,
						  FilterPrecedence lowest);
static void print_column(Printer *printer, const FilterNode *node);
static void print_case(Printer *printer, const FilterNode *node);
static void print_when(Printer *printer, const FilterNode *node);
static void print_function(Printer *printer, const FilterNode *node);
static void print_aggregate(Printer *printer, const FilterNode *node);
static void print_literals(Printer *printer, const FilterNode *node);
static void print_span(Printer *printer, const FilterNode *node);
static void print_period(Printer *printer, int detail);
static void print_quoted(StringInfo out, const char *text, char quote);
static void print_name(Printer *printer, const char *name, bool quoted);
static bool ends_open(const FilterNode *node);

char *
filter_print(const FilterNode *node)
{
	StringInfoData out;
	Printer		printer = {&out, COLUMNS_PLAIN, NULL};

	initStringInfo(&out);
	if (node->op == FILTER_NONE)
		return out.data;
	if (node->op == FILTER_WORD)
		print_name(&printer, node->text, false);
	else if (op_is(node, KIND_WINDOW))
		print_window(&printer, node);
	else if (node->op == FILTER_WHEN)
		print_when(&printer, node);
	else if (node->op == FILTER_OF)
		print_of(&printer, node);
	else if (op_is(node, KIND_FILTER))
		print_filter(&printer, node, PRECEDENCE_OR, BEFORE_NOTHING);
	else
		print_operand(&printer, node, PRECEDENCE_SUM);
	return out.data;
}

/* A filter that stands where one of precedence 'lowest' may stand bare. */
static void
print_filter(Printer *printer, const FilterNode *node, FilterPrecedence lowest,
			 PrintBefore before)
{
	bool		parentheses = (filter_ops[node->op].precedence < lowest);

	check_stack_depth();
	CHECK_FOR_INTERRUPTS();

	/* "paid in last 30 days" and "did order where a and b" read on */
	if (before == BEFORE_WINDOW && op_is(node, KIND_OPERAND))
		parentheses = true;
	if (before == BEFORE_CONNECTIVE && ends_open(node))
		parentheses = true;

	if (parentheses)
	{
		appendStringInfoChar(printer->out, '(');
		before = BEFORE_NOTHING;
	}

	if (node->op == FILTER_AND || node->op == FILTER_OR)
		print_connective(printer, node, before);
	else if (node->op == FILTER_NOT)
		print_not(printer, node, before);
	else if (node->op == FILTER_AT_LEAST)
		print_at_least(printer, node);
	else if (op_is(node, KIND_OPERAND))
		print_operand(printer, node, PRECEDENCE_SUM);
	else
		print_predicate(printer, node, false);

	if (parentheses)
		appendStringInfoChar(printer->out, ')');
}

/* print_connective() prints: a and b */
static void
print_connective(Printer *printer, const FilterNode *node, PrintBefore before)
{
	FilterPrecedence precedence = filter_ops[node->op].precedence;

	for (int i = 0; i < node->nargs; i++)
	{
		if (i > 0)
			appendStringInfo(printer->out, " %s ",
							 filter_ops[node->op].spelling);
		print_filter(printer, node->args[i], precedence + 1,
					 i + 1 < node->nargs ? BEFORE_CONNECTIVE : before);
	}
}

/* not in, is not set, did not: where there is no such spelling, not (...) */
static void
print_not(Printer *printer, const FilterNode *node, PrintBefore before)
{
	const FilterNode *filter = node->args[0];

	if (filter_ops[filter->op].negated != NULL)
	{
		print_predicate(printer, filter, true);
		return;
	}
	appendStringInfoString(printer->out, "not ");
	print_filter(printer, filter, PRECEDENCE_PRIMARY, before);
}

/* print_at_least() prints: at least 2 of (a, b, c) */
static void
print_at_least(Printer *printer, const FilterNode *node)
{
	appendStringInfo(printer->out, "%s %s of (", filter_ops[node->op].spelling,
					 node->text);
	for (int i = 0; i < node->nargs; i++)
	{
		if (i > 0)
			appendStringInfoString(printer->out, ", ");
		print_filter(printer, node->args[i], PRECEDENCE_OR, BEFORE_NOTHING);
	}
	appendStringInfoChar(printer->out, ')');
}

/*
 * print_predicate() prints a condition, or its NOT by a spelling of its own.
 */
static void
print_predicate(Printer *printer, const FilterNode *node, bool negated)
{
	const FilterOpInfo *info = &filter_ops[node->op];
	const char *spelling = negated ? info->negated : info->spelling;

	switch (node->op)
	{
		case FILTER_DID:
			print_did(printer, node, negated);
			return;
		case FILTER_IN_AUDIENCE:
			appendStringInfo(printer->out, "%s ", spelling);
			print_name(printer, node->text, false);
			return;
		case FILTER_BUCKET:
			appendStringInfo(printer->out, "%s(", spelling);
			print_quoted(printer->out, node->text, '"');
			appendStringInfo(printer->out, ") %s %s",
							 filter_compares[node->detail],
							 node->args[0]->text);
			return;
		default:
			break;
	}
	if (info->shape == SHAPE_ANNIVERSARY)
	{
		print_anniversary(printer, node);
		return;
	}

	print_operand(printer, node->args[0], PRECEDENCE_SUM);
	appendStringInfo(printer->out, " %s", spelling);
	switch (info->shape)
	{
		case SHAPE_COMPARISON:
		case SHAPE_VALUE:
			appendStringInfoChar(printer->out, ' ');
			print_operand(printer, node->args[1], PRECEDENCE_SUM);
			break;
		case SHAPE_BETWEEN:
			appendStringInfoChar(printer->out, ' ');
			print_operand(printer, node->args[1], PRECEDENCE_SUM);
			appendStringInfoString(printer->out, " and ");
			print_operand(printer, node->args[2], PRECEDENCE_SUM);
			break;
		case SHAPE_LIST:
			print_literals(printer, node);
			break;
		case SHAPE_POSTFIX:
			break;
		case SHAPE_SPAN:
		case SHAPE_SPAN_AGO:
			appendStringInfoChar(printer->out, ' ');
			print_span(printer, node->args[1]);
			if (info->shape == SHAPE_SPAN_AGO)
				appendStringInfoString(printer->out, " ago");
			break;
		case SHAPE_PERIOD:
			print_period(printer, node->detail);
			break;
		default:
			elog(ERROR, "unexpected shape of filter op %d", (int) node->op);
	}
}

/* print_anniversary() prints: anniversary of birthday in next 7 days */
static void
print_anniversary(Printer *printer, const FilterNode *node)
{
	appendStringInfoString(printer->out, "anniversary of ");
	print_operand(printer, node->args[0], PRECEDENCE_SUM);
	appendStringInfo(printer->out, " %s", filter_ops[node->op].spelling);
	if (node->op == FILTER_ANNIVERSARY_PERIOD)
		print_period(printer, node->detail);
	else if (node->nargs == 2)
	{
		appendStringInfoChar(printer->out, ' ');
		print_span(printer, node->args[1]);
	}
}

/* print_did() prints: did not orders at least 3 times in last 30 days */
static void
print_did(Printer *printer, const FilterNode *node, bool negated)
{
	const char *source = node->args[0]->text;

	appendStringInfo(printer->out, "%s ",
					 negated ? filter_ops[node->op].negated :
					 filter_ops[node->op].spelling);
	print_name(printer, source, filter_word_follows_operand(source));
	print_where(printer, node->args[1], source,
				node->args[2]->op != FILTER_NONE);
	if (node->detail != FILTER_TIMES_ANY)
		appendStringInfo(printer->out, " %s %s %s", filter_times[node->detail],
						 node->text,
						 strcmp(node->text, "1") == 0 ? "time" : "times");
	if (node->args[2]->op != FILTER_NONE)
	{
		appendStringInfoChar(printer->out, ' ');
		print_window(printer, node->args[2]);
	}
}

/*
 * print_where() prints OF, and WHERE and the filter of events, if there are
 * such.  'before_window': a window follows.
 */
static void
print_where(Printer *printer, const FilterNode *filter, const char *source,
			bool before_window)
{
	Printer		outer = *printer;

	printer->columns = COLUMNS_OF_WHERE;
	printer->source = source;
	for (; filter->op == FILTER_OF; filter = filter->args[2])
	{
		appendStringInfoChar(printer->out, ' ');
		print_of(printer, filter);
	}
	if (filter->op != FILTER_NONE)
	{
		appendStringInfoString(printer->out, " where ");
		print_filter(printer, filter, PRECEDENCE_OR,
					 before_window ? BEFORE_WINDOW : BEFORE_NOTHING);
	}
	printer->columns = outer.columns;
	printer->source = outer.source;
}

/* print_of() prints: of campaign "x", but not what follows it. */
static void
print_of(Printer *printer, const FilterNode *node)
{
	appendStringInfo(printer->out, "%s ", filter_ops[node->op].spelling);
	print_operand(printer, node->args[0], PRECEDENCE_SUM);
	appendStringInfoChar(printer->out, ' ');
	print_operand(printer, node->args[1], PRECEDENCE_SUM);
}

/* print_window() prints: in last 30 days, since "2026-01-01", so far ... */
static void
print_window(Printer *printer, const FilterNode *window)
{
	appendStringInfoString(printer->out, filter_ops[window->op].spelling);
	if (window->op == FILTER_WINDOW_PERIOD)
	{
		print_period(printer, window->detail);
		return;
	}
	if (window->nargs == 0)
		return;
	appendStringInfoChar(printer->out, ' ');
	print_operand(printer, window->args[0], PRECEDENCE_SUM);
	if (window->op == FILTER_WINDOW_BETWEEN)
	{
		appendStringInfoString(printer->out, " and ");
		print_span(printer, window->args[1]);
		appendStringInfoString(printer->out, " ago");
	}
}

/*
 * print_operand() prints an operand, in parentheses if its precedence is below
 * 'lowest'.
 */
static void
print_operand(Printer *printer, const FilterNode *node,
			  FilterPrecedence lowest)
{
	const FilterOpInfo *info = &filter_ops[node->op];
	bool		parentheses = (info->precedence < lowest);

	check_stack_depth();

	if (parentheses)
		appendStringInfoChar(printer->out, '(');

	switch (node->op)
	{
		case FILTER_COLUMN:
			print_column(printer, node);
			break;
		case FILTER_STRING:
			print_quoted(printer->out, node->text, '"');
			break;
		case FILTER_NUMBER:
			appendStringInfoString(printer->out, node->text);
			break;
		case FILTER_SPAN:
			print_span(printer, node);
			break;
		case FILTER_CASE:
			print_case(printer, node);
			break;
		case FILTER_FUNCTION:
			print_function(printer, node);
			break;
		case FILTER_AGGREGATE:
			print_aggregate(printer, node);
			break;
		default:
			if (info->shape == SHAPE_ALONE)
				appendStringInfoString(printer->out, info->spelling);
			else if (info->shape == SHAPE_ARITHMETIC)
			{
				/* to the left: a - (b - c) needs its parentheses */
				print_operand(printer, node->args[0], info->precedence);
				appendStringInfo(printer->out, " %s ", info->spelling);
				print_operand(printer, node->args[1], info->precedence + 1);
			}
			else
				elog(ERROR, "filter op %d is no operand", (int) node->op);
			break;
	}

	if (parentheses)
		appendStringInfoChar(printer->out, ')');
}

/*
 * print_column() prints a name with its keys, in an aggregate with its source.
 */
static void
print_column(Printer *printer, const FilterNode *node)
{
	bool		prefixed = false;

	if (printer->columns == COLUMNS_OF_VALUE)
		prefixed = true;
	else if (printer->columns == COLUMNS_OF_WHERE)
		prefixed = (node->nargs > 0 &&
					strcmp(node->text, printer->source) == 0);

	if (prefixed)
	{
		/* the scanner's "distinct" stands before a value, too */
		print_name(printer, printer->source,
				   filter_word_reserved(printer->source) ||
				   strcmp(printer->source, "distinct") == 0);
		appendStringInfoChar(printer->out, '.');
		print_name(printer, node->text, false);
	}
	else
		print_name(printer, node->text, filter_word_quoted(node->text));

	for (int i = 0; i < node->nargs; i++)
	{
		appendStringInfoChar(printer->out, '.');
		print_name(printer, node->args[i]->text, false);
	}
}

/* print_case() prints: case when a > 1 then "b" else "c" end */
static void
print_case(Printer *printer, const FilterNode *node)
{
	const FilterNode *otherwise = node->args[node->nargs - 1];

	appendStringInfoString(printer->out, "case");
	for (int i = 0; i < node->nargs - 1; i++)
	{
		appendStringInfoChar(printer->out, ' ');
		print_when(printer, node->args[i]);
	}
	if (otherwise->op != FILTER_NONE)
	{
		appendStringInfoString(printer->out, " else ");
		print_operand(printer, otherwise, PRECEDENCE_SUM);
	}
	appendStringInfoString(printer->out, " end");
}

/* print_when() prints: when a > 1 then "b" */
static void
print_when(Printer *printer, const FilterNode *node)
{
	appendStringInfoString(printer->out, "when ");
	print_filter(printer, node->args[0], PRECEDENCE_OR, BEFORE_NOTHING);
	appendStringInfoString(printer->out, " then ");
	print_operand(printer, node->args[1], PRECEDENCE_SUM);
}

/* print_function() prints: lower(city) */
static void
print_function(Printer *printer, const FilterNode *node)
{
	appendStringInfo(printer->out, "%s(", node->text);
	for (int i = 0; i < node->nargs; i++)
	{
		if (i > 0)
			appendStringInfoString(printer->out, ", ");
		print_operand(printer, node->args[i], PRECEDENCE_SUM);
	}
	appendStringInfoChar(printer->out, ')');
}

/* print_aggregate() prints: sum(orders.amount where paid in last 30 days) */
static void
print_aggregate(Printer *printer, const FilterNode *node)
{
	Printer		outer = *printer;
	const char *source = node->args[0]->text;

	appendStringInfo(printer->out, "%s(%s", node->text,
					 node->detail != 0 ? "distinct " : "");
	if (node->args[1]->op == FILTER_NONE)
		print_name(printer, source, filter_word_reserved(source) ||
				   strcmp(source, "distinct") == 0);
	else
	{
		printer->columns = COLUMNS_OF_VALUE;
		printer->source = source;
		print_operand(printer, node->args[1], PRECEDENCE_SUM);
		printer->columns = outer.columns;
		printer->source = outer.source;
	}
	print_where(printer, node->args[2], source,
				node->args[3]->op != FILTER_NONE);
	if (node->args[3]->op != FILTER_NONE)
	{
		appendStringInfoChar(printer->out, ' ');
		print_window(printer, node->args[3]);
	}
	appendStringInfoChar(printer->out, ')');
}

/* All arguments but the first. */
static void
print_literals(Printer *printer, const FilterNode *node)
{
	appendStringInfoString(printer->out, " (");
	for (int i = 1; i < node->nargs; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (i > 1)
			appendStringInfoString(printer->out, ", ");
		print_operand(printer, node->args[i], PRECEDENCE_SUM);
	}
	appendStringInfoChar(printer->out, ')');
}

static void
print_span(Printer *printer, const FilterNode *node)
{
	appendStringInfo(printer->out, "%s %s%s", node->text,
					 filter_units[node->detail],
					 strcmp(node->text, "1") == 0 ? "" : "s");
}

static void
print_period(Printer *printer, int detail)
{
	appendStringInfo(printer->out, " %s", filter_period_words(detail));
}

/* The quote itself is doubled. */
static void
print_quoted(StringInfo out, const char *text, char quote)
{
	appendStringInfoChar(out, quote);
	for (;;)
	{
		const char *end = strchr(text, quote);

		if (end == NULL)
			break;
		appendBinaryStringInfo(out, text, end + 1 - text);
		appendStringInfoChar(out, quote);
		text = end + 1;
	}
	appendStringInfoString(out, text);
	appendStringInfoChar(out, quote);
}

char *
filter_name(const char *name)
{
	if (filter_word_plain(name) && !filter_word_quoted(name) &&
		!filter_word_follows_operand(name))
		return pstrdup(name);
	return filter_quote(name, '`');
}

char *
filter_quote(const char *text, char quote)
{
	StringInfoData out;

	initStringInfo(&out);
	print_quoted(&out, text, quote);
	return out.data;
}

/* 'quoted': the word would mean something else here */
static void
print_name(Printer *printer, const char *name, bool quoted)
{
	if (quoted || !filter_word_plain(name))
		print_quoted(printer->out, name, '`');
	else
		appendStringInfoString(printer->out, name);
}

/* ends_open() says whether "and b" behind it would be part of its WHERE. */
static bool
ends_open(const FilterNode *node)
{
	const FilterNode *where;

	if (node->op == FILTER_NOT)
		node = node->args[0];
	if (node->op != FILTER_DID)
		return false;
	where = node->args[1];
	while (where->op == FILTER_OF)
		where = where->args[2];
	return where->op != FILTER_NONE && node->detail == FILTER_TIMES_ANY &&
		node->args[2]->op == FILTER_NONE;
}
