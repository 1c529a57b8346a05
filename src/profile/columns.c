/*-------------------------------------------------------------------------
 *
 * columns.c
 *	  Columns of the base table come and go; a table has 1600 for ever.
 *
 * The server never uses the number of a dropped column again.  So what a
 * stored trait leaves behind is kept for the next one of its type:
 *
 *		s7					in use
 *		  trait dropped		renamed; the values are still there
 *		segment_dropped_7
 *		  emptied			sixteen at a time, by a definition that adds one
 *		segment_free_7
 *		  next trait		renamed, filled as a new column is
 *		s7
 *
 * Rows that are written on the way have NULL in these columns (row.c), so that
 * they cost a bit in the row's bitmap and no more.
 *
 * The steps are in files of their own:
 *
 *		columns_read.c	which columns are there, and what is in them
 *		columns_fit.c	does a row still fit into a page?
 *		columns_plan.c	which columns can be used again, and which are new?
 *		columns_drop.c	what becomes of a dropped trait's column
 *		columns_alter.c	ALTER TABLE
 *		columns_young.c	which ones has this transaction added?
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/heap.h"
#include "catalog/pg_class.h"
#include "commands/comment.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"

#include "base/base.h"
#include "profile/columns.h"

/* So many are emptied together: each time rows are written. */
#define DROPPED_AT_MOST	16

static void comment_columns(const Population *population,
							const ProfileThing *thing);
static void use_again(const Population *population, const ColumnPlan *plan);
static void add_columns(const Population *population, List *plans);

void
population_add_columns(const Population *population, ProfileThing *things,
					   int count)
{
	List	   *columns;
	List	   *plans;
	ListCell   *lc;

	LockRelationOid(population->oid, AccessExclusiveLock);
	columns = columns_read(population);
	columns_check_fit(population, columns, things, count);
	if (columns_count(columns, COLUMN_DROPPED) >= DROPPED_AT_MOST)
		columns_empty_dropped(population);

	columns = columns_read(population);
	plans = columns_plan(population, columns, things, count);
	foreach(lc, plans)
		if (((ColumnPlan *) lfirst(lc))->column != NULL)
			use_again(population, lfirst(lc));
	add_columns(population, plans);
	for (int i = 0; i < count; i++)
		comment_columns(population, &things[i]);
	CommandCounterIncrement();
}

/* comment_columns() comments the new columns of a thing. */
static void
comment_columns(const Population *population, const ProfileThing *thing)
{
	for (int i = 0; i < thing->ncolumns; i++)
	{
		char	   *column = psprintf("%s%s", thing->name,
									  thing->columns[i].suffix);

		CreateComments(population->oid, RelationRelationId,
					   population_column(population, column),
					   unconstify(char *, thing->comment));
	}
}

/* use_again() gives a free column to a stored trait. */
static void
use_again(const Population *population, const ColumnPlan *plan)
{
	const ProfileColumn *wanted = plan->wanted;
	const char *quoted = pstrdup(quote_identifier(plan->name));

	columns_alter(population, "RENAME COLUMN %s TO %s",
				  quote_identifier(plan->column->name), quoted);
	if (wanted->initial != NULL)
		columns_alter(population, "ALTER COLUMN %s SET DEFAULT %s", quoted,
					  wanted->initial);
	if (plan->column->dirty)
		population_write(population,
						 psprintf("UPDATE %s SET %s = NULL"
								  " WHERE %s IS NOT NULL",
								  population_base_name(population), quoted,
								  quoted));
	/* what ANALYZE has found was another trait's */
	RemoveStatistics(population->oid, plan->column->attno);
}

/*
 * add_columns() adds all columns that are new together: the server writes the
 * catalog once.
 */
static void
add_columns(const Population *population, List *plans)
{
	StringInfoData actions;
	AttrNumber	attno;
	ListCell   *lc;

	CommandCounterIncrement();
	attno = columns_numbers(population);
	initStringInfo(&actions);
	foreach(lc, plans)
	{
		const ColumnPlan *plan = lfirst(lc);
		const ProfileColumn *wanted = plan->wanted;

		if (plan->column != NULL)
			continue;
		appendStringInfo(&actions, "%sADD COLUMN %s %s%s%s",
						 actions.len > 0 ? ", " : "",
						 quote_identifier(plan->name),
						 column_type_sql(wanted->type, wanted->collation),
						 wanted->initial != NULL ? " DEFAULT " : "",
						 wanted->initial != NULL ? wanted->initial : "");
		column_note_young(population, ++attno);
	}
	if (actions.len > 0)
		columns_alter(population, "%s", actions.data);
	CommandCounterIncrement();
}

void
population_comment_columns(const Population *population, const char *name,
						   const char *comment)
{
	ListCell   *lc;

	foreach(lc, columns_read(population))
		if (column_is_of(lfirst(lc), name))
			CreateComments(population->oid, RelationRelationId,
						   ((Column *) lfirst(lc))->attno,
						   unconstify(char *, comment));
}
