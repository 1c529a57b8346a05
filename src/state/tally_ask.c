/*-------------------------------------------------------------------------
 *
 * tally_ask.c
 *	  Which different values has a tally, and which of them is most frequent?
 *
 * Which values are equal depends on the collation, and that is the column's: a
 * column of tallies can have a collation, as one of text.  Values that are
 * equal are brought together here, and are shown as the one that looks
 * smallest (ValueOrder):
 *
 *		text{"TEA": 1, "cake": 2, "tea": 3}		in a column that ignores case
 *
 *		tally_size 2	tally_values {cake,TEA}		tally_most_frequent TEA
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "base/base.h"
#include "state/tally.h"

static Oid	result_type(FunctionCallInfo fcinfo);
static Tally *tally_argument(FunctionCallInfo fcinfo, Oid type);
static const ValueOrder *tally_order(FunctionCallInfo fcinfo,
									 TypeCacheEntry *type);
static void bring_together(Tally *tally, const ValueOrder *order);
static int	compare_looks(const void *a, const void *b, void *order);

SEGMENT_FUNCTION(segment_tally_size);
SEGMENT_FUNCTION(segment_tally_values);
SEGMENT_FUNCTION(segment_tally_most_frequent);

/*
 * segment.tally_size(tally): the number of different values
 *
 * The number of values stands before the entries.  Where all values are
 * different no more is read, nor detoasted: this is asked of whole
 * populations.
 */
Datum
segment_tally_size(PG_FUNCTION_ARGS)
{
	const ValueOrder *order;
	Tally	   *tally;
	struct varlena *head;
	PackedReader reader;
	Oid			type;
	uint64		nentries;

	if (PG_ARGISNULL(0))
		PG_RETURN_INT64(0);

	head = PG_DETOAST_DATUM_SLICE(PG_GETARG_DATUM(0), 0, TALLY_MOST_HEAD);
	packed_begin(&reader, "tally", head);
	tally_read_head(&reader, &type, &nentries);
	order = tally_order(fcinfo, packed_type(&reader, type));
	if (order->alike || nentries == 1)
		PG_RETURN_INT64((int64) nentries);

	tally = tally_read(PG_GETARG_DATUM(0));
	bring_together(tally, order);
	PG_RETURN_INT64(tally->nentries);
}

/* segment.tally_values(tally, type): the different values, smallest first */
Datum
segment_tally_values(PG_FUNCTION_ARGS)
{
	Oid			type = result_type(fcinfo);
	TypeCacheEntry *entry;
	Tally	   *tally;
	Datum	   *values;

	if (PG_ARGISNULL(0))
		PG_RETURN_ARRAYTYPE_P(construct_empty_array(type));

	tally = tally_argument(fcinfo, type);
	bring_together(tally, tally_order(fcinfo, tally->type));
	entry = tally->type;
	values = MemoryContextAllocHuge(CurrentMemoryContext,
									tally->nentries * sizeof(Datum));
	for (int i = 0; i < tally->nentries; i++)
		values[i] = tally->entries[i].value;
	PG_RETURN_ARRAYTYPE_P(construct_array(values, tally->nentries, type,
										  entry->typlen, entry->typbyval,
										  entry->typalign));
}

/*
 * segment.tally_most_frequent(tally, type): the value with most rows, then the
 * most recent, then the smallest
 */
Datum
segment_tally_most_frequent(PG_FUNCTION_ARGS)
{
	Oid			type = result_type(fcinfo);
	Tally	   *tally;
	const ValueOrder *order;
	TallyEntry *best;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();

	tally = tally_argument(fcinfo, type);
	order = tally_order(fcinfo, tally->type);
	if (!order->alike)
		bring_together(tally, order);
	best = &tally->entries[0];
	for (int i = 1; i < tally->nentries; i++)
	{
		TallyEntry *entry = &tally->entries[i];

		if (entry->rows > best->rows ||
			(entry->rows == best->rows &&
			 (entry->latest > best->latest ||
			  (entry->latest == best->latest &&
			   value_compare(order, entry->value, best->value) < 0))))
			best = entry;
	}
	PG_RETURN_DATUM(best->value);
}

/* The type of the second argument: that of the values, or a domain over it. */
static Oid
result_type(FunctionCallInfo fcinfo)
{
	Oid			type = get_fn_expr_argtype(fcinfo->flinfo, 1);

	if (!OidIsValid(type))
		elog(ERROR, "could not determine the type of a tally's values");
	return type;
}

/* The first argument, which must be a tally of values of this type. */
static Tally *
tally_argument(FunctionCallInfo fcinfo, Oid type)
{
	Tally	   *tally = tally_read(PG_GETARG_DATUM(0));

	if (tally->type->type_id != type &&
		tally->type->type_id != getBaseType(type))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("tally is of values of type %s, not %s",
						format_type_be(tally->type->type_id),
						format_type_be(type))));
	return tally;
}

/* The order of the values, for the collation of the call; kept in fn_extra. */
static const ValueOrder *
tally_order(FunctionCallInfo fcinfo, TypeCacheEntry *type)
{
	ValueOrder *order = fcinfo->flinfo->fn_extra;

	if (order != NULL && order->type == type)
		return order;
	if (order == NULL)
		order = MemoryContextAlloc(fcinfo->flinfo->fn_mcxt,
								   sizeof(ValueOrder));
	*order = value_order(type, PG_GET_COLLATION());
	fcinfo->flinfo->fn_extra = order;
	return order;
}

/*
 * Sort the entries, and make one of those of equal values, with the value that
 * looks smallest.
 */
static void
bring_together(Tally *tally, const ValueOrder *order)
{
	TallyEntry *entries = tally->entries;
	int			last = 0;

	qsort_arg(entries, tally->nentries, sizeof(TallyEntry), compare_looks,
			  unconstify(ValueOrder *, order));
	if (order->alike)
		return;
	for (int i = 1; i < tally->nentries; i++)
	{
		CHECK_FOR_INTERRUPTS();

		if (value_compare(order, entries[last].value, entries[i].value) == 0)
			tally_add_rows(&entries[last], &entries[i]);
		else
			entries[++last] = entries[i];
	}
	tally->nentries = last + 1;
}

static int
compare_looks(const void *a, const void *b, void *order)
{
	return value_compare_looks(order, ((const TallyEntry *) a)->value,
							   ((const TallyEntry *) b)->value);
}
