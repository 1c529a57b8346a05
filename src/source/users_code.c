/*-------------------------------------------------------------------------
 *
 * users_code.c
 *	  Does code of users run where rows of a table that we keep are written?
 *
 *		CREATE TRIGGER audit AFTER INSERT ON segment_data.profile_club_step ...
 *		ALTER TABLE segment_data.profile_club_lot ADD CHECK (good(granted))
 *		CREATE INDEX ON segment_data.profile_club_movement (shop_of(note))
 *
 * Such code may read profiles, which have to be written by then.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/amapi.h"
#include "access/genam.h"
#include "access/transam.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/relcache.h"

#include "base/compat.h"
#include "profile/profile.h"
#include "source/source.h"

static bool triggers_are_ours(Relation relation);
static bool columns_call_code(Relation relation);
static bool constraints_call_code(Relation relation);
static bool indexes_call_code(Relation relation);
static bool keys_call_code(Relation index);
static bool calls_code(Node *node);
static bool has_function_of_users(Node *node, void *context);
static bool type_calls_code(Oid type);
static bool is_of_users(Oid function, void *context);

bool
table_runs_code(Relation relation)
{
	return relation->rd_rules != NULL || !triggers_are_ours(relation) ||
		columns_call_code(relation) || constraints_call_code(relation) ||
		indexes_call_code(relation);
}

/* triggers_are_ours() says whether all triggers are. */
static bool
triggers_are_ours(Relation relation)
{
	/* looking at functions may make the server forget the relation's own */
	TriggerDesc *triggers = CopyTriggerDesc(relation->trigdesc);

	for (int i = 0; triggers != NULL && i < triggers->numtriggers; i++)
		if (!trigger_is_capture(&triggers->triggers[i]) &&
			!trigger_is_read_only(&triggers->triggers[i]))
			return false;
	return true;
}

/* columns_call_code() says whether there is a column of a domain. */
static bool
columns_call_code(Relation relation)
{
	TupleDesc	desc = RelationGetDescr(relation);

	for (int i = 0; i < desc->natts; i++)
		if (!TupleDescAttr(desc, i)->attisdropped &&
			get_typtype(TupleDescAttr(desc, i)->atttypid) == TYPTYPE_DOMAIN)
			return true;
	return false;
}

/* constraints_call_code() says whether CHECK constraints or defaults do. */
static bool
constraints_call_code(Relation relation)
{
	const TupleConstr *constraints = RelationGetDescr(relation)->constr;

	if (constraints == NULL)
		return false;
	for (int i = 0; i < constraints->num_check; i++)
		if (calls_code(stringToNode(constraints->check[i].ccbin)))
			return true;
	for (int i = 0; i < constraints->num_defval; i++)
		if (calls_code(stringToNode(constraints->defval[i].adbin)))
			return true;
	return false;
}

/* indexes_call_code() says whether predicates, expressions or orders do. */
static bool
indexes_call_code(Relation relation)
{
	bool		call = false;
	ListCell   *lc;

	foreach(lc, RelationGetIndexList(relation))
	{
		Relation	index = index_open(lfirst_oid(lc), AccessShareLock);

		call = call || keys_call_code(index) ||
			calls_code((Node *) RelationGetIndexPredicate(index)) ||
			calls_code((Node *) RelationGetIndexExpressions(index));
		index_close(index, AccessShareLock);
	}
	return call;
}

/*
 * keys_call_code() says whether an index orders, or excludes, its keys by
 * functions of users, or compares rows or ranges that may have such inside.
 */
static bool
keys_call_code(Relation index)
{
	int			nkeys = IndexRelationGetNumberOfKeyAttributes(index);

	for (int i = 0; i < nkeys; i++)
	{
		for (int n = 1; n <= index->rd_indam->amsupport; n++)
		{
			Oid			function = index_getprocid(index, i + 1, n);

			if (OidIsValid(function) && is_of_users(function, NULL))
				return true;
		}
		if (type_calls_code(index->rd_opcintype[i]) ||
			type_calls_code(TupleDescAttr(RelationGetDescr(index),
										  i)->atttypid))
			return true;
	}
	/* whose operator excludes them? */
	return index->rd_index->indisexclusion;
}

/*
 * calls_code() says whether an expression calls a function of users, or one of
 * the server's that may run any SQL.
 */
static bool
calls_code(Node *node)
{
	return has_function_of_users(node, NULL) ||
		contain_volatile_functions(node);
}

/*
 * An expression_tree_walker().  The server's functions call those of users'
 * types unseen: array_in() the checks of a domain, record_eq() the operators
 * of fields, greatest(...) the order.  So a value of such a type is enough.
 */
static bool
has_function_of_users(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, CoerceToDomain) ||
		(!IsA(node, List) && type_calls_code(exprType(node))))
		return true;
	return check_functions_in_node(node, is_of_users, context) ||
		expression_tree_walker(node, has_function_of_users, context);
}

/* type_calls_code() says whether to read or compare its values may do that. */
static bool
type_calls_code(Oid type)
{
	return type >= FirstNormalObjectId && get_typtype(type) != TYPTYPE_ENUM;
}

/*
 * is_of_users() says whether a function is not the server's, or is one that
 * reads tables, or values of types that it is told by their names.  Others
 * that do so are volatile.
 */
static bool
is_of_users(Oid function, void *context)
{
	static const Oid readers[] = {
		F_TABLE_TO_XML, F_TABLE_TO_XML_AND_XMLSCHEMA, F_SCHEMA_TO_XML,
		F_SCHEMA_TO_XML_AND_XMLSCHEMA, F_DATABASE_TO_XML,
		F_DATABASE_TO_XML_AND_XMLSCHEMA, F_PG_INPUT_IS_VALID,
		F_PG_INPUT_ERROR_INFO,
	};

	for (int i = 0; i < lengthof(readers); i++)
		if (function == readers[i])
			return true;
	return function >= FirstNormalObjectId;
}
