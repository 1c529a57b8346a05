/*-------------------------------------------------------------------------
 *
 * index_filters.c
 *	  Does the filter of an audience hold, and does it still bind?
 *
 *		index_set_row(index, row of 17, now)	or a change: see touch.c
 *		index_holds(index, place of vip)		true
 *
 * A filter is compiled and made ready to run when it is first needed; several
 * that are needed together are prepared together.  Of the conditions that must
 * all hold the cheapest is evaluated first.
 *
 * If a filter binds no more, though no invalidation has come, its evaluation
 * fails once: the next index is built anew, and the filter is found broken.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/executor.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "portability/instr_time.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "audience/conditions.h"
#include "audience/definitions.h"
#include "base/base.h"

/* Filters to be prepared by an attempt. */
typedef struct Preparation
{
	AudienceIndex *index;
	int			place;
} Preparation;

static bool holds(AudienceIndex *index, int place, Moment *moment);
static void prepare_one(void *arg);
static bool are_prepared(const AudienceIndex *index, const int *places,
						 int count);
static void prepare(AudienceIndex *index, const int *places, int count);
static List *cheapest_first(Expr *filter);
static Cost cost_of(Node *condition);

/* ---- places ---- */

int
index_place(const AudienceIndex *index, const char *name)
{
	return index->by_name[index_position(index, name)];
}

int
index_position(const AudienceIndex *index, const char *name)
{
	int			low = 0;
	int			high = index->count;

	while (low < high)
	{
		int			middle = low + (high - low) / 2;

		if (strcmp(index_name(index, index->by_name[middle]), name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const char *
index_name(const AudienceIndex *index, int place)
{
	return index->watched[place].name;
}

int32
index_definition_id(const AudienceIndex *index, int place)
{
	return index->watched[place].definition_id;
}

/* ---- evaluating ---- */

void
index_set_row(AudienceIndex *index, TupleTableSlot *row, TimestampTz at)
{
	moment_set(index->after, row, at);
}

bool
index_holds(AudienceIndex *index, int place)
{
	return holds(index, place, index->after);
}

bool
index_toggles(AudienceIndex *index, int place, bool existed, bool exists,
			  bool *is)
{
	FilterCounts *counts = index_counts(index, place);
	instr_time	begun;
	bool		was;

	INSTR_TIME_SET_CURRENT(begun);
	was = existed && holds(index, place, index->before);
	*is = exists && holds(index, place, index->after);
	counts->evaluated += existed + exists;
	counts->nanoseconds += nanoseconds_since(begun);
	counts->transitions += was != *is;
	return was != *is;
}

void
index_add_counts(AudienceIndex *index)
{
	for (int i = 0; i < index->ncounted; i++)
	{
		Watched    *watched = &index->watched[index->counted[i]];

		statistics_add(index->population->oid, watched->definition_id,
					   &watched->counts);
		watched->counts = (FilterCounts) {0};
		watched->counted = false;
	}
	index->ncounted = 0;
}

/* holds() evaluates a filter on the row of a moment. */
static bool
holds(AudienceIndex *index, int place, Moment *moment)
{
	ExprContext *econtext = moment_context(moment);
	bool		result;

	if (index->watched[place].filter == NULL)
		index_prepare(index, &place, 1);
	index->evaluating = place;
	result = ExecQual(index->watched[place].filter, econtext);
	index->evaluating = -1;
	ResetExprContext(econtext);
	return result;
}

const char *
index_evaluating(const AudienceIndex *index)
{
	return index->evaluating < 0 ? NULL :
		index->watched[index->evaluating].name;
}

/* ---- what does not bind ---- */

const char *
index_broken(AudienceIndex *index, int place)
{
	Watched    *watched = &index->watched[place];
	Preparation one = {index, place};
	ErrorData  *error;

	if (!watched->untried)
		return watched->broken;
	error = attempt(prepare_one, &one);
	if (error != NULL)
		watched->broken = MemoryContextStrdup(index_memory(index),
											  error->message);
	index->tried_in_vain |= error != NULL;
	watched->untried = false;
	return watched->broken;
}

List *
index_broken_places(const AudienceIndex *index)
{
	return index->broken;
}

static void
prepare_one(void *arg)
{
	Preparation *one = arg;

	prepare(one->index, &one->place, 1);
}

/* ---- preparing ---- */

void
index_prepare(AudienceIndex *index, const int *places, int count)
{
	if (are_prepared(index, places, count))
		return;
	PG_TRY();
	{
		prepare(index, places, count);
	}
	PG_CATCH();
	{
		cache_distrust(index->population->oid);
		PG_RE_THROW();
	}
	PG_END_TRY();
}

static bool
are_prepared(const AudienceIndex *index, const int *places, int count)
{
	for (int i = 0; i < count; i++)
		if (index->watched[places[i]].filter == NULL)
			return false;
	return true;
}

/* prepare() prepares filters together: settings are pinned only once. */
static void
prepare(AudienceIndex *index, const int *places, int count)
{
	FilterScope *scope = NULL;
	int			level = 0;

	for (int i = 0; i < count; i++)
	{
		Watched    *watched = &index->watched[places[i]];
		const Audience *audience;
		Expr	   *filter;
		MemoryContext old;

		if (watched->filter != NULL)
			continue;
		if (scope == NULL)
		{
			scope = filter_relation_scope(index->population->oid, 1);
			level = filter_pin(scope);
		}
		audience = audience_by_name(index->population, watched->name);
		filter = watched_compile(watched, audience_filter(audience), scope);
		filter = expression_planner(shared_exprs_bind(index->shared, filter));
		old = MemoryContextSwitchTo(index_memory(index));
		watched->filter = ExecInitQual(cheapest_first(copyObject(filter)),
									   NULL);
		MemoryContextSwitchTo(old);
	}
	if (scope != NULL)
		AtEOXact_GUC(true, level);
}

/*
 * cheapest_first() returns the conditions that must all hold, in an order in
 * which the cheapest are evaluated first, and among equals the first written.
 */
static List *
cheapest_first(Expr *filter)
{
	List	   *conditions = list_make1(filter);
	List	   *result = NIL;
	ListCell   *lc;

	if (is_andclause(filter))
		conditions = ((BoolExpr *) filter)->args;
	foreach(lc, conditions)
	{
		int			position = list_length(result);

		while (position > 0 &&
			   cost_of(list_nth(result, position - 1)) > cost_of(lfirst(lc)))
			position--;
		result = list_insert_nth(result, position, lfirst(lc));
	}
	return result;
}

/* cost_of() returns what it costs to evaluate a condition on a row. */
static Cost
cost_of(Node *condition)
{
	QualCost	cost;

	cost_qual_eval_node(&cost, condition, NULL);
	return cost.per_tuple;
}

Expr *
watched_compile(const Watched *watched, const FilterNode *filter,
				FilterScope *scope)
{
	ErrorContextCallback callback = {
		.previous = error_context_stack,
		.callback = in_filter_of_audience,
		.arg = watched->name,
	};
	Expr	   *expr;

	error_context_stack = &callback;
	expr = filter_compile_pinned(filter, scope);
	error_context_stack = callback.previous;
	return expr;
}
