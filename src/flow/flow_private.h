/*-------------------------------------------------------------------------
 *
 * flow_private.h
 *	  Steps that are taken on a whole population, and what lives between steps.
 *
 * See also visit.h (one profile), batch.h (events) and definer.h
 * (definitions).
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_FLOW_PRIVATE_H
#define SEGMENT_FLOW_PRIVATE_H

#include "profile/profile.h"
#include "source/source.h"
#include "trait/trait.h"

/*
 * drop_population.c: population_lock_all() locks all that goes with a base
 * table, if it is one, before that is locked to be dropped.
 */
extern void population_lock_all(Oid base);

/* pending.c --------------------------------------------------------------- */

/*
 * flow_note_pending() says that this transaction leaves toggles to be folded,
 * or a wake_at that is earlier than was known.
 */
extern void flow_note_pending(void);

/*
 * pending_commit() tells the listener, if something was noted, at the commit
 * of the transaction; pending_forget() ends the note with the transaction.
 */
extern void pending_commit(void);
extern void pending_forget(void);

/* capture.c: the batch, at the end of transactions ------------------------ */

/*
 * capture_check_complete() raises an error if AFTER triggers are awaited that
 * never fired: their rows were never counted.
 */
extern void capture_check_complete(void);

/* capture_end() forgets the batch: the transaction ends. */
extern void capture_end(void);

/*
 * capture_merge() gives what a subtransaction contributed to its parent, and
 * capture_discard() drops it.
 */
extern void capture_merge(SubTransactionId subid, SubTransactionId parent);
extern void capture_discard(SubTransactionId subid);

/* capture_await() counts in AFTER triggers that are about to fire. */
extern void capture_await(int count);

/*
 * merged_moves.c: merged_moves_init() installs a hook of the executor.
 * capture_fires() says whether a trigger is one of capture that is enabled for
 * this session.
 */
extern void merged_moves_init(void);
extern bool capture_fires(const Trigger *trigger);

/*
 * owner.c: parts_follow_owner() gives all that is a population's to the owner
 * of its base table.
 */
extern void parts_follow_owner(const Population *population);

/*
 * define_kept.c: drop_kept() tells the listener of flow_on_drop(), and returns
 * the tables (OIDs) that are to be dropped.
 */
extern List *drop_kept(const Population *population);

/* sweep.c: profiles that are due ------------------------------------------ */

/*
 * sweep() sweeps profiles that are due, those first whose wake_at is the
 * earliest from *from on, at most so many and for so long (0: no limit).  It
 * passes over
 * those that another transaction has locked, or waits for them.  Returns how
 * many; *from is where to go on (DT_NOEND: that was all).
 *
 * The transaction is READ COMMITTED.
 */
extern int64 sweep(const Population *population, int64 most, int milliseconds,
				   bool wait, TimestampTz *from);

/*
 * sweep_all() sweeps all that are due, before something is defined.
 * sweep_all_or_warn() sweeps none of them and warns, if one cannot be read
 * (error_is_of_data): the caller is about to compute them anew.
 */
extern void sweep_all(const Population *population);
extern void sweep_all_or_warn(const Population *population);

/*
 * sweep_resume() is where this session's next sweep with a budget continues,
 * to be read and written.  Starting at the earliest wake_at each time would
 * step over every dead index entry that earlier sweeps left.
 */
extern TimestampTz *sweep_resume(const Population *population);

/*
 * sweep_forget_resume() makes the next sweeps start at the earliest wake_at:
 * what was swept may be due again, as a transaction was rolled back.
 */
extern void sweep_forget_resume(void);

/*
 * The most profiles or toggles that are counted as left to do: to count a
 * million takes longer than to work on some of them.
 */
#define MOST_COUNTED	1000

/* count_due() counts the profiles that are due now, from a wake_at on. */
extern int64 count_due(const Population *population, TimestampTz from);

/* emit.c: membership and the feed ----------------------------------------- */

/*
 * The caller has locked the members (audience_lock, or membership_try_lock for
 * a fold), acts as the population's owner and is connected to SPI.
 */

/*
 * fold() folds pending toggles, at most 'budget' of them (0: all), and emits
 * their transitions to the feed.  Returns how many.
 */
extern int64 fold(const Population *population, int64 budget);

/*
 * fold_all() folds all that are pending.  With 'skip_damaged' it leaves out
 * stored members that are damaged, which are then to be decided anew.
 */
extern void fold_all(const Population *population, bool skip_damaged);

/*
 * members_decide() decides anew who is a member of some audiences (names,
 * char *), or of all (NIL), and emits the differences.  Nothing is pending.
 */
extern void members_decide(const Population *population, List *names,
						   const char *cause);

/*
 * members_decide_beside() stores the members of an audience that is being
 * built beside writers.  The members are locked by membership_lock().
 */
extern void members_decide_beside(const Population *population,
								  const char *name);

/*
 * members_become_twin() gives an audience the members of its twin, and emits
 * the differences (audience_become_twin).
 */
extern void members_become_twin(const Population *population,
								const char *name);

/*
 * members_rename() emits that the members of an audience, which is about to
 * get another name, leave it under this name and enter it under that one.
 */
extern void members_rename(const Population *population, const char *name,
						   const char *new_name);

/* members_leave() emits that all members leave a dropped audience. */
extern void members_leave(const Population *population, const char *name);

/* apply_batch.c: rows that are written after guests have ------------------ */

/*
 * postponed_end_transaction() forgets that rows are, and postponed_discard()
 * does so when the subtransaction ends with an error in which they were.
 */
extern void postponed_end_transaction(void);
extern void postponed_discard(SubTransactionId subid);

/* guests.c: guests of the corridor ---------------------------------------- */

/*
 * guests_note_folded() notes that the transaction has appended transitions to
 * the feed, from one number to another, and guests_folded() tells the guests
 * what was noted of a population, if it is still there; it returns whether
 * there was anything.  The caller is connected to SPI.
 */
extern void guests_note_folded(const Population *population, int64 first,
							   int64 last);
extern bool guests_folded(const char *population);

/*
 * guests_end_transaction() forgets what was noted, and guests_discard() what
 * was noted in a subtransaction, and those that it began.
 */
extern void guests_end_transaction(void);
extern void guests_discard(SubTransactionId subid);

/*
 * follow.c: follow_table() lets sources that bear the name of a table follow
 * it, if that is not what they know it as.  take_name() gives a source, with a
 * notice, the name of its table, unless something else is called so.
 */
extern void follow_table(const Population *population, Oid relid);
extern bool take_name(const Source *source, const char *name);

struct Definer;

/* reread.c: what reads rows that are others now.  Names are char *. */
typedef struct Reread
{
	List	   *sources;		/* whose traits are computed again */
	List	   *traits;
	List	   *audiences;
	bool		rows;			/* it may not be the same rows, or keys */
} Reread;

/*
 * reread_check() raises an error that names a reader that would not work any
 * more; 'what' is what cannot be done, as in "alter column x of table y".
 * reread_begun() computes all again, for a definer who has locked columns,
 * members and the view; 'what' may be NULL.
 */
extern void reread_check(const Population *population, const Reread *readers,
						 const char *what);
extern void reread_begun(struct Definer *definer, const Reread *readers,
						 const char *what);

/* backfill.c: whole populations, by SQL ----------------------------------- */

/*
 * backfill_attach() counts the rows that were there before the source was
 * attached, and backfill_detach() takes them back.  Profiles that are left
 * without a row stay until backfill_remove_ended(): decide first which
 * audiences they leave.
 */
extern void backfill_attach(const Source *source);
extern void backfill_detach(const Source *source);
extern void backfill_remove_ended(const Population *population);

/*
 * backfill_check_keys() says how many rows of a source have no key; an error
 * if one has a key that is too long.
 */
extern void backfill_check_keys(const Source *source);

/*
 * backfill_check_sources() raises an error unless every source can be read:
 * before sources are locked, so that a user whose sources are not readable
 * keeps no session waiting.  With 'skip_unfit' unfit sources are passed over.
 */
extern void backfill_check_sources(const Population *population,
								   bool skip_unfit);

/*
 * backfill_warn_broken() warns of the stored traits of a source that cannot be
 * computed.
 */
extern void backfill_warn_broken(const Source *source);

/*
 * backfill_all() computes all stored traits again.  The sources are locked
 * against writers.  A source that is unfit is an error, or with 'skip_unfit'
 * counted as if it had no rows.  Profiles without rows stay, as above.
 */
extern void backfill_all(const Population *population, bool skip_unfit);

/*
 * reconcile.c: reconcile_source() writes the stored traits of a source into
 * the profiles in which they are not what the source says, and makes the
 * profiles that there are not.  reconcile_rows() counts the rows of
 * all sources.  The sources are locked against writers.
 */
extern void reconcile_source(const Source *source);
extern void reconcile_rows(const Population *population);

/*
 * value_as_text() is SQL for the text of a value, and values_differ() is SQL
 * that says whether two values of a column differ.
 */
extern char *value_as_text(Oid type, const char *value);
extern char *values_differ(const TraitColumn *column, const char *a,
						   const char *b);

/* result_number() is a number of the one row just selected; 0 for NULL. */
extern int64 result_number(int column);

/* highest_ord() is the highest ord of a profile; 0 if there is none. */
extern int64 highest_ord(const Population *population);

/* backfill_traits() fills stored traits (names, char *) from their sources. */
extern void backfill_traits(const Population *population, List *stored);

#endif							/* SEGMENT_FLOW_PRIVATE_H */
