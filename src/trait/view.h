/*-------------------------------------------------------------------------
 *
 * view.h
 *	  The columns of a population's view, private to this room.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_VIEW_H
#define SEGMENT_VIEW_H

#include "trait/trait_private.h"

/* A column that the view has, or is to have. */
typedef struct ViewColumn
{
	const char *name;
	const char *sql;			/* NULL of a present column */
	const char *comment;
	Oid			type;
	int32		typmod;
	Oid			collation;
	AttrNumber	attno;			/* of a present column */
} ViewColumn;

/* The columns (ViewColumn *) that the view is to have. */
extern List *view_columns(const Population *population);

/* The comment of a trait's column, whose definition is 'text'. */
extern const char *view_comment_of(const Trait *trait, const char *text);

/* The columns (ViewColumn *) that the view has. */
extern List *view_present_columns(const Population *population);

/* Are the present columns the first ones of the new? */
extern bool view_columns_extend(List *present, List *columns);

/*
 * The columns in an order in which the present ones stay where they are, for
 * CREATE OR REPLACE VIEW.  An error if another object reads a column that
 * goes, or that changes its type.
 */
extern List *view_columns_in_order(const Population *population,
								   List *present, List *columns);

/* The column of that name, or NULL. */
extern ViewColumn *view_column_named(List *columns, const char *name);

/* Is it the name of a column that stands in the place of a dropped one? */
extern bool view_is_placeholder(const char *name);

#endif							/* SEGMENT_VIEW_H */
