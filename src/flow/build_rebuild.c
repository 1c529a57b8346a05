/*-------------------------------------------------------------------------
 *
 * build_rebuild.c
 *	  Profiles are computed anew beside readers and writers.
 *
 *		CALL segment.rebuild_concurrently();
 *
 *		existing	portions of profiles: locked, read from all sources, and
 *					written if they differ, as if an event had changed them all
 *		locked		those that others had locked
 *		missing		keys of which sources have rows, and which had no profile
 *					when the build began; twice, as whoever changes a row of
 *					such a key locks no profile
 *
 * A portion is a batch (apply_batch.c) of which nothing but the sources can
 * tell: the profiles are locked first, and read then, so that what is written
 * is right, and events that wait for the lock go on from there.  Audiences see
 * a change like any other.
 *
 * Profiles that others have locked are passed over, and read one by one when
 * all others are done, so that whoever waits for a portion waits for nobody
 * else.
 *
 * An event may end a profile that knows of too few rows, and another one may
 * make it again, or make one of a key that lacks it.  So keys are looked for
 * after the profiles that there were; a profile that is younger is one that
 * may lack rows.  When it is found which ones there are, nobody is writing.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "audience/audience.h"
#include "base/base.h"
#include "flow/batch.h"
#include "flow/build.h"
#include "flow/definer.h"
#include "flow/flow_private.h"
#include "profile/profile.h"
#include "source/source.h"
#include "trait/trait.h"

SEGMENT_FUNCTION(segment_rebuild_concurrently);

/* So many profiles, or keys without one, are read by a portion. */
#define LEAST_READ	1
#define FIRST_READ	16
#define MOST_READ	1024

/* The keys of profiles that others had locked. */
typedef struct Locked
{
	MemoryContext memory;
	List	   *keys;			/* Datum * */
} Locked;

static int64 begin(Build *build);
static int64 read_portion(const Build *build, const Population *population,
						  int pass, int64 after, int64 upto);
static void note_locked(Locked *locked, const Population *population,
						Datum key);
static void read_locked(const Build *build);
static void read_missing(Build *build, int64 highest);
static void read_staged(const Build *build, int64 total);
static void wait_for_writers(const Build *build);
static void read_keys_anew(const Population *population, const Datum *keys,
						   uint64 count);
static void complete(const Build *build);

static const BuildWriting existing = {
	.passes = 1,
	.least = LEAST_READ,
	.begin = FIRST_READ,
	.most = MOST_READ,
	.portion = read_portion,
};

/*
 * CALL rebuild_concurrently(population)
 */
Datum
segment_rebuild_concurrently(PG_FUNCTION_ARGS)
{
	Build		build = {
		.command = "rebuild_concurrently",
		.request = "all profiles anew",
	};
	Locked		locked = {.memory = CurrentMemoryContext};
	int64		highest;		/* ord of a profile that there was */

	build_check_no_block(fcinfo, build.command, "rebuild");
	SPI_connect_ext(SPI_OPT_NONATOMIC);
	build.population = pstrdup(population_argument(fcinfo, 0)->name);
	build.wanted = &locked;
	highest = begin(&build);
	build_write_all(&build, &existing);
	read_locked(&build);
	read_missing(&build, highest);
	complete(&build);
	build_end(&build);
	SPI_finish();
	PG_RETURN_VOID();
}

/*
 * begin() notes that the build has begun, or goes on: from the beginning.
 * Returns the highest ord of a profile.
 */
static int64
begin(Build *build)
{
	Definer    *definer =
		definer_begin_build(population_by_name(build->population),
							build->command);
	const Population *population = population_of(definer);
	ListCell   *lc;
	int64		highest;

	backfill_check_sources(population, false);
	foreach(lc, source_names(population))
	{
		const Source *source = source_by_name(population, lfirst(lc));

		if (!source_finds_profiles(source))
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("population \"%s\" cannot be rebuilt concurrently",
							population->name),
					 errdetail("Source \"%s\" has no index by which the rows of a profile are found.",
							   source->name),
					 errhint("Create one on its key, or use segment.rebuild().")));
		backfill_warn_broken(source);
	}
	if (!build_goes_on(build, population))
		build->number++;
	definer_lock(definer, &(Affected) {.columns = true});
	highest = highest_ord(population_of(definer));
	build_note(build, BUILD_WRITING);
	definer_end(definer);
	build_commit();
	return highest;
}

/*
 * read_portion() reads the profiles of a range anew, and notes those that
 * others have locked.
 */
static int64
read_portion(const Build *build, const Population *population, int pass,
			 int64 after, int64 upto)
{
	char	   *query;
	Datum	   *all;
	Datum	   *mine;
	uint64		nall;
	uint64		nmine;
	uint64		i = 0;

	population = build_lock_sources(build);
	query = psprintf("SELECT p.%s FROM %s AS p WHERE p.ord > " INT64_FORMAT
					 " AND p.ord <= " INT64_FORMAT,
					 quote_identifier(population->key),
					 population_base_name(population), after, upto);
	population_select(population, query);
	all = build_take_keys(population, &nall);
	population_select(population,
					  psprintf("%s FOR NO KEY UPDATE SKIP LOCKED", query));
	mine = build_take_keys(population, &nmine);
	for (uint64 j = 0; j < nall; j++)
	{
		while (i < nmine &&
			   profile_key_compare(population, mine[i], all[j]) < 0)
			i++;
		if (i == nmine ||
			profile_key_compare(population, mine[i], all[j]) != 0)
			note_locked(build->wanted, population, all[j]);
	}
	read_keys_anew(population, mine, nmine);
	return (int64) nmine;
}

/* note_locked() notes a profile that others have locked. */
static void
note_locked(Locked *locked, const Population *population, Datum key)
{
	MemoryContext old = MemoryContextSwitchTo(locked->memory);
	Datum	   *copy = palloc(sizeof(Datum));

	*copy = profile_key_copy(population, key);
	locked->keys = lappend(locked->keys, copy);
	MemoryContextSwitchTo(old);
}

/* read_locked() reads the profiles that others had locked, each by itself. */
static void
read_locked(const Build *build)
{
	Locked	   *locked = build->wanted;
	ListCell   *lc;

	foreach(lc, locked->keys)
	{
		CHECK_FOR_INTERRUPTS();
		build_begin_portion();
		read_keys_anew(build_lock_sources(build), lfirst(lc), 1);
		build_end_portion();
	}
	locked->keys = NIL;
}

/*
 * read_missing() reads the keys of which sources have rows, and that have no
 * profile up to an ord.
 */
static void
read_missing(Build *build, int64 highest)
{
	const Population *population = population_by_name(build->population);
	List	   *names = NIL;
	ListCell   *lc;

	foreach(lc, source_names(population))
		names = lappend(names, pstrdup(lfirst(lc)));
	foreach(lc, names)
	{
		int64		total;

		build->attached = lfirst(lc);
		total = build_read_keys(build, highest);
		if (total == 0)
			continue;
		read_staged(build, total);
		wait_for_writers(build);
		read_staged(build, total);
	}
	build->attached = NULL;
	build_note_phase(population_by_name(build->population), BUILD_WRITING, 0);
	build_commit();
}

/* read_staged() reads the keys of the staging table anew. */
static void
read_staged(const Build *build, int64 total)
{
	int			size = FIRST_READ;

	for (int64 after = 0; after < total;)
	{
		TimestampTz begun = GetCurrentTimestamp();
		int64		upto = Min(after + size, total);
		const Population *population;
		Datum	   *keys;
		uint64		count;

		CHECK_FOR_INTERRUPTS();
		build_begin_portion();
		population = build_lock_sources(build);
		population_select(population,
						  psprintf("SELECT s.key FROM %s AS s"
								   " WHERE s.n > " INT64_FORMAT
								   " AND s.n <= " INT64_FORMAT,
								   build_staging(population), after, upto));
		keys = build_take_keys(population, &count);
		read_keys_anew(population, keys, count);
		build_note_done(population_by_name(build->population), upto);
		build_end_portion();
		after = upto;
		size = build_portion_size(size, begun, LEAST_READ, MOST_READ);
	}
}

/*
 * wait_for_writers() waits for a moment at which nobody is writing.  Who
 * changes a row of a key without a profile locks none, and may have looked for
 * it before it was made.
 */
static void
wait_for_writers(const Build *build)
{
	Definer    *definer =
		definer_begin_build(population_by_name(build->population),
							build->command);

	definer_lock(definer, &(Affected) {.columns = true});
	definer_end(definer);
	build_commit();
}

/* read_keys_anew() reads some profiles, or what may be ones, from sources. */
static void
read_keys_anew(const Population *population, const Datum *keys, uint64 count)
{
	MemoryContext memory = AllocSetContextCreate(CurrentMemoryContext,
												 "segment rebuild",
												 ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(memory);
	List	   *contributions = NIL;
	ListCell   *lc;

	foreach(lc, source_names(population))
	{
		const Source *source = source_by_name(population, lfirst(lc));
		Contribution *one = contribution_create(memory, source,
												trait_program(source));

		one->recount = true;
		for (uint64 i = 0; i < count; i++)
			contribution_read_again(one, keys[i]);
		contributions = lappend(contributions, one);
	}
	apply_batch(contributions);
	foreach(lc, contributions)
		contribution_end(lfirst(lc));
	MemoryContextSwitchTo(old);
	MemoryContextDelete(memory);
}

/* complete() makes the view again, where it was dropped or cannot be read. */
static void
complete(const Build *build)
{
	Definer    *definer =
		definer_begin_build(population_by_name(build->population),
							build->command);

	definer_lock(definer, &(Affected) {.view = true});
	audience_compile_anew(population_of(definer));
	refresh_view(definer);
	build_drop_staging(population_of(definer));
	build_note_phase(population_of(definer), BUILD_DONE, 0);
	definer_end(definer);
}
