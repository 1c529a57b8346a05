/*-------------------------------------------------------------------------
 *
 * condition.c
 *	  Conditions that a profile has to pass.
 *
 *		club.tier = "gold" or in audience launch
 *
 * It is a filter, and is asked of one row of the base table: so it is exact,
 * also of what time has done since the row was written.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/executor.h"
#include "optimizer/optimizer.h"

#include "filter/filter.h"
#include "loyalty/loyalty_private.h"
#include "trait/trait.h"

Expr *
condition_compile(const Population *population, const char *condition)
{
	FilterScope *scope;

	if (condition == NULL)
		return NULL;
	scope = filter_relation_scope(population->oid, 1);
	scope->text = condition;
	return filter_compile(filter_parse(condition, NULL), scope);
}

char *
condition_kept(const Population *population, const char *condition)
{
	FilterSource parsed;

	if (condition == NULL)
		return NULL;
	/* a name with a dot is kept as that of the trait that it means */
	parsed = trait_names_resolved(population, filter_source_parse(condition));
	return filter_print(parsed.tree);
}

bool
condition_passed(const Population *population, const char *condition,
				 TupleTableSlot *profile)
{
	Expr	   *expr = condition_compile(population, condition);
	ExprContext *econtext;
	ExprState  *state;
	bool		isnull;
	bool		holds;

	if (expr == NULL)
		return true;
	if (profile == NULL)
		return false;			/* and no member */
	econtext = CreateStandaloneExprContext();
	econtext->ecxt_scantuple = profile;
	state = ExecInitExpr(expression_planner(expr), NULL);
	holds = DatumGetBool(ExecEvalExprSwitchContext(state, econtext, &isnull));
	FreeExprContext(econtext, true);
	return holds && !isnull;
}
