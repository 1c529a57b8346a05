/*-------------------------------------------------------------------------
 *
 * rows.c
 *	  Which rows does a source have, and in which tables are they?
 *
 *		source_tables()		{events, events_1}	what is locked
 *		source_from_sql()	FROM shop.events AS r WHERE r.kind = 'open'
 *		source_scan_next()	one after the other	all rows of a table, in C
 *
 * The rows of a source are those of one table, and of all that are below it as
 * partitions or inherit from it (tree.c), as far as they pass its filter, each
 * joined with those that it refers to (links.c).  Code that reads, locks or
 * counts the rows of a source asks here.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/tableam.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"

#include "base/base.h"
#include "source/source_private.h"

struct SourceScan
{
	Snapshot	snapshot;
	TableScanDesc scan;			/* NULL: the table has no rows itself */
	TupleTableSlot *row;
	SourceTable table;
	TupleTableSlot *above;		/* the row, as one of the table at the top */
};

List *
source_relations(const Source *source)
{
	List	   *tables = NIL;

	for (int number = 0; number <= source->nlinks; number++)
		if (get_rel_relkind(source_relid(source, number)) != '\0')
			tables = list_append_unique_oid(tables,
											source_relid(source, number));
	return tables;
}

List *
source_tables(const Source *source)
{
	List	   *tables = NIL;
	ListCell   *lc;

	foreach(lc, source_relations(source))
		tables = list_concat_unique_oid(tables,
										source_tree(lfirst_oid(lc), NoLock));
	return tables;
}

char *
source_from_sql(const Source *source, const char *condition)
{
	char	   *filter = source_condition_sql(source, true);
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, " FROM %s AS r", source_table_name(source));
	for (int i = 0; i < source->nlinks; i++)
	{
		const SourceLink *link = &source->links[i];
		char	   *alias = source_alias(i + 1);
		Oid			of = source_relid(source, link->of);
		char	   *to = get_attname(link->relid, link->to_attno, false);

		appendStringInfo(&sql, " LEFT JOIN %s AS %s"
						 " ON %s.%s OPERATOR(pg_catalog.=) ",
						 relation_name(link->relid), alias, alias,
						 quote_identifier(to));
		to = get_attname(of, link->of_attno, false);
		appendStringInfo(&sql, "%s.%s", source_alias(link->of),
						 quote_identifier(to));
	}
	if (condition != NULL || filter != NULL)
		appendStringInfo(&sql, " WHERE %s%s",
						 condition == NULL ? "" : condition,
						 condition != NULL && filter != NULL ? " AND " : "");
	if (filter != NULL)
		appendStringInfo(&sql, "(%s)", filter);
	return sql.data;
}

char *
source_key_sql(const Source *source)
{
	char	   *key = get_attname(source_relid(source, source->key_link),
								  source->key_attno, false);

	return psprintf("%s.%s", source_alias(source->key_link),
					quote_identifier(key));
}

char *
source_time_sql(const Source *source)
{
	char	   *time = get_attname(source_relid(source, source->at_link),
								   source->at_attno, false);

	return psprintf("%s.%s", source_alias(source->at_link),
					quote_identifier(time));
}

void
source_lock(const Source *source, LOCKMODE mode)
{
	ListCell   *lc;

	foreach(lc, source_relations(source))
		(void) source_tree(lfirst_oid(lc), mode);
}

bool
source_is_readable(const Source *source, Oid role)
{
	bool		readable = true;
	ListCell   *lc;

	foreach(lc, source_relations(source))
		readable &= pg_class_aclcheck(lfirst_oid(lc), role,
									  ACL_SELECT) == ACLCHECK_OK;
	return readable;
}

bool
source_shows_all_rows(const Source *source, Oid role)
{
	bool		shown = source_is_readable(source, role);
	ListCell   *lc;

	foreach(lc, source_relations(source))
		shown = shown &&
			check_enable_rls(lfirst_oid(lc), role, true) != RLS_ENABLED;
	return shown;
}

SourceScan *
source_scan_begin(Relation table, Oid top)
{
	SourceScan *scan = palloc0(sizeof(SourceScan));

	if (!RELKIND_HAS_TABLE_AM(table->rd_rel->relkind))
		return scan;
	source_table_describe(&scan->table, table, top);
	scan->above = source_table_slot(&scan->table);
	scan->row = table_slot_create(table, NULL);
	scan->snapshot = RegisterSnapshot(GetLatestSnapshot());
	scan->scan = table_beginscan(table, scan->snapshot, 0, NULL);
	return scan;
}

TupleTableSlot *
source_scan_next(SourceScan *scan)
{
	CHECK_FOR_INTERRUPTS();
	if (scan->scan == NULL ||
		!table_scan_getnextslot(scan->scan, ForwardScanDirection, scan->row))
		return NULL;
	return source_table_row(&scan->table, scan->row, scan->above);
}

void
source_scan_end(SourceScan *scan)
{
	if (scan->scan != NULL)
	{
		table_endscan(scan->scan);
		UnregisterSnapshot(scan->snapshot);
		ExecDropSingleTupleTableSlot(scan->row);
	}
	if (scan->above != NULL)
		ExecDropSingleTupleTableSlot(scan->above);
	pfree(scan);
}
