/*-------------------------------------------------------------------------
 *
 * feed.c
 *	  Which profiles entered and left audiences, in which order?
 *
 * Each population has its own log, numbered from 1, and a row that says how
 * far it goes:
 *
 *		segment.feed_counter	('profile', last 3, trimmed 1)
 *		segment.feed			('profile', 2, 'vip', '42', 'entered', ...)
 *								('profile', 3, 'vip', '7', 'left', ...)
 *
 * A definition makes many profiles enter or leave at once, and an event may
 * make a profile enter and leave hundreds of audiences: that is one row, which
 * takes a number for each of them (read.c).
 *
 * A writer locks the row of segment.feed_counter until the end of the
 * transaction.  So transition 4 is written by a transaction that begins to
 * write after that of 3 has committed, and a reader who sees 4 sees all before
 * it: a consumer needs to remember one number only.  trim.c removes from the
 * beginning.
 *
 * Readers see the rows through view segment.transition, which knows which
 * populations they may read.
 *
 * Rows are locked in this order: segment.feed_counter, then segment.consumer.
 * Polling and acknowledging lock the consumer only, so they never wait for a
 * fold.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "commands/async.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "base/base.h"
#include "feed/feed_private.h"

#define FEED_CHANNEL	"segment_transition"

/*
 * Bytes that the audiences of a row may have together: a row that is not
 * longer than this needs no TOAST.
 */
#define MOST_BYTES		1500

/* A writer, and the transitions that it has not written yet. */
struct FeedWriter
{
	const Population *population;
	bool		locked;			/* then the buffer's 'last' is ours to move */
	int64		definition;		/* the last row of members; 0: none */
	int64		appended;
	MemoryContext context;		/* the buffer's values, reset when written */
	int			room;			/* bytes that the last row may have yet */
	FeedRows	buffer;
};

static bool goes_on(const FeedRows *buffer, const char *key, TimestampTz at,
					const char *cause);
static bool is_text(Datum text, const char *string);
static void writer_lock(FeedWriter *writer);
static void write_buffered(FeedWriter *writer);

FeedWriter *
feed_open(const Population *population)
{
	FeedWriter *writer = palloc(sizeof(FeedWriter));

	writer->population = population;
	writer->locked = false;
	writer->definition = 0;
	writer->appended = 0;
	writer->context = AllocSetContextCreate(CurrentMemoryContext,
											"segment feed buffer",
											ALLOCSET_DEFAULT_SIZES);
	writer->buffer.population = CStringGetTextDatum(population->name);
	writer->buffer.last = 0;
	writer->buffer.now = clock_now();
	writer->buffer.nrows = writer->buffer.count = 0;
	return writer;
}

void
feed_put(FeedWriter *writer, const char *audience, const char *key,
		 bool entered, TimestampTz at, const char *cause)
{
	FeedRows   *buffer = &writer->buffer;
	int			size = VARHDRSZ + INTALIGN(strlen(audience));
	MemoryContext old;

	writer_lock(writer);
	old = MemoryContextSwitchTo(writer->context);
	if (size > writer->room || !goes_on(buffer, key, at, cause))
	{
		int			row = buffer->nrows++;

		buffer->ntransitions[row] = 0;
		buffer->key[row] = CStringGetTextDatum(key);
		buffer->at[row] = TimestampTzGetDatum(at);
		buffer->cause[row] = CStringGetTextDatum(cause);
		writer->room = MOST_BYTES;
	}
	buffer->ntransitions[buffer->nrows - 1]++;
	buffer->audience[buffer->count] = CStringGetTextDatum(audience);
	buffer->entered[buffer->count] = BoolGetDatum(entered);
	writer->room -= size;
	MemoryContextSwitchTo(old);

	if (++buffer->count == FEED_BATCH)
		write_buffered(writer);
}

/* goes_on() tells whether the last row is of this profile and instant. */
static bool
goes_on(const FeedRows *buffer, const char *key, TimestampTz at,
		const char *cause)
{
	int			last = buffer->nrows - 1;

	return last >= 0 && DatumGetTimestampTz(buffer->at[last]) == at &&
		is_text(buffer->key[last], key) && is_text(buffer->cause[last], cause);
}

/* is_text() tells whether a text is this string. */
static bool
is_text(Datum text, const char *string)
{
	size_t		length = strlen(string);

	return VARSIZE_ANY_EXHDR(DatumGetPointer(text)) == length &&
		memcmp(VARDATA_ANY(DatumGetPointer(text)), string, length) == 0;
}

void
feed_put_members(FeedWriter *writer, const char *audience,
				 const MemberSet *members, bool entered, TimestampTz at,
				 const char *cause)
{
	int64		count = members_count(members);
	StringInfoData bytes;

	if (count == 0)
		return;
	writer_lock(writer);
	if (writer->buffer.count > 0)
		write_buffered(writer);
	writer->buffer.last += count;
	writer->appended += count;
	writer->definition = writer->buffer.last;

	initStringInfo(&bytes);
	appendStringInfoSpaces(&bytes, VARHDRSZ);
	members_pack(&bytes, members);
	SET_VARSIZE(bytes.data, bytes.len);
	catalog_execute("INSERT INTO segment.feed"
					" (population, seq, audience, change, at, recorded_at,"
					" cause, profiles, members)"
					" VALUES ($1, $2, $3, CASE WHEN $4 THEN 'entered'"
					" ELSE 'left' END, $5, $6, $7, $8, $9)",
					9, (Oid[]) {TEXTOID, INT8OID, TEXTOID, BOOLOID,
								TIMESTAMPTZOID, TIMESTAMPTZOID, TEXTOID,
								INT8OID, BYTEAOID},
					(Datum[]) {text_datum(writer->population->name),
							   Int64GetDatum(writer->buffer.last),
							   text_datum(audience), BoolGetDatum(entered),
							   TimestampTzGetDatum(at),
							   TimestampTzGetDatum(writer->buffer.now),
							   CStringGetTextDatum(cause),
							   Int64GetDatum(count),
							   PointerGetDatum(bytes.data)},
					NULL);
	pfree(bytes.data);
}

int64
feed_close(FeedWriter *writer, int64 *last)
{
	int64		appended;

	if (writer->buffer.count > 0)
		write_buffered(writer);
	appended = writer->appended;
	*last = writer->buffer.last;
	if (appended > 0)
	{
		catalog_execute("UPDATE segment.feed_counter SET last = $2,"
						" last_definition = greatest(last_definition, $3)"
						" WHERE population = $1",
						3, (Oid[]) {NAMEOID, INT8OID, INT8OID},
						(Datum[]) {name_datum(writer->population->name),
								   Int64GetDatum(writer->buffer.last),
								   Int64GetDatum(writer->definition)},
						NULL);
		Async_Notify(FEED_CHANNEL, writer->population->name);
	}
	MemoryContextDelete(writer->context);
	pfree(writer);
	return appended;
}

FeedCounter
feed_lock(const Population *population)
{
	FeedCounter counter;

	if (feed_read_counter(population, true, &counter))
		return counter;
	/* locks the population as a foreign key would: it may be about to go */
	catalog_execute("INSERT INTO segment.feed_counter (population)"
					" SELECT population FROM segment.population"
					" WHERE population = $1 FOR KEY SHARE"
					" ON CONFLICT DO NOTHING",
					1, (Oid[]) {NAMEOID},
					(Datum[]) {name_datum(population->name)}, NULL);
	if (!feed_read_counter(population, true, &counter))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("population \"%s\" does not exist", population->name)));
	return counter;
}

void
feed_announce(const Population *population, bool announced)
{
	(void) feed_lock(population);
	catalog_execute("UPDATE segment.feed_counter SET announced = $2"
					" WHERE population = $1",
					2, (Oid[]) {NAMEOID, BOOLOID},
					(Datum[]) {name_datum(population->name),
							   BoolGetDatum(announced)},
					NULL);
}

void
feed_hold(const Population *population, bool consumers)
{
	(void) feed_lock(population);
	if (consumers)
		catalog_execute("SELECT FROM segment.consumer WHERE population = $1"
						" ORDER BY consumer FOR UPDATE",
						1, (Oid[]) {NAMEOID},
						(Datum[]) {name_datum(population->name)}, NULL);
}

void
feed_forget(const Population *population)
{
	static const char *const statements[] = {
		"SELECT FROM segment.population WHERE population = $1 FOR UPDATE",
		"SELECT FROM segment.feed_counter WHERE population = $1 FOR UPDATE",
		"DELETE FROM segment.consumer WHERE population = $1",
		"DELETE FROM segment.feed WHERE population = $1::text",
		"DELETE FROM segment.ended_profile WHERE population = $1",
		"DELETE FROM segment.feed_counter WHERE population = $1",
	};
	Datum		name = name_datum(population->name);

	for (int i = 0; i < lengthof(statements); i++)
		catalog_execute(statements[i], 1, (Oid[]) {NAMEOID}, &name, NULL);
}

bool
feed_read_counter(const Population *population, bool lock,
				  FeedCounter *counter)
{
	HeapTuple	row;
	TupleDesc	desc;
	bool		isnull;

	catalog_execute(psprintf("SELECT last, trimmed,"
							 " CASE WHEN announced THEN $2"
							 " ELSE last_definition END"
							 " FROM segment.feed_counter"
							 " WHERE population = $1%s",
							 lock ? " FOR UPDATE" : ""),
					2, (Oid[]) {NAMEOID, INT8OID},
					(Datum[]) {name_datum(population->name),
							   Int64GetDatum(TOLD_LATER)},
					NULL);
	if (SPI_processed == 0)
		return false;
	row = SPI_tuptable->vals[0];
	desc = SPI_tuptable->tupdesc;
	counter->last = DatumGetInt64(SPI_getbinval(row, desc, 1, &isnull));
	counter->trimmed = DatumGetInt64(SPI_getbinval(row, desc, 2, &isnull));
	counter->told_by = DatumGetInt64(SPI_getbinval(row, desc, 3, &isnull));
	return true;
}

/* writer_lock() locks the feed before the first transition. */
static void
writer_lock(FeedWriter *writer)
{
	if (writer->locked)
		return;
	writer->buffer.last = feed_lock(writer->population).last;
	writer->locked = true;
}

/* write_buffered() appends what is buffered, and empties the buffer. */
static void
write_buffered(FeedWriter *writer)
{
	MemoryContext old = MemoryContextSwitchTo(writer->context);

	CHECK_FOR_INTERRUPTS();
	feed_append(&writer->buffer);
	MemoryContextSwitchTo(old);
	MemoryContextReset(writer->context);
	writer->buffer.last += writer->buffer.count;
	writer->appended += writer->buffer.count;
	writer->buffer.nrows = writer->buffer.count = 0;
}
