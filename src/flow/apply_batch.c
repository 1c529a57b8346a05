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
						 Datum *values, bool *isnull);
static void check_count(const Population *population, int64 count);
static void change_profile(const Visitor *visitor, TupleTableSlot *row,
						   Datum *values, bool *isnull);
static void end_profile(const Visitor *visitor, TupleTableSlot *row,
						Datum *values);
static bool begin_profile(const Visitor *visitor, Datum *values,
						  bool *isnull);

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
			Oid			base = one->source->population->base;

			if (!OidIsValid(lowest) || base < lowest)
				lowest = base;
		}
		foreach(lc, contributions)
		{
			Contribution *one = lfirst(lc);

			if (one->source->population->base == lowest)
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
	Application application = {contributions};
	Visitor    *visitor = &application.visitor;
	ProfileDelta *deltas;
	int64		count = contributions_deltas(contributions, &deltas);

	if (count == 0)
		return;

	SPI_connect();
	visit_begin(visitor, first->source->population);
	for (int64 i = 0, next; i < count; i = next)
	{
		for (next = i + 1; next < count; next++)
			if (key_compare(first->key_type, deltas[i].key,
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
	int			natts = profile_columns(visitor->table)->natts;
	Datum	   *values = palloc(sizeof(Datum) * natts);
	bool	   *isnull = palloc(sizeof(bool) * natts);

	for (;;)
	{
		TupleTableSlot *row = profile_lock(visitor->table, deltas[0].key);
		int64		count;

		if (row != NULL)
		{
			slot_getallattrs(row);
			memcpy(values, row->tts_values, sizeof(Datum) * natts);
			memcpy(isnull, row->tts_isnull, sizeof(bool) * natts);
		}
		else
		{
			profile_initial(visitor->table, values, isnull);
			values[population->key_attno - 1] = deltas[0].key;
			isnull[population->key_attno - 1] = false;
		}

		if (!apply_deltas(application, deltas, ndeltas, values, isnull))
			return;
		count = DatumGetInt64(values[population->rows_attno - 1]);
		check_count(population, count);
		if (row != NULL && count > 0)
			change_profile(visitor, row, values, isnull);
		else if (row != NULL)
			end_profile(visitor, row, values);
		else if (count > 0 && !begin_profile(visitor, values, isnull))
			continue;			/* another transaction was first */
		return;
	}
}

/*
 * apply_deltas() applies deltas to the values of a profile's row: how many
 * source rows it has, and its traits.  False if that changes nothing.
 *
 * A trait that is read again from its source is the truth at the end of the
 * batch: no delta of its program is applied any more.
 */
static bool
apply_deltas(const Application *application, const ProfileDelta *deltas,
			 int ndeltas, Datum *values, bool *isnull)
{
	const Visitor *visitor = &application->visitor;
	AttrNumber	rows = visitor->population->rows_attno;
	int64		count = DatumGetInt64(values[rows - 1]);
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
		switch (trait_apply(program, one->delta, visitor->now, values, isnull))
		{
			case TRAIT_UNCHANGED:
				break;
			case TRAIT_CHANGED:
				changed = true;
				break;
			case TRAIT_REREAD:
				trait_reread(program, one->key, visitor->now, values, isnull);
				reread = lappend(reread, unconstify(TraitProgram *, program));
				changed = true;
				break;
		}
	}
	values[rows - 1] = Int64GetDatum(count);
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
			 errmsg("population \"%s\" does not know of rows that are now removed",
					population->name),
			 errdetail("They were written while capture was off or its triggers were disabled."),
			 errhint("Run SELECT segment.rebuild(%s).",
					 quote_literal_cstr(population->name))));
}

/* change_profile() writes a profile that goes on with other values. */
static void
change_profile(const Visitor *visitor, TupleTableSlot *row, Datum *values,
			   bool *isnull)
{
	const Population *population = visitor->population;
	TimestampTz at = visit_instant(visitor, values);

	if (visitor->audiences != NULL)
	{
		TupleTableSlot *after = profile_of_values(visitor->table, values,
												  isnull);
		TimestampTz before = profile_wake_at(population, row);
		TimestampTz wake_at = visit_catch_up(visitor, row, at);

		audience_apply(visitor->audiences, row, true, after, true, at);
		wake_at = audience_wake_at(visitor->audiences, after, at, wake_at,
								   true);
		if (wake_at < before)
			flow_note_pending();
		profile_put_wake_at(population, wake_at, values, isnull);
	}
	profile_update(visitor->table, values, isnull);
}

/* end_profile() deletes a profile, which leaves its audiences. */
static void
end_profile(const Visitor *visitor, TupleTableSlot *row, Datum *values)
{
	TimestampTz at = visit_instant(visitor, values);

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
begin_profile(const Visitor *visitor, Datum *values, bool *isnull)
{
	TimestampTz at = visit_instant(visitor, values);
	TimestampTz wake_at = DT_NOEND;

	if (visitor->audiences != NULL)
		wake_at = audience_wake_at(visitor->audiences,
								   profile_of_values(visitor->table, values,
													 isnull),
								   at, DT_NOEND, false);
	profile_put_wake_at(visitor->population, wake_at, values, isnull);
	if (!profile_insert(visitor->table, values, isnull))
		return false;
	if (!TIMESTAMP_IS_NOEND(wake_at))
		flow_note_pending();
	if (visitor->audiences != NULL)
		audience_apply(visitor->audiences, profile_blank(visitor->table),
					   false, profile_written(visitor->table), true, at);
	return true;
}
