/*-------------------------------------------------------------------------
 *
 * backfill.c
 *	  Traits of a whole population at once, by SQL over its sources.
 *
 *		attach		every row that is there gives its profile a source_row
 *		new trait	s4 = sum(amount) ... GROUP BY key
 *		rebuild		the same query, of all sources at once
 *		verify		the same query, compared with what is stored (verify.c)
 *
 * The base table is written anew with it (profile/rewrite.c); or, if few
 * profiles have rows in the source, these are updated.
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
static void attach_in_place(const Population *population,
							const Reading *reading);
static void fill_anew(const Population *population, List *readings);
static void fill_in_place(const Population *population, List *readings,
						  List *stored);
static void fill_initial(const Population *population, List *columns);
static void write_anew(const Population *population, List *readings,
					   List *names, List *values);
static void write_in_place(const Population *population, List *readings,
						   List *names, List *values);
static List *stored_or_warn(const Source *source);
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
	char	   *without = psprintf("%s IS NULL", column);
	char	   *length = profile_key_length_sql(population, column,
												source->key_type);
	int64		without_key;

	if (length == NULL)
	{
		/* an index on the key finds them */
		population_select(population,
						  psprintf("SELECT count(*)%s",
								   source_from_sql(source, without)));
		return result_number(1);
	}
	population_select(population,
					  psprintf("SELECT count(*) FILTER (WHERE %s),"
							   " max(%s)::bigint%s", without, length,
							   source_from_sql(source, NULL)));
	without_key = result_number(1);
	source_check_key_length(source, result_number(2));
	return without_key;
}

void
backfill_attach(const Source *source)
{
	const Population *population = source->population;
	List	   *readings = list_make1(reading_with_rows(source, NIL));
	int64		without_key = count_without_key(source);
	int64		last_ord = highest_ord(population);

	if (population_may_rewrite(population) &&
		readings_concern_most(population, readings))
		write_anew(population, readings, list_make1("source_rows"),
				   list_make1(psprintf("coalesce(profile.source_rows, 0) + %s",
									   readings_rows(1))));
	else
		attach_in_place(population, linitial(readings));
	note_new_keys(source, last_ord);
	note_without_key(source, without_key);
}

/* attach_in_place() inserts and updates the profiles of a source. */
static void
attach_in_place(const Population *population, const Reading *reading)
{
	const char *key = pstrdup(quote_identifier(population->key));

	population_write(population,
					 psprintf("INSERT INTO %s AS profile (%s, source_rows)"
							  " SELECT key, source_rows FROM (%s) AS q"
							  " ORDER BY key ON CONFLICT (%s) DO UPDATE"
							  " SET source_rows ="
							  " profile.source_rows + excluded.source_rows",
							  population_base_name(population), key,
							  reading->query, key));
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
	population_select(population,
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

int64
highest_ord(const Population *population)
{
	population_select(population, psprintf("SELECT max(ord) FROM %s",
										   population_base_name(population)));
	return result_number(1);
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
	readings_join(population, JOIN_LEFT, readings, &from);
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
	List	   *readings = NIL;
	List	   *names;			/* of columns, char * */
	List	   *values;			/* SQL of each */
	ListCell   *lc;
	ListCell   *column;

	backfill_check_sources(population, skip_unfit);
	foreach(lc, source_names(population))
	{
		const Source *source = source_by_name(population, lfirst(lc));

		if (source->missing == NULL)
			readings = lappend(readings,
							   reading_with_rows(source,
												 stored_or_warn(source)));
	}
	names = list_make2("source_rows", "evaluated_at");
	values = list_make2(readings_rows(list_length(readings)),
						"LEAST(coalesce(profile.evaluated_at, '-infinity'),"
						" segment.now())");
	foreach(lc, readings)
		foreach(column, ((const Reading *) lfirst(lc))->columns)
		{
			const TraitColumn *one = lfirst(column);

			names = lappend(names, one->name);
			values = lappend(values,
							 reading_value(one, foreach_current_index(lc)));
		}
	if (population_may_rewrite(population))
		write_anew(population, readings, names, values);
	else
		write_in_place(population, readings, names, values);
}

/*
 * write_anew() writes the base table anew: in columns, what SQL over all
 * readings says of each profile, and of each key that has none yet.
 */
static void
write_anew(const Population *population, List *readings, List *names,
		   List *values)
{
	const char *key = readings_key(population, list_length(readings));
	StringInfoData sql;
	ListCell   *name;
	ListCell   *value;

	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT profile.ctid, %s AS %s", key,
					 quote_identifier(population->key));
	forboth(name, names, value, values)
		appendStringInfo(&sql, ", %s AS %s", (char *) lfirst(value),
						 (char *) lfirst(name));
	readings_join(population, JOIN_FULL, readings, &sql);
	appendStringInfo(&sql, " ORDER BY profile.ctid, %s", key);
	(void) population_rewrite(population, sql.data);
}

/* write_in_place() does the same by inserts and an update. */
static void
write_in_place(const Population *population, List *readings, List *names,
			   List *values)
{
	const char *key = pstrdup(quote_identifier(population->key));
	char	   *base = population_base_name(population);
	StringInfoData set;
	StringInfoData read;
	ListCell   *lc;
	ListCell   *value;

	foreach(lc, readings)
		population_write(population,
						 psprintf("INSERT INTO %s (%s)"
								  " SELECT key FROM (%s) AS q ORDER BY key"
								  " ON CONFLICT (%s) DO NOTHING", base, key,
								  ((Reading *) lfirst(lc))->query, key));
	initStringInfo(&set);
	initStringInfo(&read);
	forboth(lc, names, value, values)
	{
		appendStringInfo(&set, "%s%s = read.%s", set.len > 0 ? ", " : "",
						 (char *) lfirst(lc), (char *) lfirst(lc));
		appendStringInfo(&read, ", %s AS %s", (char *) lfirst(value),
						 (char *) lfirst(lc));
	}
	readings_join(population, JOIN_LEFT, readings, &read);
	population_write(population,
					 psprintf("UPDATE %s AS me SET %s"
							  " FROM (SELECT profile.ord AS of%s) AS read"
							  " WHERE me.ord = read.of",
							  base, set.data, read.data));
}

void
backfill_warn_broken(const Source *source)
{
	(void) stored_or_warn(source);
}

/*
 * stored_or_warn() lists the names of the stored traits of a source that can
 * be computed.  The others stay as they are, with a warning.
 */
static List *
stored_or_warn(const Source *source)
{
	List	   *unbound;
	List	   *names = trait_stored_binding(source, &unbound);
	ListCell   *lc;

	foreach(lc, unbound)
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
