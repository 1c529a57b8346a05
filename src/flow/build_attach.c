/*-------------------------------------------------------------------------
 *
 * build_attach.c
 *	  A table that is attached beside readers and writers.
 *
 *		CALL segment.attach_source_concurrently('clicks', at => 'seen');
 *
 *		begin		the triggers are there, and the row of segment.source,
 *					which says that the source cannot be used yet; writers wait
 *					for a moment
 *		add			each key of the table gets a profile
 *		all known	writers wait for a moment
 *		build_fill	profiles get their rows counted, in portions
 *		remove		profiles that have none after all
 *		complete	the source can be used
 *
 * What the number of the build in a profile's row says (PROFILE_BUILD_COLUMN),
 * here of build 4:
 *
 *		4		the rows of the source are counted in source_rows
 *		-4		they are not, and there is a row too many in it, so that the
 *				profile stays until they are
 *		else	they are not
 *
 * An event of the source of a profile that is not counted writes its row, and
 * no more, so that it gets another version: see build_fill.c.  Until all keys
 * are known any new profile is one of the second kind (the default of the
 * column), as the table may have rows of it.  Then a key without a profile has
 * no row in the table, nor does a transaction that has not ended know one; so
 * new profiles are of the first kind.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "audience/audience.h"
#include "base/base.h"
#include "flow/build.h"
#include "flow/definer.h"
#include "flow/flow_private.h"
#include "flow/visit.h"
#include "profile/profile.h"
#include "source/source.h"
#include "trait/trait.h"

SEGMENT_FUNCTION(segment_attach_source_concurrently);
SEGMENT_FUNCTION(segment_attach_source_concurrently_text);

/* So many profiles are added, or removed, by a portion. */
#define LEAST_KEYS	16
#define MOST_KEYS	256

static void describe(Build *build, const SourceRequest *request);
static void begin(Build *build, SourceRequest *request);
static void add_profiles(const Build *build);
static bool add_portion(const Build *build, int64 after, int64 upto);
static int	compare_keys(const void *a, const void *b, void *population);
static void all_known(const Build *build);
static void remove_profiles(const Build *build);
static void complete(const Build *build);

/*
 * CALL attach_source_concurrently(source regclass, key, at, population, name,
 *								   filter, replicated)
 */
Datum
segment_attach_source_concurrently(PG_FUNCTION_ARGS)
{
	Build		build = {.command = "attach_source_concurrently"};
	SourceRequest request = {0};
	FilterSource filter;

	build_check_no_block(fcinfo, build.command, "attach_source");
	SPI_connect_ext(SPI_OPT_NONATOMIC);
	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the table to attach must be given")));
	request.relid = PG_GETARG_OID(0);
	request.key = optional_name_argument(fcinfo, 1);
	request.at = optional_name_argument(fcinfo, 2);
	build.population = pstrdup(population_argument(fcinfo, 3)->name);
	request.name = optional_name_argument(fcinfo, 4);
	if (!PG_ARGISNULL(5))
	{
		filter = filter_source_unpack(PG_GETARG_FILTER_PP(5));
		request.filter = &filter;
	}
	request.replicated = flag_argument(fcinfo, 6);
	if (request.name == NULL)
		request.name = get_rel_name(request.relid);
	if (request.name == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("the table to attach does not exist any more")));
	build.attached = request.name;
	describe(&build, &request);

	begin(&build, &request);
	add_profiles(&build);
	all_known(&build);
	build_fill(&build);
	remove_profiles(&build);
	complete(&build);
	build_end(&build);
	SPI_finish();
	PG_RETURN_VOID();
}

/* The same with a text as its first argument. */
Datum
segment_attach_source_concurrently_text(PG_FUNCTION_ARGS)
{
	return call_with_text(fcinfo, 0, REGCLASSOID,
						  segment_attach_source_concurrently);
}

/* describe() says what the build is for: source "n" of table ... */
static void
describe(Build *build, const SourceRequest *request)
{
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfo(&text, "source \"%s\" of table %s", request->name,
					 relation_name(request->relid));
	if (request->key != NULL)
		appendStringInfo(&text, ", key %s", request->key);
	if (request->at != NULL)
		appendStringInfo(&text, ", at %s", request->at);
	if (request->filter != NULL)
		appendStringInfo(&text, ", where %s",
						 filter_print(request->filter->tree));
	if (request->replicated)
		appendStringInfoString(&text, ", replicated");
	build->request = text.data;
}

/* begin() attaches the table, so that its events are seen from here on. */
static void
begin(Build *build, SourceRequest *request)
{
	Definer    *definer =
		definer_begin_build_as_user(population_by_name(build->population),
									build->command);
	Affected	affected = {
		.attached = request->relid,
		.columns = true,
	};

	if (!build_goes_on(build, population_of(definer)))
	{
		source_check_rights(population_of(definer), request->relid);
		definer_lock(definer, &affected);
		request->build = ++build->number;
		/* the triggers are the user's right, or not */
		(void) source_attach(population_of(definer), request);
		definer_act(definer);
		population_begin_build(population_of(definer), -build->number);
		build_note(build, BUILD_ADDING);
	}
	definer_end(definer);
	build_commit();
}

/* ---- profiles that come ---- */

/* add_profiles() makes a profile of each key that has none. */
static void
add_profiles(const Build *build)
{
	const Population *population = population_by_name(build->population);
	int64		total;
	int			size = LEAST_KEYS;

	backfill_check_keys(source_by_name(population, build->attached));
	build_commit();
	total = build_read_keys(build, PG_INT64_MAX);
	for (int64 after = 0; after < total;)
	{
		TimestampTz begun = GetCurrentTimestamp();
		int64		upto = Min(after + size, total);
		Actor		before;

		CHECK_FOR_INTERRUPTS();
		build_begin_portion();
		population = population_by_name(build->population);
		before = act_as_owner(population->oid);
		if (add_portion(build, after, upto))
			flow_note_pending();
		act_as_before(before);
		build_note_done(population_by_name(build->population), upto);
		build_end_portion();
		after = upto;
		size = build_portion_size(size, begun, LEAST_KEYS, MOST_KEYS);
	}
}

int64
build_read_keys(const Build *build, int64 upto)
{
	const Population *population = population_by_name(build->population);
	const Source *source = source_by_name(population, build->attached);
	List	   *columns;
	char	   *query = trait_source_query(source, NIL, &columns);
	char	   *type = format_type_be_qualified(population->key_type);
	int64		total;

	build_drop_staging(population);
	build_make_staging(population,
					   psprintf("(n bigint GENERATED ALWAYS AS IDENTITY"
								" PRIMARY KEY, key %s NOT NULL)", type));
	total = population_write(population,
							 psprintf("INSERT INTO %s (key) SELECT q.key"
									  " FROM (%s) AS q WHERE NOT EXISTS"
									  " (SELECT FROM %s AS p"
									  " WHERE p.%s = q.key AND p.ord <= "
									  INT64_FORMAT ") ORDER BY q.key",
									  build_staging(population), query,
									  population_base_name(population),
									  quote_identifier(population->key),
									  upto));
	build_note_phase(population, BUILD_ADDING, total);
	build_commit();
	return total;
}

/*
 * add_portion() adds the profiles of some keys, unless they are there by now.
 * Returns whether there is something to be folded.
 */
static bool
add_portion(const Build *build, int64 after, int64 upto)
{
	const Population *population = population_by_name(build->population);
	Visitor		visitor;
	Datum	   *keys;
	uint64		count;

	population_select(population,
					  psprintf("SELECT s.key FROM %s AS s"
							   " WHERE s.n > " INT64_FORMAT
							   " AND s.n <= " INT64_FORMAT " AND NOT EXISTS"
							   " (SELECT FROM %s AS p WHERE p.%s = s.key)",
							   build_staging(population), after, upto,
							   population_base_name(population),
							   quote_identifier(population->key)));
	keys = build_take_keys(population, &count);
	visit_begin(&visitor, population);
	for (uint64 i = 0; i < count; i++)
	{
		TupleTableSlot *row = profile_edit_new(visitor.table, keys[i]);

		visit_enter(&visitor, keys[i]);
		profile_set_source_rows(population, row, 1);
		profile_set_build(population, row, -build->number);
		(void) visit_begin_profile(&visitor, row);
		visit_leave(&visitor);
	}
	return visit_end(&visitor);
}

Datum *
build_take_keys(const Population *population, uint64 *count)
{
	Datum	   *keys = palloc(sizeof(Datum) * Max(SPI_processed, 1));

	*count = SPI_processed;
	for (uint64 i = 0; i < *count; i++)
	{
		bool		isnull;

		keys[i] = profile_key_copy(population,
								   SPI_getbinval(SPI_tuptable->vals[i],
												 SPI_tuptable->tupdesc, 1,
												 &isnull));
	}
	qsort_arg(keys, *count, sizeof(Datum), compare_keys,
			  unconstify(Population *, population));
	return keys;
}

/* compare_keys() is profile_key_compare() for qsort_arg(). */
static int
compare_keys(const void *a, const void *b, void *population)
{
	return profile_key_compare(population, *(const Datum *) a,
							   *(const Datum *) b);
}

/* all_known() lets new profiles be of a key that the table does not have. */
static void
all_known(const Build *build)
{
	Definer    *definer =
		definer_begin_build(population_by_name(build->population),
							build->command);

	definer_lock(definer, &(Affected) {.columns = true});
	population_begin_build(population_of(definer), build->number);
	definer_end(definer);
	build_commit();
}

/* ---- profiles that go ---- */

/* remove_profiles() removes those whose rows have gone meanwhile. */
static void
remove_profiles(const Build *build)
{
	const Population *population = population_by_name(build->population);
	bool		more = true;
	int			size = LEAST_KEYS;

	build_note_phase(population, BUILD_REMOVING, 0);
	build_commit();
	while (more)
	{
		TimestampTz begun = GetCurrentTimestamp();
		Visitor		visitor;
		Actor		before;
		Datum	   *keys;
		uint64		count;

		CHECK_FOR_INTERRUPTS();
		build_begin_portion();
		population = population_by_name(build->population);
		before = act_as_owner(population->oid);
		population_select(population,
						  psprintf("SELECT p.%s FROM %s AS p"
								   " WHERE p.source_rows = 0 LIMIT %d",
								   quote_identifier(population->key),
								   population_base_name(population),
								   size));
		keys = build_take_keys(population, &count);
		more = count == size;
		visit_begin(&visitor, population);
		for (uint64 i = 0; i < count; i++)
		{
			TupleTableSlot *row = profile_lock(visitor.table, keys[i]);

			visit_enter(&visitor, keys[i]);
			if (row != NULL && profile_source_rows(population, row) == 0)
				visit_end_profile(&visitor, row,
								  profile_edit(visitor.table));
			visit_leave(&visitor);
		}
		if (visit_end(&visitor))
			flow_note_pending();
		act_as_before(before);
		build_end_portion();
		size = build_portion_size(size, begun, LEAST_KEYS, MOST_KEYS);
	}
}

/* complete() lets the source be used. */
static void
complete(const Build *build)
{
	Definer    *definer =
		definer_begin_build(population_by_name(build->population),
							build->command);

	source_attached(population_of(definer));
	build_drop_staging(population_of(definer));
	build_note_phase(population_of(definer), BUILD_DONE, 0);
	definer_end(definer);
}

/* ---- to undo it ---- */

void
build_forget_attached(Definer *definer, const char *name)
{
	const Population *population = population_of(definer);
	const Source *source = source_by_name(population, name);
	const char *key = pstrdup(quote_identifier(population->key));
	char	   *base = population_base_name(population);
	int32		number = source->build;
	List	   *columns;

	lock_and_settle(definer, NIL);
	source = source_by_name(population_of(definer), name);
	if (source->missing != NULL || source_condition_error(source) != NULL)
	{
		/* which rows it had cannot be asked any more */
		source_detach(source);
		backfill_all(population_of(definer), true);
	}
	else
	{
		population_write(population,
						 psprintf("UPDATE %s AS profile SET %s = %d,"
								  " source_rows = profile.source_rows - CASE"
								  " WHEN profile.%s < 0 THEN 1"
								  " ELSE coalesce(q.source_rows, 0) END"
								  " FROM %s AS me LEFT JOIN (%s) AS q"
								  " ON me.%s = q.key"
								  " WHERE me.ord = profile.ord"
								  " AND profile.%s IN (%d, %d)",
								  base, PROFILE_BUILD_COLUMN, number,
								  PROFILE_BUILD_COLUMN, base,
								  trait_source_query(source, NIL, &columns),
								  key, PROFILE_BUILD_COLUMN, number, -number));
		source_detach(source);
	}
	population_begin_build(population_of(definer), number);
	members_decide(population_of(definer), NIL, CAUSE_EDIT);
	backfill_remove_ended(population_of(definer));
}
