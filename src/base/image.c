/*-------------------------------------------------------------------------
 *
 * image.c
 *	  Are two values of a column the same, byte by byte?
 *
 *		s7_body of a row, and of its next version	the same TOAST pointer
 *
 * A long value is not in the row, which only points at it.  Two rows that
 * point at the same one have the same value: it need not be fetched to tell
 * that.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/datum.h"

#include "base/base.h"

bool
same_image(Datum a, Datum b, bool typbyval, int16 typlen)
{
	if (typlen == -1 &&
		VARATT_IS_EXTERNAL_ONDISK(DatumGetPointer(a)) &&
		VARATT_IS_EXTERNAL_ONDISK(DatumGetPointer(b)) &&
		memcmp(DatumGetPointer(a), DatumGetPointer(b),
			   VARSIZE_EXTERNAL(DatumGetPointer(a))) == 0)
		return true;
	return datum_image_eq(a, b, typbyval, typlen);
}
