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
#include "nodes/nodes.h"

#include "profile/profile.h"
#include "source/source.h"
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
 * reading_with_rows() is the reading of one source that fills stored traits
 * (names, char *), and counts the rows of each key as "source_rows".
 */
extern Reading *reading_with_rows(const Source *source, List *stored);

/*
 * readings_join() appends FROM of the base table, as "profile", with each
 * reading, as "q0", "q1" ...; by JOIN_LEFT, or by JOIN_FULL if keys that have
 * no profile are to be there, too.  reading_value() is SQL of what the reading
 * of that number says of a profile.
 */
extern void readings_join(const Population *population, JoinType type,
						  List *readings, StringInfo from);
extern char *reading_value(const TraitColumn *column, int number);

/*
 * readings_key() is SQL of the key of a row of JOIN_FULL, and readings_rows()
 * of how many rows all readings with rows say that it has.
 */
extern char *readings_key(const Population *population, int nreadings);
extern char *readings_rows(int nreadings);

/*
 * readings_concern_most() says whether the sources may have rows of half of
 * the profiles, as far as the planner knows.  tables_concern_most() says so of
 * tables (List of Oid).
 */
extern bool readings_concern_most(const Population *population,
								  List *readings);
extern bool tables_concern_most(const Population *population, List *tables);

#endif							/* SEGMENT_READINGS_H */
