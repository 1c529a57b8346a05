/*-------------------------------------------------------------------------
 *
 * instant.c
 *	  A filter as of any instant, not only now.
 *
 *		last_order_at < timezone('Europe/Copenhagen', timezone(
 *							'Europe/Copenhagen', segment.now()) - '30 days')
 *
 *		last_order_at < $2		$2 = timezone(..., timezone(..., $1) - '30 days')
 *
 * The clock is a parameter, $1.  What moves with the clock alone is the same for
 * all profiles, and mostly the dearest part of a condition: so it is a parameter
 * of its own, shared by all filters in which it occurs, and computed when it is
 * first asked for at an instant.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "audience/instant.h"
#include "base/base.h"

/* The parameter that is the clock; those after it are computed from it. */
#define CLOCK_PARAMETER		1
#define FIRST_COMPUTED		2

/* What is computed from the clock alone. */
typedef struct Computed
{
	Expr	   *expr;			/* over $1 */
	Oid			type;			/* passed by value */
	ExprState  *state;			/* NULL until it is first needed */
	bool		known;			/* at this instant? */
	bool		isnull;
	Datum		value;
} Computed;

struct Instant
{
	TimestampTz at;
	ParamListInfo parameters;
	ExprContext *econtext;
	int			count;
	Computed   *computed;
};

/* How an expression and its parts depend on the clock. */
typedef struct Dependence
{
	bool		on_clock;
	bool		on_row;
} Dependence;

static ParamExternData *fetch(ParamListInfo parameters, int id,
							  bool speculative, ParamExternData *workspace);
static Node *replace_clock(Node *node, void *now);
static Node *bind_computed(Node *node, void *instant);
static bool find_dependence(Node *node, void *dependence);
static Node *unbind_computed(Node *node, void *instant);
static Param *parameter(int id, Oid type, int32 typmod, Oid collation);
static Oid	now_function(void);

Instant *
instant_create(void)
{
	Instant    *instant = palloc0(sizeof(Instant));

	instant->parameters = makeParamList(0);
	instant->parameters->paramFetch = fetch;
	instant->parameters->paramFetchArg = instant;
	instant->parameters->numParams = FIRST_COMPUTED - 1;
	instant->econtext = CreateStandaloneExprContext();
	instant->econtext->ecxt_param_list_info = instant->parameters;
	return instant;
}

ParamListInfo
instant_parameters(Instant *instant)
{
	return instant->parameters;
}

void
instant_set(Instant *instant, TimestampTz at)
{
	if (at == instant->at)
		return;
	instant->at = at;
	for (int i = 0; i < instant->count; i++)
		instant->computed[i].known = false;
}

Expr *
instant_bind(Instant *instant, Expr *expr)
{
	if (!clock_is_part(expr))
		return expr;
	return (Expr *) bind_computed((Node *) clock_as_parameter(expr), instant);
}

Expr *
instant_unbind(const Instant *instant, Expr *expr)
{
	/* a mutator leaves the values of constants where they are */
	return (Expr *) unbind_computed((Node *) copyObject(expr),
									unconstify(Instant *, instant));
}

Expr *
clock_as_parameter(Expr *expr)
{
	Oid			now = now_function();

	return (Expr *) replace_clock((Node *) expr, &now);
}

/* ExecEvalParamExtern() asks for the value of a parameter. */
static ParamExternData *
fetch(ParamListInfo parameters, int id, bool speculative,
	  ParamExternData *workspace)
{
	Instant    *instant = parameters->paramFetchArg;
	Computed   *computed;

	workspace->pflags = 0;
	if (id == CLOCK_PARAMETER)
	{
		workspace->ptype = TIMESTAMPTZOID;
		workspace->isnull = false;
		workspace->value = TimestampTzGetDatum(instant->at);
		return workspace;
	}

	computed = &instant->computed[id - FIRST_COMPUTED];
	if (!computed->known)
	{
		if (computed->state == NULL)
		{
			MemoryContext old = MemoryContextSwitchTo(GetMemoryChunkContext(instant));

			computed->state = ExecInitExpr(expression_planner(copyObject(computed->expr)), NULL);
			MemoryContextSwitchTo(old);
		}
		computed->value = ExecEvalExprSwitchContext(computed->state,
													instant->econtext,
													&computed->isnull);
		computed->known = true;
		ResetExprContext(instant->econtext);
	}
	workspace->ptype = computed->type;
	workspace->isnull = computed->isnull;
	workspace->value = computed->value;
	return workspace;
}

static bool
find_clock(Node *node, void *now)
{
	if (node == NULL)
		return false;
	if (IsA(node, FuncExpr) && ((FuncExpr *) node)->funcid == *(Oid *) now)
		return true;
	return expression_tree_walker(node, find_clock, now);
}

bool
clock_is_part(const Expr *expr)
{
	Oid			now = now_function();

	return find_clock(unconstify(Node *, (const Node *) expr), &now);
}

static Node *
replace_clock(Node *node, void *now)
{
	if (node == NULL)
		return NULL;
	if (IsA(node, FuncExpr) && ((FuncExpr *) node)->funcid == *(Oid *) now)
		return (Node *) parameter(CLOCK_PARAMETER, TIMESTAMPTZOID, -1, InvalidOid);
	return expression_tree_mutator(node, replace_clock, now);
}

/* The largest parts that can be computed once become parameters. */
static Node *
bind_computed(Node *node, void *context)
{
	Instant    *instant = context;
	Dependence	dependence = {false, false};
	Computed   *computed;
	MemoryContext old;

	if (node == NULL || IsA(node, Param))
		return node;
	if (IsA(node, List) || IsA(node, CaseWhen)) /* no expression by itself */
		return expression_tree_mutator(node, bind_computed, context);
	(void) find_dependence(node, &dependence);
	if (!dependence.on_clock)
		return node;
	if (dependence.on_row ||
		exprType(node) == BOOLOID || !get_typbyval(exprType(node)))
		return expression_tree_mutator(node, bind_computed, context);

	for (int i = 0; i < instant->count; i++)
		if (equal(instant->computed[i].expr, node))
			return (Node *) parameter(FIRST_COMPUTED + i, exprType(node),
									  exprTypmod(node), exprCollation(node));

	old = MemoryContextSwitchTo(GetMemoryChunkContext(instant));
	instant->computed = instant->computed == NULL ? palloc(sizeof(Computed)) :
		repalloc(instant->computed, sizeof(Computed) * (instant->count + 1));
	computed = &instant->computed[instant->count++];
	memset(computed, 0, sizeof(Computed));
	computed->expr = (Expr *) copyObject(node);
	computed->type = exprType(node);
	instant->parameters->numParams++;
	MemoryContextSwitchTo(old);
	return (Node *) parameter(instant->parameters->numParams, computed->type,
							  exprTypmod(node), exprCollation(node));
}

static bool
find_dependence(Node *node, void *context)
{
	Dependence *dependence = context;

	if (node == NULL)
		return false;
	if (IsA(node, Var))
		dependence->on_row = true;
	else if (IsA(node, Param))
		dependence->on_clock = true;
	return expression_tree_walker(node, find_dependence, context);
}

static Node *
unbind_computed(Node *node, void *context)
{
	Instant    *instant = context;

	if (node == NULL)
		return NULL;
	if (IsA(node, Param) && ((Param *) node)->paramid >= FIRST_COMPUTED)
		return copyObject((Node *) instant->computed[((Param *) node)->paramid -
													 FIRST_COMPUTED].expr);
	return expression_tree_mutator(node, unbind_computed, context);
}

static Param *
parameter(int id, Oid type, int32 typmod, Oid collation)
{
	Param	   *result = makeNode(Param);

	result->paramkind = PARAM_EXTERN;
	result->paramid = id;
	result->paramtype = type;
	result->paramtypmod = typmod;
	result->paramcollid = collation;
	result->location = -1;
	return result;
}

/* segment.now() */
static Oid
now_function(void)
{
	return GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid,
						   CStringGetDatum("now"),
						   PointerGetDatum(buildoidvector(NULL, 0)),
						   ObjectIdGetDatum(get_namespace_oid(SEGMENT_SCHEMA, false)));
}
