/*-------------------------------------------------------------------------
 *
 * reward_read.c
 *	  What does one ask about rewards?
 *
 *		card('club', 42)		vouchers that can be used; what may be had, and
 *								what is missing to its price
 *		verify_program('club')	a voucher that is not what its movement paid
 *								for; a stock that is not what it was less what
 *								is out
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "utils/builtins.h"

#include "loyalty/reward_private.h"

/* A reward that it is asked of whether it may be had, for attempt(). */
typedef struct Offer
{
	const Reward *reward;
	const RewardCustomer *customer;
	bool		allowed;
} Offer;

static const char *const card_sql =
	"SELECT jsonb_build_object('vouchers', (SELECT coalesce(jsonb_agg("
	"jsonb_build_object('code', v.code, 'reward', v.reward, 'expires_at',"
	" nullif(v.expires_at, 'infinity')) ORDER BY v.expires_at, v.movement),"
	" '[]') FROM {voucher} v WHERE v.key = $1 AND v.ended = 'expired'"
	" AND v.ended_at > $2), 'offers', (SELECT coalesce(jsonb_agg("
	"jsonb_build_object('reward', o.reward, 'price', o.price, 'missing',"
	" greatest(o.price - b.spendable, 0)) ORDER BY o.price, o.reward), '[]')"
	" FROM unnest($3, $4) AS o (reward, price)"
	" WHERE EXISTS (SELECT FROM {member} m WHERE m.key = $1)))"
	" FROM (SELECT greatest(coalesce(sum(e.points), 0), 0) AS spendable"
	" FROM {entry} e WHERE e.key = $1 AND e.at <= $2) AS b";

/* $1 is the population, $2 the program */
static const char *const verify_sql =
	"SELECT 'a voucher is not what its movement has paid for', v.key::text,"
	" 'movement ' || v.movement, v.price::text, (-m.points)::text"
	" FROM {voucher} v LEFT JOIN {movement} m USING (movement)"
	" WHERE m.kind IS DISTINCT FROM 'redeem' OR m.key <> v.key"
	" OR m.points <> -v.price OR m.at <> v.issued_at"
	" UNION ALL"
	" SELECT 'what a voucher cost is back, or it is not, unlike the voucher',"
	" v.key::text, 'movement ' || v.movement, v.ended, r.points::text"
	" FROM {voucher} v CROSS JOIN LATERAL (SELECT coalesce(sum(r.points), 0)"
	" AS points FROM {movement} r WHERE r.reverses = v.movement) AS r"
	" WHERE r.points <> CASE v.ended WHEN 'cancelled' THEN v.price ELSE 0 END"
	" UNION ALL"
	" SELECT 'a voucher has not ended when it ought to', v.key::text,"
	" 'movement ' || v.movement, v.ended_at::text,"
	" coalesce(v.used_at, v.expires_at)::text FROM {voucher} v"
	" WHERE v.ended <> 'cancelled'"
	" AND v.ended_at <> coalesce(v.used_at, v.expires_at)"
	" UNION ALL"
	" SELECT 'what is left of a reward is not what there was less what is out',"
	" NULL, 'reward ' || r.reward, r.stock::text,"
	" (r.stocked - o.vouchers)::text FROM segment.reward r"
	" CROSS JOIN LATERAL (SELECT count(*) AS vouchers FROM {voucher} v"
	" WHERE v.reward = r.reward AND v.ended <> 'cancelled') AS o"
	" WHERE r.population = $1 AND r.program = $2 AND r.stock IS NOT NULL"
	" AND r.stock IS DISTINCT FROM r.stocked - o.vouchers";

static void select_offers(const Program *program, Datum key,
						  Datum *values);
static void ask(void *offer);
static void verify_conditions(FunctionCallInfo fcinfo,
							  const Program *program);
static void bind(void *offer);

Datum
reward_card(const Program *program, Datum key)
{
	Datum		values[4] = {key, TimestampTzGetDatum(clock_now())};
	bool		isnull;

	if (!OidIsValid(program->tables[VOUCHER_TABLE]))
		return (Datum) 0;
	select_offers(program, key, values);
	if (SPI_execute_with_args(program_sql(program, card_sql), 4,
							  (Oid[]) {program->population->key_type,
									   TIMESTAMPTZOID, TEXTARRAYOID,
									   INT8ARRAYOID},
							  values, NULL, true, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not read the vouchers of program \"%s\"",
			 program->name);
	return result_value(0, 1, &isnull);
}

/*
 * select_offers() puts the rewards that a customer may have now into two
 * arrays, their names and prices, values[2] and values[3].
 */
static void
select_offers(const Program *program, Datum key, Datum *values)
{
	List	   *rewards = rewards_read(program->population, program->name);
	int			room = list_length(rewards);
	Datum	   *names = palloc(sizeof(Datum) * room);
	Datum	   *prices = palloc(sizeof(Datum) * room);
	int			count = 0;
	RewardCustomer customer = {program};
	ListCell   *lc;

	customer.at = clock_now();
	customer.profile = profile_row(program->population, key);
	if (SPI_execute_with_args(program_sql(program,
										  "SELECT reward::text,"
										  " issued_at::timestamptz"
										  " FROM {voucher} WHERE key = $1"
										  " AND ended <> 'cancelled'"
										  " AND reward IS NOT NULL"),
							  1, (Oid[]) {program->population->key_type},
							  &key, NULL,
							  true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read the vouchers of program \"%s\"",
			 program->name);
	customer.had = had_rows(SPI_processed);
	foreach(lc, rewards)
	{
		const Reward *reward = lfirst(lc);
		Offer		offer = {reward, &customer, false};

		/* one that does not bind is no offer */
		if (attempt(ask, &offer) != NULL || !offer.allowed)
			continue;
		names[count] = CStringGetTextDatum(reward->name);
		prices[count++] = Int64GetDatum(reward->price);
	}
	values[2] = array_datum(names, count, TEXTOID);
	values[3] = array_datum(prices, count, INT8OID);
}

/* ask() asks whether a reward may be had.  An Attempt. */
static void
ask(void *arg)
{
	Offer	   *offer = arg;

	offer->allowed = reward_ask(offer->reward,
								offer->customer) == REWARD_ALLOWED;
}

void
reward_verify(FunctionCallInfo fcinfo, const Program *program)
{
	if (!OidIsValid(program->tables[VOUCHER_TABLE]))
		return;
	program_append(fcinfo, program, verify_sql, 2,
				   (Oid[]) {NAMEOID, NAMEOID},
				   (Datum[]) {name_datum(program->population->name),
							  name_datum(program->name)});
	verify_conditions(fcinfo, program);
}

/* verify_conditions() appends rewards that do not bind. */
static void
verify_conditions(FunctionCallInfo fcinfo, const Program *program)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	ListCell   *lc;

	foreach(lc, rewards_read(program->population, program->name))
	{
		const Reward *reward = lfirst(lc);
		RewardCustomer nobody = {program};
		Offer		offer = {reward, &nobody, false};
		ErrorData  *error;
		Datum		values[5] = {0};
		bool		isnull[5] = {false, true, false, false, true};

		if (reward->valid_until <= clock_now())
			continue;
		error = attempt(bind, &offer);
		if (error == NULL)
			continue;
		values[0] =
			CStringGetTextDatum("a reward does not bind, and nobody can have it");
		values[2] = CStringGetTextDatum(psprintf("reward %s", reward->name));
		values[3] = CStringGetTextDatum(error->message);
		tuplestore_putvalues(result->setResult, result->setDesc, values,
							 isnull);
	}
}

/* bind() binds a reward's condition.  An Attempt. */
static void
bind(void *arg)
{
	const Offer *offer = arg;

	(void) condition_compile(offer->customer->program->population,
							 offer->reward->condition);
}
