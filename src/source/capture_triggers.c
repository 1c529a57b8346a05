/*-------------------------------------------------------------------------
 *
 * capture_triggers.c
 *	  Which triggers report what happens to the rows of a source?
 *
 * Five, which attach_source() makes on its table:
 *
 *		segment_profile_orders_before		BEFORE any statement: counts in
 *		segment_profile_orders_insert		AFTER INSERT: its rows; counts out
 *		segment_profile_orders_update		AFTER UPDATE: likewise
 *		segment_profile_orders_delete		AFTER DELETE: likewise
 *		segment_profile_orders_truncate		AFTER TRUNCATE: counts out
 *
 * flow/capture.c says what the counting is for.  A trigger's arguments name
 * its population and source.  So a trigger is found by its arguments, whatever
 * name the owner of the table has given it since.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_trigger.h"
#include "commands/defrem.h"
#include "commands/trigger.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "base/base.h"
#include "source/source_private.h"

/* A trigger that is not enabled as it was made. */
typedef struct TriggerState
{
	int16		type;			/* events, and whether before or after */
	char		enabled;
} TriggerState;

static void execute(const char *sql);
static char *trigger_name(const Population *population, Relation relation,
						  const char *source, const char *what);
static List *changed_states(List *triggers);
static void restore_states(const Source *source, const char *name,
						   List *states);
static const char *enable_clause(char enabled);
static List *find_triggers(Relation relation, const Population *population,
						   const char *source);
static bool is_capture(const Trigger *trigger);

void
capture_triggers_create(const Population *population, Relation relation,
						const char *name)
{
	char	   *table = relation_name(RelationGetRelid(relation));
	char	   *arguments = psprintf("(%s, %s)",
									 quote_literal_cstr(population->name),
									 quote_literal_cstr(name));
	const struct
	{
		const char *what;
		const char *event;
		const char *referencing;	/* the rows that it is handed */
	}			after[] = {
		{"insert", "INSERT", "REFERENCING NEW TABLE AS came"},
		{"update", "UPDATE", "REFERENCING OLD TABLE AS went"
		" NEW TABLE AS came"},
		{"delete", "DELETE", "REFERENCING OLD TABLE AS went"},
		{"truncate", "TRUNCATE", ""},
	};

	execute(psprintf("CREATE TRIGGER %s BEFORE"
					 " INSERT OR UPDATE OR DELETE OR TRUNCATE ON %s"
					 " FOR EACH STATEMENT"
					 " EXECUTE FUNCTION segment.capture_before%s",
					 trigger_name(population, relation, name, "before"),
					 table, arguments));
	for (int i = 0; i < lengthof(after); i++)
		execute(psprintf("CREATE TRIGGER %s AFTER %s ON %s %s"
						 " FOR EACH STATEMENT"
						 " EXECUTE FUNCTION segment.capture_after%s",
						 trigger_name(population, relation, name,
									  after[i].what),
						 after[i].event, table, after[i].referencing,
						 arguments));
}

void
capture_triggers_drop(const Source *source)
{
	Relation	relation = try_relation_open(source->relid, AccessShareLock);
	List	   *triggers;
	Actor		before;
	ListCell   *lc;

	if (relation == NULL)
		return;
	triggers = find_triggers(relation, source->population, source->name);
	relation_close(relation, AccessShareLock);

	/*
	 * Only the table's owner may drop a trigger, and the role that attached
	 * the table need not be the owner.
	 */
	before = act_as_owner(source->relid);
	foreach(lc, triggers)
	{
		const Trigger *trigger = lfirst(lc);

		execute(psprintf("DROP TRIGGER %s ON %s",
						 quote_identifier(trigger->tgname),
						 source_table_name(source)));
	}
	act_as_before(before);
}

void
capture_triggers_rename(const Source *source, const char *new_name)
{
	Relation	relation = try_relation_open(source->relid,
											 ShareRowExclusiveLock);
	List	   *states;
	Actor		before;

	if (relation == NULL)
		return;
	states = changed_states(find_triggers(relation, source->population,
										  source->name));
	capture_triggers_drop(source);
	/* the role that attached the table may have lost the TRIGGER right */
	before = act_as_owner(source->relid);
	capture_triggers_create(source->population, relation, new_name);
	relation_close(relation, NoLock);
	CommandCounterIncrement();
	restore_states(source, new_name, states);
	act_as_before(before);
}

bool
source_is_captured(const Source *source)
{
	Relation	relation;
	int			events = 0;
	bool		before = false;
	ListCell   *lc;

	if (source->missing != NULL)
		return false;
	relation = try_relation_open(source->relid, AccessShareLock);
	if (relation == NULL)
		return false;
	foreach(lc, find_triggers(relation, source->population, source->name))
	{
		const Trigger *trigger = lfirst(lc);

		if (trigger->tgenabled == TRIGGER_DISABLED)
			continue;
		if (TRIGGER_FOR_BEFORE(trigger->tgtype))
			before = true;
		else
			events |= trigger->tgtype & TRIGGER_TYPE_EVENT_MASK;
	}
	relation_close(relation, AccessShareLock);
	return before && events == TRIGGER_TYPE_EVENT_MASK;
}

/* execute() executes a statement as the current user. */
static void
execute(const char *sql)
{
	catalog_execute_as_user(sql, 0, NULL, NULL, NULL);
}

/*
 * trigger_name() makes the quoted name of a trigger that is about to be
 * created: segment_profile_orders_insert.  The server cuts names that are too
 * long, and then those of two sources of one table could meet; so the names
 * are numbered from the second on.
 */
static char *
trigger_name(const Population *population, Relation relation,
			 const char *source, const char *what)
{
	const char *prefix = psprintf("segment_%s", population->name);
	Oid			relid = RelationGetRelid(relation);
	char	   *name = makeObjectName(prefix, source, what);

	for (int i = 2; OidIsValid(get_trigger_oid(relid, name, true)); i++)
		name = makeObjectName(prefix, source, psprintf("%d_%s", i, what));
	return pstrdup(quote_identifier(name));
}

/*
 * changed_states() lists those of some triggers that are not enabled as they
 * were made (TriggerState *).
 */
static List *
changed_states(List *triggers)
{
	List	   *states = NIL;
	ListCell   *lc;

	foreach(lc, triggers)
	{
		const Trigger *trigger = lfirst(lc);
		TriggerState *state;

		if (trigger->tgenabled == TRIGGER_FIRES_ON_ORIGIN)
			continue;
		state = palloc(sizeof(TriggerState));
		state->type = trigger->tgtype;
		state->enabled = trigger->tgenabled;
		states = lappend(states, state);
	}
	return states;
}

/*
 * restore_states() enables or disables the triggers of a source that is called
 * 'name' now, as changed_states() found those of its former name.
 */
static void
restore_states(const Source *source, const char *name, List *states)
{
	Relation	relation = relation_open(source->relid, NoLock);
	List	   *triggers = find_triggers(relation, source->population, name);
	ListCell   *lc;
	ListCell   *of_state;

	relation_close(relation, NoLock);
	foreach(lc, triggers)
	{
		const Trigger *trigger = lfirst(lc);

		foreach(of_state, states)
		{
			const TriggerState *state = lfirst(of_state);

			if (state->type == trigger->tgtype)
				execute(psprintf("ALTER TABLE %s %s TRIGGER %s",
								 source_table_name(source),
								 enable_clause(state->enabled),
								 quote_identifier(trigger->tgname)));
		}
	}
}

static const char *
enable_clause(char enabled)
{
	return enabled == TRIGGER_DISABLED ? "DISABLE" :
		enabled == TRIGGER_FIRES_ALWAYS ? "ENABLE ALWAYS" : "ENABLE REPLICA";
}

/*
 * find_triggers() finds the capture triggers of a source on its table: copies
 * (Trigger *) in the current context.
 */
static List *
find_triggers(Relation relation, const Population *population,
			  const char *source)
{
	/*
	 * is_capture() reads the catalogs, and meanwhile the server may throw away
	 * what it knows of the relation.
	 */
	TriggerDesc *copy = CopyTriggerDesc(relation->trigdesc);
	List	   *triggers = NIL;

	for (int i = 0; copy != NULL && i < copy->numtriggers; i++)
	{
		Trigger    *trigger = &copy->triggers[i];

		if (is_capture(trigger) &&
			strcmp(trigger->tgargs[0], population->name) == 0 &&
			strcmp(trigger->tgargs[1], source) == 0)
			triggers = lappend(triggers, trigger);
	}
	return triggers;
}

/*
 * is_capture() says whether attach_source() made the trigger.  Its name does
 * not tell: a user may call a trigger segment_something, too.
 */
static bool
is_capture(const Trigger *trigger)
{
	const char *function = get_func_name(trigger->tgfoid);

	return trigger->tgnargs == 2 && function != NULL &&
		get_func_namespace(trigger->tgfoid) ==
		get_namespace_oid(SEGMENT_SCHEMA, false) &&
		(strcmp(function, "capture_before") == 0 ||
		 strcmp(function, "capture_after") == 0);
}
