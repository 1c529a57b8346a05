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
#include "utils/memutils.h"

#include "base/base.h"
#include "state/series_ask.h"
#include "state/window_argument.h"

/* the arguments of a call that adds what is settled */
#define SETTLED_ARGS	6

/* bytes of scratch memory that are not given back */
#define SCRATCH_KEPT	(64 * 1024)

/* What a function keeps in its fn_extra. */
typedef struct CallMemory
{
	void	   *window;			/* see window_argument() */
	ValueOrder	order;			/* its type is NULL at first */
} CallMemory;

static TimeRange times_after(FunctionCallInfo fcinfo, int which);
static CallMemory *call_memory(FunctionCallInfo fcinfo);
static bool scale_is_sure(const SeriesQuestion *question, int scale);
static int	most_digits(const SeriesHead *head, int block, int end);
static void part_total(const SeriesQuestion *question, SeriesReader *reader,
					   bool with_values, RangeTotal *total);
static bool take_blocks(const SeriesQuestion *question, SeriesReader *reader,
						bool with_values, RangeTotal *total);
static void take_all(RangeTotal *total, const SeriesTotal *all, int64 count);
static void take_one(RangeTotal *total, int sign, const SeriesReader *reader,
					 bool with_values);
static void range_add(RangeTotal *total, int sign, const RangeTotal *more);

SEGMENT_FUNCTION(segment_series_after);
SEGMENT_FUNCTION(segment_series_count);
SEGMENT_FUNCTION(segment_series_count_settled);

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
	RangeTotal	total;
	MemoryContext caller = MemoryContextSwitchTo(series_scratch());

	series_ask(fcinfo, &question);
	series_answer_total(&question, false, &total);
	MemoryContextSwitchTo(caller);
	PG_RETURN_INT64(total.count);
}

/*
 * (series, window, timezone, now, settled, until): the same, and those that
 * are settled, which are all before 'until'
 */
Datum
segment_series_count_settled(PG_FUNCTION_ARGS)
{
	int64		count = DatumGetInt64(segment_series_count(fcinfo));
	int64		all;

	if (PG_ARGISNULL(4))
		PG_RETURN_NULL();
	if (pg_add_s64_overflow(count, PG_GETARG_INT64(4), &all))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("bigint out of range")));
	PG_RETURN_INT64(all);
}

MemoryContext
series_scratch(void)
{
	static MemoryContext scratch = NULL;

	if (scratch == NULL)
		scratch = AllocSetContextCreate(TopMemoryContext,
										"segment series scratch",
										0, SCRATCH_KEPT, SCRATCH_KEPT);
	MemoryContextReset(scratch);
	return scratch;
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
	if (question->empty)
		return;
	if (PG_NARGS() == SETTLED_ARGS && !PG_ARGISNULL(5))
	{
		TimestampTz until = PG_GETARG_TIMESTAMPTZ(5);

		question->from_settled = *question->range;
		question->from_settled.first = Max(question->range->first, until);
		question->from_settled.sure_first =
			Max(question->range->sure_first, until);
		question->range = &question->from_settled;
	}
	series_cursor_begin(&question->cursor, PG_GETARG_DATUM(0));
	question->empty = question->cursor.nparts == 0;
	series_cursor_seek(&question->cursor, question->range->first);
}

Oid
series_ask_values(FunctionCallInfo fcinfo, SeriesQuestion *question)
{
	Oid			type = get_fn_expr_argtype(fcinfo->flinfo, 4);
	TypeCacheEntry *entry;

	if (!OidIsValid(type))
		elog(ERROR, "could not determine the type of a series' values");
	series_ask(fcinfo, question);
	entry = question->empty ? NULL : question->cursor.type;
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

void
series_answer_total(const SeriesQuestion *question, bool with_values,
					RangeTotal *total)
{
	const SeriesCursor *cursor = &question->cursor;

	*total = (RangeTotal) {.known = true, .scale = -1};
	if (question->empty)
		return;
	for (int i = 0; i < cursor->nparts; i++)
	{
		const SeriesPart *part = &cursor->parts[i];
		RangeTotal	of_part = {.known = true, .scale = -1};
		SeriesReader reader = part->reader;

		part_total(question, &reader, with_values, &of_part);
		range_add(total, part->sign, &of_part);
	}
	if (with_values && cursor->any_went && total->mixed)
		total->known &= scale_is_sure(question, total->scale);
}

/*
 * Does an event that counts show so many digits, the most of all?  One that
 * went may have been the only one.
 */
static bool
scale_is_sure(const SeriesQuestion *question, int scale)
{
	int			nremoved;
	SeriesEvent *removed = series_removed(question, &nremoved);

	for (int i = 0; i < question->cursor.nparts; i++)
	{
		const SeriesReader *reader = &question->cursor.parts[i].reader;

		if (question->cursor.parts[i].sign < 0)
			continue;
		for (int b = 0; b < reader->head.nblocks; b++)
		{
			const SeriesBlock *block = &reader->head.blocks[b];
			TimestampTz last = series_block_last(reader, b);
			int			next;

			if (!block->total.known || block->total.scale != scale ||
				!series_surely_count(question, block->first, last))
				continue;
			next = series_removed_from(removed, nremoved, block->first);
			while (next < nremoved && removed[next].entry.at <= last &&
				   removed[next].scale != scale)
				next++;
			if (next == nremoved || removed[next].entry.at > last)
				return true;
		}
	}
	return false;
}

static int
removed_compare(const void *a, const void *b)
{
	return series_compare(&((const SeriesEvent *) a)->entry,
						  &((const SeriesEvent *) b)->entry);
}

SeriesEvent *
series_removed(const SeriesQuestion *question, int *nremoved)
{
	const SeriesCursor *cursor = &question->cursor;
	SeriesEvent *removed;
	int64		room = 0;

	*nremoved = 0;
	for (int i = 0; i < cursor->nparts; i++)
		if (cursor->parts[i].sign < 0)
			room += cursor->parts[i].reader.head.nentries;
	if (room == 0)
		return NULL;

	removed = palloc_extended(room * sizeof(SeriesEvent), MCXT_ALLOC_HUGE);
	for (int i = 0; i < cursor->nparts; i++)
	{
		SeriesReader reader = cursor->parts[i].reader;
		SeriesEvent event;

		if (cursor->parts[i].sign > 0)
			continue;
		while (series_next(&reader, &event.entry) &&
			   event.entry.at <= question->range->last)
		{
			event.number = reader.number;
			event.scale = reader.scale;
			removed[(*nremoved)++] = event;
		}
	}
	qsort(removed, *nremoved, sizeof(SeriesEvent), removed_compare);
	return removed;
}

int
series_removed_from(const SeriesEvent *removed, int nremoved, TimestampTz at)
{
	int			low = 0;
	int			high = nremoved;

	while (low < high)
	{
		int			middle = low + (high - low) / 2;

		if (removed[middle].entry.at < at)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Find the total of the events that count in one part of the state. */
static void
part_total(const SeriesQuestion *question, SeriesReader *reader,
		   bool with_values, RangeTotal *total)
{
	const SeriesHead *head = &reader->head;
	const WindowRange *range = question->range;
	SeriesEntry entry;
	int			sign = 1;

	/* of a short series, take away what does not count: mostly little */
	if (head->nblocks == 0 && reader->last <= range->sure_last &&
		(!with_values || head->total.known))
	{
		take_all(total, &head->total, head->nentries);
		sign = -1;
	}
	for (;;)
	{
		if (take_blocks(question, reader, with_values, total))
			continue;
		if (!series_next(reader, &entry) || entry.at > range->last ||
			(sign < 0 && entry.at >= range->sure_first))
			break;
		if (series_event_counts(question, entry.at) == (sign > 0))
			take_one(total, sign, reader, with_values);
	}
	if (total->count == 0)
		total->scale = -1;
}

/*
 * Add the blocks that begin with the next event, if they lie in the window,
 * and go on behind them; false if there are none.
 */
static bool
take_blocks(const SeriesQuestion *question, SeriesReader *reader,
			bool with_values, RangeTotal *total)
{
	const SeriesHead *head = &reader->head;
	TimestampTz sure_last = question->range->sure_last;
	int			block = series_at_block(reader);
	int			end;
	SeriesTotal all;

	if (block < 0 ||
		head->blocks[block].first < question->range->sure_first)
		return false;
	end = reader->last <= sure_last ? head->nblocks :
		series_block_before(head, sure_last + 1);
	if (with_values && !head->summed)
		end = Min(end, block + 1);
	/* of the last block it may not be known how many digits values show */
	else if (with_values && head->total.mixed && end == head->nblocks &&
			 !head->blocks[end - 1].total.known)
		end--;
	if (end <= block)
		return false;

	all = head->blocks[block].total;
	if (head->summed)
	{
		all = head->total;
		all.sum = (end < head->nblocks ? head->blocks[end].before :
				   head->total.sum) - head->blocks[block].before;
		if (all.mixed)
			all.scale = most_digits(head, block, end);
	}
	if (with_values && !all.known)
		return false;
	take_all(total, &all, end < head->nblocks ?
			 (end - block) * head->per_block :
			 head->nentries - block * head->per_block);
	series_goto_block(reader, end);
	return true;
}

/* The most digits that a value of these blocks shows, if that is known. */
static int
most_digits(const SeriesHead *head, int block, int end)
{
	int			scale = -1;

	for (; block < end; block++)
		scale = Max(scale, head->blocks[block].total.scale);
	return scale;
}

/* Add all events of a block, or of a series. */
static void
take_all(RangeTotal *total, const SeriesTotal *all, int64 count)
{
	RangeTotal	more = {
		.count = count,
		.known = all->known,
		.sum = all->sum,
		.scale = all->scale,
		.mixed = all->mixed,
	};

	range_add(total, 1, &more);
}

/* Add the event that was read last, or take it away. */
static void
take_one(RangeTotal *total, int sign, const SeriesReader *reader,
		 bool with_values)
{
	bool		whole = reader->kind == SERIES_WHOLE;
	RangeTotal	more = {
		.count = 1,
		.known = with_values && (whole || reader->scale >= 0),
		.sum = reader->number,
		.scale = whole ? 0 : reader->scale,
	};

	if (sign < 0 && with_values && (!more.known || more.scale != total->scale))
		packed_corrupted(&reader->bytes,
						 "Its values do not come to what it says.");
	range_add(total, sign, &more);
}

/* Add a total to another, or take it away. */
static void
range_add(RangeTotal *total, int sign, const RangeTotal *more)
{
	total->count += sign * more->count;
	if (more->count == 0)
		return;
	total->known &= more->known &&
		total_add_signed(&total->sum, more->sum, sign);
	total->mixed |= more->mixed ||
		(total->scale >= 0 && total->scale != more->scale);
	total->scale = Max(total->scale, more->scale);
}
