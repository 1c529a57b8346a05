/*-------------------------------------------------------------------------
 *
 * scope.c
 *	  What do names mean in a row of a source?
 *
 *		events as source "opens", filter kind = "open"
 *
 *		kind			Var kind			over the row of events
 *		payload.size	a key of the jsonb column payload
 *		the filter		kind = 'open'
 *		the time		Var happened_at, as timestamptz
 *
 * The room of traits compiles its definitions in the same scope.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/attnum.h"
#include "catalog/pg_attribute.h"
#include "nodes/makefuncs.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/ruleutils.h"

#include "base/base.h"
#include "source/source.h"

static Expr *column_of_source(FilterScope *scope, const char *name);
static void bind_condition(void *source);

FilterScope *
source_scope(const Source *source, const char *text)
{
	FilterScope *scope = filter_column_scope(source->relid, 1);

	scope->subject = psprintf("source \"%s\"", source->name);
	scope->noun = "column";
	scope->column = column_of_source;
	scope->timezone = source->population->timezone;
	scope->no_clock = true;
	scope->text = text;
	return scope;
}

Expr *
source_time(const Source *source)
{
	Expr	   *time;

	if (source->at_attno == InvalidAttrNumber)
		return NULL;

	time = (Expr *) makeVar(1, source->at_attno, source->at_type, -1,
							InvalidOid, 0);
	/* a day or a local time is one of the population's zone */
	return filter_instant(time, source->population->timezone);
}

Expr *
source_condition(const Source *source, const char *text)
{
	return source->filter == NULL ? NULL :
		filter_compile(source->filter, source_scope(source, text));
}

char *
source_condition_sql(const Source *source, const char *alias)
{
	Expr	   *condition = source_condition(source, NULL);
	int			level;
	char	   *sql;

	if (condition == NULL)
		return NULL;
	level = settings_pin();
	sql = deparse_expression((Node *) condition,
							 deparse_context_for(alias == NULL ? "r" : alias,
												 source->relid),
							 alias != NULL, true);
	AtEOXact_GUC(true, level);
	return sql;
}

ErrorData *
source_condition_error(const Source *source)
{
	return source->filter == NULL ? NULL :
		attempt(bind_condition, unconstify(Source *, source));
}

/* bind_condition() compiles the filter of a source.  An Attempt. */
static void
bind_condition(void *source)
{
	(void) source_condition(source, NULL);
}

/*
 * column_of_source() is the column of that name: a trigger gets no value of a
 * column that is not stored.
 */
static Expr *
column_of_source(FilterScope *scope, const char *name)
{
	FilterRow  *row = (FilterRow *) scope;
	Expr	   *column = filter_row_field(row, name);

	if (column != NULL && IsA(column, Var) &&
		get_attgenerated(get_typ_typrelid(row->type),
						 ((Var *) column)->varattno) ==
		ATTRIBUTE_GENERATED_VIRTUAL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("column \"%s\" of %s is not stored", name,
						scope->subject),
				 errdetail("It is computed when it is read, and triggers see no value of it."),
				 errhint("Make it a STORED generated column, or write its expression into the filter.")));
	return column;
}
