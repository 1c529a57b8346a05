/*-------------------------------------------------------------------------
 *
 * find.c
 *	  How is the row of one profile after the other found by its key?
 *
 * An event finds its profile by one descent of the index on the key.  A
 * statement that touches most profiles asks for one key after the other, in
 * order, and the next key is the next entry of the index, or near:
 *
 *		wanted			7		9		10		11
 *		entries			7	8	9		10		11	12
 *		read on			7	8, 9		10		11
 *
 * So after some keys that were found one by one a scan is begun that reads on
 * from the next key.  One that is not there is passed, and it ends when the
 * wanted key is beyond the next few entries.  Then it is not tried again for
 * some keys: to begin it copies the rest of a page of the index.
 *
 * Both see the same rows, those of the table's snapshot.  A key that reading
 * on does not come to is looked for by itself, so it does not matter in which
 * order keys are asked for.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/stratnum.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "profile/table.h"

/* So many entries are read on for a key. */
#define MOST_STEPS	8

/* Keys that are found by themselves before reading on is tried, and again. */
#define FIRST_SINGLY	16
#define SINGLY			128

static bool find_onward(ProfileTable *table, Datum key);
static void onward_begin(ProfileTable *table, Datum key);
static void onward_end(ProfileTable *table);
static void init_key(const ProfileTable *table, StrategyNumber strategy,
					 Datum key, ScanKey scan_key);

void
find_begin(ProfileTable *table)
{
	table->scan = index_beginscan(table->relation, table->index,
								  table->snapshot, NULL, 1, 0);
	init_key(table, BTEqualStrategyNumber, (Datum) 0, &table->key);
	table->singly = FIRST_SINGLY;
}

void
find_end(ProfileTable *table)
{
	if (table->onward != NULL)
		onward_end(table);
	index_endscan(table->scan);
}

bool
find_row(ProfileTable *table, Datum key)
{
	/* to read on would lock more of the index than was asked for */
	if (table->singly-- == 0 && !IsolationIsSerializable())
		onward_begin(table, key);
	if (table->onward != NULL && find_onward(table, key))
		return true;
	table->key.sk_argument = key;
	index_rescan(table->scan, &table->key, 1, NULL, 0);
	return index_getnext_slot(table->scan, ForwardScanDirection,
							  table->found);
}

bool
find_latest(const ProfileTable *table, Datum key)
{
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	TupleTableSlot *slot = table_slot_create(table->relation, NULL);
	IndexScanDesc scan = index_beginscan(table->relation, table->index,
										 snapshot, NULL, 1, 0);
	ScanKeyData wanted;
	bool		found;

	init_key(table, BTEqualStrategyNumber, key, &wanted);
	index_rescan(scan, &wanted, 1, NULL, 0);
	found = index_getnext_slot(scan, ForwardScanDirection, slot);
	index_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	UnregisterSnapshot(snapshot);
	return found;
}

/*
 * find_onward() reads on for a key.  False if it does not come to a row that
 * has it; the scan is ended unless it has come to a later one.
 */
static bool
find_onward(ProfileTable *table, Datum key)
{
	IndexScanDesc scan = table->onward;

	for (int i = 0; i < MOST_STEPS; i++)
	{
		bool		isnull;
		int			order;

		if (!table->at_entry &&
			index_getnext_tid(scan, ForwardScanDirection) == NULL)
			break;
		table->at_entry = true;
		order = profile_key_compare(table->population,
									index_getattr(scan->xs_itup, 1,
												  scan->xs_itupdesc, &isnull),
									key);
		if (order > 0)
			return false;
		table->at_entry = false;
		if (order == 0 && index_fetch_heap(scan, table->found))
			return true;
	}
	onward_end(table);
	return false;
}

/* onward_begin() begins to read on from a key, which the scan keeps. */
static void
onward_begin(ProfileTable *table, Datum key)
{
	ScanKeyData from;

	table->from = profile_key_copy(table->population, key);
	table->onward = index_beginscan(table->relation, table->index,
									table->snapshot, NULL, 1, 0);
	/* entries are compared before their rows are read */
	table->onward->xs_want_itup = true;
	init_key(table, BTGreaterEqualStrategyNumber, table->from, &from);
	index_rescan(table->onward, &from, 1, NULL, 0);
	table->at_entry = false;
}

static void
onward_end(ProfileTable *table)
{
	index_endscan(table->onward);
	table->onward = NULL;
	if (!TupleDescAttr(RelationGetDescr(table->index), 0)->attbyval)
		pfree(DatumGetPointer(table->from));
	table->singly = SINGLY;
}

/* init_key() makes a scan key of the index on the key. */
static void
init_key(const ProfileTable *table, StrategyNumber strategy, Datum key,
		 ScanKey scan_key)
{
	Oid			type = table->index->rd_opcintype[0];
	RegProcedure compare;

	compare = get_opcode(get_opfamily_member(table->index->rd_opfamily[0],
											 type, type, strategy));
	ScanKeyEntryInitialize(scan_key, 0, 1, strategy, InvalidOid,
						   table->index->rd_indcollation[0], compare, key);
}
