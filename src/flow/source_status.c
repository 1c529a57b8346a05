/*-------------------------------------------------------------------------
 *
 * source_status.c
 *	  How are the sources doing?
 *
 *		SELECT * FROM segment.stat_source;
 *
 *		population | source | relation | rows | rows_without_key | captured
 *		profile    | orders | orders   | 1200 |               17 | t
 *
 * Counted when it is asked, not kept: a counter of rows without a key would be
 * one hot row that all anonymous events fight over.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "base/base.h"
#include "source/source.h"

SEGMENT_FUNCTION(segment_source_status);

#define STATUS_COLUMNS	6

static const Population *keep_sources(const char *name);
static void put_status(const Source *source, ReturnSetInfo *result);

/*
 * source_status() -> a row per source of all populations
 */
Datum
segment_source_status(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	ListCell   *lc;
	ListCell   *name;

	InitMaterializedSRF(fcinfo, 0);
	SPI_connect();
	foreach(lc, population_names())
	{
		const Population *population = keep_sources(lfirst(lc));

		if (population == NULL)
			continue;
		foreach(name, source_names(population))
		{
			const Source *source = source_hold(population, lfirst(name),
												GetUserId());

			if (source != NULL)
				put_status(source, result);
		}
	}
	SPI_finish();
	return (Datum) 0;
}

/*
 * keep_sources() finds a population, NULL if it is gone, and holds the tables
 * of its sources that the caller may read.
 */
static const Population *
keep_sources(const char *name)
{
	const Population *population = population_find(name);

	if (population == NULL)
		return NULL;
	sources_hold(population, GetUserId());
	return population_find(name);
}

/*
 * put_status() counts a source's rows if the caller may read all of them.  It
 * counts as the table's owner, so that a user who looks at all sources does
 * not run the policies of their owners.
 */
static void
put_status(const Source *source, ReturnSetInfo *result)
{
	Datum		values[STATUS_COLUMNS];
	bool		isnull[STATUS_COLUMNS] = {false};

	values[0] = name_datum(source->population->name);
	values[1] = name_datum(source->name);
	values[2] = ObjectIdGetDatum(source->relid);
	isnull[3] = isnull[4] = true;
	if (source->missing == NULL && source_shows_all_rows(source, GetUserId()))
	{
		Actor		before = act_as_owner(source->relid);
		HeapTuple	row;
		TupleDesc	desc;

		catalog_execute_as_user(psprintf("SELECT count(*),"
										 " count(*) - count(%s)%s",
										 source_key_sql(source),
										 source_from_sql(source, NULL)),
								0, NULL, NULL, NULL);
		act_as_before(before);
		row = SPI_tuptable->vals[0];
		desc = SPI_tuptable->tupdesc;
		values[3] = SPI_getbinval(row, desc, 1, &isnull[3]);
		values[4] = SPI_getbinval(row, desc, 2, &isnull[4]);
	}
	values[5] = BoolGetDatum(source_is_captured(source));
	tuplestore_putvalues(result->setResult, result->setDesc, values, isnull);
}
