/*-------------------------------------------------------------------------
 *
 * keys.c
 *	  Whose numbers are these?
 *
 *		ords	17, 40, 41		40 has ended
 *		keys	"Ada", NULL, "Ben"
 *
 * A few are looked up in the index on ord, one by one, which is faster than to
 * plan a query.
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
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "base/base.h"
#include "profile/profile.h"

/* So many are looked up one by one. */
#define FEW		200

static bool keys_by_index(const Population *population, const int64 *ords,
						  int count, char **keys);
static Oid	index_on(Relation relation, AttrNumber column);
static void keys_by_query(const Population *population, const int64 *ords,
						  int count, char **keys);
static int	compare_ords(const void *a, const void *b);

void
profile_keys(const Population *population, const int64 *ords, int count,
			 char **keys)
{
	memset(keys, 0, sizeof(char *) * count);
	if (count > FEW || !keys_by_index(population, ords, count, keys))
		keys_by_query(population, ords, count, keys);
}

/* keys_by_index() returns false if there is no index on ord. */
static bool
keys_by_index(const Population *population, const int64 *ords, int count,
			  char **keys)
{
	AttrNumber	ord = population_column(population, "ord");
	AttrNumber	key = population_column(population, population->key);
	Relation	relation = table_open(population->oid, AccessShareLock);
	Oid			index = index_on(relation, ord);

	for (int i = 0; OidIsValid(index) && i < count; i++)
	{
		ScanKeyData equal;
		SysScanDesc scan;
		HeapTuple	row;
		bool		isnull;

		ScanKeyInit(&equal, ord, BTEqualStrategyNumber, F_INT8EQ,
					Int64GetDatum(ords[i]));
		scan = systable_beginscan(relation, index, true, GetActiveSnapshot(),
								  1, &equal);
		row = systable_getnext(scan);
		if (HeapTupleIsValid(row))
			keys[i] = profile_key_text(population,
									   heap_getattr(row, key,
													RelationGetDescr(relation),
													&isnull));
		systable_endscan(scan);
	}
	table_close(relation, NoLock);
	return OidIsValid(index);
}

/* index_on() finds a unique index on one column; InvalidOid: there is none. */
static Oid
index_on(Relation relation, AttrNumber column)
{
	List	   *indexes = RelationGetIndexList(relation);
	Oid			found = InvalidOid;
	ListCell   *lc;

	foreach(lc, indexes)
	{
		Relation	index = index_open(lfirst_oid(lc), AccessShareLock);

		if (index->rd_index->indisvalid && index->rd_index->indisunique &&
			index->rd_index->indimmediate &&
			index->rd_index->indnatts == 1 &&
			index->rd_index->indkey.values[0] == column)
			found = lfirst_oid(lc);
		index_close(index, NoLock);
	}
	list_free(indexes);
	return found;
}

/* keys_by_query() asks for all of them at once. */
static void
keys_by_query(const Population *population, const int64 *ords, int count,
			  char **keys)
{
	MemoryContext context = CurrentMemoryContext;
	OwnersQuestion question;
	Oid			type = INT8ARRAYOID;
	Datum		list = ords_datum(ords, count);
	char	   *sql;

	question_begin(&question, population);
	sql = psprintf("SELECT profile.ord, profile.%s FROM %s"
				   " WHERE profile.ord OPERATOR(pg_catalog.=) ANY ($1)",
				   quote_identifier(population->key),
				   profiles_sql(population));
	if (SPI_execute_with_args(sql, 1, &type, &list, NULL, true,
							  0) != SPI_OK_SELECT)
		elog(ERROR, "could not execute \"%s\"", sql);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HeapTuple	row = SPI_tuptable->vals[i];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		bool		isnull;
		int64		ord = DatumGetInt64(SPI_getbinval(row, desc, 1, &isnull));
		Datum		key = SPI_getbinval(row, desc, 2, &isnull);
		const int64 *found = bsearch(&ord, ords, count, sizeof(int64),
									 compare_ords);
		MemoryContext old = MemoryContextSwitchTo(context);

		if (found != NULL)
			keys[found - ords] = profile_key_text(population, key);
		MemoryContextSwitchTo(old);
	}
	question_end(&question);
}

Datum
ords_datum(const int64 *ords, int count)
{
	Datum	   *values = palloc(sizeof(Datum) * Max(count, 1));

	for (int i = 0; i < count; i++)
		values[i] = Int64GetDatum(ords[i]);
	return array_datum(values, count, INT8OID);
}

static int
compare_ords(const void *a, const void *b)
{
	int64		left = *(const int64 *) a;
	int64		right = *(const int64 *) b;

	return left < right ? -1 : left > right;
}
