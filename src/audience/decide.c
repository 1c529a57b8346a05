/*-------------------------------------------------------------------------
 *
 * decide.c
 *	  Who is a member, of the whole population?
 *
 *		create_audience		nobody was, now those for whom the filter holds are
 *		alter_audience		those of the old filter, those of the new one
 *		attach, rebuild		the same filters, but the profiles have changed
 *
 * The base table is read once, however many audiences are asked about; each
 * row is put to each filter.  What comes out replaces what was stored, and
 * every difference is told to the caller, with the key that the row has.
 *
 * This is also how it is verified: the same scan, and nothing is replaced.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "audience/audience_private.h"
#include "base/base.h"

/* What is found out about one audience. */
typedef struct Decision
{
	const Audience *audience;
	ExprState  *filter;			/* NULL: nobody is a member */
	MemberSet  *before;			/* NULL: they were not stored */
	MemberSet  *after;
	int64		met;			/* profiles that were members */
	bool		damaged;		/* what was stored cannot be read */
} Decision;

static List *decisions(const Population *population, List *names,
					   Snapshot snapshot);
static Decision *decision(const Population *population, const Audience *audience,
						  bool empty, Snapshot snapshot);
static void scan_base(const Population *population, List *all,
					  Snapshot snapshot, AudienceChange *change,
					  AudienceSink sink, void *context);
void
audience_decide(const Population *population, List *names, TimestampTz at,
				const char *cause, AudienceSink sink, void *context)
{
	MemoryContext memory;
	MemoryContext old;
	Snapshot	snapshot;
	AudienceChange change = {.at = at, .cause = cause};
	List	   *all;
	ListCell   *lc;

	if (!OidIsValid(audience_tables(population)->chunks))
		return;
	memory = AllocSetContextCreate(CurrentMemoryContext, "segment decision",
								   ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(memory);
	snapshot = RegisterSnapshot(GetLatestSnapshot());
	all = decisions(population, names, snapshot);
	scan_base(population, all, snapshot, &change, sink, context);
	UnregisterSnapshot(snapshot);
	foreach(lc, all)
	{
		Decision   *one = lfirst(lc);

		if (one->filter != NULL)
			storage_write(population, one->audience->number, one->after);
		else
			storage_forget(population, one->audience->number);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(memory);
}

void
audience_empty(const Population *population, const char *name, TimestampTz at,
			   AudienceSink sink, void *context)
{
	MemoryContext memory = AllocSetContextCreate(CurrentMemoryContext,
												 "segment decision",
												 ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(memory);
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	AudienceChange change = {.at = at, .cause = AUDIENCE_CAUSE_DROP};
	const Audience *audience = audience_by_name(population, name);

	if (audience->stored)
	{
		scan_base(population,
				  list_make1(decision(population, audience, true, snapshot)),
				  snapshot, &change, sink, context);
		storage_forget(population, audience->number);
	}
	UnregisterSnapshot(snapshot);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(memory);
}

void
audience_verify(const Population *population, AudienceSink differ, void *context)
{
	MemoryContext memory;
	MemoryContext old;
	Snapshot	snapshot;
	AudienceChange change = {0};
	List	   *all = NIL;
	ListCell   *lc;

	if (!audience_any_stored(population))
		return;
	memory = AllocSetContextCreate(CurrentMemoryContext, "segment decision",
								   ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(memory);
	snapshot = RegisterSnapshot(GetLatestSnapshot());
	foreach(lc, audience_list(population))
	{
		const Audience *audience = lfirst(lc);
		Decision   *one;

		if (!audience->stored)
			continue;
		one = decision(population, audience, false, snapshot);
		/* damage is an error, which says how it is mended */
		if (one->damaged)
			(void) storage_read(population, audience->number, snapshot, NULL);
		all = lappend(all, one);
	}
	scan_base(population, all, snapshot, &change, differ, context);

	/* members who are no profiles: the scan has not met them */
	foreach(lc, all)
	{
		Decision   *one = lfirst(lc);

		if (one->before == NULL)
			continue;
		change.audience = one->audience->name;
		change.key = NULL;
		change.entered = false;
		for (int64 i = members_count(one->before) - one->met; i > 0; i--)
			differ(&change, context);
	}
	UnregisterSnapshot(snapshot);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(memory);
}

static List *
decisions(const Population *population, List *names, Snapshot snapshot)
{
	List	   *all = NIL;
	ListCell   *lc;

	if (names == NIL)
		foreach(lc, audience_list(population))
			all = lappend(all, decision(population, lfirst(lc), false, snapshot));
	else
		foreach(lc, names)
			all = lappend(all, decision(population,
										audience_by_name(population, lfirst(lc)),
										false, snapshot));
	return all;
}

static Decision *
decision(const Population *population, const Audience *audience, bool empty,
		 Snapshot snapshot)
{
	Decision   *one = palloc0(sizeof(Decision));

	one->audience = audience;
	one->before = storage_read(population, audience->number, snapshot,
							   &one->damaged);
	one->after = members_create();
	if (audience->stored && !empty)
		one->filter = audience_ready(population, audience->filter,
									 CurrentMemoryContext);
	return one;
}

static void
scan_base(const Population *population, List *all, Snapshot snapshot,
		  AudienceChange *change, AudienceSink sink, void *context)
{
	Relation	relation;
	TupleTableSlot *row;
	TableScanDesc scan;
	ExprContext *econtext;
	Oid			output;
	bool		varlena;

	if (all == NIL)
		return;
	relation = table_open(population->base, AccessShareLock);
	row = table_slot_create(relation, NULL);
	scan = table_beginscan(relation, snapshot, 0, NULL);
	econtext = CreateStandaloneExprContext();
	econtext->ecxt_scantuple = row;
	getTypeOutputInfo(population->key_type, &output, &varlena);
	while (table_scan_getnextslot(scan, ForwardScanDirection, row))
	{
		bool		isnull;
		int64		ord = DatumGetInt64(slot_getattr(row, population->ord_attno, &isnull));
		bool		exists = DatumGetInt64(slot_getattr(row, population->rows_attno, &isnull)) > 0;
		Datum		key = slot_getattr(row, population->key_attno, &isnull);
		ListCell   *lc;

		CHECK_FOR_INTERRUPTS();
		change->key = NULL;
		foreach(lc, all)
		{
			Decision   *one = lfirst(lc);
			bool		was = one->before != NULL && members_contain(one->before, ord);
			bool		is;

			one->met += was;
			is = exists && one->filter != NULL && ExecQual(one->filter, econtext);
			if (is)
				members_add(one->after, ord);
			/* of what cannot be read nobody knows how it was */
			if (was == is || one->damaged)
				continue;
			if (change->key == NULL)
			{
				MemoryContext old = MemoryContextSwitchTo(econtext->ecxt_per_tuple_memory);

				change->key = OidOutputFunctionCall(output, key);
				MemoryContextSwitchTo(old);
			}
			change->audience = one->audience->name;
			change->entered = is;
			sink(change, context);
		}
		ResetExprContext(econtext);
	}
	table_endscan(scan);
	FreeExprContext(econtext, true);
	ExecDropSingleTupleTableSlot(row);
	table_close(relation, NoLock);
}
