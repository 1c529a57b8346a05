/*-------------------------------------------------------------------------
 *
 * compat.h
 *	  One spelling for all server releases: the newest one's.
 *
 * Call the newest name everywhere; what an older server lacks is supplied
 * here, with the release that made the shim needed.  This is the only file
 * that mentions PG_VERSION_NUM.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_COMPAT_H
#define SEGMENT_COMPAT_H

#if PG_VERSION_NUM < 150000
#error "segment needs PostgreSQL 15 or newer"
#endif

/*
 * Soft errors came with 16 (ereturn, escontext).  Before that an input
 * function can only throw, so ereturn throws and the rest is unreachable.
 */
#if PG_VERSION_NUM >= 160000
#include "nodes/miscnodes.h"
#else
#define ereturn(context, dummy_value, ...) \
	do { \
		(void) (context); \
		ereport(ERROR, __VA_ARGS__); \
		return dummy_value; \
	} while (0)
#endif

/*
 * Before 16 the server's headers did not ask for symbols by default, and
 * -fvisibility=hidden would hide even the magic block.
 */
#if PG_VERSION_NUM < 160000
#undef PGDLLEXPORT
#define PGDLLEXPORT __attribute__((visibility("default")))
#endif

/*
 * 16 replaced the per-catalog checks by one for all catalogs.  We check the
 * owners of relations, schemas and types, and the grants on schemas, and
 * nothing else.
 */
#if PG_VERSION_NUM < 160000
#include "catalog/pg_namespace_d.h"
#include "catalog/pg_type_d.h"
#define object_ownercheck(class_id, object_id, role_id) \
	((class_id) == NamespaceRelationId ? \
	 pg_namespace_ownercheck(object_id, role_id) : \
	 (class_id) == TypeRelationId ? pg_type_ownercheck(object_id, role_id) : \
	 pg_class_ownercheck(object_id, role_id))
#define object_aclcheck(class_id, object_id, role_id, mode) \
	pg_namespace_aclcheck(object_id, role_id, mode)
#endif

/* 16 brought functions that read a value of a type told by its name. */
#if PG_VERSION_NUM < 160000
#define F_PG_INPUT_IS_VALID InvalidOid
#define F_PG_INPUT_ERROR_INFO InvalidOid
#endif

/* 16 moved the varlena macros out of postgres.h. */
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

/*
 * 16 gave settings a memory context of their own.  Before that what a check
 * hook leaves behind is allocated by malloc.
 */
#if PG_VERSION_NUM < 160000
#include <stdlib.h>

/* The memory for a setting's value, or NULL; 'elevel' is not used. */
static inline void *
guc_malloc(int elevel, size_t size)
{
	return malloc(size);
}

/* Frees what guc_malloc() returned. */
static inline void
guc_free(void *value)
{
	free(value);
}
#endif

/* 16 lets the decoder of dates say more about an error. */
#if PG_VERSION_NUM < 160000
typedef struct DateTimeErrorExtra
{
	const char *dtee_timezone;
	const char *dtee_abbrev;
} DateTimeErrorExtra;

#define DecodeDateTime(field, ftype, nf, dtype, tm, fsec, tzp, extra) \
	((void) (extra), \
	 (DecodeDateTime) (field, ftype, nf, dtype, tm, fsec, tzp))
#endif

/*
 * 17 can give a generated column another expression.  A number that no part of
 * ALTER TABLE has stands for that before.
 */
#if PG_VERSION_NUM < 170000
#define AT_SetExpression ((AlterTableType) -1)
#endif

/* 17 has spans that are infinite. */
#if PG_VERSION_NUM < 170000
#define INTERVAL_NOT_FINITE(span)	((void) (span), false)
#define INTERVAL_IS_NOEND(span)		((void) (span), false)
#endif

/* 16 made EvalPlanQualInit() ask for the relations that are written. */
#if PG_VERSION_NUM < 160000
#define EVALPLANQUAL_NO_RELATIONS
#else
#define EVALPLANQUAL_NO_RELATIONS	, NIL
#endif

/* 16 calls the files of a relation otherwise. */
#if PG_VERSION_NUM < 160000
#define rd_locator	rd_node
#endif

/*
 * 16 parted the rights that a query needs from its range table, and 18 also
 * wants to know which of its relations are left after pruning.
 */
#if PG_VERSION_NUM < 160000
#define addRTEPermissionInfo(permissions, entry) ((void) (permissions))
#define ExecInitRangeTable(estate, entries, permissions, unpruned) \
	((void) (permissions), (ExecInitRangeTable) (estate, entries))
#elif PG_VERSION_NUM < 180000
#define ExecInitRangeTable(estate, entries, permissions, unpruned) \
	(ExecInitRangeTable) (estate, entries, permissions)
#endif

/* 16 can leave out the indexes that do not summarize. */
#if PG_VERSION_NUM < 160000
#define ExecInsertIndexTuples(result, slot, estate, update, no_dup_error, \
							  conflict, arbiters, only_summarizing) \
	(ExecInsertIndexTuples) (result, slot, estate, update, no_dup_error, \
							 conflict, arbiters)
#endif

/* 18 takes the place of the row itself as an argument, if it is there. */
#if PG_VERSION_NUM < 180000
#define ExecCheckIndexConstraints(result, slot, estate, conflict, itself, \
								  arbiters) \
	((void) (itself), \
	 (ExecCheckIndexConstraints) (result, slot, estate, conflict, arbiters))
#endif

/* 17 wants the relation itself. */
#if PG_VERSION_NUM < 170000
#define getIdentitySequence(relation, attno, missing_ok) \
	(getIdentitySequence) (RelationGetRelid(relation), attno, missing_ok)
#endif

/* 18 counts an index scan's searches, if asked. */
#if PG_VERSION_NUM < 180000
#define index_beginscan(table, index, snapshot, instrument, keys, orderbys) \
	(index_beginscan) (table, index, snapshot, keys, orderbys)
#endif

/* 18 also keeps what it compiled of NOT NULL, and gave this another name. */
#if PG_VERSION_NUM < 180000
#define ri_CheckConstraintExprs ri_ConstraintExprs
#endif

/* 18 can tell of a primary key that is deferrable. */
#if PG_VERSION_NUM < 180000
#define RelationGetPrimaryKeyIndex(relation, deferrable_ok) \
	(RelationGetPrimaryKeyIndex) (relation)
#endif

/*
 * 18 has RETURNING old and new: one variable may be of either row, or of
 * neither.
 */
#if PG_VERSION_NUM < 180000
#define VAR_RETURNING_DEFAULT	0
#define VAR_RETURNING(var)		VAR_RETURNING_DEFAULT
#define expandRTE(entry, index, level, returning, location, dropped, names, \
				  vars) \
	(expandRTE) (entry, index, level, location, dropped, names, vars)
#else
#define VAR_RETURNING(var)		((var)->varreturningtype)
#endif

/* 18 can leave room before a minimal tuple. */
#if PG_VERSION_NUM < 180000
#define heap_form_minimal_tuple(desc, values, isnull, extra) \
	((void) (extra), (heap_form_minimal_tuple) (desc, values, isnull))
#endif

/* Before 18 ExecutorRun() was told that it is called once. */
#if PG_VERSION_NUM < 180000
#define EXECUTOR_RUN_ONCE	, true
#else
#define EXECUTOR_RUN_ONCE
#endif

/* 18 has columns that are computed when they are read. */
#if PG_VERSION_NUM < 180000
#define ATTRIBUTE_GENERATED_VIRTUAL 'v'
#endif

/* 18 knows of NOT NULL that was not checked yet. */
#if PG_VERSION_NUM < 180000
#define attribute_refuses_null(desc, i) (TupleDescAttr(desc, i)->attnotnull)
#else
#define attribute_refuses_null(desc, i) \
	(TupleDescCompactAttr(desc, i)->attnullability == ATTNULLABLE_VALID)
#endif

/* In 18 it stands before the declaration, where C11 wants it. */
#if PG_VERSION_NUM < 180000
#define pg_noreturn pg_attribute_noreturn()
#endif

/* 16 calls C's own functions for the absolute value of a number. */
#ifndef i64abs
#define i64abs(number) llabs(number)
#endif

/* 16 brought typed allocation, and late minor releases of 15 have it, too. */
#ifndef palloc_array
#define palloc_array(type, count) ((type *) palloc(sizeof(type) * (count)))
#endif

/*
 * From 16 on an update says which indexes the row is to be put into; before
 * that whether it is to be put into them.  index_is_left() says whether one is
 * left as it is.
 */
#if PG_VERSION_NUM < 160000
typedef bool TU_UpdateIndexes;
#define TU_None		false
#define index_is_left(info, indexes)	false
#else
#define index_is_left(info, indexes) \
	((indexes) == TU_Summarizing && !(info)->ii_Summarizing)
#endif

#endif							/* SEGMENT_COMPAT_H */
