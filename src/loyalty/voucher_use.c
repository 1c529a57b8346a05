/*-------------------------------------------------------------------------
 *
 * voucher_use.c
 *	  A till sells rewards for points, and takes vouchers.
 *
 *		redeem_reward('club', 42, 'mug')		voucher 4539148803436467
 *		use_voucher('club', '4539148803436467', 'receipt 9')
 *		cancel_voucher('club', '4539148803436467')	points and stock are back
 *
 * All of them lock the customer's profile first, as whatever moves points
 * does: so of two tills that take one voucher, the second waits, and is told
 * when and for what the first has taken it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "loyalty/reward_private.h"

SEGMENT_FUNCTION(segment_redeem_reward);
SEGMENT_FUNCTION(segment_use_voucher);
SEGMENT_FUNCTION(segment_cancel_voucher);

/* A voucher that a till was shown. */
typedef struct Shown
{
	char	   *code;
	Datum		key;
	char	   *reward;
	int64		movement;
	TimestampTz expires_at;
	char	   *ended;
	TimestampTz ended_at;
	char	   *used_ref;		/* or NULL */
} Shown;

static int64 redeem_reward(FunctionCallInfo fcinfo, Ledger *ledger,
						   Account *account, const char *name);
static void check_reward(const Ledger *ledger, const Account *account,
						 const Reward *reward);
pg_noreturn static void refuse_reward(const Ledger *ledger,
									  const Account *account,
									  const Reward *reward,
									  RewardAnswer answer);
static Datum row_of(FunctionCallInfo fcinfo, Datum *values);
static char *code_argument(FunctionCallInfo fcinfo, int argument);
static bool read_voucher(const Program *program, const char *code,
						 Shown *voucher);
static void must_read_voucher(const Program *program, const char *code,
							  Shown *voucher);
static bool was_used_by(Ledger *ledger, const char *code, const char *ref);
static void use(FunctionCallInfo fcinfo, Ledger *ledger,
				const Shown *voucher);

/*
 * redeem_reward(program, key, reward, ref, token, population)
 *	-> code, movement, expires_at
 */
Datum
segment_redeem_reward(PG_FUNCTION_ARGS)
{
	static const int requested[] = {1, 2, 3};
	MemoryContext caller = CurrentMemoryContext;
	const Program *program = program_open(fcinfo, 0, 5, PROGRAM_SERVE);
	Datum		key = customer_argument(fcinfo, 1, program);
	char	   *name = name_argument(fcinfo, 2, "reward");
	Ledger	   *ledger;
	Account    *account;
	Datum		number;
	Datum		values[3];
	bool		isnull;
	char	   *code;

	if (!OidIsValid(program->tables[VOUCHER_TABLE]))
		(void) reward_must_find(program, name);
	ledger = ledger_begin(program, text_argument(fcinfo, 4),
						  request_text("redeem_reward", fcinfo, requested,
									   lengthof(requested)));
	account = ledger_add_account(ledger, key);
	number = Int64GetDatum(ledger_lock(ledger));
	if (DatumGetInt64(number) == 0)
		number = Int64GetDatum(redeem_reward(fcinfo, ledger, account, name));
	if (ledger_execute(program, ASK_BOUGHT, &number, NULL) != 1)
		elog(ERROR, "movement " INT64_FORMAT " has bought no voucher",
			 DatumGetInt64(number));
	code = MemoryContextStrdup(caller,
							   TextDatumGetCString(result_value(0, 1,
																&isnull)));
	values[1] = number;
	values[2] = result_value(0, 3, &isnull);
	ledger_end(ledger);
	values[0] = CStringGetTextDatum(code);
	return row_of(fcinfo, values);
}

/* redeem_reward() is segment.redeem_reward() for a customer who is locked. */
static int64
redeem_reward(FunctionCallInfo fcinfo, Ledger *ledger, Account *account,
			  const char *name)
{
	Voucher		voucher;
	const Reward *reward;
	Movement   *movement;

	account_check_member(ledger, account, false);
	rewards_lock(ledger->program);
	reward = reward_must_find(ledger->program, name);
	check_reward(ledger, account, reward);
	movement = lots_move(ledger, account, "redeem", -reward->price,
						 note_argument(fcinfo, 3), reward->name);
	(void) lots_draw(ledger, movement, reward->price, "redeem", "redeemed");
	lots_touch(ledger, movement);
	lots_write(ledger);
	voucher.reward = reward;
	voucher.movement = movement;
	voucher.is_auto = false;
	vouchers_issue(ledger, list_make1(&voucher));
	if (!reward_take(ledger->program, reward))
		refuse_reward(ledger, account, reward, REWARD_OUT_OF_STOCK);
	return movement->number;
}

/* check_reward() refuses a reward that the customer may not have now. */
static void
check_reward(const Ledger *ledger, const Account *account,
			 const Reward *reward)
{
	LockedCustomer locked;
	RewardAnswer answer;

	reward_customer(&locked, ledger, account, reward);
	answer = reward_ask(reward, &locked.customer);
	reward_customer_end(&locked);
	if (answer != REWARD_ALLOWED)
		refuse_reward(ledger, account, reward, answer);
}

/* refuse_reward() says why a customer may not have a reward. */
static void
refuse_reward(const Ledger *ledger, const Account *account,
			  const Reward *reward, RewardAnswer answer)
{
	const char *name = reward->name;
	const char *program = ledger->program->name;

	switch (answer)
	{
		case REWARD_NOT_YET:
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("reward \"%s\" of program \"%s\" cannot be had yet",
							name, program),
					 errdetail("It can from %s on.",
							   timestamptz_to_str(reward->valid_from))));
			break;
		case REWARD_NO_MORE:
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("reward \"%s\" of program \"%s\" cannot be had any more",
							name, program),
					 errdetail("It could until %s.",
							   timestamptz_to_str(reward->valid_until))));
			break;
		case REWARD_NOT_YOURS:
			ereport(ERROR,
					(errcode(ERRCODE_CHECK_VIOLATION),
					 errmsg("customer \"%s\" may not have reward \"%s\" of program \"%s\"",
							account_text(ledger, account), name, program),
					 errdetail("It is for customers of whom this is true: %s.",
							   reward->condition)));
			break;
		case REWARD_OFTEN_ENOUGH:
			ereport(ERROR,
					(errcode(ERRCODE_CHECK_VIOLATION),
					 errmsg("customer \"%s\" has had reward \"%s\" of program \"%s\" often enough",
							account_text(ledger, account), name, program),
					 errdetail("A customer may have " INT64_FORMAT " %s.",
							   reward->most, reward->period_text)));
			break;
		default:
			break;
	}
	ereport(ERROR,
			(errcode(ERRCODE_CHECK_VIOLATION),
			 errmsg("reward \"%s\" of program \"%s\" is out of stock", name,
					program),
			 errhint("Once there are more, use segment.alter_reward(%s, %s, stock => ...).",
					 quote_literal_cstr(program), quote_literal_cstr(name))));
}

/* row_of() is a row of values, as the function returns it. */
static Datum
row_of(FunctionCallInfo fcinfo, Datum *values)
{
	TupleDesc	desc;
	bool		nulls[3] = {false};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "a function returns no row");
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values,
											 nulls));
}

/* ---- what is shown at the till ---- */

/* code_argument() is the code of a voucher, which must be given. */
static char *
code_argument(FunctionCallInfo fcinfo, int argument)
{
	char	   *code = note_argument(fcinfo, argument);

	if (code == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the code of the voucher must be given")));
	return code;
}

/* read_voucher() reads a voucher; false if there is none of that code. */
static bool
read_voucher(const Program *program, const char *code, Shown *voucher)
{
	Datum		value = CStringGetTextDatum(code);
	bool		isnull;
	Datum		ref;

	if (!OidIsValid(program->tables[VOUCHER_TABLE]) ||
		ledger_execute(program, ASK_VOUCHER, &value, NULL) == 0)
		return false;
	voucher->code = pstrdup(code);
	voucher->key = profile_key_copy(program->population,
									result_value(0, 1, &isnull));
	voucher->reward = TextDatumGetCString(result_value(0, 2, &isnull));
	voucher->movement = DatumGetInt64(result_value(0, 3, &isnull));
	voucher->expires_at = DatumGetTimestampTz(result_value(0, 4, &isnull));
	voucher->ended = TextDatumGetCString(result_value(0, 5, &isnull));
	voucher->ended_at = DatumGetTimestampTz(result_value(0, 6, &isnull));
	ref = result_value(0, 7, &isnull);
	voucher->used_ref = isnull ? NULL : TextDatumGetCString(ref);
	return true;
}

/* must_read_voucher() refuses a code that no voucher has. */
static void
must_read_voucher(const Program *program, const char *code, Shown *voucher)
{
	if (read_voucher(program, code, voucher))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_NO_DATA_FOUND),
			 errmsg("program \"%s\" has no voucher \"%s\"", program->name,
					code),
			 code_is_mistyped(code) ?
			 errdetail("One of its digits is wrong.") : 0,
			 errhint("segment.card() lists the vouchers of a customer.")));
}

/*
 * use_voucher(program, code, ref, token, population)
 *	-> reward, key, used_at
 */
Datum
segment_use_voucher(PG_FUNCTION_ARGS)
{
	static const int requested[] = {1, 2};
	MemoryContext caller = CurrentMemoryContext;
	const Program *program = program_open(fcinfo, 0, 4, PROGRAM_SERVE);
	char	   *code = code_argument(fcinfo, 1);
	Ledger	   *ledger;
	Shown		voucher;
	Datum		values[3];
	char	   *reward;
	char	   *key;

	ledger = ledger_begin(program, text_argument(fcinfo, 3),
						  request_text("use_voucher", fcinfo, requested,
									   lengthof(requested)));
	must_read_voucher(program, code, &voucher);
	(void) ledger_add_account(ledger, voucher.key);
	(void) ledger_lock(ledger);
	/* others may have used it while we waited */
	must_read_voucher(program, code, &voucher);
	if (!was_used_by(ledger, code, note_argument(fcinfo, 2)))
	{
		use(fcinfo, ledger, &voucher);
		voucher.ended_at = ledger->at;
	}
	reward = MemoryContextStrdup(caller, voucher.reward);
	key = MemoryContextStrdup(caller, profile_key_text(program->population,
													   voucher.key));
	ledger_end(ledger);
	values[0] = CStringGetTextDatum(reward);
	values[1] = CStringGetTextDatum(key);
	values[2] = TimestampTzGetDatum(voucher.ended_at);
	return row_of(fcinfo, values);
}

/*
 * was_used_by() says whether this is the request that has used the voucher, by
 * its token; an error if the token is that of another one.
 */
static bool
was_used_by(Ledger *ledger, const char *code, const char *ref)
{
	Datum		token;
	Datum		other;
	bool		isnull;

	if (ledger->token == NULL)
		return false;
	token = CStringGetTextDatum(ledger->token);
	if (ledger_execute(ledger->program, ASK_USE, &token, NULL) == 0)
		return false;
	other = result_value(0, 2, &isnull);
	if (strcmp(TextDatumGetCString(result_value(0, 1, &isnull)), code) != 0 ||
		strcmp(other == (Datum) 0 ? "" : TextDatumGetCString(other),
			   ref == NULL ? "" : ref) != 0)
		ledger_refuse_token(ledger, 0);
	return true;
}

/* use() uses a voucher of a customer who is locked. */
static void
use(FunctionCallInfo fcinfo, Ledger *ledger, const Shown *voucher)
{
	const char *at = timestamptz_to_str(voucher->ended_at);
	const char *program = ledger->program->name;
	char	   *ref = note_argument(fcinfo, 2);
	Name		by = palloc0(NAMEDATALEN);
	Datum		values[] = {
		CStringGetTextDatum(voucher->code),
		TimestampTzGetDatum(ledger->at),
		text_datum(ref),
		NameGetDatum(by),
		text_datum(ledger->token),
	};
	char		nulls[] = {' ', ' ', ref == NULL ? 'n' : ' ', ' ',
	ledger->token == NULL ? 'n' : ' '};

	if (strcmp(voucher->ended, "used") == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("voucher \"%s\" of program \"%s\" was used already",
						voucher->code, program),
				 voucher->used_ref != NULL ?
				 errdetail("It was used at %s for \"%s\".", at,
						   voucher->used_ref) :
				 errdetail("It was used at %s.", at),
				 errhint("Give a token, if the same request may come twice.")));
	if (strcmp(voucher->ended, "cancelled") == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("voucher \"%s\" of program \"%s\" was cancelled",
						voucher->code, program),
				 errdetail("It was cancelled at %s.", at)));
	if (voucher->expires_at <= ledger->at)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("voucher \"%s\" of program \"%s\" has expired",
						voucher->code, program),
				 errdetail("It expired at %s.", at)));
	namestrcpy(by, GetUserNameFromId(ledger->before.user, false));
	if (ledger_execute(ledger->program, USE_VOUCHER, values, nulls) != 1)
		elog(ERROR, "voucher \"%s\" is not used", voucher->code);
}

/*
 * cancel_voucher(program, code, token, note, population) -> movement
 */
Datum
segment_cancel_voucher(PG_FUNCTION_ARGS)
{
	static const int requested[] = {1};
	const Program *program = program_open(fcinfo, 0, 4, PROGRAM_CORRECT);
	char	   *code = code_argument(fcinfo, 1);
	Ledger	   *ledger;
	Account    *account;
	Shown		voucher;
	int64		number;

	ledger = ledger_begin(program, text_argument(fcinfo, 2),
						  request_text("cancel_voucher", fcinfo, requested,
									   lengthof(requested)));
	must_read_voucher(program, code, &voucher);
	account = ledger_add_account(ledger, voucher.key);
	number = ledger_lock(ledger);
	if (number == 0)
		number = movement_reverse(ledger, account, voucher.movement, 0,
								  note_argument(fcinfo, 3));
	ledger_end(ledger);
	PG_RETURN_INT64(number);
}
