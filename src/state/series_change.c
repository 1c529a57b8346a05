/*-------------------------------------------------------------------------
 *
 * series_change.c
 *	  An event of a customer who has many.
 *
 * A series is in three columns: a tail of the newest changes, which is short
 * and written at each event; a middle, into which the tail is merged when it
 * has become too long; and a body, into which that is merged in its turn.  The
 * server does not touch a long value that an UPDATE does not change, so an
 * event costs what the tail costs, and now and then a merge:
 *
 *		column		length				is written
 *		tail		up to 1 kB			at each event
 *		middle		4 kB and more		when the tail is full
 *		body		any					when the middle has grown with the root
 *										of it, or half cannot count again
 *
 * Most customers have few events, which are in the tail, and no other column.
 *
 * Tail and middle are changes: an event that comes late is one of those that
 * came, wherever it belongs; one that goes and is not among them is one of
 * those that went, to be taken from the columns behind.
 *
 *		body	"12.50" @ 2 May, "7" @ 28 May
 *		tail	"9" @ 1 June					an order of 9 on 1 June
 *				"9" @ 1 June, less "7" @ 28 May		the one of 28 May goes
 *
 * Events that went and cannot count again are kept with those that they were
 * taken from: both go in one merge.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/datum.h"
#include "utils/memutils.h"

#include "base/base.h"
#include "state/series.h"

/* so many events are looked for one by one */
#define MANY_REMOVED	64

/* of so many changes the lists are not left to the caller's context */
#define MANY_CHANGES	1024

/* Changes in order, each entry once. */
typedef struct ChangeList
{
	int64		nchanges;
	int64		room;
	SeriesChange *changes;
} ChangeList;

/* A change of a state. */
typedef struct StateChange
{
	TypeCacheEntry *type;
	const TimeRange *kept;
	Datum	   *columns;
	bool	   *isnull;
	bool		rest_known;		/* has 'rest' been begun? */
	SeriesCursor rest;			/* the events of middle and body */
} StateChange;

static SeriesChanged change_columns(TypeCacheEntry *type,
									const SeriesChange *changes, int nchanges,
									const TimeRange *kept, Datum *columns,
									bool *isnull);
static SeriesChanged change_tail(StateChange *state,
								 const SeriesChange *changes, int nchanges,
								 ChangeList *tail, bool *dropped);
static bool change_one(StateChange *state, const SeriesEntry *entry,
					   int64 before, int64 change, int64 *after);
static int64 times_in_rest(StateChange *state, const SeriesEntry *entry);
static void load_rest(StateChange *state, const SeriesChange *changes,
					  int nchanges);
static void begin_rest(StateChange *state);
static bool rest_is_old(StateChange *state);
static SeriesChanged merge_tail(StateChange *state, ChangeList *tail);
static bool body_is_old(const StateChange *state);
static bool list_read(const StateChange *state, int column, ChangeList *list);
static void list_add(ChangeList *list, const SeriesEntry *entry, int64 times);
static void list_merge(const StateChange *state, const ChangeList *a,
					   const ChangeList *b, ChangeList *result);
static void list_drop_removed(ChangeList *list);
static void list_write(const StateChange *state, const ChangeList *list,
					   int column);
static Size column_size(const StateChange *state, int column);
static Datum part_of(FunctionCallInfo fcinfo, bool is_tail);

SEGMENT_FUNCTION(segment_series_short);
SEGMENT_FUNCTION(segment_state_long);

SeriesChanged
series_change(TypeCacheEntry *type, const SeriesChange *changes, int nchanges,
			  const TimeRange *kept, Datum *columns, bool *isnull)
{
	MemoryContext scratch;
	MemoryContext old;
	Datum		before[STATE_COLUMNS];
	SeriesChanged result;

	if (nchanges < MANY_CHANGES)
		return change_columns(type, changes, nchanges, kept, columns, isnull);

	scratch = AllocSetContextCreate(CurrentMemoryContext, "segment changes",
									ALLOCSET_DEFAULT_SIZES);
	for (int i = 0; i < STATE_COLUMNS; i++)
		before[i] = isnull[i] ? (Datum) 0 : columns[i];
	old = MemoryContextSwitchTo(scratch);
	result = change_columns(type, changes, nchanges, kept, columns, isnull);
	MemoryContextSwitchTo(old);
	for (int i = 0; i < STATE_COLUMNS; i++)
		if (!isnull[i] && columns[i] != before[i])
			columns[i] = datumCopy(columns[i], false, -1);
	MemoryContextDelete(scratch);
	return result;
}

/* change_columns() is series_change(), and leaves its lists to the context. */
static SeriesChanged
change_columns(TypeCacheEntry *type, const SeriesChange *changes, int nchanges,
			   const TimeRange *kept, Datum *columns, bool *isnull)
{
	StateChange state;
	bool		has_rest = !isnull[STATE_MIDDLE] || !isnull[STATE_BODY];
	bool		dropped = isnull[STATE_TAIL];
	ChangeList	tail = {0};
	SeriesChanged result;

	/* not all of it: the cursor is large, and seldom used */
	state.type = type;
	state.kept = kept;
	state.columns = columns;
	state.isnull = isnull;
	state.rest_known = false;

	if (!isnull[STATE_TAIL] &&
		series_insert(type, changes, nchanges, kept, &columns[STATE_TAIL],
					  &dropped))
	{
		if (has_rest && dropped && rest_is_old(&state))
			isnull[STATE_MIDDLE] = isnull[STATE_BODY] = true;
		if (column_size(&state, STATE_TAIL) <= segment_series_tail)
			return SERIES_CHANGED;
		if (!list_read(&state, STATE_TAIL, &tail))
			return SERIES_UNKNOWN;
		return merge_tail(&state, &tail);
	}

	result = change_tail(&state, changes, nchanges, &tail, &dropped);
	if (result != SERIES_CHANGED)
		return result;
	if (has_rest && dropped && rest_is_old(&state))
	{
		isnull[STATE_MIDDLE] = isnull[STATE_BODY] = true;
		list_drop_removed(&tail);
	}
	list_write(&state, &tail, STATE_TAIL);
	if (column_size(&state, STATE_TAIL) <= segment_series_tail)
		return SERIES_CHANGED;
	return merge_tail(&state, &tail);
}

/*
 * Apply changes to the tail.  *dropped is set if an event goes from it because
 * it cannot count again.
 */
static SeriesChanged
change_tail(StateChange *state, const SeriesChange *changes, int nchanges,
			ChangeList *tail, bool *dropped)
{
	ChangeList	before = {0};
	int64		i = 0;
	int64		j = 0;
	bool		changed = false;

	if (!list_read(state, STATE_TAIL, &before))
		return SERIES_UNKNOWN;
	load_rest(state, changes, nchanges);
	while (i < before.nchanges || j < nchanges)
	{
		int			compared = i == before.nchanges ? 1 :
			j == nchanges ? -1 :
			series_compare(&before.changes[i].entry, &changes[j].entry);
		const SeriesEntry *entry = compared <= 0 ? &before.changes[i].entry :
			&changes[j].entry;
		int64		times = compared <= 0 ? before.changes[i++].times : 0;
		int64		change = compared >= 0 ? changes[j++].times : 0;
		int64		after = times;

		CHECK_FOR_INTERRUPTS();

		if (change != 0 && !change_one(state, entry, times, change, &after))
			return SERIES_UNKNOWN;
		changed |= after != times;
		if (after > 0 && !time_in_range(entry->at, state->kept))
			*dropped = true;
		else if (after != 0)
			list_add(tail, entry, after);
	}
	return changed ? SERIES_CHANGED : SERIES_UNCHANGED;
}

/*
 * How often is an entry in the tail after a change?  False if it went and was
 * not there, although it should be.
 */
static bool
change_one(StateChange *state, const SeriesEntry *entry, int64 before,
		   int64 change, int64 *after)
{
	bool		kept = time_in_range(entry->at, state->kept);
	int64		rest;

	*after = before + change;
	/* an event that comes and cannot count is not kept */
	if (change > 0)
	{
		if (!kept)
			*after = Min(*after, Max(before, 0));
		return true;
	}
	if (*after >= 0)
		return true;
	rest = times_in_rest(state, entry);
	if (-*after <= rest)
		return true;
	/* one that cannot count again may have been dropped before */
	*after = -rest;
	return !kept;
}

/* How often is an entry in the columns behind the tail? */
static int64
times_in_rest(StateChange *state, const SeriesEntry *entry)
{
	SeriesCursor *rest = &state->rest;
	int64		times = 0;

	begin_rest(state);
	if (rest->nparts == 0 || rest->type != state->type)
		return 0;
	series_cursor_seek(rest, entry->at);
	while (series_cursor_next(rest) && rest->event.entry.at <= entry->at)
		times += series_compare(&rest->event.entry, entry) == 0;
	return times;
}

/* Load middle and body at once, if many events went. */
static void
load_rest(StateChange *state, const SeriesChange *changes, int nchanges)
{
	int			nremoved = 0;

	for (int i = 0; i < nchanges; i++)
		nremoved += changes[i].times < 0;
	if (nremoved <= MANY_REMOVED)
		return;
	begin_rest(state);
	for (int i = 0; i < state->rest.nparts; i++)
		series_load_all(&state->rest.parts[i].reader);
}

/* Begin to read middle and body, unless that has been done. */
static void
begin_rest(StateChange *state)
{
	if (state->rest_known)
		return;
	series_cursor_none(&state->rest);
	for (int i = STATE_MIDDLE; i <= STATE_BODY; i++)
		if (!state->isnull[i])
			series_cursor_add(&state->rest, state->columns[i]);
	state->rest_known = true;
}

/* Can no event in middle and body count again? */
static bool
rest_is_old(StateChange *state)
{
	begin_rest(state);
	return state->rest.last < state->kept->from;
}

/* merging ---------------------------------------------------------------- */

/* Merge the tail into the middle, and that into the body if it is time. */
static SeriesChanged
merge_tail(StateChange *state, ChangeList *tail)
{
	ChangeList	middle = {0};
	ChangeList	body = {0};
	ChangeList	merged = {0};

	if (!list_read(state, STATE_MIDDLE, &middle))
		return SERIES_UNKNOWN;
	state->isnull[STATE_TAIL] = true;
	list_merge(state, &middle, tail, &merged);
	list_write(state, &merged, STATE_MIDDLE);
	if (!packed_middle_is_long(column_size(state, STATE_MIDDLE),
							   column_size(state, STATE_BODY)) &&
		!body_is_old(state))
		return SERIES_CHANGED;

	if (!list_read(state, STATE_BODY, &body))
		return SERIES_UNKNOWN;
	state->isnull[STATE_MIDDLE] = true;
	middle = merged;
	merged = (ChangeList) {0};
	list_merge(state, &body, &middle, &merged);
	for (int64 i = 0; i < merged.nchanges; i++)
		if (merged.changes[i].times < 0)
			return SERIES_UNKNOWN;
	list_write(state, &merged, STATE_BODY);
	return SERIES_CHANGED;
}

/* Can no more than half of the body's events count again? */
static bool
body_is_old(const StateChange *state)
{
	SeriesReader reader;
	int64		old;

	if (state->isnull[STATE_BODY])
		return false;
	series_begin(&reader, state->columns[STATE_BODY]);
	old = series_block_before(&reader.head, state->kept->from) *
		reader.head.per_block;
	return old > reader.head.nentries / 2 || reader.last < state->kept->from;
}

/* lists of changes -------------------------------------------------------- */

/* Read a column; false if it is of values of another type. */
static bool
list_read(const StateChange *state, int column, ChangeList *list)
{
	Series	   *series;
	int			i = 0;
	int			j = 0;

	if (state->isnull[column])
		return true;
	series = series_read(state->columns[column]);
	if (series->type != state->type)
		return false;
	list->room = (int64) series->nentries + series->nless;
	list->changes = palloc_extended(list->room * sizeof(SeriesChange),
									MCXT_ALLOC_HUGE);
	while (i < series->nentries || j < series->nless)
	{
		CHECK_FOR_INTERRUPTS();

		if (j == series->nless ||
			(i < series->nentries &&
			 series_compare(&series->entries[i], &series->less[j]) < 0))
			list_add(list, &series->entries[i++], 1);
		else
			list_add(list, &series->less[j++], -1);
	}
	return true;
}

/* Add an entry to a list, which may be equal to the last one. */
static void
list_add(ChangeList *list, const SeriesEntry *entry, int64 times)
{
	SeriesChange *last = list->nchanges == 0 ? NULL :
		&list->changes[list->nchanges - 1];

	if (last != NULL && series_compare(&last->entry, entry) == 0)
	{
		last->times += times;
		return;
	}
	if (list->nchanges == list->room)
	{
		list->room = Max(list->room * 2, MANY_REMOVED);
		list->changes = list->changes == NULL ?
			palloc(list->room * sizeof(SeriesChange)) :
			repalloc_huge(list->changes, list->room * sizeof(SeriesChange));
	}
	list->changes[list->nchanges++] = (SeriesChange) {*entry, times};
}

/* Merge two lists, without the events that cannot count again. */
static void
list_merge(const StateChange *state, const ChangeList *a, const ChangeList *b,
		   ChangeList *result)
{
	int64		i = 0;
	int64		j = 0;

	while (i < a->nchanges || j < b->nchanges)
	{
		int			compared = i == a->nchanges ? 1 : j == b->nchanges ? -1 :
			series_compare(&a->changes[i].entry, &b->changes[j].entry);
		const SeriesEntry *entry = compared <= 0 ? &a->changes[i].entry :
			&b->changes[j].entry;
		int64		times = 0;

		CHECK_FOR_INTERRUPTS();

		if (compared <= 0)
			times += a->changes[i++].times;
		if (compared >= 0)
			times += b->changes[j++].times;
		if (times < 0 || (times > 0 && time_in_range(entry->at, state->kept)))
			list_add(result, entry, times);
	}
}

/* Leave only what came. */
static void
list_drop_removed(ChangeList *list)
{
	int64		kept = 0;

	for (int64 i = 0; i < list->nchanges; i++)
		if (list->changes[i].times > 0)
			list->changes[kept++] = list->changes[i];
	list->nchanges = kept;
}

/* Write a list into a column. */
static void
list_write(const StateChange *state, const ChangeList *list, int column)
{
	Series		series = {.type = state->type};
	int64		ncame = 0;
	int64		nwent = 0;

	for (int64 i = 0; i < list->nchanges; i++)
	{
		ncame += Max(list->changes[i].times, 0);
		nwent -= Min(list->changes[i].times, 0);
	}
	state->isnull[column] = ncame == 0 && nwent == 0;
	if (state->isnull[column])
		return;

	series.entries = palloc_extended((ncame + nwent) * sizeof(SeriesEntry),
									 MCXT_ALLOC_HUGE);
	series.less = series.entries + ncame;
	for (int64 i = 0; i < list->nchanges; i++)
	{
		const SeriesChange *change = &list->changes[i];

		for (int64 times = change->times; times > 0; times--)
			series.entries[series.nentries++] = change->entry;
		for (int64 times = change->times; times < 0; times++)
			series.less[series.nless++] = change->entry;
	}
	state->columns[column] = series_write(&series);
	pfree(series.entries);
}

/* The number of bytes in a column. */
static Size
column_size(const StateChange *state, int column)
{
	return state->isnull[column] ? 0 : packed_size(state->columns[column]);
}

/* a new state ------------------------------------------------------------- */

/* (series): the series, if it is short enough for a tail; else NULL */
Datum
segment_series_short(PG_FUNCTION_ARGS)
{
	return part_of(fcinfo, true);
}

/* (series or tally): it, if it is too long for a tail; else NULL */
Datum
segment_state_long(PG_FUNCTION_ARGS)
{
	return part_of(fcinfo, false);
}

/* The argument, if it is one for a tail, or for a body; else NULL. */
static Datum
part_of(FunctionCallInfo fcinfo, bool is_tail)
{
	Size		size = packed_size(PG_GETARG_DATUM(0));

	if ((size <= segment_series_tail) != is_tail)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(PG_GETARG_DATUM(0));
}
