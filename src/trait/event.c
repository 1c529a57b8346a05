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
#include "common/int.h"
#include "nodes/nodeFuncs.h"
#include "utils/lsyscache.h"
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

WindowKind
trait_window_kind(const FuncExpr *call)
{
	const char *name = get_func_name(call->funcid);

	if (name == NULL)
		return WINDOW_OTHER;
	return strcmp(name, "series_count") == 0 ? WINDOW_COUNTS :
		strcmp(name, "series_sum") == 0 ? WINDOW_SUMS : WINDOW_OTHER;
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

/* The events that an edge is still to pass, one after the other. */
typedef struct Passing
{
	const WindowEdge *edge;
	SeriesReader reader;
	TimestampTz event;
	TimestampTz at;				/* not before then; DT_NOEND: there are no more */
} Passing;

static void
pass_next(Passing *passing)
{
	SeriesEntry entry;

	if (!series_next(&passing->reader, &entry))
	{
		passing->at = DT_NOEND;
		return;
	}
	passing->event = entry.at;
	if (pg_add_s64_overflow(entry.at, passing->edge->soonest, &passing->at))
		passing->at = DT_NOEND;
}

static void
pass_begin(Passing *passing, Datum series, const WindowEdge *edge)
{
	passing->edge = edge;
	passing->at = DT_NOEND;
	if (TIMESTAMP_IS_NOEND(edge->passed))
		return;
	series_begin(&passing->reader, series);
	do
		pass_next(passing);
	while (!TIMESTAMP_IS_NOEND(passing->at) && passing->event <= edge->passed);
}

/*
 * What adds and what takes away is added up apart: the one cannot make good what the
 * other does, so the margin is left no sooner.  Of an event that the edge has perhaps
 * met it is not known which it does.
 */
bool
trait_window_keeps(WindowKind kind, Datum series, const WindowMargin *margin,
				   const WindowEdge *edges, TimestampTz *until)
{
	Passing		passing[2];
	int64		least = margin->value;
	int64		most = margin->value;

	for (int i = 0; i < 2; i++)
		pass_begin(&passing[i], series, &edges[i]);
	for (;;)
	{
		int			first = passing[0].at <= passing[1].at ? 0 : 1;
		Passing    *next = &passing[first];
		int64		number = 1;

		if (next->at >= *until)
			return true;
		if (kind == WINDOW_SUMS && !series_ten_thousandths(&next->reader, &number))
			return false;
		if (first == 0)
			number = -number;
		if ((number < 0 || next->event <= next->edge->met) &&
			pg_add_s64_overflow(least, -Abs(number), &least))
			return false;
		if ((number > 0 || next->event <= next->edge->met) &&
			pg_add_s64_overflow(most, Abs(number), &most))
			return false;
		if (least < margin->least || most > margin->most)
		{
			*until = next->at;
			return true;
		}
		pass_next(next);
	}
}
