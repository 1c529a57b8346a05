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
 * All rows of a page that the snapshot shows are found while it is locked
 * once.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/heapam.h"
#include "executor/tuptable.h"
#include "storage/bufmgr.h"
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

/* The last page of those that are read next. */
#define LAST		(PAGES_AHEAD - 1)

static void go_on(PagesAhead *ahead);
static void find_rows(PagesAhead *ahead);
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
pages_ahead_begin(PagesAhead *ahead, Relation relation, Snapshot snapshot,
				  const ItemPointerData *rows, int64 count)
{
	ahead->relation = relation;
	ahead->snapshot = snapshot;
	ahead->rows = rows;
	ahead->count = count;
	ahead->pages[LAST].end = 0;
	if (ahead->found == NULL)
		ahead->found = palloc(sizeof(HeapTupleData) * MaxHeapTuplesPerPage);
	ahead->nfound = ahead->next = 0;
	/* all but the first, to which the first row goes on */
	for (int i = 0; i < LAST; i++)
		go_on(ahead);
}

bool
pages_ahead_next(PagesAhead *ahead, TupleTableSlot *row)
{
	while (ahead->next == ahead->nfound)
	{
		go_on(ahead);
		if (ahead->pages[0].from == ahead->pages[0].end)
			return false;
		find_rows(ahead);
	}
	ExecStoreBufferHeapTuple(&ahead->found[ahead->next++], row,
							 ahead->pages[0].buffer);
	return true;
}

void
pages_ahead_end(PagesAhead *ahead)
{
	for (int i = 0; i <= LAST; i++)
		if (BufferIsValid(ahead->pages[i].buffer))
			ReleaseBuffer(ahead->pages[i].buffer);
	if (ahead->found != NULL)
		pfree(ahead->found);
}

/* go_on() goes on to the next page, and has those behind it fetched. */
static void
go_on(PagesAhead *ahead)
{
	PageAhead  *last = &ahead->pages[LAST];
	Buffer		passed = ahead->pages[0].buffer;
	BlockNumber block;

	memmove(&ahead->pages[0], &ahead->pages[1], sizeof(PageAhead) * LAST);
	last->buffer = passed;
	last->from = last->end;
	if (last->from < ahead->count)
	{
		block = ItemPointerGetBlockNumberNoCheck(&ahead->rows[last->from]);
		while (last->end < ahead->count &&
			   last->end - last->from < MaxHeapTuplesPerPage && block ==
			   ItemPointerGetBlockNumberNoCheck(&ahead->rows[last->end]))
			last->end++;
		last->buffer = ReleaseAndReadBuffer(passed, ahead->relation, block);
		fetch_places(last, ahead->rows);
	}
	fetch_rows(&ahead->pages[1], ahead->rows);
}

/* find_rows() finds the rows of the first page that the snapshot shows. */
static void
find_rows(PagesAhead *ahead)
{
	const PageAhead *page = &ahead->pages[0];

	ahead->nfound = ahead->next = 0;
	LockBuffer(page->buffer, BUFFER_LOCK_SHARE);
	for (int64 i = page->from; i < page->end; i++)
	{
		ItemPointerData tid = ahead->rows[i];

		if (heap_hot_search_buffer(&tid, ahead->relation, page->buffer,
								   ahead->snapshot,
								   &ahead->found[ahead->nfound], NULL, true))
			ahead->nfound++;
	}
	LockBuffer(page->buffer, BUFFER_LOCK_UNLOCK);
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
	Page		content;

	if (page->from == page->end)
		return;
	content = BufferGetPage(page->buffer);
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
