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
 * A definition makes many profiles enter or leave at once: that is one row,
 * which takes a number for each of them (read.c).
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
 * Rows are appended by INSERT ... SELECT FROM unnest(), a thousand at a time:
 * half a million took under three seconds, with the checks and the index that
 * any INSERT has.  The table API would save a part of that, for a page of code
 * that would have to be right.
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
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "base/base.h"
#include "feed/feed_private.h"

#define FEED_CHANNEL	"segment_transition"

/* How many transitions are written by one statement. */
#define FEED_BATCH		1000

/* A writer, and the transitions that it has not written yet. */
struct FeedWriter
{
	const Population *population;
	bool		locked;			/* then 'last' is ours to move */
	int64		last;			/* number of the last one written */
	int64		definition;		/* the last row of members; 0: none */
	int64		appended;
	TimestampTz now;			/* recorded_at of all transitions */
	MemoryContext context;		/* the buffer's values, reset when written */
	int			buffered;
	Datum		audience[FEED_BATCH];
	Datum		key[FEED_BATCH];
	Datum		entered[FEED_BATCH];
	Datum		at[FEED_BATCH];
	Datum		cause[FEED_BATCH];
};

static void writer_lock(FeedWriter *writer);
static void write_buffered(FeedWriter *writer);

FeedWriter *
feed_open(const Population *population)
{
	FeedWriter *writer = palloc(sizeof(FeedWriter));

	writer->population = population;
	writer->locked = false;
	writer->last = writer->definition = 0;
	writer->appended = 0;
	writer->now = clock_now();
	writer->buffered = 0;
	writer->context = AllocSetContextCreate(CurrentMemoryContext,
											"segment feed buffer",
											ALLOCSET_DEFAULT_SIZES);
	return writer;
}

void
feed_put(FeedWriter *writer, const char *audience, const char *key,
		 bool entered, TimestampTz at, const char *cause)
{
	MemoryContext old;

	writer_lock(writer);
	old = MemoryContextSwitchTo(writer->context);
	writer->audience[writer->buffered] = name_datum(audience);
	writer->key[writer->buffered] = CStringGetTextDatum(key);
	writer->entered[writer->buffered] = BoolGetDatum(entered);
	writer->at[writer->buffered] = TimestampTzGetDatum(at);
	writer->cause[writer->buffered] = CStringGetTextDatum(cause);
	MemoryContextSwitchTo(old);

	if (++writer->buffered == FEED_BATCH)
		write_buffered(writer);
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
	if (writer->buffered > 0)
		write_buffered(writer);
	writer->last += count;
	writer->appended += count;
	writer->definition = writer->last;

	initStringInfo(&bytes);
	appendStringInfoSpaces(&bytes, VARHDRSZ);
	members_pack(&bytes, members);
	SET_VARSIZE(bytes.data, bytes.len);
	catalog_execute("INSERT INTO segment.feed"
					" (population, seq, audience, change, at, recorded_at,"
					" cause, profiles, members)"
					" VALUES ($1, $2, $3, CASE WHEN $4 THEN 'entered'"
					" ELSE 'left' END, $5, $6, $7, $8, $9)",
					9, (Oid[]) {NAMEOID, INT8OID, NAMEOID, BOOLOID,
								TIMESTAMPTZOID, TIMESTAMPTZOID, TEXTOID,
								INT8OID, BYTEAOID},
					(Datum[]) {name_datum(writer->population->name),
							   Int64GetDatum(writer->last),
							   name_datum(audience), BoolGetDatum(entered),
							   TimestampTzGetDatum(at),
							   TimestampTzGetDatum(writer->now),
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

	if (writer->buffered > 0)
		write_buffered(writer);
	appended = writer->appended;
	*last = writer->last;
	if (appended > 0)
	{
		catalog_execute("UPDATE segment.feed_counter SET last = $2,"
						" last_definition = greatest(last_definition, $3)"
						" WHERE population = $1",
						3, (Oid[]) {NAMEOID, INT8OID, INT8OID},
						(Datum[]) {name_datum(writer->population->name),
								   Int64GetDatum(writer->last),
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
		"DELETE FROM segment.feed WHERE population = $1",
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
	writer->last = feed_lock(writer->population).last;
	writer->locked = true;
}

/* write_buffered() inserts what is buffered, and empties the buffer. */
static void
write_buffered(FeedWriter *writer)
{
	MemoryContext old = MemoryContextSwitchTo(writer->context);
	int			count = writer->buffered;
	Datum		values[] = {
		name_datum(writer->population->name),
		Int64GetDatum(writer->last),
		PointerGetDatum(construct_array(writer->audience, count, NAMEOID,
										NAMEDATALEN, false, TYPALIGN_CHAR)),
		PointerGetDatum(construct_array(writer->key, count, TEXTOID,
										-1, false, TYPALIGN_INT)),
		PointerGetDatum(construct_array(writer->entered, count, BOOLOID,
										sizeof(bool), true, TYPALIGN_CHAR)),
		PointerGetDatum(construct_array(writer->at, count, TIMESTAMPTZOID,
										sizeof(TimestampTz), FLOAT8PASSBYVAL,
										TYPALIGN_DOUBLE)),
		PointerGetDatum(construct_array(writer->cause, count, TEXTOID,
										-1, false, TYPALIGN_INT)),
		TimestampTzGetDatum(writer->now),
	};

	MemoryContextSwitchTo(old);
	CHECK_FOR_INTERRUPTS();
	catalog_execute("INSERT INTO segment.feed"
					" (population, seq, audience, key, change, at,"
					" recorded_at, cause)"
					" SELECT $1, $2 + n, audience, key,"
					" CASE WHEN entered THEN 'entered' ELSE 'left' END, at,"
					" $8, cause"
					" FROM unnest($3, $4, $5, $6, $7) WITH ORDINALITY"
					" AS t (audience, key, entered, at, cause, n)",
					8, (Oid[]) {NAMEOID, INT8OID, NAMEARRAYOID, TEXTARRAYOID,
								BOOLARRAYOID, TIMESTAMPTZARRAYOID,
								TEXTARRAYOID, TIMESTAMPTZOID},
					values, NULL);
	MemoryContextReset(writer->context);
	writer->last += count;
	writer->appended += count;
	writer->buffered = 0;
}
