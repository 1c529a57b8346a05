/*-------------------------------------------------------------------------
 *
 * flow_private.h
 *	  What the files of the corridor share with each other only.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_FLOW_PRIVATE_H
#define SEGMENT_FLOW_PRIVATE_H

#include "fmgr.h"

#include "audience/audience.h"
#include "base/compat.h"
#include "profile/profile.h"

/* lock.c ----------------------------------------------------------------------- */

/*
 * What a definition reads and changes.  Names are char *.
 */
typedef struct Affected
{
	List	   *triggers;		/* sources whose triggers are dropped */
	Oid			attached;		/* a table that is to be a source */
	List	   *audiences;		/* audiences that are dropped or renamed */
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
 * decided before; noted in the edited row.  Without audiences (NULL) too.
 */
extern TimestampTz instant_of_change(const Population *population,
									 const AudienceWriter *audiences,
									 TimestampTz now, TupleTableSlot *row);

/*
 * Which profile it is, for whoever reads of an error and may not know of traits and
 * audiences: an error context's callback, which looks nothing up.
 */
typedef struct Visited
{
	const Population *population;
	Datum		key;
	const AudienceWriter *audiences;	/* NULL if there are none */
} Visited;

extern void begin_visits(Visited *visited, const Population *population,
						 const AudienceWriter *audiences);
extern void name_visited(void *visited);

/* define.c --------------------------------------------------------------------- */

/* Arguments of functions that define. */
extern const Population *population_argument(FunctionCallInfo fcinfo, int argument);
extern char *name_argument(FunctionCallInfo fcinfo, int argument, const char *what);

/* The population as the changes made so far left it. */
extern const Population *again(const Population *population);

/*
 * Nobody else changes members from here on, and what was due or pending is told.
 * Audiences that do not bind are not kept any more, which needs no warning of those
 * that are about to be mended or dropped (names, char *).
 */
extern const Population *hold_members(const Population *population,
									  List *mended);

/*
 * The population of an audience that a user names, ready to be defined by the
 * function that was called.
 */
extern const Population *audience_named(FunctionCallInfo fcinfo,
										const char *function,
										const char *name, int argument);

pg_noreturn extern void unknown_trait(const Population *population,
									  const char *name);
pg_noreturn extern void unknown_source(const Population *population,
									   const char *name);

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
