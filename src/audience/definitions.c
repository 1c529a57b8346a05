/*-------------------------------------------------------------------------
 *
 * definitions.c
 *	  Which audiences are there, and which of them mention what?
 *
 *		vip			total_spend > 500
 *		lapsed_vip	in audience vip and last_order_at more than 60 days ago
 *
 *		audience_list(population)				{lapsed_vip, vip}
 *		audience_users_of_audience("vip")		{lapsed_vip}
 *		audience_users_of_trait("total_spend")	{vip}
 *
 * The definitions of a population are read once and kept until one changes.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "audience/definitions.h"
#include "base/base.h"
#include "trait/trait.h"

SEGMENT_FUNCTION(segment_definition_id);

/* The definitions of one population. */
typedef struct AudienceSet
{
	Oid			base;			/* hash key */
	CacheSlot	slot;			/* holds the list */
	List	   *audiences;		/* Audience *, by name */
	const Audience **by_id;		/* the same, by definition id */
	int			count;
	bool		any_stored;
} AudienceSet;

static Cache *audience_sets = NULL;

static AudienceSet *audience_set(const Population *population);
static List *audience_read(const Population *population);
static const Audience *audience_read_one(const Population *population,
										 const char *name);
static Audience *audience_row(CatalogScan *scan);
static int	compare_audiences(const ListCell *a, const ListCell *b);
static int	compare_ids(const void *a, const void *b);
static bool made_of(const void *entry, Oid relid);
static const Audience *find_anywhere(const char *name,
									 const Population **population);
static List *users_of(const Population *population, const char *name,
					  List *(*used) (const Population *,
									 const FilterNode *));
static List *audiences_used(const Population *population,
							const FilterNode *filter);
static List *users_of_stored(const Population *population,
							 const FilterNode *stored);
static bool collect_audience(const FilterNode *node, void *context);

void
definitions_init(void)
{
	static const CacheKind kind = {
		.name = "segment audiences",
		.key_size = sizeof(Oid),
		.entry_size = sizeof(AudienceSet),
		.slot = offsetof(AudienceSet, slot),
		.made_of = made_of,
	};

	audience_sets = cache_create(&kind);
	trait_users_hook = users_of_stored;
}

/* ---- by name, by id ---- */

List *
audience_list(const Population *population)
{
	return audience_set(population)->audiences;
}

/*
 * The list is used if it is in the cache.  Reading the whole list for one name
 * would make defining the next of thousands of audiences cost as much as all
 * of them.
 */
const Audience *
audience_by_name(const Population *population, const char *name)
{
	const AudienceSet *set = cache_find(audience_sets, &population->oid);
	int			low = 0;
	int			high;

	if (set == NULL)
		return audience_read_one(population, name);

	high = list_length(set->audiences);
	while (low < high)
	{
		int			middle = low + (high - low) / 2;
		const Audience *audience = list_nth(set->audiences, middle);
		int			order = strcmp(audience->name, name);

		if (order == 0)
			return audience;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

const Audience *
audience_by_definition(const Population *population, int32 definition_id)
{
	const AudienceSet *set = audience_set(population);
	Audience	sought = {.definition_id = definition_id};
	const Audience *key = &sought;
	const Audience **found = bsearch(&key, set->by_id, set->count,
									 sizeof(Audience *), compare_ids);

	return found == NULL ? NULL : *found;
}

bool
audience_any_stored(const Population *population)
{
	return audience_set(population)->any_stored;
}

List *
audience_names(const Population *population)
{
	List	   *names = NIL;
	ListCell   *lc;

	foreach(lc, audience_list(population))
		names = lappend(names, ((Audience *) lfirst(lc))->name);
	return names;
}

/*
 * definition_id(population, audience): of its definition as it is now
 */
Datum
segment_definition_id(PG_FUNCTION_ARGS)
{
	const Population *population;
	const Audience *audience = audience_find(NameStr(*PG_GETARG_NAME(1)),
											 NameStr(*PG_GETARG_NAME(0)),
											 &population);

	PG_RETURN_INT32(audience->definition_id);
}

/* ---- the audience that a user means ---- */

const Audience *
audience_find(const char *name, const char *population_name,
			  const Population **population)
{
	const Audience *found;

	if (population_name == NULL)
		return find_anywhere(name, population);
	*population = population_by_name(population_name);
	found = audience_by_name(*population, name);
	if (found == NULL)
		unknown_audience(name, *population, audience_names(*population),
						 NULL);
	return found;
}

/* find_anywhere() looks for an audience in all populations. */
static const Audience *
find_anywhere(const char *name, const Population **population)
{
	const Audience *found = NULL;
	List	   *populations = population_names();
	List	   *candidates = NIL;
	StringInfoData homes;
	int			count = 0;
	ListCell   *lc;

	if (populations == NIL)
		(void) population_by_name(NULL);	/* says that there is none */
	initStringInfo(&homes);
	foreach(lc, populations)
	{
		const Population *home = population_find(lfirst(lc));
		const Audience *audience;

		if (home == NULL)
			continue;
		audience = audience_by_name(home, name);
		if (audience == NULL)
		{
			candidates = list_concat(candidates, audience_names(home));
			continue;
		}
		appendStringInfo(&homes, "%s\"%s\"", homes.len > 0 ? ", " : "",
						 home->name);
		if (count++ > 0)
			continue;
		found = audience;
		*population = home;
	}

	if (count > 1)
		ereport(ERROR,
				(errcode(ERRCODE_AMBIGUOUS_PARAMETER),
				 errmsg("there are %d audiences \"%s\"", count, name),
				 errdetail("Populations %s have one each.", homes.data),
				 errhint("Say which one you mean, for example population => %s.",
						 quote_literal_cstr((*population)->name))));
	if (count == 0)
		unknown_audience(name, NULL, candidates, NULL);
	return found;
}

const Audience *
audience_for_reader(const char *name, const char *population_name,
					const Population **population)
{
	const Audience *audience = audience_find(name, population_name,
											 population);
	uint64		changes = cache_begin();

	*population = population_reader(*population);
	/* it may have been changed or dropped while we waited */
	if (changes != cache_begin())
		audience = audience_find(name, (*population)->name, population);
	return audience;
}

void
unknown_audience(const char *name, const Population *population,
				 List *candidates, const Mention *mention)
{
	const char *nearest = nearest_name(name, candidates);

	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("audience \"%s\" does not exist", name),
			 population ? errdetail_plural("Population \"%s\" has %d audience.",
										   "Population \"%s\" has %d audiences.",
										   list_length(candidates),
										   population->name,
										   list_length(candidates)) : 0,
			 nearest == NULL ? 0 : mention != NULL ?
			 errhint("Perhaps you meant: %s", filter_name(nearest)) :
			 errhint("Perhaps you meant %s.", quote_literal_cstr(nearest)),
			 mention != NULL ?
			 filter_position(mention->text, mention->node) : 0));
}

/* ---- which audiences mention what ---- */

List *
audience_filters(const Population *population)
{
	List	   *filters = NIL;
	ListCell   *lc;

	foreach(lc, audience_list(population))
		filters = lappend(filters, ((Audience *) lfirst(lc))->filter);
	return filters;
}

/* users_of() lists the audiences for whose filter 'used' lists the name. */
static List *
users_of(const Population *population, const char *name,
		 List *(*used) (const Population *, const FilterNode *))
{
	List	   *users = NIL;
	ListCell   *lc;

	foreach(lc, audience_list(population))
	{
		const Audience *audience = lfirst(lc);

		if (names_contain(used(population, audience->filter), name))
			users = lappend(users, audience->name);
	}
	return users;
}

List *
audience_users_of_trait(const Population *population, const char *trait)
{
	return users_of(population, trait, trait_names_used);
}

List *
audience_users_of_audience(const Population *population, const char *name)
{
	return users_of(population, name, audiences_used);
}

List *
audience_users_of_source(const Population *population, const char *source)
{
	return users_of(population, source, trait_sources_used);
}

static List *
audiences_used(const Population *population, const FilterNode *filter)
{
	return audience_names_used(filter);
}

/*
 * users_of_stored() lists the audiences whose filter itself needs a stored
 * trait: trait_users_hook.
 */
static List *
users_of_stored(const Population *population, const FilterNode *stored)
{
	List	   *users = NIL;
	ListCell   *lc;

	foreach(lc, audience_list(population))
	{
		const Audience *audience = lfirst(lc);

		if (trait_needs(population, audience->filter, stored))
			users = lappend(users, psprintf("audience \"%s\"", audience->name));
	}
	return users;
}

List *
audience_names_used(const FilterNode *filter)
{
	List	   *names = NIL;

	filter_walk(filter, collect_audience, &names);
	list_sort(names, compare_names);
	return names;
}

/*
 * collect_audience() adds the audience that a node mentions to a list of names
 * (List **); a visitor of filter_walk().
 */
static bool
collect_audience(const FilterNode *node, void *context)
{
	List	  **names = context;

	if (node->op != FILTER_IN_AUDIENCE)
		return true;
	*names = names_add(*names, node->text);
	return false;
}

/* ---- the cache ---- */

/* audience_set() returns the definitions, read if the cache has them not. */
static AudienceSet *
audience_set(const Population *population)
{
	AudienceSet *set = cache_find(audience_sets, &population->oid);
	AudienceSet made = {population->oid};
	MemoryContext context;
	MemoryContext old;
	List	   *audiences;
	const Audience **by_id;
	uint64		begun = cache_begin();
	ListCell   *lc;

	if (set != NULL)
		return set;

	context = AllocSetContextCreate(CurrentMemoryContext, "segment audiences",
									ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(context);
	audiences = audience_read(population);
	by_id = palloc(sizeof(Audience *) * Max(list_length(audiences), 1));
	foreach(lc, audiences)
		by_id[foreach_current_index(lc)] = lfirst(lc);
	qsort(by_id, list_length(audiences), sizeof(Audience *), compare_ids);
	MemoryContextSwitchTo(old);

	made.audiences = audiences;
	made.by_id = by_id;
	made.count = list_length(audiences);
	foreach(lc, audiences)
		made.any_stored |= ((Audience *) lfirst(lc))->stored;
	return cache_put(audience_sets, &made, context, begun);
}

/* audience_read() reads all audiences of a population from the catalog. */
static List *
audience_read(const Population *population)
{
	CatalogScan scan;
	List	   *audiences = NIL;

	catalog_begin(&scan, "audience", population->name);
	while (catalog_next(&scan))
		audiences = lappend(audiences, audience_row(&scan));
	catalog_end(&scan);

	list_sort(audiences, compare_audiences);
	return audiences;
}

/*
 * audience_read_one() reads one audience.  Like what the cache hands out, it
 * is good until the end of the transaction.
 */
static const Audience *
audience_read_one(const Population *population, const char *name)
{
	MemoryContext old = MemoryContextSwitchTo(TopTransactionContext);
	CatalogScan scan;
	const Audience *audience = NULL;

	catalog_begin_one(&scan, "audience", population->name, name);
	if (catalog_next(&scan))
		audience = audience_row(&scan);
	catalog_end(&scan);
	MemoryContextSwitchTo(old);
	return audience;
}

/* audience_row() reads one row of segment.audience. */
static Audience *
audience_row(CatalogScan *scan)
{
	Audience   *audience = palloc0(sizeof(Audience));
	bool		isnull;
	Datum		value;

	audience->name = catalog_get_text(scan, "audience");
	audience->description = catalog_get_optional(scan, "description");
	value = catalog_get(scan, "view", REGCLASSOID, &isnull);
	audience->view = isnull ? InvalidOid : DatumGetObjectId(value);
	value = catalog_get(scan, "filter", catalog_type("filter"), &isnull);
	if (isnull)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("audience \"%s\" has no filter", audience->name)));
	audience->filter = filter_unpack((Filter *) PG_DETOAST_DATUM(value));
	value = catalog_get(scan, "definition_id", INT4OID, &isnull);
	audience->definition_id = DatumGetInt32(value);
	value = catalog_get(scan, "stored", BOOLOID, &isnull);
	audience->stored = DatumGetBool(value);
	value = catalog_get(scan, "time_dependent", BOOLOID, &isnull);
	audience->time_dependent = DatumGetBool(value);
	value = catalog_get(scan, "matches_empty", BOOLOID, &isnull);
	audience->matches_empty = DatumGetBool(value);
	return audience;
}

static int
compare_audiences(const ListCell *a, const ListCell *b)
{
	return strcmp(((Audience *) lfirst(a))->name,
				  ((Audience *) lfirst(b))->name);
}

static int
compare_ids(const void *a, const void *b)
{
	int32		left = (*(const Audience *const *) a)->definition_id;
	int32		right = (*(const Audience *const *) b)->definition_id;

	return left < right ? -1 : left > right;
}

static bool
made_of(const void *entry, Oid relid)
{
	return ((const AudienceSet *) entry)->base == relid;
}
