/*-------------------------------------------------------------------------
 *
 * build.c
 *	  Traits that are created beside readers and writers.
 *
 *		CALL segment.create_traits_concurrently('{"spent": "sum(orders.amount)"}');
 *
 * in the way of CREATE INDEX CONCURRENTLY, by many short transactions:
 *
 *		begin		columns are added, and capture knows of them: writers wait
 *					for a moment
 *		fill		build_fill.c: profiles get their values, in portions
 *		complete	the traits are defined, and the view shows them: readers
 *					wait for a moment
 *
 * Which profiles are built.  A profile's row bears the number of the build
 * that has filled its columns last (PROFILE_BUILD_COLUMN).  Until it bears the
 * number of this build, capture leaves the columns that are being built alone,
 * and writes the row if an event would have changed them (trait_apply()), so
 * that the row has another version.  From there on capture keeps them.  A row
 * that is inserted bears the number at once.
 *
 * Locks.  What has to wait for writers and readers is taken gently
 * (locks_take_gently()).  The session holds SHARE UPDATE EXCLUSIVE on the base
 * table from begin to end, so that no other definition comes between.  If the
 * session is killed, the lock goes; then other definitions are refused until
 * the build is repeated, which goes on with it, or abandoned (build_refuse()).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/resowner.h"

#include "base/base.h"
#include "flow/build.h"
#include "flow/definer.h"
#include "flow/flow_private.h"
#include "profile/profile.h"
#include "trait/trait.h"

SEGMENT_FUNCTION(segment_create_traits_concurrently);
SEGMENT_FUNCTION(segment_create_traits_concurrently_text);
SEGMENT_FUNCTION(segment_abandon_build);

static void check_no_block(FunctionCallInfo fcinfo, const char *command,
						   const char *function);
static char *request_of(List *wishes);
static void build_begin(Build *build, List *wishes);
static bool goes_on(Build *build, const Population *population);
static void begin_filling(Build *build, Definer *definer, List *wishes,
						  List *missing);
static List *missing_of(const Population *population, List *wishes);
static void rehearse(Definer *definer, List *wishes);
static void build_complete(Build *build, List *wishes);

/*
 * CALL create_traits_concurrently(traits json, population)
 */
Datum
segment_create_traits_concurrently(PG_FUNCTION_ARGS)
{
	Build		build = {.command = "create_traits_concurrently"};
	List	   *wishes;

	check_no_block(fcinfo, build.command, "create_traits");
	SPI_connect_ext(SPI_OPT_NONATOMIC);
	wishes = traits_of_json(fcinfo, 0);
	build.population = pstrdup(population_argument(fcinfo, 1)->name);
	build.request = request_of(wishes);
	build_begin(&build, wishes);
	if (build.number > 0)
		build_fill(&build);
	build_complete(&build, wishes);
	SPI_finish();
	PG_RETURN_VOID();
}

/* The same with a text as its first argument. */
Datum
segment_create_traits_concurrently_text(PG_FUNCTION_ARGS)
{
	return call_with_text(fcinfo, 0, JSONOID,
						  segment_create_traits_concurrently);
}

/*
 * abandon_build(population) -> was there an unfinished build?  What it has
 * made goes.
 */
Datum
segment_abandon_build(PG_FUNCTION_ARGS)
{
	Definer    *definer = definer_begin_build(population_argument(fcinfo, 0),
											  "abandon_build");
	char	   *request;
	int32		number;
	bool		unfinished = build_find(population_of(definer), &request,
										&number);

	if (unfinished)
	{
		definer_lock(definer, &(Affected) {.view = true, .columns = true});
		trait_abandon(population_of(definer));
		build_drop_staging(population_of(definer));
		build_note_phase(population_of(definer), BUILD_ABANDONED, 0);
	}
	definer_end(definer);
	PG_RETURN_BOOL(unfinished);
}

/* check_no_block() refuses a CALL that could not commit. */
static void
check_no_block(FunctionCallInfo fcinfo, const char *command,
			   const char *function)
{
	Node	   *context = fcinfo->context;

	if (context == NULL || !IsA(context, CallContext) ||
		castNode(CallContext, context)->atomic)
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("segment.%s() cannot run inside a transaction block",
						command),
				 errhint("In a transaction use segment.%s().", function)));
}

/* request_of() describes what a build is called for: "n" as count(orders). */
static char *
request_of(List *wishes)
{
	StringInfoData request;
	ListCell   *lc;

	initStringInfo(&request);
	foreach(lc, wishes)
	{
		const TraitWish *wish = lfirst(lc);

		appendStringInfo(&request, "%strait \"%s\" as %s",
						 request.len > 0 ? ", " : "", wish->name,
						 filter_print(wish->definition.tree));
	}
	return request.data;
}

/*
 * build_begin() begins a build, or goes on with one that was begun for the
 * same request.
 */
static void
build_begin(Build *build, List *wishes)
{
	Definer    *definer =
		definer_begin_build(population_by_name(build->population),
							build->command);
	const Population *population = population_of(definer);

	build->base = (LockRelId) {population->oid, MyDatabaseId};
	LockRelationIdForSession(&build->base, ShareUpdateExclusiveLock);
	if (!goes_on(build, population))
	{
		List	   *missing = missing_of(population, wishes);

		if (missing != NIL)
			begin_filling(build, definer, wishes, missing);
		else
			build->number = 0;
	}
	definer_end(definer);
	build_commit();
}

/*
 * goes_on() says whether the population has an unfinished build for the same
 * request; an error if it has another one.
 */
static bool
goes_on(Build *build, const Population *population)
{
	char	   *request;

	if (!build_find(population, &request, &build->number))
		return false;
	if (strcmp(request, build->request) != 0)
		build_refuse(population);
	return true;
}

/* missing_of() lists the stored definitions that are to be filled. */
static List *
missing_of(const Population *population, List *wishes)
{
	List	   *definitions = NIL;
	ListCell   *lc;

	foreach(lc, wishes)
	{
		TraitWish  *wish = lfirst(lc);

		trait_check(population, &wish->definition);
		definitions = lappend(definitions, &wish->definition);
	}
	return trait_store_missing(population, definitions);
}

/* begin_filling() adds the columns of what is missing, without values yet. */
static void
begin_filling(Build *build, Definer *definer, List *wishes, List *missing)
{
	definer_lock(definer, &(Affected) {.view = true, .columns = true});
	rehearse(definer, wishes);
	build->number++;
	population_begin_build(population_of(definer), build->number);
	trait_store_unfilled(population_of(definer), missing, build->number);
	build_note(build);
}

/*
 * rehearse() defines the traits, without values, and takes that back: what can
 * be wrong with them is said before their sources are read.
 */
static void
rehearse(Definer *definer, List *wishes)
{
	MemoryContext memory = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData  *volatile error = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(memory);
	PG_TRY();
	{
		ListCell   *lc;

		foreach(lc, wishes)
		{
			const TraitWish *wish = lfirst(lc);

			(void) trait_define(population_of(definer), wish->name,
								&wish->definition, wish->description, false);
		}
		refresh_view(definer);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(memory);
		error = CopyErrorData();
		FlushErrorState();
	}
	PG_END_TRY();
	RollbackAndReleaseCurrentSubTransaction();
	MemoryContextSwitchTo(memory);
	CurrentResourceOwner = owner;
	if (error != NULL)
		ReThrowError(error);
}

/* build_complete() defines the traits, now that their values are there. */
static void
build_complete(Build *build, List *wishes)
{
	Definer    *definer =
		definer_begin_build(population_by_name(build->population),
							build->command);

	if (build->number > 0)
		trait_filled(population_of(definer));
	traits_define(definer, wishes, false);
	if (build->number > 0)
	{
		build_drop_staging(population_of(definer));
		build_note_phase(population_of(definer), BUILD_DONE, 0);
	}
	definer_end(definer);
	build_commit();
	UnlockRelationIdForSession(&build->base, ShareUpdateExclusiveLock);
}
