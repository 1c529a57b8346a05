/*-------------------------------------------------------------------------
 *
 * lapse.c
 *	  Time has ended a hold: what do the lots have now?
 *
 *		hold 7		-100 hold at 12:00, +100 release at 12:15 (hold.c)
 *		12:15		the balance has them again, and nobody had to run
 *		12:40		the customer's next request: the lot has them, too
 *
 * So no entry is written here, but for debts that lots can pay off again.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "loyalty/loyalty_private.h"

void
holds_lapse(Ledger *ledger, Account *account)
{
	Datum		values[] = {account->key, TimestampTzGetDatum(ledger->at)};
	Datum		ended[] = {account->key, CStringGetTextDatum("lapsed"),
	TimestampTzGetDatum(ledger->at), (Datum) 0};
	uint64		rows = ledger_execute(ledger->program, ASK_LAPSED, values,
									  NULL);
	Movement   *movement = palloc0(sizeof(Movement));
	bool		isnull;

	movement->account = account;
	movement->entries = -1;
	for (uint64 i = 0; i < rows; i++)
	{
		Lot		   *lot = lot_of_row(account, i);

		lot_refill(lot, DatumGetInt64(result_value(i, 6, &isnull)));
		movement->number = DatumGetInt64(result_value(i, 7, &isnull));
	}
	account->last = movement;
	if (rows > 0)
		lots_reopen(ledger, movement);
	lots_pay(ledger, account);
	ledger_write(ledger);
	(void) ledger_execute(ledger->program, END_HOLDS, ended, "   n");
}
