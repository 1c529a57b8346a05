/*-------------------------------------------------------------------------
 *
 * series_values.c
 *	  Which values have the events of a series that count in a window?
 *
 *		numeric{"12.50" @ 1 May, "7" @ 3 May, "12.50" @ 4 May}, all counting
 *
 *		series_min 7		series_first 12.50		series_values {7,12.50}
 *		series_max 12.50	series_last 12.50		series_distinct 2
 *		series_most_frequent 12.50
 *
 * Values that are equal in the order of the column are one value here, shown
 * as the one that looks smallest: see ValueOrder.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/array.h"
#include "utils/memutils.h"

#include "base/base.h"
#include "state/series_ask.h"

#define FIRST_ROOM		64

/* A value and when it was there. */
typedef struct TimedValue
{
	Datum		value;
	TimestampTz at;
} TimedValue;

/* The best value so far: the least or the greatest. */
typedef struct Extreme
{
	SeriesQuestion question;
	const ValueOrder *order;	/* NULL for times */
	int			direction;		/* -1: the least */
	int			nremoved;
	SeriesEvent *removed;		/* events that went, in the order of time */
	bool		bounded;
	int64		bound;			/* there is such a number, or a better one, but
								 * who knows how many digits it shows */
	bool		found;
	bool		plain;			/* were all values so far numbers? */
	SeriesEvent best;			/* its entry is of no use if it is plain */
} Extreme;

static Datum extreme(FunctionCallInfo fcinfo, int direction);
static void extreme_of_blocks(Extreme *extreme, const SeriesReader *reader);
static void extreme_of_rest(Extreme *extreme, const SeriesReader *reader);
static bool cannot_be_better(const Extreme *extreme, const SeriesEvent *event);
static bool number_worse(const Extreme *extreme, int64 number, int64 than);
static SeriesBlock block_of(const SeriesReader *reader, int block,
							TimestampTz *last);
static SeriesEvent block_best(const Extreme *extreme,
							  const SeriesTotal *total);
static bool block_is_sure(const Extreme *extreme, const SeriesBlock *block,
						  TimestampTz last);
static void extreme_consider(Extreme *extreme, const SeriesEvent *event,
							 bool plain);
static Datum event_value(TypeCacheEntry *type, const SeriesEvent *event,
						 bool plain);
static int	number_better(const Extreme *extreme, const SeriesEvent *event);
static int	extreme_better(const ValueOrder *order, Datum value, Datum than,
						   int direction);
static Datum edge(FunctionCallInfo fcinfo, bool last);
static bool edge_from(FunctionCallInfo fcinfo, SeriesQuestion *question,
					  bool last, SeriesEntry *best);
static TimedValue *values_sorted(FunctionCallInfo fcinfo,
								 SeriesQuestion *question, int *nvalues);
static int	compare_timed(const void *a, const void *b, void *order);
static int	values_distinct(const ValueOrder *order, TimedValue *values,
							int nvalues);

SEGMENT_FUNCTION(segment_series_min);
SEGMENT_FUNCTION(segment_series_max);
SEGMENT_FUNCTION(segment_series_first);
SEGMENT_FUNCTION(segment_series_last);
SEGMENT_FUNCTION(segment_series_values);
SEGMENT_FUNCTION(segment_series_distinct);
SEGMENT_FUNCTION(segment_series_most_frequent);

/* one of the values ------------------------------------------------------ */

/* (series, window, timezone, now, type): the smallest value */
Datum
segment_series_min(PG_FUNCTION_ARGS)
{
	return extreme(fcinfo, -1);
}

/* (series, window, timezone, now, type): the largest value */
Datum
segment_series_max(PG_FUNCTION_ARGS)
{
	return extreme(fcinfo, 1);
}

/* (series, window, timezone, now, type): the value of the earliest event */
Datum
segment_series_first(PG_FUNCTION_ARGS)
{
	return edge(fcinfo, false);
}

/* (series, window, timezone, now, type): the value of the latest event */
Datum
segment_series_last(PG_FUNCTION_ARGS)
{
	return edge(fcinfo, true);
}

/*
 * The smallest value if direction is -1, the largest if it is 1.
 *
 * Of a block that lies in the window the directory knows the value, unless
 * that of an event that went is just as good.  Other blocks are read, but only
 * if they may have a better value.
 */
static Datum
extreme(FunctionCallInfo fcinfo, int direction)
{
	Extreme		extreme = {.direction = direction, .plain = true};
	const SeriesCursor *cursor = &extreme.question.cursor;

	(void) series_ask_values(fcinfo, &extreme.question);
	if (extreme.question.empty)
		PG_RETURN_NULL();
	if (cursor->type != NULL)
		extreme.order = series_order(fcinfo, cursor->type);
	extreme.removed = series_removed(&extreme.question, &extreme.nremoved);
	for (int i = 0; i < cursor->nparts; i++)
		if (cursor->parts[i].sign > 0)
			extreme_of_blocks(&extreme, &cursor->parts[i].reader);
	for (int i = 0; i < cursor->nparts; i++)
		if (cursor->parts[i].sign > 0)
			extreme_of_rest(&extreme, &cursor->parts[i].reader);

	if (!extreme.found)
		PG_RETURN_NULL();
	if (extreme.plain)
		PG_RETURN_DATUM(series_number(cursor->type, extreme.best.number,
									  extreme.best.scale));
	PG_RETURN_DATUM(series_value(cursor->type, &extreme.best.entry));
}

/* Take what the directory knows of blocks that lie in the window. */
static void
extreme_of_blocks(Extreme *extreme, const SeriesReader *reader)
{
	for (int i = 0; i < Max(reader->head.nblocks, 1); i++)
	{
		TimestampTz last;
		SeriesBlock block = block_of(reader, i, &last);
		SeriesEvent best = block_best(extreme, &block.total);

		if (!block_is_sure(extreme, &block, last))
			continue;
		if (!block.total.mixed)
			extreme_consider(extreme, &best, true);
		else if (!extreme->bounded ||
				 number_worse(extreme, extreme->bound, best.number))
		{
			extreme->bounded = true;
			extreme->bound = best.number;
		}
	}
}

/* Read the other blocks, if they may have a better value. */
static void
extreme_of_rest(Extreme *extreme, const SeriesReader *reader)
{
	SeriesQuestion *question = &extreme->question;

	for (int i = 0; i < Max(reader->head.nblocks, 1); i++)
	{
		TimestampTz last;
		SeriesBlock block = block_of(reader, i, &last);
		SeriesEvent best = block_best(extreme, &block.total);

		if (last < question->range->first ||
			block.first > question->range->last ||
			(!block.total.mixed && block_is_sure(extreme, &block, last)) ||
			(block.total.known && cannot_be_better(extreme, &best)))
			continue;
		series_cursor_seek(&question->cursor,
						   Max(block.first, question->range->first));
		while (series_answer(question) &&
			   question->cursor.event.entry.at <= last)
		{
			const SeriesEvent *event = &question->cursor.event;

			CHECK_FOR_INTERRUPTS();

			extreme_consider(extreme, event,
							 question->cursor.kind == SERIES_WHOLE ||
							 (question->cursor.kind == SERIES_NUMERIC &&
							  event->scale >= 0));
		}
	}
}

/*
 * Is a number worse than one that is there?  Equal ones may show fewer digits.
 */
static bool
cannot_be_better(const Extreme *extreme, const SeriesEvent *event)
{
	return (extreme->bounded &&
			number_worse(extreme, event->number, extreme->bound)) ||
		(extreme->found && extreme->plain &&
		 number_worse(extreme, event->number, extreme->best.number));
}

/* Is a number worse than another? */
static bool
number_worse(const Extreme *extreme, int64 number, int64 than)
{
	return extreme->direction > 0 ? number < than : number > than;
}

/* A block, or all of a series that has none, and no later time than that. */
static SeriesBlock
block_of(const SeriesReader *reader, int block, TimestampTz *last)
{
	if (reader->head.nblocks > 0)
	{
		*last = series_block_last(reader, block);
		return reader->head.blocks[block];
	}
	*last = reader->last;
	return (SeriesBlock) {
		.first = reader->first,
		.total = reader->head.total,
	};
}

/* The best number of a block, whose total is known. */
static SeriesEvent
block_best(const Extreme *extreme, const SeriesTotal *total)
{
	return (SeriesEvent) {
		.number = extreme->direction > 0 ? total->most : total->least,
		.scale = total->scale,
	};
}

/* Do all events of a block count, and is the best number still there? */
static bool
block_is_sure(const Extreme *extreme, const SeriesBlock *block,
			  TimestampTz last)
{
	SeriesEvent best = block_best(extreme, &block->total);

	if (!block->total.known ||
		!series_surely_count(&extreme->question, block->first, last))
		return false;
	for (int i = series_removed_from(extreme->removed, extreme->nremoved,
									 block->first);
		 i < extreme->nremoved && extreme->removed[i].entry.at <= last; i++)
		if (extreme->removed[i].number == best.number)
			return false;
	return true;
}

/* The value of an event. */
static Datum
event_value(TypeCacheEntry *type, const SeriesEvent *event, bool plain)
{
	return plain ? series_number(type, event->number, event->scale) :
		series_value(type, &event->entry);
}

/* Keep an event if it is better; if it is 'plain', its value is a number. */
static void
extreme_consider(Extreme *extreme, const SeriesEvent *event, bool plain)
{
	TypeCacheEntry *type = extreme->question.cursor.type;
	int			better = 1;

	if (extreme->found && plain && extreme->plain)
		better = number_better(extreme, event);
	else if (extreme->found)
		better = extreme_better(extreme->order,
								event_value(type, event, plain),
								event_value(type, &extreme->best,
											extreme->plain),
								extreme->direction);
	if (better <= 0)
		return;
	extreme->best = *event;
	extreme->plain = plain;
	extreme->found = true;
}

/* Is a number better than the best, which is one, too?  1.5 is than 1.50. */
static int
number_better(const Extreme *extreme, const SeriesEvent *event)
{
	if (event->number != extreme->best.number)
		return event->number > extreme->best.number ? extreme->direction :
			-extreme->direction;
	return extreme->best.scale - event->scale;
}

/*
 * Is a value better than another?  Of equal ones the one that looks smaller
 * is, in either direction.
 */
static int
extreme_better(const ValueOrder *order, Datum value, Datum than, int direction)
{
	int			compared = value_compare(order, value, than) * direction;

	return compared != 0 || order->alike ? compared :
		-looks_compare(order->type->type_id, value, than);
}

/*
 * The value of the first or last event; of several at that instant, the
 * smallest.
 */
static Datum
edge(FunctionCallInfo fcinfo, bool last)
{
	SeriesQuestion question;
	SeriesCursor *cursor = &question.cursor;
	TimestampTz from;
	TimestampTz until;
	SeriesEntry best;

	(void) series_ask_values(fcinfo, &question);
	if (question.empty)
		PG_RETURN_NULL();
	from = question.range->first;
	until = question.range->last;
	if (last && until < PG_INT64_MAX)
		until++;
	while (last)
	{
		/* the events of the last block, mostly; then those before it, ... */
		from = Max(series_cursor_back(cursor, until), question.range->first);
		series_cursor_seek(cursor, from);
		if (edge_from(fcinfo, &question, true, &best))
			PG_RETURN_DATUM(series_value(cursor->type, &best));
		if (from == question.range->first)
			PG_RETURN_NULL();
		until = from;
	}
	if (!edge_from(fcinfo, &question, false, &best))
		PG_RETURN_NULL();
	PG_RETURN_DATUM(series_value(cursor->type, &best));
}

/* Find the first or last event among those that the cursor comes to. */
static bool
edge_from(FunctionCallInfo fcinfo, SeriesQuestion *question, bool last,
		  SeriesEntry *best)
{
	const SeriesEntry *entry = &question->cursor.event.entry;
	TypeCacheEntry *type = question->cursor.type;
	bool		found = false;

	while (series_answer(question))
	{
		CHECK_FOR_INTERRUPTS();

		if (found && entry->at > best->at && !last)
			break;
		if (!found || entry->at > best->at ||
			value_compare_looks(series_order(fcinfo, type),
								series_value(type, entry),
								series_value(type, best)) < 0)
			*best = *entry;
		found = true;
	}
	return found;
}

/* all of the values ------------------------------------------------------ */

/* (series, window, timezone, now, type): each value once, smallest first */
Datum
segment_series_values(PG_FUNCTION_ARGS)
{
	SeriesQuestion question;
	Oid			type = series_ask_values(fcinfo, &question);
	TypeCacheEntry *entry;
	TimedValue *values;
	Datum	   *elements;
	int			nvalues;

	values = values_sorted(fcinfo, &question, &nvalues);
	if (nvalues == 0)
		PG_RETURN_ARRAYTYPE_P(construct_empty_array(type));

	entry = question.cursor.type;
	nvalues = values_distinct(series_order(fcinfo, entry), values,
							  nvalues);
	elements = MemoryContextAllocHuge(CurrentMemoryContext,
									  nvalues * sizeof(Datum));
	for (int i = 0; i < nvalues; i++)
		elements[i] = values[i].value;
	PG_RETURN_ARRAYTYPE_P(construct_array(elements, nvalues, type,
										  entry->typlen, entry->typbyval,
										  entry->typalign));
}

/* (series, window, timezone, now, type): of a tie the latest, then smallest */
Datum
segment_series_most_frequent(PG_FUNCTION_ARGS)
{
	SeriesQuestion question;
	const ValueOrder *order;
	TimedValue *values;
	int			nvalues;
	int			best = 0;
	int			best_count = 0;
	TimestampTz best_latest = 0;

	(void) series_ask_values(fcinfo, &question);
	values = values_sorted(fcinfo, &question, &nvalues);
	if (nvalues == 0)
		PG_RETURN_NULL();
	order = series_order(fcinfo, question.cursor.type);
	for (int i = 0, next; i < nvalues; i = next)
	{
		TimestampTz latest = values[i].at;

		for (next = i + 1; next < nvalues; next++)
		{
			if (value_compare(order, values[i].value, values[next].value) != 0)
				break;
			latest = Max(latest, values[next].at);
		}
		if (next - i > best_count ||
			(next - i == best_count && latest > best_latest))
		{
			best = i;
			best_count = next - i;
			best_latest = latest;
		}
	}
	PG_RETURN_DATUM(values[best].value);
}

/* (series, window, timezone, now): the number of different values */
Datum
segment_series_distinct(PG_FUNCTION_ARGS)
{
	SeriesQuestion question;
	const ValueOrder *order;
	TimedValue *values;
	int			nvalues;

	series_ask(fcinfo, &question);
	values = values_sorted(fcinfo, &question, &nvalues);
	if (nvalues == 0)
		PG_RETURN_INT64(0);
	order = series_order(fcinfo, question.cursor.type);
	PG_RETURN_INT64(values_distinct(order, values, nvalues));
}

/* The values of the events that count, equal ones by how they look. */
static TimedValue *
values_sorted(FunctionCallInfo fcinfo, SeriesQuestion *question, int *nvalues)
{
	SeriesCursor *cursor = &question->cursor;
	int64		room = FIRST_ROOM;
	TimedValue *values;

	*nvalues = 0;
	if (question->empty)
		return NULL;
	if (cursor->type == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("series has times only, and no values")));

	values = palloc(room * sizeof(TimedValue));
	while (series_answer(question))
	{
		CHECK_FOR_INTERRUPTS();

		if (*nvalues == room)
		{
			room *= 2;
			values = repalloc_huge(values, room * sizeof(TimedValue));
		}
		values[*nvalues].value = series_value(cursor->type,
											  &cursor->event.entry);
		values[*nvalues].at = cursor->event.entry.at;
		(*nvalues)++;
	}
	qsort_arg(values, *nvalues, sizeof(TimedValue), compare_timed,
			  unconstify(ValueOrder *, series_order(fcinfo, cursor->type)));
	return values;
}

static int
compare_timed(const void *a, const void *b, void *order)
{
	return value_compare_looks(order, ((const TimedValue *) a)->value,
							   ((const TimedValue *) b)->value);
}

/* Keep one of the sorted values that are equal; returns how many are left. */
static int
values_distinct(const ValueOrder *order, TimedValue *values, int nvalues)
{
	int			kept = 0;

	for (int i = 0; i < nvalues; i++)
		if (kept == 0 ||
			value_compare(order, values[kept - 1].value, values[i].value) != 0)
			values[kept++] = values[i];
	return kept;
}
