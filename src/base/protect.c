/*-------------------------------------------------------------------------
 *
 * protect.c
 *	  Who may write to the tables that this extension keeps?
 *
 * Only the extension.  Each of its tables has a trigger, BEFORE the statement,
 * that refuses what comes from elsewhere, also if it comes from the table's
 * owner or from a superuser:
 *
 *		UPDATE segment_data.profile SET s4 = 0		refused
 *		segment.rebuild()					protected_write_begin()
 *											UPDATE segment_data.profile ...
 *											protected_write_end()
 *
 * What writes by the table API (an event, a sweep, a fold) fires no trigger
 * of a statement, and needs none of this.
 *
 * A permit is for the statement that is executed next, not for what it
 * calls.  Of statements in a trigger of a user's the triggers are two levels
 * deeper than we are, and not one.  Of statements in a CHECK, a DEFAULT or an
 * index they are not; but the first statement that asks is the one that has
 * the permit, as its triggers fire before its rows are looked at.  What the
 * planner calls may ask earlier: then our own statement is refused, and all of
 * it is undone.
 *
 * A restore gets by.  In a full dump the triggers of population tables
 * come after the data, as all triggers do.  Those of our own tables are
 * members of the extension and there before the data, so they let the
 * table's owner INSERT and COPY.  segment.capture = off lets everything by.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_class.h"
#include "commands/extension.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/fmgrprotos.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "base/base.h"
#include "base/base_private.h"

SEGMENT_FUNCTION(segment_refuse_write);

typedef struct Permit
{
	SubTransactionId subid;		/* in which it was given */
	int			depth;			/* of triggers, at that time */
	bool		rows;			/* may rows be written? */

	/* of the statement that has it; NULL: none has asked */
	Snapshot	snapshot;
	CommandId	command;
} Permit;

static Permit *permits = NULL;	/* innermost last */
static int	npermits = 0;
static int	permits_space = 0;

static void give_permit(bool rows);
static bool take_permit(void);
static const char *what_it_does(TriggerEvent event);
static int	trigger_depth(void);
static void protect_xact(XactEvent event, void *arg);
static void protect_subxact(SubXactEvent event, SubTransactionId subid,
							SubTransactionId parent, void *arg);

void
protect_init(void)
{
	RegisterXactCallback(protect_xact, NULL);
	RegisterSubXactCallback(protect_subxact, NULL);
}

void
protected_write_begin(void)
{
	give_permit(true);
}

void
protected_define_begin(void)
{
	give_permit(false);
}

/* give_permit() gives one to the statement that is executed next. */
static void
give_permit(bool rows)
{
	if (npermits == permits_space)
	{
		int			space = Max(8, permits_space * 2);

		permits = permits == NULL ?
			MemoryContextAlloc(TopMemoryContext, sizeof(Permit) * space) :
			repalloc(permits, sizeof(Permit) * space);
		permits_space = space;
	}
	permits[npermits++] = (Permit) {
		.subid = GetCurrentSubTransactionId(),
		.depth = trigger_depth(),
		.rows = rows,
	};
}

void
protected_write_end(void)
{
	Assert(npermits > 0);
	npermits--;
}

bool
protected_write_is_permitted(void)
{
	return npermits > 0 && permits[npermits - 1].snapshot == NULL &&
		trigger_depth() == permits[npermits - 1].depth;
}

/*
 * take_permit() says whether the statement whose trigger asks may write rows.
 * A statement has the same snapshot from its beginning to its end, and those
 * within it have others.
 */
static bool
take_permit(void)
{
	Permit	   *permit = npermits > 0 ? &permits[npermits - 1] : NULL;
	Snapshot	snapshot = GetActiveSnapshot();

	if (permit == NULL || !permit->rows ||
		trigger_depth() != permit->depth + 1)
		return false;
	if (permit->snapshot == NULL)
	{
		permit->snapshot = snapshot;
		permit->command = snapshot->curcid;
	}
	return permit->snapshot == snapshot && permit->command == snapshot->curcid;
}

/*
 * BEFORE STATEMENT: refuse it, unless it is ours.
 *
 * The trigger's argument, where there is one, names the functions to use
 * instead: that is a table of the extension's own.  A second argument says
 * that it is one that functions keep for a population.
 */
Datum
segment_refuse_write(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	Relation	relation;
	bool		own;
	bool		kept;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("segment.refuse_write() can only be called as a trigger")));
	relation = trigger->tg_relation;
	own = trigger->tg_trigger->tgnargs == 1;
	kept = trigger->tg_trigger->tgnargs > 1;

	/* which one is the only population, sessions keep in mind */
	if (own && strcmp(RelationGetRelationName(relation), "population") == 0)
		CacheInvalidateRelcache(relation);
	if (!segment_capture || creating_extension || take_permit())
		return PointerGetDatum(NULL);
	if (own && TRIGGER_FIRED_BY_INSERT(trigger->tg_event) &&
		object_ownercheck(RelationRelationId, RelationGetRelid(relation),
						  GetUserId()))
		return PointerGetDatum(NULL);

	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("cannot %s table %s", what_it_does(trigger->tg_event),
					relation_name(RelationGetRelid(relation))),
			 kept ?
			 errdetail("Extension \"segment\" keeps a ledger there, which is only added to.") :
			 own ?
			 errdetail("Extension \"segment\" keeps its definitions and its feed there.") :
			 errdetail("Extension \"segment\" keeps there what it computes from the attached tables."),
			 own || kept ?
			 errhint("Use %s. To restore data, a superuser may SET segment.capture = off.",
					 trigger->tg_trigger->tgargs[0]) :
			 errhint("Change the rows of the attached tables. To restore data, a superuser may SET segment.capture = off.")));
}

/* what_it_does() returns the verb for an error: "insert into" ... */
static const char *
what_it_does(TriggerEvent event)
{
	return TRIGGER_FIRED_BY_INSERT(event) ? "insert into" :
		TRIGGER_FIRED_BY_UPDATE(event) ? "update" :
		TRIGGER_FIRED_BY_DELETE(event) ? "delete from" : "truncate";
}

/* How many triggers are being executed, one within the other? */
static int
trigger_depth(void)
{
	return DatumGetInt32(DirectFunctionCall1(pg_trigger_depth, (Datum) 0));
}

/* An error ends the permits that were given before it. */
static void
protect_xact(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_ABORT || event == XACT_EVENT_COMMIT ||
		event == XACT_EVENT_PREPARE)
		npermits = 0;
}

static void
protect_subxact(SubXactEvent event, SubTransactionId subid,
				SubTransactionId parent, void *arg)
{
	if (event == SUBXACT_EVENT_ABORT_SUB)
		while (npermits > 0 && is_within(permits[npermits - 1].subid, subid))
			npermits--;
}
