/*-------------------------------------------------------------------------
 *
 * capture_triggers.c
 *	  Which triggers report what happens to the rows of a source?
 *
 * Five, which attach_source() makes on its table:
 *
 *		segment_profile_before		BEFORE any statement: counts in
 *		segment_profile_insert		AFTER INSERT: its rows; counts out
 *		segment_profile_update		AFTER UPDATE: likewise
 *		segment_profile_delete		AFTER DELETE: likewise
 *		segment_profile_truncate	AFTER TRUNCATE: counts out
 *
 * flow/capture.c says what the counting is for.  A table that is several
 * sources of a population has one set of triggers for all of them.  Their
 * argument names the population.  So a trigger is found by its argument,
 * whatever name the owner of the table has given it since.
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

static void execute(const char *sql);
static char *trigger_name(const Population *population, Relation relation,
						  const char *what);
static List *find_triggers(Relation relation, const Population *population);
static bool is_capture(const Trigger *trigger);

void
capture_triggers_create(const Population *population, Relation relation)
{
	char	   *table = relation_name(RelationGetRelid(relation));
	char	   *argument = quote_literal_cstr(population->name);
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

	if (find_triggers(relation, population) != NIL)
		return;
	execute(psprintf("CREATE TRIGGER %s BEFORE"
					 " INSERT OR UPDATE OR DELETE OR TRUNCATE ON %s"
					 " FOR EACH STATEMENT"
					 " EXECUTE FUNCTION segment.capture_before(%s)",
					 trigger_name(population, relation, "before"),
					 table, argument));
	for (int i = 0; i < lengthof(after); i++)
		execute(psprintf("CREATE TRIGGER %s AFTER %s ON %s %s"
						 " FOR EACH STATEMENT"
						 " EXECUTE FUNCTION segment.capture_after(%s)",
						 trigger_name(population, relation, after[i].what),
						 after[i].event, table, after[i].referencing,
						 argument));
}

void
capture_triggers_drop(const Population *population, Oid relid)
{
	Relation	relation = try_relation_open(relid, AccessShareLock);
	List	   *triggers;
	Actor		before;
	ListCell   *lc;

	if (relation == NULL)
		return;
	triggers = find_triggers(relation, population);
	relation_close(relation, AccessShareLock);

	/*
	 * Only the table's owner may drop a trigger, and the role that attached
	 * the table need not be the owner.
	 */
	before = act_as_owner(relid);
	foreach(lc, triggers)
	{
		const Trigger *trigger = lfirst(lc);

		execute(psprintf("DROP TRIGGER %s ON %s",
						 quote_identifier(trigger->tgname),
						 relation_name(relid)));
	}
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
	foreach(lc, find_triggers(relation, source->population))
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
 * created: segment_profile_insert.  The server cuts names that are too long,
 * and then those of two populations could meet; so the names are numbered from
 * the second on.
 */
static char *
trigger_name(const Population *population, Relation relation,
			 const char *what)
{
	Oid			relid = RelationGetRelid(relation);
	char	   *name = makeObjectName("segment", population->name, what);

	for (int i = 2; OidIsValid(get_trigger_oid(relid, name, true)); i++)
		name = makeObjectName("segment", population->name,
							  psprintf("%d_%s", i, what));
	return pstrdup(quote_identifier(name));
}

/*
 * find_triggers() finds the capture triggers of a population on a table:
 * copies (Trigger *) in the current context.
 */
static List *
find_triggers(Relation relation, const Population *population)
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
			strcmp(trigger->tgargs[0], population->name) == 0)
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

	return trigger->tgnargs == 1 && function != NULL &&
		get_func_namespace(trigger->tgfoid) ==
		get_namespace_oid(SEGMENT_SCHEMA, false) &&
		(strcmp(function, "capture_before") == 0 ||
		 strcmp(function, "capture_after") == 0);
}
