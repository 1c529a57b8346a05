/*-------------------------------------------------------------------------
 *
 * link_define.c
 *	  To which tables do the rows of a new source refer?
 *
 *		attach_source('order_lines', through => 'orders', link => 'order_id',
 *					  look_up => '{"product": "products using product_id"}')
 *
 *		1	orders		of 0 (order_lines), order_id = id
 *		2	customers	of 1 (orders), as "orders" itself goes through it
 *		3	product		of 0, product_id = id; a look-up
 *
 * Key and time are those of the parent, unless the line has a time of its own.
 * A parent's own links come with it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "commands/tablecmds.h"
#include "executor/spi.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "base/base.h"
#include "source/source_private.h"

/* A look-up as it is asked for: "category": "categories using product.cat". */
typedef struct LookUp
{
	char	   *name;
	char	   *table;
	const char *of;				/* the link that refers to it; NULL: the row */
	const char *columns;
} LookUp;

static List *parent_links(const Population *population, Relation relation,
						  SourceRequest *request, int *key_link,
						  int *at_link);
static const Source *find_parent(const Population *population,
								 const char *name);
static const char *population_of_source(const char *name);
static List *look_ups(const Population *population, Relation relation,
					  List *links, Jsonb *look_up);
static void split_look_up(LookUp *one, const char *text);
static LookUp *next_look_up(List *asked, List *links, Relation relation);
static int	link_named(List *links, const char *name);
static NewLink *look_up_link(Oid relid, List *links, const LookUp *one);
static void check_link(Relation relation, List *links, const NewLink *link);
static void advise_index(Oid relid, const Bitmapset *columns);

List *
links_define(const Population *population, Relation relation,
			 SourceRequest *request, int *key_link, int *at_link)
{
	List	   *links = NIL;

	if (request->through != NULL)
		links = parent_links(population, relation, request, key_link,
							 at_link);
	else if (request->link != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("link is given, but no source that it leads to"),
				 errhint("Name the source of the parents with through => '...'.")));
	if (request->look_up != (Datum) 0)
		links = look_ups(population, relation, links,
						 DatumGetJsonbP(request->look_up));
	if (list_length(links) > MOST_LINKS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a source has at most %d links", MOST_LINKS)));
	return links;
}

/* parent_links() makes the link to the parent, and those of the parent. */
static List *
parent_links(const Population *population, Relation relation,
			 SourceRequest *request, int *key_link, int *at_link)
{
	const Source *parent = find_parent(population, request->through);
	NewLink    *link = link_make(parent->name, parent->relid, 0,
								 RelationGetRelid(relation), request->link,
								 false);
	List	   *links = list_make1(link);

	if (request->key != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a source that goes through \"%s\" has its key",
						parent->name),
				 errhint("Leave out key.")));
	check_link(relation, NIL, link);
	for (int i = 0; i < parent->nlinks; i++)
	{
		const SourceLink *of_parent = &parent->links[i];
		NewLink    *inherited = palloc(sizeof(NewLink));

		inherited->name = of_parent->name;
		inherited->relid = of_parent->relid;
		inherited->of = of_parent->of + 1;
		inherited->npairs = of_parent->npairs;
		memcpy(inherited->pairs, of_parent->pairs, sizeof(inherited->pairs));
		inherited->look_up = of_parent->look_up;
		check_link(relation, links, inherited);
		links = lappend(links, inherited);
	}

	*key_link = parent->key_link + 1;
	request->key = get_attname(source_relid(parent, parent->key_link),
							   parent->key_attno, false);
	if (request->at != NULL)
		return links;
	if (parent->at_attno == InvalidAttrNumber)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TABLE_DEFINITION),
				 errmsg("source \"%s\" has no time that its lines could have",
						parent->name),
				 errhint("Name a time of the lines with at => '...'.")));
	*at_link = parent->at_link + 1;
	request->at = get_attname(source_relid(parent, parent->at_link),
							  parent->at_attno, false);
	return links;
}

/* find_parent() finds the source of the parents: an error if it cannot be. */
static const Source *
find_parent(const Population *population, const char *name)
{
	const Source *parent = source_by_name(population, name);
	const char *nearest = nearest_name(name, source_names(population));

	if (parent == NULL)
	{
		const char *other = population_of_source(name);

		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("population \"%s\" has no source \"%s\" to go through",
						population->name, name),
				 other != NULL ?
				 errdetail("It is a source of population \"%s\".", other) : 0,
				 nearest != NULL ?
				 errhint("Perhaps you meant %s.",
						 quote_literal_cstr(nearest)) :
				 errhint("Attach the table of the parents to this population first.")));
	}
	source_check(parent);
	if (parent->filter != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("source \"%s\" has a filter, and cannot be gone through",
						name),
				 errhint("Attach its table under another name, without a filter, and go through that.")));
	return parent;
}

/* population_of_source() is one that has such a source; NULL: none has. */
static const char *
population_of_source(const char *name)
{
	ListCell   *lc;

	foreach(lc, population_names())
	{
		const Population *population = population_find(lfirst(lc));

		if (population != NULL && source_by_name(population, name) != NULL)
			return lfirst(lc);
	}
	return NULL;
}

/* look_ups() adds the look-ups of {"name": "table using column", ...}. */
static List *
look_ups(const Population *population, Relation relation, List *links,
		 Jsonb *look_up)
{
	SPITupleTable *table;
	uint64		count;
	List	   *asked = NIL;	/* LookUp * */

	if (!JB_ROOT_IS_OBJECT(look_up))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("look_up is not a json object"),
				 errhint("Write it so: look_up => '{\"product\": \"products using product_id\"}'")));
	catalog_execute("SELECT key, value FROM pg_catalog.jsonb_each_text($1)"
					" ORDER BY key", 1, (Oid[]) {JSONBOID},
					(Datum[]) {JsonbPGetDatum(look_up)}, NULL);
	table = SPI_tuptable;
	count = SPI_processed;
	for (uint64 i = 0; i < count; i++)
	{
		LookUp	   *one = palloc(sizeof(LookUp));
		char	   *text = SPI_getvalue(table->vals[i], table->tupdesc, 2);

		one->name = SPI_getvalue(table->vals[i], table->tupdesc, 1);
		split_look_up(one, text == NULL ? "" : text);
		asked = lappend(asked, one);
	}
	while (asked != NIL)
	{
		LookUp	   *one = next_look_up(asked, links, relation);
		NewLink    *link = look_up_link(RelationGetRelid(relation), links,
										one);

		source_check_rights(population, link->relid);
		check_link(relation, links, link);
		links = lappend(links, link);
		asked = list_delete_ptr(asked, one);
	}
	return links;
}

/* split_look_up() takes "products using product_id" apart. */
static void
split_look_up(LookUp *one, const char *text)
{
	const char *word = text;
	const char *rest;
	char	   *name;

	while (*word != '\0' && pg_strncasecmp(word, " using ", 7) != 0)
		word++;
	if (*word == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("look-up \"%s\" does not say by which column",
						one->name),
				 errhint("Write it so: look_up => '{\"product\": \"products using product_id\"}'")));
	one->table = pnstrdup(text, word - text);
	one->columns = rest = &word[strlen(" using ")];
	name = link_next_name(&rest, '.');
	one->of = rest == NULL ? NULL : name;
	if (rest != NULL)
		one->columns = rest;
}

/*
 * next_look_up() is the next one that refers to what is linked already: they
 * may be given in any order.
 */
static LookUp *
next_look_up(List *asked, List *links, Relation relation)
{
	LookUp	   *first = linitial(asked);
	List	   *names = NIL;
	bool		circle = false;
	const char *nearest;
	ListCell   *lc;

	foreach(lc, asked)
	{
		LookUp	   *one = lfirst(lc);

		if (one->of == NULL || link_named(links, one->of) > 0)
			return one;
	}
	foreach(lc, links)
		names = lappend(names, unconstify(char *,
										  ((NewLink *) lfirst(lc))->name));
	foreach(lc, asked)
	{
		circle |= strcmp(((LookUp *) lfirst(lc))->name, first->of) == 0;
		names = lappend(names, ((LookUp *) lfirst(lc))->name);
	}
	if (circle)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("look-up \"%s\" leads back to itself", first->name),
				 errhint("Link tables without a circle.")));
	nearest = nearest_name(first->of, names);
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("look-up \"%s\" refers to \"%s\", which is no link of \"%s\"",
					first->name, first->of, RelationGetRelationName(relation)),
			 nearest != NULL ?
			 errhint("Perhaps you meant %s.", quote_literal_cstr(nearest)) :
			 errhint("Name a column of the table, or one of another look-up, as in look_up => '{\"product\": \"products using product_id\", \"category\": \"categories using product.category_id\"}'")));
}

/* link_named() is the number of the link of a name, 0: there is none. */
static int
link_named(List *links, const char *name)
{
	ListCell   *lc;

	foreach(lc, links)
		if (strcmp(((const NewLink *) lfirst(lc))->name, name) == 0)
			return foreach_current_index(lc) + 1;
	return 0;
}

/* look_up_link() makes a link of a look-up. */
static NewLink *
look_up_link(Oid relid, List *links, const LookUp *one)
{
	int			of = one->of == NULL ? 0 : link_named(links, one->of);
	Datum		table = DirectFunctionCall1(regclassin,
											CStringGetDatum(one->table));
	Relation	relation = try_relation_open(DatumGetObjectId(table),
											 AccessShareLock);

	/* before an index is asked for that it cannot have */
	if (relation != NULL)
	{
		eligible_relation(relation, false);
		relation_close(relation, NoLock);
	}
	if (of > 0)
		relid = ((const NewLink *) list_nth(links, of - 1))->relid;
	return link_make(one->name, DatumGetObjectId(table), of, relid,
					 one->columns, true);
}

/* check_link() locks a linked table, and refuses one that cannot be. */
static void
check_link(Relation relation, List *links, const NewLink *link)
{
	Relation	linked;
	ListCell   *lc;

	if (link->relid == RelationGetRelid(relation))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("link \"%s\" leads from table \"%s\" back to it",
						link->name, RelationGetRelationName(relation)),
				 errhint("Link tables without a circle.")));
	linked = try_relation_open(link->relid, ShareRowExclusiveLock);
	if (linked == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("the table of link \"%s\" does not exist any more",
						link->name)));
	eligible_relation(linked, false);
	CheckTableNotInUse(linked, "link");
	tree_check(link->relid);
	relation_close(linked, NoLock);
	foreach(lc, links)
		if (strcmp(((const NewLink *) lfirst(lc))->name, link->name) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_DUPLICATE_OBJECT),
					 errmsg("two links are called \"%s\"", link->name),
					 errhint("Give the look-up another name.")));
	if (link->name[0] == '\0' ||
		get_attnum(RelationGetRelid(relation),
				   link->name) != InvalidAttrNumber)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_COLUMN),
				 errmsg("a link cannot be called \"%s\", as table \"%s\" has such a column",
						link->name, RelationGetRelationName(relation)),
				 errhint("Give the look-up, or the source of the parents, another name.")));
}

void
links_advise(const Source *source)
{
	for (int i = 0; i < source->nlinks; i++)
	{
		const SourceLink *link = &source->links[i];

		advise_index(source_relid(source, link->of), link_of_columns(link));
		if (link->look_up)
			ereport(NOTICE,
					(errmsg("a change of a row of \"%s\" reads again the customers whose rows refer to it",
							get_rel_name(link->relid)),
					 errdetail("Only changes of columns that traits read do.")));
	}
	if (source->nlinks > 0)
		advise_index(source_relid(source, source->key_link),
					 bms_make_singleton(source->key_attno));
}

/* advise_index() says that no index finds rows by one of some columns. */
static void
advise_index(Oid relid, const Bitmapset *columns)
{
	StringInfoData list;
	int			attno = -1;

	if (link_is_found(relid, columns))
		return;
	initStringInfo(&list);
	while ((attno = bms_next_member(columns, attno)) >= 0)
		appendStringInfo(&list, "%s%s", list.len == 0 ? "" : ", ",
						 quote_identifier(get_attname(relid, attno, false)));
	ereport(NOTICE,
			(errmsg("table \"%s\" has no index on \"%s\"",
					get_rel_name(relid), list.data),
			 errdetail("Each change of a row to which it refers reads all of it."),
			 errhint("CREATE INDEX ON %s (%s);", relation_name(relid),
					 list.data)));
}
