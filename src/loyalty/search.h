/*-------------------------------------------------------------------------
 *
 * search.h
 *	  Rows of a table are found by the table API (search.c).
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_LOYALTY_SEARCH_H
#define SEGMENT_LOYALTY_SEARCH_H

#include "access/sdir.h"
#include "executor/tuptable.h"
#include "utils/relcache.h"
#include "utils/snapshot.h"

/* The most columns by which rows are looked for. */
#define MOST_KEYS		2

/*
 * By which columns rows are looked for, which are equal to what is asked; the
 * last one is greater, if 'above' says so.
 */
typedef struct SearchForm
{
	AttrNumber	columns[MOST_KEYS + 1];
	bool		above;
} SearchForm;

typedef struct Search Search;

/*
 * search_snapshot() registers the snapshot by which what was locked is read:
 * the latest one, or the transaction's where that is the same for all
 * statements.
 */
extern Snapshot search_snapshot(void);

/*
 * search_begin() prepares to look for rows of a table by an index, which are
 * open and stay so; NULL: without one.  It lives in the current context.
 *
 * search_for() looks for the rows that have these values.  search_next() is
 * the next of them, all columns deformed, or NULL: in the order of the index,
 * forward or backward.  It is good until the one after it.
 */
extern Search *search_begin(Relation relation, Relation index,
							Snapshot snapshot, const SearchForm *form);
extern void search_for(Search *search, Datum first, Datum second);
extern TupleTableSlot *search_next(Search *search, ScanDirection direction);
extern void search_end(Search *search);

#endif							/* SEGMENT_LOYALTY_SEARCH_H */
