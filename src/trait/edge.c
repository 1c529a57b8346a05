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
 * equal values the one that looks smallest, so the answer depends on nothing
 * but the rows.  Missing values and events without a time are ignored.  What a
 * row that goes does to the state is decided, and explained, in best.c.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "utils/lsyscache.h"

#include "base/base.h"
#include "trait/best.h"

static int	first_columns(const AggregateInput *input,
						  AggregateColumn *columns);
static int	last_columns(const AggregateInput *input,
						 AggregateColumn *columns);
static void first_accumulate(const AggregateInput *input, void *delta,
							 Datum value, bool isnull,
							 TimestampTz at, bool has_at, int sign,
							 MemoryContext memory);
static void last_accumulate(const AggregateInput *input, void *delta,
							Datum value, bool isnull,
							TimestampTz at, bool has_at, int sign,
							MemoryContext memory);
static AggregateResult first_apply(const AggregateInput *input,
								   const void *delta,
								   const TimeRange *kept,
								   Datum *state, bool *isnull);
static AggregateResult last_apply(const AggregateInput *input,
								  const void *delta,
								  const TimeRange *kept,
								  Datum *state, bool *isnull);
static void first_sql(const AggregateInput *input, const AggregateSql *parts,
					  int column, StringInfo out);
static void last_sql(const AggregateInput *input, const AggregateSql *parts,
					 int column, StringInfo out);
static int	edge_columns(const AggregateInput *input, const char *aggregate,
						 AggregateColumn *columns);
static AggregateResult edge_apply(const AggregateInput *input, BestOrder order,
								  const BestDelta *delta,
								  Datum *state, bool *isnull);
static void edge_sql(const AggregateSql *parts, const char *aggregate,
					 const char *time_aggregate, int column, StringInfo out);
static Datum edge_step(FunctionCallInfo fcinfo, BestOrder order);

const Aggregate aggregate_first = {
	.name = "first",
	.is_value = true,
	.columns = first_columns,
	.delta_size = sizeof(BestDelta),
	.accumulate = first_accumulate,
	.apply = first_apply,
	.sql = first_sql,
};

const Aggregate aggregate_last = {
	.name = "last",
	.is_value = true,
	.columns = last_columns,
	.delta_size = sizeof(BestDelta),
	.accumulate = last_accumulate,
	.apply = last_apply,
	.sql = last_sql,
};

SEGMENT_FUNCTION(segment_first_step);
SEGMENT_FUNCTION(segment_last_step);
SEGMENT_FUNCTION(segment_edge_value);

static int
first_columns(const AggregateInput *input, AggregateColumn *columns)
{
	return edge_columns(input, "first", columns);
}

static int
last_columns(const AggregateInput *input, AggregateColumn *columns)
{
	return edge_columns(input, "last", columns);
}

static void
first_accumulate(const AggregateInput *input, void *delta,
				 Datum value, bool isnull, TimestampTz at, bool has_at,
				 int sign, MemoryContext memory)
{
	BestDelta  *best = delta;

	if (!isnull && has_at)
		best_note(input, BEST_EARLIEST, sign > 0 ? &best->came : &best->went,
				  value, at, memory);
}

static void
last_accumulate(const AggregateInput *input, void *delta,
				Datum value, bool isnull, TimestampTz at, bool has_at,
				int sign, MemoryContext memory)
{
	BestDelta  *best = delta;

	if (!isnull && has_at)
		best_note(input, BEST_LATEST, sign > 0 ? &best->came : &best->went,
				  value, at, memory);
}

static AggregateResult
first_apply(const AggregateInput *input, const void *delta,
			const TimeRange *kept,
			Datum *state, bool *isnull)
{
	return edge_apply(input, BEST_EARLIEST, delta, state, isnull);
}

static AggregateResult
last_apply(const AggregateInput *input, const void *delta,
		   const TimeRange *kept,
		   Datum *state, bool *isnull)
{
	return edge_apply(input, BEST_LATEST, delta, state, isnull);
}

static void
first_sql(const AggregateInput *input, const AggregateSql *parts, int column,
		  StringInfo out)
{
	edge_sql(parts, "first", "min", column, out);
}

static void
last_sql(const AggregateInput *input, const AggregateSql *parts, int column,
		 StringInfo out)
{
	edge_sql(parts, "last", "max", column, out);
}

static int
edge_columns(const AggregateInput *input, const char *aggregate,
			 AggregateColumn *columns)
{
	input_check(input, aggregate, true);

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

static AggregateResult
edge_apply(const AggregateInput *input, BestOrder order,
		   const BestDelta *delta, Datum *state, bool *isnull)
{
	bool		missing = isnull[0] || isnull[1];
	BestRow		current = {
		.value = state[0],
		.at = missing ? 0 : DatumGetTimestampTz(state[1]),
		.times = 1,
	};

	switch (best_decide(input, order, missing ? NULL : &current, delta))
	{
		case BEST_STAYS:
			return AGGREGATE_UNCHANGED;
		case BEST_ADDED:
			state[0] = input_copy(input, delta->came.value,
								  CurrentMemoryContext);
			state[1] = TimestampTzGetDatum(delta->came.at);
			isnull[0] = isnull[1] = false;
			return AGGREGATE_CHANGED;
		case BEST_UNKNOWN:
			break;
	}
	return AGGREGATE_RECOMPUTE;
}

static void
edge_sql(const AggregateSql *parts, const char *aggregate,
		 const char *time_aggregate, int column, StringInfo out)
{
	if (parts->at == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s needs events, and the source has no event time",
						aggregate),
				 errhint("Attach the source with its time column as at, or use min or max.")));

	if (column == 0)
		appendStringInfo(out, "%s.%s_agg(%s, %s)%s", SEGMENT_SCHEMA,
						 aggregate, parts->value, parts->at, parts->filter);
	else

		/*
		 * Not IS NOT NULL, which is false for a row value with a missing
		 * field.
		 */
		appendStringInfo(out, "pg_catalog.%s(%s) FILTER (WHERE (%s) AND (%s) IS DISTINCT FROM NULL)",
						 time_aggregate, parts->at, parts->condition,
						 parts->value);
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

static Datum
edge_step(FunctionCallInfo fcinfo, BestOrder order)
{
	AggregateInput *input = fcinfo->flinfo->fn_extra;
	BestRow    *best = PG_ARGISNULL(0) ? NULL : (BestRow *) PG_GETARG_POINTER(0);
	MemoryContext memory;

	if (!AggCheckCallContext(fcinfo, &memory))
		elog(ERROR, "first_agg and last_agg are called as aggregates only");

	if (input == NULL)
	{
		Oid			type = get_fn_expr_argtype(fcinfo->flinfo, 1);
		FmgrInfo   *compare = type_compare(type);
		TypeCacheEntry *entry = lookup_type_cache(type, 0);

		input = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt,
									   sizeof(AggregateInput));
		input->type = type;
		input->typmod = -1;
		input->collation = PG_GET_COLLATION();
		input->typlen = entry->typlen;
		input->typbyval = entry->typbyval;
		input->compare = compare;
		input->alike = value_order(lookup_type_cache(getBaseType(type),
													 TYPECACHE_CMP_PROC_FINFO),
								   input->collation).alike;
		fcinfo->flinfo->fn_extra = input;
	}

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

/* The end of both: (internal, anyelement, timestamptz) -> anyelement */
Datum
segment_edge_value(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	PG_RETURN_DATUM(((BestRow *) PG_GETARG_POINTER(0))->value);
}
