/*-------------------------------------------------------------------------
 *
 * append.c
 *	  How do the transitions of profiles get into the table of the feed?
 *
 *		seq 41		Ada		entered vip			a portion of rows, by the table
 *		seq 42		Ben		left vip			API: one record of the WAL for
 *		...										a page of them
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
	FEED_COLUMNS
};

static const Oid feed_types[FEED_COLUMNS] = {
	NAMEOID, INT8OID, NAMEOID, TEXTOID, TEXTOID, TIMESTAMPTZOID,
	TIMESTAMPTZOID, TEXTOID, INT8OID, BYTEAOID
};

static bool is_as_made(Relation relation);
static void append_rows(Relation relation, const FeedRows *rows);
static void fill_slot(TupleTableSlot *slot, const FeedRows *rows, int row);
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
	ResultRelInfo *result = writer_open(relation, false, &estate);
	TupleTableSlot *slots[PORTION];
	int			nslots = Min(PORTION, rows->count);

	for (int i = 0; i < nslots; i++)
	{
		slots[i] = MakeSingleTupleTableSlot(desc, &TTSOpsVirtual);
		slots[i]->tts_tableOid = RelationGetRelid(relation);
	}
	for (int from = 0; from < rows->count; from += nslots)
	{
		int			count = Min(nslots, rows->count - from);

		CHECK_FOR_INTERRUPTS();
		for (int i = 0; i < count; i++)
		{
			fill_slot(slots[i], rows, from + i);
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

/* fill_slot() fills in the row of that number, from 0 on. */
static void
fill_slot(TupleTableSlot *slot, const FeedRows *rows, int row)
{
	Datum	   *values = slot->tts_values;

	ExecClearTuple(slot);
	memset(slot->tts_isnull, false, sizeof(bool) * FEED_COLUMNS);
	values[FEED_POPULATION] = rows->population;
	values[FEED_SEQ] = Int64GetDatum(rows->last + row + 1);
	values[FEED_AUDIENCE] = rows->audience[row];
	values[FEED_KEY] = rows->key[row];
	values[FEED_CHANGE] = rows->change[row];
	values[FEED_AT] = rows->at[row];
	values[FEED_RECORDED_AT] = TimestampTzGetDatum(rows->now);
	values[FEED_CAUSE] = rows->cause[row];
	slot->tts_isnull[FEED_PROFILES] = slot->tts_isnull[FEED_MEMBERS] = true;
	ExecStoreVirtualTuple(slot);
}

/* append_by_statement() writes them by one INSERT. */
static void
append_by_statement(FeedRows *rows)
{
	int			count = rows->count;
	Datum		values[] = {
		rows->population,
		Int64GetDatum(rows->last),
		array_datum(rows->audience, count, NAMEOID),
		array_datum(rows->key, count, TEXTOID),
		array_datum(rows->change, count, TEXTOID),
		array_datum(rows->at, count, TIMESTAMPTZOID),
		array_datum(rows->cause, count, TEXTOID),
		TimestampTzGetDatum(rows->now),
	};

	catalog_execute("INSERT INTO segment.feed"
					" (population, seq, audience, key, change, at,"
					" recorded_at, cause)"
					" SELECT $1, $2 + n, audience, key, change, at, $8, cause"
					" FROM unnest($3, $4, $5, $6, $7) WITH ORDINALITY"
					" AS t (audience, key, change, at, cause, n)",
					8, (Oid[]) {NAMEOID, INT8OID, NAMEARRAYOID, TEXTARRAYOID,
								TEXTARRAYOID, TIMESTAMPTZARRAYOID,
								TEXTARRAYOID, TIMESTAMPTZOID},
					values, NULL);
}
