/*-------------------------------------------------------------------------
 *
 * readers.h
 *	  What rooms to the right read, for steps that rename or drop it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_READERS_H
#define SEGMENT_READERS_H

#include "flow/flow.h"

/* What may be read; all but one of the first five are NULL. */
typedef struct ReadThing
{
	const char *source;
	const char *trait;
	const char *audience;
	const SourceColumn *column;
	const FlowLoss *unique;		/* that the rows of a table are */
	const char *except;			/* parts of this do not count; may be NULL */
} ReadThing;

/* readers_filters() lists the filters (FilterNode *) of all rooms. */
extern List *readers_filters(const Population *population);

/*
 * readers_names() names (char *) the definitions of rooms that use a thing, as
 * 'rule "orders" of program "club"'.
 */
extern List *readers_names(const Population *population,
						   const ReadThing *thing);

/*
 * readers_lose() tells the rooms that a thing is about to go which their
 * definitions use.  The caller is connected to SPI.
 */
extern void readers_lose(const Population *population,
						 const ReadThing *thing);

/*
 * readers_rewrite() rewrites the definitions of rooms, by a rewriter for
 * definitions over sources and one for filters over profiles.  What they say
 * stays.  The caller is connected to SPI.
 */
extern void readers_rewrite(const Population *population,
							DefinitionRewrite of_definition,
							DefinitionRewrite of_filter, const void *change);

/*
 * readers_check() raises an error if a definition that uses a thing does not
 * bind any more; 'what' is what cannot be done.
 */
extern void readers_check(const Population *population,
						  const ReadThing *thing, const char *what);

#endif							/* SEGMENT_READERS_H */
