/*-------------------------------------------------------------------------
 *
 * compile_private.h
 *	  What the files of the compiler share with each other only.
 *
 * compile.c walks the tree and asks the others:
 *
 *		expression.c	how is an expression of the server put together?
 *		literal.c		what does "2026-05-01" mean to a column of this type?
 *		compile_time.c	clocks, zones, spans and periods
 *		compile_window.c	the windows of aggregates
 *		compile_text.c	contains, like, and values inside jsonb
 *		functions.c		the functions that a filter may call
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_COMPILE_PRIVATE_H
#define SEGMENT_COMPILE_PRIVATE_H

#include "access/stratnum.h"
#include "access/tupdesc.h"
#include "pgtime.h"
#include "utils/date.h"
#include "utils/timestamp.h"

#include "base/base.h"
#include "filter/filter.h"

/*
 * One side of a comparison.  A literal has no value until the others have
 * said what type is wanted.
 */
typedef struct Operand
{
	const FilterNode *node;
	Expr	   *value;			/* NULL while it is a literal */
	Oid			type;			/* of value, else InvalidOid */
} Operand;

/* compile.c ---------------------------------------------------------------- */

extern Expr *compile_filter(FilterScope *scope, const FilterNode *node);
extern Operand compile_operand(FilterScope *scope, const FilterNode *node);
/* Bring all operands to one type, which is returned. */
extern Oid	operands_unify(FilterScope *scope, Operand *operands, int count);
extern Expr *compile_comparison(FilterScope *scope, const FilterNode *at,
								StrategyNumber strategy,
								Operand left, Operand right);

/* 'trait "city"', or the operand's text in quotes */
extern char *describe_operand(FilterScope *scope, const FilterNode *node);
/* auxiliary of ereport: draw the caret under the node, if its text is known */
extern int	compile_position(FilterScope *scope, const FilterNode *node);
pg_noreturn extern void refuse_operand(FilterScope *scope, const FilterNode *node,
									   Oid type, const char *wanted, const char *hint);

/* expression.c -------------------------------------------------------------- */

extern Expr *expr_const(Oid type, Datum value);
extern Expr *expr_text(const char *text);
extern Expr *expr_boolean(bool value);
/* A function of pg_catalog, or of schema segment, that takes just these types */
extern Expr *expr_call(const char *name, int nargs,...);
extern Expr *expr_own_call(const char *name, int nargs,...);
/* The same for a parameter of type anyarray */
extern Expr *expr_array_call(const char *name, Expr *array);
/* The same as expr_call with one argument, printed as a cast */
extern Expr *expr_cast(const char *name, Expr *value);
/* An operator of pg_catalog that takes just these types */
extern Expr *expr_operator(const char *name, Expr *left, Expr *right);
/* ANYARRAY operators take any array */
extern Expr *expr_array_operator(const char *name, Expr *left, Expr *right);
/* The operator of the type's default operator classes, or NULL */
extern Expr *expr_compare(StrategyNumber strategy, Expr *left, Expr *right);
/* Under another collation, if both that and its own are no default */
extern Expr *expr_collated(Expr *value, Oid collation);
/* left = any (array constant of left's type), or NULL */
extern Expr *expr_any(Expr *left, Datum *values, int count);
extern Expr *expr_and(Expr *left, Expr *right);
extern Expr *expr_or(Expr *left, Expr *right);
extern Expr *expr_nullif(Expr *value, Expr *missing);
extern Expr *expr_is_null(Expr *value, bool is_null);
extern Expr *expr_is(Expr *value, BoolTestType test);
/*
 * By implicit casts only, of the server or of a function that a superuser
 * owns; NULL if there is none
 */
extern Expr *expr_coerce(Expr *value, Oid type);
extern bool expr_can_coerce(Oid source, Oid type);
/* Without domains, and of the type that its operators are made for */
extern Expr *expr_plain(Expr *value);
extern bool expr_never_null(Expr *value);
extern Oid	expr_type(Expr *value);
extern Expr *expr_copy(Expr *value);

/* literal.c ------------------------------------------------------------------ */

extern bool is_literal(const FilterNode *node);
/* The literal as a constant of the type; 'against' is what it is put beside */
extern Expr *literal_const(FilterScope *scope, const FilterNode *literal,
						   Oid type, const FilterNode *against);
/* The type that a number has beside a number of 'type' */
extern Oid	literal_number_type(const FilterNode *literal, Oid type);
/* The type that a date or time has beside one of 'type' */
extern Oid	literal_time_type(const FilterNode *literal, Oid type);
/* Is it only a date, which means the whole of that day? */
extern bool literal_is_day(const FilterNode *literal);
/* The day of a literal with or without a time, in the scope's zone */
extern DateADT literal_day(FilterScope *scope, const FilterNode *literal,
						   const FilterNode *against);
extern char *literal_show(const FilterNode *literal);

/* compile_time.c ------------------------------------------------------------- */

extern bool is_time(Oid type);
extern bool is_instant(Oid type);	/* of those a time that is no day */
extern Expr *time_now(FilterScope *scope, const FilterNode *at);
extern Expr *time_today(FilterScope *scope, const FilterNode *at);
extern Expr *time_span(FilterScope *scope, const FilterNode *span);
extern Interval *interval_of(Expr *span);	/* of a constant, else NULL */
/* The first instant of the period 'shift' after the one that detail names */
extern Expr *time_period(FilterScope *scope, const FilterNode *at, int shift,
						 Oid type);
/* Between date, timestamp and timestamptz, in the scope's zone */
extern Expr *time_as(FilterScope *scope, Expr *value, Oid type);
/* What follows for a time or date from how it compares with an instant */
extern Expr *time_limits(FilterScope *scope, StrategyNumber strategy, Expr *time,
						 Expr *instant);
/* A time compared with a whole day */
extern Expr *time_beside_day(StrategyNumber strategy, Expr *time, DateADT day);
/* The time moved by an interval, forwards if sign > 0, else back */
extern Expr *time_shift(FilterScope *scope, Expr *time, int sign,
						Expr *interval);
extern Expr *compile_time(FilterScope *scope, const FilterNode *node);

/* compile_text.c ------------------------------------------------------------- */

extern bool is_text(Oid type);
extern Expr *compile_contains(FilterScope *scope, const FilterNode *node);
extern Expr *compile_pattern(FilterScope *scope, const FilterNode *node);
extern Expr *compile_is_empty(FilterScope *scope, const FilterNode *node);
/* A scalar inside jsonb as a number, text or boolean; missing if it is none */
extern Expr *json_as(Expr *json, Oid type);
extern Expr *json_path(FilterScope *scope, Expr *json, const FilterNode *column);

/* functions.c ---------------------------------------------------------------- */

extern bool is_number(Oid type);
/* integers as numeric, so that they neither overflow nor round */
extern Expr *number_exact(Expr *number);
/* As another type of numbers; missing if that cannot hold it */
extern Expr *number_as(Expr *number, Oid type);
extern Expr *compile_function(FilterScope *scope, const FilterNode *node);

/* inline.c -------------------------------------------------------------------- */

/* What the names of a row mean: by its columns, or by the hook. */
extern FilterScope *filter_row_scope(FilterRow *row);

#endif							/* SEGMENT_COMPILE_PRIVATE_H */
