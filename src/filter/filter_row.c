/*-------------------------------------------------------------------------
 *
 * filter_row.c
 *	  What do the names of a row mean?
 *
 *		o @@ 'amount > 100', o being a row of orders
 *
 *		amount		Var, column 4 of o, where o is a table of the query
 *					FieldSelect, where o is a composite value
 *					the expression of the field, where o is a ROW(...)
 *
 * A row whose type rooms to the right know, such as that of a population's
 * view, has the names that filter_row_hook gives it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/typcache.h"

#include "filter/compile_private.h"

FilterRowHook filter_row_hook = NULL;

static Expr *field_parameter(Expr *field, int number);
static AttrNumber field_number(FilterRow *row, const char *name);
static void row_scope_fill(FilterRow *row);
static Expr *row_column(FilterScope *scope, const char *name);
static List *row_names(FilterScope *scope);
static char *row_subject(FilterRow *row);
static FilterRow *relation_row(Oid relid, int varno);

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
 * field_parameter() returns a parameter in the stead of a field that is
 * computed, as in a view.
 *
 * The planner has worked on the field already, and may have made a cast of
 * COLLATE.  Were its collations assigned again, with those of the filter, they
 * would change.  filter_row_put_fields() puts the field back afterwards.
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

Node *
filter_row_put_fields(Node *node, void *row)
{
	if (node == NULL)
		return NULL;
	if (IsA(node, Param) && ((Param *) node)->paramkind == PARAM_SUBLINK)
		return copyObject(list_nth(((RowExpr *) row)->args,
								   ((Param *) node)->paramid - 1));
	return expression_tree_mutator(node, filter_row_put_fields, row);
}

/*
 * field_number() returns the number of the field, from 1; 0 if there is none.
 * An error if two joined tables both have it.
 */
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
					 errdetail("The row has more than one column of that "
							   "name.")));
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

/* row_names() lists the names of the fields (char *). */
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

/* row_subject() says for errors what the filter is applied to. */
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

/*
 * relation_row() returns the row of the relation as range table entry 'varno'.
 */
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
