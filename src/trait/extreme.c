/*-------------------------------------------------------------------------
 *
 * extreme.c
 *	  The smallest and the largest value: min, max.
 *
 *		max(orders.amount)		state: numeric, NULL before the first order
 *
 * Missing values are ignored.  Of equal values the one counts that looks
 * smallest, for both, so that it does not matter which came first: of 1.5 and
 * 1.50 it is 1.5.  best.c decides, and explains, what a row that goes does to
 * the state.  Values may be of any type with a btree order, and the SQL form
 * uses the same order: pg_catalog.max() exists for some types only.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/base.h"
#include "trait/best.h"

static int	extreme_columns(const Aggregate *self, const AggregateInput *input,
							AggregateColumn *columns);
static void extreme_accumulate(const Aggregate *self,
							   const AggregateInput *input, void *delta,
							   const AggregateRow *row, MemoryContext memory);
static AggregateResult extreme_apply(const Aggregate *self,
									 const AggregateInput *input,
									 const void *delta, const TimeRange *kept,
									 Datum *state, bool *isnull);
static void extreme_sql(const Aggregate *self, const AggregateInput *input,
						const AggregateSql *pieces, int column,
						StringInfo out);
static Datum extreme_of_two(FunctionCallInfo fcinfo, bool larger);

const Aggregate aggregate_min = {
	.name = "min",
	.is_value = true,
	.order = BEST_SMALLEST,
	.columns = extreme_columns,
	.delta_size = sizeof(BestDelta),
	.accumulate = extreme_accumulate,
	.apply = extreme_apply,
	.sql = extreme_sql,
};

const Aggregate aggregate_max = {
	.name = "max",
	.is_value = true,
	.order = BEST_LARGEST,
	.columns = extreme_columns,
	.delta_size = sizeof(BestDelta),
	.accumulate = extreme_accumulate,
	.apply = extreme_apply,
	.sql = extreme_sql,
};

SEGMENT_FUNCTION(segment_smaller);
SEGMENT_FUNCTION(segment_larger);

/* The state is the smallest or largest value itself; it needs an order. */
static int
extreme_columns(const Aggregate *self, const AggregateInput *input,
				AggregateColumn *columns)
{
	input_check(input, self->name, true);

	columns[0] = (AggregateColumn) {
		.suffix = "",
		.type = input->type,
		.collation = input->collation,
	};
	return 1;
}

/* Note a row that has a value, if that is the best so far. */
static void
extreme_accumulate(const Aggregate *self, const AggregateInput *input,
				   void *delta, const AggregateRow *row, MemoryContext memory)
{
	BestDelta  *best = delta;

	if (!row->isnull)
		best_note(input, self->order,
				  row->sign > 0 ? &best->came : &best->went,
				  row->value, 0, memory);
}

/* Take the best value that came, if best.c says so. */
static AggregateResult
extreme_apply(const Aggregate *self, const AggregateInput *input,
			  const void *delta, const TimeRange *kept,
			  Datum *state, bool *isnull)
{
	const BestDelta *best = delta;
	BestRow		current = {.value = state[0], .times = 1};

	switch (best_decide(input, self->order, isnull[0] ? NULL : &current, best))
	{
		case BEST_STAYS:
			return AGGREGATE_UNCHANGED;
		case BEST_ADDED:
			state[0] = input_copy(input, best->came.value,
								  CurrentMemoryContext);
			isnull[0] = false;
			return AGGREGATE_CHANGED;
		case BEST_UNKNOWN:
			break;
	}
	return AGGREGATE_RECOMPUTE;
}

static void
extreme_sql(const Aggregate *self, const AggregateInput *input,
			const AggregateSql *pieces, int column, StringInfo out)
{
	appendStringInfo(out, "%s.%s_agg(%s)%s", SEGMENT_SCHEMA, self->name,
					 pieces->value, pieces->filter);
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

/*
 * The smaller or larger of two arguments; of equal ones the one that looks
 * smaller.
 */
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
		order = MemoryContextAlloc(fcinfo->flinfo->fn_mcxt,
								   sizeof(ValueOrder));
		*order = type_order(type, PG_GET_COLLATION());
		fcinfo->flinfo->fn_extra = order;
	}

	difference = value_compare(order, a, b);
	if (difference != 0)
		PG_RETURN_DATUM((difference > 0) == larger ? a : b);
	if (order->alike)
		PG_RETURN_DATUM(a);
	PG_RETURN_DATUM(looks_compare(order->type->type_id, a, b) <= 0 ? a : b);
}
