/*-------------------------------------------------------------------------
 *
 * redeem.c
 *	  A customer spends points.
 *
 *		redeem('club', 42, 150)		lot 1, until 31 January:	100 of 100
 *									lot 2, until 28 February:	 50 of 100
 *
 * What expires soonest is spent first.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "loyalty/loyalty_private.h"

SEGMENT_FUNCTION(segment_redeem);

/*
 * redeem(program, key, points, ref, token, note, population) -> movement
 */
Datum
segment_redeem(PG_FUNCTION_ARGS)
{
	static const int requested[] = {1, 2, 3};
	const Program *program = program_open(fcinfo, 0, 6, PROGRAM_SERVE);
	Datum		key = customer_argument(fcinfo, 1, program);
	int64		points = points_argument(fcinfo, 2, false);
	char	   *token = text_argument(fcinfo, 4);
	char	   *request = token == NULL ? NULL :
		request_text("redeem", fcinfo, requested, lengthof(requested));
	Ledger	   *ledger = ledger_begin_unpinned(program, token, request);
	Account    *account = ledger_add_account(ledger, key);
	int64		number = ledger_lock(ledger);

	if (number == 0)
	{
		Movement   *movement;

		account_check_member(ledger, account, false);
		movement = lots_move(ledger, account, "redeem", -points,
							   note_argument(fcinfo, 3),
							   note_argument(fcinfo, 5));
		(void) lots_draw(ledger, movement, points, "redeem", "redeemed");
		lots_touch(ledger, movement);
		lots_write(ledger);
		number = movement->number;
	}
	ledger_end(ledger);
	PG_RETURN_INT64(number);
}
