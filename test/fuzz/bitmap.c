/*-------------------------------------------------------------------------
 *
 * bitmap.c
 *	  Do bitmaps mean to us what they mean to the roaring library?
 *
 * Whatever portable_check() accepts, the library must read, find as many members
 * in it as were told, in order, and be able to work with; and whatever the library
 * writes must be accepted.  What is refused must not be missed by anybody:
 * the made-up bitmaps, and the names of the files in the corpus, say what is
 * sound.
 *
 * Our own containers read the same members from it, and come to the same in all
 * that is done with one or two of them; what they write the library reads.
 *
 * The library is not compiled here, so no sanitizer watches it.  Therefore
 * all bytes are shown to it, and to us, where memory ends right behind them.
 *
 * Three functions of its release 0.2.66 are not called, and should not be:
 * roaring_bitmap_remove_run_compression() writes past its memory if a run ends
 * with the container, as 65000 .. 65535 does; roaring_bitmap_add_range() and
 * roaring_bitmap_remove_range() can make a bitset of 4096 members or fewer from
 * a container of two thousand runs, which is then written as what it is not.
 * A range is added and removed as a bitmap of its own.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <roaring/roaring.h>
#include <sys/mman.h>
#include <unistd.h>

#include "membership/numbers.h"
#include "membership/portable.h"

#include "harness.h"

/* more are not looked at one by one */
#define MOST_MEMBERS	(1 << 20)
#define MOST_CONTAINERS	4

typedef struct Walk
{
	uint64_t	members;
	uint32		last;
} Walk;

static void check_library(const char *data, size_t size, uint64_t cardinality);
static void check_limits(const char *data, size_t size,
						 const roaring_bitmap_t *bitmap, uint64_t cardinality);
static void check_length(const char *data, size_t size);
static void check_order(const roaring_bitmap_t *bitmap, uint64_t cardinality);
static bool step(uint32 member, void *walk);
static void check_containers(const char *data, size_t size,
							 const roaring_bitmap_t *bitmap);
static void check_container(const NumberSet *ours, uint32_t key,
							const roaring_bitmap_t *theirs);
static void check_pairs(const NumberSet *ours, uint32_t key,
						const roaring_bitmap_t *theirs);
static void check_changes(const NumberSet *ours, uint32_t key,
						  const roaring_bitmap_t *theirs);
static roaring_bitmap_t *to_library(const NumberSet *ours, uint32_t key);
static void from_library(NumberSet *ours, const roaring_bitmap_t *theirs);
static void check_operations(const roaring_bitmap_t *bitmap,
							 uint64_t cardinality);
static void check_result(roaring_bitmap_t *result, uint64_t cardinality);
static const roaring_bitmap_t *partner(int number);
static const char *verdict(const char *data, size_t size, uint32 limit,
						   uint64_t *cardinality);
static char *at_the_edge(const char *data, size_t size);
static char *write_bitmap(const roaring_bitmap_t *bitmap, size_t *size);
static roaring_bitmap_t *make_up(int depth);
static roaring_bitmap_t *combine(roaring_bitmap_t *a, roaring_bitmap_t *b);

void
check_bitmap(const char *data, size_t size)
{
	uint64_t	cardinality;

	if (verdict(data, size, UINT32_MAX, &cardinality) == NULL)
	{
		check_length(data, size);
		check_library(data, size, cardinality);
	}
	else
	{
		/* nor is it sound if less is allowed */
		Assert(verdict(data, size, 65536, &cardinality) != NULL);
	}
}

bool
bitmap_is_sound(const char *data, size_t size)
{
	uint64_t	cardinality;

	return verdict(data, size, UINT32_MAX, &cardinality) == NULL;
}

static void
check_library(const char *data, size_t size, uint64_t cardinality)
{
	roaring_bitmap_t *bitmap;

	bitmap = roaring_bitmap_portable_deserialize_safe(at_the_edge(data, size),
													  size);
	Assert(bitmap != NULL);
	Assert(roaring_bitmap_portable_deserialize_size(at_the_edge(data, size),
													size) == size);
	Assert(roaring_bitmap_get_cardinality(bitmap) == cardinality);
	check_limits(data, size, bitmap, cardinality);
	check_order(bitmap, cardinality);
	check_operations(bitmap, cardinality);
	check_containers(data, size, bitmap);
	roaring_bitmap_free(bitmap);
}

/* It is accepted from the limit on that its largest member demands. */
static void
check_limits(const char *data, size_t size, const roaring_bitmap_t *bitmap,
			 uint64_t cardinality)
{
	uint32		limit = 0;
	uint64_t	told;

	if (cardinality > 0)
	{
		limit = roaring_bitmap_maximum(bitmap) + 1;
		Assert(verdict(data, size, limit - 1, &told) != NULL);
		Assert(verdict(data, size, 0, &told) != NULL);
	}
	Assert(verdict(data, size, limit, &told) == NULL && told == cardinality);
}

/* One byte less or more, and it is none. */
static void
check_length(const char *data, size_t size)
{
	char	   *longer = palloc(size + 1);
	uint64_t	cardinality;

	memcpy(longer, data, size);
	longer[size] = '\0';
	Assert(verdict(longer, size + 1, UINT32_MAX, &cardinality) != NULL);
	Assert(verdict(data, size - 1, UINT32_MAX, &cardinality) != NULL);
	Assert(verdict(data, size / 2, UINT32_MAX, &cardinality) != NULL);
}

static void
check_order(const roaring_bitmap_t *bitmap, uint64_t cardinality)
{
	Walk		walk = {0, 0};

	if (cardinality > MOST_MEMBERS)
		return;
	roaring_iterate(bitmap, step, &walk);
	Assert(walk.members == cardinality);
}

static bool
step(uint32 member, void *argument)
{
	Walk	   *walk = argument;

	Assert(walk->members == 0 || member > walk->last);
	walk->last = member;
	walk->members++;
	return true;
}

/* Our own containers against the library's, one by one. */
static void
check_containers(const char *data, size_t size, const roaring_bitmap_t *bitmap)
{
	/* the sanitizers see where it ends */
	unsigned char *bytes = memcpy(palloc(size), data, size);
	PortableContainer containers[MOST_CONTAINERS];
	uint32_t	count = portable_read(bytes, size, containers, MOST_CONTAINERS);

	for (uint32_t i = 0; i < Min(count, MOST_CONTAINERS); i++)
	{
		uint64_t	first = (uint64_t) containers[i].key << 16;
		roaring_bitmap_t *range;
		NumberSet	ours;

		/* its last member is no number below any limit */
		if (containers[i].key == 65535)
			continue;
		range = roaring_bitmap_from_range(first, first + 65536, 1);
		numbers_read(&ours, &containers[i], bytes);
		roaring_bitmap_and_inplace(range, bitmap);
		check_container(&ours, containers[i].key, range);
		check_pairs(&ours, containers[i].key, range);
		check_changes(&ours, containers[i].key, range);
		numbers_free(&ours);
		roaring_bitmap_free(range);
	}
}

/* Both have the same members, and the library reads what we write. */
static void
check_container(const NumberSet *ours, uint32_t key,
				const roaring_bitmap_t *theirs)
{
	uint16_t   *numbers = palloc(sizeof(uint16_t) * ALL_NUMBERS);
	roaring_bitmap_t *written = to_library(ours, key);

	Assert(ours->count == roaring_bitmap_get_cardinality(theirs));
	Assert((ours->count > 4096) == (ours->bits != NULL));
	Assert(roaring_bitmap_equals(written, theirs));
	numbers_list(ours, numbers);
	for (uint32_t i = 0; i < ours->count; i++)
	{
		Assert(i == 0 || numbers[i] > numbers[i - 1]);
		Assert(roaring_bitmap_contains(theirs, key << 16 | numbers[i]));
	}
	for (int i = 0; i < 100; i++)
	{
		uint16_t	number = (uint16_t) next_random();

		Assert(numbers_contains(ours, number) ==
			   roaring_bitmap_contains(theirs, key << 16 | number));
	}
	roaring_bitmap_free(written);
	pfree(numbers);
}

/* With each of some others: arrays, bits, runs, and nothing. */
static void
check_pairs(const NumberSet *ours, uint32_t key, const roaring_bitmap_t *theirs)
{
	static void (*const combine[]) (NumberSet *, const NumberSet *, const NumberSet *) = {
		numbers_both, numbers_either, numbers_only, numbers_exactly_one
	};
	static roaring_bitmap_t *(*const library[]) (const roaring_bitmap_t *,
												 const roaring_bitmap_t *) = {
		roaring_bitmap_and, roaring_bitmap_or, roaring_bitmap_andnot,
		roaring_bitmap_xor
	};

	for (int i = 0; partner(i) != NULL; i++)
	{
		NumberSet	other;
		roaring_bitmap_t *others;

		from_library(&other, partner(i));
		others = to_library(&other, key);
		Assert(numbers_count_both(ours, &other) ==
			   roaring_bitmap_and_cardinality(theirs, others));
		Assert(numbers_count_both(&other, ours) ==
			   numbers_count_both(ours, &other));
		for (int j = 0; j < lengthof(combine); j++)
			for (int swapped = 0; swapped < 2; swapped++)
			{
				const NumberSet *a = swapped ? &other : ours;
				const NumberSet *b = swapped ? ours : &other;
				NumberSet	result;
				roaring_bitmap_t *expected = swapped ?
					library[j] (others, theirs) : library[j] (theirs, others);

				combine[j] (&result, a, b);
				check_container(&result, key, expected);
				numbers_free(&result);
				roaring_bitmap_free(expected);
			}
		numbers_free(&other);
		roaring_bitmap_free(others);
	}
}

/* Members come and go, one by one, past the size at which the form changes. */
static void
check_changes(const NumberSet *ours, uint32_t key, const roaring_bitmap_t *theirs)
{
	NumberSet	changed;
	roaring_bitmap_t *expected = roaring_bitmap_copy(theirs);
	uint32		first = next_random();
	uint32		step = 1 + next_random() % 20;

	numbers_copy(&changed, ours);
	for (uint32 i = 0; i < 600; i++)
	{
		uint16_t	number = (uint16_t) (first + i * step);
		uint32		member = key << 16 | number;

		if (i % 3 == 0)
		{
			numbers_add(&changed, number);
			roaring_bitmap_add(expected, member);
			continue;
		}
		numbers_flip(&changed, number);
		if (!roaring_bitmap_remove_checked(expected, member))
			roaring_bitmap_add(expected, member);
	}
	check_container(&changed, key, expected);
	numbers_free(&changed);
	roaring_bitmap_free(expected);
}

/* What we write of a container, read by the library. */
static roaring_bitmap_t *
to_library(const NumberSet *ours, uint32_t key)
{
	PortableContainer as = {.key = key};
	size_t		size;
	unsigned char *bytes;
	roaring_bitmap_t *result;
	uint64_t	cardinality;

	if (ours->count == 0)
		return roaring_bitmap_create();
	numbers_describe(ours, &as);
	size = portable_size(&as, 1);
	bytes = palloc(size);
	portable_write(&as, 1, bytes);
	numbers_write(ours, &as, bytes);
	Assert(verdict((char *) bytes, size, UINT32_MAX, &cardinality) == NULL);
	Assert(cardinality == ours->count);
	result = roaring_bitmap_portable_deserialize_safe((char *) bytes, size);
	Assert(result != NULL);
	pfree(bytes);
	return result;
}

/* The first container of what the library writes. */
static void
from_library(NumberSet *ours, const roaring_bitmap_t *theirs)
{
	PortableContainer first;
	size_t		size;
	char	   *bytes = write_bitmap(theirs, &size);

	if (portable_read((unsigned char *) bytes, size, &first, 1) == 0)
		memset(ours, 0, sizeof(NumberSet));
	else
		numbers_read(ours, &first, (unsigned char *) bytes);
	pfree(bytes);
}

/* What the library makes of it, by itself and with others, adds up. */
static void
check_operations(const roaring_bitmap_t *bitmap, uint64_t cardinality)
{
	roaring_bitmap_t *copy;

	check_result(roaring_bitmap_copy(bitmap), cardinality);
	copy = roaring_bitmap_copy(bitmap);
	roaring_bitmap_run_optimize(copy);
	Assert(roaring_bitmap_equals(copy, bitmap));
	check_result(copy, cardinality);

	for (int i = 0; partner(i) != NULL; i++)
	{
		const roaring_bitmap_t *other = partner(i);
		uint64_t	others = roaring_bitmap_get_cardinality(other);
		uint64_t	both = roaring_bitmap_and_cardinality(bitmap, other);

		Assert(both <= cardinality && both <= others);
		check_result(roaring_bitmap_and(bitmap, other), both);
		check_result(roaring_bitmap_or(bitmap, other), cardinality + others - both);
		check_result(roaring_bitmap_andnot(bitmap, other), cardinality - both);
		check_result(roaring_bitmap_xor(bitmap, other),
					 cardinality + others - 2 * both);
		copy = roaring_bitmap_copy(bitmap);
		roaring_bitmap_xor_inplace(copy, other);
		roaring_bitmap_xor_inplace(copy, other);
		Assert(roaring_bitmap_equals(copy, bitmap));
		check_result(copy, cardinality);
	}
}

/* What the library writes is accepted, and read again the same.  Frees it. */
static void
check_result(roaring_bitmap_t *result, uint64_t cardinality)
{
	size_t		size;
	char	   *written = write_bitmap(result, &size);
	uint64_t	told;
	roaring_bitmap_t *again;

	Assert(roaring_bitmap_get_cardinality(result) == cardinality);
	Assert(verdict(written, size, UINT32_MAX, &told) == NULL);
	Assert(told == cardinality);
	again = roaring_bitmap_portable_deserialize_safe(written, size);
	Assert(again != NULL && roaring_bitmap_equals(again, result));
	roaring_bitmap_free(again);
	roaring_bitmap_free(result);
	pfree(written);
}

/* Bitmaps of all kinds of containers to combine with; NULL behind the last. */
static const roaring_bitmap_t *
partner(int number)
{
	static roaring_bitmap_t *partners[6];

	if (partners[0] == NULL)
	{
		partners[0] = roaring_bitmap_from_range(5, 131072, 1000);	/* arrays */
		partners[1] = roaring_bitmap_from_range(0, 131072, 2);	/* bitsets */
		partners[2] = roaring_bitmap_from_range(100, 70000, 1); /* runs */
		roaring_bitmap_run_optimize(partners[2]);
		partners[3] = roaring_bitmap_create();	/* nothing */
		partners[4] = roaring_bitmap_from_range(30, 65536, 16); /* nearly bits */
	}
	return partners[number];
}

static const char *
verdict(const char *data, size_t size, uint32 limit, uint64_t *cardinality)
{
	return portable_check((unsigned char *) at_the_edge(data, size), size,
						  limit, cardinality);
}

/*
 * The bytes again, in front of a page that nobody may touch.  Good until the
 * next call.
 */
static char *
at_the_edge(const char *data, size_t size)
{
	static char *edge = NULL;
	static size_t room = 0;

	if (edge == NULL || size > room)
	{
		size_t		page = sysconf(_SC_PAGESIZE);

		if (edge != NULL)
			munmap(edge - room, room + page);
		room = (size / page + 1) * page;
		edge = mmap(NULL, room + page, PROT_READ | PROT_WRITE,
					MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (edge == MAP_FAILED)
			abort();
		edge += room;
		if (mprotect(edge, page, PROT_NONE) != 0)
			abort();
	}
	return memcpy(edge - size, data, size);
}

static char *
write_bitmap(const roaring_bitmap_t *bitmap, size_t *size)
{
	char	   *written;

	*size = roaring_bitmap_portable_size_in_bytes(bitmap);
	written = palloc(*size);
	Assert(roaring_bitmap_portable_serialize(bitmap, written) == *size);
	return written;
}

char *
make_up_bitmap(size_t *size)
{
	roaring_bitmap_t *bitmap = make_up(next_random() % 3);
	char	   *written = write_bitmap(bitmap, size);

	roaring_bitmap_free(bitmap);
	return written;
}

/* Some of what a bitmap may have gone through before it is written. */
static roaring_bitmap_t *
make_up(int depth)
{
	roaring_bitmap_t *bitmap;
	uint32		span = 256u << next_random() % 12;
	/* mostly from 0 on, sometimes near the largest number there is */
	uint32		base = next_random() % 8 == 0 ? UINT32_MAX - 2 * span : 0;

	if (depth == 0)
		bitmap = roaring_bitmap_create();
	else
		bitmap = combine(make_up(depth - 1), make_up(depth - 1));

	for (int i = next_random() % 5; i >= 0; i--)
	{
		uint32		first = base + next_random() % span;
		uint32		behind = first + 1 + next_random() % span;
		uint32		count = next_random() % 6000;
		roaring_bitmap_t *range;

		/* to the very end of a container */
		if (next_random() % 4 == 0 && base == 0)
			behind = (behind | 65535) + 1;

		switch (next_random() % 7)
		{
			case 0:
				while (count-- > 0)
					roaring_bitmap_add(bitmap, base + next_random() % span);
				break;
			case 1:
				while (count-- > 0)
					roaring_bitmap_remove(bitmap, base + next_random() % span);
				break;
			case 2:
				/* as many runs, or bits, as fit */
				for (; count > 0 && first < behind; count--, first += 2)
					roaring_bitmap_add(bitmap, first);
				break;
			case 3:
			case 4:
				range = roaring_bitmap_from_range(first, behind, 1);
				if (next_random() % 2 == 0)
					roaring_bitmap_or_inplace(bitmap, range);
				else
					roaring_bitmap_andnot_inplace(bitmap, range);
				roaring_bitmap_free(range);
				break;
			case 5:
				roaring_bitmap_flip_inplace(bitmap, first, behind);
				break;
			case 6:
				roaring_bitmap_run_optimize(bitmap);
				break;
		}
	}
	return bitmap;
}

/* Frees both. */
static roaring_bitmap_t *
combine(roaring_bitmap_t *a, roaring_bitmap_t *b)
{
	roaring_bitmap_t *result = a;

	switch (next_random() % 8)
	{
		case 0:
			result = roaring_bitmap_and(a, b);
			break;
		case 1:
			result = roaring_bitmap_or(a, b);
			break;
		case 2:
			result = roaring_bitmap_andnot(a, b);
			break;
		case 3:
			result = roaring_bitmap_xor(a, b);
			break;
		case 4:
			roaring_bitmap_and_inplace(a, b);
			break;
		case 5:
			roaring_bitmap_or_inplace(a, b);
			break;
		case 6:
			roaring_bitmap_andnot_inplace(a, b);
			break;
		case 7:
			roaring_bitmap_xor_inplace(a, b);
			break;
	}
	if (result != a)
		roaring_bitmap_free(a);
	roaring_bitmap_free(b);
	return result;
}
