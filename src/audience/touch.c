/*-------------------------------------------------------------------------
 *
 * touch.c
 *	  Which filters may give another answer after this change?
 *
 * Thresholds are sorted, and those between the old and the new value are what
 * can differ.  A condition is true on one side of its threshold; where the
 * value is missing all conditions are false, so conditions that are true only
 * above (> and >=) and those that are true only below are kept apart:
 *
 *		missing -> 540		of those above, the ones up to 540;
 *							of those below, the ones from 540 on
 *
 * Values that an operand may be equal to (=, in), or have as an element
 * (contains), are hashed.  Comparisons of two operands are in pair.c.  Any
 * other condition is evaluated, once for all filters that have it in common.
 *
 * The question is the same for an event, which changes the row, and for time,
 * which changes the instant:
 *
 *		event		(old row, at) and (new row, at)
 *		time		(row, just before at) and (row, at)
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "optimizer/optimizer.h"
#include "portability/instr_time.h"
#include "utils/memutils.h"

#include "base/base.h"
#include "audience/conditions.h"

/*
 * The time that a condition takes is measured at each so many changes only: a
 * look at the clock takes a good part of it.
 */
#define MEASURED_EACH	16

/* A value to be searched for among thresholds. */
typedef struct SearchValue
{
	Datum		value;
	int64		key;			/* see value_key() */
	bool		keyed;
} SearchValue;

static bool column_changed(const Column *column, TupleTableSlot *before,
						   TupleTableSlot *after);
static void note_changed(AudienceIndex *index, TimeDependent *one);
static Datum value_of(Operand *operand, Moment *moment, bool *isnull);
static SearchValue search_value(const Operand *operand, Datum value);
static bool keys_comparable(Oid a, Oid b);
static void keep_value(AudienceIndex *index, Operand *operand,
					   const SearchValue *value);
static void narrow(const Operand *operand, const Thresholds *thresholds,
				   WindowMargin *margin);
static int	probe_next(const Operand *operand, int i, Datum value,
					   uint32 hash);
static int	first_probe(const Operand *operand, Datum value, uint32 *hash);
static void probes_touch(AudienceIndex *index, Operand *operand,
						 const Elements *before, const Elements *after);
static Elements values_probed(const Operand *operand, Datum *value,
							  bool isnull);
static int	thresholds_under(const Operand *operand,
							 const Thresholds *thresholds,
							 const SearchValue *value);
static int	thresholds_near(const Operand *operand,
							const Thresholds *thresholds,
							const SearchValue *value, int near);
static int	thresholds_between(const Operand *operand,
							   const Thresholds *thresholds,
							   const SearchValue *value, int low, int high);
static bool threshold_under(const Operand *operand,
							const Thresholds *thresholds, int i,
							const SearchValue *value);
static bool stays_on_side(AudienceIndex *index, Condition *condition);

int
index_touched(AudienceIndex *index, TupleTableSlot *before,
			  TupleTableSlot *after, bool appears, TimestampTz at,
			  const int **touched)
{
	ListCell   *lc;

	touch_begin(index, before, at, after, at);
	for (int i = 0; i < index->ncolumns; i++)
	{
		const Column *column = &index->columns[i];

		if (!column_changed(column, before, after))
			continue;
		foreach(lc, column->operands)
		{
			Operand    *operand = lfirst(lc);

			operand_touch(index, operand);
			note_changed(index, operand->time_dependent);
		}
		foreach(lc, column->pairs)
			pair_touch(index, lfirst(lc));
		foreach(lc, column->conditions)
		{
			Condition  *condition = lfirst(lc);

			condition_touch(index, condition);
			note_changed(index, condition->time_dependent);
		}
	}
	if (appears)
		foreach(lc, index->matches_empty)
			index_touch(index, lfirst_int(lc));
	return touch_end(index, touched);
}

void
touch_begin(AudienceIndex *index, TupleTableSlot *before,
			TimestampTz before_at, TupleTableSlot *after,
			TimestampTz after_at)
{
	index->change++;
	index->ntouched = 0;
	moment_set(index->before, before, before_at);
	moment_set(index->after, after, after_at);
}

int
touch_end(AudienceIndex *index, const int **touched)
{
	index->evaluating = -1;
	ResetExprContext(moment_context(index->before));
	ResetExprContext(moment_context(index->after));
	index_prepare(index, index->touched, index->ntouched);
	*touched = index->touched;
	return index->ntouched;
}

/* note_changed() notes that the change is in what an expression reads. */
static void
note_changed(AudienceIndex *index, TimeDependent *one)
{
	if (one != NULL)
		one->changed = index->change;
}

/* column_changed() tells whether the bytes of a column differ. */
static bool
column_changed(const Column *column, TupleTableSlot *before,
			   TupleTableSlot *after)
{
	int			i = column->number - 1;

	if (before->tts_isnull[i] || after->tts_isnull[i])
		return before->tts_isnull[i] != after->tts_isnull[i];
	if (before->tts_values[i] == after->tts_values[i])
		return false;
	return column->typbyval ||
		!same_image(before->tts_values[i], after->tts_values[i],
					column->typbyval, column->typlen);
}

/* ---- operands ---- */

/*
 * An operand that is computed from several columns may be touched several
 * times in one change.
 */
void
operand_touch(AudienceIndex *index, Operand *operand)
{
	bool		old_isnull;
	bool		new_isnull;
	ExprContext *econtext = moment_context(index->after);
	MemoryContext old = MemoryContextSwitchTo(econtext->ecxt_per_tuple_memory);
	Datum		old_value;
	Datum		new_value;
	SearchValue from_value = {0};
	SearchValue to_value = {0};
	int			from;
	int			to;

	index->evaluating = operand->place;
	old_value = value_of(operand, index->before, &old_isnull);
	new_value = value_of(operand, index->after, &new_isnull);
	if (old_isnull && new_isnull)
	{
		MemoryContextSwitchTo(old);
		return;
	}

	if (operand->above.count > 0 || operand->below.count > 0)
	{
		if (!old_isnull)
			from_value = search_value(operand, old_value);
		if (!new_isnull)
			to_value = search_value(operand, new_value);
		keep_value(index, operand, &to_value);
	}
	if (operand->above.count > 0)
	{
		from = old_isnull ? 0 :
			thresholds_under(operand, &operand->above, &from_value);
		to = new_isnull ? 0 :
			thresholds_near(operand, &operand->above, &to_value, from);
		for (int i = Min(from, to); i < Max(from, to); i++)
			index_touch(index, operand->above.list[i].place);
	}
	if (operand->below.count > 0)
	{
		from = old_isnull ? operand->below.count :
			thresholds_under(operand, &operand->below, &from_value);
		to = new_isnull ? operand->below.count :
			thresholds_near(operand, &operand->below, &to_value, from);
		for (int i = Min(from, to); i < Max(from, to); i++)
			index_touch(index, operand->below.list[i].place);
	}
	if (operand->nprobes > 0)
	{
		Elements	before = values_probed(operand, &old_value, old_isnull);
		Elements	after = values_probed(operand, &new_value, new_isnull);

		probes_touch(index, operand, &before, &after);
	}
	MemoryContextSwitchTo(old);
}

void
operand_read(AudienceIndex *index, Operand *operand)
{
	ExprContext *econtext = moment_context(index->after);
	MemoryContext old = MemoryContextSwitchTo(econtext->ecxt_per_tuple_memory);
	SearchValue value = {0};
	bool		isnull;
	Datum		read;

	index->evaluating = operand->place;
	read = value_of(operand, index->after, &isnull);
	if (!isnull)
		value = search_value(operand, read);
	keep_value(index, operand, &value);
	MemoryContextSwitchTo(old);
}

/* value_of() returns the value of an operand at a moment. */
static Datum
value_of(Operand *operand, Moment *moment, bool *isnull)
{
	TupleTableSlot *row = moment_row(moment);

	if (operand->column != InvalidAttrNumber)
	{
		*isnull = row->tts_isnull[operand->column - 1];
		return row->tts_values[operand->column - 1];
	}
	return ExecEvalExprSwitchContext(operand->state, moment_context(moment),
									 isnull);
}

static SearchValue
search_value(const Operand *operand, Datum value)
{
	SearchValue result = {value};

	result.keyed = keys_comparable(operand->expr_type, operand->type) &&
		value_key(operand->expr_type, value, &result.key);
	return result;
}

/* keys_comparable() compares two types' keys: a date is no timestamp. */
static bool
keys_comparable(Oid a, Oid b)
{
	bool		integers = (a == INT2OID || a == INT4OID || a == INT8OID) &&
		(b == INT2OID || b == INT4OID || b == INT8OID);

	return a == b || integers;
}

/* keep_value() keeps the value after the change, for operand_margin(). */
static void
keep_value(AudienceIndex *index, Operand *operand, const SearchValue *value)
{
	if (!value->keyed)
		return;
	operand->value_known = index->change;
	operand->value_key = value->key;
}

bool
operand_margin(AudienceIndex *index, const Operand *operand,
			   WindowMargin *margin)
{
	if (operand->value_known != index->change || operand->nprobes > 0 ||
		!operand->above.keyed || !operand->below.keyed)
		return false;
	*margin = (WindowMargin) {operand->value_key, PG_INT64_MIN, PG_INT64_MAX};
	narrow(operand, &operand->above, margin);
	narrow(operand, &operand->below, margin);
	return true;
}

/* narrow() ends the margin where it would pass one of the thresholds. */
static void
narrow(const Operand *operand, const Thresholds *thresholds,
	   WindowMargin *margin)
{
	SearchValue value = {.keyed = true, .key = margin->value};
	int			under = thresholds_under(operand, thresholds, &value);
	const Threshold *next = &thresholds->list[under];

	if (under > 0)
		margin->least = Max(margin->least,
							next[-1].key + (next[-1].after ? 1 : 0));
	if (under < thresholds->count)
		margin->most = Min(margin->most, next->key - (next->after ? 0 : 1));
}

/* ---- equality probes ---- */

/* probe_next() returns the first probe for a value from the i-th on, or -1. */
static int
probe_next(const Operand *operand, int i, Datum value, uint32 hash)
{
	FmgrInfo   *equal = unconstify(FmgrInfo *, &operand->equal);

	for (; i >= 0; i = operand->probes[i].next)
		if (operand->probes[i].hash == hash &&
			DatumGetBool(FunctionCall2Coll(equal, operand->collation,
										   operand->probes[i].value, value)))
			return i;
	return -1;
}

/* first_probe() returns the first probe for a value, or -1. */
static int
first_probe(const Operand *operand, Datum value, uint32 *hash)
{
	FmgrInfo   *function = unconstify(FmgrInfo *, &operand->hash);
	int			i;

	*hash = DatumGetUInt32(FunctionCall1Coll(function, operand->collation,
											 value));
	i = operand->buckets[*hash & (operand->nbuckets - 1)];
	return probe_next(operand, i, value, *hash);
}

/*
 * probes_touch() touches the audiences whose conditions have a probe for one
 * of the values before or after.  A condition that has probes for both (in,
 * contains any) is as true as it was.
 */
static void
probes_touch(AudienceIndex *index, Operand *operand, const Elements *before,
			 const Elements *after)
{
	const EqualityProbe *probes = operand->probes;
	uint64	   *met = operand->condition_met;
	uint64		met_before = index->change * 2;
	uint64		met_both = met_before + 1;
	uint32		hash;

	for (int v = 0; v < before->count; v++)
		for (int i = first_probe(operand, before->list[v], &hash); i >= 0;
			 i = probe_next(operand, probes[i].next, before->list[v], hash))
			met[probes[i].condition] = met_before;
	for (int v = 0; v < after->count; v++)
		for (int i = first_probe(operand, after->list[v], &hash); i >= 0;
			 i = probe_next(operand, probes[i].next, after->list[v], hash))
		{
			uint64	   *one = &met[probes[i].condition];

			if (*one == met_before)
				*one = met_both;
			else if (*one != met_both)
				index_touch(index, probes[i].place);
		}
	for (int v = 0; v < before->count; v++)
		for (int i = first_probe(operand, before->list[v], &hash); i >= 0;
			 i = probe_next(operand, probes[i].next, before->list[v], hash))
			if (met[probes[i].condition] == met_before)
				index_touch(index, probes[i].place);
}

/* values_probed() returns what probes are for: a value, or its elements. */
static Elements
values_probed(const Operand *operand, Datum *value, bool isnull)
{
	Elements	none = {0};

	if (isnull)
		return none;
	return operand->elements ? operand_elements(operand, *value) :
		(Elements) {1, value};
}

/* ---- thresholds ---- */

/* thresholds_under() returns how many thresholds lie below a value. */
static int
thresholds_under(const Operand *operand, const Thresholds *thresholds,
				 const SearchValue *value)
{
	return thresholds_between(operand, thresholds, value, 0,
							  thresholds->count);
}

/*
 * thresholds_near() returns the same, if it is likely to be about 'near':
 * mostly a trait changes by little.  The range is doubled until it is passed.
 */
static int
thresholds_near(const Operand *operand, const Thresholds *thresholds,
				const SearchValue *value, int near)
{
	int			step = 1;
	int			low;
	int			high;

	if (near < thresholds->count &&
		threshold_under(operand, thresholds, near, value))
	{
		low = near + 1;
		for (high = low; high < thresholds->count; high += step, step *= 2)
		{
			if (!threshold_under(operand, thresholds, high, value))
				break;
			low = high + 1;
		}
		return thresholds_between(operand, thresholds, value, low,
								  Min(high, thresholds->count));
	}

	high = near;
	for (low = near - 1; low >= 0; low -= step, step *= 2)
	{
		if (threshold_under(operand, thresholds, low, value))
			break;
		high = low;
	}
	return thresholds_between(operand, thresholds, value, Max(low + 1, 0),
							  high);
}

/* thresholds_between() returns the same, known to be from low to high. */
static int
thresholds_between(const Operand *operand, const Thresholds *thresholds,
				   const SearchValue *value, int low, int high)
{
	while (low < high)
	{
		int			middle = low + (high - low) / 2;

		if (threshold_under(operand, thresholds, middle, value))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* threshold_under() tells whether the i-th threshold lies below a value. */
static bool
threshold_under(const Operand *operand, const Thresholds *thresholds, int i,
				const SearchValue *value)
{
	const Threshold *threshold = &thresholds->list[i];
	FmgrInfo   *compare = unconstify(FmgrInfo *, &operand->compare);
	int			order;

	if (thresholds->keyed && value->keyed)
		order = value->key < threshold->key ? -1 :
			value->key > threshold->key;
	else
		order = DatumGetInt32(FunctionCall2Coll(compare, operand->collation,
												value->value,
												threshold->value));
	return order > 0 || (order == 0 && !threshold->after);
}

/* ---- conditions ---- */

void
condition_touch(AudienceIndex *index, Condition *condition)
{
	Datum		old_value;
	Datum		new_value;
	bool		old_isnull;
	bool		new_isnull;
	FilterCounts *counts;
	bool		measured;
	instr_time	begun;
	ListCell   *lc;

	index->evaluating = linitial_int(condition->places);
	counts = index_counts(index, index->evaluating);
	counts->conditions += 2;
	if (condition->time_dependent != NULL && stays_on_side(index, condition))
		return;
	if (condition->state == NULL)
	{
		MemoryContext context = GetMemoryChunkContext(index);
		MemoryContext old = MemoryContextSwitchTo(context);
		Expr	   *expr = expression_planner(copyObject(condition->expr));

		condition->state = ExecInitExpr(expr, NULL);
		MemoryContextSwitchTo(old);
	}
	measured = index->change % MEASURED_EACH == 0;
	if (measured)
		INSTR_TIME_SET_CURRENT(begun);
	old_value = ExecEvalExprSwitchContext(condition->state,
										  moment_context(index->before),
										  &old_isnull);
	new_value = ExecEvalExprSwitchContext(condition->state,
										  moment_context(index->after),
										  &new_isnull);
	if (measured)
		counts->nanoseconds += nanoseconds_since(begun) * MEASURED_EACH;

	/* a boolean */
	if (old_isnull == new_isnull &&
		(old_isnull || DatumGetBool(old_value) == DatumGetBool(new_value)))
		return;
	foreach(lc, condition->places)
		index_touch(index, lfirst_int(lc));
}

/*
 * stays_on_side() tells whether a comparison with the clock stays what it is
 * for sure: last_order_at < now - 60 days.  Whatever the calendar does, three
 * days ago and today are both on the same side, and nothing has to be
 * evaluated.
 */
static bool
stays_on_side(AudienceIndex *index, Condition *condition)
{
	TimeExpr   *expr = condition->time_dependent->expr;
	ExprContext *econtext = index->time_context;
	int			side;

	econtext->ecxt_scantuple = moment_row(index->before);
	side = time_expr_side(expr, econtext, moment_at(index->before));
	if (side == 0)
		return false;
	econtext->ecxt_scantuple = moment_row(index->after);
	return time_expr_side(expr, econtext, moment_at(index->after)) == side;
}
