/*-------------------------------------------------------------------------
 *
 * explain.c
 *	  Why is this profile a member, or why not?
 *
 *		SELECT * FROM segment.explain('lapsed_vip', 7);
 *
 *		depth | filter                          | value  | holds | next_change
 *		    0 | in audience vip and orders > 3  |        | t     | 2 May 9:30
 *		    1 | in audience vip                 |        | t     |
 *		    2 | total_spend > 500               | 612.50 | t     |
 *		    1 | orders > 3                      | 4      | t     | 2 May 9:30
 *
 * One row per node of the filter, those of audiences within it included.
 * Each node is compiled by itself, by the compiler and in the scope that
 * decide about membership, and evaluated on the profile's row; so what is
 * said here cannot differ from what the audience does.
 *
 * A negated predicate is one row, as it is written: city != "Aarhus".
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_func.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "audience/definitions.h"
#include "base/base.h"
#include "time/time.h"

SEGMENT_FUNCTION(segment_explain);

/* What is explained: the profile's row, and where the result goes. */
typedef struct Explanation
{
	const Population *population;
	FilterScope *scope;
	EState	   *estate;
	ExprContext *econtext;		/* its scan tuple is the profile's row */
	ReturnSetInfo *result;
} Explanation;

static void explain_node(Explanation *explanation, const FilterNode *node,
						 int depth);
static char *node_value(Explanation *explanation, const FilterNode *node);
static char *bucket_value(Explanation *explanation, const FilterNode *node);
static bool varies(const FilterNode *node);
static char *operand_text(Explanation *explanation,
						  const FilterNode *operand);
static char *value_text(Explanation *explanation, Expr *expr);
static Datum evaluate(Explanation *explanation, Expr *expr, bool *isnull);

/*
 * explain(audience, key, population)
 */
Datum
segment_explain(PG_FUNCTION_ARGS)
{
	Explanation explanation;
	const Audience *audience;
	OwnersQuestion question;
	Datum		key;

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		return (Datum) 0;
	audience = audience_for_reader(NameStr(*PG_GETARG_NAME(0)),
								   optional_name_argument(fcinfo, 2),
								   &explanation.population);
	key = key_argument(fcinfo, 1, explanation.population);

	question_begin(&question, explanation.population);
	explanation.result = (ReturnSetInfo *) fcinfo->resultinfo;
	explanation.scope = filter_relation_scope(explanation.population->oid, 1);
	explanation.estate = CreateExecutorState();
	explanation.econtext = GetPerTupleExprContext(explanation.estate);
	explanation.econtext->ecxt_scantuple =
		profile_row(explanation.population, key);
	if (explanation.econtext->ecxt_scantuple == NULL)
		profile_missing(explanation.population, key);
	explain_node(&explanation, audience_filter(audience), 0);
	FreeExecutorState(explanation.estate);
	question_end(&question);

	return (Datum) 0;
}

/*
 * explain_node() puts the row of a node and, below it, the rows of what it is
 * made of.
 */
static void
explain_node(Explanation *explanation, const FilterNode *node, int depth)
{
	const FilterNode *positive = node->op == FILTER_NOT ? node->args[0] : node;
	bool		connective = positive->op == FILTER_AND ||
		positive->op == FILTER_OR || positive->op == FILTER_AT_LEAST;
	Datum		values[5];
	bool		isnull[5] = {false, false, false, false, false};
	Expr	   *holds;
	TimedFilter *timed;
	TimestampTz change;
	char	   *value;

	check_stack_depth();
	CHECK_FOR_INTERRUPTS();

	value = connective ? NULL : node_value(explanation, positive);
	values[0] = Int32GetDatum(depth);
	values[1] = CStringGetTextDatum(filter_print(node));
	if (value != NULL)
		values[2] = CStringGetTextDatum(value);
	isnull[2] = (value == NULL);
	holds = filter_as_value(filter_compile(node, explanation->scope));
	values[3] = evaluate(explanation, holds, &isnull[3]);
	timed = timed_filter_make(explanation->population->oid, node);
	change = timed_filter_next_change(timed,
									  explanation->econtext->ecxt_scantuple,
									  clock_now());
	values[4] = TimestampTzGetDatum(change);
	isnull[4] = TIMESTAMP_IS_NOEND(change);
	tuplestore_putvalues(explanation->result->setResult,
						 explanation->result->setDesc, values, isnull);

	if (positive->op == FILTER_IN_AUDIENCE)
	{
		const Audience *audience = audience_by_name(explanation->population,
													positive->text);

		explain_node(explanation, audience_filter(audience), depth + 1);
	}
	else if (connective && node->op == FILTER_NOT)
		explain_node(explanation, positive, depth + 1);
	else if (connective)
		for (int i = 0; i < node->nargs; i++)
			explain_node(explanation, node->args[i], depth + 1);
}

/*
 * node_value() returns what a predicate looks at, as it is now: the values of
 * its operands except those that are written in the filter.  NULL if there are
 * none, or none is known.
 */
static char *
node_value(Explanation *explanation, const FilterNode *node)
{
	StringInfoData values;
	bool		known = false;

	if (node->op == FILTER_IN_AUDIENCE)
		return NULL;
	if (node->op == FILTER_DID) /* how often */
		return node_value(explanation, filter_did_as_count(node));
	if (node->op == FILTER_BUCKET)
		return bucket_value(explanation, node);
	if (filter_is_operand(node))	/* true or false by itself */
		return varies(node) ? operand_text(explanation, node) : NULL;

	initStringInfo(&values);
	for (int i = 0; i < node->nargs; i++)
	{
		char	   *value;

		if (!varies(node->args[i]))
			continue;
		value = operand_text(explanation, node->args[i]);
		known |= (value != NULL);
		appendStringInfo(&values, "%s%s", values.len > 0 ? ", " : "",
						 value ? value : "missing");
	}
	return known ? values.data : NULL;
}

/* bucket_value() returns where in 0 <= bucket < 100 the profile falls. */
static char *
bucket_value(Explanation *explanation, const FilterNode *node)
{
	Oid			types[] = {TEXTOID, TEXTOID};
	List	   *name = list_make2(makeString(SEGMENT_SCHEMA),
								  makeString("bucket"));
	Const	   *salt = makeConst(TEXTOID, -1, DEFAULT_COLLATION_OID, -1,
								 CStringGetTextDatum(node->text), false,
								 false);
	FuncExpr   *bucket = makeFuncExpr(LookupFuncName(name, 2, types, false),
									  FLOAT8OID,
									  list_make2(salt,
												 explanation->scope->key),
									  InvalidOid, DEFAULT_COLLATION_OID,
									  COERCE_EXPLICIT_CALL);

	return value_text(explanation, (Expr *) bucket);
}

static bool
find_varying(const FilterNode *node, void *context)
{
	if (filter_reads_row(node))
		*(bool *) context = true;
	return true;
}

/* varies() tells whether the operand depends on the profile. */
static bool
varies(const FilterNode *node)
{
	bool		found = false;

	filter_walk(node, find_varying, &found);
	return found;
}

/* operand_text() prints the value of an operand; NULL if it is missing. */
static char *
operand_text(Explanation *explanation, const FilterNode *operand)
{
	return value_text(explanation,
					  filter_compile_operand(operand, explanation->scope));
}

/* value_text() prints a value as the session does; NULL if it is missing. */
static char *
value_text(Explanation *explanation, Expr *expr)
{
	Oid			output;
	bool		varlena;
	bool		isnull;
	Datum		value = evaluate(explanation, expr, &isnull);

	if (isnull)
		return NULL;
	getTypeOutputInfo(exprType((Node *) expr), &output, &varlena);
	return OidOutputFunctionCall(output, value);
}

static Datum
evaluate(Explanation *explanation, Expr *expr, bool *isnull)
{
	ExprState  *state = ExecPrepareExpr(expr, explanation->estate);

	return ExecEvalExprSwitchContext(state, explanation->econtext, isnull);
}
