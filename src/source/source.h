/*-------------------------------------------------------------------------
 *
 * source.h
 *	  The user's own tables that feed a population.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_SOURCE_H
#define SEGMENT_SOURCE_H

#include "access/attnum.h"
#include "nodes/pg_list.h"
#include "utils/relcache.h"
#include "utils/reltrigger.h"

#include "profile/profile.h"

/*
 * A table attached to a population.  Events have a time, attributes none.
 * Owned by the cache and good until the end of the transaction.
 */
typedef struct Source
{
	char	   *name;
	const Population *population;
	Oid			relid;
	AttrNumber	key_attno;
	Oid			key_type;		/* of the column; see profile_key_of() */
	AttrNumber	at_attno;		/* InvalidAttrNumber: an attribute source */
	Oid			at_type;		/* date, timestamp or timestamptz */
	char	   *missing;		/* NULL, or what is gone, or of no use any more:
								 * 'column "ordered_at"' */
	Oid			unfit_type;		/* what that column's type is now; InvalidOid: it
								 * is gone */
} Source;

/* The table and its columns are there, or an error that says what is not. */
extern void source_check(const Source *source);
/* The same in words, 'column "at" of source "orders" ...'; NULL: all are there. */
extern char *source_trouble(const Source *source);

/* Can a column of that type hold times of events? */
extern bool source_time_fits(Oid type);

/*
 * The same, and the population's owner may read the table: to be asked before
 * it is locked to be read.
 */
extern void source_check_readable(const Source *source);

/* A capture trigger's source: named by the trigger's arguments. */
extern const Source *source_of_trigger(const Trigger *trigger, Oid relid);

/*
 * Copies of the triggers (Trigger *) of a table that capture for that source,
 * whatever they are called by now.
 */
extern List *source_triggers(Relation relation, const char *population,
							 const char *source);

/* NULL if the population has no source of that name. */
extern const Source *source_by_name(const Population *population,
									const char *name);
/* names (char *) of the population's sources, in order */
extern List *source_names(const Population *population);

/*
 * The key of a row, as the population's key type; false if it is NULL: such a
 * row belongs to nobody and is ignored.
 */
extern bool source_key(const Source *source, TupleTableSlot *row, Datum *key);

/*
 * The most bytes that a key of type text may have: it must fit into an index,
 * whether it can be compressed or not.  ERRCODE_PROGRAM_LIMIT_EXCEEDED if a key
 * of the source has more; source_key() checks that itself.
 */
#define SOURCE_KEY_LENGTH	2600

extern void source_check_key_length(const Source *source, int64 length);

/*
 * The column names of a source, and its table, quoted for SQL; after
 * source_check().
 */
extern char *source_key_column(const Source *source);
extern char *source_table_name(const Source *source);

/*
 * Attach a table: checks, the catalog row, the triggers.
 *
 * The caller is the population's definer, and acts as the user, who has passed
 * source_check_rights().  Takes SHARE ROW EXCLUSIVE on the table, so that no
 * writer is on its way when this returns; rows that are there already are the
 * caller's business.
 * 'key' may be NULL for the population's own name; 'name' for the table's.
 */
extern const Source *source_attach(const Population *population, Oid relid,
								   const char *key, const char *at,
								   const char *name);

/* ERRCODE_DUPLICATE_OBJECT if there is one of that name. */
extern void source_check_name(const Population *population, const char *name);

/*
 * Give a source another name: its row, and its triggers, which are enabled as they
 * were.  The table, if it is there, is locked against writers.
 */
extern void source_rename(const Source *source, const char *new_name);

/*
 * May the user attach the table, and the population's owner read it?  Else an
 * error.  To be asked before the table is locked.
 */
extern void source_check_rights(const Population *population, Oid relid);

/*
 * Remove triggers, if the table is still there, and catalog row.  Nothing
 * depends on it any more.
 */
extern void source_detach(const Source *source);

extern void source_init(void);

#endif							/* SEGMENT_SOURCE_H */
