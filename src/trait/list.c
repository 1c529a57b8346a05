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
 * are for the latter, whose ties go to the most recent value.
 *
 * A delta says of each value how many rows came, less those that went, and of
 * either kind the latest time and how many rows had it.  What that does to
 * the latest time of a value is the question of best.c, with the same answer:
 * where the row with the latest time goes and other rows of the value remain,
 * the source is read again.
 *
 * The reasoning needs whole batches: all that came and went for a profile in
 * one delta.  Of a row that went before we hear that it came, no trace would
 * be left of its time once the number of rows is zero.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/syscache.h"

#include "base/base.h"
#include "trait/best.h"
#include "trait/tally.h"

/* a new row is compared with as many of the latest values */
#define LOOK_BACK		8
#define FIRST_ROOM		4
/* below this many, twice the room is cheaper than sorting */
#define COMPACT_FROM	64

typedef struct ListEntry
{
	Datum		value;
	int64		rows;			/* came, less went */
	TallyTime	came;			/* the latest time that came */
	int64		came_times;		/* and how many rows had it; 0: none came */
	TallyTime	went;
	int64		went_times;
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

static int	list_columns(const AggregateInput *input,
						 AggregateColumn *columns);
static void list_accumulate(const AggregateInput *input, void *delta,
							Datum value, bool isnull,
							TimestampTz at, bool has_at, int sign,
							MemoryContext memory);
static AggregateResult list_apply(const AggregateInput *input,
								  const void *delta,
								  Datum *state, bool *isnull);
static void list_sql(const AggregateInput *input, const AggregateSql *parts,
					 int column, StringInfo out);
static void list_note(ListDelta *list, Datum value, TallyTime time, int sign,
					  MemoryContext memory);
static void list_make_room(ListDelta *list, MemoryContext memory);
static int	list_compact(TypeCacheEntry *type, ListEntry *entries,
						 int nentries);
static inline void note_time(TallyTime *latest, int64 *times, TallyTime time,
							 int64 more);
static bool latest_time(const TallyEntry *state, const ListEntry *change,
						TallyTime *latest);
static bool tally_add(Tally *tally, const TallyEntry *state,
					  const ListEntry *change, bool *changed);

const Aggregate aggregate_list = {
	.name = "list",
	.columns = list_columns,
	.delta_size = sizeof(ListDelta),
	.accumulate = list_accumulate,
	.apply = list_apply,
	.sql = list_sql,
};

SEGMENT_FUNCTION(segment_tally_step);
SEGMENT_FUNCTION(segment_tally_result);

static int
list_columns(const AggregateInput *input, AggregateColumn *columns)
{
	Oid			schema = get_namespace_oid(SEGMENT_SCHEMA, false);
	Oid			tally = GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid,
										CStringGetDatum("tally"),
										ObjectIdGetDatum(schema));

	if (!OidIsValid(tally))
		elog(ERROR, "type %s.tally does not exist", SEGMENT_SCHEMA);
	if (!OidIsValid(input->type))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("list needs a value")));
	(void) tally_element(input->type, "list");

	columns[0] = (AggregateColumn) {
		.suffix = "",
		.type = tally,
		.typmod = -1,
	};
	return 1;
}

static void
list_accumulate(const AggregateInput *input, void *delta,
				Datum value, bool isnull, TimestampTz at, bool has_at,
				int sign, MemoryContext memory)
{
	ListDelta  *list = delta;

	if (isnull)
		return;
	if (list->type == NULL)
		list->type = tally_element(input->type, "list");
	list_note(list, value, tally_time(at, has_at), sign, memory);
}

static AggregateResult
list_apply(const AggregateInput *input, const void *delta,
		   Datum *state, bool *isnull)
{
	const ListDelta *list = delta;
	Tally		none = {.nentries = 0};
	Tally	   *before = &none;
	Tally		after = {.type = list->type};
	ListEntry  *changes;
	int			nchanges;
	bool		changed = false;
	int			i = 0;
	int			j = 0;

	if (list->nentries == 0)
		return AGGREGATE_UNCHANGED;

	if (!isnull[0])
	{
		before = tally_read(state[0]);
		if (before->type != list->type)
			return AGGREGATE_RECOMPUTE;
	}

	/* the delta is the caller's: sort a copy */
	changes = palloc_extended(list->nentries * sizeof(ListEntry),
							  MCXT_ALLOC_HUGE);
	memcpy(changes, list->entries, list->nentries * sizeof(ListEntry));
	nchanges = list_compact(list->type, changes, list->nentries);

	after.entries = palloc_extended(((Size) before->nentries + nchanges) *
									sizeof(TallyEntry), MCXT_ALLOC_HUGE);
	while (i < before->nentries || j < nchanges)
	{
		const TallyEntry *entry = NULL;
		const ListEntry *change = NULL;
		int			compared;

		if (i == before->nentries)
			compared = 1;
		else if (j == nchanges)
			compared = -1;
		else
			compared = tally_compare(list->type, before->entries[i].value,
									 changes[j].value);
		if (compared <= 0)
			entry = &before->entries[i++];
		if (compared >= 0)
			change = &changes[j++];

		if (!tally_add(&after, entry, change, &changed))
			return AGGREGATE_RECOMPUTE;
	}

	if (!changed)
		return AGGREGATE_UNCHANGED;
	isnull[0] = after.nentries == 0;
	state[0] = isnull[0] ? (Datum) 0 : tally_write(&after);
	return AGGREGATE_CHANGED;
}

static void
list_sql(const AggregateInput *input, const AggregateSql *parts, int column,
		 StringInfo out)
{
	appendStringInfo(out, "%s.tally_agg(%s, %s)%s", SEGMENT_SCHEMA,
					 parts->value,
					 parts->at ? parts->at : "NULL::pg_catalog.timestamptz",
					 parts->filter);
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
	Tally		tally;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();

	list = (ListDelta *) PG_GETARG_POINTER(0);
	list->nentries = list_compact(list->type, list->entries, list->nentries);

	tally.type = list->type;
	tally.nentries = list->nentries;
	tally.entries = palloc_extended(list->nentries * sizeof(TallyEntry),
									MCXT_ALLOC_HUGE);
	for (int i = 0; i < list->nentries; i++)
		tally.entries[i] = (TallyEntry) {
			.value = list->entries[i].value,
			.rows = list->entries[i].rows,
			.latest = list->entries[i].came,
		};
	PG_RETURN_DATUM(tally_write(&tally));
}

static void
list_note(ListDelta *list, Datum value, TallyTime time, int sign,
		  MemoryContext memory)
{
	TypeCacheEntry *type = list->type;
	AggregateInput input = {
		.typlen = type->typlen,
		.typbyval = type->typbyval,
	};
	ListEntry  *entry = NULL;

	/* customers repeat themselves: is it one of the values met last? */
	for (int i = list->nentries - 1;
		 i >= 0 && i >= list->nentries - LOOK_BACK; i--)
	{
		if (datum_image_eq(list->entries[i].value, value,
						   type->typbyval, type->typlen))
		{
			entry = &list->entries[i];
			break;
		}
	}

	if (entry == NULL)
	{
		if (list->nentries == list->room)
			list_make_room(list, memory);
		entry = &list->entries[list->nentries++];
		memset(entry, 0, sizeof(ListEntry));
		entry->value = input_copy(&input, value, memory);
	}

	entry->rows += sign;
	if (sign > 0)
		note_time(&entry->came, &entry->came_times, time, 1);
	else
		note_time(&entry->went, &entry->went_times, time, 1);
}

/*
 * Room for another entry: what repeats is brought together first, so that the
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

static int
list_entry_compare(const void *a, const void *b, void *type)
{
	return tally_compare(type, ((const ListEntry *) a)->value,
						 ((const ListEntry *) b)->value);
}

/* Sort the entries, make equal values one, and return how many there are. */
static int
list_compact(TypeCacheEntry *type, ListEntry *entries, int nentries)
{
	int			last = 0;

	qsort_arg(entries, nentries, sizeof(ListEntry), list_entry_compare, type);

	for (int i = 1; i < nentries; i++)
	{
		ListEntry  *entry = &entries[last];
		ListEntry  *next = &entries[i];

		CHECK_FOR_INTERRUPTS();

		if (tally_compare(type, entry->value, next->value) != 0)
		{
			entries[++last] = *next;
			continue;
		}
		entry->rows += next->rows;
		note_time(&entry->came, &entry->came_times,
				  next->came, next->came_times);
		note_time(&entry->went, &entry->went_times,
				  next->went, next->went_times);
	}
	return last + 1;
}

/* Remember the latest time, and how many rows had it. */
static inline void
note_time(TallyTime *latest, int64 *times, TallyTime time, int64 more)
{
	if (more == 0)
		return;
	if (*times == 0 || time > *latest)
	{
		*latest = time;
		*times = more;
	}
	else if (time == *latest)
		*times += more;
}

/*
 * Add a value to the tally: what the state had, changed by what the delta
 * has; either may be NULL.  False if the latest time cannot be told.
 */
static bool
tally_add(Tally *tally, const TallyEntry *state, const ListEntry *change,
		  bool *changed)
{
	TallyEntry	entry;

	if (change == NULL)
	{
		tally->entries[tally->nentries++] = *state;
		return true;
	}

	entry.value = state ? state->value : change->value;
	entry.rows = (state ? state->rows : 0) + change->rows;
	if (entry.rows == 0)
	{
		*changed |= state != NULL;
		return true;
	}
	if (entry.rows < 0 || !latest_time(state, change, &entry.latest))
		return false;

	*changed |= state == NULL || entry.rows != state->rows ||
		entry.latest != state->latest;
	tally->entries[tally->nentries++] = entry;
	return true;
}

/* The latest time after the change, as in best.c; false if it is unknown. */
static bool
latest_time(const TallyEntry *state, const ListEntry *change,
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
