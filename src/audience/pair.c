/*-------------------------------------------------------------------------
 *
 * pair.c
 *	  Which filters compare two operands, and when does one of them differ?
 *
 *		total_spend > orders * 20 {regular}
 *		total_spend > orders * 50 {dear}
 *		best_day > last_day + 5 {fading}
 *
 *		pair total_spend, orders	by ratio		20 {regular}	50 {dear}
 *		pair best_day, last_day		by difference	5 {fading}
 *
 * What an order does to the two operands moves their ratio, or their
 * difference, past few of the factors or summands with which filters compare
 * them.  These are sorted, and those that are passed are what can differ:
 *
 *		480 / 10 -> 540 / 11		48 -> 49.09		none
 *		480 / 10 -> 540 / 10		48 -> 54		50 {dear}
 *
 * Of a negative operand on the right the comparison turns round, and of zero
 * it is the same with all factors: see holds_where().
 *
 * Ratios are computed as float8, which is not what the comparison itself does.
 * So all that is as near to a ratio as the two may be apart counts as passed:
 * a filter too many is evaluated, never one too few.  Where float8 is no good
 * (NaN, or too far from 1) all of them are.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/nbtree.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"

#include "audience/conditions.h"
#include "base/base.h"

/* Between these, products and sums of float8 neither overflow nor vanish. */
#define LEAST_SURE		1e-100
#define MOST_SURE		1e100

/* How far from the truth a float8 may be, by far, as a part of it. */
#define UNSURE			1e-12

/* One side of a comparison: base * factor, base + summand, or base. */
typedef struct Linear
{
	Node	   *base;
	bool		by_ratio;
	bool		by_difference;
	double		constant;
} Linear;

/*
 * For which constants a comparison holds: those below the border, or those
 * above it.  Nothing is for sure of constants within 'unsure' of 'near'.
 */
typedef struct HoldsWhere
{
	bool		unknown;		/* nothing is for sure of any */
	bool		below;
	double		border;			/* may be infinite */
	double		near;			/* infinite: all are for sure */
	double		unsure;
} HoldsWhere;

/* The values of the two operands of a pair at a moment. */
typedef struct PairValues
{
	bool		missing;
	bool		sure;			/* float8 is good enough */
	double		left;
	double		right;
} PairValues;

static Linear linear_of(Node *node);
static Node *unrounded(Node *node);
static bool is_number_type(Oid type);
static double as_float8(Oid type, Datum value);
static Pair *pair_of(Collection *into, Node *left, Node *right,
					 bool by_ratio);
static void add_constant(Pair *pair, PairConstants *to, double constant,
						 int place);
static ExprState *prepared(Node *operand);
static int	constants_below(const PairConstants *constants, double value);
static int	compare_constants(const void *a, const void *b);
static PairValues values_at(Pair *pair, Moment *moment);
static double value_at(ExprState *state, Oid type, Moment *moment,
					   PairValues *values);
static bool is_zero(Datum value);
static HoldsWhere holds_where(const Pair *pair, int strategy,
							  const PairValues *values);
static HoldsWhere always(bool holds);
static void touch_range(AudienceIndex *index, const PairConstants *constants,
						int from, int to);
static void touch_unsure(AudienceIndex *index, const PairConstants *constants,
						 const HoldsWhere *where);

/* ---- collecting ---- */

bool
collect_pair(Collection *into, OpExpr *comparison, int strategy)
{
	PairComparison read;

	if (!pair_read(into, comparison, strategy, &read))
		return false;
	pair_add(&read, into->place);
	return true;
}

bool
pair_read(Collection *into, OpExpr *comparison, int strategy,
		  PairComparison *result)
{
	Linear		left = linear_of(linitial(comparison->args));
	Linear		right = linear_of(lsecond(comparison->args));

	if (left.by_ratio || left.by_difference)
	{
		Linear		swap = left;

		left = right;
		right = swap;
		strategy = BTCommuteStrategyNumber(strategy);
	}
	if (left.by_ratio || left.by_difference ||
		!is_number_type(exprType(left.base)) ||
		!is_number_type(exprType(right.base)) ||
		!pair_is_sure(right.constant) ||
		has_clock(left.base) || has_clock(right.base))
		return false;
	result->pair = pair_of(into, left.base, right.base, right.by_ratio);
	result->strategy = strategy;
	result->constant = right.constant;
	return true;
}

void
pair_add(const PairComparison *comparison, int place)
{
	Pair	   *pair = comparison->pair;

	add_constant(pair, &pair->constants[comparison->strategy],
				 comparison->constant, place);
}

/* linear_of() tells apart what is computed with a constant. */
static Linear
linear_of(Node *node)
{
	static const char *const names[] = {"multiply", "add", "subtract"};
	Linear		linear = {node};
	FuncExpr   *call = (FuncExpr *) unrounded(node);
	Node	   *base;
	Node	   *constant;
	Oid			types[2];
	int			i = 0;

	if (!IsA(call, FuncExpr) || list_length(call->args) != 2)
		return linear;
	base = linitial(call->args);
	constant = unrounded(lsecond(call->args));
	types[0] = types[1] = call->funcresulttype;
	if (call->funcresulttype != NUMERICOID &&
		call->funcresulttype != FLOAT8OID)
		return linear;
	while (i < lengthof(names) &&
		   call->funcid != catalog_function(names[i], 2, types))
		i++;
	if (i == lengthof(names))
		return linear;
	if (IsA(unrounded(base), Const) && i < 2)
	{
		Node	   *swap = unrounded(base);

		base = lsecond(call->args);
		constant = swap;
	}
	if (!IsA(constant, Const) || ((Const *) constant)->constisnull ||
		IsA(unrounded(base), Const))
		return linear;

	linear.base = base;
	linear.by_ratio = i == 0;
	linear.by_difference = i > 0;
	linear.constant = as_float8(exprType(constant),
								((Const *) constant)->constvalue);
	if (i == 2)
		linear.constant = -linear.constant;
	return linear;
}

/*
 * unrounded() returns what an expression makes a float8 of, or else itself.
 * The two are less apart than what is unsure (holds_where()), unless they are
 * too far from 1.
 */
static Node *
unrounded(Node *node)
{
	FuncExpr   *call = (FuncExpr *) node;
	Oid			numeric = NUMERICOID;

	return IsA(node, FuncExpr) && call->funcresulttype == FLOAT8OID &&
		call->funcid == catalog_function("as_float8", 1, &numeric) ?
		linitial(call->args) : node;
}

static bool
is_number_type(Oid type)
{
	return type == INT2OID || type == INT4OID || type == INT8OID ||
		type == FLOAT4OID || type == FLOAT8OID || type == NUMERICOID;
}

/* as_float8() returns about a number, or NaN if its type is none. */
static double
as_float8(Oid type, Datum value)
{
	switch (type)
	{
		case INT2OID:
			return DatumGetInt16(value);
		case INT4OID:
			return DatumGetInt32(value);
		case INT8OID:
			return (double) DatumGetInt64(value);
		case FLOAT4OID:
			return DatumGetFloat4(value);
		case FLOAT8OID:
			return DatumGetFloat8(value);
		case NUMERICOID:
			value = DirectFunctionCall1(numeric_float8_no_overflow, value);
			return DatumGetFloat8(value);
		default:
			return get_float8_nan();
	}
}

bool
pair_is_sure(double value)
{
	return value == 0 ||
		(fabs(value) >= LEAST_SURE && fabs(value) <= MOST_SURE);
}

/* pair_of() finds the pair of two operands, or makes it. */
static Pair *
pair_of(Collection *into, Node *left, Node *right, bool by_ratio)
{
	MemoryContext old;
	Pair	   *pair;
	ListCell   *lc;

	foreach(lc, into->index->pairs)
	{
		pair = lfirst(lc);
		if (pair->by_ratio == by_ratio && equal(pair->left, left) &&
			equal(pair->right, right))
			return pair;
	}

	old = MemoryContextSwitchTo(into->context);
	pair = palloc0(sizeof(Pair));
	pair->left = copyObject(left);
	pair->right = copyObject(right);
	pair->by_ratio = by_ratio;
	pair->place = into->place;
	pair->columns = bms_union(columns_of(into, left),
							  columns_of(into, right));
	pair_enter(into->index, pair);
	MemoryContextSwitchTo(old);
	return pair;
}

/* add_constant() adds what an audience's filter compares the two with. */
static void
add_constant(Pair *pair, PairConstants *to, double constant, int place)
{
	int			i = to->count;

	if (to->count == to->space)
	{
		to->space = Max(8, to->space * 2);
		to->list = to->list == NULL ?
			MemoryContextAlloc(GetMemoryChunkContext(pair),
							   sizeof(PairConstant) * to->space) :
			repalloc(to->list, sizeof(PairConstant) * to->space);
	}
	if (pair->finished)
	{
		i = constants_below(to, constant);
		memmove(&to->list[i + 1], &to->list[i],
				sizeof(PairConstant) * (to->count - i));
	}
	to->list[i] = (PairConstant) {constant, place};
	to->count++;
}

void
pair_finish(Pair *pair)
{
	MemoryContext old;

	if (pair->finished)
		return;
	old = MemoryContextSwitchTo(GetMemoryChunkContext(pair));
	pair->left_state = prepared(pair->left);
	pair->right_state = prepared(pair->right);
	for (int strategy = 1; strategy <= BTMaxStrategyNumber; strategy++)
	{
		PairConstants *constants = &pair->constants[strategy];

		if (constants->count > 1)
			qsort(constants->list, constants->count, sizeof(PairConstant),
				  compare_constants);
	}
	pair->finished = true;
	MemoryContextSwitchTo(old);
}

static ExprState *
prepared(Node *operand)
{
	return ExecInitExpr(expression_planner((Expr *) copyObject(operand)),
						NULL);
}

static int
compare_constants(const void *a, const void *b)
{
	double		left = ((const PairConstant *) a)->value;
	double		right = ((const PairConstant *) b)->value;

	return left < right ? -1 : left > right;
}

bool
pair_remove(Pair *pair, const bool *marked)
{
	bool		any = false;

	for (int strategy = 1; strategy <= BTMaxStrategyNumber; strategy++)
	{
		PairConstants *constants = &pair->constants[strategy];
		int			kept = 0;

		for (int i = 0; i < constants->count; i++)
			if (!marked[constants->list[i].place])
				constants->list[kept++] = constants->list[i];
		constants->count = kept;
		if (kept > 0)
			pair->place = constants->list[0].place;
		any |= kept > 0;
	}
	return any;
}

/* ---- touching ---- */

void
pair_touch(AudienceIndex *index, Pair *pair)
{
	ExprContext *econtext = moment_context(index->after);
	MemoryContext old;
	PairValues	before;
	PairValues	after;

	/* it is a pair of each of its columns, and both may have changed */
	if (pair->change == index->change)
		return;
	pair->change = index->change;
	index->evaluating = pair->place;
	old = MemoryContextSwitchTo(econtext->ecxt_per_tuple_memory);
	before = values_at(pair, index->before);
	after = values_at(pair, index->after);
	MemoryContextSwitchTo(old);
	if (before.missing && after.missing)
		return;

	for (int strategy = 1; strategy <= BTMaxStrategyNumber; strategy++)
	{
		const PairConstants *constants = &pair->constants[strategy];
		HoldsWhere	held;
		HoldsWhere	holds;
		int			from;
		int			to;

		if (constants->count == 0)
			continue;
		held = holds_where(pair, strategy, &before);
		holds = holds_where(pair, strategy, &after);
		if (held.unknown || holds.unknown)
		{
			touch_range(index, constants, 0, constants->count);
			continue;
		}
		from = constants_below(constants, Min(held.border, holds.border));
		to = constants_below(constants, Max(held.border, holds.border));
		if (held.below == holds.below)
			touch_range(index, constants, from, to);
		else
		{
			touch_range(index, constants, 0, from);
			touch_range(index, constants, to, constants->count);
		}
		touch_unsure(index, constants, &held);
		touch_unsure(index, constants, &holds);
	}
}

/* values_at() returns the values of the two operands at a moment. */
static PairValues
values_at(Pair *pair, Moment *moment)
{
	PairValues	values = {.sure = true};

	values.left = value_at(pair->left_state, exprType(pair->left), moment,
						   &values);
	values.right = value_at(pair->right_state, exprType(pair->right), moment,
							&values);
	return values;
}

/* value_at() returns the value of one, and notes what is to be said of it. */
static double
value_at(ExprState *state, Oid type, Moment *moment, PairValues *values)
{
	bool		isnull;
	Datum		value = ExecEvalExprSwitchContext(state,
												  moment_context(moment),
												  &isnull);
	double		result;

	if (isnull)
	{
		values->missing = true;
		return 0;
	}
	result = as_float8(type, value);
	values->sure &= pair_is_sure(result);
	/* a numeric may be too small for float8, and not be zero */
	if (result == 0 && type == NUMERICOID)
		values->sure &= is_zero(value);
	return result;
}

/* is_zero() tells whether a numeric is zero. */
static bool
is_zero(Datum value)
{
	Datum		zero = NumericGetDatum(int64_to_numeric(0));

	return DatumGetBool(DirectFunctionCall2(numeric_eq, value, zero));
}

/*
 * holds_where() tells for which constants the comparison holds, by the btree
 * strategy of its operator.
 *
 *		left > right * n		right > 0	n below left / right
 *								right < 0	n above it
 *								right = 0	all n, or none
 *		left > right + n		n below left - right
 *		left = ...				none for sure; perhaps those at the border
 *		missing					none
 */
static HoldsWhere
holds_where(const Pair *pair, int strategy, const PairValues *values)
{
	HoldsWhere	where = {.below = strategy == BTGreaterStrategyNumber ||
		strategy == BTGreaterEqualStrategyNumber};
	double		size;

	if (values->missing)
		return always(false);
	where.unknown = !values->sure;
	if (where.unknown)
		return where;
	if (pair->by_ratio && values->right == 0)
	{
		if (values->left == 0)
			return always(strategy == BTLessEqualStrategyNumber ||
						  strategy == BTEqualStrategyNumber ||
						  strategy == BTGreaterEqualStrategyNumber);
		return always(strategy != BTEqualStrategyNumber &&
					  where.below == (values->left > 0));
	}

	if (pair->by_ratio)
	{
		where.border = values->left / values->right;
		where.below = where.below == (values->right > 0);
		size = fabs(where.border);
	}
	else
	{
		where.border = values->left - values->right;
		size = fabs(values->left) + fabs(values->right);
	}
	where.near = where.border;
	where.unsure = size * UNSURE;
	if (strategy == BTEqualStrategyNumber)
	{
		where.below = true;
		where.border = -get_float8_infinity();
	}
	return where;
}

/* always() says that a comparison holds for all constants, or for none. */
static HoldsWhere
always(bool holds)
{
	return (HoldsWhere) {.below = true, .near = get_float8_infinity(),
		.border = holds ? get_float8_infinity() : -get_float8_infinity()};
}

/* constants_below() returns how many constants lie below a value. */
static int
constants_below(const PairConstants *constants, double value)
{
	int			low = 0;
	int			high = constants->count;

	while (low < high)
	{
		int			middle = low + (high - low) / 2;

		if (constants->list[middle].value < value)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void
touch_range(AudienceIndex *index, const PairConstants *constants, int from,
			int to)
{
	for (int i = from; i < to; i++)
		index_touch(index, constants->list[i].place);
}

/* touch_unsure() touches those of which nothing is for sure. */
static void
touch_unsure(AudienceIndex *index, const PairConstants *constants,
			 const HoldsWhere *where)
{
	int			i;

	if (isinf(where->near))
		return;
	for (i = constants_below(constants, where->near - where->unsure);
		 i < constants->count &&
		 constants->list[i].value <= where->near + where->unsure; i++)
		index_touch(index, constants->list[i].place);
}
