/*-------------------------------------------------------------------------
 *
 * lots.c
 *	  Points that come into lots, and go out of them.
 *
 * Whatever is done to a lot is an entry when it takes effect, and one that
 * changes what expires:
 *
 *		grant 600		+600 earn		when it becomes active
 *						-600 expire		when it expires
 *		draw 200		-200 redeem		now
 *						+200 expire		so many fewer expire
 *
 * So the entries of a lot that expires add up to nothing, at once and for
 * ever, and what is left of it when it expires is what its entries expire.  In
 * a lot that has expired already, both are entries of now: nothing changes.
 *
 * 'remaining' is what was granted less what was drawn, whatever the dates.
 *
 * Debt.  What is taken back after it was spent is a debt, if no active lot can
 * pay for it: entries without a lot.  A lot that comes later pays it off:
 *
 *		-30 debt of the lot, +30 expire of the lot, +30 debt without a lot
 *
 * A lot that is not active yet pays when it becomes so: it is charged with the
 * debt by entries of then.  Whatever happens to the customer meanwhile takes
 * the charge back (lots_move), so that points that are active come first, and
 * charges the lots with what is left (lots_write).
 *
 * Activity.  Where points expire after some time without activity, a customer
 * has one active lot: each activity moves what is left of it from one instant
 * of expiry to another, and moves what is in others into it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/int.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "loyalty/tables.h"

static TimestampTz lot_draw_at(const Ledger *ledger, const Lot *lot);
static void charge_lot(Ledger *ledger, Movement *movement, Lot *lot);
static int	first_to_pay(const ListCell *a, const ListCell *b);
static Lot *lot_to_extend(Ledger *ledger, Account *account,
						  TimestampTz active_at, TimestampTz expires_at);
static List *lots_left(Ledger *ledger, Account *account, int64 enough);
static void read_left(Ledger *ledger, Account *account, int64 enough);
static bool is_active(const Ledger *ledger, const Lot *lot);
static void keep_set_aside(Ledger *ledger, Movement *movement,
						   TimestampTz expires_at);
static void move_expiry(Ledger *ledger, Movement *movement, Lot *lot,
						TimestampTz expires_at);
static int64 set_aside(Ledger *ledger, Movement *movement, Lot *lot,
					   TimestampTz expires_at);
pg_noreturn static void refuse_draw(Ledger *ledger, Account *account,
									int64 points);
static int64 ask_sum(Ledger *ledger, Account *account,
					 LedgerStatement statement, TimestampTz *last);

/* ---- one lot ---- */

Lot *
lot_grant(Ledger *ledger, Movement *movement, int64 points, const char *kind,
		  const char *contra, TimestampTz active_at, TimestampTz expires_at)
{
	Account    *account = movement->account;
	Lot		   *lot = lot_to_extend(ledger, account, active_at, expires_at);

	if (expires_at <= active_at)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("points would expire before they are active"),
				 errdetail("They are active from %s, and expire at %s.",
						   pstrdup(timestamptz_to_str(active_at)),
						   pstrdup(timestamptz_to_str(expires_at))),
				 errhint("Give a later expires, or a shorter pending.")));
	if (lot == NULL)
	{
		lot = palloc0(sizeof(Lot));
		lot->movement = movement;
		lot->account = account;
		lot->active_at = active_at;
		lot->expires_at = expires_at;
		lot_add(lot);
	}
	else
		lot->changed = true;
	lot->granted = movement_points(movement, lot->granted, points);
	lot->remaining += points;
	ledger_enter(ledger, movement, lot, points, kind, contra, active_at);
	ledger_enter(ledger, movement, lot, -points, "expire", "expired",
				 expires_at);
	return lot;
}

/*
 * lot_to_extend() is the lot to which points are added that expire when it
 * does; NULL if they are a lot of their own.
 */
static Lot *
lot_to_extend(Ledger *ledger, Account *account, TimestampTz active_at,
			  TimestampTz expires_at)
{
	ListCell   *lc;

	if (!ledger->program->terms.idle || active_at > ledger->at)
		return NULL;
	foreach(lc, lots_left(ledger, account, PG_INT64_MAX))
	{
		Lot		   *lot = lfirst(lc);

		if (is_active(ledger, lot) && lot->expires_at == expires_at)
			return lot;
	}
	return NULL;
}

void
lot_draw(Ledger *ledger, Movement *movement, Lot *lot, int64 points,
		 const char *kind, const char *contra)
{
	TimestampTz at = lot_draw_at(ledger, lot);

	Assert(points <= lot->remaining);
	lot->remaining -= points;
	lot->changed = lot->number != 0;
	ledger_enter(ledger, movement, lot, -points, kind, contra, at);
	ledger_enter(ledger, movement, lot, points, "expire", "expired",
				 Max(at, lot->expires_at));
}

void
lot_restore(Ledger *ledger, Movement *movement, Lot *lot, int64 points,
			const char *kind, const char *contra)
{
	TimestampTz at = lot_draw_at(ledger, lot);

	lot_refill(lot, points);
	ledger_enter(ledger, movement, lot, points, kind, contra, at);
	ledger_enter(ledger, movement, lot, -points, "expire", "expired",
				 Max(at, lot->expires_at));
}

/* lot_draw_at() is when points of a lot can be drawn at the earliest. */
static TimestampTz
lot_draw_at(const Ledger *ledger, const Lot *lot)
{
	return Max(ledger->at, lot->active_at);
}

/* charge_lot() lets a lot pay off what it can of the customer's debt. */
static void
charge_lot(Ledger *ledger, Movement *movement, Lot *lot)
{
	Account    *account = lot->account;
	int64		points = Min(account->debt, lot->remaining);

	if (points <= 0)
		return;
	lot_draw(ledger, movement, lot, points, "debt", "debt");
	ledger_enter(ledger, movement, NULL, points, "debt", "debt",
				 lot_draw_at(ledger, lot));
	account->debt -= points;
}

Movement *
lots_move(Ledger *ledger, Account *account, const char *kind, int64 points,
		  const char *ref, const char *note)
{
	Movement   *movement = ledger_move(ledger, account, kind, points, ref,
									   note);

	lots_reopen(ledger, movement);
	return movement;
}

void
lots_reopen(Ledger *ledger, Movement *movement)
{
	Account    *account = movement->account;
	Datum		values[] = {account->key, TimestampTzGetDatum(ledger->at)};
	uint64		rows;
	bool		isnull;

	if (account->awaited == 0)
		return;
	rows = ledger_execute(ledger->program, ASK_CHARGED, values, NULL);
	for (uint64 i = 0; i < rows; i++)
	{
		Lot		   *lot = lot_of_row(account, i);
		int64		points = DatumGetInt64(result_value(i, 6, &isnull));

		lot_refill(lot, points);
		ledger_enter(ledger, movement, lot, points, "debt", "debt",
					 lot->active_at);
		ledger_enter(ledger, movement, lot, -points, "expire", "expired",
					 lot->expires_at);
		ledger_enter(ledger, movement, NULL, -points, "debt", "debt",
					 lot->active_at);
		account->debt += points;
	}
	SPI_freetuptable(SPI_tuptable);
	account->awaited = 0;
}

void
lots_write(Ledger *ledger)
{
	for (int i = 0; i < ledger->naccounts; i++)
	{
		ledger->at = ledger->accounts[i].now;
		lots_pay(ledger, &ledger->accounts[i]);
	}
	ledger_write(ledger);
}

/*
 * Whoever has a debt has nothing to spend but what this request has given; and
 * what is not active yet.
 */
void
lots_pay(Ledger *ledger, Account *account)
{
	List	   *lots = NIL;
	ListCell   *lc;

	if (account->debt <= 0 || account->last == NULL)
		return;
	foreach(lc, lots_left(ledger, account, PG_INT64_MAX))
		if (!is_active(ledger, lfirst(lc)))
			lots = lappend(lots, lfirst(lc));
	foreach(lc, account->lots)
	{
		Lot		   *lot = lfirst(lc);

		if (lot->expires_at > ledger->at)
			lots = list_append_unique_ptr(lots, lot);
	}
	list_sort(lots, first_to_pay);
	foreach(lc, lots)
		charge_lot(ledger, account->last, lfirst(lc));
}

/*
 * first_to_pay() orders lots: those that are active, the soonest to expire
 * first, and then the others by when they become active.  For list_sort().
 */
static int
first_to_pay(const ListCell *a, const ListCell *b)
{
	const Lot  *one = lfirst(a);
	const Lot  *other = lfirst(b);
	TimestampTz active = Max(one->active_at, one->account->now);
	TimestampTz other_active = Max(other->active_at, other->account->now);

	if (active != other_active)
		return active < other_active ? -1 : 1;
	return lot_order(a, b);
}

/* ---- the lots of a customer ---- */

List *
lots_choose(Ledger *ledger, Account *account, int64 points)
{
	List	   *shares = NIL;
	int64		left = points;
	ListCell   *lc;

	foreach(lc, lots_left(ledger, account, points))
	{
		Lot		   *lot = lfirst(lc);
		Share	   *share;

		if (left == 0)
			break;
		if (lot->remaining == 0 || !is_active(ledger, lot))
			continue;
		share = palloc(sizeof(Share));
		share->lot = lot;
		share->points = Min(left, lot->remaining);
		left -= share->points;
		shares = lappend(shares, share);
	}
	if (left > 0)
		refuse_draw(ledger, account, points);
	return shares;
}

bool
lots_have(Ledger *ledger, Account *account, int64 points)
{
	int64		left = points;
	ListCell   *lc;

	foreach(lc, lots_left(ledger, account, points))
	{
		const Lot  *lot = lfirst(lc);

		if (is_active(ledger, lot))
			left -= Min(left, lot->remaining);
	}
	return left == 0;
}

List *
lots_draw(Ledger *ledger, Movement *movement, int64 points, const char *kind,
		  const char *contra)
{
	List	   *shares = lots_choose(ledger, movement->account, points);
	ListCell   *lc;

	foreach(lc, shares)
	{
		const Share *share = lfirst(lc);

		lot_draw(ledger, movement, share->lot, share->points, kind, contra);
	}
	return shares;
}

int64
lots_draw_any(Ledger *ledger, Movement *movement, int64 points,
			  const char *kind, const char *contra)
{
	int64		left = points;
	ListCell   *lc;

	foreach(lc, left == 0 ? NIL :
			lots_left(ledger, movement->account, points))
	{
		Lot		   *lot = lfirst(lc);
		int64		some = Min(left, lot->remaining);

		if (some == 0 || !is_active(ledger, lot))
			continue;
		lot_draw(ledger, movement, lot, some, kind, contra);
		left -= some;
	}
	return points - left;
}

/*
 * lots_left() reads the lots (Lot *) of a customer that have something left
 * and have not expired, the soonest to expire first; at least so many that
 * those that are active have enough, if these have it.  One that this request
 * has read or changed already is as it has become.
 *
 * A statement may ask for each of many rows.  So those that were read are kept
 * until the ledger is written, and if they are not enough twice as many are
 * read the next time; and nobody looks again at those that became empty, but
 * who asks for all.
 */
static List *
lots_left(Ledger *ledger, Account *account, int64 enough)
{
	bool		all = enough == PG_INT64_MAX;
	List	   *lots = NIL;
	int64		sum = 0;

	if (account->after != ledger->at)
		lots_forget(account);
	for (int i = all ? 0 : account->first_left; sum < enough; i++)
	{
		Lot		   *lot;

		if (i == list_length(account->by_expiry))
		{
			if (account->read_all)
				break;
			read_left(ledger, account, enough - sum);
			if (i == list_length(account->by_expiry))
				break;
		}
		lot = list_nth(account->by_expiry, i);
		if (lot->remaining == 0 && i == account->first_left)
			account->first_left++;
		if (lot->remaining == 0 && !all)
			continue;
		lots = lappend(lots, lot);
		if (is_active(ledger, lot) &&
			pg_add_s64_overflow(sum, lot->remaining, &sum))
			sum = PG_INT64_MAX;
	}
	return lots;
}

/*
 * read_left() reads more lots by expiry: until those that are active have
 * enough, and twice as many as before.
 */
static void
read_left(Ledger *ledger, Account *account, int64 enough)
{
	bool		ordered = ledger_is_ordered(ledger, LOTS_BY_EXPIRY);
	int			before = list_length(account->by_expiry);
	int			count = 0;
	int64		sum = 0;
	TupleTableSlot *row = NULL;

	account->after = ledger->at;
	ledger_seek(ledger, LOTS_BY_EXPIRY, account->key,
				TimestampTzGetDatum(ledger->at));
	while ((!ordered || sum < enough || count < 2 * before) &&
		   (row = ledger_next(ledger, LOTS_BY_EXPIRY)) != NULL)
	{
		Lot		   *lot;

		/* those that are read again come in the same order */
		if (ledger_int64(row, LOT_REMAINING) == 0 || ++count <= before)
			continue;
		lot = lot_of_slot(account, row);
		account->by_expiry = lappend(account->by_expiry, lot);
		if (is_active(ledger, lot) &&
			pg_add_s64_overflow(sum, lot->remaining, &sum))
			sum = PG_INT64_MAX;
	}
	account->read_all = row == NULL;
	if (!ordered)
		list_sort(account->by_expiry, lot_order);
	for (int i = before; i < list_length(account->by_expiry); i++)
		((Lot *) list_nth(account->by_expiry, i))->place = i;
}

/* is_active() says whether a lot is active, if it has not expired. */
static bool
is_active(const Ledger *ledger, const Lot *lot)
{
	return lot->active_at <= ledger->at;
}

/* ---- activity ---- */

void
lots_touch(Ledger *ledger, Movement *movement)
{
	const Program *program = ledger->program;
	TimestampTz expires_at;
	Lot		   *kept = NULL;
	ListCell   *lc;

	if (!program->terms.idle)
		return;
	ledger_write(ledger);
	expires_at = terms_apply(&program->terms, program->zone, ledger->at);
	foreach(lc, lots_left(ledger, movement->account, PG_INT64_MAX))
	{
		Lot		   *lot = lfirst(lc);
		int64		points = lot->remaining;

		if (points == 0)
			continue;
		if (!is_active(ledger, lot))
			move_expiry(ledger, movement, lot,
						terms_apply(&program->terms, program->zone,
									lot->active_at));
		else if (kept == NULL || kept->granted > PG_INT64_MAX - points)
		{
			kept = lot;
			move_expiry(ledger, movement, lot, expires_at);
		}
		else
		{
			lot->remaining = 0;
			lot->changed = true;
			ledger_enter(ledger, movement, lot, -points, "move", "moved",
						 ledger->at);
			ledger_enter(ledger, movement, lot, points, "extend", "expired",
						 lot->expires_at);
			kept->granted += points;
			kept->remaining += points;
			ledger_enter(ledger, movement, kept, points, "move", "moved",
						 ledger->at);
			ledger_enter(ledger, movement, kept, -points, "extend",
						 "expired", kept->expires_at);
		}
	}
	if (movement->account->holds)
		keep_set_aside(ledger, movement, expires_at);
}

/*
 * keep_set_aside() moves the expiry of lots of which nothing is left but what
 * open holds have.
 */
static void
keep_set_aside(Ledger *ledger, Movement *movement, TimestampTz expires_at)
{
	Account    *account = movement->account;
	Datum		values[] = {account->key, TimestampTzGetDatum(ledger->at)};
	uint64		rows = ledger_execute(ledger->program, ASK_LOTS_ASIDE, values,
									  NULL);
	List	   *lots = NIL;
	ListCell   *lc;

	for (uint64 i = 0; i < rows; i++)
		lots = lappend(lots, lot_of_row(account, i));
	SPI_freetuptable(SPI_tuptable);
	foreach(lc, lots)
		if (((Lot *) lfirst(lc))->remaining == 0)
			move_expiry(ledger, movement, lfirst(lc), expires_at);
}

/*
 * move_expiry() lets what expires of a lot, what is set aside included, expire
 * at a later instant.
 */
static void
move_expiry(Ledger *ledger, Movement *movement, Lot *lot,
			TimestampTz expires_at)
{
	int64		points;

	if (expires_at <= lot->expires_at)
		return;
	points = lot->remaining;
	if (lot->account->holds)
		points += set_aside(ledger, movement, lot, expires_at);
	ledger_enter(ledger, movement, lot, points, "extend", "expired",
				 lot->expires_at);
	ledger_enter(ledger, movement, lot, -points, "extend", "expired",
				 expires_at);
	lot->expires_at = expires_at;
	lot->changed = true;
}

/*
 * set_aside() is what open holds have of a lot and give back before it
 * expires.  Points of a hold that would outlast the lot, and does so no more
 * when it expires later, are not gone when they come back, but expire then.
 */
static int64
set_aside(Ledger *ledger, Movement *movement, Lot *lot,
		  TimestampTz expires_at)
{
	Datum		values[] = {lot->account->key, Int64GetDatum(lot->number)};
	uint64		rows = ledger_execute(ledger->program, ASK_ASIDE, values,
									  NULL);
	int64		aside = 0;
	bool		isnull;

	for (uint64 i = 0; i < rows; i++)
	{
		TimestampTz until =
			DatumGetTimestampTz(result_value(i, 1, &isnull));
		int64		points = DatumGetInt64(result_value(i, 2, &isnull));

		if (until < lot->expires_at)
			aside += points;
		else if (until < expires_at)
		{
			ledger_enter(ledger, movement, lot, points, "outlast", "expired",
						 until);
			ledger_enter(ledger, movement, lot, -points, "expire", "expired",
						 expires_at);
		}
	}
	SPI_freetuptable(SPI_tuptable);
	return aside;
}

/* ---- not enough ---- */

/* refuse_draw() says what a customer can spend, and what not yet. */
static void
refuse_draw(Ledger *ledger, Account *account, int64 points)
{
	const char *unit = ledger->program->unit;
	TimestampTz pending_until = 0;
	TimestampTz held_until = 0;
	int64		spendable = ask_sum(ledger, account, ASK_SPENDABLE, NULL);
	int64		pending = ask_sum(ledger, account, ASK_PENDING,
								  &pending_until);
	int64		held = ask_sum(ledger, account, ASK_HELD, &held_until);
	StringInfoData detail;

	initStringInfo(&detail);
	appendStringInfo(&detail, INT64_FORMAT " can be spent now", spendable);
	if (pending > 0)
		appendStringInfo(&detail, ", " INT64_FORMAT " are pending until %s",
						 pending, timestamptz_to_str(pending_until));
	if (held > 0)
		appendStringInfo(&detail, ", " INT64_FORMAT " are held until %s",
						 held, timestamptz_to_str(held_until));
	if (account->debt > 0)
		appendStringInfo(&detail, ", " INT64_FORMAT " are owed",
						 account->debt);
	ereport(ERROR,
			(errcode(ERRCODE_CHECK_VIOLATION),
			 errmsg("customer \"%s\" cannot spend " INT64_FORMAT " %s",
					account_text(ledger, account), points, unit),
			 errdetail_internal("%s.", detail.data),
			 spendable > 0 ?
			 errhint("Spend at most " INT64_FORMAT ".", spendable) :
			 errhint("segment.card() tells what can be spent, and when.")));
}

/* ask_sum() is a number of points that a statement finds, and a time. */
static int64
ask_sum(Ledger *ledger, Account *account, LedgerStatement statement,
		TimestampTz *last)
{
	Datum		values[] = {account->key, TimestampTzGetDatum(account->now)};
	bool		isnull;
	Datum		value;

	(void) ledger_execute(ledger->program, statement, values, NULL);
	if (last != NULL)
		*last = DatumGetTimestampTz(result_value(0, 2, &isnull));
	value = result_value(0, 1, &isnull);
	return isnull ? 0 :
		DatumGetInt64(DirectFunctionCall1(numeric_int8, value));
}
