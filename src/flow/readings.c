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
 * Where keys that have no profile are to be there, too, it is (JOIN_FULL)
 *
 *		FULL JOIN (... FROM orders ...) AS q0
 *		ON profile.customer_id = q0.key
 *		FULL JOIN (... FROM visits ...) AS q1
 *		ON coalesce(profile.customer_id, q0.key) = q1.key ...
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "optimizer/plancat.h"
#include "utils/builtins.h"

#include "base/base.h"
#include "flow/readings.h"
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

Reading *
reading_with_rows(const Source *source, List *stored)
{
	Reading    *reading = palloc(sizeof(Reading));

	reading->source = pstrdup(source->name);
	reading->query = trait_source_query(source, stored, &reading->columns);
	return reading;
}

void
readings_join(const Population *population, JoinType type, List *readings,
			  StringInfo from)
{
	bool		full = type == JOIN_FULL;
	ListCell   *lc;

	appendStringInfo(from, " FROM %s AS profile",
					 population_base_name(population));
	foreach(lc, readings)
	{
		const Reading *reading = lfirst(lc);
		int			number = foreach_current_index(lc);

		appendStringInfo(from, " %s JOIN (%s) AS q%d ON %s = q%d.key",
						 full ? "FULL" : "LEFT", reading->query, number,
						 readings_key(population, full ? number : 0), number);
	}
}

char *
reading_value(const TraitColumn *column, int number)
{
	return psprintf("CASE WHEN q%d.key IS NULL THEN %s ELSE q%d.%s END",
					number, column->initial, number, column->name);
}

char *
readings_key(const Population *population, int nreadings)
{
	const char *key = pstrdup(quote_identifier(population->key));
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "profile.%s", key);
	for (int i = 0; i < nreadings; i++)
		appendStringInfo(&sql, ", q%d.key", i);
	return nreadings == 0 ? sql.data : psprintf("coalesce(%s)", sql.data);
}

char *
readings_rows(int nreadings)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "0::bigint");
	for (int i = 0; i < nreadings; i++)
		appendStringInfo(&sql, " + coalesce(q%d.source_rows, 0)", i);
	return sql.data;
}

bool
readings_concern_most(const Population *population, List *readings)
{
	ListCell   *lc;

	foreach(lc, readings)
	{
		const Reading *reading = lfirst(lc);
		const Source *source = source_by_name(population, reading->source);

		if (tables_concern_most(population, source_tables(source)))
			return true;
	}
	return false;
}

bool
tables_concern_most(const Population *population, List *tables)
{
	double		rows = 0;
	ListCell   *lc;

	foreach(lc, tables)
		rows += estimated_rows(lfirst_oid(lc));
	return rows >= estimated_rows(population->oid) / 2;
}

/*
 * estimated_rows() is how many rows the planner expects in a table; none in
 * one that is gone.
 */
static double
estimated_rows(Oid relid)
{
	Relation	relation = try_relation_open(relid, AccessShareLock);
	BlockNumber pages;
	double		rows;
	double		visible;

	if (relation == NULL)
		return 0;
	estimate_rel_size(relation, NULL, &pages, &rows, &visible);
	relation_close(relation, AccessShareLock);
	return rows;
}
