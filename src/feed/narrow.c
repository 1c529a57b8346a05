/*-------------------------------------------------------------------------
 *
 * narrow.c
 *	  Which transitions does a query ask for, of rows that have several?
 *
 *		SELECT audience FROM segment.transition
 *		WHERE seq > 1000 AND population = 'profile'
 *
 * The view takes the transitions of rows that have several from a function,
 * which knows nothing of the query.  But the planner hands conditions down
 * into the view, until they stand beside the call, and then lets us simplify
 * that:
 *
 *		FROM feed_counter c CROSS JOIN LATERAL feed_members(c.population) m
 *		WHERE m.seq > 1000 AND c.population = 'profile'
 *
 *		feed_members(c.population)
 *		─► feed_members(c.population, from_seq => 1000, keys => false)
 *
 * So only the rows of the feed are read that may have such transitions, and
 * keys are looked up only if the query names them.  The conditions stay: what
 * the function returns need not be right, but complete.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/stratnum.h"
#include "catalog/pg_opfamily.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/pathnodes.h"
#include "nodes/supportnodes.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "parser/parse_coerce.h"
#include "parser/parsetree.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"

#include "base/base.h"
#include "feed/feed_private.h"

SEGMENT_FUNCTION(segment_feed_members_support);

/* The arguments of feed_members() that may be filled in. */
enum
{
	ARG_FROM = 1,
	ARG_TO,
	ARG_AUDIENCE,
	ARG_KEYS,
	ARGS
};

/* A call in the FROM of a query, and what it can be narrowed down to. */
typedef struct Narrowing
{
	Query	   *query;
	int			relid;			/* of the call, among the query's relations */
	Node	   *args[ARGS];		/* NULL: any */
} Narrowing;

static bool is_wide(const FuncExpr *call);
static int	relation_of_call(const Query *query, const FuncExpr *call);
static void read_condition(Narrowing *narrowing, Node *condition);
static void read_comparison(Narrowing *narrowing, Oid operator,
							Oid collation, Node *left, Node *right);
static void narrow(Narrowing *narrowing, int argument, Oid type, Node *value);
static bool names_key(Node *node, void *context);

/*
 * segment.feed_members_support(internal): the planner's question about a call
 */
Datum
segment_feed_members_support(PG_FUNCTION_ARGS)
{
	SupportRequestSimplify *request =
		(SupportRequestSimplify *) PG_GETARG_POINTER(0);
	Narrowing	narrowing = {0};
	FuncExpr   *call;
	List	   *args = NIL;
	ListCell   *lc;

	if (!IsA(request, SupportRequestSimplify) || request->root == NULL ||
		!is_wide(request->fcall))
		PG_RETURN_POINTER(NULL);
	narrowing.query = request->root->parse;
	narrowing.relid = relation_of_call(narrowing.query, request->fcall);
	if (narrowing.relid == 0)
		PG_RETURN_POINTER(NULL);

	read_condition(&narrowing, narrowing.query->jointree->quals);
	if (!query_tree_walker(narrowing.query, names_key, &narrowing,
						   QTW_IGNORE_JOINALIASES))
		narrowing.args[ARG_KEYS] = (Node *) makeBoolConst(false, false);

	foreach(lc, request->fcall->args)
	{
		Node	   *arg = narrowing.args[foreach_current_index(lc)];

		args = lappend(args, arg != NULL ? arg : lfirst(lc));
	}
	call = makeNode(FuncExpr);
	*call = *request->fcall;
	call->args = args;
	PG_RETURN_POINTER(call);
}

/* is_wide() tells whether a call is as it stands in the view. */
static bool
is_wide(const FuncExpr *call)
{
	for (int i = ARG_FROM; i < ARGS; i++)
	{
		Const	   *arg = list_nth(call->args, i);

		if (!IsA(arg, Const) || arg->constisnull != (i != ARG_KEYS))
			return false;
	}
	return true;
}

/*
 * relation_of_call() finds the relation of a query that is a call of the
 * function; 0 if there is none, or if there are several.
 */
static int
relation_of_call(const Query *query, const FuncExpr *call)
{
	int			relid = 0;
	ListCell   *lc;

	foreach(lc, query->rtable)
	{
		RangeTblEntry *entry = lfirst(lc);
		FuncExpr   *expr;

		if (entry->rtekind != RTE_FUNCTION ||
			list_length(entry->functions) != 1)
			continue;
		expr = (FuncExpr *) ((RangeTblFunction *)
							 linitial(entry->functions))->funcexpr;
		if (!IsA(expr, FuncExpr) || expr->funcid != call->funcid)
			continue;
		if (relid != 0)
			return 0;
		relid = foreach_current_index(lc) + 1;
	}
	return relid;
}

/* read_condition() narrows down to rows for which a condition may hold. */
static void
read_condition(Narrowing *narrowing, Node *condition)
{
	ListCell   *lc;

	if (condition == NULL)
		return;
	if (IsA(condition, List))
	{
		foreach(lc, (List *) condition)
			read_condition(narrowing, lfirst(lc));
	}
	else if (is_andclause(condition))
		read_condition(narrowing, (Node *) ((BoolExpr *) condition)->args);
	else if (is_opclause(condition) &&
			 list_length(((OpExpr *) condition)->args) == 2)
	{
		OpExpr	   *comparison = (OpExpr *) condition;
		Node	   *left = linitial(comparison->args);
		Node	   *right = lsecond(comparison->args);

		read_comparison(narrowing, comparison->opno, comparison->inputcollid,
						left, right);
		read_comparison(narrowing, get_commutator(comparison->opno),
						comparison->inputcollid, right, left);
	}
}

/*
 * read_comparison() does so for a column of the call on the left, if it is.
 * Where names that look different may be equal, audiences are not told apart.
 */
static void
read_comparison(Narrowing *narrowing, Oid operator, Oid collation,
				Node *left, Node *right)
{
	Var		   *var = (Var *) left;
	int			strategy;

	if (!IsA(var, Var) || var->varno != narrowing->relid ||
		var->varlevelsup != 0 || contain_var_clause(right) ||
		contain_subplans(right) || contain_volatile_functions(right))
		return;
	if (var->varattno == TRANSITION_AUDIENCE)
	{
		if ((get_opcode(operator) == F_TEXTEQ ||
			 get_opcode(operator) == F_TEXTEQNAME) &&
			get_collation_isdeterministic(collation))
			narrow(narrowing, ARG_AUDIENCE, TEXTOID, right);
		return;
	}
	if (var->varattno != TRANSITION_SEQ)
		return;
	strategy = get_op_opfamily_strategy(operator, INTEGER_BTREE_FAM_OID);
	if (strategy == BTGreaterStrategyNumber ||
		strategy == BTGreaterEqualStrategyNumber ||
		strategy == BTEqualStrategyNumber)
		narrow(narrowing, ARG_FROM, INT8OID, right);
	if (strategy == BTLessStrategyNumber ||
		strategy == BTLessEqualStrategyNumber ||
		strategy == BTEqualStrategyNumber)
		narrow(narrowing, ARG_TO, INT8OID, right);
}

/*
 * narrow() fills in an argument, unless another condition has done that.
 *
 * A NULL is none of the values that a column may be compared with: no row is
 * asked for, and all that are returned are filtered away.
 */
static void
narrow(Narrowing *narrowing, int argument, Oid type, Node *value)
{
	if (narrowing->args[argument] == NULL)
		narrowing->args[argument] =
			coerce_to_target_type(NULL, copyObject(value), exprType(value),
								  type, -1, COERCION_ASSIGNMENT,
								  COERCE_IMPLICIT_CAST, -1);
}

/*
 * names_key() tells whether a part of a query names the keys that the call
 * returns: a walker.  A whole row does, and a column of a join may.
 */
static bool
names_key(Node *node, void *context)
{
	Narrowing  *narrowing = context;
	Var		   *var = (Var *) node;

	if (node == NULL)
		return false;
	if (IsA(node, Query))
		return true;
	if (!IsA(node, Var))
		return expression_tree_walker(node, names_key, context);
	if (var->varlevelsup != 0)
		return false;
	return var->varno == narrowing->relid ?
		var->varattno == TRANSITION_KEY || var->varattno <= 0 :
		rt_fetch(var->varno, narrowing->query->rtable)->rtekind == RTE_JOIN;
}
