/*-------------------------------------------------------------------------
 *
 * row_triggers.c
 *	  What may the owner's triggers do to a row of the base table?
 *
 * The owner may hang triggers on the base table.  They may look at what is
 * written, and write what is the owner's; they may not change what is written,
 * because members, feed and view rely on it:
 *
 *		BEFORE UPDATE	new.s4 := 0		an error that names the trigger
 *		BEFORE UPDATE	RETURN NULL		the same
 *		BEFORE UPDATE	new.note := ''	a column that the owner has added
 *		AFTER UPDATE	INSERT INTO audit ...
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_trigger.h"
#include "executor/tuptable.h"
#include "utils/rel.h"

#include "base/base.h"
#include "profile/table.h"

static bool fires_before_row(const ProfileTable *table, int16 event);
pg_noreturn static void trigger_interfered(ProfileTable *table, int16 event,
										   const char *column);

void
triggers_at_once(ResultRelInfo *result)
{
	/* this is the result relation's own copy */
	for (int i = 0; result->ri_TrigDesc != NULL &&
		 i < result->ri_TrigDesc->numtriggers; i++)
	{
		result->ri_TrigDesc->triggers[i].tgdeferrable = false;
		result->ri_TrigDesc->triggers[i].tginitdeferred = false;
	}
}

void
triggers_note_row(ProfileTable *table, int16 event)
{
	int			natts = RelationGetDescr(table->relation)->natts;

	if (!fires_before_row(table, event))
		return;
	if (table->intended == NULL)
	{
		table->intended = MemoryContextAlloc(table->context,
											 sizeof(Datum) * natts);
		table->intended_isnull = MemoryContextAlloc(table->context,
													sizeof(bool) * natts);
	}
	memcpy(table->intended, table->edited->tts_values, sizeof(Datum) * natts);
	memcpy(table->intended_isnull, table->edited->tts_isnull,
		   sizeof(bool) * natts);
}

void
triggers_check_row(ProfileTable *table, int16 event)
{
	const TupleTableSlot *row = table->edited;
	TupleDesc	desc = RelationGetDescr(table->relation);

	if (!fires_before_row(table, event))
		return;
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);
		const char *name = NameStr(att->attname);
		bool		isnull = table->intended_isnull[i];

		if (att->attisdropped ||
			!(i + 1 == table->store->key || column_is_reserved(name)))
			continue;
		if (row->tts_isnull[i] != isnull ||
			(!isnull && !same_image(row->tts_values[i], table->intended[i],
									att->attbyval, att->attlen)))
			trigger_interfered(table, event, name);
	}
}

/* Does the base table have BEFORE ROW triggers for the event? */
static bool
fires_before_row(const ProfileTable *table, int16 event)
{
	const TriggerDesc *triggers = table->result->ri_TrigDesc;

	return triggers != NULL &&
		(event == TRIGGER_TYPE_UPDATE ? triggers->trig_update_before_row :
		 triggers->trig_insert_before_row);
}

void
triggers_refused(ProfileTable *table, int16 event)
{
	trigger_interfered(table, event, NULL);
}

/*
 * trigger_interfered() raises the error of a BEFORE trigger that has changed a
 * column of ours, or (NULL) kept the row from being written.  The server does
 * not say which trigger it was, so the error names all candidates.
 */
static void
trigger_interfered(ProfileTable *table, int16 event, const char *column)
{
	TriggerDesc *triggers = table->result->ri_TrigDesc;
	const char *base = relation_name(table->store->base);
	StringInfoData names;
	int			count = 0;

	initStringInfo(&names);
	for (int i = 0; i < triggers->numtriggers; i++)
	{
		const Trigger *trigger = &triggers->triggers[i];

		if (!TRIGGER_TYPE_MATCHES(trigger->tgtype, TRIGGER_TYPE_ROW,
								  TRIGGER_TYPE_BEFORE, event))
			continue;
		appendStringInfo(&names, "%s\"%s\"", count++ > 0 ? ", " : "",
						 trigger->tgname);
	}
	ereport(ERROR,
			(errcode(ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION),
			 column != NULL ?
			 errmsg("a trigger changed column \"%s\" of table %s", column,
					base) :
			 errmsg("a trigger kept a profile of table %s from being written",
					base),
			 errdetail_plural("Trigger %s fires before the row is written. What is kept of a profile is computed from its sources.",
							  "Triggers %s fire before the row is written. What is kept of a profile is computed from its sources.",
							  count, names.data),
			 errhint("Return the row unchanged, except for columns that you have added, or use an AFTER trigger.")));
}
