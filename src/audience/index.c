/*-------------------------------------------------------------------------
 *
 * index.c
 *	  Which audiences can a changed profile touch?
 *
 * An event changes a few traits; a population may have thousands of audiences.
 * So the conditions that filters are made of are kept by what they look at: an
 * operand, which is a trait, or is computed from traits.
 *
 *		total_spend		> 100 {newcomer}	> 500 {vip, lapsed_vip}
 *		city			Aarhus {local}	 Odense {local, islanders}
 *		anything else	tags contains "vegan" {vegans}
 *
 * An order that takes a profile's total_spend from 480 to 540 passes one
 * threshold, and two filters are evaluated, however many audiences there are.
 *
 * touch.c finds them.  Then each filter that has a condition that differs is
 * evaluated on the row as it was and as it is.  What does not exist is in no
 * audience: a new profile is compared with the blank one, of which nothing is
 * known, and the filters that hold even for that one are evaluated too.
 *
 * Time changes some conditions, too (wake.c).  The clock is a parameter of all
 * that is evaluated here (time/moment.h): a condition holds as of an instant,
 * not as of now.
 *
 * An index is built once per session, at the first event, and again when a
 * definition has changed.
 *
 * A filter that does not bind any more is noted, and the others are indexed:
 * an event must not fail of a definition that it has nothing to do with.  The
 * next writer of profiles stops keeping the audience's members (suspend.c).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "audience/conditions.h"
#include "base/base.h"

typedef struct IndexEntry
{
	Oid			base;			/* hash key */
	CacheSlot	slot;
	AudienceIndex *index;
} IndexEntry;

/* What an index is built of. */
typedef struct Building
{
	const Population *population;
	List	   *audiences;		/* Audience * */
	bool		each;			/* bind each by an attempt of its own */
	FilterScope *scope;
	MemoryContext scratch;		/* reset after each audience */
	Collection	into;
	AudienceIndex *index;		/* the result */
} Building;

/* A filter to be compiled by an attempt. */
typedef struct Compilation
{
	const Watched *watched;
	const FilterNode *filter;
	FilterScope *scope;
	Expr	   *result;
} Compilation;

static Cache *indexes = NULL;

static bool made_of(const void *entry, Oid relid);
static AudienceIndex *index_build(const Population *population,
								  List *audiences);
static void build(void *arg);
static AudienceIndex *index_create(const Population *population, int most);
static void index_audience(Building *building, const Audience *audience);
static void compile_watched(void *arg);
static void index_columns(AudienceIndex *index);
static Column *column_of(AudienceIndex *index, int bit);

void
audience_index_init(void)
{
	static const CacheKind kind = {
		.name = "segment audience indexes",
		.key_size = sizeof(Oid),
		.entry_size = sizeof(IndexEntry),
		.slot = offsetof(IndexEntry, slot),
		.made_of = made_of,
	};

	indexes = cache_create(&kind);
}

static bool
made_of(const void *entry, Oid relid)
{
	return ((const IndexEntry *) entry)->base == relid;
}

AudienceIndex *
audience_index(const Population *population)
{
	IndexEntry *entry = cache_find(indexes, &population->oid);
	IndexEntry	made = {population->oid};
	MemoryContext context;
	MemoryContext old;
	uint64		begun = cache_begin();

	if (entry != NULL)
	{
		entry->index->evaluating = -1;	/* an error may have left it set */
		return entry->index;
	}

	context = AllocSetContextCreate(CurrentMemoryContext,
									"segment audience index",
									ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(context);
	made.index = index_build(population, audience_list(population));
	MemoryContextSwitchTo(old);

	(void) cache_put(indexes, &made, context, begun);
	return made.index;
}

AudienceIndex *
audience_index_of(const Population *population, List *audiences)
{
	return index_build(population, audiences);
}

/*
 * Beside parallel workers a broken audience cannot be skipped, because the
 * server has no subtransactions there.  So an index that has to be built there
 * has only those audiences that are asked for.
 */
AudienceIndex *
audience_index_to_ask(const Population *population, List *audiences)
{
	if (IsInParallelMode() &&
		cache_find(indexes, &population->oid) == NULL)
		return audience_index_of(population, audiences);
	return audience_index(population);
}

/* ---- building ---- */

/*
 * index_build() binds all filters at once; and again one by one, if one of
 * them does not bind.
 */
static AudienceIndex *
index_build(const Population *population, List *audiences)
{
	Building	building = {population, audiences};

	if (attempt(build, &building) != NULL)
	{
		building.each = true;
		build(&building);
	}
	return building.index;
}

/* build() builds an index in the current context: an attempt. */
static void
build(void *arg)
{
	Building   *building = arg;
	const Population *population = building->population;
	AudienceIndex *index = index_create(population,
										list_length(building->audiences));
	ListCell   *lc;
	int			level;

	building->scope = filter_relation_scope(population->oid, 1);
	building->scratch = AllocSetContextCreate(CurrentMemoryContext,
											  "segment conditions",
											  ALLOCSET_DEFAULT_SIZES);
	building->into = (Collection) {index, CurrentMemoryContext, 0};
	building->index = index;
	level = filter_pin(building->scope);
	foreach(lc, building->audiences)
	{
		CHECK_FOR_INTERRUPTS();
		index_audience(building, lfirst(lc));
	}
	AtEOXact_GUC(true, level);
	MemoryContextDelete(building->scratch);

	foreach(lc, index->operands)
		operand_finish(lfirst(lc));
	index_columns(index);
}

/* index_create() makes an empty index, for 'most' audiences. */
static AudienceIndex *
index_create(const Population *population, int most)
{
	AudienceIndex *index = palloc0(sizeof(AudienceIndex));
	HASHCTL		control = {
		.keysize = sizeof(uint64),
		.entrysize = sizeof(Condition),
		.hcxt = CurrentMemoryContext,
	};

	index->population = population_copy(population);
	index->watched = palloc0(sizeof(Watched) * Max(most, 1));
	index->touched = palloc(sizeof(int) * Max(most, 1));
	index->conditions = hash_create("segment conditions", 64, &control,
									HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	index->shared = shared_exprs_create();
	index->evaluating = -1;
	index->before = moment_create(index->shared);
	index->after = moment_create(index->shared);
	index->time_context = time_expr_context();
	return index;
}

/* index_audience() adds an audience; it is compiled if it is stored. */
static void
index_audience(Building *building, const Audience *audience)
{
	AudienceIndex *index = building->index;
	Collection *into = &building->into;
	int			place = index->nwatched++;
	Watched    *watched = &index->watched[place];
	Compilation one = {watched, audience->filter, building->scope};
	ErrorData  *error = NULL;
	MemoryContext old;

	watched->name = pstrdup(audience->name);
	watched->definition_id = audience->definition_id;
	watched->untried = !audience->stored;
	if (!audience->stored)
		return;

	into->place = place;
	old = MemoryContextSwitchTo(building->scratch);
	if (building->each)
		error = attempt(compile_watched, &one);
	else
		compile_watched(&one);
	if (error != NULL)
	{
		MemoryContextSwitchTo(into->context);
		watched->broken = pstrdup(error->message);
		index->broken = lappend_int(index->broken, place);
	}
	else
	{
		if (audience->time_dependent)
			one.result = shared_exprs_bind(index->shared, one.result);
		collect_conditions(into, (Node *) one.result);
		MemoryContextSwitchTo(into->context);
		/* a filter that time changes may come to hold for the blank row */
		if (audience->matches_empty || audience->time_dependent)
			index->matches_empty = lappend_int(index->matches_empty, place);
	}
	MemoryContextSwitchTo(old);
	MemoryContextReset(building->scratch);
}

static void
compile_watched(void *arg)
{
	Compilation *one = arg;

	one->result = watched_compile(one->watched, one->filter, one->scope);
}

/* ---- columns ---- */

/* index_columns() notes for each column what depends on it. */
static void
index_columns(AudienceIndex *index)
{
	ListCell   *lc;
	HASH_SEQ_STATUS scan;
	Condition  *condition;
	Column	   *column;
	int			bit;

	foreach(lc, index->operands)
	{
		Operand    *operand = lfirst(lc);

		bit = -1;
		while ((bit = bms_next_member(operand->columns, bit)) >= 0)
		{
			column = column_of(index, bit);
			column->operands = lappend(column->operands, operand);
		}
	}

	hash_seq_init(&scan, index->conditions);
	while ((condition = hash_seq_search(&scan)) != NULL)
		for (; condition != NULL; condition = condition->next)
		{
			bit = -1;
			while ((bit = bms_next_member(condition->columns, bit)) >= 0)
			{
				column = column_of(index, bit);
				column->conditions = lappend(column->conditions, condition);
			}
		}
}

/* column_of() finds the column of a bit in a set of columns, or adds it. */
static Column *
column_of(AudienceIndex *index, int bit)
{
	AttrNumber	number = bit + FirstLowInvalidHeapAttributeNumber;
	Column	   *column;
	int32		typmod;
	Oid			type;
	Oid			collation;

	for (int i = 0; i < index->ncolumns; i++)
		if (index->columns[i].number == number)
			return &index->columns[i];

	index->columns = index->columns == NULL ? palloc(sizeof(Column)) :
		repalloc(index->columns, sizeof(Column) * (index->ncolumns + 1));
	column = &index->columns[index->ncolumns++];
	memset(column, 0, sizeof(Column));
	column->number = number;
	get_atttypetypmodcoll(index->population->oid, number, &type, &typmod,
						  &collation);
	get_typlenbyval(type, &column->typlen, &column->typbyval);
	return column;
}
