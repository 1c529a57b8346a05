/*-------------------------------------------------------------------------
 *
 * reverse.c
 *	  What was done is made up for, as a whole or in part.
 *
 *		reverse('club', 7)		7 earned 100: they are taken back, from what is
 *								left of their own lot; of the rest the program
 *								says what becomes ('returns')
 *		reverse('club', 8)		8 spent 150: the lots get back what was drawn
 *								from them, with the expiry that they have
 *
 * A part of what was spent goes back to the lots that were drawn last, as if
 * less had been spent.  The voucher that it paid for is cancelled.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "loyalty/reward_private.h"

SEGMENT_FUNCTION(segment_reverse);

/* A movement that is to be reversed. */
typedef struct Reversed
{
	int64		number;
	Datum		key;
	char	   *kind;
	int64		points;
	int64		already;		/* reversed by others, less what was added */
} Reversed;

static bool read_reversed(const Program *program, int64 number,
						  Reversed *reversed);
static void check_kind(const Program *program, const Reversed *reversed);
static int64 reverse(Ledger *ledger, Account *account, Reversed *reversed,
					 int64 points, const char *note);
static bool give_back_unused(Ledger *ledger, Account *account, int64 grant,
							 bool others);
static void give_back(Ledger *ledger, Movement *movement, int64 draw,
					  int64 points, const char *kind, const char *contra);
static List *read_drawn(Ledger *ledger, Account *account, int64 movement);

/*
 * reverse(program, movement, points, token, note, population) -> movement
 */
Datum
segment_reverse(PG_FUNCTION_ARGS)
{
	static const int requested[] = {1, 2};
	const Program *program = program_open(fcinfo, 0, 5, PROGRAM_CORRECT);
	int64		number = PG_ARGISNULL(1) ? 0 : PG_GETARG_INT64(1);
	int64		points = points_argument(fcinfo, 2, true);
	Ledger	   *ledger = ledger_begin(program, text_argument(fcinfo, 3),
									  request_text("reverse", fcinfo,
												   requested,
												   lengthof(requested)));
	Reversed	reversed;
	Account    *account;
	int64		movement;

	if (!read_reversed(program, number, &reversed))
		ereport(ERROR,
				(errcode(ERRCODE_NO_DATA_FOUND),
				 errmsg("program \"%s\" has no movement " INT64_FORMAT,
						program->name, number),
				 errhint("segment.statement() lists the movements of a customer.")));
	account = ledger_add_account(ledger, reversed.key);
	movement = ledger_lock(ledger);
	/* others may have reversed it while we waited */
	if (movement == 0)
		movement = movement_reverse(ledger, account, number, points,
									note_argument(fcinfo, 4));
	ledger_end(ledger);
	PG_RETURN_INT64(movement);
}

int64
movement_reverse(Ledger *ledger, Account *account, int64 number,
				 int64 points, const char *note)
{
	Reversed	reversed;

	if (!read_reversed(ledger->program, number, &reversed))
		elog(ERROR, "movement " INT64_FORMAT " is gone", number);
	return reverse(ledger, account, &reversed, points, note);
}

/* read_reversed() reads a movement; false if there is none of that number. */
static bool
read_reversed(const Program *program, int64 number, Reversed *reversed)
{
	Datum		value = Int64GetDatum(number);
	bool		isnull;

	if (ledger_execute(program, ASK_MOVEMENT, &value, NULL) == 0)
		return false;
	reversed->number = number;
	reversed->key = profile_key_copy(program->population,
									 result_value(0, 1, &isnull));
	reversed->kind = TextDatumGetCString(result_value(0, 2, &isnull));
	reversed->points = DatumGetInt64(result_value(0, 3, &isnull));
	reversed->already = -DatumGetInt64(result_value(0, 4, &isnull));
	if (isnull)
		reversed->already = 0;
	SPI_freetuptable(SPI_tuptable);
	return true;
}

/* check_kind() refuses what cannot be reversed, and says what to do. */
static void
check_kind(const Program *program, const Reversed *reversed)
{
	const char *kind = reversed->kind;
	const char *instead;

	if ((strcmp(kind, "earn") == 0 && reversed->points > 0) ||
		strcmp(kind, "redeem") == 0 || strcmp(kind, "settle") == 0 ||
		strcmp(kind, "adjust") == 0)
		return;
	instead = strcmp(kind, "hold") == 0 ? "Use segment.release()." :
		strcmp(kind, "gift") == 0 ?
		"Let the receiver give it back with segment.give()." :
		"Use segment.adjust(), or do again what was reversed.";
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("movement " INT64_FORMAT " of program \"%s\" cannot be reversed",
					reversed->number, program->name),
			 strcmp(kind, "earn") == 0 ?
			 errdetail("A rule took points by it.") :
			 errdetail("Its kind is %s.", kind),
			 errhint("%s", instead)));
}

/* reverse() is segment.reverse() for a customer who is locked. */
static int64
reverse(Ledger *ledger, Account *account, Reversed *reversed, int64 points,
		const char *note)
{
	bool		adjusted = strcmp(reversed->kind, "adjust") == 0;
	bool		granted = reversed->points > 0;
	int64		whole = granted ? reversed->points : -reversed->points;
	int64		left = granted ? whole - reversed->already :
		whole + reversed->already;
	bool		is_auto = false;
	Movement   *movement;

	check_kind(ledger->program, reversed);
	if (left <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("movement " INT64_FORMAT " of program \"%s\" is reversed already",
						reversed->number, ledger->program->name),
				 errhint("Give a token, if the same request may come twice.")));
	if (points == 0)
		points = left;
	if (points > left)
		ereport(ERROR,
				(errcode(ERRCODE_CHECK_VIOLATION),
				 errmsg("movement " INT64_FORMAT " of program \"%s\" cannot be reversed by "
						INT64_FORMAT " %s", reversed->number,
						ledger->program->name, points, ledger->program->unit),
				 errdetail("Of its " INT64_FORMAT ", " INT64_FORMAT
						   " are not reversed yet.", whole, left),
				 errhint("Reverse at most " INT64_FORMAT ".", left)));
	(void) voucher_cancel(ledger, reversed->number, points == whole, &is_auto);
	movement = lots_move(ledger, account, "reverse",
						   granted ? -points : points, NULL, note);
	movement->reverses = reversed->number;
	if (granted)
		take_back(ledger, movement, reversed->number, points,
				  adjusted ? "adjust" : "return",
				  adjusted ? "adjusted" : "returned");
	else
		give_back(ledger, movement, reversed->number, points,
				  adjusted ? "adjust" : "restore",
				  adjusted ? "adjusted" : "redeemed");
	lots_write(ledger);
	/* or the voucher that was cancelled would be issued again */
	rewards_end(ledger, !is_auto);
	return movement->number;
}

void
take_back(Ledger *ledger, Movement *movement, int64 grant, int64 points,
		  const char *kind, const char *contra)
{
	ReturnsPolicy policy = ledger->program->policy;
	Account    *account = movement->account;
	bool		others = policy == RETURNS_DEBT ||
		(policy == RETURNS_FORGIVE && ledger->program->terms.idle);
	int64		left = points;
	ListCell   *lc;

	do
	{
		foreach(lc, lots_granted(ledger, account, grant))
		{
			Lot		   *lot = lfirst(lc);
			int64		some = Min(left, lot->remaining);

			if (some == 0 || (policy == RETURNS_PENDING_ONLY &&
							  lot->active_at <= ledger->at))
				continue;
			lot_draw(ledger, movement, lot, some, kind, contra);
			left -= some;
		}
		/* where lots are moved into each other, any may have them */
		if (others)
			left -= lots_draw_any(ledger, movement, left, kind, contra);
	} while (left > 0 && policy != RETURNS_PENDING_ONLY &&
			 give_back_unused(ledger, account, grant, others));
	if (policy == RETURNS_DEBT)
	{
		ledger_enter(ledger, movement, NULL, -left, kind, contra, ledger->at);
		account->debt = movement_points(movement, account->debt, left);
	}
	else
	{
		ledger_enter(ledger, movement, NULL, -left, kind, contra, ledger->at);
		ledger_enter(ledger, movement, NULL, left, "forgive", "forgiven",
					 ledger->at);
	}
}

/*
 * give_back_unused() cancels a voucher that a customer's points have turned
 * into by themselves (see voucher_unused()), and gives the points back; false
 * if there is none.  What was added so far is written.
 */
static bool
give_back_unused(Ledger *ledger, Account *account, int64 grant, bool others)
{
	int64		number = voucher_unused(ledger, account, grant, others);
	Reversed	reversed;
	Movement   *movement;
	bool		is_auto;

	if (number == 0 || !read_reversed(ledger->program, number, &reversed))
		return false;
	(void) voucher_cancel(ledger, number, true, &is_auto);
	movement = lots_move(ledger, account, "reverse", -reversed.points, NULL,
						 NULL);
	movement->reverses = number;
	give_back(ledger, movement, number, -reversed.points, "restore",
			  "redeemed");
	ledger_write(ledger);
	return true;
}

/* give_back() gives what a movement drew back to its lots, the last first. */
static void
give_back(Ledger *ledger, Movement *movement, int64 draw, int64 points,
		  const char *kind, const char *contra)
{
	ListCell   *lc;

	foreach(lc, read_drawn(ledger, movement->account, draw))
	{
		const Share *share = lfirst(lc);
		int64		some = Min(points, share->points);

		if (some > 0)
			lot_restore(ledger, movement, share->lot, some, kind, contra);
		points -= some;
	}
	if (points > 0)
		elog(ERROR, "lots of movement " INT64_FORMAT " lack " INT64_FORMAT
			 " points", draw, points);
}

/* read_drawn() reads what a movement took out of lots (Share *). */
static List *
read_drawn(Ledger *ledger, Account *account, int64 movement)
{
	Datum		value = Int64GetDatum(movement);
	uint64		rows = ledger_execute(ledger->program, ASK_DRAWN, &value,
									  NULL);
	List	   *shares = NIL;
	bool		isnull;

	for (uint64 i = 0; i < rows; i++)
	{
		Share	   *share = palloc(sizeof(Share));
		Datum		points = result_value(i, 6, &isnull);

		share->lot = lot_of_row(account, i);
		share->points = DatumGetInt64(DirectFunctionCall1(numeric_int8,
														  points));
		shares = lappend(shares, share);
	}
	SPI_freetuptable(SPI_tuptable);
	return shares;
}
