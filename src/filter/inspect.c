/*-------------------------------------------------------------------------
 *
 * inspect.c
 *	  What did the compiler make of a filter, and what does it name?
 *
 *		segment.filter_sql('a > 1 and not b', 'orders')
 *			-> a > 1 AND b IS NOT TRUE
 *		segment.filter_traits('a > 1 and not b')
 *			-> a, b
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"

#include "base/base.h"
#include "filter/compile_private.h"

SEGMENT_FUNCTION(segment_filter_sql);
SEGMENT_FUNCTION(segment_filter_sql_text);
SEGMENT_FUNCTION(segment_filter_traits);

static bool collect_name(const FilterNode *node, void *context);

/*
 * segment.filter_sql(filter, relation, timezone): the qual as SQL, with the
 * settings pinned that change how constants print.  A zone replaces that of
 * the relation, if it has one.
 */
Datum
segment_filter_sql(PG_FUNCTION_ARGS)
{
	Filter	   *filter;
	Oid			relid;
	char	   *name;
	Relation	relation;
	FilterScope *scope;
	Expr	   *expr;
	char	   *sql;
	int			level;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		PG_RETURN_NULL();
	filter = PG_GETARG_FILTER_PP(0);
	relid = PG_GETARG_OID(1);
	name = get_rel_name(relid);
	relation = try_relation_open(relid, AccessShareLock);
	if (relation == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 name ? errmsg("relation \"%s\" does not exist", name) :
				 errmsg("relation with OID %u does not exist", relid)));

	scope = filter_relation_scope(relid, 1);
	scope->planned = true;
	if (!PG_ARGISNULL(2))
	{
		scope->timezone = text_to_cstring(PG_GETARG_TEXT_PP(2));
		check_zone(scope->timezone);
	}
	expr = filter_compile(filter_unpack(filter), scope);

	level = settings_pin();
	setting_save("TimeZone", scope->timezone ? scope->timezone : "UTC");
	sql = deparse_expression((Node *) expr,
							 deparse_context_for(name, relid),
							 false, false);
	AtEOXact_GUC(true, level);
	relation_close(relation, AccessShareLock);
	PG_RETURN_TEXT_P(cstring_to_text(sql));
}

/* The same with a text as the name of the relation. */
Datum
segment_filter_sql_text(PG_FUNCTION_ARGS)
{
	return call_with_text(fcinfo, 1, REGCLASSOID, segment_filter_sql);
}

/*
 * segment.filter_traits(filter): the names of columns or traits, in order
 */
Datum
segment_filter_traits(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	List	   *names = NIL;
	ListCell   *lc;
	const char *previous = NULL;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	filter_walk(filter_unpack(PG_GETARG_FILTER_PP(0)), collect_name, &names);
	list_sort(names, compare_names);
	foreach(lc, names)
	{
		Datum		value;
		bool		isnull = false;

		if (previous != NULL && strcmp(previous, lfirst(lc)) == 0)
			continue;
		previous = lfirst(lc);
		value = CStringGetTextDatum(previous);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, &value,
							 &isnull);
	}
	return (Datum) 0;
}

/* Columns of events, inside an aggregate or "did", are no traits. */
static bool
collect_name(const FilterNode *node, void *context)
{
	List	  **names = context;

	if (node->op == FILTER_AGGREGATE || node->op == FILTER_DID)
		return false;
	if (node->op == FILTER_COLUMN)
		*names = lappend(*names, node->text);
	return true;
}
