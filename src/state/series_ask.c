/*-------------------------------------------------------------------------
 *
 * series_ask.c
 *	  Which events of a series count in a window, and how many are they?
 *
 *		segment.series_count(s7, 'in last 30 days', 'Europe/Copenhagen', now)
 *
 * looks at the events that count in the window at that time.  If the window is
 * NULL all do, even those at -infinity or infinity.  A NULL series is one
 * without events.
 *
 * Each function over a series gives the result of the same aggregate without a
 * window, over just these events.  series_sum.c adds their values up,
 * series_values.c looks for some of them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/int.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "base/base.h"
#include "state/series_ask.h"
#include "state/window_argument.h"

/* What a function keeps in its fn_extra. */
typedef struct CallMemory
{
	void	   *window;			/* see window_argument() */
	ValueOrder	order;			/* its type is NULL at first */
} CallMemory;

static TimeRange times_after(FunctionCallInfo fcinfo, int which);
static CallMemory *call_memory(FunctionCallInfo fcinfo);

SEGMENT_FUNCTION(segment_series_after);
SEGMENT_FUNCTION(segment_series_count);

/* (series, after): the events after that time; NULL if there are none */
Datum
segment_series_after(PG_FUNCTION_ARGS)
{
	Series	   *series;
	TimeRange	range;
	int			kept = 0;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();

	series = series_read(PG_GETARG_DATUM(0));
	range = times_after(fcinfo, 1);
	for (int i = 0; i < series->nentries; i++)
		if (time_in_range(series->entries[i].at, &range))
			series->entries[kept++] = series->entries[i];
	if (kept == 0)
		PG_RETURN_NULL();
	series->nentries = kept;
	PG_RETURN_DATUM(series_write(series));
}

/* The times after that of argument 'which'; all if it is NULL. */
static TimeRange
times_after(FunctionCallInfo fcinfo, int which)
{
	TimeRange	range = {PG_INT64_MIN, PG_INT64_MAX};
	TimestampTz after;

	if (PG_ARGISNULL(which))
		return range;
	after = PG_GETARG_TIMESTAMPTZ(which);
	if (TIMESTAMP_IS_NOEND(after))
		return (TimeRange) {1, 0};	/* nothing is after infinity */
	range.from = after + 1;
	return range;
}

/* (series, window, timezone, now): the number of events that count */
Datum
segment_series_count(PG_FUNCTION_ARGS)
{
	SeriesQuestion question;
	SeriesEntry entry;
	int64		count = 0;

	series_ask(fcinfo, &question);
	if (!series_answer(&question, &entry))
		PG_RETURN_INT64(0);

	do
	{
		/* mostly all that follow count, too, and need not be read */
		if (entry.at >= question.range->sure_first &&
			question.reader.last <= question.range->sure_last)
			PG_RETURN_INT64(count + question.reader.head.nentries -
							question.reader.next + 1);
		count++;
	} while (series_answer(&question, &entry));
	PG_RETURN_INT64(count);
}

void
series_ask(FunctionCallInfo fcinfo, SeriesQuestion *question)
{
	static const WindowRange all = {
		PG_INT64_MIN, PG_INT64_MIN, PG_INT64_MAX, PG_INT64_MAX
	};

	question->empty = PG_ARGISNULL(0);
	question->window = window_argument(fcinfo, 1,
									   &call_memory(fcinfo)->window);
	question->range = &all;
	if (question->window != NULL && !PG_ARGISNULL(3))
	{
		question->now = PG_GETARG_TIMESTAMPTZ(3);
		question->range = window_range(question->window, question->now);
	}
	if (!question->empty)
		series_begin(&question->reader, PG_GETARG_DATUM(0));
}

Oid
series_ask_values(FunctionCallInfo fcinfo, SeriesQuestion *question)
{
	Oid			type = get_fn_expr_argtype(fcinfo->flinfo, 4);
	TypeCacheEntry *entry;

	if (!OidIsValid(type))
		elog(ERROR, "could not determine the type of a series' values");
	series_ask(fcinfo, question);
	entry = question->empty ? NULL : question->reader.head.type;
	if (!question->empty && entry == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("series has times only, and no values")));
	if (entry != NULL && entry->type_id != type &&
		entry->type_id != getBaseType(type))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("series is of values of type %s, not %s",
						format_type_be(entry->type_id),
						format_type_be(type))));
	return type;
}

/* What the function of a call remembers from call to call. */
static CallMemory *
call_memory(FunctionCallInfo fcinfo)
{
	FmgrInfo   *function = fcinfo->flinfo;

	if (function->fn_extra == NULL)
		function->fn_extra = MemoryContextAllocZero(function->fn_mcxt,
													sizeof(CallMemory));
	return function->fn_extra;
}

const ValueOrder *
series_order(FunctionCallInfo fcinfo, TypeCacheEntry *type)
{
	CallMemory *memory = call_memory(fcinfo);

	if (memory->order.type != type)
		memory->order = value_order(type, PG_GET_COLLATION());
	return &memory->order;
}

bool
series_answer_total(const SeriesQuestion *question, RangeTotal *total)
{
	const SeriesTotal *all = &question->reader.head.total;
	SeriesReader reader;
	SeriesEntry entry;

	if (question->empty || !all->known)
		return false;
	reader = question->reader;
	*total = (RangeTotal) {
		.sum = all->sum,
		.least_known = true,
		.most_known = true,
	};
	while (series_next(&reader, &entry))
	{
		if (reader.last > question->range->sure_last)
			return false;
		if (entry.at >= question->range->sure_first)
		{
			total->any = true;
			break;
		}
		if (series_event_counts(question, entry.at))
		{
			total->any = true;
			continue;
		}
		if (reader.kind == SERIES_NUMERIC && reader.scale != all->scale)
			packed_corrupted(&reader.bytes,
							 "Its values do not come to what it says.");
		if (pg_sub_s64_overflow(total->sum, reader.number, &total->sum))
			return false;
		total->least_known &= reader.number > all->least;
		total->most_known &= reader.number < all->most;
	}
	return true;
}
