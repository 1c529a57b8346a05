/*-------------------------------------------------------------------------
 *
 * columns_read.c
 *	  Which columns does the base table have, and what is in them?
 *
 *		ord, customer_id, ...	every profile has these
 *		s7, s7_at				used: a stored trait
 *		segment_dropped_8		dropped: values of a trait that was dropped
 *		segment_free_9			free: NULL in every row
 *
 * The name of a column says what is in it, and a dump keeps that.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/table.h"
#include "access/transam.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "catalog/pg_attribute.h"
#include "storage/procarray.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"

#include "base/base.h"
#include "profile/columns.h"

#define OUR_PREFIX		"segment_"
#define DROPPED_PREFIX	OUR_PREFIX "dropped_"
#define FREE_PREFIX		OUR_PREFIX "free_"

static bool parse_number(const char *name, const char *prefix, int *number);

List *
columns_read(const Population *population)
{
	Relation	base;
	TupleDesc	desc;
	List	   *columns = NIL;

	CommandCounterIncrement();
	base = relation_open(population->oid, NoLock);
	desc = RelationGetDescr(base);
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);
		Column	   *column;

		if (att->attisdropped)
			continue;
		column = palloc0(sizeof(Column));
		column->attno = i + 1;
		column->name = pstrdup(NameStr(att->attname));
		column->type = att->atttypid;
		column->collation = att->attcollation;
		column->has_default = att->atthasdef;
		column->state = column_name_state(column->name, &column->number);
		column->dirty = column->state == COLUMN_DROPPED;
		column->young = column_is_young(population, column->attno);
		columns = lappend(columns, column);
	}
	relation_close(base, NoLock);
	return columns;
}

int
columns_count(List *columns, ColumnState state)
{
	int			count = 0;
	ListCell   *lc;

	foreach(lc, columns)
		count += ((Column *) lfirst(lc))->state == state;
	return count;
}

int
columns_numbers(const Population *population)
{
	Relation	base = relation_open(population->oid, NoLock);
	int			numbers = RelationGetNumberOfAttributes(base);

	relation_close(base, NoLock);
	return numbers;
}

/*
 * The transaction that emptied a column is the one that wrote the column's row
 * of pg_attribute last.  The row is read from the table, not from a cache, as
 * vacuum freezes it without a word.
 */
bool
column_is_settled(const Population *population, AttrNumber attno)
{
	Relation	base;
	Relation	attributes = table_open(AttributeRelationId, AccessShareLock);
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	tuple;
	TransactionId xid = InvalidTransactionId;
	TransactionId oldest;

	ScanKeyInit(&keys[0], Anum_pg_attribute_attrelid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(population->oid));
	ScanKeyInit(&keys[1], Anum_pg_attribute_attnum, BTEqualStrategyNumber,
				F_INT2EQ, Int16GetDatum(attno));
	scan = systable_beginscan(attributes, AttributeRelidNumIndexId, true, NULL,
							  2, keys);
	if (HeapTupleIsValid(tuple = systable_getnext(scan)))
		xid = HeapTupleHeaderGetXmin(tuple->t_data);
	systable_endscan(scan);
	table_close(attributes, AccessShareLock);

	if (!TransactionIdIsNormal(xid))
		return TransactionIdIsValid(xid);
	base = relation_open(population->oid, NoLock);
	oldest = GetOldestNonRemovableTransactionId(base);
	relation_close(base, NoLock);
	return TransactionIdPrecedes(xid, oldest);
}

/* ---- names ---- */

bool
column_is_of(const Column *column, const char *name)
{
	int			length = strlen(name);

	return strncmp(column->name, name, length) == 0 &&
		(column->name[length] == '\0' || column->name[length] == '_');
}

ColumnState
column_name_state(const char *name, int *number)
{
	/* each event asks for all columns, of which few have either prefix */
	if (name[1] != OUR_PREFIX[1] ||
		strncmp(name, OUR_PREFIX, strlen(OUR_PREFIX)) != 0)
		return COLUMN_USED;
	return parse_number(name, DROPPED_PREFIX, number) ? COLUMN_DROPPED :
		parse_number(name, FREE_PREFIX, number) ? COLUMN_FREE : COLUMN_USED;
}

/*
 * parse_number() says whether a name is a prefix and a number, and sets the
 * number then.
 */
static bool
parse_number(const char *name, const char *prefix, int *number)
{
	int			length = strlen(prefix);
	const char *digits = name + length;

	if (strncmp(name, prefix, length) != 0 || *digits == '\0' ||
		digits[strspn(digits, "0123456789")] != '\0')
		return false;
	*number = atoi(digits);
	return true;
}

char *
column_name_for(const Population *population, ColumnState state, int number)
{
	const char *prefix = state == COLUMN_FREE ? FREE_PREFIX : DROPPED_PREFIX;
	char	   *name;

	do
		name = psprintf("%s%d", prefix, number++);
	while (population_column(population, name) != InvalidAttrNumber);
	return name;
}

bool
column_is_reserved(const char *name)
{
	const char *p = name;
	int			number;

	/* s1, s2_at ... and what traits have left */
	if (*p == 's' && p[1] >= '0' && p[1] <= '9')
		p += 1 + strspn(p + 1, "0123456789");
	return strcmp(name, "ord") == 0 || strcmp(name, "source_rows") == 0 ||
		strcmp(name, "evaluated_at") == 0 || strcmp(name, "wake_at") == 0 ||
		column_name_state(name, &number) != COLUMN_USED ||
		(p != name && (*p == '\0' || *p == '_'));
}

bool
profile_column_is_unused(const FormData_pg_attribute *column)
{
	int			number;

	return column->attisdropped ||
		column_name_state(NameStr(column->attname), &number) != COLUMN_USED;
}
