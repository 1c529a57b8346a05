/*-------------------------------------------------------------------------
 *
 * table.h
 *	  What an open base table consists of: table.c, find.c, row.c, lock_due.c
 *	  and row_triggers.c.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_PROFILE_TABLE_H
#define SEGMENT_PROFILE_TABLE_H

#include "access/skey.h"
#include "nodes/execnodes.h"

#include "base/base.h"
#include "profile/profile_private.h"

/* Profiles that are due, found and not yet locked: lock_due.c. */
typedef struct DuePortion DuePortion;

/* A default that is another value in each row. */
typedef struct EachDefault
{
	AttrNumber	attno;
	ExprState  *value;
} EachDefault;

struct ProfileTable
{
	const Population *population;
	const ProfileStore *store;
	Actor		before;			/* who opened it */
	MemoryContext context;		/* holds it all, scan and snapshot included */
	Relation	relation;
	Relation	index;			/* on the key */
	Snapshot	snapshot;		/* registered, what is looked up by */
	IndexScanDesc scan;			/* of a key by itself */
	ScanKeyData key;
	IndexScanDesc onward;		/* from a key on; NULL: does not read on */
	Datum		from;			/* that key, a copy */
	bool		at_entry;		/* it has come to an entry not asked for yet */
	int			singly;			/* keys to be found without it */
	EState	   *estate;
	ResultRelInfo *result;
	EPQState   *recheck;		/* for triggers; NULL without triggers */
	TupleTableSlot *found;		/* the row that was locked last */
	bool		left;			/* 'found' is locked, and not asked for yet */
	TupleTableSlot *edited;		/* the row to write */
	Datum	   *intended;		/* what 'edited' was before BEFORE triggers;
								 * NULL until there is one */
	bool	   *intended_isnull;
	int			nunused;		/* columns that are written as NULL */
	int		   *unused;
	Oid			ord_sequence;	/* set with 'initial' */
	Datum	   *initial;		/* values of an empty profile; NULL until they
								 * are first needed */
	bool	   *initial_isnull;
	List	   *each;			/* EachDefault *, set with 'initial' */
	TupleTableSlot *blank;		/* NULL until it is first needed */
	DuePortion *due;			/* NULL until it is first needed */
};

/* Take a new snapshot for look-ups, after a row was changed. */
extern void table_new_snapshot(ProfileTable *table);

/*
 * find.c: find_row() finds the row of a key by the table's snapshot, in
 * 'found'; false if there is none.  find_begin() prepares for it, and
 * find_end() ends it, before the snapshot goes.  All in the table's context.
 */
extern void find_begin(ProfileTable *table);
extern bool find_row(ProfileTable *table, Datum key);
extern void find_end(ProfileTable *table);

/*
 * find.c: find_latest() says whether a key has a row that is committed by now,
 * or our own, whatever the table's snapshot shows.
 */
extern bool find_latest(const ProfileTable *table, Datum key);

/* The values of a profile of which nothing is known; owned by the table. */
extern void table_initial_values(ProfileTable *table, Datum **values,
								 bool **isnull);

/*
 * due_portion_end() ends the portion of a table, and keeps what is left of it
 * for the session's next one.
 */
extern void due_portion_end(ProfileTable *table);

/*
 * BEFORE triggers may read a row, but not change our columns in it.
 *
 * triggers_note_row() notes what 'edited' is to be written as, if there are
 * BEFORE triggers for the event (TRIGGER_TYPE_UPDATE or _INSERT).
 * triggers_check_row(), after they have fired, raises an error if they changed
 * a column of ours.  triggers_refused() raises the error of a row that they
 * did not let be written.
 */
extern void triggers_note_row(ProfileTable *table, int16 event);
extern void triggers_check_row(ProfileTable *table, int16 event);
pg_noreturn extern void triggers_refused(ProfileTable *table, int16 event);

/* table.c: raise the error of a row that was changed since our snapshot. */
pg_noreturn extern void could_not_serialize(void);

#endif							/* SEGMENT_PROFILE_TABLE_H */
