/*-------------------------------------------------------------------------
 *
 * ops.c
 *	  What does the grammar say of each op?
 *
 *		FILTER_BETWEEN	three operands, no text, no detail; written
 *						"a between b and c", and "a not between b and c"
 *						for its NOT; "between" and "notBetween" in json
 *
 * A new op is a new row here, at the end, one in compile.c that says what it
 * means, and a rule of its own in parse*.c and print.c only if none of the
 * shapes fits.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "parser/scansup.h"

#include "filter/filter_private.h"

#define OPERAND			KIND_OPERAND
#define LITERAL			(KIND_OPERAND | KIND_LITERAL)
#define BOOLEAN			(KIND_OPERAND | KIND_FILTER)
#define OPTIONAL(kind)	((kind) | KIND_NONE)

#define NO_ARGS			0, 0, {0}
#define ONE(a)			1, 1, {(a)}
#define TWO(a, b)		2, 2, {(a), (b)}
#define THREE(a, b, c)	3, 3, {(a), (b), (c)}
#define MANY(n, a, b)	(n), -1, {(a), (b), (b), (b)}

#define PREDICATE		KIND_FILTER, PRECEDENCE_PREDICATE
#define TIME_PREDICATE	KIND_FILTER | KIND_TIME, PRECEDENCE_PREDICATE
#define PRIMARY			PRECEDENCE_PRIMARY

const FilterOpInfo filter_ops[FILTER_OP_COUNT] = {
	[FILTER_NONE] = {"none", KIND_NONE, PRIMARY, SHAPE_OTHER,
		NULL, NULL, NULL, NULL, TEXT_ABSENT, DETAIL_ZERO, NO_ARGS},

	[FILTER_COLUMN] = {"column", BOOLEAN, PRIMARY, SHAPE_OTHER,
		NULL, NULL, NULL, NULL, TEXT_NAME, DETAIL_ZERO,
		MANY(0, KIND_WORD, KIND_WORD)},
	[FILTER_WORD] = {"word", KIND_WORD, PRIMARY, SHAPE_OTHER,
		NULL, NULL, NULL, NULL, TEXT_NAME, DETAIL_ZERO, NO_ARGS},
	[FILTER_STRING] = {"string", LITERAL | KIND_STRING, PRIMARY, SHAPE_OTHER,
		NULL, NULL, NULL, NULL, TEXT_ANY, DETAIL_ZERO, NO_ARGS},
	[FILTER_NUMBER] = {"number", LITERAL | KIND_NUMBER, PRIMARY, SHAPE_OTHER,
		NULL, NULL, NULL, NULL, TEXT_NUMBER, DETAIL_ZERO, NO_ARGS},
	[FILTER_TRUE] = {"true", LITERAL | KIND_FILTER, PRIMARY, SHAPE_ALONE,
		"true", NULL, NULL, NULL, TEXT_ABSENT, DETAIL_ZERO, NO_ARGS},
	[FILTER_FALSE] = {"false", LITERAL | KIND_FILTER, PRIMARY, SHAPE_ALONE,
		"false", NULL, NULL, NULL, TEXT_ABSENT, DETAIL_ZERO, NO_ARGS},
	[FILTER_NOW] = {"now", OPERAND, PRIMARY, SHAPE_ALONE,
		"now", NULL, NULL, NULL, TEXT_ABSENT, DETAIL_ZERO, NO_ARGS},
	[FILTER_TODAY] = {"today", OPERAND, PRIMARY, SHAPE_ALONE,
		"today", NULL, NULL, NULL, TEXT_ABSENT, DETAIL_ZERO, NO_ARGS},
	[FILTER_SPAN] = {"span", OPERAND | KIND_SPAN, PRIMARY, SHAPE_OTHER,
		NULL, NULL, NULL, NULL, TEXT_COUNT, DETAIL_UNIT, NO_ARGS},
	[FILTER_ADD] = {"add", OPERAND, PRECEDENCE_SUM, SHAPE_ARITHMETIC,
		"+", NULL, NULL, NULL, TEXT_ABSENT, DETAIL_ZERO,
		TWO(OPERAND, OPERAND)},
	[FILTER_SUBTRACT] = {"subtract", OPERAND, PRECEDENCE_SUM, SHAPE_ARITHMETIC,
		"-", NULL, NULL, NULL, TEXT_ABSENT, DETAIL_ZERO,
		TWO(OPERAND, OPERAND)},
	[FILTER_MULTIPLY] = {"multiply", OPERAND, PRECEDENCE_PRODUCT,
		SHAPE_ARITHMETIC, "*", NULL, NULL, NULL, TEXT_ABSENT, DETAIL_ZERO,
		TWO(OPERAND, OPERAND)},
	[FILTER_DIVIDE] = {"divide", OPERAND, PRECEDENCE_PRODUCT, SHAPE_ARITHMETIC,
		"/", NULL, NULL, NULL, TEXT_ABSENT, DETAIL_ZERO,
		TWO(OPERAND, OPERAND)},
	[FILTER_FUNCTION] = {"function", BOOLEAN, PRIMARY, SHAPE_OTHER,
		NULL, NULL, NULL, NULL, TEXT_FUNCTION, DETAIL_ZERO,
		MANY(1, OPERAND, OPERAND)},
	[FILTER_AGGREGATE] = {"aggregate", BOOLEAN, PRIMARY, SHAPE_OTHER,
		NULL, NULL, NULL, NULL, TEXT_AGGREGATE, DETAIL_DISTINCT, 4, 4,
			{KIND_WORD, OPTIONAL(OPERAND), OPTIONAL(KIND_FILTER | KIND_OF),
			OPTIONAL(KIND_WINDOW)}},

	[FILTER_WINDOW_LAST] = {"window last", KIND_WINDOW, PRIMARY, SHAPE_OTHER,
		"in last", NULL, NULL, NULL, TEXT_ABSENT, DETAIL_ZERO, ONE(KIND_SPAN)},
	[FILTER_WINDOW_BETWEEN] = {"window between", KIND_WINDOW, PRIMARY,
		SHAPE_OTHER,
		"between", NULL, NULL, NULL, TEXT_ABSENT, DETAIL_ZERO,
		TWO(KIND_SPAN, KIND_SPAN)},
	[FILTER_WINDOW_SINCE] = {"window since", KIND_WINDOW, PRIMARY, SHAPE_OTHER,
		"since", NULL, NULL, NULL, TEXT_ABSENT, DETAIL_ZERO,
		ONE(KIND_LITERAL)},
	[FILTER_WINDOW_BEFORE] = {"window before", KIND_WINDOW, PRIMARY,
		SHAPE_OTHER, "before", NULL, NULL, NULL, TEXT_ABSENT, DETAIL_ZERO,
		ONE(KIND_LITERAL)},
	[FILTER_WINDOW_PERIOD] = {"window period", KIND_WINDOW, PRIMARY,
		SHAPE_OTHER,
		"in", NULL, NULL, NULL, TEXT_ABSENT, DETAIL_PERIOD, NO_ARGS},

	[FILTER_EQ] = {"equal", PREDICATE, SHAPE_COMPARISON,
		"=", "!=", "=", "!=", TEXT_ABSENT, DETAIL_ZERO, TWO(OPERAND, OPERAND)},
	[FILTER_LT] = {"less", PREDICATE, SHAPE_COMPARISON,
		"<", NULL, "<", NULL, TEXT_ABSENT, DETAIL_ZERO, TWO(OPERAND, OPERAND)},
	[FILTER_LE] = {"less or equal", PREDICATE, SHAPE_COMPARISON,
		"<=", NULL, "<=", NULL, TEXT_ABSENT, DETAIL_ZERO,
		TWO(OPERAND, OPERAND)},
	[FILTER_GT] = {"greater", PREDICATE, SHAPE_COMPARISON,
		">", NULL, ">", NULL, TEXT_ABSENT, DETAIL_ZERO, TWO(OPERAND, OPERAND)},
	[FILTER_GE] = {"greater or equal", PREDICATE, SHAPE_COMPARISON,
		">=", NULL, ">=", NULL, TEXT_ABSENT, DETAIL_ZERO,
		TWO(OPERAND, OPERAND)},
	[FILTER_BETWEEN] = {"between", PREDICATE, SHAPE_BETWEEN,
		"between", "not between", "between", "notBetween",
		TEXT_ABSENT, DETAIL_ZERO, THREE(OPERAND, OPERAND, OPERAND)},
	[FILTER_IN] = {"in", PREDICATE, SHAPE_LIST,
		"in", "not in", "in", "notIn",
		TEXT_ABSENT, DETAIL_ZERO, MANY(2, OPERAND, KIND_LITERAL)},
	[FILTER_CONTAINS] = {"contains", PREDICATE, SHAPE_VALUE,
		"contains", "not contains", "contains", "doesNotContain",
		TEXT_ABSENT, DETAIL_ZERO, TWO(OPERAND, KIND_LITERAL)},
	[FILTER_CONTAINS_ANY] = {"contains any", PREDICATE, SHAPE_LIST,
		"contains any", "not contains any", "containsAny", "doesNotContainAny",
		TEXT_ABSENT, DETAIL_ZERO, MANY(3, OPERAND, KIND_LITERAL)},
	[FILTER_CONTAINS_ALL] = {"contains all", PREDICATE, SHAPE_LIST,
		"contains all", "not contains all", "containsAll", "doesNotContainAll",
		TEXT_ABSENT, DETAIL_ZERO, MANY(3, OPERAND, KIND_LITERAL)},
	[FILTER_STARTS_WITH] = {"starts with", PREDICATE, SHAPE_VALUE,
		"starts with", "not starts with", "beginsWith", "doesNotBeginWith",
		TEXT_ABSENT, DETAIL_ZERO, TWO(OPERAND, KIND_STRING)},
	[FILTER_ENDS_WITH] = {"ends with", PREDICATE, SHAPE_VALUE,
		"ends with", "not ends with", "endsWith", "doesNotEndWith",
		TEXT_ABSENT, DETAIL_ZERO, TWO(OPERAND, KIND_STRING)},
	[FILTER_LIKE] = {"like", PREDICATE, SHAPE_VALUE,
		"like", "not like", "like", "notLike",
		TEXT_ABSENT, DETAIL_ZERO, TWO(OPERAND, KIND_STRING)},
	[FILTER_ILIKE] = {"ilike", PREDICATE, SHAPE_VALUE,
		"ilike", "not ilike", "ilike", "notIlike",
		TEXT_ABSENT, DETAIL_ZERO, TWO(OPERAND, KIND_STRING)},
	[FILTER_MATCHES] = {"matches", PREDICATE, SHAPE_VALUE,
		"matches", "not matches", "matches", "doesNotMatch",
		TEXT_ABSENT, DETAIL_ZERO, TWO(OPERAND, KIND_STRING)},
	[FILTER_IS_SET] = {"is set", PREDICATE, SHAPE_POSTFIX,
		"is set", "is not set", "notNull", "null",
		TEXT_ABSENT, DETAIL_ZERO, ONE(OPERAND)},
	[FILTER_IS_EMPTY] = {"is empty", PREDICATE, SHAPE_POSTFIX,
		"is empty", "is not empty", "empty", "notEmpty",
		TEXT_ABSENT, DETAIL_ZERO, ONE(OPERAND)},
	[FILTER_IS_TRUE] = {"is true", PREDICATE, SHAPE_POSTFIX,
		"is true", "is not true", "isTrue", "isNotTrue",
		TEXT_ABSENT, DETAIL_ZERO, ONE(OPERAND)},
	[FILTER_IS_FALSE] = {"is false", PREDICATE, SHAPE_POSTFIX,
		"is false", "is not false", "isFalse", "isNotFalse",
		TEXT_ABSENT, DETAIL_ZERO, ONE(OPERAND)},
	[FILTER_IN_LAST] = {"in last", TIME_PREDICATE, SHAPE_SPAN,
		"in last", "not in last", "inLast", "notInLast",
		TEXT_ABSENT, DETAIL_ZERO, TWO(OPERAND, KIND_SPAN)},
	[FILTER_IN_NEXT] = {"in next", TIME_PREDICATE, SHAPE_SPAN,
		"in next", "not in next", "inNext", "notInNext",
		TEXT_ABSENT, DETAIL_ZERO, TWO(OPERAND, KIND_SPAN)},
	[FILTER_MORE_THAN_AGO] = {"more than ago", TIME_PREDICATE, SHAPE_SPAN_AGO,
		"more than", NULL, "moreThanAgo", NULL,
		TEXT_ABSENT, DETAIL_ZERO, TWO(OPERAND, KIND_SPAN)},
	[FILTER_LESS_THAN_AGO] = {"less than ago", TIME_PREDICATE, SHAPE_SPAN_AGO,
		"less than", NULL, "lessThanAgo", NULL,
		TEXT_ABSENT, DETAIL_ZERO, TWO(OPERAND, KIND_SPAN)},
	[FILTER_IN_PERIOD] = {"in period", TIME_PREDICATE, SHAPE_PERIOD,
		"in", "not in", "inPeriod", "notInPeriod",
		TEXT_ABSENT, DETAIL_PERIOD, ONE(OPERAND)},
	[FILTER_BEFORE] = {"before", TIME_PREDICATE, SHAPE_VALUE,
		"before", NULL, "before", NULL,
		TEXT_ABSENT, DETAIL_ZERO, TWO(OPERAND, KIND_LITERAL)},
	[FILTER_AFTER] = {"after", TIME_PREDICATE, SHAPE_VALUE,
		"after", NULL, "after", NULL,
		TEXT_ABSENT, DETAIL_ZERO, TWO(OPERAND, KIND_LITERAL)},
	[FILTER_ON] = {"on", TIME_PREDICATE, SHAPE_VALUE,
		"on", NULL, "on", NULL,
		TEXT_ABSENT, DETAIL_ZERO, TWO(OPERAND, KIND_LITERAL)},
	[FILTER_ANNIVERSARY_TODAY] = {"anniversary today", TIME_PREDICATE,
		SHAPE_ANNIVERSARY,
		"today", NULL, "anniversaryToday", NULL, TEXT_ABSENT, DETAIL_ZERO,
		ONE(OPERAND)},
	[FILTER_ANNIVERSARY_LAST] = {"anniversary in last", TIME_PREDICATE,
		SHAPE_ANNIVERSARY,
		"in last", NULL, "anniversaryInLast", NULL, TEXT_ABSENT, DETAIL_ZERO,
		TWO(OPERAND, KIND_SPAN)},
	[FILTER_ANNIVERSARY_NEXT] = {"anniversary in next", TIME_PREDICATE,
		SHAPE_ANNIVERSARY,
		"in next", NULL, "anniversaryInNext", NULL, TEXT_ABSENT, DETAIL_ZERO,
		TWO(OPERAND, KIND_SPAN)},
	[FILTER_ANNIVERSARY_PERIOD] = {"anniversary in period", TIME_PREDICATE,
		SHAPE_ANNIVERSARY,
		"in", NULL, "anniversaryInPeriod", NULL, TEXT_ABSENT,
		DETAIL_THIS_PERIOD, ONE(OPERAND)},
	[FILTER_DID] = {"did", PREDICATE, SHAPE_OTHER,
		"did", "did not", NULL, NULL, TEXT_TIMES, DETAIL_TIMES,
		THREE(KIND_WORD, OPTIONAL(KIND_FILTER | KIND_OF),
			OPTIONAL(KIND_WINDOW))},
	[FILTER_IN_AUDIENCE] = {"in audience", PREDICATE, SHAPE_OTHER,
		"in audience", "not in audience", NULL, NULL, TEXT_NAME, DETAIL_ZERO,
		NO_ARGS},
	[FILTER_BUCKET] = {"bucket", PREDICATE, SHAPE_OTHER,
		"bucket", NULL, NULL, NULL, TEXT_ANY, DETAIL_COMPARE,
			ONE(KIND_NUMBER)},

	[FILTER_AND] = {"and", KIND_FILTER, PRECEDENCE_AND, SHAPE_OTHER,
		"and", NULL, "and", NULL, TEXT_ABSENT, DETAIL_ZERO,
		MANY(2, KIND_FILTER, KIND_FILTER)},
	[FILTER_OR] = {"or", KIND_FILTER, PRECEDENCE_OR, SHAPE_OTHER,
		"or", NULL, "or", NULL, TEXT_ABSENT, DETAIL_ZERO,
		MANY(2, KIND_FILTER, KIND_FILTER)},
	[FILTER_NOT] = {"not", KIND_FILTER, PRECEDENCE_NOT, SHAPE_OTHER,
		"not", NULL, NULL, NULL, TEXT_ABSENT, DETAIL_ZERO, ONE(KIND_FILTER)},
	[FILTER_AT_LEAST] = {"at least", KIND_FILTER, PRIMARY, SHAPE_OTHER,
		"at least", NULL, "atLeast", NULL, TEXT_COUNT, DETAIL_ZERO,
		MANY(1, KIND_FILTER, KIND_FILTER)},

	[FILTER_CASE] = {"case", BOOLEAN, PRIMARY, SHAPE_OTHER,
		"case", NULL, NULL, NULL, TEXT_ABSENT, DETAIL_ZERO,
		MANY(2, KIND_WHEN, KIND_WHEN | OPTIONAL(OPERAND))},
	[FILTER_WHEN] = {"when", KIND_WHEN, PRIMARY, SHAPE_OTHER,
		"when", NULL, NULL, NULL, TEXT_ABSENT, DETAIL_ZERO,
		TWO(KIND_FILTER, OPERAND)},

	[FILTER_OF] = {"of", KIND_OF, PRIMARY, SHAPE_OTHER,
		"of", NULL, NULL, NULL, TEXT_ABSENT, DETAIL_ZERO,
		THREE(OPERAND, KIND_LITERAL, OPTIONAL(KIND_FILTER | KIND_OF))},

	[FILTER_WINDOW_SO_FAR] = {"window so far", KIND_WINDOW, PRIMARY,
		SHAPE_OTHER,
		"so far", NULL, NULL, NULL, TEXT_ABSENT, DETAIL_ZERO, NO_ARGS},
	[FILTER_WINDOW_TO_COME] = {"window to come", KIND_WINDOW, PRIMARY,
		SHAPE_OTHER,
		"to come", NULL, NULL, NULL, TEXT_ABSENT, DETAIL_ZERO, NO_ARGS},
	[FILTER_WINDOW_NEXT] = {"window next", KIND_WINDOW, PRIMARY, SHAPE_OTHER,
		"in next", NULL, NULL, NULL, TEXT_ABSENT, DETAIL_ZERO, ONE(KIND_SPAN)},
};

const char *const filter_units[] = {
	[FILTER_SECOND] = "second",
	[FILTER_MINUTE] = "minute",
	[FILTER_HOUR] = "hour",
	[FILTER_DAY] = "day",
	[FILTER_WEEK] = "week",
	[FILTER_MONTH] = "month",
	[FILTER_QUARTER] = "quarter",
	[FILTER_YEAR] = "year",
	NULL
};

const char *const filter_whiches[] = {
	[FILTER_THIS] = "this",
	[FILTER_PREVIOUS] = "last",
	[FILTER_FOLLOWING] = "next",
	NULL
};

const char *const filter_times[] = {
	[FILTER_TIMES_ANY] = "",
	[FILTER_TIMES_AT_LEAST] = "at least",
	[FILTER_TIMES_AT_MOST] = "at most",
	[FILTER_TIMES_EXACTLY] = "exactly",
	NULL
};

const char *const filter_compares[] = {
	[FILTER_COMPARE_LT] = "<",
	[FILTER_COMPARE_LE] = "<=",
	[FILTER_COMPARE_GT] = ">",
	[FILTER_COMPARE_GE] = ">=",
	NULL
};

const char *const filter_aggregates[] = {
	"count", "sum", "avg", "min", "max", "first", "last", "list",
	"most_frequent", "stddev", "exists", NULL
};

/* aggregates that may stand without a value: they ask for rows */
static const char *const row_aggregates[] = {"count", "exists", NULL};

/*
 * Words that are no column or function unless in backquotes.  Nothing is
 * called null: the error tells that "is not set" is meant.
 */
static const char *const reserved_words[] = {
	"and", "or", "not", "in", "is", "between", "like", "ilike", "where",
	"true", "false", "null", "now", "today", "did", NULL
};

/* words that are no functions: of our grammar, and of SQL's = any (...) */
static const char *const no_functions[] = {
	"bucket", "distinct", "any", "all", "some", NULL
};

/* words behind an operand that begin no condition on it */
static const char *const following_words[] = {
	"and", "or", "at", "exactly", "since", "where", NULL
};

static bool begins_with(const char *phrase, const char *word);

bool
filter_is_operand(const FilterNode *node)
{
	return op_is(node, KIND_OPERAND);
}

/* The kinds that argument 'number' of 'op' may have. */
uint16
filter_arg_kinds(FilterOp op, int number)
{
	return filter_ops[op].args[Min(number, MAX_ARG_KINDS - 1)];
}

int
filter_find_word(const char *const *words, const char *word)
{
	for (int i = 0; words[i] != NULL; i++)
	{
		if (strcmp(words[i], word) == 0)
			return i;
	}
	return -1;
}

char *
filter_period_words(int detail)
{
	return psprintf("%s %s", filter_whiches[FILTER_PERIOD_WHICH(detail)],
					filter_units[FILTER_PERIOD_UNIT(detail)]);
}

bool
filter_word_reserved(const char *word)
{
	return filter_find_word(reserved_words, word) >= 0;
}

/* "case" may stand before "when", where it would be the word of the grammar */
bool
filter_word_quoted(const char *word)
{
	return filter_word_reserved(word) ||
		strcmp(word, filter_ops[FILTER_CASE].spelling) == 0;
}

bool
filter_word_no_function(const char *word)
{
	return filter_find_word(no_functions, word) >= 0;
}

bool
filter_word_follows_operand(const char *word)
{
	if (filter_find_word(following_words, word) >= 0)
		return true;
	for (FilterOp op = 0; op < FILTER_OP_COUNT; op++)
	{
		if (filter_op_follows_operand(op) &&
			(begins_with(filter_ops[op].spelling, word) ||
			 begins_with(filter_ops[op].negated, word)))
			return true;
	}
	return false;
}

/* begins_with() says whether the first word of the phrase is this one. */
static bool
begins_with(const char *phrase, const char *word)
{
	int			length = strlen(word);

	return phrase != NULL && strncmp(phrase, word, length) == 0 &&
		(phrase[length] == ' ' || phrase[length] == '\0');
}

char *
filter_condition_words(void)
{
	StringInfoData words;

	initStringInfo(&words);
	for (int side = 0; side < 2; side++)
	{
		for (FilterOp op = 0; op < FILTER_OP_COUNT; op++)
		{
			const char *phrase = (side == 0) ? filter_ops[op].spelling :
				filter_ops[op].negated;

			if (filter_op_follows_operand(op) && phrase != NULL &&
				filter_is_word_start(*phrase))
				filter_add_word(&words, phrase, strcspn(phrase, " "));
		}
	}
	return words.data;
}

void
filter_add_word(StringInfo words, const char *word, int length)
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

/* Would the scanner read these characters as this one word? */
bool
filter_word_plain(const char *word)
{
	int			length = strlen(word);

	if (!filter_is_word_start(*word))
		return false;
	for (int i = 0; i < length; i++)
	{
		if (!filter_is_word_part(word[i]))
			return false;
	}
	return strcmp(downcase_identifier(word, length, false, false), word) == 0;
}

bool
filter_aggregate_needs_value(const char *name)
{
	return filter_find_word(row_aggregates, name) < 0;
}
