/*-------------------------------------------------------------------------
 *
 * storage.c
 *	  Where are the members of a population's audiences kept?
 *
 * In two tables beside the base table, made with the first audience:
 *
 *		segment_data.profile_chunk		audience 3, chunk 0, size 2, {17, 40}
 *		segment_data.profile_toggle		audience 3, ord 17, left
 *
 *		members of 3	chunks XOR toggles = {40}, but for profiles that are due
 *
 * An event inserts toggles, in its own transaction, and touches nothing that
 * another event touches.  The fold (fold.c) moves them into the chunks.  There
 * is no index on them: it would cost an event more than all the rest of a
 * toggle, and what came since the last fold is read from end to end soon.  As a
 * profile enters and leaves an audience by turns, toggles need no order to be
 * applied, and a size is the sum of the chunks' sizes plus the sum of +1 and -1.
 *
 * Members belong to a definition, not to a name: each filter that an audience
 * is given has a number of its own, which is never used again.  A chunk -1
 * without members says that a definition has its members stored, and since
 * when: whoever reads with an older snapshot does not see it, and evaluates the
 * filter on the rows of that snapshot.  It is chunk -2 where a filter does not
 * bind: nobody keeps its members, and what is stored is what the feed has told.
 *
 * Who locks what.  Writers hold ROW EXCLUSIVE on the base table, to the end of
 * their transaction; whoever decides who is a member holds EXCLUSIVE on it
 * (flow/lock.c), and so meets no toggle that is still to be committed.  Chunks are written
 * by one transaction at a time, fold or definition, which holds the storage
 * lock (a lock of its own, not one of the table, which autovacuum takes too).
 *
 * Both tables are the population owner's and no members of the extension, so
 * that pg_dump carries them.  Reading is by the caller's snapshot; the caller
 * has seen to it that the user may know.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/catalog.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "audience/audience_private.h"
#include "base/base.h"

static Oid	make_table(const Population *population, const char *label,
					   const char *columns);
static void add_sizes(const Population *population, Snapshot snapshot,
					  bool toggles, int32 greatest, int64 *sizes,
					  bool *stored);
static MemberSet *read_members(const Population *population, int32 definition_id,
							   Snapshot snapshot, bool *damaged, bool *stored);
static void flip_toggled(const Population *population, int32 definition_id,
						 Snapshot snapshot, MemberSet *set);
static SysScanDesc scan_chunk(Relation relation, int32 definition_id, int64 chunk,
							  Snapshot snapshot);
static void write_members(const Population *population, int32 definition_id,
						  int64 marker, MemberSet *set);
static bool lock_storage(const Population *population, bool wait);
static SysScanDesc scan_chunks(Relation relation, int32 definition_id,
							   Snapshot snapshot);
static void insert_chunk(Relation relation, CatalogIndexState indexes,
						 int32 definition_id, int64 chunk, int32 size, bytea *members);

/* ---- the tables ---- */

void
storage_make(const Population *population)
{
	Oid			chunks;
	Oid			toggles;

	if (OidIsValid(audience_tables(population)->chunks))
		return;

	chunks = make_table(population, "chunk",
						"audience integer, chunk bigint, size integer NOT NULL,"
						" members bytea NOT NULL, PRIMARY KEY (audience, chunk)");
	/* bitmaps do not get smaller by compression */
	population_execute(population,
					   psprintf("ALTER TABLE %s ALTER COLUMN members SET STORAGE EXTERNAL",
								relation_name(chunks)));
	toggles = make_table(population, "toggle",
						 psprintf("ord bigint NOT NULL, at timestamptz NOT NULL,"
								  " transaction bigint NOT NULL,"
								  " audience integer NOT NULL, entered boolean NOT NULL,"
								  " cause text NOT NULL, key %s NOT NULL",
								  format_type_be_qualified(population->key_type)));
	population_execute(population,
					   psprintf("COMMENT ON TABLE %s IS %s", relation_name(chunks),
								quote_literal_cstr(psprintf("members of the audiences of population \"%s\", as bitmaps, kept by extension segment",
															population->name))));
	population_execute(population,
					   psprintf("COMMENT ON TABLE %s IS %s", relation_name(toggles),
								quote_literal_cstr(psprintf("profiles of population \"%s\" that entered or left an audience since the last fold, kept by extension segment",
															population->name))));
	catalog_execute("INSERT INTO segment.membership (population, chunks, toggles)"
					" VALUES ($1, $2, $3)",
					3, (Oid[]) {NAMEOID, REGCLASSOID, REGCLASSOID},
					(Datum[]) {name_datum(population->name),
							   ObjectIdGetDatum(chunks), ObjectIdGetDatum(toggles)},
					NULL);
	CommandCounterIncrement();
	population_changed(population);
	CommandCounterIncrement();
}

/*
 * A table of ours beside the base table, and its owner's.  Vacuumed by the
 * number of dead rows, not by their share: it may shrink to nothing and grow
 * again every few seconds.
 */
static Oid
make_table(const Population *population, const char *label,
		   const char *columns)
{
	Oid			schema = get_namespace_oid(SEGMENT_DATA_SCHEMA, false);
	char	   *name = ChooseRelationName(population->name, NULL, label, schema, false);
	Oid			relid;

	relid = data_table_create(name,
							  psprintf("(%s) USING heap"
									   " WITH (autovacuum_vacuum_scale_factor = 0,"
									   " autovacuum_vacuum_threshold = 5000)", columns));
	data_table_give(relid, relation_owner(population->oid));
	return relid;
}

/* Somebody may have given the base table another owner. */
void
storage_follow_owner(const Population *population)
{
	const AudienceTables *tables = audience_tables(population);
	Oid			owner = relation_owner(population->oid);
	Oid			both[] = {tables->chunks, tables->toggles};

	for (int i = 0; i < lengthof(both); i++)
		if (relation_name(both[i]) != NULL && relation_owner(both[i]) != owner)
			catalog_hand_over(both[i], owner);
}

void
storage_drop(const Population *population)
{
	const AudienceTables *tables = audience_tables(population);
	Oid			both[] = {tables->chunks, tables->toggles};

	if (!OidIsValid(tables->chunks))
		return;
	storage_follow_owner(population);
	catalog_execute("DELETE FROM segment.membership WHERE population = $1",
					1, (Oid[]) {NAMEOID},
					(Datum[]) {name_datum(population->name)}, NULL);
	for (int i = 0; i < lengthof(both); i++)
		if (relation_name(both[i]) != NULL)
			population_execute(population,
							   psprintf("DROP TABLE %s", relation_name(both[i])));
}

int32
storage_new_definition(const Population *population)
{
	bool		isnull;
	int32		definition_id;

	catalog_execute("UPDATE segment.membership SET last_definition_id = last_definition_id + 1"
					" WHERE population = $1 RETURNING last_definition_id",
					1, (Oid[]) {NAMEOID},
					(Datum[]) {name_datum(population->name)}, NULL);
	if (SPI_processed != 1)
		elog(ERROR, "population \"%s\" has no place for members", population->name);
	definition_id = DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[0],
										 SPI_tuptable->tupdesc, 1, &isnull));
	return definition_id;
}

/*
 * Open the chunk table or the toggle table.  They are the owner's, who may have
 * changed them; rows are written below the level that would look after other
 * columns and indexes.
 */
Relation
storage_open(const Population *population, bool toggles, LOCKMODE lock)
{
	static const Oid chunk_types[] = {INT4OID, INT8OID, INT4OID, BYTEAOID};
	const Oid	toggle_types[] = {INT8OID, TIMESTAMPTZOID, INT8OID, INT4OID,
	BOOLOID, TEXTOID, population->key_type};
	const AudienceTables *tables = audience_tables(population);
	Relation	relation = table_open(toggles ? tables->toggles : tables->chunks, lock);
	TupleDesc	desc = RelationGetDescr(relation);
	const Oid  *types = toggles ? toggle_types : chunk_types;
	int			columns = toggles ? TOGGLE_COLUMNS : CHUNK_COLUMNS;
	bool		ours = desc->natts == columns &&
		relation->rd_rel->relam == HEAP_TABLE_AM_OID &&
		(desc->constr == NULL || !desc->constr->has_generated_stored);
	List	   *indexes = RelationGetIndexList(relation);

	for (int i = 0; ours && i < columns; i++)
		ours = !TupleDescAttr(desc, i)->attisdropped &&
			TupleDescAttr(desc, i)->atttypid == types[i];

	/* the chunk table has its primary key, the toggle table none */
	ours &= list_length(indexes) == (toggles ? 0 : 1) &&
		OidIsValid(RelationGetPrimaryKeyIndex(relation, false)) == !toggles;
	list_free(indexes);
	if (!ours)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("table %s is not as extension segment made it",
						relation_name(RelationGetRelid(relation))),
				 errdetail("It holds the members of the audiences of population \"%s\", and must have the columns and indexes that it had.",
						   population->name),
				 errhint("Take back what was changed: columns, their types, indexes.")));
	return relation;
}

/* ---- the lock ---- */

void
storage_lock(const Population *population)
{
	(void) lock_storage(population, true);
}

bool
storage_try_lock(const Population *population)
{
	return lock_storage(population, false);
}

static bool
lock_storage(const Population *population, bool wait)
{
	LOCKTAG		tag;

	SET_LOCKTAG_OBJECT(tag, MyDatabaseId, RelationRelationId,
					   audience_tables(population)->toggles, 1);
	return LockAcquire(&tag, ExclusiveLock, false, !wait) != LOCKACQUIRE_NOT_AVAIL;
}

/* ---- reading ---- */

/*
 * The members as the snapshot shows them; NULL if it does not show that they
 * are stored.  With 'damaged', chunks that are no bitmaps are left out and it
 * is set; without, they are errors.
 */
MemberSet *
storage_read(const Population *population, int32 definition_id, Snapshot snapshot,
			 bool *damaged)
{
	bool		stored;
	MemberSet  *set = read_members(population, definition_id, snapshot, damaged, &stored);

	return stored ? set : NULL;
}

MemberSet *
storage_read_last(const Population *population, int32 definition_id,
				  Snapshot snapshot, bool *damaged)
{
	bool		stored;

	return read_members(population, definition_id, snapshot, damaged, &stored);
}

/* 'stored' is whether the snapshot shows that they are right. */
static MemberSet *
read_members(const Population *population, int32 definition_id, Snapshot snapshot,
			 bool *damaged, bool *stored)
{
	const AudienceTables *tables = audience_tables(population);
	MemberSet  *set = members_create();
	Relation	relation;
	SysScanDesc scan;
	HeapTuple	row;

	*stored = false;
	if (!OidIsValid(tables->chunks))
		return set;
	relation = storage_open(population, false, AccessShareLock);
	scan = scan_chunks(relation, definition_id, snapshot);
	while (HeapTupleIsValid(row = systable_getnext(scan)))
	{
		TupleDesc	desc = RelationGetDescr(relation);
		bool		isnull;
		int64		chunk = DatumGetInt64(heap_getattr(row, CHUNK_NUMBER, desc, &isnull));
		int32		size;
		bytea	   *members;

		CHECK_FOR_INTERRUPTS();
		if (chunk < 0)
		{
			*stored = (chunk == CHUNK_MARKER);
			continue;
		}
		size = DatumGetInt32(heap_getattr(row, CHUNK_SIZE, desc, &isnull));
		members = DatumGetByteaPP(heap_getattr(row, CHUNK_MEMBERS, desc, &isnull));
		if (damaged == NULL)
			members_read_chunk(set, chunk, size, members);
		else if (!members_try_chunk(set, chunk, size, members))
			*damaged = true;
	}
	systable_endscan(scan);
	table_close(relation, AccessShareLock);
	flip_toggled(population, definition_id, snapshot, set);
	return set;
}

/* Those toggled an odd number of times since the last fold, as a set. */
MemberSet *
storage_read_toggles(const Population *population, int32 definition_id,
					 Snapshot snapshot)
{
	MemberSet  *set = members_create();

	flip_toggled(population, definition_id, snapshot, set);
	return set;
}

static void
flip_toggled(const Population *population, int32 definition_id, Snapshot snapshot,
			 MemberSet *set)
{
	Relation	relation = storage_open(population, true, AccessShareLock);
	SysScanDesc scan = storage_scan_toggles(relation, definition_id, snapshot);
	HeapTuple	row;

	while (HeapTupleIsValid(row = systable_getnext(scan)))
	{
		bool		isnull;

		members_flip(set, DatumGetInt64(heap_getattr(row, TOGGLE_ORD,
													 RelationGetDescr(relation),
													 &isnull)));
	}
	systable_endscan(scan);
	table_close(relation, AccessShareLock);
}

/* Add the members of a row of the chunk table to a set. */
void
storage_read_row(Relation relation, HeapTuple row, MemberSet *set)
{
	TupleDesc	desc = RelationGetDescr(relation);
	bool		isnull;

	members_read_chunk(set,
					   DatumGetInt64(heap_getattr(row, CHUNK_NUMBER, desc, &isnull)),
					   DatumGetInt32(heap_getattr(row, CHUNK_SIZE, desc, &isnull)),
					   DatumGetByteaPP(heap_getattr(row, CHUNK_MEMBERS, desc, &isnull)));
}

/*
 * How many members the snapshot shows, without reading a bitmap; -1 if it does
 * not show that they are stored.
 */
int64
storage_size(const Population *population, int32 definition_id, Snapshot snapshot)
{
	const AudienceTables *tables = audience_tables(population);
	Relation	relation;
	SysScanDesc scan;
	HeapTuple	row;
	bool		stored = false;
	bool		isnull;
	int64		size = 0;

	if (!OidIsValid(tables->chunks))
		return -1;
	relation = storage_open(population, false, AccessShareLock);
	scan = scan_chunks(relation, definition_id, snapshot);
	while (HeapTupleIsValid(row = systable_getnext(scan)))
	{
		TupleDesc	desc = RelationGetDescr(relation);

		stored |= DatumGetInt64(heap_getattr(row, CHUNK_NUMBER, desc,
											 &isnull)) == CHUNK_MARKER;
		size += DatumGetInt32(heap_getattr(row, CHUNK_SIZE, desc, &isnull));
	}
	systable_endscan(scan);
	table_close(relation, AccessShareLock);
	if (!stored)
		return -1;

	relation = storage_open(population, true, AccessShareLock);
	scan = storage_scan_toggles(relation, definition_id, snapshot);
	while (HeapTupleIsValid(row = systable_getnext(scan)))
		size += DatumGetBool(heap_getattr(row, TOGGLE_ENTERED,
										  RelationGetDescr(relation),
										  &isnull)) ? 1 : -1;
	systable_endscan(scan);
	table_close(relation, AccessShareLock);
	return size;
}

/*
 * The sizes of all audiences (by number, the greatest of which is given), by
 * one reading of each table: -1 where the members are not stored.
 */
int64 *
storage_sizes(const Population *population, int32 greatest, Snapshot snapshot)
{
	const AudienceTables *tables = audience_tables(population);
	int64	   *sizes = palloc(sizeof(int64) * (greatest + 1));
	bool	   *stored = palloc0(sizeof(bool) * (greatest + 1));

	for (int i = 0; i <= greatest; i++)
		sizes[i] = 0;
	if (OidIsValid(tables->chunks))
	{
		add_sizes(population, snapshot, false, greatest, sizes, stored);
		add_sizes(population, snapshot, true, greatest, sizes, stored);
	}
	for (int i = 0; i <= greatest; i++)
		if (!stored[i])
			sizes[i] = -1;
	pfree(stored);
	return sizes;
}

static void
add_sizes(const Population *population, Snapshot snapshot, bool toggles,
		  int32 greatest, int64 *sizes, bool *stored)
{
	Relation	relation = storage_open(population, toggles, AccessShareLock);
	TupleDesc	desc = RelationGetDescr(relation);
	SysScanDesc scan = systable_beginscan(relation, InvalidOid, false, snapshot,
										  0, NULL);
	HeapTuple	row;
	bool		isnull;

	while (HeapTupleIsValid(row = systable_getnext(scan)))
	{
		int32		definition_id = DatumGetInt32(heap_getattr(row, toggles ?
														TOGGLE_AUDIENCE : CHUNK_AUDIENCE,
														desc, &isnull));

		CHECK_FOR_INTERRUPTS();
		if (definition_id < 0 || definition_id > greatest)
			continue;
		if (toggles)
			sizes[definition_id] += DatumGetBool(heap_getattr(row, TOGGLE_ENTERED,
													   desc, &isnull)) ? 1 : -1;
		else
		{
			sizes[definition_id] += DatumGetInt32(heap_getattr(row, CHUNK_SIZE, desc,
														&isnull));
			stored[definition_id] |= DatumGetInt64(heap_getattr(row, CHUNK_NUMBER, desc,
														 &isnull)) == CHUNK_MARKER;
		}
	}
	systable_endscan(scan);
	table_close(relation, AccessShareLock);
}

static SysScanDesc
scan_chunks(Relation relation, int32 definition_id, Snapshot snapshot)
{
	ScanKeyData key;

	ScanKeyInit(&key, CHUNK_AUDIENCE, BTEqualStrategyNumber, F_INT4EQ,
				Int32GetDatum(definition_id));
	return systable_beginscan(relation, RelationGetPrimaryKeyIndex(relation, false),
							  true, snapshot, 1, &key);
}

static SysScanDesc
scan_chunk(Relation relation, int32 definition_id, int64 chunk, Snapshot snapshot)
{
	ScanKeyData keys[2];

	ScanKeyInit(&keys[0], CHUNK_AUDIENCE, BTEqualStrategyNumber, F_INT4EQ,
				Int32GetDatum(definition_id));
	ScanKeyInit(&keys[1], CHUNK_NUMBER, BTEqualStrategyNumber, F_INT8EQ,
				Int64GetDatum(chunk));
	return systable_beginscan(relation, RelationGetPrimaryKeyIndex(relation, false),
							  true, snapshot, 2, keys);
}

SysScanDesc
storage_scan_toggles(Relation relation, int32 definition_id, Snapshot snapshot)
{
	ScanKeyData key;

	ScanKeyInit(&key, TOGGLE_AUDIENCE, BTEqualStrategyNumber, F_INT4EQ,
				Int32GetDatum(definition_id));
	return systable_beginscan(relation, InvalidOid, false, snapshot, 1, &key);
}

char *
storage_members_sql(const Population *population, const char *audience)
{
	const AudienceTables *tables = audience_tables(population);
	char	   *key = pstrdup(quote_identifier(population->key));
	char	   *base = population_base_name(population);
	char	   *chunks = relation_name(tables->chunks);
	char	   *holds = audience_holds_sql(audience);
	char	   *stored;
	const char *due;
	/* in a query of its own it is asked once, not for each row */
	char	   *definition_id = psprintf("(SELECT segment.definition_id(%s, %s))",
								  quote_literal_cstr(population->name),
								  quote_literal_cstr(audience));

	/* is the snapshot one that shows the members of this definition? */
	stored = psprintf("EXISTS (SELECT FROM %s AS c"
					  " WHERE c.audience OPERATOR(pg_catalog.=) %s"
					  " AND c.chunk OPERATOR(pg_catalog.=) (%d))",
					  chunks, definition_id, CHUNK_MARKER);
	due = "profile.wake_at OPERATOR(pg_catalog.<=) segment.now()";

	return psprintf("SELECT profile.%s"
					" FROM (SELECT pg_catalog.array_agg(c.chunk) AS chunks,"
					" pg_catalog.array_agg(c.members) AS members"
					" FROM %s AS c WHERE c.audience OPERATOR(pg_catalog.=) %s"
					" AND c.chunk OPERATOR(pg_catalog.>=) 0) AS stored,"
					" LATERAL segment.ords(stored.chunks, stored.members,"
					" ARRAY(SELECT t.ord FROM %s AS t"
					" WHERE t.audience OPERATOR(pg_catalog.=) %s)) AS member (ord)"
					" JOIN %s AS profile ON profile.ord OPERATOR(pg_catalog.=) member.ord"
					" WHERE %s AND (%s) IS NOT TRUE"
					" UNION ALL"
					" SELECT profile.%s FROM %s AS profile WHERE %s AND %s AND %s"
					" UNION ALL"
					" SELECT profile.%s FROM %s AS profile WHERE NOT %s AND %s",
					key, chunks, definition_id, relation_name(tables->toggles), definition_id,
					base, stored, due,
					key, base, stored, due, holds,
					key, base, stored, holds);
}

/* ---- writing ---- */

/*
 * Nobody is to believe in the stored members of a definition from here on.
 * They stay, as what the feed has told.
 */
void
storage_suspend(const Population *population, int32 definition_id)
{
	population_execute(population,
					   psprintf("UPDATE %s SET chunk = (%d) WHERE audience = %d AND chunk = (%d)",
								relation_name(audience_tables(population)->chunks),
								CHUNK_SUSPENDED, definition_id, CHUNK_MARKER));
}

bool
storage_suspended(const Population *population, int32 definition_id)
{
	Relation	relation;
	Snapshot	snapshot;
	SysScanDesc scan;
	bool		suspended;

	if (!OidIsValid(audience_tables(population)->chunks))
		return false;
	relation = storage_open(population, false, AccessShareLock);
	snapshot = RegisterSnapshot(GetLatestSnapshot());
	scan = scan_chunk(relation, definition_id, CHUNK_SUSPENDED, snapshot);
	suspended = HeapTupleIsValid(systable_getnext(scan));
	systable_endscan(scan);
	UnregisterSnapshot(snapshot);
	table_close(relation, AccessShareLock);
	return suspended;
}

/*
 * Make these the stored members of a definition, in place of what there is.
 */
void
storage_write(const Population *population, int32 definition_id, MemberSet *set)
{
	write_members(population, definition_id, CHUNK_MARKER, set);
}

/* The same, of what the feed has told of a definition that is suspended. */
void
storage_write_suspended(const Population *population, int32 definition_id,
						MemberSet *set)
{
	write_members(population, definition_id, CHUNK_SUSPENDED, set);
}

static void
write_members(const Population *population, int32 definition_id, int64 marker,
			  MemberSet *set)
{
	Relation	relation;
	CatalogIndexState indexes;
	bytea	   *nothing = palloc(VARHDRSZ);

	storage_forget(population, definition_id);
	SET_VARSIZE(nothing, VARHDRSZ);
	relation = storage_open(population, false, RowExclusiveLock);
	indexes = CatalogOpenIndexes(relation);
	insert_chunk(relation, indexes, definition_id, marker, 0, nothing);
	for (int i = 0; i < members_chunks(set); i++)
	{
		int64		chunk;
		int32		size;
		bytea	   *members = members_write_chunk(set, i, &chunk, &size);

		if (size > 0)
			insert_chunk(relation, indexes, definition_id, chunk, size, members);
		pfree(members);
	}
	CatalogCloseIndexes(indexes);
	table_close(relation, NoLock);
	CommandCounterIncrement();
}

/*
 * An audience gets another filter: what is stored is still that of the old
 * one, until it is decided anew.
 */
void
storage_redefine(const Population *population, int32 definition_id, int32 becomes)
{
	Relation	relation = storage_open(population, false, RowExclusiveLock);
	CatalogIndexState indexes = CatalogOpenIndexes(relation);
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	SysScanDesc scan = scan_chunks(relation, definition_id, snapshot);
	HeapTuple	row;

	while (HeapTupleIsValid(row = systable_getnext(scan)))
	{
		Datum		values[CHUNK_COLUMNS] = {0};
		bool		nulls[CHUNK_COLUMNS] = {false};
		bool		replace[CHUNK_COLUMNS] = {false};
		HeapTuple	changed;

		values[CHUNK_AUDIENCE - 1] = Int32GetDatum(becomes);
		replace[CHUNK_AUDIENCE - 1] = true;
		changed = heap_modify_tuple(row, RelationGetDescr(relation), values,
									nulls, replace);
		CatalogTupleUpdateWithInfo(relation, &row->t_self, changed, indexes);
		heap_freetuple(changed);
	}
	systable_endscan(scan);
	UnregisterSnapshot(snapshot);
	CatalogCloseIndexes(indexes);
	table_close(relation, NoLock);
	CommandCounterIncrement();
}

/* The definition is no more. */
void
storage_forget(const Population *population, int32 definition_id)
{
	Relation	relation = storage_open(population, false, RowExclusiveLock);
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	SysScanDesc scan = scan_chunks(relation, definition_id, snapshot);
	HeapTuple	row;

	while (HeapTupleIsValid(row = systable_getnext(scan)))
		CatalogTupleDelete(relation, &row->t_self);
	systable_endscan(scan);
	UnregisterSnapshot(snapshot);
	table_close(relation, NoLock);
	CommandCounterIncrement();
}

/*
 * Flip members of one chunk.  'before' is empty, and is given the chunk as it
 * was.  Bytes that are no bitmap are an error, or else, with 'passing', the
 * chunk is left as it is and the answer false.
 */
bool
storage_flip(Relation relation, CatalogIndexState indexes, Snapshot snapshot,
			 int32 definition_id, int64 chunk, MemberSet *before, const int64 *ords,
			 int count, bool passing)
{
	TupleDesc	desc = RelationGetDescr(relation);
	SysScanDesc scan;
	HeapTuple	row;
	bool		isnull;
	MemberSet  *after = members_create();
	int64		written;
	int32		size;
	bytea	   *members;

	scan = scan_chunk(relation, definition_id, chunk, snapshot);
	row = systable_getnext(scan);
	if (HeapTupleIsValid(row))
	{
		size = DatumGetInt32(heap_getattr(row, CHUNK_SIZE, desc, &isnull));
		members = DatumGetByteaPP(heap_getattr(row, CHUNK_MEMBERS, desc, &isnull));
		if (passing && !members_try_chunk(before, chunk, size, members))
		{
			systable_endscan(scan);
			return false;
		}
		if (!passing)
			members_read_chunk(before, chunk, size, members);
		members_read_chunk(after, chunk, size, members);
	}
	for (int i = 0; i < count; i++)
		members_flip(after, ords[i]);

	members = members_write_chunk(after, 0, &written, &size);
	if (!HeapTupleIsValid(row))
	{
		if (size > 0)
			insert_chunk(relation, indexes, definition_id, chunk, size, members);
	}
	else if (size == 0)
		CatalogTupleDelete(relation, &row->t_self);
	else
	{
		Datum		values[CHUNK_COLUMNS] = {0};
		bool		nulls[CHUNK_COLUMNS] = {false};
		bool		replace[CHUNK_COLUMNS] = {false};
		HeapTuple	changed;

		values[CHUNK_SIZE - 1] = Int32GetDatum(size);
		values[CHUNK_MEMBERS - 1] = PointerGetDatum(members);
		replace[CHUNK_SIZE - 1] = replace[CHUNK_MEMBERS - 1] = true;
		changed = heap_modify_tuple(row, desc, values, nulls, replace);
		CatalogTupleUpdateWithInfo(relation, &row->t_self, changed, indexes);
		heap_freetuple(changed);
	}
	systable_endscan(scan);
	pfree(members);
	return true;
}

static void
insert_chunk(Relation relation, CatalogIndexState indexes, int32 definition_id,
			 int64 chunk, int32 size, bytea *members)
{
	Datum		values[CHUNK_COLUMNS];
	bool		nulls[CHUNK_COLUMNS] = {false};
	HeapTuple	row;

	values[CHUNK_AUDIENCE - 1] = Int32GetDatum(definition_id);
	values[CHUNK_NUMBER - 1] = Int64GetDatum(chunk);
	values[CHUNK_SIZE - 1] = Int32GetDatum(size);
	values[CHUNK_MEMBERS - 1] = PointerGetDatum(members);
	row = heap_form_tuple(RelationGetDescr(relation), values, nulls);
	CatalogTupleInsertWithInfo(relation, row, indexes);
	heap_freetuple(row);
}
