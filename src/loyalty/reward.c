/*-------------------------------------------------------------------------
 *
 * reward.c
 *	  Which rewards has a program, and who may have them?
 *
 *		segment.reward		mug: 500 points, 20 in stock, one a month, for who
 *							is in audience regulars
 *
 * A reward may be had when it is valid, by who passes its condition now, and
 * has not had as many as there may be.  All of this is asked under the lock of
 * the customer's profile, so it is not true of two requests at once.
 *
 * Locks.  Stock is the one thing that customers have in common, so it is taken
 * last, after the customer's profile.  Whoever issues a voucher holds ROW
 * EXCLUSIVE on the table of vouchers before reading the reward, and whoever
 * defines rewards SHARE ROW EXCLUSIVE: so no voucher is issued by what a
 * reward was.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"

#include "flow/flow.h"
#include "loyalty/reward_private.h"

static Reward *take_reward(CatalogScan *scan);
static int64 number_or(CatalogScan *scan, const char *column, int64 missing);
static TimestampTz instant(CatalogScan *scan, const char *column);
static int	by_name(const ListCell *a, const ListCell *b);
static void change_stock(const Program *program, const char *sql,
						 const char *reward);

List *
rewards_read(const Population *population, const char *program)
{
	List	   *rewards = NIL;
	CatalogScan scan;

	/* the third column of the key is the reward */
	catalog_begin_one(&scan, "reward", population->name, program);
	while (catalog_next(&scan))
		rewards = lappend(rewards, take_reward(&scan));
	catalog_end(&scan);
	list_sort(rewards, by_name);
	return rewards;
}

/* take_reward() takes a reward from a row. */
static Reward *
take_reward(CatalogScan *scan)
{
	Reward	   *reward = palloc0(sizeof(Reward));
	bool		isnull;

	reward->name = catalog_get_text(scan, "reward");
	reward->price = number_or(scan, "price", 0);
	reward->stock = number_or(scan, "stock", ENDLESS);
	reward->stocked = number_or(scan, "stocked", ENDLESS);
	reward->most = number_or(scan, "most", 0);
	reward->period_text = catalog_get_text(scan, "period");
	reward->period = recent_parse(reward->period_text);
	reward->valid_from = instant(scan, "valid_from");
	reward->valid_until = instant(scan, "valid_until");
	reward->condition = catalog_get_optional(scan, "condition");
	reward->expires_text = catalog_get_text(scan, "expires");
	reward->expires = terms_parse(reward->expires_text, "expires", NULL);
	reward->is_auto = DatumGetBool(catalog_get(scan, "auto", BOOLOID,
											   &isnull));
	reward->description = catalog_get_optional(scan, "description");
	return reward;
}

/* number_or() is a number of a row, or another one for NULL. */
static int64
number_or(CatalogScan *scan, const char *column, int64 missing)
{
	bool		isnull;
	Datum		value = catalog_get(scan, column, INT8OID, &isnull);

	return isnull ? missing : DatumGetInt64(value);
}

static TimestampTz
instant(CatalogScan *scan, const char *column)
{
	bool		isnull;

	return DatumGetTimestampTz(catalog_get(scan, column, TIMESTAMPTZOID,
										   &isnull));
}

/* by_name() orders rewards by their names.  For list_sort(). */
static int
by_name(const ListCell *a, const ListCell *b)
{
	return strcmp(((Reward *) lfirst(a))->name, ((Reward *) lfirst(b))->name);
}

Reward *
reward_find(const Program *program, const char *name)
{
	ListCell   *lc;

	foreach(lc, rewards_read(program->population, program->name))
		if (strcmp(((Reward *) lfirst(lc))->name, name) == 0)
			return lfirst(lc);
	return NULL;
}

Reward *
reward_must_find(const Program *program, const char *name)
{
	Reward	   *reward = reward_find(program, name);
	List	   *names = NIL;
	const char *nearest;
	ListCell   *lc;

	if (reward != NULL)
		return reward;
	foreach(lc, rewards_read(program->population, program->name))
		names = lappend(names, ((Reward *) lfirst(lc))->name);
	nearest = nearest_name(name, names);
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("program \"%s\" has no reward \"%s\"", program->name,
					name),
			 nearest ? errhint("Perhaps you meant %s.",
							   quote_literal_cstr(nearest)) :
			 errhint("Create it with segment.create_reward().")));
}

/* ---- who may have it? ---- */

RewardAnswer
reward_ask(const Reward *reward, const RewardCustomer *customer)
{
	if (customer->at < reward->valid_from)
		return REWARD_NOT_YET;
	if (customer->at >= reward->valid_until)
		return REWARD_NO_MORE;
	if (!condition_passed(customer->program->population, reward->condition,
						  customer->profile))
		return REWARD_NOT_YOURS;
	if (reward_left(reward, customer) == 0)
		return REWARD_OFTEN_ENOUGH;
	return reward->stock == 0 ? REWARD_OUT_OF_STOCK : REWARD_ALLOWED;
}

int64
reward_left(const Reward *reward, const RewardCustomer *customer)
{
	int64		left = reward->most;
	ListCell   *lc;

	if (reward->most == 0)
		return PG_INT64_MAX;
	foreach(lc, customer->had)
	{
		const Had  *had = lfirst(lc);

		if (strcmp(had->reward, reward->name) == 0 &&
			recent_has(&reward->period, customer->program->zone,
					   customer->at, had->at))
			left--;
	}
	return Max(left, 0);
}

List *
had_rows(uint64 rows)
{
	List	   *had = NIL;
	bool		isnull;

	for (uint64 i = 0; i < rows; i++)
	{
		Had		   *one = palloc(sizeof(Had));

		one->reward = TextDatumGetCString(result_value(i, 1, &isnull));
		one->at = DatumGetTimestampTz(result_value(i, 2, &isnull));
		had = lappend(had, one);
	}
	return had;
}

void
reward_customer(LockedCustomer *locked, const Ledger *ledger,
				const Account *account, const Reward *reward)
{
	RewardCustomer *customer = &locked->customer;

	memset(locked, 0, sizeof(LockedCustomer));
	customer->program = ledger->program;
	customer->at = account->now;
	if (reward->most > 0)
		customer->had = had_rows(ledger_execute(ledger->program, ASK_HAD,
												&account->key, NULL));
	if (reward->condition == NULL)
		return;
	flow_write_postponed();
	locked->table = profile_open(ledger->population);
	customer->profile = profile_lock(locked->table, account->key);
}

void
reward_customer_end(LockedCustomer *locked)
{
	if (locked->table != NULL)
		profile_close(locked->table);
	locked->customer.profile = NULL;
}

/* ---- stock ---- */

bool
reward_take(const Program *program, const Reward *reward)
{
	if (reward->stock == ENDLESS)
		return true;
	change_stock(program, "UPDATE segment.reward SET stock = stock - 1"
				 " WHERE population = $1 AND program = $2 AND reward = $3"
				 " AND stock > 0", reward->name);
	return SPI_processed > 0;
}

void
reward_restock(const Program *program, const char *reward)
{
	change_stock(program, "UPDATE segment.reward SET stock = stock + 1"
				 " WHERE population = $1 AND program = $2 AND reward = $3"
				 " AND stock IS NOT NULL", reward);
}

/* change_stock() runs a statement over the row of a reward. */
static void
change_stock(const Program *program, const char *sql, const char *reward)
{
	catalog_execute(sql, 3, (Oid[]) {NAMEOID, NAMEOID, NAMEOID},
					(Datum[]) {name_datum(program->population->name),
							   name_datum(program->name),
							   name_datum(reward)}, NULL);
}

void
rewards_lock(const Program *program)
{
	LockRelationOid(program->tables[VOUCHER_TABLE], RowExclusiveLock);
}

void
rewards_lock_others(const Program *program)
{
	LockRelationOid(program->tables[VOUCHER_TABLE], ShareRowExclusiveLock);
}
