/*-------------------------------------------------------------------------
 *
 * profile_private.h
 *	  What the files of this room share with each other only.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_PROFILE_PRIVATE_H
#define SEGMENT_PROFILE_PRIVATE_H

#include "nodes/execnodes.h"

#include "profile/profile.h"

/* population.c: by base table; NULL if the relation is none. */
extern const Population *population_lookup(Oid base);

/* key.c: can keys be of this type? */
extern bool key_type_is_supported(Oid type);

/* define.c: may only a column of ours be called so, and never a key? */
extern bool column_is_reserved(const char *name);

/* columns.c: is it one that a stored trait has left behind? */
extern bool column_name_is_unused(const char *name);

/*
 * row.c: the triggers of a base table that is about to be written fire at the
 * end of the statement, also those that are declared deferred.  At the end of
 * the transaction they could not run as the owner any more, so the server
 * refuses to defer them.
 */
extern void triggers_at_once(ResultRelInfo *result);

#endif							/* SEGMENT_PROFILE_PRIVATE_H */
