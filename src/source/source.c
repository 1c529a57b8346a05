/*-------------------------------------------------------------------------
 *
 * source.c
 *	  Which sources does a capture trigger speak for?
 *
 *		CREATE TRIGGER ... ON events ... EXECUTE FUNCTION
 *			segment.capture_after('profile')
 *
 * names a population.  The rows of segment.source for it and the table name
 * the columns of the key and of the time.  Names, because they survive dump,
 * restore and upgrade; they are resolved to attribute numbers once per backend
 * and kept per trigger.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "base/base.h"
#include "source/source.h"

typedef struct SourceEntry
{
	Oid			trigger;		/* hash key */
	Oid			relid;			/* the trigger's table */
	CacheSlot	slot;			/* holds the rest */
	const Population *population;
	List	   *sources;		/* Source *, of the table */
} SourceEntry;

static Cache *sources = NULL;

static List *sources_of_table(const Population *population, Oid relid);
static Source *source_read(CatalogScan *scan, const Population *population);
static void read_filter(CatalogScan *scan, Source *source);
static bool check_mentioned(const FilterNode *node, void *source);
static AttrNumber read_column(CatalogScan *scan, Source *source,
							  const char *which);
static void check_collation(Source *source);
static void note_unfit(Source *source, AttrNumber attno, Oid type);
static bool made_of(const void *entry, Oid relid);

void
source_init(void)
{
	static const CacheKind kind = {
		.name = "segment sources",
		.key_size = sizeof(Oid),
		.entry_size = sizeof(SourceEntry),
		.slot = offsetof(SourceEntry, slot),
		.made_of = made_of,
	};

	sources = cache_create(&kind);
}

List *
sources_of_trigger(const Trigger *trigger, Oid relid)
{
	SourceEntry *entry = cache_find(sources, &trigger->tgoid);
	SourceEntry made = {trigger->tgoid, relid};
	MemoryContext context;
	MemoryContext old;
	uint64		begun;

	if (entry != NULL)
		return entry->sources;

	if (trigger->tgnargs != 1 &&
		(trigger->tgnargs != 2 ||
		 strcmp(trigger->tgargs[1], CAPTURE_BY_ROW) != 0))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("trigger \"%s\" was not made by segment.attach_source()",
						trigger->tgname),
				 errhint("Drop the trigger and attach the table with segment.attach_source().")));

	begun = cache_begin();
	context = AllocSetContextCreate(CurrentMemoryContext, "segment source",
									ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(context);
	made.population = population_copy(population_by_name(trigger->tgargs[0]));
	made.sources = sources_of_table(made.population, relid);
	MemoryContextSwitchTo(old);
	if (made.sources == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("trigger \"%s\" on \"%s\" names population \"%s\", "
						"of which this table is no source",
						trigger->tgname, get_rel_name(relid),
						trigger->tgargs[0]),
				 errhint("Drop the trigger and attach the table with segment.attach_source().")));

	entry = cache_put(sources, &made, context, begun);
	return entry->sources;
}

/* sources_of_table() lists the sources that a table is; unfit is an error. */
static List *
sources_of_table(const Population *population, Oid relid)
{
	List	   *found = NIL;
	ListCell   *lc;

	foreach(lc, source_names(population))
	{
		const Source *source = source_by_name(population, lfirst(lc));

		if (source == NULL || source->relid != relid)
			continue;
		source_check(source);
		found = lappend(found, unconstify(Source *, source));
	}
	return found;
}

Source *
source_copy(const Source *source)
{
	Source	   *copy = palloc(sizeof(Source));

	*copy = *source;
	copy->name = pstrdup(source->name);
	copy->population = population_copy(source->population);
	if (source->filter != NULL)
		copy->filter = filter_unpack(filter_pack(source->filter));
	if (source->missing != NULL)
		copy->missing = pstrdup(source->missing);
	return copy;
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

	*key = profile_key_of(source->population, value, source->key_form);
	source_check_key_length(source,
							profile_key_length(source->population, *key));
	return true;
}

void
source_check_key_length(const Source *source, int64 length)
{
	if (length > SOURCE_KEY_LENGTH)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a key of " INT64_FORMAT " bytes is too long for population \"%s\"",
						length, source->population->name),
				 errdetail("It stands in column %s of source \"%s\"; keys have at most %d bytes.",
						   source_key_column(source), source->name,
						   SOURCE_KEY_LENGTH),
				 errhint("Write a shorter key, or NULL: a row without a key belongs to nobody.")));
}

char *
source_key_column(const Source *source)
{
	return pstrdup(quote_identifier(get_attname(source->relid,
												source->key_attno, false)));
}

char *
source_table_name(const Source *source)
{
	return relation_name(source->relid);
}

char *
source_trouble(const Source *source)
{
	if (source->missing == NULL)
		return NULL;
	if (OidIsValid(source->unfit_type))
		return psprintf("%s of source \"%s\" is of type %s now",
						source->missing, source->name,
						format_type_be(source->unfit_type));
	return psprintf("%s of source \"%s\" does not exist any more",
					source->missing, source->name);
}

void
source_check(const Source *source)
{
	if (source->missing != NULL)
		ereport(ERROR,
				(errcode(OidIsValid(source->unfit_type) ?
						 ERRCODE_DATATYPE_MISMATCH : ERRCODE_UNDEFINED_OBJECT),
				 errmsg_internal("%s", source_trouble(source)),
				 errhint("Restore it, or detach the source with segment.detach_source(%s, cascade => true).",
						 quote_literal_cstr(source->name))));
}

bool
source_time_fits(Oid type)
{
	return type == TIMESTAMPTZOID || type == TIMESTAMPOID || type == DATEOID;
}

/*
 * source_read() makes a source of the row that a scan of segment.source is at.
 * The source's table or columns may be gone, or changed: detach_source() must
 * still be able to read the source.
 */
static Source *
source_read(CatalogScan *scan, const Population *population)
{
	Source	   *source = palloc0(sizeof(Source));
	bool		isnull;

	source->name = catalog_get_text(scan, "source");
	source->population = population;
	source->relid = DatumGetObjectId(catalog_get(scan, "relation", REGCLASSOID,
												 &isnull));
	source->key_attno = read_column(scan, source, "key");
	if (source->key_attno != InvalidAttrNumber)
	{
		source->key_type = get_atttype(source->relid, source->key_attno);
		check_collation(source);
	}
	source->at_attno = read_column(scan, source, "at");
	if (source->at_attno != InvalidAttrNumber)
		source->at_type = get_atttype(source->relid, source->at_attno);
	if (source->key_attno != InvalidAttrNumber)
		source->key_form = profile_key_form(population, source->key_type);
	if (source->key_attno != InvalidAttrNumber &&
		source->key_form == KEY_REFUSED)
		note_unfit(source, source->key_attno, source->key_type);
	if (source->at_attno != InvalidAttrNumber &&
		!source_time_fits(source->at_type))
		note_unfit(source, source->at_attno, source->at_type);
	read_filter(scan, source);
	return source;
}

/* read_filter() reads a source's filter, and notes if a column is gone. */
static void
read_filter(CatalogScan *scan, Source *source)
{
	bool		isnull;
	Datum		value = catalog_get(scan, "filter", catalog_type("filter"),
									&isnull);

	if (isnull)
		return;
	source->filter = filter_unpack((Filter *) PG_DETOAST_DATUM(value));
	filter_walk(source->filter, check_mentioned, source);
}

/*
 * check_mentioned() notes if a filter mentions a column that is gone.  A
 * FilterVisit.
 */
static bool
check_mentioned(const FilterNode *node, void *context)
{
	Source	   *source = context;

	if (node->op == FILTER_COLUMN && source->missing == NULL &&
		get_attnum(source->relid, node->text) == InvalidAttrNumber)
		source->missing = psprintf("column \"%s\"", node->text);
	return true;
}

/*
 * read_column() is the number of the column that the catalog names, and notes
 * if it is gone, or if its values are not stored any more.
 */
static AttrNumber
read_column(CatalogScan *scan, Source *source, const char *which)
{
	char	   *column = catalog_get_optional(scan, which);
	AttrNumber	attno;

	if (column == NULL)
		return InvalidAttrNumber;
	attno = get_attnum(source->relid, column);
	if (source->missing != NULL)
		return attno;
	if (attno == InvalidAttrNumber)
		source->missing = get_rel_name(source->relid) == NULL ?
			pstrdup("the table") : psprintf("column \"%s\"", column);
	else if (get_attgenerated(source->relid,
							  attno) == ATTRIBUTE_GENERATED_VIRTUAL)
		source->missing = psprintf("the stored value of column \"%s\"",
								   column);
	return attno;
}

/*
 * check_collation() notes if equal keys need not be the same bytes.  They were
 * when the source was attached, but the column may have got another collation.
 */
static void
check_collation(Source *source)
{
	Oid			type;
	int32		typmod;
	Oid			collation;

	if (source->missing != NULL)
		return;
	get_atttypetypmodcoll(source->relid, source->key_attno, &type, &typmod,
						  &collation);
	if (OidIsValid(collation) && collation != DEFAULT_COLLATION_OID &&
		!get_collation_isdeterministic(collation))
		source->missing =
			psprintf("the deterministic collation of column \"%s\"",
					 get_attname(source->relid, source->key_attno, false));
}

/* note_unfit() notes that the type of a column has been changed. */
static void
note_unfit(Source *source, AttrNumber attno, Oid type)
{
	if (source->missing != NULL)
		return;
	source->missing = psprintf("column \"%s\"",
							   get_attname(source->relid, attno, false));
	source->unfit_type = type;
}

/* made_of() says which relations a cached source is made of; see CacheKind. */
static bool
made_of(const void *entry, Oid relid)
{
	const SourceEntry *one = entry;

	return one->relid == relid || one->population->oid == relid;
}
