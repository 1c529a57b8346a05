/*-------------------------------------------------------------------------
 *
 * forms.h
 *	  Aggregates as they are written, and as they are stored; private to this
 *	  room.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_FORMS_H
#define SEGMENT_FORMS_H

#include "filter/filter.h"
#include "trait/aggregate.h"

/*
 * The formula by which a written aggregate is read off stored ones:
 *
 *		avg(orders.amount)			sum(orders.amount) / count(orders.amount)
 *		exists(orders where x)		count(orders where x) > 0
 *
 * or 'node' itself if it is stored as it stands.  Errors: an aggregate without
 * the value that it needs, DISTINCT where it means nothing.
 */
extern FilterNode *aggregate_expand(const FilterNode *node);

/* The window of an aggregate, or NULL. */
extern const FilterNode *aggregate_window_of(const FilterNode *node);

/*
 * The aggregate that stores 'node', which aggregate_expand() returned, and
 * the definition under which it is stored (shared by count(distinct),
 * list(distinct) and most_frequent of the same values, and by all over the
 * same window).
 */
extern const Aggregate *aggregate_stored(const FilterNode *node,
										 FilterNode **definition);

/*
 * The value of the written form, made of the state's columns, and of what
 * filter_compile_window() makes of its window if it has one.
 */
extern Expr *aggregate_value(const FilterNode *node,
							 const AggregateInput *input, Expr **columns,
							 List *window);

#endif							/* SEGMENT_FORMS_H */
