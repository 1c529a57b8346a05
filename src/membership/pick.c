/*-------------------------------------------------------------------------
 *
 * pick.c
 *	  Which toggles does a fold with a budget take?
 *
 * A fold takes the toggles that happened first.  The toggle table has no
 * index, and its rows are in no order, so all of them are read; but only times
 * and profiles are looked at, and only as many rows are kept as may be taken:
 *
 *		17 at 12:03		17 at 12:00		40 at 12:01		41 at 12:02		...
 *
 *		most = 2		17 at 12:00, 40 at 12:01
 *
 * The feed emits what happened to a customer in the order in which it
 * happened, and nothing that one transaction has undone (net.c).  So with a
 * toggle of a customer are picked
 *
 *	- the customer's toggles that happened before it.  They need not have
 *	  earlier times: the customer's profile may have ended and be another one
 *	  now, with a higher ord, made by a transaction whose clock lagged behind;
 *	- those of the same instant.
 *
 * A second reading of the table finds them, by the keys of the picked ones.
 * Where no more toggles are pending than a fold may take, all are picked.
 *
 * Beside millions of toggles that takes far longer than to fold a few.  So
 * where many rows are read, more are picked than this fold may take, and what
 * it leaves is kept for the session's next one (picked.c).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "access/tableam.h"
#include "executor/tuptable.h"
#include "miscadmin.h"

#include "membership/membership_private.h"

/*
 * So many times as many toggles are picked as a fold may take, or so many, if
 * that is less; and they are kept if so many rows were read.
 */
#define FOLDS_PICKED	256
#define MOST_PICKED		100000
#define MANY_ROWS		10000

/* A row of toggles: when, of which profile, and where it is in the table. */
typedef struct Candidate
{
	TimestampTz at;
	int64		ord;
	ItemPointerData tid;
	int			toggles;		/* how many it has */
} Candidate;

/* The rows that happened first, as far as the table is read. */
typedef struct Candidates
{
	int64		most;			/* so many toggles are wanted */
	int64		read;			/* rows of the table */
	int64		toggles;		/* of the rows in the list */
	int64		count;
	int64		space;
	Candidate  *list;
	bool		full;			/* rows were left out: all later ones may be */
	Candidate	last;			/* the latest row that was kept then */
} Candidates;

/* The customer of one or several rows that were picked. */
typedef struct PickedKey
{
	Datum		key;
	int			number;			/* among these customers */
	uint32		hash;
	char		status;			/* for simplehash */
} PickedKey;
#define SH_PREFIX picked
#define SH_ELEMENT_TYPE PickedKey
#define SH_KEY_TYPE Datum
#define SH_KEY key
#define SH_HASH_KEY(table, key) \
	profile_key_hash((table)->private_data, key)
#define SH_EQUAL(table, a, b) \
	(profile_key_compare((table)->private_data, a, b) == 0)
#define SH_STORE_HASH
#define SH_GET_HASH(table, element) (element)->hash
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/* A row of such a customer, picked or not. */
typedef struct Companion
{
	int			number;			/* of the customer */
	Candidate	row;
	int64		transaction;
	TimestampTz happened;		/* no earlier than the customer's before */
	int64		first_ord;		/* of those that happened at that instant */
} Companion;

typedef struct Companions
{
	int64		count;
	int64		space;
	Companion  *list;
} Companions;

static ItemPointerData *all_rows(const Candidate *rows, int64 count);
static void first_rows(Relation relation, Snapshot snapshot,
					   Candidates *found);
static void add_candidate(Candidates *found, const Candidate *one);
static void keep_first(Candidates *found);
static Candidate *read_keys(Relation relation, Snapshot snapshot,
							const Candidate *first, int64 count,
							picked_hash *keys);
static void find_companions(Relation relation, Snapshot snapshot,
							picked_hash *keys, Companions *found);
static void leave_later(Companions *found, const Candidate *last);
static PickedRow *in_order(Companions *found);
static int	compare_candidates(const Candidate *a, const Candidate *b);
static int	compare_by_time(const void *a, const void *b);
static int	compare_companions(const void *a, const void *b);
static int	compare_by_order(const void *a, const void *b);

ItemPointerData *
toggles_pick(const Population *population, Relation relation,
			 Snapshot snapshot, int64 most, int64 *count)
{
	Candidates	first = {.space = 256};
	ItemPointerData *picked = picked_take(relation, snapshot, most, count);
	picked_hash *keys;
	Candidate  *last;			/* the last one picked of each customer */
	Companions	found = {0};

	if (picked != NULL)
		return picked;
	first.most = Max(most, Min(most * FOLDS_PICKED, MOST_PICKED));
	first_rows(relation, snapshot, &first);
	if (!first.full && first.toggles <= most)
		return all_rows(first.list, *count = first.count);
	if (first.full || first.toggles > first.most)
		keep_first(&first);
	keys = picked_create(CurrentMemoryContext, 64,
						 unconstify(Population *, population));
	last = read_keys(relation, snapshot, first.list, first.count, keys);
	find_companions(relation, snapshot, keys, &found);
	leave_later(&found, last);
	picked_keep(relation, in_order(&found), found.count);
	picked = picked_take(relation, snapshot, most, count);
	if (first.read < MANY_ROWS)
		membership_forget_picked();
	return picked;
}

/* all_rows() returns where these rows are, which are in the table's order. */
static ItemPointerData *
all_rows(const Candidate *rows, int64 count)
{
	ItemPointerData *picked =
		palloc_extended(sizeof(ItemPointerData) * Max(count, 1),
						MCXT_ALLOC_HUGE);

	for (int64 i = 0; i < count; i++)
		picked[i] = rows[i].tid;
	return picked;
}

/*
 * first_rows() finds the rows that have the 'most' toggles that happened
 * first, and others, in no order; or if the list does not become full all
 * rows, in the table's order.
 */
static void
first_rows(Relation relation, Snapshot snapshot, Candidates *found)
{
	TupleTableSlot *slot = table_slot_create(relation, NULL);
	TableScanDesc scan = table_beginscan(relation, snapshot, 0, NULL);

	found->list = palloc(sizeof(Candidate) * found->space);
	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		const Datum *values = slot->tts_values;
		Candidate	one;

		CHECK_FOR_INTERRUPTS();
		found->read++;
		slot_getsomeattrs(slot, TOGGLE_AT);
		one.ord = DatumGetInt64(values[TOGGLE_ORD - 1]);
		one.at = DatumGetTimestampTz(values[TOGGLE_AT - 1]);
		/* of most rows no more is read */
		if (found->full && compare_by_time(&one, &found->last) >= 0)
			continue;
		slot_getsomeattrs(slot, TOGGLE_LIST);
		one.tid = slot->tts_tid;
		one.toggles = toggles_count(values[TOGGLE_LIST - 1]);
		add_candidate(found, &one);
	}
	table_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
}

/*
 * add_candidate() adds a row.  When the list has twice as many as are wanted,
 * the later half is left out.
 */
static void
add_candidate(Candidates *found, const Candidate *one)
{
	if (found->count == found->space)
	{
		found->space *= 2;
		found->list = repalloc_huge(found->list,
									sizeof(Candidate) * found->space);
	}
	found->list[found->count++] = *one;
	found->toggles += one->toggles;
	if (found->toggles / 2 >= found->most)
		keep_first(found);
}

/* keep_first() leaves out the rows that are later than those wanted. */
static void
keep_first(Candidates *found)
{
	int64		count = found->count;

	qsort(found->list, count, sizeof(Candidate), compare_by_time);
	found->toggles = found->count = 0;
	while (found->count < count && found->toggles < found->most)
		found->toggles += found->list[found->count++].toggles;
	if (found->count == count && !found->full)
		return;
	found->full = true;
	found->last = found->list[found->count - 1];
}

/*
 * read_keys() notes whose rows these are, and numbers the customers.  Returns
 * the last of these rows of each customer.
 */
static Candidate *
read_keys(Relation relation, Snapshot snapshot, const Candidate *first,
		  int64 count, picked_hash *keys)
{
	TupleTableSlot *slot = table_slot_create(relation, NULL);
	Candidate  *last = palloc_extended(sizeof(Candidate) * count,
									   MCXT_ALLOC_HUGE);
	int			customers = 0;

	for (int64 i = 0; i < count; i++)
	{
		ItemPointerData tid;
		PickedKey  *key;
		bool		found;

		CHECK_FOR_INTERRUPTS();
		tid = first[i].tid;
		if (!table_tuple_fetch_row_version(relation, &tid, snapshot, slot))
			elog(ERROR, "a toggle is gone while it is read");
		slot_getsomeattrs(slot, TOGGLE_KEY);
		key = picked_insert(keys, slot->tts_values[TOGGLE_KEY - 1], &found);
		if (!found)
		{
			key->key = profile_key_copy(keys->private_data, key->key);
			key->number = customers++;
		}
		if (!found || compare_candidates(&first[i], &last[key->number]) > 0)
			last[key->number] = first[i];
	}
	ExecDropSingleTupleTableSlot(slot);
	return last;
}

/* find_companions() finds all rows of these customers. */
static void
find_companions(Relation relation, Snapshot snapshot, picked_hash *keys,
				Companions *found)
{
	TupleTableSlot *slot = table_slot_create(relation, NULL);
	TableScanDesc scan = table_beginscan(relation, snapshot, 0, NULL);

	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		PickedKey  *key;
		Companion  *one;

		CHECK_FOR_INTERRUPTS();
		slot_getsomeattrs(slot, TOGGLE_KEY);
		key = picked_lookup(keys, slot->tts_values[TOGGLE_KEY - 1]);
		if (key == NULL)
			continue;
		if (found->count == found->space)
		{
			found->space = Max(found->space * 2, 256);
			found->list = found->list == NULL ?
				palloc(sizeof(Companion) * found->space) :
				repalloc_huge(found->list, sizeof(Companion) * found->space);
		}
		one = &found->list[found->count++];
		one->number = key->number;
		one->row.ord = DatumGetInt64(slot->tts_values[TOGGLE_ORD - 1]);
		one->row.at = DatumGetTimestampTz(slot->tts_values[TOGGLE_AT - 1]);
		one->row.tid = slot->tts_tid;
		one->row.toggles = toggles_count(slot->tts_values[TOGGLE_LIST - 1]);
		one->transaction =
			DatumGetInt64(slot->tts_values[TOGGLE_TRANSACTION - 1]);
	}
	table_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
}

/*
 * leave_later() leaves out what happened to a customer after the last row that
 * was picked, and says of the others when they happened.
 */
static void
leave_later(Companions *found, const Candidate *last)
{
	Companion  *list = found->list;
	int64		count = 0;

	qsort(list, found->count, sizeof(Companion), compare_companions);
	for (int64 i = 0, next; i < found->count; i = next)
	{
		int			number = list[i].number;
		TimestampTz passed = DT_NOBEGIN;
		int64		first_ord = 0;
		bool		more = true;

		for (next = i; next < found->count; next++)
		{
			Companion	one = list[next];

			if (one.number != number)
				break;
			/* after the last, those that are no later than what was before */
			if (compare_candidates(&one.row, &last[number]) > 0)
				more &= one.row.at <= passed;
			if (!more)
				continue;
			if (next == i || one.row.at > passed)
			{
				passed = one.row.at;
				first_ord = one.row.ord;
			}
			one.happened = passed;
			one.first_ord = first_ord;
			list[count++] = one;
		}
	}
	found->count = count;
}

/*
 * in_order() returns the rows in the order in which they happened, and which
 * of them must not be separated from the next.
 */
static PickedRow *
in_order(Companions *found)
{
	const Companion *list = found->list;
	PickedRow  *rows = palloc_extended(sizeof(PickedRow) * found->count,
									   MCXT_ALLOC_HUGE);

	qsort(found->list, found->count, sizeof(Companion), compare_by_order);
	for (int64 i = 0; i < found->count; i++)
	{
		PickedRow  *row = &rows[i];

		row->tid = list[i].row.tid;
		row->toggles = list[i].row.toggles;
		row->transaction = list[i].transaction;
		row->may_be_last = i + 1 == found->count ||
			list[i].number != list[i + 1].number ||
			list[i].happened != list[i + 1].happened;
	}
	return rows;
}

/* The order in which one customer's toggles happened. */
static int
compare_candidates(const Candidate *a, const Candidate *b)
{
	if (a->ord != b->ord)
		return a->ord < b->ord ? -1 : 1;
	return a->at < b->at ? -1 : a->at > b->at;
}

/* By time, then by profile. */
static int
compare_by_time(const void *a, const void *b)
{
	const Candidate *left = a;
	const Candidate *right = b;

	if (left->at != right->at)
		return left->at < right->at ? -1 : 1;
	return left->ord < right->ord ? -1 : left->ord > right->ord;
}

static int
compare_companions(const void *a, const void *b)
{
	const Companion *left = a;
	const Companion *right = b;

	if (left->number != right->number)
		return left->number < right->number ? -1 : 1;
	return compare_candidates(&left->row, &right->row);
}

/* By instant; what happened to a customer at one stands together. */
static int
compare_by_order(const void *a, const void *b)
{
	const Companion *left = a;
	const Companion *right = b;

	if (left->happened != right->happened)
		return left->happened < right->happened ? -1 : 1;
	if (left->first_ord != right->first_ord)
		return left->first_ord < right->first_ord ? -1 : 1;
	return compare_companions(a, b);
}
