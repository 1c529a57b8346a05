/*-------------------------------------------------------------------------
 *
 * worker.h
 *	  Background workers that sweep what is due and fold what is pending,
 *	  without being asked.
 *
 * Nothing here is called by others: the work itself is flow_sweep_population()
 * and flow_fold_population(), which a session can call too, as segment.tick().
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_WORKER_H
#define SEGMENT_WORKER_H

/*
 * worker_init() sets all of it up, if the library is being preloaded by the
 * server.
 */
extern void worker_init(void);

#endif							/* SEGMENT_WORKER_H */
