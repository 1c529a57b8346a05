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
 * an older clock cannot spend what a later one has spent.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/builtins.h"

#include "loyalty/loyalty_private.h"

static int64 known_token(Ledger *ledger);
static void read_account(Ledger *ledger, Account *account);
static void take_account(Account *account, uint64 row);

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

	ledger->at = clock_now();
	for (int i = 0; i < ledger->naccounts; i++)
	{
		Account    *account = &first[swap ? 1 - i : i];
		TupleTableSlot *row = profile_lock(table, account->key);

		account->exists = row != NULL;
		if (row == NULL)
			continue;
		account->decided_at = profile_evaluated_at(ledger->population, row);
		ledger->at = Max(ledger->at, account->decided_at);
	}
	profile_close(table);
	CommandCounterIncrement();

	movement = ledger->token == NULL ? 0 : known_token(ledger);
	for (int i = 0; movement == 0 && i < ledger->naccounts; i++)
		read_account(ledger, &ledger->accounts[i]);
	return movement;
}

/* known_token() is the movement that the token stands for, or 0. */
static int64
known_token(Ledger *ledger)
{
	Datum		token = CStringGetTextDatum(ledger->token);
	bool		isnull;
	int64		movement;
	Datum		request;

	if (ledger_execute(ledger->program, ASK_TOKEN, &token, NULL) == 0)
		return 0;
	movement = DatumGetInt64(result_value(0, 1, &isnull));
	request = result_value(0, 2, &isnull);
	if (isnull || strcmp(TextDatumGetCString(request), ledger->request) != 0)
		ledger_refuse_token(ledger, movement);
	return movement;
}

/* read_account() reads what is known of a customer, and ends lapsed holds. */
static void
read_account(Ledger *ledger, Account *account)
{
	Datum		values[] = {account->key, TimestampTzGetDatum(ledger->at)};

	account->now = ledger->at;
	(void) ledger_execute(ledger->program, ASK_ACCOUNT, values, NULL);
	take_account(account, 0);
	if (account->lapsed)
		holds_lapse(ledger, account);
}

/* take_account() takes what is known of a customer from a row. */
static void
take_account(Account *account, uint64 row)
{
	bool		isnull;
	Datum		value;

	(void) result_value(row, 1, &isnull);
	account->joined = !isnull;
	value = result_value(row, 2, &isnull);
	account->left_at = isnull ? DT_NOEND : DatumGetTimestampTz(value);
	value = result_value(row, 3, &isnull);
	account->debt = isnull ? 0 : -DatumGetInt64(value);
	value = result_value(row, 4, &isnull);
	account->awaited = isnull ? 0 : DatumGetInt64(value);
	account->lapsed = DatumGetBool(result_value(row, 5, &isnull));
}

void
ledger_read_locked(Ledger *ledger)
{
	Column	   *columns = columns_make(ledger->naccounts, 2,
									   (Oid[]) {ledger->population->key_type,
											   TIMESTAMPTZOID});

	for (int i = 0; i < ledger->naccounts; i++)
	{
		columns[0].values[i] = ledger->accounts[i].key;
		columns[1].values[i] = TimestampTzGetDatum(ledger->accounts[i].now);
	}
	(void) columns_send(ledger, ASK_ACCOUNTS, columns, 2, (Datum) 0);
	for (int i = 0; i < ledger->naccounts; i++)
		take_account(&ledger->accounts[i], i);
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
