/*-------------------------------------------------------------------------
 *
 * hold.c
 *	  Points are set aside while something is being decided.
 *
 *		hold('club', 42, 100, '15 minutes')		-100 hold		now
 *												+100 release	in 15 minutes
 *		settle('club', 7, 80)					-100 release	in 15 minutes
 *												+100 release	now
 *												-80 redeem		now
 *
 * So a hold that nobody settles or releases lapses by itself: its release is
 * written ahead.  What lots have left is set right by the customer's next
 * movement (lapse.c), before anything is decided.
 *
 * Points that are held do not expire.  If their lot does before the hold
 * lapses, they come back when it lapses, and are gone at once.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "loyalty/reward_private.h"

SEGMENT_FUNCTION(segment_hold);
SEGMENT_FUNCTION(segment_settle);
SEGMENT_FUNCTION(segment_release);

/* What an open hold has of a lot. */
typedef struct HeldShare
{
	Lot		   *lot;
	int64		points;
	bool		lapses;			/* before its lot expires */
} HeldShare;

static int64 hold(FunctionCallInfo fcinfo, Ledger *ledger, Account *account,
				  int64 points);
static TimestampTz until_argument(FunctionCallInfo fcinfo,
								  const Ledger *ledger);
static int64 end_hold(FunctionCallInfo fcinfo, bool settling);
static int64 end_locked(FunctionCallInfo fcinfo, Ledger *ledger,
						Account *account, int64 hold, bool settling);
static void enter_outlasted(Ledger *ledger, Movement *movement, Lot *lot,
							int64 points, TimestampTz until);
static void unhold(Ledger *ledger, Movement *movement, const HeldShare *share,
				   TimestampTz until);

/*
 * hold(program, key, points, until, ref, token, population) -> movement
 */
Datum
segment_hold(PG_FUNCTION_ARGS)
{
	static const int requested[] = {1, 2, 3, 4};
	const Program *program = program_open(fcinfo, 0, 6, PROGRAM_SERVE);
	Datum		key = customer_argument(fcinfo, 1, program);
	int64		points = points_argument(fcinfo, 2, false);
	Ledger	   *ledger = ledger_begin(program, text_argument(fcinfo, 5),
									  request_text("hold", fcinfo, requested,
												   lengthof(requested)));
	Account    *account = ledger_add_account(ledger, key);
	int64		number = ledger_lock(ledger);

	if (number == 0)
		number = hold(fcinfo, ledger, account, points);
	ledger_end(ledger);
	PG_RETURN_INT64(number);
}

/* hold() is segment.hold() for a customer who is locked. */
static int64
hold(FunctionCallInfo fcinfo, Ledger *ledger, Account *account, int64 points)
{
	TimestampTz until = until_argument(fcinfo, ledger);
	Movement   *movement;
	Datum		values[4];
	ListCell   *lc;

	account_check_member(ledger, account, false);
	movement = lots_move(ledger, account, "hold", -points,
						   note_argument(fcinfo, 4), NULL);
	/* before: whether the hold outlasts a lot is a matter of its new expiry */
	lots_touch(ledger, movement);
	foreach(lc, lots_choose(ledger, account, points))
	{
		const Share *share = lfirst(lc);
		Lot		   *lot = share->lot;
		bool		lapses = until < lot->expires_at;

		lot->remaining -= share->points;
		lot->changed = true;
		ledger_enter(ledger, movement, lot, -share->points, "hold", "held",
					 ledger->at);
		if (lapses)
			ledger_enter(ledger, movement, lot, share->points, "release",
						 "held", until);
		else
		{
			ledger_enter(ledger, movement, lot, share->points, "outlast",
						 "expired", lot->expires_at);
			enter_outlasted(ledger, movement, lot, share->points, until);
		}
	}
	lots_write(ledger);
	values[0] = Int64GetDatum(movement->number);
	values[1] = account->key;
	values[2] = Int64GetDatum(points);
	values[3] = TimestampTzGetDatum(until);
	(void) ledger_execute(ledger->program, ADD_HOLD, values, NULL);
	return movement->number;
}

/* until_argument() is when a hold lapses: an instant, or a span from now. */
static TimestampTz
until_argument(FunctionCallInfo fcinfo, const Ledger *ledger)
{
	TimestampTz until = ledger->at;

	if (PG_ARGISNULL(3))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("it must be given until when points are held"),
				 errhint("For example until => '15 minutes'.")));
	if (get_fn_expr_argtype(fcinfo->flinfo, 3) == TIMESTAMPTZOID)
		until = PG_GETARG_TIMESTAMPTZ(3);
	else
		until = until_parse(text_argument(fcinfo, 3), ledger->program->zone,
							ledger->at);
	if (until <= ledger->at || TIMESTAMP_NOT_FINITE(until))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("points must be held until an instant that is to come"),
				 errhint("For example until => '15 minutes'.")));
	return until;
}

/*
 * settle(program, movement, points, ref, token, population) -> movement
 */
Datum
segment_settle(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(end_hold(fcinfo, true));
}

/*
 * release(program, movement, token, population) -> movement
 */
Datum
segment_release(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(end_hold(fcinfo, false));
}

/* end_hold() is segment.settle(), or segment.release(). */
static int64
end_hold(FunctionCallInfo fcinfo, bool settling)
{
	static const int of_settle[] = {1, 2, 3};
	static const int of_release[] = {1};
	const Program *program = program_open(fcinfo, 0, settling ? 5 : 3,
										  PROGRAM_SERVE);
	int64		hold = PG_ARGISNULL(1) ? 0 : PG_GETARG_INT64(1);
	char	   *token = text_argument(fcinfo, settling ? 4 : 2);
	Datum		number = Int64GetDatum(hold);
	Ledger	   *ledger;
	Account    *account;
	bool		isnull;
	Datum		key;
	int64		movement;

	ledger = ledger_begin(program, token, settling ?
						  request_text("settle", fcinfo, of_settle,
									   lengthof(of_settle)) :
						  request_text("release", fcinfo, of_release,
									   lengthof(of_release)));
	if (ledger_execute(program, ASK_HOLD, &number, NULL) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_NO_DATA_FOUND),
				 errmsg("program \"%s\" has no hold " INT64_FORMAT,
						program->name, hold),
				 errhint("Give the number that segment.hold() returned.")));
	key = profile_key_copy(program->population, result_value(0, 7, &isnull));
	account = ledger_add_account(ledger, key);
	movement = ledger_lock(ledger);
	if (movement == 0)
		movement = end_locked(fcinfo, ledger, account, hold, settling);
	ledger_end(ledger);
	return movement;
}

/* end_locked() ends a hold of a customer who is locked. */
static int64
end_locked(FunctionCallInfo fcinfo, Ledger *ledger, Account *account,
		   int64 hold, bool settling)
{
	int64		points = settling ? points_argument(fcinfo, 2, true) : 0;
	Datum		number = Int64GetDatum(hold);
	uint64		rows = ledger_execute(ledger->program, ASK_HOLD, &number,
									  NULL);
	List	   *shares = NIL;
	Movement   *movement;
	TimestampTz until;
	int64		held;
	bool		isnull;
	char	   *state;
	Datum		values[4];
	ListCell   *lc;

	held = DatumGetInt64(result_value(0, 8, &isnull));
	until = DatumGetTimestampTz(result_value(0, 9, &isnull));
	state = TextDatumGetCString(result_value(0, 10, &isnull));
	if (strcmp(state, "open") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("hold " INT64_FORMAT " of program \"%s\" has ended",
						hold, ledger->program->name),
				 strcmp(state, "lapsed") == 0 ?
				 errdetail("It lapsed at %s.", timestamptz_to_str(until)) :
				 errdetail("It was %s.", state),
				 errhint("Use segment.redeem() to spend what the customer has now.")));
	if (settling && points == 0)
		points = held;
	if (points > held)
		ereport(ERROR,
				(errcode(ERRCODE_CHECK_VIOLATION),
				 errmsg("hold " INT64_FORMAT " cannot be settled with "
						INT64_FORMAT " %s", hold, points,
						ledger->program->unit),
				 errdetail(INT64_FORMAT " are held.", held),
				 errhint("Settle at most " INT64_FORMAT ", and use segment.redeem() for the rest.",
						 held)));
	for (uint64 i = 0; i < rows; i++)
	{
		HeldShare  *share = palloc(sizeof(HeldShare));

		share->lot = lot_of_row(account, i);
		share->points = DatumGetInt64(result_value(i, 6, &isnull));
		share->lapses = until < share->lot->expires_at;
		shares = lappend(shares, share);
	}

	movement = lots_move(ledger, account, settling ? "settle" : "release",
						   settling ? -points : held,
						   settling ? note_argument(fcinfo, 3) : NULL, NULL);
	movement->reverses = hold;
	foreach(lc, shares)
	{
		const HeldShare *share = lfirst(lc);
		int64		spent = Min(points, share->points);

		unhold(ledger, movement, share, until);
		if (spent > 0)
			lot_draw(ledger, movement, share->lot, spent, "redeem",
					 "redeemed");
		points -= spent;
	}
	lots_write(ledger);
	values[0] = account->key;
	values[1] = CStringGetTextDatum(settling ? "settled" : "released");
	values[2] = TimestampTzGetDatum(ledger->at);
	values[3] = number;
	(void) ledger_execute(ledger->program, END_HOLDS, values, NULL);
	rewards_end(ledger, true);
	return movement->number;
}

/* unhold() gives points back to their lot, and what is written ahead goes. */
static void
unhold(Ledger *ledger, Movement *movement, const HeldShare *share,
	   TimestampTz until)
{
	Lot		   *lot = share->lot;

	lot_refill(lot, share->points);
	ledger_enter(ledger, movement, lot, share->points, "release", "held",
				 ledger->at);
	if (share->lapses)
		ledger_enter(ledger, movement, lot, -share->points, "release", "held",
					 until);
	else
	{
		enter_outlasted(ledger, movement, lot, -share->points, until);
		ledger_enter(ledger, movement, lot, -share->points, "expire",
					 "expired", Max(ledger->at, lot->expires_at));
	}
}

/*
 * enter_outlasted() enters what becomes of points whose hold outlasts their
 * lot: when it lapses they come back, and are gone.
 */
static void
enter_outlasted(Ledger *ledger, Movement *movement, Lot *lot, int64 points,
				TimestampTz until)
{
	ledger_enter(ledger, movement, lot, points, "release", "held", until);
	ledger_enter(ledger, movement, lot, -points, "outlast", "expired", until);
}
