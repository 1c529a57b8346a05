/*-------------------------------------------------------------------------
 *
 * reward_auto.c
 *	  Points turn into vouchers by themselves: buy nine, get one.
 *
 *		create_reward('stamps', 'coffee', 9, auto => true)
 *		20 stamps		two vouchers, and two stamps are left
 *
 * A request that has written what it did asks here who has reached the price
 * of such a reward, and whoever has gets it in the same transaction.  That is
 * often an order, which must not fail because of it: a reward that does not
 * bind any more, or is out of stock, is not issued, and the points stay.
 *
 * Rewards are gone through in one order, each for all customers of a request:
 * so two orders that take of the stock of several wait for each other, and are
 * never in each other's way.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/guc.h"

#include "loyalty/reward_private.h"

/* The most vouchers of a reward that a customer gets at once. */
#define MOST_AT_ONCE	100

/* What attempt() asks. */
typedef struct Question
{
	const Reward *reward;
	const RewardCustomer *customer;
	bool		allowed;
} Question;

static void issue(Ledger *ledger);
static bool has_reached(Ledger *ledger, int64 points);
static List *auto_rewards(const Program *program);
static int	dearest_first(const ListCell *a, const ListCell *b);
static int64 *affordable(Ledger *ledger);
static List *issue_to(Ledger *ledger, Account *account, const Reward *reward,
					  int64 *points);
static int64 count_allowed(const Ledger *ledger, const Account *account,
						   const Reward *reward, int64 most);
static void ask(void *question);

void
rewards_end(Ledger *ledger, bool issues)
{
	const Program *program = ledger->program;
	int			level;
	ListCell   *lc;

	foreach(lc, ledger->restocked)
		reward_restock(program, lfirst(lc));
	ledger->restocked = NIL;
	if (!issues || !OidIsValid(program->tables[VOUCHER_TABLE]))
		return;
	/* mostly it is too little for any */
	if (program->cheapest == 0 || !has_reached(ledger, program->cheapest))
		return;
	level = settings_pin();		/* a condition may be compiled */
	issue(ledger);
	AtEOXact_GUC(false, level);
}

/* issue() issues what anybody has reached. */
static void
issue(Ledger *ledger)
{
	const Program *program = ledger->program;
	List	   *vouchers = NIL;
	int64	   *points;
	ListCell   *lc;

	rewards_lock(program);
	points = affordable(ledger);
	foreach(lc, auto_rewards(program))
		for (int i = 0; i < ledger->naccounts; i++)
			vouchers = list_concat(vouchers,
								   issue_to(ledger, &ledger->accounts[i],
											lfirst(lc), &points[i]));
	if (vouchers == NIL)
		return;
	lots_write(ledger);
	vouchers_issue(ledger, vouchers);
}

/* has_reached() says whether anybody can spend as many points. */
static bool
has_reached(Ledger *ledger, int64 points)
{
	for (int i = 0; i < ledger->naccounts; i++)
	{
		ledger->at = ledger->accounts[i].now;
		if (lots_have(ledger, &ledger->accounts[i], points))
			return true;
	}
	return false;
}

/*
 * auto_rewards() lists those (Reward *) that are issued by themselves, if any
 * are left, the cheapest one last.
 */
static List *
auto_rewards(const Program *program)
{
	List	   *rewards = rewards_read(program->population, program->name);
	ListCell   *lc;

	foreach(lc, rewards)
	{
		const Reward *reward = lfirst(lc);

		if (!reward->is_auto || reward->stock == 0)
			rewards = foreach_delete_current(rewards, lc);
	}
	list_sort(rewards, dearest_first);
	return rewards;
}

/*
 * dearest_first() orders rewards by price, the dearest first: of points that
 * reach both of two, the other would leave nothing.  For list_sort().
 */
static int
dearest_first(const ListCell *a, const ListCell *b)
{
	const Reward *one = lfirst(a);
	const Reward *other = lfirst(b);

	if (one->price != other->price)
		return one->price > other->price ? -1 : 1;
	return strcmp(one->name, other->name);
}

/* affordable() is what each customer can spend now. */
static int64 *
affordable(Ledger *ledger)
{
	int			count = ledger->naccounts;
	int64	   *points = palloc(sizeof(int64) * count);
	Datum	   *keys = palloc(sizeof(Datum) * count);
	Datum	   *instants = palloc(sizeof(Datum) * count);
	Datum		values[2];
	bool		isnull;

	for (int i = 0; i < count; i++)
	{
		keys[i] = ledger->accounts[i].key;
		instants[i] = TimestampTzGetDatum(ledger->accounts[i].now);
	}
	values[0] = array_datum(keys, count, ledger->population->key_type);
	values[1] = array_datum(instants, count, TIMESTAMPTZOID);
	(void) ledger_execute(ledger->program, ASK_AFFORDABLE, values, NULL);
	for (int i = 0; i < count; i++)
		points[i] = DatumGetInt64(result_value(i, 1, &isnull));
	return points;
}

/*
 * issue_to() takes what a customer has reached of a reward, by so many points,
 * out of the stock, and lets the points pay.  Returns what is to be issued
 * (Voucher *), for movements that are still to be written.
 */
static List *
issue_to(Ledger *ledger, Account *account, const Reward *reward,
		 int64 *points)
{
	int64		count = Min(*points / reward->price, MOST_AT_ONCE);
	List	   *vouchers = NIL;

	if (count == 0 || !account->joined ||
		!TIMESTAMP_IS_NOEND(account->left_at))
		return NIL;
	ledger->at = account->now;
	count = count_allowed(ledger, account, reward, count);
	for (; count > 0 && reward_take(ledger->program, reward); count--)
	{
		Voucher    *voucher = palloc(sizeof(Voucher));
		Movement   *movement = lots_move(ledger, account, "redeem",
										 -reward->price, NULL, reward->name);

		(void) lots_draw(ledger, movement, reward->price, "redeem",
						 "redeemed");
		*points -= reward->price;
		voucher->reward = reward;
		voucher->movement = movement;
		voucher->is_auto = true;
		vouchers = lappend(vouchers, voucher);
	}
	return vouchers;
}

/* count_allowed() is how many of a reward a customer may have, of 'most'. */
static int64
count_allowed(const Ledger *ledger, const Account *account,
			  const Reward *reward, int64 most)
{
	LockedCustomer locked;
	Question	question = {reward, &locked.customer, false};

	reward_customer(&locked, ledger, account, reward);
	if (attempt(ask, &question) != NULL)
		question.allowed = false;
	reward_customer_end(&locked);
	if (!question.allowed)
		return 0;
	return Min(most, reward_left(reward, &locked.customer));
}

/* ask() asks whether a customer may have a reward.  An Attempt. */
static void
ask(void *arg)
{
	Question   *question = arg;

	question->allowed = reward_ask(question->reward,
								   question->customer) == REWARD_ALLOWED;
}
