/*-------------------------------------------------------------------------
 *
 * expression.c
 *	  How is an expression of the server put together?
 *
 * From parts that are already typed:
 *
 *		expr_compare(BTLess, Var int4, Const int8)
 *			-> OpExpr int48lt		from integer_ops, cross-type
 *		expr_call("timezone", 2, 'Europe/Copenhagen', Var timestamptz)
 *			-> FuncExpr timezone(text, timestamptz)
 *
 * Nothing here looks along search_path.  Operators of comparison are those of
 * the type's default operator class, whatever schema they live in, so that
 * citext and enums compare as their makers meant; everything else is named
 * with its schema and its exact argument types.
 *
 * An expression that is made here is evaluated in the session of each user who
 * inserts, reads or defines.  So it calls functions of superusers only: only a
 * superuser may make an operator class, and expr_coerce() looks at the owner
 * of a cast.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/stratnum.h"
#include "access/transam.h"
#include "catalog/namespace.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_coerce.h"
#include "parser/parse_collate.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "filter/compile_private.h"

static Expr *call_in_schema(Oid schema, const char *name, int nargs,
							va_list args);
static Expr *call_with_types(Oid schema, const char *name, int nargs,
							 Oid *types, List *args);
static Expr *make_operator(Oid operator, Expr *left, Expr *right);
static Oid	comparison_operator(StrategyNumber strategy, Oid left, Oid right);
static bool is_superusers(Oid function);

Oid
expr_type(Expr *value)
{
	return exprType((Node *) value);
}

/* Trees are handed out more than once, and the server scribbles on them. */
Expr *
expr_copy(Expr *value)
{
	return copyObject(value);
}

Expr *
expr_const(Oid type, Datum value)
{
	int16		length;
	bool		byval;

	get_typlenbyval(type, &length, &byval);
	return (Expr *) makeConst(type, -1, get_typcollation(type), length, value,
							  false, byval);
}

Expr *
expr_text(const char *text)
{
	return expr_const(TEXTOID, CStringGetTextDatum(text));
}

Expr *
expr_boolean(bool value)
{
	return (Expr *) makeBoolConst(value, false);
}

Expr *
expr_call(const char *name, int nargs,...)
{
	va_list		args;
	Expr	   *call;

	va_start(args, nargs);
	call = call_in_schema(PG_CATALOG_NAMESPACE, name, nargs, args);
	va_end(args);
	return call;
}

Expr *
expr_own_call(const char *name, int nargs,...)
{
	va_list		args;
	Expr	   *call;

	va_start(args, nargs);
	call = call_in_schema(get_namespace_oid(SEGMENT_SCHEMA, false), name,
						  nargs, args);
	va_end(args);
	return call;
}

Expr *
expr_cast(const char *name, Expr *value)
{
	FuncExpr   *call = castNode(FuncExpr, expr_call(name, 1, value));

	call->funcformat = COERCE_EXPLICIT_CAST;
	return (Expr *) call;
}

/* cardinality(anyarray) */
Expr *
expr_array_call(const char *name, Expr *array)
{
	Oid			type = ANYARRAYOID;

	return call_with_types(PG_CATALOG_NAMESPACE, name, 1, &type,
						   list_make1(array));
}

/*
 * call_in_schema() makes a call of the schema's function for the types of the
 * arguments (Expr *).
 */
static Expr *
call_in_schema(Oid schema, const char *name, int nargs, va_list args)
{
	Oid			types[FUNC_MAX_ARGS] = {InvalidOid};
	List	   *list = NIL;

	for (int i = 0; i < nargs; i++)
	{
		Expr	   *arg = va_arg(args, Expr *);

		types[i] = expr_type(arg);
		list = lappend(list, arg);
	}
	return call_with_types(schema, name, nargs, types, list);
}

/*
 * call_with_types() makes a call of the schema's function for these types.
 *
 * LookupFuncName() would ask for USAGE on the schema, which a role that only
 * reads a view over a filter need not have.
 */
static Expr *
call_with_types(Oid schema, const char *name, int nargs, Oid *types,
				List *args)
{
	oidvector  *typelist = buildoidvector(types, nargs);
	Oid			function = GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid,
										   CStringGetDatum(name),
										   PointerGetDatum(typelist),
										   ObjectIdGetDatum(schema));

	if (!OidIsValid(function))
		elog(ERROR, "function \"%s\" with %d arguments not found", name,
			 nargs);
	return (Expr *) makeFuncExpr(function, get_func_rettype(function), args,
								 InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL);
}

/* make_operator() applies an operator to what has its types already. */
static Expr *
make_operator(Oid operator, Expr *left, Expr *right)
{
	Expr	   *expr = make_opclause(operator, get_op_rettype(operator), false,
									 left, right, InvalidOid, InvalidOid);

	set_opfuncid((OpExpr *) expr);
	return expr;
}

/*
 * operator_in_catalog() makes an expression of the operator of pg_catalog that
 * is declared for these types.
 */
static Expr *
operator_in_catalog(const char *name, Oid lefttype, Oid righttype,
					Expr *left, Expr *right)
{
	Datum		schema = ObjectIdGetDatum(PG_CATALOG_NAMESPACE);
	Oid			operator = GetSysCacheOid4(OPERNAMENSP, Anum_pg_operator_oid,
										   CStringGetDatum(name),
										   ObjectIdGetDatum(lefttype),
										   ObjectIdGetDatum(righttype),
										   schema);

	if (!OidIsValid(operator))
		elog(ERROR, "operator %s for types %u and %u not found",
			 name, lefttype, righttype);
	return make_operator(operator, left, right);
}

Expr *
expr_operator(const char *name, Expr *left, Expr *right)
{
	return operator_in_catalog(name, expr_type(left), expr_type(right),
							   left, right);
}

Expr *
expr_array_operator(const char *name, Expr *left, Expr *right)
{
	return operator_in_catalog(name, ANYARRAYOID, ANYARRAYOID, left, right);
}

Expr *
expr_compare(StrategyNumber strategy, Expr *left, Expr *right)
{
	Oid			operator = comparison_operator(strategy, expr_type(left),
											   expr_type(right));

	if (!OidIsValid(operator))
		return NULL;
	return make_operator(operator, left,
						 expr_collated(right, exprCollation((Node *) left)));
}

/*
 * An expression of two columns with collations of their own would have none,
 * which is an error at run time.  So the collation of the first is put on the
 * second.
 */
Expr *
expr_collated(Expr *value, Oid collation)
{
	Oid			own = exprCollation((Node *) value);
	CollateExpr *collate;

	if (own == collation || !OidIsValid(own) || !OidIsValid(collation) ||
		own == DEFAULT_COLLATION_OID || collation == DEFAULT_COLLATION_OID)
		return value;
	collate = makeNode(CollateExpr);
	collate->arg = value;
	collate->collOid = collation;
	collate->location = -1;
	return (Expr *) collate;
}

/*
 * comparison_operator() returns the member of the left type's default btree
 * family for the strategy; equality may come from the hash family of a type
 * that has no order.  InvalidOid if there is none.
 */
static Oid
comparison_operator(StrategyNumber strategy, Oid left, Oid right)
{
	Oid			family;
	Oid			input;

	if (left == right)
		return order_operator(left, strategy);
	family = default_order(left, &input);
	return OidIsValid(family) ?
		get_opfamily_member(family, left, right, strategy) : InvalidOid;
}

Expr *
expr_any(Expr *left, Datum *values, int count)
{
	Oid			type = expr_type(left);
	Oid			arraytype = get_array_type(type);
	Oid			operator = comparison_operator(BTEqualStrategyNumber, type,
											   type);
	ScalarArrayOpExpr *any;

	if (!OidIsValid(arraytype) || !OidIsValid(operator))
		return NULL;

	any = makeNode(ScalarArrayOpExpr);
	any->opno = operator;
	any->opfuncid = get_opcode(operator);
	any->useOr = true;
	any->args = list_make2(left,
						   expr_const(arraytype,
									  array_datum(values, count, type)));
	any->location = -1;
	return (Expr *) any;
}

Expr *
expr_and(Expr *left, Expr *right)
{
	List	   *both = NIL;

	both = is_andclause(left) ? list_copy(((BoolExpr *) left)->args) :
		list_make1(left);
	both = is_andclause(right) ?
		list_concat(both, ((BoolExpr *) right)->args) : lappend(both, right);
	return makeBoolExpr(AND_EXPR, both, -1);
}

Expr *
expr_or(Expr *left, Expr *right)
{
	return makeBoolExpr(OR_EXPR, list_make2(left, right), -1);
}

/* value, or missing where it equals 'missing' */
Expr *
expr_nullif(Expr *value, Expr *missing)
{
	OpExpr	   *equal = (OpExpr *) expr_compare(BTEqualStrategyNumber, value,
												missing);
	NullIfExpr *nullif = makeNode(NullIfExpr);

	if (equal == NULL)
		return NULL;
	nullif->opno = equal->opno;
	nullif->opfuncid = equal->opfuncid;
	nullif->opresulttype = expr_type(value);
	nullif->args = equal->args;
	nullif->location = -1;
	return (Expr *) nullif;
}

Expr *
expr_is_null(Expr *value, bool is_null)
{
	NullTest   *test = makeNode(NullTest);

	test->arg = value;
	test->nulltesttype = is_null ? IS_NULL : IS_NOT_NULL;
	/* a row is set even if all its fields are not */
	test->argisrow = false;
	test->location = -1;
	return (Expr *) test;
}

Expr *
expr_is(Expr *value, BoolTestType testtype)
{
	BooleanTest *test = makeNode(BooleanTest);

	test->arg = value;
	test->booltesttype = testtype;
	test->location = -1;
	return (Expr *) test;
}

bool
expr_can_coerce(Oid source, Oid type)
{
	Oid			function;

	if (source == type)
		return true;
	if (!can_coerce_type(1, &source, &type, COERCION_IMPLICIT))
		return false;
	switch (find_coercion_pathway(type, source, COERCION_IMPLICIT, &function))
	{
		case COERCION_PATH_FUNC:
			return is_superusers(function);
		case COERCION_PATH_ARRAYCOERCE:
			return expr_can_coerce(get_element_type(getBaseType(source)),
								   get_element_type(type));
		default:
			return true;
	}
}

/*
 * is_superusers() says whether a superuser owns the function.  The owner of a
 * type may make casts of it, which every session would call.
 */
static bool
is_superusers(Oid function)
{
	HeapTuple	tuple;
	Oid			owner;

	if (function < FirstNormalObjectId)
		return true;
	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", function);
	owner = ((Form_pg_proc) GETSTRUCT(tuple))->proowner;
	ReleaseSysCache(tuple);
	return superuser_arg(owner);
}

Expr *
expr_coerce(Expr *value, Oid type)
{
	Oid			source = expr_type(value);

	if (source == type)
		return value;
	if (!expr_can_coerce(source, type))
		return NULL;
	return (Expr *) coerce_type(NULL, (Node *) value, source, type, -1,
								COERCION_IMPLICIT, COERCE_IMPLICIT_CAST, -1);
}

/*
 * varchar has the operators of text, cidr those of inet: say so with a
 * RelabelType, which costs nothing and which indexes see through.
 */
Expr *
expr_plain(Expr *value)
{
	Oid			type = expr_type(value);
	int32		typmod = exprTypmod((Node *) value);
	Oid			base = getBaseTypeAndTypmod(type, &typmod);
	Oid			ordered;
	Oid			family = default_order(base, &ordered);

	if (base != type)
		value = (Expr *) makeRelabelType(value, base, typmod,
										 exprCollation((Node *) value),
										 COERCE_IMPLICIT_CAST);
	if (base == NAMEOID)
		value = expr_coerce(value, TEXTOID);
	else if (base == UNKNOWNOID)
	{
		/* a bare 'x' in ROW(1, 'x') is still without a type */
		CoerceViaIO *text = makeNode(CoerceViaIO);

		text->arg = value;
		text->resulttype = TEXTOID;
		text->resultcollid = DEFAULT_COLLATION_OID;
		text->coerceformat = COERCE_IMPLICIT_CAST;
		text->location = -1;
		value = (Expr *) text;
	}
	else if (OidIsValid(family) && ordered != base &&
			 !IsPolymorphicType(ordered) &&
			 IsBinaryCoercible(base, ordered))
		value = (Expr *) makeRelabelType(value, ordered, -1,
										 exprCollation((Node *) value),
										 COERCE_IMPLICIT_CAST);

	/*
	 * comparisons of text ask for its collation; the rest is done at the
	 * end
	 */
	if (type_is_collatable(expr_type(value)))
		assign_expr_collations(NULL, (Node *) value);
	return value;
}

bool
expr_never_null(Expr *value)
{
	switch (nodeTag(value))
	{
		case T_Const:
			return !((Const *) value)->constisnull;
		case T_BooleanTest:
		case T_NullTest:
			return true;
		case T_BoolExpr:
			{
				ListCell   *lc;

				foreach(lc, ((BoolExpr *) value)->args)
					if (!expr_never_null(lfirst(lc)))
						return false;
				return true;
			}
		default:
			return false;
	}
}
