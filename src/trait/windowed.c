/*-------------------------------------------------------------------------
 *
 * windowed.c
 *	  The events that can count in a window of time, now or later.
 *
 *		sum(orders.amount in last 30 days)		stored as
 *		list(orders.amount in last 30 days)
 *
 *		state: segment.series, NULL without such events, in three columns, of
 *		which mostly the first alone is used (state/series_change.c).  On 31
 *		May:
 *			numeric{"12.50" @ 2 May, "7" @ 28 May}
 *
 *		an order of 9 on 1 June		"12.50" @ 2 May, "7" @ 28 May,
 *									"9" @ 1 June
 *		one of 4 on 20 June			"7" @ 28 May, "9" @ 1 June, "4" @ 20 June:
 *									the one of 2 May will not count again
 *		the one of 28 May goes		"9" @ 1 June, "4" @ 20 June
 *		the one of 2 May goes		no change: it was not there any more
 *
 * Whatever is asked over one window is read off this one state, at any time
 * (state/series_ask.c).  An event that has left the window stays until the
 * column that it is in is written for another reason, so that the passing of
 * time alone costs nothing, and the state holds no more than twice the events
 * of the window and of the time since the last event.
 *
 * Because old events are dropped, an event that goes, is not found and is so
 * old changes nothing.  If it should still be there, the state is not as it
 * should be, and the source is read again.
 *
 * If the clock is set back, events that were dropped stay dropped.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "base/base.h"
#include "trait/windowed.h"

/* room for the first rows of a profile, and for the bytes of their values */
#define FIRST_ROOM		4
#define FIRST_VALUES	24

static int	window_columns(const Aggregate *self, const AggregateInput *input,
						   AggregateColumn *columns);
static void window_accumulate(const Aggregate *self,
							  const AggregateInput *input, void *delta,
							  const AggregateRow *row, MemoryContext memory);
static AggregateResult window_apply(const Aggregate *self,
									const AggregateInput *input,
									const void *delta, const TimeRange *kept,
									Datum *state, bool *isnull);
static void window_sql(const Aggregate *self, const AggregateInput *input,
					   const AggregateSql *pieces, int column, StringInfo out);
static void window_make_room(WindowDelta *window, MemoryContext memory);
static bool window_concerns(const SeriesChange *changes, int nchanges,
							const TimeRange *kept, bool has_state);
static Datum series_step(FunctionCallInfo fcinfo, bool has_value);

#define ST_SORT sort_changes
#define ST_ELEMENT_TYPE SeriesChange
#define ST_COMPARE(a, b) series_compare(&(a)->entry, &(b)->entry)
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

const Aggregate aggregate_window = {
	.name = "list",
	.joined = "series_joined",
	.columns = window_columns,
	.delta_size = sizeof(WindowDelta),
	.accumulate = window_accumulate,
	.apply = window_apply,
	.sql = window_sql,
};

SEGMENT_FUNCTION(segment_series_time_step);
SEGMENT_FUNCTION(segment_series_step);
SEGMENT_FUNCTION(segment_series_result);

/* A series, in three columns. */
static int
window_columns(const Aggregate *self, const AggregateInput *input,
			   AggregateColumn *columns)
{
	if (OidIsValid(input->type))
		(void) series_element(input->type);
	return state_columns("series", input->collation, columns);
}

/* Note the event, if it has a time, and a value where one is needed. */
static void
window_accumulate(const Aggregate *self, const AggregateInput *input,
				  void *delta, const AggregateRow *row, MemoryContext memory)
{
	WindowDelta *window = delta;

	if (!row->has_at || (row->isnull && OidIsValid(input->type)))
		return;
	if (!window->begun)
		window_begin(window, input->type);
	window_note(window, row->value, row->at, row->sign, memory);
}

/* Apply the events that came and went to the series. */
static AggregateResult
window_apply(const Aggregate *self, const AggregateInput *input,
			 const void *delta, const TimeRange *kept,
			 Datum *state, bool *isnull)
{
	const WindowDelta *window = delta;
	SeriesChange *changes;
	int			nchanges;
	bool		has_state = false;

	if (window->nrows == 0)
		return AGGREGATE_UNCHANGED;
	for (int i = 0; i < STATE_COLUMNS; i++)
		has_state |= !isnull[i];
	changes = window_changes(window, &nchanges);
	if (!window_concerns(changes, nchanges, kept, has_state))
		return AGGREGATE_UNCHANGED;

	switch (series_change(window->type, changes, nchanges, kept, state,
						  isnull))
	{
		case SERIES_CHANGED:
			return AGGREGATE_CHANGED;
		case SERIES_UNCHANGED:
			return AGGREGATE_UNCHANGED;
		default:
			return AGGREGATE_RECOMPUTE;
	}
}

/* SQL of one of the columns. */
static void
window_sql(const Aggregate *self, const AggregateInput *input,
		   const AggregateSql *pieces, int column, StringInfo out)
{
	char	   *value = pieces->value == NULL ? "" :
		psprintf(", %s", pieces->value);

	state_column_sql("series", psprintf("%s.series_of(%s%s)%s", SEGMENT_SCHEMA,
										pieces->at, value, pieces->filter),
					 column, out);
}

/* One row of series_of: (internal, timestamptz) -> internal */
Datum
segment_series_time_step(PG_FUNCTION_ARGS)
{
	return series_step(fcinfo, false);
}

/* One row of series_of: (internal, timestamptz, anyelement) -> internal */
Datum
segment_series_step(PG_FUNCTION_ARGS)
{
	return series_step(fcinfo, true);
}

/* The end of both: (internal, timestamptz [, anyelement]) -> series */
Datum
segment_series_result(PG_FUNCTION_ARGS)
{
	const WindowDelta *window;
	SeriesChange *changes;
	Series		series = {0};
	int			nchanges;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();

	window = (const WindowDelta *) PG_GETARG_POINTER(0);
	changes = window_changes(window, &nchanges);
	series.type = window->type;
	series.nentries = 0;
	series.entries = palloc_extended(window->nrows * sizeof(SeriesEntry),
									 MCXT_ALLOC_HUGE);
	for (int i = 0; i < nchanges; i++)
		for (int64 times = changes[i].times; times > 0; times--)
			series.entries[series.nentries++] = changes[i].entry;
	PG_RETURN_DATUM(series_write(&series));
}

/* Note a row of series_of, with a value if has_value. */
static Datum
series_step(FunctionCallInfo fcinfo, bool has_value)
{
	WindowDelta *window = PG_ARGISNULL(0) ? NULL :
		(WindowDelta *) PG_GETARG_POINTER(0);
	MemoryContext memory;

	if (!AggCheckCallContext(fcinfo, &memory))
		elog(ERROR, "series_of is called as an aggregate only");

	if (!PG_ARGISNULL(1) && !(has_value && PG_ARGISNULL(2)))
	{
		if (has_value && fcinfo->flinfo->fn_extra == NULL)
			fcinfo->flinfo->fn_extra =
				series_element(get_fn_expr_argtype(fcinfo->flinfo, 2));
		if (window == NULL)
		{
			window = MemoryContextAllocZero(memory, sizeof(WindowDelta));
			window->type = fcinfo->flinfo->fn_extra;
		}
		window_note(window, has_value ? PG_GETARG_DATUM(2) : (Datum) 0,
					PG_GETARG_TIMESTAMPTZ(1), 1, memory);
	}

	if (window == NULL)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(window);
}

void
window_begin(WindowDelta *window, Oid type)
{
	window->begun = true;
	if (OidIsValid(type))
		window->type = series_element(type);
}

void
window_note(WindowDelta *window, Datum value, TimestampTz at, int sign,
			MemoryContext memory)
{
	WindowRow  *row;

	if (window->nrows == window->room)
		window_make_room(window, memory);

	row = &window->rows[window->nrows++];
	row->at = at;
	row->sign = sign;
	row->value = 0;
	row->length = 0;
	if (window->type == NULL)
		return;

	if (window->values.data == NULL)
	{
		/* initStringInfo() takes more than most profiles ever need */
		window->values.data = MemoryContextAlloc(memory, FIRST_VALUES);
		window->values.maxlen = FIRST_VALUES;
	}
	row->value = window->values.len;
	series_put_value(window->type, value, &window->values);
	row->length = window->values.len - row->value;
}

/* Make room for another row. */
static void
window_make_room(WindowDelta *window, MemoryContext memory)
{
	Size		size;

	if (window->room > PG_INT32_MAX / 2)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many events for a series")));
	window->room = Max(window->room * 2, FIRST_ROOM);
	size = window->room * sizeof(WindowRow);
	if (window->rows == NULL)
		window->rows = MemoryContextAlloc(memory, size);
	else
		window->rows = repalloc_huge(window->rows, size);
}

SeriesChange *
window_changes(const WindowDelta *window, int *nchanges)
{
	SeriesChange *changes;
	bool		ordered = true;
	int			kept = 0;

	changes = palloc_extended(window->nrows * sizeof(SeriesChange),
							  MCXT_ALLOC_HUGE);
	for (int i = 0; i < window->nrows; i++)
	{
		const WindowRow *row = &window->rows[i];

		changes[i].entry.at = row->at;
		changes[i].entry.value =
			(unsigned char *) window->values.data + row->value;
		changes[i].entry.length = row->length;
		changes[i].times = row->sign;
		ordered &= i == 0 || row[-1].at < row->at;
	}
	/* mostly they are met in their order */
	if (ordered)
	{
		*nchanges = window->nrows;
		return changes;
	}
	sort_changes(changes, window->nrows);

	for (int i = 0, next; i < window->nrows; i = next)
	{
		SeriesChange change = changes[i];

		CHECK_FOR_INTERRUPTS();

		for (next = i + 1; next < window->nrows; next++)
		{
			if (series_compare(&change.entry, &changes[next].entry) != 0)
				break;
			change.times += changes[next].times;
		}
		if (change.times != 0)
			changes[kept++] = change;
	}
	*nchanges = kept;
	return changes;
}

/*
 * Could these changes change the state?  An event that is too old to count
 * does not if it comes; if it goes, the state may still have it.
 */
static bool
window_concerns(const SeriesChange *changes, int nchanges,
				const TimeRange *kept, bool has_state)
{
	for (int i = 0; i < nchanges; i++)
		if (time_in_range(changes[i].entry.at, kept) ||
			(changes[i].times < 0 && has_state))
			return true;
	return false;
}
