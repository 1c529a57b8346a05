/*-------------------------------------------------------------------------
 *
 * lot_known.c
 *	  Which lots of a customer does a request know?
 *
 *		lots_granted(movement 7)	reads lot 12
 *		lots_draw(100)				takes 20 of that Lot, and 80 of lot 13
 *		lots_granted(movement 9)	lot 13, of which 80 are drawn
 *
 * Of a lot there is one Lot, which is as the request has left it, however
 * often and by whatever way its row is read.  A statement may change a hundred
 * thousand rows of one customer: lots are found by their numbers.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/hsearch.h"

#include "loyalty/tables.h"

/* So many lots of a customer are looked through one by one. */
#define FEW_LOTS		16

typedef struct NumberedLot
{
	int64		number;			/* hash key */
	Lot		   *lot;
} NumberedLot;

static List *add_granted(Ledger *ledger, Account *account, List *lots,
						 int64 movement);
static bool grants(const TupleTableSlot *entry);
static Lot *lot_read(Ledger *ledger, Account *account, int64 number);
static Lot *lot_find(const Account *account, int64 number);
static Lot *lot_as_known(Account *account, const Lot *read);
static void keep_number(Lot *lot);

/* ---- lots are read ---- */

List *
lots_granted(Ledger *ledger, Account *account, int64 movement)
{
	List	   *lots = add_granted(ledger, account, NIL, movement);
	TupleTableSlot *row;

	ledger_seek(ledger, MOVEMENTS_BY_REVERSED, Int64GetDatum(movement),
				(Datum) 0);
	while ((row = ledger_next(ledger, MOVEMENTS_BY_REVERSED)) != NULL)
		lots = add_granted(ledger, account, lots,
						   ledger_int64(row, MOVEMENT_MOVEMENT));
	list_sort(lots, lot_order);
	return lots;
}

/* add_granted() adds the lots into which one movement granted, each once. */
static List *
add_granted(Ledger *ledger, Account *account, List *lots, int64 movement)
{
	TupleTableSlot *entry;

	ledger_seek(ledger, ENTRIES_BY_MOVEMENT, account->key,
				Int64GetDatum(movement));
	while ((entry = ledger_next(ledger, ENTRIES_BY_MOVEMENT)) != NULL)
		if (grants(entry))
			lots = list_append_unique_ptr(lots,
										  lot_read(ledger, account,
												   ledger_int64(entry,
																ENTRY_LOT)));
	return lots;
}

/* grants() says whether an entry puts points into a lot that are granted. */
static bool
grants(const TupleTableSlot *entry)
{
	bool		isnull;
	char	   *kind;
	bool		grants;

	(void) ledger_value(entry, ENTRY_LOT, &isnull);
	if (isnull || ledger_int64(entry, ENTRY_POINTS) <= 0)
		return false;
	kind = TextDatumGetCString(ledger_value(entry, ENTRY_KIND, &isnull));
	grants = strcmp(kind, "earn") == 0 || strcmp(kind, "adjust") == 0;
	pfree(kind);
	return grants;
}

/* lot_read() finds a lot that is known, or reads it. */
static Lot *
lot_read(Ledger *ledger, Account *account, int64 number)
{
	Lot		   *lot = lot_find(account, number);
	TupleTableSlot *row;

	if (lot != NULL)
		return lot;
	ledger_seek(ledger, LOT_BY_NUMBER, Int64GetDatum(number), (Datum) 0);
	row = ledger_next(ledger, LOT_BY_NUMBER);
	if (row == NULL)
		elog(ERROR, "lot " INT64_FORMAT " is gone", number);
	return lot_of_slot(account, row);
}

Lot *
lot_of_slot(Account *account, const TupleTableSlot *row)
{
	Lot			read = {
		.number = ledger_int64(row, LOT_LOT),
		.granted = ledger_int64(row, LOT_GRANTED),
		.remaining = ledger_int64(row, LOT_REMAINING),
		.active_at = ledger_int64(row, LOT_ACTIVE_AT),
		.expires_at = ledger_int64(row, LOT_EXPIRES_AT),
		.granted_by = ledger_int64(row, LOT_MOVEMENT),
		.row = row->tts_tid,
		.read_after = account->written,
	};

	return lot_as_known(account, &read);
}

Lot *
lot_of_row(Account *account, uint64 row)
{
	bool		isnull;
	Lot			read = {
		.number = DatumGetInt64(result_value(row, 1, &isnull)),
		.granted = DatumGetInt64(result_value(row, 2, &isnull)),
		.remaining = DatumGetInt64(result_value(row, 3, &isnull)),
		.active_at = DatumGetTimestampTz(result_value(row, 4, &isnull)),
		.expires_at = DatumGetTimestampTz(result_value(row, 5, &isnull)),
	};

	return lot_as_known(account, &read);
}

int
lot_order(const ListCell *a, const ListCell *b)
{
	const Lot  *one = lfirst(a);
	const Lot  *other = lfirst(b);

	if (one->expires_at != other->expires_at)
		return one->expires_at < other->expires_at ? -1 : 1;
	return one->number < other->number ? -1 : one->number > other->number;
}

/* ---- lots are known ---- */

/* lot_find() finds a lot that is known, or NULL. */
static Lot *
lot_find(const Account *account, int64 number)
{
	NumberedLot *numbered;
	ListCell   *lc;

	if (account->by_number == NULL)
	{
		foreach(lc, account->lots)
			if (((Lot *) lfirst(lc))->number == number)
				return lfirst(lc);
		return NULL;
	}
	numbered = hash_search(account->by_number, &number, HASH_FIND, NULL);
	return numbered == NULL ? NULL : numbered->lot;
}

/*
 * lot_as_known() is the lot whose row was read: as it has become, if it is
 * known already, or else as it was read.
 */
static Lot *
lot_as_known(Account *account, const Lot *read)
{
	Lot		   *lot = lot_find(account, read->number);

	if (lot != NULL)
		return lot;
	lot = palloc(sizeof(Lot));
	*lot = *read;
	lot->account = account;
	lot_add(lot);
	return lot;
}

void
lot_add(Lot *lot)
{
	Account    *account = lot->account;
	HASHCTL		control = {
		.keysize = sizeof(int64),
		.entrysize = sizeof(NumberedLot),
		.hcxt = CurrentMemoryContext,
	};
	ListCell   *lc;

	account->lots = lappend(account->lots, lot);
	if (account->by_number != NULL)
		keep_number(lot);
	else if (list_length(account->lots) > FEW_LOTS)
	{
		account->by_number = hash_create("segment lots", 4 * FEW_LOTS,
										 &control, HASH_ELEM | HASH_BLOBS |
										 HASH_CONTEXT);
		foreach(lc, account->lots)
			keep_number(lfirst(lc));
	}
}

void
lot_set_number(Lot *lot, int64 number)
{
	lot->number = number;
	if (lot->account->by_number != NULL)
		keep_number(lot);
}

void
lots_forget(Account *account)
{
	account->by_expiry = NIL;
	account->read_all = false;
	account->first_left = 0;
}

void
lot_refill(Lot *lot, int64 points)
{
	Account    *account = lot->account;

	lot->remaining += points;
	lot->changed = lot->number != 0;
	account->first_left = Min(account->first_left, lot->place);
}

/* keep_number() lets a lot be found by its number, if it has one. */
static void
keep_number(Lot *lot)
{
	NumberedLot *numbered;

	if (lot->number == 0)
		return;
	numbered = hash_search(lot->account->by_number, &lot->number, HASH_ENTER,
						   NULL);
	numbered->lot = lot;
}
