/*-------------------------------------------------------------------------
 *
 * columns_plan.c
 *	  In which columns do new values go?
 *
 *		wanted				free			plan
 *		bigint				segment_free_7	use segment_free_7 again, as s7
 *		text				none			a new column, s41
 *		text, no number		segment_free_8	ALTER COLUMN segment_free_8 TYPE
 *		is left								text, as s8
 *
 * Old snapshots.  A transaction whose snapshot is older than a definition sees
 * the new view, as all do, over old versions of the rows.  In these a column
 * that is used again must not hold the values of another trait.  So it is used
 * again only when the transaction that emptied it is older than every snapshot
 * in use.  A column that this transaction has added no other has ever seen: it
 * is used again at once.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "base/base.h"
#include "profile/columns.h"

static List *find_plans(const Population *population, List *columns,
						ProfileThing *things, int count);
static Column *choose(const Population *population, List *columns,
					  const ProfileColumn *wanted);
static bool can_be_used(const Population *population, const Column *column);
static void name_plans(const Population *population, ProfileThing *thing,
					   List *plans, int *next);
static void retype(const Population *population, List *columns, List *plans);
pg_noreturn static void no_column_left(const Population *population,
									   List *columns);

List *
columns_plan(const Population *population, List *columns,
			 ProfileThing *things, int count)
{
	List	   *plans = find_plans(population, columns, things, count);

	retype(population, columns, plans);
	return plans;
}

/* find_plans() plans where each column of each thing goes, and names it. */
static List *
find_plans(const Population *population, List *columns, ProfileThing *things,
		   int count)
{
	List	   *plans = NIL;
	int			next = columns_numbers(population) + 1;

	for (int i = 0; i < count; i++)
	{
		List	   *own = NIL;

		for (int j = 0; j < things[i].ncolumns; j++)
		{
			ColumnPlan *plan = palloc0(sizeof(ColumnPlan));

			plan->wanted = &things[i].columns[j];
			plan->column = choose(population, columns, plan->wanted);
			if (plan->column != NULL)
				plan->column->state = COLUMN_USED;
			own = lappend(own, plan);
		}
		name_plans(population, &things[i], own, &next);
		plans = list_concat(plans, own);
	}
	return plans;
}

/*
 * choose() returns a column that can be used again as it is, or NULL.  Where
 * no collation is wanted, it is that of the type, as in a new column.
 */
static Column *
choose(const Population *population, List *columns,
	   const ProfileColumn *wanted)
{
	Oid			collation = OidIsValid(wanted->collation) ?
		wanted->collation : get_typcollation(wanted->type);
	ListCell   *lc;

	foreach(lc, columns)
	{
		Column	   *column = lfirst(lc);

		if (column->type == wanted->type &&
			column->collation == collation &&
			can_be_used(population, column))
			return column;
	}
	return NULL;
}

/* can_be_used() says whether no snapshot shows anything in the column. */
static bool
can_be_used(const Population *population, const Column *column)
{
	return column->state != COLUMN_USED &&
		(column->young ||
		 (column->state == COLUMN_FREE &&
		  column_is_settled(population, column->attno)));
}

/*
 * name_plans() names a thing and its columns: s and a number, if possible that
 * of its first column.  *next is the next number that no column has.
 */
static void
name_plans(const Population *population, ProfileThing *thing, List *plans,
		   int *next)
{
	const ColumnPlan *first = linitial(plans);
	int			number = first->column != NULL ? first->column->number : *next;
	bool		taken;
	ListCell   *lc;

	do
	{
		taken = false;
		thing->name = psprintf("s%d", number);
		foreach(lc, plans)
		{
			ColumnPlan *plan = lfirst(lc);

			plan->name = psprintf("%s%s", thing->name, plan->wanted->suffix);
			taken |= AttributeNumberIsValid(population_column(population,
															  plan->name));
		}
		number = *next;
		if (taken || first->column == NULL)
			(*next)++;
	} while (taken);
	/* the numbers of new columns are theirs, too */
	foreach(lc, plans)
		if (lfirst(lc) != first && ((ColumnPlan *) lfirst(lc))->column == NULL)
			(*next)++;
}

/*
 * retype() gives free columns of other types the types that are wanted, if
 * there are not enough numbers left for what is new.  This writes the table
 * anew; so half of the free columns that are left get one of these types, too,
 * and not each of the next traits does it again.  As always when the server
 * does that, old snapshots see no row.
 */
static void
retype(const Population *population, List *columns, List *plans)
{
	int			left = MaxHeapAttributeNumber - columns_numbers(population);
	List	   *others = NIL;
	StringInfoData actions;
	const ProfileColumn *wanted = NULL;	/* the last that was placed */
	int			more;
	ListCell   *lc;

	foreach(lc, plans)
		left -= ((ColumnPlan *) lfirst(lc))->column == NULL;
	if (left >= 0)
		return;
	foreach(lc, columns)
		if (can_be_used(population, lfirst(lc)))
			others = lappend(others, lfirst(lc));
	if (list_length(others) < -left)
		no_column_left(population, columns);
	more = -left + (list_length(others) + left) / 2;

	initStringInfo(&actions);
	foreach(lc, plans)
	{
		ColumnPlan *plan = lfirst(lc);

		if (plan->column != NULL || left == 0)
			continue;
		wanted = plan->wanted;
		plan->column = list_nth(others, -left++ - 1);
		more--;
		appendStringInfo(&actions, "%sALTER COLUMN %s TYPE %s USING NULL",
						 actions.len > 0 ? ", " : "",
						 quote_identifier(plan->column->name),
						 column_type_sql(wanted->type, wanted->collation));
	}
	foreach(lc, others)
	{
		const Column *column = lfirst(lc);
		bool		planned = false;
		ListCell   *plan;

		foreach(plan, plans)
			planned |= ((ColumnPlan *) lfirst(plan))->column == column;
		if (!planned && more-- > 0)
			appendStringInfo(&actions, ", ALTER COLUMN %s TYPE %s USING NULL",
							 quote_identifier(column->name),
							 column_type_sql(wanted->type, wanted->collation));
		/* the new table has new rows of pg_attribute for the others, too */
		column_note_young(population, column->attno);
	}
	columns_alter(population, "%s", actions.data);
	CommandCounterIncrement();
}

/* no_column_left() raises the error that says why, and what to do. */
static void
no_column_left(const Population *population, List *columns)
{
	int			unused = columns_count(columns, COLUMN_DROPPED) +
		columns_count(columns, COLUMN_FREE);

	if (unused > 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("no column of population \"%s\" can be used again yet",
						population->name),
				 errdetail("Its base table has %d columns, as many as a table can have. %d of them are free, but a transaction that began before they became free is still running.",
						   MaxHeapAttributeNumber, unused),
				 errhint("Try again when that transaction has ended. The oldest is the first of SELECT pid, xact_start, query FROM pg_stat_activity WHERE xact_start IS NOT NULL ORDER BY xact_start;")));
	ereport(ERROR,
			(errcode(ERRCODE_TOO_MANY_COLUMNS),
			 errmsg("population \"%s\" cannot keep another stored trait",
					population->name),
			 errdetail("Its base table has %d columns, as many as a table can have, and all of them are in use.",
					   MaxHeapAttributeNumber),
			 errhint("Drop traits and audiences that are not needed any more.")));
}
