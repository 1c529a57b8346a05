/*-------------------------------------------------------------------------
 *
 * attach.c
 *	  May this table feed the population, and how does it from now on?
 *
 *		SELECT segment.attach_source('orders', key => 'customer_id',
 *									 at => 'ordered_at');
 *
 * What would make capture fail or drift later is refused here, while the
 * person who can mend it is looking.  Then five triggers are made:
 *
 *		BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE		counts in
 *		AFTER INSERT, AFTER UPDATE, AFTER DELETE			the rows, counts out
 *		AFTER TRUNCATE										counts out
 *
 * flow/capture.c says what the counting is for.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "access/xact.h"
#include "catalog/catalog.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/syscache.h"

#include "base/base.h"
#include "source/source.h"

static void check_relation(Relation relation, const Population *population);
static void check_readable(Oid relid, const Population *population);
static AttrNumber check_column(Relation relation, const char *column,
							   const char *purpose);
static void check_stored(Relation relation, Form_pg_attribute column,
						 const char *purpose);
static void check_key_type(const Population *population, Relation relation,
						   AttrNumber attno);
static void check_at_type(Relation relation, AttrNumber attno);
static void check_indexes(Relation relation, AttrNumber key, AttrNumber at);
static void create_triggers(const Population *population, Relation relation,
							const char *name);
static char *trigger_name(const Population *population, Relation relation,
						  const char *source, const char *what);
static void enable_as_before(const Source *source, const char *name,
							 List *states);
static bool is_capture(const Trigger *trigger);
static void drop_triggers(const Source *source);

const Source *
source_attach(const Population *population, Oid relid, const char *key,
			  const char *at, const char *name)
{
	Relation	relation;
	AttrNumber	key_attno;
	AttrNumber	at_attno = InvalidAttrNumber;

	/* rights were looked at before it was locked, and may be others by now */
	relation = try_relation_open(relid, ShareRowExclusiveLock);
	if (relation == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("the table to attach does not exist any more")));
	check_relation(relation, population);
	source_check_rights(population, relid);

	if (key == NULL)
		key = population->key;
	if (name == NULL)
		name = pstrdup(RelationGetRelationName(relation));
	if (name[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("a source needs a name")));
	if (source_by_name(population, name) != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("source \"%s\" is already attached to population \"%s\"",
						name, population->name),
				 errhint("To attach another table, give it another name with name => '...'.")));

	key_attno = check_column(relation, key, "key");
	check_key_type(population, relation, key_attno);
	if (at != NULL)
	{
		at_attno = check_column(relation, at, "time");
		check_at_type(relation, at_attno);
	}
	check_indexes(relation, key_attno, at_attno);

	catalog_execute("INSERT INTO segment.source (population, source, relation, key, at)"
					" VALUES ($1, $2, $3, $4, $5)",
					5,
					(Oid[]) {NAMEOID, NAMEOID, REGCLASSOID, NAMEOID, NAMEOID},
					(Datum[]) {name_datum(population->name),
							   name_datum(name),
							   ObjectIdGetDatum(relid),
							   name_datum(key),
							   at == NULL ? (Datum) 0 :
							   name_datum(at)},
					(bool[]) {false, false, false, false, at == NULL});
	create_triggers(population, relation, name);
	relation_close(relation, NoLock);

	CommandCounterIncrement();
	population_changed(population);
	return source_by_name(population, name);
}

void
source_check_name(const Population *population, const char *name)
{
	if (name[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("a source needs a name")));
	if (source_by_name(population, name) != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("source \"%s\" already exists in population \"%s\"",
						name, population->name)));
}

void
source_detach(const Source *source)
{
	drop_triggers(source);
	catalog_execute("DELETE FROM segment.source WHERE population = $1 AND source = $2",
					2, (Oid[]) {NAMEOID, NAMEOID},
					(Datum[]) {name_datum(source->population->name),
							   name_datum(source->name)},
					NULL);
	population_changed(source->population);
}

/* A trigger that is not enabled as it was made. */
typedef struct TriggerState
{
	int16		type;			/* events, and whether before or after */
	char		enabled;
} TriggerState;

void
source_rename(const Source *source, const char *new_name)
{
	const Population *population = source->population;
	Relation	relation = try_relation_open(source->relid, ShareRowExclusiveLock);
	List	   *states = NIL;
	Actor		before;
	ListCell   *lc;

	catalog_execute("UPDATE segment.source SET source = $3"
					" WHERE population = $1 AND source = $2",
					3, (Oid[]) {NAMEOID, NAMEOID, NAMEOID},
					(Datum[]) {name_datum(population->name),
							   name_datum(source->name), name_datum(new_name)},
					NULL);
	population_changed(population);
	if (relation == NULL)
		return;

	foreach(lc, source_triggers(relation, population->name, source->name))
	{
		const Trigger *trigger = lfirst(lc);

		if (trigger->tgenabled != TRIGGER_FIRES_ON_ORIGIN)
		{
			TriggerState *state = palloc(sizeof(TriggerState));

			state->type = trigger->tgtype;
			state->enabled = trigger->tgenabled;
			states = lappend(states, state);
		}
	}
	drop_triggers(source);
	/* who could attach the table may have lost the right since */
	before = act_as_owner(source->relid);
	create_triggers(population, relation, new_name);
	relation_close(relation, NoLock);
	CommandCounterIncrement();
	enable_as_before(source, new_name, states);
	act_as_before(before);
}

static void
enable_as_before(const Source *source, const char *name, List *states)
{
	Relation	relation = relation_open(source->relid, NoLock);
	List	   *statements = NIL;
	ListCell   *of_trigger;
	ListCell   *lc;

	foreach(of_trigger, source_triggers(relation, source->population->name, name))
	{
		const Trigger *trigger = lfirst(of_trigger);

		foreach(lc, states)
		{
			const TriggerState *state = lfirst(lc);

			if (state->type == trigger->tgtype)
				statements = lappend(statements,
									 psprintf("%s TRIGGER %s",
											  state->enabled == TRIGGER_DISABLED ? "DISABLE" :
											  state->enabled == TRIGGER_FIRES_ALWAYS ? "ENABLE ALWAYS" :
											  "ENABLE REPLICA",
											  quote_identifier(trigger->tgname)));
		}
	}
	relation_close(relation, NoLock);
	foreach(lc, statements)
		catalog_execute_as_user(psprintf("ALTER TABLE %s %s",
										 source_table_name(source),
										 (char *) lfirst(lc)),
								0, NULL, NULL, NULL);
}

static void
check_relation(Relation relation, const Population *population)
{
	const char *name = RelationGetRelationName(relation);
	const char *kind = NULL;
	const char *hint = "Attach the table that the rows are written to.";

	switch (relation->rd_rel->relkind)
	{
		case RELKIND_RELATION:
			break;
		case RELKIND_VIEW:
			kind = "a view";
			hint = "Attach the table that the view reads, and use where in a trait's definition.";
			break;
		case RELKIND_MATVIEW:
			kind = "a materialized view";
			break;
		case RELKIND_FOREIGN_TABLE:
			kind = "a foreign table";
			hint = "Rows that change elsewhere fire no trigger here: copy them into a table and attach that.";
			break;
		case RELKIND_PARTITIONED_TABLE:
			kind = "a partitioned table";
			hint = "Partitioned sources are not supported in this version.";
			break;
		default:
			kind = "not a table";
			break;
	}
	if (kind == NULL &&
		(relation->rd_rel->relispartition || has_superclass(RelationGetRelid(relation)) ||
		 find_inheritance_children(RelationGetRelid(relation), NoLock) != NIL))
	{
		kind = "part of an inheritance or partition tree";
		hint = "Statements on one table of a tree do not fire the triggers of the others; this version does not support such sources.";
	}
	if (kind == NULL && relation->rd_rel->relpersistence != RELPERSISTENCE_PERMANENT)
	{
		kind = relation->rd_rel->relpersistence == RELPERSISTENCE_TEMP ?
			"a temporary table" : "an unlogged table";
		hint = "Its rows can vanish without a trigger. Use an ordinary table.";
	}
	if (kind != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" cannot be a source: it is %s", name, kind),
				 errhint("%s", hint)));

	if (IsSystemRelation(relation) ||
		strcmp(get_namespace_name(RelationGetNamespace(relation)), SEGMENT_SCHEMA) == 0 ||
		strcmp(get_namespace_name(RelationGetNamespace(relation)), SEGMENT_DATA_SCHEMA) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" cannot be a source: it belongs to the system", name)));
}

void
source_check_rights(const Population *population, Oid relid)
{
	Oid			owner = relation_owner(population->oid);

	if (pg_class_aclcheck(relid, GetUserId(), ACL_TRIGGER) != ACLCHECK_OK)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to attach table \"%s\"",
						get_rel_name(relid)),
				 errdetail("Attaching creates triggers on it."),
				 errhint("Ask its owner to attach it, or for GRANT TRIGGER.")));

	/* retractions read the source again, as the population's owner */
	check_readable(relid, population);
	if (check_enable_rls(relid, owner, true) == RLS_ENABLED)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("row-level security hides rows of \"%s\" from the owner of population \"%s\"",
						get_rel_name(relid), population->name),
				 errdetail("Traits would be computed from the rows that role sees, not from all."),
				 errhint("Let a role own the population that owns the table or has BYPASSRLS.")));
}

static void
check_readable(Oid relid, const Population *population)
{
	Oid			owner = relation_owner(population->oid);

	if (pg_class_aclcheck(relid, owner, ACL_SELECT) != ACLCHECK_OK)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("the owner of population \"%s\" may not read table \"%s\"",
						population->name, get_rel_name(relid)),
				 errhint("GRANT SELECT ON %s TO %s;",
						 relation_name(relid),
						 quote_identifier(GetUserNameFromId(owner, false)))));
}

void
source_check_readable(const Source *source)
{
	source_check(source);
	check_readable(source->relid, source->population);
}

static AttrNumber
check_column(Relation relation, const char *column, const char *purpose)
{
	TupleDesc	desc = RelationGetDescr(relation);
	List	   *names = NIL;
	const char *nearest;

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (att->attisdropped)
			continue;
		if (strcmp(NameStr(att->attname), column) == 0)
		{
			check_stored(relation, att, purpose);
			return i + 1;
		}
		names = lappend(names, NameStr(att->attname));
	}
	nearest = nearest_name(column, names);
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("table \"%s\" has no column \"%s\"",
					RelationGetRelationName(relation), column),
			 errdetail("It was to be the %s of the source.", purpose),
			 nearest ? errhint("Perhaps you meant %s.", quote_literal_cstr(nearest)) : 0));
}

/* The server hands a trigger no value of a column that is not stored. */
static void
check_stored(Relation relation, Form_pg_attribute column, const char *purpose)
{
	if (column->attgenerated != ATTRIBUTE_GENERATED_VIRTUAL)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("column \"%s\" of \"%s\" is not stored and cannot be the %s of a source",
					NameStr(column->attname),
					RelationGetRelationName(relation), purpose),
			 errdetail("It is computed when it is read, and triggers see no value of it."),
			 errhint("Make it a STORED generated column.")));
}

static void
check_key_type(const Population *population, Relation relation, AttrNumber attno)
{
	Oid			type = TupleDescAttr(RelationGetDescr(relation), attno - 1)->atttypid;
	Oid			key = population->key_type;
	Oid			collation = TupleDescAttr(RelationGetDescr(relation), attno - 1)->attcollation;

	/* profiles are told apart by the bytes of their keys */
	if (OidIsValid(collation) && !get_collation_isdeterministic(collation))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("column \"%s\" of \"%s\" has a nondeterministic collation and cannot be a key",
						NameStr(TupleDescAttr(RelationGetDescr(relation), attno - 1)->attname),
						RelationGetRelationName(relation)),
				 errdetail("Keys that differ in any character belong to different profiles, and SQL would take some of them for equal."),
				 errhint("Attach by a column whose collation is deterministic, for example a generated one with lower(...).")));

	if (profile_key_accepts(population, type))
		return;

	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("column \"%s\" of \"%s\" is of type %s, but the key of population \"%s\" is of type %s",
					NameStr(TupleDescAttr(RelationGetDescr(relation), attno - 1)->attname),
					RelationGetRelationName(relation),
					format_type_be(type), population->name, format_type_be(key)),
			 errhint("Name a column of type %s, or attach the table to another population.",
					 format_type_be(key))));
}

static void
check_at_type(Relation relation, AttrNumber attno)
{
	Form_pg_attribute att = TupleDescAttr(RelationGetDescr(relation), attno - 1);

	if (!source_time_fits(att->atttypid))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of \"%s\" is of type %s and cannot be the time of an event",
						NameStr(att->attname), RelationGetRelationName(relation),
						format_type_be(att->atttypid)),
				 errhint("Use a column of type timestamp with time zone, timestamp or date.")));
}

/*
 * At most one attribute row per profile is what a unique index promises.  And
 * a retraction that reads one profile's events again should not read the
 * whole table.
 */
static void
check_indexes(Relation relation, AttrNumber key, AttrNumber at)
{
	List	   *indexes = RelationGetIndexList(relation);
	char	   *table = quote_qualified_identifier(get_namespace_name(RelationGetNamespace(relation)),
												   RelationGetRelationName(relation));
	const char *key_name = quote_identifier(NameStr(TupleDescAttr(RelationGetDescr(relation), key - 1)->attname));
	bool		unique = false;
	bool		leads = false;
	ListCell   *lc;

	foreach(lc, indexes)
	{
		Relation	index = relation_open(lfirst_oid(lc), AccessShareLock);
		Form_pg_index form = index->rd_index;

		if (form->indisvalid && form->indkey.values[0] == key &&
			heap_attisnull(index->rd_indextuple, Anum_pg_index_indpred, NULL))
		{
			leads = true;
			if (form->indisunique && form->indnkeyatts == 1 && form->indimmediate)
				unique = true;
		}
		relation_close(index, AccessShareLock);
	}

	if (at == InvalidAttrNumber && !unique)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TABLE_DEFINITION),
				 errmsg("table \"%s\" may hold several rows of one profile",
						RelationGetRelationName(relation)),
				 errdetail("An attribute source has at most one row per profile, and no unique index on \"%s\" says so.",
						   key_name),
				 errhint("For a table of events, name its time with at => '...'. Otherwise: CREATE UNIQUE INDEX ON %s (%s);",
						 table, key_name)));
	if (at != InvalidAttrNumber && !leads)
		ereport(NOTICE,
				(errmsg("table \"%s\" has no index on \"%s\"",
						RelationGetRelationName(relation), key_name),
				 errdetail("Updates and deletes may have to read the events of one profile again."),
				 errhint("CREATE INDEX ON %s (%s, %s);", table, key_name,
						 quote_identifier(NameStr(TupleDescAttr(RelationGetDescr(relation), at - 1)->attname)))));
}

static void
create_triggers(const Population *population, Relation relation, const char *name)
{
	char	   *table = quote_qualified_identifier(get_namespace_name(RelationGetNamespace(relation)),
												   RelationGetRelationName(relation));
	char	   *arguments = psprintf("(%s, %s)",
									 quote_literal_cstr(population->name),
									 quote_literal_cstr(name));
	const struct
	{
		const char *what;
		const char *event;
		const char *rows;
	}			after[] = {
		{"insert", "INSERT", "REFERENCING NEW TABLE AS came"},
		{"update", "UPDATE", "REFERENCING OLD TABLE AS went NEW TABLE AS came"},
		{"delete", "DELETE", "REFERENCING OLD TABLE AS went"},
		{"truncate", "TRUNCATE", ""},
	};

	catalog_execute_as_user(psprintf("CREATE TRIGGER %s BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON %s"
									 " FOR EACH STATEMENT EXECUTE FUNCTION segment.capture_before%s",
									 trigger_name(population, relation, name, "before"),
									 table, arguments),
							0, NULL, NULL, NULL);
	for (int i = 0; i < lengthof(after); i++)
		catalog_execute_as_user(psprintf("CREATE TRIGGER %s AFTER %s ON %s %s"
										 " FOR EACH STATEMENT EXECUTE FUNCTION segment.capture_after%s",
										 trigger_name(population, relation, name, after[i].what),
										 after[i].event, table, after[i].rows,
										 arguments),
								0, NULL, NULL, NULL);
}

/*
 * segment_profile_orders_insert, quoted.  Names that are too long are cut, so
 * two sources of one table could meet: from the second on they are numbered.
 */
static char *
trigger_name(const Population *population, Relation relation,
			 const char *source, const char *what)
{
	const char *prefix = psprintf("segment_%s", population->name);
	char	   *name = makeObjectName(prefix, source, what);

	for (int i = 2; OidIsValid(get_trigger_oid(RelationGetRelid(relation), name, true)); i++)
		name = makeObjectName(prefix, source, psprintf("%d_%s", i, what));
	return pstrdup(quote_identifier(name));
}

/* Was it made by us?  Anybody may call a trigger segment_something. */
static bool
is_capture(const Trigger *trigger)
{
	const char *function = get_func_name(trigger->tgfoid);

	return trigger->tgnargs == 2 && function != NULL &&
		get_func_namespace(trigger->tgfoid) == get_namespace_oid(SEGMENT_SCHEMA, false) &&
		(strcmp(function, "capture_before") == 0 ||
		 strcmp(function, "capture_after") == 0);
}

List *
source_triggers(Relation relation, const char *population, const char *source)
{
	/*
	 * is_capture() looks into the catalogs, and while it does, the server may
	 * throw away what it knows of the relation.
	 */
	TriggerDesc *copy = CopyTriggerDesc(relation->trigdesc);
	List	   *triggers = NIL;

	for (int i = 0; copy != NULL && i < copy->numtriggers; i++)
	{
		Trigger    *trigger = &copy->triggers[i];

		if (is_capture(trigger) &&
			strcmp(trigger->tgargs[0], population) == 0 &&
			strcmp(trigger->tgargs[1], source) == 0)
			triggers = lappend(triggers, trigger);
	}
	return triggers;
}

static void
drop_triggers(const Source *source)
{
	Relation	relation = try_relation_open(source->relid, AccessShareLock);
	List	   *triggers;
	Actor		before;
	ListCell   *lc;

	if (relation == NULL)
		return;
	triggers = source_triggers(relation, source->population->name, source->name);
	relation_close(relation, AccessShareLock);

	/* who could attach the table is not always its owner, who alone drops */
	before = act_as_owner(source->relid);
	foreach(lc, triggers)
		catalog_execute_as_user(psprintf("DROP TRIGGER %s ON %s",
										 quote_identifier(((Trigger *) lfirst(lc))->tgname),
										 source_table_name(source)),
								0, NULL, NULL, NULL);
	act_as_before(before);
}
