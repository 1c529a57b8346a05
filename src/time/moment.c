/*-------------------------------------------------------------------------
 *
 * moment.c
 *	  A filter on a row as of any instant, not only now.
 *
 *		last_order_at < timezone('Europe/Copenhagen', timezone(
 *							'Europe/Copenhagen', segment.now()) - '30 days')
 *		series_sum(s7, timezone(...), segment.now()) > 100
 *
 *		last_order_at < $2		$2 = timezone(..., timezone(..., $1) - '30 days')
 *		$3 > 100				$3 = series_sum(s7, $2, $1)
 *
 * The clock is a parameter, $1.  What moves with the clock alone is the same for
 * all profiles, and mostly the dearest part of a condition; what a window comes
 * to is asked by many filters.  Both are parameters of their own, shared by all
 * filters in which they occur, and computed when they are first asked for: the
 * former once for an instant, the latter once for a row at an instant.
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

#include "time/moment.h"
#include "base/base.h"
#include "trait/trait.h"

/* The parameter that is the clock, and the first part. */
#define CLOCK_PARAMETER		1
#define FIRST_PART			2

/* What a part comes to. */
typedef struct PartValue
{
	uint64		asked;			/* for which row it is, or at which instant */
	bool		isnull;
	Datum		value;
} PartValue;

typedef struct Part
{
	Expr	   *expr;			/* over $1 and other parts */
	Oid			type;
	bool		of_row;			/* else of the clock alone, and passed by value */
	ExprState  *state;			/* NULL until it is first needed */
	PartValue	of_clock[2];	/* whatever the row: just before an instant, and then */
} Part;

struct SharedExprs
{
	int			count;
	Part	   *list;
};

struct Moment
{
	SharedExprs	   *parts;
	TupleTableSlot *row;
	TimestampTz at;
	uint64		rows;			/* numbers the rows, from 1 on */
	int			count;			/* of 'values' */
	PartValue  *values;			/* of those of the row */
	ParamListInfo parameters;
	ExprContext *econtext;
	ExprContext *of_parts;		/* its memory holds what they come to */
};

/* How an expression depends on the clock. */
typedef struct Dependence
{
	bool		on_clock;
	bool		on_row;
} Dependence;

static ParamExternData *fetch(ParamListInfo parameters, int id,
							  bool speculative, ParamExternData *workspace);
static void make_room(Moment *moment);
static Node *replace_clock(Node *node, void *now);
static bool clock_is_part(const Expr *expr);
static bool find_clock(Node *node, void *now);
static Node *bind(Node *node, void *parts);
static Node *share(SharedExprs *parts, Node *node, bool of_row);
static bool find_dependence(Node *node, void *dependence);
static Node *unbind(Node *node, void *parts);
static Node *parameter(int id, Node *of);

/* ---- the clock ---- */

Expr *
clock_as_parameter(Expr *expr)
{
	Oid			now = catalog_function("now", 0, NULL);

	return (Expr *) replace_clock((Node *) expr, &now);
}

static bool
clock_is_part(const Expr *expr)
{
	Oid			now = catalog_function("now", 0, NULL);

	return find_clock(unconstify(Node *, (const Node *) expr), &now);
}

static Node *
replace_clock(Node *node, void *now)
{
	if (node == NULL)
		return NULL;
	if (IsA(node, FuncExpr) && ((FuncExpr *) node)->funcid == *(Oid *) now)
		return parameter(CLOCK_PARAMETER, node);
	return expression_tree_mutator(node, replace_clock, now);
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

/* ---- parts ---- */

SharedExprs *
shared_exprs_create(void)
{
	return palloc0(sizeof(SharedExprs));
}

Expr *
shared_exprs_bind(SharedExprs *parts, Expr *expr)
{
	if (!clock_is_part(expr))
		return expr;
	return (Expr *) bind((Node *) clock_as_parameter(expr), parts);
}

Expr *
shared_exprs_unbind(const SharedExprs *parts, Expr *expr)
{
	/* a mutator leaves the values of constants where they are */
	return (Expr *) unbind((Node *) copyObject(expr), unconstify(SharedExprs *, parts));
}

static Node *
bind(Node *node, void *context)
{
	SharedExprs	   *parts = context;
	Dependence	dependence = {false, false};

	if (node == NULL || IsA(node, Param))
		return node;
	if (IsA(node, List) || IsA(node, CaseWhen)) /* no expression by itself */
		return expression_tree_mutator(node, bind, context);
	(void) find_dependence(node, &dependence);
	if (!dependence.on_clock)
		return node;
	if (dependence.on_row && IsA(node, FuncExpr) &&
		trait_is_window((FuncExpr *) node))
		return share(parts, expression_tree_mutator(node, bind, context), true);
	/* conditions are left, so that they can be told from each other */
	if (dependence.on_row || exprType(node) == BOOLOID ||
		!get_typbyval(exprType(node)))
		return expression_tree_mutator(node, bind, context);
	/* local time is a part of many, and so on */
	return share(parts, expression_tree_mutator(node, bind, context), false);
}

static Node *
share(SharedExprs *parts, Node *node, bool of_row)
{
	MemoryContext old;
	Part	   *part;

	for (int i = 0; i < parts->count; i++)
		if (equal(parts->list[i].expr, node))
			return parameter(FIRST_PART + i, node);

	old = MemoryContextSwitchTo(GetMemoryChunkContext(parts));
	parts->list = parts->list == NULL ? palloc(sizeof(Part)) :
		repalloc(parts->list, sizeof(Part) * (parts->count + 1));
	part = &parts->list[parts->count++];
	part->expr = (Expr *) copyObject(node);
	part->type = exprType(node);
	part->of_row = of_row;
	part->state = NULL;
	part->of_clock[0].asked = part->of_clock[1].asked = (uint64) DT_NOBEGIN;
	MemoryContextSwitchTo(old);
	return parameter(FIRST_PART + parts->count - 1, node);
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
unbind(Node *node, void *context)
{
	const SharedExprs *parts = context;

	if (node == NULL)
		return NULL;
	if (IsA(node, Param) && ((Param *) node)->paramid >= FIRST_PART)
		return unbind(copyObject((Node *) parts->list[((Param *) node)->paramid -
													  FIRST_PART].expr),
					  context);
	return expression_tree_mutator(node, unbind, context);
}

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
moment_create(SharedExprs *parts)
{
	Moment	   *moment = palloc0(sizeof(Moment));

	moment->parts = parts;
	moment->rows = 1;
	moment->parameters = makeParamList(0);
	moment->parameters->paramFetch = fetch;
	moment->parameters->paramFetchArg = moment;
	moment->parameters->numParams = FIRST_PART - 1;
	moment->econtext = CreateStandaloneExprContext();
	moment->econtext->ecxt_param_list_info = moment->parameters;
	moment->of_parts = CreateStandaloneExprContext();
	moment->of_parts->ecxt_param_list_info = moment->parameters;
	return moment;
}

void
moment_set(Moment *moment, TupleTableSlot *row, TimestampTz at)
{
	make_room(moment);
	moment->rows++;
	moment->row = row;
	moment->at = at;
	moment->econtext->ecxt_scantuple = row;
	moment->of_parts->ecxt_scantuple = row;
	ResetExprContext(moment->of_parts);
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
	make_room(moment);
	return moment->econtext;
}

/* SharedExprs may have come since it was made. */
static void
make_room(Moment *moment)
{
	int			count = moment->parts->count;

	if (moment->count == count)
		return;
	moment->values = moment->values == NULL ?
		MemoryContextAlloc(GetMemoryChunkContext(moment), sizeof(PartValue) * count) :
		repalloc(moment->values, sizeof(PartValue) * count);
	memset(moment->values + moment->count, 0,
		   sizeof(PartValue) * (count - moment->count));
	moment->count = count;
	moment->parameters->numParams = FIRST_PART - 1 + count;
}

/* ExecEvalParamExtern() asks for the value of a parameter. */
static ParamExternData *
fetch(ParamListInfo parameters, int id, bool speculative,
	  ParamExternData *workspace)
{
	Moment	   *moment = parameters->paramFetchArg;
	Part	   *part;
	PartValue  *value;
	uint64		asked;

	workspace->pflags = 0;
	if (id == CLOCK_PARAMETER)
	{
		workspace->ptype = TIMESTAMPTZOID;
		workspace->isnull = false;
		workspace->value = TimestampTzGetDatum(moment->at);
		return workspace;
	}

	part = &moment->parts->list[id - FIRST_PART];
	value = part->of_row ? &moment->values[id - FIRST_PART] :
		&part->of_clock[moment->at & 1];
	asked = part->of_row ? moment->rows : (uint64) moment->at;
	if (value->asked != asked)
	{
		if (part->state == NULL)
		{
			MemoryContext old = MemoryContextSwitchTo(GetMemoryChunkContext(moment->parts));

			part->state = ExecInitExpr(expression_planner(copyObject(part->expr)), NULL);
			MemoryContextSwitchTo(old);
		}
		value->value = ExecEvalExprSwitchContext(part->state, moment->of_parts,
												 &value->isnull);
		value->asked = asked;
	}
	workspace->ptype = part->type;
	workspace->isnull = value->isnull;
	workspace->value = value->value;
	return workspace;
}
