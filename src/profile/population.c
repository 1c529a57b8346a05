/*-------------------------------------------------------------------------
 *
 * population.c
 *	  Which populations are there, and what are they made of?
 *
 *		segment.population	('profile', 'customer_id', 'bigint', 'UTC',
 *							 segment_data.profile, public.profile)
 *
 * The catalog row says where the base table and the view are; the rest is read
 * off the base table (store.c).  Entries are cached by the OID of the base
 * table.  A stale entry is handed to the transaction to free and a new one
 * made, because a caller further up the stack may still be reading the old
 * one.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "base/base.h"
#include "profile/profile_private.h"

typedef struct PopulationEntry
{
	Oid			oid;			/* hash key */
	CacheSlot	slot;			/* holds 'population' */
	Population *population;
} PopulationEntry;

/* Which one a name means; an empty one: the only one there is. */
typedef struct NameEntry
{
	NameData	name;			/* hash key */
	CacheSlot	slot;
	Oid			oid;
	Oid			catalog;		/* segment.population: see protect.c */
} NameEntry;

static Cache *populations = NULL;
static Cache *oids = NULL;

static Oid	oid_of_name(const char *name);
static Oid	read_oid(const char *name);
static bool name_made_of(const void *entry, Oid relid);
pg_noreturn static void no_population(const char *name, List *names);
pg_noreturn static void base_missing(const char *name, Oid base);
static bool population_load(Oid oid, Population *population,
							ProfileStore *store);
static bool made_of(const void *entry, Oid relid);

void
profile_init(void)
{
	static const CacheKind kind = {
		.name = "segment populations",
		.key_size = sizeof(Oid),
		.entry_size = sizeof(PopulationEntry),
		.slot = offsetof(PopulationEntry, slot),
		.made_of = made_of,
	};

	static const CacheKind names = {
		.name = "segment population names",
		.key_size = sizeof(NameData),
		.entry_size = sizeof(NameEntry),
		.slot = offsetof(NameEntry, slot),
		.made_of = name_made_of,
	};

	populations = cache_create(&kind);
	oids = cache_create(&names);
}

/* ---- look-ups ---- */

const Population *
population_by_name(const char *name)
{
	const Population *population = NULL;
	Oid			oid = InvalidOid;
	Oid			missing;

	do
	{
		missing = oid;
		oid = OidIsValid(missing) ? read_oid(name) : oid_of_name(name);
		if (oid == missing)
			base_missing(name, oid);
		/* not there: it was dropped while we waited for it, or by hand */
		population = population_lookup(oid);
	} while (population == NULL);
	return population;
}

/*
 * oid_of_name() returns the OID of the named population, or of the only one
 * there is (NULL).  Anything else is an error.
 */
static Oid
oid_of_name(const char *name)
{
	NameEntry	made;
	NameEntry  *entry;
	uint64		begun = cache_begin();

	if (name != NULL && name[0] == '\0')
		return read_oid(name);
	memset(&made, 0, sizeof(made));
	if (name != NULL)
		namestrcpy(&made.name, name);
	entry = cache_find(oids, &made.name);
	if (entry != NULL)
		return entry->oid;
	made.oid = read_oid(name);
	made.catalog = catalog_relation("population");
	(void) cache_put(oids, &made, NULL, begun);
	return made.oid;
}

/* read_oid() is oid_of_name(), read from the catalog. */
static Oid
read_oid(const char *name)
{
	CatalogScan scan;
	List	   *names = NIL;
	Oid			oid = InvalidOid;

	catalog_begin(&scan, "population", NULL);
	while (catalog_next(&scan))
	{
		char	   *candidate = catalog_get_text(&scan, "population");

		names = lappend(names, candidate);
		if (name == NULL || strcmp(name, candidate) == 0)
			oid = catalog_get_oid(&scan, "base", REGCLASSOID);
	}
	catalog_end(&scan);
	list_sort(names, compare_names);

	if (name == NULL && list_length(names) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_AMBIGUOUS_PARAMETER),
				 errmsg("there are %d populations, and none is named",
						list_length(names)),
				 errhint("Say which one, for example population => %s.",
						 quote_literal_cstr(linitial(names)))));
	if (!OidIsValid(oid))
		no_population(name, names);
	return oid;
}

/* no_population() raises the error of a name that is not among the names. */
static void
no_population(const char *name, List *names)
{
	const char *nearest;

	if (name == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("there is no population yet"),
				 errhint("Create one with segment.create_population().")));
	nearest = nearest_name(name, names);
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("population \"%s\" does not exist", name),
			 nearest == NULL ? 0 :
			 errhint("Perhaps you meant %s.", quote_literal_cstr(nearest))));
}

/* base_missing() raises the error of a population without a base table. */
static void
base_missing(const char *name, Oid base)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_TABLE),
			 name == NULL ?
			 errmsg("the base table of the population does not exist any more") :
			 errmsg("the base table of population \"%s\" does not exist any more",
					name),
			 errdetail("Its OID was %u.", base),
			 name == NULL ? 0 :
			 errhint("The owner of the extension removes what is left: SELECT segment.drop_population(%s).",
					 quote_literal_cstr(name))));
}

const Population *
population_lost(const char *name)
{
	CatalogScan scan;
	Population *population = NULL;

	catalog_begin(&scan, "population", name);
	if (catalog_next(&scan))
	{
		population = palloc0(sizeof(Population));
		population->oid = catalog_get_oid(&scan, "base", REGCLASSOID);
		population->view = catalog_get_oid(&scan, "view", REGCLASSOID);
		population->name = catalog_get_text(&scan, "population");
		population->key = catalog_get_text(&scan, "key");
		population->timezone = catalog_get_text(&scan, "timezone");
	}
	catalog_end(&scan);
	return population != NULL && get_rel_relkind(population->oid) == '\0' ?
		population : NULL;
}

const Population *
population_find(const char *name)
{
	Oid			oid = population_base(name);

	return OidIsValid(oid) ? population_lookup(oid) : NULL;
}

Oid
population_base(const char *name)
{
	CatalogScan scan;
	Oid			base = InvalidOid;

	catalog_begin(&scan, "population", name);
	if (catalog_next(&scan))
		base = catalog_get_oid(&scan, "base", REGCLASSOID);
	catalog_end(&scan);
	return base;
}

List *
population_names(void)
{
	CatalogScan scan;
	List	   *names = NIL;

	catalog_begin(&scan, "population", NULL);
	while (catalog_next(&scan))
		names = lappend(names, catalog_get_text(&scan, "population"));
	catalog_end(&scan);
	list_sort(names, compare_names);
	return names;
}

const Population *
population_by_relation(Oid relid)
{
	CatalogScan scan;
	Oid			oid = InvalidOid;

	/* every table and view that a filter is asked of comes by here */
	if (get_rel_relkind(relid) == RELKIND_RELATION)
	{
		Oid			schema = get_namespace_oid(SEGMENT_DATA_SCHEMA, true);

		if (get_rel_namespace(relid) != schema)
			return NULL;
		return population_lookup(relid);
	}
	if (get_rel_relkind(relid) != RELKIND_VIEW ||
		!OidIsValid(get_namespace_oid(SEGMENT_SCHEMA, true)))
		return NULL;

	catalog_begin(&scan, "population", NULL);
	while (catalog_next(&scan))
		if (catalog_get_oid(&scan, "view", REGCLASSOID) == relid)
			oid = catalog_get_oid(&scan, "base", REGCLASSOID);
	catalog_end(&scan);
	return OidIsValid(oid) ? population_lookup(oid) : NULL;
}

Population *
population_copy(const Population *population)
{
	Population *copy = palloc(sizeof(Population));
	ProfileStore *store = palloc(sizeof(ProfileStore));

	*copy = *population;
	*store = *population_store(population);
	copy->store = store;
	copy->name = pstrdup(population->name);
	copy->key = pstrdup(population->key);
	copy->timezone = pstrdup(population->timezone);
	return copy;
}

/* ---- names ---- */

AttrNumber
population_column(const Population *population, const char *column)
{
	FormData_pg_attribute found;

	return population_find_column(population, column, &found) ?
		found.attnum : InvalidAttrNumber;
}

bool
population_find_column(const Population *population, const char *column,
					   FormData_pg_attribute *found)
{
	Relation	base = try_relation_open(population->oid, AccessShareLock);
	int			attno;

	if (base == NULL)
		return false;
	/* not by the server's caches: they read each column by itself */
	attno = SPI_fnumber(RelationGetDescr(base), column);
	if (attno > 0)
		*found = *TupleDescAttr(RelationGetDescr(base), attno - 1);
	relation_close(base, AccessShareLock);
	return attno > 0;
}

char *
population_base_name(const Population *population)
{
	return relation_name(population->oid);
}

char *
population_view_name(const Population *population)
{
	return relation_name(population->view);
}

void
population_changed(const Population *population)
{
	/* plans over the view contain the base table too */
	if (get_rel_relkind(population->oid) != '\0')
		CacheInvalidateRelcacheByRelid(population->oid);
	else
		CacheInvalidateRelcacheAll();	/* it is gone: see population_lost() */
}

/* ---- the cache ---- */

const Population *
population_lookup(Oid oid)
{
	PopulationEntry *entry = cache_find(populations, &oid);
	PopulationEntry made = {oid};
	uint64		begun = cache_begin();
	Population	loaded;
	ProfileStore store;
	MemoryContext context;
	MemoryContext old;

	if (entry != NULL)
		return entry->population;

	/* read first: an error must not leave half an entry */
	if (!population_load(oid, &loaded, &store))
		return NULL;

	context = AllocSetContextCreate(CurrentMemoryContext, "segment population",
									ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(context);
	made.population = population_copy(&loaded);
	MemoryContextSwitchTo(old);

	entry = cache_put(populations, &made, context, begun);
	return entry->population;
}

/*
 * population_load() reads a population and its store.  Returns false if the
 * relation of that OID is no base table, or is gone.
 */
static bool
population_load(Oid oid, Population *population, ProfileStore *store)
{
	Relation	base;
	bool		found;

	memset(population, 0, sizeof(Population));
	population->oid = oid;
	population->store = store;

	/* a definer locks it: what the catalog says is read when we have it */
	base = try_relation_open(oid, AccessShareLock);
	if (base == NULL)
		return false;
	found = population_read_definition(population);
	if (found)
	{
		store_read(base, population, store);
		population->key_collation =
			TupleDescAttr(base->rd_att, store->key - 1)->attcollation;
	}
	relation_close(base, AccessShareLock);
	return found;
}

bool
population_read_definition(Population *population)
{
	CatalogScan scan;
	bool		found = false;

	catalog_begin(&scan, "population", NULL);
	while (catalog_next(&scan))
	{
		if (catalog_get_oid(&scan, "base", REGCLASSOID) != population->oid)
			continue;
		found = true;
		population->view = catalog_get_oid(&scan, "view", REGCLASSOID);
		population->key_type = catalog_get_oid(&scan, "key_type", REGTYPEOID);
		key_check_type(population->key_type);
		population->name = catalog_get_text(&scan, "population");
		population->key = catalog_get_text(&scan, "key");
		population->timezone = catalog_get_text(&scan, "timezone");
	}
	catalog_end(&scan);
	return found;
}

static bool
made_of(const void *entry, Oid relid)
{
	return ((const PopulationEntry *) entry)->oid == relid;
}

static bool
name_made_of(const void *entry, Oid relid)
{
	const NameEntry *name = entry;

	return name->oid == relid || name->catalog == relid;
}
