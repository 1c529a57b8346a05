/*-------------------------------------------------------------------------
 *
 * columns.c
 *	  Which operands, pairs and conditions depend on a column?
 *
 *		total_spend > 500 and total_spend / orders < 40
 *
 *		s4		operands total_spend, total_spend / orders
 *		s5		operand total_spend / orders
 *
 * Each of them is entered when the first audience needs it, and leaves with
 * the last one.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/sysattr.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "audience/conditions.h"

static void enter_columns(AudienceIndex *index, const Bitmapset *columns,
						  Size list, void *one);
static void leave_columns(AudienceIndex *index, Size list, void *one);
static List **list_of(Column *column, Size list);
static Column *column_of(AudienceIndex *index, int bit);
static void enter_time(AudienceIndex *index, TimeDependent *one);

void
operand_enter(AudienceIndex *index, Operand *operand)
{
	MemoryContext old = MemoryContextSwitchTo(index_memory(index));

	index->operands = lappend(index->operands, operand);
	enter_columns(index, operand->columns, offsetof(Column, operands),
				  operand);
	enter_time(index, operand->time_dependent);
	MemoryContextSwitchTo(old);
}

void
pair_enter(AudienceIndex *index, Pair *pair)
{
	MemoryContext old = MemoryContextSwitchTo(index_memory(index));

	index->pairs = lappend(index->pairs, pair);
	enter_columns(index, pair->columns, offsetof(Column, pairs), pair);
	MemoryContextSwitchTo(old);
}

void
condition_enter(AudienceIndex *index, Condition *condition)
{
	MemoryContext old = MemoryContextSwitchTo(index_memory(index));

	enter_columns(index, condition->columns, offsetof(Column, conditions),
				  condition);
	enter_time(index, condition->time_dependent);
	MemoryContextSwitchTo(old);
}

void
operand_leave(AudienceIndex *index, Operand *operand)
{
	index->operands = list_delete_ptr(index->operands, operand);
	leave_columns(index, offsetof(Column, operands), operand);
	index->time_dependent = list_delete_ptr(index->time_dependent,
											operand->time_dependent);
}

void
pair_leave(AudienceIndex *index, Pair *pair)
{
	index->pairs = list_delete_ptr(index->pairs, pair);
	leave_columns(index, offsetof(Column, pairs), pair);
}

void
condition_leave(AudienceIndex *index, Condition *condition)
{
	leave_columns(index, offsetof(Column, conditions), condition);
	index->time_dependent = list_delete_ptr(index->time_dependent,
											condition->time_dependent);
}

/* enter_columns() adds one to the list at that offset of its columns. */
static void
enter_columns(AudienceIndex *index, const Bitmapset *columns, Size list,
			  void *one)
{
	int			bit = -1;

	while ((bit = bms_next_member(columns, bit)) >= 0)
	{
		List	  **there = list_of(column_of(index, bit), list);

		*there = lappend(*there, one);
	}
}

/* leave_columns() removes one from that list of all columns. */
static void
leave_columns(AudienceIndex *index, Size list, void *one)
{
	for (int i = 0; i < index->ncolumns; i++)
	{
		List	  **there = list_of(&index->columns[i], list);

		*there = list_delete_ptr(*there, one);
	}
}

static List **
list_of(Column *column, Size list)
{
	return (List **) ((char *) column + list);
}

static void
enter_time(AudienceIndex *index, TimeDependent *one)
{
	if (one != NULL)
		index->time_dependent = lappend(index->time_dependent, one);
}

/* column_of() finds the column of a bit in a set of columns, or adds it. */
static Column *
column_of(AudienceIndex *index, int bit)
{
	AttrNumber	number = bit + FirstLowInvalidHeapAttributeNumber;
	Column	   *column;
	Relation	base;

	for (int i = 0; i < index->ncolumns; i++)
		if (index->columns[i].number == number)
			return &index->columns[i];

	index->columns = index->columns == NULL ? palloc(sizeof(Column)) :
		repalloc(index->columns, sizeof(Column) * (index->ncolumns + 1));
	column = &index->columns[index->ncolumns++];
	memset(column, 0, sizeof(Column));
	column->number = number;
	base = relation_open(index->population->oid, AccessShareLock);
	column->typlen = TupleDescAttr(RelationGetDescr(base), number - 1)->attlen;
	column->typbyval = TupleDescAttr(RelationGetDescr(base),
									 number - 1)->attbyval;
	relation_close(base, AccessShareLock);
	return column;
}
