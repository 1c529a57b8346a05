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

#include "access/sysattr.h"
#include "executor/executor.h"
#include "nodes/nodeFuncs.h"
#include "utils/datum.h"

#include "trait/program.h"

static void run_steps(TraitProgram *program, TraitDelta *delta, int sign,
					  MemoryContext memory);
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

int
trait_row_columns(const TraitProgram *program)
{
	return list_length(program->values);
}

void
trait_row_describe(const TraitProgram *program, TupleDesc desc,
				   AttrNumber first)
{
	ListCell   *lc;

	foreach(lc, program->values)
	{
		const RowValue *value = lfirst(lc);

		TupleDescInitEntry(desc, first + foreach_current_index(lc), NULL,
						   exprType((Node *) value->expr), -1, 0);
	}
}

void
trait_row_evaluate(const TraitProgram *constant, TupleTableSlot *row,
				   Datum *values, bool *isnull)
{
	TraitProgram *program = unconstify(TraitProgram *, constant);
	ListCell   *lc;

	ResetExprContext(program->econtext);
	program->row++;
	program->econtext->ecxt_scantuple = row;
	run_steps(program, NULL, 0, NULL);
	foreach(lc, program->values)
	{
		const RowValue *value = lfirst(lc);
		int			i = foreach_current_index(lc);
		bool		evaluated = value->row == program->row;

		isnull[i] = !evaluated || value->isnull;
		values[i] = isnull[i] ? (Datum) 0 : value->value;
	}
}

void
trait_accumulate_evaluated(const TraitProgram *constant, TraitDelta *delta,
						   const Datum *values, const bool *isnull, int sign,
						   MemoryContext memory)
{
	TraitProgram *program = unconstify(TraitProgram *, constant);
	ListCell   *lc;

	delta->rows += sign;
	if (program->nsteps == 0)
		return;
	program->row++;
	foreach(lc, program->values)
	{
		RowValue   *value = lfirst(lc);
		int			i = foreach_current_index(lc);

		value->value = values[i];
		value->isnull = isnull[i];
		value->row = program->row;
	}
	run_steps(program, delta, sign, memory);
	ResetExprContext(program->econtext);
}

/* ---- one row ---- */

/*
 * run_steps() folds the current row into a delta; if the delta is NULL, only
 * what the steps need of the row is evaluated.
 */
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
	{
		row_evaluate(program, program->time);
		met.at = DatumGetTimestampTz(program->time->value);
		met.has_at = !program->time->isnull;
	}
	for (int i = 0; i < program->nsteps; i++)
	{
		Step	   *step = &program->steps[i];
		const Aggregate *aggregate = step->bound.aggregate;

		program->running = step;
		if (step->where != NULL && !row_true(program, step->where))
			continue;
		if (step->value != NULL)
			row_evaluate(program, step->value);
		if (delta == NULL)
			continue;
		met.value = step->value ? step->value->value : (Datum) 0;
		met.isnull = step->value ? step->value->isnull : false;
		aggregate->accumulate(aggregate, &step->bound.input,
							  (char *) delta + step->delta, &met, memory);
	}
	error_context_stack = callback.previous;
	MemoryContextSwitchTo(old);
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
