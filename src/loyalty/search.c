/*-------------------------------------------------------------------------
 *
 * search.c
 *	  Rows of a table are found by an index, or without one.
 *
 *		search_begin(members, its index on the key, ...)
 *			search_for(42)		search_next(): customer 42's row
 *			search_for(43)		...
 *		search_end
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/stratnum.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/typcache.h"

#include "base/base.h"
#include "loyalty/search.h"

struct Search
{
	MemoryContext context;
	Relation	relation;
	Relation	index;			/* NULL: the table is read */
	Snapshot	snapshot;
	IndexScanDesc scan;
	TableScanDesc all;
	ScanKeyData keys[MOST_KEYS];
	int			nkeys;
	TupleTableSlot *row;
};

static void init_key(Search *search, const SearchForm *form, int number);

Snapshot
search_snapshot(void)
{
	return RegisterSnapshot(IsolationUsesXactSnapshot() ?
							GetTransactionSnapshot() : GetLatestSnapshot());
}

Search *
search_begin(Relation relation, Relation index, Snapshot snapshot,
			 const SearchForm *form)
{
	Search	   *search = palloc0(sizeof(Search));

	search->context = CurrentMemoryContext;
	search->relation = relation;
	search->snapshot = snapshot;
	search->index = index;
	while (search->nkeys < MOST_KEYS && form->columns[search->nkeys] != 0)
		init_key(search, form, search->nkeys++);
	if (search->index != NULL)
		search->scan = index_beginscan(relation, search->index, snapshot, NULL,
									   search->nkeys, 0);
	search->row = table_slot_create(relation, NULL);
	return search;
}

/* init_key() prepares one of the keys by which rows are looked for. */
static void
init_key(Search *search, const SearchForm *form, int number)
{
	AttrNumber	column = form->columns[number];
	Form_pg_attribute att = TupleDescAttr(RelationGetDescr(search->relation),
										  column - 1);
	bool		above = form->above &&
		(number + 1 == MOST_KEYS || form->columns[number + 1] == 0);
	TypeCacheEntry *type =
		lookup_type_cache(att->atttypid, above ? TYPECACHE_GT_OPR :
						  TYPECACHE_EQ_OPR_FINFO);
	FmgrInfo	greater;

	if (above)
		fmgr_info(get_opcode(type->gt_opr), &greater);
	ScanKeyEntryInitializeWithInfo(&search->keys[number], 0,
								   search->index != NULL ? number + 1 : column,
								   above ? BTGreaterStrategyNumber :
								   BTEqualStrategyNumber, InvalidOid,
								   att->attcollation, above ? &greater :
								   &type->eq_opr_finfo, (Datum) 0);
}

void
search_for(Search *search, Datum first, Datum second)
{
	MemoryContext old = MemoryContextSwitchTo(search->context);

	search->keys[0].sk_argument = first;
	search->keys[1].sk_argument = second;
	if (search->index != NULL)
		index_rescan(search->scan, search->keys, search->nkeys, NULL, 0);
	else
	{
		if (search->all != NULL)
			table_endscan(search->all);
		search->all = table_beginscan(search->relation, search->snapshot,
									  search->nkeys, search->keys);
	}
	MemoryContextSwitchTo(old);
}

TupleTableSlot *
search_next(Search *search, ScanDirection direction)
{
	MemoryContext old = MemoryContextSwitchTo(search->context);
	bool		found = search->index != NULL ?
		index_getnext_slot(search->scan, direction, search->row) :
		table_scan_getnextslot(search->all, direction, search->row);

	MemoryContextSwitchTo(old);
	if (!found)
		return NULL;
	slot_getallattrs(search->row);
	return search->row;
}

void
search_end(Search *search)
{
	if (search->scan != NULL)
		index_endscan(search->scan);
	if (search->all != NULL)
		table_endscan(search->all);
	ExecDropSingleTupleTableSlot(search->row);
	pfree(search);
}
