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

/*
 * The numeric as a number of ten-thousandths, and how many digits it shows
 * behind the point.  False if it is not an everyday one: then nothing is
 * known, and the server's own functions have to be asked.
 */
extern bool fixed_from_numeric(Datum value, int64 *fixed, int *scale);

/* The numeric again, showing that many digits. */
extern Numeric fixed_to_numeric(int64 fixed, int scale);

#endif							/* SEGMENT_FIXED_H */
