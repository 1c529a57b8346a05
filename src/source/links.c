/*-------------------------------------------------------------------------
 *
 * links.c
 *	  What is the row of a source that refers to others?
 *
 *		order_lines through orders, look-up product
 *
 *		number	rows			joined row
 *		0		order_lines		id, order_id, product_id, amount,
 *		1		orders			id, customer_id, status, ordered_at,
 *		2		products		id, category
 *
 * Filters and definitions name orders.status and product.category; in SQL they
 * are r1.status and r2.category, and where capture evaluates them columns 7
 * and 10 of the joined row.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "catalog/pg_class.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/plannodes.h"
#include "storage/lockdefs.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"

#include "base/base.h"
#include "source/source_private.h"

static bool has_index(Oid relid, const Bitmapset *columns);
static bool has_unique_index(Oid relid, const Bitmapset *columns, Oid without);
static bool search_indexes(Oid relid, const Bitmapset *columns, bool unique,
						   Oid without);
static bool is_unique_by(Relation index, const Bitmapset *columns);
static Node *renumber(Node *node, void *source);
static bool is_integer(Oid type);
static bool link_value(Oid from, Oid to, Datum *value);

Oid
source_relid(const Source *source, int number)
{
	return number == 0 ? source->relid : source->links[number - 1].relid;
}

AttrNumber
source_attno(const Source *source, int number, AttrNumber attno)
{
	return number == 0 ? attno : source->links[number - 1].offset + attno;
}

TupleDesc
source_row_desc(const Source *source)
{
	TupleDesc	joined = NULL;
	int			columns = 0;

	for (int number = 0; number <= source->nlinks; number++)
		columns += source_columns(source_relid(source, number));
	joined = CreateTemplateTupleDesc(columns);
	columns = 0;
	for (int number = 0; number <= source->nlinks; number++)
	{
		Relation	relation = relation_open(source_relid(source, number),
											 AccessShareLock);
		TupleDesc	desc = RelationGetDescr(relation);

		for (int i = 1; i <= desc->natts; i++)
			TupleDescCopyEntry(joined, ++columns, desc, i);
		relation_close(relation, NoLock);
	}
	return joined;
}

Expr *
source_row_expr(const Source *source, Expr *expr)
{
	return source->nlinks == 0 ? expr :
		(Expr *) renumber((Node *) expr, unconstify(Source *, source));
}

/* renumber() makes columns of links columns of the joined row.  A mutator. */
static Node *
renumber(Node *node, void *context)
{
	const Source *source = context;

	if (node != NULL && IsA(node, Var))
	{
		Var		   *var = copyObject((Var *) node);

		var->varattno = source_attno(source, var->varno - 1, var->varattno);
		var->varno = 1;
		return (Node *) var;
	}
	return expression_tree_mutator(node, renumber, context);
}

List *
source_deparse_context(const Source *source)
{
	PlannedStmt *statement = makeNode(PlannedStmt);
	List	   *names = NIL;

	if (source->nlinks == 0)
		return deparse_context_for("r", source->relid);
	for (int number = 0; number <= source->nlinks; number++)
	{
		RangeTblEntry *entry = makeNode(RangeTblEntry);

		entry->rtekind = RTE_RELATION;
		entry->relid = source_relid(source, number);
		entry->relkind = RELKIND_RELATION;
		entry->rellockmode = AccessShareLock;
		entry->inFromCl = true;
		entry->eref = makeAlias(source_alias(number), NIL);
		statement->rtable = lappend(statement->rtable, entry);
		names = lappend(names, source_alias(number));
	}
	return deparse_context_for_plan_tree(statement, names);
}

char *
source_alias(int number)
{
	return number == 0 ? pstrdup("r") : psprintf("r%d", number);
}

int
source_columns(Oid relid)
{
	Relation	relation = try_relation_open(relid, AccessShareLock);
	int			columns = 0;

	if (relation == NULL)
		return 0;
	columns = RelationGetDescr(relation)->natts;
	relation_close(relation, AccessShareLock);
	return columns;
}

bool
source_joins_by_index(const Source *source)
{
	if (source->nlinks == 0 ||
		!link_is_found(source_relid(source, source->key_link),
					   bms_make_singleton(source->key_attno)))
		return false;
	for (int i = 0; i < source->nlinks; i++)
		if (!source->links[i].look_up &&
			!link_is_found(source_relid(source, source->links[i].of),
						   link_of_columns(&source->links[i])))
			return false;
	return true;
}

Oid
link_type(Oid relid, AttrNumber attno)
{
	Oid			type;
	int32		typmod;
	Oid			collation;

	get_atttypetypmodcoll(relid, attno, &type, &typmod, &collation);
	type = getBaseType(type);
	/* capture compares values: no function that a user has made */
	switch (type)
	{
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case NUMERICOID:
		case UUIDOID:
		case DATEOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			return type;
		case VARCHAROID:
		case TEXTOID:
			type = TEXTOID;
			break;
		case BPCHAROID:
			break;
		default:
			return type_is_enum(type) ? type : InvalidOid;
	}
	return collation == DEFAULT_COLLATION_OID ||
		get_collation_isdeterministic(collation) ? type : InvalidOid;
}

bool
link_types_fit(Oid one, Oid other)
{
	return one == other || (is_integer(one) && is_integer(other));
}

static bool
is_integer(Oid type)
{
	return type == INT2OID || type == INT4OID || type == INT8OID;
}

bool
link_values_up(const SourceLink *link, Datum *values)
{
	for (int i = 0; i < link->npairs; i++)
		if (!link_value(link->pairs[i].of_type, link->pairs[i].to_type,
						&values[i]))
			return false;
	return true;
}

bool
link_values_down(const SourceLink *link, Datum *values)
{
	for (int i = 0; i < link->npairs; i++)
		if (!link_value(link->pairs[i].to_type, link->pairs[i].of_type,
						&values[i]))
			return false;
	return true;
}

Bitmapset *
link_of_columns(const SourceLink *link)
{
	Bitmapset  *columns = NULL;

	for (int i = 0; i < link->npairs; i++)
		columns = bms_add_member(columns, link->pairs[i].of_attno);
	return columns;
}

Bitmapset *
link_to_columns(const SourceLink *link)
{
	Bitmapset  *columns = NULL;

	for (int i = 0; i < link->npairs; i++)
		columns = bms_add_member(columns, link->pairs[i].to_attno);
	return columns;
}

/* link_value() makes a value of one type one of another; false: it cannot. */
static bool
link_value(Oid from, Oid to, Datum *value)
{
	int64		number;

	if (from == to)
		return true;
	number = from == INT2OID ? DatumGetInt16(*value) :
		from == INT4OID ? DatumGetInt32(*value) : DatumGetInt64(*value);
	switch (to)
	{
		case INT2OID:
			*value = Int16GetDatum((int16) number);
			return number >= PG_INT16_MIN && number <= PG_INT16_MAX;
		case INT4OID:
			*value = Int32GetDatum((int32) number);
			return number >= PG_INT32_MIN && number <= PG_INT32_MAX;
		default:
			*value = Int64GetDatum(number);
			return true;
	}
}

bool
link_is_unique(Oid relid, const Bitmapset *columns, Oid without)
{
	/* no index is unique across tables that inherit */
	return has_unique_index(relid, columns, without) &&
		!source_is_inherited(relid);
}

bool
link_is_found(Oid relid, const Bitmapset *columns)
{
	bool		found = true;
	ListCell   *lc;

	if (!source_is_inherited(relid))
		return has_index(relid, columns);
	foreach(lc, source_tree(relid, NoLock))
	{
		Bitmapset  *below = NULL;
		int			attno = -1;

		while ((attno = bms_next_member(columns, attno)) >= 0)
			below = bms_add_member(below,
								   get_attnum(lfirst_oid(lc),
											  get_attname(relid, attno,
														  false)));
		found &= has_index(lfirst_oid(lc), below);
	}
	return found;
}

/* has_index() says whether an index finds rows by one of some columns. */
static bool
has_index(Oid relid, const Bitmapset *columns)
{
	return search_indexes(relid, columns, false, InvalidOid);
}

/* has_unique_index() says whether one but 'without' says they are unique. */
static bool
has_unique_index(Oid relid, const Bitmapset *columns, Oid without)
{
	return search_indexes(relid, columns, true, without);
}

/*
 * search_indexes() says whether a table has an index, other than 'without',
 * that finds rows by one of some columns; a 'unique' one has no others.
 */
static bool
search_indexes(Oid relid, const Bitmapset *columns, bool unique, Oid without)
{
	Relation	relation = try_relation_open(relid, AccessShareLock);
	bool		found = false;
	ListCell   *lc;

	if (relation == NULL)
		return false;
	foreach(lc, RelationGetIndexList(relation))
	{
		Relation	index = relation_open(lfirst_oid(lc), AccessShareLock);
		AttrNumber	first = index->rd_index->indkey.values[0];

		found |= lfirst_oid(lc) != without && first > 0 &&
			bms_is_member(first, columns) && index_finds(index, first) &&
			(!unique || is_unique_by(index, columns));
		relation_close(index, AccessShareLock);
	}
	relation_close(relation, NoLock);
	return found;
}

/* is_unique_by() says whether an index has no other columns, and is unique. */
static bool
is_unique_by(Relation index, const Bitmapset *columns)
{
	const FormData_pg_index *form = index->rd_index;

	if (!form->indisunique || !form->indimmediate)
		return false;
	for (int i = 0; i < form->indnkeyatts; i++)
		if (form->indkey.values[i] <= 0 ||
			!bms_is_member(form->indkey.values[i], columns))
			return false;
	return true;
}

bool
index_finds(Relation index, AttrNumber attno)
{
	return index->rd_index->indisvalid &&
		index->rd_index->indkey.values[0] == attno &&
		heap_attisnull(index->rd_indextuple, Anum_pg_index_indpred, NULL);
}
