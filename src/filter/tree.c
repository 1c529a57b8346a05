/*-------------------------------------------------------------------------
 *
 * tree.c
 *	  What did the parser understand?
 *
 *		SELECT * FROM segment.filter_tree('not a = 1 or b');
 *
 *		depth | node     | text
 *		    0 | or       | a != 1 or b
 *		    1 | not      | a != 1
 *		    2 | equal    | a = 1
 *		    3 | column   | a
 *		    3 | number   | 1
 *		    1 | column   | b
 *
 * segment.filter_tree() shows the parsed form to users and tests.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "base/base.h"
#include "filter/filter_private.h"

SEGMENT_FUNCTION(segment_filter_tree);

static void put_node(ReturnSetInfo *result, const FilterNode *node, int depth);

Datum
segment_filter_tree(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);
	put_node(result, filter_unpack(PG_GETARG_FILTER_PP(0)), 0);
	return (Datum) 0;
}

/* put_node() puts a row for the node and rows for its arguments. */
static void
put_node(ReturnSetInfo *result, const FilterNode *node, int depth)
{
	Datum		values[3];
	bool		nulls[3] = {false, false, false};
	char	   *text;

	check_stack_depth();
	CHECK_FOR_INTERRUPTS();

	if (node->op == FILTER_NONE)
		return;

	text = filter_print(node);
	values[0] = Int32GetDatum(depth);
	values[1] = CStringGetTextDatum(filter_ops[node->op].name);
	values[2] = CStringGetTextDatum(text);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	/* the texts of all levels are much longer than the filter */
	pfree(DatumGetPointer(values[1]));
	pfree(DatumGetPointer(values[2]));
	pfree(text);

	for (int i = 0; i < node->nargs; i++)
		put_node(result, node->args[i], depth + 1);
}
