/*-------------------------------------------------------------------------
 *
 * tally_change.c
 *	  Another value of a customer who has many.
 *
 * As a series (series_change.c), a tally is in three columns, so that an event
 * writes the shortest:
 *
 *		tail		the values that events met last, as they are now, and how
 *					many values there are in all
 *		middle		those before, into which the tail is merged when it is long
 *		body		all others
 *
 *		body	text{"cake": 1, "tea": 7, "vegan": 3}
 *		tail	text{"tea": 8, "vegan": 0} of 2		tea came, vegan has gone
 *
 * What the tail says of a value holds, whatever middle and body say, and what
 * the middle says holds against the body.  An event looks its value up in
 * these, each time by the directory and one block.
 *
 * Most customers have few values, which are in the tail, a plain tally.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "base/base.h"
#include "state/joined.h"
#include "state/tally.h"

#define FIRST_ROOM	8

struct TallyState
{
	TypeCacheEntry *type;
	Datum	   *columns;
	bool	   *isnull;
	Tally	   *tail;			/* as it was */
	int			ntaken;			/* so many entries of it are in 'after' */
	Tally		after;			/* the tail as it will be */
	int			room;			/* of its entries */
	bool		has_rest;		/* are there a middle or a body? */
	bool		begun[STATE_COLUMNS];
	TallyReader readers[STATE_COLUMNS]; /* of middle and body */
	bool		was_there;		/* was the value that was looked up last? */
};

static void take_until(TallyState *state, Datum value);
static void append(TallyState *state, const TallyEntry *entry);
static Size write_column(TallyState *state, int column, Tally *tally);
static void merge_tail(TallyState *state);
static Tally *overlay(const Tally *upper, const Tally *lower, bool whole);
static void check_one_type(const TypeCacheEntry *one,
						   const TypeCacheEntry *other);

SEGMENT_FUNCTION(segment_tally_joined);
SEGMENT_FUNCTION(segment_tally_tail);

TallyState *
tally_state_begin(TypeCacheEntry *type, Datum *columns, bool *isnull)
{
	TallyState *state = palloc0(sizeof(TallyState));

	state->type = type;
	state->columns = columns;
	state->isnull = isnull;
	state->has_rest = !isnull[STATE_MIDDLE] || !isnull[STATE_BODY];
	state->after.type = type;
	if (isnull[STATE_TAIL])
		return state->has_rest ? NULL : state;
	state->tail = tally_read(columns[STATE_TAIL]);
	if (state->tail->type != type ||
		(state->tail->total > 0) != state->has_rest)
		return NULL;
	state->after.total = state->has_rest ? state->tail->total :
		state->tail->nentries;
	return state;
}

const TallyEntry *
tally_state_find(TallyState *state, Datum value)
{
	const TallyEntry *found = state->tail == NULL ? NULL :
		tally_entry_of(state->tail, value);

	for (int i = STATE_MIDDLE; found == NULL && i < STATE_COLUMNS; i++)
	{
		if (state->isnull[i])
			continue;
		if (!state->begun[i])
			tally_begin(&state->readers[i], state->columns[i]);
		state->begun[i] = true;
		found = tally_find(&state->readers[i], value);
	}
	if (found != NULL && found->rows == 0)
		found = NULL;
	state->was_there = found != NULL;
	return found;
}

void
tally_state_set(TallyState *state, const TallyEntry *entry)
{
	take_until(state, entry->value);
	state->after.total += (entry->rows > 0) - state->was_there;
	/* what is gone must be known to be gone, if it may be in the rest */
	if (entry->rows > 0 || state->has_rest)
		append(state, entry);
}

/*
 * take_until() takes over what the tail has of smaller values, and passes over
 * what it has of this one.
 */
static void
take_until(TallyState *state, Datum value)
{
	const Tally *tail = state->tail;

	while (tail != NULL && state->ntaken < tail->nentries)
	{
		const TallyEntry *next = &tail->entries[state->ntaken];
		int			compared = image_compare(state->type, next->value, value);

		if (compared > 0)
			break;
		if (compared < 0)
			append(state, next);
		state->ntaken++;
	}
}

/* append() adds an entry to the new tail. */
static void
append(TallyState *state, const TallyEntry *entry)
{
	Tally	   *after = &state->after;

	if (after->nentries == state->room)
	{
		state->room = Max(state->room * 2, FIRST_ROOM);
		after->entries = after->entries == NULL ?
			palloc(state->room * sizeof(TallyEntry)) :
			repalloc_huge(after->entries, state->room * sizeof(TallyEntry));
	}
	after->entries[after->nentries++] = *entry;
}

void
tally_state_end(TallyState *state)
{
	while (state->tail != NULL && state->ntaken < state->tail->nentries)
		append(state, &state->tail->entries[state->ntaken++]);
	if (state->after.total == 0)
	{
		for (int i = 0; i < STATE_COLUMNS; i++)
			state->isnull[i] = true;
		return;
	}
	if (write_column(state, STATE_TAIL, &state->after) > segment_series_tail)
		merge_tail(state);
}

/* write_column() writes a tally into a column, and returns its length. */
static Size
write_column(TallyState *state, int column, Tally *tally)
{
	Tally		written = *tally;

	written.total = column != STATE_BODY && state->has_rest ?
		state->after.total : 0;
	state->columns[column] = tally_write(&written);
	state->isnull[column] = false;
	return packed_size(state->columns[column]);
}

/* Merge the tail into the middle, and that into the body if it is time. */
static void
merge_tail(TallyState *state)
{
	Tally		none = {.type = state->type};
	Tally	   *middle = state->isnull[STATE_MIDDLE] ? &none :
		tally_read(state->columns[STATE_MIDDLE]);
	bool		has_body = !state->isnull[STATE_BODY];
	Size		body = has_body ? packed_size(state->columns[STATE_BODY]) : 0;
	Size		size;

	state->has_rest = true;
	middle = overlay(&state->after, middle, !has_body);
	size = write_column(state, STATE_MIDDLE, middle);
	if (packed_middle_is_long(size, body))
	{
		Tally	   *all = has_body ?
			overlay(middle, tally_read(state->columns[STATE_BODY]), true) :
			middle;

		state->isnull[STATE_MIDDLE] = true;
		(void) write_column(state, STATE_BODY, all);
	}
	(void) write_column(state, STATE_TAIL, &none);
}

/*
 * overlay() is what two tallies of changes say together, where the upper one
 * is right about a value that both have; if 'whole', without values that are
 * gone.
 */
static Tally *
overlay(const Tally *upper, const Tally *lower, bool whole)
{
	Tally	   *both = palloc0(sizeof(Tally));
	Size		most = (Size) upper->nentries + lower->nentries;
	int			i = 0;
	int			j = 0;

	both->type = upper->type;
	both->entries = palloc_extended(Max(most, 1) * sizeof(TallyEntry),
									MCXT_ALLOC_HUGE);
	while (i < upper->nentries || j < lower->nentries)
	{
		int			compared = i == upper->nentries ? 1 :
			j == lower->nentries ? -1 :
			image_compare(both->type, upper->entries[i].value,
						  lower->entries[j].value);
		const TallyEntry *entry;

		CHECK_FOR_INTERRUPTS();

		j += compared >= 0;
		entry = compared <= 0 ? &upper->entries[i++] : &lower->entries[j - 1];
		if (entry->rows > 0 || !whole)
			both->entries[both->nentries++] = *entry;
	}
	return both;
}

/* ---- all columns ---- */

Tally *
tally_whole(Datum state)
{
	const Joined *joined = joined_of(state);
	int			last = joined == NULL ? 0 : joined->ncolumns - 1;
	Tally	   *whole = tally_read(joined == NULL ? state :
								   joined->columns[last]);

	while (--last >= 0)
	{
		Tally	   *upper = tally_read(joined->columns[last]);

		check_one_type(upper->type, whole->type);
		whole = overlay(upper, whole, last == 0);
	}
	return whole;
}

int
tally_begin_all(TallyReader *readers, Datum state)
{
	const Joined *joined = joined_of(state);

	if (joined == NULL)
	{
		tally_begin(&readers[0], state);
		return 1;
	}
	for (int i = 0; i < joined->ncolumns; i++)
	{
		tally_begin(&readers[i], joined->columns[i]);
		check_one_type(readers[i].head.type, readers[0].head.type);
	}
	return joined->ncolumns;
}

/* check_one_type() refuses columns of different types. */
static void
check_one_type(const TypeCacheEntry *one, const TypeCacheEntry *other)
{
	const PackedReader tally = {.what = "tally"};

	if (one != other)
		packed_corrupted(&tally, "Its values are of several types.");
}

Datum
tally_first_column(Datum state)
{
	const Joined *joined = joined_of(state);

	return joined == NULL ? state : joined->columns[0];
}

/* The bytes of all columns as one tally.  A JoinedWrite. */
static Datum
write_whole(Datum state)
{
	return tally_write(tally_whole(state));
}

/* (tally, tally, tally): what all three say; NULL if all are NULL */
Datum
segment_tally_joined(PG_FUNCTION_ARGS)
{
	return joined_result(fcinfo, write_whole);
}

/* (tally): the tally, if it is short enough for a tail; else an empty tail */
Datum
segment_tally_tail(PG_FUNCTION_ARGS)
{
	Datum		tally = PG_GETARG_DATUM(0);
	TallyReader reader;
	Tally		none = {0};

	if (packed_size(tally) <= segment_series_tail)
		PG_RETURN_DATUM(tally);
	tally_begin(&reader, tally);
	none.type = reader.head.type;
	none.total = reader.head.nentries;
	PG_RETURN_DATUM(tally_write(&none));
}
