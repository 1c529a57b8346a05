/*-------------------------------------------------------------------------
 *
 * apply.c
 *	  Which audiences does a profile enter or leave when its row changes?
 *
 *		before	total_spend 480, city Aarhus
 *		after	total_spend 540, city Aarhus
 *
 *		index	{vip, lapsed_vip} have a condition that differs
 *		filter	vip: false -> true				lapsed_vip: false -> false
 *		toggle	(definition of vip, ord 17, entered)
 *
 * And by time alone, when an event or a sweep finds a profile that is due:
 *
 *		wake_at 1 June	1 June 12:30	frequent leaves	(at 12:30, cause time)
 *						27 July 09:15	lapsed enters	(at 09:15)
 *						3 August		nothing yet: that is the next wake_at
 *
 * A filter that does not bind any more cannot be evaluated.  The members of
 * such an audience are not kept up to date, but a profile that ends leaves it
 * at once, because its key is not known afterwards.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "audience/definitions.h"
#include "audience/index.h"
#include "base/base.h"

SEGMENT_FUNCTION(segment_filters_evaluated);

struct AudienceWriter
{
	const Population *population;
	AudienceIndex *index;
	ToggleWriter *toggles;
	Toggle	   *found;			/* those of one change; space for so many: */
	int			space;

	/* audiences whose members are not kept, if that is known */
	bool		suspended_known;
	List	   *suspended;		/* their definition ids */
	List	   *ended;			/* Change *: profiles that ended */
};

/* What happens to a profile. */
typedef struct Change
{
	Datum		ord;
	Datum		key;
	bool		existed;
	bool		exists;
	TimestampTz at;
	bool		by_time;		/* else by an event */
} Change;

/*
 * Filters that this session has evaluated for events and for time that
 * passes.  segment.filters_evaluated() shows it, by which tests and benchmarks
 * see that an event evaluates few filters of many.
 */
static uint64 filters_evaluated = 0;

static void put_toggles(AudienceWriter *writer, const Change *change,
						const int *touched, int count);
static Change change_of(const AudienceWriter *writer, TupleTableSlot *row);
static void make_space(AudienceWriter *writer, int count);
static void put_found(AudienceWriter *writer, const Change *change,
					  int count);
static List *suspended_definitions(const Population *population);
static void note_ended(AudienceWriter *writer, const Change *change);
static void leave_suspended(AudienceWriter *writer);

/*
 * filters_evaluated()
 */
Datum
segment_filters_evaluated(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64((int64) filters_evaluated);
}

AudienceWriter *
audience_open(const Population *population)
{
	AudienceWriter *writer;
	List	   *suspended = NIL;

	audience_suspend(population, NIL);
	if (!audience_any_stored(population))
	{
		suspended = suspended_definitions(population);
		if (suspended == NIL)
			return NULL;
	}
	writer = palloc0(sizeof(AudienceWriter));
	writer->population = population;
	writer->index = audience_index(population);
	index_hold(writer->index);
	writer->toggles = toggle_writer_create(population);
	writer->suspended = suspended;
	writer->suspended_known = (suspended != NIL);
	return writer;
}

const char *
audience_evaluating(const AudienceWriter *writer)
{
	return index_evaluating(writer->index);
}

TimestampTz
audience_decided_at(const AudienceWriter *writer)
{
	return writer == NULL ? DT_NOBEGIN :
		membership_tables(writer->population)->decided_at;
}

/*
 * The row is the same at all these instants.  Just before its wake_at all
 * filters were as they are stored.
 */
TimestampTz
audience_catch_up(AudienceWriter *writer, TupleTableSlot *row,
				  TimestampTz until)
{
	Change		change = change_of(writer, row);
	const int  *touched;
	TimestampTz at;
	int			count;

	change.existed = change.exists = change.by_time = true;
	index_catch_up_begin(writer->index, row,
						 profile_wake_at(writer->population, row) - 1);
	while ((count = index_catch_up_next(writer->index, row, until, &at,
										&touched)) >= 0)
	{
		change.at = at;
		put_toggles(writer, &change, touched, count);
	}
	return at;
}

void
audience_apply(AudienceWriter *writer, TupleTableSlot *before, bool existed,
			   TupleTableSlot *after, bool exists, TimestampTz at)
{
	Change		change = change_of(writer, exists ? after : before);
	const int  *touched;
	int			count;

	change.existed = existed;
	change.exists = exists;
	change.at = at;
	count = index_touched(writer->index, before, after, existed != exists,
						  at, &touched);
	put_toggles(writer, &change, touched, count);
	if (!exists)
		note_ended(writer, &change);
}

TimestampTz
audience_wake_at(AudienceWriter *writer, TupleTableSlot *row, TimestampTz at,
				 TimestampTz wake_at, bool changed_only)
{
	return index_wake_at(writer->index, row, at, wake_at, changed_only);
}

bool
audience_close(AudienceWriter *writer)
{
	bool		toggled;

	leave_suspended(writer);
	toggled = toggle_writer_close(writer->toggles);
	index_add_counts(writer->index);
	index_release(writer->index);
	pfree(writer);
	return toggled;
}

static Change
change_of(const AudienceWriter *writer, TupleTableSlot *row)
{
	const Population *population = writer->population;
	Change		change = {0};

	change.ord = Int64GetDatum(profile_ord(population, row));
	change.key = profile_key(population, row);
	return change;
}

/* put_toggles() evaluates the touched filters and writes what differs. */
static void
put_toggles(AudienceWriter *writer, const Change *change, const int *touched,
			int count)
{
	AudienceIndex *index = writer->index;
	int			found = 0;

	make_space(writer, count);
	for (int i = 0; i < count; i++)
	{
		bool		is;

		if (index_toggles(index, touched[i], change->existed, change->exists,
						  &is))
		{
			Toggle	   *toggle = &writer->found[found++];

			toggle->definition_id = index_definition_id(index, touched[i]);
			toggle->entered = is;
		}
	}
	put_found(writer, change, found);
	filters_evaluated += count * (change->existed + change->exists);
}

/* make_space() makes space for so many toggles of one change. */
static void
make_space(AudienceWriter *writer, int count)
{
	if (count <= writer->space)
		return;
	if (writer->found != NULL)
		pfree(writer->found);
	writer->space = Max(count, 16);
	writer->found = MemoryContextAlloc(GetMemoryChunkContext(writer),
									   sizeof(Toggle) * writer->space);
}

/* put_found() writes the first 'count' toggles that were found. */
static void
put_found(AudienceWriter *writer, const Change *change, int count)
{
	ProfileToggles toggles = {
		.ord = change->ord,
		.key = change->key,
		.at = change->at,
		.by_time = change->by_time,
		.list = writer->found,
		.count = count,
	};

	if (count > 0)
		toggles_put(writer->toggles, &toggles);
}

/* ---- audiences whose members nobody keeps ---- */

/* suspended_definitions() returns the ids of the suspended definitions. */
static List *
suspended_definitions(const Population *population)
{
	List	   *suspended = NIL;
	ListCell   *lc;

	foreach(lc, audience_list(population))
	{
		const Audience *audience = lfirst(lc);

		if (!audience->stored &&
			membership_suspended(population, audience->definition_id))
			suspended = lappend_int(suspended, audience->definition_id);
	}
	return suspended;
}

/*
 * note_ended() remembers a profile that ended.  Of which suspended audiences
 * it was a member is read for all such profiles together, at the end.
 */
static void
note_ended(AudienceWriter *writer, const Change *change)
{
	const Population *population = writer->population;
	MemoryContext old = MemoryContextSwitchTo(GetMemoryChunkContext(writer));

	if (!writer->suspended_known)
		writer->suspended = suspended_definitions(population);
	writer->suspended_known = true;
	if (writer->suspended != NIL)
	{
		Change	   *ended = palloc(sizeof(Change));

		*ended = *change;
		ended->key = profile_key_copy(population, change->key);
		writer->ended = lappend(writer->ended, ended);
	}
	MemoryContextSwitchTo(old);
}

/*
 * leave_suspended() lets the profiles that ended leave the suspended audiences
 * in which the feed has them as members, whatever the filters would say.  All
 * these profiles are locked by now, so that no other transaction toggles them.
 */
static void
leave_suspended(AudienceWriter *writer)
{
	Snapshot	snapshot;
	ListCell   *definition_id;
	ListCell   *lc;

	if (writer->ended == NIL)
		return;
	make_space(writer, 1);
	snapshot = RegisterSnapshot(GetLatestSnapshot());
	foreach(definition_id, writer->suspended)
	{
		bool		damaged = false;
		MemberSet  *members = membership_read_last(writer->population,
												   lfirst_int(definition_id),
												   snapshot, &damaged);

		foreach(lc, writer->ended)
		{
			Change	   *ended = lfirst(lc);

			CHECK_FOR_INTERRUPTS();
			if (!members_contain(members, DatumGetInt64(ended->ord)))
				continue;
			writer->found->definition_id = lfirst_int(definition_id);
			writer->found->entered = false;
			put_found(writer, ended, 1);
		}
	}
	UnregisterSnapshot(snapshot);
}
