/*-------------------------------------------------------------------------
 *
 * row.c
 *	  Find, lock, create and write one profile's row.
 *
 * This is the hot path: every event of every source ends here.  So it goes
 * through the table API, not through SQL:
 *
 *		profile_lock(42)	index scan (find.c), then table_tuple_lock
 *		profile_edit()		a copy of the row, to be changed in place
 *		profile_update()	the same row, new version, HOT if there is room
 *
 * and when profile 42 is new,
 *
 *		profile_edit_new(42)
 *		profile_insert()	as INSERT ... ON CONFLICT DO NOTHING does it
 *
 * Where only time has passed, lock_due.c locks one due profile after another.
 *
 * Which version is locked.  READ COMMITTED looks with the latest snapshot and
 * follows the row to its last version, so concurrent events of one profile
 * queue on the row lock and none is lost.  In the other levels we look with
 * the transaction's snapshot and must not follow: a row that was changed
 * since is the standard serialization failure.  (The function that logical
 * replication uses for this purpose always locks under the latest snapshot;
 * a REPEATABLE READ transaction would then see two versions of one key.)
 *
 * What the table API does not do: a row may be written once per command, so
 * the caller increments the command counter between batches.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_trigger.h"
#include "commands/sequence.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "executor/nodeModifyTable.h"
#include "miscadmin.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "base/base.h"
#include "profile/table.h"

static TupleTableSlot *edit(ProfileTable *table, const Datum *values,
							const bool *isnull);
static void update_row(ProfileTable *table, TupleTableSlot *row);
static bool row_is_there(ProfileTable *table, ItemPointer tid);
static void fire_before_insert(ProfileTable *table);
static bool insert_row(ProfileTable *table);

TupleTableSlot *
profile_lock(ProfileTable *table, Datum key)
{
	if (table->left)
	{
		table->left = false;
		slot_getallattrs(table->found);
		if (profile_key_compare(table->population,
								profile_key(table->population, table->found),
								key) == 0)
			return table->found;
		table_new_snapshot(table);
	}
	for (;;)
	{
		TM_FailureData failure;
		MemoryContext old;
		bool		found;

		CHECK_FOR_INTERRUPTS();

		/* the scan keeps what it allocates on the way: dead entries it met */
		old = MemoryContextSwitchTo(table->context);
		found = find_row(table, key);
		MemoryContextSwitchTo(old);
		if (!found)
			return NULL;

		switch (table_tuple_lock(table->relation, &table->found->tts_tid,
								 table->snapshot, table->found,
								 GetCurrentCommandId(false),
								 LockTupleNoKeyExclusive, LockWaitBlock,
								 IsolationUsesXactSnapshot() ? 0 :
								 TUPLE_LOCK_FLAG_FIND_LAST_VERSION,
								 &failure))
		{
			case TM_Ok:
				slot_getallattrs(table->found);
				return table->found;

			case TM_Updated:
			case TM_Deleted:
				if (IsolationUsesXactSnapshot())
					could_not_serialize();

				/* gone since our snapshot: there may be a new one by now */
				table_new_snapshot(table);
				break;

			case TM_SelfModified:
				elog(ERROR, "profile is written twice in one command");
				break;

			default:
				elog(ERROR, "could not lock the row of a profile");
		}
	}
}

void
profile_check_absent(const ProfileTable *table, Datum key)
{
	if (IsolationUsesXactSnapshot() && find_latest(table, key))
		could_not_serialize();
}

Snapshot
profile_snapshot(const ProfileTable *table)
{
	return table->snapshot;
}

/* ---- the row to be written ---- */

TupleTableSlot *
profile_edit(ProfileTable *table)
{
	return edit(table, table->found->tts_values, table->found->tts_isnull);
}

TupleTableSlot *
profile_edit_new(ProfileTable *table, Datum key)
{
	AttrNumber	attno = table->store->key;
	TupleTableSlot *row;
	Datum	   *values;
	bool	   *isnull;

	table_initial_values(table, &values, &isnull);
	row = edit(table, values, isnull);
	row->tts_values[attno - 1] = key;
	row->tts_isnull[attno - 1] = false;
	return row;
}

/*
 * edit() makes 'edited' a row with these values.  Columns of dropped traits
 * are NULL in it, so that what such a trait has left in a row goes when the
 * row is written.
 */
static TupleTableSlot *
edit(ProfileTable *table, const Datum *values, const bool *isnull)
{
	TupleTableSlot *row = table->edited;
	int			natts = RelationGetDescr(table->relation)->natts;

	ExecClearTuple(row);
	memcpy(row->tts_values, values, sizeof(Datum) * natts);
	memcpy(row->tts_isnull, isnull, sizeof(bool) * natts);
	for (int i = 0; i < table->nunused; i++)
		row->tts_isnull[table->unused[i]] = true;
	ExecStoreVirtualTuple(row);
	row->tts_tableOid = RelationGetRelid(table->relation);
	return row;
}

TupleTableSlot *
profile_edited(ProfileTable *table)
{
	return table->edited;
}

void
profile_renew_snapshot(ProfileTable *table)
{
	table_new_snapshot(table);
}

void
profile_update(ProfileTable *table)
{
	update_row(table, table->found);
}

void
profile_write_wake_at(ProfileTable *table, TupleTableSlot *row,
					  TimestampTz wake_at)
{
	slot_getallattrs(row);
	edit(table, row->tts_values, row->tts_isnull);
	profile_set_wake_at(table->population, table->edited, wake_at);
	update_row(table, row);
}

/* update_row() writes a new version of a row, as it is in 'edited'. */
static void
update_row(ProfileTable *table, TupleTableSlot *row)
{
	triggers_note_row(table, TRIGGER_TYPE_UPDATE);
	writer_update(table->result, table->estate, table->recheck, row,
				  table->edited);
	/* where a BEFORE trigger returned NULL, the slot was given no position */
	if (!ItemPointerIsValid(&table->edited->tts_tid))
		triggers_refused(table, TRIGGER_TYPE_UPDATE);
	triggers_check_row(table, TRIGGER_TYPE_UPDATE);
	ResetPerTupleExprContext(table->estate);
}

void
profile_delete(ProfileTable *table)
{
	ExecSimpleRelationDelete(table->result, table->estate, table->recheck,
							 table->found);
	if (table->result->ri_TrigDesc != NULL &&
		table->result->ri_TrigDesc->trig_delete_before_row &&
		row_is_there(table, &table->found->tts_tid))
		triggers_refused(table, TRIGGER_TYPE_DELETE);
}

/* Does our own transaction still see that version of a row? */
static bool
row_is_there(ProfileTable *table, ItemPointer tid)
{
	TupleTableSlot *slot = table_slot_create(table->relation, NULL);
	bool		found = table_tuple_fetch_row_version(table->relation, tid,
													  SnapshotSelf, slot);

	ExecDropSingleTupleTableSlot(slot);
	return found;
}

/* ---- a new row ---- */

bool
profile_insert(ProfileTable *table)
{
	TupleConstr *constraints = table->relation->rd_att->constr;
	AttrNumber	ord = table->store->ord;
	ListCell   *lc;
	bool		inserted;

	writer_index(table->result, table->estate, true);
	foreach(lc, table->each)
	{
		const EachDefault *each = lfirst(lc);

		table->edited->tts_values[each->attno - 1] =
			ExecEvalExpr(each->value, GetPerTupleExprContext(table->estate),
						 &table->edited->tts_isnull[each->attno - 1]);
	}
	table->edited->tts_values[ord - 1] =
		Int64GetDatum(nextval_internal(table->ord_sequence, false));
	table->edited->tts_isnull[ord - 1] = false;
	if (table->result->ri_TrigDesc != NULL &&
		table->result->ri_TrigDesc->trig_insert_before_row)
		fire_before_insert(table);
	if (constraints != NULL && constraints->has_generated_stored)
		ExecComputeStoredGenerated(table->result, table->estate,
								   table->edited, CMD_INSERT);
	if (constraints != NULL)
		ExecConstraints(table->result, table->edited, table->estate);

	inserted = insert_row(table);
	ResetPerTupleExprContext(table->estate);
	if (!inserted)
	{
		if (IsolationUsesXactSnapshot())
			could_not_serialize();
		table_new_snapshot(table);
	}
	return inserted;
}

/* fire_before_insert() fires the BEFORE triggers of 'edited'. */
static void
fire_before_insert(ProfileTable *table)
{
	triggers_note_row(table, TRIGGER_TYPE_INSERT);
	if (!ExecBRInsertTriggers(table->estate, table->result, table->edited))
		triggers_refused(table, TRIGGER_TYPE_INSERT);
	triggers_check_row(table, TRIGGER_TYPE_INSERT);
	/* what a trigger has filled in lies in the tuple's memory */
	ExecMaterializeSlot(table->edited);
}

/*
 * insert_row() writes 'edited' as a new row, and queues its AFTER triggers.
 * Returns false if another transaction has committed a row of this key.
 */
static bool
insert_row(ProfileTable *table)
{
	List	   *recheck;
	bool		inserted = writer_insert_first(table->result, table->estate,
											   table->edited,
											   RelationGetRelid(table->index),
											   &recheck);

	if (inserted)
		ExecARInsertTriggers(table->estate, table->result, table->edited,
							 recheck, NULL);
	list_free(recheck);
	return inserted;
}
