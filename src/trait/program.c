/*-------------------------------------------------------------------------
 *
 * program.c
 *	  What do the rows of one source do to a profile?
 *
 * A source's program is the list of its stored traits, bound and ready to
 * run: a step each.  Two steps with the same condition or value share its
 * evaluation, and two that keep the events of a window share these.
 *
 *		orders		s4	sum(orders.amount where status = "paid")
 *					s5	count(orders.amount)
 *
 *		values		customer_id, placed_at, amount, status = 'paid'
 *		steps		s4: sum amount where status = 'paid', s5: count amount
 *
 * A program is compiled once per backend and source and lives until a
 * definition changes.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/params.h"
#include "optimizer/optimizer.h"
#include "access/sysattr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "base/base.h"
#include "trait/program.h"

typedef struct ProgramKey
{
	Oid			base;
	NameData	source;
} ProgramKey;

typedef struct ProgramEntry
{
	ProgramKey	key;			/* hash key */
	CacheSlot	slot;			/* holds the program */
	TraitProgram *program;
} ProgramEntry;

/* A stored trait to be bound, for attempt(). */
typedef struct BindOne
{
	const Source *source;
	const StoredTrait *stored;
} BindOne;

static Cache *programs = NULL;

static void program_forget(void *arg);
static bool made_of(const void *made, Oid relid);
static void bind_one(void *arg);
static TraitProgram *program_make(const Source *source);
static Expr *key_of_row(const Source *source);
static void describe_steps(TraitProgram *program, const List *stored);
static RowValue *program_share(TraitProgram *program, Expr *expr);
static void place_delta(TraitProgram *program, int number);
static void note_columns(TraitProgram *program);
static void note_kept(TraitProgram *program);
static void note_shared(TraitProgram *program);
static void note_column(TraitProgram *program, int number, AttrNumber attno);
static void bind_step(TraitProgram *program, Step *step,
					  const StoredTrait *stored);
static void find_columns(Step *step, const Population *population,
						 const StoredTrait *stored);
static char *how_to_mend(const Source *source, const StoredTrait *stored);
pg_noreturn static void type_changed(const Population *population,
									 const StoredTrait *stored, Oid now,
									 Oid before);
static void check_collation(const Population *population,
							const StoredTrait *stored,
							const AggregateColumn *expected, Oid collation);

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

	made.key.base = source->population->oid;
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
	(void) cache_put(programs, &made, context, begun);
	return program;
}

/* Free the plan of a program whose context goes: it lives elsewhere. */
static void
program_forget(void *arg)
{
	TraitProgram *program = arg;

	if (program->reread != NULL)
		SPI_freeplan(program->reread);
	if (program->recount != NULL)
		SPI_freeplan(program->recount);
}

static bool
made_of(const void *made, Oid relid)
{
	const ProgramEntry *entry = made;

	return entry->key.base == relid ||
		source_is_made_of(entry->program->source, relid);
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

		if (strcmp(stored->source, source->name) != 0 || stored->build != 0)
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

static void
bind_one(void *arg)
{
	const BindOne *one = arg;
	Step		step = {.description = one->stored->text};
	TraitProgram program = {.source = one->source};

	bind_step(&program, &step, one->stored);
}

/* Compile the program of a source, in the current context. */
static TraitProgram *
program_make(const Source *source)
{
	TraitProgram *program = palloc0(sizeof(TraitProgram));
	const Population *population = source->population;
	List	   *stored = NIL;	/* of this source */
	Expr	   *time = source_time(source);
	Expr	   *condition;
	ErrorContextCallback callback = {
		.previous = error_context_stack,
		.callback = in_program,
		.arg = program,
	};
	ListCell   *lc;

	foreach(lc, stored_list(population))
	{
		const StoredTrait *one = lfirst(lc);

		if (strcmp(one->source, source->name) == 0)
			stored = lappend(stored, lfirst(lc));
	}

	/* the source and the population may be reloaded before the program is */
	program->source = source_copy(source);
	program->by_index = source_joins_by_index(source);
	error_context_stack = &callback;
	condition = source_condition(program->source, NULL);
	error_context_stack = callback.previous;

	program->econtext = CreateStandaloneExprContext();
	program->econtext->ecxt_param_list_info = makeParamList(1);
	program->econtext->ecxt_param_list_info->params[0] = (ParamExternData) {
		.ptype = TIMESTAMPTZOID,
	};
	program->build_column = population_column(population,
											  PROFILE_BUILD_COLUMN);
	program->nsteps = list_length(stored);
	program->steps = palloc0(sizeof(Step) * program->nsteps);
	describe_steps(program, stored);
	program->delta_size = MAXALIGN(sizeof(TraitDelta));
	(void) program_share(program, key_of_row(source));
	if (time != NULL)
		program->time = program_share(program, time);
	if (condition != NULL)
		program->filter = program_share(program, condition);

	foreach(lc, stored)
	{
		const StoredTrait *one = lfirst(lc);
		Step	   *step = &program->steps[foreach_current_index(lc)];

		bind_step(program, step, one);
		step->build = one->build;
		if (step->bound.value != NULL)
			step->value = program_share(program, step->bound.value);
		if (step->bound.where != NULL)
		{
			step->where = program_share(program, step->bound.where);
			comparison_note(program, step->where);
		}
		if (step->bound.window != NULL)
			step->window = filter_window(step->bound.window,
										 population->timezone);
		place_delta(program, foreach_current_index(lc));
		if (source->nlinks > 0 && step->bound.aggregate == &aggregate_count &&
			step->value == NULL && step->where == NULL &&
			step->window == NULL)
			program->counted = step->columns[0];
	}
	note_columns(program);
	note_kept(program);
	note_shared(program);
	return program;
}

/* The key in the source's row. */
static Expr *
key_of_row(const Source *source)
{
	return (Expr *) makeVar(1 + source->key_link, source->key_attno,
							source->key_type, -1,
							get_typcollation(source->key_type), 0);
}

/*
 * Describe the trait of each step, for errors: a user who inserts an order may
 * never have heard of the trait.  This is done beforehand, as an error context
 * must not read the catalog.
 */
static void
describe_steps(TraitProgram *program, const List *stored)
{
	const Source *source = program->source;
	const Population *population = source->population;
	MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext,
												  "segment names of traits",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(scratch);
	StringInfoData *traits = palloc0(sizeof(StringInfoData) * program->nsteps);
	const Trait **last = palloc0(sizeof(Trait *) * program->nsteps);
	int			step;
	ListCell   *lc;
	ListCell   *lc_step;
	ListCell   *needed;

	foreach(lc, stored)
	{
		step = foreach_current_index(lc);
		initStringInfo(&traits[step]);
	}
	foreach(lc, trait_list(population))
	{
		const Trait *trait = lfirst(lc);

		foreach(needed, stored_needed(population, trait->definition, NULL))
		{
			foreach(lc_step, stored)
			{
				const StoredTrait *one = lfirst(lc_step);

				step = foreach_current_index(lc_step);
				if (last[step] == trait ||
					!stored_shares(one->definition, lfirst(needed)))
					continue;
				appendStringInfo(&traits[step], "%s\"%s\"",
								 traits[step].len == 0 ? "" : ", ",
								 trait->name);
				last[step] = trait;
			}
		}
	}

	MemoryContextSwitchTo(old);
	foreach(lc, stored)
	{
		const StoredTrait *one = lfirst(lc);

		step = foreach_current_index(lc);
		program->steps[step].description =
			psprintf("%s of source \"%s\" up to date for %s%s of population \"%s\"",
					 one->text, source->name,
					 one->build != 0 ? "a build" :
					 traits[step].len == 0 ? "audiences" :
					 strchr(traits[step].data, ',') ? "traits " : "trait ",
					 traits[step].data, population->name);
	}
	MemoryContextDelete(scratch);
}

void
in_program(void *arg)
{
	const TraitProgram *program = arg;
	const Step *step = program->running;

	for (int i = 0; step == NULL && i < program->nsteps; i++)
		if (program->steps[i].value == program->evaluated ||
			program->steps[i].where == program->evaluated)
			step = &program->steps[i];
	if (step != NULL)
		errcontext("extension segment keeping %s", step->description);
	else
		errcontext("extension segment keeping population \"%s\" up to date with source \"%s\"",
				   program->source->population->name, program->source->name);
}

/*
 * note_columns() notes which columns of the joined row the program reads: of
 * others nobody has to know that they change.
 */
static void
note_columns(TraitProgram *program)
{
	const Source *source = program->source;
	ListCell   *lc;

	foreach(lc, program->values)
		pull_varattnos((Node *) ((RowValue *) lfirst(lc))->expr, 1,
					   &program->columns);
	for (int i = 0; i < source->nlinks; i++)
	{
		const SourceLink *link = &source->links[i];

		for (int j = 0; j < link->npairs; j++)
		{
			note_column(program, link->of, link->pairs[j].of_attno);
			note_column(program, i + 1, link->pairs[j].to_attno);
		}
	}
}

/*
 * note_kept() notes what a row keeps that is folded later.  Its conditions are
 * evaluated before.
 */
static void
note_kept(TraitProgram *program)
{
	if (program->time != NULL)
		program->kept = list_make1(program->time);
	for (int i = 0; i < program->nsteps; i++)
		if (program->steps[i].value != NULL)
			program->kept = list_append_unique_ptr(program->kept,
												   program->steps[i].value);
}

/*
 * note_shared() notes which numerics of a row several values read, but for
 * conditions that need not be asked of the server.
 */
static void
note_shared(TraitProgram *program)
{
	Bitmapset  *read = NULL;
	Bitmapset  *shared = NULL;
	int			attno = -1;
	ListCell   *lc;

	foreach(lc, program->values)
	{
		const RowValue *value = lfirst(lc);
		Bitmapset  *own = NULL;
		ListCell   *lc_var;

		if (value->outcomes != 0)
			continue;
		foreach(lc_var, pull_var_clause((Node *) value->expr, 0))
		{
			const Var  *var = lfirst(lc_var);

			if (var->vartype == NUMERICOID && var->varattno > 0)
				own = bms_add_member(own, var->varattno);
		}
		shared = bms_add_members(shared, bms_intersect(read, own));
		read = bms_add_members(read, own);
	}
	program->shared = palloc(sizeof(AttrNumber) * bms_num_members(shared));
	program->packed = palloc(sizeof(Datum) * bms_num_members(shared));
	while ((attno = bms_next_member(shared, attno)) >= 0)
		program->shared[program->nshared++] = attno;
}

/* note_column() notes a column of a link's row. */
static void
note_column(TraitProgram *program, int number, AttrNumber attno)
{
	program->columns =
		bms_add_member(program->columns,
					   source_attno(program->source, number, attno) -
					   FirstLowInvalidHeapAttributeNumber);
}

/* The RowValue of an expression, shared by all equal ones. */
static RowValue *
program_share(TraitProgram *program, Expr *expr)
{
	ListCell   *lc;
	RowValue   *value;

	expr = source_row_expr(program->source, expr);
	foreach(lc, program->values)
	{
		value = lfirst(lc);
		if (equal(value->expr, expr))
			return value;
	}
	value = palloc0(sizeof(RowValue));
	value->expr = expr;
	get_typlenbyval(exprType((Node *) expr), &value->typlen, &value->typbyval);
	value->state = ExecInitExpr(expression_planner(copyObject(expr)), NULL);
	program->values = lappend(program->values, value);
	return value;
}

/*
 * place_delta() gives a step the delta of another one that keeps the same
 * rows, or else its own.
 */
static void
place_delta(TraitProgram *program, int number)
{
	Step	   *step = &program->steps[number];
	const Aggregate *aggregate = step->bound.aggregate;
	AggregateInput *input = &step->bound.input;
	int			first = number - number % STEPS_PER_COLUMN;
	Oid			type = aggregate->keeps == NULL ? InvalidOid :
		aggregate->keeps(aggregate, input);

	input->step = UINT64CONST(1) << (number - first);
	input->kept = OidIsValid(type) ? series_element(type) : NULL;
	step->sharing = input->step;
	step->delta = program->delta_size;
	for (int i = first; i < number && aggregate->keeps != NULL; i++)
	{
		Step	   *other = &program->steps[i];

		if (other->bound.aggregate->keeps == NULL ||
			other->value != step->value ||
			other->bound.input.kept != input->kept)
			continue;
		step->delta = other->delta;
		step->sharing |= other->sharing;
		other->sharing |= input->step;
	}
	if (step->delta == program->delta_size)
		program->delta_size += MAXALIGN(aggregate->delta_size);
}

/*
 * Bind a step to its source and to the columns that keep it.  This runs in the
 * INSERT of a user who may never have heard of the trait: if the table is not
 * as it was, the error says what it is about, and how to mend it.
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
		source_check(program->source);
		if (program->scope == NULL)
			program->scope = source_scope(program->source, NULL);
		stored_bind_in(program->scope, program->source, stored->definition,
					   &step->bound);
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

/* Find the columns that keep a step; an error if they do not fit any more. */
static void
find_columns(Step *step, const Population *population,
			 const StoredTrait *stored)
{
	const BoundTrait *bound = &step->bound;

	for (int c = 0; c < bound->ncolumns; c++)
	{
		char	   *column = stored_column(stored->name, &bound->columns[c]);
		FormData_pg_attribute found;

		if (!population_find_column(population, column, &found))
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_COLUMN),
					 errmsg("base table of population \"%s\" has no column \"%s\"",
							population->name, column),
					 errdetail("It should hold %s.", stored->text)));
		step->columns[c] = found.attnum;
		if (found.atttypid != bound->columns[c].type)
			type_changed(population, stored, bound->columns[c].type,
						 found.atttypid);
		check_collation(population, stored, &bound->columns[c],
						found.attcollation);
	}
	/* the column of a tally or series does not show the type of the values */
	if (stored_hides_type(bound) && bound->input.type != stored->value_type)
		type_changed(population, stored, bound->input.type,
					 stored->value_type);
}

/* The hint for a stored trait that does not bind. */
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

/* Raise an error: a value is of type 'now', and stored as type 'before'. */
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
 * Check that the values are stored by their collation: the source's column may
 * have got another one, by which other values are equal.
 */
static void
check_collation(const Population *population, const StoredTrait *stored,
				const AggregateColumn *expected, Oid collation)
{
	if (!OidIsValid(expected->collation) || expected->collation == collation)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_COLLATION_MISMATCH),
			 errmsg("values of %s have collation \"%s\" now", stored->text,
					get_collation_name(expected->collation)),
			 errdetail("They are stored by collation \"%s\" in population \"%s\".",
					   get_collation_name(collation), population->name)));
}
