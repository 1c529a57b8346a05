/*-------------------------------------------------------------------------
 *
 * depend.h
 *	  Which sources, traits and audiences depend on which?
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_DEPEND_H
#define SEGMENT_DEPEND_H

#include "nodes/pg_list.h"

#include "profile/profile.h"

typedef enum ThingKind
{
	THING_SOURCE,
	THING_TRAIT,
	THING_AUDIENCE,
} ThingKind;

/*
 * dependent_sources() names (char *) the sources that a thing reads itself, or
 * that another reads which depends on it, directly or through others.
 */
extern List *dependent_sources(const Population *population, ThingKind kind,
							   const char *name);

/*
 * dependent_traits() names (char *) the traits whose definition depends on a
 * trait, and dependent_audiences() the audiences that depend on a thing,
 * directly or through others.
 */
extern List *dependent_traits(const Population *population,
							  const char *trait);
extern List *dependent_audiences(const Population *population, ThingKind kind,
								 const char *name);

/*
 * audience_and_dependents() names (char *) an audience and, behind it, those
 * that depend on it.
 */
extern List *audience_and_dependents(const Population *population,
									 const char *audience);

#endif							/* SEGMENT_DEPEND_H */
