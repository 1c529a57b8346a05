/*-------------------------------------------------------------------------
 *
 * readings.c
 *	  What do the sources say of all profiles, as a FROM clause?
 *
 *		FROM segment_data.shop AS profile
 *		LEFT JOIN (SELECT ... AS key, ... AS s7 FROM orders ...) AS q0
 *		ON profile.customer_id = q0.key
 *		LEFT JOIN (... FROM visits ...) AS q1 ...
 *
 * with a column for each that is to be filled:
 *
 *		CASE WHEN q0.key IS NULL THEN <initial> ELSE q0.s7 END
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "optimizer/plancat.h"
#include "utils/builtins.h"

#include "base/base.h"
#include "flow/readings.h"
#include "source/source.h"
#include "trait/trait.h"

static double estimated_rows(Oid relid);

List *
readings_of(const Population *population, List *stored)
{
	List	   *readings = NIL;
	ListCell   *lc;

	foreach(lc, source_names(population))
	{
		const Source *source = source_by_name(population, lfirst(lc));
		Reading    *reading = palloc(sizeof(Reading));

		/* nothing is read of a table that is not as it was */
		if (source->missing != NULL)
			continue;
		reading->source = pstrdup(source->name);
		reading->query = trait_values_query(source, stored,
											&reading->columns);
		if (reading->columns != NIL)
			readings = lappend(readings, reading);
	}
	return readings;
}

void
readings_join(const Population *population, List *readings, StringInfo from)
{
	const char *key = pstrdup(quote_identifier(population->key));
	ListCell   *lc;

	appendStringInfo(from, " FROM %s AS profile",
					 population_base_name(population));
	foreach(lc, readings)
	{
		const Reading *reading = lfirst(lc);
		int			number = foreach_current_index(lc);

		appendStringInfo(from,
						 " LEFT JOIN (%s) AS q%d ON profile.%s = q%d.key",
						 reading->query, number, key, number);
	}
}

char *
reading_value(const TraitColumn *column, int number)
{
	return psprintf("CASE WHEN q%d.key IS NULL THEN %s ELSE q%d.%s END",
					number, column->initial, number, column->name);
}

bool
readings_concern_most(const Population *population, List *readings)
{
	double		profiles = estimated_rows(population->oid);
	ListCell   *lc;
	ListCell   *table;

	foreach(lc, readings)
	{
		const Reading *reading = lfirst(lc);
		double		rows = 0;

		foreach(table, source_tables(source_by_name(population,
													reading->source)))
			rows += estimated_rows(lfirst_oid(table));
		if (rows >= profiles / 2)
			return true;
	}
	return false;
}

/* estimated_rows() is how many rows the planner expects in a table. */
static double
estimated_rows(Oid relid)
{
	Relation	relation = relation_open(relid, AccessShareLock);
	BlockNumber pages;
	double		rows;
	double		visible;

	estimate_rel_size(relation, NULL, &pages, &rows, &visible);
	relation_close(relation, AccessShareLock);
	return rows;
}
