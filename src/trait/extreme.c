/*-------------------------------------------------------------------------
 *
 * extreme.c
 *	  The smallest and the largest value: min, max.
 *
 *		max(orders.amount)		state: numeric, NULL before the first order
 *
 * Missing values are ignored.  Of equal values the one counts that looks
 * smallest, for both, so that it does not matter which came first: of 1.5 and
 * 1.50 it is 1.5.  What a row that goes does to the state is decided, and
 * explained, in best.c.  Any type with a btree order will do, and the SQL form
 * goes by the same order: pg_catalog.max() exists for some types only.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/lsyscache.h"

#include "base/base.h"
#include "trait/best.h"

static int	min_columns(const AggregateInput *input, AggregateColumn *columns);
static int	max_columns(const AggregateInput *input, AggregateColumn *columns);
static void min_accumulate(const AggregateInput *input, void *delta,
						   Datum value, bool isnull,
						   TimestampTz at, bool has_at, int sign,
						   MemoryContext memory);
static void max_accumulate(const AggregateInput *input, void *delta,
						   Datum value, bool isnull,
						   TimestampTz at, bool has_at, int sign,
						   MemoryContext memory);
static AggregateResult min_apply(const AggregateInput *input,
								 const void *delta,
								 const TimeRange *kept,
								 Datum *state, bool *isnull);
static AggregateResult max_apply(const AggregateInput *input,
								 const void *delta,
								 const TimeRange *kept,
								 Datum *state, bool *isnull);
static void min_sql(const AggregateInput *input, const AggregateSql *parts,
					int column, StringInfo out);
static void max_sql(const AggregateInput *input, const AggregateSql *parts,
					int column, StringInfo out);
static int	extreme_columns(const AggregateInput *input, const char *aggregate,
							AggregateColumn *columns);
static AggregateResult extreme_apply(const AggregateInput *input,
									 BestOrder order, const BestDelta *delta,
									 Datum *state, bool *isnull);
static Datum extreme_of_two(FunctionCallInfo fcinfo, bool larger);

const Aggregate aggregate_min = {
	.name = "min",
	.is_value = true,
	.columns = min_columns,
	.delta_size = sizeof(BestDelta),
	.accumulate = min_accumulate,
	.apply = min_apply,
	.sql = min_sql,
};

const Aggregate aggregate_max = {
	.name = "max",
	.is_value = true,
	.columns = max_columns,
	.delta_size = sizeof(BestDelta),
	.accumulate = max_accumulate,
	.apply = max_apply,
	.sql = max_sql,
};

SEGMENT_FUNCTION(segment_smaller);
SEGMENT_FUNCTION(segment_larger);

static int
min_columns(const AggregateInput *input, AggregateColumn *columns)
{
	return extreme_columns(input, "min", columns);
}

static int
max_columns(const AggregateInput *input, AggregateColumn *columns)
{
	return extreme_columns(input, "max", columns);
}

static void
min_accumulate(const AggregateInput *input, void *delta,
			   Datum value, bool isnull, TimestampTz at, bool has_at,
			   int sign, MemoryContext memory)
{
	BestDelta  *best = delta;

	if (!isnull)
		best_note(input, BEST_SMALLEST, sign > 0 ? &best->came : &best->went,
				  value, 0, memory);
}

static void
max_accumulate(const AggregateInput *input, void *delta,
			   Datum value, bool isnull, TimestampTz at, bool has_at,
			   int sign, MemoryContext memory)
{
	BestDelta  *best = delta;

	if (!isnull)
		best_note(input, BEST_LARGEST, sign > 0 ? &best->came : &best->went,
				  value, 0, memory);
}

static AggregateResult
min_apply(const AggregateInput *input, const void *delta,
		  const TimeRange *kept,
		  Datum *state, bool *isnull)
{
	return extreme_apply(input, BEST_SMALLEST, delta, state, isnull);
}

static AggregateResult
max_apply(const AggregateInput *input, const void *delta,
		  const TimeRange *kept,
		  Datum *state, bool *isnull)
{
	return extreme_apply(input, BEST_LARGEST, delta, state, isnull);
}

static void
min_sql(const AggregateInput *input, const AggregateSql *parts, int column,
		StringInfo out)
{
	appendStringInfo(out, "%s.min_agg(%s)%s",
					 SEGMENT_SCHEMA, parts->value, parts->filter);
}

static void
max_sql(const AggregateInput *input, const AggregateSql *parts, int column,
		StringInfo out)
{
	appendStringInfo(out, "%s.max_agg(%s)%s",
					 SEGMENT_SCHEMA, parts->value, parts->filter);
}

static int
extreme_columns(const AggregateInput *input, const char *aggregate,
				AggregateColumn *columns)
{
	input_check(input, aggregate, true);

	columns[0] = (AggregateColumn) {
		.suffix = "",
		.type = input->type,
		.collation = input->collation,
	};
	return 1;
}

static AggregateResult
extreme_apply(const AggregateInput *input, BestOrder order,
			  const BestDelta *delta, Datum *state, bool *isnull)
{
	BestRow		current = {.value = state[0], .times = 1};

	switch (best_decide(input, order, isnull[0] ? NULL : &current, delta))
	{
		case BEST_STAYS:
			return AGGREGATE_UNCHANGED;
		case BEST_ADDED:
			state[0] = input_copy(input, delta->came.value,
								  CurrentMemoryContext);
			isnull[0] = false;
			return AGGREGATE_CHANGED;
		case BEST_UNKNOWN:
			break;
	}
	return AGGREGATE_RECOMPUTE;
}

/* smaller(anyelement, anyelement): one step of min_agg */
Datum
segment_smaller(PG_FUNCTION_ARGS)
{
	return extreme_of_two(fcinfo, false);
}

/* larger(anyelement, anyelement): one step of max_agg */
Datum
segment_larger(PG_FUNCTION_ARGS)
{
	return extreme_of_two(fcinfo, true);
}

static Datum
extreme_of_two(FunctionCallInfo fcinfo, bool larger)
{
	ValueOrder *order = fcinfo->flinfo->fn_extra;
	Datum		a = PG_GETARG_DATUM(0);
	Datum		b = PG_GETARG_DATUM(1);
	int			difference;

	if (order == NULL)
	{
		Oid			type = get_fn_expr_argtype(fcinfo->flinfo, 0);

		(void) type_compare(type);
		order = MemoryContextAlloc(fcinfo->flinfo->fn_mcxt, sizeof(ValueOrder));
		*order = value_order(lookup_type_cache(getBaseType(type),
											   TYPECACHE_CMP_PROC_FINFO),
							 PG_GET_COLLATION());
		fcinfo->flinfo->fn_extra = order;
	}

	difference = value_compare(order, a, b);
	if (difference != 0)
		PG_RETURN_DATUM((difference > 0) == larger ? a : b);
	if (order->alike)
		PG_RETURN_DATUM(a);
	PG_RETURN_DATUM(looks_compare(order->type->type_id, a, b) <= 0 ? a : b);
}
