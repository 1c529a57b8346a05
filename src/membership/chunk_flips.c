/*-------------------------------------------------------------------------
 *
 * chunk_flips.c
 *	  Which profiles does a fold flip in which chunk?
 *
 *		definition 3, chunk 0		17 40 17
 *		definition 3, chunk 1		131100
 *		definition 8, chunk 0		17
 *
 * To write a chunk takes as long as to collect hundreds of flips: so they are
 * collected in memory, and each chunk is written once, however many profiles
 * a fold takes.  Only if they take too much memory some of them are written
 * before the others are known.
 *
 * A customer's flips are written together: so what is stored, with what is
 * collected, is of whom is a member after the customer's flips so far.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "membership/membership_private.h"

/*
 * Kilobytes that flips may take: half of work_mem, but 8 MB if that is no more
 * than twice work_mem.  Each time they are full a thousand chunks may have to
 * be written.
 */
#define FLIPS_MEMORY	Max(work_mem / 2, Min(8 * 1024, work_mem * 2))

/* A chunk of a definition. */
typedef struct ChunkId
{
	int64		number;
	int32		definition_id;
} ChunkId;

/* What is to be flipped in it. */
typedef struct Collected
{
	ChunkId		id;
	int			count;
	int			space;
	uint32	   *offsets;
	char		status;			/* for simplehash */
} Collected;
#define SH_PREFIX collected
#define SH_ELEMENT_TYPE Collected
#define SH_KEY_TYPE ChunkId
#define SH_KEY id
#define SH_HASH_KEY(table, key) \
	hash_combine(murmurhash32((uint32) (key).number), \
				 murmurhash32((key).definition_id))
#define SH_EQUAL(table, a, b) \
	((a).number == (b).number && (a).definition_id == (b).definition_id)
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

struct ChunkFlips
{
	const MembershipFold *fold;
	MemoryContext memory;		/* of what is collected */
	collected_hash *chunks;
};

static void start(ChunkFlips *flips);
static void write_collected(ChunkFlips *flips);
static bool goes_odd(const Collected *chunk, uint32 offset);
static int	compare_chunks(const void *a, const void *b);

ChunkFlips *
chunk_flips_begin(const MembershipFold *fold)
{
	ChunkFlips *flips = palloc(sizeof(ChunkFlips));

	flips->fold = fold;
	flips->memory = AllocSetContextCreate(CurrentMemoryContext,
										  "segment chunk flips",
										  ALLOCSET_DEFAULT_SIZES);
	start(flips);
	return flips;
}

void
chunk_flips_add(ChunkFlips *flips, int32 definition_id, int64 ord)
{
	bool		found;
	Collected  *chunk = collected_insert(flips->chunks,
										 (ChunkId) {CHUNK_OF(ord),
													definition_id}, &found);

	if (!found)
	{
		chunk->count = 0;
		chunk->space = 8;
		chunk->offsets = MemoryContextAlloc(flips->memory,
											sizeof(uint32) * chunk->space);
	}
	if (chunk->count == chunk->space)
	{
		chunk->space *= 2;
		chunk->offsets = repalloc_huge(chunk->offsets,
									   sizeof(uint32) * chunk->space);
	}
	chunk->offsets[chunk->count++] = CHUNK_OFFSET(ord);
}

bool
chunk_flips_is_member(const ChunkFlips *flips, int32 definition_id, int64 ord,
					  bool *member)
{
	Collected  *chunk = collected_lookup(flips->chunks,
										 (ChunkId) {CHUNK_OF(ord),
													definition_id});

	if (!chunk_contains(flips->fold, definition_id, ord, member))
		return false;
	if (chunk != NULL)
		*member ^= goes_odd(chunk, CHUNK_OFFSET(ord));
	return true;
}

void
chunk_flips_next_customer(ChunkFlips *flips)
{
	Size		most = (Size) FLIPS_MEMORY * 1024;

	if (MemoryContextMemAllocated(flips->memory, false) <= most)
		return;
	write_collected(flips);
	MemoryContextReset(flips->memory);
	start(flips);
}

void
chunk_flips_end(ChunkFlips *flips)
{
	write_collected(flips);
	MemoryContextDelete(flips->memory);
	pfree(flips);
}

/* start() begins to collect. */
static void
start(ChunkFlips *flips)
{
	flips->chunks = collected_create(flips->memory, 64, NULL);
}

/* write_collected() flips what is collected in the chunks. */
static void
write_collected(ChunkFlips *flips)
{
	const MembershipFold *fold = flips->fold;
	MemoryContext memory = AllocSetContextCreate(CurrentMemoryContext,
												 "segment chunk",
												 ALLOCSET_DEFAULT_SIZES);
	Collected **list = MemoryContextAllocHuge(flips->memory,
											  sizeof(Collected *) *
											  flips->chunks->members);
	int			count = 0;
	collected_iterator at;
	Collected  *chunk;
	ChunkWriter writer;

	collected_start_iterate(flips->chunks, &at);
	while ((chunk = collected_iterate(flips->chunks, &at)) != NULL)
		list[count++] = chunk;
	qsort(list, count, sizeof(Collected *), compare_chunks);

	chunk_writer_open(&writer, fold->population);
	writer.skip_damaged = fold->skip_damaged;
	for (int i = 0; i < count; i++)
	{
		ChunkId		id = list[i]->id;

		CHECK_FOR_INTERRUPTS();
		if (fold->is_defined(fold, id.definition_id))
		{
			MemoryContext old = MemoryContextSwitchTo(memory);

			chunk_flip(&writer, id.definition_id, id.number,
					   list[i]->offsets, list[i]->count);
			MemoryContextSwitchTo(old);
			MemoryContextReset(memory);
		}
	}
	chunk_writer_close(&writer);
	MemoryContextDelete(memory);
	CommandCounterIncrement();
}

/* goes_odd() tells whether a profile is flipped an odd number of times. */
static bool
goes_odd(const Collected *chunk, uint32 offset)
{
	bool		odd = false;

	for (int i = 0; i < chunk->count; i++)
		odd ^= (chunk->offsets[i] == offset);
	return odd;
}

static int
compare_chunks(const void *a, const void *b)
{
	ChunkId		left = (*(Collected *const *) a)->id;
	ChunkId		right = (*(Collected *const *) b)->id;

	if (left.definition_id != right.definition_id)
		return left.definition_id < right.definition_id ? -1 : 1;
	return left.number < right.number ? -1 : left.number > right.number;
}
