/*-------------------------------------------------------------------------
 *
 * columns.h
 *	  Shared by the files that add and drop columns of the base table.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_PROFILE_COLUMNS_H
#define SEGMENT_PROFILE_COLUMNS_H

#include "profile/profile_private.h"

/*
 * From this many column numbers on, dropped columns are emptied at once, so
 * that there are free columns when the last number is used.
 */
#define NUMBERS_RUN_SHORT	(MaxHeapAttributeNumber - 200)

/* columns_read.c: which columns are there, and what is in them? ----------- */

typedef enum ColumnState
{
	COLUMN_USED,
	COLUMN_DROPPED,				/* old values may be in it */
	COLUMN_FREE,				/* it is NULL in all rows */
} ColumnState;

typedef struct Column
{
	AttrNumber	attno;
	char	   *name;
	ColumnState state;
	int			number;			/* in the name of one that is not used */
	Oid			type;
	Oid			collation;
	bool		has_default;
	bool		dirty;			/* values may be in it */
	bool		young;			/* added by this transaction */
} Column;

/*
 * The columns of the base table (Column *), as they are now.  The base table
 * is locked for its columns to change.
 */
extern List *columns_read(const Population *population);

/* How many of the columns are in that state? */
extern int	columns_count(List *columns, ColumnState state);

/* How many column numbers has the base table used, for dropped ones too? */
extern int	columns_numbers(const Population *population);

/* Does the column belong to the thing of that name: s7 or s7_at, to s7? */
extern bool column_is_of(const Column *column, const char *name);

/*
 * The state of a column, by its name; sets the number in the name of a column
 * that is not used.
 */
extern ColumnState column_name_state(const char *name, int *number);

/* A name that no column has yet, for a column that gets into that state. */
extern char *column_name_for(const Population *population, ColumnState state,
							 int number);

/* Is what the column held before older than every snapshot? */
extern bool column_is_settled(const Population *population, AttrNumber attno);

/* columns_young.c: which columns has this transaction added? -------------- */

/*
 * Note that the current subtransaction has added a column; and ask whether
 * this transaction has added one, and not rolled that back.
 */
extern void column_note_young(const Population *population, AttrNumber attno);
extern bool column_is_young(const Population *population, AttrNumber attno);

/* columns_alter.c: alter columns ------------------------------------------ */

/* The type of a column as SQL, with COLLATE where the collation is another. */
extern char *column_type_sql(Oid type, Oid collation);

/* ALTER TABLE the base table; names in the format's arguments are quoted. */
extern void columns_alter(const Population *population, const char *format,...)
	pg_attribute_printf(2, 3);

/* columns_drop.c: drop columns, or keep them for other traits ------------- */

/*
 * Set the columns of dropped traits to NULL, so that they become free.  Each
 * row that has values is written once, for all these columns.
 */
extern void columns_empty_dropped(const Population *population);

/* columns_fit.c: does a row still fit into a page? ------------------------ */

/*
 * Raise an error if a row with the columns of these things might not fit into
 * a page.  Dropped columns are emptied if that helps.
 */
extern void columns_check_fit(const Population *population, List *columns,
							  ProfileThing *things, int count);

/* columns_plan.c: where do new values go? --------------------------------- */

/* Where a wanted column is put. */
typedef struct ColumnPlan
{
	const ProfileColumn *wanted;
	char	   *name;
	Column	   *column;			/* is used again; NULL: it is a new one */
} ColumnPlan;

/*
 * A plan (ColumnPlan *) for each column of each thing, in that order; names
 * the things.  Where no number is left, free columns get other types here.
 */
extern List *columns_plan(const Population *population, List *columns,
						  ProfileThing *things, int count);

#endif							/* SEGMENT_PROFILE_COLUMNS_H */
