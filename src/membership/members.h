/*-------------------------------------------------------------------------
 *
 * members.h
 *	  A set of profiles as chunks, private to the room of membership.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_MEMBERS_H
#define SEGMENT_MEMBERS_H

#include "fmgr.h"

#include "membership/membership.h"
#include "membership/numbers.h"

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
#define CHUNK_OFFSET(ord)	((uint32) ((ord) & (CHUNK_ORDS - 1)))
#define CHUNK_PARTS			(CHUNK_ORDS / ALL_NUMBERS)
#define CHUNK_ORD(chunk, offset) (((int64) (chunk) << CHUNK_BITS) | (offset))

/*
 * Chunks of a set are counted from 0, ascending by number; some may have no
 * members.
 */
extern int	members_chunks(const MemberSet *set);
/* The number of the i-th chunk; PG_INT64_MAX behind the last. */
extern int64 members_chunk_number(const MemberSet *set, int i);
/* The containers of the i-th chunk, an array of CHUNK_PARTS. */
extern const NumberSet *members_chunk_parts(const MemberSet *set, int i);
/* Flip those members of 'set' that are in the i-th chunk of 'by'. */
extern void members_flip_chunk(MemberSet *set, const MemberSet *by, int i);

/*
 * Add the members of a stored chunk, 'size' many (-1: any number).  The bytes
 * are checked: ERRCODE_DATA_CORRUPTED with a hint to rebuild if they are no
 * bitmap of so many.
 */
extern void members_read_chunk(MemberSet *set, int64 number, int32 size,
							   bytea *bytes);

/* The same, but return false if the bytes are no such bitmap. */
extern bool members_try_chunk(MemberSet *set, int64 number, int32 size,
							  bytea *bytes);

/* The bytes of the i-th chunk, its number and how many members are in it. */
extern bytea *members_write_chunk(MemberSet *set, int i, int64 *number,
								  int32 *size);

#endif							/* SEGMENT_MEMBERS_H */
