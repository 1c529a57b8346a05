/*-------------------------------------------------------------------------
 *
 * moment.c
 *	  What does a filter say of a row as of any instant, not only now?
 *
 *		last_order_at < timezone('Europe/Copenhagen', timezone(
 *							'Europe/Copenhagen', segment.now()) - '30 days')
 *		series_sum(s7, timezone(...), segment.now()) > 100
 *
 *		last_order_at < $2
 *		$3 > 100
 *
 *		$2 = timezone(..., timezone(..., $1) - '30 days')
 *		$3 = series_sum(s7, $2, $1)
 *
 * The clock is parameter $1.  An expression over the clock alone is the same
 * for all profiles, and mostly the most expensive of a condition; a window of
 * events is read by many filters.  Both become parameters of their own.  All
 * filters in which they occur share them, and they are computed when they are
 * first asked for: the former once for an instant, the latter once for a row
 * at an instant.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/params.h"
#include "optimizer/optimizer.h"
#include "utils/lsyscache.h"

#include "base/base.h"
#include "time/time_private.h"
#include "trait/trait.h"

/* The parameter that is the clock, and the first shared expression. */
#define CLOCK_PARAMETER		1
#define FIRST_SHARED		2

/* The value of a shared expression. */
typedef struct SharedValue
{
	uint64		known_for;		/* which row, or which instant */
	bool		isnull;
	Datum		value;
} SharedValue;

typedef struct SharedExpr
{
	Expr	   *expr;			/* over $1 and other shared expressions */
	Oid			type;
	bool		of_row;			/* else over $1 alone, and passed by value */
	ExprState  *state;			/* NULL until it is first needed */

	/* If it is not of a row: just before an instant, and at that instant. */
	SharedValue of_clock[2];
} SharedExpr;

struct SharedExprs
{
	int			count;
	SharedExpr *list;
};

struct Moment
{
	SharedExprs *shared;
	TupleTableSlot *row;
	TimestampTz at;
	uint64		rows;			/* numbers the rows, from 1 on */
	int			count;			/* of 'values' */
	SharedValue *values;		/* of the shared expressions of the row */
	ParamListInfo parameters;
	ExprContext *econtext;
	ExprContext *of_shared;		/* its memory holds the values */
};

/* What an expression is made of. */
typedef struct Dependence
{
	bool		on_clock;
	bool		on_row;
} Dependence;

static bool find_now(Node *node, void *now);
static Node *replace_now(Node *node, void *now);
static Node *bind(Node *node, void *shared);
static bool find_dependence(Node *node, void *dependence);
static Node *share(SharedExprs *shared, Node *node, bool of_row);
static Node *unbind(Node *node, void *shared);
static Node *parameter(int id, Node *of);
static ParamExternData *fetch(ParamListInfo parameters, int id,
							  bool speculative, ParamExternData *workspace);
static void evaluate(Moment *moment, SharedExpr *one, SharedValue *value);
static inline void have_room(Moment *moment);
static void make_room(Moment *moment, int count);

/* ---- the clock ---- */

Expr *
clock_as_parameter(Expr *expr)
{
	Oid			now = catalog_function("now", 0, NULL);

	return (Expr *) replace_now((Node *) expr, &now);
}

/* Does the expression call segment.now()? */
static bool
asks_clock(const Expr *expr)
{
	Oid			now = catalog_function("now", 0, NULL);

	return find_now(unconstify(Node *, (const Node *) expr), &now);
}

static bool
find_now(Node *node, void *now)
{
	if (node == NULL)
		return false;
	if (IsA(node, FuncExpr) && ((FuncExpr *) node)->funcid == *(Oid *) now)
		return true;
	return expression_tree_walker(node, find_now, now);
}

static Node *
replace_now(Node *node, void *now)
{
	if (node == NULL)
		return NULL;
	if (IsA(node, FuncExpr) && ((FuncExpr *) node)->funcid == *(Oid *) now)
		return parameter(CLOCK_PARAMETER, node);
	return expression_tree_mutator(node, replace_now, now);
}

/* ---- shared expressions ---- */

SharedExprs *
shared_exprs_create(void)
{
	return palloc0(sizeof(SharedExprs));
}

Expr *
shared_exprs_bind(SharedExprs *shared, Expr *expr)
{
	if (!asks_clock(expr))
		return expr;
	return (Expr *) bind((Node *) clock_as_parameter(expr), shared);
}

Expr *
shared_exprs_unbind(const SharedExprs *shared, Expr *expr)
{
	/* a mutator leaves the values of constants where they are */
	return (Expr *) unbind((Node *) copyObject(expr),
						   unconstify(SharedExprs *, shared));
}

/* Share what of a node is worth it; a mutator. */
static Node *
bind(Node *node, void *context)
{
	SharedExprs *shared = context;
	Dependence	dependence = {false, false};
	Node	   *result;

	if (node == NULL || IsA(node, Param))
		return node;
	if (IsA(node, List) || IsA(node, CaseWhen)) /* no expression by itself */
		return expression_tree_mutator(node, bind, context);
	(void) find_dependence(node, &dependence);
	if (!dependence.on_clock)
		return node;
	result = expression_tree_mutator(node, bind, context);
	if (dependence.on_row)
		return IsA(node, FuncExpr) && trait_is_window((FuncExpr *) node) ?
			share(shared, result, true) : result;
	/* conditions are left, so that they can be told from each other */
	if (exprType(node) == BOOLOID || !get_typbyval(exprType(node)))
		return result;
	/* local time is an argument of many, and so on */
	return share(shared, result, false);
}

/* Note in a Dependence what the node is made of; a walker. */
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

/* The parameter of a shared expression, which is added if it is new. */
static Node *
share(SharedExprs *shared, Node *node, bool of_row)
{
	MemoryContext old;
	SharedExpr *one;

	for (int i = 0; i < shared->count; i++)
		if (equal(shared->list[i].expr, node))
			return parameter(FIRST_SHARED + i, node);

	old = MemoryContextSwitchTo(GetMemoryChunkContext(shared));
	shared->list = shared->list == NULL ? palloc(sizeof(SharedExpr)) :
		repalloc(shared->list, sizeof(SharedExpr) * (shared->count + 1));
	one = &shared->list[shared->count++];
	one->expr = (Expr *) copyObject(node);
	one->type = exprType(node);
	one->of_row = of_row;
	one->state = NULL;
	for (int i = 0; i < lengthof(one->of_clock); i++)
		one->of_clock[i].known_for = (uint64) DT_NOBEGIN;
	MemoryContextSwitchTo(old);
	return parameter(FIRST_SHARED + shared->count - 1, node);
}

/* Put shared expressions in the place of their parameters; a mutator. */
static Node *
unbind(Node *node, void *context)
{
	const SharedExprs *shared = context;
	int			id;

	if (node == NULL)
		return NULL;
	if (!IsA(node, Param) || ((Param *) node)->paramid < FIRST_SHARED)
		return expression_tree_mutator(node, unbind, context);
	id = ((Param *) node)->paramid;
	return unbind(copyObject((Node *) shared->list[id - FIRST_SHARED].expr),
				  context);
}

/* A parameter in the place of an expression. */
static Node *
parameter(int id, Node *of)
{
	Param	   *result = makeNode(Param);

	result->paramkind = PARAM_EXTERN;
	result->paramid = id;
	result->paramtype = exprType(of);
	result->paramtypmod = exprTypmod(of);
	result->paramcollid = exprCollation(of);
	result->location = -1;
	return (Node *) result;
}

/* ---- moments ---- */

Moment *
moment_create(SharedExprs *shared)
{
	Moment	   *moment = palloc0(sizeof(Moment));

	moment->shared = shared;
	moment->rows = 1;
	moment->parameters = makeParamList(0);
	moment->parameters->paramFetch = fetch;
	moment->parameters->paramFetchArg = moment;
	moment->parameters->numParams = FIRST_SHARED - 1;
	moment->econtext = CreateStandaloneExprContext();
	moment->econtext->ecxt_param_list_info = moment->parameters;
	moment->of_shared = CreateStandaloneExprContext();
	moment->of_shared->ecxt_param_list_info = moment->parameters;
	return moment;
}

void
moment_set(Moment *moment, TupleTableSlot *row, TimestampTz at)
{
	have_room(moment);
	moment->rows++;
	moment->row = row;
	moment->at = at;
	moment->econtext->ecxt_scantuple = row;
	moment->of_shared->ecxt_scantuple = row;
	if (moment->count > 0)
		ResetExprContext(moment->of_shared);
}

TupleTableSlot *
moment_row(const Moment *moment)
{
	return moment->row;
}

TimestampTz
moment_at(const Moment *moment)
{
	return moment->at;
}

ExprContext *
moment_context(Moment *moment)
{
	have_room(moment);
	return moment->econtext;
}

/* Have room for the values of what has been shared since the last time. */
static inline void
have_room(Moment *moment)
{
	int			count = moment->shared->count;

	if (moment->count != count)
		make_room(moment, count);
}

/* make_room() makes room for 'count' values: the new ones are not known. */
static void
make_room(Moment *moment, int count)
{
	Size		size = sizeof(SharedValue) * count;

	moment->values = moment->values == NULL ?
		MemoryContextAlloc(GetMemoryChunkContext(moment), size) :
		repalloc(moment->values, size);
	memset(moment->values + moment->count, 0,
		   sizeof(SharedValue) * (count - moment->count));
	moment->count = count;
	moment->parameters->numParams = FIRST_SHARED - 1 + count;
}

/* ExecEvalParamExtern() asks for the value of a parameter. */
static ParamExternData *
fetch(ParamListInfo parameters, int id, bool speculative,
	  ParamExternData *workspace)
{
	Moment	   *moment = parameters->paramFetchArg;
	SharedExpr *one;
	SharedValue *value;
	uint64		wanted;

	workspace->pflags = 0;
	if (id == CLOCK_PARAMETER)
	{
		workspace->ptype = TIMESTAMPTZOID;
		workspace->isnull = false;
		workspace->value = TimestampTzGetDatum(moment->at);
		return workspace;
	}

	one = &moment->shared->list[id - FIRST_SHARED];
	value = one->of_row ? &moment->values[id - FIRST_SHARED] :
		&one->of_clock[moment->at & 1];
	wanted = one->of_row ? moment->rows : (uint64) moment->at;
	if (value->known_for != wanted)
	{
		evaluate(moment, one, value);
		value->known_for = wanted;
	}
	workspace->ptype = one->type;
	workspace->isnull = value->isnull;
	workspace->value = value->value;
	return workspace;
}

/* Compute a shared expression for the row and the instant of the moment. */
static void
evaluate(Moment *moment, SharedExpr *one, SharedValue *value)
{
	if (one->state == NULL)
	{
		MemoryContext context = GetMemoryChunkContext(moment->shared);
		MemoryContext old = MemoryContextSwitchTo(context);
		Expr	   *expr = expression_planner(copyObject(one->expr));

		one->state = ExecInitExpr(expr, NULL);
		MemoryContextSwitchTo(old);
	}
	value->value = ExecEvalExprSwitchContext(one->state, moment->of_shared,
											 &value->isnull);
}
