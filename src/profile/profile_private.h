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
#include "storage/bufmgr.h"
#include "storage/itemptr.h"

#include "profile/profile.h"

/* store.c: where does a population keep its profiles? --------------------- */

typedef struct ProfileStore
{
	Oid			base;			/* segment_data.<name> */
	Oid			key_index;
	Oid			wake_index;
	Oid			ord_index;		/* or none, if the owner has dropped it */
	AttrNumber	ord;
	AttrNumber	key;
	AttrNumber	source_rows;
	AttrNumber	evaluated_at;
	AttrNumber	wake_at;
	AttrNumber	build;			/* PROFILE_BUILD_COLUMN, if there is one */
	bool		owners_code;	/* writing a row of the base table runs code
								 * of its owner's: triggers, checks, defaults,
								 * expressions of indexes */
} ProfileStore;

/* The store of a population: the only one, today. */
static inline const ProfileStore *
population_store(const Population *population)
{
	return population->store;
}

/*
 * Fill in the store from the base table.  An error if a column or an index
 * that a population needs is missing.
 */
extern void store_read(Relation base, const Population *population,
					   ProfileStore *store);

/* population.c: the population of that OID, or NULL. */
extern const Population *population_lookup(Oid oid);

/*
 * population.c: fill a population in from the catalog's row for its OID.  Its
 * base table is not looked at.  Returns false if there is no such row.
 */
extern bool population_read_definition(Population *population);

/*
 * key.c: the type of the keys of a population that is asked for keys of some
 * type, with a notice if SQL does not join the two.  key_check_type() raises
 * ERRCODE_DATATYPE_MISMATCH if keys cannot be of a type, as that does.
 */
extern Oid	key_type_for(Oid type);
extern void key_check_type(Oid type);

/* columns.c: is the name kept for columns of ours, so that no key has it? */
extern bool column_is_reserved(const char *name);

/* base_shape.c: raise the error of a column that no new profile can have. */
pg_noreturn extern void base_refuse_required(Relation base, AttrNumber attno);

/*
 * row_triggers.c: let the triggers of a base table that is about to be written
 * fire at the end of the statement, also those that are declared deferred.  At
 * the end of the transaction they could not run as the owner any more, so the
 * server refuses to defer them.
 */
extern void triggers_at_once(ResultRelInfo *result);

/*
 * profile_scan.c: the next profile of a scan of those that are due, whether
 * its row is still there or not; false if there are no more.
 */
extern bool profile_due_next_tid(DueScan *scan, ItemPointer tid,
								 TimestampTz *wake_at);

/* pages_ahead.c: rows that are read page by page -------------------------- */

/*
 * Sort rows by page; those of one page stay in their order.  'spare' has room
 * for as many, and the two may have changed places afterwards.
 */
extern void sort_by_page(ItemPointerData **rows, ItemPointerData **spare,
						 int64 count);

/* The rows of a page that is read soon. */
typedef struct PageAhead
{
	Buffer		buffer;			/* pinned, or invalid */
	int64		from;
	int64		end;
} PageAhead;

/* The page that is read, and those that come after it. */
#define PAGES_AHEAD		3

/* Zeroed, it is about no rows. */
typedef struct PagesAhead
{
	Relation	relation;
	Snapshot	snapshot;
	const ItemPointerData *rows;	/* in the order of pages */
	int64		count;
	PageAhead	pages[PAGES_AHEAD];
	HeapTupleData *found;		/* the rows of the first */
	int			nfound;
	int			next;
} PagesAhead;

/*
 * Begin with rows of a heap, which stay where they are until the last is read:
 * places at which rows may begin that have been written since.
 */
extern void pages_ahead_begin(PagesAhead *ahead, Relation relation,
							  Snapshot snapshot, const ItemPointerData *rows,
							  int64 count);

/*
 * Read the next row that the snapshot shows, into a slot of the table's; false
 * if there are no more.
 */
extern bool pages_ahead_next(PagesAhead *ahead, TupleTableSlot *row);

/* Let go of the pages; it may not be begun again. */
extern void pages_ahead_end(PagesAhead *ahead);

#endif							/* SEGMENT_PROFILE_PRIVATE_H */
