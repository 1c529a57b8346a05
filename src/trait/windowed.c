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

/* the rows of series_of are of no program */
#define ONLY_STEP		UINT64CONST(1)

static int	window_columns(const Aggregate *self, const AggregateInput *input,
						   AggregateColumn *columns);
static Oid	window_keeps(const Aggregate *self, const AggregateInput *input);
static AggregateResult window_apply(const Aggregate *self,
									const AggregateInput *input,
									const void *delta, const TimeRange *kept,
									Datum *state, bool *isnull);
static bool window_alike(const void *delta, uint64 a, uint64 b);
static void window_sql(const Aggregate *self, const AggregateInput *input,
					   const AggregateSql *pieces, int column, StringInfo out);
static void window_make_room(WindowDelta *window, MemoryContext memory);
static bool window_concerns(const SeriesChange *changes, int nchanges,
							const TimeRange *kept, bool has_state);
static Datum series_step(FunctionCallInfo fcinfo, bool has_value);

static inline SeriesEntry row_entry(const WindowRow *row, const char *values);
static inline int compare_rows(const WindowRow *a, const WindowRow *b,
							   const char *values);

#define ST_SORT sort_rows
#define ST_ELEMENT_TYPE WindowRow
#define ST_COMPARE_ARG_TYPE const char
#define ST_COMPARE(a, b, values) compare_rows(a, b, values)
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

const Aggregate aggregate_window = {
	.name = "list",
	.joined = "series_joined",
	.columns = window_columns,
	.keeps = window_keeps,
	.delta_size = sizeof(WindowDelta),
	.accumulate = window_accumulate,
	.apply = window_apply,
	.alike = window_alike,
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

/* The events are kept, with their values if there are any. */
static Oid
window_keeps(const Aggregate *self, const AggregateInput *input)
{
	return input->type;
}

/* Note the event, if it has a time, and a value where one is needed. */
void
window_accumulate(const Aggregate *self, const AggregateInput *input,
				  void *delta, const AggregateRow *row, MemoryContext memory)
{
	WindowDelta *window = delta;

	if (!row->has_at || (row->isnull && OidIsValid(input->type)))
		return;
	window->type = input->kept;
	window_note(window, row, memory);
}

/* Apply the events that came and went to the series. */
static AggregateResult
window_apply(const Aggregate *self, const AggregateInput *input,
			 const void *delta, const TimeRange *kept,
			 Datum *state, bool *isnull)
{
	WindowDelta *window = unconstify(void *, delta);
	SeriesChange *changes;
	int			nchanges;
	bool		has_state = false;
	SeriesChanged changed = SERIES_UNCHANGED;

	if (window->nrows == 0)
		return AGGREGATE_UNCHANGED;
	for (int i = 0; i < STATE_COLUMNS; i++)
		has_state |= !isnull[i];
	changes = window_changes(window, input->step, &nchanges);
	if (window_concerns(changes, nchanges, kept, has_state))
		changed = series_change(window->type, changes, nchanges, kept, state,
								isnull);
	pfree(changes);
	switch (changed)
	{
		case SERIES_CHANGED:
			return AGGREGATE_CHANGED;
		case SERIES_UNCHANGED:
			return AGGREGATE_UNCHANGED;
		default:
			return AGGREGATE_RECOMPUTE;
	}
}

/* Do two steps concern the same rows? */
static bool
window_alike(const void *delta, uint64 a, uint64 b)
{
	const WindowDelta *window = delta;

	for (int i = 0; i < window->nrows; i++)
	{
		uint64		steps = window->rows[i].steps;

		if (((steps & a) != 0) != ((steps & b) != 0))
			return false;
	}
	return true;
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
	WindowDelta *window;
	SeriesChange *changes;
	Series		series = {0};
	int			nchanges;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();

	window = (WindowDelta *) PG_GETARG_POINTER(0);
	changes = window_changes(window, ONLY_STEP, &nchanges);
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
		window_note(window, &(AggregateRow) {
			.value = has_value ? PG_GETARG_DATUM(2) : (Datum) 0,
			.at = PG_GETARG_TIMESTAMPTZ(1),
			.sign = 1,
			.steps = ONLY_STEP,
		}, memory);
	}

	if (window == NULL)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(window);
}

void
window_note(WindowDelta *window, const AggregateRow *row, MemoryContext memory)
{
	WindowRow  *noted;

	if (window->nrows == window->room)
		window_make_room(window, memory);

	noted = &window->rows[window->nrows++];
	noted->at = row->at;
	noted->steps = row->steps;
	noted->went = row->sign < 0;
	noted->value = 0;
	noted->length = 0;
	window->mixed |= window->nrows > 1 && noted[-1].at >= noted->at;
	window->sorted = false;
	if (window->type == NULL)
		return;

	if (window->values.data == NULL)
	{
		/* initStringInfo() takes more than most profiles ever need */
		window->values.data = MemoryContextAlloc(memory, FIRST_VALUES);
		window->values.maxlen = FIRST_VALUES;
	}
	noted->value = window->values.len;
	series_put_value(window->type, row->value, &window->values);
	noted->length = window->values.len - noted->value;
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
window_changes(WindowDelta *window, uint64 step, int *nchanges)
{
	const char *values = window->values.data;
	SeriesChange *changes;
	int			kept = 0;

	/* mostly they are met in their order */
	if (window->mixed && !window->sorted)
		sort_rows(window->rows, window->nrows, values);
	window->sorted = true;

	changes = palloc_extended(window->nrows * sizeof(SeriesChange),
							  MCXT_ALLOC_HUGE);
	for (int i = 0; i < window->nrows; i++)
	{
		const WindowRow *row = &window->rows[i];
		SeriesChange change = {row_entry(row, values), row->went ? -1 : 1};

		CHECK_FOR_INTERRUPTS();

		if ((row->steps & step) == 0)
			continue;
		if (window->mixed && kept > 0)
		{
			SeriesChange *last = &changes[kept - 1];

			if (series_compare(&last->entry, &change.entry) == 0)
			{
				last->times += change.times;
				continue;
			}
			if (last->times == 0)
				kept--;
		}
		changes[kept++] = change;
	}
	if (kept > 0 && changes[kept - 1].times == 0)
		kept--;
	*nchanges = kept;
	return changes;
}

/* row_entry() is a row as an entry of a series. */
static inline SeriesEntry
row_entry(const WindowRow *row, const char *values)
{
	return (SeriesEntry) {
		.at = row->at,
		.value = (const unsigned char *) values + row->value,
		.length = row->length,
	};
}

/* compare_rows() orders rows as a series has its entries. */
static inline int
compare_rows(const WindowRow *a, const WindowRow *b, const char *values)
{
	SeriesEntry left = row_entry(a, values);
	SeriesEntry right = row_entry(b, values);

	return series_compare(&left, &right);
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
