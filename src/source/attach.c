/*-------------------------------------------------------------------------
 *
 * attach.c
 *	  How does a table become a source, and stop being one?
 *
 *		SELECT segment.attach_source('orders', key => 'customer_id',
 *									 at => 'ordered_at');
 *
 *		eligible.c				may it?  Else an error that says why not
 *		segment.source			('profile', 'orders', orders, customer_id, ...)
 *		capture_triggers.c		five triggers on the table
 *
 * Rows that are there already are the caller's business (flow/backfill.c).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/rel.h"

#include "base/base.h"
#include "source/source_private.h"

static void check_not_attached(const Population *population,
							   const char *name);
static void check_not_empty(const char *name);
static void insert_source(const Population *population, const char *name,
						  Oid relid, const char *key, const char *at);

const Source *
source_attach(const Population *population, Oid relid, const char *key,
			  const char *at, const char *name)
{
	Relation	relation = try_relation_open(relid, ShareRowExclusiveLock);
	AttrNumber	key_attno;
	AttrNumber	at_attno = InvalidAttrNumber;

	if (relation == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("the table to attach does not exist any more")));
	eligible_relation(relation);
	/* they were checked before the table was locked, and may have changed */
	source_check_rights(population, relid);

	if (key == NULL)
		key = population->key;
	if (name == NULL)
		name = pstrdup(RelationGetRelationName(relation));
	check_not_empty(name);
	check_not_attached(population, name);

	key_attno = eligible_key(population, relation, key);
	if (at != NULL)
		at_attno = eligible_time(relation, at);
	eligible_indexes(relation, key_attno, at_attno);

	insert_source(population, name, relid, key, at);
	capture_triggers_create(population, relation, name);
	relation_close(relation, NoLock);

	CommandCounterIncrement();
	population_changed(population);
	return source_by_name(population, name);
}

void
source_check_name(const Population *population, const char *name)
{
	check_not_empty(name);
	if (source_by_name(population, name) != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("source \"%s\" already exists in population \"%s\"",
						name, population->name)));
}

void
source_detach(const Source *source)
{
	capture_triggers_drop(source);
	catalog_execute("DELETE FROM segment.source"
					" WHERE population = $1 AND source = $2",
					2, (Oid[]) {NAMEOID, NAMEOID},
					(Datum[]) {name_datum(source->population->name),
							   name_datum(source->name)},
					NULL);
	population_changed(source->population);
}

void
source_rename(const Source *source, const char *new_name)
{
	catalog_execute("UPDATE segment.source SET source = $3"
					" WHERE population = $1 AND source = $2",
					3, (Oid[]) {NAMEOID, NAMEOID, NAMEOID},
					(Datum[]) {name_datum(source->population->name),
							   name_datum(source->name), name_datum(new_name)},
					NULL);
	population_changed(source->population);
	capture_triggers_rename(source, new_name);
}

static void
check_not_empty(const char *name)
{
	if (name[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("a source needs a name")));
}

/*
 * check_not_attached() refuses the name of a source that is there, also if its
 * table was dropped and made anew: that is another table.
 */
static void
check_not_attached(const Population *population, const char *name)
{
	const Source *there = source_by_name(population, name);

	if (there == NULL)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_DUPLICATE_OBJECT),
			 errmsg("source \"%s\" is already attached to population \"%s\"",
					name, population->name),
			 there->missing != NULL ?
			 errdetail("It cannot be read any more: %s.",
					   source_trouble(there)) : 0,
			 there->missing != NULL ?
			 errhint("Detach it first with segment.detach_source(%s); cascade => true drops what is made of it, too.",
					 quote_literal_cstr(name)) :
			 errhint("To attach another table, give it another name with name => '...'.")));
}

/* insert_source() writes the row of segment.source; 'at' may be NULL. */
static void
insert_source(const Population *population, const char *name, Oid relid,
			  const char *key, const char *at)
{
	catalog_execute("INSERT INTO segment.source"
					" (population, source, relation, key, at)"
					" VALUES ($1, $2, $3, $4, $5)",
					5, (Oid[]) {NAMEOID, NAMEOID, REGCLASSOID, NAMEOID,
							   NAMEOID},
					(Datum[]) {name_datum(population->name), name_datum(name),
							   ObjectIdGetDatum(relid), name_datum(key),
							   at == NULL ? (Datum) 0 : name_datum(at)},
					(bool[]) {false, false, false, false, at == NULL});
}
