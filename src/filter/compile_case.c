/*-------------------------------------------------------------------------
 *
 * compile_case.c
 *	  Which of several values is it?
 *
 *		case when orders > 9 then "often" when did visits then "seen" end
 *
 *		CASE WHEN orders > 9 THEN 'often'
 *			 WHEN s2 >= 1 THEN 'seen'
 *			 ELSE NULL END
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "nodes/makefuncs.h"
#include "utils/lsyscache.h"

#include "filter/compile_private.h"

/*
 * All values are brought to one type, as those of coalesce are.  A condition
 * whose operand is missing does not hold, as in SQL, and without ELSE the
 * value is missing where none holds.
 */
Expr *
compile_case(FilterScope *scope, const FilterNode *node)
{
	int			nwhens = node->nargs - 1;
	const FilterNode *otherwise = node->args[nwhens];
	Operand    *values = palloc(sizeof(Operand) * node->nargs);
	CaseExpr   *result = makeNode(CaseExpr);
	int			count = nwhens;

	for (int i = 0; i < nwhens; i++)
		values[i] = compile_operand(scope, node->args[i]->args[1]);
	if (otherwise->op != FILTER_NONE)
		values[count++] = compile_operand(scope, otherwise);
	result->casetype = operands_unify(scope, values, count);

	for (int i = 0; i < nwhens; i++)
	{
		CaseWhen   *when = makeNode(CaseWhen);

		when->expr = compile_filter(scope, node->args[i]->args[0]);
		when->result = values[i].value;
		when->location = -1;
		result->args = lappend(result->args, when);
	}
	result->defresult = count > nwhens ? values[nwhens].value :
		(Expr *) makeNullConst(result->casetype, -1,
							   get_typcollation(result->casetype));
	result->location = -1;
	return (Expr *) result;
}
