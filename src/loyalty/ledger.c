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

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "loyalty/loyalty_private.h"

static void write_movement(Ledger *ledger, Movement *movement);
static void write_movements_of_rules(Ledger *ledger);
static List *lots_that(const Ledger *ledger, bool are_new);
static void write_new_lots(Ledger *ledger);
static void write_changed_lots(Ledger *ledger);
static void write_entries(Ledger *ledger);

Ledger *
ledger_begin(const Program *program, const char *token, const char *request)
{
	Ledger	   *ledger = palloc0(sizeof(Ledger));

	if (token != NULL && token[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a token must not be empty"),
				 errhint("Give each request a token of its own, or none.")));
	ledger->program = program;
	ledger->population = program->population;
	ledger->token = token;
	ledger->request = request;
	ledger->space = 2;
	ledger->accounts = palloc0(sizeof(Account) * ledger->space);
	ledger->before = act_as_owner(program->population->oid);
	SPI_connect();
	return ledger;
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
	ListCell   *lc;

	foreach(lc, ledger->movements)
		if (((Movement *) lfirst(lc))->rule == NULL)
			write_movement(ledger, lfirst(lc));
	write_movements_of_rules(ledger);
	write_new_lots(ledger);
	write_changed_lots(ledger);
	write_entries(ledger);
}

void
ledger_end(Ledger *ledger)
{
	SPI_finish();
	act_as_before(ledger->before);
}

/* write_movement() writes a movement, and notes its number. */
static void
write_movement(Ledger *ledger, Movement *movement)
{
	const char *token = movement->has_token ? ledger->token : NULL;
	Name		by = palloc0(NAMEDATALEN);
	Datum		values[] = {
		movement->account->key,
		CStringGetTextDatum(movement->kind),
		Int64GetDatum(movement->points),
		TimestampTzGetDatum(movement->at),
		movement->ref == NULL ? (Datum) 0 : CStringGetTextDatum(movement->ref),
		token == NULL ? (Datum) 0 : CStringGetTextDatum(token),
		token == NULL ? (Datum) 0 : CStringGetTextDatum(ledger->request),
		Int64GetDatum(movement->reverses),
		movement->note == NULL ? (Datum) 0 :
		CStringGetTextDatum(movement->note),
		NameGetDatum(by),
	};
	char		nulls[] = {
		' ', ' ', ' ', ' ', movement->ref == NULL ? 'n' : ' ',
		token == NULL ? 'n' : ' ', token == NULL ? 'n' : ' ',
		movement->reverses == 0 ? 'n' : ' ',
		movement->note == NULL ? 'n' : ' ', ' ',
	};
	bool		isnull;

	if (movement->number != 0)
		return;
	namestrcpy(by, GetUserNameFromId(ledger->before.user, false));
	if (ledger_execute(ledger->program, ADD_MOVEMENT, values, nulls) == 0)
		ledger_refuse_token(ledger, 0);
	movement->number = DatumGetInt64(result_value(0, 1, &isnull));
}

/*
 * write_movements_of_rules() writes those that rows of sources have made, of
 * which there may be many, at once.
 */
static void
write_movements_of_rules(Ledger *ledger)
{
	List	   *movements = NIL;
	Name		by = palloc0(NAMEDATALEN);
	Column	   *columns;
	bool		isnull;
	ListCell   *lc;

	foreach(lc, ledger->movements)
		if (((Movement *) lfirst(lc))->number == 0)
			movements = lappend(movements, lfirst(lc));
	if (movements == NIL)
		return;
	namestrcpy(by, GetUserNameFromId(ledger->before.user, false));
	columns = columns_make(list_length(movements), 8,
						   (Oid[]) {ledger->population->key_type, TEXTOID,
								   INT8OID, TIMESTAMPTZOID, TEXTOID, INT8OID,
								   NAMEOID, INT4OID});
	foreach(lc, movements)
	{
		const Movement *movement = lfirst(lc);
		int			i = foreach_current_index(lc);

		columns[0].values[i] = movement->account->key;
		columns[1].values[i] = CStringGetTextDatum(movement->kind);
		columns[2].values[i] = Int64GetDatum(movement->points);
		columns[3].values[i] = TimestampTzGetDatum(movement->at);
		columns[4].values[i] = CStringGetTextDatum(movement->ref);
		columns[5].values[i] = Int64GetDatum(movement->reverses);
		columns[6].values[i] = name_datum(movement->rule);
		columns[7].values[i] = Int32GetDatum(movement->version);
	}
	columns_send(ledger, ADD_MOVEMENTS, columns, 8, NameGetDatum(by));
	foreach(lc, movements)
		((Movement *) lfirst(lc))->number =
			DatumGetInt64(result_value(foreach_current_index(lc), 1,
									   &isnull));
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

/* write_new_lots() writes the lots that are new, and notes their numbers. */
static void
write_new_lots(Ledger *ledger)
{
	List	   *lots = lots_that(ledger, true);
	Column	   *columns;
	bool		isnull;
	ListCell   *lc;

	if (lots == NIL)
		return;
	columns = columns_make(list_length(lots), 6,
						   (Oid[]) {INT8OID, ledger->population->key_type,
								   INT8OID, INT8OID, TIMESTAMPTZOID,
								   TIMESTAMPTZOID});
	foreach(lc, lots)
	{
		const Lot  *lot = lfirst(lc);
		int			i = foreach_current_index(lc);

		columns[0].values[i] = Int64GetDatum(lot->movement->number);
		columns[1].values[i] = lot->account->key;
		columns[2].values[i] = Int64GetDatum(lot->granted);
		columns[3].values[i] = Int64GetDatum(lot->remaining);
		columns[4].values[i] = TimestampTzGetDatum(lot->active_at);
		columns[5].values[i] = TimestampTzGetDatum(lot->expires_at);
	}
	columns_send(ledger, ADD_LOTS, columns, 6, (Datum) 0);
	foreach(lc, lots)
	{
		Lot		   *lot = lfirst(lc);

		lot->number = DatumGetInt64(result_value(foreach_current_index(lc), 1,
												 &isnull));
		lot->changed = false;
	}
}

/* write_changed_lots() writes what has become of lots. */
static void
write_changed_lots(Ledger *ledger)
{
	List	   *lots = lots_that(ledger, false);
	Column	   *columns;
	ListCell   *lc;

	if (lots == NIL)
		return;
	columns = columns_make(list_length(lots), 4,
						   (Oid[]) {INT8OID, INT8OID, INT8OID,
								   TIMESTAMPTZOID});
	foreach(lc, lots)
	{
		Lot		   *lot = lfirst(lc);
		int			i = foreach_current_index(lc);

		columns[0].values[i] = Int64GetDatum(lot->number);
		columns[1].values[i] = Int64GetDatum(lot->granted);
		columns[2].values[i] = Int64GetDatum(lot->remaining);
		columns[3].values[i] = TimestampTzGetDatum(lot->expires_at);
		lot->changed = false;
	}
	columns_send(ledger, CHANGE_LOTS, columns, 4, (Datum) 0);
}

/* write_entries() writes all entries by one statement, which is one batch. */
static void
write_entries(Ledger *ledger)
{
	int			count = list_length(ledger->entries);
	Column	   *columns;
	ListCell   *lc;

	if (count == 0)
		return;
	columns = columns_make(count, 7,
						   (Oid[]) {INT8OID, INT8OID,
								   ledger->population->key_type, INT8OID,
								   TEXTOID, TEXTOID, TIMESTAMPTZOID});
	foreach(lc, ledger->entries)
	{
		const Entry *entry = lfirst(lc);
		int			i = foreach_current_index(lc);

		columns[0].values[i] = Int64GetDatum(entry->movement->number);
		columns[1].values[i] = Int64GetDatum(entry->lot == NULL ? 0 :
											 entry->lot->number);
		columns[2].values[i] = entry->movement->account->key;
		columns[3].values[i] = Int64GetDatum(entry->points);
		columns[4].values[i] = CStringGetTextDatum(entry->kind);
		columns[5].values[i] = CStringGetTextDatum(entry->contra);
		columns[6].values[i] = TimestampTzGetDatum(entry->at);
	}
	columns_send(ledger, ADD_ENTRIES, columns, 7, (Datum) 0);
	ledger->entries = NIL;
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
