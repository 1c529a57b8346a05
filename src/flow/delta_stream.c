/*-------------------------------------------------------------------------
 *
 * delta_stream.c
 *	  Which deltas does each profile have, in the order of keys?
 *
 *		in memory			7: {2 rows}		9: {1 row}
 *		spilled				7: a row		8: two rows
 *
 *		deltas_next()		7: {3 rows}
 *							8: {2 rows}		folded now
 *							9: {1 row}
 *
 * Deltas that are in memory are sorted; rows that were spilled come sorted
 * (spilled_rows.c), and are folded when it is their profile's turn.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "flow/batch.h"

struct DeltaStream
{
	const Population *population;
	List	   *contributions;
	ProfileDelta *folded;		/* the deltas in memory, in order */
	int64		nfolded;
	int64		next;			/* of 'folded' */
	bool		spilled;		/* has any contribution spilled rows? */
	MemoryContext memory;		/* of what was folded for deltas_next() */
};

static bool next_key(const DeltaStream *stream, Datum *key);
static void fold_spilled(const DeltaStream *stream,
						 const Contribution *contribution,
						 ProfileDelta *profile);
static bool is_next(const DeltaStream *stream, Datum key);
static int	compare_deltas(const void *a, const void *b, void *population);

DeltaStream *
deltas_begin(List *contributions)
{
	const Contribution *first = linitial(contributions);
	DeltaStream *stream = palloc0(sizeof(DeltaStream));
	ListCell   *lc;

	stream->population = first->source->population;
	stream->contributions = contributions;
	stream->memory = AllocSetContextCreate(CurrentMemoryContext,
										   "segment deltas",
										   ALLOCSET_DEFAULT_SIZES);
	foreach(lc, contributions)
	{
		const Contribution *one = lfirst(lc);

		stream->nfolded += contribution_deltas(one, 0, NULL);
		if (one->spilled != NULL)
		{
			stream->spilled = true;
			spilled_sort(one->spilled);
		}
	}

	stream->folded = palloc_extended(sizeof(ProfileDelta) * stream->nfolded,
									 MCXT_ALLOC_HUGE);
	stream->nfolded = 0;
	foreach(lc, contributions)
		stream->nfolded +=
			contribution_deltas(lfirst(lc), foreach_current_index(lc),
								stream->folded + stream->nfolded);
	qsort_arg(stream->folded, stream->nfolded, sizeof(ProfileDelta),
			  compare_deltas, unconstify(Population *, stream->population));
	return stream;
}

bool
deltas_next(DeltaStream *stream, ProfileDeltas *profile)
{
	Datum		key;
	MemoryContext old;
	ProfileDelta *deltas;
	ListCell   *lc;

	if (!next_key(stream, &key))
		return false;
	profile->count = 0;
	if (!stream->spilled)
	{
		profile->deltas = &stream->folded[stream->next];
		do
			profile->count++, stream->next++;
		while (is_next(stream, key));
		return true;
	}

	old = MemoryContextSwitchTo(stream->memory);
	key = profile_key_copy(stream->population, key);
	deltas = palloc(sizeof(ProfileDelta) * list_length(stream->contributions));
	foreach(lc, stream->contributions)
	{
		ProfileDelta *one = &deltas[profile->count];
		int			index = foreach_current_index(lc);

		*one = (ProfileDelta) {.key = key, .contribution = index};
		if (is_next(stream, key) &&
			stream->folded[stream->next].contribution == index)
			*one = stream->folded[stream->next++];
		fold_spilled(stream, lfirst(lc), one);
		if (one->delta != NULL)
			profile->count++;
	}
	MemoryContextSwitchTo(old);
	profile->deltas = deltas;
	return true;
}

/* next_key() finds the lowest key that is left; false if there is none. */
static bool
next_key(const DeltaStream *stream, Datum *key)
{
	bool		found = stream->next < stream->nfolded;
	ListCell   *lc;

	if (found)
		*key = stream->folded[stream->next].key;
	if (!stream->spilled)
		return found;
	foreach(lc, stream->contributions)
	{
		const Contribution *contribution = lfirst(lc);
		Datum		other;

		if (contribution->spilled == NULL ||
			!spilled_key(contribution->spilled, &other))
			continue;
		if (!found ||
			profile_key_compare(stream->population, other, *key) < 0)
			*key = other;
		found = true;
	}
	return found;
}

/*
 * fold_spilled() folds the rows that a contribution has spilled of a profile
 * into its delta, which is made if it is NULL.
 */
static void
fold_spilled(const DeltaStream *stream, const Contribution *contribution,
			 ProfileDelta *profile)
{
	Datum		key;

	if (contribution->spilled == NULL)
		return;
	while (spilled_key(contribution->spilled, &key) &&
		   profile_key_compare(stream->population, key, profile->key) == 0)
	{
		CHECK_FOR_INTERRUPTS();
		if (profile->delta == NULL)
			profile->delta = palloc0(trait_delta_size(contribution->program));
		spilled_fold(contribution->spilled, profile->delta, &profile->rows,
					 contribution->truncations, stream->memory);
	}
}

/* is_next() tells whether the next delta in memory is of that key. */
static bool
is_next(const DeltaStream *stream, Datum key)
{
	return stream->next < stream->nfolded &&
		profile_key_compare(stream->population,
							stream->folded[stream->next].key, key) == 0;
}

bool
deltas_ended(const DeltaStream *stream)
{
	Datum		key;

	return !next_key(stream, &key);
}

bool
deltas_full(const DeltaStream *stream)
{
	return MemoryContextMemAllocated(stream->memory, false) >
		statement_memory();
}

void
deltas_forget(DeltaStream *stream)
{
	MemoryContextReset(stream->memory);
}

void
deltas_end(DeltaStream *stream)
{
	MemoryContextDelete(stream->memory);
	if (stream->folded != NULL)
		pfree(stream->folded);
	pfree(stream);
}

/* compare_deltas() orders deltas by key and contribution, for qsort_arg(). */
static int
compare_deltas(const void *a, const void *b, void *population)
{
	const ProfileDelta *left = a;
	const ProfileDelta *right = b;
	int			order = profile_key_compare(population, left->key, right->key);

	return order != 0 ? order : left->contribution - right->contribution;
}
