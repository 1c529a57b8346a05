/*-------------------------------------------------------------------------
 *
 * voucher.c
 *	  Vouchers are issued for a movement that pays for them, and cancelled with
 *	  it.
 *
 *		movement 7		redeem 500		voucher 4539148803436467, a mug
 *		movement 9		reverses 7		it is cancelled, and a mug is in stock
 *										again
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "loyalty/reward_private.h"

void
vouchers_issue(Ledger *ledger, List *vouchers)
{
	ListCell   *lc;

	foreach(lc, vouchers)
	{
		const Voucher *voucher = lfirst(lc);
		const Movement *movement = voucher->movement;
		const Reward *reward = voucher->reward;
		char	   *code = code_make(ledger->program, ASK_VOUCHER);
		Datum		values[] = {
			CStringGetTextDatum(code),
			CStringGetTextDatum(reward->name),
			movement->account->key,
			Int64GetDatum(movement->number),
			Int64GetDatum(reward->price),
			BoolGetDatum(voucher->is_auto),
			TimestampTzGetDatum(movement->at),
			TimestampTzGetDatum(terms_apply(&reward->expires,
											ledger->program->zone,
											movement->at)),
		};

		(void) ledger_execute(ledger->program, ADD_VOUCHER, values, NULL);
	}
}

bool
voucher_cancel(Ledger *ledger, int64 movement, bool whole, bool *is_auto)
{
	const Program *program = ledger->program;
	Datum		values[] = {Int64GetDatum(movement),
	TimestampTzGetDatum(ledger->at)};
	bool		isnull;
	char	   *code;
	char	   *reward;
	char	   *ended;

	if (!OidIsValid(program->tables[VOUCHER_TABLE]))
		return false;
	rewards_lock(program);
	if (ledger_execute(program, ASK_BOUGHT, values, NULL) == 0)
		return false;
	code = TextDatumGetCString(result_value(0, 1, &isnull));
	reward = TextDatumGetCString(result_value(0, 2, &isnull));
	ended = TextDatumGetCString(result_value(0, 4, &isnull));
	*is_auto = DatumGetBool(result_value(0, 7, &isnull));
	if (strcmp(ended, "used") == 0)
	{
		TimestampTz at = DatumGetTimestampTz(result_value(0, 5, &isnull));

		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("voucher \"%s\" of program \"%s\" cannot be cancelled",
						code, program->name),
				 errdetail("It was used at %s.", timestamptz_to_str(at)),
				 errhint("To give points back all the same, use segment.adjust().")));
	}
	if (!whole)
		ereport(ERROR,
				(errcode(ERRCODE_CHECK_VIOLATION),
				 errmsg("movement " INT64_FORMAT " of program \"%s\" is reversed as a whole, or not at all",
						movement, program->name),
				 errdetail("It paid for voucher \"%s\".", code),
				 errhint("Leave out points.")));
	if (ledger_execute(program, CANCEL_VOUCHER, values, NULL) != 1)
		elog(ERROR, "voucher \"%s\" is not cancelled", code);
	ledger->restocked = lappend(ledger->restocked, reward);
	return true;
}

int64
voucher_unused(Ledger *ledger, const Account *account, int64 grant,
			   bool others)
{
	Datum		values[] = {account->key, TimestampTzGetDatum(ledger->at),
	Int64GetDatum(grant), BoolGetDatum(others)};
	bool		isnull;

	if (!OidIsValid(ledger->program->tables[VOUCHER_TABLE]) ||
		ledger_execute(ledger->program, ASK_UNUSED, values, NULL) == 0)
		return 0;
	return DatumGetInt64(result_value(0, 1, &isnull));
}
