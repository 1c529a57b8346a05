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

static void run_steps(TraitProgram *program, TraitDelta *delta, int sign,
					  MemoryContext memory);
static void evaluate_steps(TraitProgram *program, uint64 *concerned);
static void fold_steps(TraitProgram *program, TraitDelta *delta,
					   const Datum *concerned, int sign,
					   MemoryContext memory);
static inline bool evaluate_step(TraitProgram *program, const Step *step);
static inline void accumulate(const Step *step, TraitDelta *delta,
							  AggregateRow *met, MemoryContext memory);
static inline void note_time(const TraitProgram *program, AggregateRow *met);
static inline bool row_true(TraitProgram *program, RowValue *value);
static inline void row_evaluate(TraitProgram *program, RowValue *value);
static inline bool step_is_unfilled(const TraitProgram *program,
									const Step *step, const Datum *values,
									const bool *isnull);
static bool step_concerns(const Step *step, const TraitDelta *delta);
static const TimeRange *step_kept(Step *step, TimestampTz now);

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

	delta->rows += sign;
	if (program->nsteps == 0)
		return;
	program->row++;
	program->econtext->ecxt_scantuple = row;
	run_steps(program, delta, sign, memory);
	ResetExprContext(program->econtext);
}

/* ---- rows that are kept, to be folded later ---- */

/*
 *		steps		values
 *		101			12:00, 10		steps 0 and 2 are concerned
 *
 * A column of the first kind says of so many steps whether they are.
 */
#define STEPS_PER_COLUMN	64

static inline int
step_columns(const TraitProgram *program)
{
	return (program->nsteps + STEPS_PER_COLUMN - 1) / STEPS_PER_COLUMN;
}

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
	int			ncolumns = step_columns(program);
	uint64		concerned[MaxTupleAttributeNumber];
	ListCell   *lc;

	ResetExprContext(program->econtext);
	program->row++;
	program->econtext->ecxt_scantuple = row;
	memset(concerned, 0, sizeof(uint64) * ncolumns);
	evaluate_steps(program, concerned);
	for (int i = 0; i < ncolumns; i++)
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
	int			column = step_columns(program);
	ListCell   *lc;

	delta->rows += sign;
	if (program->nsteps == 0)
		return;
	foreach(lc, program->kept)
	{
		RowValue   *value = lfirst(lc);

		value->value = values[column];
		value->isnull = isnull[column++];
		value->row = 0;
	}
	fold_steps(program, delta, values, sign, memory);
	ResetExprContext(program->econtext);
}

/* evaluate_steps() evaluates what the steps need of the current row. */
static void
evaluate_steps(TraitProgram *program, uint64 *concerned)
{
	ErrorContextCallback callback = {
		.previous = error_context_stack,
		.callback = in_program,
		.arg = program,
	};
	MemoryContext old;

	program->running = NULL;
	program->evaluated = program->time;
	error_context_stack = &callback;
	old = MemoryContextSwitchTo(program->econtext->ecxt_per_tuple_memory);
	if (program->time != NULL)
		row_evaluate(program, program->time);
	for (int i = 0; i < program->nsteps; i++)
		if (evaluate_step(program, &program->steps[i]))
			concerned[i / STEPS_PER_COLUMN] |=
				UINT64CONST(1) << (i % STEPS_PER_COLUMN);
	error_context_stack = callback.previous;
	MemoryContextSwitchTo(old);
}

/* fold_steps() folds a row of which the values are set into a delta. */
static void
fold_steps(TraitProgram *program, TraitDelta *delta, const Datum *concerned,
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
		uint64		steps = (uint64) DatumGetInt64(concerned[i]);

		for (; steps != 0; steps &= steps - 1)
		{
			const Step *step = &program->steps[i * STEPS_PER_COLUMN +
											   pg_rightmost_one_pos64(steps)];

			program->running = step;
			accumulate(step, delta, &met, memory);
		}
	}
	error_context_stack = callback.previous;
	MemoryContextSwitchTo(old);
}

/* ---- one row ---- */

/* run_steps() folds the current row into a delta. */
static void
run_steps(TraitProgram *program, TraitDelta *delta, int sign,
		  MemoryContext memory)
{
	ErrorContextCallback callback = {
		.previous = error_context_stack,
		.callback = in_program,
		.arg = program,
	};
	AggregateRow met = {.sign = sign};
	MemoryContext old;

	program->running = NULL;
	program->evaluated = program->time;
	error_context_stack = &callback;
	old = MemoryContextSwitchTo(program->econtext->ecxt_per_tuple_memory);

	if (program->time != NULL)
		row_evaluate(program, program->time);
	note_time(program, &met);
	for (int i = 0; i < program->nsteps; i++)
	{
		const Step *step = &program->steps[i];

		if (evaluate_step(program, step))
			accumulate(step, delta, &met, memory);
	}
	error_context_stack = callback.previous;
	MemoryContextSwitchTo(old);
}

/*
 * evaluate_step() evaluates what a step needs of the current row; false if the
 * row does not concern it.
 */
static inline bool
evaluate_step(TraitProgram *program, const Step *step)
{
	program->running = step;
	if (step->where != NULL && !row_true(program, step->where))
		return false;
	if (step->value != NULL)
		row_evaluate(program, step->value);
	return true;
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

	error_context_stack = &callback;
	for (int i = 0; i < program->nsteps; i++)
	{
		Step	   *step = &program->steps[i];
		const Aggregate *aggregate = step->bound.aggregate;
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
		switch (aggregate->apply(aggregate, &step->bound.input,
								 (const char *) delta + step->delta,
								 step_kept(step, now), state, state_isnull))
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
