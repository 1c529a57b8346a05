/*-------------------------------------------------------------------------
 *
 * definition_cache.c
 *	  Which audiences are there?
 *
 *		segment.audience	(0,1) vip		(0,2) lapsed_vip	(0,3) locals
 *
 *		audience_list(population)		{lapsed_vip, locals, vip}
 *
 * The definitions of a population are read once per session.  After somebody
 * has made, changed or dropped an audience the blocks of the table that have
 * changed are looked at again (base/glance.c), their rows in the order in
 * which they lie there, and side by side with what is kept: a row that is
 * still of the same version is not read.
 *
 *		kept	(0,1) 731	(0,2) 731	(0,3) 731
 *		table	(0,1) 731	(0,3) 731	(0,4) 802	lapsed_vip has changed
 *
 * So a change costs what it is, and a glance at the blocks of the others.
 * What has come and gone is kept for a while, for those who follow (index.c).
 *
 * What was handed out stays good until the end of the transaction.  An
 * audience that is gone stays in the memory of the set, until there are more
 * of these than of the others and the set is read anew.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "audience/definitions.h"
#include "base/base.h"

/* So many audiences may be gone in any case, before a set is read anew. */
#define MOST_GONE		100

/* So many changes of a set are kept. */
#define MOST_CHANGES	1000

/*
 * A row of the table, and what it says.  What is looked at for all rows is
 * here, side by side: to follow ten thousand pointers takes longer.
 */
typedef struct AudienceRow
{
	RowVersion	version;
	int32		definition_id;
	Audience   *audience;
} AudienceRow;

/* An audience that came or went between two lists. */
typedef struct AudienceChange
{
	uint64		number;			/* of the second list */
	Audience   *audience;
	bool		gone;
} AudienceChange;

/* The definitions of one population. */
typedef struct AudienceSet
{
	Oid			base;			/* hash key */
	Oid			chunks;			/* of members; see membership_changed() */
	CacheSlot	slot;			/* holds the audiences */
	Glance		glance;			/* at their table, when it was read */
	int			count;
	AudienceRow *rows;			/* in the order of the table */
	int			nstored;
	int			ngone;
	uint64		since;			/* changes are known from this list on */
	int			nchanges;
	AudienceChange *changes;	/* MOST_CHANGES of them; NULL: none yet */
	MemoryContext lists;		/* holds what follows */
	List	   *audiences;		/* Audience *, by name */
	bool		made_known;		/* the next one is: it is made when it is
								 * first needed, and kept from then on */
	List	   *made;			/* those made of more than columns, by name */
	uint64		number;			/* of those lists among all */
	int			nbuckets;		/* a power of two */
	int		   *buckets;		/* rows by definition id, -1: none; NULL until
								 * it is first needed */
} AudienceSet;

/* What a look at the table has found. */
typedef struct Reading
{
	Glance		glance;			/* at the table */
	int			count;
	int			space;
	AudienceRow *rows;			/* in the order of the table */
	List	   *read;			/* those that were not known (Audience *) */
	List	   *gone;			/* those that were known (Audience *) */
} Reading;

static Cache *audience_sets = NULL;
static uint64 nlists = 0;

static int	position_of(const List *audiences, const char *name, bool *found);
static const AudienceSet *audience_set(const Population *population);
static bool renew(const Population *population, AudienceSet *set);
static Reading read_rows(const Population *population, AudienceSet *set);
static void pass_known(Reading *reading, AudienceRow row);
static int	rows_before(const AudienceSet *set, BlockNumber block);
static void add_rows(Reading *reading, const AudienceRow *rows, int count);
static bool lies_before(const AudienceRow *row, const RowVersion *version);
static void make_lists(AudienceSet *set, const Reading *reading);
static List *next_list(const List *list, const Reading *reading,
					   bool (*belongs) (const Audience *));
static bool is_made(const Audience *audience);
static void note_changes(AudienceSet *set, const List *audiences, bool gone);
static const Audience *audience_read_one(const Population *population,
										 const char *name);
static Audience *audience_row(CatalogScan *scan, Oid filter_type);
static int	compare_audiences(const ListCell *a, const ListCell *b);
static void hash_ids(AudienceSet *set);
static int	bucket_of(const AudienceSet *set, int32 definition_id);
static bool made_of(const void *entry, Oid relid);
static bool keep(const void *entry);

void
definition_cache_init(void)
{
	static const CacheKind kind = {
		.name = "segment audiences",
		.key_size = sizeof(Oid),
		.entry_size = sizeof(AudienceSet),
		.slot = offsetof(AudienceSet, slot),
		.made_of = made_of,
		.keep = keep,
	};

	audience_sets = cache_create(&kind);
}

static bool
made_of(const void *entry, Oid relid)
{
	const AudienceSet *set = entry;

	return set->base == relid || set->chunks == relid;
}

static bool
keep(const void *entry)
{
	return get_rel_relkind(((const AudienceSet *) entry)->base) != '\0';
}

/* ---- by name, by id ---- */

List *
audience_list(const Population *population)
{
	return audience_set(population)->audiences;
}

uint64
audience_list_number(const Population *population)
{
	return audience_set(population)->number;
}

List *
audience_list_made(const Population *population)
{
	AudienceSet *set = unconstify(AudienceSet *, audience_set(population));
	MemoryContext old;
	ListCell   *lc;

	if (set->made_known)
		return set->made;
	old = MemoryContextSwitchTo(set->lists);
	set->made = NIL;
	foreach(lc, set->audiences)
		if (is_made(lfirst(lc)))
			set->made = lappend(set->made, lfirst(lc));
	set->made_known = true;
	MemoryContextSwitchTo(old);
	return set->made;
}

/* is_made() tells whether an audience is made of more than columns. */
static bool
is_made(const Audience *audience)
{
	return !filter_is_of_columns(audience->packed);
}

bool
audience_list_changes(const Population *population, uint64 *number,
					  List **gone, List **come)
{
	const AudienceSet *set = audience_set(population);
	uint64		since = *number;

	*gone = *come = NIL;
	*number = set->number;
	if (since < set->since)
		return false;
	for (int i = 0; i < set->nchanges; i++)
	{
		const AudienceChange *change = &set->changes[i];

		if (change->number <= since)
			continue;
		if (!change->gone)
			*come = lappend(*come, change->audience);
		else if (list_member_ptr(*come, change->audience))
			*come = list_delete_ptr(*come, change->audience);
		else
			*gone = lappend(*gone, change->audience);
	}
	return true;
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
	bool		found;
	int			position;

	if (set == NULL)
		return audience_read_one(population, name);
	position = position_of(set->audiences, name, &found);
	return found ? list_nth(set->audiences, position) : NULL;
}

/*
 * position_of() finds a name in a list of audiences by name: the position of
 * the audience, or the one before which it would have to be.
 */
static int
position_of(const List *audiences, const char *name, bool *found)
{
	int			low = 0;
	int			high = list_length(audiences);

	*found = false;
	while (low < high && !*found)
	{
		int			middle = low + (high - low) / 2;
		const Audience *audience = list_nth(audiences, middle);
		int			order = strcmp(audience->name, name);

		*found = order == 0;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return high;
}

const Audience *
audience_by_definition(const Population *population, int32 definition_id)
{
	AudienceSet *set = unconstify(AudienceSet *, audience_set(population));
	int			row;

	if (set->buckets == NULL)
		hash_ids(set);
	row = set->buckets[bucket_of(set, definition_id)];
	return row < 0 ? NULL : set->rows[row].audience;
}

/* hash_ids() puts the rows into the buckets of their definition ids. */
static void
hash_ids(AudienceSet *set)
{
	int		   *buckets;

	set->nbuckets = 16;
	while (set->nbuckets < set->count * 2)
		set->nbuckets *= 2;
	buckets = MemoryContextAlloc(set->lists, sizeof(int) * set->nbuckets);
	memset(buckets, -1, sizeof(int) * set->nbuckets);
	set->buckets = buckets;
	for (int i = 0; i < set->count; i++)
		buckets[bucket_of(set, set->rows[i].definition_id)] = i;
}

/* bucket_of() returns the bucket of a definition, or a free one for it. */
static int
bucket_of(const AudienceSet *set, int32 definition_id)
{
	int			i = definition_id & (set->nbuckets - 1);

	while (set->buckets[i] >= 0 &&
		   set->rows[set->buckets[i]].definition_id != definition_id)
		i = (i + 1) & (set->nbuckets - 1);
	return i;
}

bool
audience_any_stored(const Population *population)
{
	return audience_set(population)->nstored > 0;
}

/* ---- the cache ---- */

/* audience_set() returns the definitions as they are now. */
static const AudienceSet *
audience_set(const Population *population)
{
	AudienceSet *set = cache_find_any(audience_sets, &population->oid);
	AudienceSet made = {population->oid};
	MemoryContext context;
	uint64		begun = cache_begin();

	if (set != NULL && set->slot.valid)
		return set;
	if (set != NULL && renew(population, set))
	{
		cache_renew(audience_sets, set, begun);
		return set;
	}

	context = AllocSetContextCreate(CurrentMemoryContext, "segment audiences",
									ALLOCSET_SMALL_SIZES);
	made.slot.context = context;
	(void) renew(population, &made);
	return cache_put(audience_sets, &made, context, begun);
}

/*
 * renew() brings a set up to date, which may be empty.  Returns false if it is
 * better to begin with an empty one.  An error leaves the set as it was.
 */
static bool
renew(const Population *population, AudienceSet *set)
{
	Reading		reading;
	ListCell   *lc;

	if (set->slot.distrusted || set->ngone > set->count + MOST_GONE)
		return false;
	reading = read_rows(population, set);
	if (set->lists == NULL || reading.read != NIL || reading.gone != NIL)
		make_lists(set, &reading);
	if (set->rows != NULL)
		pfree(set->rows);
	if (set->glance.blocks != NULL)
		pfree(set->glance.blocks);
	set->chunks = membership_tables(population)->chunks;
	set->glance = reading.glance;
	set->rows = reading.rows;
	set->count = reading.count;
	set->ngone += list_length(reading.gone);
	foreach(lc, reading.gone)
		set->nstored -= ((const Audience *) lfirst(lc))->stored;
	foreach(lc, reading.read)
		set->nstored += ((const Audience *) lfirst(lc))->stored;
	return true;
}

/*
 * read_rows() looks at the rows of a population that may have changed, and
 * reads the new ones.
 */
static Reading
read_rows(const Population *population, AudienceSet *set)
{
	Reading		reading = {.space = set->count + 16};
	MemoryContext context = set->slot.context;
	MemoryContext old = MemoryContextSwitchTo(context);
	CatalogScan scan;
	Oid			filter_type = InvalidOid;
	BlockNumber block = 0;
	int			next = 0;

	reading.rows = MemoryContextAllocHuge(context,
										  sizeof(AudienceRow) * reading.space);
	catalog_begin_changed(&scan, "audience", population->name, &set->glance,
						  &reading.glance);
	MemoryContextSwitchTo(old);
	if (reading.glance.file != set->glance.file)
	{
		/* versions are of a file */
		while (next < set->count)
			reading.gone = lappend(reading.gone, set->rows[next++].audience);
	}
	else
	{
		/* what lies before the first block that has changed */
		while (block < reading.glance.count &&
			   !glance_changed(&reading.glance, block))
			block++;
		next = rows_before(set, block);
		add_rows(&reading, set->rows, next);
	}
	while (catalog_next(&scan))
	{
		AudienceRow row = {catalog_version(&scan)};

		while (next < set->count &&
			   lies_before(&set->rows[next], &row.version))
			pass_known(&reading, set->rows[next++]);
		if (next < set->count &&
			same_version(&set->rows[next].version, &row.version))
		{
			add_rows(&reading, &set->rows[next++], 1);
			continue;
		}
		old = MemoryContextSwitchTo(context);
		if (!OidIsValid(filter_type))
			filter_type = catalog_type("filter");
		row.audience = audience_row(&scan, filter_type);
		row.definition_id = row.audience->definition_id;
		add_rows(&reading, &row, 1);
		MemoryContextSwitchTo(old);
		reading.read = lappend(reading.read, row.audience);
	}
	catalog_end(&scan);
	while (next < set->count)
		pass_known(&reading, set->rows[next++]);
	return reading;
}

/*
 * pass_known() keeps a known row that was not met if its block was not read;
 * else it is gone.
 */
static void
pass_known(Reading *reading, AudienceRow row)
{
	BlockNumber block = ItemPointerGetBlockNumberNoCheck(&row.version.tid);

	if (glance_changed(&reading->glance, block))
		reading->gone = lappend(reading->gone, row.audience);
	else
		add_rows(reading, &row, 1);
}

/* rows_before() returns how many known rows lie before a block. */
static int
rows_before(const AudienceSet *set, BlockNumber block)
{
	int			low = 0;
	int			high = set->count;

	while (low < high)
	{
		int			middle = low + (high - low) / 2;
		const AudienceRow *row = &set->rows[middle];

		if (ItemPointerGetBlockNumberNoCheck(&row->version.tid) < block)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* lies_before() tells whether a known row lies before this version of one. */
static bool
lies_before(const AudienceRow *row, const RowVersion *version)
{
	BlockNumber block = ItemPointerGetBlockNumberNoCheck(&row->version.tid);
	BlockNumber than = ItemPointerGetBlockNumberNoCheck(&version->tid);

	return block < than ||
		(block == than &&
		 ItemPointerGetOffsetNumberNoCheck(&row->version.tid) <
		 ItemPointerGetOffsetNumberNoCheck(&version->tid));
}

/* add_rows() adds rows to those that the table has now. */
static void
add_rows(Reading *reading, const AudienceRow *rows, int count)
{
	if (reading->count + count > reading->space)
	{
		reading->space *= 2;
		reading->rows = repalloc_huge(reading->rows,
									  sizeof(AudienceRow) * reading->space);
	}
	memcpy(&reading->rows[reading->count], rows, sizeof(AudienceRow) * count);
	reading->count += count;
}

/*
 * make_lists() makes the list by name, of what was read and of what stays.
 * The old list is handed to the transaction, which may still use it.
 */
static void
make_lists(AudienceSet *set, const Reading *reading)
{
	MemoryContext lists = AllocSetContextCreate(set->slot.context,
												"segment audiences by name",
												ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(lists);
	List	   *audiences = next_list(set->audiences, reading, NULL);
	List	   *made = set->made_known ?
		next_list(set->made, reading, is_made) : NIL;

	MemoryContextSwitchTo(old);

	set->number = ++nlists;
	if (set->lists == NULL ||
		list_length(reading->gone) + list_length(reading->read) >
		MOST_CHANGES - set->nchanges)
	{
		set->since = set->number;
		set->nchanges = 0;
	}
	else
	{
		note_changes(set, reading->gone, true);
		note_changes(set, reading->read, false);
	}
	if (set->lists != NULL)
		MemoryContextSetParent(set->lists, TopTransactionContext);
	set->lists = lists;
	set->audiences = audiences;
	set->made = made;
	set->buckets = NULL;
}

/*
 * next_list() makes a list by name of another one, without those that have
 * gone, and with those that have come and belong to it (NULL: all do).
 */
static List *
next_list(const List *list, const Reading *reading,
		  bool (*belongs) (const Audience *))
{
	List	   *next = list_copy(list);
	List	   *come = NIL;
	ListCell   *lc;
	bool		found;

	foreach(lc, reading->gone)
	{
		int			at = position_of(next,
									 ((const Audience *) lfirst(lc))->name,
									 &found);

		if (found)
			next = list_delete_nth_cell(next, at);
	}
	foreach(lc, reading->read)
		if (belongs == NULL || belongs(lfirst(lc)))
			come = lappend(come, lfirst(lc));
	if (next == NIL)
	{
		list_sort(come, compare_audiences);
		return come;
	}
	foreach(lc, come)
	{
		const char *name = ((const Audience *) lfirst(lc))->name;

		next = list_insert_nth(next, position_of(next, name, &found),
							   lfirst(lc));
	}
	return next;
}

/* note_changes() keeps which audiences have gone, or come, with a new list. */
static void
note_changes(AudienceSet *set, const List *audiences, bool gone)
{
	ListCell   *lc;

	if (set->changes == NULL)
		set->changes = MemoryContextAlloc(set->slot.context,
										  sizeof(AudienceChange) *
										  MOST_CHANGES);
	foreach(lc, audiences)
		set->changes[set->nchanges++] = (AudienceChange) {
			.number = set->number,
			.audience = lfirst(lc),
			.gone = gone,
		};
}

/* ---- rows ---- */

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
		audience = audience_row(&scan, catalog_type("filter"));
	catalog_end(&scan);
	MemoryContextSwitchTo(old);
	return audience;
}

/*
 * audience_row() reads one row of segment.audience; 'filter_type' is
 * catalog_type("filter").
 */
static Audience *
audience_row(CatalogScan *scan, Oid filter_type)
{
	Audience   *audience = palloc0(sizeof(Audience));
	bool		isnull;
	Datum		value;
	Filter	   *packed;

	audience->version = catalog_version(scan);
	audience->name = catalog_get_text(scan, "audience");
	value = catalog_get(scan, "filter", filter_type, &isnull);
	if (isnull)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("audience \"%s\" has no filter", audience->name)));
	packed = (Filter *) PG_DETOAST_DATUM_PACKED(value);
	audience->packed = palloc(VARSIZE_ANY(packed));
	memcpy(audience->packed, packed, VARSIZE_ANY(packed));
	value = catalog_get(scan, "view", REGCLASSOID, &isnull);
	audience->view = isnull ? InvalidOid : DatumGetObjectId(value);
	audience->description = catalog_get_optional(scan, "description");
	value = catalog_get(scan, "definition_id", INT4OID, &isnull);
	audience->definition_id = DatumGetInt32(value);
	value = catalog_get(scan, "stored", BOOLOID, &isnull);
	audience->stored = DatumGetBool(value);
	value = catalog_get(scan, "time_dependent", BOOLOID, &isnull);
	audience->time_dependent = DatumGetBool(value);
	value = catalog_get(scan, "matches_empty", BOOLOID, &isnull);
	audience->matches_empty = DatumGetBool(value);
	value = catalog_get(scan, "building", BOOLOID, &isnull);
	audience->building = DatumGetBool(value);
	return audience;
}

/*
 * Most filters are only compared with others by their bytes, so the tree is
 * made when it is first asked for, where the audience is.
 */
const FilterNode *
audience_filter(const Audience *audience)
{
	Audience   *known = unconstify(Audience *, audience);
	MemoryContext old;

	if (known->tree == NULL)
	{
		old = MemoryContextSwitchTo(GetMemoryChunkContext(known));
		known->tree = filter_unpack(known->packed);
		MemoryContextSwitchTo(old);
	}
	return known->tree;
}

const FilterNode *
audience_filter_by_name(const Population *population, const char *name)
{
	return audience_filter(audience_by_name(population, name));
}

static int
compare_audiences(const ListCell *a, const ListCell *b)
{
	return strcmp(((Audience *) lfirst(a))->name,
				  ((Audience *) lfirst(b))->name);
}
