/*-------------------------------------------------------------------------
 *
 * ledger.c
 *	  What is added to a program's ledger, until it is written at once.
 *
 *		redeem('club', 42, 100)
 *
 *		ledger_begin		act as the population's owner
 *		ledger_lock			profile 42's row; then the token, the member, debts
 *							(account.c)
 *			lots_draw		which lots have points?  (lots.c)
 *		ledger_write		movement, lots, entries are written; the entries
 *							are rows of a source, so traits and audiences
 *							follow
 *		ledger_end			act as before
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "loyalty/tables.h"

static Ledger *make_ledger(const Program *program);
static void connect(Ledger *ledger);
static void write_in_scratch(Ledger *ledger, void (*write) (Ledger *));
static void write_movements(Ledger *ledger);
static void set_movement(const Ledger *ledger, Rows *rows, int row,
						 const Movement *movement);
static List *lots_that(const Ledger *ledger, bool are_new);
static void write_new_lots(Ledger *ledger);
static void write_changed_lots(Ledger *ledger);
static void write_lots(Ledger *ledger, bool are_new);
static int64 new_lot_number(Ledger *ledger, Movement *movement);
static void write_entries(Ledger *ledger);
static int32 next_entry(Ledger *ledger, Movement *movement);

Ledger *
ledger_begin(const Program *program, const char *token, const char *request)
{
	Ledger	   *ledger = ledger_begin_unpinned(program, token, request);

	ledger->before.settings = settings_pin();
	return ledger;
}

Ledger *
ledger_begin_unpinned(const Program *program, const char *token,
					  const char *request)
{
	Ledger	   *ledger;

	if (token != NULL && token[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a token must not be empty"),
				 errhint("Give each request a token of its own, or none.")));
	if (token != NULL)
		check_length(token, "a token");
	ledger = make_ledger(program);
	ledger->token = token;
	ledger->request = request;
	ledger->before = act_as_owner_unpinned(program->population->oid);
	ledger->acts = true;
	connect(ledger);
	return ledger;
}

Ledger *
ledger_begin_as_owner(const Program *program)
{
	Ledger	   *ledger = make_ledger(program);

	ledger->before.user = GetUserId();
	connect(ledger);
	return ledger;
}

/* make_ledger() is a ledger to which nothing is added yet. */
static Ledger *
make_ledger(const Program *program)
{
	Ledger	   *ledger = palloc0(sizeof(Ledger));

	ledger->program = program;
	ledger->population = program->population;
	ledger->space = 2;
	ledger->accounts = palloc0(sizeof(Account) * ledger->space);
	return ledger;
}

/* connect() connects to SPI, whose memory is the ledger's. */
static void
connect(Ledger *ledger)
{
	SPI_connect();
	ledger->memory = CurrentMemoryContext;
	ledger->scratch = AllocSetContextCreate(ledger->memory,
											"segment ledger rows",
											ALLOCSET_DEFAULT_SIZES);
}

MemoryContext
ledger_scratch(Ledger *ledger)
{
	Assert(MemoryContextIsEmpty(ledger->scratch));
	return MemoryContextSwitchTo(ledger->scratch);
}

void
ledger_unscratch(Ledger *ledger, MemoryContext before)
{
	MemoryContextSwitchTo(before);
	MemoryContextReset(ledger->scratch);
}

char *
account_text(const Ledger *ledger, const Account *account)
{
	return profile_key_text(ledger->population, account->key);
}

/* ---- what is to be written ---- */

Movement *
ledger_move(Ledger *ledger, Account *account, const char *kind, int64 points,
			const char *ref, const char *note)
{
	Movement   *movement = palloc0(sizeof(Movement));

	movement->account = account;
	movement->kind = kind;
	movement->points = points;
	movement->ref = ref;
	movement->note = note;
	movement->at = ledger->at;
	movement->has_token = ledger->movements == NIL;
	account->last = movement;
	ledger->movements = lappend(ledger->movements, movement);
	return movement;
}

void
ledger_enter(Ledger *ledger, Movement *movement, Lot *lot, int64 points,
			 const char *kind, const char *contra, TimestampTz at)
{
	Entry	   *entry;

	if (points == 0 || TIMESTAMP_NOT_FINITE(at))
		return;
	entry = palloc0(sizeof(Entry));
	entry->movement = movement;
	entry->lot = lot;
	entry->points = points;
	entry->kind = kind;
	entry->contra = contra;
	entry->at = at;
	ledger->entries = lappend(ledger->entries, entry);
}

void
ledger_write(Ledger *ledger)
{
	write_in_scratch(ledger, write_movements);
	write_in_scratch(ledger, write_new_lots);
	write_in_scratch(ledger, write_changed_lots);
	write_in_scratch(ledger, write_entries);
	ledger_forget(ledger);
	for (int i = 0; i < ledger->naccounts; i++)
	{
		lots_forget(&ledger->accounts[i]);
		ledger->accounts[i].written++;
	}
}

/* write_in_scratch() writes rows of one table, of which nothing is left. */
static void
write_in_scratch(Ledger *ledger, void (*write) (Ledger *))
{
	MemoryContext old = ledger_scratch(ledger);

	write(ledger);
	ledger_unscratch(ledger, old);
}

void
ledger_end(Ledger *ledger)
{
	ledger_close(ledger);
	profile_close_left();
	SPI_finish();
	if (ledger->acts)
		act_as_before(ledger->before);
}

/* write_movements() writes movements, and notes their numbers. */
static void
write_movements(Ledger *ledger)
{
	const LedgerTable *table = ledger_table(ledger, MOVEMENT_TABLE);
	Datum		by;
	List	   *movements = NIL;
	Rows	   *rows;
	ListCell   *lc;

	foreach(lc, ledger->movements)
		if (((Movement *) lfirst(lc))->number == 0)
			movements = lappend(movements, lfirst(lc));
	if (movements == NIL)
		return;
	by = CStringGetTextDatum(GetUserNameFromId(ledger->before.user, false));
	rows = rows_make(MOVEMENT_TABLE, list_length(movements));
	foreach(lc, movements)
	{
		Movement   *movement = lfirst(lc);
		int			i = foreach_current_index(lc);

		movement->number = table_number(table);
		set_movement(ledger, rows, i, movement);
		rows_set(rows, i, MOVEMENT_BY, by);
	}
	if (!rows_insert(ledger, rows))
		ledger_refuse_token(ledger, 0);
}

/* set_movement() fills in the row of a movement. */
static void
set_movement(const Ledger *ledger, Rows *rows, int row,
			 const Movement *movement)
{
	TimestampTz made_at = GetCurrentTransactionStartTimestamp();

	rows_set(rows, row, MOVEMENT_MOVEMENT, Int64GetDatum(movement->number));
	rows_set(rows, row, MOVEMENT_KEY, movement->account->key);
	rows_set(rows, row, MOVEMENT_KIND, CStringGetTextDatum(movement->kind));
	rows_set(rows, row, MOVEMENT_POINTS, Int64GetDatum(movement->points));
	rows_set(rows, row, MOVEMENT_AT, TimestampTzGetDatum(movement->at));
	rows_set(rows, row, MOVEMENT_MADE_AT, TimestampTzGetDatum(made_at));
	if (movement->ref != NULL)
		rows_set(rows, row, MOVEMENT_REF, CStringGetTextDatum(movement->ref));
	if (movement->note != NULL)
		rows_set(rows, row, MOVEMENT_NOTE,
				 CStringGetTextDatum(movement->note));
	if (movement->reverses != 0)
		rows_set(rows, row, MOVEMENT_REVERSES,
				 Int64GetDatum(movement->reverses));
	if (movement->has_token && ledger->token != NULL)
	{
		rows_set(rows, row, MOVEMENT_TOKEN,
				 CStringGetTextDatum(ledger->token));
		rows_set(rows, row, MOVEMENT_REQUEST,
				 CStringGetTextDatum(ledger->request));
	}
	if (movement->rule != NULL)
	{
		rows_set(rows, row, MOVEMENT_RULE,
				 CStringGetTextDatum(movement->rule));
		rows_set(rows, row, MOVEMENT_VERSION,
				 Int32GetDatum(movement->version));
	}
}

/* lots_that() lists the lots of all accounts that are new, or changed. */
static List *
lots_that(const Ledger *ledger, bool are_new)
{
	List	   *lots = NIL;
	ListCell   *lc;

	for (int i = 0; i < ledger->naccounts; i++)
		foreach(lc, ledger->accounts[i].lots)
		{
			Lot		   *lot = lfirst(lc);

			if (are_new ? lot->number == 0 : lot->changed)
				lots = lappend(lots, lot);
		}
	return lots;
}

static void
write_new_lots(Ledger *ledger)
{
	write_lots(ledger, true);
}

static void
write_changed_lots(Ledger *ledger)
{
	write_lots(ledger, false);
}

/* write_lots() writes the lots that are new, and what has become of others. */
static void
write_lots(Ledger *ledger, bool are_new)
{
	List	   *lots = lots_that(ledger, are_new);
	bool		whole = true;
	Rows	   *rows;
	ListCell   *lc;

	if (lots == NIL)
		return;
	/* a row that is given as a whole need not be read again */
	foreach(lc, lots)
		whole = whole && (are_new || ((Lot *) lfirst(lc))->granted_by != 0);
	rows = rows_make(LOT_TABLE, list_length(lots));
	foreach(lc, lots)
	{
		Lot		   *lot = lfirst(lc);
		int			i = foreach_current_index(lc);

		if (are_new)
		{
			lot_set_number(lot, new_lot_number(ledger, lot->movement));
			lot->granted_by = lot->movement->number;
		}
		else if (whole && lot->read_after == lot->account->written)
			rows_set_place(rows, i, &lot->row);
		if (whole)
		{
			rows_set(rows, i, LOT_MOVEMENT, Int64GetDatum(lot->granted_by));
			rows_set(rows, i, LOT_KEY, lot->account->key);
			rows_set(rows, i, LOT_ACTIVE_AT,
					 TimestampTzGetDatum(lot->active_at));
		}
		rows_set(rows, i, LOT_LOT, Int64GetDatum(lot->number));
		rows_set(rows, i, LOT_GRANTED, Int64GetDatum(lot->granted));
		rows_set(rows, i, LOT_REMAINING, Int64GetDatum(lot->remaining));
		rows_set(rows, i, LOT_EXPIRES_AT,
				 TimestampTzGetDatum(lot->expires_at));
		rows_set(rows, i, LOT_SPENT, BoolGetDatum(lot->remaining == 0));
		lot->changed = false;
	}
	if (are_new)
		(void) rows_insert(ledger, rows);
	else
		rows_update(ledger, rows, LOT_BY_NUMBER, 1);
}

/* new_lot_number() is the number of a lot that a movement makes. */
static int64
new_lot_number(Ledger *ledger, Movement *movement)
{
	bool		first = !movement->has_lot;

	movement->has_lot = true;
	return first ? movement->number :
		table_number(ledger_table(ledger, MOVEMENT_TABLE));
}

/* write_entries() writes all entries at once, as they are one batch. */
static void
write_entries(Ledger *ledger)
{
	Rows	   *rows;
	ListCell   *lc;

	if (ledger->entries == NIL)
		return;
	rows = rows_make(ENTRY_TABLE, list_length(ledger->entries));
	foreach(lc, ledger->entries)
	{
		const Entry *entry = lfirst(lc);
		int			i = foreach_current_index(lc);

		rows_set(rows, i, ENTRY_MOVEMENT,
				 Int64GetDatum(entry->movement->number));
		rows_set(rows, i, ENTRY_ENTRY,
				 Int32GetDatum(next_entry(ledger, entry->movement)));
		if (entry->lot != NULL)
			rows_set(rows, i, ENTRY_LOT, Int64GetDatum(entry->lot->number));
		rows_set(rows, i, ENTRY_KEY, entry->movement->account->key);
		rows_set(rows, i, ENTRY_POINTS, Int64GetDatum(entry->points));
		rows_set(rows, i, ENTRY_KIND, CStringGetTextDatum(entry->kind));
		rows_set(rows, i, ENTRY_CONTRA, CStringGetTextDatum(entry->contra));
		rows_set(rows, i, ENTRY_AT, TimestampTzGetDatum(entry->at));
	}
	(void) rows_insert(ledger, rows);
	ledger->entries = NIL;
}

/* next_entry() is the number of the next entry of a movement. */
static int32
next_entry(Ledger *ledger, Movement *movement)
{
	TupleTableSlot *row;
	bool		isnull;

	if (movement->entries < 0)
	{
		movement->entries = 0;
		ledger_seek(ledger, ENTRIES_BY_MOVEMENT, movement->account->key,
					Int64GetDatum(movement->number));
		while ((row = ledger_next(ledger, ENTRIES_BY_MOVEMENT)) != NULL)
		{
			Datum		entry = ledger_value(row, ENTRY_ENTRY, &isnull);

			movement->entries = Max(movement->entries, DatumGetInt32(entry));
		}
	}
	return ++movement->entries;
}

void
ledger_refuse_token(const Ledger *ledger, int64 movement)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNIQUE_VIOLATION),
			 errmsg("token \"%s\" was used for another request",
					ledger->token),
			 movement == 0 ? 0 :
			 errdetail("Movement " INT64_FORMAT " of program \"%s\" bears it.",
					   movement, ledger->program->name),
			 errhint("Give each request a token of its own, or none.")));
}
