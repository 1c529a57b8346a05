/*-------------------------------------------------------------------------
 *
 * readings.h
 *	  What the sources say of all profiles.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_READINGS_H
#define SEGMENT_READINGS_H

#include "lib/stringinfo.h"

#include "profile/profile.h"
#include "trait/trait.h"

/* The SQL of a source that is read. */
typedef struct Reading
{
	char	   *source;			/* its name */
	char	   *query;
	List	   *columns;		/* TraitColumn * */
} Reading;

/*
 * readings_of() lists what has to be read (Reading *), from which sources, to
 * fill stored traits (names, char *).
 */
extern List *readings_of(const Population *population, List *stored);

/*
 * readings_join() appends FROM of the base table, as "profile", with each
 * reading, as "q0", "q1" ...; reading_value() is SQL of what the reading of
 * that number says of a profile.
 */
extern void readings_join(const Population *population, List *readings,
						  StringInfo from);
extern char *reading_value(const TraitColumn *column, int number);

/*
 * readings_concern_most() says whether the sources may have rows of half of
 * the profiles, as far as the planner knows.
 */
extern bool readings_concern_most(const Population *population,
								  List *readings);

#endif							/* SEGMENT_READINGS_H */
