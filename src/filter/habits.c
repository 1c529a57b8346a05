/*-------------------------------------------------------------------------
 *
 * habits.c
 *	  What does a text mean that is written as in another language?
 *
 *		last_order_at in the last 30 days and city == "Aarhus"
 *					  ^
 *		ERROR:  syntax error in filter at or near "the" (character 18)
 *		HINT:  Write: last_order_at in last 30 days and city == "Aarhus"
 *
 * A language that reads like a sentence is written like many sentences, and
 * like SQL.  Where the parser finds no rule, we look around the word for one
 * of the forms below, and print the text as it has to be typed.  So the hint
 * can be followed as it is; another mistake is reported by the next error.
 *
 * A form is looked for at three anchors: where the clause begins ("count of
 * orders"), behind its operand or where an event has its window ("within 30
 * days"), and at the word that was not understood ("&&").
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "filter/parse_private.h"

/* where a form stands */
#define CLAUSE		0x01		/* where a filter begins */
#define BEHIND		0x02		/* behind the operand of a predicate */
#define WINDOW		0x04		/* where an event has its times and window */
#define HERE		0x08		/* at the word that was not understood */
#define EXAMPLE		0x10		/* what is right is shown by an example */

/*
 * 'written' are the words: alternatives are parted by bars, optional ones end
 * in a question mark.  In between stand
 *
 *		#	a number				%k	a literal
 *		%u	second ... year			%v	a literal or a name
 *		%p	day ... year			%n	a name, data.key as well
 *		%h	second, minute, hour	%d	a name with a source, orders.amount
 *		%l	literals in brackets	%c	a symbol that compares
 *		%s	a string, without its quotes
 *		.	the end of the clause
 *
 * and 'right' gives them back as $1, $2 ..., a number also as $1+ and $1-, the
 * next and the previous one.  A form that begins with "~" may have a "not"
 * before it, and then so has what is right.
 *
 * The first form that fits is taken, so longer ones come first.
 */
static const struct
{
	int			anchors;
	const char *written;
	const char *right;
}			habits[] = {
	/* a span up to now */
	{BEHIND | WINDOW, "~ is? in the? last|past|previous|preceding # %u",
		"in last $1 $2"},
	{BEHIND | WINDOW,
		"~ is? within|during the? last|past|previous|preceding # %u",
		"in last $1 $2"},
	{BEHIND | WINDOW,
		"~ is? within|during|in the? next|coming|following|upcoming # %u",
		"in next $1 $2"},
	{BEHIND | WINDOW, "~ within|during # %u", "in last $1 $2"},
	{BEHIND | WINDOW, "the? last|past|previous|preceding # %u",
		"in last $1 $2"},
	{BEHIND | WINDOW, "the? next|coming|following|upcoming # %u",
		"in next $1 $2"},
	{BEHIND | WINDOW, "since # %u ago?", "in last $1 $2"},
	{WINDOW, "after # %u ago", "in last $1 $2"},

	/* of the calendar */
	{BEHIND | WINDOW,
		"~ is? in|within|during the? last|past|previous|preceding %p",
		"in last $1"},
	{BEHIND | WINDOW,
		"~ is? in|within|during the? last|past|previous|preceding %h",
		"in last 1 $1"},
	{BEHIND | WINDOW, "~ is? in|within|during the? this|current %p",
		"in this $1"},
	{BEHIND | WINDOW,
		"~ is? in|within|during the? next|coming|following|upcoming %p",
		"in next $1"},
	{BEHIND | WINDOW, "the? last|past|previous %p", "in last $1"},
	{BEHIND | WINDOW, "the? this|current %p", "in this $1"},
	{BEHIND | WINDOW, "the? next|coming %p", "in next $1"},
	{BEHIND | WINDOW, "is|on? yesterday", "in last day"},
	{BEHIND | WINDOW, "is|on? today", "in this day"},
	{BEHIND | WINDOW, "is|on? tomorrow", "in next day"},

	{BEHIND, "before today", "< today"},
	{BEHIND, "before tomorrow", "< today + 1 day"},
	{BEHIND, "before now", "< now"},
	{BEHIND, "after today", ">= today + 1 day"},
	{BEHIND, "after yesterday", ">= today"},
	{BEHIND, "after now", "> now"},
	{BEHIND, "since today", ">= today"},
	{BEHIND, "since yesterday", ">= today - 1 day"},
	{WINDOW, "since|from today", "in this day"},
	{WINDOW, "in the? future", "to come"},
	{WINDOW, "from|after now on?", "to come"},
	{WINDOW, "still to come", "to come"},
	{WINDOW, "to date", "so far"},
	{WINDOW, "up? to|until|till now", "so far"},

	/* how long ago */
	{BEHIND, "is? older|longer|earlier|over|before than|then? # %u ago?",
		"more than $1 $2 ago"},
	{BEHIND, "is? newer|younger|later|under|after than|then? # %u ago?",
		"less than $1 $2 ago"},
	{BEHIND, "is? more than|then # %u ago?", "more than $1 $2 ago"},
	{BEHIND, "is? more than|then a|an|one %u ago?", "more than 1 $1 ago"},
	{BEHIND, "is? less than|then a|an|one %u ago?", "less than 1 $1 ago"},
	{BEHIND, "is? at least # %u ago", "more than $1 $2 ago"},
	{BEHIND, "is? at most # %u ago", "less than $1 $2 ago"},
	{BEHIND, "is? less than|then # %u ago?", "less than $1 $2 ago"},
	{BEHIND, "is? between # %u and # %u ago",
		"between now - $1 $2 and now - $3 $4"},
	{BEHIND, "%c # %u ago", "$1 now - $2 $3"},
	{CLAUSE | EXAMPLE, "# %u ago .", "last_order_at more than $1 $2 ago"},
	{CLAUSE | EXAMPLE, "in the? last|past # %u .",
		"last_order_at in last $1 $2"},
	{CLAUSE | EXAMPLE, "in the? next # %u .", "renewal_at in next $1 $2"},
	{WINDOW, "of|in %n =|==|is %k", "of $1 $2"},
	{WINDOW, "for|with|by|on|from|whose %n =|==|is? %k", "of $1 $2"},
	{WINDOW, "from|after %k", "since $1"},
	{WINDOW, "until|till %k", "before $1"},

	/* how often */
	{WINDOW, "more than # times", "at least $1+ times"},
	{WINDOW, "less|fewer than # times", "at most $1- times"},
	{WINDOW, "# or more times", "at least $1 times"},
	{WINDOW, "# times or more", "at least $1 times"},
	{WINDOW, "# times", "at least $1 times"},
	{WINDOW, "at least once", "at least 1 time"},
	{WINDOW, "at most once", "at most 1 time"},
	{WINDOW, "exactly? once", "exactly 1 time"},
	{WINDOW, "at least twice", "at least 2 times"},
	{WINDOW, "at most twice", "at most 2 times"},
	{WINDOW, "exactly? twice", "exactly 2 times"},
	{CLAUSE, "did # %n", "did $2 at least $1 times"},
	{CLAUSE, "did never|no %n", "did not $1"},
	{CLAUSE, "did a|an|any|the %n", "did $1"},

	/* one of several */
	{BEHIND,
		"contain|contains|has|have|include|includes one|any|either of? %l",
		"contains any $1"},
	{BEHIND, "contain|contains|has|have|include|includes all of? %l",
		"contains all $1"},
	{BEHIND, "contain|contains|has|have|include|includes none of? %l",
		"not contains any $1"},
	{BEHIND, "does|do not contain|have|include one|any of? %l",
		"not contains any $1"},
	{BEHIND, "does|do not contain|have|include all of? %l",
		"not contains all $1"},
	{BEHIND, "is? not one|any|in of? %l", "not in $1"},
	{BEHIND, "is? none of %l", "not in $1"},
	{BEHIND, "is? one|any|in of? %l", "in $1"},
	{BEHIND, "=|== any|some|one? of? %l", "in $1"},
	{BEHIND, "!=|<> all|any|some|one? of? %l", "not in $1"},
	{BEHIND, "contains %l", "contains all $1"},
	{BEHIND, "~ in %k", "in ($1)"},

	/* text and lists */
	{BEHIND, "does|do not contain|have|include %k", "not contains $1"},
	{BEHIND, "not contain|has|have|include|includes %k", "not contains $1"},
	{BEHIND, "contain|has|have|include|includes %k", "contains $1"},
	{BEHIND, "does|do not begin|start with %k", "not starts with $1"},
	{BEHIND, "~ begin|begins|start with %k", "starts with $1"},
	{BEHIND, "does|do not end with %k", "not ends with $1"},
	{BEHIND, "~ end with %k", "ends with $1"},
	{BEHIND, "does|do not match|matches %k", "not matches $1"},
	{BEHIND, "~ match %k", "matches $1"},
	{BEHIND, "is not like %k", "not like $1"},
	{BEHIND, "is like %k", "like $1"},

	/* missing */
	{BEHIND, "is not null|missing|absent|unknown|undefined|blank", "is set"},
	{BEHIND, "is not present|known|defined", "is not set"},
	{BEHIND, "is null|missing|absent|unknown|undefined|blank", "is not set"},
	{BEHIND, "is present|known|defined|there", "is set"},
	{BEHIND, "=|==|is null", "is not set"},
	{BEHIND, "!=|<> null", "is set"},
	{BEHIND, "does not exist", "is not set"},
	{BEHIND, "exists .", "is set"},
	{BEHIND, "missing .", "is not set"},

	/* comparisons in words */
	{BEHIND, "is? not between %v and|to|- %v", "not between $1 and $2"},
	{BEHIND, "is? between %v and|to|- %v", "between $1 and $2"},
	{BEHIND, "between ( %v , %v )", "between $1 and $2"},
	{BEHIND, "is? between %v , %v", "between $1 and $2"},
	{BEHIND, "from %v to %v", "between $1 and $2"},
	{BEHIND, "is? greater|more|larger|bigger|higher than|then or equal to? %v",
		">= $1"},
	{BEHIND, "is? less|fewer|smaller|lower than|then or equal to? %v",
		"<= $1"},
	{BEHIND, "is? greater|more|larger|bigger|higher than|then %v", "> $1"},
	{BEHIND, "is? less|fewer|smaller|lower than|then %v", "< $1"},
	{BEHIND, "is? above|over|exceeds %v", "> $1"},
	{BEHIND, "is? below|under %v", "< $1"},
	{BEHIND, "is? at least %v", ">= $1"},
	{BEHIND, "is? at most %v", "<= $1"},
	{BEHIND, "is before %k", "before $1"},
	{BEHIND, "is after %k", "after $1"},
	{BEHIND, "is on %k", "on $1"},
	{BEHIND, "does not equal to? %v", "!= $1"},
	{BEHIND, "is? not equal|equals to? %v", "!= $1"},
	{BEHIND, "is? equal|equals to? %v", "= $1"},
	{BEHIND, "is not %k", "!= $1"},
	{BEHIND, "is %k", "= $1"},
	{BEHIND, "not %k", "!= $1"},
	{BEHIND, "is not %n .", "!= \"$1\""},
	{BEHIND, "is %n .", "= \"$1\""},

	/* what begins a clause */
	{CLAUSE, "count|number of? %n in the? last # %u",
		"count($1 in last $2 $3)"},
	{CLAUSE, "count|number of? distinct|different|unique %d",
		"count(distinct $1)"},
	{CLAUSE, "how many %n", "count($1)"},
	{CLAUSE, "count|number of? %n", "count($1)"},
	{CLAUSE, "%n count", "count($1)"},
	{CLAUSE, "sum|total of? %d", "sum($1)"},
	{CLAUSE, "average|avg|mean of? %d", "avg($1)"},
	{CLAUSE, "max|maximum|highest|largest of? %d", "max($1)"},
	{CLAUSE, "min|minimum|lowest|smallest of? %d", "min($1)"},
	{CLAUSE, "last|latest of? %d", "last($1)"},
	{CLAUSE, "first|earliest of? %d", "first($1)"},
	{CLAUSE, "exists|exist %n", "exists($1)"},
	{CLAUSE, "has|have no %n .", "$1 is not set"},
	{CLAUSE, "has|have %n .", "$1 is set"},
	{CLAUSE, "no|missing %n .", "$1 is not set"},
	{CLAUSE, "%n is? not in audience|segment %n", "not in audience $2"},
	{CLAUSE, "%n is? in audience|segment %n", "in audience $2"},
	{CLAUSE, "is? in|member of? the? audience|segment? %n .",
		"in audience $1"},
	{CLAUSE, "~ in audience|segment %s", "in audience `$1`"},
	{CLAUSE | EXAMPLE, "%s .", "city in (\"Aarhus\", \"$1\")"},
	{CLAUSE, "anniversary %n", "anniversary of $1"},
	{CLAUSE, "at? least one of", "at least 1 of"},
	{CLAUSE, "any|one of", "at least 1 of"},
	{CLAUSE, "none of", "not at least 1 of"},
	{CLAUSE, "where|when|if %v", "$1"},
	{CLAUSE, "where|when|if not", "not"},

	/* symbols of other languages */
	{BEHIND, "= <", "<="},
	{BEHIND, "= >", ">="},
	{BEHIND, "< >", "!="},
	{HERE, "( )", ""},
	{HERE, "==", "="},
	{HERE, "&&", "and"},
	{HERE, "||", "or"},
	{HERE, "!", "not"},
};

#define MOST_CAPTURES	9

typedef struct Capture
{
	const char *start;
	const char *end;
	bool		list;			/* without its brackets */
} Capture;

typedef struct Match
{
	bool		negated;
	Capture		captures[MOST_CAPTURES];
	int			ncaptures;
	const char *end;			/* of the last token that belongs to it */
} Match;

static bool match_form(const char *form, const char *start, Match *match);
static bool match_element(const char *element, int length, Match *match,
						  const char **position);
static bool match_words(const char *words, int length,
						const FilterToken *token);
static bool match_name(Match *match, const char **position, bool dotted);
static bool match_literal(Match *match, const char **position);
static bool match_list(Match *match, const char **position);
static bool match_unit(const FilterToken *token, FilterUnit from,
					   FilterUnit to);
static void capture(Match *match, const char *start, const char *end);
static char *render(const char *right, const Match *match);

/*
 * The hint for the word at 'start', or NULL if it is no habit that we know.
 */
char *
parser_habit(Parser *parser, const char *start)
{
	for (int i = 0; i < lengthof(habits); i++)
	{
		const struct
		{
			int			kind;
			const char *start;
		}			anchors[] = {
			{CLAUSE, parser->clause},
			{parser->in_window ? WINDOW : BEHIND, parser->phrase},
			{HERE, start},
		};

		for (int j = 0; j < lengthof(anchors); j++)
		{
			Match		match;
			FilterToken next;
			char	   *text;

			if ((habits[i].anchors & anchors[j].kind) == 0 ||
				anchors[j].start == NULL || anchors[j].start > start ||
				!match_form(habits[i].written, anchors[j].start, &match))
				continue;

			/* is it about what was not understood? */
			(void) filter_scan(match.end, &next);
			if (start > next.start)
				continue;

			text = render(habits[i].right, &match);
			if (habits[i].anchors & EXAMPLE)
				return psprintf("Write, for example: %s", text);
			text = parser_replaced(parser, anchors[j].start, match.end, text);
			if (text != NULL)
				return psprintf("Write: %s", text);
		}
	}
	return NULL;
}

/*
 * The text with 'replacement' between 'start' and 'end'; NULL if the text has
 * that already.  For a long text the replacement alone is returned.
 */
char *
parser_replaced(Parser *parser, const char *start, const char *end,
				const char *replacement)
{
	const int	longest = 200;
	const char *before = parser->text;
	const char *blank = "";

	if (strlen(replacement) == end - start &&
		strncmp(replacement, start, end - start) == 0)
		return NULL;
	if (strnlen(parser->text, longest) == longest ||
		strpbrk(parser->text, "\r\n") != NULL)
		return pstrdup(replacement);

	while (*before == ' ')
		before++;
	if (*replacement != '\0' && filter_is_word_part(*end) &&
		filter_is_word_part(replacement[strlen(replacement) - 1]))
		blank = " ";
	return psprintf("%.*s%s%s%s", (int) (start - before), before, replacement,
					blank, end);
}

/*
 * match_form() says whether the text at 'start' fits the form, and fills
 * 'match' if so.
 */
static bool
match_form(const char *form, const char *start, Match *match)
{
	const char *position = start;

	memset(match, 0, sizeof(Match));
	match->end = start;
	if (*form == '~')
	{
		FilterToken token;
		const char *behind = filter_scan(position, &token);

		if (filter_token_is(&token, "not"))
		{
			match->negated = true;
			position = behind;
		}
		form += 2;
	}
	while (*form != '\0')
	{
		int			length = strcspn(form, " ");

		if (!match_element(form, length, match, &position))
			return false;
		form += length;
		if (*form == ' ')
			form++;
	}
	return true;
}

/*
 * match_element() matches one element of a form, a word, a class or an option,
 * and moves *position behind what it has matched.
 */
static bool
match_element(const char *element, int length, Match *match,
			  const char **position)
{
	FilterToken token;
	const char *behind = filter_scan(*position, &token);

	if (length > 1 && element[length - 1] == '?')
	{
		(void) match_element(element, length - 1, match, position);
		return true;
	}
	if (length == 1 && *element == '.')
		return token.kind == TOKEN_END || filter_token_is(&token, ")") ||
			filter_token_is(&token, ",") || filter_token_is(&token, "and") ||
			filter_token_is(&token, "or");

	if (*element == '#')
	{
		if (token.kind != TOKEN_NUMBER)
			return false;
		capture(match, token.start, behind);
	}
	else if (*element == '%')
	{
		switch (element[1])
		{
			case 'u':
			case 'p':
			case 'h':
				if (!match_unit(&token,
								element[1] == 'p' ? FILTER_DAY : FILTER_SECOND,
								element[1] == 'h' ? FILTER_HOUR : FILTER_YEAR))
					return false;
				capture(match, token.start, behind);
				break;
			case 'c':
				if (!match_words("=|==|!=|<>|<|<=|>|>=", 20, &token))
					return false;
				capture(match, token.start,
						match_words("==", 2, &token) ? behind - 1 : behind);
				break;
			case 's':
				if (token.kind != TOKEN_STRING || behind - token.start < 3 ||
					strcspn(token.start + 1, "'\"`\\") < behind - token.start - 2)
					return false;
				capture(match, token.start + 1, behind - 1);
				break;
			case 'n':
			case 'd':
				return match_name(match, position, element[1] == 'd');
			case 'k':
				return match_literal(match, position);
			case 'l':
				return match_list(match, position);
			default:
				return match_literal(match, position) ||
					match_name(match, position, false);
		}
	}
	else if (!match_words(element, length, &token))
		return false;

	*position = match->end = behind;
	return true;
}

/* Is the token one of the words, whose last may be the end of a form? */
static bool
match_words(const char *words, int length, const FilterToken *token)
{
	while (length > 0)
	{
		int			one = strcspn(words, "| ");

		/* "||" is a word, too */
		if (one == 0)
			one = Min(length, 2);
		one = Min(one, length);
		if (token->length == one && token->kind != TOKEN_STRING &&
			pg_strncasecmp(token->start, words, one) == 0)
			return true;
		words += one;
		length -= one;
		if (length > 0)
		{
			words++;
			length--;
		}
	}
	return false;
}

/* match_name() matches a name with its keys; 'dotted': it must have some. */
static bool
match_name(Match *match, const char **position, bool dotted)
{
	FilterToken token;
	const char *end = filter_scan(*position, &token);
	const char *start = token.start;
	int			keys = 0;

	if (token.kind != TOKEN_NAME &&
		(token.kind != TOKEN_WORD ||
		 filter_word_reserved(filter_token_text(&token))))
		return false;
	for (;;)
	{
		const char *behind = filter_scan(end, &token);

		if (!filter_token_is(&token, "."))
			break;
		behind = filter_scan(behind, &token);
		if (token.kind != TOKEN_WORD && token.kind != TOKEN_NAME)
			break;
		end = behind;
		keys++;
	}
	if (dotted && keys == 0)
		return false;
	capture(match, start, end);
	*position = match->end = end;
	return true;
}

/* A string, a number with its sign, true or false. */
static bool
match_literal(Match *match, const char **position)
{
	FilterToken token;
	const char *end = filter_scan(*position, &token);
	const char *start = token.start;

	if (filter_token_is(&token, "-"))
	{
		end = filter_scan(end, &token);
		if (token.kind != TOKEN_NUMBER)
			return false;
	}
	else if (token.kind != TOKEN_STRING && token.kind != TOKEN_NUMBER &&
			 !filter_token_is(&token, "true") &&
			 !filter_token_is(&token, "false"))
		return false;

	capture(match, start, end);
	*position = match->end = end;
	return true;
}

/* Literals with commas, in brackets of any kind. */
static bool
match_list(Match *match, const char **position)
{
	static const char *const brackets[] = {"(", ")", "[", "]", "{", "}"};
	FilterToken token;
	const char *end = filter_scan(*position, &token);
	const char *start = end;
	const char *inner;
	int			bracket;

	for (bracket = 0; bracket < lengthof(brackets); bracket += 2)
	{
		if (match_words(brackets[bracket], 1, &token))
			break;
	}
	if (bracket == lengthof(brackets))
		return false;

	do
	{
		Match		literal = {0};

		if (!match_literal(&literal, &end))
			return false;
		inner = end;
		end = filter_scan(end, &token);
	} while (filter_token_is(&token, ","));
	if (!match_words(brackets[bracket + 1], 1, &token))
		return false;

	capture(match, start, inner);
	match->captures[match->ncaptures - 1].list = true;
	*position = match->end = end;
	return true;
}

static bool
match_unit(const FilterToken *token, FilterUnit from, FilterUnit to)
{
	int			unit = filter_token_unit(token);

	return unit >= (int) from && unit <= (int) to;
}

static void
capture(Match *match, const char *start, const char *end)
{
	Capture    *next = &match->captures[match->ncaptures++];

	Assert(match->ncaptures <= MOST_CAPTURES);
	next->start = start;
	next->end = end;
	next->list = false;
}

/*
 * render() prints the right form with what was captured in place of $1, $2 ...
 */
static char *
render(const char *right, const Match *match)
{
	StringInfoData out;

	initStringInfo(&out);
	if (match->negated)
		appendStringInfoString(&out, "not ");
	for (; *right != '\0'; right++)
	{
		const Capture *captured;
		int			length;

		if (*right != '$')
		{
			appendStringInfoChar(&out, *right);
			continue;
		}
		captured = &match->captures[*++right - '1'];
		length = captured->end - captured->start;
		if (right[1] == '+' || right[1] == '-')
		{
			int			number = atoi(pnstrdup(captured->start,
											   Min(length, 9)));

			appendStringInfo(&out, "%d",
							 *++right == '+' ? number + 1 : number - 1);
		}
		else
			appendStringInfo(&out, captured->list ? "(%.*s)" : "%.*s", length,
							 captured->start);
	}
	return out.data;
}
