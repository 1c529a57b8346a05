/*-------------------------------------------------------------------------
 *
 * build_fill.c
 *	  Fill columns of all profiles, while events go on changing them.
 *
 *		read	a table of staging: what the sources say of each profile, under
 *				one snapshot, and which version of the profile's row it shows
 *		write	a portion of profiles at a time, each a short transaction:
 *				those that still are of this version get what was read of them
 *		again	those that events have changed meanwhile: all of it once more,
 *				or, if there are few, what the source says of them now
 *
 * Why that is right.  Capture writes the row of a profile when an event
 * changes what is being built (build.c), and whoever does so locks the row
 * until the event is committed.  So if the row is locked by us, and of the
 * version that the snapshot showed, then the snapshot showed all committed
 * events of the profile.  And if it is of another version, then a snapshot
 * that is taken while we hold the lock shows them.
 *
 * Rows that others have locked are passed over, and come later: a portion
 * waits for nobody, and whoever waits for a portion waits as long as it takes.
 *
 * Passes.  A portion writes every fourth profile only.  So there is room on
 * the page for the new version beside the old one (HOT: no index gets an
 * entry), and when the next pass comes the old ones are gone: the table does
 * not grow by more than what is stored anew.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "base/base.h"
#include "flow/build.h"
#include "flow/flow_private.h"
#include "flow/readings.h"
#include "source/source.h"
#include "trait/trait.h"

/* In so many passes over the profiles: see above. */
#define PASSES			4

/*
 * If more profiles were changed meanwhile, the sources are read again for all
 * of them, but not more often than that.  Where a source has no index by which
 * the rows of a profile are found, it is read for any, as whoever asks it of a
 * locked profile keeps that locked while all of it is read.
 */
#define MANY_CHANGED	1000
#define MOST_READINGS	3
#define MOST_WITHOUT_INDEX	20

static bool sources_find_profiles(const Build *build);
static void stage(const Build *build);
static void create_staging(const Population *population, List *read);
static int64 fill_staging(const Build *build, const Population *population,
						  List *read);
static List *readings(const Build *build, const Population *population);
static char *rows_sql(const Build *build, const char *counted);
static char *staging_name(const Population *population);
static int64 write_staged(const Build *build, const Population *population,
						  int pass, int64 after, int64 upto);
static int64 write_changed(const Build *build, const Population *population,
						   int pass, int64 after, int64 upto);
static char *lock_sql(const Build *build, const Population *population,
					  const char *condition);
static char *range_sql(const char *table, int64 after, int64 upto);
static void wait_for_locked(const Build *build);
static int64 count_unfilled(const Build *build);
static void use_indexes(void);

static const BuildWriting staged = {
	.passes = PASSES,
	.unfilled = true,
	.least = 128,
	.begin = 256,
	.most = 2048,
	.portion = write_staged,
};

/* of these the sources are asked, which takes as long as their histories */
static const BuildWriting changed = {
	.passes = 1,
	.unfilled = true,
	.least = 1,
	.begin = 8,
	.most = 64,
	.portion = write_changed,
};

void
build_fill(const Build *build)
{
	bool		indexed = sources_find_profiles(build);
	int			most = indexed ? MOST_READINGS : MOST_WITHOUT_INDEX;
	int64		left = 0;

	/* let go of the sources */
	build_commit();
	for (int i = 0; i < most; i++)
	{
		stage(build);
		build_write_all(build, &staged);
		left = count_unfilled(build);
		if (left <= (indexed ? MANY_CHANGED : 0))
			break;
		if (!indexed)
			wait_for_locked(build);
	}
	while (left > 0)
	{
		build_note_phase(population_by_name(build->population), BUILD_CHANGED,
						 left);
		build_write_all(build, &changed);
		left = count_unfilled(build);
		if (left == 0)
			break;
		wait_for_locked(build);
	}
	build_note_phase(population_by_name(build->population), BUILD_COMPLETING,
					 0);
	build_commit();
}

/*
 * sources_find_profiles() tells whether all sources that are read have an
 * index by which the rows of a profile are found.
 */
static bool
sources_find_profiles(const Build *build)
{
	const Population *population = population_by_name(build->population);
	ListCell   *lc;

	foreach(lc, readings(build, population))
	{
		const Reading *reading = lfirst(lc);

		if (!source_finds_profiles(source_by_name(population,
												  reading->source)))
			return false;
	}
	return true;
}

/* ---- read ---- */

/* stage() reads the sources for all profiles that are not filled yet. */
static void
stage(const Build *build)
{
	const Population *population = population_by_name(build->population);
	List	   *read;
	int64		total;

	build_note_phase(population, BUILD_READING, 0);
	build_commit();

	population = population_by_name(build->population);
	build_drop_staging(population);
	read = readings(build, population);
	create_staging(population, read);
	total = fill_staging(build, population, read);
	build_note_phase(population, BUILD_WRITING, total);
	build_commit();
}

Oid
build_staging_table(const Population *population)
{
	return get_relname_relid(staging_name(population),
							 get_namespace_oid(SEGMENT_DATA_SCHEMA, false));
}

void
build_drop_staging(const Population *population)
{
	if (OidIsValid(build_staging_table(population)))
		population_execute(population, psprintf("DROP TABLE %s",
												build_staging(population)));
}

void
build_make_staging(const Population *population, const char *definition)
{
	Oid			staging = data_table_create(staging_name(population),
											definition, NULL);

	catalog_execute(psprintf("ALTER TABLE %s SET UNLOGGED",
							 build_staging(population)),
					0, NULL, NULL, NULL);
	data_table_give(staging, relation_owner(population->oid));
}

/* create_staging() makes the table of what is read. */
static void
create_staging(const Population *population, List *read)
{
	StringInfoData actions;
	ListCell   *lc;
	ListCell   *column;

	build_make_staging(population,
					   "(ord bigint PRIMARY KEY, version xid NOT NULL,"
					   " source_rows bigint)");
	initStringInfo(&actions);
	foreach(lc, read)
		foreach(column, ((const Reading *) lfirst(lc))->columns)
		{
			const TraitColumn *one = lfirst(column);

			appendStringInfo(&actions, "%sADD COLUMN %s %s",
							 actions.len > 0 ? ", " : "", one->name,
							 format_type_be_qualified(one->type));
		}
	if (actions.len > 0)
		population_execute(population, psprintf("ALTER TABLE %s %s",
												build_staging(population),
												actions.data));
}

/* fill_staging() reads the sources; returns of how many profiles. */
static int64
fill_staging(const Build *build, const Population *population, List *read)
{
	StringInfoData names;
	StringInfoData values;
	StringInfoData from;
	ListCell   *lc;
	ListCell   *column;

	initStringInfo(&names);
	initStringInfo(&values);
	initStringInfo(&from);
	readings_join(population, JOIN_LEFT, read, &from);
	foreach(lc, read)
		foreach(column, ((const Reading *) lfirst(lc))->columns)
		{
			const TraitColumn *one = lfirst(column);

			appendStringInfo(&names, ", %s", one->name);
			appendStringInfo(&values, ", %s",
							 reading_value(one, foreach_current_index(lc)));
		}
	if (build->attached != NULL)
	{
		appendStringInfoString(&names, ", source_rows");
		appendStringInfoString(&values, ", q0.source_rows");
	}
	return population_write(population,
							psprintf("INSERT INTO %s (ord, version%s)"
									 " SELECT profile.ord, profile.xmin%s"
									 "%s"
									 " WHERE profile.%s IS DISTINCT FROM %d"
									 " ORDER BY profile.ord",
									 build_staging(population), names.data,
									 values.data, from.data,
									 PROFILE_BUILD_COLUMN,
									 build->number));
}

/* readings() lists what has to be read (Reading *), from which sources. */
static List *
readings(const Build *build, const Population *population)
{
	if (build->attached == NULL)
		return readings_of(population, trait_unfilled(population));
	return list_make1(reading_with_rows(source_by_name(population,
													   build->attached),
										NIL));
}

/*
 * rows_sql() is the assignment of how many rows a profile has with those of
 * the source that is attached, which are counted by SQL; "" if none is.
 */
static char *
rows_sql(const Build *build, const char *counted)
{
	if (build->attached == NULL)
		return pstrdup("");
	return psprintf("source_rows = profile.source_rows + coalesce(%s, 0)"
					" - CASE WHEN profile.%s = %d THEN 1 ELSE 0 END, ",
					counted, PROFILE_BUILD_COLUMN, -build->number);
}

static char *
staging_name(const Population *population)
{
	return psprintf("segment_build_%u", population->oid);
}

char *
build_staging(const Population *population)
{
	return quote_qualified_identifier(SEGMENT_DATA_SCHEMA,
									  staging_name(population));
}

/* ---- write ---- */

/*
 * write_staged() writes what was read of those profiles of a pass that have
 * not changed since.
 */
static int64
write_staged(const Build *build, const Population *population, int pass,
			 int64 after, int64 upto)
{
	int			level = NewGUCNestLevel();
	StringInfoData set;
	char	   *lock;
	ListCell   *lc;
	ListCell   *column;
	int64		written;

	initStringInfo(&set);
	appendStringInfoString(&set, rows_sql(build, "staged.source_rows"));
	foreach(lc, readings(build, population))
		foreach(column, ((const Reading *) lfirst(lc))->columns)
		{
			const TraitColumn *one = lfirst(column);

			appendStringInfo(&set, "%s = staged.%s, ", one->name, one->name);
		}
	lock = lock_sql(build, population,
					psprintf("%s AND me.ord %% %d = %d",
							 range_sql("me", after, upto), PASSES, pass));
	use_indexes();
	written = population_write(population,
							   psprintf("WITH mine AS MATERIALIZED (%s)"
										" UPDATE %s AS profile SET %s%s = %d"
										" FROM mine, %s AS staged"
										" WHERE staged.ord = mine.ord"
										" AND profile.ord = mine.ord"
										" AND profile.xmin = staged.version"
										" AND %s AND %s",
										lock, population_base_name(population),
										set.data, PROFILE_BUILD_COLUMN,
										build->number,
										build_staging(population),
										range_sql("profile", after, upto),
										range_sql("staged", after, upto)));
	AtEOXact_GUC(true, level);
	return written;
}

/*
 * write_changed() writes what the sources say of profiles that have changed:
 * now, when they are locked.
 */
static int64
write_changed(const Build *build, const Population *population, int pass,
			  int64 after, int64 upto)
{
	int			level = NewGUCNestLevel();
	const char *key;
	char	   *base;
	Oid			array;
	StringInfoData set;
	StringInfoData from;
	char	   *ords;
	char	   *keys;
	ListCell   *lc;
	ListCell   *column;
	int64		written = 0;

	population = build_lock_sources(build);
	key = pstrdup(quote_identifier(population->key));
	base = population_base_name(population);
	array = get_array_type(population->key_type);
	use_indexes();
	population_select(population,
					  psprintf("SELECT array_agg(l.ord)::text,"
							   " array_agg(l.key)::text FROM (%s) AS l",
							   lock_sql(build, population,
										range_sql("me", after, upto))));
	ords = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
	keys = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2);

	initStringInfo(&set);
	initStringInfo(&from);
	appendStringInfoString(&set, rows_sql(build, "q0.source_rows"));
	foreach(lc, ords == NULL ? NIL : readings(build, population))
	{
		const Reading *reading = lfirst(lc);
		int			number = foreach_current_index(lc);

		appendStringInfo(&from,
						 " LEFT JOIN (SELECT * FROM (%s) AS q"
						 " WHERE q.key = ANY (%s::%s)) AS q%d"
						 " ON q%d.key = me.%s",
						 reading->query, quote_literal_cstr(keys),
						 format_type_be_qualified(array), number, number, key);
		foreach(column, reading->columns)
		{
			const TraitColumn *one = lfirst(column);

			appendStringInfo(&set, "%s = %s, ", one->name,
							 reading_value(one, number));
		}
	}
	if (ords != NULL)
		written = population_write(population,
								   psprintf("UPDATE %s AS profile SET %s%s = %d"
											" FROM %s AS me%s"
											" WHERE profile.ord = me.ord"
											" AND me.ord = ANY (%s::bigint[])",
											base, set.data,
											PROFILE_BUILD_COLUMN,
											build->number, base, from.data,
											quote_literal_cstr(ords)));
	AtEOXact_GUC(true, level);
	return written;
}

/*
 * lock_sql() locks profiles, as "me", for which a condition holds and which
 * are not filled yet, and selects their ords and keys.
 */
static char *
lock_sql(const Build *build, const Population *population,
		 const char *condition)
{
	return psprintf("SELECT me.ord, me.%s AS key FROM %s AS me WHERE %s"
					" AND me.%s IS DISTINCT FROM %d"
					" FOR NO KEY UPDATE SKIP LOCKED",
					quote_identifier(population->key),
					population_base_name(population), condition,
					PROFILE_BUILD_COLUMN, build->number);
}

/* range_sql() is the condition that a row's ord is within a portion. */
static char *
range_sql(const char *table, int64 after, int64 upto)
{
	return psprintf("%s.ord > " INT64_FORMAT " AND %s.ord <= " INT64_FORMAT,
					table, after, table, upto);
}

/*
 * wait_for_locked() waits until a profile that is not filled yet is not locked
 * by others any more, and locks no other one meanwhile.
 */
static void
wait_for_locked(const Build *build)
{
	const Population *population = population_by_name(build->population);

	population_select(population,
					  psprintf("SELECT FROM %s WHERE %s IS DISTINCT FROM %d"
							   " LIMIT 1 FOR NO KEY UPDATE",
							   population_base_name(population),
							   PROFILE_BUILD_COLUMN, build->number));
	build_commit();
}

/* count_unfilled() counts the profiles that are not filled yet. */
static int64
count_unfilled(const Build *build)
{
	const Population *population = population_by_name(build->population);

	population_select(population,
					  psprintf("SELECT count(*) FROM %s"
							   " WHERE %s IS DISTINCT FROM %d",
							   population_base_name(population),
							   PROFILE_BUILD_COLUMN, build->number));
	return result_number(1);
}

/*
 * use_indexes() makes the planner read portions by the indexes, until the
 * level of settings is left: it knows little of tables that are new.
 */
static void
use_indexes(void)
{
	setting_save("enable_seqscan", "off");
	setting_save("jit", "off");
}
