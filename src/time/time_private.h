/*-------------------------------------------------------------------------
 *
 * time_private.h
 *	  What does each node of an expression do with the clock?
 *
 *		last_order_at + '1 day' < timezone('Europe/Copenhagen', timezone(
 *							'Europe/Copenhagen', now) - '30 days')
 *
 *		comparison
 *		+- constant			last_order_at + '1 day'
 *		+- from_local		rises, but for where clocks are set
 *		   +- shift			by -30 days
 *			  +- to_local
 *				 +- now		rises
 *
 * An expression is constant if the clock is no part of it.  The value of a
 * constant may differ by row.
 *
 * An expression is monotone if its value rises or falls with time, but for
 * turns of clock and calendar.  Between two turns the value does nothing else,
 * so the instant at which it crosses a level can be found by bisection
 * (monotone.c).  Expressions of all other kinds have one value for a while,
 * and then another, and their kind says when (stable.c).
 *
 * A kind is a struct of functions, in a file kind_*.c.  No switch tells kinds
 * apart: recursion from an expression to its arguments goes through the
 * functions of their kinds.  A new kind is a new struct, declared below, and a
 * row in the table of time_expr.c.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_TIME_PRIVATE_H
#define SEGMENT_TIME_PRIVATE_H

#include "common/int.h"
#include "fmgr.h"
#include "pgtime.h"

#include "base/base.h"
#include "time/time.h"

/* The difference of local time and UTC is less than this. */
#define MOST_OFFSET		(16 * USECS_PER_HOUR)

/* The lengths of n months and of n average months differ by less. */
#define MOST_OF_MONTHS	(8 * USECS_PER_DAY)
#define MICROSECONDS_OF_MONTH	(INT64CONST(2629746) * USECS_PER_SEC)

/* Larger whole numbers are not exact as floating-point values. */
#define MOST_EXACT		1e15

/* Well within what a number can be. */
#define LARGE_NUMBER	1e300

typedef struct TimeKind TimeKind;

/* From the least to the most: instants, microseconds or plain numbers. */
typedef struct Limits
{
	int64		least;
	int64		most;
} Limits;

/* Limits of values for which int64 may not be enough. */
typedef struct Bounds
{
	double		least;
	double		most;
} Bounds;

struct TimeExpr
{
	const TimeKind *kind;
	Expr	   *node;			/* the compiled expression */
	ExprState  *state;			/* NULL until it is first needed */
	Oid			type;
	int			nargs;
	TimeExpr  **args;			/* without those that 'recognise' took */
	bool		null_is_false;	/* see time_expr_make() */
	bool		jumps;			/* keeps each value for a while */

	/* What the kind's 'recognise' notes, if the kind has a use for it. */
	pg_tz	   *zone;
	int			sign;
	void	   *noted;			/* of a type private to the kind's file */

	/* The rest is about monotone expressions. */
	FmgrInfo	compare;		/* two values of the expression */
	bool		without_row;	/* the same for all rows */
	bool		may_end;		/* null where its type cannot hold the value */

	/* See monotone_delay(). */
	bool		delays;			/* can there be limits? */
	bool		delay_sought;
	bool		delay_known;
	Limits		delay;

	/* If 'without_row' and 'jumps': the value is the same in between. */
	TimestampTz same_from;
	TimestampTz same_until;
};

/* A search for changes of a value on the context's row, after an instant. */
typedef struct TimeSearch
{
	ExprContext *econtext;
	TimestampTz from;
	bool		coarse;			/* an early answer is good enough */
	const struct WindowMargin *margin;	/* of the whole expression, or NULL */
} TimeSearch;

typedef enum Trend
{
	TREND_FALLS = -1,
	TREND_CONSTANT = 0,
	TREND_RISES = 1,
} Trend;

/* A value that a monotone expression may cross. */
typedef struct Level
{
	Datum		value;
	FmgrInfo   *compare;		/* the expression's value with this one */
	bool		measured;		/* does it lie within limits? */
	Limits		limits;			/* microseconds, or plain numbers */
} Level;

/* The function or operator that a node calls; zeros if it is no call. */
typedef struct TimeCall
{
	Oid			function;
	const char *own_name;		/* of a function of ours, or NULL */
	Oid			operator;
	List	   *args;
	TimeExpr   *(*make) (Node *node);	/* makes a TimeExpr of another node */
} TimeCall;

/* A function that makes a kind of expression: the server's, or one of ours. */
typedef struct TimeFunction
{
	Oid			function;		/* InvalidOid: segment.<name>, ... */
	int			sign;
	const char *name;
	Oid			first;			/* ... whose first argument is of this type */
	bool		jumps;			/* it makes whole numbers of others */
} TimeFunction;

#define OWN_FUNCTION(own_name, type, ...) \
	{InvalidOid, .name = own_name, .first = type, __VA_ARGS__}

struct TimeKind
{
	const char *name;			/* for debuggers */

	/*
	 * Is the expression, whose arguments are made, of this kind?  If so, note
	 * in the expression what the other functions of the kind need.
	 */
	bool		(*recognise) (TimeExpr *expr, const TimeCall *call);

	/*
	 * Lower *until to an instant just before which the value is still that of
	 * search->from; if null is false, a change from null to false or back is
	 * none.
	 */
	void		(*stable) (TimeExpr *expr, const TimeSearch *search,
						   TimestampTz *until);

	/* See time_expr_is_predictable(). */
	bool		(*predictable) (const TimeExpr *expr);

	/* The whole numbers that the value may be.  NULL: these are not known. */
	void		(*numbers) (const TimeExpr *expr, int *first, int *last);

	/* If null is false in the expression, is null false in its arguments? */
	bool		passes_null_is_false;

	bool		constant;		/* see above */
	bool		monotone;

	/* ---- the rest is of monotone kinds ---- */

	/* Does the value jump, even where the argument does not? */
	bool		jumps;

	/*
	 * Does the value differ from the first argument only by constants and
	 * rounding to the calendar?
	 */
	bool		delays;

	/*
	 * Lower *until such that the expression does nothing but rise, or fall, or
	 * neither, from search->from until there.
	 */
	Trend		(*trend) (TimeExpr *expr, const TimeSearch *search,
						  TimestampTz *until);

	/*
	 * Is the trend known for more than a microsecond, if those of the
	 * arguments are?  NULL: always.
	 */
	bool		(*trend_is_known) (const TimeExpr *expr);

	/*
	 * Set the only instants at which the value may lie within 'values', or
	 * cross from below to above.  False, or no function: these are not known.
	 */
	bool		(*crossing) (TimeExpr *expr, const TimeSearch *search,
							 Limits values, Limits *instants);

	/*
	 * Set the bounds within which the value lies at all times, in microseconds
	 * or plain numbers.  False, or no function: the bounds come near to what
	 * the type can hold, or are not known.
	 */
	bool		(*bounds) (TimeExpr *expr, const TimeSearch *search,
						   Bounds *bounds);

	/*
	 * Lower *until such that the expression becomes null, or ceases to be
	 * null, once at most until then.  NULL: never more than once.
	 */
	void		(*end) (TimeExpr *expr, const TimeSearch *search,
						TimestampTz *until);
};

/* The kinds, in the files kind_*.c ---------------------------------------- */

extern const TimeKind kind_constant;
extern const TimeKind kind_now;
extern const TimeKind kind_to_local;
extern const TimeKind kind_from_local;
extern const TimeKind kind_local_day;
extern const TimeKind kind_day_start;
extern const TimeKind kind_conversion;
extern const TimeKind kind_shift;
extern const TimeKind kind_date_add;
extern const TimeKind kind_truncate;
extern const TimeKind kind_year;
extern const TimeKind kind_field;
extern const TimeKind kind_elapsed;
extern const TimeKind kind_sum;
extern const TimeKind kind_product;
extern const TimeKind kind_choice;
extern const TimeKind kind_coalesce;
extern const TimeKind kind_case;
extern const TimeKind kind_window;
extern const TimeKind kind_anniversary;
extern const TimeKind kind_comparison;
extern const TimeKind kind_and;
extern const TimeKind kind_or;
extern const TimeKind kind_is_null;
extern const TimeKind kind_other;

/* Is the clock no part of the expression? */
static inline bool
is_constant(const TimeExpr *expr)
{
	return expr->kind->constant;
}

/* Does the value do nothing but rise, or fall, between two turns? */
static inline bool
is_monotone(const TimeExpr *expr)
{
	return expr->kind->monotone;
}

/* kind.c ------------------------------------------------------------------ */

/*
 * The value at an instant.  The row is the context's scan tuple, and the value
 * lives in the context until that is reset.
 */
extern Datum time_expr_value(TimeExpr *expr, ExprContext *econtext,
							 TimestampTz at, bool *isnull);

/* Lower *until as TimeKind.stable does, whatever the kind is. */
extern void stable_until(TimeExpr *expr, const TimeSearch *search,
						 TimestampTz *until);
/* Lower *until such that all arguments are stable until then. */
extern void args_stable_until(TimeExpr *expr, const TimeSearch *search,
							  TimestampTz *until);
/* Are all arguments predictable? */
extern bool args_predictable(const TimeExpr *expr);

/*
 * Let null count as false in an expression, and in arguments if that follows.
 */
extern void set_null_is_false(TimeExpr *expr);

/* Which of these functions does 'call' call?  NULL: none. */
extern const TimeFunction *time_function_find(const TimeCall *call,
											  const TimeFunction *functions,
											  int count);
/* The text of a constant, or NULL. */
extern char *constant_text(Node *node);
/* Note the zone of that name; false if it is not known when compiled. */
extern bool note_zone(TimeExpr *expr, Node *name);
/* Remove an argument, which has been noted, from those of the expression. */
extern void drop_argument(TimeExpr *expr, int which);

/* stable.c ---------------------------------------------------------------- */

/*
 * The first instant after 'from' at which the value on the row may be another;
 * DT_NOEND: never.  The header of stable.c says when it is exact.
 */
extern TimestampTz time_expr_stable_until(TimeExpr *expr,
										  ExprContext *econtext,
										  TupleTableSlot *row,
										  TimestampTz from);

/* monotone.c -------------------------------------------------------------- */

/* Do what TimeKind.stable and .predictable do, for all monotone kinds. */
extern void monotone_stable_until(TimeExpr *expr, const TimeSearch *search,
								  TimestampTz *until);
extern bool monotone_predictable(const TimeExpr *expr);

/*
 * Lower *until such that until then only the clock changes in the expression,
 * and the expression is null all the time or never.
 */
extern void monotone_settle(TimeExpr *expr, const TimeSearch *search,
							TimestampTz *until);

/*
 * Lower *until to the first instant at which a condition changes: holds[0] is
 * its value while the expression lies below the level, holds[1] while it lies
 * on the level, and holds[2] while it lies above.
 */
extern void monotone_stays(TimeExpr *expr, const TimeSearch *search,
						   const Level *level, const bool *holds,
						   TimestampTz *until);

/*
 * The delay between a value and the instant at which the expression reaches
 * that value: for every value it lies within these limits, if the expression
 * differs from now() only by constants and calendar rounding.  Else NULL.
 */
extern const Limits *monotone_delay(TimeExpr *expr, const TimeSearch *search);

/*
 * TimeKind.trend, .trend_is_known, .crossing and .bounds of any expression
 * that has settled.  An argument that is not monotone does not change then:
 * its trend is constant, and known if it is predictable; its bounds are its
 * value.
 */
extern Trend monotone_trend(TimeExpr *expr, const TimeSearch *search,
							TimestampTz *until);
extern bool monotone_trend_is_known(const TimeExpr *expr);
/* Is the trend of each argument known? */
extern bool args_trend_is_known(const TimeExpr *expr);
extern bool monotone_crossing(TimeExpr *expr, const TimeSearch *search,
							  Limits values, Limits *instants);
extern bool monotone_bounds(TimeExpr *expr, const TimeSearch *search,
							Bounds *bounds);

/*
 * Lower *until to where an argument may change, as no other trend is known of
 * the expression than a constant one; 'trend' is that of the arguments.
 */
extern Trend trend_unknown(TimeExpr *expr, const TimeSearch *search,
						   Trend trend, TimestampTz *until);

/* Trend, crossing and bounds of an expression are those of its argument. */
extern Trend trend_of_first(TimeExpr *expr, const TimeSearch *search,
							TimestampTz *until);
extern bool crossing_of_first(TimeExpr *expr, const TimeSearch *search,
							  Limits values, Limits *instants);
extern bool bounds_of_first(TimeExpr *expr, const TimeSearch *search,
							Bounds *bounds);

/* Lower *until to the instant at which a rising expression reaches 'time'. */
extern void monotone_cut(TimeExpr *expr, const TimeSearch *search,
						 Timestamp time, TimestampTz *until);

/* A number that stands for what an expression is at an instant. */
typedef int (*MonotoneState) (TimeExpr *expr, const TimeSearch *search,
							  TimestampTz at);

/*
 * Lower *until to the first instant at which the state is another.  Between
 * turns of clock and calendar the state changes once at most.
 */
extern void monotone_keeps(TimeExpr *expr, const TimeSearch *search,
						   MonotoneState state, TimestampTz *until);

/* A state: 1 if the expression is null, else 0. */
extern int	monotone_is_null(TimeExpr *expr, const TimeSearch *search,
							 TimestampTz at);

/* level.c ----------------------------------------------------------------- */

/* Make a level of a value; 'compare' compares the expression with it. */
extern Level level_of(Oid type, Datum value, FmgrInfo *compare);

/* Set the limits of a value.  False: it is neither a time nor a number. */
extern bool value_limits(Oid type, Datum value, Limits *limits);

/*
 * Set the bounds of an expression that does not change from search->from on.
 * Where its value is null or not finite, so is what is computed from it, and
 * any bounds are right.
 */
extern bool settled_bounds(TimeExpr *expr, const TimeSearch *search,
						   Bounds *bounds);

/* Are these bounds well within what a type can hold? */
extern bool bounds_fit(Oid type, const Bounds *bounds);

/* moment.c ---------------------------------------------------------------- */

/* Replace segment.now() by parameter $1. */
extern Expr *clock_as_parameter(Expr *expr);

/* kind_shift.c ------------------------------------------------------------ */

/* Is date_add(time, span, zone) called? */
extern bool is_date_add(const TimeCall *call);

/* kind_constant.c --------------------------------------------------------- */

/* A constant that is a time, and a span that is added to it. */
typedef struct ConstantSum
{
	TimeExpr   *time;
	Limits		span;
} ConstantSum;

/* What is noted of such a sum; NULL: the expression is none. */
extern const ConstantSum *constant_sum(const TimeExpr *expr);

/* Saturating arithmetic --------------------------------------------------- */

/* a + b, or the end of int64 that it is beyond. */
static inline int64
plus(int64 a, int64 b)
{
	int64		sum;

	if (!pg_add_s64_overflow(a, b, &sum))
		return sum;
	return a < 0 ? PG_INT64_MIN : PG_INT64_MAX;
}

/* a - b, or the end of int64 that it is beyond. */
static inline int64
minus(int64 a, int64 b)
{
	int64		difference;

	if (!pg_sub_s64_overflow(a, b, &difference))
		return difference;
	return a < 0 ? PG_INT64_MIN : PG_INT64_MAX;
}

/* a * b, or the end of int64 that it is beyond. */
static inline int64
times(int64 a, int64 b)
{
	int64		product;

	if (!pg_mul_s64_overflow(a, b, &product))
		return product;
	return (a < 0) == (b < 0) ? PG_INT64_MAX : PG_INT64_MIN;
}

/* The limits of the sum of two values within limits. */
static inline Limits
limits_plus(Limits a, Limits b)
{
	return (Limits) {plus(a.least, b.least), plus(a.most, b.most)};
}

/* The limits of their difference. */
static inline Limits
limits_minus(Limits a, Limits b)
{
	return (Limits) {minus(a.least, b.most), minus(a.most, b.least)};
}

#endif							/* SEGMENT_TIME_PRIVATE_H */
