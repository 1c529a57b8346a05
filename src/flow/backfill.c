/*-------------------------------------------------------------------------
 *
 * backfill.c
 *	  Traits of a whole population at once, by SQL over its sources.
 *
 *		attach		every row that is there gives its profile a source_row
 *		new trait	s4 = sum(amount) ... GROUP BY key, into the base table,
 *					which is written anew; or, if few profiles have rows in
 *					the source, by an update of these
 *		rebuild		the same query, written over what is stored
 *		verify		the same query, compared with what is stored (verify.c)
 *
 * The room of traits makes the query from the very expressions that capture
 * evaluates (trait_source_query).  The caller has locked the source against
 * writers, so nothing falls between the backfill and capture.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"

#include "base/base.h"
#include "feed/feed.h"
#include "flow/flow_private.h"
#include "flow/readings.h"
#include "trait/trait.h"

static int64 count_without_key(const Source *source);
static void note_new_keys(const Source *source, int64 last_ord);
static void note_without_key(const Source *source, int64 count);
static void note_ended(const Population *population);
static void fill_anew(const Population *population, List *readings);
static void fill_in_place(const Population *population, List *readings,
						  List *stored);
static void fill_initial(const Population *population, List *columns);
static void reset_profiles(const Population *population);
static void count_source(const Source *source);
static List *stored_or_warn(const Source *source, bool warn);
static char *assignments(List *columns);
static void append_assignment(StringInfo set, const TraitColumn *column,
							  const char *value);

void
backfill_check_keys(const Source *source)
{
	note_without_key(source, count_without_key(source));
}

/*
 * count_without_key() counts the rows of a source without a key; an error if
 * one has a key that is too long.
 */
static int64
count_without_key(const Source *source)
{
	const Population *population = source->population;
	char	   *column = source_key_sql(source);
	int64		without_key;

	population_execute(population,
					   psprintf("SELECT count(*) FILTER"
								" (WHERE %s IS NULL)::bigint,"
								" max(%s)::bigint%s", column,
								profile_key_length_sql(population, column,
													   source->key_type),
								source_from_sql(source, NULL)));
	without_key = result_number(1);
	source_check_key_length(source, result_number(2));
	return without_key;
}

void
backfill_attach(const Source *source)
{
	const Population *population = source->population;
	const char *key = pstrdup(quote_identifier(population->key));
	char	   *base = population_base_name(population);
	List	   *columns;
	char	   *query = trait_source_query(source, NIL, &columns);
	int64		without_key = count_without_key(source);
	int64		last_ord;

	population_execute(population, psprintf("SELECT max(ord) FROM %s", base));
	last_ord = result_number(1);
	population_write(population,
					 psprintf("INSERT INTO %s AS profile (%s, source_rows)"
							  " SELECT key, source_rows FROM (%s) AS q"
							  " ORDER BY key ON CONFLICT (%s) DO UPDATE"
							  " SET source_rows ="
							  " profile.source_rows + excluded.source_rows",
							  base, key, query, key));
	note_new_keys(source, last_ord);
	note_without_key(source, without_key);
}

/*
 * note_new_keys() says how many profiles behind 'last_ord' a source has made
 * that is not the first: does it name the same customers by another column, or
 * was one column taken for another?
 */
static void
note_new_keys(const Source *source, int64 last_ord)
{
	const Population *population = source->population;
	int64		keys;
	int64		rows;

	if (list_length(source_names(population)) < 2)
		return;
	population_execute(population,
					   psprintf("SELECT count(*), sum(source_rows)::bigint"
								" FROM %s WHERE ord > " INT64_FORMAT,
								population_base_name(population), last_ord));
	keys = result_number(1);
	rows = result_number(2);
	if (keys > 0)
		ereport(NOTICE,
				(errmsg_plural("source \"%s\" has %lld row with a key that no other source knows",
							   "source \"%s\" has %lld rows with a key that no other source knows",
							   rows, source->name, (long long) rows),
				 errdetail_plural("That makes %lld new profile.",
								  "That makes %lld new profiles.",
								  keys, (long long) keys)));
}

static void
note_without_key(const Source *source, int64 count)
{
	if (count > 0)
		ereport(NOTICE,
				(errmsg_plural("source \"%s\" has %lld row without a key, which is ignored",
							   "source \"%s\" has %lld rows without a key, which are ignored",
							   count, source->name, (long long) count)));
}

int64
result_number(int column)
{
	bool		isnull;
	Datum		number = SPI_getbinval(SPI_tuptable->vals[0],
									   SPI_tuptable->tupdesc, column, &isnull);

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
					 psprintf("UPDATE %s AS profile SET source_rows ="
							  " profile.source_rows - q.source_rows"
							  " FROM (%s) AS q WHERE profile.%s = q.key",
							  base, query, key));
}

void
backfill_remove_ended(const Population *population)
{
	note_ended(population);
	population_write(population,
					 psprintf("DELETE FROM %s WHERE source_rows <= 0",
							  population_base_name(population)));
}

/* note_ended() notes for the feed the profiles that are to be removed. */
static void
note_ended(const Population *population)
{
	EndedKeys  *ended = ended_keys_begin(population);
	Snapshot	snapshot;
	Actor		before;
	ProfileScan *scan;
	TupleTableSlot *row;

	if (!ended_keys_needed(ended))
	{
		ended_keys_end(ended);
		return;
	}
	snapshot = RegisterSnapshot(GetLatestSnapshot());
	before = act_as_owner(population->oid);
	scan = profile_scan_begin(population, snapshot);
	while ((row = profile_scan_next(scan)) != NULL)
	{
		CHECK_FOR_INTERRUPTS();
		if (profile_source_rows(population, row) <= 0)
			ended_keys_put(ended, profile_ord(population, row),
						   profile_key(population, row));
	}
	profile_scan_end(scan);
	act_as_before(before);
	UnregisterSnapshot(snapshot);
	ended_keys_end(ended);
}

void
backfill_traits(const Population *population, List *stored)
{
	List	   *readings;

	if (stored == NIL)
		return;
	readings = readings_of(population, stored);
	if (population_may_rewrite(population) &&
		readings_concern_most(population, readings))
		fill_anew(population, readings);
	else
		fill_in_place(population, readings, stored);
}

/* fill_anew() writes the base table anew, with what was read. */
static void
fill_anew(const Population *population, List *readings)
{
	StringInfoData values;
	StringInfoData from;
	ListCell   *lc;
	ListCell   *column;

	initStringInfo(&values);
	initStringInfo(&from);
	readings_join(population, readings, &from);
	foreach(lc, readings)
		foreach(column, ((const Reading *) lfirst(lc))->columns)
		{
			const TraitColumn *one = lfirst(column);

			appendStringInfo(&values, ", %s AS %s",
							 reading_value(one, foreach_current_index(lc)),
							 one->name);
		}
	(void) population_rewrite(population,
							  psprintf("SELECT profile.ctid%s%s"
									   " ORDER BY profile.ctid",
									   values.data, from.data));
}

/*
 * fill_in_place() writes the profiles that have rows in a source, and those
 * that lack an initial value.
 */
static void
fill_in_place(const Population *population, List *readings, List *stored)
{
	char	   *base = population_base_name(population);
	const char *key = pstrdup(quote_identifier(population->key));
	ListCell   *lc;

	foreach(lc, readings)
	{
		const Reading *reading = lfirst(lc);
		const Source *source = source_by_name(population, reading->source);
		List	   *columns;
		char	   *query = trait_values_query(source, stored, &columns);

		population_write(population,
						 psprintf("UPDATE %s AS profile SET %s FROM (%s) AS q"
								  " WHERE profile.%s = q.key",
								  base, assignments(columns), query, key));
		fill_initial(population, columns);
	}
}

/*
 * fill_initial() gives profiles without rows in the source their initial
 * value, in columns that are not new but were another trait's, and are NULL.
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
						  psprintf("coalesce(%s, %s)", column->name,
								   column->initial));
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
backfill_check_sources(const Population *population, bool skip_unfit)
{
	ListCell   *lc;

	foreach(lc, source_names(population))
	{
		const Source *source = source_by_name(population, lfirst(lc));

		if (!skip_unfit || source->missing == NULL)
			source_check_readable(source);
	}
}

void
backfill_all(const Population *population, bool skip_unfit)
{
	ListCell   *lc;

	backfill_check_sources(population, skip_unfit);
	reset_profiles(population);
	foreach(lc, source_names(population))
	{
		const Source *source = source_by_name(population, lfirst(lc));

		if (source->missing == NULL)
			count_source(source);
	}
}

/*
 * reset_profiles() makes a profile for each key of the sources, and gives all
 * profiles the traits of one without rows.
 */
static void
reset_profiles(const Population *population)
{
	char	   *base = population_base_name(population);
	const char *key = pstrdup(quote_identifier(population->key));
	StringInfoData initial;
	ListCell   *lc;
	ListCell   *column;

	initStringInfo(&initial);
	appendStringInfoString(&initial, "source_rows = 0,"
						   " evaluated_at ="
						   " LEAST(evaluated_at, segment.now())");
	foreach(lc, source_names(population))
	{
		const Source *source = source_by_name(population, lfirst(lc));
		List	   *columns;
		char	   *query;

		if (source->missing != NULL)
			continue;
		query = trait_source_query(source, stored_or_warn(source, true),
								   &columns);
		foreach(column, columns)
			append_assignment(&initial, lfirst(column),
							  ((TraitColumn *) lfirst(column))->initial);
		population_write(population,
						 psprintf("INSERT INTO %s (%s)"
								  " SELECT key FROM (%s) AS q ORDER BY key"
								  " ON CONFLICT (%s) DO NOTHING",
								  base, key, query, key));
	}
	population_write(population,
					 psprintf("UPDATE %s SET %s", base, initial.data));
}

void
backfill_warn_broken(const Source *source)
{
	(void) stored_or_warn(source, true);
}

/* count_source() computes what the profiles have from one source. */
static void
count_source(const Source *source)
{
	const Population *population = source->population;
	const char *key = pstrdup(quote_identifier(population->key));
	List	   *columns;
	char	   *query = trait_source_query(source,
										   stored_or_warn(source, false),
										   &columns);

	population_write(population,
					 psprintf("UPDATE %s AS profile SET source_rows ="
							  " profile.source_rows + q.source_rows%s%s"
							  " FROM (%s) AS q WHERE profile.%s = q.key",
							  population_base_name(population),
							  columns == NIL ? "" : ", ",
							  assignments(columns), query, key));
}

/*
 * stored_or_warn() lists the names of the stored traits of a source that can
 * be computed.  The others stay as they are, with a warning if asked for.
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

/* assignments() makes SQL that sets columns to those of q: s4 = q.s4, ... */
static char *
assignments(List *columns)
{
	StringInfoData set;
	ListCell   *lc;

	initStringInfo(&set);
	foreach(lc, columns)
	{
		const TraitColumn *column = lfirst(lc);

		append_assignment(&set, column, psprintf("q.%s", column->name));
	}
	return set.data;
}

/* append_assignment() appends s4 = value. */
static void
append_assignment(StringInfo set, const TraitColumn *column, const char *value)
{
	appendStringInfo(set, "%s%s = %s", set->len > 0 ? ", " : "", column->name,
					 value);
}
