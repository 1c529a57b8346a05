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
 * eligible_indexes() refuses an attribute source that may hold several rows of
 * one profile, and advises an index for events.
 */
extern void eligible_indexes(const Source *source, Relation relation);

/* capture_triggers.c: the triggers that report rows ----------------------- */

/*
 * capture_triggers_create() makes the triggers of a population on a table, as
 * the current user, if they are not there, while nobody has the table open;
 * with 'replicated', those that see
 * rows that arrive by logical replication.  capture_triggers_drop() drops them
 * as the table's owner, if the table is there.
 */
extern void capture_triggers_create(const Population *population,
									Oid relid, bool replicated);
extern void capture_triggers_drop(const Population *population, Oid relid);

#endif							/* SEGMENT_SOURCE_PRIVATE_H */
