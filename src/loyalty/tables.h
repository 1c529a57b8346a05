/*-------------------------------------------------------------------------
 *
 * tables.h
 *	  The rows of a program's tables, by the table API.
 *
 *		tables.c	the tables are opened, and rows found by indexes
 *		rows.c		rows are written
 *
 *-------------------------------------------------------------------------
 */
#ifndef SEGMENT_LOYALTY_TABLES_H
#define SEGMENT_LOYALTY_TABLES_H

#include "loyalty/loyalty_private.h"

/* The columns of the tables, in their order. */

enum
{
	MEMBER_KEY = 1,
	MEMBER_JOINED_AT,
	MEMBER_LEFT_AT,
	MEMBER_CODE,
	MEMBER_REFERRED_BY,
};

enum
{
	MOVEMENT_MOVEMENT = 1,
	MOVEMENT_KEY,
	MOVEMENT_KIND,
	MOVEMENT_POINTS,
	MOVEMENT_AT,
	MOVEMENT_MADE_AT,
	MOVEMENT_REF,
	MOVEMENT_TOKEN,
	MOVEMENT_REQUEST,
	MOVEMENT_REVERSES,
	MOVEMENT_BY,
	MOVEMENT_NOTE,
	MOVEMENT_RULE,
	MOVEMENT_VERSION,
};

enum
{
	LOT_LOT = 1,
	LOT_MOVEMENT,
	LOT_KEY,
	LOT_GRANTED,
	LOT_REMAINING,
	LOT_ACTIVE_AT,
	LOT_EXPIRES_AT,
	LOT_SPENT,
};

enum
{
	ENTRY_MOVEMENT = 1,
	ENTRY_ENTRY,
	ENTRY_LOT,
	ENTRY_KEY,
	ENTRY_POINTS,
	ENTRY_KIND,
	ENTRY_CONTRA,
	ENTRY_AT,
};

enum
{
	HOLD_MOVEMENT = 1,
	HOLD_KEY,
	HOLD_POINTS,
	HOLD_UNTIL,
	HOLD_STATE,
};

enum
{
	GRANTED_REF = 1,
	GRANTED_RULE,
	GRANTED_KEY,
	GRANTED_VERSION,
	GRANTED_RAW,
	GRANTED_POINTS,
	GRANTED_MOVEMENT,
	GRANTED_AT,
};

/* tables.c: rows are found ------------------------------------------------ */

/* By what rows are looked for. */
typedef enum LedgerPath
{
	MEMBER_BY_KEY,
	DEBTS_BY_KEY,				/* entries without a lot */
	ENTRIES_BY_MOVEMENT,		/* key, movement */
	OPEN_HOLDS_BY_KEY,
	LOT_BY_NUMBER,
	LOTS_BY_EXPIRY,				/* key, expires_at; what has some left */
	TOKEN,
	GRANTED_BY_REF,				/* ref, rule */
	MOVEMENTS_BY_REVERSED,
#define LEDGER_PATHS	(MOVEMENTS_BY_REVERSED + 1)
} LedgerPath;

/* A table that is open, until the ledger ends. */
typedef struct LedgerTable
{
	Relation	relation;
	const struct KeptTable *kept;
	Relation   *indexes;		/* each NULL until it is needed */
	ResultRelInfo *checked;		/* of a simple one, or NULL */
	ResultRelInfo *result;		/* of others, or NULL until one is written */
	EState	   *estate;
} LedgerTable;

/* tables_init() makes the cache of what is known of tables. */
extern void tables_init(void);

/*
 * ledger_table() opens a table of a ledger's program, to be read and written;
 * an error if a column is not there any more.
 */
extern LedgerTable *ledger_table(Ledger *ledger, ProgramTable which);

/*
 * program_table_open() opens a table for a statement: a table of a program
 * that was dropped, or is not as we have made it, is an error.
 */
extern Relation program_table_open(const Program *program, ProgramTable which,
								   LOCKMODE mode);

/*
 * table_is_plain() says whether nothing is to be done when a row is written
 * but what rows.c does: no trigger is there but ours, for example.
 * table_path() is the index of a path, InvalidOid if there is none.
 * table_number() is the next number of its identity column.
 */
extern bool table_is_plain(const LedgerTable *table);
extern Oid	table_path(const LedgerTable *table, LedgerPath path);
extern int64 table_number(const LedgerTable *table);

/*
 * table_writer() is what the executor needs to write rows of the table.
 *
 * That takes long to make, and is not needed for a row of a table which is
 * simple: plain, and its indexes have columns only and check at once.  Then
 * table_check_row() checks the constraints of a row, and table_index_row()
 * puts a row that was written into the indexes, whose columns an update mostly
 * leaves as they were; with the state of table_estate(), which all simple
 * tables share.
 */
extern ResultRelInfo *table_writer(Ledger *ledger, LedgerTable *table,
								   bool speculative);
extern bool table_is_simple(const LedgerTable *table);
extern EState *table_estate(const Ledger *ledger);
extern void table_check_row(Ledger *ledger, LedgerTable *table,
							TupleTableSlot *row);
extern void table_index_row(Ledger *ledger, LedgerTable *table,
							TupleTableSlot *row, bool is_update);

/*
 * ledger_seek() looks for rows whose first columns of a path have these
 * values; of LOTS_BY_EXPIRY the second is less than what is looked for.
 * ledger_next() is the next of them, all columns deformed, or NULL.  It is
 * good until the one after it, or until the ledger is written.
 *
 * Rows are those that were committed when the ledger was locked, or last
 * written.  They come in the order of the path, if there is an index for it,
 * which ledger_is_ordered() says.
 */
extern void ledger_seek(Ledger *ledger, LedgerPath path, Datum first,
						Datum second);
extern TupleTableSlot *ledger_next(Ledger *ledger, LedgerPath path);
extern bool ledger_is_ordered(Ledger *ledger, LedgerPath path);

/*
 * ledger_value() is the value of a column of a row; ledger_int64() that of one
 * whose type has eight bytes, 0 for NULL.
 */
static inline Datum
ledger_value(const TupleTableSlot *row, int column, bool *isnull)
{
	*isnull = row->tts_isnull[column - 1];
	return row->tts_values[column - 1];
}

/* See above. */
static inline int64
ledger_int64(const TupleTableSlot *row, int column)
{
	return row->tts_isnull[column - 1] ? 0 :
		DatumGetInt64(row->tts_values[column - 1]);
}

/* lot_known.c: lot_of_slot() is the lot in a row, as lot_of_row(). */
extern Lot *lot_of_slot(Account *account, const TupleTableSlot *row);

/*
 * ledger_forget() ends all that looks for rows: others are there now.
 * ledger_close() closes the tables.
 */
extern void ledger_forget(Ledger *ledger);
extern void ledger_close(Ledger *ledger);

/* rows.c: rows are written ------------------------------------------------ */

/* Rows of a table, of which some columns are given. */
typedef struct Rows
{
	ProgramTable table;
	int			count;
	int			ncolumns;
	Datum	   *values;			/* row by row */
	bool	   *isnull;
	bool	   *given;			/* by columns */
	ItemPointer *places;		/* by rows, or NULL: see rows_set_place() */
} Rows;

/*
 * rows_make() makes rows of a table, and rows_set() gives one of them the
 * value of a column.  A column that is given to one is given to all, NULL
 * where nothing was said; rows_set_null() says only that it is given.
 * rows_set_place() says where a row is that is changed, of which all columns
 * are given: it need not be looked for.
 */
extern Rows *rows_make(ProgramTable which, int count);
extern void rows_set(Rows *rows, int row, int column, Datum value);
extern void rows_set_null(Rows *rows, int column);
extern void rows_set_place(Rows *rows, int row, ItemPointer place);

/*
 * rows_insert() writes rows, false if one has a token that is used.
 * rows_update() changes the given columns of rows that are known by their
 * first 'nkeys' columns, which are those of a path.
 */
extern bool rows_insert(Ledger *ledger, const Rows *rows);
extern void rows_update(Ledger *ledger, const Rows *rows, LedgerPath path,
						int nkeys);

#endif							/* SEGMENT_LOYALTY_TABLES_H */
