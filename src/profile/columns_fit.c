/*-------------------------------------------------------------------------
 *
 * columns_fit.c
 *	  Does a row still fit into a page, with these columns?
 *
 *		ord, customer_id, source_rows, evaluated_at, wake_at	40 bytes
 *		s1 ... s300, of type segment.tally						300 * 24
 *		s301 ... s340, of type bigint							40 * 8
 *		header and bitmap of 345 columns						72
 *												together		7632 <= 8160
 *
 * A row must fit into a page, whatever the events bring.  Values of variable
 * length are moved out of the row if need be, down to a pointer; the server
 * leaves those in that are no longer than MOST_INLINE.  The sum of that over
 * all columns is checked before one is added.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/detoast.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "catalog/heap.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "base/base.h"
#include "profile/columns.h"

/* What TOAST leaves in the row of a value that can be moved out. */
#define MOST_INLINE		MAXALIGN(TOAST_POINTER_SIZE)

static Size row_at_most(const Population *population, bool emptied,
						ProfileThing *things, int count);
static Size column_at_most(int16 length, int32 fixed);
static void check_movable(const ProfileColumn *wanted);

void
columns_check_fit(const Population *population, List *columns,
				  ProfileThing *things, int count)
{
	Size		size;

	for (int i = 0; i < count; i++)
		for (int j = 0; j < things[i].ncolumns; j++)
			check_movable(&things[i].columns[j]);
	size = row_at_most(population, false, things, count);
	if (size > MaxHeapTupleSize &&
		columns_count(columns, COLUMN_DROPPED) > 0 &&
		row_at_most(population, true, things, count) <= MaxHeapTupleSize)
	{
		columns_empty_dropped(population);
		size = row_at_most(population, false, things, count);
	}
	if (size > MaxHeapTupleSize)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("population \"%s\" cannot keep another stored trait",
						population->name),
				 errdetail("A profile's row could need %zu bytes, and a page "
						   "has room for %zu. A list, a text or a sum needs up "
						   "to %d of them, a window three times as many, a "
						   "count, a time or a truth value 8.",
						   size, (Size) MaxHeapTupleSize, (int) MOST_INLINE),
				 errhint("Drop traits and audiences that are not needed any more. Aggregates over the same values, condition and window are stored once.")));
}

/*
 * row_at_most() returns how many bytes a row of the base table can become,
 * with the columns of these things.  'emptied': when nothing is left of
 * dropped traits.
 *
 * Each value is counted up to the next multiple of eight, so that the order of
 * the columns does not matter.
 */
static Size
row_at_most(const Population *population, bool emptied, ProfileThing *things,
			int count)
{
	Relation	base = relation_open(population->oid, NoLock);
	TupleDesc	desc = RelationGetDescr(base);
	int			natts = desc->natts;
	Size		size = 0;

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);
		int			number;
		ColumnState state = column_name_state(NameStr(att->attname), &number);

		if (att->attisdropped || state == COLUMN_FREE ||
			(emptied && state == COLUMN_DROPPED))
			continue;
		size += column_at_most(att->attlen,
							   type_maximum_size(att->atttypid,
												 att->atttypmod));
	}
	relation_close(base, NoLock);
	for (int i = 0; i < count; i++)
		for (int j = 0; j < things[i].ncolumns; j++)
		{
			Oid			type = things[i].columns[j].type;

			natts++;
			size += column_at_most(get_typlen(type),
								   type_maximum_size(type, -1));
		}
	natts = Min(natts, MaxHeapAttributeNumber);
	return size + MAXALIGN(offsetof(HeapTupleHeaderData, t_bits) +
						   BITMAPLEN(natts));
}

/*
 * column_at_most() returns what a value takes in the row at most.  'length' is
 * that of the type, or less than zero; then 'fixed' is the greatest length of
 * a value, or -1 if there is none.
 */
static Size
column_at_most(int16 length, int32 fixed)
{
	if (length > 0)
		return MAXALIGN(length);
	if (fixed > 0 && fixed < MOST_INLINE)
		return MAXALIGN(fixed);
	return MOST_INLINE;
}

/*
 * check_movable() raises an error if values of a column's type may be of any
 * length and cannot be moved out of the row.
 */
static void
check_movable(const ProfileColumn *wanted)
{
	int16		length = get_typlen(wanted->type);

	if (length < 0 && get_typstorage(wanted->type) == TYPSTORAGE_PLAIN &&
		type_maximum_size(wanted->type, -1) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("values of type %s cannot be kept",
						format_type_be(wanted->type)),
				 errdetail("The type's storage is plain: long values cannot be moved out of the profile's row, which would become too long."),
				 errhint("Keep an expression of another type, or add a column of another type to the source.")));
}
