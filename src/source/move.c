/*-------------------------------------------------------------------------
 *
 * move.c
 *	  How does a source get to another table?
 *
 *		move_source('orders', 'orders_new')
 *
 *		eligible.c				may it be a source, by the same key and time?
 *		segment.source			orders_new, and segment.source_link of those
 *								that go through the source
 *		capture_triggers.c		those of the old table go, unless other
 *								sources need them, and the new one gets its own
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "commands/tablecmds.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "base/base.h"
#include "source/source_private.h"

static void check_new_table(const Source *source, Relation relation);
static void write_relation(const Source *source, Oid relid);
static List *going_through(const Source *source);
static void check_again(const Population *population, List *names);

void
source_move(const Source *source, Oid relid)
{
	const Population *population = source->population;
	char	   *name = pstrdup(source->name);
	List	   *names = lcons(name, going_through(source));
	List	   *tables = source_relations(source);
	bool		replicated = capture_triggers_by_row(population,
													 source->relid);
	Relation	relation = try_relation_open(relid, ShareRowExclusiveLock);
	ListCell   *lc;

	if (relation == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("the table to attach does not exist any more")));
	check_new_table(source, relation);
	write_relation(source, relid);
	CommandCounterIncrement();
	check_again(population, names);
	if (source_by_name(population, name)->key_link == 0)
		indexes_check(source_by_name(population, name), relation);
	relation_close(relation, NoLock);

	/* what nobody needs any more goes, and what is damaged is made anew */
	foreach(lc, tables)
		capture_triggers_drop(population, lfirst_oid(lc));
	foreach(lc, source_names(population))
	{
		const Source *other = source_by_name(population, lfirst(lc));
		ListCell   *table;

		foreach(table, source_relations(other))
			capture_triggers_create(population, lfirst_oid(table),
									replicated && lfirst_oid(table) == relid);
	}
	CommandCounterIncrement();
	population_changed(population);
}

/* check_new_table() refuses a table that cannot be this source. */
static void
check_new_table(const Source *source, Relation relation)
{
	const Population *population = source->population;

	eligible_relation(relation, false);
	source_check_rights(population, RelationGetRelid(relation));
	CheckTableNotInUse(relation, "attach");
	tree_check(RelationGetRelid(relation));
	if (source->key_link == 0)
		(void) eligible_key(population, relation, source->key);
	if (source->at != NULL && source->at_link == 0)
		(void) eligible_time(relation, source->at);
}

/* write_relation() writes the new table into rows that name the old one. */
static void
write_relation(const Source *source, Oid relid)
{
	ListCell   *lc;

	catalog_execute("UPDATE segment.source SET relation = $3, table_name = $4"
					" WHERE population = $1 AND source = $2",
					4, (Oid[]) {NAMEOID, NAMEOID, REGCLASSOID, NAMEOID},
					(Datum[]) {name_datum(source->population->name),
							   name_datum(source->name),
							   ObjectIdGetDatum(relid),
							   name_datum(get_rel_name(relid))},
					NULL);
	foreach(lc, going_through(source))
		catalog_execute("UPDATE segment.source_link SET relation = $4"
						" WHERE population = $1 AND source = $2"
						" AND relation = $3 AND NOT look_up",
						4, (Oid[]) {NAMEOID, NAMEOID, REGCLASSOID,
									REGCLASSOID},
						(Datum[]) {name_datum(source->population->name),
								   name_datum(lfirst(lc)),
								   ObjectIdGetDatum(source->relid),
								   ObjectIdGetDatum(relid)},
						NULL);
}

/*
 * going_through() names (char *) the sources that go through a source, and
 * those that go through these.
 */
static List *
going_through(const Source *source)
{
	List	   *names = list_make1(source->name);

	/* the list grows while we go along it */
	for (int i = 0; i < list_length(names); i++)
	{
		ListCell   *lc;

		foreach(lc, source_names(source->population))
		{
			const Source *other = source_by_name(source->population,
												 lfirst(lc));

			if (other->through != NULL &&
				strcmp(other->through, list_nth(names, i)) == 0)
				names = names_add(names, other->name);
		}
	}
	return list_delete_first(names);
}

/* check_again() raises an error if a source is not fit any more. */
static void
check_again(const Population *population, List *names)
{
	ListCell   *lc;

	foreach(lc, names)
	{
		const Source *source = source_by_name(population, lfirst(lc));

		if (source->missing != NULL)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_COLUMN),
					 errmsg("source \"%s\" could not be read from the new table",
							source->name),
					 errdetail("It would lack %s.", source->missing),
					 errhint("Give the table the columns and unique indexes that the old one has.")));
		(void) source_condition(source, NULL);
	}
}
