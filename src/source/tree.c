/*-------------------------------------------------------------------------
 *
 * tree.c
 *	  Which tables are one with the table that was attached?
 *
 *		visits					partitioned: attached
 *		├── visits_2027			partitioned, too
 *		│	├── visits_2027_1
 *		│	└── visits_2027_2	its columns may have another order
 *		└── visits_2028
 *
 * The source is the table at the top, with all that is below: partitions, or
 * tables that inherit.  A statement fires the triggers of the table that it
 * names, and of no other one, and shows them all of its rows as rows of that
 * table.  So each table of the tree has capture triggers, and their rows are
 * made rows of the table at the top, by the names of columns, before anybody
 * else sees them (SourceTable).
 *
 * A partition that is being detached concurrently has left the tree for
 * queries, but its rows are counted until it has left it altogether: it is in
 * the lists made here.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/relation.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/tupconvert.h"
#include "catalog/pg_inherits.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "base/base.h"
#include "source/source_private.h"

List *
source_parents(Oid relid)
{
	Relation	catalog = table_open(InheritsRelationId, AccessShareLock);
	List	   *parents = NIL;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	row;

	ScanKeyInit(&key, Anum_pg_inherits_inhrelid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(relid));
	scan = systable_beginscan(catalog, InheritsRelidSeqnoIndexId, true, NULL,
							  1, &key);
	while (HeapTupleIsValid(row = systable_getnext(scan)))
		parents = lappend_oid(parents,
							  ((Form_pg_inherits) GETSTRUCT(row))->inhparent);
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
	return parents;
}

Oid
source_top(Oid relid)
{
	List	   *parents;

	/* a table with parents outside the tree is refused: tree_check() */
	while ((parents = source_parents(relid)) != NIL)
	{
		CHECK_FOR_INTERRUPTS();
		relid = linitial_oid(parents);
	}
	return relid;
}

Oid
source_top_of(Relation relation)
{
	TupleDesc	desc = RelationGetDescr(relation);

	/* what is below has at least the column with the key of what is above */
	for (int i = 0; i < desc->natts; i++)
		if (TupleDescAttr(desc, i)->attinhcount > 0)
			return source_top(RelationGetRelid(relation));
	return RelationGetRelid(relation);
}

List *
source_tree(Oid relid, LOCKMODE mode)
{
	List	   *tables = list_make1_oid(relid);
	ListCell   *lc;

	if (mode != NoLock)
		LockRelationOid(relid, mode);
	/* what is below a table is found when the table is locked */
	foreach(lc, tables)
	{
		List	   *below;

		CHECK_FOR_INTERRUPTS();
		if (get_rel_relkind(lfirst_oid(lc)) == '\0')
			continue;
		below = find_inheritance_children_extended(lfirst_oid(lc), false, mode,
												   NULL, NULL);
		tables = list_concat_unique_oid(tables, below);
	}
	return tables;
}

bool
source_shows(Oid top, Oid relid)
{
	return list_member_oid(find_all_inheritors(top, NoLock, NULL), relid);
}

bool
source_is_inherited(Oid relid)
{
	return get_rel_relkind(relid) == RELKIND_RELATION &&
		has_subclass(relid) && list_length(source_tree(relid, NoLock)) > 1;
}

void
source_table_describe(SourceTable *table, Relation relation, Oid top)
{
	Relation	above;
	TupleConversionMap *map;

	table->relid = top;
	table->columns = NULL;
	table->desc = NULL;
	if (RelationGetRelid(relation) == top)
		return;
	above = relation_open(top, AccessShareLock);
	map = convert_tuples_by_name(RelationGetDescr(relation),
								 RelationGetDescr(above));
	if (map != NULL)
	{
		table->columns = map->attrMap;
		table->desc = CreateTupleDescCopy(RelationGetDescr(above));
	}
	relation_close(above, NoLock);
}

TupleTableSlot *
source_table_slot(const SourceTable *table)
{
	return table->columns == NULL ? NULL :
		MakeSingleTupleTableSlot(table->desc, &TTSOpsVirtual);
}

TupleTableSlot *
source_table_row(const SourceTable *table, TupleTableSlot *row,
				 TupleTableSlot *slot)
{
	if (table->columns == NULL)
		return row;
	(void) execute_attr_map_slot(table->columns, row, slot);
	slot->tts_tableOid = table->relid;
	return slot;
}
