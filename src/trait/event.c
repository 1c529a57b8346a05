/*-------------------------------------------------------------------------
 *
 * event.c
 *	  Which events of a window come or go next?
 *
 *		series_sum(s7, now - 30 days, now) > 100
 *
 * is the same as long as neither bound passes an event of s7.  Whoever knows
 * how the bounds move asks for the events on either side of where they are:
 *
 *		{2 May, 28 May} around 15 May		2 May and 28 May
 *		{2 May, 28 May} around 28 May		28 May and none
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "utils/syscache.h"

#include "base/base.h"
#include "trait/series.h"
#include "trait/trait.h"

bool
trait_is_window(const FuncExpr *call)
{
	Oid			schema = get_namespace_oid(SEGMENT_SCHEMA, true);

	if (list_length(call->args) < 3)
		return false;
	return exprType(linitial(call->args)) ==
		GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid, CStringGetDatum("series"),
						ObjectIdGetDatum(schema));
}

void
trait_events_around(Datum series, TimestampTz at,
					TimestampTz *before, TimestampTz *beyond)
{
	SeriesReader reader;
	SeriesEntry entry;

	*before = DT_NOBEGIN;
	*beyond = DT_NOEND;
	series_begin(&reader, series);
	while (series_next(&reader, &entry))
	{
		if (entry.at > at)
		{
			*beyond = entry.at;
			return;
		}
		*before = entry.at;
	}
}

void
trait_events_after(Datum series, const TimestampTz *instants, int count,
				   TimestampTz *next)
{
	SeriesReader reader;
	SeriesEntry entry;
	int			found = 0;

	for (int i = 0; i < count; i++)
		next[i] = DT_NOEND;
	series_begin(&reader, series);
	while (series_next(&reader, &entry))
	{
		while (found < count && entry.at > instants[found])
			next[found++] = entry.at;
		if (found == count || instants[found] >= reader.last)
			break;
	}
}
