/*-------------------------------------------------------------------------
 *
 * reread.c
 *	  The rows of a source are others now: what of the traits and audiences?
 *
 *		ALTER TABLE orders ALTER amount TYPE int USING amount * 100
 *		SELECT segment.move_source('orders', 'orders_new')
 *
 *		which definitions read them?	all of them must bind, or it is refused
 *		trait_store					what is of another type is stored anew
 *		reconcile.c					profiles that differ are written
 *		audience_refresh			filters are bound again
 *		members_decide				who enters and leaves: cause "edit"
 *
 * In the transaction of the statement, so that nobody sees the one without the
 * other.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "audience/audience.h"
#include "base/base.h"
#include "flow/definer.h"
#include "flow/flow.h"
#include "flow/flow_private.h"
#include "flow/readers.h"
#include "profile/profile.h"
#include "source/source.h"
#include "trait/trait.h"

/* A definition to be checked, for attempt(). */
typedef struct Checked
{
	const Population *population;
	FilterSource definition;
} Checked;

static bool find_readers(const Population *population, Oid relid,
						 List *columns, const char *what, Reread *readers);
static void while_following(void *what);
static bool store_changes(const Population *population,
						  const Reread *readers);
static void check_reader(const Population *population, const char *kind,
						 const char *name, const FilterNode *definition,
						 const char *what);
static void check_one(void *checked);
static void store_anew(Definer *definer, const Reread *readers);
static void store(Definer *definer, const FilterNode *definition);
static List *all_traits(const Population *population);

void
flow_reread(Oid relid, List *columns, bool changed, const char *what)
{
	ListCell   *lc;

	foreach(lc, source_populations(relid))
	{
		const Population *population = population_find(lfirst(lc));
		Reread		readers;
		Definer    *definer;

		if (population == NULL ||
			!find_readers(population, relid, columns, what, &readers))
			continue;
		reread_check(population, &readers, what);
		if (!changed && !store_changes(population, &readers))
			continue;
		definer = definer_begin_statement(lfirst(lc));
		if (definer == NULL)
			continue;
		(void) find_readers(population_of(definer), relid, columns, what,
							&readers);
		definer_lock(definer, &(Affected) {.view = true,.columns = true,
										   .members = true});
		reread_begun(definer, &readers, what);
		definer_end(definer);
	}
}

/*
 * find_readers() finds what reads some columns (char *) of a table; false if
 * nothing does that has to be read again.  An error if a room to the right
 * could not do it any more.
 */
static bool
find_readers(const Population *population, Oid relid, List *columns,
			 const char *what, Reread *readers)
{
	ListCell   *lc;
	ListCell   *one;

	memset(readers, 0, sizeof(Reread));
	foreach(lc, columns)
	{
		SourceColumn column = source_column(population, relid, lfirst(lc),
											NULL);

		foreach(one, column.sources)
		{
			const Source *source = lfirst(one);

			readers->sources = names_add(readers->sources, source->name);
			readers->rows |= source_needs_column(source, &column) != NULL;
		}
		foreach(one, trait_users_of_column(population, &column))
			readers->traits = names_add(readers->traits, lfirst(one));
		foreach(one, audience_users_of_column(population, &column))
			readers->audiences = names_add(readers->audiences, lfirst(one));
		readers_check(population, &(ReadThing) {.column = &column}, what);
	}
	/* one order, whatever that of the rows of our tables */
	list_sort(readers->sources, compare_names);
	return readers->rows || readers->traits != NIL ||
		readers->audiences != NIL;
}

void
reread_begun(Definer *definer, const Reread *readers, const char *what)
{
	List	   *audiences = all_audiences(population_of(definer));
	List	   *traits = trait_binding(population_of(definer),
									   all_traits(population_of(definer)));
	List	   *sound = audience_binding(population_of(definer), audiences);
	ErrorContextCallback callback = {
		.previous = error_context_stack,
		.callback = while_following,
		.arg = unconstify(char *, what),
	};
	ListCell   *lc;

	if (what != NULL)
		error_context_stack = &callback;
	lock_and_settle(definer, audiences);
	store_anew(definer, readers);
	foreach(lc, readers->sources)
		reconcile_source(source_by_name(population_of(definer), lfirst(lc)));
	if (readers->rows)
		reconcile_rows(population_of(definer));
	trait_must_bind(population_of(definer), traits);
	audience_compile_anew(population_of(definer));
	follow_change(definer, audiences, sound, true);
	backfill_remove_ended(population_of(definer));
	error_context_stack = callback.previous;
}

/* while_following() says for which statement; an error context callback. */
static void
while_following(void *what)
{
	errcontext("extension segment reading again what it needs to %s",
			   (const char *) what);
}

/* store_changes() says whether anything must be stored anew. */
static bool
store_changes(const Population *population, const Reread *readers)
{
	ListCell   *lc;

	if (readers->rows)
		return true;
	foreach(lc, readers->traits)
		if (trait_store_changes(population,
								trait_by_name(population,
											  lfirst(lc))->definition))
			return true;
	foreach(lc, readers->audiences)
		if (trait_store_changes(population,
								audience_filter_by_name(population,
														lfirst(lc))))
			return true;
	return false;
}

void
reread_check(const Population *population, const Reread *readers,
			  const char *what)
{
	ListCell   *lc;

	foreach(lc, readers->sources)
	{
		const Source *source = source_by_name(population, lfirst(lc));
		const ErrorData *unbound = source->missing != NULL ? NULL :
			source_condition_error(source);

		if (source->missing != NULL || unbound != NULL)
			ereport(ERROR,
					(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
					 errmsg("cannot %s because source \"%s\" of population \"%s\" could not be read any more",
							what, source->name, population->name),
					 errdetail("It fails: %s.", unbound != NULL ?
							   unbound->message : source_trouble(source)),
					 errhint("Detach the source first with segment.detach_source(%s, cascade => true).",
							 quote_literal_cstr(source->name))));
	}
	foreach(lc, readers->traits)
		check_reader(population, "trait", lfirst(lc),
					 trait_by_name(population, lfirst(lc))->definition, what);
	foreach(lc, readers->audiences)
		check_reader(population, "audience", lfirst(lc),
					 audience_filter_by_name(population, lfirst(lc)), what);
}

/* check_reader() raises that error for a trait or an audience. */
static void
check_reader(const Population *population, const char *kind, const char *name,
			 const FilterNode *definition, const char *what)
{
	Checked		checked = {population};
	ErrorData  *error;

	checked.definition =
		filter_source_parse_definition(filter_print(definition));
	error = attempt(check_one, &checked);
	if (error != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
				 errmsg("cannot %s because %s \"%s\" of population \"%s\" would not work any more",
						what, kind, name, population->name),
				 errdetail("Its definition %s fails: %s.",
						   checked.definition.text, error->message),
				 errhint("Alter or drop it first.")));
}

/* check_one() binds a definition to its sources.  An Attempt. */
static void
check_one(void *context)
{
	const Checked *checked = context;

	trait_check(checked->population, &checked->definition);
}

/* store_anew() adds what is of another type now; it is filled afterwards. */
static void
store_anew(Definer *definer, const Reread *readers)
{
	ListCell   *lc;

	foreach(lc, readers->traits)
		store(definer,
			  trait_by_name(population_of(definer), lfirst(lc))->definition);
	foreach(lc, readers->audiences)
		store(definer,
			  audience_filter_by_name(population_of(definer), lfirst(lc)));
}

static void
store(Definer *definer, const FilterNode *definition)
{
	FilterSource source =
		filter_source_parse_definition(filter_print(definition));

	(void) trait_store(population_of(definer), &source);
}

static List *
all_traits(const Population *population)
{
	List	   *names = NIL;
	ListCell   *lc;

	foreach(lc, trait_names(population))
		names = lappend(names, pstrdup(lfirst(lc)));
	return names;
}
