/*-------------------------------------------------------------------------
 *
 * link_reader.c
 *	  What is a row together with those that it refers to?
 *
 *		order_lines (1, order 7, product 3, 20.00)
 *
 *		up		orders by id = 7, products by id = 3: the joined row
 *		down	order_lines by order_id = 7: those that refer to the order
 *
 * A linked row is looked up once for all lines of a statement that refer to
 * it, as long as there are not too many.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "common/hashfn.h"
#include "executor/tuptable.h"
#include "utils/datum.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/typcache.h"

#include "base/base.h"
#include "flow/batch.h"

/* How many linked rows of each link are kept while lines are read. */
#define KEPT_ROWS	256

/* A linked row that was looked up. */
typedef struct LinkedRow
{
	bool		known;
	bool		found;
	Datum		sought[MOST_PAIRS]; /* by which it was looked up */
	Datum	   *values;			/* of its columns */
	bool	   *isnull;
} LinkedRow;

/* A link of a reader. */
typedef struct ReaderLink
{
	const LinkReader *reader;
	int			number;
} ReaderLink;

/* What reads rows of a source together with those that they refer to. */
struct LinkReader
{
	const Source *source;
	const Contribution *contribution;	/* says which columns count */
	MemoryContext context;		/* holds all of it */
	MemoryContext rows;			/* holds linked rows */
	int			nkept;
	TupleDesc	descs[MOST_LINKS + 1];	/* of the rows of each link */
	TypeCacheEntry *types[MOST_LINKS + 1][MOST_PAIRS];	/* of what is referred
														 * to */
	SourceProbe *up[MOST_LINKS + 1];	/* finds the row referred to */
	SourceProbe *down[MOST_LINKS + 1];	/* finds those that refer to it */
	LinkedRow  *kept[MOST_LINKS + 1];	/* NULL of the source's own rows */
	TupleTableSlot *joined;
	LinkedRow  *sought;			/* while it is looked up */
	int			seeking;		/* the number of its link */
};

static void describe_link(LinkReader *reader, int number);
static bool joined_refers(const Source *source, int number,
						  const TupleTableSlot *joined, Datum *values);
static LinkedRow *look_up(LinkReader *reader, int number,
						  const Datum *values);
static Oid	link_collation(const LinkReader *reader, int number, int pair);
static bool keep_row(TupleTableSlot *row, void *reader);
static bool alike(TupleTableSlot *before, TupleTableSlot *after,
				  void *link);
static bool changes(const Contribution *contribution, int number,
					TupleTableSlot *went, TupleTableSlot *came);
static void note(Contribution *contribution, int number, int sign,
				 TupleTableSlot *row);

LinkReader *
link_reader_begin(const Contribution *contribution)
{
	const Source *source = contribution->source;
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "segment linked rows",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	LinkReader *reader = palloc0(sizeof(LinkReader));

	reader->source = source;
	reader->contribution = contribution;
	reader->context = context;
	reader->rows = AllocSetContextCreate(context, "segment linked rows kept",
										 ALLOCSET_DEFAULT_SIZES);
	for (int number = 0; number <= source->nlinks; number++)
	{
		Relation	relation = relation_open(source_relid(source, number),
											 AccessShareLock);

		reader->descs[number] =
			CreateTupleDescCopy(RelationGetDescr(relation));
		relation_close(relation, NoLock);
		if (number > 0)
			describe_link(reader, number);
	}
	reader->joined = MakeSingleTupleTableSlot(source_row_desc(source),
											  &TTSOpsVirtual);
	MemoryContextSwitchTo(old);
	return reader;
}

/* describe_link() finds out by what the rows of a link are referred to. */
static void
describe_link(LinkReader *reader, int number)
{
	const SourceLink *link = &reader->source->links[number - 1];

	reader->kept[number] = palloc0(sizeof(LinkedRow) * KEPT_ROWS);
	for (int i = 0; i < link->npairs; i++)
		reader->types[number][i] =
			lookup_type_cache(link->pairs[i].to_type,
							  TYPECACHE_EQ_OPR_FINFO |
							  TYPECACHE_HASH_PROC_FINFO);
}

void
link_reader_end(LinkReader *reader)
{
	for (int number = 0; number <= reader->source->nlinks; number++)
	{
		if (reader->up[number] != NULL)
			source_probe_end(reader->up[number]);
		if (reader->down[number] != NULL)
			source_probe_end(reader->down[number]);
	}
	ExecDropSingleTupleTableSlot(reader->joined);
	MemoryContextDelete(reader->context);
}

TupleTableSlot *
link_reader_join(LinkReader *reader, TupleTableSlot *row)
{
	const Source *source = reader->source;
	TupleTableSlot *joined = reader->joined;
	int			columns = reader->descs[0]->natts;

	if (reader->nkept > KEPT_ROWS)
	{
		MemoryContextReset(reader->rows);
		for (int number = 1; number <= source->nlinks; number++)
			memset(reader->kept[number], 0, sizeof(LinkedRow) * KEPT_ROWS);
		reader->nkept = 0;
	}
	ExecClearTuple(joined);
	slot_getallattrs(row);
	memcpy(joined->tts_values, row->tts_values, sizeof(Datum) * columns);
	memcpy(joined->tts_isnull, row->tts_isnull, sizeof(bool) * columns);
	for (int number = 1; number <= source->nlinks; number++)
	{
		const SourceLink *link = &source->links[number - 1];
		Datum		values[MOST_PAIRS];
		LinkedRow  *linked = joined_refers(source, number, joined, values) ?
			look_up(reader, number, values) : NULL;

		columns = reader->descs[number]->natts;
		if (linked == NULL || !linked->found)
		{
			memset(&joined->tts_values[link->offset], 0,
				   sizeof(Datum) * columns);
			memset(&joined->tts_isnull[link->offset], true,
				   sizeof(bool) * columns);
			continue;
		}
		memcpy(&joined->tts_values[link->offset], linked->values,
			   sizeof(Datum) * columns);
		memcpy(&joined->tts_isnull[link->offset], linked->isnull,
			   sizeof(bool) * columns);
	}
	return ExecStoreVirtualTuple(joined);
}

/* joined_refers() is link_reader_refers() for the joined row so far. */
static bool
joined_refers(const Source *source, int number, const TupleTableSlot *joined,
			  Datum *values)
{
	const SourceLink *link = &source->links[number - 1];

	for (int i = 0; i < link->npairs; i++)
	{
		int			of = source_attno(source, link->of,
									  link->pairs[i].of_attno) - 1;

		if (joined->tts_isnull[of])
			return false;
		values[i] = joined->tts_values[of];
	}
	return link_values_up(link, values);
}

/* look_up() finds the linked row of values, and keeps it for next time. */
static LinkedRow *
look_up(LinkReader *reader, int number, const Datum *values)
{
	const SourceLink *link = &reader->source->links[number - 1];
	TypeCacheEntry **types = reader->types[number];
	uint32		hash = 0;
	LinkedRow  *linked;
	bool		same;
	MemoryContext old;

	for (int i = 0; i < link->npairs; i++)
		hash = hash_combine(hash, datum_image_hash(values[i],
												   types[i]->typbyval,
												   types[i]->typlen));
	linked = &reader->kept[number][hash % KEPT_ROWS];
	same = linked->known;
	for (int i = 0; i < link->npairs && same; i++)
		same = datum_image_eq(linked->sought[i], values[i],
							  types[i]->typbyval, types[i]->typlen);
	if (same)
		return linked;
	memset(linked, 0, sizeof(LinkedRow));
	old = MemoryContextSwitchTo(reader->rows);
	for (int i = 0; i < link->npairs; i++)
		linked->sought[i] = datumCopy(values[i], types[i]->typbyval,
									  types[i]->typlen);
	linked->known = true;
	reader->sought = linked;
	reader->seeking = number;
	reader->nkept++;
	source_probe(link_reader_up(reader, number), linked->sought, keep_row,
				 reader);
	MemoryContextSwitchTo(old);
	return linked;
}

/* keep_row() keeps the row that is sought.  A ProbedRow. */
static bool
keep_row(TupleTableSlot *row, void *context)
{
	LinkReader *reader = context;
	LinkedRow  *linked = reader->sought;
	TupleDesc	desc = reader->descs[reader->seeking];
	HeapTuple	copy = ExecCopySlotHeapTuple(row);

	linked->values = palloc(sizeof(Datum) * desc->natts);
	linked->isnull = palloc(sizeof(bool) * desc->natts);
	heap_deform_tuple(copy, desc, linked->values, linked->isnull);
	linked->found = true;
	return false;
}

void
linked_note(Contribution *contribution, Oid relid, TupleTableSlot *went,
			TupleTableSlot *came)
{
	const Source *source = contribution->source;

	for (int number = 0; number <= source->nlinks; number++)
	{
		if (source_relid(source, number) != relid ||
			(went != NULL && came != NULL &&
			 !changes(contribution, number, went, came)))
			continue;
		if (went != NULL)
			note(contribution, number, -1, went);
		if (came != NULL)
			note(contribution, number, +1, came);
	}
}

/* changes() says whether an update of a row changes anything that counts. */
static bool
changes(const Contribution *contribution, int number, TupleTableSlot *went,
		TupleTableSlot *came)
{
	TupleDesc	desc = came->tts_tupleDescriptor;

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);
		AttrNumber	attno = source_attno(contribution->source, number, i + 1);
		bool		old_isnull;
		bool		new_isnull;
		Datum		old_value;
		Datum		new_value;

		if (!trait_reads_column(contribution->program, attno) &&
			(contribution->interests == NULL ||
			 !interests_read_column(contribution->interests, attno)))
			continue;
		old_value = slot_getattr(went, i + 1, &old_isnull);
		new_value = slot_getattr(came, i + 1, &new_isnull);
		if (old_isnull != new_isnull ||
			(!old_isnull && !datum_image_eq(old_value, new_value,
											att->attbyval, att->attlen)))
			return true;
	}
	return false;
}

/* note() keeps a changed row until the batch ends. */
static void
note(Contribution *contribution, int number, int sign, TupleTableSlot *row)
{
	MemoryContext old = MemoryContextSwitchTo(contribution->context);
	NotedRow   *noted = palloc(sizeof(NotedRow));

	noted->number = number;
	noted->sign = sign;
	noted->row = ExecCopySlotHeapTuple(row);
	contribution->noted = lappend(contribution->noted, noted);
	MemoryContextSwitchTo(old);
}

const Source *
link_reader_source(const LinkReader *reader)
{
	return reader->source;
}

TupleDesc
link_reader_desc(const LinkReader *reader, int number)
{
	return reader->descs[number];
}

Datum
link_reader_value(const LinkReader *reader, int number, HeapTuple row,
		  AttrNumber attno, bool *isnull)
{
	return heap_getattr(row, attno, reader->descs[number], isnull);
}

bool
link_reader_refers(const LinkReader *reader, int number, HeapTuple row,
				   Datum *values)
{
	const SourceLink *link = &reader->source->links[number - 1];

	for (int i = 0; i < link->npairs; i++)
	{
		bool		isnull;

		values[i] = link_reader_value(reader, link->of, row,
									  link->pairs[i].of_attno, &isnull);
		if (isnull)
			return false;
	}
	return link_values_up(link, values);
}

bool
link_reader_referred(const LinkReader *reader, int number, HeapTuple row,
					 bool down, Datum *values)
{
	const SourceLink *link = &reader->source->links[number - 1];

	for (int i = 0; i < link->npairs; i++)
	{
		bool		isnull;

		values[i] = link_reader_value(reader, number, row,
									  link->pairs[i].to_attno, &isnull);
		if (isnull)
			return false;
	}
	return !down || link_values_down(link, values);
}

uint32
link_reader_hash(const LinkReader *reader, int number, const Datum *values)
{
	uint32		hash = 0;

	for (int i = 0; i < reader->source->links[number - 1].npairs; i++)
	{
		Datum		one =
			FunctionCall1Coll(&reader->types[number][i]->hash_proc_finfo,
							  link_collation(reader, number, i), values[i]);

		hash = hash_combine(hash, DatumGetUInt32(one));
	}
	return hash;
}

bool
link_reader_equal(const LinkReader *reader, int number, const Datum *a,
				  const Datum *b)
{
	for (int i = 0; i < reader->source->links[number - 1].npairs; i++)
	{
		Datum		same =
			FunctionCall2Coll(&reader->types[number][i]->eq_opr_finfo,
							  link_collation(reader, number, i), a[i], b[i]);

		if (!DatumGetBool(same))
			return false;
	}
	return true;
}

/* link_collation() is that of a column that is referred to. */
static Oid
link_collation(const LinkReader *reader, int number, int pair)
{
	const SourceLink *link = &reader->source->links[number - 1];

	return TupleDescAttr(reader->descs[number],
						 link->pairs[pair].to_attno - 1)->attcollation;
}

SourceProbe *
link_reader_up(LinkReader *reader, int number)
{
	const SourceLink *link = &reader->source->links[number - 1];

	if (reader->up[number] == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(reader->context);
		AttrNumber	columns[MOST_PAIRS];
		ReaderLink *read = palloc(sizeof(ReaderLink));

		for (int i = 0; i < link->npairs; i++)
			columns[i] = link->pairs[i].to_attno;
		reader->up[number] = source_probe_begin(link->relid, columns,
												link->npairs);
		read->reader = reader;
		read->number = number;
		source_probe_alike(reader->up[number], alike, read);
		MemoryContextSwitchTo(old);
	}
	return reader->up[number];
}

/* alike() says whether two versions of a linked row agree.  An AlikeRows. */
static bool
alike(TupleTableSlot *before, TupleTableSlot *after, void *context)
{
	const ReaderLink *link = context;

	return !changes(link->reader->contribution, link->number, before, after);
}

SourceProbe *
link_reader_down(LinkReader *reader, int number)
{
	const SourceLink *link = &reader->source->links[number - 1];

	if (reader->down[number] == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(reader->context);
		AttrNumber	columns[MOST_PAIRS];

		for (int i = 0; i < link->npairs; i++)
			columns[i] = link->pairs[i].of_attno;
		reader->down[number] =
			source_probe_begin(source_relid(reader->source, link->of),
							   columns, link->npairs);
		MemoryContextSwitchTo(old);
	}
	return reader->down[number];
}
