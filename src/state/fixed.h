/*-------------------------------------------------------------------------
 *
 * fixed.h
 *	  Everyday numerics as whole numbers, private to this room.
 *
 * A number of ten-thousandths is called fixed, a number of the last digit that
 * the numeric shows is called scaled: 12.50, which shows 2 digits, is
 * fixed 125000 and scaled 1250.  Digits are at most 4.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_FIXED_H
#define SEGMENT_FIXED_H

#include "utils/numeric.h"

#include "state/state.h"		/* fixed_from_numeric() */

/* The numeric that shows 'scale' digits. */
extern Numeric fixed_to_numeric(int64 fixed, int scale);

/* From fixed to scaled; false if there are more digits than it shows. */
extern bool fixed_to_scaled(int64 fixed, int scale, int64 *scaled);

/* From scaled to fixed. */
extern int64 fixed_from_scaled(int64 scaled, int scale);

/* Are these bytes, behind the length word, a numeric of the server's? */
extern bool numeric_is_valid(const unsigned char *content, Size length);

/* Can an everyday numeric be so large? */
extern bool fixed_in_range(int64 scaled, int scale);

#endif							/* SEGMENT_FIXED_H */
