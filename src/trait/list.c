/*-------------------------------------------------------------------------
 *
 * list.c
 *	  The distinct values of a source, counted: list(distinct ...).
 *
 *		list(distinct orders.store)
 *
 *		state: segment.tally, NULL before the first order
 *			text{"Aarhus": 2 @ 2026-05-03 ..., "Odense": 1 @ 2026-05-01 ...}
 *
 *		an order in Odense on 4 May		"Odense": 2 @ 2026-05-04
 *		the one of 1 May goes			"Odense": 1 @ 2026-05-04
 *		the one of 4 May goes			"Odense": 0, so it vanishes
 *
 * count(distinct ...) and most_frequent are read off the same state; the times
 * are for the latter, whose ties go to the most recent value.  In this file
 * equal means of the same bytes: which values are equal by collation is asked
 * when the tally is read.
 *
 * A delta says of each value how many rows came, less those that went, and of
 * either kind the latest time and how many rows had it.  What that does to
 * the latest time of a value is the question of best.c, with the same answer:
 * where the row with the latest time goes and other rows of the value remain,
 * the source is read again.
 *
 * The reasoning needs whole batches: all rows that came and went for a profile
 * in one delta.  If a row went in a delta before the one in which it came, its
 * time would be forgotten once the number of rows is zero.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "common/int.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datum.h"

#include "base/base.h"
#include "trait/best.h"

/* a new row is compared with as many of the latest values */
#define LOOK_BACK		16
#define FIRST_ROOM		4
/* below this many entries, twice the room is cheaper than sorting */
#define COMPACT_FROM	64

/*
 * Rows of one value that came, or that went.  There are many of these at a
 * time, so they are small.
 */
typedef struct ListEntry
{
	Datum		value;
	TallyTime	latest;			/* the latest time among the rows */
	uint32		image;			/* hash of the value's bytes */
	int32		rows;			/* how many; negative if they went */
	int32		times;			/* how many of them had the latest time */
} ListEntry;

/*
 * In the order in which they were met, and equal values may occur more than
 * once; list_compact() sorts them and makes them one.
 */
typedef struct ListDelta
{
	TypeCacheEntry *type;
	int			nentries;
	int			room;
	ListEntry  *entries;
} ListDelta;

/* All that happened to a value. */
typedef struct ListChange
{
	Datum		value;
	int64		rows;			/* came, less went */
	TallyTime	came;			/* the latest time that came */
	int64		came_times;		/* and how many rows had it; 0: none came */
	TallyTime	went;
	int64		went_times;
} ListChange;

static int	list_columns(const Aggregate *self, const AggregateInput *input,
						 AggregateColumn *columns);
static void list_accumulate(const Aggregate *self, const AggregateInput *input,
							void *delta, const AggregateRow *row,
							MemoryContext memory);
static AggregateResult list_apply(const Aggregate *self,
								  const AggregateInput *input,
								  const void *delta, const TimeRange *kept,
								  Datum *state, bool *isnull);
static void list_sql(const Aggregate *self, const AggregateInput *input,
					 const AggregateSql *pieces, int column, StringInfo out);
static void list_note(ListDelta *list, Datum value, TallyTime time, int sign,
					  MemoryContext memory);
static uint32 image_hash(TypeCacheEntry *type, Datum value);
static void list_make_room(ListDelta *list, MemoryContext memory);
static int	list_compact(TypeCacheEntry *type, ListEntry *entries,
						 int nentries);
static inline bool list_fits(const ListEntry *entry, const ListEntry *more);
static void list_merge(ListEntry *entry, const ListEntry *more);
static int	list_change(const ListDelta *list, const ListEntry *entries,
						int nentries, ListChange *change);
static bool latest_time(const TallyEntry *state, const ListChange *change,
						TallyTime *latest);
static bool tally_change(TallyState *tally, const ListChange *change,
						 bool *changed);

const Aggregate aggregate_list = {
	.name = "list",
	.joined = "tally_joined",
	.columns = list_columns,
	.delta_size = sizeof(ListDelta),
	.accumulate = list_accumulate,
	.apply = list_apply,
	.sql = list_sql,
};

SEGMENT_FUNCTION(segment_tally_step);
SEGMENT_FUNCTION(segment_tally_result);

/* A tally, in three columns. */
static int
list_columns(const Aggregate *self, const AggregateInput *input,
			 AggregateColumn *columns)
{
	if (!OidIsValid(input->type))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("list needs a value")));
	(void) tally_element(input->type, "list");
	return state_columns("tally", input->collation, columns);
}

/* Count a row that came or went under its value, with its time. */
static void
list_accumulate(const Aggregate *self, const AggregateInput *input,
				void *delta, const AggregateRow *row, MemoryContext memory)
{
	ListDelta  *list = delta;

	if (row->isnull)
		return;
	if (list->type == NULL)
		list->type = tally_element(input->type, "list");
	list_note(list, row->value, tally_time(row->at, row->has_at), row->sign,
			  memory);
}

/* Apply the delta to the tally, in the order of the bytes of values. */
static AggregateResult
list_apply(const Aggregate *self, const AggregateInput *input,
		   const void *delta, const TimeRange *kept, Datum *state,
		   bool *isnull)
{
	const ListDelta *list = delta;
	TallyState *tally;
	ListEntry  *entries;
	int			nentries;
	bool		changed = false;

	if (list->nentries == 0)
		return AGGREGATE_UNCHANGED;
	tally = tally_state_begin(list->type, state, isnull);
	if (tally == NULL)
		return AGGREGATE_RECOMPUTE;

	/* the delta is the caller's: sort a copy */
	entries = palloc_extended(list->nentries * sizeof(ListEntry),
							  MCXT_ALLOC_HUGE);
	memcpy(entries, list->entries, list->nentries * sizeof(ListEntry));
	nentries = list_compact(list->type, entries, list->nentries);

	for (int i = 0; i < nentries;)
	{
		ListChange	change;

		CHECK_FOR_INTERRUPTS();

		i += list_change(list, &entries[i], nentries - i, &change);
		if (!tally_change(tally, &change, &changed))
			return AGGREGATE_RECOMPUTE;
	}

	if (!changed)
		return AGGREGATE_UNCHANGED;
	tally_state_end(tally);
	return AGGREGATE_CHANGED;
}

/* SQL of one of the columns. */
static void
list_sql(const Aggregate *self, const AggregateInput *input,
		 const AggregateSql *pieces, int column, StringInfo out)
{
	const char *at = pieces->at ? pieces->at : "NULL::pg_catalog.timestamptz";

	state_column_sql("tally", psprintf("%s.tally_agg(%s, %s)%s",
									   SEGMENT_SCHEMA, pieces->value, at,
									   pieces->filter),
					 column, out);
}

/* One row of tally_agg: (internal, anyelement, timestamptz) -> internal */
Datum
segment_tally_step(PG_FUNCTION_ARGS)
{
	ListDelta  *list = PG_ARGISNULL(0) ? NULL :
		(ListDelta *) PG_GETARG_POINTER(0);
	MemoryContext memory;

	if (!AggCheckCallContext(fcinfo, &memory))
		elog(ERROR, "tally_agg is called as an aggregate only");

	if (!PG_ARGISNULL(1))
	{
		if (fcinfo->flinfo->fn_extra == NULL)
			fcinfo->flinfo->fn_extra =
				tally_element(get_fn_expr_argtype(fcinfo->flinfo, 1),
							  "tally_agg");
		if (list == NULL)
		{
			list = MemoryContextAllocZero(memory, sizeof(ListDelta));
			list->type = fcinfo->flinfo->fn_extra;
		}
		list_note(list, PG_GETARG_DATUM(1),
				  PG_ARGISNULL(2) ? TALLY_NO_TIME :
				  tally_time(PG_GETARG_TIMESTAMPTZ(2), true), 1, memory);
	}

	if (list == NULL)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(list);
}

/* The end of tally_agg: (internal, anyelement, timestamptz) -> tally */
Datum
segment_tally_result(PG_FUNCTION_ARGS)
{
	ListDelta  *list;
	Tally		tally = {0};

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();

	list = (ListDelta *) PG_GETARG_POINTER(0);
	list->nentries = list_compact(list->type, list->entries, list->nentries);

	tally.type = list->type;
	tally.nentries = 0;
	tally.entries = palloc_extended(list->nentries * sizeof(TallyEntry),
									MCXT_ALLOC_HUGE);
	for (int i = 0; i < list->nentries;)
	{
		ListChange	change;

		i += list_change(list, &list->entries[i], list->nentries - i, &change);
		tally.entries[tally.nentries++] = (TallyEntry) {
			.value = change.value,
			.rows = change.rows,
			.latest = change.came,
		};
	}
	PG_RETURN_DATUM(tally_write(&tally));
}

/* Note that a row of a value came or went. */
static void
list_note(ListDelta *list, Datum value, TallyTime time, int sign,
		  MemoryContext memory)
{
	TypeCacheEntry *type = list->type;
	AggregateInput input = {
		.typlen = type->typlen,
		.typbyval = type->typbyval,
	};
	ListEntry	row = {
		.value = value,
		.latest = time,
		.rows = sign,
		.times = 1,
	};

	row.value = value_canonical(type, value);
	if (type->typlen == -1)
		row.value = PointerGetDatum(PG_DETOAST_DATUM_PACKED(row.value));
	row.image = image_hash(type, row.value);

	/* values are often repeated: is it one of those met last? */
	for (int i = list->nentries - 1;
		 i >= 0 && i >= list->nentries - LOOK_BACK; i--)
	{
		ListEntry  *entry = &list->entries[i];

		if (entry->image == row.image && list_fits(entry, &row) &&
			datum_image_eq(entry->value, row.value,
						   type->typbyval, type->typlen))
		{
			list_merge(entry, &row);
			return;
		}
	}

	if (list->nentries == list->room)
		list_make_room(list, memory);
	row.value = input_copy(&input, row.value, memory);
	list->entries[list->nentries++] = row;
}

/* A hash of the bytes of a value: values with the same bytes have the same. */
static uint32
image_hash(TypeCacheEntry *type, Datum value)
{
	if (type->typbyval)
		return hash_bytes((unsigned char *) &value, sizeof(Datum));
	if (type->typlen > 0)
		return hash_bytes((unsigned char *) DatumGetPointer(value),
						  type->typlen);
	return hash_bytes((unsigned char *) VARDATA_ANY(DatumGetPointer(value)),
					  VARSIZE_ANY_EXHDR(DatumGetPointer(value)));
}

/*
 * Make room for another entry.  Equal entries are made one first, so that the
 * memory needed is that of the distinct values.
 */
static void
list_make_room(ListDelta *list, MemoryContext memory)
{
	if (list->room >= COMPACT_FROM)
		list->nentries = list_compact(list->type, list->entries,
									  list->nentries);
	if (list->nentries <= list->room / 2 && list->room > 0)
		return;

	if (list->room > INT_MAX / 2)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many distinct values for a tally")));
	list->room = Max(list->room * 2, FIRST_ROOM);
	if (list->entries == NULL)
		list->entries = MemoryContextAlloc(memory,
										   list->room * sizeof(ListEntry));
	else
		list->entries = repalloc_huge(list->entries,
									  list->room * sizeof(ListEntry));
}

/* For sorting entries by value, for each those that came before the others. */
typedef struct ListSort
{
	TypeCacheEntry *type;
	bool		repeats;		/* two entries were found to be equal */
} ListSort;

/*
 * Compare two entries by the bytes of their values, and note in the ListSort
 * that two are equal; of these the one that has come more often than gone
 * comes first.
 */
static int
list_entry_compare(const void *a, const void *b, void *sort)
{
	const ListEntry *left = a;
	const ListEntry *right = b;
	int			compared = image_compare(((ListSort *) sort)->type,
										  left->value, right->value);

	if (compared != 0)
		return compared;
	((ListSort *) sort)->repeats = true;
	return (left->rows < 0) - (right->rows < 0);
}

/*
 * Sort the entries, make equal ones one, and return how many there are.  To
 * sort entries that are equal, they must have been compared; so where no
 * comparison came out equal, there is nothing to do.
 */
static int
list_compact(TypeCacheEntry *type, ListEntry *entries, int nentries)
{
	ListSort	sort = {.type = type};
	int			last = 0;

	qsort_arg(entries, nentries, sizeof(ListEntry), list_entry_compare, &sort);
	if (!sort.repeats)
		return nentries;

	for (int i = 1; i < nentries; i++)
	{
		CHECK_FOR_INTERRUPTS();

		if (list_fits(&entries[last], &entries[i]) &&
			image_compare(type, entries[last].value, entries[i].value) == 0)
			list_merge(&entries[last], &entries[i]);
		else
			entries[++last] = entries[i];
	}
	return last + 1;
}

/*
 * Could these be one entry, if their values are equal?  Both came or both
 * went, and the numbers are not too large together.
 */
static inline bool
list_fits(const ListEntry *entry, const ListEntry *more)
{
	int32		rows;

	return (entry->rows > 0) == (more->rows > 0) &&
		!pg_add_s32_overflow(entry->rows, more->rows, &rows) &&
		rows != PG_INT32_MIN;
}

/* Add rows of the same value that fit: see list_fits(). */
static void
list_merge(ListEntry *entry, const ListEntry *more)
{
	/* times is never more than the number of rows, which fits */
	entry->rows += more->rows;
	if (more->latest > entry->latest)
	{
		entry->latest = more->latest;
		entry->times = more->times;
	}
	else if (more->latest == entry->latest)
		entry->times += more->times;
}

/*
 * All that happened to the value of the first of these compacted entries.
 * Returns how many of them are about it: two that could have been one have
 * different values.
 */
static int
list_change(const ListDelta *list, const ListEntry *entries, int nentries,
			ListChange *change)
{
	int			used = 0;

	memset(change, 0, sizeof(ListChange));
	change->value = entries[0].value;
	do
	{
		const ListEntry *entry = &entries[used];
		bool		came = entry->rows > 0;
		TallyTime  *latest = came ? &change->came : &change->went;
		int64	   *times = came ? &change->came_times : &change->went_times;

		change->rows += entry->rows;
		if (*times == 0 || entry->latest > *latest)
		{
			*latest = entry->latest;
			*times = entry->times;
		}
		else if (entry->latest == *latest)
			*times += entry->times;
		used++;
	} while (used < nentries &&
			 !list_fits(&entries[used - 1], &entries[used]) &&
			 image_compare(list->type, change->value,
							entries[used].value) == 0);
	return used;
}

/*
 * Change what the tally has of a value.  False if it cannot tell what results.
 */
static bool
tally_change(TallyState *tally, const ListChange *change, bool *changed)
{
	const TallyEntry *before = tally_state_find(tally, change->value);
	TallyEntry	entry = {
		.value = before ? before->value : change->value,
		.rows = (before ? before->rows : 0) + change->rows,
		.latest = TALLY_NO_TIME,
	};

	if (entry.rows < 0 ||
		(entry.rows > 0 && !latest_time(before, change, &entry.latest)))
		return false;
	if (before == NULL ? entry.rows == 0 :
		(entry.rows == before->rows && entry.latest == before->latest))
		return true;
	tally_state_set(tally, &entry);
	*changed = true;
	return true;
}

/* The latest time after the change, as in best.c; false if it is unknown. */
static bool
latest_time(const TallyEntry *state, const ListChange *change,
			TallyTime *latest)
{
	bool		came = change->came_times > 0;

	if (change->went_times == 0 ||
		(state != NULL && change->went < state->latest))
	{
		if (state == NULL)
			*latest = change->came;
		else
			*latest = came ? Max(state->latest, change->came) : state->latest;
		return true;
	}

	if (!came || change->came < change->went)
		return false;
	*latest = change->came;
	if (change->came > change->went)
		return true;
	if (state != NULL && change->went == state->latest)
		return change->came_times >= change->went_times;
	return change->came_times > change->went_times;
}
