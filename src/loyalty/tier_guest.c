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

#include "utils/builtins.h"
#include "utils/memutils.h"

#include "loyalty/tier_private.h"

/* The tierings of a source. */
typedef struct Concern
{
	List	   *tierings;		/* Tiering * */
	FlowInterest *interest;		/* NULL: none */
} Concern;

typedef struct ConcernKey
{
	Oid			base;
	NameData	source;
} ConcernKey;

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
static List *row_values(const Tiering *tiering, const Source *source,
						bool qualifies);
static void *begin(const Population *population);
static void visit(void *turn, const FlowVisit *visit);
static void visit_for(Turn *turn, const FlowVisit *visit,
					  const Concern *concern);
static void end(void *turn);

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
	foreach(lc, entry->concern->tierings)
	{
		const Tiering *tiering = lfirst(lc);

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
		MemoryContextCallback *callback;
		bool		qualifies;

		if (tiering == NULL || tiering->live || tiering->source == NULL ||
			!concerns_source(tiering, source, &qualifies))
			continue;
		callback = palloc0(sizeof(MemoryContextCallback));
		callback->func = tiering_free_plans;
		callback->arg = tiering;
		MemoryContextRegisterResetCallback(CurrentMemoryContext, callback);
		concern->tierings = lappend(concern->tierings, tiering);
		values = list_concat(values, row_values(tiering, source,
														qualifies));
	}
	if (concern->tierings != NIL)
		concern->interest = flow_interest(source, values, NULL, concern);
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
row_values(const Tiering *tiering, const Source *source, bool qualifies)
{
	List	   *values = NIL;
	Expr	   *where;
	Expr	   *value;

	if (!qualifies)
	{
		FilterNode *left_at = filter_parse_operand("left_at", NULL);

		return list_make1(filter_compile_operand(left_at,
												 source_scope(source, NULL)));
	}
	values = list_make1(source_time(tiering->source));
	value = tiering_value(tiering);
	if (value != NULL)
		values = lappend(values, value);
	where = tiering_where(tiering);
	if (where != NULL)
		values = lappend(values, filter_as_value(where));
	return values;
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

	foreach(lc, concern->tierings)
	{
		Tiering    *tiering = lfirst(lc);
		Visited    *visited = NULL;
		const TierCustomer *last;

		/* another source may have a copy of the same tiering */
		foreach(other, turn->visited)
			if (strcmp(((Visited *) lfirst(other))->tiering->program,
					   tiering->program) == 0)
				visited = lfirst(other);
		if (visited == NULL)
		{
			visited = palloc0(sizeof(Visited));
			visited->tiering = tiering;
			visited->room = 8;
			visited->customers = palloc_array(TierCustomer, visited->room);
			turn->visited = lappend(turn->visited, visited);
		}
		last = &visited->customers[visited->count - 1];
		if (visited->count > 0 &&
			profile_key_compare(turn->population, visit->key, last->key) == 0)
			continue;
		if (visited->count == visited->room)
		{
			visited->room *= 2;
			visited->customers = repalloc_huge(visited->customers,
											   sizeof(TierCustomer) *
											   visited->room);
		}
		visited->customers[visited->count++] = (TierCustomer) {
			profile_key_copy(turn->population, visit->key), visit->at
		};
	}
	MemoryContextSwitchTo(old);
}

/* end() writes the steps of all who were visited. */
static void
end(void *context)
{
	Turn	   *turn = context;
	ListCell   *lc;

	foreach(lc, turn->visited)
	{
		Visited    *visited = lfirst(lc);

		tier_update(visited->tiering, visited->customers, visited->count,
					false);
	}
}
