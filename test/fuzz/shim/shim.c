/*-------------------------------------------------------------------------
 *
 * shim.c
 *	  The server's services, for programs without a server.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

typedef struct Chunk
{
	struct Chunk *next;
	struct Chunk *previous;
	Size		size;
	/* as aligned as malloc() */
	_Alignas(max_align_t) char data[];
} Chunk;

/* frames are several times larger under the sanitizers */
#define STACK_LIMIT (2 * 1024 * 1024)

jmp_buf    *shim_catch;
int			shim_errcode;

static Chunk chunks = {&chunks, &chunks, 0};
static char *stack_base;

static void *
checked(void *pointer)
{
	if (pointer == NULL)
		abort();
	return pointer;
}

static Chunk *
chunk_of(void *pointer)
{
	return (Chunk *) ((char *) pointer - offsetof(Chunk, data));
}

static void
link_chunk(Chunk *chunk)
{
	chunk->next = chunks.next;
	chunk->previous = &chunks;
	chunks.next->previous = chunk;
	chunks.next = chunk;
}

static void
unlink_chunk(Chunk *chunk)
{
	chunk->previous->next = chunk->next;
	chunk->next->previous = chunk->previous;
}

void *
palloc(Size size)
{
	Chunk	   *chunk = checked(malloc(offsetof(Chunk, data) + size));

	chunk->size = size;
	link_chunk(chunk);
	return chunk->data;
}

void *
palloc0(Size size)
{
	return memset(palloc(size), 0, size);
}

void *
repalloc(void *pointer, Size size)
{
	Chunk	   *chunk = chunk_of(pointer);

	unlink_chunk(chunk);
	chunk = checked(realloc(chunk, offsetof(Chunk, data) + size));
	chunk->size = size;
	link_chunk(chunk);
	return chunk->data;
}

void
pfree(void *pointer)
{
	unlink_chunk(chunk_of(pointer));
	free(chunk_of(pointer));
}

void
shim_reset(void)
{
	while (chunks.next != &chunks)
		pfree(chunks.next->data);
}

char *
pnstrdup(const char *text, Size length)
{
	Size		kept = strnlen(text, length);
	char	   *copy = palloc(kept + 1);

	memcpy(copy, text, kept);
	copy[kept] = '\0';
	return copy;
}

char *
pstrdup(const char *text)
{
	return pnstrdup(text, strlen(text));
}

/* as in a database of UTF-8 */
char *
downcase_identifier(const char *ident, int len, bool warn, bool truncate)
{
	char	   *folded = pnstrdup(ident, len);

	for (char *c = folded; *c != '\0'; c++)
	{
		if (*c >= 'A' && *c <= 'Z')
			*c += 'a' - 'A';
	}
	return folded;
}

char *
psprintf(const char *format,...)
{
	va_list		args;
	int			length;
	char	   *text;

	va_start(args, format);
	length = vsnprintf(NULL, 0, format, args);
	va_end(args);
	text = palloc(length + 1);
	va_start(args, format);
	vsnprintf(text, length + 1, format, args);
	va_end(args);
	return text;
}

void
shim_stack_base(void *base)
{
	stack_base = base;
}

void
check_stack_depth(void)
{
	char		here;
	ptrdiff_t	depth = stack_base - &here;

	if (depth > STACK_LIMIT || depth < -STACK_LIMIT)
	{
		shim_errcode = ERRCODE_STATEMENT_TOO_COMPLEX;
		shim_throw();
	}
}

void
shim_broken(const char *what, const char *file, int line)
{
	fprintf(stderr, "broken: %s at %s:%d\n", what, file, line);
	abort();
}

void
shim_throw(void)
{
	longjmp(*shim_catch, 1);
}

int
errcode(int code)
{
	shim_errcode = code;
	return 0;
}

/* the texts are made, so that a wrong argument is found, and forgotten */
#define FORMAT_AND_FORGET(name) \
int \
name(const char *format,...) \
{ \
	va_list		args; \
	char		text[64]; \
 \
	va_start(args, format); \
	vsnprintf(text, sizeof(text), format, args); \
	va_end(args); \
	return 0; \
}

FORMAT_AND_FORGET(errmsg)
FORMAT_AND_FORGET(errdetail)
FORMAT_AND_FORGET(errhint)

int
internalerrquery(const char *query)
{
	return query == NULL;
}

int
internalerrposition(int position)
{
	Assert(position >= 1);
	return 0;
}

void
initStringInfo(StringInfo buffer)
{
	buffer->maxlen = 64;
	buffer->data = palloc(buffer->maxlen);
	buffer->data[0] = '\0';
	buffer->len = 0;
}

void
appendBinaryStringInfo(StringInfo buffer, const char *data, int length)
{
	while (buffer->len + length + 1 > buffer->maxlen)
	{
		buffer->maxlen *= 2;
		buffer->data = repalloc(buffer->data, buffer->maxlen);
	}
	memcpy(buffer->data + buffer->len, data, length);
	buffer->len += length;
	buffer->data[buffer->len] = '\0';
}

void
appendStringInfoString(StringInfo buffer, const char *text)
{
	appendBinaryStringInfo(buffer, text, strlen(text));
}

void
appendStringInfoChar(StringInfo buffer, char c)
{
	appendBinaryStringInfo(buffer, &c, 1);
}

void
appendStringInfoSpaces(StringInfo buffer, int count)
{
	while (count-- > 0)
		appendStringInfoChar(buffer, ' ');
}

void
appendStringInfo(StringInfo buffer, const char *format,...)
{
	va_list		args;
	int			length;
	char	   *text;

	va_start(args, format);
	length = vsnprintf(NULL, 0, format, args);
	va_end(args);
	text = palloc(length + 1);
	va_start(args, format);
	vsnprintf(text, length + 1, format, args);
	va_end(args);
	appendBinaryStringInfo(buffer, text, length);
	pfree(text);
}

List *
lappend(List *list, void *value)
{
	if (list == NIL)
	{
		list = palloc0(sizeof(List));
		list->room = 4;
		list->cells = palloc(list->room * sizeof(ListCell));
	}
	if (list->length == list->room)
	{
		list->room *= 2;
		list->cells = repalloc(list->cells, list->room * sizeof(ListCell));
	}
	list->cells[list->length++].value = value;
	return list;
}

/* UTF-8, without overlong forms, surrogates and zero bytes */
bool
pg_verifymbstr(const char *text, int length, bool no_error)
{
	const unsigned char *c = (const unsigned char *) text;
	const unsigned char *end = c + length;

	(void) no_error;
	while (c < end)
	{
		int			more = *c < 0x80 ? 0 : *c < 0xe0 ? 1 : *c < 0xf0 ? 2 : 3;
		uint32		code = more == 0 ? *c : *c & (0x3f >> more);

		if (*c == 0 || (*c >= 0x80 && *c < 0xc2) || *c > 0xf4 || end - c <= more)
			return false;
		for (int i = 1; i <= more; i++)
		{
			if ((c[i] & 0xc0) != 0x80)
				return false;
			code = (code << 6) | (c[i] & 0x3f);
		}
		if ((more == 2 && (code < 0x800 || (code >= 0xd800 && code < 0xe000))) ||
			(more == 3 && (code < 0x10000 || code > 0x10ffff)))
			return false;
		c += more + 1;
	}
	return true;
}

int
pg_mbstrlen_with_len(const char *text, int length)
{
	int			count = 0;

	for (int i = 0; i < length; i++)
		count += ((text[i] & 0xc0) != 0x80);
	return count;
}

int
pg_mbcharcliplen(const char *text, int length, int limit)
{
	int			clipped = 0;

	while (clipped < length && limit-- > 0)
	{
		clipped++;
		while (clipped < length && (text[clipped] & 0xc0) == 0x80)
			clipped++;
	}
	return clipped;
}

const char *
nearest_name(const char *word, List *candidates)
{
	/* read all of it, as the real one does */
	for (int i = 0; i < list_length(candidates); i++)
	{
		if (strcmp(word, candidates->cells[i].value) == 0)
			return candidates->cells[i].value;
	}
	return NULL;
}
