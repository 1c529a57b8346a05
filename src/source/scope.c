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
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/ruleutils.h"

#include "base/base.h"
#include "source/source.h"

/* Names of a source's row. */
typedef struct SourceScope
{
	FilterRow	row;			/* of the source's table */
	const Source *source;
} SourceScope;

static Expr *column_of_link(FilterScope *scope, const FilterNode *node);
static Expr *column_of_source(FilterScope *scope, const char *name);
static void bind_condition(void *source);

FilterScope *
source_scope(const Source *source, const char *text)
{
	SourceScope *scope = palloc(sizeof(SourceScope));
	FilterScope *row = filter_column_scope(source->relid, 1);

	scope->row = *(FilterRow *) row;
	scope->source = source;
	row = &scope->row.scope;
	row->subject = psprintf("source \"%s\"", source->name);
	row->noun = "column";
	row->column = column_of_source;
	row->path = column_of_link;
	row->timezone = source->population->timezone;
	row->no_clock = true;
	row->text = text;
	return row;
}

/*
 * column_of_link() is the value of orders.status if orders is a link; NULL if
 * no link is called so.  Behind a jsonb column its keys may follow.
 */
static Expr *
column_of_link(FilterScope *scope, const FilterNode *node)
{
	const Source *source = ((SourceScope *) scope)->source;

	for (int i = 0; i < source->nlinks; i++)
	{
		const SourceLink *link = &source->links[i];
		FilterScope *row;
		FilterNode *column;

		if (strcmp(link->name, node->text) != 0)
			continue;
		row = filter_column_scope(link->relid, i + 2);
		row->subject = psprintf("link \"%s\" of source \"%s\"", link->name,
								source->name);
		row->column = column_of_source;
		row->timezone = scope->timezone;
		row->no_clock = true;
		row->text = scope->text;
		column = filter_node_with(FILTER_COLUMN, node->args[0]->text,
								  node->args[0]->location, node->nargs - 1,
								  node->args + 1);
		return filter_compile_operand_pinned(column, row);
	}
	return NULL;
}

Expr *
source_time(const Source *source)
{
	Expr	   *time;

	if (source->at_attno == InvalidAttrNumber)
		return NULL;

	time = (Expr *) makeVar(1 + source->at_link, source->at_attno,
							source->at_type, -1, InvalidOid, 0);
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
source_condition_sql(const Source *source, bool qualified)
{
	Expr	   *condition = source_condition(source, NULL);
	int			level;
	char	   *sql;

	if (condition == NULL)
		return NULL;
	level = settings_pin();
	sql = deparse_expression((Node *) condition,
							 source_deparse_context(source), qualified, true);
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
		TupleDescAttr(row->fields,
					  ((Var *) column)->varattno - 1)->attgenerated ==
		ATTRIBUTE_GENERATED_VIRTUAL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("column \"%s\" of %s is not stored", name,
						scope->subject),
				 errdetail("It is computed when it is read, and triggers see no value of it."),
				 errhint("Make it a STORED generated column, or write its expression into the filter.")));
	return column;
}
