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

/* Something that is defined, and how many steps away it is. */
typedef struct Thing
{
	ThingKind	kind;
	const char *name;
	int			depth;
} Thing;

/*
 * things_add() adds a thing to a list (Thing *), unless it is in it.  The name
 * is not copied.
 */
extern List *things_add(List *things, ThingKind kind, const char *name,
						int depth);

/*
 * things_used() lists the things (Thing *) that some things are made of, and
 * things_using() those that are made of them, directly or through others, in
 * the order of depth.
 */
extern List *things_used(const Population *population, List *start);
extern List *things_using(const Population *population, List *start);

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
