/*-------------------------------------------------------------------------
 *
 * source_private.h
 *	  What the files of this room share with each other only.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_SOURCE_PRIVATE_H
#define SEGMENT_SOURCE_PRIVATE_H

#include "source/source.h"

/* eligible.c: may this table be a source of that population? -------------- */

/*
 * eligible_relation() refuses views, partitions, temporary tables and so on.
 */
extern void eligible_relation(Relation relation);

/*
 * eligible_key() and eligible_time() find a column by its name, and refuse one
 * that cannot hold keys of the population, or the times of events.
 */
extern AttrNumber eligible_key(const Population *population, Relation relation,
							   const char *column);
extern AttrNumber eligible_time(Relation relation, const char *column);

/*
 * eligible_indexes() refuses an attribute source (time InvalidAttrNumber) that
 * may hold several rows of one profile, and advises an index for events.
 */
extern void eligible_indexes(Relation relation, AttrNumber key,
							 AttrNumber time);

/* capture_triggers.c: the triggers that report rows ----------------------- */

/*
 * capture_triggers_create() makes the triggers of a source called 'name' on
 * its table, as the current user.  capture_triggers_drop() drops those of a
 * source, and capture_triggers_rename() makes them anew for another name,
 * enabled as they were: both as the table's owner, and only if the table is
 * there.
 */
extern void capture_triggers_create(const Population *population,
									Relation relation, const char *name);
extern void capture_triggers_drop(const Source *source);
extern void capture_triggers_rename(const Source *source,
									const char *new_name);

#endif							/* SEGMENT_SOURCE_PRIVATE_H */
