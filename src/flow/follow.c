/*-------------------------------------------------------------------------
 *
 * follow.c
 *	  Something that definitions mention has got another name.
 *
 *		ALTER TABLE orders RENAME amount TO total
 *
 *		source		key, time, filter, links	the columns that they name
 *		trait		sum(orders.amount)			sum(orders.total)
 *		audience	count(orders where amount > 9)	... where total > 9
 *
 * It is called so already, and nothing binds until we are done; but names can
 * be told by themselves (source/mentions.c).  Texts change and nothing else:
 * no value, no member.  A source that bears the name of its table follows it,
 * too, as the tables of a view do: orders.total becomes sales.total.
 *
 * Locks.  Whoever renames holds the table, against all others.  We hold the
 * population against those who define, and no more; mostly since before the
 * table was locked (guard/ahead.c).  One that is built for long is refused to
 * be disturbed.
 *
 * Rights.  The owner of the table need not be that of the population.  Only
 * the names that he has changed change, as in a view over the table.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/xact.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "audience/audience.h"
#include "base/base.h"
#include "flow/definer.h"
#include "flow/flow.h"
#include "flow/flow_private.h"
#include "flow/readers.h"
#include "profile/profile.h"
#include "source/source.h"
#include "trait/trait.h"

static void follow_column(const Population *population, Oid relid,
						  const char *old, const char *new);
static bool column_of_enum(Oid relid, Oid type);
static void follow_label(const Population *population,
						 const FilterLabel *label);
static bool is_made_of(const Population *population, Oid relid);
static bool has_other_name(const Population *population, Oid relid);
static bool is_free(const Population *population, const char *name,
					char **reason);
static bool column_is_used(const Population *population,
						   const SourceColumn *column);

List *
flow_readers(Oid relid, const char *column)
{
	List	   *names = NIL;
	ListCell   *lc;

	foreach(lc, source_populations(relid))
	{
		const Population *population = population_find(lfirst(lc));
		SourceColumn read;

		if (population == NULL)
			continue;
		if (column != NULL)
			read = source_column(population, relid, column, NULL);
		if (column == NULL ? is_made_of(population, relid) :
			column_is_used(population, &read))
			names = lappend(names, lfirst(lc));
	}
	return names;
}

void
flow_follow_column(Oid relid, const char *old, const char *new)
{
	ListCell   *lc;

	foreach(lc, source_populations(relid))
	{
		const Population *population = population_find(lfirst(lc));
		SourceColumn column;

		if (population == NULL)
			continue;
		column = source_column(population, relid, old, new);
		if (!column_is_used(population, &column))
			continue;
		population = hold_definitions(population);
		if (population != NULL)
			follow_column(population, relid, old, new);
	}
}

/* column_is_used() says whether anything of a population reads a column. */
static bool
column_is_used(const Population *population, const SourceColumn *column)
{
	ListCell   *lc;

	if (column->sources == NIL)
		return false;
	foreach(lc, column->sources)
		if (source_needs_column(lfirst(lc), column) != NULL)
			return true;
	return trait_users_of_column(population, column) != NIL ||
		audience_users_of_column(population, column) != NIL ||
		readers_names(population, &(ReadThing) {.column = column}) != NIL;
}

/* follow_column() rewrites what mentions a column. */
static void
follow_column(const Population *population, Oid relid, const char *old,
			  const char *new)
{
	SourceColumn column = source_column(population, relid, old, new);

	trait_rewrite(population, definition_rename_column, &column);
	audience_rewrite(population, definition_rename_column, &column);
	readers_rewrite(population, definition_rename_column,
					definition_rename_column, &column);
	source_rename_column(population, &column);
	CommandCounterIncrement();
}

void
flow_follow_label(Oid type, const char *old, const char *new)
{
	FilterLabel label = {type, old, new, NIL};
	List	   *names = NIL;
	ListCell   *lc;

	foreach(lc, source_tables_attached())
	{
		ListCell   *name;

		if (column_of_enum(lfirst_oid(lc), type))
			foreach(name, source_populations(lfirst_oid(lc)))
				names = names_add(names, lfirst(name));
	}
	/* all who lock several populations lock them in this order */
	list_sort(names, compare_names);
	foreach(lc, names)
	{
		const Population *population = population_find(lfirst(lc));

		if (population != NULL)
			population = hold_definitions(population);
		if (population != NULL)
			follow_label(population, &label);
	}
}

/* column_of_enum() says whether a table has columns of an enum. */
static bool
column_of_enum(Oid relid, Oid type)
{
	Relation	relation = try_relation_open(relid, AccessShareLock);
	TupleDesc	desc;
	bool		found = false;

	if (relation == NULL)
		return false;
	desc = RelationGetDescr(relation);
	for (int i = 0; i < desc->natts; i++)
	{
		Oid			base = getBaseType(TupleDescAttr(desc, i)->atttypid);
		Oid			element = get_element_type(base);

		found |= !TupleDescAttr(desc, i)->attisdropped &&
			(base == type ||
			 (OidIsValid(element) && getBaseType(element) == type));
	}
	relation_close(relation, AccessShareLock);
	return found;
}

/*
 * follow_label() rewrites what mentions a label.  First what is made of what
 * is stored, which is looked up by its definition.
 */
static void
follow_label(const Population *population, const FilterLabel *label)
{
	ListCell   *lc;

	readers_rewrite(population, definition_relabel, audience_relabel, label);
	audience_rewrite(population, audience_relabel, label);
	trait_rewrite(population, definition_relabel, label);
	source_relabel(population, label);
	CommandCounterIncrement();

	/* a key of an enum is its label */
	foreach(lc, source_names(population))
	{
		const Source *source = source_by_name(population, lfirst(lc));

		if (source != NULL && source->missing == NULL &&
			source->key_form == KEY_OF_LABEL &&
			getBaseType(source->key_type) == label->type)
		{
			Oid			relid = source_relid(source, source->key_link);

			flow_reread(relid, list_make1(pstrdup(source->key)), true,
						psprintf("rename label %s", label->old));
			break;
		}
	}
}

void
flow_follow_table(Oid relid)
{
	ListCell   *lc;

	foreach(lc, source_populations(relid))
	{
		const Population *population = population_find(lfirst(lc));

		if (population == NULL || !has_other_name(population, relid))
			continue;
		population = hold_definitions(population);
		if (population != NULL)
			follow_table(population, relid);
	}
}

/* is_made_of() says whether a source of a population is made of a table. */
static bool
is_made_of(const Population *population, Oid relid)
{
	ListCell   *lc;

	foreach(lc, source_names(population))
	{
		const Source *source = source_by_name(population, lfirst(lc));

		if (source != NULL && source->relid == relid)
			return true;
	}
	return false;
}

/* has_other_name() says whether a source knows the table by another name. */
static bool
has_other_name(const Population *population, Oid relid)
{
	const char *name = get_rel_name(relid);
	ListCell   *lc;

	foreach(lc, source_names(population))
	{
		const Source *source = source_by_name(population, lfirst(lc));

		if (source != NULL && source->relid == relid && name != NULL &&
			strcmp(source->table_name, name) != 0)
			return true;
	}
	return false;
}

void
follow_table(const Population *population, Oid relid)
{
	const char *name = get_rel_name(relid);
	ListCell   *lc;

	foreach(lc, source_names(population))
	{
		const Source *source = source_by_name(population, lfirst(lc));
		bool		follows;
		char	   *given;

		if (source == NULL || source->relid != relid ||
			strcmp(source->table_name, name) == 0)
			continue;
		follows = strcmp(source->name, source->table_name) == 0;
		given = source->given != NULL ? source->given : source->name;
		if (!follows || !take_name(source, name))
			source_note_table(source, source->given);
		else
			source_note_table(source_by_name(population, name),
							  strcmp(given, name) == 0 ? NULL : given);
	}
}

bool
take_name(const Source *source, const char *name)
{
	const Population *population = source->population;
	NameChange	change = {source->name, name};
	char	   *reason;

	if (!is_free(population, name, &reason))
	{
		ereport(NOTICE,
				(errmsg("source \"%s\" of population \"%s\" keeps its name",
						source->name, population->name),
				 errdetail("It reads table %s, but %s.",
						   relation_name(source->relid), reason)));
		return false;
	}
	source_rename(source, name);
	trait_rename_source(population, change.old, name);
	audience_rewrite(population, definition_rename_source, &change);
	readers_rewrite(population, definition_rename_source,
					definition_rename_source, &change);
	CommandCounterIncrement();
	ereport(NOTICE,
			(errmsg("source \"%s\" of population \"%s\" is called \"%s\" now, as its table",
					change.old, population->name, name)));
	return true;
}

/*
 * is_free() says whether a source may be called so; if not, *reason says why.
 */
static bool
is_free(const Population *population, const char *name, char **reason)
{
	ListCell   *lc;

	*reason = psprintf("there is a source \"%s\" already", name);
	if (source_by_name(population, name) != NULL)
		return false;
	*reason = psprintf("definitions mention keys of trait \"%s\"", name);
	foreach(lc, trait_list(population))
		if (definition_has_keys_of(((Trait *) lfirst(lc))->definition, name))
			return false;
	foreach(lc, audience_list(population))
		if (definition_has_keys_of(audience_filter(lfirst(lc)), name))
			return false;
	return true;
}
