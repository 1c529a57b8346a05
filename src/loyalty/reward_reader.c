/*-------------------------------------------------------------------------
 *
 * reward_reader.c
 *	  Conditions of rewards follow the names that they mention.
 *
 *		condition	club_tier = "gold" or in audience regulars
 *
 *		rename_audience('regulars', 'friends')	... or in audience friends
 *		drop_audience('regulars')				refused; with cascade the
 *												reward is dropped
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "filter/filter.h"
#include "flow/flow.h"
#include "loyalty/reward_private.h"

/* A reward of a program, which a definition is of. */
typedef struct ReadReward
{
	const char *program;
	const Reward *reward;
} ReadReward;

static List *list_rewards(const Population *population);
static void write_reward(const Population *population,
						 const FlowDefinition *definition);
static void lose_reward(const Population *population,
						const FlowDefinition *definition);
static void bind_reward(const Population *population,
						const FlowDefinition *definition);

static const FlowReader rewards = {
	.list = list_rewards,
	.write = write_reward,
	.lose = lose_reward,
	.bind = bind_reward,
};

void
reward_reader_init(void)
{
	flow_register_reader(&rewards);
}

/* list_rewards() lists those that have a condition.  Of a FlowReader. */
static List *
list_rewards(const Population *population)
{
	List	   *list = NIL;
	TimestampTz now = clock_now();
	ListCell   *lc;
	ListCell   *one;

	foreach(lc, program_names(population))
		foreach(one, rewards_read(population, lfirst(lc)))
		{
			const Reward *reward = lfirst(one);
			FlowDefinition *definition;
			ReadReward *own;

			if (reward->condition == NULL)
				continue;
			own = palloc(sizeof(ReadReward));
			own->program = lfirst(lc);
			own->reward = reward;
			definition = palloc0(sizeof(FlowDefinition));
			definition->name = psprintf("reward \"%s\" of program \"%s\"",
										reward->name, own->program);
			definition->part_of = psprintf("program %s", own->program);
			definition->filters =
				list_make1(filter_source_parse(reward->condition).tree);
			definition->ended = reward->valid_until <= now;
			definition->own = own;
			list = lappend(list, definition);
		}
	return list;
}

/* write_reward() writes a condition that has changed.  Of a FlowReader. */
static void
write_reward(const Population *population, const FlowDefinition *definition)
{
	const ReadReward *own = definition->own;
	char	   *condition = filter_print(linitial(definition->filters));

	catalog_execute("UPDATE segment.reward SET condition = $4"
					" WHERE population = $1 AND program = $2 AND reward = $3",
					4, (Oid[]) {NAMEOID, NAMEOID, NAMEOID, TEXTOID},
					(Datum[]) {name_datum(population->name),
							   name_datum(own->program),
							   name_datum(own->reward->name),
							   CStringGetTextDatum(condition)}, NULL);
}

/* lose_reward() drops a reward.  Of a FlowReader. */
static void
lose_reward(const Population *population, const FlowDefinition *definition)
{
	const ReadReward *own = definition->own;

	reward_forget(population, own->program, own->reward->name);
	ereport(NOTICE, (errmsg("drop cascades to %s", definition->name)));
}

/* bind_reward() is an error if a condition does not bind.  Of a FlowReader. */
static void
bind_reward(const Population *population, const FlowDefinition *definition)
{
	const ReadReward *own = definition->own;

	if (!definition->ended)
		(void) condition_compile(population, own->reward->condition);
}
