/*-------------------------------------------------------------------------
 *
 * functions.c
 *	  Which functions may a filter call?
 *
 * A fixed list, each with what it is made of.  All are immutable, none looks
 * at a setting, and none raises an error for a value that a customer's row may
 * hold: the square root of a negative number is missing.  Where a function of
 * the server would, one of ours takes its place (arithmetic.c).
 *
 *		round(total_spend / orders, 2) > 9.99
 *		month(birthday) = 2 and lower(city) = "aarhus"
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "filter/compile_private.h"
#include "filter/filter_private.h"

typedef struct FilterFunction FilterFunction;
struct FilterFunction
{
	const char *name;
	int			least;			/* arguments */
	int			most;
	Expr	   *(*compile) (FilterScope *scope, const FilterNode *node,
							const FilterFunction *function);
	const char *builtin;		/* what 'compile' makes of it */
};

static Expr *call_text(FilterScope *scope, const FilterNode *node,
					   const FilterFunction *function);
static Expr *call_number(FilterScope *scope, const FilterNode *node,
						 const FilterFunction *function);
static Expr *call_whole(FilterScope *scope, const FilterNode *node,
						const FilterFunction *function);
static Expr *call_round(FilterScope *scope, const FilterNode *node,
						const FilterFunction *function);
static Expr *call_root(FilterScope *scope, const FilterNode *node,
					   const FilterFunction *function);
static Expr *call_choice(FilterScope *scope, const FilterNode *node,
						 const FilterFunction *function);
static Expr *call_band(FilterScope *scope, const FilterNode *node,
					   const FilterFunction *function);
static Expr *call_nullif(FilterScope *scope, const FilterNode *node,
						 const FilterFunction *function);
static Expr *call_field(FilterScope *scope, const FilterNode *node,
						const FilterFunction *function);
static Expr *call_days(FilterScope *scope, const FilterNode *node,
					   const FilterFunction *function);

static const FilterFunction functions[] = {
	{"abs", 1, 1, call_number, "abs"},
	{"band", 3, 201, call_band, NULL},
	{"ceil", 1, 1, call_whole, "ceil"},
	{"coalesce", 1, 100, call_choice, "coalesce"},
	{"day", 1, 1, call_field, "day"},
	{"days_between", 2, 2, call_days, NULL},
	{"floor", 1, 1, call_whole, "floor"},
	{"greatest", 1, 100, call_choice, "greatest"},
	{"hour", 1, 1, call_field, "hour"},
	{"least", 1, 100, call_choice, "least"},
	{"length", 1, 1, call_text, "length"},
	{"lower", 1, 1, call_text, "lower"},
	{"month", 1, 1, call_field, "month"},
	{"nullif", 2, 2, call_nullif, NULL},
	{"quarter", 1, 1, call_field, "quarter"},
	{"round", 1, 2, call_round, NULL},
	{"sqrt", 1, 1, call_root, NULL},
	{"trim", 1, 1, call_text, "btrim"},
	{"upper", 1, 1, call_text, "upper"},
	{"week", 1, 1, call_field, "week"},
	{"weekday", 1, 1, call_field, "isodow"},	/* Monday is 1 */
	{"year", 1, 1, call_field, "year"},
};

/* what the same is called elsewhere */
static const char *const synonyms[][2] = {
	{"array_agg", "list"},
	{"average", "avg"},
	{"ceiling", "ceil"},
	{"char_length", "length"},
	{"datediff", "days_between"},
	{"dayofweek", "weekday"},
	{"dow", "weekday"},
	{"ifnull", "coalesce"},
	{"lcase", "lower"},
	{"len", "length"},
	{"maximum", "max"},
	{"mean", "avg"},
	{"minimum", "min"},
	{"mode", "most_frequent"},
	{"number", "count"},
	{"nvl", "coalesce"},
	{"stddev_samp", "stddev"},
	{"total", "sum"},
	{"ucase", "upper"},
};

static const FilterFunction *find_function(FilterScope *scope,
										   const FilterNode *node);
static Expr *number_argument(FilterScope *scope, const FilterNode *node);
static Expr *time_argument(FilterScope *scope, const FilterNode *node);

static bool
check_function(const FilterNode *node, void *context)
{
	FilterScope scope = {.text = context};

	if (node->op == FILTER_FUNCTION)
		(void) find_function(&scope, node);
	return true;
}

void
filter_check_functions(const FilterNode *node, const char *text)
{
	filter_walk(node, check_function, unconstify(char *, text));
}

Expr *
compile_function(FilterScope *scope, const FilterNode *node)
{
	const FilterFunction *function = find_function(scope, node);

	if (node->nargs < function->least || node->nargs > function->most)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("function \"%s\" cannot take %d arguments",
						function->name, node->nargs),
				 function->least == function->most ?
				 errdetail_plural("It takes %d argument.",
								  "It takes %d arguments.",
								  function->least, function->least) :
				 errdetail("It takes %d to %d arguments.",
						   function->least, function->most),
				 compile_position(scope, node)));
	return function->compile(scope, node, function);
}

/*
 * find_function() looks a function up by name, or raises an error with the
 * nearest name.
 */
static const FilterFunction *
find_function(FilterScope *scope, const FilterNode *node)
{
	List	   *names = NIL;
	StringInfoData all;
	StringInfoData aggregates;
	const char *meant;
	FilterNode *call = NULL;
	char	   *example = NULL;

	initStringInfo(&all);
	for (int i = 0; i < lengthof(functions); i++)
	{
		if (pg_strcasecmp(node->text, functions[i].name) == 0)
			return &functions[i];
		names = lappend(names, unconstify(char *, functions[i].name));
		appendStringInfo(&all, "%s%s", i > 0 ? ", " : "", functions[i].name);
	}
	/* sum is no function, but summ was meant to be that */
	initStringInfo(&aggregates);
	for (int i = 0; filter_aggregates[i] != NULL; i++)
	{
		names = lappend(names, unconstify(char *, filter_aggregates[i]));
		appendStringInfo(&aggregates, "%s%s", i > 0 ? ", " : "",
						 filter_aggregates[i]);
	}
	meant = nearest_name(node->text, names);
	for (int i = 0; i < lengthof(synonyms); i++)
	{
		if (strcmp(node->text, synonyms[i][0]) == 0)
			meant = synonyms[i][1];
	}
	if (strcmp(node->text, "width_bucket") == 0)
		example = psprintf("band(%s, 0, 1, 100, 2, 200, 3)",
						   filter_print(node->args[0]));
	else if (meant != NULL)
		call = filter_node_with(FILTER_FUNCTION, meant, -1,
								node->nargs, node->args);
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_FUNCTION),
			 errmsg("function \"%s\" does not exist in filters", node->text),
			 errdetail("There are: %s; and for events: %s.", all.data,
					   aggregates.data),
			 call ? errhint("Perhaps you meant: %s", filter_print(call)) : 0,
			 example ? errhint("Write, for example: %s", example) : 0,
			 compile_position(scope, node)));
}

/* A number as numeric or float8, whatever holds it. */
static Expr *
number_argument(FilterScope *scope, const FilterNode *node)
{
	Operand		operand = compile_operand(scope, node);

	if (operand.value == NULL)
		return literal_const(scope, node, NUMERICOID, node);
	if (operand.type == JSONBOID)
		return json_as(operand.value, NUMERICOID);
	if (!is_number(operand.type))
		refuse_operand(scope, node, operand.type, "a number", NULL);
	return number_exact(operand.value);
}

/* A time of any type, or a literal as an instant. */
static Expr *
time_argument(FilterScope *scope, const FilterNode *node)
{
	Operand		operand = compile_operand(scope, node);

	if (operand.value == NULL)
		return literal_const(scope, node, TIMESTAMPTZOID, node);
	if (!is_time(operand.type))
		refuse_operand(scope, node, operand.type, "a date or time", NULL);
	return operand.value;
}

/* call_text() compiles length, lower, trim and upper. */
static Expr *
call_text(FilterScope *scope, const FilterNode *node,
		  const FilterFunction *function)
{
	Operand		operand = compile_operand(scope, node->args[0]);

	if (operand.value == NULL)
		operand.value = literal_const(scope, operand.node, TEXTOID,
									  operand.node);
	else if (operand.type == JSONBOID)
		operand.value = json_as(operand.value, TEXTOID);
	else if (!is_text(operand.type))
		refuse_operand(scope, operand.node, operand.type, "text", NULL);
	return expr_call(function->builtin, 1,
					 expr_coerce(operand.value, TEXTOID));
}

static Expr *
call_number(FilterScope *scope, const FilterNode *node,
			const FilterFunction *function)
{
	return expr_call(function->builtin, 1,
					 number_argument(scope, node->args[0]));
}

/* floor, ceil: of a numeric, the next whole number may be too large */
static Expr *
call_whole(FilterScope *scope, const FilterNode *node,
		   const FilterFunction *function)
{
	Expr	   *number = number_argument(scope, node->args[0]);

	return expr_type(number) == NUMERICOID ?
		expr_own_call(function->builtin, 1, number) :
		expr_call(function->builtin, 1, number);
}

/* round(x), round(x, digits): half away from zero, so in numeric always */
static Expr *
call_round(FilterScope *scope, const FilterNode *node,
		   const FilterFunction *function)
{
	Expr	   *number = number_as(number_argument(scope, node->args[0]),
									NUMERICOID);
	const FilterNode *digits = node->nargs == 2 ? node->args[1] : NULL;

	if (digits == NULL)
		return expr_own_call("round", 1, number);
	if (digits->op != FILTER_NUMBER ||
		literal_number_type(digits, INT2OID) != INT2OID)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" is not a number of digits",
						filter_print(digits)),
				 errhint("Write a whole number, such as: round(x, 2)."),
				 compile_position(scope, digits)));
	return expr_own_call("round", 2, number,
						 literal_const(scope, digits, INT4OID, digits));
}

static Expr *
call_root(FilterScope *scope, const FilterNode *node,
		  const FilterFunction *function)
{
	return expr_own_call("square_root", 1,
						 number_argument(scope, node->args[0]));
}

/* coalesce, greatest, least: the arguments are brought to one type */
static Expr *
call_choice(FilterScope *scope, const FilterNode *node,
			const FilterFunction *function)
{
	Operand    *operands = palloc(sizeof(Operand) * node->nargs);
	List	   *values = NIL;
	Oid			type;

	for (int i = 0; i < node->nargs; i++)
		operands[i] = compile_operand(scope, node->args[i]);
	type = operands_unify(scope, operands, node->nargs);
	for (int i = 0; i < node->nargs; i++)
		values = lappend(values, operands[i].value);

	if (strcmp(function->builtin, "coalesce") == 0)
	{
		CoalesceExpr *coalesce = makeNode(CoalesceExpr);

		coalesce->coalescetype = type;
		coalesce->args = values;
		coalesce->location = -1;
		return (Expr *) coalesce;
	}
	else
	{
		MinMaxExpr *choice = makeNode(MinMaxExpr);

		if (!OidIsValid(order_function(type)))
			refuse_operand(scope, node->args[0], type,
						   "of a type that has an order", NULL);
		choice->minmaxtype = type;
		choice->op = strcmp(function->builtin, "least") == 0 ?
			IS_LEAST : IS_GREATEST;
		choice->args = values;
		choice->location = -1;
		return (Expr *) choice;
	}
}

static Expr *
call_band(FilterScope *scope, const FilterNode *node,
		  const FilterFunction *function)
{
	return compile_band(scope, node);
}

/* call_nullif() compiles nullif(a, b); both are brought to one type. */
static Expr *
call_nullif(FilterScope *scope, const FilterNode *node,
			const FilterFunction *function)
{
	Operand		operands[2];
	Oid			type;
	Expr	   *nullif;

	operands[0] = compile_operand(scope, node->args[0]);
	operands[1] = compile_operand(scope, node->args[1]);
	type = operands_unify(scope, operands, 2);
	nullif = expr_nullif(operands[0].value, operands[1].value);
	if (nullif == NULL)
		refuse_operand(scope, node->args[0], type,
					   "of a type that can be compared", NULL);
	return nullif;
}

/*
 * A part of a time, as it reads on the calendar or clock of the zone.  That of
 * an instant is that of its day.
 */
static Expr *
call_field(FilterScope *scope, const FilterNode *node,
		   const FilterFunction *function)
{
	Expr	   *time = time_argument(scope, node->args[0]);

	if (strcmp(function->builtin, "hour") == 0)
		time = time_as(scope, time, TIMESTAMPOID);
	else if (expr_type(time) == TIMESTAMPTZOID)
		time = time_as(scope, time, DATEOID);
	return expr_call("extract", 2, expr_text(function->builtin), time);
}

/* days_between(a, b): how many days begin after a, up to b */
static Expr *
call_days(FilterScope *scope, const FilterNode *node,
		  const FilterFunction *function)
{
	return expr_own_call("days_between", 2,
						 time_as(scope, time_argument(scope, node->args[0]),
								 DATEOID),
						 time_as(scope, time_argument(scope, node->args[1]),
								 DATEOID));
}
