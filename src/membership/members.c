/*-------------------------------------------------------------------------
 *
 * members.c
 *	  Who is in an audience, as a set of numbers?
 *
 * Profiles are numbered densely (ord), and a set of them is a list of chunks,
 * each a bitmap over 131,072 ords, two sets of 65,536 (numbers.c):
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
 * Bytes that come from disk are checked by portable.c before they are read.
 * A set and all that is in it is in the memory context in which it was made.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "base/base.h"
#include "membership/members.h"
#include "membership/portable.h"

/* The first byte of a stored chunk. */
#define CHUNK_VERSION	1

/* Containers of a chunk. */
#define PARTS			CHUNK_PARTS
#define PART_OF(ord)	(CHUNK_OFFSET(ord) >> NUMBER_BITS)
#define NUMBER_OF(ord)	((uint16_t) (CHUNK_OFFSET(ord) & (ALL_NUMBERS - 1)))

typedef struct Chunk
{
	int64		number;
	NumberSet	parts[PARTS];
} Chunk;

struct MemberSet
{
	MemoryContext context;		/* holds the list and the containers */
	Chunk	   *chunks;			/* ascending by number */
	int			count;
	int			space;
	int			last;			/* the chunk of the last ord looked for */
};

/* What becomes of two containers: see numbers.h. */
typedef void (*Combine) (NumberSet *result, const NumberSet *a,
						 const NumberSet *b);

static void combine_chunk(MemberSet *result, Combine combine,
						  const Chunk *a, const Chunk *b);
static void copy_chunk(MemberSet *result, const Chunk *chunk);
static int64 chunk_size(const Chunk *chunk);
static void flip_part(NumberSet *part, const NumberSet *by);
static NumberSet *find_part(MemberSet *set, int64 ord, bool make);
static Chunk *find_chunk(MemberSet *set, int64 number, bool make);
static int	search_chunk(const MemberSet *set, int64 number, bool *found);
static Chunk *make_chunk(MemberSet *set, int i, int64 number);

MemberSet *
members_create(void)
{
	MemberSet  *set = palloc0(sizeof(MemberSet));

	set->context = CurrentMemoryContext;
	return set;
}

void
members_add(MemberSet *set, int64 ord)
{
	MemoryContext old = MemoryContextSwitchTo(set->context);

	numbers_add(find_part(set, ord, true), NUMBER_OF(ord));
	MemoryContextSwitchTo(old);
}

void
members_flip(MemberSet *set, int64 ord)
{
	MemoryContext old = MemoryContextSwitchTo(set->context);

	numbers_flip(find_part(set, ord, true), NUMBER_OF(ord));
	MemoryContextSwitchTo(old);
}

bool
members_contain(const MemberSet *set, int64 ord)
{
	const NumberSet *part = find_part(unconstify(MemberSet *, set), ord,
									  false);

	return part != NULL && numbers_contains(part, NUMBER_OF(ord));
}

int64
members_count(const MemberSet *set)
{
	int64		count = 0;

	for (int i = 0; i < set->count; i++)
		count += chunk_size(&set->chunks[i]);
	return count;
}

int64
members_count_both(const MemberSet *a, const MemberSet *b)
{
	int64		count = 0;
	bool		found;

	for (int i = 0; i < a->count; i++)
	{
		int			at = search_chunk(b, a->chunks[i].number, &found);

		for (int part = 0; found && part < PARTS; part++)
			count += numbers_count_both(&a->chunks[i].parts[part],
										&b->chunks[at].parts[part]);
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
		int			at = search_chunk(b, a->chunks[i].number, &found);

		if (found)
			combine_chunk(result, numbers_both,
						  &a->chunks[i], &b->chunks[at]);
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
			copy_chunk(result, &a->chunks[i++]);
		else if (i >= a->count || a->chunks[i].number > b->chunks[j].number)
			copy_chunk(result, &b->chunks[j++]);
		else
			combine_chunk(result, numbers_either,
						  &a->chunks[i++], &b->chunks[j++]);
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
		int			at = search_chunk(b, a->chunks[i].number, &found);

		if (found)
			combine_chunk(result, numbers_only,
						  &a->chunks[i], &b->chunks[at]);
		else
			copy_chunk(result, &a->chunks[i]);
	}
	return result;
}

int64 *
members_list(const MemberSet *set, int64 *count)
{
	int64	   *ords;
	uint16_t   *numbers;
	int64		n = 0;

	*count = members_count(set);
	ords = MemoryContextAllocHuge(CurrentMemoryContext,
								  sizeof(int64) * Max(*count, 1));
	numbers = palloc(sizeof(uint16_t) * ALL_NUMBERS);
	for (int i = 0; i < set->count; i++)
		for (int part = 0; part < PARTS; part++)
		{
			const NumberSet *container = &set->chunks[i].parts[part];
			int64		first = CHUNK_ORD(set->chunks[i].number,
										  part << NUMBER_BITS);

			numbers_list(container, numbers);
			for (uint32 j = 0; j < container->count; j++)
				ords[n++] = first + numbers[j];
		}
	pfree(numbers);
	return ords;
}

/* combine_chunk() appends what becomes of two chunks to the result. */
static void
combine_chunk(MemberSet *result, Combine combine,
			  const Chunk *a, const Chunk *b)
{
	Chunk	   *chunk = make_chunk(result, result->count, a->number);

	for (int part = 0; part < PARTS; part++)
		combine(&chunk->parts[part], &a->parts[part], &b->parts[part]);
}

/* copy_chunk() appends a copy of a chunk to the result. */
static void
copy_chunk(MemberSet *result, const Chunk *chunk)
{
	Chunk	   *copy = make_chunk(result, result->count, chunk->number);

	for (int part = 0; part < PARTS; part++)
		numbers_copy(&copy->parts[part], &chunk->parts[part]);
}

static int64
chunk_size(const Chunk *chunk)
{
	int64		size = 0;

	for (int part = 0; part < PARTS; part++)
		size += chunk->parts[part].count;
	return size;
}

/* ---- chunks ---- */

int64
members_chunk_number(const MemberSet *set, int i)
{
	return i < set->count ? set->chunks[i].number : PG_INT64_MAX;
}

const NumberSet *
members_chunk_parts(const MemberSet *set, int i)
{
	return set->chunks[i].parts;
}

void
members_flip_chunk(MemberSet *set, const MemberSet *by, int i)
{
	const Chunk *other = &by->chunks[i];
	MemoryContext old = MemoryContextSwitchTo(set->context);
	Chunk	   *chunk = find_chunk(set, other->number, true);

	for (int part = 0; part < PARTS; part++)
		flip_part(&chunk->parts[part], &other->parts[part]);
	MemoryContextSwitchTo(old);
}

/* flip_part() flips the numbers of one container in another. */
static void
flip_part(NumberSet *part, const NumberSet *by)
{
	NumberSet	before = *part;

	if (by->count == 0)
		return;
	if (part->bits != NULL && by->bits == NULL)
	{
		for (uint32_t i = 0; i < by->count; i++)
			numbers_flip(part, by->array[i]);
		return;
	}
	numbers_exactly_one(part, &before, by);
	numbers_free(&before);
}

void
members_read_chunk(MemberSet *set, int64 number, int32 size, bytea *bytes)
{
	if (!members_try_chunk(set, number, size, bytes))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("the stored members of an audience are damaged"),
				 size < 0 ?
				 errdetail("Chunk " INT64_FORMAT " is no bitmap of profiles.",
						   number) :
				 errdetail("Chunk " INT64_FORMAT " is no bitmap of %d profiles.",
						   number, size),
				 errhint("Run SELECT segment.rebuild(), which decides membership again.")));
}

bool
members_try_chunk(MemberSet *set, int64 number, int32 size, bytea *bytes)
{
	const unsigned char *start = (const unsigned char *) VARDATA_ANY(bytes);
	Size		length = VARSIZE_ANY_EXHDR(bytes);
	uint64_t	cardinality;
	PortableContainer containers[PARTS];
	uint32_t	count;
	MemoryContext old;
	Chunk	   *chunk;

	if (length < 1 || start[0] != CHUNK_VERSION || number < 0 ||
		portable_check(start + 1, length - 1, CHUNK_ORDS,
					   &cardinality) != NULL ||
		(size >= 0 && cardinality != size))
		return false;

	count = portable_read(start + 1, length - 1, containers, PARTS);
	old = MemoryContextSwitchTo(set->context);
	chunk = find_chunk(set, number, true);
	for (uint32_t i = 0; i < count; i++)
	{
		NumberSet  *part = &chunk->parts[containers[i].key];
		NumberSet	before = *part;
		NumberSet	read;

		numbers_read(&read, &containers[i], start + 1);
		if (before.count == 0)
		{
			numbers_free(&before);
			*part = read;
			continue;
		}
		/* there are two rows for one chunk: the table's index is damaged */
		numbers_either(part, &before, &read);
		numbers_free(&before);
		numbers_free(&read);
	}
	MemoryContextSwitchTo(old);
	return true;
}

int
members_chunks(const MemberSet *set)
{
	return set->count;
}

bytea *
members_write_chunk(MemberSet *set, int i, int64 *number, int32 *size)
{
	const Chunk *chunk = &set->chunks[i];
	const NumberSet *parts[PARTS];
	PortableContainer containers[PARTS];
	uint32_t	count = 0;
	unsigned char *start;
	bytea	   *bytes;
	Size		length;

	for (int part = 0; part < PARTS; part++)
	{
		if (chunk->parts[part].count == 0)
			continue;
		parts[count] = &chunk->parts[part];
		containers[count].key = part;
		numbers_describe(parts[count], &containers[count]);
		count++;
	}
	*number = chunk->number;
	*size = (int32) chunk_size(chunk);

	length = VARHDRSZ + 1 + portable_size(containers, count);
	bytes = palloc(length);
	SET_VARSIZE(bytes, length);
	start = (unsigned char *) VARDATA(bytes);
	*start++ = CHUNK_VERSION;
	portable_write(containers, count, start);
	for (uint32_t i = 0; i < count; i++)
		numbers_write(parts[i], &containers[i], start);
	return bytes;
}

/* ---- the list of chunks ---- */

/*
 * find_part() returns the container of an ord; NULL if there is none and
 * 'make' is false.
 */
static NumberSet *
find_part(MemberSet *set, int64 ord, bool make)
{
	Chunk	   *chunk = find_chunk(set, CHUNK_OF(ord), make);

	return chunk == NULL ? NULL : &chunk->parts[PART_OF(ord)];
}

/* find_chunk() returns a chunk; NULL if there is none and 'make' is false. */
static Chunk *
find_chunk(MemberSet *set, int64 number, bool make)
{
	bool		found;
	int			at;

	if (set->last < set->count && set->chunks[set->last].number == number)
		return &set->chunks[set->last];
	at = search_chunk(set, number, &found);
	if (!found)
	{
		if (!make)
			return NULL;
		(void) make_chunk(set, at, number);
	}
	set->last = at;
	return &set->chunks[at];
}

/* search_chunk() returns which chunk has the number, or should have it. */
static int
search_chunk(const MemberSet *set, int64 number, bool *found)
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

/* make_chunk() inserts an empty chunk of that number as the i-th. */
static Chunk *
make_chunk(MemberSet *set, int i, int64 number)
{
	Chunk	   *chunk;

	if (set->count == set->space)
	{
		int			space = Max(8, set->space * 2);

		set->chunks = set->chunks == NULL ?
			MemoryContextAlloc(set->context, sizeof(Chunk) * space) :
			repalloc_huge(set->chunks, sizeof(Chunk) * space);
		set->space = space;
	}
	chunk = &set->chunks[i];
	memmove(chunk + 1, chunk, sizeof(Chunk) * (set->count - i));
	memset(chunk, 0, sizeof(Chunk));
	chunk->number = number;
	set->count++;
	return chunk;
}
