/*-------------------------------------------------------------------------
 *
 * consumer.c
 *	  What has a reader of the feed not been given yet?
 *
 *		SELECT segment.create_consumer('crm');			acknowledged 0
 *		SELECT * FROM segment.poll('crm', 10);			1 to 10, for 30 s
 *		SELECT segment.ack('crm', 10);					acknowledged 10
 *
 * Numbers are in commit order and without gaps, so a position says it all.
 * Delivery is at least once, to one poller at a time:
 *
 *		poll in a transaction	locks the consumer's row: who polls next waits
 *								for its end, and is given the same rows if it
 *								was rolled back
 *		poll that has ended		leaves a lease: until it runs out or something
 *								is acknowledged, other polls are given nothing
 *
 * An acknowledgement bears no name: that of a poller whose lease ran out ends
 * the lease of the next one, and what lies beyond may then be given twice.
 *
 * Rights.  The role that created the consumer may poll, acknowledge and drop
 * it, and so may the population's owner.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"

#include "base/base.h"
#include "feed/feed_private.h"

SEGMENT_FUNCTION(segment_create_consumer);
SEGMENT_FUNCTION(segment_poll);
SEGMENT_FUNCTION(segment_poll_text);
SEGMENT_FUNCTION(segment_ack);
SEGMENT_FUNCTION(segment_drop_consumer);

typedef struct Consumer
{
	char	   *name;
	Oid			owner;
	const Population *population;

	/* known once it is locked */
	int64		acknowledged;
	int64		polled;
	bool		leased;
	TimestampTz leased_until;
} Consumer;

static void check_new_name(const char *name);
pg_noreturn static void duplicate_consumer(const char *name);
static Consumer *consumer_find(const char *name);
pg_noreturn static void unknown_consumer(const char *name, List *names);
static bool owns_population(const Population *population);
static void consumer_lock(Consumer *consumer);
pg_noreturn static void consumer_gone(const Consumer *consumer);
static TimestampTz lease_clock(void);
static TimestampTz lease_end(TimestampTz begin, Interval *lease);

/*
 * create_consumer(name, population, from_start) -> its position
 */
Datum
segment_create_consumer(PG_FUNCTION_ARGS)
{
	char	   *name = name_argument(fcinfo, 0, "consumer");
	const Population *population = population_argument(fcinfo, 1);
	bool		from_start = flag_argument(fcinfo, 2);
	FeedCounter counter;
	int64		position;

	population = population_reader(population);
	check_new_name(name);

	SPI_connect();
	/* transitions after the position stay: trimming is locked out */
	counter = feed_lock(population);
	position = from_start ? counter.trimmed : counter.last;
	catalog_execute("INSERT INTO segment.consumer"
					" (population, consumer, owner, acknowledged, polled)"
					" VALUES ($1, $2, $3, $4, $4) ON CONFLICT DO NOTHING",
					4, (Oid[]) {NAMEOID, NAMEOID, REGROLEOID, INT8OID},
					(Datum[]) {name_datum(population->name), name_datum(name),
							   ObjectIdGetDatum(GetUserId()),
							   Int64GetDatum(position)},
					NULL);
	if (SPI_processed == 0)
		duplicate_consumer(name);
	SPI_finish();
	PG_RETURN_INT64(position);
}

/*
 * poll(consumer, n, lease, members) -> transitions in order
 */
Datum
segment_poll(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Consumer   *consumer = consumer_find(name_argument(fcinfo, 0, "consumer"));
	TimestampTz now;

	PreventCommandIfReadOnly("segment.poll()");
	if (PG_ARGISNULL(1) || PG_GETARG_INT64(1) < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a poll must ask for at least one transition"),
				 errhint("Give n a value of 1 or more.")));
	if (PG_ARGISNULL(2) ||
		lease_end(clock_now(), PG_GETARG_INTERVAL_P(2)) <= clock_now())
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the lease of a poll must be longer than zero"),
				 errhint("For example lease => '30 seconds'.")));
	/* a user who has lost the right to read is given nothing more */
	consumer->population = feed_reader(consumer->population);
	InitMaterializedSRF(fcinfo, 0);

	SPI_connect();
	consumer_lock(consumer);
	now = lease_clock();
	if (!consumer->leased || consumer->leased_until <= now)
	{
		TimestampTz until = lease_end(now, PG_GETARG_INTERVAL_P(2));
		int64		last;

		PushCopiedSnapshot(GetTransactionSnapshot());
		UpdateActiveSnapshotCommandId();
		last = feed_read(consumer->population, consumer->acknowledged,
						 PG_GETARG_INT64(1),
						 PG_ARGISNULL(3) || PG_GETARG_BOOL(3), result);
		PopActiveSnapshot();

		/* an earlier poller may still acknowledge more than this is given */
		if (last > consumer->acknowledged)
			catalog_execute("UPDATE segment.consumer"
							" SET polled = greatest(polled, $2),"
							" leased_until = $3 WHERE consumer = $1",
							3, (Oid[]) {NAMEOID, INT8OID, TIMESTAMPTZOID},
							(Datum[]) {name_datum(consumer->name),
									   Int64GetDatum(last),
									   TimestampTzGetDatum(until)},
							NULL);
	}
	SPI_finish();
	return (Datum) 0;
}

/* The same with a text as its lease. */
Datum
segment_poll_text(PG_FUNCTION_ARGS)
{
	return call_with_text(fcinfo, 2, INTERVALOID, segment_poll);
}

/*
 * ack(consumer, seq)
 */
Datum
segment_ack(PG_FUNCTION_ARGS)
{
	Consumer   *consumer = consumer_find(name_argument(fcinfo, 0, "consumer"));
	int64		seq;

	PreventCommandIfReadOnly("segment.ack()");
	if (PG_ARGISNULL(1))
		PG_RETURN_VOID();
	seq = PG_GETARG_INT64(1);

	SPI_connect();
	consumer_lock(consumer);
	if (seq > consumer->polled)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("consumer \"%s\" was not given transition " INT64_FORMAT,
						consumer->name, seq),
				 errdetail("It was given those up to " INT64_FORMAT
						   " and has acknowledged those up to "
						   INT64_FORMAT ".",
						   consumer->polled, consumer->acknowledged),
				 errhint("Acknowledge the last seq that segment.poll() returned.")));
	if (seq > consumer->acknowledged)
		catalog_execute("UPDATE segment.consumer"
						" SET acknowledged = $2, leased_until = NULL"
						" WHERE consumer = $1",
						2, (Oid[]) {NAMEOID, INT8OID},
						(Datum[]) {name_datum(consumer->name),
								   Int64GetDatum(seq)},
						NULL);
	SPI_finish();
	PG_RETURN_VOID();
}

/*
 * drop_consumer(name)
 */
Datum
segment_drop_consumer(PG_FUNCTION_ARGS)
{
	Consumer   *consumer = consumer_find(name_argument(fcinfo, 0, "consumer"));

	SPI_connect();
	consumer_lock(consumer);
	catalog_execute("DELETE FROM segment.consumer WHERE consumer = $1",
					1, (Oid[]) {NAMEOID},
					(Datum[]) {name_datum(consumer->name)}, NULL);
	SPI_finish();
	PG_RETURN_VOID();
}

/* check_new_name() refuses the name of a consumer that is there. */
static void
check_new_name(const char *name)
{
	CatalogScan scan;
	bool		taken = false;

	if (name[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("a consumer needs a name")));
	catalog_begin(&scan, "consumer", NULL);
	while (catalog_next(&scan))
		taken |= (strcmp(catalog_get_text(&scan, "consumer"), name) == 0);
	catalog_end(&scan);
	if (taken)
		duplicate_consumer(name);
}

static void
duplicate_consumer(const char *name)
{
	ereport(ERROR,
			(errcode(ERRCODE_DUPLICATE_OBJECT),
			 errmsg("consumer \"%s\" already exists", name),
			 errhint("Choose another name, or drop it with segment.drop_consumer().")));
}

/*
 * consumer_find() finds a consumer; an error if there is none of that name, or
 * if the user may not act for it.
 */
static Consumer *
consumer_find(const char *name)
{
	Consumer   *consumer = palloc0(sizeof(Consumer));
	char	   *population = NULL;
	List	   *names = NIL;
	CatalogScan scan;
	bool		isnull;

	catalog_begin(&scan, "consumer", NULL);
	while (catalog_next(&scan))
	{
		char	   *candidate = catalog_get_text(&scan, "consumer");

		names = lappend(names, candidate);
		if (strcmp(candidate, name) != 0)
			continue;
		consumer->name = candidate;
		consumer->owner = DatumGetObjectId(catalog_get(&scan, "owner",
													   REGROLEOID, &isnull));
		population = catalog_get_text(&scan, "population");
	}
	catalog_end(&scan);
	if (population == NULL)
		unknown_consumer(name, names);
	consumer->population = population_by_name(population);

	if (!has_privs_of_role(GetUserId(), consumer->owner) &&
		!owns_population(consumer->population))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of consumer \"%s\"", name),
				 errhint("Create a consumer of your own with segment.create_consumer().")));
	return consumer;
}

/*
 * unknown_consumer() reports that a consumer does not exist, with the nearest
 * of the names (char *).
 */
static void
unknown_consumer(const char *name, List *names)
{
	const char *nearest;

	/* of two that are as near it is the first */
	list_sort(names, compare_names);
	nearest = nearest_name(name, names);
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("consumer \"%s\" does not exist", name),
			 nearest ? errhint("Perhaps you meant %s.", quote_literal_cstr(nearest)) :
			 errhint("Create it with segment.create_consumer().")));
}

static bool
owns_population(const Population *population)
{
	return object_ownercheck(RelationRelationId, population->oid,
							 GetUserId());
}

/*
 * consumer_lock() locks the consumer's row to the end of the transaction, and
 * reads how far it is.  It must still be the one that the user was found to
 * have a right to.
 */
static void
consumer_lock(Consumer *consumer)
{
	HeapTuple	row;
	TupleDesc	desc;
	bool		isnull;

	catalog_execute("SELECT acknowledged, polled, leased_until"
					" FROM segment.consumer"
					" WHERE consumer = $1 AND population = $2 AND owner = $3"
					" FOR UPDATE",
					3, (Oid[]) {NAMEOID, NAMEOID, REGROLEOID},
					(Datum[]) {name_datum(consumer->name),
							   name_datum(consumer->population->name),
							   ObjectIdGetDatum(consumer->owner)},
					NULL);
	if (SPI_processed == 0)
		consumer_gone(consumer);
	row = SPI_tuptable->vals[0];
	desc = SPI_tuptable->tupdesc;
	consumer->acknowledged = DatumGetInt64(SPI_getbinval(row, desc, 1,
														 &isnull));
	consumer->polled = DatumGetInt64(SPI_getbinval(row, desc, 2, &isnull));
	consumer->leased_until = DatumGetTimestampTz(SPI_getbinval(row, desc, 3,
															   &isnull));
	consumer->leased = !isnull;
}

/*
 * consumer_gone() is the error that a consumer was dropped while we waited for
 * it, or created since our snapshot.
 */
static void
consumer_gone(const Consumer *consumer)
{
	if (IsolationUsesXactSnapshot())
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("could not serialize access due to concurrent update")));
	unknown_consumer(consumer->name, NIL);
}

/*
 * lease_clock() is when a lease begins: not with the transaction, which may
 * have begun long ago or have waited for another poll, but now.  A clock that
 * is frozen stands still for leases as well.
 */
static TimestampTz
lease_clock(void)
{
	TimestampTz now = clock_now();

	return now == GetCurrentTransactionStartTimestamp() ?
		GetCurrentTimestamp() : now;
}

static TimestampTz
lease_end(TimestampTz begin, Interval *lease)
{
	return DatumGetTimestampTz(DirectFunctionCall2(timestamptz_pl_interval,
												   TimestampTzGetDatum(begin),
												   IntervalPGetDatum(lease)));
}
