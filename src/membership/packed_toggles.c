/*-------------------------------------------------------------------------
 *
 * packed_toggles.c
 *	  How are the definitions that a profile enters and leaves kept in a row?
 *
 *		entered 3, left 8, entered 200		3 << 1 | 1		07
 *											8 << 1			10
 *											200 << 1 | 1	91 03
 *
 * Each toggle is a number: the definition's id, and in its lowest bit whether
 * the profile entered.  A number is written in groups of seven bits, the
 * lowest group first, and the highest bit of each byte but the last is set.
 * So a toggle takes one byte for the first 63 definitions, two for the first
 * 8191, and means the same on every machine to which a dump may be restored.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/base.h"
#include "membership/membership_private.h"

SEGMENT_FUNCTION(segment_is_toggled);

/* The most bytes of one toggle. */
#define TOGGLE_BYTES	5

static bool refuse_damaged(PackedToggles *packed);

/*
 * is_toggled(toggles, definition_id): does the profile of that row of toggles
 * enter or leave the members of that definition?
 */
Datum
segment_is_toggled(PG_FUNCTION_ARGS)
{
	int32		definition_id = PG_GETARG_INT32(1);
	bool		toggled = false;
	PackedToggles packed = {0};
	Toggle		toggle;

	toggles_read(&packed, PG_GETARG_DATUM(0));
	while (toggles_next(&packed, &toggle))
		toggled ^= (toggle.definition_id == definition_id);
	PG_RETURN_BOOL(toggled);
}

bytea *
toggles_pack(const Toggle *list, int count)
{
	bytea	   *packed = palloc(VARHDRSZ + (Size) TOGGLE_BYTES * count);
	unsigned char *next = (unsigned char *) VARDATA(packed);

	for (int i = 0; i < count; i++)
	{
		uint32		number = ((uint32) list[i].definition_id << 1) |
			(list[i].entered ? 1 : 0);

		for (; number >= 0x80; number >>= 7)
			*next++ = (number & 0x7F) | 0x80;
		*next++ = number;
	}
	SET_VARSIZE(packed, (char *) next - (char *) packed);
	return packed;
}

int
toggles_count(Datum packed)
{
	bytea	   *bytes = DatumGetByteaPP(packed);
	const char *data = VARDATA_ANY(bytes);
	int			length = VARSIZE_ANY_EXHDR(bytes);
	int			count = 0;

	for (int i = 0; i < length; i++)
		count += (data[i] & 0x80) == 0;
	if ((Pointer) bytes != DatumGetPointer(packed))
		pfree(bytes);
	return count;
}

void
toggles_read(PackedToggles *packed, Datum value)
{
	bytea	   *bytes = DatumGetByteaPP(value);

	packed->next = (unsigned char *) VARDATA_ANY(bytes);
	packed->end = packed->next + VARSIZE_ANY_EXHDR(bytes);
}

bool
toggles_next(PackedToggles *packed, Toggle *toggle)
{
	uint32		number = 0;
	int			shift = 0;
	unsigned char byte;

	if (packed->next == packed->end)
		return false;
	do
	{
		if (packed->next == packed->end || shift == 7 * TOGGLE_BYTES)
			return refuse_damaged(packed);
		byte = *packed->next++;
		number |= (uint32) (byte & 0x7F) << shift;
		shift += 7;
	} while (byte & 0x80);
	toggle->definition_id = number >> 1;
	toggle->entered = number & 1;
	return true;
}

/* refuse_damaged() reports bytes that are no toggles, or reads no further. */
static bool
refuse_damaged(PackedToggles *packed)
{
	if (!packed->skip_damaged)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("the stored members of an audience are damaged"),
				 errdetail("The changes of a profile that wait for a fold cannot be read."),
				 errhint("Run SELECT segment.rebuild(), which decides membership again.")));
	packed->next = packed->end;
	return false;
}
