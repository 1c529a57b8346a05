/*-------------------------------------------------------------------------
 *
 * fixed.c
 *	  How is an amount of money added up without the cost of numeric?
 *
 * Most numerics that customers produce are amounts: below 10^12, with at most
 * four digits behind the point.  Those are whole numbers of ten-thousandths,
 * exactly:
 *
 *		12345.67	-> 123456700, showing 2 digits
 *
 * and adding those costs nothing, where numeric_add() allocates three times.
 * All others go the usual way.
 *
 * The server does not export the inside of a numeric, but it cannot change it
 * either, as it is on disk in every database.  The short form, which all such
 * amounts have, is a header of 16 bits
 *
 *		10 s dddddd wwwwwww		sign, digits shown, weight (signed)
 *
 * and digits of base 10,000, the first worth 10,000^weight, without zeros at
 * either end:
 *
 *		12345.67	10 0 000010 0000001		1 2345 6700
 *
 * Nevertheless this layout is used only after a few numerics have been read
 * and written so, and came out right, once per backend.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/datum.h"

#include "state/fixed.h"

#define FORM_MASK		0xc000
#define FORM_SHORT		0x8000
#define FORM_SPECIAL	0xc000
#define SPECIAL_NAN		0xc000
#define SPECIAL_PINF	0xd000
#define SPECIAL_NINF	0xf000
#define SIGN_MASK		0x2000
#define SCALE_MASK		0x1f80
#define SCALE_SHIFT		7
#define WEIGHT_SIGN		0x0040
#define WEIGHT_MASK		0x003f

#define BASE			10000
#define FIXED_DIGITS	4		/* a ten-thousandth is 10^-4 */
#define MOST_WEIGHT		2		/* below 10,000^3 */

/* what a whole number of the last digit is multiplied with, by digits shown */
static const int64 ten_thousandths[] = {10000, 1000, 100, 10, 1};

/* 10,000^(MOST_WEIGHT + 1) * 10^FIXED_DIGITS */
#define FIXED_LIMIT		INT64CONST(10000000000000000)

static bool read_short(Datum value, int64 *fixed, int *scale);
static Numeric write_short(int64 fixed, int scale);
static bool layout_is_usable(void);
static bool layout_is_known(void);

bool
fixed_from_numeric(Datum value, int64 *fixed, int *scale)
{
	return layout_is_usable() && read_short(value, fixed, scale);
}

Numeric
fixed_to_numeric(int64 fixed, int scale)
{
	Numeric		number;

	if (layout_is_usable() && fixed > -FIXED_LIMIT && fixed < FIXED_LIMIT)
		return write_short(fixed, scale);
	number = int64_div_fast_to_numeric(fixed, FIXED_DIGITS);
	return DatumGetNumeric(DirectFunctionCall2(numeric_round,
											   NumericGetDatum(number),
											   Int32GetDatum(scale)));
}

/*
 * The server does not check the bytes of a numeric, but asserts some of this.
 */
bool
numeric_is_valid(const unsigned char *content, Size length)
{
	uint16		header;
	Size		head;

	if (length < sizeof(header))
		return false;
	if (!layout_is_usable())
		return true;
	memcpy(&header, content, sizeof(header));
	if ((header & FORM_MASK) == FORM_SPECIAL)
		return length == sizeof(header) &&
			(header == SPECIAL_NAN || header == SPECIAL_PINF ||
			 header == SPECIAL_NINF);

	/* the long form has its weight behind the header */
	head = (header & FORM_MASK) == FORM_SHORT ? sizeof(header) :
		sizeof(header) + sizeof(int16);
	if (length < head || (length - head) % sizeof(int16) != 0)
		return false;
	for (Size at = head; at < length; at += sizeof(int16))
	{
		int16		digit;

		memcpy(&digit, content + at, sizeof(digit));
		if (digit < 0 || digit >= BASE)
			return false;
	}
	return true;
}

bool
fixed_to_scaled(int64 fixed, int scale, int64 *scaled)
{
	Assert(scale >= 0 && scale <= FIXED_DIGITS);
	*scaled = fixed / ten_thousandths[scale];
	return fixed % ten_thousandths[scale] == 0;
}

int64
fixed_from_scaled(int64 scaled, int scale)
{
	Assert(fixed_in_range(scaled, scale));
	return scaled * ten_thousandths[scale];
}

bool
fixed_in_range(int64 scaled, int scale)
{
	static const int64 limits[] = {FIXED_LIMIT / 10000, FIXED_LIMIT / 1000,
	FIXED_LIMIT / 100, FIXED_LIMIT / 10, FIXED_LIMIT};

	Assert(scale >= 0 && scale <= FIXED_DIGITS);
	return scaled > -limits[scale] && scaled < limits[scale];
}

/* Read a numeric of the short form; false if it is no everyday one. */
static bool
read_short(Datum value, int64 *fixed, int *scale)
{
	struct varlena *bytes = (struct varlena *) DatumGetPointer(value);
	const char *content;
	Size		length;
	uint16		header;
	int			weight;
	int			ndigits;
	int64		number = 0;

	if (VARATT_IS_EXTERNAL(bytes) || VARATT_IS_COMPRESSED(bytes))
		return false;
	content = VARDATA_ANY(bytes);
	length = VARSIZE_ANY_EXHDR(bytes);
	if (length < sizeof(header))
		return false;

	/* unaligned behind a short length word */
	memcpy(&header, content, sizeof(header));
	if ((header & FORM_MASK) != FORM_SHORT)
		return false;
	weight = (header & WEIGHT_SIGN) ?
		(header & WEIGHT_MASK) - (WEIGHT_MASK + 1) : (header & WEIGHT_MASK);
	ndigits = (length - sizeof(header)) / sizeof(int16);
	if (ndigits > 0 && (weight > MOST_WEIGHT || weight < -1 ||
						ndigits > weight + 2))
		return false;

	if (ndigits > 0)
	{
		for (int i = 0; i < weight + 2; i++)
		{
			int16		digit = 0;

			if (i < ndigits)
				memcpy(&digit, content + sizeof(header) + i * sizeof(digit),
					   sizeof(digit));
			number = number * BASE + digit;
		}
	}
	*fixed = (header & SIGN_MASK) ? -number : number;
	*scale = (header & SCALE_MASK) >> SCALE_SHIFT;
	return true;
}

/* Make the numeric, without zeros at either end, as the server does. */
static Numeric
write_short(int64 fixed, int scale)
{
	uint64		rest = fixed < 0 ? -(uint64) fixed : (uint64) fixed;
	int16		digits[MOST_WEIGHT + 2];
	int			first = lengthof(digits);
	int			last = lengthof(digits) - 1;
	uint16		header = FORM_SHORT | (scale << SCALE_SHIFT);
	Size		length;
	char	   *bytes;

	while (rest > 0)
	{
		digits[--first] = rest % BASE;
		rest /= BASE;
	}
	while (last >= first && digits[last] == 0)
		last--;
	if (first <= last)
		header |= (fixed < 0 ? SIGN_MASK : 0) |
			((MOST_WEIGHT - first) & (WEIGHT_SIGN | WEIGHT_MASK));

	length = VARHDRSZ + sizeof(header) + (last + 1 - first) * sizeof(int16);
	bytes = palloc(length);
	SET_VARSIZE(bytes, length);
	memcpy(bytes + VARHDRSZ, &header, sizeof(header));
	memcpy(bytes + VARHDRSZ + sizeof(header), digits + first,
		   length - VARHDRSZ - sizeof(header));
	return (Numeric) bytes;
}

/* Do numerics look as described above?  Asked once per backend. */
static bool
layout_is_usable(void)
{
	static int	known = -1;		/* not yet asked */

	if (unlikely(known < 0))
		known = layout_is_known() ? 1 : 0;
	return known;
}

/* Are a few numerics read and written as expected?  So far all always were. */
static bool
layout_is_known(void)
{
	static const struct
	{
		const char *text;
		int64		fixed;
		int			scale;
	}			samples[] = {
		{"0", 0, 0},
		{"0.05", 500, 2},
		{"-12345.6789", -123456789, 4},
		{"10000", 100000000, 0},
		{"990000010000.1000", INT64CONST(9900000100001000), 4},
	};

	for (int i = 0; i < lengthof(samples); i++)
	{
		Datum		text = CStringGetDatum(samples[i].text);
		Datum		number = DirectFunctionCall3(numeric_in, text,
												 ObjectIdGetDatum(InvalidOid),
												 Int32GetDatum(-1));
		int64		fixed;
		int			scale;
		Numeric		again;

		if (!read_short(number, &fixed, &scale) ||
			fixed != samples[i].fixed || scale != samples[i].scale)
			return false;
		again = write_short(fixed, scale);
		if (!datum_image_eq(number, NumericGetDatum(again), false, -1))
			return false;
	}
	return true;
}
