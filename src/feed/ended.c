/*-------------------------------------------------------------------------
 *
 * ended.c
 *	  Whose keys does the feed need, although the profiles are no more?
 *
 * A row of the feed that is of a whole definition has numbers of profiles
 * (read.c).  Their keys are in the base table, but for those that ended later:
 *
 *		feed			7 entered vip: {17, 40}
 *						8 left vip: Ben
 *		ended_profile	40 was Ben, told by rows up to 7
 *
 * When a profile ends its key is noted, if the feed has such a row at all.  It
 * is deleted when those rows are removed from the beginning of the feed.
 *
 * Whoever ends a profile holds ROW EXCLUSIVE on the base table, and whoever
 * appends such a row holds EXCLUSIVE: so the last such row, as it is when a
 * profile ends, is the last that may be of this profile.
 *
 * A definition that is made beside writers reads the profiles first, and
 * appends the row while they end.  So the row is announced under EXCLUSIVE
 * before anything is read: from then on each profile that ends is told by a
 * row whose number is not known yet.  When it is, the number is that of the
 * last such row, or of one before (trim.c).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "base/base.h"
#include "feed/feed_private.h"

/* So many profiles are looked up one by one: to plan a query takes longer. */
#define FEW			200

/* Profiles that are written by one statement. */
#define MOST_NOTED	1000

struct EndedKeys
{
	const Population *population;
	int64		told_by;		/* the last row that may be of them; 0: none
								 * is */
	MemoryContext memory;		/* of the keys */
	int			count;
	int64		ords[MOST_NOTED];
	Datum		keys[MOST_NOTED];	/* text */
};

static void find_few(const Population *population, const int64 *ords,
					 int count, char **keys);
static int64 last_definition(const Population *population);
static void write_noted(EndedKeys *ended);

EndedKeys *
ended_keys_begin(const Population *population)
{
	EndedKeys  *ended = palloc(sizeof(EndedKeys));

	ended->population = population;
	ended->told_by = last_definition(population);
	ended->count = 0;
	ended->memory = AllocSetContextCreate(CurrentMemoryContext,
										  "segment ended profiles",
										  ALLOCSET_SMALL_SIZES);
	return ended;
}

void
ended_keys_put(EndedKeys *ended, int64 ord, Datum key)
{
	MemoryContext old;

	if (!ended_keys_needed(ended))
		return;
	old = MemoryContextSwitchTo(ended->memory);
	ended->ords[ended->count] = ord;
	ended->keys[ended->count++] =
		CStringGetTextDatum(profile_key_text(ended->population, key));
	MemoryContextSwitchTo(old);
	if (ended->count == MOST_NOTED)
		write_noted(ended);
}

bool
ended_keys_needed(const EndedKeys *ended)
{
	return ended->told_by > 0;
}

void
ended_keys_end(EndedKeys *ended)
{
	if (ended->count > 0)
		write_noted(ended);
	MemoryContextDelete(ended->memory);
	pfree(ended);
}

void
ended_keys_find(const Population *population, const int64 *ords, int count,
				char **keys)
{
	int64	   *missing = palloc(sizeof(int64) * Max(count, 1));
	int			nmissing = 0;
	int			at = 0;

	for (int i = 0; i < count; i++)
		if (keys[i] == NULL)
			missing[nmissing++] = ords[i];
	if (nmissing == 0)
		return;
	if (nmissing <= FEW)
	{
		find_few(population, ords, count, keys);
		return;
	}
	catalog_select("SELECT ord, key FROM segment.ended_profile"
				   " WHERE population = $1 AND ord = ANY ($2) ORDER BY ord",
				   2, (Oid[]) {NAMEOID, INT8ARRAYOID},
				   (Datum[]) {name_datum(population->name),
							  ords_datum(missing, nmissing)});
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HeapTuple	row = SPI_tuptable->vals[i];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		bool		isnull;
		int64		ord = DatumGetInt64(SPI_getbinval(row, desc, 1, &isnull));

		while (at < count && ords[at] < ord)
			at++;
		if (at < count && ords[at] == ord)
			keys[at] = SPI_getvalue(row, desc, 2);
	}
}

/* find_few() looks up one by one the keys that are NULL. */
static void
find_few(const Population *population, const int64 *ords, int count,
		 char **keys)
{
	Oid			relid = catalog_relation("ended_profile");
	Relation	relation = table_open(relid, AccessShareLock);
	TupleDesc	desc = RelationGetDescr(relation);
	Oid			index = RelationGetPrimaryKeyIndex(relation, false);
	Datum		name = name_datum(population->name);

	/* whose table it is may have altered it */
	if (!OidIsValid(index) || TupleDescAttr(desc, 0)->atttypid != NAMEOID ||
		TupleDescAttr(desc, 1)->atttypid != INT8OID ||
		TupleDescAttr(desc, 2)->atttypid != TEXTOID)
		elog(ERROR, "table segment.ended_profile is not as segment made it");
	for (int i = 0; i < count; i++)
	{
		ScanKeyData equal[2];
		SysScanDesc scan;
		HeapTuple	row;
		bool		isnull;

		if (keys[i] != NULL)
			continue;
		ScanKeyInit(&equal[0], 1, BTEqualStrategyNumber, F_NAMEEQ, name);
		ScanKeyInit(&equal[1], 2, BTEqualStrategyNumber, F_INT8EQ,
					Int64GetDatum(ords[i]));
		scan = systable_beginscan(relation, index, true, GetActiveSnapshot(),
								  2, equal);
		row = systable_getnext(scan);
		if (HeapTupleIsValid(row))
			keys[i] = TextDatumGetCString(heap_getattr(row, 3, desc,
													   &isnull));
		systable_endscan(scan);
	}
	table_close(relation, AccessShareLock);
}

/*
 * last_definition() is the number of the last row of the feed that is of a
 * whole definition, TOLD_LATER if that is announced; 0 if it has been removed.
 */
static int64
last_definition(const Population *population)
{
	CatalogScan scan;
	int64		last = 0;
	bool		isnull;

	catalog_begin(&scan, "feed_counter", population->name);
	while (catalog_next(&scan))
	{
		Datum		trimmed = catalog_get(&scan, "trimmed", INT8OID, &isnull);

		last = DatumGetInt64(catalog_get(&scan, "last_definition", INT8OID,
										 &isnull));
		if (last <= DatumGetInt64(trimmed))
			last = 0;
		if (DatumGetBool(catalog_get(&scan, "announced", BOOLOID, &isnull)))
			last = TOLD_LATER;
	}
	catalog_end(&scan);
	return last;
}

/* write_noted() writes the profiles that are noted. */
static void
write_noted(EndedKeys *ended)
{
	MemoryContext old = MemoryContextSwitchTo(ended->memory);
	Datum		values[] = {
		name_datum(ended->population->name),
		ords_datum(ended->ords, ended->count),
		array_datum(ended->keys, ended->count, TEXTOID),
		Int64GetDatum(ended->told_by),
	};

	SPI_connect();
	catalog_execute("INSERT INTO segment.ended_profile"
					" (population, ord, key, told_by)"
					" SELECT $1, ord, key, $4 FROM unnest($2, $3)"
					" AS t (ord, key) ON CONFLICT DO NOTHING",
					4, (Oid[]) {NAMEOID, INT8ARRAYOID, TEXTARRAYOID, INT8OID},
					values, NULL);
	SPI_finish();
	MemoryContextSwitchTo(old);
	MemoryContextReset(ended->memory);
	ended->count = 0;
}
