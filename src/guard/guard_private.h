/*-------------------------------------------------------------------------
 *
 * guard_private.h
 *	  What the files of this room share with each other only.
 *
 * Each file of the room that has to do with statements has a function for
 * each of the events that concern it, and guard.c calls them in order.  They
 * run as the user of the statement, connected to SPI, and only if there is a
 * population.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_GUARD_PRIVATE_H
#define SEGMENT_GUARD_PRIVATE_H

#include "catalog/objectaddress.h"
#include "nodes/pg_list.h"
#include "nodes/parsenodes.h"

#include "guard/guard.h"

/* An object that the statement has made, altered or dropped. */
typedef struct GuardObject
{
	ObjectAddress address;
	char	   *identity;		/* its name, qualified and quoted; or NULL */
	bool		original;		/* of DROP: one that the statement names */
} GuardObject;

/* A statement that has ended, or is about to rewrite a table. */
typedef struct GuardStatement
{
	Node	   *tree;			/* what was parsed: RenameStmt * ... */
	const char *tag;			/* "ALTER TABLE" */
	List	   *objects;		/* GuardObject *, in the order of the work */
} GuardStatement;

#endif							/* SEGMENT_GUARD_PRIVATE_H */
