/*-------------------------------------------------------------------------
 *
 * account.c
 *	  Whose accounts does a request touch, and what is known of them?
 *
 * Locks.  The first lock of all is that of the profile's row, the one that an
 * event of the customer's takes: so an order that earns and a till that
 * redeems wait for each other, and are never in each other's way.  Two
 * customers are locked in the order of keys, as by a statement of events.
 * What decides is read after the lock: under READ COMMITTED each statement
 * sees what was committed when it begins; under REPEATABLE READ a profile that
 * was changed since is the standard serialization failure, and each movement
 * changes it.
 *
 * When.  A movement takes effect at the transaction's clock, but not before
 * the instant as of which the profile was last decided: so a transaction with
 * an older clock cannot spend what a later one has spent.  Of two customers
 * each has an instant of its own: what the other one has decided later, has
 * not happened to the first.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/builtins.h"

#include "loyalty/tables.h"

static int64 known_token(Ledger *ledger);
static void read_account(Ledger *ledger, Account *account);

Account *
ledger_add_account(Ledger *ledger, Datum key)
{
	Account    *account;

	Assert(ledger->naccounts < ledger->space);
	account = &ledger->accounts[ledger->naccounts++];
	account->key = key;
	account->left_at = DT_NOEND;
	return account;
}

int64
ledger_lock(Ledger *ledger)
{
	ProfileTable *table = profile_open(ledger->population);
	Account    *first = &ledger->accounts[0];
	bool		swap = ledger->naccounts == 2 &&
		profile_key_compare(ledger->population, first[0].key,
							first[1].key) > 0;
	int64		movement;

	for (int i = 0; i < ledger->naccounts; i++)
	{
		Account    *account = &first[swap ? 1 - i : i];
		TupleTableSlot *row = profile_lock(table, account->key);

		account->exists = row != NULL;
		account->now = clock_now();
		if (row == NULL)
			continue;
		account->decided_at = profile_evaluated_at(ledger->population, row);
		account->now = Max(account->now, account->decided_at);
	}
	/* mostly it is written next */
	if (ledger->naccounts == 1 && first->exists)
		profile_leave_open(table);
	else
		profile_close(table);
	CommandCounterIncrement();

	movement = ledger->token == NULL ? 0 : known_token(ledger);
	if (movement != 0)
		return movement;
	ledger_read_locked(ledger);
	return 0;
}

/* known_token() is the movement that the token stands for, or 0. */
static int64
known_token(Ledger *ledger)
{
	TupleTableSlot *row;
	bool		isnull;
	int64		movement;
	Datum		request;

	ledger_seek(ledger, TOKEN, CStringGetTextDatum(ledger->token), (Datum) 0);
	row = ledger_next(ledger, TOKEN);
	if (row == NULL)
		return 0;
	movement = ledger_int64(row, MOVEMENT_MOVEMENT);
	request = ledger_value(row, MOVEMENT_REQUEST, &isnull);
	if (isnull || strcmp(TextDatumGetCString(request), ledger->request) != 0)
		ledger_refuse_token(ledger, movement);
	return movement;
}

/* read_account() reads what is known of a customer as of 'now'. */
static void
read_account(Ledger *ledger, Account *account)
{
	TupleTableSlot *row;
	bool		isnull;
	Datum		value;

	ledger_seek(ledger, MEMBER_BY_KEY, account->key, (Datum) 0);
	row = ledger_next(ledger, MEMBER_BY_KEY);
	account->joined = row != NULL;
	if (row != NULL)
	{
		account->joined_at = ledger_int64(row, MEMBER_JOINED_AT);
		value = ledger_value(row, MEMBER_LEFT_AT, &isnull);
		account->left_at = isnull ? DT_NOEND : DatumGetTimestampTz(value);
	}

	ledger_seek(ledger, DEBTS_BY_KEY, account->key, (Datum) 0);
	while ((row = ledger_next(ledger, DEBTS_BY_KEY)) != NULL)
	{
		int64		points = ledger_int64(row, ENTRY_POINTS);

		(void) ledger_value(row, ENTRY_LOT, &isnull);
		if (!isnull)
			continue;
		account->debt -= points;
		if (ledger_int64(row, ENTRY_AT) > account->now)
			account->awaited += points;
	}

	ledger_seek(ledger, OPEN_HOLDS_BY_KEY, account->key, (Datum) 0);
	while ((row = ledger_next(ledger, OPEN_HOLDS_BY_KEY)) != NULL)
	{
		value = ledger_value(row, HOLD_STATE, &isnull);
		if (strcmp(TextDatumGetCString(value), "open") != 0)
			continue;
		account->holds = true;
		account->lapsed |= ledger_int64(row, HOLD_UNTIL) <= account->now;
	}
}

void
ledger_read_locked(Ledger *ledger)
{
	for (int i = 0; i < ledger->naccounts; i++)
		read_account(ledger, &ledger->accounts[i]);
	for (int i = 0; i < ledger->naccounts; i++)
	{
		ledger->at = ledger->accounts[i].now;
		if (ledger->accounts[i].lapsed)
			holds_lapse(ledger, &ledger->accounts[i]);
	}
}

void
account_check_member(const Ledger *ledger, const Account *account,
					 bool must_be_in)
{
	bool		left = !TIMESTAMP_IS_NOEND(account->left_at);

	if (account->joined && !(must_be_in && left))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("customer \"%s\" is not a member of program \"%s\"",
					account_text(ledger, account), ledger->program->name),
			 left && account->joined ?
			 errdetail("The customer left at %s.",
					   timestamptz_to_str(account->left_at)) : 0,
			 errhint("Use segment.join_program(%s, %s).",
					 quote_literal_cstr(ledger->program->name),
					 quote_literal_cstr(account_text(ledger, account)))));
}
