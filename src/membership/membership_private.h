/*-------------------------------------------------------------------------
 *
 * membership_private.h
 *	  The tables of members, private to the room of membership.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_MEMBERSHIP_PRIVATE_H
#define SEGMENT_MEMBERSHIP_PRIVATE_H

#include "access/genam.h"
#include "catalog/indexing.h"
#include "utils/tuplesort.h"

#include "membership/members.h"

/* Columns of the chunk table. */
enum
{
	CHUNK_DEFINITION = 1,
	CHUNK_NUMBER,
	CHUNK_SIZE,
	CHUNK_MEMBERS,
	CHUNK_COLUMNS = CHUNK_MEMBERS
};

/*
 * Numbers of chunks without members.  CHUNK_MARKER: the members of the
 * definition are stored.  CHUNK_SUSPENDED: the stored members are those that
 * were last emitted, and are not kept up to date.
 */
#define CHUNK_MARKER	MEMBERS_STORED
#define CHUNK_SUSPENDED	(-2)

/* Columns of the toggle table. */
enum
{
	TOGGLE_ORD = 1,
	TOGGLE_AT,
	TOGGLE_TRANSACTION,			/* see transaction_number() in toggles.c */
	TOGGLE_BY_TIME,
	TOGGLE_LIST,				/* see packed_toggles.c */
	TOGGLE_KEY,
	TOGGLE_COLUMNS = TOGGLE_KEY
};

/* tables.c --------------------------------------------------------------- */

/* Open one of the tables; an error if its owner has changed its shape. */
extern Relation chunks_open(const Population *population, LOCKMODE lock);
extern Relation toggles_open(const Population *population, LOCKMODE lock);
/*
 * Open both for reading.  Returns false if they do not exist, or not in the
 * shape that they were made in.
 */
extern bool membership_try_open(const Population *population,
								Relation *chunks, Relation *toggles);

/* chunks.c --------------------------------------------------------------- */

/* Scan the chunks of a definition, markers included. */
extern SysScanDesc chunks_scan(Relation relation, int32 definition_id,
							   Snapshot snapshot);
/*
 * The members of a definition, without toggles and without damaged chunks;
 * NULL if the snapshot does not show that they are stored.
 */
extern MemberSet *chunks_try_read(Relation relation, int32 definition_id,
								  Snapshot snapshot);
/* Add the members in a row of the chunk table to a set. */
extern void chunk_read(Relation relation, HeapTuple row, MemberSet *set);

/* The chunk table, open for a fold. */
typedef struct ChunkWriter
{
	Relation	relation;
	CatalogIndexState indexes;
	Snapshot	snapshot;
	bool		skip_damaged;	/* see MembershipFold */
} ChunkWriter;

/* Open the chunk table for a fold, under the latest snapshot, and close it. */
extern void chunk_writer_open(ChunkWriter *writer,
							  const Population *population);
extern void chunk_writer_close(ChunkWriter *writer);

/*
 * Flip the ords at these offsets of a stored chunk.  One that is damaged is
 * an error, or stays as it is.
 */
extern void chunk_flip(ChunkWriter *writer, int32 definition_id, int64 number,
					   const uint32 *offsets, int count);
/*
 * Is an ord among the stored members of a definition, without toggles?  False
 * if the chunk is damaged and the fold skips it.
 */
extern bool chunk_contains(const MembershipFold *fold, int32 definition_id,
						   int64 ord, bool *member);

/* chunk_flips.c ---------------------------------------------------------- */

/* Flips that a fold collects before it writes them. */
typedef struct ChunkFlips ChunkFlips;

/* Begin, in the current context; write what is collected, and end. */
extern ChunkFlips *chunk_flips_begin(const MembershipFold *fold);
extern void chunk_flips_end(ChunkFlips *flips);
/* Add a flip. */
extern void chunk_flips_add(ChunkFlips *flips, int32 definition_id,
							int64 ord);
/*
 * Go on to the next customer: what is collected is written if it takes more
 * than half of work_mem.
 */
extern void chunk_flips_next_customer(ChunkFlips *flips);
/*
 * Is a customer's profile a member, after those of its flips that have been
 * added?  Returns false if the chunk is damaged, and is skipped.
 */
extern bool chunk_flips_is_member(const ChunkFlips *flips,
								  int32 definition_id, int64 ord,
								  bool *member);

/* packed_toggles.c ------------------------------------------------------- */

/* Packed toggles that are being read. */
typedef struct PackedToggles
{
	const unsigned char *next;
	const unsigned char *end;
	bool		skip_damaged;	/* read damaged bytes as no toggles; else they
								 * are an error */
} PackedToggles;

/* Pack toggles into a new value of the current context. */
extern bytea *toggles_pack(const Toggle *list, int count);
/* How many toggles are packed in a value. */
extern int	toggles_count(Datum packed);
/* Begin to read a value, which must stay until all of it is read. */
extern void toggles_read(PackedToggles *packed, Datum value);
/* Read the next toggle; false after the last. */
extern bool toggles_next(PackedToggles *packed, Toggle *toggle);

/* toggles.c -------------------------------------------------------------- */

/* Flip in a set the ords whose toggles wait for a fold. */
extern void toggles_flip(const Population *population, int32 definition_id,
						 Snapshot snapshot, MemberSet *set);
/*
 * The same for several definitions by one scan; sets may be NULL, and are left
 * out.
 */
extern void toggles_flip_several(const Population *population,
								 const int32 *definition_ids, int count,
								 Snapshot snapshot, MemberSet **sets);
/* Scan all rows of toggles. */
extern SysScanDesc toggles_scan(Relation relation, Snapshot snapshot);
/* Begin to read the toggles in a row of a scan. */
extern void toggles_of_row(PackedToggles *packed, HeapTuple row,
						   Relation relation);

/* picked.c --------------------------------------------------------------- */

/* A row of toggles that was picked for a fold. */
typedef struct PickedRow
{
	ItemPointerData tid;
	bool		may_be_last;	/* else the next one goes with it */
	int			toggles;		/* how many it has */
	int64		transaction;	/* that made it */
} PickedRow;

/* Keep rows, in the order in which they are to be folded. */
extern void picked_keep(Relation relation, const PickedRow *rows, int64 count);

/*
 * Take rows that are kept: as toggles_pick().  NULL if nothing is kept, not as
 * much as wanted, or if it is not there any more.
 */
extern ItemPointerData *picked_take(Relation relation, Snapshot snapshot,
									int64 most, int64 *count);

/* pick.c ----------------------------------------------------------------- */

/*
 * The rows of toggles that a fold takes if it may take 'most' toggles: those
 * that happened first, and those that must not be separated from them.
 * Returns where these rows are in the table, ascending, in the current
 * context, and their number in *count.
 */
extern ItemPointerData *toggles_pick(const Population *population,
									 Relation relation, Snapshot snapshot,
									 int64 most, int64 *count);

/* net.c ------------------------------------------------------------------ */

/*
 * The net changes of a profile at one instant, as columns for the sort by
 * time: see fold.c.
 */
enum
{
	FLIP_AT = 1,
	FLIP_ORD,
	FLIP_RANK,					/* among those of one instant */
	FLIP_BY_EVENT,
	FLIP_LIST,					/* packed toggles */
	FLIP_KEY,
	FLIP_COLUMNS = FLIP_KEY
};

/* A sort of flips by time, and the slot in which each is put there. */
typedef struct FlipSort
{
	Tuplesortstate *state;
	TupleTableSlot *slot;
} FlipSort;

/*
 * Delete the toggles of a fold from their table, flip their net changes in the
 * chunks and put them into 'flips'.  Returns how many toggles there were.
 */
extern int64 toggles_net(const MembershipFold *fold, FlipSort *flips);

#endif							/* SEGMENT_MEMBERSHIP_PRIVATE_H */
