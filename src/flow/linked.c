/*-------------------------------------------------------------------------
 *
 * linked.c
 *	  Whose rows are those that have their key in another table?
 *
 *		INSERT INTO order_lines		line ─► its order ─► customer 7: folded,
 *									as the row of one table would be
 *		UPDATE orders SET customer_id = 9 WHERE id = 1
 *									has it lines?  Then customers 7 and 9 are
 *									read again
 *		UPDATE products SET category = 'tea'
 *									its lines ─► their orders ─► customers,
 *									who are read again
 *
 * A line that comes or goes is folded by what it refers to now, if the batch
 * changes lines alone: what it refers to is then as it was when the line was
 * folded before.  In a batch that changes rows to which others refer, nothing
 * is folded.  The customers whom the changes touch are those that are found
 * from each changed row, old or new, over all rows that are there now or were
 * before the batch; and what they have is read again at its end.
 *
 * Concurrent transactions: see source/probe.c.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "utils/rel.h"

#include "base/base.h"
#include "flow/batch.h"

/* A row on the way to the key that a batch has changed. */
typedef struct NotedParent
{
	int			number;			/* of its link */
	uint32		hash;			/* of the value by which it is referred to */
	HeapTuple	row;
} NotedParent;

/* What customers a batch touches, while that is found out. */
typedef struct Touching
{
	LinkReader *reader;
	Contribution *target;		/* gets their keys */
	List	   *noted;			/* NotedRow * */
	NotedParent *parents;		/* of these, by number and hash */
	int			nparents;
} Touching;

/* Rows that a row refers to, or that refer to it: while they are sought. */
typedef struct Search
{
	Touching   *touching;
	int			number;			/* whose rows they are */
	bool		found;
	List	   *rows;			/* HeapTuple */
} Search;

static void touch_all(Touching *touching, Oid relid);
static void settle_source(List *contributions);
static void fold_noted(List *contributions, LinkReader *reader);
static void sort_parents(Touching *touching);
static int	parents_in_order(const void *a, const void *b);
static NotedParent *first_parent(const Touching *touching, int number,
								 uint32 hash);
static void touch_from(Touching *touching, const NotedRow *noted);
static void touch_up(Touching *touching, int number, HeapTuple row);
static void touch_noted(Touching *touching, int parent, const Datum *values);
static int	parent_of(const Source *source, int number);
static bool is_parent(const Source *source, int number);
static bool collect_row(TupleTableSlot *row, void *search);
static bool has_lines(Touching *touching, int number, HeapTuple row);
static bool has_lines_below(TupleTableSlot *row, void *search);
static void touch_down(Touching *touching, int number, HeapTuple row);
static bool touch_above(TupleTableSlot *row, void *search);

/*
 * All customers of the source are touched: their lines, or what these refer
 * to, are about to go.
 */
void
linked_note_truncated(Contribution *contribution)
{
	const Source *source = contribution->source;
	Touching	touching = {
		.target = contribution,
		.noted = contribution->noted,
	};
	ListCell   *lc;

	if (source->nlinks == 0)
		return;
	touching.reader = link_reader_begin(contribution);
	sort_parents(&touching);
	foreach(lc, contribution->noted)
		touch_from(&touching, lfirst(lc));
	foreach(lc, source_tree(source->relid, AccessShareLock))
		touch_all(&touching, lfirst_oid(lc));
	pfree(touching.parents);
	link_reader_end(touching.reader);
	contribution->truncated = true;
}

/* touch_all() touches the customers of all lines in one table of the tree. */
static void
touch_all(Touching *touching, Oid relid)
{
	Oid			top = link_reader_source(touching->reader)->relid;
	Relation	table = relation_open(relid, AccessShareLock);
	SourceScan *scan = source_scan_begin(table, top);
	TupleTableSlot *row;

	while ((row = source_scan_next(scan)) != NULL)
	{
		HeapTuple	copy = ExecCopySlotHeapTuple(row);

		touch_up(touching, 0, copy);
		heap_freetuple(copy);
	}
	source_scan_end(scan);
	relation_close(table, NoLock);
}

bool
linked_is_noted(List *contributions)
{
	ListCell   *lc;

	foreach(lc, contributions)
	{
		const Contribution *contribution = lfirst(lc);

		if (contribution->noted != NIL || contribution->truncated)
			return true;
	}
	return false;
}

void
linked_settle(List *contributions)
{
	List	   *settled = NIL;	/* TraitProgram * */
	ListCell   *lc;
	ListCell   *other;

	foreach(lc, contributions)
	{
		Contribution *contribution = lfirst(lc);
		List	   *of_source = NIL;

		if (contribution->source->nlinks == 0 ||
			list_member_ptr(settled, contribution->program))
			continue;
		foreach(other, contributions)
			if (((Contribution *) lfirst(other))->program ==
				contribution->program)
				of_source = lappend(of_source, lfirst(other));
		if (linked_is_noted(of_source))
			settle_source(of_source);
		settled = lappend(settled, unconstify(TraitProgram *,
											  contribution->program));
	}
}

/* settle_source() does so for the contributions of one source. */
static void
settle_source(List *contributions)
{
	Contribution *first = linitial(contributions);
	Touching	touching = {
		.reader = link_reader_begin(first),
		.target = first,
	};
	bool		lines_alone = true;
	ListCell   *lc;

	foreach(lc, contributions)
	{
		Contribution *contribution = lfirst(lc);

		lines_alone &= !contribution->truncated && !contribution->again;
		touching.noted = list_concat(touching.noted, contribution->noted);
	}
	foreach(lc, touching.noted)
		lines_alone &= ((const NotedRow *) lfirst(lc))->number == 0;
	if (lines_alone)
		fold_noted(contributions, touching.reader);
	else
	{
		sort_parents(&touching);
		foreach(lc, touching.noted)
			touch_from(&touching, lfirst(lc));
		pfree(touching.parents);
	}
	link_reader_end(touching.reader);
}

/* fold_noted() folds lines, where lines alone were changed. */
static void
fold_noted(List *contributions, LinkReader *reader)
{
	TupleTableSlot *row = MakeSingleTupleTableSlot(link_reader_desc(reader, 0),
												   &TTSOpsHeapTuple);
	ListCell   *lc;
	ListCell   *of_noted;

	foreach(lc, contributions)
	{
		Contribution *contribution = lfirst(lc);

		foreach(of_noted, contribution->noted)
		{
			const NotedRow *noted = lfirst(of_noted);

			CHECK_FOR_INTERRUPTS();
			ExecStoreHeapTuple(noted->row, row, false);
			contribution_fold(contribution, link_reader_join(reader, row),
							  noted->sign);
		}
	}
	ExecDropSingleTupleTableSlot(row);
}

/*
 * sort_parents() sorts the noted rows on the way to the key, so that
 * touch_noted() finds the few to which one row refers among many.
 */
static void
sort_parents(Touching *touching)
{
	const Source *source = link_reader_source(touching->reader);
	ListCell   *lc;

	touching->parents =
		palloc_extended(sizeof(NotedParent) *
						Max(1, list_length(touching->noted)), MCXT_ALLOC_HUGE);
	foreach(lc, touching->noted)
	{
		const NotedRow *noted = lfirst(lc);
		Datum		values[MOST_PAIRS];

		if (!is_parent(source, noted->number) ||
			!link_reader_referred(touching->reader, noted->number, noted->row,
								  false, values))
			continue;
		touching->parents[touching->nparents++] = (NotedParent) {
			.number = noted->number,
			.hash = link_reader_hash(touching->reader, noted->number,
									 values),
			.row = noted->row,
		};
	}
	qsort(touching->parents, touching->nparents, sizeof(NotedParent),
		  parents_in_order);
}

/* parents_in_order() orders NotedParents by number and hash.  For qsort(). */
static int
parents_in_order(const void *a, const void *b)
{
	const NotedParent *one = a;
	const NotedParent *other = b;

	if (one->number != other->number)
		return one->number < other->number ? -1 : 1;
	if (one->hash != other->hash)
		return one->hash < other->hash ? -1 : 1;
	return 0;
}

/* first_parent() is the first noted row that is not before these. */
static NotedParent *
first_parent(const Touching *touching, int number, uint32 hash)
{
	const NotedParent sought = {.number = number, .hash = hash};
	int			from = 0;
	int			to = touching->nparents;

	while (from < to)
	{
		int			middle = (from + to) / 2;

		if (parents_in_order(&touching->parents[middle], &sought) < 0)
			from = middle + 1;
		else
			to = middle;
	}
	return &touching->parents[from];
}

/* touch_from() touches the customers whom a changed row concerns. */
static void
touch_from(Touching *touching, const NotedRow *noted)
{
	CHECK_FOR_INTERRUPTS();
	if (noted->number > 0 &&
		!is_parent(link_reader_source(touching->reader), noted->number))
		touch_down(touching, noted->number, noted->row);
	else if (has_lines(touching, noted->number, noted->row))
		touch_up(touching, noted->number, noted->row);
}

/*
 * touch_up() touches the customers to whom a row leads: by the rows to which
 * it refers, as they are now or have been in the batch.
 */
static void
touch_up(Touching *touching, int number, HeapTuple row)
{
	LinkReader *reader = touching->reader;
	const Source *source = link_reader_source(reader);
	Datum		values[MOST_PAIRS];
	int			parent;
	Search		search = {.touching = touching};
	ListCell   *lc;

	if (number == source->key_link)
	{
		bool		isnull;
		Datum		value = link_reader_value(reader, number, row,
											  source->key_attno, &isnull);

		if (!isnull)
			contribution_touch(touching->target, value);
		return;
	}
	parent = parent_of(source, number);
	if (!link_reader_refers(reader, parent, row, values))
		return;
	source_probe(link_reader_up(reader, parent), values, collect_row, &search);
	touch_noted(touching, parent, values);
	foreach(lc, search.rows)
		touch_up(touching, parent, lfirst(lc));
	list_free_deep(search.rows);
}

/*
 * touch_noted() touches the customers to whom the noted rows lead to which
 * these values refer.
 */
static void
touch_noted(Touching *touching, int parent, const Datum *values)
{
	LinkReader *reader = touching->reader;
	uint32		hash = link_reader_hash(reader, parent, values);
	const NotedParent *end = touching->parents + touching->nparents;

	for (const NotedParent *noted = first_parent(touching, parent, hash);
		 noted < end && noted->number == parent && noted->hash == hash;
		 noted++)
	{
		Datum		to[MOST_PAIRS];

		if (link_reader_referred(reader, parent, noted->row, false, to) &&
			link_reader_equal(reader, parent, values, to))
			touch_up(touching, parent, noted->row);
	}
}

/* parent_of() is the number of the link to the parent of a link's rows. */
static int
parent_of(const Source *source, int number)
{
	for (int i = 0; i < source->nlinks; i++)
		if (source->links[i].of == number && is_parent(source, i + 1))
			return i + 1;
	elog(ERROR, "source \"%s\" has no way to its key", source->name);
}

/* is_parent() says whether a link is on the way to the key. */
static bool
is_parent(const Source *source, int number)
{
	int			on_way = source->key_link;

	while (on_way > 0 && on_way != number)
		on_way = source->links[on_way - 1].of;
	return on_way == number && number > 0;
}

/* collect_row() keeps a row for later.  A ProbedRow. */
static bool
collect_row(TupleTableSlot *row, void *context)
{
	Search	   *search = context;

	search->rows = lappend(search->rows, ExecCopySlotHeapTuple(row));
	return false;
}

/* has_lines() says whether lines refer to a row, by way of others or not. */
static bool
has_lines(Touching *touching, int number, HeapTuple row)
{
	LinkReader *reader = touching->reader;
	const SourceLink *link = &link_reader_source(reader)->links[number - 1];
	Search		search = {.touching = touching};
	Datum		values[MOST_PAIRS];

	if (number == 0)
		return true;
	search.number = link->of;
	if (link_reader_referred(reader, number, row, true, values))
		source_probe(link_reader_down(reader, number), values,
					 has_lines_below, &search);
	return search.found;
}

/*
 * has_lines_below() notes if lines refer to a row.  It goes on to the last row
 * so that whoever has not committed one is waited for.  A ProbedRow.
 */
static bool
has_lines_below(TupleTableSlot *row, void *context)
{
	Search	   *search = context;
	HeapTuple	copy;

	if (search->number == 0)
	{
		search->found = true;
		return true;
	}
	copy = ExecCopySlotHeapTuple(row);
	search->found |= has_lines(search->touching, search->number, copy);
	heap_freetuple(copy);
	return true;
}

/* touch_down() touches the customers whose lines refer to a look-up's row. */
static void
touch_down(Touching *touching, int number, HeapTuple row)
{
	LinkReader *reader = touching->reader;
	const SourceLink *link = &link_reader_source(reader)->links[number - 1];
	Search		search = {.touching = touching, .number = link->of};
	Datum		values[MOST_PAIRS];

	if (link_reader_referred(reader, number, row, true, values))
		source_probe(link_reader_down(reader, number), values, touch_above,
					 &search);
}

/* touch_above() touches the customers to whom a row leads.  A ProbedRow. */
static bool
touch_above(TupleTableSlot *row, void *context)
{
	Search	   *search = context;
	NotedRow	found = {
		.number = search->number,
		.row = ExecCopySlotHeapTuple(row),
	};

	touch_from(search->touching, &found);
	heap_freetuple(found.row);
	return true;
}
