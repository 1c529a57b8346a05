/*-------------------------------------------------------------------------
 *
 * touch.c
 *	  Which filters can be another for a row than they were?
 *
 * Thresholds are sorted, and what lies between the old and the new value is
 * what can differ.  A condition is true on one side of its threshold; where
 * the value is missing all conditions are false, so what is true only above
 * (> and >=) and what is true only below are kept apart:
 *
 *		missing -> 540		of those above, the ones up to 540;
 *							of those below, the ones from 540 on
 *
 * Values that must be met (=, in) are hashed.  For everything else the leaf
 * itself is evaluated, once for all filters that have it in common.
 *
 * It is the same question for an event, which changes the row, and for time,
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
#include "utils/datum.h"

#include "audience/index.h"
#include "trait/trait.h"

/* A value whose place among thresholds is sought. */
typedef struct Probe
{
	Datum		value;
	int64		key;
	bool		keyed;
} Probe;

static bool keys_comparable(Oid a, Oid b);
static bool column_changed(const Column *column, TupleTableSlot *before,
						   TupleTableSlot *after);
static void stir(AudienceIndex *index, Timed *timed);
static void sought_touch(AudienceIndex *index, Subject *subject,
						 Datum old_value, bool old_isnull,
						 Datum new_value, bool new_isnull);
static Probe probe_of(const Subject *subject, Datum value);
static void know(AudienceIndex *index, Subject *subject, const Probe *probe);
static void narrow(const Subject *subject, const Thresholds *thresholds,
				   WindowMargin *margin);
static int	thresholds_under(const Subject *subject, const Thresholds *thresholds,
							 const Probe *probe);
static int	thresholds_near(const Subject *subject, const Thresholds *thresholds,
							const Probe *probe, int near);
static int	thresholds_between(const Subject *subject,
							   const Thresholds *thresholds,
							   const Probe *probe, int low, int high);
static bool threshold_under(const Subject *subject, const Thresholds *thresholds,
							int place, const Probe *probe);
static bool stays_on_side(AudienceIndex *index, Leaf *leaf);
static void touch(AudienceIndex *index, int audience);
static Datum value_of(Subject *subject, Moment *moment, bool *isnull);

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
		foreach(lc, column->subjects)
		{
			Subject    *subject = lfirst(lc);

			subject_touch(index, subject);
			stir(index, subject->timed);
		}
		foreach(lc, column->leaves)
		{
			Leaf	   *leaf = lfirst(lc);

			leaf_touch(index, leaf);
			stir(index, leaf->timed);
		}
	}
	if (appears)
		foreach(lc, index->matches_empty)
			touch(index, lfirst_int(lc));
	return touch_end(index, touched);
}

void
touch_begin(AudienceIndex *index, TupleTableSlot *before, TimestampTz before_at,
			TupleTableSlot *after, TimestampTz after_at)
{
	index->change++;
	index->ntouched = 0;
	moment_set(index->before, before, before_at);
	moment_set(index->after, after, after_at);
}

int
touch_end(AudienceIndex *index, const int **touched)
{
	index->asked = -1;
	ResetExprContext(moment_context(index->before));
	ResetExprContext(moment_context(index->after));
	index_prepare(index, index->touched, index->ntouched);
	*touched = index->touched;
	return index->ntouched;
}

/* The row has changed in what it depends on. */
static void
stir(AudienceIndex *index, Timed *timed)
{
	if (timed != NULL)
		timed->stirred = index->change;
}

static bool
column_changed(const Column *column, TupleTableSlot *before, TupleTableSlot *after)
{
	int			i = column->number - 1;

	if (before->tts_isnull[i] || after->tts_isnull[i])
		return before->tts_isnull[i] != after->tts_isnull[i];
	if (before->tts_values[i] == after->tts_values[i])
		return false;
	return column->typbyval ||
		!datum_image_eq(before->tts_values[i], after->tts_values[i],
						column->typbyval, column->typlen);
}

/* A subject that is computed from several columns may come by several times. */
void
subject_touch(AudienceIndex *index, Subject *subject)
{
	bool		old_isnull;
	bool		new_isnull;
	ExprContext *econtext = moment_context(index->after);
	MemoryContext old = MemoryContextSwitchTo(econtext->ecxt_per_tuple_memory);
	Datum		old_value;
	Datum		new_value;
	Probe		old_probe = {0};
	Probe		new_probe = {0};
	int			from;
	int			to;

	index->asked = subject->audience;
	old_value = value_of(subject, index->before, &old_isnull);
	new_value = value_of(subject, index->after, &new_isnull);
	if (old_isnull && new_isnull)
	{
		MemoryContextSwitchTo(old);
		return;
	}

	if (subject->above.count > 0 || subject->below.count > 0)
	{
		if (!old_isnull)
			old_probe = probe_of(subject, old_value);
		if (!new_isnull)
			new_probe = probe_of(subject, new_value);
		know(index, subject, &new_probe);
	}
	if (subject->above.count > 0)
	{
		from = old_isnull ? 0 : thresholds_under(subject, &subject->above, &old_probe);
		to = new_isnull ? 0 : thresholds_near(subject, &subject->above, &new_probe, from);
		for (int i = Min(from, to); i < Max(from, to); i++)
			touch(index, subject->above.list[i].audience);
	}
	if (subject->below.count > 0)
	{
		from = old_isnull ? subject->below.count :
			thresholds_under(subject, &subject->below, &old_probe);
		to = new_isnull ? subject->below.count :
			thresholds_near(subject, &subject->below, &new_probe, from);
		for (int i = Min(from, to); i < Max(from, to); i++)
			touch(index, subject->below.list[i].audience);
	}
	if (subject->nsought > 0)
		sought_touch(index, subject, old_value, old_isnull, new_value, new_isnull);
	MemoryContextSwitchTo(old);
}

void
subject_look(AudienceIndex *index, Subject *subject)
{
	ExprContext *econtext = moment_context(index->after);
	MemoryContext old = MemoryContextSwitchTo(econtext->ecxt_per_tuple_memory);
	Probe		probe = {0};
	bool		isnull;
	Datum		value;

	index->asked = subject->audience;
	value = value_of(subject, index->after, &isnull);
	if (!isnull)
		probe = probe_of(subject, value);
	know(index, subject, &probe);
	MemoryContextSwitchTo(old);
}

static void
know(AudienceIndex *index, Subject *subject, const Probe *probe)
{
	if (!probe->keyed)
		return;
	subject->known = index->change;
	subject->key = probe->key;
}

bool
subject_margin(AudienceIndex *index, const Subject *subject, WindowMargin *margin)
{
	if (subject->known != index->change || subject->nsought > 0 ||
		!subject->above.keyed || !subject->below.keyed)
		return false;
	*margin = (WindowMargin) {subject->key, PG_INT64_MIN, PG_INT64_MAX};
	narrow(subject, &subject->above, margin);
	narrow(subject, &subject->below, margin);
	return true;
}

/* The value and what lies between it and the thresholds next to it. */
static void
narrow(const Subject *subject, const Thresholds *thresholds, WindowMargin *margin)
{
	Probe		probe = {.keyed = true, .key = margin->value};
	int			under = thresholds_under(subject, thresholds, &probe);
	const Threshold *next = &thresholds->list[under];

	if (under > 0)
		margin->least = Max(margin->least, next[-1].key + (next[-1].after ? 1 : 0));
	if (under < thresholds->count)
		margin->most = Min(margin->most, next->key - (next->after ? 0 : 1));
}

/* The first who seeks the value, from 'at' on; -1 if nobody does. */
static int
sought_next(const Subject *subject, int at, Datum value, uint32 hash)
{
	for (; at >= 0; at = subject->sought[at].next)
		if (subject->sought[at].hash == hash &&
			DatumGetBool(FunctionCall2Coll(unconstify(FmgrInfo *, &subject->equal),
										   subject->collation,
										   subject->sought[at].value, value)))
			return at;
	return -1;
}

/*
 * A leaf that seeks both the old and the new value (in) is as true as it was.
 */
static void
sought_touch(AudienceIndex *index, Subject *subject,
			 Datum old_value, bool old_isnull,
			 Datum new_value, bool new_isnull)
{
	uint64		met_old = index->change * 2;
	uint64		met_both = met_old + 1;
	uint32		hash;
	int			first = -1;
	int			i;

	if (!old_isnull)
	{
		hash = DatumGetUInt32(FunctionCall1Coll(&subject->hash,
												subject->collation, old_value));
		first = subject->places[hash & (subject->nplaces - 1)];
		first = sought_next(subject, first, old_value, hash);
		for (i = first; i >= 0;
			 i = sought_next(subject, subject->sought[i].next, old_value, hash))
			subject->leaf_met[subject->sought[i].leaf] = met_old;
	}
	if (!new_isnull)
	{
		uint32		new_hash = DatumGetUInt32(FunctionCall1Coll(&subject->hash,
																subject->collation,
																new_value));

		i = subject->places[new_hash & (subject->nplaces - 1)];
		for (i = sought_next(subject, i, new_value, new_hash); i >= 0;
			 i = sought_next(subject, subject->sought[i].next, new_value, new_hash))
		{
			const Sought *sought = &subject->sought[i];

			if (subject->leaf_met[sought->leaf] == met_old)
				subject->leaf_met[sought->leaf] = met_both;
			else if (subject->leaf_met[sought->leaf] != met_both)
				touch(index, sought->audience);
		}
	}
	for (i = first; i >= 0;
		 i = sought_next(subject, subject->sought[i].next, old_value, hash))
		if (subject->leaf_met[subject->sought[i].leaf] == met_old)
			touch(index, subject->sought[i].audience);
}

/* How many thresholds lie below the value. */
static int
thresholds_under(const Subject *subject, const Thresholds *thresholds,
				 const Probe *probe)
{
	return thresholds_between(subject, thresholds, probe, 0, thresholds->count);
}

/*
 * The same, when many of them are likely to be those below another value:
 * mostly a trait changes by little.  The range is doubled until it is passed.
 */
static int
thresholds_near(const Subject *subject, const Thresholds *thresholds,
				const Probe *probe, int near)
{
	int			step = 1;
	int			low;
	int			high;

	if (near < thresholds->count &&
		threshold_under(subject, thresholds, near, probe))
	{
		low = near + 1;
		for (high = low; high < thresholds->count; high += step, step *= 2)
		{
			if (!threshold_under(subject, thresholds, high, probe))
				break;
			low = high + 1;
		}
		return thresholds_between(subject, thresholds, probe, low,
								  Min(high, thresholds->count));
	}

	high = near;
	for (low = near - 1; low >= 0; low -= step, step *= 2)
	{
		if (threshold_under(subject, thresholds, low, probe))
			break;
		high = low;
	}
	return thresholds_between(subject, thresholds, probe, Max(low + 1, 0), high);
}

/* The same, when it is known to be no fewer than low and no more than high. */
static int
thresholds_between(const Subject *subject, const Thresholds *thresholds,
				   const Probe *probe, int low, int high)
{
	while (low < high)
	{
		int			middle = low + (high - low) / 2;

		if (threshold_under(subject, thresholds, middle, probe))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool
threshold_under(const Subject *subject, const Thresholds *thresholds, int place,
				const Probe *probe)
{
	const Threshold *threshold = &thresholds->list[place];
	int			order;

	if (thresholds->keyed && probe->keyed)
		order = probe->key < threshold->key ? -1 : probe->key > threshold->key;
	else
		order = DatumGetInt32(FunctionCall2Coll(unconstify(FmgrInfo *, &subject->compare),
												subject->collation, probe->value,
												threshold->value));
	return order > 0 || (order == 0 && !threshold->after);
}

static Probe
probe_of(const Subject *subject, Datum value)
{
	Probe		probe = {value};

	probe.keyed = keys_comparable(subject->expr_type, subject->type) &&
		value_key(subject->expr_type, value, &probe.key);
	return probe;
}

void
leaf_touch(AudienceIndex *index, Leaf *leaf)
{
	Datum		old_value;
	Datum		new_value;
	bool		old_isnull;
	bool		new_isnull;
	ListCell   *lc;

	index->asked = linitial_int(leaf->audiences);
	if (leaf->timed != NULL && stays_on_side(index, leaf))
		return;
	if (leaf->state == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(GetMemoryChunkContext(index));

		leaf->state = ExecInitExpr(expression_planner(copyObject(leaf->expr)), NULL);
		MemoryContextSwitchTo(old);
	}
	old_value = ExecEvalExprSwitchContext(leaf->state, moment_context(index->before),
										  &old_isnull);
	new_value = ExecEvalExprSwitchContext(leaf->state, moment_context(index->after),
										  &new_isnull);

	/* a boolean */
	if (old_isnull == new_isnull &&
		(old_isnull || DatumGetBool(old_value) == DatumGetBool(new_value)))
		return;
	foreach(lc, leaf->audiences)
		touch(index, lfirst_int(lc));
}

/*
 * last_order_at < now - 60 days: whatever the calendar does, three days ago and
 * today are both on the same side, and nothing has to be evaluated.
 */
static bool
stays_on_side(AudienceIndex *index, Leaf *leaf)
{
	int			side;

	index->curves->ecxt_scantuple = moment_row(index->before);
	side = time_expr_side(leaf->timed->curve, index->curves, moment_at(index->before));
	if (side == 0)
		return false;
	index->curves->ecxt_scantuple = moment_row(index->after);
	return time_expr_side(leaf->timed->curve, index->curves,
					  moment_at(index->after)) == side;
}

/* Each once. */
static void
touch(AudienceIndex *index, int audience)
{
	Watched    *watched = &index->watched[audience];

	if (watched->touched == index->change)
		return;
	watched->touched = index->change;
	index->touched[index->ntouched++] = audience;
}

static Datum
value_of(Subject *subject, Moment *moment, bool *isnull)
{
	TupleTableSlot *row = moment_row(moment);

	if (subject->column != InvalidAttrNumber)
	{
		*isnull = row->tts_isnull[subject->column - 1];
		return row->tts_values[subject->column - 1];
	}
	return ExecEvalExprSwitchContext(subject->state, moment_context(moment), isnull);
}

/* ---- keys ---- */

/*
 * A number in the order of the type's values; false if there is none for this
 * one.  Comparing by a function of the server costs ten times as much.
 */
bool
value_key(Oid type, Datum value, int64 *key)
{
	int			scale;

	switch (type)
	{
		case INT2OID:
			*key = DatumGetInt16(value);
			return true;
		case INT4OID:
		case DATEOID:
			*key = DatumGetInt32(value);
			return true;
		case INT8OID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			*key = DatumGetInt64(value);
			return true;
		case NUMERICOID:
			return fixed_from_numeric(value, key, &scale);
		default:
			return false;
	}
}

/* Can keys of these two types be compared?  A date is no timestamp. */
static bool
keys_comparable(Oid a, Oid b)
{
	bool		integers = (a == INT2OID || a == INT4OID || a == INT8OID) &&
		(b == INT2OID || b == INT4OID || b == INT8OID);

	return a == b || integers;
}
