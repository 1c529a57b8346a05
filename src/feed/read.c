/*-------------------------------------------------------------------------
 *
 * read.c
 *	  From rows of the feed to transitions, one for each profile.
 *
 * A row of the feed is of one transition, of all that a profile entered and
 * left at one instant, or of all profiles that a definition made enter or
 * leave an audience.  It takes as many numbers as it has transitions, and
 * bears the last of them:
 *
 *		segment.feed	seq 2		key Ada		entered vip
 *						seq 1002	1000 profiles {17, 40, ...}		entered new
 *						seq 1004	key Ada		left vip, entered lapsed
 *
 *		transitions		2, 3 ... 1002, 1003, 1004
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
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "base/base.h"
#include "feed/feed_private.h"
#include "membership/membership.h"

SEGMENT_FUNCTION(segment_transitions);
SEGMENT_FUNCTION(segment_feed_members);

/* Profiles whose keys are looked up at a time. */
#define KEYS_BATCH	10000

/* These, in a row of the feed. */
#define FEED_COLUMNS \
	"population, seq, audience, key, change, at, recorded_at, cause," \
	" coalesce(profiles, cardinality(audiences), 1) AS profiles," \
	" audiences, entered"

/* Columns that follow those of a transition. */
enum
{
	ROW_AUDIENCES = TRANSITION_COLUMNS + 1,
	ROW_ENTERED,
	ROW_COLUMNS = ROW_ENTERED
};

/* Rows that are read at a time, where it is not known how many are wanted. */
#define ROWS_BATCH	1000

/* Where the transitions of one row go. */
typedef struct RowOutput
{
	ReturnSetInfo *result;
	const char *audience;		/* put only those of this one; "": of all */
	int64		first;			/* numbers of the row's first transition */
	int64		last;			/* and its last one */
	Datum		values[ROW_COLUMNS];
	bool		isnull[ROW_COLUMNS];
} RowOutput;

static bool has_shape(TupleDesc desc, ReturnSetInfo *result);
static void take_row(RowOutput *output, HeapTuple row, TupleDesc desc);
static int	read_in_order(void);
static void put_narrowed(const Population *population, RowOutput *output,
						 int64 after, int64 last, bool keys);
static int64 read_definition(const Population *population, RowOutput *output,
							 int64 after, int64 most);
static void put_several(RowOutput *output, int64 after, int64 last);
static Datum *read_list(const RowOutput *output, int column,
						const char *name);
static MemberSet *read_members(const Population *population, int64 seq);
static void put_keys(const Population *population, const MemberSet *set,
					 int64 from, int64 to, RowOutput *output);
static void put_transition(RowOutput *output, int64 n, const char *key);
pg_noreturn static void refuse_damaged(const char *column);

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

	if (most < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("cannot list " INT64_FORMAT " transitions", most)));
	InitMaterializedSRF(fcinfo, 0);
	SPI_connect();
	(void) feed_read(population, after, most,
					 PG_ARGISNULL(3) || PG_GETARG_BOOL(3), result);
	SPI_finish();
	return (Datum) 0;
}

/*
 * feed_members(population, from_seq, to_seq, of_audience, keys) -> transitions
 * of rows that have several, in order
 */
Datum
segment_feed_members(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	RowOutput	output = {.result = result, .audience = ""};
	int64		from = PG_ARGISNULL(1) ? 1 : PG_GETARG_INT64(1);
	int64		to = PG_ARGISNULL(2) ? PG_INT64_MAX : PG_GETARG_INT64(2);
	bool		keys = PG_ARGISNULL(4) || PG_GETARG_BOOL(4);
	const Population *population = PG_ARGISNULL(0) ? NULL :
		population_keep(NameStr(*PG_GETARG_NAME(0)), AccessShareLock);
	int64		next = from;
	uint64		count = ROWS_BATCH;
	int			level;

	InitMaterializedSRF(fcinfo, 0);
	/* it was dropped since the snapshot of the query */
	if (population == NULL)
		return (Datum) 0;
	population = feed_reader(population);
	if (!PG_ARGISNULL(3))
		output.audience = TextDatumGetCString(PG_GETARG_DATUM(3));
	SPI_connect();
	level = read_in_order();
	while (count == ROWS_BATCH)
	{
		SPITupleTable *rows;

		catalog_select("SELECT " FEED_COLUMNS " FROM segment.feed"
					   " WHERE population = $1"
					   " AND (members IS NOT NULL OR audiences IS NOT NULL)"
					   " AND seq >= $2"
					   " AND seq - coalesce(profiles, cardinality(audiences))"
					   " < $3"
					   " AND ($4 = '' OR audience = $4 OR $4 = ANY (audiences))"
					   " ORDER BY seq LIMIT $5",
					   5, (Oid[]) {TEXTOID, INT8OID, INT8OID, TEXTOID,
								   INT8OID},
					   (Datum[]) {text_datum(population->name),
								  Int64GetDatum(next), Int64GetDatum(to),
								  text_datum(output.audience),
								  Int64GetDatum(ROWS_BATCH)});
		rows = SPI_tuptable;
		count = has_shape(rows->tupdesc, result) ? SPI_processed : 0;
		for (uint64 i = 0; i < count; i++)
		{
			take_row(&output, rows->vals[i], rows->tupdesc);
			next = output.last + 1;
			put_narrowed(population, &output, Max(from, output.first) - 1,
						 Min(to, output.last), keys);
		}
		SPI_freetuptable(rows);
	}
	AtEOXact_GUC(true, level);
	SPI_finish();
	return (Datum) 0;
}

/*
 * read_in_order() makes the planner read rows by the index in the order of
 * seq, until the level of settings that it returns is left.  It may know
 * nothing of the table yet, and would read and sort all of it for a portion.
 */
static int
read_in_order(void)
{
	static const char *const others[] = {
		"enable_seqscan", "enable_bitmapscan", "enable_sort"
	};
	int			level = NewGUCNestLevel();

	for (int i = 0; i < lengthof(others); i++)
		setting_save(others[i], "off");
	return level;
}

/*
 * put_narrowed() puts the transitions of a row behind 'after' and up to
 * 'last', those of a definition with or without keys.
 */
static void
put_narrowed(const Population *population, RowOutput *output, int64 after,
			 int64 last, bool keys)
{
	CHECK_FOR_INTERRUPTS();
	if (!output->isnull[ROW_AUDIENCES - 1])
		put_several(output, after, last);
	else if (keys)
		(void) read_definition(population, output, after, last - after);
	else
		for (int64 seq = after + 1; seq <= last; seq++)
			put_transition(output, seq - output->first, NULL);
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
	int			level = read_in_order();

	catalog_select("SELECT " FEED_COLUMNS
				   " FROM segment.feed WHERE population = $1 AND seq > $2"
				   " ORDER BY seq LIMIT $3",
				   3, (Oid[]) {TEXTOID, INT8OID, INT8OID},
				   (Datum[]) {text_datum(population->name),
							  Int64GetDatum(after), Int64GetDatum(most)});
	AtEOXact_GUC(true, level);
	rows = SPI_tuptable;
	count = has_shape(rows->tupdesc, result) ? SPI_processed : 0;
	for (uint64 i = 0; i < count && given < most; i++)
	{
		RowOutput	output = {.result = result, .audience = ""};
		int64		seq;

		CHECK_FOR_INTERRUPTS();
		take_row(&output, rows->vals[i], rows->tupdesc);
		seq = output.last;
		after = Max(after, output.first - 1);
		if (output.isnull[TRANSITION_KEY - 1] && members)
		{
			seq = read_definition(population, &output, after, most - given);
			given += seq - after;
		}
		else if (!output.isnull[ROW_AUDIENCES - 1])
		{
			if (seq - after > most - given)
				seq = after + most - given;
			put_several(&output, after, seq);
			given += seq - after;
		}
		else
		{
			/* of its profiles those that are after the position */
			output.values[TRANSITION_PROFILES - 1] =
				Int64GetDatum(seq - after);
			tuplestore_putvalues(result->setResult, result->setDesc,
								 output.values, output.isnull);
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

	for (int i = 0; i < ROW_COLUMNS; i++)
	{
		Oid			type = i + 1 == ROW_AUDIENCES ? TEXTARRAYOID :
			i + 1 == ROW_ENTERED ? BOOLARRAYOID :
			TupleDescAttr(result->setDesc, i)->atttypid;

		if (TupleDescAttr(desc, i)->atttypid == type)
			continue;
		old = MemoryContextSwitchTo(result->econtext->ecxt_per_query_memory);
		result->setDesc = CreateTupleDescCopy(desc);
		MemoryContextSwitchTo(old);
		return false;
	}
	return true;
}

/* take_row() reads a row of FEED_COLUMNS. */
static void
take_row(RowOutput *output, HeapTuple row, TupleDesc desc)
{
	heap_deform_tuple(row, desc, output->values, output->isnull);
	output->last = DatumGetInt64(output->values[TRANSITION_SEQ - 1]);
	output->first = output->last + 1 -
		DatumGetInt64(output->values[TRANSITION_PROFILES - 1]);
}

/*
 * read_definition() puts the transitions of a definition that are after a
 * position, at most so many; returns the number of the last one.
 */
static int64
read_definition(const Population *population, RowOutput *output, int64 after,
				int64 most)
{
	int64		count = output->last + 1 - output->first;
	int64		from = after + 1 - output->first;
	int64		to = count - from > most ? from + most : count;
	MemoryContext memory = AllocSetContextCreate(CurrentMemoryContext,
												 "segment feed members",
												 ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(memory);
	MemberSet  *set = read_members(population, output->last);

	if (members_count(set) != count)
		refuse_damaged("members");
	put_keys(population, set, from, to, output);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(memory);
	return output->first + to - 1;
}

/*
 * put_several() puts the transitions of a profile that entered and left
 * several audiences, behind 'after' and up to 'last'.
 */
static void
put_several(RowOutput *output, int64 after, int64 last)
{
	MemoryContext memory = AllocSetContextCreate(CurrentMemoryContext,
												 "segment feed row",
												 ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(memory);
	Datum	   *audiences = read_list(output, ROW_AUDIENCES, "audiences");
	Datum	   *entered = read_list(output, ROW_ENTERED, "entered");
	Datum	   *values = output->values;

	output->isnull[TRANSITION_AUDIENCE - 1] = false;
	output->isnull[TRANSITION_CHANGE - 1] = false;
	values[TRANSITION_PROFILES - 1] = Int64GetDatum(1);
	for (int64 seq = after + 1; seq <= last; seq++)
	{
		int			n = seq - output->first;
		char	   *audience = TextDatumGetCString(audiences[n]);

		if (output->audience[0] == '\0' ||
			strcmp(output->audience, audience) == 0)
		{
			values[TRANSITION_SEQ - 1] = Int64GetDatum(seq);
			values[TRANSITION_AUDIENCE - 1] = audiences[n];
			values[TRANSITION_CHANGE - 1] =
				CStringGetTextDatum(DatumGetBool(entered[n]) ? "entered" :
									"left");
			tuplestore_putvalues(output->result->setResult,
								 output->result->setDesc, values,
								 output->isnull);
		}
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(memory);
}

/*
 * read_list() reads a column that has as many values as the row has
 * transitions.
 */
static Datum *
read_list(const RowOutput *output, int column, const char *name)
{
	ArrayType  *array;
	Datum	   *list;
	int			count;
	int16		length;
	bool		by_value;
	char		align;

	if (output->isnull[column - 1])
		refuse_damaged(name);
	array = DatumGetArrayTypeP(output->values[column - 1]);
	if (array_contains_nulls(array))
		refuse_damaged(name);
	get_typlenbyvalalign(ARR_ELEMTYPE(array), &length, &by_value, &align);
	deconstruct_array(array, ARR_ELEMTYPE(array), length, by_value, align,
					  &list, NULL, &count);
	if (count != output->last + 1 - output->first)
		refuse_damaged(name);
	return list;
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
				   2, (Oid[]) {TEXTOID, INT8OID},
				   (Datum[]) {text_datum(population->name),
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
		refuse_damaged("members");
	SPI_freetuptable(SPI_tuptable);
	return set;
}

/*
 * put_keys() puts the transitions of the profiles 'from' to 'to' - 1 of a set,
 * whose keys it looks up.
 */
static void
put_keys(const Population *population, const MemberSet *set, int64 from,
		 int64 to, RowOutput *output)
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
			put_transition(output, at + i, keys[i]);
		MemoryContextSwitchTo(old);
		MemoryContextReset(memory);
	}
	MemoryContextDelete(memory);
	pfree(keys);
	pfree(ords);
}

/* put_transition() puts the transition of the n-th profile, from 0 on. */
static void
put_transition(RowOutput *output, int64 n, const char *key)
{
	output->values[TRANSITION_SEQ - 1] = Int64GetDatum(output->first + n);
	output->isnull[TRANSITION_KEY - 1] = (key == NULL);
	if (key != NULL)
		output->values[TRANSITION_KEY - 1] = CStringGetTextDatum(key);
	output->values[TRANSITION_PROFILES - 1] = Int64GetDatum(1);
	tuplestore_putvalues(output->result->setResult, output->result->setDesc,
						 output->values, output->isnull);
}

static void
refuse_damaged(const char *column)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("a row of the feed is damaged"),
			 errdetail("It is of several transitions, and column \"%s\" of segment.feed does not have so many.",
					   column)));
}
