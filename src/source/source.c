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
 * and kept per trigger.  A trigger of a partition speaks for the sources of
 * the table at the top (tree.c).
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
#include "source/source_private.h"

typedef struct SourceEntry
{
	Oid			trigger;		/* hash key */
	Oid			relid;			/* the trigger's table */
	CacheSlot	slot;			/* holds the rest */
	const Population *population;
	SourceTable *table;
} SourceEntry;

static Cache *sources = NULL;

static Source *source_read(CatalogScan *scan, const Population *population);
static int	get_small(CatalogScan *scan, const char *column);
static void read_links(Source *source);
static void read_link(CatalogScan *scan, SourceLink *link);
static void resolve_pair(Source *source, const SourceLink *link,
						 LinkPair *pair);
static AttrNumber link_column(Source *source, Oid relid, const char *column);
static void check_unique(Source *source, const SourceLink *link);
static void read_filter(CatalogScan *scan, Source *source);
static bool check_mentioned(const FilterNode *node, void *source);
static AttrNumber read_column(Source *source, Oid relid, const char *column);
static void check_collation(Source *source);
static void note_unfit(Source *source, Oid relid, AttrNumber attno, Oid type);
static bool made_of(const void *entry, Oid relid);
pg_noreturn static void refuse_left_triggers(const Trigger *trigger,
											 Relation relation);

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

const SourceTable *
sources_of_trigger(const Trigger *trigger, Relation relation)
{
	SourceEntry *entry = cache_find(sources, &trigger->tgoid);
	SourceEntry made = {trigger->tgoid, RelationGetRelid(relation)};
	MemoryContext context;
	MemoryContext old;
	uint64		begun;
	ListCell   *lc;

	if (entry != NULL)
		return entry->table;

	if (trigger->tgnargs != 1 && !capture_is_by_row(trigger))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("trigger \"%s\" was not made by segment.attach_source()",
						trigger->tgname),
				 errhint("Drop the trigger and attach the table with segment.attach_source().")));

	if (!names_contain(population_names(), trigger->tgargs[0]))
		refuse_left_triggers(trigger, relation);
	begun = cache_begin();
	context = AllocSetContextCreate(CurrentMemoryContext, "segment source",
									ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(context);
	made.population = population_copy(population_by_name(trigger->tgargs[0]));
	made.table = palloc(sizeof(SourceTable));
	source_table_describe(made.table, relation, source_top_of(relation));
	made.table->sources = sources_of_table(made.population,
										   made.table->relid);
	foreach(lc, made.table->sources)
		source_check(lfirst(lc));
	MemoryContextSwitchTo(old);
	if (made.table->sources == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("trigger \"%s\" on \"%s\" names population \"%s\", "
						"of which this table is no source",
						trigger->tgname, RelationGetRelationName(relation),
						trigger->tgargs[0]),
				 errhint("Drop the trigger and attach the table with segment.attach_source().")));

	entry = cache_put(sources, &made, context, begun);
	return entry->table;
}

/*
 * refuse_left_triggers() raises the error that a table has our triggers, but
 * nothing else that was kept of it, as where a dump had the table only.
 */
static void
refuse_left_triggers(const Trigger *trigger, Relation relation)
{
	/* looking at functions may make the server forget the relation's own */
	TriggerDesc *triggers = CopyTriggerDesc(relation->trigdesc);
	Oid			schema = get_func_namespace(trigger->tgfoid);
	StringInfoData drops;

	initStringInfo(&drops);
	for (int i = 0; i < triggers->numtriggers; i++)
	{
		const Trigger *one = &triggers->triggers[i];

		if (one->tgnargs > 0 &&
			get_func_namespace(one->tgfoid) == schema &&
			strcmp(one->tgargs[0], trigger->tgargs[0]) == 0)
			appendStringInfo(&drops, " DROP TRIGGER %s ON %s;",
							 quote_identifier(one->tgname),
							 relation_name(RelationGetRelid(relation)));
	}
	ereport(ERROR,
			(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
			 errmsg("trigger \"%s\" on \"%s\" is of population \"%s\", which does not exist",
					trigger->tgname, RelationGetRelationName(relation),
					trigger->tgargs[0]),
			 errdetail("The table was restored without the population."),
			 errhint("Restore the whole dump, attach the table with segment.attach_source(), or drop what is left:%s",
					 drops.data)));
}

List *
sources_of_table(const Population *population, Oid relid)
{
	List	   *found = NIL;
	int32		attaching = 0;
	ListCell   *lc;

	foreach(lc, source_names(population))
	{
		const Source *source = source_by_name(population, lfirst(lc));

		if (source == NULL)
			continue;
		attaching = Max(attaching, source->build);
		if (source_is_made_of(source, relid))
			found = lappend(found, unconstify(Source *, source));
	}
	foreach(lc, found)
		((Source *) lfirst(lc))->attaching = attaching;
	return found;
}

Source *
source_copy(const Source *source)
{
	Source	   *copy = palloc(sizeof(Source));

	*copy = *source;
	copy->name = pstrdup(source->name);
	copy->key = pstrdup(source->key);
	if (source->at != NULL)
		copy->at = pstrdup(source->at);
	copy->population = population_copy(source->population);
	if (source->filter != NULL)
		copy->filter = filter_unpack(filter_pack(source->filter));
	if (source->through != NULL)
		copy->through = pstrdup(source->through);
	copy->table_name = pstrdup(source->table_name);
	if (source->given != NULL)
		copy->given = pstrdup(source->given);
	copy->links = palloc(sizeof(SourceLink) * source->nlinks);
	for (int i = 0; i < source->nlinks; i++)
	{
		copy->links[i] = source->links[i];
		copy->links[i].name = pstrdup(source->links[i].name);
		for (int j = 0; j < source->links[i].npairs; j++)
		{
			LinkPair   *pair = &copy->links[i].pairs[j];

			pair->of_column = pstrdup(pair->of_column);
			pair->to_column = pstrdup(pair->to_column);
		}
	}
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
	/* wherever the rows lie */
	list_sort(names, compare_names);
	return names;
}

bool
source_key(const Source *source, TupleTableSlot *row, Datum *key)
{
	bool		isnull;
	Datum		value = slot_getattr(row, source_attno(source,
													   source->key_link,
													   source->key_attno),
									 &isnull);

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

bool
source_is_made_of(const Source *source, Oid relid)
{
	for (int number = 0; number <= source->nlinks; number++)
		if (source_relid(source, number) == relid)
			return true;
	return false;
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
source_is_kept(const Source *source)
{
	Oid			schema = get_rel_namespace(source->relid);
	const char *name = OidIsValid(schema) ? get_namespace_name(schema) : NULL;

	return name != NULL && strcmp(name, SEGMENT_DATA_SCHEMA) == 0;
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
	Oid			key;			/* the table with the key, */
	Oid			at;				/* and that with the time */
	bool		isnull;

	source->name = catalog_get_text(scan, "source");
	source->population = population;
	source->relid = DatumGetObjectId(catalog_get(scan, "relation", REGCLASSOID,
												 &isnull));
	source->key = catalog_get_text(scan, "key");
	source->at = catalog_get_optional(scan, "at");
	source->through = catalog_get_optional(scan, "through");
	source->table_name = catalog_get_text(scan, "table_name");
	source->given = catalog_get_optional(scan, "given");
	source->key_link = get_small(scan, "key_link");
	source->at_link = get_small(scan, "at_link");
	read_links(source);
	key = source_relid(source, source->key_link);
	source->key_attno = read_column(source, key, source->key);
	if (source->key_attno != InvalidAttrNumber)
	{
		source->key_type = get_atttype(key, source->key_attno);
		check_collation(source);
	}
	at = source_relid(source, source->at_link);
	source->at_attno = read_column(source, at, source->at);
	if (source->at_attno != InvalidAttrNumber)
		source->at_type = get_atttype(at, source->at_attno);
	if (source->key_attno != InvalidAttrNumber)
		source->key_form = profile_key_form(population, source->key_type);
	if (source->key_attno != InvalidAttrNumber &&
		source->key_form == KEY_REFUSED)
		note_unfit(source, key, source->key_attno, source->key_type);
	if (source->at_attno != InvalidAttrNumber &&
		!source_time_fits(source->at_type))
		note_unfit(source, at, source->at_attno, source->at_type);
	read_filter(scan, source);
	source->build = DatumGetInt32(catalog_get(scan, "build", INT4OID,
											  &isnull));
	if (isnull)
		source->build = 0;
	return source;
}

/* get_small() is a smallint of the row that a scan is at. */
static int
get_small(CatalogScan *scan, const char *column)
{
	bool		isnull;

	return DatumGetInt16(catalog_get(scan, column, INT2OID, &isnull));
}

/* read_links() reads the links of a source, in the order of their numbers. */
static void
read_links(Source *source)
{
	CatalogScan scan;
	int			offset;

	catalog_begin(&scan, "source_link", source->population->name);
	while (catalog_next(&scan))
	{
		int			number = get_small(&scan, "number");

		if (strcmp(catalog_get_text(&scan, "source"), source->name) != 0)
			continue;
		if (source->links == NULL)
			source->links = palloc0(sizeof(SourceLink) * MOST_LINKS);
		source->nlinks = Max(source->nlinks, number);
		read_link(&scan, &source->links[number - 1]);
	}
	catalog_end(&scan);

	offset = source->nlinks == 0 ? 0 : source_columns(source->relid);
	for (int i = 0; i < source->nlinks; i++)
	{
		SourceLink *link = &source->links[i];

		link->offset = offset;
		offset += source_columns(link->relid);
		for (int j = 0; j < link->npairs; j++)
			resolve_pair(source, link, &link->pairs[j]);
		check_unique(source, link);
	}
}

/*
 * read_link() reads one pair of columns of a link, but for their numbers, and
 * what else the catalog says of the link.
 */
static void
read_link(CatalogScan *scan, SourceLink *link)
{
	int			part = get_small(scan, "part");
	LinkPair   *pair;
	bool		isnull;

	link->name = catalog_get_text(scan, "link");
	link->relid = DatumGetObjectId(catalog_get(scan, "relation", REGCLASSOID,
											   &isnull));
	link->of = get_small(scan, "of_link");
	pair = &link->pairs[part - 1];
	pair->of_column = catalog_get_text(scan, "of_column");
	pair->to_column = catalog_get_text(scan, "to_column");
	link->npairs = Max(link->npairs, part);
	link->look_up = DatumGetBool(catalog_get(scan, "look_up", BOOLOID,
											 &isnull));
}

/*
 * resolve_pair() finds the columns of a pair, and notes if they are gone or
 * have come to be of different types.
 */
static void
resolve_pair(Source *source, const SourceLink *link, LinkPair *pair)
{
	Oid			of = source_relid(source, link->of);

	pair->of_attno = link_column(source, of, pair->of_column);
	pair->to_attno = link_column(source, link->relid, pair->to_column);
	if (source->missing != NULL)
		return;
	pair->of_type = link_type(of, pair->of_attno);
	pair->to_type = link_type(link->relid, pair->to_attno);
	if (!OidIsValid(pair->of_type) ||
		!link_types_fit(pair->of_type, pair->to_type))
		source->missing = psprintf("the common type of columns \"%s\" and \"%s\"",
								   pair->of_column, pair->to_column);
}

/* link_column() is the number of a link's column, and notes if it is gone. */
static AttrNumber
link_column(Source *source, Oid relid, const char *column)
{
	AttrNumber	attno = get_attnum(relid, column);

	if (attno == InvalidAttrNumber && source->missing == NULL)
		source->missing = get_rel_name(relid) == NULL ?
			pstrdup("a linked table") :
			psprintf("column \"%s\" of linked table \"%s\"", column,
					 get_rel_name(relid));
	return attno;
}

/* check_unique() notes if a linked row is not the only one any more. */
static void
check_unique(Source *source, const SourceLink *link)
{
	if (source->missing != NULL ||
		link_is_unique(link->relid, link_to_columns(link), InvalidOid))
		return;
	source->missing = link->npairs == 1 ?
		psprintf("the unique index on column \"%s\" of \"%s\"",
				 link->pairs[0].to_column, get_rel_name(link->relid)) :
		psprintf("the unique index of link \"%s\" on \"%s\"", link->name,
				 get_rel_name(link->relid));
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

	if (node->op != FILTER_COLUMN)
		return true;
	for (int i = 0; i < source->nlinks; i++)
		if (node->nargs > 0 && strcmp(source->links[i].name, node->text) == 0)
			return false;
	if (source->missing == NULL &&
		get_attnum(source->relid, node->text) == InvalidAttrNumber)
		source->missing = psprintf("column \"%s\"", node->text);
	return true;
}

/*
 * read_column() is the number of the column that the catalog names, and notes
 * if it is gone, or if its values are not stored any more.
 */
static AttrNumber
read_column(Source *source, Oid relid, const char *column)
{
	AttrNumber	attno;

	if (column == NULL)
		return InvalidAttrNumber;
	attno = get_attnum(relid, column);
	if (source->missing != NULL)
		return attno;
	if (attno == InvalidAttrNumber)
		source->missing = get_rel_name(relid) == NULL ?
			pstrdup("the table") : psprintf("column \"%s\"", column);
	else if (get_attgenerated(relid,
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
	Oid			relid = source_relid(source, source->key_link);
	Oid			type;
	int32		typmod;
	Oid			collation;

	if (source->missing != NULL)
		return;
	get_atttypetypmodcoll(relid, source->key_attno, &type, &typmod,
						  &collation);
	if (OidIsValid(collation) && collation != DEFAULT_COLLATION_OID &&
		!get_collation_isdeterministic(collation))
		source->missing =
			psprintf("the deterministic collation of column \"%s\"",
					 get_attname(relid, source->key_attno, false));
}

/* note_unfit() notes that the type of a column has been changed. */
static void
note_unfit(Source *source, Oid relid, AttrNumber attno, Oid type)
{
	if (source->missing != NULL)
		return;
	source->missing = psprintf("column \"%s\"",
							   get_attname(relid, attno, false));
	source->unfit_type = type;
}

/* made_of() says which relations a cached source is made of; see CacheKind. */
static bool
made_of(const void *entry, Oid relid)
{
	const SourceEntry *one = entry;
	ListCell   *lc;

	foreach(lc, one->table->sources)
		if (source_is_made_of(lfirst(lc), relid))
			return true;
	return one->relid == relid || one->population->oid == relid;
}
