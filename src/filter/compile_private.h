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
#include "nodes/pathnodes.h"
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

/*
 * Compile a node: as a filter (compile.c) or as a value (compile_operand.c).
 */
typedef Expr *(*Compiler) (FilterScope *scope, const FilterNode *node);

/* compile.c: the recursion over filters ---------------------------------- */

extern Expr *compile_filter(FilterScope *scope, const FilterNode *node);

/* compile_operand.c: the recursion over operands ------------------------- */

extern Operand compile_operand(FilterScope *scope, const FilterNode *node);
/* Does the operand differ between rows, or is it a matter of the clock? */
extern bool operand_uses_row(const FilterNode *node);

/* compile_comparison.c --------------------------------------------------- */

extern Expr *compile_compare(FilterScope *scope, const FilterNode *node);
extern Expr *compile_between(FilterScope *scope, const FilterNode *node);
/* Compare two operands, whatever their types, or raise an error. */
extern Expr *compile_comparison(FilterScope *scope, StrategyNumber strategy,
								Operand left, Operand right);

/* compile_in.c ----------------------------------------------------------- */

extern Expr *compile_in(FilterScope *scope, const FilterNode *node);

/* compile_unify.c -------------------------------------------------------- */

/* Bring all operands to one type, which is returned. */
extern Oid	operands_unify(FilterScope *scope, Operand *operands, int count);

/* compile_error.c -------------------------------------------------------- */

/* 'trait "city"', or the operand's text in quotes */
extern char *describe_operand(FilterScope *scope, const FilterNode *node);
/* auxiliary of ereport: draw the caret under the node, if its text is known */
extern int	compile_position(FilterScope *scope, const FilterNode *node);
/*
 * Raise an error: the operand, of this type if it is known, is not 'wanted',
 * such as "a date or time".  'hint' may be NULL.
 */
pg_noreturn extern void refuse_operand(FilterScope *scope,
									   const FilterNode *node, Oid type,
									   const char *wanted, const char *hint);

/* types.c ---------------------------------------------------------------- */

extern bool is_number(Oid type);
extern bool is_text(Oid type);
extern bool is_citext(Oid type);
extern bool is_time(Oid type);
extern bool is_instant(Oid type);	/* of those a time that is no day */

/* expression.c ----------------------------------------------------------- */

extern Expr *expr_const(Oid type, Datum value);
extern Expr *expr_text(const char *text);
extern Expr *expr_boolean(bool value);
/*
 * A function of pg_catalog, or of schema segment, that takes just these types
 */
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

/* literal.c -------------------------------------------------------------- */

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

/* compile_clock.c -------------------------------------------------------- */

extern Expr *time_now(FilterScope *scope, const FilterNode *at);
extern Expr *time_today(FilterScope *scope, const FilterNode *at);
extern Expr *time_span(FilterScope *scope, const FilterNode *span);
extern Interval *interval_of(Expr *span);	/* of a constant, else NULL */
/* The first instant of the period 'shift' after the one that detail names */
extern Expr *time_period(FilterScope *scope, const FilterNode *at, int shift,
						 Oid type);
/* Between date, timestamp and timestamptz, in the scope's zone */
extern Expr *time_as(FilterScope *scope, Expr *value, Oid type);
/* The time moved by an interval, forwards if sign > 0, else back */
extern Expr *time_shift(FilterScope *scope, Expr *time, int sign,
						Expr *interval);
extern Expr *day_shift(Expr *day, int days);
/* A time compared with a whole day */
extern Expr *time_beside_day(StrategyNumber strategy, Expr *time, DateADT day);

/* compile_time.c --------------------------------------------------------- */

extern Expr *compile_time(FilterScope *scope, const FilterNode *node);

/* compile_limits.c ------------------------------------------------------- */

/*
 * Add to a comparison of two instants what follows from it for the column of
 * one side that is a date or a local time.  'instants' are both sides as
 * instants.
 */
extern Expr *comparison_limits(FilterScope *scope, Expr *comparison,
							   StrategyNumber strategy, const Operand *left,
							   const Operand *right,
							   const Operand *instants);
/* What follows from IN LAST and its like for the column alone. */
extern Expr *recent_limits(FilterScope *scope, const FilterNode *node,
						   Expr *time);

/* compile_text.c --------------------------------------------------------- */

extern Expr *compile_contains(FilterScope *scope, const FilterNode *node);
extern Expr *compile_pattern(FilterScope *scope, const FilterNode *node);
extern Expr *compile_is_empty(FilterScope *scope, const FilterNode *node);
/* A scalar inside jsonb as a number, text or boolean; missing if it is none */
extern Expr *json_as(Expr *json, Oid type);
extern Expr *json_path(FilterScope *scope, Expr *json,
					   const FilterNode *column);

/* functions.c ------------------------------------------------------------ */

/* integers as numeric, so that they neither overflow nor round */
extern Expr *number_exact(Expr *number);
/* As another type of numbers; missing if that cannot hold it */
extern Expr *number_as(Expr *number, Oid type);
extern Expr *compile_function(FilterScope *scope, const FilterNode *node);

/* filter_row.c ----------------------------------------------------------- */

/* What the names of a row mean: by its columns, or by the hook. */
extern FilterScope *filter_row_scope(FilterRow *row);
/*
 * Put the fields of a RowExpr back where filter_row_field() left parameters in
 * their stead; a mutator, which is given the RowExpr.
 */
extern Node *filter_row_put_fields(Node *node, void *row);

/* call_site.c ------------------------------------------------------------ */

/*
 * May the row of the call be NULL as a whole?  'function' is the OID of
 * segment.matches(), 'row' a whole-row Var of the query.
 */
extern bool call_row_is_nullable(PlannerInfo *root, Oid function, Var *row);
/* Does the call stand in a qual, where NULL is as good as false? */
extern bool call_stands_as_qual(PlannerInfo *root, FuncExpr *call);

#endif							/* SEGMENT_COMPILE_PRIVATE_H */
