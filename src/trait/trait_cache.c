/*-------------------------------------------------------------------------
 *
 * trait_cache.c
 *	  Which traits has a population, and which stored traits?
 *
 *		segment.trait			average_order	avg(orders.amount)
 *		segment.stored_trait	s4				sum(orders.amount)
 *								s5				count(orders.amount)
 *
 * The definitions of a population are read once per session and kept until one
 * of them changes.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "base/base.h"
#include "trait/trait_private.h"

/* The definitions of one population. */
typedef struct TraitSet
{
	Oid			base;			/* hash key */
	CacheSlot	slot;			/* holds the lists */
	List	   *traits;			/* Trait * */
	List	   *stored;			/* StoredTrait * */
} TraitSet;

static Cache *trait_sets = NULL;

static TraitSet *trait_set(const Population *population);
static List *read_traits(const Population *population);
static List *read_stored(const Population *population);
static Oid	column_collation(const Population *population, const char *column);
static int	compare_positions(const ListCell *a, const ListCell *b);
static int	compare_stored(const ListCell *a, const ListCell *b);
static bool made_of(const void *entry, Oid relid);

void
trait_cache_init(void)
{
	static const CacheKind kind = {
		.name = "segment traits",
		.key_size = sizeof(Oid),
		.entry_size = sizeof(TraitSet),
		.slot = offsetof(TraitSet, slot),
		.made_of = made_of,
	};

	trait_sets = cache_create(&kind);
}

List *
trait_list(const Population *population)
{
	return trait_set(population)->traits;
}

List *
stored_list(const Population *population)
{
	return trait_set(population)->stored;
}

List *
trait_names(const Population *population)
{
	List	   *names = NIL;
	ListCell   *lc;

	foreach(lc, trait_list(population))
		names = lappend(names, ((Trait *) lfirst(lc))->name);
	return names;
}

void
trait_describe_all(const Population *population, StringInfo text)
{
	ListCell   *lc;

	foreach(lc, trait_list(population))
	{
		const Trait *trait = lfirst(lc);

		appendStringInfo(text, "%s: %s\n", trait->name, trait->text);
	}
	foreach(lc, stored_list(population))
	{
		const StoredTrait *stored = lfirst(lc);

		appendStringInfo(text, "%s %s %u %u: %s\n", stored->name,
						 stored->source, stored->value_type,
						 stored->value_collation, stored->text);
	}
	foreach(lc, source_names(population))
		appendStringInfo(text, "%s\n", (char *) lfirst(lc));
}

const Trait *
trait_by_name(const Population *population, const char *name)
{
	ListCell   *lc;

	foreach(lc, trait_list(population))
	{
		const Trait *trait = lfirst(lc);

		if (strcmp(trait->name, name) == 0)
			return trait;
	}
	return NULL;
}

/* The definitions of a population, from the cache or read anew. */
static TraitSet *
trait_set(const Population *population)
{
	TraitSet   *set = cache_find(trait_sets, &population->oid);
	TraitSet	made = {population->oid};
	MemoryContext context;
	MemoryContext old;
	uint64		begun = cache_begin();

	if (set != NULL)
		return set;

	context = AllocSetContextCreate(CurrentMemoryContext, "segment traits",
									ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(context);
	made.traits = read_traits(population);
	made.stored = read_stored(population);
	MemoryContextSwitchTo(old);
	return cache_put(trait_sets, &made, context, begun);
}

/* Read the named traits (Trait *), in the order of the view. */
static List *
read_traits(const Population *population)
{
	List	   *traits = NIL;
	CatalogScan scan;

	catalog_begin(&scan, "trait", population->name);
	while (catalog_next(&scan))
	{
		Trait	   *trait = palloc0(sizeof(Trait));
		bool		isnull;

		trait->name = catalog_get_text(&scan, "trait");
		trait->text = catalog_get_text(&scan, "definition");
		trait->description = catalog_get_optional(&scan, "description");
		trait->definition = filter_parse_definition(trait->text, NULL);
		trait->position = DatumGetInt32(catalog_get(&scan, "position", INT4OID,
													&isnull));
		traits = lappend(traits, trait);
	}
	catalog_end(&scan);
	list_sort(traits, compare_positions);
	return traits;
}

/* Read the stored traits (StoredTrait *). */
static List *
read_stored(const Population *population)
{
	List	   *stored = NIL;
	CatalogScan scan;

	catalog_begin(&scan, "stored_trait", population->name);
	while (catalog_next(&scan))
	{
		StoredTrait *one = palloc0(sizeof(StoredTrait));
		Datum		type;
		bool		isnull;

		one->name = catalog_get_text(&scan, "stored");
		one->source = catalog_get_text(&scan, "source");
		one->text = catalog_get_text(&scan, "definition");
		type = catalog_get(&scan, "value_type", REGTYPEOID, &isnull);
		one->value_type = isnull ? InvalidOid : DatumGetObjectId(type);
		one->build = DatumGetInt32(catalog_get(&scan, "build", INT4OID,
											   &isnull));
		if (isnull)
			one->build = 0;
		if (type_is_collatable(one->value_type))
			one->value_collation = column_collation(population, one->name);
		one->definition = filter_parse_operand(one->text, NULL);
		stored = lappend(stored, one);
	}
	catalog_end(&scan);
	list_sort(stored, compare_stored);
	return stored;
}

/*
 * The collation by which values are compared: that of the column that keeps
 * them, of whatever type it is.  So the server keeps the collation, through
 * renames and dumps.
 */
static Oid
column_collation(const Population *population, const char *column)
{
	FormData_pg_attribute found;

	return population_find_column(population, column, &found) ?
		found.attcollation : InvalidOid;
}

static int
compare_positions(const ListCell *a, const ListCell *b)
{
	return ((Trait *) lfirst(a))->position - ((Trait *) lfirst(b))->position;
}

/* s9 before s10: in all sessions the same order, wherever the rows lie. */
static int
compare_stored(const ListCell *a, const ListCell *b)
{
	const char *left = ((StoredTrait *) lfirst(a))->name;
	const char *right = ((StoredTrait *) lfirst(b))->name;
	int			longer = (int) strlen(left) - (int) strlen(right);

	return longer != 0 ? longer : strcmp(left, right);
}

static bool
made_of(const void *entry, Oid relid)
{
	return ((const TraitSet *) entry)->base == relid;
}
