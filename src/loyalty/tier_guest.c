/*-------------------------------------------------------------------------
 *
 * tier_guest.c
 *	  An event changes the steps of its customer, in its own transaction.
 *
 *		INSERT INTO orders ...		an event by which customers qualify
 *		join_program('club', 7)		a member, who comes or goes
 *
 *		visit		customer 7, as of now
 *		end			tier_update: all who were visited
 *
 * Which tierings does a source concern?  That is looked up once in a session,
 * and kept until a definition changes.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_coerce.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"
#include "utils/numeric.h"

#include "loyalty/tier_private.h"

/* A tiering that the rows of a source concern. */
typedef struct Concerned
{
	Tiering    *tiering;
	int			first;			/* of its values in a row */
	bool		qualifies;		/* is a row an event by which one qualifies? */
	bool		has_value;
	bool		has_where;
	ExprState  *sum;			/* over a profile's row; NULL: is not exact */
} Concerned;

typedef struct ConcernKey
{
	Oid			base;
	NameData	source;
} ConcernKey;

/* The tierings of a source. */
typedef struct Concern
{
	ConcernKey	key;
	List	   *concerned;		/* Concerned * */
	FlowInterest *interest;		/* NULL: none */
	ExprContext *econtext;
} Concern;

typedef struct ConcernEntry
{
	ConcernKey	key;			/* hash key */
	CacheSlot	slot;			/* holds the concern */
	const Source *source;
	Concern    *concern;
} ConcernEntry;

/* What a turn has visited, for one tiering. */
typedef struct Visited
{
	Tiering    *tiering;
	const Concern *concern;		/* that it is of */
	TierCustomer *customers;
	int			count;
	int			room;
} Visited;

typedef struct Turn
{
	const Population *population;
	MemoryContext memory;
	List	   *visited;		/* Visited * */
} Turn;

static Cache *concerns = NULL;

static bool made_of(const void *made, Oid relid);
static const FlowInterest *interest(const Source *source);
static Concern *concern_make(const Source *source);
static bool concerns_source(const Tiering *tiering, const Source *source,
							bool *qualifies);
static List *row_values(Concerned *one, const Source *source);
static Expr *as_numeric(Expr *number);
static ExprState *sum_of_profile(const Tiering *tiering);
static void *begin(const Population *population);
static void visit(void *turn, const FlowVisit *visit);
static void visit_for(Turn *turn, const FlowVisit *visit,
					  const Concern *concern);
static bool row_counts(const Concerned *one, const FlowRow *row);
static bool counts(const Concern *concern, const Concerned *one,
				   const FlowVisit *visit);
static bool only_added(const Concern *concern, const Concerned *one,
					   const FlowVisit *visit, Datum *sum);
static void end(void *turn);
static void find_anew(const Turn *turn, Visited *visited);

static const FlowGuest guest = {
	.name = "tiers of loyalty programs",
	.interest = interest,
	.begin = begin,
	.visit = visit,
	.end = end,
};

void
tier_init(void)
{
	static const CacheKind kind = {
		.name = "segment tiers",
		.key_size = sizeof(ConcernKey),
		.entry_size = sizeof(ConcernEntry),
		.slot = offsetof(ConcernEntry, slot),
		.holds_sql = true,
		.made_of = made_of,
	};

	concerns = cache_create(&kind);
	flow_register_guest(&guest);
}

/* made_of() says whether an entry depends on a relation.  Of CacheKind. */
static bool
made_of(const void *made, Oid relid)
{
	const ConcernEntry *entry = made;
	ListCell   *lc;

	if (entry->key.base == relid || source_is_made_of(entry->source, relid))
		return true;
	foreach(lc, entry->concern->concerned)
	{
		const Tiering *tiering = ((Concerned *) lfirst(lc))->tiering;

		if (tiering->step == relid || tiering->kept == relid ||
			tiering->member == relid ||
			(tiering->source != NULL &&
			 source_is_made_of(tiering->source, relid)))
			return true;
	}
	return false;
}

/* ---- which tierings does a source concern? ---- */

/* Of FlowGuest, as begin(), visit() and end(). */
static const FlowInterest *
interest(const Source *source)
{
	ConcernEntry made = {0};
	ConcernEntry *entry;
	MemoryContext context;
	MemoryContext old;
	uint64		begun = cache_begin();

	made.key.base = source->population->oid;
	namestrcpy(&made.key.source, source->name);
	entry = cache_find(concerns, &made.key);
	if (entry != NULL)
		return entry->concern->interest;

	context = AllocSetContextCreate(CurrentMemoryContext, "segment tiers",
									ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(context);
	made.source = source_copy(source);
	made.concern = concern_make(made.source);
	made.concern->key = made.key;
	MemoryContextSwitchTo(old);
	entry = cache_put(concerns, &made, context, begun);
	return entry->concern->interest;
}

/* concern_make() finds the tierings that a source concerns. */
static Concern *
concern_make(const Source *source)
{
	Concern    *concern = palloc0(sizeof(Concern));
	const Population *population = population_copy(source->population);
	List	   *values = NIL;
	ListCell   *lc;

	foreach(lc, program_names(population))
	{
		Tiering    *tiering = tiering_find(population, lfirst(lc));
		Concerned  *one;
		bool		qualifies;

		if (tiering == NULL || tiering->live || tiering->source == NULL ||
			!concerns_source(tiering, source, &qualifies))
			continue;
		one = palloc0(sizeof(Concerned));
		one->tiering = tiering;
		one->qualifies = qualifies;
		one->first = list_length(values);
		values = list_concat(values, row_values(one, source));
		if (qualifies)
			one->sum = sum_of_profile(tiering);
		concern->concerned = lappend(concern->concerned, one);
	}
	if (concern->concerned != NIL)
	{
		concern->interest = flow_interest(source, values, NULL, concern);
		concern->econtext = CreateStandaloneExprContext();
	}
	return concern;
}

/*
 * concerns_source() says whether the rows of a source change anybody's steps;
 * *qualifies: as events by which customers qualify.
 */
static bool
concerns_source(const Tiering *tiering, const Source *source, bool *qualifies)
{
	*qualifies = strcmp(tiering->source->name, source->name) == 0;
	return *qualifies || source->relid == tiering->member;
}

/* row_values() are the values of a row (Expr *) that count. */
static List *
row_values(Concerned *one, const Source *source)
{
	const Tiering *tiering = one->tiering;
	List	   *values = NIL;
	Expr	   *where;
	Expr	   *value;

	if (!one->qualifies)
	{
		FilterNode *left_at = filter_parse_operand("left_at", NULL);

		return list_make1(filter_compile_operand(left_at,
												 source_scope(source, NULL)));
	}
	values = list_make1(source_time(tiering->source));
	value = tiering_value(tiering);
	if (value != NULL)
		values = lappend(values, as_numeric(value));
	where = tiering_where(tiering);
	if (where != NULL)
		values = lappend(values, filter_as_value(where));
	one->has_value = value != NULL;
	one->has_where = where != NULL;
	return values;
}

/* as_numeric() casts a number, as the sum of a replay does. */
static Expr *
as_numeric(Expr *number)
{
	return (Expr *) coerce_to_target_type(NULL, (Node *) number,
										  exprType((Node *) number),
										  NUMERICOID, -1, COERCION_EXPLICIT,
										  COERCE_EXPLICIT_CAST, -1);
}

/* sum_of_profile() is what a profile's row says of the sum in the period. */
static ExprState *
sum_of_profile(const Tiering *tiering)
{
	FilterScope *scope = filter_relation_scope(tiering->population->oid, 1);
	FilterNode *name = filter_node(FILTER_COLUMN,
								   psprintf("%s_qualified",
											tiering->program), -1);
	Expr	   *sum = filter_compile_operand(name, scope);
	Oid			type = exprType((Node *) sum);

	if (type != INT8OID && type != NUMERICOID)
		return NULL;
	return ExecInitExpr(expression_planner(as_numeric(sum)), NULL);
}

/* ---- a turn ---- */

/* begin() makes a Turn. */
static void *
begin(const Population *population)
{
	Turn	   *turn = palloc0(sizeof(Turn));

	turn->population = population;
	turn->memory = CurrentMemoryContext;
	return turn;
}

/* visit() notes a customer whose rows concern a tiering. */
static void
visit(void *context, const FlowVisit *visit)
{
	List	   *seen = NIL;
	ListCell   *lc;

	for (int i = 0; i < visit->nrows; i++)
		seen = list_append_unique_ptr(seen, visit->rows[i].owner);
	foreach(lc, visit->unknown)
		seen = list_append_unique_ptr(seen, lfirst(lc));
	foreach(lc, seen)
		visit_for(context, visit, lfirst(lc));
}

/* visit_for() notes the customer for each of some tierings. */
static void
visit_for(Turn *turn, const FlowVisit *visit, const Concern *concern)
{
	MemoryContext old = MemoryContextSwitchTo(turn->memory);
	ListCell   *lc;
	ListCell   *other;

	foreach(lc, concern->concerned)
	{
		const Concerned *one = lfirst(lc);
		Tiering    *tiering = one->tiering;
		Visited    *visited = NULL;
		TierCustomer *last;
		TierCustomer customer = {
			.key = visit->key,
			.at = visit->at,
		};

		if (!counts(concern, one, visit))
			continue;

		/* another source may have a copy of the same tiering */
		foreach(other, turn->visited)
			if (strcmp(((Visited *) lfirst(other))->tiering->program,
					   tiering->program) == 0)
				visited = lfirst(other);
		if (visited == NULL)
		{
			visited = palloc0(sizeof(Visited));
			visited->tiering = tiering;
			visited->concern = concern;
			visited->room = 8;
			visited->customers = palloc_array(TierCustomer, visited->room);
			turn->visited = lappend(turn->visited, visited);
		}
		last = &visited->customers[visited->count - 1];
		if (visited->count > 0 &&
			profile_key_compare(turn->population, visit->key, last->key) == 0)
		{
			last->only_added = false;
			continue;
		}
		if (visited->count == visited->room)
		{
			visited->room *= 2;
			visited->customers = repalloc_huge(visited->customers,
											   sizeof(TierCustomer) *
											   visited->room);
		}
		customer.key = profile_key_copy(turn->population, visit->key);
		customer.only_added = only_added(concern, one, visit, &customer.sum);
		visited->customers[visited->count++] = customer;
	}
	MemoryContextSwitchTo(old);
}

/*
 * row_counts() says whether a row of the source is an event that counts.
 */
static bool
row_counts(const Concerned *one, const FlowRow *row)
{
	int			where = one->first + (one->has_value ? 2 : 1);

	return !one->has_where ||
		(!row->isnull[where] && DatumGetBool(row->values[where]));
}

/* counts() says whether any row does, as far as that is known. */
static bool
counts(const Concern *concern, const Concerned *one, const FlowVisit *visit)
{
	if (!one->qualifies || visit->unknown != NIL)
		return true;
	for (int i = 0; i < visit->nrows; i++)
		if (visit->rows[i].owner == concern &&
			row_counts(one, &visit->rows[i]))
			return true;
	return false;
}

/*
 * only_added() says whether all that happened are events of now that add to
 * the sum, which is *sum then, in the current context.
 */
static bool
only_added(const Concern *concern, const Concerned *one,
		   const FlowVisit *visit, Datum *sum)
{
	Datum		zero = NumericGetDatum(int64_to_numeric(0));
	MemoryContext caller = CurrentMemoryContext;
	bool		positive;
	bool		isnull;

	if (one->sum == NULL || visit->after == NULL || visit->unknown != NIL ||
		visit->at != clock_now())
		return false;
	for (int i = 0; i < visit->nrows; i++)
	{
		const FlowRow *row = &visit->rows[i];
		int			at = one->first;
		int			value = at + 1;

		if (row->owner != concern)
			return false;
		if (!row_counts(one, row))
			continue;
		if (row->sign < 0 || row->isnull[at] ||
			DatumGetTimestampTz(row->values[at]) != visit->at)
			return false;
		if (one->has_value &&
			(row->isnull[value] ||
			 !DatumGetBool(DirectFunctionCall2(numeric_gt,
											   row->values[value], zero))))
			return false;
	}

	/* not NaN, which is more than any number */
	concern->econtext->ecxt_scantuple = visit->after;
	*sum = ExecEvalExprSwitchContext(one->sum, concern->econtext, &isnull);
	positive = !isnull && !numeric_is_nan(DatumGetNumeric(*sum)) &&
		!numeric_is_inf(DatumGetNumeric(*sum)) &&
		DatumGetBool(DirectFunctionCall2(numeric_gt, *sum, zero));
	if (positive)
		*sum = datumCopy(*sum, false, -1);
	MemoryContextSwitchTo(caller);
	ResetExprContext(concern->econtext);
	return positive;
}

/*
 * end() writes the steps of all who were visited: by what the tiering is now,
 * which a trigger of a user, say, may have changed while the rows were on
 * their way.
 */
static void
end(void *context)
{
	Turn	   *turn = context;
	ListCell   *lc;

	foreach(lc, turn->visited)
	{
		Visited    *visited = lfirst(lc);
		const ConcernEntry *entry = cache_find(concerns,
											   &visited->concern->key);

		if (entry == NULL || entry->concern != visited->concern)
			find_anew(turn, visited);
		if (visited->tiering != NULL && !visited->tiering->live)
			tier_update(visited->tiering, visited->customers, visited->count,
						false);
	}
}

/*
 * find_anew() finds the tiering of those who were visited as it is now, NULL
 * if it is gone.  What was seen of their sums may mean another one.
 */
static void
find_anew(const Turn *turn, Visited *visited)
{
	visited->tiering = tiering_find(turn->population,
									visited->tiering->program);
	for (int i = 0; i < visited->count; i++)
		visited->customers[i].only_added = false;
}
