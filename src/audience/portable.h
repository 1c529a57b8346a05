/*-------------------------------------------------------------------------
 *
 * portable.h
 *	  Bytes that claim to be a bitmap, private to the room of audiences.
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

#endif							/* SEGMENT_PORTABLE_H */
