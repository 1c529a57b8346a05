/*-------------------------------------------------------------------------
 *
 * explain.c
 *	  Why is this profile a member, or why not?
 *
 *		SELECT * FROM segment.explain('lapsed_vip', 7);
 *
 *		depth | filter                             | value  | holds | next_change
 *		    0 | in audience vip and orders_30d > 3 |        | t     | 2 May 9:30
 *		    1 | in audience vip                    |        | t     |
 *		    2 | total_spend > 500                  | 612.50 | t     |
 *		    1 | orders_30d > 3                     | 4      | t     | 2 May 9:30
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
#include "utils/typcache.h"

#include "audience/audience_private.h"
#include "base/base.h"
#include "time/time.h"

SEGMENT_FUNCTION(segment_explain);

/* The profile, and where the rows go. */
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
								   optional_name(fcinfo, 2),
								   &explanation.population);
	key = population_key(explanation.population, PG_GETARG_DATUM(1),
						 get_fn_expr_argtype(fcinfo->flinfo, 1));

	question_begin(&question, explanation.population);
	explanation.result = (ReturnSetInfo *) fcinfo->resultinfo;
	explanation.scope = filter_relation_scope(explanation.population->base, 1);
	explanation.estate = CreateExecutorState();
	explanation.econtext = GetPerTupleExprContext(explanation.estate);
	explanation.econtext->ecxt_scantuple =
		audience_profile_row(explanation.population, key);
	if (explanation.econtext->ecxt_scantuple == NULL)
		audience_no_profile(explanation.population, key);
	explain_node(&explanation, audience->filter, 0);
	FreeExecutorState(explanation.estate);
	question_end(&question);

	return (Datum) 0;
}

TupleTableSlot *
audience_profile_row(const Population *population, Datum key)
{
	Oid			type = population->key_type;
	char	   *sql;
	TupleDesc	desc;
	TupleTableSlot *slot;
	HeapTupleHeader row;
	HeapTupleData tuple;
	bool		isnull;

	/* the cast to its own type keeps the row from being spread into columns */
	sql = psprintf("SELECT profile.*::%s FROM %s WHERE profile.%s = $1",
				   population_base_name(population),
				   audience_profiles_sql(population),
				   quote_identifier(population->key));
	if (SPI_execute_with_args(sql, 1, &type, &key, NULL, true, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not execute \"%s\"", sql);
	if (SPI_processed == 0)
		return NULL;

	row = DatumGetHeapTupleHeader(SPI_getbinval(SPI_tuptable->vals[0],
												SPI_tuptable->tupdesc, 1,
												&isnull));
	desc = lookup_rowtype_tupdesc_copy(HeapTupleHeaderGetTypeId(row),
									   HeapTupleHeaderGetTypMod(row));
	tuple.t_len = HeapTupleHeaderGetDatumLength(row);
	ItemPointerSetInvalid(&tuple.t_self);
	tuple.t_tableOid = InvalidOid;
	tuple.t_data = row;
	slot = MakeSingleTupleTableSlot(desc, &TTSOpsHeapTuple);
	ExecForceStoreHeapTuple(heap_copytuple(&tuple), slot, true);
	return slot;
}

void
audience_no_profile(const Population *population, Datum key)
{
	Oid			output;
	bool		varlena;

	getTypeOutputInfo(population->key_type, &output, &varlena);
	ereport(ERROR,
			(errcode(ERRCODE_NO_DATA_FOUND),
			 errmsg("profile \"%s\" does not exist in population \"%s\"",
					OidOutputFunctionCall(output, key), population->name)));
}

/*
 * The row of a node and, below it, those of what it is made of.
 */
static void
explain_node(Explanation *explanation, const FilterNode *node, int depth)
{
	const FilterNode *positive = node->op == FILTER_NOT ? node->args[0] : node;
	bool		connective = positive->op == FILTER_AND ||
		positive->op == FILTER_OR || positive->op == FILTER_AT_LEAST;
	Datum		values[5];
	bool		isnull[5] = {false, false, false, false, false};
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
	values[3] = evaluate(explanation,
						 filter_as_value(filter_compile(node, explanation->scope)),
						 &isnull[3]);
	timed = timed_filter_make(explanation->population->base, node);
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

		explain_node(explanation, audience->filter, depth + 1);
	}
	else if (connective && node->op == FILTER_NOT)
		explain_node(explanation, positive, depth + 1);
	else if (connective)
		for (int i = 0; i < node->nargs; i++)
			explain_node(explanation, node->args[i], depth + 1);
}

/*
 * What a predicate looks at, as it is now: the values of its operands except
 * those that are written in the filter.  NULL if there are none, or none is
 * known.
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
	if (node->op < FILTER_EQ)	/* true or false by itself */
		return varies(node) ?
			value_text(explanation,
					   filter_compile_operand(node, explanation->scope)) : NULL;

	initStringInfo(&values);
	for (int i = 0; i < node->nargs; i++)
	{
		char	   *value;

		if (!varies(node->args[i]))
			continue;
		value = value_text(explanation,
						   filter_compile_operand(node->args[i],
												  explanation->scope));
		known |= (value != NULL);
		appendStringInfo(&values, "%s%s", values.len > 0 ? ", " : "",
						 value ? value : "missing");
	}
	return known ? values.data : NULL;
}

/* Where in 0 <= bucket < 100 the profile falls. */
static char *
bucket_value(Explanation *explanation, const FilterNode *node)
{
	Oid			types[] = {TEXTOID, TEXTOID};
	Oid			function = LookupFuncName(list_make2(makeString(SEGMENT_SCHEMA),
													 makeString("bucket")),
										  2, types, false);
	Const	   *salt = makeConst(TEXTOID, -1, DEFAULT_COLLATION_OID, -1,
								 CStringGetTextDatum(node->text), false, false);

	return value_text(explanation,
					  (Expr *) makeFuncExpr(function, FLOAT8OID,
											list_make2(salt, explanation->scope->key),
											InvalidOid, DEFAULT_COLLATION_OID,
											COERCE_EXPLICIT_CALL));
}

static bool
find_varying(const FilterNode *node, void *context)
{
	if (node->op == FILTER_COLUMN || node->op == FILTER_AGGREGATE)
		*(bool *) context = true;
	return true;
}

/* Does the operand depend on the profile? */
static bool
varies(const FilterNode *node)
{
	bool		found = false;

	filter_walk(node, find_varying, &found);
	return found;
}

/* As the session prints it; NULL if it is missing. */
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
	return ExecEvalExprSwitchContext(ExecPrepareExpr(expr, explanation->estate),
									 explanation->econtext, isnull);
}
