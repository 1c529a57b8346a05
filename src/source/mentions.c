/*-------------------------------------------------------------------------
 *
 * mentions.c
 *	  Which columns of tables does a filter over the source's row mention?
 *
 *		order_lines through orders
 *
 *		amount > 10					column amount of order_lines
 *		orders.status = "paid"		column status of orders, which is a link
 *		payload.type = "gift"		column payload of order_lines, and a key
 *
 * Told by the names alone, as the scope of the row tells them (scope.c):
 * nothing is bound, so that a definition can follow a column whose name has
 * changed already.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/lsyscache.h"

#include "base/base.h"
#include "source/source_private.h"

/* A column that is looked for in a row of a source. */
typedef struct Mention
{
	const Source *source;
	const SourceColumn *column;
	bool		found;
} Mention;

/* A source whose filter is compiled with a label. */
typedef struct Labelled
{
	const Source *source;
	FilterLabel label;
} Labelled;

/* our tables that name tables of users */
static const char *const with_tables[] = {"source", "source_link"};

static bool find_mention(const FilterNode *node, void *mention);
static FilterNode *rename_mention(const FilterNode *node, void *mention);
static int	link_of_name(const Source *source, const FilterNode *node);
static bool is_column(const Source *source, int number, const char *name,
					  const SourceColumn *column);
static void rename_in_row(const Population *population, const Source *source,
						  const char *field, const SourceColumn *column);
static void rename_in_links(const Source *source, const SourceColumn *column);
static void rename_in_pair(const Source *source, int number, int part,
						   const SourceColumn *column);
static void rename_in_filter(const Source *source, const SourceColumn *column);
static void write_filter(const Source *source, const FilterNode *filter);
static void bind_with_label(void *labelled);
static void bind_now(void *labelled);

SourceColumn
source_column(const Population *population, Oid relid, const char *name,
			  const char *new_name)
{
	SourceColumn column = {relid, name, new_name, NIL};
	ListCell   *lc;

	foreach(lc, source_names(population))
	{
		const Source *source = source_by_name(population, lfirst(lc));

		if (source != NULL && source_is_made_of(source, relid))
			column.sources = lappend(column.sources,
									 unconstify(Source *, source));
	}
	return column;
}

const Source *
source_of_column(const SourceColumn *column, const char *name)
{
	ListCell   *lc;

	foreach(lc, column->sources)
		if (strcmp(((const Source *) lfirst(lc))->name, name) == 0)
			return lfirst(lc);
	return NULL;
}

List *
source_tables_attached(void)
{
	List	   *tables = NIL;

	for (int i = 0; i < lengthof(with_tables); i++)
	{
		CatalogScan scan;

		catalog_begin(&scan, with_tables[i], NULL);
		while (catalog_next(&scan))
			tables = list_append_unique_oid(tables,
											catalog_get_oid(&scan, "relation",
															REGCLASSOID));
		catalog_end(&scan);
	}
	list_sort(tables, list_oid_cmp);
	return tables;
}

List *
source_tables_among(List *tables)
{
	List	   *attached = source_tables_attached();
	List	   *found = NIL;
	ListCell   *lc;

	foreach(lc, tables)
		if (list_member_oid(attached, lfirst_oid(lc)))
			found = list_append_unique_oid(found, lfirst_oid(lc));
	return found;
}

List *
source_populations(Oid relid)
{
	List	   *names = NIL;

	for (int i = 0; i < lengthof(with_tables); i++)
	{
		CatalogScan scan;

		catalog_begin(&scan, with_tables[i], NULL);
		while (catalog_next(&scan))
			if (catalog_get_oid(&scan, "relation", REGCLASSOID) == relid)
				names = names_add(names, catalog_get_text(&scan,
														  "population"));
		catalog_end(&scan);
	}
	list_sort(names, compare_names);
	return names;
}

bool
source_row_reads(const Source *source, const FilterNode *node,
				 const SourceColumn *column)
{
	Mention		mention = {source, column, false};

	filter_walk(node, find_mention, &mention);
	return mention.found;
}

/* find_mention() notes whether a node is the column.  A FilterVisit. */
static bool
find_mention(const FilterNode *node, void *context)
{
	Mention    *mention = context;
	int			number;

	if (node->op != FILTER_COLUMN)
		return true;
	number = link_of_name(mention->source, node);
	mention->found |= is_column(mention->source, number,
								number == 0 ? node->text : node->args[0]->text,
								mention->column);
	return false;
}

FilterNode *
source_row_rename(const Source *source, const FilterNode *node,
				  const SourceColumn *column)
{
	Mention		mention = {source, column, false};

	return filter_rewrite(node, rename_mention, &mention);
}

/* rename_mention() is the column's node with the new name: a FilterReplace. */
static FilterNode *
rename_mention(const FilterNode *node, void *context)
{
	const Mention *mention = context;
	const SourceColumn *column = mention->column;
	FilterNode *renamed;
	int			number;

	if (node->op != FILTER_COLUMN)
		return NULL;
	number = link_of_name(mention->source, node);
	if (!is_column(mention->source, number,
				   number == 0 ? node->text : node->args[0]->text, column))
		return NULL;
	if (number > 0)
	{
		FilterNode **args = palloc_array(FilterNode *, node->nargs);

		memcpy(args, node->args, sizeof(FilterNode *) * node->nargs);
		args[0] = filter_node_with(args[0]->op, column->new_name,
								   args[0]->location, args[0]->nargs,
								   args[0]->args);
		return filter_node_with(FILTER_COLUMN, node->text, node->location,
								node->nargs, args);
	}
	renamed = filter_node_with(FILTER_COLUMN, column->new_name, node->location,
							   node->nargs, node->args);
	if (link_of_name(mention->source, renamed) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_AMBIGUOUS_COLUMN),
				 errmsg("column \"%s\" cannot be called \"%s\", because source \"%s\" has a link of that name",
						column->name, column->new_name, mention->source->name),
				 errdetail("Its keys, as in %s, would be taken for columns of the linked table.",
						   filter_print(renamed)),
				 errhint("Choose another name.")));
	return renamed;
}

/*
 * link_of_name() is the number of the link whose column a name is; 0 if it is
 * one of the source's own table.
 */
static int
link_of_name(const Source *source, const FilterNode *node)
{
	for (int i = 0; node->nargs > 0 && i < source->nlinks; i++)
		if (strcmp(source->links[i].name, node->text) == 0)
			return i + 1;
	return 0;
}

/* is_column() says whether a name in the row of a link is the column's. */
static bool
is_column(const Source *source, int number, const char *name,
		  const SourceColumn *column)
{
	return name != NULL && source_relid(source, number) == column->relid &&
		(column->name == NULL || strcmp(name, column->name) == 0);
}

const char *
source_needs_column(const Source *source, const SourceColumn *column)
{
	if (is_column(source, source->key_link, source->key, column))
		return "key";
	if (is_column(source, source->at_link, source->at, column))
		return "time";
	for (int i = 0; i < source->nlinks; i++)
	{
		const SourceLink *link = &source->links[i];

		for (int j = 0; j < link->npairs; j++)
			if (is_column(source, link->of, link->pairs[j].of_column,
						  column) ||
				is_column(source, i + 1, link->pairs[j].to_column, column))
				return "link";
	}
	return source->filter != NULL &&
		source_row_reads(source, source->filter, column) ? "filter" : NULL;
}

void
source_rename_column(const Population *population, const SourceColumn *column)
{
	ListCell   *lc;

	foreach(lc, column->sources)
	{
		const Source *source = lfirst(lc);

		if (is_column(source, source->key_link, source->key, column))
			rename_in_row(population, source, "key", column);
		if (is_column(source, source->at_link, source->at, column))
			rename_in_row(population, source, "at", column);
		rename_in_links(source, column);
		if (source->filter != NULL)
			rename_in_filter(source, column);
	}
	population_changed(population);
}

/* rename_in_row() renames the column of the key, or that of the time. */
static void
rename_in_row(const Population *population, const Source *source,
			  const char *field, const SourceColumn *column)
{
	catalog_execute(psprintf("UPDATE segment.source SET %s = $3"
							 " WHERE population = $1 AND source = $2", field),
					3, (Oid[]) {NAMEOID, NAMEOID, NAMEOID},
					(Datum[]) {name_datum(population->name),
							   name_datum(source->name),
							   name_datum(column->new_name)},
					NULL);
}

/* rename_in_links() renames the column where it is one of a link. */
static void
rename_in_links(const Source *source, const SourceColumn *column)
{
	for (int i = 0; i < source->nlinks; i++)
		for (int j = 0; j < source->links[i].npairs; j++)
			rename_in_pair(source, i + 1, j + 1, column);
}

/* rename_in_pair() renames it in one pair of columns. */
static void
rename_in_pair(const Source *source, int number, int part,
			   const SourceColumn *column)
{
	const SourceLink *link = &source->links[number - 1];
	const LinkPair *pair = &link->pairs[part - 1];
	bool		of = is_column(source, link->of, pair->of_column, column);
	bool		to = is_column(source, number, pair->to_column, column);

	if (!of && !to)
		return;
	catalog_execute("UPDATE segment.source_link"
					" SET of_column = $5, to_column = $6"
					" WHERE population = $1 AND source = $2"
					" AND number = $3 AND part = $4",
					6, (Oid[]) {NAMEOID, NAMEOID, INT2OID, INT2OID, NAMEOID,
								NAMEOID},
					(Datum[]) {name_datum(source->population->name),
							   name_datum(source->name),
							   Int16GetDatum(number), Int16GetDatum(part),
							   name_datum(of ? column->new_name :
										  pair->of_column),
							   name_datum(to ? column->new_name :
										  pair->to_column)},
					NULL);
}

/* rename_in_filter() renames the column in the filter of the source. */
static void
rename_in_filter(const Source *source, const SourceColumn *column)
{
	FilterNode *filter;

	if (!source_row_reads(source, source->filter, column))
		return;
	filter = source_row_rename(source, source->filter, column);
	write_filter(source, filter);
}

/* write_filter() writes another filter into the row of a source. */
static void
write_filter(const Source *source, const FilterNode *filter)
{
	catalog_execute("UPDATE segment.source SET filter = $3"
					" WHERE population = $1 AND source = $2",
					3, (Oid[]) {NAMEOID, NAMEOID, catalog_type("filter")},
					(Datum[]) {name_datum(source->population->name),
							   name_datum(source->name),
							   PointerGetDatum(filter_pack(filter))},
					NULL);
}

void
source_relabel(const Population *population, const FilterLabel *label)
{
	ListCell   *lc;

	foreach(lc, source_names(population))
	{
		const Source *source = source_by_name(population, lfirst(lc));
		Labelled	labelled = {source, *label};

		if (source->filter == NULL || source->missing != NULL)
			continue;
		labelled.label.found = NIL;
		(void) attempt(bind_with_label, &labelled);
		if (labelled.label.found != NIL)
			write_filter(source, filter_relabel(source->filter,
												&labelled.label));
	}
	population_changed(population);
}

/* bind_with_label() compiles the filter of a source.  An Attempt. */
static void
bind_with_label(void *labelled)
{
	filter_with_label(&((Labelled *) labelled)->label, bind_now, labelled);
}

static void
bind_now(void *labelled)
{
	(void) source_condition(((const Labelled *) labelled)->source, NULL);
}
