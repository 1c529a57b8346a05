/*-------------------------------------------------------------------------
 *
 * catalog.c
 *	  Reading and writing the extension's own tables.
 *
 * The tables that hold definitions belong to the role that created the
 * extension, and no other role may write them.  A user who defines a trait is
 * checked by our own rules (ownership of the population), and then the row is
 * written as the tables' owner, the way a foreign key is checked:
 *
 *		create_trait()  ->  may this user?  ->  catalog_execute("INSERT ...")
 *
 * There is no SECURITY DEFINER function: the switch lasts for one statement
 * whose text is a constant in this library.
 *
 * The owner of these tables need not be a superuser, and owners can change
 * their tables.  So what is read is checked for being a table, and a value for
 * being of the type it is taken for.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/relscan.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/tablecmds.h"
#include "nodes/makefuncs.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "base/base.h"
#include "base/base_private.h"

static Relation catalog_open(const char *table, int names);
static void begin_rows(CatalogScan *scan);
static void begin_heap(CatalogScan *scan, const char *population);
static bool next_changed(CatalogScan *scan);
static Datum column_value(CatalogScan *scan, AttrNumber attno, bool *isnull);
static Form_pg_attribute catalog_column(CatalogScan *scan, const char *column);
pg_noreturn static void wrong_type(CatalogScan *scan, Form_pg_attribute att,
								   const char *type);

/*
 * catalog_open() opens one of our tables for a scan by its first columns,
 * which are names; the scan itself would not notice that it is something else.
 */
static Relation
catalog_open(const char *table, int names)
{
	Relation	relation = relation_open(catalog_relation(table),
										 AccessShareLock);
	TupleDesc	desc = RelationGetDescr(relation);
	bool		ours = relation->rd_rel->relkind == RELKIND_RELATION &&
		relation->rd_rel->relam == HEAP_TABLE_AM_OID;

	for (int i = 0; ours && i < names; i++)
		ours = i < desc->natts && TupleDescAttr(desc, i)->atttypid == NAMEOID;
	if (!ours)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s.%s\" is not the table that extension \"segment\" made",
						SEGMENT_SCHEMA, table)));
	return relation;
}

void
catalog_begin(CatalogScan *scan, const char *table, const char *population)
{
	scan->relation = catalog_open(table, population != NULL ? 1 : 0);
	begin_rows(scan);
	begin_heap(scan, population);
}

void
catalog_begin_changed(CatalogScan *scan, const char *table,
					  const char *population, const Glance *before,
					  Glance *now)
{
	scan->relation = catalog_open(table, 1);
	begin_rows(scan);
	/* before the snapshot: see glance.c */
	glance_take(scan->relation, before, now);
	scan->glance = now;
	begin_heap(scan, population);
	if (!next_changed(scan))
		heap_setscanlimits(scan->scan->scan, 0, 0);
}

/* begin_heap() begins to go through the table from end to end. */
static void
begin_heap(CatalogScan *scan, const char *population)
{
	ScanKeyData key;

	if (population != NULL)
		ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_NAMEEQ,
					CStringGetDatum(population));
	/* no snapshot of ours: this takes the latest one */
	scan->scan = systable_beginscan(scan->relation, InvalidOid, false, NULL,
									population != NULL ? 1 : 0, &key);
}

void
catalog_begin_one(CatalogScan *scan, const char *table, const char *population,
				  const char *name)
{
	ScanKeyData keys[2];

	scan->relation = catalog_open(table, lengthof(keys));
	begin_rows(scan);
	ScanKeyInit(&keys[0], 1, BTEqualStrategyNumber, F_NAMEEQ,
				CStringGetDatum(population));
	ScanKeyInit(&keys[1], 2, BTEqualStrategyNumber, F_NAMEEQ,
				CStringGetDatum(name));
	scan->scan = systable_beginscan(scan->relation,
									RelationGetPrimaryKeyIndex(scan->relation,
															   false),
									true, NULL, 2, keys);
}

/*
 * next_changed() limits a scan that has not begun to the next blocks that have
 * changed; false if there are none.
 */
static bool
next_changed(CatalogScan *scan)
{
	const Glance *glance = scan->glance;
	BlockNumber first = scan->block;

	while (first < glance->count && !glance_changed(glance, first))
		first++;
	scan->block = first;
	while (scan->block < glance->count && glance_changed(glance, scan->block))
		scan->block++;
	if (scan->block == first)
		return false;
	heap_setscanlimits(scan->scan->scan, first, scan->block - first);
	return true;
}

bool
catalog_next(CatalogScan *scan)
{
	scan->deformed = false;
	scan->row = systable_getnext(scan->scan);
	while (!HeapTupleIsValid(scan->row) && scan->glance != NULL)
	{
		table_rescan(scan->scan->scan, NULL);
		if (!next_changed(scan))
			break;
		scan->row = systable_getnext(scan->scan);
	}
	return HeapTupleIsValid(scan->row);
}

/* begin_rows() prepares for the rows of a scan whose relation is open. */
static void
begin_rows(CatalogScan *scan)
{
	int			natts = RelationGetDescr(scan->relation)->natts;

	scan->row = NULL;
	scan->values = palloc(sizeof(Datum) * natts);
	scan->isnull = palloc(sizeof(bool) * natts);
	scan->deformed = false;
	scan->column = 0;
	scan->glance = NULL;
	scan->block = 0;
}

/* column_value() returns what the current row has in a column. */
static Datum
column_value(CatalogScan *scan, AttrNumber attno, bool *isnull)
{
	if (!scan->deformed)
		heap_deform_tuple(scan->row, RelationGetDescr(scan->relation),
						  scan->values, scan->isnull);
	scan->deformed = true;
	*isnull = scan->isnull[attno - 1];
	return scan->values[attno - 1];
}

RowVersion
catalog_version(const CatalogScan *scan)
{
	RowVersion	version;

	memset(&version, 0, sizeof(version));
	version.tid = scan->row->t_self;
	version.xmin = HeapTupleHeaderGetRawXmin(scan->row->t_data);
	return version;
}

Datum
catalog_get(CatalogScan *scan, const char *column, Oid type, bool *isnull)
{
	Form_pg_attribute att = catalog_column(scan, column);

	if (att->atttypid != type)
		wrong_type(scan, att, format_type_be(type));
	return column_value(scan, att->attnum, isnull);
}

Oid
catalog_get_oid(CatalogScan *scan, const char *column, Oid type)
{
	bool		isnull;
	Datum		value = catalog_get(scan, column, type, &isnull);

	return isnull ? InvalidOid : DatumGetObjectId(value);
}

char *
catalog_get_text(CatalogScan *scan, const char *column)
{
	char	   *text = catalog_get_optional(scan, column);

	if (text == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("column \"%s\" of table \"%s.%s\" holds a null value",
						column, SEGMENT_SCHEMA,
						RelationGetRelationName(scan->relation))));
	return text;
}

char *
catalog_get_optional(CatalogScan *scan, const char *column)
{
	Form_pg_attribute att = catalog_column(scan, column);
	bool		isnull;
	Datum		value = column_value(scan, att->attnum, &isnull);

	if (att->atttypid != NAMEOID && att->atttypid != TEXTOID)
		wrong_type(scan, att, "name or text");
	if (isnull)
		return NULL;
	return att->atttypid == NAMEOID ? pstrdup(NameStr(*DatumGetName(value))) :
		TextDatumGetCString(value);
}

/*
 * catalog_column() returns a column of the scanned table, or raises an error.
 * The search begins behind the last column that was asked for: most callers
 * ask in the order of the table.
 */
static Form_pg_attribute
catalog_column(CatalogScan *scan, const char *column)
{
	TupleDesc	desc = RelationGetDescr(scan->relation);

	for (int i = 0, number = scan->column; i < desc->natts; i++, number++)
	{
		Form_pg_attribute att;

		if (number >= desc->natts)
			number = 0;
		att = TupleDescAttr(desc, number);
		if (att->attisdropped || strcmp(NameStr(att->attname), column) != 0)
			continue;
		scan->column = number + 1;
		return att;
	}
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("table \"%s.%s\" has no column \"%s\"", SEGMENT_SCHEMA,
					RelationGetRelationName(scan->relation), column)));
}

static void
wrong_type(CatalogScan *scan, Form_pg_attribute att, const char *type)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("column \"%s\" of table \"%s.%s\" is of type %s, not %s",
					NameStr(att->attname), SEGMENT_SCHEMA,
					RelationGetRelationName(scan->relation),
					format_type_be(att->atttypid), type)));
}

void
catalog_end(CatalogScan *scan)
{
	systable_endscan(scan->scan);
	relation_close(scan->relation, AccessShareLock);
	pfree(scan->values);
	pfree(scan->isnull);
}

Datum
name_datum(const char *name)
{
	return DirectFunctionCall1(namein, CStringGetDatum(name));
}

Datum
text_datum(const char *text)
{
	return text == NULL ? (Datum) 0 : CStringGetTextDatum(text);
}

Datum
array_datum(const Datum *values, int count, Oid type)
{
	int16		length;
	bool		by_value;
	char		align;

	get_typlenbyvalalign(type, &length, &by_value, &align);
	return PointerGetDatum(construct_array(unconstify(Datum *, values), count,
										   type, length, by_value, align));
}

Const *
name_const(const char *name)
{
	return makeConst(NAMEOID, -1, C_COLLATION_OID, NAMEDATALEN,
					 name_datum(name), false, false);
}

/*
 * execute() runs a statement by SPI, 'read_only' under the active snapshot;
 * returns the SPI code.
 */
static int
execute(const char *sql, int nargs, const Oid *types,
		const Datum *values, const bool *isnull, bool read_only)
{
	char	   *nulls = NULL;
	int			result;

	if (isnull != NULL)
	{
		nulls = palloc(nargs);
		for (int i = 0; i < nargs; i++)
			nulls[i] = isnull[i] ? 'n' : ' ';
	}

	result = SPI_execute_with_args(sql, nargs, unconstify(Oid *, types),
								   unconstify(Datum *, values), nulls,
								   read_only, 0);
	if (result < 0)
		elog(ERROR, "could not execute \"%s\": %s",
			 sql, SPI_result_code_string(result));
	return result;
}

int
catalog_execute(const char *sql, int nargs, const Oid *types,
				const Datum *values, const bool *isnull)
{
	Actor		before = act_as_owner(catalog_relation("population"));
	int			result;

	protected_write_begin();
	result = execute(sql, nargs, types, values, isnull, false);
	protected_write_end();
	act_as_before(before);
	return result;
}

void
catalog_select(const char *sql, int nargs, const Oid *types,
			   const Datum *values)
{
	Actor		before = act_as_owner(catalog_relation("population"));

	(void) execute(sql, nargs, types, values, NULL, true);
	act_as_before(before);
}

void
catalog_hand_over(Oid relid, Oid role)
{
	/* 'recursing', as REASSIGN OWNED: rights were checked in another way */
	ATExecChangeOwner(relid, role, true, AccessExclusiveLock);
	CommandCounterIncrement();
}

int
catalog_execute_as_user(const char *sql, int nargs, const Oid *types,
						const Datum *values, const bool *isnull)
{
	int			level = settings_pin();
	int			result = execute(sql, nargs, types, values, isnull,
								 false);

	AtEOXact_GUC(true, level);
	return result;
}
