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
	List	   *names;			/* of DROP: schema, name, part (char *) */
	bool		original;		/* of DROP: one that the statement names */
} GuardObject;

/* A statement that begins, has ended, or is about to rewrite a table. */
typedef struct GuardStatement
{
	Node	   *tree;			/* what was parsed: RenameStmt * ... */
	const char *tag;			/* "ALTER TABLE" */
	List	   *objects;		/* GuardObject *, in the order of the work */
} GuardStatement;

/* partitions.c: tables that join the tree of a source, or leave it -------- */

/*
 * partitions_begin() is called when a statement that may drop tables begins,
 * partitions_dropping() before it drops one, or another relation,
 * partitions_dropped() when it has dropped anything, partitions_forget() when
 * its transaction ends, and partitions_commanded() when one that makes or
 * alters tables has ended.
 */
extern void partitions_begin(const GuardStatement *statement);
extern void partitions_dropping(Oid relid);
extern void partitions_dropped(void);
extern void partitions_forget(void);
extern void partitions_commanded(const GuardStatement *statement);

/* renames.c --------------------------------------------------------------- */

/* renames_follow() lets definitions follow what the statement has renamed. */
extern void renames_follow(const GuardStatement *statement);

/* has_columns_of() says whether a table's columns are those of another. */
extern bool has_columns_of(Oid relid, Oid parent, List *heirs);

/* drops.c ----------------------------------------------------------------- */

/*
 * drops_check() refuses that the statement has dropped what definitions read,
 * or drops these, too; triggers_check_dropped() warns if capture triggers are
 * gone.
 */
extern void drops_check(const GuardStatement *statement);
extern void triggers_check_dropped(const GuardStatement *statement);

/*
 * drop_cascades() says whether the statement was to drop what depends on what
 * it drops; of a column, if it drops columns by their names.
 */
extern bool drop_cascades(const GuardStatement *statement, const char *column);

/*
 * had_triggers() says whether triggers of ours went with a table.
 */
extern bool had_triggers(const GuardStatement *statement,
						 const GuardObject *table);

/* kept.c: tables that a room to the right keeps --------------------------- */

/*
 * kept_begin() refuses, when a statement begins, that it will alter a column
 * or drop an index of a base table that a population needs.
 * kept_check_dropped() refuses that the statement has dropped a table that is
 * kept, and kept_check_altered() that it has made another one of it.
 */
extern void kept_begin(const GuardStatement *statement);
extern void kept_check_dropped(const GuardStatement *statement);
extern void kept_check_altered(const GuardStatement *statement);

/* uniques.c: unique indexes that a statement drops ------------------------ */

/*
 * uniques_begin() is called when a statement that may drop indexes begins, and
 * refuses what could not be refused later; uniques_dropping() before it drops
 * one, or another relation.  uniques_check() is called when it has dropped
 * anything: it refuses that sources lack a unique index that they had, or
 * drops these sources.  uniques_forget() is called when the transaction ends.
 */
extern void uniques_begin(const GuardStatement *statement);
extern void uniques_dropping(Oid relid);
extern void uniques_check(const GuardStatement *statement);
extern void uniques_forget(void);

/* alters.c ---------------------------------------------------------------- */

/*
 * alters_init() lets it be forgotten which tables were rewritten, which
 * alters_note_rewrite() notes.
 */
extern void alters_init(void);
extern void alters_note_rewrite(Oid relid);

/* is_of_values() says whether a part of ALTER TABLE may change values. */
extern bool is_of_values(const AlterTableCmd *command);

/* alters_check() looks at what ALTER TABLE does to rows that are read. */
extern void alters_check(const GuardStatement *statement);

/* ahead.c ----------------------------------------------------------------- */

/*
 * ahead_begin() waits for those who define what the statement, which has
 * locked nothing yet, will change, and keeps others from it.
 */
extern void ahead_begin(const GuardStatement *statement);

#endif							/* SEGMENT_GUARD_PRIVATE_H */
