/*-------------------------------------------------------------------------
 *
 * program.c
 *	  What do the rows of one source do to a profile?
 *
 * A source's program is the list of its stored traits, bound and ready to
 * run.  For each row of a statement:
 *
 *		row of orders ─► conditions, each once ─► values, each once
 *					  ─► accumulate(delta of s4) accumulate(delta of s5) ...
 *
 * and for each profile, when the statement's rows are all folded:
 *
 *		delta ─► apply ─► s4, s5 in the profile's row, or "read it again"
 *
 * Two traits with the same condition or value share its evaluation.
 *
 * A program is compiled once per backend and source and lives until a
 * definition changes.  Nothing in here reads the clock: which events of a
 * window are kept is an expression over "now", which is given.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/params.h"
#include "optimizer/optimizer.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"

#include "base/base.h"
#include "trait/trait_private.h"

/* An expression over the source's row, evaluated at most once per row. */
typedef struct RowValue
{
	Expr	   *expr;
	ExprState  *state;
	Datum		value;
	bool		isnull;
	uint64		row;			/* for which row it was evaluated */
	int16		typlen;
	bool		typbyval;
} RowValue;

/* A stored trait, ready to run. */
typedef struct Step
{
	BoundTrait	bound;
	RowValue   *value;			/* NULL: rows are counted */
	RowValue   *where;			/* NULL: all rows */
	Size		delta;			/* its place in the delta */
	AttrNumber	columns[AGGREGATE_COLUMNS]; /* in the base table */
	char	   *told;			/* what it is and for which traits, for errors */

	/* of a window: which events are kept, as of an instant */
	FilterWindow *window;
	bool		kept_known;
	TimestampTz kept_now;
	TimeRange	kept;
} Step;

struct TraitProgram
{
	const Source *source;
	int			nsteps;
	Step	   *steps;
	Size		delta_size;
	List	   *values;			/* all RowValues, each once; the key's too */
	RowValue   *time;			/* NULL for an attribute source */
	ExprContext *econtext;
	uint64		row;			/* numbers the rows evaluated */
	const Step *running;		/* what an error comes from: this step, */
	const RowValue *evaluated;	/* or the first one that needs this value */
	SPIPlanPtr	reread;			/* saved plan, made when first needed */
};

typedef struct ProgramKey
{
	Oid			base;
	NameData	source;
} ProgramKey;

typedef struct ProgramEntry
{
	ProgramKey	key;			/* hash key */
	CacheSlot	slot;			/* holds the program */
	Oid			relid;			/* the source's table */
	TraitProgram *program;
} ProgramEntry;

static Cache *programs = NULL;

static TraitProgram *program_make(const Source *source);
static void bind_step(TraitProgram *program, Step *step,
					  const StoredTrait *stored);
static void find_columns(Step *step, const Population *population,
						 const StoredTrait *stored);
static char *how_to_mend(const Source *source, const StoredTrait *stored);
static void tell_steps(TraitProgram *program, const List *stored);
static void in_program(void *arg);
static void in_reread(void *arg);
pg_noreturn static void type_changed(const Population *population,
									 const StoredTrait *stored, Oid now,
									 Oid before);
static void check_collation(const Population *population,
							const StoredTrait *stored,
							const AggregateColumn *expected,
							AttrNumber column);
static RowValue *program_share(List **shared, Expr *expr);
static void program_forget(void *arg);
static const TimeRange *step_kept(Step *step, TimestampTz now);
static Expr *now_parameter(int number);
static bool row_true(TraitProgram *program, RowValue *value);
static void row_evaluate(TraitProgram *program, RowValue *value);
static void program_select(const Source *source, List *bound, List *columns,
						   Expr *now, StringInfo out);
static char *select_condition(const Source *source, const BoundTrait *trait,
							  const char *time, List *context, Expr *now);
static char *counted_after(const Source *source, const BoundTrait *trait);
static bool made_of(const void *entry, Oid relid);

void
program_init(void)
{
	static const CacheKind kind = {
		.name = "segment programs",
		.key_size = sizeof(ProgramKey),
		.entry_size = sizeof(ProgramEntry),
		.slot = offsetof(ProgramEntry, slot),
		.holds_sql = true,		/* to read a profile's rows again */
		.made_of = made_of,
	};

	programs = cache_create(&kind);
}

const TraitProgram *
trait_program(const Source *source)
{
	ProgramEntry made = {0};
	ProgramEntry *entry;
	TraitProgram *program;
	MemoryContext context;
	MemoryContext old;
	MemoryContextCallback *callback;
	uint64		begun = cache_begin();

	made.key.base = source->population->base;
	namestrcpy(&made.key.source, source->name);
	entry = cache_find(programs, &made.key);
	if (entry != NULL)
		return entry->program;

	context = AllocSetContextCreate(CurrentMemoryContext, "segment program",
									ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(context);
	program = program_make(source);
	callback = palloc0(sizeof(MemoryContextCallback));
	callback->func = program_forget;
	callback->arg = program;
	MemoryContextRegisterResetCallback(context, callback);
	MemoryContextSwitchTo(old);

	made.program = program;
	made.relid = source->relid;
	(void) cache_put(programs, &made, context, begun);
	return program;
}

Size
trait_delta_size(const TraitProgram *program)
{
	return program->delta_size;
}

void
trait_accumulate(const TraitProgram *constant, TraitDelta *delta,
				 TupleTableSlot *row, int sign, MemoryContext memory)
{
	TraitProgram *program = unconstify(TraitProgram *, constant);
	ErrorContextCallback callback = {
		.previous = error_context_stack,
		.callback = in_program,
		.arg = program,
	};
	MemoryContext old;

	delta->rows += sign;
	delta->touched++;
	if (program->nsteps == 0)
		return;

	program->running = NULL;
	program->evaluated = program->time;
	error_context_stack = &callback;
	program->row++;
	program->econtext->ecxt_scantuple = row;
	old = MemoryContextSwitchTo(program->econtext->ecxt_per_tuple_memory);

	if (program->time != NULL)
		row_evaluate(program, program->time);
	for (int i = 0; i < program->nsteps; i++)
	{
		Step	   *step = &program->steps[i];

		program->running = step;
		if (step->where != NULL && !row_true(program, step->where))
			continue;
		if (step->value != NULL)
			row_evaluate(program, step->value);
		step->bound.aggregate->accumulate(&step->bound.input,
										  (char *) delta + step->delta,
										  step->value ? step->value->value : (Datum) 0,
										  step->value ? step->value->isnull : false,
										  program->time ? DatumGetTimestampTz(program->time->value) : 0,
										  program->time != NULL && !program->time->isnull,
										  sign, memory);
	}
	error_context_stack = callback.previous;

	MemoryContextSwitchTo(old);
	ResetExprContext(program->econtext);
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

	/* what both rows evaluate to lives until the reset */
	MemoryContext old = MemoryContextSwitchTo(program->econtext->ecxt_per_tuple_memory);

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
		value->value = ExecEvalExpr(value->state, program->econtext, &value->isnull);
		value->row = 0;
		if (before_isnull != value->isnull ||
			(!before_isnull &&
			 !datumIsEqual(before, value->value, value->typbyval, value->typlen)))
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
		Datum		state[AGGREGATE_COLUMNS];
		bool		state_isnull[AGGREGATE_COLUMNS];

		program->running = step;
		for (int c = 0; c < step->bound.ncolumns; c++)
		{
			state[c] = values[step->columns[c] - 1];
			state_isnull[c] = isnull[step->columns[c] - 1];
		}
		switch (step->bound.aggregate->apply(&step->bound.input,
											 (const char *) delta + step->delta,
											 step_kept(step, now),
											 state, state_isnull))
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

void
trait_reread(const TraitProgram *constant, Datum key, TimestampTz now,
			 Datum *values, bool *isnull)
{
	TraitProgram *program = unconstify(TraitProgram *, constant);
	const Source *source = program->source;
	int			level = settings_pin_all_rows();
	MemoryContext caller = CurrentMemoryContext;
	TupleDesc	desc;
	int			column = 1;
	Datum		parameters[2] = {key, TimestampTzGetDatum(now)};
	ErrorContextCallback callback = {
		.previous = error_context_stack,
		.callback = in_reread,
		.arg = program,
	};

	error_context_stack = &callback;
	if (program->reread == NULL)
	{
		StringInfoData sql;
		List	   *bound = NIL;

		for (int i = 0; i < program->nsteps; i++)
			bound = lappend(bound, &program->steps[i].bound);
		initStringInfo(&sql);
		appendStringInfoString(&sql, "SELECT ");
		program_select(source, bound, NIL, now_parameter(2), &sql);
		appendStringInfo(&sql, " FROM %s AS r WHERE r.%s OPERATOR(pg_catalog.=) $1",
						 source_from_sql(source), source_key_column(source));
		program->reread = SPI_prepare(sql.data, 2,
									  (Oid[]) {source->population->key_type, TIMESTAMPTZOID});
		if (program->reread == NULL || SPI_keepplan(program->reread) != 0)
			elog(ERROR, "could not prepare \"%s\"", sql.data);
	}

	/*
	 * Not read-only: under READ COMMITTED this takes a new snapshot, after the
	 * profile's row was locked, so that it sees whatever was applied to it.
	 */
	if (SPI_execute_plan(program->reread, parameters, NULL, false, 0) != SPI_OK_SELECT ||
		SPI_processed != 1)
		elog(ERROR, "could not read source \"%s\" again", source->name);

	desc = SPI_tuptable->tupdesc;
	for (int i = 0; i < program->nsteps; i++)
	{
		const Step *step = &program->steps[i];

		for (int c = 0; c < step->bound.ncolumns; c++, column++)
		{
			Form_pg_attribute att = TupleDescAttr(desc, column - 1);
			AttrNumber	attno = step->columns[c];
			MemoryContext spi;

			/* a value of another type than the column's would corrupt the row */
			if (att->atttypid != step->bound.columns[c].type)
				elog(ERROR, "column %d read from source \"%s\" is of type %u, not %u",
					 column, source->name, att->atttypid,
					 step->bound.columns[c].type);

			values[attno - 1] = SPI_getbinval(SPI_tuptable->vals[0], desc, column,
											  &isnull[attno - 1]);
			spi = MemoryContextSwitchTo(caller);
			if (!isnull[attno - 1])
				values[attno - 1] = datumCopy(values[attno - 1], att->attbyval,
											  att->attlen);
			MemoryContextSwitchTo(spi);
		}
	}
	SPI_freetuptable(SPI_tuptable);
	error_context_stack = callback.previous;
	AtEOXact_GUC(true, level);
}

/* A stored trait to be bound. */
typedef struct BindOne
{
	const Source *source;
	const StoredTrait *stored;
} BindOne;

static void
bind_one(void *arg)
{
	const BindOne *one = arg;
	Step		step = {.told = one->stored->text};
	TraitProgram program = {.source = one->source};

	bind_step(&program, &step, one->stored);
}

List *
trait_stored_binding(const Source *source, List **unbound)
{
	List	   *names = NIL;
	ListCell   *lc;

	*unbound = NIL;
	foreach(lc, stored_list(source->population))
	{
		const StoredTrait *stored = lfirst(lc);
		BindOne		one = {source, stored};
		ErrorData  *error;

		if (strcmp(stored->source, source->name) != 0)
			continue;
		error = attempt(bind_one, &one);
		if (error == NULL)
			names = lappend(names, stored->name);
		else
		{
			TraitUnbound *broken = palloc(sizeof(TraitUnbound));

			broken->definition = stored->text;
			broken->reason = error->message;
			*unbound = lappend(*unbound, broken);
		}
	}
	return names;
}

char *
trait_source_query(const Source *source, List *stored, List **columns)
{
	StringInfoData sql;
	List	   *bound = NIL;
	ListCell   *lc;
	char	   *key;

	source_check(source);
	key = source_key_column(source);
	*columns = NIL;
	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT r.%s::%s%s AS key, pg_catalog.count(*) AS source_rows",
					 key, format_type_be_qualified(source->population->key_type),
					 source->population->key_type == TEXTOID ?
					 " COLLATE pg_catalog.\"default\"" : "");

	foreach(lc, stored_list(source->population))
	{
		const StoredTrait *one = lfirst(lc);
		BoundTrait *trait;
		ListCell   *name;
		bool		wanted = false;

		if (strcmp(one->source, source->name) != 0)
			continue;
		foreach(name, stored)
			wanted |= strcmp(lfirst(name), one->name) == 0;
		if (!wanted)
			continue;

		trait = palloc(sizeof(BoundTrait));
		stored_bind(source, one->definition, NULL, trait);
		bound = lappend(bound, trait);
		for (int c = 0; c < trait->ncolumns; c++)
		{
			TraitColumn *column = palloc(sizeof(TraitColumn));

			column->name = pstrdup(quote_identifier(stored_column(one->name, &trait->columns[c])));
			column->type = trait->columns[c].type;
			column->is_value = trait->aggregate->is_value;
			column->initial = trait->columns[c].initial ? trait->columns[c].initial : "NULL";
			column->definition = one->text;
			column->counted_after = counted_after(source, trait);
			*columns = lappend(*columns, column);
		}
	}

	if (bound != NIL)
		appendStringInfoString(&sql, ", ");
	program_select(source, bound, *columns, NULL, &sql);
	appendStringInfo(&sql, " FROM %s AS r WHERE r.%s IS NOT NULL GROUP BY r.%s",
					 source_from_sql(source), key, key);
	return sql.data;
}

char *
trait_column_compared(const TraitColumn *column, const char *value)
{
	if (column->counted_after == NULL)
		return pstrdup(value);
	return psprintf("%s.series_after(%s, %s)", SEGMENT_SCHEMA, value,
					column->counted_after);
}

/* The program of a source, in the current context. */
static TraitProgram *
program_make(const Source *source)
{
	TraitProgram *program = palloc0(sizeof(TraitProgram));
	const Population *population = source->population;
	List	   *stored = NIL;	/* of this source */
	Expr	   *time = source_time(source);
	Source	   *copy = palloc(sizeof(Source));
	ListCell   *lc;

	foreach(lc, stored_list(population))
		if (strcmp(((const StoredTrait *) lfirst(lc))->source, source->name) == 0)
			stored = lappend(stored, lfirst(lc));

	/* the source and the population may be reloaded before the program is */
	*copy = *source;
	copy->name = pstrdup(source->name);
	copy->population = population_copy(population);
	program->source = copy;

	program->econtext = CreateStandaloneExprContext();
	program->econtext->ecxt_param_list_info = makeParamList(1);
	program->econtext->ecxt_param_list_info->params[0] = (ParamExternData) {
		.ptype = TIMESTAMPTZOID,
	};
	program->nsteps = list_length(stored);
	program->steps = palloc0(sizeof(Step) * program->nsteps);
	tell_steps(program, stored);
	program->delta_size = MAXALIGN(sizeof(TraitDelta));
	(void) program_share(&program->values,
						 (Expr *) makeVar(1, source->key_attno, source->key_type, -1,
										  source->key_type == VARCHAROID ?
										  DEFAULT_COLLATION_OID :
										  get_typcollation(source->key_type), 0));
	if (time != NULL)
		program->time = program_share(&program->values, time);

	foreach(lc, stored)
	{
		const StoredTrait *one = lfirst(lc);
		Step	   *step = &program->steps[foreach_current_index(lc)];

		bind_step(program, step, one);
		if (step->bound.value != NULL)
			step->value = program_share(&program->values, step->bound.value);
		if (step->bound.where != NULL)
			step->where = program_share(&program->values, step->bound.where);
		if (step->bound.window != NULL)
			step->window = filter_window(step->bound.window, population->timezone);
		step->delta = program->delta_size;
		program->delta_size += MAXALIGN(step->bound.aggregate->delta_size);
	}
	return program;
}

/*
 * What an error in a step is about, in words: whoever inserts an order may never
 * have heard of the trait.  They are found now, as nothing can be looked up when an
 * error is there.
 */
static void
tell_steps(TraitProgram *program, const List *stored)
{
	const Source *source = program->source;
	const Population *population = source->population;
	MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext,
												  "segment names of traits",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(scratch);
	StringInfoData *traits = palloc0(sizeof(StringInfoData) * program->nsteps);
	const char **texts = palloc0(sizeof(char *) * program->nsteps);
	const Trait **last = palloc0(sizeof(Trait *) * program->nsteps);
	int			step;
	ListCell   *lc;
	ListCell   *needed;

	foreach(lc, stored)
	{
		step = foreach_current_index(lc);
		initStringInfo(&traits[step]);
		texts[step] = ((const StoredTrait *) lfirst(lc))->text;
	}
	foreach(lc, trait_list(population))
	{
		const Trait *trait = lfirst(lc);

		foreach(needed, stored_needed(population, trait->definition, NULL))
		{
			const char *text = filter_print(lfirst(needed));

			for (step = 0; step < program->nsteps; step++)
				if (last[step] != trait && strcmp(texts[step], text) == 0)
				{
					appendStringInfo(&traits[step], "%s\"%s\"",
									 traits[step].len == 0 ? "" : ", ", trait->name);
					last[step] = trait;
				}
		}
	}

	MemoryContextSwitchTo(old);
	for (step = 0; step < program->nsteps; step++)
		program->steps[step].told =
			psprintf("%s of source \"%s\" up to date for %s%s of population \"%s\"",
					 texts[step], source->name,
					 traits[step].len == 0 ? "audiences" :
					 strchr(traits[step].data, ',') != NULL ? "traits " : "trait ",
					 traits[step].data, population->name);
	MemoryContextDelete(scratch);
}

static void
in_program(void *arg)
{
	const TraitProgram *program = arg;
	const Step *step = program->running;

	for (int i = 0; step == NULL && i < program->nsteps; i++)
		if (program->steps[i].value == program->evaluated ||
			program->steps[i].where == program->evaluated)
			step = &program->steps[i];
	if (step != NULL)
		errcontext("extension segment keeping %s", step->told);
	else
		errcontext("extension segment keeping population \"%s\" up to date with source \"%s\"",
				   program->source->population->name, program->source->name);
}

static void
in_reread(void *arg)
{
	const TraitProgram *program = arg;

	errcontext("extension segment reading source \"%s\" of population \"%s\" again",
			   program->source->name, program->source->population->name);
}

/* What is kept of a window at an instant, for all profiles of a batch. */
static const TimeRange *
step_kept(Step *step, TimestampTz now)
{
	if (step->window == NULL)
		return NULL;
	if (!step->kept_known || step->kept_now != now)
	{
		/* what is not due yet will be, unless that is after the window's end */
		step->kept.from = filter_window_range(step->window, now - FILTER_WINDOW_KEPT)->first;
		step->kept.to = filter_window_last(step->window);
		step->kept_now = now;
		step->kept_known = true;
	}
	return &step->kept;
}

static Expr *
now_parameter(int number)
{
	Param	   *now = makeNode(Param);

	now->paramkind = PARAM_EXTERN;
	now->paramid = number;
	now->paramtype = TIMESTAMPTZOID;
	now->paramtypmod = -1;
	now->location = -1;
	return (Expr *) now;
}

/*
 * This runs in somebody's INSERT, who may never have heard of the trait: say
 * what it is about if the table is not what it was, and who can mend it.
 */
static void
bind_step(TraitProgram *program, Step *step, const StoredTrait *stored)
{
	MemoryContext caller = CurrentMemoryContext;
	ErrorContextCallback callback = {
		.previous = error_context_stack,
		.callback = in_program,
		.arg = program,
	};

	program->running = step;
	error_context_stack = &callback;
	PG_TRY();
	{
		stored_bind(program->source, stored->definition, NULL, &step->bound);
		find_columns(step, program->source->population, stored);
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(caller);
		error = CopyErrorData();
		if (!error_is_of_definition(error->sqlerrcode))
			PG_RE_THROW();
		FlushErrorState();
		error->hint = how_to_mend(program->source, stored);
		ReThrowError(error);
	}
	PG_END_TRY();
	error_context_stack = callback.previous;
}

/* Where it is kept, if that is still of the type that it is of. */
static void
find_columns(Step *step, const Population *population,
			 const StoredTrait *stored)
{
	const BoundTrait *bound = &step->bound;

	for (int c = 0; c < bound->ncolumns; c++)
	{
		char	   *column = stored_column(stored->name, &bound->columns[c]);

		step->columns[c] = population_column(population, column);
		if (step->columns[c] == InvalidAttrNumber)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_COLUMN),
					 errmsg("base table of population \"%s\" has no column \"%s\"",
							population->name, column),
					 errdetail("It should hold %s.", stored->text)));
		if (get_atttype(population->base, step->columns[c]) != bound->columns[c].type)
			type_changed(population, stored, bound->columns[c].type,
						 get_atttype(population->base, step->columns[c]));
		check_collation(population, stored, &bound->columns[c],
						step->columns[c]);
	}
	/* the column of a tally or series does not show what it is of */
	if (stored_hides_type(bound) && bound->input.type != stored->value_type)
		type_changed(population, stored, bound->input.type, stored->value_type);
}

static char *
how_to_mend(const Source *source, const StoredTrait *stored)
{
	StringInfoData users;
	ListCell   *lc;

	initStringInfo(&users);
	foreach(lc, stored_users(source->population, stored))
		appendStringInfo(&users, "%s%s", users.len > 0 ? ", " : "",
						 (char *) lfirst(lc));
	return psprintf("Undo the change of table %s, or alter or drop what needs this: %s.",
					source_table_name(source), users.data);
}

static void
type_changed(const Population *population, const StoredTrait *stored,
			 Oid now, Oid before)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("%s is of type %s now", stored->text, format_type_be(now)),
			 errdetail("It is stored as %s in population \"%s\".",
					   format_type_be(before), population->name)));
}

/*
 * The source's column may have got another collation, by which other values
 * are equal.
 */
static void
check_collation(const Population *population, const StoredTrait *stored,
				const AggregateColumn *expected, AttrNumber column)
{
	Oid			type;
	int32		typmod;
	Oid			collation;

	get_atttypetypmodcoll(population->base, column, &type, &typmod,
						  &collation);
	if (!OidIsValid(expected->collation) || expected->collation == collation)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_COLLATION_MISMATCH),
			 errmsg("values of %s have collation \"%s\" now", stored->text,
					get_collation_name(expected->collation)),
			 errdetail("They are stored by collation \"%s\" in population \"%s\".",
					   get_collation_name(collation), population->name)));
}

/* The one evaluation of equal expressions. */
static RowValue *
program_share(List **shared, Expr *expr)
{
	ListCell   *lc;
	RowValue   *value;

	foreach(lc, *shared)
	{
		value = lfirst(lc);
		if (equal(value->expr, expr))
			return value;
	}
	value = palloc0(sizeof(RowValue));
	value->expr = expr;
	get_typlenbyval(exprType((Node *) expr), &value->typlen, &value->typbyval);
	value->state = ExecInitExpr(expression_planner(copyObject(expr)), NULL);
	*shared = lappend(*shared, value);
	return value;
}

/* The program's context goes: so does its plan, which lives elsewhere. */
static void
program_forget(void *arg)
{
	TraitProgram *program = arg;

	if (program->reread != NULL)
		SPI_freeplan(program->reread);
}

static bool
row_true(TraitProgram *program, RowValue *value)
{
	row_evaluate(program, value);
	return !value->isnull && DatumGetBool(value->value);
}

static void
row_evaluate(TraitProgram *program, RowValue *value)
{
	if (value->row == program->row)
		return;
	value->value = ExecEvalExpr(value->state, program->econtext, &value->isnull);
	value->row = program->row;
}

/*
 * Stored traits as aggregates over source rows "r", called as 'columns' say if
 * there are any; 'now' is as for window_kept().  Implicit casts are printed: a
 * varchar that we bound as text would otherwise be aggregated as varchar.
 */
static void
program_select(const Source *source, List *bound, List *columns, Expr *now,
			   StringInfo out)
{
	List	   *context = deparse_context_for("r", source->relid);
	Expr	   *time = source_time(source);
	int			level = settings_pin();
	ListCell   *lc;
	int			column = 0;

	foreach(lc, bound)
	{
		const BoundTrait *trait = lfirst(lc);
		AggregateSql parts;
		char	   *condition;

		parts.value = trait->value == NULL ? NULL :
			deparse_expression((Node *) trait->value, context, true, true);
		parts.at = time == NULL ? NULL :
			deparse_expression((Node *) time, context, true, true);
		condition = select_condition(source, trait, parts.at, context, now);
		parts.condition = condition == NULL ? "true" : condition;
		parts.filter = condition == NULL ? "" :
			psprintf(" FILTER (WHERE %s)", condition);
		for (int c = 0; c < trait->ncolumns; c++)
		{
			if (column > 0)
				appendStringInfoString(out, ", ");
			trait->aggregate->sql(&trait->input, &parts, c, out);
			if (columns != NIL)
				appendStringInfo(out, " AS %s",
								 ((TraitColumn *) list_nth(columns, column))->name);
			column++;
		}
	}
	AtEOXact_GUC(true, level);
}

/* Which rows are aggregated; NULL if all are. */
static char *
select_condition(const Source *source, const BoundTrait *trait,
				 const char *time, List *context, Expr *now)
{
	char	   *where = trait->where == NULL ? NULL :
		deparse_expression((Node *) trait->where, context, true, true);
	StringInfoData condition;
	Expr	   *after;
	Expr	   *until;

	if (trait->window == NULL)
		return where;

	window_kept(source->population, trait->window, now, &after, &until);
	initStringInfo(&condition);
	if (where != NULL)
		appendStringInfo(&condition, "(%s) AND ", where);
	if (after != NULL)
		appendStringInfo(&condition, "(%s) OPERATOR(pg_catalog.>) (%s) AND ", time,
						 deparse_expression((Node *) after, NIL, false, true));
	appendStringInfo(&condition, "(%s) OPERATOR(pg_catalog.<=) (%s)", time,
					 deparse_expression((Node *) until, NIL, false, true));
	return condition.data;
}

/* SQL of up to when events do not count now; NULL if there is no such time. */
static char *
counted_after(const Source *source, const BoundTrait *trait)
{
	if (trait->window == NULL)
		return NULL;
	return psprintf("%s.window_after(%s, %s, %s.now())", SEGMENT_SCHEMA,
					quote_literal_cstr(filter_print(trait->window)),
					quote_literal_cstr(source->population->timezone),
					SEGMENT_SCHEMA);
}

static bool
made_of(const void *made, Oid relid)
{
	const ProgramEntry *entry = made;

	return entry->relid == relid || entry->key.base == relid;
}
