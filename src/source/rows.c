/*-------------------------------------------------------------------------
 *
 * rows.c
 *	  Which rows does a source have, and in which tables are they?
 *
 *		source_tables()		{orders}			what is locked
 *		source_from_sql()	ONLY shop.orders	what a query reads them from
 *							(SELECT r.* FROM ONLY shop.events AS r
 *							WHERE r.kind = 'open')
 *		source_scan_next()	one after the other	the same rows, read in C
 *
 * The rows of a source are those of one table that pass its filter, without
 * the tables that inherit from it.  Code that reads, locks or counts the rows
 * of a source asks here, so that a source of several tables (partitions, say)
 * changes this file alone.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/tableam.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"

#include "base/base.h"
#include "source/source.h"

struct SourceScan
{
	Snapshot	snapshot;
	TableScanDesc scan;
	TupleTableSlot *row;
};

List *
source_tables(const Source *source)
{
	return get_rel_relkind(source->relid) == '\0' ? NIL :
		list_make1_oid(source->relid);
}

char *
source_from_sql(const Source *source)
{
	char	   *table = psprintf("ONLY %s", source_table_name(source));
	char	   *condition = source_condition_sql(source, "r");

	return condition == NULL ? table :
		psprintf("(SELECT r.* FROM %s AS r WHERE %s)", table, condition);
}

void
source_lock(const Source *source, LOCKMODE mode)
{
	ListCell   *lc;

	foreach(lc, source_tables(source))
		LockRelationOid(lfirst_oid(lc), mode);
}

bool
source_is_readable(const Source *source, Oid role)
{
	bool		readable = true;
	ListCell   *lc;

	foreach(lc, source_tables(source))
		readable &= pg_class_aclcheck(lfirst_oid(lc), role,
									  ACL_SELECT) == ACLCHECK_OK;
	return readable;
}

bool
source_shows_all_rows(const Source *source, Oid role)
{
	bool		shown = source_is_readable(source, role);
	ListCell   *lc;

	foreach(lc, source_tables(source))
		shown = shown &&
			check_enable_rls(lfirst_oid(lc), role, true) != RLS_ENABLED;
	return shown;
}

SourceScan *
source_scan_begin(Relation table)
{
	SourceScan *scan = palloc(sizeof(SourceScan));

	scan->row = table_slot_create(table, NULL);
	scan->snapshot = RegisterSnapshot(GetLatestSnapshot());
	scan->scan = table_beginscan(table, scan->snapshot, 0, NULL);
	return scan;
}

TupleTableSlot *
source_scan_next(SourceScan *scan)
{
	CHECK_FOR_INTERRUPTS();
	return table_scan_getnextslot(scan->scan, ForwardScanDirection,
								  scan->row) ? scan->row : NULL;
}

void
source_scan_end(SourceScan *scan)
{
	table_endscan(scan->scan);
	UnregisterSnapshot(scan->snapshot);
	ExecDropSingleTupleTableSlot(scan->row);
	pfree(scan);
}
