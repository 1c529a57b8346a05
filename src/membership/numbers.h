/*-------------------------------------------------------------------------
 *
 * numbers.h
 *	  A set of numbers below 65,536, private to the room of membership.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_NUMBERS_H
#define SEGMENT_NUMBERS_H

#include "membership/portable.h"

/* How many numbers there are. */
#define NUMBER_BITS		16
#define ALL_NUMBERS	(1 << NUMBER_BITS)

/*
 * Zeroed memory is an empty set.  The arrays of a set are allocated in the
 * memory context that is current when the set changes.
 */
typedef struct NumberSet
{
	uint32_t	count;			/* how many numbers are in it */
	uint32_t	space;			/* for how many 'array' has room */
	uint16_t   *array;			/* ascending; NULL if there are none or bits */
	uint64_t   *bits;			/* a bit for each number, or NULL */
} NumberSet;

/* Is the number in the set? */
extern bool numbers_contains(const NumberSet *set, uint16_t number);
/* Put the number into the set, unless it is in. */
extern void numbers_add(NumberSet *set, uint16_t number);
/* Take the number out of the set if it is in, else put it in. */
extern void numbers_flip(NumberSet *set, uint16_t number);

/* Make *result a set of the same numbers, with memory of its own. */
extern void numbers_copy(NumberSet *result, const NumberSet *set);
/*
 * Make *result, which is neither 'a' nor 'b', the set of the numbers in both,
 * in either, only in a, in exactly one of them.
 */
extern void numbers_both(NumberSet *result,
						 const NumberSet *a, const NumberSet *b);
extern void numbers_either(NumberSet *result,
						   const NumberSet *a, const NumberSet *b);
extern void numbers_only(NumberSet *result,
						 const NumberSet *a, const NumberSet *b);
extern void numbers_exactly_one(NumberSet *result,
								const NumberSet *a, const NumberSet *b);
extern uint32_t numbers_count_both(const NumberSet *a, const NumberSet *b);

/*
 * The set as bits: its own, or made in 'room', which is for one bit of each
 * number.
 */
extern const uint64_t *numbers_bits(const NumberSet *set, uint64_t *room);

/* count_bits.c: how many bits are in both, of one for each number? */
extern uint32_t bits_count_both(const uint64_t *a, const uint64_t *b);

/* Write the numbers, ascending, into an array with room for all of them. */
extern void numbers_list(const NumberSet *set, uint16_t *numbers);

/* Free what the set holds, and make it empty. */
extern void numbers_free(NumberSet *set);

/* ---- as bytes: see portable.h ------------------------------------------ */

/* Read a set from bytes that were checked. */
extern void numbers_read(NumberSet *set, const PortableContainer *from,
						 const unsigned char *bytes);

/* Fill in all but 'key' and 'content' for the form that is smallest. */
extern void numbers_describe(const NumberSet *set, PortableContainer *as);
/* Write a set in that form, at the byte that 'content' says. */
extern void numbers_write(const NumberSet *set, const PortableContainer *as,
						  unsigned char *bytes);

#endif							/* SEGMENT_NUMBERS_H */
