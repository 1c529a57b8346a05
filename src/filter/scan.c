/*-------------------------------------------------------------------------
 *
 * scan.c
 *	  Where does a word of the filter language begin and end?
 *
 *		city != 'Aarhus' -- home
 *		└┬─┘ ├┘ └───┬──┘
 *		 │	 │		STRING, filter_token_text() gives Aarhus
 *		 │	 SYMBOL
 *		 WORD
 *
 * A token points into the text; nothing is copied until its text is asked
 * for.  What cannot be a token is a TOKEN_BAD that carries the message, so
 * that all errors are raised in one place, by the parser.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "parser/scansup.h"

#include "filter/filter_private.h"

static const char *skip_space(const char *position, FilterToken *token);
static const char *scan_quoted(const char *position, FilterToken *token);
static const char *scan_number(const char *position, FilterToken *token);
static const char *bad_token(FilterToken *token, const char *end,
							 const char *problem, const char *hint);

const char *
filter_scan(const char *position, FilterToken *token)
{
	static const char *const doubles[] = {"!=", "<>", "<=", ">=", NULL};
	static const char *const foreign[] = {"==", "&&", "||", NULL};
	const char *end;

	token->kind = TOKEN_END;
	token->problem = NULL;
	token->hint = NULL;

	end = skip_space(position, token);
	if (token->kind == TOKEN_BAD)
		return end;

	position = end;
	token->start = position;

	if (*position == '\0')
	{
		token->length = 0;
		return position;
	}
	if (filter_is_word_start(*position))
	{
		while (filter_is_word_part(*end))
			end++;
		token->kind = TOKEN_WORD;
		token->length = end - position;
		return end;
	}
	if (*position == '\'' || *position == '"' || *position == '`')
		return scan_quoted(position, token);
	if (filter_is_digit(*position) ||
		(*position == '.' && filter_is_digit(position[1])))
		return scan_number(position, token);

	token->kind = TOKEN_SYMBOL;
	for (int i = 0; doubles[i] != NULL; i++)
	{
		if (strncmp(position, doubles[i], 2) == 0)
		{
			token->length = 2;
			return position + 2;
		}
	}
	/* one word of another language, for errors */
	for (int i = 0; foreign[i] != NULL; i++)
	{
		if (strncmp(position, foreign[i], 2) == 0)
			return bad_token(token, position + 2, NULL, NULL);
	}
	if (strchr("(),.+-*/=<>", *position) != NULL)
	{
		token->length = 1;
		return position + 1;
	}
	return bad_token(token, position + 1, NULL, NULL);
}

/* Skip blanks and comments, which nest as in SQL. */
static const char *
skip_space(const char *position, FilterToken *token)
{
	for (;;)
	{
		if (*position == ' ' || (*position >= '\t' && *position <= '\r'))
			position++;
		else if (position[0] == '-' && position[1] == '-')
		{
			while (*position != '\0' && *position != '\n' && *position != '\r')
				position++;
		}
		else if (position[0] == '/' && position[1] == '*')
		{
			const char *start = position;
			int			depth = 0;

			do
			{
				if (*position == '\0')
				{
					token->start = start;
					return bad_token(token, position,
									 "unterminated comment",
									 "Close it with \"*/\".");
				}
				if (position[0] == '/' && position[1] == '*')
				{
					depth++;
					position += 2;
				}
				else if (position[0] == '*' && position[1] == '/')
				{
					depth--;
					position += 2;
				}
				else
					position++;
			} while (depth > 0);
		}
		else
			return position;
	}
}

/* A string in either quotes, or a backquoted name; its quote is doubled. */
static const char *
scan_quoted(const char *position, FilterToken *token)
{
	char		quote = *position;
	const char *end = position + 1;

	for (;;)
	{
		end = strchr(end, quote);
		if (end == NULL)
		{
			end = position + strlen(position);
			return bad_token(token, end,
							 quote == '`' ? "unterminated name" :
							 "unterminated string",
							 quote == '`' ? "Close it with a backquote." :
							 quote == '"' ? "Close it with a double quote." :
							 "Close it with a single quote.");
		}
		end++;
		if (*end != quote)
			break;
		end++;
	}

	token->length = end - position;
	if (quote == '`' && token->length == 2)
		return bad_token(token, end, "empty name", NULL);
	token->kind = (quote == '`') ? TOKEN_NAME : TOKEN_STRING;
	return end;
}

/*
 * scan_number() reads an unsigned number, and refuses letters right behind it.
 */
static const char *
scan_number(const char *position, FilterToken *token)
{
	const char *end = position;

	while (filter_is_digit(*end))
		end++;
	if (*end == '.')
	{
		end++;
		while (filter_is_digit(*end))
			end++;
	}
	if (*end == 'e' || *end == 'E')
	{
		const char *exponent = end + 1;

		if (*exponent == '+' || *exponent == '-')
			exponent++;
		if (filter_is_digit(*exponent))
		{
			end = exponent;
			while (filter_is_digit(*end))
				end++;
		}
	}
	if (filter_is_word_part(*end))
	{
		while (filter_is_word_part(*end))
			end++;
		return bad_token(token, end, NULL,
						 "A number ends with a digit; put a space before a "
						 "unit, and backquotes around a name that starts with "
						 "a digit.");
	}

	token->kind = TOKEN_NUMBER;
	token->length = end - position;
	return end;
}

static const char *
bad_token(FilterToken *token, const char *end, const char *problem,
		  const char *hint)
{
	token->kind = TOKEN_BAD;
	token->length = end - token->start;
	token->problem = problem;
	token->hint = hint;
	return end;
}

/* Is it this word, or this symbol? */
bool
filter_token_is(const FilterToken *token, const char *word)
{
	size_t		length = strlen(word);

	return (token->kind == TOKEN_WORD || token->kind == TOKEN_SYMBOL) &&
		token->length == length &&
		pg_strncasecmp(token->start, word, length) == 0;
}

int
filter_token_unit(const FilterToken *token)
{
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

char *
filter_token_text(const FilterToken *token)
{
	const char *from = token->start + 1;
	const char *end = token->start + token->length - 1;
	char		quote = *token->start;
	char	   *text;
	char	   *to;

	/* as the server folds the names of columns */
	if (token->kind == TOKEN_WORD)
		return downcase_identifier(token->start, token->length, false, false);
	if (token->kind != TOKEN_STRING && token->kind != TOKEN_NAME)
		return pnstrdup(token->start, token->length);

	text = to = palloc(token->length);
	while (from < end)
	{
		if (*from == quote)
			from++;				/* the first of two */
		*to++ = *from++;
	}
	*to = '\0';
	return text;
}
