/*-------------------------------------------------------------------------
 *
 * compile_private.h
 *	  What the files of the compiler share with each other only.
 *
 * Two of them are the recursion over a tree, and the others are called by it,
 * and call it for their operands:
 *
 *		compile.c				a filter: one row for each op
 *		compile_operand.c		an operand: names, arithmetic
 *
 *		compile_comparison.c	=, <, between
 *		compile_unify.c			which type do the two sides have in common?
 *		compile_case.c			case when ... end
 *		compile_band.c			band(...)
 *		compile_choice.c		conditions on what case and band choose
 *		compile_in.c			in
 *		compile_text.c			contains, like
 *		compile_json.c			values inside jsonb
 *		compile_time.c			conditions on a time
 *		compile_limits.c		what follows from them for indexes
 *		compile_clock.c			clocks, zones, spans and periods
 *		compile_window.c		the windows of aggregates
 *		functions.c				the functions that a filter may call
 *
 *		literal.c				what does "2026-05-01" mean beside this type?
 *		types.c					which types are numbers, text, times?
 *		expression.c			how is an expression of the server made?
 *		compile_error.c			how does an error speak of the filter?
 *
 *		filter_row.c			what do the names of a row mean?
 *		call_site.c				where does row @@ filter stand in its query?
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
 * An operand that was compiled.  A literal has no value until the operands
 * beside it have said what type is wanted.
 */
typedef struct Operand
{
	const FilterNode *node;
	Expr	   *value;			/* NULL while it is a literal */
	Oid			type;			/* of value, else InvalidOid */
} Operand;

/* Compile a node as a filter (compile.c) or a value (compile_operand.c). */
typedef Expr *(*Compiler) (FilterScope *scope, const FilterNode *node);

/* compile.c -------------------------------------------------------------- */

/* Compile a filter to a qual. */
extern Expr *compile_filter(FilterScope *scope, const FilterNode *node);

/* compile_operand.c ------------------------------------------------------ */

/* Compile an operand; a literal gets no value yet. */
extern Operand compile_operand(FilterScope *scope, const FilterNode *node);

/* compile_comparison.c --------------------------------------------------- */

/* =, <, <=, >, >= */
extern Expr *compile_compare(FilterScope *scope, const FilterNode *node);
extern Expr *compile_between(FilterScope *scope, const FilterNode *node);

/* compile_unify.c -------------------------------------------------------- */

/* Bring all operands to one type, and return it. */
extern Oid	operands_unify(FilterScope *scope, Operand *operands, int count);
/* Does the operand differ between rows, or is it a matter of the clock? */
extern bool operand_uses_row(const FilterNode *node);

/* compile_case.c --------------------------------------------------------- */

/* case when ... then ... end */
extern Expr *compile_case(FilterScope *scope, const FilterNode *node);

/* compile_band.c --------------------------------------------------------- */

/* band(operand, bound, value, ...) */
extern Expr *compile_band(FilterScope *scope, const FilterNode *node);

/* compile_choice.c ------------------------------------------------------- */

/*
 * Return limits of the operand that a CASE compares with constants, if the
 * condition is one on the constant that this CASE chooses; else the condition.
 */
extern Expr *choice_opened(Expr *condition);
/*
 * Does the other comparison hold wherever this one does?  Both must compare
 * one operand with constants, in the same direction; else false.
 */
extern bool choice_implies(Expr *one, Expr *other);

/* compile_in.c ----------------------------------------------------------- */

extern Expr *compile_in(FilterScope *scope, const FilterNode *node);

/* compile_text.c --------------------------------------------------------- */

/* contains, contains any, contains all */
extern Expr *compile_contains(FilterScope *scope, const FilterNode *node);
/* starts with, ends with, like, ilike, matches */
extern Expr *compile_pattern(FilterScope *scope, const FilterNode *node);
extern Expr *compile_is_empty(FilterScope *scope, const FilterNode *node);

/* compile_json.c --------------------------------------------------------- */

/*
 * Read a scalar inside jsonb as numeric, text or boolean; missing if the jsonb
 * is no such scalar.
 */
extern Expr *json_as(Expr *json, Oid type);
/* Follow the keys of a column, which has some: payload -> 'size' */
extern Expr *json_path(FilterScope *scope, Expr *json,
					   const FilterNode *column);

/* compile_time.c --------------------------------------------------------- */

/* in last, in next, more than ... ago, less than ... ago */
extern Expr *compile_recent(FilterScope *scope, const FilterNode *node);
/* in this month */
extern Expr *compile_period(FilterScope *scope, const FilterNode *node);
/* before, after, on */
extern Expr *compile_day(FilterScope *scope, const FilterNode *node);
/* anniversary of ... */
extern Expr *compile_anniversary(FilterScope *scope, const FilterNode *node);

/* compile_limits.c ------------------------------------------------------- */

/*
 * Add to a comparison of two instants the limits that follow from it for a
 * column that is a date or a local time.  'instants' are both sides as
 * instants.
 */
extern Expr *comparison_limits(FilterScope *scope, Expr *comparison,
							   StrategyNumber strategy, const Operand *left,
							   const Operand *right,
							   const Operand *instants);
/* Return the limits of the time that follow from IN LAST and the like. */
extern Expr *recent_limits(FilterScope *scope, const FilterNode *node,
						   Expr *time);

/* compile_clock.c -------------------------------------------------------- */

/* The time of the query; its day; a span as interval. */
extern Expr *time_now(FilterScope *scope, const FilterNode *at);
extern Expr *time_today(FilterScope *scope, const FilterNode *at);
extern Expr *time_span(FilterScope *scope, const FilterNode *span);
/* Return the interval that is a constant, else NULL. */
extern Interval *interval_of(Expr *span);
/*
 * Return the first instant of the period that is 'shift' periods behind the
 * one that the detail of 'at' names.
 */
extern Expr *time_period(FilterScope *scope, const FilterNode *at, int shift,
						 Oid type);
/* Convert between date, timestamp and timestamptz, in the scope's zone. */
extern Expr *time_as(FilterScope *scope, Expr *value, Oid type);
/* Move a time by an interval, forwards if sign > 0, else back. */
extern Expr *time_shift(FilterScope *scope, Expr *time, int sign,
						Expr *interval);
extern Expr *day_shift(Expr *day, int days);
/* Compare a time with a whole day of the pinned zone. */
extern Expr *time_beside_day(StrategyNumber strategy, Expr *time, DateADT day);

/* functions.c ------------------------------------------------------------ */

/* Compile the call of a function. */
extern Expr *compile_function(FilterScope *scope, const FilterNode *node);

/* literal.c -------------------------------------------------------------- */

/*
 * Read the literal as a constant of the type.  'against' is the node that it
 * stands beside, for errors.
 */
extern Expr *literal_const(FilterScope *scope, const FilterNode *literal,
						   Oid type, const FilterNode *against);
/* Return the type that a number has beside a number of 'type'. */
extern Oid	literal_number_type(const FilterNode *literal, Oid type);
/* Return the type that a date or time has beside one of 'type'. */
extern Oid	literal_time_type(const FilterNode *literal, Oid type);
/* Is the literal only a date, which means the whole of that day? */
extern bool literal_is_day(const FilterNode *literal);
/* Return the day of a literal with or without a time, in the scope's zone. */
extern DateADT literal_day(FilterScope *scope, const FilterNode *literal,
						   const FilterNode *against);

/* types.c ---------------------------------------------------------------- */

/* Is the type one of these?  An instant is a time that is no day. */
extern bool is_number(Oid type);
extern bool is_text(Oid type);
extern bool is_citext(Oid type);
extern bool is_time(Oid type);
extern bool is_instant(Oid type);

/* Convert integers to numeric, which neither overflows nor rounds. */
extern Expr *number_exact(Expr *number);
/* Convert to another type of numbers; missing if that cannot hold it. */
extern Expr *number_as(Expr *number, Oid type);

/* compile_error.c -------------------------------------------------------- */

/* Describe an operand: 'trait "city"', or its text in quotes. */
extern char *describe_operand(FilterScope *scope, const FilterNode *node);
/* Print the literal for an error. */
extern char *literal_show(const FilterNode *literal);
/* Auxiliary of ereport: draw the caret under the node, if it has a text. */
extern int	compile_position(FilterScope *scope, const FilterNode *node);
/*
 * Raise an error: the operand, of this type if it is known, is not 'wanted',
 * such as "a date or time".  'hint' may be NULL.
 */
pg_noreturn extern void refuse_operand(FilterScope *scope,
									   const FilterNode *node, Oid type,
									   const char *wanted, const char *hint);

/* expression.c ----------------------------------------------------------- */

/* Constants */
extern Expr *expr_const(Oid type, Datum value);
extern Expr *expr_text(const char *text);
extern Expr *expr_boolean(bool value);

/* Call a function of pg_catalog, or of ours, that takes just these types. */
extern Expr *expr_call(const char *name, int nargs,...);
extern Expr *expr_own_call(const char *name, int nargs,...);
/* The same for a parameter of type anyarray */
extern Expr *expr_array_call(const char *name, Expr *array);
/* The same as expr_call with one argument, printed as a cast */
extern Expr *expr_cast(const char *name, Expr *value);

/* Apply an operator of pg_catalog that takes just these types, or anyarray. */
extern Expr *expr_operator(const char *name, Expr *left, Expr *right);
extern Expr *expr_array_operator(const char *name, Expr *left, Expr *right);
/*
 * Apply the operator of the default operator classes; NULL if there is none.
 */
extern Expr *expr_compare(StrategyNumber strategy, Expr *left, Expr *right);
/* left = any (array constant of left's type); NULL if it has no equality */
extern Expr *expr_any(Expr *left, Datum *values, int count);
/* Put a value under another collation, unless one of the two is a default. */
extern Expr *expr_collated(Expr *value, Oid collation);

/* Combine or test values whose types are known. */
extern Expr *expr_and(Expr *left, Expr *right);
extern Expr *expr_or(Expr *left, Expr *right);
extern Expr *expr_nullif(Expr *value, Expr *missing);
extern Expr *expr_is_null(Expr *value, bool is_null);
extern Expr *expr_is(Expr *value, BoolTestType test);

/*
 * Coerce by implicit casts only, of the server or of a function that a
 * superuser owns; NULL if there is none.
 */
extern Expr *expr_coerce(Expr *value, Oid type);
extern bool expr_can_coerce(Oid source, Oid type);
/* Strip domains, and take the type that the operators are made for. */
extern Expr *expr_plain(Expr *value);
/* Is the boolean never NULL, whatever the row? */
extern bool expr_never_null(Expr *value);
extern Oid	expr_type(Expr *value);
extern Expr *expr_copy(Expr *value);

/* filter_row.c ----------------------------------------------------------- */

/* The scope of a row: names are those of its columns, or of the hook. */
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

/*
 * compile_label.c: label_text() is the text of a literal of that type, which
 * is a new label for an old one.
 */
extern const char *label_text(const FilterNode *literal, Oid type);

#endif							/* SEGMENT_COMPILE_PRIVATE_H */
