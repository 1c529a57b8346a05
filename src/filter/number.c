/*-------------------------------------------------------------------------
 *
 * number.c
 *	  How is a number written in canonical notation?
 *
 *		007, 7.0, .7e1	-> 7
 *		1e400			-> 1e400, as it would be long without the exponent
 *
 * The notation depends on the value of the number alone, so that equal filters
 * have equal texts.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "filter/filter_private.h"

/* A number, 0.digits * 10^point, without zeros at either end of the digits. */
typedef struct Decimal
{
	char	   *digits;
	int			count;			/* of digits; 0 is zero */
	int64		point;
} Decimal;

static bool read_decimal(const char *text, int length, Decimal *number);
static bool read_exponent(const char *position, const char *end,
						  int64 *exponent);
static char *print_decimal(const Decimal *number, bool negative);
static void append_zeros(StringInfo out, int count);

/* The text need not be a number: bytes from disk come here, too. */
char *
filter_number(const char *text, int length, bool negative)
{
	Decimal		number;

	if (!read_decimal(text, length, &number))
		return NULL;
	if (number.count == 0)
		return pstrdup("0");
	if (number.count > FILTER_MAX_DIGITS ||
		number.point - 1 > FILTER_MAX_EXPONENT ||
		number.point - 1 < -FILTER_MAX_EXPONENT)
		return NULL;
	return print_decimal(&number, negative);
}

/* read_decimal() reads the whole text; false if it is not a number. */
static bool
read_decimal(const char *text, int length, Decimal *number)
{
	const char *position = text;
	const char *end = text + length;
	int			seen = 0;
	int64		exponent;

	number->digits = palloc(length + 1);
	number->count = 0;
	number->point = 0;

	for (; position < end && filter_is_digit(*position); position++, seen++)
	{
		if (number->count > 0 || *position != '0')
		{
			number->digits[number->count++] = *position;
			number->point++;
		}
	}
	if (position < end && *position == '.')
	{
		for (position++; position < end && filter_is_digit(*position);
			 position++, seen++)
		{
			if (number->count > 0 || *position != '0')
				number->digits[number->count++] = *position;
			else
				number->point--;
		}
	}
	if (seen == 0 || !read_exponent(position, end, &exponent))
		return false;

	while (number->count > 0 && number->digits[number->count - 1] == '0')
		number->count--;
	/* no text is long enough to make up for an exponent that was cut short */
	number->point += exponent;
	return true;
}

/*
 * read_exponent() reads e10, E+10, e-10 or nothing up to 'end'; false if there
 * is something else.  An exponent is cut short where it is far out of range.
 */
static bool
read_exponent(const char *position, const char *end, int64 *exponent)
{
	bool		negative = false;

	*exponent = 0;
	if (position == end)
		return true;
	if (*position != 'e' && *position != 'E')
		return false;

	position++;
	if (position < end && (*position == '+' || *position == '-'))
		negative = (*position++ == '-');
	if (position == end)
		return false;
	for (; position < end && filter_is_digit(*position); position++)
	{
		if (*exponent < PG_INT32_MAX)
			*exponent = *exponent * 10 + (*position - '0');
	}
	if (negative)
		*exponent = -*exponent;
	return position == end;
}

/* print_decimal() writes the digits out, or with an exponent if it is long. */
static char *
print_decimal(const Decimal *number, bool negative)
{
	/* zeros that may stand in for an exponent */
	const int	most_zeros = 30;
	int			point = (int) number->point;
	int			zeros_before = Max(-point, 0);
	int			zeros_behind = Max(point - number->count, 0);
	int			whole = Min(Max(point, 0), number->count);
	StringInfoData out;

	initStringInfo(&out);
	if (negative)
		appendStringInfoChar(&out, '-');
	if (zeros_before + zeros_behind > most_zeros)
	{
		appendStringInfoChar(&out, number->digits[0]);
		if (number->count > 1)
			appendStringInfo(&out, ".%.*s", number->count - 1,
							 number->digits + 1);
		appendStringInfo(&out, "e%d", point - 1);
		return out.data;
	}

	if (whole == 0)
		appendStringInfoChar(&out, '0');
	appendBinaryStringInfo(&out, number->digits, whole);
	append_zeros(&out, zeros_behind);
	if (whole < number->count)
	{
		appendStringInfoChar(&out, '.');
		append_zeros(&out, zeros_before);
		appendBinaryStringInfo(&out, number->digits + whole,
							   number->count - whole);
	}
	return out.data;
}

static void
append_zeros(StringInfo out, int count)
{
	for (int i = 0; i < count; i++)
		appendStringInfoChar(out, '0');
}
