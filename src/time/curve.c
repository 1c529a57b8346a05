/*-------------------------------------------------------------------------
 *
 * curve.c
 *	  Where in an expression is the clock, and what is done to it?
 *
 * Read off the compiled filter, not off its text, so that this file and the
 * rest of the house cannot disagree about what a filter means.  It makes no
 * difference either whether somebody wrote "more than 30 days ago" or
 * "< now - 30 days", or used a trait that is such a formula: traits and audiences
 * are expanded when it is compiled.
 *
 *		last_order_at < now - 30 days
 *		(now - last_order_at) > 30 days			both are one line and a value
 *		lapsed, a trait defined so				that it passes at some time
 *
 * segment.now() is replaced by a parameter, so that an expression can be
 * evaluated as of any instant.
 *
 * What is not known here is TIME_OTHER and no error: it is the same as long as
 * its parts are.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/nbtree.h"
#include "access/transam.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/params.h"
#include "optimizer/optimizer.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "time/curve.h"
#include "time/moment.h"
#include "trait/trait.h"

/* A function that does to time what we know about: one of the server's, or ours. */
typedef struct KnownFunction
{
	Oid			function;		/* InvalidOid: segment.<name>, ... */
	TimeExprKind	kind;
	int			sign;
	const char *name;
	Oid			first;			/* ... whose first argument is of this type */
	bool		jumps;			/* it makes whole numbers of others */
} KnownFunction;

#define OWN(own_name, type, ...) \
	{InvalidOid, __VA_ARGS__, .name = own_name, .first = type}

static const KnownFunction known_functions[] = {
	{F_TIMEZONE_TEXT_TIMESTAMPTZ, TIME_TO_LOCAL},
	{F_TIMEZONE_TEXT_TIMESTAMP, TIME_FROM_LOCAL},
	{F_TIMESTAMP_PL_INTERVAL, TIME_SHIFT, 1},
	{F_TIMESTAMP_MI_INTERVAL, TIME_SHIFT, -1},
	{F_TIMESTAMPTZ_PL_INTERVAL, TIME_SHIFT, 1},
	{F_TIMESTAMPTZ_MI_INTERVAL, TIME_SHIFT, -1},
	{F_DATE_PL_INTERVAL, TIME_SHIFT, 1},
	{F_DATE_MI_INTERVAL, TIME_SHIFT, -1},
	{F_DATE_PLI, TIME_SHIFT, 1},
	{F_DATE_MII, TIME_SHIFT, -1},
	{F_DATE_TIMESTAMP, TIME_TRUNCATE},
	{F_DATE_TRUNC_TEXT_TIMESTAMP, TIME_TRUNCATE},
	{F_TIMESTAMP_DATE, TIME_SAME},
	{F_NUMERIC_INT2, TIME_SAME},
	{F_NUMERIC_INT4, TIME_SAME},
	{F_NUMERIC_INT8, TIME_SAME},
	{F_EXTRACT_TEXT_TIMESTAMP, TIME_FIELD},
	{F_EXTRACT_TEXT_DATE, TIME_FIELD},
	OWN("local_time", TEXTOID, TIME_TO_LOCAL),
	OWN("instant", TEXTOID, TIME_FROM_LOCAL),
	OWN("local_time", DATEOID, TIME_SAME),
	OWN("local_day", TIMESTAMPTZOID, TIME_LOCAL_DAY),
	OWN("day_start", DATEOID, TIME_DAY_START),
	OWN("day_ago", DATEOID, TIME_SHIFT, -1),
	OWN("date_add", TIMESTAMPTZOID, TIME_SAME),
	OWN("add", TIMESTAMPOID, TIME_SHIFT, 1),
	OWN("subtract", TIMESTAMPOID, TIME_SHIFT, -1),
	OWN("add", TIMESTAMPTZOID, TIME_SHIFT, 1),
	OWN("subtract", TIMESTAMPTZOID, TIME_SHIFT, -1),
	OWN("add", DATEOID, TIME_SHIFT, 1),
	OWN("subtract", DATEOID, TIME_SHIFT, -1),
	OWN("elapsed", TIMESTAMPTZOID, TIME_ELAPSED),
	OWN("elapsed", TIMESTAMPOID, TIME_ELAPSED),
	OWN("days_between", DATEOID, TIME_ELAPSED),
	OWN("has_anniversary", DATEOID, TIME_ANNIVERSARY),
	OWN("add", NUMERICOID, TIME_SUM, 1),
	OWN("subtract", NUMERICOID, TIME_SUM, -1),
	OWN("multiply", NUMERICOID, TIME_PRODUCT, 1),
	OWN("divide", NUMERICOID, TIME_PRODUCT, -1),
	OWN("floor", NUMERICOID, TIME_SAME, .jumps = true),
	OWN("ceil", NUMERICOID, TIME_SAME, .jumps = true),
	OWN("round", NUMERICOID, TIME_SAME, .jumps = true),
};

/*
 * The units of date_trunc and extract, how long one lasts at most, and from which
 * number to which extract counts them.
 */
static const struct
{
	const char *name;
	CalendarUnit unit;
	int64		days;
	int			first;
	int			last;
}			known_units[] = {
	{"hour", CALENDAR_HOUR, 1, 0, 23},
	{"day", CALENDAR_DAY, 1, 1, 31},
	{"isodow", CALENDAR_DAY, 1, 1, 7},
	{"week", CALENDAR_WEEK, 7, 1, 53},
	{"month", CALENDAR_MONTH, 31, 1, 12},
	{"quarter", CALENDAR_QUARTER, 92, 1, 4},
	{"year", CALENDAR_YEAR, 366, 0, 0},
};

static TimeExpr *curve_of(Node *node);
static bool add_part(Node *node, void *curve);
static void loosen(TimeExpr *curve);
static void describe(TimeExpr *curve);
static void describe_still(TimeExpr *curve);
static void describe_window(TimeExpr *curve);
static bool any_line(const TimeExpr *curve);
static void describe_call(TimeExpr *curve, Oid function, List *args);
static const KnownFunction *find_known(Oid function, List *args);
static bool is_date_add(const KnownFunction *known);
static Expr *expand_date_add(const FuncExpr *call);
static void describe_comparison(TimeExpr *curve, Oid operator, List *args);
static Expr *own_call(const char *function, Oid result, Oid first_type,
					  void *first, Oid second_type, void *second);
static Node *interval_const(Interval *interval);
static char *constant_text(Node *node);
static bool find_zone(TimeExpr *curve, Node *name);
static bool find_unit(TimeExpr *curve, Node *name);
static void drop_argument(TimeExpr *curve, int which);

TimeExpr *
time_expr_make(Expr *expr, bool loose)
{
	TimeExpr	   *curve;

	curve = curve_of((Node *) expression_planner(clock_as_parameter(expr)));
	if (loose)
		loosen(curve);
	return curve;
}

ExprContext *
time_expr_context(void)
{
	ExprContext *econtext = CreateStandaloneExprContext();

	econtext->ecxt_param_list_info = makeParamList(1);
	econtext->ecxt_param_list_info->params[0] = (ParamExternData) {
		.ptype = TIMESTAMPTZOID,
	};
	return econtext;
}

Datum
time_expr_value(TimeExpr *curve, ExprContext *econtext, TimestampTz at, bool *isnull)
{
	if (curve->state == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(GetMemoryChunkContext(curve));

		curve->state = ExecInitExpr(curve->expr, NULL);
		MemoryContextSwitchTo(old);
	}
	econtext->ecxt_param_list_info->params[0].value = TimestampTzGetDatum(at);
	return ExecEvalExprSwitchContext(curve->state, econtext, isnull);
}

static TimeExpr *
curve_of(Node *node)
{
	TimeExpr	   *curve = palloc0(sizeof(TimeExpr));
	bool		moves = false;

	check_stack_depth();
	curve->expr = (Expr *) node;
	curve->type = exprType(node);
	if (IsA(node, Param))
	{
		curve->kind = TIME_NOW;
		moves = true;
	}
	else
		(void) expression_tree_walker(node, add_part, curve);
	for (int i = 0; i < curve->nargs; i++)
		moves |= curve->args[i]->kind != TIME_STILL;
	if (!moves)
	{
		curve->kind = TIME_STILL;
		describe_still(curve);
		curve->nargs = 0;
		return curve;
	}

	if (curve->kind != TIME_NOW)
	{
		curve->kind = TIME_OTHER;
		describe(curve);
		/* twice what a window counts goes up and down with that, not with time */
		if (TIME_IS_LINE(curve) && !any_line(curve))
			curve->kind = TIME_OTHER;
	}
	if (TIME_IS_LINE(curve))
	{
		Bitmapset  *columns = NULL;
		TypeCacheEntry *type = lookup_type_cache(curve->type,
												 TYPECACHE_CMP_PROC);

		if (OidIsValid(type->cmp_proc))
			fmgr_info(type->cmp_proc, &curve->compare);
		else
			curve->kind = TIME_OTHER;
		pull_varattnos((Node *) curve->expr, 1, &columns);
		curve->free = bms_is_empty(columns);
		for (int i = 0; i < curve->nargs; i++)
			curve->may_end |= curve->args[i]->may_end;
	}
	return curve;
}

static bool
add_part(Node *node, void *context)
{
	TimeExpr	   *curve = context;

	if (node == NULL)
		return false;
	if (IsA(node, List))
		return expression_tree_walker(node, add_part, context);

	if (curve->args == NULL)
		curve->args = palloc(sizeof(TimeExpr *));
	else
		curve->args = repalloc(curve->args, sizeof(TimeExpr *) * (curve->nargs + 1));
	curve->args[curve->nargs++] = curve_of(node);
	return false;
}

/* Where it does not matter whether a condition is false or null. */
static void
loosen(TimeExpr *curve)
{
	curve->loose = true;
	if (curve->kind == TIME_ALL || curve->kind == TIME_ANY)
		for (int i = 0; i < curve->nargs; i++)
			loosen(curve->args[i]);
}

/* Of which kind is it, other than TIME_OTHER? */
static void
describe(TimeExpr *curve)
{
	Expr	   *expr = curve->expr;

	switch (nodeTag(expr))
	{
		case T_FuncExpr:
			describe_call(curve, ((FuncExpr *) expr)->funcid,
						  ((FuncExpr *) expr)->args);
			if (curve->kind == TIME_OTHER && trait_is_window((FuncExpr *) expr))
				describe_window(curve);
			return;
		case T_OpExpr:
			describe_call(curve, ((OpExpr *) expr)->opfuncid,
						  ((OpExpr *) expr)->args);
			if (curve->kind == TIME_OTHER && curve->type == BOOLOID)
				describe_comparison(curve, ((OpExpr *) expr)->opno,
									((OpExpr *) expr)->args);
			return;
		case T_RelabelType:
			curve->kind = TIME_SAME;
			return;
		case T_MinMaxExpr:
			if (any_line(curve))
				curve->kind = TIME_CHOICE;
			return;
		case T_CoalesceExpr:
			if (any_line(curve))
				curve->kind = TIME_COALESCE;
			return;
		case T_NullTest:
			curve->kind = TIME_IS_SET;
			return;
		case T_BoolExpr:
			if (((BoolExpr *) expr)->boolop == AND_EXPR)
				curve->kind = TIME_ALL;
			else if (((BoolExpr *) expr)->boolop == OR_EXPR)
				curve->kind = TIME_ANY;
			return;
		case T_BooleanTest:
			if (((BooleanTest *) expr)->booltesttype == IS_TRUE ||
				((BooleanTest *) expr)->booltesttype == IS_NOT_TRUE)
				loosen(curve->args[0]);
			return;
		case T_CaseExpr:
			/* the conditions of "at least"; results are numbers */
			if (((CaseExpr *) expr)->arg == NULL && curve->type != BOOLOID)
				for (int i = 0; i < curve->nargs; i++)
					loosen(curve->args[i]);
			return;
		default:
			return;
	}
}

/* date_add(time, '30 days', zone) */
static void
describe_still(TimeExpr *curve)
{
	FuncExpr   *call = (FuncExpr *) curve->expr;
	Const	   *span;

	if (!IsA(call, FuncExpr) || !is_date_add(find_known(call->funcid, call->args)) ||
		list_length(call->args) != 3)
		return;
	span = lsecond(call->args);
	if (!IsA(span, Const) || span->constisnull || !find_zone(curve, lthird(call->args)))
		return;
	curve->base = curve->args[0];
	calendar_span_range(curve->zone, DatumGetIntervalP(span->constvalue),
						&curve->least, &curve->most);
}

/* series_count(events, 'in last 30 days', zone, now) */
static void
describe_window(TimeExpr *curve)
{
	const FuncExpr *call = (const FuncExpr *) curve->expr;
	char	   *window = constant_text(lsecond(call->args));
	char	   *zone = constant_text(lthird(call->args));

	if (window == NULL || zone == NULL || curve->args[0]->kind != TIME_STILL ||
		curve->args[3]->kind != TIME_NOW)
		return;
	curve->kind = TIME_WINDOW;
	curve->window = trait_window_kind(call);
	curve->during = filter_window_read(window, zone);
}

static bool
any_line(const TimeExpr *curve)
{
	for (int i = 0; i < curve->nargs; i++)
		if (TIME_IS_LINE(curve->args[i]))
			return true;
	return false;
}

static void
describe_call(TimeExpr *curve, Oid function, List *args)
{
	const KnownFunction *known = find_known(function, args);
	TimeExpr	   *first;
	Expr	   *steps;

	if (known == NULL)
		return;

	switch (known->kind)
	{
		case TIME_SAME:
			if (!is_date_add(known))
				break;
			steps = list_length(args) == 3 ?
				expand_date_add((FuncExpr *) curve->expr) : NULL;
			if (steps == NULL)
				return;
			curve->args[0] = curve_of((Node *) steps);
			curve->nargs = 1;
			break;
		case TIME_LOCAL_DAY:
		case TIME_DAY_START:
			if (list_length(args) != 2 || !find_zone(curve, lsecond(args)))
				return;
			drop_argument(curve, 1);
			break;
		case TIME_ELAPSED:
			/* days_between(from, to) has them the other way round */
			if (curve->type == INT4OID)
			{
				first = curve->args[0];
				curve->args[0] = curve->args[1];
				curve->args[1] = first;
			}
			break;
		case TIME_TO_LOCAL:
		case TIME_FROM_LOCAL:
			if (!find_zone(curve, linitial(args)))
				return;
			drop_argument(curve, 0);
			break;
		case TIME_TRUNCATE:
			if (list_length(args) == 1)
				curve->length = USECS_PER_DAY;
			else
			{
				if (!find_unit(curve, linitial(args)))
					return;
				drop_argument(curve, 0);
			}
			break;
		case TIME_FIELD:
			if (!find_unit(curve, linitial(args)))
				return;
			drop_argument(curve, 0);
			if (curve->unit == CALENDAR_YEAR)
			{
				curve->kind = TIME_YEAR;
				return;
			}
			break;
		case TIME_PRODUCT:
			/* of two that move, and of what is divided by it, we know nothing */
			if (curve->args[known->sign > 0 && TIME_IS_LINE(curve->args[1]) ? 0 : 1]->kind != TIME_STILL)
				return;
			break;
		default:
			break;
	}
	curve->kind = known->kind;
	curve->sign = known->sign;
	curve->jumps = known->jumps;
	/* the server's is for spans that are short enough: see compile_time.c */
	curve->may_end = known->kind == TIME_SUM || known->kind == TIME_PRODUCT ||
		(known->kind == TIME_SHIFT && known->name != NULL);
}

static const KnownFunction *
find_known(Oid function, List *args)
{
	const char *name = NULL;

	if (args == NIL)
		return NULL;
	if (function >= FirstNormalObjectId &&
		get_func_namespace(function) == get_namespace_oid(SEGMENT_SCHEMA, true))
		name = get_func_name(function);
	for (int i = 0; i < lengthof(known_functions); i++)
	{
		const KnownFunction *known = &known_functions[i];

		if (name == NULL ? known->function == function :
			known->name != NULL && strcmp(known->name, name) == 0 &&
			known->first == exprType(linitial(args)))
			return known;
	}
	return NULL;
}

static bool
is_date_add(const KnownFunction *known)
{
	return known != NULL && known->name != NULL &&
		strcmp(known->name, "date_add") == 0;
}

/*
 * date_add() of a time that moves, in steps that are known: to the clock of the zone,
 * days and months there, back, and hours.  NULL if the span is not known.
 */
static Expr *
expand_date_add(const FuncExpr *call)
{
	Expr	   *time = copyObject(linitial(call->args));
	Const	   *constant = lsecond(call->args);
	Node	   *zone = lthird(call->args);
	const Interval *span;
	Interval   *calendar = palloc0(sizeof(Interval));
	Interval   *clock = palloc0(sizeof(Interval));

	if (!IsA(constant, Const) || constant->constisnull)
		return NULL;
	span = DatumGetIntervalP(constant->constvalue);
	calendar->month = span->month;
	calendar->day = span->day;
	clock->time = span->time;
	if (calendar->month != 0 || calendar->day != 0)
	{
		time = own_call("local_time", TIMESTAMPOID, TEXTOID, copyObject(zone),
						TIMESTAMPTZOID, time);
		time = own_call("add", TIMESTAMPOID, TIMESTAMPOID, time,
						INTERVALOID, interval_const(calendar));
		time = own_call("instant", TIMESTAMPTZOID, TEXTOID, copyObject(zone),
						TIMESTAMPOID, time);
	}
	return own_call("add", TIMESTAMPTZOID, TIMESTAMPTZOID, time,
					INTERVALOID, interval_const(clock));
}

static Expr *
own_call(const char *function, Oid result, Oid first_type, void *first,
		 Oid second_type, void *second)
{
	Oid			types[] = {first_type, second_type};

	return (Expr *) makeFuncExpr(catalog_function(function, 2, types), result,
								 list_make2(first, second), InvalidOid,
								 InvalidOid, COERCE_EXPLICIT_CALL);
}

static Node *
interval_const(Interval *interval)
{
	return (Node *) makeConst(INTERVALOID, -1, InvalidOid, sizeof(Interval),
							  IntervalPGetDatum(interval), false, false);
}

/* The first of them against the second. */
static void
describe_comparison(TimeExpr *curve, Oid operator, List *args)
{
	Oid			family;
	Oid			compare;
	TimeExpr	   *line;
	TimeExpr	   *other;

	if (list_length(args) != 2)
		return;
	family = lookup_type_cache(curve->args[0]->type,
							   TYPECACHE_BTREE_OPFAMILY)->btree_opf;
	if (!OidIsValid(family))
		return;
	switch (get_op_opfamily_strategy(operator, family))
	{
		case BTLessStrategyNumber:
			curve->strictly[0] = true;
			break;
		case BTLessEqualStrategyNumber:
			curve->strictly[0] = curve->strictly[1] = true;
			break;
		case BTEqualStrategyNumber:
			curve->strictly[1] = true;
			break;
		case BTGreaterEqualStrategyNumber:
			curve->strictly[1] = curve->strictly[2] = true;
			break;
		case BTGreaterStrategyNumber:
			curve->strictly[2] = true;
			break;
		default:
			return;
	}

	/* what moves is compared with what does not, whichever stands first */
	line = curve->args[TIME_IS_LINE(curve->args[0]) ? 0 : 1];
	other = curve->args[TIME_IS_LINE(curve->args[0]) ? 1 : 0];
	compare = get_opfamily_proc(family, line->type, other->type, BTORDER_PROC);
	if (!OidIsValid(compare))
		return;
	fmgr_info(compare, &curve->compare);
	curve->kind = TIME_COMPARISON;
}

static char *
constant_text(Node *node)
{
	if (!IsA(node, Const) || ((Const *) node)->constisnull ||
		((Const *) node)->consttype != TEXTOID)
		return NULL;
	return TextDatumGetCString(((Const *) node)->constvalue);
}

static bool
find_zone(TimeExpr *curve, Node *name)
{
	char	   *text = constant_text(name);

	curve->zone = text == NULL ? NULL : pg_tzset(text);
	return curve->zone != NULL;
}

static bool
find_unit(TimeExpr *curve, Node *name)
{
	char	   *text = constant_text(name);

	for (int i = 0; text != NULL && i < lengthof(known_units); i++)
		if (strcmp(known_units[i].name, text) == 0)
		{
			curve->unit = known_units[i].unit;
			curve->length = known_units[i].days * USECS_PER_DAY;
			curve->first = known_units[i].first;
			curve->last = known_units[i].last;
			return true;
		}
	return false;
}

static void
drop_argument(TimeExpr *curve, int which)
{
	curve->nargs--;
	for (int i = which; i < curve->nargs; i++)
		curve->args[i] = curve->args[i + 1];
}
