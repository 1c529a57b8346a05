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

/* A value and when it was there. */
typedef struct TimedValue
{
	Datum		value;
	TimestampTz at;
} TimedValue;

static Datum extreme(FunctionCallInfo fcinfo, int direction);
static int	extreme_better(const ValueOrder *order, Datum value, Datum than,
						   int direction);
static Datum edge(FunctionCallInfo fcinfo, bool last);
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

/* The smallest value if direction is -1, the largest if it is 1. */
static Datum
extreme(FunctionCallInfo fcinfo, int direction)
{
	SeriesQuestion question;
	SeriesEntry entry;
	SeriesEntry best;
	int64		number = 0;
	int			scale = 0;
	bool		plain = true;	/* were all values so far numbers? */
	bool		found = false;
	RangeTotal	total;

	(void) series_ask_values(fcinfo, &question);
	if (series_answer_total(&question, &total))
	{
		const SeriesTotal *all = &question.reader.head.total;

		if (!total.any)
			PG_RETURN_NULL();
		if (direction > 0 ? total.most_known : total.least_known)
		{
			number = direction > 0 ? all->most : all->least;
			PG_RETURN_DATUM(series_number(question.reader.head.type, number,
										  all->scale));
		}
	}
	while (series_answer(&question, &entry))
	{
		TypeCacheEntry *type = question.reader.head.type;
		int			better = 1;

		plain &= question.reader.kind == SERIES_WHOLE ||
			(question.reader.kind == SERIES_NUMERIC &&
			 question.reader.scale >= 0);
		if (found && plain && question.reader.number != number)
			better = question.reader.number > number ? direction : -direction;
		else if (found && plain && question.reader.kind == SERIES_NUMERIC)
			better = scale - question.reader.scale;	/* 1.5, not 1.50 */
		else if (found && plain)
			better = 0;
		else if (found)
			better = extreme_better(series_order(fcinfo, type),
									series_value(type, &entry),
									series_value(type, &best), direction);
		if (better <= 0)
			continue;
		best = entry;
		number = question.reader.number;
		scale = question.reader.scale;
		found = true;
	}
	if (!found)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(series_value(question.reader.head.type, &best));
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
	SeriesEntry entry;
	SeriesEntry best = {0};
	TypeCacheEntry *type;
	bool		found = false;

	(void) series_ask_values(fcinfo, &question);
	while (series_answer(&question, &entry))
	{
		type = question.reader.head.type;
		if (found && entry.at > best.at && !last)
			break;
		if (!found || entry.at > best.at ||
			value_compare_looks(series_order(fcinfo, type),
								series_value(type, &entry),
								series_value(type, &best)) < 0)
			best = entry;
		found = true;
	}
	if (!found)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(series_value(question.reader.head.type, &best));
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

	entry = question.reader.head.type;
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
	order = series_order(fcinfo, question.reader.head.type);
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
	order = series_order(fcinfo, question.reader.head.type);
	PG_RETURN_INT64(values_distinct(order, values, nvalues));
}

/* The values of the events that count, equal ones by how they look. */
static TimedValue *
values_sorted(FunctionCallInfo fcinfo, SeriesQuestion *question, int *nvalues)
{
	TypeCacheEntry *type;
	TimedValue *values;
	SeriesEntry entry;

	*nvalues = 0;
	if (question->empty)
		return NULL;
	type = question->reader.head.type;
	if (type == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("series has times only, and no values")));

	values = palloc_extended(question->reader.head.nentries *
							 sizeof(TimedValue), MCXT_ALLOC_HUGE);
	while (series_answer(question, &entry))
	{
		CHECK_FOR_INTERRUPTS();

		values[*nvalues].value = series_value(type, &entry);
		values[*nvalues].at = entry.at;
		(*nvalues)++;
	}
	qsort_arg(values, *nvalues, sizeof(TimedValue), compare_timed,
			  unconstify(ValueOrder *, series_order(fcinfo, type)));
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
