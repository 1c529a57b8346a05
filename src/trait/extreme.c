/*-------------------------------------------------------------------------
 *
 * extreme.c
 *	  The smallest and the largest value: min, max.
 *
 *		max(orders.amount)		state: numeric, NULL before the first order
 *
 * Missing values are ignored.  What a row that goes does to the state is
 * decided, and explained, in best.c.  Any type with a btree order will do,
 * and the SQL form goes by the same order: pg_catalog.max() exists for some
 * types only.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

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
	.columns = min_columns,
	.delta_size = sizeof(BestDelta),
	.accumulate = min_accumulate,
	.apply = min_apply,
	.sql = min_sql,
};

const Aggregate aggregate_max = {
	.name = "max",
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
		.typmod = input->typmod,
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
	FmgrInfo   *compare = fcinfo->flinfo->fn_extra;
	int			difference;

	if (compare == NULL)
	{
		compare = type_compare(get_fn_expr_argtype(fcinfo->flinfo, 0));
		fcinfo->flinfo->fn_extra = compare;
	}

	/* the first of equals, so that the answer does not depend on the step */
	difference = DatumGetInt32(FunctionCall2Coll(compare, PG_GET_COLLATION(),
												 PG_GETARG_DATUM(0),
												 PG_GETARG_DATUM(1)));
	if (difference == 0 || (difference > 0) == larger)
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	PG_RETURN_DATUM(PG_GETARG_DATUM(1));
}
