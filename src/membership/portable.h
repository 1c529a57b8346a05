/*-------------------------------------------------------------------------
 *
 * portable.h
 *	  Bitmaps as bytes, private to the room of membership.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_PORTABLE_H
#define SEGMENT_PORTABLE_H

#include <stddef.h>
#include <stdint.h>

/*
 * Are these bytes, and no others, a bitmap in roaring's portable format whose
 * members are all below 'limit'?
 *
 * NULL if they are; else what is wrong, a constant phrase like "the array of
 * a container is not sorted".  A bitmap without members is one.  Fills
 * 'cardinality', the number of members, if nothing is wrong; else it means
 * nothing.
 */
extern const char *portable_check(const unsigned char *bytes, size_t length,
								  uint32_t limit, uint64_t *cardinality);

/* How the members of a container are written. */
typedef enum PortableForm
{
	PORTABLE_ARRAY,				/* the low 16 bits of each */
	PORTABLE_BITS,				/* a bit for each of 65,536 */
	PORTABLE_RUNS,				/* first and length - 1 of each run */
} PortableForm;

#define PORTABLE_RUNS_BYTES(runs)	(2 + 4 * (runs))

/* The members that share their high 16 bits, the key.  There are some. */
typedef struct PortableContainer
{
	uint32_t	key;
	uint32_t	cardinality;
	PortableForm form;
	uint32_t	runs;			/* how many, of PORTABLE_RUNS */
	size_t		content;		/* at which byte its members, bits or runs
								 * begin; how many runs stands before */
} PortableContainer;

/*
 * Find the containers in bytes that were checked, in the order of their keys.
 * Returns how many there are; no more than 'most' are filled in.
 */
extern uint32_t portable_read(const unsigned char *bytes, size_t length,
							  PortableContainer *containers, uint32_t most);

/*
 * How many bytes do containers take, given in the order of their keys with all
 * but 'content'?  portable_write() writes all but what is in them, and sets
 * 'content' to where that belongs.
 */
extern size_t portable_size(const PortableContainer *containers,
							uint32_t count);
extern void portable_write(PortableContainer *containers, uint32_t count,
						   unsigned char *bytes);

/* How many of 65,536 bits are set?  They may be at any address. */
extern uint32_t portable_count_bits(const unsigned char *bits);

#endif							/* SEGMENT_PORTABLE_H */
