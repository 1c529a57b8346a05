/*-------------------------------------------------------------------------
 *
 * apply_batch.c
 *	  In which order is a batch applied to the profiles that it touched?
 *
 *		profile 7	locked, and written
 *		profile 8	locked, and written
 *		profile 9 ...
 *
 * apply_profile.c says what becomes of each.
 *
 * What only the source can tell.  A profile that lost its largest order does
 * not know the next one.  It is locked and waits, until many wait or the batch
 * ends; then one query reads what the source says of all of them:
 *
 *		profile 7	-1 row		locked; waits
 *		profile 8	+1 row		written
 *		profile 9	-1 row		locked; waits
 *					SELECT ... WHERE customer_id = ANY ('{7,9}')
 *		profile 7, 9			written
 *
 * The source is read after the locks are taken: whoever has written rows of
 * these profiles has applied them, or will when we are done.  A profile that
 * is not there cannot be locked.  Its source is read as of the snapshot that
 * shows none: whoever made one since is met when it is written, and what has
 * come and gone since is not in what was read.
 *
 * What guests write.  An order earns points, which are rows of a source, too:
 * its profile would be written for the order, and once more for the points.
 * So it is written after guests have, by all deltas at once:
 *
 *		profile 7	+1 order	locked, edited, shown to guests
 *					guests write; their rows are counted in
 *		profile 7	+2 entries	edited, shown to guests if they want to know
 *								... until they write no more
 *		profile 7				written
 *
 * A profile that is alone, as mostly, is kept as it is edited.  Several are
 * locked, and edited again when they are written; where guests want to know of
 * what guests have written of these, that comes as a batch of its own, after
 * them.  Written at once is a profile that is new, as one that is not there
 * cannot be locked; one that ends; and one that has waited for its source.
 * All are where memory has no room for the rows of a statement.
 *
 * Who reads profiles among the guests says so, and has them written before
 * (flow_write_postponed()).  Where code of users may run, that finds all as it
 * would anywhere else: from there on nothing waits (flow_postpone_no_more()).
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

#include "access/relation.h"
#include "access/xact.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "utils/rel.h"

#include "base/base.h"
#include "flow/apply.h"
#include "flow/flow.h"
#include "flow/flow_private.h"

/* That whose guests are writing, before its rows are; NULL: there is none. */
static struct
{
	Application *application;
	SubTransactionId subid;
}			postponing;

static void apply_whole(void);
static void apply_in_round(List *contributions, int round);
static void apply_population(List *contributions, int round);
static bool may_postpone(const Application *application);
static void apply_stream(Application *application, DeltaStream *stream);
static void wait_for_source(Application *application, ProfileDeltas profile);
static void apply_waiting(Application *application);
static void adapt_at_once(Application *application);
static void let_guests_write(Application *application);
static void collect_written(Application *application);
static WholeBatch *take_written(void);
static bool edit_kept(Application *application, List *contributions);
static void write_postponed(Application *application, List *contributions);
static void write_rows(Application *application, List *contributions);
static bool is_of_kept(const Application *application, List *contributions,
					   ProfileDeltas *profile);
static bool guests_want(List *contributions);
static List *of_population(List *contributions, Oid base, bool is);

void
batch_complete(void)
{
	if (batch_count_out())
		apply_whole();
}

void
batch_complete_drop(void)
{
	if (batch_count_out_dropped())
		apply_whole();
}

/*
 * apply_whole() applies the batch, now that its counts have met.
 *
 * Whatever happens meanwhile belongs to another batch: what is written fires
 * no trigger of ours, but a user's trigger on a base table may.
 */
static void
apply_whole(void)
{
	WholeBatch *whole = batch_take();

	batch_settle(whole);
	apply_batch(whole->contributions);
	batch_end(whole);
}

void
apply_batch(List *contributions)
{
	apply_in_round(contributions, 0);
}

/*
 * apply_in_round() applies contributions that guests have written because of
 * what guests have written, so many times.  Populations are taken in one
 * order, for the same reason as keys.
 */
static void
apply_in_round(List *contributions, int round)
{
	while (contributions != NIL)
	{
		Oid			lowest = InvalidOid;
		ListCell   *lc;

		foreach(lc, contributions)
		{
			const Contribution *one = lfirst(lc);
			Oid			base = one->source->population->oid;

			if (!OidIsValid(lowest) || base < lowest)
				lowest = base;
		}
		apply_population(of_population(contributions, lowest, true), round);
		contributions = of_population(contributions, lowest, false);
	}
}

/* of_population() lists those that are of a population, or that are not. */
static List *
of_population(List *contributions, Oid base, bool is)
{
	List	   *some = NIL;
	ListCell   *lc;

	foreach(lc, contributions)
	{
		Contribution *one = lfirst(lc);

		if ((one->source->population->oid == base) == is)
			some = lappend(some, one);
	}
	return some;
}

/* apply_population() applies contributions to one population. */
static void
apply_population(List *contributions, int round)
{
	const Contribution *first = linitial(contributions);
	Application *application;
	DeltaStream *stream = deltas_begin(contributions);
	bool		postpones;

	if (deltas_ended(stream))
		return;

	application = palloc0(sizeof(Application));
	application->contributions = contributions;
	application->recounts = first->recount;
	application->at_once = READ_AT_FIRST;
	SPI_connect();
	application->round = round;
	application->guests = guests_begin(contributions, round);
	application->postpones = postpones = may_postpone(application);
	visit_begin(&application->visitor, first->source->population);
	apply_stream(application, stream);
	if (postpones)
		let_guests_write(application);
	if (visit_end(&application->visitor))
		flow_note_pending();
	if (!postpones && application->guests != NULL)
		guests_end(application->guests);
	SPI_finish();
	deltas_end(stream);
	pfree(application);
}

/*
 * may_postpone() says whether rows may be written after guests have: deltas
 * are in memory, and no build has to count them.
 */
static bool
may_postpone(const Application *application)
{
	ListCell   *lc;

	if (application->guests == NULL || application->recounts)
		return false;
	foreach(lc, application->contributions)
	{
		const Contribution *one = lfirst(lc);

		if (one->spilled != NULL || one->source->attaching != 0)
			return false;
	}
	return true;
}

/* apply_stream() applies the deltas of one profile after the other. */
static void
apply_stream(Application *application, DeltaStream *stream)
{
	Visitor    *visitor = &application->visitor;
	bool		is_first = true;
	ProfileDeltas profile;

	while (deltas_next(stream, &profile))
	{
		bool		last = deltas_ended(stream);

		/* the last one need not wait if it is alone */
		application->may_wait = !last || application->nwaiting > 0;
		application->only = is_first && last;
		is_first = false;
		visit_enter(visitor, profile.deltas->key);
		if (!apply_profile(application, profile))
			wait_for_source(application, profile);
		if (application->kept != NULL)
			visit_pause(visitor);
		else
			visit_leave(visitor);
		if (application->nwaiting == application->at_once || last ||
			deltas_full(stream))
			apply_waiting(application);
		if (application->nwaiting == 0)
			deltas_forget(stream);
	}
}

/* wait_for_source() notes that a profile, which is locked, waits. */
static void
wait_for_source(Application *application, ProfileDeltas profile)
{
	if (application->waiting == NULL)
		application->waiting =
			MemoryContextAlloc(application->visitor.before,
							   sizeof(ProfileDeltas) * application->at_once);
	application->waiting[application->nwaiting++] = profile;
}

/* apply_waiting() reads the sources of the profiles that wait, and goes on. */
static void
apply_waiting(Application *application)
{
	Visitor    *visitor = &application->visitor;
	MemoryContext old = MemoryContextSwitchTo(visitor->before);
	ListCell   *lc;

	foreach(lc, application->rereadings)
	{
		Rereading  *one = lfirst(lc);

		if (one->nkeys > 0)
			one->reading = trait_read(one->program, &(TraitAsked) {
				.keys = one->keys,
				.nkeys = one->nkeys,
				.now = visitor->now,
				.counts = one->counts,
			});
	}
	MemoryContextSwitchTo(old);

	application->may_wait = false;
	application->has_read = true;
	for (int i = 0; i < application->nwaiting; i++)
	{
		visit_enter(visitor, application->waiting[i].deltas->key);
		(void) apply_profile(application, application->waiting[i]);
		visit_leave(visitor);
	}
	adapt_at_once(application);
	application->nwaiting = 0;
	application->has_read = false;

	foreach(lc, application->rereadings)
	{
		Rereading  *one = lfirst(lc);

		if (one->reading != NULL)
			trait_reading_end(one->reading);
		one->reading = NULL;
		one->nkeys = 0;
	}
}

/*
 * adapt_at_once() lets more profiles wait next time, or fewer, by the memory
 * that what was read of them takes.  Reading many at once comes less often to
 * each page of the source.
 */
static void
adapt_at_once(Application *application)
{
	Size		taken = 0;
	ListCell   *lc;

	foreach(lc, application->rereadings)
	{
		const Rereading *one = lfirst(lc);

		if (one->reading != NULL)
			taken += trait_reading_size(one->reading);
	}
	if (taken > statement_memory())
		application->at_once = Max(application->at_once / 2, READ_AT_LEAST);
	if (taken > statement_memory() / 4 ||
		application->nwaiting < application->at_once ||
		application->at_once == READ_AT_MOST)
		return;

	application->at_once *= 2;
	pfree(application->waiting);
	application->waiting = NULL;
	foreach(lc, application->rereadings)
	{
		Rereading  *one = lfirst(lc);

		if (one->keys != NULL)
			pfree(one->keys);
		one->keys = NULL;
	}
}

/* ---- rows that are written after guests have ---- */

/*
 * let_guests_write() lets guests write, and what they have written is counted
 * in.  It goes to the row that is kept, and is shown to guests who want to
 * know of it; or to all rows that were postponed, which are written then.
 */
static void
let_guests_write(Application *application)
{
	MemoryContext old = MemoryContextSwitchTo(application->visitor.before);
	List	   *written = NIL;	/* WholeBatch * */
	ListCell   *lc;

	application->postponed = application->contributions;
	while (application->postpones)
	{
		WholeBatch *whole;
		List	   *more;

		collect_written(application);
		guests_end(application->guests);
		if (postponing.application == NULL)
			break;				/* flow_postpone_no_more() was called */
		whole = take_written();
		more = whole == NULL ? NIL : whole->contributions;
		if (whole != NULL)
			written = lappend(written, whole);
		if (!application->postpones)	/* flow_write_postponed() */
			apply_in_round(more, application->round + 1);
		else if (!edit_kept(application, more))
			write_postponed(application, more);
	}
	foreach(lc, written)
		batch_end(lfirst(lc));
	MemoryContextSwitchTo(old);
}

/* collect_written() lets what guests write wait, to be taken. */
static void
collect_written(Application *application)
{
	batch_await(+1);
	postponing.application = application;
	postponing.subid = GetCurrentSubTransactionId();
}

/*
 * take_written() takes what guests have written; NULL if a statement is not
 * complete.
 */
static WholeBatch *
take_written(void)
{
	WholeBatch *whole = batch_count_out() ? batch_take() : NULL;

	postponing.application = NULL;
	if (whole != NULL)
		batch_settle(whole);
	return whole;
}

void
flow_write_postponed(void)
{
	Application *application = postponing.application;

	flow_postpone_no_more();
	if (application != NULL)
		collect_written(application);
}

void
flow_postpone_no_more(void)
{
	Application *application = postponing.application;
	WholeBatch *whole;
	List	   *contributions;

	if (application == NULL)
		return;
	whole = take_written();
	contributions = whole == NULL ? NIL : whole->contributions;
	if (application->postpones)
		write_postponed(application, contributions);
	else
		apply_in_round(contributions, application->round + 1);
	if (whole != NULL)
		batch_end(whole);
}

void
flow_postpone_no_more_for(Oid relid)
{
	Relation	relation;
	bool		runs_code;

	if (postponing.application == NULL)
		return;
	relation = relation_open(relid, AccessShareLock);
	runs_code = table_runs_code(relation);
	relation_close(relation, AccessShareLock);
	if (runs_code)
		flow_postpone_no_more();
}

void
postponed_end_transaction(void)
{
	postponing.application = NULL;
}

void
postponed_discard(SubTransactionId subid)
{
	if (is_within(postponing.subid, subid))
		postponing.application = NULL;
}

/*
 * edit_kept() edits the row that is kept by what guests have written, and
 * shows it to them.  False if they do not want to know, or if that concerns
 * other profiles, too.
 */
static bool
edit_kept(Application *application, List *contributions)
{
	Visitor    *visitor = &application->visitor;
	MemoryContext old;
	ProfileDeltas profile;

	if (!guests_want(contributions) ||
		of_population(contributions, visitor->population->oid, false) != NIL ||
		!is_of_kept(application, contributions, &profile))
		return false;
	application->guests = guests_begin(contributions, ++application->round);
	application->contributions = contributions;
	application->postponed = list_concat_copy(application->postponed,
											  contributions);
	old = MemoryContextSwitchTo(visitor->memory);
	visit_enter(visitor, visitor->key);
	(void) apply_profile(application, profile);
	visit_pause(visitor);
	MemoryContextSwitchTo(old);
	return true;
}

/*
 * write_postponed() writes rows by all deltas, those of what guests have
 * written included; unless other guests want to know of that: then it is a
 * batch of its own, which comes after it.
 */
static void
write_postponed(Application *application, List *contributions)
{
	Oid			base = application->visitor.population->oid;
	List	   *ours = of_population(contributions, base, true);
	bool		together = !guests_want(ours);

	application->postpones = false;
	application->guests = NULL;
	write_rows(application, together ? ours : NIL);
	if (visit_finish(&application->visitor))
		flow_note_pending();
	apply_in_round(together ? of_population(contributions, base, false) :
				   contributions, application->round + 1);
}

/* write_rows() writes rows by what was postponed, and by more. */
static void
write_rows(Application *application, List *contributions)
{
	Visitor    *visitor = &application->visitor;
	MemoryContext old = MemoryContextSwitchTo(visitor->before);
	bool		alone = contributions == NIL && application->kept != NULL;
	ProfileDeltas profile;

	if (alone || is_of_kept(application, contributions, &profile))
	{
		application->contributions = contributions;
		MemoryContextSwitchTo(visitor->memory);
		visit_enter(visitor, visitor->key);
		if (alone)
			write_kept(application);
		else
			(void) apply_profile(application, profile);
		visit_leave(visitor);
	}
	else
	{
		DeltaStream *stream;

		application->kept = NULL;
		application->changed = false;
		application->contributions = list_concat_copy(application->postponed,
													  contributions);
		/* what was written at once is there by now */
		profile_renew_snapshot(visitor->table);
		stream = deltas_begin(application->contributions);
		MemoryContextSwitchTo(visitor->memory);
		apply_stream(application, stream);
	}
	MemoryContextSwitchTo(old);
}

/*
 * is_of_kept() says whether deltas are of the profile that is kept, and of no
 * other: they are 'profile' then.  Rows that are spilled are read once, so
 * these are not looked at.
 */
static bool
is_of_kept(const Application *application, List *contributions,
		   ProfileDeltas *profile)
{
	const Visitor *visitor = &application->visitor;
	DeltaStream *stream;
	ListCell   *lc;

	if (application->kept == NULL)
		return false;
	foreach(lc, contributions)
		if (((const Contribution *) lfirst(lc))->spilled != NULL)
			return false;
	stream = deltas_begin(contributions);
	return deltas_next(stream, profile) &&
		profile_key_compare(visitor->population, profile->deltas->key,
							visitor->key) == 0 &&
		deltas_ended(stream);
}

/* guests_want() says whether guests want to know of any of it. */
static bool
guests_want(List *contributions)
{
	ListCell   *lc;

	foreach(lc, contributions)
		if (((const Contribution *) lfirst(lc))->interests != NULL)
			return true;
	return false;
}
