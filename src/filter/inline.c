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
#include "access/relation.h"
#include "access/table.h"
#include "catalog/pg_class.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/pathnodes.h"
#include "nodes/supportnodes.h"
#include "optimizer/optimizer.h"
#include "parser/parse_relation.h"
#include "parser/parsetree.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "filter/compile_private.h"

SEGMENT_FUNCTION(segment_matches_support);

FilterRowHook filter_row_hook = NULL;

/* Calls in subqueries with a row of this number */
typedef struct SubqueryRows
{
	Oid			function;		/* segment.matches */
	Index		varno;
	bool		found;
	bool		nullable;
} SubqueryRows;

static bool row_open(FilterRow *row, PlannerInfo *root, Oid function,
					 Expr *value);
static bool row_is_nullable(PlannerInfo *root, Oid function, Var *var);
static bool find_subqueries(Node *node, SubqueryRows *inner);
static bool find_rows(Node *node, SubqueryRows *inner);
static bool nullable_in(Node *jointree, int varno, bool nullable);
static TupleDesc fields_of_table_entry(PlannerInfo *root, Var *var);
static TupleDesc fields_of_row_expr(RowExpr *row);
static AttrNumber field_number(FilterRow *row, const char *name);
static Expr *field_parameter(Expr *field, int number);
static Node *put_fields_back(Node *node, void *row);
static Expr *row_column(FilterScope *scope, const char *name);
static List *row_names(FilterScope *scope);
static char *row_subject(FilterRow *row);
static void row_scope_fill(FilterRow *row);
static FilterRow *relation_row(Oid relid, int varno);
static bool stands_as_qual(PlannerInfo *root, FuncExpr *call);
static List *match_arguments(Node *node, Oid function);

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
	expr = filter_compile(filter_unpack((Filter *) PG_DETOAST_DATUM(constant->constvalue)),
						  scope);
	if (IsA(row.row, RowExpr))
		expr = (Expr *) put_fields_back((Node *) expr, row.row);
	if (!stands_as_qual(simplify->root, call))
		expr = filter_as_value(expr);

	/* the caller takes it as it is, so fold what is constant in it here */
	PG_RETURN_POINTER(eval_const_expressions(simplify->root, (Node *) expr));
}

/* ---- rows ---- */

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
			row_is_nullable(root, function, var))
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

/*
 * Is the whole row NULL where an outer join found no partner for it?
 *
 * The reference may well stand inside that side of the join, where it is not;
 * nobody tells, so it is left to run time there, too.
 */
static bool
row_is_nullable(PlannerInfo *root, Oid function, Var *var)
{
	SubqueryRows inner = {function, var->varno};

	if (var->varlevelsup == 0)
	{
		/* without a query: a check constraint, an index, a trigger's condition */
		if (root == NULL)
			return false;

		/*
		 * When the server considers to hash an EXISTS, it simplifies the
		 * conditions of the subquery on behalf of the query around it, and
		 * hands us that one.  So the row may be of either.
		 */
		if (root->parse->hasSubLinks)
			(void) query_tree_walker(root->parse, find_subqueries, &inner, 0);
		return inner.nullable || (inner.found && var->vartype == RECORDOID) ||
			nullable_in((Node *) root->parse->jointree, var->varno, false);
	}

	/* for the same reason it may be one level nearer than it says */
	for (int i = 1; root != NULL && i < var->varlevelsup; i++)
		root = root->parent_root;
	return root == NULL || root->parent_root == NULL ||
		nullable_in((Node *) root->parse->jointree, var->varno, false) ||
		nullable_in((Node *) root->parent_root->parse->jointree, var->varno, false);
}

/* Subqueries that match a row with the number we look for. */
static bool
find_subqueries(Node *node, SubqueryRows *inner)
{
	if (node == NULL || IsA(node, Query))
		return false;
	if (IsA(node, SubLink))
	{
		Query	   *query = (Query *) ((SubLink *) node)->subselect;

		if (query_tree_walker(query, find_rows, inner, 0))
		{
			inner->found = true;
			inner->nullable |= nullable_in((Node *) query->jointree,
										   inner->varno, false);
		}
	}
	return expression_tree_walker(node, find_subqueries, inner);
}

static bool
find_rows(Node *node, SubqueryRows *inner)
{
	List	   *args;

	if (node == NULL || IsA(node, Query))
		return false;
	args = match_arguments(node, inner->function);
	if (args != NIL && IsA(linitial(args), Var) &&
		((Var *) linitial(args))->varno == inner->varno &&
		((Var *) linitial(args))->varlevelsup == 0)
		return true;
	return expression_tree_walker(node, find_rows, inner);
}

static bool
nullable_in(Node *jointree, int varno, bool nullable)
{
	if (jointree == NULL)
		return false;
	check_stack_depth();
	if (IsA(jointree, RangeTblRef))
		return nullable && ((RangeTblRef *) jointree)->rtindex == varno;
	if (IsA(jointree, FromExpr))
	{
		ListCell   *lc;

		foreach(lc, ((FromExpr *) jointree)->fromlist)
			if (nullable_in(lfirst(lc), varno, nullable))
				return true;
		return false;
	}
	else
	{
		JoinExpr   *join = castNode(JoinExpr, jointree);
		bool		left = nullable || join->jointype == JOIN_RIGHT ||
			join->jointype == JOIN_FULL;
		bool		right = nullable || join->jointype == JOIN_LEFT ||
			join->jointype == JOIN_FULL || join->jointype == JOIN_ANTI;

		return nullable_in(join->larg, varno, left) ||
			nullable_in(join->rarg, varno, right);
	}
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

Expr *
filter_row_field(FilterRow *row, const char *name)
{
	int			number = field_number(row, name);
	Form_pg_attribute field;

	if (number == 0)
		return NULL;
	field = TupleDescAttr(row->fields, number - 1);

	if (IsA(row->row, RowExpr))
	{
		List	   *args = ((RowExpr *) row->row)->args;

		/* columns added since the row was written down are missing */
		if (number <= list_length(args))
			return field_parameter(list_nth(args, number - 1), number);
		return (Expr *) makeNullConst(field->atttypid, field->atttypmod,
									  field->attcollation);
	}
	if (IsA(row->row, Var) &&
		((Var *) row->row)->varattno == InvalidAttrNumber)
	{
		Var		   *whole = (Var *) row->row;

		return (Expr *) makeVar(whole->varno, number, field->atttypid,
								field->atttypmod, field->attcollation,
								whole->varlevelsup);
	}
	else
	{
		FieldSelect *select = makeNode(FieldSelect);

		select->arg = expr_copy(row->row);
		select->fieldnum = number;
		select->resulttype = field->atttypid;
		select->resulttypmod = field->atttypmod;
		select->resultcollid = field->attcollation;
		return (Expr *) select;
	}
}

/*
 * A field that is computed, as in a view.  The planner has worked on it
 * already, and may have made a cast of COLLATE: if its collations were
 * assigned again, with those of the filter, they would be others.  So a
 * parameter stands in its place until that is done.
 */
static Expr *
field_parameter(Expr *field, int number)
{
	Param	   *parameter;

	if (IsA(field, Var) || IsA(field, Const))
		return expr_copy(field);
	parameter = makeNode(Param);
	parameter->paramkind = PARAM_SUBLINK;	/* there are no others */
	parameter->paramid = number;
	parameter->paramtype = exprType((Node *) field);
	parameter->paramtypmod = exprTypmod((Node *) field);
	parameter->paramcollid = exprCollation((Node *) field);
	parameter->location = -1;
	return (Expr *) parameter;
}

static Node *
put_fields_back(Node *node, void *row)
{
	if (node == NULL)
		return NULL;
	if (IsA(node, Param) && ((Param *) node)->paramkind == PARAM_SUBLINK)
		return copyObject(list_nth(((RowExpr *) row)->args,
								   ((Param *) node)->paramid - 1));
	return expression_tree_mutator(node, put_fields_back, row);
}

/* Counted from 1; 0 if there is none.  Two joined tables may both have it. */
static AttrNumber
field_number(FilterRow *row, const char *name)
{
	AttrNumber	number = 0;

	for (int i = 0; i < row->fields->natts; i++)
	{
		Form_pg_attribute field = TupleDescAttr(row->fields, i);

		if (field->attisdropped || strcmp(NameStr(field->attname), name) != 0)
			continue;
		if (number != 0)
			ereport(ERROR,
					(errcode(ERRCODE_AMBIGUOUS_COLUMN),
					 errmsg("column \"%s\" is ambiguous", name),
					 errdetail("The row has more than one column of that name.")));
		number = i + 1;
	}
	return number;
}

FilterScope *
filter_row_scope(FilterRow *row)
{
	FilterScope *scope = NULL;

	row_scope_fill(row);
	if (filter_row_hook != NULL && row->type != RECORDOID)
		scope = filter_row_hook(row);
	return scope != NULL ? scope : &row->scope;
}

static void
row_scope_fill(FilterRow *row)
{
	memset(&row->scope, 0, sizeof(FilterScope));
	row->scope.subject = row_subject(row);
	row->scope.noun = "column";
	row->scope.column = row_column;
	row->scope.names = row_names;
}

static Expr *
row_column(FilterScope *scope, const char *name)
{
	return filter_row_field((FilterRow *) scope, name);
}

static List *
row_names(FilterScope *scope)
{
	TupleDesc	fields = ((FilterRow *) scope)->fields;
	List	   *names = NIL;

	for (int i = 0; i < fields->natts; i++)
		if (!TupleDescAttr(fields, i)->attisdropped)
			names = lappend(names, NameStr(TupleDescAttr(fields, i)->attname));
	return names;
}

static char *
row_subject(FilterRow *row)
{
	Oid			relid = row->type == RECORDOID ? InvalidOid :
		get_typ_typrelid(row->type);

	if (!OidIsValid(relid))
		return pstrdup("a row without a name");
	switch (get_rel_relkind(relid))
	{
		case RELKIND_VIEW:
		case RELKIND_MATVIEW:
			return psprintf("view \"%s\"", get_rel_name(relid));
		case RELKIND_COMPOSITE_TYPE:
			return psprintf("type \"%s\"", get_rel_name(relid));
		default:
			return psprintf("table \"%s\"", get_rel_name(relid));
	}
}

FilterScope *
filter_relation_scope(Oid relid, int varno)
{
	return filter_row_scope(relation_row(relid, varno));
}

FilterScope *
filter_column_scope(Oid relid, int varno)
{
	FilterRow  *row = relation_row(relid, varno);

	row_scope_fill(row);
	return &row->scope;
}

static FilterRow *
relation_row(Oid relid, int varno)
{
	FilterRow  *row = palloc0(sizeof(FilterRow));
	char	   *name = get_rel_name(relid);
	Relation	relation = try_relation_open(relid, AccessShareLock);

	/* it was dropped, perhaps while we waited for it */
	if (relation == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 name ? errmsg("relation \"%s\" does not exist", name) :
				 errmsg("relation with OID %u does not exist", relid)));
	row->type = get_rel_type_id(relid);
	if (!OidIsValid(row->type))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("relation \"%s\" has no rows to filter", name)));
	row->row = (Expr *) makeVar(varno, InvalidAttrNumber, row->type, -1,
								InvalidOid, 0);
	row->fields = lookup_rowtype_tupdesc_copy(row->type, -1);
	relation_close(relation, AccessShareLock);
	return row;
}

/* ---- qual or value? ---- */

typedef struct Occurrences
{
	Oid			function;		/* segment.matches */
	Filter	   *filter;
	int			all;
	int			as_qual;
	bool		hidden;			/* there may be more that we do not see */
} Occurrences;

static bool is_occurrence(Node *node, Occurrences *found);
static bool count_all(Node *node, Occurrences *found);
static bool note_hidden(Oid function, void *context);
static void count_quals(Node *node, Occurrences *found);
static void count_jointree(Node *node, Occurrences *found);

/*
 * A call in WHERE, ON or HAVING asks only for true; NULL may stand for false,
 * and must not be wrapped in IS TRUE or no index would match.  A call whose
 * value is used has to be true or false:
 *
 *		SELECT p @@ 'a > 1' FROM p					(a > 1) IS TRUE
 *		SELECT * FROM p WHERE p @@ 'a > 1'			a > 1
 *		SELECT * FROM p WHERE NOT (p @@ 'a > 1')	NOT ((a > 1) IS TRUE)
 *
 * The server does not tell us where the call stands, and hands us a copy of
 * it.  So we look for calls with this filter in the query: if at least one of
 * them stands in a qual, below AND and OR only, and none stands elsewhere,
 * then so does this one.  The server works on the target list first and puts
 * the result back, so that in
 *
 *		SELECT p @@ 'a > 1' FROM p WHERE p @@ 'a > 1'
 *
 * both are still there for the first call, which is wrapped, and when it comes
 * to WHERE only the second is left, which is not.  In doubt it is wrapped:
 * that is always right, and only slower.
 */
static bool
stands_as_qual(PlannerInfo *root, FuncExpr *call)
{
	Occurrences found = {call->funcid};
	Query	   *query;
	ListCell   *lc;

	if (root == NULL)
		return false;

	found.filter = (Filter *) PG_DETOAST_DATUM(((Const *) lsecond(call->args))->constvalue);
	query = root->parse;

	count_jointree((Node *) query->jointree, &found);
	count_quals(query->havingQual, &found);
	foreach(lc, query->rtable)
		count_quals((Node *) lfirst_node(RangeTblEntry, lc)->securityQuals, &found);
	if (found.as_qual == 0)
		return false;

	(void) query_tree_walker(query, count_all, &found, 0);
	(void) expression_tree_walker((Node *) root->append_rel_list, count_all, &found);
	return found.all == found.as_qual && !found.hidden;
}

/* The arguments, if the node calls segment.matches() or is row @@ filter. */
static List *
match_arguments(Node *node, Oid function)
{
	if (IsA(node, FuncExpr) && ((FuncExpr *) node)->funcid == function)
		return ((FuncExpr *) node)->args;
	if (IsA(node, OpExpr) && get_opcode(((OpExpr *) node)->opno) == function)
		return ((OpExpr *) node)->args;
	return NIL;
}

/* A call with our filter, or with one that we cannot tell from it yet. */
static bool
is_occurrence(Node *node, Occurrences *found)
{
	List	   *args = match_arguments(node, found->function);
	Node	   *filter;
	Filter	   *other;

	if (args == NIL)
		return false;

	filter = lsecond(args);
	if (!IsA(filter, Const))
		return true;
	if (((Const *) filter)->constisnull)
		return false;
	other = (Filter *) PG_DETOAST_DATUM(((Const *) filter)->constvalue);
	return VARSIZE(other) == VARSIZE(found->filter) &&
		memcmp(other, found->filter, VARSIZE(other)) == 0;
}

static bool
count_all(Node *node, Occurrences *found)
{
	if (node == NULL || IsA(node, Query))
		return false;			/* a level of its own */

	/*
	 * The server simplifies the conditions of an EXISTS on behalf of the query
	 * around it, when it considers to hash the subquery.
	 */
	if (IsA(node, SubLink) &&
		query_tree_walker((Query *) ((SubLink *) node)->subselect,
						  count_all, found, 0))
		return true;
	if (is_occurrence(node, found))
		found->all++;
	else if (check_functions_in_node(node, note_hidden, found))
		found->hidden = true;
	return expression_tree_walker(node, count_all, found);
}

/*
 * An SQL function that takes a row or a filter may be inlined, and call us
 * from a body that is not part of the query's tree.
 */
static bool
note_hidden(Oid function, void *context)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	Form_pg_proc form;
	bool		result = false;

	if (!HeapTupleIsValid(tuple))
		return false;
	form = (Form_pg_proc) GETSTRUCT(tuple);
	if (form->prolang == SQLlanguageId)
		for (int i = 0; i < form->pronargs; i++)
		{
			Oid			type = form->proargtypes.values[i];

			result |= function >= FirstNormalObjectId &&
				(type_is_rowtype(type) || IsPolymorphicType(type));
		}
	ReleaseSysCache(tuple);
	return result;
}

static void
count_quals(Node *node, Occurrences *found)
{
	ListCell   *lc;

	if (node == NULL)
		return;
	check_stack_depth();
	if (IsA(node, List))
	{
		foreach(lc, (List *) node)
			count_quals(lfirst(lc), found);
	}
	else if (is_andclause(node) || is_orclause(node))
		count_quals((Node *) ((BoolExpr *) node)->args, found);
	else if (is_occurrence(node, found))
		found->as_qual++;
}

static void
count_jointree(Node *node, Occurrences *found)
{
	ListCell   *lc;

	if (node == NULL)
		return;
	check_stack_depth();
	if (IsA(node, FromExpr))
	{
		foreach(lc, ((FromExpr *) node)->fromlist)
			count_jointree(lfirst(lc), found);
		count_quals(((FromExpr *) node)->quals, found);
	}
	else if (IsA(node, JoinExpr))
	{
		count_jointree(((JoinExpr *) node)->larg, found);
		count_jointree(((JoinExpr *) node)->rarg, found);
		count_quals(((JoinExpr *) node)->quals, found);
	}
}
