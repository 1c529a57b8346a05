/*-------------------------------------------------------------------------
 *
 * sum.c
 *	  All values added up: sum.
 *
 *		sum(orders.amount)		state: numeric, 0 before the first order
 *
 * Whole and numeric values are summed exactly, so what goes is subtracted and
 * leaves the sum as if it had never been (equal by value: 1.50 - 1.50 is
 * 0.00).  NaN and the infinities cannot be subtracted again: 5 + NaN - NaN is
 * NaN.  When one of them has a part in a retraction, the source is read again.
 *
 * Floating-point values are summed as such, and then no subtraction is exact:
 *
 *		1e20 + 1 - 1e20 = 0, not 1
 *
 * Whatever goes means reading the source again, unless the same value came
 * back in the same statement, as in an UPDATE of other columns.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/int.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"

#include "trait/aggregate.h"
#include "trait/fixed.h"

/* as many values that went wait for the same one to come back */
#define MOST_AWAITED	4

/* of whole and numeric values: the sum is whole + fixed / 10000 + rest */
typedef struct ExactDelta
{
	int64		whole;
	int64		fixed;			/* everyday numerics: see fixed.c */
	Numeric		rest;			/* in 'memory'; NULL is 0 */
	int			fixed_scale;	/* most digits that one of them shows */
	bool		retracted;		/* something went */
	bool		special;		/* NaN or an infinity came or went */
} ExactDelta;

/* of floating-point values */
typedef struct FloatDelta
{
	float8		came;			/* the sum of what came anew */
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

static int	sum_columns(const AggregateInput *input, AggregateColumn *columns);
static void sum_accumulate(const AggregateInput *input, void *delta,
						   Datum value, bool isnull,
						   TimestampTz at, bool has_at, int sign,
						   MemoryContext memory);
static AggregateResult sum_apply(const AggregateInput *input,
								 const void *delta,
								 const TimeRange *kept,
								 Datum *state, bool *isnull);
static void sum_sql(const AggregateInput *input, const AggregateSql *parts,
					int column, StringInfo out);
static inline SumKind sum_kind(Oid type);
static SumKind sum_kind_of_base(Oid type);
static inline void sum_whole(ExactDelta *sum, int64 value, int sign,
							 MemoryContext memory);
static inline void sum_numeric(ExactDelta *sum, Datum value, int sign,
							   MemoryContext memory);
static void sum_rest(ExactDelta *sum, Numeric value, int sign,
					 MemoryContext memory);
static void sum_float(FloatDelta *sum, float8 value, int sign);
static AggregateResult sum_apply_float(const FloatDelta *sum, Datum *state);
static inline bool numeric_is_special(Numeric value);

const Aggregate aggregate_sum = {
	.name = "sum",
	.columns = sum_columns,
	.delta_size = sizeof(SumDelta),
	.accumulate = sum_accumulate,
	.apply = sum_apply,
	.sql = sum_sql,
};

static int
sum_columns(const AggregateInput *input, AggregateColumn *columns)
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

static void
sum_accumulate(const AggregateInput *input, void *delta,
			   Datum value, bool isnull, TimestampTz at, bool has_at,
			   int sign, MemoryContext memory)
{
	ExactDelta *exact = &((SumDelta *) delta)->exact;
	FloatDelta *inexact = &((SumDelta *) delta)->inexact;

	if (isnull)
		return;

	switch (sum_kind(input->type))
	{
		case SUM_INT2:
			sum_whole(exact, DatumGetInt16(value), sign, memory);
			break;
		case SUM_INT4:
			sum_whole(exact, DatumGetInt32(value), sign, memory);
			break;
		case SUM_INT8:
			sum_whole(exact, DatumGetInt64(value), sign, memory);
			break;
		case SUM_NUMERIC:
			sum_numeric(exact, value, sign, memory);
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

static AggregateResult
sum_apply(const AggregateInput *input, const void *delta,
		  const TimeRange *kept,
		  Datum *state, bool *isnull)
{
	const ExactDelta *sum = &((const SumDelta *) delta)->exact;
	Numeric		before;
	Numeric		after;

	if (isnull[0])
		return AGGREGATE_RECOMPUTE;
	if (sum_kind(input->type) >= SUM_FLOAT4)
		return sum_apply_float(&((const SumDelta *) delta)->inexact, state);

	before = DatumGetNumeric(state[0]);
	if (sum->retracted && (sum->special || numeric_is_special(before)))
		return AGGREGATE_RECOMPUTE;
	if (sum->whole == 0 && sum->fixed == 0 && sum->rest == NULL)
		return AGGREGATE_UNCHANGED;

	after = before;
	if (sum->whole != 0)
		after = numeric_add_opt_error(after, int64_to_numeric(sum->whole),
									  NULL);
	if (sum->fixed != 0)
		after = numeric_add_opt_error(after,
									  fixed_to_numeric(sum->fixed,
													   sum->fixed_scale),
									  NULL);
	if (sum->rest != NULL)
		after = numeric_add_opt_error(after, sum->rest, NULL);

	if (DatumGetInt32(DirectFunctionCall2(numeric_cmp,
										  NumericGetDatum(before),
										  NumericGetDatum(after))) == 0)
		return AGGREGATE_UNCHANGED;
	state[0] = NumericGetDatum(after);
	return AGGREGATE_CHANGED;
}

static void
sum_sql(const AggregateInput *input, const AggregateSql *parts, int column,
		StringInfo out)
{
	const char *type;

	/* the server sums bigint as numeric, exactly, and float4 as float4 */
	switch (sum_kind(input->type))
	{
		case SUM_INT2:
		case SUM_INT4:
		case SUM_INT8:
			type = "int8";
			break;
		case SUM_FLOAT4:
		case SUM_FLOAT8:
			type = "float8";
			break;
		default:
			type = "numeric";
			break;
	}
	appendStringInfo(out, "COALESCE(pg_catalog.sum((%s)::pg_catalog.%s)%s, 0)",
					 parts->value, type, parts->filter);
}

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

/* The same for a domain: kept apart as it asks the catalog. */
static SumKind
sum_kind_of_base(Oid type)
{
	Oid			base = OidIsValid(type) ? getBaseType(type) : type;

	return base != type ? sum_kind(base) : SUM_NONE;
}

static inline bool
add_signed(int64 *sum, int64 value, int sign)
{
	int64		result;

	if (sign > 0 ?
		pg_add_s64_overflow(*sum, value, &result) :
		pg_sub_s64_overflow(*sum, value, &result))
		return false;
	*sum = result;
	return true;
}

static inline void
sum_whole(ExactDelta *sum, int64 value, int sign, MemoryContext memory)
{
	sum->retracted |= sign < 0;
	if (!add_signed(&sum->whole, value, sign))
		sum_rest(sum, int64_to_numeric(value), sign, memory);
}

static inline void
sum_numeric(ExactDelta *sum, Datum value, int sign, MemoryContext memory)
{
	Numeric		number;
	int64		fixed;
	int			scale;

	sum->retracted |= sign < 0;
	if (fixed_from_numeric(value, &fixed, &scale) &&
		add_signed(&sum->fixed, fixed, sign))
	{
		sum->fixed_scale = Max(sum->fixed_scale, scale);
		return;
	}

	number = DatumGetNumeric(value);
	sum->special |= numeric_is_special(number);
	/* once it is known that the source must be read, the sum is of no use */
	if (!(sum->special && sum->retracted))
		sum_rest(sum, number, sign, memory);
}

static void
sum_rest(ExactDelta *sum, Numeric value, int sign, MemoryContext memory)
{
	Numeric		before = sum->rest;
	MemoryContext old = MemoryContextSwitchTo(memory);

	if (before == NULL && sign > 0)
		sum->rest = DatumGetNumericCopy(NumericGetDatum(value));
	else
	{
		if (before == NULL)
			before = int64_to_numeric(0);
		sum->rest = sign > 0 ?
			numeric_add_opt_error(before, value, NULL) :
			numeric_sub_opt_error(before, value, NULL);
		pfree(before);
	}
	MemoryContextSwitchTo(old);
}

static void
sum_float(FloatDelta *sum, float8 value, int sign)
{
	if (sign > 0)
	{
		/* the very same bits: -0 is not 0 here, and NaN is NaN */
		for (int i = 0; i < sum->nawaited; i++)
		{
			if (memcmp(&sum->awaited[i], &value, sizeof(value)) == 0)
			{
				sum->awaited[i] = sum->awaited[--sum->nawaited];
				return;
			}
		}
		sum->came = float8_pl(sum->came, value);
	}
	else if (sum->nawaited < MOST_AWAITED)
		sum->awaited[sum->nawaited++] = value;
	else
		sum->lost = true;
}

static AggregateResult
sum_apply_float(const FloatDelta *sum, Datum *state)
{
	float8		before = DatumGetFloat8(state[0]);
	float8		after;

	if (sum->lost || sum->nawaited > 0)
		return AGGREGATE_RECOMPUTE;

	after = float8_pl(before, sum->came);
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
