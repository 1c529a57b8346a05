/*-------------------------------------------------------------------------
 *
 * apply_profile.c
 *	  What becomes of one profile by the deltas of a batch?
 *
 *		profile 7	+2 rows		is there: traits, time, audiences, row
 *		profile 8	-1 row		has no row left: leaves its audiences; deleted
 *		profile 9	+1 row		is new: inserted, enters its audiences
 *
 * A profile that is there may wait: for its sources to be read (TRAIT_REREAD),
 * or for what guests write because of it.  apply_batch.c says when.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/datum.h"

#include "audience/audience.h"
#include "base/base.h"
#include "flow/apply.h"
#include "flow/flow_private.h"

static TupleTableSlot *copy_row(TupleTableSlot *row);
static bool is_postponed(Application *application, TupleTableSlot *row);
static void forget_deltas(const Application *application,
						  ProfileDeltas profile);
static int32 attaching_build(const Application *application);
static int64 keep_for_build(const Population *population, TupleTableSlot *row,
							TupleTableSlot *after, int64 count,
							int32 attaching);
static int64 profile_rows(const Application *application,
						  ProfileDeltas profile, bool counted, bool *changed);
static bool is_read_again(ProfileDeltas profile);
static TraitResult apply_deltas(Application *application,
								ProfileDeltas profile, bool locked,
								TupleTableSlot *row, int64 *rows);
static bool reread(Application *application, const ProfileDelta *one,
				   bool locked, TupleTableSlot *row);
static bool is_same(const TupleTableSlot *row, const TupleTableSlot *after);
static Rereading *rereading_of(Application *application,
							   const TraitProgram *program);
static void check_count(const Population *population, int64 count);
static void change_profile(const Visitor *visitor, TupleTableSlot *row,
						   TupleTableSlot *after);
static void show_guests(const Application *application, ProfileDeltas profile,
						TupleTableSlot *row, TupleTableSlot *edited,
						bool exists);

bool
apply_profile(Application *application, ProfileDeltas profile)
{
	Visitor    *visitor = &application->visitor;
	const Population *population = visitor->population;
	int32		attaching = attaching_build(application);
	bool		read_again = is_read_again(profile);
	bool		kept = application->kept != NULL;
	TupleTableSlot *before = NULL;

	if (kept && application->guests != NULL)
		before = copy_row(profile_edited(visitor->table));
	for (;;)
	{
		TupleTableSlot *row = kept ? application->kept :
			profile_lock(visitor->table, profile.deltas->key);
		TupleTableSlot *after = kept ? profile_edited(visitor->table) :
			row != NULL ? profile_edit(visitor->table) :
			profile_edit_new(visitor->table, profile.deltas->key);
		bool		counted = attaching == 0 ||
			profile_build(population, after) == attaching;
		bool		rows_changed;
		int64		count = profile_source_rows(population, after) +
			profile_rows(application, profile, counted, &rows_changed);
		TraitResult result;

		if (!counted && rows_changed)
			count = keep_for_build(population, row, after, count, attaching);

		result = TRAIT_UNCHANGED;
		if (read_again)
		{
			int64		last = count;

			result = apply_deltas(application, profile, row != NULL, after,
								  &count);
			if (result == TRAIT_REREAD)
				return false;
			rows_changed |= count != last ||
				(application->recounts && count == 0);
		}
		rows_changed |= application->changed;
		if (row == NULL && count <= 0)
			profile_check_absent(visitor->table, profile.deltas->key);
		check_count(population, count);
		if (count == 0 && !(application->postpones && kept))
		{
			if (row != NULL && rows_changed)
				visit_end_profile(visitor, row, after);
			if (application->postpones)
				forget_deltas(application, profile);
			show_guests(application, profile, row, after, false);
			return true;
		}

		profile_set_source_rows(population, after, count);
		if (application->recounts && row != NULL && is_same(row, after))
			return true;
		if (!read_again)
			result = apply_deltas(application, profile, row != NULL, after,
								  &count);
		if (result == TRAIT_REREAD)
			return false;
		rows_changed |= result != TRAIT_UNCHANGED;
		if (is_postponed(application, row))
			application->changed = application->only && rows_changed;
		else
		{
			if (rows_changed && row != NULL)
				change_profile(visitor, row, after);
			else if (rows_changed && !visit_begin_profile(visitor, after))
				continue;		/* another transaction was first */
			if (application->postpones)
				forget_deltas(application, profile);
		}
		show_guests(application, profile, before != NULL ? before : row,
					after, count > 0);
		if (before != NULL)
			ExecDropSingleTupleTableSlot(before);
		return true;
	}
}

/*
 * is_postponed() says whether a row is written later; an only one is kept as
 * it is edited.  One whose sources have been read for many at once is written
 * now: they would be read once more.
 */
static bool
is_postponed(Application *application, TupleTableSlot *row)
{
	if (!application->postpones || row == NULL || application->has_read)
		return false;
	if (application->only)
		application->kept = row;
	return true;
}

/* copy_row() copies a row whose values stay where they are. */
static TupleTableSlot *
copy_row(TupleTableSlot *row)
{
	TupleDesc	desc = row->tts_tupleDescriptor;
	TupleTableSlot *copy = MakeSingleTupleTableSlot(desc, &TTSOpsVirtual);

	memcpy(copy->tts_values, row->tts_values, sizeof(Datum) * desc->natts);
	memcpy(copy->tts_isnull, row->tts_isnull, sizeof(bool) * desc->natts);
	return ExecStoreVirtualTuple(copy);
}

/* forget_deltas() takes what was applied out of the contributions. */
static void
forget_deltas(const Application *application, ProfileDeltas profile)
{
	for (int i = 0; i < profile.count; i++)
		contribution_forget(list_nth(application->contributions,
									 profile.deltas[i].contribution),
							profile.deltas[i].key);
}

void
write_kept(const Application *application)
{
	const Visitor *visitor = &application->visitor;
	TupleTableSlot *row = application->kept;
	TupleTableSlot *after = profile_edited(visitor->table);

	if (!application->changed)
		return;
	if (profile_source_rows(visitor->population, after) == 0)
		visit_end_profile(unconstify(Visitor *, visitor), row, after);
	else
		change_profile(visitor, row, after);
}

/*
 * attaching_build() is the number of the build that attaches a source of the
 * population, or 0.
 */
static int32
attaching_build(const Application *application)
{
	const Contribution *first = linitial(application->contributions);

	return first->source->attaching;
}

/*
 * keep_for_build() sees to it that a profile stays until a build has counted
 * the rows of the source that it attaches: one that it has not counted yet and
 * that would end, and one that is new, get a row too many (build_attach.c).
 * Returns the number of its rows.
 */
static int64
keep_for_build(const Population *population, TupleTableSlot *row,
			   TupleTableSlot *after, int64 count, int32 attaching)
{
	if (row != NULL && count > 0)
		return count;
	profile_set_build(population, after, -attaching);
	return count + 1;
}

/*
 * profile_rows() adds up how many source rows a profile gets, and says whether
 * any source's number of them changes.  Of a source that is being attached
 * rows are added only once the build has 'counted' those of the profile.
 */
static int64
profile_rows(const Application *application, ProfileDeltas profile,
			 bool counted, bool *changed)
{
	int64		rows = 0;

	*changed = false;
	for (int i = 0; i < profile.count; i++)
	{
		const Contribution *contribution =
			list_nth(application->contributions,
					 profile.deltas[i].contribution);

		if (counted || contribution->source->build == 0)
			rows += profile.deltas[i].delta->rows;
		*changed |= profile.deltas[i].delta->rows != 0;
	}
	return rows;
}

/* is_read_again() says whether only a source knows what rows it has left. */
static bool
is_read_again(ProfileDeltas profile)
{
	for (int i = 0; i < profile.count; i++)
		if (profile.deltas[i].delta->reread)
			return true;
	return false;
}

/*
 * apply_deltas() applies deltas to the traits in a profile's edited row;
 * 'locked' says whether the profile is there.  TRAIT_REREAD if the profile has
 * to wait.  *rows is corrected by what a source that is read again says.
 *
 * A trait that is read again from its source is the truth at the end of the
 * batch: no delta of its program is applied any more.
 */
static TraitResult
apply_deltas(Application *application, ProfileDeltas profile, bool locked,
			 TupleTableSlot *row, int64 *rows)
{
	const Visitor *visitor = &application->visitor;
	List	   *done = NIL;		/* TraitProgram *, read again */
	TraitResult all = TRAIT_UNCHANGED;

	if (application->recounts)
		*rows = 0;
	for (int i = 0; i < profile.count; i++)
	{
		const ProfileDelta *one = &profile.deltas[i];
		const Contribution *contribution = list_nth(application->contributions,
													one->contribution);
		const TraitProgram *program = contribution->program;
		TraitResult result;

		if (list_member_ptr(done, program))
			continue;
		if (one->delta->emptied)
		{
			trait_empty(program, profile_blank(visitor->table),
						row->tts_values, row->tts_isnull);
			all = Max(all, TRAIT_CHANGED);
		}
		if (one->delta->reread)
		{
			result = TRAIT_REREAD;
			if (!application->recounts)
				*rows -= trait_counted(program, row);
		}
		else if (contribution->again)
			result = TRAIT_REREAD;
		else
			result = trait_apply(program, one->delta, visitor->now,
								 row->tts_values, row->tts_isnull);
		if (result == TRAIT_REREAD)
		{
			if (reread(application, one, locked, row))
				result = TRAIT_CHANGED;
			if (application->recounts)
				*rows += application->rows_read;
			else if (one->delta->reread)
				*rows += trait_counted(program, row);
			done = lappend(done, unconstify(TraitProgram *, program));
		}
		all = Max(all, result);
	}
	return all;
}

/*
 * reread() replaces what a profile's edited row has from a source by what the
 * source says.  False if the profile waits for that: only one that is there
 * can, as its lock keeps others from changing it.
 */
static bool
reread(Application *application, const ProfileDelta *one, bool locked,
	   TupleTableSlot *row)
{
	const Visitor *visitor = &application->visitor;
	const Contribution *contribution = list_nth(application->contributions,
												one->contribution);
	const TraitProgram *program = contribution->program;
	Datum		key = one->key;
	const TupleTableSlot *blank = profile_blank(visitor->table);
	Rereading  *rereading = rereading_of(application, program);
	TraitReading *single;

	if (locked && application->may_wait)
	{
		if (rereading->keys == NULL)
			rereading->keys =
				MemoryContextAlloc(application->visitor.before,
								   sizeof(Datum) * application->at_once);
		rereading->keys[rereading->nkeys++] = key;
		return false;
	}
	if (rereading->reading != NULL &&
		trait_take(rereading->reading, key, blank, row->tts_values,
				   row->tts_isnull))
	{
		if (application->recounts)
			application->rows_read = trait_rows_read(rereading->reading, key);
		return true;
	}
	single = trait_read(program, &(TraitAsked) {
		.keys = &key,
		.nkeys = 1,
		.now = visitor->now,
		.snapshot = locked ? NULL : profile_snapshot(visitor->table),
		.counts = application->recounts,
	});
	(void) trait_take(single, key, blank, row->tts_values, row->tts_isnull);
	if (application->recounts)
		application->rows_read = trait_rows_read(single, key);
	trait_reading_end(single);
	return true;
}

/* is_same() says whether a profile's row is what it was before. */
static bool
is_same(const TupleTableSlot *row, const TupleTableSlot *after)
{
	TupleDesc	desc = row->tts_tupleDescriptor;

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (row->tts_isnull[i] != after->tts_isnull[i] ||
			(!row->tts_isnull[i] &&
			 !datum_image_eq(row->tts_values[i], after->tts_values[i],
							 att->attbyval, att->attlen)))
			return false;
	}
	return true;
}

/* rereading_of() finds or adds the Rereading of a program. */
static Rereading *
rereading_of(Application *application, const TraitProgram *program)
{
	Rereading  *rereading;
	MemoryContext old;
	ListCell   *lc;

	foreach(lc, application->rereadings)
	{
		rereading = lfirst(lc);
		if (rereading->program == program)
			return rereading;
	}
	old = MemoryContextSwitchTo(application->visitor.before);
	rereading = palloc0(sizeof(Rereading));
	rereading->program = program;
	rereading->counts = application->recounts;
	application->rereadings = lappend(application->rereadings, rereading);
	MemoryContextSwitchTo(old);
	return rereading;
}

/* check_count() refuses a profile with less than no source rows. */
static void
check_count(const Population *population, int64 count)
{
	if (count >= 0)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("population \"%s\" does not know of rows that are now removed",
					population->name),
			 errdetail("They were written while capture was off or its triggers were disabled."),
			 errhint("Run SELECT segment.rebuild(%s).",
					 quote_literal_cstr(population->name))));
}

/* change_profile() writes a profile that goes on with other values. */
static void
change_profile(const Visitor *visitor, TupleTableSlot *row,
			   TupleTableSlot *after)
{
	const Population *population = visitor->population;
	TimestampTz at = visit_instant(visitor, after);

	if (visitor->audiences != NULL)
	{
		TimestampTz before = profile_wake_at(population, row);
		TimestampTz wake_at = visit_catch_up(visitor, row, at);

		audience_apply(visitor->audiences, row, true, after, true, at);
		wake_at = audience_wake_at(visitor->audiences, after, at, wake_at,
								   true);
		if (wake_at < before)
			flow_note_pending();
		profile_set_wake_at(population, after, wake_at);
	}
	profile_update(visitor->table);
}

/*
 * show_guests() lets guests visit a profile whose row, NULL if there was none,
 * was edited; 'exists' says whether there is a profile now.
 */
static void
show_guests(const Application *application, ProfileDeltas profile,
			TupleTableSlot *row, TupleTableSlot *edited, bool exists)
{
	if (application->guests != NULL)
		guests_visit(application->guests, profile, row,
					 exists ? edited : NULL,
					 visit_instant(&application->visitor, edited));
}
