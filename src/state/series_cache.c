/*-------------------------------------------------------------------------
 *
 * series_cache.c
 *	  What stands at the head of a long series, for the next call.
 *
 *		sum(orders.amount in last 7 days), sum(orders.amount in last 9 days)
 *
 * read one series one after the other, and so do the conditions of audiences,
 * before and after an event.  Each of them needs the directory.  So the last
 * ones that were read are kept until the statement ends, by the number that
 * the server has given to the long value.
 *
 * The server gives a number again only when the value is gone, which a
 * statement that sees it prevents, and when all other numbers have been used.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/detoast.h"
#include "access/xact.h"
#include "utils/memutils.h"

#include "state/series.h"

/* a state has three columns, which may be asked before and after an event */
#define KEPT	6

/* A long value that was read, and when. */
typedef struct KeptValue
{
	bool		valid;
	TimestampTz transaction;
	TimestampTz statement;
	Oid			table;			/* that holds the value */
	Oid			number;			/* of the value */
	PackedSource came;			/* without any bytes */
	PackedSource went;
	SeriesReader readers[2];	/* as they began; of no source: not yet */
	MemoryContext context;		/* holds what the readers point at */
} KeptValue;

static KeptValue kept[KEPT];
static int	next_kept = 0;

static KeptValue *find_kept(const struct varlena *value);
static SeriesReader *reader_of(KeptValue *one, const PackedSource *source);
static PackedSource without_bytes(const PackedSource *source);
static void own_memory(SeriesReader *reader, MemoryContext context);

bool
series_cache_sources(struct varlena *value, PackedSource *came,
					 PackedSource *went)
{
	const KeptValue *one = find_kept(value);

	if (one == NULL)
		return false;
	*came = one->came;
	*went = one->went;
	came->toasted = went->toasted = value;
	return true;
}

void
series_cache_keep_sources(const struct varlena *value,
						  const PackedSource *came, const PackedSource *went)
{
	KeptValue  *one = &kept[next_kept];
	struct varatt_external pointer;

	next_kept = (next_kept + 1) % KEPT;
	one->valid = false;
	if (one->context == NULL)
		one->context = AllocSetContextCreate(TopMemoryContext,
											 "segment series",
											 ALLOCSET_SMALL_SIZES);
	MemoryContextReset(one->context);
	memset(one->readers, 0, sizeof(one->readers));
	VARATT_EXTERNAL_GET_POINTER(pointer, value);
	one->transaction = GetCurrentTransactionStartTimestamp();
	one->statement = GetCurrentStatementStartTimestamp();
	one->table = pointer.va_toastrelid;
	one->number = pointer.va_valueid;
	one->came = without_bytes(came);
	one->went = without_bytes(went);
	one->valid = true;
}

bool
series_cache_begin(SeriesReader *reader, const PackedSource *source)
{
	KeptValue  *one = source->toasted == NULL ? NULL :
		find_kept(source->toasted);
	const SeriesReader *begun = one == NULL ? NULL : reader_of(one, source);

	if (begun == NULL || begun->source.length == 0)
		return false;
	*reader = *begun;
	reader->source.toasted = source->toasted;
	own_memory(reader, CurrentMemoryContext);
	return true;
}

void
series_cache_keep(const SeriesReader *reader)
{
	KeptValue  *one = reader->source.toasted == NULL ? NULL :
		find_kept(reader->source.toasted);
	SeriesReader *begun = one == NULL ? NULL :
		reader_of(one, &reader->source);
	SeriesReader copy = *reader;

	if (begun == NULL || begun->source.length > 0)
		return;
	own_memory(&copy, one->context);
	copy.source = without_bytes(&reader->source);
	*begun = copy;
}

/* The value, if it was read in this statement. */
static KeptValue *
find_kept(const struct varlena *value)
{
	struct varatt_external pointer;

	VARATT_EXTERNAL_GET_POINTER(pointer, value);
	for (int i = 0; i < KEPT; i++)
	{
		KeptValue  *one = &kept[i];

		if (one->valid && one->number == pointer.va_valueid &&
			one->table == pointer.va_toastrelid &&
			one->statement == GetCurrentStatementStartTimestamp() &&
			one->transaction == GetCurrentTransactionStartTimestamp())
			return one;
	}
	return NULL;
}

/* The reader of what came, or of what went; NULL if the source is neither. */
static SeriesReader *
reader_of(KeptValue *one, const PackedSource *source)
{
	if (one->came.length == source->length && one->came.from == source->from)
		return &one->readers[0];
	if (one->went.length == source->length && one->went.from == source->from)
		return &one->readers[1];
	return NULL;
}

/* The place of a source, without any of its bytes. */
static PackedSource
without_bytes(const PackedSource *source)
{
	return (PackedSource) {
		.from = source->from,
		.length = source->length,
	};
}

/* Copy what a reader that has just begun points at. */
static void
own_memory(SeriesReader *reader, MemoryContext context)
{
	Size		blocks = reader->head.nblocks * sizeof(SeriesBlock);
	const void *from = reader->head.blocks;

	reader->source.start = NULL;
	reader->source.near = 0;
	if (blocks > 0)
	{
		reader->head.blocks = MemoryContextAlloc(context, blocks);
		memcpy(reader->head.blocks, from, blocks);
	}
	if (reader->whole)
	{
		Size		length = reader->source.length - reader->events;
		unsigned char *bytes = MemoryContextAlloc(context, length);

		memcpy(bytes, reader->bytes.end - length, length);
		reader->bytes.at = bytes;
		reader->bytes.end = bytes + length;
	}
}
