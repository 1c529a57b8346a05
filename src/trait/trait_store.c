/*-------------------------------------------------------------------------
 *
 * trait_store.c
 *	  Which columns does a definition need, and which are not needed any
 *	  more?
 *
 *		average_order	avg(orders.amount)
 *
 *		added to the base table, unless others need them already:
 *			s4	sum(orders.amount)		s5	count(orders.amount)
 *
 * trait_store() returns {s4, s5}, for the flow to fill them.  The filter of an
 * audience gets what it needs in the same way.  A stored trait goes with the
 * last definition or filter that needs it.  Where several share a series, its
 * window is as long as they need: see stored_share.c.
 *
 * The flow has locked the sources against writers, and the base table.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"

#include "base/base.h"
#include "trait/trait_private.h"

static bool is_stored(const Population *population,
					  const FilterNode *definition, const char *text);
static bool still_fits(const Population *population,
					   const StoredTrait *stored,
					   const FilterNode *definition, const char *text);
static FilterNode *over_stored(const Population *population,
							   const FilterNode *definition);
static void stored_redefine(const Population *population,
							const StoredTrait *stored,
							const FilterNode *definition);
static FilterNode *shorter(const Population *population,
						   const StoredTrait *stored, List *needed);
static void lock_sources(const Population *population, List *names);
static List *stored_add(const Population *population, List *definitions,
						const char *text, int32 build);
static void describe_columns(ProfileThing *thing, const BoundTrait *trait);
static void stored_drop(const Population *population,
						const StoredTrait *stored);
static List *needed_by_all(const Population *population, List *filters);
static ListCell *among(List *definitions, const FilterNode *definition);

void
trait_check(const Population *population, const FilterSource *definition)
{
	const char *text = definition->text;
	ListCell   *lc;

	filter_check_functions(definition->tree, text);
	foreach(lc, stored_needed(population, definition->tree, text))
	{
		const FilterNode *needed = lfirst(lc);
		const Source *source = stored_source(population, needed, text);
		BoundTrait	bound;

		/* checked before the source is locked to be read */
		source_check_readable(source);
		stored_bind(source, needed, text, &bound);
	}
}

List *
trait_sources_changing(const Population *population, List *filters)
{
	List	   *needed = needed_by_all(population, filters);
	List	   *names = NIL;
	ListCell   *lc;

	foreach(lc, needed)
	{
		const FilterNode *one = lfirst(lc);

		if (stored_covering(population, one) == NULL)
			names = names_add(names,
							 stored_source(population, one, NULL)->name);
	}
	foreach(lc, stored_list(population))
	{
		const StoredTrait *stored = lfirst(lc);

		if (stored->build != 0)
			continue;
		if (among(needed, stored->definition) == NULL ||
			shorter(population, stored, needed) != NULL)
			names = names_add(names, stored->source);
	}
	return names;
}

List *
trait_sources_missing(const Population *population,
					  const FilterSource *definition)
{
	const char *text = definition->text;
	List	   *sources = NIL;
	ListCell   *lc;

	foreach(lc, stored_needed(population, definition->tree, text))
	{
		const Source *source;

		if (is_stored(population, lfirst(lc), text))
			continue;
		source = stored_source(population, lfirst(lc), text);
		source_check(source);
		sources = names_add(sources, source->name);
	}
	return sources;
}

FilterSource
trait_count_of(const Source *source)
{
	return filter_source_parse_definition(psprintf("count(%s)",
												   filter_name(source->name)));
}

List *
trait_store(const Population *population, const FilterSource *definition)
{
	const char *text = definition->text;
	List	   *needed = stored_needed(population, definition->tree, text);
	List	   *missing = NIL;
	List	   *wider = NIL;	/* names (char *) */
	ListCell   *lc;

	/* no writer may be between the backfill and the new program */
	lock_sources(population, trait_sources_missing(population, definition));

	foreach(lc, needed)
	{
		FilterNode *one = lfirst(lc);
		const StoredTrait *old = stored_for(population, one);
		ListCell   *same = among(missing, one);

		if (same != NULL)
			lfirst(same) = definition_over(population, lfirst(same), one);
		else if (is_stored(population, one, text))
			continue;
		else if (old != NULL && still_fits(population, old, one, text))
		{
			stored_redefine(population, old, over_stored(population, one));
			wider = names_add(wider, pstrdup(old->name));
		}
		else
		{
			missing = lappend(missing, over_stored(population, one));
			if (old != NULL)
				stored_drop(population, old);
		}
	}
	return missing == NIL ? wider :
		list_concat(wider, stored_add(population, missing, text, 0));
}

List *
trait_store_missing(const Population *population, List *definitions)
{
	List	   *missing = NIL;
	ListCell   *lc;
	ListCell   *needed;

	foreach(lc, definitions)
	{
		const FilterSource *definition = lfirst(lc);
		const char *text = definition->text;

		foreach(needed, stored_needed(population, definition->tree, text))
		{
			FilterNode *one = lfirst(needed);
			const StoredTrait *old = stored_for(population, one);
			ListCell   *same = among(missing, one);

			if (same != NULL)
				lfirst(same) = definition_over(population, lfirst(same), one);
			else if (is_stored(population, one, text))
				continue;
			else if (old != NULL && !still_fits(population, old, one, text))
				ereport(ERROR,
						(errcode(ERRCODE_DATATYPE_MISMATCH),
						 errmsg("%s is stored with another type than its source has now",
								old->text),
						 errhint("First alter the traits and audiences that use it.")));
			else
				missing = lappend(missing, one);
		}
	}
	return missing;
}

void
trait_store_unfilled(const Population *population, List *missing, int32 build)
{
	(void) stored_add(population, missing, NULL, build);
}

List *
trait_unfilled(const Population *population)
{
	List	   *names = NIL;
	ListCell   *lc;

	foreach(lc, stored_list(population))
		if (((const StoredTrait *) lfirst(lc))->build != 0)
			names = lappend(names, ((const StoredTrait *) lfirst(lc))->name);
	return names;
}

void
trait_filled(const Population *population)
{
	catalog_execute("UPDATE segment.stored_trait SET build = NULL"
					" WHERE population = $1 AND build IS NOT NULL",
					1, (Oid[]) {NAMEOID},
					(Datum[]) {name_datum(population->name)}, NULL);
	CommandCounterIncrement();
	population_changed(population);
}

void
trait_abandon(const Population *population)
{
	ListCell   *lc;

	foreach(lc, stored_list(population))
		if (((const StoredTrait *) lfirst(lc))->build != 0)
			stored_drop(population, lfirst(lc));
	CommandCounterIncrement();
	population_changed(population);
}

/*
 * over_stored() makes of a definition one that covers also what is stored for
 * others.
 */
static FilterNode *
over_stored(const Population *population, const FilterNode *definition)
{
	const StoredTrait *old = stored_for(population, definition);
	FilterNode *own = unconstify(FilterNode *, definition);

	return old == NULL ? own :
		definition_over(population, old->definition, own);
}

bool
trait_store_changes(const Population *population, const FilterNode *definition)
{
	ListCell   *lc;

	foreach(lc, stored_needed(population, definition, NULL))
	{
		const StoredTrait *old = stored_for(population, lfirst(lc));

		if (old != NULL && !still_fits(population, old, lfirst(lc), NULL))
			return true;
	}
	return false;
}

bool
trait_store_widens(const Population *population, const FilterNode *definition)
{
	ListCell   *lc;

	foreach(lc, stored_needed(population, definition, NULL))
		if (stored_for(population, lfirst(lc)) != NULL &&
			stored_covering(population, lfirst(lc)) == NULL)
			return true;
	return false;
}

/* Is a stored definition stored, of the types that its source gives now? */
static bool
is_stored(const Population *population, const FilterNode *definition,
		  const char *text)
{
	const StoredTrait *stored = stored_covering(population, definition);

	return stored != NULL && still_fits(population, stored, definition, text);
}

/*
 * still_fits() says whether the stored trait that a definition shares is of
 * the types that its source gives now.
 */
static bool
still_fits(const Population *population, const StoredTrait *stored,
		   const FilterNode *definition, const char *text)
{
	BoundTrait	bound;

	stored_bind(stored_source(population, definition, text), definition, text,
				&bound);
	return stored_fits(population, stored, &bound);
}

void
trait_drop_unneeded(const Population *population, List *filters)
{
	List	   *needed = needed_by_all(population, filters);
	List	   *unneeded = NIL;
	List	   *too_long = NIL;
	List	   *sources = NIL;
	ListCell   *lc;

	foreach(lc, stored_list(population))
	{
		StoredTrait *stored = lfirst(lc);

		if (stored->build != 0)
			continue;
		if (among(needed, stored->definition) == NULL)
			unneeded = lappend(unneeded, stored);
		else if (shorter(population, stored, needed) != NULL)
			too_long = lappend(too_long, stored);
		else
			continue;
		sources = names_add(sources, stored->source);
	}
	if (sources == NIL)
		return;

	/* no writer may be about to write these columns, and no reader reads */
	lock_sources(population, sources);
	LockRelationOid(population->oid, AccessExclusiveLock);
	foreach(lc, unneeded)
		stored_drop(population, lfirst(lc));
	foreach(lc, too_long)
		stored_redefine(population, lfirst(lc),
						shorter(population, lfirst(lc), needed));
	CommandCounterIncrement();
	population_changed(population);
}

/*
 * shorter() makes the definition of a stored trait with the window that these
 * definitions (FilterNode *) need of it; NULL if that is no shorter.
 */
static FilterNode *
shorter(const Population *population, const StoredTrait *stored, List *needed)
{
	FilterNode *over = NULL;
	ListCell   *lc;

	foreach(lc, needed)
	{
		FilterNode *one = lfirst(lc);

		if (filter_equal(one, stored->definition))
			return NULL;
		if (stored_shares(stored->definition, one))
			over = over == NULL ? one : definition_over(population, over, one);
	}
	if (over == NULL ||
		definition_covers(population, over, stored->definition) ||
		!definition_covers(population, stored->definition, over))
		return NULL;
	return over;
}

/*
 * Lock sources against writers, if their tables are there.  Mostly they are
 * locked already.
 */
static void
lock_sources(const Population *population, List *names)
{
	ListCell   *lc;

	/* always in the order of all sources */
	foreach(lc, source_names(population))
	{
		const Source *source = source_by_name(population, lfirst(lc));

		if (source->missing == NULL && names_contain(names, source->name))
			source_lock(source, ShareRowExclusiveLock);
	}
}

/*
 * Add the columns of these definitions (FilterNode *) to the base table, to be
 * filled by a build if that is not 0; their sources are locked.  Returns the
 * names of the stored traits.
 */
static List *
stored_add(const Population *population, List *definitions, const char *text,
		   int32 build)
{
	int			count = list_length(definitions);
	BoundTrait *bound = palloc(sizeof(BoundTrait) * count);
	ProfileThing *things = palloc0(sizeof(ProfileThing) * count);
	List	   *names = NIL;
	ListCell   *lc;

	foreach(lc, definitions)
	{
		const FilterNode *definition = lfirst(lc);
		BoundTrait *trait = &bound[foreach_current_index(lc)];
		ProfileThing *thing = &things[foreach_current_index(lc)];

		stored_bind(stored_source(population, definition, text), definition,
					text, trait);
		describe_columns(thing, trait);
		thing->comment = filter_print(definition);
	}
	population_add_columns(population, things, count);

	foreach(lc, definitions)
	{
		const ProfileThing *thing = &things[foreach_current_index(lc)];
		Oid			type = bound[foreach_current_index(lc)].input.type;
		const Source *source = stored_source(population, lfirst(lc), text);

		catalog_execute("INSERT INTO segment.stored_trait"
						" (population, stored, source, definition, value_type,"
						" build) VALUES ($1, $2, $3, $4, $5, nullif($6, 0))",
						6, (Oid[]) {NAMEOID, NAMEOID, NAMEOID, TEXTOID,
									REGTYPEOID, INT4OID},
						(Datum[]) {name_datum(population->name),
								   name_datum(thing->name),
								   name_datum(source->name),
								   CStringGetTextDatum(thing->comment),
								   ObjectIdGetDatum(type),
								   Int32GetDatum(build)},
						(bool[]) {false, false, false, false,
								  !OidIsValid(type), false});
		names = lappend(names, thing->name);
	}
	CommandCounterIncrement();
	population_changed(population);
	return names;
}

/* Describe the columns of a stored trait for population_add_columns(). */
static void
describe_columns(ProfileThing *thing, const BoundTrait *trait)
{
	ProfileColumn *columns = palloc(sizeof(ProfileColumn) * trait->ncolumns);

	for (int c = 0; c < trait->ncolumns; c++)
		columns[c] = (ProfileColumn) {
			.suffix = trait->columns[c].suffix,
			.type = trait->columns[c].type,
			.collation = trait->columns[c].collation,
			.initial = trait->columns[c].initial,
		};
	thing->columns = columns;
	thing->ncolumns = trait->ncolumns;
}

/*
 * stored_redefine() gives a stored trait another definition, which its columns
 * fit.
 */
static void
stored_redefine(const Population *population, const StoredTrait *stored,
				const FilterNode *definition)
{
	stored_write_definition(population, stored->name,
							filter_print(definition));
	/* the caller goes on with the new definition */
	population_changed(population);
	CommandCounterIncrement();
}

void
stored_write_definition(const Population *population, const char *stored,
						const char *text)
{
	catalog_execute("UPDATE segment.stored_trait SET definition = $3"
					" WHERE population = $1 AND stored = $2",
					3, (Oid[]) {NAMEOID, NAMEOID, TEXTOID},
					(Datum[]) {name_datum(population->name),
							   name_datum(stored),
							   CStringGetTextDatum(text)},
					NULL);
	population_comment_columns(population, stored, text);
}

/* stored_drop() drops the columns of a stored trait, and forgets it. */
static void
stored_drop(const Population *population, const StoredTrait *stored)
{
	population_drop_columns(population, stored->name, stored->text);
	catalog_execute("DELETE FROM segment.stored_trait"
					" WHERE population = $1 AND stored = $2",
					2, (Oid[]) {NAMEOID, NAMEOID},
					(Datum[]) {name_datum(population->name),
							   name_datum(stored->name)},
					NULL);
}

/* The stored definitions that traits and these filters need (FilterNode *). */
static List *
needed_by_all(const Population *population, List *filters)
{
	List	   *needed = NIL;
	ListCell   *lc;

	foreach(lc, trait_list(population))
	{
		const Trait *trait = lfirst(lc);

		needed = list_concat(needed, stored_needed(population,
												   trait->definition, NULL));
	}
	foreach(lc, filters)
		needed = list_concat(needed,
							 stored_needed(population, lfirst(lc), NULL));
	foreach(lc, source_names(population))
	{
		const Source *source = source_by_name(population, lfirst(lc));

		if (source->nlinks > 0)
			needed = list_concat(needed,
								 stored_needed(population,
											   trait_count_of(source).tree,
											   NULL));
	}
	return needed;
}

/* The cell of the first of these that shares a definition; NULL: none does. */
static ListCell *
among(List *definitions, const FilterNode *definition)
{
	ListCell   *lc;

	foreach(lc, definitions)
		if (stored_shares(lfirst(lc), definition))
			return lc;
	return NULL;
}
