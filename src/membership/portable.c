/*-------------------------------------------------------------------------
 *
 * portable.c
 *	  What are bitmaps as bytes, and are these bytes one?
 *
 * A reader of a bitmap believes it: an array that is not sorted would become a
 * set that answers wrongly, and a cardinality that is not that of the bits a
 * set that writes past its memory.  What comes from disk may be damaged, or
 * forged, so all of it is checked here first.
 *
 * A bitmap is cut into containers of members that share their high 16 bits,
 * the key.  A container is an array, a bitset or a list of runs.  All numbers
 * have the lowest byte first.  The members 3, 7 and 65536 .. 65545:
 *
 *		3b 30 01 00		cookie 12347, number of containers - 1
 *		02				a bit for each container, lowest first: has it runs?
 *		00 00 01 00		first container: key 0, cardinality - 1
 *		01 00 09 00		second container: key 1, cardinality - 1
 *		03 00 07 00		array: low 16 bits of each member, ascending
 *		01 00			runs: how many
 *		00 00 09 00		run: low 16 bits of its first member, length - 1
 *
 * If no container has runs, it begins with cookie 12346 and the number of
 * containers, 32 bits each:
 *
 *		3a 30 00 00		cookie 12346
 *		01 00 00 00		number of containers
 *		00 00 01 00		key 0, cardinality - 1
 *		10 00 00 00		offset: the array is at byte 16
 *		03 00 07 00		array
 *
 * Such a bitmap has the offsets always, one with runs from four containers
 * on.  Without runs a container of up to 4096 members is an array, and one of
 * more a bitset of 8192 bytes.
 *
 * The format is that of https://github.com/RoaringBitmap/RoaringFormatSpec.
 * Where it leaves a choice that no writer makes, as runs that touch or flags
 * of containers that do not exist, the bytes are refused.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "membership/portable.h"

#define COOKIE_WITHOUT_RUNS	12346
#define COOKIE_WITH_RUNS	12347

#define MOST_CONTAINERS		65536
/* from so many containers on, offsets are there although there are runs */
#define OFFSETS_FROM		4
#define LARGEST_ARRAY		4096
#define BITSET_BYTES		8192
#define LAST_OF_CONTAINER	65535

#define ENDS_TOO_EARLY		"the bytes end too early"

typedef struct Portable
{
	const unsigned char *bytes;
	size_t		length;
	size_t		taken;			/* how many bytes have been read */

	/* the headers */
	uint32_t	containers;
	const unsigned char *run_flags; /* NULL if none has runs */
	const unsigned char *descriptions;	/* key and cardinality - 1 of each */
	const unsigned char *offsets;	/* NULL if there are none */
} Portable;

static const char *read_headers(Portable *portable);
static const char *check_container(Portable *portable, uint32_t number,
								   uint32_t limit);
static const char *check_array(Portable *portable, uint32_t cardinality,
							   uint32_t *last);
static const char *check_bitset(Portable *portable, uint32_t cardinality,
								uint32_t *last);
static const char *check_runs(Portable *portable, uint32_t cardinality,
							  uint32_t *last);
static bool has_runs(const Portable *portable, uint32_t number);
static uint32_t container_key(const Portable *portable, uint32_t number);
static uint32_t container_cardinality(const Portable *portable,
									  uint32_t number);
static const unsigned char *take(Portable *portable, size_t size);
static bool any_runs(const PortableContainer *containers, uint32_t count);
static bool has_offsets(const PortableContainer *containers, uint32_t count);
static size_t content_size(const PortableContainer *container);
static unsigned char *write16(unsigned char *at, uint32_t number);
static unsigned char *write32(unsigned char *at, uint32_t number);
static uint32_t read16(const unsigned char *at);
static uint32_t read32(const unsigned char *at);
static void add_bits(uint64_t *sum, uint64_t *carry, uint64_t a, uint64_t b);
static uint32_t count_bits(uint64_t word);

const char *
portable_check(const unsigned char *bytes, size_t length, uint32_t limit,
			   uint64_t *cardinality)
{
	Portable	portable = {.bytes = bytes,.length = length};
	const char *problem = read_headers(&portable);

	*cardinality = 0;
	if (problem != NULL)
		return problem;
	for (uint32_t i = 0; i < portable.containers; i++)
	{
		problem = check_container(&portable, i, limit);
		if (problem != NULL)
			return problem;
		*cardinality += container_cardinality(&portable, i);
	}
	if (portable.taken != length)
		return "there are bytes behind the last container";
	return NULL;
}

uint32_t
portable_read(const unsigned char *bytes, size_t length,
			  PortableContainer *containers, uint32_t most)
{
	Portable	portable = {.bytes = bytes,.length = length};

	(void) read_headers(&portable);
	for (uint32_t i = 0; i < portable.containers && i < most; i++)
	{
		PortableContainer *one = &containers[i];

		one->key = container_key(&portable, i);
		one->cardinality = container_cardinality(&portable, i);
		one->form = has_runs(&portable, i) ? PORTABLE_RUNS :
			one->cardinality <= LARGEST_ARRAY ? PORTABLE_ARRAY : PORTABLE_BITS;
		one->runs = one->form == PORTABLE_RUNS ?
			read16(take(&portable, 2)) : 0;
		one->content = portable.taken;
		(void) take(&portable, content_size(one));
	}
	return portable.containers;
}

size_t
portable_size(const PortableContainer *containers, uint32_t count)
{
	size_t		size = any_runs(containers, count) ? 4 + (count + 7) / 8 : 8;

	size += (size_t) count * 4;
	if (has_offsets(containers, count))
		size += (size_t) count * 4;
	for (uint32_t i = 0; i < count; i++)
		size += content_size(&containers[i]) +
			(containers[i].form == PORTABLE_RUNS ? 2 : 0);
	return size;
}

void
portable_write(PortableContainer *containers, uint32_t count,
			   unsigned char *bytes)
{
	unsigned char *at = bytes;
	unsigned char *offsets;

	if (any_runs(containers, count))
	{
		at = write32(at, COOKIE_WITH_RUNS | (count - 1) << 16);
		memset(at, 0, (count + 7) / 8);
		for (uint32_t i = 0; i < count; i++)
			if (containers[i].form == PORTABLE_RUNS)
				at[i / 8] |= 1 << (i % 8);
		at += (count + 7) / 8;
	}
	else
	{
		at = write32(at, COOKIE_WITHOUT_RUNS);
		at = write32(at, count);
	}
	for (uint32_t i = 0; i < count; i++)
	{
		at = write16(at, containers[i].key);
		at = write16(at, containers[i].cardinality - 1);
	}

	offsets = at;
	if (has_offsets(containers, count))
		at += (size_t) count * 4;
	for (uint32_t i = 0; i < count; i++)
	{
		if (has_offsets(containers, count))
			offsets = write32(offsets, (uint32_t) (at - bytes));
		if (containers[i].form == PORTABLE_RUNS)
			at = write16(at, containers[i].runs);
		containers[i].content = at - bytes;
		at += content_size(&containers[i]);
	}
}

static bool
any_runs(const PortableContainer *containers, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (containers[i].form == PORTABLE_RUNS)
			return true;
	return false;
}

static bool
has_offsets(const PortableContainer *containers, uint32_t count)
{
	return !any_runs(containers, count) || count >= OFFSETS_FROM;
}

/* content_size() returns the size of what is in a container. */
static size_t
content_size(const PortableContainer *container)
{
	switch (container->form)
	{
		case PORTABLE_ARRAY:
			return (size_t) container->cardinality * 2;
		case PORTABLE_BITS:
			return BITSET_BYTES;
		default:
			return PORTABLE_RUNS_BYTES((size_t) container->runs) - 2;
	}
}

/* read_headers() reads all before the containers; returns what is wrong. */
static const char *
read_headers(Portable *portable)
{
	const unsigned char *cookie = take(portable, 4);

	if (cookie == NULL)
		return ENDS_TOO_EARLY;
	if (read32(cookie) == COOKIE_WITHOUT_RUNS)
	{
		const unsigned char *containers = take(portable, 4);

		if (containers == NULL)
			return ENDS_TOO_EARLY;
		portable->containers = read32(containers);
		if (portable->containers > MOST_CONTAINERS)
			return "there are too many containers";
	}
	else if (read16(cookie) == COOKIE_WITH_RUNS)
	{
		portable->containers = read16(cookie + 2) + 1;
		portable->run_flags = take(portable, (portable->containers + 7) / 8);
		if (portable->run_flags == NULL)
			return ENDS_TOO_EARLY;
		for (uint32_t i = portable->containers; i % 8 != 0; i++)
		{
			if (has_runs(portable, i))
				return "a run flag is of no container";
		}
	}
	else
		return "the bytes begin with an unknown cookie";

	portable->descriptions = take(portable, (size_t) portable->containers * 4);
	if (portable->descriptions == NULL)
		return ENDS_TOO_EARLY;
	if (portable->run_flags == NULL || portable->containers >= OFFSETS_FROM)
	{
		portable->offsets = take(portable, (size_t) portable->containers * 4);
		if (portable->offsets == NULL)
			return ENDS_TOO_EARLY;
	}
	return NULL;
}

/*
 * check_container() checks one container, which begins behind the one before.
 *
 * The header cannot say that a container is empty: it has the cardinality - 1.
 */
static const char *
check_container(Portable *portable, uint32_t number, uint32_t limit)
{
	uint32_t	key = container_key(portable, number);
	uint32_t	cardinality = container_cardinality(portable, number);
	uint32_t	last;
	const char *problem;

	if (number > 0 && key <= container_key(portable, number - 1))
		return "the keys of the containers are not sorted";
	if (portable->offsets != NULL &&
		read32(portable->offsets + (size_t) number * 4) != portable->taken)
		return "an offset does not lead to its container";

	if (has_runs(portable, number))
		problem = check_runs(portable, cardinality, &last);
	else if (cardinality <= LARGEST_ARRAY)
		problem = check_array(portable, cardinality, &last);
	else
		problem = check_bitset(portable, cardinality, &last);

	if (problem == NULL && ((key << 16) | last) >= limit)
		problem = "a member is too large";
	return problem;
}

/*
 * check_array(), check_bitset() and check_runs() check the content of a
 * container.  They return NULL and its greatest member in *last, or a phrase
 * that says what is wrong.
 */
static const char *
check_array(Portable *portable, uint32_t cardinality, uint32_t *last)
{
	const unsigned char *members = take(portable, (size_t) cardinality * 2);

	if (members == NULL)
		return ENDS_TOO_EARLY;
	*last = read16(members);
	for (uint32_t i = 1; i < cardinality; i++)
	{
		uint32_t	member = read16(members + (size_t) i * 2);

		if (member <= *last)
			return "the array of a container is not sorted";
		*last = member;
	}
	return NULL;
}

/* check_bitset() checks that as many bits are set as there are members. */
static const char *
check_bitset(Portable *portable, uint32_t cardinality, uint32_t *last)
{
	const unsigned char *bitset = take(portable, BITSET_BYTES);
	uint32_t	bits;
	uint32_t	byte = BITSET_BYTES - 1;

	if (bitset == NULL)
		return ENDS_TOO_EARLY;
	bits = portable_count_bits(bitset);
	if (bits != cardinality)
		return "the bits of a container are not as many as its header says";

	/* there is a bit: no bitset is for fewer than LARGEST_ARRAY */
	while (bitset[byte] == 0)
		byte--;
	*last = byte * 8 + 7;
	while ((bitset[byte] >> (*last % 8)) == 0)
		(*last)--;
	return NULL;
}

/*
 * check_runs() checks that the runs are ascending, do not touch each other,
 * and have as many members as the header says.
 */
static const char *
check_runs(Portable *portable, uint32_t cardinality, uint32_t *last)
{
	const unsigned char *number = take(portable, 2);
	const unsigned char *runs;
	uint32_t	members = 0;
	uint32_t	lowest = 0;		/* where the next run may begin */

	if (number == NULL)
		return ENDS_TOO_EARLY;
	if (read16(number) == 0)
		return "a container has no runs";
	runs = take(portable, (size_t) read16(number) * 4);
	if (runs == NULL)
		return ENDS_TOO_EARLY;
	for (uint32_t i = 0; i < read16(number); i++)
	{
		uint32_t	first = read16(runs + (size_t) i * 4);
		uint32_t	length = read16(runs + (size_t) i * 4 + 2) + 1;

		if (first < lowest)
			return "the runs of a container are not sorted and apart";
		*last = first + length - 1;
		if (*last > LAST_OF_CONTAINER)
			return "a run leaves its container";
		/* two runs that touch should have been one */
		lowest = *last + 2;
		members += length;
	}
	if (members != cardinality)
		return "the runs of a container have not as many members"
			" as its header says";
	return NULL;
}

static bool
has_runs(const Portable *portable, uint32_t number)
{
	return portable->run_flags != NULL &&
		((portable->run_flags[number / 8] >> (number % 8)) & 1) != 0;
}

static uint32_t
container_key(const Portable *portable, uint32_t number)
{
	return read16(portable->descriptions + (size_t) number * 4);
}

static uint32_t
container_cardinality(const Portable *portable, uint32_t number)
{
	return read16(portable->descriptions + (size_t) number * 4 + 2) + 1;
}

/* take() returns the next bytes, or NULL if there are not so many. */
static const unsigned char *
take(Portable *portable, size_t size)
{
	const unsigned char *taken;

	if (portable->length - portable->taken < size)
		return NULL;
	taken = portable->bytes + portable->taken;
	portable->taken += size;
	return taken;
}

/* byte by byte: they may lie anywhere, and the host may have another order */
static uint32_t
read16(const unsigned char *at)
{
	return at[0] | (uint32_t) at[1] << 8;
}

static uint32_t
read32(const unsigned char *at)
{
	return read16(at) | read16(at + 2) << 16;
}

static unsigned char *
write16(unsigned char *at, uint32_t number)
{
	*at++ = number & 0xff;
	*at++ = number >> 8 & 0xff;
	return at;
}

static unsigned char *
write32(unsigned char *at, uint32_t number)
{
	return write16(write16(at, number & 0xffff), number >> 16);
}

/*
 * Eight words are added up bit by bit, as by a circuit of adders, and only
 * what is carried out of them is counted: an eighth of the counting (Harley
 * and Seal; in Warren, Hacker's Delight, section 5-1).
 */
uint32_t
portable_count_bits(const unsigned char *bits)
{
	uint64_t	ones = 0;
	uint64_t	twos = 0;
	uint64_t	fours = 0;
	uint32_t	eights = 0;

	for (uint32_t i = 0; i < BITSET_BYTES; i += 8 * sizeof(uint64_t))
	{
		uint64_t	words[8];
		uint64_t	carry_a;
		uint64_t	carry_b;
		uint64_t	carry_c;
		uint64_t	carry_d;

		memcpy(words, bits + i, sizeof(words));
		add_bits(&ones, &carry_a, words[0], words[1]);
		add_bits(&ones, &carry_b, words[2], words[3]);
		add_bits(&twos, &carry_c, carry_a, carry_b);
		add_bits(&ones, &carry_a, words[4], words[5]);
		add_bits(&ones, &carry_b, words[6], words[7]);
		add_bits(&twos, &carry_d, carry_a, carry_b);
		add_bits(&fours, &carry_a, carry_c, carry_d);
		eights += count_bits(carry_a);
	}
	return 8 * eights + 4 * count_bits(fours) + 2 * count_bits(twos) +
		count_bits(ones);
}

/* add_bits() adds a and b to the sum, for each of 64 bits. */
static void
add_bits(uint64_t *sum, uint64_t *carry, uint64_t a, uint64_t b)
{
	uint64_t	half = *sum ^ a;

	*carry = (*sum & a) | (half & b);
	*sum = half ^ b;
}

/*
 * count_bits() counts in sums of 2, 4, then 8 bits, all eight of which the
 * multiplication adds up.  The server's own function is called through a
 * pointer, for each word.
 */
static uint32_t
count_bits(uint64_t word)
{
	word -= (word >> 1) & UINT64_C(0x5555555555555555);
	word = (word & UINT64_C(0x3333333333333333)) +
		((word >> 2) & UINT64_C(0x3333333333333333));
	word = (word + (word >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
	return (uint32_t) ((word * UINT64_C(0x0101010101010101)) >> 56);
}
