/*-------------------------------------------------------------------------
 *
 * flow.h
 *	  The corridor: the only place that knows the order of steps.
 *
 *		event		statement's rows ─► deltas per profile ─► row locked,
 *					traits applied ─► time passes, if due ─► audiences that
 *					could differ ─► toggles ─► row written		capture.c
 *		definition	text ─► bound ─► columns added ─► filled from the
 *					sources ─► view ─► members decided			define.c, backfill.c
 *		time		wake_at due ─► due instants in order ─► toggles	sweep.c
 *		fold		toggles ─► bitmaps and feed					fold.c
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_FLOW_H
#define SEGMENT_FLOW_H

#include "profile/profile.h"
#include "source/source.h"

/* capture.c ------------------------------------------------------------------ */

extern void flow_init(void);

/*
 * 'tell' is called after the commit of a transaction that left something to be
 * folded, when others see it.  It must not fail.  A false alarm is possible.
 */
typedef void (*FlowPending) (void);

extern void flow_on_pending(FlowPending tell);

/* backfill.c: whole populations, by SQL ------------------------------------- */

/*
 * Count the rows that were there before the source was attached, or undo it.
 * Profiles that are left without a row are still there, until
 * backfill_remove_ended(): decide first which audiences they leave.
 */
extern void backfill_attach(const Source *source);
extern void backfill_detach(const Source *source);
extern void backfill_remove_ended(const Population *population);

/*
 * Compute all stored traits again.  The sources are locked against writers.
 * Profiles without rows stay, as above.
 */
extern void backfill_all(const Population *population);

/* Fill stored traits (names, char *) from their sources. */
extern void backfill_traits(const Population *population, List *stored);

/* depend.c: who depends on whom ---------------------------------------------- */

typedef enum ThingKind
{
	THING_SOURCE,
	THING_TRAIT,
	THING_AUDIENCE,
} ThingKind;

/*
 * Names (char *) of the sources that a thing reads itself, or a thing that
 * depends on it, directly or through others.
 */
extern List *dependent_sources(const Population *population,
							   ThingKind kind, const char *name);

/*
 * Names (char *) of the audiences whose filter depends on a trait or on an
 * audience (that one first), directly or through others; the other is NULL.
 */
extern List *dependent_audiences(const Population *population,
								 const char *trait, const char *audience);

/* Names (char *) of the audiences that depend on a thing in any way. */
extern List *dependents(const Population *population, ThingKind kind,
						const char *name);

/* fold.c: membership and the feed ------------------------------------------- */

/*
 * For whoever ticks, who may be anybody: it is done as the population's owner.
 * The transaction is READ COMMITTED and connected to SPI.  A population that is
 * gone has nothing to do.
 */

/*
 * Sweep profiles that are due, at most 'budget' of them (0: all) and for so long
 * (0: no limit), in the order of their wake_at from *from on; returns how many,
 * and in *from where to go on (DT_NOEND: that was all).  Rows that others have
 * locked are passed over.
 */
extern int64 flow_sweep_population(const char *name, int64 budget,
								   int milliseconds, TimestampTz *from);

/*
 * Fold what is pending, at most 'budget' changes (0: all), and trim the feed.
 * Returns false, and has done nothing, if another session is folding it.
 */
extern bool flow_fold_population(const char *name, int64 budget, int64 *folded);

/* When is somebody due?  DT_NOEND: never, as things are. */
extern TimestampTz flow_next_due(const char *name);

/*
 * Members are locked (audience_lock), and the caller is connected to SPI.
 */

/*
 * Fold whatever is pending, and tell of it in the feed; 'passing' by members
 * that are damaged, which are then to be decided.
 */
extern void fold_all(const Population *population, bool passing);

/*
 * Decide anew who is a member of some audiences (names, char *), or of all
 * (NIL), and tell of the differences in the feed.  Nothing is pending.
 */
extern void members_decide(const Population *population, List *names,
						   const char *cause);

/* An audience is about to go: everybody leaves it. */
extern void members_leave(const Population *population, const char *name);

#endif							/* SEGMENT_FLOW_H */
