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
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "base/base.h"
#include "source/source_private.h"

static void check_not_attached(const Population *population,
							   const char *name);
static void check_not_empty(const char *name);
static void insert_source(const Population *population,
						  const SourceRequest *request, int key_link,
						  int at_link);
static void insert_links(const Population *population, const char *source,
						 List *links);
static bool is_source(const Population *population, Oid relid);

const Source *
source_attach(const Population *population, const SourceRequest *asked)
{
	SourceRequest request = *asked;
	int			key_link = 0;
	int			at_link = 0;
	List	   *links;
	Relation	relation = try_relation_open(request.relid,
											 ShareRowExclusiveLock);
	const Source *source;
	ListCell   *lc;

	if (relation == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("the table to attach does not exist any more")));
	eligible_relation(relation, request.kept);
	/* they were checked before the table was locked, and may have changed */
	source_check_rights(population, request.relid);
	/* rows that a statement around us has written would count twice */
	CheckTableNotInUse(relation, "attach");
	tree_check(request.relid);

	if (request.name == NULL)
		request.name = pstrdup(RelationGetRelationName(relation));
	check_not_empty(request.name);
	check_not_attached(population, request.name);
	links = links_define(population, relation, &request, &key_link, &at_link);
	if (request.key == NULL)
		request.key = population->key;
	if (key_link == 0)
		(void) eligible_key(population, relation, request.key);
	if (request.at != NULL && at_link == 0)
		(void) eligible_time(relation, request.at);

	insert_source(population, &request, key_link, at_link);
	insert_links(population, request.name, links);
	CommandCounterIncrement();
	source = source_by_name(population, request.name);
	if (request.filter != NULL)
		(void) source_condition(source, request.filter->text);
	source_check(source);
	if (key_link == 0)
		indexes_check(source, relation);
	links_advise(source);
	relation_close(relation, NoLock);
	foreach(lc, source_relations(source))
		capture_triggers_create(population, lfirst_oid(lc),
								request.replicated &&
								lfirst_oid(lc) == request.relid);

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

/*
 * source_check_not_parent() refuses to detach a source while another one goes
 * through it.
 */
void
source_check_not_parent(const Source *source)
{
	ListCell   *lc;

	foreach(lc, source_names(source->population))
	{
		const Source *other = source_by_name(source->population, lfirst(lc));

		if (other->through != NULL &&
			strcmp(other->through, source->name) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
					 errmsg("source \"%s\" cannot be detached, because source \"%s\" goes through it",
							source->name, other->name),
					 errhint("Detach that one first, with segment.detach_source(%s).",
							 quote_literal_cstr(other->name))));
	}
}

void
source_detach(const Source *source)
{
	const Population *population = source->population;
	static const char *const deletes[] = {
		"DELETE FROM segment.source_link"
		" WHERE population = $1 AND source = $2",
		"DELETE FROM segment.source"
		" WHERE population = $1 AND source = $2",
	};
	List	   *tables = source_relations(source);
	ListCell   *lc;

	for (int i = 0; i < lengthof(deletes); i++)
		catalog_execute(deletes[i], 2, (Oid[]) {NAMEOID, NAMEOID},
						(Datum[]) {name_datum(population->name),
								   name_datum(source->name)},
						NULL);
	CommandCounterIncrement();
	foreach(lc, tables)
		if (!is_source(population, lfirst_oid(lc)))
			capture_triggers_drop(population, lfirst_oid(lc));
	population_changed(population);
}

/* is_source() says whether a source of the population reads a table. */
static bool
is_source(const Population *population, Oid relid)
{
	ListCell   *lc;

	foreach(lc, source_names(population))
		if (source_is_made_of(source_by_name(population, lfirst(lc)), relid))
			return true;
	return false;
}

void
source_attached(const Population *population)
{
	catalog_execute("UPDATE segment.source SET build = NULL"
					" WHERE population = $1 AND build IS NOT NULL",
					1, (Oid[]) {NAMEOID},
					(Datum[]) {name_datum(population->name)}, NULL);
	CommandCounterIncrement();
	population_changed(population);
}

void
source_rename(const Source *source, const char *new_name)
{
	static const char *const updates[] = {
		"UPDATE segment.source_link SET source = $3"
		" WHERE population = $1 AND source = $2",
		"UPDATE segment.source SET through = $3"
		" WHERE population = $1 AND through = $2",
		"UPDATE segment.source SET source = $3, given = NULL"
		" WHERE population = $1 AND source = $2",
	};

	for (int i = 0; i < lengthof(updates); i++)
		catalog_execute(updates[i], 3, (Oid[]) {NAMEOID, NAMEOID, NAMEOID},
						(Datum[]) {name_datum(source->population->name),
								   name_datum(source->name),
								   name_datum(new_name)},
						NULL);
	population_changed(source->population);
}

void
source_note_table(const Source *source, const char *given)
{
	catalog_execute("UPDATE segment.source SET table_name = $3, given = $4"
					" WHERE population = $1 AND source = $2",
					4, (Oid[]) {NAMEOID, NAMEOID, NAMEOID, NAMEOID},
					(Datum[]) {name_datum(source->population->name),
							   name_datum(source->name),
							   name_datum(get_rel_name(source->relid)),
							   given == NULL ? (Datum) 0 :
							   name_datum(given)},
					(bool[]) {false, false, false, given == NULL});
	CommandCounterIncrement();
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
insert_source(const Population *population, const SourceRequest *request,
			  int key_link, int at_link)
{
	const FilterSource *filter = request->filter;

	catalog_execute("INSERT INTO segment.source"
					" (population, source, relation, key, at, filter,"
					" through, key_link, at_link, build, table_name)"
					" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9,"
					" nullif($10, 0), $11)",
					11, (Oid[]) {NAMEOID, NAMEOID, REGCLASSOID, NAMEOID,
								NAMEOID, catalog_type("filter"), NAMEOID,
								INT2OID, INT2OID, INT4OID, NAMEOID},
					(Datum[]) {name_datum(population->name),
							   name_datum(request->name),
							   ObjectIdGetDatum(request->relid),
							   name_datum(request->key),
							   request->at == NULL ? (Datum) 0 :
							   name_datum(request->at),
							   filter == NULL ? (Datum) 0 :
							   PointerGetDatum(filter_pack(filter->tree)),
							   request->through == NULL ? (Datum) 0 :
							   name_datum(request->through),
							   Int16GetDatum(key_link),
							   Int16GetDatum(at_link),
							   Int32GetDatum(request->build),
							   name_datum(get_rel_name(request->relid))},
					(bool[]) {false, false, false, false, request->at == NULL,
							  filter == NULL, request->through == NULL, false,
							  false, false, false});
}

/* insert_links() writes the links (NewLink *) of a source. */
static void
insert_links(const Population *population, const char *source, List *links)
{
	ListCell   *lc;

	foreach(lc, links)
	{
		const NewLink *link = lfirst(lc);
		int			number = foreach_current_index(lc) + 1;

		for (int i = 0; i < link->npairs; i++)
			catalog_execute("INSERT INTO segment.source_link"
							" (population, source, number, link, relation,"
							" of_link, of_column, to_column, look_up, part)"
							" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9,"
							" $10)",
							10, (Oid[]) {NAMEOID, NAMEOID, INT2OID, NAMEOID,
										REGCLASSOID, INT2OID, NAMEOID,
										NAMEOID, BOOLOID, INT2OID},
							(Datum[]) {name_datum(population->name),
									   name_datum(source),
									   Int16GetDatum(number),
									   name_datum(link->name),
									   ObjectIdGetDatum(link->relid),
									   Int16GetDatum(link->of),
									   name_datum(link->pairs[i].of_column),
									   name_datum(link->pairs[i].to_column),
									   BoolGetDatum(link->look_up),
									   Int16GetDatum(i + 1)},
							NULL);
	}
}
