/*-------------------------------------------------------------------------
 *
 * inline.c
 *	  How does row @@ filter become quals that the planner knows?
 *
 *		SELECT * FROM orders o WHERE o @@ 'amount > 100 and city = "Aarhus"'
 *
 * The planner asks the support function of segment.matches() for something
 * better than the call, and gets
 *
 *		o.amount > 100 AND o.city = 'Aarhus'
 *
 * so that indexes, statistics, partition pruning and parallel plans work as
 * for SQL written by hand.
 *
 * The call stays, and is evaluated row by row (evaluate.c), where
 *
 *	- the filter is not known to the planner (a column, a generic plan);
 *	- the row may be NULL as a whole: it is a composite column or a parameter,
 *	  or comes from the nullable side of an outer join.  row @@ filter is NULL
 *	  then, while its fields compared one by one would let a "not" through.
 *	  So is the old row of INSERT ... RETURNING, and the new one of DELETE;
 *	- the row is computed by a volatile function, which must be called once.
 *
 * A filter that names a column the row does not have is an error when the
 * query is planned, also if no row is ever read, as in SQL written by hand.
 * Creating or dumping a view plans nothing and never fails for that.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "nodes/pathnodes.h"
#include "nodes/supportnodes.h"
#include "optimizer/optimizer.h"
#include "parser/parse_relation.h"
#include "parser/parsetree.h"
#include "utils/typcache.h"

#include "filter/compile_private.h"

SEGMENT_FUNCTION(segment_matches_support);

static bool row_open(FilterRow *row, PlannerInfo *root, Oid function,
					 Expr *value);
static TupleDesc fields_of_table_entry(PlannerInfo *root, Var *var);
static TupleDesc fields_of_row_expr(RowExpr *row);

/*
 * segment.matches_support(internal): the planner's question about a call
 */
Datum
segment_matches_support(PG_FUNCTION_ARGS)
{
	Node	   *request = (Node *) PG_GETARG_POINTER(0);
	SupportRequestSimplify *simplify;
	FuncExpr   *call;
	Const	   *constant;
	FilterRow	row;
	FilterScope *scope;
	Filter	   *filter;
	Expr	   *expr;

	if (!IsA(request, SupportRequestSimplify))
		PG_RETURN_POINTER(NULL);

	simplify = (SupportRequestSimplify *) request;
	call = simplify->fcall;
	constant = lsecond(call->args);
	if (!IsA(constant, Const) || constant->constisnull ||
		!row_open(&row, simplify->root, call->funcid, linitial(call->args)))
		PG_RETURN_POINTER(NULL);

	scope = filter_row_scope(&row);
	scope->planned = true;
	filter = (Filter *) PG_DETOAST_DATUM(constant->constvalue);
	expr = filter_compile(filter_unpack(filter), scope);
	if (IsA(row.row, RowExpr))
		expr = (Expr *) filter_row_put_fields((Node *) expr, row.row);
	if (!call_stands_as_qual(simplify->root, call))
		expr = filter_as_value(expr);

	/* the caller takes it as it is, so fold what is constant in it here */
	PG_RETURN_POINTER(eval_const_expressions(simplify->root, (Node *) expr));
}

/*
 * Can the fields of this row be named one by one?  Fills 'row' if so.
 */
static bool
row_open(FilterRow *row, PlannerInfo *root, Oid function, Expr *value)
{
	memset(row, 0, sizeof(FilterRow));
	row->row = value;
	row->type = expr_type(value);

	if (IsA(value, Var))
	{
		Var		   *var = (Var *) value;

		if (var->varattno != InvalidAttrNumber ||
			VAR_RETURNING(var) != VAR_RETURNING_DEFAULT ||
			call_row_is_nullable(root, function, var))
			return false;
		row->fields = row->type == RECORDOID ?
			fields_of_table_entry(root, var) :
			lookup_rowtype_tupdesc_copy(row->type, -1);
	}
	else if (IsA(value, RowExpr))
	{
		if (contain_volatile_functions((Node *) value))
			return false;
		row->fields = row->type == RECORDOID ?
			fields_of_row_expr((RowExpr *) value) :
			lookup_rowtype_tupdesc_copy(row->type, -1);
	}
	return row->fields != NULL;
}

/* SELECT s FROM (SELECT ... LIMIT 10) s: the names are those of the query. */
static TupleDesc
fields_of_table_entry(PlannerInfo *root, Var *var)
{
	RangeTblEntry *entry;
	List	   *names;
	List	   *vars;
	ListCell   *name;
	ListCell   *column;
	TupleDesc	fields;
	int			i = 0;

	if (root == NULL || var->varlevelsup > 0 ||
		var->varno > list_length(root->parse->rtable))
		return NULL;
	entry = rt_fetch(var->varno, root->parse->rtable);
	if (entry->rtekind == RTE_JOIN)
		return NULL;

	expandRTE(entry, var->varno, 0, VAR_RETURNING_DEFAULT, -1, true,
			  &names, &vars);
	fields = CreateTemplateTupleDesc(list_length(names));
	forboth(name, names, column, vars)
	{
		Node	   *value = lfirst(column);

		i++;
		TupleDescInitEntry(fields, i, strVal(lfirst(name)), exprType(value),
						   exprTypmod(value), 0);
		TupleDescInitEntryCollation(fields, i, exprCollation(value));
		TupleDescAttr(fields, i - 1)->attisdropped = !IsA(value, Var);
	}
	return fields;
}

/* ROW(1, 'x'): f1, f2 */
static TupleDesc
fields_of_row_expr(RowExpr *row)
{
	TupleDesc	fields;
	ListCell   *name;
	ListCell   *arg;
	int			i = 0;

	if (list_length(row->colnames) != list_length(row->args))
		return NULL;
	fields = CreateTemplateTupleDesc(list_length(row->args));
	forboth(name, row->colnames, arg, row->args)
	{
		Node	   *value = lfirst(arg);

		i++;
		TupleDescInitEntry(fields, i, strVal(lfirst(name)), exprType(value),
						   exprTypmod(value), 0);
		TupleDescInitEntryCollation(fields, i, exprCollation(value));
	}
	return fields;
}
