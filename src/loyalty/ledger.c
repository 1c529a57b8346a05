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
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "loyalty/loyalty_private.h"

/* Values of one column of several rows, to be sent as an array. */
typedef struct Column
{
	Oid			type;
	Datum	   *values;
} Column;

static void write_movement(Ledger *ledger, Movement *movement);
static void write_new_lots(Ledger *ledger);
static void write_changed_lots(Ledger *ledger);
static void write_entries(Ledger *ledger);
static Column *make_columns(const Ledger *ledger, LedgerStatement statement,
							int rows);
static void send_columns(Ledger *ledger, LedgerStatement statement,
						 Column *columns, int count, int rows);

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
		write_movement(ledger, lfirst(lc));
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
		TimestampTzGetDatum(ledger->at),
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

/* write_new_lots() writes the lots that are new, and notes their numbers. */
static void
write_new_lots(Ledger *ledger)
{
	List	   *lots = NIL;
	Column	   *columns;
	bool		isnull;
	ListCell   *lc;

	foreach(lc, ledger->lots)
		if (((Lot *) lfirst(lc))->number == 0)
			lots = lappend(lots, lfirst(lc));
	if (lots == NIL)
		return;
	columns = make_columns(ledger, ADD_LOTS, list_length(lots));
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
	send_columns(ledger, ADD_LOTS, columns, 6, list_length(lots));
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
	List	   *lots = NIL;
	Column	   *columns;
	ListCell   *lc;

	foreach(lc, ledger->lots)
		if (((Lot *) lfirst(lc))->changed)
			lots = lappend(lots, lfirst(lc));
	if (lots == NIL)
		return;
	columns = make_columns(ledger, CHANGE_LOTS, list_length(lots));
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
	send_columns(ledger, CHANGE_LOTS, columns, 4, list_length(lots));
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
	columns = make_columns(ledger, ADD_ENTRIES, count);
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
	send_columns(ledger, ADD_ENTRIES, columns, 7, count);
	ledger->entries = NIL;
}

/* make_columns() makes the arguments of a statement that writes rows. */
static Column *
make_columns(const Ledger *ledger, LedgerStatement statement, int rows)
{
	Oid			key = ledger->population->key_type;
	Column	   *columns = palloc0(sizeof(Column) * 7);

	for (int i = 0; i < 7; i++)
	{
		columns[i].type = INT8OID;
		columns[i].values = palloc(sizeof(Datum) * rows);
	}
	switch (statement)
	{
		case ADD_LOTS:
			columns[1].type = key;
			columns[4].type = columns[5].type = TIMESTAMPTZOID;
			break;
		case CHANGE_LOTS:
			columns[3].type = TIMESTAMPTZOID;
			break;
		case ADD_ENTRIES:
			columns[2].type = key;
			columns[4].type = columns[5].type = TEXTOID;
			columns[6].type = TIMESTAMPTZOID;
			break;
		default:
			elog(ERROR, "no statement that writes rows: %d", statement);
	}
	return columns;
}

/* send_columns() runs a statement whose arguments are these, as arrays. */
static void
send_columns(Ledger *ledger, LedgerStatement statement, Column *columns,
			 int count, int rows)
{
	Datum		arrays[7];

	for (int i = 0; i < count; i++)
	{
		int16		length;
		bool		by_value;
		char		align;

		get_typlenbyvalalign(columns[i].type, &length, &by_value, &align);
		arrays[i] = PointerGetDatum(construct_array(columns[i].values, rows,
													columns[i].type, length,
													by_value, align));
	}
	(void) ledger_execute(ledger->program, statement, arrays, NULL);
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
