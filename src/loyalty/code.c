/*-------------------------------------------------------------------------
 *
 * code.c
 *	  Codes that a customer shows at the till, of members and of vouchers.
 *
 *		453914880343646 and 7		the last digit is made of the others
 *
 * It is made of them as that of the numbers of cards is (Luhn), so that a till
 * notices a code that was mistyped.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "port.h"
#include "utils/builtins.h"

#include "loyalty/loyalty_private.h"

/* How many digits a code has that we make. */
#define CODE_DIGITS		16

/* How often a code that we make is made anew, if it is there already. */
#define MOST_ATTEMPTS	10

static char last_digit(const char *code);

char *
code_make(const Program *program, LedgerStatement known)
{
	for (int attempt = 0; attempt < MOST_ATTEMPTS; attempt++)
	{
		unsigned char random[CODE_DIGITS - 1];
		char	   *code = palloc(CODE_DIGITS + 1);
		Datum		value;

		if (!pg_strong_random(random, sizeof(random)))
			ereport(ERROR,
					(errcode(ERRCODE_INTERNAL_ERROR),
					 errmsg("could not make a code")));
		for (int i = 0; i < CODE_DIGITS - 1; i++)
			code[i] = '0' + random[i] % 10;
		code[CODE_DIGITS - 1] = last_digit(code);
		code[CODE_DIGITS] = '\0';
		value = CStringGetTextDatum(code);
		if (ledger_execute(program, known, &value, NULL) == 0)
			return code;
	}
	elog(ERROR, "could not make a code that is not there already");
}

bool
code_is_mistyped(const char *code)
{
	return strlen(code) == CODE_DIGITS &&
		strspn(code, "0123456789") == CODE_DIGITS &&
		code[CODE_DIGITS - 1] != last_digit(code);
}

/* last_digit() is made of the others, which stand before it. */
static char
last_digit(const char *code)
{
	int			sum = 0;

	for (int i = 0; i < CODE_DIGITS - 1; i++)
	{
		int			digit = code[i] - '0';
		int			twice = digit * 2;

		sum += i % 2 == 0 ? twice / 10 + twice % 10 : digit;
	}
	return '0' + (10 - sum % 10) % 10;
}
