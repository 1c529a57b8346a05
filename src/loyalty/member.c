/*-------------------------------------------------------------------------
 *
 * member.c
 *	  Customers join a program, and leave it.
 *
 *		join_program('club', 42)	'4539148803436467', the code for the till;
 *									the program's bonus, the first time
 *		leave_program('club', 42)	nothing is earned any more; what the
 *									customer has can be spent until it expires
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "loyalty/reward_private.h"

SEGMENT_FUNCTION(segment_join_program);
SEGMENT_FUNCTION(segment_leave_program);
SEGMENT_FUNCTION(segment_member_key);

static char *join(Ledger *ledger, Account *account, char *code,
				  const char *referrer);
static Datum find_referrer(const Ledger *ledger, const Account *account,
						   const char *code);
static bool add_member(Ledger *ledger, const Datum *values, bool referred);
pg_noreturn static void refuse_code(const char *code);
static char *code_of_member(Ledger *ledger, Account *account,
							const char *wanted);
static void check_code(const Ledger *ledger, const Account *account,
					   const char *code);

/*
 * join_program(program, key, code, population, referred_by) -> code
 */
Datum
segment_join_program(PG_FUNCTION_ARGS)
{
	MemoryContext caller = CurrentMemoryContext;
	const Program *program = program_open(fcinfo, 0, 3, PROGRAM_SERVE);
	Datum		key = customer_argument(fcinfo, 1, program);
	Ledger	   *ledger = ledger_begin(program, NULL, NULL);
	Account    *account = ledger_add_account(ledger, key);
	char	   *code;

	(void) ledger_lock(ledger);
	code = join(ledger, account, note_argument(fcinfo, 2),
				note_argument(fcinfo, 4));
	lots_write(ledger);
	rewards_end(ledger, true);
	code = MemoryContextStrdup(caller, code);
	ledger_end(ledger);
	PG_RETURN_TEXT_P(cstring_to_text(code));
}

/* join() is segment.join_program() for a customer who is locked. */
static char *
join(Ledger *ledger, Account *account, char *code, const char *referrer)
{
	const Program *program = ledger->program;
	bool		in = account->joined &&
		TIMESTAMP_IS_NOEND(account->left_at);
	bool		first;
	bool		isnull;
	Datum		values[5];
	char	   *given;

	if (in)
		return code_of_member(ledger, account, code);
	if (code != NULL)
		check_code(ledger, account, code);
	values[0] = account->key;
	values[1] = TimestampTzGetDatum(ledger->at);
	values[2] = CStringGetTextDatum(code != NULL ? code :
									code_make(program, ASK_CODE));
	values[3] = CStringGetTextDatum(code != NULL ? code : "");
	values[4] = referrer == NULL ? (Datum) 0 :
		find_referrer(ledger, account, referrer);
	if (!add_member(ledger, values, referrer != NULL))
		return code_of_member(ledger, account, code);
	given = TextDatumGetCString(result_value(0, 1, &isnull));
	first = DatumGetBool(result_value(0, 2, &isnull));
	if (first && program->bonus > 0)
	{
		Movement   *movement = lots_move(ledger, account, "earn",
										   program->bonus, "welcome", NULL);
		TimestampTz active_at = grant_active_at(ledger, NULL);

		lot_grant(ledger, movement, program->bonus, "earn", "issued",
				  active_at, grant_expires_at(ledger, NULL, active_at));
	}
	return given;
}

/*
 * find_referrer() is the key of the member with that code, who has brought a
 * customer along.  Only a customer who has never been a member is brought
 * along: so nobody brings oneself along, nor those by whom one came.
 */
static Datum
find_referrer(const Ledger *ledger, const Account *account, const char *code)
{
	Datum		value = CStringGetTextDatum(code);
	bool		isnull;

	if (account->joined)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("customer \"%s\" has been a member of program \"%s\" before",
						account_text(ledger, account), ledger->program->name),
				 errdetail("Nobody has brought the customer along now."),
				 errhint("Leave out referred_by.")));
	if (ledger_execute(ledger->program, ASK_CODE, &value, NULL) == 0 ||
		(result_value(0, 2, &isnull), !isnull))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("no member of program \"%s\" has code \"%s\"",
						ledger->program->name, code),
				 errhint("Give the code of the member who has brought the customer along, or leave out referred_by.")));
	return profile_key_copy(ledger->population, result_value(0, 1, &isnull));
}

/*
 * add_member() writes the row of a member, with the values of ADD_MEMBER;
 * false if there is one.  That somebody else takes the code at this moment is
 * an error as if the code had been taken before.
 */
static bool
add_member(Ledger *ledger, const Datum *values, bool referred)
{
	MemoryContext memory = CurrentMemoryContext;
	volatile bool added = false;

	PG_TRY();
	{
		added = ledger_execute(ledger->program, ADD_MEMBER, values,
							   referred ? NULL : "    n") > 0;
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(memory);
		error = CopyErrorData();
		if (error->sqlerrcode != ERRCODE_UNIQUE_VIOLATION)
			ReThrowError(error);
		FlushErrorState();
		refuse_code(TextDatumGetCString(values[2]));
	}
	PG_END_TRY();
	return added;
}

/* refuse_code() raises an error: somebody has it. */
static void
refuse_code(const char *code)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNIQUE_VIOLATION),
			 errmsg("code \"%s\" is another customer's", code),
			 errhint("Give another code, or none: then one is made.")));
}

/*
 * code_of_member() is the code of a customer who is a member already; an error
 * if another one is wanted.
 */
static char *
code_of_member(Ledger *ledger, Account *account, const char *wanted)
{
	bool		isnull;
	char	   *code;

	if (ledger_execute(ledger->program, ASK_MEMBER, &account->key, NULL) == 0)
		elog(ERROR, "a member of program \"%s\" is gone",
			 ledger->program->name);
	code = TextDatumGetCString(result_value(0, 1, &isnull));
	if (wanted != NULL && strcmp(wanted, code) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("customer \"%s\" is a member of program \"%s\" already",
						account_text(ledger, account), ledger->program->name),
				 errdetail("The customer's code is \"%s\".", code),
				 errhint("To change the code, use segment.leave_program() first.")));
	return code;
}

/* check_code() refuses a code that is another customer's, or too long. */
static void
check_code(const Ledger *ledger, const Account *account, const char *code)
{
	Datum		value = CStringGetTextDatum(code);
	bool		isnull;

	check_length(code, "a code");
	if (ledger_execute(ledger->program, ASK_CODE, &value, NULL) == 0 ||
		profile_key_compare(ledger->population, result_value(0, 1, &isnull),
							account->key) == 0)
		return;
	refuse_code(code);
}

/*
 * leave_program(program, key, population)
 */
Datum
segment_leave_program(PG_FUNCTION_ARGS)
{
	const Program *program = program_open(fcinfo, 0, 2, PROGRAM_CORRECT);
	Datum		key = customer_argument(fcinfo, 1, program);
	Ledger	   *ledger = ledger_begin(program, NULL, NULL);
	Account    *account = ledger_add_account(ledger, key);
	Datum		values[2];

	(void) ledger_lock(ledger);
	account_check_member(ledger, account, true);
	values[0] = key;
	values[1] = TimestampTzGetDatum(ledger->at);
	(void) ledger_execute(program, LEAVE_MEMBER, values, NULL);
	lots_write(ledger);
	ledger_end(ledger);
	PG_RETURN_VOID();
}

/*
 * member_key(program, code, population) -> the key as text, NULL for a code
 * that no member has
 */
Datum
segment_member_key(PG_FUNCTION_ARGS)
{
	MemoryContext caller = CurrentMemoryContext;
	const Program *program = program_open(fcinfo, 0, 2, PROGRAM_READ);
	OwnersQuestion question;
	char	   *code = text_argument(fcinfo, 1);
	char	   *key = NULL;
	bool		isnull;

	if (code == NULL)
		PG_RETURN_NULL();
	question_begin(&question, program->population);
	if (SPI_execute_with_args(program_sql(program,
										  "SELECT key::{key} FROM {member}"
										  " WHERE code = $1"
										  " AND left_at IS NULL"
										  " AND key IS NOT NULL"),
							  1, (Oid[]) {TEXTOID},
							  (Datum[]) {CStringGetTextDatum(code)}, NULL,
							  true, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not read the members of a program");
	if (SPI_processed > 0)
		key = MemoryContextStrdup(caller,
								  profile_key_text(program->population,
												   result_value(0, 1,
																&isnull)));
	question_end(&question);
	if (key == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(key));
}
