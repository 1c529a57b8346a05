/*-------------------------------------------------------------------------
 *
 * edge.c
 *	  The value of the earliest and of the latest event: first, last.
 *
 *		last(orders.store)		state: store text, store_at timestamptz
 *
 *		09:00 Aarhus			('Aarhus', 09:00)
 *		11:00 Odense			('Odense', 11:00)
 *		10:00 Aarhus (late)		('Odense', 11:00): event time decides
 *
 * Of events at the same instant the smallest value counts, for both, and of
 * equal values the one that looks smallest, so that the result depends on
 * nothing but the rows.  Missing values and events without a time are ignored.
 * best.c decides, and explains, what a row that goes does to the state.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/typcache.h"

#include "base/base.h"
#include "trait/best.h"

static int	edge_columns(const Aggregate *self, const AggregateInput *input,
						 AggregateColumn *columns);
static void edge_accumulate(const Aggregate *self, const AggregateInput *input,
							void *delta, const AggregateRow *row,
							MemoryContext memory);
static AggregateResult edge_apply(const Aggregate *self,
								  const AggregateInput *input,
								  const void *delta, const TimeRange *kept,
								  Datum *state, bool *isnull);
static void edge_sql(const Aggregate *self, const AggregateInput *input,
					 const AggregateSql *pieces, int column, StringInfo out);
static Datum edge_step(FunctionCallInfo fcinfo, BestOrder order);
static AggregateInput *step_input(FunctionCallInfo fcinfo);

const Aggregate aggregate_first = {
	.name = "first",
	.is_value = true,
	.order = BEST_EARLIEST,
	.columns = edge_columns,
	.delta_size = sizeof(BestDelta),
	.accumulate = edge_accumulate,
	.apply = edge_apply,
	.sql = edge_sql,
};

const Aggregate aggregate_last = {
	.name = "last",
	.is_value = true,
	.order = BEST_LATEST,
	.columns = edge_columns,
	.delta_size = sizeof(BestDelta),
	.accumulate = edge_accumulate,
	.apply = edge_apply,
	.sql = edge_sql,
};

SEGMENT_FUNCTION(segment_first_step);
SEGMENT_FUNCTION(segment_last_step);
SEGMENT_FUNCTION(segment_edge_value);

/* The value, and its time: s7, s7_at. */
static int
edge_columns(const Aggregate *self, const AggregateInput *input,
			 AggregateColumn *columns)
{
	input_check(input, self->name, true);

	columns[0] = (AggregateColumn) {
		.suffix = "",
		.type = input->type,
		.collation = input->collation,
	};
	columns[1] = (AggregateColumn) {
		.suffix = "_at",
		.type = TIMESTAMPTZOID,
	};
	return 2;
}

/* Note a row that has a value and a time, if it is the best so far. */
static void
edge_accumulate(const Aggregate *self, const AggregateInput *input,
				void *delta, const AggregateRow *row, MemoryContext memory)
{
	BestDelta  *best = delta;

	if (!row->isnull && row->has_at)
		best_note(input, self->order,
				  row->sign > 0 ? &best->came : &best->went,
				  row->value, row->at, memory);
}

/* Take the best row that came, if best.c says so. */
static AggregateResult
edge_apply(const Aggregate *self, const AggregateInput *input,
		   const void *delta, const TimeRange *kept,
		   Datum *state, bool *isnull)
{
	const BestDelta *best = delta;
	bool		missing = isnull[0] || isnull[1];
	BestRow		current = {
		.value = state[0],
		.at = missing ? 0 : DatumGetTimestampTz(state[1]),
		.times = 1,
	};

	switch (best_decide(input, self->order, missing ? NULL : &current, best))
	{
		case BEST_STAYS:
			return AGGREGATE_UNCHANGED;
		case BEST_ADDED:
			state[0] = input_copy(input, best->came.value,
								  CurrentMemoryContext);
			state[1] = TimestampTzGetDatum(best->came.at);
			isnull[0] = isnull[1] = false;
			return AGGREGATE_CHANGED;
		case BEST_UNKNOWN:
			break;
	}
	return AGGREGATE_RECOMPUTE;
}

/* SQL of the value (column 0), or of its time (column 1). */
static void
edge_sql(const Aggregate *self, const AggregateInput *input,
		 const AggregateSql *pieces, int column, StringInfo out)
{
	if (pieces->at == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s needs events, and the source has no event time",
						self->name),
				 errhint("Attach the source with its time column as at, or use min or max.")));

	if (column == 0)
		appendStringInfo(out, "%s.%s_agg(%s, %s)%s", SEGMENT_SCHEMA,
						 self->name, pieces->value, pieces->at,
						 pieces->filter);
	else

		/*
		 * Not IS NOT NULL, which is false for a row value with a missing
		 * field.
		 */
		appendStringInfo(out, "pg_catalog.%s(%s) FILTER (WHERE (%s) AND (%s) IS DISTINCT FROM NULL)",
						 self->order == BEST_EARLIEST ? "min" : "max",
						 pieces->at, pieces->condition, pieces->value);
}

/* One step of first_agg: (internal, anyelement, timestamptz) -> internal */
Datum
segment_first_step(PG_FUNCTION_ARGS)
{
	return edge_step(fcinfo, BEST_EARLIEST);
}

/* One step of last_agg: (internal, anyelement, timestamptz) -> internal */
Datum
segment_last_step(PG_FUNCTION_ARGS)
{
	return edge_step(fcinfo, BEST_LATEST);
}

/* Keep the row if it is the best one so far. */
static Datum
edge_step(FunctionCallInfo fcinfo, BestOrder order)
{
	AggregateInput *input = step_input(fcinfo);
	BestRow    *best = PG_ARGISNULL(0) ? NULL :
		(BestRow *) PG_GETARG_POINTER(0);
	MemoryContext memory;

	if (!AggCheckCallContext(fcinfo, &memory))
		elog(ERROR, "first_agg and last_agg are called as aggregates only");

	if (!PG_ARGISNULL(1) && !PG_ARGISNULL(2))
	{
		if (best == NULL)
			best = MemoryContextAllocZero(memory, sizeof(BestRow));
		best_note(input, order, best, PG_GETARG_DATUM(1),
				  PG_GETARG_TIMESTAMPTZ(2), memory);
	}

	if (best == NULL)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(best);
}

/* What is known of the values; kept in fn_extra. */
static AggregateInput *
step_input(FunctionCallInfo fcinfo)
{
	FmgrInfo   *function = fcinfo->flinfo;
	Oid			type;
	FmgrInfo   *compare;
	TypeCacheEntry *entry;
	AggregateInput *input;

	if (function->fn_extra != NULL)
		return function->fn_extra;
	type = get_fn_expr_argtype(function, 1);
	compare = type_compare(type);
	entry = lookup_type_cache(type, 0);
	input = MemoryContextAllocZero(function->fn_mcxt, sizeof(AggregateInput));
	input->type = type;
	input->typmod = -1;
	input->collation = PG_GET_COLLATION();
	input->typlen = entry->typlen;
	input->typbyval = entry->typbyval;
	input->compare = compare;
	input->alike = values_are_alike(type, input->collation);
	function->fn_extra = input;
	return input;
}

/* The end of both: (internal, anyelement, timestamptz) -> anyelement */
Datum
segment_edge_value(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	PG_RETURN_DATUM(((BestRow *) PG_GETARG_POINTER(0))->value);
}
