/*-------------------------------------------------------------------------
 *
 * source.c
 *	  Which table does a capture trigger speak for?
 *
 *		CREATE TRIGGER ... EXECUTE FUNCTION
 *			segment.capture_after('profile', 'orders')
 *
 * names a row of segment.source, which names the columns of the key and of
 * the time.  Names, because they survive dump, restore and upgrade; they are
 * resolved to attribute numbers once per backend and kept per trigger.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "base/base.h"
#include "source/source.h"

typedef struct SourceEntry
{
	Oid			trigger;		/* hash key */
	CacheSlot	slot;			/* holds 'source' */
	Source	   *source;
} SourceEntry;

static HTAB *sources = NULL;

static Source *source_read(CatalogScan *scan, const Population *population);
static void source_mark(Oid relid);

void
source_init(void)
{
	HASHCTL		control = {
		.keysize = sizeof(Oid),
		.entrysize = sizeof(SourceEntry),
	};

	sources = hash_create("segment sources", 16, &control,
						  HASH_ELEM | HASH_BLOBS);
	cache_on_change(source_mark);
}

const Source *
source_of_trigger(const Trigger *trigger, Oid relid)
{
	SourceEntry *entry;
	const Population *population;
	const Source *source;
	MemoryContext context;
	MemoryContext old;
	uint64		changes;
	bool		found;

	entry = hash_search(sources, &trigger->tgoid, HASH_FIND, NULL);
	if (entry != NULL && entry->slot.valid)
		return entry->source;

	if (trigger->tgnargs != 2)
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("trigger \"%s\" was not made by segment.attach_source()",
						trigger->tgname),
				 errhint("Drop the trigger and attach the table with segment.attach_source().")));

	changes = cache_changes();
	context = AllocSetContextCreate(CurrentMemoryContext, "segment source",
									ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(context);
	population = population_copy(population_by_name(trigger->tgargs[0]));
	source = source_by_name(population, trigger->tgargs[1]);
	MemoryContextSwitchTo(old);
	if (source != NULL)
		source_check(source);
	if (source == NULL || source->relid != relid)
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("trigger \"%s\" on \"%s\" speaks for source \"%s\", which this table is not",
						trigger->tgname, get_rel_name(relid), trigger->tgargs[1]),
				 errhint("Drop the trigger and attach the table with segment.attach_source().")));

	entry = hash_search(sources, &trigger->tgoid, HASH_ENTER, &found);
	cache_fill(&entry->slot, found, context, changes);
	entry->source = unconstify(Source *, source);
	return source;
}

const Source *
source_by_name(const Population *population, const char *name)
{
	CatalogScan scan;
	Source	   *source = NULL;

	catalog_begin(&scan, "source", population->name);
	while (source == NULL && catalog_next(&scan))
		if (strcmp(name, catalog_get_text(&scan, "source")) == 0)
			source = source_read(&scan, population);
	catalog_end(&scan);
	return source;
}

List *
source_names(const Population *population)
{
	CatalogScan scan;
	List	   *names = NIL;

	catalog_begin(&scan, "source", population->name);
	while (catalog_next(&scan))
		names = lappend(names, catalog_get_text(&scan, "source"));
	catalog_end(&scan);
	return names;
}

bool
source_key(const Source *source, TupleTableSlot *row, Datum *key)
{
	bool		isnull;
	Datum		value = slot_getattr(row, source->key_attno, &isnull);

	if (isnull)
		return false;

	if (source->key_type == source->population->key_type)
		*key = value;
	else if (source->key_type == VARCHAROID)
		*key = value;			/* the same bytes as text */
	else
	{
		int64		number = source->key_type == INT2OID ?
			(int64) DatumGetInt16(value) : (int64) DatumGetInt32(value);

		*key = source->population->key_type == INT4OID ?
			Int32GetDatum((int32) number) : Int64GetDatum(number);
	}
	return true;
}

char *
source_key_column(const Source *source)
{
	return pstrdup(quote_identifier(get_attname(source->relid, source->key_attno, false)));
}

char *
source_at_column(const Source *source)
{
	return pstrdup(quote_identifier(get_attname(source->relid, source->at_attno, false)));
}

char *
source_table_name(const Source *source)
{
	return relation_name(source->relid);
}

void
source_check(const Source *source)
{
	if (source->missing != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("%s of source \"%s\" does not exist any more",
						source->missing, source->name),
				 errhint("Restore it, or detach the source with segment.detach_source(%s, cascade => true).",
						 quote_literal_cstr(source->name))));
}

/*
 * The number of the column that the catalog names.  It may be gone, with its
 * table: whoever wants to detach the source must still be able to read it.
 */
static AttrNumber
source_column(CatalogScan *scan, Source *source, const char *which)
{
	char	   *column = catalog_get_optional(scan, which);
	AttrNumber	attno;

	if (column == NULL)
		return InvalidAttrNumber;
	attno = get_attnum(source->relid, column);
	if (attno == InvalidAttrNumber && source->missing == NULL)
		source->missing = get_rel_name(source->relid) == NULL ? pstrdup("the table") :
			psprintf("column \"%s\"", column);
	return attno;
}

/*
 * Are equal keys the same bytes?  It was so when the source was attached, but
 * the column may have got another collation.
 */
static bool
key_has_bytes(const Source *source)
{
	Oid			type;
	int32		typmod;
	Oid			collation;

	if (source->key_attno == InvalidAttrNumber)
		return true;
	get_atttypetypmodcoll(source->relid, source->key_attno, &type, &typmod,
						  &collation);
	return !OidIsValid(collation) || collation == DEFAULT_COLLATION_OID ||
		get_collation_isdeterministic(collation);
}

static Source *
source_read(CatalogScan *scan, const Population *population)
{
	Source	   *source = palloc0(sizeof(Source));
	bool		isnull;

	source->name = catalog_get_text(scan, "source");
	source->population = population;
	source->relid = DatumGetObjectId(catalog_get(scan, "relation", REGCLASSOID, &isnull));
	source->key_attno = source_column(scan, source, "key");
	if (source->key_attno != InvalidAttrNumber)
		source->key_type = get_atttype(source->relid, source->key_attno);
	if (source->missing == NULL && !key_has_bytes(source))
		source->missing =
			psprintf("the deterministic collation of column \"%s\"",
					 get_attname(source->relid, source->key_attno, false));
	source->at_attno = source_column(scan, source, "at");
	if (source->at_attno != InvalidAttrNumber)
		source->at_type = get_atttype(source->relid, source->at_attno);
	return source;
}

static void
source_mark(Oid relid)
{
	HASH_SEQ_STATUS scan;
	SourceEntry *entry;

	hash_seq_init(&scan, sources);
	/* what a stale entry points to may be gone: it is not looked at */
	while ((entry = hash_seq_search(&scan)) != NULL)
		if (!OidIsValid(relid) ||
			!entry->slot.valid ||
			entry->source->relid == relid ||
			entry->source->population->base == relid)
			entry->slot.valid = false;
}
