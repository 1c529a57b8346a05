/*-------------------------------------------------------------------------
 *
 * chunks.c
 *	  What does the chunk table say of one definition?
 *
 *		definition_id	chunk	size	members
 *		3				-1		0		(marker: the members of 3 are stored)
 *		3				0		2		{17, 40}
 *		3				1		1		{140000}
 *		4				-2		0		(marker: the members of 4 are not kept)
 *		4				0		1		{17}
 *
 * membership_read() adds the toggles that the same snapshot shows.  A fold
 * rewrites single chunks (chunk_flip()), all other writers replace what is
 * stored of a definition.  A writer holds the storage lock (tables.c).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "base/base.h"
#include "membership/membership_private.h"

static MemberSet *read_members(const Population *population,
							   int32 definition_id, Snapshot snapshot,
							   bool *damaged, bool *stored);
static MemberSet *read_chunks(const Population *population,
							  int32 definition_id, Snapshot snapshot,
							  bool *damaged, bool *stored);
static void read_open_chunks(MemberSet *set, Relation relation,
							 int32 definition_id, Snapshot snapshot,
							 bool *damaged, bool *stored);
static bool read_chunk(Relation relation, HeapTuple row, MemberSet *set,
					   bool skip_damaged);
static SysScanDesc scan_one(Relation relation, int32 definition_id,
							int64 number, Snapshot snapshot);
static void write_members(const Population *population, int32 definition_id,
						  int64 marker, MemberSet *set);
static void insert_chunk(ChunkWriter *writer, int32 definition_id,
						 int64 number, int32 size, bytea *members);
static void replace_chunk(ChunkWriter *writer, HeapTuple row, int32 size,
						  bytea *members);

/* ---- reading ---- */

MemberSet *
membership_read(const Population *population, int32 definition_id,
				Snapshot snapshot, bool *damaged)
{
	bool		stored;
	MemberSet  *set = read_members(population, definition_id, snapshot,
								   damaged, &stored);

	return stored ? set : NULL;
}

MemberSet *
membership_read_last(const Population *population, int32 definition_id,
					 Snapshot snapshot, bool *damaged)
{
	bool		stored;

	return read_members(population, definition_id, snapshot, damaged,
						&stored);
}

void
membership_read_several(const Population *population,
						const int32 *definition_ids, int count,
						Snapshot snapshot, MemberSet **sets)
{
	for (int i = 0; i < count; i++)
	{
		bool		stored;
		MemberSet  *set = read_chunks(population, definition_ids[i], snapshot,
									  NULL, &stored);

		sets[i] = stored ? set : NULL;
	}
	toggles_flip_several(population, definition_ids, count, snapshot, sets);
}

/*
 * read_members() reads chunks and toggles.  *stored tells whether the
 * snapshot shows the marker of members that are kept.
 */
static MemberSet *
read_members(const Population *population, int32 definition_id,
			 Snapshot snapshot, bool *damaged, bool *stored)
{
	MemberSet  *set = read_chunks(population, definition_id, snapshot, damaged,
								  stored);

	toggles_flip(population, definition_id, snapshot, set);
	return set;
}

/* read_chunks() reads chunks alone. */
static MemberSet *
read_chunks(const Population *population, int32 definition_id,
			Snapshot snapshot, bool *damaged, bool *stored)
{
	MemberSet  *set = members_create();
	Relation	relation;

	*stored = false;
	if (!OidIsValid(membership_tables(population)->chunks))
		return set;
	relation = chunks_open(population, AccessShareLock);
	read_open_chunks(set, relation, definition_id, snapshot, damaged, stored);
	table_close(relation, AccessShareLock);
	return set;
}

MemberSet *
chunks_try_read(Relation relation, int32 definition_id, Snapshot snapshot)
{
	MemberSet  *set = members_create();
	bool		damaged;
	bool		stored = false;

	read_open_chunks(set, relation, definition_id, snapshot, &damaged,
					 &stored);
	return stored ? set : NULL;
}

/* read_open_chunks() adds what is in the chunks of a definition to a set. */
static void
read_open_chunks(MemberSet *set, Relation relation, int32 definition_id,
				 Snapshot snapshot, bool *damaged, bool *stored)
{
	TupleDesc	desc = RelationGetDescr(relation);
	SysScanDesc scan = chunks_scan(relation, definition_id, snapshot);
	HeapTuple	row;

	while (HeapTupleIsValid(row = systable_getnext(scan)))
	{
		bool		isnull;
		int64		number;

		CHECK_FOR_INTERRUPTS();
		number = DatumGetInt64(heap_getattr(row, CHUNK_NUMBER, desc, &isnull));
		if (number < 0)
		{
			*stored = (number == CHUNK_MARKER);
			continue;
		}
		if (!read_chunk(relation, row, set, damaged != NULL))
			*damaged = true;
	}
	systable_endscan(scan);
}

void
chunk_read(Relation relation, HeapTuple row, MemberSet *set)
{
	(void) read_chunk(relation, row, set, false);
}

SysScanDesc
chunks_scan(Relation relation, int32 definition_id, Snapshot snapshot)
{
	ScanKeyData key;

	ScanKeyInit(&key, CHUNK_DEFINITION, BTEqualStrategyNumber, F_INT4EQ,
				Int32GetDatum(definition_id));
	return systable_beginscan(relation,
							  RelationGetPrimaryKeyIndex(relation, false),
							  true, snapshot, 1, &key);
}

/* scan_one() scans for one chunk of a definition, or for a marker. */
static SysScanDesc
scan_one(Relation relation, int32 definition_id, int64 number,
		 Snapshot snapshot)
{
	ScanKeyData keys[2];

	ScanKeyInit(&keys[0], CHUNK_DEFINITION, BTEqualStrategyNumber, F_INT4EQ,
				Int32GetDatum(definition_id));
	ScanKeyInit(&keys[1], CHUNK_NUMBER, BTEqualStrategyNumber, F_INT8EQ,
				Int64GetDatum(number));
	return systable_beginscan(relation,
							  RelationGetPrimaryKeyIndex(relation, false),
							  true, snapshot, 2, keys);
}

/* ---- a definition whose members nobody keeps ---- */

void
membership_suspend(const Population *population, int32 definition_id)
{
	char	   *chunks = relation_name(membership_tables(population)->chunks);

	population_write(population,
					 psprintf("UPDATE %s SET chunk = (%d)"
							  " WHERE definition_id = %d AND chunk = (%d)",
							  chunks, CHUNK_SUSPENDED, definition_id,
							  CHUNK_MARKER));
}

bool
membership_suspended(const Population *population, int32 definition_id)
{
	Relation	relation;
	Snapshot	snapshot;
	SysScanDesc scan;
	bool		suspended;

	if (!OidIsValid(membership_tables(population)->chunks))
		return false;
	relation = chunks_open(population, AccessShareLock);
	snapshot = RegisterSnapshot(GetLatestSnapshot());
	scan = scan_one(relation, definition_id, CHUNK_SUSPENDED, snapshot);
	suspended = HeapTupleIsValid(systable_getnext(scan));
	systable_endscan(scan);
	UnregisterSnapshot(snapshot);
	table_close(relation, AccessShareLock);
	return suspended;
}

/* ---- writing all members of a definition ---- */

void
membership_write(const Population *population, int32 definition_id,
				 MemberSet *set)
{
	write_members(population, definition_id, CHUNK_MARKER, set);
}

void
membership_write_suspended(const Population *population, int32 definition_id,
						   MemberSet *set)
{
	write_members(population, definition_id, CHUNK_SUSPENDED, set);
}

/* write_members() replaces the chunks of a definition, 'marker' included. */
static void
write_members(const Population *population, int32 definition_id, int64 marker,
			  MemberSet *set)
{
	ChunkWriter writer;
	bytea	   *nothing = palloc(VARHDRSZ);

	membership_forget(population, definition_id);
	SET_VARSIZE(nothing, VARHDRSZ);
	chunk_writer_open(&writer, population);
	insert_chunk(&writer, definition_id, marker, 0, nothing);
	for (int i = 0; i < members_chunks(set); i++)
	{
		int64		number;
		int32		size;
		bytea	   *members = members_write_chunk(set, i, &number, &size);

		if (size > 0)
			insert_chunk(&writer, definition_id, number, size, members);
		pfree(members);
	}
	chunk_writer_close(&writer);
	CommandCounterIncrement();
}

void
membership_redefine(const Population *population, int32 definition_id,
					int32 becomes)
{
	ChunkWriter writer;
	SysScanDesc scan;
	HeapTuple	row;

	chunk_writer_open(&writer, population);
	scan = chunks_scan(writer.relation, definition_id, writer.snapshot);
	while (HeapTupleIsValid(row = systable_getnext(scan)))
	{
		Datum		values[CHUNK_COLUMNS] = {0};
		bool		nulls[CHUNK_COLUMNS] = {false};
		bool		replace[CHUNK_COLUMNS] = {false};
		HeapTuple	changed;

		values[CHUNK_DEFINITION - 1] = Int32GetDatum(becomes);
		replace[CHUNK_DEFINITION - 1] = true;
		changed = heap_modify_tuple(row, RelationGetDescr(writer.relation),
									values, nulls, replace);
		CatalogTupleUpdateWithInfo(writer.relation, &row->t_self, changed,
								   writer.indexes);
		heap_freetuple(changed);
	}
	systable_endscan(scan);
	chunk_writer_close(&writer);
	CommandCounterIncrement();
}

void
membership_forget(const Population *population, int32 definition_id)
{
	Relation	relation = chunks_open(population, RowExclusiveLock);
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	SysScanDesc scan = chunks_scan(relation, definition_id, snapshot);
	HeapTuple	row;

	while (HeapTupleIsValid(row = systable_getnext(scan)))
		CatalogTupleDelete(relation, &row->t_self);
	systable_endscan(scan);
	UnregisterSnapshot(snapshot);
	table_close(relation, NoLock);
	CommandCounterIncrement();
}

/* ---- writing single chunks ---- */

void
chunk_writer_open(ChunkWriter *writer, const Population *population)
{
	writer->relation = chunks_open(population, RowExclusiveLock);
	writer->indexes = CatalogOpenIndexes(writer->relation);
	writer->snapshot = RegisterSnapshot(GetLatestSnapshot());
	writer->skip_damaged = false;
}

void
chunk_writer_close(ChunkWriter *writer)
{
	UnregisterSnapshot(writer->snapshot);
	CatalogCloseIndexes(writer->indexes);
	table_close(writer->relation, NoLock);
}

void
chunk_flip(ChunkWriter *writer, int32 definition_id, int64 number,
		   const uint32 *offsets, int count)
{
	SysScanDesc scan = scan_one(writer->relation, definition_id, number,
								writer->snapshot);
	HeapTuple	row = systable_getnext(scan);
	MemberSet  *set = members_create();
	int32		size;
	bytea	   *members;

	if (HeapTupleIsValid(row) &&
		!read_chunk(writer->relation, row, set, writer->skip_damaged))
	{
		systable_endscan(scan);
		return;
	}
	for (int i = 0; i < count; i++)
		members_flip(set, CHUNK_ORD(number, offsets[i]));

	members = members_write_chunk(set, 0, &number, &size);
	if (HeapTupleIsValid(row))
		replace_chunk(writer, row, size, members);
	else if (size > 0)
		insert_chunk(writer, definition_id, number, size, members);
	systable_endscan(scan);
	pfree(members);
}

bool
chunk_contains(const MembershipFold *fold, int32 definition_id, int64 ord,
			   bool *member)
{
	MemoryContext memory = AllocSetContextCreate(CurrentMemoryContext,
												 "segment chunk",
												 ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(memory);
	Relation	relation = chunks_open(fold->population, AccessShareLock);
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	SysScanDesc scan = scan_one(relation, definition_id, CHUNK_OF(ord),
								snapshot);
	HeapTuple	row = systable_getnext(scan);
	MemberSet  *set = members_create();
	bool		read = true;

	if (HeapTupleIsValid(row))
		read = read_chunk(relation, row, set, fold->skip_damaged);
	*member = read && members_contain(set, ord);
	systable_endscan(scan);
	UnregisterSnapshot(snapshot);
	table_close(relation, AccessShareLock);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(memory);
	return read;
}

/*
 * read_chunk() adds the members in a row to a set; one that is damaged is an
 * error, or with 'skip_damaged' the answer is false.
 */
static bool
read_chunk(Relation relation, HeapTuple row, MemberSet *set,
		   bool skip_damaged)
{
	TupleDesc	desc = RelationGetDescr(relation);
	bool		isnull;
	int64		number = DatumGetInt64(heap_getattr(row, CHUNK_NUMBER, desc,
												&isnull));
	int32		size = DatumGetInt32(heap_getattr(row, CHUNK_SIZE, desc,
											  &isnull));
	Datum		value = heap_getattr(row, CHUNK_MEMBERS, desc, &isnull);
	bytea	   *members = DatumGetByteaPP(value);
	bool		good = true;

	if (skip_damaged)
		good = members_try_chunk(set, number, size, members);
	else
		members_read_chunk(set, number, size, members);
	/* of a hundred audiences these would be megabytes */
	if ((Pointer) members != DatumGetPointer(value))
		pfree(members);
	return good;
}

/* replace_chunk() updates a row, or deletes it if no member is left in it. */
static void
replace_chunk(ChunkWriter *writer, HeapTuple row, int32 size, bytea *members)
{
	Datum		values[CHUNK_COLUMNS] = {0};
	bool		nulls[CHUNK_COLUMNS] = {false};
	bool		replace[CHUNK_COLUMNS] = {false};
	HeapTuple	changed;

	if (size == 0)
	{
		CatalogTupleDelete(writer->relation, &row->t_self);
		return;
	}
	values[CHUNK_SIZE - 1] = Int32GetDatum(size);
	values[CHUNK_MEMBERS - 1] = PointerGetDatum(members);
	replace[CHUNK_SIZE - 1] = replace[CHUNK_MEMBERS - 1] = true;
	changed = heap_modify_tuple(row, RelationGetDescr(writer->relation),
								values, nulls, replace);
	CatalogTupleUpdateWithInfo(writer->relation, &row->t_self, changed,
							   writer->indexes);
	heap_freetuple(changed);
}

/* insert_chunk() inserts a row into the chunk table. */
static void
insert_chunk(ChunkWriter *writer, int32 definition_id, int64 number,
			 int32 size, bytea *members)
{
	Datum		values[CHUNK_COLUMNS];
	bool		nulls[CHUNK_COLUMNS] = {false};
	HeapTuple	row;

	values[CHUNK_DEFINITION - 1] = Int32GetDatum(definition_id);
	values[CHUNK_NUMBER - 1] = Int64GetDatum(number);
	values[CHUNK_SIZE - 1] = Int32GetDatum(size);
	values[CHUNK_MEMBERS - 1] = PointerGetDatum(members);
	row = heap_form_tuple(RelationGetDescr(writer->relation), values, nulls);
	CatalogTupleInsertWithInfo(writer->relation, row, writer->indexes);
	heap_freetuple(row);
}
