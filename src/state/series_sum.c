/*-------------------------------------------------------------------------
 *
 * series_sum.c
 *	  What is the sum of the events of a series that count in a window?
 *
 *		segment.series_sum(s7, 'in last 30 days', 'Europe/Copenhagen', now)
 *		segment.series_squares(...)		of x * x, for stddev
 *
 * The sum is made of the sums of blocks of a series, or of that of all its
 * events, which stand before them: so a question reads only events at the
 * edges of the window.  Where there is no such total, and for squares, each
 * event is read.  A sum that is too large is missing.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "common/int.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/numeric.h"

#include "base/base.h"
#include "state/series_ask.h"

static Datum sum_exact(FunctionCallInfo fcinfo, bool squares, bool settled);
static bool sum_each(SeriesQuestion *question, bool squares, ExactTotal *sum);
static Datum sum_inexact(FunctionCallInfo fcinfo, bool squares);
static bool float_square(float8 value, float8 *square);
pg_noreturn static void refuse_sum(const SeriesQuestion *question);

SEGMENT_FUNCTION(segment_series_sum);
SEGMENT_FUNCTION(segment_series_sum_settled);
SEGMENT_FUNCTION(segment_series_squares);
SEGMENT_FUNCTION(segment_series_sum_float);
SEGMENT_FUNCTION(segment_series_squares_float);

/* (series, window, timezone, now): of whole and numeric values */
Datum
segment_series_sum(PG_FUNCTION_ARGS)
{
	return sum_exact(fcinfo, false, false);
}

/*
 * (series, window, timezone, now, settled, until): the same, and the sum of
 * those that are settled, which are all before 'until'
 */
Datum
segment_series_sum_settled(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(4))
		PG_RETURN_NULL();
	return sum_exact(fcinfo, false, true);
}

/* the same of their squares, for stddev */
Datum
segment_series_squares(PG_FUNCTION_ARGS)
{
	return sum_exact(fcinfo, true, false);
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

/*
 * The sum of whole and numeric values, or of their squares; and of what is
 * settled, if that is the fifth argument.
 */
static Datum
sum_exact(FunctionCallInfo fcinfo, bool squares, bool settled)
{
	SeriesQuestion question;
	RangeTotal	total;
	ExactTotal	sum = {0};
	Numeric		result;
	MemoryContext caller = MemoryContextSwitchTo(series_scratch());
	bool		fits;

	series_ask(fcinfo, &question);
	if (!question.empty &&
		question.cursor.kind != SERIES_WHOLE &&
		question.cursor.kind != SERIES_NUMERIC)
		refuse_sum(&question);
	total.known = false;
	if (!squares)
		series_answer_total(&question, true, &total);
	fits = total.known || sum_each(&question, squares, &sum);
	if (total.known && total.count > 0 &&
		question.cursor.kind == SERIES_WHOLE)
		sum.whole = total.sum;
	else if (total.known && total.count > 0)
	{
		sum.fixed = total.sum;
		sum.scale = total.scale;
		sum.any_fixed = true;
	}
	if (settled)
		total_add_numeric(&sum, PG_GETARG_DATUM(4), 1, CurrentMemoryContext);

	MemoryContextSwitchTo(caller);
	if (!fits || !total_of_numerics(&sum, &result))
		PG_RETURN_NULL();
	PG_RETURN_NUMERIC(result);
}

/* Add up one value after the other; false if a square is too large. */
static bool
sum_each(SeriesQuestion *question, bool squares, ExactTotal *sum)
{
	const SeriesCursor *cursor = &question->cursor;

	while (series_answer(question))
	{
		Numeric		value;
		Numeric		square;
		bool		error = false;

		if (cursor->kind == SERIES_WHOLE)
		{
			int64		whole = cursor->event.number;

			if (!(squares && pg_mul_s64_overflow(whole, whole, &whole)) &&
				total_add_signed(&sum->whole, whole, 1))
				continue;
			value = int64_to_numeric(cursor->event.number);
		}
		else
		{
			if (!squares && cursor->event.scale >= 0 &&
				total_add_signed(&sum->fixed, cursor->event.number, 1))
			{
				sum->scale = Max(sum->scale, cursor->event.scale);
				sum->any_fixed = true;
				continue;
			}
			value = DatumGetNumeric(series_value(cursor->type,
												 &cursor->event.entry));
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
		total_add_numeric(sum, NumericGetDatum(value), 1,
						  CurrentMemoryContext);
		pfree(value);
	}
	return true;
}

/* The sum of floating-point values, or of their squares. */
static Datum
sum_inexact(FunctionCallInfo fcinfo, bool squares)
{
	SeriesQuestion question;
	const SeriesCursor *cursor = &question.cursor;
	FloatTotal	total = {0};
	float8		sum;

	series_ask(fcinfo, &question);
	if (!question.empty &&
		(cursor->type == NULL ||
		 (cursor->type->type_id != FLOAT4OID &&
		  cursor->type->type_id != FLOAT8OID)))
		refuse_sum(&question);

	while (series_answer(&question))
	{
		Datum		datum = series_value(cursor->type, &cursor->event.entry);
		float8		value = cursor->type->type_id == FLOAT4OID ?
			(float8) DatumGetFloat4(datum) : DatumGetFloat8(datum);

		if (squares && !float_square(value, &value))
			PG_RETURN_NULL();
		total_add_float(&total, value);
	}
	if (!total_of_floats(&total, &sum))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(sum);
}

/* Square a value; false if that is too large, or looks like zero. */
static bool
float_square(float8 value, float8 *square)
{
	bool		finite = !isinf(value);
	bool		is_zero = value == 0;

	*square = value * value;
	return (!isinf(*square) || !finite) && (*square != 0 || is_zero);
}

/* Refuse to sum the values of this series. */
static void
refuse_sum(const SeriesQuestion *question)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 question->cursor.type == NULL ?
			 errmsg("series has no values to add up") :
			 errmsg("series is of values of type %s, which this function does not add up",
					format_type_be(question->cursor.type->type_id)),
			 errhint("Whole and numeric values are summed by series_sum, floating-point ones by series_sum_float.")));
}
