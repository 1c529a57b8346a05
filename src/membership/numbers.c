/*-------------------------------------------------------------------------
 *
 * numbers.c
 *	  How is a set of numbers below 65,536 kept in memory?
 *
 * A set of a few numbers is an array, one of more than 4096 a bit for each
 * number, as in the portable format (portable.c); there a set may also be
 * runs, here it is not.  Each result is brought to the form that its size
 * demands, so a set has one form only:
 *
 *		{3, 7, 9}				array	3 7 9
 *		{0 .. 65535}			bits	ffffffffffffffff ...
 *		the one without the other		bits, 65533 of them
 *		both					array	3 7 9
 *
 * This code is the house's own, and small, because a library that other
 * extensions bring along as well is not ours alone: the server loads modules
 * with global symbols, and which function of one name is called depends on
 * which library was loaded first.
 *
 * Nothing of the server is needed but memory and the counting of bits, so that
 * it can be fuzzed against a library that does the same.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "port/pg_bitutils.h"

#include "membership/numbers.h"

/* A set of more numbers is bits: those take no more room then. */
#define LARGEST_ARRAY	4096
#define FIRST_SPACE		4

#define WORD_BITS		64
#define WORDS			(ALL_NUMBERS / WORD_BITS)
#define BITS_BYTES		(ALL_NUMBERS / 8)

#define WORD_OF(number)	((number) / WORD_BITS)
#define BIT_OF(number)	(UINT64_C(1) << ((number) % WORD_BITS))

/* What becomes of two words, one of each set. */
typedef enum Operation
{
	BOTH,
	EITHER,
	ONLY_FIRST,
	EXACTLY_ONE,
} Operation;

static uint32_t find(const NumberSet *set, uint16_t number, bool *found);
static void insert(NumberSet *set, uint32_t at, uint16_t number);
static void combine(NumberSet *result, Operation operation,
					const NumberSet *a, const NumberSet *b);
static void combine_arrays(NumberSet *result, Operation operation,
						   const NumberSet *a, const NumberSet *b);
static void pick(NumberSet *result, const NumberSet *from,
				 const NumberSet *by, bool in);
static void combine_bits(NumberSet *result, Operation operation,
						 const NumberSet *a, const NumberSet *b);
static void set_bits(uint64_t *bits, const NumberSet *array);
static uint32_t count_bits(const uint64_t *bits);
static void normalize(NumberSet *set);
static void make_array(NumberSet *set, uint32_t space);
static void list_bits(const uint64_t *bits, uint16_t *numbers);
static void add_range(uint64_t *bits, uint32_t first, uint32_t last);
static uint32_t count_runs(const NumberSet *set);
static void write_runs(const uint64_t *bits, unsigned char *at);
static uint32_t find_bit(const uint64_t *bits, uint32_t number, bool in);
static void swap_array(uint16_t *array, uint32_t count);
static void swap_bits(uint64_t *bits);
static unsigned char *put16(unsigned char *at, uint32_t number);
static uint32_t get16(const unsigned char *at);

bool
numbers_contains(const NumberSet *set, uint16_t number)
{
	bool		found;

	if (set->bits != NULL)
		return (set->bits[WORD_OF(number)] & BIT_OF(number)) != 0;
	(void) find(set, number, &found);
	return found;
}

void
numbers_add(NumberSet *set, uint16_t number)
{
	if (!numbers_contains(set, number))
		numbers_flip(set, number);
}

void
numbers_flip(NumberSet *set, uint16_t number)
{
	bool		found;
	uint32_t	at;

	if (set->bits != NULL)
	{
		set->bits[WORD_OF(number)] ^= BIT_OF(number);
		if ((set->bits[WORD_OF(number)] & BIT_OF(number)) != 0)
			set->count++;
		else
			set->count--;
		normalize(set);
		return;
	}

	at = find(set, number, &found);
	if (!found)
		insert(set, at, number);
	else
	{
		set->count--;
		memmove(&set->array[at], &set->array[at + 1],
				(set->count - at) * sizeof(uint16_t));
	}
}

/* find() returns at which index of an array a number is, or belongs. */
static uint32_t
find(const NumberSet *set, uint16_t number, bool *found)
{
	uint32_t	low = 0;
	uint32_t	high = set->count;

	/* mostly numbers come in order */
	if (high > 0 && set->array[high - 1] < number)
		low = high;
	while (low < high)
	{
		uint32_t	middle = low + (high - low) / 2;

		if (set->array[middle] < number)
			low = middle + 1;
		else
			high = middle;
	}
	*found = low < set->count && set->array[low] == number;
	return low;
}

/* insert() inserts a number into an array, which may become bits. */
static void
insert(NumberSet *set, uint32_t at, uint16_t number)
{
	if (set->count == LARGEST_ARRAY)
	{
		uint64_t   *bits = palloc0(BITS_BYTES);

		set_bits(bits, set);
		bits[WORD_OF(number)] |= BIT_OF(number);
		pfree(set->array);
		set->array = NULL;
		set->space = 0;
		set->bits = bits;
		set->count++;
		return;
	}
	if (set->count == set->space)
	{
		set->space = Min(Max(set->space * 2, FIRST_SPACE), LARGEST_ARRAY);
		set->array = set->array == NULL ?
			palloc(set->space * sizeof(uint16_t)) :
			repalloc(set->array, set->space * sizeof(uint16_t));
	}
	memmove(&set->array[at + 1], &set->array[at],
			(set->count - at) * sizeof(uint16_t));
	set->array[at] = number;
	set->count++;
}

/* ---- two sets ---- */

void
numbers_copy(NumberSet *result, const NumberSet *set)
{
	memset(result, 0, sizeof(NumberSet));
	if (set->bits != NULL)
	{
		result->bits = palloc(BITS_BYTES);
		memcpy(result->bits, set->bits, BITS_BYTES);
	}
	else
	{
		make_array(result, set->count);
		if (set->count > 0)
			memcpy(result->array, set->array, set->count * sizeof(uint16_t));
	}
	result->count = set->count;
}

void
numbers_both(NumberSet *result, const NumberSet *a, const NumberSet *b)
{
	combine(result, BOTH, a, b);
}

void
numbers_either(NumberSet *result, const NumberSet *a, const NumberSet *b)
{
	combine(result, EITHER, a, b);
}

void
numbers_only(NumberSet *result, const NumberSet *a, const NumberSet *b)
{
	combine(result, ONLY_FIRST, a, b);
}

void
numbers_exactly_one(NumberSet *result, const NumberSet *a, const NumberSet *b)
{
	combine(result, EXACTLY_ONE, a, b);
}

/* combine() chooses the way that is right for the forms of both sets. */
static void
combine(NumberSet *result, Operation operation,
		const NumberSet *a, const NumberSet *b)
{
	memset(result, 0, sizeof(NumberSet));
	if (a->bits == NULL && b->bits == NULL)
		combine_arrays(result, operation, a, b);
	else if (a->bits == NULL && operation == BOTH)
		pick(result, a, b, true);
	else if (a->bits == NULL && operation == ONLY_FIRST)
		pick(result, a, b, false);
	else if (b->bits == NULL && operation == BOTH)
		pick(result, b, a, true);
	else
		combine_bits(result, operation, a, b);
}

/* combine_arrays() merges two arrays. */
static void
combine_arrays(NumberSet *result, Operation operation,
			   const NumberSet *a, const NumberSet *b)
{
	bool		of_first = operation != BOTH;
	bool		of_second = operation == EITHER || operation == EXACTLY_ONE;
	bool		of_both = operation == BOTH || operation == EITHER;
	uint16_t	both[2 * LARGEST_ARRAY];
	uint32_t	count = 0;
	uint32_t	i = 0;
	uint32_t	j = 0;

	while (i < a->count || j < b->count)
	{
		if (j == b->count || (i < a->count && a->array[i] < b->array[j]))
		{
			if (of_first)
				both[count++] = a->array[i];
			i++;
		}
		else if (i == a->count || b->array[j] < a->array[i])
		{
			if (of_second)
				both[count++] = b->array[j];
			j++;
		}
		else
		{
			if (of_both)
				both[count++] = a->array[i];
			i++, j++;
		}
	}

	result->count = count;
	if (count <= LARGEST_ARRAY)
	{
		make_array(result, count);
		if (count > 0)
			memcpy(result->array, both, count * sizeof(uint16_t));
	}
	else
	{
		NumberSet	large = {count, count, both};

		result->bits = palloc0(BITS_BYTES);
		set_bits(result->bits, &large);
	}
}

/* pick() picks the numbers of an array that are in bits, or are not. */
static void
pick(NumberSet *result, const NumberSet *from, const NumberSet *by, bool in)
{
	make_array(result, from->count);
	for (uint32_t i = 0; i < from->count; i++)
		if (numbers_contains(by, from->array[i]) == in)
			result->array[result->count++] = from->array[i];
}

/* combine_bits() combines two sets of which at least one is bits. */
static void
combine_bits(NumberSet *result, Operation operation,
			 const NumberSet *a, const NumberSet *b)
{
	uint64_t	room[WORDS];
	const uint64_t *left = numbers_bits(a, room);
	const uint64_t *right = numbers_bits(b, room);
	uint64_t   *bits = palloc(BITS_BYTES);

	switch (operation)
	{
		case BOTH:
			for (int i = 0; i < WORDS; i++)
				bits[i] = left[i] & right[i];
			break;
		case EITHER:
			for (int i = 0; i < WORDS; i++)
				bits[i] = left[i] | right[i];
			break;
		case ONLY_FIRST:
			for (int i = 0; i < WORDS; i++)
				bits[i] = left[i] & ~right[i];
			break;
		case EXACTLY_ONE:
			for (int i = 0; i < WORDS; i++)
				bits[i] = left[i] ^ right[i];
			break;
	}
	result->bits = bits;
	result->count = count_bits(bits);
	normalize(result);
}

uint32_t
numbers_count_both(const NumberSet *a, const NumberSet *b)
{
	const NumberSet *array = a->bits == NULL ? a : b;
	const NumberSet *other = a->bits == NULL ? b : a;
	uint32_t	count = 0;

	if (array->count == ALL_NUMBERS || other->count == ALL_NUMBERS)
		return Min(a->count, b->count);
	if (array->bits != NULL)
		return bits_count_both(a->bits, b->bits);
	if (other->bits != NULL)
	{
		for (uint32_t i = 0; i < array->count; i++)
			count += numbers_contains(other, array->array[i]);
		return count;
	}
	for (uint32_t i = 0, j = 0; i < a->count && j < b->count;)
	{
		count += a->array[i] == b->array[j];
		if (a->array[i] < b->array[j])
			i++;
		else if (a->array[i] > b->array[j])
			j++;
		else
			i++, j++;
	}
	return count;
}

const uint64_t *
numbers_bits(const NumberSet *set, uint64_t *room)
{
	if (set->bits != NULL)
		return set->bits;
	memset(room, 0, BITS_BYTES);
	set_bits(room, set);
	return room;
}

static void
set_bits(uint64_t *bits, const NumberSet *array)
{
	for (uint32_t i = 0; i < array->count; i++)
		bits[WORD_OF(array->array[i])] |= BIT_OF(array->array[i]);
}

static uint32_t
count_bits(const uint64_t *bits)
{
	return portable_count_bits((const unsigned char *) bits);
}

/* normalize() makes an array of bits of few numbers. */
static void
normalize(NumberSet *set)
{
	uint64_t   *bits = set->bits;

	if (set->count > LARGEST_ARRAY)
		return;
	set->bits = NULL;
	make_array(set, set->count);
	list_bits(bits, set->array);
	pfree(bits);
}

static void
make_array(NumberSet *set, uint32_t space)
{
	set->space = space;
	set->array = space == 0 ? NULL : palloc(space * sizeof(uint16_t));
}

/* ---- its numbers ---- */

void
numbers_list(const NumberSet *set, uint16_t *numbers)
{
	if (set->bits != NULL)
		list_bits(set->bits, numbers);
	else if (set->count > 0)
		memcpy(numbers, set->array, set->count * sizeof(uint16_t));
}

static void
list_bits(const uint64_t *bits, uint16_t *numbers)
{
	for (int i = 0; i < WORDS; i++)
		for (uint64_t word = bits[i]; word != 0; word &= word - 1)
			*numbers++ = (uint16_t) (i * WORD_BITS +
									 pg_rightmost_one_pos64(word));
}

void
numbers_free(NumberSet *set)
{
	if (set->array != NULL)
		pfree(set->array);
	if (set->bits != NULL)
		pfree(set->bits);
	memset(set, 0, sizeof(NumberSet));
}

/* ---- as bytes ---- */

void
numbers_read(NumberSet *set, const PortableContainer *from,
			 const unsigned char *bytes)
{
	const unsigned char *at = bytes + from->content;
	uint32_t	next = 0;

	memset(set, 0, sizeof(NumberSet));
	set->count = from->cardinality;
	if (from->form == PORTABLE_BITS)
		set->bits = palloc(BITS_BYTES);
	else if (set->count > LARGEST_ARRAY)
		set->bits = palloc0(BITS_BYTES);
	else
		make_array(set, set->count);

	switch (from->form)
	{
		case PORTABLE_ARRAY:
			memcpy(set->array, at, set->count * sizeof(uint16_t));
			swap_array(set->array, set->count);
			break;
		case PORTABLE_BITS:
			memcpy(set->bits, at, BITS_BYTES);
			swap_bits(set->bits);
			break;
		case PORTABLE_RUNS:
			for (uint32_t i = 0; i < from->runs; i++, at += 4)
			{
				uint32_t	first = get16(at);
				uint32_t	last = first + get16(at + 2);

				if (set->bits != NULL)
					add_range(set->bits, first, last);
				else
					for (uint32_t number = first; number <= last; number++)
						set->array[next++] = (uint16_t) number;
			}
			break;
	}
}

/* add_range() sets the bits from first to last. */
static void
add_range(uint64_t *bits, uint32_t first, uint32_t last)
{
	uint64_t	from = ~UINT64_C(0) << (first % WORD_BITS);
	uint64_t	to = ~UINT64_C(0) >> (WORD_BITS - 1 - last % WORD_BITS);

	if (WORD_OF(first) == WORD_OF(last))
	{
		bits[WORD_OF(first)] |= from & to;
		return;
	}
	bits[WORD_OF(first)] |= from;
	for (uint32_t i = WORD_OF(first) + 1; i < WORD_OF(last); i++)
		bits[i] = ~UINT64_C(0);
	bits[WORD_OF(last)] |= to;
}

void
numbers_describe(const NumberSet *set, PortableContainer *as)
{
	as->cardinality = set->count;
	as->runs = count_runs(set);
	as->form = set->bits == NULL ? PORTABLE_ARRAY : PORTABLE_BITS;
	if (PORTABLE_RUNS_BYTES(as->runs) <
		(set->bits == NULL ? set->count * sizeof(uint16_t) : BITS_BYTES))
		as->form = PORTABLE_RUNS;
}

/* count_runs() counts the stretches of numbers without a gap. */
static uint32_t
count_runs(const NumberSet *set)
{
	uint64_t	first[WORDS];	/* a bit for each first number of a run */
	uint64_t	before = 0;		/* the last bit of the word before */
	uint32_t	runs = 0;

	if (set->bits == NULL)
	{
		for (uint32_t i = 0; i < set->count; i++)
			runs += i == 0 || set->array[i] != set->array[i - 1] + 1;
		return runs;
	}
	for (int i = 0; i < WORDS; i++)
	{
		first[i] = set->bits[i] & ~(set->bits[i] << 1 | before);
		before = set->bits[i] >> (WORD_BITS - 1);
	}
	return count_bits(first);
}

void
numbers_write(const NumberSet *set, const PortableContainer *as,
			  unsigned char *bytes)
{
	unsigned char *at = bytes + as->content;
	uint16_t	array[LARGEST_ARRAY];
	uint64_t	bits[WORDS];

	switch (as->form)
	{
		case PORTABLE_ARRAY:
			memcpy(array, set->array, set->count * sizeof(uint16_t));
			swap_array(array, set->count);
			memcpy(at, array, set->count * sizeof(uint16_t));
			break;
		case PORTABLE_BITS:
			memcpy(bits, set->bits, BITS_BYTES);
			swap_bits(bits);
			memcpy(at, bits, BITS_BYTES);
			break;
		case PORTABLE_RUNS:
			write_runs(numbers_bits(set, bits), at);
			break;
	}
}

/* write_runs() writes runs as their first number and length - 1. */
static void
write_runs(const uint64_t *bits, unsigned char *at)
{
	uint32_t	next = find_bit(bits, 0, true);

	while (next < ALL_NUMBERS)
	{
		uint32_t	behind = find_bit(bits, next, false);

		at = put16(at, next);
		at = put16(at, behind - next - 1);
		next = find_bit(bits, behind, true);
	}
}

/* find_bit() returns the first number from 'number' on that is in, or not. */
static uint32_t
find_bit(const uint64_t *bits, uint32_t number, bool in)
{
	uint64_t	first = number % WORD_BITS;

	for (uint32_t i = WORD_OF(number); i < WORDS; i++, first = 0)
	{
		uint64_t	word = (in ? bits[i] : ~bits[i]) & (~UINT64_C(0) << first);

		if (word != 0)
			return i * WORD_BITS + pg_rightmost_one_pos64(word);
	}
	return ALL_NUMBERS;
}

/*
 * swap_array() and swap_bits() turn numbers and words of bits from the order
 * of bytes on disk, lowest first, into that of the machine, and back.
 */
static void
swap_array(uint16_t *array, uint32_t count)
{
#ifdef WORDS_BIGENDIAN
	for (uint32_t i = 0; i < count; i++)
		array[i] = (uint16_t) get16((const unsigned char *) &array[i]);
#endif
}

/* See swap_array(). */
static void
swap_bits(uint64_t *bits)
{
#ifdef WORDS_BIGENDIAN
	for (int i = 0; i < WORDS; i++)
	{
		const unsigned char *at = (const unsigned char *) &bits[i];

		bits[i] = get16(at) | (uint64_t) get16(at + 2) << 16 |
			(uint64_t) get16(at + 4) << 32 | (uint64_t) get16(at + 6) << 48;
	}
#endif
}

static unsigned char *
put16(unsigned char *at, uint32_t number)
{
	*at++ = number & 0xff;
	*at++ = number >> 8;
	return at;
}

static uint32_t
get16(const unsigned char *at)
{
	return at[0] | (uint32_t) at[1] << 8;
}
