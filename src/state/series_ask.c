/*-------------------------------------------------------------------------
 *
 * series_ask.c
 *	  What do the events of a series come to that count in a window?
 *
 *		segment.series_sum(s7, 'in last 30 days', 'Europe/Copenhagen', now)
 *
 * looks at the events that count in the window at that time.  If the window is
 * NULL all do, even those at -infinity or infinity.  No series is a series without
 * events.
 *
 * The answers are those of the same aggregate without a window over just these
 * events.  A sum that is too large is missing.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "common/int.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/numeric.h"

#include "base/base.h"
#include "filter/filter.h"
#include "state/fixed.h"
#include "state/order.h"
#include "state/series.h"
#include "state/total.h"

/* The events that a call asks for, one after the other. */
typedef struct Asked
{
	SeriesReader reader;
	const FilterWindow *window; /* NULL: all of them */
	TimestampTz now;
	const FilterWindowRange *range;
	bool		empty;			/* there is no series */
} Asked;

/* What a function keeps in its fn_extra. */
typedef struct Kept
{
	void	   *window;
	ValueOrder	order;			/* its type is NULL at first */
} Kept;

/* What the events that a call asks for come to, as in SeriesTotal. */
typedef struct RangeTotal
{
	bool		any;			/* are there any, and the rest of this? */
	int64		sum;
	bool		least_known;
	bool		most_known;
} RangeTotal;

/* A value and when it was there. */
typedef struct TimedValue
{
	Datum		value;
	TimestampTz at;
} TimedValue;

static void ask(FunctionCallInfo fcinfo, Asked *asked);
static Kept *kept_of_call(FunctionCallInfo fcinfo);
static const ValueOrder *order_of_call(FunctionCallInfo fcinfo,
									   TypeCacheEntry *type);
static bool answer(Asked *asked, SeriesEntry *entry);
static inline bool counts(const Asked *asked, TimestampTz at);
static bool total_of_range(const Asked *asked, RangeTotal *total);
static Oid	ask_values(FunctionCallInfo fcinfo, Asked *asked);
static bool sum_each(Asked *asked, bool squares, ExactTotal *sum);
static Datum sum_exact(FunctionCallInfo fcinfo, bool squares);
static Datum sum_inexact(FunctionCallInfo fcinfo, bool squares);
static bool float_square(float8 value, float8 *square);
pg_noreturn static void refuse_sum(const Asked *asked);
static Datum extreme(FunctionCallInfo fcinfo, int direction);
static Datum edge(FunctionCallInfo fcinfo, bool last);
static TimedValue *values_sorted(FunctionCallInfo fcinfo, Asked *asked,
								 int *nvalues);
static int	values_distinct(const ValueOrder *order, TimedValue *values,
							int nvalues);

SEGMENT_FUNCTION(segment_series_after);
SEGMENT_FUNCTION(segment_series_count);
SEGMENT_FUNCTION(segment_series_distinct);
SEGMENT_FUNCTION(segment_series_sum);
SEGMENT_FUNCTION(segment_series_squares);
SEGMENT_FUNCTION(segment_series_sum_float);
SEGMENT_FUNCTION(segment_series_squares_float);
SEGMENT_FUNCTION(segment_series_min);
SEGMENT_FUNCTION(segment_series_max);
SEGMENT_FUNCTION(segment_series_first);
SEGMENT_FUNCTION(segment_series_last);
SEGMENT_FUNCTION(segment_series_values);
SEGMENT_FUNCTION(segment_series_most_frequent);

/* (series, after): the events after that time, NULL if there are none */
Datum
segment_series_after(PG_FUNCTION_ARGS)
{
	Series	   *series;
	TimeRange	range;
	int			kept = 0;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();

	series = series_read(PG_GETARG_DATUM(0));
	range = time_range(!PG_ARGISNULL(1), PG_ARGISNULL(1) ? 0 : PG_GETARG_TIMESTAMPTZ(1),
					   false, 0);
	for (int i = 0; i < series->nentries; i++)
		if (time_in_range(series->entries[i].at, &range))
			series->entries[kept++] = series->entries[i];
	if (kept == 0)
		PG_RETURN_NULL();
	series->nentries = kept;
	PG_RETURN_DATUM(series_write(series));
}

/* (series, window, timezone, now) */
Datum
segment_series_count(PG_FUNCTION_ARGS)
{
	Asked		asked;
	SeriesEntry entry;
	int64		count = 0;

	ask(fcinfo, &asked);
	if (!answer(&asked, &entry))
		PG_RETURN_INT64(0);

	do
	{
		/* mostly all that follows counts, too: it need not be looked at */
		if (entry.at >= asked.range->sure_first &&
			asked.reader.last <= asked.range->sure_last)
			PG_RETURN_INT64(count + asked.reader.head.nentries - asked.reader.next + 1);
		count++;
	} while (answer(&asked, &entry));
	PG_RETURN_INT64(count);
}

/* (series, window, timezone, now): the number of different values */
Datum
segment_series_distinct(PG_FUNCTION_ARGS)
{
	Asked		asked;
	const ValueOrder *order;
	TimedValue *values;
	int			nvalues;

	ask(fcinfo, &asked);
	values = values_sorted(fcinfo, &asked, &nvalues);
	if (nvalues == 0)
		PG_RETURN_INT64(0);
	order = order_of_call(fcinfo, asked.reader.head.type);
	PG_RETURN_INT64(values_distinct(order, values, nvalues));
}

/* The arguments series, window, timezone, now. */
static void
ask(FunctionCallInfo fcinfo, Asked *asked)
{
	static const FilterWindowRange all = {
		PG_INT64_MIN, PG_INT64_MIN, PG_INT64_MAX, PG_INT64_MAX
	};

	asked->empty = PG_ARGISNULL(0);
	asked->window = filter_window_argument(fcinfo, 1, &kept_of_call(fcinfo)->window);
	asked->range = &all;
	if (asked->window != NULL && !PG_ARGISNULL(3))
	{
		asked->now = PG_GETARG_TIMESTAMPTZ(3);
		asked->range = filter_window_range(asked->window, asked->now);
	}
	if (!asked->empty)
		series_begin(&asked->reader, PG_GETARG_DATUM(0));
}

static Kept *
kept_of_call(FunctionCallInfo fcinfo)
{
	FmgrInfo   *function = fcinfo->flinfo;

	if (function->fn_extra == NULL)
		function->fn_extra = MemoryContextAllocZero(function->fn_mcxt,
													sizeof(Kept));
	return function->fn_extra;
}

/* The order of the values, for the collation with which it was called. */
static const ValueOrder *
order_of_call(FunctionCallInfo fcinfo, TypeCacheEntry *type)
{
	Kept	   *kept = kept_of_call(fcinfo);

	if (kept->order.type != type)
		kept->order = value_order(type, PG_GET_COLLATION());
	return &kept->order;
}

/* The next event that counts, false if there are no more. */
static bool
answer(Asked *asked, SeriesEntry *entry)
{
	if (asked->empty)
		return false;
	while (series_next(&asked->reader, entry))
	{
		if (entry->at > asked->range->last)
			return false;
		if (counts(asked, entry->at))
			return true;
	}
	return false;
}

static inline bool
counts(const Asked *asked, TimestampTz at)
{
	if (at >= asked->range->sure_first && at <= asked->range->sure_last)
		return true;
	return at >= asked->range->first && at <= asked->range->last &&
		filter_window_counts(asked->window, at, asked->now);
}

/*
 * What the series comes to, less what has left the window: mostly that is little or
 * nothing.  False if it cannot be said so.
 */
static bool
total_of_range(const Asked *asked, RangeTotal *total)
{
	const SeriesTotal *all = &asked->reader.head.total;
	SeriesReader reader;
	SeriesEntry entry;

	if (asked->empty || !all->known)
		return false;
	reader = asked->reader;
	*total = (RangeTotal) {
		.sum = all->sum,
		.least_known = true,
		.most_known = true,
	};
	while (series_next(&reader, &entry))
	{
		if (reader.last > asked->range->sure_last)
			return false;
		if (entry.at >= asked->range->sure_first)
		{
			total->any = true;
			break;
		}
		if (counts(asked, entry.at))
		{
			total->any = true;
			continue;
		}
		if (reader.kind == SERIES_NUMERIC && reader.scale != all->scale)
			packed_corrupted(&reader.bytes, "Its values do not come to what it says.");
		if (pg_sub_s64_overflow(total->sum, reader.number, &total->sum))
			return false;
		total->least_known &= reader.number > all->least;
		total->most_known &= reader.number < all->most;
	}
	return true;
}

/* sums ------------------------------------------------------------------------ */

/* (series, window, timezone, now): of whole and numeric values */
Datum
segment_series_sum(PG_FUNCTION_ARGS)
{
	return sum_exact(fcinfo, false);
}

/* the same of their squares, for stddev */
Datum
segment_series_squares(PG_FUNCTION_ARGS)
{
	return sum_exact(fcinfo, true);
}

/* (series, window, timezone, now): of floating-point values */
Datum
segment_series_sum_float(PG_FUNCTION_ARGS)
{
	return sum_inexact(fcinfo, false);
}

Datum
segment_series_squares_float(PG_FUNCTION_ARGS)
{
	return sum_inexact(fcinfo, true);
}

static Datum
sum_exact(FunctionCallInfo fcinfo, bool squares)
{
	Asked		asked;
	RangeTotal	total;
	ExactTotal	sum = {0};
	Numeric		result;

	ask(fcinfo, &asked);
	if (!asked.empty && asked.reader.kind != SERIES_WHOLE &&
		asked.reader.kind != SERIES_NUMERIC)
		refuse_sum(&asked);
	if (squares || !total_of_range(&asked, &total))
	{
		if (!sum_each(&asked, squares, &sum))
			PG_RETURN_NULL();
	}
	else if (total.any && asked.reader.kind == SERIES_WHOLE)
		sum.whole = total.sum;
	else if (total.any)
	{
		sum.fixed = total.sum;
		sum.scale = asked.reader.head.total.scale;
		sum.any_fixed = true;
	}

	if (!total_of_numerics(&sum, &result))
		PG_RETURN_NULL();
	PG_RETURN_NUMERIC(result);
}

/* One after the other.  False if the square of one is too large. */
static bool
sum_each(Asked *asked, bool squares, ExactTotal *sum)
{
	SeriesEntry entry;

	while (answer(asked, &entry))
	{
		Numeric		value;
		Numeric		square;
		bool		error = false;

		if (asked->reader.kind == SERIES_WHOLE)
		{
			int64		whole = asked->reader.number;

			if (!(squares && pg_mul_s64_overflow(whole, whole, &whole)) &&
				total_add_signed(&sum->whole, whole, 1))
				continue;
			value = int64_to_numeric(asked->reader.number);
		}
		else
		{
			if (!squares && asked->reader.scale >= 0 &&
				total_add_signed(&sum->fixed, asked->reader.number, 1))
			{
				sum->scale = Max(sum->scale, asked->reader.scale);
				sum->any_fixed = true;
				continue;
			}
			value = DatumGetNumeric(series_value(asked->reader.head.type, &entry));
		}

		CHECK_FOR_INTERRUPTS();
		if (squares)
		{
			square = numeric_mul_opt_error(value, value, &error);
			if (error)
				return false;
			pfree(value);
			value = square;
		}
		total_add_numeric(sum, NumericGetDatum(value), 1, CurrentMemoryContext);
		pfree(value);
	}
	return true;
}

static Datum
sum_inexact(FunctionCallInfo fcinfo, bool squares)
{
	Asked		asked;
	SeriesEntry entry;
	FloatTotal	total = {0};
	float8		sum;

	ask(fcinfo, &asked);
	if (!asked.empty &&
		(asked.reader.head.type == NULL ||
		 (asked.reader.head.type->type_id != FLOAT4OID &&
		  asked.reader.head.type->type_id != FLOAT8OID)))
		refuse_sum(&asked);

	while (answer(&asked, &entry))
	{
		Datum		datum = series_value(asked.reader.head.type, &entry);
		float8		value = asked.reader.head.type->type_id == FLOAT4OID ?
			(float8) DatumGetFloat4(datum) : DatumGetFloat8(datum);

		if (squares && !float_square(value, &value))
			PG_RETURN_NULL();
		total_add_float(&total, value);
	}
	if (!total_of_floats(&total, &sum))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(sum);
}

/* False if it is too large, or too small to be told from zero. */
static bool
float_square(float8 value, float8 *square)
{
	bool		finite = !isinf(value);
	bool		is_zero = value == 0;

	*square = value * value;
	return (!isinf(*square) || !finite) && (*square != 0 || is_zero);
}

static void
refuse_sum(const Asked *asked)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 asked->reader.head.type == NULL ?
			 errmsg("series has no values to add up") :
			 errmsg("series is of values of type %s, which this function does not add up",
					format_type_be(asked->reader.head.type->type_id)),
			 errhint("Whole and numeric values are summed by series_sum, floating-point ones by series_sum_float.")));
}

/* one of the values ----------------------------------------------------------- */

/* (series, window, timezone, now, type) */
Datum
segment_series_min(PG_FUNCTION_ARGS)
{
	return extreme(fcinfo, -1);
}

Datum
segment_series_max(PG_FUNCTION_ARGS)
{
	return extreme(fcinfo, 1);
}

Datum
segment_series_first(PG_FUNCTION_ARGS)
{
	return edge(fcinfo, false);
}

Datum
segment_series_last(PG_FUNCTION_ARGS)
{
	return edge(fcinfo, true);
}

/*
 * The arguments series, window, timezone, now, and one that says of which type the
 * values are, which a domain may be over.  Returns the latter.
 */
static Oid
ask_values(FunctionCallInfo fcinfo, Asked *asked)
{
	Oid			type = get_fn_expr_argtype(fcinfo->flinfo, 4);
	TypeCacheEntry *entry;

	if (!OidIsValid(type))
		elog(ERROR, "could not determine the type of a series' values");
	ask(fcinfo, asked);
	entry = asked->empty ? NULL : asked->reader.head.type;
	if (!asked->empty && entry == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("series has no values, but times alone")));
	if (entry != NULL && entry->type_id != type &&
		entry->type_id != getBaseType(type))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("series is of values of type %s, not %s",
						format_type_be(entry->type_id), format_type_be(type))));
	return type;
}

/* Of equal values the one that looks smaller, in either direction. */
static int
extreme_better(const ValueOrder *order, Datum value, Datum than, int direction)
{
	int			compared = value_compare(order, value, than) * direction;

	return compared != 0 || order->alike ? compared :
		-looks_compare(order->type->type_id, value, than);
}

static Datum
extreme(FunctionCallInfo fcinfo, int direction)
{
	Asked		asked;
	SeriesEntry entry;
	SeriesEntry best;
	int64		number = 0;
	int			scale = 0;
	bool		plain = true;	/* have all so far been numbers? */
	bool		found = false;
	RangeTotal	total;

	(void) ask_values(fcinfo, &asked);
	if (total_of_range(&asked, &total))
	{
		const SeriesTotal *all = &asked.reader.head.total;

		if (!total.any)
			PG_RETURN_NULL();
		if (direction > 0 ? total.most_known : total.least_known)
			PG_RETURN_DATUM(series_number(asked.reader.head.type,
										  direction > 0 ? all->most : all->least,
										  all->scale));
	}
	while (answer(&asked, &entry))
	{
		TypeCacheEntry *type = asked.reader.head.type;
		int			better = 1;

		plain &= asked.reader.kind == SERIES_WHOLE ||
			(asked.reader.kind == SERIES_NUMERIC && asked.reader.scale >= 0);
		if (found && plain && asked.reader.number != number)
			better = asked.reader.number > number ? direction : -direction;
		else if (found && plain && asked.reader.kind == SERIES_NUMERIC)
			better = scale - asked.reader.scale;	/* 1.5, not 1.50 */
		else if (found && plain)
			better = 0;
		else if (found)
			better = extreme_better(order_of_call(fcinfo, type),
									series_value(type, &entry),
									series_value(type, &best), direction);
		if (better <= 0)
			continue;
		best = entry;
		number = asked.reader.number;
		scale = asked.reader.scale;
		found = true;
	}
	if (!found)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(series_value(asked.reader.head.type, &best));
}

/* Of several at the same instant the smallest. */
static Datum
edge(FunctionCallInfo fcinfo, bool last)
{
	Asked		asked;
	SeriesEntry entry;
	SeriesEntry best = {0};
	TypeCacheEntry *type;
	bool		found = false;

	(void) ask_values(fcinfo, &asked);
	while (answer(&asked, &entry))
	{
		type = asked.reader.head.type;
		if (found && entry.at > best.at && !last)
			break;
		if (!found || entry.at > best.at ||
			value_compare_looks(order_of_call(fcinfo, type),
								series_value(type, &entry),
								series_value(type, &best)) < 0)
			best = entry;
		found = true;
	}
	if (!found)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(series_value(asked.reader.head.type, &best));
}

/* all of the values ------------------------------------------------------------ */

/* (series, window, timezone, now, type): each value once, smallest first */
Datum
segment_series_values(PG_FUNCTION_ARGS)
{
	Asked		asked;
	Oid			type = ask_values(fcinfo, &asked);
	TypeCacheEntry *entry;
	TimedValue *values;
	Datum	   *elements;
	int			nvalues;

	values = values_sorted(fcinfo, &asked, &nvalues);
	if (nvalues == 0)
		PG_RETURN_ARRAYTYPE_P(construct_empty_array(type));

	entry = asked.reader.head.type;
	nvalues = values_distinct(order_of_call(fcinfo, entry), values,
							  nvalues);
	elements = MemoryContextAllocHuge(CurrentMemoryContext,
									  nvalues * sizeof(Datum));
	for (int i = 0; i < nvalues; i++)
		elements[i] = values[i].value;
	PG_RETURN_ARRAYTYPE_P(construct_array(elements, nvalues, type,
										  entry->typlen, entry->typbyval,
										  entry->typalign));
}

/* (series, window, timezone, now, type): of a tie the most recent, then the smallest */
Datum
segment_series_most_frequent(PG_FUNCTION_ARGS)
{
	Asked		asked;
	const ValueOrder *order;
	TimedValue *values;
	int			nvalues;
	int			best = 0;
	int			best_count = 0;
	TimestampTz best_latest = 0;

	(void) ask_values(fcinfo, &asked);
	values = values_sorted(fcinfo, &asked, &nvalues);
	if (nvalues == 0)
		PG_RETURN_NULL();
	order = order_of_call(fcinfo, asked.reader.head.type);
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

static int
compare_timed(const void *a, const void *b, void *order)
{
	return value_compare_looks(order, ((const TimedValue *) a)->value,
							   ((const TimedValue *) b)->value);
}

/* Equal ones by how they look. */
static TimedValue *
values_sorted(FunctionCallInfo fcinfo, Asked *asked, int *nvalues)
{
	TypeCacheEntry *type;
	TimedValue *values;
	SeriesEntry entry;

	*nvalues = 0;
	if (asked->empty)
		return NULL;
	type = asked->reader.head.type;
	if (type == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("series has no values, but times alone")));

	values = MemoryContextAllocHuge(CurrentMemoryContext,
									asked->reader.head.nentries * sizeof(TimedValue));
	while (answer(asked, &entry))
	{
		CHECK_FOR_INTERRUPTS();

		values[*nvalues].value = series_value(type, &entry);
		values[*nvalues].at = entry.at;
		(*nvalues)++;
	}
	qsort_arg(values, *nvalues, sizeof(TimedValue), compare_timed,
			  unconstify(ValueOrder *, order_of_call(fcinfo, type)));
	return values;
}

/*
 * Keep one of the sorted values that are equal, and return how many these are.
 */
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
