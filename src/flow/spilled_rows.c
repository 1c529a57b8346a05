/*-------------------------------------------------------------------------
 *
 * spilled_rows.c
 *	  Where do rows of a statement wait until their profile is written?
 *
 * A COPY of five million orders of a million customers, with sum(orders.amount
 * where status = 'paid') and the window of another trait, spills
 *
 *		key		rows	truncations		steps, time, amount
 *		7		NULL	NULL			both, 12:00, 10
 *		9		NULL	NULL			one, 12:01, NULL	amount: no need
 *		7		-1		NULL			both, 12:02, 2
 *
 * into a sort by key, in work_mem and temporary files.  When profile 7 is
 * written its rows are read, one after the other, and folded into its delta.
 *
 * What the traits need of a row is evaluated before it is kept: by the user
 * who wrote the row, and in the statement that fails if that fails.
 *
 * Files.  A batch may outlive the subtransaction and the statement that wrote
 * rows, so the files belong to the transaction, and are given back by
 * spilled_end().
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "utils/resowner.h"
#include "utils/tuplesort.h"
#include "utils/typcache.h"

#include "flow/batch.h"

/*
 * Columns of a spilled row; the values follow, and what guests want of it:
 * interests_pack(), or NULL.
 */
enum
{
	COLUMN_KEY = 1,
	COLUMN_ROWS,				/* -1: one went; NULL: one came */
	COLUMN_TRUNCATIONS,			/* NULL: none before it */
	COLUMN_VALUES,
};

struct SpilledRows
{
	const TraitProgram *program;
	const Interests *interests; /* NULL: there is no such column */
	int			guests;			/* the index of their column */
	Tuplesortstate *sort;
	TupleTableSlot *put;
	TupleTableSlot *read;		/* empty: there are no more */
};

static void put(SpilledRows *spilled, Datum key, TupleTableSlot *row,
				int64 rows, int truncations);
static void read_next(SpilledRows *spilled);
static ResourceOwner own_files(void);

bool
spilled_possible(const TraitProgram *program)
{
	return COLUMN_VALUES + trait_row_columns(program) <=
		MaxTupleAttributeNumber;
}

SpilledRows *
spilled_create(const Contribution *contribution)
{
	const Population *population = contribution->source->population;
	const TraitProgram *program = contribution->program;
	SpilledRows *spilled = palloc0(sizeof(SpilledRows));
	int			columns = COLUMN_VALUES - 1 + trait_row_columns(program);
	bool		guests = contribution->interests != NULL;
	TupleDesc	desc = CreateTemplateTupleDesc(columns + guests);
	TypeCacheEntry *type = lookup_type_cache(population->key_type,
											 TYPECACHE_LT_OPR);
	AttrNumber	column = COLUMN_KEY;
	/* keys differ if their bytes do */
	Oid			collation = C_COLLATION_OID;
	bool		nulls_first = false;
	ResourceOwner old;

	TupleDescInitEntry(desc, COLUMN_KEY, NULL, population->key_type, -1, 0);
	TupleDescInitEntry(desc, COLUMN_ROWS, NULL, INT8OID, -1, 0);
	TupleDescInitEntry(desc, COLUMN_TRUNCATIONS, NULL, INT4OID, -1, 0);
	trait_row_describe(program, desc, COLUMN_VALUES);
	if (guests)
		TupleDescInitEntry(desc, columns + 1, NULL, BYTEAOID, -1, 0);

	spilled->program = program;
	spilled->interests = contribution->interests;
	spilled->guests = columns;
	spilled->put = MakeSingleTupleTableSlot(desc, &TTSOpsVirtual);
	spilled->read = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);
	old = own_files();
	/* in the order of profile_key_compare() */
	spilled->sort = tuplesort_begin_heap(desc, 1, &column, &type->lt_opr,
										 &collation, &nulls_first, work_mem,
										 NULL, TUPLESORT_NONE);
	CurrentResourceOwner = old;
	return spilled;
}

void
spilled_put(SpilledRows *spilled, Datum key, TupleTableSlot *row, int sign,
			int truncations)
{
	TupleTableSlot *slot = ExecClearTuple(spilled->put);

	trait_row_evaluate(spilled->program, row,
					   slot->tts_values + COLUMN_VALUES - 1,
					   slot->tts_isnull + COLUMN_VALUES - 1);
	put(spilled, key, row, sign, truncations);
}

void
spilled_put_counted(SpilledRows *spilled, Datum key, TupleTableSlot *row,
					int64 rows, int truncations)
{
	TupleTableSlot *slot = ExecClearTuple(spilled->put);

	memset(slot->tts_isnull + COLUMN_VALUES - 1, true,
		   sizeof(bool) * trait_row_columns(spilled->program));
	put(spilled, key, row, rows, truncations);
}

/* put() keeps rows, of which the columns for traits are in the slot. */
static void
put(SpilledRows *spilled, Datum key, TupleTableSlot *row, int64 rows,
	int truncations)
{
	TupleTableSlot *slot = spilled->put;
	Datum	   *values = slot->tts_values;
	bool	   *isnull = slot->tts_isnull;
	int			guests = spilled->guests;
	ResourceOwner old;

	values[COLUMN_KEY - 1] = key;
	isnull[COLUMN_KEY - 1] = false;
	values[COLUMN_ROWS - 1] = Int64GetDatum(rows);
	isnull[COLUMN_ROWS - 1] = rows == 1;
	values[COLUMN_TRUNCATIONS - 1] = Int32GetDatum(truncations);
	isnull[COLUMN_TRUNCATIONS - 1] = truncations == 0;
	if (spilled->interests != NULL)
		isnull[guests] = !interests_pack(spilled->interests, row,
										 &values[guests]);
	ExecStoreVirtualTuple(slot);

	old = own_files();
	tuplesort_puttupleslot(spilled->sort, slot);
	CurrentResourceOwner = old;
	if (spilled->interests != NULL && !isnull[guests])
		pfree(DatumGetPointer(values[guests]));
}

void
spilled_sort(SpilledRows *spilled)
{
	ResourceOwner old = own_files();

	tuplesort_performsort(spilled->sort);
	CurrentResourceOwner = old;
	read_next(spilled);
}

/* read_next() reads the next row, or leaves the slot empty. */
static void
read_next(SpilledRows *spilled)
{
	ResourceOwner old = own_files();

	if (tuplesort_gettupleslot(spilled->sort, true, false, spilled->read,
							   NULL))
		slot_getallattrs(spilled->read);
	CurrentResourceOwner = old;
}

bool
spilled_key(const SpilledRows *spilled, Datum *key)
{
	if (TTS_EMPTY(spilled->read))
		return false;
	*key = spilled->read->tts_values[COLUMN_KEY - 1];
	return true;
}

void
spilled_fold(SpilledRows *spilled, TraitDelta *delta, GuestRow **rows,
			 int truncations, MemoryContext memory)
{
	const Datum *values = spilled->read->tts_values;
	const bool *isnull = spilled->read->tts_isnull;
	int64		sign = isnull[COLUMN_ROWS - 1] ? 1 :
		DatumGetInt64(values[COLUMN_ROWS - 1]);
	int			before = isnull[COLUMN_TRUNCATIONS - 1] ? 0 :
		DatumGetInt32(values[COLUMN_TRUNCATIONS - 1]);

	if (before < truncations)
	{
		delta->emptied = true;
		delta->rows += sign;
	}
	else
		trait_accumulate_evaluated(spilled->program, delta,
								   values + COLUMN_VALUES - 1,
								   isnull + COLUMN_VALUES - 1, (int) sign,
								   memory);
	if (spilled->interests != NULL && !isnull[spilled->guests])
		interests_unpack(spilled->interests, values[spilled->guests], sign,
						 memory, rows);
	read_next(spilled);
}

void
spilled_end(SpilledRows *spilled)
{
	ExecDropSingleTupleTableSlot(spilled->put);
	ExecDropSingleTupleTableSlot(spilled->read);
	tuplesort_end(spilled->sort);
}

/*
 * own_files() makes the transaction the owner of files that are opened, and
 * returns who was.
 */
static ResourceOwner
own_files(void)
{
	ResourceOwner old = CurrentResourceOwner;

	CurrentResourceOwner = TopTransactionResourceOwner;
	return old;
}
