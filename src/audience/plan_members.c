/*-------------------------------------------------------------------------
 *
 * plan_members.c
 *	  What does the planner have to know of an audience's view?
 *
 * The view scans the base table (audience_members_sql() in members_of.c), for
 *
 *		is_stored_member('profile', 'vip', members, ord)
 *				those whose members are stored; 10 of 500,000 rows
 *		is_evaluated('profile', 'vip', last, ord)
 *				all, if the snapshot does not show stored members; none
 *				if it does, and "last" is NULL
 *
 * and the planner asks the support function of both how many rows that leaves,
 * and whether an index on ord finds them:
 *
 *		ord = ANY (ords(members))			if the members are few
 *		ord >= LEAST(last, 0) AND ord <= last
 *				if none are to be evaluated: not a page of the table is read
 *
 * Otherwise the table is scanned, and each row asked for.  The planner is told
 * how many rows is_member('vip', key, 'profile') leaves, too.
 *
 * The answers make plans good or bad, and never wrong: the size is that of the
 * moment at which the query is planned, and both conditions say the same as
 * the call.
 *
 * Nobody learns a size who may not read it.  An answer is given about column
 * ord of the base table, which only its owner can name, and the views of
 * audiences; or about is_member(), to a user who may call it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/stratnum.h"
#include "catalog/pg_am.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/pathnodes.h"
#include "nodes/supportnodes.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "audience/definitions.h"
#include "base/base.h"

SEGMENT_FUNCTION(segment_member_support);
SEGMENT_FUNCTION(segment_is_evaluated);

/* The arguments of both; is_member() has others, see argument(). */
enum
{
	ARG_POPULATION,
	ARG_AUDIENCE,
	ARG_MEMBERS,				/* of is_evaluated(): the last ord */
	ARG_ORD,
	ARGS
};

/*
 * If less than one profile in so many is a member, the members are few.  With
 * 500,000 profiles, 2 % of them members, spread at random, the index takes
 * half as long as the scan.
 */
#define FEW		32

/* What is known when the query is planned. */
typedef struct PlannedMembers
{
	double		profiles;
	double		size;			/* -1 if members are not stored */
} PlannedMembers;

static double selectivity(SupportRequestSelectivity *request);
static List *index_condition(SupportRequestIndexCondition *request);
static bool look_up(PlannerInfo *root, List *args, PlannedMembers *members);
static bool may_know(const Population *population, List *args);
static bool is_name(Node *arg, const char *name);
static Node *argument(List *args, int which);
static bool is_about_rest(Oid function);
static List *few_members(IndexOptInfo *index, int column, Oid schema,
						 List *args);
static List *no_members(IndexOptInfo *index, int column, List *args);
static Oid	ord_operator(IndexOptInfo *index, int column,
						 StrategyNumber strategy);

/*
 * is_evaluated(population, audience, last, ord): is the profile one of those
 * up to the last?  The names are for the planner.
 */
Datum
segment_is_evaluated(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(PG_GETARG_INT64(ARG_ORD) <= PG_GETARG_INT64(ARG_MEMBERS));
}

/*
 * segment.member_support(internal): the planner's questions about a call
 */
Datum
segment_member_support(PG_FUNCTION_ARGS)
{
	Node	   *request = (Node *) PG_GETARG_POINTER(0);

	if (IsA(request, SupportRequestSelectivity))
	{
		SupportRequestSelectivity *question =
			(SupportRequestSelectivity *) request;

		question->selectivity = selectivity(question);
		PG_RETURN_POINTER(question->selectivity < 0 ? NULL : question);
	}
	if (IsA(request, SupportRequestIndexCondition))
		PG_RETURN_POINTER(index_condition((SupportRequestIndexCondition *)
										  request));
	PG_RETURN_POINTER(NULL);
}

/* selectivity() returns the share of true answers; -1 if it is unknown. */
static double
selectivity(SupportRequestSelectivity *request)
{
	PlannedMembers members;

	if (!look_up(request->root, request->args, &members))
		return -1;
	if (is_about_rest(request->funcid))
		return members.size < 0 ? 1 : 0;
	if (members.size < 0)
		return list_length(request->args) == ARGS ? 0 : -1;
	return Min(members.size / members.profiles, 1);
}

/* index_condition() returns conditions on ord that are as good as the call. */
static List *
index_condition(SupportRequestIndexCondition *request)
{
	FuncExpr   *call = (FuncExpr *) request->node;
	PlannedMembers members;
	Node	   *given;

	if (!IsA(call, FuncExpr) || request->indexarg != ARG_ORD ||
		request->index->relam != BTREE_AM_OID ||
		list_length(call->args) != ARGS ||
		!look_up(request->root, call->args, &members))
		return NIL;
	given = list_nth(call->args, ARG_MEMBERS);
	if (!IsA(given, Param) && !IsA(given, Const))
		return NIL;
	request->lossy = false;
	if (is_about_rest(call->funcid))
		return members.size < 0 ? NIL :
			no_members(request->index, request->indexcol, call->args);
	if (members.size * FEW > members.profiles)
		return NIL;
	return few_members(request->index, request->indexcol,
					   get_func_namespace(call->funcid), call->args);
}

/*
 * look_up() finds out how many profiles and members there are.  Returns false
 * if the audience is not known yet, or the call is not about the rows of its
 * population's base table.
 */
static bool
look_up(PlannerInfo *root, List *args, PlannedMembers *members)
{
	Const	   *name = (Const *) argument(args, ARG_AUDIENCE);
	Relids		relids = pull_varnos(root, argument(args, ARG_ORD));
	const Population *population;
	const Audience *audience;
	int			relid;
	Oid			table;

	if (!bms_get_singleton_member(relids, &relid) ||
		relid >= root->simple_rel_array_size ||
		root->simple_rel_array[relid] == NULL || !ActiveSnapshotSet() ||
		!IsA(name, Const) || name->constisnull)
		return false;
	table = planner_rt_fetch(relid, root)->relid;
	population = population_by_relation(table);
	if (population == NULL || population->oid != table ||
		!is_name(argument(args, ARG_POPULATION), population->name) ||
		!may_know(population, args))
		return false;
	audience = audience_by_name(population,
								NameStr(*DatumGetName(name->constvalue)));
	if (audience == NULL)
		return false;

	members->profiles = Max(root->simple_rel_array[relid]->tuples, 1);
	members->size = audience->stored ?
		membership_estimate(population, audience->definition_id,
							GetActiveSnapshot()) : -1;
	return true;
}

/* may_know() tells whether the user may know sizes; see above for who may. */
static bool
may_know(const Population *population, List *args)
{
	Var		   *ord = (Var *) argument(args, ARG_ORD);

	if (list_length(args) == ARGS)
		return IsA(ord, Var) &&
			ord->varattno == population_column(population, "ord");
	return pg_class_aclcheck(population->view, GetUserId(),
							 ACL_SELECT) == ACLCHECK_OK;
}

/* is_name() tells whether an argument is this name, or is left out. */
static bool
is_name(Node *arg, const char *name)
{
	Const	   *constant = (Const *) arg;

	return IsA(arg, Const) &&
		(constant->constisnull ||
		 strcmp(NameStr(*DatumGetName(constant->constvalue)), name) == 0);
}

/*
 * argument() returns an argument by its place in the functions of views;
 * is_member(audience, key, population) has the same ones in another order.
 */
static Node *
argument(List *args, int which)
{
	static const int of_is_member[] = {2, 0, -1, 1};

	return list_nth(args, list_length(args) == ARGS ? which :
					of_is_member[which]);
}

/* is_about_rest() tells is_evaluated() from the functions about members. */
static bool
is_about_rest(Oid function)
{
	Oid		   *types;
	int			nargs;

	(void) get_func_signature(function, &types, &nargs);
	return nargs == ARGS && types[ARG_MEMBERS] == INT8OID;
}

/* few_members() returns ord = ANY (ords(members)). */
static List *
few_members(IndexOptInfo *index, int column, Oid schema, List *args)
{
	Oid			types[] = {BYTEAOID};
	Oid			ords = GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid,
									   CStringGetDatum("ords"),
									   PointerGetDatum(buildoidvector(types,
																	  1)),
									   ObjectIdGetDatum(schema));
	Oid			equals = ord_operator(index, column, BTEqualStrategyNumber);
	ScalarArrayOpExpr *any;

	if (!OidIsValid(ords) || !OidIsValid(equals))
		return NIL;
	any = makeNode(ScalarArrayOpExpr);
	any->opno = equals;
	any->opfuncid = get_opcode(equals);
	any->useOr = true;
	any->args = list_make2(list_nth(args, ARG_ORD),
						   makeFuncExpr(ords, INT8ARRAYOID,
										list_make1(list_nth(args,
															ARG_MEMBERS)),
										InvalidOid, InvalidOid,
										COERCE_EXPLICIT_CALL));
	any->location = -1;
	return list_make1(any);
}

/*
 * no_members() returns ord >= LEAST(last, 0) AND ord <= last.  The planner
 * takes a range whose bounds it does not know to be short.
 */
static List *
no_members(IndexOptInfo *index, int column, List *args)
{
	Oid			not_below = ord_operator(index, column,
										 BTGreaterEqualStrategyNumber);
	Oid			not_above = ord_operator(index, column,
										 BTLessEqualStrategyNumber);
	Expr	   *ord = list_nth(args, ARG_ORD);
	Expr	   *last = list_nth(args, ARG_MEMBERS);
	MinMaxExpr *first = makeNode(MinMaxExpr);

	if (!OidIsValid(not_below) || !OidIsValid(not_above))
		return NIL;
	first->minmaxtype = INT8OID;
	first->op = IS_LEAST;
	first->args = list_make2(last, makeConst(INT8OID, -1, InvalidOid,
											 sizeof(int64), Int64GetDatum(0),
											 false, FLOAT8PASSBYVAL));
	first->location = -1;
	return list_make2(make_opclause(not_below, BOOLOID, false, ord,
									(Expr *) first, InvalidOid, InvalidOid),
					  make_opclause(not_above, BOOLOID, false, ord, last,
									InvalidOid, InvalidOid));
}

/* ord_operator() finds a comparison of two bigints among those of an index. */
static Oid
ord_operator(IndexOptInfo *index, int column, StrategyNumber strategy)
{
	return get_opfamily_member(index->opfamily[column], INT8OID, INT8OID,
							   strategy);
}
