/*-------------------------------------------------------------------------
 *
 * program_run.c
 *	  What did the rows of a statement do to a profile?
 *
 * For each row of a statement:
 *
 *		row of orders ─► conditions, each once ─► values, each once
 *					  ─► accumulate(delta of s4) accumulate(delta of s5) ...
 *
 * and for each profile, when the statement's rows are all folded:
 *
 *		delta ─► apply ─► s4, s5 in the profile's row, or "read it again"
 *
 * Nothing in here reads the clock: the caller gives the instant as of which
 * events of a window are kept.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/sysattr.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "nodes/nodeFuncs.h"
#include "port/pg_bitutils.h"
#include "utils/datum.h"

#include "trait/program.h"

/* A step that was applied to its state. */
typedef struct AppliedStep
{
	const Step *step;			/* NULL: none */
	Datum		before[AGGREGATE_COLUMNS];
	bool		before_isnull[AGGREGATE_COLUMNS];
	AggregateResult result;
	Datum		after[AGGREGATE_COLUMNS];
	bool		after_isnull[AGGREGATE_COLUMNS];
} AppliedStep;

static inline int step_columns(const TraitProgram *program);
static void evaluate_steps(TraitProgram *program, TupleTableSlot *row,
						   uint64 *concerned);
static void fold_steps(TraitProgram *program, TraitDelta *delta,
					   const uint64 *concerned, int sign,
					   MemoryContext memory);
static void unpack_shared(TraitProgram *program, TupleTableSlot *row);
static void pack_shared(TraitProgram *program, TupleTableSlot *row);
static inline bool evaluate_step(TraitProgram *program, const Step *step);
static inline void accumulate(const Step *step, TraitDelta *delta,
							  AggregateRow *met, MemoryContext memory);
static inline void note_time(const TraitProgram *program, AggregateRow *met);
static inline bool row_true(TraitProgram *program, RowValue *value);
static inline void row_evaluate(TraitProgram *program, RowValue *value);
static inline bool step_is_unfilled(const TraitProgram *program,
									const Step *step, const Datum *values,
									const bool *isnull);
static AggregateResult apply_step(Step *step, const TraitDelta *delta,
								  TimestampTz now, AppliedStep *last,
								  Datum *state, bool *isnull);
static bool is_applied(const AppliedStep *last, const Step *step,
					   const void *delta, const Datum *state,
					   const bool *isnull);
static bool step_concerns(const Step *step, const TraitDelta *delta);
static const TimeRange *step_kept(Step *step, TimestampTz now);

/* each has columns of its own in the base table */
#define MOST_STEP_COLUMNS \
	(MaxTupleAttributeNumber / STEPS_PER_COLUMN + 1)

Size
trait_delta_size(const TraitProgram *program)
{
	return program->delta_size;
}

bool
trait_reads_column(const TraitProgram *program, AttrNumber attno)
{
	return bms_is_member(attno - FirstLowInvalidHeapAttributeNumber,
						 program->columns);
}

int64
trait_counted(const TraitProgram *program, const TupleTableSlot *row)
{
	int			column = program->counted - 1;

	if (column < 0)
		elog(ERROR, "the rows of source \"%s\" are not counted",
			 program->source->name);
	return row->tts_isnull[column] ? 0 :
		DatumGetInt64(row->tts_values[column]);
}

bool
trait_has_row(const TraitProgram *constant, TupleTableSlot *row)
{
	TraitProgram *program = unconstify(TraitProgram *, constant);
	ErrorContextCallback callback = {
		.previous = error_context_stack,
		.callback = in_program,
		.arg = program,
	};
	MemoryContext old;
	bool		passes;

	if (program->filter == NULL)
		return true;
	program->running = NULL;
	program->evaluated = program->filter;
	error_context_stack = &callback;
	program->row++;
	program->econtext->ecxt_scantuple = row;
	old = MemoryContextSwitchTo(program->econtext->ecxt_per_tuple_memory);
	passes = row_true(program, program->filter);
	error_context_stack = callback.previous;
	MemoryContextSwitchTo(old);
	ResetExprContext(program->econtext);
	return passes;
}

void
trait_accumulate(const TraitProgram *constant, TraitDelta *delta,
				 TupleTableSlot *row, int sign, MemoryContext memory)
{
	TraitProgram *program = unconstify(TraitProgram *, constant);
	uint64		concerned[MOST_STEP_COLUMNS];

	delta->rows += sign;
	if (program->nsteps == 0)
		return;
	evaluate_steps(program, row, concerned);
	fold_steps(program, delta, concerned, sign, memory);
	ResetExprContext(program->econtext);
}

/* ---- rows that are kept, to be folded later ---- */

/*
 *		steps		values
 *		101			12:00, 10		steps 0 and 2 are concerned
 *
 * A column of the first kind says of STEPS_PER_COLUMN steps whether they are.
 */

int
trait_row_columns(const TraitProgram *program)
{
	return step_columns(program) + list_length(program->kept);
}

void
trait_row_describe(const TraitProgram *program, TupleDesc desc,
				   AttrNumber first)
{
	ListCell   *lc;

	for (int i = 0; i < step_columns(program); i++)
		TupleDescInitEntry(desc, first++, NULL, INT8OID, -1, 0);
	foreach(lc, program->kept)
	{
		const RowValue *value = lfirst(lc);

		TupleDescInitEntry(desc, first++, NULL,
						   exprType((Node *) value->expr), -1, 0);
	}
}

void
trait_row_evaluate(const TraitProgram *constant, TupleTableSlot *row,
				   Datum *values, bool *isnull)
{
	TraitProgram *program = unconstify(TraitProgram *, constant);
	uint64		concerned[MOST_STEP_COLUMNS];
	ListCell   *lc;

	ResetExprContext(program->econtext);
	evaluate_steps(program, row, concerned);
	for (int i = 0; i < step_columns(program); i++)
	{
		*values++ = Int64GetDatum((int64) concerned[i]);
		*isnull++ = false;
	}
	foreach(lc, program->kept)
	{
		const RowValue *value = lfirst(lc);
		bool		evaluated = value->row == program->row;

		*isnull = !evaluated || value->isnull;
		*values++ = *isnull ? (Datum) 0 : value->value;
		isnull++;
	}
}

void
trait_accumulate_evaluated(const TraitProgram *constant, TraitDelta *delta,
						   const Datum *values, const bool *isnull, int sign,
						   MemoryContext memory)
{
	TraitProgram *program = unconstify(TraitProgram *, constant);
	uint64		concerned[MOST_STEP_COLUMNS];
	int			column = step_columns(program);
	ListCell   *lc;

	delta->rows += sign;
	if (program->nsteps == 0)
		return;
	for (int i = 0; i < column; i++)
		concerned[i] = (uint64) DatumGetInt64(values[i]);
	foreach(lc, program->kept)
	{
		RowValue   *value = lfirst(lc);

		value->value = values[column];
		value->isnull = isnull[column++];
		value->row = 0;
	}
	fold_steps(program, delta, concerned, sign, memory);
	ResetExprContext(program->econtext);
}

/* ---- one row ---- */

/* step_columns() is how many numbers say which steps a row concerns. */
static inline int
step_columns(const TraitProgram *program)
{
	return (program->nsteps + STEPS_PER_COLUMN - 1) / STEPS_PER_COLUMN;
}

/*
 * evaluate_steps() evaluates what the steps need of a row, and says which of
 * them it concerns.
 */
static void
evaluate_steps(TraitProgram *program, TupleTableSlot *row, uint64 *concerned)
{
	ErrorContextCallback callback = {
		.previous = error_context_stack,
		.callback = in_program,
		.arg = program,
	};
	MemoryContext old;

	program->row++;
	program->econtext->ecxt_scantuple = row;
	program->running = NULL;
	program->evaluated = program->time;
	error_context_stack = &callback;
	old = MemoryContextSwitchTo(program->econtext->ecxt_per_tuple_memory);
	memset(concerned, 0, sizeof(uint64) * step_columns(program));
	comparison_read_row(program, row);
	unpack_shared(program, row);
	if (program->time != NULL)
		row_evaluate(program, program->time);
	for (int i = 0; i < program->nsteps; i++)
		if (evaluate_step(program, &program->steps[i]))
			concerned[i / STEPS_PER_COLUMN] |=
				UINT64CONST(1) << (i % STEPS_PER_COLUMN);
	pack_shared(program, row);
	error_context_stack = callback.previous;
	MemoryContextSwitchTo(old);
}

/*
 * unpack_shared() gives numerics that several values read the form in which
 * the server computes with them, or else each of these would make a copy of
 * its own.  pack_shared() puts them back.
 */
static void
unpack_shared(TraitProgram *program, TupleTableSlot *row)
{
	for (int i = 0; i < program->nshared; i++)
	{
		int			column = program->shared[i] - 1;

		slot_getsomeattrs(row, column + 1);
		program->packed[i] = row->tts_values[column];
		if (!row->tts_isnull[column])
			row->tts_values[column] =
				PointerGetDatum(PG_DETOAST_DATUM(row->tts_values[column]));
	}
}

static void
pack_shared(TraitProgram *program, TupleTableSlot *row)
{
	for (int i = 0; i < program->nshared; i++)
		row->tts_values[program->shared[i] - 1] = program->packed[i];
}

/*
 * evaluate_step() evaluates what a step needs of the current row; false if the
 * row does not concern it.
 */
static inline bool
evaluate_step(TraitProgram *program, const Step *step)
{
	program->running = step;
	if (step->where != NULL)
	{
		bool		known;
		bool		passes = comparison_true(program, step->where, &known);

		if (known ? !passes : !row_true(program, step->where))
			return false;
	}
	if (step->value != NULL)
		row_evaluate(program, step->value);
	return true;
}

/*
 * fold_steps() folds a row of which the values are set into a delta, for the
 * steps that it concerns.
 */
static void
fold_steps(TraitProgram *program, TraitDelta *delta, const uint64 *concerned,
		   int sign, MemoryContext memory)
{
	ErrorContextCallback callback = {
		.previous = error_context_stack,
		.callback = in_program,
		.arg = program,
	};
	AggregateRow met = {.sign = sign};
	MemoryContext old;

	error_context_stack = &callback;
	old = MemoryContextSwitchTo(program->econtext->ecxt_per_tuple_memory);
	note_time(program, &met);
	for (int i = 0; i < step_columns(program); i++)
	{
		for (uint64 steps = concerned[i]; steps != 0; steps &= ~met.steps)
		{
			const Step *step = &program->steps[i * STEPS_PER_COLUMN +
											   pg_rightmost_one_pos64(steps)];

			program->running = step;
			met.steps = steps & step->sharing;
			accumulate(step, delta, &met, memory);
		}
	}
	error_context_stack = callback.previous;
	MemoryContextSwitchTo(old);
}

/* accumulate() folds a row whose value is evaluated into a step's delta. */
static inline void
accumulate(const Step *step, TraitDelta *delta, AggregateRow *met,
		   MemoryContext memory)
{
	const Aggregate *aggregate = step->bound.aggregate;

	met->value = step->value ? step->value->value : (Datum) 0;
	met->isnull = step->value ? step->value->isnull : false;
	aggregate->accumulate(aggregate, &step->bound.input,
						  (char *) delta + step->delta, met, memory);
}

/* note_time() tells an aggregate when the row was. */
static inline void
note_time(const TraitProgram *program, AggregateRow *met)
{
	if (program->time == NULL)
		return;
	met->at = DatumGetTimestampTz(program->time->value);
	met->has_at = !program->time->isnull;
}

static inline bool
row_true(TraitProgram *program, RowValue *value)
{
	row_evaluate(program, value);
	return !value->isnull && DatumGetBool(value->value);
}

/* Evaluate a value for the current row, once. */
static inline void
row_evaluate(TraitProgram *program, RowValue *value)
{
	if (value->row == program->row)
		return;
	value->value = ExecEvalExpr(value->state, program->econtext,
								&value->isnull);
	value->row = program->row;
}

void
trait_delta_empty(const TraitProgram *program, TraitDelta *delta)
{
	int64		rows = delta->rows;

	memset(delta, 0, program->delta_size);
	delta->rows = rows;
	delta->emptied = true;
}

void
trait_empty(const TraitProgram *program, const TupleTableSlot *blank,
			Datum *values, bool *isnull)
{
	for (int i = 0; i < program->nsteps; i++)
	{
		const Step *step = &program->steps[i];

		for (int c = 0; c < step->bound.ncolumns; c++)
		{
			int			attno = step->columns[c] - 1;

			values[attno] = blank->tts_values[attno];
			isnull[attno] = blank->tts_isnull[attno];
		}
	}
}

bool
trait_same(const TraitProgram *constant, TupleTableSlot *old_row,
		   TupleTableSlot *new_row)
{
	TraitProgram *program = unconstify(TraitProgram *, constant);
	ErrorContextCallback callback = {
		.previous = error_context_stack,
		.callback = in_program,
		.arg = program,
	};
	bool		same = true;
	ListCell   *lc;
	MemoryContext old;

	/* what both rows evaluate to lives until the reset */
	old = MemoryContextSwitchTo(program->econtext->ecxt_per_tuple_memory);

	program->running = NULL;
	error_context_stack = &callback;
	foreach(lc, program->values)
	{
		RowValue   *value = lfirst(lc);
		Datum		before;
		bool		before_isnull;

		program->evaluated = value;
		program->econtext->ecxt_scantuple = old_row;
		before = ExecEvalExpr(value->state, program->econtext, &before_isnull);
		program->econtext->ecxt_scantuple = new_row;
		value->value = ExecEvalExpr(value->state, program->econtext,
									&value->isnull);
		value->row = 0;
		if (before_isnull != value->isnull ||
			(!before_isnull &&
			 !datumIsEqual(before, value->value, value->typbyval,
						   value->typlen)))
		{
			same = false;
			break;
		}
	}
	error_context_stack = callback.previous;
	MemoryContextSwitchTo(old);
	ResetExprContext(program->econtext);
	return same;
}

TraitResult
trait_apply(const TraitProgram *constant, const TraitDelta *delta,
			TimestampTz now, Datum *values, bool *isnull)
{
	TraitProgram *program = unconstify(TraitProgram *, constant);
	ErrorContextCallback callback = {
		.previous = error_context_stack,
		.callback = in_program,
		.arg = program,
	};
	TraitResult result = TRAIT_UNCHANGED;
	AppliedStep last;

	last.step = NULL;
	error_context_stack = &callback;
	for (int i = 0; i < program->nsteps; i++)
	{
		Step	   *step = &program->steps[i];
		Datum		state[AGGREGATE_COLUMNS];
		bool		state_isnull[AGGREGATE_COLUMNS];

		if (step_is_unfilled(program, step, values, isnull))
		{
			if (step_concerns(step, delta))
				result = TRAIT_CHANGED;
			continue;
		}
		program->running = step;
		for (int c = 0; c < step->bound.ncolumns; c++)
		{
			state[c] = values[step->columns[c] - 1];
			state_isnull[c] = isnull[step->columns[c] - 1];
		}
		switch (apply_step(step, delta, now, &last, state, state_isnull))
		{
			case AGGREGATE_UNCHANGED:
				continue;
			case AGGREGATE_RECOMPUTE:
				error_context_stack = callback.previous;
				return TRAIT_REREAD;
			case AGGREGATE_CHANGED:
				result = TRAIT_CHANGED;
				break;
		}
		for (int c = 0; c < step->bound.ncolumns; c++)
		{
			values[step->columns[c] - 1] = state[c];
			isnull[step->columns[c] - 1] = state_isnull[c];
		}
	}
	error_context_stack = callback.previous;
	return result;
}

/*
 * apply_step() applies a step's delta to its state.  Of a customer with few
 * events many conditions say the same: then the state becomes what that of the
 * step before became.
 */
static AggregateResult
apply_step(Step *step, const TraitDelta *delta, TimestampTz now,
		   AppliedStep *last, Datum *state, bool *isnull)
{
	const Aggregate *aggregate = step->bound.aggregate;
	const TimeRange *kept = step_kept(step, now);
	const void *own = (const char *) delta + step->delta;
	int			ncolumns = step->bound.ncolumns;

	if (aggregate->alike == NULL || step->sharing == step->bound.input.step)
		return aggregate->apply(aggregate, &step->bound.input, own, kept,
								state, isnull);
	if (!is_applied(last, step, own, state, isnull))
	{
		last->step = step;
		memcpy(last->before, state, sizeof(Datum) * ncolumns);
		memcpy(last->before_isnull, isnull, sizeof(bool) * ncolumns);
		last->result = aggregate->apply(aggregate, &step->bound.input, own,
										kept, state, isnull);
		memcpy(last->after, state, sizeof(Datum) * ncolumns);
		memcpy(last->after_isnull, isnull, sizeof(bool) * ncolumns);
	}
	memcpy(state, last->after, sizeof(Datum) * ncolumns);
	memcpy(isnull, last->after_isnull, sizeof(bool) * ncolumns);
	return last->result;
}

/*
 * is_applied() says whether the same has been applied to the same state, whose
 * columns are of variable length.
 */
static bool
is_applied(const AppliedStep *last, const Step *step, const void *delta,
		   const Datum *state, const bool *isnull)
{
	const Step *other = last->step;

	if (other == NULL || other->delta != step->delta ||
		other->bound.aggregate != step->bound.aggregate ||
		other->kept.from != step->kept.from ||
		other->kept.to != step->kept.to)
		return false;
	for (int c = 0; c < step->bound.ncolumns; c++)
		if (isnull[c] != last->before_isnull[c] ||
			(!isnull[c] &&
			 !datumIsEqual(state[c], last->before[c], false, -1)))
			return false;
	return step->bound.aggregate->alike(delta, other->bound.input.step,
										step->bound.input.step);
}

/*
 * step_is_unfilled() says whether a build has still to fill a step's columns
 * in a profile's row.
 */
static inline bool
step_is_unfilled(const TraitProgram *program, const Step *step,
				 const Datum *values, const bool *isnull)
{
	int			column = program->build_column - 1;

	return step->build != 0 &&
		(isnull[column] || DatumGetInt32(values[column]) != step->build);
}

/* step_concerns() says whether a delta may change a step's columns. */
static bool
step_concerns(const Step *step, const TraitDelta *delta)
{
	const char *own = (const char *) delta + step->delta;

	for (Size i = 0; i < step->bound.aggregate->delta_size; i++)
		if (own[i] != 0)
			return true;
	return false;
}

/* Which events of a step's window are kept?  Found once for a whole batch. */
static const TimeRange *
step_kept(Step *step, TimestampTz now)
{
	if (step->window == NULL)
		return NULL;
	if (!step->kept_known || step->kept_now != now)
	{
		step->kept = step->bound.settles ?
			window_unsettled(step->window, now) :
			window_kept(step->window, now);
		step->kept_now = now;
		step->kept_known = true;
	}
	return &step->kept;
}
