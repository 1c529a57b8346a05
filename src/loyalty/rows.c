/*-------------------------------------------------------------------------
 *
 * rows.c
 *	  Rows of a program's tables are written.
 *
 *		rows = rows_make(ENTRY_TABLE, 2)
 *		rows_set(rows, 0, ENTRY_POINTS, 100) ...
 *		rows_insert(ledger, rows)
 *
 * By the table API: constraints are checked and indexes kept as the executor
 * does it, and entries are handed to the corridor, as they are rows of a
 * source.  Where the owner has put triggers, columns or constraints of their
 * own on a table, a statement writes it, which knows of all that; and as these
 * may run code that reads profiles, these are up to date then.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/tableam.h"
#include "access/xact.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "base/base.h"
#include "flow/flow.h"
#include "loyalty/tables.h"

/* So many rows are written at once. */
#define ROWS_AT_ONCE	128

static const int column_counts[PROGRAM_TABLES] = {
	[MEMBER_TABLE] = MEMBER_CODE,
	[MOVEMENT_TABLE] = MOVEMENT_VERSION,
	[LOT_TABLE] = LOT_SPENT,
	[ENTRY_TABLE] = ENTRY_AT,
	[HOLD_TABLE] = HOLD_STATE,
	[GRANTED_TABLE] = GRANTED_AT,
};

static bool insert_token(Ledger *ledger, LedgerTable *table,
						 TupleTableSlot *slot);
static void insert_simple(Ledger *ledger, LedgerTable *table,
						  TupleTableSlot **slots, int count);
static void insert_portion(Ledger *ledger, LedgerTable *table,
						   TupleTableSlot **slots, int count);
static void put_rows(const LedgerTable *table, EState *estate,
					 TupleTableSlot **slots, int count);
static void update_simple(Ledger *ledger, LedgerTable *table,
						  ItemPointer there, TupleTableSlot *row);
static void update_plain(Ledger *ledger, LedgerTable *table,
						 TupleTableSlot *there, TupleTableSlot *row);
static void fill_slot(TupleTableSlot *slot, const Rows *rows, int row);
static bool has_token(const Rows *rows);
pg_noreturn static void refuse_kept_back(const LedgerTable *table);
static bool insert_by_statement(const LedgerTable *table, const Rows *rows);
static void update_by_statement(const LedgerTable *table, const Rows *rows,
								int nkeys);
static uint64 execute(const char *sql, const LedgerTable *table,
					  const Rows *rows);
static char *column_list(const LedgerTable *table, const Rows *rows,
						 const char *prefix);
static Datum column_array(const Rows *rows, int column, Oid type);

Rows *
rows_make(ProgramTable which, int count)
{
	Rows	   *rows = palloc(sizeof(Rows));
	Size		cells;

	rows->table = which;
	rows->count = count;
	rows->ncolumns = column_counts[which];
	cells = (Size) count * rows->ncolumns;
	rows->values = palloc(sizeof(Datum) * Max(1, cells));
	rows->isnull = palloc(Max(1, cells));
	memset(rows->isnull, true, cells);
	rows->given = palloc0(rows->ncolumns);
	rows->places = NULL;
	return rows;
}

void
rows_set(Rows *rows, int row, int column, Datum value)
{
	int			cell = row * rows->ncolumns + column - 1;

	rows->values[cell] = value;
	rows->isnull[cell] = false;
	rows->given[column - 1] = true;
}

void
rows_set_null(Rows *rows, int column)
{
	rows->given[column - 1] = true;
}

void
rows_set_place(Rows *rows, int row, ItemPointer place)
{
	if (rows->places == NULL)
		rows->places = palloc0(sizeof(ItemPointer) * rows->count);
	rows->places[row] = place;
}

bool
rows_insert(Ledger *ledger, const Rows *rows)
{
	LedgerTable *table = ledger_table(ledger, rows->table);
	TupleDesc	desc = RelationGetDescr(table->relation);
	TupleTableSlot *slots[ROWS_AT_ONCE];
	int			space = Min(rows->count, ROWS_AT_ONCE);
	bool		inserted = true;
	FlowArrival *arrival;

	if (!table_is_plain(table))
		return insert_by_statement(table, rows);
	for (int i = 0; i < space; i++)
		slots[i] = MakeSingleTupleTableSlot(desc, &TTSOpsVirtual);
	arrival = rows->table == ENTRY_TABLE ?
		flow_arrival_begin(table->relation) : NULL;
	for (int from = 0; from < rows->count && inserted; from += space)
	{
		int			count = Min(space, rows->count - from);

		CHECK_FOR_INTERRUPTS();
		for (int i = 0; i < count; i++)
		{
			fill_slot(slots[i], rows, from + i);
			slots[i]->tts_tableOid = RelationGetRelid(table->relation);
		}
		if (has_token(rows) && count == 1)
			inserted = insert_token(ledger, table, slots[0]);
		else if (table_is_simple(table))
			insert_simple(ledger, table, slots, count);
		else
			insert_portion(ledger, table, slots, count);
		for (int i = 0; arrival != NULL && i < count; i++)
			flow_arrival_row(arrival, slots[i]);
	}
	CommandCounterIncrement();
	if (arrival != NULL)
		flow_arrival_end(arrival);
	for (int i = 0; i < space; i++)
		ExecDropSingleTupleTableSlot(slots[i]);
	return inserted;
}

/* insert_token() writes a movement, false if its token is used. */
static bool
insert_token(Ledger *ledger, LedgerTable *table, TupleTableSlot *slot)
{
	Oid			token = table_path(table, TOKEN);
	ResultRelInfo *result;
	List	   *recheck;

	if (!OidIsValid(token))
	{
		insert_portion(ledger, table, &slot, 1);
		return true;
	}
	result = table_writer(ledger, table, true);
	ExecConstraints(result, slot, table->estate);
	ResetPerTupleExprContext(table->estate);
	return writer_insert_first(result, table->estate, slot, token, &recheck);
}

/* insert_simple() writes some rows of a simple table. */
static void
insert_simple(Ledger *ledger, LedgerTable *table, TupleTableSlot **slots,
			  int count)
{
	for (int i = 0; i < count; i++)
		table_check_row(ledger, table, slots[i]);
	put_rows(table, table_estate(ledger), slots, count);
	for (int i = 0; i < count; i++)
		table_index_row(ledger, table, slots[i], false);
}

/* insert_portion() writes some rows of a table that is plain only. */
static void
insert_portion(Ledger *ledger, LedgerTable *table, TupleTableSlot **slots,
			   int count)
{
	ResultRelInfo *result = table_writer(ledger, table, false);

	for (int i = 0; i < count; i++)
	{
		ExecConstraints(result, slots[i], table->estate);
		ResetPerTupleExprContext(table->estate);
	}
	put_rows(table, table->estate, slots, count);
	for (int i = 0; i < count; i++)
	{
		(void) ExecInsertIndexTuples(result, slots[i], table->estate, false,
									 false, NULL, NIL, false);
		ResetPerTupleExprContext(table->estate);
	}
}

/*
 * put_rows() writes rows, without what is in indexes of them.  The server
 * leaves copies of rows that are written at once.
 */
static void
put_rows(const LedgerTable *table, EState *estate, TupleTableSlot **slots,
		 int count)
{
	CommandId	command = GetCurrentCommandId(true);
	MemoryContext old =
		MemoryContextSwitchTo(GetPerTupleMemoryContext(estate));

	if (count == 1)
		table_tuple_insert(table->relation, slots[0], command, 0, NULL);
	else
		table_multi_insert(table->relation, slots, count, command, 0, NULL);
	MemoryContextSwitchTo(old);
	ResetPerTupleExprContext(estate);
}

/* fill_slot() fills in the row of that number. */
static void
fill_slot(TupleTableSlot *slot, const Rows *rows, int row)
{
	Size		first = (Size) row * rows->ncolumns;

	ExecClearTuple(slot);
	memcpy(slot->tts_values, &rows->values[first],
		   sizeof(Datum) * rows->ncolumns);
	memcpy(slot->tts_isnull, &rows->isnull[first], rows->ncolumns);
	ExecStoreVirtualTuple(slot);
}

static bool
has_token(const Rows *rows)
{
	return rows->table == MOVEMENT_TABLE && rows->given[MOVEMENT_TOKEN - 1];
}

void
rows_update(Ledger *ledger, const Rows *rows, LedgerPath path, int nkeys)
{
	LedgerTable *table = ledger_table(ledger, rows->table);
	TupleTableSlot *row;

	if (!table_is_plain(table))
	{
		update_by_statement(table, rows, nkeys);
		return;
	}
	row = MakeSingleTupleTableSlot(RelationGetDescr(table->relation),
								   &TTSOpsVirtual);
	for (int i = 0; i < rows->count; i++)
	{
		Size		first = (Size) i * rows->ncolumns;
		TupleTableSlot *there;

		CHECK_FOR_INTERRUPTS();
		fill_slot(row, rows, i);
		if (rows->places != NULL && rows->places[i] != NULL &&
			table_is_simple(table))
		{
			update_simple(ledger, table, rows->places[i], row);
			continue;
		}
		ledger_seek(ledger, path, rows->values[first],
					nkeys > 1 ? rows->values[first + 1] : (Datum) 0);
		there = ledger_next(ledger, path);
		if (there == NULL)
			elog(ERROR, "a row of table \"%s\" is not there any more",
				 RelationGetRelationName(table->relation));
		for (int k = 0; k < rows->ncolumns; k++)
			if (!rows->given[k])
			{
				row->tts_values[k] = there->tts_values[k];
				row->tts_isnull[k] = there->tts_isnull[k];
			}
		if (table_is_simple(table))
			update_simple(ledger, table, &there->tts_tid, row);
		else
			update_plain(ledger, table, there, row);
	}
	ExecDropSingleTupleTableSlot(row);
	CommandCounterIncrement();
}

/* update_simple() writes a row of a simple table in place of another. */
static void
update_simple(Ledger *ledger, LedgerTable *table, ItemPointer there,
			  TupleTableSlot *row)
{
	EState	   *estate = table_estate(ledger);
	TU_UpdateIndexes indexes;
	MemoryContext old;

	row->tts_tableOid = RelationGetRelid(table->relation);
	table_check_row(ledger, table, row);
	old = MemoryContextSwitchTo(GetPerTupleMemoryContext(estate));
	simple_table_tuple_update(table->relation, there, row,
							  InvalidSnapshot, &indexes);
	MemoryContextSwitchTo(old);
	ResetPerTupleExprContext(estate);
	if (indexes != TU_None)
		table_index_row(ledger, table, row, true);
}

/* update_plain() is the same for a table that is plain only. */
static void
update_plain(Ledger *ledger, LedgerTable *table, TupleTableSlot *there,
			 TupleTableSlot *row)
{
	ResultRelInfo *result = table_writer(ledger, table, false);

	ExecSimpleRelationUpdate(result, table->estate, NULL, there, row);
	ResetPerTupleExprContext(table->estate);
}

/* ---- by statements ---- */

/* insert_by_statement() is rows_insert() for a table that is not plain. */
static bool
insert_by_statement(const LedgerTable *table, const Rows *rows)
{
	char	   *name = relation_name(RelationGetRelid(table->relation));
	char	   *columns = column_list(table, rows, "");
	char	   *sql = psprintf("INSERT INTO %s (%s) SELECT %s"
							   " FROM unnest(%s) WITH ORDINALITY"
							   " AS u (%s, \"row number\")"
							   " ORDER BY \"row number\"%s",
							   name, columns, columns,
							   column_list(table, rows, NULL), columns,
							   has_token(rows) ?
							   " ON CONFLICT (token)"
							   " WHERE token IS NOT NULL DO NOTHING" : "");

	if (execute(sql, table, rows) == rows->count)
		return true;
	if (!has_token(rows))
		refuse_kept_back(table);
	return false;
}

/* update_by_statement() is rows_update() for such a table. */
static void
update_by_statement(const LedgerTable *table, const Rows *rows, int nkeys)
{
	TupleDesc	desc = RelationGetDescr(table->relation);
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "UPDATE %s AS t SET (%s) = ROW(%s)"
					 " FROM unnest(%s) AS u (%s) WHERE true",
					 relation_name(RelationGetRelid(table->relation)),
					 column_list(table, rows, ""),
					 column_list(table, rows, "u."),
					 column_list(table, rows, NULL),
					 column_list(table, rows, ""));
	for (int i = 0; i < nkeys; i++)
	{
		const char *name =
			quote_identifier(NameStr(TupleDescAttr(desc, i)->attname));

		appendStringInfo(&sql, " AND t.%s OPERATOR(pg_catalog.=) u.%s", name,
						 name);
	}
	if (execute(sql.data, table, rows) < rows->count)
		refuse_kept_back(table);
}

/*
 * refuse_kept_back() raises the error of rows that were not written, though
 * nothing but a trigger of the owner's can be the reason.
 */
static void
refuse_kept_back(const LedgerTable *table)
{
	ereport(ERROR,
			(errcode(ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION),
			 errmsg("a trigger kept a row of table %s from being written",
					relation_name(RelationGetRelid(table->relation))),
			 errdetail("A program needs each row of its ledger."),
			 errhint("Return the row unchanged, or use an AFTER trigger.")));
}

/*
 * execute() runs a statement whose arguments are the given columns, as arrays;
 * returns how many rows it wrote.
 */
static uint64
execute(const char *sql, const LedgerTable *table, const Rows *rows)
{
	TupleDesc	desc = RelationGetDescr(table->relation);
	Oid		   *types = palloc(sizeof(Oid) * rows->ncolumns);
	Datum	   *values = palloc(sizeof(Datum) * rows->ncolumns);
	int			n = 0;
	int			level;
	int			result;

	for (int i = 0; i < rows->ncolumns; i++)
	{
		Oid			type = TupleDescAttr(desc, i)->atttypid;

		if (!rows->given[i])
			continue;
		types[n] = get_array_type(type);
		values[n++] = column_array(rows, i, type);
	}
	profile_close_left();
	flow_postpone_no_more();
	level = settings_pin();
	protected_write_begin();
	result = SPI_execute_with_args(sql, n, types, values, NULL, false, 0);
	protected_write_end();
	AtEOXact_GUC(false, level);
	if (result < 0)
		elog(ERROR, "could not execute \"%s\": %s", sql,
			 SPI_result_code_string(result));
	return SPI_processed;
}

/*
 * column_list() lists the given columns by their names, each behind 'prefix';
 * NULL: as arguments.
 */
static char *
column_list(const LedgerTable *table, const Rows *rows, const char *prefix)
{
	TupleDesc	desc = RelationGetDescr(table->relation);
	StringInfoData list;
	int			n = 0;

	initStringInfo(&list);
	for (int i = 0; i < rows->ncolumns; i++)
	{
		const char *name =
			quote_identifier(NameStr(TupleDescAttr(desc, i)->attname));

		if (!rows->given[i])
			continue;
		if (n++ > 0)
			appendStringInfoString(&list, ", ");
		if (prefix == NULL)
			appendStringInfo(&list, "$%d", n);
		else
			appendStringInfo(&list, "%s%s", prefix, name);
	}
	return list.data;
}

/* column_array() is a column of all rows, as an array. */
static Datum
column_array(const Rows *rows, int column, Oid type)
{
	Datum	   *values = palloc(sizeof(Datum) * rows->count);
	bool	   *isnull = palloc(rows->count);
	int			lower = 1;
	int			count = rows->count;
	int16		length;
	bool		by_value;
	char		align;

	for (int i = 0; i < rows->count; i++)
	{
		Size		cell = (Size) i * rows->ncolumns + column;

		values[i] = rows->values[cell];
		isnull[i] = rows->isnull[cell];
	}
	get_typlenbyvalalign(type, &length, &by_value, &align);
	return PointerGetDatum(construct_md_array(values, isnull, 1, &count,
											  &lower, type, length, by_value,
											  align));
}
