/*-------------------------------------------------------------------------
 *
 * keys.c
 *	  Whose numbers are these?
 *
 *		ords	17, 40, 41		40 has ended
 *		keys	"Ada", NULL, "Ben"
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "base/base.h"
#include "profile/profile.h"

static int	compare_ords(const void *a, const void *b);

void
profile_keys(const Population *population, const int64 *ords, int count,
			 char **keys)
{
	MemoryContext context = CurrentMemoryContext;
	OwnersQuestion question;
	Oid			type = INT8ARRAYOID;
	Datum		list = ords_datum(ords, count);
	char	   *sql;

	memset(keys, 0, sizeof(char *) * count);
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
	return PointerGetDatum(construct_array(values, count, INT8OID,
										   sizeof(int64), FLOAT8PASSBYVAL,
										   TYPALIGN_DOUBLE));
}

static int
compare_ords(const void *a, const void *b)
{
	int64		left = *(const int64 *) a;
	int64		right = *(const int64 *) b;

	return left < right ? -1 : left > right;
}
