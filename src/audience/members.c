/*-------------------------------------------------------------------------
 *
 * members.c
 *	  Who is in an audience, as a set of numbers?
 *
 * Profiles are numbered densely (ord), and a set of them is a list of chunks,
 * each a roaring bitmap over 131,072 ords:
 *
 *		members {3, 4, 140000}
 *
 *		chunk 0		{3, 4}
 *		chunk 1		{8928}			140000 = 1 * 131072 + 8928
 *
 * On disk a chunk is a row of the population's chunk table: a version byte,
 * and the bitmap in the portable format that all implementations of roaring
 * share: containers that are an array of 16-bit numbers, a bit for each of
 * 65,536, or runs, whichever is the smallest.  A fold that changes a few
 * members rewrites one such row, at most 16 kB.
 *
 * Bytes that come from disk are checked by portable.c before the library sees
 * them, because the library trusts what is inside.
 *
 * The library allocates by malloc.  Each set registers itself with its memory
 * context, so an error in the middle of anything frees the bitmaps too.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <roaring/roaring.h>

#include "utils/memutils.h"

#include "audience/members.h"
#include "audience/portable.h"
#include "base/base.h"

/* The first byte of a stored chunk. */
#define CHUNK_VERSION	1

typedef struct Chunk
{
	int64		number;
	roaring_bitmap_t *bits;
} Chunk;

struct MemberSet
{
	MemoryContext context;		/* holds the list, and frees the bitmaps */
	Chunk	   *chunks;			/* ascending by number */
	int			count;
	int			space;
	int			last;			/* where the last ord was looked for */
};

static void members_free(void *arg);
static Chunk *find_chunk(MemberSet *set, int64 number, bool make);
static int	chunk_place(const MemberSet *set, int64 number, bool *found);
static void put_chunk(MemberSet *set, int64 number, roaring_bitmap_t *bits);
static void *must(const void *bitmap);

MemberSet *
members_create(void)
{
	MemberSet  *set = palloc0(sizeof(MemberSet));
	MemoryContextCallback *callback = palloc0(sizeof(MemoryContextCallback));

	set->context = CurrentMemoryContext;
	callback->func = members_free;
	callback->arg = set;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, callback);
	return set;
}

void
members_add(MemberSet *set, int64 ord)
{
	roaring_bitmap_add(find_chunk(set, CHUNK_OF(ord), true)->bits,
					   CHUNK_PLACE(ord));
}

void
members_flip(MemberSet *set, int64 ord)
{
	roaring_bitmap_t *bits = find_chunk(set, CHUNK_OF(ord), true)->bits;

	if (!roaring_bitmap_remove_checked(bits, CHUNK_PLACE(ord)))
		roaring_bitmap_add(bits, CHUNK_PLACE(ord));
}

bool
members_contain(const MemberSet *set, int64 ord)
{
	Chunk	   *chunk = find_chunk(unconstify(MemberSet *, set),
								   CHUNK_OF(ord), false);

	return chunk != NULL && roaring_bitmap_contains(chunk->bits, CHUNK_PLACE(ord));
}

int64
members_count(const MemberSet *set)
{
	int64		count = 0;

	for (int i = 0; i < set->count; i++)
		count += roaring_bitmap_get_cardinality(set->chunks[i].bits);
	return count;
}

int64
members_count_both(const MemberSet *a, const MemberSet *b)
{
	int64		count = 0;
	bool		found;

	for (int i = 0; i < a->count; i++)
	{
		int			place = chunk_place(b, a->chunks[i].number, &found);

		if (found)
			count += roaring_bitmap_and_cardinality(a->chunks[i].bits,
													b->chunks[place].bits);
	}
	return count;
}

MemberSet *
members_both(const MemberSet *a, const MemberSet *b)
{
	MemberSet  *result = members_create();
	bool		found;

	for (int i = 0; i < a->count; i++)
	{
		int			place = chunk_place(b, a->chunks[i].number, &found);

		if (found)
			put_chunk(result, a->chunks[i].number,
					  roaring_bitmap_and(a->chunks[i].bits, b->chunks[place].bits));
	}
	return result;
}

MemberSet *
members_either(const MemberSet *a, const MemberSet *b)
{
	MemberSet  *result = members_create();
	int			i = 0;
	int			j = 0;

	while (i < a->count || j < b->count)
	{
		if (j >= b->count ||
			(i < a->count && a->chunks[i].number < b->chunks[j].number))
		{
			put_chunk(result, a->chunks[i].number,
					  roaring_bitmap_copy(a->chunks[i].bits));
			i++;
		}
		else if (i >= a->count || a->chunks[i].number > b->chunks[j].number)
		{
			put_chunk(result, b->chunks[j].number,
					  roaring_bitmap_copy(b->chunks[j].bits));
			j++;
		}
		else
		{
			put_chunk(result, a->chunks[i].number,
					  roaring_bitmap_or(a->chunks[i].bits, b->chunks[j].bits));
			i++, j++;
		}
	}
	return result;
}

MemberSet *
members_only(const MemberSet *a, const MemberSet *b)
{
	MemberSet  *result = members_create();
	bool		found;

	for (int i = 0; i < a->count; i++)
	{
		int			place = chunk_place(b, a->chunks[i].number, &found);

		put_chunk(result, a->chunks[i].number,
				  found ?
				  roaring_bitmap_andnot(a->chunks[i].bits, b->chunks[place].bits) :
				  roaring_bitmap_copy(a->chunks[i].bits));
	}
	return result;
}

int64 *
members_list(const MemberSet *set, int64 *count)
{
	int64	   *ords;
	uint32	   *places;
	int64		n = 0;

	*count = members_count(set);
	ords = MemoryContextAllocHuge(CurrentMemoryContext,
								  sizeof(int64) * Max(*count, 1));
	places = palloc(sizeof(uint32) * CHUNK_ORDS);
	for (int i = 0; i < set->count; i++)
	{
		int64		size = roaring_bitmap_get_cardinality(set->chunks[i].bits);

		roaring_bitmap_to_uint32_array(set->chunks[i].bits, places);
		for (int64 j = 0; j < size; j++)
			ords[n++] = CHUNK_ORD(set->chunks[i].number, places[j]);
	}
	pfree(places);
	return ords;
}

/* ---- chunks ---- */

int64
members_chunk_number(const MemberSet *set, int place)
{
	return place < set->count ? set->chunks[place].number : PG_INT64_MAX;
}

void
members_flip_chunk(MemberSet *set, const MemberSet *by, int place)
{
	roaring_bitmap_xor_inplace(find_chunk(set, by->chunks[place].number, true)->bits,
							   by->chunks[place].bits);
}

void
members_read_chunk(MemberSet *set, int64 chunk, int32 size, bytea *bytes)
{
	if (!members_try_chunk(set, chunk, size, bytes))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("the stored members of an audience are damaged"),
				 size < 0 ? errdetail("Chunk " INT64_FORMAT " is no bitmap of profiles.", chunk) :
				errdetail("Chunk " INT64_FORMAT " is no bitmap of %d profiles.", chunk, size),
				 errhint("Run SELECT segment.rebuild(), which decides membership again.")));
}

bool
members_try_chunk(MemberSet *set, int64 chunk, int32 size, bytea *bytes)
{
	const unsigned char *start = (const unsigned char *) VARDATA_ANY(bytes);
	Size		length = VARSIZE_ANY_EXHDR(bytes);
	uint64_t	cardinality;
	roaring_bitmap_t *bits;

	if (length < 1 || start[0] != CHUNK_VERSION || chunk < 0 ||
		portable_check(start + 1, length - 1, CHUNK_ORDS, &cardinality) != NULL ||
		(size >= 0 && cardinality != size))
		return false;
	bits = roaring_bitmap_portable_deserialize_safe((const char *) start + 1,
													length - 1);
	if (bits == NULL)
		return false;
	put_chunk(set, chunk, bits);
	return true;
}

int
members_chunks(const MemberSet *set)
{
	return set->count;
}

bytea *
members_write_chunk(MemberSet *set, int place, int64 *chunk, int32 *size)
{
	roaring_bitmap_t *bits = set->chunks[place].bits;
	bytea	   *bytes;
	Size		length;

	*chunk = set->chunks[place].number;
	*size = (int32) roaring_bitmap_get_cardinality(bits);
	roaring_bitmap_run_optimize(bits);
	length = roaring_bitmap_portable_size_in_bytes(bits);
	bytes = palloc(VARHDRSZ + 1 + length);
	SET_VARSIZE(bytes, VARHDRSZ + 1 + length);
	*VARDATA(bytes) = CHUNK_VERSION;
	roaring_bitmap_portable_serialize(bits, VARDATA(bytes) + 1);
	return bytes;
}

/* ---- the list of chunks ---- */

static void
members_free(void *arg)
{
	MemberSet  *set = arg;

	for (int i = 0; i < set->count; i++)
		roaring_bitmap_free(set->chunks[i].bits);
	set->count = 0;
}

/* NULL if there is none and none is to be made. */
static Chunk *
find_chunk(MemberSet *set, int64 number, bool make)
{
	bool		found;
	int			place;

	if (set->last < set->count && set->chunks[set->last].number == number)
		return &set->chunks[set->last];
	place = chunk_place(set, number, &found);
	if (!found)
	{
		if (!make)
			return NULL;
		put_chunk(set, number, roaring_bitmap_create());
	}
	set->last = place;
	return &set->chunks[place];
}

/* Where the chunk is, or belongs. */
static int
chunk_place(const MemberSet *set, int64 number, bool *found)
{
	int			low = 0;
	int			high = set->count;

	while (low < high)
	{
		int			middle = low + (high - low) / 2;

		if (set->chunks[middle].number < number)
			low = middle + 1;
		else
			high = middle;
	}
	*found = low < set->count && set->chunks[low].number == number;
	return low;
}

/*
 * Put a bitmap of the library's into the set, which owns it from now on.
 */
static void
put_chunk(MemberSet *set, int64 number, roaring_bitmap_t *bits)
{
	bool		found;
	int			place = chunk_place(set, number, &found);

	if (found)
	{
		/* two rows for one chunk: its index is damaged, or somebody's hand */
		roaring_bitmap_or_inplace(set->chunks[place].bits, must(bits));
		roaring_bitmap_free(bits);
		return;
	}
	must(bits);
	if (set->count == set->space)
	{
		int			space = Max(8, set->space * 2);
		Chunk	   *chunks = MemoryContextAllocExtended(set->context,
														sizeof(Chunk) * space,
														MCXT_ALLOC_NO_OOM);

		if (chunks == NULL)
		{
			roaring_bitmap_free(bits);
			must(NULL);
		}
		if (set->count > 0)
			memcpy(chunks, set->chunks, sizeof(Chunk) * set->count);
		if (set->chunks != NULL)
			pfree(set->chunks);
		set->chunks = chunks;
		set->space = space;
	}
	memmove(&set->chunks[place + 1], &set->chunks[place],
			sizeof(Chunk) * (set->count - place));
	set->chunks[place].number = number;
	set->chunks[place].bits = bits;
	set->count++;
}

/* The library answers NULL when there is no memory. */
static void *
must(const void *bitmap)
{
	if (bitmap == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory"),
				 errdetail("Failed while computing a bitmap of profiles.")));
	return unconstify(void *, bitmap);
}
