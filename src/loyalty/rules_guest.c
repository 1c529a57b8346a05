/*-------------------------------------------------------------------------
 *
 * rules_guest.c
 *	  What do the rows of a statement earn, and for whom?
 *
 *		INSERT INTO orders ...
 *			interest	the rules of "orders": amount and ref of each row
 *			visit		customer 42: +120, order 7; is the condition true of
 *						the profile as it was?
 *			end			customer by customer: grants_apply
 *
 * Of a source with links it is noted only whose rows have changed, and these
 * are read (rules_rows.c).
 *
 * So points are there in the transaction of the order, and gone with its
 * rollback.  The customer's statement does not fail because of a rule: one
 * that does not bind any more earns nothing, and verify_program() says so; an
 * amount that is no number, or more than a movement may have, earns nothing.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/executor.h"
#include "optimizer/optimizer.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "flow/flow.h"
#include "loyalty/rules_private.h"

/* A rule of a source, with its condition for rows of the base table. */
typedef struct BoundRule
{
	Rule	   *rule;
	bool		unbound;		/* its condition does not bind: nothing is
								 * granted */
	ExprState  *condition;		/* NULL: none */
} BoundRule;

/* The rules of one source, which are the owner of an interest. */
typedef struct SourceRules
{
	int			count;
	BoundRule  *rules;
	bool		timed;			/* the last value of a row is its time */
	List	   *groups;			/* LinkedRules *, of a source with links */
	ExprContext *econtext;		/* for the conditions */
} SourceRules;

typedef struct RulesKey
{
	Oid			base;
	NameData	source;
} RulesKey;

typedef struct RulesEntry
{
	RulesKey	key;			/* hash key */
	CacheSlot	slot;
	Oid			relid;			/* of the source */
	FlowInterest *interest;		/* NULL: there are no rules */
} RulesEntry;

/* What is bound, by attempt(). */
typedef struct Binding
{
	const Source *source;
	Rule	   *rule;
	Expr	   *amount;
	Expr	   *ref;
	Expr	   *condition;		/* or NULL */
} Binding;

/* A batch of rows. */
typedef struct Turn
{
	const Population *population;
	MemoryContext memory;
	Changes    *changes;
	List	   *linked;			/* as linked_rules_note() */
} Turn;

static Cache *rules_cache = NULL;

static bool made_of(const void *entry, Oid relid);
static const FlowInterest *interest(const Source *source);
static FlowInterest *make_interest(const Source *source);
static void bind_rule(void *binding);
static void bind_condition(void *binding);
static void *begin(const Population *population);
static void visit(void *turn, const FlowVisit *visit);
static void visit_linked(Turn *turn, const FlowVisit *visit,
						 const SourceRules *rules, bool all);
static List *visit_row(List *changes, const FlowVisit *visit,
					   const FlowRow *row, const SourceRules *rules,
					   int *holds);
static TimestampTz time_of(const SourceRules *rules, const FlowRow *row,
						   TimestampTz now);
static bool condition_holds(const SourceRules *rules, const BoundRule *rule,
							TupleTableSlot *profile);
static void end(void *turn);

static const FlowGuest guest = {
	.name = "loyalty programs",
	.pins = true,
	.interest = interest,
	.begin = begin,
	.visit = visit,
	.end = end,
};

void
rules_guest_init(void)
{
	static const CacheKind kind = {
		.name = "segment earning rules",
		.key_size = sizeof(RulesKey),
		.entry_size = sizeof(RulesEntry),
		.slot = offsetof(RulesEntry, slot),
		.holds_sql = true,
		.made_of = made_of,
	};

	rules_cache = cache_create(&kind);
	flow_register_guest(&guest);
}

static bool
made_of(const void *entry, Oid relid)
{
	const RulesEntry *rules = entry;

	return rules->key.base == relid || rules->relid == relid;
}

/* The interest in a source: that of all its rules.  Of a FlowGuest. */
static const FlowInterest *
interest(const Source *source)
{
	RulesEntry	made;
	RulesEntry *entry;
	MemoryContext context;
	MemoryContext old;
	uint64		begun = cache_begin();

	memset(&made, 0, sizeof(made));
	made.key.base = source->population->oid;
	namestrcpy(&made.key.source, source->name);
	entry = cache_find(rules_cache, &made.key);
	if (entry != NULL)
		return entry->interest;

	made.relid = source->relid;
	context = AllocSetContextCreate(CurrentMemoryContext,
									"segment earning rules",
									ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(context);
	made.interest = make_interest(source);
	MemoryContextSwitchTo(old);
	if (made.interest == NULL)
	{
		MemoryContextDelete(context);
		context = NULL;
	}
	entry = cache_put(rules_cache, &made, context, begun);
	return entry->interest;
}

/* make_interest() binds the rules of a source; NULL if there are none. */
static FlowInterest *
make_interest(const Source *source)
{
	/* where there are no programs one table less is opened */
	List	   *all = program_names(source->population) == NIL ? NIL :
		rules_read(source->population);
	SourceRules *rules = palloc0(sizeof(SourceRules));
	List	   *values = NIL;
	ListCell   *lc;

	rules->rules = palloc0(sizeof(BoundRule) * Max(1, list_length(all)));
	foreach(lc, all)
	{
		Binding		binding = {source, lfirst(lc)};
		BoundRule  *bound = &rules->rules[rules->count];

		if (strcmp(binding.rule->source, source->name) != 0 ||
			binding.rule->lost ||
			attempt(bind_rule, &binding) != NULL)
			continue;
		bound->rule = binding.rule;
		bound->rule->linked = source->nlinks > 0;
		bound->rule->parted = source_is_parted(source, bound->rule->ref);
		if (bound->rule->linked)
			rules->groups = linked_rules_add(rules->groups, source,
											bound->rule, rules->count);
		bound->unbound = attempt(bind_condition, &binding) != NULL;
		if (!bound->unbound && binding.condition != NULL)
			bound->condition =
				ExecInitExpr(expression_planner(binding.condition), NULL);
		rules->count++;
		values = lappend(lappend(values, binding.amount), binding.ref);
	}
	if (values == NIL)
		return NULL;
	rules->timed = source_time(source) != NULL;
	if (rules->timed)
		values = lappend(values, source_time(source));
	rules->econtext = CreateStandaloneExprContext();
	return flow_interest(source, values, NULL, rules);
}

/* bind_rule() binds one of them.  An Attempt. */
static void
bind_rule(void *arg)
{
	Binding    *binding = arg;

	rule_bind(binding->source, binding->rule, &binding->amount,
			  &binding->ref);
}

/* bind_condition() binds its condition.  An Attempt. */
static void
bind_condition(void *arg)
{
	Binding    *binding = arg;

	binding->condition = rule_condition(binding->source->population,
										binding->rule);
}

/* Begin a batch.  Of a FlowGuest. */
static void *
begin(const Population *population)
{
	Turn	   *turn = palloc0(sizeof(Turn));

	turn->population = population;
	turn->memory = CurrentMemoryContext;
	turn->changes = changes_begin(population);
	return turn;
}

/* Note what the rows of a customer earn.  Of a FlowGuest. */
static void
visit(void *arg, const FlowVisit *visit)
{
	Turn	   *turn = arg;
	const SourceRules *last = NULL;
	List	   *changes = NIL;
	int		   *holds = NULL;
	ListCell   *lc;

	foreach(lc, visit->unknown)
		visit_linked(turn, visit, lfirst(lc), true);
	for (int i = 0; i < visit->nrows; i++)
	{
		const SourceRules *rules = visit->rows[i].owner;

		if (rules != last && rules->groups != NIL &&
			!list_member_ptr(visit->unknown, rules))
			visit_linked(turn, visit, rules, false);
		if (rules != last)
			holds = palloc0(sizeof(int) * rules->count);
		last = rules;
		if (rules->groups == NIL)
			changes = visit_row(changes, visit, &visit->rows[i], rules,
								holds);
	}
	changes_keep(turn->changes, changes);
}

/*
 * visit_linked() notes which rows of a source with links are to be read: all
 * of the customer, or those that have come or gone.
 */
static void
visit_linked(Turn *turn, const FlowVisit *visit, const SourceRules *rules,
			 bool all)
{
	MemoryContext old = MemoryContextSwitchTo(turn->memory);
	ListCell   *lc;
	ListCell   *place;

	foreach(lc, rules->groups)
	{
		LinkedRules *group = lfirst(lc);
		RowVisit   *one = palloc0(sizeof(RowVisit));
		int			ref = 2 * linitial_int(group->places) + 1;

		one->key = profile_key_copy(turn->population, visit->key);
		one->who = profile_key_text(turn->population, visit->key);
		one->all = all;
		one->at = visit->at;
		one->holds = palloc(sizeof(bool) * list_length(group->rules));
		foreach(place, group->places)
			one->holds[foreach_current_index(place)] =
				condition_holds(rules, &rules->rules[lfirst_int(place)],
								visit->before);
		for (int i = 0; !all && i < visit->nrows; i++)
			if (visit->rows[i].owner == rules && !visit->rows[i].isnull[ref])
				one->refs =
					lappend(one->refs,
							TextDatumGetCString(visit->rows[i].values[ref]));
		turn->linked = linked_rules_note(turn->linked, group, one);
	}
	MemoryContextSwitchTo(old);
}

/*
 * visit_row() adds what a row earns by each rule to the changes; 'holds' is
 * what is known of their conditions: 1 true, -1 false.
 */
static List *
visit_row(List *changes, const FlowVisit *visit, const FlowRow *row,
		  const SourceRules *rules, int *holds)
{
	for (int i = 0; i < rules->count; i++)
	{
		const BoundRule *rule = &rules->rules[i];
		RowChange  *change;
		Datum		amount = row->values[2 * i];

		if (row->isnull[2 * i] || row->isnull[2 * i + 1] ||
			!points_countable(DatumGetNumeric(amount)))
			continue;
		if (holds[i] == 0 && row->sign > 0)
			holds[i] = condition_holds(rules, rule, visit->before) ? 1 : -1;
		change = palloc0(sizeof(RowChange));
		change->rule = rule->rule;
		change->key = visit->key;
		change->ref = TextDatumGetCString(row->values[2 * i + 1]);
		change->amount = row->sign > 0 ? DatumGetNumeric(amount) :
			DatumGetNumeric(DirectFunctionCall1(numeric_uminus, amount));
		change->went = row->sign < 0;
		change->at = visit->at;
		change->happened = time_of(rules, row, visit->at);
		change->condition = holds[i] == 1;
		changes = lappend(changes, change);
	}
	return changes;
}

/* time_of() is the time of a row; 'now' if it has none. */
static TimestampTz
time_of(const SourceRules *rules, const FlowRow *row, TimestampTz now)
{
	int			last = 2 * rules->count;
	TimestampTz at;

	if (!rules->timed || row->isnull[last])
		return now;
	at = DatumGetTimestampTz(row->values[last]);
	return TIMESTAMP_NOT_FINITE(at) ? now : at;
}

/* condition_holds() asks a rule's condition of a profile as it was. */
static bool
condition_holds(const SourceRules *rules, const BoundRule *rule,
				TupleTableSlot *profile)
{
	ExprContext *econtext = rules->econtext;
	bool		isnull;
	bool		holds;

	if (rule->unbound)
		return false;
	if (rule->condition == NULL)
		return true;
	if (profile == NULL)
		return false;			/* and no member */
	econtext->ecxt_scantuple = profile;
	holds = DatumGetBool(ExecEvalExprSwitchContext(rule->condition, econtext,
												   &isnull));
	ResetExprContext(econtext);
	return holds && !isnull;
}

/* Grant what was earned.  Of a FlowGuest. */
static void
end(void *arg)
{
	Turn	   *turn = arg;
	Changes    *linked;
	int			level;

	changes_grant(turn->changes);
	if (turn->linked == NIL)
		return;
	level = settings_pin();
	linked = changes_begin(turn->population);
	changes_keep_all(linked, linked_rules_changes(turn->population,
												  turn->linked));
	changes_grant(linked);
	AtEOXact_GUC(false, level);
}
