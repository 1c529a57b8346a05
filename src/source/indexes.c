/*-------------------------------------------------------------------------
 *
 * indexes.c
 *	  Has a table the indexes that a source of it needs?
 *
 *		customers (customer_id)		unique: a source without a time has one
 *									row a profile
 *		orders (customer_id)		not needed, but a retraction reads the
 *									events of one profile again
 *		products (id)				unique: a line has one product
 *		orders (order_id, day)		unique: partitioned by day, rows are known
 *									again by order_id all the same
 *
 * An index on some rows of the table is as good for the key if the source has
 * no others.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "rewrite/rewriteHandler.h"
#include "storage/lockdefs.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/partcache.h"
#include "utils/rel.h"

#include "base/base.h"
#include "source/source_private.h"

static bool finds_events(const Source *source, Relation relation);
static bool key_has_index(const Source *source, Relation relation,
						  bool unique, Oid without);
static bool key_is_unique(const Source *source, Relation relation,
						  Oid without);
static bool is_unique_in_partitions(const Source *source, AttrNumber attno,
									Oid without);
static bool calls_nextval(Node *node, void *context);
static Bitmapset *partition_columns(Oid relid);
static void refuse_several_tables(const Source *source);
static void refuse_several_rows(const Source *source);
static void advise_index(const Source *source, Relation relation);
static const char *column_name(Relation relation, AttrNumber column);

void
indexes_check(const Source *source, Relation relation)
{
	if (source->at_attno == InvalidAttrNumber)
	{
		if (source_is_inherited(RelationGetRelid(relation)))
			refuse_several_tables(source);
		if (!key_is_unique(source, relation, InvalidOid))
			refuse_several_rows(source);
		return;
	}
	if (!finds_events(source, relation))
		advise_index(source, relation);
}

/* finds_events() says whether an index finds the events of a profile. */
static bool
finds_events(const Source *source, Relation relation)
{
	return source_is_inherited(RelationGetRelid(relation)) ?
		link_is_found(source->relid, bms_make_singleton(source->key_attno)) :
		key_has_index(source, relation, false, InvalidOid);
}

bool
source_finds_profiles(const Source *source)
{
	Relation	relation;
	bool		found;

	if (source->nlinks > 0)
		return source_joins_by_index(source);
	relation = relation_open(source->relid, AccessShareLock);
	found = finds_events(source, relation);
	relation_close(relation, NoLock);
	return found;
}

/*
 * key_has_index() says whether an index, other than 'without', finds the rows
 * of a profile; one that is 'unique' says that there is only one.
 */
static bool
key_has_index(const Source *source, Relation relation, bool unique,
			  Oid without)
{
	List	   *condition = make_ands_implicit(source_condition(source, NULL));
	bool		found = false;
	ListCell   *lc;

	foreach(lc, RelationGetIndexList(relation))
	{
		Relation	index = relation_open(lfirst_oid(lc), AccessShareLock);
		Form_pg_index form = index->rd_index;

		found |= lfirst_oid(lc) != without && form->indisvalid &&
			form->indkey.values[0] == source->key_attno &&
			predicate_implied_by(RelationGetIndexPredicate(index), condition,
								 false) &&
			(!unique || (form->indisunique && form->indnkeyatts == 1 &&
						 form->indimmediate));
		relation_close(index, AccessShareLock);
	}
	return found;
}

/* key_is_unique() says whether the source has one row of a profile at most. */
static bool
key_is_unique(const Source *source, Relation relation, Oid without)
{
	return !source_is_inherited(RelationGetRelid(relation)) &&
		key_has_index(source, relation, true, without);
}

bool
source_is_unique(const Source *source, const char *column, Oid without)
{
	AttrNumber	attno = get_attnum(source->relid, column);

	return attno > 0 &&
		(link_is_unique(source->relid, bms_make_singleton(attno), without) ||
		 is_unique_in_partitions(source, attno, without));
}

bool
source_is_parted(const Source *source, const char *column)
{
	AttrNumber	attno = get_attnum(source->relid, column);

	return !link_is_unique(source->relid, bms_make_singleton(attno),
						   InvalidOid) &&
		is_unique_in_partitions(source, attno, InvalidOid);
}

/*
 * is_unique_in_partitions() says whether the rows of a partitioned table are
 * unique by a column and the partition key, as an index other than 'without'
 * says.  By the profile's key they are not meant to be: a profile may have one
 * at each time.
 */
static bool
is_unique_in_partitions(const Source *source, AttrNumber attno, Oid without)
{
	Bitmapset  *columns = partition_columns(source->relid);
	Relation	relation;
	bool		found = false;
	ListCell   *lc;

	if (columns == NULL ||
		(source->key_link == 0 && source->key_attno == attno))
		return false;
	columns = bms_add_member(columns, attno);
	relation = relation_open(source->relid, AccessShareLock);
	foreach(lc, RelationGetIndexList(relation))
	{
		Relation	index = relation_open(lfirst_oid(lc), AccessShareLock);
		const FormData_pg_index *form = index->rd_index;
		Bitmapset  *keys = NULL;

		for (int i = 0; i < form->indnkeyatts; i++)
			keys = bms_add_member(keys, form->indkey.values[i]);
		found |= lfirst_oid(lc) != without && form->indisunique &&
			form->indimmediate && index_finds(index, form->indkey.values[0]) &&
			bms_is_member(attno, keys) && bms_is_subset(keys, columns);
		relation_close(index, AccessShareLock);
	}
	relation_close(relation, NoLock);
	return found;
}

bool
source_is_numbered(const Source *source, const char *column)
{
	Relation	relation = relation_open(source->relid, AccessShareLock);
	AttrNumber	attno = get_attnum(source->relid, column);
	Form_pg_attribute att = TupleDescAttr(RelationGetDescr(relation),
										  attno - 1);
	bool		numbered = att->attidentity != '\0' ||
		getBaseType(att->atttypid) == UUIDOID ||
		calls_nextval(build_column_default(relation, attno), NULL);

	relation_close(relation, NoLock);
	return numbered;
}

/* calls_nextval() says whether a default takes numbers.  A walker. */
static bool
calls_nextval(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, NextValueExpr) ||
		(IsA(node, FuncExpr) && ((FuncExpr *) node)->funcid == F_NEXTVAL))
		return true;
	return expression_tree_walker(node, calls_nextval, context);
}

/*
 * partition_columns() lists the columns by which a table is partitioned, and
 * those below it, as attributes of the table at the top.
 */
static Bitmapset *
partition_columns(Oid relid)
{
	Bitmapset  *columns = NULL;
	ListCell   *lc;

	if (get_rel_relkind(relid) != RELKIND_PARTITIONED_TABLE)
		return NULL;
	foreach(lc, source_tree(relid, NoLock))
	{
		Relation	relation = try_relation_open(lfirst_oid(lc),
												 AccessShareLock);
		PartitionKey key;

		if (relation == NULL)
			continue;
		key = RelationGetPartitionKey(relation);
		/* of an expression there is no unique index */
		for (int i = 0; key != NULL && i < key->partnatts; i++)
			if (key->partattrs[i] > 0)
			{
				char	   *name = get_attname(lfirst_oid(lc),
											   key->partattrs[i], false);

				columns = bms_add_member(columns, get_attnum(relid, name));
			}
		relation_close(relation, AccessShareLock);
	}
	return columns;
}

bool
source_lacks_unique(const Source *source, Oid relid, Oid without)
{
	for (int i = 0; i < source->nlinks; i++)
	{
		const SourceLink *link = &source->links[i];
		Bitmapset  *columns = link_to_columns(link);

		/* whose columns are all there */
		if (link->relid == relid && bms_next_member(columns, -1) > 0 &&
			!link_is_unique(relid, columns, without))
			return true;
	}
	if (source->at_attno == InvalidAttrNumber && source->at == NULL &&
		source->relid == relid && source->key_link == 0 &&
		source->key_attno != InvalidAttrNumber)
	{
		Relation	relation = try_relation_open(relid, AccessShareLock);
		bool		unique = relation == NULL ||
			key_is_unique(source, relation, without);

		if (relation != NULL)
			relation_close(relation, NoLock);
		return !unique;
	}
	return false;
}

/*
 * refuse_several_tables() refuses an attribute source that others inherit
 * from: no index finds out that two tables have a row of one profile.
 */
static void
refuse_several_tables(const Source *source)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_TABLE_DEFINITION),
			 errmsg("table \"%s\" may hold several rows of one profile",
					get_rel_name(source->relid)),
			 errdetail("Other tables inherit from it, and no index is unique across them."),
			 errhint("For a table of events, name its time with at => '...'. Otherwise use a partitioned table.")));
}

/* refuse_several_rows() refuses an attribute source without a unique index. */
static void
refuse_several_rows(const Source *source)
{
	char	   *table = source_table_name(source);
	char	   *key = source_key_column(source);
	char	   *condition = source_condition_sql(source, false);

	ereport(ERROR,
			(errcode(ERRCODE_INVALID_TABLE_DEFINITION),
			 errmsg("table \"%s\" may hold several rows of one profile",
					get_rel_name(source->relid)),
			 errdetail("An attribute source has at most one row per profile, and no unique index on \"%s\" says so.",
					   key),
			 errhint("For a table of events, name its time with at => '...'. Otherwise: CREATE UNIQUE INDEX ON %s (%s)%s%s;",
					 table, key, condition == NULL ? "" : " WHERE ",
					 condition == NULL ? "" : condition)));
}

/* advise_index() says that no index finds the events of a profile. */
static void
advise_index(const Source *source, Relation relation)
{
	char	   *key = source_key_column(source);

	ereport(NOTICE,
			(errmsg("table \"%s\" has no index on \"%s\"",
					RelationGetRelationName(relation), key),
			 errdetail("Updates and deletes may have to read the events of one profile again."),
			 errhint("CREATE INDEX ON %s (%s, %s);", source_table_name(source),
					 key, column_name(relation, source->at_attno))));
}

/* column_name() is the name of a column, quoted for SQL. */
static const char *
column_name(Relation relation, AttrNumber column)
{
	Form_pg_attribute att = TupleDescAttr(RelationGetDescr(relation),
										  column - 1);

	return quote_identifier(NameStr(att->attname));
}
