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
static NewLink *make_link(const char *name, Oid relid, int of, Oid of_relid,
						  const char *columns);
static void split_columns(const char *columns, char **of, char **to);
static char *next_name(const char **text, char end);
static char *referring_column(Oid of, Oid to);
static char *referred_column(Oid of, const char *column, Oid to);
static void check_columns(const NewLink *link, Oid of);
static Oid	collation_of(Oid relid, AttrNumber attno);
static List *look_ups(const Population *population, Relation relation,
					  List *links, Jsonb *look_up);
static void split_look_up(LookUp *one, const char *text);
static LookUp *next_look_up(List *asked, List *links, Relation relation);
static int	link_named(List *links, const char *name);
static NewLink *look_up_link(Oid relid, List *links, const LookUp *one);
static void check_link(const Population *population, Relation relation,
					   List *links, const NewLink *link);
static void advise_index(Oid relid, AttrNumber attno, const char *name);

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
	NewLink    *link = make_link(parent->name, parent->relid, 0,
								 RelationGetRelid(relation), request->link);
	List	   *links = list_make1(link);

	if (request->key != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a source that goes through \"%s\" has its key",
						parent->name),
				 errhint("Leave out key.")));
	check_link(population, relation, NIL, link);
	for (int i = 0; i < parent->nlinks; i++)
	{
		const SourceLink *of_parent = &parent->links[i];
		NewLink    *inherited = palloc(sizeof(NewLink));

		inherited->name = of_parent->name;
		inherited->relid = of_parent->relid;
		inherited->of = of_parent->of + 1;
		inherited->of_column = of_parent->of_column;
		inherited->to_column = of_parent->to_column;
		inherited->look_up = of_parent->look_up;
		check_link(population, relation, links, inherited);
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

/*
 * make_link() makes a link from the rows of table 'of_relid', number 'of', to
 * those of 'relid'.  'columns' is the referring column, or "order_id = id", or
 * NULL where a foreign key says it.
 */
static NewLink *
make_link(const char *name, Oid relid, int of, Oid of_relid,
		  const char *columns)
{
	NewLink    *link = palloc0(sizeof(NewLink));
	char	   *of_column = NULL;
	char	   *to_column = NULL;

	link->name = name;
	link->relid = relid;
	link->of = of;
	if (columns != NULL)
		split_columns(columns, &of_column, &to_column);
	if (of_column == NULL)
		of_column = referring_column(of_relid, relid);
	if (to_column == NULL)
		to_column = referred_column(of_relid, of_column, relid);
	link->of_column = of_column;
	link->to_column = to_column;
	check_columns(link, of_relid);
	return link;
}

/* split_columns() takes "order_id" or "order_id = id" apart. */
static void
split_columns(const char *columns, char **of, char **to)
{
	const char *rest = columns;

	*of = next_name(&rest, '=');
	if (rest != NULL)
		*to = next_name(&rest, '\0');
}

/*
 * next_name() is what stands before an end, as it is or in double quotes, and
 * *text what stands behind that; NULL if the end does not come.
 */
static char *
next_name(const char **text, char end)
{
	const char *from = *text;
	const char *to;
	bool		quoted = false;
	StringInfoData name;

	for (to = from; *to != '\0' && (quoted || *to != end); to++)
		quoted ^= *to == '"';
	*text = *to == '\0' ? NULL : to + 1;
	while (from < to && *from == ' ')
		from++;
	while (to > from && to[-1] == ' ')
		to--;
	if (to - from < 2 || from[0] != '"' || to[-1] != '"')
		return pnstrdup(from, to - from);
	initStringInfo(&name);
	for (from++, to--; from < to; from++)
	{
		if (*from == '"' && from[1] == '"')
			from++;
		appendStringInfoChar(&name, *from);
	}
	return name.data;
}

/*
 * referring_column() is the column by which one table refers to another, if
 * just one foreign key says so.
 */
static char *
referring_column(Oid of, Oid to)
{
	Relation	relation = relation_open(of, AccessShareLock);
	AttrNumber	found = InvalidAttrNumber;
	int			count = 0;
	ListCell   *lc;

	foreach(lc, RelationGetFKeyList(relation))
	{
		const ForeignKeyCacheInfo *key = lfirst(lc);

		if (key->confrelid != to || key->nkeys != 1)
			continue;
		found = key->conkey[0];
		count++;
	}
	relation_close(relation, NoLock);
	if (count != 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("it is not known which column of \"%s\" refers to \"%s\"",
						get_rel_name(of), get_rel_name(to)),
				 errhint("Name it with link => '...'.")));
	return get_attname(of, found, false);
}

/*
 * referred_column() is the column to which a column refers: by its foreign
 * key, or the primary key.
 */
static char *
referred_column(Oid of, const char *column, Oid to)
{
	Relation	relation = relation_open(of, AccessShareLock);
	AttrNumber	attno = get_attnum(of, column);
	AttrNumber	found = InvalidAttrNumber;
	ListCell   *lc;

	foreach(lc, RelationGetFKeyList(relation))
	{
		const ForeignKeyCacheInfo *key = lfirst(lc);

		if (key->confrelid == to && key->nkeys == 1 && key->conkey[0] == attno)
			found = key->confkey[0];
	}
	relation_close(relation, NoLock);
	if (found == InvalidAttrNumber)
	{
		Bitmapset  *primary;

		relation = relation_open(to, AccessShareLock);
		primary = RelationGetIndexAttrBitmap(relation,
											 INDEX_ATTR_BITMAP_PRIMARY_KEY);
		relation_close(relation, NoLock);
		if (bms_membership(primary) == BMS_SINGLETON)
			found = bms_singleton_member(primary) +
				FirstLowInvalidHeapAttributeNumber;
	}
	if (found == InvalidAttrNumber)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("it is not known to which column of \"%s\" column \"%s\" refers",
						get_rel_name(to), column),
				 errhint("Name both, for example link => %s.",
						 quote_literal_cstr(psprintf("%s = id", column)))));
	return get_attname(to, found, false);
}

/* check_columns() refuses columns that cannot be a link's. */
static void
check_columns(const NewLink *link, Oid of)
{
	AttrNumber	of_attno = get_attnum(of, link->of_column);
	AttrNumber	to_attno = get_attnum(link->relid, link->to_column);
	Oid			missing = of_attno == InvalidAttrNumber ? of : link->relid;
	Oid			of_type;
	Oid			to_type;

	if (of_attno <= 0 || to_attno <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("table \"%s\" has no column \"%s\"",
						get_rel_name(missing),
						missing == of ? link->of_column : link->to_column),
				 errdetail("It was to be part of the link \"%s\".",
						   link->name)));
	of_type = link_type(of, of_attno);
	to_type = link_type(link->relid, to_attno);
	if (!OidIsValid(of_type) || !OidIsValid(to_type))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("columns of type %s cannot link \"%s\" and \"%s\"",
						format_type_be(OidIsValid(of_type) ?
									   get_atttype(link->relid, to_attno) :
									   get_atttype(of, of_attno)),
						get_rel_name(of), get_rel_name(link->relid)),
				 errhint("Link by columns of type bigint, integer, smallint, numeric, uuid, date, text, varchar or char, or an enum, whose collation is deterministic.")));
	if (!link_types_fit(of_type, to_type))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of \"%s\" is of type %s, but \"%s\" of \"%s\" is of type %s",
						link->of_column, get_rel_name(of),
						format_type_be(get_atttype(of, of_attno)),
						link->to_column, get_rel_name(link->relid),
						format_type_be(get_atttype(link->relid, to_attno))),
				 errhint("Give both columns of a link the same type.")));
	if (collation_of(of, of_attno) != collation_of(link->relid, to_attno))
		ereport(ERROR,
				(errcode(ERRCODE_COLLATION_MISMATCH),
				 errmsg("column \"%s\" of \"%s\" and \"%s\" of \"%s\" have different collations",
						link->of_column, get_rel_name(of), link->to_column,
						get_rel_name(link->relid)),
				 errhint("Give both columns of a link the same collation.")));
	if (!link_is_unique(link->relid, to_attno))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TABLE_DEFINITION),
				 errmsg("column \"%s\" of \"%s\" is not unique",
						link->to_column, get_rel_name(link->relid)),
				 errdetail("A row refers to one row of a linked table at most."),
				 source_is_inherited(link->relid) ?
				 errhint("Other tables inherit from it, and no index is unique across them. Use a partitioned table.") :
				 errhint("CREATE UNIQUE INDEX ON %s (%s);",
						 relation_name(link->relid),
						 quote_identifier(link->to_column))));
}

/* collation_of() is the collation of a column; InvalidOid: it has none. */
static Oid
collation_of(Oid relid, AttrNumber attno)
{
	Oid			type;
	int32		typmod;
	Oid			collation;

	get_atttypetypmodcoll(relid, attno, &type, &typmod, &collation);
	return collation;
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
		check_link(population, relation, links, link);
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
	name = next_name(&rest, '.');
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
	NewLink    *link;

	/* before an index is asked for that it cannot have */
	if (relation != NULL)
	{
		eligible_relation(relation, false);
		relation_close(relation, NoLock);
	}
	if (of > 0)
		relid = ((const NewLink *) list_nth(links, of - 1))->relid;
	link = make_link(one->name, DatumGetObjectId(table), of, relid,
					 one->columns);
	link->look_up = true;
	return link;
}

/* check_link() locks a linked table, and refuses one that cannot be. */
static void
check_link(const Population *population, Relation relation, List *links,
		   const NewLink *link)
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
		Oid			of = source_relid(source, link->of);

		advise_index(of, link->of_attno, link->name);
		if (link->look_up)
			ereport(NOTICE,
					(errmsg("a change of a row of \"%s\" reads again the customers whose rows refer to it",
							get_rel_name(link->relid)),
					 errdetail("Only changes of columns that traits read do.")));
	}
	if (source->nlinks > 0)
		advise_index(source_relid(source, source->key_link),
					 source->key_attno, source->name);
}

/* advise_index() says that no index finds rows by a column. */
static void
advise_index(Oid relid, AttrNumber attno, const char *name)
{
	char	   *column = get_attname(relid, attno, false);

	if (link_is_found(relid, attno))
		return;
	ereport(NOTICE,
			(errmsg("table \"%s\" has no index on \"%s\"",
					get_rel_name(relid), column),
			 errdetail("Each change of a row to which it refers reads all of it."),
			 errhint("CREATE INDEX ON %s (%s);", relation_name(relid),
					 quote_identifier(column))));
}
