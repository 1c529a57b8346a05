/*-------------------------------------------------------------------------
 *
 * contribution.c
 *	  Which profiles do the rows of a statement touch, and how?
 *
 *		INSERT INTO orders (customer_id, amount) VALUES (7, 10), (9, 5), (7, 2)
 *
 *		profile 7	delta: 2 rows came, amount +12
 *		profile 9	delta: 1 row came, amount +5
 *
 * Rows are folded into one delta per profile, whatever their order.  A table
 * can be several sources, of some of its rows each (attach_source with a
 * filter): each row is read once, and folded for those that it is a row of.
 *
 * Memory.  Deltas take at most work_mem.  From half of that on no profile is
 * added: its rows are evaluated and kept as they are (spilled_rows.c), to be
 * folded when the profile is written.  A profile that has a delta goes on with
 * it until all of work_mem is taken; what is spilled of it then joins its
 * delta.
 *
 * Rights.  This runs as the user who wrote the rows: it takes no right on any
 * table, and runs no code but the server's and ours (filter/compile.c).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "base/base.h"
#include "flow/batch.h"

/* A profile that the rows touch. */
typedef struct Touched
{
	Datum		key;
	TraitDelta *delta;
	GuestRow   *rows;			/* see interests_keep() */
	uint32		hash;
	char		status;			/* for simplehash */
} Touched;

/* A table's private_data is the population. */
#define SH_PREFIX touched
#define SH_ELEMENT_TYPE Touched
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

static void empty_touched(Contribution *contribution);
static void add_truncated(Contribution *contribution, Datum key,
						  TupleTableSlot *row, int64 rows);
static void begin_joining(Contribution *contribution, Oid relid, bool whole);
static void end_joining(Contribution *contribution);
static void add_row(List *contributions, Oid relid, TupleTableSlot *went,
					TupleTableSlot *came);
static bool row_key(Contribution *contribution, TupleTableSlot *row,
					Datum *key);
static Touched *touch(Contribution *contribution, Datum key);
static Touched *touch_always(Contribution *contribution, Datum key);
static SpilledRows *spilled(Contribution *contribution);
static TupleTableSlot *row_slot(Relation relation);

Contribution *
contribution_create(MemoryContext parent, const Source *source,
					const TraitProgram *program)
{
	MemoryContext context = AllocSetContextCreate(parent, "segment batch part",
												  ALLOCSET_DEFAULT_SIZES);
	Contribution *contribution = MemoryContextAllocZero(context,
														sizeof(Contribution));
	MemoryContext old;

	contribution->context = context;
	contribution->row = AllocSetContextCreate(context, "segment row",
											  ALLOCSET_SMALL_SIZES);
	contribution->source = source;
	contribution->program = program;
	old = MemoryContextSwitchTo(context);
	contribution->interests = guests_interests(source);
	MemoryContextSwitchTo(old);
	contribution->subid = GetCurrentSubTransactionId();
	contribution->profiles = touched_create(context, 16,
											unconstify(Population *,
													   source->population));
	contribution->most = !spilled_possible(program) ? SIZE_MAX :
		statement_memory();
	return contribution;
}

Size
statement_memory(void)
{
	return (Size) 1024 * (segment_statement_memory >= 0 ?
						  segment_statement_memory : work_mem);
}

void
contribution_forget(Contribution *contribution, Datum key)
{
	(void) touched_delete(contribution->profiles, key);
}

void
contribution_end(Contribution *contribution)
{
	if (contribution->spilled != NULL)
		spilled_end(contribution->spilled);
	MemoryContextDelete(contribution->context);
}

void
contributions_add_rows(List *contributions, Relation relation,
					   const SourceTable *table, Tuplestorestate *went,
					   Tuplestorestate *came, bool whole)
{
	TupleTableSlot *old_row = row_slot(relation);
	TupleTableSlot *new_row = row_slot(relation);
	TupleTableSlot *old_above = source_table_slot(table);
	TupleTableSlot *new_above = source_table_slot(table);
	ListCell   *lc;

	foreach(lc, contributions)
		begin_joining(lfirst(lc), table->relid, whole);
	if (went != NULL)
		tuplestore_rescan(went);
	if (came != NULL)
		tuplestore_rescan(came);
	folding_begin();
	for (;;)
	{
		bool		more_old = went != NULL &&
			tuplestore_gettupleslot(went, true, false, old_row);
		bool		more_new = came != NULL &&
			tuplestore_gettupleslot(came, true, false, new_row);

		CHECK_FOR_INTERRUPTS();
		if (!more_old && !more_new)
			break;
		add_row(contributions, table->relid,
				more_old ? source_table_row(table, old_row, old_above) : NULL,
				more_new ? source_table_row(table, new_row, new_above) : NULL);
	}
	folding_end();
	foreach(lc, contributions)
		end_joining(lfirst(lc));
	ExecDropSingleTupleTableSlot(old_row);
	ExecDropSingleTupleTableSlot(new_row);
	if (old_above != NULL)
	{
		ExecDropSingleTupleTableSlot(old_above);
		ExecDropSingleTupleTableSlot(new_above);
	}
}

void
contributions_add_row(List *contributions, const SourceTable *table,
					  TupleTableSlot *went, TupleTableSlot *came, bool whole)
{
	TupleTableSlot *old_above = source_table_slot(table);
	TupleTableSlot *new_above = source_table_slot(table);
	ListCell   *lc;

	foreach(lc, contributions)
		begin_joining(lfirst(lc), table->relid, whole);
	folding_begin();
	add_row(contributions, table->relid,
			went != NULL ? source_table_row(table, went, old_above) : NULL,
			came != NULL ? source_table_row(table, came, new_above) : NULL);
	folding_end();
	foreach(lc, contributions)
		end_joining(lfirst(lc));
	if (old_above != NULL)
	{
		ExecDropSingleTupleTableSlot(old_above);
		ExecDropSingleTupleTableSlot(new_above);
	}
}

void
contributions_add_table(List *contributions, Relation relation, Oid top,
						int sign, bool whole)
{
	SourceScan *scan = source_scan_begin(relation, top);
	TupleTableSlot *row;
	ListCell   *lc;

	foreach(lc, contributions)
		begin_joining(lfirst(lc), top, whole);
	folding_begin();
	while ((row = source_scan_next(scan)) != NULL)
		add_row(contributions, top, sign < 0 ? row : NULL,
				sign > 0 ? row : NULL);
	folding_end();
	foreach(lc, contributions)
		end_joining(lfirst(lc));
	source_scan_end(scan);
}

/*
 * begin_joining() prepares to fold lines of a source with links at once, if
 * the batch has no other rows: then none has to be kept.
 */
static void
begin_joining(Contribution *contribution, Oid relid, bool whole)
{
	const Source *source = contribution->source;

	if (source->nlinks > 0 && whole && source->relid == relid)
		contribution->reader = link_reader_begin(contribution);
}

static void
end_joining(Contribution *contribution)
{
	if (contribution->reader != NULL)
		link_reader_end(contribution->reader);
	contribution->reader = NULL;
}

/*
 * add_row() adds a row that went and that came, or one of them.
 *
 * An update of columns that neither a trait nor a guest reads changes nothing.
 * Old and new rows
 * come in the same order, but nothing relies on that: two rows that mean the
 * same cancel out, whichever became which.
 */
static void
add_row(List *contributions, Oid relid, TupleTableSlot *went,
		TupleTableSlot *came)
{
	ListCell   *lc;

	foreach(lc, contributions)
	{
		Contribution *contribution = lfirst(lc);

		if (contribution->reader != NULL)
		{
			if (went != NULL)
				contribution_fold(contribution,
								  link_reader_join(contribution->reader, went),
								  -1);
			if (came != NULL)
				contribution_fold(contribution,
								  link_reader_join(contribution->reader, came),
								  +1);
			continue;
		}
		if (contribution->source->nlinks > 0)
		{
			linked_note(contribution, relid, went, came);
			continue;
		}
		if (went != NULL && came != NULL &&
			trait_same(contribution->program, went, came) &&
			(contribution->interests == NULL ||
			 interests_same(contribution->interests, went, came)))
			continue;
		if (went != NULL)
			contribution_fold(contribution, went, -1);
		if (came != NULL)
			contribution_fold(contribution, came, +1);
	}
}

void
contributions_empty(List *contributions)
{
	ListCell   *lc;

	foreach(lc, contributions)
		empty_touched(lfirst(lc));
}

/*
 * No trait has to know what the rows were: none of them is left.  They are
 * counted, as a profile ends with its last row of any source.
 *
 * TRUNCATE removes what is committed, whether our snapshot shows it or not: a
 * SourceScan reads that.
 */
void
contributions_add_emptied(List *contributions, Relation relation, Oid top)
{
	SourceScan *scan = source_scan_begin(relation, top);
	TupleTableSlot *row;
	ListCell   *lc;

	folding_begin();
	while ((row = source_scan_next(scan)) != NULL)
		foreach(lc, contributions)
		{
			Contribution *contribution = lfirst(lc);
			Datum		key;

			if (row_key(contribution, row, &key))
				add_truncated(contribution, key, row, 1);
		}
	folding_end();
	source_scan_end(scan);
}

/* empty_touched() notes that touched profiles have no row of the source. */
static void
empty_touched(Contribution *contribution)
{
	touched_iterator iterator;
	Touched    *touched;

	touched_start_iterate(contribution->profiles, &iterator);
	while ((touched = touched_iterate(contribution->profiles,
									  &iterator)) != NULL)
		trait_delta_empty(contribution->program, touched->delta);
	contribution->truncations++;
}

bool
contribution_ends_all(const Contribution *contribution)
{
	const Source *source = contribution->source;

	return source->build == 0 && source->attaching == 0 &&
		contribution->interests == NULL &&
		list_length(source_names(source->population)) == 1;
}

void
contribution_end_all(Contribution *contribution)
{
	const Population *population = contribution->source->population;
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	ProfileScan *scan = profile_scan_begin(population, snapshot);
	TupleTableSlot *row;

	while ((row = profile_scan_next(scan)) != NULL)
	{
		CHECK_FOR_INTERRUPTS();
		add_truncated(contribution, profile_key(population, row), NULL,
					  profile_source_rows(population, row));
	}
	profile_scan_end(scan);
	UnregisterSnapshot(snapshot);
}

/*
 * add_truncated() notes that so many rows of a profile go together with all
 * others: a row, or NULL if no guest has to know which.
 */
static void
add_truncated(Contribution *contribution, Datum key, TupleTableSlot *row,
			  int64 rows)
{
	Touched    *touched = touch(contribution, key);

	if (touched == NULL)
	{
		spilled_put_counted(spilled(contribution), key, row, -rows,
							contribution->truncations - 1);
		return;
	}
	if (!touched->delta->emptied)
		trait_delta_empty(contribution->program, touched->delta);
	touched->delta->rows -= rows;
	if (contribution->interests != NULL)
		interests_keep(contribution->interests, row, -1, contribution->context,
					   &touched->rows);
}

void
contribution_fold(Contribution *contribution, TupleTableSlot *row, int sign)
{
	Datum		key;
	Touched    *touched;

	if (!row_key(contribution, row, &key))
		return;
	touched = touch(contribution, key);
	if (touched == NULL)
	{
		spilled_put(spilled(contribution), key, row, sign,
					contribution->truncations);
		return;
	}
	trait_accumulate(contribution->program, touched->delta, row, sign,
					 contribution->context);
	if (contribution->interests != NULL)
		interests_keep(contribution->interests, row, sign,
					   contribution->context, &touched->rows);
}

void
contribution_touch(Contribution *contribution, Datum key)
{
	const Source *source = contribution->source;
	MemoryContext old;

	MemoryContextReset(contribution->row);
	old = MemoryContextSwitchTo(contribution->row);
	key = profile_key_of(source->population, key, source->key_form);
	source_check_key_length(source,
							profile_key_length(source->population, key));
	MemoryContextSwitchTo(old);
	contribution_read_again(contribution, key);
}

void
contribution_read_again(Contribution *contribution, Datum key)
{
	touch_always(contribution, key)->delta->reread = true;
}

/*
 * row_key() finds out to which profile a row belongs, until it is called
 * again; false if the row has no key, or does not pass the source's filter.
 */
static bool
row_key(Contribution *contribution, TupleTableSlot *row, Datum *key)
{
	MemoryContext old;
	bool		found;

	if (!trait_has_row(contribution->program, row))
		return false;
	MemoryContextReset(contribution->row);
	old = MemoryContextSwitchTo(contribution->row);
	found = source_key(contribution->source, row, key);
	MemoryContextSwitchTo(old);
	return found;
}

/*
 * touch() finds or adds a profile; NULL if memory has no room for another row
 * of it.
 */
static Touched *
touch(Contribution *contribution, Datum key)
{
	Size		taken = MemoryContextMemAllocated(contribution->context,
												  false);

	if (taken > contribution->most / 2)
		contribution->full = true;
	if (contribution->full)
		return taken > contribution->most ? NULL :
			touched_lookup(contribution->profiles, key);
	return touch_always(contribution, key);
}

/* touch_always() finds or adds a profile, whatever memory it takes. */
static Touched *
touch_always(Contribution *contribution, Datum key)
{
	Touched    *touched;
	bool		found;
	MemoryContext old;

	touched = touched_insert(contribution->profiles, key, &found);
	if (!found)
	{
		old = MemoryContextSwitchTo(contribution->context);
		touched->key = profile_key_copy(contribution->source->population, key);
		touched->delta = palloc0(trait_delta_size(contribution->program));
		touched->rows = NULL;
		MemoryContextSwitchTo(old);
	}
	return touched;
}

/* spilled() is where rows are kept for later. */
static SpilledRows *
spilled(Contribution *contribution)
{
	if (contribution->spilled == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(contribution->context);

		contribution->spilled = spilled_create(contribution);
		MemoryContextSwitchTo(old);
	}
	return contribution->spilled;
}

static TupleTableSlot *
row_slot(Relation relation)
{
	return MakeSingleTupleTableSlot(RelationGetDescr(relation),
									&TTSOpsMinimalTuple);
}

int64
contribution_deltas(const Contribution *contribution, int index,
					ProfileDelta *deltas)
{
	touched_hash *profiles = contribution->profiles;
	touched_iterator iterator;
	Touched    *touched;

	if (deltas == NULL)
		return profiles->members;
	touched_start_iterate(profiles, &iterator);
	while ((touched = touched_iterate(profiles, &iterator)) != NULL)
		*deltas++ = (ProfileDelta) {
			.key = touched->key,
			.contribution = index,
			.delta = touched->delta,
			.rows = touched->rows,
		};
	return profiles->members;
}
