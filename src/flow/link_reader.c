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
	Datum		value;			/* by which it was looked up */
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
	TypeCacheEntry *types[MOST_LINKS + 1];	/* by which rows are found */
	Oid			collations[MOST_LINKS + 1];
	SourceProbe *up[MOST_LINKS + 1];	/* finds the row referred to */
	SourceProbe *down[MOST_LINKS + 1];	/* finds those that refer to it */
	LinkedRow  *kept[MOST_LINKS + 1];	/* NULL of the source's own rows */
	TupleTableSlot *joined;
	LinkedRow  *sought;			/* while it is looked up */
	int			seeking;		/* the number of its link */
};

static void describe_link(LinkReader *reader, int number);
static LinkedRow *look_up(LinkReader *reader, int number, Datum value);
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
	Form_pg_attribute att = TupleDescAttr(reader->descs[number],
										  link->to_attno - 1);

	reader->kept[number] = palloc0(sizeof(LinkedRow) * KEPT_ROWS);
	reader->types[number] = lookup_type_cache(link->to_type,
											  TYPECACHE_EQ_OPR_FINFO |
											  TYPECACHE_HASH_PROC_FINFO);
	reader->collations[number] = att->attcollation;
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
		int			of = source_attno(source, link->of, link->of_attno) - 1;
		Datum		value = joined->tts_values[of];
		LinkedRow  *linked = joined->tts_isnull[of] ||
			!link_value_up(link, &value) ? NULL :
			look_up(reader, number, value);

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

/* look_up() finds the linked row of a value, and keeps it for next time. */
static LinkedRow *
look_up(LinkReader *reader, int number, Datum value)
{
	const SourceLink *link = &reader->source->links[number - 1];
	Form_pg_attribute att = TupleDescAttr(reader->descs[number],
										  link->to_attno - 1);
	uint32		hash = datum_image_hash(value, att->attbyval, att->attlen);
	LinkedRow  *linked = &reader->kept[number][hash % KEPT_ROWS];
	MemoryContext old;

	if (linked->known && datum_image_eq(linked->value, value, att->attbyval,
										att->attlen))
		return linked;
	memset(linked, 0, sizeof(LinkedRow));
	old = MemoryContextSwitchTo(reader->rows);
	linked->value = datumCopy(value, att->attbyval, att->attlen);
	linked->known = true;
	reader->sought = linked;
	reader->seeking = number;
	reader->nkept++;
	source_probe(link_reader_up(reader, number), linked->value, keep_row,
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

uint32
link_reader_hash(const LinkReader *reader, int number, Datum value)
{
	TypeCacheEntry *type = reader->types[number];

	return DatumGetUInt32(FunctionCall1Coll(&type->hash_proc_finfo,
											reader->collations[number],
											value));
}

bool
link_reader_equal(const LinkReader *reader, int number, Datum a, Datum b)
{
	TypeCacheEntry *type = reader->types[number];

	return DatumGetBool(FunctionCall2Coll(&type->eq_opr_finfo,
										  reader->collations[number], a, b));
}

SourceProbe *
link_reader_up(LinkReader *reader, int number)
{
	const SourceLink *link = &reader->source->links[number - 1];

	if (reader->up[number] == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(reader->context);
		ReaderLink *read = palloc(sizeof(ReaderLink));

		reader->up[number] = source_probe_begin(link->relid, link->to_attno);
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

		reader->down[number] =
			source_probe_begin(source_relid(reader->source, link->of),
							   link->of_attno);
		MemoryContextSwitchTo(old);
	}
	return reader->down[number];
}
