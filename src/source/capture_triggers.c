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
 * Logical replication fires no trigger of a statement.  A table whose rows
 * arrive by it (replicated => true) has three triggers, which fire ALWAYS:
 *
 *		segment_profile_before		BEFORE any statement: counts in
 *		segment_profile_row			AFTER any change of a row: the row
 *		segment_profile_after		AFTER any statement: counts out
 *
 * Each table of a source's tree has a set of its own (tree.c).
 *
 * flow/capture.c says what the counting is for.  A table that is several
 * sources of a population has one set of triggers for all of them.  Their
 * first argument names the population; a second one, CAPTURE_BY_ROW, says that
 * the set is of the second kind.  So a trigger is found by its arguments,
 * whatever name the owner of the table has given it since.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/relation.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_subscription_rel.h"
#include "catalog/pg_trigger.h"
#include "commands/defrem.h"
#include "commands/trigger.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "base/base.h"
#include "source/source_private.h"

static void create_on(const Population *population, Oid relid,
					  bool replicated);
static void drop_on(const Population *population, Oid relid);
static void create_by_statement(const Population *population, Oid relid);
static void create_by_row(const Population *population, Oid relid);
static void execute(const char *sql);
static char *trigger_name(const Population *population, Oid relid,
						  const char *what);
static void drop_triggers(Oid relid, List *triggers);
static List *all_triggers(Oid relid);
static List *find_triggers(const Population *population, Oid relid);
static bool is_captured(const Population *population, Oid relid);
static bool arrive_rows(Oid relid);
static bool is_subscribed(Oid relid);

void
capture_triggers_create(const Population *population, Oid relid,
						bool replicated)
{
	ListCell   *lc;

	foreach(lc, source_tree(relid, NoLock))
		create_on(population, lfirst_oid(lc), replicated);
}

/* create_on() makes the triggers of one table. */
static void
create_on(const Population *population, Oid relid, bool replicated)
{
	List	   *there = find_triggers(population, relid);

	if (there != NIL && (!replicated || capture_is_by_row(linitial(there))))
		return;
	if (there != NIL)
		drop_on(population, relid);
	if (replicated)
	{
		create_by_row(population, relid);
		return;
	}
	if (is_subscribed(relid))
		ereport(NOTICE,
				(errmsg("table \"%s\" is in a subscription",
						get_rel_name(relid)),
				 errdetail("Rows that arrive by logical replication are not counted."),
				 errhint("Attach it with replicated => true.")));
	create_by_statement(population, relid);
}

/* create_by_statement() makes the five triggers of an ordinary source. */
static void
create_by_statement(const Population *population, Oid relid)
{
	char	   *table = relation_name(relid);
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

	execute(psprintf("CREATE TRIGGER %s BEFORE"
					 " INSERT OR UPDATE OR DELETE OR TRUNCATE ON %s"
					 " FOR EACH STATEMENT"
					 " EXECUTE FUNCTION segment.capture_before(%s)",
					 trigger_name(population, relid, "before"),
					 table, argument));
	for (int i = 0; i < lengthof(after); i++)
		execute(psprintf("CREATE TRIGGER %s AFTER %s ON %s %s"
						 " FOR EACH STATEMENT"
						 " EXECUTE FUNCTION segment.capture_after(%s)",
						 trigger_name(population, relid, after[i].what),
						 after[i].event, table, after[i].referencing,
						 argument));
}

/* create_by_row() makes the three triggers of a replicated source. */
static void
create_by_row(const Population *population, Oid relid)
{
	char	   *table = relation_name(relid);
	bool		has_rows = RELKIND_HAS_TABLE_AM(get_rel_relkind(relid));
	const struct
	{
		const char *what;		/* also the name of the function */
		const char *events;
	}			triggers[] = {
		{"before", "BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON %s"
		" FOR EACH STATEMENT"},
		{"row", "AFTER INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW"},
		{"after", "AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON %s"
		" FOR EACH STATEMENT"},
	};

	for (int i = 0; i < lengthof(triggers); i++)
	{
		char	   *name = trigger_name(population, relid, triggers[i].what);

		/* a partitioned table has no rows itself */
		if (strcmp(triggers[i].what, "row") == 0 && !has_rows)
			continue;
		execute(psprintf("CREATE TRIGGER %s %s"
						 " EXECUTE FUNCTION segment.capture_%s(%s, %s)",
						 name, psprintf(triggers[i].events, table),
						 triggers[i].what,
						 quote_literal_cstr(population->name),
						 quote_literal_cstr(CAPTURE_BY_ROW)));
		execute(psprintf("ALTER TABLE %s ENABLE ALWAYS TRIGGER %s", table,
						 name));
	}
}

void
capture_triggers_drop(const Population *population, Oid relid)
{
	ListCell   *lc;

	foreach(lc, source_tree(relid, NoLock))
		drop_on(population, lfirst_oid(lc));
}

/* drop_on() drops the triggers of one table. */
static void
drop_on(const Population *population, Oid relid)
{
	drop_triggers(relid, find_triggers(population, relid));
}

/* drop_triggers() drops some triggers (Trigger *) of a table. */
static void
drop_triggers(Oid relid, List *triggers)
{
	Actor		before;
	ListCell   *lc;

	if (triggers == NIL)
		return;

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
capture_triggers_by_row(const Population *population, Oid relid)
{
	ListCell   *lc;

	foreach(lc, find_triggers(population, relid))
		if (capture_is_by_row(lfirst(lc)))
			return true;
	return false;
}

bool
source_is_captured(const Source *source)
{
	ListCell   *lc;

	if (source->missing != NULL)
		return false;
	foreach(lc, source_relations(source))
		if (source_parents(lfirst_oid(lc)) != NIL)
			return false;
	foreach(lc, source_tables(source))
		if (!is_captured(source->population, lfirst_oid(lc)))
			return false;
	return true;
}

bool
source_is_followed(Oid relid)
{
	return all_triggers(relid) != NIL;
}

List *
sources_followed(Oid relid)
{
	List	   *populations = NIL;
	List	   *sources = NIL;
	ListCell   *lc;
	ListCell   *one;

	foreach(lc, all_triggers(relid))
		populations = names_add(populations,
								((Trigger *) lfirst(lc))->tgargs[0]);
	foreach(lc, populations)
	{
		const Population *population = population_find(lfirst(lc));
		MemoryContext old = MemoryContextSwitchTo(TopTransactionContext);

		foreach(one, population == NULL ? NIL :
				sources_of_table(population, relid))
			sources = lappend(sources, source_copy(lfirst(one)));
		MemoryContextSwitchTo(old);
	}
	return sources;
}

void
source_follow(Oid top, Oid relid)
{
	List	   *triggers = all_triggers(top);
	List	   *tree = source_tree(relid, NoLock);
	ListCell   *lc;
	ListCell   *table;

	foreach(lc, triggers)
	{
		const Trigger *trigger = lfirst(lc);
		const Population *population = population_find(trigger->tgargs[0]);

		/* one of each set */
		if (population != NULL && TRIGGER_FOR_BEFORE(trigger->tgtype))
			foreach(table, tree)
				create_on(population, lfirst_oid(table),
						  capture_is_by_row(trigger));
	}
	CommandCounterIncrement();
}

void
source_unfollow(Oid relid)
{
	drop_triggers(relid, all_triggers(relid));
	CommandCounterIncrement();
}

/* is_captured() says so of one table. */
static bool
is_captured(const Population *population, Oid relid)
{
	int			events = 0;
	int			row_events = 0;
	bool		before = false;
	bool		by_row = false;
	ListCell   *lc;

	foreach(lc, find_triggers(population, relid))
	{
		const Trigger *trigger = lfirst(lc);

		by_row |= capture_is_by_row(trigger);
		if (trigger->tgenabled == TRIGGER_DISABLED ||
			(capture_is_by_row(trigger) &&
			 trigger->tgenabled != TRIGGER_FIRES_ALWAYS))
			continue;
		if (TRIGGER_FOR_BEFORE(trigger->tgtype))
			before = true;
		else if (TRIGGER_FOR_ROW(trigger->tgtype))
			row_events |= trigger->tgtype & TRIGGER_TYPE_EVENT_MASK;
		else
			events |= trigger->tgtype & TRIGGER_TYPE_EVENT_MASK;
	}
	if (by_row ?
		row_events == 0 && RELKIND_HAS_TABLE_AM(get_rel_relkind(relid)) :
		arrive_rows(relid))
		return false;
	return before && events == TRIGGER_TYPE_EVENT_MASK;
}

/*
 * execute() executes a statement of ours, which is not one of the user's that
 * the guard looks at, as the current user.
 */
static void
execute(const char *sql)
{
	protected_define_begin();
	catalog_execute_as_user(sql, 0, NULL, NULL, NULL);
	protected_write_end();
}

/*
 * trigger_name() makes the quoted name of a trigger that is about to be
 * created: segment_profile_insert.  The server cuts names that are too long,
 * and then those of two populations could meet; so the names are numbered from
 * the second on.
 */
static char *
trigger_name(const Population *population, Oid relid, const char *what)
{
	char	   *name = makeObjectName("segment", population->name, what);

	for (int i = 2; OidIsValid(get_trigger_oid(relid, name, true)); i++)
		name = makeObjectName("segment", population->name,
							  psprintf("%d_%s", i, what));
	return pstrdup(quote_identifier(name));
}

/* find_triggers() finds those of all_triggers() that are a population's. */
static List *
find_triggers(const Population *population, Oid relid)
{
	List	   *triggers = NIL;
	ListCell   *lc;

	foreach(lc, all_triggers(relid))
		if (strcmp(((Trigger *) lfirst(lc))->tgargs[0], population->name) == 0)
			triggers = lappend(triggers, lfirst(lc));
	return triggers;
}

/*
 * all_triggers() finds the capture triggers on a table, none if the table is
 * gone: copies (Trigger *) in the current context.
 */
static List *
all_triggers(Oid relid)
{
	Relation	relation = try_relation_open(relid, AccessShareLock);
	TriggerDesc *copy;
	List	   *triggers = NIL;

	if (relation == NULL)
		return NIL;

	/*
	 * trigger_is_capture() reads the catalogs, and meanwhile the server may
	 * throw away what it knows of the relation.
	 */
	copy = CopyTriggerDesc(relation->trigdesc);
	relation_close(relation, AccessShareLock);
	for (int i = 0; copy != NULL && i < copy->numtriggers; i++)
	{
		Trigger    *trigger = &copy->triggers[i];

		if (trigger_is_capture(trigger))
			triggers = lappend(triggers, trigger);
	}
	return triggers;
}

/* Its name does not tell: a user may call a trigger segment_something, too. */
bool
trigger_is_capture(const Trigger *trigger)
{
	const char *function = get_func_name(trigger->tgfoid);

	return (trigger->tgnargs == 1 || capture_is_by_row(trigger)) &&
		function != NULL &&
		get_func_namespace(trigger->tgfoid) ==
		get_namespace_oid(SEGMENT_SCHEMA, true) &&
		(strcmp(function, "capture_before") == 0 ||
		 strcmp(function, "capture_row") == 0 ||
		 strcmp(function, "capture_after") == 0);
}

/*
 * arrive_rows() says whether a subscription brings rows of a table, or of one
 * above it: these are written to the partition where they belong.
 */
static bool
arrive_rows(Oid relid)
{
	ListCell   *lc;

	if (is_subscribed(relid))
		return true;
	foreach(lc, source_parents(relid))
		if (arrive_rows(lfirst_oid(lc)))
			return true;
	return false;
}

/* is_subscribed() says whether a subscription brings rows of a table. */
static bool
is_subscribed(Oid relid)
{
	Relation	catalog = table_open(SubscriptionRelRelationId,
									 AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	bool		found;

	ScanKeyInit(&key, Anum_pg_subscription_rel_srrelid,
				BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(relid));
	scan = systable_beginscan(catalog, SubscriptionRelSrrelidSrsubidIndexId,
							  true, NULL, 1, &key);
	found = HeapTupleIsValid(systable_getnext(scan));
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
	return found;
}
