/*-------------------------------------------------------------------------
 *
 * series_settle.c
 *	  What do events come to that need not be told apart any more?
 *
 *		sum(entries.points so far)		settled 500 before 9 May 12:00, and
 *										{600 @ 9 May 15:00, -600 @ 2028-01-01}
 *
 * An event never stops counting "so far".  So those of which each question
 * knows that they are due are not kept one by one, but in one number; what
 * stands in the series from an instant on is what may still come due, or has
 * just done so (trait/so_far.c).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "state/series_ask.h"

static void add_known(const SeriesQuestion *question, const RangeTotal *total,
					  ExactTotal *sum, MemoryContext memory);

int64
series_total_between(const Datum *columns, const bool *isnull,
					 const TimeRange *range, ExactTotal *sum,
					 MemoryContext memory)
{
	const WindowRange between = {
		range->from, range->from, range->to, range->to
	};
	SeriesQuestion question = {.range = &between};
	RangeTotal	total;

	series_cursor_none(&question.cursor);
	for (int i = 0; i < STATE_COLUMNS; i++)
		if (!isnull[i])
			series_cursor_add(&question.cursor, columns[i]);
	question.empty = question.cursor.nparts == 0;
	if (question.empty || range->from > range->to)
		return 0;
	series_cursor_seek(&question.cursor, range->from);
	series_answer_total(&question, sum != NULL, &total);
	if (sum == NULL || total.count == 0)
		return total.count;
	if (total.known)
		add_known(&question, &total, sum, memory);
	else
		while (series_answer(&question))
			series_add_value(question.cursor.type,
							 &question.cursor.event.entry, 1, sum, memory);
	return total.count;
}

/* add_known() adds a total of the events of a question to a sum. */
static void
add_known(const SeriesQuestion *question, const RangeTotal *total,
		  ExactTotal *sum, MemoryContext memory)
{
	ExactTotal	part = {
		.fixed = total->sum,
		.scale = total->scale,
		.any_fixed = true,
	};
	Numeric		numeric;

	if (question->cursor.kind == SERIES_WHOLE)
		total_add_whole(sum, total->sum, 1, memory);
	else if (total_of_numerics(&part, &numeric))
		total_add_numeric(sum, NumericGetDatum(numeric), 1, memory);
}

void
series_add_value(TypeCacheEntry *type, const SeriesEntry *entry, int64 times,
				 ExactTotal *sum, MemoryContext memory)
{
	Datum		value = series_value(type, entry);
	int			sign = times < 0 ? -1 : 1;

	for (int64 i = 0; i != times; i += sign)
		switch (type->type_id)
		{
			case INT2OID:
				total_add_whole(sum, DatumGetInt16(value), sign, memory);
				break;
			case INT4OID:
				total_add_whole(sum, DatumGetInt32(value), sign, memory);
				break;
			case INT8OID:
				total_add_whole(sum, DatumGetInt64(value), sign, memory);
				break;
			default:
				total_add_numeric(sum, value, sign, memory);
				break;
		}
}
