/*-------------------------------------------------------------------------
 *
 * windowed.c
 *	  The events that can count in a window of time, now or later.
 *
 *		sum(orders.amount in last 30 days)		stored as
 *		list(orders.amount in last 30 days)
 *
 *		state: segment.series, NULL without such events.  On 31 May:
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
 * state is written for another reason, so that the passing of time alone costs
 * nothing, and the state holds no more events than the window and the time
 * since the last event.
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
#include "trait/aggregate.h"

#define FIRST_ROOM		4

/*
 * An event that came, or went.  There are many of these at a time, so they are
 * small.
 */
typedef struct WindowRow
{
	TimestampTz at;
	uint32		value;			/* where its value stands in 'values' */
	uint32		length;
	int32		sign;
} WindowRow;

/* The rows of a delta, in the order in which they were met. */
typedef struct WindowDelta
{
	bool		begun;
	TypeCacheEntry *type;		/* NULL: rows are counted */
	int			nrows;
	int			room;
	WindowRow  *rows;
	StringInfoData values;
} WindowDelta;

/* How often did an entry come or go? */
typedef struct WindowChange
{
	SeriesEntry entry;
	int64		times;			/* came, less went */
} WindowChange;

static int	window_columns(const Aggregate *self, const AggregateInput *input,
						   AggregateColumn *columns);
static void window_accumulate(const Aggregate *self,
							  const AggregateInput *input, void *delta,
							  const AggregateRow *row, MemoryContext memory);
static AggregateResult window_apply(const Aggregate *self,
									const AggregateInput *input,
									const void *delta, const TimeRange *kept,
									Datum *state, bool *isnull);
static AggregateResult window_merge(const Series *before,
									const WindowChange *changes, int nchanges,
									const TimeRange *kept, Series *after);
static void window_sql(const Aggregate *self, const AggregateInput *input,
					   const AggregateSql *pieces, int column, StringInfo out);
static void window_note(WindowDelta *window, Datum value, TimestampTz at,
						int sign, MemoryContext memory);
static void window_make_room(WindowDelta *window, MemoryContext memory);
static WindowChange *window_changes(const WindowDelta *window, int *nchanges);
static bool window_concerns(const WindowChange *changes, int nchanges,
							const TimeRange *kept, bool has_state);
static bool window_append(TypeCacheEntry *type, const WindowChange *changes,
						  int nchanges, const TimeRange *kept, Datum *state);
static Datum series_step(FunctionCallInfo fcinfo, bool has_value);

const Aggregate aggregate_window = {
	.name = "list",
	.columns = window_columns,
	.delta_size = sizeof(WindowDelta),
	.accumulate = window_accumulate,
	.apply = window_apply,
	.sql = window_sql,
};

SEGMENT_FUNCTION(segment_series_time_step);
SEGMENT_FUNCTION(segment_series_step);
SEGMENT_FUNCTION(segment_series_result);

/* A series. */
static int
window_columns(const Aggregate *self, const AggregateInput *input,
			   AggregateColumn *columns)
{
	Oid			series = catalog_type("series");

	if (!OidIsValid(series))
		elog(ERROR, "type %s.series does not exist", SEGMENT_SCHEMA);
	if (OidIsValid(input->type))
		(void) series_element(input->type);

	columns[0] = (AggregateColumn) {
		.suffix = "",
		.type = series,
		.collation = input->collation,
	};
	return 1;
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
	{
		window->begun = true;
		if (OidIsValid(input->type))
			window->type = series_element(input->type);
	}
	window_note(window, row->value, row->at, row->sign, memory);
}

/* Append the events that came, or else merge all changes into the series. */
static AggregateResult
window_apply(const Aggregate *self, const AggregateInput *input,
			 const void *delta, const TimeRange *kept,
			 Datum *state, bool *isnull)
{
	const WindowDelta *window = delta;
	Series		none = {.nentries = 0};
	Series	   *before = &none;
	Series		after = {.type = window->type};
	WindowChange *changes;
	int			nchanges;
	AggregateResult result;

	if (window->nrows == 0)
		return AGGREGATE_UNCHANGED;
	changes = window_changes(window, &nchanges);
	if (!window_concerns(changes, nchanges, kept, !isnull[0]))
		return AGGREGATE_UNCHANGED;

	if (!isnull[0])
	{
		if (window_append(window->type, changes, nchanges, kept, state))
			return AGGREGATE_CHANGED;
		before = series_read(state[0]);
		if (before->type != window->type)
			return AGGREGATE_RECOMPUTE;
	}

	result = window_merge(before, changes, nchanges, kept, &after);
	if (result != AGGREGATE_CHANGED)
		return result;
	isnull[0] = after.nentries == 0;
	state[0] = isnull[0] ? (Datum) 0 : series_write(&after);
	return AGGREGATE_CHANGED;
}

/* Merge changes into a series, of which only the entries in 'kept' remain. */
static AggregateResult
window_merge(const Series *before, const WindowChange *changes, int nchanges,
			 const TimeRange *kept, Series *after)
{
	int64		room = before->nentries;
	int			i = 0;
	bool		changed = false;

	for (int j = 0; j < nchanges; j++)
		room += Max(changes[j].times, 0);
	after->entries = palloc_extended(room * sizeof(SeriesEntry),
									 MCXT_ALLOC_HUGE);

	for (int j = 0; j < nchanges; j++)
	{
		const SeriesEntry *entry = &changes[j].entry;
		int64		times = changes[j].times;

		CHECK_FOR_INTERRUPTS();

		for (; i < before->nentries; i++)
		{
			int			compared = series_compare(&before->entries[i], entry);

			if (compared > 0)
				break;
			if (compared == 0 && times < 0)
			{
				times++;
				changed = true;
			}
			else if (time_in_range(before->entries[i].at, kept))
				after->entries[after->nentries++] = before->entries[i];
		}

		/* an event that cannot count again may have been dropped before */
		if (!time_in_range(entry->at, kept))
			continue;
		if (times < 0)
			return AGGREGATE_RECOMPUTE;
		for (; times > 0; times--)
		{
			after->entries[after->nentries++] = *entry;
			changed = true;
		}
	}
	for (; i < before->nentries; i++)
		if (time_in_range(before->entries[i].at, kept))
			after->entries[after->nentries++] = before->entries[i];
	return changed ? AGGREGATE_CHANGED : AGGREGATE_UNCHANGED;
}

static void
window_sql(const Aggregate *self, const AggregateInput *input,
		   const AggregateSql *pieces, int column, StringInfo out)
{
	appendStringInfo(out, "%s.series_of(%s", SEGMENT_SCHEMA, pieces->at);
	if (pieces->value != NULL)
		appendStringInfo(out, ", %s", pieces->value);
	appendStringInfo(out, ")%s", pieces->filter);
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
	WindowChange *changes;
	Series		series;
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

/* Note that a row came or went. */
static void
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
		MemoryContext old = MemoryContextSwitchTo(memory);

		initStringInfo(&window->values);
		MemoryContextSwitchTo(old);
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

static int
change_compare(const void *a, const void *b)
{
	return series_compare(&((const WindowChange *) a)->entry,
						  &((const WindowChange *) b)->entry);
}

/* The changes in order: the rows of an entry as one, none without effect. */
static WindowChange *
window_changes(const WindowDelta *window, int *nchanges)
{
	WindowChange *changes;
	int			kept = 0;

	changes = palloc_extended(window->nrows * sizeof(WindowChange),
							  MCXT_ALLOC_HUGE);
	for (int i = 0; i < window->nrows; i++)
	{
		const WindowRow *row = &window->rows[i];

		changes[i].entry.at = row->at;
		changes[i].entry.value =
			(unsigned char *) window->values.data + row->value;
		changes[i].entry.length = row->length;
		changes[i].times = row->sign;
	}
	qsort(changes, window->nrows, sizeof(WindowChange), change_compare);

	for (int i = 0, next; i < window->nrows; i = next)
	{
		WindowChange change = changes[i];

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
window_concerns(const WindowChange *changes, int nchanges,
				const TimeRange *kept, bool has_state)
{
	for (int i = 0; i < nchanges; i++)
		if (time_in_range(changes[i].entry.at, kept) ||
			(changes[i].times < 0 && has_state))
			return true;
	return false;
}

/*
 * Append the changes to the state without reading all of it; false unless they
 * all came, and later than the events that are there.
 */
static bool
window_append(TypeCacheEntry *type, const WindowChange *changes, int nchanges,
			  const TimeRange *kept, Datum *state)
{
	Series		added = {.type = type, .nentries = nchanges};
	bool		appended;

	added.entries = palloc_extended(nchanges * sizeof(SeriesEntry),
									MCXT_ALLOC_HUGE);
	for (int i = 0; i < nchanges; i++)
	{
		if (changes[i].times != 1 || !time_in_range(changes[i].entry.at, kept))
		{
			pfree(added.entries);
			return false;
		}
		added.entries[i] = changes[i].entry;
	}
	appended = series_append(state[0], kept, &added, &state[0]);
	pfree(added.entries);
	return appended;
}
