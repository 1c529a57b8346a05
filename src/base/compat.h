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
#define SOFT_ERROR_OCCURRED(escontext) false
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
 * 16 replaced the per-catalog checks by object_ownercheck(); we ask it of
 * relations only.
 */
#if PG_VERSION_NUM < 160000
#define object_ownercheck(class_id, object_id, role_id) \
	pg_class_ownercheck(object_id, role_id)
#endif

/* 16 moved the varlena macros out of postgres.h. */
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

/* 16 made EvalPlanQualInit() ask for the relations that are written. */
#if PG_VERSION_NUM < 160000
#define EVALPLANQUAL_NO_RELATIONS
#else
#define EVALPLANQUAL_NO_RELATIONS	, NIL
#endif

/* Before 18 ExecutorRun() was told that it is called once. */
#if PG_VERSION_NUM < 180000
#define EXECUTOR_RUN_ONCE	, true
#else
#define EXECUTOR_RUN_ONCE
#endif

/* 16 brought typed allocation, and late minor releases of 15 have it, too. */
#ifndef palloc_array
#define palloc_array(type, count) ((type *) palloc(sizeof(type) * (count)))
#endif

#endif							/* SEGMENT_COMPAT_H */
