/*-------------------------------------------------------------------------
 *
 * backfill.c
 *	  Traits of a whole population at once, by SQL over its sources.
 *
 *		attach		every row that is there gives its profile a source_row
 *		new trait	s4 = sum(amount) ... GROUP BY key, into the base table
 *		verify		the same query, compared with what is stored
 *		rebuild		the same query, written over what is stored
 *
 * The query is made by the room of traits from the very expressions that
 * capture evaluates.  The source is locked against writers before it is read
 * (by whoever calls), so nothing falls between the backfill and capture.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/namespace.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/tuplestore.h"
#include "utils/typcache.h"

#include "audience/audience.h"
#include "base/base.h"
#include "filter/filter.h"
#include "flow/flow.h"
#include "flow/flow_private.h"
#include "trait/trait.h"

SEGMENT_FUNCTION(segment_verify);
SEGMENT_FUNCTION(segment_rebuild);

static List *stored_or_warn(const Source *source, bool warn);
static void note_new_keys(const Source *source, int64 keys, int64 rows);
static int64 result_number(int column);
static void fill_initial(const Population *population, List *columns);
static void append_assignment(StringInfo set, const TraitColumn *column,
							  const char *value);
static void check_sources(const Population *population, bool passing);
static const Population *keep_named(const char *name);
static void verify_source(const Source *source, ReturnSetInfo *result);
static char *as_text(Oid type, const char *value);
static char *differ(const TraitColumn *column, const char *a, const char *b);
static void verify_rows(const Population *population, ReturnSetInfo *result);
static void put_member(const Transition *change, void *context);
static void put_broken(const char *audience, const char *reason, void *context);
static void put_unbound(ReturnSetInfo *result, const char *source,
						const char *definition, const char *reason);
static void put_differences(ReturnSetInfo *result, const Population *population,
							const char *sql);

void
backfill_attach(const Source *source)
{
	const Population *population = source->population;
	const char *key = pstrdup(quote_identifier(population->key));
	List	   *columns;
	char	   *query = trait_source_query(source, NIL, &columns);
	int64		without_key;
	int64		longest;
	int64		last;

	population_execute(population,
					   psprintf("SELECT count(*) FILTER (WHERE %s IS NULL)::bigint,"
								" max(%s)::bigint FROM %s",
								source_key_column(source),
								population->key_type != TEXTOID ? "0" :
								psprintf("octet_length(%s)", source_key_column(source)),
								source_from_sql(source)));
	without_key = result_number(1);
	longest = result_number(2);
	source_check_key_length(source, longest);

	population_execute(population, psprintf("SELECT max(ord) FROM %s",
											population_base_name(population)));
	last = result_number(1);
	population_write(population,
					 psprintf("INSERT INTO %s AS profile (%s, source_rows)"
							  " SELECT key, source_rows FROM (%s) AS q ORDER BY key"
							  " ON CONFLICT (%s) DO UPDATE"
							  " SET source_rows = profile.source_rows + excluded.source_rows",
							  population_base_name(population), key, query, key));

	if (list_length(source_names(population)) > 1)
	{
		population_execute(population,
						   psprintf("SELECT count(*), sum(source_rows)::bigint"
									" FROM %s WHERE ord > " INT64_FORMAT,
									population_base_name(population), last));
		note_new_keys(source, result_number(1), result_number(2));
	}

	if (without_key > 0)
		ereport(NOTICE,
				(errmsg_plural("source \"%s\" has %lld row without a key, which is ignored",
							   "source \"%s\" has %lld rows without a key, which are ignored",
							   without_key, source->name, (long long) without_key)));
}

/* Is it another column of the same customers, or did somebody mistake it? */
static void
note_new_keys(const Source *source, int64 keys, int64 rows)
{
	if (keys > 0)
		ereport(NOTICE,
				(errmsg_plural("source \"%s\" has %lld row with a key that no other source knows",
							   "source \"%s\" has %lld rows with a key that no other source knows",
							   rows, source->name, (long long) rows),
				 errdetail_plural("That makes %lld new profile.",
								  "That makes %lld new profiles.",
								  keys, (long long) keys)));
}

/* A number in the one row that was just selected; 0 for NULL. */
static int64
result_number(int column)
{
	bool		isnull;
	Datum		number = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc,
									   column, &isnull);

	return isnull ? 0 : DatumGetInt64(number);
}

void
backfill_detach(const Source *source)
{
	const Population *population = source->population;
	char	   *base = population_base_name(population);
	char	   *key = pstrdup(quote_identifier(population->key));
	List	   *columns;
	char	   *query = trait_source_query(source, NIL, &columns);

	population_write(population,
					 psprintf("UPDATE %s AS profile"
							  " SET source_rows = profile.source_rows - q.source_rows"
							  " FROM (%s) AS q WHERE profile.%s = q.key",
							  base, query, key));
}

void
backfill_remove_ended(const Population *population)
{
	population_write(population,
					 psprintf("DELETE FROM %s WHERE source_rows <= 0",
							  population_base_name(population)));
}

void
backfill_traits(const Population *population, List *stored)
{
	ListCell   *lc;

	if (stored == NIL)
		return;

	foreach(lc, source_names(population))
	{
		const Source *source = source_by_name(population, lfirst(lc));
		List	   *columns;
		char	   *query;
		StringInfoData set;
		ListCell   *column;

		/* nothing new is stored of a table that is not as it was */
		if (source->missing != NULL)
			continue;
		query = trait_source_query(source, stored, &columns);
		if (columns == NIL)
			continue;
		initStringInfo(&set);
		foreach(column, columns)
			append_assignment(&set, lfirst(column), NULL);
		population_write(population,
						 psprintf("UPDATE %s AS profile SET %s FROM (%s) AS q"
								  " WHERE profile.%s = q.key",
								  population_base_name(population), set.data,
								  query, quote_identifier(population->key)));
		fill_initial(population, columns);
	}
}

/*
 * Profiles without rows in the source, where the columns are not new but were
 * another trait's, and are NULL.
 */
static void
fill_initial(const Population *population, List *columns)
{
	StringInfoData set;
	StringInfoData where;
	ListCell   *lc;

	initStringInfo(&set);
	initStringInfo(&where);
	foreach(lc, columns)
	{
		const TraitColumn *column = lfirst(lc);

		if (strcmp(column->initial, "NULL") == 0)
			continue;
		append_assignment(&set, column,
						  psprintf("coalesce(%s, %s)", column->name, column->initial));
		appendStringInfo(&where, "%s%s IS NULL", where.len > 0 ? " OR " : "",
						 column->name);
	}
	if (set.len > 0)
		population_write(population,
						 psprintf("UPDATE %s SET %s WHERE %s",
								  population_base_name(population), set.data,
								  where.data));
}

void
backfill_all(const Population *population, bool passing)
{
	char	   *base;
	const char *key;
	StringInfoData initial;
	ListCell   *lc;
	ListCell   *column;

	check_sources(population, passing);
	base = population_base_name(population);
	key = pstrdup(quote_identifier(population->key));

	initStringInfo(&initial);
	appendStringInfoString(&initial, "source_rows = 0,"
						   " evaluated_at = LEAST(evaluated_at, segment.now())");
	foreach(lc, source_names(population))
	{
		const Source *source = source_by_name(population, lfirst(lc));
		List	   *columns;
		char	   *query;

		if (source->missing != NULL)
			continue;
		query = trait_source_query(source, stored_or_warn(source, true), &columns);
		foreach(column, columns)
			append_assignment(&initial, lfirst(column),
							  ((TraitColumn *) lfirst(column))->initial);
		population_write(population,
						 psprintf("INSERT INTO %s (%s) SELECT key FROM (%s) AS q"
								  " ORDER BY key ON CONFLICT (%s) DO NOTHING",
								  base, key, query, key));
	}
	population_write(population, psprintf("UPDATE %s SET %s", base, initial.data));

	foreach(lc, source_names(population))
	{
		const Source *source = source_by_name(population, lfirst(lc));
		List	   *columns;
		char	   *query;
		StringInfoData set;

		if (source->missing != NULL)
			continue;
		query = trait_source_query(source, stored_or_warn(source, false), &columns);
		initStringInfo(&set);
		appendStringInfoString(&set, "source_rows = profile.source_rows + q.source_rows");
		foreach(column, columns)
			append_assignment(&set, lfirst(column), NULL);
		population_write(population,
						 psprintf("UPDATE %s AS profile SET %s FROM (%s) AS q WHERE profile.%s = q.key",
								  base, set.data, query, key));
	}
}

/*
 * The names of the stored traits of a source that can be computed.  The others
 * stay as they are.
 */
static List *
stored_or_warn(const Source *source, bool warn)
{
	List	   *unbound;
	List	   *names = trait_stored_binding(source, &unbound);
	ListCell   *lc;

	foreach(lc, warn ? unbound : NIL)
	{
		const TraitUnbound *one = lfirst(lc);

		ereport(WARNING,
				(errmsg("%s is broken, and is not computed again",
						one->definition),
				 errdetail("It fails: %s.", one->reason),
				 errhint("Alter or drop the traits and audiences that need it, or undo the change of the table.")));
	}
	return names;
}

/*
 * verify(population) -> (source, definition, key, stored, expected), a row per
 * value that is not what the sources say; none when all is well.
 *
 * Reads under one snapshot, as any query: writers are not held up, definitions
 * are.
 */
Datum
segment_verify(PG_FUNCTION_ARGS)
{
	const Population *population = population_by_name(PG_ARGISNULL(0) ? NULL :
													  NameStr(*PG_GETARG_NAME(0)));
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	bool		whole = true;
	Actor		before;
	ListCell   *lc;

	population_check_owner(population);
	population = keep_named(population->name);
	/* while we waited, it may have been made anew */
	population_check_owner(population);
	InitMaterializedSRF(fcinfo, 0);
	SPI_connect();
	before = act_as_owner(population->base);
	foreach(lc, source_names(population))
	{
		const Source *source = source_by_name(population, lfirst(lc));

		if (source == NULL)		/* its table is gone, and so may its name be */
			unknown_source(population, lfirst(lc));
		whole &= source->missing == NULL;
		if (source->missing == NULL)
			verify_source(source, result);
		else
			put_unbound(result, source->name, source->name, source_trouble(source));
	}
	/* of a table that is gone nobody knows how many rows it had */
	if (whole)
		verify_rows(population, result);
	audience_verify(population, put_member, put_broken, result);
	act_as_before(before);
	SPI_finish();
	return (Datum) 0;
}

/*
 * keep_named() finds a population and holds what verify() reads; an error if it
 * is gone.  A table that is held is neither detached nor renamed as a source.
 */
static const Population *
keep_named(const char *name)
{
	const Population *population = population_by_name(name);
	Oid			owner = relation_owner(population->base);
	ListCell   *lc;

	foreach(lc, source_names(population))
	{
		const Source *source = source_by_name(population, lfirst(lc));

		if (source != NULL && source->missing == NULL &&
			source_is_readable(source, owner))
			source_lock(source, AccessShareLock);
	}
	population = population_keep(name, RowShareLock);
	if (population == NULL)
		return population_by_name(name);

	/*
	 * Definitions wait for us: if none is on its way, where they have nothing in
	 * their hands.  We do not wait for that, as our transaction may have read
	 * what a definition waits for.
	 */
	if (!RecoveryInProgress())
		(void) ConditionalLockRelationOid(population->base,
										  ShareUpdateExclusiveLock);
	return population;
}

/*
 * rebuild(population): compute every stored trait again.
 */
Datum
segment_rebuild(PG_FUNCTION_ARGS)
{
	const Population *population =
		population_definer(population_by_name(PG_ARGISNULL(0) ? NULL :
											  NameStr(*PG_GETARG_NAME(0))),
						   "rebuild");
	char	   *home = current_schema_name();
	Affected	affected = {.view = true, .members = true};
	Actor		before;

	before = act_as_owner(population->base);
	check_sources(population, false);
	population = lock_affected(population, &affected);
	SPI_connect();
	audience_lock(population);
	/* who undoes the change of a type tells our caches nothing of it */
	population_changed(population);
	population = again(population);
	audience_suspend(population, NIL);
	sweep_all(population, true);
	fold_all(population, true);
	backfill_all(population, false);
	audience_resume(population);
	CommandCounterIncrement();
	members_decide(population, NIL, CAUSE_REBUILD);
	backfill_remove_ended(population);
	/* the view, too, in case it was dropped */
	trait_refresh(population, audience_filters(population), home);
	SPI_finish();
	act_as_before(before);
	PG_RETURN_VOID();
}

/* s4 = q.s4, or the given value */
static void
append_assignment(StringInfo set, const TraitColumn *column, const char *value)
{
	if (set->len > 0)
		appendStringInfoString(set, ", ");
	if (value == NULL)
		appendStringInfo(set, "%s = q.%s", column->name, column->name);
	else
		appendStringInfo(set, "%s = %s", column->name, value);
}

/*
 * check_sources() looks whether every source can be read: before they are
 * locked, so that who may not read them is in nobody's way, and afterwards.
 * With 'passing' those that are broken are passed over.
 */
static void
check_sources(const Population *population, bool passing)
{
	ListCell   *lc;

	foreach(lc, source_names(population))
	{
		const Source *source = source_by_name(population, lfirst(lc));

		if (!passing || source->missing == NULL)
			source_check_readable(source);
	}
}

static void
verify_source(const Source *source, ReturnSetInfo *result)
{
	const Population *population = source->population;
	List	   *unbound;
	List	   *columns;
	char	   *query = trait_source_query(source,
										   trait_stored_binding(source, &unbound),
										   &columns);
	const char *key = pstrdup(quote_identifier(population->key));
	ListCell   *lc;

	foreach(lc, columns)
	{
		const TraitColumn *column = lfirst(lc);
		char	   *stored = trait_column_compared(column, psprintf("profile.%s", column->name));
		char	   *expected = trait_column_compared(column, psprintf("q.%s", column->name));

		put_differences(result, population,
						psprintf("SELECT %s::name, %s::text, coalesce(profile.%s, q.key)::text,"
								 " %s, %s"
								 " FROM %s AS profile FULL JOIN (%s) AS q ON profile.%s = q.key,"
								 " LATERAL (SELECT %s AS stored,"
								 " CASE WHEN q.key IS NULL THEN %s ELSE %s END AS expected) AS v"
								 " WHERE %s",
								 quote_literal_cstr(source->name),
								 quote_literal_cstr(column->definition), key,
								 as_text(column->type, "v.stored"),
								 as_text(column->type, "v.expected"),
								 population_base_name(population), query, key,
								 stored, column->initial, expected,
								 differ(column, "v.stored", "v.expected")));
	}
	foreach(lc, unbound)
	{
		const TraitUnbound *one = lfirst(lc);

		put_unbound(result, source->name, one->definition, one->reason);
	}
}

/*
 * as_text() makes SQL for the text of a value.  A cast of a user's type to text
 * may be a user's function, so such a value is printed instead.
 */
static char *
as_text(Oid type, const char *value)
{
	return type < FirstNormalObjectId ? psprintf("%s::text", value) :
		psprintf("CASE WHEN %s IS DISTINCT FROM NULL"
				 " THEN pg_catalog.format('%%s', %s) END", value, value);
}

/*
 * SQL that says whether two values differ.  What was computed differs by the
 * equality of its type: the sums 1.50 and 1.5 do not.  What is a value of the
 * source is to look like it.
 */
static char *
differ(const TraitColumn *column, const char *a, const char *b)
{
	Oid			type = column->type;
	Oid			equal;
	HeapTuple	tuple;
	char	   *name;

	if (column->is_value)
		return psprintf("(%s) COLLATE pg_catalog.\"C\" IS DISTINCT FROM"
						" (%s) COLLATE pg_catalog.\"C\"",
						as_text(type, a), as_text(type, b));

	/* the sum of floats depends, in its last digits, on the order of rows */
	if (type == FLOAT8OID)
		return psprintf("%s IS DISTINCT FROM %s AND"
						" (abs(segment.subtract(%s, %s)) <= segment.multiply(1e-9, greatest(abs(%s), abs(%s)))) IS NOT TRUE",
						a, b, a, b, a, b);

	/* our own type has an equality, but is not made to be sorted or hashed */
	equal = lookup_type_cache(type, TYPECACHE_EQ_OPR)->eq_opr;
	if (!OidIsValid(equal))
		equal = OpernameGetOprid(list_make2(makeString(SEGMENT_SCHEMA), makeString("=")),
								 type, type);
	if (!OidIsValid(equal))
		return psprintf("%s IS DISTINCT FROM %s",
						as_text(type, a), as_text(type, b));

	tuple = SearchSysCache1(OPEROID, ObjectIdGetDatum(equal));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for operator %u", equal);
	name = psprintf("%s.%s",
					quote_identifier(get_namespace_name(((Form_pg_operator) GETSTRUCT(tuple))->oprnamespace)),
					NameStr(((Form_pg_operator) GETSTRUCT(tuple))->oprname));
	ReleaseSysCache(tuple);
	return psprintf("(%s IS NULL) <> (%s IS NULL) OR NOT (%s OPERATOR(%s) %s)",
					a, b, a, name, b);
}

/* source_rows is the sum over all sources */
static void
verify_rows(const Population *population, ReturnSetInfo *result)
{
	const char *key = pstrdup(quote_identifier(population->key));
	StringInfoData sources;
	ListCell   *lc;

	initStringInfo(&sources);
	foreach(lc, source_names(population))
	{
		const Source *source = source_by_name(population, lfirst(lc));
		List	   *columns;

		if (source == NULL)
			unknown_source(population, lfirst(lc));
		appendStringInfo(&sources, "%s(%s)",
						 sources.len > 0 ? " UNION ALL " : "",
						 trait_source_query(source, NIL, &columns));
	}
	if (sources.len == 0)
		appendStringInfo(&sources, "SELECT %s AS key, 0 AS source_rows FROM %s WHERE false",
						 key, population_base_name(population));
	put_differences(result, population,
					psprintf("SELECT NULL::name, 'source_rows', coalesce(profile.%s, q.key)::text,"
							 " profile.source_rows::text, q.source_rows::text"
							 " FROM %s AS profile FULL JOIN"
							 " (SELECT key, sum(source_rows) AS source_rows FROM (%s) AS u GROUP BY key) AS q"
							 " ON profile.%s = q.key"
							 " WHERE profile.source_rows IS DISTINCT FROM q.source_rows",
							 key, population_base_name(population), sources.data, key));
}

/* Somebody is stored as a member and is none, or the other way round. */
static void
put_member(const Transition *change, void *context)
{
	ReturnSetInfo *result = context;
	Datum		values[5];
	bool		isnull[5] = {true, false, change->key == NULL, false, false};

	values[1] = CStringGetTextDatum(filter_print(filter_node(FILTER_IN_AUDIENCE,
															 change->audience, -1)));
	if (change->key != NULL)
		values[2] = CStringGetTextDatum(change->key);
	values[3] = CStringGetTextDatum(change->entered ? "false" : "true");
	values[4] = CStringGetTextDatum(change->entered ? "true" : "false");
	tuplestore_putvalues(result->setResult, result->setDesc, values, isnull);
}

/* An audience of which nobody can say who should be stored. */
static void
put_broken(const char *audience, const char *reason, void *context)
{
	FilterNode *filter = filter_node(FILTER_IN_AUDIENCE, audience, -1);

	put_unbound(context, NULL, filter_print(filter), reason);
}

/* A definition that does not bind: what it should be cannot be said. */
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

static void
put_differences(ReturnSetInfo *result, const Population *population, const char *sql)
{
	population_execute(population, sql);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		Datum		values[5];
		bool		isnull[5];

		heap_deform_tuple(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, values, isnull);
		tuplestore_putvalues(result->setResult, result->setDesc, values, isnull);
	}
	SPI_freetuptable(SPI_tuptable);
}
