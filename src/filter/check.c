/*-------------------------------------------------------------------------
 *
 * check.c
 *	  Is it a node that the parser could have made?
 *
 *		IN(COLUMN "city")		"has a wrong number of arguments"
 *		EQ(STRING "a", STRING "b")	"has no column, so that it is the same
 *								for every row"
 *
 * Bytes and rule trees make nodes without the parser, and are checked here,
 * one node at a time, arguments first.  What each op takes stands in
 * filter_ops.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"

#include "filter/filter_private.h"

static const char *check_text(const FilterNode *node);
static const char *check_detail(const FilterNode *node);
static bool is_count(const char *text);
static bool is_event_op(const FilterNode *node);
static bool contains_event_op(const FilterNode *node);
static FilterNode *string_as_column(const FilterNode *node, void *context);

const char *
filter_check_node(const FilterNode *node)
{
	const FilterOpInfo *info = &filter_ops[node->op];
	const char *problem;

	if (node->nargs < info->min_args ||
		(info->max_args >= 0 && node->nargs > info->max_args))
		return "has a wrong number of arguments";
	for (int i = 0; i < node->nargs; i++)
	{
		if (!op_is(node->args[i], filter_arg_kinds(node->op, i)))
			return "has an argument of a wrong kind";
	}
	if ((problem = check_text(node)) != NULL ||
		(problem = check_detail(node)) != NULL)
		return problem;
	if (filter_is_fixed(node))
		return "has no column, so that it is the same for every row";

	switch (node->op)
	{
		case FILTER_AND:
		case FILTER_OR:
			for (int i = 0; i < node->nargs; i++)
			{
				if (node->args[i]->op == node->op)
					return "is nested in one of its own kind";
			}
			break;
		case FILTER_NOT:
			if (node->args[0]->op == FILTER_NOT)
				return "is nested in one of its own kind";
			break;
		case FILTER_AT_LEAST:
			if (atoi(node->text) > node->nargs)
				return "asks for more filters than it has";
			break;
		case FILTER_AGGREGATE:
			if (node->args[1]->op == FILTER_NONE)
			{
				if (node->detail != 0 ||
					filter_aggregate_needs_value(node->text))
					return "lacks a value";
			}
			else if (filter_first_column(node->args[1]) == NULL)
				return "has a value without a column";
			if (contains_event_op(node->args[1]) ||
				contains_event_op(node->args[2]))
				return "contains another aggregate";
			break;
		case FILTER_DID:
			if (contains_event_op(node->args[1]))
				return "contains another aggregate";
			break;
		case FILTER_OF:
			if (node->args[0]->op != FILTER_COLUMN)
				return "has no column";
			break;
		case FILTER_CASE:
			for (int i = 0; i < node->nargs; i++)
			{
				bool		last = (i == node->nargs - 1);

				if ((node->args[i]->op == FILTER_WHEN) == last)
					return "has its values in a wrong order";
			}
			break;
		default:
			break;
	}
	return NULL;
}

/* check_text() returns what is wrong with the text of a node, or NULL. */
static const char *
check_text(const FilterNode *node)
{
	const char *text = node->text;
	FilterTextRule rule = filter_ops[node->op].text;
	const char *digits;
	char	   *canonical;

	if (rule == TEXT_ABSENT ||
		(rule == TEXT_TIMES && node->detail == FILTER_TIMES_ANY))
		return text == NULL ? NULL : "has a text";
	if (text == NULL)
		return "lacks a text";

	switch (rule)
	{
		case TEXT_ABSENT:
		case TEXT_ANY:
			break;
		case TEXT_NAME:
			if (*text == '\0')
				return "has an empty name";
			break;
		case TEXT_NUMBER:
			digits = (*text == '-') ? text + 1 : text;
			canonical = filter_number(digits, strlen(digits), *text == '-');
			if (canonical == NULL || strcmp(canonical, text) != 0)
				return "is not a number in canonical notation";
			break;
		case TEXT_COUNT:
			if (!is_count(text) || *text == '0')
				return "is not a whole number above zero";
			break;
		case TEXT_TIMES:
			if (!is_count(text))
				return "is not a whole number";
			if (node->detail == FILTER_TIMES_AT_LEAST &&
				(strcmp(text, "0") == 0 || strcmp(text, "1") == 0))
				return "has a count that is not canonical";
			break;
		case TEXT_FUNCTION:
			if (!filter_word_plain(text) || filter_word_reserved(text) ||
				filter_find_word(filter_aggregates, text) >= 0 ||
				filter_word_no_function(text))
				return "has a name that is no function's";
			break;
		case TEXT_AGGREGATE:
			if (filter_find_word(filter_aggregates, text) < 0)
				return "has a name that is no aggregate's";
			break;
	}
	return NULL;
}

/* check_detail() returns what is wrong with the detail of a node, or NULL. */
static const char *
check_detail(const FilterNode *node)
{
	int			detail = node->detail;
	bool		valid = false;

	switch (filter_ops[node->op].detail)
	{
		case DETAIL_ZERO:
			valid = (detail == 0);
			break;
		case DETAIL_DISTINCT:
			valid = (detail <= 1);
			break;
		case DETAIL_UNIT:
			valid = (detail <= FILTER_YEAR);
			break;
		case DETAIL_PERIOD:
			valid = (FILTER_PERIOD_WHICH(detail) <= FILTER_FOLLOWING &&
					 FILTER_PERIOD_UNIT(detail) >= FILTER_DAY);
			break;
		case DETAIL_THIS_PERIOD:
			valid = (FILTER_PERIOD_WHICH(detail) == FILTER_THIS &&
					 FILTER_PERIOD_UNIT(detail) >= FILTER_DAY);
			break;
		case DETAIL_TIMES:
			valid = (detail <= FILTER_TIMES_EXACTLY);
			break;
		case DETAIL_COMPARE:
			valid = (detail <= FILTER_COMPARE_GE);
			break;
	}
	return valid ? NULL : "has an unknown detail";
}

/* A whole number as we write it. */
static bool
is_count(const char *text)
{
	size_t		length = strlen(text);

	return length >= 1 && length <= FILTER_MAX_COUNT_DIGITS &&
		strspn(text, "0123456789") == length &&
		(text[0] != '0' || length == 1);
}

static bool
is_event_op(const FilterNode *node)
{
	return node->op == FILTER_AGGREGATE || node->op == FILTER_DID;
}

/*
 * Aggregates do not nest.  The nodes within one were checked before, so the
 * search need not enter them.
 */
static bool
contains_event_op(const FilterNode *node)
{
	check_stack_depth();

	if (is_event_op(node))
		return true;
	for (int i = 0; i < node->nargs; i++)
	{
		if (contains_event_op(node->args[i]))
			return true;
	}
	return false;
}

const FilterNode *
filter_first_column(const FilterNode *operand)
{
	check_stack_depth();

	if (operand->op == FILTER_COLUMN)
		return operand;
	for (int i = 0; i < operand->nargs; i++)
	{
		const FilterNode *found = filter_first_column(operand->args[i]);

		if (found != NULL)
			return found;
	}
	return NULL;
}

bool
filter_is_fixed(const FilterNode *condition)
{
	int			compared = 1;	/* arguments that are no literals by syntax */

	if (condition->op == FILTER_NOT)
		condition = condition->args[0];
	if (!filter_op_has_operand(condition->op))
		return false;
	if (filter_ops[condition->op].shape == SHAPE_COMPARISON ||
		filter_ops[condition->op].shape == SHAPE_BETWEEN)
		compared = condition->nargs;
	for (int i = 0; i < compared; i++)
	{
		if (filter_differs(condition->args[i]))
			return false;
	}
	return true;
}

bool
filter_reads_row(const FilterNode *node)
{
	return node->op == FILTER_COLUMN || node->op == FILTER_AGGREGATE ||
		node->op == FILTER_DID || node->op == FILTER_IN_AUDIENCE ||
		node->op == FILTER_BUCKET;
}

bool
filter_differs(const FilterNode *operand)
{
	check_stack_depth();

	if (filter_reads_row(operand) || operand->op == FILTER_NOW ||
		operand->op == FILTER_TODAY)
		return true;
	for (int i = 0; i < operand->nargs; i++)
	{
		if (filter_differs(operand->args[i]))
			return true;
	}
	return false;
}

FilterNode *
filter_string_as_column(const FilterNode *condition)
{
	bool		found = false;
	FilterNode *meant = filter_rewrite(condition, string_as_column, &found);

	return found ? meant : NULL;
}

/* FilterReplace: the first string that reads like a name; bool *context */
static FilterNode *
string_as_column(const FilterNode *node, void *context)
{
	bool	   *found = context;

	if (*found || node->op != FILTER_STRING ||
		!filter_is_word_start(*node->text))
		return NULL;
	*found = true;
	return filter_node(FILTER_COLUMN, node->text, -1);
}
