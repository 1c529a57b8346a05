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
 *		capture_triggers.c		five triggers on the table, unless it has them
 *
 * Rows that are there already are the caller's business (flow/backfill.c).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "commands/tablecmds.h"
#include "utils/builtins.h"
#include "utils/rel.h"

#include "base/base.h"
#include "source/source_private.h"

static void check_not_attached(const Population *population,
							   const char *name);
static void check_not_empty(const char *name);
static void insert_source(const Population *population,
						  const SourceRequest *request);
static bool is_source(const Population *population, Oid relid);

const Source *
source_attach(const Population *population, const SourceRequest *asked)
{
	SourceRequest request = *asked;
	Relation	relation = try_relation_open(request.relid,
											 ShareRowExclusiveLock);
	const Source *source;

	if (relation == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("the table to attach does not exist any more")));
	eligible_relation(relation);
	/* they were checked before the table was locked, and may have changed */
	source_check_rights(population, request.relid);
	/* rows that a statement around us has written would count twice */
	CheckTableNotInUse(relation, "attach");

	if (request.key == NULL)
		request.key = population->key;
	if (request.name == NULL)
		request.name = pstrdup(RelationGetRelationName(relation));
	check_not_empty(request.name);
	check_not_attached(population, request.name);
	(void) eligible_key(population, relation, request.key);
	if (request.at != NULL)
		(void) eligible_time(relation, request.at);

	insert_source(population, &request);
	CommandCounterIncrement();
	source = source_by_name(population, request.name);
	if (request.filter != NULL)
		(void) source_condition(source, request.filter->text);
	eligible_indexes(source, relation);
	relation_close(relation, NoLock);
	capture_triggers_create(population, request.relid, request.replicated);

	CommandCounterIncrement();
	population_changed(population);
	return source_by_name(population, request.name);
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
	const Population *population = source->population;

	catalog_execute("DELETE FROM segment.source"
					" WHERE population = $1 AND source = $2",
					2, (Oid[]) {NAMEOID, NAMEOID},
					(Datum[]) {name_datum(population->name),
							   name_datum(source->name)},
					NULL);
	CommandCounterIncrement();
	if (!is_source(population, source->relid))
		capture_triggers_drop(population, source->relid);
	population_changed(population);
}

/* is_source() says whether a table is a source of the population. */
static bool
is_source(const Population *population, Oid relid)
{
	ListCell   *lc;

	foreach(lc, source_names(population))
		if (source_by_name(population, lfirst(lc))->relid == relid)
			return true;
	return false;
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

/* insert_source() writes the row of segment.source. */
static void
insert_source(const Population *population, const SourceRequest *request)
{
	const FilterSource *filter = request->filter;

	catalog_execute("INSERT INTO segment.source"
					" (population, source, relation, key, at, filter)"
					" VALUES ($1, $2, $3, $4, $5, $6)",
					6, (Oid[]) {NAMEOID, NAMEOID, REGCLASSOID, NAMEOID,
							   NAMEOID, catalog_type("filter")},
					(Datum[]) {name_datum(population->name),
							   name_datum(request->name),
							   ObjectIdGetDatum(request->relid),
							   name_datum(request->key),
							   request->at == NULL ? (Datum) 0 :
							   name_datum(request->at),
							   filter == NULL ? (Datum) 0 :
							   PointerGetDatum(filter_pack(filter->tree))},
					(bool[]) {false, false, false, false, request->at == NULL,
							  filter == NULL});
}
