/*-------------------------------------------------------------------------
 *
 * node.c
 *	  How is a tree made, compared, walked and rewritten?
 *
 *		filter_combine(FILTER_AND, {a, AND(b, c)})	-> AND(a, b, c)
 *		filter_negate(NOT(a))						-> a
 *
 * The same question asked in two ways gives the same tree as far as that can
 * be had without knowing what the words mean: connectives are flat, and a
 * double negation vanishes.  Nodes are never changed once made.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"

#include "filter/filter_private.h"

FilterNode *
filter_node(FilterOp op, const char *text, int location)
{
	return filter_node_with(op, text, location, 0, NULL);
}

/* The array of arguments is kept, not copied; so is not the text. */
FilterNode *
filter_node_with(FilterOp op, const char *text, int location,
				 int nargs, FilterNode **args)
{
	FilterNode *node = palloc0(sizeof(FilterNode));

	node->op = op;
	node->text = text == NULL ? NULL : pstrdup(text);
	node->location = location;
	node->nargs = nargs;
	node->args = args;
	return node;
}

FilterNode *
filter_combine(FilterOp op, List *filters)
{
	FilterNode **args;
	FilterNode *first;
	int			nargs = 0;
	ListCell   *lc;

	Assert(op == FILTER_AND || op == FILTER_OR);
	Assert(filters != NIL);

	first = linitial(filters);
	if (list_length(filters) == 1)
		return first;

	foreach(lc, filters)
	{
		FilterNode *filter = lfirst(lc);

		nargs += (filter->op == op) ? filter->nargs : 1;
	}

	args = palloc_array(FilterNode *, nargs);
	nargs = 0;
	foreach(lc, filters)
	{
		FilterNode *filter = lfirst(lc);

		if (filter->op == op)
		{
			memcpy(args + nargs, filter->args,
				   filter->nargs * sizeof(FilterNode *));
			nargs += filter->nargs;
		}
		else
			args[nargs++] = filter;
	}
	return filter_node_with(op, NULL, first->location, nargs, args);
}

FilterNode *
filter_negate(FilterNode *filter)
{
	FilterNode **args;

	if (filter->op == FILTER_NOT)
		return filter->args[0];

	args = palloc_array(FilterNode *, 1);
	args[0] = filter;
	return filter_node_with(FILTER_NOT, NULL, filter->location, 1, args);
}

FilterNode *
filter_of_as_where(FilterNode *of)
{
	List	   *filters = NIL;
	FilterNode *rest;

	for (rest = of; rest->op == FILTER_OF; rest = rest->args[2])
	{
		FilterNode **args = palloc_array(FilterNode *, 2);

		args[0] = rest->args[0];
		args[1] = rest->args[1];
		filters = lappend(filters, filter_node_with(FILTER_EQ, NULL,
													rest->location, 2, args));
	}
	if (filters == NIL)
		return of;
	if (rest->op != FILTER_NONE)
		filters = lappend(filters, rest);
	return filter_combine(FILTER_AND, filters);
}

FilterNode *
filter_did_as_count(const FilterNode *did)
{
	FilterNode **counted = palloc_array(FilterNode *, 4);
	FilterNode **args = palloc_array(FilterNode *, 2);
	FilterOp	op = FILTER_GE;
	const char *times = did->text;

	Assert(did->op == FILTER_DID);

	switch (did->detail)
	{
		case FILTER_TIMES_ANY:
			times = "1";
			break;
		case FILTER_TIMES_AT_MOST:
			op = FILTER_LE;
			break;
		case FILTER_TIMES_EXACTLY:
			op = FILTER_EQ;
			break;
		default:
			break;
	}

	counted[0] = did->args[0];
	counted[1] = filter_node(FILTER_NONE, NULL, -1);
	counted[2] = did->args[1];
	counted[3] = did->args[2];
	args[0] = filter_node_with(FILTER_AGGREGATE, "count", did->location,
							   4, counted);
	args[1] = filter_node(FILTER_NUMBER, times, did->location);
	return filter_node_with(op, NULL, did->location, 2, args);
}

bool
filter_equal(const FilterNode *a, const FilterNode *b)
{
	check_stack_depth();

	if (a == b)
		return true;
	if (a->op != b->op || a->detail != b->detail || a->nargs != b->nargs ||
		(a->text == NULL) != (b->text == NULL) ||
		(a->text != NULL && strcmp(a->text, b->text) != 0))
		return false;
	for (int i = 0; i < a->nargs; i++)
	{
		if (!filter_equal(a->args[i], b->args[i]))
			return false;
	}
	return true;
}

void
filter_walk(const FilterNode *node, FilterVisit visit, void *context)
{
	check_stack_depth();

	if (!visit(node, context))
		return;
	for (int i = 0; i < node->nargs; i++)
		filter_walk(node->args[i], visit, context);
}

/*
 * Subtrees in which nothing was replaced are shared with the original.  A
 * replacement may bring an AND into an AND or a NOT under a NOT, so the
 * connectives are made anew as the parser makes them.
 */
FilterNode *
filter_rewrite(const FilterNode *node, FilterReplace replace, void *context)
{
	FilterNode *copy = replace(node, context);
	FilterNode **args;
	bool		changed = false;

	check_stack_depth();

	if (copy != NULL && copy != node)
		return copy;
	if (node->nargs == 0)
		return (FilterNode *) node;

	args = palloc_array(FilterNode *, node->nargs);
	for (int i = 0; i < node->nargs; i++)
	{
		args[i] = filter_rewrite(node->args[i], replace, context);
		changed |= (args[i] != node->args[i]);
	}
	if (!changed)
	{
		pfree(args);
		return (FilterNode *) node;
	}

	if (node->op == FILTER_NOT)
		return filter_negate(args[0]);
	if (node->op == FILTER_AND || node->op == FILTER_OR)
	{
		List	   *filters = NIL;

		for (int i = 0; i < node->nargs; i++)
			filters = lappend(filters, args[i]);
		copy = filter_combine(node->op, filters);
		copy->location = node->location;
		return copy;
	}

	copy = filter_node_with(node->op, node->text, node->location,
							node->nargs, args);
	copy->detail = node->detail;
	return copy;
}
