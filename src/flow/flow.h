/*-------------------------------------------------------------------------
 *
 * flow.h
 *	  The corridor: the only place that knows the order of steps.
 *
 *		event		statement's rows ─► deltas per profile ─► row locked,
 *					traits applied ─► row written				capture.c
 *		definition	text ─► bound ─► columns added ─► filled from the
 *					sources ─► view							define.c, backfill.c
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_FLOW_H
#define SEGMENT_FLOW_H

#include "profile/profile.h"
#include "source/source.h"

/* capture.c */
extern void flow_init(void);

/* backfill.c: whole populations, by SQL ------------------------------------- */

/* Count the rows that were there before the source was attached, or undo it. */
extern void backfill_attach(const Source *source);
extern void backfill_detach(const Source *source);

/*
 * Compute everything stored again.  The sources are locked against writers.
 */
extern void backfill_all(const Population *population);

/* Fill stored traits (names, char *) from their sources. */
extern void backfill_traits(const Population *population, List *stored);

#endif							/* SEGMENT_FLOW_H */
