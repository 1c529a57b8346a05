/*-------------------------------------------------------------------------
 *
 * fixed.h
 *	  Everyday numerics as whole numbers, private to the room of traits.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_FIXED_H
#define SEGMENT_FIXED_H

#include "utils/numeric.h"

#include "trait/trait.h"		/* fixed_from_numeric() */

/* The numeric again, showing that many digits. */
extern Numeric fixed_to_numeric(int64 fixed, int scale);

/*
 * The same as a whole number of the last digit shown, and back: 12.50, which
 * is 125000 ten-thousandths, is 1250 and shows 2 digits.  Digits are 4 at most.
 * False if there are more than it shows.
 */
extern bool fixed_to_scaled(int64 fixed, int scale, int64 *scaled);
extern int64 fixed_from_scaled(int64 scaled, int scale);
/* Are these bytes, behind the length word, a numeric of the server's? */
extern bool numeric_is_valid(const unsigned char *content, Size length);

/* Is it a number that an everyday numeric can be? */
extern bool fixed_in_range(int64 scaled, int scale);

#endif							/* SEGMENT_FIXED_H */
