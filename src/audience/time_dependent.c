/*-------------------------------------------------------------------------
 *
 * time_dependent.c
 *	  Is the clock a part of an expression, and which columns are?
 *
 *		last_order_at < $1 - 60 days		$1 is the clock: time changes it
 *		$2 >= 2								$2 is a shared expression over s7:
 *											the columns are those of $2
 *
 * The clock and the expressions that filters share are parameters here
 * (time/moment.h), so a parameter tells that time may change the expression.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"

#include "audience/conditions.h"

static bool
find_parameter(Node *node, void *context)
{
	if (node == NULL)
		return false;
	return IsA(node, Param) ||
		expression_tree_walker(node, find_parameter, context);
}

bool
has_clock(Node *node)
{
	return find_parameter(node, NULL);
}

Bitmapset *
columns_of(Collection *into, Node *node)
{
	Bitmapset  *columns = NULL;

	if (has_clock(node))
		node = (Node *) shared_exprs_unbind(into->index->shared,
											(Expr *) node);
	pull_varattnos(node, 1, &columns);
	return columns;
}

TimeExpr *
time_expr_of(Collection *into, Node *node)
{
	return time_expr_make(shared_exprs_unbind(into->index->shared,
											  (Expr *) node), false);
}

TimeDependent *
time_dependent_of(Collection *into, Node *node)
{
	TimeDependent *one;

	if (!has_clock(node))
		return NULL;
	one = palloc0(sizeof(TimeDependent));
	one->expr = time_expr_of(into, node);
	one->place = into->place;
	return one;
}
