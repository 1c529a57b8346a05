/*-------------------------------------------------------------------------
 *
 * pairs.c
 *	  How many members have each two of many sets in common?
 *
 *		chunk 0		a {3, 17}	b {17}		c {3, 17, 20}
 *		chunk 1		a {140000}				c {140000}
 *
 *		a and b		1			a and c		2 + 1		b and c		1
 *
 * All sets are compared container by container, so that the containers which
 * are compared, 8 kB each, stay in the processor's cache.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "membership/members.h"

/* Containers with more numbers than that are compared as bits. */
#define MOST_OF_ARRAY	64

/* Containers that are compared with each other before others are. */
#define TILE			16

/* The same container of all sets, as far as they have members in it. */
typedef struct Containers
{
	int			count;
	int		   *set;			/* whose container it is */
	NumberSet  *list;
	uint64_t   *bits;			/* room for those that are made bits */
} Containers;

static void collect(Containers *containers, const NumberSet *part, int set);
static void count_pairs(const Containers *containers, int count, int64 *both);

void
members_count_pairs(MemberSet *const *sets, int count, int64 *both)
{
	int		   *next = palloc0(sizeof(int) * Max(count, 1));
	Containers	containers = {
		.set = palloc(sizeof(int) * Max(count, 1)),
		.list = palloc(sizeof(NumberSet) * Max(count, 1)),
		.bits = MemoryContextAllocHuge(CurrentMemoryContext,
									   (Size) ALL_NUMBERS / 8 * Max(count, 1)),
	};

	memset(both, 0, sizeof(int64) * count * count);
	for (;;)
	{
		int64		chunk = PG_INT64_MAX;

		for (int i = 0; i < count; i++)
			chunk = Min(chunk, members_chunk_number(sets[i], next[i]));
		if (chunk == PG_INT64_MAX)
			break;
		for (int part = 0; part < CHUNK_PARTS; part++)
		{
			CHECK_FOR_INTERRUPTS();
			containers.count = 0;
			for (int i = 0; i < count; i++)
				if (members_chunk_number(sets[i], next[i]) == chunk)
					collect(&containers,
							&members_chunk_parts(sets[i], next[i])[part], i);
			count_pairs(&containers, count, both);
		}
		for (int i = 0; i < count; i++)
			next[i] += members_chunk_number(sets[i], next[i]) == chunk;
	}
	pfree(next);
	pfree(containers.set);
	pfree(containers.list);
	pfree(containers.bits);
}

/* collect() adds the container of a set, if there are numbers in it. */
static void
collect(Containers *containers, const NumberSet *part, int set)
{
	int			i = containers->count;
	NumberSet  *copy = &containers->list[i];
	uint64_t   *room = containers->bits + (Size) ALL_NUMBERS / 64 * i;

	if (part->count == 0)
		return;
	*copy = *part;
	if (copy->bits == NULL && copy->count > MOST_OF_ARRAY)
		copy->bits = unconstify(uint64_t *, numbers_bits(part, room));
	containers->set[i] = set;
	containers->count++;
}

/* count_pairs() adds what each two containers share to their sets' counts. */
static void
count_pairs(const Containers *containers, int count, int64 *both)
{
	int			n = containers->count;

	for (int left = 0; left < n; left += TILE)
		for (int right = left; right < n; right += TILE)
			for (int i = left; i < Min(left + TILE, n); i++)
				for (int j = Max(right, i + 1); j < Min(right + TILE, n); j++)
					both[(Size) containers->set[i] * count +
						 containers->set[j]] +=
						numbers_count_both(&containers->list[i],
										   &containers->list[j]);
}
