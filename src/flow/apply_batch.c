/*-------------------------------------------------------------------------
 *
 * apply_batch.c
 *	  What becomes of the profiles that a batch touched?
 *
 *		profile 7	+2 rows		is there: traits, time, audiences, row
 *		profile 8	-1 row		has no row left: leaves its audiences; deleted
 *		profile 9	+1 row		is new: inserted, enters its audiences
 *
 * Why key order.  Two statements that touch the same profiles in different
 * order would wait for each other.  In key order one of them simply waits.
 * (Two statements per transaction can still deadlock, as two UPDATEs can.)
 *
 * Rights.  Profiles are read and written as the population's owner
 * (profile/row.c).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/spi.h"
#include "utils/builtins.h"

#include "audience/audience.h"
#include "base/base.h"
#include "flow/batch.h"
#include "flow/flow_private.h"
#include "flow/visit.h"

/* What it takes to apply deltas to the profiles of a population. */
typedef struct Application
{
	List	   *contributions;
	Visitor		visitor;
} Application;

static void apply_population(List *contributions);
static void apply_profile(const Application *application,
						  const ProfileDelta *deltas, int ndeltas);
static bool apply_deltas(const Application *application,
						 const ProfileDelta *deltas, int ndeltas,
						 TupleTableSlot *row);
static void check_count(const Population *population, int64 count);
static void change_profile(const Visitor *visitor, TupleTableSlot *row,
						   TupleTableSlot *after);
static void end_profile(const Visitor *visitor, TupleTableSlot *row,
						TupleTableSlot *after);
static bool begin_profile(const Visitor *visitor, TupleTableSlot *after);

/* Populations are taken in one order, too, for the same reason as keys. */
void
apply_batch(List *contributions)
{
	while (contributions != NIL)
	{
		Oid			lowest = InvalidOid;
		List	   *of_population = NIL;
		List	   *rest = NIL;
		ListCell   *lc;

		foreach(lc, contributions)
		{
			const Contribution *one = lfirst(lc);
			Oid			base = one->source->population->oid;

			if (!OidIsValid(lowest) || base < lowest)
				lowest = base;
		}
		foreach(lc, contributions)
		{
			Contribution *one = lfirst(lc);

			if (one->source->population->oid == lowest)
				of_population = lappend(of_population, one);
			else
				rest = lappend(rest, one);
		}
		apply_population(of_population);
		contributions = rest;
	}
}

/* apply_population() applies contributions to one population. */
static void
apply_population(List *contributions)
{
	const Contribution *first = linitial(contributions);
	const Population *population = first->source->population;
	Application application = {contributions};
	Visitor    *visitor = &application.visitor;
	ProfileDelta *deltas;
	int64		count = contributions_deltas(contributions, &deltas);

	if (count == 0)
		return;

	SPI_connect();
	visit_begin(visitor, population);
	for (int64 i = 0, next; i < count; i = next)
	{
		for (next = i + 1; next < count; next++)
			if (profile_key_compare(population, deltas[i].key,
									deltas[next].key) != 0)
				break;
		visit_enter(visitor, deltas[i].key);
		apply_profile(&application, &deltas[i], next - i);
		visit_leave(visitor);
	}
	if (visit_end(visitor))
		flow_note_pending();
	SPI_finish();
	pfree(deltas);
}

/*
 * apply_profile() applies the deltas of one profile, and changes, ends or
 * begins it by what they come to.
 */
static void
apply_profile(const Application *application, const ProfileDelta *deltas,
			  int ndeltas)
{
	const Visitor *visitor = &application->visitor;
	const Population *population = visitor->population;

	for (;;)
	{
		TupleTableSlot *row = profile_lock(visitor->table, deltas[0].key);
		TupleTableSlot *after = row != NULL ? profile_edit(visitor->table) :
			profile_edit_new(visitor->table, deltas[0].key);
		int64		count;

		if (!apply_deltas(application, deltas, ndeltas, after))
			return;
		count = profile_source_rows(population, after);
		check_count(population, count);
		if (row != NULL && count > 0)
			change_profile(visitor, row, after);
		else if (row != NULL)
			end_profile(visitor, row, after);
		else if (count > 0 && !begin_profile(visitor, after))
			continue;			/* another transaction was first */
		return;
	}
}

/*
 * apply_deltas() applies deltas to a profile's edited row: how many
 * source rows it has, and its traits.  False if that changes nothing.
 *
 * A trait that is read again from its source is the truth at the end of the
 * batch: no delta of its program is applied any more.
 */
static bool
apply_deltas(const Application *application, const ProfileDelta *deltas,
			 int ndeltas, TupleTableSlot *row)
{
	const Visitor *visitor = &application->visitor;
	const Population *population = visitor->population;
	int64		count = profile_source_rows(population, row);
	List	   *reread = NIL;	/* TraitProgram * */
	bool		changed = false;

	for (int i = 0; i < ndeltas; i++)
	{
		const ProfileDelta *one = &deltas[i];
		const Contribution *contribution = list_nth(application->contributions,
													one->contribution);
		const TraitProgram *program = contribution->program;

		count += one->delta->rows;
		changed |= one->delta->rows != 0;
		if (list_member_ptr(reread, program))
			continue;
		switch (trait_apply(program, one->delta, visitor->now,
							row->tts_values, row->tts_isnull))
		{
			case TRAIT_UNCHANGED:
				break;
			case TRAIT_CHANGED:
				changed = true;
				break;
			case TRAIT_REREAD:
				trait_reread(program, one->key, visitor->now,
							 row->tts_values, row->tts_isnull);
				reread = lappend(reread, unconstify(TraitProgram *, program));
				changed = true;
				break;
		}
	}
	profile_set_source_rows(population, row, count);
	return changed;
}

/* check_count() refuses a profile with less than no source rows. */
static void
check_count(const Population *population, int64 count)
{
	if (count >= 0)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("population \"%s\" never counted some of the rows that "
					"are now removed",
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

/* end_profile() deletes a profile, which leaves its audiences. */
static void
end_profile(const Visitor *visitor, TupleTableSlot *row,
			TupleTableSlot *after)
{
	TimestampTz at = visit_instant(visitor, after);

	profile_delete(visitor->table);
	if (visitor->audiences != NULL)
	{
		(void) visit_catch_up(visitor, row, at);
		audience_apply(visitor->audiences, row, true,
					   profile_blank(visitor->table), false, at);
	}
}

/*
 * begin_profile() inserts a profile, which enters its audiences.  False if
 * another transaction was first.
 */
static bool
begin_profile(const Visitor *visitor, TupleTableSlot *after)
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
