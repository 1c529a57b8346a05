/*-------------------------------------------------------------------------
 *
 * define.c
 *	  Add, replace and forget traits, and the columns that they need.
 *
 *		trait_define('average_order', 'avg(orders.amount)')
 *
 * stores the canonical text in segment.trait, adds to the base table what is
 * not stored yet,
 *
 *		s4	sum(orders.amount)		s5	count(orders.amount)
 *
 * and returns {s4, s5} for the corridor to fill.  The filter of an audience gets
 * what it needs in the same way, by trait_store().  A stored trait goes with the
 * last definition or filter that needs it.
 *
 * The corridor has locked the sources against writers, and the base table.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"
#include "utils/syscache.h"

#include "base/base.h"
#include "trait/trait_private.h"

static void in_definition_of(void *arg);
static void check_name(const Population *population, const char *name);
static void check_cycle(const Population *population, const char *name,
						const FilterNode *definition);
static void check_binds(const Population *population, const char *name,
						const FilterNode *definition, const char *text);
static List *needed_by_all(const Population *population, List *filters);
static bool among(List *definitions, const FilterNode *definition);
static void lock_sources(const Population *population, List *names);
static List *add_name(List *names, char *name);
static char *stored_add(const Population *population,
						const FilterNode *definition, const char *text);
static void stored_drop(const Population *population, const StoredTrait *stored);
static char *collation_name(Oid collation);
static char *stored_new_name(const Population *population);

List *
trait_define(const Population *population, const char *name,
			 const char *definition, const char *description, bool replace)
{
	FilterNode *node = filter_parse_definition(definition, NULL);
	List	   *added;

	if (!replace)
		check_name(population, name);
	check_cycle(population, name, node);
	trait_check(population, node, definition);
	added = trait_store(population, node, definition);
	check_binds(population, name, node, definition);

	if (replace)
		catalog_execute("UPDATE segment.trait SET definition = $3,"
						" description = coalesce($4, description)"
						" WHERE population = $1 AND trait = $2",
						4, (Oid[]) {NAMEOID, NAMEOID, TEXTOID, TEXTOID},
						(Datum[]) {name_datum(population->name),
								   name_datum(name),
								   CStringGetTextDatum(filter_print(node)),
								   description ? CStringGetTextDatum(description) : (Datum) 0},
						(bool[]) {false, false, false, description == NULL});
	else
		catalog_execute("INSERT INTO segment.trait"
						" (population, trait, position, definition, description)"
						" SELECT $1, $2, coalesce(max(position), 0) + 1, $3, $4"
						" FROM segment.trait WHERE population = $1",
						4, (Oid[]) {NAMEOID, NAMEOID, TEXTOID, TEXTOID},
						(Datum[]) {name_datum(population->name),
								   name_datum(name),
								   CStringGetTextDatum(filter_print(node)),
								   description ? CStringGetTextDatum(description) : (Datum) 0},
						(bool[]) {false, false, false, description == NULL});
	CommandCounterIncrement();
	population_changed(population);
	return added;
}

void
trait_forget(const Population *population, const char *name)
{
	catalog_execute("DELETE FROM segment.trait WHERE population = $1 AND trait = $2",
					2, (Oid[]) {NAMEOID, NAMEOID},
					(Datum[]) {name_datum(population->name),
							   name_datum(name)},
					NULL);
	CommandCounterIncrement();
	population_changed(population);
}

void
trait_refresh(const Population *population, List *filters, const char *home)
{
	ListCell   *lc;

	CommandCounterIncrement();
	foreach(lc, trait_list(population))
	{
		const Trait *trait = lfirst(lc);

		ErrorContextCallback callback = {
			.previous = error_context_stack,
			.callback = in_definition_of,
			.arg = trait->name,
		};

		/* which of them is it that no longer binds? */
		error_context_stack = &callback;
		check_binds(population, trait->name, trait->definition, NULL);
		error_context_stack = callback.previous;
	}

	view_refresh(population, home);
	trait_drop_unneeded(population, filters);
	CommandCounterIncrement();
	population_changed(population);
}

/* ---- stored traits ---- */

void
trait_check(const Population *population, const FilterNode *definition,
			const char *text)
{
	ListCell   *lc;

	filter_check_functions(definition, text);
	foreach(lc, stored_needed(population, definition, text))
	{
		const FilterNode *needed = lfirst(lc);
		const Source *source = stored_source(population, needed, text);
		BoundTrait	bound;

		/* before anybody locks the source to read it */
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
		if (stored_by_text(population, filter_print(lfirst(lc))) == NULL)
			names = add_name(names, stored_source(population, lfirst(lc), NULL)->name);
	foreach(lc, stored_list(population))
	{
		const StoredTrait *stored = lfirst(lc);

		if (!among(needed, stored->definition))
			names = add_name(names, stored->source);
	}
	return names;
}

/*
 * Lock sources against writers, as far as their tables are there: most often
 * they are locked already.
 */
static void
lock_sources(const Population *population, List *names)
{
	ListCell   *lc;
	ListCell   *name;

	/* in one order, whatever that of the names */
	foreach(lc, source_names(population))
	{
		const Source *source = source_by_name(population, lfirst(lc));

		foreach(name, names)
			if (strcmp(lfirst(name), source->name) == 0 &&
				source->missing == NULL)
				LockRelationOid(source->relid, ShareRowExclusiveLock);
	}
}

List *
trait_sources_missing(const Population *population, const FilterNode *definition,
					  const char *text)
{
	List	   *sources = NIL;
	ListCell   *lc;

	foreach(lc, stored_needed(population, definition, text))
	{
		const Source *source;

		if (stored_by_text(population, filter_print(lfirst(lc))) != NULL)
			continue;
		source = stored_source(population, lfirst(lc), text);
		source_check(source);
		sources = add_name(sources, source->name);
	}
	return sources;
}

List *
trait_store(const Population *population, const FilterNode *definition,
			const char *text)
{
	List	   *needed = stored_needed(population, definition, text);
	List	   *added = NIL;
	ListCell   *lc;

	/* no writer is on its way between the backfill and the new program */
	lock_sources(population, trait_sources_missing(population, definition, text));

	foreach(lc, needed)
		if (stored_by_text(population, filter_print(lfirst(lc))) == NULL)
			added = lappend(added, stored_add(population, lfirst(lc), text));
	return added;
}

void
trait_drop_unneeded(const Population *population, List *filters)
{
	List	   *needed = needed_by_all(population, filters);
	List	   *unneeded = NIL;
	List	   *sources = NIL;
	ListCell   *lc;

	foreach(lc, stored_list(population))
	{
		StoredTrait *stored = lfirst(lc);

		if (among(needed, stored->definition))
			continue;
		unneeded = lappend(unneeded, stored);
		sources = add_name(sources, stored->source);
	}
	if (unneeded == NIL)
		return;

	/* no writer is on its way with what it would put there */
	lock_sources(population, sources);
	foreach(lc, unneeded)
		stored_drop(population, lfirst(lc));
	CommandCounterIncrement();
	population_changed(population);
}

/* What the named traits and these filters come down to (FilterNode *). */
static List *
needed_by_all(const Population *population, List *filters)
{
	List	   *needed = NIL;
	ListCell   *lc;

	foreach(lc, trait_list(population))
		needed = list_concat(needed,
							 stored_needed(population,
										   ((Trait *) lfirst(lc))->definition, NULL));
	foreach(lc, filters)
		needed = list_concat(needed, stored_needed(population, lfirst(lc), NULL));
	return needed;
}

static bool
among(List *definitions, const FilterNode *definition)
{
	ListCell   *lc;

	foreach(lc, definitions)
		if (filter_equal(lfirst(lc), definition))
			return true;
	return false;
}

/* Each once. */
static List *
add_name(List *names, char *name)
{
	ListCell   *lc;

	foreach(lc, names)
		if (strcmp(lfirst(lc), name) == 0)
			return names;
	return lappend(names, name);
}

static void
in_definition_of(void *arg)
{
	errcontext("definition of trait \"%s\"", (char *) arg);
}

static void
check_name(const Population *population, const char *name)
{
	if (name[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("a trait needs a name")));
	if (strcmp(name, population->key) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("trait \"%s\" would hide the key of population \"%s\"",
						name, population->name)));
	if (trait_by_name(population, name) != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("trait \"%s\" already exists in population \"%s\"",
						name, population->name),
				 errhint("Change it with segment.alter_trait().")));
}

/*
 * A definition may not come back to its own name.  A new trait could at most
 * mention itself; a replaced one could close a longer circle.
 */
static void
check_cycle(const Population *population, const char *name,
			const FilterNode *definition)
{
	ListCell   *lc;

	check_stack_depth();
	foreach(lc, trait_names_used(population, definition))
	{
		const char *used = lfirst(lc);
		const Trait *trait = trait_by_name(population, used);

		if (strcmp(used, name) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
					 errmsg("trait \"%s\" would be defined by itself", name),
					 errdetail("The definition %s leads back to it.",
							   filter_print(definition))));
		if (trait != NULL && strcmp(used, name) != 0)
			check_cycle(population, name, trait->definition);
	}
}

/* The definition has a value, of a type that a view may show. */
static void
check_binds(const Population *population, const char *name,
			const FilterNode *definition, const char *text)
{
	FilterScope *row = filter_column_scope(population->base, 1);
	Expr	   *value = filter_compile_operand(definition,
											   definition_scope(population, row, text));
	Oid			type = exprType((Node *) value);

	if (get_typtype(type) == TYPTYPE_PSEUDO && type != UNKNOWNOID)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("trait \"%s\" would be of type %s", name,
						format_type_be(type))));
}

/*
 * Add the columns of a stored trait to the base table.  Its source is locked.
 * Returns its name.
 */
static char *
stored_add(const Population *population, const FilterNode *definition,
		   const char *text)
{
	const Source *source = stored_source(population, definition, text);
	char	   *canonical = filter_print(definition);
	char	   *name;
	BoundTrait	bound;
	StringInfoData sql;

	stored_bind(source, definition, text, &bound);
	name = stored_new_name(population);

	LockRelationOid(population->base, AccessExclusiveLock);
	initStringInfo(&sql);
	appendStringInfo(&sql, "ALTER TABLE %s", population_base_name(population));
	for (int c = 0; c < bound.ncolumns; c++)
	{
		const AggregateColumn *column = &bound.columns[c];

		appendStringInfo(&sql, "%s ADD COLUMN %s %s", c > 0 ? "," : "",
						 quote_identifier(stored_column(name, column)),
						 format_type_extended(column->type, column->typmod,
											  FORMAT_TYPE_TYPEMOD_GIVEN |
											  FORMAT_TYPE_FORCE_QUALIFY));
		if (OidIsValid(column->collation) &&
			column->collation != get_typcollation(column->type))
			appendStringInfo(&sql, " COLLATE %s",
							 collation_name(column->collation));
		if (column->initial != NULL)
			appendStringInfo(&sql, " DEFAULT %s", column->initial);
	}
	population_execute(population, sql.data);
	for (int c = 0; c < bound.ncolumns; c++)
		population_execute(population,
						   psprintf("COMMENT ON COLUMN %s.%s IS %s",
									population_base_name(population),
									quote_identifier(stored_column(name, &bound.columns[c])),
									quote_literal_cstr(canonical)));

	catalog_execute("INSERT INTO segment.stored_trait"
					" (population, stored, source, definition, value_type)"
					" VALUES ($1, $2, $3, $4, $5)",
					5, (Oid[]) {NAMEOID, NAMEOID, NAMEOID, TEXTOID, REGTYPEOID},
					(Datum[]) {name_datum(population->name),
							   name_datum(name),
							   name_datum(source->name),
							   CStringGetTextDatum(canonical),
							   ObjectIdGetDatum(bound.input.type)},
					(bool[]) {false, false, false, false, !OidIsValid(bound.input.type)});
	CommandCounterIncrement();
	population_changed(population);
	return name;
}

/*
 * The collation's name, quoted and with its schema: it is read under a
 * search_path that is not the user's.
 */
static char *
collation_name(Oid collation)
{
	HeapTuple	row;
	Form_pg_collation form;
	char	   *name;

	row = SearchSysCache1(COLLOID, ObjectIdGetDatum(collation));
	if (!HeapTupleIsValid(row))
		elog(ERROR, "cache lookup failed for collation %u", collation);
	form = (Form_pg_collation) GETSTRUCT(row);
	name = quote_qualified_identifier(get_namespace_name(form->collnamespace),
									  NameStr(form->collname));
	ReleaseSysCache(row);
	return name;
}

static void
stored_drop(const Population *population, const StoredTrait *stored)
{
	BoundTrait	bound;

	stored_describe(stored, &bound);
	for (int c = 0; c < bound.ncolumns; c++)
		population_execute(population,
						   psprintf("ALTER TABLE %s DROP COLUMN %s",
									population_base_name(population),
									quote_identifier(stored_column(stored->name, &bound.columns[c]))));
	catalog_execute("DELETE FROM segment.stored_trait WHERE population = $1 AND stored = $2",
					2, (Oid[]) {NAMEOID, NAMEOID},
					(Datum[]) {name_datum(population->name),
							   name_datum(stored->name)},
					NULL);
}

/*
 * s and a number that no column has.  Attribute numbers are not reused, so
 * counting from them avoids the names of dropped columns too.
 */
static char *
stored_new_name(const Population *population)
{
	Relation	base = relation_open(population->base, NoLock);
	int			number = RelationGetNumberOfAttributes(base) + 1;
	char	   *name;

	relation_close(base, NoLock);
	do
		name = psprintf("s%d", number++);
	while (population_column(population, name) != InvalidAttrNumber);
	return name;
}
