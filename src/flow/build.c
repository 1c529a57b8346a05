/*-------------------------------------------------------------------------
 *
 * build.c
 *	  Stored traits that are made beside readers and writers.
 *
 *		CALL segment.create_traits_concurrently('{"spent": "sum(orders.amount)"}');
 *
 * in the way of CREATE INDEX CONCURRENTLY, by many short transactions:
 *
 *		begin		columns are added, and capture knows of them: writers wait
 *					for a moment
 *		fill		build_fill.c: profiles get their values, in portions
 *		complete	build_traits.c: the traits are defined, and the view shows
 *					them: readers wait for a moment
 *		members		build_members.c: of audiences, or of the twins of those
 *					that are altered (build_alter.c)
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

static List *missing_of(const Population *population, const Build *build);
static void begin_filling(Build *build, Definer *definer, List *missing);
static void rehearse(Definer *definer, const Build *build);

void
build_check_no_block(FunctionCallInfo fcinfo, const char *command,
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

void
build_begin(Build *build)
{
	Definer    *definer =
		definer_begin_build(population_by_name(build->population),
							build->command);
	const Population *population = population_of(definer);
	ListCell   *lc;

	foreach(lc, build->definitions)
	{
		FilterSource *one = lfirst(lc);

		*one = trait_names_resolved(population, *one);
	}
	if (!build_goes_on(build, population))
	{
		List	   *missing = missing_of(population, build);

		if (missing != NIL)
			begin_filling(build, definer, missing);
		else if (build->alters)
			rehearse(definer, build);
	}
	build->fills = trait_unfilled(population_of(definer)) != NIL;
	definer_end(definer);
	build_commit();
	if (build->fills)
		build_fill(build);
}

void
build_end(const Build *build)
{
	build_commit();
	UnlockRelationIdForSession(unconstify(LockRelId *, &build->base),
							   ShareUpdateExclusiveLock);
}

bool
build_goes_on(Build *build, const Population *population)
{
	char	   *request;

	build->base = (LockRelId) {population->oid, MyDatabaseId};
	LockRelationIdForSession(&build->base, ShareUpdateExclusiveLock);
	if (!build_find(population, &request, &build->number))
		return false;
	if (strcmp(request, build->request) != 0)
		build_refuse(population);
	return true;
}

/* missing_of() lists the stored definitions that are to be filled. */
static List *
missing_of(const Population *population, const Build *build)
{
	ListCell   *lc;

	foreach(lc, build->definitions)
		trait_check(population, lfirst(lc));
	return trait_store_missing(population, build->definitions);
}

/* begin_filling() adds the columns of what is missing, without values yet. */
static void
begin_filling(Build *build, Definer *definer, List *missing)
{
	definer_lock(definer, &(Affected) {.view = true, .columns = true});
	rehearse(definer, build);
	build->number++;
	population_begin_build(population_of(definer), build->number);
	trait_store_unfilled(population_of(definer), missing, build->number);
	build_note(build, BUILD_READING);
}

/*
 * rehearse() defines all, without values, and takes that back: what can be
 * wrong is said before sources are read.
 */
static void
rehearse(Definer *definer, const Build *build)
{
	MemoryContext memory = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData  *volatile error = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(memory);
	PG_TRY();
	{
		build->rehearse(definer, build);
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
