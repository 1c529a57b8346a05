/*-------------------------------------------------------------------------
 *
 * pages_ahead.c
 *	  How are rows read that lie here and there in a large table?
 *
 * To have a row of each other page come from memory takes longer than all that
 * is done with it.  So the processor is asked for what is read next while the
 * rows before are looked at:
 *
 *		page 12		rows 3, 9, 17	are read now
 *		page 14		row 8			its first bytes are on their way
 *		page 15		rows 2, 30		where these are in the page is on its way
 *
 * It is about memory: pages that are not in the server's buffers are read as
 * they would be anyway.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "storage/bufpage.h"
#include "utils/rel.h"

#include "profile/profile_private.h"

/* Ask for the memory of an address, to be read soon. */
#ifdef __GNUC__
#define FETCH(address)	__builtin_prefetch(address)
#else
#define FETCH(address)	((void) (address))
#endif

/* Lines of memory: so many bytes at once, and so many of a row. */
#define LINE		64
#define ROW_LINES	3

static void fetch_places(const PageAhead *page, const ItemPointerData *rows);
static void fetch_rows(const PageAhead *page, const ItemPointerData *rows);

void
sort_by_page(ItemPointerData **rows, ItemPointerData **spare, int64 count)
{
	BlockNumber all = 0;

	for (int64 i = 0; i < count; i++)
		all |= ItemPointerGetBlockNumberNoCheck(&(*rows)[i]);
	for (int shift = 0; shift < 32 && all >> shift > 0; shift += 8)
	{
		int64		next[256] = {0};
		int64		before = 0;
		ItemPointerData *from = *rows;
		ItemPointerData *to = *spare;

		for (int64 i = 0; i < count; i++)
			next[ItemPointerGetBlockNumberNoCheck(&from[i]) >> shift & 0xff]++;
		for (int digit = 0; digit < lengthof(next); digit++)
		{
			int64		these = next[digit];

			next[digit] = before;
			before += these;
		}
		for (int64 i = 0; i < count; i++)
			to[next[ItemPointerGetBlockNumberNoCheck(&from[i]) >> shift &
					0xff]++] = from[i];
		*rows = to;
		*spare = from;
	}
}

void
pages_ahead_begin(PagesAhead *ahead, Relation relation,
				  const ItemPointerData *rows, int64 count)
{
	ahead->relation = relation;
	ahead->rows = rows;
	ahead->count = count;
	ahead->second.end = 0;
	/* twice, so that the first page is known when it is read */
	pages_ahead_go_on(ahead);
	pages_ahead_go_on(ahead);
}

void
pages_ahead_go_on(PagesAhead *ahead)
{
	Buffer		passed = ahead->first.buffer;
	PageAhead  *second = &ahead->second;
	BlockNumber block;

	ahead->first = *second;
	second->buffer = passed;
	second->from = second->end;
	if (second->from < ahead->count)
	{
		block = ItemPointerGetBlockNumberNoCheck(&ahead->rows[second->from]);
		while (second->end < ahead->count && block ==
			   ItemPointerGetBlockNumberNoCheck(&ahead->rows[second->end]))
			second->end++;
		second->buffer = ReleaseAndReadBuffer(passed, ahead->relation, block);
		fetch_places(second, ahead->rows);
	}
	if (ahead->first.from < ahead->first.end)
		fetch_rows(&ahead->first, ahead->rows);
}

void
pages_ahead_end(PagesAhead *ahead)
{
	if (BufferIsValid(ahead->first.buffer))
		ReleaseBuffer(ahead->first.buffer);
	if (BufferIsValid(ahead->second.buffer))
		ReleaseBuffer(ahead->second.buffer);
}

/* fetch_places() asks for what tells where the rows are in a page. */
static void
fetch_places(const PageAhead *page, const ItemPointerData *rows)
{
	Page		content = BufferGetPage(page->buffer);

	FETCH(content);
	for (int64 i = page->from; i < page->end; i++)
		FETCH(PageGetItemId(content,
							ItemPointerGetOffsetNumberNoCheck(&rows[i])));
}

/* fetch_rows() asks for the first bytes of the rows in a page. */
static void
fetch_rows(const PageAhead *page, const ItemPointerData *rows)
{
	Page		content = BufferGetPage(page->buffer);

	LockBuffer(page->buffer, BUFFER_LOCK_SHARE);
	for (int64 i = page->from; i < page->end; i++)
	{
		OffsetNumber offset = ItemPointerGetOffsetNumberNoCheck(&rows[i]);
		const char *row;

		if (offset > PageGetMaxOffsetNumber(content))
			continue;
		row = (const char *) content +
			ItemIdGetOffset(PageGetItemId(content, offset));
		for (int line = 0; line < ROW_LINES; line++)
			FETCH(row + line * LINE);
	}
	LockBuffer(page->buffer, BUFFER_LOCK_UNLOCK);
}
