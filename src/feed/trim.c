/*-------------------------------------------------------------------------
 *
 * trim.c
 *	  What is removed from the beginning of a feed?
 *
 *		seq				1	2	3	4	5
 *		recorded_at		Mon	Mon	Tue	Wed	Wed
 *		keep from Wed	x	x	x
 *		"crm" acknowledged 2
 *						x	x				removed; trimmed = 2
 *
 * trim removes the transitions that are old enough and that every consumer has
 * acknowledged; with force, all that are old enough.  A row that is of several
 * transitions is removed as a whole.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/base.h"
#include "feed/feed_private.h"

SEGMENT_FUNCTION(segment_trim_feed);
SEGMENT_FUNCTION(segment_trim_feed_text);

static int64 trim(const Population *population, TimestampTz keep_from,
				  bool force, int64 most);
static int64 trim_position(const Population *population, FeedCounter counter,
						   TimestampTz keep_from, bool force, int64 most);
static bool first_kept(const Population *population, int64 after,
					   int64 position, TimestampTz keep_from, int64 most,
					   int64 *seq);
static int64 row_within(const Population *population, int64 after, int64 n);
static int64 last_row(const Population *population, int64 position);
static void move_consumers(const Population *population, int64 position);

int64
feed_trim(const Population *population, int64 most)
{
	if (segment_feed_retention < 0)
		return 0;
	return trim(population,
				clock_now() - segment_feed_retention * USECS_PER_MINUTE,
				false, most);
}

/*
 * trim_feed(age, force, population) -> how many
 */
Datum
segment_trim_feed(PG_FUNCTION_ARGS)
{
	const char *name = PG_ARGISNULL(2) ? NULL : NameStr(*PG_GETARG_NAME(2));
	const Population *population = population_by_name(name);
	bool		force = !PG_ARGISNULL(1) && PG_GETARG_BOOL(1);
	TimestampTz now = clock_now();
	TimestampTz keep_from;
	int64		removed;

	population_check_owner(population);

	if (!PG_ARGISNULL(0))
	{
		Datum		then = DirectFunctionCall2(timestamptz_mi_interval,
											   TimestampTzGetDatum(now),
											   PG_GETARG_DATUM(0));

		keep_from = DatumGetTimestampTz(then);
		if (keep_from > now)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("the age of what is removed from the feed must not be negative"),
					 errhint("For example '30 days'.")));
	}
	else if (segment_feed_retention >= 0)
		keep_from = now - segment_feed_retention * USECS_PER_MINUTE;
	else
		PG_RETURN_INT64(0);

	SPI_connect();
	removed = trim(population, keep_from, force, 0);
	SPI_finish();
	PG_RETURN_INT64(removed);
}

/* The same with a text as the age. */
Datum
segment_trim_feed_text(PG_FUNCTION_ARGS)
{
	return call_with_text(fcinfo, 0, INTERVALOID, segment_trim_feed);
}

/*
 * trim() removes what lies before the first transition that is to be kept, at
 * most so many of it (0: all), and returns how many.  It looks before it
 * locks, as there is most often nothing to do.
 */
static int64
trim(const Population *population, TimestampTz keep_from, bool force,
	 int64 most)
{
	FeedCounter counter;
	int64		position;

	if (!feed_read_counter(population, false, &counter))
		return 0;
	position = trim_position(population, counter, keep_from, force, most);
	if (position == counter.trimmed)
		return 0;
	counter = feed_lock(population);
	position = trim_position(population, counter, keep_from, force, most);
	if (position == counter.trimmed)
		return 0;

	if (force)
		move_consumers(population, position);
	catalog_execute("DELETE FROM segment.feed"
					" WHERE population = $1 AND seq > $2 AND seq <= $3",
					3, (Oid[]) {TEXTOID, INT8OID, INT8OID},
					(Datum[]) {text_datum(population->name),
							   Int64GetDatum(counter.trimmed),
							   Int64GetDatum(position)},
					NULL);
	/* what was told later has a number now, unless that is still to come */
	catalog_execute("DELETE FROM segment.ended_profile"
					" WHERE population = $1 AND least(told_by, $3) <= $2",
					3, (Oid[]) {NAMEOID, INT8OID, INT8OID},
					(Datum[]) {name_datum(population->name),
							   Int64GetDatum(position),
							   Int64GetDatum(counter.told_by)},
					NULL);
	catalog_execute("UPDATE segment.feed_counter SET trimmed = $2"
					" WHERE population = $1",
					2, (Oid[]) {NAMEOID, INT8OID},
					(Datum[]) {name_datum(population->name),
							   Int64GetDatum(position)},
					NULL);
	return position - counter.trimmed;
}

/*
 * trim_position() is up to where the feed may be trimmed, if at most so many
 * are removed (0: all).  It reads only what can be removed, so that a consumer
 * far behind does not make it slow.
 *
 * Consumers are read as they are now, also where the snapshot is older: none
 * must lose anything for having been created since.
 */
static int64
trim_position(const Population *population, FeedCounter counter,
			  TimestampTz keep_from, bool force, int64 most)
{
	int64		position = counter.last;
	int64		kept;

	if (!force)
	{
		CatalogScan scan;
		bool		isnull;

		catalog_begin(&scan, "consumer", population->name);
		while (catalog_next(&scan))
		{
			Datum		acknowledged = catalog_get(&scan, "acknowledged",
												   INT8OID, &isnull);

			position = Min(position, DatumGetInt64(acknowledged));
		}
		catalog_end(&scan);
	}
	if (position <= counter.trimmed)
		return counter.trimmed;
	if (first_kept(population, counter.trimmed, position, keep_from, most,
				   &kept))
		position = kept - 1;
	if (most > 0 && position - counter.trimmed > most)
		position = Min(position, row_within(population, counter.trimmed,
											most));
	if (position == counter.trimmed)
		return position;
	return Max(last_row(population, position), counter.trimmed);
}

/*
 * first_kept() finds the number of the first row that is to be kept, among the
 * first 'most' rows (0: all) after a number up to a position; false if all of
 * them may go.  Most often it is the very first row: so nothing is counted
 * before it is known that there is something to remove.
 */
static bool
first_kept(const Population *population, int64 after, int64 position,
		   TimestampTz keep_from, int64 most, int64 *seq)
{
	bool		isnull;

	catalog_execute("SELECT seq FROM (SELECT seq, recorded_at"
					" FROM segment.feed"
					" WHERE population = $1 AND seq > $2 AND seq <= $3"
					" ORDER BY seq LIMIT nullif($5, 0)) AS first_rows"
					" WHERE recorded_at >= $4 ORDER BY seq LIMIT 1",
					5, (Oid[]) {TEXTOID, INT8OID, INT8OID, TIMESTAMPTZOID,
								INT8OID},
					(Datum[]) {text_datum(population->name),
							   Int64GetDatum(after), Int64GetDatum(position),
							   TimestampTzGetDatum(keep_from),
							   Int64GetDatum(most)},
					NULL);
	if (SPI_processed == 0)
		return false;
	*seq = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0],
									   SPI_tuptable->tupdesc, 1, &isnull));
	return true;
}

/*
 * row_within() returns the number of the last row of the next n transitions
 * after a number; of the first row, if that alone has more.  There is one.
 */
static int64
row_within(const Population *population, int64 after, int64 n)
{
	bool		isnull;

	catalog_execute("SELECT coalesce(max(seq) FILTER (WHERE seq - $2 <= $3),"
					" min(seq)) FROM (SELECT seq FROM segment.feed"
					" WHERE population = $1 AND seq > $2"
					" ORDER BY seq LIMIT $3) AS rows",
					3, (Oid[]) {TEXTOID, INT8OID, INT8OID},
					(Datum[]) {text_datum(population->name),
							   Int64GetDatum(after), Int64GetDatum(n)},
					NULL);
	return DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0],
									   SPI_tuptable->tupdesc, 1, &isnull));
}

/*
 * last_row() returns the number of the last row up to a position, which may
 * lie within a row; 0 if there is none.
 */
static int64
last_row(const Population *population, int64 position)
{
	bool		isnull;
	Datum		seq;

	catalog_execute("SELECT max(seq) FROM segment.feed"
					" WHERE population = $1 AND seq <= $2",
					2, (Oid[]) {TEXTOID, INT8OID},
					(Datum[]) {text_datum(population->name),
							   Int64GetDatum(position)},
					NULL);
	seq = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1,
						&isnull);
	return isnull ? 0 : DatumGetInt64(seq);
}

/*
 * move_consumers() moves consumers that are not there yet to a position: they
 * lose what lies between, and a notice says how much.
 */
static void
move_consumers(const Population *population, int64 position)
{
	Oid			types[] = {NAMEOID, INT8OID};
	Datum		values[] = {
		name_datum(population->name),
		Int64GetDatum(position),
	};

	catalog_execute("SELECT consumer, acknowledged FROM segment.consumer"
					" WHERE population = $1 AND acknowledged < $2"
					" ORDER BY consumer FOR UPDATE",
					2, types, values, NULL);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HeapTuple	row = SPI_tuptable->vals[i];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		bool		isnull;
		int64		lost = position -
			DatumGetInt64(SPI_getbinval(row, desc, 2, &isnull));

		ereport(NOTICE,
				(errmsg_plural("consumer \"%s\" loses " INT64_FORMAT " transition that it has not acknowledged",
							   "consumer \"%s\" loses " INT64_FORMAT " transitions that it has not acknowledged",
							   lost, SPI_getvalue(row, desc, 1), lost)));
	}
	catalog_execute("UPDATE segment.consumer SET acknowledged = $2,"
					" polled = greatest(polled, $2),"
					" leased_until ="
					" CASE WHEN polled > $2 THEN leased_until END"
					" WHERE population = $1 AND acknowledged < $2",
					2, types, values, NULL);
}
