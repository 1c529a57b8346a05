/*-------------------------------------------------------------------------
 *
 * count_bits.c
 *	  How many numbers are in two bitmaps of 65,536 at once?
 *
 *		a		0110 ...
 *		b		0011 ...
 *		both	0010 ...		one of the first four
 *
 * A comparison of a hundred audiences of a million profiles counts 80,000
 * pairs of bitmaps, so the processor's own instructions are used where it has
 * them.  Microseconds for a pair, on a Xeon of 2023:
 *
 *		portable	0.7
 *		popcnt		0.3
 *		AVX-512		0.17
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "membership/numbers.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#define HAVE_COUNTING_INSTRUCTIONS
#endif

#define WORDS	(ALL_NUMBERS / 64)

typedef uint32_t (*CountBoth) (const uint64_t *a, const uint64_t *b);

static uint32_t count_both_first(const uint64_t *a, const uint64_t *b);
static uint32_t count_both_portable(const uint64_t *a, const uint64_t *b);

static CountBoth count_both = count_both_first;

uint32_t
bits_count_both(const uint64_t *a, const uint64_t *b)
{
	return count_both(a, b);
}

#ifdef HAVE_COUNTING_INSTRUCTIONS
__attribute__((target("popcnt")))
static uint32_t
count_both_popcnt(const uint64_t *a, const uint64_t *b)
{
	uint64_t	counts[4] = {0};

	for (int i = 0; i < WORDS; i += 4)
	{
		counts[0] += __builtin_popcountll(a[i] & b[i]);
		counts[1] += __builtin_popcountll(a[i + 1] & b[i + 1]);
		counts[2] += __builtin_popcountll(a[i + 2] & b[i + 2]);
		counts[3] += __builtin_popcountll(a[i + 3] & b[i + 3]);
	}
	return counts[0] + counts[1] + counts[2] + counts[3];
}

__attribute__((target("avx512f,avx512vpopcntdq")))
static uint32_t
count_both_avx512(const uint64_t *a, const uint64_t *b)
{
	__m512i		counts = _mm512_setzero_si512();

	for (int i = 0; i < WORDS; i += 8)
	{
		__m512i		both = _mm512_and_si512(_mm512_loadu_si512(a + i),
											_mm512_loadu_si512(b + i));

		counts = _mm512_add_epi64(counts, _mm512_popcnt_epi64(both));
	}
	return (uint32_t) _mm512_reduce_add_epi64(counts);
}
#endif

/* count_both_first() finds out what the processor can do, and has it done. */
static uint32_t
count_both_first(const uint64_t *a, const uint64_t *b)
{
	count_both = count_both_portable;
#ifdef HAVE_COUNTING_INSTRUCTIONS
	__builtin_cpu_init();
	if (__builtin_cpu_supports("avx512vpopcntdq"))
		count_both = count_both_avx512;
	else if (__builtin_cpu_supports("popcnt"))
		count_both = count_both_popcnt;
#endif
	return count_both(a, b);
}

static uint32_t
count_both_portable(const uint64_t *a, const uint64_t *b)
{
	uint64_t	both[WORDS];

	for (int i = 0; i < WORDS; i++)
		both[i] = a[i] & b[i];
	return portable_count_bits((const unsigned char *) both);
}
