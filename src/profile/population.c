/*-------------------------------------------------------------------------
 *
 * population.c
 *	  Which populations are there, and what are they made of?
 *
 *		segment.population	('profile', 'customer_id', 'bigint', 'UTC',
 *							 segment_data.profile, public.profile)
 *
 * The catalog row says where the base table and the view are; the rest is
 * read off the base table.  Entries are cached per base table.  A stale entry
 * is handed to the transaction to free and a new one made, because a caller
 * further up the stack may still be reading the old one.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "access/transam.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "nodes/primnodes.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "base/base.h"
#include "profile/profile_private.h"

typedef struct PopulationEntry
{
	Oid			base;			/* hash key */
	CacheSlot	slot;			/* holds 'population' */
	Population *population;
} PopulationEntry;

static Cache *populations = NULL;

static Oid	base_named(const char *name);
pg_noreturn static void base_missing(const char *name, Oid base);
static void check_reader(const Population *population);
static void check_view_owner(const Population *population);
static bool population_load(Oid base, Population *population);
static AttrNumber base_column(Relation relation, const char *column, Oid type,
							  const Population *population);
static bool table_runs_code(Relation relation);
static bool is_of_not_null(Relation index);
static bool runs_code(Node *node, void *context);
static bool is_users_function(Oid function, void *context);
static bool made_of(const void *entry, Oid relid);

void
profile_init(void)
{
	static const CacheKind kind = {
		.name = "segment populations",
		.key_size = sizeof(Oid),
		.entry_size = sizeof(PopulationEntry),
		.slot = offsetof(PopulationEntry, slot),
		.made_of = made_of,
	};

	populations = cache_create(&kind);
}

const Population *
population_by_name(const char *name)
{
	const Population *population = NULL;
	Oid			base = InvalidOid;
	Oid			missing;

	do
	{
		missing = base;
		base = base_named(name);
		if (base == missing)
			base_missing(name, base);
		/* not there: it was dropped while we waited for it, or by hand */
		population = population_lookup(base);
	} while (population == NULL);
	return population;
}

/*
 * The base table of the population, by name, or of the only one there is; an
 * error if there is none such.
 */
static Oid
base_named(const char *name)
{
	CatalogScan scan;
	List	   *names = NIL;
	Oid			base = InvalidOid;

	catalog_begin(&scan, "population", NULL);
	while (catalog_next(&scan))
	{
		char	   *candidate = catalog_get_text(&scan, "population");
		bool		isnull;

		names = lappend(names, candidate);
		if (name == NULL || strcmp(name, candidate) == 0)
			base = DatumGetObjectId(catalog_get(&scan, "base", REGCLASSOID, &isnull));
	}
	catalog_end(&scan);
	list_sort(names, compare_names);

	if (name == NULL && list_length(names) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_AMBIGUOUS_PARAMETER),
				 errmsg("there are %d populations, and none is named",
						list_length(names)),
				 errhint("Say which one, for example population => %s.",
						 quote_literal_cstr(linitial(names)))));
	if (!OidIsValid(base))
	{
		const char *nearest;

		if (name == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_OBJECT),
					 errmsg("there is no population yet"),
					 errhint("Create one with segment.create_population().")));
		nearest = nearest_name(name, names);
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("population \"%s\" does not exist", name),
				 nearest ? errhint("Perhaps you meant %s.", quote_literal_cstr(nearest)) : 0));
	}
	return base;
}

static void
base_missing(const char *name, Oid base)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_TABLE),
			 name == NULL ? errmsg("the base table of the population does not exist any more") :
			 errmsg("the base table of population \"%s\" does not exist any more", name),
			 errdetail("Its OID was %u.", base),
			 name == NULL ? 0 :
			 errhint("The owner of the extension removes what is left: SELECT segment.drop_population(%s).",
					 quote_literal_cstr(name))));
}

const Population *
population_lost(const char *name)
{
	CatalogScan scan;
	Population *population = NULL;
	bool		isnull;

	catalog_begin(&scan, "population", name);
	if (catalog_next(&scan))
	{
		population = palloc0(sizeof(Population));
		population->base = DatumGetObjectId(catalog_get(&scan, "base", REGCLASSOID, &isnull));
		population->view = DatumGetObjectId(catalog_get(&scan, "view", REGCLASSOID, &isnull));
		population->name = catalog_get_text(&scan, "population");
		population->key = catalog_get_text(&scan, "key");
		population->timezone = catalog_get_text(&scan, "timezone");
	}
	catalog_end(&scan);
	return population != NULL && get_rel_relkind(population->base) == '\0' ?
		population : NULL;
}

const Population *
population_find(const char *name)
{
	CatalogScan scan;
	Oid			base = InvalidOid;
	bool		isnull;

	catalog_begin(&scan, "population", name);
	if (catalog_next(&scan))
		base = DatumGetObjectId(catalog_get(&scan, "base", REGCLASSOID, &isnull));
	catalog_end(&scan);
	return OidIsValid(base) ? population_lookup(base) : NULL;
}

List *
population_names(void)
{
	CatalogScan scan;
	List	   *names = NIL;

	catalog_begin(&scan, "population", NULL);
	while (catalog_next(&scan))
		names = lappend(names, catalog_get_text(&scan, "population"));
	catalog_end(&scan);
	list_sort(names, compare_names);
	return names;
}

const Population *
population_by_relation(Oid relid)
{
	CatalogScan scan;
	Oid			base = InvalidOid;

	/* every table and view that a filter is asked of comes by here */
	if (get_rel_relkind(relid) == RELKIND_RELATION)
	{
		Oid			schema = get_namespace_oid(SEGMENT_DATA_SCHEMA, true);

		if (get_rel_namespace(relid) != schema)
			return NULL;
		return population_lookup(relid);
	}
	if (get_rel_relkind(relid) != RELKIND_VIEW ||
		!OidIsValid(get_namespace_oid(SEGMENT_SCHEMA, true)))
		return NULL;

	catalog_begin(&scan, "population", NULL);
	while (catalog_next(&scan))
	{
		bool		isnull;

		if (DatumGetObjectId(catalog_get(&scan, "view", REGCLASSOID, &isnull)) == relid)
			base = DatumGetObjectId(catalog_get(&scan, "base", REGCLASSOID, &isnull));
	}
	catalog_end(&scan);
	return OidIsValid(base) ? population_lookup(base) : NULL;
}

Population *
population_copy(const Population *population)
{
	Population *copy = palloc(sizeof(Population));

	*copy = *population;
	copy->name = pstrdup(population->name);
	copy->key = pstrdup(population->key);
	copy->timezone = pstrdup(population->timezone);
	return copy;
}

AttrNumber
population_column(const Population *population, const char *column)
{
	return get_attnum(population->base, column);
}

void
population_check_owner(const Population *population)
{
	if (!object_ownercheck(RelationRelationId, population->base, GetUserId()))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of population \"%s\"", population->name)));
}

const Population *
population_definer(const Population *population, const char *function)
{
	char	   *name = pstrdup(population->name);

	check_read_committed(function);
	for (;;)
	{
		Oid			base = population->base;

		/* before the lock: a role that may not define keeps no writer waiting */
		population_check_owner(population);
		LockRelationOid(base, ShareUpdateExclusiveLock);

		/* while we waited, the population may have been made anew */
		population = population_by_name(name);
		if (population->base == base)
			break;
		UnlockRelationOid(base, ShareUpdateExclusiveLock);
	}
	/* or the base table may have got another owner */
	population_check_owner(population);
	return population;
}

const Population *
population_reader(const Population *population)
{
	char	   *name = pstrdup(population->name);
	uint64		changes = cache_begin();
	Oid			view;

	check_reader(population);
	do
	{
		view = population->view;
		LockRelationOid(view, AccessShareLock);
		if (changes == cache_begin())
			break;

		/* something happened while we waited */
		population = population_by_name(name);
		check_reader(population);
	} while (population->view != view);
	check_view_owner(population);
	return population;
}

const Population *
population_keep(const char *name, LOCKMODE lock)
{
	const Population *population = population_find(name);

	while (population != NULL)
	{
		Oid			base = population->base;

		LockRelationOid(base, lock);
		population = population_find(name);
		if (population != NULL && population->base == base)
			break;
	}
	return population;
}

static void
check_reader(const Population *population)
{
	if (population_view_name(population) == NULL)
	{
		/* whose right to read it is not a matter of the view */
		if (object_ownercheck(RelationRelationId, population->base, GetUserId()))
			return;
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("the view of population \"%s\" was dropped",
						population->name),
				 errhint("Its owner makes it again with segment.rebuild(%s).",
						 quote_literal_cstr(population->name))));
	}
	if (pg_class_aclcheck(population->view, GetUserId(), ACL_SELECT) != ACLCHECK_OK)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for population \"%s\"",
						population->name),
				 errhint("Ask its owner for GRANT SELECT ON %s.",
						 population_view_name(population))));
}

/*
 * A view shows what its owner may read of the table below, and so do we: it is
 * our catalog that says which view it is.
 */
static void
check_view_owner(const Population *population)
{
	Oid			owner;

	if (population_view_name(population) == NULL)
		return;					/* dropped: the base table's owner asks */
	owner = relation_owner(population->view);
	if (pg_class_aclcheck(population->base, owner, ACL_SELECT) != ACLCHECK_OK)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for population \"%s\"",
						population->name),
				 errdetail("View %s belongs to role \"%s\", who may not read table %s.",
						   population_view_name(population),
						   GetUserNameFromId(owner, false),
						   population_base_name(population))));
}

char *
population_base_name(const Population *population)
{
	return relation_name(population->base);
}

char *
population_view_name(const Population *population)
{
	return relation_name(population->view);
}

void
population_changed(const Population *population)
{
	/* plans over the view contain the base table too */
	if (get_rel_relkind(population->base) != '\0')
		CacheInvalidateRelcacheByRelid(population->base);
	else
		CacheInvalidateRelcacheAll();	/* it is gone: see population_lost() */
}

const Population *
population_lookup(Oid base)
{
	PopulationEntry *entry = cache_find(populations, &base);
	PopulationEntry made = {base};
	uint64		begun = cache_begin();
	Population	loaded;
	MemoryContext context;
	MemoryContext old;

	if (entry != NULL)
		return entry->population;

	/* read first: an error must not leave half an entry */
	if (!population_load(base, &loaded))
		return NULL;

	context = AllocSetContextCreate(CurrentMemoryContext, "segment population",
									ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(context);
	made.population = population_copy(&loaded);
	MemoryContextSwitchTo(old);

	entry = cache_put(populations, &made, context, begun);
	return entry->population;
}

static bool
population_load(Oid base, Population *population)
{
	CatalogScan scan;
	bool		found = false;
	Relation	relation;
	List	   *indexes;
	ListCell   *lc;

	memset(population, 0, sizeof(Population));
	population->base = base;

	/* who defines holds it: what the catalog says is read when we have it */
	relation = try_relation_open(base, AccessShareLock);
	if (relation == NULL)
		return false;
	catalog_begin(&scan, "population", NULL);
	while (catalog_next(&scan))
	{
		bool		isnull;

		if (DatumGetObjectId(catalog_get(&scan, "base", REGCLASSOID, &isnull)) != base)
			continue;
		found = true;
		population->view = DatumGetObjectId(catalog_get(&scan, "view", REGCLASSOID, &isnull));
		population->key_type = DatumGetObjectId(catalog_get(&scan, "key_type", REGTYPEOID, &isnull));
		population->name = catalog_get_text(&scan, "population");
		population->key = catalog_get_text(&scan, "key");
		population->timezone = catalog_get_text(&scan, "timezone");
	}
	catalog_end(&scan);
	if (!found)
	{
		relation_close(relation, AccessShareLock);
		return false;
	}
	if (relation->rd_rel->relkind != RELKIND_RELATION)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("base table of population \"%s\" is not a table",
						population->name)));
	population->ord_attno = base_column(relation, "ord", INT8OID, population);
	population->key_attno = base_column(relation, population->key,
										population->key_type, population);
	population->rows_attno = base_column(relation, "source_rows", INT8OID, population);
	population->evaluated_attno = base_column(relation, "evaluated_at", TIMESTAMPTZOID,
											  population);
	population->wake_attno = base_column(relation, "wake_at", TIMESTAMPTZOID, population);
	population->owners_code = table_runs_code(relation);
	population->key_collation =
		TupleDescAttr(RelationGetDescr(relation), population->key_attno - 1)->attcollation;
	indexes = RelationGetIndexList(relation);
	foreach(lc, indexes)
	{
		Relation	index = index_open(lfirst_oid(lc), AccessShareLock);
		bool		partial = !heap_attisnull(index->rd_indextuple,
											  Anum_pg_index_indpred, NULL);

		if (index->rd_index->indisunique && index->rd_index->indisvalid &&
			!partial && index->rd_index->indnkeyatts == 1 &&
			index->rd_index->indkey.values[0] == population->key_attno)
			population->key_index = RelationGetRelid(index);
		if (index->rd_index->indisvalid &&
			index->rd_index->indnkeyatts == 1 &&
			index->rd_index->indkey.values[0] == population->wake_attno &&
			(!partial || is_of_not_null(index)))
			population->wake_index = RelationGetRelid(index);
		else if (partial || !heap_attisnull(index->rd_indextuple,
											Anum_pg_index_indexprs, NULL))
			population->owners_code = true;
		index_close(index, AccessShareLock);
	}
	relation_close(relation, AccessShareLock);

	if (!OidIsValid(population->key_index))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("base table of population \"%s\" lacks the unique index on \"%s\"",
						population->name, population->key)));
	if (!OidIsValid(population->wake_index))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("base table of population \"%s\" lacks the index on \"wake_at\"",
						population->name),
				 errhint("Make it again: CREATE INDEX ON %s (wake_at) WHERE wake_at IS NOT NULL",
						 relation_name(base))));
	return true;
}

/* The number of a column that the base table must have, and of which type. */
static AttrNumber
base_column(Relation relation, const char *column, Oid type,
			const Population *population)
{
	AttrNumber	attno = get_attnum(RelationGetRelid(relation), column);

	if (attno == InvalidAttrNumber ||
		TupleDescAttr(RelationGetDescr(relation), attno - 1)->atttypid != type)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("base table of population \"%s\" lacks a column",
						population->name),
				 errdetail("It needs \"ord\", \"%s\", \"source_rows\", \"evaluated_at\" and \"wake_at\", of the types that they had.",
						   population->key)));
	return attno;
}

/*
 * table_runs_code() says whether writing a row runs code that the table's owner
 * may have written.  It reads definitions and evaluates nothing.  The caller
 * looks at the indexes.
 */
static bool
table_runs_code(Relation relation)
{
	TupleDesc	desc = RelationGetDescr(relation);
	TupleConstr *constraints = desc->constr;
	TriggerDesc *triggers = relation->trigdesc;

	if (triggers != NULL &&
		(triggers->trig_insert_before_row || triggers->trig_insert_after_row ||
		 triggers->trig_update_before_row || triggers->trig_update_after_row ||
		 triggers->trig_delete_before_row || triggers->trig_delete_after_row))
		return true;
	if (constraints != NULL &&
		(constraints->num_check > 0 || constraints->has_generated_stored))
		return true;
	for (int i = 0; constraints != NULL && i < constraints->num_defval; i++)
		if (runs_code(stringToNode(constraints->defval[i].adbin), NULL))
			return true;
	/* a domain may have checks and a default */
	for (int i = 0; i < desc->natts; i++)
		if (!TupleDescAttr(desc, i)->attisdropped &&
			get_typtype(TupleDescAttr(desc, i)->atttypid) == TYPTYPE_DOMAIN)
			return true;
	return false;
}

/* Is the index's predicate "column IS NOT NULL", and nothing else? */
static bool
is_of_not_null(Relation index)
{
	bool		isnull;
	Datum		predicate = SysCacheGetAttr(INDEXRELID, index->rd_indextuple,
											Anum_pg_index_indpred, &isnull);
	NullTest   *test = isnull ? NULL :
		(NullTest *) stringToNode(TextDatumGetCString(predicate));

	return test != NULL && IsA(test, NullTest) &&
		test->nulltesttype == IS_NOT_NULL && IsA(test->arg, Var) &&
		((Var *) test->arg)->varattno == index->rd_index->indkey.values[0];
}

/* Does an expression call functions that are not the server's? */
static bool
runs_code(Node *node, void *context)
{
	if (node == NULL)
		return false;
	return IsA(node, CoerceToDomain) ||
		check_functions_in_node(node, is_users_function, NULL) ||
		expression_tree_walker(node, runs_code, context);
}

static bool
is_users_function(Oid function, void *context)
{
	return function >= FirstNormalObjectId || function == F_DOMAIN_IN ||
		function == F_DOMAIN_RECV;
}

static bool
made_of(const void *entry, Oid relid)
{
	return ((const PopulationEntry *) entry)->base == relid;
}
