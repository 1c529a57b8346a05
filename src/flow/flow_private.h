/*-------------------------------------------------------------------------
 *
 * flow_private.h
 *	  What the files of the corridor share with each other only.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_FLOW_PRIVATE_H
#define SEGMENT_FLOW_PRIVATE_H

#include "audience/audience.h"
#include "profile/profile.h"

/* lock.c ----------------------------------------------------------------------- */

/*
 * What a definition reads and changes.  Names are char *.
 */
typedef struct Affected
{
	List	   *detached;		/* sources that are detached */
	Oid			attached;		/* a table that is to be a source */
	List	   *audiences;		/* audiences that are dropped */
	bool		view;			/* the population's view is replaced */
	bool		columns;		/* stored traits come or go */
	bool		members;		/* are decided */
	bool		everything;		/* the population is dropped */
} Affected;

/*
 * Lock all that is affected, once others do not define any more
 * (population_definer()) and before anything is changed.  Returns the
 * population as it is now; what else was read before is to be read again.
 */
extern const Population *lock_affected(const Population *population,
									   const Affected *affected);

/* lost.c ----------------------------------------------------------------------- */

/* Remove what is left of a population whose base table is gone. */
extern void drop_lost_population(const Population *population);

/* capture.c -------------------------------------------------------------------- */

/*
 * As of when what is written to a row is decided, which nothing was that was
 * decided before; noted in the row's values.  Without audiences (NULL) too.
 */
extern TimestampTz instant_of_change(const Population *population,
									 const AudienceWriter *audiences,
									 TimestampTz now, Datum *values);

/*
 * Which profile it is, for whoever reads of an error and may not know of traits and
 * audiences: an error context's callback.
 */
typedef struct Visited
{
	const Population *population;
	Datum		key;
	const AudienceWriter *audiences;	/* NULL if there are none */
} Visited;

extern void name_visited(void *visited);

/* sweep.c ---------------------------------------------------------------------- */

/*
 * Sweep profiles that are due, in the order of their wake_at from *from on: at
 * most so many, and for so long (0: no limit).  Those that another transaction
 * has locked are passed over, or waited for.  Returns how many, and in *from
 * where to go on; DT_NOEND: that was all.
 *
 * The transaction is READ COMMITTED.
 */
extern int64 sweep(const Population *population, int64 most, int milliseconds,
				   bool wait, TimestampTz *from);

/*
 * All that are due, before something is defined.  With 'passing', if there is one
 * that cannot be read (error_is_of_data), none of them, with a warning: for
 * whoever is about to compute them anew.
 */
extern void sweep_all(const Population *population, bool passing);

/*
 * Where the session's sweeps with a budget stand: who begins with the first that is
 * due each time walks through all that was swept since the last vacuum.
 */
extern TimestampTz *sweep_place(const Population *population);
/* A transaction is undone, or a part of it: they stand before the first. */
extern void sweep_aborted(void);

/*
 * What is left to do is counted so far: to count a million takes longer than to do
 * some of it.
 */
#define MOST_COUNTED	1000

/* How many are due now, from then on; counted no further than MOST_COUNTED. */
extern int64 count_due(const Population *population, TimestampTz from);

#endif							/* SEGMENT_FLOW_PRIVATE_H */
