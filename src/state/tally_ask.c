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

/* The search for the most frequent value. */
typedef struct Favourite
{
	const ValueOrder *order;
	int			nreaders;
	TallyReader readers[STATE_COLUMNS];
	const TallyEntry *best;		/* of those that were read; NULL: none yet */
} Favourite;

/* A block of one of its readers, with no better entry than 'most'. */
typedef struct FavouriteBlock
{
	int			reader;
	int			block;
	TallyEntry	most;
} FavouriteBlock;

static Oid	result_type(FunctionCallInfo fcinfo);
static bool is_better(const Favourite *favourite, const TallyEntry *entry);
static void find_favourite(Favourite *favourite);
static FavouriteBlock take_best(FavouriteBlock *blocks, int *nblocks);
static int	keep_promising(const Favourite *favourite,
						   FavouriteBlock *blocks, int nblocks);
static void read_favourites(Favourite *favourite, const FavouriteBlock *block);
static void check_type(TypeCacheEntry *values, Oid type);
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
 * The number of values stands before the entries of the tail.  Where all
 * values are different no more is read, nor detoasted: this is asked of whole
 * populations.
 */
Datum
segment_tally_size(PG_FUNCTION_ARGS)
{
	const ValueOrder *order;
	struct varlena *bytes;
	PackedReader reader;
	TallyHead	head;
	Tally	   *tally;

	if (PG_ARGISNULL(0))
		PG_RETURN_INT64(0);

	bytes = PG_DETOAST_DATUM_SLICE(tally_first_column(PG_GETARG_DATUM(0)), 0,
								   TALLY_MOST_HEAD);
	packed_begin(&reader, "tally", bytes);
	tally_read_head(&reader, &head);
	order = tally_order(fcinfo, head.type);
	if (order->alike || head.nentries + head.total == 1)
		PG_RETURN_INT64(head.total > 0 ? head.total : head.nentries);

	tally = tally_whole(PG_GETARG_DATUM(0));
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
	Favourite	favourite = {0};

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();

	favourite.nreaders = tally_begin_all(favourite.readers,
										 PG_GETARG_DATUM(0));
	check_type(favourite.readers[0].head.type, type);
	favourite.order = tally_order(fcinfo, favourite.readers[0].head.type);
	if (favourite.order->alike)
		find_favourite(&favourite);
	else
	{
		Tally	   *tally = tally_whole(PG_GETARG_DATUM(0));

		bring_together(tally, favourite.order);
		for (int i = 0; i < tally->nentries; i++)
			if (is_better(&favourite, &tally->entries[i]))
				favourite.best = &tally->entries[i];
	}
	if (favourite.best == NULL)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(favourite.best->value);
}

/* Has an entry more rows than the best one, or is it otherwise better? */
static bool
is_better(const Favourite *favourite, const TallyEntry *entry)
{
	const TallyEntry *best = favourite->best;

	if (best == NULL)
		return entry->rows > 0;
	if (entry->rows != best->rows || entry->latest != best->latest)
		return tally_is_more_frequent(entry, best);
	return value_compare(favourite->order, entry->value, best->value) < 0;
}

/*
 * find_favourite() reads the blocks that may have the best entry, the one that
 * is said to have the best one first.  A block of which nothing is said is all
 * of a short column.
 *
 * Mostly it is the first block that is read, and no other one may have a
 * better entry: so blocks are not sorted, but looked through again.
 */
static void
find_favourite(Favourite *favourite)
{
	int			nblocks = 0;
	FavouriteBlock *blocks;

	for (int i = 0; i < favourite->nreaders; i++)
		nblocks += favourite->readers[i].head.nblocks;
	blocks = palloc(nblocks * sizeof(FavouriteBlock));
	nblocks = 0;
	for (int i = 0; i < favourite->nreaders; i++)
	{
		const TallyReader *reader = &favourite->readers[i];

		for (int j = 0; j < reader->head.nblocks; j++)
			blocks[nblocks++] = (FavouriteBlock) {
				.reader = i,
				.block = j,
				.most = reader->blocks != NULL ? reader->blocks[j] :
				(TallyEntry) {.rows = PG_INT64_MAX},
			};
	}
	while (nblocks > 0)
	{
		FavouriteBlock next = take_best(blocks, &nblocks);

		read_favourites(favourite, &next);
		nblocks = keep_promising(favourite, blocks, nblocks);
	}
	pfree(blocks);
}

/* take_best() takes the block that is said to have the best entry. */
static FavouriteBlock
take_best(FavouriteBlock *blocks, int *nblocks)
{
	FavouriteBlock *best = &blocks[0];
	FavouriteBlock taken;

	for (int i = 1; i < *nblocks; i++)
		if (tally_is_more_frequent(&blocks[i].most, &best->most))
			best = &blocks[i];
	taken = *best;
	*best = blocks[--*nblocks];
	return taken;
}

/*
 * keep_promising() keeps the blocks that may have a better entry than the best
 * one of those that were read.  Returns how many these are.
 */
static int
keep_promising(const Favourite *favourite, FavouriteBlock *blocks,
			   int nblocks)
{
	int			kept = 0;

	if (favourite->best == NULL)
		return nblocks;
	for (int i = 0; i < nblocks; i++)
		if (!tally_is_more_frequent(favourite->best, &blocks[i].most))
			blocks[kept++] = blocks[i];
	return kept;
}

/* read_favourites() looks for better entries in a block. */
static void
read_favourites(Favourite *favourite, const FavouriteBlock *block)
{
	TallyReader *reader = &favourite->readers[block->reader];

	tally_read_block(reader, block->block);
	for (int64 i = 0; i < reader->nentries; i++)
	{
		const TallyEntry *entry = &reader->entries[i];
		bool		overruled = false;

		if (!is_better(favourite, entry))
			continue;
		for (int j = 0; j < block->reader && !overruled; j++)
			overruled = tally_find(&favourite->readers[j],
								   entry->value) != NULL;
		if (!overruled)
			favourite->best = entry;
	}
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
	Tally	   *tally = tally_whole(PG_GETARG_DATUM(0));

	check_type(tally->type, type);
	return tally;
}

/* Refuse to show values of one type as another. */
static void
check_type(TypeCacheEntry *values, Oid type)
{
	if (values->type_id != type && values->type_id != getBaseType(type))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("tally is of values of type %s, not %s",
						format_type_be(values->type_id),
						format_type_be(type))));
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
