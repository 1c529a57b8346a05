/*-------------------------------------------------------------------------
 *
 * visit.c
 *	  How is one profile of a population written after the other?
 *
 *		visit_begin			base table and audiences are open
 *		visit_enter			profile 7: memory and error context are its own
 *			visit_instant	as of when is its membership decided?
 *			visit_catch_up	12:00 passed: it left "recent" then
 *		visit_leave
 *		visit_enter			profile 9 ...
 *		visit_end
 *
 * Events visit the profiles that a batch touches (apply_batch.c), and a sweep
 * those that are due (sweep.c).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/memutils.h"

#include "base/base.h"
#include "flow/flow_private.h"
#include "flow/visit.h"

static void note_ended(Visitor *visitor, TupleTableSlot *row);
static void name_profile(void *visitor);

void
visit_begin(Visitor *visitor, const Population *population)
{
	visitor->population = population;
	visitor->table = profile_open(population);
	visitor->audiences = audience_open(population);
	visitor->ended = NULL;
	visitor->now = clock_now();
	visitor->callback.callback = name_profile;
	visitor->callback.arg = visitor;
	visitor->memory = AllocSetContextCreate(CurrentMemoryContext,
											"segment profile",
											ALLOCSET_DEFAULT_SIZES);
	visitor->before = MemoryContextSwitchTo(visitor->memory);
}

bool
visit_end(Visitor *visitor)
{
	bool		toggled = false;

	MemoryContextSwitchTo(visitor->before);
	if (visitor->memory != NULL)
		toggled = visit_finish(visitor);
	profile_close(visitor->table);
	return toggled;
}

bool
visit_finish(Visitor *visitor)
{
	bool		toggled;

	MemoryContextDelete(visitor->memory);
	visitor->memory = NULL;
	toggled = visitor->audiences != NULL && audience_close(visitor->audiences);
	if (visitor->ended != NULL)
		ended_keys_end(visitor->ended);
	profile_finish(visitor->table);
	CommandCounterIncrement();
	return toggled;
}

void
visit_enter(Visitor *visitor, Datum key)
{
	visitor->key = key;
	visitor->callback.previous = error_context_stack;
	error_context_stack = &visitor->callback;
}

void
visit_leave(Visitor *visitor)
{
	error_context_stack = visitor->callback.previous;
	MemoryContextReset(visitor->memory);
}

void
visit_pause(Visitor *visitor)
{
	error_context_stack = visitor->callback.previous;
}

TimestampTz
visit_instant(const Visitor *visitor, TupleTableSlot *row)
{
	TimestampTz evaluated_at = profile_evaluated_at(visitor->population, row);
	TimestampTz at = decision_instant(visitor->now, evaluated_at,
									  audience_decided_at(visitor->audiences));

	profile_set_evaluated_at(visitor->population, row, at);
	return at;
}

TimestampTz
visit_catch_up(const Visitor *visitor, TupleTableSlot *row, TimestampTz at)
{
	TimestampTz wake_at = profile_wake_at(visitor->population, row);

	return wake_at <= at ?
		audience_catch_up(visitor->audiences, row, at) : wake_at;
}

void
visit_end_profile(Visitor *visitor, TupleTableSlot *row, TupleTableSlot *after)
{
	TimestampTz at = visit_instant(visitor, after);

	profile_delete(visitor->table);
	note_ended(visitor, row);
	if (visitor->audiences != NULL)
	{
		(void) visit_catch_up(visitor, row, at);
		audience_apply(visitor->audiences, row, true,
					   profile_blank(visitor->table), false, at);
	}
}

/* note_ended() notes for the feed a profile that ends: its row. */
static void
note_ended(Visitor *visitor, TupleTableSlot *row)
{
	const Population *population = visitor->population;

	if (visitor->ended == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(visitor->before);

		visitor->ended = ended_keys_begin(population);
		MemoryContextSwitchTo(old);
	}
	ended_keys_put(visitor->ended, profile_ord(population, row),
				   profile_key(population, row));
}

bool
visit_begin_profile(const Visitor *visitor, TupleTableSlot *after)
{
	TimestampTz at = visit_instant(visitor, after);
	TimestampTz wake_at = DT_NOEND;

	if (visitor->audiences != NULL)
		wake_at = audience_wake_at(visitor->audiences, after, at, DT_NOEND,
								   false);
	profile_set_wake_at(visitor->population, after, wake_at);
	if (!profile_insert(visitor->table))
		return false;
	if (!TIMESTAMP_IS_NOEND(wake_at))
		flow_note_pending();
	if (visitor->audiences != NULL)
		audience_apply(visitor->audiences, profile_blank(visitor->table),
					   false, after, true, at);
	return true;
}

/*
 * name_profile() says in an error's context which profile is visited: the
 * reader of the error may not know of traits and audiences.  An error context
 * callback.
 */
static void
name_profile(void *arg)
{
	Visitor    *visitor = arg;
	const char *audience = visitor->audiences == NULL ? NULL :
		audience_evaluating(visitor->audiences);

	if (audience != NULL)
		errcontext("filter of audience \"%s\"", audience);
	errcontext("traits and audiences of profile \"%s\" in population \"%s\"",
			   profile_key_text(visitor->population, visitor->key),
			   visitor->population->name);
}
