/*-------------------------------------------------------------------------
 *
 * forms.c
 *	  What is stored for an aggregate as it is written?
 *
 *		written						stored						shown
 *		count(orders)				count(orders)				as it is
 *		avg(orders.amount)			sum(orders.amount),			sum / count
 *									count(orders.amount)
 *		exists(orders)				count(orders)				count > 0
 *		count(distinct orders.city) list(distinct orders.city)	tally_size()
 *		most_frequent(orders.city)	list(distinct orders.city)	tally_most_...
 *
 *		sum(orders.amount			list(orders.amount			series_sum()
 *			in last 30 days)			in last 30 days)
 *		count(orders since "2026")	count(orders since "2026")	series_count()
 *		sum(entries.points			as it is					series_sum(),
 *			so far)												with more
 *
 * First aggregate_expand() turns a written form into a formula over others,
 * as for avg; those that remain are stored, each under a definition, by
 * aggregate_stored(); and aggregate_value() reads the written form off the
 * state.  Equal definitions are stored once, so that the two forms over cities
 * share one tally, and avg shares its sum with sum.  All forms over the same
 * values and the same window share one series, and most windows of other
 * lengths share it, too (stored_share.c).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_func.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "base/base.h"
#include "trait/forms.h"
#include "trait/trait.h"

/* the arguments of a FILTER_AGGREGATE */
#define ARG_SOURCE		0
#define ARG_VALUE		1
#define ARG_WHERE		2
#define ARG_WINDOW		3
#define AGGREGATE_ARGS	4

/* Of which type is the value of a form? */
typedef enum FormResult
{
	RESULT_COUNT,				/* bigint */
	RESULT_SUM,					/* numeric or float8 */
	RESULT_VALUE,				/* that of the values */
	RESULT_VALUES,				/* an array of them */
} FormResult;

/* A form of aggregate that people write. */
typedef struct Form
{
	const char *name;
	bool		distinct;
	bool		needs_value;
	/* makes the formula in its place; NULL if it is stored */
	FilterNode *(*expand) (const FilterNode *node);
	/* how it is stored, and the function that reads it; NULL: the column */
	const Aggregate *aggregate;
	const char *reading;
	/* the function that reads it off a series, where it has a window */
	const char *window_reading;
	WindowKind	window_kind;	/* what that makes of the events that count */
	FormResult	result;
} Form;

/*
 * What stddev needs of a window: sum(x * x) read off the series of x.  It has
 * no spelling in the language.
 */
#define SQUARES			"squares"

static FilterNode *expand_avg(const FilterNode *node);
static FilterNode *expand_exists(const FilterNode *node);
static FilterNode *expand_stddev(const FilterNode *node);
static const Form *form_of(const FilterNode *node);
pg_noreturn static void form_unknown(const FilterNode *node);
static FilterNode *aggregate_node(const char *name, bool distinct,
								  const FilterNode *like, FilterNode *value);
static FilterNode *binary(FilterOp op, FilterNode *left, FilterNode *right);
static FilterNode *function(const char *name, List *operands);
static const Aggregate *settling_of(const FilterNode *node);
static Expr *joined_columns(const Aggregate *aggregate, Expr **columns);
static Expr *reading_function(const char *name, Oid result, bool typed,
							  const AggregateInput *input, List *args);

static const Form forms[] = {
	{"count", false, false, NULL, &aggregate_count, NULL,
	"series_count", WINDOW_COUNTS, RESULT_COUNT},
	{"count", true, true, NULL, &aggregate_list, "tally_size",
	"series_distinct", WINDOW_OTHER, RESULT_COUNT},
	{"sum", false, true, NULL, &aggregate_sum, NULL,
	"series_sum", WINDOW_SUMS, RESULT_SUM},
	{"avg", false, true, expand_avg},
	{"min", false, true, NULL, &aggregate_min, NULL,
	"series_min", WINDOW_OTHER, RESULT_VALUE},
	{"max", false, true, NULL, &aggregate_max, NULL,
	"series_max", WINDOW_OTHER, RESULT_VALUE},
	{"first", false, true, NULL, &aggregate_first, NULL,
	"series_first", WINDOW_OTHER, RESULT_VALUE},
	{"last", false, true, NULL, &aggregate_last, NULL,
	"series_last", WINDOW_OTHER, RESULT_VALUE},
	{"list", true, true, NULL, &aggregate_list, "tally_values",
	"series_values", WINDOW_OTHER, RESULT_VALUES},
	{"most_frequent", false, true, NULL, &aggregate_list,
		"tally_most_frequent",
	"series_most_frequent", WINDOW_OTHER, RESULT_VALUE},
	{"stddev", false, true, expand_stddev},
	{"exists", false, false, expand_exists},
	{SQUARES, false, true, NULL, NULL, NULL,
	"series_squares", WINDOW_OTHER, RESULT_SUM},
};

FilterNode *
aggregate_expand(const FilterNode *node)
{
	const Form *form;

	/* an attribute is stored as it stands */
	if (node->op == FILTER_COLUMN)
		return unconstify(FilterNode *, node);

	form = form_of(node);
	if (form->needs_value && node->args[ARG_VALUE]->op == FILTER_NONE)
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("%s needs a value, not only the source \"%s\"",
						node->text, node->args[ARG_SOURCE]->text),
				 errhint("Name a column of the source, as in %s(%s%s.column).",
						 node->text, form->distinct ? "distinct " : "",
						 filter_name(node->args[ARG_SOURCE]->text))));

	if (form->expand != NULL)
		return form->expand(node);
	if (node->args[ARG_WHERE]->op == FILTER_OF)
	{
		FilterNode *plain = aggregate_node(node->text, form->distinct, node,
										   node->args[ARG_VALUE]);

		plain->args[ARG_WHERE] = filter_of_as_where(node->args[ARG_WHERE]);
		return plain;
	}
	return unconstify(FilterNode *, node);
}

const FilterNode *
aggregate_window_of(const FilterNode *node)
{
	if (node->op != FILTER_AGGREGATE ||
		node->args[ARG_WINDOW]->op == FILTER_NONE)
		return NULL;
	return node->args[ARG_WINDOW];
}

const Aggregate *
aggregate_stored(const FilterNode *node, FilterNode **definition)
{
	const Form *form;

	if (node->op == FILTER_COLUMN)
	{
		*definition = unconstify(FilterNode *, node);
		return &aggregate_attribute;
	}

	if (aggregate_window_of(node) != NULL)
	{
		FilterNode *value = node->args[ARG_VALUE];
		const Aggregate *settling = settling_of(node);
		const char *name = value->op == FILTER_NONE ?
			aggregate_count.name : aggregate_window.name;

		if (settling != NULL)
		{
			*definition = unconstify(FilterNode *, node);
			return settling;
		}
		*definition = aggregate_node(name, false, node, value);
		return &aggregate_window;
	}

	form = form_of(node);
	if (form->aggregate == NULL)
		elog(ERROR, "aggregate \"%s\" is not stored", node->text);

	if (form->aggregate == &aggregate_list)
		*definition = aggregate_node(aggregate_list.name, true, node,
									 node->args[ARG_VALUE]);
	else
		*definition = unconstify(FilterNode *, node);
	return form->aggregate;
}

Expr *
aggregate_value(const FilterNode *node, const AggregateInput *input,
				Expr **columns, List *window)
{
	const Form *form;
	const char *reading;
	List	   *args = list_make1(columns[0]);
	Oid			result = INT8OID;
	const Aggregate *settling;
	bool		typed;

	if (node->op == FILTER_COLUMN)
		return columns[0];

	form = form_of(node);
	reading = form->reading;
	if (aggregate_window_of(node) != NULL)
	{
		reading = form->window_reading;
		args = lcons(joined_columns(&aggregate_window, columns), window);
		settling = settling_of(node);
		if (settling != NULL && settling->settles(input))
			args = list_concat(args, list_make2(columns[STATE_COLUMNS],
												columns[STATE_COLUMNS + 1]));
	}
	else if (form->aggregate != NULL && form->aggregate->joined != NULL)
		args = list_make1(joined_columns(form->aggregate, columns));
	if (reading == NULL)
		return columns[0];

	switch (form->result)
	{
		case RESULT_COUNT:
			break;
		case RESULT_SUM:
			result = sum_type(input);
			if (result == FLOAT8OID)
				reading = psprintf("%s_float", reading);
			break;
		case RESULT_VALUE:
			result = input->type;
			break;
		case RESULT_VALUES:
			result = get_array_type(input->type);
			if (!OidIsValid(result))
				ereport(ERROR,
						(errcode(ERRCODE_DATATYPE_MISMATCH),
						 errmsg("list of values of type %s is not possible",
								format_type_be(input->type)),
						 errdetail("There is no type for arrays of %s.",
								   format_type_be(input->type))));
			break;
	}
	typed = form->result == RESULT_VALUE || form->result == RESULT_VALUES;
	return reading_function(reading, result, typed, input, args);
}

/*
 * The aggregate that keeps an aggregate over "so far" in a few numbers; NULL if
 * it keeps all events.
 */
static const Aggregate *
settling_of(const FilterNode *node)
{
	const FilterNode *window = aggregate_window_of(node);
	bool		distinct = node->detail != 0;

	if (window == NULL || window->op != FILTER_WINDOW_SO_FAR || distinct)
		return NULL;
	if (strcmp(node->text, aggregate_count.name) == 0)
		return &aggregate_count_so_far;
	return strcmp(node->text, aggregate_sum.name) == 0 ?
		&aggregate_sum_so_far : NULL;
}

/* The call that makes one value of the columns of a state. */
static Expr *
joined_columns(const Aggregate *aggregate, Expr **columns)
{
	Oid			series = exprType((Node *) columns[0]);
	Oid			types[STATE_COLUMNS] = {series, series, series};
	Oid			collation = exprCollation((Node *) columns[0]);
	List	   *name = list_make2(makeString(SEGMENT_SCHEMA),
								  makeString(pstrdup(aggregate->joined)));
	Oid			function = LookupFuncName(name, STATE_COLUMNS, types, false);

	return (Expr *) makeFuncExpr(function, series,
								 list_make3(columns[0], columns[1],
											columns[2]),
								 collation, collation, COERCE_EXPLICIT_CALL);
}

bool
trait_is_window(const FuncExpr *call)
{
	return list_length(call->args) >= 4 &&
		exprType(linitial(call->args)) == catalog_type("series");
}

WindowKind
trait_window_kind(const FuncExpr *call)
{
	const char *name = get_func_name(call->funcid);

	for (int i = 0; name != NULL && i < lengthof(forms); i++)
		if (forms[i].window_reading != NULL &&
			strcmp(forms[i].window_reading, name) == 0)
			return forms[i].window_kind;
	return WINDOW_OTHER;
}

/* avg(x): sum(x) / count(x); division by zero is missing */
static FilterNode *
expand_avg(const FilterNode *node)
{
	FilterNode *value = node->args[ARG_VALUE];

	return binary(FILTER_DIVIDE,
				  aggregate_node("sum", false, node, value),
				  aggregate_node("count", false, node, value));
}

/* exists(x): count(x) > 0 */
static FilterNode *
expand_exists(const FilterNode *node)
{
	return binary(FILTER_GT,
				  aggregate_node("count", false, node, node->args[ARG_VALUE]),
				  filter_node(FILTER_NUMBER, "0", -1));
}

/*
 * stddev(x), that of a sample, with n = count(x):
 *
 *		spread = n * sum(x * x) - sum(x) * sum(x)
 *		sqrt(greatest(spread, spread - spread) / (n * (n - 1)))
 *
 * The division makes it missing for n < 2, and greatest() keeps the rounding
 * of floating-point values from asking for the root of a negative number; both
 * of its arguments are missing where the spread is too large to be computed.
 *
 * A square may be too large, too, and then the sum passes over it as over any
 * value that is missing.  So what it is divided by is 0 if there are fewer
 * squares than values.  Over a window the squares are read off the values,
 * which are kept anyway, and their sum is missing then.
 */
static FilterNode *
expand_stddev(const FilterNode *node)
{
	FilterNode *value = node->args[ARG_VALUE];
	FilterNode *n = aggregate_node("count", false, node, value);
	FilterNode *sum = aggregate_node("sum", false, node, value);
	FilterNode *one = filter_node(FILTER_NUMBER, "1", -1);
	FilterNode *squares;
	FilterNode *spread;
	FilterNode *nothing;
	FilterNode *positive;
	FilterNode *pairs;

	pairs = binary(FILTER_MULTIPLY, n, binary(FILTER_SUBTRACT, n, one));
	if (aggregate_window_of(node) != NULL)
		squares = aggregate_node(SQUARES, false, node, value);
	else
	{
		FilterNode *square = binary(FILTER_MULTIPLY, value, value);
		FilterNode *nsquares = aggregate_node("count", false, node, square);
		FilterNode *lacking = binary(FILTER_SUBTRACT, n, nsquares);
		FilterNode *complete = binary(FILTER_SUBTRACT, one, lacking);
		FilterNode *zero = filter_node(FILTER_NUMBER, "0", -1);

		squares = aggregate_node("sum", false, node, square);
		/* 1, or 0 if one or more are lacking */
		pairs = binary(FILTER_MULTIPLY, pairs,
					   function("greatest", list_make2(complete, zero)));
	}

	spread = binary(FILTER_SUBTRACT,
					binary(FILTER_MULTIPLY, n, squares),
					binary(FILTER_MULTIPLY, sum, sum));
	nothing = binary(FILTER_SUBTRACT, spread, spread);
	positive = function("greatest", list_make2(spread, nothing));
	return function("sqrt",
					list_make1(binary(FILTER_DIVIDE, positive, pairs)));
}

/* The form of a written aggregate, or an error that says what is wrong. */
static const Form *
form_of(const FilterNode *node)
{
	bool		distinct = node->detail != 0;
	const Form *other = NULL;
	FilterNode *meant;

	if (node->op != FILTER_AGGREGATE || node->nargs != AGGREGATE_ARGS)
		elog(ERROR, "not an aggregate: filter node %d", (int) node->op);

	for (int i = 0; i < lengthof(forms); i++)
	{
		if (strcmp(forms[i].name, node->text) != 0)
			continue;
		if (forms[i].distinct == distinct)
			return &forms[i];
		other = &forms[i];
	}

	if (other == NULL)
		form_unknown(node);
	meant = filter_node_with(node->op, node->text, -1, node->nargs,
							 node->args);
	meant->detail = distinct ? 0 : 1;
	if (distinct)
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("distinct means nothing in %s", node->text),
				 errdetail("It is for count and list."),
				 errhint("Write: %s", filter_print(meant))));
	ereport(ERROR,
			(errcode(ERRCODE_SYNTAX_ERROR),
			 errmsg("%s without distinct cannot be kept", node->text),
			 errdetail("It would grow with every event."),
			 errhint("For each value once, write: %s", filter_print(meant))));
}

/* Raise an error: no aggregate has this name. */
static void
form_unknown(const FilterNode *node)
{
	List	   *names = NIL;
	const char *nearest;

	for (int i = 0; i < lengthof(forms); i++)
		if (strcmp(forms[i].name, SQUARES) != 0)
			names = lappend(names, unconstify(char *, forms[i].name));
	nearest = nearest_name(node->text, names);

	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_FUNCTION),
			 errmsg("aggregate \"%s\" does not exist", node->text),
			 nearest != NULL ?
			 errhint("Perhaps you meant: %s(...)", nearest) :
			 errhint("There are count, sum, avg, min, max, first, last, list, most_frequent, stddev and exists.")));
}

/* An aggregate over the same rows as another. */
static FilterNode *
aggregate_node(const char *name, bool distinct, const FilterNode *like,
			   FilterNode *value)
{
	FilterNode **args = palloc(AGGREGATE_ARGS * sizeof(FilterNode *));
	FilterNode *node;

	args[ARG_SOURCE] = like->args[ARG_SOURCE];
	args[ARG_VALUE] = value;
	args[ARG_WHERE] = like->args[ARG_WHERE];
	args[ARG_WINDOW] = like->args[ARG_WINDOW];

	node = filter_node_with(FILTER_AGGREGATE, name, like->location,
							AGGREGATE_ARGS, args);
	node->detail = distinct ? 1 : 0;
	return node;
}

static FilterNode *
binary(FilterOp op, FilterNode *left, FilterNode *right)
{
	FilterNode **args = palloc(2 * sizeof(FilterNode *));

	args[0] = left;
	args[1] = right;
	return filter_node_with(op, NULL, left->location, 2, args);
}

/* A call of a function of the language with these operands (FilterNode *). */
static FilterNode *
function(const char *name, List *operands)
{
	FilterNode **args = palloc(list_length(operands) * sizeof(FilterNode *));
	ListCell   *lc;

	foreach(lc, operands)
		args[foreach_current_index(lc)] = lfirst(lc);
	return filter_node_with(FILTER_FUNCTION, name, args[0]->location,
							list_length(operands), args);
}

/*
 * A call of segment.<name>(state, ...), with a last argument NULL::type if
 * 'typed', by which the server knows the type of the result.
 */
static Expr *
reading_function(const char *name, Oid result, bool typed,
				 const AggregateInput *input, List *args)
{
	Oid			types[FUNC_MAX_ARGS];
	int			ntypes = 0;
	Oid			collation = InvalidOid;
	Oid			function;
	ListCell   *lc;

	foreach(lc, args)
		types[ntypes++] = exprType(lfirst(lc));
	if (typed)
	{
		args = lappend(args, makeNullConst(input->type, input->typmod,
										   input->collation));
		types[ntypes++] = ANYELEMENTOID;
		if (type_is_collatable(result))
			collation = input->collation;
	}

	function = LookupFuncName(list_make2(makeString(SEGMENT_SCHEMA),
										 makeString(pstrdup(name))),
							  ntypes, types, false);
	/* values are compared by the collation of the state's column */
	return (Expr *) makeFuncExpr(function, result, args, collation,
								 exprCollation(linitial(args)),
								 COERCE_EXPLICIT_CALL);
}
