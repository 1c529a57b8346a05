/*-------------------------------------------------------------------------
 *
 * build.h
 *	  Stored traits that are filled beside readers and writers.
 *
 *		build.c				the transactions of a build, one after the other
 *		build_fill.c		portions of profiles are written
 *		build_state.c		segment.build: how far is a build?
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_BUILD_H
#define SEGMENT_BUILD_H

#include "storage/lock.h"

#include "profile/profile.h"

/* A build, from its first transaction to its last. */
typedef struct Build
{
	const char *population;		/* its name */
	const char *command;		/* the procedure that was called */
	char	   *request;		/* what it was called for */
	int32		number;			/* of the build in its population; 0: nothing
								 * has to be filled */
	LockRelId	base;			/* locked for the session */
} Build;

/* build_fill.c ------------------------------------------------------------ */

/*
 * build_fill() fills the stored traits that are being built, in transactions
 * that are short but for reading the sources.
 */
extern void build_fill(const Build *build);

/* build_drop_staging() drops what was read from the sources, if it exists. */
extern void build_drop_staging(const Population *population);

/* build_state.c ----------------------------------------------------------- */

/* The phases of a build, as segment.progress shows them. */
#define BUILD_READING		"reading sources"
#define BUILD_WRITING		"writing profiles"
#define BUILD_CHANGED		"writing changed profiles"
#define BUILD_COMPLETING	"completing"
#define BUILD_DONE			"done"
#define BUILD_ABANDONED		"abandoned"

/*
 * build_find() finds the unfinished build of a population, and says whether
 * there is one; *number is that of the last build, 0 before the first.
 */
extern bool build_find(const Population *population, char **request,
					   int32 *number);

/* build_refuse() raises an error if the population has an unfinished build. */
extern void build_refuse(const Population *population);

/* build_note() notes that a build has begun. */
extern void build_note(const Build *build);

/*
 * build_note_phase() notes the phase of a build, and of how many profiles it
 * has to write; build_note_done() how many it has written.
 */
extern void build_note_phase(const Population *population, const char *phase,
							 int64 total);
extern void build_note_done(const Population *population, int64 done);

/*
 * build_commit() commits, so that others see what was done and go on, and
 * begins the next transaction.
 */
extern void build_commit(void);

/* build_forget() forgets the builds of a population that goes. */
extern void build_forget(const Population *population);

#endif							/* SEGMENT_BUILD_H */
