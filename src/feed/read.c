/*-------------------------------------------------------------------------
 *
 * read.c
 *	  From rows of the feed to transitions, one for each profile.
 *
 * A row of the feed is of one profile, or of all that a definition made enter
 * or leave an audience.  Such a row takes as many numbers as it has profiles,
 * and bears the last of them:
 *
 *		segment.feed	seq 2		key Ada		entered vip
 *						seq 1002	1000 profiles {17, 40, ...}		entered new
 *						seq 1003	key Ada		left vip
 *
 *		transitions		2, 3 ... 1002, 1003
 *
 * So the rows after a position are those with a greater seq, also if it lies
 * within such a row: a reader at 500 is given 501 next.
 *
 * Keys are those of the base table, and of ended.c.  All is read under the
 * active snapshot.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "base/base.h"
#include "feed/feed_private.h"
#include "membership/membership.h"

SEGMENT_FUNCTION(segment_transitions);
SEGMENT_FUNCTION(segment_feed_members);

/* Profiles whose keys are looked up at a time. */
#define KEYS_BATCH	10000

/* The columns of a transition, which are those of its view. */
enum
{
	TRANSITION_SEQ = 2,
	TRANSITION_KEY = 4,
	TRANSITION_PROFILES = 9,
	TRANSITION_COLUMNS = TRANSITION_PROFILES
};

/* Receives the key of the n-th profile, counted from 0; good in the call. */
typedef void (*KeySink) (int64 n, const char *key, void *context);

/* Where the transitions of one row go. */
typedef struct RowOutput
{
	ReturnSetInfo *result;
	int64		first;			/* number of the row's first profile */
	Datum		values[TRANSITION_COLUMNS];
	bool		isnull[TRANSITION_COLUMNS];
} RowOutput;

static bool has_shape(TupleDesc desc, ReturnSetInfo *result);
static int64 read_definition(const Population *population, RowOutput *output,
							 int64 after, int64 most);
static MemberSet *read_members(const Population *population, int64 seq);
static void each_key(const Population *population, const MemberSet *set,
					 int64 from, int64 to, KeySink sink, void *context);
static void put_transition(int64 n, const char *key, void *context);
static void put_member(int64 n, const char *key, void *context);
pg_noreturn static void refuse_damaged(void);

/*
 * transitions(population, after, n, members) -> transitions in order
 */
Datum
segment_transitions(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	const Population *population = feed_reader(population_argument(fcinfo, 0));
	int64		after = PG_ARGISNULL(1) ? 0 : PG_GETARG_INT64(1);
	int64		most = PG_ARGISNULL(2) ? PG_INT64_MAX : PG_GETARG_INT64(2);

	InitMaterializedSRF(fcinfo, 0);
	SPI_connect();
	(void) feed_read(population, after, most,
					 PG_ARGISNULL(3) || PG_GETARG_BOOL(3), result);
	SPI_finish();
	return (Datum) 0;
}

/*
 * feed_members(population, members) -> the number and the key of each
 */
Datum
segment_feed_members(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	const char *name = NameStr(*PG_GETARG_NAME(0));
	const Population *population = population_keep(name, AccessShareLock);
	bytea	   *bytes = PG_GETARG_BYTEA_PP(1);
	MemberSet  *set = members_unpack(VARDATA_ANY(bytes),
									 VARSIZE_ANY_EXHDR(bytes));

	if (set == NULL)
		refuse_damaged();
	InitMaterializedSRF(fcinfo, 0);
	/* it was dropped since the snapshot of the query */
	if (population == NULL)
		return (Datum) 0;
	population = feed_reader(population);
	SPI_connect();
	each_key(population, set, 0, members_count(set), put_member, result);
	SPI_finish();
	return (Datum) 0;
}

const Population *
feed_reader(const Population *population)
{
	return object_ownercheck(RelationRelationId, population->oid,
							 GetUserId()) ?
		population : population_reader(population);
}

int64
feed_read(const Population *population, int64 after, int64 most, bool members,
		  ReturnSetInfo *result)
{
	SPITupleTable *rows;
	uint64		count;
	int64		given = 0;

	catalog_select("SELECT population, seq, audience, key, change, at,"
				   " recorded_at, cause, coalesce(profiles, 1) AS profiles"
				   " FROM segment.feed WHERE population = $1 AND seq > $2"
				   " ORDER BY seq LIMIT $3",
				   3, (Oid[]) {NAMEOID, INT8OID, INT8OID},
				   (Datum[]) {name_datum(population->name),
							  Int64GetDatum(after), Int64GetDatum(most)});
	rows = SPI_tuptable;
	count = has_shape(rows->tupdesc, result) ? SPI_processed : 0;
	for (uint64 i = 0; i < count && given < most; i++)
	{
		RowOutput	output = {.result = result};
		Datum	   *values = output.values;
		int64		seq;

		CHECK_FOR_INTERRUPTS();
		heap_deform_tuple(rows->vals[i], rows->tupdesc, values, output.isnull);
		seq = DatumGetInt64(values[TRANSITION_SEQ - 1]);
		output.first = seq + 1 -
			DatumGetInt64(values[TRANSITION_PROFILES - 1]);
		after = Max(after, output.first - 1);
		if (output.isnull[TRANSITION_KEY - 1] && members)
		{
			seq = read_definition(population, &output, after, most - given);
			given += seq - after;
		}
		else
		{
			/* of its profiles those that are after the position */
			values[TRANSITION_PROFILES - 1] = Int64GetDatum(seq - after);
			tuplestore_putvalues(result->setResult, result->setDesc, values,
								 output.isnull);
			given++;
		}
		after = seq;
	}
	return after;
}

/*
 * has_shape() tells whether rows have the types of a transition.  Whose table
 * it is may have altered it: then the executor is told what the rows are, and
 * says how they differ.
 */
static bool
has_shape(TupleDesc desc, ReturnSetInfo *result)
{
	MemoryContext old;

	for (int i = 0; i < TRANSITION_COLUMNS; i++)
	{
		if (TupleDescAttr(desc, i)->atttypid ==
			TupleDescAttr(result->setDesc, i)->atttypid)
			continue;
		old = MemoryContextSwitchTo(result->econtext->ecxt_per_query_memory);
		result->setDesc = CreateTupleDescCopy(desc);
		MemoryContextSwitchTo(old);
		return false;
	}
	return true;
}

/*
 * read_definition() puts the transitions of a definition that are after a
 * position, at most so many; returns the number of the last one.
 */
static int64
read_definition(const Population *population, RowOutput *output, int64 after,
				int64 most)
{
	int64		seq = DatumGetInt64(output->values[TRANSITION_SEQ - 1]);
	int64		count = seq + 1 - output->first;
	int64		from = after + 1 - output->first;
	int64		to = count - from > most ? from + most : count;
	MemoryContext memory = AllocSetContextCreate(CurrentMemoryContext,
												 "segment feed members",
												 ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(memory);
	MemberSet  *set = read_members(population, seq);

	if (members_count(set) != count)
		refuse_damaged();
	output->values[TRANSITION_PROFILES - 1] = Int64GetDatum(1);
	each_key(population, set, from, to, put_transition, output);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(memory);
	return output->first + to - 1;
}

/* read_members() reads the profiles of a row. */
static MemberSet *
read_members(const Population *population, int64 seq)
{
	MemberSet  *set = NULL;
	bool		isnull = true;
	Datum		value = (Datum) 0;

	catalog_select("SELECT members FROM segment.feed"
				   " WHERE population = $1 AND seq = $2",
				   2, (Oid[]) {NAMEOID, INT8OID},
				   (Datum[]) {name_datum(population->name),
							  Int64GetDatum(seq)});
	if (SPI_processed == 1 &&
		SPI_gettypeid(SPI_tuptable->tupdesc, 1) == BYTEAOID)
		value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1,
							  &isnull);
	if (!isnull)
	{
		bytea	   *bytes = DatumGetByteaPP(value);

		set = members_unpack(VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes));
	}
	if (set == NULL)
		refuse_damaged();
	SPI_freetuptable(SPI_tuptable);
	return set;
}

/*
 * each_key() looks up the keys of the profiles 'from' to 'to' - 1 of a set,
 * and hands them to the sink.
 */
static void
each_key(const Population *population, const MemberSet *set, int64 from,
		 int64 to, KeySink sink, void *context)
{
	MemoryContext memory = AllocSetContextCreate(CurrentMemoryContext,
												 "segment feed keys",
												 ALLOCSET_DEFAULT_SIZES);
	char	  **keys = palloc(sizeof(char *) * KEYS_BATCH);
	int64		all;
	int64	   *ords = members_list(set, &all);

	for (int64 at = from; at < to; at += KEYS_BATCH)
	{
		int			count = Min(KEYS_BATCH, to - at);
		MemoryContext old = MemoryContextSwitchTo(memory);

		CHECK_FOR_INTERRUPTS();
		profile_keys(population, ords + at, count, keys);
		ended_keys_find(population, ords + at, count, keys);
		for (int i = 0; i < count; i++)
			sink(at + i, keys[i], context);
		MemoryContextSwitchTo(old);
		MemoryContextReset(memory);
	}
	MemoryContextDelete(memory);
	pfree(keys);
	pfree(ords);
}

/* put_transition() puts the transition of one profile.  A KeySink. */
static void
put_transition(int64 n, const char *key, void *context)
{
	RowOutput  *output = context;

	output->values[TRANSITION_SEQ - 1] = Int64GetDatum(output->first + n);
	output->isnull[TRANSITION_KEY - 1] = (key == NULL);
	if (key != NULL)
		output->values[TRANSITION_KEY - 1] = CStringGetTextDatum(key);
	tuplestore_putvalues(output->result->setResult, output->result->setDesc,
						 output->values, output->isnull);
}

/* put_member() puts the number and the key of one profile.  A KeySink. */
static void
put_member(int64 n, const char *key, void *context)
{
	ReturnSetInfo *result = context;
	Datum		values[] = {Int64GetDatum(n + 1), (Datum) 0};
	bool		isnull[] = {false, key == NULL};

	if (key != NULL)
		values[1] = CStringGetTextDatum(key);
	tuplestore_putvalues(result->setResult, result->setDesc, values, isnull);
}

static void
refuse_damaged(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("the profiles of a transition are damaged"),
			 errdetail("A row of segment.feed is of a definition, and its column \"members\" is no set of so many profiles.")));
}
