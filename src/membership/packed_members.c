/*-------------------------------------------------------------------------
 *
 * packed_members.c
 *	  Which profiles are in chunks XOR toggles, as one value in a query?
 *
 *		pack_members('{-1, 0}', '{-, <bitmap of 17, 40>}', '{17, 41}')
 *			-> bytea		hash | the set {40, 41}, see packed_set.c
 *
 *		is_stored_member('profile', 'vip', <that>, 40)	true
 *		ords(<that>)									{40, 41}
 *
 * The views of audiences call these functions: pack_members() once in a query,
 * is_stored_member() for each profile that is scanned, which reads the packed
 * members when it is called first.  The hash at the beginning tells whether a
 * later call is given the same members.
 *
 * No table is read: a caller who has the chunks and toggles had the right to
 * read them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "lib/stringinfo.h"
#include "utils/array.h"
#include "utils/memutils.h"

#include "base/base.h"
#include "membership/members.h"

SEGMENT_FUNCTION(segment_pack_members);
SEGMENT_FUNCTION(segment_is_stored_member);
SEGMENT_FUNCTION(segment_ords);

/* The elements of an array. */
typedef struct Elements
{
	int			count;
	Datum	   *values;
	bool	   *isnull;
} Elements;

/* The members that a call of is_stored_member() has read. */
typedef struct ReadMembers
{
	uint64		hash;
	MemberSet  *set;
	MemoryContext context;		/* holds the set */
} ReadMembers;

static Elements bigints(ArrayType *array);
static Elements byteas(ArrayType *array);
static bool add_chunks(MemberSet *set, ArrayType *numbers, ArrayType *bitmaps);
static void flip_toggled(MemberSet *set, ArrayType *ords);
static bytea *pack(MemberSet *set);
static MemberSet *unpack(const bytea *packed);
static uint64 packed_hash(const bytea *packed);
static void refuse_packed(void);

/*
 * pack_members(chunks, members, toggled): who is in chunks XOR toggles; NULL
 * if no chunk says that members are stored
 */
Datum
segment_pack_members(PG_FUNCTION_ARGS)
{
	MemberSet  *set = members_create();

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1) ||
		!add_chunks(set, PG_GETARG_ARRAYTYPE_P(0), PG_GETARG_ARRAYTYPE_P(1)))
		PG_RETURN_NULL();
	if (!PG_ARGISNULL(2))
		flip_toggled(set, PG_GETARG_ARRAYTYPE_P(2));
	PG_RETURN_BYTEA_P(pack(set));
}

/*
 * is_stored_member(population, audience, members, ord): is the profile one of
 * the packed members?  The names are for the planner.
 */
Datum
segment_is_stored_member(PG_FUNCTION_ARGS)
{
	const bytea *packed = PG_GETARG_BYTEA_PP(2);
	uint64		hash = packed_hash(packed);
	ReadMembers *read = fcinfo->flinfo->fn_extra;
	MemoryContext old;

	if (read == NULL)
	{
		old = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
		read = palloc0(sizeof(ReadMembers));
		read->context = AllocSetContextCreate(CurrentMemoryContext,
											  "segment packed members",
											  ALLOCSET_DEFAULT_SIZES);
		fcinfo->flinfo->fn_extra = read;
		MemoryContextSwitchTo(old);
	}
	if (read->set == NULL || read->hash != hash)
	{
		read->set = NULL;
		MemoryContextReset(read->context);
		old = MemoryContextSwitchTo(read->context);
		read->set = unpack(packed);
		read->hash = hash;
		MemoryContextSwitchTo(old);
	}
	PG_RETURN_BOOL(PG_GETARG_INT64(3) >= 0 &&
				   members_contain(read->set, PG_GETARG_INT64(3)));
}

/*
 * ords(members): the numbers of the packed members, ascending
 */
Datum
segment_ords(PG_FUNCTION_ARGS)
{
	MemberSet  *set = unpack(PG_GETARG_BYTEA_PP(0));
	int64		count = members_count(set);
	int64	   *ords;
	Datum	   *values;

	/* a few bytes may be millions of members */
	if (count > MaxArraySize)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("an array has no room for " INT64_FORMAT " members",
						count),
				 errdetail("It has at most %d elements.",
						   (int) MaxArraySize)));
	ords = members_list(set, &count);
	values = palloc(sizeof(Datum) * Max(count, 1));
	for (int64 i = 0; i < count; i++)
		values[i] = Int64GetDatum(ords[i]);
	pfree(ords);
	PG_RETURN_ARRAYTYPE_P(construct_array(values, (int) count, INT8OID,
										  sizeof(int64), FLOAT8PASSBYVAL,
										  TYPALIGN_DOUBLE));
}

/* ---- arrays ---- */

static Elements
bigints(ArrayType *array)
{
	Elements	elements;

	deconstruct_array(array, INT8OID, sizeof(int64), FLOAT8PASSBYVAL,
					  TYPALIGN_DOUBLE, &elements.values, &elements.isnull,
					  &elements.count);
	return elements;
}

static Elements
byteas(ArrayType *array)
{
	Elements	elements;

	deconstruct_array(array, BYTEAOID, -1, false, TYPALIGN_INT,
					  &elements.values, &elements.isnull, &elements.count);
	return elements;
}

/*
 * add_chunks() adds the members of chunks, given as numbers and bitmaps.  Is
 * MEMBERS_STORED among the numbers?
 */
static bool
add_chunks(MemberSet *set, ArrayType *numbers, ArrayType *bitmaps)
{
	Elements	chunks = bigints(numbers);
	Elements	members = byteas(bitmaps);
	bool		stored = false;

	if (chunks.count != members.count)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("there are %d chunks and %d bitmaps of members",
						chunks.count, members.count)));
	for (int i = 0; i < chunks.count; i++)
	{
		int64		number = DatumGetInt64(chunks.values[i]);

		if (chunks.isnull[i] || members.isnull[i])
			continue;
		if (number == MEMBERS_STORED)
			stored = true;
		else
			members_read_chunk(set, number, -1,
							   DatumGetByteaPP(members.values[i]));
	}
	return stored;
}

/* flip_toggled() flips ords; a negative one is an error. */
static void
flip_toggled(MemberSet *set, ArrayType *ords)
{
	Elements	toggled = bigints(ords);

	for (int i = 0; i < toggled.count; i++)
	{
		int64		ord = DatumGetInt64(toggled.values[i]);

		if (toggled.isnull[i])
			continue;
		if (ord < 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("there is no profile number " INT64_FORMAT,
							ord)));
		members_flip(set, ord);
	}
}

/* ---- packed members ---- */

/* pack() writes the hash of all that follows, and the set. */
static bytea *
pack(MemberSet *set)
{
	StringInfoData bytes;
	const Size	before = VARHDRSZ + sizeof(uint64);
	uint64		hash = 0;

	initStringInfo(&bytes);
	appendStringInfoSpaces(&bytes, VARHDRSZ);
	appendBinaryStringInfo(&bytes, (char *) &hash, sizeof(hash));
	members_pack(&bytes, set);
	hash = hash_bytes_extended((unsigned char *) bytes.data + before,
							   bytes.len - before, 0);
	memcpy(bytes.data + VARHDRSZ, &hash, sizeof(hash));
	SET_VARSIZE(bytes.data, bytes.len);
	return (bytea *) bytes.data;
}

/* unpack() reads packed members: an error if pack() did not write them. */
static MemberSet *
unpack(const bytea *packed)
{
	MemberSet  *set;

	(void) packed_hash(packed);
	set = members_unpack(VARDATA_ANY(packed) + sizeof(uint64),
						 VARSIZE_ANY_EXHDR(packed) - sizeof(uint64));
	if (set == NULL)
		refuse_packed();
	return set;
}

/* packed_hash() returns the hash at the beginning of packed members. */
static uint64
packed_hash(const bytea *packed)
{
	uint64		hash;

	if (VARSIZE_ANY_EXHDR(packed) < sizeof(hash))
		refuse_packed();
	memcpy(&hash, VARDATA_ANY(packed), sizeof(hash));
	return hash;
}

static void
refuse_packed(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("these are no packed members"),
			 errhint("Use what segment.pack_members() returns.")));
}
