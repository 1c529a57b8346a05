/*-------------------------------------------------------------------------
 *
 * backfill.c
 *	  Traits of a whole population at once, by SQL over its sources.
 *
 *		attach		every row that is there gives its profile a source_row
 *		new trait	s4 = sum(amount) ... GROUP BY key, into the base table
 *		verify		the same query, compared with what is stored
 *		rebuild		the same query, written over what is stored
 *
 * The query is made by the room of traits from the very expressions that
 * capture evaluates.  The source is locked against writers before it is read
 * (by whoever calls), so nothing falls between the backfill and capture.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/tuplestore.h"

#include "base/base.h"
#include "flow/flow.h"
#include "trait/trait.h"

SEGMENT_FUNCTION(segment_verify);
SEGMENT_FUNCTION(segment_rebuild);

static List *stored_columns(const Population *population);

void
backfill_attach(const Source *source)
{
	const Population *population = source->population;
	List	   *columns;
	char	   *query = trait_source_query(source, NIL, &columns);

	population_execute(population,
					   psprintf("INSERT INTO %s AS profile (%s, source_rows)"
								" SELECT key, source_rows FROM (%s) AS q ORDER BY key"
								" ON CONFLICT (%s) DO UPDATE"
								" SET source_rows = profile.source_rows + excluded.source_rows",
								population_base_name(population),
								quote_identifier(population->key), query,
								quote_identifier(population->key)));

	population_execute(population,
					   psprintf("SELECT 1 FROM ONLY %s WHERE %s IS NULL",
								source_table_name(source),
								source_key_column(source)));
	if (SPI_processed > 0)
		ereport(NOTICE,
				(errmsg("source \"%s\" has " UINT64_FORMAT " rows without a key, which are ignored",
						source->name, SPI_processed)));
}

void
backfill_detach(const Source *source)
{
	const Population *population = source->population;
	char	   *base = population_base_name(population);
	char	   *key = pstrdup(quote_identifier(population->key));
	List	   *columns;
	char	   *query = trait_source_query(source, NIL, &columns);

	population_execute(population,
					   psprintf("UPDATE %s AS profile"
								" SET source_rows = profile.source_rows - q.source_rows"
								" FROM (%s) AS q WHERE profile.%s = q.key",
								base, query, key));
	population_execute(population,
					   psprintf("DELETE FROM %s WHERE source_rows <= 0", base));
}

void
backfill_traits(const Population *population, List *stored)
{
	ListCell   *lc;

	if (stored == NIL)
		return;

	foreach(lc, source_names(population))
	{
		const Source *source = source_by_name(population, lfirst(lc));
		List	   *columns;
		char	   *query = trait_source_query(source, stored, &columns);
		StringInfoData set;
		ListCell   *column;

		if (columns == NIL)
			continue;
		initStringInfo(&set);
		foreach(column, columns)
			appendStringInfo(&set, "%s%s = q.%s",
							 foreach_current_index(column) > 0 ? ", " : "",
							 (char *) lfirst(column), (char *) lfirst(column));
		population_execute(population,
						   psprintf("UPDATE %s AS profile SET %s FROM (%s) AS q"
									" WHERE profile.%s = q.key",
									population_base_name(population), set.data,
									query, quote_identifier(population->key)));
	}
}
