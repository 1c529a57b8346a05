/*-------------------------------------------------------------------------
 *
 * source_query.c
 *	  What are the stored traits of a source, as SQL?
 *
 *		SELECT r.customer_id AS key, count(*) AS source_rows,
 *			   segment.sum_agg(r.amount) FILTER (WHERE ...) AS s4
 *		FROM ONLY public.orders AS r GROUP BY r.customer_id
 *
 * computes them for all profiles, and with r.customer_id = ANY ($1) for some
 * profiles whose rows cannot tell what they should hold.  The expressions are
 * those that program_run.c evaluates for each row.
 *
 * Where all of the traits have windows, only rows are read whose time can be
 * in one of these:
 *
 *		WHERE ... AND (r.at > segment.window_after('in last 30 days', ...) AND
 *					   r.at <= ...)
 *
 * so that the server reads the partitions of that time alone, and finds them
 * by an index on key and time.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/ruleutils.h"

#include "base/base.h"
#include "trait/program.h"

/* What a source says of some profiles. */
struct TraitReading
{
	const TraitProgram *program;
	int			nkeys;
	const Datum *keys;			/* of the profiles, in order */
	HeapTuple  *rows;			/* of each; NULL: it has none in the source */
	SPITupleTable *table;		/* holds the rows */
};

static List *bind_columns(const Source *source, const StoredTrait *stored,
						  List **bound, List *columns);
static void compare_settled(TraitColumn *column, const TraitColumn *series,
							const StoredTrait *stored,
							const BoundTrait *trait);
static void find_rows(TraitReading *reading, uint64 nrows);
static int	compare_keys(const void *a, const void *b, void *population);
static SPIPlanPtr reread_plan(const TraitProgram *program, bool counts);
static const HeapTuple *find_row(const TraitReading *reading, Datum key);
static char *key_of_rows(const Source *source);
static void take_columns(const TraitProgram *program, HeapTuple row,
						 TupleDesc desc, Datum *values, bool *isnull);
static void in_reread(void *arg);
static void select_traits(const Source *source, List *bound, List *columns,
						  Expr *now, StringInfo out);
static char *select_condition(const Source *source, const BoundTrait *trait,
							  const AggregateSql *pieces, List *context,
							  Expr *now);
static char *source_query(const Source *source, List *stored, bool counts,
						  List **columns);
static char *window_condition(const Source *source, const BoundTrait *trait,
							  const char *at, Expr *now, char **after);
static char *and_in_time(const Source *source, List *bound, Expr *now,
						 const char *condition);
static bool strings_contain(List *strings, const char *string);
static char *plain_bound(const Source *source, const char *after);
static char *settled_before(Expr *now);
static Expr *now_parameter(int number);
static char *counted_after(const Source *source, const BoundTrait *trait);

char *
trait_source_query(const Source *source, List *stored, List **columns)
{
	return source_query(source, stored, true, columns);
}

char *
trait_values_query(const Source *source, List *stored, List **columns)
{
	return source_query(source, stored, false, columns);
}

/* source_query() makes the query, which also counts rows if asked. */
static char *
source_query(const Source *source, List *stored, bool counts, List **columns)
{
	StringInfoData sql;
	List	   *bound = NIL;
	ListCell   *lc;
	char	   *key;
	char	   *condition;

	source_check(source);
	key = source_key_sql(source);
	condition = psprintf("%s IS NOT NULL", key);
	*columns = NIL;
	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT %s AS key%s", key_of_rows(source),
					 counts ? ", pg_catalog.count(*) AS source_rows" : "");

	foreach(lc, stored_list(source->population))
	{
		const StoredTrait *one = lfirst(lc);

		if (strcmp(one->source, source->name) == 0 &&
			names_contain(stored, one->name))
			*columns = bind_columns(source, one, &bound, *columns);
	}

	if (bound != NIL)
		appendStringInfoString(&sql, ", ");
	select_traits(source, bound, *columns, NULL, &sql);
	if (!counts)
		condition = and_in_time(source, bound, NULL, condition);
	appendStringInfo(&sql, "%s GROUP BY %s",
					 source_from_sql(source, condition), key);
	return sql.data;
}

/*
 * Bind a stored trait and append it to *bound; returns 'columns' with its
 * columns (TraitColumn *).
 */
static List *
bind_columns(const Source *source, const StoredTrait *stored, List **bound,
			 List *columns)
{
	BoundTrait *trait = palloc(sizeof(BoundTrait));
	TraitColumn *first = NULL;

	stored_bind(source, stored->definition, NULL, trait);
	*bound = lappend(*bound, trait);
	for (int c = 0; c < trait->ncolumns; c++)
	{
		const AggregateColumn *kept = &trait->columns[c];
		TraitColumn *column = palloc(sizeof(TraitColumn));
		char	   *name = stored_column(stored->name, kept);

		column->name = pstrdup(quote_identifier(name));
		column->type = kept->type;
		column->is_value = trait->aggregate->is_value;
		column->initial = kept->initial ? kept->initial : "NULL";
		column->definition = stored->text;
		column->counted_after = counted_after(source, trait);
		column->joined = trait->aggregate->joined;
		column->others = NIL;
		column->settled = NULL;
		column->is_other = column->joined != NULL && c > 0;
		if (column->is_other && c < STATE_COLUMNS)
			first->others = lappend(first->others, column->name);
		else if (!column->is_other)
			first = column;
		else if (c == STATE_COLUMNS)
			compare_settled(column, first, stored, trait);
		columns = lappend(columns, column);
	}
	return columns;
}

/*
 * compare_settled() lets what is settled be compared together with what is not
 * yet: when an event was settled makes no difference.
 */
static void
compare_settled(TraitColumn *column, const TraitColumn *series,
				const StoredTrait *stored, const BoundTrait *trait)
{
	const AggregateColumn *until = &trait->columns[STATE_COLUMNS + 1];

	column->is_other = false;
	column->settled = trait->aggregate == &aggregate_count_so_far ?
		"series_count" : "series_sum";
	column->series = series;
	column->until = pstrdup(quote_identifier(stored_column(stored->name,
														   until)));
	column->counted_after = NULL;
}

char *
trait_column_compared(const TraitColumn *column, const char *alias)
{
	StringInfoData value;
	ListCell   *lc;

	if (column->settled != NULL)
	{
		char	   *series = trait_column_compared(&(TraitColumn) {
			.name = column->series->name,
			.joined = column->series->joined,
			.others = column->series->others,
		}, alias);

		return psprintf("%s.%s(%s, NULL, NULL, NULL, %s.%s, %s.%s)",
						SEGMENT_SCHEMA, column->settled, series,
						alias, column->name, alias, column->until);
	}
	if (column->is_other)
		return NULL;
	initStringInfo(&value);
	if (column->joined != NULL)
		appendStringInfo(&value, "%s.%s(", SEGMENT_SCHEMA, column->joined);
	appendStringInfo(&value, "%s.%s", alias, column->name);
	foreach(lc, column->others)
		appendStringInfo(&value, ", %s.%s", alias, (char *) lfirst(lc));
	if (column->joined != NULL)
		appendStringInfoChar(&value, ')');
	if (column->counted_after == NULL)
		return value.data;
	return psprintf("%s.series_after(%s, %s)", SEGMENT_SCHEMA, value.data,
					column->counted_after);
}

TraitReading *
trait_read(const TraitProgram *constant, const TraitAsked *asked)
{
	TraitProgram *program = unconstify(TraitProgram *, constant);
	TraitReading *reading = palloc(sizeof(TraitReading));
	int			level = program->by_index ? settings_pin_by_index() :
		settings_pin_all_rows();
	Datum		parameters[2] = {
		array_datum(asked->keys, asked->nkeys,
					program->source->population->key_type),
		TimestampTzGetDatum(asked->now),
	};
	SPIPlanPtr *plan = asked->counts ? &program->recount : &program->reread;
	ErrorContextCallback callback = {
		.previous = error_context_stack,
		.callback = in_reread,
		.arg = program,
	};

	error_context_stack = &callback;
	source_check_readable(program->source);
	if (*plan == NULL)
		*plan = reread_plan(program, asked->counts);

	/*
	 * Not read-only: under READ COMMITTED this takes a new snapshot if there
	 * is none, after the profiles' rows were locked, so that it sees whatever
	 * was applied to them.
	 */
	if (SPI_execute_snapshot(*plan, parameters, NULL, asked->snapshot,
							 InvalidSnapshot, false, false, 0) !=
		SPI_OK_SELECT)
		elog(ERROR, "could not read source \"%s\" again",
			 program->source->name);
	reading->program = program;
	reading->nkeys = asked->nkeys;
	reading->keys = asked->keys;
	reading->table = SPI_tuptable;
	find_rows(reading, SPI_processed);
	error_context_stack = callback.previous;
	AtEOXact_GUC(true, level);
	pfree(DatumGetPointer(parameters[0]));
	return reading;
}

/* find_rows() finds which row that was read is whose. */
static void
find_rows(TraitReading *reading, uint64 nrows)
{
	Population *population =
		unconstify(Population *, reading->program->source->population);
	SPITupleTable *table = reading->table;

	reading->rows = palloc0(sizeof(HeapTuple) * reading->nkeys);
	for (uint64 i = 0; i < nrows; i++)
	{
		bool		isnull;
		Datum		key = SPI_getbinval(table->vals[i], table->tupdesc, 1,
										&isnull);
		const Datum *found = bsearch_arg(&key, reading->keys, reading->nkeys,
										 sizeof(Datum), compare_keys,
										 population);

		if (found == NULL)
			elog(ERROR, "a profile was read that was not asked for");
		reading->rows[found - reading->keys] = table->vals[i];
	}
}

/* compare_keys() is profile_key_compare() for bsearch_arg(). */
static int
compare_keys(const void *a, const void *b, void *population)
{
	return profile_key_compare(population, *(const Datum *) a,
							   *(const Datum *) b);
}

bool
trait_take(const TraitReading *reading, Datum key,
		   const TupleTableSlot *blank, Datum *values, bool *isnull)
{
	const TraitProgram *program = reading->program;
	const HeapTuple *row = find_row(reading, key);

	if (row == NULL)
		return false;
	if (*row == NULL)
		trait_empty(program, blank, values, isnull);
	else
		take_columns(program, *row, reading->table->tupdesc, values, isnull);
	return true;
}

int64
trait_rows_read(const TraitReading *reading, Datum key)
{
	const HeapTuple *row = find_row(reading, key);
	TupleDesc	desc = reading->table->tupdesc;
	bool		isnull;

	return row == NULL || *row == NULL ? 0 :
		DatumGetInt64(SPI_getbinval(*row, desc, desc->natts, &isnull));
}

/*
 * find_row() finds where the row of a profile is, NULL if it has none in the
 * source; NULL if nothing was read of the profile.
 */
static const HeapTuple *
find_row(const TraitReading *reading, Datum key)
{
	const Population *population = reading->program->source->population;
	const Datum *found = bsearch_arg(&key, reading->keys, reading->nkeys,
									 sizeof(Datum), compare_keys,
									 unconstify(Population *, population));

	return found == NULL ? NULL : &reading->rows[found - reading->keys];
}

Size
trait_reading_size(const TraitReading *reading)
{
	return MemoryContextMemAllocated(reading->table->tuptabcxt, true);
}

void
trait_reading_end(TraitReading *reading)
{
	SPI_freetuptable(reading->table);
	pfree(reading->rows);
	pfree(reading);
}

/*
 * reread_plan() prepares the query of some profiles: an array of their keys is
 * $1, the time is $2.  A profile without rows in the source is not in what it
 * returns.  If asked, its last column is how many rows that are.
 *
 * The plan is kept, and may have been made when the tables were empty, or not
 * analyzed.  So a join says itself in which order its tables are read.
 */
static SPIPlanPtr
reread_plan(const TraitProgram *program, bool counts)
{
	const Source *source = program->source;
	char	   *key = source_key_sql(source);
	char	   *condition = profile_key_any_sql(source->population, key,
												source->key_type, "$1");
	Oid			types[2] = {
		get_array_type(source->population->key_type),
		TIMESTAMPTZOID,
	};
	StringInfoData sql;
	List	   *bound = NIL;
	SPIPlanPtr	plan;

	for (int i = 0; i < program->nsteps; i++)
		bound = lappend(bound, &program->steps[i].bound);
	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT %s%s", key_of_rows(source),
					 bound == NIL ? "" : ", ");
	select_traits(source, bound, NIL, now_parameter(2), &sql);
	if (counts)
		appendStringInfoString(&sql, ", pg_catalog.count(*)");
	else
		condition = and_in_time(source, bound, now_parameter(2), condition);
	appendStringInfo(&sql, "%s GROUP BY %s", program->by_index ?
					 source_from_key_sql(source, condition) :
					 source_from_sql(source, condition), key);
	plan = SPI_prepare(sql.data, 2, types);
	if (plan == NULL || SPI_keepplan(plan) != 0)
		elog(ERROR, "could not prepare \"%s\"", sql.data);
	return plan;
}

/* key_of_rows() is SQL of the profile's key in source rows "r". */
static char *
key_of_rows(const Source *source)
{
	return profile_key_sql(source->population, source_key_sql(source),
						   source->key_type);
}

/*
 * take_columns() copies the columns of a row that was read, which stand behind
 * its key, to a profile's values.
 */
static void
take_columns(const TraitProgram *program, HeapTuple row, TupleDesc desc,
			 Datum *values, bool *isnull)
{
	int			column = 2;

	for (int i = 0; i < program->nsteps; i++)
	{
		const Step *step = &program->steps[i];

		for (int c = 0; c < step->bound.ncolumns; c++, column++)
		{
			Form_pg_attribute att = TupleDescAttr(desc, column - 1);
			int			attno = step->columns[c] - 1;

			/* a value of another type would corrupt the row */
			if (att->atttypid != step->bound.columns[c].type)
				elog(ERROR, "column %d read from source \"%s\" is of type %u, not %u",
					 column, program->source->name, att->atttypid,
					 step->bound.columns[c].type);

			values[attno] = SPI_getbinval(row, desc, column, &isnull[attno]);
			if (!isnull[attno])
				values[attno] = datumCopy(values[attno], att->attbyval,
										  att->attlen);
		}
	}
}

static void
in_reread(void *arg)
{
	const TraitProgram *program = arg;

	errcontext("extension segment reading source \"%s\" of population \"%s\" again",
			   program->source->name, program->source->population->name);
}

/*
 * Append stored traits as aggregates over source rows, named as 'columns'
 * (TraitColumn *) unless that is NIL; 'now' is as for stored_window_kept().
 * Implicit casts are printed: a varchar that was bound as text would otherwise
 * be aggregated as varchar.
 */
static void
select_traits(const Source *source, List *bound, List *columns, Expr *now,
			   StringInfo out)
{
	List	   *context = source_deparse_context(source);
	Expr	   *time = source_time(source);
	int			level = settings_pin();
	ListCell   *lc;
	int			column = 0;

	foreach(lc, bound)
	{
		const BoundTrait *trait = lfirst(lc);
		AggregateSql pieces = {0};
		char	   *condition;

		pieces.value = trait->value == NULL ? NULL :
			deparse_expression((Node *) trait->value, context, true, true);
		pieces.at = time == NULL ? NULL :
			deparse_expression((Node *) time, context, true, true);
		condition = select_condition(source, trait, &pieces, context, now);
		pieces.condition = condition == NULL ? "true" : condition;
		if (trait->settles)
			pieces.settled = settled_before(now);
		pieces.filter = condition == NULL ? "" :
			psprintf(" FILTER (WHERE %s)", condition);
		for (int c = 0; c < trait->ncolumns; c++)
		{
			if (column > 0)
				appendStringInfoString(out, ", ");
			trait->aggregate->sql(trait->aggregate, &trait->input, &pieces, c,
								  out);
			if (columns != NIL)
			{
				const TraitColumn *named = list_nth(columns, column);

				appendStringInfo(out, " AS %s", named->name);
			}
			column++;
		}
	}
	AtEOXact_GUC(true, level);
}

/* SQL of which rows are aggregated; NULL if all are. */
static char *
select_condition(const Source *source, const BoundTrait *trait,
				 const AggregateSql *pieces, List *context, Expr *now)
{
	char	   *where = trait->where == NULL ? NULL :
		deparse_expression((Node *) trait->where, context, true, true);
	char	   *in_window;

	if (trait->window == NULL)
		return where;
	in_window = window_condition(source, trait, pieces->at, now, NULL);
	return where == NULL ? in_window :
		psprintf("(%s) AND %s", where, in_window);
}

/*
 * window_condition() is SQL of whether events at 'at', which is SQL, are kept
 * for a trait's window; *after is SQL of the time after which they are, NULL
 * if there is none.
 */
static char *
window_condition(const Source *source, const BoundTrait *trait,
				 const char *at, Expr *now, char **after)
{
	Expr	   *begin;
	Expr	   *end;
	char	   *until;
	char	   *since;

	stored_window_kept(source->population, trait->window, now, &begin, &end);
	since = begin == NULL ? NULL :
		deparse_expression((Node *) begin, NIL, false, true);
	until = psprintf("(%s) OPERATOR(pg_catalog.<=) (%s)", at,
					 deparse_expression((Node *) end, NIL, false, true));
	if (after != NULL)
		*after = since;
	return since == NULL ? until :
		psprintf("(%s) OPERATOR(pg_catalog.>) (%s) AND %s", at, since, until);
}

/*
 * and_in_time() adds to a condition that a row may be in one of the windows of
 * some traits, if all of them have windows that begin at some time.
 */
static char *
and_in_time(const Source *source, List *bound, Expr *now,
			const char *condition)
{
	Expr	   *time = source_time(source);
	List	   *windows = NIL;	/* char *, each once */
	StringInfoData sql;
	int			level = settings_pin();
	char	   *at = time == NULL ? NULL :
		deparse_expression((Node *) time, source_deparse_context(source), true,
						   true);
	bool		all = bound != NIL && at != NULL;
	ListCell   *lc;

	foreach(lc, bound)
	{
		const BoundTrait *trait = lfirst(lc);
		char	   *after = NULL;
		char	   *window = trait->window == NULL ? NULL :
			window_condition(source, trait, at, now, &after);

		if (after == NULL)
		{
			all = false;
			break;
		}
		window = psprintf("(%s%s)", window, plain_bound(source, after));
		if (!strings_contain(windows, window))
			windows = lappend(windows, window);
	}
	AtEOXact_GUC(true, level);
	if (!all)
		return pstrdup(condition);
	initStringInfo(&sql);
	appendStringInfo(&sql, "%s AND (", condition);
	foreach(lc, windows)
		appendStringInfo(&sql, "%s%s", lc == list_head(windows) ? "" : " OR ",
						 (char *) lfirst(lc));
	appendStringInfoChar(&sql, ')');
	return sql.data;
}

/* strings_contain() says whether a string is in a list. */
static bool
strings_contain(List *strings, const char *string)
{
	ListCell   *lc;

	foreach(lc, strings)
		if (strcmp(lfirst(lc), string) == 0)
			return true;
	return false;
}

/*
 * plain_bound() is SQL of a condition that the column of the time itself
 * fulfils after an instant, if that column is no instant: of days and local
 * times partitions and indexes know no other one.  It may hold for a day more.
 */
static char *
plain_bound(const Source *source, const char *after)
{
	const char *zone = quote_literal_cstr(source->population->timezone);
	char	   *column = source_time_sql(source);

	switch (source->at_type)
	{
		case TIMESTAMPOID:
			return psprintf(" AND %s OPERATOR(pg_catalog.>=)"
							" (pg_catalog.timezone(%s, %s)"
							" OPERATOR(pg_catalog.-) '1 day'::interval)",
							column, zone, after);
		case DATEOID:
			return psprintf(" AND %s OPERATOR(pg_catalog.>=)"
							" (pg_catalog.timezone(%s, %s)::date"
							" OPERATOR(pg_catalog.-) 1)",
							column, zone, after);
		default:
			return pstrdup("");
	}
}

/* SQL of the time before which events are settled: window_unsettled(). */
static char *
settled_before(Expr *now)
{
	return psprintf("(%s OPERATOR(pg_catalog.-) '%d hours'::pg_catalog.interval)",
					now == NULL ? SEGMENT_SCHEMA ".now()" :
					deparse_expression((Node *) now, NIL, false, true),
					(int) (WINDOW_KEPT_LONGER / USECS_PER_HOUR));
}

/* The time of the query as a parameter. */
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

/* SQL of the time up to which events do not count now; NULL: no window. */
static char *
counted_after(const Source *source, const BoundTrait *trait)
{
	if (trait->window == NULL)
		return NULL;
	if (trait->settles)
		return psprintf("(%s OPERATOR(pg_catalog.-)"
						" '1 microsecond'::pg_catalog.interval)",
						settled_before(NULL));
	return psprintf("%s.window_after(%s, %s, %s.now())", SEGMENT_SCHEMA,
					quote_literal_cstr(filter_print(trait->window)),
					quote_literal_cstr(source->population->timezone),
					SEGMENT_SCHEMA);
}
