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

#include "access/genam.h"
#include "access/transam.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/relcache.h"

#include "profile/profile.h"
#include "source/source.h"

static bool triggers_are_ours(Relation relation);
static bool columns_call_code(Relation relation);
static bool constraints_call_code(Relation relation);
static bool indexes_call_code(Relation relation);
static bool calls_code(Node *node);
static bool has_function_of_users(Node *node, void *context);
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

/* indexes_call_code() says whether predicates or expressions do. */
static bool
indexes_call_code(Relation relation)
{
	bool		call = false;
	ListCell   *lc;

	foreach(lc, RelationGetIndexList(relation))
	{
		Relation	index = index_open(lfirst_oid(lc), AccessShareLock);

		call = call ||
			calls_code((Node *) RelationGetIndexPredicate(index)) ||
			calls_code((Node *) RelationGetIndexExpressions(index));
		index_close(index, AccessShareLock);
	}
	return call;
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

/* An expression_tree_walker(). */
static bool
has_function_of_users(Node *node, void *context)
{
	if (node == NULL)
		return false;
	/* a domain may have constraints, which nobody sees in the expression */
	if (IsA(node, CoerceToDomain))
		return true;
	return check_functions_in_node(node, is_of_users, context) ||
		expression_tree_walker(node, has_function_of_users, context);
}

/* is_of_users() says whether a function is not the server's. */
static bool
is_of_users(Oid function, void *context)
{
	return function >= FirstNormalObjectId;
}
