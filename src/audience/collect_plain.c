/*-------------------------------------------------------------------------
 *
 * collect_plain.c
 *	  Which conditions is a filter made of that is like another one?
 *
 *		vip			total_spend > 500 and city = "Aarhus"		compiled
 *		newcomer	total_spend > 100							like it
 *
 * Thousands of audiences compare the same few columns with other constants.
 * From a filter that was compiled is learned what became of each comparison
 * of a column with a number or a text:
 *
 *		total_spend > number	the operand total_spend; strategy >; numeric
 *		city = string			the operand city; strategy =; text
 *
 * A filter that is made of such comparisons alone, with "and" and "or", is not
 * compiled, which takes several times as long as to read its literals: they
 * are read as the compiler reads them.  What is learned ends with the
 * building of which it is a part, as the meaning of names may change then.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "utils/lsyscache.h"

#include "audience/conditions.h"

/* What a comparison looks like. */
typedef struct ShapeKey
{
	FilterOp	op;
	FilterOp	literal;		/* FILTER_NUMBER or FILTER_STRING */
	NameData	column;
} ShapeKey;

typedef struct Shape
{
	ShapeKey	key;
	Oid			column_type;
	Operand    *operand;		/* literals are read as values of its type */
	int			strategy;
} Shape;

/* A comparison of a filter, of a known shape. */
typedef struct PlainCondition
{
	const Shape *shape;
	int			count;			/* of values: several of "in" */
	Datum	   *values;
} PlainCondition;

/* A filter that has more values in its comparisons is compiled. */
#define MOST_VALUES		64

struct PlainShapes
{
	HTAB	   *shapes;
	int			count;			/* of what is filled of the next two */
	int			nvalues;
	PlainCondition conditions[MOST_VALUES];
	Datum		values[MOST_VALUES];
};

static bool make_key(const FilterNode *node, ShapeKey *key);
static bool read_conditions(PlainShapes *plain, FilterScope *scope,
							const FilterNode *node);
static bool read_comparison(PlainShapes *plain, FilterScope *scope,
							const FilterNode *node);
static void learn_comparison(PlainShapes *plain, Collection *into,
							 const FilterNode *node, const Expr *expr);
static bool is_read_plainly(FilterOp literal, Oid type);

PlainShapes *
plain_create(void)
{
	PlainShapes *plain = palloc(sizeof(PlainShapes));
	HASHCTL		control = {
		.keysize = sizeof(ShapeKey),
		.entrysize = sizeof(Shape),
		.hcxt = CurrentMemoryContext,
	};

	plain->shapes = hash_create("segment plain conditions", 64, &control,
								HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	return plain;
}

bool
plain_read(PlainShapes *plain, FilterScope *scope, const FilterNode *filter)
{
	plain->count = plain->nvalues = 0;
	return read_conditions(plain, scope, filter);
}

void
plain_collect(const PlainShapes *plain, Collection *into)
{
	for (int i = 0; i < plain->count; i++)
		collect_values(into, plain->conditions[i].shape->operand,
					   plain->conditions[i].shape->strategy,
					   plain->conditions[i].values,
					   plain->conditions[i].count);
}

void
plain_learn(PlainShapes *plain, Collection *into, const FilterNode *filter,
			const Expr *expr)
{
	const BoolExpr *connective = (const BoolExpr *) expr;

	check_stack_depth();
	if (filter->op != FILTER_AND && filter->op != FILTER_OR)
		learn_comparison(plain, into, filter, expr);
	else if (IsA(expr, BoolExpr) &&
			 list_length(connective->args) == filter->nargs)
		for (int i = 0; i < filter->nargs; i++)
			plain_learn(plain, into, filter->args[i],
						list_nth(connective->args, i));
}

/* make_key() describes a comparison; false if it is of no known kind. */
static bool
make_key(const FilterNode *node, ShapeKey *key)
{
	switch (node->op)
	{
		case FILTER_EQ:
		case FILTER_LT:
		case FILTER_LE:
		case FILTER_GT:
		case FILTER_GE:
		case FILTER_IN:
			break;
		default:
			return false;
	}
	if (node->args[0]->op != FILTER_COLUMN || node->args[0]->nargs > 0 ||
		strlen(node->args[0]->text) >= NAMEDATALEN)
		return false;
	memset(key, 0, sizeof(ShapeKey));
	key->op = node->op;
	key->literal = node->args[1]->op;
	strcpy(NameStr(key->column), node->args[0]->text);
	for (int i = 2; i < node->nargs; i++)
		if (node->args[i]->op != key->literal)
			return false;
	return key->literal == FILTER_STRING ||
		(key->literal == FILTER_NUMBER && node->op != FILTER_IN);
}

/*
 * read_conditions() reads the literals of a filter; false if it has to be
 * compiled.
 */
static bool
read_conditions(PlainShapes *plain, FilterScope *scope,
				const FilterNode *node)
{
	check_stack_depth();
	if (node->op != FILTER_AND && node->op != FILTER_OR)
		return read_comparison(plain, scope, node);
	for (int i = 0; i < node->nargs; i++)
		if (!read_conditions(plain, scope, node->args[i]))
			return false;
	return true;
}

/* read_comparison() reads the literals of one comparison. */
static bool
read_comparison(PlainShapes *plain, FilterScope *scope,
				const FilterNode *node)
{
	PlainCondition *condition = &plain->conditions[plain->count];
	ShapeKey	key;
	const Shape *shape;
	int			count = node->nargs - 1;

	if (!make_key(node, &key) || plain->nvalues + count > MOST_VALUES)
		return false;
	shape = hash_search(plain->shapes, &key, HASH_FIND, NULL);
	if (shape == NULL)
		return false;
	condition->shape = shape;
	condition->count = count;
	condition->values = &plain->values[plain->nvalues];
	for (int i = 1; i < node->nargs; i++)
	{
		const FilterNode *literal = node->args[i];
		Oid			type = shape->operand->type;

		/* 3000000000 beside an integer is a bigint: another operand */
		if (literal->op == FILTER_NUMBER &&
			filter_number_type(literal, shape->column_type) != type)
			return false;
		plain->values[plain->nvalues++] = filter_literal_value(scope, literal,
															   type);
	}
	plain->count++;
	return true;
}

/*
 * learn_comparison() learns what became of a comparison, if that is the
 * comparison of a column as it is with constants.
 */
static void
learn_comparison(PlainShapes *plain, Collection *into, const FilterNode *node,
				 const Expr *expr)
{
	ShapeKey	key;
	Const		constant = {.xpr.type = T_Const};
	List	   *args;
	Oid			operator;
	Oid			collation;
	Oid			family;
	Shape		shape = {0};

	if (!make_key(node, &key) ||
		hash_search(plain->shapes, &key, HASH_FIND, NULL) != NULL)
		return;
	if (IsA(expr, OpExpr))
	{
		args = ((const OpExpr *) expr)->args;
		operator = ((const OpExpr *) expr)->opno;
		collation = ((const OpExpr *) expr)->inputcollid;
	}
	else if (IsA(expr, ScalarArrayOpExpr))
	{
		args = ((const ScalarArrayOpExpr *) expr)->args;
		operator = ((const ScalarArrayOpExpr *) expr)->opno;
		collation = ((const ScalarArrayOpExpr *) expr)->inputcollid;
	}
	else
		return;
	if (list_length(args) != 2 || !IsA(linitial(args), Var) ||
		!IsA(lsecond(args), Const))
		return;
	constant.consttype = exprType(lsecond(args));
	if (IsA(expr, ScalarArrayOpExpr))
		constant.consttype = get_element_type(constant.consttype);
	if (!is_read_plainly(key.literal, constant.consttype))
		return;
	shape.strategy = comparison_strategy(linitial(args), operator, &family);
	if (shape.strategy == 0)
		return;
	shape.operand = operand_of(into, linitial(args), &constant, collation,
							   family);
	if (shape.operand == NULL ||
		(shape.strategy == BTEqualStrategyNumber && !shape.operand->hashed))
		return;
	shape.column_type = exprType(linitial(args));
	shape.key = key;
	*(Shape *) hash_search(plain->shapes, &key, HASH_ENTER, NULL) = shape;
}

/*
 * is_read_plainly() tells whether literals of that kind mean nothing but their
 * value where they are read as that type.  A date may be a day, for instance.
 */
static bool
is_read_plainly(FilterOp literal, Oid type)
{
	switch (type)
	{
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case FLOAT4OID:
		case FLOAT8OID:
		case NUMERICOID:
			return literal == FILTER_NUMBER;
		case TEXTOID:
			return literal == FILTER_STRING;
		default:
			return false;
	}
}
