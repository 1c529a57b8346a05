/*-------------------------------------------------------------------------
 *
 * link_columns.c
 *	  By which columns does a row refer to one of another table?
 *
 *		'order_id'				to what a foreign key says, or the primary key
 *		'order_id = id'
 *		'shop, order_id = shop_id, id'		rows agree in both
 *		NULL					as the one foreign key to that table says
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/pg_class.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "base/base.h"
#include "source/source_private.h"

static List *split_names(const char *names);
static char *part_before(const char **text, char end);
static void by_columns(NewLink *link, Oid of, List *of_names, List *to_names);
static void by_foreign_key(NewLink *link, Oid of, List *of_names);
static char *as_argument(const NewLink *link, const char *columns);
static bool has_columns(const ForeignKeyCacheInfo *key, Oid of, List *names);
static bool by_primary_key(NewLink *link, List *of_names);
static void check_pair(const NewLink *link, const LinkPair *pair, Oid of);
static void check_together(const NewLink *link);
static Oid	collation_of(Oid relid, AttrNumber attno);

NewLink *
link_make(const char *name, Oid relid, int of, Oid of_relid,
		  const char *columns, bool look_up)
{
	NewLink    *link = palloc0(sizeof(NewLink));
	const char *rest = columns;
	List	   *of_names = NIL;
	List	   *to_names = NIL;

	link->name = name;
	link->relid = relid;
	link->of = of;
	link->look_up = look_up;
	if (columns != NULL)
		of_names = split_names(part_before(&rest, '='));
	if (rest != NULL)
		to_names = split_names(rest);
	if (to_names != NIL)
		by_columns(link, of_relid, of_names, to_names);
	else
		by_foreign_key(link, of_relid, of_names);
	for (int i = 0; i < link->npairs; i++)
		check_pair(link, &link->pairs[i], of_relid);
	check_together(link);
	return link;
}

/* split_names() lists the names that commas separate. */
static List *
split_names(const char *names)
{
	List	   *list = NIL;

	while (names != NULL)
		list = lappend(list, link_next_name(&names, ','));
	return list;
}

char *
link_next_name(const char **text, char end)
{
	char	   *from = part_before(text, end);
	char	   *to = from + strlen(from);
	StringInfoData name;

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
 * part_before() is what stands before an end that is not in double quotes, and
 * *text what stands behind that; NULL if the end does not come.
 */
static char *
part_before(const char **text, char end)
{
	const char *from = *text;
	const char *to;
	bool		quoted = false;

	for (to = from; *to != '\0' && (quoted || *to != end); to++)
		quoted ^= *to == '"';
	*text = *to == '\0' ? NULL : to + 1;
	return pnstrdup(from, to - from);
}

/* by_columns() makes the pairs of a link of the names of both sides. */
static void
by_columns(NewLink *link, Oid of, List *of_names, List *to_names)
{
	if (list_length(of_names) != list_length(to_names))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("link \"%s\" has %d columns of \"%s\" and %d of \"%s\"",
						link->name, list_length(of_names), get_rel_name(of),
						list_length(to_names), get_rel_name(link->relid)),
				 errhint("Name as many on both sides, for example %s.",
						 as_argument(link, "shop, order_id = shop_id, id"))));
	if (list_length(of_names) > MOST_PAIRS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a link has at most %d columns", MOST_PAIRS)));
	link->npairs = list_length(of_names);
	for (int i = 0; i < link->npairs; i++)
	{
		link->pairs[i].of_column = list_nth(of_names, i);
		link->pairs[i].to_column = list_nth(to_names, i);
	}
}

/*
 * by_foreign_key() makes the pairs that the one foreign key says that has
 * these columns, or that is there (of_names NIL); or refers to the primary
 * key.
 */
static void
by_foreign_key(NewLink *link, Oid of, List *of_names)
{
	Relation	relation = relation_open(of, AccessShareLock);
	const ForeignKeyCacheInfo *found = NULL;
	const char *first;
	int			count = 0;
	ListCell   *lc;

	foreach(lc, RelationGetFKeyList(relation))
	{
		const ForeignKeyCacheInfo *key = lfirst(lc);

		if (key->confrelid != link->relid || key->nkeys > MOST_PAIRS ||
			(of_names != NIL && !has_columns(key, of, of_names)))
			continue;
		found = key;
		count++;
	}
	if (found != NULL && (count == 1 || of_names != NIL))
	{
		link->npairs = found->nkeys;
		for (int i = 0; i < found->nkeys; i++)
		{
			link->pairs[i].of_column = get_attname(of, found->conkey[i],
												   false);
			link->pairs[i].to_column = get_attname(link->relid,
												   found->confkey[i], false);
		}
	}
	relation_close(relation, NoLock);
	if (link->npairs > 0 || (of_names != NIL &&
							 by_primary_key(link, of_names)))
		return;
	if (of_names == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("it is not known which column of \"%s\" refers to \"%s\"",
						get_rel_name(of), get_rel_name(link->relid)),
				 count > 1 ?
				 errdetail("%d foreign keys do.", count) : 0,
				 errhint("Name it with %s.", as_argument(link, "..."))));
	first = linitial(of_names);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("it is not known to which column of \"%s\" column \"%s\" refers",
					get_rel_name(link->relid), first),
			 errhint("Name both, for example %s.",
					 as_argument(link, psprintf("%s = id", first)))));
}

/* as_argument() is the argument that names these columns of a link. */
static char *
as_argument(const NewLink *link, const char *columns)
{
	if (!link->look_up)
		return psprintf("link => %s", quote_literal_cstr(columns));
	return psprintf("look_up => %s",
					quote_literal_cstr(psprintf("{\"%s\": \"%s using %s\"}",
												link->name,
												get_rel_name(link->relid),
												columns)));
}

/* has_columns() says whether a foreign key is one of these columns. */
static bool
has_columns(const ForeignKeyCacheInfo *key, Oid of, List *names)
{
	if (key->nkeys != list_length(names))
		return false;
	for (int i = 0; i < key->nkeys; i++)
	{
		AttrNumber	attno = get_attnum(of, list_nth(names, i));
		bool		found = false;

		for (int j = 0; j < key->nkeys; j++)
			found |= key->conkey[j] == attno;
		if (!found)
			return false;
	}
	return true;
}

/* by_primary_key() lets one column refer to a primary key of one column. */
static bool
by_primary_key(NewLink *link, List *of_names)
{
	Relation	relation = relation_open(link->relid, AccessShareLock);
	Bitmapset  *primary =
		RelationGetIndexAttrBitmap(relation, INDEX_ATTR_BITMAP_PRIMARY_KEY);

	relation_close(relation, NoLock);
	if (list_length(of_names) != 1 ||
		bms_membership(primary) != BMS_SINGLETON)
		return false;
	link->npairs = 1;
	link->pairs[0].of_column = linitial(of_names);
	link->pairs[0].to_column =
		get_attname(link->relid, bms_singleton_member(primary) +
					FirstLowInvalidHeapAttributeNumber, false);
	return true;
}

/* check_pair() refuses columns of which one cannot refer to the other. */
static void
check_pair(const NewLink *link, const LinkPair *pair, Oid of)
{
	AttrNumber	of_attno = get_attnum(of, pair->of_column);
	AttrNumber	to_attno = get_attnum(link->relid, pair->to_column);
	Oid			missing = of_attno == InvalidAttrNumber ? of : link->relid;
	Oid			of_type;
	Oid			to_type;

	if (of_attno <= 0 || to_attno <= 0)
	{
		const char *column = missing == of ? pair->of_column : pair->to_column;
		FilterScope *columns = filter_column_scope(missing, 1);
		const char *nearest = nearest_name(column, columns->names(columns));

		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("table \"%s\" has no column \"%s\"",
						get_rel_name(missing), column),
				 errdetail("It was to be part of the link \"%s\".",
						   link->name),
				 nearest ? errhint("Perhaps you meant %s.",
								   quote_literal_cstr(nearest)) : 0));
	}
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
				 errhint("Link by columns of type bigint, integer, smallint, numeric, uuid, date, timestamp, text, varchar or char, or an enum, whose collation is deterministic.")));
	if (!link_types_fit(of_type, to_type))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of \"%s\" is of type %s, but \"%s\" of \"%s\" is of type %s",
						pair->of_column, get_rel_name(of),
						format_type_be(get_atttype(of, of_attno)),
						pair->to_column, get_rel_name(link->relid),
						format_type_be(get_atttype(link->relid, to_attno))),
				 errhint("Give both columns of a link the same type.")));
	if (collation_of(of, of_attno) != collation_of(link->relid, to_attno))
		ereport(ERROR,
				(errcode(ERRCODE_COLLATION_MISMATCH),
				 errmsg("column \"%s\" of \"%s\" and \"%s\" of \"%s\" have different collations",
						pair->of_column, get_rel_name(of), pair->to_column,
						get_rel_name(link->relid)),
				 errhint("Give both columns of a link the same collation.")));
}

/* check_together() refuses a link to more than one row. */
static void
check_together(const NewLink *link)
{
	Bitmapset  *columns = NULL;
	StringInfoData list;

	initStringInfo(&list);
	for (int i = 0; i < link->npairs; i++)
	{
		const char *column = link->pairs[i].to_column;

		columns = bms_add_member(columns, get_attnum(link->relid, column));
		appendStringInfo(&list, "%s%s", i == 0 ? "" : ", ",
						 quote_identifier(column));
	}
	if (link_is_unique(link->relid, columns, InvalidOid))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_TABLE_DEFINITION),
			 link->npairs == 1 ?
			 errmsg("column \"%s\" of \"%s\" is not unique",
					link->pairs[0].to_column, get_rel_name(link->relid)) :
			 errmsg("columns %s of \"%s\" are not unique", list.data,
					get_rel_name(link->relid)),
			 errdetail("A row refers to one row of a linked table at most."),
			 source_is_inherited(link->relid) ?
			 errhint("Other tables inherit from it, and no index is unique across them. Use a partitioned table.") :
			 get_rel_relkind(link->relid) == RELKIND_PARTITIONED_TABLE ?
			 errhint("A unique index of a partitioned table has its partition key, too: name all of its columns, for example %s.",
					 as_argument(link,
								 "order_id, ordered_at = id, ordered_at")) :
			 errhint("CREATE UNIQUE INDEX ON %s (%s);",
					 relation_name(link->relid), list.data)));
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
