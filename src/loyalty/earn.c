/*-------------------------------------------------------------------------
 *
 * earn.c
 *	  Customers get points: for something that they did, by a correction, from
 *	  each other.
 *
 *		earn('club', 42, 100, ref => 'review 7')
 *		adjust('club', 42, -20, note => 'counted twice')
 *		give('club', 42, 43, 50)
 *
 * Points that are given keep their date of expiry, lot by lot.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "loyalty/reward_private.h"

SEGMENT_FUNCTION(segment_earn);
SEGMENT_FUNCTION(segment_adjust);
SEGMENT_FUNCTION(segment_give);

static int64 earn(FunctionCallInfo fcinfo, Ledger *ledger, Account *account,
				  int64 points);
static int64 adjust(FunctionCallInfo fcinfo, Ledger *ledger, Account *account,
					int64 points, const char *note);
static int64 give(Ledger *ledger, int64 points, const char *note);

/*
 * earn(program, key, points, ref, token, pending, expires, note, population)
 *	-> movement
 */
Datum
segment_earn(PG_FUNCTION_ARGS)
{
	static const int requested[] = {1, 2, 3, 5, 6};
	const Program *program = program_open(fcinfo, 0, 8, PROGRAM_SERVE);
	Datum		key = customer_argument(fcinfo, 1, program);
	int64		points = points_argument(fcinfo, 2, false);
	Ledger	   *ledger = ledger_begin(program, text_argument(fcinfo, 4),
									  request_text("earn", fcinfo, requested,
												   lengthof(requested)));
	Account    *account = ledger_add_account(ledger, key);
	int64		number = ledger_lock(ledger);

	if (number == 0)
		number = earn(fcinfo, ledger, account, points);
	ledger_end(ledger);
	PG_RETURN_INT64(number);
}

/* earn() is segment.earn() for a customer who is locked. */
static int64
earn(FunctionCallInfo fcinfo, Ledger *ledger, Account *account, int64 points)
{
	TimestampTz active_at;
	TimestampTz expires_at;
	Movement   *movement;

	account_check_member(ledger, account, true);
	active_at = grant_active_at(ledger, text_argument(fcinfo, 5));
	expires_at = grant_expires_at(ledger, text_argument(fcinfo, 6),
								  active_at);
	movement = lots_move(ledger, account, "earn", points,
						   note_argument(fcinfo, 3),
						   note_argument(fcinfo, 7));
	lots_touch(ledger, movement);
	lot_grant(ledger, movement, points, "earn", "issued", active_at,
			  expires_at);
	lots_write(ledger);
	rewards_end(ledger, true);
	return movement->number;
}

TimestampTz
grant_active_at(const Ledger *ledger, const char *pending)
{
	const Program *program = ledger->program;
	Interval	span = program_pending(program, pending);

	return calendar_add(program->zone, ledger->at, &span);
}

TimestampTz
grant_expires_at(const Ledger *ledger, const char *expires,
				 TimestampTz active_at)
{
	const Program *program = ledger->program;
	Terms		terms = program_terms(program, expires, program->zone);

	return terms_apply(&terms, program->zone, active_at);
}

/*
 * adjust(program, key, points, note, token, expires, population) -> movement
 */
Datum
segment_adjust(PG_FUNCTION_ARGS)
{
	static const int requested[] = {1, 2, 3, 5};
	const Program *program = program_open(fcinfo, 0, 6, PROGRAM_CORRECT);
	Datum		key = customer_argument(fcinfo, 1, program);
	int64		points = PG_ARGISNULL(2) ? 0 : PG_GETARG_INT64(2);
	char	   *note = note_argument(fcinfo, 3);
	Ledger	   *ledger;
	Account    *account;
	int64		number;

	if (points == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("an adjustment changes something"),
				 errhint("Give a number of points that is not 0, less than 0 to take some away.")));
	if (points > MOST_POINTS || points < -MOST_POINTS)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("one movement has at most " INT64_FORMAT " points",
						MOST_POINTS)));
	if (note == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("an adjustment needs a reason"),
				 errhint("Say why with note => '...'.")));
	ledger = ledger_begin(program, text_argument(fcinfo, 4),
						  request_text("adjust", fcinfo, requested,
									   lengthof(requested)));
	account = ledger_add_account(ledger, key);
	number = ledger_lock(ledger);
	if (number == 0)
		number = adjust(fcinfo, ledger, account, points, note);
	ledger_end(ledger);
	PG_RETURN_INT64(number);
}

/* adjust() is segment.adjust() for a customer who is locked. */
static int64
adjust(FunctionCallInfo fcinfo, Ledger *ledger, Account *account,
	   int64 points, const char *note)
{
	Movement   *movement;

	account_check_member(ledger, account, false);
	movement = lots_move(ledger, account, "adjust", points, NULL, note);
	if (points > 0)
		lot_grant(ledger, movement, points, "adjust", "adjusted", ledger->at,
				  grant_expires_at(ledger, text_argument(fcinfo, 5),
								   ledger->at));
	else
		(void) lots_draw(ledger, movement, -points, "adjust", "adjusted");
	lots_write(ledger);
	rewards_end(ledger, true);
	return movement->number;
}

/*
 * give(program, giver, receiver, points, token, note, population)
 *	-> movement of the giver
 */
Datum
segment_give(PG_FUNCTION_ARGS)
{
	static const int requested[] = {1, 2, 3, 5};
	const Program *program = program_open(fcinfo, 0, 6, PROGRAM_SERVE);
	Datum		giver = customer_argument(fcinfo, 1, program);
	Datum		receiver = customer_argument(fcinfo, 2, program);
	int64		points = points_argument(fcinfo, 3, false);
	Ledger	   *ledger;
	int64		number;

	if (profile_key_compare(program->population, giver, receiver) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("customer \"%s\" cannot give points to the same customer",
						profile_key_text(program->population, giver)),
				 errhint("Name another receiver.")));
	ledger = ledger_begin(program, text_argument(fcinfo, 4),
						  request_text("give", fcinfo, requested,
									   lengthof(requested)));
	(void) ledger_add_account(ledger, giver);
	(void) ledger_add_account(ledger, receiver);
	number = ledger_lock(ledger);
	if (number == 0)
		number = give(ledger, points, note_argument(fcinfo, 5));
	ledger_end(ledger);
	PG_RETURN_INT64(number);
}

/*
 * give() is segment.give() for two customers who are locked.  What leaves the
 * one as of its instant comes to the other not before that, and not before an
 * instant of the other's; so it has to be good then.
 */
static int64
give(Ledger *ledger, int64 points, const char *note)
{
	Account    *giver = &ledger->accounts[0];
	Account    *receiver = &ledger->accounts[1];
	TimestampTz comes_at = Max(giver->now, receiver->now);
	Movement   *given;
	Movement   *received;
	List	   *shares;
	ListCell   *lc;

	account_check_member(ledger, giver, false);
	account_check_member(ledger, receiver, true);
	ledger->at = giver->now;
	given = lots_move(ledger, giver, "gift", -points, NULL, note);
	ledger->at = receiver->now;
	received = lots_move(ledger, receiver, "gift", points, NULL, note);
	ledger->at = comes_at;
	shares = lots_choose(ledger, giver, points);
	foreach(lc, shares)
	{
		const Share *share = lfirst(lc);

		ledger->at = giver->now;
		lot_draw(ledger, given, share->lot, share->points, "gift", "gift");
		ledger->at = receiver->now;
		(void) lot_grant(ledger, received, share->points, "gift", "gift",
						 comes_at, share->lot->expires_at);
	}
	ledger->at = giver->now;
	lots_touch(ledger, given);
	lots_write(ledger);
	rewards_end(ledger, true);
	return given->number;
}
