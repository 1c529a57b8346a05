/*-------------------------------------------------------------------------
 *
 * arguments.c
 *	  What has the caller of a function of this room given us?
 *
 *		earn('club', 42, 100, token => 'x')
 *
 *		customer_argument	42, as the key's type
 *		points_argument		100; 0 or less would be an error
 *		request_text		'earn|2:42|3:100': another call with token x must
 *							say the same
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/int.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "loyalty/loyalty_private.h"

pg_noreturn static void refuse_points(void);

int64
points_argument(FunctionCallInfo fcinfo, int argument, bool optional)
{
	int64		points;

	if (PG_ARGISNULL(argument))
	{
		if (optional)
			return 0;
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the number of points must be given")));
	}
	points = PG_GETARG_INT64(argument);
	if (points <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("points must be positive, not " INT64_FORMAT, points),
				 get_func_rettype(fcinfo->flinfo->fn_oid) == VOIDOID ? 0 :
				 errhint("Use segment.redeem() to spend points, and segment.reverse() to take back a movement.")));
	check_points(points);
	return points;
}

void
check_points(int64 points)
{
	if (points > MOST_POINTS)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("one movement has at most " INT64_FORMAT " points",
						MOST_POINTS)));
}

int64
add_points(int64 a, int64 b)
{
	int64		sum;

	if (pg_add_s64_overflow(a, b, &sum))
		refuse_points();
	return sum;
}

int64
movement_points(const Movement *movement, int64 before, int64 points)
{
	int64		sum = add_points(before, points);

	if (movement->rule == NULL && sum > MOST_POINTS)
		refuse_points();
	return sum;
}

static void
refuse_points(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
			 errmsg("a customer cannot have so many points")));
}

void
check_given_name(const char *name, const char *kind)
{
	if (name[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("the name of %s must not be empty", kind)));
}

void
check_length(const char *text, const char *what)
{
	if (strlen(text) > MOST_INDEXED)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("%s has at most %d bytes", what, MOST_INDEXED),
				 errdetail("It has %zu.", strlen(text))));
}

Datum
customer_argument(FunctionCallInfo fcinfo, int argument,
				  const Program *program)
{
	if (PG_ARGISNULL(argument))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the key of the customer must be given")));
	return key_argument(fcinfo, argument, program->population);
}

char *
note_argument(FunctionCallInfo fcinfo, int argument)
{
	char	   *text = text_argument(fcinfo, argument);

	return text == NULL || text[0] == '\0' ? NULL : text;
}

char *
request_text(const char *function, FunctionCallInfo fcinfo,
			 const int *arguments, int count)
{
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfoString(&text, function);
	for (int i = 0; i < count; i++)
	{
		int			argument = arguments[i];
		Oid			type = get_fn_expr_argtype(fcinfo->flinfo, argument);
		Oid			output;
		bool		unused;
		char	   *value;

		appendStringInfoChar(&text, '|');
		if (PG_ARGISNULL(argument))
			continue;
		if (type == TIMESTAMPTZOID)
		{
			appendStringInfo(&text, INT64_FORMAT,
							 PG_GETARG_TIMESTAMPTZ(argument));
			continue;
		}
		getTypeOutputInfo(type, &output, &unused);
		value = OidOutputFunctionCall(output, PG_GETARG_DATUM(argument));
		/*
		 * With its length, as there may be bars in it.  Letters and not bytes,
		 * for what is restored into a database of another encoding is the
		 * same request.
		 */
		appendStringInfo(&text, "%d:%s", pg_mbstrlen(value), value);
	}
	return text.data;
}

char *
lower_text(FunctionCallInfo fcinfo, int argument)
{
	char	   *text = text_argument(fcinfo, argument);

	for (char *c = text; *c != '\0'; c++)
		*c = pg_ascii_tolower((unsigned char) *c);
	return text;
}

char *
one_of(const char *text, const char *argument, const char *const *choices)
{
	StringInfoData list;

	initStringInfo(&list);
	for (int i = 0; choices[i] != NULL; i++)
	{
		if (strcmp(text, choices[i]) == 0)
			return pstrdup(text);
		appendStringInfo(&list, "%s%s", i == 0 ? "" :
						 choices[i + 1] == NULL ? " or " : ", ",
						 quote_literal_cstr(choices[i]));
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("%s => %s is not known", argument,
					quote_literal_cstr(text)),
			 errhint("Write %s => %s.", argument, list.data)));
}
