/*-------------------------------------------------------------------------
 *
 * question.c
 *	  How does a reader ask about profiles that only their owner may read?
 *
 *		SELECT segment.size('vip')		the caller may read the view, and
 *										has no right on the base table
 *
 *		population_reader				checks that, and locks the view
 *		question_begin					act as the population's owner
 *			SELECT count(*) FROM segment_data.profile AS profile WHERE ...
 *		question_end					act as the caller again
 *
 * Between begin and end SPI is connected and search_path is pinned.  An error
 * needs no question_end(): the transaction's abort undoes what begin did.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/executor.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "base/base.h"
#include "profile/profile.h"

void
question_begin(OwnersQuestion *question, const Population *population)
{
	question->before = act_as_owner(population->oid);
	SPI_connect();
}

void
question_end(OwnersQuestion *question)
{
	SPI_finish();
	act_as_before(question->before);
}

char *
profiles_sql(const Population *population)
{
	return psprintf("%s AS profile", population_base_name(population));
}

TupleTableSlot *
profile_row(const Population *population, Datum key)
{
	Oid			type = population->key_type;
	char	   *sql;
	TupleDesc	desc;
	TupleTableSlot *slot;
	HeapTupleHeader row;
	HeapTupleData tuple;
	bool		isnull;

	/* the cast to its own type keeps the row from being spread into columns */
	sql = psprintf("SELECT profile.*::%s FROM %s WHERE profile.%s = $1",
				   population_base_name(population),
				   profiles_sql(population),
				   quote_identifier(population->key));
	if (SPI_execute_with_args(sql, 1, &type, &key, NULL, true,
							  1) != SPI_OK_SELECT)
		elog(ERROR, "could not execute \"%s\"", sql);
	if (SPI_processed == 0)
		return NULL;

	row = DatumGetHeapTupleHeader(SPI_getbinval(SPI_tuptable->vals[0],
												SPI_tuptable->tupdesc, 1,
												&isnull));
	desc = lookup_rowtype_tupdesc_copy(HeapTupleHeaderGetTypeId(row),
									   HeapTupleHeaderGetTypMod(row));
	tuple.t_len = HeapTupleHeaderGetDatumLength(row);
	ItemPointerSetInvalid(&tuple.t_self);
	tuple.t_tableOid = InvalidOid;
	tuple.t_data = row;
	slot = MakeSingleTupleTableSlot(desc, &TTSOpsHeapTuple);
	ExecForceStoreHeapTuple(heap_copytuple(&tuple), slot, true);
	return slot;
}

void
profile_missing(const Population *population, Datum key)
{
	ereport(ERROR,
			(errcode(ERRCODE_NO_DATA_FOUND),
			 errmsg("profile \"%s\" does not exist in population \"%s\"",
					profile_key_text(population, key), population->name)));
}
