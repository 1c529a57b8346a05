/*-------------------------------------------------------------------------
 *
 * bind.c
 *	  Does a filter bind to the population's profiles, and what is known of it?
 *
 *		total_spend > 500					binds; stored
 *		last_order_at < now - 60 days		stored, time_dependent
 *		orders_30d = 0						stored, matches_empty
 *		totl_spend > 500					does not bind: no such trait
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/executor.h"
#include "optimizer/optimizer.h"

#include "audience/definitions.h"
#include "base/base.h"
#include "time/time.h"

/* A filter to be bound by an attempt. */
typedef struct BindOne
{
	const Population *population;
	const FilterNode *filter;
} BindOne;

static void bind_one(void *arg);
static void bind_for_label(const Population *population,
						   const FilterNode *filter);

Expr *
audience_bind(const Population *population, const FilterNode *filter,
			  const char *text)
{
	FilterScope *scope = filter_relation_scope(population->oid, 1);

	scope->text = text;
	return filter_compile(filter, scope);
}

AudienceFacts
audience_bind_named(const Population *population, const Audience *audience)
{
	AudienceFacts facts;
	Expr	   *filter;
	ErrorContextCallback callback = {
		.previous = error_context_stack,
		.callback = in_filter_of_audience,
		.arg = audience->name,
	};

	error_context_stack = &callback;
	filter = audience_bind(population, audience_filter(audience), NULL);
	facts = audience_describe(population, filter);
	error_context_stack = callback.previous;
	return facts;
}

void
in_filter_of_audience(void *name)
{
	errcontext("filter of audience \"%s\"", (const char *) name);
}

AudienceFacts
audience_describe(const Population *population, Expr *filter)
{
	AudienceFacts facts;
	EState	   *estate = CreateExecutorState();
	ProfileTable *table = profile_open(population);
	ExprContext *econtext = GetPerTupleExprContext(estate);
	Expr	   *value = filter_as_value(copyObject(filter));
	ExprState  *state;

	facts.time_dependent = contain_mutable_functions((Node *) filter);
	facts.stored = !facts.time_dependent ||
		time_expr_is_predictable(time_expr_make(value, true));
	econtext->ecxt_scantuple = profile_blank(table);
	state = ExecPrepareQual(list_make1(filter), estate);
	facts.matches_empty = ExecQual(state, econtext);
	profile_close(table);
	FreeExecutorState(estate);
	return facts;
}

FilterNode *
audience_relabel(const Population *population, const FilterNode *filter,
				 const void *label)
{
	return definition_relabel_with(population, filter, label, bind_for_label);
}

/* bind_for_label() binds a filter: a RelabelBind. */
static void
bind_for_label(const Population *population, const FilterNode *filter)
{
	(void) audience_bind(population, filter, NULL);
}

char *
audience_unbound(const Population *population, const Audience *audience)
{
	BindOne		one = {population, audience_filter(audience)};
	ErrorData  *error = attempt(bind_one, &one);

	return error == NULL ? NULL : error->message;
}

static void
bind_one(void *arg)
{
	const BindOne *one = arg;

	(void) audience_bind(one->population, one->filter, NULL);
}

List *
audience_binding(const Population *population, List *names)
{
	List	   *binding = NIL;
	ListCell   *lc;

	foreach(lc, names)
	{
		const Audience *audience = audience_by_name(population, lfirst(lc));

		if (audience != NULL && audience_unbound(population, audience) == NULL)
			binding = lappend(binding, lfirst(lc));
	}
	return binding;
}
