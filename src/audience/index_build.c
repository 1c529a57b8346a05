/*-------------------------------------------------------------------------
 *
 * index_build.c
 *	  How do audiences come into an index, and out of it?
 *
 *		index_build		{vip, lapsed_vip}
 *						total_spend		> 500 {vip, lapsed_vip}
 *
 *		somebody makes newcomer, and drops lapsed_vip
 *		index_follow	{vip, newcomer}
 *						total_spend		> 100 {newcomer}	> 500 {vip}
 *
 * The conditions of an audience are read off its compiled filter, which is
 * thrown away again, or where they are like those of another one as they are
 * written (collect_plain.c).  The few filters that are to be evaluated are
 * compiled when that is so.
 *
 * A filter that does not bind any more is noted, and the others are indexed:
 * an event must not fail of a definition that it has nothing to do with.  The
 * next writer of profiles stops keeping the audience's members (suspend.c).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "audience/conditions.h"
#include "base/base.h"

/*
 * An index is built anew if more than so many, and a quarter of all, come and
 * go; or if so many have gone, and more than there are, because it still
 * spends memory on them.
 */
#define MOST_DIFFERENT	16
#define MOST_GONE		100

/* What an index is built of. */
typedef struct Building
{
	const Population *population;
	List	   *audiences;		/* Audience * */
	bool		each;			/* bind each by an attempt of its own */
	FilterScope *scope;
	MemoryContext memory;		/* holds what ends with the building */
	MemoryContext scratch;		/* reset after each audience */
	PlainShapes *plain;
	Collection	into;
	AudienceIndex *index;		/* the result */
} Building;

/* A filter to be read or compiled by an attempt. */
typedef struct Compilation
{
	const Watched *watched;
	const Audience *audience;
	FilterScope *scope;
	PlainShapes *plain;			/* NULL: it has to be compiled */
	Expr	   *result;			/* NULL: it was read */
} Compilation;

static void build(void *arg);
static AudienceIndex *index_create(const Population *population, int most);
static int *take_in(Building *building);
static void finish(AudienceIndex *index);
static int	free_place(AudienceIndex *index);
static void index_audience(Building *building, const Audience *audience,
						   int place);
static void compile_watched(void *arg);
static bool *remove_names(AudienceIndex *index, List *gone);
static void insert_names(AudienceIndex *index, List *come,
						 const int *places);
static void take_out(AudienceIndex *index, List *audiences);
static List *remove_places(List *places, const bool *gone);

/* ---- building ---- */

/*
 * index_build() binds all filters at once; and again one by one, if one of
 * them does not bind.
 */
AudienceIndex *
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
	int			count = list_length(building->audiences);
	AudienceIndex *index = index_create(building->population, count);
	int		   *places;

	building->index = index;
	places = take_in(building);
	finish(index);
	index->by_name = places;
	index->count = count;
	index->named = Max(count, 1);
}

/* index_create() makes an empty index, for 'most' audiences at first. */
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
	index->space = Max(most, 1);
	index->watched = palloc0(sizeof(Watched) * index->space);
	index->touched = palloc(sizeof(int) * index->space);
	index->counted = palloc(sizeof(int) * index->space);
	index->conditions = hash_create("segment conditions", 64, &control,
									HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	index->shared = shared_exprs_create();
	index->evaluating = -1;
	index->before = moment_create(index->shared);
	index->after = moment_create(index->shared);
	index->time_context = time_expr_context();
	return index;
}

/*
 * take_in() adds the audiences of a building to its index.  Returns their
 * places, in the current context.
 */
static int *
take_in(Building *building)
{
	AudienceIndex *index = building->index;
	int		   *places = palloc(sizeof(int) *
								Max(list_length(building->audiences), 1));
	MemoryContext old;
	ListCell   *lc;
	int			level;

	building->memory = AllocSetContextCreate(CurrentMemoryContext,
											 "segment building",
											 ALLOCSET_DEFAULT_SIZES);
	building->scratch = AllocSetContextCreate(building->memory,
											  "segment conditions",
											  ALLOCSET_DEFAULT_SIZES);
	building->into = (Collection) {index, index_memory(index), 0};
	old = MemoryContextSwitchTo(building->memory);
	building->plain = plain_create();
	building->scope = filter_relation_scope(building->population->oid, 1);
	level = filter_pin(building->scope);
	foreach(lc, building->audiences)
	{
		int			place = free_place(index);

		CHECK_FOR_INTERRUPTS();
		index_audience(building, lfirst(lc), place);
		places[foreach_current_index(lc)] = place;
	}
	AtEOXact_GUC(true, level);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(building->memory);
	return places;
}

/* finish() lets what was changed be searched. */
static void
finish(AudienceIndex *index)
{
	ListCell   *lc;

	foreach(lc, index->operands)
		operand_finish(lfirst(lc));
	foreach(lc, index->pairs)
		pair_finish(lfirst(lc));
}

/* free_place() returns a place that no audience has. */
static int
free_place(AudienceIndex *index)
{
	int			place;

	if (index->free != NIL)
	{
		place = llast_int(index->free);
		index->free = list_delete_last(index->free);
		return place;
	}
	if (index->nwatched == index->space)
	{
		index->space *= 2;
		index->watched = repalloc(index->watched,
								  sizeof(Watched) * index->space);
		index->touched = repalloc(index->touched, sizeof(int) * index->space);
		index->counted = repalloc(index->counted, sizeof(int) * index->space);
	}
	return index->nwatched++;
}

/* index_audience() adds an audience, if it is stored with its conditions. */
static void
index_audience(Building *building, const Audience *audience, int place)
{
	AudienceIndex *index = building->index;
	Collection *into = &building->into;
	Watched    *watched = &index->watched[place];
	Compilation one = {
		.watched = watched,
		.audience = audience,
		.scope = building->scope,
		.plain = audience->time_dependent ? NULL : building->plain,
	};
	ErrorData  *error = NULL;
	MemoryContext old;

	memset(watched, 0, sizeof(Watched));
	watched->name = MemoryContextStrdup(into->context, audience->name);
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
		if (one.result != NULL)
			collect_conditions(into, (Node *) one.result);
		else
			plain_collect(one.plain, into);
		if (one.result != NULL && one.plain != NULL)
			plain_learn(one.plain, into, audience_filter(audience),
						one.result);
		MemoryContextSwitchTo(into->context);
		/* a filter that time changes may come to hold for the blank row */
		if (audience->matches_empty || audience->time_dependent)
			index->matches_empty = lappend_int(index->matches_empty, place);
	}
	MemoryContextSwitchTo(old);
	MemoryContextReset(building->scratch);
}

/* compile_watched() reads or compiles an audience's filter: an attempt. */
static void
compile_watched(void *arg)
{
	Compilation *one = arg;

	if (one->plain == NULL ||
		!plain_read(one->plain, one->scope, one->audience->packed))
		one->result = watched_compile(one->watched,
									  audience_filter(one->audience),
									  one->scope);
}

/* ---- following ---- */

bool
index_follow(AudienceIndex *index, List *gone, List *come)
{
	int			different = list_length(gone) + list_length(come);

	if (different > Max(MOST_DIFFERENT, index->count / 4) ||
		index->ngone > index->count + MOST_GONE)
		return false;
	if (different == 0)
		return true;
	/* what an error has left: the places may be those of others now */
	index_add_counts(index);
	if (gone != NIL)
		take_out(index, gone);
	if (come != NIL)
	{
		Building	building = {
			.population = index->population,
			.audiences = come,
			.each = true,
			.index = index,
		};

		insert_names(index, come, take_in(&building));
	}
	finish(index);
	return true;
}

/* insert_names() lets audiences that were taken in be found by name. */
static void
insert_names(AudienceIndex *index, List *come, const int *places)
{
	if (index->count + list_length(come) > index->named)
	{
		index->named = (index->count + list_length(come)) * 2;
		index->by_name = repalloc(index->by_name,
								  sizeof(int) * index->named);
	}
	for (int i = 0; i < list_length(come); i++)
	{
		int			place = places[i];
		int			at = index_position(index, index_name(index, place));

		memmove(&index->by_name[at + 1], &index->by_name[at],
				sizeof(int) * (index->count - at));
		index->by_name[at] = place;
		index->count++;
	}
}

/* take_out() removes audiences, whose places are free then. */
static void
take_out(AudienceIndex *index, List *audiences)
{
	MemoryContext old = MemoryContextSwitchTo(index_memory(index));
	bool	   *gone = remove_names(index, audiences);
	List	   *operands = list_copy(index->operands);
	List	   *pairs = list_copy(index->pairs);
	ListCell   *lc;

	foreach(lc, operands)
		if (!operand_remove(lfirst(lc), gone))
			operand_leave(index, lfirst(lc));
	foreach(lc, pairs)
		if (!pair_remove(lfirst(lc), gone))
			pair_leave(index, lfirst(lc));
	list_free(operands);
	list_free(pairs);
	conditions_remove(index, gone);
	index->broken = remove_places(index->broken, gone);
	index->matches_empty = remove_places(index->matches_empty, gone);
	pfree(gone);
	MemoryContextSwitchTo(old);
}

/*
 * remove_names() lets audiences no longer be found by name.  Returns, by
 * place, which of the index are gone.
 */
static bool *
remove_names(AudienceIndex *index, List *audiences)
{
	bool	   *gone = palloc0(sizeof(bool) * index->nwatched);
	ListCell   *lc;

	foreach(lc, audiences)
	{
		const Audience *audience = lfirst(lc);
		int			at = index_position(index, audience->name);
		int			place = index->by_name[at];

		index->count--;
		memmove(&index->by_name[at], &index->by_name[at + 1],
				sizeof(int) * (index->count - at));
		gone[place] = true;
		index->watched[place].name = NULL;
		index->free = lappend_int(index->free, place);
		index->ngone++;
	}
	return gone;
}

static List *
remove_places(List *places, const bool *gone)
{
	ListCell   *lc;

	foreach(lc, places)
		if (gone[lfirst_int(lc)])
			places = foreach_delete_current(places, lc);
	return places;
}
