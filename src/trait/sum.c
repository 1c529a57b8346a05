/*-------------------------------------------------------------------------
 *
 * sum.c
 *	  All values added up: sum.
 *
 *		sum(orders.amount)		state: numeric, 0 before the first order
 *
 * Whole and numeric values are summed exactly, so that a value that goes is
 * subtracted and leaves the sum as if it had never been there (equal by value:
 * 1.50 - 1.50 is 0.00).  NaN and the infinities cannot be subtracted again: 5
 * + NaN - NaN is NaN.  When a value goes and one of them is in the sum or the
 * delta, the source is read again.
 *
 * A sum that is too large for a numeric, or a float8, is missing (NULL), until
 * the source is read again and says otherwise: see total.c.
 *
 * Floating-point values are summed as such, and then no subtraction is exact:
 *
 *		1e20 + 1 - 1e20 = 0, not 1
 *
 * When a value goes, the source is read again, unless the same value came back
 * in the same statement, as in an UPDATE of other columns.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"

#include "base/base.h"
#include "trait/aggregate.h"

/* so many values that went are remembered, in case they come back */
#define MOST_AWAITED	4

/* What a delta does to a sum of whole and numeric values. */
typedef struct ExactDelta
{
	ExactTotal	total;
	bool		retracted;		/* something went */
} ExactDelta;

/* What a delta does to a sum of floating-point values. */
typedef struct FloatDelta
{
	FloatTotal	came;			/* the sum of what came anew */
	float8		awaited[MOST_AWAITED];	/* went, and has not come back */
	int			nawaited;
	bool		lost;			/* more went than fit */
} FloatDelta;

typedef union SumDelta
{
	ExactDelta	exact;
	FloatDelta	inexact;
} SumDelta;

/* How values of a type are summed. */
typedef enum SumKind
{
	SUM_NONE,
	SUM_INT2,
	SUM_INT4,
	SUM_INT8,
	SUM_NUMERIC,
	SUM_FLOAT4,
	SUM_FLOAT8,
} SumKind;

static int	sum_columns(const Aggregate *self, const AggregateInput *input,
						AggregateColumn *columns);
static void sum_accumulate(const Aggregate *self, const AggregateInput *input,
						   void *delta, const AggregateRow *row,
						   MemoryContext memory);
static AggregateResult sum_apply(const Aggregate *self,
								 const AggregateInput *input,
								 const void *delta, const TimeRange *kept,
								 Datum *state, bool *isnull);
static void sum_sql(const Aggregate *self, const AggregateInput *input,
					const AggregateSql *pieces, int column, StringInfo out);
static inline SumKind sum_kind(Oid type);
static SumKind sum_kind_of_base(Oid type);
static MemoryContext sum_memory(FunctionCallInfo fcinfo);
static void sum_float(FloatDelta *sum, float8 value, int sign);
static AggregateResult sum_apply_float(const FloatDelta *sum, Datum *state,
									   const bool *isnull);
static inline bool numeric_is_special(Numeric value);

const Aggregate aggregate_sum = {
	.name = "sum",
	.columns = sum_columns,
	.delta_size = sizeof(SumDelta),
	.accumulate = sum_accumulate,
	.apply = sum_apply,
	.sql = sum_sql,
};

SEGMENT_FUNCTION(segment_sum_step_numeric);
SEGMENT_FUNCTION(segment_sum_result_numeric);
SEGMENT_FUNCTION(segment_sum_step_float8);
SEGMENT_FUNCTION(segment_sum_result_float8);

/* The state is the sum, numeric or float8. */
static int
sum_columns(const Aggregate *self, const AggregateInput *input,
			AggregateColumn *columns)
{
	columns[0] = (AggregateColumn) {
		.suffix = "",
		.type = sum_type(input),
		.initial = "0",
	};
	return 1;
}

Oid
sum_type(const AggregateInput *input)
{
	SumKind		kind = sum_kind(input->type);

	if (kind == SUM_NONE)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 OidIsValid(input->type) ?
				 errmsg("sum of a value of type %s is not possible",
						format_type_be(input->type)) :
				 errmsg("sum needs a value"),
				 errdetail("Whole numbers, numeric and floating-point numbers can be summed, which avg and stddev also do.")));
	return kind >= SUM_FLOAT4 ? FLOAT8OID : NUMERICOID;
}

/* Add a value, or subtract it. */
static void
sum_accumulate(const Aggregate *self, const AggregateInput *input, void *delta,
			   const AggregateRow *row, MemoryContext memory)
{
	SumKind		kind = sum_kind(input->type);
	Datum		value = row->value;
	int			sign = row->sign;
	ExactDelta *exact = &((SumDelta *) delta)->exact;
	FloatDelta *inexact = &((SumDelta *) delta)->inexact;

	if (row->isnull)
		return;

	if (kind < SUM_FLOAT4)
		exact->retracted |= sign < 0;
	switch (kind)
	{
		case SUM_INT2:
			total_add_whole(&exact->total, DatumGetInt16(value), sign, memory);
			break;
		case SUM_INT4:
			total_add_whole(&exact->total, DatumGetInt32(value), sign, memory);
			break;
		case SUM_INT8:
			total_add_whole(&exact->total, DatumGetInt64(value), sign, memory);
			break;
		case SUM_NUMERIC:
			total_add_numeric(&exact->total, value, sign, memory);
			break;
		case SUM_FLOAT4:
			sum_float(inexact, (float8) DatumGetFloat4(value), sign);
			break;
		case SUM_FLOAT8:
			sum_float(inexact, DatumGetFloat8(value), sign);
			break;
		case SUM_NONE:
			elog(ERROR, "sum of type %u", input->type);
	}
}

/* Add what came, less what went, if that can be done exactly. */
static AggregateResult
sum_apply(const Aggregate *self, const AggregateInput *input,
		  const void *delta, const TimeRange *kept, Datum *state, bool *isnull)
{
	const ExactDelta *sum = &((const SumDelta *) delta)->exact;
	const ExactTotal *total = &sum->total;
	Numeric		before;
	Numeric		came;
	Numeric		after;
	bool		error = false;

	if (sum_kind(input->type) >= SUM_FLOAT4)
		return sum_apply_float(&((const SumDelta *) delta)->inexact, state,
							   isnull);
	if (total->whole == 0 && total->fixed == 0 && total->rest == NULL)
		return AGGREGATE_UNCHANGED;

	/* the sum is missing where it was too large */
	if (isnull[0])
		return AGGREGATE_RECOMPUTE;
	before = DatumGetNumeric(state[0]);
	if (sum->retracted && (total->special || numeric_is_special(before)))
		return AGGREGATE_RECOMPUTE;
	if (!total_of_numerics(total, &came))
		return AGGREGATE_RECOMPUTE;
	after = numeric_add_opt_error(before, came, &error);
	if (error)
		return AGGREGATE_RECOMPUTE;

	if (DatumGetInt32(DirectFunctionCall2(numeric_cmp,
										  NumericGetDatum(before),
										  NumericGetDatum(after))) == 0)
		return AGGREGATE_UNCHANGED;
	state[0] = NumericGetDatum(after);
	return AGGREGATE_CHANGED;
}

/* SQL of the sum; 0 without rows, NULL where it is out of range. */
static void
sum_sql(const Aggregate *self, const AggregateInput *input,
		const AggregateSql *pieces, int column, StringInfo out)
{
	/* the server sums bigint as numeric, which always is large enough */
	switch (sum_kind(input->type))
	{
		case SUM_INT2:
		case SUM_INT4:
		case SUM_INT8:
			appendStringInfo(out, "COALESCE(pg_catalog.sum("
							 "(%s)::pg_catalog.int8)%s, 0)",
							 pieces->value, pieces->filter);
			break;
		case SUM_FLOAT4:
		case SUM_FLOAT8:
			appendStringInfo(out, "%s.sum_agg((%s)::pg_catalog.float8)%s",
							 SEGMENT_SCHEMA, pieces->value, pieces->filter);
			break;
		default:
			appendStringInfo(out, "%s.sum_agg((%s)::pg_catalog.numeric)%s",
							 SEGMENT_SCHEMA, pieces->value, pieces->filter);
			break;
	}
}

/* One step of sum_agg: (internal, numeric) -> internal */
Datum
segment_sum_step_numeric(PG_FUNCTION_ARGS)
{
	MemoryContext memory = sum_memory(fcinfo);
	ExactTotal *total = PG_ARGISNULL(0) ?
		MemoryContextAllocZero(memory, sizeof(ExactTotal)) :
		(ExactTotal *) PG_GETARG_POINTER(0);

	if (!PG_ARGISNULL(1))
		total_add_numeric(total, PG_GETARG_DATUM(1), 1, memory);
	PG_RETURN_POINTER(total);
}

/*
 * The end of it: (internal) -> numeric; 0 for no rows, NULL if it is too large
 */
Datum
segment_sum_result_numeric(PG_FUNCTION_ARGS)
{
	ExactTotal	none = {0};
	const ExactTotal *total = PG_ARGISNULL(0) ? &none :
		(const ExactTotal *) PG_GETARG_POINTER(0);
	Numeric		result;

	if (!total_of_numerics(total, &result))
		PG_RETURN_NULL();
	PG_RETURN_NUMERIC(result);
}

/* One step of sum_agg: (internal, float8) -> internal */
Datum
segment_sum_step_float8(PG_FUNCTION_ARGS)
{
	MemoryContext memory = sum_memory(fcinfo);
	FloatTotal *total = PG_ARGISNULL(0) ?
		MemoryContextAllocZero(memory, sizeof(FloatTotal)) :
		(FloatTotal *) PG_GETARG_POINTER(0);

	if (!PG_ARGISNULL(1))
		total_add_float(total, PG_GETARG_FLOAT8(1));
	PG_RETURN_POINTER(total);
}

/* The end of it: (internal) -> float8, as above */
Datum
segment_sum_result_float8(PG_FUNCTION_ARGS)
{
	FloatTotal	none = {0};
	const FloatTotal *total = PG_ARGISNULL(0) ? &none :
		(const FloatTotal *) PG_GETARG_POINTER(0);
	float8		result;

	if (!total_of_floats(total, &result))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(result);
}

static MemoryContext
sum_memory(FunctionCallInfo fcinfo)
{
	MemoryContext memory;

	if (!AggCheckCallContext(fcinfo, &memory))
		elog(ERROR, "sum_agg is called as an aggregate only");
	return memory;
}

/* How values of the type are summed. */
static inline SumKind
sum_kind(Oid type)
{
	switch (type)
	{
		case INT2OID:
			return SUM_INT2;
		case INT4OID:
			return SUM_INT4;
		case INT8OID:
			return SUM_INT8;
		case NUMERICOID:
			return SUM_NUMERIC;
		case FLOAT4OID:
			return SUM_FLOAT4;
		case FLOAT8OID:
			return SUM_FLOAT8;
		default:
			return sum_kind_of_base(type);
	}
}

/* The same for a domain: a function of its own, as it reads the catalog. */
static SumKind
sum_kind_of_base(Oid type)
{
	Oid			base = OidIsValid(type) ? getBaseType(type) : type;

	return base != type ? sum_kind(base) : SUM_NONE;
}

/* Note a floating-point value that came or went. */
static void
sum_float(FloatDelta *sum, float8 value, int sign)
{
	if (sign > 0)
	{
		/* compared by their bits: -0 is not 0 here, and NaN is NaN */
		for (int i = 0; i < sum->nawaited; i++)
		{
			if (memcmp(&sum->awaited[i], &value, sizeof(value)) == 0)
			{
				sum->awaited[i] = sum->awaited[--sum->nawaited];
				return;
			}
		}
		total_add_float(&sum->came, value);
	}
	else if (sum->nawaited < MOST_AWAITED)
		sum->awaited[sum->nawaited++] = value;
	else
		sum->lost = true;
}

/* Apply a delta of floating-point values. */
static AggregateResult
sum_apply_float(const FloatDelta *sum, Datum *state, const bool *isnull)
{
	FloatTotal	total = sum->came;
	float8		before;
	float8		after;

	if (sum->lost || sum->nawaited > 0)
		return AGGREGATE_RECOMPUTE;
	if (total.sum == 0 && total.large == 0)
		return AGGREGATE_UNCHANGED;
	if (isnull[0])
		return AGGREGATE_RECOMPUTE;

	before = DatumGetFloat8(state[0]);
	total_add_float(&total, before);
	if (!total_of_floats(&total, &after))
		return AGGREGATE_RECOMPUTE;
	if (float8_eq(before, after))
		return AGGREGATE_UNCHANGED;
	state[0] = Float8GetDatum(after);
	return AGGREGATE_CHANGED;
}

static inline bool
numeric_is_special(Numeric value)
{
	return numeric_is_nan(value) || numeric_is_inf(value);
}
