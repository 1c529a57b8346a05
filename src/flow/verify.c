/*-------------------------------------------------------------------------
 *
 * verify.c
 *	  Is what is stored what the sources say?
 *
 *		SELECT * FROM segment.verify();
 *
 *		source | definition			| key | stored | expected
 *		orders | sum(orders.amount)	| 7	  | 12	   | 15
 *			   | in audience vip	| 7	  | false  | true
 *
 * The queries of backfill.c compute the stored traits of all profiles again,
 * and are joined with what is stored: each source is read once.  Members are
 * compared with the filters by the room of audiences.
 *
 * Reads under one snapshot, as any query: writers are not held up, definitions
 * are.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "access/xlog.h"
#include "catalog/namespace.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/tuplestore.h"
#include "utils/typcache.h"

#include "audience/audience.h"
#include "base/base.h"
#include "filter/filter.h"
#include "profile/profile.h"
#include "flow/definer.h"
#include "flow/flow_private.h"
#include "flow/readings.h"
#include "trait/trait.h"

SEGMENT_FUNCTION(segment_verify);

/* What is compared of a profile, as SQL. */
typedef struct Comparison
{
	int			count;
	StringInfoData differences; /* SELECT source, definition, stored, ... */
	StringInfoData any;			/* does one of these have a row? */
} Comparison;

static const Population *keep_named(const char *name);
static void check_readable(void *source);
static void verify_table(const Source *source, ReturnSetInfo *result);
static Reading *read_source(const Source *source, ReturnSetInfo *result);
static void verify_profiles(const Population *population, List *readings,
							bool whole, ReturnSetInfo *result);
static void compare_columns(Comparison *comparison, const Reading *reading,
							int number);
static void compare(Comparison *comparison, const char *labels,
					const char *values, const char *differ);
static void put_member(const Transition *difference, void *result);
static void put_broken(const char *audience, const char *reason, void *result);
static char *membership(const char *audience);
static void put_unbound(ReturnSetInfo *result, const char *source,
						const char *definition, const char *reason);
static void put_differences(ReturnSetInfo *result,
							const Population *population, const char *sql);

/*
 * verify(population) -> (source, definition, key, stored, expected), a row per
 * value that is not what the sources say; none when all is well.
 */
Datum
segment_verify(PG_FUNCTION_ARGS)
{
	const Population *population = population_argument(fcinfo, 0);
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	bool		whole = true;
	List	   *readings = NIL;
	Actor		before;
	ListCell   *lc;

	population_check_owner(population);
	population = keep_named(population->name);
	/* while we waited, it may have been made anew */
	population_check_owner(population);
	InitMaterializedSRF(fcinfo, 0);
	SPI_connect();
	before = act_as_owner(population->oid);
	settings_take_memory();
	setting_save("jit", "off");
	foreach(lc, source_names(population))
	{
		const Source *source = source_by_name(population, lfirst(lc));
		const ErrorData *trouble;

		if (source == NULL)		/* its table is gone, and so may its name be */
			refuse_unknown_source(population, lfirst(lc));
		trouble = attempt(check_readable, unconstify(Source *, source));
		if (trouble == NULL)
			trouble = source_condition_error(source);
		/* one that is being attached is not counted for all profiles yet */
		whole &= trouble == NULL && source->build == 0;
		if (trouble == NULL)
			verify_table(source, result);
		if (trouble == NULL)
			readings = lappend(readings, read_source(source, result));
		else
			put_unbound(result, source->name, source->name,
						trouble->message);
	}
	verify_profiles(population, readings, whole, result);
	audience_verify(population, put_member, put_broken, result);
	act_as_before(before);
	SPI_finish();
	return (Datum) 0;
}

/*
 * keep_named() finds a population and holds what verify() reads; an error if
 * it is gone.  A table that is held is neither detached nor renamed as a
 * source.
 */
static const Population *
keep_named(const char *name)
{
	const Population *population = population_by_name(name);

	sources_hold(population, relation_owner(population->oid));
	population = population_keep(name, RowShareLock);
	if (population == NULL)
		return population_by_name(name);

	/*
	 * Definitions wait for us, if none is on its way: they hold nothing yet
	 * while they wait for this lock.  We do not wait for it ourselves, as our
	 * transaction may have read what a definition waits for.
	 */
	if (!RecoveryInProgress())
		(void) ConditionalLockRelationOid(population->oid,
										  ShareUpdateExclusiveLock);
	return population;
}

/* check_readable() checks that a source can be read.  An Attempt. */
static void
check_readable(void *source)
{
	source_check_readable(source);
}

/*
 * verify_table() reports that the table of a source has got another name, and
 * nobody was told: another table may have the old one, and rows be written
 * there.
 */
static void
verify_table(const Source *source, ReturnSetInfo *result)
{
	const char *name = get_rel_name(source->relid);

	if (name != NULL && strcmp(name, source->table_name) != 0)
		put_unbound(result, source->name, source->name,
					psprintf("table \"%s\" is called \"%s\" now, and was not followed",
							 source->table_name, name));
}

/*
 * read_source() is the reading of what can be computed from a source; what
 * cannot is reported.
 */
static Reading *
read_source(const Source *source, ReturnSetInfo *result)
{
	List	   *unbound;
	List	   *stored = trait_stored_binding(source, &unbound);
	ListCell   *lc;

	foreach(lc, unbound)
	{
		const TraitUnbound *one = lfirst(lc);

		put_unbound(result, source->name, one->definition, one->reason);
	}
	return reading_with_rows(source, stored);
}

/*
 * verify_profiles() compares the profiles with what was read, and source_rows
 * if the readings are those of the whole population:
 *
 *		SELECT d.source, ... FROM shop AS profile FULL JOIN (...) AS q0 ON ...,
 *			   LATERAL (SELECT ... WHERE s7 differs UNION ALL ...) AS d
 *		WHERE s7 differs OR ...
 *
 * The condition is there twice, as what is lateral costs more than it.
 */
static void
verify_profiles(const Population *population, List *readings, bool whole,
				ReturnSetInfo *result)
{
	int			count = list_length(readings);
	Comparison	comparison = {0};
	StringInfoData from;
	ListCell   *lc;

	initStringInfo(&comparison.differences);
	initStringInfo(&comparison.any);
	initStringInfo(&from);
	foreach(lc, readings)
		compare_columns(&comparison, lfirst(lc), foreach_current_index(lc));
	if (whole)
	{
		/* a profile without rows should not be there */
		char	   *rows = psprintf("nullif(%s, 0)", readings_rows(count));

		compare(&comparison, "NULL::name AS source,"
				" 'source_rows' AS definition",
				psprintf("profile.source_rows::text AS stored,"
						 " (%s)::text AS expected", rows),
				psprintf("profile.source_rows IS DISTINCT FROM %s", rows));
	}
	if (comparison.count == 0)
		return;
	readings_join(population, JOIN_FULL, readings, &from);
	put_differences(result, population,
					psprintf("SELECT d.source, d.definition, %s::text,"
							 " d.stored, d.expected%s, LATERAL (%s) AS d"
							 " WHERE %s ORDER BY d.n",
							 readings_key(population, count), from.data,
							 comparison.differences.data,
							 comparison.any.data));
}

/*
 * compare_columns() adds what is compared of a reading: each column, unless
 * that is done with another one.  Profiles that one of them lacks count, too.
 */
static void
compare_columns(Comparison *comparison, const Reading *reading, int number)
{
	char	   *alias = psprintf("q%d", number);
	ListCell   *lc;

	foreach(lc, reading->columns)
	{
		const TraitColumn *column = lfirst(lc);
		char	   *stored = trait_column_compared(column, "profile");
		char	   *expected = trait_column_compared(column, alias);

		if (stored == NULL)
			continue;
		expected = psprintf("(CASE WHEN %s.key IS NULL THEN %s ELSE %s END)",
							alias, column->initial, expected);
		compare(comparison,
				psprintf("%s::name AS source, %s AS definition",
						 quote_literal_cstr(reading->source),
						 quote_literal_cstr(column->definition)),
				psprintf("%s AS stored, %s AS expected",
						 value_as_text(column->type, stored),
						 value_as_text(column->type, expected)),
				psprintf("(profile.ord IS NOT NULL OR %s.key IS NOT NULL)"
						 " AND (%s)", alias,
						 values_differ(column, stored, expected)));
	}
}

/* compare() adds one comparison: what is shown if a condition holds. */
static void
compare(Comparison *comparison, const char *labels, const char *values,
		const char *differ)
{
	appendStringInfo(&comparison->differences,
					 "%sSELECT %d AS n, %s, %s WHERE %s",
					 comparison->count > 0 ? " UNION ALL " : "",
					 comparison->count, labels, values, differ);
	appendStringInfo(&comparison->any, "%s(%s)",
					 comparison->count > 0 ? " OR " : "", differ);
	comparison->count++;
}

/*
 * put_member() reports a profile that is stored as a member and is none, or
 * the other way round.  A TransitionSink.
 */
static void
put_member(const Transition *difference, void *context)
{
	ReturnSetInfo *result = context;
	bool		entered = difference->entered;
	Datum		values[5];
	bool		isnull[5] = {true, false, false, false, false};

	values[1] = CStringGetTextDatum(membership(difference->audience));
	isnull[2] = difference->key == NULL;
	if (!isnull[2])
		values[2] = CStringGetTextDatum(difference->key);
	values[3] = CStringGetTextDatum(entered ? "false" : "true");
	values[4] = CStringGetTextDatum(entered ? "true" : "false");
	tuplestore_putvalues(result->setResult, result->setDesc, values, isnull);
}

/*
 * put_broken() reports an audience whose filter does not bind, so that its
 * members are not known: an AudienceBroken.
 */
static void
put_broken(const char *audience, const char *reason, void *result)
{
	put_unbound(result, NULL, membership(audience), reason);
}

/* membership() is the filter that an audience's members fulfil, as text. */
static char *
membership(const char *audience)
{
	return filter_print(filter_node(FILTER_IN_AUDIENCE, audience, -1));
}

/*
 * put_unbound() reports a definition that does not bind: what it should be
 * cannot be said.
 */
static void
put_unbound(ReturnSetInfo *result, const char *source, const char *definition,
			const char *reason)
{
	Datum		values[5] = {0};
	bool		isnull[5] = {source == NULL, false, true, true, false};

	if (source != NULL)
		values[0] = name_datum(source);
	values[1] = CStringGetTextDatum(definition);
	values[4] = CStringGetTextDatum(psprintf("error: %s", reason));
	tuplestore_putvalues(result->setResult, result->setDesc, values, isnull);
}

/* put_differences() reports the rows of a query. */
static void
put_differences(ReturnSetInfo *result, const Population *population,
				const char *sql)
{
	population_select(population, sql);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		Datum		values[5];
		bool		isnull[5];

		heap_deform_tuple(SPI_tuptable->vals[i], SPI_tuptable->tupdesc,
						  values, isnull);
		tuplestore_putvalues(result->setResult, result->setDesc, values,
							 isnull);
	}
	SPI_freetuptable(SPI_tuptable);
}
