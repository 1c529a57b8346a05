/*-------------------------------------------------------------------------
 *
 * tables.c
 *	  Where are the members of a population's audiences stored?
 *
 * In two tables beside the base table, made with the first definition:
 *
 *		segment_data.profile_chunk		definition 3, chunk 0, size 2, {17, 40}
 *		segment_data.profile_toggle		definition 3, ord 17, left
 *
 *		members of 3	chunks XOR toggles = {40}
 *
 * An event inserts toggles, in its own transaction, and touches nothing that
 * another event touches.  A fold (fold.c) moves toggles into the
 * chunks.  The toggle table has no index: an index would cost an event more
 * than all the rest of a toggle, and the table is read from end to end soon
 * anyway.  As a profile enters and leaves by turns, toggles need no order to
 * be applied, and a size is the sum of the chunks' sizes plus the sum of +1
 * and -1.
 *
 * Members belong to a definition, not to a name: each filter that an audience
 * is given is a definition with an id of its own, which is never used again.
 * A chunk -1 without members says that the members of a definition are stored:
 * a reader with an older snapshot does not see that chunk, and evaluates the
 * filter on the rows of the snapshot.  If a filter does not bind any more,
 * that chunk is -2: the members are not kept up to date, and what is stored is
 * what the feed has emitted.
 *
 * Locks.  Writers of profiles hold ROW EXCLUSIVE on the base table, to the end
 * of their transaction.  A definition that decides membership holds EXCLUSIVE
 * on it (flow/lock.c), and so meets no toggle that is not committed yet.
 * Chunks are written by one transaction at a time, fold or definition, which
 * holds the storage lock: a lock of its own, not one of the table, which
 * autovacuum takes too.
 *
 * Both tables are the population owner's and no members of the extension, so
 * that pg_dump carries them.  Reading is by the caller's snapshot; the caller
 * has checked that the user may know.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/table.h"
#include "catalog/catalog.h"
#include "catalog/namespace.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "base/base.h"
#include "membership/membership_private.h"

/* The tables of one population. */
typedef struct TablesEntry
{
	Oid			base;			/* hash key */
	CacheSlot	slot;
	MembershipTables tables;
} TablesEntry;

/* What a table must be like for its rows to be written unchecked. */
typedef struct TableShape
{
	Oid			types[TOGGLE_COLUMNS];	/* of the columns */
	int			columns;
	bool		primary_key;	/* the one index, else there is none */
} TableShape;

static Cache *tables_cache = NULL;

static bool made_of(const void *entry, Oid relid);
static MembershipTables tables_read(const Population *population);
static Oid	make_table(const Population *population, const char *label,
					   const char *columns);
static void comment_table(const Population *population, Oid relid,
						  const char *comment);
static char *population_of(Oid relid);
static TableShape chunks_shape(void);
static TableShape toggles_shape(const Population *population);
static void check_shape(const Population *population, Relation relation,
						const TableShape *shape);
static void check_names(const Population *population, Relation relation,
						const char *const *names);
pg_noreturn static void refuse_shape(const Population *population,
									 Relation relation);
static bool has_shape(Relation relation, const TableShape *shape);
static bool lock_storage(const Population *population, bool wait);

void
membership_init(void)
{
	static const CacheKind kind = {
		.name = "segment memberships",
		.key_size = sizeof(Oid),
		.entry_size = sizeof(TablesEntry),
		.slot = offsetof(TablesEntry, slot),
		.made_of = made_of,
	};

	tables_cache = cache_create(&kind);
}

static bool
made_of(const void *entry, Oid relid)
{
	const TablesEntry *one = entry;

	return one->base == relid || one->tables.chunks == relid;
}

const MembershipTables *
membership_tables(const Population *population)
{
	TablesEntry *entry = cache_find(tables_cache, &population->oid);
	TablesEntry made = {population->oid};
	uint64		begun = cache_begin();

	if (entry == NULL)
	{
		made.tables = tables_read(population);
		entry = cache_put(tables_cache, &made, NULL, begun);
	}
	return &entry->tables;
}

/* tables_read() reads the row of a population in segment.membership. */
static MembershipTables
tables_read(const Population *population)
{
	MembershipTables tables = {InvalidOid, InvalidOid, DT_NOBEGIN};
	CatalogScan scan;
	bool		isnull;
	Datum		value;

	catalog_begin(&scan, "membership", population->name);
	while (catalog_next(&scan))
	{
		value = catalog_get(&scan, "chunks", REGCLASSOID, &isnull);
		tables.chunks = DatumGetObjectId(value);
		value = catalog_get(&scan, "toggles", REGCLASSOID, &isnull);
		tables.toggles = DatumGetObjectId(value);
		value = catalog_get(&scan, "decided_at", TIMESTAMPTZOID, &isnull);
		tables.decided_at = DatumGetTimestampTz(value);
	}
	catalog_end(&scan);
	return tables;
}

List *
membership_relations(const Population *population)
{
	const MembershipTables *tables = membership_tables(population);

	return OidIsValid(tables->chunks) ?
		list_make2_oid(tables->chunks, tables->toggles) : NIL;
}

/* ---- making and dropping ---- */

void
membership_make(const Population *population)
{
	char	   *key_type = format_type_be_qualified(population->key_type);
	Oid			chunks;
	Oid			toggles;

	if (OidIsValid(membership_tables(population)->chunks))
		return;

	chunks = make_table(population, "chunk",
						"definition_id integer, chunk bigint,"
						" size integer NOT NULL, members bytea NOT NULL,"
						" PRIMARY KEY (definition_id, chunk)");
	/* bitmaps do not get smaller by compression */
	population_execute(population,
					   psprintf("ALTER TABLE %s ALTER COLUMN members SET STORAGE EXTERNAL",
								relation_name(chunks)));
	toggles = make_table(population, "toggle",
						 psprintf("ord bigint NOT NULL,"
								  " at timestamptz NOT NULL,"
								  " transaction bigint NOT NULL,"
								  " by_time boolean NOT NULL,"
								  " toggles bytea NOT NULL, key %s NOT NULL",
								  key_type));
	comment_table(population, chunks,
				  psprintf("members of the audiences of population \"%s\", as bitmaps, kept by extension segment",
						   population->name));
	comment_table(population, toggles,
				  psprintf("profiles of population \"%s\" that entered or left an audience since the last fold, kept by extension segment",
						   population->name));
	catalog_execute("INSERT INTO segment.membership"
					" (population, chunks, toggles) VALUES ($1, $2, $3)",
					3, (Oid[]) {NAMEOID, REGCLASSOID, REGCLASSOID},
					(Datum[]) {name_datum(population->name),
							   ObjectIdGetDatum(chunks),
							   ObjectIdGetDatum(toggles)},
					NULL);
	CommandCounterIncrement();
	population_changed(population);
	CommandCounterIncrement();
}

/*
 * make_table() makes a table of ours beside the base table, for its owner.
 *
 * Autovacuum is to look at the number of dead rows, not at their share: the
 * table may shrink to nothing and grow again every few seconds.
 */
static Oid
make_table(const Population *population, const char *label,
		   const char *columns)
{
	Oid			schema = get_namespace_oid(SEGMENT_DATA_SCHEMA, false);
	char	   *name = ChooseRelationName(population->name, NULL, label,
										  schema, false);
	Oid			relid;

	relid = data_table_create(name,
							  psprintf("(%s) USING heap WITH"
									   " (autovacuum_vacuum_scale_factor = 0,"
									   " autovacuum_vacuum_threshold = 5000)",
									   columns), NULL);
	data_table_give(relid, relation_owner(population->oid));
	return relid;
}

static void
comment_table(const Population *population, Oid relid, const char *comment)
{
	population_execute(population,
					   psprintf("COMMENT ON TABLE %s IS %s",
								relation_name(relid),
								quote_literal_cstr(comment)));
}

void
membership_drop(const Population *population)
{
	List	   *relations = membership_relations(population);
	ListCell   *lc;

	if (relations == NIL)
		return;
	catalog_execute("DELETE FROM segment.membership WHERE population = $1",
					1, (Oid[]) {NAMEOID},
					(Datum[]) {name_datum(population->name)}, NULL);
	foreach(lc, relations)
	{
		char	   *name = relation_name(lfirst_oid(lc));

		if (name != NULL)
			population_execute(population, psprintf("DROP TABLE %s", name));
	}
}

/* ---- what segment.membership says ---- */

int32
membership_new_definition(const Population *population)
{
	bool		isnull;

	catalog_execute("UPDATE segment.membership"
					" SET last_definition_id = last_definition_id + 1"
					" WHERE population = $1 RETURNING last_definition_id",
					1, (Oid[]) {NAMEOID},
					(Datum[]) {name_datum(population->name)}, NULL);
	if (SPI_processed != 1)
		elog(ERROR, "population \"%s\" has no tables for members",
			 population->name);
	return DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[0],
									   SPI_tuptable->tupdesc, 1, &isnull));
}

void
membership_decided(const Population *population, TimestampTz at)
{
	catalog_execute("UPDATE segment.membership SET decided_at = $2"
					" WHERE population = $1 AND decided_at <> $2",
					2, (Oid[]) {NAMEOID, TIMESTAMPTZOID},
					(Datum[]) {name_datum(population->name),
							   TimestampTzGetDatum(at)},
					NULL);
	membership_changed(population);
}

void
membership_changed(const Population *population)
{
	Oid			chunks = membership_tables(population)->chunks;

	CommandCounterIncrement();
	if (get_rel_relkind(chunks) != '\0')
		CacheInvalidateRelcacheByRelid(chunks);
	else
		population_changed(population);
	CommandCounterIncrement();
}

TimestampTz
decision_instant(TimestampTz now, TimestampTz evaluated_at,
				 TimestampTz decided_at)
{
	return Max(now, Max(evaluated_at, decided_at));
}

/* ---- opening ---- */

Relation
chunks_open(const Population *population, LOCKMODE lock)
{
	const TableShape shape = chunks_shape();
	Relation	relation = table_open(membership_tables(population)->chunks,
									  lock);

	check_shape(population, relation, &shape);
	return relation;
}

Relation
toggles_open(const Population *population, LOCKMODE lock)
{
	const TableShape shape = toggles_shape(population);
	Relation	relation = table_open(membership_tables(population)->toggles,
									  lock);

	check_shape(population, relation, &shape);
	return relation;
}

bool
membership_try_open(const Population *population, Relation *chunks,
					Relation *toggles)
{
	const MembershipTables *tables = membership_tables(population);
	const TableShape chunks_are = chunks_shape();
	const TableShape toggles_are = toggles_shape(population);

	if (!OidIsValid(tables->chunks))
		return false;
	*chunks = try_relation_open(tables->chunks, AccessShareLock);
	*toggles = try_relation_open(tables->toggles, AccessShareLock);
	if (*chunks != NULL && has_shape(*chunks, &chunks_are) &&
		*toggles != NULL && has_shape(*toggles, &toggles_are))
		return true;
	if (*chunks != NULL)
		relation_close(*chunks, AccessShareLock);
	if (*toggles != NULL)
		relation_close(*toggles, AccessShareLock);
	return false;
}

void
membership_check_table(Oid relid)
{
	static const char *const chunk_names[] = {"definition_id", "chunk",
	"size", "members"};
	static const char *const toggle_names[] = {"ord", "at", "transaction",
	"by_time", "toggles", "key"};
	char	   *name = population_of(relid);
	const Population *population = name == NULL ? NULL : population_find(name);
	bool		chunks;
	Relation	relation;

	if (population == NULL)
		return;
	chunks = relid == membership_tables(population)->chunks;
	relation = chunks ? chunks_open(population, AccessShareLock) :
		toggles_open(population, AccessShareLock);
	check_names(population, relation, chunks ? chunk_names : toggle_names);
	relation_close(relation, NoLock);
}

void
membership_refuse_index(Oid relid)
{
	char	   *population = population_of(relid);

	if (population != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("table %s cannot have more indexes",
						relation_name(relid)),
				 errdetail("It holds the members of the audiences of population \"%s\", which are written without looking for indexes.",
						   population)));
}

/*
 * population_of() names the population whose members a table holds, NULL: none
 * has.  Nothing of the population is looked at: it may be about to be mended.
 */
static char *
population_of(Oid relid)
{
	CatalogScan scan;
	char	   *name = NULL;

	catalog_begin(&scan, "membership", NULL);
	while (name == NULL && catalog_next(&scan))
		if (catalog_get_oid(&scan, "chunks", REGCLASSOID) == relid ||
			catalog_get_oid(&scan, "toggles", REGCLASSOID) == relid)
			name = catalog_get_text(&scan, "population");
	catalog_end(&scan);
	return name;
}

static TableShape
chunks_shape(void)
{
	TableShape	shape = {{INT4OID, INT8OID, INT4OID, BYTEAOID},
	CHUNK_COLUMNS, true};

	return shape;
}

static TableShape
toggles_shape(const Population *population)
{
	TableShape	shape = {{INT8OID, TIMESTAMPTZOID, INT8OID, BOOLOID, BYTEAOID},
	TOGGLE_COLUMNS, false};

	shape.types[TOGGLE_KEY - 1] = population->key_type;
	return shape;
}

/*
 * check_shape() refuses a table that its owner has changed: rows are written
 * below the level that would look after other columns and indexes.
 */
static void
check_shape(const Population *population, Relation relation,
			const TableShape *shape)
{
	if (!has_shape(relation, shape))
		refuse_shape(population, relation);
}

/* check_names() refuses columns of other names, which SQL would not find. */
static void
check_names(const Population *population, Relation relation,
			const char *const *names)
{
	TupleDesc	desc = RelationGetDescr(relation);

	for (int i = 0; i < desc->natts; i++)
		if (strcmp(NameStr(TupleDescAttr(desc, i)->attname), names[i]) != 0)
			refuse_shape(population, relation);
}

/* refuse_shape() raises the error of a table that is not as it was made. */
static void
refuse_shape(const Population *population, Relation relation)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("table %s is not as extension segment made it",
					relation_name(RelationGetRelid(relation))),
			 errdetail("It holds the members of the audiences of population \"%s\", and must have the columns and indexes that it had.",
					   population->name),
			 errhint("Undo the change of columns, their types, or indexes.")));
}

/* has_shape() tells whether a table has the columns and indexes it needs. */
static bool
has_shape(Relation relation, const TableShape *shape)
{
	TupleDesc	desc = RelationGetDescr(relation);
	bool		ours = desc->natts == shape->columns &&
		relation->rd_rel->relam == HEAP_TABLE_AM_OID &&
		(desc->constr == NULL || !desc->constr->has_generated_stored);
	List	   *indexes = RelationGetIndexList(relation);
	Oid			primary_key = RelationGetPrimaryKeyIndex(relation, false);

	for (int i = 0; ours && i < shape->columns; i++)
		ours = !TupleDescAttr(desc, i)->attisdropped &&
			TupleDescAttr(desc, i)->atttypid == shape->types[i];

	ours &= list_length(indexes) == (shape->primary_key ? 1 : 0) &&
		OidIsValid(primary_key) == shape->primary_key;
	list_free(indexes);
	return ours;
}

/* ---- the lock ---- */

void
membership_lock(const Population *population)
{
	if (OidIsValid(membership_tables(population)->toggles))
		(void) lock_storage(population, true);
}

bool
membership_try_lock(const Population *population)
{
	return OidIsValid(membership_tables(population)->toggles) &&
		lock_storage(population, false);
}

static bool
lock_storage(const Population *population, bool wait)
{
	LOCKTAG		tag;

	SET_LOCKTAG_OBJECT(tag, MyDatabaseId, RelationRelationId,
					   membership_tables(population)->toggles, 1);
	return LockAcquire(&tag, ExclusiveLock, false,
					   !wait) != LOCKACQUIRE_NOT_AVAIL;
}
