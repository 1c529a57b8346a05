/*-------------------------------------------------------------------------
 *
 * ask.c
 *	  Who is in an audience, and in which audiences is a profile?
 *
 *		members('vip')		the stored members, and their keys
 *		size('vip')			the sizes of chunks, and +1 and -1 for toggles; in
 *							both, profiles that are due as they are now
 *		is_member('vip', 7)	the filter, on the row of profile 7
 *		audiences(7)		each filter, on the row of profile 7
 *		count_where(f)		the filter, on each row; or bitmaps alone, where
 *							it is made of audiences alone
 *
 * Readers have no rights on the base table.  A user who may read the
 * population's view may ask, and the question is asked as the population's
 * owner.
 *
 * Questions about one profile are asked often, so their plans are kept.  The
 * text of such a plan mentions audiences by name, never by filter: a changed
 * definition invalidates the base table and with it the plan, not the text.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "executor/tstoreReceiver.h"
#include "funcapi.h"
#include "nodes/execnodes.h"
#include "tcop/dest.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "audience/definitions.h"
#include "audience/index.h"
#include "audience/members_of.h"
#include "base/base.h"

SEGMENT_FUNCTION(segment_members);
SEGMENT_FUNCTION(segment_size);
SEGMENT_FUNCTION(segment_count_where);
SEGMENT_FUNCTION(segment_is_member);
SEGMENT_FUNCTION(segment_audiences);

/* A plan that is kept. */
typedef struct PlanKey
{
	Oid			base;
	NameData	audience;
} PlanKey;

typedef struct PlanEntry
{
	PlanKey		key;			/* hash key */
	CacheSlot	slot;			/* frees 'plan' */
	SPIPlanPtr	plan;
} PlanEntry;

static Cache *plans = NULL;

static void check_members_shape(FunctionCallInfo fcinfo, const char *audience,
								const Population *population);
static int64 count_filter(const Population *population, Datum filter);
static SPIPlanPtr kept_plan(const Population *population, const char *audience,
							const char *sql);
static void free_plan(void *plan);
static bool made_of(const void *entry, Oid relid);

void
ask_init(void)
{
	static const CacheKind kind = {
		.name = "segment audience plans",
		.key_size = sizeof(PlanKey),
		.entry_size = sizeof(PlanEntry),
		.slot = offsetof(PlanEntry, slot),
		.holds_sql = true,
		.made_of = made_of,
	};

	plans = cache_create(&kind);
}

/*
 * members(audience, population) AS m(key type)
 */
Datum
segment_members(PG_FUNCTION_ARGS)
{
	const Population *population;
	const char *name;
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	OwnersQuestion question;
	SPIExecuteOptions options;
	char	   *sql;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the name of the audience must be given")));
	name = audience_for_reader(NameStr(*PG_GETARG_NAME(0)),
							   optional_name_argument(fcinfo, 1),
							   &population)->name;
	check_members_shape(fcinfo, name, population);
	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);

	question_begin(&question, population);
	sql = audience_members_sql(population, name);
	memset(&options, 0, sizeof(options));
	options.read_only = true;
	options.dest = CreateDestReceiver(DestTuplestore);
	SetTuplestoreDestReceiverParams(options.dest, result->setResult,
									result->econtext->ecxt_per_query_memory,
									false, NULL, NULL);
	if (SPI_execute_extended(sql, &options) != SPI_OK_SELECT)
		elog(ERROR, "could not execute \"%s\"", sql);
	options.dest->rDestroy(options.dest);
	question_end(&question);

	return (Datum) 0;
}

/*
 * check_members_shape() checks the column that the caller has written down.
 * Its type is the key's, which differs between populations; its name is the
 * caller's choice.
 */
static void
check_members_shape(FunctionCallInfo fcinfo, const char *audience,
					const Population *population)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	TupleDesc	expected = NULL;

	if (result != NULL && IsA(result, ReturnSetInfo))
		expected = result->expectedDesc;
	if (expected != NULL && expected->natts == 1 &&
		TupleDescAttr(expected, 0)->atttypid == population->key_type)
		return;

	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("the members of audience \"%s\" are one column of type %s",
					audience, format_type_be(population->key_type)),
			 errhint("Write: SELECT * FROM segment.members(%s) AS m(%s %s)",
					 quote_literal_cstr(audience),
					 quote_identifier(population->key),
					 format_type_be(population->key_type))));
}

/*
 * size(audience, population)
 */
Datum
segment_size(PG_FUNCTION_ARGS)
{
	const Population *population;
	const Audience *audience;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	audience = audience_for_reader(NameStr(*PG_GETARG_NAME(0)),
								   optional_name_argument(fcinfo, 1),
								   &population);
	PG_RETURN_INT64(audience_size(population, audience, GetActiveSnapshot()));
}

/*
 * count_where(filter, population): the size of an audience that is not there
 */
Datum
segment_count_where(PG_FUNCTION_ARGS)
{
	const char *home = optional_name_argument(fcinfo, 1);
	const Population *population = population_by_name(home);
	OwnersQuestion question;
	FilterSource filter;
	int64		count;

	population = population_reader(population);
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();

	/* binding here shows the caller where in the filter a mistake is */
	question_begin(&question, population);
	filter = filter_source_unpack(PG_GETARG_FILTER_PP(0));
	filter = trait_names_resolved(population, filter);
	(void) audience_bind(population, filter.tree, filter.text);
	count = algebra_applies(filter.tree) ?
		algebra_count(population, filter.tree, GetActiveSnapshot()) :
		count_filter(population, PG_GETARG_DATUM(0));
	question_end(&question);

	PG_RETURN_INT64(count);
}

/* count_filter() evaluates a packed filter on each row. */
static int64
count_filter(const Population *population, Datum filter)
{
	Oid			type = catalog_type("filter");
	char	   *sql = psprintf("SELECT count(*) FROM %s"
							   " WHERE profile.* OPERATOR(pg_catalog.@@) $1",
							   profiles_sql(population));
	bool		isnull;

	if (SPI_execute_with_args(sql, 1, &type, &filter, NULL, true,
							  0) != SPI_OK_SELECT)
		elog(ERROR, "could not execute \"%s\"", sql);
	return DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0],
									   SPI_tuptable->tupdesc, 1, &isnull));
}

/*
 * is_member(audience, key, population): false for a key that no profile has
 */
Datum
segment_is_member(PG_FUNCTION_ARGS)
{
	const Population *population;
	const Audience *audience;
	OwnersQuestion question;
	SPIPlanPtr	plan;
	Datum		key;
	bool		member;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		PG_RETURN_NULL();
	audience = audience_for_reader(NameStr(*PG_GETARG_NAME(0)),
								   optional_name_argument(fcinfo, 2),
								   &population);
	key = key_argument(fcinfo, 1, population);

	question_begin(&question, population);
	plan = kept_plan(population, audience->name,
					 psprintf("SELECT FROM %s WHERE profile.%s = $1 AND %s",
							  profiles_sql(population),
							  quote_identifier(population->key),
							  audience_holds_sql(audience->name)));
	if (SPI_execute_plan(plan, &key, NULL, true, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not ask for a member of audience \"%s\"",
			 audience->name);
	member = (SPI_processed > 0);
	question_end(&question);

	PG_RETURN_BOOL(member);
}

/*
 * audiences(key, population): by name; none for a key that no profile has
 */
Datum
segment_audiences(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	const char *home = optional_name_argument(fcinfo, 1);
	const Population *population = population_by_name(home);
	OwnersQuestion question;
	AudienceIndex *index;
	TupleTableSlot *row;
	Datum		key;
	List	   *audiences;
	ListCell   *lc;

	population = population_reader(population);
	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	if (PG_ARGISNULL(0) || audience_list(population) == NIL)
		return (Datum) 0;
	audiences = audiences_answering(population, audience_list(population),
									true);
	key = key_argument(fcinfo, 0, population);

	question_begin(&question, population);
	row = profile_row(population, key);
	index = audience_index(population);
	if (row != NULL)
		index_set_row(index, row, clock_now());
	foreach(lc, row == NULL ? NIL : audiences)
	{
		const Audience *audience = lfirst(lc);
		bool		isnull = false;
		Datum		name;

		if (!index_holds(index, index_place(index, audience->name)))
			continue;
		name = name_datum(audience->name);
		tuplestore_putvalues(result->setResult, result->setDesc, &name,
							 &isnull);
	}
	question_end(&question);

	return (Datum) 0;
}

/* ---- plans ---- */

/*
 * kept_plan() returns a generic plan with the key as $1, kept until a
 * definition changes.  The caller is connected to SPI.
 */
static SPIPlanPtr
kept_plan(const Population *population, const char *audience, const char *sql)
{
	PlanEntry	made = {0};
	PlanEntry  *entry;
	MemoryContext context;
	MemoryContextCallback *callback;
	uint64		begun = cache_begin();

	made.key.base = population->oid;
	namestrcpy(&made.key.audience, audience);
	entry = cache_find(plans, &made.key);
	if (entry != NULL)
		return entry->plan;

	context = AllocSetContextCreate(CurrentMemoryContext,
									"segment audience plan",
									ALLOCSET_SMALL_SIZES);
	callback = MemoryContextAllocZero(context, sizeof(MemoryContextCallback));
	made.plan = SPI_prepare_cursor(sql, 1,
								   unconstify(Oid *, &population->key_type),
								   CURSOR_OPT_GENERIC_PLAN);
	if (made.plan == NULL)
		elog(ERROR, "could not prepare \"%s\": %s",
			 sql, SPI_result_code_string(SPI_result));
	SPI_keepplan(made.plan);
	callback->func = free_plan;
	callback->arg = made.plan;
	MemoryContextRegisterResetCallback(context, callback);
	(void) cache_put(plans, &made, context, begun);
	return made.plan;
}

static void
free_plan(void *plan)
{
	SPI_freeplan(plan);
}

static bool
made_of(const void *entry, Oid relid)
{
	return ((const PlanEntry *) entry)->key.base == relid;
}
