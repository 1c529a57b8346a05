/*-------------------------------------------------------------------------
 *
 * call_site.c
 *	  Where does a call of segment.matches() stand in its query?
 *
 *		SELECT p @@ 'a > 1' FROM p					as a value
 *		SELECT * FROM p WHERE p @@ 'a > 1'			as a qual
 *		SELECT * FROM a LEFT JOIN p ON ...
 *		WHERE p @@ 'a > 1'							a row that may be NULL
 *
 * The planner hands a support function the call and its query, and does not
 * tell where in the query the call stands.  So we look for it.  In doubt the
 * answer is the one that is always right, and only slower.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "nodes/pathnodes.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "filter/compile_private.h"

/* What find_subqueries() has seen of calls in subqueries */
typedef struct SubqueryRows
{
	Oid			function;		/* segment.matches */
	Index		varno;			/* of the row */
	bool		found;			/* a subquery has a row of this number */
	bool		nullable;		/* and an outer join may make it NULL */
} SubqueryRows;

typedef struct Occurrences
{
	Oid			function;		/* segment.matches */
	Filter	   *filter;
	int			all;
	int			as_qual;
	bool		hidden;			/* there may be more that we do not see */
} Occurrences;

static bool find_subqueries(Node *node, SubqueryRows *inner);
static bool find_rows(Node *node, SubqueryRows *inner);
static bool nullable_in(Node *jointree, int varno, bool nullable);
static List *match_arguments(Node *node, Oid function);
static bool is_occurrence(Node *node, Occurrences *found);
static bool count_all(Node *node, Occurrences *found);
static bool note_hidden(Oid function, void *context);
static void count_quals(Node *node, Occurrences *found);
static void count_jointree(Node *node, Occurrences *found);

/*
 * The whole row is NULL where an outer join finds no partner for it.
 *
 * The call may also stand inside the nullable side of the join, where the row
 * is never NULL.  The planner does not tell, so the answer is true there, too.
 */
bool
call_row_is_nullable(PlannerInfo *root, Oid function, Var *var)
{
	SubqueryRows inner = {function, var->varno};

	if (var->varlevelsup == 0)
	{
		/*
		 * without a query: a check constraint, an index, a trigger's condition
		 */
		if (root == NULL)
			return false;

		/*
		 * When the server considers to hash an EXISTS, it simplifies the
		 * conditions of the subquery on behalf of the query around it, and
		 * hands us that one.  So the row may be of either.
		 */
		if (root->parse->hasSubLinks)
			(void) query_tree_walker(root->parse, find_subqueries, &inner, 0);
		return inner.nullable || (inner.found && var->vartype == RECORDOID) ||
			nullable_in((Node *) root->parse->jointree, var->varno, false);
	}

	/* for the same reason the row may be one level nearer than varlevelsup */
	for (int i = 1; root != NULL && i < var->varlevelsup; i++)
		root = root->parent_root;
	return root == NULL || root->parent_root == NULL ||
		nullable_in((Node *) root->parse->jointree, var->varno, false) ||
		nullable_in((Node *) root->parent_root->parse->jointree, var->varno,
					false);
}

/*
 * find_subqueries() is a walker that looks for calls in subqueries whose row
 * has the number that we look for.
 */
static bool
find_subqueries(Node *node, SubqueryRows *inner)
{
	if (node == NULL || IsA(node, Query))
		return false;
	if (IsA(node, SubLink))
	{
		Query	   *query = (Query *) ((SubLink *) node)->subselect;

		if (query_tree_walker(query, find_rows, inner, 0))
		{
			inner->found = true;
			inner->nullable |= nullable_in((Node *) query->jointree,
										   inner->varno, false);
		}
	}
	return expression_tree_walker(node, find_subqueries, inner);
}

/*
 * find_rows() is a walker that stops at a call whose row has the number that
 * we look for.
 */
static bool
find_rows(Node *node, SubqueryRows *inner)
{
	List	   *args;

	if (node == NULL || IsA(node, Query))
		return false;
	args = match_arguments(node, inner->function);
	if (args != NIL && IsA(linitial(args), Var) &&
		((Var *) linitial(args))->varno == inner->varno &&
		((Var *) linitial(args))->varlevelsup == 0)
		return true;
	return expression_tree_walker(node, find_rows, inner);
}

/*
 * nullable_in() says whether an outer join of the join tree makes the row
 * 'varno' NULL; 'nullable' says whether one above the tree does.
 */
static bool
nullable_in(Node *jointree, int varno, bool nullable)
{
	if (jointree == NULL)
		return false;
	check_stack_depth();
	if (IsA(jointree, RangeTblRef))
		return nullable && ((RangeTblRef *) jointree)->rtindex == varno;
	if (IsA(jointree, FromExpr))
	{
		ListCell   *lc;

		foreach(lc, ((FromExpr *) jointree)->fromlist)
			if (nullable_in(lfirst(lc), varno, nullable))
				return true;
		return false;
	}
	else
	{
		JoinExpr   *join = castNode(JoinExpr, jointree);
		bool		left = nullable || join->jointype == JOIN_RIGHT ||
			join->jointype == JOIN_FULL;
		bool		right = nullable || join->jointype == JOIN_LEFT ||
			join->jointype == JOIN_FULL || join->jointype == JOIN_ANTI;

		return nullable_in(join->larg, varno, left) ||
			nullable_in(join->rarg, varno, right);
	}
}

/*
 * A call in WHERE, ON or HAVING asks only for true; NULL may stand for false,
 * and must not be wrapped in IS TRUE or no index would match.  A call whose
 * value is used has to be true or false:
 *
 *		SELECT p @@ 'a > 1' FROM p					(a > 1) IS TRUE
 *		SELECT * FROM p WHERE p @@ 'a > 1'			a > 1
 *		SELECT * FROM p WHERE NOT (p @@ 'a > 1')	NOT ((a > 1) IS TRUE)
 *
 * The server does not tell us where the call stands, and hands us a copy of
 * it.  So we look for calls with this filter in the query: if at least one of
 * them stands in a qual, below AND and OR only, and none stands elsewhere,
 * then so does this one.  The server works on the target list first and puts
 * the result back, so that in
 *
 *		SELECT p @@ 'a > 1' FROM p WHERE p @@ 'a > 1'
 *
 * both are still there for the first call, which is wrapped, and when it comes
 * to WHERE only the second is left, which is not.  In doubt it is wrapped:
 * that is always right, and only slower.
 */
bool
call_stands_as_qual(PlannerInfo *root, FuncExpr *call)
{
	Occurrences found = {call->funcid};
	Const	   *filter;
	Query	   *query;
	ListCell   *lc;

	if (root == NULL)
		return false;

	filter = lsecond_node(Const, call->args);
	found.filter = (Filter *) PG_DETOAST_DATUM(filter->constvalue);
	query = root->parse;

	count_jointree((Node *) query->jointree, &found);
	count_quals(query->havingQual, &found);
	foreach(lc, query->rtable)
		count_quals((Node *) lfirst_node(RangeTblEntry, lc)->securityQuals,
					&found);
	if (found.as_qual == 0)
		return false;

	(void) query_tree_walker(query, count_all, &found, 0);
	(void) expression_tree_walker((Node *) root->append_rel_list, count_all,
								  &found);
	return found.all == found.as_qual && !found.hidden;
}

/* The arguments, if the node calls segment.matches() or is row @@ filter. */
static List *
match_arguments(Node *node, Oid function)
{
	if (IsA(node, FuncExpr) && ((FuncExpr *) node)->funcid == function)
		return ((FuncExpr *) node)->args;
	if (IsA(node, OpExpr) && get_opcode(((OpExpr *) node)->opno) == function)
		return ((OpExpr *) node)->args;
	return NIL;
}

/* A call with our filter, or with one that we cannot tell from it yet. */
static bool
is_occurrence(Node *node, Occurrences *found)
{
	List	   *args = match_arguments(node, found->function);
	Node	   *filter;
	Filter	   *other;

	if (args == NIL)
		return false;

	filter = lsecond(args);
	if (!IsA(filter, Const))
		return true;
	if (((Const *) filter)->constisnull)
		return false;
	other = (Filter *) PG_DETOAST_DATUM(((Const *) filter)->constvalue);
	return VARSIZE(other) == VARSIZE(found->filter) &&
		memcmp(other, found->filter, VARSIZE(other)) == 0;
}

/* count_all() is a walker that counts the calls with our filter. */
static bool
count_all(Node *node, Occurrences *found)
{
	if (node == NULL || IsA(node, Query))
		return false;			/* a level of its own */

	/*
	 * The server simplifies the conditions of an EXISTS on behalf of the query
	 * around it, when it considers to hash the subquery.
	 */
	if (IsA(node, SubLink) &&
		query_tree_walker((Query *) ((SubLink *) node)->subselect,
						  count_all, found, 0))
		return true;
	if (is_occurrence(node, found))
		found->all++;
	else if (check_functions_in_node(node, note_hidden, found))
		found->hidden = true;
	return expression_tree_walker(node, count_all, found);
}

/*
 * An SQL function that takes a row or a filter may be inlined, and call us
 * from a body that is not part of the query's tree.
 */
static bool
note_hidden(Oid function, void *context)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	Form_pg_proc form;
	bool		result = false;

	if (!HeapTupleIsValid(tuple))
		return false;
	form = (Form_pg_proc) GETSTRUCT(tuple);
	if (form->prolang == SQLlanguageId)
		for (int i = 0; i < form->pronargs; i++)
		{
			Oid			type = form->proargtypes.values[i];

			result |= function >= FirstNormalObjectId &&
				(type_is_rowtype(type) || IsPolymorphicType(type));
		}
	ReleaseSysCache(tuple);
	return result;
}

/*
 * count_quals() counts the calls with our filter that are quals, below AND and
 * OR only.
 */
static void
count_quals(Node *node, Occurrences *found)
{
	ListCell   *lc;

	if (node == NULL)
		return;
	check_stack_depth();
	if (IsA(node, List))
	{
		foreach(lc, (List *) node)
			count_quals(lfirst(lc), found);
	}
	else if (is_andclause(node) || is_orclause(node))
		count_quals((Node *) ((BoolExpr *) node)->args, found);
	else if (is_occurrence(node, found))
		found->as_qual++;
}

/* count_jointree() does the same for all quals of a join tree. */
static void
count_jointree(Node *node, Occurrences *found)
{
	ListCell   *lc;

	if (node == NULL)
		return;
	check_stack_depth();
	if (IsA(node, FromExpr))
	{
		foreach(lc, ((FromExpr *) node)->fromlist)
			count_jointree(lfirst(lc), found);
		count_quals(((FromExpr *) node)->quals, found);
	}
	else if (IsA(node, JoinExpr))
	{
		count_jointree(((JoinExpr *) node)->larg, found);
		count_jointree(((JoinExpr *) node)->rarg, found);
		count_quals(((JoinExpr *) node)->quals, found);
	}
}
