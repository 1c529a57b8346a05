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

static char *join_sql(const Source *source, int number);
static void append_where(StringInfo sql, const char *condition,
						 const char *filter);

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
	for (int number = 1; number <= source->nlinks; number++)
		appendStringInfo(&sql, " LEFT JOIN %s AS %s ON %s",
						 relation_name(source_relid(source, number)),
						 source_alias(number), join_sql(source, number));
	append_where(&sql, condition, filter);
	return sql.data;
}

char *
source_from_key_sql(const Source *source, const char *condition)
{
	char	   *filter = source_condition_sql(source, true);
	Bitmapset  *joined = bms_make_singleton(source->key_link);
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, " FROM %s AS %s",
					 relation_name(source_relid(source, source->key_link)),
					 source_alias(source->key_link));
	/* OFFSET 0 keeps the server from joining in another order */
	for (int number = source->key_link; number > 0;
		 number = source->links[number - 1].of)
	{
		int			of = source->links[number - 1].of;

		appendStringInfo(&sql, " CROSS JOIN LATERAL (SELECT * FROM %s AS"
						 " %s WHERE %s OFFSET 0) AS %s",
						 relation_name(source_relid(source, of)),
						 source_alias(of), join_sql(source, number),
						 source_alias(of));
		joined = bms_add_member(joined, of);
	}
	for (int number = 1; number <= source->nlinks; number++)
		if (!bms_is_member(number, joined))
			appendStringInfo(&sql, " LEFT JOIN LATERAL (SELECT * FROM %s"
							 " AS %s WHERE %s OFFSET 0) AS %s ON true",
							 relation_name(source_relid(source, number)),
							 source_alias(number), join_sql(source, number),
							 source_alias(number));
	append_where(&sql, condition, filter);
	return sql.data;
}

/* join_sql() is the condition that a row refers to one of a link. */
static char *
join_sql(const Source *source, int number)
{
	const SourceLink *link = &source->links[number - 1];
	StringInfoData sql;

	initStringInfo(&sql);
	for (int i = 0; i < link->npairs; i++)
	{
		const LinkPair *pair = &link->pairs[i];

		appendStringInfo(&sql, "%s%s.%s OPERATOR(pg_catalog.=) ",
						 i == 0 ? "" : " AND ", source_alias(number),
						 quote_identifier(pair->to_column));
		appendStringInfo(&sql, "%s.%s", source_alias(link->of),
						 quote_identifier(pair->of_column));
	}
	return sql.data;
}

/* append_where() appends WHERE with two conditions, each of them or NULL. */
static void
append_where(StringInfo sql, const char *condition, const char *filter)
{
	if (condition == NULL && filter == NULL)
		return;
	appendStringInfo(sql, " WHERE %s%s", condition == NULL ? "" : condition,
					 condition != NULL && filter != NULL ? " AND " : "");
	if (filter != NULL)
		appendStringInfo(sql, "(%s)", filter);
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

const Source *
source_hold(const Population *population, const char *name, Oid reader)
{
	const Source *source = source_by_name(population, name);

	if (source == NULL || source->missing != NULL ||
		(OidIsValid(reader) && !source_is_readable(source, reader)))
		return source;
	source_lock(source, AccessShareLock);
	return source_by_name(population, name);
}

void
sources_hold(const Population *population, Oid reader)
{
	ListCell   *lc;

	foreach(lc, source_names(population))
		(void) source_hold(population, lfirst(lc), reader);
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
