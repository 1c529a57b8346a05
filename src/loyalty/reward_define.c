/*-------------------------------------------------------------------------
 *
 * reward_define.c
 *	  Rewards are made, changed and dropped.
 *
 *		SELECT segment.create_reward('club', 'mug', 500, stock => 20);
 *
 * The first reward of a program makes, for the population's owner, the table
 * profile_club_voucher, and attaches it twice, as sources of the population:
 *
 *		club_voucher		at issued_at: a customer has got one
 *		club_voucher_end	at ended_at: it was used or cancelled, or it
 *							expires, perhaps in the future
 *
 * so how many a customer has that can be used is a trait, exact at each
 * instant, and time needs no job:
 *
 *		club_vouchers		count(club_voucher so far)
 *							- count(club_voucher_end so far)
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "flow/flow.h"
#include "loyalty/reward_private.h"
#include "trait/trait.h"

SEGMENT_FUNCTION(segment_create_reward);
SEGMENT_FUNCTION(segment_alter_reward);
SEGMENT_FUNCTION(segment_drop_reward);

static const TableForm voucher_form = {
	.columns = "code text PRIMARY KEY,"
	" reward text NOT NULL,"
	" key {key} NOT NULL,"
	" movement bigint NOT NULL UNIQUE,"
	" price bigint NOT NULL CHECK (price > 0),"
	" auto boolean NOT NULL,"
	" issued_at timestamptz NOT NULL,"
	" expires_at timestamptz NOT NULL,"
	" ended text NOT NULL DEFAULT 'expired' CHECK (ended IN ('expired',"
	" 'used', 'cancelled')),"
	" ended_at timestamptz NOT NULL,"
	" used_at timestamptz,"
	" used_ref text,"
	" used_by name,"
	" token text UNIQUE,"
	" CHECK (issued_at < expires_at),"
	" CHECK (issued_at <= ended_at AND ended_at <= expires_at),"
	" CHECK ((ended = 'used') = (used_at IS NOT NULL))",
	.instead = "segment.redeem_reward(), segment.use_voucher() or"
	" segment.cancel_voucher()",
	.indexes = {"INDEX ON {voucher} (key, issued_at)"},
	.comment = "vouchers: rewards that customers have got",
	.comments = {
		{"code", "what the customer shows at the till"},
		{"reward", "name of the reward"},
		{"key", "key of the customer"},
		{"movement", "number of the movement that paid for it"},
		{"price", "what it cost"},
		{"auto", "was it issued by itself, when the price was reached?"},
		{"issued_at", "when the customer got it"},
		{"expires_at", "until when it can be used; infinity: for ever"},
		{"ended", "how it ends: expired, used or cancelled"},
		{"ended_at", "from when on it cannot be used any more, also in the future"},
		{"used_at", "when it was used; NULL: it was not"},
		{"used_ref", "what it was used for: an order, a receipt"},
		{"used_by", "role that used it"},
		{"token", "a second request with this token is the same one"},
	},
};

/* What is asked for of a reward. */
typedef struct AskedReward
{
	char	   *program;
	bool		creates;
	bool		stocks;			/* is its stock given? */
	bool		conditions;		/* a condition is given */
	FunctionCallInfo fcinfo;	/* of the arguments */
	Reward		reward;
} AskedReward;

static FlowKept define_reward(const Population *population, void *context);
static Program *definer_program(const Population *population,
								const char *name);
static void make_vouchers(Program *program, FlowKept *kept);
static void reward_arguments(AskedReward *asked, pg_tz *zone);
static TimestampTz valid_argument(FunctionCallInfo fcinfo, int argument,
								  pg_tz *zone);
static void check_reward(const Program *program, AskedReward *asked);
static int64 count_out(const Program *program, const char *reward);
static void write_reward(const Program *program, const Reward *reward);

/*
 * create_reward(program, reward, price, stock, most, period, valid_from,
 *				 valid_until, condition, expires, auto, description,
 *				 population)
 */
Datum
segment_create_reward(PG_FUNCTION_ARGS)
{
	AskedReward asked = {.creates = true, .fcinfo = fcinfo};
	Reward	   *reward = &asked.reward;

	asked.program = name_argument(fcinfo, 0, "program");
	reward->name = name_argument(fcinfo, 1, "reward");
	reward->stock = ENDLESS;
	reward->period_text = "so far";
	reward->valid_from = DT_NOBEGIN;
	reward->valid_until = DT_NOEND;
	reward->expires_text = "never";
	flow_keep(population_argument(fcinfo, 12), "create_reward",
			  define_reward, &asked);
	PG_RETURN_VOID();
}

/*
 * alter_reward(program, reward, price, stock, most, period, valid_from,
 *				valid_until, condition, expires, auto, description,
 *				population)
 *
 * What is not given stays.  Vouchers that were issued stay what they are.
 */
Datum
segment_alter_reward(PG_FUNCTION_ARGS)
{
	AskedReward asked = {.fcinfo = fcinfo};

	asked.program = name_argument(fcinfo, 0, "program");
	asked.reward.name = name_argument(fcinfo, 1, "reward");
	flow_keep(population_argument(fcinfo, 12), "alter_reward",
			  define_reward, &asked);
	PG_RETURN_VOID();
}

/*
 * drop_reward(program, reward, population)
 *
 * Vouchers that were issued can be used.
 */
Datum
segment_drop_reward(PG_FUNCTION_ARGS)
{
	char	   *name = name_argument(fcinfo, 0, "program");
	char	   *reward = name_argument(fcinfo, 1, "reward");
	const Population *population =
		population_definer(population_argument(fcinfo, 2), "drop_reward");
	Program    *program = definer_program(population, name);

	(void) reward_must_find(program, reward);
	rewards_lock_others(program);
	SPI_connect();
	reward_forget(population, name, reward);
	population_changed(population);
	SPI_finish();
	PG_RETURN_VOID();
}

/* define_reward() makes or changes one.  A FlowMake. */
static FlowKept
define_reward(const Population *population, void *context)
{
	AskedReward *asked = context;
	FlowKept	kept = {NIL};
	Program    *program = definer_program(population, asked->program);
	Reward	   *reward = &asked->reward;

	if (asked->creates && reward_find(program, reward->name) != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("program \"%s\" has a reward \"%s\" already",
						program->name, reward->name),
				 errhint("Change it with segment.alter_reward().")));
	if (!asked->creates)
		(void) reward_must_find(program, reward->name);
	if (!OidIsValid(program->tables[VOUCHER_TABLE]))
		make_vouchers(program, &kept);
	/* what is left of it is read when no till can take one */
	rewards_lock_others(program);
	if (!asked->creates)
		asked->reward = *reward_must_find(program, reward->name);
	reward_arguments(asked, program->zone);
	check_reward(program, asked);
	if (asked->creates || asked->stocks)
		reward->stocked = reward->stock == ENDLESS ? ENDLESS :
			add_points(reward->stock, count_out(program, reward->name));
	write_reward(program, reward);
	population_changed(population);
	CommandCounterIncrement();
	return kept;
}

/* definer_program() is the program of a function that defines a reward. */
static Program *
definer_program(const Population *population, const char *name)
{
	Program    *program = program_find(population, name);

	if (program == NULL)
		program_refuse_unknown(population, name);
	return program;
}

/* make_vouchers() makes the table of a program's vouchers, and its sources. */
static void
make_vouchers(Program *program, FlowKept *kept)
{
	static const char *const sources[][2] = {
		{"voucher", "issued_at"},
		{"voucher_end", "ended_at"},
	};
	FlowTrait  *trait = palloc0(sizeof(FlowTrait));
	Oid			relid = program_make_table(program, VOUCHER_TABLE,
										   &voucher_form);

	program->tables[VOUCHER_TABLE] = relid;
	catalog_execute("UPDATE segment.program SET voucher = $3"
					" WHERE population = $1 AND program = $2",
					3, (Oid[]) {NAMEOID, NAMEOID, REGCLASSOID},
					(Datum[]) {name_datum(program->population->name),
							   name_datum(program->name),
							   ObjectIdGetDatum(relid)}, NULL);
	for (int i = 0; i < lengthof(sources); i++)
	{
		FlowSource *source = palloc0(sizeof(FlowSource));

		source->relid = relid;
		source->name = psprintf("%s_%s", program->name, sources[i][0]);
		source->key = "key";
		source->at = sources[i][1];
		kept->sources = lappend(kept->sources, source);
	}
	trait->name = psprintf("%s_vouchers", program->name);
	trait->definition = psprintf("count(%s_voucher so far)"
								 " - count(%s_voucher_end so far)",
								 program->name, program->name);
	trait->description = "how many vouchers the customer has that can be used";
	kept->traits = lappend(kept->traits, trait);
}

/* ---- arguments ---- */

/* reward_arguments() takes what is given; all else stays. */
static void
reward_arguments(AskedReward *asked, pg_tz *zone)
{
	FunctionCallInfo fcinfo = asked->fcinfo;
	Reward	   *reward = &asked->reward;

	if (!PG_ARGISNULL(2))
		reward->price = PG_GETARG_INT64(2);
	if (!PG_ARGISNULL(3))
		reward->stock = PG_GETARG_INT64(3);
	asked->stocks = !PG_ARGISNULL(3);
	if (!PG_ARGISNULL(4))
		reward->most = PG_GETARG_INT64(4);
	if (!PG_ARGISNULL(5))
		reward->period_text = text_argument(fcinfo, 5);
	if (!PG_ARGISNULL(6))
		reward->valid_from = valid_argument(fcinfo, 6, zone);
	if (!PG_ARGISNULL(7))
		reward->valid_until = valid_argument(fcinfo, 7, zone);
	if (!PG_ARGISNULL(8))
		reward->condition = note_argument(fcinfo, 8);
	asked->conditions = !PG_ARGISNULL(8);
	if (!PG_ARGISNULL(9))
		reward->expires_text = text_argument(fcinfo, 9);
	if (!PG_ARGISNULL(10))
		reward->is_auto = PG_GETARG_BOOL(10);
	if (!PG_ARGISNULL(11))
		reward->description = note_argument(fcinfo, 11);
}

/*
 * valid_argument() is valid_from or valid_until: an instant, or "-infinity" or
 * "infinity" for none.
 */
static TimestampTz
valid_argument(FunctionCallInfo fcinfo, int argument, pg_tz *zone)
{
	char	   *text = text_argument(fcinfo, argument);
	bool		from = argument == 6;

	if (strcmp(text, from ? "-infinity" : "infinity") == 0)
		return from ? DT_NOBEGIN : DT_NOEND;
	return instant_parse(text, from ? "valid_from" : "valid_until", zone,
						 !from);
}

/*
 * check_reward() refuses a reward that cannot be, and gives what it says the
 * form in which it is kept.
 */
static void
check_reward(const Program *program, AskedReward *asked)
{
	Reward	   *reward = &asked->reward;

	check_given_name(reward->name, "a reward");
	if (reward->price <= 0 || reward->price > MOST_POINTS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the price of reward \"%s\" must be between 1 and "
						INT64_FORMAT, reward->name, MOST_POINTS),
				 errhint("Give a number of %s, for example price => 100.",
						 program->unit)));
	if (reward->stock < ENDLESS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the stock of reward \"%s\" must not be less than 0",
						reward->name),
				 errhint("Write stock => -1 if there is no end of it.")));
	if (reward->stock > MOST_POINTS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the stock of reward \"%s\" must not be more than "
						INT64_FORMAT, reward->name, MOST_POINTS),
				 errhint("Write stock => -1 if there is no end of it.")));
	if (reward->most < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a customer cannot have reward \"%s\" less than 0 times",
						reward->name),
				 errhint("Write most => 0 for any number.")));
	if (reward->valid_from >= reward->valid_until)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("reward \"%s\" would end before it begins",
						reward->name),
				 errdetail("It would be valid from %s, and until %s.",
						   pstrdup(timestamptz_to_str(reward->valid_from)),
						   pstrdup(timestamptz_to_str(reward->valid_until))),
				 errhint("Give a later valid_until.")));
	reward->period = recent_parse(reward->period_text);
	reward->period_text = recent_text(&reward->period);
	reward->expires = terms_parse(reward->expires_text, "expires", NULL);
	if (reward->expires.idle)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a voucher of reward \"%s\" cannot expire %s",
						reward->name, terms_text(&reward->expires)),
				 errhint("Write, for example, expires => 'after 3 months'.")));
	reward->expires_text = terms_text(&reward->expires);
	/* one that stays may ask for a tier that was dropped since */
	if (asked->conditions)
		reward->condition = condition_kept(program->population,
										   reward->condition);
	(void) condition_compile(program->population, reward->condition);
}

/* count_out() counts the vouchers of a reward that customers have got. */
static int64
count_out(const Program *program, const char *reward)
{
	bool		isnull;

	catalog_execute_as_user(program_sql(program,
										"SELECT count(*) FROM {voucher}"
										" WHERE reward = $1"
										" AND ended <> 'cancelled'"),
							1, (Oid[]) {TEXTOID},
							(Datum[]) {CStringGetTextDatum(reward)}, NULL);
	return DatumGetInt64(result_value(0, 1, &isnull));
}

/* write_reward() writes the row of segment.reward. */
static void
write_reward(const Program *program, const Reward *reward)
{
	catalog_execute("INSERT INTO segment.reward AS r (population, program,"
					" reward, price, stock, stocked, most, period,"
					" valid_from, valid_until, condition, expires, auto,"
					" description) VALUES ($1, $2, $3, $4, nullif($5, -1),"
					" nullif($6, -1), nullif($7, 0), $8, $9, $10, $11, $12,"
					" $13, $14) ON CONFLICT (population, program, reward)"
					" DO UPDATE SET price = excluded.price,"
					" stock = excluded.stock, stocked = excluded.stocked,"
					" most = excluded.most, period = excluded.period,"
					" valid_from = excluded.valid_from,"
					" valid_until = excluded.valid_until,"
					" condition = excluded.condition,"
					" expires = excluded.expires, auto = excluded.auto,"
					" description = excluded.description",
					14, (Oid[]) {NAMEOID, NAMEOID, NAMEOID, INT8OID, INT8OID,
								INT8OID, INT8OID, TEXTOID, TIMESTAMPTZOID,
								TIMESTAMPTZOID, TEXTOID, TEXTOID, BOOLOID,
								TEXTOID},
					(Datum[]) {name_datum(program->population->name),
							   name_datum(program->name),
							   name_datum(reward->name),
							   Int64GetDatum(reward->price),
							   Int64GetDatum(reward->stock),
							   Int64GetDatum(reward->stocked),
							   Int64GetDatum(reward->most),
							   CStringGetTextDatum(reward->period_text),
							   TimestampTzGetDatum(reward->valid_from),
							   TimestampTzGetDatum(reward->valid_until),
							   text_datum(reward->condition),
							   CStringGetTextDatum(reward->expires_text),
							   BoolGetDatum(reward->is_auto),
							   text_datum(reward->description)},
					(bool[]) {false, false, false, false, false, false, false,
							  false, false, false, reward->condition == NULL,
							  false, false, reward->description == NULL});
}

/* ---- what goes ---- */

void
reward_forget(const Population *population, const char *program,
			  const char *reward)
{
	catalog_execute("DELETE FROM segment.reward WHERE population = $1"
					" AND program = $2 AND reward = $3",
					3, (Oid[]) {NAMEOID, NAMEOID, NAMEOID},
					(Datum[]) {name_datum(population->name),
							   name_datum(program), name_datum(reward)},
					NULL);
}

List *
reward_sources(const Population *population, const char *program)
{
	const Program *found = program_find(population, program);

	return found == NULL || !OidIsValid(found->tables[VOUCHER_TABLE]) ? NIL :
		list_make2(psprintf("%s_voucher", program),
				   psprintf("%s_voucher_end", program));
}

List *
reward_traits(const char *program)
{
	return list_make1(psprintf("%s_vouchers", program));
}
