/*-------------------------------------------------------------------------
 *
 * order.h
 *	  How two values of a column are compared, private to the room of traits.
 *
 * Values that are equal need not look the same: 1.5 and 1.50, or Aarhus and
 * AARHUS in a column whose collation ignores case.  They are one value where
 * values are counted or told apart, and of those that are there the one is
 * shown whose text comes first, byte by byte.  So what is shown depends on
 * nothing but the rows.
 *
 *		in the column		1.50  Aarhus  1.5  AARHUS
 *		count(distinct)		2
 *		shown				1.5, AARHUS
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_ORDER_H
#define SEGMENT_ORDER_H

#include "fmgr.h"
#include "utils/typcache.h"

/* The order of a column's values: that of their type, under a collation. */
typedef struct ValueOrder
{
	TypeCacheEntry *type;		/* never a domain; it has a comparison */
	Oid			collation;
	bool		alike;			/* do equal values always look the same? */
} ValueOrder;

/* Without a collation (InvalidOid) it is that of the type. */
extern ValueOrder value_order(TypeCacheEntry *type, Oid collation);

/* For the collation with which a function was called; kept in its fn_extra. */
extern const ValueOrder *value_order_of_call(FunctionCallInfo fcinfo,
											 TypeCacheEntry *type);

/* 0: they are equal, whatever they look like */
extern int	value_compare(const ValueOrder *order, Datum a, Datum b);

/* The same, and equal values by how they look; 0: they look the same */
extern int	value_compare_looks(const ValueOrder *order, Datum a, Datum b);

/* Of values that are equal: by their text, byte by byte. */
extern int	looks_compare(Oid type, Datum a, Datum b);

/*
 * An order of values by their bytes, which no collation and no release of a
 * library changes: that in which they are stored.  0: the same bytes.
 */
extern int	image_compare(TypeCacheEntry *type, Datum a, Datum b);

/*
 * The value as its type reads it from its text, in the current context, or the
 * value itself.  Canonical values that look the same have the same bytes.
 */
extern Datum value_canonical(TypeCacheEntry *type, Datum value);

#endif							/* SEGMENT_ORDER_H */
