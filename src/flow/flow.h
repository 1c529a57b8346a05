/*-------------------------------------------------------------------------
 *
 * flow.h
 *	  The corridor: the only place that knows the order of steps.
 *
 *		event		capture.c		statement's rows ─► deltas per profile
 *					apply_batch.c	row locked, traits applied, time passes if
 *									it is due ─► audiences that could differ
 *									─► toggles ─► row written
 *		time		sweep.c			wake_at due ─► due instants in order ─►
 *									toggles
 *		fold		emit.c			toggles ─► bitmaps and feed
 *		definition	define_*.c		text ─► bound ─► columns added ─► filled
 *									from the sources (backfill.c) ─► view ─►
 *									members decided
 *
 * A session walks it by SQL; here is what the worker calls.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_FLOW_H
#define SEGMENT_FLOW_H

#include "utils/timestamp.h"

/* flow.c: what a session remembers ---------------------------------------- */

/* flow_init() registers what is called at the end of a transaction. */
extern void flow_init(void);

/*
 * Called after the commit of a transaction that left something to be folded or
 * swept, when others see it.  It must not fail.  A false alarm is possible.
 */
typedef void (*FlowListener) (void);

/* flow_on_pending() names the one listener, when the library is loaded. */
extern void flow_on_pending(FlowListener tell);

/* tick.c: what is due and pending ----------------------------------------- */

/*
 * Any role may tick: the work is done as the population's owner.  The
 * transaction is READ COMMITTED and connected to SPI.  A population that is
 * gone has nothing to do.
 */

/*
 * flow_sweep_population() sweeps profiles that are due, at most 'budget' of
 * them (0: all) and for so long (0: no limit), those first whose wake_at is
 * the earliest from *from on.  Returns how many; *from is where to go on
 * (DT_NOEND: that was all).  Rows that others have locked are passed over.
 */
extern int64 flow_sweep_population(const char *name, int64 budget,
								   int milliseconds, TimestampTz *from);

/*
 * flow_fold_population() folds pending toggles, at most 'budget' of them (0:
 * all), and trims the feed of as many transitions at most.  Returns false, and
 * has done nothing, if another session is folding the population.
 */
extern bool flow_fold_population(const char *name, int64 budget,
								 int64 *folded, int64 *trimmed);

/*
 * flow_next_due() is the earliest wake_at of the population's profiles,
 * DT_NOEND if there is none.
 */
extern TimestampTz flow_next_due(const char *name);

#endif							/* SEGMENT_FLOW_H */
