/*-------------------------------------------------------------------------
 *
 * evaluate.c
 *	  Does this row match this filter, when the planner could not tell?
 *
 *		SELECT d.name, count(*)
 *		FROM definitions d JOIN customers c ON c @@ d.filter GROUP BY 1
 *
 * Each distinct filter is compiled once per call site and type of row, and the
 * executor's own machinery evaluates it on the row's fields:
 *
 *		fn_extra -> {filter bytes, row type} -> ExprState over a slot
 *
 * The expression is the one that would have been inlined, so that both answer
 * the same.  The cache lives as long as the query; it is emptied when it has
 * grown large, since a query may compute filters that never come again.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "common/hashfn.h"
#include "executor/executor.h"
#include "executor/tuptable.h"
#include "nodes/makefuncs.h"
#include "optimizer/optimizer.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/typcache.h"

#include "filter/compile_private.h"

SEGMENT_FUNCTION(segment_matches);

#define MOST_COMPILED	1000

/*
 * The identifier of a row type changes when its columns do, so an entry never
 * meets a row of another shape.
 */
typedef struct CompiledKey
{
	uint64		row_identifier;
	uint64		filter_hash;
} CompiledKey;

typedef struct Compiled
{
	CompiledKey key;			/* must be first */
	Filter	   *filter;
	ExprState  *state;
	ExprContext *econtext;
	TupleTableSlot *slot;
} Compiled;

typedef struct CompiledCache
{
	MemoryContext context;		/* of the table and all entries */
	HTAB	   *table;
	Compiled   *last;			/* usually the filter is the same again */
} CompiledCache;

static CompiledCache *cache_open(FmgrInfo *flinfo);
static Compiled *cache_lookup(CompiledCache *cache, Filter *filter,
							  Oid type, int32 typmod);
static void cache_build(CompiledCache *cache, Compiled *compiled,
						Filter *filter, Oid type, int32 typmod);
static bool same_filter(Filter *a, Filter *b);

/*
 * segment.matches(row record, filter) returns boolean
 */
Datum
segment_matches(PG_FUNCTION_ARGS)
{
	HeapTupleHeader header = PG_GETARG_HEAPTUPLEHEADER(0);
	Filter	   *filter = PG_GETARG_FILTER_PP(1);
	CompiledCache *cache = cache_open(fcinfo->flinfo);
	Compiled   *compiled = cache_lookup(cache, filter,
										HeapTupleHeaderGetTypeId(header),
										HeapTupleHeaderGetTypMod(header));
	HeapTupleData tuple;
	bool		matches;

	tuple.t_len = HeapTupleHeaderGetDatumLength(header);
	ItemPointerSetInvalid(&tuple.t_self);
	tuple.t_tableOid = InvalidOid;
	tuple.t_data = header;

	ExecStoreHeapTuple(&tuple, compiled->slot, false);
	matches = ExecQual(compiled->state, compiled->econtext);
	ExecClearTuple(compiled->slot);
	ResetExprContext(compiled->econtext);

	PG_FREE_IF_COPY(filter, 1);
	PG_FREE_IF_COPY(header, 0);
	PG_RETURN_BOOL(matches);
}

/* cache_open() returns the cache of a call site, empty at first. */
static CompiledCache *
cache_open(FmgrInfo *flinfo)
{
	CompiledCache *cache = flinfo->fn_extra;

	if (cache == NULL)
	{
		cache = MemoryContextAllocZero(flinfo->fn_mcxt, sizeof(CompiledCache));
		cache->context = AllocSetContextCreate(flinfo->fn_mcxt,
											   "segment compiled filters",
											   ALLOCSET_DEFAULT_SIZES);
		flinfo->fn_extra = cache;
	}
	return cache;
}

/* cache_lookup() returns the filter compiled for rows of this type. */
static Compiled *
cache_lookup(CompiledCache *cache, Filter *filter, Oid type, int32 typmod)
{
	CompiledKey key;
	Compiled   *compiled;
	bool		found;

	key.row_identifier = assign_record_type_identifier(type, typmod);
	if (cache->last != NULL &&
		cache->last->key.row_identifier == key.row_identifier &&
		same_filter(cache->last->filter, filter))
		return cache->last;

	key.filter_hash = hash_bytes_extended((unsigned char *) filter,
										  VARSIZE(filter), 0);
	if (cache->table != NULL &&
		hash_get_num_entries(cache->table) >= MOST_COMPILED)
	{
		cache->last = NULL;
		cache->table = NULL;
		MemoryContextReset(cache->context);
	}
	if (cache->table == NULL)
	{
		HASHCTL		info = {0};

		info.keysize = sizeof(CompiledKey);
		info.entrysize = sizeof(Compiled);
		info.hcxt = cache->context;
		cache->table = hash_create("segment compiled filters", 64, &info,
								   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}

	compiled = hash_search(cache->table, &key, HASH_FIND, NULL);
	if (compiled == NULL || !same_filter(compiled->filter, filter))
	{
		Compiled	fresh = {key};

		/* compiling may fail, and must not leave half an entry behind */
		cache_build(cache, &fresh, filter, type, typmod);
		compiled = hash_search(cache->table, &key, HASH_ENTER, &found);
		*compiled = fresh;
	}
	cache->last = compiled;
	return compiled;
}

static bool
same_filter(Filter *a, Filter *b)
{
	return VARSIZE(a) == VARSIZE(b) && memcmp(a, b, VARSIZE(a)) == 0;
}

/*
 * cache_build() compiles a filter for rows of this type into 'compiled', in
 * the memory of the cache.
 */
static void
cache_build(CompiledCache *cache, Compiled *compiled, Filter *filter,
			Oid type, int32 typmod)
{
	MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext,
												  "segment compile",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(scratch);
	FilterRow	row;
	Expr	   *expr;

	memset(&row, 0, sizeof(row));
	row.type = type;
	row.fields = lookup_rowtype_tupdesc_copy(type, typmod);
	row.row = (Expr *) makeVar(1, InvalidAttrNumber, type, typmod, InvalidOid,
							   0);
	expr = filter_compile(filter_unpack(filter), filter_row_scope(&row));
	expr = expression_planner(expr);

	MemoryContextSwitchTo(cache->context);
	compiled->filter = palloc(VARSIZE(filter));
	memcpy(compiled->filter, filter, VARSIZE(filter));
	compiled->state = ExecInitQual(list_make1(copyObject(expr)), NULL);
	compiled->econtext = CreateStandaloneExprContext();
	compiled->slot = MakeSingleTupleTableSlot(CreateTupleDescCopy(row.fields),
											  &TTSOpsHeapTuple);
	compiled->econtext->ecxt_scantuple = compiled->slot;

	MemoryContextSwitchTo(caller);
	MemoryContextDelete(scratch);
}
