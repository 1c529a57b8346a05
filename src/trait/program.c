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
#include "utils/hsearch.h"
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

static HTAB *programs = NULL;

static TraitProgram *program_make(const Source *source);
static void bind_step(Step *step, const Source *source,
					  const StoredTrait *stored);
static void in_stored_trait(void *arg);
static void type_changed(const Population *population,
						 const StoredTrait *stored, Oid now,
						 Oid before) pg_attribute_noreturn();
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
static void program_mark(Oid relid);

void
program_init(void)
{
	HASHCTL		control = {
		.keysize = sizeof(ProgramKey),
		.entrysize = sizeof(ProgramEntry),
	};

	programs = hash_create("segment programs", 16, &control,
						   HASH_ELEM | HASH_BLOBS);
	cache_on_change(program_mark);
}

const TraitProgram *
trait_program(const Source *source)
{
	ProgramKey	key = {0};
	ProgramEntry *entry;
	TraitProgram *program;
	MemoryContext context;
	MemoryContext old;
	MemoryContextCallback *callback;
	uint64		changes = cache_changes();
	bool		found;

	key.base = source->population->base;
	namestrcpy(&key.source, source->name);
	entry = hash_search(programs, &key, HASH_FIND, NULL);
	if (entry != NULL && entry->slot.valid)
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

	entry = hash_search(programs, &key, HASH_ENTER, &found);
	cache_fill(&entry->slot, found, context, changes);
	entry->program = program;
	entry->relid = source->relid;
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
	MemoryContext old;

	delta->rows += sign;
	delta->touched++;
	if (program->nsteps == 0)
		return;

	program->row++;
	program->econtext->ecxt_scantuple = row;
	old = MemoryContextSwitchTo(program->econtext->ecxt_per_tuple_memory);

	if (program->time != NULL)
		row_evaluate(program, program->time);
	for (int i = 0; i < program->nsteps; i++)
	{
		Step	   *step = &program->steps[i];

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

	MemoryContextSwitchTo(old);
	ResetExprContext(program->econtext);
}

bool
trait_same(const TraitProgram *constant, TupleTableSlot *old_row,
		   TupleTableSlot *new_row)
{
	TraitProgram *program = unconstify(TraitProgram *, constant);
	bool		same = true;
	ListCell   *lc;

	/* what both rows evaluate to lives until the reset */
	MemoryContext old = MemoryContextSwitchTo(program->econtext->ecxt_per_tuple_memory);

	foreach(lc, program->values)
	{
		RowValue   *value = lfirst(lc);
		Datum		before;
		bool		before_isnull;

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
	MemoryContextSwitchTo(old);
	ResetExprContext(program->econtext);
	return same;
}

TraitResult
trait_apply(const TraitProgram *constant, const TraitDelta *delta,
			TimestampTz now, Datum *values, bool *isnull)
{
	TraitProgram *program = unconstify(TraitProgram *, constant);
	TraitResult result = TRAIT_UNCHANGED;

	for (int i = 0; i < program->nsteps; i++)
	{
		Step	   *step = &program->steps[i];
		Datum		state[AGGREGATE_COLUMNS];
		bool		state_isnull[AGGREGATE_COLUMNS];

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

	if (program->reread == NULL)
	{
		StringInfoData sql;
		List	   *bound = NIL;

		for (int i = 0; i < program->nsteps; i++)
			bound = lappend(bound, &program->steps[i].bound);
		initStringInfo(&sql);
		appendStringInfoString(&sql, "SELECT ");
		program_select(source, bound, NIL, now_parameter(2), &sql);
		appendStringInfo(&sql, " FROM ONLY %s AS r WHERE r.%s OPERATOR(pg_catalog.=) $1",
						 source_table_name(source), source_key_column(source));
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
	AtEOXact_GUC(true, level);
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
	appendStringInfo(&sql, " FROM ONLY %s AS r WHERE r.%s IS NOT NULL GROUP BY r.%s",
					 source_table_name(source), key, key);
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
	List	   *stored = stored_list(population);
	Expr	   *time = source_time(source);
	Source	   *copy = palloc(sizeof(Source));
	ListCell   *lc;

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
	program->steps = palloc0(sizeof(Step) * list_length(stored));
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
		Step	   *step = &program->steps[program->nsteps];

		if (strcmp(one->source, source->name) != 0)
			continue;
		program->nsteps++;
		bind_step(step, source, one);
		if (step->bound.value != NULL)
			step->value = program_share(&program->values, step->bound.value);
		if (step->bound.where != NULL)
			step->where = program_share(&program->values, step->bound.where);
		for (int c = 0; c < step->bound.ncolumns; c++)
		{
			char	   *column = stored_column(one->name, &step->bound.columns[c]);

			step->columns[c] = population_column(population, column);
			if (step->columns[c] == InvalidAttrNumber)
				ereport(ERROR,
						(errcode(ERRCODE_UNDEFINED_COLUMN),
						 errmsg("base table of population \"%s\" has no column \"%s\"",
								population->name, column),
						 errdetail("It should hold %s.", one->text),
						 errhint("Restore the base table, or drop and create the traits that need it.")));
			if (get_atttype(population->base, step->columns[c]) != step->bound.columns[c].type)
				type_changed(population, one, step->bound.columns[c].type,
							 get_atttype(population->base, step->columns[c]));
			check_collation(population, one, &step->bound.columns[c],
							step->columns[c]);
		}
		if (step->bound.window != NULL)
			step->window = filter_window(step->bound.window, population->timezone);
		/* the column of a tally or series does not show what it is of */
		if ((step->bound.aggregate == &aggregate_list ||
			 step->bound.aggregate == &aggregate_window) &&
			step->bound.input.type != one->value_type)
			type_changed(population, one, step->bound.input.type, one->value_type);
		step->delta = program->delta_size;
		program->delta_size += MAXALIGN(step->bound.aggregate->delta_size);
	}
	return program;
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
 * what it is about if the table is not what it was.
 */
static void
bind_step(Step *step, const Source *source, const StoredTrait *stored)
{
	ErrorContextCallback callback = {
		.previous = error_context_stack,
		.callback = in_stored_trait,
		.arg = unconstify(StoredTrait *, stored),
	};

	error_context_stack = &callback;
	stored_bind(source, stored->definition, NULL, &step->bound);
	error_context_stack = callback.previous;
}

static void
in_stored_trait(void *arg)
{
	errcontext("extension segment keeping %s up to date",
			   ((const StoredTrait *) arg)->text);
}

static void
type_changed(const Population *population, const StoredTrait *stored,
			 Oid now, Oid before)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("%s is of type %s now", stored->text, format_type_be(now)),
			 errdetail("It is stored as %s in population \"%s\".",
					   format_type_be(before), population->name),
			 errhint("Drop the traits that need it and create them again.")));
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
					   get_collation_name(collation), population->name),
			 errhint("Drop the traits that need it and create them again.")));
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

static void
program_mark(Oid relid)
{
	HASH_SEQ_STATUS scan;
	ProgramEntry *entry;

	hash_seq_init(&scan, programs);
	while ((entry = hash_seq_search(&scan)) != NULL)
		if (!OidIsValid(relid) || entry->relid == relid || entry->key.base == relid)
			entry->slot.valid = false;
}
