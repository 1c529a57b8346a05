/*-------------------------------------------------------------------------
 *
 * due_members.c
 *	  Who is a member, though time has changed something that is not stored
 *	  yet?
 *
 *		stored			frequent = {17, 40}		decided as of 28 May
 *		due				17, since 1 June; it is 2 June
 *		the filter		does not hold for 17 now
 *
 *		frequent		{40}
 *
 * For a profile that is due the filter is evaluated, for all others what is
 * stored is right.  So an answer is exact without a sweep, which only makes it
 * cheaper.
 *
 * The profiles are the rows that the snapshot shows, at the reader's instant.
 * The filters are evaluated as the population's owner: operators of a user's
 * type are code of that user.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/timestamp.h"

#include "audience/index.h"
#include "audience/members_of.h"
#include "base/base.h"

/*
 * Before it was due a profile was a member if it is stored as one.  For a few
 * profiles it is cheaper to evaluate the filter once more than to read who is;
 * so it is if many audiences are asked about.
 */
#define MANY_DUE		2000
#define FEW_AUDIENCES	64

/* A reading of the profiles that are due, one after the other. */
typedef struct DueReading
{
	const Population *population;
	TimestampTz now;
	AudienceIndex *index;
	OwnersQuestion question;
	DueScan    *scan;
} DueReading;

static void due_begin(DueReading *reading, const Population *population,
					  List *audiences, Snapshot snapshot);
static TupleTableSlot *due_next(DueReading *reading);
static void due_end(DueReading *reading);
static bool is_moved(const Audience *audience);
static MemberSet **stored_members(const DueReading *reading, List *audiences,
								  Snapshot snapshot);
static void add_holding(const DueReading *reading, List *audiences,
						const int *places, int sign, int64 *sums);
static void subtract_stored(MemberSet *const *stored, int count, int64 ord,
							int64 *sums);

bool
due_any(const Population *population, Snapshot snapshot)
{
	return profile_next_due(population, snapshot) <= clock_now();
}

void
due_correct(const Population *population, List *audiences, Snapshot snapshot,
			MemberSet **sets)
{
	DueReading	reading;
	TupleTableSlot *row;
	List	   *moved = NIL;
	int		   *places = palloc(sizeof(int) * Max(list_length(audiences), 1));
	MemberSet **corrected =
		palloc(sizeof(MemberSet *) * Max(list_length(audiences), 1));
	ListCell   *lc;

	foreach(lc, audiences)
	{
		MemberSet  *set = sets[foreach_current_index(lc)];

		if (set == NULL || !is_moved(lfirst(lc)))
			continue;
		corrected[list_length(moved)] = set;
		moved = lappend(moved, lfirst(lc));
	}
	if (moved == NIL)
		return;
	due_begin(&reading, population, moved, snapshot);
	foreach(lc, moved)
		places[foreach_current_index(lc)] =
			index_place(reading.index, ((const Audience *) lfirst(lc))->name);
	while ((row = due_next(&reading)) != NULL)
	{
		int64		ord = profile_ord(population, row);

		index_set_row(reading.index, row, reading.now);
		for (int i = 0; i < list_length(moved); i++)
			if (index_holds(reading.index, places[i]) !=
				members_contain(corrected[i], ord))
				members_flip(corrected[i], ord);
	}
	due_end(&reading);
}

void
due_count(const Population *population, List *audiences, Snapshot snapshot,
		  int64 *more)
{
	DueReading	reading;
	TupleTableSlot *row;
	int			count = list_length(audiences);
	int		   *places = palloc(sizeof(int) * count);
	MemberSet **stored = NULL;
	int			met = 0;
	bool		any = false;
	ListCell   *lc;

	foreach(lc, audiences)
	{
		any |= is_moved((const Audience *) lfirst(lc));
		more[foreach_current_index(lc)] = 0;
	}
	if (!any)
		return;
	due_begin(&reading, population, audiences, snapshot);
	foreach(lc, audiences)
		places[foreach_current_index(lc)] =
			index_place(reading.index, ((const Audience *) lfirst(lc))->name);
	while ((row = due_next(&reading)) != NULL)
	{
		index_set_row(reading.index, row, reading.now);
		add_holding(&reading, audiences, places, 1, more);
		if (++met == MANY_DUE && count <= FEW_AUDIENCES)
			stored = stored_members(&reading, audiences, snapshot);
		if (stored != NULL)
		{
			subtract_stored(stored, count, profile_ord(population, row), more);
			continue;
		}
		index_set_row(reading.index, row,
					  profile_wake_at(population, row) - 1);
		add_holding(&reading, audiences, places, -1, more);
	}
	due_end(&reading);
	pfree(places);
}

/*
 * stored_members() reads the members as they are stored, of audiences that
 * time changes; NULL for the others.
 */
static MemberSet **
stored_members(const DueReading *reading, List *audiences, Snapshot snapshot)
{
	int			count = list_length(audiences);
	int32	   *ids = palloc(sizeof(int32) * count);
	MemberSet **sets = palloc(sizeof(MemberSet *) * count);
	ListCell   *lc;

	foreach(lc, audiences)
		ids[foreach_current_index(lc)] = is_moved(lfirst(lc)) ?
			((const Audience *) lfirst(lc))->definition_id : NOT_STORED;
	membership_read_several(reading->population, ids, count, snapshot, sets);
	pfree(ids);
	return sets;
}

/* subtract_stored() subtracts one for each set that a profile is in. */
static void
subtract_stored(MemberSet *const *stored, int count, int64 ord, int64 *sums)
{
	for (int i = 0; i < count; i++)
		if (stored[i] != NULL && members_contain(stored[i], ord))
			sums[i]--;
}

/*
 * add_holding() adds 'sign' to the sum of each audience whose filter holds for
 * the current row, if time changes its stored members.
 */
static void
add_holding(const DueReading *reading, List *audiences, const int *places,
			int sign, int64 *sums)
{
	ListCell   *lc;

	foreach(lc, audiences)
	{
		int			i = foreach_current_index(lc);

		if (is_moved(lfirst(lc)) && index_holds(reading->index, places[i]))
			sums[i] += sign;
	}
}

/* is_moved() tells whether time changes the stored members of an audience. */
static bool
is_moved(const Audience *audience)
{
	return audience->stored && audience->time_dependent;
}

/*
 * due_begin() asks the question as the population's owner, and opens a scan of
 * the profiles that the snapshot shows to be due now.
 */
static void
due_begin(DueReading *reading, const Population *population, List *audiences,
		  Snapshot snapshot)
{
	reading->population = population;
	reading->now = clock_now();
	question_begin(&reading->question, population);
	reading->index = audience_index_to_ask(population, audiences);
	reading->scan = profile_due_begin(population, DT_NOBEGIN, reading->now,
									  snapshot);
}

static TupleTableSlot *
due_next(DueReading *reading)
{
	CHECK_FOR_INTERRUPTS();
	return profile_due_next_by_page(reading->scan);
}

static void
due_end(DueReading *reading)
{
	profile_due_end(reading->scan);
	question_end(&reading->question);
}
