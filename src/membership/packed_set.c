/*-------------------------------------------------------------------------
 *
 * packed_set.c
 *	  How is a whole set of profiles kept in one value?
 *
 *		{3, 4, 140000}		0 | 19 | <bitmap of 3, 4>
 *							1 | 19 | <bitmap of 8928>
 *
 * Chunk after chunk: its number in eight bytes, the length of its bitmap in
 * four, most significant byte first, and the bitmap as the chunk table has it,
 * in the portable format of roaring.  So the bytes mean the same on every
 * machine to which a dump may be restored.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "port/pg_bswap.h"

#include "membership/members.h"

/* What stands before each bitmap: see above. */
#define HEAD_LENGTH		(sizeof(uint64) + sizeof(uint32))

void
members_pack(StringInfo bytes, const MemberSet *set)
{
	for (int i = 0; i < members_chunks(set); i++)
	{
		int64		number;
		int32		size;
		bytea	   *bitmap = members_write_chunk(unconstify(MemberSet *, set),
												 i, &number, &size);

		CHECK_FOR_INTERRUPTS();
		if (size > 0)
		{
			pq_sendint64(bytes, number);
			pq_sendint32(bytes, VARSIZE_ANY_EXHDR(bitmap));
			pq_sendbytes(bytes, VARDATA_ANY(bitmap),
						 VARSIZE_ANY_EXHDR(bitmap));
		}
		pfree(bitmap);
	}
}

MemberSet *
members_unpack(const char *bytes, Size length)
{
	MemberSet  *set = members_create();

	while (length > 0)
	{
		uint64		number;
		uint32		size;
		bytea	   *bitmap;

		CHECK_FOR_INTERRUPTS();
		if (length < HEAD_LENGTH)
			return NULL;
		memcpy(&number, bytes, sizeof(number));
		memcpy(&size, bytes + sizeof(number), sizeof(size));
		size = pg_ntoh32(size);
		bytes += HEAD_LENGTH;
		length -= HEAD_LENGTH;
		if (size > length)
			return NULL;
		bitmap = palloc(VARHDRSZ + size);
		SET_VARSIZE(bitmap, VARHDRSZ + size);
		memcpy(VARDATA(bitmap), bytes, size);
		members_read_chunk(set, (int64) pg_ntoh64(number), -1, bitmap);
		pfree(bitmap);
		bytes += size;
		length -= size;
	}
	return set;
}
