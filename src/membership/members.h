/*-------------------------------------------------------------------------
 *
 * members.h
 *	  A set of profiles by number (ord), private to the room of audiences.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_MEMBERS_H
#define SEGMENT_MEMBERS_H

#include "fmgr.h"

/*
 * How many ords a chunk spans, as a power of two: 131,072, two containers of
 * the roaring format.  On disk: it never changes.
 *
 * Measured with 1,000,000 profiles and two audiences of 59 and 71 % of them,
 * spread at random, so that every container is a bit for each profile:
 *
 *		power		microseconds of overlap()		bytes a fold rewrites for
 *													one member that changes
 *		16			107								 8 kB
 *		17			 88								16 kB
 *		18			 80								33 kB
 *		20			 80								131 kB
 *
 * Disk space is the same within 4 %.  So there is little to gain above 17, and
 * a fold that finds few changes is to write little.
 */
#define CHUNK_BITS			17
#define CHUNK_ORDS			(1 << CHUNK_BITS)
#define CHUNK_OF(ord)		((int64) (ord) >> CHUNK_BITS)
#define CHUNK_PLACE(ord)	((uint32) ((ord) & (CHUNK_ORDS - 1)))
#define CHUNK_ORD(chunk, place) (((int64) (chunk) << CHUNK_BITS) | (place))

/* All of a set is in the memory context that was current when it was made. */
typedef struct MemberSet MemberSet;

extern MemberSet *members_create(void);
extern void members_add(MemberSet *set, int64 ord);
/* who is in goes out, and the other way round */
extern void members_flip(MemberSet *set, int64 ord);
extern bool members_contain(const MemberSet *set, int64 ord);
extern int64 members_count(const MemberSet *set);

/* How many are in both. */
extern int64 members_count_both(const MemberSet *a, const MemberSet *b);

/* New sets, in the current context. */
extern MemberSet *members_both(const MemberSet *a, const MemberSet *b);
extern MemberSet *members_either(const MemberSet *a, const MemberSet *b);
extern MemberSet *members_only(const MemberSet *a, const MemberSet *b);

/* All ords, ascending, in the current context. */
extern int64 *members_list(const MemberSet *set, int64 *count);

/* ---- chunks: what a set is on disk ---- */

/* The number of the chunk at a place, ascending; PG_INT64_MAX after the last. */
extern int64 members_chunk_number(const MemberSet *set, int place);
/* Flip those members of 'set' that are in the chunk of 'by' at that place. */
extern void members_flip_chunk(MemberSet *set, const MemberSet *by, int place);

/*
 * Add a chunk's members, 'size' many (-1: any number), which are none of the
 * set's yet.  The bytes are checked: ERRCODE_DATA_CORRUPTED with a hint to rebuild if they are
 * no such bitmap.
 */
extern void members_read_chunk(MemberSet *set, int64 chunk, int32 size,
							   bytea *bytes);

/* The same, but false where the bytes are no such bitmap. */
extern bool members_try_chunk(MemberSet *set, int64 chunk, int32 size,
							  bytea *bytes);

/* The chunks that are not empty: how many, and each with its bytes and size. */
extern int	members_chunks(const MemberSet *set);
extern bytea *members_write_chunk(MemberSet *set, int place, int64 *chunk,
								  int32 *size);

#endif							/* SEGMENT_MEMBERS_H */
