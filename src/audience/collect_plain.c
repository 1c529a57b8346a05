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
 * of a column with a number or a text, or with so many times another column:
 *
 *		total_spend > number	the operand total_spend; strategy >; numeric
 *		city = string			the operand city; strategy =; text
 *		total_spend > orders * number	a pair by ratio; strategy >
 *
 * What is learned of > is known of <, <= and >=, too, where an operand is
 * compared.
 *
 * A filter that is made of such comparisons alone, with "and" and "or", is
 * neither unpacked nor compiled, which takes several times as long as to read
 * its literals: they are read as the compiler reads them.  What is learned
 * ends with the building of which it is a part, as the meaning of names may
 * change then.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "utils/lsyscache.h"

#include "audience/conditions.h"

/* What became of a comparison: that of an operand, or of a pair. */
typedef struct Shape
{
	char		likeness[sizeof(((FilterLikeness *) NULL)->bytes)];
	Operand    *operand;		/* literals are read as values of its type */
	int			strategy;
	PairComparison pair;		/* if there is no operand; but for the
								 * constant */
} Shape;

/* A comparison of a filter, of a known shape. */
typedef struct PlainCondition
{
	const Shape *shape;
	int			count;			/* of values: several of "in" */
	Datum	   *values;
	double		constant;		/* of a pair */
} PlainCondition;

/* A filter that has more values in its comparisons is compiled. */
#define MOST_VALUES		FILTER_MOST_LITERALS

struct PlainShapes
{
	HTAB	   *shapes;
	FilterLikeness likeness;	/* of the comparison that is looked at */
	int			count;			/* of what is filled of the next two */
	int			nvalues;
	PlainCondition conditions[MOST_VALUES];
	Datum		values[MOST_VALUES];
};

static bool read_comparison(PlainShapes *plain, FilterScope *scope);
static void learn_comparison(PlainShapes *plain, Collection *into,
							 const FilterNode *node, const Expr *expr);
static bool note_shape(PlainShapes *plain, const FilterNode *node,
					   const Shape *shape);
static int	strategy_of(FilterOp op);
static Shape *find_shape(PlainShapes *plain, HASHACTION action);
static bool learn_operand(Collection *into, const FilterNode *node,
						  const Expr *expr, Shape *shape);
static bool learn_pair(Collection *into, const FilterNode *node,
					   const Expr *expr, Shape *shape);
static bool has_constant(Node *node, void *context);
static bool is_comparison(const FilterNode *node);
static bool is_column(const FilterNode *node);
static bool is_read_plainly(FilterOp literal, Oid type);

PlainShapes *
plain_create(void)
{
	PlainShapes *plain = palloc(sizeof(PlainShapes));
	HASHCTL		control = {
		.keysize = sizeof(((Shape *) NULL)->likeness),
		.entrysize = sizeof(Shape),
		.hcxt = CurrentMemoryContext,
	};

	plain->shapes = hash_create("segment plain conditions", 64, &control,
								HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	return plain;
}

bool
plain_read(PlainShapes *plain, FilterScope *scope, const Filter *filter)
{
	FilterCursor cursor = filter_conditions_begin(filter);

	plain->count = plain->nvalues = 0;
	while (!filter_conditions_end(&cursor))
		if (!filter_conditions_next(&cursor, &plain->likeness) ||
			!read_comparison(plain, scope))
			return false;
	return plain->count > 0;
}

/* read_comparison() reads the literals of one comparison. */
static bool
read_comparison(PlainShapes *plain, FilterScope *scope)
{
	const FilterLikeness *likeness = &plain->likeness;
	const Shape *shape = find_shape(plain, HASH_FIND);
	PlainCondition *condition = &plain->conditions[plain->count];

	if (shape == NULL || plain->count == MOST_VALUES ||
		plain->nvalues + likeness->nliterals > MOST_VALUES)
		return false;
	condition->shape = shape;
	condition->count = likeness->nliterals;
	condition->values = &plain->values[plain->nvalues];
	plain->count++;
	if (shape->operand == NULL)
	{
		condition->constant = strtod(likeness->literals[0].text, NULL);
		return pair_is_sure(condition->constant);
	}
	for (int i = 0; i < likeness->nliterals; i++)
		plain->values[plain->nvalues++] =
			filter_literal_value(scope, &likeness->literals[i],
								 shape->operand->type);
	return true;
}

void
plain_collect(const PlainShapes *plain, Collection *into)
{
	for (int i = 0; i < plain->count; i++)
	{
		const PlainCondition *condition = &plain->conditions[i];
		const Shape *shape = condition->shape;
		PairComparison pair = shape->pair;

		pair.constant = condition->constant;
		if (shape->operand == NULL)
			pair_add(&pair, into->place);
		else
			collect_values(into, shape->operand, shape->strategy,
						   condition->values, condition->count);
	}
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

/*
 * learn_comparison() learns what became of a comparison, if that is one of a
 * column as it is with constants, or of a pair.
 */
static void
learn_comparison(PlainShapes *plain, Collection *into, const FilterNode *node,
				 const Expr *expr)
{
	static const FilterOp orders[] = {
		FILTER_LT, FILTER_LE, FILTER_GT, FILTER_GE,
	};
	FilterNode	other = *node;
	Shape		shape = {0};

	if (!is_comparison(node) ||
		(!learn_operand(into, node, expr, &shape) &&
		 !learn_pair(into, node, expr, &shape)) ||
		!note_shape(plain, node, &shape))
		return;
	if (shape.operand == NULL || shape.strategy != strategy_of(node->op))
		return;
	for (int i = 0; i < lengthof(orders); i++)
	{
		other.op = orders[i];
		shape.strategy = strategy_of(other.op);
		(void) note_shape(plain, &other, &shape);
	}
}

/* note_shape() notes the shape of comparisons like that of a node. */
static bool
note_shape(PlainShapes *plain, const FilterNode *node, const Shape *shape)
{
	FilterCursor cursor = filter_conditions_begin(filter_pack(node));
	Shape	   *noted;

	if (!filter_conditions_next(&cursor, &plain->likeness))
		return false;
	noted = find_shape(plain, HASH_ENTER);
	*noted = *shape;
	memcpy(noted->likeness, plain->likeness.bytes, sizeof(noted->likeness));
	return true;
}

/* strategy_of() is the btree strategy of an inequality, or 0. */
static int
strategy_of(FilterOp op)
{
	switch (op)
	{
		case FILTER_LT:
			return BTLessStrategyNumber;
		case FILTER_LE:
			return BTLessEqualStrategyNumber;
		case FILTER_GT:
			return BTGreaterStrategyNumber;
		case FILTER_GE:
			return BTGreaterEqualStrategyNumber;
		default:
			return 0;
	}
}

/* find_shape() finds the shape that the likeness has, or makes it. */
static Shape *
find_shape(PlainShapes *plain, HASHACTION action)
{
	const FilterLikeness *likeness = &plain->likeness;
	uint32		hash = hash_bytes((const unsigned char *) likeness->bytes,
								  likeness->length);

	return hash_search_with_hash_value(plain->shapes, likeness->bytes, hash,
									   action, NULL);
}

/*
 * learn_operand() learns the comparison of a column with constants.  The
 * column may be computed, but not with a constant: that may be the literal's.
 */
static bool
learn_operand(Collection *into, const FilterNode *node, const Expr *expr,
			  Shape *shape)
{
	FilterOp	literal = node->args[1]->op;
	Const		constant = {.xpr.type = T_Const};
	List	   *args;
	Oid			operator;
	Oid			collation;
	Oid			family;

	for (int i = 2; i < node->nargs; i++)
		if (node->args[i]->op != literal)
			return false;
	if (IsA(expr, OpExpr))
	{
		args = ((const OpExpr *) expr)->args;
		operator = ((const OpExpr *) expr)->opno;
		collation = ((const OpExpr *) expr)->inputcollid;
	}
	else if (IsA(expr, ScalarArrayOpExpr) && literal == FILTER_STRING)
	{
		args = ((const ScalarArrayOpExpr *) expr)->args;
		operator = ((const ScalarArrayOpExpr *) expr)->opno;
		collation = ((const ScalarArrayOpExpr *) expr)->inputcollid;
	}
	else
		return false;
	if (list_length(args) != 2 || !IsA(lsecond(args), Const) ||
		has_constant(linitial(args), NULL))
		return false;
	constant.consttype = exprType(lsecond(args));
	if (IsA(expr, ScalarArrayOpExpr))
		constant.consttype = get_element_type(constant.consttype);
	if (!is_read_plainly(literal, constant.consttype))
		return false;
	shape->strategy = comparison_strategy(linitial(args), operator, &family);
	if (shape->strategy == 0)
		return false;
	shape->operand = operand_of(into, linitial(args), &constant, collation,
								family);
	return shape->operand != NULL &&
		(shape->strategy != BTEqualStrategyNumber ||
		 operand_is_hashed(shape->operand));
}

/* has_constant() tells whether an expression has one: a walker. */
static bool
has_constant(Node *node, void *context)
{
	return node != NULL &&
		(IsA(node, Const) ||
		 expression_tree_walker(node, has_constant, context));
}

/* learn_pair() learns the comparison with so many times another column. */
static bool
learn_pair(Collection *into, const FilterNode *node, const Expr *expr,
		   Shape *shape)
{
	const FilterNode *product = node->args[1];
	OpExpr	   *comparison = (OpExpr *) expr;
	Oid			family;
	int			strategy;

	shape->operand = NULL;
	if (!IsA(expr, OpExpr) || list_length(comparison->args) != 2 ||
		product->op != FILTER_MULTIPLY || !is_column(product->args[0]) ||
		product->args[1]->op != FILTER_NUMBER)
		return false;
	strategy = comparison_strategy(linitial(comparison->args),
								   comparison->opno, &family);
	if (strategy == 0 ||
		!pair_read(into, comparison, strategy, &shape->pair))
		return false;
	/* where the product is no ratio the literal is a part of an operand */
	return shape->pair.pair->by_ratio &&
		!has_constant(shape->pair.pair->left, NULL) &&
		!has_constant(shape->pair.pair->right, NULL);
}

/* is_comparison() tells whether a node compares a column. */
static bool
is_comparison(const FilterNode *node)
{
	switch (node->op)
	{
		case FILTER_EQ:
		case FILTER_LT:
		case FILTER_LE:
		case FILTER_GT:
		case FILTER_GE:
		case FILTER_IN:
			return is_column(node->args[0]);
		default:
			return false;
	}
}

static bool
is_column(const FilterNode *node)
{
	return node->op == FILTER_COLUMN && node->nargs == 0;
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
