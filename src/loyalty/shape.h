/*-------------------------------------------------------------------------
 *
 * shape.h
 *	  Is a table as we have made it?
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_LOYALTY_SHAPE_H
#define SEGMENT_LOYALTY_SHAPE_H

#include "utils/rel.h"

#include "loyalty/loyalty_private.h"

/* In the place of a type: that of keys. */
#define TYPE_OF_KEYS	InvalidOid

/* A column as we have made it. */
typedef struct ColumnShape
{
	const char *name;			/* NULL behind the last one */
	Oid			type;
	bool		required;		/* is it NOT NULL? */
	bool		numbered;		/* is it an identity column? */
	uint8		uniques;		/* of which unique indexes, a bit for each */
} ColumnShape;

/*
 * program_shapes are those of a program's tables, and tiering_shapes those of
 * the steps of customers and of the tiers that they keep.
 */
extern const ColumnShape *const program_shapes[PROGRAM_TABLES];
extern const ColumnShape *const tiering_shapes[2];

/*
 * shape_check() raises an error unless the first columns of a table are these:
 * whoever owns the table may have altered it.  So values may be taken for what
 * they were made as.  The table is locked.
 *
 * shape_check_uniques() raises an error unless the unique indexes are there,
 * not counting those that are going ('without', OIDs).
 *
 * shape_open() opens a table of a program; one that was dropped is an error
 * that names the program.
 */
extern void shape_check(Relation relation, const ColumnShape *shape,
						Oid key_type);
extern void shape_check_uniques(Relation relation, const ColumnShape *shape,
								const List *without);
extern Relation shape_open(Oid relid, LOCKMODE mode, const char *program);

#endif							/* SEGMENT_LOYALTY_SHAPE_H */
