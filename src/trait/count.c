/*-------------------------------------------------------------------------
 *
 * count.c
 *	  How many rows, or how many of them with a value: count.
 *
 *		count(orders)			every order
 *		count(orders.coupon)	those with a coupon
 *
 *		state: bigint, 0 before the first order.  An order that goes is
 *		subtracted, so that the source never needs to be read again.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/int.h"

#include "trait/aggregate.h"

typedef struct CountDelta
{
	int64		rows;			/* came, less went */
} CountDelta;

static int	count_columns(const Aggregate *self, const AggregateInput *input,
						  AggregateColumn *columns);
static void count_accumulate(const Aggregate *self,
							 const AggregateInput *input, void *delta,
							 const AggregateRow *row, MemoryContext memory);
static AggregateResult count_apply(const Aggregate *self,
								   const AggregateInput *input,
								   const void *delta, const TimeRange *kept,
								   Datum *state, bool *isnull);
static void count_sql(const Aggregate *self, const AggregateInput *input,
					  const AggregateSql *pieces, int column, StringInfo out);

const Aggregate aggregate_count = {
	.name = "count",
	.columns = count_columns,
	.delta_size = sizeof(CountDelta),
	.accumulate = count_accumulate,
	.apply = count_apply,
	.sql = count_sql,
};

/* The state is a bigint, whatever the input. */
static int
count_columns(const Aggregate *self, const AggregateInput *input,
			  AggregateColumn *columns)
{
	columns[0] = (AggregateColumn) {
		.suffix = "",
		.type = INT8OID,
		.initial = "0",
	};
	return 1;
}

static void
count_accumulate(const Aggregate *self, const AggregateInput *input,
				 void *delta, const AggregateRow *row, MemoryContext memory)
{
	CountDelta *count = delta;

	if (!row->isnull || !OidIsValid(input->type))
		count->rows += row->sign;
}

/* Add the rows that came, less those that went. */
static AggregateResult
count_apply(const Aggregate *self, const AggregateInput *input,
			const void *delta, const TimeRange *kept, Datum *state,
			bool *isnull)
{
	const CountDelta *count = delta;
	int64		rows;

	if (count->rows == 0)
		return AGGREGATE_UNCHANGED;

	/* the state cannot be right: read the source again */
	if (isnull[0] ||
		pg_add_s64_overflow(DatumGetInt64(state[0]), count->rows, &rows) ||
		rows < 0)
		return AGGREGATE_RECOMPUTE;

	state[0] = Int64GetDatum(rows);
	return AGGREGATE_CHANGED;
}

static void
count_sql(const Aggregate *self, const AggregateInput *input,
		  const AggregateSql *pieces, int column, StringInfo out)
{
	appendStringInfo(out, "pg_catalog.count(%s)%s",
					 pieces->value ? pieces->value : "*", pieces->filter);
}
