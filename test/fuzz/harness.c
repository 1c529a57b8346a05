/*-------------------------------------------------------------------------
 *
 * harness.c
 *	  What must hold for any text, any bytes and any bitmap?
 *
 *		text	it parses or it is refused, softly and hard alike; what parses
 *				prints to a text that parses to the same tree, and survives
 *				the way to bytes and back
 *		bytes	they unpack or are refused; what unpacks prints to a text that
 *				parses to the same tree, whose bytes are these bytes
 *		bitmap	it is refused, or means to us what it means to the roaring library
 *				(bitmap.c)
 *
 * A breach aborts.  FUZZ_TEXT, FUZZ_BYTES or FUZZ_BITMAP makes a libFuzzer
 * target of one of them; without, this is the program that replays files:
 *
 *		replay [-m mutations] [-t trees] [-b bitmaps] text corpus/text ...
 *			bytes corpus/bytes ... bitmap corpus/bitmap ...
 *
 * which also tries that many variants of each file, that many trees made up
 * from the table of ops, and that many bitmaps made up by the library; the
 * same ones each time.  Of bitmaps those whose name begins with "broken" must
 * be refused, and the others accepted.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "filter/filter_private.h"

#include "harness.h"

typedef FilterNode *(*Parse) (const char *text, Node *escontext);

static void check_tree(const FilterNode *node);
static void check_again(const char *text, Parse parse);
static FilterNode *attempt_parse(const char *text, Parse parse);

/* Run 'statement'; true if it raised an error. */
#define RAISES(statement) \
	({ \
		jmp_buf		here; \
		jmp_buf    *outer = shim_catch; \
		volatile bool raised = false; \
		shim_catch = &here; \
		if (setjmp(here) == 0) \
		{ \
			statement; \
		} \
		else \
			raised = true; \
		shim_catch = outer; \
		raised; \
	})

void
check_text(const char *data, size_t size)
{
	char		base;
	char	   *text;
	FilterNode *volatile node = NULL;
	Node		escontext = {false};

	shim_stack_base(&base);
	text = pnstrdup(data, size);

	/* the server lets no other text through */
	if (!pg_verifymbstr(text, strlen(text), true))
		return;

	if (!RAISES(node = filter_parse(text, &escontext)))
	{
		FilterNode *hard = attempt_parse(text, filter_parse);

		Assert((node == NULL) == escontext.error_occurred);
		Assert((node == NULL) == (hard == NULL));
		if (node != NULL)
			(void) RAISES(check_tree(node));
	}
	(void) RAISES(check_again(text, filter_parse_operand));
	(void) RAISES(check_again(text, filter_parse_definition));
}

void
check_bytes(const char *data, size_t size)
{
	char		base;
	Filter	   *filter;
	Filter	   *again;
	FilterNode *volatile node = NULL;

	shim_stack_base(&base);
	filter = palloc(VARHDRSZ + size);
	SET_VARSIZE(filter, (int32) (VARHDRSZ + size));
	memcpy(VARDATA_ANY(filter), data, size);

	if (RAISES(node = filter_unpack(filter)))
	{
		Assert(shim_errcode == ERRCODE_DATA_CORRUPTED ||
			   shim_errcode == ERRCODE_STATEMENT_TOO_COMPLEX);
		return;
	}
	if (RAISES(check_tree(node)))
		return;
	again = filter_pack(node);
	Assert(VARSIZE_ANY_EXHDR(again) == (int32) size);
	Assert(memcmp(VARDATA_ANY(again), data, size) == 0);
}

/* The only error allowed here is that the stack is not deep enough. */
static void
check_tree(const FilterNode *node)
{
	char	   *text = filter_print(node);
	FilterNode *parsed = attempt_parse(text, filter_parse);
	Filter	   *filter;

	if (parsed == NULL)
	{
		if (shim_errcode == ERRCODE_STATEMENT_TOO_COMPLEX)
			return;
		fprintf(stderr, "does not parse: %s\n", text);
		abort();
	}
	if (!filter_equal(node, parsed))
	{
		fprintf(stderr, "parses to another tree: %s\nwhich prints as %s\n", text,
				filter_print(parsed));
		abort();
	}
	Assert(strcmp(filter_print(parsed), text) == 0);

	filter = filter_pack(node);
	Assert(filter_equal(filter_unpack(filter), node));
}

static void
check_again(const char *text, Parse parse)
{
	FilterNode *node = attempt_parse(text, parse);
	FilterNode *parsed;

	if (node == NULL)
		return;
	parsed = attempt_parse(filter_print(node), parse);
	if (parsed == NULL && shim_errcode == ERRCODE_STATEMENT_TOO_COMPLEX)
		return;
	Assert(parsed != NULL && filter_equal(node, parsed));
}

/* NULL if it raised an error */
static FilterNode *
attempt_parse(const char *text, Parse parse)
{
	FilterNode *volatile node = NULL;

	if (RAISES(node = parse(text, NULL)))
	{
		Assert(shim_errcode == ERRCODE_SYNTAX_ERROR ||
			   shim_errcode == ERRCODE_STATEMENT_TOO_COMPLEX);
		return NULL;
	}
	Assert(node != NULL);
	return node;
}

uint32
next_random(void)
{
	static uint32 state = 2463534242u;

	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	return state;
}

#if defined(FUZZ_TEXT) || defined(FUZZ_BYTES) || defined(FUZZ_BITMAP)

int			LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
#if defined(FUZZ_TEXT)
	check_text((const char *) data, size);
#elif defined(FUZZ_BYTES)
	check_bytes((const char *) data, size);
#else
	check_bitmap((const char *) data, size);
#endif
	shim_reset();
	return 0;
}

#else							/* replay */

#include <dirent.h>
#include <sys/stat.h>

typedef void (*Check) (const char *data, size_t size);

static bool is_broken(const char *path);

static int	tried;
static int	mutations;

/* Change, drop, repeat or move a few bytes. */
static size_t
mutate(char *data, size_t size, size_t room)
{
	static const char *const words[] = {
		" and ", " or ", " not ", "(", ")", " in ", " in last 30 days", " where ",
		" between ", ",", "\"", "`", "'", ".", "-", " 1 ", "a", "did ", " is ", "count(",
		"case when ", " then ", " else ", " end",
	};

	for (int i = next_random() % 3; i >= 0; i--)
	{
		size_t		at = size == 0 ? 0 : next_random() % size;
		const char *word = words[next_random() % lengthof(words)];
		size_t		length = strlen(word);

		switch (next_random() % 4)
		{
			case 0:
				if (size > 0)
					data[at] = (char) next_random();
				break;
			case 1:
				if (size > 0)
				{
					length = 1 + next_random() % Min(size - at, 8);
					memmove(data + at, data + at + length, size - at - length);
					size -= length;
				}
				break;
			case 2:
				if (size + length <= room)
				{
					memmove(data + at + length, data + at, size - at);
					memcpy(data + at, word, length);
					size += length;
				}
				break;
			case 3:
				length = size == 0 ? 0 : 1 + next_random() % Min(size - at, 30);
				if (size + length <= room)
				{
					memmove(data + at + length, data + at, size - at);
					size += length;
				}
				break;
		}
	}
	return size;
}

/* A tree of one of these kinds that the table of ops allows. */
static FilterNode *
make_up(uint16 kinds, int depth)
{
	/* words that mean something somewhere, and words that need quotes */
	static const char *const words[] = {
		"a", "b", "city", "orders", "orders", "status", "in", "not", "and", "did",
		"distinct", "where", "now", "true", "null", "between", "before", "since",
		"at", "least", "last", "this", "day", "days", "count", "sum", "bucket",
		"anniversary", "of", "case", "when", "then", "end", "audience", "any", "all", "is", "Upper", "two words",
		"it's", "\"", "`", "1st", "a.b", "--", "/*", "\xc3\xa6", "\n", "starts",
	};
	static const char *const numbers[] = {
		"0", "1", "-1", "5", "-5", "0.5", "-0.25", "1e400", "-1.5e-400", "1000", "30",
	};
	static const char *const counts[] = {"1", "2", "3", "30", "999999999"};

	for (int attempt = 0; attempt < 100; attempt++)
	{
		FilterOp	op = next_random() % FILTER_OP_COUNT;
		const FilterOpInfo *info = &filter_ops[op];
		FilterNode *node;
		int			nargs;

		if ((info->kinds & kinds) == 0 || (depth <= 0 && info->min_args > 0))
			continue;
		node = filter_node(op, NULL, -1);
		node->detail = next_random() % (info->detail == DETAIL_ZERO ? 1 : 24);
		nargs = info->min_args;
		if (info->max_args < 0 && depth > 0)
			nargs += next_random() % 3;
		node->args = palloc(nargs * sizeof(FilterNode *) + 1);
		for (; node->nargs < nargs; node->nargs++)
		{
			node->args[node->nargs] = make_up(filter_arg_kinds(op, node->nargs), depth - 1);
			if (node->args[node->nargs] == NULL)
				return NULL;
		}
		switch (info->text)
		{
			case TEXT_ABSENT:
				break;
			case TEXT_ANY:
			case TEXT_NAME:
			case TEXT_FUNCTION:
				node->text = pstrdup(words[next_random() % lengthof(words)]);
				break;
			case TEXT_NUMBER:
				node->text = pstrdup(numbers[next_random() % lengthof(numbers)]);
				break;
			case TEXT_COUNT:
			case TEXT_TIMES:
				if (next_random() % 2 == 0 || info->text == TEXT_COUNT)
					node->text = pstrdup(counts[next_random() % lengthof(counts)]);
				break;
			case TEXT_AGGREGATE:
				node->text = pstrdup(filter_aggregates[next_random() % 11]);
				break;
		}
		if (filter_check_node(node) == NULL)
			return node;
	}
	return NULL;
}

static void
replay_trees(int count)
{
	char		base;

	shim_stack_base(&base);
	for (int i = 0; i < count;)
	{
		FilterNode *node = make_up(KIND_FILTER, 1 + next_random() % 5);

		if (node != NULL)
		{
			check_tree(node);
			i++;
			tried++;
		}
		shim_reset();
	}
}

/* Each, and three variants of it. */
static void
replay_bitmaps(int count)
{
	for (int i = 0; i < count; i++)
	{
		size_t		size;
		char	   *data = make_up_bitmap(&size);
		size_t		room = size + 1024;
		char	   *variant = palloc(room);

		Assert(bitmap_is_sound(data, size));
		check_bitmap(data, size);
		for (int j = 0; j < 3; j++)
		{
			memcpy(variant, data, size);
			check_bitmap(variant, mutate(variant, size, room));
		}
		shim_reset();
		tried += 4;
	}
}

static void
replay_file(Check check, const char *path)
{
	FILE	   *file = fopen(path, "rb");
	size_t		room = 1 << 20;
	char	   *data;
	char	   *variant;
	size_t		size;

	if (file == NULL)
	{
		perror(path);
		exit(1);
	}
	data = malloc(room);
	variant = malloc(room);
	if (data == NULL || variant == NULL)
		abort();
	size = fread(data, 1, room, file);
	fclose(file);

	if (check == check_bitmap && bitmap_is_sound(data, size) == is_broken(path))
	{
		fprintf(stderr, "%s: %s\n", path,
				is_broken(path) ? "was accepted" : "was refused");
		abort();
	}
	check(data, size);
	shim_reset();
	tried++;
	for (int i = 0; i < mutations; i++)
	{
		memcpy(variant, data, size);
		check(variant, mutate(variant, size, room));
		shim_reset();
		tried++;
	}
	free(data);
	free(variant);
}

static bool
is_broken(const char *path)
{
	const char *slash = strrchr(path, '/');

	return strncmp(slash == NULL ? path : slash + 1, "broken", 6) == 0;
}

static void
replay(Check check, const char *path)
{
	struct stat status;
	struct dirent **entries;
	int			count;
	char		inner[4096];

	if (stat(path, &status) != 0)
	{
		perror(path);
		exit(1);
	}
	if (!S_ISDIR(status.st_mode))
	{
		replay_file(check, path);
		return;
	}
	count = scandir(path, &entries, NULL, alphasort);
	if (count < 0)
	{
		perror(path);
		exit(1);
	}
	for (int i = 0; i < count; i++)
	{
		if (entries[i]->d_name[0] != '.')
		{
			snprintf(inner, sizeof(inner), "%s/%s", path, entries[i]->d_name);
			replay_file(check, inner);
		}
		free(entries[i]);
	}
	free(entries);
}

int
main(int argc, char **argv)
{
	Check		check = check_text;

	for (int i = 1; i < argc; i++)
	{
		if (strcmp(argv[i], "-m") == 0 && i + 1 < argc)
			mutations = atoi(argv[++i]);
		else if (strcmp(argv[i], "-t") == 0 && i + 1 < argc)
			replay_trees(atoi(argv[++i]));
		else if (strcmp(argv[i], "-b") == 0 && i + 1 < argc)
			replay_bitmaps(atoi(argv[++i]));
		else if (strcmp(argv[i], "text") == 0)
			check = check_text;
		else if (strcmp(argv[i], "bytes") == 0)
			check = check_bytes;
		else if (strcmp(argv[i], "bitmap") == 0)
			check = check_bitmap;
		else
			replay(check, argv[i]);
	}
	if (tried == 0)
	{
		fprintf(stderr, "nothing to replay\n");
		return 1;
	}
	printf("%d inputs, all as they must be\n", tried);
	return 0;
}

#endif
