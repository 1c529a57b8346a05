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
 * how many rows is_member('vip', key, 'profile') leaves, too, and sized(
 * 'profile', 'vip', condition), which stands for an audience in a filter whose
 * condition has no statistics.
 *
 * Two views joined are two scans of the base table, whose key is unique, and
 * the planner would take them to have nothing to do with each other.  So it is
 * told how many different keys each has: as many as make the join as large as
 * what the audiences share (members_of_join()).  Since 18 the server may make
 * one scan of them: then each condition is said to leave what its audience
 * shares with those before it of what these have left (share_of_given()).
 *
 * The answers make plans good or bad, and never wrong: the size is that of the
 * moment at which the query is planned, and both conditions say the same as
 * the call.
 *
 * Nobody learns a size who may not read it.  An answer is given about column
 * ord of the base table, which only its owner can name, and the views of
 * audiences; or about is_member() and sized(), to a user who may read the
 * population.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "access/stratnum.h"
#include "catalog/namespace.h"
#include "catalog/pg_am.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_statistic.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/pathnodes.h"
#include "nodes/supportnodes.h"
#include "optimizer/optimizer.h"
#include "parser/parse_func.h"
#include "parser/parsetree.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/selfuncs.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "audience/definitions.h"
#include "audience/members_of.h"
#include "base/base.h"

SEGMENT_FUNCTION(segment_member_support);
SEGMENT_FUNCTION(segment_is_evaluated);
SEGMENT_FUNCTION(segment_sized);

/* The arguments of both; the others have other ones, see argument(). */
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
	const Population *population;
	const Audience *audience;
	double		profiles;
	double		size;			/* -1 if members are not stored */
} PlannedMembers;

static get_relation_stats_hook_type next_stats_hook = NULL;

static double selectivity(SupportRequestSelectivity *request);
static double share_of_given(SupportRequestSelectivity *request,
							 const PlannedMembers *members);
static List *index_condition(SupportRequestIndexCondition *request);
static bool look_up(PlannerInfo *root, List *args, PlannedMembers *members);
static bool find_audience(PlannerInfo *root, List *args,
						  PlannedMembers *members);
static bool may_know(const Population *population, List *args);
static bool is_name(Node *arg, const char *name);
static Node *argument(List *args, int which);
static bool is_about_rest(Oid function);
static bool has_statistics(Node *node);
static bool is_column(Node *node);
static bool members_of_join(PlannerInfo *root, RangeTblEntry *entry,
							AttrNumber column, VariableStatData *data);
static double keys_of_join(PlannerInfo *root, RelOptInfo *rel,
						   const PlannedMembers *members);
static bool rel_members(PlannerInfo *root, RelOptInfo *rel,
						PlannedMembers *members);
static bool find_members_call(Node *node, void *args);
static bool is_sized(List *args);
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
 * sized(population, audience, condition): the condition.  The names are for
 * the planner.
 */
Datum
segment_sized(PG_FUNCTION_ARGS)
{
	PG_RETURN_DATUM(PG_GETARG_DATUM(2));
}

void
plan_members_init(void)
{
	next_stats_hook = get_relation_stats_hook;
	get_relation_stats_hook = members_of_join;
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
	if (list_length(request->args) == ARGS)
	{
		double		of_given = share_of_given(request, &members);

		if (of_given >= 0)
			return Min(of_given, 1);
	}
	return Min(members.size / members.profiles, 1);
}

/*
 * share_of_given() returns the share of those who have passed the earlier
 * conditions of the same scan that are about members of other audiences; -1 if
 * there are none.  Since 18 views that are joined are one scan of the base
 * table.
 */
static double
share_of_given(SupportRequestSelectivity *request,
			   const PlannedMembers *members)
{
	PlannerInfo *root = request->root;
	Relids		relids = pull_varnos(root, list_nth(request->args, ARG_ORD));
	RelOptInfo *rel = root->simple_rel_array[bms_singleton_member(relids)];
	List	   *given = NIL;
	double		before;
	double		shared;
	ListCell   *lc;

	foreach(lc, rel->baserestrictinfo)
	{
		const RestrictInfo *condition = lfirst(lc);
		List	   *args = NIL;
		PlannedMembers theirs;

		(void) find_members_call((Node *) condition->clause, &args);
		if (args == request->args)
			break;
		if (args != NIL && find_audience(root, args, &theirs))
			given = lappend(given, unconstify(Audience *, theirs.audience));
	}
	if (given == NIL)
		return -1;
	before = plan_share(root, members->population, given);
	if (before <= 0)
		return -1;
	given = lappend(given, unconstify(Audience *, members->audience));
	shared = plan_share(root, members->population, given);
	return shared < 0 ? -1 : shared / before;
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
 * look_up() finds out which audience a call is about, and how many profiles
 * and members there are.  Returns false if nothing may be said of it.
 */
static bool
look_up(PlannerInfo *root, List *args, PlannedMembers *members)
{
	const Audience *audience;

	if (!find_audience(root, args, members))
		return false;
	audience = members->audience;
	members->size = audience->stored ?
		membership_estimate(members->population, audience->definition_id,
							GetActiveSnapshot()) : -1;
	return true;
}

/*
 * find_audience() fills in all but the size.  Returns false if the audience is
 * not known yet, or the call is not about the rows of its population's base
 * table, or the user may not know.
 */
static bool
find_audience(PlannerInfo *root, List *args, PlannedMembers *members)
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

	members->population = population;
	members->audience = audience;
	members->profiles = Max(root->simple_rel_array[relid]->tuples, 1);
	return true;
}

/* may_know() tells whether the user may know sizes; see above for who may. */
static bool
may_know(const Population *population, List *args)
{
	Var		   *ord = (Var *) argument(args, ARG_ORD);
	bool		is_missing = false;

	if (list_length(args) == ARGS)
		return IsA(ord, Var) &&
			ord->varattno == population_column(population, "ord");
	return pg_class_aclcheck_ext(population->view, GetUserId(), ACL_SELECT,
								 &is_missing) == ACLCHECK_OK;
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
 * is_member(audience, key, population) and sized(population, audience,
 * condition) have the same ones in another order.
 */
static Node *
argument(List *args, int which)
{
	static const int of_is_member[] = {2, 0, -1, 1};
	static const int of_sized[] = {0, 1, -1, 2};

	if (list_length(args) == ARGS)
		return list_nth(args, which);
	return list_nth(args, is_sized(args) ? of_sized[which] :
					of_is_member[which]);
}

/* is_sized() tells the arguments of sized() from those of is_member(). */
static bool
is_sized(List *args)
{
	return exprType(llast(args)) == BOOLOID;
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

/* ---- an audience in a filter ---- */

Expr *
plan_sized(const Population *population, const Audience *audience,
		   Expr *condition)
{
	Oid			types[] = {NAMEOID, NAMEOID, BOOLOID};
	Oid			sized;

	if (!audience->stored || has_statistics((Node *) condition))
		return condition;
	sized = LookupFuncName(list_make2(makeString(SEGMENT_SCHEMA),
									  makeString("sized")), 3, types, true);
	if (!OidIsValid(sized))
		return condition;
	return (Expr *) makeFuncExpr(sized, BOOLOID,
								 list_make3(name_const(population->name),
											name_const(audience->name),
											condition),
								 InvalidOid, InvalidOid,
								 COERCE_EXPLICIT_CALL);
}

/*
 * has_statistics() tells whether the planner knows something about the values
 * that a condition compares, and may have an index to find them.
 */
static bool
has_statistics(Node *node)
{
	List	   *args;
	ListCell   *lc;

	check_stack_depth();
	if (IsA(node, BoolExpr))
	{
		bool		any = ((BoolExpr *) node)->boolop == AND_EXPR;

		foreach(lc, ((BoolExpr *) node)->args)
			if (has_statistics(lfirst(lc)) == any)
				return any;
		return !any;
	}
	if (IsA(node, OpExpr) || IsA(node, DistinctExpr))
		args = ((OpExpr *) node)->args;
	else if (IsA(node, ScalarArrayOpExpr))
		args = ((ScalarArrayOpExpr *) node)->args;
	else if (IsA(node, NullTest))
		return is_column((Node *) ((NullTest *) node)->arg);
	else
		return IsA(node, Const) || is_column(node);
	return list_length(args) == 2 &&
		((is_column(linitial(args)) && !contain_var_clause(lsecond(args))) ||
		 (is_column(lsecond(args)) && !contain_var_clause(linitial(args))));
}

/* is_column() tells whether an expression is a column, maybe relabelled. */
static bool
is_column(Node *node)
{
	return IsA(strip_implicit_coercions(node), Var);
}

/* ---- views joined ---- */

/*
 * members_of_join() gives the statistics of a unique column of a base table,
 * with another number of different values where the view of an audience is
 * joined with that of another.  It is asked about restrictions, too, but
 * before it is known how many rows a view has; and leaves these as they are.
 */
static bool
members_of_join(PlannerInfo *root, RangeTblEntry *entry, AttrNumber column,
				VariableStatData *data)
{
	PlannedMembers members;
	HeapTuple	row;
	double		keys;

	if (next_stats_hook != NULL && next_stats_hook(root, entry, column, data))
		return true;
	if (data->rel == NULL || data->rel->rows <= 0 || !data->isunique ||
		!rel_members(root, data->rel, &members))
		return false;
	keys = keys_of_join(root, data->rel, &members);
	if (keys < 0)
		return false;
	row = SearchSysCacheCopy3(STATRELATTINH, ObjectIdGetDatum(entry->relid),
							  Int16GetDatum(column), BoolGetDatum(false));
	if (!HeapTupleIsValid(row))
		return false;
	((Form_pg_statistic) GETSTRUCT(row))->stadistinct = keys;
	data->isunique = false;
	data->statsTuple = row;
	data->freefunc = heap_freetuple;
	return true;
}

/*
 * keys_of_join() returns how many different keys the view of an audience has,
 * for a join; -1 if it is joined with no other of its population.
 *
 *		rows of a join = rows of the one * rows of the other / keys
 *
 * Of three views joined, that is divided by the keys twice: the same number
 * for each of them makes the whole join right, whatever is joined first, and
 * what is joined first as well as if the audiences had as much in common two
 * by two.  More keys than profiles make little of audiences that have little
 * in common, but would also make little of a join with another table.
 */
static double
keys_of_join(PlannerInfo *root, RelOptInfo *rel, const PlannedMembers *members)
{
	List	   *audiences = list_make1(unconstify(Audience *,
												  members->audience));
	double		product = rel->rows;
	int			rels = 0;
	int			views;
	double		shared;
	double		keys;

	for (int i = 1; i < root->simple_rel_array_size; i++)
	{
		RelOptInfo *other = root->simple_rel_array[i];
		PlannedMembers theirs;

		rels += other != NULL && other->reloptkind == RELOPT_BASEREL;
		if (other == NULL || other == rel || other->rows <= 0 ||
			!rel_members(root, other, &theirs) ||
			theirs.population->oid != members->population->oid)
			continue;
		audiences = lappend(audiences, unconstify(Audience *,
												  theirs.audience));
		product *= other->rows;
	}
	views = list_length(audiences);
	if (views == 1)
		return -1;
	shared = plan_share(root, members->population, audiences);
	if (shared < 0)
		return -1;
	keys = pow(product / Max(shared, 0.5), 1.0 / (views - 1));
	return rels > views ? Min(keys, members->profiles) : keys;
}

/*
 * rel_members() tells whether a relation is the view of a stored audience, and
 * of which; it fills in no size.
 */
static bool
rel_members(PlannerInfo *root, RelOptInfo *rel, PlannedMembers *members)
{
	RangeTblEntry *entry = planner_rt_fetch(rel->relid, root);
	ListCell   *lc;

	if (rel->reloptkind != RELOPT_BASEREL || entry->rtekind != RTE_RELATION ||
		population_by_relation(entry->relid) == NULL)
		return false;
	foreach(lc, rel->baserestrictinfo)
	{
		List	   *args = NIL;

		if (find_members_call((Node *) ((RestrictInfo *) lfirst(lc))->clause,
							  &args))
			return find_audience(root, args, members) &&
				members->audience->stored;
	}
	return false;
}

/* find_members_call() finds the arguments of is_stored_member(). */
static bool
find_members_call(Node *node, void *args)
{
	FuncExpr   *call = (FuncExpr *) node;

	if (node == NULL)
		return false;
	if (IsA(node, FuncExpr) && list_length(call->args) == ARGS &&
		get_func_namespace(call->funcid) ==
		get_namespace_oid(SEGMENT_SCHEMA, true) &&
		exprType(list_nth(call->args, ARG_MEMBERS)) == BYTEAOID)
	{
		*(List **) args = call->args;
		return true;
	}
	return expression_tree_walker(node, find_members_call, args);
}

/* ---- conditions for indexes ---- */

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
