/*-------------------------------------------------------------------------
 *
 * append.c
 *	  How do the transitions of profiles get into the table of the feed?
 *
 *		seq 41		Ada		entered vip			a portion of rows, by the table
 *		seq 44		Ben		left vip,			API: one record of the WAL for
 *							entered new, big	a page of them
 *
 * To write a row takes longer than all else that a fold does for it.  So what
 * a profile enters and leaves at one instant is one row.
 *
 * A fold makes more of these rows than of anything else, and to write them by
 * a statement takes half as long again.  Where the owner of the table has put
 * triggers or columns of their own on it, a statement writes them, so that
 * nothing of the owner's is passed by; constraints and indexes are not, in
 * either way.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "access/tableam.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/rel.h"
#include "utils/reltrigger.h"

#include "base/base.h"
#include "feed/feed_private.h"

/* Rows that are written at a time. */
#define PORTION		100

/* The columns of the table, and their types. */
enum
{
	FEED_POPULATION,
	FEED_SEQ,
	FEED_AUDIENCE,
	FEED_KEY,
	FEED_CHANGE,
	FEED_AT,
	FEED_RECORDED_AT,
	FEED_CAUSE,
	FEED_PROFILES,
	FEED_MEMBERS,
	FEED_AUDIENCES,
	FEED_ENTERED,
	FEED_COLUMNS
};

static const Oid feed_types[FEED_COLUMNS] = {
	TEXTOID, INT8OID, TEXTOID, TEXTOID, TEXTOID, TIMESTAMPTZOID,
	TIMESTAMPTZOID, TEXTOID, INT8OID, BYTEAOID, TEXTARRAYOID, BOOLARRAYOID
};

static bool is_as_made(Relation relation);
static void append_rows(Relation relation, const FeedRows *rows);
static int	fill_slot(TupleTableSlot *slot, const FeedRows *rows, int row,
					  int first);
static void append_by_statement(FeedRows *rows);

void
feed_append(FeedRows *rows)
{
	Actor		before = act_as_owner(catalog_relation("population"));
	Relation	relation = table_open(catalog_relation("feed"),
									  RowExclusiveLock);
	bool		as_made = is_as_made(relation);

	if (as_made)
		append_rows(relation, rows);
	table_close(relation, NoLock);
	act_as_before(before);
	if (!as_made)
		append_by_statement(rows);
}

/*
 * is_as_made() tells whether nothing else is to be done when a row is written,
 * but for constraints and indexes.  Our own trigger refuses statements.
 */
static bool
is_as_made(Relation relation)
{
	TupleDesc	desc = RelationGetDescr(relation);

	if (relation->rd_rel->relkind != RELKIND_RELATION ||
		relation->rd_rel->relam != HEAP_TABLE_AM_OID ||
		relation->rd_rel->relispartition || relation->rd_rules != NULL ||
		relation->rd_rel->relforcerowsecurity ||
		relation->trigdesc == NULL || relation->trigdesc->numtriggers != 1 ||
		!relation->trigdesc->trig_insert_before_statement ||
		desc->natts != FEED_COLUMNS)
		return false;
	for (int i = 0; i < FEED_COLUMNS; i++)
	{
		Form_pg_attribute column = TupleDescAttr(desc, i);

		if (column->atttypid != feed_types[i] || column->atttypmod >= 0 ||
			column->attisdropped || column->atthasdef ||
			column->attidentity != '\0')
			return false;
	}
	return true;
}

/* append_rows() writes the rows as the executor does. */
static void
append_rows(Relation relation, const FeedRows *rows)
{
	TupleDesc	desc = RelationGetDescr(relation);
	EState	   *estate;
	ResultRelInfo *result = writer_open(relation, &estate);
	TupleTableSlot *slots[PORTION];
	int			nslots = Min(PORTION, rows->nrows);
	int			transition = 0;

	writer_index(result, estate, false);
	for (int i = 0; i < nslots; i++)
	{
		slots[i] = MakeSingleTupleTableSlot(desc, &TTSOpsVirtual);
		slots[i]->tts_tableOid = RelationGetRelid(relation);
	}
	for (int from = 0; from < rows->nrows; from += nslots)
	{
		int			count = Min(nslots, rows->nrows - from);

		CHECK_FOR_INTERRUPTS();
		for (int i = 0; i < count; i++)
		{
			transition = fill_slot(slots[i], rows, from + i, transition);
			ExecConstraints(result, slots[i], estate);
			ResetPerTupleExprContext(estate);
		}
		table_multi_insert(relation, slots, count, estate->es_output_cid, 0,
						   NULL);
		for (int i = 0; i < count; i++)
		{
			(void) ExecInsertIndexTuples(result, slots[i], estate, false,
										 false, NULL, NIL, false);
			ResetPerTupleExprContext(estate);
		}
	}
	writer_close(result, estate);
	for (int i = 0; i < nslots; i++)
		ExecDropSingleTupleTableSlot(slots[i]);
	CommandCounterIncrement();
}

/*
 * fill_slot() fills in the row of that number, from 0 on, whose first
 * transition is 'first'; returns the first one of the next row.
 */
static int
fill_slot(TupleTableSlot *slot, const FeedRows *rows, int row, int first)
{
	Datum	   *values = slot->tts_values;
	bool	   *isnull = slot->tts_isnull;
	int			count = rows->ntransitions[row];
	bool		several = (count > 1);

	ExecClearTuple(slot);
	memset(isnull, false, sizeof(bool) * FEED_COLUMNS);
	values[FEED_POPULATION] = rows->population;
	values[FEED_SEQ] = Int64GetDatum(rows->last + first + count);
	values[FEED_KEY] = rows->key[row];
	values[FEED_AT] = rows->at[row];
	values[FEED_RECORDED_AT] = TimestampTzGetDatum(rows->now);
	values[FEED_CAUSE] = rows->cause[row];
	if (several)
	{
		values[FEED_AUDIENCES] = array_datum(&rows->audience[first], count,
											 TEXTOID);
		values[FEED_ENTERED] = array_datum(&rows->entered[first], count,
										   BOOLOID);
	}
	else
	{
		values[FEED_AUDIENCE] = rows->audience[first];
		values[FEED_CHANGE] =
			CStringGetTextDatum(DatumGetBool(rows->entered[first]) ?
								"entered" : "left");
	}
	isnull[FEED_AUDIENCE] = isnull[FEED_CHANGE] = several;
	isnull[FEED_AUDIENCES] = isnull[FEED_ENTERED] = !several;
	isnull[FEED_PROFILES] = isnull[FEED_MEMBERS] = true;
	ExecStoreVirtualTuple(slot);
	return first + count;
}

/* append_by_statement() writes them by one INSERT. */
static void
append_by_statement(FeedRows *rows)
{
	int			nrows = rows->nrows;
	Datum	   *row_of = palloc(sizeof(Datum) * rows->count);
	int			n = 0;

	for (int row = 0; row < nrows; row++)
		for (int i = 0; i < rows->ntransitions[row]; i++)
			row_of[n++] = Int64GetDatum(row + 1);
	catalog_execute("INSERT INTO segment.feed"
					" (population, seq, audience, key, change, at,"
					" recorded_at, cause, audiences, entered)"
					" SELECT $1, $2 + t.last,"
					" CASE WHEN t.n = 1 THEN t.audiences[1] END, r.key,"
					" CASE WHEN t.n > 1 THEN NULL"
					" WHEN t.entered[1] THEN 'entered' ELSE 'left' END,"
					" r.at, $9, r.cause,"
					" CASE WHEN t.n > 1 THEN t.audiences END,"
					" CASE WHEN t.n > 1 THEN t.entered END"
					" FROM unnest($3, $4, $5) WITH ORDINALITY"
					" AS r (key, at, cause, row)"
					" JOIN (SELECT row, max(n) AS last, count(*) AS n,"
					" array_agg(audience ORDER BY n) AS audiences,"
					" array_agg(entered ORDER BY n) AS entered"
					" FROM unnest($6, $7, $8) WITH ORDINALITY"
					" AS c (audience, entered, row, n) GROUP BY row) AS t"
					" USING (row) ORDER BY row",
					9, (Oid[]) {TEXTOID, INT8OID, TEXTARRAYOID,
								TIMESTAMPTZARRAYOID, TEXTARRAYOID,
								TEXTARRAYOID, BOOLARRAYOID, INT8ARRAYOID,
								TIMESTAMPTZOID},
					(Datum[]) {rows->population, Int64GetDatum(rows->last),
							   array_datum(rows->key, nrows, TEXTOID),
							   array_datum(rows->at, nrows, TIMESTAMPTZOID),
							   array_datum(rows->cause, nrows, TEXTOID),
							   array_datum(rows->audience, n, TEXTOID),
							   array_datum(rows->entered, n, BOOLOID),
							   array_datum(row_of, n, INT8OID),
							   TimestampTzGetDatum(rows->now)},
					NULL);
}
